//! Presets, scripts, objects and settings, in the forms that clients of GenieACS know.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use drover_provision::rules::{InvalidResource, InvalidText, Resource, ResourceKind};
use serde_json::{Map, Value as Json, json};

use super::Nbi;
use super::error::ApiError;
use crate::rules::NotChanged;

/// `PUT /{collection}/{name}`: JSON for presets and objects, else the text itself. A setting may
/// also come as its document.
pub(super) async fn put(
    kind: ResourceKind,
    State(nbi): State<Arc<Nbi>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let text = str::from_utf8(&body).map_err(|error| {
        ApiError::bad(format!("the body is not UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    let text = match kind {
        ResourceKind::Preset | ResourceKind::Object => {
            let members = object(text)?;
            Json::Object(with_id(&name, members)).to_string()
        }
        ResourceKind::Provision | ResourceKind::VirtualParameter => text.to_owned(),
        ResourceKind::Config => setting(text)?,
    };
    nbi.server.rulebook.put(Resource { kind, name, text }).await?;
    Ok(StatusCode::OK)
}

/// `DELETE /{collection}/{name}`. One that is not there is no error, as clients expect.
pub(super) async fn delete(
    kind: ResourceKind,
    State(nbi): State<Arc<Nbi>>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    nbi.server.rulebook.delete(kind, name).await?;
    Ok(StatusCode::OK)
}

/// The document of a resource.
pub(super) fn document(resource: &Resource) -> Json {
    let Resource { kind, name, text } = resource;
    match kind {
        ResourceKind::Preset | ResourceKind::Object => {
            // What is no object was never taken.
            let members = serde_json::from_str(text).unwrap_or_default();
            Json::Object(with_id(name, members))
        }
        ResourceKind::Provision | ResourceKind::VirtualParameter => {
            json!({"_id": name, "script": text})
        }
        ResourceKind::Config => json!({"_id": name, "value": text}),
    }
}

fn with_id(name: &str, members: Map<String, Json>) -> Map<String, Json> {
    let mut document = Map::new();
    document.insert("_id".to_owned(), json!(name));
    document.extend(members.into_iter().filter(|(member, _)| member != "_id"));
    document
}

fn object(text: &str) -> Result<Map<String, Json>, ApiError> {
    match serde_json::from_str(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(ApiError::bad("the body must be a JSON object")),
        Err(error) => Err(ApiError::bad(format!("SyntaxError: the body is not JSON: {error}"))),
    }
}

/// The expression of a setting, which a document `{"value": "…"}` holds as text.
fn setting(text: &str) -> Result<String, ApiError> {
    if !text.trim_start().starts_with('{') {
        return Ok(text.to_owned());
    }
    match object(text)?.get("value") {
        Some(Json::String(value)) => Ok(value.clone()),
        _ => Err(ApiError::bad("a setting needs its expression as text in the member value")),
    }
}

impl From<NotChanged> for ApiError {
    fn from(error: NotChanged) -> Self {
        match error {
            NotChanged::Store(error) => error.into(),
            NotChanged::File { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
            NotChanged::TooMuch(text) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, text),
            NotChanged::Broken => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            NotChanged::Invalid(InvalidResource {
                kind,
                reason: InvalidText::Preset(reason),
                ..
            }) => Self::bad(format!("the {kind} cannot be used: {reason}")),
            NotChanged::Name(_)
            | NotChanged::Invalid(_)
            | NotChanged::Expression(_)
            | NotChanged::Setting(_) => Self::bad(error.to_string()),
        }
    }
}
