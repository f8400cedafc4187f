//! PostgreSQL: the schema `drover` of a database.

mod migrate;
mod session;
#[cfg(test)]
mod tests;
mod value;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Location;
use super::connection::{Access, Connection, DbError};
use super::threads::Opened;
use crate::error::Error;
use crate::limits::SERVER_CONNECT_SECONDS;

pub(super) use session::Session;
pub(super) use value::row;

type Answer<T> = Result<T, Error>;

/// Held while a Drover uses the database: "DROV".
const LOCK: i64 = 0x4452_4F56;

/// Where servers listen, unless an address says otherwise.
const PORT: u16 = 5_432;

/// A database of a server.
#[derive(Clone)]
pub(super) struct Server(Arc<Address>);

struct Address {
    config: Config,
    /// How the server is recognised; `None` for connections that nobody can listen to.
    tls: Option<MakeRustlsConnect>,
    /// For people, without the password.
    name: String,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server").field(&self.0.name).finish()
    }
}

impl Server {
    /// Connects, and brings the database up to date.
    pub(super) fn open(url: &str) -> Answer<Opened> {
        let server = Self::parse(url)?;
        let session = Session::connect(server.clone(), Access::Write)
            .map_err(|error| server.explain(&error))?;
        migrate::migrate(&session, &server)?;
        let writer = Connection::Postgres(Box::new(session));
        Ok(Opened { writer, location: Location::Server(server) })
    }

    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn parse(url: &str) -> Answer<Self> {
        let invalid = |reason: String| Error::InvalidUrl { reason };
        let Options { rest, authority } = Options::of(url);
        let mut config = Config::from_str(&rest).map_err(|error| invalid(describe(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(invalid("it names no host".to_owned()));
        }
        config.application_name("drover");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(SERVER_CONNECT_SECONDS));
        }
        let tls = match needs_tls(&config) {
            true => {
                config.ssl_mode(SslMode::Require);
                Some(verified(authority.as_deref()).map_err(invalid)?)
            }
            false => {
                config.ssl_mode(SslMode::Disable);
                None
            }
        };
        let name = name(&config);
        Ok(Self(Arc::new(Address { config, tls, name })))
    }

    /// Opens a connection beside the writer's.
    pub(super) fn connect(&self, access: Access) -> Answer<Connection> {
        let session = Session::connect(self.clone(), access);
        session
            .map(|session| Connection::Postgres(Box::new(session)))
            .map_err(|error| self.explain(&error))
    }

    fn client(&self) -> Result<Client, postgres::Error> {
        match &self.0.tls {
            Some(tls) => self.0.config.connect(tls.clone()),
            None => self.0.config.connect(NoTls),
        }
    }

    pub(super) fn explain(&self, error: &DbError) -> Error {
        match error {
            DbError::InUse => Error::ServerInUse { server: self.0.name.clone() },
            DbError::Unreadable(what) => {
                Error::Unreadable { database: self.0.name.clone(), what: what.clone() }
            }
            other => self.failed(other.to_string()),
        }
    }

    pub(super) fn failed(&self, reason: String) -> Error {
        Error::Server { server: self.0.name.clone(), reason }
    }
}

/// What goes over a network is never sent in the clear only because a server says so.
fn needs_tls(config: &Config) -> bool {
    match config.get_ssl_mode() {
        SslMode::Disable => false,
        SslMode::Prefer => !is_local(config),
        _ => true,
    }
}

/// Whether a connection does not leave this machine.
fn is_local(config: &Config) -> bool {
    let mut addresses = config.get_hostaddrs().iter();
    if !config.get_hostaddrs().is_empty() {
        return addresses.all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

/// A server must show a certificate of an authority that the file names or, without a file, this
/// system trusts.
fn verified(authority: Option<&Path>) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(path) => {
            let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
            for certificate in certificates {
                let added = certificate.map_err(|error| failed(&error));
                roots.add(added?).map_err(|error| failed(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err("no certificate authority is trusted, so no server can be verified: install \
                    the system's certificates, or name a file with sslrootcert="
            .to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Parts of an address that libpq knows and the client does not.
struct Options {
    /// The address without them.
    rest: String,
    /// `sslrootcert`: a file with certificates of authorities.
    authority: Option<PathBuf>,
}

impl Options {
    fn of(url: &str) -> Self {
        let (begin, options, separator) = match url.split_once('?') {
            Some((begin, options)) if begin.contains("://") => (Some(begin), options, "&"),
            _ if url.contains("://") => (Some(url), "", "&"),
            _ => (None, url, " "),
        };
        let (mut kept, mut authority) = (Vec::new(), None);
        for option in options.split(separator).filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslrootcert", path)) => {
                    let path = path.trim_matches('\'');
                    authority = Some(PathBuf::from(percent_decoded(path, begin.is_some())));
                }
                // Nothing is required here that is not verified.
                Some(("sslmode", "verify-ca" | "verify-full")) => {
                    kept.push("sslmode=require");
                }
                _ => kept.push(option),
            }
        }
        let kept = kept.join(separator);
        let rest = match begin {
            Some(begin) if kept.is_empty() => begin.to_owned(),
            Some(begin) => format!("{begin}?{kept}"),
            None => kept,
        };
        Self { rest, authority }
    }
}

/// In a URL a slash may be written as `%2F`.
fn percent_decoded(text: &str, is_url: bool) -> String {
    if is_url { text.replace("%2F", "/").replace("%2f", "/") } else { text.to_owned() }
}

fn name(config: &Config) -> String {
    let mut name = String::new();
    if let Some(user) = config.get_user() {
        let _ = write!(name, "{user}@");
    }
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let mut hosts: Vec<String> = hosts.collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(IpAddr::to_string).collect();
    }
    name.push_str(&hosts.join(","));
    if let [port] = config.get_ports()
        && *port != PORT
    {
        let _ = write!(name, ":{port}");
    }
    if let Some(database) = config.get_dbname() {
        let _ = write!(name, "/{database}");
    }
    name
}

/// What a server or the connection to it says, in one line.
pub(super) fn describe(error: &postgres::Error) -> String {
    let mut text = match error.as_db_error() {
        Some(error) => {
            let detail = error.detail().map(|detail| format!(" ({detail})"));
            format!("{}{}", error.message(), detail.unwrap_or_default())
        }
        None => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(error) = source {
                // Some errors repeat what their source says.
                let inner = error.to_string();
                if !text.contains(&inner) {
                    let _ = write!(text, ": {inner}");
                }
                source = error.source();
            }
            text
        }
    };
    while let Some(end) = text.find(['\n', '\r']) {
        text.replace_range(end..=end, " ");
    }
    text
}
