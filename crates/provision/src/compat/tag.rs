//! The name of a tag as a segment of a path.

use std::fmt::Write as _;

/// A tag's name as the segment of a path below `Tags`.
///
/// Every byte outside `[A-Za-z0-9_-]` becomes `0xHH`; in what already looks like one, the `x` is
/// written that way. The form is given: `0xa:` becomes `0xa0x3A`, which is read as something else.
pub fn encode_tag(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    let bytes = name.as_bytes();
    for (index, byte) in bytes.iter().copied().enumerate() {
        let looks_escaped = byte == b'x'
            && index.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'0')
            && escaped_byte(bytes.get(index..).unwrap_or_default()).is_some();
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if is_plain && !looks_escaped {
            segment.push(char::from(byte));
        } else {
            write!(segment, "0x{byte:02X}").expect("a String takes any text");
        }
    }
    segment
}

/// The name of a tag from the segment of a path; `None` when that is the name of no tag.
pub fn decode_tag(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match escaped_byte(after).filter(|_| *first == b'0') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The byte that `xHH` at the start of a text stands for.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*text.get(index)?).to_digit(16);
    let (high, low) = (digit(1)?, digit(2)?);
    u8::try_from(high << 4 | low).ok().filter(|_| text.first() == Some(&b'x'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_looks_like_an_escape_is_escaped_twice() {
        assert_eq!(encode_tag("0x"), "0x");
        assert_eq!(encode_tag("0x4"), "0x4");
        assert_eq!(encode_tag("0xfF"), "00x78fF");
        assert_eq!(encode_tag("0XFF"), "0XFF");
        assert_eq!(encode_tag(""), "");
    }

    #[test]
    fn bytes_that_are_no_text_are_no_tag() {
        assert_eq!(decode_tag("a0xC3"), None);
        assert_eq!(decode_tag("a0xC30xA9").as_deref(), Some("aé"));
        assert_eq!(decode_tag("a0xc30xa9").as_deref(), Some("aé"));
    }

    proptest! {
        #[test]
        fn every_name_is_read_back(name in "([a-zA-Z1-9_.é€😀 -]|y0x[0-9a-fA-F]{2}y){0,12}") {
            let segment = encode_tag(&name);
            prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)));
            prop_assert_eq!(decode_tag(&segment), Some(name));
        }
    }
}
