//! From filters to SQL.
//!
//! A database can decide what it has in columns and in rows of its index; the rest is decided on
//! the decoded record. [`compile`] splits a filter accordingly: the condition lets through every
//! device that the filter lets through, and the residual tells whether others are among them.
//! Three-valued logic is kept: for each part of a filter, the devices for which it is true, false
//! or `NULL` are translated on their own, so nothing is ever negated that is not exact.

mod condition;
mod sql;
#[cfg(test)]
mod tests;
mod translate;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use drover_provision::expression::Expression;
use jiff::Timestamp;

use crate::limits::QUERY_BINDINGS_MAX;
use condition::{Condition, Set};
use translate::{Fleet, Place, Translator, place};

/// The paths of which the values of all devices are in the index, each with its number there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue(BTreeMap<String, i64>);

impl Catalogue {
    /// The number of a path.
    pub fn index(&self, path: &str) -> Option<i64> {
        self.0.get(path).copied()
    }
}

impl FromIterator<(String, i64)> for Catalogue {
    fn from_iter<T: IntoIterator<Item = (String, i64)>>(paths: T) -> Self {
        Self(paths.into_iter().collect())
    }
}

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite: `param.value` holds numbers and texts.
    Sqlite,
    /// PostgreSQL: `param.number` or `param.text` is set.
    Postgres,
}

impl Dialect {
    /// Whether the database's patterns mean exactly what those of expressions mean.
    const fn tells_patterns(self) -> bool {
        // PostgreSQL has no text with a NUL, before which SQLite's GLOB stops.
        matches!(self, Self::Postgres)
    }
}

/// A value that is bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Binding {
    /// An integer.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// A filter in the words of a database.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// A condition on the rows of `device`, for `WHERE`.
    pub sql: String,
    /// What its placeholders `?1`, `?2` … or `$1`, `$2` … stand for.
    pub bindings: Vec<Binding>,
    /// What must still be true of the record of each device that the condition lets through;
    /// `None` when the condition is exact.
    pub residual: Option<Expression>,
    /// Whether the condition lets through every device although the filter may not, so that each
    /// record must be read.
    pub is_scan: bool,
    /// The paths in the residual that are not in the index.
    pub not_indexed: BTreeSet<String>,
}

/// Splits a filter into what a database decides and what is left. `NOW()` is bound to `now`.
pub fn compile(
    filter: &Expression,
    catalogue: &Catalogue,
    dialect: Dialect,
    now: Timestamp,
) -> Compiled {
    let fleet = Fleet { catalogue, now: now.as_millisecond() };
    let filter = filter.partial(&fleet).normalise();
    let mut translator = Translator::new(catalogue, dialect);
    let parts = match &filter {
        Expression::And(operands) => operands.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut left = Vec::new();
    let mut sets = Vec::new();
    for part in parts {
        let set = translator.filter(part);
        if !set.is_exact {
            left.push(part.clone());
        }
        sets.push(set);
    }
    let set = Set::all(sets);
    let (sql, bindings) = sql::write(&set.condition, dialect);
    if bindings.len() > QUERY_BINDINGS_MAX {
        return finish(
            Condition::Always,
            (String::from("TRUE"), Vec::new()),
            Some(filter),
            catalogue,
        );
    }
    if set.condition == Condition::Never {
        left.clear();
    }
    let residual = match left.len() {
        0 | 1 => left.pop(),
        _ => Some(Expression::And(left)),
    };
    finish(set.condition, (sql, bindings), residual, catalogue)
}

fn finish(
    condition: Condition,
    (sql, bindings): (String, Vec<Binding>),
    residual: Option<Expression>,
    catalogue: &Catalogue,
) -> Compiled {
    let paths = residual.iter().flat_map(Expression::parameters);
    let not_indexed =
        paths.filter(|path| place(path, catalogue) == Place::Document).map(str::to_owned).collect();
    let is_scan = condition == Condition::Always && residual.is_some();
    Compiled { sql, bindings, residual, is_scan, not_indexed }
}
