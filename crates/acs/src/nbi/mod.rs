//! The northbound interface: the first routes of GenieACS's, on loopback only.

mod collection;
mod credential;
mod device;
mod error;
mod fault;
mod file;
mod filter;
mod guard;
mod knowledge;
mod operation;
mod past;
mod paths;
mod perform;
mod projection;
mod resource;
mod scalar;
mod scan;
mod search;
mod stream;
mod task;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use drover_provision::rules::ResourceKind;
use drover_provision::{DeviceKey, Task, TaskId, TaskState};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tracing::info;

use crate::cwmp::Server;
use crate::files::FileInfo;
use crate::limits::NBI_BODY_BYTES_MAX;
use crate::meters::{Listener, Meters};
use crate::net::Handler;
use crate::peer::Peer;
use error::ApiError;
use scan::Source;

/// The version of GenieACS whose interface this is, for clients that look at it.
const GENIEACS_VERSION: &str = "1.2.16";

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Nbi {
    server: Arc<Server>,
    /// Bytes of one file.
    file_bytes: u64,
}

impl Nbi {
    pub(crate) const fn new(server: Arc<Server>, file_bytes: u64) -> Self {
        Self { server, file_bytes }
    }
}

/// Answers the requests of clients.
#[derive(Debug, Clone)]
pub(crate) struct NbiHandler {
    service: TowerToHyperService<Router>,
    meters: Arc<Meters>,
}

impl NbiHandler {
    pub(crate) fn new(nbi: Nbi) -> Self {
        let meters = Arc::clone(&nbi.server.meters);
        Self { service: TowerToHyperService::new(router(Arc::new(nbi))), meters }
    }
}

impl Handler for NbiHandler {
    type Body = Body;

    async fn handle(&self, peer: Arc<Peer>, mut request: Request<Incoming>) -> Response<Body> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        trim_slash(request.uri_mut());
        let Ok(mut response) = self.service.call(request).await;
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            let (peer, status) = (peer.address, status.as_u16());
            self.meters.refuse(Listener::Nbi, status);
            info!(%peer, %method, path, status, "northbound request refused");
        }
        let headers = response.headers_mut();
        let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
        headers.insert(HeaderName::from_static("drover-version"), version);
        let genieacs = HeaderValue::from_static(GENIEACS_VERSION);
        headers.insert(HeaderName::from_static("genieacs-version"), genieacs);
        response
    }
}

fn router(nbi: Arc<Nbi>) -> Router {
    let resources = ResourceKind::ALL.into_iter().fold(Router::new(), with_resources);
    resources
        .route("/devices", get(collection::devices))
        .route("/tasks", get(collection::tasks))
        .route("/faults", get(collection::faults))
        .route("/health", get(operation::health))
        .route("/ready", get(operation::ready))
        .route("/metrics", get(operation::metrics))
        .route("/files", get(collection::files))
        .route("/files/{name}", put(file::put).delete(file::delete))
        .route("/devices/{id}", delete(delete_device))
        .route(
            "/devices/{id}/credentials",
            get(credential::get).put(credential::put).delete(credential::delete),
        )
        .route("/devices/{id}/history", get(past::history))
        .route("/devices/{id}/presets", get(past::presets))
        .route("/devices/{id}/sessions", get(past::sessions))
        .route("/devices/{id}/snapshots", get(past::snapshots))
        .route("/devices/{id}/snapshots/{number}", get(past::snapshot))
        .route("/indexes", get(paths::indexes))
        .route("/indexes/{path}", put(paths::add_index).delete(paths::drop_index))
        .route("/knowledge", get(knowledge::list))
        .route("/knowledge/{product}", delete(knowledge::delete))
        .route("/watched", get(paths::watched))
        .route("/watched/{path}", put(paths::watch).delete(paths::unwatch))
        .route("/devices/{id}/tasks", post(perform::post_task))
        .route("/devices/{id}/tags/{tag}", post(add_tag).delete(remove_tag))
        .route("/tasks/{id}", delete(delete_task))
        .route("/tasks/{id}/retry", post(retry_task))
        .route("/faults/{id}", delete(delete_fault))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(NBI_BODY_BYTES_MAX))
        .layer(middleware::from_fn(refuse_browsers))
        .with_state(nbi)
}

/// Adds the routes of a kind of resources. Those of two words have two spellings.
fn with_resources(router: Router<Arc<Nbi>>, kind: ResourceKind) -> Router<Arc<Nbi>> {
    let list = get(move |state, method, parameters| {
        collection::resources(kind, state, method, parameters)
    });
    let change = put(move |state, name, body| resource::put(kind, state, name, body))
        .delete(move |state, name| resource::delete(kind, state, name));
    let name = kind.collection();
    let router = match kind {
        ResourceKind::VirtualParameter => router.route("/virtualParameters", list.clone()),
        _ => router,
    };
    router.route(&format!("/{name}"), list).route(&format!("/{name}/{{name}}"), change)
}

/// A slash at the end means nothing.
fn trim_slash(uri: &mut Uri) {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || trimmed.is_empty() {
        return;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(trimmed) = format!("{trimmed}{query}").parse() {
        *uri = trimmed;
    }
}

async fn refuse_browsers(request: Request<Body>, next: Next) -> Result<Response<Body>, ApiError> {
    guard::check(request.headers())?;
    Ok(next.run(request).await)
}

async fn not_found() -> ApiError {
    ApiError::not_found("404 Not Found")
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed")
}

async fn add_tag(
    State(nbi): State<Arc<Nbi>>,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let known = nbi.server.store.add_tag(&device_key(&id)?, &tag).await?;
    known.then_some(StatusCode::OK).ok_or_else(ApiError::no_such_device)
}

async fn remove_tag(
    State(nbi): State<Arc<Nbi>>,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let known = nbi.server.store.remove_tag(&device_key(&id)?, &tag).await?;
    known.then_some(StatusCode::OK).ok_or_else(ApiError::no_such_device)
}

async fn delete_device(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let key = device_key(&id)?;
    nbi.refuse_in_session(&key)?;
    let known = nbi.server.store.delete_device(&key).await?;
    known.then_some(StatusCode::OK).ok_or_else(ApiError::no_such_device)
}

async fn delete_task(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let task = nbi.find_task(&id).await?.ok_or_else(ApiError::no_such_task)?;
    nbi.refuse_in_session(&task.device)?;
    nbi.server.store.delete_task(&task.id).await?;
    Ok(StatusCode::OK)
}

async fn retry_task(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let task = nbi.find_task(&id).await?.ok_or_else(ApiError::no_such_task)?;
    nbi.refuse_in_session(&task.device)?;
    let retried = nbi.server.store.retry_task(&task.id).await?;
    retried.map(|_| StatusCode::OK).ok_or_else(ApiError::no_such_task)
}

/// Deletes a fault: that of a task with the task, that of a channel so that it is free at once. One
/// that is gone already is no error, as clients expect.
async fn delete_fault(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    // The id of a device has no colon, the name of a channel may have some.
    let Some((device, channel)) = id.split_once(':') else { return Ok(StatusCode::OK) };
    let Ok(device) = DeviceKey::parse(device) else { return Ok(StatusCode::OK) };
    let task = match channel.strip_prefix("task_") {
        Some(task) => nbi.find_task(task).await?,
        None => None,
    };
    let is_this =
        |task: &Task| task.device == device && matches!(task.state, TaskState::Faulted(_));
    nbi.refuse_in_session(&device)?;
    match task.filter(is_this) {
        Some(task) => nbi.server.store.delete_task(&task.id).await?,
        None => nbi.server.store.delete_fault(&device, channel).await?,
    };
    Ok(StatusCode::OK)
}

impl Nbi {
    fn source(&self) -> Source {
        Source {
            store: self.server.store.clone(),
            catalog: Arc::clone(self.server.catalog()),
            resources: self.server.rulebook.resources(),
            files: self.server.files.as_ref().map(|files| Arc::clone(&files.library)),
        }
    }

    fn find_file(&self, name: &str) -> Option<Arc<FileInfo>> {
        self.server.files.as_ref()?.library.find(name)
    }

    async fn find_task(&self, id: &str) -> Result<Option<Task>, ApiError> {
        let Ok(id) = TaskId::parse(id) else { return Ok(None) };
        Ok(self.server.store.task(&id).await?)
    }

    /// What a session works on is not changed under its hands.
    fn refuse_in_session(&self, device: &DeviceKey) -> Result<(), ApiError> {
        if self.server.sessions.find_device(device).is_some() {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Err(ApiError::new(status, "Device is in session"));
        }
        Ok(())
    }
}

fn device_key(id: &str) -> Result<DeviceKey, ApiError> {
    DeviceKey::parse(id).map_err(|_| ApiError::no_such_device())
}

/// A status without body whose reason phrase clients read. The phrase stands in a header besides,
/// for those who cannot see it.
fn with_reason(mut response: Response<Body>, reason: &str) -> Response<Body> {
    let printable: String =
        reason.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).collect();
    if let Ok(phrase) = hyper::ext::ReasonPhrase::try_from(printable.as_bytes()) {
        response.extensions_mut().insert(phrase);
    }
    if let Ok(value) = HeaderValue::try_from(printable) {
        response.headers_mut().insert(HeaderName::from_static("drover-reason"), value);
    }
    response
}

fn json_response(status: StatusCode, json: &serde_json::Value) -> Response<Body> {
    let content_type = [(axum::http::header::CONTENT_TYPE, "application/json")];
    (status, content_type, json.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_means_nothing() {
        for (given, expected) in [
            ("/devices/", "/devices"),
            ("/devices/?query={}", "/devices?query={}"),
            ("/devices", "/devices"),
            ("/", "/"),
            ("/devices/a%252Db/tags/x%2F/", "/devices/a%252Db/tags/x%2F"),
        ] {
            let mut uri: Uri = given.replace("{}", "%7B%7D").parse().expect(given);
            trim_slash(&mut uri);
            assert_eq!(uri.to_string(), expected.replace("{}", "%7B%7D"));
        }
    }
}
