//! What both ends of digest authentication share: algorithms, the response, the challenge.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::{Secret, header::Fields};

/// A digest algorithm (RFC 7616 section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Algorithm {
    /// `MD5`, the one every CWMP peer has (`DIG-01`).
    #[default]
    Md5,
    /// `MD5-sess`: the key also depends on the nonces of the session.
    Md5Sess,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Sess,
}

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Md5Sess, Self::Sha256, Self::Sha256Sess];

    /// Finds an algorithm by its name in any case; `None` if it is not one of ours.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// The name as it stands in headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
        }
    }

    /// Whether the key depends on the first nonce and client nonce.
    pub(super) fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess)
    }

    /// The hash of `text` in lower-case hex.
    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 | Self::Md5Sess => hex(&Md5::digest(text)),
            Self::Sha256 | Self::Sha256Sess => hex(&Sha256::digest(text)),
        }
    }
}

/// A digest challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DigestChallenge {
    /// The protection space.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// To be echoed (`DIG-03`).
    pub opaque: Option<String>,
    /// The algorithm; `None` if the challenge named none, which means MD5.
    pub algorithm: Option<Algorithm>,
    /// Whether `qop=auth` is offered; false is the form of RFC 2069 (`DIG-02`).
    pub qop_auth: bool,
    /// The credentials were right, only the nonce was too old (`DIG-04`).
    pub stale: bool,
}

impl DigestChallenge {
    /// `None` if it has no nonce, or offers only an algorithm or a `qop` that we do not have.
    pub(super) fn from_fields(fields: &Fields) -> Option<Self> {
        let algorithm = match fields.find("algorithm") {
            Some(name) => Some(Algorithm::parse(name)?),
            None => None,
        };
        let qop = fields.find("qop").unwrap_or_default();
        let qop_auth = qop.split(',').any(|item| item.trim().eq_ignore_ascii_case("auth"));
        if !qop_auth && !qop.trim().is_empty() {
            return None;
        }
        Some(Self {
            realm: fields.find("realm").unwrap_or_default().to_owned(),
            nonce: fields.find("nonce")?.to_owned(),
            opaque: fields.find("opaque").map(str::to_owned),
            algorithm,
            qop_auth,
            stale: fields.find("stale").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        })
    }

    /// See [`super::Challenge::strength`]; at least 2.
    pub(super) fn strength(&self) -> u8 {
        let algorithm = match self.algorithm.unwrap_or_default() {
            Algorithm::Md5 => 2,
            Algorithm::Md5Sess => 4,
            Algorithm::Sha256 => 6,
            Algorithm::Sha256Sess => 8,
        };
        algorithm | u8::from(self.qop_auth)
    }
}

/// Everything that goes into a response besides user name and password.
#[derive(Debug)]
pub(super) struct ResponseInput<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) realm: &'a str,
    pub(super) nonce: &'a str,
    /// Needed with `qop` and by the session algorithms; empty otherwise.
    pub(super) cnonce: &'a str,
    /// The eight digits, if `qop=auth` is used.
    pub(super) nc: Option<&'a str>,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
}

impl ResponseInput<'_> {
    /// The `response` parameter in lower-case hex (`DIG-01`).
    pub(super) fn response(&self, username: &str, password: &Secret) -> String {
        let Self { algorithm, nonce, cnonce, method, uri, .. } = self;
        let ha1 = self.key(username, password);
        let ha2 = algorithm.hash(&format!("{method}:{uri}"));
        match self.nc {
            Some(nc) => algorithm.hash(&format!("{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")),
            None => algorithm.hash(&format!("{ha1}:{nonce}:{ha2}")),
        }
    }

    fn key(&self, username: &str, password: &Secret) -> String {
        let Self { algorithm, realm, nonce, cnonce, .. } = self;
        let key = algorithm.hash(&format!("{username}:{realm}:{}", password.expose()));
        if algorithm.is_session() {
            algorithm.hash(&format!("{key}:{nonce}:{cnonce}"))
        } else {
            key
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
