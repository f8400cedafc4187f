//! One device: what it is, what it holds, and what it has to say.

mod attributes;
mod identity;
mod inform_parameters;
mod rpc;
mod schedule;
mod session;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::event::{Added, EventCode, EventStore};
use drover_cwmp::retry::SessionRetry;
use drover_cwmp::version::CwmpVersion;
use drover_cwmp::{HttpUrl, Value};
use drover_datamodel::check::canonical;

pub use attributes::Attributes;
pub use identity::{Identity, InvalidIdentity};
pub use rpc::{Effect, Executed};
pub use session::{Deferred, NotStartable, SessionEnd, SessionSettings};
pub use snapshot::RestoreError;

use crate::clock::Clock;
use crate::key::{AsAt, At, Key};
use crate::model::{Model, Parameter, Role};
use crate::tree::{Origin, Tree, lies_in_row};
use schedule::Schedule;
use session::Running;

/// A device without sockets, clock or randomness.
///
/// In a shell's order of use:
/// - [`new`](Self::new), [`set_factory_value`](Self::set_factory_value),
///   [`restore`](Self::restore), then [`handle_boot`](Self::handle_boot);
/// - [`update`](Self::update) and [`set_instances`](Self::set_instances) whenever something of the
///   box has changed;
/// - [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout), and a
///   session when [`wants_session`](Self::wants_session) (see [`Endpoint`](crate::Endpoint));
/// - [`snapshot`](Self::snapshot) to stable storage whenever [`revision`](Self::revision) has
///   moved, before anything is acknowledged to the ACS.
pub struct Device {
    tree: Tree,
    /// Attributes that are not those of the model (`SPA-09`).
    attributes: BTreeMap<Key, Attributes>,
    /// Parameters to be reported with `4 VALUE CHANGE` (`INF-02`).
    changed: BTreeSet<Key>,
    /// Those of them that the Inform of the present session reports.
    reported: BTreeSet<Key>,
    events: EventStore,
    retry: SessionRetry,
    /// The version to offer, older after an ACS did not understand a newer one (`NEG-07`).
    version: Option<CwmpVersion>,
    schedule: Schedule,
    running: Option<Box<Running>>,
    booted: bool,
    /// Uptime at which an event or a retry wants a session.
    due: Option<Duration>,
    /// Uptime since when an active notification wants one.
    active_since: Option<Duration>,
    /// A failed session carried an active notification, which waits for the retry now.
    active_retried: bool,
    /// Uptime at the end of the last successful session (`NOT-04`).
    last_success: Option<Duration>,
    /// ACS URL of the last delivered `0 BOOTSTRAP` (`EVT-09`).
    bootstrapped: Option<Box<str>>,
    /// CommandKeys of the Reboots to do after the session (`RBT-01`).
    reboots: Vec<Box<str>>,
    /// Whether a FactoryReset is to be done after the session (`FR-01`).
    factory_reset: bool,
    revision: u64,
}

/// The shell said something about the tree that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The device has no such parameter or table.
    #[error("{0}: there is no such parameter or table")]
    NotFound(String),
    /// The device itself keeps this value.
    #[error("{0}: this value is kept by the device itself")]
    Automatic(String),
    /// The value does not fit.
    #[error("{path}: {problem}")]
    Value {
        /// Path of the parameter.
        path: String,
        /// What the value must be.
        problem: String,
    },
    /// Row numbers start at 1.
    #[error("{0}: there is no row 0")]
    RowZero(String),
}

impl Device {
    /// A device in factory state that is not switched on yet.
    pub fn new(model: Arc<Model>, identity: Identity) -> Self {
        Self {
            tree: Tree::new(model, identity),
            attributes: BTreeMap::new(),
            changed: BTreeSet::new(),
            reported: BTreeSet::new(),
            events: EventStore::default(),
            retry: SessionRetry::default(),
            version: None,
            schedule: Schedule::default(),
            running: None,
            booted: false,
            due: None,
            active_since: None,
            active_retried: false,
            last_success: None,
            bootstrapped: None,
            reboots: Vec::new(),
            factory_reset: false,
            revision: 0,
        }
    }

    /// Gives this device another value from the factory than its model has, such as its ACS URL.
    ///
    /// # Errors
    /// [`UpdateError`] when there is no such parameter or the value is not of its type.
    pub fn set_factory_value(&mut self, path: &str, text: &str) -> Result<(), UpdateError> {
        let (place, _, text) = self.checked(path, text)?;
        self.tree.store_factory(place.at(), &text);
        Ok(())
    }

    /// Who the device is.
    pub fn identity(&self) -> &Identity {
        &self.tree.identity
    }

    /// What the device is one of.
    pub fn model(&self) -> &Arc<Model> {
        &self.tree.model
    }

    /// The value of a parameter as an ACS would read it; `None` if there is no such parameter.
    pub fn value(&self, path: &str) -> Option<Value> {
        let (place, parameter) = self.tree.resolve_parameter(path)?;
        Some(self.tree.value(place.at(), parameter))
    }

    /// The numbers of a table's rows, ascending; `None` if there is no such table.
    pub fn instances(&self, table: &str) -> Option<Vec<u32>> {
        let place = self.tree.resolve(table)?;
        self.tree.model.table(place.node)?;
        Some(self.tree.row_numbers(place.at()).into_owned())
    }

    /// Grows with every change that must survive a restart: write a new
    /// [`snapshot`](Self::snapshot) when it differs from that of the last one.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The ACS URL, if there is a usable one.
    pub fn acs_url(&self) -> Option<HttpUrl> {
        self.tree.role_text(Role::Url)?.parse().ok()
    }

    /// `ManagementServer.Username` and `.Password`; `None` without a user name (`AUTH-04`).
    pub fn acs_credentials(&self) -> Option<Credentials> {
        self.credentials(Role::Username, Role::Password)
    }

    /// What a connection request must prove to know; `None` without a user name (`CR-05`).
    pub fn connection_request_credentials(&self) -> Option<Credentials> {
        self.credentials(Role::ConnectionRequestUsername, Role::ConnectionRequestPassword)
    }

    /// The shell reports the value of a parameter. Says whether it is a new one.
    ///
    /// A new value of a parameter with notification is reported to the ACS (`NOT-02`, `NOT-03`).
    /// Values reported before the device has booted for the first time are only taken in.
    ///
    /// # Errors
    /// [`UpdateError`] when there is no such parameter, the value is not of its type, or the device
    /// keeps it itself (identity, number of rows).
    pub fn update(&mut self, path: &str, text: &str, now: &Clock) -> Result<bool, UpdateError> {
        let (place, parameter, text) = self.checked(path, text)?;
        if *self.tree.text(place.at(), parameter) == *text {
            return Ok(false);
        }
        let role = parameter.role;
        let notification = self.notification(place.at(), parameter);
        let is_news = self.booted || self.tree.stored(place.at()).is_some();
        self.tree.store(place.at(), &text, Origin::Shell);
        if is_news {
            self.note_change(place.at(), notification, now);
        }
        if notification != 0 {
            self.touch();
        }
        self.handle_role_change(role, now);
        Ok(true)
    }

    /// The shell reports which rows a table has. New rows get default values; what was known of
    /// rows that are gone is forgotten. Says whether anything changed.
    ///
    /// # Errors
    /// [`UpdateError`] when there is no such table or a number is zero.
    pub fn set_instances(
        &mut self,
        table: &str,
        numbers: &[u32],
        now: &Clock,
    ) -> Result<bool, UpdateError> {
        let not_found = || UpdateError::NotFound(table.to_owned());
        let place = self.tree.resolve(table).ok_or_else(not_found)?;
        let model_table = self.tree.model.table(place.node).ok_or_else(not_found)?;
        let count = model_table.count;
        // The shell tells rows of its own again after every start. Only where the ACS has a say in
        // them, or has set something in one that is gone, is there anything to keep.
        let mut is_kept = model_table.spec.add || model_table.spec.delete;
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.first() == Some(&0) {
            return Err(UpdateError::RowZero(table.to_owned()));
        }
        let before = self.tree.row_numbers(place.at()).len();
        let (gone, changed) = self.tree.set_rows(place.at(), &numbers);
        for number in gone {
            is_kept |= self.forget_row(place.at(), number);
        }
        if let Some(count) = count.filter(|_| before != numbers.len() && self.booted) {
            let at = At { node: count, instances: &place.instances };
            let notification =
                self.tree.model.parameter(count).map_or(0, |count| self.notification(at, count));
            self.note_change(at, notification, now);
        }
        if changed && is_kept {
            self.touch();
        }
        Ok(changed)
    }

    /// Something happened that the ACS is to learn of in a session of its own, such as the end of a
    /// diagnostic. `command_key` counts for `M` events only.
    ///
    /// `4 VALUE CHANGE`, `0 BOOTSTRAP` and `1 BOOT` come by themselves.
    pub fn add_event(&mut self, code: EventCode, command_key: &str, now: &Clock) {
        if self.events.add(code, command_key) == Added::New {
            self.touch();
        }
        self.trigger(now);
    }

    /// Parameters whose changes the ACS wants to learn of, and those of every Inform: what a shell
    /// should keep an eye on. Full paths.
    pub fn watched(&self) -> Vec<String> {
        let model = &self.tree.model;
        let own = model.forced().iter().chain(model.active());
        let own = own.flat_map(|node| self.tree.places_of(*node));
        let chosen = self.attributes.keys().filter_map(|key| self.tree.place_of(key));
        let places: BTreeSet<String> = own
            .chain(chosen)
            .filter(|place| {
                model.parameter(place.node).is_some_and(|parameter| {
                    parameter.spec.forced_inform || self.notification(place.at(), parameter) != 0
                })
            })
            .map(|place| place.path)
            .collect();
        places.into_iter().collect()
    }

    /// Bytes that this device occupies besides its model, roughly: allocations are counted with
    /// their usual overhead.
    pub fn memory_size(&self) -> usize {
        let attributes = self.attributes.len() * (size_of::<(Key, Attributes)>() + 32);
        let changed = (self.changed.len() + self.reported.len()) * (size_of::<Key>() + 32);
        let events: usize = self
            .events
            .pending()
            .map(|event| size_of_val(event) + event.command_key.len() + 16)
            .sum();
        size_of::<Self>() + self.tree.heap_size() + attributes + changed + events
    }

    fn credentials(&self, username: Role, password: Role) -> Option<Credentials> {
        let username = self.tree.role_text(username).filter(|name| !name.is_empty())?;
        let password = self.tree.role_text(password).unwrap_or_default();
        Some(Credentials::new(username, Secret::new(password)))
    }

    /// Finds a parameter that the shell may give a value, and the value in its one form.
    fn checked(
        &self,
        path: &str,
        text: &str,
    ) -> Result<(crate::tree::Place, &Parameter, String), UpdateError> {
        let Some((place, parameter)) = self.tree.resolve_parameter(path) else {
            return Err(UpdateError::NotFound(path.to_owned()));
        };
        let is_identity = parameter.role.and_then(|role| self.tree.identity.part(role)).is_some();
        if is_identity || parameter.counts.is_some() {
            return Err(UpdateError::Automatic(path.to_owned()));
        }
        let text = canonical(parameter.spec.value_type, text).ok_or_else(|| {
            let problem = format!("the value is not of type {}", parameter.spec.value_type);
            UpdateError::Value { path: path.to_owned(), problem }
        })?;
        Ok((place, parameter, text.into_owned()))
    }

    /// A value changed, not by the ACS's doing (`NOT-02`).
    fn note_change(&mut self, at: At<'_>, notification: u8, now: &Clock) {
        if notification == 0 {
            return;
        }
        if !self.changed.contains(&at as &dyn AsAt) {
            self.changed.insert(at.to_key());
        }
        // That it may wait already is no news.
        let _ = self.events.add(EventCode::ValueChange, "");
        if notification == attributes::ACTIVE && !self.active_retried {
            self.active_since.get_or_insert(now.uptime);
        }
        self.touch();
    }

    /// The row is gone, and what was to be said about it (`INF-08`).
    /// Says whether there was anything to forget.
    fn forget_row(&mut self, table: At<'_>, number: u32) -> bool {
        let Self { tree, attributes, changed, reported, .. } = self;
        let model = &tree.model;
        let before = attributes.len() + changed.len();
        attributes.retain(|key, _| !lies_in_row(model, key, table, number));
        changed.retain(|key| !lies_in_row(model, key, table, number));
        reported.retain(|key| !lies_in_row(model, key, table, number));
        attributes.len() + changed.len() < before
    }

    /// An event wants a session now.
    fn trigger(&mut self, now: &Clock) {
        self.due = Some(self.due.map_or(now.uptime, |due| due.min(now.uptime)));
    }

    fn touch(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }
}

impl fmt::Debug for Device {
    /// Without values, some of which are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("identity", &self.tree.identity)
            .field("revision", &self.revision)
            .field("in_session", &self.running.is_some())
            .finish_non_exhaustive()
    }
}
