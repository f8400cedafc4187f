//! A device as the expression language sees it, and its values as scripts see them.

use drover_cwmp::{DateTime, Value, ValueType};
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::compat::{decode_tag, encode_tag};
use crate::engine::{Scalar, TypedValue, coerce};
use crate::expression::{self, Context, number};
use crate::record::DeviceRecord;

/// What filters and preconditions can ask of a device (compat 2.6, 2.12).
///
/// It knows every parameter: what the device does not have, and every object, is `NULL`. Values
/// are those of [`scalar`].
///
/// - `DeviceID.ID`, `.Manufacturer`, `.OUI`, `.ProductClass`, `.SerialNumber`: texts.
/// - `Tags.` and an encoded tag: true for those that the device has.
/// - `Events.Inform`, `.1_BOOT`, `.0_BOOTSTRAP`, `.Registered`: milliseconds since 1970.
///
/// A parameter that a device itself calls so is not seen.
#[derive(Debug, Clone, Copy)]
pub struct DeviceView<'a> {
    /// The device.
    pub record: &'a DeviceRecord,
    /// What `NOW()` is.
    pub now: Timestamp,
}

impl<'a> DeviceView<'a> {
    /// A device at a time.
    pub const fn new(record: &'a DeviceRecord, now: Timestamp) -> Self {
        Self { record, now }
    }

    fn identity(&self, name: &str) -> Option<&str> {
        let identity = &self.record.fields.identity;
        Some(match name {
            "ID" => self.record.key.as_str(),
            "Manufacturer" => &identity.manufacturer,
            "OUI" => &identity.oui,
            "ProductClass" => &identity.product_class,
            "SerialNumber" => &identity.serial_number,
            _ => return None,
        })
    }

    fn event(&self, name: &str) -> Option<Timestamp> {
        let fields = &self.record.fields;
        match name {
            "Inform" => Some(fields.last_inform),
            "1_BOOT" => fields.last_boot,
            "0_BOOTSTRAP" => fields.last_bootstrap,
            "Registered" => Some(fields.registered),
            _ => None,
        }
    }

    fn has_tag(&self, segment: &str) -> bool {
        // Of the segments that mean a tag, only one is its path.
        decode_tag(segment)
            .is_some_and(|tag| self.record.tags.contains(&tag) && encode_tag(&tag) == segment)
    }
}

impl Context for DeviceView<'_> {
    fn parameter(&self, path: &str) -> Option<expression::Value> {
        let value = match path.split_once('.') {
            Some(("DeviceID", name)) => self.identity(name).into(),
            Some(("Events", name)) => self.event(name).map(milliseconds).into(),
            Some(("Tags", segment)) => self.has_tag(segment).then_some(true).into(),
            _ => self.record.value(path).map(|value| expression::Value::from(scalar(value))).into(),
        };
        Some(value)
    }

    fn now(&self) -> Option<i64> {
        Some(self.now.as_millisecond())
    }
}

/// A time as expressions and scripts have it: milliseconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "a timestamp's milliseconds are below 2^53")]
fn milliseconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64
}

/// The value that scripts and expressions see: of `xsd:boolean` a boolean, of `xsd:int` and
/// `xsd:unsignedInt` a number, of `xsd:dateTime` milliseconds since 1970, and of everything else,
/// and where the text has no such form, the text (compat 2.2).
pub fn scalar(value: &Value) -> Scalar {
    coerce(&Scalar::Text(value.text.as_str().into()), value.value_type.xsi_type())
}

/// The value that a device is sent: the reverse of [`scalar`]. `None` for a type that CWMP does
/// not have.
///
/// What does not fit its type is left as it is, for the device to refuse: 5.7 as `xsd:int` is
/// `5.7`.
pub fn value_of(typed: &TypedValue) -> Option<Value> {
    let value_type = ValueType::recognise(&typed.value_type)?;
    let text = match &typed.scalar {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Text(text) => text.to_string(),
        Scalar::Number(number) => number_text(*number, value_type),
    };
    Some(Value::new(value_type, text))
}

fn number_text(number: f64, value_type: ValueType) -> String {
    let text = match value_type {
        ValueType::DateTime => date_time(number),
        ValueType::Int | ValueType::UnsignedInt | ValueType::Long | ValueType::UnsignedLong => {
            // All its digits, and no sign of a zero.
            (number.fract() == 0.0).then(|| format!("{:.0}", number + 0.0))
        }
        _ => None,
    };
    text.unwrap_or_else(|| number::to_text(number))
}

/// The time that is so many milliseconds after 1970, in UTC.
fn date_time(milliseconds: f64) -> Option<String> {
    if !milliseconds.is_finite() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit is no timestamp")]
    let time = Timestamp::from_millisecond(milliseconds.trunc() as i64).ok()?;
    Some(DateTime::from_timestamp(time, Offset::UTC).to_string())
}

impl From<Scalar> for expression::Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Number(number) => Self::number(number),
            Scalar::Text(text) => Self::Text(text.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use drover_cwmp::CwmpVersion;
    use drover_cwmp::auth::{Credentials, Secret};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::expression::Expression;
    use crate::record::{DeviceFields, Identity, Parameter};

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn record() -> DeviceRecord {
        let identity = Identity {
            manufacturer: "Acme".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: String::new(),
            serial_number: "1".to_owned(),
        };
        let known = |value_type, text| Parameter::with_value(Value::new(value_type, text), at(1));
        let parameters = BTreeMap::from([
            ("Device.Enable".to_owned(), known(ValueType::Boolean, "1")),
            ("Device.Count".to_owned(), known(ValueType::UnsignedInt, "007")),
            ("Device.Bytes".to_owned(), known(ValueType::UnsignedLong, "8")),
            ("Device.Time".to_owned(), known(ValueType::DateTime, "1970-01-01T00:00:01Z")),
            ("Device.Relative".to_owned(), known(ValueType::DateTime, "0001-01-01T00:00:01")),
            ("Device.".to_owned(), Parameter::found(at(1))),
            ("Device.Unread".to_owned(), Parameter::found(at(1))),
            ("DeviceID.ID".to_owned(), known(ValueType::String, "forged")),
            ("Events.Party".to_owned(), known(ValueType::String, "forged")),
            ("Tags.forged".to_owned(), known(ValueType::Boolean, "true")),
            ("VirtualParameters.Mac".to_owned(), known(ValueType::String, "aa")),
        ]);
        DeviceRecord {
            key: identity.key(),
            fields: DeviceFields {
                identity,
                registered: at(1_000),
                last_inform: at(2_500),
                last_boot: Some(at(2_000)),
                last_bootstrap: None,
                sessions: 1,
                last_events: Vec::new(),
                root: Some("Device.".to_owned()),
                cwmp_version: CwmpVersion::V1_4,
                peculiarities: BTreeSet::new(),
                connection_request: Credentials::new("", Secret::new("")),
            },
            tags: BTreeSet::from(["lab 1".to_owned(), "new".to_owned()]),
            parameters,
        }
    }

    #[test]
    fn an_expression_sees_the_device() {
        let record = record();
        let view = DeviceView::new(&record, at(9_000));
        let check = |text: &str, expected: expression::Value| {
            let value = Expression::parse(text).unwrap().evaluate(&view);
            assert_eq!(value, expected, "{text}");
        };
        let null = || expression::Value::Null;
        check("DeviceID.ID", record.key.as_str().into());
        check("DeviceID.Manufacturer", "Acme".into());
        check("DeviceID.OUI", "00D09E".into());
        check("DeviceID.ProductClass", "".into());
        check("DeviceID.SerialNumber", "1".into());
        check("DeviceID.Colour", null());
        check("DeviceID", null());
        check("Events.Inform", 2500.0.into());
        check("Events.1_BOOT", 2000.0.into());
        check("Events.0_BOOTSTRAP", null());
        check("Events.Registered", 1000.0.into());
        check("Events.Party", null());
        check("Tags.new", true.into());
        check("Tags.lab0x201", true.into());
        check("Tags.lab0x2031", null());
        check("Tags.0x6eew", null());
        check("Tags.forged", null());
        check("Device.Enable", true.into());
        check("Device.Count", 7.0.into());
        check("Device.Bytes", "8".into());
        check("Device.Time", 1000.0.into());
        check("Device.Relative", "0001-01-01T00:00:01".into());
        check("Device", null());
        check("Device.Unread", null());
        check("Device.Missing", null());
        check("VirtualParameters.Mac", "aa".into());
        check("NOW() - Events.Inform", 6500.0.into());
        check("Device.{Device.Missing}.X IS NULL", true.into());
    }

    #[test]
    fn what_a_script_sets_takes_the_form_of_its_type() {
        let check = |scalar: Scalar, value_type: &str, text: Option<&str>| {
            let typed = TypedValue { scalar, value_type: value_type.into() };
            assert_eq!(value_of(&typed).map(|value| value.text).as_deref(), text, "{typed:?}");
        };
        check(Scalar::Bool(false), "xsd:boolean", Some("false"));
        check(Scalar::Number(5.0), "xsd:int", Some("5"));
        check(Scalar::Number(-0.0), "xsd:int", Some("0"));
        check(Scalar::Number(1e21), "xsd:unsignedLong", Some("1000000000000000000000"));
        check(Scalar::Number(5.7), "xsd:int", Some("5.7"));
        check(Scalar::Number(1e21), "xsd:string", Some("1e+21"));
        check(Scalar::Number(1500.0), "xsd:dateTime", Some("1970-01-01T00:00:01.5Z"));
        check(Scalar::Number(1000.9), "xsd:dateTime", Some("1970-01-01T00:00:01Z"));
        check(Scalar::Number(1e300), "xsd:dateTime", Some("1e+300"));
        check(Scalar::Number(f64::NAN), "xsd:dateTime", Some("NaN"));
        check(Scalar::Text(" x".into()), "xsd:unsignedint", Some(" x"));
        check(Scalar::Text("AA==".into()), "SOAP-ENC:base64", Some("AA=="));
        check(Scalar::Text("1".into()), "xsd:float", None);
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i32>().prop_map(|number| number.to_string()),
            any::<u64>().prop_map(|number| format!("+0{number}")),
            select(vec!["true", "0", "FALSE", "-0", "", " 7 ", "1970-01-01T00:00:01.25+01:00"])
                .prop_map(str::to_owned),
            (-60_000_000_000_000_i64..200_000_000_000_000).prop_map(|time| at(time).to_string()),
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn compat_2_2_what_a_script_sees_is_written_and_read_again(
            text in texts(), value_type in select(ValueType::ALL.to_vec()),
        ) {
            let seen = scalar(&Value::new(value_type, text));
            let finite = !matches!(seen, Scalar::Number(number) if number.is_infinite());
            prop_assume!(finite);
            let typed = TypedValue {
                scalar: seen.clone(),
                value_type: value_type.xsi_type().into(),
            };
            prop_assert_eq!(value_of(&typed).as_ref().map(scalar), Some(seen));
        }

        #[test]
        fn a_value_that_is_written_again_means_the_same(
            text in texts(), value_type in select(ValueType::ALL.to_vec()),
        ) {
            let value = Value::new(value_type, text);
            prop_assume!(value_type.accepts(&value.text) && value_type != ValueType::DateTime);
            let typed = TypedValue {
                scalar: scalar(&value),
                value_type: value_type.xsi_type().into(),
            };
            let written = value_of(&typed).unwrap();
            prop_assert!(written.means_the_same(&value), "{:?} {:?}", written, value);
        }
    }
}
