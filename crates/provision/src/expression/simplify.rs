//! Expressions made of simpler ones, calculated as far as their values are known.
//!
//! Each function makes what its name says, and what it makes is worth the same in every context.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::evaluate::{calculate, compare as compare_values, concatenate as join, is_like};
use super::{Arithmetic, Branch, Comparison, Expression, Value, functions};

/// AND and OR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Junction {
    And,
    Or,
}

impl Junction {
    /// The truth of one operand that is the truth of all: false for AND.
    fn decisive(self) -> bool {
        self == Self::Or
    }

    pub(super) fn opposite(self) -> Self {
        match self {
            Self::And => Self::Or,
            Self::Or => Self::And,
        }
    }

    fn make(self, operands: Vec<Expression>) -> Expression {
        match self {
            Self::And => Expression::And(operands),
            Self::Or => Expression::Or(operands),
        }
    }

    fn operands(self, expression: Expression) -> Result<Vec<Expression>, Expression> {
        match (self, expression) {
            (Self::And, Expression::And(operands)) | (Self::Or, Expression::Or(operands)) => {
                Ok(operands)
            }
            (_, other) => Err(other),
        }
    }

    /// All operands in one row, without those that cannot matter.
    pub(super) fn of(self, operands: Vec<Expression>) -> Expression {
        let mut kept = Vec::new();
        let mut has_null = false;
        for operand in operands {
            let operands = self.operands(bare_truth(operand)).unwrap_or_else(|it| vec![it]);
            for operand in operands {
                match literal(&operand).map(Value::truth) {
                    None => kept.push(operand),
                    Some(Some(truth)) if truth == self.decisive() => return bool(truth),
                    Some(Some(_)) => {}
                    Some(None) if has_null => {}
                    Some(None) => {
                        has_null = true;
                        kept.push(Expression::Literal(Value::Null));
                    }
                }
            }
        }
        self.of_kept(kept)
    }

    /// The same without repetitions.
    pub(super) fn without_repetitions(self, expression: Expression) -> Expression {
        match self.operands(expression) {
            Ok(mut operands) => {
                // What is printed alike is alike.
                let mut seen = BTreeSet::new();
                operands.retain(|operand| seen.insert(operand.to_string()));
                self.of_kept(operands)
            }
            Err(other) => other,
        }
    }

    fn of_kept(self, mut operands: Vec<Expression>) -> Expression {
        match operands.len() {
            0 => bool(!self.decisive()),
            1 => operands.pop().map_or_else(|| bool(!self.decisive()), truth_of),
            _ => self.make(operands),
        }
    }
}

/// The truth of an expression as a value: true, false or `NULL`.
pub(super) fn truth_of(expression: Expression) -> Expression {
    match literal(&expression) {
        Some(value) => Expression::Literal(Value::of_truth(value.truth())),
        None if is_logical(&expression) => expression,
        None => Expression::And(vec![expression, bool(true)]),
    }
}

/// The same expression where only its truth matters: the reverse of [`truth_of`].
pub(super) fn bare_truth(expression: Expression) -> Expression {
    match expression {
        Expression::And(mut operands)
            if operands.len() == 2 && operands.last() == Some(&bool(true)) =>
        {
            operands.truncate(1);
            operands.pop().unwrap_or_else(|| bool(true))
        }
        other => other,
    }
}

pub(super) fn not(operand: Expression) -> Expression {
    match literal(&operand) {
        Some(value) => Expression::Literal(Value::of_truth(value.truth().map(|truth| !truth))),
        None => Expression::Not(Box::new(bare_truth(operand))),
    }
}

pub(super) fn compare(operator: Comparison, left: Expression, right: Expression) -> Expression {
    match (literal(&left), literal(&right)) {
        (Some(left), Some(right)) => Expression::Literal(compare_values(operator, left, right)),
        (Some(Value::Null), _) | (_, Some(Value::Null)) => Expression::Literal(Value::Null),
        _ => Expression::Compare { operator, left: Box::new(left), right: Box::new(right) },
    }
}

pub(super) fn like(
    text: Expression,
    pattern: Expression,
    escape: Option<Expression>,
    negated: bool,
) -> Expression {
    let operands = [Some(&text), Some(&pattern), escape.as_ref()];
    if operands.into_iter().flatten().any(is_null) {
        return Expression::Literal(Value::Null);
    }
    let known_escape = escape.as_ref().map(literal);
    if let (Some(text), Some(pattern), None | Some(Some(_))) =
        (literal(&text), literal(&pattern), known_escape)
    {
        return Expression::Literal(is_like(text, pattern, known_escape.flatten(), negated));
    }
    let (text, pattern) = (Box::new(text), Box::new(pattern));
    Expression::Like { text, pattern, escape: escape.map(Box::new), negated }
}

pub(super) fn null_test(operand: Expression, negated: bool) -> Expression {
    if is_null(&operand) {
        return bool(!negated);
    }
    match is_never_null(&operand) {
        true => bool(negated),
        false => Expression::IsNull { operand: Box::new(operand), negated },
    }
}

pub(super) fn concatenate(operands: Vec<Expression>) -> Expression {
    let mut kept: Vec<Expression> = Vec::new();
    for operand in operands {
        let operands = match operand {
            Expression::Concatenate(operands) => operands,
            operand => vec![operand],
        };
        for operand in operands {
            let joined = match (kept.last().and_then(literal), literal(&operand)) {
                (Some(left), Some(right)) => {
                    Some(join([left, right].into_iter().map(Cow::Borrowed)))
                }
                // Alone, it becomes text or NULL.
                (None, Some(value)) => Some(join(std::iter::once(Cow::Borrowed(value)))),
                _ => None,
            };
            match joined {
                Some(Value::Null) => return Expression::Literal(Value::Null),
                Some(value) => {
                    kept.pop_if(|last| literal(last).is_some());
                    kept.push(Expression::Literal(value));
                }
                None => kept.push(operand),
            }
        }
    }
    without_empty_texts(kept)
}

/// The empty text is left only where it makes a text of the single other operand.
fn without_empty_texts(mut operands: Vec<Expression>) -> Expression {
    let empty = Expression::Literal(Value::Text(String::new()));
    operands.retain(|operand| *operand != empty);
    match operands.as_slice() {
        [] => empty,
        [Expression::Literal(value)] => Expression::Literal(value.clone()),
        [_] => {
            operands.insert(0, empty);
            Expression::Concatenate(operands)
        }
        _ => Expression::Concatenate(operands),
    }
}

pub(super) fn arithmetic(operator: Arithmetic, left: Expression, right: Expression) -> Expression {
    let divides = matches!(operator, Arithmetic::Divide | Arithmetic::Remainder);
    match (literal(&left), literal(&right)) {
        (Some(left), Some(right)) => Expression::Literal(calculate(operator, left, right)),
        (Some(Value::Null), _) | (_, Some(Value::Null)) => Expression::Literal(Value::Null),
        (_, Some(right)) if divides && right.to_number() == Some(0.0) => {
            Expression::Literal(Value::Null)
        }
        _ => Expression::Arithmetic { operator, left: Box::new(left), right: Box::new(right) },
    }
}

pub(super) fn case(branches: Vec<Branch>, otherwise: Option<Expression>) -> Expression {
    let mut kept = Vec::new();
    let mut otherwise = otherwise;
    for Branch { condition, value } in branches {
        let condition = bare_truth(condition);
        match literal(&condition).map(Value::is_true) {
            None => kept.push(Branch { condition, value }),
            Some(false) => {}
            Some(true) => {
                otherwise = Some(value);
                break;
            }
        }
    }
    let otherwise = otherwise.filter(|value| !is_null(value));
    if kept.is_empty() {
        return otherwise.unwrap_or(Expression::Literal(Value::Null));
    }
    Expression::Case { branches: kept, otherwise: otherwise.map(Box::new) }
}

/// A call; functions of the context stay as they are.
pub(super) fn call(name: &str, arguments: Vec<Expression>) -> Expression {
    if name == "COALESCE" {
        return coalesce(arguments);
    }
    let values = functions::is_pure(name).then(|| literals(&arguments)).flatten();
    match values.and_then(|values| functions::pure(name, &values)) {
        Some(value) => Expression::Literal(value),
        None => Expression::Call { name: name.to_owned(), arguments },
    }
}

fn coalesce(arguments: Vec<Expression>) -> Expression {
    let mut kept: Vec<Expression> = Vec::new();
    for argument in arguments.into_iter().filter(|argument| !is_null(argument)) {
        let is_last = is_never_null(&argument);
        kept.push(argument);
        if is_last {
            break;
        }
    }
    match kept.len() {
        0 | 1 => kept.pop().unwrap_or(Expression::Literal(Value::Null)),
        _ => Expression::Call { name: "COALESCE".to_owned(), arguments: kept },
    }
}

/// The values of all, if all are known.
pub(super) fn literals(expressions: &[Expression]) -> Option<Vec<Value>> {
    expressions.iter().map(|expression| literal(expression).cloned()).collect()
}

fn literal(expression: &Expression) -> Option<&Value> {
    match expression {
        Expression::Literal(value) => Some(value),
        _ => None,
    }
}

fn bool(value: bool) -> Expression {
    Expression::Literal(Value::Bool(value))
}

fn is_null(expression: &Expression) -> bool {
    literal(expression) == Some(&Value::Null)
}

/// Whether it is worth true, false or `NULL` in every context.
fn is_logical(expression: &Expression) -> bool {
    match expression {
        Expression::Literal(value) => matches!(value, Value::Null | Value::Bool(_)),
        Expression::Not(_)
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::Compare { .. }
        | Expression::Like { .. }
        | Expression::IsNull { .. } => true,
        Expression::Case { branches, otherwise } => {
            let values = branches.iter().map(|branch| &branch.value);
            values.chain(otherwise.as_deref()).all(is_logical)
        }
        Expression::Call { name, arguments } => {
            name == "COALESCE" && arguments.iter().all(is_logical)
        }
        Expression::Parameter(_) | Expression::Concatenate(_) | Expression::Arithmetic { .. } => {
            false
        }
    }
}

/// Whether it is known not to be `NULL` in any context.
fn is_never_null(expression: &Expression) -> bool {
    match expression {
        Expression::Literal(value) => *value != Value::Null,
        Expression::IsNull { .. } => true,
        Expression::Not(operand) => is_never_null(operand),
        Expression::And(operands) | Expression::Or(operands) => operands.iter().all(is_never_null),
        Expression::Call { name, arguments } => {
            name == "COALESCE" && arguments.iter().any(is_never_null)
        }
        _ => false,
    }
}
