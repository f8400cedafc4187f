//! What a supervisor of the server looks at.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;

use super::Nbi;
use super::error::ApiError;

/// `GET /health`: the process answers. One that does not should be restarted.
pub(super) async fn health() -> &'static str {
    "healthy\n"
}

/// `GET /ready`: it can serve devices, since its store answers. If not, `503`; a restart does not
/// help.
pub(super) async fn ready(State(nbi): State<Arc<Nbi>>) -> Result<&'static str, ApiError> {
    // Any small question will do.
    nbi.server.store.watched().await?;
    Ok("ready\n")
}

/// `GET /metrics`: counters for Prometheus.
pub(super) async fn metrics(State(nbi): State<Arc<Nbi>>) -> Response<Body> {
    let content_type = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (StatusCode::OK, content_type, nbi.server.metrics()).into_response()
}
