//! What devices were like before they changed.
//!
//! A snapshot is the document that a change replaces, so what a device is like now is not kept
//! twice. What a change must be for that says [`Change`].

use drover_provision::{DeviceKey, Parameter, Parameters};
use jiff::Timestamp;

use super::connection::{Connection, params};
use super::paths::Paths;
use super::{Outcome, Result, document, read};
use crate::encode;
use crate::limits::{
    SNAPSHOT_CHANGES_MICROSECONDS, SNAPSHOT_VALUES_MICROSECONDS, SNAPSHOTS_REMOVED_PER_SAVE,
};
use crate::{Retention, SnapshotId, SnapshotInfo};

/// How much changes between two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// Times and attributes at most.
    Nothing,
    /// Values that nobody can set, such as counters.
    Readings,
    /// Which paths there are, or values that can be set.
    Configuration,
}

impl Change {
    /// What changes at one path.
    pub(super) fn of(before: Option<&Parameter>, after: Option<&Parameter>) -> Self {
        let (Some(before), Some(after)) = (before, after) else {
            let is_same = before.is_none() && after.is_none();
            return if is_same { Self::Nothing } else { Self::Configuration };
        };
        let value =
            |parameter: &Parameter| parameter.value.as_ref().map(|known| known.value.clone());
        match value(before) == value(after) {
            true => Self::Nothing,
            false if after.is_writable() == Some(true) => Self::Configuration,
            false => Self::Readings,
        }
    }

    /// How much later than the newest snapshot one for this change is kept.
    const fn interval(self) -> Option<i64> {
        match self {
            Self::Nothing => None,
            Self::Readings => Some(SNAPSHOT_VALUES_MICROSECONDS),
            Self::Configuration => Some(SNAPSHOT_CHANGES_MICROSECONDS),
        }
    }
}

/// Keeps a document that is being replaced, if the change is worth it.
pub(super) fn keep(
    db: &Connection,
    device: i64,
    body: &[u8],
    change: Change,
    time: Timestamp,
) -> Result<()> {
    let Some(interval) = change.interval() else { return Ok(()) };
    let newest = "SELECT time FROM snapshot WHERE device = ?1 ORDER BY number DESC LIMIT 1";
    let newest: Option<i64> = db.query_optional(newest, params![device], |row| row.get(0))?;
    let time = time.as_microsecond();
    // After the clock went back, the newest lies ahead: until then it counts as just taken.
    if newest.is_some_and(|newest| time.saturating_sub(newest) < interval) {
        return Ok(());
    }
    let sql = "INSERT INTO snapshot (device, time, body) VALUES (?1, ?2, ?3)";
    db.execute(sql, params![device, time, body])?;
    Ok(())
}

/// Removes what is more than a device keeps.
pub(super) fn remove_surplus(db: &Connection, device: i64, retention: &Retention) -> Result<()> {
    let sql = "DELETE FROM snapshot WHERE number IN (SELECT number FROM snapshot WHERE device = ?1 \
         ORDER BY number DESC LIMIT ?3 OFFSET ?2)";
    db.execute(sql, params![device, retention.snapshots, SNAPSHOTS_REMOVED_PER_SAVE])?;
    Ok(())
}

pub(super) fn list(db: &Connection, key: &DeviceKey) -> Outcome<Vec<SnapshotInfo>> {
    let Some(device) = read::device_id(db, key)? else { return Ok(Vec::new()) };
    let sql = "SELECT number, time FROM snapshot WHERE device = ?1 ORDER BY number DESC";
    Ok(db.query_rows(sql, params![device], |row| {
        Result::Ok(SnapshotInfo { id: SnapshotId(row.get(0)?), until: encode::time(row.get(1)?)? })
    })?)
}

pub(super) fn load(
    db: &Connection,
    paths: &Paths,
    key: &DeviceKey,
    id: SnapshotId,
) -> Outcome<Option<Parameters>> {
    let Some(device) = read::device_id(db, key)? else { return Ok(None) };
    let sql = "SELECT body FROM snapshot WHERE device = ?1 AND number = ?2";
    let body: Option<Vec<u8>> = db.query_optional(sql, params![device, id.0], |row| row.get(0))?;
    let Some(body) = body else { return Ok(None) };
    Ok(Some(document::read(db, paths, device, &body)?))
}
