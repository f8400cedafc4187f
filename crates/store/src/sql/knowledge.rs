//! What is known of the devices of a product, by firmware.

use std::collections::BTreeMap;

use drover_provision::{DeviceKey, Knowledge};

use super::connection::{Connection, params};
use super::{Outcome, Result, read};
use crate::ProductKnowledge;
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

/// What is known of all products, a page at a time.
pub(super) fn list(
    db: &Connection,
    after: Option<&(String, String)>,
    limit: usize,
) -> Outcome<Vec<ProductKnowledge>> {
    let (product, firmware) = after.cloned().unwrap_or_default();
    let behind = if after.is_none() { ">=" } else { ">" };
    let sql = format!(
        "SELECT product, firmware, body FROM knowledge \
         WHERE (product, firmware) {behind} (?1, ?2) ORDER BY product, firmware LIMIT ?3"
    );
    Ok(db.query_rows(&sql, params![product, firmware, read::bound(limit)], |row| {
        let body: String = row.get(2)?;
        let knowledge = knowledge_from_json(&body)?;
        Result::Ok(ProductKnowledge { product: row.get(0)?, firmware: row.get(1)?, knowledge })
    })?)
}

/// Forgets what is known of a product, with one firmware or with all.
pub(super) fn delete(db: &Connection, product: &str, firmware: Option<&str>) -> Outcome<u64> {
    let sql = "DELETE FROM knowledge WHERE product = ?1";
    let deleted = match firmware {
        None => db.execute(sql, params![product])?,
        Some(firmware) => {
            db.execute(&format!("{sql} AND firmware = ?2"), params![product, firmware])?
        }
    };
    Ok(deleted)
}
