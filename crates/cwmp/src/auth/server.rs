//! The end that challenges.

mod nonce;

use std::{fmt, time::Duration};

use super::{
    Credentials, Secret, basic, constant_time_eq,
    digest::{Algorithm, ResponseInput},
    header::{Fields, quoted},
};
use crate::limits::AUTH_HEADER_BYTES_MAX;
use nonce::{NonceState, Nonces};

/// What a [`ServerAuth`] asks for.
#[derive(Clone)]
pub struct ServerAuthConfig {
    /// The protection space; it is part of every digest, so changing it invalidates stored hashes.
    pub realm: String,
    /// The schemes on offer.
    pub scheme: Scheme,
    /// How long a nonce can be used after it was issued.
    pub nonce_lifetime: Duration,
    /// Whether every use of a nonce must carry a new `nc` (`DIG-05`).
    ///
    /// True: what was used before is answered with [`Verdict::Stale`], so that an honest client
    /// gets on with a new nonce while a copied request gets nowhere. False: a nonce may be used in
    /// any way while it lives. That spares devices whose `nc` never advances a second round trip
    /// for each request, at the price that a copied request works until the nonce expires.
    pub strict_nc: bool,
    /// Makes nonces unpredictable. Fresh randomness at each start, because both the times and the
    /// nonces of this server start anew with it.
    pub secret: [u8; 32],
}

impl fmt::Debug for ServerAuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerAuthConfig")
            .field("realm", &self.realm)
            .field("scheme", &self.scheme)
            .field("nonce_lifetime", &self.nonce_lifetime)
            .field("strict_nc", &self.strict_nc)
            .finish_non_exhaustive()
    }
}

/// The authentication schemes that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// Basic only. On TLS only (`AUTH-02`).
    Basic,
    /// Digest with these algorithms, one challenge each, in this order. Old devices look at one
    /// challenge only, so a mixed fleet is best served with [`Algorithm::Md5`] alone.
    Digest(Vec<Algorithm>),
    /// Digest, then basic, for devices that send basic whatever they are asked. On TLS only.
    DigestOrBasic(Vec<Algorithm>),
}

impl Scheme {
    fn digest_algorithms(&self) -> &[Algorithm] {
        match self {
            Self::Basic => &[],
            Self::Digest(algorithms) | Self::DigestOrBasic(algorithms) => algorithms,
        }
    }

    fn has_basic(&self) -> bool {
        matches!(self, Self::Basic | Self::DigestOrBasic(_))
    }
}

/// What a request's credentials are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The user is who he says.
    Accepted {
        /// The user name.
        username: String,
    },
    /// No credentials of a scheme on offer: answer 401 with [`ServerAuth::challenges`].
    Missing,
    /// Right credentials with a nonce that is unknown, expired or used up: answer 401 with
    /// [`ServerAuth::challenges`] and `stale` set (`DIG-04`).
    Stale,
    /// Wrong credentials: answer 401 as for [`Verdict::Missing`], and count it (`SEC-02`).
    Refused {
        /// The user name that was claimed, as far as it could be read.
        username: Option<String>,
        /// What was wrong, for the log. It tells the peer too much to be sent.
        reason: Refusal,
    },
}

/// Why credentials were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The header is not what its scheme prescribes.
    #[error("the Authorization header is malformed: {0}")]
    Malformed(&'static str),
    /// Nobody has that user name.
    #[error("unknown user name")]
    UnknownUser,
    /// The password, or the method it was computed with, is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The digest is for another protection space.
    #[error("the digest is for another realm")]
    WrongRealm,
    /// The digest is for another resource.
    #[error("the digest is for another uri than the one requested")]
    WrongUri,
    /// The digest uses an algorithm that was not offered.
    #[error("the digest uses an algorithm that was not offered")]
    WrongAlgorithm,
}

/// Challenges clients and judges their answers; for an ACS, and for the connection request listener
/// of a CPE (`CR-05`).
///
/// Nonces carry their own proof of origin. They cost no memory until they are used, and are not
/// tied to a connection: a device may answer on another one. Of at most
/// [`AUTH_NONCES_MAX`](crate::limits::AUTH_NONCES_MAX) nonces the use is remembered; when there are
/// more, the oldest become stale, so that forgetting never makes a replay possible.
///
/// `now` is the time since any fixed start, from a clock that never goes back.
#[derive(Debug)]
pub struct ServerAuth {
    realm: String,
    scheme: Scheme,
    strict_nc: bool,
    nonces: Nonces,
}

impl ServerAuth {
    /// A server that has issued no nonce yet.
    pub fn new(config: ServerAuthConfig) -> Self {
        let ServerAuthConfig { realm, scheme, nonce_lifetime, strict_nc, secret } = config;
        let nonces = Nonces::new(secret, &realm, nonce_lifetime);
        Self { realm, scheme, strict_nc, nonces }
    }

    /// The values of the `WWW-Authenticate` headers for a 401, one header each, with a new nonce.
    pub fn challenges(&mut self, now: Duration, stale: bool) -> Vec<String> {
        let realm = quoted(&self.realm);
        let nonce = self.nonces.issue(now);
        let stale = if stale { ", stale=true" } else { "" };
        let digests = self.scheme.digest_algorithms().iter().map(|algorithm| {
            let name = algorithm.as_str();
            format!(
                "Digest realm={realm}, qop=\"auth\", nonce=\"{nonce}\", algorithm={name}{stale}"
            )
        });
        let basic = self.scheme.has_basic().then(|| format!("Basic realm={realm}"));
        digests.chain(basic).collect()
    }

    /// Judges the `Authorization` header of a request with `method` to the request target `uri`.
    ///
    /// `lookup` finds the password of a user. It is called at most once, so credentials of which an
    /// old and a new one are valid (`AUTH-09`) take two calls, of which a refused one leaves no
    /// trace. Credentials of a scheme that is not on offer count as [`Verdict::Missing`]: some
    /// devices send basic unasked and go over to digest when challenged.
    pub fn verify(
        &mut self,
        method: &str,
        uri: &str,
        authorization: Option<&str>,
        now: Duration,
        lookup: impl FnOnce(&str) -> Option<Secret>,
    ) -> Verdict {
        let Some(header) = authorization.map(str::trim).filter(|text| !text.is_empty()) else {
            return Verdict::Missing;
        };
        if header.len() > AUTH_HEADER_BYTES_MAX {
            return refused(None, Refusal::Malformed("it is too long"));
        }
        let (scheme, rest) = split_scheme(header);
        if scheme.eq_ignore_ascii_case("basic") && self.scheme.has_basic() {
            verify_basic(rest, lookup)
        } else if scheme.eq_ignore_ascii_case("digest")
            && !self.scheme.digest_algorithms().is_empty()
        {
            self.verify_digest(method, uri, header, now, lookup)
        } else {
            Verdict::Missing
        }
    }

    fn verify_digest(
        &mut self,
        method: &str,
        uri: &str,
        header: &str,
        now: Duration,
        lookup: impl FnOnce(&str) -> Option<Secret>,
    ) -> Verdict {
        let fields = Fields::all(header).into_iter().next().unwrap_or_default();
        let Some(username) = username(&fields) else {
            return refused(None, Refusal::Malformed("username is missing"));
        };
        match self.check_digest(&fields, &username, method, uri, lookup) {
            Err(reason) => refused(Some(username), reason),
            Ok(answer) if self.nonce_is_good(&answer, now) => Verdict::Accepted { username },
            Ok(_) => Verdict::Stale,
        }
    }

    /// Everything but the nonce, which is judged last: only a client that knows the password gets
    /// to hear that its nonce is stale, and only its nonces take up memory.
    fn check_digest<'a>(
        &self,
        fields: &'a Fields,
        username: &str,
        method: &str,
        target: &str,
        lookup: impl FnOnce(&str) -> Option<Secret>,
    ) -> Result<DigestAnswer<'a>, Refusal> {
        let answer = DigestAnswer::from_fields(fields)?;
        if !self.scheme.digest_algorithms().contains(&answer.algorithm) {
            return Err(Refusal::WrongAlgorithm);
        }
        if answer.realm != self.realm {
            return Err(Refusal::WrongRealm);
        }
        if path_of(answer.uri) != path_of(target) {
            return Err(Refusal::WrongUri);
        }
        let password = lookup(username);
        // Computed for an unknown user as well, whose existence the time should not tell.
        let expected =
            answer.input(method).response(username, &password.clone().unwrap_or_default());
        let given = answer.response.to_ascii_lowercase();
        let equal = constant_time_eq(expected.as_bytes(), given.as_bytes());
        match password {
            None => Err(Refusal::UnknownUser),
            Some(_) if !equal => Err(Refusal::WrongPassword),
            Some(_) => Ok(answer),
        }
    }

    fn nonce_is_good(&mut self, answer: &DigestAnswer<'_>, now: Duration) -> bool {
        match self.nonces.check(answer.nonce, now) {
            NonceState::Good(_) if !self.strict_nc => true,
            NonceState::Good(key) => self.nonces.first_use(key, answer.nc_value, now),
            NonceState::Unknown | NonceState::Expired => false,
        }
    }
}

/// The user name that an `Authorization` header claims, unproven: for a caller who must fetch the
/// password before it can call [`ServerAuth::verify`].
pub fn claimed_username(authorization: &str) -> Option<String> {
    let header = authorization.trim();
    if header.len() > AUTH_HEADER_BYTES_MAX {
        return None;
    }
    let (scheme, rest) = split_scheme(header);
    if scheme.eq_ignore_ascii_case("basic") {
        basic::read(rest).map(|credentials| credentials.username)
    } else if scheme.eq_ignore_ascii_case("digest") {
        Fields::all(header).first().and_then(username)
    } else {
        None
    }
}

/// User name and password of an `Authorization` header with basic credentials. `None` for another
/// scheme, and for what is not as basic prescribes.
pub fn basic_credentials(authorization: &str) -> Option<Credentials> {
    let header = authorization.trim();
    let (scheme, rest) = split_scheme(header);
    let is_basic = header.len() <= AUTH_HEADER_BYTES_MAX && scheme.eq_ignore_ascii_case("basic");
    is_basic.then(|| basic::read(rest)).flatten()
}

/// The parameters of a digest answer.
#[derive(Debug)]
struct DigestAnswer<'a> {
    algorithm: Algorithm,
    realm: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    cnonce: &'a str,
    /// Present with `qop=auth`; hashed as it was written.
    nc: Option<&'a str>,
    /// The form without `qop` has no counter: each nonce is good for one request.
    nc_value: u32,
}

impl<'a> DigestAnswer<'a> {
    fn from_fields(fields: &'a Fields) -> Result<Self, Refusal> {
        let need = |name, problem| fields.find(name).ok_or(Refusal::Malformed(problem));
        let algorithm = match fields.find("algorithm") {
            Some(name) => Algorithm::parse(name).ok_or(Refusal::WrongAlgorithm)?,
            None => Algorithm::default(),
        };
        let (nc, nc_value) = read_nc(fields)?;
        let cnonce = match fields.find("cnonce") {
            None if nc.is_some() || algorithm.is_session() => {
                return Err(Refusal::Malformed("cnonce is missing"));
            }
            cnonce => cnonce.unwrap_or_default(),
        };
        Ok(Self {
            algorithm,
            realm: need("realm", "realm is missing")?,
            nonce: need("nonce", "nonce is missing")?,
            uri: need("uri", "uri is missing")?,
            response: need("response", "response is missing")?,
            cnonce,
            nc,
            nc_value,
        })
    }

    fn input(&self, method: &'a str) -> ResponseInput<'a> {
        let Self { algorithm, realm, nonce, uri, cnonce, nc, .. } = *self;
        ResponseInput { algorithm, realm, nonce, cnonce, nc, method, uri }
    }
}

/// `nc` as written and as a number; without `qop` there is none, which counts as 1.
fn read_nc(fields: &Fields) -> Result<(Option<&str>, u32), Refusal> {
    match fields.find("qop") {
        None | Some("") => Ok((None, 1)),
        Some(qop) if qop.eq_ignore_ascii_case("auth") => {
            let nc = fields.find("nc").ok_or(Refusal::Malformed("nc is missing"))?;
            let is_hex = nc.len() <= 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit());
            let value = is_hex.then(|| u32::from_str_radix(nc, 16).ok()).flatten();
            Ok((Some(nc), value.ok_or(Refusal::Malformed("nc is not a number of 8 hex digits"))?))
        }
        Some(_) => Err(Refusal::Malformed("qop is not auth")),
    }
}

fn verify_basic(token: &str, lookup: impl FnOnce(&str) -> Option<Secret>) -> Verdict {
    let Some(given) = basic::read(token) else {
        return refused(None, Refusal::Malformed("it is not base64 of a user name and a password"));
    };
    let password = lookup(&given.username);
    let equal = *given.password() == password.clone().unwrap_or_default();
    match password {
        None => refused(Some(given.username), Refusal::UnknownUser),
        Some(_) if !equal => refused(Some(given.username), Refusal::WrongPassword),
        Some(_) => Verdict::Accepted { username: given.username },
    }
}

/// `username`, or the extended notation of RFC 7616 section 3.4 for UTF-8.
fn username(fields: &Fields) -> Option<String> {
    let extended = || fields.find("username*").and_then(decode_extended);
    fields.find("username").map(str::to_owned).or_else(extended)
}

/// Decodes `UTF-8''J%C3%A4s%C3%B8n`; `None` for another character set or bad encoding.
fn decode_extended(text: &str) -> Option<String> {
    let mut parts = text.splitn(3, '\'');
    let charset = parts.next()?;
    let encoded = parts.nth(1)?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex_pair(rest.next()?, rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from((digit(high)? << 4) | digit(low)?).ok()
}

/// Path and query of a request target or an absolute URL, which some clients put into `uri`
/// (`LEN-12`).
fn path_of(uri: &str) -> &str {
    let Some((_, rest)) = uri.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else {
        return uri;
    };
    match rest.find(['/', '?']) {
        Some(start) => rest.get(start..).unwrap_or("/"),
        None => "/",
    }
}

fn split_scheme(header: &str) -> (&str, &str) {
    header.split_once([' ', '\t', '\r', '\n']).unwrap_or((header, ""))
}

fn refused(username: Option<String>, reason: Refusal) -> Verdict {
    Verdict::Refused { username, reason }
}
