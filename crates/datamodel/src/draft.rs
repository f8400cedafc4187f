//! A model while it is being put together: what the compiler makes, what extensions add to.

use crate::syntax::{Access, ActiveNotify, DefaultValue, Status, Syntax};
use crate::version::Version;

/// A model as a list of objects, with every name written out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// Such as `Device:2.19`.
    pub name: String,
    /// The document that defines it, as a URN.
    pub spec: String,
    /// Whether it is a service object, which lies below `Services.` (`TM-01`).
    pub is_service: bool,
    /// In the order of the document (`CMP-01`). The first may have an empty path: it holds the
    /// parameters that stand beside a service object.
    pub objects: Vec<DraftObject>,
    /// In the order of the document.
    pub profiles: Vec<DraftProfile>,
}

impl Draft {
    /// Leaves facts alone.
    pub fn remove_descriptions(&mut self) {
        for object in &mut self.objects {
            object.description = None;
            for parameter in &mut object.parameters {
                parameter.description = None;
                for word in &mut parameter.syntax.enumerations {
                    word.description = None;
                }
                for pattern in &mut parameter.syntax.patterns {
                    pattern.description = None;
                }
            }
        }
        for profile in &mut self.profiles {
            profile.description = None;
        }
    }
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftObject {
    /// Full path with `{i}` for each instance, such as `Device.WiFi.Radio.{i}.`.
    pub path: String,
    /// Whether the ACS adds and deletes rows.
    pub access: Access,
    /// Rows at least.
    pub entries_min: u32,
    /// Rows at most; `None` for any number.
    pub entries_max: Option<u32>,
    /// The parameter beside the table that counts its rows.
    pub num_entries_parameter: Option<String>,
    /// The parameter in a row that switches the row on.
    pub enable_parameter: Option<String>,
    /// The parameter beside an optional object that says whether it is there (`RT-06`).
    pub discriminator_parameter: Option<String>,
    /// Other models may be mounted here.
    pub mount_point: bool,
    /// Version that brought it.
    pub version: Version,
    /// Whether it is still in use.
    pub status: Status,
    /// What tells rows apart (`TM-19`).
    pub unique_keys: Vec<DraftUniqueKey>,
    /// What it is, in schemas with descriptions.
    pub description: Option<Box<str>>,
    /// In the order of the document.
    pub parameters: Vec<DraftParameter>,
}

/// Parameters whose values together are unique among the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DraftUniqueKey {
    /// Whether it counts only among rows that are switched on.
    pub functional: bool,
    /// Names, or paths relative to the row.
    pub parameters: Vec<String>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftParameter {
    /// Without dots.
    pub name: String,
    /// Whether the ACS may set it.
    pub access: Access,
    /// Version that brought it.
    pub version: Version,
    /// Whether it is still in use.
    pub status: Status,
    /// Which notification it allows.
    pub active_notify: ActiveNotify,
    /// Whether it is part of every Inform.
    pub forced_inform: bool,
    /// What its values look like.
    pub syntax: Syntax,
    /// Its value when nobody has set it.
    pub default: Option<DefaultValue>,
    /// What it is, in schemas with descriptions.
    pub description: Option<Box<str>>,
}

/// A set of requirements under a name (`TM-04`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftProfile {
    /// Such as `Baseline:1`.
    pub name: String,
    /// The earlier version that it contains.
    pub base: Option<String>,
    /// Other profiles that it contains.
    pub extends: Vec<String>,
    /// Version of the model that brought it.
    pub version: Version,
    /// Whether it is still in use.
    pub status: Status,
    /// Path of an object, and what it must allow.
    pub objects: Vec<(String, ObjectRequirement)>,
    /// Full path of a parameter, and how it must be accessible.
    pub parameters: Vec<(String, Access)>,
    /// What it is for, in schemas with descriptions.
    pub description: Option<Box<str>>,
}

/// What a profile asks of an object (`TM-05`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ObjectRequirement {
    /// Nothing.
    #[default]
    NotSpecified,
    /// It is there.
    Present,
    /// The ACS can add rows.
    Create,
    /// The ACS can delete rows.
    Delete,
    /// Both.
    CreateDelete,
}

impl ObjectRequirement {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NotSpecified, Self::Present, Self::Create, Self::Delete, Self::CreateDelete];

    /// As the XML writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSpecified => "notSpecified",
            Self::Present => "present",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::CreateDelete => "createDelete",
        }
    }

    /// What asks for both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        let create = self.create() || other.create();
        let delete = self.delete() || other.delete();
        let present = !matches!((self, other), (Self::NotSpecified, Self::NotSpecified));
        match (create, delete, present) {
            (true, true, _) => Self::CreateDelete,
            (true, false, _) => Self::Create,
            (false, true, _) => Self::Delete,
            (false, false, true) => Self::Present,
            (false, false, false) => Self::NotSpecified,
        }
    }

    /// Whether the ACS must be able to add rows.
    pub const fn create(self) -> bool {
        matches!(self, Self::Create | Self::CreateDelete)
    }

    /// Whether the ACS must be able to delete rows.
    pub const fn delete(self) -> bool {
        matches!(self, Self::Delete | Self::CreateDelete)
    }
}
