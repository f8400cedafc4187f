//! The standard's names in Rust's case.

use drover_datamodel::schema::Object;

/// Words of Rust that cannot be the name of a module.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// `ipv4_address` for `IPv4Address`: the name of a module.
pub(super) fn module(name: &str) -> String {
    let name = words(name).join("_");
    if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// `IPV4_ADDRESS` for `IPv4Address`: the name of a constant.
pub(super) fn constant(name: &str) -> String {
    words(name).join("_").to_ascii_uppercase()
}

/// `Ipv4Address` for `IPv4Address`, `_100Mbps` for `100Mbps`: the name of a type or variant.
pub(super) fn variant(name: &str) -> String {
    let capitalised = |word: &String| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    let name: String = words(name).iter().map(capitalised).collect();
    match name.as_bytes().first() {
        None => "Empty".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{name}"),
        Some(_) if name == "Self" => format!("{name}_"),
        Some(_) => name,
    }
}

/// The path of an object's module from the crate.
pub(super) fn module_path(object: &Object<'_>) -> String {
    let above = object.parent().filter(|parent| !parent.name().is_empty());
    let above = above.map_or_else(|| "crate::tree".to_owned(), |parent| module_path(&parent));
    format!("{above}::{}", module(object.name()))
}

/// The words of a name in small letters. Capitals in a row are one word, but for the last one when
/// a small letter follows it, except that `v4` belongs to the capitals before it.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, c) in chars.iter().copied().enumerate() {
        let before = index.checked_sub(1).and_then(|index| chars.get(index)).copied();
        let mut after = chars.iter().copied().skip(index + 1);
        if starts_word(before, c, after.next(), after.next()) || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn starts_word(before: Option<char>, c: char, next: Option<char>, second: Option<char>) -> bool {
    let Some(before) = before.filter(|_| c.is_ascii_uppercase()) else { return false };
    let ends_capitals = next.is_some_and(|next| next.is_ascii_lowercase())
        && !(next == Some('v') && second.is_some_and(|second| second.is_ascii_digit()));
    !before.is_ascii_uppercase() || ends_capitals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_rust_s_case() {
        let cases = [
            ("Device", "device"),
            ("DeviceInfo", "device_info"),
            ("MACAddress", "mac_address"),
            ("IPAddress", "ip_address"),
            ("IPv4Address", "ipv4_address"),
            ("IPv6AddressNumberOfEntries", "ipv6_address_number_of_entries"),
            ("MaxMTUSize", "max_mtu_size"),
            ("CPUUsage", "cpu_usage"),
            ("PID", "pid"),
            ("ManufacturerOUI", "manufacturer_oui"),
            ("ConnectionRequestURL", "connection_request_url"),
            ("CWMPRetryMinimumWaitInterval", "cwmp_retry_minimum_wait_interval"),
            ("UnknownProtoPacketsReceived", "unknown_proto_packets_received"),
            ("DHCPv4", "dhcpv4"),
            ("NTPServer1", "ntp_server1"),
            ("Layer3Forwarding", "layer3_forwarding"),
            ("IEEE80211r", "ieee80211r"),
            ("X_DROVER-ORG_Note", "x_drover_org_note"),
            ("SSIDs", "ssi_ds"),
            ("Type", "type_"),
        ];
        for (name, expected) in cases {
            assert_eq!(module(name), expected, "{name}");
            let expected = expected.trim_end_matches('_').to_ascii_uppercase();
            assert_eq!(constant(name), expected, "{name}");
        }
    }

    #[test]
    fn words_of_enumerations_in_rust_s_case() {
        let cases = [
            ("Up", "Up"),
            ("LowerLayerDown", "LowerLayerDown"),
            ("Error_Misconfigured", "ErrorMisconfigured"),
            ("DHCPv6", "Dhcpv6"),
            ("IKEv2", "Ikev2"),
            ("AutoIP", "AutoIp"),
            ("802.11a", "_80211a"),
            ("WPA2-Personal", "Wpa2Personal"),
            ("urn:broadband-forum-org:any", "UrnBroadbandForumOrgAny"),
            ("Self", "Self_"),
            ("", "Empty"),
            ("…", "Empty"),
        ];
        for (word, expected) in cases {
            assert_eq!(variant(word), expected, "{word}");
        }
    }
}
