//! Numbers as JavaScript writes, reads and rounds them.

/// The text of a number, as JavaScript's `String(number)` has it.
pub(crate) fn to_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if number < 0.0 { "-" } else { "" };
    if number.is_infinite() {
        return format!("{sign}Infinity");
    }
    let shortest = shortest(number.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.replace('.', "");
    format!("{sign}{}", layout(&digits, exponent.parse().unwrap_or(0)))
}

/// The fewest digits that read back as the same number, such as `1.25e-7`. Of two that are equally
/// near, JavaScript takes the even one, and Rust the greater.
fn shortest(number: f64) -> String {
    let shortest = format!("{number:e}");
    let mantissa = shortest.split('e').next().unwrap_or_default();
    let decimals = mantissa.len().saturating_sub(2);
    let nearest = format!("{number:.decimals$e}");
    match nearest.parse() == Ok(number) {
        true => nearest,
        false => shortest,
    }
}

/// Digits `d.ddd` times ten to the power of the exponent, as JavaScript lays them out.
fn layout(digits: &str, exponent: i32) -> String {
    let before_point = usize::try_from(exponent.saturating_add(1)).unwrap_or(0);
    match exponent {
        0..=20 => match digits.split_at_checked(before_point) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, fraction)) => format!("{whole}.{fraction}"),
            None => format!("{digits:0<before_point$}"),
        },
        -6..=-1 => {
            let zeros = usize::try_from(exponent.saturating_neg()).unwrap_or(1).saturating_sub(1);
            format!("0.{}{digits}", "0".repeat(zeros))
        }
        _ => match digits.split_at_checked(1) {
            Some((first, "")) => format!("{first}e{exponent:+}"),
            Some((first, rest)) => format!("{first}.{rest}e{exponent:+}"),
            None => digits.to_owned(),
        },
    }
}

/// The number that a text begins with, as JavaScript's `parseFloat` reads it.
pub(super) fn parse_prefix(text: &str) -> Option<f64> {
    let text = text.trim_start_matches(is_space);
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = if text.starts_with("Infinity") {
        f64::INFINITY
    } else {
        text.get(..decimal_length(text)).filter(|it| !it.is_empty())?.parse().ok()?
    };
    Some(if is_negative { -number } else { number })
}

/// White space in JavaScript.
fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

/// Bytes of the decimal number without a sign at the start of a text; 0 when there is none.
pub(super) fn decimal_length(text: &str) -> usize {
    let whole = digits(text);
    let after_point = text.get(whole..).and_then(|rest| rest.strip_prefix('.'));
    let fraction = after_point.map_or(0, digits);
    if whole == 0 && fraction == 0 {
        return 0;
    }
    let point = usize::from(after_point.is_some());
    let mantissa = whole.saturating_add(point).saturating_add(fraction);
    mantissa.saturating_add(text.get(mantissa..).map_or(0, exponent_length))
}

/// Bytes of an exponent such as `e+21`; 0 when there is none.
fn exponent_length(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else {
        return 0;
    };
    let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    match digits(unsigned) {
        0 => 0,
        count => text.len().saturating_sub(unsigned.len()).saturating_add(count),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Digits after the point beyond which rounding changes nothing, as for JavaScript's `toFixed`.
const ROUNDED_DIGITS: f64 = 100.0;

/// The nearest number with so many digits after the point, half away from zero.
///
/// As JavaScript's `toFixed` it looks at the exact number: 1.005 is a little less, so it becomes
/// 1. Negative digits round to tens, hundreds and so on.
pub(super) fn round(number: f64, digits: f64) -> f64 {
    let digits = digits.trunc();
    if !number.is_finite() || digits > ROUNDED_DIGITS {
        return number;
    }
    // The largest number has 309 digits before the point.
    #[expect(clippy::cast_possible_truncation, reason = "clamped, and cut before")]
    let places = digits.max(-400.0) as i32;
    let exact = format!("{:.*}", fraction_bits(number), number.abs());
    let (whole, fraction) = exact.split_once('.').unwrap_or((&exact, ""));
    let Some(kept) = usize::try_from(places).map_or_else(
        |_| whole.len().checked_sub(usize::try_from(places.unsigned_abs()).unwrap_or(usize::MAX)),
        |places| whole.len().checked_add(places),
    ) else {
        return 0.0;
    };
    let all = format!("{whole}{fraction}");
    let rounded = cut(&all, kept).map(|kept| format!("{kept}e{}", places.saturating_neg()));
    let magnitude = rounded.and_then(|text| text.parse().ok()).unwrap_or_else(|| number.abs());
    magnitude.copysign(number)
}

/// The first digits of a number, rounded by the one that follows; `None` when all are kept.
fn cut(digits: &str, kept: usize) -> Option<String> {
    let next = digits.as_bytes().get(kept)?;
    let mut kept = digits.get(..kept)?.as_bytes().to_vec();
    if *next >= b'5' {
        increment(&mut kept);
    }
    kept.insert(0, b'0');
    String::from_utf8(kept).ok()
}

/// Adds one to decimal digits.
fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit != b'9' {
            *digit = digit.saturating_add(1);
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

/// Bits after the point, and so the decimals that show a number exactly.
fn fraction_bits(number: f64) -> usize {
    let exponent = (number.to_bits() >> 52) & 0x7ff;
    usize::try_from(1075_u64.saturating_sub(exponent.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_text_as_in_javascript() {
        let check = |number: f64, text: &str| assert_eq!(to_text(number), text);
        check(0.0, "0");
        check(-0.0, "0");
        check(5.0, "5");
        check(-5.25, "-5.25");
        check(0.1 + 0.2, "0.30000000000000004");
        check(123_456_789_012_345_680_000.0, "123456789012345680000");
        check(1e20, "100000000000000000000");
        check(1e21, "1e+21");
        check(1.5e300, "1.5e+300");
        check(0.000_001, "0.000001");
        check(0.000_012_5, "0.0000125");
        check(1e-7, "1e-7");
        check(1.25e-7, "1.25e-7");
        check(5e-324, "5e-324");
        check(97_179_520_471_177.13, "97179520471177.12");
        check(9_007_199_254_740_993.0, "9007199254740992");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::NEG_INFINITY, "-Infinity");
    }

    #[test]
    fn texts_begin_with_numbers() {
        let check = |text: &str, number: Option<f64>| assert_eq!(parse_prefix(text), number);
        check(" \u{feff}\n12.5px", Some(12.5));
        check("-3", Some(-3.0));
        check("+.5.6", Some(0.5));
        check("5.", Some(5.0));
        check("1e3e", Some(1000.0));
        check("1e+", Some(1.0));
        check("1e999", Some(f64::INFINITY));
        check("-Infinity!", Some(f64::NEG_INFINITY));
        check("0x10", Some(0.0));
        for text in ["", ".", "abc", "- 3", "e5", "--1", "inf", "NaN", ".e1"] {
            check(text, None);
        }
    }

    #[test]
    fn numbers_are_rounded_as_they_are() {
        let check = |number: f64, digits: f64, rounded: f64| {
            assert_eq!(to_text(round(number, digits)), to_text(rounded), "{number}, {digits}");
        };
        check(2.345, 2.0, 2.35);
        check(1.005, 2.0, 1.0);
        check(0.5, 0.0, 1.0);
        check(2.5, 0.0, 3.0);
        check(-2.5, 0.0, -3.0);
        check(0.25, 1.0, 0.3);
        check(9.99, 1.0, 10.0);
        check(0.04, 1.0, 0.0);
        check(1234.0, -2.0, 1200.0);
        check(950.0, -2.0, 1000.0);
        check(950.0, -3.0, 1000.0);
        check(450.0, -3.0, 0.0);
        check(f64::MAX, -308.0, f64::INFINITY);
        check(f64::MAX, -1e300, 0.0);
        check(1.5, 1e300, 1.5);
        check(1e21, 2.0, 1e21);
        check(5e-324, 100.0, 0.0);
        check(f64::INFINITY, 1.0, f64::INFINITY);
        check(2.7, 0.9, 3.0);
    }
}
