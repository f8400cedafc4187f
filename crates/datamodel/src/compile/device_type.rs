//! Device type documents: what of a model a device has (section 5 of the rules).

mod facets;
mod present;

use std::collections::BTreeMap;

use super::Expanded;
use super::document::{Document, DocumentId, Kind};
use super::documents::{Documents, Found};
use super::expand::{Expander, access_of};
use super::problem::{Place, Problems, Stop};
use super::types::{DefaultChange, TypeReader};
use super::xml::Element;
use crate::catalog::DeviceType;
use crate::draft::{Draft, DraftObject, DraftParameter, ObjectRequirement};
use crate::syntax::{Access, ActiveNotify, DefaultType, DefaultValue};

/// Reads the device type and cuts its model down to what it lists.
pub(super) fn read(
    documents: &Documents,
    id: DocumentId,
    problems: &mut Problems,
    with_descriptions: bool,
) -> Result<Expanded, Stop> {
    let Some(document) = documents.get(id) else { return Err(Stop) };
    let about = about(document, problems);
    let mut models = document.models();
    let Some(model) = models.next() else {
        let place = document.place(document.root.line);
        return Err(problems.fatal(place, "", "the device type describes no model"));
    };
    if let Some(second) = models.next() {
        let message = "a device type describes one model (DT-01); this second one is left out";
        problems.error(document.place(second.line), "", message);
    }
    let mut draft = base(documents, id, model, problems, with_descriptions)?;
    if !with_descriptions {
        draft.remove_descriptions();
    }
    let place = document.place(model.line);
    let mut narrower = Narrower {
        documents,
        document: id,
        problems,
        by_path: index(&draft),
        by_name: names(&draft),
        draft,
        objects: BTreeMap::new(),
        parameters: BTreeMap::new(),
    };
    narrower.model(model);
    let (draft, parents) = narrower.finish();
    for path in parents {
        let message = "it is not listed, but something below it; it is kept without parameters";
        problems.warn(place.clone(), &path, message);
    }
    Ok((draft, place, Some(about)))
}

/// `DT-01`, `DT-03`
fn about(document: &Document, problems: &mut Problems) -> DeviceType {
    let root = &document.root;
    let mut required = |name: &str| {
        let value = root.attribute(name).filter(|value| !value.is_empty());
        if value.is_none() {
            let message = format!("a device type has the attribute {name} (DT-01)");
            problems.warn(document.place(root.line), "", message);
        }
        value.unwrap_or_default().into()
    };
    let (device_type, uuid) = (required("deviceType"), required("uuid"));
    let features = root.named("feature").filter_map(|feature| feature.attribute("name"));
    DeviceType { device_type, uuid, features: features.map(Into::into).collect() }
}

/// The model that the device type is about, with everything.
fn base(
    documents: &Documents,
    id: DocumentId,
    model: &Element,
    problems: &mut Problems,
    with_descriptions: bool,
) -> Result<Draft, Stop> {
    let place = documents.place(id, model.line);
    let Some(name) = model.attribute("ref") else {
        return Err(problems.fatal(place, "", "a model without ref"));
    };
    if let Some(found) = documents.lookup(id, Kind::Model, name) {
        let found = Found { document: found.document, element: found.element };
        return Expander::new(documents, problems, with_descriptions).expand(found);
    }
    let imported = documents.imported_from_nowhere(id, Kind::Model, name);
    let key = (Kind::Model, name.to_owned());
    let imports = documents.get(id).map(|it| it.imports.as_slice()).unwrap_or_default();
    if imported.is_none()
        && let Some(import) = imports.iter().find(|import| import.names.contains_key(&key))
    {
        let message = format!("{} does not define the model {name}", import.file);
        return Err(problems.fatal(documents.place(id, import.line), "", message));
    }
    let Some(schema) = documents.schema(imported.unwrap_or(name)) else {
        let message = format!("there is no model {name}; import it, or hand its schema in");
        return Err(problems.fatal(place, "", message));
    };
    if imported.is_none() {
        let message = format!("the model {name} is not imported; the known one is taken");
        problems.warn(place.clone(), "", message);
    }
    if schema.name().to_string() != name {
        let message = format!("{} is taken for {name}, which it contains (TM-03)", schema.name());
        problems.warn(place, "", message);
    }
    Ok(Draft { name: name.to_owned(), ..schema.to_draft() })
}

fn index(draft: &Draft) -> BTreeMap<String, usize> {
    let objects = draft.objects.iter().enumerate();
    objects.map(|(index, object)| (object.path.clone(), index)).collect()
}

fn names(draft: &Draft) -> BTreeMap<(usize, String), usize> {
    let objects = draft.objects.iter().enumerate();
    let names = objects.flat_map(|(index, object)| {
        let parameters = object.parameters.iter().enumerate();
        parameters.map(move |(place, it)| ((index, it.name.clone()), place))
    });
    names.collect()
}

/// Takes over what a document lists of a model.
struct Narrower<'d, 'p> {
    documents: &'d Documents,
    document: DocumentId,
    problems: &'p mut Problems,
    /// The whole model.
    draft: Draft,
    by_path: BTreeMap<String, usize>,
    /// Number of an object and name of a parameter → its place in the object.
    by_name: BTreeMap<(usize, String), usize>,
    /// What is listed, by the place in the model, as the device has it. Parameters stand apart.
    objects: BTreeMap<usize, DraftObject>,
    parameters: BTreeMap<(usize, usize), DraftParameter>,
}

impl Narrower<'_, '_> {
    fn model(&mut self, model: &Element) {
        for child in &model.children {
            let Some(reference) = child.attribute("ref") else { continue };
            match &*child.name {
                "object" => self.object(child, reference),
                "parameter" => {
                    let split = reference.rfind('.').map_or(0, |dot| dot.saturating_add(1));
                    let (object, name) = reference.split_at_checked(split).unwrap_or_default();
                    self.parameter(child, object, name);
                }
                // Commands and events are of USP alone (XML-23).
                _ => {}
            }
        }
    }

    fn object(&mut self, element: &Element, path: &str) {
        let Some(index) = self.by_path.get(path).copied() else {
            let message = format!("{} has no such object", self.draft.name);
            return self.error(element.line, path, &message);
        };
        let Some(model) = self.draft.objects.get(index) else { return };
        let mut object = DraftObject { parameters: Vec::new(), ..model.clone() };
        if self.objects.contains_key(&index) {
            return self.error(element.line, path, "the object is listed a second time");
        }
        self.access(element, &mut object);
        self.entries(element, &mut object);
        self.objects.insert(index, object);
        for parameter in element.named("parameter") {
            if let Some(name) = parameter.attribute("ref") {
                self.parameter(parameter, path, name);
            }
        }
    }

    /// Whether rows can be added and deleted. A schema knows both together only.
    fn access(&mut self, element: &Element, object: &mut DraftObject) {
        let path = object.path.clone();
        let is_writable = object.access == Access::ReadWrite;
        let asked = match element.attribute("access") {
            None => {
                let message = "an object without access (DT-02); that of the model is taken";
                return self.warn(element.line, &path, message);
            }
            Some("readOnly") => ObjectRequirement::Present,
            Some("create") => ObjectRequirement::Create,
            Some("delete") => ObjectRequirement::Delete,
            Some("createDelete") => ObjectRequirement::CreateDelete,
            Some(other) => {
                let message = format!(
                    "access of an object is readOnly, create, delete or createDelete, not {other:?}"
                );
                return self.error(element.line, &path, &message);
            }
        };
        match asked {
            ObjectRequirement::Present | ObjectRequirement::NotSpecified => {
                object.access = Access::ReadOnly;
            }
            _ if !is_writable => {
                let message = "rows can be added or deleted here, but not by the model (DT-02)";
                self.error(element.line, &path, message);
            }
            ObjectRequirement::CreateDelete => {}
            ObjectRequirement::Create | ObjectRequirement::Delete => {
                let message = "a schema cannot say that rows are only added or only deleted; \
                               createDelete is taken";
                self.warn(element.line, &path, message);
            }
        }
    }

    fn entries(&mut self, element: &Element, object: &mut DraftObject) {
        let path = object.path.clone();
        let (model_min, model_max) = (object.entries_min, object.entries_max);
        let is_above = |max: Option<u32>, limit: Option<u32>| {
            limit.is_some_and(|limit| max.is_none_or(|max| max > limit))
        };
        let min = element.attribute("minEntries").map(|text| text.trim().parse::<u32>());
        let max = match element.attribute("maxEntries").map(str::trim) {
            None => Ok(model_max),
            Some("unbounded") => Ok(None),
            Some(text) => text.parse().map(Some),
        };
        let (Ok(min), Ok(max)) = (min.unwrap_or(Ok(model_min)), max) else {
            let message = "minEntries is a number, maxEntries one or unbounded";
            return self.error(element.line, &path, message);
        };
        if min < model_min || is_above(max, model_max) || max.is_some_and(|max| max < min) {
            let unbounded = || "unbounded".to_owned();
            let shown = |max: Option<u32>| max.map_or_else(unbounded, |it| it.to_string());
            let message = format!(
                "entries {min} to {} do not lie within {model_min} to {} of the model (DT-02)",
                shown(max),
                shown(model_max)
            );
            return self.error(element.line, &path, &message);
        }
        (object.entries_min, object.entries_max) = (min, max);
    }

    fn parameter(&mut self, element: &Element, object: &str, name: &str) {
        let path = format!("{object}{name}");
        let index = self.by_path.get(object).copied();
        let place = index.and_then(|index| {
            let place = self.by_name.get(&(index, name.to_owned()))?;
            Some((index, *place))
        });
        let Some((index, place)) = place else {
            let message = format!("{} has no such parameter", self.draft.name);
            return self.error(element.line, &path, &message);
        };
        let model = self.draft.objects.get(index).and_then(|object| object.parameters.get(place));
        let Some(mut parameter) = model.cloned() else { return };
        if self.parameters.contains_key(&(index, place)) {
            return self.error(element.line, &path, "the parameter is listed a second time");
        }
        self.parameter_access(element, &path, &mut parameter);
        self.notification(element, &path, &mut parameter);
        if let Some(syntax) = element.child("syntax") {
            self.syntax(syntax, &path, &mut parameter);
        }
        self.parameters.insert((index, place), parameter);
    }

    fn parameter_access(&mut self, element: &Element, path: &str, parameter: &mut DraftParameter) {
        let Some(text) = element.attribute("access") else {
            let message = "a parameter without access (DT-02); that of the model is taken";
            return self.warn(element.line, path, message);
        };
        // XML-19
        let is_writable = match parameter.access {
            Access::ReadOnly => false,
            Access::ReadWrite => true,
            Access::WriteOnceReadOnly => parameter.name == "Alias",
        };
        match access_of(text) {
            Some(Access::ReadWrite) if !is_writable => {
                let message = "it is readWrite here and readOnly in the model (DT-02)";
                self.error(element.line, path, message);
            }
            Some(Access::ReadWrite) => {}
            Some(Access::ReadOnly) => parameter.access = Access::ReadOnly,
            Some(Access::WriteOnceReadOnly) | None => {
                let message =
                    format!("access of a parameter is readOnly or readWrite, not {text:?}");
                self.error(element.line, path, &message);
            }
        }
    }

    /// `DT-02`: a device says whether it denies what the model lets it deny.
    fn notification(&mut self, element: &Element, path: &str, parameter: &mut DraftParameter) {
        let can_deny = parameter.active_notify == ActiveNotify::CanDeny;
        match element.attribute("activeNotify") {
            None | Some("normal") if can_deny => parameter.active_notify = ActiveNotify::Normal,
            None | Some("normal") => {}
            Some("willDeny") if can_deny => {}
            Some("willDeny") => {
                let message = "it denies active notification, which the model does not allow";
                self.error(element.line, path, message);
            }
            Some(other) => {
                let message = format!("activeNotify is normal or willDeny, not {other:?}");
                self.error(element.line, path, &message);
            }
        }
    }

    fn syntax(&mut self, element: &Element, path: &str, parameter: &mut DraftParameter) {
        let mut reader = TypeReader {
            documents: self.documents,
            document: self.document,
            chain: &[self.document],
            problems: self.problems,
            path,
            with_descriptions: false,
        };
        let (mut syntax, default) = reader.narrowed(element, &parameter.syntax);
        for message in facets::restrict(&mut syntax, &parameter.syntax) {
            self.error(element.line, path, &message);
        }
        parameter.syntax = syntax;
        if let DefaultChange::Set(default) = default {
            self.default(element, path, parameter, default);
        }
    }

    /// A device type gives a default only where the model has none.
    fn default(
        &mut self,
        element: &Element,
        path: &str,
        parameter: &mut DraftParameter,
        default: DefaultValue,
    ) {
        let known = parameter.default.as_ref();
        let known = known.filter(|known| known.default_type != DefaultType::Implementation);
        match known {
            Some(known) if known.value != default.value => {
                let message = format!("its default is {:?} by the model", known.value);
                self.error(element.line, path, &message);
            }
            Some(_) => {}
            None => parameter.default = Some(default),
        }
    }

    fn place(&self, line: u32) -> Place {
        self.documents.place(self.document, line)
    }

    fn error(&mut self, line: u32, path: &str, message: &str) {
        self.problems.error(self.place(line), path, message);
    }

    fn warn(&mut self, line: u32, path: &str, message: &str) {
        self.problems.warn(self.place(line), path, message);
    }

    /// What the device has, and the paths of objects that only hold something that it has.
    fn finish(self) -> (Draft, Vec<String>) {
        present::present(self.draft, self.objects, self.parameters)
    }
}

#[cfg(test)]
mod tests;
