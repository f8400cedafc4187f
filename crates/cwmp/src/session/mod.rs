//! The two session machines (sections 11 and 12 of the requirements), without I/O.
//!
//! Each state is a struct and each transition consumes it, so that what a state does not allow
//! cannot be written. Bytes come in, bytes go out; the shell owns sockets and time limits.

pub mod acs;
pub mod cpe;
