//! Every limit of this crate, as a named constant with its unit.
//!
//! They bound what a device or a client of the server can make us hold or repeat (`SEC-04`).

// Devices

/// Characters of one member of a device's identity; the standard allows 64 (`ID-01`).
pub const IDENTITY_CHARS_MAX: usize = 256;
/// Bytes of a device key: three members of four bytes a character, each byte as `%XX`.
pub const KEY_BYTES_MAX: usize = 3 * 4 * 3 * IDENTITY_CHARS_MAX;
/// Parameters and objects of one device that are kept.
pub const PARAMETERS_MAX: usize = 100_000;
/// Bytes of a parameter's path that are kept; the standard allows 256 characters (`PATH-01`).
pub const PATH_BYTES_MAX: usize = 1024;
/// Bytes of one parameter value that are kept.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of all paths and values of one device that are kept.
pub const RECORD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a document of the parameters of one device, before compression: all paths and values,
/// and as much again for what is known of them.
pub const DOCUMENT_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;
/// Different peculiarities of one device that are remembered.
pub const PECULIARITIES_MAX: usize = 64;
/// Characters of one remembered peculiarity.
pub const PECULIARITY_CHARS_MAX: usize = 200;
/// Characters of the CommandKey of an event that are kept; the standard allows 32 (`EVT-01`).
pub const COMMAND_KEY_CHARS_MAX: usize = 256;
/// Characters of a fault text of a device that are kept; the standard allows 256.
pub const FAULT_TEXT_CHARS_MAX: usize = 1024;

// Tasks

/// Characters of a task id, which travels as CommandKey and ParameterKey (`RBT-01`, `SPV-04`).
pub const TASK_ID_CHARS_MAX: usize = 32;
/// Characters of the key that makes a task unique among the waiting ones of its device.
pub const UNIQUE_KEY_CHARS_MAX: usize = 256;
/// Names or values of one task.
pub const TASK_ITEMS_MAX: usize = 10_000;
/// Bytes of all names and values of one task.
pub const TASK_BYTES_MAX: usize = 1024 * 1024;
/// Parameters that are listed in a fault or result; further ones are only counted.
pub const PARAMETER_FAULTS_MAX: usize = 100;

// Sessions

/// Requests of the server in one session.
pub const RPCS_PER_SESSION_MAX: u32 = 5_000;
/// Tasks that one session takes on; further ones wait for the next.
pub const TASKS_PER_SESSION_MAX: usize = 1_000;
/// Names asked for by one GetParameterValues unless configured otherwise.
pub const NAMES_PER_REQUEST: usize = 32;

/// Rows of `DeviceInfo.SupportedDataModel` that are looked at when a device's model is chosen.
pub const SUPPORTED_MODELS_MAX: usize = 32;
/// Services of a device that are looked at then.
pub const SERVICES_MAX: usize = 32;
/// Objects directly below the root that are looked at then; Device:2.19 has fewer than a hundred.
pub const TOP_OBJECTS_MAX: usize = 128;

// Expressions

/// Characters of an expression that is read. What is printed may be longer than what was read.
pub const EXPRESSION_CHARS_MAX: usize = 100_000;
/// Expressions within each other. The tree is walked recursively, and 2 MiB of stack must do.
pub const EXPRESSION_DEPTH_MAX: usize = 128;
/// Operands, literals and the like in an expression that is read from JSON.
pub const EXPRESSION_NODES_MAX: usize = 50_000;
/// Bytes of a text that an expression makes; it is `NULL` beyond.
pub const EXPRESSION_TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Characters of a pattern of LIKE; the comparison is `NULL` beyond.
pub const EXPRESSION_PATTERN_CHARS_MAX: usize = 1_000;
/// Arguments of one call of a function.
pub const EXPRESSION_ARGUMENTS_MAX: usize = 100;

// Scripts

/// Rows of a table that the server keeps for a device, such as `Downloads`.
pub const SERVER_TABLE_ROWS_MAX: usize = 64;
/// Components of a path in a script (compat 2.2).
pub const PATTERN_SEGMENTS_MAX: usize = 32;
/// Bytes of a script's source.
pub const SCRIPT_BYTES_MAX: usize = 256 * 1024;
/// Bytes that a script may have at a time, with the interpreter's own 150 KiB.
pub const SCRIPT_MEMORY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes that are used besides to read what a script throws.
pub const SCRIPT_FAULT_MEMORY_BYTES: usize = 512 * 1024;
/// Characters of text that a script makes code of at a time.
pub const SCRIPT_EVAL_CHARS_MAX: usize = 16 * 1024;
/// Runs after which an interpreter is replaced, whatever it may still hold.
pub const SCRIPT_RUNS_PER_INTERPRETER: u32 = 1_000;
/// Bytes of stack that a script may use.
pub const SCRIPT_STACK_BYTES_MAX: usize = 256 * 1024;
/// Bytes of stack below the place where an engine was made, from which on it starts anew.
pub const SCRIPT_STACK_DEPTH_MAX: usize = 64 * 1024;
/// Elements of a list that built-in functions work on; dense ones have no place for more.
pub const SCRIPT_ARRAY_LENGTH_MAX: usize = 1024 * 1024;
/// Characters or elements that one call of a built-in function may look at; about 0.3 s.
pub const SCRIPT_CALL_UNITS_MAX: usize = 300_000_000;
/// Characters or elements that built-in functions look at until a run is looked at.
pub const SCRIPT_CHECK_UNITS: usize = 4_000_000;
/// Looks at a run, one every 10,000 steps, before it is stopped, unless configured otherwise.
pub const SCRIPT_CHECKS: u32 = 1_000;
/// Mebibytes that a run takes, given back or not, before it is stopped, unless configured
/// otherwise.
pub const SCRIPT_MEBIBYTES: u32 = 2 * 1024;
/// Milliseconds of a run before it is stopped, unless configured otherwise.
pub const SCRIPT_MILLISECONDS: u32 = 250;
/// Characters of a path in a script, with aliases.
pub const SCRIPT_PATH_CHARS_MAX: usize = 4096;
/// Characters of short texts in a script: types, schedules, items of access lists, names of errors.
pub const SCRIPT_NAME_CHARS_MAX: usize = 256;
/// Calls of `declare` and `clear` in one run.
pub const SCRIPT_DECLARATIONS_MAX: usize = 10_000;
/// Entries of an access list.
pub const SCRIPT_LIST_ITEMS_MAX: usize = 64;
/// Arguments of one call of an extension.
pub const SCRIPT_EXT_ARGUMENTS_MAX: usize = 64;
/// Characters of all arguments of one call of an extension.
pub const SCRIPT_EXT_CHARS_MAX: usize = 1024 * 1024;
/// Calls of `log` in one run.
pub const SCRIPT_LOG_MESSAGES_MAX: usize = 1_000;
/// Characters of a message of a script.
pub const SCRIPT_LOG_CHARS_MAX: usize = 64 * 1024;
/// Values in data that a script returns or logs, lists and objects included.
pub const SCRIPT_DATA_NODES_MAX: usize = 10_000;
/// Characters of all texts in such data.
pub const SCRIPT_DATA_CHARS_MAX: usize = 1024 * 1024;
/// Lists and objects within each other in such data, and in what a script is given.
pub const SCRIPT_DATA_DEPTH_MAX: usize = 64;
/// Characters of a cron schedule.
pub const CRON_CHARS_MAX: usize = 1_000;

/// Days after which what is known of a firmware is forgotten.
pub const KNOWLEDGE_DAYS: i64 = 30;
/// Values that devices of one firmware refuse, of which is remembered.
pub const GUILT_MAX: usize = 256;

// Sessions with scripts

/// Rows that the declarations of one session create and delete, each with a request of its own.
/// More are a fault before the first of them; GenieACS sends 255 requests and then gives up.
pub const SCRIPT_ROWS_PER_SESSION_MAX: usize = 250;
/// Bytes of the lines that the scripts of one session log, with their fields and
/// [`SCRIPT_LOG_LINE_BYTES`] for each. Further lines are counted.
pub const SCRIPT_LOG_BYTES_PER_SESSION_MAX: usize = 128 * 1024;
/// Bytes that a logged line counts for besides its texts.
pub const SCRIPT_LOG_LINE_BYTES: usize = 64;

/// Entries of the record of one session; further ones are counted.
pub const TRACE_ENTRIES_MAX: usize = 1_000;
/// Bytes of the messages and lines in the record of one session.
pub const TRACE_BYTES_MAX: usize = 256 * 1024;
/// Declarations that changed nothing, in the record of one session.
pub const TRACE_NOTHING_MAX: usize = 200;
/// Times that presets are looked at again because the device was changed (compat 2.1, point 8).
pub const PRESET_CYCLES_MAX: u8 = 4;
/// Batches of provisions in one session.
pub const ROUNDS_PER_SESSION_MAX: u8 = 250;
/// Names, values and attributes that a device tells in one batch of provisions.
pub const TOLD_PER_ROUND_MAX: usize = 4 * PARAMETERS_MAX;

// Admission

/// Devices that were refused and are remembered until they come again, 100 bytes each.
pub const ADMISSION_WAITING_MAX: usize = 100_000;
/// Seconds after the time at which a refused device should come again, for which it is remembered.
pub const ADMISSION_WAITING_SECONDS: u64 = 900;

// Authentication

/// Characters of a user name, as `ManagementServer.Username` holds them.
pub const USERNAME_CHARS_MAX: usize = 256;
/// Characters of a device's key in a user name that would be longer with the whole of it.
pub const USERNAME_KEY_CHARS: usize = 200;
/// Calls of extensions by the expression for authentication, for one session.
pub const AUTH_EXTENSIONS_MAX: usize = 16;
/// Devices and addresses whose wrong passwords are counted, 200 bytes each.
pub const AUTH_THROTTLED_MAX: usize = 20_000;

// Connection requests

/// Connection requests to a device by one way, for one wish: a busy device is asked again.
pub const REACH_METHOD_ATTEMPTS_MAX: u8 = 3;
/// Connection requests to a device by all ways, for one wish.
pub const REACH_ATTEMPTS_MAX: u8 = 6;

/// The greatest setting in seconds, 366 days.
pub const SETTING_SECONDS_MAX: u32 = 366 * 24 * 60 * 60;
/// The greatest number of parameters of one request.
pub const SETTING_BATCH_MAX: u32 = 1000;
/// The greatest number of commits of one batch of provisions.
pub const SETTING_COMMITS_MAX: u32 = 256;

/// Bytes of a file's name, so that its URL fits into Download (256 characters).
pub const FILE_NAME_BYTES_MAX: usize = 150;
/// Bytes of the code in a signed URL of a file.
pub const FILE_CODE_BYTES: usize = 16;
/// Seconds for which a signed URL is good: a device may load a file late, or again.
pub const FILE_URL_SECONDS: i64 = 24 * 60 * 60;
