//! With what devices prove who they are. Passwords come in and are never told (`SEC-01`).

use std::sync::Arc;

use axum::Json as Body;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use drover_cwmp::auth::{Credentials, Secret};
use drover_provision::authentication::DeviceCredentials;
use serde_json::{Value as Json, json};

use super::error::ApiError;
use super::{Nbi, device_key};

/// What a client sends.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    username: String,
    password: String,
}

/// `GET /devices/{id}/credentials`: user names, and from where the device last came.
pub(super) async fn get(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<Body<Json>, ApiError> {
    let known = nbi.server.store.credentials(&device_key(&id)?).await?;
    if known == DeviceCredentials::default() {
        return Err(ApiError::not_found("The device has no credentials of its own"));
    }
    let name = |it: Option<Credentials>| it.map(|it| it.username);
    Ok(Body(json!({
        "username": name(known.current),
        "nextUsername": name(known.next),
        "address": known.home.map(|home| home.to_string()),
    })))
}

/// `PUT /devices/{id}/credentials`: those that the device has now. It may never have come yet.
pub(super) async fn put(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let key = device_key(&id)?;
    // The error would quote what it found.
    let given: Given = serde_json::from_slice(&body).map_err(|_| {
        let text = "the body must be an object with the texts username and password";
        ApiError::bad(text)
    })?;
    if given.username.is_empty() || given.password.is_empty() {
        return Err(ApiError::bad("username and password must not be empty"));
    }
    let current = Some(Credentials::new(given.username, Secret::new(given.password)));
    let known = DeviceCredentials { current, ..DeviceCredentials::default() };
    nbi.refuse_in_session(&key)?;
    nbi.server.store.put_credentials(&key, known).await?;
    Ok(StatusCode::OK)
}

/// `DELETE /devices/{id}/credentials`: the device may come with an onboarding secret again.
pub(super) async fn delete(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let key = device_key(&id)?;
    nbi.refuse_in_session(&key)?;
    let was_there = nbi.server.store.delete_credentials(&key).await?;
    let none = || ApiError::not_found("The device has no credentials of its own");
    was_there.then_some(StatusCode::OK).ok_or_else(none)
}
