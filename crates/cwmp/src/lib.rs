//! TR-069 (CWMP) without I/O: messages, SOAP codec, both session machines, events, retry and HTTP
//! authentication.
//!
//! Nothing here opens a socket, reads a clock, spawns or draws randomness: bytes, time and entropy
//! are arguments. The same machines therefore run in the server, in the agent, in the simulator and
//! under a simulated clock in tests.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod auth;
pub mod cookie;
pub mod event;
pub mod limits;
pub mod path;
pub mod retry;
