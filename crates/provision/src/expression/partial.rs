//! Evaluation where only some parameters are known.

use super::simplify::{self, Junction};
use super::{Branch, Context, Expression, Path, Value, functions};

impl Expression {
    /// The expression with what this context knows calculated, as short as that makes it.
    ///
    /// In every context that agrees with this one about what this one knows, it is worth the same
    /// as before. It is a [`Literal`](Self::Literal) when what is known decides it.
    #[must_use]
    pub fn partial(&self, context: &dyn Context) -> Self {
        let part = |expression: &Self| expression.partial(context);
        let parts = |expressions: &[Self]| expressions.iter().map(part).collect::<Vec<_>>();
        match self {
            // A number that is none becomes NULL.
            Self::Literal(_) => Self::Literal(self.evaluate(context)),
            Self::Parameter(path) => parameter(&path.map(&mut { part }), context),
            Self::Not(operand) => simplify::not(part(operand)),
            Self::And(operands) => Junction::And.of(parts(operands)),
            Self::Or(operands) => Junction::Or.of(parts(operands)),
            Self::Compare { operator, left, right } => {
                simplify::compare(*operator, part(left), part(right))
            }
            Self::Like { text, pattern, escape, negated } => {
                let escape = escape.as_deref().map(part);
                simplify::like(part(text), part(pattern), escape, *negated)
            }
            Self::IsNull { operand, negated } => simplify::null_test(part(operand), *negated),
            Self::Concatenate(operands) => simplify::concatenate(parts(operands)),
            Self::Arithmetic { operator, left, right } => {
                simplify::arithmetic(*operator, part(left), part(right))
            }
            Self::Case { branches, otherwise } => {
                let branches = branches.iter().map(|Branch { condition, value }| Branch {
                    condition: part(condition),
                    value: part(value),
                });
                simplify::case(branches.collect(), otherwise.as_deref().map(part))
            }
            Self::Call { name, arguments } => call(name, parts(arguments), context),
        }
    }
}

/// A parameter with this path, whose own expressions are calculated already.
fn parameter(path: &Path, context: &dyn Context) -> Expression {
    let is_null = |expression: &Expression| *expression == Expression::Literal(Value::Null);
    if path.expressions().any(is_null) {
        return Expression::Literal(Value::Null);
    }
    if path.as_text().is_none() {
        return Expression::Parameter(path.clone());
    }
    match path.resolve(context).map(|text| context.parameter(&text)) {
        // No parameter has a path that long.
        None => Expression::Literal(Value::Null),
        Some(None) => Expression::Parameter(path.clone()),
        Some(Some(value)) => Expression::Literal(value),
    }
}

fn call(name: &str, arguments: Vec<Expression>, context: &dyn Context) -> Expression {
    let value = match name {
        "COALESCE" => None,
        "NOW" => functions::now(context),
        _ => simplify::literals(&arguments)
            .and_then(|arguments| functions::known(name, &arguments, context)),
    };
    value.map_or_else(|| simplify::call(name, arguments), Expression::Literal)
}
