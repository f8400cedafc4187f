//! Records what happens in a session.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::book::Book;
use crate::engine::Nothing;
use crate::limits::{TRACE_BYTES_MAX, TRACE_ENTRIES_MAX, TRACE_NOTHING_MAX};
use crate::trace::{Entry, IdlePreset, Trace, What};

/// Characters from which on a secret is looked for in what scripts log: a shorter one would be
/// found in many texts that do not have it.
const SECRET_CHARS_MIN: usize = 4;
/// What stands in place of a secret.
const MASK: &str = "********";

/// Which sessions are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recording {
    /// None.
    Off,
    /// Those in which something was done, or went wrong.
    #[default]
    Eventful,
    /// All.
    All,
}

/// The record of a session. Messages are kept as they are, and lose their secrets at the end.
pub(super) struct Recorder {
    recording: Recording,
    began: Timestamp,
    entries: Vec<Entry>,
    bytes: usize,
    left_out: u32,
    nothing: BTreeSet<Nothing>,
    is_eventful: bool,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Recorder {
    pub(super) const fn new(recording: Recording, began: Timestamp) -> Self {
        Self {
            recording,
            began,
            entries: Vec::new(),
            bytes: 0,
            left_out: 0,
            nothing: BTreeSet::new(),
            is_eventful: false,
        }
    }

    /// Takes a message of the device.
    pub(super) fn received(&mut self, body: &[u8], time: Timestamp) {
        if self.recording != Recording::Off && !body.is_empty() {
            let text = || What::Received(String::from_utf8_lossy(body).into_owned());
            self.add(body.len(), time, text);
        }
    }

    /// Takes a message of the server.
    pub(super) fn sent(&mut self, xml: &str, time: Timestamp) {
        self.add(xml.len(), time, || What::Sent(xml.to_owned()));
    }

    /// Takes something that was decided, or logged, or went wrong. Such a session is eventful.
    pub(super) fn note(&mut self, what: What, time: Timestamp) {
        self.is_eventful = true;
        self.add(what.text().len(), time, || what);
    }

    /// The same for what is told once, at the end, even if the record is full.
    pub(super) fn note_always(&mut self, what: What, time: Timestamp) {
        self.is_eventful = true;
        if self.recording != Recording::Off {
            self.entries.push(Entry { time, what });
        }
    }

    /// Takes declarations that changed nothing.
    pub(super) fn nothing<'n>(&mut self, nothing: impl Iterator<Item = &'n Nothing>) {
        if self.recording == Recording::Off {
            return;
        }
        for reason in nothing {
            if self.nothing.len() >= TRACE_NOTHING_MAX {
                return;
            }
            self.nothing.insert(reason.clone());
        }
    }

    fn add(&mut self, bytes: usize, time: Timestamp, what: impl FnOnce() -> What) {
        if self.recording == Recording::Off {
            return;
        }
        let sum = self.bytes.saturating_add(bytes);
        if sum > TRACE_BYTES_MAX || self.entries.len() >= TRACE_ENTRIES_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.bytes = sum;
        self.entries.push(Entry { time, what: what() });
    }

    /// Takes that the session is one that people ask about.
    pub(super) const fn mark_eventful(&mut self) {
        self.is_eventful = true;
    }

    /// Whether the session is one that is kept.
    pub(super) const fn is_kept(&self) -> bool {
        match self.recording {
            Recording::Off => false,
            Recording::Eventful => self.is_eventful,
            Recording::All => true,
        }
    }

    /// The record, when the session is one that is kept.
    pub(super) fn end(
        &mut self,
        book: &Book,
        outcome: &str,
        idle: Vec<IdlePreset>,
        now: Timestamp,
    ) -> Option<Trace> {
        if !self.is_kept() {
            return None;
        }
        let mut entries = std::mem::take(&mut self.entries);
        mask(&mut entries, book);
        let events = book.record().fields.last_events.iter();
        Some(Trace {
            began: self.began,
            ended: now,
            events: events.map(|event| event.code.as_str().to_owned()).collect(),
            outcome: outcome.to_owned(),
            entries,
            left_out: self.left_out,
            nothing: std::mem::take(&mut self.nothing).into_iter().collect(),
            idle,
        })
    }
}

/// Masks the secrets of messages, and the same texts where a script or a fault repeats them
/// (`SEC-01`).
fn mask(entries: &mut [Entry], book: &Book) {
    let is_secret = |name: &str| book.is_secret(name);
    let own = book.record().fields.connection_request.password().expose().to_owned();
    let mut secrets = BTreeSet::from([own]);
    for Entry { what, .. } in &mut *entries {
        if let What::Received(xml) | What::Sent(xml) = what {
            let masked = drover_cwmp::mask_secrets(xml, &is_secret);
            *xml = masked.text;
            secrets.extend(masked.secrets);
        }
    }
    secrets.retain(|secret| secret.chars().nth(SECRET_CHARS_MIN - 1).is_some());
    // One may be a part of another.
    let mut secrets: Vec<String> = secrets.into_iter().collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for Entry { what, .. } in entries {
        if let What::Decided(text) | What::Logged(text) | What::Failed(text) = what {
            for secret in
                secrets.iter().filter(|secret| text.contains(secret.as_str())).collect::<Vec<_>>()
            {
                *text = text.replace(secret.as_str(), MASK);
            }
        }
    }
}
