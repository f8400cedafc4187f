//! Scripts of users, as GenieACS runs them: JavaScript in a sandbox, without any I/O.
//!
//! A [`Script`] is the body of a function. An [`Engine`] runs it in a context of its own, so that
//! nothing stays from one run to the next, and a [`Host`] answers what it asks. A script declares
//! and reads as if all of it were at hand; when something is not, the run is [`Outcome::Aborted`]
//! where it stands, beyond the reach of `catch` and `finally`. Once the host has fetched it, the
//! script runs again from the top.
//!
//! A script can do nothing but call its host, and it is bounded in memory, in stack and in steps
//! ([`Budget`]). The interpreter counts steps, and looks at its budget every 10,000 of them. One
//! call of a built-in function is one step, whatever it does, and so is one operator. So it is also
//! looked at after each mebibyte that the interpreter takes, which bounds whatever makes something
//! large; and built-in functions that could work for long without that are replaced (`guards.js`):
//! they count what they do, and refuse what is too much. What is left are operators that only
//! read texts of megabytes, and compare them, or find members by them: ten thousand of these can
//! take seconds. Whoever waits for a run can give it up, and then says so to its [`Stopper`].

mod data;
mod fault;
mod host;
mod natives;
mod run;
#[cfg(test)]
mod tests;
mod virtual_parameter;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use drover_quickjs::{Bytecode, Meter};
use jiff::tz::TimeZone;
use rquickjs::context::intrinsic;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Error, FromJs, Function, Object, Persistent,
    Runtime, Value,
};

pub use data::Data;
pub use fault::{Fault, FaultDetail};
pub use host::{Attribute, Clear, Commit, Declare, Ext, Host, Settings, Times};
pub use virtual_parameter::{VirtualParameter, Wanted};

use crate::limits::{
    SCRIPT_BYTES_MAX, SCRIPT_CHECKS, SCRIPT_FAULT_MEMORY_BYTES, SCRIPT_MEBIBYTES,
    SCRIPT_MEMORY_BYTES_MAX, SCRIPT_MILLISECONDS, SCRIPT_NAME_CHARS_MAX,
    SCRIPT_RUNS_PER_INTERPRETER, SCRIPT_STACK_BYTES_MAX, SCRIPT_STACK_DEPTH_MAX,
};
use fault::PRELUDE;
use run::{Over, Run, Slot};

/// The code of what a script throws that lets go of a commit it could have caught.
const COMMIT: &str = "script.drover:commit";

/// What stands in front of a script's first line. (With a parenthesis there, the parser would read
/// everything twice, to see whether an arrow follows.)
const PROLOGUE: &str = "0,function(){";
/// What stands behind its last line.
const EPILOGUE: &str = "\n}";

/// A script whose syntax is right, compiled.
#[derive(Debug, Clone)]
pub struct Script {
    name: String,
    source: String,
    code: Bytecode,
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        // The code follows from them.
        (&self.name, &self.source) == (&other.name, &other.source)
    }
}

impl Eq for Script {}

/// A script that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It is no JavaScript.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
        /// Where it stopped, if it says so; the first line has 1.
        line: Option<u32>,
    },
    /// It is too long.
    #[error("the script has {0} bytes, more than {SCRIPT_BYTES_MAX}: split it")]
    TooLong(usize),
    /// There is not even memory for the interpreter.
    #[error("the interpreter could not be started")]
    Interpreter,
}

/// What a run is given.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The global `args`: the arguments of a preset or task, or the four of a virtual parameter.
    pub args: Vec<Data>,
    /// When the session began, in milliseconds of the Unix clock: the time that scripts see.
    pub now: i64,
    /// The device's id as GenieACS writes it: the seed of `Math.random`, and of schedules' offsets.
    pub device_id: String,
    /// The zone of cron schedules.
    pub zone: TimeZone,
    /// How long the run may take.
    pub budget: Budget,
    /// Whether `catch` sees where a run stops, as in GenieACS (compat 2.7): what is read there
    /// stays unread, nothing more is logged, and a script that goes on to its end is done.
    /// Otherwise nothing of a script runs after that.
    pub catches_commit: bool,
}

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// How often the run is looked at, every 10,000 steps, before it is stopped. Ends a run at the
    /// same step each time.
    pub checks: u32,
    /// How many mebibytes the run may take before it is stopped, those that it gives back included.
    /// (How many it may have at a time is a matter of the engine.)
    pub mebibytes: u32,
    /// Milliseconds that the run may take by the clock of its engine, if that has one; and what
    /// the fault says of a run that took too long.
    pub milliseconds: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            checks: SCRIPT_CHECKS,
            mebibytes: SCRIPT_MEBIBYTES,
            milliseconds: SCRIPT_MILLISECONDS,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The script came to its end, which is a commit, and returned this (`None` for `undefined`).
    Done(Option<Data>),
    /// It stopped at a commit or an extension that is not yet paid.
    Aborted,
    /// It failed.
    Fault(Fault),
}

/// Runs scripts, one after another, on the thread where it was made.
pub struct Engine {
    runtime: Runtime,
    meter: Rc<Meter>,
    /// Bytes that a script may have.
    memory: usize,
    /// Where the stack was when the runtime was made, from which its limit counts.
    stack: usize,
    /// How many scripts ran in this runtime.
    runs: u32,
    stopper: Stopper,
    clock: Option<Clock>,
}

/// Tells the time since some moment.
type Clock = Rc<dyn Fn() -> Duration>;

/// Stops what an [`Engine`] runs, and all that it would run later: each run is out of time when it
/// is looked at next. For whoever has given up waiting for it.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<AtomicBool>);

impl Stopper {
    /// Stops it, for good.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Script {
    /// Checks a script. The name appears in stacks.
    ///
    /// # Errors
    /// [`ScriptError::Syntax`] with the message of the parser, such as `SyntaxError: …`.
    pub fn compile(name: &str, source: &str) -> Result<Self, ScriptError> {
        if source.len() > SCRIPT_BYTES_MAX {
            return Err(ScriptError::TooLong(source.len()));
        }
        if source.contains('\0') {
            let before = source.split('\0').next().unwrap_or_default();
            let line = u32::try_from(before.split('\n').count()).ok();
            let message = "SyntaxError: invalid character: NUL".to_owned();
            return Err(ScriptError::Syntax { message, line });
        }
        let printable = name.chars().filter(|c| !c.is_control() && !matches!(c, '(' | ')'));
        let name: String = printable.take(SCRIPT_NAME_CHARS_MAX).collect();
        let source = format!("{PROLOGUE}{source}{EPILOGUE}");
        let runtime = Runtime::new().map_err(|_| ScriptError::Interpreter)?;
        runtime.set_max_stack_size(SCRIPT_STACK_BYTES_MAX);
        let mut checks = 0u32;
        let is_late = move || {
            checks = checks.saturating_add(1);
            checks > SCRIPT_CHECKS
        };
        runtime.set_interrupt_handler(Some(Box::new(is_late)));
        let context = new_context(&runtime).map_err(|_| ScriptError::Interpreter)?;
        let compiled = context.with(|ctx| {
            let compiled = Bytecode::compile(&ctx, &name, &source, true);
            // A text that ends the function and begins another thing is no script.
            let checked = compiled.and_then(|code| function(&ctx, &code).map(|_| code));
            match checked.catch(&ctx) {
                Ok(code) => Ok(code),
                Err(CaughtError::Exception(error)) => {
                    let name: String = error.as_object().get("name").unwrap_or_default();
                    let message = format!("{name}: {}", error.message().unwrap_or_default());
                    Err((message, error.stack()))
                }
                Err(_) => Err(("SyntaxError: unexpected '}'".to_owned(), None)),
            }
        });
        match compiled {
            Ok(code) => Ok(Self { name, source, code }),
            Err((message, stack)) => {
                let line = stack.and_then(|stack| line_in(&stack, text_of(&source)));
                Err(ScriptError::Syntax { message, line })
            }
        }
    }

    /// The script's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text, as it was given.
    pub fn text(&self) -> &str {
        text_of(&self.source)
    }
}

fn text_of(source: &str) -> &str {
    let inner = source.strip_prefix(PROLOGUE);
    inner.and_then(|inner| inner.strip_suffix(EPILOGUE)).unwrap_or_default()
}

/// The line of a text that the parser's stack names: `    at name:line:column`. A line behind the
/// last is that of the epilogue, which means that the end came too early.
fn line_in(stack: &str, text: &str) -> Option<u32> {
    let mut numbers = stack.lines().next()?.trim_end().rsplit(':').skip(1);
    let line: u32 = numbers.next()?.parse().ok()?;
    let last = u32::try_from(text.lines().count().max(1)).unwrap_or(u32::MAX);
    Some(line.min(last))
}

/// The function that code gives.
fn function<'js>(ctx: &Ctx<'js>, code: &Bytecode) -> rquickjs::Result<Function<'js>> {
    Function::from_js(ctx, code.evaluate(ctx)?)
}

impl Engine {
    /// An engine for this thread.
    ///
    /// # Errors
    /// [`ScriptError::Interpreter`] when there is no memory for it.
    pub fn new() -> Result<Self, ScriptError> {
        Self::with_memory(SCRIPT_MEMORY_BYTES_MAX)
    }

    fn with_memory(memory: usize) -> Result<Self, ScriptError> {
        let meter = Rc::new(Meter::default());
        let runtime = new_runtime(&meter).map_err(|_| ScriptError::Interpreter)?;
        let (stack, stopper) = (stack_position(), Stopper::default());
        Ok(Self { runtime, meter, memory, stack, runs: 0, stopper, clock: None })
    }

    /// Ends runs also by a clock, which tells the time since some moment: best that of the thread,
    /// which stands while others work. Without one, only what a run does counts, so that it ends
    /// in the same way each time.
    pub fn set_clock(&mut self, clock: impl Fn() -> Duration + 'static) {
        self.clock = Some(Rc::new(clock));
    }

    /// What stops this engine from another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Runs a script, and gives its host back.
    pub fn run<H>(&mut self, script: &Script, inputs: Inputs, host: H) -> (Outcome, H)
    where
        H: Host + 'static,
    {
        self.follow_stack();
        let slot = Rc::new(RefCell::new(Slot(Some(host))));
        let (meter, stopper) = (Rc::clone(&self.meter), self.stopper.clone());
        // Of a run that has panicked.
        meter.stop();
        let run = Run::new(inputs, slot.clone(), meter, stopper, self.clock.clone());
        let run = Rc::new(run);
        let watched = Rc::clone(&run);
        self.runtime.set_interrupt_handler(Some(Box::new(move || watched.is_interrupted())));
        let outcome = self.run_in_context(script, &run);
        self.runtime.set_interrupt_handler(None);
        self.meter.stop();
        self.clean_up(&outcome);
        let host = slot.borrow_mut().0.take();
        (outcome, host.expect("only this function takes the host"))
    }

    fn run_in_context(&self, script: &Script, run: &Rc<Run>) -> Outcome {
        let Ok(context) = new_context(&self.runtime) else {
            return Outcome::Fault(out_of_memory());
        };
        let finished = context
            .with(|ctx| Prepared::new(&ctx, script, run))
            .and_then(|prepared| self.finish(&context, prepared, script, run));
        match run.over() {
            Some(Over::Stopped) if run.inputs.catches_commit => match finished {
                Ok(returned) => Outcome::Done(returned),
                Err(fault) if fault.code == COMMIT => Outcome::Aborted,
                Err(fault) => Outcome::Fault(fault),
            },
            Some(Over::Stopped) => Outcome::Aborted,
            Some(Over::TimedOut) => {
                Outcome::Fault(Fault::timed_out(run.inputs.budget.milliseconds))
            }
            None => finished.map_or_else(Outcome::Fault, Outcome::Done),
        }
    }

    /// Runs a script that is compiled, and reads what it returns.
    fn finish(
        &self,
        context: &Context,
        prepared: Prepared,
        script: &Script,
        run: &Rc<Run>,
    ) -> Result<Option<Data>, Fault> {
        // The interpreter fails badly when its compiler has no memory, so that comes only now. What
        // compiling takes is bounded by the length of the source.
        let watched = Rc::clone(run);
        self.meter.start(self.memory, move || watched.may_take_more());
        let (prelude, returned) = context.with(|ctx| {
            let prelude = prepared.prelude.restore(&ctx).map_err(|_| out_of_memory())?;
            let function = prepared.function.restore(&ctx).map_err(|_| out_of_memory())?;
            let returned: Value<'_> =
                function.call(()).map_err(|error| self.fault(&ctx, &prelude, script, error))?;
            Ok((Persistent::save(&ctx, prelude), Persistent::save(&ctx, returned)))
        })?;
        let jobs = self.run_jobs(run);
        context.with(|ctx| {
            let prelude = prelude.restore(&ctx).map_err(|_| out_of_memory())?;
            let returned = returned.restore(&ctx).map_err(|_| out_of_memory())?;
            jobs?;
            data_of(&prelude, returned).map_err(|error| self.fault(&ctx, &prelude, script, error))
        })
    }

    /// Reads what a script has thrown, perhaps for want of memory.
    fn fault<'js>(
        &self,
        ctx: &Ctx<'js>,
        prelude: &Object<'js>,
        script: &Script,
        error: Error,
    ) -> Fault {
        self.meter.raise(SCRIPT_FAULT_MEMORY_BYTES);
        fault_of(ctx, prelude, script, error)
    }

    /// Runs what a script's promises left to do. What a callback throws is the matter of its
    /// promise, so a job fails only when the run is over or has no memory left.
    fn run_jobs(&self, run: &Run) -> Result<(), Fault> {
        while !run.is_over() {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    error.0.with(|ctx| drop(ctx.catch()));
                    return Err(out_of_memory());
                }
            }
        }
        Ok(())
    }

    /// Whatever went wrong or is left over in a runtime ends with it.
    fn clean_up(&mut self, outcome: &Outcome) {
        self.runs = self.runs.saturating_add(1);
        let is_clean = !matches!(outcome, Outcome::Fault(_)) && !self.runtime.is_job_pending();
        if is_clean && self.runs < SCRIPT_RUNS_PER_INTERPRETER {
            self.runtime.run_gc();
        } else {
            self.renew();
        }
    }

    /// The limit of the stack counts from where the runtime was made: a new one if that is far.
    fn follow_stack(&mut self) {
        if self.stack.saturating_sub(stack_position()) > SCRIPT_STACK_DEPTH_MAX {
            self.renew();
        }
    }

    fn renew(&mut self) {
        if let Ok(runtime) = new_runtime(&self.meter) {
            self.runtime = runtime;
            self.runs = 0;
            self.stack = stack_position();
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// What a context has: the language, but no clock, no weak references and no shared memory.
type Builtins = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

fn new_runtime(meter: &Rc<Meter>) -> rquickjs::Result<Runtime> {
    let runtime = meter.runtime()?;
    runtime.set_max_stack_size(SCRIPT_STACK_BYTES_MAX);
    Ok(runtime)
}

fn new_context(runtime: &Runtime) -> rquickjs::Result<Context> {
    Context::custom::<Builtins>(runtime)
}

/// A context that is ready to run its script.
struct Prepared {
    /// The functions that read what a script returns or throws.
    prelude: Persistent<Object<'static>>,
    function: Persistent<Function<'static>>,
}

impl Prepared {
    /// Evaluates the prelude, and compiles the script.
    fn new<'js>(ctx: &Ctx<'js>, script: &Script, run: &Rc<Run>) -> Result<Self, Fault> {
        let prelude = prepare(ctx, run).map_err(|_| out_of_memory())?;
        let function =
            function(ctx, &script.code).map_err(|error| fault_of(ctx, &prelude, script, error))?;
        Ok(Self {
            prelude: Persistent::save(ctx, prelude),
            function: Persistent::save(ctx, function),
        })
    }
}

/// The code that stands before each script, compiled.
#[derive(Debug)]
struct Preparation {
    prelude: Bytecode,
    guards: Bytecode,
}

impl Preparation {
    /// That of this process.
    fn get(ctx: &Ctx<'_>) -> rquickjs::Result<&'static Self> {
        static ONE: OnceLock<Preparation> = OnceLock::new();
        if let Some(one) = ONE.get() {
            return Ok(one);
        }
        let compile = |source: &str| Bytecode::compile(ctx, PRELUDE, source, false);
        let one = Self {
            prelude: compile(include_str!("script/prelude.js"))?,
            guards: compile(include_str!("script/guards.js"))?,
        };
        Ok(ONE.get_or_init(|| one))
    }
}

fn prepare<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>> {
    let args = Data::List(run.inputs.args.clone()).to_js(ctx)?;
    let natives = natives::natives(ctx, run)?;
    let limits = natives::limit_object(ctx, run)?;
    let Preparation { prelude, guards } = Preparation::get(ctx)?;
    let prelude = function(ctx, prelude)?;
    let prelude = prelude.call((natives, limits.clone(), run.now_number(), args))?;
    let guards = function(ctx, guards)?;
    let () = guards.call((natives::guards(ctx, run)?, limits))?;
    Ok(prelude)
}

/// What a script returned, as plain data.
fn data_of<'js>(prelude: &Object<'js>, returned: Value<'js>) -> rquickjs::Result<Option<Data>> {
    let flat: Object<'js> = prelude.get::<_, Function<'js>>("returned")?.call((returned,))?;
    Data::from_flat(&flat)
}

fn fault_of<'js>(ctx: &Ctx<'js>, prelude: &Object<'js>, script: &Script, error: Error) -> Fault {
    let Error::Exception = error else { return Fault::error("Error", &error.to_string(), "") };
    let thrown = ctx.catch();
    if thrown.is_null() {
        // What the interpreter throws when there is no memory even for an error.
        return Fault::plain("null (the script threw that, or had no memory left)");
    }
    let texts = || prelude.get::<_, Function<'js>>("thrown")?.call::<_, Object<'js>>((thrown,));
    let Ok(texts) = texts() else {
        ctx.catch();
        return Fault::plain("What the script threw cannot be read");
    };
    Fault::from_thrown(&texts, &script.name).bounded()
}

fn out_of_memory() -> Fault {
    Fault::error("InternalError", "out of memory", "")
}

/// About where the stack of this thread is.
#[inline(never)]
fn stack_position() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}
