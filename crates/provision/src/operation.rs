//! Operations: what a device has begun and will report as done in a later session.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::engine::Provision;

/// A transfer that a device has begun, until its TransferComplete comes (compat 2.6).
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The CommandKey that its TransferComplete will have (`TC-01`).
    pub command_key: String,
    /// What was asked: `Download` or `Upload`.
    pub rpc: String,
    /// When.
    pub time: Timestamp,
    /// The row of `Downloads` or `Uploads` that asked.
    pub instance: String,
    /// The file type that was sent.
    pub file_type: String,
    /// The name of the file on the server.
    pub file_name: String,
    /// The name of the file on the device.
    pub target_file_name: String,
    /// The time that `Download` or `Upload` of the row had before, in milliseconds of the Unix
    /// clock: a transfer that failed returns to it.
    pub earlier: Option<i64>,
    /// The channels to which a fault of it belongs.
    pub channels: BTreeSet<String>,
    /// What is to be run again then.
    pub provisions: Vec<Provision>,
}
