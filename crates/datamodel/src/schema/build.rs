//! From a draft to a schema and back.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::{ObjectRow, ParameterRow, ProfileRow, Schema, TOP, UniqueKeyRow};
use crate::draft::{Draft, DraftObject, DraftParameter, DraftProfile, DraftUniqueKey};
use crate::limits::{OBJECTS_MAX, PARAMETERS_MAX, PROFILES_MAX, REQUIREMENTS_MAX};
use crate::syntax::{Access, Status, Syntax};
use crate::version::Version;

/// A draft says something that is not so. The schema is made without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct BuildProblem {
    /// What the problem is about: a path or the name of a profile.
    pub path: String,
    /// What is wrong.
    pub kind: BuildProblemKind,
}

/// The kinds of [`BuildProblem`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildProblemKind {
    /// The name of the model has no version.
    #[error("a model is called Name:Major.Minor")]
    ModelName,
    /// A path that is no path of an object.
    #[error("the path of an object is made of names and {{i}} and ends in a dot")]
    ObjectPath,
    /// The object that holds this one is not defined.
    #[error("the object {0} that should hold it is not defined")]
    NoParent(String),
    /// The same thing twice.
    #[error("it is defined a second time")]
    Duplicate,
    /// A parameter that the object names is missing.
    #[error("its {role} {name} is not defined")]
    NoParameter {
        /// What the parameter is for.
        role: &'static str,
        /// Its name.
        name: String,
    },
    /// A profile asks for something that is missing.
    #[error("it requires {0}, which is not defined")]
    NoTarget(String),
    /// A profile builds on one that is missing.
    #[error("it builds on the profile {0}, which is not defined")]
    NoProfile(String),
    /// A limit of this crate.
    #[error("there is more of it than the schema can hold ({0})")]
    TooMuch(&'static str),
}

impl BuildProblemKind {
    /// Whether the schema lacks something of the draft, rather than only a link within it.
    pub fn loses_items(&self) -> bool {
        !matches!(self, Self::NoParameter { .. } | Self::NoTarget(_) | Self::NoProfile(_))
    }
}

/// Makes a schema of a draft.
struct Builder {
    schema: Schema,
    /// Path of an object with `{i}` → its number.
    objects: BTreeMap<String, u32>,
    parameters: BTreeMap<(u32, Box<str>), u32>,
    syntaxes: BTreeMap<Syntax, u32>,
    profiles: BTreeSet<Box<str>>,
    /// What the profiles ask for so far.
    requirements: usize,
    problems: Vec<BuildProblem>,
}

impl Schema {
    /// Makes a schema of a draft, and says what of the draft cannot be in it.
    pub fn build(draft: &Draft) -> (Self, Vec<BuildProblem>) {
        let mut builder = Builder::new(draft);
        // What stands beside a service comes first, wherever the document has it.
        let (top, others): (Vec<_>, Vec<_>) =
            draft.objects.iter().partition(|object| object.path.is_empty());
        for object in top.into_iter().chain(others) {
            builder.object(object);
        }
        for object in &draft.objects {
            builder.links(object);
        }
        for profile in &draft.profiles {
            builder.profile(profile);
        }
        builder.check_profiles();
        builder.finish()
    }

    /// The draft from which the same schema can be made.
    pub fn to_draft(&self) -> Draft {
        let mut shown = self.clone();
        shown.show_deleted(true);
        let top = (!shown.top().row_parameters().is_empty()).then(|| shown.draft_object(TOP));
        let others = (1_u32..).take(self.objects.len().saturating_sub(1));
        Draft {
            name: self.name.to_string(),
            spec: self.spec.to_string(),
            is_service: self.is_service,
            objects: top.into_iter().chain(others.map(|id| shown.draft_object(id))).collect(),
            profiles: self.profiles.iter().map(|row| self.draft_profile(row)).collect(),
        }
    }

    fn draft_object(&self, id: u32) -> DraftObject {
        let object = super::Object::new(self, id);
        let name =
            |parameter: Option<super::Parameter<'_>>| parameter.map(|it| it.name().to_owned());
        DraftObject {
            path: object.path(),
            access: object.access(),
            entries_min: object.entries_min(),
            entries_max: object.entries_max(),
            num_entries_parameter: name(object.num_entries_parameter()),
            enable_parameter: name(object.enable_parameter()),
            discriminator_parameter: name(object.discriminator_parameter()),
            mount_point: object.is_mount_point(),
            version: object.version(),
            status: object.status(),
            unique_keys: object
                .unique_keys()
                .map(|key| DraftUniqueKey {
                    functional: key.functional,
                    parameters: key.parameters.iter().map(|name| name.to_string()).collect(),
                })
                .collect(),
            description: object.description().map(Into::into),
            parameters: object.parameters().map(|parameter| draft_parameter(&parameter)).collect(),
        }
    }

    fn draft_profile(&self, row: &ProfileRow) -> DraftProfile {
        let object = |id: u32| super::Object::new(self, id).path();
        let parameter = |id: u32| super::Parameter::new(self, id).path();
        DraftProfile {
            name: row.name.to_string(),
            base: row.base.as_ref().map(ToString::to_string),
            extends: row.extends.iter().map(ToString::to_string).collect(),
            version: row.version,
            status: row.status,
            objects: row.objects.iter().map(|(id, asked)| (object(*id), *asked)).collect(),
            parameters: row.parameters.iter().map(|(id, it)| (parameter(*id), *it)).collect(),
            description: row.description.clone(),
        }
    }
}

fn draft_parameter(parameter: &super::Parameter<'_>) -> DraftParameter {
    DraftParameter {
        name: parameter.name().to_owned(),
        access: parameter.access(),
        version: parameter.version(),
        status: parameter.status(),
        active_notify: parameter.active_notify(),
        forced_inform: parameter.forced_inform(),
        syntax: parameter.syntax().clone(),
        default: parameter.default().cloned(),
        description: parameter.description().map(Into::into),
    }
}

impl Builder {
    fn new(draft: &Draft) -> Self {
        let mut problems = Vec::new();
        let name = draft.name.parse().unwrap_or_else(|_| {
            let path = draft.name.clone();
            problems.push(BuildProblem { path, kind: BuildProblemKind::ModelName });
            crate::ModelName { name: draft.name.as_str().into(), version: Version::default() }
        });
        let parameters = draft.objects.iter().map(|object| object.parameters.len()).sum::<usize>();
        let mut schema = Schema {
            name,
            spec: draft.spec.as_str().into(),
            is_service: draft.is_service,
            objects: Vec::with_capacity(draft.objects.len().saturating_add(1)),
            parameters: Vec::with_capacity(parameters),
            syntaxes: Vec::new(),
            profiles: Vec::new(),
            index: Index::default(),
            shows_deleted: false,
        };
        schema.objects.push(top_row());
        let objects = BTreeMap::from([(String::new(), TOP)]);
        Self {
            schema,
            objects,
            parameters: BTreeMap::new(),
            syntaxes: BTreeMap::new(),
            profiles: BTreeSet::new(),
            requirements: 0,
            problems,
        }
    }

    fn problem(&mut self, path: &str, kind: BuildProblemKind) {
        self.problems.push(BuildProblem { path: path.to_owned(), kind });
    }

    fn object(&mut self, draft: &DraftObject) {
        if draft.path.is_empty() {
            let range = self.parameters_of(draft, TOP);
            if let Some(top) = self.schema.objects.first_mut() {
                top.parameters = range;
            }
            return;
        }
        let Some((parent_path, name, is_table)) = split(&draft.path) else {
            return self.problem(&draft.path, BuildProblemKind::ObjectPath);
        };
        let Some(parent) = self.objects.get(parent_path).copied() else {
            let parent = parent_path.to_owned();
            return self.problem(&draft.path, BuildProblemKind::NoParent(parent));
        };
        // A single object and a table cannot have the same name.
        let single = format!("{parent_path}{name}.");
        if [single.clone(), single + "{i}."].iter().any(|path| self.objects.contains_key(path)) {
            return self.problem(&draft.path, BuildProblemKind::Duplicate);
        }
        let Some(id) = next_number(self.schema.objects.len(), OBJECTS_MAX) else {
            return self.problem(&draft.path, BuildProblemKind::TooMuch("objects"));
        };
        let is_deleted = self.schema.object_row(parent).is_some_and(|row| row.is_deleted);
        self.objects.insert(draft.path.clone(), id);
        self.schema.objects.push(ObjectRow {
            name: name.into(),
            parent,
            is_table,
            access: draft.access,
            entries_min: draft.entries_min,
            entries_max: draft.entries_max,
            mount_point: draft.mount_point,
            version: draft.version,
            status: draft.status,
            is_deleted: is_deleted || draft.status == Status::Deleted,
            unique_keys: draft.unique_keys.iter().map(unique_key).collect(),
            description: draft.description.clone(),
            ..top_row()
        });
        if let Some(row) = self.schema.object_row_mut(parent) {
            row.children.push(id);
        }
        let range = self.parameters_of(draft, id);
        if let Some(row) = self.schema.object_row_mut(id) {
            row.parameters = range;
        }
    }

    fn parameters_of(&mut self, draft: &DraftObject, object: u32) -> std::ops::Range<u32> {
        let start = next_number(self.schema.parameters.len(), usize::MAX).unwrap_or(u32::MAX);
        let mut end = start;
        for parameter in &draft.parameters {
            let path = || format!("{}{}", draft.path, parameter.name);
            let key = (object, Box::from(parameter.name.as_str()));
            if self.parameters.contains_key(&key) {
                self.problem(&path(), BuildProblemKind::Duplicate);
                continue;
            }
            let Some(id) = next_number(self.schema.parameters.len(), PARAMETERS_MAX) else {
                self.problem(&path(), BuildProblemKind::TooMuch("parameters"));
                continue;
            };
            self.parameters.insert(key, id);
            let syntax = self.syntax(&parameter.syntax);
            self.schema.parameters.push(ParameterRow {
                name: parameter.name.as_str().into(),
                object,
                access: parameter.access,
                version: parameter.version,
                status: parameter.status,
                active_notify: parameter.active_notify,
                forced_inform: parameter.forced_inform,
                syntax,
                default: parameter.default.clone(),
                description: parameter.description.clone(),
            });
            end = id.saturating_add(1);
        }
        start..end
    }

    fn syntax(&mut self, syntax: &Syntax) -> u32 {
        if let Some(id) = self.syntaxes.get(syntax) {
            return *id;
        }
        // There are no more syntaxes than parameters, whose number fits.
        let id = next_number(self.schema.syntaxes.len(), usize::MAX).unwrap_or(u32::MAX);
        self.syntaxes.insert(syntax.clone(), id);
        self.schema.syntaxes.push(syntax.clone());
        id
    }

    /// Ties an object to the parameters that it names, now that all of them are there.
    fn links(&mut self, draft: &DraftObject) {
        let Some(id) = self.objects.get(&draft.path).copied().filter(|id| *id != TOP) else {
            return;
        };
        let parent = self.schema.object_row(id).map_or(TOP, |row| row.parent);
        let num_entries =
            self.link(draft, parent, "numEntriesParameter", &draft.num_entries_parameter);
        let enable = self.link(draft, id, "enableParameter", &draft.enable_parameter);
        let discriminator =
            self.link(draft, parent, "discriminatorParameter", &draft.discriminator_parameter);
        for key in &draft.unique_keys {
            for name in key.parameters.iter().filter(|name| !name.contains(['.', '#'])) {
                self.link(draft, id, "unique key", &Some(name.clone()));
            }
        }
        if let Some(row) = self.schema.object_row_mut(id) {
            row.num_entries = num_entries;
            row.enable = enable;
            row.discriminator = discriminator;
        }
    }

    fn link(
        &mut self,
        draft: &DraftObject,
        object: u32,
        role: &'static str,
        name: &Option<String>,
    ) -> Option<u32> {
        let name = name.as_ref()?;
        let found = self.parameters.get(&(object, Box::from(name.as_str()))).copied();
        if found.is_none() {
            let kind = BuildProblemKind::NoParameter { role, name: name.clone() };
            self.problem(&draft.path, kind);
        }
        found
    }

    fn profile(&mut self, draft: &DraftProfile) {
        if self.profiles.contains(draft.name.as_str()) {
            return self.problem(&draft.name, BuildProblemKind::Duplicate);
        }
        let own = draft.objects.len().saturating_add(draft.parameters.len());
        let required = self.requirements.saturating_add(own);
        if self.profiles.len() >= PROFILES_MAX || required > REQUIREMENTS_MAX {
            return self.problem(&draft.name, BuildProblemKind::TooMuch("profiles"));
        }
        self.requirements = required;
        self.profiles.insert(draft.name.as_str().into());
        let mut row = ProfileRow {
            name: draft.name.as_str().into(),
            base: draft.base.as_deref().map(Into::into),
            extends: draft.extends.iter().map(|name| name.as_str().into()).collect(),
            version: draft.version,
            status: draft.status,
            objects: Vec::new(),
            parameters: Vec::new(),
            description: draft.description.clone(),
        };
        for (path, requirement) in &draft.objects {
            match self.objects.get(path) {
                Some(id) => row.objects.push((*id, *requirement)),
                None => self.problem(&draft.name, BuildProblemKind::NoTarget(path.clone())),
            }
        }
        for (path, access) in &draft.parameters {
            match self.parameter_at(path) {
                Some(id) => row.parameters.push((id, *access)),
                None => self.problem(&draft.name, BuildProblemKind::NoTarget(path.clone())),
            }
        }
        self.schema.profiles.push(row);
    }

    fn parameter_at(&self, path: &str) -> Option<u32> {
        let split = path.rfind('.').map_or(0, |dot| dot.saturating_add(1));
        let (object, name) = path.split_at_checked(split)?;
        let object = self.objects.get(object)?;
        self.parameters.get(&(*object, Box::from(name))).copied()
    }

    fn check_profiles(&mut self) {
        let mut missing = Vec::new();
        for row in &self.schema.profiles {
            for name in row.base.iter().chain(&row.extends) {
                if !self.profiles.contains(name) {
                    missing.push((row.name.to_string(), name.to_string()));
                }
            }
        }
        for (profile, name) in missing {
            self.problem(&profile, BuildProblemKind::NoProfile(name));
        }
    }

    fn finish(mut self) -> (Schema, Vec<BuildProblem>) {
        self.schema.index = Index::of(&self.schema);
        (self.schema, self.problems)
    }
}

impl Schema {
    fn object_row_mut(&mut self, id: u32) -> Option<&mut ObjectRow> {
        self.objects.get_mut(usize::try_from(id).ok()?)
    }
}

impl super::Object<'_> {
    fn row_parameters(&self) -> std::ops::Range<u32> {
        self.row.parameters.clone()
    }
}

/// The top: an object without name, with nothing.
pub(super) fn top_row() -> ObjectRow {
    ObjectRow {
        name: Box::default(),
        parent: TOP,
        is_table: false,
        access: Access::ReadOnly,
        entries_min: 1,
        entries_max: Some(1),
        num_entries: None,
        enable: None,
        discriminator: None,
        mount_point: false,
        version: Version::default(),
        status: Status::Current,
        is_deleted: false,
        unique_keys: Vec::new(),
        description: None,
        parameters: 0..0,
        children: Vec::new(),
    }
}

fn unique_key(draft: &DraftUniqueKey) -> UniqueKeyRow {
    UniqueKeyRow {
        functional: draft.functional,
        parameters: draft.parameters.iter().map(|name| name.as_str().into()).collect(),
    }
}

/// Splits `A.B.{i}.` into `A.`, `B` and whether it is a table.
fn split(path: &str) -> Option<(&str, &str, bool)> {
    let (inner, is_table) = match path.strip_suffix(".{i}.") {
        Some(inner) => (inner, true),
        None => (path.strip_suffix('.')?, false),
    };
    let start = inner.rfind('.').map_or(0, |dot| dot.saturating_add(1));
    let (parent, name) = inner.split_at_checked(start)?;
    (!name.is_empty() && !name.contains(['{', '}'])).then_some((parent, name, is_table))
}

fn next_number(length: usize, limit: usize) -> Option<u32> {
    u32::try_from(length).ok().filter(|_| length < limit)
}
