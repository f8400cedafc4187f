//! With what devices prove who they are.

use drover_cwmp::auth::{Credentials, Secret};
use drover_provision::DeviceKey;
use drover_provision::authentication::DeviceCredentials;

use super::connection::{Connection, params};
use super::{Outcome, Result};

pub(super) fn put(db: &Connection, key: &DeviceKey, known: &DeviceCredentials) -> Result<()> {
    let sql = "INSERT INTO credential \
         (device, username, password, next_username, next_password, home) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (device) DO UPDATE SET username = ?2, \
         password = ?3, next_username = ?4, next_password = ?5, home = ?6";
    let username = |it: &Option<Credentials>| it.as_ref().map(|it| it.username.clone());
    let password =
        |it: &Option<Credentials>| it.as_ref().map(|it| it.password().expose().to_owned());
    db.execute(
        sql,
        params![
            key.as_str(),
            username(&known.current),
            password(&known.current),
            username(&known.next),
            password(&known.next),
            known.home.map(|home| home.to_string()),
        ],
    )?;
    Ok(())
}

pub(super) fn of_device(db: &Connection, key: &DeviceKey) -> Result<DeviceCredentials> {
    let sql = "SELECT username, password, next_username, next_password, home FROM credential \
         WHERE device = ?1";
    let known = db.query_optional(sql, params![key.as_str()], |row| {
        let credentials = |username: Option<String>, password: Option<String>| {
            Some(Credentials::new(username?, Secret::new(password?)))
        };
        let home: Option<String> = row.get(4)?;
        Result::Ok(DeviceCredentials {
            current: credentials(row.get(0)?, row.get(1)?),
            next: credentials(row.get(2)?, row.get(3)?),
            home: home.and_then(|home| home.parse().ok()),
        })
    })?;
    Ok(known.unwrap_or_default())
}

pub(super) fn delete(db: &Connection, key: &DeviceKey) -> Outcome<bool> {
    Ok(db.execute("DELETE FROM credential WHERE device = ?1", params![key.as_str()])? > 0)
}
