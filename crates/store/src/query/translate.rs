//! From an expression to the devices of which it is worth one of some values.
//!
//! What comes out has all of them, and says whether it has others too. Only sets of values are
//! turned into their opposites, never sets of devices.

use drover_provision::compat::{decode_tag, encode_tag};
use drover_provision::expression::{Branch, Comparison, Context, Expression, LikePart, Value};

use super::Catalogue;
use super::condition::{Condition, Field, Like, Set, TextColumn, TimeColumn};
use super::values::{Point, Values};
use crate::limits::QUERY_STEPS_MAX;

/// What a path is to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Field(Field),
    /// No device has a value there.
    Nothing,
    /// Only in the document of the device.
    Document,
}

pub(super) fn place(path: &str, catalogue: &Catalogue) -> Place {
    let field = match path.split_once('.') {
        Some(("DeviceID", name)) => text_column(name).map(Field::Text),
        Some(("Events", name)) => time_column(name).map(Field::Time),
        Some(("Tags", segment)) => {
            decode_tag(segment).filter(|tag| encode_tag(tag) == segment).map(Field::Tag)
        }
        _ => {
            let index = catalogue.index(path).map(Field::Parameter);
            return index.map_or(Place::Document, Place::Field);
        }
    };
    field.map_or(Place::Nothing, Place::Field)
}

fn text_column(name: &str) -> Option<TextColumn> {
    Some(match name {
        "ID" => TextColumn::Key,
        "Manufacturer" => TextColumn::Manufacturer,
        "OUI" => TextColumn::Oui,
        "ProductClass" => TextColumn::ProductClass,
        "SerialNumber" => TextColumn::SerialNumber,
        _ => return None,
    })
}

fn time_column(name: &str) -> Option<TimeColumn> {
    Some(match name {
        "Registered" => TimeColumn::Registered,
        "Inform" => TimeColumn::LastInform,
        "1_BOOT" => TimeColumn::LastBoot,
        "0_BOOTSTRAP" => TimeColumn::LastBootstrap,
        _ => return None,
    })
}

/// What is known of every device before it is looked at: the time, and what none has.
pub(super) struct Fleet<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) now: i64,
}

impl Context for Fleet<'_> {
    fn parameter(&self, path: &str) -> Option<Value> {
        (place(path, self.catalogue) == Place::Nothing).then_some(Value::Null)
    }

    fn call(&self, _: &str, _: &[Value]) -> Option<Value> {
        // A device knows no functions.
        Some(Value::Null)
    }

    fn now(&self) -> Option<i64> {
        Some(self.now)
    }
}

/// Which truths are wanted.
#[derive(Debug, Clone, Copy)]
struct Truths {
    yes: bool,
    no: bool,
    null: bool,
}

impl Truths {
    const YES: Self = Self { yes: true, no: false, null: false };
    const NOT_YES: Self = Self { yes: false, no: true, null: true };

    /// Those of the values that logic has.
    fn of(values: &Values) -> Self {
        Self {
            yes: values.contains(&Value::Bool(true)),
            no: values.contains(&Value::Bool(false)),
            null: values.null,
        }
    }

    fn are_none(self) -> bool {
        !self.yes && !self.no && !self.null
    }

    fn opposite(self) -> Self {
        Self { yes: self.no, no: self.yes, null: self.null }
    }

    fn values(self) -> Values {
        let mut values = if self.null { Values::null() } else { Values::none() };
        for (_, truth) in [(self.yes, true), (self.no, false)].into_iter().filter(|it| it.0) {
            values = values.or(&Values::of_truth(truth));
        }
        values
    }
}

pub(super) struct Translator<'a> {
    catalogue: &'a Catalogue,
    /// Steps that may still be taken; beyond, nothing is told to the database.
    steps: usize,
}

impl<'a> Translator<'a> {
    pub(super) const fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, steps: QUERY_STEPS_MAX }
    }

    /// The devices that a filter lets through.
    pub(super) fn filter(&mut self, expression: &Expression) -> Set {
        self.truth(expression, Truths::YES)
    }

    fn truth(&mut self, expression: &Expression, wanted: Truths) -> Set {
        self.value(expression, &wanted.values())
    }

    /// The devices for which an expression is worth one of these values.
    fn value(&mut self, expression: &Expression, values: &Values) -> Set {
        if values.is_none() || values.is_all() {
            return Set::constant(values.is_all());
        }
        let Some(steps) = self.steps.checked_sub(1) else { return Set::unknown() };
        self.steps = steps;
        let wanted = Truths::of(values);
        if wanted.are_none() && is_logical(expression) {
            return Set::constant(false);
        }
        match expression {
            Expression::Literal(value) => Set::constant(values.contains(value)),
            Expression::Parameter(_) => match self.field(expression) {
                Place::Field(field) => Set::field(field, values),
                Place::Nothing => Set::constant(values.null),
                Place::Document => Set::unknown(),
            },
            Expression::Not(operand) => self.truth(operand, wanted.opposite()),
            Expression::And(operands) => self.and(operands, wanted),
            Expression::Or(operands) => self.or(operands, wanted),
            Expression::Compare { operator, left, right } => {
                self.compare(*operator, left, right, wanted)
            }
            Expression::Like { text, pattern, escape, negated } => {
                let wanted = if *negated { wanted.opposite() } else { wanted };
                self.like(text, pattern, escape.as_deref(), wanted)
            }
            Expression::IsNull { operand, negated } => {
                let wanted = if *negated { wanted.opposite() } else { wanted };
                let mut values = if wanted.yes { Values::null() } else { Values::none() };
                if wanted.no {
                    values = values.or(&Values::not_null());
                }
                self.value(operand, &values)
            }
            Expression::Concatenate(operands) => self.strict(operands, values),
            Expression::Arithmetic { left, right, .. } => self.strict([&**left, &**right], values),
            Expression::Case { branches, otherwise } => {
                self.case(branches, otherwise.as_deref(), values)
            }
            Expression::Call { name, arguments } => match name.as_str() {
                "COALESCE" => self.coalesce(arguments, values),
                "UPPER" | "LOWER" | "ROUND" => self.strict(arguments.first(), values),
                _ => Set::unknown(),
            },
        }
    }

    /// `NULL` beats true, and false beats both.
    fn and(&mut self, operands: &[Expression], wanted: Truths) -> Set {
        match (wanted.yes, wanted.no, wanted.null) {
            (true, false, null) => {
                self.each(operands, Truths { yes: true, no: false, null }, Set::all)
            }
            (false, true, null) => {
                self.each(operands, Truths { yes: false, no: true, null }, Set::any)
            }
            (false, false, _) => Set::all([
                self.and(operands, Truths { yes: true, no: false, null: true }),
                self.and(operands, Truths { yes: false, no: true, null: true }),
            ]),
            (true, true, _) => Set::any([
                self.and(operands, Truths { yes: true, no: false, null: wanted.null }),
                self.and(operands, Truths { yes: false, no: true, null: wanted.null }),
            ]),
        }
    }

    /// The opposite of AND of the opposites.
    fn or(&mut self, operands: &[Expression], wanted: Truths) -> Set {
        match (wanted.yes, wanted.no, wanted.null) {
            (true, false, null) => {
                self.each(operands, Truths { yes: true, no: false, null }, Set::any)
            }
            (false, true, null) => {
                self.each(operands, Truths { yes: false, no: true, null }, Set::all)
            }
            (false, false, _) => Set::all([
                self.or(operands, Truths { yes: true, no: false, null: true }),
                self.or(operands, Truths { yes: false, no: true, null: true }),
            ]),
            (true, true, _) => Set::any([
                self.or(operands, Truths { yes: true, no: false, null: wanted.null }),
                self.or(operands, Truths { yes: false, no: true, null: wanted.null }),
            ]),
        }
    }

    fn each(&mut self, operands: &[Expression], wanted: Truths, join: fn(Vec<Set>) -> Set) -> Set {
        join(operands.iter().map(|operand| self.truth(operand, wanted)).collect())
    }

    fn compare(
        &mut self,
        operator: Comparison,
        left: &Expression,
        right: &Expression,
        wanted: Truths,
    ) -> Set {
        let (operator, left, constant) = match (left, right) {
            (left, Expression::Literal(constant)) => (operator, left, constant),
            (Expression::Literal(constant), right) => (operator.mirrored(), right, constant),
            _ => return self.compare_two(left, right, wanted),
        };
        if *constant == Value::Null {
            return Set::constant(wanted.null);
        }
        let (mut values, mut is_exact) = (Values::none(), true);
        let operators = [(wanted.yes, operator), (wanted.no, operator.negated())];
        for (_, operator) in operators.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            let (some, some_exact) = Values::compared(operator, constant);
            (values, is_exact) = (values.or(&some), is_exact && some_exact);
        }
        if wanted.null {
            values = values.or(&Values::null());
        }
        // All that have a value are exactly those.
        let is_exact = is_exact || (wanted.yes && wanted.no);
        self.value(left, &values).at_most(is_exact)
    }

    /// Of two that are both not constant, the database knows only whether they are `NULL`.
    fn compare_two(&mut self, left: &Expression, right: &Expression, wanted: Truths) -> Set {
        let null = Values::null();
        if !wanted.yes && !wanted.no {
            return Set::any([self.value(left, &null), self.value(right, &null)]);
        }
        if wanted.null {
            return Set::unknown();
        }
        let known = Values::not_null();
        let both = Set::all([self.value(left, &known), self.value(right, &known)]);
        both.at_most(wanted.yes && wanted.no)
    }

    /// What is `NULL` when one of its operands is: if it is not, none of them are.
    fn strict<'b>(
        &mut self,
        operands: impl IntoIterator<Item = &'b Expression>,
        values: &Values,
    ) -> Set {
        if values.null {
            return Set::unknown();
        }
        let known = Values::not_null();
        let sets: Vec<Set> =
            operands.into_iter().map(|operand| self.value(operand, &known)).collect();
        Set::all(sets).at_most(false)
    }

    /// An argument counts where all before it are `NULL`.
    fn coalesce(&mut self, arguments: &[Expression], values: &Values) -> Set {
        let known = values.and(&Values::not_null());
        let (mut before, mut sets) = (Set::constant(true), Vec::new());
        for argument in arguments {
            let this = self.value(argument, &known);
            sets.push(Set::all([self.copy(&before), this]));
            before = Set::all([before, self.value(argument, &Values::null())]);
        }
        if values.null {
            sets.push(before);
        }
        Set::any(sets)
    }

    /// A branch counts where no condition before it is true.
    fn case(
        &mut self,
        branches: &[Branch],
        otherwise: Option<&Expression>,
        values: &Values,
    ) -> Set {
        let (mut before, mut sets) = (Set::constant(true), Vec::new());
        for Branch { condition, value } in branches {
            let taken = self.truth(condition, Truths::YES);
            let this = self.value(value, values);
            sets.push(Set::all([self.copy(&before), taken, this]));
            before = Set::all([before, self.truth(condition, Truths::NOT_YES)]);
        }
        let last = match otherwise {
            Some(otherwise) => self.value(otherwise, values),
            None => Set::constant(values.null),
        };
        sets.push(Set::all([before, last]));
        Set::any(sets)
    }

    /// A copy, which costs as many steps as it is large.
    fn copy(&mut self, set: &Set) -> Set {
        match self.steps.checked_sub(set.condition.size()) {
            Some(steps) => {
                self.steps = steps;
                set.clone()
            }
            None => {
                self.steps = 0;
                Set::unknown()
            }
        }
    }

    fn like(
        &mut self,
        text: &Expression,
        pattern: &Expression,
        escape: Option<&Expression>,
        wanted: Truths,
    ) -> Set {
        let (pattern, escape) = match (pattern, escape) {
            (Expression::Literal(pattern), None) => (pattern, None),
            (Expression::Literal(pattern), Some(Expression::Literal(escape))) => {
                (pattern, Some(escape))
            }
            _ => return Set::unknown(),
        };
        let Some(pattern) = parse(pattern, escape) else { return Set::constant(wanted.null) };
        let mut sets = Vec::new();
        for (_, is_match) in [(wanted.yes, true), (wanted.no, false)].into_iter().filter(|it| it.0)
        {
            sets.push(self.matching(text, &pattern, is_match));
        }
        if wanted.null {
            sets.push(self.value(text, &Values::null()));
        }
        Set::any(sets)
    }

    /// The devices of which a text has the form of a pattern, or has not.
    fn matching(&mut self, text: &Expression, pattern: &[LikePart], is_match: bool) -> Set {
        let found = Matching::new(pattern, is_match);
        let place = self.field(text);
        let is_text = matches!(place, Place::Field(Field::Text(_)));
        let are_numbers_exact = found.are_numbers_exact || is_text;
        if found.are_texts_exact {
            let values = found.texts.or(&found.numbers);
            return self.value(text, &values).at_most(are_numbers_exact);
        }
        match place {
            Place::Field(Field::Tag(tag)) => {
                let has = LikePart::all_match(pattern, "true") == is_match;
                let has = if has { Values::one(Point::Number(1.0)) } else { Values::none() };
                Set::field(Field::Tag(tag), &has)
            }
            Place::Field(field @ (Field::Parameter(_) | Field::Text(_)))
                if !pattern.iter().any(is_control) =>
            {
                let Matching { texts, numbers, .. } = found;
                let pattern = pattern.to_vec();
                let like = Like { pattern, negated: !is_match, texts, numbers };
                // No database's patterns are ours for each text, see `Writer::pattern`.
                Set::exact(Condition::Like(field, like)).at_most(false)
            }
            _ => self.value(text, &found.texts.or(&found.numbers)).at_most(false),
        }
    }

    fn field(&self, expression: &Expression) -> Place {
        let path = match expression {
            Expression::Parameter(path) => path.as_text(),
            _ => None,
        };
        path.map_or(Place::Document, |path| place(path, self.catalogue))
    }
}

/// Whether it is worth true, false or `NULL`.
fn is_logical(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::Not(_)
            | Expression::And(_)
            | Expression::Or(_)
            | Expression::Compare { .. }
            | Expression::Like { .. }
            | Expression::IsNull { .. }
    )
}

fn parse(pattern: &Value, escape: Option<&Value>) -> Option<Vec<LikePart>> {
    let escape = match escape {
        Some(escape) => escape.to_text()?.chars().next(),
        None => None,
    };
    LikePart::parse(&pattern.to_text()?, escape)
}

/// The values that have the form of a pattern, or have not, as far as sets can tell.
struct Matching {
    texts: Values,
    are_texts_exact: bool,
    /// Of numbers the index does not tell which are booleans, so `1` may read `true`.
    numbers: Values,
    are_numbers_exact: bool,
}

impl Matching {
    fn new(pattern: &[LikePart], is_match: bool) -> Self {
        let is_text = |part: &LikePart| matches!(part, LikePart::Exactly(_));
        let (texts, are_texts_exact) = match pattern.iter().position(|part| !is_text(part)) {
            None => (Values::one(Point::Text(text(pattern))), true),
            Some(end) => {
                let (prefix, rest) = pattern.split_at(end);
                let is_exact = rest.iter().all(|part| *part == LikePart::Any);
                (Values::prefix(&text(prefix)), is_exact)
            }
        };
        let numbers = numbers(pattern);
        let are_numbers_exact = numbers.is_none();
        if is_match {
            return Self { texts, are_texts_exact, numbers, are_numbers_exact };
        }
        let all = Values::texts();
        let texts = if are_texts_exact { all.and(&texts.not()) } else { all };
        Self { texts, are_texts_exact, numbers: Values::numbers(), are_numbers_exact }
    }
}

/// The characters of a pattern that has no others.
fn text(pattern: &[LikePart]) -> String {
    let chars = pattern.iter().filter_map(|part| match part {
        LikePart::Exactly(c) => Some(*c),
        LikePart::Any | LikePart::One => None,
    });
    chars.collect()
}

/// The numbers, and booleans as numbers, whose text may have the form of a pattern.
fn numbers(pattern: &[LikePart]) -> Values {
    if pattern.is_empty() {
        return Values::none();
    }
    let of_numbers = "0123456789+-.eInfity";
    let fits = |part: &LikePart| match part {
        LikePart::Exactly(c) => of_numbers.contains(*c),
        LikePart::Any | LikePart::One => true,
    };
    if pattern.iter().all(fits) {
        return Values::numbers();
    }
    let mut numbers = Values::none();
    for (text, number) in [("true", 1.0), ("false", 0.0)] {
        if LikePart::all_match(pattern, text) {
            numbers = numbers.or(&Values::one(Point::Number(number)));
        }
    }
    numbers
}

/// A character that a database may keep, or compare, in a way of its own.
const fn is_control(part: &LikePart) -> bool {
    matches!(part, LikePart::Exactly('\0' | '\u{1}'))
}
