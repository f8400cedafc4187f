//! Conditions in the words of a database. Values are bound, and never a part of the text.

use std::fmt::Write as _;

use drover_provision::expression::LikePart;

use super::condition::{Condition, Field, Like, TextColumn, TimeColumn};
use super::values::{Cut, Point, Range, Side, Values};
use super::{Binding, Dialect};

/// A condition on the rows of `device`. What it binds is added to `bindings`, whose first is `?1`
/// or `$1`.
pub(super) fn write(
    condition: &Condition,
    dialect: Dialect,
    bindings: &mut Vec<Binding>,
) -> String {
    Writer { dialect, bindings }.condition(condition)
}

/// Whether the devices that fulfil a condition are listed, see `Writer::parameter`.
pub(super) fn is_list(condition: &Condition) -> bool {
    match condition {
        Condition::In(Field::Parameter(_), values) => !are_points(values),
        Condition::Like(Field::Parameter(_), _) => true,
        _ => false,
    }
}

fn are_points(values: &Values) -> bool {
    values.ranges().all(|range| Values::point(range).is_some())
}

/// The devices that fulfil a condition, as a query of one column, where they have rows in a table
/// that lists them: each device once.
pub(super) fn source(
    condition: &Condition,
    dialect: Dialect,
    bindings: &mut Vec<Binding>,
) -> Option<String> {
    let mut writer = Writer { dialect, bindings };
    match condition {
        Condition::In(Field::Parameter(path), values) if !values.null => {
            Some(writer.rows(*path, |writer| writer.indexed(values)))
        }
        Condition::Like(Field::Parameter(path), like) => {
            Some(writer.rows(*path, |writer| Some(writer.indexed_like(like))))
        }
        Condition::In(Field::Tag(tag), values) if !values.null => {
            let tag = writer.bind(Binding::Text(tag.clone()));
            Some(format!("SELECT device FROM tag WHERE tag = {tag}"))
        }
        _ => None,
    }
}

struct Writer<'a> {
    dialect: Dialect,
    bindings: &'a mut Vec<Binding>,
}

impl Writer<'_> {
    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Always => "TRUE".to_owned(),
            Condition::Never => "FALSE".to_owned(),
            Condition::And(conditions) => {
                let conditions = conditions.iter().map(|it| self.condition(it)).collect();
                join(conditions, " AND ", "TRUE")
            }
            Condition::Or(conditions) => {
                let conditions = conditions.iter().map(|it| self.condition(it)).collect();
                join(conditions, " OR ", "FALSE")
            }
            Condition::In(field, values) => self.values(field, values),
            Condition::Like(field, like) => self.like(field, like),
        }
    }

    fn values(&mut self, field: &Field, values: &Values) -> String {
        match field {
            Field::Parameter(path) if values.null => {
                format!("NOT {}", self.parameter(*path, &values.not()))
            }
            Field::Parameter(path) => self.parameter(*path, values),
            Field::Text(column) => self.ranges(column.name(), values),
            Field::Time(column) => self.times(*column, values),
            Field::Tag(tag) => {
                let tag = self.bind(Binding::Text(tag.clone()));
                let not = if values.null { "NOT " } else { "" };
                format!(
                    "{not}EXISTS (SELECT 1 FROM tag WHERE tag = {tag} AND tag.device = device.id)"
                )
            }
        }
    }

    /// The devices with one of these values in the index.
    fn parameter(&mut self, path: i64, values: &Values) -> String {
        let rows = self.rows(path, |writer| writer.indexed(values));
        // Single values are looked up for each device; of ranges, a list is made once.
        match are_points(values) {
            true => format!("EXISTS ({rows} AND param.device = device.id)"),
            false => format!("device.id IN ({rows})"),
        }
    }

    /// The rows of the index of a path.
    fn rows(&mut self, path: i64, row: impl FnOnce(&mut Self) -> Option<String>) -> String {
        let path = self.bind(Binding::Integer(path));
        let row = row(self).map_or_else(String::new, |row| format!(" AND {row}"));
        format!("SELECT device FROM param WHERE path = {path}{row}")
    }

    /// The rows of the index with values that are not `NULL`; `None` for all.
    fn indexed(&mut self, values: &Values) -> Option<String> {
        let values = values.and(&Values::not_null());
        if values == Values::not_null() {
            return None;
        }
        Some(match self.dialect {
            Dialect::Sqlite => self.ranges("value", &values),
            Dialect::Postgres => {
                let numbers = values.and(&Values::numbers());
                let texts = values.and(&Values::texts());
                let columns =
                    [("number", numbers, Values::numbers()), ("text", texts, Values::texts())];
                let mut parts = Vec::new();
                for (column, some, all) in columns {
                    if some == all {
                        parts.push(format!("{column} IS NOT NULL"));
                    } else if !some.is_none() {
                        parts.push(self.ranges(column, &some));
                    }
                }
                join(parts, " OR ", "FALSE")
            }
        })
    }

    /// A column with values of one of the ranges.
    fn ranges(&mut self, column: &str, values: &Values) -> String {
        let mut points = Vec::new();
        let mut parts = Vec::new();
        for range in values.ranges() {
            match Values::point(range) {
                Some(point) => points.push(self.bind(point.into())),
                None => parts.push(self.range(column, range)),
            }
        }
        let is = |column: &str, points: &[String]| match points {
            [point] => format!("{column} = {point}"),
            _ => format!("{column} IN ({})", points.join(", ")),
        };
        if !points.is_empty() {
            let is_one = is(column, &points);
            parts.push(match self.is_long(column) {
                true => {
                    let beginnings: Vec<_> = points.iter().map(|point| beginning(point)).collect();
                    format!("({} AND {is_one})", is(&beginning(column), &beginnings))
                }
                false => is_one,
            });
        }
        join(parts, " OR ", "FALSE")
    }

    fn range(&mut self, column: &str, (begin, end): Range<'_>) -> String {
        // A column of PostgreSQL has one type, whose ends are no conditions.
        let is_end = |point: &Point| {
            self.dialect == Dialect::Postgres && *point == Point::Text(String::new())
        };
        let mut parts = Vec::new();
        for (cut, before, after) in [(Some(begin), ">=", ">"), (end, "<", "<=")] {
            let Some(Cut::At(point, side)) = cut else { continue };
            if *side == Side::Before && is_end(point) {
                continue;
            }
            let operator = if *side == Side::Before { before } else { after };
            parts.push((operator, point));
        }
        let parts = parts
            .into_iter()
            .map(|(operator, point)| {
                let bound = self.bind(point.into());
                let is_there = format!("{column} {operator} {bound}");
                match (self.is_long(column), operator) {
                    (false, _) => is_there,
                    (true, "<" | "<=") => {
                        format!("{} <= {} AND {is_there}", beginning(column), beginning(&bound))
                    }
                    (true, _) => {
                        format!("{} >= {} AND {is_there}", beginning(column), beginning(&bound))
                    }
                }
            })
            .collect();
        join(parts, " AND ", "TRUE")
    }

    /// Whether the database has an index of the beginnings of a column alone.
    fn is_long(&self, column: &str) -> bool {
        self.dialect == Dialect::Postgres && column == "text"
    }

    /// A column with microseconds; the values are milliseconds, cut towards zero.
    fn times(&mut self, column: TimeColumn, values: &Values) -> String {
        let name = column.name();
        let mut parts = Vec::new();
        if values.null {
            parts.push(format!("{name} IS NULL"));
        }
        for (begin, end) in values.ranges() {
            let begin = first_millisecond(begin).map(first_microsecond);
            let end = end.and_then(last_millisecond).map(last_microsecond);
            parts.push(match (begin, end) {
                (Some(begin), Some(end)) if begin > end => continue,
                (Some(begin), Some(end)) => {
                    let begin = self.bind(Binding::Integer(begin));
                    let end = self.bind(Binding::Integer(end));
                    format!("{name} BETWEEN {begin} AND {end}")
                }
                (Some(begin), None) => {
                    format!("{name} >= {}", self.bind(Binding::Integer(begin)))
                }
                (None, Some(end)) => format!("{name} <= {}", self.bind(Binding::Integer(end))),
                (None, None) => format!("{name} IS NOT NULL"),
            });
        }
        join(parts, " OR ", "FALSE")
    }

    fn like(&mut self, field: &Field, like: &Like) -> String {
        match field {
            Field::Parameter(path) => {
                let rows = self.rows(*path, |writer| Some(writer.indexed_like(like)));
                format!("device.id IN ({rows})")
            }
            Field::Text(column) => self.pattern(column.name(), like),
            // Sets tell these.
            Field::Time(_) | Field::Tag(_) => "TRUE".to_owned(),
        }
    }

    fn indexed_like(&mut self, like: &Like) -> String {
        let mut parts = match self.dialect {
            Dialect::Sqlite => {
                vec![format!("typeof(value) = 'text' AND {}", self.pattern("value", like))]
            }
            Dialect::Postgres => vec![self.pattern("text", like)],
        };
        if !like.numbers.is_none() {
            parts.extend(self.indexed(&like.numbers));
        }
        join(parts, " OR ", "FALSE")
    }

    fn pattern(&mut self, column: &str, like: &Like) -> String {
        let not = if like.negated { "NOT " } else { "" };
        let pattern = match self.dialect {
            Dialect::Sqlite => {
                let pattern = self.bind(Binding::Text(glob(&like.pattern)));
                // GLOB reads a text only up to a NUL.
                format!("({column} {not}GLOB {pattern} OR instr({column}, char(0)) > 0)")
            }
            Dialect::Postgres => {
                let pattern = self.bind(Binding::Text(escaped(&like.pattern)));
                // A character that cannot be stored as it is may be stored as two.
                format!(
                    "({column} {not}LIKE {pattern} ESCAPE '\\' OR strpos({column}, chr(1)) > 0)"
                )
            }
        };
        if like.texts == Values::texts() || like.texts == Values::prefix("") {
            return pattern;
        }
        format!("({} AND {pattern})", self.ranges(column, &like.texts))
    }

    fn bind(&mut self, binding: Binding) -> String {
        let (sign, type_name) = match (self.dialect, &binding) {
            (Dialect::Sqlite, _) => ('?', ""),
            (Dialect::Postgres, Binding::Integer(_)) => ('$', "::bigint"),
            (Dialect::Postgres, Binding::Number(_)) => ('$', "::double precision"),
            (Dialect::Postgres, Binding::Text(_)) => ('$', "::text"),
        };
        self.bindings.push(binding);
        format!("{sign}{}{type_name}", self.bindings.len())
    }
}

impl TextColumn {
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "device.key",
            Self::Manufacturer => "device.manufacturer",
            Self::Oui => "device.oui",
            Self::ProductClass => "device.product_class",
            Self::SerialNumber => "device.serial_number",
        }
    }
}

impl TimeColumn {
    const fn name(self) -> &'static str {
        match self {
            Self::Registered => "device.registered",
            Self::LastInform => "device.last_inform",
            Self::LastBoot => "device.last_boot",
            Self::LastBootstrap => "device.last_bootstrap",
        }
    }
}

impl From<&Point> for Binding {
    fn from(point: &Point) -> Self {
        match point {
            Point::Number(number) => Self::Number(*number),
            Point::Text(text) => Self::Text(text.clone()),
        }
    }
}

/// Joins in pairs, then pairs of pairs, as databases allow no expression that is too deep.
fn join(mut parts: Vec<String>, operator: &str, empty: &str) -> String {
    match parts.len() {
        0 => empty.to_owned(),
        1 => parts.remove(0),
        length => {
            let right = join(parts.split_off(length / 2), operator, empty);
            let left = join(parts, operator, empty);
            let mut joined = String::with_capacity(left.len() + right.len() + 8);
            // Writing to a String cannot fail.
            let _ = write!(joined, "({left}{operator}{right})");
            joined
        }
    }
}

/// The first integer from a cut on; `None` for all.
#[expect(clippy::cast_possible_truncation, reason = "no time is beyond the numbers of 64 bits")]
fn first_millisecond(cut: &Cut) -> Option<i64> {
    match cut {
        Cut::At(Point::Number(number), Side::Before) => Some(number.ceil() as i64),
        Cut::At(Point::Number(number), Side::After) => {
            Some((number.floor() as i64).saturating_add(1))
        }
        Cut::At(Point::Text(_), _) => Some(i64::MAX),
        Cut::Start => None,
    }
}

/// The last integer before a cut; `None` for all.
#[expect(clippy::cast_possible_truncation, reason = "no time is beyond the numbers of 64 bits")]
fn last_millisecond(cut: &Cut) -> Option<i64> {
    match cut {
        Cut::At(Point::Number(number), Side::Before) => {
            Some((number.ceil() as i64).saturating_sub(1))
        }
        Cut::At(Point::Number(number), Side::After) => Some(number.floor() as i64),
        Cut::At(Point::Text(_), _) => None,
        Cut::Start => Some(i64::MIN),
    }
}

/// The first microsecond that is cut to a millisecond or a later one.
const fn first_microsecond(millisecond: i64) -> i64 {
    let microsecond = millisecond.saturating_mul(1_000);
    if millisecond > 0 { microsecond } else { microsecond.saturating_sub(999) }
}

/// The last microsecond that is cut to a millisecond or an earlier one.
const fn last_microsecond(millisecond: i64) -> i64 {
    let microsecond = millisecond.saturating_mul(1_000);
    if millisecond < 0 { microsecond } else { microsecond.saturating_add(999) }
}

/// The part of a text that PostgreSQL's index of parameters has.
fn beginning(text: &str) -> String {
    format!("left({text}, 128)")
}

/// A pattern for SQLite's GLOB, to which capitals matter.
fn glob(pattern: &[LikePart]) -> String {
    let mut glob = String::new();
    for part in pattern {
        match part {
            LikePart::Any => glob.push('*'),
            LikePart::One => glob.push('?'),
            LikePart::Exactly(c @ ('*' | '?' | '[')) => glob.extend(['[', *c, ']']),
            LikePart::Exactly(c) => glob.push(*c),
        }
    }
    glob
}

/// A pattern for PostgreSQL's LIKE.
fn escaped(pattern: &[LikePart]) -> String {
    let mut like = String::new();
    for part in pattern {
        match part {
            LikePart::Any => like.push('%'),
            LikePart::One => like.push('_'),
            LikePart::Exactly(c @ ('%' | '_' | '\\')) => like.extend(['\\', *c]),
            LikePart::Exactly(c) => like.push(*c),
        }
    }
    like
}
