//! Changes. Each function runs inside a transaction.

use drover_provision::{Batch, DeviceFields, DeviceKey, Task, TaskId, TaskState};
use jiff::Timestamp;

use super::connection::{Connection, params};
use super::paths::Paths;
use super::{Outcome, Result, credential, document, fault, knowledge, read};
use crate::TaskStatus;
use crate::encode;
use crate::error::Error;
use crate::limits::{DONE_TASKS_KEPT, TAG_CHARS_MAX, TAGS_PER_DEVICE_MAX, TASKS_PER_DEVICE_MAX};

pub(super) fn save(db: &Connection, paths: &Paths, batch: &Batch) -> Outcome<()> {
    if let Some(fields) = &batch.fields {
        put_device(db, &batch.device, fields)?;
    }
    if let Some(known) = &batch.credentials {
        credential::put(db, &batch.device, known)?;
    }
    // Without fields a device that was deleted stays deleted.
    let Some(device) = read::device_id(db, &batch.device)? else { return Ok(()) };
    document::change(db, paths, (device, &batch.device), &batch.parameters)?;
    for (id, task) in &batch.tasks {
        match task {
            Some(task) => update_task(db, device, task)?,
            None => remove_task(db, id).map(drop)?,
        }
    }
    let is_done = |task: &Task| matches!(task.state, TaskState::Done(_));
    if batch.tasks.values().flatten().any(is_done) {
        prune_done(db, device)?;
    }
    for (tag, given) in &batch.tags {
        put_tag(db, device, tag, *given)?;
    }
    for (channel, fault) in &batch.faults {
        fault::put(db, device, channel, fault.as_ref())?;
    }
    for (command_key, operation) in &batch.operations {
        fault::put_operation(db, device, command_key, operation.as_ref())?;
    }
    for (firmware, known) in &batch.knowledge {
        knowledge::put(db, &batch.device, firmware, known)?;
    }
    // The place for `batch.trace`, which has tables of its own.
    Ok(())
}

pub(super) fn delete_device(db: &Connection, paths: &Paths, key: &DeviceKey) -> Outcome<bool> {
    let Some(device) = read::device_id(db, key)? else { return Ok(false) };
    document::forget(db, paths, device)?;
    Ok(db.execute("DELETE FROM device WHERE id = ?1", params![device])? > 0)
}

pub(super) fn add_tag(db: &Connection, key: &DeviceKey, tag: &str) -> Outcome<bool> {
    if !is_tag(tag) {
        return Err(Error::InvalidTag.into());
    }
    let Some(device) = read::device_id(db, key)? else { return Ok(false) };
    insert_tag(db, device, tag)?;
    if count_tags(db, device)? > TAGS_PER_DEVICE_MAX {
        let (device, limit) = (key.clone(), TAGS_PER_DEVICE_MAX);
        return Err(Error::TooMany { device, limit, what: "tags" }.into());
    }
    Ok(true)
}

pub(super) fn remove_tag(db: &Connection, key: &DeviceKey, tag: &str) -> Outcome<bool> {
    let Some(device) = read::device_id(db, key)? else { return Ok(false) };
    delete_tag(db, device, tag)?;
    Ok(true)
}

/// Gives or takes a tag in a session. One that cannot be is left out: everything else that the
/// session has learnt must not be lost for it.
fn put_tag(db: &Connection, device: i64, tag: &str, given: bool) -> Result<()> {
    if !given {
        return delete_tag(db, device, tag);
    }
    if is_tag(tag) && count_tags(db, device)? < TAGS_PER_DEVICE_MAX {
        insert_tag(db, device, tag)?;
    }
    Ok(())
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.chars().nth(TAG_CHARS_MAX).is_none()
}

fn insert_tag(db: &Connection, device: i64, tag: &str) -> Result<()> {
    let sql = "INSERT INTO tag (device, tag) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    db.execute(sql, params![device, tag])?;
    Ok(())
}

fn delete_tag(db: &Connection, device: i64, tag: &str) -> Result<()> {
    db.execute("DELETE FROM tag WHERE device = ?1 AND tag = ?2", params![device, tag])?;
    Ok(())
}

fn count_tags(db: &Connection, device: i64) -> Result<u32> {
    let sql = "SELECT count(*) FROM tag WHERE device = ?1";
    db.query_row(sql, params![device], |row| row.get(0))
}

pub(super) fn insert_task(db: &Connection, task: &Task) -> Outcome<()> {
    let Some(device) = read::device_id(db, &task.device)? else {
        return Err(Error::NoSuchDevice(task.device.clone()).into());
    };
    if read::task(db, &task.id)?.is_some() {
        return Err(Error::TaskExists(task.id.clone()).into());
    }
    remove_same_key(db, device, task)?;
    check_room(db, device, task)?;
    let (state, outcome) = encode::state_to_columns(&task.state);
    let sql = "INSERT INTO task (id, device, kind, created, due, expiry, unique_key, retries, \
         sent, instance, state, outcome) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    db.execute(
        sql,
        params![
            task.id.as_str(),
            device,
            encode::kind_to_json(&task.kind),
            task.created.as_microsecond(),
            task.due.as_microsecond(),
            task.expiry.map(Timestamp::as_microsecond),
            task.unique_key,
            task.retries,
            task.progress.sent.map(Timestamp::as_microsecond),
            task.progress.instance,
            state,
            outcome,
        ],
    )?;
    Ok(())
}

pub(super) fn delete_task(db: &Connection, id: &TaskId) -> Outcome<bool> {
    Ok(remove_task(db, id)?)
}

pub(super) fn retry_task(db: &Connection, id: &TaskId) -> Outcome<Option<Task>> {
    let Some(mut task) = read::task(db, id)? else { return Ok(None) };
    match task.state {
        TaskState::Done(_) => return Ok(None),
        TaskState::Waiting => return Ok(Some(task)),
        TaskState::Faulted(_) => task.retry(),
    }
    if let Some(device) = read::device_id(db, &task.device)? {
        update_task(db, device, &task)?;
    }
    Ok(Some(task))
}

fn put_device(db: &Connection, key: &DeviceKey, fields: &DeviceFields) -> Result<()> {
    let sql = "INSERT INTO device (key, manufacturer, oui, product_class, serial_number, \
         registered, last_inform, last_boot, last_bootstrap, last_events, root, cwmp_version, \
         peculiarities, connection_request_username, connection_request_password, sessions) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
         ON CONFLICT (key) DO UPDATE SET registered = ?6, last_inform = ?7, last_boot = ?8, \
         last_bootstrap = ?9, last_events = ?10, root = ?11, cwmp_version = ?12, \
         peculiarities = ?13, connection_request_username = ?14, \
         connection_request_password = ?15, sessions = ?16";
    db.execute(
        sql,
        params![
            key.as_str(),
            fields.identity.manufacturer,
            fields.identity.oui,
            fields.identity.product_class,
            fields.identity.serial_number,
            fields.registered.as_microsecond(),
            fields.last_inform.as_microsecond(),
            fields.last_boot.map(Timestamp::as_microsecond),
            fields.last_bootstrap.map(Timestamp::as_microsecond),
            encode::events_to_json(&fields.last_events),
            fields.root,
            fields.cwmp_version.as_str(),
            encode::to_json(&fields.peculiarities),
            fields.connection_request.username,
            fields.connection_request.password().expose(),
            fields.sessions,
        ],
    )?;
    put_identity(db, key, fields)
}

/// Changes the identity if it is another. SQLite writes the indexes of all columns that a statement
/// names, and hardly a session has anything new here.
fn put_identity(db: &Connection, key: &DeviceKey, fields: &DeviceFields) -> Result<()> {
    let sql = "UPDATE device SET manufacturer = ?2, oui = ?3, product_class = ?4, \
         serial_number = ?5 WHERE key = ?1 AND \
         (manufacturer, oui, product_class, serial_number) <> (?2, ?3, ?4, ?5)";
    db.execute(
        sql,
        params![
            key.as_str(),
            fields.identity.manufacturer,
            fields.identity.oui,
            fields.identity.product_class,
            fields.identity.serial_number,
        ],
    )?;
    Ok(())
}

/// Changes what a session or a retry may change of a task; one that was deleted stays deleted.
fn update_task(db: &Connection, device: i64, task: &Task) -> Result<()> {
    let (state, outcome) = encode::state_to_columns(&task.state);
    let sql = "UPDATE task SET kind = ?3, retries = ?4, sent = ?5, instance = ?6, state = ?7, \
         outcome = ?8 WHERE id = ?1 AND device = ?2";
    db.execute(
        sql,
        params![
            task.id.as_str(),
            device,
            encode::kind_to_json(&task.kind),
            task.retries,
            task.progress.sent.map(Timestamp::as_microsecond),
            task.progress.instance,
            state,
            outcome,
        ],
    )?;
    Ok(())
}

fn remove_task(db: &Connection, id: &TaskId) -> Result<bool> {
    Ok(db.execute("DELETE FROM task WHERE id = ?1", params![id.as_str()])? > 0)
}

fn remove_same_key(db: &Connection, device: i64, task: &Task) -> Result<()> {
    let Some(unique_key) = &task.unique_key else { return Ok(()) };
    // A request of the other task may be under way, and its outcome must find its place.
    let sql =
        "DELETE FROM task WHERE device = ?1 AND unique_key = ?2 AND state <> ?3 AND sent IS NULL";
    db.execute(sql, params![device, unique_key, encode::status_code(TaskStatus::Done)])?;
    Ok(())
}

fn check_room(db: &Connection, device: i64, task: &Task) -> Outcome<()> {
    let sql = "SELECT count(*) FROM task WHERE device = ?1 AND state <> ?2";
    let waiting: u32 =
        db.query_row(sql, params![device, encode::status_code(TaskStatus::Done)], |row| {
            row.get(0)
        })?;
    if waiting >= TASKS_PER_DEVICE_MAX {
        let (device, limit) = (task.device.clone(), TASKS_PER_DEVICE_MAX);
        let what = "waiting and faulted tasks";
        return Err(Error::TooMany { device, limit, what }.into());
    }
    Ok(())
}

/// Removes all but the newest done tasks of a device.
fn prune_done(db: &Connection, device: i64) -> Result<()> {
    let done = encode::status_code(TaskStatus::Done);
    let sql = "SELECT number FROM task WHERE device = ?1 AND state = ?2 \
         ORDER BY number DESC LIMIT 1 OFFSET ?3";
    let oldest: Option<i64> =
        db.query_optional(sql, params![device, done, DONE_TASKS_KEPT], |row| row.get(0))?;
    let Some(oldest) = oldest else { return Ok(()) };
    let sql = "DELETE FROM task WHERE device = ?1 AND state = ?2 AND number <= ?3";
    db.execute(sql, params![device, done, oldest])?;
    Ok(())
}
