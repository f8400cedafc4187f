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
