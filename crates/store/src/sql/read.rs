//! Queries.

use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::auth::{Credentials, Secret};
use drover_provision::{
    DeviceFields, DeviceKey, DeviceRecord, Identity, Loaded, Progress, Task, TaskId,
};
use jiff::Timestamp;

use super::connection::{Connection, DbError, Row, params};
use super::paths::Paths;
use super::{Outcome, Result, credential, document, fault, knowledge};
use crate::encode::{self, Unreadable};
use crate::limits::PAGE_TASKS_MAX;
use crate::{TaskCursor, TaskFilter, TaskStatus};

pub(super) const DEVICE_COLUMNS: &str = "id, key, manufacturer, oui, product_class, serial_number, \
     registered, last_inform, last_boot, last_bootstrap, sessions, last_events, root, \
     cwmp_version, peculiarities, connection_request_username, connection_request_password";

const TASK_COLUMNS: &str = "task.number, task.id, device.key, task.kind, task.created, task.due, \
     task.expiry, task.unique_key, task.retries, task.sent, task.instance, task.state, \
     task.outcome";

/// The row number of a device.
pub(super) fn device_id(db: &Connection, key: &DeviceKey) -> Result<Option<i64>> {
    db.query_optional("SELECT id FROM device WHERE key = ?1", params![key.as_str()], |row| {
        row.get(0)
    })
}

pub(super) fn device(
    db: &Connection,
    paths: &Paths,
    key: &DeviceKey,
) -> Outcome<Option<DeviceRecord>> {
    let sql = format!("SELECT {DEVICE_COLUMNS} FROM device WHERE key = ?1");
    let row = db.query_optional(&sql, params![key.as_str()], device_row)?;
    Ok(row.map(|(id, record)| complete(db, paths, id, record)).transpose()?)
}

/// All that a session of a device needs.
pub(super) fn session(
    db: &Connection,
    paths: &Paths,
    key: &DeviceKey,
    now: Timestamp,
) -> Outcome<Loaded> {
    let knowledge = knowledge::of_product(db, key)?;
    let credentials = credential::of_device(db, key)?;
    let Some(id) = device_id(db, key)? else {
        return Ok(Loaded { knowledge, credentials, ..Loaded::default() });
    };
    Ok(Loaded {
        record: device(db, paths, key)?,
        tasks: due_tasks(db, key, now)?,
        faults: fault::of_device(db, id)?,
        operations: fault::operations(db, id)?,
        knowledge,
        credentials,
        admitted: None,
    })
}

pub(super) fn devices(
    db: &Connection,
    paths: &Paths,
    after: Option<&DeviceKey>,
    limit: usize,
) -> Outcome<Vec<DeviceRecord>> {
    // Every key is longer than the empty text.
    let after = after.map_or("", DeviceKey::as_str);
    let sql = format!("SELECT {DEVICE_COLUMNS} FROM device WHERE key > ?1 ORDER BY key LIMIT ?2");
    let rows = db.query_rows(&sql, params![after, bound(limit)], device_row)?;
    let records = rows.into_iter().map(|(id, record)| listed(db, paths, id, record));
    Ok(records.collect::<Result<_>>()?)
}

pub(super) fn count_devices(db: &Connection) -> Outcome<u64> {
    Ok(count(db.query_row("SELECT count(*) FROM device", &[], |row| row.get(0))?))
}

pub(super) fn task(db: &Connection, id: &TaskId) -> Outcome<Option<Task>> {
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM task JOIN device ON device.id = task.device WHERE task.id = ?1"
    );
    let row = db.query_optional(&sql, params![id.as_str()], task_row)?;
    Ok(row.map(|(_, task)| task))
}

pub(super) fn due_tasks(db: &Connection, key: &DeviceKey, now: Timestamp) -> Outcome<Vec<Task>> {
    let Some(device) = device_id(db, key)? else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM task JOIN device ON device.id = task.device \
         WHERE task.device = ?1 AND task.state = ?2 \
         AND (task.due <= ?3 OR task.due <= task.created) \
         ORDER BY task.due, task.number LIMIT ?4"
    );
    let waiting = encode::status_code(TaskStatus::Waiting);
    let limit = bound(PAGE_TASKS_MAX);
    let read = |row: &mut Row| task_row(row).map(|(_, task)| task);
    Ok(db.query_rows(&sql, params![device, waiting, now.as_microsecond(), limit], read)?)
}

pub(super) fn tasks(
    db: &Connection,
    filter: &TaskFilter,
    after: Option<TaskCursor>,
    limit: usize,
) -> Outcome<Vec<(TaskCursor, Task)>> {
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM task JOIN device ON device.id = task.device \
         WHERE {} AND task.number > ?2 ORDER BY task.number LIMIT ?3",
        condition(filter)
    );
    let key = filter.device.as_ref().map(DeviceKey::as_str);
    let after = after.map_or(0, |cursor| cursor.0);
    Ok(db.query_rows(&sql, params![key, after, bound(limit)], task_row)?)
}

pub(super) fn count_tasks(db: &Connection, filter: &TaskFilter) -> Outcome<u64> {
    let sql = format!(
        "SELECT count(*) FROM task JOIN device ON device.id = task.device WHERE {}",
        condition(filter)
    );
    let key = filter.device.as_ref().map(DeviceKey::as_str);
    Ok(count(db.query_row(&sql, params![key], |row| row.get(0))?))
}

/// The filter as a condition in which `?1` is the key of the device.
fn condition(filter: &TaskFilter) -> String {
    let device = match filter.device {
        Some(_) => "task.device = (SELECT id FROM device WHERE key = ?1)",
        None => "CAST(?1 AS TEXT) IS NULL",
    };
    if filter.status.is_empty() {
        return device.to_owned();
    }
    let codes: BTreeSet<i64> = filter.status.iter().copied().map(encode::status_code).collect();
    let codes: Vec<String> = codes.iter().map(i64::to_string).collect();
    format!("{device} AND task.state IN ({})", codes.join(", "))
}

/// A row with [`DEVICE_COLUMNS`].
pub(super) fn device_row(row: &mut Row) -> Result<(i64, DeviceRecord)> {
    let key: String = row.get(1)?;
    let version: String = row.get(13)?;
    let fields = DeviceFields {
        identity: Identity {
            manufacturer: row.get(2)?,
            oui: row.get(3)?,
            product_class: row.get(4)?,
            serial_number: row.get(5)?,
        },
        registered: encode::time(row.get(6)?)?,
        last_inform: encode::time(row.get(7)?)?,
        last_boot: encode::optional_time(row.get(8)?)?,
        last_bootstrap: encode::optional_time(row.get(9)?)?,
        sessions: row.get(10)?,
        last_events: encode::events_from_json(&row.get::<String>(11)?)?,
        root: row.get(12)?,
        cwmp_version: version.parse().map_err(|_| Unreadable("protocol version"))?,
        peculiarities: encode::from_json(&row.get::<String>(14)?, "peculiarities")?,
        connection_request: Credentials::new(
            row.get::<String>(15)?,
            Secret::new(row.get::<String>(16)?),
        ),
    };
    let key = DeviceKey::parse(&key).map_err(|_| Unreadable("device key"))?;
    let (tags, parameters) = (BTreeSet::new(), BTreeMap::new());
    Ok((row.get(0)?, DeviceRecord { key, fields, tags, parameters }))
}

/// Adds what is not in the row of a device.
pub(super) fn complete(
    db: &Connection,
    paths: &Paths,
    id: i64,
    mut record: DeviceRecord,
) -> Result<DeviceRecord> {
    let sql = "SELECT tag FROM tag WHERE device = ?1";
    record.tags = db.query_rows(sql, params![id], |row| row.get(0))?.into_iter().collect();
    record.parameters = document::load(db, paths, id)?;
    Ok(record)
}

/// The same for a list, in which a device whose document cannot be read must not hide the others:
/// it is there without parameters.
pub(super) fn listed(
    db: &Connection,
    paths: &Paths,
    id: i64,
    record: DeviceRecord,
) -> Result<DeviceRecord> {
    let without = record.clone();
    match complete(db, paths, id, record) {
        Err(DbError::Unreadable(_)) => Ok(without),
        outcome => outcome,
    }
}

fn task_row(row: &mut Row) -> Result<(TaskCursor, Task)> {
    let (id, key): (String, String) = (row.get(1)?, row.get(2)?);
    let task = Task {
        id: TaskId::parse(&id).map_err(|_| Unreadable("task id"))?,
        device: DeviceKey::parse(&key).map_err(|_| Unreadable("device key"))?,
        kind: encode::kind_from_json(&row.get::<String>(3)?)?,
        created: encode::time(row.get(4)?)?,
        due: encode::time(row.get(5)?)?,
        expiry: encode::optional_time(row.get(6)?)?,
        unique_key: row.get(7)?,
        retries: row.get(8)?,
        progress: Progress { sent: encode::optional_time(row.get(9)?)?, instance: row.get(10)? },
        state: encode::state_from_columns(row.get(11)?, row.get(12)?)?,
    };
    Ok((TaskCursor(row.get(0)?), task))
}

pub(super) fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or_default()
}
