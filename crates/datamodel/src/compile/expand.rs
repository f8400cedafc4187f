//! From a model with its base models and components to a [`Draft`] (section 4 of the rules).

use std::collections::BTreeMap;

use super::description;
use super::document::{DocumentId, Kind};
use super::documents::{Documents, Found};
use super::problem::{Place, Problems, Stop};
use super::profiles;
use super::types::{DefaultChange, TypeReader, unlimited};
use super::weight;
use super::xml::Element;
use crate::draft::{Draft, DraftObject, DraftParameter};
use crate::limits::{
    BASE_DEPTH_MAX, COMPONENT_DEPTH_MAX, MODEL_BYTES_MAX, OBJECTS_MAX, PARAMETERS_MAX,
    PATH_BYTES_MAX, PATH_DEPTH_MAX, PROFILES_MAX,
};
use crate::syntax::Access;
use crate::version::{ModelName, Version};

/// Steps that one expansion may take: components can be included in each other so that a small
/// document becomes a model without end.
const STEPS_MAX: usize = 1_000_000;

/// Expands one model.
pub(crate) struct Expander<'d, 'p> {
    pub(super) documents: &'d Documents,
    pub(super) problems: &'p mut Problems,
    with_descriptions: bool,
    pub(super) draft: Draft,
    by_path: BTreeMap<String, usize>,
    parameter_places: BTreeMap<(usize, String), usize>,
    /// Versions of objects whose own element has one.
    given_versions: BTreeMap<usize, Version>,
    /// Places of the profiles in the draft.
    pub(super) profile_places: BTreeMap<String, usize>,
    parameters: usize,
    steps: usize,
    /// Bytes of what the draft says.
    pub(super) bytes: usize,
    /// Documents from the outermost model to where we are (`XML-14`).
    pub(super) chain: Vec<DocumentId>,
}

/// Where an element stands: what its names are relative to, and which versions apply.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) path: String,
    /// Version of items that give none.
    inherited: Version,
    /// Items of lower versions are raised to this one (`XML-13`).
    floor: Version,
    /// The version that the object itself gives, as newer documents do throughout.
    of_object: Option<Version>,
    depth: usize,
}

impl Position {
    pub(super) fn version_of(&self, element: &Element) -> Version {
        let own = element.attribute("version").or_else(|| element.attribute("dmr:version"));
        let own = own.and_then(|text| text.parse().ok());
        own.unwrap_or(self.inherited).max(self.floor)
    }
}

impl<'d, 'p> Expander<'d, 'p> {
    pub(crate) fn new(
        documents: &'d Documents,
        problems: &'p mut Problems,
        with_descriptions: bool,
    ) -> Self {
        Self {
            documents,
            problems,
            with_descriptions,
            draft: Draft::default(),
            by_path: BTreeMap::new(),
            parameter_places: BTreeMap::new(),
            given_versions: BTreeMap::new(),
            profile_places: BTreeMap::new(),
            parameters: 0,
            steps: 0,
            bytes: 0,
            chain: Vec::new(),
        }
    }

    /// Expands the model with everything that it is made of.
    pub(crate) fn expand(mut self, model: Found<'d>) -> Result<Draft, Stop> {
        self.draft.name = model.element.attribute("name").unwrap_or_default().to_owned();
        if let Some(document) = self.documents.get(model.document) {
            self.draft.spec.clone_from(&document.spec);
        }
        self.model(model, BASE_DEPTH_MAX)?;
        profiles::check_depth(&mut self, model)?;
        Ok(self.draft)
    }

    fn model(&mut self, model: Found<'d>, depth: usize) -> Result<(), Stop> {
        let Some(depth) = depth.checked_sub(1) else {
            let message =
                format!("the model is based on itself, or on more than {BASE_DEPTH_MAX} others");
            return Err(self.fatal(model.element.line, &message));
        };
        self.chain.push(model.document);
        if let Some(base) = model.element.attribute("base") {
            match self.documents.lookup(model.document, Kind::Model, base) {
                Some(found) => self.model(found, depth)?,
                None => self.begin_with(base, model)?,
            }
        }
        if model.element.attribute("isService").is_some() {
            self.draft.is_service = self.flag(model.element, "isService", "");
        }
        let name = model.element.attribute("name").unwrap_or_default();
        let Ok(name) = name.parse::<ModelName>() else {
            let message = format!("a model is called Name:Major.Minor, not {name:?}");
            return Err(self.fatal(model.element.line, &message));
        };
        let position = Position {
            path: String::new(),
            inherited: name.version,
            floor: Version::default(),
            of_object: None,
            depth: 0,
        };
        self.children(model.element, &position)?;
        self.chain.pop();
        Ok(())
    }

    /// Takes a schema as the base model, whose document is not there.
    fn begin_with(&mut self, base: &str, model: Found<'d>) -> Result<(), Stop> {
        let name = self.documents.imported_from_nowhere(model.document, Kind::Model, base);
        let Some(schema) = name.and_then(|name| self.documents.schema(name)) else {
            let message = format!("there is no base model {base}; import it");
            return Err(self.fatal(model.element.line, &message));
        };
        let mut draft = schema.to_draft();
        if !self.with_descriptions {
            draft.remove_descriptions();
        }
        for (index, object) in draft.objects.iter().enumerate() {
            self.by_path.insert(object.path.clone(), index);
            for (place, parameter) in object.parameters.iter().enumerate() {
                self.parameter_places.insert((index, parameter.name.clone()), place);
            }
            self.parameters = self.parameters.saturating_add(object.parameters.len());
        }
        for (place, profile) in draft.profiles.iter().enumerate() {
            self.profile_places.insert(profile.name.clone(), place);
        }
        self.draft.is_service = draft.is_service;
        self.draft.objects = draft.objects;
        self.draft.profiles = draft.profiles;
        Ok(())
    }

    /// Where a definition stands.
    pub(super) fn place_of(&self, found: Found<'_>) -> Place {
        self.documents.place(found.document, found.element.line)
    }

    /// The document of the element that is being walked.
    pub(super) fn document(&self) -> DocumentId {
        self.chain.last().copied().unwrap_or_default()
    }

    fn children(&mut self, element: &'d Element, position: &Position) -> Result<(), Stop> {
        for child in &element.children {
            self.steps = self.steps.saturating_add(1);
            if self.steps > STEPS_MAX {
                let message = "the components include each other until the model has no end";
                return Err(self.fatal(child.line, message));
            }
            if self.bytes > MODEL_BYTES_MAX {
                let limit = MODEL_BYTES_MAX >> 20;
                let message = format!(
                    "the model says more than {limit} MiB, with the facets of each parameter and \
                     the path of each object"
                );
                return Err(self.fatal(child.line, &message));
            }
            match &*child.name {
                "component" => self.component(child, position)?,
                "object" => self.object(child, position)?,
                "parameter" => self.parameter(child, position)?,
                "profile" => self.profile(child, position)?,
                // Commands and events are of USP alone (XML-23); what else there is describes.
                _ => {}
            }
        }
        Ok(())
    }

    fn component(&mut self, element: &'d Element, position: &Position) -> Result<(), Stop> {
        let Some(name) = element.attribute("ref") else {
            self.error(element.line, &position.path, "a component without ref");
            return self.problems.check();
        };
        if position.depth >= COMPONENT_DEPTH_MAX {
            let message = format!(
                "the component {name} includes itself, or more than {COMPONENT_DEPTH_MAX} others"
            );
            return Err(self.fatal(element.line, &message));
        }
        let Some(found) = self.documents.lookup(self.document(), Kind::Component, name) else {
            let message = format!("there is no component {name}; define or import it");
            self.error(element.line, &position.path, &message);
            return self.problems.check();
        };
        let found = self.substitute(found, name);
        let own = self.version(element, &position.path);
        // A reference without a version has that of the object in which it stands.
        let own = own.or(position.of_object);
        let floor = own.unwrap_or_default().max(position.floor);
        let path = format!("{}{}", position.path, element.attribute("path").unwrap_or_default());
        if path.len() > PATH_BYTES_MAX {
            self.error(element.line, &path, &too_long());
            return self.problems.check();
        }
        let inner = Position {
            path,
            inherited: position.inherited.max(floor),
            floor,
            of_object: position.of_object,
            depth: position.depth.saturating_add(1),
        };
        self.chain.push(found.document);
        self.children(found.element, &inner)?;
        self.chain.pop();
        Ok(())
    }

    /// In place of a virtual component stands the one of the same name that the outermost document
    /// has (`XML-14`).
    fn substitute(&self, found: Found<'d>, name: &str) -> Found<'d> {
        if !is_virtual(found.element) {
            return found;
        }
        // The name may be a local one; what the outer documents override is the component's own.
        let own = found.element.attribute("name").unwrap_or(name);
        let outer = self.chain.iter().find_map(|document| {
            let candidate = self.documents.lookup(*document, Kind::Component, own)?;
            (!is_virtual(candidate.element)).then_some(candidate)
        });
        outer.unwrap_or(found)
    }

    fn object(&mut self, element: &'d Element, position: &Position) -> Result<(), Stop> {
        let (name, is_new) = match (element.attribute("name"), element.attribute("base")) {
            (_, Some(base)) => (base, false),
            (Some(name), None) => (name, true),
            (None, None) => {
                self.error(element.line, &position.path, "an object without name or base");
                return self.problems.check();
            }
        };
        let path = format!("{}{name}", position.path);
        if let Err(message) = check_object_path(&path) {
            self.error(element.line, &path, message);
            return self.problems.check();
        }
        if !self.check_length(&path, element.line) {
            return self.problems.check();
        }
        self.version(element, &path);
        let version = position.version_of(element);
        let known = self.by_path.get(&path).copied();
        let index = match (known, is_new) {
            (Some(index), false) => index,
            (None, true) => self.add_object(&path, version, element)?,
            (Some(_), true) => {
                self.error(element.line, &path, "the object is defined a second time");
                return self.problems.check();
            }
            (None, false) => {
                self.error(element.line, &path, "there is no such object to change");
                return self.problems.check();
            }
        };
        self.fill_object(index, element, is_new);
        if is_new && element.attribute("version").is_some() {
            self.given_versions.insert(index, version);
        }
        // In documents that give versions, what gives none has that of its object, also where a
        // later part adds to it; in the older ones, it came with the model that adds it.
        let of_object = self.given_versions.get(&index).copied();
        let inherited = if is_new { version } else { of_object.unwrap_or(position.inherited) };
        let inner = Position { path, inherited, of_object, ..position.clone() };
        self.children(element, &inner)
    }

    fn add_object(
        &mut self,
        path: &str,
        version: Version,
        element: &Element,
    ) -> Result<usize, Stop> {
        let index = self.draft.objects.len();
        self.count(path.len());
        if index >= OBJECTS_MAX {
            let message = format!("the model has more than {OBJECTS_MAX} objects");
            return Err(self.fatal(element.line, &message));
        }
        self.by_path.insert(path.to_owned(), index);
        let entries = if path.ends_with("{i}.") { (0, None) } else { (1, Some(1)) };
        self.draft.objects.push(DraftObject {
            path: path.to_owned(),
            entries_min: entries.0,
            entries_max: entries.1,
            version,
            ..DraftObject::default()
        });
        Ok(index)
    }

    /// Takes over what the element says, on top of what was there (`XML-24`).
    fn fill_object(&mut self, index: usize, element: &'d Element, is_new: bool) {
        let Some(object) = self.draft.objects.get_mut(index) else { return };
        let mut object = std::mem::take(object);
        let line = element.line;
        if let Some(access) = self.access(element, &object.path) {
            self.check_access(object.access, access, is_new, line, &object.path);
            object.access = access;
        }
        if let Some(status) = self.changed_status(element, &object.path, is_new) {
            self.check_status(object.status, status, line, &object.path);
            object.status = status;
        }
        let number = |name| element.attribute(name).map(|text: &str| text.trim().parse::<u32>());
        match number("minEntries") {
            Some(Ok(count)) => object.entries_min = count,
            Some(Err(_)) => self.error(line, &object.path, "minEntries is no number"),
            None => {}
        }
        match (element.attribute("maxEntries"), number("maxEntries")) {
            (Some("unbounded"), _) => object.entries_max = None,
            (_, Some(Ok(count))) => object.entries_max = Some(count),
            (_, Some(Err(_))) => {
                self.error(line, &object.path, "maxEntries is a number or unbounded");
            }
            (_, None) => {}
        }
        if object.entries_max.is_some_and(|max| max < object.entries_min) {
            self.error(line, &object.path, "maxEntries is smaller than minEntries");
        }
        let text = |name| element.attribute(name).map(str::to_owned);
        let replace = |old: &mut Option<String>, new: Option<String>| {
            if new.is_some() {
                *old = new.filter(|text| !text.is_empty());
            }
        };
        replace(&mut object.num_entries_parameter, text("numEntriesParameter"));
        replace(&mut object.enable_parameter, text("enableParameter"));
        replace(&mut object.discriminator_parameter, text("discriminatorParameter"));
        match element.attribute("mountType") {
            Some("mountPoint") => object.mount_point = true,
            None | Some("none" | "mountable") => {}
            Some(other) => {
                self.error(line, &object.path, &format!("there is no mountType {other:?}"));
            }
        }
        for key in element.named("uniqueKey") {
            self.add_unique_key(&mut object, key);
        }
        self.describe(&mut object.description, element);
        if let Some(place) = self.draft.objects.get_mut(index) {
            *place = object;
        }
    }

    fn parameter(&mut self, element: &'d Element, position: &Position) -> Result<(), Stop> {
        let (name, is_new) = match (element.attribute("name"), element.attribute("base")) {
            (_, Some(base)) => (base, false),
            (Some(name), None) => (name, true),
            (None, None) => {
                self.error(element.line, &position.path, "a parameter without name or base");
                return self.problems.check();
            }
        };
        let path = format!("{}{name}", position.path);
        if !is_name(name) {
            self.error(element.line, &path, "the name of a parameter has a letter first, no dots");
            return self.problems.check();
        }
        if !self.check_length(&path, element.line) {
            return self.problems.check();
        }
        self.version(element, &path);
        let Some(object) = self.object_of(position, element)? else {
            self.error(element.line, &path, "the object of the parameter is not defined");
            return self.problems.check();
        };
        let key = (object, name.to_owned());
        let place = match (self.parameter_places.get(&key), is_new) {
            (Some(place), false) => *place,
            (None, true) => self.add_parameter(object, key, position, element)?,
            (Some(_), true) => {
                self.error(element.line, &path, "the parameter is defined a second time");
                return self.problems.check();
            }
            (None, false) => {
                self.error(element.line, &path, "there is no such parameter to change");
                return self.problems.check();
            }
        };
        self.fill_parameter(object, place, element, &path, is_new);
        self.problems.check()
    }

    /// The object that holds a parameter. Parameters of a model itself have one without a name.
    fn object_of(&mut self, position: &Position, element: &Element) -> Result<Option<usize>, Stop> {
        if let Some(index) = self.by_path.get(&position.path) {
            return Ok(Some(*index));
        }
        if !position.path.is_empty() {
            return Ok(None);
        }
        self.add_object("", position.inherited, element).map(Some)
    }

    fn add_parameter(
        &mut self,
        object: usize,
        key: (usize, String),
        position: &Position,
        element: &Element,
    ) -> Result<usize, Stop> {
        self.parameters = self.parameters.saturating_add(1);
        if self.parameters > PARAMETERS_MAX {
            let message = format!("the model has more than {PARAMETERS_MAX} parameters");
            return Err(self.fatal(element.line, &message));
        }
        self.count(key.1.len());
        let version = position.version_of(element);
        let syntax = unlimited();
        let parameter =
            DraftParameter { name: key.1.clone(), version, syntax, ..DraftParameter::default() };
        let parameters = self.draft.objects.get_mut(object).map(|object| &mut object.parameters);
        let place = parameters.map_or(0, |parameters| {
            parameters.push(parameter);
            parameters.len().saturating_sub(1)
        });
        self.parameter_places.insert(key, place);
        Ok(place)
    }

    fn fill_parameter(
        &mut self,
        object: usize,
        place: usize,
        element: &'d Element,
        path: &str,
        is_new: bool,
    ) {
        let Some(parameter) = self.parameter_at(object, place) else { return };
        let mut parameter = std::mem::take(parameter);
        if let Some(access) = self.access(element, path) {
            self.check_access(parameter.access, access, is_new, element.line, path);
            parameter.access = access;
        }
        if let Some(status) = self.changed_status(element, path, is_new) {
            self.check_status(parameter.status, status, element.line, path);
            parameter.status = status;
        }
        if let Some(notify) = self.active_notify(element, path, is_new) {
            parameter.active_notify = notify;
        }
        if element.attribute("forcedInform").is_some() {
            parameter.forced_inform = self.flag(element, "forcedInform", path);
        }
        if let Some(syntax) = element.child("syntax") {
            self.set_syntax(&mut parameter, syntax, path, is_new);
        }
        self.describe(&mut parameter.description, element);
        if let Some(place) = self.parameter_at(object, place) {
            *place = parameter;
        }
    }

    fn set_syntax(
        &mut self,
        parameter: &mut DraftParameter,
        element: &Element,
        path: &str,
        is_new: bool,
    ) {
        let mut reader = TypeReader {
            documents: self.documents,
            document: self.document(),
            chain: &self.chain,
            problems: self.problems,
            path,
            with_descriptions: self.with_descriptions,
        };
        let previous = (!is_new).then_some(&parameter.syntax);
        let (syntax, default) = reader.syntax(element, previous);
        self.count(weight::bytes(&syntax));
        if let DefaultChange::Set(default) = &default {
            self.count(default.value.len());
        }
        parameter.syntax = syntax;
        match default {
            DefaultChange::Unmentioned => {}
            DefaultChange::Removed => parameter.default = None,
            DefaultChange::Set(value) => parameter.default = Some(value),
        }
    }

    fn parameter_at(&mut self, object: usize, place: usize) -> Option<&mut DraftParameter> {
        self.draft.objects.get_mut(object)?.parameters.get_mut(place)
    }

    fn profile(&mut self, element: &'d Element, position: &Position) -> Result<(), Stop> {
        if self.draft.profiles.len() >= PROFILES_MAX {
            let message = format!("the model has more than {PROFILES_MAX} profiles");
            return Err(self.fatal(element.line, &message));
        }
        profiles::read(self, element, position);
        self.problems.check()
    }

    pub(super) fn describe(&mut self, description: &mut Option<Box<str>>, element: &Element) {
        if !self.with_descriptions {
            return;
        }
        if let Some(element) = element.child("description") {
            let changed = description::change(description.as_deref(), element);
            let document = self.document();
            *description = changed.map(|text| self.documents.filled(document, text));
            self.count(description.as_deref().map_or(0, str::len));
        }
    }

    pub(super) fn error(&mut self, line: u32, path: &str, message: &str) {
        let place = self.documents.place(self.document(), line);
        self.problems.error(place, path, message);
    }

    fn fatal(&mut self, line: u32, message: &str) -> Stop {
        let place = self.documents.place(self.document(), line);
        let name = self.draft.name.clone();
        self.problems.fatal(place, &name, message)
    }
}

/// The access with this name; some published profiles have a blank behind it.
pub(super) fn access_of(text: &str) -> Option<Access> {
    match text.trim() {
        "readOnly" => Some(Access::ReadOnly),
        "readWrite" => Some(Access::ReadWrite),
        "writeOnceReadOnly" => Some(Access::WriteOnceReadOnly),
        _ => None,
    }
}

fn is_virtual(component: &Element) -> bool {
    component.flag("virtual")
}

pub(super) fn too_long() -> String {
    format!("the path has more than {PATH_BYTES_MAX} bytes")
}

fn check_object_path(path: &str) -> Result<(), &'static str> {
    let Some(inner) = path.strip_suffix('.') else {
        return Err("the path of an object ends in a dot");
    };
    let mut after_name = false;
    for (count, part) in inner.split('.').enumerate() {
        if count >= PATH_DEPTH_MAX {
            return Err("the path has too many components");
        }
        match part {
            "{i}" if after_name => after_name = false,
            "{i}" => return Err("{i} stands behind the name of a table"),
            name if is_name(name) => after_name = true,
            _ => return Err("a name has letters, digits, '_' and '-' only"),
        }
    }
    Ok(())
}

/// Letters, digits, underscore, hyphen, no hyphen first (`TM-08`; TR-098 has a name with a digit
/// first).
pub(crate) fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_inner)
}
