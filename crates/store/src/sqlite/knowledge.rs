//! What is known of the devices of a product, by firmware.

use std::collections::BTreeMap;

use drover_provision::{DeviceKey, Knowledge};
use rusqlite::{Connection, params};

use super::Result;
use crate::encode::{knowledge_from_json, knowledge_to_json};

pub(super) fn put(
    db: &Connection,
    key: &DeviceKey,
    firmware: &str,
    knowledge: &Knowledge,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO knowledge (product, firmware, body) VALUES (?1, ?2, ?3) \
         ON CONFLICT (product, firmware) DO UPDATE SET body = ?3",
    )?
    .execute(params![key.product(), firmware, knowledge_to_json(knowledge)])?;
    Ok(())
}

/// All that is known of the product of a device.
pub(super) fn of_product(db: &Connection, key: &DeviceKey) -> Result<BTreeMap<String, Knowledge>> {
    let mut statement =
        db.prepare_cached("SELECT firmware, body FROM knowledge WHERE product = ?1")?;
    let mut rows = statement.query([key.product()])?;
    let mut known = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let body: String = row.get(1)?;
        known.insert(row.get(0)?, knowledge_from_json(&body)?);
    }
    Ok(known)
}
