//! What the engine asks of a device and what it is told, in the terms of scripts.

use super::data::{Name, Scalar, written};
use super::declaration::NewAttributes;

/// An RPC to send.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Names at or below a path.
    GetParameterNames {
        /// A partial path, or the empty text.
        path: String,
        /// Whether only what lies directly below is asked for.
        is_next_level: bool,
    },
    /// Values.
    GetParameterValues {
        /// Full paths.
        names: Vec<String>,
        /// For a new row: which values its keys shall have.
        instance_values: Vec<(String, String)>,
    },
    /// Notification attributes and access lists.
    GetParameterAttributes {
        /// Full paths.
        names: Vec<String>,
    },
    /// Values to set, with their types.
    SetParameterValues {
        /// Path, value and type.
        values: Vec<(String, Scalar, Box<str>)>,
    },
    /// Attributes to set.
    SetParameterAttributes {
        /// Path and attributes.
        attributes: Vec<(String, NewAttributes)>,
    },
    /// A row to create.
    AddObject {
        /// The table, with a dot at its end.
        object_name: String,
        /// Which values its keys shall have, by path relative to the row.
        instance_values: Vec<(String, String)>,
    },
    /// A row to delete.
    DeleteObject {
        /// The row, with a dot at its end.
        object_name: String,
    },
    /// A file to load.
    Download {
        /// The row of `Downloads`.
        instance: String,
        /// The file type, such as `1 Firmware Upgrade Image`.
        file_type: String,
        /// The name of the file on the server.
        file_name: String,
        /// The name of the file on the device.
        target_file_name: String,
    },
    /// A file to send to the server.
    Upload {
        /// The row of `Uploads`.
        instance: String,
        /// The file type, such as `1 Vendor Configuration File`.
        file_type: String,
        /// The name that the file shall have on the server.
        file_name: String,
    },
    /// A file to load within time windows.
    ScheduleDownload {
        /// The row of `ScheduledDownloads`.
        instance: String,
        /// The file type.
        file_type: String,
        /// The name of the file on the server.
        file_name: String,
        /// The name of the file on the device.
        target_file_name: String,
        /// One window or two (`SDL-01`).
        windows: Vec<TimeWindow>,
    },
    /// Software to install, update or remove.
    ChangeDUState {
        /// The row of `SoftwareOperations`.
        instance: String,
        /// What is to be done.
        operation: SoftwareOperation,
    },
    /// A session to begin later.
    ScheduleInform {
        /// The row of `ScheduledInforms`.
        instance: String,
        /// After how many seconds; at least 1 (`SI-01`).
        delay_seconds: u32,
    },
    /// Restart.
    Reboot,
    /// Return to the state of the factory.
    FactoryReset,
}

/// When a device may load a file (`SDL-01`); the times count from the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeWindow {
    /// Its start in seconds.
    pub start_seconds: u32,
    /// Its end in seconds.
    pub end_seconds: u32,
    /// How it is used, such as `3 When Idle` (`SDL-03`).
    pub mode: String,
    /// What to ask the user in mode 4.
    pub user_message: String,
    /// Attempts after the first, -1 where the device decides (`SDL-04`).
    pub max_retries: i32,
}

/// A change of a deployment unit (`DU-02`). Texts that are empty are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoftwareOperation {
    /// A new unit.
    Install {
        /// Where it comes from; empty if it is `file_name` of the server.
        url: String,
        /// The name of the file on the server, where there is no URL.
        file_name: String,
        /// Its UUID.
        uuid: String,
        /// Where it shall run.
        execution_env_ref: String,
    },
    /// Another version of a unit, or of all (`DU-03`).
    Update {
        /// Where it comes from; empty if it is `file_name` of the server, or where it came from.
        url: String,
        /// The name of the file on the server, where there is no URL.
        file_name: String,
        /// Its UUID.
        uuid: String,
        /// Which version of it is to be replaced.
        version: String,
    },
    /// A unit to remove.
    Uninstall {
        /// Its UUID.
        uuid: String,
        /// Which version of it.
        version: String,
        /// Where it runs.
        execution_env_ref: String,
    },
}

impl SoftwareOperation {
    /// Its name in the row that asks for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Install { .. } => "Install",
            Self::Update { .. } => "Update",
            Self::Uninstall { .. } => "Uninstall",
        }
    }
}

/// What a device answers to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// Names, and whether they can be set; objects end in a dot.
    ParameterNames(Vec<(String, bool)>),
    /// Values with their types.
    ParameterValues(Vec<(String, Scalar, Box<str>)>),
    /// Notification attributes and access lists.
    ParameterAttributes(Vec<(String, i32, Vec<Box<str>>)>),
    /// What was asked is done.
    Done,
    /// The number of the new row.
    Added(u32),
    /// A download has begun, or is done.
    Downloading {
        /// Whether it is done.
        is_done: bool,
    },
    /// An upload has begun, or is done.
    Uploading {
        /// Whether it is done.
        is_done: bool,
    },
}

/// A path as RPCs write an object: with a dot at its end, except the root.
pub(super) fn partial_path(path: &[Name]) -> String {
    let text = written(path);
    if text.is_empty() { text } else { text + "." }
}
