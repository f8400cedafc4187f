//! Opening the folder and the database in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::migrate;
use crate::error::Error;
use crate::limits::{
    BUSY_MILLISECONDS, PAGE_BYTES, READER_CACHE_KIB, STATEMENTS_KEPT, WRITER_CACHE_KIB,
};

/// Marks a file as a database of Drover: "DROV".
const APPLICATION_ID: i32 = 0x4452_4F56;
pub(super) const DATABASE: &str = "drover.db";
const LOCK: &str = "drover.lock";

/// A folder that is ours, with the connection that writes.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    /// Keeps other processes out for as long as it is open.
    pub(super) lock: File,
}

/// Opens the folder, checks the database and brings it up to date.
pub(super) fn open(folder: &Path) -> Result<Opened, Error> {
    create_folder(folder)?;
    let lock = lock(folder)?;
    let path = folder.join(DATABASE);
    create_private(&path)?;
    let writer = open_writer(&path).map_err(|error| explain(&path, &error))?;
    recognise(&writer, &path)?;
    check(&writer, &path, Check::Quick)?;
    prepare(&writer, &path)?;
    migrate::migrate(&writer, &path)?;
    let identity = Identity::of(&path)
        .map_err(|error| Error::Folder { path: path.clone(), reason: error.to_string() })?;
    Ok(Opened { writer, path, identity, lock })
}

/// Which files a database and its log are, wherever their names lead by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity([(u64, u64); 2]);

impl Identity {
    /// Of the files that have these names.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let log = path.with_extension("db-wal");
        Ok(Self([identity(path)?, identity(&log)?]))
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Other systems let nobody delete a file that is open.
#[cfg(not(unix))]
fn identity(_: &Path) -> std::io::Result<(u64, u64)> {
    Ok((0, 0))
}

/// Opens a connection beside the writer's.
pub(super) fn open_beside(path: &Path, read_only: bool) -> Result<Connection, Error> {
    let connect = || {
        let access = if read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
        let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        configure(&db, READER_CACHE_KIB)?;
        Ok(db)
    };
    connect().map_err(|error| explain(path, &error))
}

/// The error of a running database.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => Error::Damaged { path, detail: error.to_string() },
        Some(ErrorCode::NotADatabase) => Error::Foreign { path },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Error::Folder { path, reason: error.to_string() }
        }
        _ => Error::Database { path, reason: error.to_string() },
    }
}

pub(super) fn create_folder(folder: &Path) -> Result<(), Error> {
    let fail = |error: std::io::Error| Error::Folder {
        path: folder.to_owned(),
        reason: error.to_string(),
    };
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(fail)?;
    // The name of a new folder must survive, too.
    match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent).and_then(|parent| parent.sync_all()).map_err(fail),
        None => Ok(()),
    }
}

/// Creates the database for its owner alone, as it holds credentials (`SEC-01`). SQLite gives its
/// other files the same permissions.
fn create_private(path: &Path) -> Result<(), Error> {
    create(path, File::options().create(true))
        .map_err(|error| Error::Folder { path: path.to_owned(), reason: error.to_string() })
}

/// Creates a file for its owner alone that was not there.
pub(super) fn create_new(path: &Path) -> std::io::Result<()> {
    create(path, File::options().create_new(true))
}

fn create(path: &Path, options: &mut OpenOptions) -> std::io::Result<()> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.append(true).open(path).map(drop)
}

pub(super) fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let fail =
        |error: std::io::Error| Error::Folder { path: path.clone(), reason: error.to_string() };
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(fail(error)),
    }
}

fn open_writer(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    configure(&db, WRITER_CACHE_KIB)?;
    Ok(db)
}

fn configure(db: &Connection, cache_kib: i64) -> Result<(), rusqlite::Error> {
    db.busy_timeout(Duration::from_millis(BUSY_MILLISECONDS))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Without this, SQLite compiles a statement anew for the values of each execution.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A commit is on the disk when it returns.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    // A negative number is one of KiB.
    db.pragma_update(None, "cache_size", -cache_kib)?;
    // Only the checkpointer writes the log back.
    db.pragma_update(None, "wal_autocheckpoint", 0)
}

/// A database is ours or empty.
pub(super) fn recognise(db: &Connection, path: &Path) -> Result<(), Error> {
    let ask = || -> Result<(i32, i64), rusqlite::Error> {
        let id = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let tables = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((id, tables))
    };
    match ask().map_err(|error| explain(path, &error))? {
        (APPLICATION_ID, _) | (0, 0) => Ok(()),
        _ => Err(Error::Foreign { path: path.to_owned() }),
    }
}

/// How much of a database is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// All pages, as takes little time at each start.
    Quick,
    /// Also whether indexes agree with their tables.
    Full,
}

pub(super) fn check(db: &Connection, path: &Path, check: Check) -> Result<(), Error> {
    let pragma = match check {
        Check::Quick => "PRAGMA quick_check(1)",
        Check::Full => "PRAGMA integrity_check(1)",
    };
    let found: String =
        db.query_row(pragma, [], |row| row.get(0)).map_err(|error| explain(path, &error))?;
    if found == "ok" {
        return Ok(());
    }
    let detail = found.lines().next().unwrap_or_default().to_owned();
    Err(Error::Damaged { path: path.to_owned(), detail })
}

fn prepare(db: &Connection, path: &Path) -> Result<(), Error> {
    let mode = set_up(db).map_err(|error| explain(path, &error))?;
    if mode == "wal" {
        return Ok(());
    }
    let reason = format!("its file system allows no write-ahead log, only {mode}");
    Err(Error::Folder { path: path.to_owned(), reason })
}

fn set_up(db: &Connection) -> Result<String, rusqlite::Error> {
    // Has an effect on an empty database only.
    db.pragma_update(None, "page_size", PAGE_BYTES)?;
    let mode = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    Ok(mode)
}
