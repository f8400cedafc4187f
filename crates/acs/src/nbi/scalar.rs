//! The values that queries compare, with the order that clients know from MongoDB.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::Offset;
use serde_json::Value as Json;

/// One field of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    /// The document has no such field.
    Missing,
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// Milliseconds since 1970.
    Date(i64),
    List(Vec<Self>),
    /// A document within the document, of which only the presence matters.
    Object,
}

impl<'a> Scalar<'a> {
    pub(super) fn date(instant: Timestamp) -> Self {
        Self::Date(instant.as_millisecond())
    }

    /// A text that borrows.
    pub(super) const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A field of a JSON document. Dates are told by their form in fields that hold dates.
    pub(super) fn of_json(json: Option<&'a Json>, is_date: bool) -> Self {
        match json {
            None => Self::Missing,
            Some(Json::Null) => Self::Null,
            Some(Json::Bool(value)) => Self::Bool(*value),
            Some(Json::Number(value)) => value.as_f64().map_or(Self::Null, Self::Number),
            Some(Json::String(text)) if is_date => {
                parse_date(text).map_or_else(|| Self::text(text), Self::date)
            }
            Some(Json::String(text)) => Self::text(text),
            Some(Json::Array(items)) => {
                Self::List(items.iter().map(|item| Self::of_json(Some(item), is_date)).collect())
            }
            Some(Json::Object(_)) => Self::Object,
        }
    }

    /// The value without what it borrows.
    pub(super) fn into_owned(self) -> Scalar<'static> {
        match self {
            Self::Missing => Scalar::Missing,
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(value),
            Self::Number(value) => Scalar::Number(value),
            Self::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
            Self::Date(value) => Scalar::Date(value),
            Self::List(items) => Scalar::List(items.into_iter().map(Scalar::into_owned).collect()),
            Self::Object => Scalar::Object,
        }
    }

    /// The order of two values of one type; `None` for values of different types, which a
    /// comparison never matches.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Missing | Self::Null, Self::Missing | Self::Null) => Some(Ordering::Equal),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The order for sorting: by type first.
    pub(super) fn sort(&self, other: &Self) -> Ordering {
        let by_type = self.rank().cmp(&other.rank());
        by_type.then_with(|| match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::List(a), Self::List(b)) => sort_lists(a, b),
            _ => self.compare(other).unwrap_or(Ordering::Equal),
        })
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Missing | Self::Null => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::Object => 3,
            Self::List(_) => 4,
            Self::Bool(_) => 5,
            Self::Date(_) => 6,
        }
    }
}

fn sort_lists(left: &[Scalar<'_>], right: &[Scalar<'_>]) -> Ordering {
    let pairs = left.iter().zip(right);
    let different = pairs.map(|(a, b)| a.sort(b)).find(|order| order.is_ne());
    different.unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Reads a date as clients write it: RFC 3339, a date alone, a time without zone (taken as UTC), or
/// `2026-11-22 13:16:23 +0000`.
pub(super) fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let (civil, offset) = split_zone(text)?;
    let civil = civil.parse::<civil::DateTime>();
    let civil = civil.or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from)).ok()?;
    offset.to_timestamp(civil).ok()
}

/// Splits ` +0100` off; what has no zone is UTC.
fn split_zone(text: &str) -> Option<(&str, Offset)> {
    let Some((civil, zone)) = text.rsplit_once(' ') else { return Some((text, Offset::UTC)) };
    let (sign, digits) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return Some((text, Offset::UTC)),
    };
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let seconds = sign * (number / 100 * 3600 + number % 100 * 60);
    Some((civil, Offset::from_seconds(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_all_forms() {
        let expected: Timestamp = "2026-11-22T13:16:23Z".parse().expect("RFC 3339");
        for text in [
            "2026-11-22T13:16:23Z",
            "2026-11-22T14:16:23+01:00",
            "2026-11-22 13:16:23 +0000",
            "2026-11-22 11:46:23 -0130",
            "2026-11-22T13:16:23",
            "2026-11-22T13:16:23.000",
        ] {
            assert_eq!(parse_date(text), Some(expected), "{text}");
        }
        assert_eq!(parse_date("2026-11-22"), "2026-11-22T00:00:00Z".parse().ok());
        for text in ["", "yesterday", "2026-13-01", "12345678", "a +0000", "2026-11-22 +9"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn values_sort_by_type_first() {
        let mut values = vec![
            Scalar::Date(0),
            Scalar::Bool(false),
            Scalar::List(vec![Scalar::Number(2.0)]),
            Scalar::List(vec![Scalar::Number(1.0), Scalar::Null]),
            Scalar::Object,
            Scalar::text("a"),
            Scalar::text("10"),
            Scalar::Number(9.0),
            Scalar::Number(-1.0),
            Scalar::Missing,
        ];
        let mut expected = values.clone();
        expected.reverse();
        values.sort_by(Scalar::sort);
        assert_eq!(values, expected);
    }

    #[test]
    fn only_values_of_one_type_compare() {
        assert_eq!(Scalar::Number(1.0).compare(&Scalar::text("1")), None);
        assert_eq!(Scalar::Missing.compare(&Scalar::Null), Some(Ordering::Equal));
        assert_eq!(Scalar::Number(f64::NAN).compare(&Scalar::Number(1.0)), None);
        assert_eq!(Scalar::text("a").compare(&Scalar::text("b")), Some(Ordering::Less));
    }
}
