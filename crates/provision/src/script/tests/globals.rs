//! What a script finds besides `declare` (compat 2.7).

use super::*;

fn json(source: &str) -> String {
    text_of(&format!("return JSON.stringify((() => {{ {source} }})())"))
}

#[test]
fn the_script_is_the_body_of_a_strict_function() {
    assert_eq!(json("return typeof this"), r#""undefined""#);
    assert_eq!(value_of("return 5"), Data::Number(5.0));
    assert_eq!(run_once("return", FakeHost::default()).0, Outcome::Done(None));
    assert_eq!(run_once("5 // a comment", FakeHost::default()).0, Outcome::Done(None));
    assert_eq!(fault_of("undeclared = 5").code, "script.ReferenceError");
}

#[test]
fn syntax_errors_are_found_when_a_script_is_compiled() {
    let error = |source| Script::compile("p", source).unwrap_err().to_string();
    for source in ["return (", "}", "let a; let a", "with (a) {}", "await 1", "import 'x'", "\0"] {
        assert!(error(source).starts_with("SyntaxError: "), "{source}: {}", error(source));
    }
    for source in ["", "return", "// x", "/* x */", "const f = async () => await 1"] {
        assert!(Script::compile("p", source).is_ok(), "{source}");
    }
    let limit = SCRIPT_BYTES_MAX;
    assert!(Script::compile("p", &" ".repeat(limit)).is_ok());
    assert!(Script::compile("p", &" ".repeat(limit + 1)).is_err());
    assert!(Script::compile("p", &"(".repeat(100_000)).is_err());
}

#[test]
fn args_are_those_of_the_preset() {
    let args = vec![Data::Text("a".into()), Data::Number(1.0), Data::Bool(true), Data::Null];
    let script = Script::compile("p", "log(JSON.stringify(args))").unwrap();
    let inputs = Inputs { args, ..inputs() };
    let (_, host) = Engine::new().unwrap().run(&script, inputs, FakeHost::default());
    assert_eq!(host.calls, [r#"log ["a",1,true,null]"#]);
    assert_eq!(json("return args"), "[]");
}

#[test]
fn vector_y_args_of_a_virtual_parameter_are_four_objects() {
    let times = |entries: &[(&str, f64)]| {
        let entry = |(name, time): &(&str, f64)| ((*name).to_owned(), Data::Number(*time));
        Data::Object(entries.iter().map(entry).collect())
    };
    let value = Data::Object(vec![("value".to_owned(), text("newssid"))]);
    let args = vec![times(&[]), value, times(&[("object", 5.0)]), times(&[("object", 0.0)])];
    let script = Script::compile("vp", "log('vp args='+JSON.stringify(args))").unwrap();
    let inputs = Inputs { args, ..inputs() };
    let (_, host) = Engine::new().unwrap().run(&script, inputs, FakeHost::default());
    let expected =
        r#"log vp args=[{},{"value":["newssid","xsd:string"]},{"object":5},{"object":0}]"#;
    assert_eq!(host.calls, [expected]);
}

#[test]
fn the_time_is_that_of_the_sessions_start() {
    assert_eq!(
        json("return [Date.now(), new Date().getTime(), +new Date(), new Date().toISOString()]"),
        r#"[1700000000000,1700000000000,1700000000000,"2023-11-14T22:13:20.000Z"]"#
    );
    assert_eq!(
        json("return [Date.now(86400000), Date.now(3600000), Date.now(3600000, 0)]"),
        "[1699928575375,1699996975375,1699999200000]"
    );
    assert_eq!(
        json(
            "return [Date.now('0 3 * * *'), Date.now('30 0 3 * * *'), \
             Date.now('0 3 * * *', 3600000)]"
        ),
        format!("[1699930800000,1699930830000,{}]", 1_699_930_800_000i64 - 2_224_625)
    );
    let fault = fault_of("Date.now('61 * * * *')");
    assert_eq!(fault.code, "script.Error");
    assert!(fault.message.contains("a minute"), "{}", fault.message);
}

#[test]
fn other_dates_are_real_ones() {
    assert_eq!(
        json(
            "return [new Date(5).getTime(), new Date(2020, 0).getFullYear(), \
              new Date('2020-01-01T00:00:00Z').getTime(), Date.parse('1970-01-01'), \
              Date.UTC(1970, 0, 2), new Date(7) instanceof Date, Date.name, \
              new Date().constructor === Date, new Date(NaN).getTime(), \
              new (class extends Date {})(3).getTime(), typeof new Date().getHours()]"
        ),
        r#"[5,2020,1577836800000,0,86400000,true,"Date",true,null,3,"number"]"#
    );
    assert_eq!(
        fault_text("Date()"),
        "script.TypeError: Class constructor Date cannot be invoked without 'new'"
    );
}

#[test]
fn random_numbers_are_those_of_the_device() {
    assert_eq!(
        json("return [Math.random(), Math.random(), Math.random()]"),
        "[0.07072383286959756,0.10338438600839538,0.20012999497593112]"
    );
    let a_b = "[0.9146751924653923,0.9591006544085979,0.31429932152379775]";
    assert_eq!(json("Math.random.seed('A-B'); return [1, 2, 3].map(Math.random)"), a_b);
    let of = |seed: &str| json(&format!("Math.random.seed({seed}); return Math.random()"));
    assert_eq!(of("5"), of(r"'5\0'"));
    assert_eq!(of("[1, ['a', null]]"), of(r"'1\0,a,null\0'"));
    assert_eq!(of("{}"), of(r"'[object Object]\0'"));
}

#[test]
fn messages_keep_their_fields_but_those_of_the_log_itself() {
    assert_eq!(
        calls_of("log('a', {b: 1, pid: 2, hostname: 3, deviceId: 4, c: [null, 'x']})"),
        [r#"log a b=Number(1.0) c=List([Null, Text("x")])"#]
    );
    assert_eq!(
        calls_of("log(5); log(); log(null, null); log({}, 'x')"),
        ["log 5", "log undefined", "log null", "log [object Object]"]
    );
    assert_eq!(
        calls_of(r"log('a\ud800b', {x: '\udc00'})"),
        ["log a\u{fffd}b x=Text(\"\u{fffd}\")"]
    );
}

#[test]
fn the_language_is_there_and_the_machine_is_not() {
    let there = "Promise Map Set WeakMap Proxy Reflect JSON Symbol BigInt RegExp Uint8Array eval \
                 Function console encodeURIComponent parseInt structuredClone";
    let there: Vec<&str> =
        there.split_whitespace().filter(|name| *name != "structuredClone").collect();
    for name in there {
        assert_ne!(text_of(&format!("return typeof {name}")), "undefined", "{name}");
    }
    for name in [
        "require",
        "process",
        "setTimeout",
        "setInterval",
        "Buffer",
        "URL",
        "now",
        "module",
        "exports",
        "performance",
        "queueMicrotask",
        "SharedArrayBuffer",
        "Atomics",
        "WeakRef",
        "FinalizationRegistry",
        "navigator",
        "std",
        "os",
        "print",
        "scriptArgs",
        "fetch",
        "gc",
        "native",
        "limits",
        "DOMException",
        "InternalErrorX",
    ] {
        assert_eq!(text_of(&format!("return typeof {name}")), "undefined", "{name}");
    }
    assert_eq!(calls_of("console.log('x'); console.error(1)"), [""; 0]);
    assert_eq!(json("return [1, 2, 3].at(-1) + (null ?? 4) + 2 ** 3"), "15");
}

#[test]
fn what_is_thrown_becomes_a_fault() {
    assert_eq!(fault_text("throw new TypeError('bad')"), "script.TypeError: bad");
    assert_eq!(fault_text("throw new Error('bad')"), "script.Error: bad");
    assert_eq!(fault_text("throw 'bad'"), "script: bad");
    assert_eq!(fault_text("throw undefined"), "script: undefined");
    let null = "script: null (the script threw that, or had no memory left)";
    assert_eq!(fault_text("throw null"), null);
    assert_eq!(fault_text("throw 5"), "script: 5");
    assert_eq!(fault_text("throw Symbol('x')"), "script: Symbol(x)");
    assert_eq!(fault_text("throw {message: 'm'}"), "script: m");
    assert_eq!(fault_text("throw {name: 'Own', message: 'm'}"), "script.Own: m");
    assert_eq!(
        fault_text("class Own extends Error { get name() { return 'Own' } } throw new Own('m')"),
        "script.Own: m"
    );
    assert_eq!(fault_text("null.x").split(':').next(), Some("script.TypeError"));
    assert_eq!(fault_of("throw 'bad'").detail, None);
}

#[test]
fn whatever_is_thrown_gives_a_code_and_a_message() {
    const EMPTY: &str = "script: The script threw an empty text";
    const UNREADABLE: &str = "script: What the script threw cannot be read";
    for (source, expected) in [
        // What has no name, or an empty one, is no error.
        ("throw () => 1", "script: () => 1"),
        ("throw function () {}", "script: function () {}"),
        ("throw class extends Error {}", "script: class extends Error {}"),
        ("throw {}", "script: [object Object]"),
        ("throw Object.create(null)", UNREADABLE),
        ("throw ''", EMPTY),
        ("throw []", EMPTY),
        ("throw [1, 2]", "script: 1,2"),
        ("throw false", "script: false"),
        ("throw -0", "script: 0"),
        ("throw 10n", "script: 10"),
        ("throw Symbol()", "script: Symbol()"),
        ("throw {name: ''}", "script: [object Object]"),
        ("throw {name: ' '}", "script: [object Object]"),
        ("throw {name: '', message: ''}", "script: [object Object]"),
        ("throw {name: 5, message: 'm'}", "script: m"),
        ("throw {name: {}, message: 'm'}", "script: m"),
        ("throw Object.assign(new Error('m'), {name: ''})", "script: m"),
        ("throw Object.assign(new Error('m'), {name: '\\n\\0'})", "script: m"),
        // What has one is, and may have no message.
        ("throw new Error()", "script.Error: "),
        ("throw {name: 'Own', message: ''}", "script.Own: "),
        ("throw {name: 'Own'}", "script.Own: [object Object]"),
        ("throw {name: 'Own', message: null}", "script.Own: [object Object]"),
        ("throw {name: 'Own', message: 5}", "script.Own: 5"),
        ("throw {name: 'Own', message: Symbol('m')}", "script.Own: Symbol(m)"),
        ("throw {name: 'O\\nw\\u0007n', message: 'm'}", "script.Own: m"),
        ("throw function f() {}", "script.f: function f() {}"),
        ("throw class Own extends Error {}", "script.Own: class Own extends Error {}"),
        // Getters and texts that throw hide themselves, and nothing else.
        ("throw {get name() { throw 1 }, message: 'm'}", "script: m"),
        ("throw {name: 'Own', get message() { throw 1 }}", "script.Own: [object Object]"),
        ("throw {name: 'Own', message: 'm', get stack() { throw 1 }}", "script.Own: m"),
        ("throw {get name() { throw 1 }, toString() { throw 1 }}", UNREADABLE),
        ("throw {toString: () => ({})}", UNREADABLE),
        ("throw new Proxy({}, {get() { throw 1 }})", UNREADABLE),
    ] {
        let fault = fault_of(source);
        assert_eq!(format!("{}: {}", fault.code, fault.message), expected, "{source}");
        let name = fault.detail.map(|detail| detail.name);
        assert_eq!(name.as_deref(), fault.code.strip_prefix("script."), "{source}");
    }
}

#[test]
fn a_fault_tells_where_it_was_thrown() {
    let fault = fault_of("function f() { throw new TypeError('x') }\n\n  f()");
    let detail = fault.detail.unwrap();
    assert_eq!((detail.name.as_str(), detail.message.as_str()), ("TypeError", "x"));
    assert_eq!(detail.stack, "TypeError: x\n    at f (p:1:26)\n    at <anonymous> (p:3:3)");
    let stack = fault_of("declare('A..B')").detail.unwrap().stack;
    assert_eq!(stack, "Error: Invalid parameter path\n    at <anonymous> (p:1:1)");
}

#[test]
fn a_syntax_error_names_its_line() {
    for (source, line) in [
        ("declare(", 1),
        ("declare(\n", 1),
        ("let a = 1;\nlet b = ;\nlet c = 3;", 2),
        ("\n\n  if (", 3),
        ("let a;\nlet a;", 2),
        ("// 1\n'text", 2),
        ("a\n\0", 2),
        // A brace too many ends the function, so that it is the end that is not expected.
        ("// 1\n}\n// 3", 3),
        ("// 1\n/* never closed", 2),
    ] {
        match Script::compile("n: 1", source) {
            Err(ScriptError::Syntax { message, line: found }) => {
                assert!(message.starts_with("SyntaxError: "), "{message}");
                assert_eq!(found, Some(line), "{source:?}: {message}");
            }
            other => panic!("{source:?}: {other:?}"),
        }
    }
}
