//! The open sessions: found by cookie, by connection and by device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drover_provision::{DeviceKey, Session};
use tokio::sync::watch;
use tokio::time::Instant;

use super::admission::Seat;
use super::replay::LastReply;
use crate::entropy::Token;
use crate::limits::SESSION_SECONDS_MIN;

/// All open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
    max: usize,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<Token, Arc<Slot>>,
    devices: HashMap<DeviceKey, Token>,
    watched: HashMap<DeviceKey, watch::Sender<Presence>>,
}

/// One open session. Its requests need no further credentials (quirk 12).
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its cookie.
    pub(crate) token: Token,
    /// The session itself, `None` once it is over. Locked while a request is answered.
    pub(crate) live: Arc<tokio::sync::Mutex<Option<Live>>>,
    state: Mutex<SlotState>,
}

/// A session that waits for its next request.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) session: Session,
    /// What came last and what was answered.
    pub(crate) last: LastReply,
}

#[derive(Debug)]
struct SlotState {
    /// When the session has failed unless a request comes.
    expiry: Instant,
    /// Requests that are being received.
    arriving: usize,
    device: Option<DeviceKey>,
    /// Its place among the sessions that the server works on.
    seat: Option<Seat>,
}

/// A request of a session is being received, which may take longer than its timeout.
#[derive(Debug)]
pub(crate) struct Arriving(Arc<Slot>);

impl Drop for Arriving {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.arriving -= 1;
        // The rest of the time is short at worst, and an answer sets it anew.
        state.expiry = state.expiry.max(Instant::now() + ARRIVED_GRACE);
    }
}

/// The time that a session has at least after a request failed to come in whole.
const ARRIVED_GRACE: Duration = Duration::from_secs(SESSION_SECONDS_MIN);

/// What a watcher of a device gets to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Presence {
    /// Sessions that began since somebody watches.
    pub(crate) begun: u64,
    /// Whether one is open.
    pub(crate) is_open: bool,
}

/// There is no room for another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sessions")]
pub(crate) struct Full;

impl Slot {
    /// A session that has not begun yet.
    pub(crate) fn new(token: Token) -> Arc<Self> {
        let expiry = Instant::now() + ARRIVED_GRACE;
        let state = SlotState { expiry, arriving: 0, device: None, seat: None };
        Arc::new(Self { token, live: Arc::default(), state: Mutex::new(state) })
    }

    /// The session waits for its next request for as long as `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) {
        self.state().expiry = Instant::now() + timeout;
    }

    /// Whether the Inform of a device was taken.
    pub(crate) fn has_begun(&self) -> bool {
        self.state().device.is_some()
    }

    /// Whether it has a seat already.
    pub(crate) fn is_seated(&self) -> bool {
        self.state().seat.is_some()
    }

    pub(crate) fn sit(&self, seat: Seat) {
        self.state().seat = Some(seat);
    }

    /// Gives up its seat, for another session or for good.
    pub(crate) fn stand(&self) -> Option<Seat> {
        self.state().seat.take()
    }

    /// A request of the session took us this long.
    pub(crate) fn note(&self, took: Duration) {
        if let Some(seat) = &mut self.state().seat {
            seat.note(took);
        }
    }

    /// The session does not expire as long as the result lives.
    pub(crate) fn arriving(self: &Arc<Self>) -> Arriving {
        self.state().arriving += 1;
        Arriving(Arc::clone(self))
    }

    /// Whether the session has waited too long for its next request. While a request is answered,
    /// the session is locked besides.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        let state = self.state();
        state.arriving == 0 && state.expiry <= now
    }

    /// The device, once its Inform came.
    pub(crate) fn device(&self) -> Option<DeviceKey> {
        self.state().device.clone()
    }

    fn state(&self) -> MutexGuard<'_, SlotState> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    pub(crate) fn new(max: usize) -> Self {
        Self { table: Mutex::default(), max }
    }

    /// The open session with this cookie.
    pub(crate) fn find(&self, token: Token) -> Option<Arc<Slot>> {
        self.table().open.get(&token).cloned()
    }

    /// The open session of a device.
    pub(crate) fn find_device(&self, device: &DeviceKey) -> Option<Arc<Slot>> {
        let table = self.table();
        table.open.get(table.devices.get(device)?).cloned()
    }

    /// Adds the session of a device, and returns the one that it replaces (`ACS-11`).
    pub(crate) fn open(
        &self,
        device: &DeviceKey,
        slot: &Arc<Slot>,
    ) -> Result<Option<Arc<Slot>>, Full> {
        let mut table = self.table();
        let replaced = table.devices.get(device).copied().filter(|token| *token != slot.token);
        let is_new = !table.open.contains_key(&slot.token);
        if is_new && replaced.is_none() && table.open.len() >= self.max {
            return Err(Full);
        }
        let replaced = replaced.and_then(|token| table.open.remove(&token));
        table.open.insert(slot.token, Arc::clone(slot));
        table.devices.insert(device.clone(), slot.token);
        slot.state().device = Some(device.clone());
        table.tell(device, |presence| {
            presence.begun += 1;
            presence.is_open = true;
        });
        Ok(replaced)
    }

    /// Removes a session that is over.
    pub(crate) fn close(&self, slot: &Slot) {
        let mut table = self.table();
        table.open.remove(&slot.token);
        let Some(device) = slot.device() else { return };
        if table.devices.get(&device) == Some(&slot.token) {
            table.devices.remove(&device);
            table.tell(&device, |presence| presence.is_open = false);
        }
    }

    /// The sessions that have waited too long (`ACS-08`).
    pub(crate) fn expired(&self, now: Instant) -> Vec<Arc<Slot>> {
        let table = self.table();
        table.open.values().filter(|slot| slot.is_expired(now)).cloned().collect()
    }

    /// All open sessions.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.table().open.values().cloned().collect()
    }

    /// How many sessions are open.
    pub(crate) fn count(&self) -> usize {
        self.table().open.len()
    }

    /// Tells when sessions of a device begin and end.
    pub(crate) fn watch(&self, device: &DeviceKey) -> watch::Receiver<Presence> {
        let mut table = self.table();
        let is_open = table.devices.contains_key(device);
        table.watched.retain(|_, sender| sender.receiver_count() > 0);
        let presence = Presence { begun: 0, is_open };
        let sender = table.watched.entry(device.clone());
        sender.or_insert_with(|| watch::Sender::new(presence)).subscribe()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code panics while it holds the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn tell(&self, device: &DeviceKey, change: impl FnOnce(&mut Presence)) {
        if let Some(sender) = self.watched.get(device) {
            sender.send_modify(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy;

    fn slot() -> Arc<Slot> {
        Slot::new(entropy::token().expect("randomness"))
    }

    fn device(serial: &str) -> DeviceKey {
        DeviceKey::new("00D09E", "Test", serial)
    }

    #[test]
    fn acs_11_a_new_session_replaces_the_old_one() {
        let sessions = Sessions::new(1);
        let (first, second) = (slot(), slot());
        assert!(sessions.open(&device("1"), &first).expect("room").is_none());
        let replaced = sessions.open(&device("1"), &second).expect("takes the old one's room");
        assert_eq!(replaced.map(|slot| slot.token), Some(first.token));
        assert!(sessions.find(first.token).is_none());
        sessions.close(&first);
        assert!(sessions.find_device(&device("1")).is_some(), "the old one closes itself only");
        assert_eq!(sessions.open(&device("2"), &slot()).err(), Some(Full));
        sessions.close(&second);
        assert!(sessions.find_device(&device("1")).is_none() && sessions.count() == 0);
    }

    #[test]
    fn acs_08_only_waiting_sessions_expire() {
        let sessions = Sessions::new(9);
        let slot = slot();
        sessions.open(&device("1"), &slot).expect("room");
        slot.wait(Duration::from_secs(60));
        let later = Instant::now() + Duration::from_secs(61);
        assert!(sessions.expired(Instant::now()).is_empty());
        assert_eq!(sessions.expired(later).len(), 1);
        let arriving = slot.arriving();
        assert!(sessions.expired(later).is_empty(), "a request is coming in");
        drop(arriving);
        assert_eq!(sessions.expired(later).len(), 1);
    }

    #[test]
    fn watchers_hear_of_their_device_only() {
        let sessions = Sessions::new(9);
        let mut watch = sessions.watch(&device("1"));
        assert_eq!(*watch.borrow_and_update(), Presence::default());
        let (one, two) = (slot(), slot());
        sessions.open(&device("2"), &two).expect("room");
        assert!(!watch.has_changed().expect("the table lives"));
        sessions.open(&device("1"), &one).expect("room");
        assert_eq!(*watch.borrow_and_update(), Presence { begun: 1, is_open: true });
        sessions.close(&one);
        assert_eq!(*watch.borrow_and_update(), Presence { begun: 1, is_open: false });
    }
}
