//! The real values of the Linux box the agent runs on.
//!
//! Everything here is read from the kernel at the moment of the call: procfs and sysfs through
//! plain file reads, links, addresses and routes through rtnetlink. Nothing is cached and nothing
//! is changed: this module has no way to write to the host.

mod clock;
mod files;
mod identity;
mod monitor;
mod network;
mod system;

pub use clock::{ClockSync, LocalTime, local_time, posix_time_zone, time_sync};
pub use identity::{Identity, identity};
pub use monitor::NetworkMonitor;
pub use network::{
    Address, AddressOrigin, AddressScope, AddressState, DefaultRoute, Duplex, Interface,
    InterfaceKind, InterfaceStats, LinkState, NetworkReader, NetworkSnapshot,
};
pub use system::{
    CpuTimes, Load, Memory, Process, ProcessState, Processes, cpu_times, load, memory, processes,
    uptime,
};

/// A value of the host could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file of procfs or sysfs is missing or unreadable.
    #[error("cannot read {path}: is it mounted in this environment?")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file of procfs or sysfs does not have the form the kernel documents.
    #[error("{path} has no usable {wanted}")]
    Format {
        /// The file.
        path: String,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The netlink socket could not be opened.
    #[error("cannot open a netlink socket: the agent needs AF_NETLINK")]
    NetlinkOpen(#[source] std::io::Error),
    /// The kernel refused a netlink dump.
    #[error("the kernel refused to list its {what}")]
    NetlinkDump {
        /// What was asked for.
        what: &'static str,
        /// The kernel's answer.
        source: rtnetlink::Error,
    },
}
