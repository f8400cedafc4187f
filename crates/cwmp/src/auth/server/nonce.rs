//! Nonces that prove their own origin, and the memory of which were used.

use std::{collections::BTreeMap, fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{auth::constant_time_eq, limits::AUTH_NONCES_MAX};

/// Bytes of each of the two numbers at the start of a nonce.
const NUMBER_BYTES: usize = 6;
/// Bytes of the proof at its end.
const PROOF_BYTES: usize = 12;
/// The largest number that fits into [`NUMBER_BYTES`].
const NUMBER_MAX: u64 = (1 << 48) - 1;

/// When a nonce was issued, in milliseconds, and which one it was: unique, and in order of issue.
pub(super) type NonceKey = (u64, u64);

/// Issues nonces and recognises them.
///
/// A nonce is the base64 of time, serial number and a keyed hash over both: 32 characters, as
/// embedded clients have small buffers.
pub(super) struct Nonces {
    secret: [u8; 32],
    realm: String,
    lifetime: Duration,
    issued: u64,
    used: BTreeMap<NonceKey, Uses>,
    /// Nonces up to this one that are not in `used` were forgotten, and are no longer good.
    floor: Option<NonceKey>,
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Nonces");
        debug.field("issued", &self.issued).field("used", &self.used.len()).finish_non_exhaustive()
    }
}

/// What is known of a nonce without looking at its counter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NonceState {
    /// Issued here and young enough.
    Good(NonceKey),
    /// Issued here, too long ago.
    Expired,
    /// Not from here.
    Unknown,
}

impl Nonces {
    pub(super) fn new(secret: [u8; 32], realm: &str, lifetime: Duration) -> Self {
        let realm = realm.to_owned();
        Self { secret, realm, lifetime, issued: 0, used: BTreeMap::new(), floor: None }
    }

    /// A nonce that was never issued before.
    pub(super) fn issue(&mut self, now: Duration) -> String {
        self.issued = self.issued.wrapping_add(1) & NUMBER_MAX;
        let time = millis(now);
        let proof = self.proof(time, self.issued);
        let mut bytes = Vec::with_capacity(NUMBER_BYTES * 2 + PROOF_BYTES);
        bytes.extend(six_bytes(time));
        bytes.extend(six_bytes(self.issued));
        bytes.extend(proof);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Judges origin and age.
    pub(super) fn check(&self, nonce: &str, now: Duration) -> NonceState {
        let Some((time, serial)) = self.open(nonce) else {
            return NonceState::Unknown;
        };
        if millis(now).saturating_sub(time) > millis(self.lifetime) {
            return NonceState::Expired;
        }
        NonceState::Good((time, serial))
    }

    /// Notes the use of a good nonce with `nc`; false if it was used like that before, or if it is
    /// too long ago to know.
    pub(super) fn first_use(&mut self, key: NonceKey, nc: u32, now: Duration) -> bool {
        self.forget_expired(now);
        if let Some(uses) = self.used.get_mut(&key) {
            return uses.first_use(nc);
        }
        if self.floor.is_some_and(|floor| key <= floor) {
            return false;
        }
        let mut uses = Uses::default();
        let first = uses.first_use(nc);
        self.used.insert(key, uses);
        if self.used.len() > AUTH_NONCES_MAX {
            self.floor = self.used.pop_first().map(|(oldest, _)| oldest);
        }
        // It may have been the newcomer itself that was the oldest; then this use was its last.
        first
    }

    /// Expired nonces are refused by their age, so their use need not be remembered.
    fn forget_expired(&mut self, now: Duration) {
        let oldest_good = millis(now).saturating_sub(millis(self.lifetime));
        while self.used.first_key_value().is_some_and(|((time, _), _)| *time < oldest_good) {
            self.used.pop_first();
        }
    }

    /// Time and serial number of a nonce that was issued here.
    fn open(&self, nonce: &str) -> Option<NonceKey> {
        let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (time, rest) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        let (serial, proof) = rest.split_first_chunk::<NUMBER_BYTES>()?;
        let key = (number(*time), number(*serial));
        constant_time_eq(&self.proof(key.0, key.1), proof).then_some(key)
    }

    fn proof(&self, time: u64, serial: u64) -> [u8; PROOF_BYTES] {
        // A key shorter than a block of the hash is padded with zeros (RFC 2104 section 2).
        let mut key = [0; 64];
        key.iter_mut().zip(self.secret).for_each(|(to, from)| *to = from);
        let mut mac = Hmac::<Sha256>::new(&key.into());
        mac.update(&time.to_be_bytes());
        mac.update(&serial.to_be_bytes());
        mac.update(self.realm.as_bytes());
        let full = mac.finalize().into_bytes();
        let mut proof = [0; PROOF_BYTES];
        proof.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        proof
    }
}

/// Which counter values of one nonce were used: the highest, and of the 63 below it, each.
/// Lower ones count as used.
#[derive(Debug, Default)]
struct Uses {
    highest: u32,
    /// Bit n: `highest - n` was used.
    window: u64,
}

impl Uses {
    fn first_use(&mut self, nc: u32) -> bool {
        if nc > self.highest {
            let ahead = nc.saturating_sub(self.highest);
            self.window = self.window.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = nc;
            return true;
        }
        let behind = self.highest.saturating_sub(nc);
        let bit = 1_u64.checked_shl(behind).unwrap_or(0);
        let first = nc > 0 && bit != 0 && self.window & bit == 0;
        self.window |= bit;
        first
    }
}

/// Milliseconds, at most what a nonce can carry (about 8,900 years).
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NUMBER_MAX).min(NUMBER_MAX)
}

fn six_bytes(number: u64) -> [u8; NUMBER_BYTES] {
    let [_, _, low @ ..] = number.to_be_bytes();
    low
}

fn number(bytes: [u8; NUMBER_BYTES]) -> u64 {
    bytes.into_iter().fold(0, |sum, byte| (sum << 8) | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    fn nonces() -> Nonces {
        Nonces::new([7; 32], "acs", LIFETIME)
    }

    fn good(nonces: &Nonces, nonce: &str, now: Duration) -> NonceKey {
        match nonces.check(nonce, now) {
            NonceState::Good(key) => key,
            other => panic!("expected a good nonce, found {other:?}"),
        }
    }

    #[test]
    fn a_nonce_is_good_until_its_lifetime_ends() {
        let mut nonces = nonces();
        let issued = Duration::from_millis(1_234);
        let nonce = nonces.issue(issued);
        assert_eq!(nonce.len(), 32);
        assert_eq!(good(&nonces, &nonce, issued + LIFETIME), (1_234, 1));
        let later = issued + LIFETIME + Duration::from_millis(1);
        assert_eq!(nonces.check(&nonce, later), NonceState::Expired);
    }

    #[test]
    fn a_nonce_of_another_server_or_realm_or_with_a_changed_character_is_unknown() {
        let now = Duration::ZERO;
        let nonce = nonces().issue(now);
        assert_eq!(Nonces::new([8; 32], "acs", LIFETIME).check(&nonce, now), NonceState::Unknown);
        assert_eq!(Nonces::new([7; 32], "cpe", LIFETIME).check(&nonce, now), NonceState::Unknown);
        for index in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(nonces().check(&changed, now), NonceState::Unknown, "{index}");
        }
        for text in ["", "A", &nonce[..28], &format!("{nonce}AAAA")] {
            assert_eq!(nonces().check(text, now), NonceState::Unknown, "{text}");
        }
    }

    #[test]
    fn each_counter_value_is_good_once_in_any_order_within_the_window() {
        let mut uses = Uses::default();
        assert!(!uses.first_use(0), "nc starts at 1");
        for nc in [1, 2, 5, 3, 4, 70, 8, 7, u32::MAX, u32::MAX - 63] {
            assert!(uses.first_use(nc), "{nc} first");
            assert!(!uses.first_use(nc), "{nc} again");
        }
        for nc in [6, 69, u32::MAX - 64] {
            assert!(!uses.first_use(nc), "{nc} is below the window");
        }
    }

    #[test]
    fn used_nonces_are_bounded_and_the_forgotten_ones_are_no_longer_good() {
        let mut nonces = nonces();
        let now = Duration::ZERO;
        for serial in 1..=AUTH_NONCES_MAX as u64 {
            assert!(nonces.first_use((0, serial), 1, now));
        }
        assert!(nonces.first_use((0, 1), 2, now), "at the limit all are remembered");
        assert!(nonces.first_use((0, AUTH_NONCES_MAX as u64 + 1), 1, now));
        assert_eq!(nonces.used.len(), AUTH_NONCES_MAX);
        assert!(!nonces.first_use((0, 1), 3, now), "forgotten beyond the limit");
        assert!(nonces.first_use((0, 2), 2, now), "still remembered");
        assert!(!nonces.first_use((0, 2), 2, now), "and so is its use");
    }

    #[test]
    fn expired_nonces_leave_the_memory() {
        let mut nonces = nonces();
        assert!(nonces.first_use((0, 1), 1, Duration::ZERO));
        assert!(nonces.first_use((60_001, 2), 1, LIFETIME + Duration::from_millis(1)));
        assert_eq!(nonces.used.keys().copied().collect::<Vec<_>>(), [(60_001, 2)]);
    }
}
