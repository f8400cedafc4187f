//! What an expression is worth in a context.

use std::borrow::Cow;

use super::{Arithmetic, Branch, Comparison, Expression, Value, functions, like};
use crate::limits::EXPRESSION_TEXT_BYTES_MAX;

/// What an expression can learn from where it is used.
///
/// `None` says that it is not known here. [`Expression::evaluate`] takes that for `NULL`, and
/// [`Expression::partial`] leaves it as it stands, for another context to know.
pub trait Context {
    /// The value of the parameter with this path; `NULL` is that of one that does not exist.
    fn parameter(&self, path: &str) -> Option<Value>;

    /// The value of a function that the language itself does not have, such as `AUTH`.
    ///
    /// The name is in upper case. It depends on nothing but its arguments for as long as the
    /// context is in use.
    fn call(&self, name: &str, arguments: &[Value]) -> Option<Value> {
        let _ = (name, arguments);
        None
    }

    /// The time, in milliseconds since 1970.
    fn now(&self) -> Option<i64> {
        None
    }
}

/// The context in which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unknown;

impl Context for Unknown {
    fn parameter(&self, _: &str) -> Option<Value> {
        None
    }
}

impl Expression {
    /// What it is worth (compat 2.12).
    ///
    /// What the context does not know is `NULL`, and so is what cannot be calculated: a division
    /// by zero, or a text beyond [`EXPRESSION_TEXT_BYTES_MAX`]. No function is called whose value
    /// does not matter: operands are looked at from left to right.
    pub fn evaluate(&self, context: &dyn Context) -> Value {
        match self {
            Self::Literal(value) => sound(value),
            Self::Parameter(path) => {
                let value = path.resolve(context).and_then(|path| context.parameter(&path));
                value.as_ref().map_or(Value::Null, sound)
            }
            Self::Not(operand) => {
                Value::of_truth(operand.evaluate(context).truth().map(|truth| !truth))
            }
            Self::And(operands) => junction(operands, false, context),
            Self::Or(operands) => junction(operands, true, context),
            Self::Compare { operator, left, right } => {
                compare(*operator, &left.evaluate(context), &right.evaluate(context))
            }
            Self::Like { text, pattern, escape, negated } => {
                let escape = escape.as_ref().map(|escape| escape.evaluate(context));
                let (text, pattern) = (text.evaluate(context), pattern.evaluate(context));
                is_like(&text, &pattern, escape.as_ref(), *negated)
            }
            Self::IsNull { operand, negated } => {
                Value::Bool((operand.evaluate(context) == Value::Null) != *negated)
            }
            Self::Concatenate(operands) => {
                concatenate(operands.iter().map(|operand| Cow::Owned(operand.evaluate(context))))
            }
            Self::Arithmetic { operator, left, right } => {
                calculate(*operator, &left.evaluate(context), &right.evaluate(context))
            }
            Self::Case { branches, otherwise } => case(branches, otherwise.as_deref(), context),
            Self::Call { name, arguments } => functions::call(name, arguments, context),
        }
    }
}

/// A value as it is, or `NULL` for a number that is none.
fn sound(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::number(*number),
        value => value.clone(),
    }
}

/// AND and OR: one operand decides, which is false for the one and true for the other.
fn junction(operands: &[Expression], decisive: bool, context: &dyn Context) -> Value {
    let mut result = Some(!decisive);
    for operand in operands {
        match operand.evaluate(context).truth() {
            None => result = None,
            Some(truth) if truth == decisive => return Value::Bool(decisive),
            Some(_) => {}
        }
    }
    Value::of_truth(result)
}

fn case(branches: &[Branch], otherwise: Option<&Expression>, context: &dyn Context) -> Value {
    let taken = branches.iter().find(|branch| branch.condition.evaluate(context).is_true());
    let value = taken.map(|branch| &branch.value).or(otherwise);
    value.map_or(Value::Null, |value| value.evaluate(context))
}

pub(super) fn compare(operator: Comparison, left: &Value, right: &Value) -> Value {
    Value::of_truth(left.compare(right).map(|order| match operator {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }))
}

/// Numbers and booleans are compared as their texts. Of the escape only the first character
/// counts, and the empty text is none.
pub(super) fn is_like(
    text: &Value,
    pattern: &Value,
    escape: Option<&Value>,
    negated: bool,
) -> Value {
    let result = || {
        let escape = match escape {
            Some(escape) => escape.to_text()?.chars().next(),
            None => None,
        };
        like::like(&text.to_text()?, &pattern.to_text()?, escape)
    };
    Value::of_truth(result().map(|result| result != negated))
}

pub(super) fn concatenate<'a>(values: impl Iterator<Item = Cow<'a, Value>>) -> Value {
    let mut text = String::new();
    for value in values {
        match value.to_text() {
            Some(more) if is_bounded(text.len().saturating_add(more.len())) => {
                text.push_str(&more);
            }
            _ => return Value::Null,
        }
    }
    Value::Text(text)
}

/// Whether an expression may make a text with so many bytes.
pub(super) fn is_bounded(bytes: usize) -> bool {
    bytes <= EXPRESSION_TEXT_BYTES_MAX
}

pub(super) fn calculate(operator: Arithmetic, left: &Value, right: &Value) -> Value {
    let (Some(left), Some(right)) = (left.to_number(), right.to_number()) else {
        return Value::Null;
    };
    Value::number(match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide | Arithmetic::Remainder if right == 0.0 => return Value::Null,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    })
}
