//! Patterns of XML Schema (`XML-07`).

mod chars;
mod translate;

use std::cmp::Ordering;
use std::fmt;
use std::sync::OnceLock;

use regex_lite::{Regex, RegexBuilder};

use crate::limits::{PATTERN_CHARS_MAX, PATTERN_DEPTH_MAX, PATTERN_PROGRAM_BYTES_MAX};
use crate::syntax::Status;
use crate::version::Version;

/// One pattern facet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Pattern {
    /// The regular expression as the XML has it; it must match the whole value.
    pub value: Box<str>,
    /// A device may report a value of this form, but an ACS cannot set it.
    pub read_only: bool,
    /// Whether it is still in use.
    pub status: Status,
    /// Version that brought it, when later than the parameter.
    pub version: Option<Version>,
    /// What it means, in schemas with descriptions.
    pub description: Option<Box<str>>,
    /// What [`matches`](Self::matches) works with. It makes no difference to anything else.
    pub matcher: Matcher,
}

impl Pattern {
    /// A pattern in use that an ACS can set.
    pub fn new(value: impl Into<Box<str>>) -> Self {
        Self { value: value.into(), ..Self::default() }
    }

    /// Whether the whole of `text` matches, in time that is linear in the length of `text`.
    ///
    /// The rules are those of XML Schema: `^` and `$` are ordinary characters, `.` is anything but
    /// a line break, classes can be subtracted (`[a-z-[aeiou]]`), and there are no lazy
    /// quantifiers. Where they are kinder than the standard:
    ///
    /// - A `?` after another quantifier makes the whole optional; a published file has
    ///   `[0-9]{1,15}?`.
    /// - Any ASCII punctuation may be escaped, and a `-` that makes no range stands for itself.
    ///
    /// Where they know less about characters than the standard:
    ///
    /// - `\d` and `\p{Nd}` are the digits 0 to 9.
    /// - `\w` is exact in ASCII, and letters and numbers beyond.
    /// - `\p{L}`, `\p{Lu}` and `\p{Ll}` go by the Unicode properties Alphabetic, Uppercase and
    ///   Lowercase without numbers, which add some marks and symbols.
    /// - Of the other properties, there are `C` in part (`Cc`, `Co`), `N`, `Z`, `Zs`, `Zl`, `Zp`,
    ///   `IsBasicLatin` and `IsLatin-1Supplement`.
    ///
    /// # Errors
    /// As [`validate`].
    pub fn matches(&self, text: &str) -> Result<bool, PatternError> {
        let compiled = self.matcher.0.get_or_init(|| Box::new(Compiled::new(&self.value)));
        if compiled.source == self.value {
            compiled.is_match(text)
        } else {
            // Somebody has changed the public field since.
            Compiled::new(&self.value).is_match(text)
        }
    }
}

/// Whether [`Pattern::matches`] understands a pattern.
///
/// # Errors
/// Says what is wrong with it and at which character.
pub fn validate(pattern: &str) -> Result<(), PatternError> {
    compile(pattern).map(drop)
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// More than [`PATTERN_CHARS_MAX`].
    #[error("the pattern is longer than {PATTERN_CHARS_MAX} characters")]
    TooLong,
    /// More than [`PATTERN_PROGRAM_BYTES_MAX`].
    #[error(
        "the pattern takes more than {PATTERN_PROGRAM_BYTES_MAX} bytes once it is compiled; \
         reduce its counts"
    )]
    TooLarge,
    /// It is no regular expression of XML Schema.
    #[error("the pattern is malformed at character {position}: {reason}")]
    Malformed {
        /// The character, counted from 1; one beyond the end if something is missing there.
        position: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// It asks for a property of characters that we do not know.
    #[error("the pattern has an unsupported property at character {position}: {name}")]
    Unsupported {
        /// The character, counted from 1, at which `\p` or `\P` stands.
        position: usize,
        /// What stands between the braces.
        name: Box<str>,
    },
}

/// The compiled form of a pattern, made when it is first needed.
#[derive(Default)]
pub struct Matcher(OnceLock<Box<Compiled>>);

impl Clone for Matcher {
    /// Nothing is copied: whoever clones a pattern need not match with it.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Matcher")
    }
}

impl PartialEq for Matcher {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Matcher {}

impl PartialOrd for Matcher {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Matcher {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

/// A pattern together with the text that it was made from.
struct Compiled {
    source: Box<str>,
    regex: Result<Regex, PatternError>,
}

impl Compiled {
    fn new(source: &str) -> Self {
        Self { source: source.into(), regex: compile(source) }
    }

    fn is_match(&self, text: &str) -> Result<bool, PatternError> {
        self.regex.as_ref().map(|regex| regex.is_match(text)).map_err(Clone::clone)
    }
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
    if pattern.chars().nth(PATTERN_CHARS_MAX).is_some() {
        return Err(PatternError::TooLong);
    }
    // A group becomes an alternation of sequences of repetitions, one of which may be optional.
    let levels = u32::try_from(PATTERN_DEPTH_MAX).unwrap_or(u32::MAX).saturating_mul(4);
    RegexBuilder::new(&translate::translate(pattern)?)
        .nest_limit(levels.saturating_add(16))
        .size_limit(PATTERN_PROGRAM_BYTES_MAX)
        .build()
        // The translation is well-formed, so that only its size is left to be wrong.
        .map_err(|_| PatternError::TooLarge)
}

#[cfg(test)]
mod tests;
