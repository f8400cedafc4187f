//! Numbered migrations, each applied once and all of them in one transaction.

use std::path::Path;

use rusqlite::Connection;

use super::open::explain;
use crate::error::Error;

/// All migrations in order; the number is the index counted from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_devices_and_tasks.sql"),
    include_str!("../../../migrations/sqlite/0002_traces_and_history.sql"),
    include_str!("../../../migrations/sqlite/0003_knowledge.sql"),
    include_str!("../../../migrations/sqlite/0004_snapshots.sql"),
    include_str!("../../../migrations/sqlite/0005_credentials.sql"),
];

/// Brings the database up to date.
pub(super) fn migrate(db: &Connection, path: &Path) -> Result<(), Error> {
    let applied = check(db, path)?;
    apply(db, applied).map_err(|error| explain(path, &error))
}

/// Whether this program knows all migrations of the database. Returns how many it has had.
pub(super) fn check(db: &Connection, path: &Path) -> Result<u32, Error> {
    let found = applied(db).map_err(|error| explain(path, &error))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

fn applied(db: &Connection) -> Result<u32, rusqlite::Error> {
    if !db.table_exists(None, "migration")? {
        return Ok(0);
    }
    db.query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0))
}

fn apply(db: &Connection, applied: u32) -> Result<(), rusqlite::Error> {
    let transaction = db.unchecked_transaction()?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY) STRICT",
    )?;
    for (number, sql) in (1_u32..).zip(MIGRATIONS).filter(|(number, _)| *number > applied) {
        transaction.execute_batch(sql)?;
        transaction.execute("INSERT INTO migration (number) VALUES (?1)", [number])?;
    }
    transaction.commit()
}
