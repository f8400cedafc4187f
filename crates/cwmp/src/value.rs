//! Parameter values and their wire types (TR-069a6 §A.2.1, `TYPE-01` to `TYPE-09`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::datetime::DateTime;
use crate::xml::local_part;

/// The type of a value, as `xsi:type` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ValueType {
    /// `xsd:string`
    #[default]
    String,
    /// `xsd:int`, 32 bit
    Int,
    /// `xsd:unsignedInt`, 32 bit
    UnsignedInt,
    /// `xsd:long`, 64 bit
    Long,
    /// `xsd:unsignedLong`, 64 bit
    UnsignedLong,
    /// `xsd:boolean`
    Boolean,
    /// `xsd:dateTime`
    DateTime,
    /// `SOAP-ENC:base64`
    Base64,
    /// `xsd:hexBinary`
    HexBinary,
    /// `xsd:decimal`
    Decimal,
}

impl ValueType {
    /// All types.
    pub const ALL: [Self; 10] = [
        Self::String,
        Self::Int,
        Self::UnsignedInt,
        Self::Long,
        Self::UnsignedLong,
        Self::Boolean,
        Self::DateTime,
        Self::Base64,
        Self::HexBinary,
        Self::Decimal,
    ];

    /// The name without prefix, such as `unsignedInt`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::UnsignedInt => "unsignedInt",
            Self::Long => "long",
            Self::UnsignedLong => "unsignedLong",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Base64 => "base64",
            Self::HexBinary => "hexBinary",
            Self::Decimal => "decimal",
        }
    }

    /// The name with the prefix our envelopes declare, such as `xsd:unsignedInt`.
    pub const fn xsi_type(self) -> &'static str {
        match self {
            Self::String => "xsd:string",
            Self::Int => "xsd:int",
            Self::UnsignedInt => "xsd:unsignedInt",
            Self::Long => "xsd:long",
            Self::UnsignedLong => "xsd:unsignedLong",
            Self::Boolean => "xsd:boolean",
            Self::DateTime => "xsd:dateTime",
            // XML Schema has no `base64`; SOAP encoding has.
            Self::Base64 => "SOAP-ENC:base64",
            Self::HexBinary => "xsd:hexBinary",
            Self::Decimal => "xsd:decimal",
        }
    }

    /// The type of a name with or without prefix, in any case (`LEN-07`). `None` when unknown.
    pub fn recognise(name: &str) -> Option<Self> {
        let local = local_part(name).trim();
        let exact = Self::ALL.into_iter().find(|ty| ty.name() == local);
        exact.or_else(|| {
            if local.eq_ignore_ascii_case("base64Binary") {
                return Some(Self::Base64);
            }
            Self::ALL.into_iter().find(|ty| ty.name().eq_ignore_ascii_case(local))
        })
    }

    /// Whether `text` is in the lexical space of this type (`TYPE-02` to `TYPE-08`).
    pub fn accepts(self, text: &str) -> bool {
        let trimmed = text.trim();
        match self {
            Self::String => true,
            Self::Int => parse_integer::<i32>(trimmed).is_some(),
            Self::UnsignedInt => parse_integer::<u32>(trimmed).is_some(),
            Self::Long => parse_integer::<i64>(trimmed).is_some(),
            Self::UnsignedLong => parse_integer::<u64>(trimmed).is_some(),
            Self::Boolean => parse_boolean(trimmed).is_some(),
            Self::DateTime => trimmed.parse::<DateTime>().is_ok(),
            Self::Base64 => decode_base64(text).is_some(),
            Self::HexBinary => {
                trimmed.len().is_multiple_of(2) && trimmed.bytes().all(|b| b.is_ascii_hexdigit())
            }
            Self::Decimal => is_decimal(trimmed),
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.xsi_type())
    }
}

/// Reads `0`, `1`, `false` or `true` (`TYPE-02`).
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// Reads an integer with optional sign and leading zeros (`TYPE-07`).
pub fn parse_integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    // `-0` is a legal unsigned zero in XML Schema but not in Rust.
    if let Some(zeros) = text.strip_prefix('-')
        && !zeros.is_empty()
        && zeros.bytes().all(|b| b == b'0')
    {
        return "0".parse().ok();
    }
    text.parse().ok()
}

/// Decodes base64 with any white space (`TYPE-08`).
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let dense: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(dense).ok()
}

/// Encodes bytes as base64 without line breaks.
pub fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction)
}

/// A value in its lexical form, with its type.
///
/// The text is kept as it came (`SOAP-18`): white space in strings is significant, and a device's
/// own spelling of a number is not ours to change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Value {
    /// The text between the tags, unescaped.
    pub text: String,
    /// The type.
    pub value_type: ValueType,
}

impl Value {
    /// A value of the given type with the given lexical form, which is not checked.
    pub fn new(value_type: ValueType, text: impl Into<String>) -> Self {
        Self { text: text.into(), value_type }
    }

    /// A string.
    pub fn string(text: impl Into<String>) -> Self {
        Self::new(ValueType::String, text)
    }

    /// A boolean, written `true` or `false`.
    pub fn boolean(value: bool) -> Self {
        Self::new(ValueType::Boolean, if value { "true" } else { "false" })
    }

    /// A 32-bit integer.
    pub fn int(value: i32) -> Self {
        Self::new(ValueType::Int, value.to_string())
    }

    /// An unsigned 32-bit integer.
    pub fn unsigned_int(value: u32) -> Self {
        Self::new(ValueType::UnsignedInt, value.to_string())
    }

    /// An unsigned 64-bit integer.
    pub fn unsigned_long(value: u64) -> Self {
        Self::new(ValueType::UnsignedLong, value.to_string())
    }

    /// A date and time.
    pub fn date_time(value: DateTime) -> Self {
        Self::new(ValueType::DateTime, value.to_string())
    }

    /// The boolean, when the text is one.
    pub fn as_boolean(&self) -> Option<bool> {
        parse_boolean(&self.text)
    }

    /// The unsigned integer, when the text is one.
    pub fn as_unsigned(&self) -> Option<u64> {
        parse_integer(&self.text)
    }

    /// The integer, when the text is one.
    pub fn as_integer(&self) -> Option<i64> {
        parse_integer(&self.text)
    }

    /// Whether both mean the same value of the same type, whatever their lexical form.
    pub fn means_the_same(&self, other: &Self) -> bool {
        if self.value_type != other.value_type {
            return false;
        }
        self.text == other.text
            || match self.value_type {
                ValueType::Boolean => {
                    self.as_boolean().is_some() && self.as_boolean() == other.as_boolean()
                }
                ValueType::Int | ValueType::Long => {
                    self.as_integer().is_some() && self.as_integer() == other.as_integer()
                }
                ValueType::UnsignedInt | ValueType::UnsignedLong => {
                    self.as_unsigned().is_some() && self.as_unsigned() == other.as_unsigned()
                }
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_recognised_in_any_spelling() {
        for ty in ValueType::ALL {
            assert_eq!(ValueType::recognise(ty.xsi_type()), Some(ty));
        }
        assert_eq!(ValueType::recognise("xsd:unsignedint"), Some(ValueType::UnsignedInt));
        assert_eq!(ValueType::recognise("xsd:Int"), Some(ValueType::Int));
        assert_eq!(ValueType::recognise("soapenc:string"), Some(ValueType::String));
        assert_eq!(ValueType::recognise("xsd:base64Binary"), Some(ValueType::Base64));
        assert_eq!(ValueType::recognise("xsd:float"), None);
    }

    #[test]
    fn type_02_to_08_lexical_spaces() {
        let yes = [
            (ValueType::Boolean, "1"),
            (ValueType::Boolean, "false"),
            (ValueType::Int, "-2147483648"),
            (ValueType::Int, "+007"),
            (ValueType::UnsignedInt, "4294967295"),
            (ValueType::UnsignedInt, "-0"),
            (ValueType::UnsignedLong, "18446744073709551615"),
            (ValueType::DateTime, "0001-01-01T00:00:00Z"),
            (ValueType::Base64, "aGV s\nbG8="),
            (ValueType::HexBinary, "0aFF"),
            (ValueType::Decimal, "-1.50"),
            (ValueType::String, "\u{1F4E1} anything "),
        ];
        for (ty, text) in yes {
            assert!(ty.accepts(text), "{ty} {text:?}");
        }
        let no = [
            (ValueType::Boolean, "TRUE"),
            (ValueType::Boolean, ""),
            (ValueType::Int, "2147483648"),
            (ValueType::UnsignedInt, "-1"),
            (ValueType::UnsignedInt, "1,000"),
            (ValueType::DateTime, "yesterday"),
            (ValueType::Base64, "!"),
            (ValueType::HexBinary, "abc"),
            (ValueType::Decimal, "."),
        ];
        for (ty, text) in no {
            assert!(!ty.accepts(text), "{ty} {text:?}");
        }
    }

    #[test]
    fn meaning_ignores_the_lexical_form() {
        assert!(Value::boolean(true).means_the_same(&Value::new(ValueType::Boolean, "1")));
        assert!(Value::int(7).means_the_same(&Value::new(ValueType::Int, "+007")));
        assert!(!Value::int(7).means_the_same(&Value::unsigned_int(7)));
        assert!(!Value::string("7").means_the_same(&Value::string("07")));
    }
}
