//! Local time, its zone, and whether somebody keeps the clock right.

use std::fmt;
use std::path::Path;

use jiff::tz::Offset;
use jiff::{Timestamp, Zoned};

use crate::linux::files::read_bytes;

/// A moment in the zone of the box.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalTime {
    /// The moment.
    pub timestamp: Timestamp,
    /// The offset of local time from UTC at that moment, daylight saving included.
    pub offset: Offset,
}

/// The present moment in the zone of the box (`TZ`, else `/etc/localtime`, else UTC).
pub fn local_time() -> LocalTime {
    let now = Zoned::now();
    LocalTime { timestamp: now.timestamp(), offset: now.offset() }
}

impl fmt::Display for LocalTime {
    /// `2026-11-23T01:02:03+01:00`, in whole seconds (TYPE-05).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.offset.to_datetime(self.timestamp);
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.unsigned_abs() / 60;
        write!(formatter, "{}{sign}", civil.strftime("%Y-%m-%dT%H:%M:%S"))?;
        write!(formatter, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// The rule of the local zone in the form of POSIX `TZ`, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
///
/// It is the last line of the compiled zone (RFC 9636 §3.3). A box without a zone is in UTC.
pub fn posix_time_zone() -> String {
    let zone = read_bytes("/etc/localtime").unwrap_or_default();
    zone_footer(&zone).unwrap_or_else(|| "UTC0".to_owned())
}

fn zone_footer(zone: &[u8]) -> Option<String> {
    if !zone.starts_with(b"TZif") {
        return None;
    }
    let body = zone.strip_suffix(b"\n")?;
    let footer = body.rsplit(|byte| *byte == b'\n').next()?;
    let footer = str::from_utf8(footer).ok()?;
    (!footer.is_empty()).then(|| footer.to_owned())
}

/// Whether the clock is kept by a time service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClockSync {
    /// The time service reports a synchronised clock.
    Synchronized,
    /// A time service runs, but has not said that the clock is right.
    Unsynchronized,
    /// No known time service runs.
    NoService,
}

/// Asks the marks that time services leave in `/run`.
pub fn time_sync() -> ClockSync {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return ClockSync::Synchronized;
    }
    const SERVICES: [&str; 4] =
        ["/run/systemd/timesync", "/run/chrony", "/run/ntpd.pid", "/run/ntpsec"];
    match SERVICES.iter().any(|mark| Path::new(mark).exists()) {
        true => ClockSync::Unsynchronized,
        false => ClockSync::NoService,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn offset_follows_daylight_saving() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at = |seconds| {
            let moment = Timestamp::from_second(seconds).unwrap();
            LocalTime { timestamp: moment, offset: zone.to_offset(moment) }.to_string()
        };
        assert_eq!(at(1_700_000_000), "2023-11-14T23:13:20+01:00");
        let west = LocalTime { timestamp: Timestamp::UNIX_EPOCH, offset: Offset::constant(-5) };
        assert_eq!(west.to_string(), "1969-12-31T19:00:00-05:00");
        assert_eq!(at(1_720_000_000), "2024-07-03T11:46:40+02:00");
    }

    #[test]
    fn local_time_agrees_with_date() {
        let output = std::process::Command::new("date").arg("+%s %:z").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (seconds, offset) = text.trim().split_once(' ').unwrap();
        let now = local_time();
        assert!((now.timestamp.as_second() - seconds.parse::<i64>().unwrap()).abs() <= 2);
        assert!(now.to_string().ends_with(offset), "{now} {offset}");
    }

    #[test]
    fn footer_of_a_compiled_zone() {
        assert_eq!(zone_footer(b"TZif2...\nbin\nCET-1CEST\n").unwrap(), "CET-1CEST");
        assert_eq!(zone_footer(b"TZif2...\n\n"), None);
        assert_eq!(zone_footer(b"not a zone\nUTC0\n"), None);
        assert_eq!(zone_footer(b""), None);
    }
}
