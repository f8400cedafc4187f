//! Reaching a device: by which way a connection request goes, how often, and when to give up.
//!
//! A device can be asked for a session by HTTP (`CR-02`), by UDP through a NAT (`STUN-12`) and by
//! XMPP (`XMPP-03`); which of them it offers stands in its record ([`Offers`]). Which of them works
//! is learnt: each has a score, which a session that was asked for raises and a failure lowers, and
//! the best comes first. A new device is asked as its addresses suggest, by UDP first behind a NAT.
//!
//! A [`Reach`] reaches one device. It lives for as long as somebody waits for the device, and its
//! [`History`] is what remains: 48 bytes, which a store keeps with the device. Whoever wants the
//! device meanwhile joins the requests under way (quirk 32: one at a time).
//!
//! A way that failed is not tried again for a while, longer after each failure; one that refused
//! our credentials for longer, since only other credentials help. When no way is left, the answer
//! is the reason of last time, at once. All is forgiven when a session begins, for whatever reason,
//! except wrong credentials. A failure says nothing about success (`CR-11`): a session that comes
//! counts, whatever the answer was.
//!
//! What happens in which order:
//!
//! ```
//! use drover_provision::reachability::{
//!     Action, History, Offers, Outcome, Reach, ReachConfig, Wanted,
//! };
//! use jiff::Timestamp;
//!
//! let now = Timestamp::UNIX_EPOCH;
//! let offers = Offers { http: Some("http://192.0.2.1:7547/x".into()), ..Offers::default() };
//! let mut reach = Reach::new(ReachConfig::default(), offers, History::default());
//! assert_eq!(reach.wanted(now), Wanted::Begun);
//! assert_eq!(reach.wanted(now), Wanted::Joined);
//! // Poll until there is nothing to do, and again at `next_wake` and after all that happens.
//! let Some(Action::Send(attempt)) = reach.poll(now) else { panic!() };
//! assert_eq!((attempt.address.as_str(), reach.poll(now)), ("http://192.0.2.1:7547/x", None));
//! reach.outcome(attempt.number, Outcome::Accepted, now);
//! // The Inform comes, with `6 CONNECTION REQUEST`.
//! reach.session_began(true);
//! assert_eq!(reach.poll(now), Some(Action::Reached));
//! assert!(reach.is_idle());
//! // Save `reach.history()` with the device.
//! ```

mod history;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

pub use history::{History, MethodHistory, Unreachable};

use crate::expiring::{later, since};
use crate::limits::{REACH_ATTEMPTS_MAX, REACH_METHOD_ATTEMPTS_MAX};
use crate::record::DeviceRecord;

/// A way to ask a device for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// HTTP GET with digest (`CR-02`, `CR-12`).
    Http,
    /// Datagrams to the address that the device's NAT shows (`STUN-12`, `STUN-13`). They are not
    /// answered (`STUN-14`).
    Udp,
    /// A stanza to the device's Jabber ID (`XMPP-03`).
    Xmpp,
}

/// The ways that a device offers, with their addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offers {
    /// `ConnectionRequestURL`.
    pub http: Option<String>,
    /// `UDPConnectionRequestAddress`, with or without a port (`STUN-01`).
    pub udp: Option<String>,
    /// `ConnReqJabberID`.
    pub xmpp: Option<String>,
    /// `NATDetected`: it is hardly reached by HTTP.
    pub is_behind_nat: bool,
}

/// How devices are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachConfig {
    /// How long an attempt may take before it counts as unanswered. A shell has a limit of its own;
    /// this one is for attempts whose outcome never comes.
    pub answer_max: Duration,
    /// How long a session may take to begin after the device has accepted (`CR-07`: 30 seconds).
    pub session_max: Duration,
    /// How long it may take after datagrams, which nobody answers.
    pub udp_session_max: Duration,
    /// How long a device that is busy is left alone.
    pub busy_pause: Duration,
    /// How long a way is not tried after its first failure. It doubles with each further one.
    pub pause_min: Duration,
    /// The longest such time.
    pub pause_max: Duration,
    /// How long a way is not tried that refuses our credentials, or cannot be tried at all.
    pub refused_pause: Duration,
}

impl Default for ReachConfig {
    fn default() -> Self {
        Self {
            answer_max: Duration::from_secs(10),
            session_max: Duration::from_secs(30),
            udp_session_max: Duration::from_secs(10),
            busy_pause: Duration::from_secs(5),
            pause_min: Duration::from_secs(10),
            pause_max: Duration::from_mins(5),
            refused_pause: Duration::from_mins(10),
        }
    }
}

/// What became of the wish for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Wanted {
    /// The device is going to be asked.
    Begun,
    /// It is being asked already.
    Joined,
    /// It is not asked: no way is left.
    Not {
        /// Why not, or why not last time.
        reason: Unreachable,
        /// When to try again; `None` when it takes another address.
        until: Option<Timestamp>,
    },
}

/// What a shell does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send a connection request, and tell its [`Reach::outcome`].
    Send(Attempt),
    /// Tell those who wait that the session has begun.
    Reached,
    /// Tell those who wait that there will be none.
    GiveUp(Unreachable),
}

/// A connection request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Tells it apart from others of the same [`Reach`].
    pub number: u32,
    /// By which way.
    pub method: Method,
    /// Where to.
    pub address: String,
}

/// What became of a connection request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The device has accepted it (`CR-06`, `XMPP-05`).
    Accepted,
    /// It is on its way, and nobody says whether it arrived (`STUN-14`).
    Sent,
    /// The device was not reached, or has refused.
    Failed(Unreachable),
}

/// Reaches one device.
#[derive(Debug)]
pub struct Reach {
    config: ReachConfig,
    offers: Offers,
    history: History,
    /// The number of the last attempt.
    number: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nobody waits.
    Idle,
    /// The device is being asked.
    Asking(Tries, Phase),
    /// A session has begun; those who wait are to be told.
    Reached,
}

/// What was tried since somebody began to wait.
#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    /// Attempts by each way.
    attempts: [u8; Method::ALL.len()],
    /// The reason that says most.
    reason: Option<Unreachable>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The next way is to be chosen.
    Choosing(Timestamp),
    /// A request is under way.
    Sending(Method, Pause),
    /// The device should begin a session. The reason is why it does not, if it does not.
    Expecting(Method, Pause, Unreachable),
    /// The device is busy, and is asked again then.
    Leaving(Method, Pause),
}

/// A while that passes.
#[derive(Debug, Clone, Copy)]
struct Pause {
    begun: Timestamp,
    length: Duration,
}

impl Pause {
    fn end(self) -> Timestamp {
        later(self.begun, self.length)
    }

    /// Whether it is over. It also is when the clock goes back by more than its length, so that
    /// nobody waits for the clock to catch up.
    fn is_over(self, now: Timestamp) -> bool {
        now >= self.end() || since(now, self.begun) > self.length
    }
}

impl Method {
    /// All.
    pub const ALL: [Self; 3] = [Self::Http, Self::Udp, Self::Xmpp];

    fn index(self) -> usize {
        match self {
            Self::Http => 0,
            Self::Udp => 1,
            Self::Xmpp => 2,
        }
    }
}

impl Offers {
    /// What a device offers, as far as it is known. UDP needs STUN, without which the address is
    /// one behind the NAT (`STUN-03`).
    pub fn of(record: &DeviceRecord) -> Self {
        let text = |name| record.management_server(name).map(str::trim);
        let address = |name| text(name).filter(|it| !it.is_empty()).map(str::to_owned);
        let flag = |name| text(name).map(|it| it == "1" || it.eq_ignore_ascii_case("true"));
        let is_on = |name| flag(name).unwrap_or(true);
        Self {
            http: address("ConnectionRequestURL").filter(|_| is_on("HTTPConnectionRequestEnable")),
            udp: address("UDPConnectionRequestAddress").filter(|_| is_on("STUNEnable")),
            xmpp: address("ConnReqJabberID"),
            is_behind_nat: flag("NATDetected").unwrap_or(false),
        }
    }

    /// The address of a way, when it is offered.
    pub fn address(&self, method: Method) -> Option<&str> {
        match method {
            Method::Http => self.http.as_deref(),
            Method::Udp => self.udp.as_deref(),
            Method::Xmpp => self.xmpp.as_deref(),
        }
    }

    /// What a way is worth before anything was learnt.
    fn prior(&self, method: Method) -> u16 {
        match method {
            Method::Http if self.is_behind_nat => 0,
            Method::Udp if !self.is_behind_nat => 0,
            Method::Xmpp => 32,
            Method::Http | Method::Udp => 48,
        }
    }
}

impl Reach {
    /// A device for which nobody waits yet. What was learnt of an address that the device no longer
    /// has is forgotten.
    pub fn new(config: ReachConfig, offers: Offers, history: History) -> Self {
        let mut reach = Self { config, offers, history, number: 0, state: State::Idle };
        reach.forget_old_addresses();
        reach
    }

    /// What was learnt, to be kept.
    pub fn history(&self) -> History {
        self.history
    }

    /// Whether nobody waits, so that only [`history`](Self::history) needs to be kept.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// The device offers other ways from now on.
    pub fn set_offers(&mut self, offers: Offers) {
        self.offers = offers;
        self.forget_old_addresses();
    }

    /// The device has other credentials for connection requests: what refused the old ones can be
    /// tried again.
    pub fn credentials_changed(&mut self) {
        self.history.each(|way| {
            if way.reason.is_some_and(Unreachable::is_refusal) {
                way.forgive();
            }
        });
    }

    /// Somebody wants a session of the device.
    pub fn wanted(&mut self, now: Timestamp) -> Wanted {
        match self.state {
            State::Asking(..) | State::Reached => Wanted::Joined,
            State::Idle if self.best(&Tries::default(), now).is_some() => {
                self.state = State::Asking(Tries::default(), Phase::Choosing(now));
                Wanted::Begun
            }
            State::Idle => self.why_not(now),
        }
    }

    /// What is to be done now; to be asked until there is nothing.
    pub fn poll(&mut self, now: Timestamp) -> Option<Action> {
        if let State::Reached = self.state {
            self.state = State::Idle;
            return Some(Action::Reached);
        }
        // Each turn uses up an attempt or ends.
        for _ in 0..=REACH_ATTEMPTS_MAX {
            let State::Asking(tries, phase) = self.state else { return None };
            match phase {
                Phase::Choosing(_) => match self.best(&tries, now) {
                    Some(method) => return self.send(tries, method, now),
                    None => {
                        self.state = State::Idle;
                        return Some(Action::GiveUp(tries.reason.unwrap_or(Unreachable::Offline)));
                    }
                },
                Phase::Leaving(method, pause) if pause.is_over(now) => {
                    return self.send(tries, method, now);
                }
                Phase::Sending(method, pause) if pause.is_over(now) => {
                    self.fail(tries, method, Unreachable::Offline, now);
                }
                Phase::Expecting(method, pause, reason) if pause.is_over(now) => {
                    self.fail(tries, method, reason, now);
                }
                Phase::Leaving(..) | Phase::Sending(..) | Phase::Expecting(..) => return None,
            }
        }
        None
    }

    /// When [`poll`](Self::poll) has something to do if nothing happens before.
    pub fn next_wake(&self) -> Option<Timestamp> {
        match self.state {
            State::Idle => None,
            State::Reached => Some(Timestamp::MIN),
            State::Asking(_, phase) => Some(match phase {
                Phase::Choosing(since) => since,
                Phase::Sending(_, pause)
                | Phase::Expecting(_, pause, _)
                | Phase::Leaving(_, pause) => pause.end(),
            }),
        }
    }

    /// Takes what became of an attempt. One that is not expected any more changes nothing.
    pub fn outcome(&mut self, number: u32, outcome: Outcome, now: Timestamp) {
        let State::Asking(tries, Phase::Sending(method, _)) = self.state else { return };
        if number != self.number {
            return;
        }
        let expect = |length, reason| {
            State::Asking(tries, Phase::Expecting(method, Pause { begun: now, length }, reason))
        };
        match outcome {
            Outcome::Accepted => {
                self.state = expect(self.config.session_max, Unreachable::NoSession);
            }
            Outcome::Sent => {
                self.state = expect(self.config.udp_session_max, Unreachable::Offline);
            }
            Outcome::Failed(Unreachable::Busy) => self.leave(tries, method, now),
            // That is not the device's fault.
            Outcome::Failed(Unreachable::NotSent) => {
                self.choose_again(tries, Unreachable::NotSent, now);
            }
            Outcome::Failed(reason) => self.fail(tries, method, reason, now),
        }
    }

    /// A session of the device has begun; `is_asked_for` when it has the event
    /// `6 CONNECTION REQUEST`, which speaks for the way that was tried last.
    pub fn session_began(&mut self, is_asked_for: bool) {
        self.history.each(|way| {
            if !way.reason.is_some_and(Unreachable::is_refusal) {
                way.forgive();
            }
        });
        let State::Asking(_, phase) = self.state else { return };
        if let Some(method) = phase.method().filter(|_| is_asked_for) {
            self.history.way_mut(method).succeeded();
        }
        self.state = State::Reached;
    }

    /// The best way that can be tried now.
    fn best(&self, tries: &Tries, now: Timestamp) -> Option<Method> {
        let is_left = |method: &Method| {
            let way = self.history.way(*method);
            self.offers.address(*method).is_some()
                && tries.of(*method) == 0
                && way.pause(now, self.longest_pause()).is_none()
        };
        let worth = |method: &Method| {
            u16::from(self.history.way(*method).score).saturating_add(self.offers.prior(*method))
        };
        // Of equal ones the first; `max_by_key` would take the last.
        Method::ALL.into_iter().rev().filter(is_left).max_by_key(worth)
    }

    fn send(&mut self, mut tries: Tries, method: Method, now: Timestamp) -> Option<Action> {
        let address = self.offers.address(method).unwrap_or_default().to_owned();
        tries.count(method);
        self.number = self.number.wrapping_add(1);
        let pause = Pause { begun: now, length: self.config.answer_max };
        self.state = State::Asking(tries, Phase::Sending(method, pause));
        Some(Action::Send(Attempt { number: self.number, method, address }))
    }

    /// A way has failed: the next one is chosen.
    fn fail(&mut self, tries: Tries, method: Method, reason: Unreachable, now: Timestamp) {
        self.history.way_mut(method).failed(reason, &self.config, now);
        self.choose_again(tries, reason, now);
    }

    fn choose_again(&mut self, mut tries: Tries, reason: Unreachable, now: Timestamp) {
        tries.note(reason);
        self.state = State::Asking(tries, Phase::Choosing(now));
    }

    /// The device is busy: it is left alone for a while, unless it was asked often enough
    /// (`CR-09`, `CR-11`).
    fn leave(&mut self, mut tries: Tries, method: Method, now: Timestamp) {
        if !tries.may_repeat(method) {
            return self.choose_again(tries, Unreachable::Busy, now);
        }
        tries.note(Unreachable::Busy);
        let pause = Pause { begun: now, length: self.config.busy_pause };
        self.state = State::Asking(tries, Phase::Leaving(method, pause));
    }

    /// Why no way is left.
    fn why_not(&self, now: Timestamp) -> Wanted {
        let offered = Method::ALL.into_iter().filter(|it| self.offers.address(*it).is_some());
        let ways: Vec<MethodHistory> = offered.map(|it| self.history.way(it)).collect();
        let reasons = ways.iter().filter_map(|way| way.reason);
        let reason = reasons.max_by_key(|reason| reason.weight());
        let pauses = ways.iter().filter_map(|way| way.pause(now, self.longest_pause()));
        Wanted::Not {
            reason: reason.unwrap_or(Unreachable::NoAddress),
            until: pauses.min().map(|pause| later(now, pause)),
        }
    }

    fn longest_pause(&self) -> Duration {
        self.config.pause_max.max(self.config.refused_pause)
    }

    fn forget_old_addresses(&mut self) {
        for method in Method::ALL {
            if let Some(address) = self.offers.address(method) {
                self.history.way_mut(method).set_address(address);
            }
        }
    }
}

impl Tries {
    fn of(&self, method: Method) -> u8 {
        self.attempts.get(method.index()).copied().unwrap_or_default()
    }

    fn count(&mut self, method: Method) {
        if let Some(attempts) = self.attempts.get_mut(method.index()) {
            *attempts = attempts.saturating_add(1);
        }
    }

    fn may_repeat(&self, method: Method) -> bool {
        let all = self.attempts.iter().fold(0_u8, |sum, attempts| sum.saturating_add(*attempts));
        self.of(method) < REACH_METHOD_ATTEMPTS_MAX && all < REACH_ATTEMPTS_MAX
    }

    fn note(&mut self, reason: Unreachable) {
        self.reason = self.reason.into_iter().chain([reason]).max_by_key(|it| it.weight());
    }
}

impl Phase {
    /// The way that was tried last.
    fn method(self) -> Option<Method> {
        match self {
            Self::Choosing(_) => None,
            Self::Sending(method, _) | Self::Expecting(method, ..) | Self::Leaving(method, _) => {
                Some(method)
            }
        }
    }
}
