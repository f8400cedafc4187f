//! What things may be called (`TM-08`, `TM-16`), and ranges as the file writes them.

/// Characters of a full path (`TM-16`).
pub(super) const PATH_CHARS_MAX: usize = 256;
/// Characters of a vendor's word in an enumeration of the standard (`TM-16`).
pub(super) const VENDOR_VALUE_CHARS_MAX: usize = 31;

/// How a name stands to `X_<VENDOR>_Name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    /// It is one.
    Valid,
    /// It begins as one and goes on otherwise.
    Malformed,
    /// It is a name as the standard has them.
    None,
}

impl Vendor {
    /// VENDOR is an OUI, or a domain in upper case with hyphens or underscores for its dots.
    pub(super) fn of(name: &str) -> Self {
        let Some(rest) = name.strip_prefix("X_") else { return Self::None };
        let Some((vendor, name)) = rest.split_once('_') else { return Self::Malformed };
        let is_vendor = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        let starts = vendor.starts_with(|c: char| c != '-' && is_vendor(c));
        if starts && vendor.chars().all(is_vendor) && !name.is_empty() {
            Self::Valid
        } else {
            Self::Malformed
        }
    }
}

/// Letters, digits, underscore, hyphen. Devices, and TR-098, have names with a digit first.
pub(super) fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_inner)
}

/// What is wrong with the path of an object, and what to do.
pub(super) fn check_object_path(path: &str, root: &str) -> Result<(), String> {
    let Some(inner) = path.strip_suffix('.') else {
        return Err("the path of an object ends in a dot".to_owned());
    };
    if path.chars().count() > PATH_CHARS_MAX {
        return Err(format!("a path has at most {PATH_CHARS_MAX} characters (TM-16)"));
    }
    let mut after_name = false;
    for (place, part) in inner.split('.').enumerate() {
        if place == 0 && part != root {
            return Err(format!("a path begins with {root}., as the extended model does"));
        }
        if part == "{i}" && after_name {
            after_name = false;
        } else if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            return Err(format!("write {{i}} in place of the instance number {part}"));
        } else if is_name(part) {
            after_name = true;
        } else {
            return Err(format!(
                "{part:?} is no name, which has letters, digits, '_' and '-' only (TM-08)"
            ));
        }
    }
    Ok(())
}

/// Splits `A.B.{i}.` into `A.`, `B` and whether it is a table.
pub(super) fn split_object(path: &str) -> (&str, &str, bool) {
    let (inner, is_table) = match path.strip_suffix(".{i}.") {
        Some(inner) => (inner, true),
        None => (path.strip_suffix('.').unwrap_or(path), false),
    };
    let start = inner.rfind('.').map_or(0, |dot| dot.saturating_add(1));
    let (parent, name) = inner.split_at_checked(start).unwrap_or(("", inner));
    (parent, name, is_table)
}

/// Whether one of the names in a path is a vendor's: what lies below needs no prefix (`TM-16`).
pub(super) fn is_below_vendor(path: &str) -> bool {
    path.split('.').any(|name| Vendor::of(name) == Vendor::Valid)
}

/// Both ends of `1..8`, either of which may be left out.
pub(super) fn bounds(text: &str) -> Result<(Option<&str>, Option<&str>), String> {
    let advice = "a range is written \"1..8\", \"1..\" or \"..8\", and includes both ends";
    let (min, max) = text.split_once("..").ok_or_else(|| format!("{text:?}: {advice}"))?;
    let (min, max) = (min.trim(), max.trim());
    if min.is_empty() && max.is_empty() {
        return Err(format!("{text:?}: {advice}"));
    }
    Ok((Some(min).filter(|it| !it.is_empty()), Some(max).filter(|it| !it.is_empty())))
}

/// Both ends of a range of counts.
pub(super) fn counts<N: std::str::FromStr + PartialOrd + Default>(
    text: &str,
) -> Result<(N, Option<N>), String> {
    let (min, max) = bounds(text)?;
    let count = |end: &str| end.parse::<N>().map_err(|_| format!("{end:?} is no count"));
    let min = min.map(count).transpose()?.unwrap_or_default();
    let max = max.map(count).transpose()?;
    if max.as_ref().is_some_and(|max| *max < min) {
        return Err(format!("{text:?}: the first end is the smaller one"));
    }
    Ok((min, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tm_16_vendor_names() {
        for name in ["X_HW_CpuUsed", "X_ZTE-COM_8021P", "X_00D09E_A", "X_EXAMPLE_COM_Lamp"] {
            assert_eq!(Vendor::of(name), Vendor::Valid, "{name}");
        }
        for name in ["X_", "X_Lamp", "X__Lamp", "X_HW_", "X_hw_A", "X_-A_B", "X_A.B_C"] {
            assert_eq!(Vendor::of(name), Vendor::Malformed, "{name}");
        }
        for name in ["", "Lamp", "XX_A_B", "x_HW_A"] {
            assert_eq!(Vendor::of(name), Vendor::None, "{name}");
        }
    }

    #[test]
    fn tm_08_paths() {
        for path in ["Device.", "Device.A.", "Device.A.{i}.", "Device.A.{i}.B-1_c.802-1p.{i}."] {
            assert_eq!(check_object_path(path, "Device"), Ok(()), "{path}");
        }
        let cases = [
            ("", "the path of an object ends in a dot"),
            ("Device.A", "the path of an object ends in a dot"),
            ("Other.A.", "a path begins with Device., as the extended model does"),
            ("Device.A.1.B.", "write {i} in place of the instance number 1"),
            ("Device..", "\"\" is no name, which has letters, digits, '_' and '-' only (TM-08)"),
            (
                "Device.{i}.{i}.",
                "\"{i}\" is no name, which has letters, digits, '_' and '-' only (TM-08)",
            ),
        ];
        for (path, message) in cases {
            assert_eq!(check_object_path(path, "Device"), Err(message.to_owned()), "{path}");
        }
        let longest = format!("Device.{}.", "a".repeat(PATH_CHARS_MAX - 8));
        assert_eq!(check_object_path(&longest, "Device"), Ok(()));
        let longer = format!("Device.{}.", "a".repeat(PATH_CHARS_MAX - 7));
        assert!(check_object_path(&longer, "Device").unwrap_err().contains("256"));
    }

    #[test]
    fn ranges() {
        assert_eq!(bounds("1..8"), Ok((Some("1"), Some("8"))));
        assert_eq!(bounds(" -5 .. -1 "), Ok((Some("-5"), Some("-1"))));
        assert_eq!(bounds("..0.5"), Ok((None, Some("0.5"))));
        assert_eq!(counts("3.."), Ok((3_u32, None)));
        for bad in ["", "..", "8", "1-8"] {
            assert!(bounds(bad).is_err(), "{bad}");
        }
        for bad in ["8..1", "-1..3", "..4294967296", "a..b"] {
            assert!(counts::<u32>(bad).is_err(), "{bad}");
        }
    }
}
