//! Admission: how many sessions the server works on at one time, and whose (`ACS-13`).
//!
//! The server does not queue devices: it takes a session at once or refuses it with 503 and says
//! when to come again. Three rules decide.
//!
//! **How many.** The limit follows the latency of the server's own work, as TCP's window follows
//! losses: while the limit is reached and the latency is below its target, the limit grows by its
//! square root for each round of sessions as many as it allows; a round with too much latency
//! takes three tenths off it. A round is the sessions that began after the last change, so one slow
//! moment counts once.
//!
//! **Whose.** Each class may fill a share of the limit ([`Class::share`]), those that have just
//! started most of it. The last places are left to those that were refused and have waited for
//! [`AdmissionConfig::patience`], whatever they are, so that nobody waits for ever. A device gains
//! nothing by coming more often.
//!
//! **When to come again.** The server knows how many wait and how long a session holds its place,
//! so it knows how long all that wait before a device will take. Devices are spread over that time
//! by the entropy that the caller brings: the longer the queue, the wider the spread. Devices need
//! not heed it (`RETRY-07`), and those that do not are refused again.
//!
//! ```
//! use std::time::Duration;
//! use drover_provision::admission::{Admission, AdmissionConfig, Admitted, Class};
//! use jiff::Timestamp;
//!
//! let mut admission = Admission::new(AdmissionConfig::default());
//! let now = Timestamp::UNIX_EPOCH;
//! // A shell hashes the device's key, or its address where it has not read the Inform yet.
//! match admission.arrive(Class::Boot, 0x5eed, now, 0x0123_4567_89ab_cdef) {
//!     Admitted::Yes(permit) => admission.done(permit, Duration::from_millis(3), now),
//!     Admitted::No { retry_after } => println!("503, Retry-After: {}", retry_after.as_secs()),
//! }
//! ```

#[cfg(test)]
mod tests;

use std::time::Duration;

use drover_cwmp::event::EventCode;
use jiff::Timestamp;

use crate::expiring::{Expiring, later, since};
use crate::limits::{ADMISSION_WAITING_MAX, ADMISSION_WAITING_SECONDS};

/// How a server admits sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionConfig {
    /// Sessions at one time however slow the server is; at least 1.
    pub sessions_min: u32,
    /// Sessions at one time however fast the server is.
    pub sessions_max: u32,
    /// Sessions at one time before anything is known of the latency.
    pub sessions_start: u32,
    /// The latency above which the limit shrinks: the time that the server itself takes for a
    /// request of a session, without the device's.
    pub latency_target: Duration,
    /// The shortest time after which a refused device should come again.
    pub retry_after_min: Duration,
    /// The longest.
    pub retry_after_max: Duration,
    /// How long a device is refused before it comes before all classes.
    pub patience: Duration,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            sessions_min: 4,
            sessions_max: 10_000,
            sessions_start: 256,
            latency_target: Duration::from_millis(500),
            retry_after_min: Duration::from_secs(5),
            retry_after_max: Duration::from_mins(30),
            patience: Duration::from_mins(2),
        }
    }
}

/// What a session is for: who comes first when not all can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// `0 BOOTSTRAP` or `1 BOOT`: the device has just started and may not work yet.
    Boot,
    /// A person or the server waits for it, or something has changed: a connection request, a value
    /// change, the end of a transfer, and all that is neither of the others.
    Event,
    /// Nothing but `2 PERIODIC`, `3 SCHEDULED` or `14 HEARTBEAT`: it can as well come later.
    Periodic,
}

/// Whether a session is taken.
#[derive(Debug)]
#[must_use]
pub enum Admitted {
    /// It is, and holds a place until the permit is given back.
    Yes(Permit),
    /// It is not: answer 503 with this Retry-After.
    No {
        /// When the device should come again.
        retry_after: Duration,
    },
}

/// A place in the server. It is given back with [`Admission::done`] or [`Admission::gone`]; a
/// permit that is dropped keeps its place taken.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    begun: Timestamp,
    /// The change of the limit after which it was given.
    round: u64,
    /// Sessions that were there then, with this one.
    beside: u32,
}

/// Decides which sessions are taken.
#[derive(Debug)]
pub struct Admission {
    config: AdmissionConfig,
    limit: u32,
    in_service: u32,
    /// Sessions that ended well since the limit last grew by one, times what each is worth.
    credit: u32,
    /// Counts the times that the limit has shrunk.
    round: u64,
    /// Whether the limit has been reached since it last changed.
    is_reached: bool,
    /// The smoothed latency; `None` before the first and after each change.
    latency: Option<Duration>,
    /// For how long a session holds its place, smoothed.
    hold: Duration,
    /// The same, shared out among the sessions that were there beside it.
    pace: Option<Duration>,
    waiting: Expiring<u64, Waiting>,
    waiting_by_class: [u32; Class::ALL.len()],
}

/// A device that was refused.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    class: Class,
    since: Timestamp,
}

impl Class {
    /// All, the first first.
    pub const ALL: [Self; 3] = [Self::Boot, Self::Event, Self::Periodic];

    /// The class of a session with these events: that of the one that comes first.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a EventCode>) -> Self {
        let class = |event: &EventCode| match event {
            EventCode::Bootstrap | EventCode::Boot => Self::Boot,
            EventCode::Periodic
            | EventCode::Scheduled
            | EventCode::MScheduleInform
            | EventCode::Heartbeat => Self::Periodic,
            _ => Self::Event,
        };
        events.into_iter().map(class).min().unwrap_or(Self::Event)
    }

    /// The per cent of the limit up to which sessions of this class are taken.
    pub fn share(self) -> u32 {
        match self {
            Self::Boot => 95,
            Self::Event => 85,
            Self::Periodic => 70,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Boot => 0,
            Self::Event => 1,
            Self::Periodic => 2,
        }
    }
}

impl Admission {
    /// A server without sessions. Limits that contradict each other are widened.
    pub fn new(config: AdmissionConfig) -> Self {
        let sessions_min = config.sessions_min.max(1);
        let sessions_max = config.sessions_max.max(sessions_min);
        let retry_after_max = config.retry_after_max.max(config.retry_after_min);
        let limit = config.sessions_start.clamp(sessions_min, sessions_max);
        Self {
            hold: config.latency_target,
            pace: None,
            config: AdmissionConfig { sessions_min, sessions_max, retry_after_max, ..config },
            limit,
            in_service: 0,
            credit: 0,
            round: 0,
            is_reached: false,
            latency: None,
            waiting: Expiring::new(ADMISSION_WAITING_MAX),
            waiting_by_class: [0; Class::ALL.len()],
        }
    }

    /// Takes or refuses a session.
    ///
    /// `device` tells devices apart, such as [`DeviceKey::digest`](crate::DeviceKey::digest).
    /// `entropy` is any number, as random as the spread of devices shall be.
    pub fn arrive(&mut self, class: Class, device: u64, now: Timestamp, entropy: u64) -> Admitted {
        self.forget(now);
        let known = self.waiting.get(&device).copied();
        let has_waited = known.is_some_and(|it| since(it.since, now) >= self.config.patience);
        let share = if has_waited { 100 } else { class.share() };
        if self.in_service < self.places(share) {
            self.stop_waiting(device);
            self.in_service = self.in_service.saturating_add(1);
            self.is_reached |= self.in_service >= self.limit;
            let beside = self.in_service;
            return Admitted::Yes(Permit { begun: now, round: self.round, beside });
        }
        self.is_reached = true;
        let since = known.map_or(now, |known| known.since);
        let retry_after = self.retry_after(class, entropy);
        self.wait(device, Waiting { class, since }, later(now, retry_after));
        Admitted::No { retry_after }
    }

    /// Takes back the permit of a session that has ended. `latency` is the longest time that the
    /// server itself took for one of its requests.
    pub fn done(&mut self, permit: Permit, latency: Duration, now: Timestamp) {
        let Permit { begun, round, beside } = permit;
        self.in_service = self.in_service.saturating_sub(1);
        let hold = since(begun, now);
        self.hold = smooth(self.hold, hold);
        let pace = hold.checked_div(beside).unwrap_or(hold);
        self.pace = Some(self.pace.map_or(pace, |known| smooth(known, pace)));
        // What began before the last change says nothing about it.
        if round == self.round {
            self.latency = Some(self.latency.map_or(latency, |known| smooth(known, latency)));
            self.adapt();
        }
    }

    /// Takes back the permit of a session from which nothing can be learnt: its device went away.
    pub fn gone(&mut self, permit: Permit) {
        drop(permit);
        self.in_service = self.in_service.saturating_sub(1);
    }

    /// Sessions that may be there at one time now.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Sessions that are there.
    pub fn in_service(&self) -> u32 {
        self.in_service
    }

    /// Devices that were refused and are expected again; at most [`ADMISSION_WAITING_MAX`].
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Sessions up to which one with this share is taken; one is always.
    fn places(&self, share: u32) -> u32 {
        let places = u64::from(self.limit).saturating_mul(share.into()) / 100;
        u32::try_from(places).unwrap_or(u32::MAX).max(1)
    }

    fn adapt(&mut self) {
        let is_slow = self.latency.is_some_and(|latency| latency > self.config.latency_target);
        if is_slow {
            let less = u64::from(self.limit).saturating_mul(7) / 10;
            let less = u32::try_from(less).unwrap_or(u32::MAX);
            self.limit = less.max(self.config.sessions_min);
            self.round = self.round.saturating_add(1);
            (self.credit, self.latency, self.is_reached) = (0, None, false);
        } else if self.is_reached && self.limit < self.config.sessions_max {
            self.credit = self.credit.saturating_add(self.limit.isqrt().max(1));
            if self.credit >= self.limit {
                self.credit = self.credit.saturating_sub(self.limit);
                self.limit = self.limit.saturating_add(1);
                self.is_reached = self.in_service >= self.limit;
            }
        }
    }

    /// Anywhere in the time that all who wait before this class will take, as even as the entropy.
    fn retry_after(&self, class: Class, entropy: u64) -> Duration {
        let AdmissionConfig { retry_after_min: min, retry_after_max: max, .. } = self.config;
        let room = max.saturating_sub(min);
        let spread = if self.waiting.is_full() { room } else { self.backlog(class).min(room) };
        // The spread is at least as long as the shortest wait, so that a few do not meet again.
        let spread = spread.max(min.min(room));
        let share = spread.as_nanos().saturating_mul(entropy.into()) >> u64::BITS;
        min.saturating_add(Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX)))
    }

    /// How long the devices that wait before one of this class will take, and a quarter more,
    /// since some come when there is no place.
    fn backlog(&self, class: Class) -> Duration {
        let before = self.waiting_by_class.iter().take(class.index().saturating_add(1));
        let before = before.fold(0_u32, |sum, count| sum.saturating_add(*count));
        let nanos = self.each().as_nanos().saturating_mul(before.into()).saturating_mul(5) / 4;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The time in which a full server is done with one session: the shorter of two guesses. One
    /// is too long while the limit falls, the other while few sessions share the server.
    fn each(&self) -> Duration {
        let shared = self.hold.checked_div(self.limit).unwrap_or(self.hold);
        self.pace.map_or(shared, |pace| pace.min(shared))
    }

    /// Remembers who was refused. When there is no room, those who wait already stay.
    fn wait(&mut self, device: u64, waiting: Waiting, due: Timestamp) {
        self.stop_waiting(device);
        let until = later(due, Duration::from_secs(ADMISSION_WAITING_SECONDS));
        if self.waiting.insert(device, waiting, until) {
            self.count(waiting.class, |count| count.saturating_add(1));
        }
    }

    fn stop_waiting(&mut self, device: u64) {
        if let Some(waiting) = self.waiting.remove(&device) {
            self.count(waiting.class, |count| count.saturating_sub(1));
        }
    }

    /// Forgets those who have not come again.
    fn forget(&mut self, now: Timestamp) {
        while let Some(waiting) = self.waiting.pop(now) {
            self.count(waiting.class, |count| count.saturating_sub(1));
        }
    }

    fn count(&mut self, class: Class, change: impl Fn(u32) -> u32) {
        if let Some(count) = self.waiting_by_class.get_mut(class.index()) {
            *count = change(*count);
        }
    }
}

/// An eighth of the way from what was known to what was seen.
fn smooth(known: Duration, seen: Duration) -> Duration {
    let known = known.saturating_sub(known.checked_div(8).unwrap_or_default());
    known.saturating_add(seen.checked_div(8).unwrap_or_default())
}
