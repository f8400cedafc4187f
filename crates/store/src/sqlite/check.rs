//! Looks whether all that is kept is whole and agrees.

use std::collections::BTreeMap;

use drover_provision::Parameters;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::paths::Paths;
use super::{Outcome, Result, document, index, read};
use crate::IntegrityReport;
use crate::limits::{CHECK_STEP_DEVICES, PROBLEMS_MAX};

/// Checks everything as it is at one moment.
pub(super) fn check(db: &Connection, paths: &Paths) -> Outcome<IntegrityReport> {
    let mut report = IntegrityReport::default();
    check_pages(db, &mut report)?;
    check_references(db, &mut report)?;
    check_documents(db, paths, &mut report)?;
    Ok(report)
}

impl IntegrityReport {
    fn note(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }
}

/// What SQLite itself finds.
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

/// An index with what has been seen of it.
struct Seen {
    path: String,
    id: i64,
    /// Devices beyond this one may still be without a row.
    built: i64,
    rows: u64,
}

/// Whether every document can be read, and its values are in the indexes.
fn check_documents(db: &Connection, paths: &Paths, report: &mut IntegrityReport) -> Result<()> {
    let mut indexes = indexes(db)?;
    let mut statement = db.prepare(
        "SELECT device.id, device.key, document.body FROM device \
         LEFT JOIN document ON document.device = device.id \
         WHERE device.id > ?1 ORDER BY device.id LIMIT ?2",
    )?;
    let (mut after, mut all_readable) = (0, true);
    loop {
        let rows = statement.query_map(params![after, read::bound(CHECK_STEP_DEVICES)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let devices: Vec<(i64, String, Option<Vec<u8>>)> = rows.collect::<Result<_>>()?;
        let Some((last, ..)) = devices.last() else { break };
        after = *last;
        for (device, key, body) in devices {
            report.devices = report.devices.saturating_add(1);
            let body = body.unwrap_or_default();
            let parameters = match body.is_empty() {
                true => Ok(Parameters::new()),
                false => document::decode(db, paths, &body)?,
            };
            match parameters {
                Ok(parameters) => {
                    check_rows(db, (device, &key), &parameters, &mut indexes, report)?;
                }
                Err(error) => {
                    all_readable = false;
                    report.note(format!("device {key}: unreadable document: {error}"));
                }
            }
        }
    }
    // Of a device whose document is unreadable, nobody knows how many rows it should have.
    if all_readable { check_counts(db, &indexes, report) } else { Ok(()) }
}

fn indexes(db: &Connection) -> Result<Vec<Seen>> {
    let mut statement = db.prepare(
        "SELECT path, id, iif(state = 1, 9223372036854775807, built) FROM indexed \
         WHERE path IS NOT NULL ORDER BY path",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Seen { path: row.get(0)?, id: row.get(1)?, built: row.get(2)?, rows: 0 })
    })?;
    rows.collect()
}

fn check_rows(
    db: &Connection,
    (device, key): (i64, &str),
    parameters: &Parameters,
    indexes: &mut [Seen],
    report: &mut IntegrityReport,
) -> Result<()> {
    for index in indexes {
        let Some(value) = parameters.get(&index.path).and_then(index::value) else { continue };
        if has_row(db, index.id, &value, device)? {
            index.rows = index.rows.saturating_add(1);
        } else if device <= index.built {
            report.note(format!("device {key}: its {} is not in the index", index.path));
        }
    }
    Ok(())
}

fn has_row(db: &Connection, index: i64, value: &SqlValue, device: i64) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM param WHERE path = ?1 AND value = ?2 AND device = ?3")?
        .query_row(params![index, value, device], |_| Ok(()))
        .optional()
        .map(|row| row.is_some())
}

/// Whether there are rows that no document has.
fn check_counts(db: &Connection, indexes: &[Seen], report: &mut IntegrityReport) -> Result<()> {
    for index in indexes {
        let rows =
            db.query_row("SELECT count(*) FROM param WHERE path = ?1", [index.id], |row| {
                row.get(0)
            })?;
        let more = read::count(rows).saturating_sub(index.rows);
        if more > 0 {
            report.note(format!(
                "the index of {} has {more} rows that no device has: drop it and add it again",
                index.path
            ));
        }
    }
    let lost = db.query_row(
        "SELECT count(*) FROM param WHERE path NOT IN (SELECT id FROM indexed)",
        [],
        |row| row.get(0),
    )?;
    match read::count(lost) {
        0 => {}
        lost => report.note(format!("{lost} rows of param belong to no index")),
    }
    Ok(())
}
