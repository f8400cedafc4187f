//! Prints the size of the shipped `drover-agent` and the memory it takes, and fails when one of
//! them is above its limit.
//!
//! The binary is built with the profile `agent`. The memory is read after a session in which the
//! ACS reads the whole tree, and again after several more.

#![allow(clippy::print_stdout, reason = "what a bench finds is for a person to read")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use support::Acs;

/// Largest binary, in bytes: 3 MiB.
const BINARY_BYTES_MAX: u64 = 3 * 1024 * 1024;

/// Most resident memory, in KiB: 8 MiB.
const RESIDENT_KIB_MAX: u64 = 8 * 1024;

/// Sessions after which memory is read for the second time.
const SESSIONS: u32 = 20;

fn main() -> ExitCode {
    let binary = build();
    let bytes = std::fs::metadata(&binary).expect("the binary was built").len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let peak = runtime.expect("a runtime").block_on(measure(&binary));
    println!("size:     {bytes} bytes, limit {BINARY_BYTES_MAX}");
    println!("resident: {peak} KiB at the peak, limit {RESIDENT_KIB_MAX}");
    if bytes <= BINARY_BYTES_MAX && peak <= RESIDENT_KIB_MAX {
        return ExitCode::SUCCESS;
    }
    println!("above the limit");
    ExitCode::FAILURE
}

/// Builds the agent as it is shipped. The folder is the one this bench was built in.
fn build() -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let target = own.ancestors().nth(3).expect("target/PROFILE/deps/PROGRAM").to_owned();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--profile", "agent", "--package", "drover-agent", "--target-dir"])
        .arg(&target)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the agent does not build");
    target.join("agent/drover-agent")
}

/// A process that ends with this value.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure(binary: &PathBuf) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acs = Acs::start().await;
    let agent = Command::new(binary)
        .args(["--acs-url", &acs.url(), "--state"])
        .arg(folder.path())
        .env("DROVER_CONNECTION_REQUEST__PORT", "0")
        .env("DROVER_INFORM__PERIODIC_INTERVAL", "1")
        .stderr(Stdio::null())
        .spawn();
    let agent = Agent(agent.expect("the agent starts"));
    for session in 1..=SESSIONS {
        let mut open = acs.session().await;
        let tree = open.get(&["Device."]).await;
        open.end().await;
        if session == 1 || session == SESSIONS {
            let now = memory_kib(agent.0.id(), "VmRSS");
            println!("session {session}: {now} KiB resident, {} parameters read", tree.len());
        }
    }
    memory_kib(agent.0.id(), "VmHWM")
}

fn memory_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(field)).expect("a Linux kernel");
    let number = line.split_whitespace().nth(1).expect("a number of kB");
    number.parse().expect("a number of kB")
}
