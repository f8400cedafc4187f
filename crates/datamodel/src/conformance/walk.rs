//! What each row of a tree stands for: one walk over the sorted paths.

use std::collections::BTreeMap;

use super::Models;
use crate::schema::{Object, Parameter, Schema};
use crate::tree::TreeRow;

/// A tree laid over its models.
#[derive(Debug)]
pub(super) struct Walk<'t, 's> {
    /// By path, so that each stands behind what holds it.
    pub(super) entries: Vec<Entry<'t, 's>>,
    /// Rows whose path another row has already, with the line of that one.
    pub(super) repeated: Vec<(&'t TreeRow, usize)>,
}

/// An object, table, row or parameter of the tree.
#[derive(Debug)]
pub(super) struct Entry<'t, 's> {
    pub(super) path: &'t str,
    pub(super) place: Place<'s>,
    /// `None` for an object of which only something below it was recorded.
    pub(super) row: Option<&'t TreeRow>,
    /// How many rows of the tree have this path.
    pub(super) rows: usize,
    /// The object that holds it.
    pub(super) parent: Option<usize>,
}

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'s> {
    /// A single object.
    Object(Object<'s>),
    /// A table as a whole.
    Table(Object<'s>),
    /// A row of a table.
    Row(Object<'s>),
    /// A parameter.
    Parameter(Parameter<'s>),
    /// Of the vendor's own (`TM-16`).
    Vendor,
    /// Nothing that the models know.
    Unknown,
    /// Not below the service whose model was given alone.
    Outside,
}

impl<'s> Place<'s> {
    /// What holds parameters and objects: anything but a table.
    pub(super) fn holder(self) -> Option<Object<'s>> {
        match self {
            Self::Object(object) | Self::Row(object) => Some(object),
            _ => None,
        }
    }
}

impl<'t, 's> Walk<'t, 's> {
    /// `models` has one of each service.
    pub(super) fn new(models: &Models<'s>, rows: impl Iterator<Item = &'t TreeRow>) -> Self {
        let mut rows: Vec<&TreeRow> = rows.collect();
        rows.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        let mut walker = Walker::new(models);
        for row in rows {
            walker.step(row);
        }
        walker.walk
    }

    /// The entry with this path.
    pub(super) fn find(&self, path: &str) -> Option<&Entry<'t, 's>> {
        let index = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        self.entries.get(index)
    }

    /// The entry that holds another.
    pub(super) fn parent(&self, entry: &Entry<'t, 's>) -> Option<&Entry<'t, 's>> {
        self.entries.get(entry.parent?)
    }

    /// The row of an entry, or the first one below it.
    pub(super) fn recorded(&self, entry: &Entry<'t, 's>) -> Option<&'t TreeRow> {
        let start = self.entries.partition_point(|it| it.path < entry.path);
        self.entries.get(start..)?.iter().find_map(|it| it.row)
    }

    /// What lies below an entry, each with its index.
    pub(super) fn below(&self, index: usize) -> impl Iterator<Item = (usize, &Entry<'t, 's>)> {
        let prefix = self.entries.get(index).map_or("", |entry| entry.path);
        let rest = self.entries.iter().enumerate().skip(index.saturating_add(1));
        rest.take_while(move |(_, entry)| entry.path.starts_with(prefix))
    }

    /// The models of which the tree has something.
    pub(super) fn used(&self, models: &Models<'s>) -> impl Iterator<Item = &'s Schema> {
        let root = models.root.into_iter();
        let has = |name: &str| {
            self.entries.iter().any(|entry| match entry.place {
                Place::Table(object) => object.name() == name && is_service_root(object),
                _ => false,
            })
        };
        let services = models.services.iter().filter(|schema| has(schema.root_name()));
        root.chain(services.copied().collect::<Vec<_>>())
    }
}

/// A service's table is directly at the top of its own model, and has rows.
pub(super) fn is_service_root(object: Object<'_>) -> bool {
    object.is_table() && object.parent().is_some_and(|top| top.parent().is_none())
}

struct Walker<'t, 's> {
    root: Option<&'s Schema>,
    services: BTreeMap<&'s str, &'s Schema>,
    walk: Walk<'t, 's>,
    /// The objects that hold the path of the last step, outermost first.
    open: Vec<usize>,
}

impl<'t, 's> Walker<'t, 's> {
    fn new(models: &Models<'s>) -> Self {
        let services = models.services.iter().map(|schema| (schema.root_name(), *schema));
        let walk = Walk { entries: Vec::new(), repeated: Vec::new() };
        Self { root: models.root, services: services.collect(), walk, open: Vec::new() }
    }

    fn step(&mut self, row: &'t TreeRow) {
        let path = row.path.as_str();
        if let Some(last) = self.walk.entries.last_mut()
            && let Some(first) = last.row.filter(|first| first.path == *path)
        {
            last.rows = last.rows.saturating_add(1);
            return self.walk.repeated.push((row, first.line));
        }
        let mut start = self.close_all_but_holders(path);
        let rest = path.get(start..).unwrap_or_default();
        for component in rest.split_inclusive('.') {
            let end = start.saturating_add(component.len());
            self.enter(path.get(..end).unwrap_or_default(), component);
            start = end;
        }
        if let Some(last) = self.walk.entries.last_mut() {
            last.row = Some(row);
            last.rows = 1;
        }
    }

    /// Returns the length of the path of the innermost object that holds `path`.
    fn close_all_but_holders(&mut self, path: &str) -> usize {
        while let Some(index) = self.open.last() {
            let open = self.walk.entries.get(*index).map_or("", |entry| entry.path);
            if path.starts_with(open) {
                return open.len();
            }
            self.open.pop();
        }
        0
    }

    /// Adds the entry of one component; with its dot, it is an object that others may lie below.
    fn enter(&mut self, path: &'t str, component: &str) {
        let parent = self.open.last().copied();
        let place = match component.strip_suffix('.') {
            Some(name) => self.object(parent, name),
            None => self.parameter(parent, component),
        };
        if component.ends_with('.') {
            self.open.push(self.walk.entries.len());
        }
        self.walk.entries.push(Entry { path, place, row: None, rows: 0, parent });
    }

    fn place(&self, parent: Option<usize>) -> Option<Place<'s>> {
        self.walk.entries.get(parent?).map(|entry| entry.place)
    }

    fn object(&self, parent: Option<usize>, name: &str) -> Place<'s> {
        let Some(place) = self.place(parent) else { return self.root_object(name) };
        let found = match place {
            Place::Table(object) => return row_of(object, name),
            Place::Vendor | Place::Unknown => return place,
            Place::Parameter(_) => None,
            Place::Outside => self.service_of_outside(parent, name),
            Place::Object(object) | Place::Row(object) => object
                .any_child(name)
                .or_else(|| self.service_below(object, name)?.top().any_child(name)),
        };
        match found {
            Some(object) if object.is_table() => Place::Table(object),
            Some(object) => Place::Object(object),
            None => self.stranger(place, name),
        }
    }

    fn parameter(&self, parent: Option<usize>, name: &str) -> Place<'s> {
        let Some(place) = self.place(parent) else { return self.stranger(Place::Unknown, name) };
        let found = match place {
            Place::Vendor | Place::Unknown => return place,
            Place::Table(_) | Place::Parameter(_) => None,
            Place::Outside if self.is_outer_services(parent) => {
                self.services.values().find_map(|schema| schema.top().any_parameter(name))
            }
            Place::Outside => None,
            Place::Object(object) | Place::Row(object) => {
                object.any_parameter(name).or_else(|| {
                    let mut services = self.services.values().filter(|_| is_services(object));
                    services.find_map(|schema| schema.top().any_parameter(name))
                })
            }
        };
        found.map_or_else(|| self.stranger(place, name), Place::Parameter)
    }

    fn root_object(&self, name: &str) -> Place<'s> {
        match self.root.map(|schema| schema.top().any_child(name)) {
            Some(Some(object)) => Place::Object(object),
            Some(None) => self.stranger(Place::Unknown, name),
            None => Place::Outside,
        }
    }

    fn service_below(&self, object: Object<'s>, name: &str) -> Option<&'s Schema> {
        self.services.get(name).copied().filter(|_| is_services(object))
    }

    /// Where there is no model of the root, services are found by the form of their path.
    fn service_of_outside(&self, parent: Option<usize>, name: &str) -> Option<Object<'s>> {
        let is_services = self.is_outer_services(parent);
        self.services.get(name).filter(|_| is_services)?.top().any_child(name)
    }

    fn is_outer_services(&self, index: Option<usize>) -> bool {
        let entry = index.and_then(|index| self.walk.entries.get(index));
        entry.is_some_and(|entry| {
            matches!(entry.path, "Device.Services." | "InternetGatewayDevice.Services.")
        })
    }

    /// What stands below `holder`, and no model knows.
    fn stranger(&self, holder: Place<'s>, name: &str) -> Place<'s> {
        match holder {
            Place::Outside => Place::Outside,
            _ if name.starts_with("X_") => Place::Vendor,
            _ => Place::Unknown,
        }
    }
}

/// Whether it is the object of the root below which services lie (`TM-01`).
pub(super) fn is_services(object: Object<'_>) -> bool {
    let root = || object.parent()?.parent();
    object.name() == "Services" && root().is_some_and(|top| top.parent().is_none())
}

/// `PATH-02`: a number from 1 on; or an alias in brackets.
fn row_of<'s>(table: Object<'s>, name: &str) -> Place<'s> {
    let is_alias = name.len() > 2 && name.starts_with('[') && name.ends_with(']');
    let is_number = !name.starts_with(['0', '+']) && name.parse::<u32>().is_ok();
    if is_number || is_alias { Place::Row(table) } else { Place::Unknown }
}
