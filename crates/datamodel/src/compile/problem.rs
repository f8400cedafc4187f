//! What is wrong with a document, and where.

use std::collections::BTreeSet;
use std::fmt;

use crate::limits::{PROBLEM_CHARS_MAX, PROBLEMS_MAX};

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Name of the file, as it was handed in.
    pub file: Box<str>,
    /// Line, counted from 1; 0 when it is about the file as a whole.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line == 0 { Ok(()) } else { write!(f, ":{}", self.line) }
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The document breaks a rule that published documents break too (`CMP-05`); what it says is
    /// clear all the same.
    Warning,
    /// Something of the model would be missing or guessed. A lenient compilation leaves it out.
    Error,
    /// Nothing can be made of the document.
    Fatal,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Path in the model, or the name of a component, type or profile; empty when it is about the
    /// document.
    pub path: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Documents from which no schema can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.problems, "no schema came of it"))]
pub struct CompileError {
    /// All that was found, warnings included, in the order of finding.
    pub problems: Vec<Problem>,
}

impl CompileError {
    /// The problems that prevent a schema.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity > Severity::Warning)
    }
}

/// The first error and how many there are; `otherwise` when there is none.
pub(crate) fn summary(problems: &[Problem], otherwise: &str) -> String {
    let mut errors = problems.iter().filter(|problem| problem.severity > Severity::Warning);
    let Some(first) = errors.next() else { return otherwise.to_owned() };
    match errors.count() {
        0 => first.to_string(),
        more => format!("{first} (and {more} more)"),
    }
}

/// Collects problems. In a lenient compilation an error does not prevent a schema.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    /// The same ones, to find those that come again.
    seen: BTreeSet<Problem>,
    lenient: bool,
    /// How many were not kept.
    dropped: usize,
}

/// The compilation cannot go on; the reason is among the problems.
#[derive(Debug)]
pub(crate) struct Stop;

impl Problems {
    pub(crate) fn new(lenient: bool) -> Self {
        Self { lenient, ..Self::default() }
    }

    pub(crate) fn warn(&mut self, place: Place, path: &str, message: impl Into<String>) {
        self.push(place, path, Severity::Warning, message.into());
    }

    pub(crate) fn error(&mut self, place: Place, path: &str, message: impl Into<String>) {
        self.push(place, path, Severity::Error, message.into());
    }

    pub(crate) fn fatal(&mut self, place: Place, path: &str, message: impl Into<String>) -> Stop {
        self.push(place, path, Severity::Fatal, message.into());
        Stop
    }

    /// Whether it makes no sense to look for more.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        let errors = self.list.iter().filter(|problem| problem.severity > Severity::Warning);
        if !self.lenient && errors.count() >= PROBLEMS_MAX { Err(Stop) } else { Ok(()) }
    }

    /// Whether a schema may come of it.
    pub(crate) fn is_acceptable(&self) -> bool {
        let worst = self.list.iter().map(|problem| problem.severity).max();
        let limit = if self.lenient { Severity::Error } else { Severity::Warning };
        worst.is_none_or(|worst| worst <= limit)
    }

    pub(crate) fn into_list(self) -> Vec<Problem> {
        self.list
    }

    fn push(&mut self, place: Place, path: &str, severity: Severity, message: String) {
        // What prevents a schema is kept whatever came before it.
        if self.list.len() >= PROBLEMS_MAX.saturating_mul(20) && severity < Severity::Fatal {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let (path, message) = (shortened(path), shortened(&message));
        let problem = Problem { place, path, severity, message };
        if self.seen.insert(problem.clone()) {
            self.list.push(problem);
        }
    }
}

/// Names come from the document, and may be of any length.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(PROBLEM_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
