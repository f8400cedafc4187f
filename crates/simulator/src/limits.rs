//! Every limit of this crate, as a named constant with its unit.

use std::time::Duration;

/// Devices of one fleet.
pub const DEVICES_MAX: usize = 10_000_000;
/// Parameters that a generated model may have.
pub const PARAMETERS_MAX: usize = 1_000_000;
/// Sessions that may go on at one time.
pub const CONCURRENCY_MAX: usize = 65_536;
/// Bytes of a recorded tree that is read.
pub const TREE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of one answer of the server that are read.
pub const RESPONSE_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a connection to the server may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer of the server may take (`HTTP-19`).
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that a device waits because the server has told it to.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Connection requests that are served at one time; further ones wait to be accepted.
pub const LISTENER_CONNECTIONS_MAX: usize = 256;
/// How long the head of a connection request may take.
pub const LISTENER_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one connection may ask for sessions.
pub const LISTENER_CONNECTION_LIFETIME: Duration = Duration::from_secs(30);
/// Bytes of the head of a connection request.
pub const LISTENER_HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a challenge to a connection request can be answered.
pub const LISTENER_NONCE_LIFETIME: Duration = Duration::from_secs(60);
/// Time between two reports of progress.
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// How long running sessions may go on once a fleet is to stop.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
