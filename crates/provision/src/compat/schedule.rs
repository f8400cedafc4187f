//! When something that repeats is due on a device: an offset of its own spreads a fleet.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use md5::{Digest, Md5};

use super::cron::{Cron, NoSuchTime};

/// The milliseconds by which a device is ahead of a schedule, from 0 to just below `variance`.
///
/// Without a positive variance there is none: not a number, as in JavaScript.
pub fn device_offset(device_id: &str, variance: f64) -> f64 {
    f64::from(hash(device_id)) % variance
}

/// The last multiple of `interval` at or before `now`, both in milliseconds, shifted by the
/// device's offset: what `Date.now(interval, variance)` gives a script.
///
/// The variance is the interval when nobody tells another, and zero gives no shift.
pub fn last_interval(now: f64, interval: f64, variance: Option<f64>, device_id: &str) -> f64 {
    let offset = shift(device_id, variance.unwrap_or(interval));
    ((now + offset) / interval).floor() * interval - offset
}

/// The last time of a cron schedule at or before `now`, shifted by the device's offset: what
/// `Date.now("cron", variance)` gives a script.
///
/// # Errors
/// [`NoSuchTime`] when the schedule has no such time within a century.
pub fn last_scheduled(
    now: Timestamp,
    cron: &Cron,
    variance: Option<f64>,
    device_id: &str,
    zone: &TimeZone,
) -> Result<Timestamp, NoSuchTime> {
    let offset = whole_milliseconds(shift(device_id, variance.unwrap_or(0.0)));
    let shifted = move_by(now, offset).ok_or(NoSuchTime)?;
    let hit = cron.previous(shifted, zone)?;
    move_by(hit, offset.saturating_neg()).ok_or(NoSuchTime)
}

/// Zero is a variance that shifts nothing, although no number is below it.
fn shift(device_id: &str, variance: f64) -> f64 {
    if variance == 0.0 { 0.0 } else { device_offset(device_id, variance) }
}

fn hash(device_id: &str) -> u32 {
    let digest = Md5::digest(device_id.as_bytes());
    let words = digest.chunks_exact(4).filter_map(|word| word.try_into().ok());
    words.map(u32::from_le_bytes).fold(0, |hash, word| hash ^ word)
}

fn move_by(time: Timestamp, milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(time.as_millisecond().checked_add(milliseconds)?).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "an offset is below 2^32, or not a number")]
fn whole_milliseconds(offset: f64) -> i64 {
    offset as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "202BC1-BM632w-000000";
    const NOW: f64 = 1_700_000_000_000.0;

    #[test]
    fn the_variance_is_the_interval_unless_told() {
        let hour = 3_600_000.0;
        assert_eq!(last_interval(NOW, hour, None, ID), last_interval(NOW, hour, Some(hour), ID));
        assert_eq!(last_interval(NOW, hour, Some(0.0), ID) % hour, 0.0);
        assert!(device_offset(ID, 1.0) < 1.0);
    }

    #[test]
    fn an_interval_of_zero_is_no_time() {
        assert!(last_interval(NOW, 0.0, None, ID).is_nan());
        assert!(last_interval(NOW, f64::NAN, None, ID).is_nan());
        assert!(device_offset(ID, 0.0).is_nan());
    }

    #[test]
    fn a_cron_time_moves_ahead_by_the_offset() {
        let cron = Cron::parse("0 3 * * *").unwrap();
        let at = |now, variance| {
            let now = Timestamp::from_millisecond(now).unwrap();
            let hit = last_scheduled(now, &cron, variance, ID, &TimeZone::UTC).unwrap();
            hit.as_millisecond()
        };
        let exact = at(1_700_000_000_000, None);
        assert_eq!(exact, 1_699_930_800_000);
        let shifted = at(1_700_000_000_000, Some(3_600_000.0));
        assert_eq!(shifted, exact - 2_224_625);
        assert_eq!(at(shifted, Some(3_600_000.0)), shifted);
        assert_eq!(at(shifted - 1, Some(3_600_000.0)), shifted - 86_400_000);
    }
}
