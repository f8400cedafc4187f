//! The server's brain: device record, tasks, and a whole ACS session as a value. Without I/O.
