//! What a published model says about the parts of a device.

use drover_datamodel::Schema;
use drover_datamodel::check::{Direction, check, null_value};
use drover_datamodel::schema::{Item, Object, Parameter, Row};

use super::builder::{Children, Draft, ModelBuilder, TableDraft, TableSpec, split_last};
use super::{BuildError, NotificationPolicy, ParameterSpec};
use crate::limits::TABLE_ROWS_MAX;

impl ParameterSpec {
    /// All that a schema says: type, what values may be, whether the ACS may set it, whether it
    /// reads as null (`RT-03`), Inform, notification, and its value in a new row (`RT-02`).
    pub fn of(parameter: &Parameter<'_>) -> Self {
        Self {
            writable: parameter.is_writable(),
            forced_inform: parameter.forced_inform(),
            notification: NotificationPolicy::from(parameter.active_notify()),
            default: parameter.value_on_creation().to_owned(),
            ..Self::of_syntax(parameter.syntax())
        }
    }
}

impl TableSpec {
    /// What a schema says: whether the ACS may add and delete rows, and how many there may be.
    pub fn of(table: &Object<'_>) -> Self {
        let writable = table.is_writable_table();
        let rows_max = table.entries_max().map_or(TABLE_ROWS_MAX, |max| max.min(TABLE_ROWS_MAX));
        Self { add: writable, delete: writable, rows_max }
    }
}

impl ModelBuilder {
    /// Declares an object, a table or a parameter with what a schema says about it. With a table
    /// comes the parameter that counts its rows, and with anything in a row its table, if that is
    /// not declared yet.
    ///
    /// ```
    /// # use drover_cpe::{BuildError, Model, ModelBuilder};
    /// # fn example(schema: &drover_datamodel::Schema) -> Result<Model, BuildError> {
    /// let mut builder = ModelBuilder::new("Device");
    /// builder
    ///     .standard_of(schema)
    ///     .declare(schema, "Device.NAT.PortMapping.{i}.")
    ///     .declare(schema, "Device.NAT.PortMapping.{i}.Enable")
    ///     .declare(schema, "Device.NAT.PortMapping.{i}.ExternalPort");
    /// builder.build()
    /// # }
    /// ```
    pub fn declare(&mut self, schema: &Schema, path: &str) -> &mut Self {
        const ROW: &str = ".{i}.";
        let tables = path.match_indices(ROW).map(|(index, _)| &path[..index + ROW.len()]);
        for table in tables.filter(|table| *table != path) {
            if self.table_mut(table).is_none() {
                self.declare_item(schema, table);
            }
        }
        self.declare_item(schema, path)
    }

    /// As [`standard`](Self::standard), with what a schema says about each of the parameters.
    pub fn standard_of(&mut self, schema: &Schema) -> &mut Self {
        super::standard::fill_in(self, Some(schema));
        self.standard()
    }

    fn declare_item(&mut self, schema: &Schema, path: &str) -> &mut Self {
        match schema.find(path) {
            Some(Item::Parameter(parameter)) => self.parameter(path, ParameterSpec::of(&parameter)),
            Some(Item::Object(table, Row::Any) | Item::Table(table)) => {
                self.declare_table_of(&table, path)
            }
            Some(Item::Object(..)) => self.object(path),
            None => {
                let schema = schema.name().to_string();
                self.fail(BuildError::NotInSchema { path: path.to_owned(), schema });
                self
            }
        }
    }

    fn declare_table_of(&mut self, object: &Object<'_>, path: &str) -> &mut Self {
        self.table(path, TableSpec::of(object));
        let Some(count) = object.num_entries_parameter() else { return self };
        let Some(table) = self.table_mut(path) else { return self };
        table.count = Some(count.name().into());
        let above = path.strip_suffix("{i}.").and_then(|path| split_last(path).ok());
        match above {
            Some((above, _)) => {
                self.parameter(&format!("{above}{}", count.name()), ParameterSpec::of(&count))
            }
            None => self,
        }
    }
}

/// Gives what was recorded of a device the facts of a schema, as
/// [`Model::from_tree`](super::Model::from_tree) says.
pub(super) fn apply(schema: &Schema, root: &str, children: &mut Children) {
    if let Some(object) = schema.find_object(&format!("{root}.")) {
        apply_to_object(&object, children, Origin::Recorded);
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The device had it.
    Recorded,
    /// It is that of a new row.
    Template,
}

fn apply_to_object(object: &Object<'_>, children: &mut Children, origin: Origin) {
    for (name, draft) in children {
        match draft {
            Draft::Parameter(spec) => {
                if let Some(parameter) = object.parameter(name) {
                    apply_to_parameter(&parameter, spec, origin);
                }
            }
            Draft::Object(below) => {
                if let Some(child) = object.child(name).filter(|child| !child.is_table()) {
                    apply_to_object(&child, below, origin);
                }
            }
            Draft::Table(table) => {
                if let Some(child) = object.child(name).filter(Object::is_table) {
                    apply_to_table(&child, table, origin);
                }
            }
        }
    }
}

fn apply_to_table(object: &Object<'_>, table: &mut TableDraft, origin: Origin) {
    let TableDraft { spec, template, rows, count } = table;
    *spec = spec.rows_max(TableSpec::of(object).rows_max);
    *count = object.num_entries_parameter().map(|count| count.name().into());
    apply_to_object(object, template, Origin::Template);
    for row in rows.values_mut() {
        apply_to_object(object, row, origin);
    }
}

fn apply_to_parameter(parameter: &Parameter<'_>, spec: &mut ParameterSpec, origin: Origin) {
    if spec.value_type != parameter.value_type() {
        return;
    }
    let known = ParameterSpec { writable: spec.writable, ..ParameterSpec::of(parameter) };
    let recorded = std::mem::replace(spec, known);
    if origin == Origin::Recorded {
        if !is_possible(parameter, &recorded.default) {
            spec.syntax = None;
        }
        spec.default = recorded.default;
    }
}

/// Whether the schema allows the value. The null value says nothing: it stands for what is hidden
/// or was not read.
fn is_possible(parameter: &Parameter<'_>, value: &str) -> bool {
    if value == null_value(parameter.value_type()) {
        return true;
    }
    let checked = check(parameter.syntax(), value, Direction::Report);
    checked.is_ok_and(|checked| checked.unknown_words.is_empty())
}
