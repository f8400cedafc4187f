//! The server's side of an open session: tasks one by one, then what presets want (compat 2.10).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use drover_cwmp::event::{Event, EventCode};
use drover_cwmp::message::{Inform, TransferComplete};
use drover_cwmp::session::acs::{Answered, Busy, Reply, Turn};
use drover_cwmp::{CwmpVersion, DateTime, Message, Value};

use super::known::{self, Told};
use super::recorder::Recorder;
use super::round::{Purpose, Ran, Round, changes_device};
use super::settings::Settings;
use super::translate::{FileUrls, message_of};
use crate::batch::{Batch, Knowledge};
use crate::book::Source;
use crate::channel::{ChannelBatch, ChannelFault, Channels};
use crate::engine::transfer::{self, UnitResult};
use crate::engine::{self, Pattern, Provision, Provisioning, Request, Response, Tree, path_of};
use crate::engine::{DiscoveryLimits, Healed};
use crate::expression::Context;
use crate::limits::{
    GUILT_MAX, PRESET_CYCLES_MAX, ROUNDS_PER_SESSION_MAX, RPCS_PER_SESSION_MAX,
    SCRIPT_LOG_BYTES_PER_SESSION_MAX, SCRIPT_ROWS_PER_SESSION_MAX, TASKS_PER_SESSION_MAX,
    TRACE_NOTHING_MAX,
};
use crate::operation::Operation;
use crate::plan::{Answer, Desk, Job, Next};
use crate::preset::{self, Preset, Selected};
use crate::rules::Rules;
use crate::script::{Data, Engine, Fault, Script};
use crate::task::{Task, TaskFault, TaskKind, TaskResult, TaskState};
use crate::trace::{IdlePreset, IdleReason, What};
use crate::view::DeviceView;

/// The server's side of an open session.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) desk: Desk,
    pub(super) version: CwmpVersion,
    pub(super) recorder: Recorder,
    rules: Arc<Rules>,
    settings: Arc<Settings>,
    told: Told,
    waiting: VecDeque<Task>,
    job: Option<Job>,
    round: Option<Round>,
    /// What is known of the device as scripts see it, while no task changes it.
    tree: Option<Tree>,
    channels: Channels,
    operations: BTreeMap<String, Operation>,
    /// What is known of the devices of this product, by firmware.
    knowledge: BTreeMap<String, Knowledge>,
    /// The presets that held at some time of the session.
    held: BTreeSet<String>,
    /// Whether presets have nothing more to do.
    is_settled: bool,
    /// Whether the parameters of preconditions have been read since the device was changed.
    is_read: bool,
    /// Times that the presets of all free channels ran.
    cycles: u8,
    rounds: u8,
    /// Requests sent so far.
    requests: u32,
    /// Rows that scripts created and deleted.
    rows: usize,
    /// Bytes of lines that scripts logged.
    log_bytes: usize,
    /// Lines that they logged beyond what is kept.
    lines_left_out: usize,
}

/// What a session brings to its work.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) desk: Desk,
    pub(super) rules: Arc<Rules>,
    pub(super) settings: Arc<Settings>,
    pub(super) told: Told,
    pub(super) channels: Channels,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) knowledge: BTreeMap<String, Knowledge>,
    pub(super) recorder: Recorder,
}

impl Work {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { desk, rules, settings, told, channels, operations, knowledge, recorder } =
            beginning;
        let version = desk.book.record().fields.cwmp_version;
        Self {
            desk,
            version,
            recorder,
            rules,
            settings,
            told,
            waiting: VecDeque::new(),
            job: None,
            round: None,
            tree: None,
            channels,
            operations,
            knowledge,
            held: BTreeSet::new(),
            is_settled: false,
            is_read: false,
            cycles: 0,
            rounds: 0,
            requests: 0,
            rows: 0,
            log_bytes: 0,
            lines_left_out: 0,
        }
    }

    pub(super) fn session_timeout(&self) -> Option<u32> {
        self.settings.session_timeout
    }

    pub(super) fn take_inform(&mut self, inform: Inform, tasks: Vec<Task>) {
        let parameter_key = parameter_key(&inform);
        let events = self.desk.book.record().fields.last_events.clone();
        if events.iter().any(|event| event.code == EventCode::Bootstrap) {
            self.desk.book.forget_secrets();
        }
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
            Aftermath::Happened => self.finish(task, Ok(TaskResult::new(self.desk.now))),
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

    /// Drops waiting tasks with the same unique key, as the store has removed them.
    pub(super) fn replace(&mut self, task: &Task) {
        if task.unique_key.is_some() {
            self.waiting.retain(|other| other.unique_key != task.unique_key);
        }
    }

    pub(super) fn queue(&mut self, task: Task) -> bool {
        let room = self.waiting.len() < TASKS_PER_SESSION_MAX;
        if room {
            self.waiting.push_back(task);
        }
        room
    }

    /// Sends the next request of the tasks, or gives the turn back when there is none.
    pub(super) fn send_task(&mut self, mut turn: Turn) -> Result<(Busy, Reply), Turn> {
        while let Some(mut job) = self.job.take().or_else(|| self.begin_task()) {
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
            self.desk.book.before_setting(&request);
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
    fn begin_task(&mut self) -> Option<Job> {
        loop {
            let task = self.waiting.pop_front()?;
            if task.is_expired(self.desk.now) && task.progress.sent.is_none() {
                self.desk.book.remove_task(task.id);
                continue;
            }
            if let Some(provisions) = task.kind.provisions() {
                let what = format!("task {} is begun: {}", task.id, task.kind.name());
                self.recorder.note(What::Decided(what), self.desk.now);
                self.begin(Purpose::Task(Box::new(task)), &provisions);
                return None;
            }
            match Job::new(task, &self.desk) {
                Ok(job) => {
                    let what = format!("task {} is begun: {}", job.task.id, job.task.kind.name());
                    self.recorder.note(What::Decided(what), self.desk.now);
                    // It changes what is known behind the back of scripts.
                    self.tree = None;
                    return Some(job);
                }
                Err(failed) => {
                    let (task, fault) = *failed;
                    self.finish(task, Err(fault));
                }
            }
        }
    }

    pub(super) fn handle_answer(&mut self, answered: Answered) -> Turn {
        self.desk.book.tolerate(&answered.tolerated);
        let Answered { request, answer, turn, .. } = answered;
        if matches!(answer, Message::Fault(_)) {
            self.desk.book.setting_refused(&request);
        }
        if self.round.is_some() {
            self.take_answer(answer);
            return turn;
        }
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
            self.desk.book.forget_secrets();
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

    fn finish(&mut self, mut task: Task, outcome: Result<TaskResult, TaskFault>) {
        task.progress.sent = None;
        task.state = match outcome {
            Ok(result) => {
                task.kind.forget_secrets(|name| self.desk.book.is_secret(name));
                TaskState::Done(result)
            }
            Err(fault) => {
                let what = format!("task {}: {fault}", task.id);
                self.recorder.note(What::Failed(what), self.desk.now);
                TaskState::Faulted(fault)
            }
        };
        self.desk.book.save_task(&task);
    }

    /// Takes a request of the device: what it has begun may have ended (`TC-01`, `DU-06`).
    pub(super) fn take_request(&mut self, request: &Message) {
        let now = self.desk.now.as_millisecond();
        let milliseconds =
            |time: &DateTime| time.timestamp().map_or(now, |time| time.as_millisecond());
        match request {
            Message::TransferComplete(complete) => {
                let TransferComplete { command_key, fault_struct, start_time, complete_time } =
                    complete;
                let outcome = match fault_struct.fault_code.0 {
                    0 => Ok((milliseconds(start_time), milliseconds(complete_time))),
                    code => Err(transfer::failure(code, &fault_struct.fault_string)),
                };
                self.end_operation(command_key, |tree, operation| {
                    transfer::completed(tree, operation, outcome, now)
                });
            }
            Message::DuStateChangeComplete(complete) => {
                let results = complete.results.iter().map(|result| UnitResult {
                    uuid: result.uuid.clone(),
                    version: result.version.clone(),
                    deployment_unit_ref: result.deployment_unit_ref.clone(),
                    execution_unit_ref_list: result.execution_unit_ref_list.clone(),
                    current_state: result.current_state.as_str().to_owned(),
                    start_time: milliseconds(&result.start_time),
                    complete_time: milliseconds(&result.complete_time),
                    fault_code: result.fault.fault_code.0,
                    fault_string: result.fault.fault_string.clone().unwrap_or_default(),
                });
                let results: Vec<UnitResult> = results.collect();
                let command_key = complete.command_key.clone().unwrap_or_default();
                self.end_operation(&command_key, |tree, operation| {
                    transfer::changed(tree, operation, &results, now)
                });
            }
            _ => {}
        }
    }

    /// Takes how an operation ended. One that nobody here knows is no concern of ours (`ACS-16`).
    fn end_operation(
        &mut self,
        command_key: &str,
        end: impl FnOnce(&mut Tree, &Operation) -> Option<Fault>,
    ) {
        let Some(operation) = self.operations.remove(command_key) else {
            let what = format!("the device reports {command_key:?}, which nobody asked for");
            self.recorder.note(What::Decided(what), self.desk.now);
            return;
        };
        let earlier = self.take_tree();
        let mut tree = earlier.clone();
        let fault = end(&mut tree, &operation);
        known::keep(&mut self.desk.book, &tree, &earlier);
        self.tree = Some(tree);
        self.desk.book.save_operation(command_key, None);
        let Operation { rpc, channels, provisions, .. } = operation;
        match fault {
            None => {
                let what = format!("{rpc} {command_key} has ended well");
                self.recorder.note(What::Decided(what), self.desk.now);
            }
            Some(fault) => {
                let selected =
                    |provision: Provision| Selected { provision, channels: channels.clone() };
                let provisions = provisions.into_iter().map(selected).collect();
                self.fail_batch(&ChannelBatch { channels, provisions }, &fault);
            }
        }
    }

    /// Gives up what the device should have reported by now (compat 2.6).
    fn end_late_operations(&mut self) {
        let timeout = i64::from(self.settings.transfer_timeout);
        let is_success = self.settings.success_on_timeout;
        let now = self.desk.now.as_millisecond();
        let late = self.operations.iter().filter_map(|(key, operation)| {
            let outcome = transfer::timed_out(operation, now, timeout, is_success)?;
            Some((key.clone(), outcome))
        });
        for (key, outcome) in late.collect::<Vec<_>>() {
            self.end_operation(&key, |tree, operation| {
                transfer::completed(tree, operation, outcome, now)
            });
        }
    }

    /// Keeps what the device has begun, for the channels that asked for it.
    fn keep_operations(&mut self) {
        let Some(round) = &mut self.round else { return };
        for mut operation in round.provisioning.take_operations() {
            match &round.purpose {
                Purpose::Presets { batch, .. } => {
                    operation.channels.clone_from(&batch.channels);
                    let provisions = batch.provisions.iter().map(|it| it.provision.clone());
                    operation.provisions = provisions.collect();
                }
                Purpose::Task(task) => {
                    operation.channels = BTreeSet::from([channel_of(task)]);
                    operation.provisions = task.kind.provisions().unwrap_or_default();
                }
                Purpose::Preconditions(_) => {}
            }
            let key = operation.command_key.clone();
            self.desk.book.save_operation(&key, Some(operation.clone()));
            self.operations.insert(key, operation);
        }
    }

    /// Begins what presets want next, and returns whether there is anything.
    pub(super) fn begin_round(&mut self) -> bool {
        if self.is_settled {
            return false;
        }
        if self.rounds == 0 {
            self.end_late_operations();
        }
        if self.rounds >= ROUNDS_PER_SESSION_MAX {
            self.is_settled = true;
            return false;
        }
        if !self.is_read {
            self.is_read = true;
            if self.begin_reading() {
                return true;
            }
        }
        let wanted = self.wanted();
        let earlier = self.channels.faults().clone();
        let session = self.told.session;
        let batch = self.channels.next(&wanted, session, self.settings.retry_delay);
        self.desk.book.save_faults(&earlier, self.channels.faults());
        let Some(batch) = batch else {
            self.is_settled = true;
            return false;
        };
        let is_retry = batch.channels.iter().any(|channel| earlier.contains_key(channel));
        if !is_retry {
            self.cycles = self.cycles.saturating_add(1);
        }
        if self.cycles > PRESET_CYCLES_MAX {
            let message = "the presets change the device again and again".to_owned();
            let fault = Fault { code: "preset_loop".to_owned(), message, detail: None };
            self.fail_batch(&batch, &fault);
            self.is_settled = true;
            return false;
        }
        let names = batch.provisions.iter().map(|it| it.provision.name.as_str());
        let channels = batch.channels.iter().map(String::as_str);
        let plural = if batch.channels.len() == 1 { "" } else { "s" };
        let what = format!(
            "run {} for the channel{plural} {}",
            names.collect::<Vec<_>>().join(", "),
            channels.collect::<Vec<_>>().join(", "),
        );
        self.recorder.note(What::Decided(what), self.desk.now);
        let provisions: Vec<Provision> =
            batch.provisions.iter().map(|selected| selected.provision.clone()).collect();
        self.begin(Purpose::Presets { batch, is_retry }, &provisions);
        true
    }

    /// Presets that may hold in this session, whatever the device is.
    fn candidates(&self) -> impl Iterator<Item = &Preset> {
        let session = self.told.session;
        let delay = self.settings.retry_delay;
        self.rules.presets.iter().filter(move |preset| {
            preset.may_hold(self.preset_session())
                && !self.channels.is_unread(&preset.channel, session, delay)
        })
    }

    fn preset_session(&self) -> preset::Session<'_> {
        preset::Session {
            time: self.told.session,
            zone: &self.settings.zone,
            events: &self.told.events,
        }
    }

    fn wanted(&mut self) -> Vec<Selected> {
        let view = DeviceView::new(self.desk.book.record(), self.told.session);
        let holding = preset::holding(self.candidates(), self.preset_session(), &view);
        let holding: Vec<&Preset> = holding.collect();
        let names: Vec<String> = holding.iter().map(|preset| preset.name.clone()).collect();
        let wanted = preset::provisions(holding, &view);
        self.held.extend(names);
        wanted
    }

    /// Presets whose provisions did not run, and why; at most [`TRACE_NOTHING_MAX`].
    fn idle_presets(&self) -> Vec<IdlePreset> {
        if !self.is_settled {
            // They were not looked at.
            return Vec::new();
        }
        let session = self.preset_session();
        let view = DeviceView::new(self.desk.book.record(), session.time);
        let faults = self.channels.faults();
        let presets = self.rules.presets.iter().filter_map(|preset| {
            let reason = idle_reason(preset, session, &view, faults, self.settings.retry_delay)?;
            let ran = self.held.contains(&preset.name);
            let is_blocked = matches!(reason, IdleReason::Blocked { .. });
            (is_blocked || !ran).then(|| IdlePreset { name: preset.name.clone(), reason })
        });
        presets.take(TRACE_NOTHING_MAX).collect()
    }

    /// Reads what preconditions and arguments need and nobody has looked for (compat 2.10).
    fn begin_reading(&mut self) -> bool {
        let mut missing = BTreeSet::new();
        let mut channels = BTreeSet::new();
        let tree = self.take_tree();
        for preset in self.candidates() {
            let names = preset.parameters().into_iter().filter(|name| is_unread(&tree, name));
            let before = missing.len();
            missing.extend(names.map(str::to_owned));
            if missing.len() > before {
                channels.insert(preset.channel.clone());
            }
        }
        self.tree = Some(tree);
        if missing.is_empty() {
            return false;
        }
        let arguments = missing.into_iter().map(Data::Text).collect();
        let provision = Provision { name: READ.to_owned(), arguments };
        self.begin(Purpose::Preconditions(channels), &[provision]);
        true
    }

    fn take_tree(&mut self) -> Tree {
        let known = self.tree.take();
        known.unwrap_or_else(|| known::tree_of(self.desk.book.record(), &self.told))
    }

    fn begin(&mut self, purpose: Purpose, provisions: &[Provision]) {
        let tree = self.take_tree();
        let firmware = self.desk.book.record().firmware();
        let session = self.told.session;
        let known = self.knowledge.get(firmware).filter(|known| !known.is_old(session)).cloned();
        let known = known.unwrap_or_default();
        let sealer = self.desk.book.sealer().clone();
        let mut config = self.settings.engine(&self.rules, session, self.rounds, known, sealer);
        config.rows_max = SCRIPT_ROWS_PER_SESSION_MAX.saturating_sub(self.rows);
        config.log_bytes_max = match self.lines_left_out {
            0 => SCRIPT_LOG_BYTES_PER_SESSION_MAX.saturating_sub(self.log_bytes),
            _ => 0,
        };
        if matches!(purpose, Purpose::Preconditions(_))
            && let Ok(script) = Script::compile(READ, READ_SCRIPT)
        {
            config.scripts.insert(READ.to_owned(), Arc::new(script));
        }
        self.rounds = self.rounds.saturating_add(1);
        let provisioning = Provisioning::new(Arc::new(config), &self.told.id, tree, provisions);
        self.round = Some(Round::new(purpose, provisioning));
    }

    /// Whether scripts are to run before anything can be sent.
    pub(super) const fn needs_scripts(&self) -> bool {
        self.round.is_some()
    }

    /// Runs the scripts of the batch until a request is to be sent or the batch has ended.
    pub(super) fn run(&mut self, engine: &mut Engine, turn: Turn) -> Ran {
        loop {
            let Some(round) = &mut self.round else { return Ran::Ended(turn) };
            let next = match round.failed.take() {
                Some(fault) => engine::Next::Fault(fault),
                None => round.provisioning.next(engine),
            };
            for line in round.provisioning.take_logs() {
                self.log_bytes = self.log_bytes.saturating_add(line.size());
                self.recorder.note(What::Logged(line.to_string()), self.desk.now);
            }
            match next {
                engine::Next::Request { id, request } => {
                    if let Some(response) = self.known_root(&request) {
                        if let Some(round) = &mut self.round {
                            round.provisioning.take(response);
                        }
                        continue;
                    }
                    match self.message(&request, &id) {
                        Ok(message) => {
                            self.desk.book.before_setting(&message);
                            match turn.send(message, id) {
                                Ok((busy, reply)) => {
                                    self.requests = self.requests.saturating_add(1);
                                    if let Some(round) = &mut self.round {
                                        round.asked = Some(request);
                                    }
                                    return Ran::Sent(busy, reply);
                                }
                                Err((misuse, back)) => {
                                    let message = misuse.to_string();
                                    let code = "invalid_request".to_owned();
                                    let fault = Fault { code, message, detail: None };
                                    self.end_round(Err(fault));
                                    return Ran::Ended(back);
                                }
                            }
                        }
                        Err(fault) => self.end_round(Err(fault)),
                    }
                }
                engine::Next::Extensions(calls) => return Ran::Extensions(calls, turn),
                engine::Next::Done => self.end_round(Ok(())),
                engine::Next::Fault(fault) => self.end_round(Err(fault)),
            }
        }
    }

    fn message(&self, request: &Request, id: &str) -> Result<Message, Fault> {
        if self.requests >= RPCS_PER_SESSION_MAX {
            let code = "too_many_rpcs".to_owned();
            return Err(Fault { code, message: too_many_rpcs(), detail: None });
        }
        let now = self.desk.now;
        let device = &self.desk.book.record().key;
        let files = self.settings.files.as_ref();
        let files = files.map(|files| FileUrls { files, device, now });
        message_of(request, id, files.as_ref(), self.settings.writing)
    }

    /// The names below the root, which the device has told with its Inform.
    fn known_root(&self, request: &Request) -> Option<Response> {
        let Request::GetParameterNames { path, is_next_level: true } = request else {
            return None;
        };
        if !path.is_empty() || !self.settings.skip_root {
            return None;
        }
        let root = self.desk.book.record().fields.root.clone()?;
        Some(Response::ParameterNames(vec![(root, false)]))
    }

    /// Takes what extensions answered.
    pub(super) fn answer(&mut self, answers: Vec<Result<Data, Fault>>) {
        if let Some(round) = &mut self.round {
            round.provisioning.answer(answers);
        }
    }

    fn take_answer(&mut self, answer: Message) {
        let Some(round) = &mut self.round else { return };
        let is_change = round.asked.as_ref().is_some_and(changes_device);
        if let Some(failure) = round.take(answer) {
            self.recorder.note(What::Failed(failure), self.desk.now);
        }
        if is_change {
            keep_round(round, &mut self.desk);
            self.keep_operations();
        }
    }

    fn end_round(&mut self, outcome: Result<(), Fault>) {
        self.keep_operations();
        let Some(mut round) = self.round.take() else { return };
        self.take_counts(&round);
        keep_round(&mut round, &mut self.desk);
        self.recorder.nothing(round.provisioning.nothing());
        self.remember(round.provisioning.healed(), round.provisioning.discovery_limits());
        let has_changed = round.has_changed();
        self.tree = Some(round.provisioning.tree().clone());
        let earlier = self.channels.faults().clone();
        match (round.purpose, outcome) {
            (Purpose::Preconditions(_), Ok(())) => {}
            (Purpose::Preconditions(channels), Err(fault)) => {
                self.note_fault(&channels, &fault);
                self.channels.unread(&channels, &fault, self.desk.now);
            }
            (Purpose::Presets { batch, is_retry }, Ok(())) => {
                self.channels.succeeded(&batch);
                self.is_read = !has_changed;
                self.is_settled = !has_changed && !is_retry;
            }
            (Purpose::Task(task), outcome) => {
                self.is_read = !has_changed;
                let now = self.desk.now;
                let outcome = match outcome {
                    Ok(()) => Ok(TaskResult::new(now)),
                    Err(fault) => Err(TaskFault::new(now, &fault.code, fault.message)),
                };
                self.finish(*task, outcome);
            }
            (Purpose::Presets { batch, .. }, Err(fault)) => {
                self.is_read = !has_changed;
                self.fail_batch(&batch, &fault);
                return;
            }
        }
        self.desk.book.save_faults(&earlier, self.channels.faults());
    }

    /// Adds up what all rounds of a session share.
    fn take_counts(&mut self, round: &Round) {
        let provisioning = &round.provisioning;
        self.rows = self.rows.saturating_add(provisioning.rows());
        self.lines_left_out = self.lines_left_out.saturating_add(provisioning.lines_left_out());
    }

    /// Remembers what the device refuses, for all of its product and firmware.
    fn remember(&mut self, healed: &[Healed], limits: &DiscoveryLimits) {
        let firmware = self.desk.book.record().firmware().to_owned();
        let earlier = self.knowledge.get(&firmware).filter(|it| !it.is_old(self.told.session));
        let mut known = earlier.cloned().unwrap_or_default();
        if known.is_empty() {
            known.since = self.told.session;
        }
        for Healed { path, code, message, guilt } in healed {
            let what = format!("the device refuses to set {path}: {code} {message}; set aside");
            self.recorder.note(What::Failed(what), self.desk.now);
            if known.guilt.len() < GUILT_MAX {
                known.guilt.insert(guilt.clone());
            }
        }
        known.discovery = limits.clone();
        if !known.is_empty() && self.knowledge.get(&firmware) != Some(&known) {
            self.desk.book.save_knowledge(&firmware, &known);
            self.knowledge.insert(firmware, known);
        }
    }

    fn fail_batch(&mut self, batch: &ChannelBatch, fault: &Fault) {
        self.note_fault(&batch.channels, fault);
        let earlier = self.channels.faults().clone();
        self.channels.failed(batch, fault, self.desk.now);
        self.desk.book.save_faults(&earlier, self.channels.faults());
    }

    fn note_fault(&mut self, channels: &BTreeSet<String>, fault: &Fault) {
        let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
        let what = format!("{}: {}: {}", channels.join(", "), fault.code, fault.message);
        self.recorder.note(What::Failed(what), self.desk.now);
    }

    /// What is to be saved should the scripts that are about to run never come back.
    pub(super) fn lost(&self) -> Option<Batch> {
        let round = self.round.as_ref()?;
        let message = "the scripts did not come to an end, and could not be stopped".to_owned();
        let fault = Fault { code: "script.Error".to_owned(), message, detail: None };
        let mut channels = self.channels.clone();
        let mut batch = Batch::new(self.desk.book.record().key.clone());
        match &round.purpose {
            Purpose::Task(task) => {
                let fault = TaskFault::new(self.desk.now, &fault.code, fault.message);
                let state = TaskState::Faulted(fault);
                batch.tasks.insert(task.id.clone(), Some(Task { state, ..(**task).clone() }));
            }
            Purpose::Preconditions(unread) => channels.unread(unread, &fault, self.desk.now),
            Purpose::Presets { batch, .. } => channels.failed(batch, &fault, self.desk.now),
        }
        let faults = channels
            .faults()
            .iter()
            .filter(|(name, it)| self.channels.faults().get(*name) != Some(it));
        batch.faults.extend(faults.map(|(name, fault)| (name.clone(), Some(fault.clone()))));
        Some(batch)
    }

    /// Records what has happened, when the session is over.
    pub(super) fn close(&mut self, outcome: &str) {
        if self.lines_left_out > 0 {
            let (count, max) = (self.lines_left_out, SCRIPT_LOG_BYTES_PER_SESSION_MAX);
            let what = format!("{count} further lines of scripts were left out, after {max} bytes");
            self.recorder.note_always(What::Decided(what), self.desk.now);
        }
        if !self.channels.faults().is_empty() {
            self.recorder.mark_eventful();
        }
        let idle = if self.recorder.is_kept() { self.idle_presets() } else { Vec::new() };
        if let Some(trace) = self.recorder.end(&self.desk.book, outcome, idle, self.desk.now) {
            self.desk.book.save_trace(trace);
        }
    }

    /// The session breaks off. A request whose answer is missing is undetermined (`MRB-05`): what
    /// can be repeated stays as it is, and a later Inform tells what became of a restart.
    pub(super) fn cut_off(mut self: Box<Self>, reason: &str) -> Option<Batch> {
        if let Some(mut round) = self.round.take() {
            self.take_counts(&round);
            keep_round(&mut round, &mut self.desk);
            let message = "the session ended before the provisions did".to_owned();
            let code = "session_terminated".to_owned();
            match round.purpose {
                Purpose::Presets { batch, .. } => {
                    self.fail_batch(&batch, &Fault { code, message, detail: None });
                }
                Purpose::Task(task) => {
                    let fault = self.desk.fault(&code, message);
                    self.finish(*task, Err(fault));
                }
                Purpose::Preconditions(_) => {}
            }
        }
        if let Some(mut job) = self.job.take()
            && job.task.progress.sent.is_some()
            && aftermath(&job.task, &[]) == Aftermath::Unknown
        {
            job.task.progress.sent = None;
            let fault = self.desk.fault("session_terminated", undetermined(false));
            self.finish(job.task, Err(fault));
        }
        self.recorder.note(What::Failed(reason.to_owned()), self.desk.now);
        self.close(reason);
        self.desk.book.take_batch()
    }
}

/// Why the provisions of a preset do not run: it does not hold, or its channel is blocked.
pub(super) fn idle_reason(
    preset: &Preset,
    session: preset::Session<'_>,
    device: &dyn Context,
    faults: &BTreeMap<String, ChannelFault>,
    retry_delay: jiff::SignedDuration,
) -> Option<IdleReason> {
    let blocked = || {
        let fault = faults.get(&preset.channel)?;
        let (code, until) = (fault.fault.code.clone(), fault.due(retry_delay));
        Some(IdleReason::Blocked { code, until })
    };
    match preset.idle_reason(session, device) {
        None => blocked(),
        // Perhaps what it names could not be read, which is such a fault.
        Some(IdleReason::Unknown) => blocked().or(Some(IdleReason::Unknown)),
        reason => reason,
    }
}

/// The channel of what a task has begun.
fn channel_of(task: &Task) -> String {
    format!("task_{}", task.id)
}

/// The provision that reads what preconditions need. No preset can name it.
const READ: &str = "\0read";
/// Its script.
const READ_SCRIPT: &str = "for (const path of args) declare(path, {value: 1});";

/// Whether nobody has looked for a parameter that an expression names.
fn is_unread(tree: &Tree, name: &str) -> bool {
    let path = path_of(name);
    let is_server = path.first().is_some_and(|root| {
        matches!(root.as_str(), "DeviceID" | "Events" | "Tags" | "Reboot" | "FactoryReset")
    });
    let is_known = |length: usize| {
        let part = path.get(..length).unwrap_or_default();
        tree.looked_at(part) > 0
    };
    if is_server || path.is_empty() || Pattern::parse(name).is_err() {
        return false;
    }
    match tree.attributes(&path) {
        Some(known) => {
            let is_object = known.object.as_ref().is_some_and(|object| object.value);
            known.value.is_none() && !is_object
        }
        // Of what does not exist, neither does what would lie below.
        None => !(1..=path.len()).any(|length| {
            let part = path.get(..length).unwrap_or_default();
            is_known(length) && tree.attributes(part).is_none()
        }),
    }
}

/// Takes into the record what scripts have learnt and changed.
fn keep_round(round: &mut Round, desk: &mut Desk) {
    let tree = round.provisioning.tree().clone();
    known::keep(&mut desk.book, &tree, &round.kept);
    round.kept = tree;
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
