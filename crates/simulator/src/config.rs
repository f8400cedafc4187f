//! What a fleet is made of.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use drover_cpe::{CsvError, Model, SessionSettings};
use drover_cwmp::auth::Credentials;
use drover_cwmp::{HttpUrl, UrlError};
use drover_datamodel::tree::RecordedTree;

use crate::limits::{CONCURRENCY_MAX, DEVICES_MAX, PARAMETERS_MAX, TREE_BYTES_MAX};
use crate::model::{generated_model, model_of_root};

/// What a fleet is made of, and where it calls.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// URL of the ACS.
    pub acs_url: String,
    /// Number of devices.
    pub devices: usize,
    /// Parameters of each device where no [`tree`](Self::tree) is given; a device cannot do with
    /// less than about fifty.
    pub parameters_per_device: usize,
    /// Sessions that each device holds in [`run`](crate::run); the first one is a first contact,
    /// the others are periodic.
    pub sessions_per_device: u32,
    /// Sessions that go on at one time at most.
    pub concurrency: usize,
    /// Whether a device that is told to come again, by 503 with `Retry-After`, does so until it is
    /// served. Otherwise that session has failed.
    pub heeds_retry_after: bool,
    /// Process whose CPU time and memory are to be measured.
    pub server_pid: Option<u32>,
    /// `ManagementServer.Username` and `.Password` of every device.
    pub credentials: Option<Credentials>,
    /// What a connection request to a device of a [`LiveFleet`](crate::LiveFleet) must prove to
    /// know; each device has its own random password where nothing is given.
    pub connection_request: Option<Credentials>,
    /// Seconds between the Informs of a live device.
    pub periodic_interval: u32,
    /// A recorded tree (`path,writable,value,type`) that the devices have instead of a generated
    /// one.
    pub tree: Option<PathBuf>,
    /// Number in the serial number of the first device; the others follow.
    pub first_serial: u64,
    /// Whether to send passwords unencrypted when the server asks for it.
    pub allow_basic_without_tls: bool,
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self {
            acs_url: "http://127.0.0.1:7547/".to_owned(),
            devices: 100,
            parameters_per_device: 260,
            sessions_per_device: 2,
            concurrency: 64,
            heeds_retry_after: false,
            server_pid: None,
            credentials: None,
            connection_request: None,
            periodic_interval: 300,
            tree: None,
            first_serial: 1,
            allow_basic_without_tls: true,
        }
    }
}

/// A fleet cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL of the ACS is unusable.
    #[error("the ACS URL {url:?} cannot be used: {source}")]
    Url {
        /// As it was given.
        url: String,
        /// Why.
        source: UrlError,
    },
    /// TLS is not built in.
    #[error("the ACS URL {0:?} is https, which simulated devices do not speak; use http")]
    Tls(String),
    /// A number is out of its range.
    #[error("{what} is {value}; it must be {min} to {max}")]
    Range {
        /// Which number.
        what: &'static str,
        /// As it was given.
        value: usize,
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// The recorded tree cannot be read.
    #[error("cannot read the tree {path}: {source}")]
    ReadTree {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The recorded tree cannot be used.
    #[error("{path}: {source}")]
    Tree {
        /// The file.
        path: PathBuf,
        /// Which line.
        source: CsvError,
    },
    /// The server whose cost is to be measured does not run.
    #[error("there is no process {0} to measure; give the process ID of the running server")]
    NoProcess(u32),
    /// The listener for connection requests cannot be opened.
    #[error("cannot listen for connection requests: {0}")]
    Listen(#[source] io::Error),
    /// The system has no random numbers.
    #[error("no random numbers from the system: {0}")]
    Random(String),
    /// A device could not be set up.
    #[error("device {serial_number}: {problem}")]
    Device {
        /// Which.
        serial_number: String,
        /// Why.
        problem: String,
    },
}

impl FleetConfig {
    /// Checks the numbers and the URL.
    ///
    /// # Errors
    /// [`Error`] with the first thing that cannot be.
    pub fn check(&self) -> Result<(), Error> {
        let source = |source| Error::Url { url: self.acs_url.clone(), source };
        let url: HttpUrl = self.acs_url.parse().map_err(source)?;
        if url.is_https() {
            return Err(Error::Tls(self.acs_url.clone()));
        }
        let range = |what, value, min, max| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            Err(Error::Range { what, value, min, max })
        };
        range("the number of devices", self.devices, 1, DEVICES_MAX)?;
        range("the number of parameters", self.parameters_per_device, 0, PARAMETERS_MAX)?;
        range("the number of sessions", self.sessions_per_device as usize, 1, u32::MAX as usize)?;
        range("the periodic interval", self.periodic_interval as usize, 1, u32::MAX as usize)?;
        range("the concurrency", self.concurrency, 1, CONCURRENCY_MAX)
    }

    pub(crate) fn model(&self) -> Result<Arc<Model>, Error> {
        let Some(path) = &self.tree else {
            return Ok(Arc::new(generated_model(self.parameters_per_device)));
        };
        let read = |source| Error::ReadTree { path: path.clone(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(read)?;
        file.take(TREE_BYTES_MAX + 1).read_to_string(&mut text).map_err(read)?;
        if text.len() as u64 > TREE_BYTES_MAX {
            let reason = format!("it is larger than {TREE_BYTES_MAX} bytes");
            return Err(read(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
        }
        let model = recorded_model(&text);
        model.map(Arc::new).map_err(|source| Error::Tree { path: path.clone(), source })
    }

    pub(crate) fn session_settings(&self) -> SessionSettings {
        SessionSettings {
            allow_basic_without_tls: self.allow_basic_without_tls,
            user_agent: concat!("drover-simulator/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..SessionSettings::default()
        }
    }
}

/// A recorded tree with what the model of its root object says.
fn recorded_model(text: &str) -> Result<Model, CsvError> {
    let tree = RecordedTree::from_csv(text)?;
    let root = tree.rows.first().and_then(|row| row.path.split('.').next());
    let schema = root.and_then(model_of_root);
    Model::from_tree(&tree, schema.as_deref())
}

#[cfg(test)]
mod tests {
    use drover_cpe::{Clock, Device, Identity};
    use drover_cwmp::message::{ParameterValueStruct, SetParameterValues};
    use drover_cwmp::{Message, Value};

    use super::*;

    fn sets(device: &mut Device, name: &str, value: Value) -> bool {
        let parameter_list = vec![ParameterValueStruct { name: name.to_owned(), value }];
        let request = SetParameterValues { parameter_list, parameter_key: String::new() };
        let now = Clock::relative(std::time::Duration::ZERO);
        let answer = device.execute(&request.into(), &now).answer;
        matches!(answer, Message::SetParameterValuesResponse(_))
    }

    #[test]
    fn a_recorded_device_knows_the_model_of_its_root() {
        for (root, port) in [
            ("Device", "NAT.PortMapping.1.ExternalPort"),
            ("InternetGatewayDevice", "ManagementServer.STUNServerPort"),
        ] {
            let (password, port) =
                (format!("{root}.ManagementServer.STUNPassword"), format!("{root}.{port}"));
            let text = format!(
                "path,writable,value,type\n{password},true,recorded,xsd:string\n\
                 {port},true,80,xsd:unsignedInt\n"
            );
            let model = Arc::new(recorded_model(&text).expect("a model"));
            let identity = Identity::new("Recorded", "00D09E", "Tree", "1").expect("valid");
            let mut device = Device::new(model, identity);
            assert_eq!(device.value(&password).expect("a password").text, "", "{root}");
            assert!(sets(&mut device, &port, Value::unsigned_int(65_535)), "{root}");
            assert!(!sets(&mut device, &port, Value::unsigned_int(65_536)), "{root}");
        }
    }
}
