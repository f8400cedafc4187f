//! Adding an extension to a model.

use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::ValueType;

use super::names::{Vendor, is_below_vendor, split_object};
use super::{AddedObject, AddedParameter, Change, Extension, ExtensionError};
use crate::compile::Problems;
use crate::draft::{Draft, DraftObject, DraftParameter};
use crate::schema::Schema;
use crate::syntax::{Access, Enumeration, Status, Syntax};
use crate::version::Version;

pub(super) fn apply(extension: &Extension, base: &Schema) -> Result<Schema, ExtensionError> {
    let (name, wanted) = (base.name(), extension.extends());
    if base.root_name() != &*wanted.name || name.version.major != wanted.version.major {
        return Err(extension.base_error(format!("it extends {wanted}, and this is {name}")));
    }
    let draft = base.to_draft();
    let objects = draft.objects.iter().enumerate();
    let mut applier = Applier {
        extension,
        by_path: objects.clone().map(|(index, object)| (object.path.clone(), index)).collect(),
        parameters: objects.flat_map(|(index, object)| places(index, object)).collect(),
        // Whatever minor version a device has, it has what its vendor adds.
        version: Version::new(name.version.major, 0),
        draft,
        problems: Problems::default(),
    };
    applier.run();
    applier.finish()
}

struct Applier<'e> {
    extension: &'e Extension,
    draft: Draft,
    by_path: BTreeMap<String, usize>,
    /// Number of an object and name of a parameter → its place in the object.
    parameters: BTreeMap<(usize, String), usize>,
    version: Version,
    problems: Problems,
}

impl Applier<'_> {
    fn run(&mut self) {
        let extension = self.extension;
        let mut objects: Vec<&AddedObject> = extension.objects.iter().collect();
        // What holds others comes first, wherever the file has it.
        objects.sort_by_key(|object| object.path.matches('.').count());
        let mut added = Vec::new();
        for object in objects {
            if self.by_path.contains_key(&object.path) {
                self.check_existing(object);
            } else if self.check_new(object) {
                self.add(object);
                added.push(object);
            } else {
                continue;
            }
            for parameter in &object.parameters {
                self.parameter(object, parameter);
            }
        }
        for object in added {
            self.count_rows(object);
            self.check_links(object);
        }
        for object in &extension.objects {
            self.check_references(object);
        }
    }

    /// Of an object of the model nothing can be changed.
    fn check_existing(&mut self, object: &AddedObject) {
        if object.definition != super::Definition::default() {
            let message = format!(
                "{} has this object already; only parameters can be added to it",
                self.draft.name
            );
            self.error(object.line, &object.path, message);
        }
        let status = self.object_at(&object.path).map(|object| object.status);
        if status == Some(Status::Deleted) {
            let message = format!("{} has deleted this object (TM-07)", self.draft.name);
            self.error(object.line, &object.path, message);
        }
    }

    fn check_new(&mut self, object: &AddedObject) -> bool {
        let (parent, name, is_table) = split_object(&object.path);
        let other =
            if is_table { format!("{parent}{name}.") } else { format!("{}{{i}}.", object.path) };
        if self.by_path.contains_key(&other) {
            let message = format!("it is {other} already; an object is a table or single");
            self.error(object.line, &object.path, message);
            return false;
        }
        if let Some(message) = self.name_problem(&object.path, name, "object") {
            self.error(object.line, &object.path, message);
            return false;
        }
        if !self.by_path.contains_key(parent) {
            let message = format!(
                "neither {} nor the extension has {parent}, which should hold it; add that, too",
                self.draft.name
            );
            self.error(object.line, &object.path, message);
            return false;
        }
        true
    }

    /// `TM-16`: what is added begins with the vendor's prefix, or lies below something that does.
    fn name_problem(&self, path: &str, name: &str, what: &str) -> Option<String> {
        if self.extension.any_names || is_below_vendor(path) {
            return None;
        }
        let model = &self.draft.name;
        let escape = "for a device that does otherwise write names = \"any\" at the top";
        Some(match Vendor::of(name) {
            Vendor::Malformed => format!(
                "{name} is no vendor's name: those are X_<VENDOR>_Name with an OUI, or a domain in \
                 upper case, as VENDOR (TM-16); {escape}"
            ),
            _ => format!(
                "{model} has no such {what}; what a vendor adds is called X_<VENDOR>_{name} \
                 (TM-16); {escape}"
            ),
        })
    }

    fn add(&mut self, added: &AddedObject) {
        let definition = &added.definition;
        let is_table = added.path.ends_with("{i}.");
        let (entries_min, entries_max) =
            definition.entries.unwrap_or(if is_table { (0, None) } else { (1, Some(1)) });
        self.by_path.insert(added.path.clone(), self.draft.objects.len());
        self.draft.objects.push(DraftObject {
            path: added.path.clone(),
            access: definition.access.unwrap_or_default(),
            entries_min,
            entries_max,
            enable_parameter: definition.enable.clone(),
            version: self.version,
            status: definition.status.unwrap_or_default(),
            unique_keys: definition.unique_keys.clone(),
            description: definition.description.clone(),
            ..DraftObject::default()
        });
    }

    fn parameter(&mut self, object: &AddedObject, added: &AddedParameter) {
        let path = format!("{}{}", object.path, added.name);
        let model = self.draft.name.clone();
        let known = self.parameter_at(&object.path, &added.name);
        match (&added.change, known) {
            (Change::Widen { writable, words }, Some(parameter)) => {
                let result = widen(parameter, *writable, words);
                if let Err(message) = result {
                    self.error(added.line, &path, message);
                }
            }
            (Change::Widen { .. }, None) => {
                let message = format!("{model} has no such parameter; a new one needs a type");
                self.error(added.line, &path, message);
            }
            (Change::New(_), Some(_)) => {
                let message = format!(
                    "{model} has this parameter already; give only access or add_values, and no \
                     type"
                );
                self.error(added.line, &path, message);
            }
            (Change::New(parameter), None) => {
                if let Some(message) = self.name_problem(&path, &added.name, "parameter") {
                    return self.error(added.line, &path, message);
                }
                let parameter = DraftParameter { version: self.version, ..(**parameter).clone() };
                self.add_parameter(&object.path, parameter);
            }
        }
    }

    /// `RT-01`: the rows of a table are counted beside it.
    fn count_rows(&mut self, object: &AddedObject) {
        let (parent, name, is_table) = split_object(&object.path);
        let given = object.definition.number_of_entries.as_deref();
        // An empty name is for devices that do not count.
        if !is_table || given == Some("") {
            return;
        }
        let counter = given.map_or_else(|| format!("{name}NumberOfEntries"), str::to_owned);
        let path = format!("{parent}{counter}");
        match self.parameter_at(parent, &counter) {
            Some(it) if it.syntax.value_type == ValueType::UnsignedInt => {}
            Some(_) => {
                let message = "the parameter that counts the rows of a table is an unsignedInt";
                return self.error(object.line, &path, message.to_owned());
            }
            None => {
                if let Some(message) = self.name_problem(&path, &counter, "parameter") {
                    return self.error(object.line, &path, message);
                }
                let syntax = Syntax { value_type: ValueType::UnsignedInt, ..Syntax::default() };
                let version = self.version;
                let parameter =
                    DraftParameter { name: counter.clone(), version, syntax, ..Default::default() };
                self.add_parameter(parent, parameter);
            }
        }
        if let Some(object) = self.object_at(&object.path) {
            object.num_entries_parameter = Some(counter);
        }
    }

    /// What an object says of its parameters.
    fn check_links(&mut self, object: &AddedObject) {
        let definition = &object.definition;
        let keys = definition.unique_keys.iter().flat_map(|key| &key.parameters);
        let named = definition.enable.iter().map(|name| ("enable", name));
        for (key, name) in named.chain(keys.map(|name| ("unique_keys", name))) {
            if self.parameter_at(&object.path, name).is_none() {
                let message = format!("{key} names {name:?}, which the row does not have; add it");
                self.error(object.line, &object.path, message);
            }
        }
    }

    fn check_references(&mut self, object: &AddedObject) {
        for added in &object.parameters {
            let Change::New(parameter) = &added.change else { continue };
            let parents = parameter.syntax.path_ref.iter().flat_map(|it| &it.target_parents);
            for parent in parents {
                let table = format!("{parent}{{i}}.");
                if !self.by_path.contains_key(&table) {
                    let path = format!("{}{}", object.path, added.name);
                    let message = format!(
                        "it refers to {table}, which neither {} nor the extension has",
                        self.draft.name
                    );
                    self.error(added.line, &path, message);
                }
            }
        }
    }

    fn object_at(&mut self, path: &str) -> Option<&mut DraftObject> {
        let index = self.by_path.get(path)?;
        self.draft.objects.get_mut(*index)
    }

    fn parameter_at(&mut self, object: &str, name: &str) -> Option<&mut DraftParameter> {
        let index = *self.by_path.get(object)?;
        let place = *self.parameters.get(&(index, name.to_owned()))?;
        self.draft.objects.get_mut(index)?.parameters.get_mut(place)
    }

    fn add_parameter(&mut self, object: &str, parameter: DraftParameter) {
        let Some(index) = self.by_path.get(object).copied() else { return };
        let Some(object) = self.draft.objects.get_mut(index) else { return };
        self.parameters.insert((index, parameter.name.clone()), object.parameters.len());
        object.parameters.push(parameter);
    }

    fn error(&mut self, line: u32, path: &str, message: String) {
        self.problems.error(self.extension.place(line), path, message);
    }

    fn finish(mut self) -> Result<Schema, ExtensionError> {
        if self.problems.is_acceptable() {
            let (schema, problems) = Schema::build(&self.draft);
            for problem in problems {
                let place = self.extension.place(0);
                self.problems.error(place, &problem.path, problem.kind.to_string());
            }
            if self.problems.is_acceptable() {
                return Ok(schema);
            }
        }
        Err(ExtensionError { problems: self.problems.into_list() })
    }
}

fn places(
    index: usize,
    object: &DraftObject,
) -> impl Iterator<Item = ((usize, String), usize)> + '_ {
    let names = object.parameters.iter().map(|parameter| parameter.name.clone());
    names.enumerate().map(move |(place, name)| ((index, name), place))
}

/// Allows more of a parameter of the model (`XML-24`, `TM-20`).
fn widen(
    parameter: &mut DraftParameter,
    writable: bool,
    words: &[Enumeration],
) -> Result<(), String> {
    if writable {
        parameter.access = Access::ReadWrite;
    }
    let known = &mut parameter.syntax.enumerations;
    if known.is_empty() && !words.is_empty() {
        return Err("it has no enumeration to which a word could be added".to_owned());
    }
    let mut values: BTreeSet<_> = known.iter().map(|word| word.value.clone()).collect();
    for word in words {
        if !values.insert(word.value.clone()) {
            return Err(format!("it has the value {:?} already", word.value));
        }
        known.push(word.clone());
    }
    Ok(())
}
