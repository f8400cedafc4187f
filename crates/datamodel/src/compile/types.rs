//! From `syntax` and `dataType` elements to a [`Syntax`] (`XML-06` to `XML-11`, `XML-25`).

use std::collections::BTreeSet;
use std::str::FromStr;

use drover_cwmp::ValueType;

use super::document::{DocumentId, Kind};
use super::documents::{Documents, Found};
use super::problem::Problems;
use super::xml::Element;
use crate::limits::{BASE_DEPTH_MAX, STRING_CHARS_DEFAULT};
use crate::pattern::{self, Pattern, PatternError};
use crate::syntax::{
    DefaultType, DefaultValue, Enumeration, EnumerationRefFacet, InstanceRefFacet, List,
    NestedBrackets, PathRefFacet, Range, Scope, Size, Status, Strength, Syntax, TargetType,
};
use crate::version::Version;

/// The first version of the schema in which a size without `maxLength` has no limit.
const SCHEMA_WITHOUT_LENGTH: u32 = 3;

/// The kinds of facet; one that is mentioned replaces all earlier ones of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Facet {
    List,
    Size,
    Range,
    Pattern,
    Enumeration,
    PathRef,
    InstanceRef,
    EnumerationRef,
    Units,
}

/// A syntax, and which kinds of facet it mentioned.
#[derive(Debug, Default)]
struct Typed {
    syntax: Syntax,
    mentioned: BTreeSet<Facet>,
}

/// What a `syntax` element says of the default.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DefaultChange {
    /// Nothing: an earlier one stays.
    Unmentioned,
    Removed,
    Set(DefaultValue),
}

/// Reads types in the scope of one document.
pub(crate) struct TypeReader<'d, 'p> {
    pub(crate) documents: &'d Documents,
    pub(crate) problems: &'p mut Problems,
    /// The document that the syntax stands in.
    pub(crate) document: DocumentId,
    /// The documents that lead there, outermost first.
    pub(crate) chain: &'p [DocumentId],
    /// What the syntax belongs to, for messages.
    pub(crate) path: &'p str,
    pub(crate) with_descriptions: bool,
}

impl<'d> TypeReader<'d, '_> {
    /// Reads a `syntax` element. `previous` is what the parameter had, if it is being modified.
    pub(crate) fn syntax(
        &mut self,
        element: &Element,
        previous: Option<&Syntax>,
    ) -> (Syntax, DefaultChange) {
        let mut typed = match previous {
            // Without a type, it is about the default or the list alone.
            Some(previous) if !has_type(element) => {
                Typed { syntax: previous.clone(), ..Typed::default() }
            }
            _ => self.types_in(element, self.document, BASE_DEPTH_MAX),
        };
        if let Some(list) = element.child("list") {
            typed.mentioned.insert(Facet::List);
            let known = previous.and_then(|previous| previous.list.clone());
            let is_there = self.status(list) != Status::Deleted;
            typed.syntax.list =
                is_there.then(|| self.changed_list(list, known.unwrap_or_default()));
        }
        typed.syntax.hidden = self.flag(element, "hidden");
        typed.syntax.secured = self.flag(element, "secured");
        typed.syntax.command = self.flag(element, "command");
        if let Some(previous) = previous {
            inherit(&mut typed, previous);
        }
        let default = self.default(element, &typed.syntax);
        (typed.syntax, default)
    }

    /// Reads the `syntax` element of a device type, whose facets take the place of those that the
    /// model has (`DT-02`).
    pub(crate) fn narrowed(
        &mut self,
        element: &Element,
        model: &Syntax,
    ) -> (Syntax, DefaultChange) {
        let mut typed = Typed { syntax: model.clone(), ..Typed::default() };
        for child in &element.children {
            let name = match built_in(&child.name) {
                Some(value_type) if value_type == model.value_type => None,
                Some(value_type) => Some(value_type.name()),
                None if &*child.name != "dataType" => continue,
                None => {
                    let name = child.attribute("ref").or_else(|| child.attribute("base"));
                    name.filter(|name| model.type_name.as_deref() != Some(name))
                }
            };
            if let Some(name) = name {
                let known = model.type_name.as_deref().unwrap_or_else(|| model.value_type.name());
                self.error(child.line, &format!("its type is {known} in the model, not {name}"));
                continue;
            }
            self.facets(child, &mut typed);
        }
        if let Some(facet) = &mut typed.syntax.path_ref
            && let Some(known) = &model.path_ref
        {
            // A device type says nothing of these.
            (facet.strength, facet.scope) = (known.strength, known.scope);
            if facet.target_parents.is_empty() {
                facet.target_parents.clone_from(&known.target_parents);
            }
        }
        match (element.child("list"), &model.list) {
            (Some(list), Some(known)) => {
                let nested_brackets = known.nested_brackets;
                let list = List { nested_brackets, ..self.list(list) };
                typed.syntax.list = Some(list);
            }
            (Some(list), None) => self.error(list.line, "it is no list in the model"),
            (None, _) => {}
        }
        let default = self.default(element, &typed.syntax);
        (typed.syntax, default)
    }

    /// The type among the children of a `syntax` or `dataType` element.
    fn types_in(&mut self, element: &Element, document: DocumentId, depth: usize) -> Typed {
        for child in &element.children {
            if &*child.name == "dataType" {
                let mut typed = self.named(child, document, depth);
                self.facets(child, &mut typed);
                return typed;
            }
            if let Some(value_type) = built_in(&child.name) {
                let syntax = Syntax { value_type, ..Syntax::default() };
                let mut typed = Typed { syntax, ..Typed::default() };
                self.facets(child, &mut typed);
                return typed;
            }
        }
        // A syntax without type is a string without limits (XML-18).
        Typed { syntax: unlimited(), ..Typed::default() }
    }

    /// The type that a `dataType` element within a syntax refers to.
    fn named(&mut self, element: &Element, document: DocumentId, depth: usize) -> Typed {
        let Some(name) = element.attribute("ref").or_else(|| element.attribute("base")) else {
            self.error(element.line, "a dataType without ref or base");
            return Typed::default();
        };
        let mut typed = self.definition(name, element.line, document, depth);
        typed.syntax.type_name = Some(name.into());
        typed
    }

    /// The definition of a named type, with what it is based on.
    fn definition(&mut self, name: &str, line: u32, document: DocumentId, depth: usize) -> Typed {
        let Some(depth) = depth.checked_sub(1) else {
            self.error(line, &format!("the data type {name} is based on itself"));
            return Typed::default();
        };
        let Some(found) = self.find(name, line, document) else {
            let own = self.documents.imported_from_nowhere(document, Kind::DataType, name);
            if let Some(syntax) = own.and_then(crate::extension::named_type) {
                return Typed { syntax, ..Typed::default() };
            }
            self.error(line, &format!("there is no data type {name}; define or import it"));
            return Typed::default();
        };
        // Lines are now those of the document with the definition.
        let outer = std::mem::replace(&mut self.document, found.document);
        let mut typed = match found.element.attribute("base") {
            Some(base) => self.definition(base, found.element.line, found.document, depth),
            None => self.types_in(found.element, found.document, depth),
        };
        if let Some(list) = found.element.child("list") {
            typed.mentioned.insert(Facet::List);
            let is_there = self.status(list) != Status::Deleted;
            typed.syntax.list = is_there.then(|| self.list(list));
        }
        if found.element.attribute("base").is_some() {
            self.facets(found.element, &mut typed);
        }
        self.document = outer;
        typed
    }

    fn find(&mut self, name: &str, line: u32, document: DocumentId) -> Option<Found<'d>> {
        if let Some(found) = self.documents.lookup(document, Kind::DataType, name) {
            return Some(found);
        }
        let found = self.documents.lookup_forgotten(self.chain, Kind::DataType, name)?;
        let place = self.documents.place(found.document, found.element.line);
        self.warn(line, &format!("the data type {name} is not imported; that of {place} is taken"));
        Some(found)
    }

    /// Applies the facets below an element.
    fn facets(&mut self, element: &Element, typed: &mut Typed) {
        let mut seen = BTreeSet::new();
        for child in &element.children {
            let Some(facet) = facet_of(&child.name) else { continue };
            if seen.insert(facet) {
                clear(&mut typed.syntax, facet);
                typed.mentioned.insert(facet);
            }
            self.facet(facet, child, &mut typed.syntax);
        }
    }

    fn facet(&mut self, facet: Facet, element: &Element, syntax: &mut Syntax) {
        let deleted = self.status(element) == Status::Deleted;
        match facet {
            Facet::Enumeration => syntax.enumerations.extend(self.enumeration(element)),
            Facet::Pattern => syntax.patterns.extend(self.pattern(element)),
            // A size or reference that is deleted is gone: nothing refers to it by name.
            _ if deleted => {}
            Facet::List => {}
            Facet::Size => syntax.sizes.push(self.size(element)),
            Facet::Range => syntax.ranges.push(self.range(element)),
            Facet::PathRef => syntax.path_ref = Some(self.path_ref(element)),
            Facet::InstanceRef => syntax.instance_ref = Some(self.instance_ref(element)),
            Facet::EnumerationRef => {
                syntax.enumeration_ref = Some(self.enumeration_ref(element));
            }
            Facet::Units => syntax.units = element.attribute("value").map(Into::into),
        }
    }

    fn enumeration(&mut self, element: &Element) -> Option<Enumeration> {
        let value = self.required(element, "value")?;
        Some(Enumeration {
            value: value.into(),
            code: self.number(element, "code"),
            read_only: self.is_read_only(element),
            optional: self.flag(element, "optional"),
            status: self.status(element),
            version: self.version(element),
            description: self.description(element),
        })
    }

    fn pattern(&mut self, element: &Element) -> Option<Pattern> {
        let value = self.required(element, "value")?;
        match pattern::validate(value) {
            Ok(()) => {}
            // A value is never refused for a pattern that cannot be checked.
            Err(error @ PatternError::Unsupported { .. }) => {
                let message = format!("the pattern {value:?} will not be checked: {error}");
                self.warn(element.line, &message);
            }
            Err(error) => {
                self.error(element.line, &format!("the pattern {value:?} cannot be used: {error}"));
            }
        }
        Some(Pattern {
            value: value.into(),
            read_only: self.is_read_only(element),
            status: self.status(element),
            version: self.version(element),
            description: self.description(element),
            ..Pattern::default()
        })
    }

    fn size(&mut self, element: &Element) -> Size {
        let min = self.number(element, "minLength").unwrap_or(0);
        let mut max = self.number(element, "maxLength");
        let document = self.documents.get(self.document);
        if element.attribute("maxLength").is_none()
            && document.is_some_and(|it| it.schema < SCHEMA_WITHOUT_LENGTH)
        {
            max = Some(STRING_CHARS_DEFAULT);
        }
        if max.is_some_and(|max| max < min) {
            self.error(element.line, "the maxLength is smaller than the minLength");
        }
        Size { min, max }
    }

    fn range(&mut self, element: &Element) -> Range {
        let mut text = |name| self.numeral(element, name);
        Range {
            min: text("minInclusive"),
            max: text("maxInclusive"),
            step: text("step").filter(|step| &**step != "1"),
            optional: self.flag(element, "optional"),
        }
    }

    fn list(&mut self, element: &Element) -> List {
        self.changed_list(element, List::default())
    }

    /// What the element does not say of a list stays as it was: published changes write a bare
    /// `<list/>` where they change something else.
    fn changed_list(&mut self, element: &Element, previous: List) -> List {
        let mut list = self.list_alone(element);
        let says = |name| element.attribute(name).is_some();
        if !says("minItems") {
            list.items_min = previous.items_min;
        }
        if !says("maxItems") {
            list.items_max = previous.items_max;
        }
        if !says("nestedBrackets") {
            list.nested_brackets = previous.nested_brackets;
        }
        if element.child("size").is_none() {
            list.sizes = previous.sizes;
        }
        list
    }

    fn list_alone(&mut self, element: &Element) -> List {
        let items_min = self.number(element, "minItems").unwrap_or(0);
        let items_max = match element.attribute("maxItems") {
            None | Some("unbounded") => None,
            Some(_) => self.number(element, "maxItems"),
        };
        if items_max.is_some_and(|max| max < items_min) {
            self.error(element.line, "maxItems is smaller than minItems");
        }
        let known = [
            ("legacy", NestedBrackets::Legacy),
            ("permitted", NestedBrackets::Permitted),
            ("required", NestedBrackets::Required),
        ];
        let nested_brackets = self.choice(element, "nestedBrackets", &known);
        let mut sizes = Vec::new();
        for size in element.named("size") {
            if self.status(size) != Status::Deleted {
                sizes.push(self.size(size));
            }
        }
        List { items_min, items_max, nested_brackets, sizes }
    }

    fn path_ref(&mut self, element: &Element) -> PathRefFacet {
        let parents = element.attribute("targetParent").unwrap_or_default();
        let data_type = element.attribute("targetDataType").filter(|name| *name != "any");
        PathRefFacet {
            strength: self.strength(element),
            target_parents: parents.split_whitespace().map(Into::into).collect(),
            scope: self.scope(element, "targetParentScope"),
            target_type: self.choice(
                element,
                "targetType",
                &[
                    ("any", TargetType::Any),
                    ("parameter", TargetType::Parameter),
                    ("object", TargetType::Object),
                    ("single", TargetType::Single),
                    ("table", TargetType::Table),
                    ("row", TargetType::Row),
                ],
            ),
            target_data_type: data_type.map(Into::into),
        }
    }

    fn instance_ref(&mut self, element: &Element) -> InstanceRefFacet {
        InstanceRefFacet {
            strength: self.strength(element),
            target_parent: element.attribute("targetParent").unwrap_or_default().trim().into(),
            scope: self.scope(element, "targetParentScope"),
        }
    }

    fn enumeration_ref(&mut self, element: &Element) -> EnumerationRefFacet {
        EnumerationRefFacet {
            target_parameter: element.attribute("targetParam").unwrap_or_default().trim().into(),
            scope: self.scope(element, "targetParamScope"),
            null_value: element.attribute("nullValue").map(Into::into),
        }
    }

    fn strength(&mut self, element: &Element) -> Strength {
        let known = [("weak", Strength::Weak), ("strong", Strength::Strong)];
        self.choice(element, "refType", &known)
    }

    fn scope(&mut self, element: &Element, name: &str) -> Scope {
        let known = [("normal", Scope::Normal), ("model", Scope::Model), ("object", Scope::Object)];
        self.choice(element, name, &known)
    }

    fn default(&mut self, element: &Element, syntax: &Syntax) -> DefaultChange {
        let Some(element) = element.child("default") else { return DefaultChange::Unmentioned };
        if self.status(element) == Status::Deleted {
            return DefaultChange::Removed;
        }
        let default_type = match element.attribute("type") {
            Some("factory") => DefaultType::Factory,
            Some("object") => DefaultType::Object,
            Some("implementation") => DefaultType::Implementation,
            other => {
                let other = other.unwrap_or("nothing");
                let message =
                    format!("type of a default is factory, object or implementation, not {other}");
                self.error(element.line, &message);
                return DefaultChange::Removed;
            }
        };
        let value = element.attribute("value").unwrap_or_default();
        let value: Box<str> = without_brackets(value, syntax).into();
        if let Err(error) = crate::check::check(syntax, &value, crate::check::Direction::Report) {
            // Published defaults break limits here and there (CMP-05), so this is no error.
            let message = format!("the default {value:?} does not fit the type: {error}");
            self.warn(element.line, &message);
        }
        DefaultChange::Set(DefaultValue { default_type, value })
    }

    fn status(&mut self, element: &Element) -> Status {
        let text = element.attribute("status").unwrap_or("current");
        Status::of_name(text.trim()).unwrap_or_else(|| {
            self.error(element.line, &format!("there is no status {text:?}"));
            Status::Current
        })
    }

    fn description(&self, element: &Element) -> Option<Box<str>> {
        let text = &element.child("description").filter(|_| self.with_descriptions)?.text;
        let text = super::description::clean(text)?;
        Some(self.documents.filled(self.document, text))
    }

    fn required<'e>(&mut self, element: &'e Element, name: &str) -> Option<&'e str> {
        let value = element.attribute(name);
        if value.is_none() {
            self.error(element.line, &format!("a {} without {name}", element.name));
        }
        value
    }

    fn number<T: FromStr>(&mut self, element: &Element, name: &str) -> Option<T> {
        let text = element.attribute(name)?.trim();
        let number = text.parse().ok();
        if number.is_none() {
            self.error(element.line, &format!("{name} is a number, not {text:?}"));
        }
        number
    }

    /// Whether an ACS cannot set what the facet allows (`XML-08`).
    fn is_read_only(&mut self, element: &Element) -> bool {
        self.choice(element, "access", &[("readWrite", false), ("readOnly", true)])
    }

    fn flag(&mut self, element: &Element, name: &str) -> bool {
        let known = [("false", false), ("0", false), ("true", true), ("1", true)];
        self.choice(element, name, &known)
    }

    /// One of a few words; the default when the attribute is left out.
    fn choice<T: Copy + Default>(
        &mut self,
        element: &Element,
        name: &str,
        known: &[(&str, T)],
    ) -> T {
        let Some(text) = element.attribute(name) else { return T::default() };
        let found = known.iter().find(|(word, _)| *word == text.trim());
        if found.is_none() {
            let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
            let words = words.join(", ");
            self.error(element.line, &format!("{name} is one of {words}, not {text:?}"));
        }
        found.map(|(_, value)| *value).unwrap_or_default()
    }

    fn version(&mut self, element: &Element) -> Option<Version> {
        let text = element.attribute("version")?;
        let version = text.parse().ok();
        if version.is_none() {
            self.error(element.line, &format!("a version is Major.Minor, not {text:?}"));
        }
        version
    }

    /// A number that is kept as text.
    fn numeral(&mut self, element: &Element, name: &str) -> Option<Box<str>> {
        let text = element.attribute(name)?.trim();
        if !ValueType::Decimal.accepts(text) {
            self.error(element.line, &format!("{name} is a number, not {text:?}"));
            return None;
        }
        Some(text.into())
    }

    fn error(&mut self, line: u32, message: &str) {
        let place = self.documents.place(self.document, line);
        self.problems.error(place, self.path, message);
    }

    fn warn(&mut self, line: u32, message: &str) {
        let place = self.documents.place(self.document, line);
        self.problems.warn(place, self.path, message);
    }
}

/// A string of any length.
pub(super) fn unlimited() -> Syntax {
    Syntax { sizes: vec![Size::default()], ..Syntax::default() }
}

/// Newer documents write the default of a list in brackets, also of one whose values have none.
fn without_brackets<'v>(value: &'v str, syntax: &Syntax) -> &'v str {
    let is_plain = |list: &List| list.nested_brackets == NestedBrackets::Legacy;
    if !syntax.list.as_ref().is_some_and(is_plain) {
        return value;
    }
    let inner = value.trim().strip_prefix('[').and_then(|value| value.strip_suffix(']'));
    inner.unwrap_or(value)
}

fn has_type(element: &Element) -> bool {
    let is_type = |child: &Element| &*child.name == "dataType" || built_in(&child.name).is_some();
    element.children.iter().any(is_type)
}

fn built_in(name: &str) -> Option<ValueType> {
    ValueType::ALL.into_iter().find(|value_type| value_type.name() == name)
}

fn facet_of(name: &str) -> Option<Facet> {
    Some(match name {
        "size" => Facet::Size,
        // The schema calls it so where a type is built on another one.
        "range" | "decimalRange" => Facet::Range,
        "pattern" => Facet::Pattern,
        "enumeration" => Facet::Enumeration,
        "pathRef" => Facet::PathRef,
        "instanceRef" => Facet::InstanceRef,
        "enumerationRef" => Facet::EnumerationRef,
        "units" => Facet::Units,
        _ => return None,
    })
}

fn clear(syntax: &mut Syntax, facet: Facet) {
    match facet {
        Facet::List => syntax.list = None,
        Facet::Size => syntax.sizes.clear(),
        Facet::Range => syntax.ranges.clear(),
        Facet::Pattern => syntax.patterns.clear(),
        Facet::Enumeration => syntax.enumerations.clear(),
        Facet::PathRef => syntax.path_ref = None,
        Facet::InstanceRef => syntax.instance_ref = None,
        Facet::EnumerationRef => syntax.enumeration_ref = None,
        Facet::Units => syntax.units = None,
    }
}

/// What the new syntax does not mention stays as it was, unless it is of another type (`XML-25`).
fn inherit(typed: &mut Typed, previous: &Syntax) {
    let syntax = &mut typed.syntax;
    syntax.hidden |= previous.hidden;
    syntax.secured |= previous.secured;
    syntax.command |= previous.command;
    let mentioned = |facet| typed.mentioned.contains(&facet);
    if !mentioned(Facet::List) {
        syntax.list.clone_from(&previous.list);
    }
    if syntax.value_type != previous.value_type {
        return;
    }
    if syntax.type_name.is_none() {
        syntax.type_name.clone_from(&previous.type_name);
    } else if syntax.type_name != previous.type_name {
        return;
    }
    if !mentioned(Facet::Size) {
        syntax.sizes.clone_from(&previous.sizes);
    }
    if !mentioned(Facet::Range) {
        syntax.ranges.clone_from(&previous.ranges);
    }
    if !mentioned(Facet::Pattern) {
        syntax.patterns.clone_from(&previous.patterns);
    }
    if !mentioned(Facet::Enumeration) {
        syntax.enumerations.clone_from(&previous.enumerations);
    }
    if !mentioned(Facet::PathRef) {
        syntax.path_ref.clone_from(&previous.path_ref);
    }
    if !mentioned(Facet::InstanceRef) {
        syntax.instance_ref.clone_from(&previous.instance_ref);
    }
    if !mentioned(Facet::EnumerationRef) {
        syntax.enumeration_ref.clone_from(&previous.enumeration_ref);
    }
    if !mentioned(Facet::Units) {
        syntax.units.clone_from(&previous.units);
    }
}
