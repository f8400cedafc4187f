//! The functions that the language itself has.

use super::evaluate::is_bounded;
use super::{Context, Expression, Value, number};

/// The value of a call in a context.
pub(super) fn call(name: &str, arguments: &[Expression], context: &dyn Context) -> Value {
    match name {
        "COALESCE" => {
            let mut values = arguments.iter().map(|argument| argument.evaluate(context));
            values.find(|value| *value != Value::Null).unwrap_or(Value::Null)
        }
        "NOW" => now(context).unwrap_or(Value::Null),
        _ => {
            let values: Vec<Value> =
                arguments.iter().map(|argument| argument.evaluate(context)).collect();
            known(name, &values, context).unwrap_or(Value::Null)
        }
    }
}

/// The time as a value, where it is known.
pub(super) fn now(context: &dyn Context) -> Option<Value> {
    // Exact for the next 280,000 years.
    context.now().map(|now| Value::number(now as f64))
}

/// The value of a call with these arguments, where the language or the context knows it.
pub(super) fn known(name: &str, arguments: &[Value], context: &dyn Context) -> Option<Value> {
    let value = pure(name, arguments).or_else(|| context.call(name, arguments));
    value.map(|value| match value {
        Value::Number(number) => Value::number(number),
        value => value,
    })
}

/// Whether a function gives the same value in every context.
pub(super) fn is_pure(name: &str) -> bool {
    matches!(name, "UPPER" | "LOWER" | "ROUND")
}

/// The value of a function that depends on nothing else; `None` when it is not one of those.
///
/// Missing arguments are `NULL`, and further ones are not looked at.
pub(super) fn pure(name: &str, arguments: &[Value]) -> Option<Value> {
    let first = arguments.first().unwrap_or(&Value::Null);
    match name {
        "UPPER" => Some(text_or_null(first.to_text().map(|text| text.to_uppercase()))),
        "LOWER" => Some(text_or_null(first.to_text().map(|text| text.to_lowercase()))),
        "ROUND" => Some(round(first, arguments.get(1)).into()),
        _ => None,
    }
}

fn text_or_null(text: Option<String>) -> Value {
    text.filter(|text| is_bounded(text.len())).into()
}

fn round(value: &Value, digits: Option<&Value>) -> Option<f64> {
    let digits = digits.map_or(Some(0.0), Value::to_number)?;
    Some(number::round(value.to_number()?, digits))
}
