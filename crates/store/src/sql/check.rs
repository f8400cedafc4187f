//! Looks whether all that is kept is whole and agrees.

use drover_provision::Parameters;

use super::connection::{Connection, params};
use super::paths::Paths;
use super::{Outcome, Result, document, index, read, sqlite};
use crate::IntegrityReport;
use crate::limits::{CHECK_STEP_DEVICES, PROBLEMS_MAX};

/// Checks everything as it is at one moment.
pub(super) fn check(db: &Connection, paths: &Paths) -> Outcome<IntegrityReport> {
    let mut report = IntegrityReport::default();
    if let Connection::Sqlite(db) = db {
        sqlite::check::check(db, &mut report)?;
    }
    check_documents(db, paths, &mut report)?;
    Ok(report)
}

impl IntegrityReport {
    pub(super) fn note(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }
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
    let sql = "SELECT device.id, device.key, document.body FROM device \
         LEFT JOIN document ON document.device = device.id \
         WHERE device.id > ?1 ORDER BY device.id LIMIT ?2";
    let (mut after, mut all_readable) = (0, true);
    loop {
        let devices: Vec<(i64, String, Option<Vec<u8>>)> =
            db.query_rows(sql, params![after, read::bound(CHECK_STEP_DEVICES)], |row| {
                Result::Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
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
    let sql = "SELECT path, id, CASE state WHEN 1 THEN 9223372036854775807 ELSE built END \
         FROM indexed WHERE path IS NOT NULL ORDER BY path";
    db.query_rows(sql, &[], |row| {
        Ok(Seen { path: row.get(0)?, id: row.get(1)?, built: row.get(2)?, rows: 0 })
    })
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
        if index::has_row(db, index.id, &value, device)? {
            index.rows = index.rows.saturating_add(1);
        } else if device <= index.built {
            report.note(format!("device {key}: its {} is not in the index", index.path));
        }
    }
    Ok(())
}

/// Whether there are rows that no document has.
fn check_counts(db: &Connection, indexes: &[Seen], report: &mut IntegrityReport) -> Result<()> {
    for index in indexes {
        let sql = "SELECT count(*) FROM param WHERE path = ?1";
        let rows: u64 = db.query_row(sql, params![index.id], |row| row.get(0))?;
        let more = rows.saturating_sub(index.rows);
        if more > 0 {
            report.note(format!(
                "the index of {} has {more} rows that no device has: drop it and add it again",
                index.path
            ));
        }
    }
    let sql = "SELECT count(*) FROM param WHERE path NOT IN (SELECT id FROM indexed)";
    match db.query_row(sql, &[], |row| row.get::<u64>(0))? {
        0 => {}
        lost => report.note(format!("{lost} rows of param belong to no index")),
    }
    Ok(())
}
