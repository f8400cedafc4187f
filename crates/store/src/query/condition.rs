//! Conditions that a database can decide.

use std::collections::BTreeMap;

use drover_provision::expression::LikePart;

use super::values::{Point, Values};

/// What a database knows of a device, each with one value or `NULL`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    /// A parameter with rows of the index, by the number of its path.
    Parameter(i64),
    /// A text of the identity.
    Text(TextColumn),
    /// A time, as milliseconds.
    Time(TimeColumn),
    /// A tag: true or `NULL`.
    Tag(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TextColumn {
    Key,
    Manufacturer,
    Oui,
    ProductClass,
    SerialNumber,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimeColumn {
    Registered,
    LastInform,
    LastBoot,
    LastBootstrap,
}

impl Field {
    /// The values that it can have.
    fn domain(&self) -> Values {
        match self {
            Self::Parameter(_) => Values::all(),
            Self::Text(_) => Values::texts(),
            Self::Time(TimeColumn::Registered | TimeColumn::LastInform) => Values::numbers(),
            Self::Time(TimeColumn::LastBoot | TimeColumn::LastBootstrap) => {
                Values::numbers().or(&Values::null())
            }
            Self::Tag(_) => Values::one(Point::Number(1.0)).or(&Values::null()),
        }
    }
}

/// A condition without NOT: that a set is too large makes the devices too many, and never too few.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Always,
    Never,
    /// Two or more.
    And(Vec<Self>),
    /// Two or more.
    Or(Vec<Self>),
    /// The value is one of these.
    In(Field, Values),
    Like(Field, Like),
}

impl Condition {
    /// Values that it binds, at most.
    pub(super) fn bindings(&self) -> usize {
        match self {
            Self::And(conditions) | Self::Or(conditions) => {
                conditions.iter().map(Self::bindings).sum()
            }
            Self::In(_, values) => values.ranges().count() * 2 + 3,
            Self::Like(_, like) => {
                (like.texts.ranges().count() + like.numbers.ranges().count()) * 2 + 2
            }
            Self::Always | Self::Never => 0,
        }
    }

    /// How many conditions it has.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::And(conditions) | Self::Or(conditions) => {
                conditions.iter().map(Self::size).sum::<usize>() + 1
            }
            _ => 1,
        }
    }
}

/// A text has the form of a pattern, or has not; or the value is one of some numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Like {
    pub(super) pattern: Vec<LikePart>,
    pub(super) negated: bool,
    /// Texts outside are left out: those with another beginning.
    pub(super) texts: Values,
    pub(super) numbers: Values,
}

/// A condition that all devices that are meant fulfil.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Set {
    pub(super) condition: Condition,
    /// Whether no others fulfil it.
    pub(super) is_exact: bool,
}

impl Set {
    pub(super) const fn exact(condition: Condition) -> Self {
        Self { condition, is_exact: true }
    }

    /// What the database cannot tell.
    pub(super) const fn unknown() -> Self {
        Self { condition: Condition::Always, is_exact: false }
    }

    pub(super) fn constant(value: bool) -> Self {
        Self::exact(if value { Condition::Always } else { Condition::Never })
    }

    /// The devices of which a field has one of these values.
    pub(super) fn field(field: Field, values: &Values) -> Self {
        let domain = field.domain();
        let values = values.and(&domain);
        Self::exact(if values.is_none() {
            Condition::Never
        } else if values == domain {
            Condition::Always
        } else {
            Condition::In(field, values)
        })
    }

    /// The same, of which perhaps not all are meant.
    pub(super) fn at_most(self, is_exact: bool) -> Self {
        // Of none, none are too many.
        let is_exact = self.condition == Condition::Never || (self.is_exact && is_exact);
        Self { is_exact, ..self }
    }

    /// The devices that are in each of the sets.
    pub(super) fn all(sets: impl IntoIterator<Item = Self>) -> Self {
        let (mut rows, mut is_exact) = (Row::default(), true);
        for set in sets {
            match set.condition {
                Condition::Never => return Self::constant(false),
                Condition::And(conditions) => rows.extend(conditions),
                condition => rows.push(condition),
            }
            is_exact &= set.is_exact;
        }
        let mut conditions = Vec::new();
        for condition in rows.merged(Values::and) {
            match condition {
                Condition::Never => return Self::constant(false),
                Condition::Always => {}
                other => conditions.push(other),
            }
        }
        let condition = match conditions.len() {
            0 => Condition::Always,
            1 => conditions.remove(0),
            _ => Condition::And(conditions),
        };
        Self { condition, is_exact }
    }

    /// The devices that are in one of the sets.
    pub(super) fn any(sets: impl IntoIterator<Item = Self>) -> Self {
        let (mut rows, mut is_exact) = (Row::default(), true);
        for set in sets {
            match set.condition {
                Condition::Always if set.is_exact => return Self::constant(true),
                Condition::Or(conditions) => rows.extend(conditions),
                condition => rows.push(condition),
            }
            is_exact &= set.is_exact;
        }
        let mut conditions = Vec::new();
        for condition in rows.merged(Values::or) {
            match condition {
                Condition::Always => return Self { condition, is_exact },
                Condition::Never => {}
                other => conditions.push(other),
            }
        }
        let condition = match conditions.len() {
            0 => Condition::Never,
            1 => conditions.remove(0),
            _ => Condition::Or(conditions),
        };
        Self { condition, is_exact }
    }
}

/// Operands of AND or OR, with the values of each field together.
#[derive(Default)]
struct Row {
    fields: BTreeMap<Field, Vec<Values>>,
    others: Vec<Condition>,
}

impl Row {
    fn extend(&mut self, conditions: Vec<Condition>) {
        conditions.into_iter().for_each(|condition| self.push(condition));
    }

    fn push(&mut self, condition: Condition) {
        match condition {
            Condition::In(field, values) => self.fields.entry(field).or_default().push(values),
            other if !self.others.contains(&other) => self.others.push(other),
            _ => {}
        }
    }

    fn merged(self, merge: impl Fn(&Values, &Values) -> Values) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (field, values) in self.fields {
            if let Some(values) = merge_all(values, &merge) {
                conditions.push(Set::field(field, &values).condition);
            }
        }
        conditions.extend(self.others);
        conditions
    }
}

/// Merges neighbours, then neighbours of what comes of it, so that many small sets cost little.
fn merge_all(
    mut values: Vec<Values>,
    merge: &impl Fn(&Values, &Values) -> Values,
) -> Option<Values> {
    while values.len() > 1 {
        values = values
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => merge(left, right),
                rest => rest.first().cloned().unwrap_or_else(Values::none),
            })
            .collect();
    }
    values.pop()
}
