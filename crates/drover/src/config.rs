//! Configuration of the server: one TOML file, every key also by an environment variable.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use drover_acs::{AcsConfig, RulesSummary};
use toml::Value;

use crate::data::Data;

/// Prefix of the environment variables.
const PREFIX: &str = "DROVER_";
/// What stands between section and key.
const SEPARATOR: &str = "__";
/// The keys of the environment that stand in no section.
const WITHOUT_SECTION: [&str; 3] = ["DATABASE", "DATA_DIR", "RULES"];

/// A configuration that cannot be used; one line that says where and what.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration {path}: {source}; check the name and the rights")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}: {message}")]
    InFile { path: PathBuf, line: usize, message: String },
    #[error("environment variable {name}: {message}")]
    InEnvironment { name: String, message: String },
    #[error("{0}")]
    Value(#[from] drover_acs::ConfigError),
}

/// Reads the file, then lets the environment override single keys, then checks the values.
///
/// A variable is the key in upper case with its sections, such as `DROVER_CWMP__AUTH__MODE` for
/// `mode` in `[cwmp.auth]`, or `DROVER_DATA_DIR`.
pub(crate) fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<AcsConfig, ConfigError> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => toml::Table::new(),
    };
    let mut config = AcsConfig::default();
    if let Some(path) = file {
        config = parse(&table).map_err(|message| ConfigError::InFile {
            path: path.to_owned(),
            line: 1,
            message,
        })?;
    }
    for (name, text) in settings(environment) {
        config = override_key(&mut table, &name, &text)
            .map_err(|message| ConfigError::InEnvironment { name, message })?;
    }
    config.check()?;
    Ok(config)
}

fn read(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    // Read once as the configuration itself, since only that knows on which line a key stands.
    match toml::from_str::<AcsConfig>(&text) {
        Ok(_) => {}
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            let message = with_key(&text, line, one_line(error.message()));
            return Err(ConfigError::InFile { path: path.to_owned(), line, message });
        }
    }
    toml::from_str(&text).map_err(|error| ConfigError::InFile {
        path: path.to_owned(),
        line: 1,
        message: one_line(error.message()),
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Names the key of the line if the message does not. The value stays out: it may be a secret.
fn with_key(text: &str, line: usize, message: String) -> String {
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
    match key.map(|(key, _)| key.trim()) {
        Some(key) if !message.contains(key) => format!("{key}: {message}"),
        _ => message,
    }
}

fn parse(table: &toml::Table) -> Result<AcsConfig, String> {
    table.clone().try_into().map_err(|error: toml::de::Error| one_line(error.message()))
}

fn one_line(message: &str) -> String {
    let line = message.lines().collect::<Vec<_>>().join("; ");
    if line.contains("socket address") {
        return format!("{line}; write address and port, such as \"127.0.0.1:7547\"");
    }
    line
}

/// The variables that are keys of the configuration. Others with our prefix, such as `DROVER_LOG`,
/// have neither a section nor such a key.
fn settings(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    let mut settings: Vec<_> = environment
        .into_iter()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .filter(|(name, _)| {
            name.strip_prefix(PREFIX)
                .is_some_and(|key| WITHOUT_SECTION.contains(&key) || key.contains(SEPARATOR))
        })
        .collect();
    settings.sort();
    settings
}

/// Numbers, truth values and lists are written as in TOML; what does not fit so is text, so that a
/// password may be all digits.
fn override_key(table: &mut toml::Table, name: &str, text: &str) -> Result<AcsConfig, String> {
    let as_text = Value::String(text.to_owned());
    let as_toml = toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    insert(table, name, as_toml.unwrap_or_else(|| as_text.clone()));
    parse(table).or_else(|message| {
        insert(table, name, as_text);
        parse(table).map_err(|_| message)
    })
}

fn insert(table: &mut toml::Table, name: &str, value: Value) {
    let key = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let mut parts: Vec<_> = key.split(SEPARATOR).collect();
    let last = parts.pop().unwrap_or_default();
    let mut section = table;
    for part in parts {
        let entry = section.entry(part).or_insert_with(|| Value::Table(toml::Table::new()));
        if !entry.is_table() {
            *entry = Value::Table(toml::Table::new());
        }
        let Value::Table(inner) = entry else { return };
        section = inner;
    }
    section.insert(last.to_owned(), value);
}

/// Shows where the server listens and keeps its data, for `--check-config`.
pub(crate) struct Summary<'a> {
    pub(crate) config: &'a AcsConfig,
    /// Where the data is kept.
    pub(crate) data: &'a Data,
    /// What the folder of rules holds, if there is one.
    pub(crate) rules: Option<RulesSummary>,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AcsConfig { rules, cwmp, nbi, models, files, .. } = self.config;
        writeln!(f, "configuration is valid")?;
        writeln!(f, "  data     {}", self.data)?;
        if let (Some(folder), Some(summary)) = (rules, &self.rules) {
            writeln!(f, "  rules    {}: {summary}", folder.display())?;
        }
        if let Some(folder) = &models.folder {
            writeln!(f, "  models   {}", folder.display())?;
        }
        for address in &cwmp.listen {
            writeln!(f, "  CWMP     {address}")?;
        }
        for address in &cwmp.listen_tls {
            writeln!(f, "  CWMP     {address} TLS")?;
        }
        if nbi.enabled {
            writeln!(f, "  NBI      {}", nbi.listen)?;
        }
        if files.enabled {
            writeln!(f, "  files    {}", files.listen)?;
            if let Some(address) = files.listen_tls {
                writeln!(f, "  files    {address} TLS")?;
            }
        }
        let (mode, users) = (cwmp.auth.mode, cwmp.auth.users.len());
        write!(f, "  devices  authenticate by {mode:?}, {users} users")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, environment: &[(&str, &str)]) -> Result<AcsConfig, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("drover.toml");
        fs::write(&path, text).expect("written");
        let environment = environment.iter().map(|(name, text)| (name.into(), text.into()));
        load(Some(&path), environment).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let environment = [
            ("DROVER_CWMP__LISTEN", "[\"127.0.0.1:1234\"]"),
            ("DROVER_CWMP__SESSION_TIMEOUT_SECONDS", "99"),
            ("DROVER_DATA_DIR", "/elsewhere"),
            ("DROVER_RULES", "/rules"),
            ("DROVER_LOG", "debug"),
            ("HOME", "/root"),
        ];
        let text = "data_dir = \"/here\"\n[cwmp]\nsession_timeout_seconds = 45\npath = \"/acs\"";
        let config = with(text, &environment).expect("valid");
        assert_eq!(config.data_dir, PathBuf::from("/elsewhere"));
        assert_eq!(config.rules, Some(PathBuf::from("/rules")));
        assert_eq!(config.cwmp.session_timeout_seconds, 99);
        assert_eq!(config.cwmp.listen[0].port(), 1234);
        assert_eq!(config.cwmp.path.as_deref(), Some("/acs"));
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let error = with("[cwmp]\n\ncolour = 1", &[]).expect_err("unknown key");
        assert!(error.contains("drover.toml:3: ") && error.contains("colour"), "{error}");
        let error = with("[cwmp]\nlisten = [\"x\"]", &[]).expect_err("no address");
        assert!(error.contains("drover.toml:2: listen: "), "{error}");
        let error = with("[connection_request]\npassword = 1234", &[]).expect_err("no text");
        assert!(error.contains("drover.toml:2: password: "), "{error}");
        let error = with("", &[("DROVER_CWMP__COLOUR", "1")]).expect_err("unknown key");
        assert!(error.contains("DROVER_CWMP__COLOUR") && error.contains("colour"), "{error}");
        let error = with("nbi.listen = \"0.0.0.0:7557\"", &[]).expect_err("not loopback");
        assert!(error.contains("nbi.listen"), "{error}");
        let missing = load(Some(Path::new("/nowhere/drover.toml")), []).expect_err("no file");
        assert!(missing.to_string().contains("/nowhere/drover.toml"), "{missing}");
    }

    #[test]
    fn the_book_shows_the_defaults_and_a_login() {
        let book = include_str!("../../../docs/acs.md");
        let block = book.split("```toml").nth(1).and_then(|rest| rest.split("```").next());
        let config = with(block.expect("a configuration"), &[]).expect("valid");
        let mut defaults = AcsConfig::default();
        defaults.cwmp.auth.mode = config.cwmp.auth.mode;
        defaults.cwmp.auth.users = config.cwmp.auth.users.clone();
        assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
        assert_eq!(config.cwmp.auth.users.len(), 1);
    }

    #[test]
    fn a_password_of_digits_stays_text() {
        let config = with("", &[("DROVER_CONNECTION_REQUEST__PASSWORD", "123")]).expect("valid");
        assert_eq!(config.connection_request.password.expose(), "123");
    }
}
