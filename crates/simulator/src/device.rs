//! One simulated device and its sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use drover_cpe::{
    Clock, Device, Effect, Ended, Endpoint, Identity, Model, Next, Outcome, SessionSettings,
};
use drover_cwmp::session::cpe::Failed;
use drover_cwmp::{Error as CwmpError, PeerMisbehaved};

use crate::config::{Error, FleetConfig};
use crate::http::{Client, Trouble};

/// Manufacturer of all simulated devices.
const MANUFACTURER: &str = "Drover";
/// A locally administered OUI, which belongs to no real manufacturer.
const OUI: &str = "02D20F";
const PRODUCT_CLASS: &str = "Simulated";

/// Both clocks of the simulated devices: the real ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    start: Instant,
}

impl Time {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Clock {
        Clock::absolute(self.start.elapsed(), jiff::Timestamp::now())
    }

    pub(crate) fn start_instant(&self) -> Instant {
        self.start
    }
}

/// Numbers that spread what devices do; no secrets are made of them (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// Starts from the system's random numbers.
    pub(crate) fn new() -> Result<Self, Error> {
        let seed = random_bytes::<8>()?;
        Ok(Self { state: u64::from_le_bytes(seed) })
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// For client nonces, which need only be different.
    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        let (low, high) = (self.roll().to_le_bytes(), self.roll().to_le_bytes());
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&low);
        bytes[8..].copy_from_slice(&high);
        bytes
    }
}

pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(bytes)
}

/// Sets up the device with this place in the fleet; it is not switched on yet.
pub(crate) fn create(
    config: &FleetConfig,
    model: &Arc<Model>,
    index: usize,
) -> Result<Device, Error> {
    let serial_number = serial_number(config, index);
    let failed = |problem: String| Error::Device { serial_number: serial_number.clone(), problem };
    let identity = Identity::new(MANUFACTURER, OUI, PRODUCT_CLASS, &serial_number);
    let identity = identity.map_err(|error| failed(error.to_string()))?;
    let mut device = Device::new(Arc::clone(model), identity);
    let root = model.root();
    let mut set = |name: &str, text: &str| {
        let path = format!("{root}.ManagementServer.{name}");
        device.set_factory_value(&path, text).map_err(|error| failed(error.to_string()))
    };
    set("URL", &config.acs_url)?;
    set("PeriodicInformInterval", &config.periodic_interval.to_string())?;
    set("PeriodicInformEnable", "true")?;
    if let Some(credentials) = &config.credentials {
        set("Username", &credentials.username)?;
        set("Password", credentials.password().expose())?;
    }
    Ok(device)
}

pub(crate) fn serial_number(config: &FleetConfig, index: usize) -> String {
    format!("SIM{:010}", config.first_serial.saturating_add(index as u64))
}

/// How a session went.
#[derive(Debug, Default)]
pub(crate) struct SessionResult {
    /// `None` for success, else the kind of failure.
    pub(crate) failure: Option<String>,
    /// When the device should come again, if the server had no room for the session.
    pub(crate) retry_after: Option<Duration>,
    /// Requests of the server that were executed.
    pub(crate) rpcs: u64,
    /// What the server changed.
    pub(crate) effects: Vec<Effect>,
    /// Whether the device restarted after the session, or went back to its factory state.
    pub(crate) restarted: bool,
}

/// Holds one session. A device that was told to restart has done so afterwards.
pub(crate) async fn hold_session(
    endpoint: &mut Endpoint,
    time: Time,
    dice: &mut Dice,
    settings: &SessionSettings,
) -> SessionResult {
    let mut result = SessionResult::default();
    let mut client = Client::default();
    let mut next = match endpoint.start_session(&time.now(), dice.bytes(), settings) {
        Ok(post) => Next::Post(post),
        Err(error) => {
            result.failure = Some(format!("not started: {error}"));
            return result;
        }
    };
    let mut trouble = None;
    let ended = loop {
        next = match next {
            Next::Post(post) => match client.post(post).await {
                Ok(answer) => {
                    result.retry_after = answer.retry_after();
                    let (now, entropy) = (time.now(), dice.roll());
                    let response = answer.as_response();
                    endpoint.handle_response(&response, &now, entropy, &mut Vec::new())
                }
                Err(error) => {
                    trouble = Some(error);
                    endpoint.handle_lost(&time.now(), dice.roll())
                }
            },
            Next::Execute => match endpoint.execute(&time.now()) {
                Some((post, effects)) => {
                    result.rpcs += 1;
                    result.effects.extend(effects);
                    Next::Post(post)
                }
                None => endpoint.handle_lost(&time.now(), dice.roll()),
            },
            Next::Ended(ended) => break ended,
        };
    };
    result.failure = failure_kind(&ended, trouble);
    if ended.deferred.is_some() {
        endpoint.device_mut().handle_boot(&time.now(), dice.roll());
        result.restarted = true;
    }
    result
}

/// A short name of what went wrong, for counting.
fn failure_kind(ended: &Ended, trouble: Option<Trouble>) -> Option<String> {
    match &ended.outcome {
        Outcome::Success => None,
        Outcome::Lost => {
            Some(trouble.map_or_else(|| "given up".to_owned(), |trouble| trouble.to_string()))
        }
        Outcome::Failed(Failed { error, .. }) => Some(match error {
            CwmpError::PeerMisbehaved(PeerMisbehaved::HttpStatus(status)) => {
                format!("http {status}")
            }
            CwmpError::PeerMisbehaved(PeerMisbehaved::Authentication(_)) => {
                "authentication".to_owned()
            }
            CwmpError::Fault(fault) => format!("fault {}", fault.fault_code.0),
            CwmpError::Malformed(_) => "malformed answer".to_owned(),
            _ => "protocol".to_owned(),
        }),
    }
}
