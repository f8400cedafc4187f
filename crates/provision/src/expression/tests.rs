//! Examples, limits, and what holds for every expression.

mod generate;
mod properties;

use serde_json::{Value as Json, json};

use super::*;
use crate::limits::{
    EXPRESSION_ARGUMENTS_MAX, EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX,
    EXPRESSION_TEXT_BYTES_MAX, PATH_BYTES_MAX,
};

fn parsed(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A few parameters, a function and a time.
struct Device;

impl Context for Device {
    fn parameter(&self, path: &str) -> Option<Value> {
        Some(match path {
            "name" => "drover".into(),
            "n" => 5.0.into(),
            "yes" => true.into(),
            "A.5.drover" => "found".into(),
            "A.[k:x y].B:writable" => 1.0.into(),
            "2GHz.Enable" | "1.2.3" | "a-b" | "*" | "NULL" => path.into(),
            _ => return None,
        })
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Value> {
        (name == "COUNT").then_some(Value::Number(arguments.len() as f64))
    }

    fn now(&self) -> Option<i64> {
        Some(1_700_000_000_000)
    }
}

#[track_caller]
fn check(text: &str, value: impl Into<Value>) {
    assert_eq!(parsed(text).evaluate(&Device), value.into(), "{text}");
}

const NULL: Value = Value::Null;

#[test]
fn numbers_and_signs() {
    check("10-2", 8.0);
    check("10 -2", 8.0);
    check("10--2", 12.0);
    check("2*3", 6.0);
    check("-.5e+1", -5.0);
    check("+5", 5.0);
    check("5.", 5.0);
    check("1e999", f64::INFINITY);
    check("'' || -0", "0");
    check("'' || 1e21", "1e+21");
    check("'' || (0.1 + 0.2)", "0.30000000000000004");
    check("1e308 * 10 - 1e308 * 10", NULL);
}

#[test]
fn texts_and_their_escapes() {
    check(r"'it''s \n'", "it's \\n");
    check(r#""a\tb\u00fc\x41\"\'\/\q""#, "a\tb\u{fc}A\"'/q");
    check(r#""\ud83d\ude00\u{1F600}""#, "\u{1f600}\u{1f600}");
    check("'' || TRUE || 'x' || false", "truexfalse");
}

#[test]
fn paths_and_what_is_none() {
    check("2GHz.Enable", "2GHz.Enable");
    check("1.2.3", "1.2.3");
    check("a-b", "a-b");
    check("*", "*");
    check("n -2", 3.0);
    check("n*2", NULL);
    check("{'NULL'}", "NULL");
    check("A.{n}.{name}", "found");
    check("{'A.' || n}.{'drover'}", "found");
    check("A.{missing}.drover", NULL);
    check("A.[k:x y].B:writable", 1.0);
    check(r#"A.[k:"]"].B"#, NULL);
    check("A.[k:{NULL}]", NULL);
}

#[test]
fn a_fixed_path_is_one_text() {
    let path = |text: &str| match parsed(text) {
        Expression::Parameter(path) => path.as_text().map(str::to_owned),
        other => panic!("{other:?}"),
    };
    assert_eq!(path("A.{'B'}.{1}").as_deref(), Some("A.B.1"));
    assert_eq!(path("{''}").as_deref(), Some(""));
    assert_eq!(path("A.{b}"), None);
    assert_eq!(path("A.{NULL}"), None);
    assert_eq!(path("A.[k:v,{'k2:v2'}].[]").as_deref(), Some("A.[k:v,k2:v2].[]"));
}

#[test]
fn operators_bind_in_their_order() {
    check("1 + 2 * 3", 7.0);
    check("(1 + 2) * 3", 9.0);
    check("2 * 3 % 4 / 2", 1.0);
    check("1 || 2 + 3", "15");
    check("'a' || 'b' = 'ab'", true);
    check("NOT 1 = 2", true);
    check("NOT 1 = 2 AND 1 = 2", false);
    check("1=1 or 1=1 and 1=2", true);
    check("NOT NOT TRUE", true);
    check("NULL IS NULL AND NOT NULL IS NOT NULL", true);
    check("case when n > 4 then 'many' when n > 2 then 'some' end", "many");
}

#[test]
fn logic_has_three_values() {
    check("NULL AND FALSE", false);
    check("NULL OR FALSE", NULL);
    check("NULL = NULL", NULL);
    check("NULL || 'a'", NULL);
    check("5 AND 'a'", true);
    check("5 OR NULL", true);
    check("NOT ''", true);
    check("'abc' NOT LIKE 'A%'", true);
    check("'abc' LIKE NULL", NULL);
    check("'a' LIKE 'a' ESCAPE NULL", NULL);
    check("'50%' LIKE '50!%' ESCAPE '!'", true);
    check("155 LIKE '1%'", true);
    check("TRUE > 0", true);
}

#[test]
fn functions_are_called() {
    check("now ()", 1_700_000_000_000.0);
    check("count(1, NULL, name)", 3.0);
    check("unknown(1)", NULL);
    check("UPPER(name) || LOWER('Ä')", "DROVERä");
    check("UPPER()", NULL);
    check("UPPER(TRUE)", "TRUE");
    check("ROUND('2.5x')", 3.0);
    check("ROUND(1234, -2)", 1200.0);
    check("ROUND(1, NULL)", NULL);
    check("COALESCE()", NULL);
    check("COALESCE(missing, FALSE, 1)", false);
}

#[test]
fn errors_say_where_and_what() {
    let check = |text: &str, expected: &str| {
        let error = Expression::parse(text).expect_err(text);
        assert_eq!(error.to_string(), format!("character {expected}"), "{text}");
    };
    check("", "1: expected a value");
    check("a = ", "5: expected a value");
    check("ü", "1: expected a value");
    check("'ü' ü", "5: expected an operator, or the end");
    check("1 < 2 < 3", "7: expected AND, OR or the end: comparisons need parentheses here");
    check("a IS NULL || b", "11: expected AND, OR or the end: comparisons need parentheses here");
    check("a = NOT b", "5: expected a value: NOT needs parentheses here");
    check("(1 + 2", "7: expected an operator or )");
    check("f(1 2)", "5: expected an operator, a comma or )");
    check("A.{b", "5: expected an operator or }");
    check("A.[b", "5: expected ] at the end of the alias");
    check("A..-.[", "7: expected ] at the end of the alias");
    check("..", "1: expected a value");
    check("- 5", "1: expected a value");
    check("'abc", "5: expected the closing quote '");
    check("\"abc", "5: expected the closing quote \"");
    check("\"\\", "3: expected a character after \\");
    check("\"\\u12g4", "4: expected the code of a character, such as \\u00FC");
    check("\"\\ud800x\"", "8: expected the code of a character, such as \\u00FC");
    check("CASE a WHEN 1", "6: expected WHEN");
    check("CASE WHEN 1 ELSE", "13: expected an operator or THEN");
    check("CASE WHEN 1 THEN 2", "19: expected an operator, WHEN, ELSE or END");
    check("a AND OR b", "7: expected a value");
    check("a IS b", "3: expected an operator, or the end");
}

#[test]
fn the_length_has_a_limit() {
    let text = |chars: usize| format!("'{}'", "ü".repeat(chars - 2));
    assert!(Expression::parse(&text(EXPRESSION_CHARS_MAX)).is_ok());
    let error = Expression::parse(&text(EXPRESSION_CHARS_MAX + 1)).unwrap_err();
    assert_eq!(error.position, EXPRESSION_CHARS_MAX + 1);
}

/// Runs on a thread with the stack that a test or a worker has.
fn with_little_stack(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    #[expect(clippy::disallowed_methods, reason = "the stack is what is tested")]
    let thread = thread.spawn(test);
    thread.unwrap().join().unwrap();
}

#[test]
fn the_depth_has_a_limit() {
    with_little_stack(|| {
        let deep = |before: &str, after: &str, count: usize| {
            let text = format!("{}a{}", before.repeat(count), after.repeat(count));
            Expression::parse(&text).map(|expression| {
                assert_eq!(parsed(&expression.to_string()), expression, "{text}");
                assert_eq!(Expression::from_json(&expression.to_json()), Ok(expression.clone()));
                let _ = (expression.evaluate(&Device), expression.partial(&Device));
                let _ = parsed(&expression.normalise().to_string());
            })
        };
        let most = EXPRESSION_DEPTH_MAX - 1;
        let nested = [
            ("NOT ", ""),
            ("f(", ")"),
            ("A.{b || ", "}"),
            ("1 + (", ")"),
            ("", " * 2"),
            ("(", " = 1)"),
            ("1 = (", ")"),
            ("(b AND ", ")"),
            ("(1 LIKE 2 ESCAPE ", ")"),
            ("CASE WHEN b THEN c ELSE ", " END"),
        ];
        for (before, after) in nested {
            // A path that concatenates has two of them for each.
            let most = if before.contains('{') { most / 2 } else { most };
            let outcome = deep(before, after, most);
            assert_eq!(outcome, Ok(()), "{before}");
            let error = deep(before, after, most + 2).unwrap_err();
            assert!(error.expected.starts_with("at most 128 expressions"), "{before}: {error}");
        }
        let error = Expression::parse(&"(".repeat(EXPRESSION_CHARS_MAX)).unwrap_err();
        assert!(error.expected.starts_with("at most 128 expressions"), "{error}");
        assert!(Expression::parse(&vec!["a"; 10_000].join(" - ")).is_err());
        assert!(Expression::parse(&"NOT ".repeat(10_000)).is_err());
    });
}

#[test]
fn the_deepest_expression_that_needs_most_parentheses_is_read_again() {
    with_little_stack(|| {
        let mut expression = parsed("a");
        for _ in 0..(EXPRESSION_DEPTH_MAX - 1) / 2 {
            let (left, right) = (Box::new(parsed("b")), Box::new(parsed("c")));
            let not = Expression::Not(Box::new(expression));
            expression = Expression::Compare { operator: Comparison::Less, left, right };
            let Expression::Compare { right, .. } = &mut expression else { unreachable!() };
            **right = not;
        }
        assert_eq!(parsed(&expression.to_string()), expression);
    });
}

#[test]
fn long_rows_of_one_operator_are_read() {
    for operator in [" AND ", " OR ", " || "] {
        let expression = parsed(&vec!["a"; 10_000].join(operator));
        assert_eq!(parsed(&expression.to_string()), expression);
        assert_eq!(expression.evaluate(&Device), NULL);
        let normal = expression.normalise().to_string();
        match operator {
            " AND " | " OR " => assert_eq!(normal, "a AND TRUE"),
            _ => assert_eq!(normal.len(), expression.to_string().len()),
        }
    }
}

#[test]
fn the_number_of_arguments_has_a_limit() {
    let call = |count: usize| Expression::parse(&format!("f({})", vec!["1"; count].join(",")));
    assert!(call(EXPRESSION_ARGUMENTS_MAX).is_ok());
    assert!(call(EXPRESSION_ARGUMENTS_MAX + 1).is_err());
    let stored = |count: usize| {
        let items = [json!("FUNC"), json!("F")].into_iter().chain(vec![json!(1); count]);
        Expression::from_json(&Json::Array(items.collect()))
    };
    assert_eq!(
        stored(EXPRESSION_ARGUMENTS_MAX),
        call(EXPRESSION_ARGUMENTS_MAX).map_err(|_| unreachable!())
    );
    assert!(stored(EXPRESSION_ARGUMENTS_MAX + 1).is_err());
}

/// A context whose only parameter is a long text.
struct Long(usize);

impl Context for Long {
    fn parameter(&self, _: &str) -> Option<Value> {
        Some("x".repeat(self.0).into())
    }
}

#[test]
fn the_length_of_a_result_has_a_limit() {
    let half = Long(EXPRESSION_TEXT_BYTES_MAX / 2);
    let check = |text: &str, context: &dyn Context, is_null: bool| {
        assert_eq!(parsed(text).evaluate(context) == NULL, is_null, "{text}");
        let partial = parsed(text).partial(context);
        assert_eq!(partial == Expression::Literal(NULL), is_null, "{text}");
    };
    check("a || a", &half, false);
    check("a || a || 1", &half, true);
    check("UPPER(a)", &Long(EXPRESSION_TEXT_BYTES_MAX + 1), true);
    check("A.{a}", &Long(PATH_BYTES_MAX - 2), false);
    check("A.{a}", &Long(PATH_BYTES_MAX - 1), true);
}

#[test]
fn expressions_are_printed_in_one_spelling() {
    let check = |text: &str, printed: &str| {
        assert_eq!(parsed(text).to_string(), printed);
        assert_eq!(parsed(printed), parsed(text));
    };
    check("((a))and(b or((c)))", "a AND (b OR c)");
    check("(a and b) and c", "(a AND b) AND c");
    check("not(a=1)", "NOT a = 1");
    check("(not a)=1", "(NOT a) = 1");
    check("a -(b - c)-1", "a - (b - c) - 1");
    check("(1- 2)- -3", "1 - 2 - -3");
    check("\"it's\"", "'it''s'");
    check("\"a\\nb\\\"\\u0001\"", "\"a\\nb\\\"\\u0001\"");
    check("x.{\"y\"}.{a ||b}", "x.y.{a}{b}");
    check("{'and'}", "{'and'}");
    check("{'12'}", "{'12'}");
    check("{'a b'}.{c}", "{'a b.'}{c}");
    check("case when a then 1 else null end", "CASE WHEN a THEN 1 ELSE NULL END");
    check("a not like 'x' escape '!'", "a NOT LIKE 'x' ESCAPE '!'");
    check("now( )", "NOW()");
    check("1e999 + -1e999", "1e999 + -1e999");
    check("0.0000001", "1e-7");
}

#[test]
fn what_is_known_is_calculated() {
    let check = |text: &str, partial: &str| {
        assert_eq!(parsed(text).partial(&Device).to_string(), partial, "{text}");
    };
    check("n + 1 = x", "6 = x");
    check("yes AND x", "x AND TRUE");
    check("yes AND x = 1", "x = 1");
    check("x AND FALSE", "FALSE");
    check("x OR n", "TRUE");
    check("x AND NULL AND y AND NULL", "x AND NULL AND y");
    check("x = NULL", "NULL");
    check("x / (n - 5)", "NULL");
    check("x + 0", "x + 0");
    check("name || 1 || x || '' || 2", "'drover1' || x || '2'");
    check("'' || x", "'' || x");
    check("A.{n}.{x}", "A.5.{x}");
    check("A.{n}.drover", "'found'");
    check("A.{NULL}.{x}", "NULL");
    check("COALESCE(NULL, x, n, y)", "COALESCE(x, 5)");
    check("COALESCE(NULL, x)", "x");
    check("(x IS NULL) IS NULL", "FALSE");
    check("CASE WHEN x THEN 1 WHEN n THEN 2 ELSE 3 END", "CASE WHEN x THEN 1 ELSE 2 END");
    check("CASE WHEN n THEN x END", "x");
    check("NOW() > x", "1700000000000 > x");
    check("COUNT(1) = f(n)", "1 = F(5)");
    check("COUNT(x)", "COUNT(x)");
    check("x LIKE y ESCAPE NULL", "NULL");
    assert_eq!(parsed("now() > 5").partial(&Unknown).to_string(), "NOW() > 5");
}

#[test]
fn the_normal_form() {
    let check = |text: &str, normal: &str| {
        assert_eq!(parsed(text).normalise().to_string(), normal, "{text}");
    };
    check("NOT (a = 1 AND (b < 2 OR NOT c))", "a <> 1 OR b >= 2 AND c");
    check("5 < a", "a > 5");
    check("5 >= a + 1", "a + 1 <= 5");
    check("b = a", "b = a");
    check("NOT NOT a", "a AND TRUE");
    check("NOT NOT (a = 1)", "a = 1");
    check("NOT NOT NOT a", "NOT a");
    check("(a AND b) AND (c AND a)", "a AND b AND c");
    check("a OR a", "a AND TRUE");
    check("NOT a LIKE 'x' OR NOT a IS NULL", "a NOT LIKE 'x' OR a IS NOT NULL");
    check("NOT CASE WHEN a THEN b = 1 ELSE 5 END", "CASE WHEN a THEN b <> 1 ELSE FALSE END");
    check("1 + 1 = a AND 5", "a = 2");
    check("NOT NULL", "NULL");
    check("f(NOT NOT a)", "F(a AND TRUE)");
    check("NOT COALESCE(NULL, NOT (a < 1 OR b))", "a < 1 OR b");
}

#[test]
fn parameters_are_listed() {
    let expression = parsed("a = B.{c} AND f(a, CASE WHEN d THEN e END) LIKE g ESCAPE h");
    let found: Vec<&str> = expression.parameters().into_iter().collect();
    assert_eq!(found, ["a", "c", "d", "e", "g", "h"]);
}

#[test]
fn stored_arrays_are_read_and_written() {
    let check = |json: Json, text: &str| {
        let expression = Expression::from_json(&json).unwrap();
        assert_eq!(expression, parsed(text));
        assert_eq!(expression.to_json(), json);
    };
    check(json!(["PARAM", "DeviceID.ID"]), "DeviceID.ID");
    check(json!(["PARAM", ["||", "A.", ["PARAM", "b"], ".C"]]), "A.{b}.C");
    check(json!(["FUNC", "NOW"]), "NOW()");
    check(json!(["FUNC", "ROUND", 2.5, 0]), "ROUND(2.5, 0)");
    check(
        json!(["AND", ["=", ["PARAM", "a"], "x"], ["NOT", true], null]),
        "a = 'x' AND NOT TRUE AND NULL",
    );
    check(
        json!(["CASE", ["IS NULL", 1], 2, false, 3, 4]),
        "CASE WHEN 1 IS NULL THEN 2 WHEN FALSE THEN 3 ELSE 4 END",
    );
    check(json!(["NOT LIKE", "a", "b", "!"]), "'a' NOT LIKE 'b' ESCAPE '!'");
    check(json!(["IS NOT NULL", ["%", 1, -2]]), "1 % -2 IS NOT NULL");
    let read = |json: Json| Expression::from_json(&json).unwrap().to_string();
    assert_eq!(read(json!(["-", 1, 2, 3])), "1 - 2 - 3");
    assert_eq!(read(json!(["AND", ["PARAM", "a"]])), "a AND TRUE");
    assert_eq!(read(json!(["FUNC", "now"])), "NOW()");
    let infinite = parsed("-1e999").to_json();
    assert_eq!(
        Expression::from_json(&infinite).unwrap().evaluate(&Unknown),
        (-f64::INFINITY).into()
    );
}

#[test]
fn what_is_no_expression_is_refused() {
    let check = |json: Json, text: &str| {
        assert_eq!(Expression::from_json(&json).unwrap_err().to_string(), text);
    };
    let operator = "a known operator with the number of operands that it has";
    check(json!({}), "at the top: expected a literal or an array with an operator");
    check(json!(["NOT", []]), "at /1: expected an operator as the first item");
    check(json!(["XOR", 1, 2]), &format!("at the top: expected {operator}"));
    check(json!(["AND", 1, ["=", 1, 2, 3]]), &format!("at /2: expected {operator}"));
    check(json!(["PARAM"]), "at the top: expected one path");
    check(json!(["FUNC", "a b"]), "at the top: expected the name of a function as the second item");
}

#[test]
fn stored_arrays_have_limits() {
    with_little_stack(|| {
        let nested = |count: usize| {
            let not = |json: Json, _| json!(["NOT", json]);
            Expression::from_json(&(1..count).fold(json!(1), not))
        };
        assert!(nested(EXPRESSION_DEPTH_MAX).is_ok());
        assert!(nested(EXPRESSION_DEPTH_MAX + 1).is_err());
        let row = |head: &str, count: usize| {
            let items = std::iter::once(json!(head)).chain(vec![json!(1); count]);
            Expression::from_json(&Json::Array(items.collect()))
        };
        assert!(row("AND", EXPRESSION_NODES_MAX - 1).is_ok());
        assert!(row("AND", EXPRESSION_NODES_MAX).is_err());
        assert!(row("+", EXPRESSION_DEPTH_MAX).is_ok());
        assert!(row("+", EXPRESSION_DEPTH_MAX + 1).is_err());
    });
}

#[test]
fn old_preconditions_are_read() {
    let check = |json: Json, text: &str| {
        assert_eq!(Expression::from_filter(&json).unwrap().to_string(), text);
    };
    check(json!({}), "TRUE");
    check(json!({"DeviceID.OUI": "202BC1"}), "DeviceID.OUI = '202BC1'");
    check(json!({"a": {"$gt": 1, "$lte": 5}, "b": true}), "(a > 1 AND a <= 5) AND b = TRUE");
    check(json!({"a": {"$ne": "x"}}), "a <> 'x' OR a IS NULL");
    check(json!({"a": null, "b": {"$ne": null}}), "a IS NULL AND b IS NOT NULL");
    check(
        json!({"$or": [{"_tags": "lab 1"}, {"Tags.x": {"$ne": true}}]}),
        "Tags.lab0x201 = TRUE OR (Tags.x <> TRUE OR Tags.x IS NULL)",
    );
    check(json!({"_tags": {"$ne": "0x41"}}), "Tags.00x7841 <> TRUE OR Tags.00x7841 IS NULL");
    check(json!({"$and": [{"a": 1}]}), "a = 1");
    check(json!({"$or": []}), "FALSE");
    check(json!({"not": {"$lt": 1}}), "{'not'} < 1");
}

#[test]
fn unknown_filters_are_refused() {
    let check = |json: Json, text: &str| {
        assert_eq!(Expression::from_filter(&json).unwrap_err().to_string(), text);
    };
    check(json!([]), "at the top: expected an object of parameters and conditions");
    check(json!({"$nor": []}), "at /$nor: expected $and, $or or a parameter");
    check(json!({"a/b": {"$in": []}}), "at /a~1b: expected $eq, $ne, $lt, $lte, $gt or $gte");
    check(json!({"a": {}}), "at /a: expected a comparison");
    check(json!({"a": [1]}), "at /a: expected a text, a number, a boolean or null");
    check(
        json!({"$and": [{"_tags": 5}]}),
        "at /$and/0/_tags: expected the name of a tag, or $ne with it",
    );
}
