//! Errors as clients see them: a status and one line.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use drover_store::Error as StoreError;
use tracing::error;

use super::filter::QueryError;
use super::task::BadTask;
use crate::net::chain;

/// A status and the text that goes with it.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    text: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn not_found(text: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub(super) fn no_such_device() -> Self {
        Self::not_found("No such device")
    }

    pub(super) fn no_such_task() -> Self {
        Self::not_found("Task not found")
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<BadTask> for ApiError {
    fn from(error: BadTask) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchDevice(_) => Self::no_such_device(),
            StoreError::InvalidTag
            | StoreError::TooMany { .. }
            | StoreError::InvalidResource { .. }
            | StoreError::TooManyResources
            | StoreError::InvalidIndex(_)
            | StoreError::TooManyIndexes
            | StoreError::InvalidPath(_)
            | StoreError::TooManyWatched
            | StoreError::NotIndexed { .. }
            | StoreError::InvalidCursor => Self::bad(error.to_string()),
            // It may be fast enough when others search less.
            StoreError::TooSlow { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            // Their texts name files and hosts, which a client need not know.
            StoreError::Database { .. }
            | StoreError::Server { .. }
            | StoreError::Folder { .. }
            | StoreError::Gone { .. }
            | StoreError::Closed => {
                error!(error = %chain(&error), "a northbound request failed");
                let text = "the store cannot be used at this time; see the server's log";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
            }
            other => {
                error!(error = %chain(&other), "a northbound request failed");
                let text = "the store failed; see the server's log";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let content_type = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        (self.status, content_type, self.text).into_response()
    }
}
