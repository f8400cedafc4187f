//! What a session wants to have saved.

use std::collections::{BTreeMap, BTreeSet};

use crate::channel::ChannelFault;
use crate::engine::Guilt;
use crate::key::DeviceKey;
use crate::operation::Operation;
use crate::record::{DeviceFields, Parameter};
use crate::task::{Task, TaskId};
use crate::trace::Trace;

/// What devices of a product refuse to set with a certain firmware.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FirmwareGuilt {
    /// Their `DeviceInfo.SoftwareVersion`.
    pub firmware: String,
    /// What they refuse.
    pub guilt: Guilt,
}

/// Changes of one device, to be saved all or none.
///
/// It holds what changed and nothing else: an Inform that repeats what is known changes only the
/// fields.
#[derive(Debug, Clone, PartialEq)]
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
    /// Tags that a script gave (true) or took.
    pub tags: BTreeMap<String, bool>,
    /// Changed faults by channel; `None` for channels that are free again.
    pub faults: BTreeMap<String, Option<ChannelFault>>,
    /// Changed operations by CommandKey; `None` for those that have ended.
    pub operations: BTreeMap<String, Option<Operation>>,
    /// What the device was found to refuse, to be remembered for its product and firmware.
    pub guilt: BTreeSet<FirmwareGuilt>,
    /// The session, once it is over.
    pub trace: Option<Trace>,
}

impl Batch {
    /// No changes.
    pub const fn new(device: DeviceKey) -> Self {
        Self {
            device,
            fields: None,
            parameters: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tags: BTreeMap::new(),
            faults: BTreeMap::new(),
            operations: BTreeMap::new(),
            guilt: BTreeSet::new(),
            trace: None,
        }
    }

    /// Whether there is nothing to save.
    pub fn is_empty(&self) -> bool {
        self.fields.is_none()
            && self.parameters.is_empty()
            && self.tasks.is_empty()
            && self.tags.is_empty()
            && self.faults.is_empty()
            && self.operations.is_empty()
            && self.guilt.is_empty()
            && self.trace.is_none()
    }
}
