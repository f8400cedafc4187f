//! Numbers of any size, and their ranges (`XML-07`).

use std::cmp::Ordering;
use std::fmt;

use super::{Item, ValueErrorKind};
use crate::syntax::Range;

/// A decimal number that is never rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'t> {
    /// Never for zero.
    is_negative: bool,
    /// Digits before the point, without zeros in front.
    whole: &'t str,
    /// Digits after the point, without zeros at the end.
    fraction: &'t str,
}

impl<'t> Number<'t> {
    pub(super) const ZERO: Number<'static> = Number { is_negative: false, whole: "", fraction: "" };

    /// Reads a `decimal`, and so an integer.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction)
        {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Self { is_negative: text.starts_with('-') && !is_zero, whole, fraction })
    }

    fn parse_bound(bound: Option<&'t str>) -> Option<Self> {
        bound.and_then(Self::parse)
    }

    fn magnitude(&self, other: &Number<'_>) -> Ordering {
        // Without the superfluous zeros, more digits are a larger number.
        let by_length = self.whole.len().cmp(&other.whole.len());
        by_length.then_with(|| self.whole.cmp(other.whole)).then(self.fraction.cmp(other.fraction))
    }

    fn compare(&self, other: &Number<'_>) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// How many times 10 to the power of minus `digits`; `None` when that is no integer or too
    /// large.
    fn scaled(&self, digits: usize) -> Option<i128> {
        let zeros = digits.checked_sub(self.fraction.len())?;
        // More than 39 digits do not fit, and need not be written down.
        let length = self.whole.len().checked_add(digits)?;
        if length > 39 {
            return None;
        }
        let sign = if self.is_negative { "-" } else { "" };
        let zeros = "0".repeat(zeros);
        format!("{sign}0{}{}{zeros}", self.whole, self.fraction).parse().ok()
    }

    /// Whether it is `start` plus a multiple of `step`.
    fn is_on(&self, start: &Number<'_>, step: &Number<'_>) -> bool {
        let digits = start.fraction.len().max(step.fraction.len());
        if self.fraction.len() > digits {
            return false;
        }
        let scaled = (self.scaled(digits), start.scaled(digits), step.scaled(digits));
        let (Some(value), Some(start), Some(step)) = scaled else {
            // Nobody counts that far in steps.
            return true;
        };
        let distance = value.checked_sub(start).and_then(|it| it.checked_rem(step));
        distance.is_none_or(|rest| rest == 0)
    }
}

/// The shortest spelling, which is the canonical one.
impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { self.whole };
        write!(f, "{sign}{whole}")?;
        if self.fraction.is_empty() { Ok(()) } else { write!(f, ".{}", self.fraction) }
    }
}

impl Item<'_> {
    pub(super) fn check_number(self, text: &str) -> Result<(), ValueErrorKind> {
        // The text is canonical, so that it can only be a number.
        let number = Number::parse(text).unwrap_or(Number::ZERO);
        self.check_instance_number(&number)?;
        let ranges = &self.syntax.ranges;
        let mut off_step = None;
        for range in ranges.iter().filter(|range| range.holds(&number)) {
            match range.start_and_step() {
                Some((start, step)) if !number.is_on(&start, &step) => {
                    off_step = Some(ValueErrorKind::Step {
                        step: step.to_string().into(),
                        start: start.to_string().into(),
                    });
                }
                _ => return Ok(()),
            }
        }
        match off_step {
            Some(fault) => Err(fault),
            None if ranges.is_empty() => Ok(()),
            None => Err(ValueErrorKind::OutOfRange { allowed: ranges.clone() }),
        }
    }

    /// The null value stands for no row (`XML-11`, `TM-09`).
    fn check_instance_number(self, number: &Number<'_>) -> Result<(), ValueErrorKind> {
        let null = super::null_value(self.syntax.value_type);
        let is_null = Number::parse(null).as_ref() == Some(number);
        let is_positive = number.compare(&Number::ZERO) == Ordering::Greater;
        if self.syntax.instance_ref.is_none() || is_null || is_positive {
            return Ok(());
        }
        Err(ValueErrorKind::Instance { null })
    }
}

impl Range {
    /// A bound that is no number is none.
    fn holds(&self, number: &Number<'_>) -> bool {
        let min = Number::parse_bound(self.min.as_deref());
        let max = Number::parse_bound(self.max.as_deref());
        min.is_none_or(|min| number.compare(&min).is_ge())
            && max.is_none_or(|max| number.compare(&max).is_le())
    }

    /// Where its steps begin and how far apart they are, if it has any.
    fn start_and_step(&self) -> Option<(Number<'_>, Number<'_>)> {
        let step = Number::parse_bound(self.step.as_deref())?;
        let start = Number::parse_bound(self.min.as_deref()).unwrap_or(Number::ZERO);
        (step.compare(&Number::ZERO) == Ordering::Greater).then_some((start, step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number<'_> {
        Number::parse(text).expect(text)
    }

    #[test]
    fn numbers_are_compared_exactly() {
        let ascending = [
            "-100000000000000000000000000000000000000000",
            "-10.5",
            "-10.49",
            "-9",
            "-0.0000000000000000000000000000000000000001",
            "0",
            "0.1",
            "0.11",
            "0.2",
            "2",
            "10",
            "10.000000000000000000000000000000000000001",
            "170141183460469231731687303715884105728",
        ];
        for (index, low) in ascending.iter().enumerate() {
            for (other, high) in ascending.iter().enumerate() {
                let expected = index.cmp(&other);
                assert_eq!(number(low).compare(&number(high)), expected, "{low} {high}");
            }
        }
        assert_eq!(number("+007.10"), number("7.1"));
        assert_eq!(number("-0.0"), number(".0"));
    }

    #[test]
    fn steps_are_exact() {
        let check = |value, start, step| number(value).is_on(&number(start), &number(step));
        assert!(check("-126500", "-127000", "500"));
        assert!(!check("-126499", "-127000", "500"));
        assert!(check("0.3", "0.1", "0.1"));
        assert!(!check("0.35", "0.1", "0.1"));
        assert!(check("1.5", "0", "0.25"));
        assert!(check("99999999999999999999999999999999999999", "-1", "1"));
        // Beyond 128 bits nothing is counted.
        assert!(check("1000000000000000000000000000000000000001", "0", "2"));
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", ".", "+", "-", "1e3", "--1", "1.2.3", "1,5", "١"] {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
    }
}
