//! Expressions while they are read: each with its depth, so that none becomes too deep.

use super::{Arithmetic, Branch, Comparison, Expression, Path, PathPart, Value};
use crate::limits::EXPRESSION_DEPTH_MAX;

/// An expression and its depth, which is 1 for a literal.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) expression: Expression,
    depth: usize,
}

/// A tree would be deeper than [`EXPRESSION_DEPTH_MAX`].
#[derive(Debug)]
pub(super) struct TooDeep;

impl Node {
    pub(super) fn literal(value: impl Into<Value>) -> Self {
        Self { expression: Expression::Literal(value.into()), depth: 1 }
    }

    /// A parameter; the depth is that of the deepest expression in its path.
    pub(super) fn parameter(parts: Vec<(PathPart, usize)>) -> Result<Self, TooDeep> {
        let depth = parts.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        let path = Path::from_parts(parts.into_iter().map(|(part, _)| part));
        Self::above(depth, Expression::Parameter(path))
    }

    /// One expression made of another.
    pub(super) fn one(
        self,
        make: impl FnOnce(Box<Expression>) -> Expression,
    ) -> Result<Self, TooDeep> {
        Self::above(self.depth, make(Box::new(self.expression)))
    }

    /// One expression made of two.
    pub(super) fn two(
        self,
        other: Self,
        make: impl FnOnce(Box<Expression>, Box<Expression>) -> Expression,
    ) -> Result<Self, TooDeep> {
        let depth = self.depth.max(other.depth);
        Self::above(depth, make(Box::new(self.expression), Box::new(other.expression)))
    }

    /// One expression made of any number.
    pub(super) fn many(
        nodes: Vec<Self>,
        make: impl FnOnce(Vec<Expression>) -> Expression,
    ) -> Result<Self, TooDeep> {
        let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
        Self::above(depth, make(nodes.into_iter().map(|node| node.expression).collect()))
    }

    pub(super) fn compare(self, operator: Comparison, right: Self) -> Result<Self, TooDeep> {
        self.two(right, |left, right| Expression::Compare { operator, left, right })
    }

    pub(super) fn calculate(self, operator: Arithmetic, right: Self) -> Result<Self, TooDeep> {
        self.two(right, |left, right| Expression::Arithmetic { operator, left, right })
    }

    pub(super) fn null_test(self, negated: bool) -> Result<Self, TooDeep> {
        self.one(|operand| Expression::IsNull { operand, negated })
    }

    /// `text LIKE pattern [ESCAPE escape]`.
    pub(super) fn like(
        self,
        pattern: Self,
        escape: Option<Self>,
        negated: bool,
    ) -> Result<Self, TooDeep> {
        let inner = self.depth.max(pattern.depth);
        let depth = escape.as_ref().map_or(inner, |escape| escape.depth.max(inner));
        let expression = Expression::Like {
            text: Box::new(self.expression),
            pattern: Box::new(pattern.expression),
            escape: escape.map(|escape| Box::new(escape.expression)),
            negated,
        };
        Self::above(depth, expression)
    }

    /// `CASE`, of conditions and values in turn; a last one alone is the value otherwise.
    pub(super) fn case(nodes: Vec<Self>) -> Result<Self, TooDeep> {
        Self::many(nodes, |expressions| {
            let mut branches = Vec::new();
            let mut rest = expressions.into_iter();
            loop {
                match (rest.next(), rest.next()) {
                    (Some(condition), Some(value)) => branches.push(Branch { condition, value }),
                    (otherwise, _) => {
                        let otherwise = otherwise.map(Box::new);
                        return Expression::Case { branches, otherwise };
                    }
                }
            }
        })
    }

    /// The part of a path that it is, and its depth.
    pub(super) fn into_part(self) -> (PathPart, usize) {
        (PathPart::Expression(self.expression), self.depth)
    }

    fn above(depth: usize, expression: Expression) -> Result<Self, TooDeep> {
        if depth >= EXPRESSION_DEPTH_MAX {
            return Err(TooDeep);
        }
        Ok(Self { expression, depth: depth.saturating_add(1) })
    }
}
