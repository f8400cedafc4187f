//! Scripts that mean harm, run by the whole engine. Each comes to an end with a result or a fault,
//! and the same interpreter then runs another script as if nothing had been.

#![allow(clippy::disallowed_methods, reason = "what is shared looks for recordings")]

mod common;

use std::sync::Arc;

use common::Device;
use common::session::{ID, Ran, SESSION, config, run_with};
use drover_provision::engine::{Provision, Scalar, Tree};
use drover_provision::script::{Budget, Engine, Script};

/// How a script is to end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// As if it were any other.
    Done,
    /// Out of steps.
    Time,
    /// Out of memory.
    Memory,
    /// Out of stack.
    Stack,
    /// Out of memory or of stack, whichever comes first.
    Space,
    /// With one of these codes.
    Fault(&'static [&'static str]),
}

use End::{Done, Fault, Memory, Space, Stack, Time};

impl End {
    fn accepts(self, ran: &Ran) -> bool {
        let Some(fault) = &ran.fault else { return matches!(self, Done) };
        let text = format!("{}: {}", fault.code, fault.message);
        match self {
            Done => false,
            Time => text.starts_with("script.Error: Script execution timed out after"),
            Memory | Space => {
                ["script.InternalError: out of memory", "script: null", "script.RangeError: "]
                    .iter()
                    .any(|start| text.starts_with(start))
            }
            Stack => text == "script.RangeError: Maximum call stack size exceeded",
            Fault(codes) => codes.contains(&fault.code.as_str()),
        }
    }
}

fn device() -> Device {
    let mut device = Device { next_instance: 2, ..Device::default() };
    for (path, is_writable) in [
        ("Device.", false),
        ("Device.Info.", false),
        ("Device.Rows.", true),
        ("Device.Rows.1.", true),
    ] {
        device.parameters.insert(path.to_owned(), (is_writable, None));
    }
    for (path, value) in [("Device.Info.Name", "box"), ("Device.Rows.1.Key", "a")] {
        let value = (Scalar::Text(value.into()), "xsd:string".to_owned());
        device.parameters.insert(path.to_owned(), (true, Some(value)));
    }
    device
}

fn run(engine: &mut Engine, source: &str) -> Ran {
    let script = Script::compile("p", source).unwrap_or_else(|error| panic!("{error}: {source}"));
    let mut config = config(SESSION);
    // Fewer steps than usual: what never ends shall end soon here. Looking around takes 27 checks.
    config.budget = Budget { checks: 35, ..Budget::default() };
    config.scripts.insert("p".to_owned(), Arc::new(script));
    let provisions = [Provision { name: "p".to_owned(), arguments: Vec::new() }];
    let mut device = device();
    run_with(engine, config, ID, Tree::default(), &provisions, |request| device.answer(request))
}

/// What a script finds: the names and kinds of everything that can be reached, as a number, and
/// that the essential of it works.
const LOOK: &str = "
    const seen = new Set();
    let hash = 0, count = 0;
    const add = (text) => {
        for (let i = 0; i < text.length; ++i) hash = (hash * 31 + text.charCodeAt(i)) | 0;
        ++count;
    };
    const walk = (value, depth) => {
        const type = typeof value;
        const isObject = (type === 'object' && value !== null) || type === 'function';
        if (!isObject) { add(`${typeof value}${typeof value === 'symbol' ? '' : value}`); return; }
        if (depth > 5 || seen.has(value)) return;
        seen.add(value);
        for (const key of Reflect.ownKeys(value)) {
            const own = Object.getOwnPropertyDescriptor(value, key);
            add(`${String(key)} ${typeof own.value} ${typeof own.get} ${own.writable}`);
            if ('value' in own) walk(own.value, depth + 1);
        }
        walk(Object.getPrototypeOf(value), depth + 1);
    };
    walk(globalThis, 0);
    const name = declare('Device.Info.Name', {value: 1});
    walk(Object.getPrototypeOf(name), 0);
    const sorted = [3, 1, 2].sort().map((x) => x * 2);
    log(`${count > 1000} ${hash} ${name.value} ${JSON.stringify({sorted})} ${Math.random()}`);
    log(`${Date.now()} ${/a+/.exec('baa')} ${typeof process} ${[...new Set([1, 1])]}`);
    Promise.resolve(1).then((it) => log(`later ${it}`));
    declare('Device.Info.Name', null, {value: 'healthy'});
";

fn looks(engine: &mut Engine) -> (Vec<String>, Vec<String>) {
    let ran = run(engine, LOOK);
    assert_eq!(ran.fault, None);
    (ran.requests, ran.logs)
}

/// Runs scripts one after the other in one engine, and looks around after each.
fn check(cases: &[(End, &str)]) {
    let expected = looks(&mut Engine::new().unwrap());
    assert_eq!(expected.0.last().unwrap(), "set Device.Info.Name=healthy");
    assert!(expected.1[0].starts_with("true "), "{expected:?}");
    assert!(expected.1[1].ends_with("aa undefined 1"), "{expected:?}");
    assert_eq!(expected.1[2], "later 1");
    let mut engine = Engine::new().unwrap();
    for (end, source) in cases {
        let ran = run(&mut engine, source);
        assert!(end.accepts(&ran), "{source}\n  expected {end:?}, not {:?}", ran.fault);
        assert!(ran.requests.len() <= 255, "{source}: {} requests", ran.requests.len());
        assert_eq!(looks(&mut engine), expected, "after {source}");
    }
}

#[test]
fn recursion_by_way_of_built_in_functions_ends() {
    check(&[
        (Stack, "const o = {toJSON() { return JSON.stringify(o) }}; JSON.stringify(o)"),
        (Stack, "const f = () => JSON.parse('[1]', f); f()"),
        (Stack, "function* g() { yield* g() } for (const x of g()) log(x)"),
        (Stack, "const f = () => [2, 1].sort(f); f()"),
        (Stack, "const f = () => Array.from([1], f); f()"),
        (Stack, "const f = () => 'a'.replace(/a/, f); f()"),
        (Stack, "const f = () => Reflect.apply(f, null, []); f()"),
        (Stack, "const f = (...a) => f`x${a}`; f()"),
        (Stack, "const o = {[Symbol.toPrimitive]() { return +o }}; +o"),
        (Stack, "const o = {valueOf() { return o - 1 }}; o - 1"),
        (Stack, "const o = {get [Symbol.iterator]() { return [...o] }}; [...o]"),
        (
            Stack,
            "class A { static [Symbol.hasInstance](x) { return x instanceof A } } 1 instanceof A",
        ),
        (
            Stack,
            "const h = {}; h.getPrototypeOf = () => { throw new Proxy({}, h) instanceof Object \
                 }; \
                 new Proxy({}, h) instanceof Object",
        ),
        (
            Stack,
            "class A { static make() { return new (class extends A { static { A.make() } })() \
                 } } \
                 A.make()",
        ),
        (Stack, "const o = {set x(v) { o.x = v }}; o.x = 1"),
        (Stack, "const o = {get value() { return declare('A', o) }}; declare('A', o)"),
        (
            Stack,
            "const o = {toString() { return declare('A', null, {value: o}) }}; \
                 declare('A', null, {value: o})",
        ),
        (Stack, "const o = {toString() { log(o) }}; log(o)"),
        (Stack, "const o = {get a() { log('x', o) }}; log('x', o)"),
        (Stack, "const a = []; a[0] = a; Math.random.seed([a, [a, a], a])"),
        // A promise that waits for itself through others is never settled, which hurts nobody.
        (Done, "const p = () => new Promise((resolve) => resolve(p())); p()"),
        (Done, "const f = async () => { await f() }; f()"),
        (Done, "const {resolve, promise} = Promise.withResolvers(); resolve(promise)"),
    ]);
}

#[test]
fn long_chains_of_objects_end() {
    check(&[
        (Space, "let p = {}; for (let i = 0; i < 1e5; ++i) p = new Proxy(p, {}); p.x"),
        (Space, "let p = {}; for (let i = 0; i < 2e4; ++i) p = new Proxy(p, {}); p.x"),
        (Space, "let f = () => 1; for (let i = 0; i < 1e5; ++i) f = f.bind(); f()"),
        (Space, "let f = () => 1; for (let i = 0; i < 2e4; ++i) f = f.bind(); f()"),
        (Space, "let o = {}; for (let i = 0; i < 1e6; ++i) o = {__proto__: o}; return o.x"),
        (
            Done,
            "let o = {}; for (let i = 0; i < 1e4; ++i) o = Object.create(o); return typeof \
             o.x",
        ),
        (Space, "Math.max(...new Array(1e6).fill(1))"),
        (Fault(&["script.RangeError"]), "Math.max.apply(null, {length: 2 ** 31})"),
        (Fault(&["script.RangeError"]), "const f = (...a) => f(...a, ...a, 1); f()"),
        (Done, "let p = Promise.resolve(); for (let i = 0; i < 5e3; ++i) p = p.then((x) => x)"),
        (
            Done,
            "Promise.all(Array(2e4).fill(1)); Promise.race(Array(1e4).fill(new Promise(() => \
                 0)))",
        ),
    ]);
}

#[test]
fn promises_and_iterators_without_an_end_end() {
    check(&[
        (Time, "const t = {then(resolve) { resolve(t) }}; Promise.resolve(t)"),
        (Time, "const f = async () => { for (;;) try { await null } finally { continue } }; f()"),
        (
            Time,
            "const f = async () => { for await (const x of (async function* () { for (;;) \
                 yield 1 })()); \
                }; f()",
        ),
        (
            Time,
            "Object.prototype.then = function (resolve) { resolve(this) }; (async () => ({}))()",
        ),
        (
            Time,
            "Promise.prototype.then = () => { for (;;); }; Promise.resolve().finally(() => \
             {})",
        ),
        (
            Time,
            "const it = {next() { return {done: false} }, [Symbol.iterator]() { return it }}; \
                const [...all] = {[Symbol.iterator]: () => ({next: () => ({done: false, get \
                value() { for (;;); }})})}",
        ),
        (
            Time,
            "const m = new Map([[1, 1]]); m.forEach((v, k) => { m.delete(k); m.set(k + 1, 1) })",
        ),
        (Time, "const s = new Set([1]); for (const x of s) { s.delete(x); s.add(x + 1) }"),
        (Time, "[].lastIndexOf.call({length: 2 ** 53 - 1}, 1)"),
        (Time, "const r = /a/y; r.lastIndex = {valueOf() { for (;;); }}; r.test('a')"),
        (Time, "[1, 2].sort(() => { for (;;) try { throw 1 } catch { } })"),
        (
            Memory,
            "class R extends RegExp { exec() { return [''] } } 'aaa'.replace(new R('a', 'g'), \
                 'b')",
        ),
        (Done, "Promise.reject(new Error('nobody looks')); (async () => { throw 1 })()"),
    ]);
}

#[test]
fn regular_expressions_that_backtrack_without_an_end_end() {
    check(&[
        (Time, "/(?:a?){64}a{64}/.test('a'.repeat(64))"),
        (Time, "/(?=(a+))a*b\\1/.test('a'.repeat(30000))"),
        (Time, "/(.*)*x/s.exec('y'.repeat(1e5))"),
        (Time, "'a'.repeat(1e5).match(/.*?.*?.*?b/)"),
        (Time, "'x'.repeat(1e5).matchAll(/(x+x+)+y/g).next()"),
        (Time, "for (;;) /(a*)*b/.test('a'.repeat(100))"),
        (Time, "/^(?:(?:a|b|c)*)*$/.test('abc'.repeat(2e5) + 'd')"),
        (Time, "new RegExp('(((a{1,255}){1,255}){1,255}){1,255}b').test('a'.repeat(500))"),
        (Done, "new RegExp('[' + 'a-z'.repeat(1e4) + ']').test('a')"),
        (Fault(&["script.SyntaxError"]), "new RegExp('a{2,1}')"),
    ]);
}

/// What a script changes of the language before it declares, reads and commits.
#[test]
fn a_poisoned_language_hurts_nobody_else() {
    check(&[
        (
            Done,
            "JSON = Date = Math = Promise = Array = Object = Symbol = null; \
                log(`${declare('Device.Info.Name', {value: 1}).value[0]}`)",
        ),
        (
            Done,
            "Object.prototype.value = 1; Object.prototype.path = 1; Object.prototype.length = 7; \
                declare('Device.Info.Name', {}, {}); commit()",
        ),
        (
            Fault(&["script.Error"]),
            "Object.defineProperty(Array.prototype, Symbol.iterator, {get() { \
                throw new Error('mine') }}); const [a] = declare('Device.Info.*', {value: \
                1}).value",
        ),
        (
            Done,
            "Object.defineProperty(Array, Symbol.species, {value: function () { return new \
                 Proxy([], {}) }}); \
                log([1, 2].map((x) => x).length)",
        ),
        (
            Done,
            "Reflect.ownKeys(globalThis).forEach((key) => { try { globalThis[key] = null } \
                 catch { } })",
        ),
        (
            Done,
            "Reflect.ownKeys(globalThis).forEach((key) => { try { delete globalThis[key] } \
                 catch { } })",
        ),
        (
            Time,
            "for (const of_ of [Object, Array, Function, RegExp, Promise, Date, Map, Error, \
                 String]) \
                for (const key of Reflect.ownKeys(of_.prototype)) \
                try { Object.defineProperty(of_.prototype, key, {get() { for (;;); }}) } catch \
                { }",
        ),
        (
            Done,
            "Object.freeze(Object.prototype); Object.freeze(Array.prototype); \
                 Object.freeze(globalThis); \
                for (const x of declare('Device.Rows.*', {value: 1})) log(x.path)",
        ),
        (Done, "globalThis.declare = globalThis.commit = globalThis.log = () => { throw 1 }"),
        (Done, "declare.constructor.prototype.call = declare.__proto__.apply = null; commit()"),
        (
            Time,
            "Error.prepareStackTrace = () => { for (;;); }; Error.stackTraceLimit = 1e9; \
                try { null.x } catch (error) { log(`${error.stack.length}`.slice(0, 0)) }",
        ),
        (
            Time,
            "Object.defineProperty(Object.prototype, 'path', {get() { for (;;); }}); \
                 declare('A', {})",
        ),
        (Fault(&["script.TypeError"]), "Object.prototype.__proto__ = new Proxy({}, {})"),
        (Fault(&["script.TypeError"]), "declare('Device.Info.Name', {value: 1}).value = 1"),
        (
            Fault(&["script.TypeError"]),
            "const w = declare('Device.Info.Name', {value: 1}); \
                Object.getOwnPropertyDescriptor(w.__proto__, 'value').get.call(new Proxy(w, {}))",
        ),
    ]);
}

/// Where a run stops, nothing of the script runs any more, whatever it does about it.
#[test]
fn the_abort_cannot_be_kept() {
    check(&[
        (Done, "try { commit() } catch { for (;;); } finally { log('after') }"),
        (Done, "let n = 0; for (;;) { try { commit() } catch { continue } if (++n > 3) break }"),
        (
            Fault(&["too_many_commits"]),
            "again: for (;;) { try { commit() } finally { continue again } }",
        ),
        (
            Done,
            "function* g() { try { yield commit() } finally { log('left') } } for (const x of \
                 g()) log('x')",
        ),
        (Done, "const f = async () => { try { commit() } catch { for (;;); } }; f()"),
        (
            Done,
            "[1, 2, 3].sort(() => { declare('Device.Info.Name', {value: Date.now()}).value; \
                 return 1 })",
        ),
        (
            Done,
            "JSON.stringify({toJSON() { return declare('Device.Info.Name', {value: 1}).value }})",
        ),
        (Done, "'aa'.replace(/a/g, () => { commit(); return 'b' })"),
        (
            Done,
            "new Proxy({}, {get() { commit(); return 1 }, has() { commit(); return true \
             }}).x",
        ),
        (Done, "Promise.resolve().then(() => log('no commit in here')).then(() => 1)"),
        (Done, "class A { static x = commit(); static { commit() } }"),
        (Done, "eval('commit()'); Function('commit()')(); new Function('commit()').call(null)"),
        (Done, "log({toString() { commit(); return 'late' }})"),
        (
            Done,
            "declare('Device.Info.Name', null, {value: {toString() { commit(); return 'z' \
             }}})",
        ),
        (Done, "ext({toString() { commit(); return 'f' }}, 'g')"),
        (Done, "const o = {get a() { commit(); return 1 }}; log('x', o); return o"),
    ]);
}

#[test]
fn odd_things_are_thrown_and_returned() {
    const ANY: End = Fault(&["script"]);
    check(&[
        (ANY, "throw null"),
        (ANY, "throw undefined"),
        (ANY, "throw NaN"),
        (ANY, "throw 10n ** 300n"),
        (ANY, "throw Symbol('x')"),
        (ANY, "throw Object.create(null)"),
        (ANY, "throw [[[]]]"),
        (ANY, "const {proxy, revoke} = Proxy.revocable({}, {}); revoke(); throw proxy"),
        (ANY, "const {proxy, revoke} = Proxy.revocable(() => {}, {}); revoke(); throw proxy"),
        (ANY, "throw new Proxy(new Error('x'), {get() { throw new Error('y') }})"),
        (ANY, "throw {get message() { throw 1 }}"),
        (
            ANY,
            "throw {get name() { throw this }, get stack() { throw this }, toString() { throw \
                 this }}",
        ),
        (ANY, "throw {name: {}, message: [], stack: 1}"),
        (ANY, "throw Object.assign(new Error('m'), {name: {toString() { for (;;); }}})"),
        (Time, "throw {get name() { for (;;) try { for (;;); } finally { continue } }}"),
        (Done, "return Symbol('x')"),
        (Done, "return globalThis"),
        (Done, "return [declare, commit, Math, () => {}]"),
        (Done, "return new Promise(() => {})"),
        (Done, "return (function* () { for (;;) yield 1 })()"),
        (Done, "return {then(resolve) { for (;;); }}"),
        (Done, "return new Date(NaN)"),
        (
            Fault(&["script.TypeError"]),
            "const {proxy, revoke} = Proxy.revocable([], {}); revoke(); return proxy",
        ),
        (Fault(&["script.RangeError"]), "return 'x'.repeat(2e6)"),
        (Fault(&["script.RangeError"]), "const a = []; a[4294967294] = 1; return a"),
        (Fault(&["script.RangeError"]), "const a = []; a[0] = a; return a"),
        (Time, "return new Proxy({}, {ownKeys: () => { for (;;); }})"),
    ]);
}

#[test]
fn nothing_beyond_the_sandbox_is_reached() {
    const NAMES: &str = "const bad = ['process', 'require', 'std', 'os', 'module', 'fetch', \
         'setTimeout', \
        'Worker', 'WeakRef', 'FinalizationRegistry', 'SharedArrayBuffer', 'Atomics', \
        'navigator', \
        'performance', 'print', 'loadScript', 'scriptArgs', 'gc', 'queueMicrotask', 'bjson']; ";
    let reach = [
        "const g = globalThis",
        "const g = (0, eval)('this')",
        "const g = Function('return this')()",
        "const g = (function* () {}).constructor('yield this')().next().value",
        "const g = declare.constructor.constructor('return this')()",
        "const g = declare('A').__proto__.__proto__.__proto__.constructor.constructor('return \
             this')()",
        "const g = new (class extends Function {})('return this')()",
        "const g = Reflect.construct(Function, ['return globalThis'])()",
        "const g = Math.random.seed.constructor('return this')()",
        "const g = console.log.constructor('return globalThis')()",
        "let g; try { null.x } catch (error) { g = error.constructor.constructor('return \
             this')() }",
        "let g; new Proxy({}, {get(t, k, r) { g = \
             Object.getPrototypeOf(t).constructor.constructor; return 1 }}).x; \
         g = g('return this')()",
    ];
    let cases = reach.map(|reach| {
        format!(
            "{NAMES} {reach}; const got = bad.filter((name) => typeof g[name] !== \
             'undefined'); \
                 if (got.length > 0) throw new Error(got.join()); if (g !== globalThis) throw \
                 new Error('other')"
        )
    });
    let cases: Vec<(End, &str)> = cases.iter().map(|source| (Done, source.as_str())).collect();
    check(&cases);
    check(&[
        (Fault(&["script.TypeError"]), "arguments.callee"),
        (Fault(&["script.TypeError"]), "(function f() { return f.caller })()"),
        (Done, "import('fs').then(() => { for (;;); }, () => log('no'))"),
        (Fault(&["script.SyntaxError"]), "eval('import x from \"fs\"')"),
        (Time, "new ((async function* () {}).constructor)('for (;;);')().next()"),
    ]);
}

#[test]
fn the_host_takes_no_more_than_it_can() {
    const REFUSED: End = Fault(&["script.Error", "script.RangeError", "script.TypeError"]);
    check(&[
        (REFUSED, "for (let i = 0; i < 1e7; ++i) declare('Device.X' + i, {value: 1})"),
        (REFUSED, "for (;;) clear('Device', 1)"),
        (REFUSED, "for (;;) log('x')"),
        (REFUSED, "declare('x'.repeat(8e6))"),
        (REFUSED, "declare('A.' + '[a:b],'.repeat(600))"),
        (REFUSED, "declare('a.'.repeat(33))"),
        (REFUSED, "declare('A.[A:[A:[A:1]]]')"),
        (REFUSED, "declare('A.[' + 'a:b,'.repeat(33) + 'a:b]')"),
        (REFUSED, "declare('A', null, {value: 'x'.repeat(4e6)})"),
        (
            REFUSED,
            "declare('A', null, {accessList: new Proxy([], {get: (t, k) => k === 'length' ? \
                 1e9 : 'x'})})",
        ),
        (REFUSED, "declare(Symbol('A'))"),
        (REFUSED, "declare({toString: () => 'Device'})"),
        (REFUSED, "declare('A', {value: 1n})"),
        (REFUSED, "declare('A', {value: Symbol()})"),
        (REFUSED, "declare('A', null, {value: Symbol()})"),
        (REFUSED, "log('x'.repeat(4e6))"),
        (REFUSED, "log(Symbol())"),
        (REFUSED, "ext('f', 'x'.repeat(4e6))"),
        (REFUSED, "ext(...Array(65).fill('x'))"),
        (REFUSED, "Date.now('* * 31 2 *')"),
        (REFUSED, "Date.now('*'.repeat(4e6))"),
        (
            Done,
            "for (const x of [NaN, Infinity, -Infinity, 0, -0, -1, 1e308, 5e-324, 2 ** 63, \
                 null, '', 'x', [], {}]) { \
                declare('Device.Info.Name', {path: x, value: x, object: x}, {notification: \
                x}); clear('Device.Info', x, {value: x}) }",
        ),
        (
            Done,
            "for (const x of [NaN, Infinity, -1, 0, 1e-300, -5e-324, 2 ** 63]) { \
                declare('Device.Info.Name', {value: Date.now(x)}); declare('Device.Info.Name', \
                {value: Date.now(x, x)}) }",
        ),
        (
            Done,
            "for (const x of [NaN, -1, -Infinity, [], [[]], [-1, 1], {}, 'x']) \
                 declare('Device.Rows.*', null, {path: x})",
        ),
        (Done, "declare('Device.Info.Name', null, {value: '\\ud800\\u0000\\uffff'})"),
        (Done, "declare('Device.' + '[a:b].'.repeat(30) + 'X', {value: Date.now()}).value"),
        (
            Done,
            "for (let i = 0; i < 1e3; ++i) declare('*.*.*.*.*.*.*.*.*.*', {path: Date.now(), \
                 value: Date.now()})",
        ),
        (Done, "for (let i = 0; i < 1e3; ++i) declare('Tags.x' + i, null, {value: true})"),
        (Done, "declare('Tags.' + 'x'.repeat(4000), null, {value: true})"),
        (Done, "Math.random.seed({toString() { for (;;); }}); Math.random.seed(Symbol)"),
    ]);
}
