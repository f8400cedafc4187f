//! What can be changed in an expanded file.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::markup::{Attribute, Markup, Tag};

/// One change: a part of the text, and what takes its place.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) kind: &'static str,
    pub(crate) range: Range<usize>,
    text: String,
}

impl Change {
    pub(crate) fn apply(&self, text: &str) -> String {
        format!("{}{}{}", &text[..self.range.start], self.text, &text[self.range.end..])
    }

    /// What is changed, and where.
    pub(crate) fn shown(&self, text: &str) -> String {
        let line = text[..self.range.start].matches('\n').count() + 1;
        let old = text[self.range.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        let old: String = old.chars().take(120).collect();
        format!("line {line}: {}: {old:?} → {:?}", self.kind, self.text)
    }
}

/// Changes after which the model is another.
pub(crate) fn meaningful(markup: &Markup) -> Vec<Change> {
    let mut list = List::default();
    let types = used_types(markup);
    let mut of_type = false;
    for (place, tag) in markup.tags.iter().enumerate() {
        if tag.parent() == "dm:document" {
            let name = tag.value("name").unwrap_or_default();
            of_type = tag.name == "dataType" && types.contains(name);
        }
        let is_usp = ["command", "event", "glossary"].iter().any(|name| tag.is_below(name));
        let is_gone = tag.value("status") == Some("deleted");
        if is_usp || is_gone || !(tag.is_below("model") || of_type || tag.name == "model") {
            continue;
        }
        if tag.is_below("profile") || tag.name == "profile" {
            of_profile(&mut list, markup, place);
        } else {
            of_item(&mut list, markup, place);
            of_facet(&mut list, tag);
        }
    }
    list.changes
}

/// The named types that a parameter uses as they are.
fn used_types(markup: &Markup) -> BTreeSet<String> {
    let used = markup.tags.iter().filter(|tag| tag.parent() == "syntax" && tag.is_empty());
    used.filter_map(|tag| tag.value("ref").map(str::to_owned)).collect()
}

#[derive(Default)]
struct List {
    changes: Vec<Change>,
}

impl List {
    fn replace(&mut self, kind: &'static str, range: &Range<usize>, text: impl Into<String>) {
        self.changes.push(Change { kind, range: range.clone(), text: text.into() });
    }

    /// Another value for an attribute that is there.
    fn value(&mut self, kind: &'static str, attribute: Option<&Attribute>, new: &str) {
        if let Some(attribute) = attribute {
            self.replace(kind, &attribute.inner, new);
        }
    }

    fn remove(&mut self, kind: &'static str, attribute: Option<&Attribute>) {
        if let Some(attribute) = attribute {
            self.replace(kind, &attribute.range, "");
        }
    }

    /// An attribute that is not there, or another value for it.
    fn set(&mut self, kind: &'static str, tag: &Tag, name: &str, new: &str) {
        match tag.attribute(name) {
            Some(attribute) if attribute.value == new => self.replace(kind, &attribute.range, ""),
            Some(attribute) => self.replace(kind, &attribute.inner, new),
            None => {
                let place = tag.behind_name();
                self.replace(kind, &(place..place), format!(" {name}=\"{new}\""));
            }
        }
    }

    /// One more or one less.
    fn number(&mut self, kind: &'static str, attribute: Option<&Attribute>, by: i64) {
        let number = attribute.and_then(|attribute| attribute.value.parse::<i64>().ok());
        if let Some(number) = number {
            self.value(kind, attribute, &(number + by).to_string());
        }
    }
}

/// The other one of two values.
fn other<'v>(value: Option<&str>, first: &'v str, second: &'v str) -> &'v str {
    if value == Some(first) { second } else { first }
}

fn of_item(list: &mut List, markup: &Markup, place: usize) {
    let tag = &markup.tags[place];
    match &*tag.name {
        "model" => {
            list.value("name of the model", tag.attribute("name"), "Other:9.9");
            list.set("isService", tag, "isService", "true");
        }
        "object" => of_object(list, markup, place),
        "uniqueKey" => {
            let functional = other(tag.value("functional"), "false", "true");
            list.set("functional of a unique key", tag, "functional", functional);
            list.replace("removal of a unique key", &tag.element, "");
        }
        "parameter" if tag.parent() == "uniqueKey" => {
            list.value("ref of a unique key", tag.attribute("ref"), "Another");
        }
        "parameter" => {
            let name = format!("{}X", tag.value("name").unwrap_or_default());
            list.value("name of a parameter", tag.attribute("name"), &name);
            let access = other(tag.value("access"), "readOnly", "readWrite");
            list.set("access of a parameter", tag, "access", access);
            list.set("status of a parameter", tag, "status", "obsoleted");
            list.set("activeNotify", tag, "activeNotify", "canDeny");
            list.set("another activeNotify", tag, "activeNotify", "forceEnabled");
            list.set("forcedInform", tag, "forcedInform", "true");
            list.replace("removal of a parameter", &tag.element, "");
        }
        _ => {}
    }
}

fn of_object(list: &mut List, markup: &Markup, place: usize) {
    let tag = &markup.tags[place];
    list.value(
        "access of an object",
        tag.attribute("access"),
        other(tag.value("access"), "readOnly", "readWrite"),
    );
    list.set("status of an object", tag, "status", "deprecated");
    let max = tag.attribute("maxEntries");
    match (tag.value("minEntries"), tag.value("maxEntries")) {
        (Some("0"), Some("unbounded")) => {
            list.value("minEntries", tag.attribute("minEntries"), "1");
            list.value("maxEntries", max, "7");
        }
        (Some("1"), Some("1")) => {
            list.value("minEntries", tag.attribute("minEntries"), "0");
            list.value("maxEntries", max, "2");
        }
        _ => list.value("maxEntries", max, other(tag.value("maxEntries"), "unbounded", "99")),
    }
    list.remove("numEntriesParameter", tag.attribute("numEntriesParameter"));
    list.remove("enableParameter", tag.attribute("enableParameter"));
    list.remove("discriminatorParameter", tag.attribute("discriminatorParameter"));
    list.set("mountType", tag, "mountType", "mountPoint");
    let name = tag.value("name").unwrap_or_default();
    let mut others = markup.tags.iter().filter(|other| other.name == "object");
    let is_below =
        |other: &Tag| other.value("name").is_some_and(|it| it != name && it.starts_with(name));
    if !others.any(is_below) {
        list.replace("removal of an object", &tag.element, "");
    }
}

fn of_facet(list: &mut List, tag: &Tag) {
    match &*tag.name {
        "syntax" => {
            list.set("hidden", tag, "hidden", "true");
            list.set("secured", tag, "secured", "true");
            list.set("command", tag, "command", "true");
        }
        "list" => {
            list.set("minItems", tag, "minItems", "1");
            list.set("maxItems", tag, "maxItems", "99");
            list.set("nestedBrackets", tag, "nestedBrackets", "required");
            list.replace("removal of a list", &tag.element, "");
        }
        "size" => {
            list.number("maxLength", tag.attribute("maxLength"), 1);
            if tag.value("maxLength").is_some() {
                list.set("minLength", tag, "minLength", "1");
            }
        }
        "range" => {
            list.number("minInclusive", tag.attribute("minInclusive"), -1);
            list.number("maxInclusive", tag.attribute("maxInclusive"), 1);
            list.remove("removal of maxInclusive", tag.attribute("maxInclusive"));
            list.set("step", tag, "step", "7");
            list.set("optional range", tag, "optional", "true");
        }
        "enumeration" => {
            let value = format!("{}X", tag.value("value").unwrap_or_default());
            list.value("value of a word", tag.attribute("value"), &value);
            list.set("access of a word", tag, "access", "readOnly");
            list.set("optional word", tag, "optional", "true");
            list.set("status of a word", tag, "status", "obsoleted");
            list.set("code of a word", tag, "code", "-77");
            list.replace("removal of a word", &tag.element, "");
        }
        "pattern" => {
            let value = format!("{}x", tag.value("value").unwrap_or_default());
            list.value("value of a pattern", tag.attribute("value"), &value);
            list.set("access of a pattern", tag, "access", "readOnly");
            list.set("status of a pattern", tag, "status", "deleted");
        }
        "units" => {
            list.value("units", tag.attribute("value"), "furlongs");
            list.replace("removal of units", &tag.element, "");
        }
        "pathRef" | "instanceRef" | "enumerationRef" => of_reference(list, tag),
        "default" => {
            let value = format!("{}7", tag.value("value").unwrap_or_default());
            list.value("value of a default", tag.attribute("value"), &value);
            let kind = other(tag.value("type"), "object", "factory");
            list.value("type of a default", tag.attribute("type"), kind);
            list.set("status of a default", tag, "status", "deleted");
            list.replace("removal of a default", &tag.element, "");
        }
        "dataType" if tag.parent() == "syntax" && tag.is_empty() => {
            list.replace("named type", &tag.element, "<boolean/>");
        }
        "boolean" | "dateTime" | "string" | "int" | "unsignedInt" | "unsignedLong"
            if tag.is_empty() =>
        {
            list.replace("built-in type", &tag.element, "<decimal/>");
        }
        _ => {}
    }
}

fn of_reference(list: &mut List, tag: &Tag) {
    let strength = other(tag.value("refType"), "weak", "strong");
    list.value("refType", tag.attribute("refType"), strength);
    list.value("targetParent", tag.attribute("targetParent"), ".Elsewhere.");
    if tag.name == "pathRef" {
        let target = other(tag.value("targetType"), "row", "single");
        list.set("targetType", tag, "targetType", target);
        list.set("targetDataType", tag, "targetDataType", "hexBinary");
    }
    list.value("targetParam", tag.attribute("targetParam"), "Elsewhere");
    if tag.name == "enumerationRef" {
        list.set("nullValue", tag, "nullValue", "Nothing");
    }
    list.replace("removal of a reference", &tag.element, "");
}

fn of_profile(list: &mut List, markup: &Markup, place: usize) {
    let tag = &markup.tags[place];
    if tag.name == "profile" {
        let name = format!("X{}", tag.value("name").unwrap_or_default());
        list.value("name of a profile", tag.attribute("name"), &name);
        list.set("status of a profile", tag, "status", "deprecated");
        list.remove("base of a profile", tag.attribute("base"));
        list.remove("extends of a profile", tag.attribute("extends"));
        list.replace("removal of a profile", &tag.element, "");
        return;
    }
    // What a profile asks for may be what it builds on asks for already.
    let mut above = markup.tags[..place].iter().rev();
    let profile = above.find(|above| above.name == "profile").expect("it is below one");
    if profile.attribute("base").is_some() || profile.attribute("extends").is_some() {
        return;
    }
    match &*tag.name {
        "parameter" => {
            let asked = other(tag.value("requirement"), "readOnly", "readWrite");
            list.value("requirement of a parameter", tag.attribute("requirement"), asked);
            list.set("deleted requirement", tag, "status", "deleted");
            list.replace("removal of a requirement", &tag.element, "");
        }
        "object" => {
            let asked = other(tag.value("requirement"), "present", "createDelete");
            list.value("requirement of an object", tag.attribute("requirement"), asked);
        }
        _ => {}
    }
}

/// Changes after which the model is the same.
pub(crate) fn harmless(markup: &Markup) -> Vec<Change> {
    let mut list = List::default();
    for tag in &markup.tags {
        let (start, end) = (tag.range.start, tag.range.end);
        if tag.name == "description" && !tag.is_empty() {
            list.replace(
                "text of a description",
                &(end..end),
                "Another & then some: ".replace('&', "&amp;"),
            );
        }
        if tag.around.is_empty() || tag.is_below("description") || tag.is_below("template") {
            continue;
        }
        list.replace("a comment", &(start..start), "<!-- <object name=\"No.\"/> -->");
        list.replace("white space", &(start..start), "\n\t \n");
        let place = tag.behind_name();
        list.replace("white space in a tag", &(place..place), "\n     ");
        list.replace("a hint for reports", &(place..place), " dmr:noNameCheck=\"true\"");
        list.replace("an attribute nobody knows", &(place..place), " colour=\"red\"");
        let has_id = matches!(&*tag.name, "object" | "parameter" | "profile")
            && tag.attribute("id").is_none();
        if has_id {
            list.replace("an id", &(place..place), " id=\"Some.id\"");
        }
        if let (Some(first), Some(last)) = (tag.attributes.first(), tag.attributes.last()) {
            let all = first.range.start..last.range.end;
            let turned = tag.attributes.iter().rev();
            let turned = turned.map(|it| format!(" {}=\"{}\"", it.name, it.value));
            list.replace("order of attributes", &all, turned.collect::<String>());
            let quoted = tag.attributes.iter().map(|it| format!(" {} = '{}'", it.name, it.value));
            if !tag.attributes.iter().any(|it| it.value.contains('\'')) {
                list.replace("other quotes", &all, quoted.collect::<String>());
            }
        }
    }
    list.changes
}
