//! From text to expression.

use std::borrow::Cow;

use super::node::{Node, TooDeep};
use super::print::Level;
use super::scan::{PathScanner, Scanner, begins_path, is_function_name, is_keyword};
use super::{Arithmetic, Comparison, Expression, PathPart, Value};
use crate::limits::{EXPRESSION_ARGUMENTS_MAX, EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX};

/// A text is not an expression.
///
/// It repeats nothing of the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {position}: expected {expected}")]
pub struct ParseError {
    /// Where reading stopped, in characters; the first has 1.
    pub position: usize,
    /// What should stand there, in one line.
    pub expected: Cow<'static, str>,
}

impl Expression {
    /// Reads an expression (compat 2.12).
    ///
    /// # Errors
    /// [`ParseError`] when it is not one, is longer than [`EXPRESSION_CHARS_MAX`] or deeper than
    /// [`EXPRESSION_DEPTH_MAX`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.chars().nth(EXPRESSION_CHARS_MAX).is_some() {
            let expected = format!("the end: at most {EXPRESSION_CHARS_MAX} characters are read");
            let position = EXPRESSION_CHARS_MAX.saturating_add(1);
            return Err(ParseError { position, expected: expected.into() });
        }
        let mut parser = Parser { scanner: Scanner::new(text), level: 0 };
        let node = parser.expression(Level::Or)?;
        parser.scanner.skip_space();
        match parser.scanner.peek() {
            None => Ok(node.expression),
            Some(_) => Err(parser.error("an operator, or the end")),
        }
    }
}

/// Calls of [`Parser::expression`] within each other. Each level of the deepest tree may need two:
/// one for an operand on the right, and one for its parentheses.
const LEVELS_MAX: usize = 2 * EXPRESSION_DEPTH_MAX + 8;

struct Parser<'a> {
    scanner: Scanner<'a>,
    level: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Or,
    And,
    Compare(Comparison),
    Like { negated: bool },
    IsNull { negated: bool },
    Concatenate,
    Arithmetic(Arithmetic),
}

impl Operator {
    fn level(self) -> Level {
        match self {
            Self::Or => Level::Or,
            Self::And => Level::And,
            Self::Compare(_) | Self::Like { .. } | Self::IsNull { .. } => Level::Compare,
            Self::Concatenate => Level::Concatenate,
            Self::Arithmetic(operator) => Level::of_arithmetic(operator),
        }
    }
}

impl<'a> Parser<'a> {
    /// Reads an expression of operators that bind at least so tightly.
    fn expression(&mut self, minimum: Level) -> Result<Node, ParseError> {
        self.level = self.level.saturating_add(1);
        if self.level > LEVELS_MAX {
            return Err(self.too_deep());
        }
        let mut left = self.operand(minimum)?;
        let mut tightest = Level::Value;
        while let Some((operator, after)) = self.operator() {
            let level = operator.level();
            if level < minimum {
                break;
            }
            if level > tightest || (level == tightest && level == Level::Compare) {
                self.scanner.skip_space();
                return Err(self.error("AND, OR or the end: comparisons need parentheses here"));
            }
            tightest = level;
            self.scanner = after;
            left = self.right_side(operator, left)?;
        }
        self.level = self.level.saturating_sub(1);
        Ok(left)
    }

    /// `NOT` with its operand, or a value.
    fn operand(&mut self, minimum: Level) -> Result<Node, ParseError> {
        self.scanner.skip_space();
        if !self.scanner.word().eq_ignore_ascii_case("NOT") {
            return self.value();
        }
        if minimum > Level::Not {
            return Err(self.error("a value: NOT needs parentheses here"));
        }
        self.scanner.take_word("NOT");
        let operand = self.expression(Level::Not)?;
        self.deep(operand.one(Expression::Not))
    }

    /// The operator that stands here, and what is behind it.
    fn operator(&self) -> Option<(Operator, Scanner<'a>)> {
        let mut after = self.scanner.clone();
        after.skip_space();
        let operator = symbol(&mut after).or_else(|| word_operator(&mut after))?;
        Some((operator, after))
    }

    /// What follows an operator, and all of it.
    fn right_side(&mut self, operator: Operator, left: Node) -> Result<Node, ParseError> {
        match operator {
            Operator::Or => self.chain(operator, left, Expression::Or),
            Operator::And => self.chain(operator, left, Expression::And),
            Operator::Concatenate => self.chain(operator, left, Expression::Concatenate),
            Operator::IsNull { negated } => self.deep(left.null_test(negated)),
            Operator::Like { negated } => {
                let pattern = self.expression(Level::Compare.tighter())?;
                self.scanner.skip_space();
                let escape = match self.scanner.take_word("ESCAPE") {
                    true => Some(self.expression(Level::Compare.tighter())?),
                    false => None,
                };
                self.deep(left.like(pattern, escape, negated))
            }
            Operator::Compare(comparison) => {
                let right = self.expression(Level::Compare.tighter())?;
                self.deep(left.compare(comparison, right))
            }
            Operator::Arithmetic(arithmetic) => {
                let right = self.expression(operator.level().tighter())?;
                self.deep(left.calculate(arithmetic, right))
            }
        }
    }

    /// All operands between which the same operator stands.
    fn chain(
        &mut self,
        operator: Operator,
        left: Node,
        make: fn(Vec<Expression>) -> Expression,
    ) -> Result<Node, ParseError> {
        let mut operands = vec![left];
        loop {
            operands.push(self.expression(operator.level().tighter())?);
            match self.operator() {
                Some((next, after)) if next == operator => self.scanner = after,
                _ => return self.deep(Node::many(operands, make)),
            }
        }
    }

    fn value(&mut self) -> Result<Node, ParseError> {
        match self.scanner.peek() {
            Some('(') => {
                self.scanner.skip(1);
                let inner = self.expression(Level::Or)?;
                self.closing(")", "an operator or )")?;
                Ok(inner)
            }
            Some('\'') => {
                self.scanner.skip(1);
                self.scanner.single_quoted().map(Node::literal).map_err(|it| self.error(it))
            }
            Some('"') => {
                self.scanner.skip(1);
                self.scanner.double_quoted().map(Node::literal).map_err(|it| self.error(it))
            }
            Some('{') => self.path(),
            _ => match self.scanner.take_number() {
                Some(number) => Ok(Node::literal(number)),
                None => self.named(),
            },
        }
    }

    /// What begins with a word: a constant, CASE, a call or a path.
    fn named(&mut self) -> Result<Node, ParseError> {
        let word = self.scanner.word();
        if is_keyword(word) {
            return self.keyword();
        }
        let mut after = self.scanner.clone();
        after.skip(word.len());
        after.skip_space();
        if is_function_name(word) && after.take("(") {
            self.scanner = after;
            return self.call(word.to_ascii_uppercase());
        }
        match begins_path(self.scanner.rest()) {
            true => self.path(),
            false => Err(self.error("a value")),
        }
    }

    fn keyword(&mut self) -> Result<Node, ParseError> {
        let constants = [("TRUE", true.into()), ("FALSE", false.into()), ("NULL", Value::Null)];
        for (word, value) in constants {
            if self.scanner.take_word(word) {
                return Ok(Node::literal(value));
            }
        }
        match self.scanner.take_word("CASE") {
            true => self.case(),
            false => Err(self.error("a value")),
        }
    }

    /// What follows `CASE`.
    fn case(&mut self) -> Result<Node, ParseError> {
        let mut nodes = Vec::new();
        self.word("WHEN", "WHEN")?;
        loop {
            nodes.push(self.expression(Level::Or)?);
            self.word("THEN", "an operator or THEN")?;
            nodes.push(self.expression(Level::Or)?);
            self.scanner.skip_space();
            if !self.scanner.take_word("WHEN") {
                break;
            }
        }
        if self.scanner.take_word("ELSE") {
            nodes.push(self.expression(Level::Or)?);
        }
        self.word("END", "an operator, WHEN, ELSE or END")?;
        self.deep(Node::case(nodes))
    }

    /// What follows the name and the parenthesis of a call.
    fn call(&mut self, name: String) -> Result<Node, ParseError> {
        let mut arguments = Vec::new();
        self.scanner.skip_space();
        if !self.scanner.take(")") {
            arguments.push(self.expression(Level::Or)?);
            while self.comma() {
                if arguments.len() >= EXPRESSION_ARGUMENTS_MAX {
                    let limit = format!("): a call has at most {EXPRESSION_ARGUMENTS_MAX} values");
                    return Err(self.error(limit));
                }
                arguments.push(self.expression(Level::Or)?);
            }
            self.closing(")", "an operator, a comma or )")?;
        }
        self.deep(Node::many(arguments, |arguments| Expression::Call { name, arguments }))
    }

    fn comma(&mut self) -> bool {
        self.scanner.skip_space();
        self.scanner.take(",")
    }

    fn path(&mut self) -> Result<Node, ParseError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut path = PathScanner::default();
        while let Some(c) = self.scanner.peek() {
            let next = self.scanner.rest().chars().nth(1);
            if c == '{' && path.is_open() {
                parts.push((PathPart::Text(std::mem::take(&mut text)), 0));
                self.scanner.skip(1);
                parts.push(self.expression(Level::Or)?.into_part());
                self.closing("}", "an operator or }")?;
            } else if path.accepts(c, next) {
                text.push(c);
                self.scanner.skip(c.len_utf8());
            } else {
                break;
            }
        }
        parts.push((PathPart::Text(text), 0));
        match path.is_complete() {
            true => self.deep(Node::parameter(parts)),
            false => Err(self.error("] at the end of the alias")),
        }
    }

    fn closing(&mut self, symbol: &str, expected: &'static str) -> Result<(), ParseError> {
        self.scanner.skip_space();
        self.scanner.take(symbol).then_some(()).ok_or_else(|| self.error(expected))
    }

    fn word(&mut self, word: &str, expected: &'static str) -> Result<(), ParseError> {
        self.scanner.skip_space();
        self.scanner.take_word(word).then_some(()).ok_or_else(|| self.error(expected))
    }

    fn error(&self, expected: impl Into<Cow<'static, str>>) -> ParseError {
        ParseError { position: self.scanner.position(), expected: expected.into() }
    }

    fn deep(&self, node: Result<Node, TooDeep>) -> Result<Node, ParseError> {
        node.map_err(|TooDeep| self.too_deep())
    }

    fn too_deep(&self) -> ParseError {
        self.error(format!("at most {EXPRESSION_DEPTH_MAX} expressions within each other"))
    }
}

fn symbol(scanner: &mut Scanner<'_>) -> Option<Operator> {
    if scanner.take("||") {
        return Some(Operator::Concatenate);
    }
    // The longer ones first.
    let mut comparisons = Comparison::ALL;
    comparisons.sort_by_key(|it| std::cmp::Reverse(it.as_str().len()));
    if let Some(found) = comparisons.into_iter().find(|it| scanner.take(it.as_str())) {
        return Some(Operator::Compare(found));
    }
    let found = Arithmetic::ALL.into_iter().find(|it| scanner.take(it.as_str()));
    found.map(Operator::Arithmetic)
}

fn word_operator(scanner: &mut Scanner<'_>) -> Option<Operator> {
    if scanner.take_word("AND") {
        return Some(Operator::And);
    }
    if scanner.take_word("OR") {
        return Some(Operator::Or);
    }
    let is = scanner.take_word("IS");
    if is {
        scanner.skip_space();
    }
    let negated = scanner.take_word("NOT");
    scanner.skip_space();
    match is {
        true => scanner.take_word("NULL").then_some(Operator::IsNull { negated }),
        false => scanner.take_word("LIKE").then_some(Operator::Like { negated }),
    }
}
