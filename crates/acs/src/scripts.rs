//! Threads that run scripts.
//!
//! An [`Engine`] stays on the thread where it was made, and a script may take its time, so scripts
//! have threads of their own. What is to be done goes to one of them as a closure, and its result
//! comes back. A thread whose work takes too long (one call of a built-in function cannot be
//! interrupted) is given up: another takes its place, and it ends when its script is looked at
//! next, if ever.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use drover_provision::script::{Engine, Stopper};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{error, warn};

use crate::limits::{
    SCRIPT_JOB_SECONDS_MAX, SCRIPT_JOBS_WAITING_MAX, SCRIPT_THREAD_STACK_BYTES,
    SCRIPT_THREADS_GIVEN_UP_MAX,
};

/// How many threads there are and how much they take on.
#[derive(Debug, Clone)]
pub(crate) struct ScriptLimits {
    /// Threads that take work.
    pub(crate) threads: usize,
    /// Work that waits for a thread.
    pub(crate) waiting: usize,
    /// How long work may wait for a thread.
    pub(crate) patience: Duration,
    /// How long it may take then.
    pub(crate) time: Duration,
    /// Threads that were given up and still run.
    pub(crate) given_up: usize,
}

/// The work was not done, or what it gave is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lost {
    /// No thread could take it.
    #[error("the script threads have more to do than they can")]
    Overloaded,
    /// It took too long. It may still go on, but nobody hears of it.
    #[error("a script could not be stopped in time, and its thread was given up")]
    TimedOut,
    /// It panicked.
    #[error("a script thread panicked")]
    Panicked,
}

/// Threads that run scripts; they end when this is dropped.
pub(crate) struct Scripts(Arc<Pool>);

struct Pool {
    limits: ScriptLimits,
    state: Mutex<State>,
    /// Told when there is work, or no more will come.
    news: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Work that is being done by threads that are not given up, by number, with what stops it.
    running: BTreeMap<u64, Stopper>,
    /// Work among them that took too long when no further thread could be given up.
    stuck: BTreeSet<u64>,
    /// The number of the last work.
    last: u64,
    /// Threads that take work.
    threads: usize,
    /// Threads that do not, but have not ended.
    given_up: usize,
    is_closed: bool,
}

struct Job {
    /// Told the number of the work when a thread takes it.
    started: oneshot::Sender<u64>,
    work: Box<dyn FnOnce(&mut Engine) + Send>,
}

impl ScriptLimits {
    /// The limits for a number of threads; `None` for as many as there are processors.
    pub(crate) fn new(threads: Option<usize>) -> Self {
        let processors = || thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            threads: threads.unwrap_or_else(processors),
            waiting: SCRIPT_JOBS_WAITING_MAX,
            patience: Duration::from_secs(SCRIPT_JOB_SECONDS_MAX),
            time: Duration::from_secs(SCRIPT_JOB_SECONDS_MAX),
            given_up: SCRIPT_THREADS_GIVEN_UP_MAX,
        }
    }
}

impl Scripts {
    /// Starts the threads.
    ///
    /// # Errors
    /// What the system says when it gives no thread.
    pub(crate) fn new(limits: ScriptLimits) -> io::Result<Self> {
        let pool = Pool { limits, state: Mutex::default(), news: Condvar::new() };
        let scripts = Self(Arc::new(pool));
        Pool::fill(&scripts.0, &mut scripts.0.state())?;
        Ok(scripts)
    }

    /// Has a thread do this, and returns what it gives.
    ///
    /// # Errors
    /// [`Lost`] says why there is no result. What the closure owned is lost then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (sender, answer) = oneshot::channel();
        let work = move |engine: &mut Engine| {
            // Nobody waits any more if the thread was given up meanwhile.
            let _ = sender.send(work(engine));
        };
        let started = Pool::submit(&self.0, Box::new(work))?;
        let pool = Arc::clone(&self.0);
        // In a task of its own, so that a thread is watched also when the caller has gone.
        let watched = tokio::spawn(async move { Pool::watch(&pool, started, answer).await });
        watched.await.unwrap_or(Err(Lost::Panicked))
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_closed = true;
        state.waiting.clear();
        self.0.news.notify_all();
    }
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripts").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts threads until there are as many as wanted.
    fn fill(pool: &Arc<Self>, state: &mut State) -> io::Result<()> {
        while state.threads < pool.limits.threads {
            let own = Arc::clone(pool);
            let builder = thread::Builder::new().name("drover-script".to_owned());
            builder.stack_size(SCRIPT_THREAD_STACK_BYTES).spawn(move || own.work())?;
            state.threads += 1;
        }
        Ok(())
    }

    /// Puts work at the end of the queue.
    fn submit(
        pool: &Arc<Self>,
        work: Box<dyn FnOnce(&mut Engine) + Send>,
    ) -> Result<oneshot::Receiver<u64>, Lost> {
        let mut state = pool.state();
        if let Err(error) = Self::fill(pool, &mut state) {
            error!(%error, "no thread for scripts can be started");
        }
        if state.waiting.len() >= pool.limits.waiting {
            // What nobody waits for any more makes room.
            state.waiting.retain(|job| !job.started.is_closed());
        }
        let is_full = state.waiting.len() >= pool.limits.waiting;
        if is_full || state.stuck.len() >= state.threads || state.is_closed {
            return Err(Lost::Overloaded);
        }
        let (started, receiver) = oneshot::channel();
        state.waiting.push_back(Job { started, work });
        pool.news.notify_one();
        Ok(receiver)
    }

    /// Waits for the answer of work, and gives its thread up when that takes too long.
    async fn watch<T>(
        pool: &Arc<Self>,
        mut started: oneshot::Receiver<u64>,
        answer: oneshot::Receiver<T>,
    ) -> Result<T, Lost> {
        let number = match timeout(pool.limits.patience, &mut started).await {
            Ok(started) => started.map_err(|_| Lost::Overloaded)?,
            Err(_) => {
                started.close();
                // It may have started in this very moment.
                started.try_recv().map_err(|_| Lost::Overloaded)?
            }
        };
        match timeout(pool.limits.time, answer).await {
            Ok(answer) => answer.map_err(|_| Lost::Panicked),
            Err(_) => {
                Self::give_up(pool, number);
                Err(Lost::TimedOut)
            }
        }
    }

    /// Lets another thread take the place of the one that does this work.
    fn give_up(pool: &Arc<Self>, number: u64) {
        let mut state = pool.state();
        let Some(stopper) = state.running.get(&number) else { return };
        stopper.stop();
        let seconds = pool.limits.time.as_secs();
        if state.given_up >= pool.limits.given_up {
            error!(seconds, "a script thread hangs, and no further one can be given up");
            state.stuck.insert(number);
            return;
        }
        warn!(seconds, "a script thread hangs and is given up");
        state.running.remove(&number);
        state.threads -= 1;
        state.given_up += 1;
        if let Err(error) = Self::fill(pool, &mut state) {
            error!(%error, "no thread for scripts can be started");
        }
    }

    /// What a thread does.
    fn work(&self) {
        let mut engine = None;
        while let Some((number, job)) = self.next() {
            if engine.is_none() {
                engine = engine_with_clock();
            }
            if let Some(engine) = &engine {
                self.state().running.insert(number, engine.stopper());
            }
            let is_alive = engine.as_mut().is_none_or(|engine| do_job(number, job, engine));
            let after = self.end(number);
            if after == After::GivenUp {
                return;
            }
            if !is_alive || after == After::Stopped {
                // Whatever a panic left behind goes with it.
                engine = None;
            }
        }
    }

    /// The next work, with its number; `None` when there will be none.
    fn next(&self) -> Option<(u64, Job)> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                state.last += 1;
                let number = state.last;
                state.running.insert(number, Stopper::default());
                return Some((number, job));
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes that work is over.
    fn end(&self, number: u64) -> After {
        let mut state = self.state();
        let is_stuck = state.stuck.remove(&number);
        if state.running.remove(&number).is_none() {
            state.given_up -= 1;
            return After::GivenUp;
        }
        if is_stuck { After::Stopped } else { After::Free }
    }
}

/// An engine that ends scripts by the time that this thread has worked: on a busy machine no script
/// shall fail because others worked meanwhile.
fn engine_with_clock() -> Option<Engine> {
    let mut engine = Engine::new().inspect_err(|error| error!(%error, "no script runs")).ok()?;
    engine.set_clock(|| {
        let worked = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(worked).unwrap_or_default()
    });
    Some(engine)
}

/// What is to become of a thread whose work is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// It takes on more.
    Free,
    /// The same, with another engine: that of the work was stopped.
    Stopped,
    /// Another has taken its place.
    GivenUp,
}

/// Does work, unless nobody waits for it any more. False when it panicked.
fn do_job(number: u64, job: Job, engine: &mut Engine) -> bool {
    let Job { started, work } = job;
    if started.send(number).is_err() {
        return true;
    }
    catch_unwind(AssertUnwindSafe(|| work(engine))).is_ok()
}
