//! Lists (`TM-11`, `TYPE-09`, `XML-10`).

use std::borrow::Cow;

use super::text::check_size;
use super::{Checked, Direction, Item, Unit, ValueError, ValueErrorKind};
use crate::syntax::{List, NestedBrackets, Syntax};

/// Checks the whole text, then each item.
pub(super) fn check<'t>(
    syntax: &Syntax,
    list: &List,
    text: &'t str,
    direction: Direction,
) -> Result<Checked<'t>, ValueError> {
    check_size(&list.sizes, text.chars().count(), Unit::Characters)?;
    let items = split(text, list.nested_brackets != NestedBrackets::Legacy)?;
    check_count(list, items.len())?;
    let item = Item { syntax, direction, is_listed: true };
    let mut unknown_words = Vec::new();
    let mut canonical = Vec::with_capacity(items.len());
    for (index, part) in items.iter().enumerate() {
        let checked = check_item(item, *part, &mut unknown_words);
        let position = index.saturating_add(1);
        canonical.push(checked.map_err(|kind| ValueError { item: Some(position), kind })?);
    }
    Ok(Checked { text: join(text, &canonical), unknown_words })
}

/// An item without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'t> {
    Plain(&'t str),
    /// A list within the list, without its brackets.
    Nested(&'t str),
}

/// Returns the canonical form.
fn check_item<'t>(
    item: Item<'_>,
    part: Part<'t>,
    unknown_words: &mut Vec<Cow<'t, str>>,
) -> Result<Cow<'t, str>, ValueErrorKind> {
    match part {
        Part::Plain("") if !item.knows_empty() => Err(ValueErrorKind::EmptyItem),
        Part::Plain(text) => item.check(text, unknown_words),
        Part::Nested(text) => {
            let inner = without_spaces(text);
            let mut unknown = Vec::new();
            let inner = item.check(&inner, &mut unknown)?;
            unknown_words.extend(unknown.into_iter().map(|word| Cow::Owned(word.into_owned())));
            Ok(Cow::Owned(format!("[{inner}]")))
        }
    }
}

fn check_count(list: &List, count: usize) -> Result<(), ValueErrorKind> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let (min, max) = (list.items_min, list.items_max);
    if count < u64::from(min) {
        return Err(ValueErrorKind::TooFewItems { min });
    }
    match max {
        Some(max) if count > u64::from(max) => Err(ValueErrorKind::TooManyItems { max }),
        _ => Ok(()),
    }
}

/// The items of a list. An empty text is an empty list.
fn split(text: &str, has_brackets: bool) -> Result<Vec<Part<'_>>, ValueErrorKind> {
    let text = trim(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut items = Vec::new();
    let mut rest = text;
    while let Some((item, after)) = split_once(rest, has_brackets)? {
        items.push(part(item, has_brackets));
        rest = after;
    }
    if trim(rest).is_empty() {
        return Err(ValueErrorKind::TrailingComma);
    }
    items.push(part(rest, has_brackets));
    Ok(items)
}

/// At the first comma that is not within brackets.
fn split_once(text: &str, has_brackets: bool) -> Result<Option<(&str, &str)>, ValueErrorKind> {
    let mut depth = 0_usize;
    for (index, c) in text.char_indices() {
        match c {
            '[' if has_brackets => depth = depth.saturating_add(1),
            ']' if has_brackets => depth = depth.checked_sub(1).ok_or(ValueErrorKind::Brackets)?,
            ',' if depth == 0 => {
                let after = text.get(index..).and_then(|after| after.strip_prefix(','));
                return Ok(text.get(..index).zip(after));
            }
            _ => {}
        }
    }
    if depth == 0 { Ok(None) } else { Err(ValueErrorKind::Brackets) }
}

fn part(item: &str, has_brackets: bool) -> Part<'_> {
    let item = trim(item);
    match item.strip_prefix('[').and_then(|item| item.strip_suffix(']')) {
        Some(inner) if has_brackets && is_balanced(inner) => Part::Nested(inner),
        _ => Part::Plain(item),
    }
}

/// Not so for the inside of `[a][b]`.
fn is_balanced(text: &str) -> bool {
    let mut depth = Some(0_usize);
    for c in text.chars() {
        depth = match c {
            '[' => depth.and_then(|depth| depth.checked_add(1)),
            ']' => depth.and_then(|depth| depth.checked_sub(1)),
            _ => depth,
        };
    }
    depth == Some(0)
}

/// Drops the white space around the commas and brackets of a list within the list.
fn without_spaces(text: &str) -> String {
    let is_separator = |c: char| matches!(c, ',' | '[' | ']');
    text.split_inclusive(is_separator)
        .flat_map(|piece| {
            let inner = piece.strip_suffix(is_separator).unwrap_or(piece);
            let separator = piece.get(inner.len()..).unwrap_or_default();
            [trim(inner), separator]
        })
        .collect()
}

fn join<'t>(text: &'t str, items: &[Cow<'t, str>]) -> Cow<'t, str> {
    let joined = items.join(",");
    if joined == text { Cow::Borrowed(text) } else { Cow::Owned(joined) }
}

/// White space of XML, and none of the other that Unicode has.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::Part::{Nested, Plain};
    use super::*;

    #[test]
    fn tm_11_items() {
        let check = |text, has_brackets, expected: &[Part<'_>]| {
            assert_eq!(split(text, has_brackets), Ok(expected.to_vec()), "{text:?}");
        };
        check("", false, &[]);
        check(" \n", false, &[]);
        check("a", false, &[Plain("a")]);
        check(" a ,\tb c\r\n, d", false, &[Plain("a"), Plain("b c"), Plain("d")]);
        check("a,,b", false, &[Plain("a"), Plain(""), Plain("b")]);
        check("[a,b],c", false, &[Plain("[a"), Plain("b]"), Plain("c")]);
        check("[a,b] ,c", true, &[Nested("a,b"), Plain("c")]);
        check("[[a,b],[c]],x[1,2]", true, &[Nested("[a,b],[c]"), Plain("x[1,2]")]);
        check("[a][b]", true, &[Plain("[a][b]")]);
        check("[]", true, &[Nested("")]);
        check("a\u{a0},b", false, &[Plain("a\u{a0}"), Plain("b")]);
    }

    #[test]
    fn tm_11_what_is_no_list() {
        for (text, has_brackets, fault) in [
            ("a,", false, ValueErrorKind::TrailingComma),
            ("a, ", false, ValueErrorKind::TrailingComma),
            (",", false, ValueErrorKind::TrailingComma),
            ("[a,b", true, ValueErrorKind::Brackets),
            ("a]", true, ValueErrorKind::Brackets),
            ("a],[b", true, ValueErrorKind::Brackets),
        ] {
            assert_eq!(split(text, has_brackets), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn inner_lists_lose_their_spaces() {
        assert_eq!(without_spaces(" a b , [ c ,d ] "), "a b,[c,d]");
        assert_eq!(without_spaces(""), "");
    }
}
