//! `POST /devices/{id}/tasks`: store a task, and perhaps ask the device to come for it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use drover_provision::{DeviceRecord, Task, TaskId, TaskState};
use jiff::Timestamp;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::timeout;

use super::error::ApiError;
use super::{Nbi, device_key, json_response, task, with_reason};
use crate::cwmp::{Live, Presence};
use crate::entropy;
use crate::limits::{
    TASK_BUSY_SECONDS_MAX, TASK_SESSION_SECONDS_MAX, TASK_WAIT_MILLISECONDS,
    TASK_WAIT_MILLISECONDS_MAX,
};

const NOT_PROCESSED: &str = "Task queued but not processed";
const FAULTED: &str = "Task faulted";

/// The parameters as they are written.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Parameters {
    timeout: Option<String>,
    /// Present, with any value or none.
    connection_request: Option<String>,
}

pub(super) async fn post_task(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
    Query(parameters): Query<Parameters>,
    body: Bytes,
) -> Result<Response<Body>, ApiError> {
    let wait = parameters.wait()?;
    let wants_session = parameters.connection_request.is_some();
    if body.is_empty() && !wants_session {
        let text = "the body is empty: post a task, or add ?connection_request to wake the device";
        return Err(ApiError::bad(text));
    }
    let key = device_key(&id)?;
    let now = Timestamp::now();
    let task = if body.is_empty() {
        None
    } else {
        Some(task::parse(&body, key.clone(), task_id(now)?, now, &|name| nbi.find_file(name))?)
    };
    let record = nbi.server.store.load(&key).await?.ok_or_else(ApiError::no_such_device)?;
    match task {
        None => Ok(nbi.wake(&record).await),
        Some(task) if !wants_session => nbi.store_only(task).await,
        Some(task) => nbi.perform(task, &record, wait).await,
    }
}

impl Parameters {
    /// How long to wait for a session to begin.
    fn wait(&self) -> Result<Duration, ApiError> {
        let text = self.timeout.as_deref().unwrap_or_default().trim();
        let milliseconds = match text {
            "" => TASK_WAIT_MILLISECONDS,
            text => text.parse().map_err(|_| {
                ApiError::bad(format!("timeout must be a number of milliseconds, not {text:?}"))
            })?,
        };
        Ok(Duration::from_millis(milliseconds.min(TASK_WAIT_MILLISECONDS_MAX)))
    }
}

fn task_id(now: Timestamp) -> Result<TaskId, ApiError> {
    let entropy = entropy::bytes();
    let entropy = entropy
        .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(TaskId::new(now, entropy))
}

impl Nbi {
    /// Only asks the device to come.
    async fn wake(&self, record: &DeviceRecord) -> Response<Body> {
        match self.server.reacher.ask(record).await {
            Ok(()) => StatusCode::OK.into_response(),
            Err(reason) => {
                let status = StatusCode::GATEWAY_TIMEOUT;
                with_reason((status, reason.clone()).into_response(), &reason)
            }
        }
    }

    async fn store_only(&self, task: Task) -> Result<Response<Body>, ApiError> {
        self.insert(&task).await?;
        Ok(json_response(StatusCode::ACCEPTED, &self.document(&task)))
    }

    /// Stores a task and sees to it that the device does it now, if it can be reached.
    async fn perform(
        &self,
        task: Task,
        record: &DeviceRecord,
        wait: Duration,
    ) -> Result<Response<Body>, ApiError> {
        // Watches from before the task can be seen, so that no session is missed.
        let mut watch = self.server.sessions.watch(&task.device);
        self.insert(&task).await?;
        let busy = Duration::from_secs(TASK_BUSY_SECONDS_MAX);
        if !wait_for(&mut watch, busy, |presence| !presence.is_open).await {
            return Ok(self.accepted(&task, NOT_PROCESSED));
        }
        // A session that was open has done it, or ended without.
        if let Some(outcome) = self.outcome(&task).await? {
            return Ok(outcome);
        }
        let begun = watch.borrow().begun;
        let has_begun = |presence: &Presence| presence.begun > begun;
        if let Err(reason) = self.server.reacher.ask(record).await
            && !has_begun(&watch.borrow())
        {
            return Ok(self.accepted(&task, &reason));
        }
        if wait_for(&mut watch, wait, has_begun).await {
            let session = Duration::from_secs(TASK_SESSION_SECONDS_MAX);
            wait_for(&mut watch, session, |presence| !presence.is_open).await;
        }
        let outcome = self.outcome(&task).await?;
        Ok(outcome.unwrap_or_else(|| self.accepted(&task, NOT_PROCESSED)))
    }

    /// Stores a task, and hands it to the session of its device if one is open.
    async fn insert(&self, task: &Task) -> Result<(), ApiError> {
        // The session waits meanwhile. Else it could load the task by itself and do it twice.
        let mut live = self.lock_session(task).await;
        self.server.store.insert_task(task.clone()).await?;
        if let Some(live) = live.as_mut().and_then(|live| live.as_mut()) {
            live.session.queue(task.clone(), Timestamp::now());
        }
        Ok(())
    }

    async fn lock_session(&self, task: &Task) -> Option<OwnedMutexGuard<Option<Live>>> {
        let slot = self.server.sessions.find_device(&task.device)?;
        Some(Arc::clone(&slot.live).lock_owned().await)
    }

    /// The answer for a task that is no longer waiting.
    async fn outcome(&self, task: &Task) -> Result<Option<Response<Body>>, ApiError> {
        let Some(now) = self.server.store.task(&task.id).await? else {
            // Deleted, replaced by another with its unique key, or expired.
            return Ok(None);
        };
        Ok(match now.state {
            TaskState::Waiting => None,
            TaskState::Faulted(_) => Some(self.accepted(&now, FAULTED)),
            TaskState::Done(_) => Some(json_response(StatusCode::OK, &self.document(&now))),
        })
    }

    fn accepted(&self, task: &Task, reason: &str) -> Response<Body> {
        with_reason(json_response(StatusCode::ACCEPTED, &self.document(task)), reason)
    }

    fn document(&self, task: &Task) -> serde_json::Value {
        task::document(task, self.server.catalog())
    }
}

/// Waits until `is_so`; false when it takes too long.
async fn wait_for(
    watch: &mut watch::Receiver<Presence>,
    limit: Duration,
    is_so: impl Fn(&Presence) -> bool,
) -> bool {
    timeout(limit, watch.wait_for(|presence| is_so(presence))).await.is_ok_and(|seen| seen.is_ok())
}
