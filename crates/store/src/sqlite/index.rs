//! Parameters that can be searched for by value.
//!
//! While an index is built, sessions keep up its rows already, and the writer adds those of all
//! devices in steps between its commits. Each step is a transaction that also notes how far it has
//! come, so a store that is killed goes on from there.

use std::collections::BTreeMap;

use drover_provision::expression::Value;
use drover_provision::view::scalar;
use drover_provision::{Parameter, is_object};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::paths::Paths;
use super::{Outcome, Result, document, read};
use crate::error::Error;
use crate::limits::{INDEX_PATH_BYTES_MAX, INDEX_STEP_DEVICES, INDEX_STEP_ROWS, INDEXES_MAX};
use crate::{Index, IndexState};

const BUILDING: i64 = 0;
const COMPLETE: i64 = 1;
const REMOVING: i64 = 2;

/// What filters know of a device under these names is no parameter of it.
const OWN_NAMES: [&str; 3] = ["DeviceID.", "Events.", "Tags."];

/// The indexes whose rows are kept up, by path.
pub(super) fn rows(db: &Connection) -> Result<BTreeMap<String, i64>> {
    let mut statement = db.prepare_cached("SELECT path, id FROM indexed WHERE path IS NOT NULL")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The indexes that have the rows of all devices, with their numbers.
pub(super) fn complete(db: &Connection) -> Result<Vec<(String, i64)>> {
    let mut statement = db.prepare_cached("SELECT path, id FROM indexed WHERE state = ?1")?;
    statement.query_map([COMPLETE], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Changes the row of a device in an index.
pub(super) fn change(
    db: &Connection,
    index: i64,
    device: i64,
    before: Option<&Parameter>,
    after: Option<&Parameter>,
) -> Result<()> {
    let (before, after) = (before.and_then(value), after.and_then(value));
    if before == after {
        return Ok(());
    }
    if let Some(before) = before {
        db.prepare_cached("DELETE FROM param WHERE path = ?1 AND value = ?2 AND device = ?3")?
            .execute(params![index, before, device])?;
    }
    after.map_or(Ok(()), |after| insert(db, index, &after, device))
}

fn insert(db: &Connection, index: i64, value: &SqlValue, device: i64) -> Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO param (path, value, device) VALUES (?1, ?2, ?3)")?
        .execute(params![index, value, device])?;
    Ok(())
}

/// The value that a filter sees; `None` for `NULL`, which has no row.
pub(super) fn value(parameter: &Parameter) -> Option<SqlValue> {
    let known = parameter.value.as_ref()?;
    match Value::from(scalar(&known.value)) {
        Value::Null => None,
        Value::Bool(value) => Some(SqlValue::Integer(value.into())),
        Value::Number(number) => {
            Some(whole(number).map_or(SqlValue::Real(number), SqlValue::Integer))
        }
        Value::Text(text) => Some(SqlValue::Text(text)),
    }
}

/// The integer that a number is. SQLite compares it with others as the number that it is, and
/// keeps it in fewer bytes.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and fits")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

pub(super) fn list(db: &Connection) -> Outcome<Vec<Index>> {
    let mut statement =
        db.prepare_cached("SELECT path, state FROM indexed WHERE path IS NOT NULL ORDER BY path")?;
    let rows = statement.query_map([], |row| {
        let state = match row.get(1)? {
            COMPLETE => IndexState::Complete,
            _ => IndexState::Building,
        };
        Ok(Index { path: row.get(0)?, state })
    })?;
    Ok(rows.collect::<Result<_>>()?)
}

pub(super) fn add(db: &Connection, path: &str) -> Outcome<()> {
    if !is_parameter(path) {
        let path = path.chars().take(INDEX_PATH_BYTES_MAX).collect();
        return Err(Error::InvalidIndex(path).into());
    }
    db.prepare_cached(
        "INSERT INTO indexed (path, state, built) VALUES (?1, ?2, 0) ON CONFLICT DO NOTHING",
    )?
    .execute(params![path, BUILDING])?;
    let count: u32 = db.query_row("SELECT count(path) FROM indexed", [], |row| row.get(0))?;
    if count > INDEXES_MAX {
        return Err(Error::TooManyIndexes.into());
    }
    Ok(())
}

fn is_parameter(path: &str) -> bool {
    let own = OWN_NAMES.iter().any(|name| path.starts_with(name));
    !is_object(path) && path.len() <= INDEX_PATH_BYTES_MAX && !own
}

pub(super) fn remove(db: &Connection, path: &str) -> Outcome<bool> {
    let mut statement =
        db.prepare_cached("UPDATE indexed SET path = NULL, state = ?2 WHERE path = ?1")?;
    Ok(statement.execute(params![path, REMOVING])? > 0)
}

/// Whether an index is to be built or removed.
pub(super) fn has_work(db: &Connection) -> Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM indexed WHERE state <> ?1)")?
        .query_row([COMPLETE], |row| row.get(0))
}

/// Does a small part of the work.
pub(super) fn step(db: &Connection, paths: &Paths) -> Result<()> {
    let next: Option<(i64, i64, i64)> = db
        .prepare_cached(
            "SELECT id, state, built FROM indexed WHERE state <> ?1 ORDER BY id LIMIT 1",
        )?
        .query_row([COMPLETE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    match next {
        Some((index, REMOVING, _)) => remove_rows(db, index),
        Some((index, _, built)) => add_rows(db, paths, index, built),
        None => Ok(()),
    }
}

fn add_rows(db: &Connection, paths: &Paths, index: i64, built: i64) -> Result<()> {
    let path: String =
        db.query_row("SELECT path FROM indexed WHERE id = ?1", [index], |row| row.get(0))?;
    let mut statement = db.prepare_cached(
        "SELECT device, body FROM document WHERE device > ?1 ORDER BY device LIMIT ?2",
    )?;
    let rows = statement.query_map(params![built, read::bound(INDEX_STEP_DEVICES)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let documents: Vec<(i64, Vec<u8>)> = rows.collect::<Result<_>>()?;
    for (device, body) in &documents {
        // A document that nobody can read is found by no filter either.
        let Ok(parameters) = document::decode(db, paths, body)? else { continue };
        if let Some(value) = parameters.get(&path).and_then(value) {
            insert(db, index, &value, *device)?;
        }
    }
    let is_last = documents.len() < INDEX_STEP_DEVICES;
    let state = if is_last { COMPLETE } else { BUILDING };
    let built = documents.last().map_or(built, |(device, _)| *device);
    db.prepare_cached("UPDATE indexed SET state = ?2, built = ?3 WHERE id = ?1")?
        .execute(params![index, state, built])?;
    Ok(())
}

fn remove_rows(db: &Connection, index: i64) -> Result<()> {
    let last: Option<(SqlValue, i64)> = db
        .prepare_cached(
            "SELECT value, device FROM param WHERE path = ?1 ORDER BY value, device \
             LIMIT 1 OFFSET ?2",
        )?
        .query_row(params![index, INDEX_STEP_ROWS], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((value, device)) = last else {
        db.prepare_cached("DELETE FROM param WHERE path = ?1")?.execute([index])?;
        db.prepare_cached("DELETE FROM indexed WHERE id = ?1")?.execute([index])?;
        return Ok(());
    };
    db.prepare_cached("DELETE FROM param WHERE path = ?1 AND (value, device) <= (?2, ?3)")?
        .execute(params![index, value, device])?;
    Ok(())
}
