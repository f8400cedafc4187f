//! When a CPE tries again after a failed session (TR-069a6 §3.2.1.1).

use std::time::Duration;

use crate::limits::RETRY_WAIT_SECONDS_MAX;

/// Rows of the retry table; later retries use the last one (`RETRY-02`).
const ROWS: u32 = 10;
const NANOSECONDS: u128 = 1_000_000_000;
/// The largest entropy, which stands for the longest wait of a row.
const ENTROPY_MAX: u128 = 0xffff_ffff_ffff_ffff;

/// The two parameters that shape the retry table (`RETRY-02`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    minimum_wait_interval: u32,
    interval_multiplier: u32,
}

/// A value outside the range that `RETRY-02` gives for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetryPolicyError {
    /// The minimum wait.
    #[error("CWMPRetryMinimumWaitInterval is {0} s; it must be 1 to 65535 s")]
    MinimumWaitInterval(u32),
    /// The multiplier.
    #[error("CWMPRetryIntervalMultiplier is {0}; it must be 1000 to 65535")]
    IntervalMultiplier(u32),
}

impl RetryPolicy {
    /// Takes `CWMPRetryMinimumWaitInterval` (1 to 65535 s) and `CWMPRetryIntervalMultiplier` (1000
    /// to 65535, in thousandths).
    pub fn new(
        minimum_wait_interval: u32,
        interval_multiplier: u32,
    ) -> Result<Self, RetryPolicyError> {
        if !(1..=65_535).contains(&minimum_wait_interval) {
            return Err(RetryPolicyError::MinimumWaitInterval(minimum_wait_interval));
        }
        if !(1_000..=65_535).contains(&interval_multiplier) {
            return Err(RetryPolicyError::IntervalMultiplier(interval_multiplier));
        }
        Ok(Self { minimum_wait_interval, interval_multiplier })
    }

    /// Seconds of the shortest wait.
    pub fn minimum_wait_interval(&self) -> u32 {
        self.minimum_wait_interval
    }

    /// Thousandths by which the wait grows from row to row.
    pub fn interval_multiplier(&self) -> u32 {
        self.interval_multiplier
    }

    /// The shortest and the longest wait before retry `n`, which counts from 1 and uses the last
    /// row from 10 on. Both ends are at most [`RETRY_WAIT_SECONDS_MAX`], which only a multiplier
    /// far beyond the usual reaches.
    pub fn range(&self, n: u32) -> (Duration, Duration) {
        let multiplier = u128::from(self.interval_multiplier);
        let longest = u128::from(RETRY_WAIT_SECONDS_MAX).saturating_mul(NANOSECONDS);
        let grow = |wait: u128| (wait.saturating_mul(multiplier) / 1_000).min(longest);
        let first = u128::from(self.minimum_wait_interval).saturating_mul(NANOSECONDS);
        let low = (1..n.clamp(1, ROWS)).fold(first, |wait, _| grow(wait));
        (from_nanoseconds(low), from_nanoseconds(grow(low)))
    }
}

impl Default for RetryPolicy {
    /// 5 s and factor 2.
    fn default() -> Self {
        Self { minimum_wait_interval: 5, interval_multiplier: 2_000 }
    }
}

/// Counts failed sessions and says how long to wait before the next attempt.
///
/// A new event that needs a session ends the wait at once; that attempt counts like any other
/// (`RETRY-01`). Only [`retry_count`](Self::retry_count) has to be kept over a reboot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionRetry {
    policy: RetryPolicy,
    /// Failed attempts since the last success (`RETRY-04`).
    retry_count: u32,
    /// Row of the table that was used last, 0 before the first retry since boot (`RETRY-03`).
    row: u32,
}

impl SessionRetry {
    /// Continues after a boot with the count that was kept; 0 for a new device.
    pub fn new(policy: RetryPolicy, retry_count: u32) -> Self {
        Self { policy, retry_count, row: 0 }
    }

    /// The session failed: counts it and chooses the time to wait, evenly over the range of the
    /// row by `entropy`, which is any random number (`RETRY-01`).
    pub fn handle_failure(&mut self, entropy: u64) -> Duration {
        self.retry_count = self.retry_count.saturating_add(1);
        self.row = self.row.saturating_add(1).min(ROWS);
        let (low, high) = self.policy.range(self.row);
        let width = high.saturating_sub(low).as_nanos();
        let part = width.saturating_mul(u128::from(entropy)) / ENTROPY_MAX;
        low.saturating_add(from_nanoseconds(part))
    }

    /// The session ended successfully: count and table start anew (`SES-20`).
    pub fn handle_success(&mut self) {
        self.retry_count = 0;
        self.row = 0;
    }

    /// The device rebooted: the table starts anew, the count goes on (`RETRY-03`).
    pub fn handle_boot(&mut self) {
        self.row = 0;
    }

    /// New parameters, for the next wait that is chosen (`RETRY-06`).
    pub fn set_policy(&mut self, policy: RetryPolicy) {
        self.policy = policy;
    }

    /// The `RetryCount` of the next Inform: 0 if and only if the last session succeeded
    /// (`RETRY-04`).
    pub fn retry_count(&self) -> u32 {
        self.retry_count
    }
}

fn from_nanoseconds(nanoseconds: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(low: u64, high: u64) -> (Duration, Duration) {
        (Duration::from_secs(low), Duration::from_secs(high))
    }

    #[test]
    fn retry_02_the_default_table() {
        let policy = RetryPolicy::default();
        let table = [
            seconds(5, 10),
            seconds(10, 20),
            seconds(20, 40),
            seconds(40, 80),
            seconds(80, 160),
            seconds(160, 320),
            seconds(320, 640),
            seconds(640, 1280),
            seconds(1280, 2560),
            seconds(2560, 5120),
            seconds(2560, 5120),
        ];
        for (n, expected) in (1..).zip(table) {
            assert_eq!(policy.range(n), expected, "retry {n}");
        }
        assert_eq!(policy.range(u32::MAX), seconds(2560, 5120));
        assert_eq!(policy.range(0), policy.range(1));
    }

    #[test]
    fn retry_02_broken_multipliers_and_extremes() {
        let policy = RetryPolicy::new(1, 1_500).unwrap();
        let (low, high) = policy.range(3);
        assert_eq!((low, high), (Duration::from_millis(2_250), Duration::from_millis(3_375)));
        assert_eq!(RetryPolicy::new(7, 1_000).unwrap().range(10), seconds(7, 7));
        let longest = seconds(RETRY_WAIT_SECONDS_MAX, RETRY_WAIT_SECONDS_MAX);
        assert_eq!(RetryPolicy::new(65_535, 65_535).unwrap().range(10), longest);
    }

    #[test]
    fn values_outside_their_range_are_refused() {
        for (m, k) in [(1, 1_000), (65_535, 65_535)] {
            let policy = RetryPolicy::new(m, k).unwrap();
            assert_eq!((policy.minimum_wait_interval(), policy.interval_multiplier()), (m, k));
        }
        for m in [0, 65_536] {
            let error = RetryPolicy::new(m, 2_000).unwrap_err();
            assert_eq!(error, RetryPolicyError::MinimumWaitInterval(m));
            assert!(error.to_string().contains("must be 1 to 65535 s"));
        }
        for k in [999, 65_536] {
            let error = RetryPolicy::new(5, k).unwrap_err();
            assert_eq!(error, RetryPolicyError::IntervalMultiplier(k));
        }
    }

    #[test]
    fn transcript_of_failures_a_reboot_new_parameters_and_a_success() {
        let mut retry = SessionRetry::default();
        let secs = Duration::from_secs;
        assert_eq!(retry.retry_count(), 0);
        assert_eq!(retry.handle_failure(0), secs(5));
        assert_eq!(retry.handle_failure(u64::MAX), secs(20));
        assert_eq!(retry.handle_failure(0), secs(20));
        assert_eq!(retry.retry_count(), 3);
        // RETRY-03: the table starts again, the count does not.
        retry.handle_boot();
        assert_eq!(retry.handle_failure(0), secs(5));
        assert_eq!(retry.retry_count(), 4);
        // The same from a state file.
        let mut kept = SessionRetry::new(RetryPolicy::default(), retry.retry_count());
        assert_eq!(kept.handle_failure(0), secs(5));
        assert_eq!(kept.retry_count(), 5);
        // RETRY-06.
        retry.set_policy(RetryPolicy::new(1, 3_000).unwrap());
        assert_eq!(retry.handle_failure(0), secs(3));
        retry.handle_success();
        assert_eq!(retry.retry_count(), 0);
        assert_eq!(retry.handle_failure(0), secs(1));
    }

    #[test]
    fn retry_02_later_failures_stay_in_the_last_row() {
        let mut retry = SessionRetry::new(RetryPolicy::default(), u32::MAX);
        let waits: Vec<u64> = (0..12).map(|_| retry.handle_failure(0).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 2560, 2560]);
        assert_eq!(retry.retry_count(), u32::MAX, "the count does not wrap to success");
    }

    proptest! {
        #[test]
        fn every_wait_is_in_the_range_of_its_row(
            m in 1_u32..=65_535,
            k in 1_000_u32..=65_535,
            entropies in prop::collection::vec(any::<u64>(), 1..15),
        ) {
            let policy = RetryPolicy::new(m, k).unwrap();
            let mut retry = SessionRetry::new(policy, 0);
            let mut previous_high = Duration::from_secs(u64::from(m));
            for (n, entropy) in (1..).zip(entropies) {
                let wait = retry.handle_failure(entropy);
                let (low, high) = policy.range(n);
                prop_assert!(low <= wait && wait <= high, "{low:?} {wait:?} {high:?}");
                prop_assert_eq!(retry.retry_count(), n);
                if n <= ROWS {
                    prop_assert_eq!(low, previous_high, "rows adjoin");
                    previous_high = high;
                }
            }
        }

        #[test]
        fn the_wait_grows_evenly_with_the_entropy(a in any::<u64>(), b in any::<u64>()) {
            let wait = |entropy| SessionRetry::default().handle_failure(entropy);
            prop_assert_eq!(a <= b || wait(a) >= wait(b), true);
            let middle = wait(u64::MAX / 2).as_millis();
            prop_assert!((7_499..=7_500).contains(&middle));
        }
    }
}
