//! `kill -9` of the server in the middle of sessions and commits: nothing that was acknowledged is
//! missing afterwards.

#![allow(clippy::print_stdout, reason = "tests say what they did")]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use drover_tests::cpe::{Cpe, Turn, agree};
use drover_tests::nbi::{self, Nbi};
use drover_tests::server::{Options, Server};
use drover_tests::xml::Element;
use serde_json::{Value as Json, json};

/// How often the server is killed.
const KILLS: u64 = 100;

/// Devices that hold sessions at the same time.
const DEVICES: usize = 4;

/// Tasks that wait at one time, so that they are done about as fast as they are posted.
const WAITING_MAX: usize = 24;

/// Sessions in which all tasks of a device must come to their end.
const SESSIONS_MAX: usize = 3;

/// How long to wait for the event at which the server is to be killed.
const ROUND: Duration = Duration::from_secs(5);

/// The parameter in which a device counts its Informs.
const COUNT: &str = "Device.Count";

/// What a task does; its number makes its path unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set,
    Add,
}

/// A task as its poster and its device know it.
#[derive(Debug)]
struct Entry {
    device: usize,
    kind: Kind,
    /// Its id, once the server has acknowledged it.
    id: Option<String>,
    /// How often the device was asked.
    asked: u32,
    /// Whether a reply came to the device's first answer.
    answered: bool,
    /// Whether a reply came to its last one.
    done: bool,
}

/// Everything that the server has acknowledged.
#[derive(Debug, Default)]
struct Ledger {
    /// By device: the count in the last Inform that was sent, and in the last one acknowledged.
    informs: BTreeMap<usize, (u64, Option<u64>)>,
    /// By number.
    tasks: BTreeMap<usize, Entry>,
    next: usize,
    /// Things that have happened; the server is killed at one of them.
    events: u64,
    /// What must not happen.
    violations: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    ledger: Mutex<Ledger>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes into the ledger, which is an event.
    fn note<T>(&self, write: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.lock();
        ledger.events += 1;
        let result = write(&mut ledger);
        self.changed.notify_all();
        result
    }

    fn wait_for_event(&self, number: u64) {
        let before = |ledger: &mut Ledger| ledger.events < number;
        drop(self.changed.wait_timeout_while(self.lock(), ROUND, before));
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn serial(device: usize) -> String {
    format!("kill{device}")
}

/// The path that a task is about.
fn path(number: usize, kind: Kind) -> String {
    match kind {
        Kind::Set => format!("Device.Set{number}"),
        Kind::Add => format!("Device.Table{number}."),
    }
}

/// The number of the task that a request belongs to.
fn number_of(request: &Element) -> Option<usize> {
    let text = match request.name.as_str() {
        "SetParameterValues" => request.text_of("Name").strip_prefix("Device.Set")?,
        "AddObject" => request.text_of("ObjectName").strip_prefix("Device.Table")?,
        // What is in the new row.
        "GetParameterValues" => request.text_of("string").strip_prefix("Device.Table")?,
        _ => return None,
    };
    text.split('.').next()?.parse().ok()
}

/// Holds sessions until the server dies.
fn run_device(shared: &Shared, cpe: &Cpe, device: usize) {
    while !shared.is_stopped() && hold_session(shared, cpe, device).is_ok() {}
}

fn hold_session(shared: &Shared, cpe: &Cpe, device: usize) -> io::Result<()> {
    let count = shared.note(|ledger| {
        let (sent, _) = ledger.informs.entry(device).or_default();
        *sent += 1;
        *sent
    });
    let mut session = cpe.start("2 PERIODIC", &[(COUNT, &count.to_string())])?;
    shared.note(|ledger| {
        ledger.informs.entry(device).or_default().1 = Some(count);
    });
    let mut turn = session.hand_over()?;
    while let Turn::Request(request, id) = turn {
        let number = number_of(&request);
        shared.note(|ledger| be_asked(ledger, number, &request));
        turn = session.answer(&id, &agree(&request))?;
        let next = match &turn {
            Turn::Request(request, _) => number_of(request),
            Turn::Over => None,
        };
        shared.note(|ledger| be_acknowledged(ledger, number, next));
    }
    Ok(())
}

/// MRB-05: a request whose answer may be lost may come again if that does no harm. AddObject may
/// not, and what is known to be answered may not either.
fn be_asked(ledger: &mut Ledger, number: Option<usize>, request: &Element) {
    let Some(entry) = number.and_then(|number| ledger.tasks.get_mut(&number)) else {
        return ledger.violations.push(format!("nobody wanted this: {request:?}"));
    };
    let is_add = request.name == "AddObject";
    let is_again = match request.name.as_str() {
        "GetParameterValues" => entry.done,
        _ => entry.answered || (is_add && entry.asked > 0),
    };
    entry.asked += 1;
    if is_again {
        let text = format!("{} came again for {entry:?}", request.name);
        ledger.violations.push(text);
    }
}

/// A reply came to the answer of a task; it is done when the reply is about something else.
fn be_acknowledged(ledger: &mut Ledger, number: Option<usize>, next: Option<usize>) {
    if let Some(entry) = number.and_then(|number| ledger.tasks.get_mut(&number)) {
        entry.answered = true;
        entry.done = entry.done || next != number;
    }
}

/// Posts tasks until the server dies.
fn run_poster(shared: &Shared, nbi: Nbi) {
    while !shared.is_stopped() {
        let waits = |ledger: &mut Ledger| count_waiting(ledger) >= WAITING_MAX;
        let ledger = shared.changed.wait_timeout_while(shared.lock(), ROUND, waits);
        drop(ledger);
        if post(shared, nbi).is_err() {
            return;
        }
    }
}

fn count_waiting(ledger: &Ledger) -> usize {
    let waits = |entry: &&Entry| entry.id.is_some() && !entry.done && entry.asked == 0;
    ledger.tasks.values().filter(waits).count()
}

fn post(shared: &Shared, nbi: Nbi) -> io::Result<()> {
    let (number, device, kind) = shared
        .note(|ledger| {
            let known: Vec<usize> = ledger
                .informs
                .iter()
                .filter(|(_, (_, seen))| seen.is_some())
                .map(|(d, _)| *d)
                .collect();
            let number = ledger.next;
            let device = *known.get(number % known.len().max(1))?;
            ledger.next += 1;
            let kind = if number % 3 == 0 { Kind::Add } else { Kind::Set };
            let entry = Entry { device, kind, id: None, asked: 0, answered: false, done: false };
            ledger.tasks.insert(number, entry);
            Some((number, device, kind))
        })
        .ok_or_else(|| io::Error::other("no device yet"))?;
    let path = path(number, kind);
    let task = match kind {
        Kind::Set => json!({
            "name": "setParameterValues",
            "parameterValues": [[path, number.to_string(), "xsd:string"]],
        }),
        Kind::Add => json!({ "name": "addObject", "objectName": path }),
    };
    let id = Cpe::new(nbi.address, &serial(device)).id();
    let response = nbi.try_send(&nbi::task_target(&id, ""), &task.to_string())?;
    assert_eq!(response.status, 202, "{}", response.text());
    let id = nbi::task_id(&response);
    shared.note(|ledger| {
        if let Some(entry) = ledger.tasks.get_mut(&number) {
            entry.id = id;
        }
    });
    Ok(())
}

/// What a restarted server says that it knows.
struct Known {
    devices: BTreeMap<String, Json>,
    tasks: BTreeSet<String>,
    faults: BTreeSet<String>,
}

impl Known {
    fn read(nbi: Nbi) -> Self {
        let text = |json: &Json, name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let by_id = |json: Json| (text(&json, "_id"), json);
        let channel = |fault: Json| {
            let channel = text(&fault, "channel");
            channel.strip_prefix("task_").unwrap_or(&channel).to_owned()
        };
        let all = json!({});
        Self {
            devices: nbi.find("devices", &all).into_iter().map(by_id).collect(),
            tasks: nbi.find("tasks", &all).into_iter().map(|task| text(&task, "_id")).collect(),
            faults: nbi.find("faults", &all).into_iter().map(channel).collect(),
        }
    }
}

/// Compares what the server has acknowledged with what it knows.
fn check(ledger: &Ledger, known: &Known) {
    assert_eq!(ledger.violations, [""; 0]);
    for (device, (sent, acknowledged)) in &ledger.informs {
        let Some(acknowledged) = acknowledged else { continue };
        let id = Cpe::new(([0, 0, 0, 0], 0).into(), &serial(*device)).id();
        let document = known.devices.get(&id).unwrap_or_else(|| panic!("{id} is missing"));
        let count = nbi::value(document, COUNT).and_then(Json::as_str).unwrap_or_default();
        let count: u64 = count.parse().unwrap_or_default();
        assert!((*acknowledged..=*sent).contains(&count), "{id}: {acknowledged} became {count}");
    }
    for (number, entry) in &ledger.tasks {
        if let Some(id) = &entry.id {
            check_task(*number, entry, id, known);
        }
    }
}

fn check_task(number: usize, entry: &Entry, id: &str, known: &Known) {
    let is_listed = known.tasks.contains(id);
    let is_faulted = known.faults.contains(id);
    if entry.done {
        assert!(!is_listed && !is_faulted, "task {number} was done, but is left: {entry:?}");
    } else if entry.asked == 0 {
        assert!(is_listed, "task {number} is lost: {entry:?}");
        // An AddObject may have been under way when the server died; it is not sent a second time.
        assert!(!is_faulted || entry.kind == Kind::Add, "task {number} failed: {entry:?}");
    }
    if entry.done && entry.kind == Kind::Set {
        let id = Cpe::new(([0, 0, 0, 0], 0).into(), &serial(entry.device)).id();
        let value = known.devices.get(&id).and_then(|d| nbi::value(d, &path(number, entry.kind)));
        assert_eq!(value, Some(&json!(number.to_string())), "result of task {number}: {entry:?}");
    }
}

fn start(data: &Path) -> Server {
    Server::start_with(Options { data: Some(data.to_owned()), ..Options::default() })
}

/// Lets devices and a poster work until `until` events more, and kills the server then.
fn work_and_kill(shared: &Shared, server: &mut Server, until: u64) {
    shared.stop.store(false, Ordering::Relaxed);
    let (cwmp, nbi) = (server.cwmp, server.nbi);
    let target = shared.lock().events + until;
    thread::scope(|scope| {
        for device in 0..DEVICES {
            scope.spawn(move || run_device(shared, &Cpe::new(cwmp, &serial(device)), device));
        }
        scope.spawn(move || run_poster(shared, nbi));
        shared.wait_for_event(target);
        server.process.kill();
        shared.stop.store(true, Ordering::Relaxed);
        shared.changed.notify_all();
    });
}

/// The event at which a round ends: another one each time, the same in every run.
fn victim(round: u64) -> u64 {
    1 + round.wrapping_mul(2_654_435_761) % 97
}

#[test]
fn kill_100_times_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let shared = Shared::default();
    introduce(&shared, &data);
    for round in 0..KILLS {
        let mut server = start(&data);
        check(&shared.lock(), &Known::read(server.nbi));
        work_and_kill(&shared, &mut server, victim(round));
    }
    let server = start(&data);
    check(&shared.lock(), &Known::read(server.nbi));
    finish(&shared, &server);
    let ledger = shared.lock();
    check(&ledger, &Known::read(server.nbi));
    let done = ledger.tasks.values().filter(|entry| entry.done).count();
    assert!(
        done > 100,
        "only {done} tasks were done: the server was killed too early to show much"
    );
    let cut = ledger.tasks.values().filter(|entry| entry.asked > 0 && !entry.done).count();
    println!("{} events, {} tasks, {done} done, {cut} cut off", ledger.events, ledger.tasks.len());
}

/// Each device's first Inform, so that tasks can be posted from the start.
fn introduce(shared: &Shared, data: &Path) {
    let server = start(data);
    for device in 0..DEVICES {
        let cpe = Cpe::new(server.cwmp, &serial(device));
        hold_session(shared, &cpe, device).expect("a session");
    }
}

/// Further sessions of each device, until every task that waits is done.
fn finish(shared: &Shared, server: &Server) {
    for device in 0..DEVICES {
        let cpe = Cpe::new(server.cwmp, &serial(device));
        for _ in 0..SESSIONS_MAX {
            hold_session(shared, &cpe, device).expect("a session");
        }
    }
    let known = Known::read(server.nbi);
    let ledger = shared.lock();
    let left = ledger.tasks.iter().filter(|(_, entry)| !is_over(entry, &known));
    let left: Vec<_> = left.collect();
    assert!(left.is_empty(), "after all sessions these tasks still wait: {left:?}");
}

/// Whether the server has no more to do. An addObject whose answer was lost stays as a fault.
fn is_over(entry: &Entry, known: &Known) -> bool {
    let Some(id) = &entry.id else { return true };
    let is_faulted = entry.kind == Kind::Add && known.faults.contains(id);
    is_faulted || !known.tasks.contains(id)
}

/// A ledger of one device and one task, and what a server knows that has lost nothing.
fn example(done: bool) -> (Ledger, Known) {
    let id = Cpe::new(([0, 0, 0, 0], 0).into(), &serial(0)).id();
    let asked = u32::from(done);
    let entry =
        Entry { device: 0, kind: Kind::Set, id: Some("a".into()), asked, answered: done, done };
    let informs = [(0, (7, Some(6)))].into();
    let ledger = Ledger { informs, tasks: [(5, entry)].into(), ..Ledger::default() };
    let set = if done { json!({ "_value": "5" }) } else { Json::Null };
    let document = json!({ "Device": { "Count": { "_value": "6" }, "Set5": set } });
    let tasks = if done { BTreeSet::new() } else { ["a".to_owned()].into() };
    (ledger, Known { devices: [(id, document)].into(), tasks, faults: BTreeSet::new() })
}

#[track_caller]
fn assert_noticed(ledger: &Ledger, known: &Known) {
    let check = std::panic::AssertUnwindSafe(|| check(ledger, known));
    assert!(std::panic::catch_unwind(check).is_err(), "the loss was not noticed");
}

#[test]
fn kill_check_notices_every_loss() {
    for done in [false, true] {
        let (ledger, known) = example(done);
        check(&ledger, &known);
        assert_noticed(&ledger, &Known { devices: BTreeMap::new(), ..known });
    }
    let (ledger, mut known) = example(false);
    known.tasks.clear();
    assert_noticed(&ledger, &known);
    let (ledger, mut known) = example(true);
    known.tasks.insert("a".to_owned());
    assert_noticed(&ledger, &known);
    let (mut ledger, known) = example(true);
    ledger.informs.insert(0, (9, Some(8)));
    assert_noticed(&ledger, &known);
    let (mut ledger, known) = example(true);
    be_asked(&mut ledger, Some(5), &Element { name: "AddObject".to_owned(), ..<_>::default() });
    assert_noticed(&ledger, &known);
}
