//! `dateTime` values (TR-106 §3.2.2, `TYPE-03` to `TYPE-05`).

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::Offset;

/// A date and time with or without an offset from UTC.
///
/// Without an offset it is either local time or, when the year is below 1000, a time since boot
/// counted from 0001-01-01T00:00:00 (`TYPE-04`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    civil: civil::DateTime,
    offset: Option<Offset>,
}

impl DateTime {
    /// `0001-01-01T00:00:00Z`: the time is not known (`TYPE-04`).
    pub const UNKNOWN: Self =
        Self { civil: civil::DateTime::constant(1, 1, 1, 0, 0, 0, 0), offset: Some(Offset::UTC) };

    /// `9999-12-31T23:59:59Z`: never (`TYPE-04`).
    pub const INFINITE: Self = Self {
        civil: civil::DateTime::constant(9999, 12, 31, 23, 59, 59, 0),
        offset: Some(Offset::UTC),
    };

    /// A civil time with its offset from UTC, `None` for local time.
    pub const fn new(civil: civil::DateTime, offset: Option<Offset>) -> Self {
        Self { civil, offset }
    }

    /// The instant, shown in the given offset (`TYPE-05` asks for local time with its offset).
    pub fn from_timestamp(timestamp: jiff::Timestamp, offset: Offset) -> Self {
        Self { civil: offset.to_datetime(timestamp), offset: Some(offset) }
    }

    /// The instant, or `None` for a time without offset and for the unknown time.
    pub fn timestamp(&self) -> Option<jiff::Timestamp> {
        if self.is_unknown() {
            return None;
        }
        self.offset?.to_timestamp(self.civil).ok()
    }

    /// The civil part.
    pub const fn civil(&self) -> civil::DateTime {
        self.civil
    }

    /// The offset from UTC, where there is one.
    pub const fn offset(&self) -> Option<Offset> {
        self.offset
    }

    /// Whether this is the unknown time.
    pub fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }

    /// Whether this counts from the last boot (`TYPE-04`).
    pub fn is_relative(&self) -> bool {
        self.offset.is_none() && self.civil.year() < 1000
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.civil)?;
        match self.offset {
            None => Ok(()),
            Some(offset) if offset == Offset::UTC => f.write_str("Z"),
            Some(offset) => {
                let minutes = offset.seconds() / 60;
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

/// The text is not a `dateTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a dateTime such as 2026-11-22T13:19:28Z")]
pub struct NotADateTime;

impl FromStr for DateTime {
    type Err = NotADateTime;

    /// Reads the lexical forms of XML Schema: any fraction of a second, `Z`, an offset or neither
    /// (`LEN-17`: negative years are refused).
    fn from_str(text: &str) -> Result<Self, NotADateTime> {
        let text = text.trim();
        if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.contains(['T', 't', ' ']) {
            return Err(NotADateTime);
        }
        let (civil, offset) = split_offset(text)?;
        // Other separators and annotations that jiff reads are not XML Schema.
        if !civil.bytes().all(|b| b.is_ascii_digit() || b"-:.Tt ".contains(&b)) {
            return Err(NotADateTime);
        }
        let civil = civil.parse().map_err(|_| NotADateTime)?;
        Ok(Self { civil, offset })
    }
}

fn split_offset(text: &str) -> Result<(&str, Option<Offset>), NotADateTime> {
    if let Some(civil) = text.strip_suffix(['Z', 'z']) {
        return Ok((civil, Some(Offset::UTC)));
    }
    let Some((civil, zone)) = text.split_at_checked(text.len().saturating_sub(6)) else {
        return Ok((text, None));
    };
    let sign = match zone.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') if zone.contains(':') => -1,
        _ => return Ok((text, None)),
    };
    let (hours, minutes) =
        zone.get(1..).and_then(|zone| zone.split_once(':')).ok_or(NotADateTime)?;
    let number = |digits: &str| match digits.len() {
        2 => digits.parse::<u8>().map(i32::from).map_err(|_| NotADateTime),
        _ => Err(NotADateTime),
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 14 || minutes > 59 {
        return Err(NotADateTime);
    }
    let seconds = hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60));
    let offset = Offset::from_seconds(seconds.saturating_mul(sign)).map_err(|_| NotADateTime)?;
    Ok((civil, Some(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, printed: &str) {
        let parsed: DateTime = text.parse().expect(text);
        assert_eq!(parsed.to_string(), printed, "{text}");
    }

    #[test]
    fn type_03_forms_of_utc_and_offsets() {
        check("2026-11-22T13:19:28.083Z", "2026-11-22T13:19:28.083Z");
        check("2026-11-22T13:19:28+00:00", "2026-11-22T13:19:28Z");
        check("2026-11-22T13:19:28-00:00", "2026-11-22T13:19:28Z");
        check("2024-05-01T12:00:00+02:00", "2024-05-01T12:00:00+02:00");
        check("2024-05-01T12:00:00-09:30", "2024-05-01T12:00:00-09:30");
        check(" 2024-05-01T12:00:00 ", "2024-05-01T12:00:00");
    }

    #[test]
    fn type_04_unknown_relative_and_infinite() {
        assert!("0001-01-01T00:00:00Z".parse::<DateTime>().expect("unknown").is_unknown());
        assert!("0001-01-01T00:00:00+00:00".parse::<DateTime>().expect("unknown").is_unknown());
        assert!("0001-01-03T04:05:06".parse::<DateTime>().expect("relative").is_relative());
        assert_eq!("9999-12-31T23:59:59Z".parse(), Ok(DateTime::INFINITE));
        assert_eq!(DateTime::UNKNOWN.timestamp(), None);
    }

    #[test]
    fn refuses_what_is_no_date_time() {
        for text in [
            "",
            "-0001-01-01T00:00:00Z",
            "now",
            "2024-05-01",
            "2024-13-01T00:00:00Z",
            "2024-05-01T12:00:00+25:00",
            "2024-05-01T12:00:00+1:000",
            "+02:00",
            "Z",
            "é",
        ] {
            assert_eq!(text.parse::<DateTime>(), Err(NotADateTime), "{text:?}");
        }
    }

    #[test]
    fn an_instant_survives_the_round_trip() {
        let now = jiff::Timestamp::from_second(1_700_000_000).expect("in range");
        let shown = DateTime::from_timestamp(now, Offset::constant(2));
        assert_eq!(shown.to_string(), "2023-11-15T00:13:20+02:00");
        assert_eq!(shown.timestamp(), Some(now));
    }
}
