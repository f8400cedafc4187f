//! Building a model piece by piece.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use drover_cwmp::limits::NAME_CHARS_MAX;
use drover_datamodel::check::canonical;
use drover_datamodel::syntax::Syntax;

use super::parameter::ParameterSpec;
use super::standard::{self, Role};
use super::{Kind, Model, Node, Parameter, Table};
use crate::key::NodeId;
use crate::limits::{MODEL_DEPTH_MAX, MODEL_NODES_MAX, TABLE_ROWS_MAX};

/// Characters that an instance number may take in a path.
const INSTANCE_CHARS_MAX: usize = 10;

/// Describes a table to a [`ModelBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSpec {
    pub(crate) add: bool,
    pub(crate) delete: bool,
    pub(crate) rows_max: u32,
}

impl TableSpec {
    /// Rows come and go without the ACS.
    pub const fn fixed() -> Self {
        Self { add: false, delete: false, rows_max: TABLE_ROWS_MAX }
    }

    /// The ACS may add and delete rows.
    pub const fn writable() -> Self {
        Self { add: true, delete: true, rows_max: TABLE_ROWS_MAX }
    }

    /// Whether the ACS may add rows.
    #[must_use]
    pub const fn add(self, add: bool) -> Self {
        Self { add, ..self }
    }

    /// Whether the ACS may delete rows.
    #[must_use]
    pub const fn delete(self, delete: bool) -> Self {
        Self { delete, ..self }
    }

    /// At most so many rows (`ADD-06`).
    #[must_use]
    pub const fn rows_max(self, rows_max: u32) -> Self {
        Self { rows_max, ..self }
    }
}

/// A model cannot be built from what was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither of the roots that CWMP knows (`INF-04`).
    #[error("the root object is {0:?}; it must be Device or InternetGatewayDevice")]
    Root(String),
    /// The path has no legal form, or leads elsewhere.
    #[error("{path}: {problem}")]
    Path {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The value does not fit its parameter.
    #[error("{path}: {problem}")]
    Value {
        /// Path of the parameter.
        path: String,
        /// What the value must be.
        problem: String,
    },
    /// The schema has nothing at the path.
    #[error("{path}: {schema} has no such object or parameter")]
    NotInSchema {
        /// The path as it was given.
        path: String,
        /// Name of the model, such as `Device:2.19`.
        schema: String,
    },
    /// More than [`MODEL_NODES_MAX`] nodes.
    #[error("the model has more than {MODEL_NODES_MAX} objects and parameters")]
    TooLarge,
}

/// Builds a [`Model`]. Mistakes are reported by [`build`](Self::build), the first one only.
///
/// Tables are written with `{i}`, as in the published models. Objects and tables that were not
/// declared come into being with the first parameter below them, tables as
/// [`TableSpec::fixed`]. A parameter named like a table with `NumberOfEntries` at the end counts
/// its rows by itself. What a published model has need not be spelled out: see
/// [`declare`](Self::declare).
///
/// ```
/// use drover_cpe::{ModelBuilder, ParameterSpec, TableSpec};
/// let mut builder = ModelBuilder::new("Device");
/// builder
///     .standard()
///     .table("Device.Ethernet.Interface.{i}.", TableSpec::fixed())
///     .parameter("Device.Ethernet.InterfaceNumberOfEntries", ParameterSpec::unsigned_int())
///     .parameter("Device.Ethernet.Interface.{i}.Enable", ParameterSpec::boolean().writable())
///     .parameter("Device.Ethernet.Interface.{i}.Name", ParameterSpec::string().size_max(64))
///     .row("Device.Ethernet.Interface.", 1)
///     .value("Device.Ethernet.Interface.1.Name", "eth0");
/// let model = builder.build()?;
/// # Ok::<(), drover_cpe::BuildError>(())
/// ```
#[derive(Debug)]
pub struct ModelBuilder {
    root: String,
    children: Children,
    rows: Vec<(String, u32)>,
    values: Vec<(String, String)>,
    standard: bool,
    error: Option<BuildError>,
}

/// What an object holds, in the order in which it was declared (that of the answers).
pub(super) type Children = Vec<(Box<str>, Draft)>;

#[derive(Debug, Clone)]
pub(super) enum Draft {
    Object(Children),
    Table(Box<TableDraft>),
    Parameter(Box<ParameterSpec>),
}

#[derive(Debug, Clone)]
pub(super) struct TableDraft {
    pub(super) spec: TableSpec,
    pub(super) template: Children,
    pub(super) rows: BTreeMap<u32, Children>,
    /// The parameter beside it that counts its rows, where a schema names it.
    pub(super) count: Option<Box<str>>,
}

impl TableDraft {
    pub(super) fn new(spec: TableSpec) -> Self {
        Self { spec, template: Children::new(), rows: BTreeMap::new(), count: None }
    }

    fn count_name(&self, table: &str) -> Box<str> {
        self.count.clone().unwrap_or_else(|| format!("{table}NumberOfEntries").into())
    }
}

pub(super) type Problem = &'static str;

impl ModelBuilder {
    /// Begins with the root object, `Device` or `InternetGatewayDevice`.
    pub fn new(root: &str) -> Self {
        let known = matches!(root, "Device" | "InternetGatewayDevice");
        Self {
            root: root.to_owned(),
            children: Children::new(),
            rows: Vec::new(),
            values: Vec::new(),
            standard: false,
            error: (!known).then(|| BuildError::Root(root.to_owned())),
        }
    }

    pub(super) fn from_children(root: &str, children: Children) -> Self {
        Self { children, ..Self::new(root) }
    }

    /// Adds what the protocol itself works with, as far as it is not declared otherwise: the
    /// identity in `DeviceInfo`, and `ManagementServer`.
    pub fn standard(&mut self) -> &mut Self {
        self.standard = true;
        self
    }

    /// Declares a single object.
    pub fn object(&mut self, path: &str) -> &mut Self {
        let result = self.object_at(path).map(|_| ());
        self.note(path, result)
    }

    /// Declares a table; the path ends in `{i}.`.
    pub fn table(&mut self, path: &str, spec: TableSpec) -> &mut Self {
        let result = self.declare_table(path, spec);
        self.note(path, result)
    }

    /// Declares a parameter, or declares it anew.
    pub fn parameter(&mut self, path: &str, spec: ParameterSpec) -> &mut Self {
        let result = self.declare_parameter(path, spec);
        self.note(path, result)
    }

    /// Adds a row that every device has from the factory; the path is that of the table.
    pub fn row(&mut self, table: &str, number: u32) -> &mut Self {
        self.rows.push((table.to_owned(), number));
        self
    }

    /// Gives a parameter, also one of a row from the factory, another value from the factory.
    pub fn value(&mut self, path: &str, text: impl Into<String>) -> &mut Self {
        self.values.push((path.to_owned(), text.into()));
        self
    }

    /// Puts the model together.
    ///
    /// # Errors
    /// [`BuildError`] names the first declaration that cannot be used.
    pub fn build(mut self) -> Result<Model, BuildError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.standard {
            standard::fill_in(&mut self, None);
        }
        for (table, number) in std::mem::take(&mut self.rows) {
            self.add_row(&table, number)
                .map_err(|problem| BuildError::Path { path: table, problem })?;
        }
        for (path, text) in std::mem::take(&mut self.values) {
            self.set_value(path, &text)?;
        }
        standard::apply(&self.root, &mut self.children);
        Flattener::default().flatten(self)
    }

    /// Declares a parameter unless there is one already.
    pub(super) fn parameter_if_absent(&mut self, path: &str, spec: ParameterSpec) {
        let (object, name) = path.rsplit_once('.').unwrap_or(("", path));
        if let Ok(children) = self.object_at(&format!("{object}."))
            && !children.iter().any(|(known, _)| &**known == name)
        {
            children.push((name.into(), Draft::Parameter(Box::new(spec))));
        }
    }

    pub(super) fn root_name(&self) -> &str {
        &self.root
    }

    pub(super) fn note(&mut self, path: &str, result: Result<(), Problem>) -> &mut Self {
        if let Err(problem) = result {
            self.fail(BuildError::Path { path: path.to_owned(), problem });
        }
        self
    }

    pub(super) fn fail(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }

    /// The table at a path that ends in `{i}.`, if it is declared.
    pub(super) fn table_mut(&mut self, path: &str) -> Option<&mut TableDraft> {
        let (parent, name) = split_last(path.strip_suffix("{i}.")?).ok()?;
        match find(self.object_at(parent).ok()?, name)? {
            Draft::Table(table) => Some(table),
            _ => None,
        }
    }

    fn declare_table(&mut self, path: &str, spec: TableSpec) -> Result<(), Problem> {
        let parent = path.strip_suffix("{i}.").ok_or("the path of a table ends in {i}.")?;
        let (parent, name) = split_last(parent)?;
        let siblings = self.object_at(parent)?;
        match find(siblings, name) {
            Some(Draft::Table(table)) => table.spec = spec,
            Some(_) => return Err("there is already something else of this name"),
            None => siblings.push((name.into(), Draft::Table(Box::new(TableDraft::new(spec))))),
        }
        Ok(())
    }

    fn declare_parameter(&mut self, path: &str, spec: ParameterSpec) -> Result<(), Problem> {
        let (object, name) = path.rsplit_once('.').ok_or("a parameter lies in an object")?;
        check_name(name)?;
        let siblings = self.object_at(&format!("{object}."))?;
        match find(siblings, name) {
            Some(Draft::Parameter(known)) => **known = spec,
            Some(_) => return Err("there is already an object of this name"),
            None => siblings.push((name.into(), Draft::Parameter(Box::new(spec)))),
        }
        Ok(())
    }

    fn add_row(&mut self, path: &str, number: u32) -> Result<(), Problem> {
        let (parent, name) = split_last(path)?;
        let siblings = self.object_at(parent)?;
        match find(siblings, name) {
            Some(Draft::Table(_)) if number == 0 => Err("row numbers start at 1"),
            Some(Draft::Table(table)) => {
                let TableDraft { template, rows, .. } = &mut **table;
                rows.entry(number).or_insert_with(|| template.clone());
                Ok(())
            }
            _ => Err("there is no such table to add a row to"),
        }
    }

    fn set_value(&mut self, path: String, text: &str) -> Result<(), BuildError> {
        let (object, name) = path.rsplit_once('.').unwrap_or(("", &path));
        let problem = match self.object_at(&format!("{object}.")) {
            Ok(siblings) => match find(siblings, name) {
                Some(Draft::Parameter(spec)) => {
                    text.clone_into(&mut spec.default);
                    return Ok(());
                }
                _ => "there is no such parameter to give a value",
            },
            Err(problem) => problem,
        };
        Err(BuildError::Path { path, problem })
    }

    /// The object of a path with trailing dot; creates what is missing but no rows.
    fn object_at(&mut self, path: &str) -> Result<&mut Children, Problem> {
        if path.len() > NAME_CHARS_MAX {
            return Err("the path is longer than 256 characters");
        }
        let inner = path.strip_suffix('.').ok_or("the path of an object ends in a dot")?;
        let mut names = inner.split('.').peekable();
        if names.next() != Some(&self.root) {
            return Err("the path does not start with the root object");
        }
        let mut here = &mut self.children;
        while let Some(name) = names.next() {
            here = match names.peek().copied() {
                Some("{i}") => {
                    names.next();
                    &mut table_at(here, name)?.template
                }
                Some(number) if number.parse::<u32>().is_ok() => {
                    let number = names.next().unwrap_or_default().parse().unwrap_or_default();
                    table_at(here, name)?.rows.get_mut(&number).ok_or("there is no such row")?
                }
                _ => single_at(here, name)?,
            };
        }
        Ok(here)
    }
}

/// Splits `A.B.` into `A.` and `B`.
pub(super) fn split_last(path: &str) -> Result<(&str, &str), Problem> {
    let inner = path.strip_suffix('.').ok_or("the path of an object ends in a dot")?;
    let dot = inner.rfind('.').ok_or("the path is too short")?;
    Ok((&path[..=dot], &inner[dot + 1..]))
}

pub(super) fn find<'a>(children: &'a mut Children, name: &str) -> Option<&'a mut Draft> {
    children.iter_mut().find(|(known, _)| &**known == name).map(|(_, draft)| draft)
}

fn table_at<'a>(children: &'a mut Children, name: &str) -> Result<&'a mut TableDraft, Problem> {
    check_name(name)?;
    let index = position_or_push(children, name, || {
        Draft::Table(Box::new(TableDraft::new(TableSpec::fixed())))
    });
    match &mut children[index].1 {
        Draft::Table(table) => Ok(table),
        _ => Err("a component before {i} or a number is no table"),
    }
}

fn single_at<'a>(children: &'a mut Children, name: &str) -> Result<&'a mut Children, Problem> {
    check_name(name)?;
    let index = position_or_push(children, name, || Draft::Object(Children::new()));
    match &mut children[index].1 {
        Draft::Object(children) => Ok(children),
        Draft::Table(_) => Err("{i} or a row number is missing after a table"),
        Draft::Parameter(_) => Err("nothing lies below a parameter"),
    }
}

fn position_or_push(children: &mut Children, name: &str, new: impl FnOnce() -> Draft) -> usize {
    children.iter().position(|(known, _)| &**known == name).unwrap_or_else(|| {
        children.push((name.into(), new()));
        children.len() - 1
    })
}

pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    use drover_cwmp::path::{PathOptions, PathRef, Segment};
    let path = PathRef::parse(name, PathOptions::PLAIN);
    match path.map(|path| (path.is_partial(), path.last())) {
        Ok((false, Some(Segment::Name(known)))) if known == name => Ok(()),
        _ => Err("a name has letters, digits, '_' and '-' only"),
    }
}

/// Lays the drafts out in one array.
#[derive(Default)]
struct Flattener {
    nodes: Vec<Node>,
    /// Thousands of parameters have a few hundred syntaxes between them: each is kept once.
    syntaxes: BTreeSet<Arc<Syntax>>,
}

impl Flattener {
    fn flatten(mut self, builder: ModelBuilder) -> Result<Model, BuildError> {
        let ModelBuilder { root, children, .. } = builder;
        self.push(Box::default(), Kind::Object { deletable: false })?;
        let top = Place { path: String::new(), longest: 0, depth: 0 };
        self.draft(&root, Draft::Object(children), &top)?;
        self.close(super::TOP);
        let mut model = Model {
            nodes: self.nodes.into(),
            root: root.into(),
            roles: [None; Role::COUNT],
            forced: Box::default(),
            active: Box::default(),
            inform_table: None,
            wan_addresses: Box::default(),
        };
        standard::assign_roles(&mut model);
        Ok(model)
    }

    fn push(&mut self, name: Box<str>, kind: Kind) -> Result<NodeId, BuildError> {
        let id = NodeId::try_from(self.nodes.len()).map_err(|_| BuildError::TooLarge)?;
        if self.nodes.len() >= MODEL_NODES_MAX {
            return Err(BuildError::TooLarge);
        }
        self.nodes.push(Node { name, end: id + 1, kind });
        Ok(id)
    }

    /// Everything pushed since `id` lies below it.
    fn close(&mut self, id: NodeId) {
        // Pushing has checked that the number fits.
        self.nodes[id as usize].end = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
    }

    fn draft(&mut self, name: &str, draft: Draft, above: &Place) -> Result<NodeId, BuildError> {
        let place = above.below(name, name.len())?;
        match draft {
            Draft::Object(children) => self.object(name.into(), children, &place, false),
            Draft::Table(table) => self.table(name.into(), *table, &place),
            Draft::Parameter(spec) => self.parameter(name.into(), *spec, &place),
        }
    }

    fn object(
        &mut self,
        name: Box<str>,
        children: Children,
        place: &Place,
        deletable: bool,
    ) -> Result<NodeId, BuildError> {
        let id = self.push(name, Kind::Object { deletable })?;
        let counts = counts(&children);
        let mut below = Vec::with_capacity(children.len());
        for (name, draft) in children {
            below.push(self.draft(&name, draft, place)?);
        }
        self.close(id);
        self.link_counts(&below, &counts);
        Ok(id)
    }

    fn table(
        &mut self,
        name: Box<str>,
        draft: TableDraft,
        place: &Place,
    ) -> Result<NodeId, BuildError> {
        let TableDraft { spec, template, rows, .. } = draft;
        let table = Table { spec, template: 0, rows: Box::default(), count: None };
        let id = self.push(name, Kind::Table(Box::new(table)))?;
        let row_place = place.below("{i}", INSTANCE_CHARS_MAX)?;
        let template = self.object(Box::default(), template, &row_place, spec.delete)?;
        let mut placed = Vec::with_capacity(rows.len());
        for (number, children) in rows {
            let row = self.object(Box::default(), children, &row_place, spec.delete)?;
            placed.push((number, row));
        }
        self.close(id);
        if let Kind::Table(table) = &mut self.nodes[id as usize].kind {
            table.template = template;
            table.rows = placed.into();
        }
        Ok(id)
    }

    fn parameter(
        &mut self,
        name: Box<str>,
        mut spec: ParameterSpec,
        place: &Place,
    ) -> Result<NodeId, BuildError> {
        let value = canonical(spec.value_type, &spec.default);
        let value = value.ok_or_else(|| BuildError::Value {
            path: place.path.clone(),
            problem: format!("the value is not of type {}", spec.value_type),
        })?;
        spec.default = value.into_owned();
        if let Some(syntax) = &mut spec.syntax {
            self.share(syntax);
        }
        let parameter = Parameter { spec, counts: None, role: None };
        self.push(name, Kind::Parameter(Box::new(parameter)))
    }

    fn share(&mut self, syntax: &mut Arc<Syntax>) {
        match self.syntaxes.get(&**syntax) {
            Some(known) => *syntax = Arc::clone(known),
            None => {
                self.syntaxes.insert(Arc::clone(syntax));
            }
        }
    }

    /// Ties each parameter that counts rows to the table beside it (`RT-01`).
    fn link_counts(&mut self, siblings: &[NodeId], counts: &[(Box<str>, Box<str>)]) {
        let named = |nodes: &[Node], name: &str| {
            siblings.iter().copied().find(|id| &*nodes[*id as usize].name == name)
        };
        for (count, table) in counts {
            let (Some(id), Some(table)) = (named(&self.nodes, count), named(&self.nodes, table))
            else {
                continue;
            };
            let Kind::Parameter(parameter) = &mut self.nodes[id as usize].kind else { continue };
            parameter.counts = Some(table);
            parameter.spec.writable = false;
            if let Kind::Table(entry) = &mut self.nodes[table as usize].kind {
                entry.count = Some(id);
            }
        }
    }
}

/// What counts the rows of each table of an object, with the name of the table.
fn counts(children: &Children) -> Vec<(Box<str>, Box<str>)> {
    let count = |(name, draft): &(Box<str>, Draft)| match draft {
        Draft::Table(table) => Some((table.count_name(name), name.clone())),
        _ => None,
    };
    children.iter().filter_map(count).collect()
}

/// Where the flattener is, to check lengths and to name mistakes.
struct Place {
    path: String,
    /// Characters of the longest path that a device may have here.
    longest: usize,
    depth: usize,
}

impl Place {
    fn below(&self, name: &str, chars_max: usize) -> Result<Self, BuildError> {
        let path = format!("{}{name}.", self.path);
        let (longest, depth) = (self.longest + chars_max + 1, self.depth + 1);
        if longest > NAME_CHARS_MAX || depth > MODEL_DEPTH_MAX {
            let problem = "the path may become longer than 256 characters";
            return Err(BuildError::Path { path, problem });
        }
        Ok(Self { path, longest, depth })
    }
}
