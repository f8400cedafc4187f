//! The store in SQLite: one writer thread that commits in groups, readers with their own
//! connections, and a checkpointer, so that no commit pays for writing the log back.

mod encode;
mod jobs;
mod migrate;
mod open;
mod read;
mod threads;
mod write;

use std::path::Path;
use std::sync::Arc;

use drover_provision::{Batch, DeviceKey, DeviceRecord, Task, TaskId};
use jiff::Timestamp;

use crate::error::Error;
use crate::limits::{PAGE_DEVICES_MAX, PAGE_TASKS_MAX};
use crate::{TaskCursor, TaskFilter};
use threads::Threads;

/// A store in a folder.
#[derive(Debug, Clone)]
pub struct Sqlite {
    threads: Arc<Threads>,
}

impl Sqlite {
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let opened = open::open(folder)?;
        Ok(Self { threads: Arc::new(Threads::start(opened)?) })
    }

    pub(crate) async fn load(&self, key: &DeviceKey) -> Result<Option<DeviceRecord>, Error> {
        let key = key.clone();
        self.threads.read(move |db| read::device(db, &key)).await
    }

    pub(crate) async fn save(&self, batch: Batch) -> Result<(), Error> {
        self.threads.write(move |db| write::save(db, &batch)).await
    }

    pub(crate) async fn delete_device(&self, key: &DeviceKey) -> Result<bool, Error> {
        let key = key.clone();
        self.threads.write(move |db| write::delete_device(db, &key)).await
    }

    pub(crate) async fn devices(
        &self,
        after: Option<&DeviceKey>,
        limit: usize,
    ) -> Result<Vec<DeviceRecord>, Error> {
        let after = after.cloned();
        let limit = limit.min(PAGE_DEVICES_MAX);
        self.threads.read(move |db| read::devices(db, after.as_ref(), limit)).await
    }

    pub(crate) async fn count_devices(&self) -> Result<u64, Error> {
        self.threads.read(read::count_devices).await
    }

    pub(crate) async fn add_tag(&self, key: &DeviceKey, tag: &str) -> Result<bool, Error> {
        let (key, tag) = (key.clone(), tag.to_owned());
        self.threads.write(move |db| write::add_tag(db, &key, &tag)).await
    }

    pub(crate) async fn remove_tag(&self, key: &DeviceKey, tag: &str) -> Result<bool, Error> {
        let (key, tag) = (key.clone(), tag.to_owned());
        self.threads.write(move |db| write::remove_tag(db, &key, &tag)).await
    }

    pub(crate) async fn insert_task(&self, task: Task) -> Result<(), Error> {
        self.threads.write(move |db| write::insert_task(db, &task)).await
    }

    pub(crate) async fn task(&self, id: &TaskId) -> Result<Option<Task>, Error> {
        let id = id.clone();
        self.threads.read(move |db| read::task(db, &id)).await
    }

    pub(crate) async fn due_tasks(
        &self,
        key: &DeviceKey,
        now: Timestamp,
    ) -> Result<Vec<Task>, Error> {
        let key = key.clone();
        self.threads.read(move |db| read::due_tasks(db, &key, now)).await
    }

    pub(crate) async fn tasks(
        &self,
        filter: TaskFilter,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<(TaskCursor, Task)>, Error> {
        let (after, limit) = (after.copied(), limit.min(PAGE_TASKS_MAX));
        self.threads.read(move |db| read::tasks(db, &filter, after, limit)).await
    }

    pub(crate) async fn count_tasks(&self, filter: TaskFilter) -> Result<u64, Error> {
        self.threads.read(move |db| read::count_tasks(db, &filter)).await
    }

    pub(crate) async fn delete_task(&self, id: &TaskId) -> Result<bool, Error> {
        let id = id.clone();
        self.threads.write(move |db| write::delete_task(db, &id)).await
    }

    pub(crate) async fn retry_task(&self, id: &TaskId) -> Result<Option<Task>, Error> {
        let id = id.clone();
        self.threads.write(move |db| write::retry_task(db, &id)).await
    }
}

#[cfg(test)]
mod tests;
