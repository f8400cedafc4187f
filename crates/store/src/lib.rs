//! Durable storage of the ACS.
//!
//! What a method of [`Store`] has acknowledged survives the loss of power: its future resolves
//! only after the commit has been synced. The store knows records and tasks of
//! `drover-provision`; it knows no CWMP message.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod encode;
mod error;
mod find;
mod history;
pub mod limits;
mod query;
mod sql;

use std::path::Path;

use drover_provision::authentication::DeviceCredentials;
use drover_provision::channel::ChannelFault;
use drover_provision::rules::{Resource, ResourceKind};
use drover_provision::trace::Trace;
use drover_provision::{
    Batch, DeviceKey, DeviceRecord, Knowledge, Loaded, Parameters, Task, TaskId,
};
use jiff::Timestamp;

pub use error::Error;
pub use find::{Count, DeviceCursor, DevicePage, DeviceQuery, NotADeviceCursor, SortBy};
pub use history::{NotANumber, Point, Retention, SnapshotId, SnapshotInfo, Step, TraceCursor};
pub use sql::Database;

/// Where devices and tasks are kept. Clones share one store.
///
/// The methods are futures of no particular executor; the work is done on threads of the store.
/// A write whose future is dropped may still happen.
#[derive(Debug, Clone)]
pub enum Store {
    /// A SQLite database in a folder of its own.
    Sqlite(Database),
    /// A database of a PostgreSQL server.
    Postgres(Database),
}

/// Whether a task waits, has failed or is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskStatus {
    /// To be done.
    Waiting,
    /// Failed, until it is retried or deleted.
    Faulted,
    /// Done; only the newest of each device are kept.
    Done,
}

/// Which tasks to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those of this device.
    pub device: Option<DeviceKey>,
    /// Only those in one of these states; none means any.
    pub status: Vec<TaskStatus>,
}

/// Which faults of channels to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultFilter {
    /// Only those of this device.
    pub device: Option<DeviceKey>,
    /// Only those of this channel.
    pub channel: Option<String>,
}

/// A channel of a device that is blocked.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceFault {
    /// The device.
    pub device: DeviceKey,
    /// The channel.
    pub channel: String,
    /// Why it is blocked.
    pub fault: ChannelFault,
}

/// What the devices of a product have shown with one firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductKnowledge {
    /// OUI and product class ([`DeviceKey::product`]).
    pub product: String,
    /// The firmware, as the devices tell it; empty for those that tell none.
    pub firmware: String,
    /// What they have shown.
    pub knowledge: Knowledge,
}

/// A parameter that can be searched for by value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its path, with instance numbers.
    pub path: String,
    /// Whether it can be used.
    pub state: IndexState,
}

/// How far an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexState {
    /// It does not have all devices yet.
    Building,
    /// It has all devices.
    Complete,
}

/// What a check of the whole store has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegrityReport {
    /// How many devices were looked at.
    pub devices: u64,
    /// What is wrong, a line each; at most [`limits::PROBLEMS_MAX`].
    pub problems: Vec<String>,
    /// Problems that did not fit.
    pub left_out: u64,
}

impl IntegrityReport {
    /// Whether nothing is wrong.
    pub const fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// The address of a PostgreSQL database for people, without its password.
///
/// # Errors
/// [`Error::InvalidUrl`] for an address with which [`Store::connect`] could do nothing.
pub fn server_name(url: &str) -> Result<String, Error> {
    sql::server_name(url)
}

macro_rules! on_backend {
    ($store:expr, $backend:ident => $call:expr) => {
        match $store {
            Self::Sqlite($backend) | Self::Postgres($backend) => $call,
        }
    };
}

impl Store {
    /// Opens the store in `folder`, which is created when it does not exist. Blocks while the
    /// database is checked.
    ///
    /// # Errors
    /// One line that names the path and says what to do: a folder that cannot be used, that another
    /// process uses, or a database that is damaged, foreign or newer than this program.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with(folder, Retention::default())
    }

    /// As [`Store::open`], but says how much of the past is kept. What is too much for it is
    /// removed in small steps.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(folder: &Path, retention: Retention) -> Result<Self, Error> {
        Database::open(folder, retention).map(Self::Sqlite)
    }

    /// Opens the store in a database of a PostgreSQL server, in its schema `drover`, which is
    /// created when it does not exist. Blocks while the server is asked.
    ///
    /// `url` is a connection string such as `postgresql://drover@db.example/drover` or
    /// `host=/run/postgresql user=drover dbname=drover`. When the connection is lost, each call
    /// tries to make it anew, once.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`], [`Error::Server`], [`Error::ServerInUse`],
    /// [`Error::NewerServer`]. None of them tells the password.
    pub fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, Retention::default())
    }

    /// As [`Store::connect`], but says how much of the past is kept, as [`Store::open_with`] does.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub fn connect_with(url: &str, retention: Retention) -> Result<Self, Error> {
        Database::connect(url, retention).map(Self::Postgres)
    }

    /// What is known of a device.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn load(&self, key: &DeviceKey) -> Result<Option<DeviceRecord>, Error> {
        on_backend!(self, backend => backend.load(key).await)
    }

    /// All that a session of a device needs: the record, the tasks that are due as
    /// [`Store::due_tasks`] gives them, faults and operations. All are as they were at one moment.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn load_session(&self, key: &DeviceKey, now: Timestamp) -> Result<Loaded, Error> {
        on_backend!(self, backend => backend.load_session(key, now).await)
    }

    /// Saves the changes of a session, all or none. Tags that cannot be given, because they are
    /// none or because the device has too many, are left out.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`]. Then nothing is saved.
    pub async fn save(&self, batch: Batch) -> Result<(), Error> {
        on_backend!(self, backend => backend.save(batch).await)
    }

    /// Removes a device with all that is kept of it. Returns whether it was known.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn delete_device(&self, key: &DeviceKey) -> Result<bool, Error> {
        on_backend!(self, backend => backend.delete_device(key).await)
    }

    /// The devices whose keys follow `after` in the order of keys, at most `limit` and at most
    /// [`limits::PAGE_DEVICES_MAX`] of them. An empty page is the end. A device whose document
    /// cannot be read is listed without parameters; [`Store::load`] says what is wrong with it.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn devices(
        &self,
        after: Option<&DeviceKey>,
        limit: usize,
    ) -> Result<Vec<DeviceRecord>, Error> {
        on_backend!(self, backend => backend.devices(after, limit).await)
    }

    /// How many devices there are.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn count_devices(&self) -> Result<u64, Error> {
        on_backend!(self, backend => backend.count_devices().await)
    }

    /// Gives a device a tag, once. Returns whether the device is known.
    ///
    /// # Errors
    /// [`Error::InvalidTag`], [`Error::TooMany`], [`Error::Database`], [`Error::Closed`].
    pub async fn add_tag(&self, key: &DeviceKey, tag: &str) -> Result<bool, Error> {
        on_backend!(self, backend => backend.add_tag(key, tag).await)
    }

    /// Takes a tag from a device, if it has it. Returns whether the device is known.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn remove_tag(&self, key: &DeviceKey, tag: &str) -> Result<bool, Error> {
        on_backend!(self, backend => backend.remove_tag(key, tag).await)
    }

    /// Adds a task. Waiting and faulted tasks of the device with the same unique key are removed.
    ///
    /// # Errors
    /// [`Error::NoSuchDevice`], [`Error::TaskExists`], [`Error::TooMany`], [`Error::Database`],
    /// [`Error::Closed`].
    pub async fn insert_task(&self, task: Task) -> Result<(), Error> {
        on_backend!(self, backend => backend.insert_task(task).await)
    }

    /// One task.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn task(&self, id: &TaskId) -> Result<Option<Task>, Error> {
        on_backend!(self, backend => backend.task(id).await)
    }

    /// The waiting tasks of a device that are due ([`Task::is_due`]), by due time, then in the
    /// order in which they were made. At most [`limits::PAGE_TASKS_MAX`].
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn due_tasks(&self, key: &DeviceKey, now: Timestamp) -> Result<Vec<Task>, Error> {
        on_backend!(self, backend => backend.due_tasks(key, now).await)
    }

    /// The tasks that `filter` lets through, in the order in which they were made, from behind
    /// `after` on; at most `limit` and at most [`limits::PAGE_TASKS_MAX`]. An empty page is the
    /// end.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn tasks(
        &self,
        filter: TaskFilter,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<(TaskCursor, Task)>, Error> {
        on_backend!(self, backend => backend.tasks(filter, after, limit).await)
    }

    /// How many tasks `filter` lets through.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn count_tasks(&self, filter: TaskFilter) -> Result<u64, Error> {
        on_backend!(self, backend => backend.count_tasks(filter).await)
    }

    /// Removes a task with its fault or result. Returns whether it was there.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn delete_task(&self, id: &TaskId) -> Result<bool, Error> {
        on_backend!(self, backend => backend.delete_task(id).await)
    }

    /// Lets a faulted task wait for its next try, and returns it. A waiting task stays as it is;
    /// `None` when there is no such task or it is done.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn retry_task(&self, id: &TaskId) -> Result<Option<Task>, Error> {
        on_backend!(self, backend => backend.retry_task(id).await)
    }

    /// The faults that `filter` lets through, in the order in which the channels were blocked,
    /// from behind `after` on; at most `limit` and at most [`limits::PAGE_FAULTS_MAX`]. An empty
    /// page is the end.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn faults(
        &self,
        filter: FaultFilter,
        after: Option<&FaultCursor>,
        limit: usize,
    ) -> Result<Vec<(FaultCursor, DeviceFault)>, Error> {
        on_backend!(self, backend => backend.faults(filter, after, limit).await)
    }

    /// How many faults `filter` lets through.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn count_faults(&self, filter: FaultFilter) -> Result<u64, Error> {
        on_backend!(self, backend => backend.count_faults(filter).await)
    }

    /// Forgets the fault of a channel, which is then free at once. Returns whether there was one.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn delete_fault(&self, key: &DeviceKey, channel: &str) -> Result<bool, Error> {
        on_backend!(self, backend => backend.delete_fault(key, channel).await)
    }

    /// Keeps a resource in the place of the one with its kind and name. Whether its text is of use
    /// is not looked at.
    ///
    /// # Errors
    /// [`Error::InvalidResource`], [`Error::TooManyResources`], [`Error::Database`],
    /// [`Error::Closed`].
    pub async fn put_resource(&self, resource: Resource) -> Result<(), Error> {
        on_backend!(self, backend => backend.put_resource(resource).await)
    }

    /// Removes a resource. Returns whether it was there.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn delete_resource(&self, kind: ResourceKind, name: &str) -> Result<bool, Error> {
        on_backend!(self, backend => backend.delete_resource(kind, name).await)
    }

    /// All resources, by kind in the order of [`ResourceKind::ALL`], then by name.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn resources(&self) -> Result<Vec<Resource>, Error> {
        on_backend!(self, backend => backend.resources().await)
    }

    /// What the devices of each product have shown with each firmware, by product, then firmware,
    /// behind `after` (both) on; at most `limit` and at most [`limits::PAGE_KNOWLEDGE_MAX`]. An
    /// empty page is the end.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn knowledge(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<ProductKnowledge>, Error> {
        on_backend!(self, backend => backend.knowledge(after, limit).await)
    }

    /// Forgets what the devices of a product have shown, with one firmware or with all. Returns
    /// how many firmwares there were. A session that learns something at this moment saves all
    /// that it knows.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn delete_knowledge(
        &self,
        product: &str,
        firmware: Option<&str>,
    ) -> Result<u64, Error> {
        on_backend!(self, backend => backend.delete_knowledge(product, firmware).await)
    }

    /// With what a device proves who it is. Nothing is known of a device that has none of its own.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn credentials(&self, key: &DeviceKey) -> Result<DeviceCredentials, Error> {
        on_backend!(self, backend => backend.credentials(key).await)
    }

    /// Keeps with what a device proves who it is, also of one that has never come.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn put_credentials(
        &self,
        key: &DeviceKey,
        known: DeviceCredentials,
    ) -> Result<(), Error> {
        on_backend!(self, backend => backend.put_credentials(key, known).await)
    }

    /// Forgets with what a device proves who it is. Whether anything was known.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn delete_credentials(&self, key: &DeviceKey) -> Result<bool, Error> {
        on_backend!(self, backend => backend.delete_credentials(key).await)
    }

    /// Makes a parameter one that can be searched for by value, unless it is already. The index is
    /// built in the background, and goes on with that when the store is opened again.
    ///
    /// # Errors
    /// [`Error::InvalidIndex`], [`Error::TooManyIndexes`], [`Error::Database`],
    /// [`Error::Closed`].
    pub async fn add_index(&self, path: &str) -> Result<(), Error> {
        on_backend!(self, backend => backend.add_index(path).await)
    }

    /// Removes an index; its space is given back in the background. Returns whether it was there.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn drop_index(&self, path: &str) -> Result<bool, Error> {
        on_backend!(self, backend => backend.drop_index(path).await)
    }

    /// All indexes by path. A new store begins with some that operators often need.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn indexes(&self) -> Result<Vec<Index>, Error> {
        on_backend!(self, backend => backend.indexes().await)
    }

    /// Writes all that is saved into a new file, while sessions go on. The file has its name only
    /// when it is complete and synced; [`Store::restore`] makes a store of it.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::File`], [`Error::Database`], [`Error::Damaged`].
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        on_backend!(self, backend => backend.backup(to).await)
    }

    /// Makes the store in `folder` one that holds what is in a backup. Blocks while the backup is
    /// checked and copied. What is in the folder already is replaced only if `replace` says so,
    /// and then it is lost.
    ///
    /// # Errors
    /// [`Error::Locked`] for a folder in use, [`Error::Exists`] for one that holds a store;
    /// [`Error::Foreign`], [`Error::Damaged`] and [`Error::Newer`] for a file that is no good
    /// backup; [`Error::File`], [`Error::Folder`], [`Error::Database`]. The folder is then as it
    /// was.
    pub fn restore(from: &Path, folder: &Path, replace: bool) -> Result<(), Error> {
        Database::restore(from, folder, replace)
    }

    /// Checks that all that is saved is whole, can be read, and that the index agrees with it,
    /// while sessions go on. It reads everything.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Damaged`] when it cannot be read far enough to say more.
    pub async fn check(&self) -> Result<IntegrityReport, Error> {
        on_backend!(self, backend => backend.check().await)
    }

    /// The devices that a query asks for, a page at a time: give the `next` of a page as `after`.
    ///
    /// What an index decides is found by it. Otherwise every record is read, by several threads,
    /// until the page is full; the page says so. A device that changes in the meantime may be
    /// found as it was before or after. A search whose future is dropped ends. A device whose
    /// document cannot be read is one without parameters.
    ///
    /// # Errors
    /// [`Error::NotIndexed`], [`Error::TooSlow`], [`Error::InvalidCursor`], [`Error::Database`],
    /// [`Error::Closed`].
    pub async fn find(&self, query: DeviceQuery) -> Result<DevicePage, Error> {
        on_backend!(self, backend => backend.find(query).await)
    }

    /// How many devices a query finds, whatever its order, its limit and where it begins.
    ///
    /// # Errors
    /// [`Error::NotIndexed`], [`Error::TooSlow`], [`Error::Database`], [`Error::Closed`].
    pub async fn count(&self, query: DeviceQuery) -> Result<Count, Error> {
        on_backend!(self, backend => backend.count(query).await)
    }

    /// The sessions of a device with their traces, the newest first, from before `before` on; at
    /// most `limit` and at most [`limits::PAGE_SESSIONS_MAX`]. An empty page is the end.
    ///
    /// How many are kept says [`Retention`]; of a trace with more than
    /// [`limits::TRACE_BYTES_MAX`] the last entries are left out.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn sessions(
        &self,
        key: &DeviceKey,
        before: Option<&TraceCursor>,
        limit: usize,
    ) -> Result<Vec<(TraceCursor, Trace)>, Error> {
        on_backend!(self, backend => backend.sessions(key, before, limit).await)
    }

    /// Keeps the history of a parameter of all devices, from the values on that are saved next.
    /// At most [`limits::WATCHED_MAX`] are watched; one that is stays so.
    ///
    /// # Errors
    /// [`Error::InvalidPath`], [`Error::TooManyWatched`], [`Error::Database`], [`Error::Closed`].
    pub async fn watch(&self, path: &str) -> Result<(), Error> {
        on_backend!(self, backend => backend.watch(path).await)
    }

    /// Forgets the history of a parameter. Returns whether it was watched. The history is gone at
    /// once; its space is given back step by step until the future resolves, and with the saves
    /// that come should it be dropped.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn unwatch(&self, path: &str) -> Result<bool, Error> {
        on_backend!(self, backend => backend.unwatch(path).await)
    }

    /// The paths of the parameters that are watched, in their order.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn watched(&self) -> Result<Vec<String>, Error> {
        on_backend!(self, backend => backend.watched().await)
    }

    /// The history of a watched parameter of a device, from `from` until before `to`: first days,
    /// then hours, then single values, as [`Retention`] says. An hour or day that the time only
    /// touches is there. Of each at most the newest [`limits::HISTORY_POINTS_MAX`].
    ///
    /// A value counts when it is a number, a boolean (1 or 0) or a text that is a decimal number,
    /// and when a batch brings it with a time of its own.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn history(
        &self,
        key: &DeviceKey,
        path: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Point>, Error> {
        on_backend!(self, backend => backend.history(key, path, from, to).await)
    }

    /// What a device was like before it changed, the newest first; of those, as many as
    /// [`Retention`] says. One is taken when a value that can be set or the set of paths changes,
    /// once in [`limits::SNAPSHOT_CHANGES_MICROSECONDS`] at most, and when only readings change,
    /// once in [`limits::SNAPSHOT_VALUES_MICROSECONDS`].
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn snapshots(&self, key: &DeviceKey) -> Result<Vec<SnapshotInfo>, Error> {
        on_backend!(self, backend => backend.snapshots(key).await)
    }

    /// What is in a snapshot of a device; `None` when it is there no more.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Closed`].
    pub async fn snapshot(
        &self,
        key: &DeviceKey,
        id: SnapshotId,
    ) -> Result<Option<Parameters>, Error> {
        on_backend!(self, backend => backend.snapshot(key, id).await)
    }
}

/// Where a page of tasks ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskCursor(i64);

/// Where a page of faults ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultCursor(i64);

#[cfg(test)]
mod contract;
