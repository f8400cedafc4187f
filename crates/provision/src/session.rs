//! A whole session of the server with one device, as a value.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use drover_cwmp::auth::Credentials;
use drover_cwmp::event::{Event, EventCode};
use drover_cwmp::message::Inform;
use drover_cwmp::session::acs::{
    Answered, Broken, Busy, BusyStep, ExpectInform, First, Informed, Open, OpenStep, Post, Reply,
    Rest, Turn,
};
use drover_cwmp::{CwmpVersion, Error, Fault, FaultCode, Message, Value};
use drover_datamodel::catalog::Catalog;
use jiff::Timestamp;

use crate::answer::answer;
use crate::batch::Batch;
use crate::book::{Book, Source};
use crate::channel::ChannelFault;
use crate::key::DeviceKey;
use crate::limits::{
    COMMAND_KEY_CHARS_MAX, NAMES_PER_REQUEST, RPCS_PER_SESSION_MAX, TASKS_PER_SESSION_MAX,
};
use crate::operation::Operation;
use crate::plan::{Answer, Desk, Job, Next};
use crate::record::{DeviceFields, DeviceRecord, Identity};
use crate::task::{Task, TaskFault, TaskKind, TaskState};

/// How sessions are held.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The newest protocol version to speak.
    pub newest_version: CwmpVersion,
    /// Names asked for by one GetParameterValues; at least 1.
    pub names_per_request: usize,
    /// The data models from which that of the device is chosen.
    pub catalog: Arc<Catalog>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            newest_version: CwmpVersion::V1_4,
            names_per_request: NAMES_PER_REQUEST,
            catalog: Arc::default(),
        }
    }
}

/// What a session needs from the store.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The record of the device, if it is known.
    pub record: Option<DeviceRecord>,
    /// Its waiting tasks that are due, in the order in which they are to be done.
    pub tasks: Vec<Task>,
    /// Its channels that are blocked.
    pub faults: BTreeMap<String, ChannelFault>,
    /// What it has begun and not yet reported, by CommandKey.
    pub operations: BTreeMap<String, Operation>,
}

/// What the shell has to do after a POST.
#[derive(Debug)]
pub enum Step {
    /// Save the batch, load what is known of the device, then call [`Session::resume`] or
    /// [`Session::refuse`]; the POST waits for its reply meanwhile.
    Load {
        /// The device that sent the Inform.
        key: DeviceKey,
        /// Left over from a session that this Inform cut off (`ACS-11`).
        save: Option<Batch>,
    },
    /// Answer the POST.
    Reply(Outgoing),
}

/// The answer to a POST, and what must happen before it is sent.
#[derive(Debug)]
pub struct Outgoing {
    /// What goes into the HTTP response.
    pub reply: Reply,
    /// To be made durable **before** the reply is sent. When that fails, the reply must not be sent
    /// and the session is lost: the device repeats what it was not told to have arrived.
    pub save: Option<Batch>,
    /// Set when the session is over.
    pub end: Option<End>,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Both sides have said that they have nothing more (`ACS-07`).
    Complete,
    /// It failed.
    Failed(Failure),
}

/// Why a session failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The device or the protocol.
    #[error(transparent)]
    Cwmp(Box<Error>),
    /// The server refused the Inform with this fault.
    #[error("the Inform was refused: {0}")]
    Refused(Fault),
    /// Another device came in the session of this one.
    #[error("an Inform of {found} came in the session of {expected}")]
    OtherDevice {
        /// Whose session it is.
        expected: DeviceKey,
        /// Who sent the Inform.
        found: DeviceKey,
    },
    /// A POST after the end, or while the one before is not yet answered.
    #[error("a POST came although the session takes none now")]
    NotNow,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Cwmp(Box::new(error))
    }
}

/// A session with one device, from the first POST to the last reply.
///
/// Feed it every POST with [`handle`](Self::handle) and do what the [`Step`] says. When no POST
/// comes for too long, or the reply cannot be sent, call [`abandon`](Self::abandon).
pub struct Session {
    config: SessionConfig,
    state: State,
    session_timeout: Option<u32>,
    device: Option<DeviceKey>,
}

#[derive(Debug)]
enum State {
    Start(ExpectInform),
    Loading(Box<Informed>),
    Open(Open, Box<Work>),
    Busy(Box<Busy>, Box<Work>),
    Over,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start(_) => "Start",
            State::Loading(_) => "Loading",
            State::Open(..) => "Open",
            State::Busy(..) => "Busy",
            State::Over => "Over",
        };
        f.debug_struct("Session").field("device", &self.device).field("state", &state).finish()
    }
}

impl Session {
    /// A session that waits for its first POST.
    pub fn new(config: SessionConfig) -> Self {
        let state = State::Start(ExpectInform::new(config.newest_version));
        Self { config, state, session_timeout: None, device: None }
    }

    /// The device, once its Inform came.
    pub const fn device(&self) -> Option<&DeviceKey> {
        self.device.as_ref()
    }

    /// How long the device asks to be waited for between its POSTs, in seconds (`SOAP-10`).
    pub const fn session_timeout(&self) -> Option<u32> {
        self.session_timeout
    }

    /// Whether an Inform was accepted and the session goes on.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(..) | State::Busy(..))
    }

    /// Takes the body of a POST.
    pub fn handle(&mut self, body: &[u8], now: Timestamp) -> Step {
        let post = Post::read(body);
        match std::mem::replace(&mut self.state, State::Over) {
            State::Start(expect) => match post.map_err(Broken::from).and_then(|p| expect.handle(p))
            {
                Ok(First::Nothing(expect, reply)) => {
                    self.state = State::Start(expect);
                    Step::Reply(Outgoing { reply, save: None, end: None })
                }
                Ok(First::Inform(informed)) => self.load(informed, None),
                Err(broken) => Step::Reply(failed(broken, None)),
            },
            State::Open(open, mut work) => {
                work.desk.now = now;
                match post.map_err(Broken::from).and_then(|post| open.handle(post)) {
                    Ok(OpenStep::Request(request)) => {
                        work.desk.book.tolerate(request.tolerated());
                        self.reply_to(request, work)
                    }
                    Ok(OpenStep::Turn(turn)) => Step::Reply(self.take_turn(turn, work)),
                    Ok(OpenStep::Inform(informed)) => self.load(informed, work.cut_off()),
                    Err(broken) => Step::Reply(failed(broken, work.cut_off())),
                }
            }
            State::Busy(busy, mut work) => {
                work.desk.now = now;
                match post.map_err(Broken::from).and_then(|post| busy.handle(post)) {
                    Ok(BusyStep::Answered(answered)) => {
                        let turn = work.handle_answer(answered);
                        Step::Reply(self.take_turn(turn, work))
                    }
                    Ok(BusyStep::Inform(informed)) => self.load(informed, work.cut_off()),
                    Err(broken) => Step::Reply(failed(broken, work.cut_off())),
                }
            }
            State::Loading(_) | State::Over => Step::Reply(not_now()),
        }
    }

    /// Goes on after [`Step::Load`] with what the store knows.
    pub fn resume(&mut self, loaded: Loaded, now: Timestamp) -> Outgoing {
        let State::Loading(informed) = std::mem::replace(&mut self.state, State::Over) else {
            return not_now();
        };
        let Some(identity) = Identity::from_device_id(&informed.inform().device_id) else {
            return not_now();
        };
        let version = informed.version().unwrap_or_default();
        let catalog = Arc::clone(&self.config.catalog);
        let mut book =
            open_book(loaded.record, identity, informed.inform(), (version, now), catalog);
        book.tolerate(informed.tolerated());
        let inform = informed.inform().clone();
        let (open, reply) = match informed.accept(false) {
            Ok(accepted) => accepted,
            Err(broken) => return failed(broken, None),
        };
        let mut work =
            Work::new(Desk { book, names_per_request: self.config.names_per_request.max(1), now });
        work.take_inform(inform, loaded.tasks);
        let save = work.desk.book.take_batch();
        self.state = State::Open(open, Box::new(work));
        Outgoing { reply, save, end: None }
    }

    /// Answers the Inform with a fault instead of [`resume`](Self::resume): 8001 when the device is
    /// not wanted, 8002 when its record cannot be loaded (`ACS-13`).
    pub fn refuse(&mut self, fault: Fault) -> Outgoing {
        let State::Loading(informed) = std::mem::replace(&mut self.state, State::Over) else {
            return not_now();
        };
        refused(*informed, fault, None)
    }

    /// Adds a task that was made while the session was open, and returns whether it will be done
    /// in it. The task must be saved already. Waiting tasks with the same unique key are dropped,
    /// as the store has removed them.
    pub fn queue(&mut self, task: Task, now: Timestamp) -> bool {
        match &mut self.state {
            State::Open(_, work) | State::Busy(_, work) => {
                work.desk.now = now;
                if task.unique_key.is_some() {
                    work.waiting.retain(|other| other.unique_key != task.unique_key);
                }
                let due = task.due <= now && task.state == TaskState::Waiting;
                due && work.queue(task)
            }
            _ => false,
        }
    }

    /// Ends the session from outside: no POST came in time (`ACS-08`), the reply could not be sent,
    /// or the server shuts down. Returns what is left to be saved.
    pub fn abandon(&mut self, now: Timestamp) -> Option<Batch> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open(_, mut work) | State::Busy(_, mut work) => {
                work.desk.now = now;
                work.cut_off()
            }
            _ => None,
        }
    }

    fn load(&mut self, informed: Informed, save: Option<Batch>) -> Step {
        let Some(identity) = Identity::from_device_id(&informed.inform().device_id) else {
            let text = "DeviceId has no SerialNumber, or a member that is too long";
            let fault = Fault::with_text(FaultCode::ACS_INVALID_ARGUMENTS, text);
            return Step::Reply(refused(informed, fault, save));
        };
        let key = identity.key();
        // The session's cookie was given to one device and is good for no other (`SEC-08`).
        if let Some(expected) = self.device.take_if(|device| *device != key) {
            let failure = Failure::OtherDevice { expected, found: key };
            let end = Some(End::Failed(failure));
            return Step::Reply(Outgoing { reply: Reply::Status(400), save, end });
        }
        self.device = Some(key.clone());
        self.session_timeout = informed.session_timeout();
        self.state = State::Loading(Box::new(informed));
        Step::Load { key, save }
    }

    fn reply_to(
        &mut self,
        request: drover_cwmp::session::acs::CpeRequest,
        mut work: Box<Work>,
    ) -> Step {
        let message = match request.refusal() {
            Some(fault) => fault.into(),
            None => answer(request.message(), work.version),
        };
        let (open, reply) = match request.answer(message) {
            Ok(answered) => answered,
            // An argument that the answer repeats breaks a limit.
            Err((misuse, request)) => {
                let text = misuse.to_string();
                request.fault(Fault::with_text(FaultCode::ACS_INVALID_ARGUMENTS, text))
            }
        };
        let save = work.desk.book.take_batch();
        self.state = State::Open(open, work);
        Step::Reply(Outgoing { reply, save, end: None })
    }

    fn take_turn(&mut self, turn: Turn, mut work: Box<Work>) -> Outgoing {
        match work.send_next(turn) {
            Ok((busy, reply)) => {
                let save = work.desk.book.take_batch();
                self.state = State::Busy(Box::new(busy), work);
                Outgoing { reply, save, end: None }
            }
            Err(turn) => {
                let save = work.desk.book.take_batch();
                let (rest, reply) = turn.nothing();
                let end = match rest {
                    Rest::Open(open) => {
                        self.state = State::Open(open, work);
                        None
                    }
                    Rest::Ended => Some(End::Complete),
                };
                Outgoing { reply, save, end }
            }
        }
    }
}

fn failed(broken: Broken, save: Option<Batch>) -> Outgoing {
    let end = Some(End::Failed(broken.error.into()));
    Outgoing { reply: broken.reply, save, end }
}

fn refused(informed: Informed, fault: Fault, save: Option<Batch>) -> Outgoing {
    let (_, reply) = informed.refuse(fault.clone());
    Outgoing { reply, save, end: Some(End::Failed(Failure::Refused(fault))) }
}

const fn not_now() -> Outgoing {
    let end = Some(End::Failed(Failure::NotNow));
    Outgoing { reply: Reply::Status(400), save: None, end }
}

/// The record with what the Inform says about the device itself.
fn open_book(
    record: Option<DeviceRecord>,
    identity: Identity,
    inform: &Inform,
    (version, now): (CwmpVersion, Timestamp),
    catalog: Arc<Catalog>,
) -> Book {
    let events = events(inform);
    let has = |code| events.iter().any(|event: &Event| event.code == code);
    let old = record.as_ref().map(|record| record.fields.clone());
    let fields = DeviceFields {
        registered: old.as_ref().map_or(now, |old| old.registered),
        last_inform: now,
        last_boot: if has(EventCode::Boot) {
            Some(now)
        } else {
            old.as_ref().and_then(|old| old.last_boot)
        },
        last_bootstrap: if has(EventCode::Bootstrap) {
            Some(now)
        } else {
            old.as_ref().and_then(|old| old.last_bootstrap)
        },
        sessions: old.as_ref().map_or(0, |old| old.sessions).saturating_add(1),
        root: root(inform).or_else(|| old.as_ref().and_then(|old| old.root.clone())),
        cwmp_version: version,
        peculiarities: old.as_ref().map_or_else(BTreeSet::new, |old| old.peculiarities.clone()),
        connection_request: old.map_or_else(Credentials::default, |old| old.connection_request),
        last_events: events,
        identity,
    };
    let record = record.unwrap_or_else(|| DeviceRecord {
        key: fields.identity.key(),
        fields: fields.clone(),
        tags: BTreeSet::new(),
        parameters: BTreeMap::new(),
    });
    let mut book = Book::new(record, catalog);
    book.set_fields(fields);
    book
}

/// The events of an Inform in the spelling of the standard (`LEN-11`).
fn events(inform: &Inform) -> Vec<Event> {
    let listed = inform.event.iter().take(drover_cwmp::limits::EVENTS_MAX);
    listed
        .map(|event| {
            let (code, _) = EventCode::parse(&event.event_code);
            Event::with_key(
                code,
                event.command_key.chars().take(COMMAND_KEY_CHARS_MAX).collect::<String>(),
            )
        })
        .collect()
}

/// The root object that the parameters of an Inform share (`INF-04`).
fn root(inform: &Inform) -> Option<String> {
    let roots = inform.parameter_list.iter().filter_map(|parameter| {
        let (root, _) = parameter.name.split_once('.')?;
        (!root.is_empty() && root.len() <= 64).then(|| format!("{root}."))
    });
    let all: Vec<String> = roots.collect();
    let standard =
        all.iter().find(|root| matches!(root.as_str(), "Device." | "InternetGatewayDevice."));
    standard.or_else(|| all.first()).cloned()
}

/// The server's side of an open session.
#[derive(Debug)]
struct Work {
    desk: Desk,
    version: CwmpVersion,
    waiting: VecDeque<Task>,
    job: Option<Job>,
    /// Requests sent so far.
    requests: u32,
}

impl Work {
    fn new(desk: Desk) -> Self {
        let version = desk.book.record().fields.cwmp_version;
        Self { desk, version, waiting: VecDeque::new(), job: None, requests: 0 }
    }

    fn take_inform(&mut self, inform: Inform, tasks: Vec<Task>) {
        let parameter_key = parameter_key(&inform);
        let events = self.desk.book.record().fields.last_events.clone();
        for parameter in inform.parameter_list {
            self.desk.book.observe(&parameter.name, parameter.value, Source::Inform, self.desk.now);
        }
        if self.desk.book.take_overflow() > 0 {
            let mut fields = self.desk.book.record().fields.clone();
            fields.note("more or bigger parameters than are kept");
            self.desk.book.set_fields(fields);
        }
        for task in tasks {
            self.take_task(task, &events, parameter_key.as_ref());
        }
    }

    /// Decides what becomes of a task that waits when the session begins.
    fn take_task(&mut self, mut task: Task, events: &[Event], parameter_key: Option<&Value>) {
        if task.progress.sent.is_none() {
            if task.is_expired(self.desk.now) {
                self.desk.book.remove_task(task.id);
            } else {
                self.queue(task);
            }
            return;
        }
        match aftermath(&task, events) {
            Aftermath::Happened => self.finish(task, Ok(crate::TaskResult::new(self.desk.now))),
            Aftermath::Repeat => {
                self.queue(task);
            }
            Aftermath::Unknown => {
                let created = parameter_key.is_some_and(|key| key.text == task.id.as_str());
                task.progress.sent = None;
                let fault = self.desk.fault("session_terminated", undetermined(created));
                self.finish(task, Err(fault));
            }
        }
    }

    fn queue(&mut self, task: Task) -> bool {
        let room = self.waiting.len() < TASKS_PER_SESSION_MAX;
        if room {
            self.waiting.push_back(task);
        }
        room
    }

    /// Sends the next request of the tasks, or gives the turn back when there is none.
    fn send_next(&mut self, mut turn: Turn) -> Result<(Busy, Reply), Turn> {
        while let Some(mut job) = self.job.take().or_else(|| self.begin()) {
            let request = match job.next(&mut self.desk) {
                Next::Ask(request) => request,
                Next::Done(result) => {
                    self.finish(job.task, Ok(result));
                    continue;
                }
                Next::Fault(fault) => {
                    self.finish(job.task, Err(fault));
                    continue;
                }
            };
            if self.requests >= RPCS_PER_SESSION_MAX {
                self.finish(job.task, Err(self.desk.fault("too_many_rpcs", too_many_rpcs())));
                self.waiting.clear();
                break;
            }
            self.requests = self.requests.saturating_add(1);
            if !is_repeatable(&request) {
                job.task.progress.sent = Some(self.desk.now);
                self.desk.book.save_task(&job.task);
            }
            match turn.send(request, self.requests.to_string()) {
                Ok(sent) => {
                    self.job = Some(job);
                    return Ok(sent);
                }
                Err((misuse, back)) => {
                    turn = back;
                    let fault = self.desk.fault("invalid_request", misuse.to_string());
                    job.task.progress.sent = None;
                    self.finish(job.task, Err(fault));
                }
            }
        }
        Err(turn)
    }

    /// Takes up the next waiting task.
    fn begin(&mut self) -> Option<Job> {
        loop {
            let task = self.waiting.pop_front()?;
            if task.is_expired(self.desk.now) && task.progress.sent.is_none() {
                self.desk.book.remove_task(task.id);
                continue;
            }
            match Job::new(task, &self.desk) {
                Ok(job) => return Some(job),
                Err(failed) => {
                    let (task, fault) = *failed;
                    self.finish(task, Err(fault));
                }
            }
        }
    }

    fn handle_answer(&mut self, answered: Answered) -> Turn {
        self.desk.book.tolerate(&answered.tolerated);
        let Answered { request, answer, turn, .. } = answered;
        let answer = self.outcome(&request, answer);
        if let Some(job) = &mut self.job {
            job.handle(answer, &mut self.desk);
            if !is_repeatable(&request) {
                self.desk.book.save_task(&job.task);
            }
        }
        // What a factory reset would undo waits until it has happened.
        if matches!(request, Message::FactoryReset(_)) {
            self.waiting.clear();
        }
        turn
    }

    fn outcome(&self, request: &Message, answer: Message) -> Answer {
        match answer {
            Message::Fault(fault) => {
                Err(TaskFault::from_fault(self.desk.now, request.name(), &fault))
            }
            Message::Invalid(invalid) => {
                Err(self.desk.invalid(format!("{}: {}", invalid.name, invalid.violation)))
            }
            response => Ok(response),
        }
    }

    fn finish(&mut self, mut task: Task, outcome: Result<crate::TaskResult, TaskFault>) {
        task.progress.sent = None;
        task.state = match outcome {
            Ok(result) => {
                task.kind.forget_secrets(|name| self.desk.book.is_secret(name));
                TaskState::Done(result)
            }
            Err(fault) => TaskState::Faulted(fault),
        };
        self.desk.book.save_task(&task);
    }

    /// The session breaks off. A request whose answer is missing is undetermined (`MRB-05`): what
    /// can be repeated stays as it is, and a later Inform tells what became of a restart.
    fn cut_off(mut self: Box<Self>) -> Option<Batch> {
        if let Some(mut job) = self.job.take()
            && job.task.progress.sent.is_some()
            && aftermath(&job.task, &[]) == Aftermath::Unknown
        {
            job.task.progress.sent = None;
            let fault = self.desk.fault("session_terminated", undetermined(false));
            self.finish(job.task, Err(fault));
        }
        self.desk.book.take_batch()
    }
}

/// What is known of a request whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aftermath {
    /// The device has done it.
    Happened,
    /// It may be sent again.
    Repeat,
    /// Nobody can tell, and doing it twice would do harm.
    Unknown,
}

fn aftermath(task: &Task, events: &[Event]) -> Aftermath {
    let has = |code: EventCode| events.iter().any(|event| event.code == code);
    let own_reboot = Event::with_key(EventCode::MReboot, task.id.as_str());
    match task.kind {
        // Not every device sends `M Reboot` (quirk 27); that it has started says the same.
        TaskKind::Reboot if events.contains(&own_reboot) || has(EventCode::Boot) => {
            Aftermath::Happened
        }
        TaskKind::FactoryReset if has(EventCode::Bootstrap) => Aftermath::Happened,
        TaskKind::AddObject { .. } => Aftermath::Unknown,
        _ => Aftermath::Repeat,
    }
}

fn undetermined(created: bool) -> &'static str {
    if created {
        "the session ended before the answer to AddObject came; the device has created the row, \
         but its number is not known: refresh the table, and delete this task"
    } else {
        "the session ended before the answer to AddObject came, so nobody knows whether the row \
         exists: refresh the table, then delete or retry this task"
    }
}

fn too_many_rpcs() -> String {
    format!("the session has sent {RPCS_PER_SESSION_MAX} requests: split the task")
}

/// Whether a request may be sent again when its answer was lost.
const fn is_repeatable(request: &Message) -> bool {
    !matches!(
        request,
        Message::AddObject(_)
            | Message::DeleteObject(_)
            | Message::Reboot(_)
            | Message::FactoryReset(_)
    )
}

/// `ManagementServer.ParameterKey`, which every Inform tells (section 21 of the requirements). The
/// server sets it to the id of the task that changed something last.
fn parameter_key(inform: &Inform) -> Option<Value> {
    let key = inform
        .parameter_list
        .iter()
        .find(|parameter| parameter.name.ends_with(".ManagementServer.ParameterKey"));
    key.map(|parameter| parameter.value.clone())
}

#[cfg(test)]
mod tests;
