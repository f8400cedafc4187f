//! Fleets of simulated devices.
//!
//! Every device is a `drover-cpe` device: the same machine as in the agent, without a Linux box
//! round it. [`run`] lets a fleet hold a number of sessions as fast as the server allows, and
//! measures; [`LiveFleet`] keeps devices alive that call by the clock and answer connection
//! requests, until it is stopped.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod config;
mod device;
mod fleet;
mod histogram;
mod http;
pub mod limits;
mod listener;
mod live;
mod model;
mod process;
mod report;

pub use config::{Error, FleetConfig};
pub use fleet::{Progress, run};
pub use live::{LiveDevice, LiveFleet, LiveStatus};
pub use model::generated_model;
pub use report::{Latency, Phase, ProcessCost, Report};
