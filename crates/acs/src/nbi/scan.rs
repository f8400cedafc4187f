//! Reading a collection piece by piece, so that its size does not matter.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use drover_datamodel::catalog::Catalog;
use drover_provision::{DeviceKey, DeviceRecord, Task, TaskId};
use drover_store::{Error, Store, TaskCursor, TaskFilter, TaskStatus};
use serde_json::Value as Json;

use super::device;
use super::filter::{Filter, Names};
use super::projection::{Covers, Projection};
use super::scalar::Scalar;
use super::task;
use crate::limits::QUERY_PAGE_RECORDS;

/// What can be queried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Devices,
    /// `with_done` asks for tasks that were done as well, which clients of GenieACS do not expect
    /// to see.
    Tasks {
        with_done: bool,
    },
    Faults,
}

impl Collection {
    pub(super) const fn names(self) -> Names {
        match self {
            Self::Devices => Names::Parameters,
            Self::Tasks { .. } | Self::Faults => Names::Plain,
        }
    }

    fn task_filter(self) -> TaskFilter {
        let status = match self {
            Self::Tasks { with_done: true } => Vec::new(),
            Self::Faults => vec![TaskStatus::Faulted],
            _ => vec![TaskStatus::Waiting, TaskStatus::Faulted],
        };
        TaskFilter { device: None, status }
    }

    /// How many documents there are in all.
    pub(super) async fn count(self, store: &Store) -> Result<u64, Error> {
        match self {
            Self::Devices => store.count_devices().await,
            _ => store.count_tasks(self.task_filter()).await,
        }
    }
}

/// One document of a collection.
#[derive(Debug)]
pub(super) enum Document {
    Device(Box<DeviceRecord>),
    Plain { id: String, json: Json },
}

impl Document {
    fn of_task(collection: Collection, task: &Task, catalog: &Catalog) -> Option<Self> {
        if collection == Collection::Faults {
            let json = task::fault_document(task, catalog)?;
            return Some(Self::Plain { id: task::fault_id(task), json });
        }
        Some(Self::Plain { id: task.id.to_string(), json: task::document(task, catalog) })
    }

    /// The key under which [`Scan::of_ids`] finds it again.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Device(record) => record.key.as_str(),
            Self::Plain { id, .. } => id,
        }
    }

    pub(super) fn field(&self, name: &str) -> Scalar<'_> {
        match self {
            Self::Device(record) => device::field(record, name),
            Self::Plain { json, .. } => {
                let value = name.split('.').try_fold(json, |json, part| json.get(part));
                Scalar::of_json(value, matches!(name, "timestamp" | "expiry"))
            }
        }
    }

    pub(super) fn view(self, projection: &Projection, catalog: &Catalog) -> Json {
        match self {
            Self::Device(record) => device::document(&record, projection, catalog),
            Self::Plain { mut json, .. } => {
                if let Json::Object(members) = &mut json {
                    members.retain(|name, _| {
                        name == "_id" || projection.covers(name) != Covers::Nothing
                    });
                }
                json
            }
        }
    }
}

/// Where documents come from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) store: Store,
    /// The data models, which know what is secret.
    pub(super) catalog: Arc<Catalog>,
}

/// A walk through a collection.
#[derive(Debug)]
pub(super) struct Scan {
    source: Source,
    collection: Collection,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Devices(Option<DeviceKey>),
    Tasks(Option<TaskCursor>),
    Ids(VecDeque<String>),
    End,
}

impl Scan {
    /// All documents.
    pub(super) const fn new(source: Source, collection: Collection) -> Self {
        let place = match collection {
            Collection::Devices => Place::Devices(None),
            Collection::Tasks { .. } | Collection::Faults => Place::Tasks(None),
        };
        Self { source, collection, place }
    }

    /// The documents with these ids, in this order.
    pub(super) fn of_ids(source: Source, collection: Collection, ids: Vec<String>) -> Self {
        let mut seen = HashSet::new();
        let ids = ids.into_iter().filter(|id| seen.insert(id.clone())).collect();
        Self { source, collection, place: Place::Ids(ids) }
    }

    /// The documents that can match at all.
    pub(super) fn for_filter(source: Source, collection: Collection, filter: &Filter) -> Self {
        match filter.ids() {
            Some(ids) => Self::of_ids(source, collection, ids),
            None => Self::new(source, collection),
        }
    }

    /// The next documents; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Document>, Error> {
        match std::mem::replace(&mut self.place, Place::End) {
            Place::Devices(after) => {
                let page = self.source.store.devices(after.as_ref(), QUERY_PAGE_RECORDS).await?;
                if let Some(last) = page.last() {
                    self.place = Place::Devices(Some(last.key.clone()));
                }
                Ok(page.into_iter().map(|record| Document::Device(Box::new(record))).collect())
            }
            Place::Tasks(after) => self.next_tasks(after).await,
            Place::Ids(ids) => self.next_of(ids).await,
            Place::End => Ok(Vec::new()),
        }
    }

    async fn next_tasks(&mut self, mut after: Option<TaskCursor>) -> Result<Vec<Document>, Error> {
        loop {
            let filter = self.collection.task_filter();
            let page = self.source.store.tasks(filter, after.as_ref(), QUERY_PAGE_RECORDS).await?;
            let Some((last, _)) = page.last() else { return Ok(Vec::new()) };
            after = Some(*last);
            let tasks = page.iter().filter_map(|(_, task)| self.document_of(task));
            let documents: Vec<Document> = tasks.collect();
            if !documents.is_empty() {
                self.place = Place::Tasks(after);
                return Ok(documents);
            }
        }
    }

    async fn next_of(&mut self, mut ids: VecDeque<String>) -> Result<Vec<Document>, Error> {
        let mut documents = Vec::new();
        while let Some(id) = ids.pop_front() {
            documents.extend(self.find(&id).await?);
            if documents.len() >= QUERY_PAGE_RECORDS {
                break;
            }
        }
        if !ids.is_empty() {
            self.place = Place::Ids(ids);
        }
        Ok(documents)
    }

    async fn find(&self, id: &str) -> Result<Option<Document>, Error> {
        if self.collection == Collection::Devices {
            let Ok(key) = DeviceKey::parse(id) else { return Ok(None) };
            let record = self.source.store.load(&key).await?;
            return Ok(record.map(|record| Document::Device(Box::new(record))));
        }
        let task = match self.collection {
            Collection::Faults => id.rsplit_once(":task_").map_or("", |(_, task)| task),
            _ => id,
        };
        let Ok(task) = TaskId::parse(task) else { return Ok(None) };
        let Some(task) = self.source.store.task(&task).await? else { return Ok(None) };
        Ok(self.is_listed(&task).then(|| self.document_of(&task)).flatten())
    }

    fn document_of(&self, task: &Task) -> Option<Document> {
        Document::of_task(self.collection, task, &self.source.catalog)
    }

    fn is_listed(&self, task: &Task) -> bool {
        let is_done = matches!(task.state, drover_provision::TaskState::Done(_));
        !is_done || self.collection == Collection::Tasks { with_done: true }
    }
}
