//! Harness of the end-to-end tests.
//!
//! The tests start the programs that users start and talk to them over sockets. What they need for
//! that (HTTP, XML, digest) is written here once more, so that a mistake in the product is not
//! repeated by its test.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "tests say what they did")]

pub mod agent;
pub mod capture;
pub mod cpe;
pub mod digest;
pub mod http;
pub mod namespace;
pub mod nbi;
pub mod process;
pub mod programs;
pub mod replay;
pub mod server;
pub mod strace;
pub mod tap;
pub mod wait;
pub mod xml;
