//! Presets, scripts and the like.

use drover_provision::rules::{Resource, ResourceKind};

use super::connection::{Connection, Row, params};
use super::{Outcome, Result};
use crate::encode::Unreadable;
use crate::error::Error;
use crate::limits::{RESOURCE_BYTES_MAX, RESOURCE_NAME_CHARS_MAX, RESOURCES_MAX};

pub(super) fn put(db: &Connection, resource: &Resource) -> Outcome<()> {
    let Resource { kind, name, text } = resource;
    let has_name = !name.is_empty() && name.chars().nth(RESOURCE_NAME_CHARS_MAX).is_none();
    if !has_name || text.len() > RESOURCE_BYTES_MAX {
        let name = name.chars().take(RESOURCE_NAME_CHARS_MAX).collect();
        return Err(Error::InvalidResource { kind: *kind, name }.into());
    }
    let sql = "INSERT INTO resource (kind, name, text) VALUES (?1, ?2, ?3) \
         ON CONFLICT (kind, name) DO UPDATE SET text = ?3";
    db.execute(sql, params![kind.collection(), name, text])?;
    let count: u32 = db.query_row("SELECT count(*) FROM resource", &[], |row| row.get(0))?;
    if count > RESOURCES_MAX {
        return Err(Error::TooManyResources.into());
    }
    Ok(())
}

pub(super) fn delete(db: &Connection, kind: ResourceKind, name: &str) -> Outcome<bool> {
    let sql = "DELETE FROM resource WHERE kind = ?1 AND name = ?2";
    Ok(db.execute(sql, params![kind.collection(), name])? > 0)
}

pub(super) fn all(db: &Connection) -> Outcome<Vec<Resource>> {
    let sql = "SELECT kind, name, text FROM resource";
    let mut resources = db.query_rows(sql, &[], resource_row)?;
    resources.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    Ok(resources)
}

fn resource_row(row: &mut Row) -> Result<Resource> {
    let collection: String = row.get(0)?;
    let kind = ResourceKind::ALL.into_iter().find(|kind| kind.collection() == collection);
    let kind = kind.ok_or(Unreadable("kind of a resource"))?;
    Ok(Resource { kind, name: row.get(1)?, text: row.get(2)? })
}
