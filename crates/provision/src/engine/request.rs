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
    /// Restart.
    Reboot,
    /// Return to the state of the factory.
    FactoryReset,
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
}

/// A path as RPCs write an object: with a dot at its end, except the root.
pub(super) fn partial_path(path: &[Name]) -> String {
    let text = written(path);
    if text.is_empty() { text } else { text + "." }
}
