//! The project's own commands: what a person calls and what CI calls are the same thing.
//!
//! It is a library so that the checks of [`tidy`] also run under `cargo test`.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these are commands: they talk to the person at the terminal"
)]

pub mod args;
pub mod cargo;
pub mod commands;
pub mod model;
pub mod packages;
pub mod test;
pub mod tidy;
