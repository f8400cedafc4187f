//! What is known of the devices of a product, by firmware.

use std::collections::BTreeMap;

use drover_provision::{DeviceKey, Knowledge};

use super::Result;
use super::connection::{Connection, params};
use crate::encode::{knowledge_from_json, knowledge_to_json};

pub(super) fn put(
    db: &Connection,
    key: &DeviceKey,
    firmware: &str,
    knowledge: &Knowledge,
) -> Result<()> {
    let sql = "INSERT INTO knowledge (product, firmware, body) VALUES (?1, ?2, ?3) \
         ON CONFLICT (product, firmware) DO UPDATE SET body = ?3";
    db.execute(sql, params![key.product(), firmware, knowledge_to_json(knowledge)])?;
    Ok(())
}

/// All that is known of the product of a device.
pub(super) fn of_product(db: &Connection, key: &DeviceKey) -> Result<BTreeMap<String, Knowledge>> {
    let sql = "SELECT firmware, body FROM knowledge WHERE product = ?1";
    let rows = db.query_rows(sql, params![key.product()], |row| {
        let body: String = row.get(1)?;
        Result::Ok((row.get(0)?, knowledge_from_json(&body)?))
    })?;
    Ok(rows.into_iter().collect())
}
