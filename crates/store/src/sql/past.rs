//! What a batch adds to the past of a device.

use super::connection::Connection;
use drover_provision::Batch;

use super::{Outcome, history, read, snapshot, trace};
use crate::Retention;

/// Keeps what a batch brings, once its changes are made.
pub(super) fn save(db: &Connection, batch: &Batch, retention: &Retention) -> Outcome<()> {
    let Some(device) = read::device_id(db, &batch.device)? else { return Ok(()) };
    if !batch.parameters.is_empty() {
        snapshot::remove_surplus(db, device, retention)?;
    }
    history::save(db, device, batch, retention)?;
    if let Some(trace) = &batch.trace {
        trace::save(db, device, trace, retention)?;
    }
    Ok(())
}
