//! What a device brings to prove who it is.

use std::fmt;

use drover_cwmp::auth::{Credentials, Secret, Verdict, basic_credentials, claimed_username};

/// What a password makes of what a device has presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It is the right one.
    Right,
    /// It is, but the nonce is used up.
    Stale,
    /// It is not.
    Wrong,
}

/// What the `Authorization` header of a request brings. Debug output shows no password.
pub struct Presented<'a> {
    kind: Kind<'a>,
    /// The password that has proved to be right: a nonce is good only once.
    proved: Option<Secret>,
    is_stale: bool,
}

enum Kind<'a> {
    Nothing,
    Basic(Credentials),
    Digest { username: String, check: Box<dyn FnMut(&Secret) -> Check + 'a> },
}

impl<'a> Presented<'a> {
    /// Nothing that could be judged.
    pub const fn nothing() -> Self {
        Self::of(Kind::Nothing)
    }

    /// A password as it is.
    pub const fn basic(credentials: Credentials) -> Self {
        Self::of(Kind::Basic(credentials))
    }

    /// The digest of a user's password. `check` compares it with that of another password, and is
    /// not called again for one that was right.
    pub fn digest(username: String, check: impl FnMut(&Secret) -> Check + 'a) -> Self {
        Self::of(Kind::Digest { username, check: Box::new(check) })
    }

    /// What a header brings. A header that cannot be read counts as nothing, and so does basic
    /// where it is not on offer (`AUTH-02`).
    ///
    /// ```
    /// use std::time::Duration;
    /// use drover_cwmp::auth::{ServerAuth, ServerAuthConfig};
    /// use drover_provision::authentication::Presented;
    ///
    /// fn presented<'a>(
    ///     auth: &'a mut ServerAuth,
    ///     authorization: Option<&'a str>,
    ///     now: Duration,
    /// ) -> Presented<'a> {
    ///     let offers_basic = false;
    ///     Presented::from_header(authorization, offers_basic, move |password| {
    ///         let password = password.clone();
    ///         auth.verify("POST", "/", authorization, now, |_| Some(password)).into()
    ///     })
    /// }
    /// ```
    pub fn from_header(
        authorization: Option<&str>,
        offers_basic: bool,
        check: impl FnMut(&Secret) -> Check + 'a,
    ) -> Self {
        let Some(authorization) = authorization else { return Self::nothing() };
        if let Some(credentials) = basic_credentials(authorization) {
            return if offers_basic { Self::basic(credentials) } else { Self::nothing() };
        }
        let is_digest = authorization
            .trim()
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("digest"));
        match claimed_username(authorization).filter(|_| is_digest) {
            Some(username) => Self::digest(username, check),
            None => Self::nothing(),
        }
    }

    const fn of(kind: Kind<'a>) -> Self {
        Self { kind, proved: None, is_stale: false }
    }

    /// The user that the device says it is.
    pub fn username(&self) -> Option<&str> {
        match &self.kind {
            Kind::Nothing => None,
            Kind::Basic(credentials) => Some(&credentials.username),
            Kind::Digest { username, .. } => Some(username),
        }
    }

    /// The password, where it came as it is.
    pub(super) fn password(&self) -> Option<&Secret> {
        match &self.kind {
            Kind::Basic(credentials) => Some(credentials.password()),
            Kind::Nothing | Kind::Digest { .. } => None,
        }
    }

    /// Whether a password was right but for the nonce.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale
    }

    pub(super) fn proves(&mut self, credentials: &Credentials) -> bool {
        self.is_right(&credentials.username, credentials.password())
    }

    pub(super) fn is_right(&mut self, user: &str, password: &Secret) -> bool {
        match &mut self.kind {
            Kind::Nothing => false,
            Kind::Basic(basic) => basic.username == user && basic.password() == password,
            Kind::Digest { username, .. } if username != user => false,
            Kind::Digest { .. } if self.proved.as_ref() == Some(password) => true,
            Kind::Digest { check, .. } => {
                let result = check(password);
                self.is_stale |= result == Check::Stale;
                if result == Check::Right {
                    self.proved = Some(password.clone());
                }
                result == Check::Right
            }
        }
    }
}

impl From<Verdict> for Check {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted { .. } => Self::Right,
            Verdict::Stale => Self::Stale,
            Verdict::Missing | Verdict::Refused { .. } => Self::Wrong,
        }
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Nothing => "nothing",
            Kind::Basic(_) => "basic",
            Kind::Digest { .. } => "digest",
        };
        f.debug_struct("Presented")
            .field("scheme", &scheme)
            .field("username", &self.username())
            .finish_non_exhaustive()
    }
}
