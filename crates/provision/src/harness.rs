//! A store and a device for tests: plain values that sessions are held with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use drover_cwmp::message::*;
use drover_cwmp::session::acs::Reply;
use drover_cwmp::{CwmpNamespace, DateTime, Envelope, Fault, FaultCode, Value};
use drover_datamodel::catalog::Catalog;
use jiff::{SignedDuration, Timestamp};

use crate::authentication::{Admitted, DeviceCredentials};
use crate::channel::ChannelFault;
use crate::operation::Operation;
use crate::rules::{Resource, ResourceKind, Rules};
use crate::script::{Data, Engine};
use crate::trace::Trace;
use crate::*;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(crate) fn envelope(message: impl Into<Message>, id: &str) -> Vec<u8> {
    let namespace = CwmpNamespace::V1_2;
    Envelope::new(namespace, Some(id.to_owned()), message).to_xml().into_bytes()
}

pub(crate) fn inform(events: &[(&str, &str)], values: &[(&str, Value)]) -> Inform {
    let event = |(code, key): &(&str, &str)| EventStruct {
        event_code: (*code).to_owned(),
        command_key: (*key).to_owned(),
    };
    Inform {
        device_id: DeviceIdStruct {
            manufacturer: "Acme".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: "Box".to_owned(),
            serial_number: "1".to_owned(),
        },
        event: events.iter().map(event).collect(),
        max_envelopes: 1,
        current_time: DateTime::UNKNOWN,
        retry_count: 0,
        parameter_list: values
            .iter()
            .map(|(name, value)| ParameterValueStruct {
                name: (*name).to_owned(),
                value: value.clone(),
            })
            .collect(),
    }
}

pub(crate) fn key() -> DeviceKey {
    DeviceKey::new("00D09E", "Box", "1")
}

/// What a durable store would hold.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) records: BTreeMap<DeviceKey, DeviceRecord>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) faults: BTreeMap<String, ChannelFault>,
    pub(crate) operations: BTreeMap<String, Operation>,
    pub(crate) traces: Vec<Trace>,
    pub(crate) knowledge: BTreeMap<String, Knowledge>,
    pub(crate) credentials: DeviceCredentials,
    /// What lets the device in.
    pub(crate) admitted: Option<Admitted>,
}

impl Shelf {
    pub(crate) fn save(&mut self, batch: Option<Batch>) {
        let Some(batch) = batch else { return };
        if let Some(credentials) = batch.credentials {
            self.credentials = credentials;
        }
        if let Some(fields) = batch.fields {
            let new = DeviceRecord {
                key: batch.device.clone(),
                fields: fields.clone(),
                tags: BTreeSet::new(),
                parameters: BTreeMap::new(),
            };
            self.records.entry(batch.device.clone()).or_insert(new).fields = fields;
        }
        let Some(record) = self.records.get_mut(&batch.device) else { return };
        for (path, parameter) in batch.parameters {
            match parameter {
                Some(parameter) => drop(record.parameters.insert(path, parameter)),
                None => drop(record.parameters.remove(&path)),
            }
        }
        for (tag, is_set) in batch.tags {
            match is_set {
                true => record.tags.insert(tag),
                false => record.tags.remove(&tag),
            };
        }
        apply(&mut self.faults, batch.faults);
        apply(&mut self.operations, batch.operations);
        self.traces.extend(batch.trace);
        self.knowledge.extend(batch.knowledge);
        for (id, task) in batch.tasks {
            match task {
                Some(task) if self.tasks.contains_key(&id) => drop(self.tasks.insert(id, task)),
                Some(_) => {}
                None => drop(self.tasks.remove(&id)),
            }
        }
    }

    pub(crate) fn loaded(&self, key: &DeviceKey, now: Timestamp) -> Loaded {
        let waiting = |task: &&Task| task.state == TaskState::Waiting && task.is_due(now);
        Loaded {
            record: self.records.get(key).cloned(),
            tasks: self.tasks.values().filter(waiting).cloned().collect(),
            faults: self.faults.clone(),
            operations: self.operations.clone(),
            knowledge: self.knowledge.clone(),
            credentials: self.credentials.clone(),
            admitted: self.admitted.clone(),
        }
    }
}

fn apply<T>(kept: &mut BTreeMap<String, T>, changes: BTreeMap<String, Option<T>>) {
    for (name, change) in changes {
        match change {
            Some(new) => drop(kept.insert(name, new)),
            None => drop(kept.remove(&name)),
        }
    }
}

/// A device with a tree, and the habits that real ones have.
#[derive(Debug, Default)]
pub(crate) struct Device {
    /// Parameters with value and writability.
    pub(crate) tree: BTreeMap<String, (Value, bool)>,
    /// Tables in which rows may be created, with the number of the next.
    pub(crate) tables: BTreeMap<String, u32>,
    /// Names that one GetParameterValues may have; more are answered with 9004.
    pub(crate) names_max: Option<usize>,
    /// Parameters that one response may have; more are answered with 9004.
    pub(crate) answers_max: Option<usize>,
    /// GetParameterValues of objects is answered with this fault.
    pub(crate) no_partial: Option<u32>,
    /// GetParameterNames of a whole subtree is answered with this fault.
    pub(crate) no_subtree: Option<u32>,
    /// Names that GetParameterNames tells and GetParameterValues refuses.
    pub(crate) unreadable: BTreeSet<String>,
    /// Parameters that read as nothing, as passwords do.
    pub(crate) hidden: BTreeSet<String>,
    /// Bad names are left out of answers instead of being refused (quirk 25).
    pub(crate) leaves_out: bool,
    /// RPCs that are executed so far.
    pub(crate) log: Vec<Message>,
}

impl Device {
    pub(crate) fn new(values: &[(&str, Value)]) -> Self {
        let entry = |(name, value): &(&str, Value)| ((*name).to_owned(), (value.clone(), true));
        Self { tree: values.iter().map(entry).collect(), ..Self::default() }
    }

    pub(crate) fn names(&self, prefix: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let paths = self.tree.keys().chain(self.tables.keys());
        for path in paths.filter(|path| path.starts_with(prefix)) {
            let dots = path.match_indices('.').map(|(index, _)| &path[..=index]);
            names.extend(dots.filter(|path| path.starts_with(prefix)).map(str::to_owned));
            names.insert(path.clone());
        }
        names
    }

    pub(crate) fn execute(&mut self, request: &Message) -> Message {
        self.log.push(request.clone());
        let outcome = match request {
            Message::GetParameterValues(get) => self.get(get),
            Message::GetParameterNames(get) => self.get_names(get),
            Message::SetParameterValues(set) => self.set(set),
            Message::AddObject(add) => self.add(add),
            Message::DeleteObject(delete) => self.delete(delete),
            Message::Download(_) => {
                let begun = DownloadResponse { status: 1, ..DownloadResponse::default() };
                Ok(begun.into())
            }
            Message::Upload(_) => {
                let begun = UploadResponse { status: 1, ..UploadResponse::default() };
                Ok(begun.into())
            }
            Message::ScheduleInform(_) => Ok(ScheduleInformResponse::default().into()),
            Message::ChangeDuState(_) => Ok(ChangeDuStateResponse::default().into()),
            Message::Reboot(_) => Ok(RebootResponse::default().into()),
            Message::FactoryReset(_) => Ok(FactoryResetResponse::default().into()),
            Message::GetRpcMethods(_) => {
                let method_list = vec!["GetRPCMethods".to_owned(), "FactoryReset".to_owned()];
                Ok(GetRpcMethodsResponse { method_list }.into())
            }
            _ => Err(9000),
        };
        outcome.unwrap_or_else(|code| Fault::new(FaultCode(code)).into())
    }

    fn get(&self, get: &GetParameterValues) -> Result<Message, u32> {
        if self.names_max.is_some_and(|max| get.parameter_names.len() > max) {
            return Err(9004);
        }
        let mut found = BTreeMap::new();
        for name in &get.parameter_names {
            let object = is_object(name);
            if let Some(code) = self.no_partial.filter(|_| object) {
                return Err(code);
            }
            let matching = self
                .tree
                .iter()
                .filter(|(path, _)| if object { path.starts_with(name) } else { *path == name });
            let matching: Vec<_> = matching.collect();
            let bad = matching.iter().any(|(path, _)| self.unreadable.contains(*path))
                || (!object && matching.is_empty())
                || (object && !self.names("").contains(name));
            if bad && !self.leaves_out {
                return Err(9005);
            }
            found.extend(matching.into_iter().filter(|(path, _)| !self.unreadable.contains(*path)));
        }
        if self.answers_max.is_some_and(|max| found.len() > max) {
            return Err(9004);
        }
        let list = found.into_iter().map(|(name, (value, _))| ParameterValueStruct {
            name: name.clone(),
            value: match self.hidden.contains(name) {
                true => Value::new(value.value_type, ""),
                false => value.clone(),
            },
        });
        Ok(GetParameterValuesResponse { parameter_list: list.collect() }.into())
    }

    fn get_names(&self, get: &GetParameterNames) -> Result<Message, u32> {
        let path = &get.parameter_path;
        if let Some(code) = self.no_subtree.filter(|_| !get.next_level) {
            return Err(code);
        }
        let names = self.names(path);
        if names.is_empty() {
            return Err(9005);
        }
        let depth = |name: &str| name.trim_end_matches('.').matches('.').count();
        let level = path.matches('.').count();
        let wanted = names.iter().filter(|name| {
            if get.next_level { *name != path && depth(name) == level } else { true }
        });
        let list = wanted.map(|name| ParameterInfoStruct {
            name: name.clone(),
            writable: self.tree.get(name).is_some_and(|(_, writable)| *writable),
        });
        Ok(GetParameterNamesResponse { parameter_list: list.collect() }.into())
    }

    fn set(&mut self, set: &SetParameterValues) -> Result<Message, u32> {
        let mut faults = Vec::new();
        for entry in &set.parameter_list {
            let code = match self.tree.get(&entry.name) {
                None => 9005,
                Some((_, false)) => 9008,
                Some((old, _)) if old.value_type != entry.value.value_type => 9006,
                Some(_) => continue,
            };
            faults.push(drover_cwmp::SetParameterValuesFault::new(
                entry.name.as_str(),
                FaultCode(code),
                "no",
            ));
        }
        if !faults.is_empty() {
            return Ok(Fault::set_parameter_values(faults).into());
        }
        for entry in &set.parameter_list {
            self.tree.get_mut(&entry.name).unwrap().0 = entry.value.clone();
        }
        Ok(SetParameterValuesResponse { status: 0 }.into())
    }

    fn add(&mut self, add: &AddObject) -> Result<Message, u32> {
        let next = self.tables.get_mut(&add.object_name).ok_or(9005_u32)?;
        let instance_number = *next;
        *next += 1;
        let row = format!("{}{instance_number}.", add.object_name);
        self.tree.insert(format!("{row}Enable"), (Value::boolean(false), true));
        self.tree.insert(format!("{row}Port"), (Value::unsigned_int(0), true));
        Ok(AddObjectResponse { instance_number, status: 0 }.into())
    }

    fn delete(&mut self, delete: &DeleteObject) -> Result<Message, u32> {
        let before = self.tree.len();
        self.tree.retain(|path, _| !path.starts_with(&delete.object_name));
        if self.tree.len() == before {
            return Err(9005);
        }
        Ok(DeleteObjectResponse { status: 0 }.into())
    }
}

/// A server with its store, and the clock.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) shelf: Shelf,
    pub(crate) session: Session,
    /// How sessions are held.
    pub(crate) config: SessionConfig,
    engine: Engine,
    pub(crate) now: Timestamp,
    /// By how much the clock jumps before each of the next POSTs, the last one first.
    pub(crate) jumps: Vec<SignedDuration>,
    /// Batches saved so far.
    pub(crate) saved: Vec<Batch>,
    /// How the last session ended.
    pub(crate) end: Option<End>,
    tasks: u64,
}

/// The catalog of the tests: what ships.
fn config() -> SessionConfig {
    SessionConfig { catalog: Arc::new(Catalog::shipped()), ..SessionConfig::default() }
}

/// A record with these values, all strings, and the root of the first.
pub(crate) fn record_of(values: &[(&str, &str)]) -> DeviceRecord {
    let root = values.first().and_then(|(path, _)| path.split_once('.'));
    let mut server = Server::new();
    let named: Vec<(&str, Value)> =
        values.iter().map(|(path, text)| (*path, Value::string(*text))).collect();
    server.begin(inform(&[("2 PERIODIC", "")], &named));
    let mut record = server.record().clone();
    record.fields.root = root.map(|(root, _)| format!("{root}."));
    record
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            shelf: Shelf::default(),
            session: Session::new(config()),
            config: config(),
            engine: Engine::new().unwrap(),
            now: at(0),
            jumps: Vec::new(),
            saved: Vec::new(),
            end: None,
            tasks: 0,
        }
    }

    /// Gives the server rules: kind, name, text.
    pub(crate) fn rule(&mut self, rules: &[(ResourceKind, &str, &str)]) {
        let resource = |(kind, name, text): &(ResourceKind, &str, &str)| Resource {
            kind: *kind,
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        };
        let resources: Vec<Resource> = rules.iter().map(resource).collect();
        let (rules, invalid) = Rules::compile(&resources, &Rules::default());
        assert!(invalid.is_empty(), "{invalid:?}");
        self.config.rules = Arc::new(rules);
    }

    /// The last session that was recorded.
    pub(crate) fn trace(&self) -> &Trace {
        self.shelf.traces.last().unwrap()
    }

    pub(crate) fn save(&mut self, batch: Option<Batch>) {
        self.saved.extend(batch.clone());
        self.shelf.save(batch);
    }

    pub(crate) fn add_task(&mut self, kind: TaskKind) -> TaskId {
        self.tasks += 1;
        let id = TaskId::new(self.now, self.tasks.to_be_bytes());
        let task = Task::new(id.clone(), key(), kind, self.now);
        task.check().unwrap();
        self.shelf.tasks.insert(id.clone(), task);
        id
    }

    pub(crate) fn state(&self, id: &TaskId) -> &TaskState {
        &self.shelf.tasks[id].state
    }

    pub(crate) fn result(&self, id: &TaskId) -> &TaskResult {
        match self.state(id) {
            TaskState::Done(result) => result,
            other => panic!("not done: {other:?}"),
        }
    }

    pub(crate) fn fault(&self, id: &TaskId) -> &TaskFault {
        match self.state(id) {
            TaskState::Faulted(fault) => fault,
            other => panic!("not faulted: {other:?}"),
        }
    }

    pub(crate) fn record(&self) -> &DeviceRecord {
        &self.shelf.records[&key()]
    }

    /// One POST with all its effects.
    pub(crate) fn post(&mut self, body: &[u8]) -> Reply {
        self.now += SignedDuration::from_secs(1);
        self.now += self.jumps.pop().unwrap_or_default();
        let mut step = self.session.handle(body, self.now);
        let outgoing = loop {
            step = match step {
                Step::Reply(outgoing) => break outgoing,
                Step::Load { key, save } => {
                    self.save(save);
                    break self.session.resume(self.shelf.loaded(&key, self.now), self.now);
                }
                Step::Run => self.session.run(&mut self.engine, self.now),
                Step::Extensions(calls) => {
                    let answer = |call: &Vec<String>| Ok(Data::Text(call.join(",")));
                    self.session.answer(calls.iter().map(answer).collect(), self.now)
                }
            };
        };
        self.save(outgoing.save);
        self.end = outgoing.end;
        outgoing.reply
    }

    /// One POST whose answer is an envelope.
    pub(crate) fn ask(&mut self, body: &[u8]) -> Envelope {
        match self.post(body) {
            Reply::Envelope(xml) => Envelope::parse(xml.as_bytes()).unwrap().envelope,
            other => panic!("no envelope: {other:?}"),
        }
    }

    /// Begins a session; returns after the InformResponse.
    pub(crate) fn begin(&mut self, inform: Inform) {
        self.session = Session::new(self.config.clone());
        let answer = self.ask(&envelope(inform, "i"));
        assert!(matches!(answer.message, Message::InformResponse(_)), "{answer:?}");
    }

    /// Holds a session to its end, at most `posts` POSTs after the Inform. Returns whether it
    /// ended.
    pub(crate) fn hold(&mut self, inform: Inform, device: &mut Device, posts: usize) -> bool {
        self.begin(inform);
        self.go_on(device, posts)
    }

    /// Goes on after the requests of the device, with at most `posts` POSTs. Returns whether the
    /// session ended.
    pub(crate) fn go_on(&mut self, device: &mut Device, posts: usize) -> bool {
        let mut body = Vec::new();
        for _ in 0..posts {
            match self.post(&body) {
                Reply::Empty => {
                    assert_eq!(self.end, Some(End::Complete));
                    return true;
                }
                Reply::Envelope(xml) => {
                    let request = Envelope::parse(xml.as_bytes()).unwrap().envelope;
                    let id = request.header.id.clone().unwrap();
                    body = envelope(device.execute(&request.message), &id);
                }
                Reply::Status(status) => panic!("status {status}: {:?}", self.end),
            }
        }
        false
    }

    /// Holds a session that ends well.
    pub(crate) fn visit(&mut self, events: &[(&str, &str)], device: &mut Device) {
        let values: Vec<(&str, Value)> =
            vec![("Device.DeviceInfo.SoftwareVersion", Value::string("1.0"))];
        assert!(self.hold(inform(events, &values), device, 1000), "the session does not end");
    }
}
