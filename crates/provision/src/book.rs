//! The record of the device in session, with the changes that are not yet saved.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::message::ParameterValueStruct;
use drover_cwmp::{Message, ToleratedList, Value};
use drover_datamodel::catalog::{Catalog, DeviceModel};
use jiff::Timestamp;

use crate::authentication::{Admitted, DeviceCredentials};
use crate::batch::{Batch, Knowledge};
use crate::channel::ChannelFault;
use crate::limits::{PARAMETERS_MAX, PATH_BYTES_MAX, RECORD_BYTES_MAX, VALUE_BYTES_MAX};
use crate::model::{device_model, is_hint, is_secret_in};
use crate::operation::Operation;
use crate::record::{DeviceFields, DeviceRecord, Known, Parameter, is_hidden, is_object};
use crate::secret::Sealer;
use crate::task::{Task, TaskId};
use crate::trace::Trace;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// An Inform: what it repeats changes nothing, not even the time, so that a device that has
    /// nothing new costs nothing.
    Inform,
    /// The answer to a request: the time tells how fresh the value is.
    Request,
    /// A setting that the device has accepted.
    Setting,
}

/// A record and its unsaved changes.
#[derive(Debug)]
pub(crate) struct Book {
    record: DeviceRecord,
    /// With which the device comes.
    credentials: DeviceCredentials,
    batch: Batch,
    /// Bytes of all paths and values.
    bytes: usize,
    /// Parameters that did not fit since the last [`Book::take_overflow`].
    overflow: u32,
    catalog: Arc<Catalog>,
    sealer: Sealer,
    /// Chosen when it is first asked for: most sessions need no model.
    model: OnceCell<Option<DeviceModel>>,
}

impl Book {
    /// Opens the book on what is saved.
    pub(crate) fn new(record: DeviceRecord, catalog: Arc<Catalog>) -> Self {
        let sizes = record.parameters.iter().map(|(path, parameter)| size(path, parameter));
        let bytes = sizes.fold(0, usize::saturating_add);
        let batch = Batch::new(record.key.clone());
        let sealer = Sealer::of(&record);
        let credentials = DeviceCredentials::default();
        let (overflow, model) = (0, OnceCell::new());
        Self { record, credentials, batch, bytes, overflow, catalog, sealer, model }
    }

    /// Takes the credentials of the device, and what has let it in.
    pub(crate) fn admit(&mut self, known: DeviceCredentials, admitted: Option<&Admitted>) {
        self.credentials = known;
        if admitted.is_some_and(|admitted| self.credentials.settle(admitted)) {
            self.batch.credentials = Some(self.credentials.clone());
        }
    }

    /// The device is asked to set parameters. When it is to use other credentials, those must be
    /// known before it may have them (`AUTH-09`).
    pub(crate) fn before_setting(&mut self, message: &Message) {
        let username = self.credential(message, "Username");
        let password = self.credential(message, "Password");
        if (username.is_some() || password.is_some()) && self.credentials.expect(username, password)
        {
            self.batch.credentials = Some(self.credentials.clone());
        }
    }

    /// The device has refused to set parameters.
    pub(crate) fn setting_refused(&mut self, message: &Message) {
        let is_of_credentials = self.credential(message, "Username").is_some()
            || self.credential(message, "Password").is_some();
        if is_of_credentials && self.credentials.unexpect() {
            self.batch.credentials = Some(self.credentials.clone());
        }
    }

    /// What a message sets a credential of the device to.
    fn credential<'a>(&self, message: &'a Message, name: &str) -> Option<&'a str> {
        let Message::SetParameterValues(set) = message else { return None };
        let root = self.record.fields.root.as_deref()?;
        let mut values = set.parameter_list.iter().filter(|it| {
            it.name
                .strip_prefix(root)
                .and_then(|rest| rest.strip_prefix("ManagementServer."))
                .is_some_and(|local| local == name)
        });
        values.next_back().map(|it| it.value.text.as_str())
    }

    pub(crate) const fn record(&self) -> &DeviceRecord {
        &self.record
    }

    /// The data model of the device, if it is known.
    pub(crate) fn model(&self) -> Option<&DeviceModel> {
        self.model.get_or_init(|| device_model(&self.catalog, &self.record)).as_ref()
    }

    /// Changes the fields.
    pub(crate) fn set_fields(&mut self, fields: DeviceFields) {
        self.batch.fields = Some(fields.clone());
        self.record.fields = fields;
    }

    /// Remembers the peculiarities of a message.
    pub(crate) fn tolerate(&mut self, tolerated: &ToleratedList) {
        if tolerated.is_empty() {
            return;
        }
        let mut fields = self.record.fields.clone();
        let notes = tolerated.iter().filter(|item| fields.note(&item.to_string())).count();
        if notes > 0 {
            self.set_fields(fields);
        }
    }

    /// Takes a value. Of a secret, which a device should not tell, only the fact remains
    /// (`SEC-01`), save for the password of connection requests while no other one is known.
    pub(crate) fn observe(&mut self, name: &str, mut value: Value, source: Source, now: Timestamp) {
        // What is known already was found to be no secret when it came.
        let is_known = |book: &Self, value: &Value| book.record.value(name) == Some(value);
        let old_secret = self.record.parameters.get(name).and_then(|known| known.secret);
        let is_set = source == Source::Setting;
        let mut secret = old_secret.filter(|_| !is_set && value.text.is_empty());
        if !value.text.is_empty()
            && ((is_set && old_secret.is_some())
                || (!is_known(self, &value) && self.is_of_secrets(name)))
        {
            if self.record.fields.connection_request.password().expose().is_empty() {
                self.keep_credentials(name, &value.text);
            }
            secret = Some(self.sealer.seal(name, &value.text));
            value.text.clear();
        }
        if source == Source::Inform && secret == old_secret && is_known(self, &value) {
            return;
        }
        let mut parameter = self.known(name, now);
        parameter.value = Some(Known::new(value, now));
        parameter.secret = secret;
        self.put(name, parameter);
    }

    /// Whether a parameter reads as nothing, by the model or by its name (`RT-03`), or because it
    /// did when it had been set: a vendor's own are in no model.
    pub(crate) fn is_secret(&self, name: &str) -> bool {
        let known = self.record.parameters.get(name);
        known.is_some_and(|known| known.secret.is_some()) || self.is_of_secrets(name)
    }

    /// Whether a parameter is a secret on all devices like this.
    fn is_of_secrets(&self, name: &str) -> bool {
        is_hidden(name) || self.model().is_some_and(|model| is_secret_in(model, name))
    }

    /// Makes the fingerprints of this record.
    pub(crate) const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Forgets what secrets were set to: the device may have lost them.
    pub(crate) fn forget_secrets(&mut self) {
        let with_secret = self.record.parameters.iter_mut().filter(|(_, it)| it.secret.is_some());
        for (path, parameter) in with_secret {
            parameter.secret = None;
            self.batch.parameters.insert(path.clone(), Some(parameter.clone()));
        }
    }

    /// Takes the values of a response.
    pub(crate) fn observe_all(&mut self, values: Vec<ParameterValueStruct>, now: Timestamp) {
        for ParameterValueStruct { name, value } in values {
            self.observe(&name, value, Source::Request, now);
        }
    }

    /// Takes a value that the device has accepted. The server needs the connection request
    /// credentials itself, so those replace what was known.
    pub(crate) fn accept(&mut self, name: &str, value: Value, now: Timestamp) {
        self.keep_credentials(name, &value.text);
        self.observe(name, value, Source::Setting, now);
    }

    /// Takes what a script's session learnt of a path. Secrets are kept as [`Book::observe`] does;
    /// of a value that is as it was, only the time is new.
    pub(crate) fn learn(&mut self, path: &str, mut parameter: Parameter, is_same_value: bool) {
        if let Some(Known { value, .. }) = &mut parameter.value
            && !is_same_value
            && !value.text.is_empty()
        {
            self.keep_credentials(path, &value.text);
            // One that a script has set, and that has read as nothing before, will do so again.
            let old = self.record.parameters.get(path);
            let is_set_anew =
                parameter.secret.is_some() && old.is_some_and(|it| it.secret.is_some());
            if is_set_anew || self.is_of_secrets(path) {
                parameter.secret = Some(self.sealer.seal(path, &value.text));
                value.text.clear();
            }
        }
        if parameter.value.as_ref().is_none_or(|known| !known.value.text.is_empty()) {
            parameter.secret = None;
        }
        if self.record.parameters.get(path) != Some(&parameter) {
            self.put(path, parameter);
        }
    }

    /// Forgets one path.
    pub(crate) fn remove(&mut self, path: &str) {
        if let Some(parameter) = self.record.parameters.remove(path) {
            self.bytes = self.bytes.saturating_sub(size(path, &parameter));
            self.batch.parameters.insert(path.to_owned(), None);
        }
    }

    /// Gives the device a tag, or takes it.
    pub(crate) fn set_tag(&mut self, tag: &str, is_set: bool) {
        let is_new = match is_set {
            true => self.record.tags.insert(tag.to_owned()),
            false => self.record.tags.remove(tag),
        };
        if is_new {
            self.batch.tags.insert(tag.to_owned(), is_set);
        }
    }

    /// Saves what became of the faults of channels.
    pub(crate) fn save_faults(
        &mut self,
        earlier: &BTreeMap<String, ChannelFault>,
        now: &BTreeMap<String, ChannelFault>,
    ) {
        for (channel, fault) in now.iter().filter(|(name, it)| earlier.get(*name) != Some(it)) {
            self.batch.faults.insert(channel.clone(), Some(fault.clone()));
        }
        for channel in earlier.keys().filter(|channel| !now.contains_key(*channel)) {
            self.batch.faults.insert(channel.clone(), None);
        }
    }

    /// Saves a transfer that has begun, or that has ended.
    pub(crate) fn save_operation(&mut self, command_key: &str, operation: Option<Operation>) {
        self.batch.operations.insert(command_key.to_owned(), operation);
    }

    /// Saves what is known of the devices of this product with a firmware.
    pub(crate) fn save_knowledge(&mut self, firmware: &str, known: &Knowledge) {
        self.batch.knowledge.insert(firmware.to_owned(), known.clone());
    }

    /// Saves what happened in the session.
    pub(crate) fn save_trace(&mut self, trace: Trace) {
        self.batch.trace = Some(trace);
    }

    /// Takes note that a path exists.
    pub(crate) fn describe(&mut self, path: &str, writable: Option<bool>, now: Timestamp) {
        let is_new = !self.record.parameters.contains_key(path);
        let mut parameter = self.known(path, now);
        if let Some(writable) = writable {
            parameter.writable = Some(Known::new(writable, now));
        }
        if is_new || writable.is_some() {
            self.put(path, parameter);
        }
    }

    /// Forgets `path` and, if it is an object, all below it that `keep` does not hold on to.
    pub(crate) fn forget(&mut self, path: &str, keep: impl Fn(&str) -> bool) {
        let gone: Vec<String> = match is_object(path) {
            true => self.record.beneath(path).map(|(path, _)| path.to_owned()).collect(),
            false => vec![path.to_owned()],
        };
        for path in gone.into_iter().filter(|path| !keep(path)) {
            if let Some(parameter) = self.record.parameters.remove(&path) {
                self.bytes = self.bytes.saturating_sub(size(&path, &parameter));
                self.batch.parameters.insert(path, None);
            }
        }
    }

    /// Saves a task as it is now.
    pub(crate) fn save_task(&mut self, task: &Task) {
        self.batch.tasks.insert(task.id.clone(), Some(task.clone()));
    }

    /// Removes a task.
    pub(crate) fn remove_task(&mut self, id: TaskId) {
        self.batch.tasks.insert(id, None);
    }

    /// The changes since the last call, to be saved before the next reply.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        let empty = Batch::new(self.record.key.clone());
        Some(std::mem::replace(&mut self.batch, empty)).filter(|batch| !batch.is_empty())
    }

    /// What is known of a path that the device has told now.
    fn known(&self, path: &str, now: Timestamp) -> Parameter {
        let known = self.record.parameters.get(path).cloned();
        Parameter { found: now, ..known.unwrap_or_else(|| Parameter::found(now)) }
    }

    /// How many parameters did not fit since the last call.
    pub(crate) const fn take_overflow(&mut self) -> u32 {
        std::mem::replace(&mut self.overflow, 0)
    }

    fn put(&mut self, path: &str, parameter: Parameter) {
        let old = self.record.parameters.get(path);
        let old_size = old.map_or(0, |old| size(path, old));
        let bytes = self.bytes.saturating_sub(old_size).saturating_add(size(path, &parameter));
        let count = self.record.parameters.len();
        let value_bytes = parameter.value.as_ref().map_or(0, |known| known.value.text.len());
        let fits = (old.is_some() || count < PARAMETERS_MAX)
            && (1..=PATH_BYTES_MAX).contains(&path.len())
            && value_bytes <= VALUE_BYTES_MAX
            && bytes <= RECORD_BYTES_MAX;
        if !fits {
            self.overflow = self.overflow.saturating_add(1);
            return;
        }
        if is_hint(path) {
            self.model.take();
        }
        self.bytes = bytes;
        self.batch.parameters.insert(path.to_owned(), Some(parameter.clone()));
        self.record.parameters.insert(path.to_owned(), parameter);
    }

    fn keep_credentials(&mut self, name: &str, text: &str) {
        let Some(root) = self.record.fields.root.as_deref() else { return };
        let local = name.strip_prefix(root).and_then(|rest| rest.strip_prefix("ManagementServer."));
        let mut fields = self.record.fields.clone();
        let known = &fields.connection_request;
        fields.connection_request = match local {
            Some("ConnectionRequestUsername") => Credentials::new(text, known.password().clone()),
            Some("ConnectionRequestPassword") => {
                Credentials::new(known.username.as_str(), Secret::new(text))
            }
            _ => return,
        };
        self.set_fields(fields);
    }
}

/// Bytes that a path and its value count for.
fn size(path: &str, parameter: &Parameter) -> usize {
    let value = parameter.value.as_ref().map_or(0, |known| known.value.text.len());
    path.len().saturating_add(value)
}
