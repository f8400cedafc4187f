//! One spelling for each value.

use std::borrow::Cow;

use drover_cwmp::{ValueType, parse_boolean};

use super::number::Number;

/// What a parameter reads as that is hidden, and what it holds when nobody says otherwise
/// (`TM-09`, `RT-02`, `RT-03`).
pub const fn null_value(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::String | ValueType::Base64 | ValueType::HexBinary => "",
        ValueType::UnsignedInt | ValueType::UnsignedLong | ValueType::Decimal => "0",
        ValueType::Int | ValueType::Long => "-1",
        ValueType::Boolean => "false",
        ValueType::DateTime => "0001-01-01T00:00:00Z",
    }
}

/// The one spelling of a value that is kept and compared; `None` when `text` is not of the type
/// (`TYPE-02` to `TYPE-08`).
///
/// A `dateTime` only loses the white space around it: its offset and its fraction are information.
pub fn canonical(value_type: ValueType, text: &str) -> Option<Cow<'_, str>> {
    if !value_type.accepts(text) {
        return None;
    }
    Some(match value_type {
        ValueType::String => Cow::Borrowed(text),
        ValueType::Boolean => Cow::Borrowed(if parse_boolean(text)? { "true" } else { "false" }),
        ValueType::DateTime => Cow::Borrowed(text.trim()),
        ValueType::Base64 => without_white_space(text),
        ValueType::HexBinary => upper_case(text.trim()),
        ValueType::Int
        | ValueType::UnsignedInt
        | ValueType::Long
        | ValueType::UnsignedLong
        | ValueType::Decimal => plain_number(text.trim())?,
    })
}

fn without_white_space(text: &str) -> Cow<'_, str> {
    if text.contains(|c: char| c.is_ascii_whitespace()) {
        Cow::Owned(text.chars().filter(|c| !c.is_ascii_whitespace()).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn upper_case(text: &str) -> Cow<'_, str> {
    if text.contains(|c: char| c.is_ascii_lowercase()) {
        Cow::Owned(text.to_ascii_uppercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn plain_number(text: &str) -> Option<Cow<'_, str>> {
    let plain = Number::parse(text)?.to_string();
    Some(if plain == text { Cow::Borrowed(text) } else { Cow::Owned(plain) })
}
