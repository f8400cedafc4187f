//! Who may start a session (section 8 of the requirements).
//!
//! Who a device is stands in its Inform, so most is decided when that was read. A request that
//! brings nothing although something is asked for gets its challenge before its body is read.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drover_cwmp::auth::{Algorithm, Credentials, Scheme, ServerAuth, ServerAuthConfig};
use drover_provision::authentication::{
    Admitted, Authentication, Claim, Decision, DeviceCredentials, ExtensionAnswers,
    KnownCredentials, OnboardingSecret, Policy, Presented, Refusal as Reason, Rule, User,
};
use drover_provision::expression::{Context, Expression, Unknown, Value};
use drover_provision::view::DeviceView;
use drover_provision::{DeviceKey, DeviceRecord, Identity};
use jiff::Timestamp;

use super::Login;
use crate::config::{AuthConfig, AuthMode, OnboardingConfig, UserConfig};
use crate::entropy::{self, NoEntropy};
use crate::limits::{AUTH_ROUNDS_MAX, NONCE_SECONDS};

/// Asks for credentials and judges them. Nonces are not bound to a connection (quirk 14).
#[derive(Debug)]
pub(crate) struct Gate {
    mode: AuthMode,
    allow_basic_without_tls: bool,
    policy: Policy,
    state: Mutex<State>,
    start: Instant,
}

#[derive(Debug)]
struct State {
    digest: ServerAuth,
    /// With basic on offer. Its nonces are others, so that what was seen on a line without TLS is
    /// worth nothing on one with it.
    either: ServerAuth,
    authentication: Authentication,
    /// The expression by which is decided now.
    expression: Option<Expression>,
}

/// A request without the right credentials (`AUTH-05`).
#[derive(Debug)]
pub(crate) struct Denied {
    /// The values of the `WWW-Authenticate` headers of a 401.
    pub(crate) challenges: Vec<String>,
    /// For the log.
    pub(crate) reason: String,
    /// Whether credentials were wrong and not only missing or old.
    pub(crate) is_guess: bool,
    /// Whether the device is another than it says (`AUTH-08`).
    pub(crate) is_other_device: bool,
    /// For how long the device is not listened to: then it gets a 503.
    pub(crate) retry_after: Option<Duration>,
}

/// Who wants to begin a session.
#[derive(Debug)]
pub(crate) struct Comer<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) is_bootstrap: bool,
    pub(crate) address: IpAddr,
    pub(crate) is_tls: bool,
    /// The common name of its certificate.
    pub(crate) certificate: Option<&'a str>,
    pub(crate) credentials: &'a DeviceCredentials,
    pub(crate) record: Option<&'a DeviceRecord>,
}

impl Gate {
    pub(crate) fn new(config: &AuthConfig) -> Result<Self, NoEntropy> {
        let auth = |scheme, secret| {
            ServerAuth::new(ServerAuthConfig {
                realm: config.realm.clone(),
                scheme,
                nonce_lifetime: Duration::from_secs(NONCE_SECONDS),
                strict_nc: config.strict_nc,
                secret,
            })
        };
        let md5 = vec![Algorithm::Md5];
        let rule = match config.mode {
            AuthMode::Open => Rule::Open,
            _ => Rule::Credentials(known(config)),
        };
        let policy = Policy {
            rule,
            shared_certificates: config.shared_certificates.clone(),
            ..Policy::default()
        };
        let either = match config.mode {
            AuthMode::Basic => Scheme::Basic,
            _ => Scheme::DigestOrBasic(md5.clone()),
        };
        let state = State {
            digest: auth(Scheme::Digest(md5), entropy::bytes()?),
            either: auth(either, entropy::bytes()?),
            authentication: Authentication::new(policy.clone()),
            expression: None,
        };
        Ok(Self {
            mode: config.mode,
            allow_basic_without_tls: config.allow_basic_without_tls,
            policy,
            state: Mutex::new(state),
            start: Instant::now(),
        })
    }

    /// Whether the device's record is needed to decide.
    pub(crate) fn needs_record(&self, expression: Option<&Expression>) -> bool {
        self.expression(expression).is_some()
    }

    /// Whether anything is asked for.
    pub(crate) fn is_open(&self, expression: Option<&Expression>) -> bool {
        self.mode == AuthMode::Open && self.expression(expression).is_none()
    }

    /// The setting `cwmp.auth` counts where the configuration leaves the question open: who may
    /// change settings cannot undo what the configuration asks for.
    fn expression<'a>(&self, setting: Option<&'a Expression>) -> Option<&'a Expression> {
        setting.filter(|_| self.mode == AuthMode::Open)
    }

    /// Asks for credentials where none came, before the body of the request is read.
    pub(crate) fn ask(&self, login: &Login, is_tls: bool, is_known: bool) -> Result<(), Denied> {
        if self.mode == AuthMode::Open || is_known || login.authorization.is_some() {
            return Ok(());
        }
        let mut state = self.state();
        Err(self.challenge(&mut state, is_tls, false, "no credentials yet".to_owned()))
    }

    /// Decides about a device whose Inform came.
    pub(crate) fn decide(
        &self,
        login: &Login,
        comer: &Comer<'_>,
        setting: Option<&Expression>,
        now: Timestamp,
    ) -> Result<Admitted, Denied> {
        let entropy = match entropy::bytes::<16>() {
            Ok(bytes) => bytes,
            Err(error) => return Err(Denied::for_reason(error.to_string())),
        };
        let mut guard = self.state();
        let state = &mut *guard;
        self.follow(state, setting);
        let offers_basic = self.offers_basic(comer.is_tls);
        let elapsed = self.start.elapsed();
        let decision = {
            let State { digest, either, authentication, .. } = state;
            let auth = if offers_basic { either } else { digest };
            let header = login.authorization.as_deref();
            let mut presented = Presented::from_header(header, offers_basic, |password| {
                let password = password.clone();
                auth.verify("POST", &login.uri, header, elapsed, |_| Some(password)).into()
            });
            judge(authentication, &mut presented, comer, now, entropy)
        };
        let denied = match decision {
            Decision::Accept(_) | Decision::Onboard(_) => {
                return Ok(Admitted { decision, address: comer.address });
            }
            Decision::Challenge { is_stale } => {
                let reason = match is_stale {
                    true => "the nonce is used up or has expired",
                    false => "no credentials yet",
                };
                self.challenge(state, comer.is_tls, is_stale, reason.to_owned())
            }
            Decision::Refuse { reason, retry_after } => {
                let is_guess = reason != Reason::Throttled;
                let is_other_device =
                    matches!(reason, Reason::OtherDevice(_) | Reason::OtherCertificate(_));
                let reason = format!("{}: {reason}", comer.identity.key());
                let challenge = self.challenge(state, comer.is_tls, false, reason);
                Denied { is_guess, is_other_device, retry_after, ..challenge }
            }
            Decision::Ask(_) => Denied::for_reason("extensions do not answer".to_owned()),
        };
        Err(denied)
    }

    fn challenge(&self, state: &mut State, is_tls: bool, is_stale: bool, reason: String) -> Denied {
        let auth = if self.offers_basic(is_tls) { &mut state.either } else { &mut state.digest };
        let challenges = auth.challenges(self.start.elapsed(), is_stale);
        Denied { challenges, ..Denied::for_reason(reason) }
    }

    /// Goes on by another expression, when the setting is another than last time.
    fn follow(&self, state: &mut State, setting: Option<&Expression>) {
        let expression = self.expression(setting);
        if state.expression.as_ref() == expression {
            return;
        }
        let mut policy = self.policy.clone();
        if let Some(expression) = expression {
            policy.rule = Rule::Expression(expression.clone());
        }
        state.authentication.set_policy(policy);
        state.expression = expression.cloned();
    }

    /// Whether a password may come as it is (`AUTH-02`).
    fn offers_basic(&self, is_tls: bool) -> bool {
        let is_safe = is_tls || self.allow_basic_without_tls;
        self.mode.has_basic() || (self.mode == AuthMode::Open && is_safe)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Denied {
    const fn for_reason(reason: String) -> Self {
        Self {
            challenges: Vec::new(),
            reason,
            is_guess: false,
            is_other_device: false,
            retry_after: None,
        }
    }
}

/// Decides, and answers each call of an extension with NULL: there are none.
fn judge(
    authentication: &mut Authentication,
    presented: &mut Presented<'_>,
    comer: &Comer<'_>,
    now: Timestamp,
    entropy: [u8; 16],
) -> Decision {
    let view = comer.record.map(|record| DeviceView::new(record, now));
    let device: &dyn Context = view.as_ref().map_or(&Unknown, |view| view);
    let mut answers = ExtensionAnswers::default();
    for _ in 0..AUTH_ROUNDS_MAX {
        let claim = Claim {
            identity: comer.identity,
            is_bootstrap: comer.is_bootstrap,
            certificate: comer.certificate,
            address: comer.address,
            credentials: comer.credentials,
            device,
            answers: &answers,
        };
        match authentication.decide(presented, &claim, now, entropy) {
            Decision::Ask(calls) => {
                calls.into_iter().for_each(|call| answers.insert(call, Value::Null));
            }
            decision => return decision,
        }
    }
    Decision::Refuse { reason: Reason::TooManyExtensions, retry_after: None }
}

fn known(config: &AuthConfig) -> KnownCredentials {
    // The check of the configuration has refused what is no key.
    let user = |user: &UserConfig| {
        let device = user.device.as_deref().map(DeviceKey::parse).transpose().ok()?;
        let credentials = Credentials::new(user.username.clone(), user.password.clone());
        Some(User { credentials, device })
    };
    let onboarding = |secret: &OnboardingConfig| OnboardingSecret {
        credentials: Credentials::new(secret.username.clone(), secret.password.clone()),
        oui: secret.oui.as_ref().map(|oui| oui.to_ascii_uppercase()),
        product_class: secret.product_class.clone(),
        until: secret.until,
    };
    KnownCredentials {
        users: config.users.iter().filter_map(user).collect(),
        onboarding: config.onboarding.iter().map(onboarding).collect(),
        again_after_reset: config.onboard_again_after_reset,
    }
}

#[cfg(test)]
mod tests {
    use drover_cwmp::auth::{ChallengeOutcome, ClientAuth, Secret};

    use super::*;

    fn gate(mode: AuthMode) -> Gate {
        let user = |name: &str, device: Option<&str>| UserConfig {
            username: name.to_owned(),
            password: Secret::new("sesame"),
            device: device.map(str::to_owned),
        };
        let users = vec![user("any", None), user("one", Some("00D09E-Test-1"))];
        let config = AuthConfig { mode, users, ..AuthConfig::default() };
        Gate::new(&config).expect("randomness")
    }

    fn come(
        gate: &Gate,
        authorization: Option<String>,
        serial_number: &str,
        setting: Option<&str>,
    ) -> Result<Admitted, Denied> {
        let identity = Identity {
            manufacturer: String::new(),
            oui: "00D09E".to_owned(),
            product_class: "Test".to_owned(),
            serial_number: serial_number.to_owned(),
        };
        let comer = Comer {
            identity: &identity,
            is_bootstrap: false,
            address: "192.0.2.1".parse().expect("an address"),
            is_tls: false,
            certificate: None,
            credentials: &DeviceCredentials::default(),
            record: None,
        };
        let setting = setting.map(|text| Expression::parse(text).expect("an expression"));
        let login = Login { uri: "/".to_owned(), authorization };
        gate.decide(&login, &comer, setting.as_ref(), Timestamp::UNIX_EPOCH)
    }

    fn log_in(gate: &Gate, name: &str, password: &str, serial: &str) -> Result<Admitted, Denied> {
        let nothing = Login { uri: "/".to_owned(), authorization: None };
        let denied = gate.ask(&nothing, false, false).expect_err("a challenge");
        assert!(!denied.is_guess);
        let mut client = ClientAuth::new(Credentials::new(name, Secret::new(password)), true);
        let challenges: Vec<&str> = denied.challenges.iter().map(String::as_str).collect();
        assert_eq!(client.handle_challenge(&challenges), ChallengeOutcome::Answer);
        come(gate, client.authorization("POST", "/", "0a4f113b"), serial, None)
    }

    #[test]
    fn auth_05_a_challenge_comes_first() {
        for mode in [AuthMode::Digest, AuthMode::Basic, AuthMode::DigestOrBasic] {
            let gate = gate(mode);
            assert!(log_in(&gate, "any", "sesame", "2").is_ok());
            let denied = log_in(&gate, "any", "wrong", "2").expect_err("wrong");
            assert!(denied.is_guess && denied.reason.contains("wrong password"));
            assert!(log_in(&gate, "nobody", "sesame", "2").expect_err("unknown").is_guess);
        }
        assert!(come(&gate(AuthMode::Open), None, "2", None).is_ok());
    }

    #[test]
    fn auth_08_a_bound_user_is_one_device_only() {
        let gate = gate(AuthMode::Digest);
        assert!(log_in(&gate, "one", "sesame", "1").is_ok());
        let denied = log_in(&gate, "one", "sesame", "2").expect_err("another");
        assert!(denied.is_guess && denied.is_other_device);
    }

    #[test]
    fn sec_02_who_guesses_has_to_wait() {
        let gate = gate(AuthMode::Digest);
        let waits = (0..8).map(|_| log_in(&gate, "any", "wrong", "2").expect_err("wrong"));
        let waits: Vec<Denied> = waits.collect();
        assert!(waits[0].retry_after.is_none() && waits[7].retry_after.is_some());
        assert!(!waits[7].is_guess, "it was not looked at");
    }

    #[test]
    fn a_setting_counts_where_the_configuration_leaves_it_open() {
        let setting = Some("AUTH(DeviceID.SerialNumber, 'p') OR EXT('a', 'b')");
        let open = gate(AuthMode::Open);
        let denied = come(&open, None, "2", setting).expect_err("nothing");
        assert!(!denied.is_guess && denied.challenges[0].starts_with("Digest"));
        let mut client = ClientAuth::new(Credentials::new("2", Secret::new("p")), false);
        let _ = client.handle_challenge(&[&denied.challenges[0]]);
        let header = client.authorization("POST", "/", "0a4f113b");
        assert!(come(&open, header, "2", setting).is_ok());
        assert!(come(&open, None, "2", Some("REMOTE_ADDRESS() = '192.0.2.1'")).is_ok());
        assert!(come(&open, None, "2", None).is_ok());
        assert!(come(&gate(AuthMode::Digest), None, "2", Some("true")).is_err());
    }
}
