//! All models that are at hand, and which of them fits a device.
//!
//! ```
//! # #[cfg(feature = "shipped")] {
//! use drover_datamodel::catalog::{Catalog, DeviceHints};
//!
//! let catalog = Catalog::shipped();
//! let summary = "InternetGatewayDevice:1.4[](Baseline:1), VoiceService:1.0[1](Endpoint:1)";
//! let hints = DeviceHints {
//!     root: "InternetGatewayDevice",
//!     device_summary: Some(summary),
//!     ..DeviceHints::default()
//! };
//! let model = catalog.select(&hints).unwrap();
//! assert_eq!(model.name(), "InternetGatewayDevice:1.14");
//! let path = "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1.Enable";
//! assert!(model.find(path).unwrap().parameter().unwrap().is_writable());
//! # }
//! ```

#[cfg(feature = "compile")]
mod extended;
mod hints;
mod model;
mod rule;
mod select;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use hints::{DeviceHints, SupportedModel};
pub use model::DeviceModel;
pub use rule::{DeviceIdentity, DeviceRule};

#[cfg(feature = "compile")]
use crate::extension::{Extension, ExtensionError};
use crate::schema::Schema;
#[cfg(feature = "shipped")]
use crate::shipped::{MODELS, ShippedModel};
use crate::version::{ModelName, Version};

/// Characters of what a device says that a text for operators repeats.
const SHOWN_CHARS_MAX: usize = 64;

/// Models, device types and extensions.
#[derive(Debug, Default)]
pub struct Catalog {
    models: BTreeMap<ModelName, Model>,
    device_types: Vec<KnownDeviceType>,
    #[cfg(feature = "compile")]
    extensions: BTreeMap<ModelName, Arc<Extension>>,
    #[cfg(feature = "compile")]
    extended: extended::Cache,
}

/// A model, unpacked or not yet.
#[derive(Debug, Clone)]
enum Model {
    Loaded(Arc<Schema>),
    #[cfg(feature = "shipped")]
    Shipped(&'static ShippedModel),
}

/// A device type with its model, and further devices that have it.
#[derive(Debug)]
struct KnownDeviceType {
    about: Arc<DeviceType>,
    schema: Arc<Schema>,
    rules: Vec<DeviceRule>,
}

/// What a device type document says of a device besides its model (`DT-01`, `DT-03`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceType {
    /// The type, as a URI.
    pub device_type: Box<str>,
    /// What tells the document from all others; `SupportedDataModel.{i}.UUID` has it (`DI-01`).
    pub uuid: Box<str>,
    /// Such as `Router`, or one that begins with `X_`.
    pub features: Vec<Box<str>>,
}

impl Catalog {
    /// Begins without any model.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins with the models that come with the program. Each is unpacked when it is first chosen.
    #[cfg(feature = "shipped")]
    pub fn shipped() -> Self {
        let named = MODELS.iter().filter_map(|model| {
            // All of them have such a name, as a test says.
            Some((model.name.parse().ok()?, Model::Shipped(model)))
        });
        Self { models: named.collect(), ..Self::default() }
    }

    /// Adds a model, in place of the one of the same name. A root is chosen for devices whose root
    /// object is called as the model is.
    pub fn add_schema(&mut self, schema: Arc<Schema>) {
        let name = ModelName { name: schema.root_name().into(), ..schema.name().clone() };
        self.models.insert(name, Model::Loaded(schema));
        #[cfg(feature = "compile")]
        self.extended.clear();
    }

    /// Adds a device type with its model. It is chosen for devices that name its UUID in
    /// `SupportedDataModel`, and for those that a rule matches.
    pub fn add_device_type(
        &mut self,
        device_type: DeviceType,
        schema: Arc<Schema>,
        rules: Vec<DeviceRule>,
    ) {
        let about = Arc::new(device_type);
        self.device_types.push(KnownDeviceType { about, schema, rules });
    }

    /// Adds an extension, in place of the one of the same name and version. It is chosen for the
    /// devices that it names.
    ///
    /// # Errors
    /// [`ExtensionError`] when the model that it extends is not here, or it does not fit that,
    /// alone and together with the extensions whose names come before its own.
    #[cfg(feature = "compile")]
    pub fn add_extension(&mut self, extension: Arc<Extension>) -> Result<(), ExtensionError> {
        self.check_extension(&extension)?;
        self.extensions.insert(extension.name().clone(), extension);
        self.extended.clear();
        Ok(())
    }

    /// The model of this name and version.
    pub fn model(&self, name: &ModelName) -> Option<Arc<Schema>> {
        self.models.get(name).map(Model::schema)
    }

    /// Names of all models.
    pub fn names(&self) -> impl Iterator<Item = &ModelName> {
        self.models.keys()
    }

    /// The extensions, in the order of their names.
    #[cfg(feature = "compile")]
    pub fn extensions(&self) -> impl Iterator<Item = &Arc<Extension>> {
        self.extensions.values()
    }

    /// The model that fits a device best; `None` when its root object is that of no model, so that
    /// only the device itself can say what it has (`RT-10`).
    ///
    /// 1. A device type goes before all else: one whose UUID the device names, or the one with the
    ///    most specific rule that matches.
    /// 2. Otherwise the version decides that the device gives, in `RootDataModelVersion`,
    ///    `DeviceSummary` or `SupportedDataModel`: that very one, or the lowest above it, which
    ///    contains it (`TM-03`), or the highest below. Without any, the major version that knows
    ///    most of the device's paths, and else the newest.
    /// 3. The same is done for each service.
    /// 4. Then come the extensions with a rule that matches, in the order of their names. Of
    ///    several versions of one extension, the one with the most specific rule is taken, and the
    ///    newest of those. Where the chosen version lacks what an extension builds on, the version
    ///    is taken that the extension names.
    pub fn select(&self, hints: &DeviceHints<'_>) -> Option<DeviceModel> {
        select::select(self, hints)
    }

    /// The models of this name, oldest first.
    fn versions<'c>(&'c self, name: &'c str) -> impl Iterator<Item = (&'c ModelName, &'c Model)> {
        let first = ModelName { name: name.into(), version: Version::default() };
        self.models.range(first..).take_while(move |(it, _)| &*it.name == name)
    }

    /// The model of this version, or the lowest above it, or the highest below, all with the same
    /// major version.
    fn nearest<'c>(
        &'c self,
        name: &'c str,
        version: Version,
    ) -> Option<(&'c ModelName, &'c Model)> {
        let same = || self.versions(name).filter(move |(it, _)| it.version.major == version.major);
        same().find(|(it, _)| it.version >= version).or_else(|| same().last())
    }
}

impl Model {
    fn schema(&self) -> Arc<Schema> {
        match self {
            Self::Loaded(schema) => Arc::clone(schema),
            #[cfg(feature = "shipped")]
            Self::Shipped(model) => model.schema(),
        }
    }

    /// Without unpacking it.
    fn is_service(&self) -> bool {
        match self {
            Self::Loaded(schema) => schema.is_service(),
            #[cfg(feature = "shipped")]
            Self::Shipped(model) => {
                !["Device:", "InternetGatewayDevice:"].iter().any(|it| model.name.starts_with(it))
            }
        }
    }
}

/// On one line, and not too long.
fn brief(text: &str) -> String {
    let mut brief: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
