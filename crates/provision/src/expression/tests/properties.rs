//! What holds for every expression.

use proptest::prelude::*;

use super::super::*;
use super::generate::{contexts, contexts_and_parts, expressions, values};

fn size(expression: &Expression) -> usize {
    let mut count = 0;
    expression.visit(&mut |_| count += 1);
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn what_is_printed_is_read_as_the_same(expression in expressions()) {
        let text = expression.to_string();
        let read = Expression::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&expression), "{}", text);
        prop_assert_eq!(read.unwrap().to_string(), text);
    }

    #[test]
    fn what_is_written_as_json_is_read_as_the_same(
        expression in expressions(), context in contexts()
    ) {
        let read = Expression::from_json(&expression.to_json());
        prop_assert!(read.is_ok(), "{:?}", read);
        prop_assert_eq!(read.unwrap().evaluate(&context), expression.evaluate(&context));
    }

    #[test]
    fn a_partial_value_has_the_same_value(
        expression in expressions(), (all, part) in contexts_and_parts()
    ) {
        let partial = expression.partial(&part);
        prop_assert_eq!(partial.evaluate(&all), expression.evaluate(&all), "{}", &partial);
        prop_assert_eq!(partial.partial(&part), partial.clone(), "{}", &partial);
        prop_assert_eq!(&partial, &Expression::parse(&partial.to_string()).unwrap());
        prop_assert!(size(&partial) <= 2 * size(&expression), "{}", &partial);
        let value = Expression::Literal(expression.evaluate(&all));
        prop_assert_eq!(expression.partial(&Everything(&all)), value);
    }

    #[test]
    fn the_normal_form_has_the_same_value(
        expression in expressions(), context in contexts()
    ) {
        let normal = expression.normalise();
        prop_assert_eq!(normal.evaluate(&context), expression.evaluate(&context), "{}", &normal);
        prop_assert_eq!(normal.normalise(), normal.clone(), "{}", &normal);
        prop_assert_eq!(&normal, &Expression::parse(&normal.to_string()).unwrap());
        prop_assert!(size(&normal) <= 3 * size(&expression), "{}", &normal);
        check_normal(&normal)?;
    }

    #[test]
    fn no_text_hurts(text in "[ -~]{0,40}|[a'\"{}()\\[\\].:,*+=<>| \\\\-]{0,30}|.{0,20}") {
        if let Ok(expression) = Expression::parse(&text) {
            let printed = expression.to_string();
            prop_assert_eq!(Expression::parse(&printed), Ok(expression), "{}", printed);
        }
    }

    #[test]
    fn no_changed_expression_hurts(
        expression in expressions(), at in any::<prop::sample::Index>(), with in "[ -~]{0,2}"
    ) {
        let mut chars: Vec<char> = expression.to_string().chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..=at, with.chars());
        let text: String = chars.into_iter().collect();
        match Expression::parse(&text) {
            Ok(read) => prop_assert_eq!(&Expression::parse(&read.to_string()).unwrap(), &read),
            Err(error) => prop_assert!(error.position <= text.chars().count() + 1),
        }
    }

    #[test]
    fn the_text_of_a_number_is_that_number(number in any::<f64>()) {
        let text = number::to_text(number);
        prop_assume!(!number.is_nan());
        prop_assert_eq!(number::parse_prefix(&text), Some(number));
    }

    #[test]
    fn the_order_of_values_is_one(a in values(), b in values(), c in values()) {
        prop_assert_eq!(a.compare(&b), b.compare(&a).map(std::cmp::Ordering::reverse));
        if a.compare(&b) == b.compare(&c) && a.compare(&b).is_some() {
            prop_assert_eq!(a.compare(&c), a.compare(&b));
        }
    }
}

fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the length of a run is a setting")]
    let is_long = std::env::var_os("DROVER_SOAK").is_some();
    if is_long { 100_000 } else { 512 }
}

/// A context where what is missing is known to be.
struct Everything<'a>(&'a dyn Context);

impl Context for Everything<'_> {
    fn parameter(&self, path: &str) -> Option<Value> {
        Some(self.0.parameter(path).unwrap_or(Value::Null))
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Value> {
        self.0.call(name, arguments)
    }

    fn now(&self) -> Option<i64> {
        self.0.now()
    }
}

/// What the normal form promises.
fn check_normal(normal: &Expression) -> Result<(), TestCaseError> {
    let mut all = Vec::new();
    normal.visit(&mut |expression| all.push(expression));
    for expression in all {
        match expression {
            Expression::Not(operand) => prop_assert!(
                matches!(
                    **operand,
                    Expression::Parameter(_)
                        | Expression::Call { .. }
                        | Expression::Concatenate(_)
                        | Expression::Arithmetic { .. }
                ),
                "{}",
                expression
            ),
            Expression::And(operands) => {
                prop_assert!(!operands.iter().any(|it| matches!(it, Expression::And(_))));
                prop_assert!(is_without_repetition(operands), "{}", expression);
            }
            Expression::Or(operands) => {
                prop_assert!(!operands.iter().any(|it| matches!(it, Expression::Or(_))));
                prop_assert!(is_without_repetition(operands), "{}", expression);
            }
            Expression::Compare { left, right, .. } => {
                prop_assert!(!matches!(**left, Expression::Literal(_)), "{}", expression);
                let is_parameter = |it: &Expression| matches!(it, Expression::Parameter(_));
                prop_assert!(is_parameter(left) || !is_parameter(right), "{}", expression);
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_without_repetition(operands: &[Expression]) -> bool {
    operands.iter().enumerate().all(|(index, operand)| !operands[..index].contains(operand))
}
