//! When a device talks to its ACS, and what it says first (TR-069a6 §3.2.1, §3.7.1, §A.3.3.1).

use std::collections::BTreeSet;
use std::time::Duration;

use drover_cwmp::event::{DeliveredBy, EventCode};
use drover_cwmp::message::{EventStruct, Inform, ParameterValueStruct};
use drover_cwmp::retry::RetryPolicy;
use drover_cwmp::session::cpe::{Failed, HttpPost, Note, SessionConfig, Waiting, start};
use drover_cwmp::version::CwmpVersion;
use drover_cwmp::{Message, Misuse, parse_boolean, parse_integer};

use super::Device;
use crate::clock::Clock;
use crate::key::NodeId;
use crate::model::Role;
use crate::tree::Place;

/// What a shell decides about sessions, the same for all its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// The newest version to offer.
    pub version: CwmpVersion,
    /// Seconds that the ACS is asked to wait between POSTs (`SOAP-10`).
    pub session_timeout: Option<u32>,
    /// Whether basic authentication without TLS may be answered (`AUTH-02`).
    pub allow_basic_without_tls: bool,
    /// Value of the `User-Agent` header (`HTTP-24`).
    pub user_agent: String,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            version: CwmpVersion::V1_4,
            session_timeout: None,
            allow_basic_without_tls: false,
            user_agent: concat!("drover/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The session that is going on.
#[derive(Debug)]
pub(super) struct Running {
    /// The ACS it is with, which may no longer be the one that is configured (`SES-16`).
    url: Box<str>,
    /// Whether it delivers `0 BOOTSTRAP`.
    bootstrap: bool,
    /// Whether it carries a change with active notification.
    active: bool,
}

/// No session can be started now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotStartable {
    /// There is one already (`SES-03`).
    #[error("a session is going on; there is only one at a time")]
    Running,
    /// The device is switched off, or waits to be restarted.
    #[error("the device is not running; call handle_boot first")]
    NotBooted,
    /// There is nothing to say (`INF-07`).
    #[error("there is no event to report")]
    NoEvent,
    /// `EnableCWMP` is false (`CONN-06`).
    #[error("ManagementServer.EnableCWMP is false")]
    Disabled,
    /// The ACS URL is missing or unusable.
    #[error("ManagementServer.URL is not a usable URL")]
    NoUrl,
    /// The Inform breaks a limit of the standard.
    #[error("the Inform is not valid")]
    Invalid(#[source] Misuse),
}

/// How a session ended.
#[derive(Debug, Clone, Copy)]
pub enum SessionEnd<'a> {
    /// As it should (`SES-10`).
    Success,
    /// By what the ACS answered (`SES-21`).
    Failed(&'a Failed),
    /// Without an answer, or given up by the shell (`SES-11`).
    Lost,
}

/// What was put off to the end of the session (`SES-12`), after which the device is off: write a
/// snapshot, do what belongs to it, and call [`Device::handle_boot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deferred {
    /// Restart the device (`RBT-01`).
    Reboot,
    /// The device itself is back in its factory state; do the same to what the shell keeps, and
    /// restart (`FR-01`).
    FactoryReset,
}

impl Device {
    /// The device was switched on or restarted: `1 BOOT`, `M Reboot` for each Reboot that asked for
    /// it, and `0 BOOTSTRAP` where the ACS does not know the device yet (`EVT-08`, `EVT-09`).
    ///
    /// What a snapshot brought back stays, and so do changes that were reported since. `entropy`
    /// is any random number.
    pub fn handle_boot(&mut self, now: &Clock, entropy: u64) {
        if self.booted {
            self.handle_down();
        }
        let _ = self.finish_deferred();
        self.retry.handle_boot();
        (self.due, self.last_success) = (None, None);
        self.version = None;
        self.version = None;
        self.booted = true;
        self.add_event(EventCode::Boot, "", now);
        self.check_bootstrap(now);
        self.handle_retry_policy_change();
        self.start_schedule(now, entropy);
    }

    /// An authenticated connection request came. `false` when it must be refused because CWMP is
    /// switched off; otherwise a session follows, at once or after the present one (`CR-07`,
    /// `CR-09`). Several before the session starts count as one (`CR-08`).
    #[must_use]
    pub fn handle_connection_request(&mut self, now: &Clock) -> bool {
        let accepted = self.booted && self.is_enabled();
        if accepted {
            self.add_event(EventCode::ConnectionRequest, "", now);
        }
        accepted
    }

    /// Whether a session should be started now.
    pub fn wants_session(&self, now: &Clock) -> bool {
        self.running.is_none() && self.session_due().is_some_and(|due| due <= now.uptime)
    }

    /// Whether a session is going on.
    pub fn is_in_session(&self) -> bool {
        self.running.is_some()
    }

    /// Failed attempts since the last successful session (`RETRY-04`).
    pub fn retry_count(&self) -> u32 {
        self.retry.retry_count()
    }

    /// Builds the Inform and begins a session. It may be called before the session is
    /// [wanted](Self::wants_session), but there must be an event to report. `entropy` is random,
    /// fresh for every session.
    ///
    /// # Errors
    /// [`NotStartable`] says what is missing.
    pub fn start_session(
        &mut self,
        now: &Clock,
        entropy: [u8; 16],
        settings: &SessionSettings,
    ) -> Result<(Waiting, HttpPost), NotStartable> {
        self.check_startable()?;
        let url = self.acs_url().ok_or(NotStartable::NoUrl)?;
        if self.events.is_empty() {
            self.due = None;
            return Err(NotStartable::NoEvent);
        }
        let config = SessionConfig {
            url,
            credentials: self.acs_credentials(),
            version: self.version.unwrap_or(settings.version).min(settings.version),
            session_timeout: settings.session_timeout,
            allow_basic_without_tls: settings.allow_basic_without_tls,
            user_agent: settings.user_agent.clone(),
            entropy,
        };
        let inform = self.inform(now);
        let bootstrap = self.events.contains(&EventCode::Bootstrap);
        match start(config, inform, Vec::new()) {
            Ok(started) => {
                let url = self.tree.role_text(Role::Url).unwrap_or_default().as_ref().into();
                let active = self.active_since.is_some() || self.active_retried;
                self.running = Some(Box::new(Running { url, bootstrap, active }));
                (self.due, self.active_since) = (None, None);
                Ok(started)
            }
            Err(misuse) => {
                // As a failed attempt, so that nobody tries it again and again without a pause.
                self.due = None;
                self.handle_failure(None, now, 0);
                Err(NotStartable::Invalid(misuse))
            }
        }
    }

    /// Takes note of what happened in the session, in its order.
    pub fn handle_progress(&mut self, notes: &[Note]) {
        for note in notes {
            match note {
                Note::Established(_) => self.handle_established(),
                Note::Answered { request, answer } => self.handle_answer(request, answer),
                Note::Refused { .. } => {}
            }
        }
    }

    /// The session is over and its connection closed. Says what was put off to this moment.
    /// `entropy` is any random number; it spreads the retries of a fleet (`RETRY-01`).
    #[must_use]
    pub fn handle_session_end(
        &mut self,
        end: SessionEnd<'_>,
        now: &Clock,
        entropy: u64,
    ) -> Option<Deferred> {
        let running = self.running.take();
        match end {
            SessionEnd::Success => self.handle_success(now),
            SessionEnd::Failed(failed) => {
                if failed.suggests_older_version() {
                    self.version = older(self.version.unwrap_or(CwmpVersion::V1_4));
                }
                self.handle_failure(running.as_deref(), now, entropy);
            }
            SessionEnd::Lost => self.handle_failure(running.as_deref(), now, entropy),
        }
        self.touch();
        let deferred = self.finish_deferred();
        if deferred.is_some() {
            self.handle_down();
        } else {
            self.check_bootstrap(now);
        }
        deferred
    }

    /// Uptime at which a session is wanted, whatever its reason.
    pub(super) fn session_due(&self) -> Option<Duration> {
        self.check_startable().ok()?;
        self.acs_url()?;
        let throttled = self.active_since.map(|since| {
            let quiet = Duration::from_secs(self.number(Role::NotificationThrottle).into());
            let end = self.last_success.map_or(Duration::ZERO, |last| last.saturating_add(quiet));
            since.max(end)
        });
        self.due.into_iter().chain(throttled).min()
    }

    /// Acts on a new value of a parameter that the protocol works with.
    pub(super) fn handle_role_change(&mut self, role: Option<Role>, now: &Clock) {
        match role {
            Some(
                Role::PeriodicInformEnable
                | Role::PeriodicInformInterval
                | Role::PeriodicInformTime,
            ) => self.handle_schedule_change(now),
            Some(Role::RetryMinimumWaitInterval | Role::RetryIntervalMultiplier) => {
                self.handle_retry_policy_change();
            }
            // In a session it waits for the end (`SES-16`).
            Some(Role::Url) if self.running.is_none() && self.booted => self.check_bootstrap(now),
            _ => {}
        }
    }

    fn check_startable(&self) -> Result<(), NotStartable> {
        if self.running.is_some() {
            return Err(NotStartable::Running);
        }
        if !self.booted {
            return Err(NotStartable::NotBooted);
        }
        if !self.is_enabled() {
            return Err(NotStartable::Disabled);
        }
        Ok(())
    }

    fn is_enabled(&self) -> bool {
        let enabled = self.tree.role_text(Role::EnableCwmp);
        enabled.and_then(|text| parse_boolean(&text)) != Some(false)
    }

    /// `INF-01`, `INF-02`
    fn inform(&mut self, now: &Clock) -> Inform {
        let events = self.events.freeze();
        let changed = events.iter().any(|event| event.code == EventCode::ValueChange);
        if changed {
            self.reported = std::mem::take(&mut self.changed);
        }
        let chosen = self.inform_parameters_for(&events);
        Inform {
            device_id: self.tree.identity.to_struct(),
            event: events
                .into_iter()
                .map(|event| EventStruct {
                    event_code: event.code.to_string(),
                    command_key: event.command_key,
                })
                .collect(),
            max_envelopes: 1,
            current_time: now.current_time(),
            retry_count: self.retry.retry_count(),
            parameter_list: self.inform_parameters(chosen),
        }
    }

    /// Forced parameters, those that the ACS has chosen, and those that changed and still have
    /// notification; no duplicates.
    fn inform_parameters(&self, chosen: Vec<Place>) -> Vec<ParameterValueStruct> {
        let model = &self.tree.model;
        let forced = model.forced().iter().flat_map(|node| self.tree.places_of(*node));
        let reported = self.reported.iter().filter_map(|key| self.tree.place_of(key));
        let reported = reported.filter(|place| {
            let parameter = model.parameter(place.node);
            parameter.is_some_and(|parameter| self.notification(place.at(), parameter) != 0)
        });
        let mut seen = BTreeSet::new();
        let mut list = Vec::new();
        for place in forced.chain(self.wan_address()).chain(chosen).chain(reported) {
            if let Some(parameter) = model.parameter(place.node)
                && seen.insert(place.at().to_key())
            {
                let value = self.tree.value(place.at(), parameter);
                list.push(ParameterValueStruct { name: place.path, value });
            }
        }
        list
    }

    /// `ExternalIPAddress` of the WAN connection in use (`FIP-02`): the one that
    /// `DefaultConnectionService` names, else the first that has an address.
    fn wan_address(&self) -> Option<Place> {
        let nodes = self.tree.model.wan_addresses();
        if nodes.is_empty() {
            return None;
        }
        let named = self.tree.role_text(Role::DefaultConnectionService).and_then(|path| {
            let path = path.trim().trim_end_matches('.');
            self.tree.resolve(&format!("{path}.ExternalIPAddress"))
        });
        named.or_else(|| nodes.iter().find_map(|node| self.first_address(*node)))
    }

    fn first_address(&self, node: NodeId) -> Option<Place> {
        let parameter = self.tree.model.parameter(node)?;
        let is_address = |text: &str| !text.is_empty() && text != "0.0.0.0";
        let mut places = self.tree.places_of(node).into_iter();
        places.find(|place| is_address(&self.tree.text(place.at(), parameter)))
    }

    /// The InformResponse came (`EVT-04`, `SES-02`).
    fn handle_established(&mut self) {
        self.events.handle_inform_response();
        self.reported.clear();
        self.active_retried = false;
        if let Some(running) = &mut self.running {
            running.active = false;
            if running.bootstrap {
                self.bootstrapped = Some(running.url.clone());
            }
        }
        self.touch();
    }

    /// An own request was answered: without fault, its event is delivered (`EVT-04`, `MRB-03`).
    fn handle_answer(&mut self, request: &Message, answer: &Message) {
        let delivered = match (request, answer) {
            (Message::TransferComplete(request), Message::TransferCompleteResponse(_)) => {
                (DeliveredBy::TransferCompleteResponse, request.command_key.as_str())
            }
            (Message::Kicked(_), Message::KickedResponse(_)) => (DeliveredBy::KickedResponse, ""),
            (Message::RequestDownload(_), Message::RequestDownloadResponse(_)) => {
                (DeliveredBy::RequestDownloadResponse, "")
            }
            _ => return,
        };
        self.events.handle_response(delivered.0, delivered.1);
        self.touch();
    }

    fn handle_success(&mut self, now: &Clock) {
        self.events.handle_session_success();
        self.retry.handle_success();
        self.last_success = Some(now.uptime);
        self.active_retried = false;
    }

    fn handle_failure(&mut self, running: Option<&Running>, now: &Clock, entropy: u64) {
        self.events.handle_session_failed();
        self.changed.append(&mut self.reported);
        self.forget_undelivered_changes();
        let wait = self.retry.handle_failure(entropy);
        self.active_retried = running.is_some_and(|running| running.active);
        // What happened during the session wants an attempt at once; the rest waits. With nothing
        // left to report there is nothing to retry (`INF-07`).
        if self.due.is_none() && !self.events.is_empty() {
            self.due = Some(now.uptime.saturating_add(wait));
        }
    }

    /// The device goes down: events that do not outlive that are dropped (`EVT-05`).
    fn handle_down(&mut self) {
        self.running = None;
        self.booted = false;
        self.events.handle_reboot();
        self.forget_undelivered_changes();
    }

    /// Does what was put off (`SES-12`); also after a power failure that came before it was done.
    fn finish_deferred(&mut self) -> Option<Deferred> {
        if self.factory_reset {
            self.reset();
            return Some(Deferred::FactoryReset);
        }
        if self.reboots.is_empty() {
            return None;
        }
        for key in std::mem::take(&mut self.reboots) {
            // More than the store can hold are refused by it; the reboot is reported all the same.
            let _ = self.events.add(EventCode::MReboot, &key);
        }
        self.touch();
        Some(Deferred::Reboot)
    }

    /// Back to the factory state (`FR-01`, `FR-02`).
    fn reset(&mut self) {
        self.tree.reset();
        self.attributes.clear();
        self.changed.clear();
        self.reported.clear();
        self.events = Default::default();
        self.retry = Default::default();
        self.schedule.clear_informs();
        self.reboots.clear();
        self.bootstrapped = None;
        self.factory_reset = false;
        self.touch();
    }

    /// `0 BOOTSTRAP` is due when the ACS is another than that of the last one (`EVT-09`, `EVT-10`).
    /// It discards all that was to be said to the former (`EVT-05`), and the attributes that the
    /// former chose (`SPA-09`).
    fn check_bootstrap(&mut self, now: &Clock) {
        let url = self.tree.role_text(Role::Url).unwrap_or_default();
        let known = self.bootstrapped.as_deref();
        if url.is_empty() || known == Some(&*url) || self.events.contains(&EventCode::Bootstrap) {
            return;
        }
        if known.is_some() {
            self.attributes.clear();
            self.version = None;
        }
        self.add_event(EventCode::Bootstrap, "", now);
        self.forget_undelivered_changes();
    }

    /// With the event goes the list (`EVT-13`).
    fn forget_undelivered_changes(&mut self) {
        if !self.events.contains(&EventCode::ValueChange) {
            self.changed.clear();
            self.reported.clear();
            (self.active_since, self.active_retried) = (None, false);
        }
    }

    /// For the next wait that is chosen (`RETRY-06`).
    fn handle_retry_policy_change(&mut self) {
        let policy = RetryPolicy::new(
            self.number(Role::RetryMinimumWaitInterval),
            self.number(Role::RetryIntervalMultiplier),
        );
        self.retry.set_policy(policy.unwrap_or_default());
    }

    /// Zero when the model has no such parameter or its text is no number.
    fn number(&self, role: Role) -> u32 {
        let text = self.tree.role_text(role);
        text.and_then(|text| parse_integer(&text)).unwrap_or(0)
    }
}

/// The version of the next older envelope; after the oldest the newest is tried again (`NEG-07`).
fn older(version: CwmpVersion) -> Option<CwmpVersion> {
    match version {
        CwmpVersion::V1_4 | CwmpVersion::V1_3 | CwmpVersion::V1_2 => Some(CwmpVersion::V1_1),
        CwmpVersion::V1_1 => Some(CwmpVersion::V1_0),
        CwmpVersion::V1_0 => None,
    }
}
