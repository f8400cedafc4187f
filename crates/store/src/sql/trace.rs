//! The sessions of devices.

use drover_provision::DeviceKey;
use drover_provision::trace::Trace;
use jiff::Timestamp;

use super::connection::{Connection, params};
use super::{Outcome, Result, read};
use crate::encode::{Unreadable, pack_trace, unpack_trace};
use crate::limits::SESSIONS_REMOVED_PER_SAVE;
use crate::{Retention, TraceCursor};

/// Adds a session, and removes what is too much.
pub(super) fn save(
    db: &Connection,
    device: i64,
    trace: &Trace,
    retention: &Retention,
) -> Result<()> {
    if retention.sessions_per_device == 0 {
        return Ok(());
    }
    let packed = pack_trace(trace);
    let sql = "INSERT INTO session (device, ended, length, trace) VALUES (?1, ?2, ?3, ?4)";
    db.execute(
        sql,
        params![device, trace.ended.as_microsecond(), read::bound(packed.length), packed.bytes],
    )?;
    remove_of_device(db, device, retention)?;
    remove_oldest(db, trace.ended, retention)
}

/// The sessions of a device, the newest first.
pub(super) fn sessions(
    db: &Connection,
    key: &DeviceKey,
    before: Option<TraceCursor>,
    limit: usize,
) -> Outcome<Vec<(TraceCursor, Trace)>> {
    let Some(device) = read::device_id(db, key)? else { return Ok(Vec::new()) };
    let before = before.map_or(i64::MAX, |cursor| cursor.0);
    let sql = "SELECT number, length, trace FROM session WHERE device = ?1 AND number < ?2 \
         ORDER BY number DESC LIMIT ?3";
    Ok(db.query_rows(sql, params![device, before, read::bound(limit)], |row| {
        let length: i64 = row.get(1)?;
        let length = usize::try_from(length).map_err(|_| Unreadable("length of a trace"))?;
        let trace = unpack_trace(length, &row.get::<Vec<u8>>(2)?)?;
        Result::Ok((TraceCursor(row.get(0)?), trace))
    })?)
}

fn remove_of_device(db: &Connection, device: i64, retention: &Retention) -> Result<()> {
    // Usually it is the one that the new one takes the place of.
    let sql = "DELETE FROM session WHERE number IN (SELECT number FROM session WHERE device = ?1 \
         ORDER BY number DESC LIMIT ?3 OFFSET ?2)";
    db.execute(sql, params![device, retention.sessions_per_device, SESSIONS_REMOVED_PER_SAVE])?;
    Ok(())
}

/// Removes some of the oldest sessions of all devices, as far as they are too old or all traces
/// together too large.
fn remove_oldest(db: &Connection, now: Timestamp, retention: &Retention) -> Result<()> {
    let sql = "SELECT number, ended, length(trace) FROM session ORDER BY number LIMIT ?1";
    let oldest: Vec<(i64, i64, i64)> =
        db.query_rows(sql, params![SESSIONS_REMOVED_PER_SAVE], |row| {
            Result::Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let total = "SELECT bytes FROM session_total";
    let mut total: i64 = db.query_row(total, &[], |row| row.get(0))?;
    let most = i64::try_from(retention.session_bytes).unwrap_or(i64::MAX);
    let age = i64::try_from(retention.session_age.as_micros()).unwrap_or(i64::MAX);
    let since = now.as_microsecond().saturating_sub(age);
    for (number, ended, bytes) in oldest {
        if ended >= since && total <= most {
            break;
        }
        total -= bytes;
        db.execute("DELETE FROM session WHERE number = ?1", params![number])?;
    }
    Ok(())
}
