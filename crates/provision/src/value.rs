//! Values as clients of the server write them, and what travels to a device.

use drover_cwmp::{DateTime, Value, ValueType, parse_integer};
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::task::NewValue;

impl NewValue {
    /// The value in the given type; without a type, in the type that its kind suggests.
    ///
    /// # Errors
    /// A text that says which values the type has; it does not repeat the value, which may be a
    /// secret.
    pub(crate) fn to_value(&self, value_type: Option<ValueType>) -> Result<Value, String> {
        let value_type = value_type.unwrap_or_else(|| self.natural_type());
        let text = match self {
            Self::Text(text) => Some(text.clone()),
            Self::Boolean(value) => boolean_as(*value, value_type),
            Self::Number(text) => number_as(text, value_type),
        };
        text.filter(|text| value_type.accepts(text))
            .map(|text| Value::new(value_type, text))
            .ok_or_else(|| format!("the value does not fit its type {}", describe(value_type)))
    }

    /// The type that a value has when nobody tells another: the smallest that holds it.
    fn natural_type(&self) -> ValueType {
        let Self::Number(text) = self else {
            return match self {
                Self::Boolean(_) => ValueType::Boolean,
                _ => ValueType::String,
            };
        };
        let text = whole(text).unwrap_or_else(|| text.clone());
        let integers =
            [ValueType::Int, ValueType::UnsignedInt, ValueType::Long, ValueType::UnsignedLong];
        integers.into_iter().find(|ty| ty.accepts(&text)).unwrap_or(ValueType::Decimal)
    }
}

fn boolean_as(value: bool, value_type: ValueType) -> Option<String> {
    match value_type {
        ValueType::String | ValueType::Boolean => Some(value.to_string()),
        ValueType::Int | ValueType::UnsignedInt | ValueType::Long | ValueType::UnsignedLong => {
            Some(u8::from(value).to_string())
        }
        _ => None,
    }
}

fn number_as(text: &str, value_type: ValueType) -> Option<String> {
    match value_type {
        ValueType::String | ValueType::Decimal => Some(text.to_owned()),
        ValueType::Boolean => match whole(text)?.as_str() {
            "0" => Some("false".to_owned()),
            "1" => Some("true".to_owned()),
            _ => None,
        },
        ValueType::DateTime => {
            let instant = Timestamp::from_millisecond(parse_integer(&whole(text)?)?).ok()?;
            Some(DateTime::from_timestamp(instant, Offset::UTC).to_string())
        }
        _ => whole(text),
    }
}

/// The integer that a JSON number means, such as 3 for `3.0`.
fn whole(text: &str) -> Option<String> {
    if let Some(integer) = parse_integer::<i128>(text) {
        return Some(integer.to_string());
    }
    let number: f64 = text.parse().ok()?;
    // Beyond 2^53 a fraction of a JSON number no longer tells an integer exactly.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0)
        .then(|| format!("{number:.0}"))
}

fn describe(value_type: ValueType) -> String {
    let form = match value_type {
        ValueType::String => "any text",
        ValueType::Int => "an integer of 32 bits",
        ValueType::UnsignedInt => "an integer from 0 to 4294967295",
        ValueType::Long => "an integer of 64 bits",
        ValueType::UnsignedLong => "an integer from 0 to 18446744073709551615",
        ValueType::Boolean => "true, false, 1 or 0",
        ValueType::DateTime => "such as 2026-11-22T13:19:28Z, or milliseconds since 1970",
        ValueType::Base64 => "base64",
        ValueType::HexBinary => "an even number of hexadecimal digits",
        ValueType::Decimal => "a decimal number",
    };
    format!("{value_type}: {form}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: NewValue, ty: ValueType) -> Option<String> {
        value.to_value(Some(ty)).ok().map(|value| value.text)
    }

    fn number(text: &str) -> NewValue {
        NewValue::Number(text.to_owned())
    }

    #[test]
    fn values_take_the_form_of_the_type() {
        let yes = NewValue::Boolean(true);
        assert_eq!(text(yes.clone(), ValueType::Boolean).as_deref(), Some("true"));
        assert_eq!(text(yes.clone(), ValueType::UnsignedInt).as_deref(), Some("1"));
        assert_eq!(text(yes.clone(), ValueType::String).as_deref(), Some("true"));
        assert_eq!(text(yes, ValueType::DateTime), None);
        assert_eq!(text(number("1"), ValueType::Boolean).as_deref(), Some("true"));
        assert_eq!(text(number("2"), ValueType::Boolean), None);
        assert_eq!(text(number("300.0"), ValueType::UnsignedInt).as_deref(), Some("300"));
        assert_eq!(text(number("-1"), ValueType::UnsignedInt), None);
        assert_eq!(text(number("1.5"), ValueType::Int), None);
        assert_eq!(
            text(number("1000"), ValueType::DateTime).as_deref(),
            Some("1970-01-01T00:00:01Z")
        );
        assert_eq!(text(NewValue::Text("banana".into()), ValueType::Boolean), None);
        assert_eq!(text(NewValue::Text("0".into()), ValueType::Boolean).as_deref(), Some("0"));
    }

    #[test]
    fn without_a_type_the_kind_decides() {
        let ty = |value: NewValue| value.to_value(None).unwrap().value_type;
        assert_eq!(ty(NewValue::Boolean(false)), ValueType::Boolean);
        assert_eq!(ty(NewValue::Text("1".into())), ValueType::String);
        assert_eq!(ty(number("-5")), ValueType::Int);
        assert_eq!(ty(number("4294967295")), ValueType::UnsignedInt);
        assert_eq!(ty(number("4294967296")), ValueType::Long);
        assert_eq!(ty(number("18446744073709551615")), ValueType::UnsignedLong);
        assert_eq!(ty(number("1.5")), ValueType::Decimal);
    }

    #[test]
    fn an_error_names_the_type_and_not_the_value() {
        let error = NewValue::Text("hunter2".into()).to_value(Some(ValueType::Int)).unwrap_err();
        assert_eq!(error, "the value does not fit its type xsd:int: an integer of 32 bits");
    }
}
