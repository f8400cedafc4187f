//! Devices that stay alive: they call by the clock and when they are asked to.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use drover_cpe::{Effect, Endpoint, Model, SessionSettings};
use drover_cwmp::auth::{Credentials, Secret};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::config::{Error, FleetConfig};
use crate::device::{self, Dice, Time, hold_session, random_bytes};
use crate::limits::SHUTDOWN_TIMEOUT;
use crate::listener::{Gate, Listener};

/// A fleet of devices that stay alive until it is shut down: they boot, inform by their schedule,
/// answer connection requests, restart when told to, and try again when the server is away.
#[derive(Debug)]
pub struct LiveFleet {
    devices: Vec<LiveDevice>,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    /// Closed with the fleet.
    _listener: Listener,
}

/// A device of a live fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDevice {
    /// OUI of its identity.
    pub oui: String,
    /// Product class of its identity.
    pub product_class: String,
    /// Serial number of its identity.
    pub serial_number: String,
    /// Where connection requests go.
    pub connection_request_url: String,
    /// What a connection request must prove to know, unless the ACS set other credentials.
    pub connection_request: Credentials,
}

/// What a live fleet has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveStatus {
    /// Successful sessions.
    pub sessions: u64,
    /// Failed sessions by kind.
    pub errors: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Shared {
    gate: Arc<Gate>,
    settings: SessionSettings,
    time: Time,
    /// Sessions that may go on at one time.
    permits: Semaphore,
    /// Successful sessions of each device.
    sessions: Vec<AtomicU64>,
    errors: Mutex<BTreeMap<String, u64>>,
}

/// One device with its task.
struct Actor {
    endpoint: Endpoint,
    index: usize,
    path: String,
    requested: Arc<Notify>,
    dice: Dice,
    shared: Arc<Shared>,
}

impl LiveFleet {
    /// Switches the devices on. Connection requests are heard on a free port of the loopback
    /// interface. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error`] says what is wrong with the configuration or the listener.
    pub async fn start(config: &FleetConfig) -> Result<Self, Error> {
        config.check()?;
        let model = config.model()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(address, random_bytes()?).await.map_err(Error::Listen)?;
        let shared = Arc::new(Shared {
            gate: listener.gate(),
            settings: config.session_settings(),
            time: Time::start(),
            permits: Semaphore::new(config.concurrency),
            sessions: (0..config.devices).map(|_| AtomicU64::new(0)).collect(),
            errors: Mutex::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let (mut tasks, mut devices) = (JoinSet::new(), Vec::new());
        for index in 0..config.devices {
            let (actor, device) = Actor::create(config, &model, index, &listener, &shared)?;
            tasks.spawn(actor.live(stopped.clone()));
            devices.push(device);
        }
        Ok(Self { devices, shared, tasks, stop, _listener: listener })
    }

    /// The devices, in the order of their serial numbers.
    pub fn devices(&self) -> &[LiveDevice] {
        &self.devices
    }

    /// What they have done so far.
    pub fn status(&self) -> LiveStatus {
        let errors = self.shared.errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sessions = self.shared.sessions.iter().map(|count| count.load(Ordering::Relaxed));
        LiveStatus { sessions: sessions.sum(), errors }
    }

    /// Successful sessions of the device with this place in [`devices`](Self::devices).
    pub fn sessions_of(&self, index: usize) -> u64 {
        self.shared.sessions.get(index).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Stops the devices. Sessions that go on may end, for a few seconds.
    pub async fn shutdown(mut self) {
        // Nobody listening means that all have stopped already.
        let _ = self.stop.send(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(SHUTDOWN_TIMEOUT, all).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

impl Actor {
    fn create(
        config: &FleetConfig,
        model: &Arc<Model>,
        index: usize,
        listener: &Listener,
        shared: &Arc<Shared>,
    ) -> Result<(Self, LiveDevice), Error> {
        let mut dice = Dice::new()?;
        let mut device = device::create(config, model, index)?;
        let serial_number = device.identity().serial_number().to_owned();
        let failed =
            |problem: String| Error::Device { serial_number: serial_number.clone(), problem };
        let path = format!("/{}", hex(random_bytes::<16>()?));
        let connection_request_url = listener.url(&path);
        let connection_request = match &config.connection_request {
            Some(credentials) => credentials.clone(),
            None => Credentials::new(&serial_number, Secret::new(hex(random_bytes::<16>()?))),
        };
        let now = shared.time.now();
        let server = format!("{}.ManagementServer", model.root());
        let password = connection_request.password().expose();
        let settings = [
            ("ConnectionRequestUsername", connection_request.username.as_str()),
            ("ConnectionRequestPassword", password),
            ("ConnectionRequestURL", &connection_request_url),
        ];
        for (name, text) in settings {
            let set = device.set_factory_value(&format!("{server}.{name}"), text);
            set.map_err(|error| failed(error.to_string()))?;
        }
        device.handle_boot(&now, dice.roll());
        let requested = Arc::new(Notify::new());
        shared.gate.set_route(&path, device.connection_request_credentials(), &requested);
        let live = LiveDevice {
            oui: device.identity().oui().to_owned(),
            product_class: device.identity().product_class().to_owned(),
            serial_number: serial_number.clone(),
            connection_request_url,
            connection_request,
        };
        let (endpoint, shared) = (Endpoint::new(device), Arc::clone(shared));
        Ok((Self { endpoint, index, path, requested, dice, shared }, live))
    }

    async fn live(mut self, mut stop: watch::Receiver<bool>) {
        let time = self.shared.time;
        while !*stop.borrow_and_update() {
            self.endpoint.handle_timeout(&time.now());
            if self.endpoint.device().wants_session(&time.now()) {
                self.hold_session().await;
                continue;
            }
            let due = self.endpoint.poll_timeout();
            let due = due.and_then(|due| time.start_instant().checked_add(due));
            tokio::select! {
                _ = stop.changed() => {}
                () = self.requested.notified() => self.handle_connection_request(),
                () = wait_until(due) => {}
            }
        }
    }

    fn handle_connection_request(&mut self) {
        let now = self.shared.time.now();
        // A device whose CWMP is switched off says nothing.
        let _ = self.endpoint.device_mut().handle_connection_request(&now);
    }

    async fn hold_session(&mut self) {
        let shared = Arc::clone(&self.shared);
        let Ok(_permit) = shared.permits.acquire().await else { return };
        let now = shared.time.now();
        self.report_uptime(&now);
        let Self { endpoint, dice, .. } = self;
        // On the heap, so that a device that waits does not hold the room for a session.
        let session = Box::pin(hold_session(endpoint, shared.time, dice, &shared.settings));
        let result = session.await;
        if result.restarted || result.effects.contains(&Effect::ConnectionRequestCredentials) {
            self.update_route();
        }
        match result.failure {
            None => {
                shared.sessions[self.index].fetch_add(1, Ordering::Relaxed);
            }
            Some(kind) => {
                let mut errors = shared.errors.lock().unwrap_or_else(PoisonError::into_inner);
                *errors.entry(kind).or_default() += 1;
            }
        }
    }

    fn report_uptime(&mut self, now: &drover_cpe::Clock) {
        let device = self.endpoint.device_mut();
        let path = format!("{}.DeviceInfo.UpTime", device.model().root());
        // A recorded tree may not have it.
        let _ = device.update(&path, &now.uptime.as_secs().to_string(), now);
    }

    fn update_route(&self) {
        let credentials = self.endpoint.device().connection_request_credentials();
        self.shared.gate.set_route(&self.path, credentials, &self.requested);
    }
}

/// Waits for ever where there is no such moment.
async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_device_that_waits_is_small() {
        let config = FleetConfig { devices: 1, ..FleetConfig::default() };
        let model = config.model().expect("a model");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(address, [1; 32]).await.expect("a free port");
        let shared = Arc::new(Shared {
            gate: listener.gate(),
            settings: config.session_settings(),
            time: Time::start(),
            permits: Semaphore::new(1),
            sessions: Vec::new(),
            errors: Mutex::default(),
        });
        let (actor, _) = Actor::create(&config, &model, 0, &listener, &shared).expect("a device");
        let device_bytes = actor.endpoint.device().memory_size();
        let (_stop, stopped) = watch::channel(false);
        let task_bytes = size_of_val(&actor.live(stopped));
        // 100,000 of them are to fit into 1 GiB.
        assert!(device_bytes + task_bytes < 5_000, "{device_bytes} + {task_bytes} bytes");
    }
}
