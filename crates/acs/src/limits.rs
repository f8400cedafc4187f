//! Every limit of this crate, as a named constant with its unit.
//!
//! What an operator may want to change is the default of a configuration key; the rest is fixed.
//! All of them bound what a peer can make us read, hold or wait for (`SEC-04`).

// Connections of the CWMP listener

/// Connections held at one time unless configured otherwise.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Connections beyond the limit that are told so with 503 at one time; further ones are dropped.
pub const REFUSED_CONNECTIONS_MAX: usize = 64;
/// Seconds that a connection may take for the head of a request, unless configured otherwise. It
/// is also the longest silence of a connection without a session.
pub const HEAD_SECONDS: u64 = 30;
/// Bytes of a request's head (request line and headers).
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Headers of one request.
pub const HEADERS_MAX: usize = 100;
/// Seconds for which bytes of a peer are discarded after the last response, so that a peer which
/// is still sending gets to read the response.
pub const LINGER_SECONDS_MAX: u64 = 5;
/// Seconds that a TLS handshake may take.
pub const HANDSHAKE_SECONDS_MAX: u64 = 15;
/// Seconds between two looks at the files of certificates.
pub const CERTIFICATES_SECONDS: u64 = 2;
/// Seconds that requests in progress get to finish when the server stops.
pub const SHUTDOWN_SECONDS_MAX: u64 = 10;
/// Sessions at one time before anything is known of the server's latency.
pub const ADMITTED_SESSIONS_START: u32 = 1_000;
/// Sessions at one time however slow the server is.
pub const ADMITTED_SESSIONS_MIN: u32 = 4;
/// Seconds that a peer should wait after 503.
pub const RETRY_AFTER_SECONDS: u64 = 30;
/// Milliseconds to wait after the system refused to accept a connection, most likely for lack of
/// file descriptors.
pub const ACCEPT_PAUSE_MILLISECONDS: u64 = 100;

// Request bodies

/// Bytes of one request body unless configured otherwise, as sent and inflated (`HTTP-20` asks for
/// at least 64 MiB).
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of a request body outside of a session. It can only be an Inform, of which this is room
/// for more than 30,000 changed values.
pub const INFORM_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of all request bodies held at one time unless configured otherwise.
pub const BODY_BYTES_IN_FLIGHT_MAX: usize = 512 * 1024 * 1024;
/// Bytes of the body of a refused request that are read and forgotten to keep the connection.
pub const DISCARD_BYTES_MAX: usize = 1024 * 1024;
/// Seconds that a request body may take unless configured otherwise, apart from its size.
pub const BODY_SECONDS: u64 = 30;
/// Bytes a second that earn a large body more time than [`BODY_SECONDS`].
pub const BODY_BYTES_PER_SECOND_MIN: usize = 16 * 1024;
/// Seconds that a request body may take however large it is.
pub const BODY_SECONDS_MAX: u64 = 600;
/// Bytes of a body beyond which it is read on a thread for long work.
pub const SHORT_WORK_BYTES_MAX: usize = 128 * 1024;
/// Bytes that are inflated in one step.
pub const INFLATE_STEP_BYTES: usize = 64 * 1024;

// Sessions

/// Open sessions unless configured otherwise.
pub const SESSIONS_MAX: usize = 10_000;
/// Seconds without a POST after which a session has failed, unless configured otherwise
/// (`ACS-08` asks for at least 30).
pub const SESSION_SECONDS: u64 = 60;
/// The least that can be configured, in seconds (`ACS-08`).
pub const SESSION_SECONDS_MIN: u64 = 30;
/// The longest time that a device may ask for with its SessionTimeout header, in seconds.
pub const SESSION_SECONDS_MAX: u64 = 600;
/// Milliseconds between two looks for sessions that have timed out.
pub const SWEEP_MILLISECONDS: u64 = 1000;
/// Seconds that a new session of a device waits for the last request of the old one.
pub const REPLACED_SECONDS_MAX: u64 = 5;
/// Devices of which it is remembered by which way they were reached.
pub const REACHED_DEVICES_MAX: usize = 100_000;
/// Copies of a connection request by UDP (`STUN-13`).
pub const UDP_COPIES: usize = 3;
/// The port of an address for connection requests by UDP that has none (`STUN-01`).
pub const UDP_PORT: u16 = 80;
/// STUN requests of one address in a second; many devices may share one.
pub const STUN_PER_SECOND: u32 = 200;
/// Addresses whose STUN requests are answered in one second.
pub const STUN_SOURCES_MAX: usize = 20_000;
/// Bytes of the line with which a proxy of version 1 begins (PROXY protocol, 2.1).
pub const PROXY_LINE_BYTES_MAX: usize = 107;
/// Bytes of what a proxy of version 2 says behind the start of its header.
pub const PROXY_HEADER_BYTES_MAX: usize = 4096;
/// Times that an expression for authentication may ask for extensions.
pub const AUTH_ROUNDS_MAX: u32 = 8;
/// Seconds that a digest nonce can be used.
pub const NONCE_SECONDS: u64 = 300;
/// Milliseconds that wrong credentials wait for their answer, which slows guessing (`SEC-02`).
pub const REFUSAL_PAUSE_MILLISECONDS: u64 = 500;

// Connection requests

/// Milliseconds that a connection request may take unless configured otherwise.
pub const CONNECTION_REQUEST_MILLISECONDS: u64 = 5000;
/// The most that can be configured, in milliseconds: some devices serve nobody else meanwhile
/// (quirk 32).
pub const CONNECTION_REQUEST_MILLISECONDS_MAX: u64 = 5000;
/// Bytes of the answer to a connection request that are looked at.
pub const CONNECTION_REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Requests that one connection request may take: challenge, answer, and stale nonces.
pub const CONNECTION_REQUEST_TRIES_MAX: usize = 4;
/// Milliseconds of silence after which an answer without an end is taken as it is (quirk 29).
pub const CONNECTION_REQUEST_SILENCE_MILLISECONDS: u64 = 1000;
/// Connection requests under way at one time.
pub const CONNECTION_REQUESTS_MAX: usize = 256;

// Northbound interface

/// Bytes of a request body.
pub const NBI_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Connections held at one time.
pub const NBI_CONNECTIONS_MAX: usize = 512;
/// Conditions of one query.
pub const QUERY_CONDITIONS_MAX: usize = 1000;
/// Levels of `$and`, `$or` and `$not` in one query.
pub const QUERY_DEPTH_MAX: usize = 32;
/// Bytes of a compiled regular expression.
pub const QUERY_PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// Documents that a sorted query may match.
pub const QUERY_SORTED_MAX: usize = 1_000_000;
/// Records read from the store at one time.
pub const QUERY_PAGE_RECORDS: usize = 16;
/// Milliseconds to wait for a session to start after a connection request, unless the client says
/// otherwise.
pub const TASK_WAIT_MILLISECONDS: u64 = 4000;
/// The most that a client may ask for, in milliseconds.
pub const TASK_WAIT_MILLISECONDS_MAX: u64 = 120_000;
/// Seconds to wait for the end of a session that has started.
pub const TASK_SESSION_SECONDS_MAX: u64 = 120;
/// Seconds to wait for the end of a session that was open when the task came.
pub const TASK_BUSY_SECONDS_MAX: u64 = 30;
/// Characters of a tag.
pub const TAG_CHARS_MAX: usize = 128;
/// Seconds that a connection may be silent, as clients of GenieACS know it.
pub const NBI_IDLE_SECONDS: u64 = 120;

// Listening

/// Connections that wait to be accepted, as far as the system allows.
pub const LISTEN_BACKLOG: u32 = 1024;

/// Files of a folder of data models; the published ones are fewer than two thousand.
pub const MODEL_FILES_MAX: usize = 10_000;

// Rules

/// Bytes of one resource: a script, a preset, an object or a setting.
pub const RESOURCE_BYTES_MAX: usize = drover_provision::limits::SCRIPT_BYTES_MAX;
/// Bytes of a resource's name.
pub const RESOURCE_NAME_BYTES_MAX: usize = 255;
/// Resources in the store, and the same number again in files.
pub const RESOURCES_MAX: usize = 10_000;
/// Bytes of all resources in the store, and the same again of those in files.
pub const RESOURCES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Entries of a folder of rules that are looked at, hidden ones included.
pub const RULE_ENTRIES_MAX: usize = 100_000;
/// Milliseconds between two looks at the folder of rules.
pub const RULES_MILLISECONDS: u64 = 1000;

// Files

/// Files that are kept.
pub const FILES_MAX: usize = 10_000;
/// Bytes of a file's name.
pub const FILE_NAME_BYTES_MAX: usize = drover_provision::limits::FILE_NAME_BYTES_MAX;
/// Bytes of one of the texts that are said of a file.
pub const FILE_METADATA_BYTES_MAX: usize = 255;
/// Bytes of a file unless configured otherwise.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of what a device uploads unless configured otherwise.
pub const UPLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a file that are in memory for one transfer.
pub const FILE_CHUNK_BYTES: usize = 16 * 1024;
/// Seconds that the next bytes of a file may take to come.
pub const FILE_FRAME_SECONDS: u64 = 30;
/// Seconds that a device may take none of a file's bytes, or send no request.
pub const FILE_IDLE_SECONDS: u64 = 120;
/// Connections for files at one time.
pub const FILE_CONNECTIONS_MAX: usize = 2_000;
/// The slowest that all transfers together may be made, in bytes a second: so that with all
/// connections in use each still gets a chunk in [`FILE_IDLE_SECONDS`].
pub const FILE_RATE_MIN: u64 = 512 * 1024;
/// The type of files that devices have uploaded.
pub(crate) const FILE_TYPE_UPLOADED: &str = "Upload";

// Script threads

/// Threads that may be configured.
pub const SCRIPT_THREADS_MAX: usize = 1024;
/// Sessions that wait for a thread to run their scripts.
pub const SCRIPT_JOBS_WAITING_MAX: usize = 1_000;
/// Seconds that all scripts of one round may take, and that they may wait for a thread.
pub const SCRIPT_JOB_SECONDS_MAX: u64 = 10;
/// Threads that hang and are left to themselves.
pub const SCRIPT_THREADS_GIVEN_UP_MAX: usize = 16;
/// Bytes of stack of a thread; 2 MiB must do for expressions, and a script has its own limit.
pub const SCRIPT_THREAD_STACK_BYTES: usize = 4 * 1024 * 1024;
/// Devices of one page of a search.
pub(crate) const SEARCH_DEVICES: usize = 100;
/// Sessions that are listed unless the client wants more or fewer.
pub(crate) const SESSIONS_LISTED: u64 = 10;
/// Sessions that are listed at most.
pub(crate) const SESSIONS_LISTED_MAX: u64 = 100;
/// Seconds of a day.
pub(crate) const DAY_SECONDS: u64 = 24 * 60 * 60;
/// Sessions that may be kept of one device.
pub const RECORD_SESSIONS_MAX: u32 = 10_000;
/// Days that a session may be kept.
pub const RECORD_SESSION_DAYS_MAX: u64 = 3_650;
/// Values, hours or days that may be kept of one watched parameter of one device.
pub const RECORD_POINTS_MAX: u32 = 100_000;
/// Snapshots that may be kept of one device.
pub const RECORD_SNAPSHOTS_MAX: u32 = 1_000;
