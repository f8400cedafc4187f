//! What the agent remembers over restarts.

use crate::entropy;
use crate::tree::{Instances, InstancesError};

/// Everything in the state file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AgentState {
    /// What belongs to the installation; it survives a factory reset.
    pub installation: Installation,
    /// The device as `drover-cpe` encodes it; empty = factory state.
    pub device: Vec<u8>,
}

/// What stays the same as long as the agent is installed on this box.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Installation {
    /// The serial number for a box that has none of its own. A device never changes its identity
    /// (ID-02).
    pub serial_number: String,
    /// When the agent was first started here, as a dateTime.
    pub first_use: String,
    /// The random path of connection requests (CR-04).
    pub request_path: String,
    /// Which row has which number.
    pub instances: Instances,
}

impl Installation {
    /// That of a box on which the agent has never run.
    ///
    /// # Errors
    /// The kernel gives no random numbers.
    pub fn new(first_use: String) -> Result<Self, getrandom::Error> {
        Ok(Self {
            serial_number: entropy::hex()?.to_ascii_uppercase(),
            first_use,
            request_path: format!("/{}", entropy::hex()?),
            instances: Instances::default(),
        })
    }
}

/// A whole state file whose content cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StateContentError {
    /// Written by a later version of the agent.
    #[error(
        "the state was written by a newer agent (format {0}): install that one again, or empty \
         the state folder to start as a new device"
    )]
    Newer(u8),
    /// It ends too early, or a text is not UTF-8.
    #[error("the state is damaged: empty the state folder to start as a new device")]
    Damaged,
    /// The instance numbers are damaged.
    #[error(transparent)]
    Instances(#[from] InstancesError),
}

/// The format of this version.
const FORMAT: u8 = 1;

impl AgentState {
    /// One byte for the format, then each member as its length (4 bytes, little endian) and itself.
    pub fn encode(&self) -> Vec<u8> {
        let installation = &self.installation;
        let instances = installation.instances.to_text();
        let members: [&[u8]; 5] = [
            installation.serial_number.as_bytes(),
            installation.first_use.as_bytes(),
            installation.request_path.as_bytes(),
            instances.as_bytes(),
            &self.device,
        ];
        let mut bytes = vec![FORMAT];
        for member in members {
            // A state is limited to far less than four gigabytes when it is saved.
            let length = u32::try_from(member.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(member);
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`StateContentError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, StateContentError> {
        let (format, mut rest) = bytes.split_first().ok_or(StateContentError::Damaged)?;
        if *format != FORMAT {
            return Err(StateContentError::Newer(*format));
        }
        let installation = Installation {
            serial_number: text(&mut rest)?,
            first_use: text(&mut rest)?,
            request_path: text(&mut rest)?,
            instances: Instances::from_text(&text(&mut rest)?)?,
        };
        let device = member(&mut rest)?.to_vec();
        if !rest.is_empty() {
            return Err(StateContentError::Damaged);
        }
        Ok(Self { installation, device })
    }
}

fn member<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], StateContentError> {
    let damaged = StateContentError::Damaged;
    let (length, behind) = rest.split_first_chunk::<4>().ok_or(damaged)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged)?;
    let (member, behind) = behind.split_at_checked(length).ok_or(damaged)?;
    *rest = behind;
    Ok(member)
}

fn text(rest: &mut &[u8]) -> Result<String, StateContentError> {
    let bytes = member(rest)?.to_vec();
    String::from_utf8(bytes).map_err(|_| StateContentError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> AgentState {
        let mut installation = Installation::new("2026-11-23T01:02:03Z".to_owned()).unwrap();
        installation.instances.assign("Device.IP.Interface.", ["lo", "eth0"]);
        AgentState { installation, device: vec![0, 1, 2, 255] }
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let state = example();
        assert_eq!(AgentState::decode(&state.encode()).unwrap(), state);
    }

    #[test]
    fn a_cut_or_longer_state_is_refused() {
        let bytes = example().encode();
        for length in 0..bytes.len() {
            assert!(AgentState::decode(&bytes[..length]).is_err(), "{length}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(AgentState::decode(&longer), Err(StateContentError::Damaged));
    }

    #[test]
    fn a_later_format_is_named() {
        let mut bytes = example().encode();
        bytes[0] = 9;
        assert_eq!(AgentState::decode(&bytes), Err(StateContentError::Newer(9)));
    }

    #[test]
    fn two_installations_have_nothing_in_common() {
        let (first, second) = (example().installation, example().installation);
        assert_ne!(first.serial_number, second.serial_number);
        assert_ne!(first.request_path, second.request_path);
        assert_eq!(first.request_path.len(), 33);
    }
}
