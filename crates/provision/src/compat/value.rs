//! What a text means as a value of a type, as scripts see it (compat 2.2).

/// The integer that a text begins with, as `parseInt` reads it.
pub(crate) fn integer(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(digits.len());
    let number: f64 = digits.get(..end).filter(|digits| !digits.is_empty())?.parse().ok()?;
    Some(if text.starts_with('-') { -number } else { number })
}

/// `true`, `TRUE`, `1` and their opposites.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// A time in milliseconds of the Unix clock.
#[expect(clippy::cast_precision_loss, reason = "a timestamp's milliseconds are below 2^53")]
pub(crate) fn milliseconds(text: &str) -> Option<f64> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    Some(time.as_millisecond() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_far_as_they_go() {
        let cases = [("12abc", Some(12.0)), (" -7", Some(-7.0)), ("+5", Some(5.0)), ("x", None)];
        for (text, expected) in cases {
            assert_eq!(integer(text), expected, "{text}");
        }
        assert_eq!(["TRUE", "0", "yes"].map(boolean), [Some(true), Some(false), None]);
        assert_eq!(milliseconds("1970-01-01T00:00:01Z"), Some(1000.0));
        assert_eq!(milliseconds("soon"), None);
    }
}
