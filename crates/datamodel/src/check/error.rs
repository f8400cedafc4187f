//! Why a value is refused.

use std::fmt;

use drover_cwmp::ValueType;
use drover_cwmp::path::PathErrorKind;

use crate::syntax::{Range, Size};

/// Alternatives that a message names.
const ALTERNATIVES_SHOWN_MAX: usize = 8;
/// Characters of one of them that a message shows.
const ALTERNATIVE_CHARS_MAX: usize = 64;

/// A value does not fit its parameter: for a device, fault 9007.
///
/// The text is one line that says what the value must be. It never holds the value, which may be
/// a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    /// The item of a list, counted from 1; `None` for the whole value.
    pub item: Option<usize>,
    /// What is wrong.
    pub kind: ValueErrorKind,
}

impl From<ValueErrorKind> for ValueError {
    fn from(kind: ValueErrorKind) -> Self {
        Self { item: None, kind }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            Some(item) => write!(f, "item {item} of the list {}", self.kind),
            None => write!(f, "the value {}", self.kind),
        }
    }
}

impl std::error::Error for ValueError {}

/// What is wrong with a value. The text continues a sentence that begins with what was checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueErrorKind {
    /// It is outside of the lexical space of the type (`TYPE-02` to `TYPE-08`).
    #[error("must be of type {0}{hint}", hint = hint(*.0))]
    Type(ValueType),
    /// More than any of the sizes allows (`XML-09`).
    #[error("must have {}{}", sizes(allowed, *unit), reason(*implied))]
    TooLong {
        /// Alternatives.
        allowed: Vec<Size>,
        /// What is counted.
        unit: Unit,
        /// The model does not say how long it may be, so that the default applies (`TM-15`).
        implied: bool,
    },
    /// Less than one of the sizes asks for, and in none of the others.
    #[error("must have {}", sizes(allowed, *unit))]
    TooShort {
        /// Alternatives.
        allowed: Vec<Size>,
        /// What is counted.
        unit: Unit,
    },
    /// In none of the ranges.
    #[error("must be {}", ranges(allowed))]
    OutOfRange {
        /// Alternatives.
        allowed: Vec<Range>,
    },
    /// In a range, but between its steps.
    #[error("must be {}a multiple of {step}", from(.start))]
    Step {
        /// Distance of the values.
        step: Box<str>,
        /// The first one.
        start: Box<str>,
    },
    /// None of the patterns matches, and it is none of the words.
    #[error("must match {}{}", alternatives(patterns), or_words(words))]
    Pattern {
        /// Alternatives.
        patterns: Vec<Box<str>>,
        /// Further alternatives.
        words: Vec<Box<str>>,
    },
    /// Only a device may come to it (`XML-08`).
    #[error("is one that only the device can give{}", writable_words(writable))]
    ReadOnly {
        /// The words that an ACS may set.
        writable: Vec<Box<str>>,
    },
    /// Fewer items than `XML-10` asks for.
    #[error("must have at least {}", count(*min))]
    TooFewItems {
        /// Items at least.
        min: u32,
    },
    /// More items than `XML-10` allows.
    #[error("must have at most {}", count(*max))]
    TooManyItems {
        /// Items at most.
        max: u32,
    },
    /// A comma at the end (`TM-11`).
    #[error("must not end in a comma")]
    TrailingComma,
    /// Nothing between two commas (`TM-11`).
    #[error("must not be empty; items are separated by one comma")]
    EmptyItem,
    /// A bracket has no partner (`TM-11`).
    #[error("must have a ']' for each '[' and no other")]
    Brackets,
    /// It is no path (`TM-12`).
    #[error("must be a full path, or one that starts with a dot, without a dot at its end: {0}")]
    Path(PathErrorKind),
    /// It ends as the path of an object does elsewhere (`PATH-05`).
    #[error("must be a path without a dot at its end")]
    PathEnd,
    /// It is not what its named type says in words (`CMP-08`, `ALI-04`).
    #[error("must be {form}")]
    Form {
        /// What it must be.
        form: &'static str,
    },
    /// It is no instance number (`XML-11`).
    #[error("must be an instance number, at least 1, or {null} for none")]
    Instance {
        /// What stands for no row.
        null: &'static str,
    },
}

impl ValueErrorKind {
    /// As a result of the default size (`TM-15`).
    pub(super) fn implied(self) -> Self {
        match self {
            Self::TooLong { allowed, unit, .. } => Self::TooLong { allowed, unit, implied: true },
            other => other,
        }
    }
}

/// What a size counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Unicode characters.
    Characters,
    /// Bytes, decoded.
    Bytes,
}

impl Unit {
    /// In the plural.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Bytes => "bytes",
        }
    }
}

fn hint(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::String => "",
        ValueType::Int => ", -2147483648 to 2147483647",
        ValueType::UnsignedInt => ", 0 to 4294967295",
        ValueType::Long => ", -9223372036854775808 to 9223372036854775807",
        ValueType::UnsignedLong => ", 0 to 18446744073709551615",
        ValueType::Boolean => ": true, false, 1 or 0",
        ValueType::DateTime => ", such as 2026-11-22T13:19:28Z",
        ValueType::Base64 => "",
        ValueType::HexBinary => ", an even number of hexadecimal digits",
        ValueType::Decimal => ", such as -1.5",
    }
}

fn reason(implied: bool) -> &'static str {
    if implied { ", as the model gives no size" } else { "" }
}

fn count(count: u32) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{count} items") }
}

fn sizes(sizes: &[Size], unit: Unit) -> String {
    let size = |size: &Size| match (size.min, size.max) {
        (min, Some(max)) if min == max => min.to_string(),
        (0, Some(max)) => format!("at most {max}"),
        (min, Some(max)) => format!("{min} to {max}"),
        (min, None) => format!("at least {min}"),
    };
    format!("{} {}", shown(sizes.iter().map(size)), unit.name())
}

fn ranges(ranges: &[Range]) -> String {
    let range = |range: &Range| match (range.min.as_deref(), range.max.as_deref()) {
        (Some(min), Some(max)) if min == max => brief(min),
        (Some(min), Some(max)) => format!("{} to {}", brief(min), brief(max)),
        (Some(min), None) => format!("at least {}", brief(min)),
        (None, Some(max)) => format!("at most {}", brief(max)),
        (None, None) => "any number".to_owned(),
    };
    shown(ranges.iter().map(range))
}

fn or_words(words: &[Box<str>]) -> String {
    if words.is_empty() { String::new() } else { format!(", or be {}", alternatives(words)) }
}

fn writable_words(words: &[Box<str>]) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!("; it can be set to {}", alternatives(words))
    }
}

/// Patterns and words in quotes, as there are some with white space at their ends.
fn alternatives(texts: &[Box<str>]) -> String {
    shown(texts.iter().map(|text| format!("'{}'", brief(text))))
}

fn shown(texts: impl ExactSizeIterator<Item = String>) -> String {
    let left_out = texts.len().saturating_sub(ALTERNATIVES_SHOWN_MAX);
    let mut texts: Vec<String> = texts.take(ALTERNATIVES_SHOWN_MAX).collect();
    if left_out > 0 {
        texts.push(format!("{left_out} others"));
    }
    let last = texts.pop().unwrap_or_default();
    if texts.is_empty() { last } else { format!("{} or {last}", texts.join(", ")) }
}

/// On one line, and not too long.
fn brief(text: &str) -> String {
    let mut brief: String = text.chars().take(ALTERNATIVE_CHARS_MAX).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Where the steps begin, unless that is at 0.
fn from(start: &str) -> String {
    if start == "0" { String::new() } else { format!("{start} plus ") }
}
