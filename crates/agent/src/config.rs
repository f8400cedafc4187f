//! The agent's configuration: one TOML file, each key also by environment variable.
//!
//! Configured values are the device's factory state: what the ACS sets later is kept in the state
//! file and wins, until a factory reset brings these back.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use drover_cwmp::HttpUrl;
use drover_cwmp::auth::Secret;
use serde::{Deserialize, Deserializer};
use tracing::level_filters::LevelFilter;

use crate::limits::CONFIG_BYTES_MAX;

/// The registered port of connection requests (CR-03).
const CONNECTION_REQUEST_PORT: u16 = 7547;

/// Where the state is kept if nothing else is said.
const STATE_DIR: &str = "/var/lib/drover-agent";

/// How an ACS URL looks, for messages.
const EXAMPLE_URL: &str = "http://HOST:7547/";

/// Everything the agent can be told from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// The folder of the state file.
    pub state_dir: PathBuf,
    /// How to reach the ACS.
    pub acs: AcsConfig,
    /// The connection request listener.
    pub connection_request: ConnectionRequestConfig,
    /// The identity of the device, where it shall not be the host's.
    pub device: DeviceConfig,
    /// Periodic Informs.
    pub inform: InformConfig,
    /// What the log says.
    pub log: LogConfig,
}

/// `[acs]`
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AcsConfig {
    /// Factory default of `ManagementServer.URL`; empty = none.
    pub url: String,
    /// Factory default of `ManagementServer.Username`.
    pub username: String,
    /// Factory default of `ManagementServer.Password`.
    pub password: Secret,
    /// Whether an ACS without TLS may ask for the password in the clear (AUTH-02).
    pub allow_basic: bool,
}

/// `[connection_request]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionRequestConfig {
    /// Whether to listen at all (CR-13).
    pub enable: bool,
    /// The address to listen on.
    pub address: IpAddr,
    /// The TCP port; 0 = any free one.
    pub port: u16,
    /// Factory default of `ManagementServer.ConnectionRequestUsername`.
    pub username: String,
    /// Factory default of `ManagementServer.ConnectionRequestPassword`.
    pub password: Secret,
}

/// `[device]`. Empty = taken from the host.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeviceConfig {
    /// `DeviceInfo.Manufacturer`.
    pub manufacturer: String,
    /// `DeviceInfo.ManufacturerOUI`, six upper-case hexadecimal digits.
    pub oui: String,
    /// `DeviceInfo.ProductClass`.
    pub product_class: String,
    /// `DeviceInfo.SerialNumber`.
    pub serial_number: String,
}

/// `[inform]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InformConfig {
    /// Factory default of `ManagementServer.PeriodicInformEnable`.
    pub periodic_enable: bool,
    /// Factory default of `ManagementServer.PeriodicInformInterval`, in seconds, at least 1.
    pub periodic_interval: u32,
}

/// `[log]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogConfig {
    /// The least important messages that are written: `error`, `warn`, `info`, `debug`, `trace` or
    /// `off`.
    pub level: LevelFilter,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from(STATE_DIR),
            acs: AcsConfig::default(),
            connection_request: ConnectionRequestConfig {
                enable: true,
                address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                port: CONNECTION_REQUEST_PORT,
                username: String::new(),
                password: Secret::default(),
            },
            device: DeviceConfig::default(),
            inform: InformConfig { periodic_enable: true, periodic_interval: 3600 },
            log: LogConfig { level: LevelFilter::INFO },
        }
    }
}

/// The configuration cannot be used. The message is one line that names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML, or has an unknown key, or a value of the wrong type.
    #[error("{path}:{line}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// An environment variable has an unknown name or an unusable value.
    #[error("environment variable {name}: {message}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The values are readable, but one of them cannot be used.
    #[error("{key}: {message}")]
    Value {
        /// The key, as `section.key`.
        key: &'static str,
        /// What is wrong, and what to write.
        message: String,
    },
}

impl Config {
    /// Reads the file, if there is one, and then the environment, which wins.
    ///
    /// The values are not checked against each other yet, because the command line may still
    /// replace some: see [`check`](Self::check).
    ///
    /// # Errors
    /// Every [`ConfigError`] but [`ConfigError::Value`].
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(path) = path {
            config.apply_file(path)?;
        }
        for (name, value) in environment {
            config.apply_variable(&name, &value)?;
        }
        Ok(config)
    }

    /// Checks what no single value shows.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with the first bad value.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_url()?;
        let device = &self.device;
        check_oui(&device.oui)?;
        check_length("device.manufacturer", &device.manufacturer, 64)?;
        check_length("device.product_class", &device.product_class, 64)?;
        check_length("device.serial_number", &device.serial_number, 64)?;
        check_length("acs.username", &self.acs.username, 256)?;
        check_length("acs.password", self.acs.password.expose(), 256)?;
        let request = &self.connection_request;
        check_length("connection_request.username", &request.username, 256)?;
        check_length("connection_request.password", request.password.expose(), 256)?;
        if self.inform.periodic_interval == 0 {
            return Err(bad("inform.periodic_interval", "write at least 1 (seconds)"));
        }
        Ok(())
    }

    fn check_url(&self) -> Result<(), ConfigError> {
        if self.acs.url.is_empty() {
            let remedy = format!("no ACS is known: set it, or use --acs-url {EXAMPLE_URL}");
            return Err(bad("acs.url", &remedy));
        }
        // The text itself is not shown: it may hold a password where none belongs.
        let url: HttpUrl = match self.acs.url.parse() {
            Ok(url) => url,
            Err(error) => return Err(bad("acs.url", &format!("{error}; write {EXAMPLE_URL}"))),
        };
        if url.is_https() {
            let remedy = format!("https is not supported by this version; write {EXAMPLE_URL}");
            return Err(bad("acs.url", &remedy));
        }
        Ok(())
    }

    fn apply_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = read_file(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let file: ConfigFile = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            let key = text.lines().nth(line - 1).unwrap_or_default();
            // The error quotes the value, which must not be seen where it is a secret.
            let message = if key.trim_start().starts_with("password") {
                "password: it is text; put it in quotes".to_owned()
            } else {
                error.message().replace('\n', "; ")
            };
            ConfigError::File { path: path.to_owned(), line, message }
        })?;
        file.apply(self);
        Ok(())
    }

    /// `DROVER_STATE_DIR` and `DROVER_SECTION__KEY`. Variables of other parts of Drover are not
    /// ours to judge, but an unknown key in one of our sections is a mistake.
    fn apply_variable(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let Some(key) = name.strip_prefix("DROVER_") else { return Ok(()) };
        let (section, key) = key.split_once("__").unwrap_or(("", key));
        let applied = match section {
            "" if key == "STATE_DIR" => {
                self.state_dir = PathBuf::from(value);
                Ok(())
            }
            "ACS" => self.acs.set(key, value),
            "CONNECTION_REQUEST" => self.connection_request.set(key, value),
            "DEVICE" => self.device.set(key, value),
            "INFORM" => self.inform.set(key, value),
            "LOG" => self.log.set(key, value),
            _ => Ok(()),
        };
        applied.map_err(|message| ConfigError::Environment { name: name.to_owned(), message })
    }
}

impl AcsConfig {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "URL" => self.url = value.to_owned(),
            "USERNAME" => self.username = value.to_owned(),
            "PASSWORD" => self.password = Secret::new(value),
            "ALLOW_BASIC" => self.allow_basic = parse(value, "true or false")?,
            _ => return Err(unknown("URL, USERNAME, PASSWORD, ALLOW_BASIC")),
        }
        Ok(())
    }
}

impl ConnectionRequestConfig {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "ENABLE" => self.enable = parse(value, "true or false")?,
            "ADDRESS" => self.address = parse(value, "an IP address")?,
            "PORT" => self.port = parse(value, "a port from 0 to 65535")?,
            "USERNAME" => self.username = value.to_owned(),
            "PASSWORD" => self.password = Secret::new(value),
            _ => return Err(unknown("ENABLE, ADDRESS, PORT, USERNAME, PASSWORD")),
        }
        Ok(())
    }
}

impl DeviceConfig {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let field = match key {
            "MANUFACTURER" => &mut self.manufacturer,
            "OUI" => &mut self.oui,
            "PRODUCT_CLASS" => &mut self.product_class,
            "SERIAL_NUMBER" => &mut self.serial_number,
            _ => return Err(unknown("MANUFACTURER, OUI, PRODUCT_CLASS, SERIAL_NUMBER")),
        };
        value.clone_into(field);
        Ok(())
    }
}

impl InformConfig {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "PERIODIC_ENABLE" => self.periodic_enable = parse(value, "true or false")?,
            "PERIODIC_INTERVAL" => {
                self.periodic_interval = parse(value, "a number of seconds, at least 1")?;
            }
            _ => return Err(unknown("PERIODIC_ENABLE, PERIODIC_INTERVAL")),
        }
        Ok(())
    }
}

impl LogConfig {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "LEVEL" => self.level = parse(value, LEVELS)?,
            _ => return Err(unknown("LEVEL")),
        }
        Ok(())
    }
}

/// The words that [`LevelFilter`] reads, for messages.
const LEVELS: &str = "one of off, error, warn, info, debug, trace";

fn unknown(known: &str) -> String {
    format!("unknown key, expected one of {known}")
}

fn parse<T: std::str::FromStr>(value: &str, wanted: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{value:?} is not {wanted}"))
}

fn bad(key: &'static str, message: &str) -> ConfigError {
    ConfigError::Value { key, message: message.to_owned() }
}

fn check_oui(oui: &str) -> Result<(), ConfigError> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    if oui.is_empty() || (oui.len() == 6 && oui.bytes().all(is_digit)) {
        return Ok(());
    }
    Err(bad("device.oui", "write six upper-case hexadecimal digits, such as 02D20F"))
}

fn check_length(key: &'static str, value: &str, chars_max: usize) -> Result<(), ConfigError> {
    match value.chars().count() {
        count if count > chars_max => {
            Err(bad(key, &format!("write at most {chars_max} characters")))
        }
        _ => Ok(()),
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > CONFIG_BYTES_MAX {
        let reason = format!("it is larger than {CONFIG_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}

/// The file as it is written: each key may be missing, and no other key may be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    state_dir: Option<PathBuf>,
    acs: Option<AcsFile>,
    connection_request: Option<ConnectionRequestFile>,
    device: Option<DeviceFile>,
    inform: Option<InformFile>,
    log: Option<LogFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcsFile {
    url: Option<String>,
    username: Option<String>,
    password: Option<String>,
    allow_basic: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionRequestFile {
    enable: Option<bool>,
    address: Option<IpAddr>,
    port: Option<u16>,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceFile {
    manufacturer: Option<String>,
    oui: Option<String>,
    product_class: Option<String>,
    serial_number: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InformFile {
    periodic_enable: Option<bool>,
    periodic_interval: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogFile {
    #[serde(default, deserialize_with = "level")]
    level: Option<LevelFilter>,
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LevelFilter>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text, LEVELS).map(Some).map_err(serde::de::Error::custom)
}

impl ConfigFile {
    fn apply(self, config: &mut Config) {
        replace(&mut config.state_dir, self.state_dir);
        if let Some(acs) = self.acs {
            replace(&mut config.acs.url, acs.url);
            replace(&mut config.acs.username, acs.username);
            replace(&mut config.acs.password, acs.password.map(Secret::new));
            replace(&mut config.acs.allow_basic, acs.allow_basic);
        }
        if let Some(request) = self.connection_request {
            request.apply(&mut config.connection_request);
        }
        if let Some(device) = self.device {
            replace(&mut config.device.manufacturer, device.manufacturer);
            replace(&mut config.device.oui, device.oui);
            replace(&mut config.device.product_class, device.product_class);
            replace(&mut config.device.serial_number, device.serial_number);
        }
        if let Some(inform) = self.inform {
            replace(&mut config.inform.periodic_enable, inform.periodic_enable);
            replace(&mut config.inform.periodic_interval, inform.periodic_interval);
        }
        replace(&mut config.log.level, self.log.and_then(|log| log.level));
    }
}

impl ConnectionRequestFile {
    fn apply(self, config: &mut ConnectionRequestConfig) {
        replace(&mut config.enable, self.enable);
        replace(&mut config.address, self.address);
        replace(&mut config.port, self.port);
        replace(&mut config.username, self.username);
        replace(&mut config.password, self.password.map(Secret::new));
    }
}

fn replace<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}
