//! Numbered migrations, each applied once and all of them in one transaction.

use super::{Answer, Server, Session};
use crate::error::Error;
use crate::sql::connection::{Access, DbError, Result, Use};

/// All migrations in order; the number is the index counted from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_all.sql"),
    include_str!("../../../migrations/postgres/0002_credentials.sql"),
];

/// Brings the database up to date.
pub(super) fn migrate(db: &Session, server: &Server) -> Answer<()> {
    let failed = |error: DbError| server.explain(&error);
    let encoding = text(db, "SHOW server_encoding").map_err(failed)?;
    if encoding.as_deref() != Some("UTF8") {
        let encoding = encoding.unwrap_or_default();
        let reason = format!("its encoding is {encoding}: create it with ENCODING 'UTF8'");
        return Err(server.failed(reason));
    }
    let found = applied(db).map_err(failed)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(Error::NewerServer { server: server.0.name.clone(), found, known });
    }
    if found == known { Ok(()) } else { apply(db, found).map_err(failed) }
}

fn text(db: &Session, sql: &str) -> Result<Option<String>> {
    let rows = db.query(Use::Once, sql, &[])?;
    rows.first().map_or(Ok(None), |row| super::row(row)?.get(0))
}

fn applied(db: &Session) -> Result<u32> {
    if text(db, "SELECT to_regclass('drover.migration')::text")?.is_none() {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(number), 0) FROM migration";
    let rows = db.query(Use::Once, sql, &[])?;
    rows.first().map_or(Ok(0), |row| super::row(row)?.get(0))
}

fn apply(db: &Session, applied: u32) -> Result<()> {
    db.begin(Access::Write)?;
    db.execute_batch(
        "CREATE SCHEMA IF NOT EXISTS drover; \
         CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY)",
    )?;
    for (number, sql) in (1_u32..).zip(MIGRATIONS).filter(|(number, _)| *number > applied) {
        db.execute_batch(sql)?;
        db.execute_batch(&format!("INSERT INTO migration (number) VALUES ({number})"))?;
    }
    db.commit()
}
