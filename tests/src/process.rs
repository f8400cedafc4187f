//! A program that runs beside the test and never outlives it.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::wait;

/// Lines of standard output that wait to be read.
const LINES_MAX: usize = 100_000;

/// Lines of the log that are shown when a test fails.
const SHOWN_LINES: usize = 120;

/// A running program; it is killed when it is dropped, and its log is shown if the test failed.
pub struct Process {
    name: String,
    child: Child,
    /// In a mutex, so that threads of a test can share the process.
    lines: Mutex<Receiver<String>>,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.child.id())
    }
}

/// How a program ended, and everything that it has written.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Process {
    /// Starts a program.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, lines) = sync_channel(LINES_MAX);
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let readers = vec![
            read_lines(stdout, move |line| sender.send(line).is_ok()),
            read_lines(stderr, into_log(Arc::clone(&log))),
        ];
        Self { name: name.to_owned(), child, lines: Mutex::new(lines), log, readers }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output; `None` at its end.
    ///
    /// # Panics
    /// When none comes for [`wait::PATIENCE`].
    pub fn line(&self) -> Option<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.recv_timeout(wait::PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} says nothing\n{}", self.name, self.tail()),
        }
    }

    /// Everything that it has written to standard error so far.
    pub fn log(&self) -> String {
        self.lock_log().join("\n")
    }

    /// Waits for a line of the log that holds all the parts.
    ///
    /// # Panics
    /// When none comes.
    pub fn wait_for_log(&self, parts: &[&str]) -> String {
        let find = || {
            let log = self.lock_log();
            log.iter().find(|line| parts.iter().all(|part| line.contains(part))).cloned()
        };
        wait::until(&format!("a line with {parts:?} in the log of {}", self.name), find)
    }

    /// Resident memory in KiB.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most resident memory that it has had, in KiB.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Panics
    /// When that fails.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().expect("kill runs");
        assert!(status.success(), "kill -s {name} {id}");
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it has not ended after `limit`.
    pub fn wait(mut self, limit: Duration) -> Ended {
        let status = self.wait_status(limit);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let stdout: Vec<String> = lines.try_iter().collect();
        drop(lines);
        Ended { code: status.code(), stdout: stdout.join("\n"), stderr: self.log() }
    }

    fn wait_status(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        wait::within(limit, || self.child.try_wait().ok().flatten())
            .unwrap_or_else(|| panic!("{} still runs after {:?}", self.name, end.elapsed() + limit))
    }

    fn lock_log(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail(&self) -> String {
        let log = self.lock_log();
        log[log.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- log of {} ---\n{}\n--- end ---", self.name, self.tail());
        }
    }
}

/// Hands each line to `take` until it wants no more. A pipe must be read to its end, or the writer
/// hangs.
fn read_lines(
    pipe: impl Read + Send + 'static,
    mut take: impl FnMut(String) -> bool + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut wanted = true;
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            wanted = wanted && take(String::from_utf8_lossy(&line).into_owned());
        }
    })
}

fn into_log(log: Arc<Mutex<Vec<String>>>) -> impl FnMut(String) -> bool {
    move |line| {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        true
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started or has not ended after `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Ended {
    let name = format!("{command:?}");
    Process::start(&name, command).wait(limit)
}
