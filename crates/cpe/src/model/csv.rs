//! Models from recorded trees.

use drover_datamodel::Schema;
use drover_datamodel::check::{canonical, null_value};
use drover_datamodel::tree::{RecordedTree, TreeError, TreeProblem, TreeRow};

use super::builder::{Children, Draft, ModelBuilder, TableDraft, TableSpec, check_name, find};
use super::parameter::ParameterSpec;
use super::{BuildError, Model, schema, standard};

/// A recorded tree cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// The first line is not the expected header. The source knows which others there are.
    #[error("line 1: the columns must be path,writable,value,type")]
    Header(#[source] TreeError),
    /// A row cannot be read.
    #[error(transparent)]
    Tree(TreeError),
    /// A row does not fit the others.
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

impl From<TreeError> for CsvError {
    fn from(error: TreeError) -> Self {
        match error.problem {
            TreeProblem::Header => Self::Header(error),
            _ => Self::Tree(error),
        }
    }
}

impl Model {
    /// Reads a tree as it was recorded from a device, in any form that [`RecordedTree`] knows:
    /// `path,writable,value,type`, or GenieACS's export of a device.
    ///
    /// An object's `writable` says whether rows can be added (table) or deleted (row). A component
    /// that is a number makes its parent a table and becomes a row that every device has; new rows
    /// get what any of the recorded ones had, with null values. A type that is missing or unknown
    /// counts as string, and a value that is not of its type becomes the null value of the type.
    /// What the protocol needs and the tree lacks is added, as by [`ModelBuilder::standard`].
    ///
    /// # Errors
    /// [`CsvError`] with the line.
    pub fn from_csv(text: &str) -> Result<Self, CsvError> {
        Self::from_tree(&RecordedTree::from_csv(text)?, None)
    }

    /// As [`from_csv`](Self::from_csv), with what a schema says beyond the recording: what values
    /// may be, which are hidden, which notification is allowed, what is part of every Inform, the
    /// values of new rows, and how many rows there may be.
    ///
    /// It counts for recorded parameters of the schema's path and type. What a device did is
    /// stronger than what it should have done: whether a parameter can be written and rows be
    /// added is as recorded, and a parameter whose recorded value the schema rules out takes any
    /// value of its type.
    ///
    /// # Errors
    /// [`CsvError`] with the line.
    pub fn from_tree(recording: &RecordedTree, schema: Option<&Schema>) -> Result<Self, CsvError> {
        let mut tree: Children = Children::new();
        for row in &recording.rows {
            let error = |problem| CsvError::Row { line: row.line, problem };
            insert(&mut tree, row).map_err(error)?;
        }
        let (root, draft) = tree.pop().ok_or(CsvError::Empty)?;
        let Draft::Object(mut children) = draft else { return Err(CsvError::Empty) };
        if let Some((second, _)) = tree.pop() {
            return Err(BuildError::Root(second.into()).into());
        }
        find_empty_tables(&mut children);
        make_templates(&mut children);
        if let Some(schema) = schema {
            schema::apply(schema, &root, &mut children);
        }
        let mut builder = ModelBuilder::from_children(&root, children);
        standard::fill_in(&mut builder, schema);
        Ok(builder.build()?)
    }
}

/// Places one row of the recording.
fn insert(tree: &mut Children, row: &TreeRow) -> Result<(), &'static str> {
    let writable = row.writable.unwrap_or(false);
    let inner = row.path.strip_suffix('.').unwrap_or(&row.path);
    let mut names: Vec<&str> = inner.split('.').collect();
    let last = names.pop().unwrap_or_default();
    let parent = names.iter().try_fold(tree, |here, name| descend(here, name))?;
    if row.is_object() {
        return insert_object(parent, last, writable);
    }
    check_name(last)?;
    if find(parent, last).is_some() {
        return Err("the path occurs twice");
    }
    parent.push((last.into(), Draft::Parameter(Box::new(parameter(row)))));
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

fn parameter(row: &TreeRow) -> ParameterSpec {
    let value = row.value.as_ref();
    let value_type = value.and_then(|value| value.value_type).unwrap_or_default();
    let spec = ParameterSpec::new(value_type);
    let spec = if row.writable == Some(true) { spec.writable() } else { spec };
    match value.and_then(|value| canonical(value_type, &value.text)) {
        Some(value) => spec.value(value.into_owned()),
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
            Draft::Table(Box::new(TableDraft { template, ..TableDraft::new(table.spec) }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::NodeId;
    use crate::model::{Kind, TOP};

    /// Every node with what is said about it, to compare models.
    fn nodes(model: &Model) -> Vec<String> {
        let mut nodes = Vec::new();
        add(model, TOP, "", &mut nodes);
        nodes
    }

    fn add(model: &Model, id: NodeId, above: &str, nodes: &mut Vec<String>) {
        let path = format!("{above}{}.", model.node(id).name);
        match &model.node(id).kind {
            Kind::Object { deletable } => nodes.push(format!("{path} {deletable}")),
            Kind::Table(table) => nodes.push(format!("{path} {:?} {:?}", table.spec, table.rows)),
            Kind::Parameter(parameter) => nodes.push(format!("{path} {:?}", parameter.spec)),
        }
        for child in model.children(id) {
            add(model, child, &path, nodes);
        }
    }

    #[test]
    fn an_export_of_genieacs_makes_the_same_device() {
        let ours = "path,writable,value,type\n\
            Device.,false,,\n\
            Device.Hosts.Host.,true,,\n\
            Device.Hosts.Host.1.,true,,\n\
            Device.Hosts.Host.1.Name,true,\"a, \"\"b\"\"\",xsd:string\n\
            Device.Hosts.HostNumberOfEntries,false,1,xsd:unsignedInt\n\
            Device.Unread,false,,\n";
        let theirs = "Parameter,Object,Object timestamp,Writable,Writable timestamp,Value,\
            Value type,Value timestamp,Notification,Notification timestamp,Access list,\
            Access list timestamp\n\
            Device,true,,false,,\"\",,,,,,\n\
            DeviceID.ID,false,,false,,\"1-2\",xsd:string,,,,,\n\
            Device.Hosts.Host,true,,true,,\"\",,,,,,\n\
            Device.Hosts.Host.1,true,,true,,\"\",,,,,,\n\
            Device.Hosts.Host.1.Name,false,,true,,\"a, \"\"b\"\"\",xsd:string,,,,,\n\
            Device.Hosts.HostNumberOfEntries,false,,false,,\"1\",xsd:unsignedInt,,,,,\n\
            Device.Unread,false,,,,\"\",,,,,,";
        let [ours, theirs] = [ours, theirs].map(|text| Model::from_csv(text).expect(text));
        assert_eq!(nodes(&ours), nodes(&theirs));
        assert!(nodes(&ours).len() > 10, "{:?}", nodes(&ours));
    }

    #[test]
    fn unknown_columns_are_refused_with_the_known_ones() {
        let error = Model::from_csv("a,b").expect_err("no columns");
        let source = std::error::Error::source(&error).expect("the reader's error").to_string();
        assert!(source.contains("Parameter,Object,Writable,Value,Value type"), "{source}");
    }

    #[test]
    fn the_line_of_a_row_within_an_export_is_told() {
        let error = |rows: &str| {
            let text = format!("Parameter,Object,Writable,Value,Value type\n{rows}");
            Model::from_csv(&text).expect_err(rows).to_string()
        };
        assert_eq!(error("Tags.a,false,true,,"), "the tree has no rows");
        assert!(error("Device,true,no,,").starts_with("line 2: Writable must be"));
        assert!(error("Tags.a,,,,\nDevice.X.0,true,,,").starts_with("line 3: an instance"));
    }
}
