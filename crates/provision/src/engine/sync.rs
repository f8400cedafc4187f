//! From what was declared and what is known: what to ask, and what to change (compat 2.4, 2.5).
//!
//! Nothing is remembered here. After each answer the same question is asked again, until nothing
//! is left to do.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Name, Path, Scalar, Tree, coerce, written};
use super::declaration::{Declaration, NewAttributes};
use super::discovery::{self, Discovery};
use super::kept;
use super::pattern::{Pattern, Segment};
use super::reason::{Nothing, Reason};
use super::request::Request;
use crate::limits::SERVER_TABLE_ROWS_MAX;

/// Roots that are kept by the server; nothing of them is asked of a device.
const PSEUDO_ROOTS: [&str; 6] =
    ["DeviceID", "Events", "Tags", "Reboot", "FactoryReset", "VirtualParameters"];

fn is_pseudo_root(name: &str) -> bool {
    PSEUDO_ROOTS.contains(&name) || kept::TABLES.iter().any(|table| table.name == name)
}

/// Whether a path is kept by the server.
pub(super) fn is_pseudo(path: &[Name]) -> bool {
    path.first().is_some_and(|name| is_pseudo_root(name.as_str()))
}

fn is_virtual(path: &[Name]) -> bool {
    path.len() == 2 && path.first().is_some_and(|name| name.as_str() == "VirtualParameters")
}

/// What must be read before declarations are fulfilled.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reads {
    /// Objects whose names are asked for, the shortest first.
    pub names: BTreeMap<(usize, Path), Names>,
    /// Parameters whose values are asked for, in the order of their declarations.
    pub values: Ordered,
    /// Parameters whose attributes are asked for.
    pub attributes: Ordered,
    /// Virtual parameters to compute, and which of their attributes are wanted with which time.
    pub virtual_parameters: BTreeMap<Name, VirtualGet>,
    /// Whether the virtual parameters are to be listed.
    pub lists_virtual_parameters: bool,
}

impl Reads {
    /// Whether nothing is wanted.
    pub(super) fn is_empty(&self) -> bool {
        let Self { names, values, attributes, virtual_parameters, lists_virtual_parameters } = self;
        names.is_empty()
            && values.paths().is_empty()
            && attributes.paths().is_empty()
            && virtual_parameters.is_empty()
            && !lists_virtual_parameters
    }
}

/// Which names below an object are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Names {
    /// Whether GenieACS asks for all of them.
    pub is_whole: bool,
    /// How many levels may be needed.
    pub levels: usize,
}

/// Paths in the order in which they came, each once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ordered {
    paths: Vec<Path>,
    known: BTreeSet<Path>,
}

impl Ordered {
    fn push(&mut self, path: Path) {
        if self.known.insert(path.clone()) {
            self.paths.push(path);
        }
    }

    /// The paths.
    pub(super) fn paths(&self) -> &[Path] {
        &self.paths
    }
}

/// The attributes wanted of a virtual parameter; 0 where one is not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct VirtualGet {
    /// Its value.
    pub value: i64,
    /// Whether it can be set.
    pub writable: i64,
}

/// Collects what must be read.
pub(super) fn reads<'d>(
    tree: &Tree,
    declarations: impl IntoIterator<Item = &'d Declaration>,
    discovery: Discovery,
) -> Reads {
    let mut reads = Reads::default();
    let is_economical = discovery == Discovery::Economical;
    let knows_roots = is_economical && !discovery::roots(tree).is_empty();
    for declaration in declarations {
        let mut reader = Reader { tree, knows_roots, reads: &mut reads };
        reader.discover(&declaration.pattern, declaration.get.path);
        if is_economical && declaration.set.instances.is_some() {
            reader.tables(&declaration.pattern);
        }
        for path in tree.matches(&declaration.pattern) {
            reader.attributes(&path, declaration);
        }
    }
    reads
}

struct Reader<'r> {
    tree: &'r Tree,
    /// Whether the roots that are known are all there are. The Inform names the root, and some
    /// devices do not survive to be asked for it.
    knows_roots: bool,
    reads: &'r mut Reads,
}

impl Reader<'_> {
    /// Asks for the names that are needed to know what matches. The time holds for the instances
    /// of wildcards and for the last component; that what holds them is there, may have been
    /// learnt at any time.
    fn discover(&mut self, pattern: &Pattern, time: i64) {
        if let Some(Segment::Name(root)) = pattern.segments().first()
            && is_pseudo_root(root)
        {
            let is_wide =
                matches!(pattern.segments().get(1), Some(Segment::Wildcard | Segment::Alias(_)));
            self.reads.lists_virtual_parameters |=
                &**root == "VirtualParameters" && is_wide && time > 1;
            return;
        }
        let mut paths = vec![Path::new()];
        for (place, segment) in pattern.segments().iter().enumerate() {
            let rest = pattern.segments().get(place..).unwrap_or_default();
            let is_last = rest.len() == 1;
            let mut next = Vec::new();
            for path in paths {
                if is_pseudo(&path) || !self.tree.may_be_object(&path) {
                    continue;
                }
                let child = |name: &Name| {
                    let mut child = path.clone();
                    child.push(name.clone());
                    child
                };
                let is_known = path.is_empty() && self.knows_roots;
                match segment {
                    Segment::Name(name) => {
                        let it = child(&Name::from(&**name));
                        if is_known {
                            next.extend((self.tree.found(&it) > 0).then_some(it));
                        } else if self.tree.looked_at(&it) < if is_last { time } else { 1 } {
                            self.list(path, rest);
                        } else if self.tree.found(&it) > 0 {
                            next.push(it);
                        }
                    }
                    Segment::Wildcard | Segment::Alias(_)
                        if !is_known && self.tree.listed(&path) < time =>
                    {
                        self.list(path, rest);
                    }
                    Segment::Wildcard => next.extend(self.tree.children(&path).map(child)),
                    Segment::Alias(pairs) => {
                        let rows: Vec<Path> = self.tree.children(&path).map(child).collect();
                        for row in rows {
                            self.keys(&row, pairs);
                            next.extend(self.tree.meets(&row, pairs).then_some(row));
                        }
                    }
                }
            }
            paths = next;
        }
    }

    /// Asks for what is needed to compare the keys of a row.
    fn keys(&mut self, row: &Path, pairs: &[(Pattern, Box<str>)]) {
        if is_pseudo(row) {
            return;
        }
        for (relative, _) in pairs {
            let Some(names) = relative.names() else { continue };
            let mut path = row.clone();
            for (place, name) in names.iter().enumerate() {
                let parent = path.clone();
                path.push(Name::from(*name));
                if self.tree.looked_at(&path) < 1 {
                    if self.tree.may_be_object(&parent) {
                        self.list(parent, relative.segments().get(place..).unwrap_or_default());
                    }
                    break;
                }
                if self.tree.found(&path) == 0 {
                    break;
                }
                if place.saturating_add(1) == names.len() {
                    self.value(&path, 1);
                }
            }
        }
    }

    /// Asks for the names below an object: all of them where two wildcards follow the next name.
    fn list(&mut self, path: Path, rest: &[Segment]) {
        let is_wild = |place| matches!(rest.get(place), Some(Segment::Wildcard));
        let is_whole = is_wild(1) && is_wild(2);
        self.names(path, is_whole, rest.len());
    }

    fn names(&mut self, path: Path, is_whole: bool, levels: usize) {
        let names = self.reads.names.entry((path.len(), path)).or_default();
        names.is_whole |= is_whole;
        names.levels = names.levels.max(levels);
    }

    /// Asks whether rows can be added, where a table is known only by what is in it.
    fn tables(&mut self, pattern: &Pattern) {
        let Some(parent) = pattern.parent() else { return };
        for table in self.tree.matches(&parent) {
            let known = self.tree.attributes(&table);
            let is_known = known.is_some_and(|known| known.writable.is_some());
            if let Some((_, holder)) = table.split_last()
                && !is_known
                && !is_pseudo(&table)
            {
                self.names(holder.to_vec(), false, 1);
            }
        }
    }

    fn value(&mut self, path: &Path, time: i64) {
        let Some(known) = self.tree.attributes(path) else { return };
        let is_object = known.object.as_ref().is_some_and(|object| object.value);
        let is_known = known.value.as_ref().is_some_and(|value| value.time >= time);
        if !is_object && !is_known && time > 0 {
            self.reads.values.push(path.clone());
        }
    }

    /// Asks for the attributes of a path that matches.
    fn attributes(&mut self, path: &Path, declaration: &Declaration) {
        let get = declaration.get;
        let Some(known) = self.tree.attributes(path) else { return };
        if is_virtual(path) {
            let is_old =
                |known: Option<i64>, wanted: i64| wanted > 0 && known.is_none_or(|it| it < wanted);
            let value = known.value.as_ref().map(|it| it.time);
            let writable = known.writable.as_ref().map(|it| it.time);
            if is_old(value, get.value) || is_old(writable, get.writable) {
                let name = path.last().cloned().unwrap_or_else(|| Name::from(""));
                let wanted = self.reads.virtual_parameters.entry(name).or_default();
                if is_old(value, get.value) {
                    wanted.value = wanted.value.max(get.value);
                }
                if is_old(writable, get.writable) {
                    wanted.writable = wanted.writable.max(get.writable);
                }
            }
            return;
        }
        if is_pseudo(path) {
            return;
        }
        let object = known.object.as_ref().map_or(0, |it| it.time);
        let writable = known.writable.as_ref().map_or(0, |it| it.time);
        if object < get.object || writable < get.writable {
            let parent = path.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default();
            self.names(parent, false, 1);
        }
        self.value(path, get.value);
        let is_object = known.object.as_ref().is_some_and(|object| object.value);
        let notification = known.notification.as_ref().map_or(0, |it| it.time);
        let access_list = known.access_list.as_ref().map_or(0, |it| it.time);
        if !is_object && (notification < get.notification || access_list < get.access_list) {
            self.reads.attributes.push(path.clone());
        }
    }
}

/// What is to be changed, each kind in the order of its declarations.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// Rows to delete.
    pub deletions: Vec<Path>,
    /// Rows to create: their table and the keys that they shall have.
    pub creations: Vec<Creation>,
    /// Values to set, with their types.
    pub values: Vec<(Path, Scalar, Box<str>)>,
    /// Attributes to set.
    pub attributes: Vec<(Path, NewAttributes)>,
    /// What rows of the server's own tables ask for, in the order of the RPCs.
    pub actions: Vec<Request>,
    /// Whether to restart.
    pub reboot: bool,
    /// Whether to return to the state of the factory.
    pub factory_reset: bool,
    /// Values of virtual parameters to set, with their types.
    pub virtual_parameters: Vec<(Path, Scalar, Box<str>)>,
    /// What the server itself keeps: tags and rows of its tables, done at once.
    pub local: Vec<Local>,
    /// Why what was declared changes nothing.
    pub nothing: Vec<Nothing>,
    /// Set when more rows are to be created and deleted than may be; there is not one for each.
    pub crowd: Option<Crowd>,
}

impl Changes {
    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        // `nothing` is what is not done.
        let Self {
            deletions,
            creations,
            values,
            attributes,
            actions,
            reboot,
            factory_reset,
            virtual_parameters,
            local,
            nothing: _,
            crowd,
        } = self;
        deletions.is_empty()
            && creations.is_empty()
            && values.is_empty()
            && attributes.is_empty()
            && actions.is_empty()
            && !reboot
            && !factory_reset
            && virtual_parameters.is_empty()
            && local.is_empty()
            && crowd.is_none()
    }
}

/// More rows than may be created and deleted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crowd {
    /// The pattern of the rows with which they became too many.
    pub row: String,
    /// How many they are with those.
    pub count: usize,
}

/// What changes may be, besides what is declared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// The time of the session, in milliseconds of the Unix clock.
    pub session: i64,
    /// Rows that may still be created and deleted.
    pub rows_left: usize,
    /// Whether values are also sent of parameters that nobody can set.
    pub skips_writable_check: bool,
}

/// A row to create.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Creation {
    /// The table.
    pub table: Path,
    /// Which parameters, relative to the row, shall have which value.
    pub keys: BTreeMap<Pattern, Box<str>>,
}

/// A change of what the server keeps.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Local {
    /// A tag is set or removed.
    Tag(Name, bool),
    /// A row of one of the server's tables is created with these values.
    NewRow(&'static kept::Table, BTreeMap<Pattern, Box<str>>),
    /// Such a row is deleted.
    NoRow(Path),
    /// A parameter of such a row is set.
    Column(Path, Scalar, Box<str>),
}

/// A declaration, and whether what it sets must wait until all scripts have ended.
pub(super) type Pending<'d> = (&'d Declaration, bool);

/// Why a value that is not equal to what is known is not to be sent to the device either.
pub(super) type HeldBack<'r> = dyn Fn(&Path, &Scalar, &str) -> Option<Reason> + 'r;

/// Collects what is to be changed at the time of a session.
pub(super) fn changes(
    tree: &Tree,
    declarations: &[Pending<'_>],
    scope: Scope,
    held_back: &HeldBack<'_>,
) -> Changes {
    let Scope { session, rows_left, skips_writable_check } = scope;
    let mut writer = Writer {
        tree,
        held_back,
        session,
        rows_left,
        skips_writable_check,
        changes: Changes::default(),
        values: Places::default(),
        attributes: Places::default(),
        virtual_parameters: Places::default(),
        kept: BTreeMap::new(),
        tags: Places::default(),
        columns: Places::default(),
    };
    // What waits may only replace what goes now.
    let mut now = BTreeSet::new();
    for (declaration, _) in declarations.iter().filter(|(_, waits)| !waits) {
        now.extend(tree.matches(&declaration.pattern));
    }
    for (declaration, waits) in declarations {
        writer.declare(declaration, |path| !waits || now.contains(path), !waits);
    }
    writer.end()
}

/// Sets by path in the order of the first, with the value of the last.
struct Places<T> {
    sets: Vec<(Path, T)>,
    of_path: BTreeMap<Path, usize>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { sets: Vec::new(), of_path: BTreeMap::new() }
    }
}

impl<T> Places<T> {
    fn get(&self, path: &Path) -> Option<&T> {
        self.sets.get(*self.of_path.get(path)?).map(|(_, set)| set)
    }

    fn put(&mut self, path: Path, set: T) {
        match self.of_path.get(&path).and_then(|place| self.sets.get_mut(*place)) {
            Some((_, known)) => *known = set,
            None => {
                self.of_path.insert(path.clone(), self.sets.len());
                self.sets.push((path, set));
            }
        }
    }
}

struct Writer<'w> {
    tree: &'w Tree,
    held_back: &'w HeldBack<'w>,
    session: i64,
    /// Rows that may still be created and deleted.
    rows_left: usize,
    skips_writable_check: bool,
    changes: Changes,
    values: Places<(Scalar, Box<str>)>,
    attributes: Places<NewAttributes>,
    virtual_parameters: Places<(Scalar, Box<str>)>,
    /// Reboot, FactoryReset and the actions of rows: the last time that was declared.
    kept: BTreeMap<Path, i64>,
    tags: Places<bool>,
    columns: Places<(Scalar, Box<str>)>,
}

impl Writer<'_> {
    fn declare(
        &mut self,
        declaration: &Declaration,
        goes_now: impl Fn(&Path) -> bool,
        is_now: bool,
    ) {
        let Declaration { pattern, set, .. } = declaration;
        if let (Some(new), Some([root, tag])) = (&set.value, pattern.names().as_deref())
            && *root == "Tags"
        {
            let is_set = coerce(&new.scalar, "xsd:boolean") == Scalar::Bool(true);
            self.tags.put(vec![Name::from(*root), Name::from(*tag)], is_set);
            return;
        }
        if let Some((least, most)) = set.instances {
            self.instances(pattern, least, most, is_now);
        }
        let has_attributes = set.attributes != NewAttributes::default();
        if set.value.is_none() && !has_attributes {
            return;
        }
        let matches = self.tree.matches(pattern);
        if matches.is_empty() {
            self.nothing(pattern.to_string(), Reason::NoSuchPath);
        }
        for path in matches {
            if let Some(new) = &set.value {
                self.value(&path, &new.scalar, new.value_type.as_deref(), &goes_now);
            }
            if has_attributes && !is_pseudo(&path) {
                if goes_now(&path) {
                    let earlier = self.attributes.get(&path).cloned().unwrap_or_default();
                    let NewAttributes { notification, access_list } = set.attributes.clone();
                    let attributes = NewAttributes {
                        notification: notification.or(earlier.notification),
                        access_list: access_list.or(earlier.access_list),
                    };
                    self.attributes.put(path, attributes);
                } else {
                    self.nothing(written(&path), Reason::Waits);
                }
            }
        }
    }

    fn value(
        &mut self,
        path: &Path,
        scalar: &Scalar,
        value_type: Option<&str>,
        goes_now: &impl Fn(&Path) -> bool,
    ) {
        let Some(known) = self.tree.attributes(path) else { return };
        let root = path.first().map_or("", Name::as_str);
        let is_writable = known.writable.as_ref().is_some_and(|writable| writable.value);
        if !is_writable && (!self.skips_writable_check || is_pseudo(path)) {
            self.nothing(written(path), Reason::NotWritable);
            return;
        }
        let known_value = known.value.as_ref().map(|value| &value.value);
        let is_action = kept::is_action(path);
        if kept::table_of(path).is_some() && !is_action {
            let column_type = known_value.map_or("xsd:string", |known| &*known.value_type);
            self.columns.put(path.clone(), (coerce(scalar, column_type), column_type.into()));
            return;
        }
        if !goes_now(path) {
            self.nothing(written(path), Reason::Waits);
            return;
        }
        if is_action || matches!(root, "Reboot" | "FactoryReset") {
            if let Scalar::Number(time) = coerce(scalar, "xsd:dateTime") {
                #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
                self.kept.insert(path.clone(), time as i64);
            }
            return;
        }
        let Some(value_type) = value_type.or_else(|| known_value.map(|known| &*known.value_type))
        else {
            self.nothing(written(path), Reason::NoType);
            return;
        };
        let set = (coerce(scalar, value_type), Box::from(value_type));
        if is_virtual(path) {
            self.virtual_parameters.put(path.clone(), set);
        } else {
            self.values.put(path.clone(), set);
        }
    }

    /// Deletes and creates rows until there are as many as declared.
    fn instances(&mut self, pattern: &Pattern, least: u32, most: u32, is_now: bool) {
        let (Some(parent), Some(last)) = (pattern.parent(), pattern.segments().last()) else {
            return;
        };
        let tables = self.tree.matches(&parent);
        if tables.is_empty() {
            self.nothing(pattern.to_string(), Reason::NoSuchPath);
        }
        for table in tables {
            let mut row = Pattern::of_names(table.iter().map(Name::as_str));
            row = row.child(last.clone());
            let rows = self.tree.matches(&row);
            let own = kept::table_of(&table).filter(|_| table.len() == 1);
            let is_local = own.is_some();
            if !is_local && (is_pseudo(&table) || rows.iter().any(|row| is_pseudo(row))) {
                self.nothing(row.to_string(), Reason::NotWritable);
                continue;
            }
            if !is_now && !is_local {
                self.nothing(row.to_string(), Reason::Waits);
                continue;
            }
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            if !is_local && self.is_crowded(&row, rows.len().saturating_sub(most)) {
                return;
            }
            for surplus in rows.iter().skip(most) {
                self.delete(surplus, is_local);
            }
            let missing = usize::try_from(least).unwrap_or(usize::MAX).saturating_sub(rows.len());
            if missing == 0 {
                if rows.len() <= most {
                    self.nothing(row.to_string(), Reason::Equal);
                }
                continue;
            }
            let keys: BTreeMap<Pattern, Box<str>> = match last {
                Segment::Name(_) => {
                    self.nothing(row.to_string(), Reason::NumberIsTheDevices);
                    continue;
                }
                Segment::Wildcard => BTreeMap::new(),
                Segment::Alias(pairs) => pairs.iter().cloned().collect(),
            };
            self.create(&row, &table, &keys, missing, own);
        }
    }

    fn delete(&mut self, row: &Path, is_local: bool) {
        if is_local {
            self.changes.local.push(Local::NoRow(row.clone()));
            return;
        }
        let known = self.tree.attributes(row);
        let writable = known.and_then(|known| known.writable.as_ref());
        if !writable.is_some_and(|writable| writable.value) {
            self.nothing(written(row), Reason::NotWritable);
        } else if !self.changes.deletions.contains(row) {
            self.changes.deletions.push(row.clone());
        }
    }

    /// Whether there are too many rows to create and delete, with so many more.
    fn is_crowded(&mut self, row: &Pattern, more: usize) -> bool {
        let Changes { deletions, creations, .. } = &self.changes;
        let count = deletions.len().saturating_add(creations.len()).saturating_add(more);
        if count > self.rows_left && self.changes.crowd.is_none() {
            self.changes.crowd = Some(Crowd { row: row.to_string(), count });
        }
        self.changes.crowd.is_some()
    }

    fn create(
        &mut self,
        row: &Pattern,
        table: &Path,
        keys: &BTreeMap<Pattern, Box<str>>,
        missing: usize,
        own: Option<&'static kept::Table>,
    ) {
        if let Some(own) = own {
            self.create_own(own, keys, missing);
            return;
        }
        let known = self.tree.attributes(table);
        if !known.and_then(|it| it.writable.as_ref()).is_some_and(|it| it.value) {
            self.nothing(written(table), Reason::NotWritable);
            return;
        }
        // A row that is to be created with all these keys, and more, counts; one with some of them
        // and no others gets the rest.
        let is_part = |part: &BTreeMap<Pattern, Box<str>>, whole: &BTreeMap<Pattern, Box<str>>| {
            part.iter().all(|(key, value)| whole.get(key) == Some(value))
        };
        let mut missing = missing;
        for queued in self.changes.creations.iter_mut().filter(|queued| queued.table == *table) {
            if missing == 0 {
                return;
            }
            if is_part(keys, &queued.keys) {
                missing = missing.saturating_sub(1);
            } else if is_part(&queued.keys, keys) {
                queued.keys.clone_from(keys);
                missing = missing.saturating_sub(1);
            }
        }
        if self.is_crowded(row, missing) {
            return;
        }
        for _ in 0..missing {
            let creation = Creation { table: table.clone(), keys: keys.clone() };
            self.changes.creations.push(creation);
        }
    }

    /// Creates rows of one of the server's tables, as long as there is place.
    fn create_own(
        &mut self,
        table: &'static kept::Table,
        keys: &BTreeMap<Pattern, Box<str>>,
        missing: usize,
    ) {
        // A row will never meet a condition on a column that it does not have.
        if let Some(key) = keys.keys().find(|key| !table.has_input(key)) {
            self.nothing(format!("{}.*.{key}", table.name), Reason::NoSuchPath);
            return;
        }
        let rows = self.tree.children(&[Name::from(table.name)]).count();
        let is_of_table = |local: &&Local| matches!(local, Local::NewRow(it, _) if *it == table);
        let queued = self.changes.local.iter().filter(is_of_table).count();
        let places = SERVER_TABLE_ROWS_MAX.saturating_sub(rows).saturating_sub(queued);
        if places < missing {
            self.nothing(table.name.to_owned(), Reason::TableFull);
        }
        for _ in 0..missing.min(places) {
            self.changes.local.push(Local::NewRow(table, keys.clone()));
        }
    }

    fn nothing(&mut self, path: String, reason: Reason) {
        self.changes.nothing.push(Nothing { path, reason });
    }

    fn end(mut self) -> Changes {
        for (path, is_set) in std::mem::take(&mut self.tags.sets) {
            if is_set == (self.tree.found(&path) > 0) {
                self.nothing(written(&path), Reason::Equal);
            } else if let Some(tag) = path.last() {
                self.changes.local.push(Local::Tag(tag.clone(), is_set));
            }
        }
        for (path, (scalar, value_type)) in std::mem::take(&mut self.columns.sets) {
            let known = self.tree.attributes(&path).and_then(|known| known.value.as_ref());
            if known.is_some_and(|known| known.value.scalar == scalar) {
                self.nothing(written(&path), Reason::Equal);
            } else {
                self.changes.local.push(Local::Column(path, scalar, value_type));
            }
        }
        for (path, (scalar, value_type)) in std::mem::take(&mut self.values.sets) {
            if self.is_equal(&path, &scalar, &value_type) {
                self.nothing(written(&path), Reason::Equal);
            } else if let Some(reason) = (self.held_back)(&path, &scalar, &value_type) {
                self.nothing(written(&path), reason);
            } else {
                self.changes.values.push((path, scalar, value_type));
            }
        }
        for (path, (scalar, value_type)) in std::mem::take(&mut self.virtual_parameters.sets) {
            if self.is_equal(&path, &scalar, &value_type) {
                self.nothing(written(&path), Reason::Equal);
            } else {
                self.changes.virtual_parameters.push((path, scalar, value_type));
            }
        }
        for (path, NewAttributes { notification, access_list }) in
            std::mem::take(&mut self.attributes.sets)
        {
            let known = self.tree.attributes(&path).cloned().unwrap_or_default();
            let notification =
                notification.filter(|it| known.notification.is_none_or(|known| known.value != *it));
            let access_list =
                access_list.filter(|it| known.access_list.is_none_or(|known| known.value != *it));
            if notification.is_none() && access_list.is_none() {
                self.nothing(written(&path), Reason::Equal);
            } else {
                let attributes = NewAttributes { notification, access_list };
                self.changes.attributes.push((path, attributes));
            }
        }
        let mut actions = Vec::new();
        for (path, time) in std::mem::take(&mut self.kept) {
            let known = self.tree.attributes(&path).and_then(|known| known.value.as_ref());
            let stored = match known.map(|known| &known.value.scalar) {
                Some(Scalar::Number(stored)) => *stored,
                _ => 0.0,
            };
            #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53")]
            let is_newer = time as f64 > stored;
            if !is_newer {
                self.nothing(written(&path), Reason::Equal);
            } else if time > self.session {
                self.nothing(written(&path), Reason::InTheFuture);
            } else {
                match path.first().map_or("", Name::as_str) {
                    "Reboot" => self.changes.reboot = true,
                    "FactoryReset" => self.changes.factory_reset = true,
                    _ => actions.push(path),
                }
            }
        }
        for table in &kept::TABLES {
            let is_of_table = |path: &&Path| kept::table_of(path) == Some(table);
            for path in actions.iter().filter(is_of_table) {
                let row = path.get(..2).unwrap_or_default();
                match kept::request(self.tree, row) {
                    Ok(request) => self.changes.actions.push(request),
                    Err(reason) => self.nothing(written(path), reason),
                }
            }
        }
        self.changes
    }

    fn is_equal(&self, path: &Path, scalar: &Scalar, value_type: &str) -> bool {
        let known = self.tree.attributes(path).and_then(|known| known.value.as_ref());
        known.is_some_and(|known| {
            known.value.scalar == *scalar && *known.value.value_type == *value_type
        })
    }
}
