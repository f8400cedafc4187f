//! Objects and parameters as a reader sees them.

use std::fmt;

use drover_cwmp::ValueType;

use super::{ObjectRow, ParameterRow, Schema, TOP};
use crate::check::{Checked, Direction, ValueError, check, null_value};
use crate::syntax::{Access, ActiveNotify, DefaultType, DefaultValue, Status, Syntax};
use crate::version::Version;

/// An object of a schema: a single one, or a table together with its rows.
#[derive(Clone, Copy)]
pub struct Object<'s> {
    schema: &'s Schema,
    pub(super) row: &'s ObjectRow,
    id: u32,
}

/// Parameters whose values together tell the rows of a table apart (`TM-19`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueKey<'s> {
    /// Whether it counts only among rows that are switched on (`XML-17`).
    pub functional: bool,
    /// Names, or paths relative to the row.
    pub parameters: &'s [Box<str>],
}

impl<'s> Object<'s> {
    pub(super) fn new(schema: &'s Schema, id: u32) -> Self {
        let row = schema.object_row(id);
        // Building and reading check each number once, so that nothing here can fail.
        let row = row.expect("the numbers in a schema are those of its own objects");
        Self { schema, row, id }
    }

    /// Last component of the path, without `{i}`; empty for the top.
    pub fn name(&self) -> &'s str {
        &self.row.name
    }

    /// Full path with `{i}` for each instance, such as `Device.WiFi.Radio.{i}.`.
    pub fn path(&self) -> String {
        let mut path = String::new();
        self.write_path(&mut path);
        path
    }

    fn write_path(&self, path: &mut String) {
        // Parents have lower numbers than their children, so this ends.
        if let Some(parent) = self.parent() {
            parent.write_path(path);
        }
        if self.id != TOP {
            path.push_str(&self.row.name);
            path.push_str(if self.row.is_table { ".{i}." } else { "." });
        }
    }

    /// The object that holds it; `None` for the top.
    pub fn parent(&self) -> Option<Self> {
        (self.id != TOP).then(|| Self::new(self.schema, self.row.parent))
    }

    /// Whether it has rows: its path ends in `{i}.`.
    pub fn is_table(&self) -> bool {
        self.row.is_table
    }

    /// Whether the ACS may add and delete rows. Anything else is read-only.
    pub fn access(&self) -> Access {
        self.row.access
    }

    /// Whether AddObject and DeleteObject work on it (`ADD-06`).
    pub fn is_writable_table(&self) -> bool {
        self.row.is_table && self.row.access == Access::ReadWrite
    }

    /// Rows at least; 0 for a single object that is optional.
    pub fn entries_min(&self) -> u32 {
        self.row.entries_min
    }

    /// Rows at most; `None` for any number.
    pub fn entries_max(&self) -> Option<u32> {
        self.row.entries_max
    }

    /// The parameter that counts its rows (`RT-01`).
    pub fn num_entries_parameter(&self) -> Option<Parameter<'s>> {
        self.row.num_entries.map(|id| Parameter::new(self.schema, id))
    }

    /// The parameter of a row that switches the row on.
    pub fn enable_parameter(&self) -> Option<Parameter<'s>> {
        self.row.enable.map(|id| Parameter::new(self.schema, id))
    }

    /// The parameter that says whether the object is there (`RT-06`).
    pub fn discriminator_parameter(&self) -> Option<Parameter<'s>> {
        self.row.discriminator.map(|id| Parameter::new(self.schema, id))
    }

    /// Whether other models may be mounted here.
    pub fn is_mount_point(&self) -> bool {
        self.row.mount_point
    }

    /// Version that brought it.
    pub fn version(&self) -> Version {
        self.row.version
    }

    /// Whether it is still in use.
    pub fn status(&self) -> Status {
        self.row.status
    }

    /// Whether it, or an object that holds it, is deleted.
    pub fn is_deleted(&self) -> bool {
        self.row.is_deleted
    }

    /// What tells its rows apart.
    pub fn unique_keys(&self) -> impl Iterator<Item = UniqueKey<'s>> + use<'s> {
        self.row
            .unique_keys
            .iter()
            .map(|key| UniqueKey { functional: key.functional, parameters: &key.parameters })
    }

    /// What it is, in schemas with descriptions.
    pub fn description(&self) -> Option<&'s str> {
        self.row.description.as_deref()
    }

    /// Its own parameters in the order of the document.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'s>> + use<'s> {
        let schema = self.schema;
        self.row
            .parameters
            .clone()
            .map(move |id| Parameter::new(schema, id))
            .filter(move |parameter| schema.shows(parameter.is_deleted()))
    }

    /// The objects directly below it in the order of the document.
    pub fn children(&self) -> impl Iterator<Item = Self> + use<'s> {
        let schema = self.schema;
        self.row
            .children
            .iter()
            .map(move |id| Object::new(schema, *id))
            .filter(move |object| schema.shows(object.is_deleted()))
    }

    /// Its own parameter with this name.
    pub fn parameter(&self, name: &str) -> Option<Parameter<'s>> {
        self.schema.parameter_below(self.id, name)
    }

    /// The object with this name directly below it.
    pub fn child(&self, name: &str) -> Option<Self> {
        self.schema.object_below(self.id, name)
    }

    /// As [`parameter`](Self::parameter), deleted or not: a device may still have it (`TM-07`).
    pub(crate) fn any_parameter(&self, name: &str) -> Option<Parameter<'s>> {
        self.schema.any_parameter_below(self.id, name)
    }

    /// As [`child`](Self::child), deleted or not: a device may still have it (`TM-07`).
    pub(crate) fn any_child(&self, name: &str) -> Option<Self> {
        self.schema.any_object_below(self.id, name)
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }
}

impl PartialEq for Object<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.schema, other.schema) && self.id == other.id
    }
}

impl Eq for Object<'_> {}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.path())
    }
}

/// A parameter of a schema.
#[derive(Clone, Copy)]
pub struct Parameter<'s> {
    schema: &'s Schema,
    row: &'s ParameterRow,
    id: u32,
}

impl<'s> Parameter<'s> {
    pub(super) fn new(schema: &'s Schema, id: u32) -> Self {
        let row = schema.parameter_row(id);
        let row = row.expect("the numbers in a schema are those of its own parameters");
        Self { schema, row, id }
    }

    /// Last component of the path.
    pub fn name(&self) -> &'s str {
        &self.row.name
    }

    /// Full path with `{i}` for each instance.
    pub fn path(&self) -> String {
        let mut path = self.object().path();
        path.push_str(&self.row.name);
        path
    }

    /// The object that holds it.
    pub fn object(&self) -> Object<'s> {
        Object::new(self.schema, self.row.object)
    }

    /// As the document has it; [`is_writable`](Self::is_writable) says what it means for CWMP.
    pub fn access(&self) -> Access {
        self.row.access
    }

    /// Whether the ACS may set it (`XML-19`).
    pub fn is_writable(&self) -> bool {
        match self.row.access {
            Access::ReadOnly => false,
            Access::ReadWrite => true,
            Access::WriteOnceReadOnly => &*self.row.name == "Alias",
        }
    }

    /// Version that brought it.
    pub fn version(&self) -> Version {
        self.row.version
    }

    /// Whether it is still in use.
    pub fn status(&self) -> Status {
        self.row.status
    }

    /// Whether it, or an object that holds it, is deleted.
    pub fn is_deleted(&self) -> bool {
        self.row.status == Status::Deleted || self.object().is_deleted()
    }

    /// Which notification it allows.
    pub fn active_notify(&self) -> ActiveNotify {
        self.row.active_notify
    }

    /// Whether it is part of every Inform.
    pub fn forced_inform(&self) -> bool {
        self.row.forced_inform
    }

    /// What its values look like.
    pub fn syntax(&self) -> &'s Syntax {
        let place = usize::try_from(self.row.syntax).unwrap_or(usize::MAX);
        let syntax = self.schema.syntaxes.get(place);
        syntax.expect("the numbers in a schema are those of its own syntaxes")
    }

    /// The type on the wire.
    pub fn value_type(&self) -> ValueType {
        self.syntax().wire_type()
    }

    /// Its default as the model has it.
    pub fn default(&self) -> Option<&'s DefaultValue> {
        self.row.default.as_ref()
    }

    /// Its value in a new row: the default for objects, else that of the factory, else what is
    /// likely, else the null value (`RT-02`). A default that is not of the type does not count.
    pub fn value_on_creation(&self) -> &'s str {
        let null = null_value(self.value_type());
        let Some(default) = &self.row.default else { return null };
        let fits = match default.default_type {
            DefaultType::Object | DefaultType::Factory => self.value_type().accepts(&default.value),
            DefaultType::Implementation => {
                check(self.syntax(), &default.value, Direction::Report).is_ok()
            }
        };
        if fits { &default.value } else { null }
    }

    /// What a read returns when nothing may be shown (`RT-03`, `TM-09`).
    pub fn null_value(&self) -> &'static str {
        null_value(self.value_type())
    }

    /// Checks a value and brings it into the one form in which values are compared (`RT-04`).
    ///
    /// # Errors
    /// [`ValueError`] says what the value must be.
    pub fn check<'t>(
        &self,
        text: &'t str,
        direction: Direction,
    ) -> Result<Checked<'t>, ValueError> {
        check(self.syntax(), text, direction)
    }

    /// What it is, in schemas with descriptions.
    pub fn description(&self) -> Option<&'s str> {
        self.row.description.as_deref()
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }
}

impl PartialEq for Parameter<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.schema, other.schema) && self.id == other.id
    }
}

impl Eq for Parameter<'_> {}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({})", self.path())
    }
}
