//! What is known of a device while scripts run: a tree of which each revision can be kept.
//!
//! Scripts are run again from the top after each commit and must then see what they saw before
//! (compat 2.1), so revisions of the tree are kept. Nodes are shared between them: a change copies
//! the nodes on its way and nothing else.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::declaration::Get;
use super::pattern::{Pattern, Segment};
use super::sync::is_pseudo;
use crate::compat::value;
use crate::expression::number;
use crate::secret::Fingerprint;

/// When something was learnt, in milliseconds of the Unix clock, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed<T> {
    /// When.
    pub time: i64,
    /// What.
    pub value: T,
}

/// A value with its type, such as `xsd:unsignedInt`, both as scripts see them.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedValue {
    /// The value.
    pub scalar: Scalar,
    /// The type.
    pub value_type: Box<str>,
}

/// A value as a script sees it (compat 2.2).
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `xsd:boolean`
    Bool(bool),
    /// `xsd:int`, `xsd:unsignedInt`; `xsd:dateTime` as milliseconds.
    Number(f64),
    /// Everything else.
    Text(Box<str>),
}

/// What is known of one path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes {
    /// Whether it is an object.
    pub object: Option<Timed<bool>>,
    /// Whether it can be set, or rows added or deleted.
    pub writable: Option<Timed<bool>>,
    /// Its value.
    pub value: Option<Timed<TypedValue>>,
    /// Its notification attribute.
    pub notification: Option<Timed<i32>>,
    /// Its access list.
    pub access_list: Option<Timed<Vec<Box<str>>>>,
    /// What is kept of the last value that the device has accepted; it stands for the value where
    /// the device tells an empty one.
    pub secret: Option<Fingerprint>,
}

/// A component of a path: numbers come by value (compat 2.2, order of matches).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Box<str>);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |name: &Self| name.0.parse::<u64>().ok();
        match (number(self), number(other)) {
            (Some(a), Some(b)) => a.cmp(&b).then_with(|| self.0.cmp(&other.0)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.0.cmp(&other.0),
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A path without wildcards.
pub type Path = Vec<Name>;

/// A path as it is written, without a dot at its end.
pub fn written(path: &[Name]) -> String {
    let names: Vec<&str> = path.iter().map(Name::as_str).collect();
    names.join(".")
}

/// The path that a text means; components are not checked.
pub fn path_of(text: &str) -> Path {
    let inner = text.strip_suffix('.').unwrap_or(text);
    if inner.is_empty() { Path::new() } else { inner.split('.').map(Name::from).collect() }
}

/// A path of the device with what lies below it.
#[derive(Debug, Clone, Default)]
struct Node {
    /// When it was found; 0 for what only holds others.
    found: i64,
    attributes: Attributes,
    /// When all that lies directly below it was listed; 0 for never.
    listed: i64,
    /// When a row of this name was deleted here.
    deleted: BTreeMap<Name, i64>,
    children: BTreeMap<Name, Arc<Self>>,
}

/// The tree at one moment. A clone costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    root: Arc<Node>,
}

/// What GetParameterNames tells of one path.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The path.
    pub path: Path,
    /// Whether it is an object.
    pub is_object: bool,
    /// Whether it can be set, or rows added or deleted.
    pub is_writable: bool,
}

impl Tree {
    /// Puts what is known of a path in its place, and says that what holds it is there.
    pub fn put(
        &mut self,
        path: impl IntoIterator<Item = Name>,
        found: i64,
        listed: i64,
        attributes: Attributes,
    ) {
        let mut node = Arc::make_mut(&mut self.root);
        let mut is_root = true;
        for name in path {
            if !is_root && node.attributes.object.is_none() {
                node.attributes.object = Some(Timed { time: found, value: true });
            }
            is_root = false;
            node = Arc::make_mut(node.children.entry(name).or_default());
            node.found = node.found.max(found);
        }
        node.listed = node.listed.max(listed);
        node.attributes = attributes;
    }

    /// Calls `visit` with each path of which something is not as it was in an earlier revision:
    /// what is known of it, or whether it is there.
    pub fn changed_since(&self, earlier: &Self, visit: &mut dyn FnMut(&[Name])) {
        compare(&mut Vec::new(), Some(&self.root), Some(&earlier.root), visit);
    }

    /// What is known of a path, if it is there.
    pub fn attributes(&self, path: &[Name]) -> Option<&Attributes> {
        let node = self.node(path)?;
        (node.found > 0).then_some(&node.attributes)
    }

    /// When a path was found; 0 when it is not there.
    pub fn found(&self, path: &[Name]) -> i64 {
        self.node(path).map_or(0, |node| node.found)
    }

    /// When all that lies directly below a path was listed; 0 for never.
    pub fn listed(&self, path: &[Name]) -> i64 {
        self.node(path).map_or(0, |node| node.listed)
    }

    /// Whether a path is known to hold others. Of what nobody has said, it may be.
    pub fn may_be_object(&self, path: &[Name]) -> bool {
        let object = self.attributes(path).and_then(|attributes| attributes.object.as_ref());
        object.is_none_or(|object| object.value)
    }

    /// Names of what is known directly below a path.
    pub fn children(&self, path: &[Name]) -> impl Iterator<Item = &Name> {
        let children = self.node(path).map(|node| &node.children);
        let found = children.into_iter().flatten().filter(|(_, child)| child.found > 0);
        found.map(|(name, _)| name)
    }

    /// How many parameters lie below an object, if all its names are known and there are no more
    /// than `most`.
    pub(super) fn parameters_below(&self, path: &[Name], most: usize) -> Option<usize> {
        let mut nodes = vec![self.node(path)?];
        let mut count = 0usize;
        while let Some(node) = nodes.pop() {
            if node.listed == 0 {
                return None;
            }
            for child in node.children.values().filter(|child| child.found > 0) {
                if child.attributes.object.as_ref().is_some_and(|object| !object.value) {
                    count = count.saturating_add(1);
                } else {
                    nodes.push(child);
                }
            }
            if count > most {
                return None;
            }
        }
        Some(count)
    }

    /// Says that a path is there, and so what holds it. What was known of it stays.
    pub fn find(&mut self, path: &[Name], time: i64) {
        for length in 1..=path.len() {
            let node = self.node_mut(path.get(..length).unwrap_or_default());
            node.found = node.found.max(time);
            if length < path.len() && node.attributes.object.is_none() {
                node.attributes.object = Some(Timed { time, value: true });
            }
        }
    }

    /// Changes what is known of a path, which is there.
    pub fn change(&mut self, path: &[Name], time: i64, change: impl FnOnce(&mut Attributes)) {
        self.find(path, time);
        change(&mut self.node_mut(path).attributes);
    }

    /// Says that a path and all below it is not there.
    pub fn remove(&mut self, path: &[Name]) {
        let Some((last, parents)) = path.split_last() else { return };
        if self.node(path).is_some() {
            self.node_mut(parents).children.remove(last);
        }
    }

    /// Takes that a row was deleted: others may be there or not.
    pub fn delete(&mut self, path: &[Name], time: i64) {
        let Some((last, parents)) = path.split_last() else { return };
        self.remove(path);
        let parent = self.node_mut(parents);
        parent.listed = 0;
        parent.deleted.insert(last.clone(), time);
    }

    /// When it became known whether there is a path: it was found, it was deleted, or all that
    /// lies beside it was listed. 0 when nobody has looked.
    pub fn looked_at(&self, path: &[Name]) -> i64 {
        let Some((last, parents)) = path.split_last() else { return 0 };
        let Some(parent) = self.node(parents) else { return 0 };
        let found = parent.children.get(last).map_or(0, |node| node.found);
        let deleted = parent.deleted.get(last).copied().unwrap_or_default();
        found.max(parent.listed).max(deleted)
    }

    /// Says that all that lies directly below a path is known.
    pub fn mark_listed(&mut self, path: &[Name], time: i64) {
        let node = self.node_mut(path);
        node.listed = node.listed.max(time);
    }

    /// Says that what lies directly below a path must be listed again.
    pub fn unlist(&mut self, path: &[Name]) {
        if self.listed(path) > 0 {
            self.node_mut(path).listed = 0;
        }
    }

    /// Takes what GetParameterNames of `parent` tells: everything directly below it, or with
    /// `is_whole` everything below it. What it does not tell is not there.
    pub fn list(&mut self, parent: &[Name], entries: &[Listed], is_whole: bool, time: i64) {
        let mut kept = std::mem::take(&mut self.node_mut(parent).children);
        if parent.is_empty() {
            // A device does not tell of what the server keeps.
            let (server, device) =
                kept.into_iter().partition(|(name, _)| is_pseudo(std::slice::from_ref(name)));
            self.node_mut(parent).children = server;
            kept = device;
        }
        for entry in entries.iter().filter(|entry| entry.path.len() > parent.len()) {
            let Some(first) = entry.path.get(parent.len()) else { continue };
            // What was known below stays, as far as this list does not tell of it.
            if let Some(known) = kept.remove(first) {
                self.node_mut(parent).children.insert(first.clone(), known);
            }
        }
        let node = self.node_mut(parent);
        node.listed = node.listed.max(time);
        node.deleted.clear();
        if is_whole {
            self.forget_unlisted(parent, entries);
        }
        for Listed { path, is_object, is_writable } in entries {
            self.find(path, time);
            let node = self.node_mut(path);
            node.attributes.object = Some(Timed { time, value: *is_object });
            node.attributes.writable = Some(Timed { time, value: *is_writable });
            if is_whole && *is_object {
                node.listed = node.listed.max(time);
            }
        }
    }

    /// Below `parent`, removes what is in no entry.
    fn forget_unlisted(&mut self, parent: &[Name], entries: &[Listed]) {
        let told: std::collections::BTreeSet<&[Name]> =
            entries.iter().map(|entry| entry.path.as_slice()).collect();
        let mut gone = Vec::new();
        self.walk(parent, &mut |path| {
            if is_pseudo(path) {
                return;
            }
            let is_told = told.range(path..).next().is_some_and(|next| next.starts_with(path));
            if !is_told {
                gone.push(path.to_vec());
            }
        });
        for path in gone {
            self.remove(&path);
        }
    }

    /// Forgets what was learnt before these times at and below what matches: all of it before
    /// [`Get::path`], an attribute also before its own time (compat 2.3).
    pub fn clear(&mut self, pattern: &Pattern, before: Get) {
        for path in self.matches(pattern) {
            self.clear_node(&path, before);
        }
        // That there is nothing else of this form was learnt, too.
        if let Some(parent) = pattern.parent() {
            for path in self.matches(&parent) {
                if self.listed(&path) < before.path {
                    self.unlist(&path);
                }
            }
        }
    }

    fn clear_node(&mut self, path: &[Name], before: Get) {
        let mut paths = vec![path.to_vec()];
        self.walk(path, &mut |below| paths.push(below.to_vec()));
        // The deepest first, so that what is left below keeps its place.
        for path in paths.into_iter().rev() {
            let node = self.node_mut(&path);
            if node.listed < before.path {
                node.listed = 0;
            }
            node.deleted.retain(|_, deleted| *deleted >= before.path);
            let attributes = &mut node.attributes;
            forget(&mut attributes.object, before.object.max(before.path));
            forget(&mut attributes.writable, before.writable.max(before.path));
            forget(&mut attributes.value, before.value.max(before.path));
            if attributes.value.is_none() {
                attributes.secret = None;
            }
            forget(&mut attributes.notification, before.notification.max(before.path));
            forget(&mut attributes.access_list, before.access_list.max(before.path));
            if node.found < before.path {
                node.found = 0;
                if node.children.is_empty() {
                    self.remove(&path);
                }
            }
        }
    }

    /// Forgets what secrets were set to.
    pub fn forget_secrets(&mut self) {
        let mut paths = Vec::new();
        self.walk(&[], &mut |path| {
            paths.extend(self.attributes(path).and_then(|it| it.secret).map(|_| path.to_vec()));
        });
        for path in paths {
            self.node_mut(&path).attributes.secret = None;
        }
    }

    /// The paths that match, in their order. Aliases are compared with the values that are known.
    pub fn matches(&self, pattern: &Pattern) -> Vec<Path> {
        let mut paths = vec![Path::new()];
        for segment in pattern.segments() {
            let mut next = Vec::new();
            for path in paths {
                self.extend(path, segment, &mut next);
            }
            paths = next;
        }
        if pattern.is_empty() {
            return paths;
        }
        paths.retain(|path| self.found(path) > 0);
        paths
    }

    fn extend(&self, path: Path, segment: &Segment, next: &mut Vec<Path>) {
        let child = |name: &Name| {
            let mut child = path.clone();
            child.push(name.clone());
            child
        };
        let Some(node) = self.node(&path) else { return };
        match segment {
            Segment::Name(name) => {
                let name = Name::from(&**name);
                if node.children.contains_key(&name) {
                    next.push(child(&name));
                }
            }
            Segment::Wildcard => next.extend(self.children(&path).map(child)),
            Segment::Alias(pairs) => {
                let instances = self.children(&path).map(child);
                next.extend(instances.filter(|instance| self.meets(instance, pairs)));
            }
        }
    }

    /// Whether an instance has these values.
    pub fn meets(&self, instance: &Path, pairs: &[(Pattern, Box<str>)]) -> bool {
        pairs.iter().all(|(relative, wanted)| {
            let Some(names) = relative.names() else { return false };
            let mut path = instance.clone();
            path.extend(names.into_iter().map(Name::from));
            let value = self.attributes(&path).and_then(|attributes| attributes.value.as_ref());
            value.is_some_and(|known| {
                let wanted = Scalar::Text(wanted.clone());
                coerce(&wanted, &known.value.value_type) == known.value.scalar
            })
        })
    }

    /// Calls `visit` with everything below a path, what holds others before these.
    fn walk(&self, path: &[Name], visit: &mut dyn FnMut(&[Name])) {
        let Some(node) = self.node(path) else { return };
        let mut below = path.to_vec();
        for name in node.children.keys() {
            below.push(name.clone());
            visit(&below);
            self.walk(&below, visit);
            below.pop();
        }
    }

    fn node(&self, path: &[Name]) -> Option<&Node> {
        path.iter().try_fold(&*self.root, |node, name| node.children.get(name).map(|it| &**it))
    }

    fn node_mut(&mut self, path: &[Name]) -> &mut Node {
        let root = Arc::make_mut(&mut self.root);
        path.iter()
            .fold(root, |node, name| Arc::make_mut(node.children.entry(name.clone()).or_default()))
    }
}

/// Walks two revisions side by side; what they share is not looked at.
fn compare(
    path: &mut Path,
    now: Option<&Arc<Node>>,
    earlier: Option<&Arc<Node>>,
    visit: &mut dyn FnMut(&[Name]),
) {
    if let (Some(now), Some(earlier)) = (now, earlier)
        && Arc::ptr_eq(now, earlier)
    {
        return;
    }
    let own = |node: &Arc<Node>| (node.found, node.listed, node.attributes.clone());
    if now.map(own) != earlier.map(own) {
        visit(path);
    }
    let (now, earlier) = (now.map(|node| &node.children), earlier.map(|node| &node.children));
    for (name, child) in now.into_iter().flatten() {
        path.push(name.clone());
        compare(path, Some(child), earlier.and_then(|earlier| earlier.get(name)), visit);
        path.pop();
    }
    let is_new = |name: &Name| now.is_none_or(|now| !now.contains_key(name));
    for (name, child) in earlier.into_iter().flatten().filter(|(name, _)| is_new(name)) {
        path.push(name.clone());
        compare(path, None, Some(child), visit);
        path.pop();
    }
}

/// Forgets what was learnt before a time.
fn forget<T>(known: &mut Option<Timed<T>>, before: i64) {
    if known.as_ref().is_some_and(|known| known.time < before) {
        *known = None;
    }
}

/// A value in the form that its type has (compat 2.2). What has no such form stays a text, for the
/// device to refuse.
pub fn coerce(scalar: &Scalar, value_type: &str) -> Scalar {
    let text = match scalar {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Number(number) if value_type == "xsd:dateTime" && number.is_finite() => {
            return Scalar::Number(*number);
        }
        Scalar::Number(number) => number::to_text(*number),
        Scalar::Text(text) => text.to_string(),
    };
    let form = match value_type {
        "xsd:boolean" => value::boolean(&text).map(Scalar::Bool),
        "xsd:int" | "xsd:unsignedInt" => value::integer(&text).map(Scalar::Number),
        "xsd:dateTime" => value::milliseconds(&text).map(Scalar::Number),
        _ => None,
    };
    form.unwrap_or_else(|| Scalar::Text(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &str, is_object: bool) -> Listed {
        Listed { path: path_of(path), is_object, is_writable: true }
    }

    fn text(value: &str) -> TypedValue {
        TypedValue { scalar: Scalar::Text(value.into()), value_type: "xsd:string".into() }
    }

    fn wifi() -> Tree {
        let mut tree = Tree::default();
        let paths = [
            ("Device", true),
            ("Device.WiFi", true),
            ("Device.WiFi.SSID", true),
            ("Device.WiFi.SSID.10", true),
            ("Device.WiFi.SSID.10.SSID", false),
            ("Device.WiFi.SSID.9", true),
            ("Device.WiFi.SSID.9.SSID", false),
        ];
        let entries: Vec<Listed> =
            paths.iter().map(|(path, object)| listed(path, *object)).collect();
        tree.list(&[], &entries, true, 5);
        for (path, value) in [("Device.WiFi.SSID.9.SSID", "a"), ("Device.WiFi.SSID.10.SSID", "b")] {
            tree.change(&path_of(path), 5, |attributes| {
                attributes.value = Some(Timed { time: 5, value: text(value) });
            });
        }
        tree
    }

    fn matches(tree: &Tree, pattern: &str) -> Vec<String> {
        let pattern = Pattern::parse(pattern).unwrap();
        tree.matches(&pattern).iter().map(|path| written(path)).collect()
    }

    #[test]
    fn matches_come_in_the_order_of_numbers() {
        let tree = wifi();
        let rows = ["Device.WiFi.SSID.9", "Device.WiFi.SSID.10"];
        assert_eq!(matches(&tree, "Device.WiFi.SSID.*"), rows);
        assert_eq!(matches(&tree, "Device.WiFi.SSID.[SSID:b]"), ["Device.WiFi.SSID.10"]);
        assert_eq!(matches(&tree, "Device.*.SSID.9.SSID"), ["Device.WiFi.SSID.9.SSID"]);
        assert!(matches(&tree, "Device.Nope").is_empty());
        assert_eq!(matches(&tree, ""), [""]);
    }

    #[test]
    fn what_a_list_does_not_tell_is_gone() {
        let mut tree = wifi();
        tree.list(&path_of("Device.WiFi.SSID"), &[listed("Device.WiFi.SSID.10", true)], false, 9);
        assert_eq!(matches(&tree, "Device.WiFi.SSID.*"), ["Device.WiFi.SSID.10"]);
        let ssid = path_of("Device.WiFi.SSID.10.SSID");
        assert!(tree.attributes(&ssid).unwrap().value.is_some(), "what was known stays");
        assert_eq!((tree.listed(&path_of("Device.WiFi.SSID")), tree.found(&ssid)), (9, 5));
        tree.list(&path_of("Device"), &[listed("Device.WiFi", true)], true, 10);
        assert!(matches(&tree, "Device.WiFi.*").is_empty());
    }

    #[test]
    fn a_revision_does_not_change_any_more() {
        let mut tree = wifi();
        let before = tree.clone();
        tree.remove(&path_of("Device.WiFi.SSID.9"));
        assert_eq!(matches(&before, "Device.WiFi.SSID.*").len(), 2);
        assert_eq!(matches(&tree, "Device.WiFi.SSID.*").len(), 1);
    }

    #[test]
    fn revisions_are_compared() {
        let earlier = wifi();
        let mut tree = earlier.clone();
        let changed = |tree: &Tree| {
            let mut changed = Vec::new();
            tree.changed_since(&earlier, &mut |path| changed.push(written(path)));
            changed
        };
        assert!(changed(&tree).is_empty());
        tree.remove(&path_of("Device.WiFi.SSID.9"));
        assert_eq!(changed(&tree), ["Device.WiFi.SSID.9", "Device.WiFi.SSID.9.SSID"]);
        let attributes = Attributes {
            object: Some(Timed { time: 5, value: false }),
            value: Some(Timed { time: 5, value: text("c") }),
            ..Attributes::default()
        };
        tree.put(path_of("Device.WiFi.SSID.11.SSID"), 5, 0, attributes);
        let new = ["Device.WiFi.SSID.11", "Device.WiFi.SSID.11.SSID"];
        assert_eq!(changed(&tree)[..2], new);
        assert!(tree.may_be_object(&path_of("Device.WiFi.SSID.11")));
    }

    #[test]
    fn compat_2_3_what_is_old_is_forgotten() {
        let mut tree = wifi();
        tree.change(&path_of("Device.WiFi.SSID.9.SSID"), 8, |attributes| {
            attributes.value = Some(Timed { time: 8, value: text("new") });
        });
        let before = Get { path: 7, ..Get::default() };
        tree.clear(&Pattern::parse("Device.WiFi").unwrap(), before);
        assert_eq!(matches(&tree, "Device.WiFi.SSID.*.SSID"), ["Device.WiFi.SSID.9.SSID"]);
        assert_eq!(tree.listed(&path_of("Device")), 0, "there may be another WiFi");
        assert_eq!(tree.found(&path_of("Device")), 8, "what holds a thing is there with it");
    }

    #[test]
    fn compat_2_2_values_take_the_form_of_their_type() {
        let of = |text: &str| Scalar::Text(text.into());
        for (scalar, value_type, expected) in [
            (of("TRUE"), "xsd:boolean", Scalar::Bool(true)),
            (of("0"), "xsd:boolean", Scalar::Bool(false)),
            (Scalar::Number(1.0), "xsd:boolean", Scalar::Bool(true)),
            (of("perhaps"), "xsd:boolean", of("perhaps")),
            (of("many"), "xsd:unsignedInt", of("many")),
            (Scalar::Number(5.7), "xsd:int", Scalar::Number(5.0)),
            (of(" 12abc"), "xsd:unsignedInt", Scalar::Number(12.0)),
            (of("-7"), "xsd:int", Scalar::Number(-7.0)),
            (Scalar::Number(300.0), "xsd:string", of("300")),
            (Scalar::Bool(true), "xsd:string", of("true")),
            (of("1970-01-01T00:00:01Z"), "xsd:dateTime", Scalar::Number(1000.0)),
            (of("soon"), "xsd:dateTime", of("soon")),
            (Scalar::Number(f64::NAN), "xsd:dateTime", of("NaN")),
        ] {
            assert_eq!(coerce(&scalar, value_type), expected, "{scalar:?} {value_type}");
        }
    }
}
