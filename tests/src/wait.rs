//! Waiting for something to become true, never longer than a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine. Tests wait for events; this is for those that
/// never come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at that cannot be waited for.
const POLL: Duration = Duration::from_millis(10);

/// Looks until `look` finds something.
///
/// # Panics
/// When that took longer than [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("waited {PATIENCE:?} for {what}"))
}

/// Looks until `look` finds something, or `None` after `limit`.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::park_timeout(POLL);
    }
}
