//! `declare`, `clear` and what they return (compat 2.2, 2.3).

use super::*;

fn device() -> FakeHost {
    FakeHost::with(&[
        ("Device.Name", text("box")),
        ("Device.Rows.1", text("a")),
        ("Device.Rows.2", text("b")),
        ("Device.Count", Data::typed(Data::Number(5.0), "xsd:unsignedInt")),
        ("Device.On", Data::typed(Data::Bool(true), "xsd:boolean")),
    ])
}

/// What the script returns once it is stable, as JSON.
fn returned(source: &str) -> String {
    let source = format!("const f = () => {{ {source} }}; return JSON.stringify(f());");
    match run_until_stable(&source, device()).0 {
        Outcome::Done(Some(Data::Text(text))) => text,
        Outcome::Done(None) => "undefined".to_owned(),
        other => panic!("{source}: {other:?}"),
    }
}

fn declared(source: &str) -> String {
    calls_of(source).join("; ")
}

#[test]
fn only_what_is_asked_of_an_attribute_from_one_on_counts() {
    let ask = |times: &str| declared(&format!("declare('A', {times})"));
    assert_eq!(ask("{path: 1, object: 2, writable: 3}"), "declare A path:1 object:2 writable:3");
    assert_eq!(
        ask("{value: 4, notification: 5, accessList: 6}"),
        "declare A value:4 notification:5 accessList:6"
    );
    for nothing in ["null", "undefined", "{}", "{value: 0}", "{value: NaN}", "{value: -1}", "5"] {
        assert_eq!(ask(nothing), "declare A", "{nothing}");
    }
    assert_eq!(ask("{value: undefined, path: null, object: 'x'}"), "declare A");
    assert_eq!(
        ask("{value: '7', path: true, object: new Date(9)}"),
        "declare A path:1 object:9 value:7"
    );
    assert_eq!(ask("{value: 1.5}"), "declare A value:2");
}

#[test]
fn a_time_after_the_session_began_is_when_it_began() {
    assert_eq!(
        declared("declare('A', {value: Date.now() + 1e9, path: Infinity, object: 1e300})"),
        format!("declare A path:{NOW} object:{NOW} value:{NOW}")
    );
}

#[test]
fn a_value_comes_alone_or_in_a_list_with_its_type() {
    let set = |values: &str| declared(&format!("declare('A', null, {values})"));
    assert_eq!(set("{value: 300}"), "declare A = Number(300.0)");
    assert_eq!(set("{value: [true]}"), "declare A = Bool(true)");
    assert_eq!(set("{value: ['x', 'xsd:string']}"), "declare A = Text(\"x\") as xsd:string");
    assert_eq!(set("{value: [5, null]}"), "declare A = Number(5.0)");
    assert_eq!(set("{value: new Date(7)}"), "declare A = Number(7.0)");
    assert_eq!(set("{value: 12n}"), "declare A = Text(\"12\")");
    assert_eq!(set("{value: {toString: () => 'o'}}"), "declare A = Text(\"o\")");
    for nothing in ["null", "undefined", "{}", "{value: null}", "{value: []}", "{value: [null]}"] {
        assert_eq!(set(nothing), "declare A", "{nothing}");
    }
}

#[test]
fn instances_are_a_number_or_a_range() {
    let set = |values: &str| declared(&format!("declare('A.*', null, {values})"));
    assert_eq!(set("{path: 0}"), "declare A.* instances 0..=0");
    assert_eq!(set("{path: [1, 3]}"), "declare A.* instances 1..=3");
    assert_eq!(set("{path: [2]}"), "declare A.* instances 2..=2");
    assert_eq!(set("{path: [1, Infinity]}"), format!("declare A.* instances 1..={}", u32::MAX));
    assert_eq!(set("{path: '2'}"), "declare A.* instances 2..=2");
    for nothing in ["null", "NaN", "'x'", "-1", "[]"] {
        assert_eq!(set(&format!("{{path: {nothing}}}")), "declare A.*", "{nothing}");
    }
}

#[test]
fn notification_is_a_number_and_the_access_list_texts() {
    let set = |values: &str| declared(&format!("declare('A', null, {values})"));
    assert_eq!(set("{notification: 2}"), "declare A notification=2");
    assert_eq!(set("{notification: '1'}"), "declare A notification=1");
    assert_eq!(set("{notification: 'x'}"), "declare A");
    assert_eq!(set("{accessList: ['Subscriber', 'x']}"), "declare A accessList=Subscriber+x");
    assert_eq!(set("{accessList: []}"), "declare A accessList=");
    assert_eq!(set("{writable: true, object: true}"), "declare A");
}

#[test]
fn an_illegal_path_is_an_error_and_an_empty_one_is_ignored() {
    let invalid = "script.Error: Invalid parameter path";
    assert_eq!(fault_text("declare('Device..X', {value: 1})"), invalid);
    assert_eq!(fault_text("declare(undefined)"), invalid);
    assert_eq!(fault_text("declare('A'.repeat(5000))"), invalid);
    assert_eq!(fault_text("clear(5)"), invalid);
    assert_eq!(
        declared("const x = declare('', {value: 1}); log(`${x.value} ${x.size}`)"),
        "log undefined undefined"
    );
}

#[test]
fn the_first_match_is_read_directly() {
    assert_eq!(
        returned("return declare('Device.Name', {value: 1}).value"),
        r#"["box","xsd:string"]"#
    );
    assert_eq!(returned("return declare('Device.Rows.*', {value: 1}).value[0]"), r#""a""#);
    assert_eq!(
        returned("return declare('Device.Count', {value: 1}).value"),
        r#"[5,"xsd:unsignedInt"]"#
    );
    assert_eq!(returned("return declare('Device.On', {value: 1}).value[0]"), "true");
    let all = "const x = declare('Device.Rows.*', {object: 1, writable: 1, notification: 1, \
               accessList: 1, value: 1}); return [x.object, x.writable, x.notification, \
               x.accessList, x.path, x.size]";
    assert_eq!(returned(all), r#"[0,1,2,["Subscriber"],"Device.Rows.1",2]"#);
}

#[test]
fn nothing_that_matches_is_undefined_and_iterates_over_nothing() {
    let source = "const v = declare('Device.Nope', {value: 1, writable: 1}); let n = 0; \
                  for (const q of v) ++n; \
                  return [typeof v.value, typeof v.path, typeof v.size, typeof v.writable, n]";
    let undefined = r#"["undefined","undefined","undefined","undefined",0]"#;
    assert_eq!(returned(source), undefined);
    let (outcome, _, _) = run_until_stable("declare('Device.Nope', {value: 1}).value[0]", device());
    let Outcome::Fault(fault) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fault.code, "script.TypeError");
}

#[test]
fn iteration_gives_each_match_with_the_same_attributes() {
    let source = "const all = []; for (const q of declare('Device.Rows.*', {value: 1})) \
                  all.push(q.path, q.value[0], q.size, typeof q.writable, [...q].length); \
                  return all";
    assert_eq!(
        returned(source),
        r#"["Device.Rows.1","a",1,"undefined",1,"Device.Rows.2","b",1,"undefined",1]"#
    );
}

#[test]
fn an_attribute_that_was_not_named_is_undefined_and_does_not_commit() {
    let source = "const x = declare('Device.Name', {writable: 1}); \
                  log(`${x.value} ${x.notification} ${x.nonsense}`)";
    let (outcome, host) = run_once(source, device());
    assert_eq!(outcome, Outcome::Done(None));
    assert_eq!(host.calls, ["declare Device.Name writable:1", "log undefined undefined undefined"]);
    assert_eq!(
        returned("return typeof declare('Device.Name', {value: 0}).value"),
        r#""undefined""#
    );
    assert_eq!(returned("return declare('Device.Name', {value: 0}).size"), "1");
    assert_eq!(returned("return declare('Device.Name', null, {value: 1}).value[0]"), r#""box""#);
}

#[test]
fn the_getters_cannot_be_listed() {
    let source = "const x = declare('Device.Name', {value: 1}); const keys = []; \
                  for (const k in x) keys.push(k); \
                  return [Object.keys(x), JSON.stringify(x), keys, x.constructor === Object]";
    assert_eq!(returned(source), r#"[[],"{}",[],true]"#);
    assert_eq!(
        fault_text("declare('A', {value: 1}).value = 5").split(':').next(),
        Some("script.TypeError")
    );
}

#[test]
fn reads_are_lazy_and_kept_for_a_revision() {
    let source = "const x = declare('Device.Name', {value: 1}); x.value[0] = 'mine'; \
                  log(x.value[0]); commit(); log(x.value[0])";
    let (_, host, runs) = run_until_stable(source, device());
    assert_eq!(runs, 3);
    assert_eq!(
        host.calls,
        [
            "declare Device.Name value:1",
            "read",
            "matches Device.Name",
            "read Device.Name Value",
            "log mine",
            "commit",
            "matches Device.Name",
            "read Device.Name Value",
            "log box",
        ]
    );
}

#[test]
fn what_is_cleared_is_older_than_a_time() {
    assert_eq!(declared("clear('Device', 5)"), "clear Device time:5");
    assert_eq!(declared("clear('Device', Date.now() + 9)"), format!("clear Device time:{NOW}"));
    assert_eq!(declared("clear('Device')"), "clear Device");
    assert_eq!(declared("clear('A', 0, {value: 7, object: 0})"), "clear A value:7");
    assert_eq!(
        declared("clear('A', 3); declare('B', {value: 1}).value; log('never')"),
        "clear A time:3; declare B value:1; read"
    );
}

#[test]
fn a_script_declares_a_limited_number_of_times() {
    let limit = crate::limits::SCRIPT_DECLARATIONS_MAX;
    let run = |count: usize| {
        let source = format!("for (let i = 0; i < {count}; ++i) declare('A')");
        let script = Script::compile("p", &source).unwrap();
        let inputs = Inputs { budget: Budget::default(), ..inputs() };
        Engine::new().unwrap().run(&script, inputs, FakeHost::default()).0
    };
    assert_eq!(run(limit), Outcome::Done(None));
    let Outcome::Fault(fault) = run(limit + 1) else { panic!("not refused") };
    let message = format!("A script declares and clears at most {limit} times");
    assert_eq!((fault.code.as_str(), fault.message), ("script.Error", message));
}
