//! From expression to text.

use std::fmt::{self, Display, Write as _};

use super::scan::{PathScanner, begins_path};
use super::{Arithmetic, Branch, Expression, Path, PathPart, Value, number};

/// How tightly an operator binds, the loosest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Or,
    And,
    Not,
    Compare,
    Concatenate,
    Add,
    Multiply,
    Value,
}

impl Level {
    pub(super) fn of_arithmetic(operator: Arithmetic) -> Self {
        match operator {
            Arithmetic::Add | Arithmetic::Subtract => Self::Add,
            Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder => Self::Multiply,
        }
    }

    /// The next level.
    pub(super) fn tighter(self) -> Self {
        match self {
            Self::Or => Self::And,
            Self::And => Self::Not,
            Self::Not => Self::Compare,
            Self::Compare => Self::Concatenate,
            Self::Concatenate => Self::Add,
            Self::Add => Self::Multiply,
            Self::Multiply | Self::Value => Self::Value,
        }
    }

    fn of(expression: &Expression) -> Self {
        match expression {
            Expression::Or(operands) if !operands.is_empty() => Self::Or,
            Expression::And(operands) if !operands.is_empty() => Self::And,
            Expression::Concatenate(operands) if !operands.is_empty() => Self::Concatenate,
            Expression::Not(_) => Self::Not,
            Expression::Compare { .. } | Expression::Like { .. } | Expression::IsNull { .. } => {
                Self::Compare
            }
            Expression::Arithmetic { operator, .. } => Self::of_arithmetic(*operator),
            _ => Self::Value,
        }
    }
}

/// The expression in its standard spelling, without needless parentheses.
///
/// Reading it gives the same expression again.
impl Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => literal(f, value),
            Self::Parameter(path) => path.fmt(f),
            Self::Not(operand) => write!(f, "NOT {}", Operand(operand, Level::Not)),
            Self::And(operands) => chain(f, operands, " AND ", Level::And, "TRUE"),
            Self::Or(operands) => chain(f, operands, " OR ", Level::Or, "FALSE"),
            Self::Concatenate(operands) => chain(f, operands, " || ", Level::Concatenate, "''"),
            Self::Compare { operator, left, right } => {
                write!(f, "{} {} {}", Compared(left), operator.as_str(), Compared(right))
            }
            Self::Like { text, pattern, escape, negated } => {
                let not = if *negated { "NOT " } else { "" };
                write!(f, "{} {not}LIKE {}", Compared(text), Compared(pattern))?;
                escape.iter().try_for_each(|it| write!(f, " ESCAPE {}", Compared(it)))
            }
            Self::IsNull { operand, negated } => {
                let not = if *negated { "NOT " } else { "" };
                write!(f, "{} IS {not}NULL", Compared(operand))
            }
            Self::Arithmetic { operator, left, right } => {
                let level = Level::of_arithmetic(*operator);
                let (left, right) = (Operand(left, level), Operand(right, level.tighter()));
                write!(f, "{left} {} {right}", operator.as_str())
            }
            Self::Case { branches, otherwise } => case(f, branches, otherwise.as_deref()),
            Self::Call { name, arguments } => {
                write!(f, "{name}(")?;
                separated(f, arguments.iter(), ", ")?;
                f.write_char(')')
            }
        }
    }
}

/// The path, with `{…}` around what would be read as something else.
impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts().is_empty() {
            return f.write_str("{''}");
        }
        let is_plain = is_plain(self.parts());
        self.parts().iter().try_for_each(|part| match part {
            PathPart::Text(text) if is_plain => f.write_str(text),
            PathPart::Text(text) => {
                f.write_char('{')?;
                quoted(f, text)?;
                f.write_char('}')
            }
            PathPart::Expression(expression) => write!(f, "{{{expression}}}"),
        })
    }
}

/// Whether all text of a path may stand as it is.
fn is_plain(parts: &[PathPart]) -> bool {
    let mut scanner = PathScanner::default();
    let begins = match parts.first() {
        Some(PathPart::Text(text)) => begins_path(text),
        _ => true,
    };
    let mut accepts = |part: &PathPart| match part {
        PathPart::Expression(_) => scanner.is_open(),
        PathPart::Text(text) => {
            let after = text.chars().skip(1).map(Some).chain([None]);
            text.chars().zip(after).all(|(c, next)| scanner.accepts(c, next))
        }
    };
    begins && parts.iter().all(&mut accepts) && scanner.is_complete()
}

/// An operand, in parentheses if it binds less tightly than it has to.
struct Operand<'a>(&'a Expression, Level);

impl Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Level::of(self.0) < self.1 {
            true => write!(f, "({})", self.0),
            false => self.0.fmt(f),
        }
    }
}

/// An operand of a comparison.
struct Compared<'a>(&'a Expression);

impl Display for Compared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Operand(self.0, Level::Compare.tighter()).fmt(f)
    }
}

/// Operands and what stands between them. One alone, which is never read, gets a neutral one.
fn chain(
    f: &mut fmt::Formatter<'_>,
    operands: &[Expression],
    between: &str,
    level: Level,
    neutral: &str,
) -> fmt::Result {
    if operands.is_empty() {
        return f.write_str(neutral);
    }
    separated(f, operands.iter().map(|it| Operand(it, level.tighter())), between)?;
    match operands {
        [_] => write!(f, "{between}{neutral}"),
        _ => Ok(()),
    }
}

fn separated(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = impl Display>,
    between: &str,
) -> fmt::Result {
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

fn case(
    f: &mut fmt::Formatter<'_>,
    branches: &[Branch],
    otherwise: Option<&Expression>,
) -> fmt::Result {
    f.write_str("CASE ")?;
    if branches.is_empty() {
        // Never read, but it can be built.
        f.write_str("WHEN FALSE THEN NULL ")?;
    }
    for Branch { condition, value } in branches {
        write!(f, "WHEN {condition} THEN {value} ")?;
    }
    otherwise.iter().try_for_each(|value| write!(f, "ELSE {value} "))?;
    f.write_str("END")
}

fn literal(f: &mut fmt::Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Null => f.write_str("NULL"),
        Value::Bool(true) => f.write_str("TRUE"),
        Value::Bool(false) => f.write_str("FALSE"),
        Value::Number(number) if number.is_nan() => f.write_str("NULL"),
        // Beyond the largest number, so it is read as what it is.
        Value::Number(number) if number.is_infinite() => {
            f.write_str(if *number < 0.0 { "-1e999" } else { "1e999" })
        }
        Value::Number(number) => f.write_str(&number::to_text(*number)),
        Value::Text(text) => quoted(f, text),
    }
}

/// A text in `'…'`, or in `"…"` when it has control characters.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if !text.contains(char::is_control) {
        return write!(f, "'{}'", text.replace('\'', "''"));
    }
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}"),
            '\n' => f.write_str("\\n"),
            '\r' => f.write_str("\\r"),
            '\t' => f.write_str("\\t"),
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c)),
            c => f.write_char(c),
        }?;
    }
    f.write_char('"')
}
