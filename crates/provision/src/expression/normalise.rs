//! The normal form.

use super::simplify::{self, Junction};
use super::{Branch, Comparison, Expression, Unknown};

impl Expression {
    /// The same expression in a form that is easier to translate.
    ///
    /// - What does not depend on the context is calculated.
    /// - AND and OR have no operand of their own kind, and none twice.
    /// - NOT stands only before parameters, texts, numbers and calls: it moves inwards, and a
    ///   comparison becomes its opposite. Two of them vanish.
    /// - A parameter is compared with something else and not the other way round, and so is an
    ///   expression with a constant.
    ///
    /// It is worth the same in every context, has its own normal form, and grows at most with the
    /// number of its operators.
    #[must_use]
    pub fn normalise(&self) -> Self {
        value(self)
    }
}

/// The normal form where all of the value matters.
fn value(expression: &Expression) -> Expression {
    match expression {
        Expression::Not(_) | Expression::And(_) | Expression::Or(_) => {
            simplify::truth_of(truth(expression, false))
        }
        Expression::Compare { .. } | Expression::Like { .. } | Expression::IsNull { .. } => {
            truth(expression, false)
        }
        Expression::Literal(_) => expression.partial(&Unknown),
        Expression::Parameter(path) => {
            Expression::Parameter(path.map(&mut value)).partial(&Unknown)
        }
        Expression::Concatenate(operands) => {
            simplify::concatenate(operands.iter().map(value).collect())
        }
        Expression::Arithmetic { operator, left, right } => {
            simplify::arithmetic(*operator, value(left), value(right))
        }
        Expression::Case { branches, otherwise } => case(branches, otherwise.as_deref(), value),
        Expression::Call { name, arguments } => {
            simplify::call(name, arguments.iter().map(value).collect())
        }
    }
}

/// The normal form where it only matters whether it is true, false or `NULL`; of the opposite,
/// when negated.
fn truth(expression: &Expression, negated: bool) -> Expression {
    match expression {
        Expression::Not(operand) => truth(operand, !negated),
        Expression::And(operands) => junction(Junction::And, operands, negated),
        Expression::Or(operands) => junction(Junction::Or, operands, negated),
        Expression::Compare { operator, left, right } => {
            let operator = if negated { operator.negated() } else { *operator };
            compare(operator, value(left), value(right))
        }
        Expression::Like { text, pattern, escape, negated: not } => {
            let escape = escape.as_deref().map(value);
            simplify::like(value(text), value(pattern), escape, *not != negated)
        }
        Expression::IsNull { operand, negated: not } => {
            simplify::null_test(value(operand), *not != negated)
        }
        Expression::Case { branches, otherwise } => {
            case(branches, otherwise.as_deref(), |value| truth(value, negated))
        }
        _ => truth_of_value(value(expression), negated),
    }
}

/// The truth of what has no logic of its own, or of what has become of it.
fn truth_of_value(expression: Expression, negated: bool) -> Expression {
    match expression {
        Expression::Parameter(_)
        | Expression::Concatenate(_)
        | Expression::Arithmetic { .. }
        | Expression::Call { .. } => match negated {
            true => simplify::not(expression),
            false => expression,
        },
        Expression::Literal(_) if negated => simplify::not(expression),
        Expression::Literal(_) => simplify::truth_of(expression),
        other => truth(&other, negated),
    }
}

fn junction(junction: Junction, operands: &[Expression], negated: bool) -> Expression {
    let junction = if negated { junction.opposite() } else { junction };
    let operands = operands.iter().map(|operand| truth(operand, negated)).collect();
    simplify::bare_truth(junction.without_repetitions(junction.of(operands)))
}

fn compare(operator: Comparison, left: Expression, right: Expression) -> Expression {
    match rank(&left) > rank(&right) {
        true => simplify::compare(operator.mirrored(), right, left),
        false => simplify::compare(operator, left, right),
    }
}

fn case(
    branches: &[Branch],
    otherwise: Option<&Expression>,
    value: impl Fn(&Expression) -> Expression,
) -> Expression {
    let branches = branches.iter().map(|branch| Branch {
        condition: truth(&branch.condition, false),
        value: value(&branch.value),
    });
    simplify::case(branches.collect(), otherwise.map(&value))
}

/// Which side of a comparison something belongs to: the lower one to the left.
fn rank(expression: &Expression) -> u8 {
    match expression {
        Expression::Parameter(_) => 0,
        Expression::Literal(_) => 2,
        _ => 1,
    }
}
