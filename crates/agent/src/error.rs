//! Why the agent cannot run.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::linux::HostError;
use crate::state::StateContentError;
use crate::state_file::StateError;

/// The agent cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder of the state cannot be used.
    #[error("cannot use the state folder {folder}: {hint}")]
    StateFolder {
        /// The folder.
        folder: PathBuf,
        /// What to do.
        hint: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The state cannot be read or saved.
    #[error(transparent)]
    State(#[from] StateError),
    /// The content of the state cannot be used.
    #[error(transparent)]
    StateContent(#[from] StateContentError),
    /// The device in the state cannot be used.
    #[error("the device in the state folder cannot be restored: empty the folder to start anew")]
    Restore(#[from] drover_cpe::RestoreError),
    /// A configured value does not fit the data model.
    #[error("a configured value does not fit the data model")]
    Model(#[from] drover_cpe::BuildError),
    /// The identity of the device is not a legal one.
    #[error("the device has no legal identity: set it in the section [device]")]
    Identity(#[from] drover_cpe::InvalidIdentity),
    /// The connection request port cannot be opened.
    #[error("cannot listen on {address}: set connection_request.port to another, or to 0")]
    Listen {
        /// Address and port.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The host cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The kernel gives no random numbers.
    #[error("the kernel gives no random numbers")]
    Entropy(#[from] getrandom::Error),
    /// No runtime, or no signals.
    #[error("cannot start")]
    Start(#[source] io::Error),
}

impl AgentError {
    /// What the process should exit with: 2 for a mistake in the configuration, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Model(_) | Self::Identity(_) => 2,
            _ => 1,
        }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some libraries repeat their cause in their own message.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text.replace('\n', " ")
}
