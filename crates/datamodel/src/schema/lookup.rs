//! From a path to what it stands for, without allocation.

use super::{Object, Parameter, Schema, TOP};

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'s> {
    /// A single object, or a row when the path names one.
    Object(Object<'s>, Row),
    /// A table as a whole: its path without an instance at the end.
    Table(Object<'s>),
    /// A parameter.
    Parameter(Parameter<'s>),
}

/// How a path names a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// It is no row.
    None,
    /// `{i}`, as models write it.
    Any,
    /// By number.
    Number(u32),
    /// `[name]`
    Alias,
    /// `*`
    Wildcard,
}

impl<'s> Item<'s> {
    /// The parameter, if it is one.
    pub fn parameter(self) -> Option<Parameter<'s>> {
        match self {
            Self::Parameter(parameter) => Some(parameter),
            _ => None,
        }
    }

    /// The object or table, if it is one.
    pub fn object(self) -> Option<Object<'s>> {
        match self {
            Self::Object(object, _) | Self::Table(object) => Some(object),
            Self::Parameter(_) => None,
        }
    }
}

impl Schema {
    /// What a path stands for. Instances are numbers, `{i}`, `*` or `[alias]`.
    ///
    /// An object may be named without the dot at its end, as references do (`TM-12`); where a
    /// parameter has the same name, that is meant. In a service object, what stands before the
    /// service (`Device.Services.`, or a dot) may be left out or not.
    pub fn find(&self, path: &str) -> Option<Item<'_>> {
        let path = self.below_services(path);
        let (inner, is_partial) = match path.strip_suffix('.') {
            Some(inner) => (inner, true),
            None => (path, false),
        };
        if inner.is_empty() {
            return path.is_empty().then(|| Item::Object(self.top(), Row::None));
        }
        let mut here = TOP;
        // The table whose instance comes next, if the component before was one.
        let mut in_table = false;
        let mut row = Row::None;
        let mut names = inner.split('.').peekable();
        while let Some(name) = names.next() {
            if in_table {
                row = row_of(name)?;
                in_table = false;
                continue;
            }
            row = Row::None;
            if names.peek().is_none()
                && !is_partial
                && let Some(parameter) = self.parameter_below(here, name)
            {
                return Some(Item::Parameter(parameter));
            }
            let object = self.object_below(here, name)?;
            here = object.id();
            in_table = object.is_table();
        }
        let object = Object::new(self, here);
        Some(if in_table { Item::Table(object) } else { Item::Object(object, row) })
    }

    /// The parameter at a path.
    pub fn find_parameter(&self, path: &str) -> Option<Parameter<'_>> {
        self.find(path)?.parameter()
    }

    /// The object or table at a path.
    pub fn find_object(&self, path: &str) -> Option<Object<'_>> {
        self.find(path)?.object()
    }

    /// Paths of a service may begin at the root object of the device.
    fn below_services<'p>(&self, path: &'p str) -> &'p str {
        if !self.is_service {
            return path.strip_prefix('.').map_or(path, |_| path);
        }
        let path = path.strip_prefix('.').unwrap_or(path);
        match path.split_once(".Services.") {
            Some(("Device" | "InternetGatewayDevice", below)) => below,
            _ => path.strip_prefix("Services.").unwrap_or(path),
        }
    }

    pub(super) fn parameter_below(&self, parent: u32, name: &str) -> Option<Parameter<'_>> {
        let parameter = self.any_parameter_below(parent, name)?;
        self.shows(parameter.is_deleted()).then_some(parameter)
    }

    pub(super) fn object_below(&self, parent: u32, name: &str) -> Option<Object<'_>> {
        let object = self.any_object_below(parent, name)?;
        self.shows(object.is_deleted()).then_some(object)
    }

    /// Deleted ones, too, whether they are shown or not.
    pub(super) fn any_parameter_below(&self, parent: u32, name: &str) -> Option<Parameter<'_>> {
        let has_name = |id| self.parameter_row(id).is_some_and(|row| &*row.name == name);
        self.index.find(parent, name, false, has_name).map(|id| Parameter::new(self, id))
    }

    /// Deleted ones, too, whether they are shown or not.
    pub(super) fn any_object_below(&self, parent: u32, name: &str) -> Option<Object<'_>> {
        let has_name = |id| self.object_row(id).is_some_and(|row| &*row.name == name);
        self.index.find(parent, name, true, has_name).map(|id| Object::new(self, id))
    }
}

fn row_of(text: &str) -> Option<Row> {
    match text {
        "{i}" => Some(Row::Any),
        "*" => Some(Row::Wildcard),
        _ if text.starts_with('[') && text.ends_with(']') && text.len() > 2 => Some(Row::Alias),
        _ if text.starts_with(['0', '+']) => None,
        _ => text.parse().ok().map(Row::Number),
    }
}
