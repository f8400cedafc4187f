//! Device authentication: who a device is allowed to be, and how a new one gets its own password.
//!
//! A shell asks once for each Inform outside of a session, after it has read the Inform and loaded
//! the device, and before anything of the Inform is processed (`AUTH-05`). It brings what the
//! device [`Presented`] and the [`Claim`] of the Inform; the [`Decision`] says what to do. The
//! [`Policy`] is one of three:
//!
//! - **Open**: everybody may come in.
//! - **An expression**, as in GenieACS's `cwmp.auth` (compat 2.12, 4.4), such as
//!   `AUTH(DeviceID.ID, 'secret')`: who makes it true may come in.
//! - **Credentials** that the server knows: each device's own, fixed users, and onboarding secrets.
//!   A batch of devices leaves the factory with one secret. A device that comes with it for the
//!   first time gets a unique user name and password ([`Decision::Onboard`]), and as soon as it has
//!   used them the shared secret is worth nothing for it. Until then both are valid, since an
//!   answer can be lost on its way (`AUTH-09`). To replace a device's own password works alike.
//!
//! A user may only be the device that it belongs to (`AUTH-08`): own credentials are looked up by
//! the identity that the device claims, and a certificate proves one identity.
//!
//! Wrong passwords slow down whoever sends them (`SEC-02`): by device and by address, for longer
//! each time, and never for good. A device is not kept out by what others try elsewhere in its
//! name, nor, at the address from which it last came, by what its neighbours try there.

mod context;
mod presented;
#[cfg(test)]
mod tests;
mod throttle;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use drover_cwmp::auth::{Credentials, Secret};
use jiff::Timestamp;

pub use context::{ExtensionAnswers, ExtensionCall};
pub use presented::{Check, Presented};
pub use throttle::ThrottleConfig;

use crate::expression::{Context, Expression};
use crate::key::DeviceKey;
use crate::limits::{USERNAME_CHARS_MAX, USERNAME_KEY_CHARS};
use crate::record::Identity;
use context::AuthContext;
use throttle::{Source, Throttle};

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// What a device that brings no certificate of its own must prove.
    pub rule: Rule,
    /// Subjects of certificates that a whole group of devices shares. They prove no identity, so
    /// that HTTP still has to (`TLS-07`).
    pub shared_certificates: Vec<String>,
    /// How wrong passwords are slowed down.
    pub throttle: ThrottleConfig,
}

/// What a device must prove. Debug output shows no passwords, and no expression, as it may hold
/// one.
#[derive(Clone, Default)]
pub enum Rule {
    /// Nothing, which is also what GenieACS does without `cwmp.auth`.
    #[default]
    Open,
    /// That this is true.
    Expression(Expression),
    /// That it knows a password which the server knows.
    Credentials(KnownCredentials),
}

/// Credentials that let devices in besides their own.
#[derive(Debug, Clone, Default)]
pub struct KnownCredentials {
    /// Fixed users.
    pub users: Vec<User>,
    /// Secrets with which devices come for the first time.
    pub onboarding: Vec<OnboardingSecret>,
    /// Whether a device that has credentials of its own, and says that it was reset to factory
    /// defaults (`0 BOOTSTRAP`), may come with an onboarding secret again. Without it an operator
    /// has to forget the device's credentials first; with it, whoever knows the shared secret can
    /// take the place of any device for which it applies.
    pub again_after_reset: bool,
}

/// A user that is fixed by configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User name and password.
    pub credentials: Credentials,
    /// The only device that this user may be; any without one.
    pub device: Option<DeviceKey>,
}

/// A secret that a batch of devices has from the factory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnboardingSecret {
    /// User name and password of the whole batch. An empty user name stands for each device's key
    /// (`ID-04`).
    pub credentials: Credentials,
    /// The organisation whose devices may use it, as in their identity; any without one.
    pub oui: Option<String>,
    /// The product that may use it; any without one.
    pub product_class: Option<String>,
    /// When it ends; never without one.
    pub until: Option<Timestamp>,
}

/// The credentials that belong to one device, kept by the store. Debug output shows no passwords.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceCredentials {
    /// Those that the device has used.
    pub current: Option<Credentials>,
    /// Those that it is to use from its next session on, and has not used yet.
    pub next: Option<Credentials>,
    /// From where the device last proved who it is.
    pub home: Option<IpAddr>,
}

/// What has let a device in, for its session to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The decision, [`Decision::Accept`] or [`Decision::Onboard`].
    pub decision: Decision,
    /// Where the device comes from.
    pub address: IpAddr,
}

/// Who a device says it is, and what is known of that device.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The DeviceId of its Inform.
    pub identity: &'a Identity,
    /// Whether the Inform has the event `0 BOOTSTRAP`.
    pub is_bootstrap: bool,
    /// The common name of its certificate, when the shell has verified one.
    pub certificate: Option<&'a str>,
    /// Where it comes from.
    pub address: IpAddr,
    /// The device's own credentials, and its home.
    pub credentials: &'a DeviceCredentials,
    /// The device for expressions, such as [`DeviceView`](crate::view::DeviceView) of its record;
    /// [`Unknown`](crate::expression::Unknown) for a new one.
    pub device: &'a dyn Context,
    /// What the extensions of an earlier [`Decision::Ask`] have answered.
    pub answers: &'a ExtensionAnswers,
}

/// What becomes of a session that a device wants to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// It begins.
    Accept(Proof),
    /// It begins, and the device is to get these in `ManagementServer.Username` and `.Password`.
    /// [`DeviceCredentials::settle`] is to be durable before they are sent.
    Onboard(Credentials),
    /// 401 with a new nonce: the device has not said yet who it is.
    Challenge {
        /// Whether it has, rightly, but with a nonce that is used up (`DIG-04`).
        is_stale: bool,
    },
    /// It does not begin.
    Refuse {
        /// What was wrong, for the log. It tells the peer too much to be sent.
        reason: Refusal,
        /// How long the device is not listened to: answer 503 with this Retry-After. Without it,
        /// answer 401 as for a challenge.
        retry_after: Option<Duration>,
    },
    /// The expression needs extensions: run these and ask again with what they answered, and with
    /// the same [`Presented`], whose nonce is good only once.
    Ask(Vec<ExtensionCall>),
}

/// What has shown that a device is what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing, as nothing is asked for.
    Nothing,
    /// Its certificate.
    Certificate,
    /// The expression of the policy.
    Expression,
    /// A fixed user of this name.
    User(String),
    /// Its own credentials.
    Own,
    /// Its new credentials, for the first time: the old ones are over, as
    /// [`DeviceCredentials::settle`] says.
    Next,
}

/// Why a session does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No credentials of this device have the user name.
    #[error("the user name belongs to no credentials that this device may use")]
    UnknownUser,
    /// The password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The credentials are right, and those of another device (`AUTH-08`).
    #[error("the user is another device, {0}")]
    OtherDevice(DeviceKey),
    /// The certificate is neither the device's own nor one that is shared (`AUTH-08`).
    #[error(
        "the certificate is that of {0:?}, which is not the device; if many devices share it, \
         list it as shared"
    )]
    OtherCertificate(String),
    /// The onboarding secret is right, but the device has credentials of its own.
    #[error(
        "an onboarding secret from a device that has credentials of its own; if it was reset, \
         forget its credentials"
    )]
    OnboardingOver,
    /// The expression of the policy is not true.
    #[error("the expression for authentication is not true")]
    Expression,
    /// The expression of the policy goes on asking for extensions.
    #[error("the expression for authentication calls more extensions than allowed")]
    TooManyExtensions,
    /// There were too many wrong passwords before.
    #[error("too many wrong passwords; nothing was looked at")]
    Throttled,
}

/// Decides who may begin a session.
#[derive(Debug)]
pub struct Authentication {
    policy: Policy,
    throttle: Throttle,
}

/// What a rule thinks of what was presented.
enum Judgement {
    Right(Decision),
    Wrong(Refusal),
    Ask(Vec<ExtensionCall>),
}

impl Authentication {
    /// Decides by a policy. Nobody has sent a wrong password yet.
    pub fn new(policy: Policy) -> Self {
        let throttle = Throttle::new(policy.throttle.clone());
        Self { policy, throttle }
    }

    /// Goes on with another policy, and with what it knows of wrong passwords.
    pub fn set_policy(&mut self, policy: Policy) {
        self.throttle.configure(policy.throttle.clone());
        self.policy = policy;
    }

    /// Decides about a session.
    ///
    /// `entropy` becomes the password of a device that gets one, so it must be unpredictable.
    pub fn decide(
        &mut self,
        presented: &mut Presented<'_>,
        claim: &Claim<'_>,
        now: Timestamp,
        entropy: [u8; 16],
    ) -> Decision {
        let key = claim.identity.key();
        match self.certificate(&key, claim) {
            Some(Ok(())) => return Decision::Accept(Proof::Certificate),
            Some(Err(reason)) => return Decision::Refuse { reason, retry_after: None },
            None => {}
        }
        let source = Source::new(&key, claim.address, claim.credentials.home);
        let is_guess = presented.username().is_some() && !matches!(self.policy.rule, Rule::Open);
        if is_guess && let Some(wait) = self.throttle.wait(source, now) {
            return Decision::Refuse { reason: Refusal::Throttled, retry_after: Some(wait) };
        }
        let judgement = match &self.policy.rule {
            Rule::Open => Judgement::Right(Decision::Accept(Proof::Nothing)),
            Rule::Expression(rule) => by_expression(rule, presented, claim, &key, now),
            Rule::Credentials(known) => by_credentials(known, presented, claim, &key, now, entropy),
        };
        match judgement {
            Judgement::Ask(calls) => Decision::Ask(calls),
            Judgement::Right(decision) => {
                if is_guess {
                    self.throttle.succeeded(source);
                }
                decision
            }
            Judgement::Wrong(_) if !is_guess => Decision::Challenge { is_stale: false },
            Judgement::Wrong(_) if presented.is_stale() => Decision::Challenge { is_stale: true },
            Judgement::Wrong(reason) => {
                Decision::Refuse { reason, retry_after: self.throttle.failed(source, now) }
            }
        }
    }

    /// What a certificate proves; `None` when there is none, or a shared one.
    fn certificate(&self, key: &DeviceKey, claim: &Claim<'_>) -> Option<Result<(), Refusal>> {
        let subject = claim.certificate?;
        if self.policy.shared_certificates.iter().any(|shared| shared == subject) {
            return None;
        }
        if subject == key.as_str() {
            return Some(Ok(()));
        }
        let subject = subject.chars().take(USERNAME_CHARS_MAX).collect();
        Some(Err(Refusal::OtherCertificate(subject)))
    }
}

/// The expression is looked at with the device's own credentials, and also with its next ones
/// while it has both.
fn by_expression(
    rule: &Expression,
    presented: &mut Presented<'_>,
    claim: &Claim<'_>,
    key: &DeviceKey,
    now: Timestamp,
) -> Judgement {
    let DeviceCredentials { current, next, .. } = claim.credentials;
    let mut calls = Vec::new();
    let next = next.as_ref().map(|next| (Some(next), Proof::Next));
    for (own, proof) in [(current.as_ref(), Proof::Expression)].into_iter().chain(next) {
        // In part, as an answer that is not there yet is not NULL.
        match rule.partial(&AuthContext::new(claim, key, own, presented, now)) {
            Expression::Literal(value) if value.is_true() => {
                return Judgement::Right(Decision::Accept(proof));
            }
            Expression::Literal(_) => {}
            open => ExtensionCall::all_in(&open, &mut calls),
        }
    }
    match (calls.is_empty(), claim.answers.has_room(calls.len())) {
        (true, _) => Judgement::Wrong(Refusal::Expression),
        (false, true) => Judgement::Ask(calls),
        (false, false) => Judgement::Wrong(Refusal::TooManyExtensions),
    }
}

fn by_credentials(
    known: &KnownCredentials,
    presented: &mut Presented<'_>,
    claim: &Claim<'_>,
    key: &DeviceKey,
    now: Timestamp,
    entropy: [u8; 16],
) -> Judgement {
    let DeviceCredentials { current, next, .. } = claim.credentials;
    if next.as_ref().is_some_and(|next| presented.proves(next)) {
        return Judgement::Right(Decision::Accept(Proof::Next));
    }
    if current.as_ref().is_some_and(|current| presented.proves(current)) {
        // It has not taken the next ones: it gets them again.
        let again = next.clone().map(Decision::Onboard);
        return Judgement::Right(again.unwrap_or(Decision::Accept(Proof::Own)));
    }
    if known.onboarding.iter().any(|secret| secret.is_proved(presented, claim, key, now)) {
        if current.is_some() && !(known.again_after_reset && claim.is_bootstrap) {
            return Judgement::Wrong(Refusal::OnboardingOver);
        }
        let own = next.clone().unwrap_or_else(|| unique(key, entropy));
        return Judgement::Right(Decision::Onboard(own));
    }
    let user = known.users.iter().find(|user| presented.proves(&user.credentials));
    match user {
        None => Judgement::Wrong(why_not(known, presented, claim, key)),
        Some(User { device: Some(only), .. }) if only != key => {
            Judgement::Wrong(Refusal::OtherDevice(only.clone()))
        }
        Some(user) => {
            let name = user.credentials.username.clone();
            Judgement::Right(Decision::Accept(Proof::User(name)))
        }
    }
}

/// Whether it was the user name or the password.
fn why_not(
    known: &KnownCredentials,
    presented: &Presented<'_>,
    claim: &Claim<'_>,
    key: &DeviceKey,
) -> Refusal {
    let DeviceCredentials { current, next, .. } = claim.credentials;
    let own = current.iter().chain(next).map(|own| own.username.as_str());
    let users = known.users.iter().map(|user| user.credentials.username.as_str());
    let onboarding = known.onboarding.iter().map(|secret| secret.username(key));
    let mut names = own.chain(users).chain(onboarding);
    if names.any(|name| presented.username() == Some(name)) {
        Refusal::WrongPassword
    } else {
        Refusal::UnknownUser
    }
}

/// Credentials that no other device has.
fn unique(key: &DeviceKey, entropy: [u8; 16]) -> Credentials {
    let username = if key.as_str().len() <= USERNAME_CHARS_MAX {
        key.to_string()
    } else {
        let start: String = key.as_str().chars().take(USERNAME_KEY_CHARS).collect();
        format!("{start}-{:016x}", key.digest())
    };
    let password = format!("{:032x}", u128::from_be_bytes(entropy));
    Credentials::new(username, Secret::new(password))
}

impl OnboardingSecret {
    fn username<'a>(&'a self, key: &'a DeviceKey) -> &'a str {
        match self.credentials.username.as_str() {
            "" => key.as_str(),
            name => name,
        }
    }

    fn is_proved(
        &self,
        presented: &mut Presented<'_>,
        claim: &Claim<'_>,
        key: &DeviceKey,
        now: Timestamp,
    ) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|it| it == is);
        self.until.is_none_or(|until| now < until)
            && fits(&self.oui, &claim.identity.oui)
            && fits(&self.product_class, &claim.identity.product_class)
            && presented.is_right(self.username(key), self.credentials.password())
    }
}

impl DeviceCredentials {
    /// Takes what a decision changes. Whether it has changed something that is to be saved, before
    /// the reply is sent.
    pub fn settle(&mut self, Admitted { decision, address }: &Admitted) -> bool {
        let proves = !matches!(decision, Decision::Accept(Proof::Nothing));
        let is_elsewhere = proves && self.home != Some(*address);
        if is_elsewhere {
            self.home = Some(*address);
        }
        match decision {
            Decision::Onboard(next) if self.next.as_ref() != Some(next) => {
                self.next = Some(next.clone());
                true
            }
            Decision::Accept(Proof::Next) if self.next.is_some() => {
                self.current = self.next.take();
                true
            }
            _ => is_elsewhere,
        }
    }

    /// The device is told to use another user name or password. Both the old and the new ones are
    /// good until it has used the new ones (`AUTH-09`). Whether that is something new.
    pub(crate) fn expect(&mut self, username: Option<&str>, password: Option<&str>) -> bool {
        let known = self.next.as_ref().or(self.current.as_ref());
        let old = |of: fn(&Credentials) -> &str| known.map(of).unwrap_or_default();
        let username = username.unwrap_or_else(|| old(|it| &it.username));
        let password = password.unwrap_or_else(|| old(|it| it.password().expose()));
        let next = Credentials::new(username, Secret::new(password));
        if known == Some(&next) || password.is_empty() {
            return false;
        }
        self.next = Some(next);
        true
    }

    /// The device has refused to use other credentials. Whether it was to use some.
    pub(crate) fn unexpect(&mut self) -> bool {
        self.next.take().is_some()
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Expression(_) => f.write_str("Expression(..)"),
            Self::Credentials(known) => f.debug_tuple("Credentials").field(known).finish(),
        }
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("identity", self.identity)
            .field("is_bootstrap", &self.is_bootstrap)
            .field("certificate", &self.certificate)
            .field("address", &self.address)
            .field("credentials", self.credentials)
            .finish_non_exhaustive()
    }
}
