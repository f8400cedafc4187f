//! What is kept of a secret in the place of its value: enough to know it again, and no more.
//!
//! A device answers with an empty text when it is asked for a password (`SEC-01`), and the server
//! keeps none. So that a script which declares the same password in each session does not have it
//! sent each time, a [`Fingerprint`] of what the device has accepted stays in its place.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::record::DeviceRecord;

/// Bytes of a [`Fingerprint`].
pub(crate) const FINGERPRINT_BYTES: usize = 16;

/// The first 16 bytes of HMAC-SHA-256 of a value, with a key that no other record and no other
/// parameter of this one has: equal passwords of two devices cannot be seen to be equal.
///
/// Whoever has the database can still try out passwords one by one, so it is to be kept as secret
/// as any other table of password hashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    pub(crate) const fn from_bytes(bytes: [u8; FINGERPRINT_BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; FINGERPRINT_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// Makes the fingerprints of one record.
#[derive(Clone, Default)]
pub struct Sealer {
    salt: Vec<u8>,
}

impl Sealer {
    /// The one of a record. Its salt is who the device is and when the record was begun, to the
    /// microsecond, so a record that is begun anew knows nothing of what was set before.
    pub fn of(record: &DeviceRecord) -> Self {
        let registered = record.fields.registered.as_microsecond();
        let mut salt = record.key.as_str().as_bytes().to_vec();
        salt.extend(registered.to_be_bytes());
        Self { salt }
    }

    /// The fingerprint of a parameter's value, as CWMP writes it.
    pub fn seal(&self, path: &str, text: &str) -> Fingerprint {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.salt) {
            Ok(mac) => mac,
            // HMAC takes keys of any length.
            Err(_) => Hmac::<Sha256>::new(&Default::default()),
        };
        mac.update(&(path.len() as u64).to_be_bytes());
        mac.update(path.as_bytes());
        mac.update(text.as_bytes());
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        let digest = mac.finalize().into_bytes();
        for (byte, of_digest) in fingerprint.iter_mut().zip(digest) {
            *byte = of_digest;
        }
        Fingerprint(fingerprint)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{at, record_of};

    #[test]
    fn sec_01_a_fingerprint_tells_values_paths_and_records_apart() {
        let record = record_of(&[]);
        let of =
            |record: &DeviceRecord, path: &str, text: &str| Sealer::of(record).seal(path, text);
        let known = of(&record, "A.B", "c");
        assert_eq!(of(&record, "A.B", "c"), known);
        assert_ne!(of(&record, "A.B", "d"), known);
        assert_ne!(of(&record, "A.", "Bc"), known);
        let mut later = record.clone();
        later.fields.registered = at(1_000);
        assert_ne!(of(&later, "A.B", "c"), known);
        let mut other = record;
        other.key = crate::DeviceKey::new("00D09E", "Box", "other");
        assert_ne!(of(&other, "A.B", "c"), known);
        assert_eq!(format!("{known:?}"), "Fingerprint(…)");
    }

    #[test]
    fn the_fingerprint_is_the_beginning_of_hmac_sha_256() {
        // RFC 4231 has no case with this layout of the message, so this is what OpenSSL says.
        let sealer = Sealer { salt: b"key".to_vec() };
        let hex: String = sealer.seal("A", "b").0.iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(hex, "7ac48cc6ae50e30d495881fedd04dfa6");
    }
}
