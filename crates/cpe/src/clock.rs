//! Time as a device knows it.

use std::time::Duration;

use drover_cwmp::DateTime;
use jiff::civil;
use jiff::tz::Offset;

/// A moment, on the two clocks that a device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Time since the device started. It never jumps; all waiting is reckoned with it.
    pub uptime: Duration,
    /// Absolute time, when it is known. It may jump when a time service sets it.
    pub wall: Option<jiff::Timestamp>,
    /// Offset of local time from UTC at this moment (`TYPE-05`).
    pub offset: Offset,
}

impl Clock {
    /// A clock without absolute time.
    pub const fn relative(uptime: Duration) -> Self {
        Self { uptime, wall: None, offset: Offset::UTC }
    }

    /// A clock with absolute time, shown in UTC.
    pub const fn absolute(uptime: Duration, wall: jiff::Timestamp) -> Self {
        Self { uptime, wall: Some(wall), offset: Offset::UTC }
    }

    /// `Inform.CurrentTime`: local time with its offset (`TYPE-05`), or the time since boot when
    /// the absolute time is not known (`TYPE-04`). Whole seconds.
    pub fn current_time(&self) -> DateTime {
        if let Some(wall) = self.wall
            && let Ok(seconds) = jiff::Timestamp::from_second(wall.as_second())
        {
            return DateTime::from_timestamp(seconds, self.offset);
        }
        let start = civil::DateTime::constant(1, 1, 1, 0, 0, 0, 0);
        let since_boot = Duration::from_secs(self.uptime.as_secs());
        DateTime::new(start.saturating_add(since_boot), None)
    }

    /// Unix seconds at which the uptime was zero; `None` without absolute time. It changes only
    /// when the wall clock is set.
    pub(crate) fn boot_second(&self) -> Option<i64> {
        let uptime = i64::try_from(self.uptime.as_secs()).unwrap_or(i64::MAX);
        self.wall.map(|wall| wall.as_second().saturating_sub(uptime))
    }
}

/// The first moment after `now` that lies a whole number of `interval` away from `reference`, as a
/// wait from `now` on: more than zero and at most `interval` (`CONN-07`).
///
/// Times are nanoseconds on any common scale; an interval of zero counts as one nanosecond.
pub(crate) fn wait_for_phase(reference: i128, interval: i128, now: i128) -> Duration {
    let interval = interval.max(1);
    let wait = match reference.saturating_sub(now).rem_euclid(interval) {
        0 => interval,
        wait => wait,
    };
    Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_05_local_time_with_offset() {
        let wall = jiff::Timestamp::from_nanosecond(1_700_000_000_500_000_000).expect("in range");
        let clock = Clock { offset: Offset::constant(2), ..Clock::absolute(Duration::ZERO, wall) };
        assert_eq!(clock.current_time().to_string(), "2023-11-15T00:13:20+02:00");
    }

    #[test]
    fn type_04_without_absolute_time_it_counts_from_boot() {
        let clock = Clock::relative(Duration::from_millis(93_784_900));
        assert_eq!(clock.current_time().to_string(), "0001-01-02T02:03:04");
        assert!(clock.current_time().is_relative());
    }

    #[test]
    fn conn_07_only_the_phase_matters() {
        let wait = |reference, interval, now| wait_for_phase(reference, interval, now).as_nanos();
        assert_eq!(wait(0, 100, 30), 70);
        assert_eq!(wait(1_000_005, 100, 30), 75);
        assert_eq!(wait(-95, 100, 30), 75);
        assert_eq!(wait(30, 100, 30), 100, "never at once");
        assert_eq!(wait(0, 0, 30), 1);
    }
}
