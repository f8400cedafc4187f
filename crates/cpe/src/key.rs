//! Keys of parameters and tables inside a device.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// A node of a model.
pub(crate) type NodeId = u32;

/// A parameter or table of a device: its node in the model, and the instance numbers on the way to
/// it, which the model does not know where a row was added.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    node: NodeId,
    instances: Box<[u32]>,
}

impl Key {
    pub(crate) fn new(node: NodeId, instances: &[u32]) -> Self {
        Self { node, instances: instances.into() }
    }

    pub(crate) fn at(&self) -> At<'_> {
        At { node: self.node, instances: &self.instances }
    }
}

/// A [`Key`] that borrows, so that looking up costs no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At<'a> {
    pub(crate) node: NodeId,
    pub(crate) instances: &'a [u32],
}

impl At<'_> {
    pub(crate) fn to_key(self) -> Key {
        Key::new(self.node, self.instances)
    }
}

/// What both have in common: `BTreeMap` looks up by a borrowed form of its keys.
pub(crate) trait AsAt {
    fn as_at(&self) -> At<'_>;
}

impl AsAt for Key {
    fn as_at(&self) -> At<'_> {
        self.at()
    }
}

impl AsAt for At<'_> {
    fn as_at(&self) -> At<'_> {
        *self
    }
}

impl<'a> Borrow<dyn AsAt + 'a> for Key {
    fn borrow(&self) -> &(dyn AsAt + 'a) {
        self
    }
}

impl PartialEq for dyn AsAt + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.as_at() == other.as_at()
    }
}

impl Eq for dyn AsAt + '_ {}

impl PartialOrd for dyn AsAt + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn AsAt + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_at().cmp(&other.as_at())
    }
}
