//! The server's brain: device record, tasks, and a whole ACS session as a value. Without I/O.
//!
//! A shell owns sockets, the clock and the store. It gives a [`Session`] the bodies of the POSTs of
//! one device and does what the session asks: load a record, save a [`Batch`], send a reply. What
//! must survive is in the batch, and **a batch must be durable before the reply that comes with it
//! is sent**: an InformResponse acknowledges the events of the Inform, and the next request or the
//! final 204 acknowledges the result of an RPC.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod answer;
mod batch;
mod book;
#[cfg(test)]
mod harness;
mod key;
pub mod limits;
mod plan;
mod record;
mod session;
mod task;
mod value;

pub use batch::Batch;
pub use key::{DeviceKey, NotADeviceKey};
pub use record::{DeviceFields, DeviceRecord, Identity, Parameter, is_hidden, is_object};
pub use session::{End, Failure, Loaded, Outgoing, Session, SessionConfig, Step};
pub use task::{
    InvalidTask, NewValue, NotATaskId, ParameterFault, Progress, SetValue, Task, TaskFault, TaskId,
    TaskKind, TaskResult, TaskState,
};
