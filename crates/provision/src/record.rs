//! What the server knows of a device.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;

use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::event::Event;
use drover_cwmp::message::DeviceIdStruct;
use drover_cwmp::{CwmpVersion, Tolerated, Value, ValueType};
use jiff::Timestamp;

use crate::key::DeviceKey;
use crate::limits::{IDENTITY_CHARS_MAX, PECULIARITIES_MAX, PECULIARITY_CHARS_MAX};
use crate::secret::Fingerprint;

/// Who a device is (`ID-01`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// For people only (`ID-05`).
    pub manufacturer: String,
    /// Six hexadecimal digits in upper case, or what the device says instead; may be empty.
    pub oui: String,
    /// May be empty.
    pub product_class: String,
    /// Never empty.
    pub serial_number: String,
}

impl Identity {
    /// The identity of an Inform, `None` when it is too long or lacks a serial number, without
    /// which devices cannot be told apart.
    pub fn from_device_id(id: &DeviceIdStruct) -> Option<Self> {
        let fits = |text: &String| text.chars().nth(IDENTITY_CHARS_MAX).is_none();
        let members = [&id.manufacturer, &id.oui, &id.product_class, &id.serial_number];
        let serial_number = id.serial_number.trim();
        (members.into_iter().all(fits) && !serial_number.is_empty()).then(|| Self {
            manufacturer: id.manufacturer.trim().to_owned(),
            oui: id.oui.trim().to_ascii_uppercase(),
            product_class: id.product_class.trim().to_owned(),
            serial_number: serial_number.to_owned(),
        })
    }

    /// The key of this identity.
    pub fn key(&self) -> DeviceKey {
        DeviceKey::new(&self.oui, &self.product_class, &self.serial_number)
    }
}

/// All that is known of a device but its parameters and tags: what most sessions change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFields {
    /// Who it is.
    pub identity: Identity,
    /// When its first Inform came.
    pub registered: Timestamp,
    /// When its last Inform came.
    pub last_inform: Timestamp,
    /// When its last Inform with `1 BOOT` came.
    pub last_boot: Option<Timestamp>,
    /// When its last Inform with `0 BOOTSTRAP` came; what was learnt before may no longer be true
    /// (`ACS-17`).
    pub last_bootstrap: Option<Timestamp>,
    /// Sessions that it has begun: Informs that were accepted.
    pub sessions: u32,
    /// The events of its last Inform.
    pub last_events: Vec<Event>,
    /// Its root object, `Device.` or `InternetGatewayDevice.`, learnt from Informs (`INF-04`,
    /// quirk 25).
    pub root: Option<String>,
    /// The protocol version of its last session.
    pub cwmp_version: CwmpVersion,
    /// What its messages did against the standard, in the words of [`Tolerated`].
    pub peculiarities: BTreeSet<String>,
    /// The connection request credentials that the server has set. A device does not tell its
    /// password (`SEC-01`), so they are kept here when they are set.
    pub connection_request: Credentials,
}

impl DeviceFields {
    /// Remembers a peculiarity; returns whether it is a new one.
    pub(crate) fn note(&mut self, text: &str) -> bool {
        let text: String = text.chars().take(PECULIARITY_CHARS_MAX).collect();
        self.peculiarities.len() < PECULIARITIES_MAX && self.peculiarities.insert(text)
    }

    /// Whether the types that this device gives its values can be relied upon. Some devices leave
    /// types out, and their values are then taken for strings (`LEN-07`).
    pub(crate) fn types_are_reliable(&self) -> bool {
        let missing = Tolerated::ValueTypeMissing.to_string();
        let unknown = Tolerated::ValueTypeUnknown(String::new()).to_string();
        !self.peculiarities.iter().any(|text| *text == missing || text.starts_with(&unknown))
    }
}

/// What was learnt, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<T> {
    /// What.
    pub value: T,
    /// When.
    pub time: Timestamp,
}

impl<T> Known<T> {
    /// Something learnt at a time.
    pub const fn new(value: T, time: Timestamp) -> Self {
        Self { value, time }
    }
}

/// What is known of one path of a device. Each attribute has a time of its own, as scripts ask for
/// each with a time of its own (compat 2.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    /// When the device last told that the path is there.
    pub found: Timestamp,
    /// For an object: when all that lies directly below it was last listed.
    pub listed: Option<Timestamp>,
    /// The value, with the time when it was last read, or reported anew by an Inform, or set. An
    /// Inform that repeats the known value does not change it. `None` for an object and for a
    /// parameter whose value was never read.
    pub value: Option<Known<Value>>,
    /// Whether it can be set, or for objects what `GPN-07` says; `None` when the device was not
    /// asked.
    pub writable: Option<Known<bool>>,
    /// Its notification attribute (`SPA-02`); `None` when the device was not asked.
    pub notification: Option<Known<i32>>,
    /// Its access list; `None` when the device was not asked.
    pub access_list: Option<Known<Vec<String>>>,
    /// What is kept of a value that the device has accepted and does not tell (`SEC-01`). Goes with
    /// the first Inform with `0 BOOTSTRAP`: the device may have lost it.
    pub secret: Option<Fingerprint>,
}

/// What is known of a device by path; objects end in a dot.
pub type Parameters = BTreeMap<String, Parameter>;

impl Parameter {
    /// A path of which nothing else is known.
    pub const fn found(time: Timestamp) -> Self {
        Self {
            found: time,
            listed: None,
            value: None,
            writable: None,
            notification: None,
            access_list: None,
            secret: None,
        }
    }

    /// A parameter whose value was told.
    pub fn with_value(value: Value, time: Timestamp) -> Self {
        Self { value: Some(Known::new(value, time)), ..Self::found(time) }
    }

    /// When the value was learnt; without one, when the path was found.
    pub fn time(&self) -> Timestamp {
        self.value.as_ref().map_or(self.found, |known| known.time)
    }

    /// Whether it can be set, where that is known.
    pub fn is_writable(&self) -> Option<bool> {
        self.writable.map(|known| known.value)
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value_type = self.value.as_ref().map(|known| known.value.value_type);
        f.debug_struct("Parameter")
            .field("found", &self.found)
            .field("listed", &self.listed)
            .field("value_type", &value_type)
            .field("time", &self.time())
            .field("writable", &self.writable)
            .field("notification", &self.notification)
            .field("access_list", &self.access_list)
            .finish_non_exhaustive()
    }
}

/// Whether a path is that of an object: it ends in a dot (`PATH-01`).
pub fn is_object(path: &str) -> bool {
    path.is_empty() || path.ends_with('.')
}

/// Whether a parameter is a secret by its name. A device should not tell such values, and the
/// server keeps none that it has set itself among the parameters (`SEC-01`).
pub fn is_hidden(path: &str) -> bool {
    const ENDINGS: [&str; 5] = ["Password", "Passphrase", "PreSharedKey", "SharedSecret", "WEPKey"];
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// What the server knows of a device.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its key.
    pub key: DeviceKey,
    /// All but its parameters and tags.
    pub fields: DeviceFields,
    /// The tags that operators gave it. Sessions do not change them.
    pub tags: BTreeSet<String>,
    /// Its parameters and objects.
    pub parameters: Parameters,
}

impl DeviceRecord {
    /// The value of a parameter.
    pub fn value(&self, path: &str) -> Option<&Value> {
        self.parameters.get(path)?.value.as_ref().map(|known| &known.value)
    }

    /// The type of a parameter's value.
    pub fn value_type(&self, path: &str) -> Option<ValueType> {
        self.value(path).map(|value| value.value_type)
    }

    /// The version of its firmware, `DeviceInfo.SoftwareVersion`; empty where that is not known.
    pub fn firmware(&self) -> &str {
        let root = self.fields.root.as_deref().unwrap_or_default();
        let value = self.value(&format!("{root}DeviceInfo.SoftwareVersion"));
        value.map_or("", |value| value.text.as_str())
    }

    /// Where the device listens for connection requests, when it has said so.
    pub fn connection_request_url(&self) -> Option<&str> {
        let url = self.management_server("ConnectionRequestURL")?;
        (!url.is_empty()).then_some(url)
    }

    /// The credentials for connection requests, when both are known: those that the server has set,
    /// or those that a device tells although it should not tell the password.
    pub fn connection_request_credentials(&self) -> Option<Credentials> {
        let known = &self.fields.connection_request;
        let username = match known.username.as_str() {
            "" => self.management_server("ConnectionRequestUsername")?,
            set => set,
        };
        let password = known.password().expose();
        let complete = !username.is_empty() && !password.is_empty();
        complete.then(|| Credentials::new(username, Secret::new(password)))
    }

    /// The paths of everything below `prefix`, `prefix` itself included if it is known.
    pub fn beneath<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Parameter)> + 'a {
        self.parameters
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(prefix))
            .map(|(path, parameter)| (path.as_str(), parameter))
    }

    /// The value of a parameter of the object `ManagementServer`.
    pub(crate) fn management_server(&self, name: &str) -> Option<&str> {
        let root = self.fields.root.as_deref()?;
        self.value(&format!("{root}ManagementServer.{name}")).map(|value| value.text.as_str())
    }
}

impl fmt::Debug for DeviceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceRecord")
            .field("key", &self.key)
            .field("fields", &self.fields)
            .field("tags", &self.tags)
            .field("parameters", &self.parameters.len())
            .finish()
    }
}
