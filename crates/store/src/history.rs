//! What is kept of the past, and for how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

/// How much of the past is kept. What is older is removed in small steps, with the saves that
/// come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Sessions of one device with their traces; 0 keeps none.
    pub sessions_per_device: u32,
    /// Age of a session, from its end.
    pub session_age: Duration,
    /// Bytes of all traces in the database.
    pub session_bytes: u64,
    /// Values of one watched parameter of one device that are kept one by one. Older ones are
    /// merged by hours.
    pub points: u32,
    /// Hours of one watched parameter of one device. Older ones are merged by days.
    pub hours: u32,
    /// Days of one watched parameter of one device. Older ones are removed.
    pub days: u32,
    /// Snapshots of one device; 0 keeps none.
    pub snapshots: u32,
}

impl Default for Retention {
    /// 20 sessions a device for 30 days in 1 GiB; of watched parameters 288 values (a day, at one
    /// in five minutes), then hours for two weeks, then days for two years; 5 snapshots.
    fn default() -> Self {
        Self {
            sessions_per_device: 20,
            session_age: Duration::from_secs(30 * 24 * 60 * 60),
            session_bytes: 1024 * 1024 * 1024,
            points: 288,
            hours: 14 * 24,
            days: 2 * 365,
            snapshots: 5,
        }
    }
}

/// Where a page of sessions ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceCursor(pub(crate) i64);

/// A snapshot of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotId(pub(crate) i64);

/// The text does not say which session or snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the number of a session or snapshot, such as a list of them tells")]
pub struct NotANumber;

impl fmt::Display for TraceCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TraceCursor {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        text.parse().map(Self).map_err(|_| NotANumber)
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SnapshotId {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        text.parse().map(Self).map_err(|_| NotANumber)
    }
}

/// What there is to know of a snapshot before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Which one.
    pub id: SnapshotId,
    /// Until when the device was like this.
    pub until: Timestamp,
}

/// One or more values of a watched parameter of a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When the value was learnt, or when the hour or day began.
    pub time: Timestamp,
    /// For how long it stands.
    pub step: Step,
    /// The least value.
    pub least: f64,
    /// The greatest value.
    pub most: f64,
    /// The mean of the values.
    pub mean: f64,
    /// The last value.
    pub last: f64,
    /// How many values there were.
    pub count: u32,
}

/// How long a point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// It is one value.
    Each,
    /// The values of one hour (UTC).
    Hour,
    /// The values of one day (UTC).
    Day,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_from_their_text() {
        assert_eq!(TraceCursor(7).to_string().parse(), Ok(TraceCursor(7)));
        assert_eq!(SnapshotId(7).to_string().parse(), Ok(SnapshotId(7)));
        for text in ["", "x", "1 ", "99999999999999999999"] {
            assert_eq!(text.parse::<TraceCursor>(), Err(NotANumber), "{text}");
            assert_eq!(text.parse::<SnapshotId>(), Err(NotANumber), "{text}");
        }
    }
}
