//! One run of a script from its top, and what it may call (compat 2.1, 2.7).

use std::collections::BTreeMap;
use std::fmt;

use super::Discovery;
use super::data::{Path, Scalar, Tree, path_of};
use super::declaration::{Declaration, Get, NewAttributes, NewValue, Set};
use super::pattern::{Pattern, Segment};
use super::reason::Nothing;
use super::sync::{self, HeldBack, Scope};
use crate::compat;
use crate::limits::SCRIPT_LOG_LINE_BYTES;
use crate::script::{Attribute, Clear, Commit, Data, Declare, Ext, Fault, Host, Settings, Times};

/// A fault without an error of a script behind it.
pub(super) fn fault(code: &str, message: impl Into<String>) -> Fault {
    Fault { code: code.to_owned(), message: message.into(), detail: None }
}

/// Why a script does not go on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stop {
    /// What it declared must be done first; then it runs again from its top.
    Commit {
        /// Whether it called `commit`; else it read what it had declared.
        is_explicit: bool,
    },
    /// An extension must answer first: its file, its function and their arguments.
    Extension(Vec<String>),
    /// It failed.
    Fault(Fault),
}

/// What a script has got so far, kept between its runs.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What was known after each of its commits.
    revisions: Vec<Tree>,
    /// Whether each of them was a call of `commit`.
    explicit: Vec<bool>,
    /// Answers of extensions, by number of commits before and arguments.
    extensions: BTreeMap<(usize, Vec<String>), Data>,
    /// Lines that were logged.
    logged: usize,
    /// Calls of `clear` that were taken.
    cleared: usize,
    /// What the last run declared since the last `commit` that is done.
    pub declarations: Vec<Declaration>,
}

impl Progress {
    /// Takes that a commit is done, with what is known now.
    pub(super) fn commit(&mut self, tree: Tree, is_explicit: bool) {
        self.revisions.push(tree);
        self.explicit.push(is_explicit);
        self.declarations.clear();
    }

    /// Takes what an extension answered.
    pub(super) fn answer(&mut self, arguments: Vec<String>, answer: Data) {
        self.extensions.insert((self.revisions.len(), arguments), answer);
    }
}

/// Lets a script pass a commit without running again from its top, when nothing is to be asked or
/// changed for it: all would be the same then. Only the last script that still runs can have that.
pub(super) struct Ahead {
    /// What is known.
    pub tree: Tree,
    /// How the device is read.
    pub discovery: Discovery,
    /// What changes may be.
    pub scope: Scope,
    /// Why a value is not to be sent.
    pub held_back: Box<HeldBack<'static>>,
    /// How many commits may be passed.
    pub commits: usize,
}

/// Commits that were passed so.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// How many.
    pub commits: usize,
    /// What was declared before them and changed nothing, and why.
    pub nothing: Vec<Nothing>,
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("commits", &self.commits).finish_non_exhaustive()
    }
}

impl Ahead {
    /// Why declarations change nothing; `None` if something is to be done for one of them.
    fn nothing(&self, declarations: &[Declaration], is_explicit: bool) -> Option<Vec<Nothing>> {
        if declarations.iter().any(|declaration| may_be_virtual(&declaration.pattern)) {
            return None;
        }
        if !sync::reads(&self.tree, declarations, self.discovery).is_empty() {
            return None;
        }
        let pending: Vec<_> = declarations.iter().map(|it| (it, !is_explicit)).collect();
        let changes = sync::changes(&self.tree, &pending, self.scope, &*self.held_back);
        changes.is_empty().then_some(changes.nothing)
    }
}

/// Whether it may be about virtual parameters.
pub(super) fn may_be_virtual(pattern: &Pattern) -> bool {
    let first = pattern.segments().first();
    !matches!(first, Some(Segment::Name(name)) if &**name != "VirtualParameters")
}

/// Data to forget (compat 2.3).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Forget {
    /// Where.
    pub pattern: Pattern,
    /// What is older than these times; [`Get::path`] is for all of it.
    pub before: Get,
}

/// A line that a script logged, with its further fields.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// The message.
    pub message: String,
    /// The fields.
    pub fields: Vec<(String, Data)>,
}

impl LogLine {
    /// Bytes that it counts for.
    pub(crate) fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(name, data)| name.len().saturating_add(data.size()));
        let texts = fields.fold(self.message.len(), usize::saturating_add);
        texts.saturating_add(SCRIPT_LOG_LINE_BYTES)
    }
}

impl fmt::Display for LogLine {
    /// The message, and behind it the fields as `name=value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// What scripts may still log.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogRoom {
    /// Bytes that are left.
    pub bytes: usize,
    /// Lines that did not fit. Once there is one, no other fits.
    pub left_out: usize,
}

impl LogRoom {
    fn takes(&mut self, line: &LogLine) -> bool {
        let left = self.bytes.checked_sub(line.size()).filter(|_| self.left_out == 0);
        match left {
            Some(left) => self.bytes = left,
            None => self.left_out = self.left_out.saturating_add(1),
        }
        left.is_some()
    }
}

/// One run.
#[derive(Debug)]
pub(super) struct Run {
    session: i64,
    device: Box<str>,
    progress: Progress,
    declared: Vec<Declaration>,
    /// Declarations from here on wait for a commit that is to be done.
    pending: usize,
    commits: usize,
    logs: Vec<LogLine>,
    log_room: LogRoom,
    log_calls: usize,
    forgets: Vec<Forget>,
    clear_calls: usize,
    is_uncommitted: bool,
    stop: Option<Stop>,
    ahead: Option<Ahead>,
    passed: Passed,
}

/// What a run leaves.
pub(super) struct Ran {
    /// What the script has got so far.
    pub progress: Progress,
    /// Why it did not come to its end.
    pub stop: Option<Stop>,
    /// Its new lines.
    pub logs: Vec<LogLine>,
    /// What may still be logged.
    pub log_room: LogRoom,
    /// What is to be forgotten.
    pub forgets: Vec<Forget>,
    /// The commits that it has passed ahead.
    pub passed: Passed,
}

impl Run {
    /// A run from the top, at the time of a session in milliseconds of the Unix clock.
    pub(super) fn new(session: i64, device: &str, progress: Progress, log_room: LogRoom) -> Self {
        Self {
            session,
            device: device.into(),
            progress,
            declared: Vec::new(),
            pending: 0,
            commits: 0,
            logs: Vec::new(),
            log_room,
            log_calls: 0,
            forgets: Vec::new(),
            clear_calls: 0,
            is_uncommitted: false,
            stop: None,
            ahead: None,
            passed: Passed::default(),
        }
    }

    /// Lets the run pass commits for which nothing is to be done.
    pub(super) fn set_ahead(&mut self, ahead: Option<Ahead>) {
        self.ahead = ahead;
    }

    /// What `Date.now()` says.
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53")]
    pub(super) fn now(&self) -> f64 {
        self.session as f64
    }

    /// What `Date.now(interval)` says.
    pub(super) fn last_interval(&self, interval: f64) -> f64 {
        compat::last_interval(self.now(), interval, None, &self.device)
    }

    /// Declares something, and gives the number by which [`Self::read`] knows it.
    ///
    /// # Errors
    /// A fault if the path is none, as GenieACS words it.
    pub(super) fn put(&mut self, path: &str, asked: Get, set: Set) -> Result<usize, Stop> {
        let declaration = Declaration::new(path, asked, set);
        let declaration = declaration
            .map_err(|invalid| Stop::Fault(fault("script.Error", invalid.to_string())))?;
        let number = self.declared.len();
        self.declared.push(declaration);
        self.is_uncommitted = true;
        Ok(number)
    }

    /// The paths that match a declaration, after a commit if anything is uncommitted.
    ///
    /// # Errors
    /// [`Stop::Commit`] when that is not done yet.
    pub(super) fn read(&mut self, number: usize) -> Result<Vec<Path>, Stop> {
        if self.is_uncommitted {
            self.barrier(false)?;
        }
        Ok(self.matching(number))
    }

    fn matching(&self, number: usize) -> Vec<Path> {
        match (self.declared.get(number), self.tree()) {
            (Some(declaration), Some(tree)) => tree.matches(&declaration.pattern),
            _ => Vec::new(),
        }
    }

    /// What was known at the last commit that this run has passed.
    fn tree(&self) -> Option<&Tree> {
        self.progress.revisions.get(self.commits.checked_sub(1)?)
    }

    fn barrier(&mut self, is_explicit: bool) -> Result<(), Stop> {
        self.is_uncommitted = false;
        let was_explicit = match self.progress.explicit.get(self.commits).copied() {
            Some(was_explicit) => was_explicit,
            None if self.passes_ahead(is_explicit) => is_explicit,
            None => return Err(Stop::Commit { is_explicit }),
        };
        if was_explicit {
            self.pending = self.declared.len();
        }
        self.commits = self.commits.saturating_add(1);
        Ok(())
    }

    fn passes_ahead(&mut self, is_explicit: bool) -> bool {
        let Some(ahead) = &self.ahead else { return false };
        if self.passed.commits >= ahead.commits || !self.forgets.is_empty() {
            return false;
        }
        let declared = self.declared.get(self.pending..).unwrap_or_default();
        let Some(nothing) = ahead.nothing(declared, is_explicit) else { return false };
        self.progress.commit(ahead.tree.clone(), is_explicit);
        self.passed.commits = self.passed.commits.saturating_add(1);
        self.passed.nothing.extend(nothing);
        true
    }

    /// Ends the run.
    pub(super) fn end(self) -> Ran {
        let Self { mut progress, mut declared, pending, log_calls, clear_calls, .. } = self;
        progress.declarations = declared.split_off(pending.min(declared.len()));
        progress.logged = progress.logged.max(log_calls);
        progress.cleared = progress.cleared.max(clear_calls);
        let Self { stop, logs, log_room, forgets, passed, .. } = self;
        Ran { progress, stop, logs, log_room, forgets, passed }
    }
}

impl Host for Run {
    fn declare(&mut self, declare: Declare) -> Result<u32, String> {
        let declared = self.put(&declare.path, asked(declare.times), set(declare.set));
        match declared {
            Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
            Err(Stop::Fault(fault)) => Err(fault.message),
            Err(_) => Err("declare does not stop".to_owned()),
        }
    }

    fn clear(&mut self, clear: Clear) -> Result<(), String> {
        let pattern = Pattern::parse(&clear.path).map_err(|invalid| invalid.to_string())?;
        self.is_uncommitted = true;
        self.clear_calls = self.clear_calls.saturating_add(1);
        if self.clear_calls > self.progress.cleared {
            let before = Get { path: clear.time.unwrap_or_default(), ..asked(clear.attributes) };
            self.forgets.push(Forget { pattern, before });
        }
        Ok(())
    }

    fn commit(&mut self, is_explicit: bool) -> Commit {
        match self.barrier(is_explicit) {
            Ok(()) => Commit::Continue,
            Err(stop) => {
                self.stop = Some(stop);
                Commit::Abort
            }
        }
    }

    fn matches(&mut self, declaration: u32) -> Vec<String> {
        let number = usize::try_from(declaration).unwrap_or(usize::MAX);
        self.matching(number).iter().map(|path| super::written(path)).collect()
    }

    fn attribute(&mut self, path: &str, attribute: Attribute) -> Option<Data> {
        let path = path_of(path);
        let is_virtual = path.first().is_some_and(|name| name.as_str() == "VirtualParameters");
        let known = self.tree()?.attributes(&path)?;
        let number = |flag: bool| Data::Number(f64::from(u8::from(flag)));
        match attribute {
            Attribute::Object => known.object.as_ref().map(|object| number(object.value)),
            Attribute::Writable => known.writable.as_ref().map(|writable| {
                if is_virtual { Data::Bool(writable.value) } else { number(writable.value) }
            }),
            Attribute::Value => known
                .value
                .as_ref()
                .map(|value| Data::typed(data_of(&value.value.scalar), &value.value.value_type)),
            Attribute::Notification => {
                known.notification.as_ref().map(|it| Data::Number(f64::from(it.value)))
            }
            Attribute::AccessList => known.access_list.as_ref().map(|list| {
                Data::List(list.value.iter().map(|name| Data::Text(name.to_string())).collect())
            }),
        }
    }

    fn ext(&mut self, args: &[String]) -> Ext {
        match self.progress.extensions.get(&(self.commits, args.to_vec())) {
            Some(answer) => Ext::Value(answer.clone()),
            None => {
                self.stop = Some(Stop::Extension(args.to_vec()));
                Ext::Pending
            }
        }
    }

    fn log(&mut self, message: &str, meta: &[(String, Data)]) {
        self.log_calls = self.log_calls.saturating_add(1);
        if self.log_calls > self.progress.logged {
            let line = LogLine { message: message.to_owned(), fields: meta.to_vec() };
            if self.log_room.takes(&line) {
                self.logs.push(line);
            }
        }
    }
}

fn asked(times: Times) -> Get {
    Get {
        path: times.path.unwrap_or_default(),
        object: times.object.unwrap_or_default(),
        writable: times.writable.unwrap_or_default(),
        value: times.value.unwrap_or_default(),
        notification: times.notification.unwrap_or_default(),
        access_list: times.access_list.unwrap_or_default(),
    }
}

fn set(settings: Settings) -> Set {
    let scalar = settings.value.as_ref().and_then(scalar_of);
    Set {
        instances: settings.instances,
        value: scalar.map(|scalar| NewValue {
            scalar,
            value_type: settings.value_type.map(String::into_boxed_str),
        }),
        attributes: NewAttributes {
            notification: settings.notification,
            access_list: settings
                .access_list
                .map(|list| list.into_iter().map(String::into_boxed_str).collect()),
        },
    }
}

/// A value as scripts have it.
pub(super) fn data_of(scalar: &Scalar) -> Data {
    match scalar {
        Scalar::Bool(value) => Data::Bool(*value),
        Scalar::Number(number) => Data::Number(*number),
        Scalar::Text(text) => Data::Text(text.to_string()),
    }
}

/// A value of a script; `None` for what is none.
pub(super) fn scalar_of(data: &Data) -> Option<Scalar> {
    match data {
        Data::Bool(value) => Some(Scalar::Bool(*value)),
        Data::Number(number) | Data::Date(number) => Some(Scalar::Number(*number)),
        Data::Text(text) => Some(Scalar::Text(text.as_str().into())),
        Data::Null | Data::List(_) | Data::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::{Timed, TypedValue};
    use crate::engine::reason::Reason;

    const SESSION: i64 = 1_700_000_000_000;
    const NAME: &str = "Device.Name";

    /// What is known: a name, read an hour ago.
    fn tree() -> Tree {
        let time = SESSION - 3_600_000;
        let mut tree = Tree::default();
        for path in ["", "Device"] {
            tree.mark_listed(&path_of(path), time);
        }
        tree.change(&path_of(NAME), time, |known| {
            known.object = Some(Timed { time, value: false });
            known.writable = Some(Timed { time, value: true });
            let value =
                TypedValue { scalar: Scalar::Text("a".into()), value_type: "xsd:string".into() };
            known.value = Some(Timed { time, value });
        });
        tree
    }

    fn run(commits: usize) -> Run {
        let log_room = LogRoom { bytes: 100, left_out: 0 };
        let mut run = Run::new(SESSION, "d", Progress::default(), log_room);
        let scope = Scope { session: SESSION, rows_left: 9, skips_writable_check: false };
        let (discovery, held_back) = (Discovery::Economical, Box::new(|_: &_, _: &_, _: &_| None));
        run.set_ahead(Some(Ahead { tree: tree(), discovery, scope, held_back, commits }));
        run
    }

    fn declare(run: &mut Run, path: &str, time: i64, value: Option<&str>) {
        let value = value.map(|text| Data::Text(text.to_owned()));
        let set = Settings { value, ..Settings::default() };
        let times = Times { value: Some(time), ..Times::default() };
        run.declare(Declare { path: path.to_owned(), times, set }).unwrap();
    }

    #[test]
    fn a_commit_for_which_nothing_is_to_be_done_is_passed_at_once() {
        let mut run = run(2);
        declare(&mut run, NAME, SESSION - 7_200_000, Some("a"));
        assert_eq!(run.commit(true), Commit::Continue);
        declare(&mut run, NAME, 1, None);
        assert_eq!(run.read(1), Ok(vec![path_of(NAME)]), "as at any commit");
        declare(&mut run, NAME, 1, None);
        assert_eq!(run.commit(true), Commit::Abort, "there were two");
        let ran = run.end();
        assert_eq!((ran.passed.commits, ran.progress.revisions.len()), (2, 2));
        assert_eq!(ran.progress.explicit, [true, false]);
        let equal = Nothing { path: NAME.to_owned(), reason: Reason::Equal };
        assert_eq!(ran.passed.nothing, [equal]);
        assert_eq!(ran.progress.declarations.len(), 2, "those behind the explicit commit");
    }

    #[test]
    fn no_other_commit_is() {
        type Case = (&'static str, fn(&mut Run));
        let cases: [Case; 5] = [
            ("a value is to be read", |run| declare(run, NAME, SESSION, None)),
            ("a value is to be set", |run| declare(run, NAME, 1, Some("b"))),
            ("paths are to be listed", |run| {
                let times = Times { path: Some(SESSION), ..Times::default() };
                let path = "Device.*".to_owned();
                run.declare(Declare { path, times, set: Settings::default() }).unwrap();
            }),
            ("a virtual parameter", |run| declare(run, "VirtualParameters.x", 1, None)),
            ("something is forgotten", |run| {
                let clear = Clear {
                    path: NAME.to_owned(),
                    time: Some(SESSION),
                    attributes: Times::default(),
                };
                run.clear(clear).unwrap();
            }),
        ];
        for (what, prepare) in cases {
            let mut run = run(9);
            prepare(&mut run);
            assert_eq!(run.commit(true), Commit::Abort, "{what}");
            assert_eq!(run.end().passed.commits, 0, "{what}");
        }
    }
}
