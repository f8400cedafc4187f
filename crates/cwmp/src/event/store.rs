//! The CPE's events that were not delivered yet.

use super::{DeliveredBy, Event, EventCode, EventRetry};
use crate::limits::{COMMAND_KEY_CHARS_MAX, MULTIPLE_EVENTS_MAX};

/// Events on their way to the ACS, with the rules of TR-069a6 §3.7.1.5 for when they leave.
///
/// [`add`](Self::add) what happens. [`freeze`](Self::freeze) the list when an Inform is built, and
/// report what follows with the `handle_` methods. Only frozen events count as delivered by the
/// InformResponse: what happens later waits for the next Inform (`SES-15`).
///
/// There is never more in it than fits into one Inform: the numbered events merge, and of all
/// others there are at most [`MULTIPLE_EVENTS_MAX`].
#[derive(Debug, Clone, Default)]
pub struct EventStore {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    event: Event,
    /// Part of the Inform of the present session.
    frozen: bool,
    /// Was part of some Inform.
    tried: bool,
}

impl Entry {
    fn new(event: Event) -> Self {
        Self { event, frozen: false, tried: false }
    }
}

/// What became of an event that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Added {
    /// It waits for the next Inform.
    New,
    /// It is a single event that waits already (`EVT-03`).
    Merged,
    /// There is no room for another event of its kind, and it is lost. Ask
    /// [`EventStore::has_room`] before accepting the RPC that leads to it.
    Refused,
}

impl EventStore {
    /// The store as it was at [`snapshot`](Self::snapshot). Events beyond its capacity are dropped.
    /// After a reboot, call [`handle_reboot`](Self::handle_reboot) next.
    pub fn restore(events: impl IntoIterator<Item = Event>) -> Self {
        let mut store = Self::default();
        for event in events {
            let _ = store.insert(event);
        }
        store
    }

    /// Notes that something happened. `command_key` is kept for `M` events only (`EVT-02`), up to
    /// the length of `EVT-01`.
    ///
    /// `0 BOOTSTRAP` discards all others but a `1 BOOT` that no Inform has carried yet: that one
    /// belongs to the same start (`EVT-05`, `EVT-08`). Whoever keeps a list of changed parameters
    /// clears it when [`contains`](Self::contains) no longer finds `4 VALUE CHANGE` (`EVT-13`).
    pub fn add(&mut self, code: EventCode, command_key: &str) -> Added {
        if code == EventCode::Bootstrap {
            self.entries.retain(|entry| match entry.event.code {
                EventCode::Boot => !entry.tried,
                EventCode::Bootstrap => !entry.frozen,
                _ => false,
            });
        }
        self.insert(Event { code, command_key: command_key.to_owned() })
    }

    /// The event list of a new Inform, in the order of the table, at most
    /// [`EVENTS_MAX`](crate::limits::EVENTS_MAX). These events are now frozen.
    ///
    /// `14 HEARTBEAT` is left for a later Inform of its own while anything else waits (`HBT-02`).
    pub fn freeze(&mut self) -> Vec<Event> {
        self.thaw();
        let is_heartbeat = |entry: &Entry| entry.event.code == EventCode::Heartbeat;
        let heartbeat_only = self.entries.iter().all(is_heartbeat);
        let due = self.entries.iter_mut().filter(|entry| heartbeat_only || !is_heartbeat(entry));
        let mut list: Vec<Event> = due
            .map(|entry| {
                (entry.frozen, entry.tried) = (true, true);
                entry.event.clone()
            })
            .collect();
        list.sort_by_key(|event| event.code.rank());
        list
    }

    /// InformResponse came: the frozen events that it delivers leave (`EVT-04`).
    pub fn handle_inform_response(&mut self) {
        self.entries.retain(|Entry { event, frozen, .. }| {
            let delivers = matches!(
                event.code.delivered_by(),
                DeliveredBy::InformResponse | DeliveredBy::Vendor
            );
            !(*frozen && delivers)
        });
    }

    /// The response to another request of the CPE came, without fault; `command_key` is that of
    /// the request, empty if it has none.
    ///
    /// A completed transfer takes away its own `M` event, and `7 TRANSFER COMPLETE` goes with the
    /// last of them (`EVT-07`); likewise for `M ChangeDUState`. The other events go at once, so for
    /// one that stands for several requests report the last response only.
    pub fn handle_response(&mut self, delivered_by: DeliveredBy, command_key: &str) {
        let key = clip(command_key);
        let is_delivered = |event: &Event| event.code.delivered_by() == delivered_by;
        let is_multiple = |event: &Event| is_delivered(event) && event.code.is_multiple();
        let is_single = |event: &Event| is_delivered(event) && !event.code.is_multiple();
        match delivered_by {
            DeliveredBy::InformResponse | DeliveredBy::Vendor => self.handle_inform_response(),
            DeliveredBy::TransferCompleteResponse | DeliveredBy::DuStateChangeCompleteResponse => {
                self.remove_one(|event| is_multiple(event) && event.command_key == key);
                if !self.entries.iter().any(|entry| is_multiple(&entry.event)) {
                    self.entries.retain(|entry| !is_single(&entry.event));
                }
            }
            _ => self.remove_one(is_single),
        }
    }

    /// The session ended well. What it did not deliver, say because the ACS answered a
    /// TransferComplete with a fault (`MRB-03`), waits for the next.
    pub fn handle_session_success(&mut self) {
        self.thaw();
    }

    /// The session failed: frozen events that are not to be tried again leave (`EVT-05`).
    pub fn handle_session_failed(&mut self) {
        self.entries.retain(|entry| !(entry.frozen && entry.event.code.retry() == EventRetry::No));
        self.thaw();
    }

    /// The device rebooted: only events that outlive that stay (`EVT-05`).
    pub fn handle_reboot(&mut self) {
        self.entries.retain(|entry| outlives_reboot(&entry.event.code));
        self.thaw();
    }

    /// What to write down, to go on from with [`restore`](Self::restore): all events but those
    /// that are never tried again.
    pub fn snapshot(&self) -> Vec<Event> {
        let mut copy = self.clone();
        copy.thaw();
        let events = copy.entries.into_iter().map(|entry| entry.event);
        events.filter(|event| event.code.retry() != EventRetry::No).collect()
    }

    /// Whether nothing waits that the present session, if there is one, did not carry already.
    pub fn is_empty(&self) -> bool {
        self.pending().next().is_none()
    }

    /// The events that wait for the next Inform, in the order they happened. The frozen ones come
    /// back when their session ends without having delivered them.
    pub fn pending(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter().filter(|entry| !entry.frozen).map(|entry| &entry.event)
    }

    /// Whether an event with this code is undelivered, frozen or not.
    pub fn contains(&self, code: &EventCode) -> bool {
        self.entries.iter().any(|entry| entry.event.code == *code)
    }

    /// Whether another `M` or vendor event can be added. If not, an RPC that would end in one is
    /// best refused with fault 9004.
    pub fn has_room(&self) -> bool {
        let unnumbered = self.entries.iter().filter(|entry| !is_numbered(&entry.event.code));
        unnumbered.count() < MULTIPLE_EVENTS_MAX
    }

    fn insert(&mut self, mut event: Event) -> Added {
        let is_multiple = event.code.is_multiple();
        event.command_key =
            if is_multiple { clip(&event.command_key).to_owned() } else { String::new() };
        if !is_multiple && self.pending().any(|waiting| waiting.code == event.code) {
            return Added::Merged;
        }
        if !is_numbered(&event.code) && !self.has_room() {
            return Added::Refused;
        }
        self.entries.push(Entry::new(event));
        Added::New
    }

    /// Unfreezes all, and merges single events that happened again while they were frozen.
    fn thaw(&mut self) {
        let mut thawed: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for mut entry in self.entries.drain(..) {
            let code = &entry.event.code;
            let is_known = |other: &Entry| !code.is_multiple() && other.event.code == *code;
            if !thawed.iter().any(is_known) {
                entry.frozen = false;
                thawed.push(entry);
            }
        }
        self.entries = thawed;
    }

    /// Removes the first such event, a frozen one rather than one that happened since.
    fn remove_one(&mut self, is_it: impl Fn(&Event) -> bool) {
        let frozen = self.entries.iter().position(|entry| entry.frozen && is_it(&entry.event));
        let any = || self.entries.iter().position(|entry| is_it(&entry.event));
        if let Some(index) = frozen.or_else(any) {
            self.entries.remove(index);
        }
    }
}

fn outlives_reboot(code: &EventCode) -> bool {
    match code.retry() {
        EventRetry::Keep | EventRetry::Vendor => true,
        EventRetry::Boot | EventRetry::May | EventRetry::No => false,
    }
}

/// One of the fifteen single events of the standard, which need no limit.
fn is_numbered(code: &EventCode) -> bool {
    code.row().is_some() && !code.is_multiple()
}

fn clip(key: &str) -> &str {
    match key.char_indices().nth(COMMAND_KEY_CHARS_MAX) {
        Some((end, _)) => key.get(..end).unwrap_or_default(),
        None => key,
    }
}
