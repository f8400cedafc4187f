//! Queries.

use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::auth::{Credentials, Secret};
use drover_provision::{
    DeviceFields, DeviceKey, DeviceRecord, Identity, Loaded, Progress, Task, TaskId,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::paths::Paths;
use super::{Outcome, Result, document, fault, knowledge};
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
    db.prepare_cached("SELECT id FROM device WHERE key = ?1")?
        .query_row([key.as_str()], |row| row.get(0))
        .optional()
}

pub(super) fn device(
    db: &Connection,
    paths: &Paths,
    key: &DeviceKey,
) -> Outcome<Option<DeviceRecord>> {
    let row = db
        .prepare_cached(&format!("SELECT {DEVICE_COLUMNS} FROM device WHERE key = ?1"))?
        .query_row([key.as_str()], device_row)
        .optional()?;
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
    let Some(id) = device_id(db, key)? else {
        return Ok(Loaded { knowledge, ..Loaded::default() });
    };
    Ok(Loaded {
        record: device(db, paths, key)?,
        tasks: due_tasks(db, key, now)?,
        faults: fault::of_device(db, id)?,
        operations: fault::operations(db, id)?,
        knowledge,
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
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![after, bound(limit)], device_row)?;
    let records = rows.map(|row| row.and_then(|(id, record)| complete(db, paths, id, record)));
    Ok(records.collect::<Result<_>>()?)
}

pub(super) fn count_devices(db: &Connection) -> Outcome<u64> {
    Ok(count(db.prepare_cached("SELECT count(*) FROM device")?.query_row([], |row| row.get(0))?))
}

pub(super) fn task(db: &Connection, id: &TaskId) -> Outcome<Option<Task>> {
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM task JOIN device ON device.id = task.device WHERE task.id = ?1"
    );
    let row = db.prepare_cached(&sql)?.query_row([id.as_str()], task_row).optional()?;
    Ok(row.map(|(_, task)| task))
}

pub(super) fn due_tasks(db: &Connection, key: &DeviceKey, now: Timestamp) -> Outcome<Vec<Task>> {
    let Some(device) = device_id(db, key)? else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM task JOIN device ON device.id = task.device \
         WHERE task.device = ?1 AND task.state = ?2 AND task.due <= ?3 \
         ORDER BY task.due, task.number LIMIT ?4"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let waiting = encode::status_code(TaskStatus::Waiting);
    let limit = bound(PAGE_TASKS_MAX);
    let rows =
        statement.query_map(params![device, waiting, now.as_microsecond(), limit], task_row)?;
    Ok(rows.map(|row| row.map(|(_, task)| task)).collect::<Result<_>>()?)
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
    let mut statement = db.prepare_cached(&sql)?;
    let key = filter.device.as_ref().map(DeviceKey::as_str);
    let after = after.map_or(0, |cursor| cursor.0);
    let rows = statement.query_map(params![key, after, bound(limit)], task_row)?;
    Ok(rows.collect::<Result<_>>()?)
}

pub(super) fn count_tasks(db: &Connection, filter: &TaskFilter) -> Outcome<u64> {
    let sql = format!(
        "SELECT count(*) FROM task JOIN device ON device.id = task.device WHERE {}",
        condition(filter)
    );
    let key = filter.device.as_ref().map(DeviceKey::as_str);
    Ok(count(db.prepare_cached(&sql)?.query_row([key], |row| row.get(0))?))
}

/// The filter as a condition in which `?1` is the key of the device.
fn condition(filter: &TaskFilter) -> String {
    let device = match filter.device {
        Some(_) => "task.device = (SELECT id FROM device WHERE key = ?1)",
        None => "?1 IS NULL",
    };
    if filter.status.is_empty() {
        return device.to_owned();
    }
    let codes: BTreeSet<i64> = filter.status.iter().copied().map(encode::status_code).collect();
    let codes: Vec<String> = codes.iter().map(i64::to_string).collect();
    format!("{device} AND task.state IN ({})", codes.join(", "))
}

pub(super) fn device_row(row: &Row<'_>) -> Result<(i64, DeviceRecord)> {
    let key: String = row.get("key")?;
    let version: String = row.get("cwmp_version")?;
    let fields = DeviceFields {
        identity: Identity {
            manufacturer: row.get("manufacturer")?,
            oui: row.get("oui")?,
            product_class: row.get("product_class")?,
            serial_number: row.get("serial_number")?,
        },
        registered: encode::time(row.get("registered")?)?,
        last_inform: encode::time(row.get("last_inform")?)?,
        last_boot: encode::optional_time(row.get("last_boot")?)?,
        last_bootstrap: encode::optional_time(row.get("last_bootstrap")?)?,
        sessions: row.get("sessions")?,
        last_events: encode::events_from_json(&row.get::<_, String>("last_events")?)?,
        root: row.get("root")?,
        cwmp_version: version.parse().map_err(|_| Unreadable("protocol version"))?,
        peculiarities: encode::from_json(&row.get::<_, String>("peculiarities")?, "peculiarities")?,
        connection_request: Credentials::new(
            row.get::<_, String>("connection_request_username")?,
            Secret::new(row.get::<_, String>("connection_request_password")?),
        ),
    };
    let key = DeviceKey::parse(&key).map_err(|_| Unreadable("device key"))?;
    let (tags, parameters) = (BTreeSet::new(), BTreeMap::new());
    Ok((row.get("id")?, DeviceRecord { key, fields, tags, parameters }))
}

/// Adds what is not in the row of a device.
pub(super) fn complete(
    db: &Connection,
    paths: &Paths,
    id: i64,
    mut record: DeviceRecord,
) -> Result<DeviceRecord> {
    let mut tags = db.prepare_cached("SELECT tag FROM tag WHERE device = ?1")?;
    record.tags = tags.query_map([id], |row| row.get(0))?.collect::<Result<_>>()?;
    record.parameters = document::load(db, paths, id)?;
    Ok(record)
}

fn task_row(row: &Row<'_>) -> Result<(TaskCursor, Task)> {
    let (id, key): (String, String) = (row.get(1)?, row.get(2)?);
    let task = Task {
        id: TaskId::parse(&id).map_err(|_| Unreadable("task id"))?,
        device: DeviceKey::parse(&key).map_err(|_| Unreadable("device key"))?,
        kind: encode::kind_from_json(&row.get::<_, String>(3)?)?,
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
