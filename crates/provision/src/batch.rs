//! What a session wants to have saved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::authentication::DeviceCredentials;
use crate::channel::ChannelFault;
use crate::engine::{DiscoveryLimits, Guilt};
use crate::key::DeviceKey;
use crate::limits::KNOWLEDGE_DAYS;
use crate::operation::Operation;
use crate::record::{DeviceFields, Parameter};
use crate::task::{Task, TaskId};
use crate::trace::Trace;

/// What devices of one product have shown with one firmware.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Knowledge {
    /// When the first of it was learnt. It is forgotten [`KNOWLEDGE_DAYS`] later: what was refused
    /// may have been so for a reason that has passed.
    ///
    /// [`KNOWLEDGE_DAYS`]: crate::limits::KNOWLEDGE_DAYS
    pub since: Timestamp,
    /// What they refuse to set.
    pub guilt: BTreeSet<Guilt>,
    /// What they refuse to tell at once.
    pub discovery: DiscoveryLimits,
}

/// A parameter that devices of a product refuse to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its path, with `*` for instance numbers.
    pub path: String,
    /// The fault code.
    pub code: u16,
    /// How many values; `None` if all are.
    pub values: Option<u32>,
}

impl Knowledge {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.guilt.is_empty() && self.discovery == DiscoveryLimits::default()
    }

    /// What they refuse to set, by path and code. Of the values there are only fingerprints, and
    /// even those are not told: one may be that of a password (`SEC-01`).
    pub fn refused(&self) -> Vec<Refused> {
        let mut refused: BTreeMap<(&str, u16), Option<u32>> = BTreeMap::new();
        for Guilt { path, value, code } in &self.guilt {
            let values = refused.entry((path, *code)).or_insert(Some(0));
            *values = values.filter(|_| value.is_some()).map(|count| count.saturating_add(1));
        }
        let refused = refused.into_iter();
        refused
            .map(|((path, code), values)| Refused { path: path.to_owned(), code, values })
            .collect()
    }

    /// When it is forgotten.
    pub fn until(&self) -> Option<Timestamp> {
        self.since.checked_add(SignedDuration::from_hours(24 * KNOWLEDGE_DAYS)).ok()
    }

    pub(crate) fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) > SignedDuration::from_hours(24 * KNOWLEDGE_DAYS)
    }
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
    /// What is known now of the devices of its product, by firmware
    /// ([`DeviceKey::product`](crate::DeviceKey::product)).
    pub knowledge: BTreeMap<String, Knowledge>,
    /// The device's own credentials, when they have changed. They are kept apart from the device,
    /// so that they outlive it.
    pub credentials: Option<DeviceCredentials>,
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
            knowledge: BTreeMap::new(),
            credentials: None,
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
            && self.knowledge.is_empty()
            && self.credentials.is_none()
            && self.trace.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_told_by_path_and_code() {
        let guilt = |path: &str, value, code| Guilt { path: path.to_owned(), value, code };
        let guilt = BTreeSet::from([
            guilt("Device.A", Some(1), 9007),
            guilt("Device.A", Some(2), 9007),
            guilt("Device.A", Some(3), 9003),
            guilt("Device.B", None, 9008),
            guilt("Device.B", Some(4), 9008),
        ]);
        let refused = |path: &str, code, values| Refused { path: path.to_owned(), code, values };
        let expected = [
            refused("Device.A", 9003, Some(1)),
            refused("Device.A", 9007, Some(2)),
            refused("Device.B", 9008, None),
        ];
        assert_eq!(Knowledge { guilt, ..Knowledge::default() }.refused(), expected);
    }
}
