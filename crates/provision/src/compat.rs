//! What GenieACS computes in a way of its own, to the last bit.
//!
//! Scripts that move over from GenieACS depend on these results: its stock script derives the
//! password of connection requests from the random numbers of a device, and its schedules spread a
//! fleet by an offset per device. None of it is meant for anything new.

mod cron;
mod random;
mod schedule;
mod tag;
pub(crate) mod value;
#[cfg(test)]
mod vectors;

pub use cron::{Cron, InvalidCron, NoSuchTime};
pub use random::DeviceRandom;
pub use schedule::{device_offset, last_interval, last_scheduled};
pub use tag::{decode_tag, encode_tag};
