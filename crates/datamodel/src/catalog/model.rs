//! The model of a device: that of its root with those of its services.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::DeviceType;
use crate::conformance::Models;
use crate::schema::{Item, Schema};
use crate::version::ModelName;

/// What was chosen for a device. A clone costs nearly nothing.
#[derive(Debug, Clone)]
pub struct DeviceModel {
    pub(super) root: Arc<Schema>,
    /// By name, such as `VoiceService`.
    pub(super) services: BTreeMap<Box<str>, Arc<Schema>>,
    /// Names of those services that the device says it has, or shows.
    pub(super) seen: BTreeSet<Box<str>>,
    pub(super) extensions: Vec<ModelName>,
    pub(super) device_type: Option<Arc<DeviceType>>,
    pub(super) reason: String,
}

impl DeviceModel {
    /// The root's model.
    pub fn root(&self) -> &Arc<Schema> {
        &self.root
    }

    /// The models of services, one for each name, so that a service that is seen for the first time
    /// has one. Which of them the device has is [`seen_services`](Self::seen_services).
    pub fn services(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.services.values()
    }

    /// The models of those services that the device says it has, or of which it has a path.
    pub fn seen_services(&self) -> impl Iterator<Item = &Arc<Schema>> {
        let seen = self.services.iter().filter(|(name, _)| self.seen.contains(*name));
        seen.map(|(_, schema)| schema)
    }

    /// All of them, for a comparison with a device.
    pub fn models(&self) -> Models<'_> {
        let services = self.services.values().map(|schema| &**schema);
        services.fold(Models::new(&self.root), Models::with)
    }

    /// The extensions that are in it.
    pub fn extensions(&self) -> &[ModelName] {
        &self.extensions
    }

    /// The device type, if the root's model is that of one.
    pub fn device_type(&self) -> Option<&DeviceType> {
        self.device_type.as_deref()
    }

    /// The root's model and the extensions, such as `Device:2.19+X_EXAMPLE-COM_Lamp:1.0`.
    pub fn name(&self) -> String {
        let mut name = self.root.name().to_string();
        for extension in &self.extensions {
            // Writing into a text does not fail.
            let _ = write!(name, "+{extension}");
        }
        name
    }

    /// Why it was chosen, in one line for operators.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What a path stands for, in the root's model or below `Services.` in that of the service.
    pub fn find(&self, path: &str) -> Option<Item<'_>> {
        let in_service = self.service_at(path).and_then(|service| service.find(path));
        in_service.or_else(|| self.root.find(path))
    }

    /// The model that a path is looked up in.
    pub fn schema_for(&self, path: &str) -> &Arc<Schema> {
        let service = self.service_at(path).filter(|service| service.find(path).is_some());
        service.unwrap_or(&self.root)
    }

    /// The service that a path leads to, or the parameter that counts its instances.
    fn service_at(&self, path: &str) -> Option<&Arc<Schema>> {
        let (root, below) = path.split_once(".Services.")?;
        let name = below.split('.').next().filter(|_| !root.contains('.'))?;
        let counted = || self.services.get(name.strip_suffix("NumberOfEntries")?);
        self.services.get(name).or_else(counted)
    }
}
