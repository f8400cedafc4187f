//! The configuration of the ACS, as it stands in a TOML file.
//!
//! Every key has a default, so the empty file is a working configuration. Unknown keys are errors.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use drover_cwmp::auth::{Credentials, Secret};
use drover_provision::{DeviceKey, Recording, admission};
use drover_store::Retention;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

use crate::limits;
use crate::proxy::Network;

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcsConfig {
    /// Folder of the database. Default: `drover-data` in the working directory.
    pub data_dir: PathBuf,
    /// Address of a PostgreSQL database, such as `postgresql://drover@db.example/drover`: then
    /// everything is kept there and not in `data_dir`. Default: none.
    #[serde(deserialize_with = "optional_secret")]
    pub database: Option<Secret>,
    /// Folder of presets (`presets/*.json`), scripts (`provisions/*.js`,
    /// `virtual_parameters/*.js`) and objects of older presets (`objects/*.json`). Default: none.
    pub rules: Option<PathBuf>,
    /// `[cwmp]`: the listener for devices.
    pub cwmp: CwmpConfig,
    /// `[connection_request]`: how devices are asked to start a session.
    pub connection_request: ConnectionRequestConfig,
    /// `[files]`: what devices load and upload.
    pub files: FilesConfig,
    /// `[models]`: data models besides those that ship.
    pub models: ModelsConfig,
    /// `[nbi]`: the northbound interface.
    pub nbi: NbiConfig,
    /// `[record]`: what is kept of the past.
    pub record: RecordConfig,
    /// `[scripts]`: how scripts are run.
    pub scripts: ScriptsConfig,
    /// `[proxy]`: proxies that stand before the server.
    pub proxy: ProxyConfig,
    /// `[stun]`: the STUN server, for devices behind a NAT.
    pub stun: StunConfig,
    /// `[tls]`: certificates of the server.
    pub tls: TlsConfig,
}

impl Default for AcsConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("drover-data"),
            database: None,
            rules: None,
            cwmp: CwmpConfig::default(),
            connection_request: ConnectionRequestConfig::default(),
            files: FilesConfig::default(),
            models: ModelsConfig::default(),
            nbi: NbiConfig::default(),
            record: RecordConfig::default(),
            scripts: ScriptsConfig::default(),
            proxy: ProxyConfig::default(),
            stun: StunConfig::default(),
            tls: TlsConfig::default(),
        }
    }
}

/// Certificates of the server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// `[[tls.certificates]]`. The first is for whoever asks for no name, or one that none has.
    pub certificates: Vec<CertificateConfig>,
    /// PEM files with authorities that sign certificates of devices: whose common name is its
    /// device's id needs no password. Default: none, and devices are not asked for one.
    pub client_authorities: Vec<PathBuf>,
}

/// The STUN server. Connection requests by UDP leave from its address, so that they pass the NAT of
/// a device that keeps its binding there (`STUN-11`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StunConfig {
    /// Address with port, such as `"0.0.0.0:3478"`, or `"[::]:3478"` for IPv6 as well. Default:
    /// none; then connection requests by UDP leave from any port.
    pub listen: Option<SocketAddr>,
    /// `STUNUsername` of the devices. Default: none, and nothing has to be signed.
    pub username: String,
    /// `STUNPassword` of the devices.
    #[serde(deserialize_with = "secret")]
    pub password: Secret,
}

impl StunConfig {
    /// With which requests have to be signed (`STUN-07`).
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        let is_set = !self.username.is_empty();
        is_set.then(|| Credentials::new(self.username.clone(), self.password.clone()))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.username.is_empty() != self.password.expose().is_empty() {
            let problem = "and stun.username belong together; set both or none";
            return Err(ConfigError::new("stun.password", problem));
        }
        Ok(())
    }
}

/// Proxies that stand before the listeners for devices and files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyConfig {
    /// Their addresses, such as `"127.0.0.1"` or `"10.0.0.0/8"`. What others say is not believed.
    /// Default: none.
    pub trusted: Vec<Network>,
    /// Whether each of their connections begins with the PROXY protocol, version 1 or 2. Default:
    /// false.
    pub protocol: bool,
    /// Whether their requests say by `Forwarded`, or `X-Forwarded-For` and `X-Forwarded-Proto`, who
    /// sent them. Default: false.
    pub headers: bool,
}

impl ProxyConfig {
    /// Whether what comes from an address is believed.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.protocol && self.headers {
            let problem = "and proxy.headers exclude each other; set one of them to false";
            return Err(ConfigError::new("proxy.protocol", problem));
        }
        if (self.protocol || self.headers) == self.trusted.is_empty() {
            let problem = "needs addresses, and proxy.protocol = true or proxy.headers = true";
            return Err(ConfigError::new("proxy.trusted", problem));
        }
        Ok(())
    }
}

/// A certificate with its key. Both files are read again when they change.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    /// PEM file with the certificate, and then those that lead from it to its authority.
    pub chain: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
    /// Names by which it is asked for. Default: none.
    #[serde(default)]
    pub names: Vec<String>,
}

/// How scripts are run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptsConfig {
    /// Threads that run scripts, 1 to 1,024. Default: as many as there are processors.
    pub threads: Option<usize>,
}

/// What is kept of the past, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordConfig {
    /// `"eventful"` (the default): sessions in which something was decided, logged or went wrong.
    /// `"all"`, or `"off"` for none.
    pub sessions: RecordSessions,
    /// Sessions of one device, 0 to 10,000. Default: 20.
    pub sessions_per_device: u32,
    /// Days that a session is kept, 1 to 3,650. Default: 30.
    pub session_days: u64,
    /// Bytes of all sessions. Default: 1,073,741,824.
    pub session_bytes: u64,
    /// Values of one watched parameter of one device, before they are merged by hours; 1 to
    /// 100,000. Default: 288, a day's at one in five minutes.
    pub points: u32,
    /// Its hours, before they are merged by days; 0 to 100,000. Default: 336, two weeks.
    pub hours: u32,
    /// Its days; 0 to 100,000. Default: 730, two years.
    pub days: u32,
    /// Snapshots of one device, 0 to 1,000. Default: 5.
    pub snapshots: u32,
}

/// Which sessions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordSessions {
    /// Those in which something was decided, logged or went wrong.
    Eventful,
    /// All.
    All,
    /// None.
    Off,
}

impl Default for RecordConfig {
    fn default() -> Self {
        let Retention {
            sessions_per_device,
            session_age,
            session_bytes,
            points,
            hours,
            days,
            snapshots,
        } = Retention::default();
        Self {
            sessions: RecordSessions::Eventful,
            sessions_per_device,
            session_days: session_age.as_secs() / limits::DAY_SECONDS,
            session_bytes,
            points,
            hours,
            days,
            snapshots,
        }
    }
}

impl RecordConfig {
    /// What the store keeps.
    pub const fn retention(&self) -> Retention {
        Retention {
            sessions_per_device: self.sessions_per_device,
            session_age: Duration::from_secs(self.session_days * limits::DAY_SECONDS),
            session_bytes: self.session_bytes,
            points: self.points,
            hours: self.hours,
            days: self.days,
            snapshots: self.snapshots,
        }
    }

    pub(crate) const fn recording(&self) -> Recording {
        match self.sessions {
            RecordSessions::Eventful => Recording::Eventful,
            RecordSessions::All => Recording::All,
            RecordSessions::Off => Recording::Off,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let of_device = limits::RECORD_SESSIONS_MAX;
        in_range("record.sessions_per_device", self.sessions_per_device, 0..=of_device)?;
        in_range("record.session_days", self.session_days, 1..=limits::RECORD_SESSION_DAYS_MAX)?;
        in_range("record.points", self.points, 1..=limits::RECORD_POINTS_MAX)?;
        in_range("record.hours", self.hours, 0..=limits::RECORD_POINTS_MAX)?;
        in_range("record.days", self.days, 0..=limits::RECORD_POINTS_MAX)?;
        in_range("record.snapshots", self.snapshots, 0..=limits::RECORD_SNAPSHOTS_MAX)
    }
}

/// Data models besides those that ship.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// A folder with compiled models (`*.model`), documents (`*.xml`) and vendor extensions
    /// (`*.toml`), read at the start. Default: none.
    pub folder: Option<PathBuf>,
}

/// The listener for devices.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CwmpConfig {
    /// Addresses with ports, such as `"0.0.0.0:7547"` (the default) or `"[::]:7547"`. Port 0 takes
    /// any free one.
    pub listen: Vec<SocketAddr>,
    /// Addresses with ports for TLS, such as `"0.0.0.0:7548"`. Default: none.
    pub listen_tls: Vec<SocketAddr>,
    /// The only request path that is served, such as `"/acs"`. Default: any path (`HTTP-18`).
    pub path: Option<String>,
    /// Seconds without a POST after which a session has failed (`ACS-08`), 30 to 600. A device may
    /// ask for more. Default: 60.
    pub session_timeout_seconds: u64,
    /// `[cwmp.auth]`: how devices prove who they are.
    pub auth: AuthConfig,
    /// `[cwmp.limits]`: what all devices together may use.
    pub limits: CwmpLimits,
    /// `[cwmp.admission]`: how many sessions at one time, below `limits.sessions`.
    pub admission: AdmissionConfig,
}

impl Default for CwmpConfig {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 7547))],
            listen_tls: Vec::new(),
            path: None,
            session_timeout_seconds: limits::SESSION_SECONDS,
            auth: AuthConfig::default(),
            limits: CwmpLimits::default(),
            admission: AdmissionConfig::default(),
        }
    }
}

/// How devices prove who they are (section 8.1 of the requirements).
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// `"open"` (the default, with a warning at start), `"digest"`, `"basic"` or
    /// `"digest_or_basic"`.
    pub mode: AuthMode,
    /// The protection space. Default: `"drover"`.
    pub realm: String,
    /// `[[cwmp.auth.users]]`: who may come in, besides devices with credentials of their own.
    pub users: Vec<UserConfig>,
    /// `[[cwmp.auth.onboarding]]`: secrets with which devices come for the first time. Each gets
    /// credentials of its own then, and its shared secret is worth nothing from there on.
    pub onboarding: Vec<OnboardingConfig>,
    /// Whether a device that has credentials of its own, and says that it was reset, may come with
    /// an onboarding secret again. Then whoever knows the secret can take the place of any device
    /// for which it applies. Default: false, and an operator forgets a device's credentials.
    pub onboard_again_after_reset: bool,
    /// Common names of client certificates that many devices share: they prove no identity.
    /// Default: none.
    pub shared_certificates: Vec<String>,
    /// Whether every use of a nonce must count up, so that a copied request is worth nothing
    /// (`DIG-05`). False spares devices whose count never advances a second round trip. Default:
    /// true.
    pub strict_nc: bool,
    /// Whether passwords may travel readable, which the standard forbids (`AUTH-02`). Needed for
    /// `"basic"` and `"digest_or_basic"`, because this listener has no TLS. Default: false.
    pub allow_basic_without_tls: bool,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            mode: AuthMode::Open,
            realm: "drover".to_owned(),
            users: Vec::new(),
            onboarding: Vec::new(),
            onboard_again_after_reset: false,
            shared_certificates: Vec::new(),
            strict_nc: true,
            allow_basic_without_tls: false,
        }
    }
}

/// The kind of authentication that devices are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// None: whoever reaches the listener is served.
    Open,
    /// HTTP basic.
    Basic,
    /// HTTP digest with MD5, the one that all devices know (`DIG-01`).
    Digest,
    /// Digest, and basic for devices that send it whatever they are asked (quirk 15).
    DigestOrBasic,
}

impl AuthMode {
    /// Whether a password can come over the line in readable form.
    pub const fn has_basic(self) -> bool {
        matches!(self, Self::Basic | Self::DigestOrBasic)
    }
}

/// One set of credentials of devices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserConfig {
    /// `ManagementServer.Username` of the devices.
    pub username: String,
    /// `ManagementServer.Password` of the devices.
    #[serde(deserialize_with = "secret")]
    pub password: Secret,
    /// The only device that may use it, by its id such as `"00D09E-Test-0001"` (`AUTH-08`).
    /// Default: any device.
    #[serde(default)]
    pub device: Option<String>,
}

/// A secret that a batch of devices has from the factory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnboardingConfig {
    /// `ManagementServer.Username` of the whole batch. Default: each device's id (`ID-04`).
    #[serde(default)]
    pub username: String,
    /// `ManagementServer.Password` of the whole batch.
    #[serde(deserialize_with = "secret")]
    pub password: Secret,
    /// The only OUI that may use it. Default: any.
    #[serde(default)]
    pub oui: Option<String>,
    /// The only product class that may use it. Default: any.
    #[serde(default)]
    pub product_class: Option<String>,
    /// When it ends, such as `"2027-01-01T00:00:00Z"`. Default: never.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// What all devices together may use.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CwmpLimits {
    /// Connections at one time. Default: 20,000.
    pub connections: usize,
    /// Open sessions at one time. Default: 10,000.
    pub sessions: usize,
    /// Bytes of one request body, as sent and inflated. Default: 67,108,864.
    pub body_bytes: usize,
    /// Bytes of all request bodies held at one time. Default: 536,870,912.
    pub body_bytes_in_flight: usize,
    /// Seconds for the head of a request, and of silence without a session. Default: 30.
    pub head_timeout_seconds: u64,
    /// Seconds for a request body; a body that comes with more than 16 KiB a second gets more.
    /// Default: 30.
    pub body_timeout_seconds: u64,
}

impl Default for CwmpLimits {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS_MAX,
            sessions: limits::SESSIONS_MAX,
            body_bytes: limits::BODY_BYTES_MAX,
            body_bytes_in_flight: limits::BODY_BYTES_IN_FLIGHT_MAX,
            head_timeout_seconds: limits::HEAD_SECONDS,
            body_timeout_seconds: limits::BODY_SECONDS,
        }
    }
}

/// How many sessions the server works on at one time (`ACS-13`). It adapts by itself; devices
/// beyond it get 503 and are told when to come again.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionConfig {
    /// Sessions at one time before anything is known of the latency. Default: 1,000.
    pub sessions_start: u32,
    /// Milliseconds of the server's own work on a request above which fewer sessions are taken, 1
    /// to 60,000. Default: 500.
    pub latency_milliseconds: u64,
    /// The shortest Retry-After, 1 to 3,600. Default: 5.
    pub retry_after_seconds_min: u64,
    /// The longest, 1 to 86,400. Default: 1,800.
    pub retry_after_seconds_max: u64,
    /// Seconds after which a device that was refused comes before all others. Default: 120.
    pub patience_seconds: u64,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            sessions_start: limits::ADMITTED_SESSIONS_START,
            latency_milliseconds: 500,
            retry_after_seconds_min: 5,
            retry_after_seconds_max: 1800,
            patience_seconds: 120,
        }
    }
}

impl AdmissionConfig {
    fn check(&self) -> Result<(), ConfigError> {
        if self.sessions_start == 0 {
            let problem = "is 0, which serves nobody; at least 1";
            return Err(ConfigError::new("cwmp.admission.sessions_start", problem));
        }
        let latency = self.latency_milliseconds;
        in_range("cwmp.admission.latency_milliseconds", latency, 1..=60_000)?;
        let (min, max) = (self.retry_after_seconds_min, self.retry_after_seconds_max);
        in_range("cwmp.admission.retry_after_seconds_min", min, 1..=3_600)?;
        in_range("cwmp.admission.retry_after_seconds_max", max, min..=limits::DAY_SECONDS)?;
        in_range("cwmp.admission.patience_seconds", self.patience_seconds, 1..=limits::DAY_SECONDS)
    }
}

/// How devices are asked to start a session (section 5 of the requirements).
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionRequestConfig {
    /// The user name for devices whose own one is not known. Default: none.
    pub username: String,
    /// Its password. Default: none.
    #[serde(deserialize_with = "secret")]
    pub password: Secret,
    /// Milliseconds that a request may take, at most 5,000 (the default).
    pub timeout_milliseconds: u64,
    /// Whether the password may travel readable to devices that ask for basic. Default: false.
    pub allow_basic: bool,
}

impl Default for ConnectionRequestConfig {
    fn default() -> Self {
        Self {
            username: String::new(),
            password: Secret::default(),
            timeout_milliseconds: limits::CONNECTION_REQUEST_MILLISECONDS,
            allow_basic: false,
        }
    }
}

impl ConnectionRequestConfig {
    /// The credentials for devices whose own ones are not known.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(self.username.clone(), self.password.clone())
    }
}

/// The file server.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesConfig {
    /// False leaves it off; then a task `download` is a fault. Default: true.
    pub enabled: bool,
    /// Address with port. Default: `"0.0.0.0:7567"`.
    pub listen: SocketAddr,
    /// Address with port for TLS, such as `"0.0.0.0:7568"`. Devices that have reached the CWMP
    /// listener by TLS are then sent there. Default: none.
    pub listen_tls: Option<SocketAddr>,
    /// What devices are told, such as `"https://files.example/"`. Default: the host by which each
    /// device has reached the CWMP listener, with the port of `listen`.
    pub url: Option<String>,
    /// Folder of the files. Default: `files` in the folder of the database.
    pub folder: Option<PathBuf>,
    /// Whether everybody who knows the name of a file may load it, as in GenieACS, and not only
    /// whom the server has given a signed URL. Default: false.
    pub open: bool,
    /// Bytes of one file. Default: 1,073,741,824.
    pub file_bytes: u64,
    /// Bytes of what a device uploads. Default: 67,108,864.
    pub upload_bytes: u64,
    /// How fast all files together are sent, in bytes a second, at least 524,288. Default: 0, no
    /// limit.
    pub bytes_per_second: u64,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([0, 0, 0, 0], 7567)),
            listen_tls: None,
            url: None,
            folder: None,
            open: false,
            file_bytes: limits::FILE_BYTES_MAX,
            upload_bytes: limits::UPLOAD_BYTES_MAX,
            bytes_per_second: 0,
        }
    }
}

impl FilesConfig {
    /// The URL that devices are told, with a slash at its end.
    pub(crate) fn url_prefix(&self) -> Option<String> {
        self.url.as_ref().map(|url| format!("{}/", url.trim_end_matches('/')))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.url {
            let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            let is_graphic = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
            if !rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_graphic)) {
                let problem = format!(
                    "{url:?} cannot be the start of URLs; it is such as \
                     \"http://acs.example:7567/\""
                );
                return Err(ConfigError::new("files.url", problem));
            }
        }
        for (key, value) in
            [("files.file_bytes", self.file_bytes), ("files.upload_bytes", self.upload_bytes)]
        {
            if value == 0 {
                return Err(ConfigError::new(key, "is 0, which takes no file; at least 1"));
            }
        }
        if self.bytes_per_second > 0 {
            let range = limits::FILE_RATE_MIN..=u64::MAX;
            in_range("files.bytes_per_second", self.bytes_per_second, range)?;
        }
        Ok(())
    }
}

/// The northbound interface.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NbiConfig {
    /// Address with port. Only loopback addresses, because the interface has no logins yet.
    /// Default: `"127.0.0.1:7557"`.
    pub listen: SocketAddr,
    /// False leaves the interface off. Default: true.
    pub enabled: bool,
}

impl Default for NbiConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 7557)), enabled: true }
    }
}

/// A value that cannot be used. The text names the key and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration key {key}: {problem}")]
pub struct ConfigError {
    /// The key with its section.
    pub key: &'static str,
    /// What is wrong and what to do.
    pub problem: String,
}

impl ConfigError {
    fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self { key, problem: problem.into() }
    }
}

impl AcsConfig {
    /// Checks what the types do not say.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.cwmp.check()?;
        self.connection_request.check()?;
        self.files.check()?;
        self.nbi.check()?;
        self.proxy.check()?;
        self.stun.check()?;
        self.record.check()?;
        self.scripts.check()?;
        self.tls.check()?;
        let listens = [
            ("cwmp.listen_tls", !self.cwmp.listen_tls.is_empty()),
            ("files.listen_tls", self.files.enabled && self.files.listen_tls.is_some()),
        ];
        match listens.iter().find(|(_, listens)| *listens) {
            Some((key, _)) if self.tls.certificates.is_empty() => {
                let problem = "needs a certificate; name one in [[tls.certificates]]";
                Err(ConfigError::new(key, problem))
            }
            _ => Ok(()),
        }
    }
}

impl TlsConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        let mut names = self.certificates.iter().flat_map(|it| &it.names);
        match names.find(|name| !seen.insert(name.to_ascii_lowercase())) {
            Some(name) => {
                let problem = format!("{name:?} has two certificates; give each name one");
                Err(ConfigError::new("tls.certificates", problem))
            }
            None => Ok(()),
        }
    }
}

impl ScriptsConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let range = 1..=limits::SCRIPT_THREADS_MAX;
        self.threads.map_or(Ok(()), |threads| in_range("scripts.threads", threads, range))
    }
}

impl CwmpConfig {
    /// The time without a POST after which a session has failed.
    pub(crate) const fn session_timeout(&self) -> Duration {
        Duration::from_secs(self.session_timeout_seconds)
    }

    /// How sessions are admitted.
    pub(crate) fn admission(&self) -> admission::AdmissionConfig {
        let AdmissionConfig {
            sessions_start,
            latency_milliseconds,
            retry_after_seconds_min,
            retry_after_seconds_max,
            patience_seconds,
        } = self.admission;
        let sessions_max = u32::try_from(self.limits.sessions).unwrap_or(u32::MAX);
        let sessions_min = limits::ADMITTED_SESSIONS_MIN.min(sessions_max);
        admission::AdmissionConfig {
            sessions_min,
            sessions_max,
            sessions_start,
            latency_target: Duration::from_millis(latency_milliseconds),
            retry_after_min: Duration::from_secs(retry_after_seconds_min),
            retry_after_max: Duration::from_secs(retry_after_seconds_max),
            patience: Duration::from_secs(patience_seconds),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() && self.listen_tls.is_empty() {
            let problem = "no address to listen on; name one, such as \"0.0.0.0:7547\"";
            return Err(ConfigError::new("cwmp.listen", problem));
        }
        if let Some(path) = &self.path
            && !path.starts_with('/')
        {
            let problem = format!("{path:?} is not a path; it starts with \"/\"");
            return Err(ConfigError::new("cwmp.path", problem));
        }
        let range = limits::SESSION_SECONDS_MIN..=limits::SESSION_SECONDS_MAX;
        in_range("cwmp.session_timeout_seconds", self.session_timeout_seconds, range)?;
        self.auth.check(!self.listen.is_empty())?;
        self.limits.check()?;
        self.admission.check()
    }
}

impl AuthConfig {
    /// `is_plain` says whether devices may come without TLS.
    fn check(&self, is_plain: bool) -> Result<(), ConfigError> {
        if self.mode.has_basic() && is_plain && !self.allow_basic_without_tls {
            let problem = "basic sends passwords readable over a line without TLS; use \"digest\" \
                           or set cwmp.auth.allow_basic_without_tls = true";
            return Err(ConfigError::new("cwmp.auth.mode", problem));
        }
        if self.realm.is_empty() || self.realm.chars().any(char::is_control) {
            let problem = "must be some text without control characters";
            return Err(ConfigError::new("cwmp.auth.realm", problem));
        }
        let problem = "the password is empty; give it one that nobody guesses";
        if self.onboarding.iter().any(|secret| secret.password.expose().is_empty()) {
            return Err(ConfigError::new("cwmp.auth.onboarding", problem));
        }
        let devices = self.users.iter().filter_map(|user| user.device.as_deref());
        for device in devices {
            if let Err(error) = DeviceKey::parse(device) {
                return Err(ConfigError::new("cwmp.auth.users", error.to_string()));
            }
        }
        let empty = self.users.iter().any(|user| user.username.is_empty());
        if empty {
            let problem = "a username is empty; give each user one";
            return Err(ConfigError::new("cwmp.auth.users", problem));
        }
        Ok(())
    }
}

impl CwmpLimits {
    fn check(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("cwmp.limits.connections", self.connections),
            ("cwmp.limits.sessions", self.sessions),
            ("cwmp.limits.body_bytes", self.body_bytes),
            ("cwmp.limits.body_bytes_in_flight", self.body_bytes_in_flight),
        ];
        for (key, value) in sizes {
            if value == 0 {
                return Err(ConfigError::new(key, "is 0, which serves nobody; at least 1"));
            }
        }
        let range = 1..=limits::BODY_SECONDS_MAX;
        in_range("cwmp.limits.head_timeout_seconds", self.head_timeout_seconds, range.clone())?;
        in_range("cwmp.limits.body_timeout_seconds", self.body_timeout_seconds, range)
    }
}

impl ConnectionRequestConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let range = 1..=limits::CONNECTION_REQUEST_MILLISECONDS_MAX;
        let key = "connection_request.timeout_milliseconds";
        in_range(key, self.timeout_milliseconds, range)
    }
}

impl NbiConfig {
    fn check(&self) -> Result<(), ConfigError> {
        if self.enabled && !self.listen.ip().is_loopback() {
            let problem = format!(
                "{} can be reached from other machines, but the interface has no logins yet; use a \
                 loopback address such as \"127.0.0.1:7557\"",
                self.listen
            );
            return Err(ConfigError::new("nbi.listen", problem));
        }
        Ok(())
    }
}

fn in_range<T: PartialOrd + fmt::Display>(
    key: &'static str,
    value: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    let problem = format!("{value} is out of range; {} to {}", range.start(), range.end());
    Err(ConfigError::new(key, problem))
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    secret(deserializer).map(Some)
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    deserializer.deserialize_any(SecretText)
}

/// Reads a secret without ever quoting it: an error that shows a value would tell it (`SEC-01`).
struct SecretText;

impl SecretText {
    fn refuse<E: de::Error>() -> Result<Secret, E> {
        Err(E::custom("it is text; put it in quotes"))
    }
}

impl de::Visitor<'_> for SecretText {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Self::refuse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<AcsConfig, String> {
        let config: AcsConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    fn problem(text: &str, names: &str) {
        let error = check(text).expect_err(text);
        assert!(error.contains(names), "{error:?} does not name {names:?}");
    }

    #[test]
    fn the_empty_file_is_a_configuration() {
        let config = check("").expect("defaults");
        assert_eq!(config.cwmp.listen[0].port(), 7547);
        assert_eq!(config.nbi.listen.port(), 7557);
        assert_eq!(config.cwmp.auth.mode, AuthMode::Open);
        assert!(config.cwmp.auth.strict_nc);
    }

    #[test]
    fn all_keys_are_read() {
        let text = r#"
            data_dir = "/var/lib/drover"
            rules = "/etc/drover/rules"
            [cwmp]
            listen = ["127.0.0.1:0", "[::1]:0"]
            listen_tls = ["127.0.0.1:0"]
            path = "/acs"
            session_timeout_seconds = 45
            [cwmp.auth]
            mode = "digest_or_basic"
            realm = "acs"
            strict_nc = false
            allow_basic_without_tls = true
            [[cwmp.auth.users]]
            username = "u"
            password = "sesame"
            device = "00D09E-Test-0001"
            [cwmp.limits]
            connections = 1
            sessions = 2
            body_bytes = 3
            body_bytes_in_flight = 4
            head_timeout_seconds = 5
            body_timeout_seconds = 6
            [cwmp.admission]
            sessions_start = 7
            latency_milliseconds = 8
            retry_after_seconds_min = 9
            retry_after_seconds_max = 10
            patience_seconds = 11
            [connection_request]
            username = "cr"
            password = "sesame"
            timeout_milliseconds = 500
            allow_basic = true
            [files]
            enabled = true
            listen = "127.0.0.1:0"
            listen_tls = "127.0.0.1:0"
            url = "https://files.example/a"
            folder = "/srv/files"
            open = true
            file_bytes = 1
            upload_bytes = 2
            bytes_per_second = 1000000
            [nbi]
            listen = "[::1]:0"
            enabled = true
            [record]
            sessions = "all"
            sessions_per_device = 1
            session_days = 2
            session_bytes = 3
            points = 4
            hours = 5
            days = 6
            snapshots = 7
            [scripts]
            threads = 3
            [[tls.certificates]]
            chain = "chain.pem"
            key = "key.pem"
            names = ["acs.example"]
        "#;
        let config = check(text).expect("all keys");
        assert_eq!(config.cwmp.limits.body_bytes_in_flight, 4);
        assert_eq!(config.connection_request.credentials().password().expose(), "sesame");
        assert!(!format!("{config:?}").contains("sesame"), "SEC-01");
        let url_prefix = config.files.url_prefix();
        assert_eq!(url_prefix.as_deref(), Some("https://files.example/a/"));
        let admission = config.cwmp.admission();
        assert_eq!((admission.sessions_max, admission.sessions_min), (2, 2));
        assert_eq!(admission.patience, Duration::from_secs(11));
        let kept = Retention {
            sessions_per_device: 1,
            session_age: Duration::from_secs(2 * 24 * 60 * 60),
            session_bytes: 3,
            points: 4,
            hours: 5,
            days: 6,
            snapshots: 7,
        };
        assert_eq!(config.record.retention(), kept);
        assert_eq!(config.record.recording(), Recording::All);
    }

    #[test]
    fn as_much_is_kept_as_the_store_keeps_by_itself() {
        let config = check("").expect("defaults");
        assert_eq!(config.record.retention(), Retention::default());
        assert_eq!(config.record.recording(), Recording::default());
        let off = check("[record]\nsessions = \"off\"").expect("off");
        assert_eq!(off.record.recording(), Recording::Off);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        problem("[connection_request]\npassword = 47111174", "put it in quotes");
        let told = check("[connection_request]\npassword = 47111174").expect_err("no text");
        assert!(!told.lines().next().unwrap_or_default().contains("47111174"), "SEC-01");
        problem("colour = 1", "colour");
        problem("[cwmp]\nport = 1", "port");
        problem("[cwmp]\nlisten = [\"acs:http\"]", "listen");
        problem("[cwmp]\nlisten = []", "cwmp.listen");
        problem("[cwmp]\npath = \"acs\"", "cwmp.path");
        problem("[cwmp]\nsession_timeout_seconds = 29", "29 is out of range; 30 to 600");
        problem("[cwmp]\nsession_timeout_seconds = 601", "601 is out of range");
        let user = "[[cwmp.auth.users]]\nusername = \"u\"\npassword = \"p\"\n";
        problem(&format!("{user}device = \"x\""), "cwmp.auth.users");
        problem("[[cwmp.auth.onboarding]]\npassword = \"\"", "cwmp.auth.onboarding");
        problem("[proxy]\ntrusted = [\"10.0.0.0/8\"]", "proxy.trusted");
        problem("[proxy]\nheaders = true", "proxy.trusted");
        problem("[proxy]\ntrusted = [\"all\"]", "no address");
        let both = "[proxy]\ntrusted = [\"::1\"]\nheaders = true\nprotocol = true";
        problem(both, "proxy.protocol");
        problem("[cwmp.auth]\nmode = \"none\"", "none");
        problem("[cwmp.auth]\nrealm = \"\"", "cwmp.auth.realm");
        problem("[cwmp.limits]\nsessions = 0", "cwmp.limits.sessions");
        problem("[cwmp.limits]\nbody_timeout_seconds = 0", "cwmp.limits.body_timeout_seconds");
        let admission = |text: &str, names| problem(&format!("[cwmp.admission]\n{text}"), names);
        admission("sessions_start = 0", "cwmp.admission.sessions_start");
        admission("latency_milliseconds = 0", "0 is out of range; 1 to 60000");
        admission("retry_after_seconds_min = 0", "0 is out of range");
        admission("retry_after_seconds_max = 4", "4 is out of range; 5 to 86400");
        admission("patience_seconds = 0", "0 is out of range");
        problem("[connection_request]\ntimeout_milliseconds = 5001", "5001 is out of range");
        problem("[files]\nurl = \"acs.example\"", "files.url");
        problem("[files]\nurl = \"http://\"", "files.url");
        problem("[files]\nurl = \"http://a/?b\"", "files.url");
        problem("[files]\nfile_bytes = 0", "files.file_bytes");
        problem("[files]\nbytes_per_second = 9", "9 is out of range; 524288 to");
        problem("[cwmp]\nlisten_tls = [\"127.0.0.1:0\"]", "cwmp.listen_tls: needs a certificate");
        problem("[files]\nlisten_tls = \"127.0.0.1:0\"", "files.listen_tls: needs");
        problem("[[tls.certificates]]\nchain = \"a\"", "key");
        let twice = "[[tls.certificates]]\nchain = \"a\"\nkey = \"b\"\nnames = [\"x\", \"X\"]";
        problem(twice, "has two certificates");
        problem("[nbi]\nlisten = \"0.0.0.0:7557\"", "has no logins yet");
        problem("[record]\nsessions = \"some\"", "some");
        problem("[record]\nsessions_per_device = 10001", "10001 is out of range; 0 to 10000");
        problem("[record]\nsession_days = 0", "record.session_days: 0 is out of range");
        problem("[record]\npoints = 0", "record.points: 0 is out of range");
        problem("[record]\nhours = 100001", "record.hours: 100001 is out of range");
        problem("[record]\ndays = -1", "-1");
        problem("[record]\nsnapshots = 1001", "record.snapshots: 1001 is out of range");
        problem("[scripts]\nthreads = 0", "0 is out of range; 1 to 1024");
        problem("[scripts]\nthreads = 1025", "1025 is out of range");
    }

    #[test]
    fn auth_02_basic_without_tls_must_be_wanted() {
        let users = "[[cwmp.auth.users]]\nusername = \"u\"\npassword = \"p\"";
        let basic = format!("[cwmp.auth]\nmode = \"basic\"\n{users}");
        problem(&basic, "allow_basic_without_tls");
        let wanted = basic.replace("mode", "allow_basic_without_tls = true\nmode");
        assert!(check(&wanted).is_ok());
        let certificate = "[[tls.certificates]]\nchain = \"a\"\nkey = \"b\"";
        let tls = |listen: &str| {
            format!("[cwmp]\n{listen}listen_tls = [\"[::]:7548\"]\n{basic}\n{certificate}")
        };
        assert!(check(&tls("listen = []\n")).is_ok(), "nobody can come without");
        problem(&tls(""), "allow_basic_without_tls");
    }
}
