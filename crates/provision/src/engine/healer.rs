//! Values that a device refuses to set are found and set aside, so that the others arrive.
//!
//! SetParameterValues is all or nothing (`SPV-02`): one bad value and none is set. A device that
//! keeps to the standard names the bad ones (`SPV-06`). Others are halved until the bad ones stand
//! alone: for `g` bad ones among `n` this takes at most `1 + 2 g log2 n` requests.

use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest, Md5};

use super::data::{Name, Path, Scalar, path_of};

/// A value to set: its path, itself and its type.
pub(super) type Setting = (String, Scalar, Box<str>);

/// What devices of one product and firmware refuse to set. It is the caller's to remember, and to
/// forget after a while: what was refused may have been so because of another value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guilt {
    /// The path, with `*` for instance numbers: it holds for all rows.
    pub path: String,
    /// The value and type that are refused, as a fingerprint that does not give them away; `None`
    /// if all are, as the code says (9005, 9008).
    pub value: Option<u64>,
    /// The fault code.
    pub code: u16,
}

/// A value that the device refused, and that was set aside for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healed {
    /// The path.
    pub path: String,
    /// The fault code.
    pub code: u16,
    /// The fault's text.
    pub message: String,
    /// What there is to remember of it.
    pub guilt: Guilt,
}

impl Guilt {
    fn new(path: &[Name], scalar: &Scalar, value_type: &str, code: u16) -> Self {
        let is_for_all = matches!(code, 9005 | 9008);
        let value = (!is_for_all).then(|| fingerprint(scalar, value_type));
        Self { path: of_all_rows(path), value, code }
    }
}

/// What is refused in this session, and what is known to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Healer {
    /// By path: the codes by fingerprint of the value.
    here: BTreeMap<Path, BTreeMap<Option<u64>, u16>>,
    healed: Vec<Healed>,
    /// Requests that were sent only to find what is bad, or without it.
    pub requests: usize,
}

impl Healer {
    /// What was set aside.
    pub(super) fn healed(&self) -> &[Healed] {
        &self.healed
    }

    /// Why a value is not to be sent: the code with which it was refused.
    pub(super) fn refused(
        &self,
        known: &BTreeSet<Guilt>,
        path: &[Name],
        scalar: &Scalar,
        value_type: &str,
    ) -> Option<u16> {
        if let Some(codes) = self.here.get(path) {
            let code = codes.get(&None);
            let code = code.or_else(|| codes.get(&Some(fingerprint(scalar, value_type))));
            if code.is_some() {
                return code.copied();
            }
        }
        if known.is_empty() {
            return None;
        }
        let all = of_all_rows(path);
        let value = fingerprint(scalar, value_type);
        let least = Guilt { path: all.clone(), value: None, code: 0 };
        let of_path = known.range(least..).take_while(|guilt| guilt.path == all);
        let mut meets = of_path.filter(|guilt| guilt.value.is_none_or(|it| it == value));
        meets.next().map(|guilt| guilt.code)
    }

    /// Sets a value aside.
    pub(super) fn set_aside(&mut self, setting: &Setting, code: u16, message: &str) {
        let (path, scalar, value_type) = setting;
        let names = path_of(path);
        let guilt = Guilt::new(&names, scalar, value_type, code);
        self.here.entry(names).or_default().insert(guilt.value, code);
        let (path, message) = (path.clone(), message.to_owned());
        self.healed.push(Healed { path, code, message, guilt });
    }
}

/// A path with `*` for instance numbers.
fn of_all_rows(path: &[Name]) -> String {
    let names = path.iter().map(|name| {
        let is_number = name.as_str().bytes().all(|byte| byte.is_ascii_digit());
        if is_number { "*" } else { name.as_str() }
    });
    names.collect::<Vec<_>>().join(".")
}

fn fingerprint(scalar: &Scalar, value_type: &str) -> u64 {
    let text = match super::coerce(scalar, "xsd:string") {
        Scalar::Text(text) => text,
        Scalar::Bool(_) | Scalar::Number(_) => "".into(),
    };
    let digest =
        Md5::new().chain_update(value_type).chain_update([0]).chain_update(text.as_bytes());
    let bytes: [u8; 16] = digest.finalize().into();
    bytes.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(path: &str, value: &str) -> Setting {
        (path.to_owned(), Scalar::Text(value.into()), "xsd:string".into())
    }

    #[test]
    fn guilt_holds_for_all_rows_and_for_the_value_where_that_was_refused() {
        let mut healer = Healer::default();
        healer.set_aside(&setting("Device.A.1.X", "bad"), 9007, "no");
        healer.set_aside(&setting("Device.A.1.Y", "any"), 9008, "never");
        let known: BTreeSet<Guilt> =
            healer.healed().iter().map(|healed| healed.guilt.clone()).collect();
        let none = BTreeSet::new();
        let refused = |healer: &Healer, known: &BTreeSet<Guilt>, path: &str, value: &str| {
            let (path, scalar, value_type) = setting(path, value);
            healer.refused(known, &path_of(&path), &scalar, &value_type)
        };
        assert_eq!(refused(&healer, &none, "Device.A.1.X", "bad"), Some(9007));
        assert_eq!(refused(&healer, &none, "Device.A.1.X", "good"), None);
        assert_eq!(refused(&healer, &none, "Device.A.2.X", "bad"), None);
        let later = Healer::default();
        assert_eq!(refused(&later, &known, "Device.A.2.X", "bad"), Some(9007));
        assert_eq!(refused(&later, &known, "Device.A.2.X", "good"), None);
        assert_eq!(refused(&later, &known, "Device.A.7.Y", "other"), Some(9008));
        assert_eq!(refused(&later, &known, "Device.A.7.Z", "bad"), None);
    }

    #[test]
    fn a_fingerprint_is_of_value_and_type() {
        let text = |value: &str| Scalar::Text(value.into());
        let of = fingerprint(&text("1"), "xsd:string");
        assert_eq!(of, fingerprint(&Scalar::Number(1.0), "xsd:string"));
        assert_ne!(of, fingerprint(&text("1"), "xsd:int"));
        assert_ne!(of, fingerprint(&text("2"), "xsd:string"));
    }
}
