//! `drover-agent`, started as a user starts it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::nbi::{self, Nbi};
use crate::process::{Ended, Process};
use crate::programs;
use crate::server::{Options as ServerOptions, Server};
use crate::wait;

/// Who may ask the agent for a session.
const USERNAME: &str = "acs";
/// See [`USERNAME`].
const PASSWORD: &str = "knock knock";

/// The `OUI` and `ProductClass` of the agent.
const OUI: &str = "00D09E";
/// See [`OUI`].
const PRODUCT_CLASS: &str = "Tested";

/// How long the server waits for the agent to come after a connection request, in milliseconds.
const TIMEOUT: &str = "timeout=20000&connection_request";

/// A server that knows how to ask the agent for a session.
pub fn server() -> Server {
    let config =
        format!("[connection_request]\nusername = {USERNAME:?}\npassword = {PASSWORD:?}\n");
    Server::start_with(ServerOptions::with_config(&config))
}

/// How to start an agent.
#[derive(Debug, Default)]
pub struct Options {
    /// What comes before the program on the command line.
    pub wrapper: Vec<OsString>,
    /// Further environment variables.
    pub environment: Vec<(&'static str, String)>,
}

/// A running agent, which is killed when dropped.
#[derive(Debug)]
pub struct Agent {
    /// The program.
    pub process: Process,
    /// How the server names it.
    pub id: String,
    folder: TempDir,
}

impl Agent {
    /// Starts an agent that comes to the server only when it has reason to: no periodic Informs.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(url: &str, serial: &str, options: &Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let state = folder.path().join("state");
        let process = Process::start("drover-agent", &mut command(url, serial, &state, options));
        Self { process, id: nbi::device_id(OUI, PRODUCT_CLASS, serial), folder }
    }

    /// Starts it once more with the same state, after it was killed.
    pub fn start_again(&mut self, url: &str, serial: &str) {
        let mut command = command(url, serial, &self.state(), &Options::default());
        self.process = Process::start("drover-agent, again", &mut command);
    }

    /// The folder of its state.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Waits until the server knows it and its first session is over, so that only a connection
    /// request makes it come again.
    pub fn wait_until_known(&self, nbi: Nbi) -> Json {
        self.process.wait_for_log(&["the session ended well"]);
        nbi.wait_for_device(&json!({ "_id": self.id }))
    }

    /// Has it do a task now: a connection request makes it come.
    ///
    /// # Panics
    /// When that did not happen.
    #[track_caller]
    pub fn perform(&self, nbi: Nbi, task: &Json) {
        let response = nbi.post_task(&self.id, task, TIMEOUT);
        let reason = &response.reason;
        assert_eq!(response.status, 200, "{task}: {reason}: {}", response.text());
    }

    /// Reads all that it has, and returns the server's document of it.
    #[track_caller]
    pub fn read_all(&self, nbi: Nbi) -> Json {
        self.perform(nbi, &json!({ "name": "refreshObject", "objectName": "" }));
        nbi.device(&self.id).expect("the agent is known")
    }

    /// Ends it as a user does.
    pub fn stop(self) -> Ended {
        self.process.signal("TERM");
        self.process.wait(wait::PATIENCE)
    }
}

fn command(url: &str, serial: &str, state: &Path, options: &Options) -> Command {
    let mut words = options.wrapper.clone();
    words.push(programs::ours("drover-agent").into_os_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--acs-url", url, "--state"]).arg(state);
    let settings = [
        ("DROVER_DEVICE__OUI", OUI),
        ("DROVER_DEVICE__PRODUCT_CLASS", PRODUCT_CLASS),
        ("DROVER_DEVICE__SERIAL_NUMBER", serial),
        ("DROVER_INFORM__PERIODIC_ENABLE", "false"),
        ("DROVER_CONNECTION_REQUEST__PORT", "0"),
        ("DROVER_CONNECTION_REQUEST__USERNAME", USERNAME),
        ("DROVER_CONNECTION_REQUEST__PASSWORD", PASSWORD),
    ];
    command.envs(settings).envs(options.environment.iter().cloned());
    command
}
