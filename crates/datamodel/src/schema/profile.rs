//! Profiles: what a device must have to claim one (TR-106 §2.3).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Object, Parameter, ProfileRow, Schema};
use crate::draft::ObjectRequirement;
use crate::limits::BASE_DEPTH_MAX;
use crate::syntax::{Access, Status};
use crate::version::Version;

/// A profile of a schema, such as `Baseline:1`.
#[derive(Clone, Copy)]
pub struct Profile<'s> {
    schema: &'s Schema,
    row: &'s ProfileRow,
}

/// One thing that a profile asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement<'s> {
    /// An object.
    Object(Object<'s>, ObjectRequirement),
    /// A parameter, and how it must be accessible.
    Parameter(Parameter<'s>, Access),
}

/// Everything that a profile asks for, with what it is based on (`XML-22`).
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    objects: BTreeMap<u32, ObjectRequirement>,
    parameters: BTreeMap<u32, Access>,
}

impl<'s> Profile<'s> {
    pub(super) fn new(schema: &'s Schema, row: &'s ProfileRow) -> Self {
        Self { schema, row }
    }

    /// Name and version, such as `Baseline:1`.
    pub fn name(&self) -> &'s str {
        &self.row.name
    }

    /// Whether it exists only for other profiles to build on (`XML-04`).
    pub fn is_internal(&self) -> bool {
        self.row.name.starts_with('_')
    }

    /// The earlier version that it contains.
    pub fn base(&self) -> Option<&'s str> {
        self.row.base.as_deref()
    }

    /// Other profiles that it contains.
    pub fn extends(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.row.extends.iter().map(|name| &**name)
    }

    /// Version of the model that brought it.
    pub fn version(&self) -> Version {
        self.row.version
    }

    /// Whether it is still in use.
    pub fn status(&self) -> Status {
        self.row.status
    }

    /// What it is for, in schemas with descriptions.
    pub fn description(&self) -> Option<&'s str> {
        self.row.description.as_deref()
    }

    /// What it asks for itself.
    pub fn own_requirements(&self) -> impl Iterator<Item = Requirement<'s>> + use<'s> {
        let schema = self.schema;
        let objects = self.row.objects.iter();
        let parameters = self.row.parameters.iter();
        let objects =
            objects.map(move |(id, asked)| Requirement::Object(Object::new(schema, *id), *asked));
        let parameters = parameters
            .map(move |(id, access)| Requirement::Parameter(Parameter::new(schema, *id), *access));
        objects.chain(parameters)
    }

    /// What it asks for together with what it is based on and extends.
    pub fn requirements(&self) -> Requirements {
        let mut all = Requirements::default();
        let mut seen = BTreeSet::new();
        self.collect(&mut all, &mut seen, BASE_DEPTH_MAX);
        all
    }

    fn collect(&self, all: &mut Requirements, seen: &mut BTreeSet<&'s str>, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        if !seen.insert(self.name()) {
            return;
        }
        for name in self.base().into_iter().chain(self.extends()) {
            if let Some(profile) = self.schema.profile(name) {
                profile.collect(all, seen, depth);
            }
        }
        for (id, requirement) in &self.row.objects {
            let known = all.objects.entry(*id).or_default();
            *known = known.union(*requirement);
        }
        for (id, access) in &self.row.parameters {
            let known = all.parameters.entry(*id).or_default();
            *known = (*known).max(*access);
        }
    }

    /// Whether it asks, itself or by what it is based on, for this parameter.
    pub fn requires(&self, parameter: Parameter<'_>) -> bool {
        self.requirements().parameters.contains_key(&parameter.id())
    }
}

impl Requirements {
    /// Objects first, then parameters, each in the order of the document. `schema` is the one that
    /// the profile is of.
    pub fn iter<'s>(&self, schema: &'s Schema) -> impl Iterator<Item = Requirement<'s>> {
        let objects = self.objects.iter().filter(|(id, _)| schema.object_row(**id).is_some());
        let parameters =
            self.parameters.iter().filter(|(id, _)| schema.parameter_row(**id).is_some());
        let objects =
            objects.map(move |(id, asked)| Requirement::Object(Object::new(schema, *id), *asked));
        let parameters = parameters
            .map(move |(id, access)| Requirement::Parameter(Parameter::new(schema, *id), *access));
        objects.chain(parameters)
    }

    /// Number of objects and parameters.
    pub fn len(&self) -> usize {
        self.objects.len().saturating_add(self.parameters.len())
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.parameters.is_empty()
    }
}

impl fmt::Debug for Profile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({})", self.row.name)
    }
}
