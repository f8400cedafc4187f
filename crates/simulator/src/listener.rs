//! One listener for the connection requests to all devices of a fleet (TR-069a6 §3.2.2.2).

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use drover_cwmp::auth::{Algorithm, Credentials, Scheme, ServerAuth, ServerAuthConfig, Verdict};
use http_body_util::Empty;
use hyper::header::{ALLOW, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::debug;

use crate::limits::{
    LISTENER_CONNECTION_LIFETIME, LISTENER_CONNECTIONS_MAX, LISTENER_HEAD_BYTES_MAX,
    LISTENER_HEAD_TIMEOUT, LISTENER_NONCE_LIFETIME,
};

/// Accepts connection requests until it is dropped. Each device has a path of its own (`CR-04`).
#[derive(Debug)]
pub(crate) struct Listener {
    gate: Arc<Gate>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Listens on a free port. `secret` must be random.
    pub(crate) async fn bind(address: SocketAddr, secret: [u8; 32]) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Gate::new(secret));
        let task = tokio::spawn(accept(listener, Arc::clone(&gate)));
        Ok(Self { gate, address, task })
    }

    /// The `ConnectionRequestURL` of the device with this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }
}

async fn accept(listener: TcpListener, gate: Arc<Gate>) {
    let places = Arc::new(Semaphore::new(LISTENER_CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let gate = Arc::clone(&gate);
                tokio::spawn(async move {
                    serve(stream, gate).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, or the connection is already gone.
                debug!(%error, "a connection request could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, gate: Arc<Gate>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let response = gate.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LISTENER_HEAD_TIMEOUT)
        .max_buf_size(LISTENER_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(LISTENER_CONNECTION_LIFETIME, connection).await {
        debug!(%error, "bad connection request");
    }
}

/// Knows the paths, and who may ask.
#[derive(Debug)]
pub(crate) struct Gate {
    inner: Mutex<GateInner>,
    started: Instant,
}

#[derive(Debug)]
struct GateInner {
    auth: ServerAuth,
    routes: HashMap<String, Route>,
}

#[derive(Debug)]
struct Route {
    credentials: Option<Credentials>,
    requested: Arc<Notify>,
}

impl Gate {
    fn new(secret: [u8; 32]) -> Self {
        let auth = ServerAuth::new(ServerAuthConfig {
            realm: "connection request".to_owned(),
            scheme: Scheme::Digest(vec![Algorithm::Md5]),
            nonce_lifetime: LISTENER_NONCE_LIFETIME,
            strict_nc: true,
            secret,
        });
        let inner = Mutex::new(GateInner { auth, routes: HashMap::new() });
        Self { inner, started: Instant::now() }
    }

    /// Opens a path, or changes who may ask there. Without credentials nobody may (`CR-05`).
    pub(crate) fn set_route(
        &self,
        path: &str,
        credentials: Option<Credentials>,
        requested: &Arc<Notify>,
    ) {
        let route = Route { credentials, requested: Arc::clone(requested) };
        self.lock().routes.insert(path.to_owned(), route);
    }

    /// Nothing under the lock can be left half changed.
    fn lock(&self) -> MutexGuard<'_, GateInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Empty<Bytes>> {
        self.lock().answer(request, self.started.elapsed())
    }
}

impl GateInner {
    fn answer<B>(&mut self, request: &Request<B>, now: Duration) -> Response<Empty<Bytes>> {
        let Some(route) = self.routes.get(request.uri().path()) else {
            return status(StatusCode::NOT_FOUND);
        };
        if request.method() != Method::GET {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return response;
        }
        let header = request.headers().get(AUTHORIZATION);
        let authorization = header.and_then(|value| str::from_utf8(value.as_bytes()).ok());
        let target = request.uri().to_string();
        let verdict = self.auth.verify("GET", &target, authorization, now, |username| {
            let credentials = route.credentials.as_ref();
            let known = credentials.filter(|known| known.username == username);
            known.map(|known| known.password().clone())
        });
        match verdict {
            Verdict::Accepted { .. } => {
                route.requested.notify_one();
                status(StatusCode::OK)
            }
            Verdict::Stale => self.challenge(now, true),
            Verdict::Missing | Verdict::Refused { .. } => self.challenge(now, false),
        }
    }

    fn challenge(&mut self, now: Duration, stale: bool) -> Response<Empty<Bytes>> {
        let mut response = status(StatusCode::UNAUTHORIZED);
        for challenge in self.auth.challenges(now, stale) {
            if let Ok(value) = HeaderValue::from_str(&challenge) {
                response.headers_mut().append(WWW_AUTHENTICATE, value);
            }
        }
        response
    }
}

fn status(status: StatusCode) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}
