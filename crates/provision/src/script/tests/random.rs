//! Scripts put together at random: whatever they do, the process and the engine survive.

use proptest::prelude::*;

use super::*;

/// Pieces of scripts that reach far into the interpreter and the host.
const PIECES: &[&str] = &[
    "declare('A.*', {value: 1})",
    "declare('Device.Name', {value: 1}).value",
    "commit()",
    "clear('A', Date.now())",
    "ext('f', x)",
    "log(x, {x})",
    "throw x",
    "return x",
    "x = [x, x]",
    "x = {x}",
    "x = `${x}${x}`",
    "x = 'y'.repeat(x)",
    "x = new Array(x)",
    "for (const y of x) log(y)",
    "for (;;);",
    "x = new Proxy({}, {get: () => x})",
    "x = () => x()",
    "x()",
    "Promise.resolve(x).then(log)",
    "await0()",
    "x = JSON.parse(x)",
    "x = JSON.stringify(x)",
    "delete globalThis.Object",
    "Object.prototype.x = x",
    "Array.prototype[0] = x",
    "x = Math.random(x)",
    "x = new Date(x)",
    "x = x.constructor",
    "x = new x",
    "x = 1e9",
    "x = -1",
    "x = null",
    "x = undefined",
    "x = Symbol()",
    "x = 10n ** 9n",
    "x = new Uint8Array(x)",
    "x = /(a+)+b/.exec('a'.repeat(30))",
    "x = eval('x')",
    "x = Function('return this')()",
    "x = eval('{ let a = () => { for (;;) { break } } }')",
    "x = Function('a', '{ let b = () => { { return a } } class A { #x; static { } } }')",
    "x = new RegExp('(?<a>[a-z]+)|(b*)|(?<=c)d')",
    "x = []; for (;;) x.push([], {}, 'x' + x.length)",
    "x = []; try { for (;;) x.push(`${x.length}`) } catch { } eval('{{{ let a; () => { { } } }}}')",
    "x = {}; try { for (let i = 0;; ++i) x[i + 'x'] = () => i } catch (e) { log(`${e}`) }",
    "x = Object.getPrototypeOf(x)",
    "x = [...x]",
    "x = Object.getOwnPropertyNames(x)",
    "x.length = x",
    "x = x.value",
    "x = x[Symbol.iterator]()",
    "Object.defineProperty(x, 'value', {get() { return commit() }})",
    "x = class extends x {}",
    "x = new Map([[x, x]])",
    "x = x.next()",
    "x = function* () { yield* x }",
    "x = Error(x)",
    "x = structured(x)",
    "globalThis.log = declare",
    "x = declare.bind(x, 'A')",
    "x = args",
    "x = x.sort(() => commit())",
    "x = '\\ud800' + x",
    "Error.prototype.toString = () => { throw x }",
    "Object.freeze(globalThis)",
    "x = Reflect.ownKeys(globalThis).map((k) => globalThis[k])",
    "x = new Error('e', {cause: x}); x.stack = x",
    "x = new WeakMap([[{}, x]])",
    "Function.prototype.call = () => x",
    "Symbol.prototype[Symbol.toPrimitive] = () => x",
];

const WRAPS: &[&str] = &[
    "try { BODY } catch (e) { x = e }",
    "try { BODY } finally { log('f') }",
    "for (let i = 0; i < 3; ++i) { BODY }",
    "(() => { BODY })();",
    "(async () => { BODY })();",
    "[1, 2].forEach(() => { BODY });",
    "new Proxy({}, {get() { BODY }}).y;",
    "{ BODY }",
];

fn script() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES).prop_map(|piece| format!("{piece}; "));
    let body = prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat());
    let wrapped = (prop::sample::select(WRAPS), body.clone())
        .prop_map(|(wrap, body)| wrap.replace("BODY", &body));
    let part = prop_oneof![body, wrapped];
    prop::collection::vec(part, 1..6).prop_map(|parts| {
        format!("let x = declare('Device.Name', {{value: 1}}); {}", parts.concat())
    })
}

#[expect(clippy::disallowed_methods, reason = "a test reads how long it may run")]
fn runs() -> u32 {
    if std::env::var_os("DROVER_SOAK").is_some() { 5_000 } else { 300 }
}

fn survives(engine: &mut Engine, source: &str) {
    let Ok(script) = Script::compile("p", source) else { return };
    let budget = Budget { checks: 3, ..Budget::default() };
    let mut host = FakeHost::with(&[("Device.Name", text("box"))]);
    for _ in 0..3 {
        host.start();
        let inputs = Inputs { budget, ..inputs() };
        let (outcome, after) = engine.run(&script, inputs, host);
        host = after;
        if outcome != Outcome::Aborted {
            break;
        }
    }
}

#[test]
fn random_scripts_hurt_nobody() {
    let mut engine = Engine::new().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: runs(),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let engine = RefCell::new(&mut engine);
    let result = runner.run(&script(), |source| {
        survives(&mut engine.borrow_mut(), &source);
        Ok(())
    });
    result.unwrap();
    assert_usable(&mut engine.borrow_mut());
}

/// Memory runs out at every possible place, in the interpreter and in what surrounds it.
#[test]
fn random_scripts_without_memory_hurt_nobody() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: runs(),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let cases = (script(), 0usize..400 * 1024);
    let result = runner.run(&cases, |(source, memory)| {
        let mut engine = Engine::with_memory(memory).unwrap();
        survives(&mut engine, &source);
        Ok(())
    });
    result.unwrap();
}

#[test]
fn any_text_is_a_script_or_none() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: runs(),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let mut engine = Engine::new().unwrap();
    let engine = RefCell::new(&mut engine);
    let source = "([\\PC\\n]|[(){}\\[\\];,.=]|return|declare|=>|function|\\*|/|'|`|\\$\\{){0,30}";
    let result = runner.run(&source, |source| {
        survives(&mut engine.borrow_mut(), &source);
        Ok(())
    });
    result.unwrap();
}
