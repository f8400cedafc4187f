//! Every limit of this crate, as a named constant with its unit.

/// Devices of one page.
pub const PAGE_DEVICES_MAX: usize = 1_000;
/// Tasks of one page.
pub const PAGE_TASKS_MAX: usize = 10_000;
/// Faults of one page.
pub const PAGE_FAULTS_MAX: usize = 10_000;
/// Tasks of one device that are not done.
pub const TASKS_PER_DEVICE_MAX: u32 = 10_000;
/// Done tasks of one device that are kept with their results; older ones are removed.
pub const DONE_TASKS_KEPT: u32 = 100;
/// Tags of one device.
pub const TAGS_PER_DEVICE_MAX: u32 = 1_000;
/// Characters of a tag.
pub const TAG_CHARS_MAX: usize = 256;
/// Resources of all kinds together.
pub const RESOURCES_MAX: u32 = 10_000;
/// Characters of the name of a resource.
pub const RESOURCE_NAME_CHARS_MAX: usize = 256;
/// Bytes of the text of a resource.
pub const RESOURCE_BYTES_MAX: usize = 1024 * 1024;
/// Parameters that can be searched for by value.
pub const INDEXES_MAX: u32 = 64;
/// Bytes of the path of such a parameter.
pub const INDEX_PATH_BYTES_MAX: usize = drover_provision::limits::PATH_BYTES_MAX;
/// Problems that a check names; further ones are only counted.
pub const PROBLEMS_MAX: usize = 100;
/// Firmwares of one page of knowledge.
pub const PAGE_KNOWLEDGE_MAX: usize = 100;
/// Sessions of one page.
pub const PAGE_SESSIONS_MAX: usize = 100;
/// Parameters of which the history is kept.
pub const WATCHED_MAX: usize = 50;
/// Points of each step that a history is asked for at once; the newest.
pub const HISTORY_POINTS_MAX: usize = 10_000;
/// Bytes of the texts of one trace; further entries are left out.
pub const TRACE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of a trace in JSON, in which a character may take six.
pub(crate) const TRACE_LENGTH_MAX: usize = 6 * TRACE_BYTES_MAX + 1024 * 1024;
/// Sessions of one device, and again of all, that one save removes at most.
pub(crate) const SESSIONS_REMOVED_PER_SAVE: u32 = 4;
/// Points of a parameter that is no longer watched that one save removes at most.
pub(crate) const POINTS_REMOVED_PER_SAVE: usize = 100;
/// Such points that one write removes at most for the one who asked for it.
pub(crate) const POINTS_REMOVED_PER_WRITE: usize = 5_000;

/// Devices that one thread reads at a time when all are searched in their order.
pub(crate) const SCAN_SLICE_DEVICES: usize = 500;
/// Such parts that are planned at a time.
pub(crate) const SCAN_SLICES_PLANNED: usize = 16;
/// Numbers of devices that one thread takes at a time when all are counted.
pub(crate) const COUNT_SLICE_DEVICES: i64 = 1_000;
/// Devices of an index row from which on a page is not made of them, but of all in their order.
pub(crate) const SOURCE_ROWS_MAX: i64 = 20_000;
/// Words in a list of devices, which has a bit for each: 16 MiB.
pub(crate) const LIST_WORDS_MAX: usize = 2 * 1024 * 1024;
/// Operations of SQLite's machine after which it asks whether it should go on.
pub(crate) const PROGRESS_OPERATIONS: i32 = 10_000;
/// Parts of a filter that are told to the database; what is beyond is decided on the records.
pub(crate) const QUERY_STEPS_MAX: usize = 50_000;
/// Values that a filter binds to a statement; SQLite has places for 32,766 in all.
pub(crate) const QUERY_BINDINGS_MAX: usize = 30_000;
/// Microseconds from one snapshot of a device until another is taken because values that can be set
/// have changed: an hour.
pub const SNAPSHOT_CHANGES_MICROSECONDS: i64 = 3_600_000_000;
/// Microseconds from one snapshot of a device until another is taken because readings have changed:
/// a day.
pub const SNAPSHOT_VALUES_MICROSECONDS: i64 = 24 * 3_600_000_000;
/// Snapshots that one save removes at most.
pub(crate) const SNAPSHOTS_REMOVED_PER_SAVE: u32 = 16;
/// Documents that a check holds at a time.
pub(crate) const CHECK_STEP_DEVICES: usize = 100;
/// Forms of paths that have a number; documents spell out further ones.
pub(crate) const FORMS_MAX: u32 = 100_000;
/// Bytes of a form of a path that gets a number; the standard allows 256 characters (`PATH-01`).
pub(crate) const FORM_BYTES_MAX: usize = 256;
/// Documents that are read in one step of building an index.
pub(crate) const INDEX_STEP_DEVICES: usize = 100;
/// Rows that are removed in one step of dropping an index.
pub(crate) const INDEX_STEP_ROWS: u32 = 1_000;
/// Writes that wait for the writer; further callers wait for a place.
pub(crate) const WRITES_WAITING_MAX: usize = 4_096;
/// Writes of one transaction.
pub(crate) const WRITES_PER_COMMIT_MAX: usize = 512;
/// Reads that wait for a reader; further callers wait for a place.
pub(crate) const READS_WAITING_MAX: usize = 4_096;
/// Threads that read.
pub(crate) const READERS: usize = 4;
/// Changed rows after which the log is written back into the database.
pub(crate) const CHECKPOINT_ROWS: u64 = 2_000;
/// Bytes of the log from which on it is cut back, for which writers have to wait.
pub(crate) const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of a page of the database.
pub(crate) const PAGE_BYTES: u32 = 8 * 1024;
/// Milliseconds that a statement waits for another connection to give way.
pub(crate) const BUSY_MILLISECONDS: u64 = 10_000;
/// Milliseconds that cutting back the log waits for readers, and writers with it.
pub(crate) const CHECKPOINT_BUSY_MILLISECONDS: u64 = 50;
/// KiB of pages that the connection that writes keeps in memory, so that a session of a large fleet
/// reads no more of the database than one of a small fleet.
pub(crate) const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// The same of each connection that reads.
pub(crate) const READER_CACHE_KIB: i64 = 8 * 1024;
/// Prepared statements that one connection keeps.
pub(crate) const STATEMENTS_KEPT: usize = 64;
/// The same for a connection to a server, where preparing takes a round trip.
pub(crate) const SERVER_STATEMENTS_KEPT: usize = 256;
/// Seconds that a connection to a server may take, unless its address says otherwise.
pub(crate) const SERVER_CONNECT_SECONDS: u64 = 10;
/// Milliseconds that a server may take to see that a Drover has ended, before another begins.
pub(crate) const SERVER_LOCK_MILLISECONDS: u64 = 2_000;
