//! Each row by itself: whether the model has it, its type and value, what may be done to it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use drover_cwmp::ValueType;
use drover_cwmp::path::{PathOptions, PathRef};

use super::Findings;
use super::finding::{FindingKind as Kind, Severity, count, quoted};
use super::walk::{Entry, Place, Walk, is_services};
use crate::check::{Direction, ValueError, ValueErrorKind, canonical};
use crate::schema::{Object, Parameter, Schema};
use crate::syntax::Status;
use crate::tree::{RecordedValue, TreeRow};

/// Checks all rows.
pub(super) fn check(walk: &Walk<'_, '_>, earlier: &[&Schema], findings: &mut Findings) {
    for (row, first) in &walk.repeated {
        findings.add(row, Kind::Repeated, Severity::Warning, || {
            format!("the path stands on line {first}, too; a device has each path once")
        });
    }
    strangers(walk, findings);
    for entry in &walk.entries {
        let Some(row) = entry.row else { continue };
        match entry.place {
            Place::Object(object) => single_object(object, row, findings),
            Place::Table(object) => {
                status(object.status(), row, findings);
                table(object, row, findings);
            }
            Place::Row(object) => table_row(object, row, findings),
            Place::Parameter(parameter) => {
                self::parameter(&parameter, row, earlier, findings);
            }
            Place::Vendor | Place::Unknown | Place::Outside => {}
        }
    }
}

/// What no model knows: the topmost path only, however much lies below it.
fn strangers(walk: &Walk<'_, '_>, findings: &mut Findings) {
    // The topmost entry of each → the first row of it, and the number of rows.
    let mut groups: BTreeMap<usize, (&TreeRow, usize)> = BTreeMap::new();
    let mut topmost: Vec<usize> = Vec::with_capacity(walk.entries.len());
    for (index, entry) in walk.entries.iter().enumerate() {
        let is_stranger = |place| matches!(place, Place::Vendor | Place::Unknown);
        let above = walk.parent(entry).filter(|it| is_stranger(it.place)).and(entry.parent);
        let top = above.and_then(|above| topmost.get(above)).copied().unwrap_or(index);
        topmost.push(top);
        if let Some(row) = entry.row.filter(|_| is_stranger(entry.place)) {
            let group = groups.entry(top).or_insert((row, 0));
            group.1 = group.1.saturating_add(1);
        }
    }
    for (top, (row, rows)) in groups {
        let Some(entry) = walk.entries.get(top) else { continue };
        let below = rows.saturating_sub(1);
        if entry.place == Place::Vendor {
            let message = || with_rows("the vendor's own".to_owned(), below);
            findings.add(row, Kind::Vendor, Severity::Note, message);
        } else {
            let (kind, severity, message) = unknown(walk, entry);
            findings.add(row, kind, severity, || with_rows(message, below));
        }
    }
}

fn with_rows(message: String, below: usize) -> String {
    if below == 0 { message } else { format!("{message}, with {} below it", count(below, "row")) }
}

fn unknown(walk: &Walk<'_, '_>, entry: &Entry<'_, '_>) -> (Kind, Severity, String) {
    let aliases = PathOptions { aliases: true, wildcards: false };
    if let Err(error) = PathRef::parse(entry.path, aliases) {
        return (Kind::Malformed, Severity::Error, error.to_string());
    }
    let inner = entry.path.strip_suffix('.').unwrap_or(entry.path);
    let name = inner.rsplit('.').next().unwrap_or_default();
    let parent = walk.parent(entry).map(|parent| parent.place);
    if let Some(Place::Object(object)) = parent
        && entry.path.ends_with('.')
        && is_services(object)
    {
        let message = format!("there is no model of the service {name} to compare it with");
        return (Kind::Unknown, Severity::Warning, message);
    }
    // The first row may lie far below what is missing.
    let missing = match entry.row {
        Some(_) => format!("such {}", noun(entry.path)),
        None => format!("{} {}", noun(entry.path), quoted(name)),
    };
    let message = match parent {
        Some(Place::Table(_)) => {
            format!("the model has a table here, and {} is no instance number", quoted(name))
        }
        Some(Place::Object(object)) if name.parse::<u32>().is_ok() => {
            format!("the model has no rows here: {} is a single object", object.name())
        }
        Some(Place::Object(object) | Place::Row(object)) => {
            let hint = near(object, name, entry.path.ends_with('.'));
            format!("the model has no {missing}{hint}")
        }
        _ => format!("the model has no {missing}"),
    };
    (Kind::Unknown, Severity::Error, message)
}

fn noun(path: &str) -> &'static str {
    if path.ends_with('.') { "object" } else { "parameter" }
}

/// What the model has instead, when that is easy to tell.
fn near(object: Object<'_>, name: &str, is_object: bool) -> String {
    let parameter = object.parameters().find(|it| it.name().eq_ignore_ascii_case(name));
    let child = object.children().find(|it| it.name().eq_ignore_ascii_case(name));
    match (parameter, child) {
        (Some(parameter), _) if !is_object => format!("; it spells it {}", parameter.name()),
        (_, Some(child)) if is_object => format!("; it spells it {}", child.name()),
        (Some(parameter), _) => format!("; {} is a parameter", parameter.name()),
        (_, Some(child)) => format!("; {} is an object", child.name()),
        (None, None) => String::new(),
    }
}

fn status(status: Status, row: &TreeRow, findings: &mut Findings) {
    let advice = match status {
        Status::Current => return,
        Status::Deprecated => "should not be used any more",
        Status::Obsoleted => "a later version may drop it",
        Status::Deleted => "this version does not have it any more",
    };
    findings.add(row, Kind::Retired, Severity::Note, || {
        format!("the model has it {}: {advice}", status.name())
    });
}

fn single_object(object: Object<'_>, row: &TreeRow, findings: &mut Findings) {
    status(object.status(), row, findings);
    if row.writable == Some(true) {
        findings.add(row, Kind::WritableObject, Severity::Warning, || {
            "AddObject or DeleteObject is offered; the model has a single object here".to_owned()
        });
    }
}

fn table(object: Object<'_>, row: &TreeRow, findings: &mut Findings) {
    rows_change(object, row, ("AddObject", "adds"), findings);
}

fn table_row(object: Object<'_>, row: &TreeRow, findings: &mut Findings) {
    rows_change(object, row, ("DeleteObject", "deletes"), findings);
}

/// `RT-05` for objects: a device may have reasons to refuse, so that less than the model allows is
/// no fault, while more is.
fn rows_change(
    object: Object<'_>,
    row: &TreeRow,
    (method, verb): (&str, &str),
    findings: &mut Findings,
) {
    match (row.writable, object.is_writable_table()) {
        (Some(true), false) => {
            findings.add(row, Kind::WritableObject, Severity::Warning, || {
                format!("{method} is offered; by the model only the device {verb} rows")
            });
        }
        (Some(false), true) => findings.add(row, Kind::ReadOnlyObject, Severity::Note, || {
            format!("{method} is not offered; by the model the ACS {verb} rows")
        }),
        _ => {}
    }
}

fn parameter(
    parameter: &Parameter<'_>,
    row: &TreeRow,
    earlier: &[&Schema],
    findings: &mut Findings,
) {
    status(parameter.status(), row, findings);
    match (row.writable, parameter.is_writable()) {
        (Some(true), false) => findings.add(row, Kind::Writable, Severity::Warning, || {
            "it can be written; the model has it read-only".to_owned()
        }),
        // RT-05: another setting may rule it out for now.
        (Some(false), true) => findings.add(row, Kind::ReadOnly, Severity::Note, || {
            "it cannot be written here; the model has it writable".to_owned()
        }),
        _ => {}
    }
    if let Some(value) = &row.value {
        let has_type = value_type(parameter, row, value, earlier, findings);
        if parameter.syntax().reads_as_null() {
            hidden(parameter, row, value, findings);
        } else {
            self::value(parameter, row, value, has_type, findings);
        }
    }
}

/// Returns whether it is the one of the model, as far as that was recorded.
fn value_type(
    parameter: &Parameter<'_>,
    row: &TreeRow,
    value: &RecordedValue,
    earlier: &[&Schema],
    findings: &mut Findings,
) -> bool {
    let asked = parameter.value_type();
    if value.value_type == Some(asked) || value.type_name.is_empty() {
        return true;
    }
    let past = value.value_type.and_then(|it| version_with_type(parameter, it, earlier));
    let severity = if past.is_some() { Severity::Note } else { Severity::Error };
    findings.add(row, Kind::Type, severity, || {
        let found = quoted(&value.type_name);
        let is_type = if value.value_type.is_some() { "" } else { ", which is no type of CWMP" };
        let list = if parameter.syntax().list.is_some() { ", as it is a list" } else { "" };
        let past =
            past.map_or_else(String::new, |it| format!("; that of {} is as found", it.name()));
        format!("the type is {found}{is_type}; the model asks for {}{list}{past}", asked.name())
    });
    false
}

/// The earlier version of the model in which the parameter had this type.
fn version_with_type<'m>(
    parameter: &Parameter<'_>,
    value_type: ValueType,
    earlier: &[&'m Schema],
) -> Option<&'m Schema> {
    let path = parameter.path();
    let has_type = |schema: &&Schema| {
        schema.find_parameter(&path).is_some_and(|it| it.value_type() == value_type)
    };
    earlier.iter().copied().find(has_type)
}

/// `RT-03`. The value is never shown here, either.
fn hidden(
    parameter: &Parameter<'_>,
    row: &TreeRow,
    value: &RecordedValue,
    findings: &mut Findings,
) {
    let (null, value_type) = (parameter.null_value(), parameter.value_type());
    // A number may be written with zeros in front. Whatever the type, nothing shows nothing.
    let shown = canonical(value_type, &value.text).unwrap_or_else(|| value.text.as_str().into());
    if shown.is_empty() || shown == null || is_unknown_time(value_type, &shown) {
        return;
    }
    findings.add(row, Kind::Hidden, Severity::Error, || {
        let reason = if parameter.syntax().command { "a command" } else { "hidden" };
        let null = if null.is_empty() { "empty".to_owned() } else { format!("as {null}") };
        format!("a value is shown; by the model it is {reason} and always reads {null}")
    });
}

fn is_unknown_time(value_type: ValueType, text: &str) -> bool {
    value_type == ValueType::DateTime && text.starts_with("0001-01-01T00:00:00")
}

fn value(
    parameter: &Parameter<'_>,
    row: &TreeRow,
    value: &RecordedValue,
    has_type: bool,
    findings: &mut Findings,
) {
    match parameter.check(&value.text, Direction::Report) {
        // The type itself is the mistake, and was named.
        Err(ValueError { kind: ValueErrorKind::Type(_), .. }) if !has_type => {}
        Err(error) => {
            let (kind, severity) = match error.kind {
                ValueErrorKind::TooLong { implied: true, .. } => (Kind::Length, Severity::Warning),
                _ => (Kind::Value, Severity::Error),
            };
            findings.add(row, kind, severity, || format!("{error}{}", shown(parameter, value)));
        }
        Ok(checked) if checked.unknown_words.is_empty() => {}
        Ok(checked) => findings.add(row, Kind::Word, Severity::Warning, || {
            let known = count(parameter.syntax().enumerations.len(), "word");
            let words = words(parameter, &checked.unknown_words);
            format!("not among the {known} of the model: {words}")
        }),
    }
}

/// Some of them, as a list may have many.
fn words(parameter: &Parameter<'_>, words: &[Cow<'_, str>]) -> String {
    if is_secret(parameter) {
        return "the value".to_owned();
    }
    let shown = words.iter().take(WORDS_SHOWN_MAX).map(|word| quoted(word));
    let mut shown: Vec<String> = shown.collect();
    if words.len() > shown.len() {
        shown.push(format!("{} more", words.len().saturating_sub(shown.len())));
    }
    shown.join(", ")
}

const WORDS_SHOWN_MAX: usize = 4;

fn shown(parameter: &Parameter<'_>, value: &RecordedValue) -> String {
    if is_secret(parameter) {
        return String::new();
    }
    if value.text.is_empty() {
        return "; it is empty".to_owned();
    }
    format!("; it is {}", quoted(&value.text))
}

/// Whether its value has no place in a report. Some models and extensions forget to hide.
fn is_secret(parameter: &Parameter<'_>) -> bool {
    const NAMES: [&str; 6] = ["Password", "Passphrase", "Secret", "Key", "PIN", "Token"];
    parameter.syntax().reads_as_null()
        || (parameter.value_type() != ValueType::Boolean
            && NAMES.iter().any(|name| parameter.name().contains(name)))
}
