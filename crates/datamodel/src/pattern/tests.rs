use proptest::prelude::*;

use super::*;
use crate::limits::PATTERN_REPETITIONS_MAX;

fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    let compiled = Pattern::new(pattern);
    for text in yes {
        assert_eq!(compiled.matches(text), Ok(true), "{pattern:?} on {text:?}");
    }
    for text in no {
        assert_eq!(compiled.matches(text), Ok(false), "{pattern:?} on {text:?}");
    }
}

#[track_caller]
fn check_malformed(pattern: &str, expected_position: usize, expected_reason: &str) {
    match validate(pattern) {
        Err(PatternError::Malformed { position, reason }) => {
            assert_eq!((position, reason), (expected_position, expected_reason), "{pattern:?}");
        }
        other => panic!("{pattern:?}: {other:?}"),
    }
}

/// The forms of all patterns that the published models have.
#[test]
fn xml_07_published_patterns() {
    check("", &[""], &["a", "\n"]);
    check(r"(\d+(:\d+)*)?", &["", "1", "1:22:3"], &[":", "1:", "a"]);
    check("[0-9A-F]{6}", &["00AB9F"], &["00AB9", "00AB9F0", "00ab9f"]);
    check(
        "urn:[A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]:.+",
        &["urn:broadband-forum-org:x", "urn:ab:é"],
        &["urn:a:x", "urn:-a:x", "urn:ab:", "urn:ab:x\n"],
    );
    check("X [0-9A-F]{6} .*", &["X 00256D a b", "X 00256D "], &["X 00256D", "X 1 a"]);
    check("([0-7],){15}[0-7]", &["7,7,6,6,5,5,4,4,3,3,2,2,1,1,0,0"], &["7,7", "8"]);
    check("([0-7],[0-1],){7}[0-7],[0-1]", &["7,0,6,0,4,0,4,1,3,0,2,0,1,0,0,0"], &["7,0"]);
    check("([0-9]{1,15}?[BKMGT])", &["10G", "G", "123456789012345B"], &["10", "1234567890123456B"]);
    check(
        "((25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\
         /(3[0-2]|[012]?[0-9])",
        &["192.168.0.255/32", "0.0.0.0/0", "001.02.3.4/01"],
        &["256.1.1.1/8", "1.1.1.1/33", "1.1.1.1"],
    );
    check("/(3[0-2]|[012]?[0-9])", &["/0", "/32"], &["/33", "8"]);
    check("([0-9A-Fa-f][0-9A-Fa-f]:){5}([0-9A-Fa-f][0-9A-Fa-f])", &["00:1a:2B:3c:4d:5e"], &["00"]);
    check("([0-9A-Fa-f]){4}", &["12aF"], &["12aG", "12aF1"]);
    check("([01][0-9]|2[0-3]):[0-5][0-9]", &["00:00", "23:59"], &["24:00", "1:00"]);
    check("([0-9]|[1-5][0-9]|6[0-3]):[0-7]", &["63:7", "0:0"], &["64:0", "1:8"]);
    check(r"H\.323(/\d+\.\d+)?", &["H.323", "H.323/1.0"], &["Hx323", "H.323/1"]);
    check(
        "[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
        &["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
        &["f81d4fae7dec11d0a76500a0c91e6bf6"],
    );
    check("[0-9]{15,15}", &["123456789012345"], &["12345678901234", "1234567890123456"]);
    check("[A-Z][A-Z][ OI]", &["DE ", "DEO"], &["DE", "DEX"]);
    check("X_.+", &["X_A"], &["X_", "Y_A"]);
    check("YYYYMMDD.HHMMSS", &["YYYYMMDD.HHMMSS"], &["YYYYMMDDHHMMSS"]);
    check(
        r"\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])[A-Za-z0-9]{0,2}",
        &["240131", "241201aZ"],
        &["241301", "240132", "240131abc"],
    );
    check(r"\d{4}|\d{8}", &["1234", "12345678"], &["12345", "123"]);
    check("4 Vendor Log File", &["4 Vendor Log File"], &["4VendorLogFile"]);
}

#[test]
fn the_whole_text_must_match() {
    check("a|bc", &["a", "bc"], &["ac", "abc", "a\n", " a"]);
    check("^a$", &["^a$"], &["a"]);
    check("a.c", &["abc", "a^c", "a\u{2028}c", "a\u{1F4E1}c"], &["a\nc", "a\rc", "ac"]);
    check(r"\.#&~/", &[".#&~/"], &["x#&~/"]);
}

#[test]
fn alternatives_may_be_empty() {
    check("|a", &["", "a"], &["|a", "aa"]);
    check("a||b", &["", "a", "b"], &["ab"]);
    check("x(|a|)y", &["xy", "xay"], &["x"]);
    check("()", &[""], &["()"]);
    check("(()|)*", &[""], &["x"]);
}

#[test]
fn quantifiers() {
    check("ab?c*d+", &["ad", "abccdd"], &["abc", "abbd"]);
    check("a{2}", &["aa"], &["a", "aaa"]);
    check("a{2,}", &["aa", "aaaaa"], &["a"]);
    check("a{0,2}", &["", "aa"], &["aaa"]);
    check("a{0}", &[""], &["a"]);
    check("(ab){2}?", &["", "abab"], &["ab"]);
    check("a+?b", &["b", "aab"], &["a"]);
    check("a*?|x??", &["", "aa", "x"], &["xx"]);
}

#[test]
fn classes() {
    check("[-a]+", &["-a"], &["b"]);
    check("[a-]+", &["-a"], &["b"]);
    check("[^-a]", &["b", "^"], &["-", "a"]);
    check("[^^]", &["a"], &["^"]);
    check("[a^]", &["a", "^"], &["b"]);
    check(r"[\]\[\\\-\^]+", &[r"][\-^"], &["a"]);
    check(r"[\n\t\r]+", &["\n\t\r"], &["n"]);
    check("[(|)?*+{}.$]+", &["(|)?*+{}.$"], &["a"]);
    check("[+--]+", &["+,-"], &["*", "."]);
    check("[a-c-e]+", &["abc-e"], &["d"]);
    check(r"[\w-z]+", &["a-z"], &["."]);
    check("[é-ü&&a~~b]+", &["éñü&a~b"], &["c"]);
    check("[a-z-[aeiou]]+", &["xyz"], &["xaz", "-", "X"]);
    check("[^a-m-[x-z]]+", &["nopA-"], &["a", "x"]);
    check("[a-z-[b-y-[m]]]+", &["amz"], &["n"]);
    check("[a--[a]]", &["-"], &["a"]);
    check(r"[\d-[5]]+", &["0469"], &["5"]);
    check("a[b-[b]]|c", &["c"], &["ab", "a"]);
    check(r"[\d\D]", &["a", "1", "\n"], &["", "ab"]);
    check(r"[^\d\D]|x", &["x"], &["a", "1"]);
}

#[test]
fn classes_with_names() {
    check(r"\d\D", &["1a"], &["a1", "11", "\u{661}a"]);
    check(r"\s\S", &[" a", "\ta", "\r-"], &["aa", "\u{a0}a", "  "]);
    check(r"\w+", &["aé9$+~|", "\u{661}"], &["_", "-", " ", "a.b", ""]);
    check(r"\W+", &["_-. !"], &["a", "$"]);
    check(r"\i\c*", &["a1", ":x", "_-.9", "é·"], &["1a", "-", ""]);
    check(r"\I\C*", &["1 /", "- "], &["a ", "1a"]);
    check(r"\p{L}+", &["aÉ\u{4e2d}"], &["1", "-", "\u{2160}"]);
    check(r"\p{Lu}\p{Ll}\P{Lu}", &["Éa1"], &["ea1", "ÉA1", "ÉaA"]);
    check(r"\p{N}\p{Nd}", &["½1", "\u{661}2"], &["½½"]);
    check(r"\p{Z}\p{Zs}\p{Cc}\P{Co}", &["\u{2028}\u{a0}\na"], &["\n \na", "\u{2028}\u{2028}\na"]);
    check(r"[\p{Zl}\p{Zp}]\p{IsBasicLatin}", &["\u{2029}a"], &["\u{2029}é", " a"]);
    check(r"\p{IsLatin-1Supplement}", &["é"], &["a", "\u{100}"]);
    let unsupported =
        |position, name: &str| Err(PatternError::Unsupported { position, name: name.into() });
    assert_eq!(validate(r"ab\p{Sm}"), unsupported(3, "Sm"));
    assert_eq!(validate(r"[\P{IsGreek}]"), unsupported(2, "IsGreek"));
    assert_eq!(validate("\\p{a\n}"), unsupported(1, "a\\n"));
}

#[test]
fn malformed_patterns_say_where() {
    check_malformed("a)b", 2, "this ')' closes no group; escape it");
    check_malformed("a(b", 2, "this '(' has no ')'");
    check_malformed("((a)", 1, "this '(' has no ')'");
    check_malformed("*a", 1, "there is nothing here to repeat; escape it");
    check_malformed("(+)", 2, "there is nothing here to repeat; escape it");
    check_malformed("a**", 3, "there is nothing here to repeat; escape it");
    check_malformed("a???", 4, "there is nothing here to repeat; escape it");
    check_malformed("(?:a)", 2, "there is nothing here to repeat; escape it");
    check_malformed("é{,2}", 3, "a number is missing; escape a '{' that is text");
    check_malformed("a{2,1}", 5, "the second count is less than the first");
    check_malformed("a{2;3}", 4, "a quantifier is {n}, {n,} or {n,m}");
    check_malformed("a{2", 3, "a quantifier is {n}, {n,} or {n,m}");
    check_malformed("a}", 2, "this bracket closes nothing; escape it");
    check_malformed("a]", 2, "this bracket closes nothing; escape it");
    check_malformed("a[b", 2, "this '[' has no ']'");
    check_malformed("[a-", 1, "this '[' has no ']'");
    check_malformed("[]", 1, "this class is empty");
    check_malformed("[^]", 1, "this class is empty");
    check_malformed("[a[b]]", 3, "escape a '[' within a class");
    check_malformed("[z-a]", 4, "this range ends before it starts");
    check_malformed(r"[a-\d]", 5, "a range ends with one character");
    check_malformed("[a-[b]c]", 7, "a class ends after what is subtracted from it");
    check_malformed(r"a\b", 3, "XML Schema has no such escape");
    check_malformed(r"a\", 2, "there is nothing here to escape");
    check_malformed(r"\pL", 3, r"a property is written \p{L}");
    check_malformed(r"\p{L", 4, r"a property is written \p{L}");
}

#[test]
fn limits_at_and_one_beyond() {
    assert_eq!(validate(&"a".repeat(PATTERN_CHARS_MAX)), Ok(()));
    assert_eq!(validate(&"é".repeat(PATTERN_CHARS_MAX + 1)), Err(PatternError::TooLong));

    let nested = |depth| format!("{}a{}", "(x|b".repeat(depth), ")*?".repeat(depth));
    check(&nested(PATTERN_DEPTH_MAX), &["", "xx", "bbx"], &["a"]);
    let reason = "there are more than 32 groups or classes within each other";
    check_malformed(&nested(PATTERN_DEPTH_MAX + 1), PATTERN_DEPTH_MAX * 4 + 1, reason);
    check_malformed(&"(".repeat(PATTERN_CHARS_MAX), PATTERN_DEPTH_MAX + 1, reason);
    check_malformed(&"[a-".repeat(100), PATTERN_DEPTH_MAX * 3 + 1, reason);
    assert_eq!(validate(&"(".repeat(100_000)), Err(PatternError::TooLong));

    assert_eq!(validate("a{10000}"), Ok(()));
    assert_eq!(PATTERN_REPETITIONS_MAX, 10_000);
    check_malformed("a{10001}", 7, "a count is at most 10000");
    check_malformed("a{99999999999999999999}", 7, "a count is at most 10000");
    for large in ["(a{10000}){10000}", "((){10000}){10000}", r"\w{10000}"] {
        assert_eq!(validate(large), Err(PatternError::TooLarge), "{large}");
    }
    assert_eq!(validate(&r"\w".repeat(2_000)), Err(PatternError::TooLarge));
    assert_eq!(validate(r"\w{1,64}"), Ok(()));
}

#[test]
fn the_compiled_form_is_no_part_of_the_pattern() {
    let mut used = Pattern::new("a+");
    assert_eq!(used.matches("aa"), Ok(true));
    let unused = Pattern::new("a+");
    assert_eq!(used, unused);
    assert_eq!(used.cmp(&unused), Ordering::Equal);
    assert_eq!(format!("{used:?}"), format!("{unused:?}"));
    let changed = Pattern { value: "b".into(), ..used.clone() };
    assert_eq!(changed.matches("b"), Ok(true));
    used.value = "c".into();
    assert_eq!((used.matches("aa"), used.matches("c")), (Ok(false), Ok(true)));
}

#[test]
fn errors_are_kept_as_well() {
    let broken = Pattern::new("(");
    assert_eq!(broken.matches("a"), broken.matches("("));
    let text = broken.matches("a").unwrap_err().to_string();
    assert_eq!(text, "the pattern is malformed at character 1: this '(' has no ')'");
}

proptest! {
    #[test]
    fn any_text_is_a_pattern_or_an_error(
        pattern in r"([()\[\]{}|?*+,.^$\\a-c0-2-]|\\[pPdDwWsSiIcC]|\{L\}|\PC){0,30}",
        text in "[a-c0-2-]{0,8}",
    ) {
        let _ = Pattern::new(pattern).matches(&text);
    }

    #[test]
    fn an_escaped_text_matches_itself_alone(text in any::<String>(), other in any::<String>()) {
        let escape = |c: char| match c {
            '\n' => r"\n".to_owned(),
            '\r' => r"\r".to_owned(),
            c if c.is_ascii_punctuation() => format!(r"\{c}"),
            c => c.to_string(),
        };
        let pattern = Pattern::new(text.chars().map(escape).collect::<String>());
        prop_assert_eq!(pattern.matches(&text), Ok(true));
        prop_assert_eq!(pattern.matches(&other), Ok(text == other));
    }
}
