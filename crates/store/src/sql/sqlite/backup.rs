//! Backups of a store that runs, and how one becomes a store again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{explain, migrate, open};
use crate::error::Error;
use crate::sql::Outcome;
use crate::sql::connection::DbError;

/// Writes all that is committed into a new file. It has its name only when it is complete and on
/// the disk.
pub(in crate::sql) fn backup(db: &Connection, to: &Path) -> Outcome<()> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(Error::Exists { path: to.to_owned() }.into());
    }
    let part = part(to);
    copy(db, &part)?;
    Ok(put_in_place(&part, to)?)
}

/// Makes a backup the database of a folder.
pub(in crate::sql) fn restore(from: &Path, folder: &Path, replace: bool) -> Result<(), Error> {
    fs::metadata(from).map_err(|error| refused(from, &error))?;
    let db = open::open_beside(from, true)?;
    open::recognise(&db, from)?;
    open::check(&db, from, open::Check::Full)?;
    migrate::check(&db, from)?;
    open::create_folder(folder)?;
    let _lock = open::lock(folder)?;
    let to = folder.join(open::DATABASE);
    if !replace && fs::symlink_metadata(&to).is_ok() {
        return Err(Error::Exists { path: to });
    }
    let part = part(&to);
    // What an earlier restoration left when it was killed. Nobody else is in this folder.
    drop(fs::remove_file(&part));
    copy(&db, &part).map_err(|failure| failure.into_error(&|error| explain(from, error)))?;
    // The log of the database that is replaced must not be taken for one of the new.
    for suffix in ["-wal", "-shm"] {
        let log = with_suffix(&to, suffix);
        match fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(refused(&log, &error));
            }
            _ => {}
        }
    }
    put_in_place(&part, &to)
}

/// Writes the whole database into a new file, which is removed if that fails.
fn copy(db: &Connection, part: &Path) -> Outcome<()> {
    let name = part.to_str().ok_or_else(|| Error::File {
        path: part.to_owned(),
        reason: "its name is no UTF-8".to_owned(),
    })?;
    open::create_new(part).map_err(|error| refused(part, &error))?;
    let copied = vacuum_into(db, part, name);
    if copied.is_err() {
        drop(fs::remove_file(part));
    }
    copied
}

fn vacuum_into(db: &Connection, part: &Path, name: &str) -> Outcome<()> {
    db.execute("VACUUM INTO ?1", [name]).map_err(DbError::from)?;
    let synced = File::open(part).and_then(|file| file.sync_all());
    Ok(synced.map_err(|error| refused(part, &error))?)
}

fn put_in_place(part: &Path, to: &Path) -> Result<(), Error> {
    let put = || {
        fs::rename(part, to)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    };
    put().map_err(|error| {
        drop(fs::remove_file(part));
        refused(to, &error)
    })
}

fn part(path: &Path) -> PathBuf {
    with_suffix(path, ".part")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn refused(path: &Path, error: &std::io::Error) -> Error {
    Error::File { path: path.to_owned(), reason: error.to_string() }
}
