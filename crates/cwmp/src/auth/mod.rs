//! HTTP basic and digest authentication for both roles, without I/O (TR-069a6 §3.4.4, §3.4.5).
//!
//! [`ClientAuth`] answers the challenges of an ACS (as a CPE) or of a CPE's connection request
//! listener (as an ACS). [`ServerAuth`] is the other end of both. Digest follows RFC 2617 and the
//! parts of RFC 7616 that CWMP peers use: MD5, SHA-256 and their session variants, `qop=auth` or
//! the older form without `qop` (`DIG-01`, `DIG-02`).
//!
//! Header values are passed as text without the header name. Non-ASCII user names travel as UTF-8,
//! so a caller should decode header bytes as UTF-8 and not insist on ASCII.

mod basic;
mod client;
mod digest;
mod header;
mod server;

use std::fmt;

pub use client::{ChallengeOutcome, ClientAuth, ClientAuthError};
pub use digest::{Algorithm, DigestChallenge};
pub use server::{
    Refusal, Scheme, ServerAuth, ServerAuthConfig, Verdict, basic_credentials, claimed_username,
};

use crate::limits::{AUTH_CHALLENGES_MAX, AUTH_HEADER_BYTES_MAX};

/// Text that must not appear in logs, errors or debug output (`SEC-01`).
///
/// Comparing two secrets takes the same time wherever they differ (`SEC-02`).
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A user name with its password. The password never shows in debug output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The user name, as sent.
    pub username: String,
    password: Secret,
}

impl Credentials {
    /// Joins a user name and a password.
    pub fn new(username: impl Into<String>, password: Secret) -> Self {
        Self { username: username.into(), password }
    }

    /// The password.
    pub fn password(&self) -> &Secret {
        &self.password
    }
}

/// A challenge that this crate can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Basic authentication: the password goes over the wire.
    Basic {
        /// The protection space; empty if the server named none.
        realm: String,
    },
    /// Digest authentication.
    Digest(DigestChallenge),
}

impl Challenge {
    /// How much an answer to it protects, for `DIG-07`: any digest before basic, SHA-256 before
    /// MD5, with `qop` before without.
    fn strength(&self) -> u8 {
        match self {
            Self::Basic { .. } => 0,
            Self::Digest(challenge) => challenge.strength(),
        }
    }
}

/// Reads the values of all `WWW-Authenticate` headers of one response, in their order.
///
/// Each value may hold several challenges, quoted or unquoted parameters, quoted pairs and folded
/// lines (`DIG-06`, `DIG-07`). Challenges that cannot be answered (another scheme, algorithm or
/// `qop`, a digest without nonce) are left out, as is any value longer than
/// [`AUTH_HEADER_BYTES_MAX`]; at most [`AUTH_CHALLENGES_MAX`] are read.
pub fn parse_challenges<'a>(headers: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    headers
        .into_iter()
        .filter(|value| value.len() <= AUTH_HEADER_BYTES_MAX)
        .flat_map(header::Fields::all)
        .take(AUTH_CHALLENGES_MAX)
        .filter_map(|fields| challenge_from(&fields))
        .collect()
}

fn challenge_from(fields: &header::Fields) -> Option<Challenge> {
    if fields.is_scheme("Basic") {
        let realm = fields.find("realm").unwrap_or_default().to_owned();
        Some(Challenge::Basic { realm })
    } else if fields.is_scheme("Digest") {
        DigestChallenge::from_fields(fields).map(Challenge::Digest)
    } else {
        None
    }
}

/// Compares without telling by the time it takes where the difference lies; lengths are no secret.
pub(crate) fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests;
