//! The end that is challenged.

use std::fmt::Write as _;

use super::{
    Challenge, Credentials, DigestChallenge, basic,
    digest::ResponseInput,
    header::{is_header_safe, quoted},
    parse_challenges,
};
use crate::limits::CHALLENGES_MAX;

/// Answers HTTP authentication challenges with one set of credentials.
///
/// For every request ask [`authorization`](Self::authorization) for the header to send. Then report
/// what came back: a 401 to [`handle_challenge`](Self::handle_challenge), any other answer to
/// [`handle_success`](Self::handle_success). After the first challenge the header goes with every
/// request unasked (`AUTH-06`).
#[derive(Debug, Clone)]
pub struct ClientAuth {
    credentials: Credentials,
    allow_basic: bool,
    scheme: Option<ClientScheme>,
    /// An answer to a challenge is on its way and has not been accepted yet.
    answering: bool,
    /// Challenges since the last accepted request.
    challenges: u32,
}

#[derive(Debug, Clone)]
enum ClientScheme {
    Basic,
    Digest(Box<DigestState>),
}

#[derive(Debug, Clone)]
struct DigestState {
    challenge: DigestChallenge,
    /// Requests sent with this nonce (`DIG-03`).
    nc: u32,
    /// The client nonce that the key of a session algorithm was made with.
    session_cnonce: Option<String>,
}

/// What to do after a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ChallengeOutcome {
    /// Send the same request again with a new [`ClientAuth::authorization`].
    Answer,
    /// Give up: authentication failed (`AUTH-07`).
    Failed(ClientAuthError),
}

/// Why a challenge is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientAuthError {
    /// The server refused the credentials (`AUTH-07`).
    #[error("the server refused the credentials; check user name and password")]
    Rejected,
    /// The server goes on calling nonces stale.
    #[error("the server asked {CHALLENGES_MAX} times for other credentials for one request")]
    TooManyChallenges,
    /// There is no challenge, or none that this crate can answer.
    #[error(
        "the server offers no authentication that is supported; it must offer digest with MD5 or \
         SHA-256 and qop auth or none, or basic"
    )]
    Unsupported,
    /// Only basic was offered, and policy forbids it (`AUTH-02`).
    #[error("the server offers only basic authentication, which is not allowed here")]
    BasicNotAllowed,
    /// The user name cannot be sent with the scheme.
    #[error("the user name cannot be sent: it holds a control character, or a colon with basic")]
    UnusableUsername,
}

impl ClientAuth {
    /// Starts without any knowledge of the server. `allow_basic` says whether a challenge for basic
    /// may be answered, which exposes the password to whoever reads the line (`AUTH-02`).
    pub fn new(credentials: Credentials, allow_basic: bool) -> Self {
        Self { credentials, allow_basic, scheme: None, answering: false, challenges: 0 }
    }

    /// Takes in the `WWW-Authenticate` values of a 401.
    ///
    /// The strongest challenge is chosen (`DIG-07`). A 401 to an answer to a challenge means that
    /// the credentials are wrong, unless it says `stale=true` (`AUTH-07`, `DIG-04`); a 401 to
    /// credentials sent unasked is a new question (`AUTH-10`).
    pub fn handle_challenge(&mut self, www_authenticate: &[&str]) -> ChallengeOutcome {
        match self.choose(www_authenticate) {
            Ok(scheme) => {
                self.scheme = Some(scheme);
                self.answering = true;
                ChallengeOutcome::Answer
            }
            Err(error) => {
                self.reset();
                ChallengeOutcome::Failed(error)
            }
        }
    }

    /// The server answered with something else than 401: it accepted what was sent.
    pub fn handle_success(&mut self) {
        self.answering = false;
        self.challenges = 0;
    }

    /// Forgets the server, for another host or a new session (`HTTP-15`). The credentials stay.
    pub fn reset(&mut self) {
        self.scheme = None;
        self.handle_success();
    }

    /// Whether the next request carries credentials.
    pub fn is_challenged(&self) -> bool {
        self.scheme.is_some()
    }

    /// The value of the `Authorization` header for the next request to `uri` (the request target).
    ///
    /// `cnonce` is fresh randomness in printable characters, for instance 16 hex digits. `None`
    /// before the first challenge (`AUTH-03`), if `uri` or `cnonce` holds control characters, or
    /// after 2³² - 1 requests with one nonce, when the server has to challenge again.
    pub fn authorization(&mut self, method: &str, uri: &str, cnonce: &str) -> Option<String> {
        if !is_header_safe(uri) || !is_header_safe(cnonce) {
            return None;
        }
        match self.scheme.as_mut()? {
            ClientScheme::Basic => Some(basic::write(&self.credentials)),
            ClientScheme::Digest(state) => {
                state.authorization(&self.credentials, method, uri, cnonce)
            }
        }
    }

    fn choose(&mut self, www_authenticate: &[&str]) -> Result<ClientScheme, ClientAuthError> {
        let challenges = parse_challenges(www_authenticate.iter().copied());
        let strongest = strongest(challenges).ok_or(ClientAuthError::Unsupported)?;
        let stale = matches!(&strongest, Challenge::Digest(challenge) if challenge.stale);
        if self.answering && !stale {
            return Err(ClientAuthError::Rejected);
        }
        if self.challenges >= CHALLENGES_MAX {
            return Err(ClientAuthError::TooManyChallenges);
        }
        self.challenges = self.challenges.saturating_add(1);
        self.scheme_for(strongest)
    }

    fn scheme_for(&self, challenge: Challenge) -> Result<ClientScheme, ClientAuthError> {
        let username = &self.credentials.username;
        match challenge {
            _ if !is_header_safe(username) => Err(ClientAuthError::UnusableUsername),
            Challenge::Digest(challenge) => {
                let state = DigestState { challenge, nc: 0, session_cnonce: None };
                Ok(ClientScheme::Digest(Box::new(state)))
            }
            Challenge::Basic { .. } if !self.allow_basic => Err(ClientAuthError::BasicNotAllowed),
            Challenge::Basic { .. } if username.contains(':') => {
                Err(ClientAuthError::UnusableUsername)
            }
            Challenge::Basic { .. } => Ok(ClientScheme::Basic),
        }
    }
}

/// The first of the strongest challenges, without those that would break a header when echoed.
fn strongest(challenges: Vec<Challenge>) -> Option<Challenge> {
    let usable = challenges.into_iter().filter(|challenge| match challenge {
        Challenge::Basic { .. } => true,
        Challenge::Digest(DigestChallenge { realm, nonce, opaque, .. }) => {
            [realm, nonce].into_iter().chain(opaque).all(|text| is_header_safe(text))
        }
    });
    usable.reduce(|best, next| if next.strength() > best.strength() { next } else { best })
}

impl DigestState {
    fn authorization(
        &mut self,
        credentials: &Credentials,
        method: &str,
        uri: &str,
        cnonce: &str,
    ) -> Option<String> {
        self.nc = self.nc.checked_add(1)?;
        let nc = format!("{:08x}", self.nc);
        let algorithm = self.challenge.algorithm.unwrap_or_default();
        // One client nonce for the life of the nonce: servers disagree on whether the key of a
        // session algorithm uses the first or the present one.
        let cnonce = if algorithm.is_session() {
            self.session_cnonce.get_or_insert_with(|| cnonce.to_owned()).as_str()
        } else {
            cnonce
        };
        let input = ResponseInput {
            algorithm,
            realm: &self.challenge.realm,
            nonce: &self.challenge.nonce,
            cnonce,
            nc: self.challenge.qop_auth.then_some(nc.as_str()),
            method,
            uri,
        };
        let response = input.response(&credentials.username, credentials.password());
        Some(self.challenge.header(&credentials.username, &input, &response))
    }
}

impl DigestChallenge {
    /// The header in the quoting of `DIG-06`.
    fn header(&self, username: &str, input: &ResponseInput<'_>, response: &str) -> String {
        let mut header = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(username),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(input.uri),
        );
        // Writing to a String cannot fail.
        if let Some(algorithm) = self.algorithm {
            let _ = write!(header, ", algorithm={}", algorithm.as_str());
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(header, ", opaque={}", quoted(opaque));
        }
        if let Some(nc) = input.nc {
            let _ = write!(header, ", qop=auth, nc={nc}");
        }
        if input.nc.is_some() || input.algorithm.is_session() {
            let _ = write!(header, ", cnonce={}", quoted(input.cnonce));
        }
        header
    }
}
