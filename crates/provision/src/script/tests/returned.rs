//! What scripts return, and what a virtual parameter must (compat 2.9).

use super::*;

fn check(wanted: [bool; 2], source: &str) -> Result<VirtualParameter, String> {
    let returned = match run_once(source, FakeHost::default()).0 {
        Outcome::Done(data) => data,
        other => panic!("{other:?}"),
    };
    let wanted = Wanted { writable: wanted[0], value: wanted[1] };
    VirtualParameter::check("vp", wanted, returned.as_ref())
        .map_err(|fault| format!("{}: {}", fault.code, fault.message))
}

/// The value and type that comes of a returned value.
fn value(expression: &str) -> String {
    match check([false, true], &format!("return {{writable: false, value: {expression}}}")) {
        Ok(checked) => {
            assert_eq!(checked.writable, Some(false));
            let (data, value_type) = checked.value.unwrap();
            format!("{data:?} {value_type}")
        }
        Err(error) => error,
    }
}

#[test]
fn any_json_is_returned() {
    assert_eq!(
        value_of("return {a: [1, 'x', true, null, undefined, {}], f() {}, u: undefined, n: -0.5}"),
        Data::Object(vec![
            (
                "a".to_owned(),
                Data::List(vec![
                    Data::Number(1.0),
                    Data::Text("x".to_owned()),
                    Data::Bool(true),
                    Data::Null,
                    Data::Null,
                    Data::Object(Vec::new()),
                ])
            ),
            ("n".to_owned(), Data::Number(-0.5)),
        ])
    );
    assert_eq!(value_of("return new Date(5)"), Data::Date(5.0));
    assert_eq!(value_of("return [new Map(), /x/]"), Data::List(vec![Data::Object(vec![]); 2]));
    assert_eq!(run_once("return () => 1", FakeHost::default()).0, Outcome::Done(Some(Data::Null)));
}

#[test]
fn vector_z_something_must_be_returned() {
    let invalid = Err("script: Invalid virtual parameter return value".to_owned());
    for source in ["const x = 1", "return", "return null", "return 5", "return 'x'", "return true"]
    {
        assert_eq!(check([false, false], source), invalid, "{source}");
    }
    assert_eq!(check([false, false], "return {}"), Ok(VirtualParameter::default()));
}

#[test]
fn vector_z2_what_was_asked_for_must_be_there() {
    let missing =
        |name| Err(format!("script: Virtual parameter 'vp' must provide '{name}' attribute"));
    assert_eq!(check([true, true], "return {value: 5}"), missing("writable"));
    assert_eq!(check([true, true], "return {}"), missing("writable"));
    assert_eq!(check([true, true], "return {writable: true}"), missing("value"));
    assert_eq!(check([true, true], "return {writable: true, value: undefined}"), missing("value"));
    let given = check([true, false], "return {writable: 1}").unwrap();
    assert_eq!(given, VirtualParameter { writable: Some(true), value: None });
}

#[test]
fn vector_z3_the_type_is_told_or_inferred() {
    assert_eq!(value("5.7"), "Number(5.7) xsd:int");
    assert_eq!(value("true"), "Bool(true) xsd:boolean");
    assert_eq!(value("'x'"), "Text(\"x\") xsd:string");
    assert_eq!(value("['x']"), "Text(\"x\") xsd:string");
    assert_eq!(value("{}"), "Text(\"[object Object]\") xsd:string");
    assert_eq!(value("['12', 'xsd:unsignedInt']"), "Number(12.0) xsd:unsignedInt");
    assert_eq!(value("['1', 'xsd:boolean']"), "Bool(true) xsd:boolean");
    assert_eq!(value("[5, 'xsd:string']"), "Text(\"5\") xsd:string");
    assert_eq!(value("[new Date(5), 'xsd:dateTime']"), "Number(5.0) xsd:dateTime");
    assert_eq!(value("['1970-01-01T00:00:01Z', 'xsd:dateTime']"), "Number(1000.0) xsd:dateTime");
    assert_eq!(value("['soon', 'xsd:dateTime']"), "Text(\"soon\") xsd:dateTime");
    assert_eq!(value("['AA==', 'xsd:base64']"), "Text(\"AA==\") xsd:base64");
}

#[test]
fn other_values_and_types_are_refused() {
    let invalid = "script: Invalid virtual parameter value attribute";
    for expression in [
        "null",
        "[null]",
        "[null, 'xsd:string']",
        "[]",
        "['1', 'xsd:float']",
        "['1', 'string']",
        "new Date(5)",
        "['1', 5]",
        "[1, 'xsd:long']",
    ] {
        assert_eq!(value(expression), invalid, "{expression}");
    }
}
