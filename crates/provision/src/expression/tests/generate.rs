//! Random expressions and contexts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;

/// Parameters that random expressions often name.
const NAMES: [&str; 5] = ["a", "b", "A.1", "A.x", "Tags.t"];

/// A context that knows some parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) parameters: BTreeMap<String, Value>,
    pub(super) now: Option<i64>,
    pub(super) knows_functions: bool,
}

impl Context for Known {
    fn parameter(&self, path: &str) -> Option<Value> {
        self.parameters.get(path).cloned()
    }

    fn call(&self, _: &str, arguments: &[Value]) -> Option<Value> {
        let value = || arguments.last().cloned().unwrap_or_else(|| 7.0.into());
        self.knows_functions.then(value)
    }

    fn now(&self) -> Option<i64> {
        self.now
    }
}

pub(super) fn contexts() -> impl Strategy<Value = Known> {
    let parameters = proptest::collection::vec(values(), NAMES.len());
    (parameters, any::<i64>()).prop_map(|(values, now)| Known {
        parameters: NAMES.iter().map(|name| (*name).to_owned()).zip(values).collect(),
        now: Some(now),
        knows_functions: true,
    })
}

/// A context, and one that knows only some of what it knows.
pub(super) fn contexts_and_parts() -> impl Strategy<Value = (Known, Known)> {
    (contexts(), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(all, mask, now, calls)| {
        let mut part = all.clone();
        let mut index = 0_u8;
        part.parameters.retain(|_, _| {
            index += 1;
            mask >> index & 1 == 1
        });
        part.now = all.now.filter(|_| now);
        part.knows_functions = calls;
        (all, part)
    })
}

pub(super) fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::Bool),
        3 => (-3_i8..4).prop_map(|number| Value::Number(number.into())),
        1 => any::<f64>().prop_map(Value::number),
        1 => prop::sample::select(vec![f64::INFINITY, -f64::INFINITY, 1e21, 1e-7, 0.1 + 0.2])
            .prop_map(Value::Number),
        3 => prop::sample::select(vec!["", "a", "1", "ab%", "a_b", "-2.5e1x", "Infinity"])
            .prop_map(Value::from),
        1 => ".{0,6}".prop_map(Value::Text),
    ]
}

fn paths(inner: BoxedStrategy<Expression>) -> BoxedStrategy<Path> {
    let text = || {
        prop_oneof![
            4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
            1 => prop::sample::select(vec![
                "NULL", "and", "12", "1-2", "2GHz.x", "-x", "A.[k:v]", "A.[k:", "v]", "]", "[\"",
                "\"", ":w", "a:", ".", "A.", "{", "'", "*",
            ]).prop_map(str::to_owned),
            1 => ".{0,5}",
        ]
    };
    let part = prop_oneof![text().prop_map(PathPart::Text), inner.prop_map(PathPart::Expression)];
    let several = proptest::collection::vec(part, 0..4).prop_map(Path::from_parts);
    prop_oneof![3 => text().prop_map(|text| Path::new(&text)), 1 => several].boxed()
}

pub(super) fn expressions() -> impl Strategy<Value = Expression> {
    let null = Just(Expression::Literal(Value::Null)).boxed();
    let leaf = prop_oneof![
        values().prop_map(Expression::Literal),
        paths(null).prop_map(Expression::Parameter)
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let inner = inner.boxed();
        let boxed = || inner.clone().prop_map(Box::new);
        let some = |least: usize| proptest::collection::vec(inner.clone(), least..4);
        let comparison = prop::sample::select(Comparison::ALL.to_vec());
        let arithmetic = prop::sample::select(Arithmetic::ALL.to_vec());
        let names = vec!["COALESCE", "UPPER", "LOWER", "ROUND", "NOW", "OTHER", "_F1"];
        let branch = (inner.clone(), inner.clone())
            .prop_map(|(condition, value)| Branch { condition, value });
        prop_oneof![
            2 => boxed().prop_map(Expression::Not),
            2 => some(2).prop_map(Expression::And),
            2 => some(2).prop_map(Expression::Or),
            1 => some(2).prop_map(Expression::Concatenate),
            1 => paths(inner.clone()).prop_map(Expression::Parameter),
            2 => (comparison, boxed(), boxed()).prop_map(|(operator, left, right)| {
                Expression::Compare { operator, left, right }
            }),
            1 => (arithmetic, boxed(), boxed()).prop_map(|(operator, left, right)| {
                Expression::Arithmetic { operator, left, right }
            }),
            1 => (boxed(), boxed(), proptest::option::of(boxed()), any::<bool>()).prop_map(
                |(text, pattern, escape, negated)| {
                    Expression::Like { text, pattern, escape, negated }
                }
            ),
            1 => (boxed(), any::<bool>()).prop_map(|(operand, negated)| {
                Expression::IsNull { operand, negated }
            }),
            1 => (proptest::collection::vec(branch, 1..3), proptest::option::of(boxed())).prop_map(
                |(branches, otherwise)| Expression::Case { branches, otherwise }
            ),
            1 => (prop::sample::select(names), some(0)).prop_map(|(name, arguments)| {
                Expression::Call { name: name.to_owned(), arguments }
            }),
        ]
    })
}
