//! The agent's limits, each with its unit.

use std::time::Duration;

/// Most that is read of one file of procfs or sysfs, in bytes.
pub const KERNEL_FILE_BYTES_MAX: u64 = 256 * 1024;

/// Most processes that are listed; a box with more shows those with the lowest process IDs.
pub const PROCESSES_MAX: usize = 512;

/// Most network interfaces that are listed.
pub const INTERFACES_MAX: usize = 256;

/// Most IP addresses that are listed.
pub const ADDRESSES_MAX: usize = 1024;

/// Most default routes that are listed.
pub const DEFAULT_ROUTES_MAX: usize = 64;

/// Largest state that is saved, in bytes without the header.
pub const STATE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest configuration file, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 256 * 1024;

/// Most addresses of the ACS that one connection attempt tries.
pub const ACS_ADDRESSES_MAX: usize = 8;

/// Wait for one TCP connection to the ACS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Wait for the name of the ACS to be resolved.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(15);

/// Wait for the head of an HTTP response, and again for its body (HTTP-19).
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest body of an HTTP response of the ACS, in bytes. Well above the 32,768 of HTTP-20.
pub const RESPONSE_BODY_BYTES_MAX: usize = 1024 * 1024;

/// Most headers of an HTTP response of the ACS.
pub const RESPONSE_HEADERS_MAX: usize = 64;

/// Most bytes of the head of an HTTP response; hyper's smallest buffer.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most connections that the connection request listener holds at one time.
pub const LISTENER_CONNECTIONS_MAX: usize = 16;

/// Time a requester has to send the head of its request.
pub const LISTENER_HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Life of one connection to the listener, whatever it does.
pub const LISTENER_CONNECTION_LIFETIME: Duration = Duration::from_secs(15);

/// Time in which a nonce of the listener can be used.
pub const LISTENER_NONCE_LIFETIME: Duration = Duration::from_secs(60);

/// Most headers of a connection request.
pub const LISTENER_HEADERS_MAX: usize = 32;

/// Largest head of a connection request, in bytes.
pub const LISTENER_HEAD_BYTES_MAX: usize = 8 * 1024;

/// Accepted connection requests in one [`LISTENER_RATE_PERIOD`] (CR-10).
pub const LISTENER_RATE_MAX: u32 = 60;

/// The period of [`LISTENER_RATE_MAX`].
pub const LISTENER_RATE_PERIOD: Duration = Duration::from_secs(60);

/// Keys of one table whose instance number is remembered, beyond those that are present.
pub const INSTANCE_KEYS_MAX: usize = 256;

/// Time that the network gets to settle after a change, before it is read: a renumbered interface
/// loses its address and gets the new one in two steps.
pub const NETWORK_SETTLE_TIME: Duration = Duration::from_millis(500);

/// How often watched values are read that no event of the kernel announces.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(30);

/// Wait after a session that could not even be started.
pub const START_FAILURE_WAIT: Duration = Duration::from_secs(60);

/// Wait before a broken netlink subscription is opened again.
pub const MONITOR_REOPEN_WAIT: Duration = Duration::from_secs(1);
