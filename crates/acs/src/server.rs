//! Starting and stopping.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use drover_datamodel::catalog::Catalog;
use drover_provision::{SessionConfig, Settings};
use drover_store::{Error as StoreError, Store};
use jiff::tz::TimeZone;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::config::{AcsConfig, AuthMode, ConfigError, ProxyConfig};
use crate::connection_request::ConnectionRequester;
use crate::cwmp::{CwmpHandler, Parts, Server, Sessions, abandon_all, sweep};
use crate::entropy::NoEntropy;
use crate::files::{FileServer, FilesError, FilesHandler, Library, Ports};
use crate::limits::{
    CERTIFICATES_SECONDS, FILE_CONNECTIONS_MAX, FILE_IDLE_SECONDS, LISTEN_BACKLOG,
    NBI_CONNECTIONS_MAX, NBI_IDLE_SECONDS, RULES_MILLISECONDS, SWEEP_MILLISECONDS,
};
use crate::meters::Meters;
use crate::models::{self, ModelsError};
use crate::nbi::{Nbi, NbiHandler};
use crate::net::{self, ConnectionPolicy, stopped};
use crate::reacher::Reacher;
use crate::rules::{Rulebook, RulesError};
use crate::scripts::{ScriptLimits, Scripts};
use crate::stun;
use crate::tls::{Tls, TlsError};

/// Why the server did not start. The text is one line that names what and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Where it stands in the configuration.
        key: &'static str,
        /// What the system says, and what to do.
        reason: String,
    },
    /// The system has no randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The folder of files cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A data model of the folder cannot be used.
    #[error("models.folder: {0}")]
    Models(#[from] ModelsError),
    /// Files of the folder of rules cannot be used. If there are several, the text has a line for
    /// each.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// What is kept cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system gives no threads for scripts.
    #[error("threads for scripts cannot be started: {0}; lower scripts.threads")]
    Threads(io::Error),
}

/// Where TLS is spoken.
#[derive(Debug, Clone, Default)]
pub struct TlsAddresses {
    /// With devices.
    pub cwmp: Vec<SocketAddr>,
    /// For files.
    pub files: Option<SocketAddr>,
}

/// A server that serves.
#[derive(Debug)]
pub struct Running {
    cwmp_addresses: Vec<SocketAddr>,
    nbi_address: Option<SocketAddr>,
    files_address: Option<SocketAddr>,
    tls_addresses: TlsAddresses,
    stun_address: Option<SocketAddr>,
    end: JoinHandle<()>,
}

impl Running {
    /// Where devices are served; with real ports where 0 was asked for.
    pub fn cwmp_addresses(&self) -> &[SocketAddr] {
        &self.cwmp_addresses
    }

    /// Where the northbound interface is served, unless it is off.
    pub const fn nbi_address(&self) -> Option<SocketAddr> {
        self.nbi_address
    }

    /// Where files are served, unless they are not.
    pub const fn files_address(&self) -> Option<SocketAddr> {
        self.files_address
    }

    /// Where TLS is spoken.
    pub const fn tls_addresses(&self) -> &TlsAddresses {
        &self.tls_addresses
    }

    /// Where STUN is served, if it is.
    pub const fn stun_address(&self) -> Option<SocketAddr> {
        self.stun_address
    }

    /// Returns when the server has stopped: requests in progress are answered, and what open
    /// sessions leave is saved.
    pub async fn finished(self) {
        // The task is never aborted, and a panic in it has been reported.
        let _ = self.end.await;
    }
}

/// Starts the server on the runtime that this is called on. It stops when `shutdown` resolves.
///
/// # Errors
/// [`ServeError`] when the configuration cannot be used or an address cannot be listened on. Then
/// nothing runs.
pub async fn serve(
    config: AcsConfig,
    store: Store,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, ServeError> {
    config.check()?;
    let catalog = match &config.models.folder {
        Some(folder) => models::load_folder(folder)?,
        None => Catalog::shipped(),
    };
    let rulebook = Rulebook::open(config.rules.as_deref(), store.clone(), at_first(&config));
    let rulebook = rulebook.await?;
    let scripts = Scripts::new(ScriptLimits::new(config.scripts.threads));
    let scripts = scripts.map_err(ServeError::Threads)?;
    let mut cwmp = Vec::new();
    for address in &config.cwmp.listen {
        cwmp.push(listen(*address, "cwmp.listen")?);
    }
    let tls = match config.tls.certificates.is_empty() {
        true => None,
        false => Some(Arc::new(Tls::open(&config.tls)?)),
    };
    let mut cwmp_tls = Vec::new();
    for address in &config.cwmp.listen_tls {
        cwmp_tls.push(listen(*address, "cwmp.listen_tls")?);
    }
    let nbi = config.nbi.enabled.then(|| listen(config.nbi.listen, "nbi.listen")).transpose()?;
    let meters = Arc::new(Meters::default());
    let files = match config.files.enabled {
        true => Some(open_files(&config, Arc::clone(&meters)).await?),
        false => None,
    };
    let (files_listeners, files) = files.unzip();
    let (files_listener, files_tls) = files_listeners.unzip();
    let files_tls = files_tls.flatten();
    let sessions = Arc::new(Sessions::new(config.cwmp.limits.sessions));
    let udp = Arc::new(open_udp(&config)?);
    let stun = config.stun.listen.map(|_| Arc::clone(&udp));
    let requests = &config.connection_request;
    let limit = Duration::from_millis(requests.timeout_milliseconds);
    let http = ConnectionRequester::new(limit, requests.allow_basic);
    let reacher = Reacher::new(http, udp, requests.credentials(), Arc::clone(&meters));
    let (catalog, reacher) = (Arc::new(catalog), Arc::new(reacher));
    let parts = Parts { store, sessions, catalog, rulebook, scripts, files, meters, reacher };
    let server = Arc::new(Server::new(&config.cwmp, parts)?);
    warn_about(&config);
    let cwmp_addresses = cwmp.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let nbi_address = nbi.as_ref().and_then(|listener| listener.local_addr().ok());
    let files_address = files_listener.as_ref().and_then(|it| it.local_addr().ok());
    let tls_addresses = TlsAddresses {
        cwmp: cwmp_tls.iter().filter_map(|it| it.local_addr().ok()).collect(),
        files: files_tls.as_ref().and_then(|it| it.local_addr().ok()),
    };
    info!(
        cwmp = ?cwmp_addresses, nbi = ?nbi_address, files = ?files_address, tls = ?tls_addresses,
        "serving"
    );
    let stun_address = stun.as_ref().and_then(|it| it.local_addr().ok());
    let listeners = Listeners { cwmp, cwmp_tls, nbi, files: files_listener, files_tls, tls, stun };
    let end = tokio::spawn(run(config, server, listeners, shutdown));
    Ok(Running { cwmp_addresses, nbi_address, files_address, tls_addresses, stun_address, end })
}

/// The listening sockets.
struct Listeners {
    cwmp: Vec<TcpListener>,
    cwmp_tls: Vec<TcpListener>,
    nbi: Option<TcpListener>,
    files: Option<TcpListener>,
    files_tls: Option<TcpListener>,
    tls: Option<Arc<Tls>>,
    stun: Option<Arc<UdpSocket>>,
}

/// The listeners for files, plain and with TLS, and what they serve.
async fn open_files(
    config: &AcsConfig,
    meters: Arc<Meters>,
) -> Result<((TcpListener, Option<TcpListener>), Arc<FileServer>), ServeError> {
    let listener = listen(config.files.listen, "files.listen")?;
    let tls = config.files.listen_tls;
    let tls = tls.map(|address| listen(address, "files.listen_tls")).transpose()?;
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port()).ok();
    let plain = port(&listener).unwrap_or_else(|| config.files.listen.port());
    let ports = Ports { plain, tls: tls.as_ref().and_then(port) };
    let folder = config.files.folder.clone().unwrap_or_else(|| config.data_dir.join("files"));
    let library = tokio::task::spawn_blocking(move || Library::open(&folder)).await;
    let library = library.map_err(|error| ServeError::Threads(io::Error::other(error)))??;
    Ok(((listener, tls), Arc::new(FileServer::new(&config.files, library, ports, meters))))
}

/// The socket from which datagrams go to devices.
fn open_udp(config: &AcsConfig) -> Result<UdpSocket, ServeError> {
    let open = |address: SocketAddr| {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket)
    };
    if let Some(address) = config.stun.listen {
        let reason = |error| reason(&error);
        let failed =
            |error| ServeError::Listen { address, key: "stun.listen", reason: reason(error) };
        return open(address).map_err(failed);
    }
    // Where there is no IPv6, one for IPv4 has to do.
    let any = |ip: IpAddr| SocketAddr::new(ip, 0);
    let address = any(Ipv4Addr::UNSPECIFIED.into());
    let opened = open(any(Ipv6Addr::UNSPECIFIED.into())).or_else(|_| open(address));
    let failed = |error| ServeError::Listen { address, key: "stun.listen", reason: reason(&error) };
    opened.map_err(failed)
}

/// How sessions are held before settings have a say.
fn at_first(config: &AcsConfig) -> SessionConfig {
    let settings = Settings {
        // As in GenieACS, the hours of schedules are those of the server's clock.
        zone: TimeZone::system(),
        recording: config.record.recording(),
        ..Settings::default()
    };
    SessionConfig { settings: Arc::new(settings), ..SessionConfig::default() }
}

async fn run(
    config: AcsConfig,
    server: Arc<Server>,
    listeners: Listeners,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let Listeners { cwmp, cwmp_tls, nbi, files, files_tls, tls, stun } = listeners;
    if let Some(socket) = stun {
        tasks.spawn(stun::serve(socket, config.stun.credentials(), stopping.clone()));
    }
    let proxies = Arc::new(config.proxy.clone());
    let plain = cwmp.into_iter().map(|listener| (listener, None));
    let encrypted = cwmp_tls.into_iter().map(|listener| (listener, tls.clone()));
    for (listener, tls) in plain.chain(encrypted) {
        let handler = CwmpHandler(Arc::clone(&server));
        tasks.spawn(net::serve(
            listener,
            tls,
            cwmp_policy(&config, &proxies),
            handler,
            stopping.clone(),
        ));
    }
    if let Some(listener) = nbi {
        let handler = NbiHandler::new(Nbi::new(Arc::clone(&server), config.files.file_bytes));
        tasks.spawn(net::serve(listener, None, nbi_policy(), handler, stopping.clone()));
    }
    let plain = files.map(|listener| (listener, None));
    let encrypted = files_tls.map(|listener| (listener, tls.clone()));
    for (listener, tls) in plain.into_iter().chain(encrypted) {
        let Some(files) = &server.files else { break };
        let handler = FilesHandler(Arc::clone(files));
        tasks.spawn(net::serve(listener, tls, files_policy(&proxies), handler, stopping.clone()));
    }
    if let Some(tls) = tls {
        tasks.spawn(renew_until(tls, stopping.clone()));
    }
    tasks.spawn(look_until(Arc::clone(&server.rulebook), stopping.clone()));
    tasks.spawn(sweep_until(Arc::clone(&server), stopping));
    shutdown.await;
    info!("stopping");
    let _ = stop.send(true);
    while tasks.join_next().await.is_some() {}
    abandon_all(&server).await;
    info!("stopped");
}

async fn sweep_until(server: Arc<Server>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(Duration::from_millis(SWEEP_MILLISECONDS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            _ = ticks.tick() => sweep(&server).await,
        }
    }
}

/// Looks at the files of certificates now and then.
async fn renew_until(tls: Arc<Tls>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(Duration::from_secs(CERTIFICATES_SECONDS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            _ = ticks.tick() => {
                let tls = Arc::clone(&tls);
                // A panic in it has been reported.
                let _ = tokio::task::spawn_blocking(move || tls.look()).await;
            }
        }
    }
}

/// Looks at the folder of rules now and then.
async fn look_until(rulebook: Arc<Rulebook>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(Duration::from_millis(RULES_MILLISECONDS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            _ = ticks.tick() => rulebook.look().await,
        }
    }
}

fn cwmp_policy(config: &AcsConfig, proxies: &Arc<ProxyConfig>) -> ConnectionPolicy {
    ConnectionPolicy {
        connections_max: config.cwmp.limits.connections,
        head_timeout: Duration::from_secs(config.cwmp.limits.head_timeout_seconds),
        title_case: true,
        proxies: Arc::clone(proxies),
    }
}

fn files_policy(proxies: &Arc<ProxyConfig>) -> ConnectionPolicy {
    ConnectionPolicy {
        connections_max: FILE_CONNECTIONS_MAX,
        head_timeout: Duration::from_secs(FILE_IDLE_SECONDS),
        title_case: true,
        proxies: Arc::clone(proxies),
    }
}

fn nbi_policy() -> ConnectionPolicy {
    ConnectionPolicy {
        connections_max: NBI_CONNECTIONS_MAX,
        head_timeout: Duration::from_secs(NBI_IDLE_SECONDS),
        title_case: false,
        proxies: Arc::default(),
    }
}

fn listen(address: SocketAddr, key: &'static str) -> Result<TcpListener, ServeError> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restarted server need not wait for the connections of the one before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(LISTEN_BACKLOG)
    };
    bound().map_err(|error| ServeError::Listen { address, key, reason: reason(&error) })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use; stop the other program, or choose another port".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have the address; choose one of its own".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; choose a port above 1023, or run with the right to use it"
                .to_owned()
        }
        _ => format!("{error}; choose another address"),
    }
}

fn warn_about(config: &AcsConfig) {
    let auth = &config.cwmp.auth;
    if auth.mode == AuthMode::Open {
        warn!("devices are not asked for credentials; set cwmp.auth.mode = \"digest\"");
    }
    if auth.mode != AuthMode::Open && auth.users.is_empty() && auth.onboarding.is_empty() {
        info!("only devices with credentials or a certificate of their own may come in");
    }
    if auth.mode.has_basic() && !config.cwmp.listen.is_empty() {
        warn!("passwords of devices travel readable: basic authentication without TLS is allowed");
    }
    if config.files.enabled && config.files.open {
        warn!("everybody who knows the name of a file may load it: files.open is true");
    }
    if config.connection_request.allow_basic {
        warn!("connection request passwords travel readable to devices that ask for basic");
    }
}
