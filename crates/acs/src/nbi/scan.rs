//! Reading a collection piece by piece, so that its size does not matter.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use drover_datamodel::catalog::Catalog;
use drover_provision::rules::{Resource, ResourceKind};
use drover_provision::{DeviceKey, DeviceRecord, Task, TaskId};
use drover_store::{
    DeviceFault, Error, FaultCursor, FaultFilter, Store, TaskCursor, TaskFilter, TaskStatus,
};
use serde_json::Value as Json;

use super::device;
use super::filter::{Filter, Names};
use super::projection::{Covers, Projection};
use super::scalar::Scalar;
use super::{fault, file, resource, task};
use crate::files::{FileInfo, Library};
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
    /// Those of tasks, then those of channels.
    Faults,
    Resources(ResourceKind),
    Files,
}

impl Collection {
    pub(super) const fn names(self) -> Names {
        match self {
            Self::Devices => Names::Parameters,
            Self::Tasks { .. } | Self::Faults | Self::Resources(_) | Self::Files => Names::Plain,
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

    fn of_file(info: &Arc<FileInfo>) -> Self {
        Self::Plain { id: info.name.clone(), json: file::document(info) }
    }

    fn of_resource(resource: &Resource) -> Self {
        Self::Plain { id: resource.name.clone(), json: resource::document(resource) }
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
    /// By kind and name.
    pub(super) resources: Arc<Vec<Resource>>,
    /// `None` when files are not served.
    pub(super) files: Option<Arc<Library>>,
}

impl Source {
    /// How many documents a collection has in all.
    pub(super) async fn count(&self, collection: Collection) -> Result<u64, Error> {
        match collection {
            Collection::Devices => self.store.count_devices().await,
            Collection::Tasks { .. } => self.store.count_tasks(collection.task_filter()).await,
            Collection::Faults => {
                let of_tasks = self.store.count_tasks(collection.task_filter()).await?;
                let of_channels = self.store.count_faults(FaultFilter::default()).await?;
                Ok(of_tasks.saturating_add(of_channels))
            }
            Collection::Resources(kind) => {
                let count = self.resources.iter().filter(|it| it.kind == kind).count();
                Ok(u64::try_from(count).unwrap_or(u64::MAX))
            }
            Collection::Files => Ok(self.files.as_ref().map_or(0, |files| files.count() as u64)),
        }
    }

    fn resource(&self, kind: ResourceKind, name: &str) -> Option<&Resource> {
        let place = |it: &Resource| (it.kind, it.name.as_str()).cmp(&(kind, name));
        self.resources.get(self.resources.binary_search_by(place).ok()?)
    }
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
    Faults(Option<FaultCursor>),
    /// From this one on.
    Resources(usize),
    Files(Option<String>),
    Ids(VecDeque<String>),
    End,
}

impl Scan {
    /// All documents.
    pub(super) const fn new(source: Source, collection: Collection) -> Self {
        let place = match collection {
            Collection::Devices => Place::Devices(None),
            Collection::Tasks { .. } | Collection::Faults => Place::Tasks(None),
            Collection::Resources(_) => Place::Resources(0),
            Collection::Files => Place::Files(None),
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
            Place::Tasks(after) => {
                let documents = self.next_tasks(after).await?;
                if documents.is_empty() && self.collection == Collection::Faults {
                    return self.next_faults(None).await;
                }
                Ok(documents)
            }
            Place::Faults(after) => self.next_faults(after).await,
            Place::Resources(from) => Ok(self.next_resources(from)),
            Place::Files(after) => Ok(self.next_files(after.as_deref())),
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

    async fn next_faults(&mut self, after: Option<FaultCursor>) -> Result<Vec<Document>, Error> {
        let filter = FaultFilter::default();
        let page = self.source.store.faults(filter, after.as_ref(), QUERY_PAGE_RECORDS).await?;
        if let Some((last, _)) = page.last() {
            self.place = Place::Faults(Some(*last));
        }
        Ok(page.iter().map(|(_, fault)| self.document_of_fault(fault)).collect())
    }

    fn next_resources(&mut self, from: usize) -> Vec<Document> {
        let resources = self.source.resources.iter().enumerate().skip(from);
        let of_kind = resources.filter(|(_, it)| Collection::Resources(it.kind) == self.collection);
        let page: Vec<_> = of_kind.take(QUERY_PAGE_RECORDS).collect();
        if let Some((last, _)) = page.last() {
            self.place = Place::Resources(last.saturating_add(1));
        }
        page.into_iter().map(|(_, resource)| Document::of_resource(resource)).collect()
    }

    fn next_files(&mut self, after: Option<&str>) -> Vec<Document> {
        let Some(library) = &self.source.files else { return Vec::new() };
        let page = library.page(after, QUERY_PAGE_RECORDS);
        if let Some(last) = page.last() {
            self.place = Place::Files(Some(last.name.clone()));
        }
        page.iter().map(Document::of_file).collect()
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
        match self.collection {
            Collection::Resources(kind) => {
                Ok(self.source.resource(kind, id).map(Document::of_resource))
            }
            Collection::Files => {
                let file = self.source.files.as_ref().and_then(|files| files.find(id));
                Ok(file.as_ref().map(Document::of_file))
            }
            Collection::Faults => {
                let Some((device, channel)) = id.split_once(':') else { return Ok(None) };
                let task = channel.strip_prefix("task_").unwrap_or_default();
                match self.find_task(task).await?.filter(|fault| fault.id() == id) {
                    Some(fault) => Ok(Some(fault)),
                    None => self.find_fault(device, channel).await,
                }
            }
            _ => self.find_task(id).await,
        }
    }

    async fn find_task(&self, id: &str) -> Result<Option<Document>, Error> {
        let Ok(task) = TaskId::parse(id) else { return Ok(None) };
        let Some(task) = self.source.store.task(&task).await? else { return Ok(None) };
        Ok(self.is_listed(&task).then(|| self.document_of(&task)).flatten())
    }

    async fn find_fault(&self, device: &str, channel: &str) -> Result<Option<Document>, Error> {
        let Ok(device) = DeviceKey::parse(device) else { return Ok(None) };
        let filter = FaultFilter { device: Some(device), channel: Some(channel.to_owned()) };
        let found = self.source.store.faults(filter, None, 1).await?;
        Ok(found.first().map(|(_, fault)| self.document_of_fault(fault)))
    }

    fn document_of_fault(&self, fault: &DeviceFault) -> Document {
        let json = fault::document(fault, &self.source.catalog);
        Document::Plain { id: fault::id(fault), json }
    }

    fn document_of(&self, task: &Task) -> Option<Document> {
        Document::of_task(self.collection, task, &self.source.catalog)
    }

    fn is_listed(&self, task: &Task) -> bool {
        let is_done = matches!(task.state, drover_provision::TaskState::Done(_));
        !is_done || self.collection == Collection::Tasks { with_done: true }
    }
}
