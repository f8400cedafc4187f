//! Sets of characters, and those that XML Schema has names for.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// A set of characters as ranges: in order, not empty, and with gaps between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CharSet {
    ranges: Vec<(char, char)>,
}

impl CharSet {
    pub(super) fn of_ranges(ranges: &[(char, char)]) -> Self {
        let mut set = Self { ranges: ranges.to_vec() };
        set.normalise();
        set
    }

    pub(super) fn of_chars(chars: &str) -> Self {
        let ranges: Vec<_> = chars.chars().map(|c| (c, c)).collect();
        Self::of_ranges(&ranges)
    }

    /// Looks at all characters there are, so the result is worth keeping.
    fn of_all_that(is_member: impl Fn(char) -> bool) -> Self {
        let mut set = Self::default();
        for c in '\0'..=char::MAX {
            if is_member(c) {
                match set.ranges.last_mut() {
                    Some((_, high)) if after(*high) == Some(c) => *high = c,
                    _ => set.ranges.push((c, c)),
                }
            }
        }
        set
    }

    pub(super) fn with(mut self, other: &Self) -> Self {
        self.ranges.extend_from_slice(&other.ranges);
        self.normalise();
        self
    }

    pub(super) fn without(self, other: &Self) -> Self {
        self.complement().with(other).complement()
    }

    pub(super) fn complement(&self) -> Self {
        let mut ranges = Vec::new();
        let mut next = Some('\0');
        for &(low, high) in &self.ranges {
            if let (Some(start), Some(end)) = (next, before(low))
                && start <= end
            {
                ranges.push((start, end));
            }
            next = after(high);
        }
        ranges.extend(next.map(|start| (start, char::MAX)));
        Self { ranges }
    }

    /// As a class of the library `regex-lite`.
    pub(super) fn write_to(&self, out: &mut String) {
        if self.ranges.is_empty() {
            out.push_str(r"[^\x{0}-\x{10FFFF}]");
            return;
        }
        out.push('[');
        for &(low, high) in &self.ranges {
            write_char(low, out);
            if low != high {
                out.push('-');
                write_char(high, out);
            }
        }
        out.push(']');
    }

    fn normalise(&mut self) {
        self.ranges.sort_unstable();
        let mut ranges: Vec<(char, char)> = Vec::with_capacity(self.ranges.len());
        for &(low, high) in &self.ranges {
            match ranges.last_mut() {
                // Adjacent ranges become one as well.
                Some((_, end)) if after(*end).is_none_or(|next| low <= next) => {
                    *end = high.max(*end);
                }
                _ => ranges.push((low, high)),
            }
        }
        self.ranges = ranges;
    }
}

/// A character that stands for itself, as `regex-lite` reads it inside and outside of classes.
pub(super) fn write_char(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        write!(out, r"\x{{{:X}}}", u32::from(c)).expect("a string takes any text");
    }
}

/// The set of a class such as `\d`, if the letter names one.
pub(super) fn class(letter: char) -> Option<CharSet> {
    let set = match letter.to_ascii_lowercase() {
        'd' => digits(),
        's' => CharSet::of_chars(" \t\n\r"),
        'w' => WORD.clone(),
        'i' => CharSet::of_ranges(NAME_START),
        'c' => CharSet::of_ranges(NAME_START).with(&CharSet::of_ranges(NAME_REST)),
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() { set.complement() } else { set })
}

/// The set of `\p{name}`, if we know it.
pub(super) fn property(name: &str) -> Option<CharSet> {
    Some(match name {
        "L" => LETTER.clone(),
        "Lu" => UPPERCASE.clone(),
        "Ll" => LOWERCASE.clone(),
        "N" => NUMBER.clone(),
        "Nd" => digits(),
        "Z" => SEPARATOR.clone(),
        "Zs" => SEPARATOR.clone().without(&CharSet::of_chars("\u{2028}\u{2029}")),
        "Zl" => CharSet::of_chars("\u{2028}"),
        "Zp" => CharSet::of_chars("\u{2029}"),
        "Cc" => CharSet::of_ranges(CONTROL),
        "Co" => CharSet::of_ranges(PRIVATE_USE),
        "IsBasicLatin" => CharSet::of_ranges(&[('\0', '\u{7F}')]),
        "IsLatin-1Supplement" => CharSet::of_ranges(&[('\u{80}', '\u{FF}')]),
        _ => return None,
    })
}

fn digits() -> CharSet {
    CharSet::of_ranges(&[('0', '9')])
}

/// XML Schema has everything here but punctuation, separators and control characters, which
/// leaves ASCII its symbols. Beyond ASCII, the standard library tells no symbol from punctuation.
static WORD: LazyLock<CharSet> = LazyLock::new(|| {
    CharSet::of_all_that(|c| match c {
        '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~' => true,
        _ => c.is_alphanumeric(),
    })
});

static LETTER: LazyLock<CharSet> =
    LazyLock::new(|| CharSet::of_all_that(|c| c.is_alphabetic() && !c.is_numeric()));
static UPPERCASE: LazyLock<CharSet> =
    LazyLock::new(|| CharSet::of_all_that(|c| c.is_uppercase() && !c.is_numeric()));
static LOWERCASE: LazyLock<CharSet> =
    LazyLock::new(|| CharSet::of_all_that(|c| c.is_lowercase() && !c.is_numeric()));
static NUMBER: LazyLock<CharSet> = LazyLock::new(|| CharSet::of_all_that(char::is_numeric));

/// The other white space is control characters.
static SEPARATOR: LazyLock<CharSet> =
    LazyLock::new(|| CharSet::of_all_that(|c| c.is_whitespace() && !c.is_control()));

const CONTROL: &[(char, char)] = &[('\0', '\u{1F}'), ('\u{7F}', '\u{9F}')];

const PRIVATE_USE: &[(char, char)] =
    &[('\u{E000}', '\u{F8FF}'), ('\u{F0000}', '\u{FFFFD}'), ('\u{100000}', '\u{10FFFD}')];

/// `NameStartChar` of XML 1.0.
const NAME_START: &[(char, char)] = &[
    (':', ':'),
    ('A', 'Z'),
    ('_', '_'),
    ('a', 'z'),
    ('\u{C0}', '\u{D6}'),
    ('\u{D8}', '\u{F6}'),
    ('\u{F8}', '\u{2FF}'),
    ('\u{370}', '\u{37D}'),
    ('\u{37F}', '\u{1FFF}'),
    ('\u{200C}', '\u{200D}'),
    ('\u{2070}', '\u{218F}'),
    ('\u{2C00}', '\u{2FEF}'),
    ('\u{3001}', '\u{D7FF}'),
    ('\u{F900}', '\u{FDCF}'),
    ('\u{FDF0}', '\u{FFFD}'),
    ('\u{10000}', '\u{EFFFF}'),
];

/// What `NameChar` of XML 1.0 has besides.
const NAME_REST: &[(char, char)] = &[
    ('-', '.'),
    ('0', '9'),
    ('\u{B7}', '\u{B7}'),
    ('\u{300}', '\u{36F}'),
    ('\u{203F}', '\u{2040}'),
];

fn after(c: char) -> Option<char> {
    (c..=char::MAX).nth(1)
}

fn before(c: char) -> Option<char> {
    ('\0'..c).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(set: &CharSet) -> String {
        let mut out = String::new();
        set.write_to(&mut out);
        out
    }

    #[test]
    fn ranges_are_merged() {
        let set = CharSet::of_ranges(&[('d', 'f'), ('a', 'c'), ('b', 'b'), ('x', 'z')]);
        assert_eq!(ranges(&set), "[a-fx-z]");
        let set = CharSet::of_ranges(&[('\u{E000}', char::MAX), ('b', '\u{D7FF}')]);
        assert_eq!(ranges(&set), r"[b-\x{10FFFF}]");
    }

    #[test]
    fn complements_have_no_surrogates_and_come_back() {
        let set = CharSet::of_ranges(&[('\0', '\u{D7FF}')]);
        assert_eq!(ranges(&set.complement()), r"[\x{E000}-\x{10FFFF}]");
        assert_eq!(set.complement().complement(), set);
        let everything = CharSet::default().complement();
        assert_eq!(ranges(&everything), r"[\x{0}-\x{10FFFF}]");
        assert_eq!(everything.complement(), CharSet::default());
    }

    #[test]
    fn sets_are_subtracted() {
        let letters = CharSet::of_ranges(&[('a', 'z')]);
        assert_eq!(ranges(&letters.clone().without(&CharSet::of_chars("az"))), "[b-y]");
        assert_eq!(letters.clone().without(&letters), CharSet::default());
    }
}
