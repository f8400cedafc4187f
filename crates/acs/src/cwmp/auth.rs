//! Who may start a session (section 8 of the requirements).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use drover_cwmp::auth::{Algorithm, Scheme, Secret, ServerAuth, ServerAuthConfig, Verdict};
use drover_provision::DeviceKey;

use crate::config::{AuthConfig, AuthMode};
use crate::entropy::{self, NoEntropy};
use crate::limits::NONCE_SECONDS;

/// Asks for credentials and judges them. Nonces are not bound to a connection (quirk 14).
#[derive(Debug)]
pub(crate) struct Gate {
    /// `None` when everybody may come in.
    auth: Option<Mutex<ServerAuth>>,
    users: HashMap<String, User>,
    start: Instant,
}

#[derive(Debug)]
struct User {
    password: Secret,
    device: Option<String>,
}

/// A request without the right credentials: 401 with these challenges (`AUTH-05`).
#[derive(Debug)]
pub(crate) struct Denied {
    /// The values of the `WWW-Authenticate` headers.
    pub(crate) challenges: Vec<String>,
    /// For the log.
    pub(crate) reason: String,
    /// Whether credentials were wrong and not only missing or old.
    pub(crate) is_guess: bool,
}

impl Gate {
    pub(crate) fn new(config: &AuthConfig) -> Result<Self, NoEntropy> {
        let scheme = match config.mode {
            AuthMode::Open => None,
            AuthMode::Basic => Some(Scheme::Basic),
            AuthMode::Digest => Some(Scheme::Digest(vec![Algorithm::Md5])),
            AuthMode::DigestOrBasic => Some(Scheme::DigestOrBasic(vec![Algorithm::Md5])),
        };
        let secret = entropy::bytes()?;
        let auth = scheme.map(|scheme| {
            Mutex::new(ServerAuth::new(ServerAuthConfig {
                realm: config.realm.clone(),
                scheme,
                nonce_lifetime: Duration::from_secs(NONCE_SECONDS),
                strict_nc: config.strict_nc,
                secret,
            }))
        });
        let users = config.users.iter().map(|user| {
            let device = user.device.clone();
            (user.username.clone(), User { password: user.password.clone(), device })
        });
        Ok(Self { auth, users: users.collect(), start: Instant::now() })
    }

    /// Lets a request in: as the user it proves to be, or as nobody where nothing is asked for.
    pub(crate) fn admit(
        &self,
        method: &str,
        uri: &str,
        authorization: Option<&str>,
    ) -> Result<Option<String>, Denied> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let mut auth = auth.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.start.elapsed();
        let lookup = |name: &str| self.users.get(name).map(|user| user.password.clone());
        let (stale, is_guess, reason) = match auth.verify(method, uri, authorization, now, lookup) {
            Verdict::Accepted { username } => return Ok(Some(username)),
            Verdict::Missing => (false, false, "no credentials yet".to_owned()),
            Verdict::Stale => (true, false, "the nonce is used up or has expired".to_owned()),
            Verdict::Refused { username, reason } => {
                let name = username.unwrap_or_default();
                (false, true, format!("wrong credentials of user {name:?}: {reason}"))
            }
        };
        Err(Denied { challenges: auth.challenges(now, stale), reason, is_guess })
    }

    /// Whether the user may be this device (`AUTH-08`).
    pub(crate) fn may_be(&self, user: Option<&str>, device: &DeviceKey) -> bool {
        let only = user.and_then(|name| self.users.get(name)?.device.as_deref());
        only.is_none_or(|only| only == device.as_str())
    }
}

#[cfg(test)]
mod tests {
    use drover_cwmp::auth::{ChallengeOutcome, ClientAuth, Credentials};

    use super::*;
    use crate::config::UserConfig;

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

    fn log_in(gate: &Gate, name: &str, password: &str) -> Result<Option<String>, Denied> {
        let denied = gate.admit("POST", "/", None).expect_err("a challenge");
        assert!(!denied.is_guess);
        let mut client = ClientAuth::new(Credentials::new(name, Secret::new(password)), true);
        let challenges: Vec<&str> = denied.challenges.iter().map(String::as_str).collect();
        assert_eq!(client.handle_challenge(&challenges), ChallengeOutcome::Answer);
        let header = client.authorization("POST", "/", "0a4f113b");
        gate.admit("POST", "/", header.as_deref())
    }

    #[test]
    fn auth_05_a_challenge_comes_first() {
        for mode in [AuthMode::Digest, AuthMode::Basic, AuthMode::DigestOrBasic] {
            let gate = gate(mode);
            assert_eq!(log_in(&gate, "any", "sesame").expect("right"), Some("any".to_owned()));
            let denied = log_in(&gate, "any", "wrong").expect_err("wrong");
            assert!(denied.is_guess && denied.reason.contains("wrong password"));
            assert!(log_in(&gate, "nobody", "sesame").expect_err("unknown").is_guess);
        }
        assert_eq!(gate(AuthMode::Open).admit("POST", "/", None).expect("open"), None);
    }

    #[test]
    fn auth_08_a_bound_user_is_one_device_only() {
        let gate = gate(AuthMode::Digest);
        let (own, other) = (DeviceKey::new("00D09E", "Test", "1"), DeviceKey::new("0", "T", "2"));
        assert!(gate.may_be(Some("one"), &own) && !gate.may_be(Some("one"), &other));
        assert!(gate.may_be(Some("any"), &other) && gate.may_be(None, &other));
    }
}
