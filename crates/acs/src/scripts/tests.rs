use std::sync::mpsc;

use drover_provision::script::{
    Attribute, Budget, Clear, Commit, Data, Declare, Ext, Host, Inputs, Outcome, Script,
};

use super::*;

/// A pool of one thread.
fn scripts(waiting: usize, given_up: usize) -> Arc<Scripts> {
    let time = Duration::from_secs(60);
    let limits = ScriptLimits { threads: 1, waiting, patience: time, time, given_up };
    Arc::new(Scripts::new(limits).expect("a thread"))
}

/// Work that is under way until it is let go.
struct Held {
    release: mpsc::SyncSender<()>,
    result: tokio::task::JoinHandle<Result<(), Lost>>,
}

/// Has a thread begin such work.
async fn hold(scripts: &Arc<Scripts>) -> Held {
    let (release, wait) = mpsc::sync_channel(1);
    let (started, has_started) = oneshot::channel();
    let own = Arc::clone(scripts);
    let result = tokio::spawn(async move {
        let work = move |_: &mut Engine| {
            let _ = started.send(());
            let _ = wait.recv();
        };
        own.run(work).await
    });
    has_started.await.expect("it starts");
    Held { release, result }
}

/// Lets the clock run to the end of the work's time. It moves only while nothing can be done.
async fn time_out(held: Held) -> mpsc::SyncSender<()> {
    tokio::time::pause();
    let result = held.result.await.expect("no panic");
    tokio::time::resume();
    assert_eq!(result, Err(Lost::TimedOut));
    held.release
}

/// Waits for what a thread does by itself.
async fn wait_until(scripts: &Scripts, is_so: impl Fn(&State) -> bool) {
    let seen = async {
        while !is_so(&scripts.0.state()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), seen).await.expect("in time");
}

fn inputs() -> Inputs {
    Inputs {
        args: Vec::new(),
        now: 0,
        device_id: "1".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        budget: Budget::default(),
        catches_commit: false,
    }
}

/// A host that cannot bear to be asked.
#[derive(Debug)]
struct Panicking;

impl Host for Panicking {
    fn declare(&mut self, _: Declare) -> Result<u32, String> {
        panic!("a test panics in a host");
    }

    fn clear(&mut self, _: Clear) -> Result<(), String> {
        Ok(())
    }

    fn commit(&mut self, _: bool) -> Commit {
        Commit::Continue
    }

    fn matches(&mut self, _: u32) -> Vec<String> {
        Vec::new()
    }

    fn attribute(&mut self, _: &str, _: Attribute) -> Option<Data> {
        None
    }

    fn ext(&mut self, _: &[String]) -> Ext {
        Ext::Pending
    }

    fn log(&mut self, _: &str, _: &[(String, Data)]) {}
}

async fn sum(scripts: &Scripts) -> Result<Outcome, Lost> {
    let script = Script::compile("sum", "return {value: 1 + 2}").expect("a script");
    scripts.run(move |engine| engine.run(&script, inputs(), Panicking).0).await
}

fn three() -> Result<Outcome, Lost> {
    let value = ("value".to_owned(), Data::Number(3.0));
    Ok(Outcome::Done(Some(Data::Object(vec![value]))))
}

#[tokio::test]
async fn a_script_runs_on_a_thread_of_its_own() {
    let scripts = scripts(1, 1);
    assert_eq!(sum(&scripts).await, three());
    let here = thread::current().id();
    let there = scripts.run(|_| thread::current().id()).await.expect("done");
    assert_ne!(here, there);
}

#[tokio::test]
async fn what_finds_no_room_is_refused() {
    let scripts = scripts(1, 1);
    let held = hold(&scripts).await;
    let waiting = tokio::spawn({
        let scripts = Arc::clone(&scripts);
        async move { scripts.run(|_| 1).await }
    });
    wait_until(&scripts, |state| state.waiting.len() == 1).await;
    assert_eq!(scripts.run(|_| 2).await, Err(Lost::Overloaded));
    held.release.send(()).expect("it waits");
    assert_eq!(held.result.await.expect("no panic"), Ok(()));
    assert_eq!(waiting.await.expect("no panic"), Ok(1));
    assert_eq!(scripts.run(|_| 3).await, Ok(3));
}

#[tokio::test]
async fn a_thread_that_hangs_is_replaced_and_ends() {
    let scripts = scripts(1, 1);
    let held = hold(&scripts).await;
    let release = time_out(held).await;
    assert_eq!(scripts.0.state().given_up, 1);
    assert_eq!(sum(&scripts).await, three());
    release.send(()).expect("it still runs");
    wait_until(&scripts, |state| state.given_up == 0 && state.threads == 1).await;
    assert_eq!(sum(&scripts).await, three());
}

#[tokio::test]
async fn threads_that_hang_are_bounded() {
    let scripts = scripts(1, 1);
    let first = hold(&scripts).await;
    let first = time_out(first).await;
    let second = hold(&scripts).await;
    let second = time_out(second).await;
    assert_eq!(scripts.0.state().given_up, 1);
    assert_eq!(scripts.run(|_| ()).await, Err(Lost::Overloaded));
    second.send(()).expect("it still runs");
    wait_until(&scripts, |state| state.stuck.is_empty()).await;
    assert_eq!(sum(&scripts).await, three(), "the thread goes on");
    drop(first);
    wait_until(&scripts, |state| state.given_up == 0 && state.threads == 1).await;
}

#[tokio::test]
async fn what_waits_too_long_is_not_done() {
    let scripts = scripts(1, 0);
    let held = hold(&scripts).await;
    let (begun, has_begun) = mpsc::sync_channel(1);
    let waiting = tokio::spawn({
        let scripts = Arc::clone(&scripts);
        async move { scripts.run(move |_| begun.send(())).await.map(drop) }
    });
    wait_until(&scripts, |state| state.waiting.len() == 1).await;
    let release = time_out(held).await;
    tokio::time::pause();
    assert_eq!(waiting.await.expect("no panic"), Err(Lost::Overloaded));
    tokio::time::resume();
    release.send(()).expect("it still runs");
    wait_until(&scripts, |state| state.stuck.is_empty()).await;
    assert_eq!(sum(&scripts).await, three());
    assert!(has_begun.try_recv().is_err(), "nobody waited for it");
}

#[tokio::test]
async fn a_thread_is_watched_when_its_caller_has_gone() {
    let scripts = scripts(1, 1);
    let held = hold(&scripts).await;
    tokio::time::pause();
    held.result.abort();
    wait_until_paused(&scripts).await;
    tokio::time::resume();
    assert_eq!(sum(&scripts).await, three());
}

/// Lets the clock run until a thread is given up.
async fn wait_until_paused(scripts: &Scripts) {
    for _ in 0..1_000 {
        if scripts.0.state().given_up == 1 {
            return;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    panic!("no thread was given up");
}

#[tokio::test]
async fn a_panic_is_told_and_the_thread_goes_on() {
    let scripts = scripts(1, 1);
    let lost = scripts.run(|_| panic!("a test panics in its work")).await;
    assert_eq!(lost, Err::<(), _>(Lost::Panicked));
    assert_eq!(sum(&scripts).await, three());
    let script = Script::compile("p", "declare('A', {value: 1})").expect("a script");
    let lost = scripts.run(move |engine| engine.run(&script, inputs(), Panicking).0).await;
    assert_eq!(lost, Err(Lost::Panicked));
    assert_eq!(sum(&scripts).await, three());
}

#[tokio::test]
async fn threads_end_with_their_pool() {
    let scripts = scripts(1, 1);
    assert_eq!(scripts.run(|_| 1).await, Ok(1));
    let pool = Arc::downgrade(&scripts.0);
    drop(scripts);
    let ended = async {
        while pool.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), ended).await.expect("in time");
}

#[tokio::test]
async fn scripts_end_by_the_time_that_their_thread_has_worked() {
    let scripts = scripts(1, 0);
    for source in ["for (;;);", "const all = new Array(1e5).fill(1); for (;;) [...all]"] {
        let script = Script::compile("endless", source).expect("a script");
        let budget = Budget { checks: u32::MAX, mebibytes: u32::MAX, milliseconds: 20 };
        let inputs = Inputs { budget, ..inputs() };
        let outcome = scripts.run(move |engine| engine.run(&script, inputs, Panicking).0).await;
        let Ok(Outcome::Fault(fault)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(fault.message, "Script execution timed out after 20ms");
    }
    assert_eq!(sum(&scripts).await, three());
}

/// Not even a budget without an end keeps a thread for ever.
#[tokio::test]
async fn a_script_that_is_given_up_is_stopped() {
    for given_up in [1, 0] {
        let scripts = scripts(1, given_up);
        let (started, has_started) = oneshot::channel();
        let own = Arc::clone(&scripts);
        let (sender, ended) = oneshot::channel();
        let endless = tokio::spawn(async move {
            let script = Script::compile("endless", "for (;;);").expect("a script");
            let budget = Budget { checks: u32::MAX, milliseconds: u32::MAX, ..Budget::default() };
            let work = move |engine: &mut Engine| {
                let _ = started.send(());
                let inputs = Inputs { budget, ..inputs() };
                let outcome = engine.run(&script, inputs, Panicking).0;
                let _ = sender.send(outcome);
            };
            own.run(work).await
        });
        has_started.await.expect("it starts");
        tokio::time::pause();
        assert_eq!(endless.await.expect("no panic"), Err(Lost::TimedOut));
        tokio::time::resume();
        let outcome = timeout(Duration::from_secs(30), ended).await.expect("in time");
        let Ok(Outcome::Fault(fault)) = outcome else { panic!("{outcome:?}") };
        assert!(fault.message.starts_with("Script execution timed out"), "{}", fault.message);
        wait_until(&scripts, |state| state.given_up == 0 && state.stuck.is_empty()).await;
        assert_eq!(sum(&scripts).await, three(), "with a fresh engine");
    }
}
