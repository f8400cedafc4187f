//! Every limit of this crate, as a named constant with its unit.
//!
//! They bound what an ACS, a recorded tree or a damaged state can make a device hold or do.

use std::time::Duration;

/// Nodes of one model: objects, tables, rows and parameters, templates of rows included.
pub const MODEL_NODES_MAX: usize = 2_000_000;
/// Components of one path in a model; a path of 256 characters has at most 128.
pub const MODEL_DEPTH_MAX: usize = 128;
/// Rows of one table where the model gives no limit of its own (`ADD-06`).
pub const TABLE_ROWS_MAX: u32 = 4_096;
/// Bytes of one value that an ACS may set where the model gives no limit of its own.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Words of an enumeration that a fault names.
pub const WORDS_SHOWN_MAX: usize = 16;
/// Parameters that one SetParameterAttributes may touch, each counted as often as it is named.
pub const ATTRIBUTE_CHANGES_MAX: usize = 1_000_000;
/// Entries of one access list that are looked at (`SPA-07`).
pub const ACCESS_LIST_ENTRIES_MAX: usize = 64;
/// ScheduleInform calls that wait at one time (`SI-03`).
pub const SCHEDULED_INFORMS_MAX: usize = 16;
/// Reboot calls of one session whose CommandKeys are kept (`EVT-12`).
pub const REBOOTS_MAX: usize = 16;
/// Seconds by which the wall clock may drift before the schedule is reckoned anew.
pub const CLOCK_STEP_SECONDS: i64 = 2;
/// Seconds between two Informs at least, whatever `PeriodicInformInterval` says (`CONN-07`).
pub const PERIODIC_INTERVAL_SECONDS_MIN: u32 = 1;
/// Time after a Periodic Inform in which no other one falls due, less for short intervals.
pub const PERIODIC_GUARD: Duration = Duration::from_secs(2);
