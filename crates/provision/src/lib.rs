//! The server's brain: device record, tasks, and a whole ACS session as a value. Without I/O.
//!
//! A shell owns sockets, the clock and the store. It gives a [`Session`] the bodies of the POSTs of
//! one device and does what the session asks: load a record, save a [`Batch`], send a reply. What
//! must survive is in the batch, and **a batch must be durable before the reply that comes with it
//! is sent**: an InformResponse acknowledges the events of the Inform, and the next request or the
//! final 204 acknowledges the result of an RPC.
//!
//! ```
//! use drover_cwmp::session::acs::Reply;
//! use drover_provision::{Loaded, Session, SessionConfig, Step};
//!
//! // What a shell does with the body of each POST of one session.
//! fn reply_to(session: &mut Session, body: &[u8], now: jiff::Timestamp) -> Reply {
//!     let outgoing = match session.handle(body, now) {
//!         Step::Reply(outgoing) => outgoing,
//!         Step::Load { key, save } => {
//!             // Save `save`, then load the record and the due tasks of `key`.
//!             # drop((key, save));
//!             session.resume(Loaded::default(), now)
//!         }
//!         // Call `Session::run` on a thread for scripts, then `Session::answer` with what
//!         // extensions say.
//!         Step::Run | Step::Extensions(_) => unreachable!("this server has no rules"),
//!     };
//!     // Make `outgoing.save` durable, and only then:
//!     outgoing.reply
//! }
//!
//! let mut session = Session::new(SessionConfig::default());
//! let empty_post = reply_to(&mut session, b"", jiff::Timestamp::UNIX_EPOCH);
//! assert_eq!(empty_post, Reply::Empty);
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod admission;
mod answer;
pub mod authentication;
mod batch;
mod book;
pub mod channel;
pub mod compat;
pub mod document;
pub mod engine;
mod expiring;
pub mod expression;
mod files;
#[cfg(test)]
mod harness;
mod key;
pub mod limits;
mod model;
pub mod operation;
mod plan;
pub mod preset;
pub mod reachability;
mod record;
pub mod rules;
pub mod script;
mod secret;
mod session;
mod task;
pub mod trace;
mod value;
pub mod view;

pub use batch::{Batch, Knowledge, Refused};
pub use files::{FileAction, FileKey, Files};
pub use key::{DeviceKey, NotADeviceKey};
pub use model::{device_model, is_secret};
pub use record::{
    DeviceFields, DeviceRecord, Identity, Known, Parameter, Parameters, is_hidden, is_object,
};
pub use secret::{Fingerprint, Sealer};
pub use session::{
    End, Failure, Loaded, OfDevice, Outgoing, Recording, Session, SessionConfig, Settings, Step,
    Writing, check_setting,
};
pub use task::{
    InvalidTask, NewValue, NotATaskId, ParameterFault, Progress, SetValue, Task, TaskFault, TaskId,
    TaskKind, TaskResult, TaskState,
};
