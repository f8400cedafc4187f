//! Patterns of LIKE.

use crate::limits::EXPRESSION_PATTERN_CHARS_MAX;

/// Whether a text has the form of a pattern; `None` for a pattern that is too long.
///
/// `%` stands for any characters, `_` for one, and the character after the escape for itself. All
/// of the text must fit, and capitals matter.
pub(super) fn like(text: &str, pattern: &str, escape: Option<char>) -> Option<bool> {
    let pattern = LikePart::parse(pattern, escape)?;
    let text: Vec<char> = text.chars().collect();
    Some(matches(&text, &pattern))
}

/// A part of a pattern of LIKE, for those that translate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikePart {
    /// Any characters, also none.
    Any,
    /// Any one character.
    One,
    /// This character.
    Exactly(char),
}

impl LikePart {
    /// The parts of a pattern; `None` when it has more than
    /// [`EXPRESSION_PATTERN_CHARS_MAX`], and the comparison is `NULL`.
    pub fn parse(pattern: &str, escape: Option<char>) -> Option<Vec<Self>> {
        let parts = compile(pattern, escape);
        (parts.len() <= EXPRESSION_PATTERN_CHARS_MAX).then_some(parts)
    }

    /// Whether all of a text has the form of a pattern.
    pub fn all_match(pattern: &[Self], text: &str) -> bool {
        matches(&text.chars().collect::<Vec<_>>(), pattern)
    }
}

fn compile(pattern: &str, escape: Option<char>) -> Vec<LikePart> {
    let mut chars = pattern.chars();
    let next = || {
        let c = chars.next()?;
        if Some(c) == escape {
            return Some(LikePart::Exactly(chars.next().unwrap_or(c)));
        }
        Some(match c {
            '%' => LikePart::Any,
            '_' => LikePart::One,
            c => LikePart::Exactly(c),
        })
    };
    // One more than allowed shows that it is too long.
    let beyond = EXPRESSION_PATTERN_CHARS_MAX.saturating_add(1);
    std::iter::from_fn(next).take(beyond).collect()
}

/// Tries the shortest stretch for the latest `%` first. An earlier one never needs another try, so
/// this takes at most the product of the two lengths.
fn matches(text: &[char], pattern: &[LikePart]) -> bool {
    let (mut text, mut pattern) = (text, pattern);
    let mut retry: Option<(&[char], &[LikePart])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((LikePart::Any, after)), _) => {
                pattern = after;
                retry = Some((text, after));
                continue;
            }
            (Some((part, after)), Some((c, rest))) if fits(*part, *c) => {
                (text, pattern) = (rest, after);
                continue;
            }
            _ => {}
        }
        let Some((start, after)) = retry else {
            return false;
        };
        let Some((_, rest)) = start.split_first() else {
            return false;
        };
        retry = Some((rest, after));
        (text, pattern) = (rest, after);
    }
}

fn fits(part: LikePart, c: char) -> bool {
    match part {
        LikePart::Any | LikePart::One => true,
        LikePart::Exactly(expected) => expected == c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        let check = |text: &str, pattern: &str, expected: bool| {
            assert_eq!(like(text, pattern, Some('!')), Some(expected), "{text} LIKE {pattern}");
        };
        check("abc", "abc", true);
        check("abc", "ABC", false);
        check("abc", "ab", false);
        check("abc", "a%", true);
        check("abc", "%c", true);
        check("abc", "%b%", true);
        check("abc", "_b_", true);
        check("abc", "__", false);
        check("", "%%", true);
        check("", "_", false);
        check("a\nü", "a__", true);
        check("a.c", "a.c", true);
        check("abc", "a.c", false);
        check("50%", "50!%", true);
        check("500", "50!%", false);
        check("a!", "a!!", true);
        check("a!", "a!", true);
        check("ab", "!ab", true);
        check("mississippi", "m%iss%pi", true);
        check("mississippi", "m%iss%ps", false);
    }

    #[test]
    fn the_length_of_a_pattern_has_a_limit() {
        let longest = "%".repeat(EXPRESSION_PATTERN_CHARS_MAX);
        assert_eq!(like("x", &longest, None), Some(true));
        assert_eq!(like("x", &format!("{longest}%"), None), None);
    }

    /// The definition, read literally.
    fn slow(text: &[char], pattern: &[LikePart]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((LikePart::Any, after)) => (0..=text.len()).any(|skip| slow(&text[skip..], after)),
            Some((part, after)) => {
                text.split_first().is_some_and(|(c, rest)| fits(*part, *c) && slow(rest, after))
            }
        }
    }

    proptest! {
        #[test]
        fn the_fast_way_is_the_definition(text in "[ab]{0,8}", pattern in "[ab%_]{0,6}") {
            let chars: Vec<char> = text.chars().collect();
            let expected = slow(&chars, &compile(&pattern, None));
            prop_assert_eq!(like(&text, &pattern, None), Some(expected));
        }
    }
}
