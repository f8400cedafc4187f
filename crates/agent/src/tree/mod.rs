//! The TR-181 tree of the box: what it has, and what its values are now.

pub mod accessors;
mod facts;
mod instances;
mod model;
mod values;

pub use accessors::device;
pub use facts::Facts;
pub use instances::{Instances, InstancesError};
pub use model::build_model;
pub use values::Reading;

use device::device_info;
use tracing::warn;

use crate::linux::{
    self, CpuTimes, HostError, NetworkReader, cpu_times, local_time, posix_time_zone, time_sync,
};

/// Reads parts of the tree from the host.
#[derive(Debug)]
pub struct HostTree {
    network: NetworkReader,
    /// The CPU counters at the last reading; the usage is that since then.
    cpu: CpuTimes,
    instances: Instances,
    facts: Facts,
}

impl HostTree {
    /// `instances` are the numbers that were assigned before. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`HostError::NetlinkOpen`].
    pub fn new(instances: Instances, facts: Facts) -> Result<Self, HostError> {
        let network = NetworkReader::open()?;
        Ok(Self { network, cpu: CpuTimes::default(), instances, facts })
    }

    /// The numbers as they are assigned now. They have to be durable before a peer sees them.
    pub fn instances(&self) -> &Instances {
        &self.instances
    }

    /// Reads everything that lies below or above one of `paths`, and nothing else.
    ///
    /// What cannot be read is left out and logged: a box without netlink or with half a procfs
    /// still shows the rest.
    pub async fn read(&mut self, paths: &[String]) -> Reading {
        let touches = |part: &str| paths.iter().any(|path| overlap(path, part));
        let mut reading = Reading::default();
        if touches(device_info::OBJECT.path()) || touches(device::ROOT_DATA_MODEL_VERSION.path()) {
            self.facts.write(&mut reading);
            self.read_device(&mut reading);
        }
        if touches(device_info::process_status::OBJECT.path()) {
            logged(self.read_processes(&mut reading));
        }
        if touches(device::ethernet::OBJECT.path()) || touches(device::ip::OBJECT.path()) {
            logged(self.read_network(&mut reading).await);
        }
        if touches(device::time::OBJECT.path()) {
            values::time(&mut reading, local_time(), &posix_time_zone(), time_sync());
        }
        reading
    }

    fn read_device(&self, reading: &mut Reading) {
        if let Some(uptime) = logged(linux::uptime()) {
            reading.set(device_info::UP_TIME.at([]), values::clamp(uptime.as_secs()));
        }
        if let Some(memory) = logged(linux::memory()) {
            values::memory(reading, memory);
        }
    }

    fn read_processes(&mut self, reading: &mut Reading) -> Result<(), HostError> {
        let now = cpu_times()?;
        let usage = now.usage_percent_since(&self.cpu);
        self.cpu = now;
        values::processes(reading, &linux::processes()?, usage);
        Ok(())
    }

    async fn read_network(&mut self, reading: &mut Reading) -> Result<(), HostError> {
        let snapshot = match self.network.snapshot().await {
            Ok(snapshot) => snapshot,
            // The socket may have broken; a new one tells.
            Err(_) => {
                self.network = NetworkReader::open()?;
                self.network.snapshot().await?
            }
        };
        values::network(reading, &snapshot, &mut self.instances, local_time().timestamp);
        Ok(())
    }
}

/// One of the two is the other or lies below it.
fn overlap(path: &str, part: &str) -> bool {
    path.starts_with(part) || part.starts_with(path)
}

fn logged<T>(result: Result<T, HostError>) -> Option<T> {
    if let Err(error) = &result {
        warn!(%error, source = ?std::error::Error::source(error), "a value cannot be read");
    }
    result.ok()
}
