//! What a path is, for a person.

use drover_datamodel::Version;
use drover_datamodel::markup::{self, Facts, Subject};
use drover_datamodel::schema::{Item, Object, Parameter, Row};
use drover_datamodel::syntax::{Enumeration, Status, Syntax};

use super::{Found, roles};
use crate::model::terminal::{BOLD, DIM, Table, Terminal, printable, wrap};
use crate::model::words;

/// Columns before what a fact says.
const LABEL_CHARS: usize = 16;
/// Columns before everything.
const INDENT: usize = 2;
/// Columns that a line of prose has at most.
const PROSE_CHARS_MAX: usize = 100;

pub(super) fn of(found: &Found<'_>, terminal: Terminal) -> String {
    let mut page = Page { text: String::new(), terminal };
    page.text += &terminal.paint(BOLD, &printable(&found.path()));
    page.text += "\n\n";
    page.fact("model", &found.schema.name().to_string());
    match found.item {
        Item::Parameter(parameter) => parameter_facts(&mut page, &parameter),
        Item::Object(object, row) => object_facts(&mut page, &object, row, false),
        Item::Table(object) => object_facts(&mut page, &object, Row::None, true),
    }
    page.fact("profiles", &profiles(&found.profiles()));
    match found.item {
        Item::Parameter(parameter) => {
            let subject = Subject::Parameter(parameter);
            page.prose(parameter.description(), subject);
            page.words(parameter.syntax(), subject);
        }
        Item::Object(object, _) | Item::Table(object) => {
            page.prose(object.description(), Subject::Object(object));
            page.table(&parameters_of(&object));
            page.table(&objects_of(&object));
        }
    }
    page.text
}

fn parameter_facts(page: &mut Page, parameter: &Parameter<'_>) {
    let syntax = parameter.syntax();
    page.fact("type", &words::full_type_name(syntax));
    page.optional_fact("limits", words::limits(syntax));
    for (row, pattern) in syntax.patterns.iter().enumerate() {
        let remarks = remarks(pattern.status, pattern.read_only, false, pattern.version);
        let label = if row == 0 { "pattern" } else { "or pattern" };
        page.exact(label, &with_remarks(or_empty(&pattern.value), &remarks));
    }
    page.optional_fact("refers to", words::reference(parameter));
    page.optional_fact("units", syntax.units.as_deref());
    page.fact("access", &words::full_access(parameter));
    page.optional_fact("secrecy", words::secrecy(syntax));
    if let Some(default) = parameter.default() {
        page.exact("default", &format!("{:?} ({})", default.value, default.default_type.name()));
    }
    page.fact("notification", words::notification(parameter.active_notify()));
    let inform = parameter.forced_inform().then_some("part of every Inform");
    page.optional_fact("Inform", inform);
    page.life(parameter.version(), parameter.status(), parameter.is_deleted());
}

fn object_facts(page: &mut Page, object: &Object<'_>, row: Row, is_whole_table: bool) {
    let kind = match row {
        _ if is_whole_table => "table".to_owned(),
        Row::None => "object".to_owned(),
        Row::Any => "a row of a table".to_owned(),
        Row::Number(number) => format!("row {number} of a table"),
        Row::Alias => "the row with this alias of a table".to_owned(),
        Row::Wildcard => "all rows of a table".to_owned(),
    };
    page.fact("what", &kind);
    if object.is_table() {
        let rows = match object.is_writable_table() {
            true => "read-write: the ACS may add and delete rows",
            false => "read-only: the device adds and deletes rows",
        };
        page.fact("access", rows);
        page.fact("rows", &words::entries(object));
    } else if object.entries_min() == 0 {
        page.fact("presence", "optional: a device need not have it");
    }
    let labels = ["counted by", "switched by", "chosen by"];
    for (label, (_, parameter)) in labels.iter().zip(roles(object)) {
        page.optional_fact(label, parameter.map(|it| it.path()));
    }
    for key in object.unique_keys() {
        // TM-19: without a switch, a functional key counts among all rows, too.
        let is_limited = key.functional && object.enable_parameter().is_some();
        let scope = if is_limited { " (among rows that are switched on)" } else { "" };
        page.fact("unique key", &format!("{}{scope}", key.parameters.join(" + ")));
    }
    let mount_point = object.is_mount_point().then_some("other models may be mounted here");
    page.optional_fact("mount point", mount_point);
    page.life(object.version(), object.status(), object.is_deleted());
}

/// `readWrite by A:1, A:2; readOnly by B:1`
fn profiles(profiles: &[(&str, &str)]) -> String {
    let mut kinds: Vec<&str> = profiles.iter().map(|(_, asked)| *asked).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let names = |kind: &&str| {
        let names = profiles.iter().filter(|(_, asked)| asked == kind).map(|(name, _)| *name);
        format!("{kind} for {}", names.collect::<Vec<_>>().join(", "))
    };
    match kinds.as_slice() {
        [] => "none asks for it".to_owned(),
        kinds => kinds.iter().map(names).collect::<Vec<_>>().join("; "),
    }
}

fn parameters_of(object: &Object<'_>) -> Table {
    let mut table = Table::new(&["PARAMETER", "TYPE", "ACCESS", "REMARKS"]);
    for parameter in object.parameters() {
        table.push(vec![
            parameter.name().to_owned(),
            words::type_name(parameter.syntax()),
            words::access(&parameter).to_owned(),
            words::remarks(&parameter).join(", "),
        ]);
    }
    table
}

fn objects_of(object: &Object<'_>) -> Table {
    let mut table = Table::new(&["OBJECT", "WHAT", "REMARKS"]);
    for child in object.children() {
        let instance = if child.is_table() { ".{i}." } else { "." };
        table.push(vec![
            format!("{}{instance}", child.name()),
            words::object_kind(&child).to_owned(),
            words::object_facts(&child),
        ]);
    }
    table
}

/// What makes a word or pattern special.
fn remarks(
    status: Status,
    is_read_only: bool,
    is_optional: bool,
    version: Option<Version>,
) -> String {
    let mut remarks = Vec::new();
    remarks.extend(is_read_only.then(|| "read-only".to_owned()));
    remarks.extend(is_optional.then(|| "optional".to_owned()));
    remarks.extend(words::status(status).map(str::to_owned));
    remarks.extend(version.map(|version| format!("since {version}")));
    remarks.join(", ")
}

fn or_empty(text: &str) -> &str {
    if text.is_empty() { "(empty)" } else { text }
}

fn with_remarks(value: &str, remarks: &str) -> String {
    if remarks.is_empty() { value.to_owned() } else { format!("{value} ({remarks})") }
}

/// The text so far, for one terminal.
struct Page {
    text: String,
    terminal: Terminal,
}

impl Page {
    /// A label, and what it says beside it, broken to the terminal's width.
    fn fact(&mut self, label: &str, text: &str) {
        let width = self.terminal.width_after(INDENT + LABEL_CHARS);
        for (row, line) in wrap(text, width).iter().enumerate() {
            self.exact(if row == 0 { label } else { "" }, line);
        }
    }

    /// As [`fact`](Self::fact), but white space matters: it is not broken.
    fn exact(&mut self, label: &str, text: &str) {
        self.text += &" ".repeat(INDENT);
        self.text += &self.terminal.paint(DIM, label);
        self.text += &" ".repeat(LABEL_CHARS.saturating_sub(label.len()));
        self.text += &printable(text);
        self.text.push('\n');
    }

    fn optional_fact(&mut self, label: &str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.fact(label, text.as_ref());
        }
    }

    fn life(&mut self, since: Version, status: Status, is_deleted: bool) {
        self.fact("since version", &since.to_string());
        let status = match words::status(status) {
            None if is_deleted => Some("deleted, with an object above it"),
            other => other,
        };
        self.optional_fact("status", status);
    }

    /// A description, in paragraphs.
    fn prose(&mut self, text: Option<&str>, subject: Subject<'_>) {
        let Some(text) = text else { return };
        let width = self.terminal.width_after(INDENT).map(|it| it.min(PROSE_CHARS_MAX));
        self.text.push('\n');
        for paragraph in paragraphs(&markup::plain(text, subject, Facts::Beside)) {
            for line in wrap(&printable(&paragraph), width) {
                self.text += &" ".repeat(INDENT);
                self.text += &line;
                self.text.push('\n');
            }
        }
    }

    /// The words of an enumeration.
    fn words(&mut self, syntax: &Syntax, subject: Subject<'_>) {
        let mut table = Table::new(&["VALUE", "REMARKS", "MEANING"]);
        for word in &syntax.enumerations {
            let Enumeration { value, status, read_only, optional, version, description, .. } = word;
            let meaning = description.as_deref();
            let meaning = meaning.map(|text| markup::plain(text, subject, Facts::Beside));
            let meaning = meaning.unwrap_or_default();
            table.push(vec![
                or_empty(value).to_owned(),
                remarks(*status, *read_only, *optional, *version),
                meaning.split_whitespace().collect::<Vec<_>>().join(" "),
            ]);
        }
        self.table(&table);
    }

    fn table(&mut self, table: &Table) {
        if !table.is_empty() {
            self.text.push('\n');
            self.text += &table.aligned(self.terminal, INDENT);
        }
    }
}

/// Lines that belong together become one.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut is_new = true;
    for line in text.lines().map(str::trim) {
        is_new |= line.is_empty() || line.starts_with(['*', '#', ':']);
        if line.is_empty() {
            continue;
        }
        match paragraphs.last_mut() {
            Some(paragraph) if !is_new => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
            _ => paragraphs.push(line.to_owned()),
        }
        is_new = false;
    }
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_paragraphs_and_items_of_lists() {
        let expected = ["One two.", "Three.", "* four five"];
        assert_eq!(paragraphs("One\ntwo.\n\nThree.\n* four  \nfive\n"), expected);
    }
}
