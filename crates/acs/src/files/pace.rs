//! How fast files leave the server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Spreads the bytes of all transfers over time, in turn.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    /// When the line is free again.
    free: Mutex<Instant>,
}

impl Pace {
    /// 0 is no limit.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, free: Mutex::new(Instant::now()) }
    }

    /// Waits until these bytes may be sent.
    pub(super) async fn take(&self, bytes: usize) {
        if self.bytes_per_second > 0 {
            sleep_until(self.turn(bytes, Instant::now())).await;
        }
    }

    fn turn(&self, bytes: usize, now: Instant) -> Instant {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*free).max(now);
        *free = turn + Duration::from_nanos(nanos);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_take_turns() {
        let pace = Pace::new(1000);
        let now = Instant::now() + Duration::from_secs(1);
        let after = |turn: Instant| turn.duration_since(now).as_millis();
        assert_eq!(after(pace.turn(500, now)), 0);
        assert_eq!(after(pace.turn(250, now)), 500);
        assert_eq!(after(pace.turn(1, now)), 750);
        let later = now + Duration::from_secs(9);
        assert_eq!(after(pace.turn(1, later)), 9000, "what was not used is not saved up");
    }
}
