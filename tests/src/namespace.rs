//! Network namespaces: a test in one of its own, with further ones beside it.

use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, run};
use crate::{programs, wait};

/// Says to the test that it runs in its namespace.
const INSIDE: &str = "DROVER_TEST_INSIDE_NAMESPACE";
/// How long a test may take in its namespace.
const LIMIT: Duration = Duration::from_secs(120);

/// Whether this is the test inside a network namespace of its own. Outside, it runs that one.
///
/// # Panics
/// When the test inside fails.
pub fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let from = "on Debian: apt-get install util-linux";
    if !programs::have("unshare", from) || !programs::have("nsenter", from) {
        return false;
    }
    let unshare = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--net", "--map-root-user"]).args(words).env(INSIDE, "1");
        command
    };
    if run(&mut unshare(&["true"]), wait::PATIENCE).code != Some(0) {
        programs::missing("network namespaces: run the test as root");
        return false;
    }
    let exe = std::env::current_exe().expect("path of the test");
    let exe = exe.to_str().expect("text");
    let mut command = unshare(&[exe, test, "--exact", "--nocapture"]);
    let ended = run(&mut command, LIMIT);
    let passed = ended.code == Some(0) && ended.stdout.contains("1 passed");
    assert!(passed, "inside the namespace: {}\n{}", ended.stdout, ended.stderr);
    false
}

/// Runs a program of the network in the test's own namespace.
///
/// # Panics
/// When it fails.
pub fn do_here(words: &str) {
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    let ended = run(command.args(words), wait::PATIENCE);
    assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
}

/// A further namespace, for as long as this lives.
#[derive(Debug)]
pub struct Namespace {
    holder: Process,
}

impl Namespace {
    /// Makes one.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn start() -> Self {
        // Held by a process that does nothing.
        let mut command = Command::new("unshare");
        let holder = Process::start("holder", command.args(["--net", "tail", "-f", "/dev/null"]));
        let own = fs::read_link("/proc/self/ns/net").expect("a namespace");
        let other = format!("/proc/{}/ns/net", holder.id());
        wait::until("the namespace", || fs::read_link(&other).ok().filter(|other| *other != own));
        Self { holder }
    }

    /// Its process, which `ip link set … netns` wants.
    pub fn id(&self) -> u32 {
        self.holder.id()
    }

    /// What has to stand before a command that is to run inside.
    pub fn wrapper(&self) -> Vec<OsString> {
        vec!["nsenter".into(), format!("--net=/proc/{}/ns/net", self.id()).into()]
    }

    /// A command that runs inside.
    pub fn command(&self, program: &str) -> Command {
        let wrapper = self.wrapper();
        let mut command = Command::new(&wrapper[0]);
        command.args(&wrapper[1..]).arg(program);
        command
    }

    /// Runs a program inside.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, words: &str) {
        let mut words = words.split(' ');
        let mut command = self.command(words.next().expect("a program"));
        let ended = run(command.args(words), wait::PATIENCE);
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
    }
}
