//! A whole session of the server with one device, as a value.

mod configured;
mod known;
mod recorder;
mod round;
mod settings;
mod translate;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use drover_cwmp::auth::Credentials;
use drover_cwmp::event::{Event, EventCode};
use drover_cwmp::message::{DeviceIdStruct, Inform};
use drover_cwmp::session::acs::{
    Broken, Busy, BusyStep, ExpectInform, First, Informed, Open, OpenStep, Post, Reply, Rest, Turn,
};
use drover_cwmp::{CwmpVersion, Error, Fault, FaultCode, ValueType};
use drover_datamodel::catalog::Catalog;
use jiff::Timestamp;

use crate::admission::Class;
use crate::answer::answer;
use crate::authentication::{Admitted, Decision, DeviceCredentials};
use crate::batch::{Batch, Knowledge};
use crate::book::Book;
use crate::channel::{ChannelFault, Channels};
use crate::expression::Expression;
use crate::key::DeviceKey;
use crate::limits::{COMMAND_KEY_CHARS_MAX, NAMES_PER_REQUEST};
use crate::operation::Operation;
use crate::plan::Desk;
use crate::preset;
use crate::record::{DeviceFields, DeviceRecord, Identity};
use crate::rules::Rules;
use crate::script::{Data, Engine, Fault as ScriptFault};
use crate::task::{NewValue, SetValue, Task, TaskId, TaskKind, TaskState};
use crate::trace::{IdleReason, What};
use crate::view::DeviceView;

use known::{Told, event_names};
use recorder::Recorder;
use round::Ran;
use work::{Beginning, Work, idle_reason};

pub use configured::{OfDevice, check_setting};
pub use recorder::Recording;
pub use settings::{Settings, Writing};

/// How sessions are held.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The newest protocol version to speak.
    pub newest_version: CwmpVersion,
    /// Names asked for by one GetParameterValues; at least 1.
    pub names_per_request: usize,
    /// The data models from which that of the device is chosen.
    pub catalog: Arc<Catalog>,
    /// Presets, provisions and virtual parameters.
    pub rules: Arc<Rules>,
    /// How their scripts run.
    pub settings: Arc<Settings>,
    /// What is otherwise for some devices; see [`SessionConfig::with_settings`].
    pub of_device: Arc<[OfDevice]>,
    /// The setting `cwmp.auth`: which devices may begin a session. One that cannot be read is true
    /// for none.
    pub auth: Option<Arc<Expression>>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            newest_version: CwmpVersion::V1_4,
            names_per_request: NAMES_PER_REQUEST,
            catalog: Arc::default(),
            rules: Arc::default(),
            settings: Arc::default(),
            of_device: Arc::default(),
            auth: None,
        }
    }
}

impl SessionConfig {
    /// Every preset with the reason why its provisions would not run, if the device came now with
    /// the events of its last session. `faults` are those of its channels.
    pub fn presets_for(
        &self,
        record: &DeviceRecord,
        faults: &BTreeMap<String, ChannelFault>,
        now: Timestamp,
    ) -> Vec<(String, Option<IdleReason>)> {
        let view = DeviceView::new(record, now);
        let (settings, ..) = self.for_device(&view);
        let events = event_names(&record.fields.last_events, false);
        let session = preset::Session { time: now, zone: &settings.zone, events: &events };
        // A channel whose time has come is tried again.
        let mut faults = faults.clone();
        faults.retain(|_, fault| !fault.is_due(settings.retry_delay, now));
        let presets = self.rules.presets.iter();
        let reason = |preset| idle_reason(preset, session, &view, &faults, settings.retry_delay);
        presets.map(|preset| (preset.name.clone(), reason(preset))).collect()
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
    /// What is known of the devices of its product, by firmware.
    pub knowledge: BTreeMap<String, Knowledge>,
    /// Its own credentials.
    pub credentials: DeviceCredentials,
    /// What has let it in. The store does not know it.
    pub admitted: Option<Admitted>,
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
    /// Call [`Session::run`] on a thread where scripts may run; the POST waits meanwhile. Such a
    /// thread may have to be given up, so what [`Session::lost`] says is to be saved then.
    Run,
    /// Call these extensions, each with its arguments, then [`Session::answer`] with their answers
    /// in this order.
    Extensions(Vec<Vec<String>>),
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
    /// The Inform, until the record is there.
    first: Option<(Box<[u8]>, Timestamp)>,
}

#[derive(Debug)]
enum State {
    Start(ExpectInform),
    Loading(Box<Informed>),
    Open(Open, Box<Work>),
    Busy(Box<Busy>, Box<Work>),
    /// Scripts are to run, or extensions to answer, before the POST gets its reply.
    Scripts(Turn, Box<Work>),
    Over,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start(_) => "Start",
            State::Loading(_) => "Loading",
            State::Open(..) => "Open",
            State::Busy(..) => "Busy",
            State::Scripts(..) => "Scripts",
            State::Over => "Over",
        };
        f.debug_struct("Session").field("device", &self.device).field("state", &state).finish()
    }
}

impl Session {
    /// A session that waits for its first POST.
    pub fn new(config: SessionConfig) -> Self {
        let state = State::Start(ExpectInform::new(config.newest_version));
        Self { config, state, session_timeout: None, device: None, first: None }
    }

    /// The device, once its Inform came.
    pub const fn device(&self) -> Option<&DeviceKey> {
        self.device.as_ref()
    }

    /// Whether the device comes because it was asked (`CR-07`): known from the Inform until
    /// [`resume`](Self::resume).
    pub fn is_asked_for(&self) -> bool {
        let State::Loading(informed) = &self.state else { return false };
        let mut events = informed.inform().event.iter();
        events.any(|event| EventCode::parse(&event.event_code).0 == EventCode::ConnectionRequest)
    }

    /// Who the device says it is, and whether it says that it was reset to factory defaults: known
    /// from the Inform until [`resume`](Self::resume).
    pub fn claim(&self) -> Option<(Identity, bool)> {
        let State::Loading(informed) = &self.state else { return None };
        let inform = informed.inform();
        let is_bootstrap = |code: &str| matches!(EventCode::parse(code), (EventCode::Bootstrap, _));
        let is_bootstrap = inform.event.iter().any(|event| is_bootstrap(&event.event_code));
        Some((Identity::from_device_id(&inform.device_id)?, is_bootstrap))
    }

    /// How long the device asks to be waited for between its POSTs, in seconds (`SOAP-10`).
    pub const fn session_timeout(&self) -> Option<u32> {
        self.session_timeout
    }

    /// Who comes first when not all can: known from the Inform until [`resume`](Self::resume).
    pub fn class(&self) -> Option<Class> {
        let State::Loading(informed) = &self.state else { return None };
        let events =
            informed.inform().event.iter().map(|event| EventCode::parse(&event.event_code));
        let codes: Vec<EventCode> = events.map(|(code, _)| code).collect();
        Some(Class::of(&codes))
    }

    /// How long an open session may wait for its next POST by the setting `cwmp.sessionTimeout`, in
    /// seconds; the device may have asked for more.
    pub fn timeout_setting(&self) -> Option<u32> {
        match &self.state {
            State::Open(_, work) | State::Busy(_, work) | State::Scripts(_, work) => {
                work.session_timeout()
            }
            _ => None,
        }
    }

    /// Whether an Inform was accepted and the session goes on.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(..) | State::Busy(..) | State::Scripts(..))
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
                Ok(First::Inform(informed)) => {
                    self.first = Some((body.into(), now));
                    self.load(informed, None)
                }
                Err(broken) => Step::Reply(failed(broken, None)),
            },
            State::Open(open, mut work) => {
                work.desk.now = now;
                work.recorder.received(body, now);
                match post.map_err(Broken::from).and_then(|post| open.handle(post)) {
                    Ok(OpenStep::Request(request)) => {
                        work.desk.book.tolerate(request.tolerated());
                        self.reply_to(request, work)
                    }
                    Ok(OpenStep::Turn(turn)) => self.take_turn(turn, work),
                    Ok(OpenStep::Inform(informed)) => self.begin_anew(informed, work, (body, now)),
                    Err(broken) => Step::Reply(broken_off(broken, work)),
                }
            }
            State::Busy(busy, mut work) => {
                work.desk.now = now;
                work.recorder.received(body, now);
                match post.map_err(Broken::from).and_then(|post| busy.handle(post)) {
                    Ok(BusyStep::Answered(answered)) => {
                        let turn = work.handle_answer(answered);
                        self.take_turn(turn, work)
                    }
                    Ok(BusyStep::Inform(informed)) => self.begin_anew(informed, work, (body, now)),
                    Err(broken) => Step::Reply(broken_off(broken, work)),
                }
            }
            State::Loading(_) | State::Scripts(..) | State::Over => Step::Reply(not_now()),
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
        let is_new = loaded.record.is_none();
        let mut book =
            open_book(loaded.record, identity, informed.inform(), (version, now), catalog);
        book.admit(loaded.credentials, loaded.admitted.as_ref());
        book.tolerate(informed.tolerated());
        let onboarding = loaded.admitted.and_then(|it| onboarding(book.record(), it, now));
        let inform = informed.inform().clone();
        let names = inform.parameter_list.iter().map(|parameter| parameter.name.clone());
        let told = Told {
            id: id_as_sent(&inform),
            session: now,
            parameters: names.collect(),
            events: event_names(&book.record().fields.last_events, is_new),
        };
        let view = DeviceView::new(book.record(), now);
        let (settings, names_per_request, wrong) = self.config.for_device(&view);
        let mut recorder = Recorder::new(settings.recording, now);
        if let Some((body, time)) = self.first.take() {
            recorder.received(&body, time);
        }
        for complaint in wrong {
            recorder.note(What::Failed(format!("a setting is not followed: {complaint}")), now);
        }
        let (open, reply) = match informed.accept(false) {
            Ok(accepted) => accepted,
            Err(broken) => return failed(broken, None),
        };
        let names_per_request = names_per_request.max(1);
        let mut work = Work::new(Beginning {
            desk: Desk { book, names_per_request, now },
            rules: Arc::clone(&self.config.rules),
            settings,
            told,
            channels: Channels::new(loaded.faults),
            operations: loaded.operations,
            knowledge: loaded.knowledge,
            recorder,
        });
        work.take_inform(inform, onboarding.into_iter().chain(loaded.tasks).collect());
        self.state = State::Open(open, Box::new(work));
        self.outgoing(reply, None)
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
            State::Open(_, work) | State::Busy(_, work) | State::Scripts(_, work) => {
                work.desk.now = now;
                work.replace(&task);
                let due = task.is_due(now) && task.state == TaskState::Waiting;
                due && work.queue(task)
            }
            _ => false,
        }
    }

    /// Ends the session from outside: no POST came in time (`ACS-08`), the reply could not be sent,
    /// or the server shuts down. Returns what is left to be saved.
    pub fn abandon(&mut self, now: Timestamp) -> Option<Batch> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open(_, mut work) | State::Busy(_, mut work) | State::Scripts(_, mut work) => {
                work.desk.now = now;
                work.cut_off("the device did not come again")
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
            None => {
                work.take_request(request.message());
                answer(request.message(), work.version)
            }
        };
        let (open, reply) = match request.answer(message) {
            Ok(answered) => answered,
            // An argument that the answer repeats breaks a limit.
            Err((misuse, request)) => {
                let text = misuse.to_string();
                request.fault(Fault::with_text(FaultCode::ACS_INVALID_ARGUMENTS, text))
            }
        };
        self.state = State::Open(open, work);
        Step::Reply(self.outgoing(reply, None))
    }

    /// Sends what is next: first a task, then what presets want, then nothing more.
    fn take_turn(&mut self, turn: Turn, mut work: Box<Work>) -> Step {
        let turn = match work.needs_scripts() {
            true => Err(turn),
            false => work.send_task(turn),
        };
        match turn {
            Ok((busy, reply)) => {
                self.state = State::Busy(Box::new(busy), work);
                Step::Reply(self.outgoing(reply, None))
            }
            Err(turn) if work.needs_scripts() || work.begin_round() => {
                self.state = State::Scripts(turn, work);
                Step::Run
            }
            Err(turn) => {
                let (rest, reply) = turn.nothing();
                match rest {
                    Rest::Open(open) => {
                        self.state = State::Open(open, work);
                        Step::Reply(self.outgoing(reply, None))
                    }
                    Rest::Ended => {
                        work.close("complete");
                        let save = work.desk.book.take_batch();
                        Step::Reply(Outgoing { reply, save, end: Some(End::Complete) })
                    }
                }
            }
        }
    }

    /// Goes on after [`Step::Run`].
    pub fn run(&mut self, engine: &mut Engine, now: Timestamp) -> Step {
        loop {
            let State::Scripts(turn, mut work) = std::mem::replace(&mut self.state, State::Over)
            else {
                return Step::Reply(not_now());
            };
            work.desk.now = now;
            let step = match work.run(engine, turn) {
                Ran::Sent(busy, reply) => {
                    self.state = State::Busy(Box::new(busy), work);
                    Step::Reply(self.outgoing(reply, None))
                }
                Ran::Extensions(calls, turn) => {
                    self.state = State::Scripts(turn, work);
                    Step::Extensions(calls)
                }
                Ran::Ended(turn) => self.take_turn(turn, work),
            };
            if !matches!(step, Step::Run) {
                return step;
            }
        }
    }

    /// Goes on after [`Step::Extensions`], with the answers in the same order.
    pub fn answer(&mut self, answers: Vec<Result<Data, ScriptFault>>, now: Timestamp) -> Step {
        let State::Scripts(_, work) = &mut self.state else { return Step::Reply(not_now()) };
        work.desk.now = now;
        work.answer(answers);
        Step::Run
    }

    /// What is to be saved when the thread that [`Session::run`] was called on does not come back:
    /// the fault of the channels whose scripts it runs. Asked for before that call.
    pub fn lost(&self) -> Option<Batch> {
        let State::Scripts(_, work) = &self.state else { return None };
        work.lost()
    }

    /// A reply of the open session, with what is to be saved before it.
    fn outgoing(&mut self, reply: Reply, end: Option<End>) -> Outgoing {
        let save = match &mut self.state {
            State::Open(_, work) | State::Busy(_, work) | State::Scripts(_, work) => {
                if let Reply::Envelope(xml) = &reply {
                    work.recorder.sent(xml, work.desk.now);
                }
                work.desk.book.take_batch()
            }
            _ => None,
        };
        Outgoing { reply, save, end }
    }

    /// The device begins a new session in the place of this one (`ACS-11`).
    fn begin_anew(
        &mut self,
        informed: Informed,
        work: Box<Work>,
        (body, now): (&[u8], Timestamp),
    ) -> Step {
        self.first = Some((body.into(), now));
        self.load(informed, work.cut_off("the device began a new session"))
    }
}

/// What gives a device its own credentials. It is not among the tasks of the store: a device that
/// does not take them gets them again in its next session.
fn onboarding(record: &DeviceRecord, admitted: Admitted, now: Timestamp) -> Option<Task> {
    let Decision::Onboard(own) = admitted.decision else { return None };
    let root = record.fields.root.as_deref()?;
    let set = |name, value: &str| SetValue {
        name: format!("{root}ManagementServer.{name}"),
        value: NewValue::Text(value.to_owned()),
        value_type: Some(ValueType::String),
    };
    let values = vec![set("Username", &own.username), set("Password", own.password().expose())];
    let id = TaskId::new(now, record.key.digest().to_be_bytes());
    Some(Task::new(id, record.key.clone(), TaskKind::SetParameterValues { values }, now))
}

/// A session that ends because of what came.
fn broken_off(broken: Broken, work: Box<Work>) -> Outgoing {
    let save = work.cut_off(&broken.error.to_string());
    failed(broken, save)
}

/// The ID of the device with the letters that it sent.
fn id_as_sent(inform: &Inform) -> String {
    let DeviceIdStruct { oui, product_class, serial_number, .. } = &inform.device_id;
    crate::key::id(oui.trim(), product_class.trim(), serial_number.trim())
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

#[cfg(test)]
mod tests;
