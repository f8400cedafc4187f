//! Parameters that are indexed, and those whose history is kept.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use drover_store::IndexState;
use serde_json::{Value as Json, json};

use super::error::ApiError;
use super::{Nbi, json_response};

/// `GET /indexes`: each with whether it has all devices yet.
pub(super) async fn indexes(State(nbi): State<Arc<Nbi>>) -> Result<Response<Body>, ApiError> {
    let indexes = nbi.server.store.indexes().await?;
    let documents: Vec<Json> = indexes
        .iter()
        .map(|index| {
            let state = match index.state {
                IndexState::Building => "building",
                IndexState::Complete => "complete",
            };
            json!({"_id": index.path, "state": state})
        })
        .collect();
    Ok(json_response(StatusCode::OK, &documents.into()))
}

/// `PUT /indexes/{path}`: it is built in the background.
pub(super) async fn add_index(
    State(nbi): State<Arc<Nbi>>,
    Path(path): Path<String>,
) -> Result<StatusCode, ApiError> {
    nbi.server.store.add_index(&path).await?;
    Ok(StatusCode::OK)
}

/// `DELETE /indexes/{path}`
pub(super) async fn drop_index(
    State(nbi): State<Arc<Nbi>>,
    Path(path): Path<String>,
) -> Result<StatusCode, ApiError> {
    let was_there = nbi.server.store.drop_index(&path).await?;
    was_there.then_some(StatusCode::OK).ok_or_else(|| ApiError::not_found("No such index"))
}

/// `GET /watched`
pub(super) async fn watched(State(nbi): State<Arc<Nbi>>) -> Result<Response<Body>, ApiError> {
    let watched = nbi.server.store.watched().await?;
    let documents: Vec<Json> = watched.iter().map(|path| json!({"_id": path})).collect();
    Ok(json_response(StatusCode::OK, &documents.into()))
}

/// `PUT /watched/{path}`: its history begins with the values that come next.
pub(super) async fn watch(
    State(nbi): State<Arc<Nbi>>,
    Path(path): Path<String>,
) -> Result<StatusCode, ApiError> {
    nbi.server.store.watch(&path).await?;
    Ok(StatusCode::OK)
}

/// `DELETE /watched/{path}`: loses its history.
pub(super) async fn unwatch(
    State(nbi): State<Arc<Nbi>>,
    Path(path): Path<String>,
) -> Result<StatusCode, ApiError> {
    let was_watched = nbi.server.store.unwatch(&path).await?;
    was_watched.then_some(StatusCode::OK).ok_or_else(|| ApiError::not_found("It is not watched"))
}
