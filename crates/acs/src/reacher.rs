//! Reaching devices: each is asked by the ways that it offers, one after the other, by the machine
//! of `provision`; whoever else wants the device meanwhile joins in.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drover_cwmp::auth::Credentials;
use drover_cwmp::stun::connection_request;
use drover_provision::reachability::{
    Action, Attempt, History, Method, Offers, Outcome, Reach, ReachConfig, Unreachable, Wanted,
};
use drover_provision::{DeviceKey, DeviceRecord};
use jiff::Timestamp;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::debug;

use crate::connection_request::{ConnectionRequestError, ConnectionRequester};
use crate::entropy;
use crate::limits::{REACHED_DEVICES_MAX, UDP_COPIES, UDP_PORT};
use crate::meters::{Event, Meters};

/// What those who wait get to know: nothing yet, that the device was asked, or why it was not.
type Answer = Option<Result<(), String>>;

/// Asks devices for sessions.
#[derive(Debug)]
pub(crate) struct Reacher {
    http: ConnectionRequester,
    /// From which datagrams go; that of the STUN server, where there is one (`STUN-11`).
    udp: Arc<UdpSocket>,
    /// For devices whose own ones are not known.
    credentials: Credentials,
    config: ReachConfig,
    devices: Mutex<HashMap<DeviceKey, Arc<Entry>>>,
    meters: Arc<Meters>,
}

/// One device.
#[derive(Debug)]
struct Entry {
    state: Mutex<State>,
    /// Something has happened to the device that is being asked.
    happened: Notify,
}

#[derive(Debug)]
struct State {
    reach: Reach,
    answer: watch::Sender<Answer>,
    /// A digest of the credentials that were used last.
    credentials: u64,
    /// Counts those who have carried out what `reach` wants: only the last does.
    turn: u64,
    /// What the last failed attempt said, in more words than its reason.
    failure: Option<(Unreachable, String)>,
}

impl Reacher {
    pub(crate) fn new(
        http: ConnectionRequester,
        udp: Arc<UdpSocket>,
        credentials: Credentials,
        meters: Arc<Meters>,
    ) -> Self {
        let (config, devices) = (ReachConfig::default(), Mutex::default());
        Self { http, udp, credentials, config, devices, meters }
    }

    /// Asks a device for a session; returns when it was asked, or why it was not.
    pub(crate) async fn ask(self: &Arc<Self>, record: &DeviceRecord) -> Result<(), String> {
        let own = record.connection_request_credentials();
        let credentials = own.unwrap_or_else(|| self.credentials.clone());
        let offers = Offers::of(record);
        let entry = self.entry(&record.key, &offers);
        let (wanted, mut answer, turn) = {
            let mut state = entry.state();
            state.reach.set_offers(offers);
            let digest = digest(&credentials);
            if state.credentials != digest {
                state.credentials = digest;
                state.reach.credentials_changed();
            }
            let wanted = state.reach.wanted(Timestamp::now());
            if wanted == Wanted::Begun {
                state.answer = watch::Sender::new(None);
                state.turn += 1;
            }
            (wanted, state.answer.subscribe(), state.turn)
        };
        match wanted {
            Wanted::Begun => {
                let (reacher, key) = (Arc::clone(self), record.key.clone());
                tokio::spawn(async move { reacher.drive(&key, &entry, turn, credentials).await });
            }
            Wanted::Joined => {}
            Wanted::Not { reason, .. } => {
                self.meters.count(Event::ConnectionRequestFailed);
                return Err(entry.state().text(reason));
            }
        }
        let answered = answer.wait_for(Option::is_some).await;
        let answered = answered.ok().and_then(|answer| answer.clone());
        answered.unwrap_or_else(|| Err(Unreachable::NotSent.to_string()))
    }

    /// A session of a device has begun; `is_asked_for` when the device says that it was asked.
    pub(crate) fn session_began(&self, device: &DeviceKey, is_asked_for: bool) {
        let Some(entry) = self.devices().get(device).cloned() else { return };
        let mut state = entry.state();
        state.reach.session_began(is_asked_for);
        if let Some(Action::Reached) = state.reach.poll(Timestamp::now()) {
            state.answer.send_replace(Some(Ok(())));
        }
        drop(state);
        entry.happened.notify_one();
    }

    /// Does what the machine wants, until nobody waits any more.
    async fn drive(&self, key: &DeviceKey, entry: &Entry, turn: u64, credentials: Credentials) {
        loop {
            let (action, wake) = {
                let mut state = entry.state();
                if state.turn != turn {
                    return;
                }
                (state.reach.poll(Timestamp::now()), state.reach.next_wake())
            };
            match (action, wake) {
                (Some(Action::Send(attempt)), _) => {
                    self.attempt(key, entry, &attempt, &credentials).await;
                }
                (Some(Action::Reached), _) => {
                    entry.state().answer.send_replace(Some(Ok(())));
                }
                (Some(Action::GiveUp(reason)), _) => {
                    let state = entry.state();
                    let text = state.text(reason);
                    debug!(device = %key, reason = text, "the device is not reached");
                    let has_answer = state.answer.borrow().is_some();
                    if !has_answer {
                        state.answer.send_replace(Some(Err(text)));
                    }
                }
                (None, None) => return,
                (None, Some(wake)) => {
                    let pause = wake.duration_since(Timestamp::now());
                    let pause = Duration::try_from(pause).unwrap_or_default();
                    let _ = timeout(pause, entry.happened.notified()).await;
                }
            }
        }
    }

    /// Sends one connection request and tells the machine what became of it.
    async fn attempt(
        &self,
        key: &DeviceKey,
        entry: &Entry,
        attempt: &Attempt,
        credentials: &Credentials,
    ) {
        let Attempt { number, method, address } = attempt;
        let result = match method {
            Method::Http => {
                let sent = self.http.send(key.as_str(), address, credentials).await;
                sent.map(|()| Outcome::Accepted)
                    .map_err(|error| (reason(&error), error.to_string()))
            }
            Method::Udp => self.datagrams(address, credentials).await.map(|()| Outcome::Sent),
            Method::Xmpp => {
                let reason = Unreachable::NotSent;
                Err((reason, reason.to_string()))
            }
        };
        debug!(device = %key, ?method, ?result, "connection request");
        let event = match &result {
            Ok(_) => Event::ConnectionRequest,
            Err(_) => Event::ConnectionRequestFailed,
        };
        self.meters.count(event);
        let mut state = entry.state();
        let outcome = match result {
            Ok(outcome) => {
                state.answer.send_replace(Some(Ok(())));
                outcome
            }
            Err((reason, text)) => {
                state.failure = Some((reason, text));
                Outcome::Failed(reason)
            }
        };
        state.reach.outcome(*number, outcome, Timestamp::now());
    }

    /// Sends identical datagrams, of which one may arrive (`STUN-12`, `STUN-13`).
    async fn datagrams(
        &self,
        address: &str,
        credentials: &Credentials,
    ) -> Result<(), (Unreachable, String)> {
        let failed = |reason: Unreachable, why: &dyn std::fmt::Display| {
            (reason, format!("{reason} ({why})"))
        };
        let local = self.udp.local_addr();
        let local = local.map_err(|error| failed(Unreachable::NotSent, &error))?;
        let to = resolve(address, local.ip()).await;
        let to = to.map_err(|error| failed(Unreachable::InvalidAddress, &error))?;
        let entropy = entropy::bytes::<20>();
        let entropy = entropy.map_err(|error| failed(Unreachable::NotSent, &error))?;
        let [a, b, c, d, rest @ ..] = entropy;
        let id = u32::from_be_bytes([a, b, c, d]);
        let cnonce = format!("{:032x}", u128::from_be_bytes(rest));
        let time = Timestamp::now().as_second();
        let request = connection_request(address, credentials, time, id, &cnonce);
        for _ in 0..UDP_COPIES {
            let sent = self.udp.send_to(request.as_bytes(), to).await;
            sent.map_err(|error| failed(Unreachable::Offline, &error))?;
        }
        Ok(())
    }

    fn entry(&self, key: &DeviceKey, offers: &Offers) -> Arc<Entry> {
        let mut devices = self.devices();
        if let Some(entry) = devices.get(key) {
            return Arc::clone(entry);
        }
        if devices.len() >= REACHED_DEVICES_MAX {
            // What was learnt is a help and no more.
            devices.retain(|_, entry| !entry.state().reach.is_idle());
        }
        let state = State {
            reach: Reach::new(self.config, offers.clone(), History::default()),
            answer: watch::Sender::new(None),
            credentials: 0,
            turn: 0,
            failure: None,
        };
        let entry = Arc::new(Entry { state: Mutex::new(state), happened: Notify::new() });
        devices.insert(key.clone(), Arc::clone(&entry));
        entry
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<DeviceKey, Arc<Entry>>> {
        // No code panics while it holds the lock.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and the state is whole at any time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn text(&self, reason: Unreachable) -> String {
        match &self.failure {
            Some((last, text)) if *last == reason => text.clone(),
            _ => reason.to_string(),
        }
    }
}

/// Where datagrams go: `host:port`, or a host with the port of HTTP (`STUN-01`). A socket for IPv6
/// reaches IPv4 by addresses that are mapped.
async fn resolve(address: &str, local: IpAddr) -> io::Result<SocketAddr> {
    let address = address.trim();
    let has_port = address.parse::<SocketAddr>().is_ok()
        || (address.parse::<IpAddr>().is_err() && address.contains(':') && !address.ends_with(']'));
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = match has_port {
        true => lookup_host(address).await?.collect(),
        false => lookup_host((bare, UDP_PORT)).await?.collect(),
    };
    let reachable = found.into_iter().find_map(|to| match (local, to) {
        (IpAddr::V4(_), SocketAddr::V4(_)) | (IpAddr::V6(_), SocketAddr::V6(_)) => Some(to),
        (IpAddr::V6(local), SocketAddr::V4(to)) if local.is_unspecified() => {
            Some(SocketAddr::from((to.ip().to_ipv6_mapped(), to.port())))
        }
        _ => None,
    });
    reachable.ok_or_else(|| io::Error::other("the server's socket does not reach such addresses"))
}

fn reason(error: &ConnectionRequestError) -> Unreachable {
    match error {
        ConnectionRequestError::Offline => Unreachable::Offline,
        ConnectionRequestError::Credentials => Unreachable::Credentials,
        ConnectionRequestError::BasicNotAllowed => Unreachable::BasicNotAllowed,
        ConnectionRequestError::Url(_) => Unreachable::InvalidAddress,
        ConnectionRequestError::Busy => Unreachable::Busy,
        ConnectionRequestError::Status(status) => Unreachable::Status(*status),
        ConnectionRequestError::NotHttp => Unreachable::NotUnderstood,
        ConnectionRequestError::Authentication => Unreachable::Authentication,
        ConnectionRequestError::Entropy(_) => Unreachable::NotSent,
    }
}

fn digest(credentials: &Credentials) -> u64 {
    let mut hasher = DefaultHasher::new();
    credentials.username.hash(&mut hasher);
    credentials.password().expose().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stun_01_an_address_may_have_no_port() {
        let (v4, v6) = ([0, 0, 0, 0].into(), IpAddr::from([0_u8; 16]));
        for (address, local, expected) in [
            ("192.0.2.7:4711", v4, Some("192.0.2.7:4711")),
            ("192.0.2.7", v4, Some("192.0.2.7:80")),
            ("[2001:db8::7]:99", v6, Some("[2001:db8::7]:99")),
            ("[2001:db8::7]", v6, Some("[2001:db8::7]:80")),
            ("2001:db8::7", v6, Some("[2001:db8::7]:80")),
            ("192.0.2.7:1", v6, Some("[::ffff:192.0.2.7]:1")),
            ("[2001:db8::7]:99", v4, None),
            ("", v4, None),
            ("192.0.2.7:99999", v4, None),
        ] {
            let found = resolve(address, local).await.ok().map(|it| it.to_string());
            assert_eq!(found.as_deref(), expected, "{address} from {local}");
        }
    }
}
