//! The listener for devices: HTTP on one side, sessions on the other.

mod admission;
mod auth;
mod body;
mod exchange;
mod refusal;
mod replay;
mod scripted;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drover_cwmp::cookie::find_cookie;
use drover_datamodel::catalog::Catalog;
use drover_provision::{SessionConfig, Settings};
use drover_store::Store;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use tokio::time::{Instant, sleep};
use tracing::info;

pub(crate) use sessions::{Live, Presence, Sessions};

use crate::config::CwmpConfig;
use crate::entropy::{NoEntropy, Token};
use crate::files::FileServer;
use crate::limits::{INFORM_BYTES_MAX, REFUSAL_PAUSE_MILLISECONDS};
use crate::meters::{Event, Meters, Now};
use crate::net::Handler;
use crate::peer::Peer;
use crate::reacher::Reacher;
use crate::rules::Rulebook;
use crate::scripts::Scripts;
use admission::Doors;
use auth::Gate;
use body::{BodyLimits, Budget};
use exchange::Origin;
use refusal::Refusal;

/// The name of the session cookie. Its value has neither `=` nor `;` (quirk 11).
const COOKIE_NAME: &str = "sid";

/// Everything that all requests of devices share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) sessions: Arc<Sessions>,
    gate: Gate,
    doors: Arc<Doors>,
    path: Option<String>,
    body_limits: BodyLimits,
    session_timeout: Duration,
    catalog: Arc<Catalog>,
    pub(crate) rulebook: Arc<Rulebook>,
    pub(crate) scripts: Scripts,
    /// `None` when files are not served.
    pub(crate) files: Option<Arc<FileServer>>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) reacher: Arc<Reacher>,
}

/// What a server is made of, besides its configuration.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) rulebook: Arc<Rulebook>,
    pub(crate) scripts: Scripts,
    pub(crate) files: Option<Arc<FileServer>>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) reacher: Arc<Reacher>,
}

impl Server {
    pub(crate) fn new(config: &CwmpConfig, parts: Parts) -> Result<Self, NoEntropy> {
        let limits = &config.limits;
        let Parts { store, sessions, catalog, rulebook, scripts, files, meters, reacher } = parts;
        Ok(Self {
            store,
            sessions,
            gate: Gate::new(&config.auth)?,
            doors: Doors::new(config),
            path: config.path.clone(),
            body_limits: BodyLimits {
                bytes: limits.body_bytes,
                time: Duration::from_secs(limits.body_timeout_seconds),
                budget: Budget::new(limits.body_bytes_in_flight),
            },
            session_timeout: config.session_timeout(),
            catalog,
            rulebook,
            scripts,
            files,
            meters,
            reacher,
        })
    }

    /// What is counted, and what is so now, as text.
    pub(crate) fn metrics(&self) -> String {
        let (sessions_limit, devices_waiting) = self.doors.state();
        let sessions_open = self.sessions.count();
        self.meters.text(Now { sessions_open, sessions_limit, devices_waiting })
    }

    /// How a session is held that begins now, with a device that has reached us by this `Host`.
    fn session_config(&self, host: Option<&str>, is_tls: bool) -> SessionConfig {
        let config = self.rulebook.session_config();
        let files = self.files.as_ref().and_then(|server| server.files(host, is_tls));
        let settings = match files {
            Some(files) => Arc::new(Settings { files: Some(files), ..(*config.settings).clone() }),
            None => Arc::clone(&config.settings),
        };
        SessionConfig { catalog: Arc::clone(&self.catalog), settings, ..config }
    }

    /// Asks for credentials where none came, before the body of the request is read.
    fn ask(&self, login: &Login, peer: &Peer) -> Result<(), Refusal> {
        let is_known = peer.certificate.is_some();
        self.gate.ask(login, peer.is_tls, is_known).map_err(Refusal::denied)
    }

    /// The data models that are at hand.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }
}

/// Answers the requests of devices.
#[derive(Debug, Clone)]
pub(crate) struct CwmpHandler(pub(crate) Arc<Server>);

impl Handler for CwmpHandler {
    type Body = Full<Bytes>;

    async fn handle(&self, peer: Arc<Peer>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match answer(&self.0, &peer, request).await {
            Ok(response) => response,
            Err(refusal) => {
                refusal.log(&peer);
                refusal.count(&self.0.meters);
                if refusal.is_guess {
                    sleep(Duration::from_millis(REFUSAL_PAUSE_MILLISECONDS)).await;
                }
                refusal.into_response()
            }
        }
    }
}

/// What a device needs to prove who it is, kept for when it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    uri: String,
    authorization: Option<String>,
}

impl Login {
    fn of(request: &Request<Incoming>) -> Self {
        let header = request.headers().get(AUTHORIZATION);
        let text = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self { uri: request.uri().to_string(), authorization: text }
    }
}

async fn answer(
    server: &Arc<Server>,
    peer: &Arc<Peer>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let origin = match enter(server, peer, &request) {
        Ok(origin) => origin,
        // The refusal does not depend on the body, which would else stand before the next request.
        Err(refusal) => {
            let kept = body::discard(request.into_body(), server.body_limits.time).await;
            return Err(if kept { refusal } else { refusal.and_close() });
        }
    };
    let login = Login::of(&request);
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok().map(str::to_owned));
    let (parts, incoming) = request.into_parts();
    let mut limits = server.body_limits.clone();
    if matches!(origin, Origin::New) {
        limits.bytes = limits.bytes.min(INFORM_BYTES_MAX);
    }
    let arriving = match &origin {
        Origin::Open { slot, .. } => Some(slot.arriving()),
        Origin::New => None,
    };
    let body = body::read(&parts.headers, incoming, &limits).await?;
    let exchange = exchange::Exchange {
        server: Arc::clone(server),
        peer: Arc::clone(peer),
        login,
        host,
        limits,
        begun: Instant::now(),
        _arriving: arriving,
    };
    // In a task of its own, because a connection that breaks must not stop a session halfway.
    tokio::spawn(exchange.run(origin, body)).await.unwrap_or_else(|error| {
        // The panic has been reported where it happened; the session went with it.
        Err(Refusal::internal(format!("the request could not be handled: {error}")))
    })
}

/// Everything that can be said of a request before its body is read.
fn enter(server: &Server, peer: &Peer, request: &Request<Incoming>) -> Result<Origin, Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal::method(request.method()));
    }
    if let Some(path) = &server.path
        && request.uri().path() != path
    {
        return Err(Refusal::path(request.uri().path()));
    }
    let cookie = cookie(request);
    let by_cookie = cookie.and_then(|token| server.sessions.find(token));
    let is_by_cookie = by_cookie.is_some();
    // A device without cookies goes on with the session of its connection (`COOK-04`).
    let slot = by_cookie.or_else(|| server.sessions.find(peer.session()?));
    if let Some(slot) = slot {
        return Ok(Origin::Open { slot, is_by_cookie });
    }
    server.ask(&Login::of(request), peer)?;
    Ok(Origin::New)
}

/// The session's cookie, among whatever else a device sends (quirk 11).
fn cookie(request: &Request<Incoming>) -> Option<Token> {
    let headers = request.headers().get_all(COOKIE).iter();
    let texts = headers.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    let mut tokens = texts.filter_map(|text| Token::parse(find_cookie(text, COOKIE_NAME)?));
    tokens.next()
}

/// Ends sessions whose device has been silent for too long (`ACS-08`).
pub(crate) async fn sweep(server: &Server) {
    for slot in server.sessions.expired(Instant::now()) {
        // A request that came in this moment has the lock.
        let Ok(mut live) = slot.live.try_lock() else { continue };
        if !slot.is_expired(Instant::now()) {
            continue;
        }
        let device = slot.device().map(|device| device.to_string()).unwrap_or_default();
        info!(device, reason = "no request came in time", "session failed");
        server.meters.count(Event::SessionFailed);
        exchange::abandon(server, live.take()).await;
        server.sessions.close(&slot);
    }
}

/// Ends all sessions because the server stops.
pub(crate) async fn abandon_all(server: &Server) {
    for slot in server.sessions.all() {
        let live = slot.live.lock().await.take();
        exchange::abandon(server, live).await;
        server.sessions.close(&slot);
    }
}

/// Tells the peer that the connection ends with this response.
fn close(response: &mut Response<Full<Bytes>>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

#[cfg(test)]
mod tests;
