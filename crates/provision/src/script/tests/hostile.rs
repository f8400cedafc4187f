//! Scripts that must not hurt anyone else.

use super::*;
use crate::limits;

const TIMED_OUT: &str = "script.Error: Script execution timed out after 250ms";

#[test]
fn endless_loops_end() {
    for source in [
        "while (true) {}",
        "for (;;) try { for (;;); } catch {} finally { continue }",
        "for (;;) try { throw 1 } catch {}",
        "const f = () => { try { f() } catch { f() } }; f()",
        "function* g() { for (;;) yield 1 } for (const x of g()) {}",
        "const f = async () => { for (;;) await 0 }; f()",
        "for (;;) log",
        "new Array(100000).fill(0).sort(() => { for (;;); })",
        "/(a+)+$/.test('a'.repeat(40) + 'b')",
        "/^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(200))",
        "'a'.repeat(60).replace(/(a|aa)+$/g, 'x') + 'b'; /(x+x+)+y/.exec('x'.repeat(60))",
        "return {get a() { for (;;); }}",
        "throw {get name() { for (;;); }}",
        "log({toString() { for (;;); }})",
        "log('a', {get a() { for (;;); }})",
        "declare('A', {get value() { for (;;); }})",
        "declare('A', null, {value: {toString() { for (;;); }}})",
        "declare('A', null, {accessList: [{toString() { for (;;); }}]})",
        "ext({toString() { for (;;); }})",
        "new Proxy({}, {get() { for (;;); }}).x",
        "for (const x of {[Symbol.iterator]: () => ({next: () => ({})})}) {}",
        "const loop = () => { for (;;); }; \
         return new Proxy([], {get: (t, k) => k === 'length' ? 2 ** 32 - 1 : loop()})",
        "eval('for (;;);')",
        "new Function('for (;;);')()",
        "[].indexOf.call({length: 2 ** 53 - 1}, 1)",
        "[].fill.call({length: 2 ** 53 - 1, set 0(x) { for (;;); }}, 1)",
    ] {
        assert_eq!(fault_text(source), TIMED_OUT, "{source}");
    }
}

/// How a run ends whose clock goes on by so much each time that it is looked at.
fn run_by_clock(source: &str, tick: Duration) -> Outcome {
    let mut engine = Engine::new().unwrap();
    let time = std::cell::Cell::new(Duration::from_secs(9));
    engine.set_clock(move || {
        time.set(time.get() + tick);
        time.get()
    });
    let script = Script::compile("p", source).unwrap();
    engine.run(&script, inputs(), FakeHost::default()).0
}

#[test]
fn the_clock_ends_a_run_too() {
    for source in [
        "for (let i = 0; i < 5e4; ++i);",
        "const all = new Array(1e5).fill(1); for (let i = 0; i < 5; ++i) [...all]",
    ] {
        let outcome = run_by_clock(source, Duration::from_millis(100));
        assert_eq!(outcome, Outcome::Fault(Fault::timed_out(250)), "{source}");
        assert_eq!(run_by_clock(source, Duration::from_millis(1)), Outcome::Done(None), "{source}");
    }
}

#[test]
fn an_engine_that_is_stopped_runs_nothing_to_its_end_any_more() {
    let mut engine = Engine::new().unwrap();
    let stopper = engine.stopper();
    let mut run = |source: &str| {
        let script = Script::compile("p", source).unwrap();
        engine.run(&script, inputs(), FakeHost::default()).0
    };
    let long = "for (let i = 0; i < 5e4; ++i);";
    assert_eq!(run(long), Outcome::Done(None));
    stopper.stop();
    for _ in 0..2 {
        assert_eq!(run(long), Outcome::Fault(Fault::timed_out(250)));
    }
}

/// One step of the interpreter each, however much it does: what it takes is counted.
#[test]
fn what_makes_large_things_is_looked_at_in_between() {
    let members = "const o = {}; for (let i = 0; i < 5e3; ++i) o['k' + i] = i;";
    let list = "const a = new Array(2e4).fill(1);";
    for (before, endless) in [
        (members, "const copy = {...o}"),
        (members, "const {k1, ...rest} = o"),
        (members, "for (const key in o) break"),
        (members, "Object.keys(o)"),
        (members, "Object.entries(o)"),
        (members, "Object.assign({}, o)"),
        (members, "Object.isFrozen(o)"),
        (members, "Object.getOwnPropertyDescriptors(o)"),
        (members, "Reflect.ownKeys(o)"),
        (members, "JSON.stringify(o)"),
        (list, "[...a]"),
        (list, "Array.from(a)"),
        (list, "Math.max(...a)"),
        (list, "Math.max.apply(null, a)"),
        (list, "Reflect.apply(Math.max, null, a)"),
        (list, "new Set(a.keys())"),
        (list, "new Float64Array(a)"),
        (list, "const [, ...rest] = a"),
        ("const m = new Map(); for (let i = 0; i < 5e3; ++i) m.set(i, i);", "[...m]"),
        ("const s = new Set(); for (let i = 0; i < 5e3; ++i) s.add(i);", "s.union(s)"),
        ("const b = 3n ** 2000n;", "b * b"),
        ("const b = 3n ** 2000n;", "b.toString()"),
        ("const b = 1n << 100000n;", "-b"),
        ("const t = 'a'.repeat(1e6);", "const u = t + t; u[0]"),
        ("const t = 'a'.repeat(1e6);", "`${t}${t}`[0]"),
        ("const t = '%41'.repeat(1e5);", "decodeURIComponent(t)"),
        ("const t = 'é'.repeat(1e5);", "unescape(escape(t))"),
        ("const t = 'a'.repeat(1e4);", "new RegExp(t)"),
        ("const t = 'a'.repeat(1e6);", "Symbol(t)"),
        ("", "new Uint8Array(1e7)"),
        ("const a = new Uint8Array(8e6);", "a.buffer.slice(0, 7e6)"),
        ("", "try { new Array(1e5).fill(1) } catch { }"),
        ("", "try { 'a'.repeat(1e6) } finally { continue }"),
    ] {
        let source = format!("{before} for (;;) {{ {endless} }}");
        let script = Script::compile("p", &source).unwrap();
        // So many steps that they alone would take long.
        let budget = Budget { checks: 40, mebibytes: 16, milliseconds: 250 };
        let mut engine = Engine::new().unwrap();
        let inputs = Inputs { budget, ..inputs() };
        let (outcome, _) = engine.run(&script, inputs, FakeHost::default());
        assert_eq!(outcome, Outcome::Fault(Fault::timed_out(250)), "{source}");
        assert_usable(&mut engine);
    }
}

#[test]
fn the_budget_ends_a_run_at_the_same_step_each_time() {
    let source = "let i = 0; for (;;) if (++i % 1000 === 0) log(i)";
    let budget = Budget { checks: 5, milliseconds: 9, ..Budget::default() };
    let run = || {
        let script = Script::compile("p", source).unwrap();
        let inputs = Inputs { budget, ..inputs() };
        let (outcome, host) = Engine::new().unwrap().run(&script, inputs, FakeHost::default());
        assert_eq!(outcome, Outcome::Fault(Fault::timed_out(9)));
        host.calls.len()
    };
    assert!(run() > 10, "{}", run());
    assert_eq!(run(), run());
}

#[test]
fn memory_is_bounded() {
    for source in [
        "const a = []; for (;;) a.push(new Array(1000).fill('x'))",
        "let s = 'x'; for (;;) s += s + s",
        "let s = 'x'; for (;;) s = (s + s).split('').join('')",
        "new Uint8Array(1e9)",
        "new ArrayBuffer(1, {maxByteLength: 2e9}).resize(1e9)",
        "'x'.repeat(1e9)",
        "'x'.padEnd(5e8)",
        "new Array(1e8).fill(0)",
        "Array.from({length: 1e8})",
        "const m = new Map(); for (let i = 0;; ++i) m.set(i, {})",
        "let o = null; for (;;) o = {o}",
        "let o = null; for (;;) o = [o, () => o]",
        "JSON.stringify(new Array(3e6).fill('xxxxxxxxxx'))",
        "const f = (x) => () => x; let g = f(0); for (;;) g = f(g)",
        "return new Array(2e6).fill(0)",
    ] {
        let text = fault_text(source);
        let is_expected = ["script.InternalError", "script.RangeError", TIMED_OUT, "script: null"]
            .iter()
            .any(|expected| text.contains(expected));
        assert!(is_expected, "{source}: {text}");
    }
}

#[test]
fn text_becomes_code_only_while_there_is_memory() {
    let fill = "const all = []; try { for (;;) all.push(new Uint8Array(256)) } catch { }";
    let code = "{{{ const f = () => { { class A { #x; static { } } } }; f() }}}".repeat(20);
    for compile in [
        "eval(code)",
        "(0, eval)(code)",
        "Function(code)()",
        "new Function('a', code)",
        "(() => {}).constructor(code)",
        "(async () => {}).constructor(code)",
        "(function* () {}).constructor(code)",
        "(async function* () {}).constructor(code)",
        "new (class extends Function {})(code)",
        "Reflect.construct(Function, [code])",
    ] {
        let source = format!("const code = '{code}'; {fill} {compile}");
        let fault = fault_of(&source);
        assert!(
            ["script.InternalError", "script.RangeError", "script"].contains(&&*fault.code),
            "{compile}: {fault:?}"
        );
        let source = format!("const code = '{code}'; {compile}");
        assert_eq!(run_once(&source, FakeHost::default()).0, Outcome::Done(None), "{compile}");
    }
    assert_eq!(value_of("return eval('1 + 1') + Function('a', 'return a')(3)"), Data::Number(5.0));
    assert_eq!(value_of("return (() => {}) instanceof Function"), Data::Bool(true));
    let limit = limits::SCRIPT_EVAL_CHARS_MAX;
    let at = format!("eval(' '.repeat({limit}))");
    assert_eq!(run_once(&at, FakeHost::default()).0, Outcome::Done(None));
    assert_eq!(fault_of(&format!("eval(' '.repeat({limit} + 1))")).code, "script.RangeError");
}

#[test]
fn what_is_compiled_may_take_much_memory() {
    for piece in ["()=>{};", "{{}}", "class A{}", "a=>a,", "`${`", "[", "x:", "/a/;", "1,", "'é',"]
    {
        let source = piece.repeat(SCRIPT_BYTES_MAX / piece.len());
        if let Ok(script) = Script::compile("p", &source) {
            Engine::new().unwrap().run(&script, inputs(), FakeHost::default());
        }
    }
}

#[test]
fn promises_without_an_end_end_one_way_or_another() {
    // What is thrown into a promise, also for want of memory, is the matter of that promise.
    let source = "Promise.resolve().then(function f() { return Promise.resolve().then(f) })";
    let (outcome, _) = run_once(source, FakeHost::default());
    assert!(matches!(outcome, Outcome::Done(None) | Outcome::Fault(_)), "{outcome:?}");
}

#[test]
fn recursion_is_bounded() {
    for source in [
        "const f = () => f() + 1; f()",
        "const f = () => [1].map(f); f()",
        "class A { get x() { return this.x } } new A().x",
        "const p = new Proxy({}, {get: (t, k, r) => r[k]}); p.x",
        "const o = {toString() { return `${this}` }}; `${o}`",
        "JSON.parse('['.repeat(1e5))",
        "eval('('.repeat(1e5))",
        "new RegExp('('.repeat(1e5))",
        "let a = []; for (let i = 0; i < 3e4; ++i) a = [a]; JSON.stringify(a)",
        "let a = []; for (let i = 0; i < 1e4; ++i) a = [a]; a.flat(Infinity)",
        "let a = []; for (let i = 0; i < 3e4; ++i) a = [a]; return a",
        "let a = []; for (let i = 0; i < 3e4; ++i) a = [a]; log('x', {a})",
        "let a = {}; a.a = a; return a",
        "let a = []; for (let i = 0; i < 3e4; ++i) a = [a]; `${a}`",
    ] {
        let code = fault_of(source).code;
        assert!(
            ["script.RangeError", "script.SyntaxError", "script.InternalError"].contains(&&*code),
            "{source}: {code}"
        );
    }
}

#[test]
fn texts_are_bounded_at_their_limits() {
    let at = |source: &str, limit: usize| {
        let fits = source.replace("LONG", &format!("'x'.repeat({limit})"));
        assert_eq!(run_once(&fits, FakeHost::default()).0, Outcome::Done(None), "{source}");
        let beyond = source.replace("LONG", &format!("'x'.repeat({})", limit + 1));
        let code = fault_of(&beyond).code;
        assert!(matches!(&*code, "script.RangeError" | "script.Error"), "{source}: {code}");
    };
    at("log(LONG)", limits::SCRIPT_LOG_CHARS_MAX);
    at("declare('A', null, {value: LONG})", limits::VALUE_BYTES_MAX);
    at("declare('A', null, {value: [1, LONG]})", SCRIPT_NAME_CHARS_MAX);
    at("declare('A', null, {accessList: [LONG]})", SCRIPT_NAME_CHARS_MAX);
    at("declare('A', null, {accessList: LONG.split('')})", limits::SCRIPT_LIST_ITEMS_MAX);
    at("declare(LONG)", limits::SCRIPT_PATH_CHARS_MAX);
    at("for (const x of LONG) log(x)", limits::SCRIPT_LOG_MESSAGES_MAX);
    at("log('x', {a: LONG})", limits::SCRIPT_DATA_CHARS_MAX - 1);
    let fault = fault_text(&format!("ext('x'.repeat({}))", limits::SCRIPT_EXT_CHARS_MAX + 1));
    assert!(fault.starts_with("script.RangeError"), "{fault}");
    let fault =
        fault_text(&format!("ext(...'x'.repeat({}))", limits::SCRIPT_EXT_ARGUMENTS_MAX + 1));
    assert!(fault.starts_with("script.RangeError"), "{fault}");
    let fault = fault_text("return new Array(20000).fill(0)");
    assert!(fault.starts_with("script.RangeError: What the script returns has more"), "{fault}");
    let fault = fault_of("const e = new Error('x'.repeat(1e6)); e.name = 'n'.repeat(1e6); throw e");
    assert!(fault.code.len() <= 300 && fault.message.len() <= 1100, "{}", fault.code.len());
}

#[test]
fn a_script_harms_only_itself_by_changing_built_in_objects() {
    let source = "
        Object.prototype.polluted = 1;
        Object.prototype.length = 99;
        Array.prototype[0] = 'wrong';
        Array.prototype.push = () => { throw 'push' };
        Array.prototype[Symbol.iterator] = () => { throw 'iterator' };
        const trap = {set() { throw 'set' }, get() { return 'wrong' }};
        Object.defineProperty(Array.prototype, 1, trap);
        Object.defineProperty(Object.prototype, 'value', {set() { throw 'value' }, get() {}});
        String.prototype.toWellFormed = Date.prototype.getTime = () => { throw 'method' };
        Object.keys = Object.defineProperty = Array.isArray = () => { throw 'static' };
        Function.prototype.call = Function.prototype.bind = () => { throw 'call' };
        Math.trunc = Number.isFinite = Reflect.construct = () => { throw 'math' };
        Error = RangeError = TypeError = JSON = Promise = undefined;
        const none = declare('Device.None', {value: 1});
        log(`${none.value} ${none.size} ${none.path}`);
        const x = declare('Device.Name', {value: 1});
        log(x.value[0] + x.size, {a: [1], b: new Date(5)});
        return {a: [ext('f', 'g')]};
    ";
    let host = FakeHost::with(&[("Device.Name", text("box"))]);
    let (outcome, host, _) = run_until_stable(source, host);
    let list = Data::List(vec![Data::Text("ext:f,g".to_owned())]);
    assert_eq!(outcome, Outcome::Done(Some(Data::Object(vec![("a".to_owned(), list)]))));
    let logs: Vec<&String> = host.calls.iter().filter(|call| call.starts_with("log")).collect();
    assert_eq!(
        logs,
        ["log undefined undefined undefined", "log box1 a=List([Number(1.0)]) b=Date(5.0)"]
    );
}

#[test]
fn nothing_stays_from_one_run_to_the_next() {
    let mut engine = Engine::new().unwrap();
    let mut run = |source: &str| {
        let script = Script::compile("p", source).unwrap();
        engine.run(&script, inputs(), FakeHost::default()).0
    };
    let pollute = "globalThis.left = 1; Object.prototype.left = 1; Array.prototype.left = 1; \
                   Math.left = 1; declare.left = 1; Date.left = 1; Math.random(); \
                   (() => {}).constructor.prototype.left = 1; RegExp.left = 1; console.left = 1";
    assert_eq!(run(pollute), Outcome::Done(None));
    let look = "return [typeof left, {}.left, [].left, Math.left, declare.left, Date.left, \
                (() => {}).left, RegExp.left, console.left, RegExp.$1].join() + Math.random()";
    let expected = "undefined,,,,,,,,,0.07072383286959756".to_owned();
    assert_eq!(run(look), Outcome::Done(Some(Data::Text(expected))));
}

#[test]
fn no_way_leads_out_of_the_sandbox() {
    for source in [
        "return typeof Function('return this')().process",
        "return typeof (function () {}).constructor('return this')().require",
        "return typeof declare.constructor('return this')().native",
        "return typeof (0, eval)('this').std",
        "return typeof declare('A').constructor.constructor('return globalThis')().os",
        "return String(typeof declare.caller)",
        "return typeof Object.getOwnPropertyDescriptor(declare, 'arguments')",
    ] {
        let (outcome, _) = run_once(source, FakeHost::default());
        let is_fine = match &outcome {
            Outcome::Done(Some(Data::Text(text))) => text == "undefined",
            Outcome::Fault(fault) => fault.code == "script.TypeError",
            _ => false,
        };
        assert!(is_fine, "{source}: {outcome:?}");
    }
    assert_eq!(fault_of("import('fs').then(() => log('in')); throw 'end'").message, "end");
    assert_eq!(calls_of("import('fs').then(() => log('in'), () => log('no'))"), ["log no"]);
}

#[test]
fn an_engine_may_be_used_far_below_where_it_was_made() {
    fn deeper(depth: usize, engine: &mut Engine) -> Outcome {
        let ballast = std::hint::black_box([depth; 1024]);
        if depth == 0 {
            let script = Script::compile("p", "const f = (n) => n && f(n - 1); f(50)").unwrap();
            return engine.run(&script, inputs(), FakeHost::default()).0;
        }
        let outcome = deeper(depth - 1, engine);
        std::hint::black_box(ballast);
        outcome
    }
    let mut engine = Engine::new().unwrap();
    assert_eq!(deeper(40, &mut engine), Outcome::Done(None));
    let script = Script::compile("p", "const f = (n) => n && f(n - 1); f(50)").unwrap();
    assert_eq!(engine.run(&script, inputs(), FakeHost::default()).0, Outcome::Done(None));
}

#[test]
fn a_panic_of_the_host_goes_through() {
    struct Panics;
    impl Host for Panics {
        fn declare(&mut self, _: Declare) -> Result<u32, String> {
            panic!("our own mistake")
        }
        fn clear(&mut self, _: Clear) -> Result<(), String> {
            Ok(())
        }
        fn commit(&mut self, _: bool) -> Commit {
            Commit::Abort
        }
        fn matches(&mut self, _: u32) -> Vec<String> {
            Vec::new()
        }
        fn attribute(&mut self, _: &str, _: Attribute) -> Option<Data> {
            None
        }
        fn ext(&mut self, _: &[String]) -> Ext {
            Ext::Pending
        }
        fn log(&mut self, _: &str, _: &[(String, Data)]) {}
    }
    let mut engine = Engine::new().unwrap();
    let script = Script::compile("p", "declare('A')").unwrap();
    let run = std::panic::AssertUnwindSafe(|| engine.run(&script, inputs(), Panics).0);
    let panic = std::panic::catch_unwind(run).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"our own mistake"));
    assert_usable(&mut engine);
}
