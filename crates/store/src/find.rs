//! Searching for devices.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use drover_provision::DeviceRecord;
use drover_provision::expression::Expression;
use jiff::Timestamp;

use crate::limits::PAGE_DEVICES_MAX;

/// Which devices to find, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceQuery {
    /// Only those for which this is true, as [`DeviceView`] shows them; none means all.
    ///
    /// [`DeviceView`]: drover_provision::view::DeviceView
    pub filter: Option<Expression>,
    /// What `NOW()` is in the filter.
    pub now: Timestamp,
    /// In which order they come.
    pub sort_by: SortBy,
    /// Whether the last come first.
    pub descending: bool,
    /// Only those behind the end of another page.
    pub after: Option<DeviceCursor>,
    /// Devices of a page, at most [`PAGE_DEVICES_MAX`].
    pub limit: usize,
    /// Whether every record may be read, where the filter names parameters without an index.
    pub allow_scan: bool,
    /// For how long it may search.
    pub time_limit: Duration,
}

impl DeviceQuery {
    /// All devices that a filter lets through: by key, as many as a page has, by a scan if need
    /// be, in ten seconds.
    pub const fn new(filter: Option<Expression>, now: Timestamp) -> Self {
        Self {
            filter,
            now,
            sort_by: SortBy::Key,
            descending: false,
            after: None,
            limit: PAGE_DEVICES_MAX,
            allow_scan: true,
            time_limit: Duration::from_secs(10),
        }
    }
}

/// What devices are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortBy {
    /// Their key.
    #[default]
    Key,
    /// When the last Inform came. A device that informs in the meantime moves, and may come on two
    /// pages or on none.
    LastInform,
    /// When the first Inform came.
    Registered,
}

/// A page of devices.
#[derive(Debug, Clone, PartialEq)]
pub struct DevicePage {
    /// The devices.
    pub devices: Vec<DeviceRecord>,
    /// Where the next page begins; `None` when there are no more devices.
    pub next: Option<DeviceCursor>,
    /// Whether every record had to be read: an index would help.
    pub is_scan: bool,
}

/// How many devices there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub number: u64,
    /// Whether every record had to be read: an index would help.
    pub is_scan: bool,
}

/// Where a page of devices ended. Its text can be given to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCursor(pub(crate) Position);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    Key(String),
    /// Microseconds, and the number of the device.
    Time(i64, i64),
}

impl fmt::Display for DeviceCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Position::Key(key) => write!(f, "key:{key}"),
            Position::Time(time, device) => write!(f, "time:{time}:{device}"),
        }
    }
}

/// The text is not where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not where a page of devices ended: begin with the first page")]
pub struct NotADeviceCursor;

impl FromStr for DeviceCursor {
    type Err = NotADeviceCursor;

    fn from_str(text: &str) -> Result<Self, NotADeviceCursor> {
        let position = match text.split_once(':') {
            Some(("key", key)) => Some(Position::Key(key.to_owned())),
            Some(("time", rest)) => rest.split_once(':').and_then(|(time, device)| {
                Some(Position::Time(time.parse().ok()?, device.parse().ok()?))
            }),
            _ => None,
        };
        position.map(Self).ok_or(NotADeviceCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        for position in [Position::Key("00D09E-a:b".to_owned()), Position::Time(-5, 7)] {
            let cursor = DeviceCursor(position);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "key", "time:1", "time:1:x", "other:1"] {
            assert_eq!(text.parse::<DeviceCursor>(), Err(NotADeviceCursor), "{text}");
        }
    }
}
