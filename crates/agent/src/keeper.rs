//! Saving the device's state before anything of it is acknowledged.

use drover_cpe::{Clock, Device};
use tracing::{info, warn};

use crate::error::AgentError;
use crate::linux::local_time;
use crate::state::{AgentState, Installation};
use crate::state_file::{FileLayer, StateFile};
use crate::tree::Instances;

/// The state file with what is in it.
#[derive(Debug)]
pub(crate) struct Keeper<F> {
    file: StateFile<F>,
    state: AgentState,
    /// The revision of the device that is in the file; none if it is not this device's.
    revision: Option<u64>,
}

impl<F: FileLayer> Keeper<F> {
    /// Reads the state, or begins a new one.
    pub(crate) fn open(files: F) -> Result<Self, AgentError> {
        let (file, recovered) = StateFile::open(files)?;
        if let Some(damage) = recovered.damage {
            warn!(%damage, "the state file was damaged, its previous copy is used");
        }
        let state = match recovered.state {
            Some(bytes) => AgentState::decode(&bytes)?,
            None => first_state()?,
        };
        Ok(Self { file, state, revision: None })
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.state.installation
    }

    /// The device as it was saved last; empty if it never was.
    pub(crate) fn device(&self) -> &[u8] {
        &self.state.device
    }

    /// A new device begins to count its revisions anew.
    pub(crate) fn handle_restart(&mut self) {
        self.revision = None;
    }

    /// Saves what has changed since the last time. When this returns without error, everything the
    /// device knows survives a power cut.
    pub(crate) fn save(
        &mut self,
        device: &Device,
        instances: &Instances,
        now: &Clock,
    ) -> Result<(), AgentError> {
        let revision = Some(device.revision());
        if self.revision == revision && self.state.installation.instances == *instances {
            return Ok(());
        }
        let installation =
            Installation { instances: instances.clone(), ..self.state.installation.clone() };
        let state = AgentState { installation, device: device.snapshot(now) };
        if state != self.state {
            self.file.save(&state.encode())?;
        }
        self.state = state;
        self.revision = revision;
        Ok(())
    }
}

fn first_state() -> Result<AgentState, AgentError> {
    info!("no state is found, this is a new device");
    let now = local_time().timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(AgentState { installation: Installation::new(now)?, device: Vec::new() })
}
