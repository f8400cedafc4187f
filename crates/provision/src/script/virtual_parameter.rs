//! What the script of a virtual parameter returns.

use super::data::Data;
use super::fault::Fault;
use crate::compat::value;
use crate::expression::number;

/// The types that a virtual parameter may have.
const TYPES: [&str; 7] = [
    "xsd:int",
    "xsd:unsignedInt",
    "xsd:boolean",
    "xsd:string",
    "xsd:dateTime",
    "xsd:base64",
    "xsd:hexBinary",
];

/// The attributes of a virtual parameter that its script was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Whether it can be set.
    pub writable: bool,
    /// Its value.
    pub value: bool,
}

/// What the script of a virtual parameter answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VirtualParameter {
    /// Whether it can be set.
    pub writable: Option<bool>,
    /// Its value, a boolean, a number or a text, and its type.
    pub value: Option<(Data, String)>,
}

impl VirtualParameter {
    /// Checks what the script of the virtual parameter `name` returned.
    ///
    /// # Errors
    /// The fault of the script, with the texts of GenieACS.
    pub fn check(name: &str, wanted: Wanted, returned: Option<&Data>) -> Result<Self, Fault> {
        let Some(object @ (Data::Object(_) | Data::List(_) | Data::Date(_))) = returned else {
            return Err(Fault::plain("Invalid virtual parameter return value"));
        };
        let writable = object.member("writable");
        let value = object.member("value");
        for (attribute, is_missing) in [
            ("writable", wanted.writable && writable.is_none()),
            ("value", wanted.value && value.is_none()),
        ] {
            if is_missing {
                return Err(Fault::plain(format!(
                    "Virtual parameter '{name}' must provide '{attribute}' attribute"
                )));
            }
        }
        let value = value.map(typed).transpose()?;
        Ok(Self { writable: writable.map(is_truthy), value })
    }
}

/// The value with its type: the one told, or the one that its kind suggests.
fn typed(value: &Data) -> Result<(Data, String), Fault> {
    let invalid = || Fault::plain("Invalid virtual parameter value attribute");
    let (value, told) = match value {
        Data::List(items) => (items.first().ok_or_else(invalid)?, items.get(1)),
        value => (value, None),
    };
    let value_type = match told {
        None | Some(Data::Null) => match value {
            Data::Number(_) => "xsd:int",
            Data::Bool(_) => "xsd:boolean",
            // Not a type there is: a date needs one told.
            Data::Date(_) => "xsd:datetime",
            _ => "xsd:string",
        },
        Some(Data::Text(told)) => told,
        Some(_) => return Err(invalid()),
    };
    if *value == Data::Null || !TYPES.contains(&value_type) {
        return Err(invalid());
    }
    Ok((in_form_of(value, value_type), value_type.to_owned()))
}

/// The value in the form that a script reads of this type. A number stays what it is, as 5.7 does
/// in an `xsd:int`; what does not fit the type stays a text.
fn in_form_of(value: &Data, value_type: &str) -> Data {
    let text = match value {
        Data::Number(_) | Data::Date(_)
            if matches!(value_type, "xsd:int" | "xsd:unsignedInt" | "xsd:dateTime") =>
        {
            let (Data::Number(number) | Data::Date(number)) = value else { return value.clone() };
            return Data::Number(*number);
        }
        value => text_of(value),
    };
    let form = match value_type {
        "xsd:int" | "xsd:unsignedInt" => value::integer(&text).map(Data::Number),
        "xsd:boolean" => value::boolean(&text).map(Data::Bool),
        "xsd:dateTime" => value::milliseconds(&text).map(Data::Number),
        _ => None,
    };
    form.unwrap_or(Data::Text(text))
}

fn text_of(value: &Data) -> String {
    match value {
        Data::Null => String::new(),
        Data::Bool(value) => value.to_string(),
        Data::Number(number) | Data::Date(number) => number::to_text(*number),
        Data::Text(text) => text.clone(),
        Data::List(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        Data::Object(_) => "[object Object]".to_owned(),
    }
}

fn is_truthy(value: &Data) -> bool {
    match value {
        Data::Null => false,
        Data::Bool(value) => *value,
        Data::Number(number) => *number != 0.0 && !number.is_nan(),
        Data::Text(text) => !text.is_empty(),
        Data::Date(_) | Data::List(_) | Data::Object(_) => true,
    }
}
