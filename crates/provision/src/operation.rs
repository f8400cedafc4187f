//! Operations: what a device has begun and will report as done in a later session.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::engine::Provision;

/// A transfer or a change of software that a device has begun, until its TransferComplete or
/// DUStateChangeComplete comes (compat 2.6).
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The CommandKey that its TransferComplete will have (`TC-01`, `DU-06`).
    pub command_key: String,
    /// What was asked: `Download`, `Upload`, `ScheduleDownload` or `ChangeDUState`.
    pub rpc: String,
    /// When; for ScheduleDownload the end of its last time window, from which it can be late.
    pub time: Timestamp,
    /// The row that asked, of `Downloads`, `Uploads`, `ScheduledDownloads` or
    /// `SoftwareOperations`.
    pub instance: String,
    /// The file type that was sent; for ChangeDUState `Install`, `Update` or `Uninstall`.
    pub file_type: String,
    /// The name of the file on the server; for ChangeDUState that or the URL or the UUID.
    pub file_name: String,
    /// The name of the file on the device; for ChangeDUState the UUID.
    pub target_file_name: String,
    /// The time that the action of the row (such as `Download`) had before, in milliseconds of the
    /// Unix clock: what failed returns to it.
    pub earlier: Option<i64>,
    /// The channels to which a fault of it belongs.
    pub channels: BTreeSet<String>,
    /// What is to be run again then.
    pub provisions: Vec<Provision>,
}
