//! Types by name: built-in ones, and those that all models share (`CMP-08`).

use drover_cwmp::ValueType;

use crate::pattern::Pattern;
use crate::syntax::{Enumeration, List, Range, Size, Syntax};

/// What a `type` begins with when the value is a list of items.
const LIST_PREFIX: &str = "list of ";

/// The types that all models share, by name.
const NAMED: &[&str] = &[
    "Alias",
    "Dbm1000",
    "DiagnosticsState",
    "IEEE_EUI64",
    "IPAddress",
    "IPPrefix",
    "IPv4Address",
    "IPv4Prefix",
    "IPv6Address",
    "IPv6Prefix",
    "JSONObject",
    "MACAddress",
    "Order",
    "PLMNId",
    "StatsCounter32",
    "StatsCounter64",
    "URI",
    "URL",
    "URN",
    "UUID",
    "ZigBeeNetworkAddress",
];

/// Words of DiagnosticsState, whether only the device can give one, and whether it may do without.
const DIAGNOSTICS_STATES: &[(&str, bool, bool)] = &[
    ("None", true, false),
    ("Requested", false, false),
    ("Canceled", false, true),
    ("Complete", true, false),
    ("Error", true, true),
];

/// The syntax that a `type` such as `unsignedInt`, `MACAddress` or `list of string` means.
pub(super) fn parse(text: &str) -> Option<Syntax> {
    let (item, list) = match text.strip_prefix(LIST_PREFIX) {
        Some(item) => (item.trim_start(), Some(List::default())),
        None => (text, None),
    };
    let value_type = ValueType::ALL.into_iter().find(|it| it.name() == item);
    let built_in = value_type.map(|value_type| Syntax { value_type, ..Syntax::default() });
    Some(Syntax { list, ..built_in.or_else(|| named(item))? })
}

/// What `type` can be, for messages.
pub(super) fn names() -> String {
    let built_in = ValueType::ALL.iter().map(|it| it.name());
    let names: Vec<_> = built_in.chain(NAMED.iter().copied()).collect();
    format!("{} or \"{LIST_PREFIX}…\" one of them", names.join(", "))
}

/// One of the types that all models share.
pub(crate) fn named(name: &str) -> Option<Syntax> {
    let octet = "(25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])";
    let dotted = format!("({octet}\\.){{3}}{octet}");
    let length = "/(3[0-2]|[0-2]?[0-9])";
    let colons = |pairs: u32| format!("([0-9A-Fa-f]{{2}}:){{{pairs}}}[0-9A-Fa-f]{{2}}");
    let text = |max: u64, patterns: &[&str]| Syntax {
        sizes: vec![Size { min: 0, max: Some(max) }],
        patterns: patterns.iter().map(|it| Pattern::new(*it)).collect(),
        ..Syntax::default()
    };
    let number = |value_type| Syntax { value_type, ..Syntax::default() };
    let syntax = match name {
        "Alias" => text(64, &[]),
        "Dbm1000" => number(ValueType::Int),
        "DiagnosticsState" => Syntax {
            enumerations: DIAGNOSTICS_STATES.iter().map(state).collect(),
            ..Syntax::default()
        },
        "IEEE_EUI64" => text(23, &["", &colons(7)]),
        "IPAddress" | "IPv6Address" => text(45, &[]),
        "IPPrefix" | "IPv6Prefix" => text(49, &[]),
        "IPv4Address" => text(15, &["", &dotted]),
        "IPv4Prefix" => text(18, &["", length, &format!("{dotted}{length}")]),
        "JSONObject" => Syntax { sizes: vec![Size::default()], ..Syntax::default() },
        "MACAddress" => text(17, &["", &colons(5)]),
        "Order" => Syntax {
            ranges: vec![Range { min: Some("1".into()), ..Range::default() }],
            ..number(ValueType::UnsignedInt)
        },
        "PLMNId" | "StatsCounter32" => number(ValueType::UnsignedInt),
        "StatsCounter64" => number(ValueType::UnsignedLong),
        "URI" | "URL" => text(2048, &[]),
        "URN" => text(2048, &["urn:[A-Za-z0-9][A-Za-z0-9\\-]{0,30}[A-Za-z0-9]:.+"]),
        "UUID" => Syntax {
            sizes: vec![Size { min: 36, max: Some(36) }],
            patterns: vec![Pattern::new("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")],
            ..Syntax::default()
        },
        "ZigBeeNetworkAddress" => text(4, &["", "[0-9A-Fa-f]{4}"]),
        _ => return None,
    };
    Some(Syntax { type_name: Some(name.into()), ..syntax })
}

fn state((value, read_only, optional): &(&str, bool, bool)) -> Enumeration {
    Enumeration {
        value: (*value).into(),
        read_only: *read_only,
        optional: *optional,
        ..Enumeration::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Direction, check};

    #[test]
    fn cmp_08_every_name_has_a_type() {
        for name in NAMED {
            let syntax = named(name).expect(name);
            assert_eq!(syntax.type_name.as_deref(), Some(*name));
            assert_eq!(parse(name), Some(syntax.clone()));
            let list = parse(&format!("list of {name}")).unwrap();
            assert_eq!(list, Syntax { list: Some(List::default()), ..syntax });
            assert!(names().contains(name));
        }
        for bad in ["", "list of ", "list of list of string", "uint", "String", "list"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn cmp_08_facets() {
        let cases = [
            ("IPv4Address", &["", "192.0.2.1", "255.255.255.255"][..], &["256.0.0.1", "1.2.3"][..]),
            ("IPv4Prefix", &["", "/32", "192.0.2.0/24"], &["192.0.2.0", "192.0.2.0/33"]),
            ("IPv6Address", &["", "2001:db8::1"], &["x".repeat(46).leak() as &str]),
            ("MACAddress", &["", "00:D0:9E:00:00:0a"], &["00D09E00000A", "00:D0:9E:00:00"]),
            ("IEEE_EUI64", &["", "00:11:22:33:44:55:66:77"], &["00:11:22:33:44:55"]),
            ("UUID", &["123e4567-e89b-12d3-a456-426614174000"], &["", "123e4567"]),
            ("URN", &["urn:example-com:x"], &["http://example.com/", "urn:x"]),
            ("ZigBeeNetworkAddress", &["", "0aF9"], &["12345", "xyz0"]),
            ("Order", &["1", "7"], &["0", "-1"]),
            ("StatsCounter64", &["0", "18446744073709551615"], &["-1"]),
            ("StatsCounter32", &["4294967295"], &["4294967296"]),
            ("DiagnosticsState", &["Requested", "Canceled"], &["None", "Complete"]),
        ];
        for (name, right, wrong) in cases {
            let syntax = named(name).unwrap();
            for text in right {
                assert!(check(&syntax, text, Direction::Set).is_ok(), "{name} {text:?}");
            }
            for text in wrong {
                assert!(check(&syntax, text, Direction::Set).is_err(), "{name} {text:?}");
            }
        }
    }

    #[cfg(feature = "shipped")]
    #[test]
    fn cmp_08_the_same_as_in_the_standard_model() {
        let model = crate::shipped::model("Device:2.19").unwrap();
        let mut compared = std::collections::BTreeSet::new();
        for parameter in model.parameters() {
            let Some(name) = parameter.syntax().type_name.as_deref() else { continue };
            let Some(own) = named(name) else { continue };
            let theirs = parameter.syntax();
            assert_eq!(theirs.value_type, own.value_type, "{name}");
            let words = |it: &Syntax| -> Vec<_> {
                let words = it.enumerations.iter();
                words.map(|it| (it.value.clone(), it.read_only, it.optional)).collect()
            };
            // Single parameters narrow the type; most have it as it is.
            if theirs.sizes == own.sizes
                && theirs.ranges == own.ranges
                && theirs.patterns.len() == own.patterns.len()
                && words(theirs) == words(&own)
            {
                compared.insert(name.to_owned());
            }
        }
        let all = model.parameters().filter_map(|it| it.syntax().type_name.as_deref());
        // Each parameter of this type has a range of its own.
        let used: std::collections::BTreeSet<_> = all
            .filter(|name| NAMED.contains(name) && *name != "Dbm1000")
            .map(str::to_owned)
            .collect();
        assert_eq!(compared, used);
    }
}
