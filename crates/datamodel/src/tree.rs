//! Recorded trees: what a device had, as a table in CSV with a row for each object and parameter.
//!
//! Two forms are understood, told apart by the names of their columns:
//!
//! * ours, `path,writable,value,type`, in which objects end in a dot;
//! * GenieACS's export of a device, `Parameter,Object,Writable,Value,Value type`, in which a column
//!   says what is an object, and in which GenieACS's own rows stand beside the device's.
//!
//! Columns may come in any order and with others between them, as their number has changed over
//! GenieACS's versions. A spreadsheet's `;` or tab will do instead of the comma.

mod csv;

use std::borrow::Cow;
use std::collections::BTreeSet;

use drover_cwmp::limits::NAME_CHARS_MAX;
use drover_cwmp::{DateTime, ValueType};
use jiff::{Timestamp, tz::Offset};

use self::csv::{Record, Records};
use crate::limits::{TREE_COLUMNS_MAX, TREE_ROWS_MAX};

/// What was recorded of a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordedTree {
    /// In the order of the file.
    pub rows: Vec<TreeRow>,
    /// Rows that GenieACS had added for itself, such as `DeviceID.ID`; they are not among `rows`.
    pub dropped: usize,
}

impl RecordedTree {
    /// Reads either form of the text.
    ///
    /// Paths are not checked beyond their length: to find fault with them is what some callers
    /// read a recording for. For the same reason a path may occur twice.
    ///
    /// # Errors
    /// [`TreeError`] with the line.
    pub fn from_csv(text: &str) -> Result<Self, TreeError> {
        Self::read(text, TREE_ROWS_MAX)
    }

    fn read(text: &str, rows_max: usize) -> Result<Self, TreeError> {
        let (mut records, columns) = read_header(text)?;
        let mut tree = Self::default();
        let mut unclear = BTreeSet::new();
        while let Some(record) = records.next_record()? {
            let error = |problem| TreeError { line: record.line, problem };
            let cells = columns.cells(&record).map_err(error)?;
            if columns.form == Form::GenieAcs && is_of_genieacs(cells.path) {
                tree.dropped = tree.dropped.saturating_add(1);
                continue;
            }
            if tree.rows.len() >= rows_max {
                return Err(error(TreeProblem::TooManyRows));
            }
            let row = cells.row(columns.form, record.line).map_err(error)?;
            if columns.form == Form::GenieAcs && cells.object.is_empty() && row.value.is_none() {
                unclear.insert(row.path.clone());
            }
            tree.rows.push(row);
        }
        tree.find_objects(&unclear)?;
        Ok(tree)
    }

    /// Makes objects of those of the rows in question below which another row lies.
    fn find_objects(&mut self, unclear: &BTreeSet<String>) -> Result<(), TreeError> {
        if unclear.is_empty() {
            return Ok(());
        }
        let mut objects = BTreeSet::new();
        for row in &self.rows {
            let above = row.path.match_indices('.').filter_map(|(dot, _)| row.path.get(..dot));
            objects.extend(above.filter_map(|path| unclear.get(path)));
        }
        for row in self.rows.iter_mut().filter(|row| objects.contains(&row.path)) {
            row.path.push('.');
            let error = |problem| TreeError { line: row.line, problem };
            check_length(&row.path).map_err(error)?;
        }
        Ok(())
    }
}

/// An object, a row of a table or a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRow {
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// Objects end in a dot.
    pub path: String,
    /// Whether the device let it be written; for an object, whether it offered AddObject or
    /// DeleteObject. `None` when that is not known.
    pub writable: Option<bool>,
    /// `None` for objects, and for parameters known by name only.
    pub value: Option<RecordedValue>,
}

impl TreeRow {
    /// Whether it is an object and not a parameter.
    pub fn is_object(&self) -> bool {
        self.path.ends_with('.')
    }
}

/// What a parameter was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedValue {
    /// As the device wrote it.
    pub text: String,
    /// The type; `None` when it is not known or not recorded.
    pub value_type: Option<ValueType>,
    /// The type in the device's own spelling, such as `xsd:unsignedint`; empty when not recorded.
    pub type_name: String,
}

impl RecordedValue {
    /// A value whose type the device spelled so.
    pub fn new(text: impl Into<String>, type_name: impl Into<String>) -> Self {
        let type_name = type_name.into();
        Self { text: text.into(), value_type: ValueType::recognise(&type_name), type_name }
    }
}

/// A text is no recorded tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TreeError {
    /// The line on which the row begins, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: TreeProblem,
}

/// The reasons of [`TreeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeProblem {
    /// The first row names none of the known columns.
    #[error(
        "the columns must be {ours}, or {theirs} as GenieACS exports a device; any order and \
         other columns between them will do",
        ours = Form::Recorded.header(), theirs = Form::GenieAcs.header()
    )]
    Header,
    /// Two columns have the same name.
    #[error("there are two columns {0}; remove one of them")]
    ColumnTwice(&'static str),
    /// A cell is missing.
    #[error("a row has {}; add what is missing, empty where it is not known", .0.at_least())]
    TooFewColumns(Form),
    /// More cells than the first row has.
    #[error("there are too many columns; a value that holds the separator needs quotes")]
    TooManyColumns,
    /// The text ends within quotes.
    #[error("a quote is not closed; a quote within quotes is written twice")]
    QuoteNotClosed,
    /// Something between a closing quote and the next separator.
    #[error("there is text after a closing quote; a quote within quotes is written twice")]
    TextAfterQuote,
    /// Neither of the two words, nor empty.
    #[error("{0} must be true or false, or empty when it is not known")]
    NotBoolean(&'static str),
    /// No name.
    #[error("the path is empty; every row has one")]
    EmptyPath,
    /// More characters than `PATH-01` allows.
    #[error("the path is longer than {NAME_CHARS_MAX} characters; correct it or remove the row")]
    PathTooLong,
    /// More than [`TREE_ROWS_MAX`] rows.
    #[error("there are more than {TREE_ROWS_MAX} rows; split the recording")]
    TooManyRows,
}

/// How a recording is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `path,writable,value,type`
    Recorded,
    /// `Parameter,Object,Writable,Value,Value type`
    GenieAcs,
}

impl Form {
    const ALL: [Self; 2] = [Self::Recorded, Self::GenieAcs];

    /// The columns that it must have, separated by commas.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Recorded => "path,writable,value,type",
            Self::GenieAcs => "Parameter,Object,Writable,Value,Value type",
        }
    }

    fn names(self) -> Names {
        match self {
            Self::Recorded => Names {
                path: "path",
                object: None,
                writable: "writable",
                value: "value",
                value_type: "type",
            },
            Self::GenieAcs => Names {
                path: "Parameter",
                object: Some("Object"),
                writable: "Writable",
                value: "Value",
                value_type: "Value type",
            },
        }
    }

    fn at_least(self) -> String {
        let count = if self == Self::Recorded { "four" } else { "five" };
        format!("{count} columns at least: {}", self.header())
    }
}

struct Names {
    path: &'static str,
    object: Option<&'static str>,
    writable: &'static str,
    value: &'static str,
    value_type: &'static str,
}

/// Which separator and which form the first row has; what follows it is left to read.
fn read_header(text: &str) -> Result<(Records<'_>, Columns), TreeError> {
    let mut line = 1;
    for separator in [',', ';', '\t'] {
        let mut records = Records::new(text, separator, TREE_COLUMNS_MAX);
        let Ok(Some(header)) = records.next_record() else { continue };
        line = header.line;
        for form in Form::ALL {
            let columns = Columns::of_header(form, &header.cells);
            let columns = columns.map_err(|problem| TreeError { line, problem })?;
            if let Some(columns) = columns {
                records.limit_cells(header.cells.len());
                return Ok((records, columns));
            }
        }
    }
    Err(TreeError { line, problem: TreeProblem::Header })
}

/// Where the known columns stand.
struct Columns {
    form: Form,
    path: usize,
    object: Option<usize>,
    writable: usize,
    value: usize,
    value_type: usize,
}

impl Columns {
    /// `None` when one of the form's columns is missing.
    fn of_header(form: Form, header: &[Cow<'_, str>]) -> Result<Option<Self>, TreeProblem> {
        let Names { path, object, writable, value, value_type } = form.names();
        let mut known = vec![path, writable, value, value_type];
        known.extend(object);
        let of_name = |name| position(header, name);
        if known.iter().any(|name| of_name(name).is_none()) {
            return Ok(None);
        }
        for name in known {
            let is_known = |cell: &&Cow<'_, str>| is_name(cell, name);
            if header.iter().filter(is_known).count() > 1 {
                return Err(TreeProblem::ColumnTwice(name));
            }
        }
        let columns = || {
            let object = object.and_then(of_name);
            let (path, writable) = (of_name(path)?, of_name(writable)?);
            let (value, value_type) = (of_name(value)?, of_name(value_type)?);
            Some(Self { form, path, object, writable, value, value_type })
        };
        Ok(columns())
    }

    fn cells<'r>(&self, record: &'r Record<'_>) -> Result<Cells<'r>, TreeProblem> {
        let cell = |index: usize| {
            let cell = record.cells.get(index).map(AsRef::as_ref);
            cell.ok_or(TreeProblem::TooFewColumns(self.form))
        };
        Ok(Cells {
            path: cell(self.path)?,
            object: self.object.map_or(Ok(""), cell)?.trim(),
            writable: cell(self.writable)?.trim(),
            value: cell(self.value)?,
            value_type: cell(self.value_type)?.trim(),
        })
    }
}

fn position(header: &[Cow<'_, str>], name: &str) -> Option<usize> {
    header.iter().position(|cell| is_name(cell, name))
}

fn is_name(cell: &str, name: &str) -> bool {
    cell.trim().eq_ignore_ascii_case(name)
}

/// One row, as text.
struct Cells<'r> {
    path: &'r str,
    object: &'r str,
    writable: &'r str,
    value: &'r str,
    value_type: &'r str,
}

impl Cells<'_> {
    fn row(&self, form: Form, line: usize) -> Result<TreeRow, TreeProblem> {
        let is_boolean = |text, column| read_boolean(text).ok_or(TreeProblem::NotBoolean(column));
        let writable = is_boolean(self.writable, form.names().writable)?;
        let is_object = is_boolean(self.object, form.names().object.unwrap_or_default())?;
        if self.path.chars().all(|c| c == '.') {
            return Err(TreeProblem::EmptyPath);
        }
        let mut path = self.path.to_owned();
        if is_object == Some(true) && !path.ends_with('.') {
            path.push('.');
        }
        check_length(&path)?;
        let value = if path.ends_with('.') { None } else { self.recorded(form) };
        Ok(TreeRow { line, path, writable, value })
    }

    fn recorded(&self, form: Form) -> Option<RecordedValue> {
        if self.value.is_empty() && self.value_type.is_empty() {
            return None;
        }
        let mut value = RecordedValue::new(self.value, self.value_type);
        if form == Form::GenieAcs
            && value.value_type == Some(ValueType::DateTime)
            && let Some(time) = of_milliseconds(self.value)
        {
            value.text = time;
        }
        Some(value)
    }
}

/// `None` for what is neither of the words; spreadsheets write them in capital letters.
fn read_boolean(text: &str) -> Option<Option<bool>> {
    match text {
        "" => Some(None),
        "1" => Some(Some(true)),
        "0" => Some(Some(false)),
        _ if text.eq_ignore_ascii_case("true") => Some(Some(true)),
        _ if text.eq_ignore_ascii_case("false") => Some(Some(false)),
        _ => None,
    }
}

fn check_length(path: &str) -> Result<(), TreeProblem> {
    let is_too_long = path.len() > NAME_CHARS_MAX && path.chars().nth(NAME_CHARS_MAX).is_some();
    if is_too_long { Err(TreeProblem::PathTooLong) } else { Ok(()) }
}

/// Older versions of GenieACS wrote times as they keep them: milliseconds since 1970.
fn of_milliseconds(text: &str) -> Option<String> {
    let time = Timestamp::from_millisecond(text.parse().ok()?).ok()?;
    Some(DateTime::from_timestamp(time, Offset::UTC).to_string())
}

/// Whether GenieACS added the row for itself.
fn is_of_genieacs(path: &str) -> bool {
    let root = path.split('.').next().unwrap_or_default();
    GENIEACS_ROOTS.contains(&root)
}

const GENIEACS_ROOTS: [&str; 7] =
    ["DeviceID", "Events", "Tags", "Reboot", "FactoryReset", "Downloads", "VirtualParameters"];

#[cfg(test)]
mod tests;
