//! From bytes to text: byte order mark, declared encoding, broken UTF-8 (`LEN-01`, `LEN-04`).

use std::borrow::Cow;

use crate::error::{Malformed, MalformedKind};
use crate::tolerated::{Tolerated, ToleratedList};
use crate::xml::is_xml_char;

/// Bytes in which an XML declaration must end to be seen.
const DECLARATION_BYTES_MAX: usize = 256;

/// The text of an envelope without what surrounds it, and what was peculiar about its bytes.
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    tolerated: &mut ToleratedList,
) -> Result<Cow<'a, str>, Malformed> {
    let bytes = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => {
            tolerated.note(Tolerated::ByteOrderMark);
            rest
        }
        None => bytes,
    };
    if bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xFF\xFE") {
        return Err(unsupported("UTF-16"));
    }
    let trimmed = trim(bytes);
    if trimmed.len() != bytes.len() {
        tolerated.note(Tolerated::Surrounded);
    }
    let text = match declared_encoding(trimmed) {
        None => utf8(trimmed, tolerated),
        Some(name) if matches!(&*name, "utf-8" | "utf8" | "us-ascii" | "ascii") => {
            utf8(trimmed, tolerated)
        }
        Some(name) if matches!(&*name, "iso-8859-1" | "latin1" | "latin-1" | "windows-1252") => {
            tolerated.note(Tolerated::Encoding("ISO-8859-1"));
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(trimmed);
            text
        }
        Some(name) => return Err(unsupported(&name)),
    };
    if !has_illegal_character(&text) {
        return Ok(text);
    }
    // What we read must be what we could write: no value may hold what XML cannot carry.
    tolerated.note(Tolerated::IllegalCharacter);
    Ok(Cow::Owned(text.replace(|c| !is_xml_char(c), "\u{FFFD}")))
}

fn has_illegal_character(text: &str) -> bool {
    // One pass without branches over the bytes clears nearly every message: the only illegal
    // characters that are no control characters begin with 0xEF.
    let suspect = text.bytes().fold(false, |suspect, byte| {
        suspect
            | ((byte < b' ') & (byte != b'\n') & (byte != b'\r') & (byte != b'\t'))
            | (byte == 0xEF)
    });
    suspect && text.contains(|c| !is_xml_char(c))
}

fn utf8<'a>(bytes: &'a [u8], tolerated: &mut ToleratedList) -> Cow<'a, str> {
    // Much faster than the lossy way where nothing is lost.
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    tolerated.note(Tolerated::BrokenUtf8);
    String::from_utf8_lossy(bytes)
}

fn unsupported(name: &str) -> Malformed {
    Malformed { kind: MalformedKind::UnsupportedEncoding(name.to_owned()), offset: 0 }
}

fn is_padding(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == 0
}

fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_padding(byte)).unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|byte| !is_padding(byte))
        .map_or(start, |last| last.saturating_add(1));
    let line_end = bytes.get(end..).unwrap_or_default();
    // One line break after the root element is how text files end, not a peculiarity.
    let end = match line_end {
        b"\n" | b"\r\n" => bytes.len(),
        _ => end,
    };
    bytes.get(start..end).unwrap_or_default()
}

/// The encoding that the XML declaration names, in lower case.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(DECLARATION_BYTES_MAX))?;
    let head = String::from_utf8_lossy(head);
    let declaration = head.strip_prefix("<?xml")?.split("?>").next()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = value.get(1..)?.split(quote).next()?;
    Some(name.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], text: &str, noted: &[Tolerated]) {
        let mut tolerated = ToleratedList::default();
        assert_eq!(decode(bytes, &mut tolerated).expect("readable"), text);
        assert_eq!(tolerated.iter().cloned().collect::<Vec<_>>(), noted);
    }

    #[test]
    fn len_01_encodings() {
        check(b"<a/>", "<a/>", &[]);
        check(b"<a/>\r\n", "<a/>\r\n", &[]);
        check(b"\xEF\xBB\xBF<a/>", "<a/>", &[Tolerated::ByteOrderMark]);
        check(
            b"<?xml version='1.0' encoding = 'ISO-8859-1'?><a>\xE9</a>",
            "<?xml version='1.0' encoding = 'ISO-8859-1'?><a>é</a>",
            &[Tolerated::Encoding("ISO-8859-1")],
        );
        check(b"<a>\xE9</a>", "<a>\u{FFFD}</a>", &[Tolerated::BrokenUtf8]);
    }

    #[test]
    fn illegal_characters_are_replaced() {
        let noted = &[Tolerated::IllegalCharacter];
        check(b"<a>\x01\t\0</a>", "<a>\u{FFFD}\t\u{FFFD}</a>", noted);
        check("<a>\u{FFFE}</a>".as_bytes(), "<a>\u{FFFD}</a>", noted);
        check("<a>\u{FEFF}\u{FF21}</a>".as_bytes(), "<a>\u{FEFF}\u{FF21}</a>", &[]);
    }

    #[test]
    fn len_04_padding() {
        check(b"\r\n <a/>\0\0", "<a/>", &[Tolerated::Surrounded]);
        check(b" \0", "", &[Tolerated::Surrounded]);
        check(b"", "", &[]);
    }

    #[test]
    fn other_encodings_are_refused_by_name() {
        for bytes in [&b"\xFE\xFF\0<"[..], b"<?xml version=\"1.0\" encoding=\"EBCDIC\"?><a/>"] {
            let error = decode(bytes, &mut ToleratedList::default()).expect_err("unreadable");
            assert!(matches!(error.kind, MalformedKind::UnsupportedEncoding(_)), "{error}");
        }
    }
}
