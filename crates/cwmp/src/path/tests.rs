use proptest::prelude::*;

use super::*;

fn path(text: &str) -> PathRef<'_> {
    PathRef::parse(text, PathOptions::ALL).unwrap()
}

fn error(text: &str) -> (PathErrorKind, usize) {
    let error = PathRef::parse(text, PathOptions::ALL).unwrap_err();
    (error.kind, error.position)
}

#[test]
fn a_path_splits_into_its_components() {
    use Segment::{Alias, Instance, Name, Wildcard};
    let segments: Vec<_> = path("Device.A.12.B.[cpe-1].C.*.X_00D09E_D").segments().collect();
    let expected = [
        Name("Device"),
        Name("A"),
        Instance(12),
        Name("B"),
        Alias("cpe-1"),
        Name("C"),
        Wildcard,
        Name("X_00D09E_D"),
    ];
    assert_eq!(segments, expected);
    assert_eq!(path("Device.").segments().collect::<Vec<_>>(), [Name("Device")]);
    assert_eq!(path("").segments().next(), None);
    assert_eq!(path("Device.A.7.").last(), Some(Instance(7)));
}

#[test]
fn path_01_a_final_dot_makes_an_object() {
    for (text, partial) in [("", true), ("Device.", true), ("Device.A", false), ("D.1.", true)] {
        assert_eq!(path(text).is_partial(), partial, "{text}");
    }
    assert!(path("").is_root() && !path("Device.").is_root());
}

#[test]
fn names_of_real_devices_are_accepted() {
    for text in [
        "InternetGatewayDevice.QueueManagement.Classification.1.802-1pMark",
        "Device.X_EXAMPLE-COM_Name",
        "Device._private",
        "Device.Größe",
    ] {
        assert!(PathRef::parse(text, PathOptions::PLAIN).is_ok(), "{text}");
    }
}

#[test]
fn path_07_each_error_says_what_and_where() {
    use PathErrorKind::{BadAlias, BadInstance, BadName, BadRoot, EmptyComponent};
    for (text, kind, position) in [
        (".", EmptyComponent, 1),
        (".Device", EmptyComponent, 1),
        ("..", EmptyComponent, 1),
        ("Device..A", EmptyComponent, 8),
        ("Device.A..", EmptyComponent, 10),
        ("Device.A b", BadName, 8),
        ("Device. ", BadName, 8),
        ("Größe.-a", BadName, 7),
        ("Device.a[b]", BadName, 8),
        ("Device.**.", BadName, 8),
        ("Device.a\u{0}", BadName, 8),
        ("Device.0.", BadInstance, 8),
        ("Device.A.01.B", BadInstance, 10),
        ("Device.4294967296", BadInstance, 8),
        ("1.A", BadRoot, 1),
        ("*.A", BadRoot, 1),
        ("[a].A", BadRoot, 1),
        ("Device.[].", BadAlias, 8),
        ("Device.[1a].", BadAlias, 8),
        ("Device.[a", BadAlias, 8),
        ("Device.[a b].", BadAlias, 8),
        ("Device.[ä].", BadAlias, 8),
    ] {
        assert_eq!(error(text), (kind, position), "{text}");
    }
    let error = PathRef::parse("Device..A", PathOptions::ALL).unwrap_err();
    let text = "a component is empty; remove the dot before it (at character 8)";
    assert_eq!(error.to_string(), text);
}

#[test]
fn path_01_the_length_is_bounded_in_characters() {
    let long = |chars: usize| format!("Device.{}", "ä".repeat(chars - 7));
    assert!(PathRef::parse(&long(256), PathOptions::PLAIN).is_ok());
    assert_eq!(error(&long(257)), (PathErrorKind::TooLong, 257));
}

#[test]
fn ali_04_the_length_of_an_alias_is_bounded() {
    let with = |chars: usize| format!("Device.[{}].", "a".repeat(chars));
    assert!(PathRef::parse(&with(64), PathOptions::ALL).is_ok());
    assert_eq!(error(&with(65)), (PathErrorKind::BadAlias, 8));
}

#[test]
fn wildcards_and_aliases_need_leave() {
    let wildcards = PathOptions { wildcards: true, aliases: false };
    let aliases = PathOptions { wildcards: false, aliases: true };
    let kind = |text, options| PathRef::parse(text, options).map_err(|error| error.kind).err();
    for (text, options, expected) in [
        ("Device.*.", PathOptions::PLAIN, Some(PathErrorKind::WildcardNotAllowed)),
        ("Device.*.", aliases, Some(PathErrorKind::WildcardNotAllowed)),
        ("Device.*.", wildcards, None),
        ("Device.[a].", PathOptions::default(), Some(PathErrorKind::AliasNotAllowed)),
        ("Device.[a].", wildcards, Some(PathErrorKind::AliasNotAllowed)),
        ("Device.[a].", aliases, None),
    ] {
        assert_eq!(kind(text, options), expected, "{text} {options:?}");
    }
    assert!(path("Device.*.").has_wildcard() && !path("Device.*.").has_alias());
    assert!(path("Device.[a].").has_alias() && !path("Device.[a].").has_wildcard());
}

#[test]
fn each_path_has_a_parent_but_the_root() {
    let mut chain = vec!["Device.IP.Interface.1.Enable"];
    while let Some(parent) = path(chain[chain.len() - 1]).parent() {
        chain.push(parent.as_str());
    }
    let expected = ["Device.IP.Interface.1.", "Device.IP.Interface.", "Device.IP.", "Device.", ""];
    assert_eq!(chain[1..], expected);
    assert_eq!(path("Device").parent(), Some(PathRef::ROOT));
}

#[test]
fn starts_with_goes_by_components() {
    for (text, prefix, expected) in [
        ("Device.IP.Enable", "Device.", true),
        ("Device.IP.Enable", "", true),
        ("Device.IP.", "Device.IP.", true),
        ("Device.IP", "Device.IP", true),
        ("Device.IP.", "Device.IP", false),
        ("Device.IPsec.", "Device.IP.", false),
        ("Device.", "Device.IP.", false),
        ("Device.A.1.B", "Device.A.*.", false),
    ] {
        assert_eq!(path(text).starts_with(path(prefix)), expected, "{text} {prefix}");
    }
}

#[test]
fn wild_01_a_wildcard_matches_every_instance_at_its_level() {
    for (pattern, text, matches, covers) in [
        ("D.A.*.B", "D.A.1.B", true, true),
        ("D.A.*.B", "D.A.[x].B", true, true),
        ("D.A.*.B", "D.A.*.B", true, true),
        ("D.A.*.B", "D.A.N.B", false, false),
        ("D.A.*.B", "D.A.1.2.B", false, false),
        ("D.*.*.", "D.1.2.", true, true),
        ("D.A.*.", "D.A.1.B", false, true),
        ("D.A.*.", "D.A.1.", true, true),
        ("D.A.*.", "D.A.1", false, false),
        ("D.A.*.", "D.A.", false, false),
        ("D.A.1.", "D.A.*.", false, false),
        ("D.A.B", "D.A.B", true, true),
        ("D.A.B", "D.A.B.C", false, false),
        ("D.A.b", "D.A.B", false, false),
        ("", "D.A", false, true),
        ("", "", true, true),
        ("D.", "", false, false),
    ] {
        assert_eq!(path(pattern).matches(path(text)), matches, "{pattern} matches {text}");
        assert_eq!(path(pattern).covers(path(text)), covers, "{pattern} covers {text}");
    }
}

#[test]
fn join_extends_objects_only() {
    let joined = |base, relative| path(base).join(relative).map_err(|e| (e.kind, e.position));
    assert_eq!(joined("Device.A.", "1.B").unwrap().as_str(), "Device.A.1.B");
    assert_eq!(joined("", "Device.").unwrap().as_str(), "Device.");
    assert_eq!(joined("Device.", "").unwrap().as_str(), "Device.");
    assert_eq!(joined("Device.A", "B"), Err((PathErrorKind::NotPartial, 9)));
    assert_eq!(joined("Device.A.", ".B"), Err((PathErrorKind::EmptyComponent, 10)));
    assert_eq!(joined("", "1."), Err((PathErrorKind::BadRoot, 1)));
    let long = "a".repeat(250);
    assert_eq!(joined("Device.", &long), Err((PathErrorKind::TooLong, 257)));
    assert!(joined("Device.", &long[1..]).is_ok());
}

#[test]
fn paths_sort_by_components_and_numbers_by_value() {
    let sorted = [
        "",
        "Device",
        "Device.",
        "Device.A",
        "Device.A.",
        "Device.A.B",
        "Device.A.2.",
        "Device.A.2.B",
        "Device.A.10.",
        "Device.A.[a].",
        "Device.A.*.",
        "Device.A-B",
        "Device.AB.",
    ];
    let mut paths: Vec<PathRef<'_>> = sorted.iter().rev().map(|text| path(text)).collect();
    paths.sort();
    assert_eq!(paths.iter().map(|path| path.as_str()).collect::<Vec<_>>(), sorted);
    let mut owned: Vec<Path> = sorted.iter().rev().map(|text| path(text).to_path()).collect();
    owned.sort();
    assert_eq!(owned.iter().map(Path::as_str).collect::<Vec<_>>(), sorted);
}

#[test]
fn paths_show_their_text() {
    let owned = Path::parse("Device.A.", PathOptions::PLAIN).unwrap();
    assert_eq!(format!("{owned} {:>10} {owned:?}", path("Device.")), {
        "Device.A.    Device. Path(\"Device.A.\")"
    });
    assert_eq!(owned.as_ref() as &str, "Device.A.");
    assert_eq!(owned.into_string(), "Device.A.");
}

fn any_path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => "[A-C_][A-Za-z0-9_-]{0,3}",
        2 => (1_u32..).prop_map(|number| number.to_string()),
        1 => "\\[[a-z][a-z0-9_-]{0,5}\\]",
        1 => Just("*".to_owned()),
    ];
    let rest = prop::collection::vec(segment, 0..6);
    let some = (rest, any::<bool>()).prop_map(|(rest, partial)| {
        let dot = if partial { "." } else { "" };
        format!("{}{dot}", [&["D".to_owned()], rest.as_slice()].concat().join("."))
    });
    prop_oneof![1 => Just(String::new()), 9 => some]
}

proptest! {
    #[test]
    fn a_path_is_its_segments(text in any_path()) {
        let path = path(&text);
        let segments: Vec<String> = path.segments().map(|segment| segment.to_string()).collect();
        let dot = if path.is_partial() && !path.is_root() { "." } else { "" };
        prop_assert_eq!(format!("{}{dot}", segments.join(".")), text.as_str());
        prop_assert_eq!(path.to_string(), text.as_str());
    }

    #[test]
    fn parent_and_join_are_inverse(text in any_path()) {
        let path = path(&text);
        if let Some(parent) = path.parent() {
            prop_assert!(parent.is_partial());
            prop_assert!(path.starts_with(parent) && parent.covers(path) && !path.covers(parent));
            prop_assert!(parent < path);
            let joined = parent.join(&text[parent.as_str().len()..]).unwrap();
            prop_assert_eq!(joined.as_path(), path);
        }
    }

    #[test]
    fn a_path_matches_and_covers_itself(text in any_path()) {
        let path = path(&text);
        prop_assert!(path.matches(path) && path.covers(path) && path.starts_with(path));
    }

    #[test]
    fn order_and_equality_agree(a in any_path(), b in any_path(), c in any_path()) {
        let (a, b, c) = (path(&a), path(&b), path(&c));
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert!(a > b || b > c || a <= c, "transitive");
        prop_assert!(!a.matches(b) || a.covers(b), "what matches is covered");
    }

    #[test]
    fn any_text_is_a_path_or_an_error_with_its_place(text in "[A.*\\[\\]10 -ä]{0,300}|\\PC*") {
        match PathRef::parse(&text, PathOptions::ALL) {
            Ok(path) => prop_assert_eq!(path.as_str(), text.as_str()),
            Err(error) => {
                let chars = text.chars().count();
                prop_assert!((1..=chars).contains(&error.position), "{error} of {chars}");
            }
        }
    }
}
