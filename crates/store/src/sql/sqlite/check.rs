//! What SQLite itself finds wrong.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::IntegrityReport;
use crate::limits::PROBLEMS_MAX;
use crate::sql::connection::Result;

pub(in crate::sql) fn check(db: &Connection, report: &mut IntegrityReport) -> Result<()> {
    check_pages(db, report)?;
    check_references(db, report)
}

fn check_pages(db: &Connection, report: &mut IntegrityReport) -> Result<()> {
    let mut statement = db.prepare(&format!("PRAGMA integrity_check({PROBLEMS_MAX})"))?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        let line = line?;
        // Several problems may come in one text.
        for problem in line.lines().filter(|line| *line != "ok") {
            report.note(format!("SQLite: {problem}"));
        }
    }
    Ok(())
}

fn check_references(db: &Connection, report: &mut IntegrityReport) -> Result<()> {
    let mut statement = db.prepare("PRAGMA foreign_key_check")?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?)))?;
    let mut lost: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in rows {
        let count = lost.entry(row?).or_default();
        *count = count.saturating_add(1);
    }
    for ((table, parent), count) in lost {
        report.note(format!("{count} rows of {table} name a {parent} that is not there"));
    }
    Ok(())
}
