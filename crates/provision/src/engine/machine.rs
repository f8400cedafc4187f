//! Runs scripts against a device: rounds of requests until every script has ended (compat 2.1).

mod answer;
mod refusal;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::builtin;
use super::data::{Name, Path, Scalar, Timed, Tree, TypedValue, path_of, written};
use super::declaration::{Declaration, Set};
use super::discovery::{self, Discovery, DiscoveryLimits, Learnt};
use super::healer::{Guilt, Healed, Healer, Setting};
use super::kept::{self, kept};
use super::reason::{Nothing, Reason};
use super::request::{Request, partial_path};
use super::run::{
    Ahead, Forget, LogLine, LogRoom, Progress, Run, Stop, fault, may_be_virtual, scalar_of,
};
use super::sync::{self, Changes, Creation, Crowd, Local, Pending, Scope};
use super::virtual_parameter::{self, Phase};
#[cfg(doc)]
use crate::limits::SCRIPT_LOG_LINE_BYTES;
use crate::limits::{
    NAMES_PER_REQUEST, SCRIPT_LOG_BYTES_PER_SESSION_MAX, SCRIPT_ROWS_PER_SESSION_MAX,
};
use crate::operation::Operation;
use crate::script::{Budget, Data, Engine, Fault, Inputs, Outcome, Script, VirtualParameter};
use crate::secret::{Fingerprint, Sealer};
use crate::view::value_of;

/// What holds for a session.
#[derive(Debug, Clone)]
pub struct Config {
    /// The session's time in milliseconds of the Unix clock.
    pub session: i64,
    /// Which round of presets this is (compat 2.1, point 8); part of the IDs of requests.
    pub cycle: u8,
    /// Provisions by name.
    pub scripts: BTreeMap<String, Arc<Script>>,
    /// Virtual parameters by name.
    pub virtual_parameters: BTreeMap<String, Arc<Script>>,
    /// The zone of cron schedules.
    pub zone: TimeZone,
    /// How long each run of a script may take.
    pub budget: Budget,
    /// Whether scripts can catch a commit, as in GenieACS: see [`Inputs::catches_commit`].
    pub catches_commit: bool,
    /// Parameters that one request reads or sets at most.
    pub batch_size: usize,
    /// Commits at most.
    pub commits_max: usize,
    /// Rows of the device that declarations create and delete at most. More are a fault before the
    /// first of them.
    pub rows_max: usize,
    /// Bytes of lines that scripts log at most, each with [`SCRIPT_LOG_LINE_BYTES`] besides its
    /// texts; further ones are only counted.
    pub log_bytes_max: usize,
    /// Whether values are also sent of parameters that the device says nobody can set.
    pub skips_writable_check: bool,
    /// Whether values that a device refuses are set aside and the others sent again. Otherwise the
    /// refusal of one is a fault, as in GenieACS.
    pub heals: bool,
    /// What devices of this product and firmware are known to refuse: it is not sent, if `heals`.
    pub guilty: BTreeSet<Guilt>,
    /// Makes the fingerprints of the device's secrets.
    pub sealer: Sealer,
    /// How the device is read.
    pub discovery: Discovery,
    /// What devices of this model are known to refuse to tell at once.
    pub discovery_limits: DiscoveryLimits,
}

impl Config {
    /// A session at a time in milliseconds of the Unix clock, without scripts, in UTC, with the
    /// limits of GenieACS, and with what it does not have: values that are refused are set aside,
    /// and devices are read with few requests.
    pub fn new(session: i64) -> Self {
        Self {
            session,
            cycle: 0,
            scripts: BTreeMap::new(),
            virtual_parameters: BTreeMap::new(),
            zone: TimeZone::UTC,
            budget: Budget::default(),
            catches_commit: false,
            batch_size: NAMES_PER_REQUEST,
            commits_max: 32,
            rows_max: SCRIPT_ROWS_PER_SESSION_MAX,
            log_bytes_max: SCRIPT_LOG_BYTES_PER_SESSION_MAX,
            heals: true,
            skips_writable_check: false,
            guilty: BTreeSet::new(),
            sealer: Sealer::default(),
            discovery: Discovery::Economical,
            discovery_limits: DiscoveryLimits::default(),
        }
    }
}

/// Requests of one cycle at most (compat 2.5).
const REQUESTS_MAX: usize = 255;
/// Looks at what is to be done, at most; between two requests there are a few at most.
const ROUNDS_MAX: usize = 4 * REQUESTS_MAX;
/// Virtual parameters that need one another at most, this included (compat 2.5).
const NESTING_MAX: usize = 8;
/// Requests of one cycle at most that find what a device refuses.
const HEALING_REQUESTS_MAX: usize = 128;
/// How often a path that the device does not know any more is looked for again.
const LOST_MAX: u8 = 3;

/// One provision: a name with arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Provision {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Data>,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Send this, then call [`Provisioning::take`] or [`Provisioning::refused`].
    Request {
        /// The ID of the message; the CommandKey of what has one.
        id: String,
        /// What to send.
        request: Request,
    },
    /// Call these extensions, then [`Provisioning::answer`] with their answers in this order.
    Extensions(Vec<Vec<String>>),
    /// All is done.
    Done,
    /// It failed; nothing more is to be done.
    Fault(Fault),
}

/// Provisions at work on one device.
#[derive(Debug)]
pub struct Provisioning {
    config: Arc<Config>,
    device: String,
    tree: Tree,
    frames: Vec<Frame>,
    reads: VecDeque<Write>,
    writes: VecDeque<Write>,
    asked: Option<Write>,
    /// The ID of the request that is out.
    asked_id: String,
    /// What the device has begun and will report later.
    operations: Vec<Operation>,
    /// What the device refuses to set.
    healer: Healer,
    /// What the device refuses to tell at once.
    learnt: Learnt,
    /// Extensions that are asked for: the frame's script and the arguments.
    extensions: Vec<(usize, Vec<String>)>,
    requests: usize,
    pass: i64,
    commits: usize,
    /// Rounds that asked nothing of the device.
    rounds: usize,
    /// What virtual parameters were already set to, whatever their scripts made of it.
    virtual_sets: BTreeMap<Path, TypedValue>,
    lost: BTreeMap<String, u8>,
    /// Parameters that were not empty once and are so now: set again, they are read again, since
    /// that alone tells a secret from what somebody else has emptied.
    emptied: BTreeSet<Path>,
    logs: Vec<LogLine>,
    log_room: LogRoom,
    /// Rows that were created and deleted, or are about to be.
    rows: usize,
    nothing: BTreeSet<Nothing>,
    failed: Option<Fault>,
}

/// Scripts that run side by side: those of the batch, or of virtual parameters.
#[derive(Debug)]
struct Frame {
    scripts: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    code: Code,
    progress: Progress,
    state: State,
    returned: Option<Data>,
}

#[derive(Debug, Clone)]
enum Code {
    Script { script: Arc<Script>, arguments: Vec<Data> },
    Builtin { name: String, arguments: Vec<Data> },
    Virtual { name: Name, script: Arc<Script>, arguments: Vec<Data>, phase: Phase },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Ready,
    Commits { is_explicit: bool },
    Waits,
    Ended,
}

/// A request with what it means for what is known.
#[derive(Debug, Clone, PartialEq)]
enum Write {
    Plain(Request),
    Create(Creation),
    /// The keys of a new row are read.
    ReadKeys(Creation, Path),
    /// The keys of a new row are set. Without them the row is not what was declared, so it is a
    /// fault when they are refused: else another row would be created, and another.
    SetKeys(Vec<Setting>),
    /// Values are read by these names, of which some are partial paths; these paths are wanted.
    Values {
        names: Vec<String>,
        wanted: Vec<Path>,
    },
    /// Some of the values of a SetParameterValues that was refused.
    Part {
        values: Vec<Setting>,
        /// The other half, if it is not yet known whether there is anything bad in this one: if
        /// not, it is in the other.
        other: Option<Vec<Setting>>,
    },
}

impl Provisioning {
    /// Provisions for a device, of which `tree` is known.
    ///
    /// Its ID is the one that GenieACS writes, with the letters that the device sent: random
    /// numbers depend on it. Provisions that are neither among the scripts nor built in are passed
    /// over, as GenieACS does.
    pub fn new(config: Arc<Config>, device: &str, tree: Tree, provisions: &[Provision]) -> Self {
        let mut scripts = Vec::new();
        for Provision { name, arguments } in provisions {
            let code = match config.scripts.get(name) {
                Some(script) => {
                    Code::Script { script: Arc::clone(script), arguments: arguments.clone() }
                }
                None => Code::Builtin { name: name.clone(), arguments: arguments.clone() },
            };
            scripts.push(Running::new(code));
        }
        let log_room = LogRoom { bytes: config.log_bytes_max, left_out: 0 };
        let mut tree = with_server_paths(tree, config.session);
        if config.discovery == Discovery::Economical {
            know_roots(&mut tree, config.session);
        }
        Self {
            device: device.to_owned(),
            tree,
            learnt: Learnt::new(config.discovery_limits.clone()),
            config,
            frames: vec![Frame { scripts }],
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            asked: None,
            asked_id: String::new(),
            operations: Vec::new(),
            healer: Healer::default(),
            extensions: Vec::new(),
            requests: 0,
            pass: 0,
            commits: 0,
            rounds: 0,
            virtual_sets: BTreeMap::new(),
            lost: BTreeMap::new(),
            emptied: BTreeSet::new(),
            logs: Vec::new(),
            log_room,
            rows: 0,
            nothing: BTreeSet::new(),
            failed: None,
        }
    }

    /// What is known of the device.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Lines that scripts logged since the last call.
    pub fn take_logs(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.logs)
    }

    /// Lines that scripts logged beyond [`Config::log_bytes_max`]. They are lost.
    pub const fn lines_left_out(&self) -> usize {
        self.log_room.left_out
    }

    /// Rows that were created and deleted on the device.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// What the device has begun since the last call and will report later: transfers, and changes
    /// of software. The command key is the ID of the request; channels and provisions are left for
    /// the session to fill. [`super::transfer`] takes how each ends.
    pub fn take_operations(&mut self) -> Vec<Operation> {
        std::mem::take(&mut self.operations)
    }

    /// What was declared and changed nothing, and why.
    pub fn nothing(&self) -> impl Iterator<Item = &Nothing> {
        self.nothing.iter()
    }

    /// What is to be done next. Must not be called while a request or extensions are out.
    pub fn next(&mut self, engine: &mut Engine) -> Next {
        self.pass = self.pass.saturating_add(2);
        let next = match self.failed.clone() {
            Some(fault) => Err(fault),
            None => self.advance(engine),
        };
        match next {
            Ok(Next::Request { request, .. }) if self.requests >= REQUESTS_MAX => {
                drop(request);
                self.fail(fault("too_many_rpcs", "Too many RPC requests"))
            }
            Ok(next) => {
                if matches!(next, Next::Request { .. }) {
                    self.requests = self.requests.saturating_add(1);
                }
                next
            }
            Err(fault) => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: Fault) -> Next {
        self.failed = Some(fault.clone());
        self.asked = None;
        Next::Fault(fault)
    }

    fn now(&self) -> i64 {
        self.config.session.saturating_add(self.pass)
    }

    fn advance(&mut self, engine: &mut Engine) -> Result<Next, Fault> {
        loop {
            self.rounds = self.rounds.saturating_add(1);
            if self.rounds > ROUNDS_MAX {
                return Err(fault("too_many_cycles", "Too many provision cycles"));
            }
            self.run_scripts(engine)?;
            if !self.extensions.is_empty() {
                let calls = self.extensions.iter().map(|(_, arguments)| arguments.clone());
                return Ok(Next::Extensions(calls.collect()));
            }
            // A round of changes is sent to its end before anything is looked at again.
            if let Some(write) = self.writes.pop_front() {
                return Ok(self.ask(write));
            }
            if let Some(read) = self.next_read() {
                return Ok(self.ask(read));
            }
            if self.lists_virtual_parameters() || self.next_virtual_gets()? {
                continue;
            }
            let changes = self.changes();
            if let Some(crowd) = changes.crowd {
                return Err(self.too_many_rows(&crowd));
            }
            if !changes.local.is_empty() {
                self.change_locally(changes.local);
                continue;
            }
            if self.set_virtual_parameters(&changes.virtual_parameters)? {
                continue;
            }
            self.nothing.extend(changes.nothing.iter().cloned());
            self.queue(changes);
            if !self.writes.is_empty() {
                continue;
            }
            if self.end_round()? {
                return Ok(Next::Done);
            }
        }
    }

    fn ask(&mut self, write: Write) -> Next {
        let id = format!("{:x}{:02x}{:02x}", self.config.session, self.config.cycle, self.requests);
        let request = match &write {
            Write::Plain(request) => request.clone(),
            Write::Create(Creation { table, keys }) => Request::AddObject {
                object_name: partial_path(table),
                instance_values: keys
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .collect(),
            },
            Write::SetKeys(values) | Write::Part { values, .. } => {
                Request::SetParameterValues { values: values.clone() }
            }
            Write::Values { names, .. } => {
                Request::GetParameterValues { names: names.clone(), instance_values: Vec::new() }
            }
            Write::ReadKeys(Creation { keys, .. }, row) => {
                let full = |key: &dyn std::fmt::Display| format!("{}.{key}", written(row));
                Request::GetParameterValues {
                    names: keys.keys().map(|key| full(key)).collect(),
                    instance_values: keys
                        .iter()
                        .map(|(key, value)| (full(key), value.to_string()))
                        .collect(),
                }
            }
        };
        self.asked = Some(write);
        self.asked_id.clone_from(&id);
        Next::Request { id, request }
    }

    /// Runs the scripts of the innermost frame that can go on.
    fn run_scripts(&mut self, engine: &mut Engine) -> Result<(), Fault> {
        let mut forgets = Vec::new();
        let count = self.frames.last().map_or(0, |frame| frame.scripts.len());
        for place in 0..count {
            if !self.is_ready(place) {
                continue;
            }
            let ahead = (forgets.is_empty() && self.may_go_ahead(place)).then(|| self.ahead());
            let script = self.frames.last_mut().and_then(|frame| frame.scripts.get_mut(place));
            let Some(running) = script else { continue };
            let progress = std::mem::take(&mut running.progress);
            let mut run = Run::new(self.config.session, &self.device, progress, self.log_room);
            run.set_ahead(ahead);
            let (ran, stop) = match &running.code {
                Code::Script { script, arguments } | Code::Virtual { script, arguments, .. } => {
                    let inputs = Inputs {
                        args: arguments.clone(),
                        now: self.config.session,
                        device_id: self.device.clone(),
                        zone: self.config.zone.clone(),
                        budget: self.config.budget,
                        catches_commit: self.config.catches_commit,
                    };
                    let (outcome, run) = engine.run(script, inputs, run);
                    let mut ran = run.end();
                    let stop = match outcome {
                        Outcome::Done(returned) => {
                            running.returned = returned;
                            None
                        }
                        Outcome::Fault(fault) => Some(Stop::Fault(fault)),
                        Outcome::Aborted => ran.stop.take(),
                    };
                    (ran, stop)
                }
                Code::Builtin { name, arguments } => {
                    let done = builtin::run(name, arguments, &mut run);
                    (run.end(), done.and_then(Result::err))
                }
            };
            running.progress = ran.progress;
            self.commits = self.commits.saturating_add(ran.passed.commits);
            self.nothing.extend(ran.passed.nothing);
            self.logs.extend(ran.logs);
            self.log_room = ran.log_room;
            forgets.extend(ran.forgets);
            running.state = match stop {
                None => State::Ended,
                Some(Stop::Commit { is_explicit }) => State::Commits { is_explicit },
                Some(Stop::Extension(arguments)) => {
                    self.extensions.push((place, arguments));
                    State::Waits
                }
                Some(Stop::Fault(fault)) => return Err(fault),
            };
        }
        for Forget { pattern, before } in forgets {
            self.tree.clear(&pattern, before);
        }
        self.find_virtual_parameters();
        Ok(())
    }

    /// Takes the answers of the extensions, in the order in which they were asked for.
    pub fn answer(&mut self, answers: impl IntoIterator<Item = Result<Data, Fault>>) {
        let asked = std::mem::take(&mut self.extensions);
        let Some(frame) = self.frames.last_mut() else { return };
        for ((place, arguments), answer) in asked.into_iter().zip(answers) {
            match (answer, frame.scripts.get_mut(place)) {
                (Ok(answer), Some(running)) => {
                    running.progress.answer(arguments, answer);
                    running.state = State::Ready;
                }
                (Err(fault), _) => self.failed = Some(fault),
                (Ok(_), None) => {}
            }
        }
    }

    fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        let scripts = self.frames.last().into_iter().flat_map(|frame| &frame.scripts);
        scripts.flat_map(|script| &script.progress.declarations)
    }

    /// The next request that reads: names first, then values, then attributes.
    fn next_read(&mut self) -> Option<Write> {
        if let Some(read) = self.reads.pop_front() {
            return Some(read);
        }
        let reads = self.wanted_reads();
        let names = match self.config.discovery {
            Discovery::Compat => {
                let first = reads.names.into_iter().next();
                first.map(|((_, path), names)| (path, names.is_whole))
            }
            Discovery::Economical => self.learnt.next_names(&reads.names),
        };
        if let Some((path, is_whole)) = names {
            return Some(Write::Plain(Request::GetParameterNames {
                path: partial_path(&path),
                is_next_level: !is_whole,
            }));
        }
        let batch_size = self.config.batch_size.max(1);
        let wanted = reads.values.paths();
        if self.config.discovery == Discovery::Economical {
            let requests = self.learnt.value_requests(&self.tree, wanted, batch_size);
            let requests = requests.into_iter().map(|(names, wanted)| {
                let has_objects = names.iter().any(|name| name.ends_with('.'));
                if has_objects { Write::Values { names, wanted } } else { read_values(names) }
            });
            self.reads.extend(requests);
        } else {
            let batches = wanted.chunks(batch_size);
            let texts = batches.map(|batch| batch.iter().map(|path| written(path)).collect());
            self.reads.extend(texts.map(read_values));
        }
        if self.reads.is_empty() {
            for batch in reads.attributes.paths().chunks(batch_size) {
                let names = batch.iter().map(|path| written(path)).collect();
                self.reads.push_back(Write::Plain(Request::GetParameterAttributes { names }));
            }
        }
        self.reads.pop_front()
    }

    fn wanted_reads(&self) -> sync::Reads {
        sync::reads(&self.tree, self.declarations(), self.config.discovery)
    }

    /// Says that virtual parameters are there which are declared by name, and that those are not
    /// which have no script any more.
    fn find_virtual_parameters(&mut self) {
        let names: Vec<String> = self
            .declarations()
            .filter_map(|declaration| match declaration.pattern.names()?.as_slice() {
                ["VirtualParameters", name] => Some((*name).to_owned()),
                _ => None,
            })
            .collect();
        for name in names {
            self.find_virtual_parameter(&name);
        }
    }

    fn find_virtual_parameter(&mut self, name: &str) -> bool {
        let path = vec![Name::from("VirtualParameters"), Name::from(name)];
        if !self.config.virtual_parameters.contains_key(name) {
            self.tree.remove(&path);
            return false;
        }
        if self.tree.found(&path) > 0 {
            return false;
        }
        let time = self.now();
        self.tree.change(&path, time, |attributes| {
            attributes.object = Some(Timed { time, value: false });
        });
        true
    }

    fn lists_virtual_parameters(&mut self) -> bool {
        if !self.wanted_reads().lists_virtual_parameters {
            return false;
        }
        let names: Vec<String> = self.config.virtual_parameters.keys().cloned().collect();
        let mut is_changed = false;
        for name in names {
            is_changed |= self.find_virtual_parameter(&name);
        }
        is_changed
    }

    /// Starts the scripts of virtual parameters whose attributes are wanted.
    fn next_virtual_gets(&mut self) -> Result<bool, Fault> {
        let wanted = self.wanted_reads().virtual_parameters;
        let gets = wanted.into_iter().map(|(name, get)| (name, Phase::Get(get)));
        self.nest(gets.collect())
    }

    /// Starts the scripts of virtual parameters that are to be set. Each is set to one value once:
    /// its script may make another of it.
    fn set_virtual_parameters(&mut self, sets: &[(Path, Scalar, Box<str>)]) -> Result<bool, Fault> {
        let mut wanted = Vec::new();
        for (path, scalar, value_type) in sets {
            let value = TypedValue { scalar: scalar.clone(), value_type: value_type.clone() };
            let Some(name) = path.last() else { continue };
            if self.virtual_sets.get(path) != Some(&value) {
                self.virtual_sets.insert(path.clone(), value.clone());
                wanted.push((name.clone(), Phase::Set(value)));
            }
        }
        self.nest(wanted)
    }

    fn nest(&mut self, wanted: Vec<(Name, Phase)>) -> Result<bool, Fault> {
        let mut scripts = Vec::new();
        for (name, phase) in wanted {
            let Some(script) = self.config.virtual_parameters.get(name.as_str()) else {
                let path = vec![Name::from("VirtualParameters"), name];
                self.tree.remove(&path);
                continue;
            };
            let path = vec![Name::from("VirtualParameters"), name.clone()];
            let known = self.tree.attributes(&path).cloned().unwrap_or_default();
            let arguments = virtual_parameter::arguments(&phase, &known);
            let script = Arc::clone(script);
            scripts.push(Running::new(Code::Virtual { name, script, arguments, phase }));
        }
        if scripts.is_empty() {
            return Ok(false);
        }
        if self.frames.len() >= NESTING_MAX {
            let message =
                "Virtual parameters are referencing other virtual parameters in a deep manner";
            return Err(fault("deeply_nested_vparams", message));
        }
        self.frames.push(Frame { scripts });
        Ok(true)
    }

    /// What is to be changed. What scripts set that only wait for what they read goes when all
    /// scripts have ended.
    fn changes(&self) -> Changes {
        let Some(frame) = self.frames.last() else { return Changes::default() };
        let all_ended = frame.scripts.iter().all(|script| script.state == State::Ended);
        let mut pending: Vec<Pending<'_>> = Vec::new();
        for script in &frame.scripts {
            let goes_now = all_ended || script.state == State::Commits { is_explicit: true };
            let declarations = script.progress.declarations.iter();
            pending.extend(declarations.map(|declaration| (declaration, !goes_now)));
        }
        let held_back = |path: &Path, scalar: &Scalar, value_type: &str| {
            held_back(&self.config, &self.tree, &self.healer, path, scalar, value_type)
        };
        sync::changes(&self.tree, &pending, self.scope(), &held_back)
    }

    fn scope(&self) -> Scope {
        let rows_left = self.config.rows_max.saturating_sub(self.rows);
        Scope {
            session: self.config.session,
            rows_left,
            skips_writable_check: self.config.skips_writable_check,
        }
    }

    /// Whether the script at a place can go on.
    fn is_ready(&self, place: usize) -> bool {
        let script = self.frames.last().and_then(|frame| frame.scripts.get(place));
        script.is_some_and(|script| script.state == State::Ready)
    }

    /// Whether the script at a place is the last that runs, and nothing is to be done for the
    /// others: then it may pass commits ahead. Not if it sees where it stops.
    fn may_go_ahead(&self, place: usize) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        let others = || frame.scripts.iter().enumerate().filter(|(other, _)| *other != place);
        let declared = || others().flat_map(|(_, script)| &script.progress.declarations);
        !self.config.catches_commit
            && others().all(|(_, script)| script.state == State::Ended)
            && self.writes.is_empty()
            && self.reads.is_empty()
            && declared().all(|it| it.set == Set::default() && !may_be_virtual(&it.pattern))
            && sync::reads(&self.tree, declared(), self.config.discovery).is_empty()
    }

    fn ahead(&self) -> Ahead {
        let (config, tree, healer) =
            (Arc::clone(&self.config), self.tree.clone(), self.healer.clone());
        Ahead {
            tree: self.tree.clone(),
            discovery: self.config.discovery,
            scope: self.scope(),
            held_back: Box::new(move |path, scalar, value_type| {
                held_back(&config, &tree, &healer, path, scalar, value_type)
            }),
            commits: self.config.commits_max.saturating_sub(self.commits),
        }
    }

    fn too_many_rows(&self, Crowd { row, count }: &Crowd) -> Fault {
        let max = SCRIPT_ROWS_PER_SESSION_MAX;
        let done = max.saturating_sub(self.config.rows_max).saturating_add(self.rows);
        let count = count.saturating_add(done);
        let message = format!(
            "with those of {row}, the declarations of this session create and delete {count} rows, \
             more than {max}: declare fewer, or a part of them in each session"
        );
        fault("too_many_instances", message)
    }

    fn sealed(&self, path: &[Name], value: &TypedValue) -> Option<Fingerprint> {
        sealed(&self.config, path, value)
    }

    /// Does what concerns only what the server keeps.
    fn change_locally(&mut self, changes: Vec<Local>) {
        let time = self.now();
        for change in changes {
            match change {
                Local::Tag(tag, true) => {
                    let value =
                        TypedValue { scalar: Scalar::Bool(true), value_type: "xsd:boolean".into() };
                    self.tree.change(&[Name::from("Tags"), tag], time, |attributes| {
                        *attributes = kept(time, true, value);
                    });
                }
                Local::Tag(tag, false) => self.tree.remove(&[Name::from("Tags"), tag]),
                Local::NewRow(table, keys) => kept::create(&mut self.tree, table, &keys, time),
                Local::NoRow(path) => self.tree.remove(&path),
                Local::Column(path, scalar, value_type) => {
                    let value = TypedValue { scalar, value_type };
                    self.tree.change(&path, time, |attributes| {
                        *attributes = kept(time, true, value);
                    });
                }
            }
        }
    }

    /// Queues what is to be sent in the order of compat 2.5.
    fn queue(&mut self, changes: Changes) {
        let mut writes = VecDeque::new();
        let rows = changes.deletions.len().saturating_add(changes.creations.len());
        self.rows = self.rows.saturating_add(rows);
        for row in &changes.deletions {
            writes
                .push_back(Write::Plain(Request::DeleteObject { object_name: partial_path(row) }));
        }
        writes.extend(changes.creations.into_iter().map(Write::Create));
        let batch_size = self.config.batch_size.max(1);
        for batch in changes.values.chunks(batch_size) {
            let values = batch.iter().map(|(path, scalar, value_type)| {
                (written(path), scalar.clone(), value_type.clone())
            });
            writes
                .push_back(Write::Plain(Request::SetParameterValues { values: values.collect() }));
        }
        for batch in changes.attributes.chunks(batch_size) {
            let attributes = batch.iter().map(|(path, it)| (written(path), it.clone())).collect();
            writes.push_back(Write::Plain(Request::SetParameterAttributes { attributes }));
        }
        writes.extend(changes.actions.into_iter().map(Write::Plain));
        writes.extend(changes.reboot.then_some(Write::Plain(Request::Reboot)));
        writes.extend(changes.factory_reset.then_some(Write::Plain(Request::FactoryReset)));
        self.writes = writes;
    }

    /// Nothing is left to read or change: scripts that wait for it go on. Whether all is done.
    fn end_round(&mut self) -> Result<bool, Fault> {
        let Some(frame) = self.frames.last_mut() else { return Ok(true) };
        let mut is_ended = true;
        for script in &mut frame.scripts {
            if let State::Commits { is_explicit } = script.state {
                script.progress.commit(self.tree.clone(), is_explicit);
                script.state = State::Ready;
                is_ended = false;
            }
        }
        if !is_ended {
            self.commits = self.commits.saturating_add(1);
            if self.commits > self.config.commits_max {
                return Err(fault("too_many_commits", "Too many commit iterations"));
            }
            return Ok(false);
        }
        if self.frames.len() <= 1 {
            return Ok(true);
        }
        // The virtual parameters are computed: what wanted them goes on.
        self.pass = self.pass.saturating_add(2);
        let time = self.now();
        for script in self.frames.pop().into_iter().flat_map(|frame| frame.scripts) {
            let Code::Virtual { name, phase, .. } = script.code else { continue };
            let returned = script.returned.as_ref();
            let result = VirtualParameter::check(name.as_str(), phase.wanted(), returned)?;
            let value = result.value.and_then(|(data, value_type)| {
                let scalar = scalar_of(&data)?;
                Some(TypedValue { scalar, value_type: value_type.into() })
            });
            let path = [Name::from("VirtualParameters"), name];
            self.tree.change(&path, time, |attributes| {
                attributes.object = Some(Timed { time, value: false });
                if let Some(writable) = result.writable {
                    attributes.writable = Some(Timed { time, value: writable });
                }
                if let Some(value) = value {
                    attributes.value = Some(Timed { time, value });
                }
            });
        }
        Ok(false)
    }

    /// What the device refused to set, and what was set aside for it.
    pub fn healed(&self) -> &[Healed] {
        self.healer.healed()
    }

    /// What the device refuses to tell at once: what was known of that, and what this session
    /// learnt.
    pub fn discovery_limits(&self) -> &DiscoveryLimits {
        self.learnt.limits()
    }
}

impl Running {
    fn new(code: Code) -> Self {
        Self { code, progress: Progress::default(), state: State::Ready, returned: None }
    }
}

/// Why a value is not to be sent.
fn held_back(
    config: &Config,
    tree: &Tree,
    healer: &Healer,
    path: &Path,
    scalar: &Scalar,
    value_type: &str,
) -> Option<Reason> {
    if is_as_set(config, tree, path, scalar, value_type) {
        return Some(Reason::EqualToSet);
    }
    let code = healer.refused(&config.guilty, path, scalar, value_type);
    code.filter(|_| config.heals).map(Reason::Refused)
}

/// Whether the device has accepted this value before and tells none, as it must of a password.
/// GenieACS keeps the value and so knows that, until a script has it read anew: then it sends
/// it again, in each session.
fn is_as_set(config: &Config, tree: &Tree, path: &Path, scalar: &Scalar, value_type: &str) -> bool {
    let Some(known) = tree.attributes(path) else { return false };
    let (Some(secret), Some(value)) = (known.secret, &known.value) else { return false };
    let is_economical = config.discovery == Discovery::Economical;
    let wanted = TypedValue { scalar: scalar.clone(), value_type: value_type.into() };
    is_empty(&value.value.scalar)
        && *value.value.value_type == *value_type
        && (is_economical || value.time < config.session)
        && sealed(config, path, &wanted) == Some(secret)
}

fn sealed(config: &Config, path: &[Name], value: &TypedValue) -> Option<Fingerprint> {
    let text = value_of(value)?.text;
    (!text.is_empty()).then(|| config.sealer.seal(&written(path), &text))
}

/// Whether a value is that of a secret which the device does not tell.
fn is_empty(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Text(text) if text.is_empty())
}

fn read_values(names: Vec<String>) -> Write {
    Write::Plain(Request::GetParameterValues { names, instance_values: Vec::new() })
}

/// The partial paths among these names.
fn objects_of(names: &[String]) -> Vec<Path> {
    names.iter().filter(|name| name.ends_with('.')).map(|name| path_of(name)).collect()
}

/// Nobody needs to ask of a root what it is.
fn know_roots(tree: &mut Tree, time: i64) {
    for root in discovery::roots(tree) {
        tree.change(&root, time, |known| {
            known.object = Some(Timed { time, value: true });
            known.writable = Some(Timed { time, value: false });
        });
    }
}

/// What is known, with the paths that the server keeps for every device.
fn with_server_paths(mut tree: Tree, time: i64) -> Tree {
    let objects = ["DeviceID", "Events", "Tags", "VirtualParameters"].map(|name| (name, false));
    let tables = kept::TABLES.iter().map(|table| (table.name, true));
    let parameters = ["Reboot", "FactoryReset"].map(|name| (name, false, true));
    let objects =
        objects.into_iter().chain(tables).map(|(name, is_writable)| (name, true, is_writable));
    for (name, is_object, is_writable) in objects.chain(parameters) {
        tree.change(&path_of(name), time, |known| {
            known.object = Some(Timed { time, value: is_object });
            known.writable = Some(Timed { time, value: is_writable });
        });
    }
    tree
}
