//! Parts of a file, for devices that go on with a transfer that broke off (RFC 9110 §14).

/// Which part of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ranged {
    /// The whole: nothing else was asked for, or nothing that we know.
    All,
    /// A part that exists.
    Part { from: u64, length: u64 },
    /// A part that does not.
    Nothing,
}

/// Reads a `Range` header. Several ranges at a time are answered with the whole, which is allowed
/// and needs no multipart.
pub(super) fn of(header: Option<&str>, length: u64) -> Ranged {
    let set = header.and_then(|text| text.trim().strip_prefix("bytes=")).map(str::trim);
    let Some((first, last)) = set.and_then(|set| set.split_once('-')) else { return Ranged::All };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More than any file has.
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (from, end) = match (first, last, number(first), number(last)) {
        ("", _, _, Some(count)) => (length.saturating_sub(count), length),
        (_, "", Some(from), _) => (from, length),
        (_, _, Some(from), Some(last)) if from <= last => {
            (from, last.saturating_add(1).min(length))
        }
        _ => return Ranged::All,
    };
    if from >= end {
        return Ranged::Nothing;
    }
    Ranged::Part { from, length: end - from }
}

/// Whether an `If-None-Match` header names this tag.
pub(super) fn names_tag(header: &str, tag: &str) -> bool {
    let mut tags = header.split(',').map(str::trim);
    tags.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        let part = |from, length| Ranged::Part { from, length };
        for (header, wanted) in [
            ("bytes=0-", part(0, 10)),
            ("bytes=3-", part(3, 7)),
            ("bytes=3-4", part(3, 2)),
            ("bytes=9-99", part(9, 1)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            (" bytes= 1-2 ", part(1, 2)),
            ("bytes=10-", Ranged::Nothing),
            ("bytes=99999999999999999999-", Ranged::Nothing),
            ("bytes=-0", Ranged::Nothing),
            ("bytes=4-3", Ranged::All),
            ("bytes=1-2,4-5", Ranged::All),
            ("bytes=a-b", Ranged::All),
            ("bytes=", Ranged::All),
            ("bytes=-", Ranged::All),
            ("bytes=+1-", Ranged::All),
            ("lines=1-2", Ranged::All),
        ] {
            assert_eq!(of(Some(header), 10), wanted, "{header}");
        }
        assert_eq!(of(None, 10), Ranged::All);
        assert_eq!(of(Some("bytes=0-"), 0), Ranged::Nothing);
    }

    #[test]
    fn tags_are_compared_whole() {
        assert!(names_tag("\"a\", W/\"b\"", "\"b\"") && names_tag("*", "\"b\""));
        assert!(!names_tag("\"ab\"", "\"b\"") && !names_tag("", "\"b\""));
    }
}
