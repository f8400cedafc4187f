//! Local time, its zone, and whether somebody keeps the clock right.

use std::path::Path;

use jiff::Zoned;

use crate::linux::files::read_bytes;

/// A moment in the zone of the box.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalTime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_seconds: i64,
    /// `2026-11-23T01:02:03+01:00`: local time with the offset of that moment (TYPE-05).
    pub text: String,
}

/// The present moment in the zone of the box (`TZ`, else `/etc/localtime`, else UTC).
pub fn local_time() -> LocalTime {
    from_zoned(&Zoned::now())
}

fn from_zoned(now: &Zoned) -> LocalTime {
    LocalTime {
        unix_seconds: now.timestamp().as_second(),
        text: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
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
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn offset_follows_daylight_saving() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at = |seconds| {
            let moment = Timestamp::from_second(seconds).unwrap();
            from_zoned(&moment.to_zoned(zone.clone())).text
        };
        assert_eq!(at(1_700_000_000), "2023-11-14T23:13:20+01:00");
        assert_eq!(at(1_720_000_000), "2024-07-03T11:46:40+02:00");
    }

    #[test]
    fn local_time_agrees_with_date() {
        let output = std::process::Command::new("date").arg("+%s %:z").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (seconds, offset) = text.trim().split_once(' ').unwrap();
        let now = local_time();
        assert!((now.unix_seconds - seconds.parse::<i64>().unwrap()).abs() <= 2);
        assert!(now.text.ends_with(offset), "{} {offset}", now.text);
    }

    #[test]
    fn footer_of_a_compiled_zone() {
        assert_eq!(zone_footer(b"TZif2...\nbin\nCET-1CEST\n").unwrap(), "CET-1CEST");
        assert_eq!(zone_footer(b"TZif2...\n\n"), None);
        assert_eq!(zone_footer(b"not a zone\nUTC0\n"), None);
        assert_eq!(zone_footer(b""), None);
    }
}
