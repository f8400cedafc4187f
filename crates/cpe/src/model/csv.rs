//! Models from recorded trees: `path,writable,value,type`.

use drover_cwmp::ValueType;
use drover_cwmp::limits::NAME_CHARS_MAX;

use super::builder::{Children, Draft, ModelBuilder, TableDraft, TableSpec, check_name, find};
use super::parameter::{ParameterSpec, canonical, null_value};
use super::{BuildError, Model};
use crate::limits::MODEL_NODES_MAX;

/// A recorded tree cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// The first line is not the expected header.
    #[error("line 1: the columns must be path,writable,value,type")]
    Header,
    /// A row cannot be read.
    #[error("line {line}: {problem}")]
    Row {
        /// The line on which the row begins, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is nothing in it.
    #[error("the tree has no rows")]
    Empty,
    /// The rows do not make a model.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Model {
    /// Reads a tree as it was recorded from a device.
    ///
    /// Columns are `path,writable,value,type`, with quotes where needed. Objects end in a dot;
    /// their `writable` says whether rows can be added (table) or deleted (row). A component that
    /// is a number makes its parent a table and becomes a row that every device has; new rows get
    /// what any of the recorded ones had, with null values. A type that is missing or unknown
    /// counts as string, and a value that is not of its type becomes the null value of the type.
    /// What the protocol needs and the tree lacks is added, as by [`ModelBuilder::standard`].
    ///
    /// # Errors
    /// [`CsvError`] with the line.
    pub fn from_csv(text: &str) -> Result<Self, CsvError> {
        let mut rows = Reader::new(text);
        if rows.next_row()?.as_ref().map(|row| row.fields.as_slice())
            != Some(&HEADER.map(str::to_owned))
        {
            return Err(CsvError::Header);
        }
        let mut tree: Children = Children::new();
        let mut count = 0_usize;
        while let Some(row) = rows.next_row()? {
            count += 1;
            if count > MODEL_NODES_MAX {
                return Err(BuildError::TooLarge.into());
            }
            let line = row.line;
            insert(&mut tree, &row.fields).map_err(|problem| CsvError::Row { line, problem })?;
        }
        let (root, draft) = tree.pop().ok_or(CsvError::Empty)?;
        let Draft::Object(mut children) = draft else { return Err(CsvError::Empty) };
        if let Some((second, _)) = tree.pop() {
            return Err(BuildError::Root(second.into()).into());
        }
        find_empty_tables(&mut children);
        make_templates(&mut children);
        let mut builder = ModelBuilder::from_children(&root, children);
        builder.standard();
        Ok(builder.build()?)
    }
}

const HEADER: [&str; 4] = ["path", "writable", "value", "type"];

/// Places one row of the file.
fn insert(tree: &mut Children, fields: &[String]) -> Result<(), &'static str> {
    let [path, writable, value, ty] = fields else {
        return Err("a row has four columns: path,writable,value,type");
    };
    let writable = match writable.as_str() {
        "true" | "1" => true,
        "false" | "0" | "" => false,
        _ => return Err("writable must be true or false"),
    };
    if path.len() > NAME_CHARS_MAX {
        return Err("the path is longer than 256 characters");
    }
    let (inner, is_object) = match path.strip_suffix('.') {
        Some(inner) => (inner, true),
        None => (path.as_str(), false),
    };
    let mut names: Vec<&str> = inner.split('.').collect();
    let last = names.pop().unwrap_or_default();
    let parent = names.iter().try_fold(tree, |here, name| descend(here, name))?;
    if is_object {
        return insert_object(parent, last, writable);
    }
    check_name(last)?;
    if find(parent, last).is_some() {
        return Err("the path occurs twice");
    }
    let spec = recorded(writable, value, ty);
    parent.push((last.into(), Draft::Parameter(Box::new(spec))));
    Ok(())
}

/// A row that cannot be deleted stands in the rows of its table as any other; tables remember
/// whether one of them can.
fn insert_object(parent: &mut Children, name: &str, writable: bool) -> Result<(), &'static str> {
    if name.parse::<u32>().is_ok() {
        descend(parent, name)?;
        if let Some(Draft::Table(table)) = find(parent, TABLE) {
            table.spec.delete |= writable;
        }
        return Ok(());
    }
    let below = descend(parent, name)?;
    if writable && find(below, TABLE).is_none() {
        below.insert(0, (TABLE.into(), empty_table()));
    }
    if let Some(Draft::Table(table)) = find(below, TABLE) {
        table.spec.add = writable;
    }
    Ok(())
}

/// While reading, an object with rows is an object with a child of this name, which no real one
/// can have: only the numbers below tell a table from an object.
const TABLE: &str = "{i}";

fn empty_table() -> Draft {
    Draft::Table(Box::new(TableDraft::new(TableSpec::fixed())))
}

fn descend<'a>(here: &'a mut Children, name: &str) -> Result<&'a mut Children, &'static str> {
    if let Ok(number) = name.parse::<u32>() {
        if number == 0 || name.starts_with(['0', '+']) {
            return Err("an instance number is 1 or more, without leading zeros");
        }
        let index = position_or_insert(here, TABLE, empty_table);
        return match &mut here[index].1 {
            Draft::Table(table) => Ok(table.rows.entry(number).or_default()),
            _ => Err("a row lies below something that is no table"),
        };
    }
    check_name(name)?;
    let index = position_or_insert(here, name, || Draft::Object(Children::new()));
    match &mut here[index].1 {
        Draft::Object(children) => Ok(children),
        _ => Err("nothing lies below a parameter"),
    }
}

fn position_or_insert(here: &mut Children, name: &str, new: fn() -> Draft) -> usize {
    here.iter().position(|(known, _)| &**known == name).unwrap_or_else(|| {
        here.push((name.into(), new()));
        here.len() - 1
    })
}

fn recorded(writable: bool, value: &str, ty: &str) -> ParameterSpec {
    let value_type = ValueType::recognise(ty).unwrap_or_default();
    let spec = ParameterSpec::new(value_type);
    let spec = if writable { spec.writable() } else { spec };
    match canonical(value_type, value) {
        Some(value) => spec.value(value),
        None => spec,
    }
}

/// Turns objects with rows into tables, and objects that could have rows but have none.
fn find_empty_tables(children: &mut Children) {
    for (_, draft) in children.iter_mut() {
        let Draft::Object(below) = draft else { continue };
        let only_table = below.len() == 1;
        match below.first_mut() {
            Some((name, Draft::Table(table))) if only_table && &**name == TABLE => {
                table.rows.values_mut().for_each(find_empty_tables);
                let table = std::mem::replace(&mut **table, TableDraft::new(TableSpec::fixed()));
                *draft = Draft::Table(Box::new(table));
            }
            _ => {
                // A single object that claims to be writable, or rows beside other children:
                // nothing that a data model has.
                below.retain(|(name, _)| &**name != TABLE);
                find_empty_tables(below);
            }
        }
    }
    let counted: Vec<String> = children
        .iter()
        .filter_map(|(name, _)| Some(name.strip_suffix("NumberOfEntries")?.to_owned()))
        .collect();
    for (name, draft) in children {
        if let Draft::Object(below) = draft
            && below.is_empty()
            && counted.iter().any(|counted| **counted == **name)
        {
            *draft = empty_table();
        }
    }
}

/// What new rows look like: everything that some row has.
fn make_templates(children: &mut Children) {
    for (_, draft) in children {
        match draft {
            Draft::Object(below) => make_templates(below),
            Draft::Table(table) => {
                let TableDraft { template, rows, .. } = &mut **table;
                for row in rows.values_mut() {
                    make_templates(row);
                    merge(template, row);
                }
            }
            Draft::Parameter(_) => {}
        }
    }
}

fn merge(template: &mut Children, row: &Children) {
    for (name, draft) in row {
        match (find(template, name), draft) {
            (None, draft) => template.push((name.clone(), without_values(draft))),
            (Some(Draft::Object(known)), Draft::Object(below)) => merge(known, below),
            (Some(Draft::Table(known)), Draft::Table(table)) => {
                merge(&mut known.template, &table.template);
            }
            _ => {}
        }
    }
}

fn without_values(draft: &Draft) -> Draft {
    match draft {
        Draft::Parameter(spec) => {
            let default = null_value(spec.value_type).to_owned();
            Draft::Parameter(Box::new(ParameterSpec { default, ..(**spec).clone() }))
        }
        Draft::Object(children) => {
            let children =
                children.iter().map(|(name, child)| (name.clone(), without_values(child)));
            Draft::Object(children.collect())
        }
        Draft::Table(table) => {
            let template = table.template.clone();
            let rows = std::collections::BTreeMap::new();
            Draft::Table(Box::new(TableDraft { spec: table.spec, template, rows }))
        }
    }
}

struct Row {
    line: usize,
    fields: Vec<String>,
}

/// Reads comma-separated values with quoted fields that may hold line breaks (RFC 4180).
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 }
    }

    fn next_row(&mut self) -> Result<Option<Row>, CsvError> {
        while let Some(rest) = self.rest.strip_prefix(['\n', '\r']) {
            self.line += usize::from(self.rest.starts_with('\n'));
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        let mut fields = Vec::with_capacity(HEADER.len());
        loop {
            fields.push(self.field().map_err(|problem| CsvError::Row { line, problem })?);
            match self.rest.strip_prefix(',') {
                Some(rest) if fields.len() < HEADER.len() => self.rest = rest,
                Some(_) => {
                    return Err(CsvError::Row { line, problem: "there are too many columns" });
                }
                None => return Ok(Some(Row { line, fields })),
            }
        }
    }

    fn field(&mut self) -> Result<String, &'static str> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n', '\r']).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok(field.to_owned());
        };
        let mut field = String::new();
        let mut rest = quoted;
        loop {
            let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
            field.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    field.push('"');
                    rest = more;
                }
                None => {
                    rest = after;
                    break;
                }
            }
        }
        self.line += field.matches('\n').count();
        self.rest = rest;
        if rest.is_empty() || rest.starts_with([',', '\n', '\r']) {
            return Ok(field);
        }
        Err("there is text after a closing quote")
    }
}
