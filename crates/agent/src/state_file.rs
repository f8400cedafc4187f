//! The agent's state in one crash-safe file.
//!
//! A save writes a new file beside the present one, syncs it, moves the present one aside as the
//! previous copy, moves the new one into its place and syncs the folder. Only then it is done. A
//! power cut at any moment leaves at least one of the three files whole, and each carries a
//! sequence number, so that opening takes the newest whole one: the last acknowledged state, or
//! the one that was just being saved, and never an older one.
//!
//! The previous copy also serves when the storage itself spoiled the present one.

mod disk;
#[cfg(test)]
mod tests;

use std::io;

pub use disk::DiskFiles;

use crate::limits::STATE_BYTES_MAX;

/// The state that counts.
const CURRENT: &str = "state";
/// The state a save is writing.
const NEW: &str = "state.new";
/// The state before the present one.
const PREVIOUS: &str = "state.previous";

/// `magic, sequence (8), payload length (4), CRC-32 of those two and the payload (4)`, numbers
/// little endian. The digit in the magic is the version of this layout.
const MAGIC: &[u8; 8] = b"DRVSTAT1";
const HEADER_BYTES: usize = 24;

/// The few operations on one folder that a save is made of.
///
/// Names are plain file names in that folder. What has not been synced may be lost, whole or in
/// part, by a power cut: content by [`sync`](Self::sync), names by
/// [`sync_folder`](Self::sync_folder).
pub trait FileLayer {
    /// The content of a file; none when it does not exist. A file above `bytes_max` is an error.
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>>;
    /// Creates a file, or empties it, and writes `content`.
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()>;
    /// Makes the content of a file durable.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Moves a file to another name, replacing what is there.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Makes creations and renames durable.
    fn sync_folder(&mut self) -> io::Result<()>;
}

/// The state could not be read or saved.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The storage failed.
    #[error("cannot {action} {file} in the state folder: check its permissions and free space")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// Which file.
        file: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// There are state files, but none is whole.
    #[error(
        "no state file is whole ({file}: {damage}): restore one, or empty the state folder to \
         start as a new device"
    )]
    Damaged {
        /// The first damaged file.
        file: &'static str,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The state is larger than a state may be.
    #[error("the state has {bytes} bytes, more than the {STATE_BYTES_MAX} it may have")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

/// Why a state file cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Damage {
    /// It ends too early or has bytes behind its end.
    #[error("wrong length")]
    Length,
    /// It is not a state file, or one of a later version.
    #[error("not a state file of this version")]
    Magic,
    /// Its content is not what was written.
    #[error("checksum mismatch")]
    Checksum,
}

/// The state file of one folder.
#[derive(Debug)]
pub struct StateFile<F> {
    files: F,
    sequence: u64,
}

/// What [`StateFile::open`] found.
#[derive(Debug, Eq, PartialEq)]
pub struct Recovered {
    /// The state; none on the first start in this folder.
    pub state: Option<Vec<u8>>,
    /// The present state file was damaged, and an older copy is used.
    pub damage: Option<Damage>,
}

impl<F: FileLayer> StateFile<F> {
    /// Opens the folder, takes the newest whole state and finishes a save that was cut short.
    ///
    /// What it returns is durable: it cannot be lost again by a power cut right after.
    ///
    /// # Errors
    /// [`StateError::Storage`], or [`StateError::Damaged`] when there are files but none is whole.
    pub fn open(files: F) -> Result<(Self, Recovered), StateError> {
        let mut file = Self { files, sequence: 0 };
        let current = file.load(CURRENT)?;
        let candidates = [file.load(NEW)?, current.clone(), file.load(PREVIOUS)?];
        let newest = newest(&candidates);
        let Some((name, copy)) = newest else {
            return file.start_empty(&candidates);
        };
        let damage = current.and_then(|loaded| loaded.content.err());
        let state = copy.payload.clone();
        file.sequence = copy.sequence;
        file.settle(name, damage)?;
        Ok((file, Recovered { state: Some(state), damage }))
    }

    /// Saves `state`. When this returns without error, the state survives a power cut.
    ///
    /// After an error the state on the disk is either the one before or this one.
    ///
    /// # Errors
    /// [`StateError::TooLarge`] or [`StateError::Storage`].
    pub fn save(&mut self, state: &[u8]) -> Result<(), StateError> {
        if state.len() > STATE_BYTES_MAX {
            return Err(StateError::TooLarge { bytes: state.len() });
        }
        // A number is used once, even by a save that fails: two different states with the same
        // number could not be told apart.
        self.sequence = self.sequence.saturating_add(1);
        let content = encode(self.sequence, state);
        self.files.write(NEW, &content).map_err(|source| storage("write", NEW, source))?;
        self.files.sync(NEW).map_err(|source| storage("sync", NEW, source))?;
        self.install_new(true)
    }

    /// Moves the new file, already synced, into its place.
    fn install_new(&mut self, keep_current: bool) -> Result<(), StateError> {
        if keep_current && self.exists(CURRENT)? {
            self.rename(CURRENT, PREVIOUS)?;
        }
        self.rename(NEW, CURRENT)?;
        self.sync_folder()
    }

    /// Makes what was recovered from `name` the durable current file.
    ///
    /// A process that was killed leaves its unsynced work in the page cache: it can be read now
    /// and still be lost by a power cut. So everything is synced before it is relied upon.
    fn settle(&mut self, name: &'static str, damage: Option<Damage>) -> Result<(), StateError> {
        self.files.sync(name).map_err(|source| storage("sync", name, source))?;
        match name {
            CURRENT => self.sync_folder(),
            NEW => self.install_new(damage.is_none()),
            _ => {
                self.rename(PREVIOUS, CURRENT)?;
                self.sync_folder()
            }
        }
    }

    fn start_empty(self, candidates: &[Option<Loaded>]) -> Result<(Self, Recovered), StateError> {
        // A first save that was cut short leaves only a damaged new file: nothing was
        // acknowledged yet, so that is a first start.
        let damaged = candidates.iter().flatten().find(|loaded| loaded.name != NEW);
        if let Some(Loaded { name, content: Err(damage) }) = damaged {
            return Err(StateError::Damaged { file: name, damage: *damage });
        }
        Ok((self, Recovered { state: None, damage: None }))
    }

    fn load(&self, name: &'static str) -> Result<Option<Loaded>, StateError> {
        let content = self
            .files
            .read(name, HEADER_BYTES + STATE_BYTES_MAX)
            .map_err(|source| storage("read", name, source))?;
        Ok(content.map(|content| Loaded { name, content: decode(&content) }))
    }

    fn exists(&self, name: &'static str) -> Result<bool, StateError> {
        let content = self.files.read(name, HEADER_BYTES + STATE_BYTES_MAX);
        Ok(content.map_err(|source| storage("read", name, source))?.is_some())
    }

    fn rename(&mut self, from: &'static str, to: &'static str) -> Result<(), StateError> {
        self.files.rename(from, to).map_err(|source| storage("rename", from, source))
    }

    fn sync_folder(&mut self) -> Result<(), StateError> {
        self.files.sync_folder().map_err(|source| storage("sync", "the folder", source))
    }
}

/// One of the three files as it was found.
#[derive(Clone, Debug)]
struct Loaded {
    name: &'static str,
    content: Result<StoredState, Damage>,
}

/// The content of a whole state file.
#[derive(Clone, Debug, Eq, PartialEq)]
struct StoredState {
    sequence: u64,
    payload: Vec<u8>,
}

fn newest(candidates: &[Option<Loaded>]) -> Option<(&'static str, &StoredState)> {
    let whole = candidates.iter().flatten().filter_map(|loaded| {
        let copy = loaded.content.as_ref().ok()?;
        Some((loaded.name, copy))
    });
    whole.max_by_key(|(_, copy)| copy.sequence)
}

fn encode(sequence: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("invariant: STATE_BYTES_MAX fits 32 bits");
    let mut content = Vec::with_capacity(HEADER_BYTES + payload.len());
    content.extend_from_slice(MAGIC);
    content.extend_from_slice(&sequence.to_le_bytes());
    content.extend_from_slice(&length.to_le_bytes());
    let checksum = checksum(&content[MAGIC.len()..], payload);
    content.extend_from_slice(&checksum.to_le_bytes());
    content.extend_from_slice(payload);
    content
}

fn decode(content: &[u8]) -> Result<StoredState, Damage> {
    let (header, payload) = content.split_first_chunk::<HEADER_BYTES>().ok_or(Damage::Length)?;
    let (magic, fields) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(Damage::Magic);
    }
    let (numbers, sum) = fields.split_at(12);
    if u32::try_from(payload.len()).ok() != Some(little_endian_u32(&numbers[8..])) {
        return Err(Damage::Length);
    }
    if little_endian_u32(sum) != checksum(numbers, payload) {
        return Err(Damage::Checksum);
    }
    let low = u64::from(little_endian_u32(&numbers[..4]));
    let high = u64::from(little_endian_u32(&numbers[4..8]));
    Ok(StoredState { sequence: high << 32 | low, payload: payload.to_vec() })
}

fn little_endian_u32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn checksum(numbers: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(numbers);
    hasher.update(payload);
    hasher.finalize()
}

fn storage(action: &'static str, file: &'static str, source: io::Error) -> StateError {
    StateError::Storage { action, file, source }
}
