//! Scripts against a host that answers from a small device, run until they are stable.

mod declare;
mod globals;
mod guards;
mod hostile;
mod random;
mod replay;
mod returned;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;

const DEVICE: &str = "202BC1-BM632w-000000";
const NOW: i64 = 1_700_000_000_000;

/// A device and a record of what a script asked.
#[derive(Debug, Default)]
struct FakeHost {
    /// Values by path, one set for each revision; the last one stays.
    revisions: Vec<BTreeMap<String, Data>>,
    declared: Vec<Declare>,
    /// Commits that are paid, and those of this run.
    paid: usize,
    revision: usize,
    /// Answers of extensions that are there, by revision and arguments.
    answers: BTreeMap<(usize, String), Data>,
    pending: Option<(usize, String)>,
    /// Every call of the last run, a line each.
    calls: Vec<String>,
}

impl FakeHost {
    fn with(values: &[(&str, Data)]) -> Self {
        let values = values.iter().map(|(path, data)| ((*path).to_owned(), data.clone()));
        Self { revisions: vec![values.collect()], ..Self::default() }
    }

    fn values(&self) -> Option<&BTreeMap<String, Data>> {
        self.revisions.get(self.revision).or_else(|| self.revisions.last())
    }

    fn start(&mut self) {
        self.declared.clear();
        self.calls.clear();
        self.revision = 0;
    }
}

impl Host for FakeHost {
    fn declare(&mut self, declare: Declare) -> Result<u32, String> {
        if declare.path.contains("..") {
            return Err("Invalid parameter path".to_owned());
        }
        self.calls.push(described(&declare));
        self.declared.push(declare);
        Ok(u32::try_from(self.declared.len() - 1).unwrap())
    }

    fn clear(&mut self, clear: Clear) -> Result<(), String> {
        let Clear { path, time, attributes } = clear;
        let mut line = format!("clear {path}");
        describe_time(&mut line, "time", time);
        describe_times(&mut line, &attributes);
        self.calls.push(line);
        Ok(())
    }

    fn commit(&mut self, is_explicit: bool) -> Commit {
        self.calls.push(if is_explicit { "commit" } else { "read" }.to_owned());
        if self.revision < self.paid {
            self.revision += 1;
            return Commit::Continue;
        }
        self.paid += 1;
        Commit::Abort
    }

    fn matches(&mut self, declaration: u32) -> Vec<String> {
        let pattern = &self.declared[declaration as usize].path;
        self.calls.push(format!("matches {pattern}"));
        let prefix = pattern.strip_suffix('*');
        let is_match = |path: &&String| match prefix {
            Some(prefix) => path.starts_with(prefix),
            None => *path == pattern,
        };
        self.values().map_or(Vec::new(), |values| values.keys().filter(is_match).cloned().collect())
    }

    fn attribute(&mut self, path: &str, attribute: Attribute) -> Option<Data> {
        self.calls.push(format!("read {path} {attribute:?}"));
        let value = self.values()?.get(path)?.clone();
        Some(match attribute {
            Attribute::Object => Data::Number(0.0),
            Attribute::Writable => Data::Number(1.0),
            Attribute::Value => value,
            Attribute::Notification => Data::Number(2.0),
            Attribute::AccessList => Data::List(vec![Data::Text("Subscriber".to_owned())]),
        })
    }

    fn ext(&mut self, args: &[String]) -> Ext {
        let key = (self.revision, args.join(","));
        self.calls.push(format!("ext {}", key.1));
        match self.answers.get(&key) {
            Some(answer) => Ext::Value(answer.clone()),
            None => {
                self.pending = Some(key);
                Ext::Pending
            }
        }
    }

    fn log(&mut self, message: &str, meta: &[(String, Data)]) {
        let meta: String = meta.iter().map(|(name, data)| format!(" {name}={data:?}")).collect();
        self.calls.push(format!("log {message}{meta}"));
    }
}

fn described(declare: &Declare) -> String {
    let mut line = format!("declare {}", declare.path);
    describe_time(&mut line, "path", declare.times.path);
    describe_times(&mut line, &declare.times);
    let set = &declare.set;
    if let Some(value) = &set.value {
        write!(line, " = {value:?}").unwrap();
    }
    if let Some(value_type) = &set.value_type {
        write!(line, " as {value_type}").unwrap();
    }
    if let Some((least, most)) = set.instances {
        write!(line, " instances {least}..={most}").unwrap();
    }
    if let Some(notification) = set.notification {
        write!(line, " notification={notification}").unwrap();
    }
    if let Some(list) = &set.access_list {
        write!(line, " accessList={}", list.join("+")).unwrap();
    }
    line
}

fn describe_times(line: &mut String, times: &Times) {
    describe_time(line, "object", times.object);
    describe_time(line, "writable", times.writable);
    describe_time(line, "value", times.value);
    describe_time(line, "notification", times.notification);
    describe_time(line, "accessList", times.access_list);
}

fn describe_time(line: &mut String, name: &str, time: Option<i64>) {
    if let Some(time) = time {
        write!(line, " {name}:{time}").unwrap();
    }
}

fn text(value: &str) -> Data {
    Data::typed(Data::Text(value.to_owned()), "xsd:string")
}

fn inputs() -> Inputs {
    Inputs {
        args: Vec::new(),
        now: NOW,
        device_id: DEVICE.to_owned(),
        zone: TimeZone::UTC,
        budget: Budget { checks: 20, ..Budget::default() },
        catches_commit: false,
    }
}

/// One run.
fn run_once(source: &str, host: FakeHost) -> (Outcome, FakeHost) {
    let script = Script::compile("p", source).unwrap_or_else(|error| panic!("{error}: {source}"));
    let mut engine = Engine::new().unwrap();
    let result = engine.run(&script, inputs(), host);
    assert_usable(&mut engine);
    result
}

/// Whatever ran before, the next run finds an engine as good as new.
fn assert_usable(engine: &mut Engine) {
    let script = Script::compile("next", "return Object.keys(globalThis).concat(args)").unwrap();
    let (outcome, _) = engine.run(&script, inputs(), FakeHost::default());
    assert_eq!(outcome, Outcome::Done(Some(Data::List(Vec::new()))));
}

/// Runs until the script neither commits anew nor waits for an extension.
fn run_until_stable(source: &str, mut host: FakeHost) -> (Outcome, FakeHost, usize) {
    for runs in 1..20 {
        host.start();
        let (outcome, mut after) = run_once(source, host);
        if outcome != Outcome::Aborted {
            return (outcome, after, runs);
        }
        if let Some(key) = after.pending.take() {
            let answer = Data::Text(format!("ext:{}", key.1));
            after.answers.insert(key, answer);
        }
        host = after;
    }
    panic!("not stable: {source}");
}

/// What a script returns in its only run, on a device without parameters.
fn value_of(source: &str) -> Data {
    match run_once(source, FakeHost::default()).0 {
        Outcome::Done(Some(data)) => data,
        other => panic!("{source}: {other:?}"),
    }
}

fn text_of(source: &str) -> String {
    match value_of(source) {
        Data::Text(text) => text,
        other => panic!("{source}: {other:?}"),
    }
}

fn fault_of(source: &str) -> Fault {
    match run_once(source, FakeHost::default()).0 {
        Outcome::Fault(fault) => fault,
        other => panic!("{source}: {other:?}"),
    }
}

/// Code and message.
fn fault_text(source: &str) -> String {
    let fault = fault_of(source);
    format!("{}: {}", fault.code, fault.message)
}

fn calls_of(source: &str) -> Vec<String> {
    run_once(source, FakeHost::default()).1.calls
}
