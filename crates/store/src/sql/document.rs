//! The parameters of devices, and the index rows that repeat some of them.

use std::collections::BTreeMap;

use drover_provision::document::{self, DocumentError};
use drover_provision::{DeviceKey, Parameter, Parameters};
use jiff::Timestamp;

use super::connection::{Connection, DbError, params};
use super::paths::Paths;
use super::snapshot::{self, Change};
use super::{Outcome, Result, index};
use crate::encode;
use crate::error::Error;

/// The parameters of a device.
pub(super) fn load(db: &Connection, paths: &Paths, device: i64) -> Result<Parameters> {
    let Some(body) = body(db, device)? else { return Ok(Parameters::new()) };
    read(db, paths, device, &body)
}

fn body(db: &Connection, device: i64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT body FROM document WHERE device = ?1";
    db.query_optional(sql, params![device], |row| row.get(0))
}

/// What is in a document of a device.
pub(super) fn read(db: &Connection, paths: &Paths, device: i64, body: &[u8]) -> Result<Parameters> {
    decode(db, paths, body)?.map_err(|error| unreadable(db, device, error))
}

/// What is in a document; the outer error is the database's.
pub(super) fn decode(
    db: &Connection,
    paths: &Paths,
    body: &[u8],
) -> Result<std::result::Result<Parameters, DocumentError>> {
    let table = paths.table(db);
    let parameters = document::decode(body, &table);
    table.failure()?;
    Ok(parameters)
}

fn unreadable(db: &Connection, device: i64, error: DocumentError) -> DbError {
    let key =
        db.query_row("SELECT key FROM device WHERE id = ?1", params![device], |row| row.get(0));
    let key: String = key.unwrap_or_else(|_: DbError| String::new());
    let text = format!("unreadable document of device {key}: {error}");
    DbError::Unreadable(text)
}

/// Changes parameters of a device, by path; `None` for those that are no more.
pub(super) fn change(
    db: &Connection,
    paths: &Paths,
    (device, key): (i64, &DeviceKey),
    changes: &BTreeMap<String, Option<Parameter>>,
) -> Outcome<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let before = body(db, device)?;
    let mut parameters = match &before {
        Some(body) => read(db, paths, device, body)?,
        None => Parameters::new(),
    };
    let rows = index::rows(db)?;
    let mut change = Change::Nothing;
    for (path, changed) in changes {
        change = change.max(Change::of(parameters.get(path), changed.as_ref()));
        if let Some(row) = rows.get(path) {
            index::change(db, *row, device, parameters.get(path), changed.as_ref())?;
        }
        match changed {
            Some(parameter) => drop(parameters.insert(path.clone(), parameter.clone())),
            None => drop(parameters.remove(path)),
        }
    }
    if let Some(before) = before {
        let times = changes.values().flatten().map(Parameter::time);
        let time = times.max().map_or_else(|| last_inform(db, device), Ok)?;
        snapshot::keep(db, device, &before, change, time)?;
    }
    put(db, paths, (device, key), &parameters)
}

fn last_inform(db: &Connection, device: i64) -> Result<Timestamp> {
    let sql = "SELECT last_inform FROM device WHERE id = ?1";
    let time: i64 = db.query_row(sql, params![device], |row| row.get(0))?;
    Ok(encode::time(time)?)
}

fn put(
    db: &Connection,
    paths: &Paths,
    (device, key): (i64, &DeviceKey),
    parameters: &Parameters,
) -> Outcome<()> {
    if parameters.is_empty() {
        db.execute("DELETE FROM document WHERE device = ?1", params![device])?;
        return Ok(());
    }
    let table = paths.table(db);
    let body = document::encode(parameters, &table);
    table.failure()?;
    let body = body.map_err(|_| Error::DeviceTooLarge(key.clone()))?;
    let sql = "INSERT INTO document (device, body) VALUES (?1, ?2) \
         ON CONFLICT (device) DO UPDATE SET body = ?2";
    db.execute(sql, params![device, body])?;
    Ok(())
}

/// Removes the index rows of a device that is to be deleted.
pub(super) fn forget(db: &Connection, paths: &Paths, device: i64) -> Result<()> {
    let Ok(parameters) = load(db, paths, device) else {
        // Nobody can tell what its rows are, so all are looked at.
        db.execute("DELETE FROM param WHERE device = ?1", params![device])?;
        return Ok(());
    };
    for (path, row) in index::rows(db)? {
        index::change(db, row, device, parameters.get(&path), None)?;
    }
    Ok(())
}
