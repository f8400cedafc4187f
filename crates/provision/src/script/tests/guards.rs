//! Built-in functions that could work for seconds at a call: they count, and refuse.

use super::*;

const TIMED_OUT: &str = "script.Error: Script execution timed out after 250ms";
const TOO_MUCH: &str = "script.RangeError: This is too much work for one call";
const TOO_LONG: &str = "script.RangeError: A list has more than 1048576 elements";
const NO_LIST: &str = "script.TypeError: This works on lists with a length of their own only";

fn all(sources: &[&str], expected: &str) {
    for source in sources {
        assert_eq!(fault_text(source), expected, "{source}");
    }
}

#[test]
fn long_texts_are_not_searched_for_long_texts() {
    let texts = "const h = 'a'.repeat(4e6), n = 'a'.repeat(2e6) + 'b', o = {toString: () => n};";
    for call in [
        "h.indexOf(n)",
        "h.indexOf(o)",
        "h.lastIndexOf(n)",
        "h.includes(n)",
        "h.split(n)",
        "h.split(o)",
        "h.replace(n, '')",
        "h.replaceAll(n, '')",
        "h.replaceAll(o, '')",
        "String.prototype.indexOf.call({toString: () => h}, n)",
        "String.prototype.replace.call(new String(h), n)",
        "[h].flatMap((it) => it.split(n))",
    ] {
        assert_eq!(fault_text(&format!("{texts} {call}")), TOO_MUCH, "{call}");
    }
    // A pattern that says at first that it is one, and then that it is a text.
    let source = format!(
        "{texts} let asked = 0;
        const liar = {{toString: () => n, get [Symbol.split]() {{
            return asked++ === 0 ? () => 'once' : undefined;
        }}}};
        return h.split(liar) + asked;"
    );
    assert_eq!(text_of(&source), "once1");
}

#[test]
fn lists_without_elements_have_limits() {
    let sparse = "const a = new Array(4e9);";
    for call in [
        "a.join()",
        "a.toString()",
        "`${a}`",
        "`${[[a]]}`",
        "a.toLocaleString()",
        "a.sort()",
        "a.sort(() => 0)",
        "a.toSorted()",
        "a.reverse()",
        "a.toReversed()",
        "a.slice(0)",
        "a.splice(0, 1)",
        "a.toSpliced(0, 1)",
        "a.shift()",
        "a.unshift(1)",
        "a.copyWithin(0, 1)",
        "a.with(0, 1)",
        "a.concat([1])",
        "[].concat(a)",
        "[].concat({length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true})",
        "a.flat()",
        "[[[a]]].flat(Infinity)",
        "[1].flatMap(() => a)",
        "a.flatMap((it) => it)",
        "[].join.call({length: 2 ** 53 - 1})",
        "[].reverse.call({length: Infinity})",
        "String.raw({raw: {length: 4e9}})",
        "JSON.stringify(a)",
        "JSON.stringify({b: [a]})",
        "JSON.stringify(1, () => a)",
        "JSON.stringify({toJSON: () => a})",
        "JSON.stringify({b: a}, ['b'])",
        "JSON.stringify(1, a)",
    ] {
        assert_eq!(fault_text(&format!("{sparse} {call}")), TOO_LONG, "{call}");
    }
    let proxy = "let asked = 0;
        const p = new Proxy([], {get: (_, name) => name === 'length' ? (asked++ ? 4e9 : 1) : 0});";
    for call in [
        "[].join.call(p)",
        "[].concat(p)",
        "[].reverse.call(p)",
        "[[], p].flat()",
        "JSON.stringify(p)",
        "JSON.stringify([p])",
        "[].slice.call({get length() { return asked++ ? 4e9 : 1 }})",
        "[].sort.call({length: {valueOf: () => asked++ ? 4e9 : 1}})",
        "[].reverse.call(Object.create({get length() { return 4e9 }}))",
    ] {
        assert_eq!(fault_text(&format!("{proxy} {call}")), NO_LIST, "{call}");
    }
}

#[test]
fn long_texts_in_lists_are_compared_within_the_budget() {
    let list = "const s = 'a'.repeat(3e6), t = 'a'.repeat(3e6 - 1) + 'b';
        const a = []; for (let i = 0; i < 10000; ++i) a.push(i % 2 ? s : t);";
    for call in ["a.sort()", "a.toSorted()"] {
        assert_eq!(fault_text(&format!("{list} {call}")), TIMED_OUT, "{call}");
    }
    for call in ["a.indexOf(s + '')", "a.includes('a' + s)", "a.lastIndexOf(s)"] {
        assert_eq!(fault_text(&format!("{list} {call}")), TOO_MUCH, "{call}");
    }
}

/// Each call is short, but ten thousand of them are not.
#[test]
fn many_calls_are_counted() {
    all(
        &[
            "const h = 'a'.repeat(7e6); for (;;) h.indexOf('b')",
            "const h = 'a'.repeat(7e6); for (;;) h.startsWith(h)",
            "const h = 'a'.repeat(7e6); for (;;) h.split('b')",
            "const h = 'a'.repeat(1e6); for (;;) h.toUpperCase()",
            "const h = 'é'.repeat(1e6); for (;;) h.normalize('NFD')",
            "const h = ' '.repeat(7e6); for (;;) h.trim()",
            "for (;;) 'a'.repeat(7e6)",
            "for (;;) 'a'.padEnd(7e6, 'bc')",
            "for (;;) 'a'.padStart(7e6, 'bc')",
            "const a = new Array(3e5).fill(0); for (;;) a.indexOf(1)",
            "const a = new Array(3e5).fill(0); for (;;) a.slice()",
            "const a = new Array(3e5).fill(0); for (;;) a.concat(a)",
            "const a = new Array(1e5).fill(0); for (;;) a.join()",
            "const a = new Array(1e5).fill(1); for (;;) JSON.stringify(a)",
            "const t = '[' + '1,'.repeat(1e5) + '1]'; for (;;) JSON.parse(t)",
            "const a = new Uint8Array(8e6); for (;;) a.reverse()",
            "const h = 'a'.repeat(5e6), m = new Map([[h, 1]]); for (;;) m.get(h)",
            "const h = 'a'.repeat(4e6), s = new Set([h]); for (;;) s.has(`${h}b`)",
        ],
        TIMED_OUT,
    );
}

#[test]
fn what_is_replaced_does_what_it_did() {
    for (source, expected) in [
        ("'abcabc'.indexOf('c', 3) + 'abcabc'.lastIndexOf('a') + 'a'.indexOf()", "7"),
        (
            "'abc'.includes('b') + '' + 'null'.includes(null) + [1, NaN].includes(NaN)",
            "truetruetrue",
        ),
        ("'a,b,c'.split(',', 2) + '|' + 'abc'.split('') + '|' + 'abc'.split()", "a,b|a,b,c|abc"),
        ("'a1b2'.split(/\\d/) + '|' + 'a1b2'.replace(/\\d/g, (it) => it * 2)", "a,b,|a2b4"),
        (
            "'aa'.replace('a', '[$&]') + 'aa'.replaceAll('a', 'b') + 'aa'.replaceAll(/a/g, 'c')",
            "[a]abbcc",
        ),
        ("'x'.repeat(3) + 'x'.padEnd(3, 'ab') + ' y '.trim() + 'abc'.slice(-2)", "xxxxabybc"),
        ("[10, 9, 1, undefined, , 'b'].sort().join()", "1,10,9,b,,"),
        ("[3, 1, 2].sort((a, b) => b - a) + '|' + [3, 1, 2].toSorted()", "3,2,1|1,2,3"),
        (
            "JSON.stringify([1, [2, [3]]].flat()) + [1, [2, [[3]]]].flat(Infinity).length",
            "[1,2,[3]]3",
        ),
        ("[1, 2].flatMap((it, index, all) => [it, index + all.length]).join()", "1,2,2,3"),
        ("[1].concat(2, [3], {length: 1}).length + [, 1].concat([2]).length", "7"),
        ("[1, 2, 3].splice(1).join() + [].slice.call('ab') + [].join.call({})", "2,3a,b"),
        ("(function () { return [].slice.call(arguments, 1).join() })(1, 2, 3)", "2,3"),
        ("[].join.call(new Uint8Array([1, 2])) + [].slice.call(new Uint8Array(3)).length", "1,23"),
        (
            "JSON.stringify({a: [undefined, () => 1], b: new Date(0), c: undefined})",
            "{\"a\":[null,null],\"b\":\"1970-01-01T00:00:00.000Z\"}",
        ),
        ("JSON.stringify({b: 1, a: {b: 2, c: 3}}, ['a', 'b'], 1).length", "32"),
        (
            "JSON.stringify([1, 'x'], (key, it) => it === 1 ? 5 : it) + JSON.stringify()",
            "[5,\"x\"]undefined",
        ),
        ("JSON.parse('[1,2]', (key, it) => it === 1 ? 7 : it).join()", "7,2"),
        ("String.raw`a\\n${1}b${2}`", "a\\n1b2"),
        (
            "String.prototype.indexOf.name + String.prototype.split.length + [].splice.length",
            "indexOf22",
        ),
        ("Object.keys(String.prototype).length + Object.keys([].concat([])).length", "0"),
        (
            "typeof String.prototype.slice.prototype + typeof [].flat.prototype",
            "undefinedundefined",
        ),
        ("Reflect.ownKeys(Object.getOwnPropertyDescriptor(JSON, 'parse')).length", "4"),
        ("[...new Map([[1, 2]])] + [...new Set([3, 3])] + new Map([['a', 4]]).get('a')", "1,234"),
    ] {
        assert_eq!(text_of(&format!("return `${{{source}}}`")), expected, "{source}");
    }
    for (source, code) in [
        ("'a'.replaceAll(/a/, 'b')", "script.TypeError"),
        ("'a'.includes(/a/)", "script.TypeError"),
        ("String.prototype.indexOf.call(null, 'a')", "script.TypeError"),
        ("String.prototype.split.call(undefined, 'a')", "script.TypeError"),
        ("new 'a'.indexOf('a')", "script.TypeError"),
        ("[].sort(1)", "script.TypeError"),
        ("'a'.repeat(-1)", "script.RangeError"),
        ("''.repeat(Infinity)", "script.RangeError"),
        ("JSON.parse('{')", "script.SyntaxError"),
        ("Map.prototype.get.call({}, 1)", "script.TypeError"),
        ("const a = []; a[0] = {a}; JSON.stringify(a)", "script.TypeError"),
    ] {
        assert_eq!(fault_of(source).code, code, "{source}");
    }
}

#[test]
fn a_script_cannot_go_round_the_guards() {
    let spoil = "const h = 'a'.repeat(4e6), n = 'a'.repeat(2e6) + 'b';
        ''.repeat(Infinity * 0 || 0); [].slice.call({length: NaN}); [].slice.call({length: -1e300});
        String.prototype.toString = String.prototype.valueOf = () => 'short';
        Object.defineProperty(Array.prototype, 0, {set() { throw 'set' }, get: () => h.at });
        Array.prototype[Symbol.iterator] = () => { throw 'iterator' };
        Function.prototype.call = Function.prototype.apply = () => { throw 'apply' };
        Reflect.apply = (f) => { throw f };
        Object.getOwnPropertyDescriptor = Array.isArray = () => undefined;";
    assert_eq!(fault_text(&format!("{spoil} h.indexOf(n)")), TOO_MUCH);
    assert_eq!(fault_text(&format!("{spoil} new Array(4e9).join()")), TOO_LONG);
    // What is counted is counted over the whole run, whatever numbers came in between.
    let source = "const h = 'a'.repeat(7e6);
        for (;;) { [].slice.call({length: NaN}); h.repeat(NaN); h.indexOf('b') }";
    assert_eq!(fault_text(source), TIMED_OUT);
}
