//! Strings and bytes: sizes, words, patterns, paths.

use std::borrow::Cow;

use drover_cwmp::path::{PathErrorKind, PathOptions, PathRef};
use drover_cwmp::{ValueType, decode_base64};

use super::form::check_form;
use super::{Direction, Item, Unit, ValueErrorKind, Words};
use crate::limits::STRING_CHARS_DEFAULT;
use crate::pattern::Pattern;
use crate::syntax::{Enumeration, Size};

impl Item<'_> {
    pub(super) fn check_string(self, text: &str) -> Result<(), ValueErrorKind> {
        if self.is_null_reference(text) {
            return Ok(());
        }
        self.check_string_size(text)?;
        if self.syntax.path_ref.is_some() {
            check_path(&self.decoded(text))?;
        }
        let has_facets = !self.syntax.enumerations.is_empty() || !self.syntax.patterns.is_empty();
        if has_facets {
            return Ok(());
        }
        check_form(self.syntax.public_type_name(), &self.decoded(text), self.direction)
    }

    /// `XML-09`: encoded bytes are counted as they are when decoded.
    pub(super) fn check_bytes(self, text: &str) -> Result<(), ValueErrorKind> {
        let bytes = match self.syntax.value_type {
            ValueType::Base64 => decode_base64(text).unwrap_or_default().len(),
            _ => text.len().checked_div(2).unwrap_or(0),
        };
        check_size(&self.syntax.sizes, bytes, Unit::Bytes)
    }

    /// Whether it stands for no target (`XML-11`).
    pub(super) fn is_null_reference(self, text: &str) -> bool {
        let is_null = |null: Option<&str>| text.is_empty() || null == Some(text);
        let enumeration = &self.syntax.enumeration_ref;
        (self.syntax.path_ref.is_some() && text.is_empty())
            || enumeration.as_ref().is_some_and(|facet| is_null(facet.null_value.as_deref()))
    }

    /// Patterns and words are alternatives of each other. Patterns are closed, and words are open
    /// as long as there are no patterns (`TM-20`).
    pub(super) fn check_words(self, text: &str) -> Result<Words, ValueErrorKind> {
        let is_set = self.direction == Direction::Set;
        let read_only = self.read_only_of_matches(text);
        if read_only.iter().any(|read_only| !(*read_only && is_set)) {
            return Ok(Words::Known);
        }
        if !read_only.is_empty() {
            return Err(ValueErrorKind::ReadOnly { writable: self.writable() });
        }
        let patterns: Vec<_> = self.patterns().map(|pattern| pattern.value.clone()).collect();
        if !patterns.is_empty() {
            let words = self.words().map(value).collect();
            return Err(ValueErrorKind::Pattern { patterns, words });
        }
        Ok(if self.syntax.enumerations.is_empty() { Words::Known } else { Words::Unknown })
    }

    /// Whether each word and pattern that `text` fits is read-only.
    fn read_only_of_matches(self, text: &str) -> Vec<bool> {
        let decoded = self.decoded(text);
        let is_word = |word: &&Enumeration| *word.value == *text || *word.value == *decoded;
        let words = self.words().filter(is_word).map(|word| word.read_only);
        let patterns = self.patterns().filter(|it| is_match(it, text, &decoded));
        words.chain(patterns.map(|pattern| pattern.read_only)).collect()
    }

    /// Whether the model names the empty text as a value, so that a list can have it as an item.
    pub(super) fn knows_empty(self) -> bool {
        let reference = self.syntax.enumeration_ref.as_ref();
        let null = reference.and_then(|facet| facet.null_value.as_deref());
        null == Some("")
            || self.words().any(|word| word.value.is_empty())
            || self.patterns().any(|pattern| is_match(pattern, "", ""))
    }

    fn words(&self) -> impl Iterator<Item = &Enumeration> {
        self.syntax.enumerations.iter().filter(|word| self.direction.counts(word.status))
    }

    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.syntax.patterns.iter().filter(|pattern| self.direction.counts(pattern.status))
    }

    fn writable(&self) -> Vec<Box<str>> {
        self.words().filter(|word| !word.read_only).map(value).collect()
    }

    /// What the item of a list stands for (`TM-11`).
    fn decoded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_listed { percent_decoded(text) } else { Cow::Borrowed(text) }
    }

    fn check_string_size(self, text: &str) -> Result<(), ValueErrorKind> {
        let sizes = &self.syntax.sizes;
        let characters = self.decoded(text).chars().count();
        if self.has_default_size() {
            let max = Some(STRING_CHARS_DEFAULT);
            let checked = check_size(&[Size { min: 0, max }], characters, Unit::Characters);
            return checked.map_err(ValueErrorKind::implied);
        }
        check_size(sizes, characters, Unit::Characters)
    }

    /// Whether nothing says how long it may be (`TM-15`).
    fn has_default_size(self) -> bool {
        let syntax = self.syntax;
        !self.is_listed
            && syntax.sizes.is_empty()
            && syntax.enumerations.is_empty()
            && syntax.patterns.is_empty()
            && syntax.path_ref.is_none()
            && syntax.enumeration_ref.is_none()
    }
}

/// Several sizes are alternatives (`XML-07`).
pub(super) fn check_size(sizes: &[Size], count: usize, unit: Unit) -> Result<(), ValueErrorKind> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let holds = |size: &Size| size.min <= count && size.max.is_none_or(|max| count <= max);
    if sizes.is_empty() || sizes.iter().any(holds) {
        return Ok(());
    }
    let allowed = sizes.to_vec();
    if sizes.iter().all(|size| size.max.is_some_and(|max| max < count)) {
        Err(ValueErrorKind::TooLong { allowed, unit, implied: false })
    } else {
        Err(ValueErrorKind::TooShort { allowed, unit })
    }
}

/// `TM-12`: a full path, or one that starts with a dot; never one that ends with it.
fn check_path(text: &str) -> Result<(), ValueErrorKind> {
    let path = text.strip_prefix('.').unwrap_or(text);
    if path.is_empty() {
        return Err(ValueErrorKind::Path(PathErrorKind::EmptyComponent));
    }
    let options = PathOptions { wildcards: false, aliases: true };
    match PathRef::parse(path, options) {
        Ok(_) if path.ends_with('.') => Err(ValueErrorKind::PathEnd),
        Ok(_) => Ok(()),
        Err(error) => Err(ValueErrorKind::Path(error.kind)),
    }
}

/// A pattern that we do not understand must not cost a value; the compiler has reported it.
fn is_match(pattern: &Pattern, text: &str, decoded: &str) -> bool {
    let matches = |text| pattern.matches(text).unwrap_or(true);
    matches(text) || (decoded != text && matches(decoded))
}

fn value(word: &Enumeration) -> Box<str> {
    word.value.clone()
}

/// Replaces `%2C` and the like. What is no such escape stays, and a text that would not be UTF-8
/// stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| escaped_byte(after)).flatten();
        let (byte, after) = escaped.unwrap_or((byte, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The byte that two digits stand for, and what follows them.
fn escaped_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_at_checked(2)?;
    // The conversion itself would take a sign.
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = str::from_utf8(digits).ok().filter(|_| is_hex)?;
    Some((u8::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tm_11_percent_encoding() {
        let cases = [
            ("a%2Cb%2c%20", "a,b, "),
            ("%", "%"),
            ("%2", "%2"),
            ("%+1%zz%%2C", "%+1%zz%,"),
            ("%C3%A9é", "éé"),
            ("%FF%2C", "%FF%2C"),
        ];
        for (text, decoded) in cases {
            assert_eq!(percent_decoded(text), decoded, "{text}");
        }
    }

    #[test]
    fn tm_12_paths() {
        for text in ["Device", "Device.IP.Interface.1", ".WiFi.Radio.[r1]", ".A", "X_A-B_c.1"] {
            assert_eq!(check_path(text), Ok(()), "{text}");
        }
        let cases = [
            (".", PathErrorKind::EmptyComponent),
            ("..A", PathErrorKind::EmptyComponent),
            ("A..B", PathErrorKind::EmptyComponent),
            ("Device.IP.Interface.0", PathErrorKind::BadInstance),
            ("A.*.B", PathErrorKind::WildcardNotAllowed),
            ("A B", PathErrorKind::BadName),
            (".1.A", PathErrorKind::BadRoot),
        ];
        for (text, kind) in cases {
            assert_eq!(check_path(text), Err(ValueErrorKind::Path(kind)), "{text}");
        }
        // PATH-05
        for text in ["Device.", "Device.IP.Interface.1.", ".A."] {
            assert_eq!(check_path(text), Err(ValueErrorKind::PathEnd), "{text}");
        }
    }
}
