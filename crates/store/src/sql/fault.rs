//! Faults of channels, and operations that devices have begun.

use std::collections::BTreeMap;

use drover_provision::DeviceKey;
use drover_provision::channel::ChannelFault;
use drover_provision::operation::Operation;

use super::connection::{Connection, Row, params};
use super::{Outcome, Result, read};
use crate::encode::{self, ChannelFaultRow, Unreadable};
use crate::{DeviceFault, FaultCursor, FaultFilter};

const COLUMNS: &str = "fault.channel, fault.code, fault.message, fault.detail, fault.time, \
     fault.retries, fault.retry_now, fault.precondition, fault.provisions, fault.number";

/// The faults of one device by channel.
pub(super) fn of_device(db: &Connection, device: i64) -> Result<BTreeMap<String, ChannelFault>> {
    let sql = format!("SELECT {COLUMNS} FROM fault WHERE device = ?1");
    Ok(db.query_rows(&sql, params![device], fault_row)?.into_iter().collect())
}

pub(super) fn list(
    db: &Connection,
    filter: &FaultFilter,
    after: Option<FaultCursor>,
    limit: usize,
) -> Outcome<Vec<(FaultCursor, DeviceFault)>> {
    let sql = format!(
        "SELECT {COLUMNS}, device.key FROM fault JOIN device ON device.id = fault.device \
         WHERE {} AND fault.number > ?3 ORDER BY fault.number LIMIT ?4",
        condition(filter)
    );
    let device = filter.device.as_ref().map(DeviceKey::as_str);
    let (after, limit) = (after.map_or(0, |cursor| cursor.0), read::bound(limit));
    let params = params![device, filter.channel, after, limit];
    Ok(db.query_rows(&sql, params, |row| {
        let (channel, fault) = fault_row(row)?;
        let key: String = row.get(10)?;
        let device = DeviceKey::parse(&key).map_err(|_| Unreadable("device key"))?;
        Result::Ok((FaultCursor(row.get(9)?), DeviceFault { device, channel, fault }))
    })?)
}

pub(super) fn count(db: &Connection, filter: &FaultFilter) -> Outcome<u64> {
    let sql = format!("SELECT count(*) FROM fault WHERE {}", condition(filter));
    let device = filter.device.as_ref().map(DeviceKey::as_str);
    let rows = db.query_row(&sql, params![device, filter.channel], |row| row.get(0))?;
    Ok(read::count(rows))
}

/// The filter as a condition in which `?1` is the key of the device and `?2` the channel.
fn condition(filter: &FaultFilter) -> String {
    let device = match filter.device {
        Some(_) => "fault.device = (SELECT id FROM device WHERE key = ?1)",
        None => "CAST(?1 AS TEXT) IS NULL",
    };
    let channel = match filter.channel {
        Some(_) => "fault.channel = ?2",
        None => "CAST(?2 AS TEXT) IS NULL",
    };
    format!("{device} AND {channel}")
}

pub(super) fn delete(db: &Connection, key: &DeviceKey, channel: &str) -> Outcome<bool> {
    let Some(device) = read::device_id(db, key)? else { return Ok(false) };
    Ok(remove(db, device, channel)?)
}

/// Saves what is now true of a channel. A fault that changes keeps its place in the list.
pub(super) fn put(
    db: &Connection,
    device: i64,
    channel: &str,
    fault: Option<&ChannelFault>,
) -> Result<()> {
    let Some(fault) = fault else { return remove(db, device, channel).map(drop) };
    let row = encode::fault_to_row(fault);
    let sql = "INSERT INTO fault (device, channel, code, message, detail, time, retries, \
         retry_now, precondition, provisions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
         ON CONFLICT (device, channel) DO UPDATE SET code = ?3, message = ?4, detail = ?5, \
         time = ?6, retries = ?7, retry_now = ?8, precondition = ?9, provisions = ?10";
    db.execute(
        sql,
        params![
            device,
            channel,
            row.code,
            row.message,
            row.detail,
            row.time,
            row.retries,
            row.retry_now,
            row.precondition,
            row.provisions,
        ],
    )?;
    Ok(())
}

fn remove(db: &Connection, device: i64, channel: &str) -> Result<bool> {
    let sql = "DELETE FROM fault WHERE device = ?1 AND channel = ?2";
    Ok(db.execute(sql, params![device, channel])? > 0)
}

fn fault_row(row: &mut Row) -> Result<(String, ChannelFault)> {
    let fault = encode::fault_from_row(ChannelFaultRow {
        code: row.get(1)?,
        message: row.get(2)?,
        detail: row.get(3)?,
        time: row.get(4)?,
        retries: row.get(5)?,
        retry_now: row.get(6)?,
        precondition: row.get(7)?,
        provisions: row.get(8)?,
    })?;
    Ok((row.get(0)?, fault))
}

/// The operations of one device by CommandKey.
pub(super) fn operations(db: &Connection, device: i64) -> Result<BTreeMap<String, Operation>> {
    let sql = "SELECT command_key, body FROM operation WHERE device = ?1";
    let rows = db.query_rows(sql, params![device], |row| {
        let (key, body): (String, String) = (row.get(0)?, row.get(1)?);
        Result::Ok((key.clone(), encode::operation_from_json(key, &body)?))
    })?;
    Ok(rows.into_iter().collect())
}

/// Saves what is now true of an operation.
pub(super) fn put_operation(
    db: &Connection,
    device: i64,
    command_key: &str,
    operation: Option<&Operation>,
) -> Result<()> {
    let Some(operation) = operation else {
        let sql = "DELETE FROM operation WHERE device = ?1 AND command_key = ?2";
        db.execute(sql, params![device, command_key])?;
        return Ok(());
    };
    let sql = "INSERT INTO operation (device, command_key, body) VALUES (?1, ?2, ?3) \
         ON CONFLICT (device, command_key) DO UPDATE SET body = ?3";
    db.execute(sql, params![device, command_key, encode::operation_to_json(operation)])?;
    Ok(())
}
