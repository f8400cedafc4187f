//! The store in a database that speaks SQL: one writer thread that commits in groups, and readers
//! with their own connections. With SQLite there is a checkpointer, so that no commit pays for
//! writing the log back.

mod check;
mod connection;
mod credential;
mod document;
mod fault;
mod find;
mod history;
mod index;
mod jobs;
mod knowledge;
mod past;
mod paths;
mod postgres;
mod read;
mod resource;
mod snapshot;
mod sqlite;
mod threads;
mod trace;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::thread;

use drover_provision::authentication::DeviceCredentials;
use drover_provision::rules::{Resource, ResourceKind};
use drover_provision::trace::Trace;
use drover_provision::{Batch, DeviceKey, DeviceRecord, Loaded, Parameters, Task, TaskId};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::limits::{
    PAGE_DEVICES_MAX, PAGE_FAULTS_MAX, PAGE_KNOWLEDGE_MAX, PAGE_SESSIONS_MAX, PAGE_TASKS_MAX,
    POINTS_REMOVED_PER_WRITE,
};
use crate::{
    Count, DeviceFault, DevicePage, DeviceQuery, FaultCursor, FaultFilter, Index, IntegrityReport,
    Point, ProductKnowledge, Retention, SnapshotId, SnapshotInfo, TaskCursor, TaskFilter,
    TraceCursor,
};
use connection::{Access, Connection, DbError, Result};
use jobs::Failure;
use paths::Paths;
use threads::{Opened, Threads};

type Outcome<T> = std::result::Result<T, Failure>;

type Answer<T> = std::result::Result<T, Error>;

/// Where a database is, and how it is reached.
#[derive(Debug)]
enum Location {
    Folder(sqlite::Folder),
    Server(postgres::Server),
}

impl Location {
    /// Opens a connection beside the writer's.
    fn connect(&self, access: Access) -> Answer<Connection> {
        match self {
            Self::Folder(folder) => folder.connect(access),
            Self::Server(server) => server.connect(access),
        }
    }

    fn explain(&self, error: &DbError) -> Error {
        match self {
            Self::Folder(folder) => folder.explain(error),
            Self::Server(server) => server.explain(error),
        }
    }

    /// Whether what is written will be found again.
    fn look(&self) -> Answer<()> {
        match self {
            Self::Folder(folder) => folder.look(),
            Self::Server(_) => Ok(()),
        }
    }

    fn failed(&self, reason: String) -> Error {
        match self {
            Self::Folder(folder) => Error::Database { path: folder.path().to_owned(), reason },
            Self::Server(server) => server.failed(reason),
        }
    }
}

pub(crate) fn server_name(url: &str) -> Answer<String> {
    postgres::Server::parse(url).map(|server| server.name().to_owned())
}

/// A store in a database.
#[derive(Debug, Clone)]
pub struct Database {
    threads: Arc<Threads>,
    retention: Arc<Retention>,
    /// Places for searches.
    searches: Arc<Semaphore>,
}

impl Database {
    /// Opens a SQLite database in a folder.
    pub(crate) fn open(folder: &Path, retention: Retention) -> Answer<Self> {
        Self::start(sqlite::Folder::open(folder)?, retention)
    }

    /// Opens a database of a PostgreSQL server.
    pub(crate) fn connect(url: &str, retention: Retention) -> Answer<Self> {
        // The client of PostgreSQL cannot be used on a thread that runs futures.
        let opened = thread::scope(|scope| {
            let open = || Self::start(postgres::Server::open(url)?, retention);
            scope.spawn(open).join()
        });
        opened.unwrap_or(Err(Error::Closed))
    }

    fn start(opened: Opened, retention: Retention) -> Answer<Self> {
        let threads = Arc::new(Threads::start(opened)?);
        Ok(Self { threads, retention: Arc::new(retention), searches: find::places() })
    }

    pub(crate) async fn load(&self, key: &DeviceKey) -> Answer<Option<DeviceRecord>> {
        let key = key.clone();
        self.threads.read(move |db, paths| read::device(db, paths, &key)).await
    }

    pub(crate) async fn load_session(&self, key: &DeviceKey, now: Timestamp) -> Answer<Loaded> {
        let key = key.clone();
        self.threads.read(move |db, paths| read::session(db, paths, &key, now)).await
    }

    pub(crate) async fn save(&self, batch: Batch) -> Answer<()> {
        let retention = self.retention.clone();
        self.threads
            .write(move |db, paths| {
                write::save(db, paths, &batch)?;
                past::save(db, &batch, &retention)
            })
            .await
    }

    pub(crate) async fn find(&self, query: DeviceQuery) -> Answer<DevicePage> {
        find::find(&self.threads, &self.searches, query).await
    }

    pub(crate) async fn count(&self, query: DeviceQuery) -> Answer<Count> {
        find::count(&self.threads, &self.searches, query).await
    }

    pub(crate) async fn sessions(
        &self,
        key: &DeviceKey,
        before: Option<&TraceCursor>,
        limit: usize,
    ) -> Answer<Vec<(TraceCursor, Trace)>> {
        let (key, before) = (key.clone(), before.copied());
        let limit = limit.min(PAGE_SESSIONS_MAX);
        self.threads.read(move |db, _| trace::sessions(db, &key, before, limit)).await
    }

    pub(crate) async fn watch(&self, path: &str) -> Answer<()> {
        let path = path.to_owned();
        self.threads.write(move |db, _| history::watch(db, &path)).await
    }

    pub(crate) async fn unwatch(&self, path: &str) -> Answer<bool> {
        let path = path.to_owned();
        let was_watched = self.threads.write(move |db, _| history::unwatch(db, &path)).await?;
        // Should the caller not wait for the end, each save removes a little.
        let remove =
            |db: &Connection, _: &Paths| history::remove_unwatched(db, POINTS_REMOVED_PER_WRITE);
        while self.threads.write(remove).await? {}
        Ok(was_watched)
    }

    pub(crate) async fn watched(&self) -> Answer<Vec<String>> {
        self.threads.read(|db, _| history::watched(db)).await
    }

    pub(crate) async fn history(
        &self,
        key: &DeviceKey,
        path: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Answer<Vec<Point>> {
        let (key, path) = (key.clone(), path.to_owned());
        self.threads.read(move |db, _| history::history(db, &key, &path, from, to)).await
    }

    pub(crate) async fn delete_device(&self, key: &DeviceKey) -> Answer<bool> {
        let key = key.clone();
        self.threads.write(move |db, paths| write::delete_device(db, paths, &key)).await
    }

    pub(crate) async fn devices(
        &self,
        after: Option<&DeviceKey>,
        limit: usize,
    ) -> Answer<Vec<DeviceRecord>> {
        let after = after.cloned();
        let limit = limit.min(PAGE_DEVICES_MAX);
        self.threads.read(move |db, paths| read::devices(db, paths, after.as_ref(), limit)).await
    }

    pub(crate) async fn count_devices(&self) -> Answer<u64> {
        self.threads.read(|db, _| read::count_devices(db)).await
    }

    pub(crate) async fn add_tag(&self, key: &DeviceKey, tag: &str) -> Answer<bool> {
        let (key, tag) = (key.clone(), tag.to_owned());
        self.threads.write(move |db, _| write::add_tag(db, &key, &tag)).await
    }

    pub(crate) async fn remove_tag(&self, key: &DeviceKey, tag: &str) -> Answer<bool> {
        let (key, tag) = (key.clone(), tag.to_owned());
        self.threads.write(move |db, _| write::remove_tag(db, &key, &tag)).await
    }

    pub(crate) async fn insert_task(&self, task: Task) -> Answer<()> {
        self.threads.write(move |db, _| write::insert_task(db, &task)).await
    }

    pub(crate) async fn task(&self, id: &TaskId) -> Answer<Option<Task>> {
        let id = id.clone();
        self.threads.read(move |db, _| read::task(db, &id)).await
    }

    pub(crate) async fn due_tasks(&self, key: &DeviceKey, now: Timestamp) -> Answer<Vec<Task>> {
        let key = key.clone();
        self.threads.read(move |db, _| read::due_tasks(db, &key, now)).await
    }

    pub(crate) async fn tasks(
        &self,
        filter: TaskFilter,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Answer<Vec<(TaskCursor, Task)>> {
        let (after, limit) = (after.copied(), limit.min(PAGE_TASKS_MAX));
        self.threads.read(move |db, _| read::tasks(db, &filter, after, limit)).await
    }

    pub(crate) async fn count_tasks(&self, filter: TaskFilter) -> Answer<u64> {
        self.threads.read(move |db, _| read::count_tasks(db, &filter)).await
    }

    pub(crate) async fn delete_task(&self, id: &TaskId) -> Answer<bool> {
        let id = id.clone();
        self.threads.write(move |db, _| write::delete_task(db, &id)).await
    }

    pub(crate) async fn retry_task(&self, id: &TaskId) -> Answer<Option<Task>> {
        let id = id.clone();
        self.threads.write(move |db, _| write::retry_task(db, &id)).await
    }

    pub(crate) async fn faults(
        &self,
        filter: FaultFilter,
        after: Option<&FaultCursor>,
        limit: usize,
    ) -> Answer<Vec<(FaultCursor, DeviceFault)>> {
        let (after, limit) = (after.copied(), limit.min(PAGE_FAULTS_MAX));
        self.threads.read(move |db, _| fault::list(db, &filter, after, limit)).await
    }

    pub(crate) async fn count_faults(&self, filter: FaultFilter) -> Answer<u64> {
        self.threads.read(move |db, _| fault::count(db, &filter)).await
    }

    pub(crate) async fn delete_fault(&self, key: &DeviceKey, channel: &str) -> Answer<bool> {
        let (key, channel) = (key.clone(), channel.to_owned());
        self.threads.write(move |db, _| fault::delete(db, &key, &channel)).await
    }

    pub(crate) async fn put_resource(&self, resource: Resource) -> Answer<()> {
        self.threads.write(move |db, _| resource::put(db, &resource)).await
    }

    pub(crate) async fn delete_resource(&self, kind: ResourceKind, name: &str) -> Answer<bool> {
        let name = name.to_owned();
        self.threads.write(move |db, _| resource::delete(db, kind, &name)).await
    }

    pub(crate) async fn resources(&self) -> Answer<Vec<Resource>> {
        self.threads.read(|db, _| resource::all(db)).await
    }

    pub(crate) async fn knowledge(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Answer<Vec<ProductKnowledge>> {
        let after = after.map(|(product, firmware)| (product.to_owned(), firmware.to_owned()));
        let limit = limit.min(PAGE_KNOWLEDGE_MAX);
        self.threads.read(move |db, _| knowledge::list(db, after.as_ref(), limit)).await
    }

    pub(crate) async fn delete_knowledge(
        &self,
        product: &str,
        firmware: Option<&str>,
    ) -> Answer<u64> {
        let (product, firmware) = (product.to_owned(), firmware.map(str::to_owned));
        self.threads.write(move |db, _| knowledge::delete(db, &product, firmware.as_deref())).await
    }

    pub(crate) async fn credentials(&self, key: &DeviceKey) -> Answer<DeviceCredentials> {
        let key = key.clone();
        self.threads.read(move |db, _| Ok(credential::of_device(db, &key)?)).await
    }

    pub(crate) async fn put_credentials(
        &self,
        key: &DeviceKey,
        known: DeviceCredentials,
    ) -> Answer<()> {
        let key = key.clone();
        self.threads.write(move |db, _| Ok(credential::put(db, &key, &known)?)).await
    }

    pub(crate) async fn delete_credentials(&self, key: &DeviceKey) -> Answer<bool> {
        let key = key.clone();
        self.threads.write(move |db, _| credential::delete(db, &key)).await
    }

    pub(crate) async fn snapshots(&self, key: &DeviceKey) -> Answer<Vec<SnapshotInfo>> {
        let key = key.clone();
        self.threads.read(move |db, _| snapshot::list(db, &key)).await
    }

    pub(crate) async fn snapshot(
        &self,
        key: &DeviceKey,
        id: SnapshotId,
    ) -> Answer<Option<Parameters>> {
        let key = key.clone();
        self.threads.read(move |db, paths| snapshot::load(db, paths, &key, id)).await
    }

    pub(crate) async fn add_index(&self, path: &str) -> Answer<()> {
        let path = path.to_owned();
        self.threads.write(move |db, _| index::add(db, &path)).await
    }

    pub(crate) async fn drop_index(&self, path: &str) -> Answer<bool> {
        let path = path.to_owned();
        self.threads.write(move |db, _| index::remove(db, &path)).await
    }

    pub(crate) async fn indexes(&self) -> Answer<Vec<Index>> {
        self.threads.read(|db, _| index::list(db)).await
    }

    pub(crate) async fn backup(&self, to: &Path) -> Answer<()> {
        let to = to.to_owned();
        self.threads
            .aside(move |db, _| match db {
                Connection::Sqlite(db) => sqlite::backup::backup(db, &to),
                Connection::Postgres(_) => Err(Error::NoBackup.into()),
            })
            .await
    }

    pub(crate) fn restore(from: &Path, folder: &Path, replace: bool) -> Answer<()> {
        sqlite::backup::restore(from, folder, replace)
    }

    pub(crate) async fn check(&self) -> Answer<IntegrityReport> {
        self.threads.aside(|db, paths| jobs::snapshot(db, |db| check::check(db, paths))).await
    }
}
