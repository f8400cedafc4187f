//! Expressions that GenieACS 1.2.16 has evaluated, recorded in the shared material.

#![allow(clippy::disallowed_methods, reason = "reads recordings, from a folder that is a setting")]

mod common;

use common::vectors;
use drover_provision::expression::{Context, Expression, Unknown, Value};
use serde_json::Value as Json;

/// A device without parameters, at a time that passes `NOW() > 5`.
struct Nothing;

impl Context for Nothing {
    fn parameter(&self, _: &str) -> Option<Value> {
        Some(Value::Null)
    }

    fn now(&self) -> Option<i64> {
        Some(1_700_000_000_000)
    }
}

#[test]
fn vectors_expressions() {
    let Some(folder) = vectors() else { return };
    let text = std::fs::read_to_string(folder.join("expressions.txt")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("expr "));
    let mut problems = Vec::new();
    let mut count = 0;
    for line in lines {
        let (text, expected) = line.rsplit_once(" => ").expect("expression => value");
        count += 1;
        problems.extend(check(text, &value(expected)).err());
    }
    assert_eq!(problems, [""; 0]);
    assert!(count >= 28, "only {count} expressions were found");
}

/// Evaluates an expression in every way there is.
fn check(text: &str, expected: &Value) -> Result<(), String> {
    let expression = Expression::parse(text).map_err(|error| format!("{text}: {error}"))?;
    let printed = Expression::parse(&expression.to_string()).expect("what is printed is read");
    let json = Expression::from_json(&expression.to_json()).expect("what is written is read");
    let ways = [
        ("evaluate", &expression),
        ("print", &printed),
        ("to_json", &json),
        ("partial", &expression.partial(&Unknown)),
        ("partial", &expression.partial(&Nothing)),
        ("normalise", &expression.normalise()),
    ];
    for (way, expression) in ways {
        let found = expression.evaluate(&Nothing);
        if found != *expected {
            return Err(format!("{text} ({way}): {found:?} instead of {expected:?}"));
        }
    }
    Ok(())
}

fn value(json: &str) -> Value {
    match serde_json::from_str(json).expect("JSON") {
        Json::Null => Value::Null,
        Json::Bool(value) => value.into(),
        Json::Number(number) => number.as_f64().into(),
        Json::String(text) => text.into(),
        other => panic!("no expression is worth {other}"),
    }
}
