//! The forms of named types that the published models describe in words alone (`CMP-08`, `ALI-04`).
//!
//! `IPv4Address`, `MACAddress` and most others have patterns. An address in the form of IPv6 has
//! none, since no pattern says it in a readable way, and neither has an alias.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Direction, ValueErrorKind};

/// Checks a text that has the named type, without words and patterns of its own.
///
/// The empty text stands for no address. What a device reports as its alias is its own affair, so
/// that only what is to be set is checked.
pub(super) fn check_form(
    type_name: Option<&str>,
    text: &str,
    direction: Direction,
) -> Result<(), ValueErrorKind> {
    let (has_form, form) = match type_name {
        Some("IPv6Address") => (is::<Ipv6Addr>(text), "an IPv6 address, such as 2001:db8::1"),
        Some("IPAddress") => (is::<IpAddr>(text), "an IPv4 or IPv6 address"),
        Some("IPv6Prefix") => {
            (is_prefix::<Ipv6Addr>(text, 128), "an IPv6 prefix, such as 2001:db8::/32")
        }
        Some("IPPrefix") => {
            let has_form = is_prefix::<Ipv4Addr>(text, 32) || is_prefix::<Ipv6Addr>(text, 128);
            (has_form, "a prefix of IPv4 or IPv6, such as 192.0.2.0/24")
        }
        Some("Alias") if direction == Direction::Set => {
            return if is_alias(text) { Ok(()) } else { Err(ValueErrorKind::Form { form: ALIAS }) };
        }
        _ => return Ok(()),
    };
    if has_form || text.is_empty() { Ok(()) } else { Err(ValueErrorKind::Form { form }) }
}

const ALIAS: &str = "a letter, followed by letters, digits, '_' and '-'";

fn is<T: std::str::FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

fn is_prefix<T: std::str::FromStr>(text: &str, bits: u8) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let is_length = length.bytes().all(|digit| digit.is_ascii_digit())
        && length.parse::<u8>().is_ok_and(|length| length <= bits);
    is::<T>(address) && is_length
}

/// `ALI-04`; the size says how long it may be.
fn is_alias(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic();
    text.starts_with(is_letter)
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cmp_08_addresses_have_their_form() {
        for (type_name, right, wrong) in [
            (
                "IPv6Address",
                &["", "::", "fe80::1", "::ffff:192.0.2.1"][..],
                &["hello", "fe80:::1"][..],
            ),
            ("IPAddress", &["", "192.0.2.1", "2001:db8::1"], &["192.0.2", "fe80::1%eth0", "1"]),
            (
                "IPv6Prefix",
                &["", "2001:db8::/32", "::/0"],
                &["2001:db8::", "::/129", "::/+1", "::/"],
            ),
            ("IPPrefix", &["", "192.0.2.0/24", "::/128"], &["192.0.2.0/33", "192.0.2.0", "/24"]),
        ] {
            for direction in [Direction::Set, Direction::Report] {
                let check = |text: &&&str| check_form(Some(type_name), text, direction).is_ok();
                assert_eq!(right.iter().filter(check).count(), right.len(), "{type_name}");
                assert_eq!(wrong.iter().filter(check).count(), 0, "{type_name}");
            }
        }
        let error = check_form(Some("IPAddress"), "x", Direction::Set).unwrap_err();
        assert_eq!(error.to_string(), "must be an IPv4 or IPv6 address");
        assert!(check_form(Some("IPv4Address"), "x", Direction::Set).is_ok(), "it has a pattern");
        assert!(check_form(None, "x", Direction::Set).is_ok());
    }

    #[test]
    fn ali_04_an_alias_that_is_set_begins_with_a_letter() {
        let check = |text, direction| check_form(Some("Alias"), text, direction).is_ok();
        for (text, is_right) in [
            ("cpe-1", true),
            ("A_b", true),
            ("", false),
            ("1x", false),
            ("ä", false),
            ("a.b", false),
        ] {
            assert_eq!(check(text, Direction::Set), is_right, "{text}");
            assert!(check(text, Direction::Report), "{text}");
        }
    }
}
