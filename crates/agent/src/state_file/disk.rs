//! The file layer of the real world.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::state_file::FileLayer;

/// Files of one folder of the host.
///
/// The state holds passwords, so folder and files are for their owner only.
#[derive(Debug)]
pub struct DiskFiles {
    folder: PathBuf,
    lock: File,
}

impl DiskFiles {
    /// Uses `folder`, creating it if need be, and locks it against a second agent.
    ///
    /// # Errors
    /// The folder cannot be created or opened, or another process has locked it
    /// ([`io::ErrorKind::WouldBlock`]).
    pub fn open(folder: &Path) -> io::Result<Self> {
        if !folder.exists() {
            create_durably(folder)?;
        }
        let lock = Self::options().open(folder.join("lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { folder: folder.to_owned(), lock })
    }

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o600);
        options
    }
}

/// Creates a folder and those above it, so that they survive a power cut.
fn create_durably(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // A new name is durable when the folder it stands in is synced. Folders that this user may
    // not read were there before.
    let absolute = std::path::absolute(folder)?;
    for above in absolute.ancestors().skip(1).filter_map(|above| File::open(above).ok()) {
        above.sync_all()?;
    }
    Ok(())
}

impl Drop for DiskFiles {
    fn drop(&mut self) {
        // The kernel unlocks in any case when the file is closed; there is nothing to be done
        // about an error here.
        let _ = self.lock.unlock();
    }
}

impl FileLayer for DiskFiles {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.folder.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        let mut content = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
        if content.len() > bytes_max {
            let reason = format!("{name} is larger than {bytes_max} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        Ok(Some(content))
    }

    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        Self::options().truncate(true).open(self.folder.join(name))?.write_all(content)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        File::open(self.folder.join(name))?.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}
