//! The server's side: connection requests of the ACS (TR-069a6 §3.2.2.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use drover_cwmp::auth::{Algorithm, Credentials, Scheme, ServerAuth, ServerAuthConfig, Verdict};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::limits::{
    LISTENER_CONNECTION_LIFETIME, LISTENER_CONNECTIONS_MAX, LISTENER_HEAD_BYTES_MAX,
    LISTENER_HEAD_TIMEOUT, LISTENER_HEADERS_MAX, LISTENER_NONCE_LIFETIME, LISTENER_RATE_MAX,
    LISTENER_RATE_PERIOD,
};

/// Who may ask for a session, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionRequestAccess {
    /// The path, beginning with `/`; random, so that it cannot be guessed (CR-04).
    pub path: String,
    /// `ConnectionRequestUsername` and `ConnectionRequestPassword`. Without a user name nobody is
    /// let in, since every request must be authenticated (CR-05).
    pub credentials: Credentials,
}

/// Accepts connection requests on a TCP port until it is dropped.
///
/// It needs nothing of the rest of the agent to answer: also during a session a request is
/// accepted, and leads to one session after the present one (CR-09, second way).
#[derive(Debug)]
pub struct ConnectionRequestListener {
    gate: Arc<Gate>,
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for ConnectionRequestListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ConnectionRequestListener {
    /// Listens on `address`; port 0 takes a free one. `secret` makes the nonces unpredictable and
    /// must be random. Needs a tokio runtime.
    ///
    /// # Errors
    /// The port is in use, or the address is not one of this host.
    pub async fn bind(
        address: SocketAddr,
        access: ConnectionRequestAccess,
        secret: [u8; 32],
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        let gate = Arc::new(Gate::new(access, secret));
        let task = tokio::spawn(accept(listener, Arc::clone(&gate)));
        Ok(Self { gate, port, task })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes other credentials or another path from the next request on.
    pub fn set_access(&self, access: ConnectionRequestAccess) {
        self.gate.lock().access = access;
    }

    /// Waits for an accepted connection request. Those accepted since the last call count as one
    /// (CR-08). Cancel safe.
    pub async fn requested(&self) {
        self.gate.requested.notified().await;
    }

    /// Forgets an accepted request that nobody has waited for yet: the session that starts now
    /// serves it too (CR-08). Says whether there was one.
    pub fn take_pending(&self) -> bool {
        use futures_util::FutureExt;
        self.gate.requested.notified().now_or_never().is_some()
    }
}

async fn accept(listener: TcpListener, gate: Arc<Gate>) {
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the connection is already gone.
                debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        connections.retain(|connection| !connection.is_finished());
        // A new requester always gets in: whoever holds connections without using them loses the
        // oldest, and can block nobody.
        if connections.len() >= LISTENER_CONNECTIONS_MAX
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let serve = tokio::spawn(serve(stream, peer, Arc::clone(&gate)));
        connections.push_back(serve.abort_handle());
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, gate: Arc<Gate>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = gate.answer(&request, peer);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LISTENER_HEAD_TIMEOUT)
        .max_headers(LISTENER_HEADERS_MAX)
        .max_buf_size(LISTENER_HEAD_BYTES_MAX)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(LISTENER_CONNECTION_LIFETIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%peer, %error, "bad connection request"),
        Err(_) => debug!(%peer, "a connection was held too long and closed"),
    }
}

/// Decides about requests.
#[derive(Debug)]
struct Gate {
    inner: Mutex<GateInner>,
    requested: Notify,
    started: Instant,
}

#[derive(Debug)]
struct GateInner {
    access: ConnectionRequestAccess,
    auth: ServerAuth,
    rate: Rate,
}

impl Gate {
    fn new(access: ConnectionRequestAccess, secret: [u8; 32]) -> Self {
        let auth = ServerAuth::new(ServerAuthConfig {
            realm: "connection request".to_owned(),
            // One challenge: some servers look at the first only, and all of them know MD5.
            scheme: Scheme::Digest(vec![Algorithm::Md5]),
            nonce_lifetime: LISTENER_NONCE_LIFETIME,
            strict_nc: true,
            secret,
        });
        let inner = Mutex::new(GateInner { access, auth, rate: Rate::default() });
        Self { inner, requested: Notify::new(), started: Instant::now() }
    }

    /// Nothing that runs under the lock can leave the data half changed, so that a panic elsewhere
    /// need not close the port.
    fn lock(&self) -> MutexGuard<'_, GateInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<B>(&self, request: &Request<B>, peer: SocketAddr) -> Response<Empty<Bytes>> {
        let now = self.started.elapsed();
        let response = self.lock().answer(request, peer, now);
        if response.status() == StatusCode::OK {
            self.requested.notify_one();
        }
        response
    }
}

impl GateInner {
    fn answer<B>(
        &mut self,
        request: &Request<B>,
        peer: SocketAddr,
        now: Duration,
    ) -> Response<Empty<Bytes>> {
        if request.uri().path() != self.access.path {
            debug!(%peer, "connection request for an unknown path");
            return status(StatusCode::NOT_FOUND);
        }
        if request.method() != Method::GET {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return response;
        }
        match self.verify(request, now) {
            Verdict::Accepted { .. } => self.accept(peer, now),
            Verdict::Stale => self.challenge(now, true),
            Verdict::Missing => self.challenge(now, false),
            Verdict::Refused { username, reason } => {
                warn!(%peer, ?username, %reason, "connection request refused");
                self.challenge(now, false)
            }
        }
    }

    fn verify<B>(&mut self, request: &Request<B>, now: Duration) -> Verdict {
        let header = request.headers().get(AUTHORIZATION);
        let authorization = header.and_then(|value| str::from_utf8(value.as_bytes()).ok());
        let target = request.uri().to_string();
        let credentials = &self.access.credentials;
        self.auth.verify("GET", &target, authorization, now, |username| {
            let known = !username.is_empty() && username == credentials.username;
            known.then(|| credentials.password().clone())
        })
    }

    fn accept(&mut self, peer: SocketAddr, now: Duration) -> Response<Empty<Bytes>> {
        if !self.rate.admit(now) {
            warn!(%peer, "too many connection requests, one is refused");
            return status(StatusCode::SERVICE_UNAVAILABLE);
        }
        debug!(%peer, "connection request accepted");
        status(StatusCode::OK)
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

/// Admits [`LISTENER_RATE_MAX`] requests in each [`LISTENER_RATE_PERIOD`] (CR-10).
#[derive(Debug, Default)]
struct Rate {
    period_start: Duration,
    admitted: u32,
}

impl Rate {
    fn admit(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.period_start) >= LISTENER_RATE_PERIOD {
            *self = Self { period_start: now, admitted: 0 };
        }
        let admitted = self.admitted < LISTENER_RATE_MAX;
        self.admitted += u32::from(admitted);
        admitted
    }
}

#[cfg(test)]
mod tests;
