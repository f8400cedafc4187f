//! Why nothing happened: what GenieACS passes over in silence (compat 2.13).

/// A declaration that changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nothing {
    /// What it was about: a path of the device, or the pattern where none matches.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// Why a declaration changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// Nothing of the device matches the path.
    #[error("the device has no such path")]
    NoSuchPath,
    /// The device does not let it be set, created or deleted.
    #[error("not writable")]
    NotWritable,
    /// The device has what was declared, as far as is known.
    #[error("equal to what is known of the device")]
    Equal,
    /// The device has accepted this value before, and tells none.
    #[error("equal to what was set")]
    EqualToSet,
    /// No type is known, neither from the device nor from the declaration.
    #[error("no type is known, give one")]
    NoType,
    /// The device refuses it, with this fault code, now or earlier; the rest was sent without it.
    #[error("the device refuses it (fault {0})")]
    Refused(u16),
    /// It waits for other scripts to end.
    #[error("waits until all scripts have ended")]
    Waits,
    /// A time to restart, reset or download lies ahead of the session.
    #[error("the time lies in the future")]
    InTheFuture,
    /// A row of what the server keeps does not say enough, or says what no device can do.
    #[error("the row is not complete, or its time windows do not fit")]
    Incomplete,
    /// The table that the server keeps has as many rows as it may.
    #[error("the table is full, delete rows that are done")]
    TableFull,
    /// The device gives the numbers of new instances, so one of a certain number cannot be created.
    #[error("the device gives the numbers of new instances")]
    NumberIsTheDevices,
}
