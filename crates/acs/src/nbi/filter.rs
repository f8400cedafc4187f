//! Queries in the form of MongoDB, evaluated over documents.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value as Json};

use super::scalar::{Scalar, parse_date};
use crate::limits::{QUERY_CONDITIONS_MAX, QUERY_DEPTH_MAX, QUERY_PATTERN_BYTES_MAX};

/// The operators that are understood, for error messages.
const OPERATORS: &str = "$eq $ne $gt $gte $lt $lte $in $nin $all $exists $regex $options $not \
                         $type $and $or $nor";

/// A query that cannot be understood: what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct QueryError(String);

impl QueryError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A condition on a document.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Field(String, Test),
}

/// A condition on one field.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// The field, or an item of it, is one of these.
    Equals(Vec<Operand>),
    /// The field is on this side of one of these.
    Compare(Comparison, Vec<Operand>),
    Exists(bool),
    Type(TypeName),
    Not(Box<Self>),
    All(Vec<Self>),
}

/// What a field is compared with.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Value(Scalar<'static>),
    Pattern(Regex),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum TypeName {
    Number,
    Text,
    Object,
    List,
    Bool,
    Date,
    Null,
}

/// How the names of fields are written in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Names of parameters, which mean their `_value`.
    Parameters,
    /// As they are.
    Plain,
}

impl Names {
    /// The field that a client means: `._value` is added to a name whose last part does not start
    /// with `_`.
    pub(super) fn resolve(self, name: &str) -> String {
        let last = name.rsplit('.').next().unwrap_or(name);
        if self == Self::Plain || last.starts_with('_') {
            return name.to_owned();
        }
        format!("{name}._value")
    }
}

impl Filter {
    /// The condition that everything meets.
    pub(super) const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// Reads a query.
    ///
    /// # Errors
    /// [`QueryError`] for bad JSON, an unknown operator or a value that it cannot have.
    pub(super) fn parse(text: &str, names: Names) -> Result<Self, QueryError> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| QueryError(format!("SyntaxError: query is not JSON: {error}")))?;
        Parser { names, conditions: 0 }.filter(&json, 0)
    }

    /// Whether a document matches; `field` finds its fields.
    pub(super) fn matches<'a>(&self, field: &impl Fn(&str) -> Scalar<'a>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|filter| filter.matches(field)),
            Self::Any(any) => any.iter().any(|filter| filter.matches(field)),
            Self::Not(filter) => !filter.matches(field),
            Self::Field(name, test) => test.matches(&field(name)),
        }
    }

    /// The only `_id`s that can match, where the query says so.
    pub(super) fn ids(&self) -> Option<Vec<String>> {
        match self {
            Self::All(all) => all.iter().find_map(Self::ids),
            Self::Field(name, Test::Equals(operands)) if name == "_id" => exact_texts(operands),
            Self::Field(name, Test::All(tests)) if name == "_id" => {
                let mut exact = tests.iter().filter_map(|test| match test {
                    Test::Equals(operands) => exact_texts(operands),
                    _ => None,
                });
                exact.next()
            }
            _ => None,
        }
    }

    /// Whether everything matches.
    pub(super) const fn is_everything(&self) -> bool {
        matches!(self, Self::All(all) if all.is_empty())
    }
}

fn exact_texts(operands: &[Operand]) -> Option<Vec<String>> {
    let is_pattern = |operand: &Operand| matches!(operand, Operand::Pattern(_));
    if operands.iter().any(is_pattern) {
        return None;
    }
    let texts = operands.iter().filter_map(|operand| match operand {
        Operand::Value(Scalar::Text(text)) => Some(text.clone().into_owned()),
        _ => None,
    });
    Some(texts.collect())
}

impl Test {
    fn matches(&self, value: &Scalar<'_>) -> bool {
        match self {
            Self::Equals(operands) => {
                with_items(value, |item| operands.iter().any(|operand| operand.equals(item)))
            }
            Self::Compare(comparison, operands) => with_items(value, |item| {
                operands.iter().any(|operand| comparison.holds(item, operand))
            }),
            Self::Exists(wanted) => (*value != Scalar::Missing) == *wanted,
            Self::Type(name) => name.is_of(value),
            Self::Not(test) => !test.matches(value),
            Self::All(tests) => tests.iter().all(|test| test.matches(value)),
        }
    }
}

/// A list matches when one of its items does.
fn with_items(value: &Scalar<'_>, test: impl Fn(&Scalar<'_>) -> bool) -> bool {
    match value {
        Scalar::List(items) => items.iter().any(test),
        single => test(single),
    }
}

impl Operand {
    fn equals(&self, value: &Scalar<'_>) -> bool {
        match (self, value) {
            (Self::Value(operand), value) => value.compare(operand) == Some(Ordering::Equal),
            (Self::Pattern(pattern), Scalar::Text(text)) => pattern.is_match(text),
            (Self::Pattern(_), _) => false,
        }
    }
}

impl Comparison {
    fn holds(self, value: &Scalar<'_>, operand: &Operand) -> bool {
        let Operand::Value(operand) = operand else { return false };
        let Some(order) = value.compare(operand) else { return false };
        match self {
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }
}

impl TypeName {
    /// The names and numbers of MongoDB.
    fn read(json: &Json) -> Option<Self> {
        let number = json.as_i64().or_else(|| json.as_str()?.parse().ok());
        match (number, json.as_str()) {
            (Some(1 | 16 | 18 | 19), _) => Some(Self::Number),
            (_, Some("number" | "double" | "int" | "long" | "decimal")) => Some(Self::Number),
            (Some(2), _) | (_, Some("string")) => Some(Self::Text),
            (Some(3), _) | (_, Some("object")) => Some(Self::Object),
            (Some(4), _) | (_, Some("array")) => Some(Self::List),
            (Some(8), _) | (_, Some("bool")) => Some(Self::Bool),
            (Some(9), _) | (_, Some("date")) => Some(Self::Date),
            (Some(10), _) | (_, Some("null")) => Some(Self::Null),
            _ => None,
        }
    }

    const fn is_of(self, value: &Scalar<'_>) -> bool {
        matches!(
            (self, value),
            (Self::Number, Scalar::Number(_))
                | (Self::Text, Scalar::Text(_))
                | (Self::Object, Scalar::Object)
                | (Self::List, Scalar::List(_))
                | (Self::Bool, Scalar::Bool(_))
                | (Self::Date, Scalar::Date(_))
                | (Self::Null, Scalar::Null)
        )
    }
}

struct Parser {
    names: Names,
    conditions: usize,
}

impl Parser {
    fn filter(&mut self, json: &Json, depth: usize) -> Result<Filter, QueryError> {
        let Json::Object(members) = json else {
            return Err(QueryError(format!(
                "SyntaxError: a query is an object such as {{\"_id\":\"…\"}}, not {json}"
            )));
        };
        check_depth(depth)?;
        let mut all = Vec::with_capacity(members.len());
        for (name, value) in members {
            all.push(self.member(name, value, depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Filter::All(all) })
    }

    fn member(&mut self, name: &str, value: &Json, depth: usize) -> Result<Filter, QueryError> {
        match name {
            "$and" => Ok(Filter::All(self.filters(name, value, depth)?)),
            "$or" => Ok(Filter::Any(self.filters(name, value, depth)?)),
            "$nor" => {
                let any = Filter::Any(self.filters(name, value, depth)?);
                Ok(Filter::Not(Box::new(any)))
            }
            operator if operator.starts_with('$') => Err(unknown(operator)),
            field => Ok(Filter::Field(self.names.resolve(field), self.test(field, value, depth)?)),
        }
    }

    fn filters(
        &mut self,
        operator: &str,
        value: &Json,
        depth: usize,
    ) -> Result<Vec<Filter>, QueryError> {
        let filters = value.as_array().filter(|filters| !filters.is_empty());
        let Some(filters) = filters else {
            return Err(QueryError(format!("{operator} needs a list of conditions, not {value}")));
        };
        filters.iter().map(|filter| self.filter(filter, depth + 1)).collect()
    }

    fn test(&mut self, field: &str, value: &Json, depth: usize) -> Result<Test, QueryError> {
        let Json::Object(operators) = value else {
            return Ok(Test::Equals(self.operands(field, value)?));
        };
        check_depth(depth)?;
        if operators.is_empty() {
            let text =
                format!("{field}: an empty object is no condition; use {{\"$exists\":true}}");
            return Err(QueryError(text));
        }
        let mut all = Vec::with_capacity(operators.len());
        for (operator, value) in operators.iter().filter(|(name, _)| *name != "$options") {
            all.push(self.operator(field, operator, value, operators, depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Test::All(all) })
    }

    fn operator(
        &mut self,
        field: &str,
        operator: &str,
        value: &Json,
        siblings: &Map<String, Json>,
        depth: usize,
    ) -> Result<Test, QueryError> {
        let not = |test| Test::Not(Box::new(test));
        match operator {
            "$eq" => Ok(Test::Equals(self.operands(field, value)?)),
            "$ne" => Ok(not(Test::Equals(self.operands(field, value)?))),
            "$gt" => self.compare(field, Comparison::Greater, value),
            "$gte" => self.compare(field, Comparison::GreaterOrEqual, value),
            "$lt" => self.compare(field, Comparison::Less, value),
            "$lte" => self.compare(field, Comparison::LessOrEqual, value),
            "$in" => Ok(Test::Equals(self.list(field, operator, value)?.concat())),
            "$nin" => Ok(not(Test::Equals(self.list(field, operator, value)?.concat()))),
            "$all" => {
                let each = self.list(field, operator, value)?;
                Ok(Test::All(each.into_iter().map(Test::Equals).collect()))
            }
            "$exists" => Ok(Test::Exists(is_true(value))),
            "$regex" => regex_of(field, value, siblings.get("$options")),
            "$not" => Ok(not(self.test(field, value, depth + 1)?)),
            "$type" => {
                let name = TypeName::read(value);
                name.map(Test::Type).ok_or_else(|| bad_value(field, operator, value, "a type"))
            }
            other => Err(unknown(other)),
        }
    }

    fn compare(
        &mut self,
        field: &str,
        comparison: Comparison,
        value: &Json,
    ) -> Result<Test, QueryError> {
        Ok(Test::Compare(comparison, self.operands(field, value)?))
    }

    fn list(
        &mut self,
        field: &str,
        operator: &str,
        value: &Json,
    ) -> Result<Vec<Vec<Operand>>, QueryError> {
        let items = value.as_array();
        let items = items.ok_or_else(|| bad_value(field, operator, value, "a list"))?;
        items.iter().map(|item| self.operands(field, item)).collect()
    }

    /// All that a value may mean: a text is also the number, the date, the regular expression or
    /// the wildcard that it spells.
    fn operands(&mut self, field: &str, value: &Json) -> Result<Vec<Operand>, QueryError> {
        self.conditions += 1;
        if self.conditions > QUERY_CONDITIONS_MAX {
            let text =
                format!("the query has more than {QUERY_CONDITIONS_MAX} conditions; split it");
            return Err(QueryError(text));
        }
        match value {
            Json::String(text) => text_operands(field, text),
            Json::Null | Json::Bool(_) | Json::Number(_) => {
                Ok(vec![Operand::Value(Scalar::of_json(Some(value), false).into_owned())])
            }
            Json::Array(_) | Json::Object(_) => {
                Err(QueryError(format!("{field}: cannot be compared with {value}; use $in")))
            }
        }
    }
}

fn text_operands(field: &str, text: &str) -> Result<Vec<Operand>, QueryError> {
    let mut operands = vec![Operand::Value(Scalar::text(text).into_owned())];
    if let Some(number) = number(text) {
        operands.push(Operand::Value(Scalar::Number(number)));
    }
    if let Some(date) = date(text) {
        operands.push(Operand::Value(date));
    }
    if let Some((pattern, flags)) = slashes(text) {
        operands.push(Operand::Pattern(pattern_of(field, pattern, flags)?));
    }
    if text.contains('*') {
        let pieces: Vec<String> = text.split('*').map(regex::escape).collect();
        let pattern = format!("^{}$", pieces.join(".*"));
        operands.push(Operand::Pattern(pattern_of(field, &pattern, "s")?));
    }
    Ok(operands)
}

fn number(text: &str) -> Option<f64> {
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    starts.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

/// Short texts and years long gone are no dates.
fn date(text: &str) -> Option<Scalar<'static>> {
    let instant = parse_date(text).filter(|_| text.len() >= 8)?;
    let year = instant.to_zoned(jiff::tz::TimeZone::UTC).year();
    (year > 1983).then(|| Scalar::date(instant))
}

/// `/pattern/flags`.
fn slashes(text: &str) -> Option<(&str, &str)> {
    let (pattern, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    let are_flags = flags.bytes().all(|flag| flag.is_ascii_lowercase());
    (are_flags && !pattern.is_empty()).then_some((pattern, flags))
}

fn pattern_of(field: &str, pattern: &str, flags: &str) -> Result<Regex, QueryError> {
    RegexBuilder::new(pattern)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .ignore_whitespace(flags.contains('x'))
        .size_limit(QUERY_PATTERN_BYTES_MAX)
        .dfa_size_limit(QUERY_PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| {
            let reason = error.to_string().replace('\n', " ");
            QueryError(format!("{field}: the regular expression cannot be used: {reason}"))
        })
}

fn regex_of(field: &str, value: &Json, options: Option<&Json>) -> Result<Test, QueryError> {
    let text = value.as_str().ok_or_else(|| bad_value(field, "$regex", value, "a text"))?;
    let options = options.and_then(Json::as_str).unwrap_or_default();
    let (pattern, flags) = slashes(text).unwrap_or((text, options));
    Ok(Test::Equals(vec![Operand::Pattern(pattern_of(field, pattern, flags)?)]))
}

fn is_true(value: &Json) -> bool {
    match value {
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => text != "false",
        _ => false,
    }
}

fn check_depth(depth: usize) -> Result<(), QueryError> {
    if depth > QUERY_DEPTH_MAX {
        let text = format!("the query is nested more than {QUERY_DEPTH_MAX} levels deep");
        return Err(QueryError(text));
    }
    Ok(())
}

fn unknown(operator: &str) -> QueryError {
    QueryError(format!("unknown operator {operator:?}; these are known: {OPERATORS}"))
}

fn bad_value(field: &str, operator: &str, value: &Json, needs: &str) -> QueryError {
    QueryError(format!("{field}: {operator} needs {needs}, not {value}"))
}

#[cfg(test)]
mod tests;
