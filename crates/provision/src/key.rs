//! The key under which a device is known.

use std::fmt;

use md5::{Digest, Md5};

use crate::limits::KEY_BYTES_MAX;

/// The id of a device in GenieACS's form: `OUI-ProductClass-SerialNumber`, or `OUI-SerialNumber`
/// without a product class (`ID-05`), where every byte outside `[A-Za-z0-9_]` is written `%XX`.
///
/// The OUI is in upper case (`LEN-08`) and may be empty (quirk 27). As a hyphen inside a member is
/// escaped, two different identities never have the same key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey(String);

/// The text is not the id of a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a device id: it has the form OUI-ProductClass-SerialNumber, with all characters \
     but letters, digits and '_' written as %XX"
)]
pub struct NotADeviceKey(String);

impl DeviceKey {
    /// The key of an identity.
    pub fn new(oui: &str, product_class: &str, serial_number: &str) -> Self {
        Self(id(&oui.to_ascii_uppercase(), product_class, serial_number))
    }

    /// Reads a key as a client of the server writes it.
    ///
    /// # Errors
    /// [`NotADeviceKey`] when no identity can have this key.
    pub fn parse(text: &str) -> Result<Self, NotADeviceKey> {
        let parts = text.split('-').count();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'%' | b'-');
        let fits = text.len() <= KEY_BYTES_MAX && (2..=3).contains(&parts);
        if fits && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotADeviceKey(text.chars().take(100).collect()))
    }

    /// Eight bytes of a digest of the key, for tables that need not keep it whole. Nobody can make
    /// up a device that has the one of another.
    pub fn digest(&self) -> u64 {
        let digest = Md5::digest(self.0.as_bytes());
        digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    /// What all devices of a product share: OUI and product class.
    pub fn product(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(product, _)| product)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The ID that GenieACS gives a device, with the letters that the device sent: random numbers and
/// offsets of scripts depend on it (compat 2.7).
pub(crate) fn id(oui: &str, product_class: &str, serial_number: &str) -> String {
    let mut text = String::new();
    escape(oui, &mut text);
    text.push('-');
    if !product_class.is_empty() {
        escape(product_class, &mut text);
        text.push('-');
    }
    escape(serial_number, &mut text);
    text
}

fn escape(part: &str, out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(char::from(byte));
        } else {
            let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_have_the_form_of_genieacs() {
        let key = |oui, class, serial| DeviceKey::new(oui, class, serial).to_string();
        assert_eq!(key("00236a", "SR552n", "SR552NA084"), "00236A-SR552n-SR552NA084");
        assert_eq!(key("202BC1", "BM632w", "000000 1-2"), "202BC1-BM632w-000000%201%2D2");
        assert_eq!(key("202BC1", "", "7"), "202BC1-7");
        assert_eq!(key("", "Box", "é"), "-Box-%C3%A9");
        assert_eq!(key("0A_", "a.b", "%"), "0A_-a%2Eb-%25");
    }

    #[test]
    fn a_digest_tells_devices_apart() {
        let digest = |serial| DeviceKey::new("202BC1", "BM632w", serial).digest();
        assert!(digest("1") == digest("1") && digest("1") != digest("2"));
        // `printf %s 202BC1-BM632w-1 | md5sum`
        assert_eq!(format!("{:016x}", digest("1")), "83634da3fc2a6315");
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in ["", "nohyphen", "a-b-c-d", "a b-c", "é-1"] {
            assert!(DeviceKey::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_key_is_read_back(id in ("\\PC{0,8}", "\\PC{0,64}", "\\PC{1,64}")) {
            let key = DeviceKey::new(&id.0, &id.1, &id.2);
            let read = DeviceKey::parse(key.as_str());
            prop_assert_eq!(read, Ok(key));
        }

        #[test]
        fn different_identities_have_different_keys(
            a in ("[A-F0-9-]{0,3}", "[ab%-]{0,3}", "[ab%-]{1,3}"),
            b in ("[A-F0-9-]{0,3}", "[ab%-]{0,3}", "[ab%-]{1,3}"),
        ) {
            let same = DeviceKey::new(&a.0, &a.1, &a.2) == DeviceKey::new(&b.0, &b.1, &b.2);
            prop_assert_eq!(same, a == b);
        }
    }
}
