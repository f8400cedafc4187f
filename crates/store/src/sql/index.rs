//! Parameters that can be searched for by value.
//!
//! While an index is built, sessions keep up its rows already, and the writer adds those of all
//! devices in steps between its commits. Each step is a transaction that also notes how far it has
//! come, so a store that is killed goes on from there.

use std::collections::BTreeMap;

use drover_provision::Parameter;
use drover_provision::expression::Value;
use drover_provision::view::scalar;

use super::connection::{Connection, Field, params};
use super::paths::Paths;
use super::{Outcome, Result, document, read};
use crate::error::Error;
use crate::limits::{INDEX_PATH_BYTES_MAX, INDEX_STEP_DEVICES, INDEX_STEP_ROWS, INDEXES_MAX};
use crate::query::Dialect;
use crate::{Index, IndexState};

const BUILDING: i64 = 0;
const COMPLETE: i64 = 1;
const REMOVING: i64 = 2;

/// What filters know of a device under these names is no parameter of it.
const OWN_NAMES: [&str; 3] = ["DeviceID.", "Events.", "Tags."];

/// The indexes whose rows are kept up, by path.
pub(super) fn rows(db: &Connection) -> Result<BTreeMap<String, i64>> {
    let sql = "SELECT path, id FROM indexed WHERE path IS NOT NULL";
    let rows = db.query_rows(sql, &[], |row| Result::Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// The indexes that have the rows of all devices, with their numbers.
pub(super) fn complete(db: &Connection) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT path, id FROM indexed WHERE state = ?1";
    db.query_rows(sql, params![COMPLETE], |row| Ok((row.get(0)?, row.get(1)?)))
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
        let column = column(db, &before);
        let sql = format!("DELETE FROM param WHERE path = ?1 AND {column} = ?2 AND device = ?3");
        db.execute(&sql, params![index, before, device])?;
    }
    after.map_or(Ok(()), |after| insert(db, index, &after, device))
}

fn insert(db: &Connection, index: i64, value: &Field, device: i64) -> Result<()> {
    let sql = format!(
        "INSERT INTO param (path, {}, device) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        column(db, value)
    );
    db.execute(&sql, params![index, value, device])?;
    Ok(())
}

/// Whether a device has a row with a value.
pub(super) fn has_row(db: &Connection, index: i64, value: &Field, device: i64) -> Result<bool> {
    let column = column(db, value);
    let sql = format!("SELECT 1 FROM param WHERE path = ?1 AND {column} = ?2 AND device = ?3");
    let row = db.query_optional(&sql, params![index, value, device], |_| Result::Ok(()))?;
    Ok(row.is_some())
}

/// Where a value stands: a column of PostgreSQL has one type.
const fn column(db: &Connection, value: &Field) -> &'static str {
    match (db.dialect(), value) {
        (Dialect::Sqlite, _) => "value",
        (Dialect::Postgres, Field::Text(_)) => "text",
        (Dialect::Postgres, _) => "number",
    }
}

/// The value that a filter sees; `None` for `NULL`, which has no row.
pub(super) fn value(parameter: &Parameter) -> Option<Field> {
    let known = parameter.value.as_ref()?;
    match Value::from(scalar(&known.value)) {
        Value::Null => None,
        Value::Bool(value) => Some(Field::Integer(value.into())),
        Value::Number(number) => Some(whole(number).map_or(Field::Number(number), Field::Integer)),
        Value::Text(text) => Some(Field::Text(text)),
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
    let sql = "SELECT path, state FROM indexed WHERE path IS NOT NULL ORDER BY path";
    db.query_rows(sql, &[], |row| {
        let state = match row.get(1)? {
            COMPLETE => IndexState::Complete,
            _ => IndexState::Building,
        };
        Ok(Index { path: row.get(0)?, state })
    })
}

pub(super) fn add(db: &Connection, path: &str) -> Outcome<()> {
    if !is_parameter(path) {
        let path = path.chars().take(INDEX_PATH_BYTES_MAX).collect();
        return Err(Error::InvalidIndex(path).into());
    }
    let sql = "INSERT INTO indexed (path, state, built) VALUES (?1, ?2, 0) ON CONFLICT DO NOTHING";
    db.execute(sql, params![path, BUILDING])?;
    let count: u32 = db.query_row("SELECT count(path) FROM indexed", &[], |row| row.get(0))?;
    if count > INDEXES_MAX {
        return Err(Error::TooManyIndexes.into());
    }
    Ok(())
}

fn is_parameter(path: &str) -> bool {
    let own = OWN_NAMES.iter().any(|name| path.starts_with(name));
    path.len() <= INDEX_PATH_BYTES_MAX && is_full_path(path) && !own
}

/// Whether a text can be the path of one parameter: names with dots between them, and neither
/// wildcards nor aliases.
pub(super) fn is_full_path(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "*[]{}".contains(c);
    text.split('.').all(|name| !name.is_empty()) && !text.contains(is_odd)
}

pub(super) fn remove(db: &Connection, path: &str) -> Outcome<bool> {
    let sql = "UPDATE indexed SET path = NULL, state = ?2 WHERE path = ?1";
    Ok(db.execute(sql, params![path, REMOVING])? > 0)
}

/// Whether an index is to be built or removed.
pub(super) fn has_work(db: &Connection) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM indexed WHERE state <> ?1)";
    db.query_row(sql, params![COMPLETE], |row| row.get(0))
}

/// Does a small part of the work.
pub(super) fn step(db: &Connection, paths: &Paths) -> Result<()> {
    let sql = "SELECT id, state, built FROM indexed WHERE state <> ?1 ORDER BY id LIMIT 1";
    let next: Option<(i64, i64, i64)> = db.query_optional(sql, params![COMPLETE], |row| {
        Result::Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    match next {
        Some((index, REMOVING, _)) => remove_rows(db, index),
        Some((index, _, built)) => add_rows(db, paths, index, built),
        None => Ok(()),
    }
}

fn add_rows(db: &Connection, paths: &Paths, index: i64, built: i64) -> Result<()> {
    let sql = "SELECT path FROM indexed WHERE id = ?1";
    let path: String = db.query_row(sql, params![index], |row| row.get(0))?;
    let sql = "SELECT device, body FROM document WHERE device > ?1 ORDER BY device LIMIT ?2";
    let documents: Vec<(i64, Vec<u8>)> =
        db.query_rows(sql, params![built, read::bound(INDEX_STEP_DEVICES)], |row| {
            Result::Ok((row.get(0)?, row.get(1)?))
        })?;
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
    let sql = "UPDATE indexed SET state = ?2, built = ?3 WHERE id = ?1";
    db.execute(sql, params![index, state, built])?;
    Ok(())
}

fn remove_rows(db: &Connection, index: i64) -> Result<()> {
    let primary_key = match db.dialect() {
        Dialect::Sqlite => "path, value, device",
        Dialect::Postgres => "path, device",
    };
    let sql = format!(
        "DELETE FROM param WHERE ({primary_key}) IN \
         (SELECT {primary_key} FROM param WHERE path = ?1 LIMIT ?2)"
    );
    if db.execute(&sql, params![index, INDEX_STEP_ROWS])? < INDEX_STEP_ROWS.into() {
        db.execute("DELETE FROM indexed WHERE id = ?1", params![index])?;
    }
    Ok(())
}
