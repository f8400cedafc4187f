//! The language of filters, preconditions, permissions and configuration (compat 2.12).
//!
//! It is GenieACS's: what a 1.2.16 installation has stored is read and means the same here. An
//! [`Expression`] is read from text, from the arrays that GenieACS 1.2 stores, or from the older
//! filters in JSON; it is evaluated in a [`Context`], evaluated in part where a context knows only
//! some parameters, and brought into a normal form for those that translate it, for example to SQL.
//!
//! Logic has three values: `NULL` is neither true nor false, and a filter lets through only what
//! is true ([`Value::is_true`]).
//!
//! ```
//! use drover_provision::expression::{Context, Expression, Value};
//!
//! struct Device;
//!
//! impl Context for Device {
//!     fn parameter(&self, path: &str) -> Option<Value> {
//!         (path == "DeviceID.OUI").then(|| Value::from("202BC1"))
//!     }
//! }
//!
//! let filter = Expression::parse("DeviceID.OUI LIKE '202%' AND Tags.lab IS NULL")?;
//! assert!(filter.evaluate(&Device).is_true());
//! assert_eq!(filter.partial(&Device).to_string(), "Tags.lab IS NULL");
//! # Ok::<(), drover_provision::expression::ParseError>(())
//! ```

mod evaluate;
mod functions;
mod json;
mod legacy;
mod like;
mod node;
mod normalise;
pub(crate) mod number;
mod parse;
mod partial;
mod path;
mod print;
mod scan;
mod simplify;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeSet;

pub use evaluate::{Context, Unknown};
pub use json::NotAnExpression;
pub use like::LikePart;
pub use parse::ParseError;
pub use path::{Path, PathPart};
pub use value::Value;

/// An expression, as a tree of what it says (compat 2.12).
///
/// What is read is at most [`EXPRESSION_DEPTH_MAX`](crate::limits::EXPRESSION_DEPTH_MAX) deep, and
/// no method makes it deeper. Who builds a tree keeps to that too: the methods are recursive.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A value, such as `5`, `'text'` or `NULL`.
    Literal(Value),
    /// The value of a parameter.
    Parameter(Path),
    /// True when the operand is false.
    Not(Box<Self>),
    /// True when all operands are; there are two or more.
    And(Vec<Self>),
    /// True when one of the operands is; there are two or more.
    Or(Vec<Self>),
    /// Compares two values; booleans count as 1 and 0, and any text is more than any number.
    Compare {
        /// How they are compared.
        operator: Comparison,
        /// What stands on the left.
        left: Box<Self>,
        /// What stands on the right.
        right: Box<Self>,
    },
    /// `text LIKE pattern`: `%` stands for any characters, `_` for one.
    Like {
        /// What is compared.
        text: Box<Self>,
        /// What it is compared with.
        pattern: Box<Self>,
        /// The character that takes the meaning from the one after it.
        escape: Option<Box<Self>>,
        /// Whether it is `NOT LIKE`.
        negated: bool,
    },
    /// `operand IS NULL`, never itself `NULL`.
    IsNull {
        /// What is looked at.
        operand: Box<Self>,
        /// Whether it is `IS NOT NULL`.
        negated: bool,
    },
    /// `||`: the texts of two or more values, one after the other.
    Concatenate(Vec<Self>),
    /// Calculates with two numbers.
    Arithmetic {
        /// What is calculated.
        operator: Arithmetic,
        /// What stands on the left.
        left: Box<Self>,
        /// What stands on the right.
        right: Box<Self>,
    },
    /// The value of the first branch whose condition is true.
    Case {
        /// One or more branches.
        branches: Vec<Branch>,
        /// The value otherwise; `NULL` without one.
        otherwise: Option<Box<Self>>,
    },
    /// A function's value. Beside the ones below, the [`Context`] knows which there are.
    ///
    /// `COALESCE(…)`: the first that is not `NULL`. `UPPER(text)`, `LOWER(text)`.
    /// `ROUND(number[, digits])`: half away from zero. `NOW()`: milliseconds since 1970.
    Call {
        /// The name in upper case: a letter or `_`, then letters, digits and `_`.
        name: String,
        /// What it is called with.
        arguments: Vec<Self>,
    },
}

/// `WHEN condition THEN value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Whether this branch is taken: it is when this is true.
    pub condition: Expression,
    /// The value then.
    pub value: Expression,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What is calculated from two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`; `NULL` when divided by zero.
    Divide,
    /// `%`, with the sign of the left side; `NULL` when divided by zero.
    Remainder,
}

impl Expression {
    /// The static paths of all parameters that it names, also inside other paths.
    ///
    /// A path with an expression inside is not among them: [`partial`](Self::partial) with what is
    /// known shows it.
    pub fn parameters(&self) -> BTreeSet<&str> {
        let mut paths = BTreeSet::new();
        self.visit(&mut |expression| {
            if let Self::Parameter(path) = expression {
                paths.extend(path.as_text());
            }
        });
        paths
    }

    /// Calls a function with this expression and all within it.
    pub(crate) fn visit<'a>(&'a self, each: &mut impl FnMut(&'a Self)) {
        each(self);
        match self {
            Self::Literal(_) => {}
            Self::Parameter(path) => path.expressions().for_each(|it| it.visit(each)),
            Self::Not(operand) | Self::IsNull { operand, .. } => operand.visit(each),
            Self::And(all) | Self::Or(all) | Self::Concatenate(all) => {
                all.iter().for_each(|it| it.visit(each));
            }
            Self::Compare { left, right, .. } | Self::Arithmetic { left, right, .. } => {
                left.visit(each);
                right.visit(each);
            }
            Self::Like { text, pattern, escape, .. } => {
                [text, pattern].into_iter().chain(escape).for_each(|it| it.visit(each));
            }
            Self::Case { branches, otherwise } => {
                for branch in branches {
                    branch.condition.visit(each);
                    branch.value.visit(each);
                }
                otherwise.iter().for_each(|it| it.visit(each));
            }
            Self::Call { arguments, .. } => arguments.iter().for_each(|it| it.visit(each)),
        }
    }
}

impl From<Value> for Expression {
    fn from(value: Value) -> Self {
        Self::Literal(value)
    }
}

impl Comparison {
    const ALL: [Self; 6] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
    ];

    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The one that is true when this is false: `>=` for `<`.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The one that says the same with the sides exchanged: `>` for `<`.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

impl Arithmetic {
    const ALL: [Self; 5] =
        [Self::Add, Self::Subtract, Self::Multiply, Self::Divide, Self::Remainder];

    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}
