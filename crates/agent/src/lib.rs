//! The CPE agent for Linux: sockets, system values and the daemon `drover-agent`.
//!
//! The device itself, with its tree, notifications, events and schedule, is `drover-cpe`, and the
//! protocol is `drover-cwmp`; neither does any I/O. This crate is the shell round them: it reads
//! the values of the box ([`linux`]), keeps the state in one crash-safe file ([`state_file`]),
//! and carries the messages ([`http`]).

#![forbid(unsafe_code)]

pub mod args;
pub mod config;
mod entropy;
pub mod http;
pub mod limits;
pub mod linux;
pub mod log;
pub mod state;
pub mod state_file;
pub mod tree;
