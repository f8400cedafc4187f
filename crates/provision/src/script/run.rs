//! The state of one run, which the interpreter's callbacks share.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

use drover_quickjs::Meter;

use super::data::Data;
use super::host::{Attribute, Clear, Commit, Declare, Ext, Host};
use super::{Clock, Inputs, Stopper};
use crate::compat::DeviceRandom;
use crate::limits::{SCRIPT_CHECK_UNITS, SCRIPT_DECLARATIONS_MAX, SCRIPT_LOG_MESSAGES_MAX};

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
const CHECK_UNITS: f64 = SCRIPT_CHECK_UNITS as f64;

/// One run of a script.
pub(super) struct Run {
    pub(super) inputs: Inputs,
    pub(super) random: RefCell<DeviceRandom>,
    host: Rc<RefCell<dyn Host>>,
    meter: Rc<Meter>,
    stopper: Stopper,
    clock: Option<Clock>,
    /// What the clock said at the beginning.
    began: Duration,
    over: Cell<Option<Over>>,
    checks: Cell<u32>,
    mebibytes: Cell<u32>,
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
    pub(super) fn new(
        inputs: Inputs,
        host: Rc<RefCell<dyn Host>>,
        meter: Rc<Meter>,
        stopper: Stopper,
        clock: Option<Clock>,
    ) -> Self {
        Self {
            random: RefCell::new(DeviceRandom::new(&inputs.device_id)),
            inputs,
            host,
            meter,
            stopper,
            began: clock.as_ref().map_or(Duration::ZERO, |clock| clock()),
            clock,
            over: Cell::new(None),
            checks: Cell::new(0),
            mebibytes: Cell::new(0),
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
        let is_interrupted = match self.over.get() {
            Some(over) if over == Over::TimedOut || !self.inputs.catches_commit => true,
            _ => {
                let checks = self.checks.get().saturating_add(1);
                self.checks.set(checks);
                self.is_late(checks > self.inputs.budget.checks)
            }
        };
        if is_interrupted {
            self.meter.end();
        }
        is_interrupted
    }

    /// Whether the interpreter gets more memory, which it asks after each mebibyte.
    pub(super) fn may_take_more(&self) -> bool {
        if self.over.get() == Some(Over::TimedOut) {
            return false;
        }
        let mebibytes = self.mebibytes.get().saturating_add(1);
        self.mebibytes.set(mebibytes);
        !self.is_late(mebibytes > self.inputs.budget.mebibytes)
    }

    fn is_late(&self, is_spent: bool) -> bool {
        let time = Duration::from_millis(u64::from(self.inputs.budget.milliseconds));
        let is_over = |clock: &Clock| clock().saturating_sub(self.began) > time;
        let is_late =
            is_spent || self.stopper.is_stopped() || self.clock.as_ref().is_some_and(is_over);
        if is_late {
            self.over.set(Some(Over::TimedOut));
        }
        is_late
    }

    /// Takes that so many bytes are needed and must not be refused. Whether there is time for it.
    pub(super) fn has_room(&self, bytes: f64) -> bool {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        self.meter.grant(bytes as usize)
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
}
