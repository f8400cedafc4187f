use drover_cwmp::path::PathErrorKind;
use proptest::prelude::*;

use super::Direction::{Report, Set};
use super::*;
use crate::pattern::Pattern;
use crate::syntax::{
    Enumeration, EnumerationRefFacet, InstanceRefFacet, List, NestedBrackets, PathRefFacet, Range,
    Size,
};

fn of_type(value_type: ValueType) -> Syntax {
    Syntax { value_type, ..Syntax::default() }
}

fn size(min: u64, max: u64) -> Size {
    Size { min, max: Some(max) }
}

fn range(min: &str, max: &str, step: &str) -> Range {
    let bound = |text: &str| (!text.is_empty()).then(|| text.into());
    Range { min: bound(min), max: bound(max), step: bound(step), optional: false }
}

fn word(value: &str) -> Enumeration {
    Enumeration { value: value.into(), ..Enumeration::default() }
}

fn words(words: &[&str]) -> Syntax {
    Syntax { enumerations: words.iter().map(|it| word(it)).collect(), ..Syntax::default() }
}

fn patterns(patterns: &[&str]) -> Syntax {
    Syntax { patterns: patterns.iter().map(|it| Pattern::new(*it)).collect(), ..Syntax::default() }
}

fn list_of(items: Syntax, list: List) -> Syntax {
    Syntax { list: Some(list), ..items }
}

fn nested(items: Syntax) -> Syntax {
    let list = List { nested_brackets: NestedBrackets::Required, ..List::default() };
    list_of(items, list)
}

/// All of `cases` are right, and become what stands beside them.
#[track_caller]
fn check_right(syntax: &Syntax, direction: Direction, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let checked = check(syntax, text, direction);
        let expected = Checked { text: (*expected).into(), unknown_words: Vec::new() };
        assert_eq!(checked, Ok(expected), "{text:?} in {syntax:?}");
    }
}

#[track_caller]
fn check_wrong(syntax: &Syntax, direction: Direction, cases: &[&str], message: &str) {
    for text in cases {
        let message_of = |error: ValueError| error.to_string();
        let checked = check(syntax, text, direction).map_err(message_of);
        assert_eq!(checked, Err(message.to_owned()), "{text:?} in {syntax:?}");
    }
}

#[track_caller]
fn check_unknown(syntax: &Syntax, direction: Direction, text: &str, unknown: &[&str]) {
    let checked = check(syntax, text, direction).expect(text);
    assert_eq!(checked.unknown_words, unknown, "{text:?} in {syntax:?}");
}

#[test]
fn tm_09_null_values_are_canonical() {
    for value_type in ValueType::ALL {
        let null = null_value(value_type);
        assert_eq!(canonical(value_type, null).as_deref(), Some(null), "{value_type}");
    }
}

#[test]
fn canonical_forms() {
    let cases = [
        (ValueType::Boolean, " 1 ", "true"),
        (ValueType::Boolean, "false", "false"),
        (ValueType::Int, "-2147483648", "-2147483648"),
        (ValueType::Int, " +007\n", "7"),
        (ValueType::UnsignedInt, "-0", "0"),
        (ValueType::UnsignedInt, "000", "0"),
        (ValueType::Long, "-09223372036854775808", "-9223372036854775808"),
        (ValueType::UnsignedLong, "18446744073709551615", "18446744073709551615"),
        (ValueType::HexBinary, " 0aFf ", "0AFF"),
        (ValueType::Base64, "aGV s\nbG8=", "aGVsbG8="),
        (ValueType::Decimal, "1.50", "1.5"),
        (ValueType::Decimal, "+2", "2"),
        (ValueType::Decimal, "-0", "0"),
        (ValueType::Decimal, "-0.0", "0"),
        (ValueType::Decimal, "-.50", "-0.5"),
        (ValueType::Decimal, "007.", "7"),
        (ValueType::Decimal, "100", "100"),
        (ValueType::DateTime, " 2026-11-22T13:19:28.10+02:00 ", "2026-11-22T13:19:28.10+02:00"),
        (ValueType::String, " a ", " a "),
    ];
    for (value_type, text, expected) in cases {
        let form = canonical(value_type, text);
        assert_eq!(form.as_deref(), Some(expected), "{value_type} {text:?}");
        assert_eq!(canonical(value_type, expected).as_deref(), Some(expected), "{value_type}");
    }
    assert!(matches!(canonical(ValueType::Int, "7"), Some(Cow::Borrowed(_))));
}

#[test]
fn type_02_to_08_lexical_forms() {
    let cases = [
        (ValueType::Boolean, "True", "the value must be of type xsd:boolean: true, false, 1 or 0"),
        (
            ValueType::UnsignedInt,
            "4294967296",
            "the value must be of type xsd:unsignedInt, 0 to 4294967295",
        ),
        (ValueType::Int, "", "the value must be of type xsd:int, -2147483648 to 2147483647"),
        (
            ValueType::HexBinary,
            "abc",
            "the value must be of type xsd:hexBinary, an even number of hexadecimal digits",
        ),
        (ValueType::Base64, "!", "the value must be of type SOAP-ENC:base64"),
        (ValueType::Decimal, "1e3", "the value must be of type xsd:decimal, such as -1.5"),
        (
            ValueType::DateTime,
            "now",
            "the value must be of type xsd:dateTime, such as 2026-11-22T13:19:28Z",
        ),
    ];
    for (value_type, text, message) in cases {
        check_wrong(&of_type(value_type), Set, &[text], message);
        check_wrong(&of_type(value_type), Report, &[text], message);
    }
}

#[test]
fn tm_15_default_size_of_strings() {
    let plain = Syntax::default();
    check_right(&plain, Set, &[("", ""), ("abcdefghijklmnop", "abcdefghijklmnop")]);
    check_right(&plain, Set, &[("éééééééééééééééé", "éééééééééééééééé")]);
    let message = "the value must have at most 16 characters, as the model gives no size";
    check_wrong(&plain, Set, &["abcdefghijklmnopq"], message);
    check_wrong(&plain, Report, &["ééééééééééééééééé"], message);
    let error = check(&plain, "abcdefghijklmnopq", Set).unwrap_err();
    assert!(matches!(error.kind, ValueErrorKind::TooLong { implied: true, .. }));

    let long = "a".repeat(300);
    let sized = Syntax { sizes: vec![Size { min: 0, max: None }], ..Syntax::default() };
    let reference = Syntax { enumeration_ref: Some(EnumerationRefFacet::default()), ..plain };
    let path = Syntax { path_ref: Some(PathRefFacet::default()), ..Syntax::default() };
    check_right(&sized, Set, &[(&long, &long)]);
    check_right(&reference, Set, &[(&long, &long)]);
    check_right(&path, Set, &[("Device.IP.Interface.1", "Device.IP.Interface.1")]);
    check_right(&patterns(&["a*"]), Set, &[(&long, &long)]);
    check_right(&list_of(Syntax::default(), List::default()), Set, &[(&long, &long)]);
    check_right(&of_type(ValueType::HexBinary), Set, &[(&"AB".repeat(17), &"AB".repeat(17))]);
    check_unknown(&words(&["A"]), Set, &long, &[&long]);
}

#[test]
fn sizes_are_alternatives() {
    let syntax = Syntax { sizes: vec![size(0, 0), size(2, 3), size(5, 5)], ..Syntax::default() };
    check_right(&syntax, Set, &[("", ""), ("éé", "éé"), ("abc", "abc"), ("abcde", "abcde")]);
    let message = "the value must have 0, 2 to 3 or 5 characters";
    check_wrong(&syntax, Set, &["a", "abcd", "abcdef"], message);
    let kind = |text| check(&syntax, text, Set).unwrap_err().kind;
    assert!(matches!(kind("abcdef"), ValueErrorKind::TooLong { implied: false, .. }));
    assert!(matches!(kind("abcd"), ValueErrorKind::TooShort { .. }));

    let open = Syntax { sizes: vec![Size { min: 2, max: None }], ..Syntax::default() };
    check_right(&open, Set, &[("ab", "ab")]);
    check_wrong(&open, Set, &["a"], "the value must have at least 2 characters");
}

#[test]
fn xml_09_sizes_of_bytes_are_those_decoded() {
    let hex = Syntax { sizes: vec![size(2, 3)], ..of_type(ValueType::HexBinary) };
    check_right(&hex, Set, &[("0102", "0102"), ("abcdef", "ABCDEF")]);
    check_wrong(&hex, Set, &["01", "01020304"], "the value must have 2 to 3 bytes");
    let base64 = Syntax { sizes: vec![size(2, 5)], ..of_type(ValueType::Base64) };
    check_right(&base64, Set, &[("aGVs bG8=", "aGVsbG8="), ("aGU=", "aGU=")]);
    check_wrong(&base64, Set, &["aGVsbG8h", "aA=="], "the value must have 2 to 5 bytes");
}

#[test]
fn ranges_are_alternatives() {
    let ranges = vec![range("-1", "-1", ""), range("1", "65535", "")];
    let syntax = Syntax { ranges, ..of_type(ValueType::Int) };
    check_right(&syntax, Set, &[("-1", "-1"), ("+1", "1"), ("0065535", "65535")]);
    check_wrong(&syntax, Set, &["0", "-2", "65536"], "the value must be -1 or 1 to 65535");

    let open = Syntax { ranges: vec![range("5", "", "")], ..of_type(ValueType::UnsignedLong) };
    check_right(&open, Set, &[("18446744073709551615", "18446744073709551615"), ("5", "5")]);
    check_wrong(&open, Set, &["4"], "the value must be at least 5");
    let open = Syntax { ranges: vec![range("", "5", "")], ..of_type(ValueType::Long) };
    check_wrong(&open, Set, &["6"], "the value must be at most 5");
    let unreadable = Syntax { ranges: vec![range("x", "5", "y")], ..of_type(ValueType::Long) };
    check_right(&unreadable, Set, &[("-9", "-9"), ("5", "5")]);
    check_wrong(&unreadable, Set, &["6"], "the value must be x to 5");
}

#[test]
fn steps_are_counted_from_the_lower_bound() {
    let ranges = vec![range("-127000", "0", "500"), range("7", "7", "")];
    let syntax = Syntax { ranges, ..of_type(ValueType::Int) };
    check_right(&syntax, Set, &[("-127000", "-127000"), ("-500", "-500"), ("0", "0"), ("7", "7")]);
    let from_zero = Syntax { ranges: vec![range("0", "9", "5")], ..of_type(ValueType::Int) };
    check_wrong(&from_zero, Set, &["3"], "the value must be a multiple of 5");
    let message = "the value must be -127000 plus a multiple of 500";
    check_wrong(&syntax, Set, &["-126999", "-1"], message);
    check_wrong(&syntax, Set, &["500"], "the value must be -127000 to 0 or 7");
    let no_step = Syntax { ranges: vec![range("1", "9", "0")], ..of_type(ValueType::Int) };
    check_right(&no_step, Set, &[("4", "4")]);
}

#[test]
fn decimals_are_compared_exactly() {
    let syntax =
        Syntax { ranges: vec![range("-0.5", "1.50", "0.1")], ..of_type(ValueType::Decimal) };
    check_right(&syntax, Set, &[("-.5", "-0.5"), ("1.5", "1.5"), ("0.30", "0.3")]);
    check_wrong(&syntax, Set, &["-0.50000000000000000000000001"], "the value must be -0.5 to 1.50");
    check_wrong(&syntax, Set, &["1.51"], "the value must be -0.5 to 1.50");
    check_wrong(&syntax, Set, &["0.35"], "the value must be -0.5 plus a multiple of 0.1");
}

#[test]
fn tm_20_enumerations_are_open() {
    let syntax = words(&["None", "New Reno"]);
    for direction in [Set, Report] {
        check_right(&syntax, direction, &[("None", "None"), ("New Reno", "New Reno")]);
        for unknown in ["none", "", "X_ACME_New", " None"] {
            check_unknown(&syntax, direction, unknown, &[unknown]);
        }
    }
}

#[test]
fn xml_07_patterns_are_closed() {
    let syntax = patterns(&["", "[0-9A-F]{6}"]);
    check_right(&syntax, Set, &[("", ""), ("00256D", "00256D")]);
    let message = "the value must match '' or '[0-9A-F]{6}'";
    check_wrong(&syntax, Set, &["00256d", " "], message);
    check_wrong(&syntax, Report, &["00256D\n"], message);

    let both = Syntax { enumerations: vec![word("Any")], ..patterns(&["[0-9]+"]) };
    check_right(&both, Set, &[("Any", "Any"), ("17", "17")]);
    check_wrong(&both, Set, &["any"], "the value must match '[0-9]+', or be 'Any'");
}

#[test]
fn a_pattern_that_is_not_understood_refuses_nothing() {
    check_right(&patterns(&["("]), Set, &[("anything", "anything")]);
}

#[test]
fn xml_08_what_is_read_only_is_only_reported() {
    let read_only = Enumeration { read_only: true, ..word("Complete") };
    let syntax = Syntax { enumerations: vec![read_only, word("Requested")], ..Syntax::default() };
    check_right(&syntax, Report, &[("Complete", "Complete"), ("Requested", "Requested")]);
    check_right(&syntax, Set, &[("Requested", "Requested")]);
    let message = "the value is one that only the device can give; it can be set to 'Requested'";
    check_wrong(&syntax, Set, &["Complete"], message);

    let read_only = Pattern { read_only: true, ..Pattern::new("Error_.*") };
    let syntax = Syntax { patterns: vec![read_only, Pattern::new("Error_X")], ..Syntax::default() };
    check_right(&syntax, Report, &[("Error_A", "Error_A")]);
    check_right(&syntax, Set, &[("Error_X", "Error_X")]);
    check_wrong(&syntax, Set, &["Error_A"], "the value is one that only the device can give");
}

#[test]
fn tm_07_what_is_deleted_is_only_reported() {
    let deleted = Enumeration { status: Status::Deleted, ..word("Old") };
    let obsoleted = Enumeration { status: Status::Obsoleted, ..word("Older") };
    let enumerations = vec![deleted, obsoleted, word("New")];
    let syntax = Syntax { enumerations, ..Syntax::default() };
    check_right(&syntax, Report, &[("Old", "Old"), ("Older", "Older"), ("New", "New")]);
    check_right(&syntax, Set, &[("Older", "Older")]);
    check_unknown(&syntax, Set, "Old", &["Old"]);

    let deleted = Pattern { status: Status::Deleted, ..Pattern::new("a+") };
    let syntax = Syntax { patterns: vec![deleted, Pattern::new("b+")], ..Syntax::default() };
    check_right(&syntax, Report, &[("aa", "aa"), ("b", "b")]);
    check_wrong(&syntax, Set, &["aa"], "the value must match 'b+'");
}

#[test]
fn tm_12_form_of_paths() {
    let sizes = vec![size(3, 24)];
    let syntax = Syntax { path_ref: Some(PathRefFacet::default()), sizes, ..Syntax::default() };
    let paths = ["", "Device.IP.Interface.12", ".WiFi.Radio.[r-1]"];
    for path in paths {
        check_right(&syntax, Set, &[(path, path)]);
    }
    check_wrong(
        &syntax,
        Set,
        &["Device..IP"],
        "the value must be a full path, or one that starts with a dot, without a dot at its end: \
         a component is empty; remove the dot before it",
    );
    check_wrong(&syntax, Set, &["Device.IP."], "the value must be a path without a dot at its end");
    let kind = |text| check(&syntax, text, Report).unwrap_err().kind;
    assert_eq!(kind("Device.IP.0"), ValueErrorKind::Path(PathErrorKind::BadInstance));
    assert!(matches!(kind("Device.IP.Interface.12345"), ValueErrorKind::TooLong { .. }));
    let any_length = Syntax { sizes: Vec::new(), ..syntax };
    let items = list_of(any_length, List::default());
    check_right(&items, Set, &[("", ""), (".A.1, .B.2", ".A.1,.B.2")]);
    check_wrong(
        &items,
        Set,
        &[".A.1,,.B.2"],
        "item 2 of the list must not be empty; items are separated by one comma",
    );
}

#[test]
fn xml_11_instance_numbers_and_null_references() {
    let instance_ref = Some(InstanceRefFacet::default());
    let syntax = Syntax { instance_ref: instance_ref.clone(), ..of_type(ValueType::UnsignedInt) };
    check_right(&syntax, Set, &[("0", "0"), ("1", "1"), ("4294967295", "4294967295")]);
    let syntax = Syntax { instance_ref, ..of_type(ValueType::Int) };
    check_right(&syntax, Set, &[("-1", "-1"), ("1", "1")]);
    let message = "the value must be an instance number, at least 1, or -1 for none";
    check_wrong(&syntax, Set, &["0", "-2"], message);

    let null_value = Some("Disabled".into());
    let facet = EnumerationRefFacet { null_value, ..EnumerationRefFacet::default() };
    let syntax =
        Syntax { enumeration_ref: Some(facet), sizes: vec![size(1, 4)], ..Syntax::default() };
    check_right(&syntax, Set, &[("", ""), ("Disabled", "Disabled"), ("SIP", "SIP")]);
    check_wrong(&syntax, Set, &["disabled"], "the value must have 1 to 4 characters");
}

#[test]
fn tm_11_items_are_checked_one_by_one() {
    let items = Syntax { ranges: vec![range("1", "9", "")], ..of_type(ValueType::UnsignedInt) };
    let syntax = list_of(items, List::default());
    check_right(&syntax, Set, &[("", ""), (" \t", ""), ("1", "1"), (" 01 ,\n+2", "1,2")]);
    check_wrong(&syntax, Set, &["1,10"], "item 2 of the list must be 1 to 9");
    check_wrong(&syntax, Set, &["1,", ",", "1 , "], "the value must not end in a comma");
    let message = "item 1 of the list must not be empty; items are separated by one comma";
    check_wrong(&syntax, Set, &[",1"], message);
    let message = "item 3 of the list must be of type xsd:unsignedInt, 0 to 4294967295";
    check_wrong(&syntax, Set, &["1,2,x"], message);
}

#[test]
fn tm_11_empty_items_where_the_model_has_them() {
    let addresses = list_of(patterns(&["", "[0-9.]+"]), List::default());
    check_right(&addresses, Report, &[("1.1,,2.2", "1.1,,2.2")]);
    check_wrong(&addresses, Report, &["1.1,"], "the value must not end in a comma");
    let named = list_of(words(&["", "a"]), List::default());
    check_right(&named, Report, &[(",a", ",a")]);
    let message = "item 2 of the list must not be empty; items are separated by one comma";
    check_wrong(&list_of(words(&["a"]), List::default()), Report, &["a,,a"], message);
}

#[test]
fn tm_11_encoded_items() {
    let syntax = list_of(words(&["New Reno", "A,B"]), List::default());
    check_right(
        &syntax,
        Set,
        &[("New Reno,A%2CB", "New Reno,A%2CB"), ("New%20Reno", "New%20Reno")],
    );
    check_unknown(&syntax, Report, "New Reno, A ,B, C%2c", &["A", "B", "C%2c"]);
    let sized = Syntax { sizes: vec![size(3, 3)], ..Syntax::default() };
    let syntax = list_of(sized, List::default());
    check_right(&syntax, Set, &[("a%2Cb,c d", "a%2Cb,c d")]);
    check_wrong(&syntax, Set, &["a%2C"], "item 1 of the list must have 3 characters");
    let syntax = list_of(patterns(&["a,b"]), List::default());
    check_right(&syntax, Set, &[("a%2Cb", "a%2Cb")]);
}

#[test]
fn xml_10_numbers_of_items_and_size_of_the_whole() {
    let sizes = vec![size(0, 6)];
    let list = List { items_min: 1, items_max: Some(3), sizes, ..List::default() };
    let syntax = list_of(Syntax::default(), list);
    check_right(&syntax, Set, &[("a", "a"), ("a,b,c", "a,b,c"), ("a , b ", "a,b")]);
    check_wrong(&syntax, Set, &["", " "], "the value must have at least 1 item");
    check_wrong(&syntax, Set, &["a,,,b"], "the value must have at most 3 items");
    check_wrong(&syntax, Set, &["abcdefg", "a , b  "], "the value must have at most 6 characters");
}

#[test]
fn tm_11_nested_lists() {
    let items = Syntax { sizes: vec![size(31, 31)], ..patterns(&["([0-7],){15}[0-7]"]) };
    let row = "[7,7,6,6,5,5,4,4,3,3,2,2,1,1,0,0]";
    let bare = row.trim_matches(['[', ']']);
    let two = format!("{row},{row}");
    let spaced = format!(" {} , [ {} ]", row, bare.replace(',', " , "));
    let encoded = bare.replace(',', "%2C");
    let mixed = format!("{encoded},{row}");
    let permitted = List { nested_brackets: NestedBrackets::Permitted, ..List::default() };
    for syntax in [nested(items.clone()), list_of(items.clone(), permitted)] {
        check_right(&syntax, Set, &[(&two, &two), (&spaced, &two), (&mixed, &mixed)]);
        check_wrong(&syntax, Set, &["[7,7"], "the value must have a ']' for each '[' and no other");
    }
    let legacy = list_of(items, List::default());
    check_right(&legacy, Set, &[(&encoded, &encoded)]);
    check_wrong(&legacy, Set, &[row], "item 1 of the list must have 31 characters");

    check_right(&nested(of_type(ValueType::Int)), Set, &[("1, 2", "1,2")]);
    check_unknown(&nested(words(&["a"])), Set, "[a],[ b ]", &["b"]);
}

#[test]
fn messages_are_short_lines_without_the_value() {
    let many: Vec<String> = (0..20).map(|it| format!("{it}\n{}", "é".repeat(100))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let secret = "s3cret";
    let syntax = Syntax { hidden: true, ..patterns(&many) };
    let message = check(&syntax, secret, Set).unwrap_err().to_string();
    assert!(message.ends_with(" or 12 others"), "{message}");
    assert!(!message.contains('\n') && !message.contains(secret), "{message}");
    assert!(message.chars().count() < 700, "{message}");
}

fn any_syntax() -> impl Strategy<Value = Syntax> {
    let value_type = prop::sample::select(&ValueType::ALL[..]);
    let brackets = prop::sample::select(vec![
        NestedBrackets::Legacy,
        NestedBrackets::Permitted,
        NestedBrackets::Required,
    ]);
    let list = brackets.prop_map(|nested_brackets| List { nested_brackets, ..List::default() });
    let bound = prop::option::of("-?[0-9]{0,3}(\\.[0-9]{1,2})?".prop_map(Box::<str>::from));
    let range = (bound.clone(), bound.clone(), bound).prop_map(|(min, max, step)| Range {
        min,
        max,
        step,
        optional: false,
    });
    let facets = (
        prop::collection::vec((0..4_u64, prop::option::of(0..20_u64)), 0..2),
        prop::collection::vec(range, 0..2),
        prop::collection::vec("[a-c]{0,2}", 0..2),
        prop::collection::vec("[a-c.*]{0,3}", 0..2),
        any::<(bool, bool, bool)>(),
    );
    (value_type, prop::option::of(list), facets).prop_map(|(value_type, list, facets)| {
        let (sizes, ranges, enumerations, texts, (path, instance, enumeration)) = facets;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        Syntax {
            value_type,
            list,
            sizes: sizes.into_iter().map(|(min, max)| Size { min, max }).collect(),
            ranges,
            enumerations: enumerations.iter().map(|it| word(it)).collect(),
            path_ref: path.then(PathRefFacet::default),
            instance_ref: instance.then(InstanceRefFacet::default),
            enumeration_ref: enumeration.then(EnumerationRefFacet::default),
            ..patterns(&texts)
        }
    })
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-+ 0-9.,]{0,12}",
        "[]\\[a-c,.% \n0-9A-F]{0,20}",
        "[0-9a-zA-Z+/=\n ]{0,12}",
        " ?2026-11-22[Tt ]13:19:28(\\.[0-9]{1,3})?[Zz]? ?",
    ]
}

proptest! {
    #[test]
    fn any_value_is_checked_and_its_canonical_form_is_right(
        syntax in any_syntax(),
        text in any_value(),
        direction in prop::sample::select(vec![Set, Report]),
    ) {
        if let Ok(first) = check(&syntax, &text, direction) {
            let second = check(&syntax, &first.text, direction).unwrap();
            prop_assert_eq!(&second.text, &first.text);
            prop_assert_eq!(second.unknown_words, first.unknown_words);
        }
    }

    #[test]
    fn canonical_forms_are_final(
        value_type in prop::sample::select(&ValueType::ALL[..]),
        text in any_value(),
    ) {
        let first = canonical(value_type, &text);
        prop_assert_eq!(first.is_some(), value_type.accepts(&text));
        if let Some(first) = first {
            let second = canonical(value_type, &first);
            prop_assert_eq!(second.as_ref(), Some(&first));
        }
    }
}
