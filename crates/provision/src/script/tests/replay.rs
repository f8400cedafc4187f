//! Commits, extensions and the abort that no script can catch (compat 2.1, 2.7).

use super::*;

fn device() -> FakeHost {
    FakeHost::with(&[("Device.Name", text("box"))])
}

fn aborts(source: &str) -> Vec<String> {
    let (outcome, host) = run_once(source, device());
    assert_eq!(outcome, Outcome::Aborted, "{source}");
    host.calls
}

const READ: [&str; 2] = ["declare Device.Name value:1", "read"];

#[test]
fn declaring_alone_commits_nothing() {
    let (outcome, host) =
        run_once("declare('Device.Name', null, {value: 1}); clear('A', 1)", device());
    assert_eq!(outcome, Outcome::Done(None));
    assert_eq!(host.calls, ["declare Device.Name = Number(1.0)", "clear A time:1"]);
}

#[test]
fn a_commit_that_is_not_paid_ends_the_run() {
    assert_eq!(aborts("log('a'); commit(); log('b')"), ["log a", "commit"]);
    for read in ["x.value", "x.path", "x.size", "for (const q of x);", "[...x]", "x.value[0].y"] {
        let source =
            format!("const x = declare('Device.Name', {{value: 1}}); {read}; log('never')");
        assert_eq!(aborts(&source), READ, "{read}");
    }
}

#[test]
fn paid_commits_count_and_reads_follow() {
    let source = "const x = declare('Device.Name', {value: 1}); log(x.value[0]); log(x.path); \
                  declare('Device.Other', {value: 1}); log(x.value[0]);";
    let mut host = device();
    host.revisions.push(BTreeMap::from([("Device.Name".to_owned(), text("first"))]));
    host.revisions.push(BTreeMap::from([("Device.Name".to_owned(), text("second"))]));
    let (outcome, host, runs) = run_until_stable(source, host);
    assert_eq!((outcome, runs), (Outcome::Done(None), 3));
    assert_eq!(
        host.calls,
        [
            "declare Device.Name value:1",
            "read",
            "matches Device.Name",
            "read Device.Name Value",
            "log first",
            "log Device.Name",
            "declare Device.Other value:1",
            "read",
            "matches Device.Name",
            "read Device.Name Value",
            "log second",
        ]
    );
}

#[test]
fn each_call_of_commit_counts_even_without_anything_new() {
    let (_, host, runs) = run_until_stable("commit(); commit(); log('end')", device());
    assert_eq!(
        (host.calls.as_slice(), runs),
        (["commit", "commit", "log end"].map(String::from).as_slice(), 3)
    );
}

#[test]
fn vector_o_no_catch_sees_the_abort() {
    let source = "let v; try { v = declare('Device.Name', {value: 1}).value[0]; } \
                  catch (e) { log('caught ' + String(e)); } log('after');";
    assert_eq!(aborts(source), READ);
    let (outcome, host, _) = run_until_stable(source, device());
    assert_eq!(outcome, Outcome::Done(None));
    assert_eq!(host.calls.last().map(String::as_str), Some("log after"));
}

#[test]
fn nothing_of_the_language_sees_the_abort() {
    let read = "declare('Device.Name', {value: 1}).value";
    for source in [
        "try { READ } finally { log('finally') }",
        "try { try { READ } finally { throw 1 } } catch { log('caught') }",
        "for (;;) try { READ } catch { log('again') } finally { continue }",
        "const f = () => { try { return READ } finally { return 1 } }; log(f())",
        "function* g() { try { yield READ } finally { log('f') } } \
         try { [...g()] } catch { log(1) }",
        "function* g() { try { yield 1 } finally { log('f') } } for (const x of g()) READ",
        "async function f() { try { READ } catch { log('c') } finally { log('f') } } f()",
        "async function f() { READ } f().catch(() => log('c')).finally(() => log('f')); \
         log('next')",
        "new Promise(() => READ).catch(() => log('c')); log('next')",
        "Promise.resolve().then(() => READ).catch(() => log('c')).finally(() => log('f'))",
        "async function f() { try { await 0; READ } catch { log('c') } } f()",
        "const p = new Proxy({}, {get() { READ }}); try { p.x } catch { log('c') }",
        "const p = new Proxy({}, {ownKeys() { READ }}); try { Object.keys(p) } catch { log('c') }",
        "const p = new Proxy(class {}, {construct() { READ }}); try { new p } catch { log('c') }",
        "try { [1, 2].map(() => READ) } catch { log('c') }",
        "try { [2, 1].sort(() => READ) } catch { log('c') }",
        "try { Array.from({length: 1}, () => READ) } catch { log('c') }",
        "try { JSON.stringify({toJSON() { READ }}) } catch { log('c') }",
        "try { `${{toString() { READ }}}` } catch { log('c') }",
        "try { 'a'.replace(/a/, () => READ) } catch { log('c') }",
        "const it = {[Symbol.iterator]() { return this }, next() { return {value: 1} }, \
         return() { log('r'); return {} }}; try { for (const x of it) READ } catch { log('c') }",
        "const it = {[Symbol.iterator]() { return this }, next() { return {value: 1} }, \
         return() { log('r'); return {} }}; try { Array.from(it, () => READ) } catch { log('c') }",
        "try { eval(`READ`) } catch { log('c') }",
        "try { new Function('d', 'd()')(() => READ) } catch { log('c') }",
        "Object.defineProperty(globalThis, 'x', {get() { READ }}); try { x } catch { log('c') }",
        "class A { constructor() { READ } } try { new A } catch { log('c') }",
        "Error.prepareStackTrace = () => log('p'); try { READ } catch { log('c') }",
        "label: { try { READ } finally { break label } } log('c')",
    ] {
        assert_eq!(aborts(&source.replace("READ", read)), READ, "{source}");
    }
}

#[test]
fn a_run_that_is_over_asks_nothing_more() {
    let source = "const it = {[Symbol.iterator]() { return this }, next() { return {value: 1} }, \
                  return() { declare('B'); commit(); log('r'); ext('a'); return {} }}; \
                  Array.from(it, () => commit())";
    assert_eq!(aborts(source), ["commit"]);
}

#[test]
fn jobs_of_an_aborted_run_are_not_left_to_the_next() {
    let script = |source| Script::compile("p", source).unwrap();
    let mut engine = Engine::new().unwrap();
    let first = script("Promise.resolve().then(() => log('late')); commit()");
    let (outcome, host) = engine.run(&first, inputs(), device());
    assert_eq!((outcome, host.calls), (Outcome::Aborted, vec!["commit".to_owned()]));
    let (_, host) = engine.run(&script("log('second')"), inputs(), device());
    assert_eq!(host.calls, ["log second"]);
}

#[test]
fn vector_an_promise_callbacks_run_before_the_end() {
    let source = "const then = () => { log('micro'); declare('Device.Name', {value: 1}); }; \
                  Promise.resolve(1).then(then); \
                  log('sync');";
    let (outcome, host) = run_once(source, device());
    assert_eq!(outcome, Outcome::Done(None));
    assert_eq!(host.calls, ["log sync", "log micro", "declare Device.Name value:1"]);
    let (outcome, host, _) = run_until_stable(
        "return (async () => { await 0; log(declare('Device.Name', {value: 1}).value[0]) })()",
        device(),
    );
    assert_eq!(outcome, Outcome::Done(Some(Data::Object(Vec::new()))));
    assert_eq!(host.calls.last().map(String::as_str), Some("log box"));
}

#[test]
fn vector_k_extensions_are_asked_once_for_each_revision() {
    let source = "log('a'); const x = ext('f', 'g', 1, true, null); log('x=' + x); \
                  const v = declare('Device.Name', {value: 1}).value[0]; \
                  const y = ext('f', 'g', 1, true, null); log('y=' + y + ' ' + v);";
    let (outcome, host, runs) = run_until_stable(source, device());
    assert_eq!((outcome, runs), (Outcome::Done(None), 4));
    let asked: Vec<&(usize, String)> = host.answers.keys().collect();
    assert_eq!(asked, [&(0, "f,g,1,true,null".to_owned()), &(1, "f,g,1,true,null".to_owned())]);
    let logs: Vec<&String> = host.calls.iter().filter(|call| call.starts_with("log")).collect();
    assert_eq!(logs, ["log a", "log x=ext:f,g,1,true,null", "log y=ext:f,g,1,true,null box"]);
}

#[test]
fn an_extension_answers_with_any_json() {
    let answer = Data::Object(vec![
        ("__proto__".to_owned(), Data::Number(1.0)),
        ("list".to_owned(), Data::List(vec![Data::Null, Data::Bool(true), Data::Text("é".into())])),
    ]);
    let mut host = device();
    host.answers.insert((0, "f".to_owned()), answer.clone());
    let source = "const trap = {set() { throw 1 }, get() { return 7 }}; \
                  Object.defineProperty(Array.prototype, 0, trap); \
                  const x = ext('f'); return x";
    assert_eq!(run_once(source, host).0, Outcome::Done(Some(answer)));
    let mut host = device();
    host.answers.insert((0, "f".to_owned()), Data::Null);
    assert_eq!(run_once("return ext('f') === null", host).0, Outcome::Done(Some(Data::Bool(true))));
}

#[test]
fn random_numbers_start_again_in_each_run() {
    let source = "const a = Math.random(); commit(); return [a, Math.random()]";
    let (outcome, _, _) = run_until_stable(source, device());
    let numbers = [0.070_723_832_869_597_56, 0.103_384_386_008_395_38];
    assert_eq!(outcome, Outcome::Done(Some(Data::List(numbers.map(Data::Number).to_vec()))));
}
