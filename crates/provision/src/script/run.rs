//! The state of one run, which the interpreter's callbacks share.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;

use super::Inputs;
use super::data::Data;
use super::host::{Attribute, Clear, Commit, Declare, Ext, Host};
use crate::compat::DeviceRandom;
use crate::limits::{SCRIPT_CHECK_UNITS, SCRIPT_DECLARATIONS_MAX, SCRIPT_LOG_MESSAGES_MAX};

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
const CHECK_UNITS: f64 = SCRIPT_CHECK_UNITS as f64;

/// One run of a script.
pub(super) struct Run {
    pub(super) inputs: Inputs,
    pub(super) random: RefCell<DeviceRandom>,
    host: Rc<RefCell<dyn Host>>,
    over: Cell<Option<Over>>,
    checks: Cell<u32>,
    declarations: Cell<usize>,
    messages: Cell<usize>,
}

/// Why a run ended before its script did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// At a commit or an extension that is not yet paid.
    Stopped,
    /// Because of its time.
    TimedOut,
}

impl Run {
    pub(super) fn new(inputs: Inputs, host: Rc<RefCell<dyn Host>>) -> Self {
        Self {
            random: RefCell::new(DeviceRandom::new(&inputs.device_id)),
            inputs,
            host,
            over: Cell::new(None),
            checks: Cell::new(0),
            declarations: Cell::new(0),
            messages: Cell::new(0),
        }
    }

    pub(super) fn host(&self) -> RefMut<'_, dyn Host + 'static> {
        self.host.borrow_mut()
    }

    pub(super) fn over(&self) -> Option<Over> {
        self.over.get()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.get().is_some()
    }

    pub(super) fn stop(&self) {
        self.over.set(Some(Over::Stopped));
    }

    /// Whether the interpreter shall stop, which it asks every 10,000 steps.
    pub(super) fn is_interrupted(&self) -> bool {
        match self.over.get() {
            None => {}
            Some(Over::Stopped) if self.inputs.catches_commit => {}
            Some(_) => return true,
        }
        let checks = self.checks.get().saturating_add(1);
        self.checks.set(checks);
        let is_late = checks > self.inputs.budget.checks
            || self.host.try_borrow_mut().is_ok_and(|mut host| host.is_time_over());
        if is_late {
            self.over.set(Some(Over::TimedOut));
        }
        is_late
    }

    /// Takes that built-in functions look at so many characters or elements. Whether the run shall
    /// stop.
    pub(super) fn spends(&self, units: f64) -> bool {
        let mut rest = units;
        while rest > 0.0 {
            if self.is_interrupted() {
                return true;
            }
            rest -= CHECK_UNITS;
        }
        false
    }

    pub(super) fn may_declare(&self) -> bool {
        counts(&self.declarations, SCRIPT_DECLARATIONS_MAX)
    }

    pub(super) fn may_log(&self) -> bool {
        counts(&self.messages, SCRIPT_LOG_MESSAGES_MAX)
    }

    /// The session's time as a script sees it.
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 milliseconds")]
    pub(super) fn now_number(&self) -> f64 {
        self.inputs.now as f64
    }

    /// A time that a script asked for: none below 1, and none after the session's. What is known
    /// has whole milliseconds, so a part of one asks for the next.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, as it should")]
    pub(super) fn clamped(&self, time: f64) -> Option<i64> {
        (time >= 1.0).then(|| (time.ceil() as i64).min(self.inputs.now))
    }
}

/// Counts one more, unless that is too many.
fn counts(counter: &Cell<usize>, limit: usize) -> bool {
    let count = counter.get().saturating_add(1);
    counter.set(count);
    count <= limit
}

/// A host that can be taken back, even if the interpreter should keep a reference to it.
pub(super) struct Slot<H>(pub(super) Option<H>);

impl<H: Host> Slot<H> {
    fn ask<T>(&mut self, otherwise: T, ask: impl FnOnce(&mut H) -> T) -> T {
        self.0.as_mut().map_or(otherwise, ask)
    }
}

impl<H: Host> Host for Slot<H> {
    fn declare(&mut self, declare: Declare) -> Result<u32, String> {
        self.ask(Ok(0), |host| host.declare(declare))
    }

    fn clear(&mut self, clear: Clear) -> Result<(), String> {
        self.ask(Ok(()), |host| host.clear(clear))
    }

    fn commit(&mut self, is_explicit: bool) -> Commit {
        self.ask(Commit::Abort, |host| host.commit(is_explicit))
    }

    fn matches(&mut self, declaration: u32) -> Vec<String> {
        self.ask(Vec::new(), |host| host.matches(declaration))
    }

    fn attribute(&mut self, path: &str, attribute: Attribute) -> Option<Data> {
        self.ask(None, |host| host.attribute(path, attribute))
    }

    fn ext(&mut self, args: &[String]) -> Ext {
        self.ask(Ext::Pending, |host| host.ext(args))
    }

    fn log(&mut self, message: &str, meta: &[(String, Data)]) {
        self.ask((), |host| host.log(message, meta));
    }

    fn is_time_over(&mut self) -> bool {
        self.ask(true, Host::is_time_over)
    }
}
