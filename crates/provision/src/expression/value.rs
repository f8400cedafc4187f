//! Values, and how one kind becomes another.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::number;

/// What an expression is worth.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Unknown, missing or not a number.
    Null,
    /// True or false.
    Bool(bool),
    /// A number. Not-a-number is never one: see [`Value::number`].
    Number(f64),
    /// A text.
    Text(String),
}

impl Value {
    /// The number, or `Null` for what is not a number.
    pub fn number(number: f64) -> Self {
        // Nothing can tell -0 from 0, since a division by it is NULL.
        if number.is_nan() { Self::Null } else { Self::Number(number + 0.0) }
    }

    /// Whether a filter lets it through: it is neither `NULL` nor false, 0 or the empty text.
    pub fn is_true(&self) -> bool {
        self.truth() == Some(true)
    }

    /// Its truth in the logic of three values; `None` for `NULL`.
    ///
    /// A number is true unless it is 0, a text unless it is empty, as in JavaScript.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(*value),
            Self::Number(number) if number.is_nan() => None,
            Self::Number(number) => Some(*number != 0.0),
            Self::Text(text) => Some(!text.is_empty()),
        }
    }

    /// Its text, as JavaScript writes numbers and booleans; `None` for `NULL`.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Self::Number(number) if number.is_nan() => None,
            Self::Number(number) => Some(Cow::Owned(number::to_text(*number))),
            Self::Text(text) => Some(Cow::Borrowed(text)),
        }
    }

    /// What arithmetic takes it for; `None` for `NULL`.
    ///
    /// True is 1 and false 0; a text is the number that it begins with, or 0.
    pub fn to_number(&self) -> Option<f64> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Number(number) => Some(*number).filter(|number| !number.is_nan()),
            Self::Text(text) => Some(number::parse_prefix(text).unwrap_or(0.0)),
        }
    }

    /// Which of two is more; `None` when one is `NULL`.
    ///
    /// Booleans count as 1 and 0, any text is more than any number, and texts are compared by
    /// their UTF-16 units, as in JavaScript.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.truth().is_none() || other.truth().is_none() {
            return None;
        }
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => {
                Some(left.encode_utf16().cmp(right.encode_utf16()))
            }
            (Self::Text(_), _) => Some(Ordering::Greater),
            (_, Self::Text(_)) => Some(Ordering::Less),
            (left, right) => left.to_number()?.partial_cmp(&right.to_number()?),
        }
    }

    /// The value that a truth in the logic of three values is.
    pub(super) fn of_truth(truth: Option<bool>) -> Self {
        truth.map_or(Self::Null, Self::Bool)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_different_kinds_have_an_order() {
        let order = |left: Value, right: Value| left.compare(&right);
        assert_eq!(order("10".into(), 9.0.into()), Some(Ordering::Greater));
        assert_eq!(order(9.0.into(), "".into()), Some(Ordering::Less));
        assert_eq!(order(true.into(), 1.0.into()), Some(Ordering::Equal));
        assert_eq!(order(Value::Null, Value::Null), None);
        assert_eq!(order(Value::Number(f64::NAN), 1.0.into()), None);
        // U+1F600 begins with the unit D83D, which is less than FFFD.
        assert_eq!(order("\u{1f600}".into(), "\u{fffd}".into()), Some(Ordering::Less));
    }

    #[test]
    fn only_what_says_something_is_true() {
        let truths = [false.into(), 0.0.into(), "".into(), Value::Null, "0".into(), (-1.0).into()];
        let found: Vec<bool> = truths.iter().map(Value::is_true).collect();
        assert_eq!(found, [false, false, false, false, true, true]);
        assert_eq!(Value::number(f64::NAN), Value::Null);
    }
}
