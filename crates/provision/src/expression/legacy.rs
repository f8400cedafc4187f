//! Preconditions as older versions of GenieACS store them: filters in JSON (compat 2.10).

use serde_json::Value as Json;

use super::json::Reader;
use super::node::Node;
use super::{Comparison, Expression, NotAnExpression, PathPart, Value};
use crate::compat;

impl Expression {
    /// Reads a precondition in JSON, such as `{"DeviceID.OUI": "202BC1", "_tags": {"$ne": "lab"}}`.
    ///
    /// There are `$and` and `$or`, a value of a parameter, its comparison by `$eq`, `$ne`, `$lt`,
    /// `$lte`, `$gt` and `$gte`, and `_tags` for the parameter `Tags.` of that name. `$ne` is also
    /// true for a missing parameter. An empty filter is always true.
    ///
    /// # Errors
    /// [`NotAnExpression`] for all else, and beyond the limits of [`from_json`](Self::from_json).
    pub fn from_filter(json: &Json) -> Result<Self, NotAnExpression> {
        Ok(filter(&mut Reader::new(), json)?.expression)
    }
}

fn filter(reader: &mut Reader, json: &Json) -> Result<Node, NotAnExpression> {
    let Json::Object(members) = json else {
        return Err(reader.error("an object of parameters and conditions"));
    };
    let mut conditions = Vec::new();
    for (key, value) in members {
        reader.count()?;
        conditions.push(reader.within(key, |reader| match key.as_str() {
            "$and" => junction(reader, value, Expression::And, true),
            "$or" => junction(reader, value, Expression::Or, false),
            "_tags" => comparisons(reader, value, tag),
            _ if key.starts_with('$') => Err(reader.error("$and, $or or a parameter")),
            _ => comparisons(reader, value, |reader, comparison, value| {
                parameter(reader, key, comparison, value)
            }),
        })?);
    }
    all(reader, conditions, Expression::And, true)
}

/// `$and` and `$or`.
fn junction(
    reader: &mut Reader,
    json: &Json,
    make: fn(Vec<Expression>) -> Expression,
    neutral: bool,
) -> Result<Node, NotAnExpression> {
    let Json::Array(items) = json else {
        return Err(reader.error("an array of filters"));
    };
    let mut conditions = Vec::new();
    for (index, item) in items.iter().enumerate() {
        reader.count()?;
        conditions.push(reader.within(index, |reader| filter(reader, item))?);
    }
    all(reader, conditions, make, neutral)
}

/// All conditions in one expression; none at all is the neutral value.
fn all(
    reader: &Reader,
    mut conditions: Vec<Node>,
    make: fn(Vec<Expression>) -> Expression,
    neutral: bool,
) -> Result<Node, NotAnExpression> {
    match conditions.len() {
        0 => Ok(Node::literal(neutral)),
        1 => conditions.pop().ok_or_else(|| reader.error("a condition")),
        _ => reader.deep(Node::many(conditions, make)),
    }
}

/// What a member says: a value to be equal to, or comparisons that must all hold.
fn comparisons(
    reader: &mut Reader,
    json: &Json,
    make: impl Fn(&Reader, Comparison, &Json) -> Result<Node, NotAnExpression>,
) -> Result<Node, NotAnExpression> {
    let Json::Object(members) = json else {
        return make(reader, Comparison::Equal, json);
    };
    let mut conditions = Vec::new();
    for (key, value) in members {
        reader.count()?;
        let Some(comparison) = comparison(key) else {
            return Err(reader.error("$eq, $ne, $lt, $lte, $gt or $gte"));
        };
        conditions.push(reader.within(key, |reader| make(reader, comparison, value))?);
    }
    match conditions.is_empty() {
        true => Err(reader.error("a comparison")),
        false => all(reader, conditions, Expression::And, true),
    }
}

fn comparison(key: &str) -> Option<Comparison> {
    Some(match key {
        "$eq" => Comparison::Equal,
        "$ne" => Comparison::NotEqual,
        "$lt" => Comparison::Less,
        "$lte" => Comparison::LessOrEqual,
        "$gt" => Comparison::Greater,
        "$gte" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// `_tags`: whether the device has a tag.
fn tag(reader: &Reader, comparison: Comparison, json: &Json) -> Result<Node, NotAnExpression> {
    let (Json::String(tag), Comparison::Equal | Comparison::NotEqual) = (json, comparison) else {
        return Err(reader.error("the name of a tag, or $ne with it"));
    };
    let path = format!("Tags.{}", compat::encode_tag(tag));
    parameter(reader, &path, comparison, &Json::from(true))
}

fn parameter(
    reader: &Reader,
    path: &str,
    comparison: Comparison,
    json: &Json,
) -> Result<Node, NotAnExpression> {
    let value = reader.scalar(json)?;
    let parameter = || {
        let part = (PathPart::Text(path.to_owned()), 0);
        reader.deep(Node::parameter(vec![part]))
    };
    let compared = match (comparison, &value.expression) {
        (Comparison::Equal, Expression::Literal(Value::Null)) => parameter()?.null_test(false),
        (Comparison::NotEqual, Expression::Literal(Value::Null)) => parameter()?.null_test(true),
        (Comparison::NotEqual, _) => {
            let differs = reader.deep(parameter()?.compare(comparison, value))?;
            let is_missing = reader.deep(parameter()?.null_test(false))?;
            Node::many(vec![differs, is_missing], Expression::Or)
        }
        _ => parameter()?.compare(comparison, value),
    };
    reader.deep(compared)
}
