//! What a session wants to have saved.

use std::collections::BTreeMap;

use crate::key::DeviceKey;
use crate::record::{DeviceFields, Parameter};
use crate::task::{Task, TaskId};

/// Changes of one device, to be saved all or none.
///
/// It holds what changed and nothing else: an Inform that repeats what is known changes only the
/// fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The device.
    pub device: DeviceKey,
    /// The new fields; the device is created when it is not known. Without fields, a device that
    /// has been deleted in the meantime stays deleted.
    pub fields: Option<DeviceFields>,
    /// Changed parameters by path; `None` for those that are no more.
    pub parameters: BTreeMap<String, Option<Parameter>>,
    /// Changed tasks by id; `None` for those that have expired. A task that has been deleted in
    /// the meantime stays deleted.
    pub tasks: BTreeMap<TaskId, Option<Task>>,
}

impl Batch {
    /// No changes.
    pub const fn new(device: DeviceKey) -> Self {
        Self { device, fields: None, parameters: BTreeMap::new(), tasks: BTreeMap::new() }
    }

    /// Whether there is nothing to save.
    pub fn is_empty(&self) -> bool {
        self.fields.is_none() && self.parameters.is_empty() && self.tasks.is_empty()
    }
}
