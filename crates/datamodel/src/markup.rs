//! Descriptions as a person reads them (`XML-26`).
//!
//! Published descriptions are wiki-like text with templates such as `{{enum|Up}}`, some of which
//! stand for facts of the item that they describe. They are kept as they are and become plain text
//! when they are shown.

use crate::schema::{Object, Parameter};
use crate::syntax::Syntax;

/// Templates within each other.
const DEPTH_MAX: usize = 8;

/// What a description describes.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'s> {
    /// An object or table.
    Object(Object<'s>),
    /// A parameter.
    Parameter(Parameter<'s>),
    /// Something else, such as a profile or a word of an enumeration.
    Other,
}

/// Where the facts of the item are that some templates stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    /// Nowhere else, so the text says them.
    InText,
    /// Beside the text, which need not repeat them: words, patterns, keys, what it refers to.
    Beside,
}

/// The description as plain text: templates are replaced, quotes of the markup are gone, lists and
/// paragraphs stay.
pub fn plain(description: &str, subject: Subject<'_>, facts: Facts) -> String {
    let expanded = expand(description, (subject, facts), DEPTH_MAX);
    // Two quotes are italics, three are bold; an apostrophe stays.
    let text = expanded.replace("'''", "").replace("''", "");
    // What a template without words left behind.
    let lines = text.lines().map(|line| line.trim_end().replace("  ", " "));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

type Context<'s> = (Subject<'s>, Facts);

fn expand(text: &str, context: Context<'_>, depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        out.push_str(before);
        let Some(end) = closing(inside) else {
            // An unfinished template stands for itself.
            out.push_str("{{");
            rest = inside;
            continue;
        };
        let (template, behind) = inside.split_at_checked(end).unwrap_or((inside, ""));
        let arguments: Vec<String> =
            arguments(template).map(|it| expand(it, context, depth)).collect();
        out.push_str(&replacement(&arguments, context));
        rest = behind.strip_prefix("}}").unwrap_or(behind);
    }
    out.push_str(rest);
    out
}

/// Where the template that was opened before `text` is closed.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut place = 0_usize;
    while let Some(rest) = text.get(place..) {
        let next = rest.find(['{', '}'])?;
        place = place.saturating_add(next);
        let rest = text.get(place..)?;
        if rest.starts_with("{{") {
            open = open.saturating_add(1);
            place = place.saturating_add(2);
        } else if rest.starts_with("}}") {
            match open.checked_sub(1) {
                // `{i}}}` ends with the brace of the path, not with the template.
                None if rest.starts_with("}}}") => place = place.saturating_add(1),
                None => return Some(place),
                Some(fewer) => {
                    open = fewer;
                    place = place.saturating_add(2);
                }
            }
        } else {
            place = place.saturating_add(1);
        }
    }
    None
}

/// Divides a template at the bars that are not within another one.
fn arguments(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(template);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut open = 0_usize;
        let mut previous = '\0';
        for (place, c) in text.char_indices() {
            match (previous, c) {
                ('{', '{') => open = open.saturating_add(1),
                ('}', '}') => open = open.saturating_sub(1),
                (_, '|') if open == 0 => {
                    rest = text.get(place.saturating_add(1)..);
                    return text.get(..place);
                }
                _ => {}
            }
            previous = c;
        }
        rest = None;
        Some(text)
    })
}

fn replacement(arguments: &[String], (subject, facts): Context<'_>) -> String {
    let argument = |place: usize| arguments.get(place).map(|text| text.trim()).unwrap_or_default();
    let syntax = match subject {
        Subject::Parameter(parameter) => Some(parameter.syntax()),
        _ => None,
    };
    let is_fact = match argument(0) {
        "enum" | "pattern" => argument(1).is_empty(),
        name => matches!(name, "list" | "datatype" | "reference" | "numentries" | "keys"),
    };
    if is_fact && facts == Facts::Beside {
        return String::new();
    }
    match (argument(0), argument(1)) {
        ("param", "") | ("object", "") => own_name(subject),
        ("param" | "object" | "command" | "event" | "section", name) => name.to_owned(),
        ("enum" | "pattern", "") => syntax.map(alternatives).unwrap_or_default(),
        ("enum" | "pattern", word) => format!("\"{word}\""),
        ("bibref", name) => format!("[{}]", [name, argument(2)].join(" ").trim()),
        ("units", _) => syntax.and_then(|it| it.units.as_deref()).unwrap_or_default().to_owned(),
        ("true", _) => "true".to_owned(),
        ("false", _) => "false".to_owned(),
        ("empty", _) => "an empty string".to_owned(),
        ("null", _) => null(subject),
        ("numentries", _) => numentries(subject),
        ("list", "") => "A comma-separated list.".to_owned(),
        ("list", of) => format!("A comma-separated list {of}."),
        ("datatype", "" | "expand") => {
            let name = syntax.and_then(|it| it.type_name.as_deref()).unwrap_or_default();
            if name.is_empty() { String::new() } else { format!("[{name}]") }
        }
        ("datatype", name) => format!("[{name}]"),
        ("reference", "") => "The value is the path of another item.".to_owned(),
        ("reference", to) => format!("The value is the path of {to}."),
        (word @ ("deprecated" | "obsoleted" | "deleted"), version) => {
            let why = argument(2);
            let dot = if why.is_empty() || why.ends_with('.') { "" } else { "." };
            format!("It was {word} in {version} {why}{dot}").trim_end().to_owned()
        }
        ("keys", _) => keys(subject),
        ("xmlref", name) => name.to_owned(),
        // Hints for the makers of documents: {{nolist}}, {{hidden}}, {{docname|…}} and the like.
        _ => String::new(),
    }
}

fn own_name(subject: Subject<'_>) -> String {
    match subject {
        Subject::Object(object) => object.name().to_owned(),
        Subject::Parameter(parameter) => parameter.name().to_owned(),
        Subject::Other => String::new(),
    }
}

fn alternatives(syntax: &Syntax) -> String {
    let words = syntax.enumerations.iter().map(|word| &*word.value);
    let patterns = syntax.patterns.iter().map(|pattern| &*pattern.value);
    let all: Vec<String> = words.chain(patterns).map(|word| format!("\"{word}\"")).collect();
    if all.is_empty() { String::new() } else { format!("One of: {}.", all.join(", ")) }
}

fn null(subject: Subject<'_>) -> String {
    match subject {
        Subject::Parameter(parameter) if parameter.null_value().is_empty() => {
            "an empty string".to_owned()
        }
        Subject::Parameter(parameter) => parameter.null_value().to_owned(),
        _ => "the null value".to_owned(),
    }
}

fn numentries(subject: Subject<'_>) -> String {
    let Subject::Parameter(parameter) = subject else { return String::new() };
    let counts = |object: &Object<'_>| object.num_entries_parameter() == Some(parameter);
    let table = parameter.object().children().find(counts);
    let name = table.map_or("", |table| table.name());
    format!("The number of rows of {name}.")
}

fn keys(subject: Subject<'_>) -> String {
    let Subject::Object(object) = subject else { return String::new() };
    let keys: Vec<String> = object.unique_keys().map(|key| key.parameters.join(" and ")).collect();
    if keys.is_empty() {
        return String::new();
    }
    format!("No two rows have the same {}.", keys.join(", nor the same "))
}

#[cfg(all(test, feature = "shipped"))]
mod tests {
    use super::*;
    use crate::shipped::model;
    use proptest::prelude::*;

    fn parameter_text(path: &str, description: &str) -> String {
        let schema = model("Device:2.19").unwrap();
        let parameter = schema.find_parameter(path).unwrap();
        plain(description, Subject::Parameter(parameter), Facts::InText)
    }

    #[test]
    fn xml_26_templates_become_words() {
        let duplex = "Device.Ethernet.Interface.1.DuplexMode";
        for (description, expected) in [
            ("plain", "plain"),
            ("{{param}} and {{param|Enable}}", "DuplexMode and Enable"),
            ("{{enum}}", "One of: \"Half\", \"Full\", \"Auto\"."),
            ("{{enum|Up|Status}} or {{empty}}", "\"Up\" or an empty string"),
            ("See {{bibref|RFC3986|Section 2.1}}.", "See [RFC3986 Section 2.1]."),
            ("''italic'' '''bold''' isn't", "italic bold isn't"),
            ("{{list|of {{enum|a}}}}", "A comma-separated list of \"a\"."),
            (
                "{{deprecated|2.14|because of {{param|X}}}}",
                "It was deprecated in 2.14 because of X.",
            ),
            ("{{object|Device.A.{i}.B.{i}}} x", "Device.A.{i}.B.{i} x"),
            ("a {{nolist}} b\n* c", "a b\n* c"),
            ("{{unfinished|x", "{{unfinished|x"),
            ("}} {{}} {{|}}", "}}"),
        ] {
            assert_eq!(parameter_text(duplex, description), expected, "{description}");
        }
        let count = "Device.Ethernet.InterfaceNumberOfEntries";
        assert_eq!(parameter_text(count, "{{numentries}}"), "The number of rows of Interface.");
        let rate = "Device.Ethernet.Interface.1.MaxBitRate";
        assert_eq!(parameter_text(rate, "in {{units}}, {{null}}"), "in Mbps, -1");
    }

    #[test]
    fn facts_beside_the_text_are_not_repeated() {
        let schema = model("Device:2.19").unwrap();
        let parameter = schema.find_parameter("Device.Ethernet.Interface.1.MaxBitRate").unwrap();
        let shown = |text| plain(text, Subject::Parameter(parameter), Facts::Beside);
        assert_eq!(shown("A {{param}}. {{enum}} {{list|of {{enum|a}}}}"), "A MaxBitRate.");
        assert_eq!(shown("In {{units}}, {{enum|Up}}. {{datatype|expand}}"), "In Mbps, \"Up\".");
    }

    #[test]
    fn keys_of_an_object() {
        let schema = model("Device:2.19").unwrap();
        let table = schema.find_object("Device.Ethernet.Interface.").unwrap();
        let text = plain("{{keys}}", Subject::Object(table), Facts::InText);
        assert!(text.contains("Alias") && text.contains("Name"), "{text}");
    }

    proptest! {
        #[test]
        fn no_description_hurts(text in "[{}|a ']{0,80}") {
            let _ = plain(&text, Subject::Other, Facts::InText);
        }
    }
}
