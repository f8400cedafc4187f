//! What can be found.

use std::fmt;

use crate::limits::FINDING_VALUE_CHARS_MAX;

/// A statement about a device: what was found, and what its model asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line of the recording, counted from 1.
    pub line: usize,
    /// The path on that line.
    pub path: String,
    /// What it is about.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// One line. It never holds the value of a parameter that may not be shown.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, path, severity) = (self.line, &self.path, self.severity.name());
        write!(f, "line {line}: {path}: {severity}: {}", self.message)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The model rules it out.
    Error,
    /// The model rules it out, but an ACS has to live with it, or it is a likely mistake.
    Warning,
    /// The model allows it; it is good to know.
    Note,
}

impl Severity {
    /// All of them, worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// As a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A path that the model does not have; the topmost one, with all below it.
    Unknown,
    /// A path that is no path (`PATH-01`, `PATH-02`).
    Malformed,
    /// A path that occurs a second time.
    Repeated,
    /// A type that is not the one of the model.
    Type,
    /// A value that does not fit.
    Value,
    /// A value longer than the 16 characters that apply when the model says nothing (`TM-15`).
    Length,
    /// A word that the enumeration does not have (`TM-20`).
    Word,
    /// A value that must not be shown, or that always reads the same (`RT-03`).
    Hidden,
    /// A number of entries that is not the number of rows (`RT-01`).
    EntryCount,
    /// A table whose rows nothing counts.
    NoEntryCount,
    /// More rows than the model allows.
    TooManyRows,
    /// Fewer rows than the model asks for.
    TooFewRows,
    /// Rows that nothing tells apart (`TM-19`).
    UniqueKey,
    /// A strong reference to nothing (`TM-13`).
    Reference,
    /// A parameter that can be written, and should not be.
    Writable,
    /// An object that offers AddObject or DeleteObject, and should not.
    WritableObject,
    /// A parameter that cannot be written here.
    ReadOnly,
    /// A table or row that offers no AddObject or DeleteObject here.
    ReadOnlyObject,
    /// Something that is on its way out (`TM-06`, `TM-07`).
    Retired,
    /// An object or parameter of the vendor's own (`TM-16`); the topmost one, with all below it.
    Vendor,
}

impl FindingKind {
    /// All of them, in the order of their sort.
    pub const ALL: [Self; 20] = [
        Self::Unknown,
        Self::Malformed,
        Self::Repeated,
        Self::Type,
        Self::Value,
        Self::Length,
        Self::Word,
        Self::Hidden,
        Self::EntryCount,
        Self::NoEntryCount,
        Self::TooManyRows,
        Self::TooFewRows,
        Self::UniqueKey,
        Self::Reference,
        Self::Writable,
        Self::WritableObject,
        Self::ReadOnly,
        Self::ReadOnlyObject,
        Self::Retired,
        Self::Vendor,
    ];

    /// As one word, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Malformed => "malformed",
            Self::Repeated => "repeated",
            Self::Type => "type",
            Self::Value => "value",
            Self::Length => "length",
            Self::Word => "word",
            Self::Hidden => "hidden",
            Self::EntryCount => "entry-count",
            Self::NoEntryCount => "no-entry-count",
            Self::TooManyRows => "too-many-rows",
            Self::TooFewRows => "too-few-rows",
            Self::UniqueKey => "unique-key",
            Self::Reference => "reference",
            Self::Writable => "writable",
            Self::WritableObject => "writable-object",
            Self::ReadOnly => "read-only",
            Self::ReadOnlyObject => "read-only-object",
            Self::Retired => "retired",
            Self::Vendor => "vendor",
        }
    }

    /// As a heading, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unknown => "not in the model",
            Self::Malformed => "malformed paths",
            Self::Repeated => "paths that occur twice",
            Self::Type => "other type than in the model",
            Self::Value => "values that do not fit",
            Self::Length => "longer than the 16 characters of a string without size",
            Self::Word => "words that the enumeration does not have",
            Self::Hidden => "values shown that should not be",
            Self::EntryCount => "numbers of entries that are not the number of rows",
            Self::NoEntryCount => "tables without their number of entries",
            Self::TooManyRows => "more rows than the model allows",
            Self::TooFewRows => "fewer rows than the model asks for",
            Self::UniqueKey => "rows with the same unique key",
            Self::Reference => "strong references to nothing",
            Self::Writable => "writable, but read-only in the model",
            Self::WritableObject => "rows can be added or deleted, but not by the model",
            Self::ReadOnly => "not writable, but writable in the model",
            Self::ReadOnlyObject => "rows cannot be added or deleted, but can by the model",
            Self::Retired => "deprecated, obsoleted or deleted",
            Self::Vendor => "of the vendor's own",
        }
    }
}

/// A text of the device in quotes: one line, and not too long.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    quoted.extend(
        text.chars()
            .take(FINDING_VALUE_CHARS_MAX)
            .map(|c| if c.is_control() || is_line_break(c) { ' ' } else { c }),
    );
    if text.chars().nth(FINDING_VALUE_CHARS_MAX).is_some() {
        quoted.push('…');
    }
    quoted.push('\'');
    quoted
}

/// Line breaks that are no control characters, and what turns the direction of a line.
fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1 row`, `2 rows`
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_the_limit() {
        let check = |text: &str, expected: &str| assert_eq!(quoted(text), expected);
        check("", "''");
        check("a\nb\u{2028}c\u{202e}d", "'a b c d'");
        let longest = "ü".repeat(FINDING_VALUE_CHARS_MAX);
        check(&longest, &format!("'{longest}'"));
        check(&format!("{longest}x"), &format!("'{longest}…'"));
    }

    #[test]
    fn kinds_are_listed_in_their_order_and_named_apart() {
        assert!(FindingKind::ALL.is_sorted());
        for pair in FindingKind::ALL.windows(2) {
            assert_ne!(pair[0].name(), pair[1].name());
            assert_ne!(pair[0].title(), pair[1].title());
        }
    }
}
