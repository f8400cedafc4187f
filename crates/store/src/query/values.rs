//! Sets of values of one parameter, with which AND, OR and NOT can be calculated.

use std::cmp::Ordering;

use drover_provision::expression::{Comparison, Value};

/// A value that is not `NULL`, in the order that expressions and databases share: numbers, among
/// them booleans as 1 and 0, then texts by their bytes.
///
/// Expressions compare texts by UTF-16 units. The two orders differ only where a character beyond
/// U+FFFF meets one from U+E000 on; see [`Values::compared`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Point {
    Number(f64),
    Text(String),
}

impl Point {
    /// `None` for `NULL`.
    pub(super) fn new(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Text(text) => Some(Self::Text(text.clone())),
            other => other.to_number().map(Self::Number),
        }
    }

    /// What comes first of all texts.
    fn first_text() -> Self {
        Self::Text(String::new())
    }
}

impl Eq for Point {}

impl Ord for Point {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // Neither -0 nor what is not a number gets here.
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Point {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A place between values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    /// Before all values.
    Start,
    /// Just before a value, or just after it.
    At(Point, Side),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Before,
    After,
}

/// A set of values, of which `NULL` may be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Values {
    /// Whether `NULL` is in it.
    pub(super) null: bool,
    /// In their order, where the set of the other values begins, ends, begins again …
    cuts: Vec<Cut>,
}

/// What lies between two places; without an end, everything from the first on.
pub(super) type Range<'a> = (&'a Cut, Option<&'a Cut>);

impl Values {
    pub(super) const fn none() -> Self {
        Self { null: false, cuts: Vec::new() }
    }

    pub(super) const fn null() -> Self {
        Self { null: true, cuts: Vec::new() }
    }

    pub(super) fn all() -> Self {
        Self { null: true, cuts: vec![Cut::Start] }
    }

    pub(super) fn not_null() -> Self {
        Self { null: false, cuts: vec![Cut::Start] }
    }

    pub(super) fn texts() -> Self {
        Self::from(Cut::At(Point::first_text(), Side::Before))
    }

    pub(super) fn numbers() -> Self {
        let end = Cut::At(Point::first_text(), Side::Before);
        Self { null: false, cuts: vec![Cut::Start, end] }
    }

    pub(super) fn one(point: Point) -> Self {
        let cuts = vec![Cut::At(point.clone(), Side::Before), Cut::At(point, Side::After)];
        Self { null: false, cuts }
    }

    /// Those of the truth that is asked for: 0 and the empty text are false.
    pub(super) fn of_truth(truth: bool) -> Self {
        let zero = Self::one(Point::Number(0.0)).or(&Self::one(Point::first_text()));
        if truth { zero.not().and(&Self::not_null()) } else { zero }
    }

    /// The texts that begin with a prefix.
    pub(super) fn prefix(prefix: &str) -> Self {
        let begin = Cut::At(Point::Text(prefix.to_owned()), Side::Before);
        let mut cuts = vec![begin];
        cuts.extend(successor(prefix).map(|text| Cut::At(Point::Text(text), Side::Before)));
        Self { null: false, cuts }
    }

    /// The values of which it is true that they are less, equal and so on than a constant, and
    /// whether that is exact. If not, there are too many.
    pub(super) fn compared(operator: Comparison, constant: &Value) -> (Self, bool) {
        let Some(point) = Point::new(constant) else { return (Self::none(), true) };
        let equal = Self::one(point.clone());
        let less = Self { null: false, cuts: vec![Cut::Start, equal.cuts[0].clone()] };
        let more = Self::from(equal.cuts[1].clone());
        let set = match operator {
            Comparison::Equal => return (equal, true),
            Comparison::NotEqual => return (equal.not().and(&Self::not_null()), true),
            Comparison::Less => less,
            Comparison::LessOrEqual => less.or(&equal),
            Comparison::Greater => more,
            Comparison::GreaterOrEqual => more.or(&equal),
        };
        match point {
            Point::Text(text) if text.chars().any(|c| c >= '\u{E000}') => {
                (set.or(&Self::texts()), false)
            }
            _ => (set, true),
        }
    }

    fn from(cut: Cut) -> Self {
        Self { null: false, cuts: vec![cut] }
    }

    pub(super) fn is_none(&self) -> bool {
        !self.null && self.cuts.is_empty()
    }

    pub(super) fn is_all(&self) -> bool {
        self.null && self.cuts == [Cut::Start]
    }

    pub(super) fn contains(&self, value: &Value) -> bool {
        let Some(point) = Point::new(value) else { return self.null };
        let at = Cut::At(point, Side::Before);
        // A set that begins just before the value has it.
        let passed = self.cuts.partition_point(|cut| *cut <= at);
        passed % 2 == 1
    }

    pub(super) fn not(&self) -> Self {
        let cuts = match self.cuts.split_first() {
            Some((Cut::Start, rest)) => rest.to_vec(),
            _ => std::iter::once(&Cut::Start).chain(&self.cuts).cloned().collect(),
        };
        Self { null: !self.null, cuts }
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a && b)
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a || b)
    }

    fn combine(&self, other: &Self, is_in: impl Fn(bool, bool) -> bool) -> Self {
        let null = is_in(self.null, other.null);
        let (mut left, mut right) = (self.cuts.iter().peekable(), other.cuts.iter().peekable());
        let (mut in_left, mut in_right, mut inside) = (false, false, false);
        let mut cuts = Vec::new();
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => (*a).min(b),
                (Some(cut), None) | (None, Some(cut)) => cut,
                (None, None) => return Self { null, cuts },
            };
            in_left ^= left.next_if(|cut| *cut == next).is_some();
            in_right ^= right.next_if(|cut| *cut == next).is_some();
            if is_in(in_left, in_right) != inside {
                inside = !inside;
                cuts.push(next.clone());
            }
        }
    }

    /// The ranges of values that are not `NULL`, in their order.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<'_>> {
        self.cuts.chunks(2).filter_map(|pair| Some((pair.first()?, pair.get(1))))
    }

    /// The value, where a range is a single one.
    pub(super) fn point((begin, end): Range<'_>) -> Option<&Point> {
        match (begin, end?) {
            (Cut::At(first, Side::Before), Cut::At(last, Side::After)) if first == last => {
                Some(first)
            }
            _ => None,
        }
    }
}

/// The first text after all those with a prefix; `None` when they are the last of all.
fn successor(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // There are no characters from U+D800 to U+DFFF.
        let code = if last == '\u{D7FF}' { 0xE000 } else { u32::from(last) + 1 };
        if let Some(next) = char::from_u32(code) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let text =
            select(vec!["", "a", "ab", "b", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{1F600}"]);
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            select(vec![-1.5, 0.0, 1.0, 2.0, f64::INFINITY]).prop_map(Value::number),
            text.prop_map(Value::from),
        ]
    }

    fn values() -> impl Strategy<Value = Values> {
        let operator = select(vec![
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ]);
        let leaf = prop_oneof![
            4 => (operator, value()).prop_map(|(it, value)| Values::compared(it, &value).0),
            1 => Just(Values::null()),
            1 => any::<bool>().prop_map(Values::of_truth),
            1 => select(vec!["", "a", "\u{10FFFF}"]).prop_map(Values::prefix),
        ];
        leaf.prop_recursive(4, 16, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| a.and(&b)),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| a.or(&b)),
                inner.prop_map(|a| a.not()),
            ]
        })
    }

    proptest! {
        #[test]
        fn sets_are_calculated(a in values(), b in values(), value in value()) {
            let (in_a, in_b) = (a.contains(&value), b.contains(&value));
            prop_assert_eq!(a.and(&b).contains(&value), in_a && in_b);
            prop_assert_eq!(a.or(&b).contains(&value), in_a || in_b);
            prop_assert_eq!(a.not().contains(&value), !in_a);
            prop_assert!(a.and(&a.not()).is_none() && a.or(&a.not()).is_all());
            prop_assert!(a.cuts.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(a.not().not(), a);
        }

        #[test]
        fn a_comparison_is_exact_or_has_too_many(a in value(), b in value()) {
            let order = a.compare(&b);
            let check = |operator, is_true: bool| {
                let (set, is_exact) = Values::compared(operator, &b);
                let found = set.contains(&a);
                found == is_true || (!is_exact && found)
            };
            prop_assert!(check(Comparison::Equal, order.is_some_and(Ordering::is_eq)));
            prop_assert!(check(Comparison::NotEqual, order.is_some_and(Ordering::is_ne)));
            prop_assert!(check(Comparison::Less, order.is_some_and(Ordering::is_lt)));
            prop_assert!(check(Comparison::LessOrEqual, order.is_some_and(Ordering::is_le)));
            prop_assert!(check(Comparison::Greater, order.is_some_and(Ordering::is_gt)));
            prop_assert!(check(Comparison::GreaterOrEqual, order.is_some_and(Ordering::is_ge)));
        }

        #[test]
        fn truths_are_told(value in value()) {
            for truth in [false, true] {
                let expected = value.truth() == Some(truth);
                prop_assert_eq!(Values::of_truth(truth).contains(&value), expected);
            }
        }

        #[test]
        fn prefixes_are_ranges(
            prefix in "[a\u{D7FF}\u{10FFFF}]{0,3}",
            text in "[a-c\u{D7FF}-\u{E001}\u{10FFFF}]{0,4}",
        ) {
            let found = Values::prefix(&prefix).contains(&Value::from(text.as_str()));
            prop_assert_eq!(found, text.starts_with(&prefix));
        }
    }
}
