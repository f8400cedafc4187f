//! How many sessions the server works on at one time, and whose (`ACS-13`).
//!
//! The policy is that of [`drover_provision::admission`]. A session holds its [`Seat`] from its
//! Inform to its end, however it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drover_provision::DeviceKey;
use drover_provision::admission::{Admission, Admitted, Class, Permit};
use jiff::Timestamp;

use crate::config::CwmpConfig;

/// Lets sessions in, or tells when to come again.
#[derive(Debug)]
pub(crate) struct Doors(Mutex<Admission>);

impl Doors {
    pub(crate) fn new(config: &CwmpConfig) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Admission::new(config.admission()))))
    }

    /// Gives a session its seat.
    ///
    /// # Errors
    /// After how long the device should come again.
    pub(crate) fn arrive(
        self: &Arc<Self>,
        class: Class,
        device: &DeviceKey,
        entropy: u64,
    ) -> Result<Seat, Duration> {
        match self.admission().arrive(class, device.digest(), Timestamp::now(), entropy) {
            Admitted::Yes(permit) => {
                Ok(Seat { doors: Arc::clone(self), permit: Some(permit), slowest: Duration::ZERO })
            }
            Admitted::No { retry_after } => Err(retry_after),
        }
    }

    /// Sessions that may be there at one time now, and devices that were put off.
    pub(crate) fn state(&self) -> (u32, usize) {
        let admission = self.admission();
        (admission.limit(), admission.waiting())
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a session, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    doors: Arc<Doors>,
    /// `None` once it was given back.
    permit: Option<Permit>,
    /// The longest that a request of the session took us.
    slowest: Duration,
}

impl Seat {
    /// A request of the session took us this long.
    pub(crate) fn note(&mut self, took: Duration) {
        self.slowest = self.slowest.max(took);
    }

    /// The session has come to its proper end.
    pub(crate) fn done(mut self) {
        if let Some(permit) = self.permit.take() {
            self.doors.admission().done(permit, self.slowest, Timestamp::now());
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.doors.admission().gone(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acs_13_a_seat_is_free_again_however_the_session_ends() {
        let mut config = CwmpConfig::default();
        config.limits.sessions = 2;
        let doors = Doors::new(&config);
        let device = |serial: &str| DeviceKey::new("00D09E", "Test", serial);
        let arrive = |serial: &str| doors.arrive(Class::Periodic, &device(serial), 0);
        let in_service = || doors.admission().in_service();
        let mut first = arrive("1").expect("a seat");
        let retry_after = arrive("2").expect_err("the second seat is for others");
        assert!(retry_after >= Duration::from_secs(5), "{retry_after:?}");
        assert_eq!(in_service(), 1);
        first.note(Duration::from_millis(3));
        first.done();
        assert_eq!(in_service(), 0);
        drop(arrive("2").expect("a seat"));
        assert_eq!(in_service(), 0);
    }
}
