//! SQLite: a database in a folder of its own.

pub(super) mod backup;
pub(super) mod check;
mod migrate;
pub(super) mod open;
pub(super) mod statement;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use super::connection::{Access, Connection, DbError, Result};
use super::find;
use super::threads::Opened;
use crate::error::Error;
use crate::limits::{CHECKPOINT_BUSY_MILLISECONDS, CHECKPOINT_ROWS, LOG_BYTES_MAX};

/// A folder that is ours.
#[derive(Debug)]
pub(super) struct Folder {
    /// The database in it.
    path: PathBuf,
    identity: open::Identity,
    /// Keeps other processes out for as long as it is open.
    _lock: File,
}

impl Folder {
    /// Opens the folder, checks the database and brings it up to date.
    pub(super) fn open(folder: &Path) -> std::result::Result<Opened, Error> {
        let open::Opened { writer, path, identity, lock } = open::open(folder)?;
        let location = super::Location::Folder(Self { path, identity, _lock: lock });
        Ok(Opened { writer: Connection::Sqlite(writer), location })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a connection beside the writer's.
    pub(super) fn connect(&self, access: Access) -> std::result::Result<Connection, Error> {
        let mut db = open::open_beside(&self.path, access == Access::Read)?;
        find::make_patient(&mut db).map_err(|error| open::explain(&self.path, &error))?;
        Ok(Connection::Sqlite(db))
    }

    /// Whether the names still lead to the files that are open. SQLite would go on writing into
    /// files that nobody finds again.
    pub(super) fn look(&self) -> std::result::Result<(), Error> {
        match open::Identity::of(&self.path) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(Error::Gone { path: self.path.clone() }),
        }
    }

    pub(super) fn explain(&self, error: &DbError) -> Error {
        explain(&self.path, error)
    }

    /// A connection for [`write_back_all`].
    pub(super) fn checkpointer(&self) -> std::result::Result<rusqlite::Connection, Error> {
        let db = open::open_beside(&self.path, false)?;
        // While it waits for a reader, such as a backup, nobody can write.
        db.busy_timeout(Duration::from_millis(CHECKPOINT_BUSY_MILLISECONDS))
            .map_err(|error| open::explain(&self.path, &error))?;
        Ok(db)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.with_extension("db-wal")
    }
}

fn explain(path: &Path, error: &DbError) -> Error {
    match error {
        DbError::Sqlite(error) => open::explain(path, error),
        DbError::Unreadable(what) => {
            Error::Unreadable { database: path.display().to_string(), what: what.clone() }
        }
        other => Error::Database { path: path.to_owned(), reason: other.to_string() },
    }
}

/// Wakes the checkpointer after enough changes.
#[derive(Debug)]
pub(super) struct Checkpoint {
    wake: SyncSender<()>,
    written_back: u64,
}

impl Checkpoint {
    pub(super) const fn new(wake: SyncSender<()>) -> Self {
        Self { wake, written_back: 0 }
    }

    pub(super) fn consider(&mut self, db: &Connection) {
        let Connection::Sqlite(db) = db else { return };
        if db.total_changes().saturating_sub(self.written_back) >= CHECKPOINT_ROWS {
            self.written_back = db.total_changes();
            // When it is full the checkpointer has been woken already.
            let _ = self.wake.try_send(());
        }
    }
}

/// Writes the log back into the database whenever it is woken, and at the end.
pub(super) fn write_back_all(db: &rusqlite::Connection, woken: &Receiver<()>, log: &Path) {
    // An error is not lost: the log keeps everything, and the next round tries again.
    while woken.recv().is_ok() {
        drop(write_back(db, "PASSIVE"));
        if log.metadata().is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
            drop(write_back(db, "TRUNCATE"));
        }
    }
    drop(write_back(db, "TRUNCATE"));
}

fn write_back(db: &rusqlite::Connection, mode: &str) -> Result<()> {
    Ok(db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?)
}

#[cfg(test)]
mod tests;
