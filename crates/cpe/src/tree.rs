//! The tree of one device: a shared model and what differs from it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use drover_cwmp::Value;
use drover_cwmp::path::{PathOptions, PathRef, Segment};
use drover_datamodel::check::null_value;

use crate::device::Identity;
use crate::key::{AsAt, At, Key, NodeId};
use crate::model::{Kind, Model, Node, Parameter, Role, TOP, Table};

/// Values, rows and identity of one device.
pub(crate) struct Tree {
    pub(crate) model: Arc<Model>,
    pub(crate) identity: Identity,
    /// Values of this device from the factory, where they differ from the model's.
    factory: BTreeMap<Key, Box<str>>,
    /// Values that were set or reported since.
    values: BTreeMap<Key, Stored>,
    /// Tables whose rows are not those of the model.
    tables: BTreeMap<Key, Rows>,
}

/// A value of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) text: Box<str>,
    pub(crate) origin: Origin,
}

/// Where a value came from, which decides what a reset does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The ACS set it: kept over reboots (`SPV-11`), dropped by a factory reset.
    Acs,
    /// The shell reported it: it says so again after a reboot.
    Shell,
}

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Ascending.
    pub(crate) numbers: Vec<u32>,
    /// The highest number there ever was; the next row gets the one after it (`PATH-03`).
    pub(crate) highest: u32,
}

/// Something that exists in the tree, with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) node: NodeId,
    pub(crate) instances: Vec<u32>,
    /// Objects end in a dot; empty for the top.
    pub(crate) path: String,
}

impl Place {
    fn top() -> Self {
        Self { node: TOP, instances: Vec::new(), path: String::new() }
    }

    pub(crate) fn at(&self) -> At<'_> {
        At { node: self.node, instances: &self.instances }
    }
}

impl Tree {
    pub(crate) fn new(model: Arc<Model>, identity: Identity) -> Self {
        let (factory, values, tables) = Default::default();
        Self { model, identity, factory, values, tables }
    }

    /// Finds what a path means, objects with and parameters without a dot at the end (`PATH-07`).
    /// Aliases and wildcards are not supported (`WILD-03`).
    pub(crate) fn resolve(&self, path: &str) -> Option<Place> {
        let parsed = PathRef::parse(path, PathOptions::PLAIN).ok()?;
        let mut place = Place::top();
        for segment in parsed.segments() {
            let node = self.model.node(place.node);
            match (&node.kind, segment) {
                (Kind::Object { .. }, Segment::Name(name)) => {
                    place.node = self.model.child(place.node, name)?;
                }
                (Kind::Table(table), Segment::Instance(number)) => {
                    self.has_row(place.at(), number).then_some(())?;
                    place.node = table.row_node(number);
                    place.instances.push(number);
                }
                _ => return None,
            }
        }
        let is_parameter = matches!(self.model.node(place.node).kind, Kind::Parameter(_));
        if is_parameter == parsed.is_partial() {
            return None;
        }
        path.clone_into(&mut place.path);
        Some(place)
    }

    /// Finds the parameters that a name with wildcards means; none if it has no legal form.
    pub(crate) fn resolve_pattern(&self, pattern: &str) -> Vec<Place> {
        let options = PathOptions { wildcards: true, aliases: false };
        let Ok(parsed) = PathRef::parse(pattern, options) else { return Vec::new() };
        let mut places = vec![Place::top()];
        for segment in parsed.segments() {
            let mut below = Vec::new();
            for mut place in places {
                self.for_each_child(&mut place, &mut |child, node| {
                    // Rows have no name.
                    let fits = match segment {
                        Segment::Name(name) => &*node.name == name,
                        Segment::Wildcard => node.name.is_empty(),
                        segment => {
                            let number = child.instances.last().copied().map(Segment::Instance);
                            node.name.is_empty() && number == Some(segment)
                        }
                    };
                    if fits {
                        below.push(child.clone());
                    }
                });
            }
            places = below;
        }
        places.retain(|place| self.model.parameter(place.node).is_some());
        places
    }

    /// Finds a parameter.
    pub(crate) fn resolve_parameter(&self, path: &str) -> Option<(Place, &Parameter)> {
        let place = self.resolve(path)?;
        let parameter = self.model.parameter(place.node)?;
        Some((place, parameter))
    }

    /// Calls `visit` for everything below an object at all levels, in the order of the model; each
    /// object or table before what it holds. For a parameter nothing is called.
    pub(crate) fn for_each_below(&self, place: &mut Place, visit: &mut dyn FnMut(&Place, &Node)) {
        self.for_each_child(place, &mut |child, node| {
            visit(child, node);
            if !matches!(node.kind, Kind::Parameter(_)) {
                self.for_each_below(child, visit);
            }
        });
    }

    /// Calls `visit` for what lies directly below an object or table. The place given to it is the
    /// same each time and may be walked further.
    pub(crate) fn for_each_child(
        &self,
        place: &mut Place,
        visit: &mut dyn FnMut(&mut Place, &Node),
    ) {
        let (above, length) = (place.node, place.path.len());
        match &self.model.node(above).kind {
            Kind::Parameter(_) => {}
            Kind::Object { .. } => {
                for child in self.model.children(above) {
                    let node = self.model.node(child);
                    place.path.push_str(&node.name);
                    if !matches!(node.kind, Kind::Parameter(_)) {
                        place.path.push('.');
                    }
                    place.node = child;
                    visit(place, node);
                    place.path.truncate(length);
                }
            }
            Kind::Table(table) => {
                let numbers = self.row_numbers(place.at());
                for number in numbers.iter().copied() {
                    use std::fmt::Write as _;
                    // Writing to a String cannot fail.
                    let _ = write!(place.path, "{number}.");
                    place.instances.push(number);
                    place.node = table.row_node(number);
                    let node = self.model.node(place.node);
                    visit(place, node);
                    place.instances.pop();
                    place.path.truncate(length);
                }
            }
        }
        place.node = above;
    }

    /// Calls `visit` for the parameter itself, or for every parameter below an object.
    pub(crate) fn for_each_parameter(
        &self,
        place: &mut Place,
        visit: &mut dyn FnMut(&Place, &Parameter),
    ) {
        if let Some(parameter) = self.model.parameter(place.node) {
            visit(place, parameter);
            return;
        }
        self.for_each_below(place, &mut |place, node| {
            if let Kind::Parameter(parameter) = &node.kind {
                visit(place, parameter);
            }
        });
    }

    /// Every place where a node of the model exists in this device.
    pub(crate) fn places_of(&self, node: NodeId) -> Vec<Place> {
        let mut found = Vec::new();
        self.collect(node, &mut Place::top(), &mut found);
        found
    }

    fn collect(&self, node: NodeId, place: &mut Place, found: &mut Vec<Place>) {
        if place.node == node {
            found.push(place.clone());
            return;
        }
        self.for_each_child(place, &mut |child, _| {
            if self.model.is_within(node, child.node) {
                self.collect(node, child, found);
            }
        });
    }

    /// The path of a key, if it still exists.
    pub(crate) fn place_of(&self, key: &Key) -> Option<Place> {
        let at = key.at();
        let mut found = None;
        let mut place = Place::top();
        self.descend_to(at, &mut place, &mut found);
        found
    }

    fn descend_to(&self, to: At<'_>, place: &mut Place, found: &mut Option<Place>) {
        if place.node == to.node {
            if place.instances == to.instances {
                *found = Some(place.clone());
            }
            return;
        }
        self.for_each_child(place, &mut |child, _| {
            let on_the_way = self.model.is_within(to.node, child.node)
                && to.instances.starts_with(&child.instances);
            if found.is_none() && on_the_way {
                self.descend_to(to, child, found);
            }
        });
    }

    /// The value as it is, hidden or not.
    pub(crate) fn text<'a>(&'a self, at: At<'_>, parameter: &'a Parameter) -> Cow<'a, str> {
        if let Some(table) = parameter.counts {
            let table = At { node: table, instances: at.instances };
            return Cow::Owned(self.row_count(table).to_string());
        }
        if let Some(part) = parameter.role.and_then(|role| self.identity.part(role)) {
            return Cow::Borrowed(part);
        }
        let stored = self.stored(at).map(|stored| &stored.text);
        let text = stored.or_else(|| self.factory.get(&at as &dyn AsAt));
        Cow::Borrowed(text.map_or(parameter.spec.default.as_str(), |text| text))
    }

    /// The value as an ACS reads it: hidden parameters are empty (`GPV-05`).
    pub(crate) fn value(&self, at: At<'_>, parameter: &Parameter) -> Value {
        let ty = parameter.spec.value_type;
        if parameter.spec.hidden {
            return Value::new(ty, null_value(ty));
        }
        Value::new(ty, self.text(at, parameter).into_owned())
    }

    /// The value of a parameter that the protocol works with; `None` when the model lacks it.
    pub(crate) fn role_text(&self, role: Role) -> Option<Cow<'_, str>> {
        let node = self.model.role(role)?;
        let parameter = self.model.parameter(node)?;
        Some(self.text(At { node, instances: &[] }, parameter))
    }

    pub(crate) fn stored(&self, at: At<'_>) -> Option<&Stored> {
        self.values.get(&at as &dyn AsAt)
    }

    pub(crate) fn store(&mut self, at: At<'_>, text: &str, origin: Origin) {
        self.values.insert(at.to_key(), Stored { text: text.into(), origin });
    }

    pub(crate) fn store_factory(&mut self, at: At<'_>, text: &str) {
        self.factory.insert(at.to_key(), text.into());
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (&Key, &Stored)> {
        self.values.iter()
    }

    pub(crate) fn changed_tables(&self) -> impl Iterator<Item = (&Key, &Rows)> {
        self.tables.iter()
    }

    pub(crate) fn restore_rows(&mut self, key: Key, rows: Rows) {
        self.tables.insert(key, rows);
    }

    /// Back to the factory; what the shell reported stays, since it is not the ACS's doing.
    pub(crate) fn reset(&mut self) {
        self.values.retain(|_, stored| stored.origin == Origin::Shell);
        let Self { model, tables, .. } = self;
        tables.retain(|key, _| {
            model.table(key.at().node).is_some_and(|table| !table.spec.add && !table.spec.delete)
        });
        let keys = self.values.keys().chain(self.tables.keys());
        let orphans: Vec<Key> = keys.filter(|key| self.place_of(key).is_none()).cloned().collect();
        for key in orphans {
            self.values.remove(&key);
            self.tables.remove(&key);
        }
    }

    pub(crate) fn row_numbers(&self, table: At<'_>) -> Cow<'_, [u32]> {
        match self.tables.get(&table as &dyn AsAt) {
            Some(rows) => Cow::Borrowed(&rows.numbers),
            None => Cow::Owned(self.factory_rows(table.node).map(|row| row.0).collect()),
        }
    }

    fn row_count(&self, table: At<'_>) -> usize {
        match self.tables.get(&table as &dyn AsAt) {
            Some(rows) => rows.numbers.len(),
            None => self.factory_rows(table.node).count(),
        }
    }

    pub(crate) fn has_row(&self, table: At<'_>, number: u32) -> bool {
        match self.tables.get(&table as &dyn AsAt) {
            Some(rows) => rows.numbers.binary_search(&number).is_ok(),
            None => self.factory_rows(table.node).any(|row| row.0 == number),
        }
    }

    fn factory_rows(&self, table: NodeId) -> impl Iterator<Item = &(u32, NodeId)> {
        self.model.table(table).into_iter().flat_map(Table::factory_rows)
    }

    fn rows_mut(&mut self, table: At<'_>) -> &mut Rows {
        let numbers: Vec<u32> = match self.tables.get(&table as &dyn AsAt) {
            Some(_) => Vec::new(),
            None => self.factory_rows(table.node).map(|row| row.0).collect(),
        };
        self.tables.entry(table.to_key()).or_insert_with(|| {
            let highest = numbers.last().copied().unwrap_or(0);
            Rows { numbers, highest }
        })
    }

    /// Adds a row with the next number; `None` when the table is full (`ADD-06`).
    pub(crate) fn add_row(&mut self, table: At<'_>, rows_max: u32) -> Option<u32> {
        if self.row_count(table) >= rows_max as usize {
            return None;
        }
        let rows = self.rows_mut(table);
        let number = rows.highest.checked_add(1)?;
        rows.highest = number;
        rows.numbers.push(number);
        Some(number)
    }

    /// Removes a row with all that lies below it.
    pub(crate) fn remove_row(&mut self, table: At<'_>, number: u32) {
        let rows = self.rows_mut(table);
        if let Ok(index) = rows.numbers.binary_search(&number) {
            rows.numbers.remove(index);
        }
        let Self { model, values, tables, .. } = self;
        values.retain(|key, _| !lies_in_row(model, key, table, number));
        tables.retain(|key, _| !lies_in_row(model, key, table, number));
    }

    /// Makes these, ascending, the rows of a table. Says which went away and whether anything
    /// changed.
    pub(crate) fn set_rows(&mut self, table: At<'_>, numbers: &[u32]) -> (Vec<u32>, bool) {
        let known = self.row_numbers(table).into_owned();
        if known == numbers {
            return (Vec::new(), false);
        }
        let gone: Vec<u32> =
            known.into_iter().filter(|number| numbers.binary_search(number).is_err()).collect();
        for number in &gone {
            self.remove_row(table, *number);
        }
        let rows = self.rows_mut(table);
        rows.numbers = numbers.to_vec();
        rows.highest = rows.highest.max(numbers.last().copied().unwrap_or(0));
        (gone, true)
    }

    /// Bytes on the heap, roughly: what a device costs besides its model.
    pub(crate) fn heap_size(&self) -> usize {
        let keys = |count: usize, entry: usize| count * (entry + size_of::<Key>() + 32);
        let texts: usize = self.values.values().map(|stored| stored.text.len() + 16).sum();
        let factory: usize = self.factory.values().map(|text| text.len() + 16).sum();
        let rows: usize = self.tables.values().map(|rows| rows.numbers.capacity() * 4 + 16).sum();
        texts
            + factory
            + rows
            + self.identity.heap_size()
            + keys(self.values.len(), size_of::<Stored>())
            + keys(self.factory.len(), size_of::<Box<str>>())
            + keys(self.tables.len(), size_of::<Rows>())
    }
}

/// Whether a key belongs to the given row of a table, in this very table and no other of its kind.
pub(crate) fn lies_in_row(model: &Model, key: &Key, table: At<'_>, number: u32) -> bool {
    let at = key.at();
    at.node != table.node
        && model.is_within(at.node, table.node)
        && at.instances.starts_with(table.instances)
        && at.instances.get(table.instances.len()) == Some(&number)
}
