//! The device side of CWMP without I/O: tree, attributes, notifications, events and schedule.
//!
//! A [`Model`] says what a kind of device has; it is shared by all devices of that kind. A
//! [`Device`] is one of them and holds only what differs: identity, values that were set, rows that
//! were added, attributes, undelivered events. [`Endpoint`] joins a device with the session machine
//! of `drover-cwmp`, so that a shell has nothing to do but to carry bytes and to wait.
//!
//! Methods named `handle_*` take in what the network or the clock brings, `poll_*` say what the
//! caller must do now. Time is an argument ([`Clock`]) and so is randomness: a device does the
//! same for the same input, in the agent, in the simulator and in tests.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod clock;
mod device;
mod endpoint;
mod key;
pub mod limits;
mod model;
#[cfg(test)]
mod tests;
mod tree;

pub use clock::Clock;
pub use device::{
    Attributes, Deferred, Device, Effect, Executed, Identity, InvalidIdentity, NotStartable,
    RestoreError, SessionEnd, SessionSettings, UpdateError,
};
pub use endpoint::{Ended, Endpoint, Next, Outcome};
pub use model::{
    BuildError, CsvError, Model, ModelBuilder, NotificationPolicy, ParameterSpec, TableSpec,
};
