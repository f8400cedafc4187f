//! Vendor extensions: a small text adds the objects and parameters of a vendor to a model, and the
//! vendor's words to its enumerations (`TM-16`).
//!
//! ```
//! # #[cfg(feature = "shipped")] {
//! use drover_datamodel::extension::Extension;
//! use drover_datamodel::shipped;
//!
//! let text = r#"
//!     extends = "Device:2.19"
//!     name = "X_EXAMPLE-COM_Lamp:1.0"
//!
//!     [object."Device.X_EXAMPLE-COM_Lamp.{i}."]
//!     access = "readWrite"
//!     parameter.Enable = { type = "boolean", access = "readWrite" }
//!     parameter.Brightness = { type = "unsignedInt", access = "readWrite", range = "0..100" }
//! "#;
//! let extension = Extension::parse(text, "lamp.toml").unwrap();
//! let model = extension.apply(&shipped::model("Device:2.19").unwrap()).unwrap();
//! let brightness = model.find_parameter("Device.X_EXAMPLE-COM_Lamp.1.Brightness").unwrap();
//! assert!(brightness.is_writable());
//! assert!(model.find_parameter("Device.X_EXAMPLE-COM_LampNumberOfEntries").is_some());
//! # }
//! ```

mod apply;
mod document;
mod names;
mod parameter;
mod read;
mod types;

use crate::catalog::DeviceRule;
use crate::compile::{Problem, problem_summary};
use crate::draft::{DraftParameter, DraftUniqueKey};
use crate::schema::Schema;
use crate::syntax::{Access, Enumeration, Status};
use crate::version::ModelName;

pub(crate) use types::named as named_type;

/// What a vendor adds to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The file, as it is shown in messages.
    shown: Box<str>,
    name: ModelName,
    extends: ModelName,
    /// Where the file says so.
    extends_line: u32,
    description: Option<Box<str>>,
    devices: Vec<DeviceRule>,
    /// Names of the standard may be added, too.
    any_names: bool,
    /// In the order of the file.
    objects: Vec<AddedObject>,
}

/// An object of the extension, or one of the model to which parameters are added.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AddedObject {
    line: u32,
    path: String,
    definition: Definition,
    /// In the order of the file.
    parameters: Vec<AddedParameter>,
}

/// What the file says of an object itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Definition {
    description: Option<Box<str>>,
    access: Option<Access>,
    entries: Option<(u32, Option<u32>)>,
    number_of_entries: Option<String>,
    enable: Option<String>,
    unique_keys: Vec<DraftUniqueKey>,
    status: Option<Status>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AddedParameter {
    line: u32,
    name: String,
    change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// A new parameter. Paths of its references are those of tables, which must exist.
    New(Box<DraftParameter>),
    /// More is possible with a parameter of the model.
    Widen { writable: bool, words: Vec<Enumeration> },
}

/// An extension that cannot be used. Each problem has its file, line and path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problem_summary(.problems, "the extension cannot be used"))]
pub struct ExtensionError {
    /// All that was found, in the order of finding.
    pub problems: Vec<Problem>,
}

impl Extension {
    /// Reads the text of an extension. `shown` is the name of the file in messages.
    ///
    /// # Errors
    /// [`ExtensionError`] with everything that is wrong, as far as that can be said without the
    /// model.
    pub fn parse(text: &str, shown: &str) -> Result<Self, ExtensionError> {
        read::read(text, shown)
    }

    /// The model with the objects and parameters added. They come after its own. More than one
    /// extension can be applied, one after the other.
    ///
    /// The model may be of another minor version than [`extends`](Self::extends) says, as long as
    /// it has what the extension builds on.
    ///
    /// # Errors
    /// [`ExtensionError`] when the model is another one, lacks something, or has it already.
    pub fn apply(&self, base: &Schema) -> Result<Schema, ExtensionError> {
        apply::apply(self, base)
    }

    /// What it is called, such as `X_EXAMPLE-COM_Lamp:1.0`.
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// The model that it was written for.
    pub fn extends(&self) -> &ModelName {
        &self.extends
    }

    /// What it is for, in words.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Which devices it is for: those that one of these matches. Without any, it is used only where
    /// somebody says so.
    pub fn devices(&self) -> &[DeviceRule] {
        &self.devices
    }

    /// Full paths of the objects and parameters that it names, in the order of the file.
    pub fn paths(&self) -> impl Iterator<Item = String> + '_ {
        self.objects.iter().flat_map(|object| {
            let parameters = object.parameters.iter();
            let below = parameters.map(move |it| format!("{}{}", object.path, it.name));
            std::iter::once(object.path.clone()).chain(below)
        })
    }

    /// A problem with the model that it extends.
    pub(crate) fn base_error(&self, message: String) -> ExtensionError {
        let mut problems = crate::compile::Problems::default();
        problems.error(self.place(self.extends_line), "", message);
        ExtensionError { problems: problems.into_list() }
    }

    fn place(&self, line: u32) -> crate::compile::Place {
        crate::compile::Place { file: self.shown.clone(), line }
    }
}

#[cfg(test)]
mod tests;
