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
pub(crate) mod tests;
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
pub(crate) struct Catalogue(BTreeMap<String, i64>);

impl Catalogue {
    /// The number of a path.
    pub(crate) fn index(&self, path: &str) -> Option<i64> {
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
pub(crate) enum Dialect {
    /// SQLite: `param.value` holds numbers and texts.
    Sqlite,
    /// PostgreSQL: `param.number` or `param.text` is set.
    Postgres,
}

/// A value that is bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Binding {
    /// An integer.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// A filter in the words of a database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compiled {
    dialect: Dialect,
    condition: Condition,
    /// What must still be true of the record of each device that the condition lets through;
    /// `None` when the condition is exact.
    pub(crate) residual: Option<Expression>,
    /// The paths in the residual that are not in the index.
    pub(crate) not_indexed: BTreeSet<String>,
}

/// A query of the numbers of devices that a part of the condition lets through.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Which part.
    part: usize,
    /// Whether the database would list its devices, where it stands in a condition, before it looks
    /// at the first of them; otherwise it looks each one up.
    pub(crate) is_list: bool,
    /// A query of the one column `device`, each device once.
    pub(crate) sql: String,
    /// What its placeholders stand for.
    pub(crate) bindings: Vec<Binding>,
}

/// Splits a filter into what a database decides and what is left. `NOW()` is bound to `now`.
pub(crate) fn compile(
    filter: &Expression,
    catalogue: &Catalogue,
    dialect: Dialect,
    now: Timestamp,
) -> Compiled {
    let fleet = Fleet { catalogue, now: now.as_millisecond() };
    let filter = filter.partial(&fleet).normalise();
    let mut translator = Translator::new(catalogue);
    let parts = match &filter {
        Expression::And(operands) => operands.as_slice(),
        other => std::slice::from_ref(other),
    };
    let (mut sets, mut left) = (Vec::new(), Vec::new());
    for part in parts {
        let set = translator.filter(part);
        if !set.is_exact {
            left.push(part.clone());
        }
        sets.push(set);
    }
    let mut condition = Set::all(sets).condition;
    if condition == Condition::Never {
        left.clear();
    }
    if condition.bindings() > QUERY_BINDINGS_MAX {
        (condition, left) = (Condition::Always, vec![filter.clone()]);
    }
    let residual = match left.len() {
        0 | 1 => left.pop(),
        _ => Some(Expression::And(left)),
    };
    let paths = residual.iter().flat_map(Expression::parameters);
    let documents = paths.filter(|path| place(path, catalogue) == Place::Document);
    let not_indexed = documents.map(str::to_owned).collect();
    Compiled { dialect, condition, residual, not_indexed }
}

impl Compiled {
    /// Whether the condition lets through every device although the filter may not, so that each
    /// record must be read.
    pub(crate) fn is_scan(&self) -> bool {
        self.condition == Condition::Always && self.residual.is_some()
    }

    /// A condition on the rows of `device`, for `WHERE`; without the parts that sources are of.
    /// What it binds is added to `bindings`.
    pub(crate) fn sql(&self, sources: &[Source], bindings: &mut Vec<Binding>) -> String {
        if sources.is_empty() {
            return sql::write(&self.condition, self.dialect, bindings);
        }
        let parts = self.parts().iter().enumerate();
        let others = parts.filter(|(part, _)| sources.iter().all(|source| source.part != *part));
        let others = others.map(|(_, part)| Set::exact(part.clone()));
        sql::write(&Set::all(others).condition, self.dialect, bindings)
    }

    /// Whether a source is of the whole condition.
    pub(crate) fn is_all_of(&self, source: &Source) -> bool {
        self.parts().len() == 1 && source.part == 0
    }

    /// Where the search can begin: any of these lets through all devices that are looked for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> {
        self.parts().iter().enumerate().filter_map(|(part, condition)| {
            let mut bindings = Vec::new();
            let sql = sql::source(condition, self.dialect, &mut bindings)?;
            Some(Source { part, is_list: sql::is_list(condition), sql, bindings })
        })
    }

    fn parts(&self) -> &[Condition] {
        match &self.condition {
            Condition::And(parts) => parts,
            other => std::slice::from_ref(other),
        }
    }
}
