//! What a kind of device has: objects, tables, parameters and the rows it comes with.

mod builder;
mod csv;
mod parameter;
mod schema;
mod standard;

use std::fmt;

pub use builder::{BuildError, ModelBuilder, TableSpec};
pub use csv::CsvError;
pub use parameter::{NotificationPolicy, ParameterSpec};
pub(crate) use standard::Role;

use crate::key::NodeId;

/// The virtual object that holds the root object; the empty path (`PATH-04`).
pub(crate) const TOP: NodeId = 0;

/// A data model with the rows and values that every device of this kind has from the factory.
///
/// Devices share it (`Arc<Model>`). Build one with [`ModelBuilder`], or from a recorded tree with
/// [`Model::from_csv`] or [`Model::from_tree`].
pub struct Model {
    /// In the order of the tree, each object directly followed by what lies below it.
    nodes: Box<[Node]>,
    root: Box<str>,
    roles: [Option<NodeId>; Role::COUNT],
    /// Parameters of every Inform.
    forced: Box<[NodeId]>,
    /// Parameters with active notification unless an ACS says otherwise.
    active: Box<[NodeId]>,
    /// `ManagementServer.InformParameter`.
    inform_table: Option<NodeId>,
    /// `ExternalIPAddress` of the WAN connections of an InternetGatewayDevice.
    wan_addresses: Box<[NodeId]>,
}

/// An object, a row, a table or a parameter.
pub(crate) struct Node {
    /// Without dots; empty for rows, whose number takes the place of the name.
    pub(crate) name: Box<str>,
    /// The node after the last one below this.
    end: NodeId,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Object {
        /// Whether it is a row that DeleteObject can delete (`GPN-07`).
        deletable: bool,
    },
    Table(Box<Table>),
    Parameter(Box<Parameter>),
}

pub(crate) struct Table {
    pub(crate) spec: TableSpec,
    /// What a new row looks like.
    template: NodeId,
    /// Rows from the factory, by number.
    rows: Box<[(u32, NodeId)]>,
    /// The parameter that counts the rows.
    pub(crate) count: Option<NodeId>,
}

pub(crate) struct Parameter {
    pub(crate) spec: ParameterSpec,
    /// The table whose rows it counts (TR-106, `NumberOfEntries`).
    pub(crate) counts: Option<NodeId>,
    pub(crate) role: Option<Role>,
}

impl Model {
    /// Name of the root object, such as `Device`.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Number of nodes: objects, tables, rows from the factory, parameters, templates of rows.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Number of parameters that a device has from the factory.
    pub fn factory_parameter_count(&self) -> usize {
        self.count_parameters(TOP)
    }

    fn count_parameters(&self, id: NodeId) -> usize {
        match &self.node(id).kind {
            Kind::Parameter(_) => 1,
            Kind::Object { .. } => {
                self.children(id).map(|child| self.count_parameters(child)).sum()
            }
            Kind::Table(table) => {
                table.rows.iter().map(|(_, row)| self.count_parameters(*row)).sum()
            }
        }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        // Every id in a model is one of its own nodes: builder and tree take them from here.
        &self.nodes[id as usize]
    }

    pub(crate) fn parameter(&self, id: NodeId) -> Option<&Parameter> {
        match &self.node(id).kind {
            Kind::Parameter(parameter) => Some(parameter),
            _ => None,
        }
    }

    pub(crate) fn table(&self, id: NodeId) -> Option<&Table> {
        match &self.node(id).kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The nodes directly below an object or row.
    pub(crate) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let end = self.node(id).end;
        let mut next = id + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.node(child).end;
            Some(child)
        })
    }

    pub(crate) fn child(&self, id: NodeId, name: &str) -> Option<NodeId> {
        self.children(id).find(|child| &*self.node(*child).name == name)
    }

    /// Whether `id` is `ancestor` or lies below it.
    pub(crate) fn is_within(&self, id: NodeId, ancestor: NodeId) -> bool {
        (ancestor..self.node(ancestor).end).contains(&id)
    }

    /// The parameter with a meaning for the protocol itself, if this model has it.
    pub(crate) fn role(&self, role: Role) -> Option<NodeId> {
        self.roles[role as usize]
    }

    /// What is checked of each parameter that has more than a type.
    #[cfg(test)]
    pub(crate) fn syntaxes(&self) -> Vec<std::sync::Arc<drover_datamodel::syntax::Syntax>> {
        let syntax = |node: &Node| match &node.kind {
            Kind::Parameter(parameter) => parameter.spec.syntax.clone(),
            _ => None,
        };
        self.nodes.iter().filter_map(syntax).collect()
    }

    pub(crate) fn forced(&self) -> &[NodeId] {
        &self.forced
    }

    pub(crate) fn active(&self) -> &[NodeId] {
        &self.active
    }

    pub(crate) fn inform_table(&self) -> Option<NodeId> {
        self.inform_table
    }

    pub(crate) fn wan_addresses(&self) -> &[NodeId] {
        &self.wan_addresses
    }
}

impl Table {
    pub(crate) fn factory_rows(&self) -> &[(u32, NodeId)] {
        &self.rows
    }

    /// The node of the row with this number: its own when it comes from the factory.
    pub(crate) fn row_node(&self, number: u32) -> NodeId {
        match self.rows.binary_search_by_key(&number, |row| row.0) {
            Ok(index) => self.rows[index].1,
            Err(_) => self.template,
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("root", &self.root)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}
