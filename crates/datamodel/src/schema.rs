//! A compiled model: what everything else looks up.

mod build;
mod format;
mod index;
mod lookup;
mod profile;
mod view;

use std::fmt;
use std::ops::Range;

pub use build::{BuildProblem, BuildProblemKind};
pub use format::{FORMAT_VERSION, FormatError, MAGIC};
pub use lookup::{Item, Row};
pub use profile::{Profile, Requirement, Requirements};
pub use view::{Object, Parameter, UniqueKey};

use crate::draft::ObjectRequirement;
use crate::syntax::{Access, ActiveNotify, DefaultValue, Status, Syntax};
use crate::version::{ModelName, Version};
use index::Index;

/// The object that holds everything; it has no name and no path.
const TOP: u32 = 0;

/// One model, such as `Device:2.19`: its objects, parameters and profiles.
///
/// Items that are deleted are not shown (`XML-27`), unless
/// [`show_deleted`](Self::show_deleted) was called.
#[derive(Clone, PartialEq, Eq)]
pub struct Schema {
    name: ModelName,
    spec: Box<str>,
    is_service: bool,
    /// The first one is [`TOP`]; then in the order of the document.
    objects: Vec<ObjectRow>,
    /// Those of one object stand together, in the order of the document.
    parameters: Vec<ParameterRow>,
    /// Each one once.
    syntaxes: Vec<Syntax>,
    profiles: Vec<ProfileRow>,
    index: Index,
    shows_deleted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ObjectRow {
    /// Last component of the path, without `{i}`.
    name: Box<str>,
    parent: u32,
    is_table: bool,
    access: Access,
    entries_min: u32,
    entries_max: Option<u32>,
    num_entries: Option<u32>,
    enable: Option<u32>,
    discriminator: Option<u32>,
    mount_point: bool,
    version: Version,
    status: Status,
    /// It or an object above it is deleted.
    is_deleted: bool,
    unique_keys: Vec<UniqueKeyRow>,
    description: Option<Box<str>>,
    parameters: Range<u32>,
    /// In the order of the document.
    children: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct UniqueKeyRow {
    functional: bool,
    parameters: Vec<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ParameterRow {
    name: Box<str>,
    object: u32,
    access: Access,
    version: Version,
    status: Status,
    active_notify: ActiveNotify,
    forced_inform: bool,
    syntax: u32,
    default: Option<DefaultValue>,
    description: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ProfileRow {
    name: Box<str>,
    base: Option<Box<str>>,
    extends: Vec<Box<str>>,
    version: Version,
    status: Status,
    objects: Vec<(u32, ObjectRequirement)>,
    parameters: Vec<(u32, Access)>,
    description: Option<Box<str>>,
}

/// How much there is of a model, whatever its status (`DM-02`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Objects; a table counts once.
    pub objects: usize,
    /// Objects whose path ends in `{i}.`.
    pub tables: usize,
    /// Parameters, those beside a service object included.
    pub parameters: usize,
    /// Profiles, internal ones included.
    pub profiles: usize,
}

impl Schema {
    /// Such as `Device:2.19`.
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// Name of the root or service object, such as `Device`.
    pub fn root_name(&self) -> &str {
        self.name.name.trim_start_matches('_')
    }

    /// The document that it was compiled from, as a URN (`DI-01`).
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// Whether it is a service object, which lies below `Services.` of a root object (`TM-01`).
    pub fn is_service(&self) -> bool {
        self.is_service
    }

    /// Shows deleted items, too, or hides them again.
    pub fn show_deleted(&mut self, show: bool) {
        self.shows_deleted = show;
    }

    /// Whether anything in it is described.
    pub fn has_descriptions(&self) -> bool {
        self.objects.iter().any(|object| object.description.is_some())
            || self.parameters.iter().any(|parameter| parameter.description.is_some())
    }

    /// The objects in the order of the document.
    pub fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        let ids = (1_u32..).take(self.objects.len().saturating_sub(1));
        ids.map(|id| Object::new(self, id)).filter(|object| self.shows(object.is_deleted()))
    }

    /// The parameters, those beside a service object first, object by object.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'_>> {
        let ids = (0_u32..).take(self.parameters.len());
        ids.map(|id| Parameter::new(self, id))
            .filter(|parameter| self.shows(parameter.is_deleted()))
    }

    /// The root object, or the service object.
    pub fn root(&self) -> Option<Object<'_>> {
        self.objects().next()
    }

    /// What there is directly at the top: the root or service object, and parameters beside it.
    pub fn top(&self) -> Object<'_> {
        Object::new(self, TOP)
    }

    /// The profiles in the order of the document, internal ones included.
    pub fn profiles(&self) -> impl Iterator<Item = Profile<'_>> {
        let profiles = self.profiles.iter().map(|row| Profile::new(self, row));
        profiles.filter(|profile| self.shows(profile.status() == Status::Deleted))
    }

    /// The profile with this name, such as `Baseline:1`.
    pub fn profile(&self, name: &str) -> Option<Profile<'_>> {
        let row = self.profiles.iter().find(|row| &*row.name == name)?;
        Some(Profile::new(self, row))
    }

    /// Counts everything.
    pub fn stats(&self) -> Stats {
        let objects = self.objects.get(1..).unwrap_or_default();
        Stats {
            objects: objects.len(),
            tables: objects.iter().filter(|object| object.is_table).count(),
            parameters: self.parameters.len(),
            profiles: self.profiles.len(),
        }
    }

    fn shows(&self, is_deleted: bool) -> bool {
        self.shows_deleted || !is_deleted
    }

    fn object_row(&self, id: u32) -> Option<&ObjectRow> {
        self.objects.get(usize::try_from(id).ok()?)
    }

    fn parameter_row(&self, id: u32) -> Option<&ParameterRow> {
        self.parameters.get(usize::try_from(id).ok()?)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("name", &self.name)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
