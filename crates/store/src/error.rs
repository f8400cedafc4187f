//! What can go wrong in the store.

use std::path::PathBuf;
use std::time::Duration;

use drover_provision::rules::ResourceKind;
use drover_provision::{DeviceKey, TaskId};

/// An error of the store, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder or a file in it cannot be used.
    #[error("cannot use {path}: {reason}; make it a folder that this user may write to")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Another process uses the folder.
    #[error("{path} is in use by another Drover: stop that one, or choose another data folder")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The file of the database is not where it was opened any more, so nothing that is written to
    /// it would be found again.
    #[error(
        "the database {path} was moved, deleted or replaced while it is in use: put it back, or \
         restart the server to go on with what is there; nothing is saved meanwhile"
    )]
    Gone {
        /// Where the file was.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error(
        "the database {path} is damaged ({detail}): restore it from a backup, or move it away to \
         begin anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found first.
        detail: String,
    },
    /// The file is not a database of Drover.
    #[error(
        "{path} is not a database of Drover, or has lost its beginning: choose another data \
         folder, or restore a backup"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database has migrations that this program does not know.
    #[error(
        "the database {path} was written by a newer Drover (migration {found}, this one knows \
         {known}): use that version, or restore an older backup"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its newest migration.
        found: u32,
        /// The newest migration of this program.
        known: u32,
    },
    /// A backup cannot be written or read.
    #[error("cannot use {path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file that is to be written is there already.
    #[error("{path} is there already: give another name, or say that it may be replaced")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The device is not known.
    #[error("no such device: {0}")]
    NoSuchDevice(DeviceKey),
    /// There is a task with this id.
    #[error("there is a task {0} already")]
    TaskExists(TaskId),
    /// Text that is no tag.
    #[error("a tag has 1 to {max} characters", max = crate::limits::TAG_CHARS_MAX)]
    InvalidTag,
    /// A limit per device is reached.
    #[error("device {device} has {limit} {what} already: delete some first")]
    TooMany {
        /// Whose.
        device: DeviceKey,
        /// The limit.
        limit: u32,
        /// "tags" or "waiting and faulted tasks".
        what: &'static str,
    },
    /// All that is known of a device is too much.
    #[error("the parameters of device {0} are too many or too long to be kept")]
    DeviceTooLarge(DeviceKey),
    /// A path that cannot be indexed.
    #[error(
        "{0:?} cannot be indexed: give the full path of a parameter, such as \
         Device.DeviceInfo.SoftwareVersion; identity, events and tags are indexed already"
    )]
    InvalidIndex(String),
    /// The limit of indexes is reached.
    #[error("there are {max} indexes already: drop one first", max = crate::limits::INDEXES_MAX)]
    TooManyIndexes,
    /// A resource that is not kept.
    #[error(
        "{kind} {name:?} cannot be kept: a name has 1 to {chars} characters, a text at most \
         {bytes} bytes",
        chars = crate::limits::RESOURCE_NAME_CHARS_MAX,
        bytes = crate::limits::RESOURCE_BYTES_MAX
    )]
    InvalidResource {
        /// What it is.
        kind: ResourceKind,
        /// The beginning of its name.
        name: String,
    },
    /// The limit of resources is reached.
    #[error(
        "there are {max} presets, scripts and other resources already: delete some first",
        max = crate::limits::RESOURCES_MAX
    )]
    TooManyResources,
    /// The database refuses: the disk is full, or cannot be written or read.
    #[error("the database {path} failed: {reason}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The text that should say where a PostgreSQL server is does not.
    #[error(
        "the address of the PostgreSQL database cannot be used: {reason}; give one such as \
         postgresql://drover@db.example/drover"
    )]
    InvalidUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// A PostgreSQL server refuses, or cannot be reached.
    #[error("the PostgreSQL database {server} failed: {reason}")]
    Server {
        /// Its address, without a password.
        server: String,
        /// What the server or the system says.
        reason: String,
    },
    /// Another process uses the database.
    #[error("the PostgreSQL database {server} is in use by another Drover: stop that one first")]
    ServerInUse {
        /// Its address, without a password.
        server: String,
    },
    /// The database of a server has migrations that this program does not know.
    #[error(
        "the PostgreSQL database {server} was written by a newer Drover (migration {found}, this \
         one knows {known}): use that version, or restore an older backup"
    )]
    NewerServer {
        /// Its address, without a password.
        server: String,
        /// Its newest migration.
        found: u32,
        /// The newest migration of this program.
        known: u32,
    },
    /// Drover makes no backup of a database of a server.
    #[error("PostgreSQL has its own tools for backups: use pg_dump with --schema=drover")]
    NoBackup,
    /// A row holds what no row should. Other rows can be used.
    #[error(
        "the database {database} holds an {what}: delete the device that it belongs to, or restore \
         a backup; `drover admin check` lists all such devices"
    )]
    Unreadable {
        /// Its file, or its address without a password.
        database: String,
        /// What cannot be read, and of which device.
        what: String,
    },
    /// Text that is no path of a parameter.
    #[error("{0:?} is no path of a parameter, such as Device.DeviceInfo.UpTime")]
    InvalidPath(String),
    /// As many parameters are watched as may be.
    #[error(
        "{max} parameters are watched already: stop watching one first",
        max = crate::limits::WATCHED_MAX
    )]
    TooManyWatched,
    /// A search would have to read every record, and may not.
    #[error("{}", not_indexed(.paths))]
    NotIndexed {
        /// The parameters that have no index.
        paths: Vec<String>,
    },
    /// A search took too long.
    #[error("the search took longer than {limit:?}; {}", would_help(.paths))]
    TooSlow {
        /// How long it may take.
        limit: Duration,
        /// The parameters that have no index.
        paths: Vec<String>,
    },
    /// A cursor of another order.
    #[error("the page before was in another order: begin with the first page")]
    InvalidCursor,
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// How to make a parameter one that can be searched for, by the northbound interface.
fn add_indexes(paths: &[String]) -> String {
    let add = paths.iter().map(|path| format!("`PUT /indexes/{path}`"));
    add.collect::<Vec<_>>().join(" and ")
}

fn not_indexed(paths: &[String]) -> String {
    match paths {
        [] => "the search would read the records of all devices: narrow the filter".to_owned(),
        _ => format!(
            "the search would read the records of all devices, as there is no index of {}: {}",
            paths.join(", "),
            add_indexes(paths)
        ),
    }
}

fn would_help(paths: &[String]) -> String {
    match paths {
        [] => "narrow the filter".to_owned(),
        _ => format!("{}, or narrow the filter", add_indexes(paths)),
    }
}
