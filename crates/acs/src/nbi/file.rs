//! Files, in the forms that clients of GenieACS know.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use tracing::error;

use super::Nbi;
use super::device::iso;
use super::error::ApiError;
use crate::files::{FileInfo, Library, Metadata, Rejected, receive};
use crate::net::chain;

/// `PUT /files/{name}`: the bytes, with what they are in the headers `fileType`, `oui`,
/// `productClass` and `version`. A file of that name is replaced.
pub(super) async fn put(
    State(nbi): State<Arc<Nbi>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let text = |header: &str| match headers.get(header).map(|value| value.to_str()) {
        None => Ok(String::new()),
        Some(Ok(text)) => Ok(text.to_owned()),
        Some(Err(_)) => Err(ApiError::bad(format!("the header {header} is not plain text"))),
    };
    let metadata = Metadata {
        file_type: text("fileType")?,
        oui: text("oui")?,
        product_class: text("productClass")?,
        version: text("version")?,
    };
    receive(library(&nbi)?, name, metadata, body, nbi.file_bytes).await?;
    Ok(StatusCode::CREATED)
}

/// `DELETE /files/{name}`
pub(super) async fn delete(
    State(nbi): State<Arc<Nbi>>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let removed = library(&nbi)?.remove(name).await.map_err(Rejected::from)?;
    removed.then_some(StatusCode::OK).ok_or_else(|| ApiError::not_found("404 Not Found"))
}

/// The document of a file.
pub(super) fn document(info: &FileInfo) -> Json {
    let FileInfo { name, metadata, length, digest, stored } = info;
    let Metadata { file_type, oui, product_class, version } = metadata;
    json!({
        "_id": name,
        "length": length,
        "uploadDate": iso(*stored),
        "sha256": digest,
        "metadata": {
            "fileType": file_type,
            "oui": oui,
            "productClass": product_class,
            "version": version,
        },
    })
}

fn library(nbi: &Nbi) -> Result<&Arc<Library>, ApiError> {
    let off = || {
        let text = "files are not served; set files.enabled = true";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text)
    };
    nbi.server.files.as_ref().map(|files| &files.library).ok_or_else(off)
}

impl From<Rejected> for ApiError {
    fn from(rejected: Rejected) -> Self {
        if rejected.status().is_server_error() {
            error!(error = %chain(&rejected), "a file cannot be changed");
        }
        Self::new(rejected.status(), rejected.to_string())
    }
}
