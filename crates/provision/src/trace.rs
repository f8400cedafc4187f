//! What happened in a session, for people who want to know why.

use jiff::Timestamp;

use crate::engine::Nothing;

/// A session with all that was said, decided and logged in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// When its Inform came.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Its events.
    pub events: Vec<String>,
    /// How it ended, in words; `complete` when both sides had nothing more.
    pub outcome: String,
    /// What happened, in its order.
    pub entries: Vec<Entry>,
    /// Entries that did not fit.
    pub left_out: u32,
    /// Declarations that changed nothing, and why.
    pub nothing: Vec<Nothing>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The device sent this envelope. Values of secrets are masked.
    Received(String),
    /// The server sent this envelope. Values of secrets are masked.
    Sent(String),
    /// The server decided something: which presets hold, which channel is blocked, what a task
    /// became.
    Decided(String),
    /// A script logged this line.
    Logged(String),
    /// Something failed.
    Failed(String),
}

impl What {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Received(_) => "received",
            Self::Sent(_) => "sent",
            Self::Decided(_) => "decided",
            Self::Logged(_) => "logged",
            Self::Failed(_) => "failed",
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Self::Received(text)
            | Self::Sent(text)
            | Self::Decided(text)
            | Self::Logged(text)
            | Self::Failed(text) => text,
        }
    }
}
