//! The CPE agent for Linux: sockets, system values and the daemon `drover-agent`.
//!
//! The device itself, with its tree, notifications, events and schedule, is `drover-cpe`, and the
//! protocol is `drover-cwmp`; neither does any I/O. This crate is the shell round them: it reads
//! the values of the box ([`linux`], [`tree`]), keeps the state in one crash-safe file
//! ([`state_file`]), carries the messages ([`http`]), and runs it all ([`run`]).
//!
//! It never changes the host: Reboot and FactoryReset act on the agent itself.

#![forbid(unsafe_code)]

mod agent;
pub mod args;
pub mod cli;
pub mod config;
mod entropy;
mod error;
pub mod http;
mod keeper;
pub mod limits;
pub mod linux;
pub mod log;
pub mod state;
pub mod state_file;
pub mod tree;

pub use agent::run;
pub use config::Config;
pub use error::AgentError;
