//! Whether the facets of a device type are narrower than those of its model (`DT-02`).

use std::collections::BTreeSet;

use drover_cwmp::ValueType;

use crate::check::{Direction, check};
use crate::syntax::{Enumeration, List, Range, Size, Syntax};

/// Puts back what is wider than in the model, with a message for each kind of facet.
///
/// Whether one pattern is narrower than another cannot be decided, so that any is taken.
pub(super) fn restrict(syntax: &mut Syntax, model: &Syntax) -> Vec<String> {
    let mut messages = Vec::new();
    if !are_sizes_within(&syntax.sizes, &model.sizes) {
        syntax.sizes.clone_from(&model.sizes);
        messages.push("its size is wider than that of the model (DT-02)".to_owned());
    }
    if !are_ranges_within(&syntax.ranges, &model.ranges, model.value_type) {
        syntax.ranges.clone_from(&model.ranges);
        messages.push("its range is wider than that of the model (DT-02)".to_owned());
    }
    messages.extend(restrict_words(&mut syntax.enumerations, &model.enumerations));
    if let (Some(facet), Some(known)) = (&mut syntax.path_ref, &model.path_ref) {
        let is_known = |target| known.target_parents.contains(target);
        if !known.target_parents.is_empty() && !facet.target_parents.iter().all(is_known) {
            facet.target_parents.clone_from(&known.target_parents);
            messages.push("it refers to more than in the model (DT-02)".to_owned());
        }
    }
    if let (Some(list), Some(known)) = (&mut syntax.list, &model.list)
        && !is_list_within(list, known)
    {
        list.clone_from(known);
        messages.push("its list is longer or shorter than in the model (DT-02)".to_owned());
    }
    messages
}

fn are_sizes_within(sizes: &[Size], model: &[Size]) -> bool {
    let is_within = |size: &Size, outer: &Size| {
        let is_short = outer.max.is_none_or(|limit| size.max.is_some_and(|max| max <= limit));
        outer.min <= size.min && is_short
    };
    let has_outer = |size: &Size| model.iter().any(|outer| is_within(size, outer));
    model.is_empty() || sizes.iter().all(has_outer)
}

fn are_ranges_within(ranges: &[Range], model: &[Range], value_type: ValueType) -> bool {
    let is_within = |range: &Range, outer: &Range| {
        let outer = Range { step: None, ..outer.clone() };
        let outer = Syntax { value_type, ranges: vec![outer], ..Syntax::default() };
        let (lowest, highest) = limits(value_type);
        let is_in = |bound: Option<&str>| {
            bound.is_some_and(|bound| check(&outer, bound, Direction::Report).is_ok())
        };
        // Without limits, only a range that is as open is the outer one.
        let bound = |bound: &Option<Box<str>>, limit: Option<&'static str>| {
            bound.as_deref().map(str::to_owned).or_else(|| limit.map(str::to_owned))
        };
        let (min, max) = (bound(&range.min, lowest), bound(&range.max, highest));
        let outer = outer.ranges.first();
        let min_is_open = min.is_none() && outer.is_some_and(|outer| outer.min.is_none());
        let max_is_open = max.is_none() && outer.is_some_and(|outer| outer.max.is_none());
        (min_is_open || is_in(min.as_deref())) && (max_is_open || is_in(max.as_deref()))
    };
    let has_outer = |range: &Range| model.iter().any(|outer| is_within(range, outer));
    model.is_empty() || ranges.iter().all(has_outer)
}

/// The ends of what a type can hold.
fn limits(value_type: ValueType) -> (Option<&'static str>, Option<&'static str>) {
    match value_type {
        ValueType::Int => (Some("-2147483648"), Some("2147483647")),
        ValueType::UnsignedInt => (Some("0"), Some("4294967295")),
        ValueType::Long => (Some("-9223372036854775808"), Some("9223372036854775807")),
        ValueType::UnsignedLong => (Some("0"), Some("18446744073709551615")),
        _ => (None, None),
    }
}

/// The words that the device has, with what the model knows of them. A vendor may have words of its
/// own (`TM-20`).
fn restrict_words(words: &mut Vec<Enumeration>, model: &[Enumeration]) -> Vec<String> {
    if model.is_empty() {
        return Vec::new();
    }
    let mut messages = Vec::new();
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for word in words.drain(..) {
        if !seen.insert(word.value.clone()) {
            continue;
        }
        let Some(known) = model.iter().find(|known| known.value == word.value) else {
            if word.value.starts_with("X_") {
                kept.push(word);
            } else {
                messages.push(format!("the model has no value {:?} (DT-02)", word.value));
            }
            continue;
        };
        // What a device type leaves out is readWrite, which for many words nobody means.
        kept.push(Enumeration { read_only: word.read_only || known.read_only, ..known.clone() });
    }
    *words = kept;
    messages
}

fn is_list_within(list: &List, model: &List) -> bool {
    let is_short =
        model.items_max.is_none_or(|limit| list.items_max.is_some_and(|max| max <= limit));
    model.items_min <= list.items_min && is_short && are_sizes_within(&list.sizes, &model.sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Range {
        let (min, max) = text.split_once("..").unwrap();
        let bound = |text: &str| (!text.is_empty()).then(|| text.into());
        Range { min: bound(min), max: bound(max), ..Range::default() }
    }

    #[test]
    fn dt_02_ranges_within_ranges() {
        let cases = [
            ("1..5", &["0..10"][..], true),
            ("0..10", &["0..10"], true),
            ("0..11", &["0..10"], false),
            ("1..", &["0..10"], false),
            ("1..", &["0..4294967295"], true),
            ("1..", &["0.."], true),
            ("..", &["0.."], true),
            ("..5", &["1.."], false),
            ("5..15", &["0..10", "10..20"], false),
            ("12..15", &["0..10", "10..20"], true),
            ("1..5", &[], true),
        ];
        for (inner, outer, expected) in cases {
            let outer: Vec<Range> = outer.iter().map(|it| range(it)).collect();
            let inner = [range(inner)];
            let value_type = ValueType::UnsignedInt;
            assert_eq!(are_ranges_within(&inner, &outer, value_type), expected, "{inner:?}");
        }
        let decimal =
            |inner, outer| are_ranges_within(&[range(inner)], &[range(outer)], ValueType::Decimal);
        assert!(decimal("0.5..", "0..") && !decimal("0.5..", "0..9") && !decimal("..1", "0..1"));
    }

    #[test]
    fn dt_02_sizes_within_sizes() {
        let size = |min, max| Size { min, max };
        let cases = [
            (size(0, Some(8)), size(0, Some(16)), true),
            (size(0, Some(16)), size(0, Some(8)), false),
            (size(0, None), size(0, Some(8)), false),
            (size(4, None), size(0, None), true),
            (size(0, Some(8)), size(4, Some(8)), false),
        ];
        for (inner, outer, expected) in cases {
            assert_eq!(are_sizes_within(&[inner], &[outer]), expected, "{inner:?} {outer:?}");
        }
        assert!(are_sizes_within(&[size(0, None)], &[]));
    }
}
