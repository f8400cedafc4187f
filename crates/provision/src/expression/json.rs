//! Expressions as GenieACS 1.2 stores them: arrays with the operator in front (compat 2.10).

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::node::{Node, TooDeep};
use super::scan::is_function_name;
use super::{Arithmetic, Branch, Comparison, Expression, Path, PathPart, Value, number};
use crate::limits::{EXPRESSION_ARGUMENTS_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX};

/// A value of JSON is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: expected {expected}", if place.is_empty() { "the top" } else { place })]
pub struct NotAnExpression {
    /// Where in the JSON, as a JSON pointer such as `/1/0`.
    pub place: String,
    /// What should stand there, in one line.
    pub expected: Cow<'static, str>,
}

impl Expression {
    /// Reads an expression that is stored as JSON, such as
    /// `["=", ["PARAM", "DeviceID.OUI"], "202BC1"]`.
    ///
    /// A boolean, number, text or null is a literal. The others are arrays that begin with
    /// `PARAM` (and a path), `FUNC` (a name and arguments), `CASE` (conditions and values in turn,
    /// and the value otherwise) or an operator as it is written: `AND`, `NOT`, `=`, `NOT LIKE`
    /// (text, pattern, escape), `IS NULL`, `||` and so on. Those of AND, OR, `||` and arithmetic
    /// may have any number of operands.
    ///
    /// # Errors
    /// [`NotAnExpression`], also for one beyond [`EXPRESSION_DEPTH_MAX`] or
    /// [`EXPRESSION_NODES_MAX`].
    pub fn from_json(json: &Json) -> Result<Self, NotAnExpression> {
        Ok(Reader::new().node(json)?.expression)
    }

    /// The expression as JSON, which [`from_json`](Self::from_json) reads.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Literal(value) => literal(value),
            Self::Parameter(path) => json!(["PARAM", path_json(path)]),
            Self::Not(operand) => json!(["NOT", operand.to_json()]),
            Self::And(operands) => array("AND", operands),
            Self::Or(operands) => array("OR", operands),
            Self::Concatenate(operands) => array("||", operands),
            Self::Compare { operator, left, right } => {
                json!([operator.as_str(), left.to_json(), right.to_json()])
            }
            Self::Arithmetic { operator, left, right } => {
                json!([operator.as_str(), left.to_json(), right.to_json()])
            }
            Self::Like { text, pattern, escape, negated } => {
                let operands = [text, pattern].into_iter().chain(escape).map(|it| &**it);
                array(if *negated { "NOT LIKE" } else { "LIKE" }, operands)
            }
            Self::IsNull { operand, negated } => {
                json!([if *negated { "IS NOT NULL" } else { "IS NULL" }, operand.to_json()])
            }
            Self::Case { branches, otherwise } => {
                let pairs =
                    branches.iter().flat_map(|Branch { condition, value }| [condition, value]);
                array("CASE", pairs.chain(otherwise.as_deref()))
            }
            Self::Call { name, arguments } => {
                let head = ["FUNC", name].into_iter().map(Json::from);
                Json::Array(head.chain(arguments.iter().map(Self::to_json)).collect())
            }
        }
    }
}

fn array<'a>(head: &str, operands: impl IntoIterator<Item = &'a Expression>) -> Json {
    let operands = operands.into_iter().map(Expression::to_json);
    Json::Array(std::iter::once(Json::from(head)).chain(operands).collect())
}

fn literal(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        // JSON has no infinity; this is worth it.
        Value::Number(number) if number.is_infinite() => json!(["+", number::to_text(*number), 0]),
        Value::Number(number) => {
            let text = number::to_text(*number);
            text.parse::<i64>().map_or_else(|_| Json::from(*number), Json::from)
        }
        Value::Text(text) => Json::from(text.as_str()),
    }
}

fn path_json(path: &Path) -> Json {
    let part = |part: &PathPart| match part {
        PathPart::Text(text) => Json::from(text.as_str()),
        PathPart::Expression(expression) => expression.to_json(),
    };
    match path.parts() {
        [] => Json::from(""),
        [single] => part(single),
        parts => {
            Json::Array(std::iter::once(Json::from("||")).chain(parts.iter().map(part)).collect())
        }
    }
}

/// Places within each other. A path of several parts needs two beside its own.
const PLACES_MAX: usize = 3 * EXPRESSION_DEPTH_MAX;

/// Where it is and how much it has read.
pub(super) struct Reader {
    pub(super) place: Vec<String>,
    nodes: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { place: Vec::new(), nodes: 0 }
    }

    fn node(&mut self, json: &Json) -> Result<Node, NotAnExpression> {
        self.count()?;
        match json {
            Json::Array(items) => self.array(items),
            Json::Object(_) => Err(self.error("a literal or an array with an operator")),
            scalar => self.scalar(scalar),
        }
    }

    /// A literal.
    pub(super) fn scalar(&self, json: &Json) -> Result<Node, NotAnExpression> {
        match json {
            Json::Null => Ok(Node::literal(Value::Null)),
            Json::Bool(value) => Ok(Node::literal(*value)),
            Json::Number(number) => Ok(Node::literal(number.as_f64())),
            Json::String(text) => Ok(Node::literal(text.as_str())),
            _ => Err(self.error("a text, a number, a boolean or null")),
        }
    }

    fn array(&mut self, items: &[Json]) -> Result<Node, NotAnExpression> {
        let Some((Json::String(head), items)) = items.split_first() else {
            return Err(self.error("an operator as the first item"));
        };
        match head.as_str() {
            "FUNC" => return self.call(items),
            "PARAM" => return self.parameter(items),
            _ => {}
        }
        let operands = self.operands(items, 1)?;
        let built = build(head, operands).ok_or_else(|| {
            self.error("a known operator with the number of operands that it has")
        })?;
        self.deep(built)
    }

    /// The operands, of which the first has this index in its array.
    fn operands(&mut self, items: &[Json], first: usize) -> Result<Vec<Node>, NotAnExpression> {
        (first..).zip(items).map(|(index, item)| self.within(index, |it| it.node(item))).collect()
    }

    fn call(&mut self, items: &[Json]) -> Result<Node, NotAnExpression> {
        let name = match items.split_first() {
            Some((Json::String(name), _)) if is_function_name(name) => name.to_ascii_uppercase(),
            _ => return Err(self.error("the name of a function as the second item")),
        };
        let items = items.get(1..).unwrap_or_default();
        if items.len() > EXPRESSION_ARGUMENTS_MAX {
            return Err(self.error(format!("at most {EXPRESSION_ARGUMENTS_MAX} arguments")));
        }
        let arguments = self.operands(items, 2)?;
        self.deep(Node::many(arguments, |arguments| Expression::Call { name, arguments }))
    }

    fn parameter(&mut self, items: &[Json]) -> Result<Node, NotAnExpression> {
        match items {
            [path] => {
                let parts = self.within(1, |it| it.path_parts(path))?;
                self.deep(Node::parameter(parts))
            }
            _ => Err(self.error("one path")),
        }
    }

    fn path_parts(&mut self, json: &Json) -> Result<Vec<(PathPart, usize)>, NotAnExpression> {
        self.count()?;
        match json {
            Json::String(text) => Ok(vec![(PathPart::Text(text.clone()), 0)]),
            Json::Array(items) if items.first().is_some_and(|head| head == "||") => {
                let parts = self.operands(items.get(1..).unwrap_or_default(), 1)?;
                Ok(parts.into_iter().map(Node::into_part).collect())
            }
            _ => Ok(vec![self.node(json)?.into_part()]),
        }
    }

    /// Reads something at a deeper place.
    pub(super) fn within<T>(
        &mut self,
        place: impl ToString,
        read: impl FnOnce(&mut Self) -> Result<T, NotAnExpression>,
    ) -> Result<T, NotAnExpression> {
        if self.place.len() >= PLACES_MAX {
            return Err(self.too_deep());
        }
        self.place.push(place.to_string());
        let result = read(self)?;
        self.place.pop();
        Ok(result)
    }

    /// Counts one more part of the expression.
    pub(super) fn count(&mut self) -> Result<(), NotAnExpression> {
        self.nodes = self.nodes.saturating_add(1);
        match self.nodes > EXPRESSION_NODES_MAX {
            true => Err(self.error(format!("at most {EXPRESSION_NODES_MAX} operands in all"))),
            false => Ok(()),
        }
    }

    pub(super) fn error(&self, expected: impl Into<Cow<'static, str>>) -> NotAnExpression {
        let escaped = self.place.iter().map(|it| it.replace('~', "~0").replace('/', "~1"));
        let place = escaped.map(|it| format!("/{it}")).collect();
        NotAnExpression { place, expected: expected.into() }
    }

    pub(super) fn deep(&self, node: Result<Node, TooDeep>) -> Result<Node, NotAnExpression> {
        node.map_err(|TooDeep| self.too_deep())
    }

    fn too_deep(&self) -> NotAnExpression {
        self.error(format!("at most {EXPRESSION_DEPTH_MAX} expressions within each other"))
    }
}

/// An operator with its operands; `None` when there is no such operator with that many.
fn build(head: &str, mut operands: Vec<Node>) -> Option<Result<Node, TooDeep>> {
    let comparison = Comparison::ALL.into_iter().find(|it| it.as_str() == head);
    let arithmetic = Arithmetic::ALL.into_iter().find(|it| it.as_str() == head);
    let count = operands.len();
    Some(match (head, count) {
        ("AND" | "OR" | "||", 1..) => chain(head, operands),
        ("NOT", 1) => operands.pop()?.one(Expression::Not),
        ("IS NULL", 1) => operands.pop()?.null_test(false),
        ("IS NOT NULL", 1) => operands.pop()?.null_test(true),
        ("LIKE" | "NOT LIKE", 2 | 3) => {
            let mut operands = operands.into_iter();
            let (text, pattern) = (operands.next()?, operands.next()?);
            text.like(pattern, operands.next(), head == "NOT LIKE")
        }
        ("CASE", 2..) => Node::case(operands),
        (_, 2) if comparison.is_some() => {
            let (right, left) = (operands.pop()?, operands.pop()?);
            left.compare(comparison?, right)
        }
        (_, 2..) => {
            let arithmetic = arithmetic?;
            let mut operands = operands.into_iter();
            let first = operands.next()?;
            operands.try_fold(first, |left, right| left.calculate(arithmetic, right))
        }
        _ => return None,
    })
}

fn chain(head: &str, mut operands: Vec<Node>) -> Result<Node, TooDeep> {
    let (neutral, make): (Value, fn(Vec<Expression>) -> Expression) = match head {
        "AND" => (true.into(), Expression::And),
        "OR" => (false.into(), Expression::Or),
        _ => ("".into(), Expression::Concatenate),
    };
    // One alone is worth its truth or its text, as with a neutral one beside it.
    if operands.len() == 1 {
        operands.push(Node::literal(neutral));
    }
    Node::many(operands, make)
}
