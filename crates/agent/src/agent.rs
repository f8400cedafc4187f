//! The daemon: a device, its box, its ACS, and the state that survives it all.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use drover_cpe::{
    Clock, Deferred, Device, Ended, Endpoint, Identity, Model, Next, Outcome, SessionSettings,
};
use drover_cwmp::HttpUrl;
use drover_cwmp::session::cpe::{HttpPost, HttpResponse};
use hyper::header::{LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use crate::config::{Config, ConnectionRequestConfig};
use crate::entropy;
use crate::error::{AgentError, chain};
use crate::http::{
    ConnectionRequestAccess, ConnectionRequestListener, HttpClient, Response, local_address,
};
use crate::keeper::Keeper;
use crate::limits::{NETWORK_SETTLE_TIME, START_FAILURE_WAIT, WATCH_INTERVAL};
use crate::linux::{NetworkMonitor, identity, local_time};
use crate::state_file::DiskFiles;
use crate::tree::{Facts, HostTree, build_model, device};

/// Runs the agent until `shutdown` completes.
///
/// Reboot and FactoryReset restart the agent inside; they never touch the host. Needs a tokio
/// runtime with I/O and time.
///
/// # Errors
/// [`AgentError`] when it cannot start. Once it runs it goes on through every failure of the ACS,
/// the network and the storage.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), AgentError> {
    config.check()?;
    tokio::select! {
        result = Box::pin(live(config)) => match result? {},
        () = shutdown => {
            info!("the agent stops");
            Ok(())
        }
    }
}

async fn live(config: Config) -> Result<Infallible, AgentError> {
    let mut agent = Agent::start(config).await?;
    loop {
        agent.boot().await?;
        let deferred = agent.work().await?;
        info!(?deferred, "the device restarts");
    }
}

/// Path of the parameter that tells the ACS where to knock.
const CONNECTION_REQUEST_URL: &str = device::management_server::CONNECTION_REQUEST_URL.path();

/// Everything that runs.
struct Agent {
    config: Config,
    settings: SessionSettings,
    model: Arc<Model>,
    identity: Identity,
    keeper: Keeper<DiskFiles>,
    tree: HostTree,
    monitor: NetworkMonitor,
    listener: Option<ConnectionRequestListener>,
    client: HttpClient,
    endpoint: Endpoint,
    timers: Timers,
    /// The ACS that [`CONNECTION_REQUEST_URL`] was found for.
    known_acs: Option<HttpUrl>,
}

/// When something is due that the device itself does not know of.
struct Timers {
    /// When the device was switched on.
    started: Instant,
    /// When the network is to be read again, because it changed.
    settled: Option<Instant>,
    /// When the watched values are to be read again.
    watch: Instant,
    /// Before this no session is tried, because the last one could not be started.
    not_before: Instant,
}

impl Timers {
    fn new(now: Instant) -> Self {
        Self { started: now, settled: None, watch: now + WATCH_INTERVAL, not_before: now }
    }
}

impl Agent {
    async fn start(config: Config) -> Result<Self, AgentError> {
        let keeper = Keeper::open(open_folder(&config)?)?;
        let installation = keeper.installation();
        let facts = Facts::new(
            &config.device,
            identity(),
            &installation.serial_number,
            installation.first_use.clone(),
        );
        let identity = Identity::new(
            &facts.manufacturer,
            &facts.oui,
            &facts.product_class,
            &facts.serial_number,
        )?;
        let model = Arc::new(build_model(&config)?);
        let tree = HostTree::new(installation.instances.clone(), facts)?;
        let listener = listen(&config.connection_request, &installation.request_path).await?;
        let settings = SessionSettings {
            allow_basic_without_tls: config.acs.allow_basic,
            user_agent: concat!("drover-agent/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..SessionSettings::default()
        };
        let endpoint = Endpoint::new(Device::new(Arc::clone(&model), identity.clone()));
        Ok(Self {
            config,
            settings,
            model,
            identity,
            keeper,
            tree,
            monitor: NetworkMonitor::open()?,
            listener,
            client: HttpClient::new(),
            endpoint,
            timers: Timers::new(Instant::now()),
            known_acs: None,
        })
    }

    /// Switches the device on: a new one with the saved state and the values of the box.
    async fn boot(&mut self) -> Result<(), AgentError> {
        self.timers = Timers::new(Instant::now());
        let device = Device::new(Arc::clone(&self.model), self.identity.clone());
        self.endpoint = Endpoint::new(device);
        self.keeper.handle_restart();
        let now = self.clock();
        let state = self.keeper.device();
        if !state.is_empty() {
            self.endpoint.device_mut().restore(state, &now)?;
        }
        // Before the device boots: what is reported until then is only taken in, and compared
        // with what was known before the restart.
        self.refresh(&[String::new()]).await;
        self.known_acs = None;
        self.find_own_address().await;
        let now = self.clock();
        self.endpoint.device_mut().handle_boot(&now, entropy::number()?);
        self.grant_access();
        self.save()?;
        let identity = self.endpoint.device().identity();
        info!(
            serial_number = identity.serial_number(),
            connection_request_port = self.listener.as_ref().map(ConnectionRequestListener::port),
            "the device is on"
        );
        Ok(())
    }

    /// Works until the device has to restart.
    async fn work(&mut self) -> Result<Deferred, AgentError> {
        loop {
            let now = self.clock();
            self.endpoint.handle_timeout(&now);
            if self.endpoint.device().wants_session(&now) && self.may_start() {
                if let Some(deferred) = self.session().await? {
                    return Ok(deferred);
                }
                continue;
            }
            if let Err(failure) = self.save() {
                error!(error = chain(&failure), "the state cannot be saved");
            }
            self.wait().await;
        }
    }

    fn may_start(&self) -> bool {
        self.timers.not_before <= Instant::now()
    }

    /// Waits for the next thing to do.
    async fn wait(&mut self) {
        let listener = self.listener.as_ref();
        let requested = async {
            match listener {
                Some(listener) => listener.requested().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep_until(self.next_deadline()) => {}
            () = requested => self.note_connection_request(),
            () = self.monitor.changed() => {
                self.timers.settled.get_or_insert_with(|| Instant::now() + NETWORK_SETTLE_TIME);
            }
        }
        self.refresh_what_is_due().await;
    }

    fn next_deadline(&self) -> Instant {
        let session = self.endpoint.poll_timeout().map(|uptime| {
            let due = self.timers.started.checked_add(uptime);
            due.unwrap_or(self.timers.watch).max(self.timers.not_before)
        });
        let all = [session, self.timers.settled, Some(self.timers.watch)];
        all.into_iter().flatten().min().unwrap_or(self.timers.watch)
    }

    async fn refresh_what_is_due(&mut self) {
        let now = Instant::now();
        if self.timers.settled.is_some_and(|settled| settled <= now) {
            self.timers.settled = None;
            let parts = [device::ip::OBJECT.path(), device::ethernet::OBJECT.path()];
            self.refresh(&parts.map(str::to_owned)).await;
            self.known_acs = None;
            self.find_own_address().await;
        }
        if self.timers.watch <= now {
            self.timers.watch = now + WATCH_INTERVAL;
            self.refresh_watched().await;
        }
    }

    fn note_connection_request(&mut self) {
        let now = self.clock();
        if self.endpoint.device_mut().handle_connection_request(&now) {
            info!("the ACS asked for a session");
        }
    }

    /// One session from beginning to end.
    async fn session(&mut self) -> Result<Option<Deferred>, AgentError> {
        self.refresh_watched().await;
        self.find_own_address().await;
        // Also those requests are served by this session that came just now (CR-08).
        if self.listener.as_ref().is_some_and(ConnectionRequestListener::take_pending) {
            self.note_connection_request();
        }
        let now = self.clock();
        let started = self.endpoint.start_session(&now, entropy::bytes()?, &self.settings);
        let mut next = match started {
            Ok(post) => Next::Post(post),
            Err(reason) => {
                warn!(reason = chain(&reason), "no session can be started");
                self.timers.not_before = Instant::now() + START_FAILURE_WAIT;
                return Ok(None);
            }
        };
        let ended = loop {
            next = match next {
                Next::Post(post) => self.post(post).await?,
                Next::Execute => self.execute().await?,
                Next::Ended(ended) => break ended,
            };
        };
        self.client.close();
        self.report(&ended);
        if let Err(failure) = self.save() {
            error!(error = chain(&failure), "the state cannot be saved");
        }
        Ok(ended.deferred)
    }

    /// Makes a POST. It acknowledges what the ACS sent before, so all of that is saved first.
    async fn post(&mut self, post: HttpPost) -> Result<Next, AgentError> {
        let random = entropy::number()?;
        if let Err(failure) = self.save() {
            error!(error = chain(&failure), "the state cannot be saved, the session is given up");
            return Ok(self.endpoint.handle_lost(&self.clock(), random));
        }
        let result = self.client.post(&post.url, &post.headers, &post.body, random).await;
        let now = self.clock();
        Ok(match result {
            Ok(response) => {
                let mut notes = Vec::new();
                let next =
                    self.endpoint.handle_response(&view(&response), &now, random, &mut notes);
                debug!(status = response.status, ?notes, "the ACS answered");
                next
            }
            Err(failure) => {
                warn!(error = chain(&failure), "the ACS cannot be reached");
                self.endpoint.handle_lost(&now, random)
            }
        })
    }

    /// Executes a request of the ACS on fresh values.
    async fn execute(&mut self) -> Result<Next, AgentError> {
        let paths: Vec<String> = match self.endpoint.request() {
            Some(request) => {
                info!(rpc = request.name(), "the ACS asks");
                Device::reads(request).into_iter().map(str::to_owned).collect()
            }
            None => Vec::new(),
        };
        self.refresh(&paths).await;
        let now = self.clock();
        let Some((post, effects)) = self.endpoint.execute(&now) else {
            return Ok(self.endpoint.handle_lost(&now, entropy::number()?));
        };
        if !effects.is_empty() {
            self.grant_access();
        }
        Ok(Next::Post(post))
    }

    fn report(&self, ended: &Ended) {
        let retries = self.endpoint.device().retry_count();
        match &ended.outcome {
            Outcome::Success => info!("the session ended well"),
            Outcome::Failed(failed) => {
                warn!(reason = chain(&failed.error), retries, "the session failed");
            }
            Outcome::Lost => warn!(retries, "the session was lost"),
        }
    }

    /// Tells the listener who may knock.
    fn grant_access(&self) {
        let Some(listener) = &self.listener else { return };
        let credentials = self.endpoint.device().connection_request_credentials();
        listener.set_access(ConnectionRequestAccess {
            path: self.keeper.installation().request_path.clone(),
            credentials: credentials.unwrap_or_default(),
        });
    }

    async fn refresh_watched(&mut self) {
        let watched = self.endpoint.device().watched();
        self.refresh(&watched).await;
    }

    /// Reads the parts of the box that lie on these paths, and tells the device.
    async fn refresh(&mut self, paths: &[String]) {
        if paths.is_empty() {
            return;
        }
        let reading = self.tree.read(paths).await;
        let now = self.clock();
        let device = self.endpoint.device_mut();
        for (table, numbers) in &reading.rows {
            if let Err(refusal) = device.set_instances(table, numbers, &now) {
                warn!(%refusal, "rows of the box do not fit the model");
            }
        }
        for (path, value) in &reading.values {
            if let Err(refusal) = device.update(path, value, &now) {
                warn!(%refusal, "a value of the box does not fit the model");
            }
        }
    }

    /// Brings [`CONNECTION_REQUEST_URL`] up to date if the ACS or the network is another than
    /// when it was found. Without a route the last one stays: nobody can be told of another.
    async fn find_own_address(&mut self) {
        let (Some(listener), Some(acs)) = (&self.listener, self.endpoint.device().acs_url()) else {
            return;
        };
        if self.known_acs.as_ref() == Some(&acs) {
            return;
        }
        let port = listener.port();
        let configured = self.config.connection_request.address;
        let address = match configured.is_unspecified() {
            true => local_address(&acs).await,
            false => Ok(Some(configured)),
        };
        match address {
            Ok(Some(address)) => {
                self.known_acs = Some(acs);
                self.set_own_address(SocketAddr::new(address, port));
            }
            Ok(None) => debug!("there is no route to the ACS"),
            Err(failure) => debug!(error = chain(&failure), "the own address is not known"),
        }
    }

    fn set_own_address(&mut self, address: SocketAddr) {
        let path = &self.keeper.installation().request_path;
        let url = format!("http://{address}{path}");
        let now = self.clock();
        match self.endpoint.device_mut().update(CONNECTION_REQUEST_URL, &url, &now) {
            Ok(true) => info!(%address, "connection requests go to this address"),
            Ok(false) => {}
            Err(refusal) => warn!(%refusal, "the own address does not fit the model"),
        }
    }

    fn save(&mut self) -> Result<(), AgentError> {
        let now = self.clock();
        self.keeper.save(self.endpoint.device(), self.tree.instances(), &now)
    }

    /// The clocks of this moment. A box whose wall clock was never set has none.
    fn clock(&self) -> Clock {
        /// 2024-01-01T00:00:00Z, before this program was written.
        const PLAUSIBLE_SECOND: i64 = 1_704_067_200;
        let local = local_time();
        let is_set = local.timestamp.as_second() >= PLAUSIBLE_SECOND;
        Clock {
            uptime: self.uptime(),
            wall: is_set.then_some(local.timestamp),
            offset: local.offset,
        }
    }

    fn uptime(&self) -> Duration {
        self.timers.started.elapsed()
    }
}

/// What a session looks at in an HTTP response.
fn view(response: &Response) -> HttpResponse<'_> {
    HttpResponse {
        status: response.status,
        www_authenticate: response.header_values(WWW_AUTHENTICATE),
        set_cookie: response.header_values(SET_COOKIE),
        location: response.header_values(LOCATION).first().copied(),
        body: &response.body,
    }
}

fn open_folder(config: &Config) -> Result<DiskFiles, AgentError> {
    let folder = &config.state_dir;
    DiskFiles::open(folder).map_err(|source| {
        let hint = match source.kind() {
            std::io::ErrorKind::WouldBlock => {
                "another agent uses it: stop that one, or give this one a folder with --state"
            }
            _ => "create it for this user, or name another with --state",
        };
        AgentError::StateFolder { folder: folder.clone(), hint, source }
    })
}

async fn listen(
    config: &ConnectionRequestConfig,
    path: &str,
) -> Result<Option<ConnectionRequestListener>, AgentError> {
    if !config.enable {
        return Ok(None);
    }
    let access = ConnectionRequestAccess { path: path.to_owned(), credentials: Default::default() };
    let address = SocketAddr::new(config.address, config.port);
    let secret = entropy::bytes()?;
    let bound = ConnectionRequestListener::bind(address, access.clone(), secret).await;
    let bound = match bound {
        // A host without IPv6.
        Err(error)
            if error.kind() != std::io::ErrorKind::AddrInUse
                && config.address == IpAddr::from(Ipv6Addr::UNSPECIFIED) =>
        {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), config.port);
            ConnectionRequestListener::bind(address, access, secret).await
        }
        bound => bound,
    };
    bound.map(Some).map_err(|source| AgentError::Listen { address, source })
}
