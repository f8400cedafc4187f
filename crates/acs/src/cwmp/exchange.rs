//! One POST of a device: from its body to the reply, with everything durable in between.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drover_cwmp::cookie::set_cookie;
use drover_cwmp::session::acs::Reply;
use drover_cwmp::{Fault, FaultCode};
use drover_provision::{Batch, DeviceKey, End, Failure, Loaded, Outgoing, Session, Step};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;
use tracing::{debug, error, info};

use super::body::{BodyError, BodyLimits, SentBody};
use super::refusal::Refusal;
use super::sessions::{Arriving, Slot};
use super::{COOKIE_NAME, Login, Server};
use crate::entropy;
use crate::limits::{REPLACED_SECONDS_MAX, SESSION_SECONDS_MAX};
use crate::net::chain;
use crate::peer::Peer;

/// Where a request belongs.
#[derive(Debug)]
pub(super) enum Origin {
    /// To an open session.
    Open {
        slot: Arc<Slot>,
        /// Whether the device sent the cookie, or is known by its connection only.
        is_by_cookie: bool,
    },
    /// To none, so it has to begin one, as this user.
    New { user: Option<String> },
}

/// What one POST needs.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) server: Arc<Server>,
    pub(super) peer: Arc<Peer>,
    pub(super) login: Login,
    pub(super) limits: BodyLimits,
    /// Keeps the session from expiring meanwhile.
    pub(super) _arriving: Option<Arriving>,
}

/// A session that is locked for this POST, and its place among the others.
struct Place {
    slot: Arc<Slot>,
    session: OwnedMutexGuard<Option<Session>>,
    /// Whether the reply opens the session, and so brings the cookie.
    is_opened: bool,
}

type Answer = Result<Response<Full<Bytes>>, Refusal>;

impl Exchange {
    /// Answers the POST.
    pub(super) async fn run(self, origin: Origin, body: SentBody) -> Answer {
        let Some((place, session, is_by_cookie)) = self.resume(origin).await? else {
            return Err(no_randomness());
        };
        let is_long = body.is_long_work();
        let limits = self.limits.clone();
        let handle = move || handle(session, body, &limits);
        let handled = if is_long {
            let task = tokio::task::spawn_blocking(handle);
            task.await.map_err(|error| Refusal::internal(error.to_string()))?
        } else {
            handle()
        };
        match handled {
            Ok((session, step, body)) => {
                if !is_by_cookie && is_of_other_device(&step) {
                    return self.start_over(place, step, &body).await;
                }
                self.carry_out(place, session, step).await
            }
            Err((session, error)) => Err(self.put_back(place, session, error)),
        }
    }

    /// Finds the session, or makes one. `None` when there is no randomness for a cookie.
    async fn resume(&self, origin: Origin) -> Result<Option<(Place, Session, bool)>, Refusal> {
        let (user, is_by_cookie) = match origin {
            Origin::New { user } => (user, false),
            Origin::Open { slot, is_by_cookie } => {
                let mut session = Arc::clone(&slot.session).lock_owned().await;
                if let Some(open) = session.take() {
                    let place = Place { slot, session, is_opened: false };
                    return Ok(Some((place, open, is_by_cookie)));
                }
                // It ended while this request waited for its turn.
                (self.login.admit(&self.server.gate)?, false)
            }
        };
        let Some(place) = new_place(user).await else { return Ok(None) };
        Ok(Some((place, Session::new(self.server.session_config), is_by_cookie)))
    }

    /// A body that cannot be read leaves the session as it was.
    fn put_back(&self, mut place: Place, session: Session, error: BodyError) -> Refusal {
        if session.is_open() {
            place.slot.wait(self.patience(&session));
            *place.session = Some(session);
        }
        error.into()
    }

    /// A connection that several devices share brought another one, without a cookie: that is not
    /// the session of the first.
    async fn start_over(&self, place: Place, step: Step, body: &[u8]) -> Answer {
        if let Step::Reply(Outgoing { save, .. }) = step {
            self.save(save).await?;
        }
        self.server.sessions.close(&place.slot);
        self.peer.unbind();
        let user = self.login.admit(&self.server.gate)?;
        let Some(place) = new_place(user).await else {
            return Err(no_randomness());
        };
        let mut session = Session::new(self.server.session_config);
        let step = session.handle(body, Timestamp::now());
        self.carry_out(place, session, step).await
    }

    /// Does what the session asks for, then answers.
    async fn carry_out(&self, mut place: Place, mut session: Session, step: Step) -> Answer {
        let result = match step {
            Step::Reply(outgoing) => Ok(outgoing),
            Step::Load { key, save } => self.load(&mut place, &mut session, &key, save).await,
        };
        let result = match result {
            Ok(mut outgoing) => self.save(outgoing.save.take()).await.map(|()| outgoing),
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok(outgoing) => {
                self.settle(&mut place, session, &outgoing);
                self.respond(&place, outgoing)
            }
            // What is not durable is not acknowledged: the device will come again with it.
            Err(refusal) => {
                self.server.sessions.close(&place.slot);
                self.peer.unbind();
                Err(refusal)
            }
        }
    }

    /// Brings the record and the tasks of a device whose Inform came.
    async fn load(
        &self,
        place: &mut Place,
        session: &mut Session,
        key: &DeviceKey,
        save: Option<Batch>,
    ) -> Result<Outgoing, Refusal> {
        self.save(save).await?;
        let user = place.slot.user.as_deref();
        if !self.server.gate.may_be(user, key) {
            info!(peer = %self.peer.address, device = %key, user, "the user is another device");
            return Ok(session.refuse(Fault::new(FaultCode::ACS_REQUEST_DENIED)));
        }
        let replaced = self.server.sessions.open(key, &place.slot);
        let replaced = replaced.map_err(|full| Refusal::overload(full.to_string()))?;
        if let Some(replaced) = replaced {
            drop_replaced(&self.server, &replaced).await;
        }
        place.is_opened = true;
        let now = Timestamp::now();
        match self.loaded(key, now).await {
            Ok(loaded) => Ok(session.resume(loaded, now)),
            Err(error) => {
                error!(device = %key, error = %chain(&error), "the device cannot be loaded");
                Ok(session.refuse(Fault::new(FaultCode::ACS_INTERNAL_ERROR)))
            }
        }
    }

    async fn loaded(&self, key: &DeviceKey, now: Timestamp) -> Result<Loaded, drover_store::Error> {
        let record = self.server.store.load(key).await?;
        let tasks = self.server.store.due_tasks(key, now).await?;
        Ok(Loaded { record, tasks })
    }

    async fn save(&self, batch: Option<Batch>) -> Result<(), Refusal> {
        let Some(batch) = batch else { return Ok(()) };
        let saved = self.server.store.save(batch).await;
        saved.map_err(|error| Refusal::overload(format!("saving failed: {}", chain(&error))))
    }

    /// Keeps the session for its next POST, or lets it go.
    fn settle(&self, place: &mut Place, session: Session, outgoing: &Outgoing) {
        if session.is_open() && outgoing.end.is_none() {
            let patience = self.patience(&session);
            place.slot.wait(patience);
            self.peer.bind(place.slot.token, patience);
            *place.session = Some(session);
            return;
        }
        self.server.sessions.close(&place.slot);
        self.peer.unbind();
        if let (Some(End::Complete), Some(device)) = (&outgoing.end, session.device()) {
            debug!(peer = %self.peer.address, %device, "session complete");
        }
    }

    fn patience(&self, session: &Session) -> Duration {
        let asked = Duration::from_secs(session.session_timeout().unwrap_or_default().into());
        self.server.session_timeout.max(asked).min(Duration::from_secs(SESSION_SECONDS_MAX))
    }

    fn respond(&self, place: &Place, outgoing: Outgoing) -> Answer {
        if let Some(End::Failed(failure)) = &outgoing.end {
            let reason = chain(failure);
            let device = place.slot.device().map(|device| device.to_string());
            match outgoing.reply {
                Reply::Status(status) => return Err(Refusal::status(status, reason)),
                _ => info!(peer = %self.peer.address, device, reason, "session failed"),
            }
        }
        let mut response = match outgoing.reply {
            Reply::Envelope(xml) => envelope(xml),
            Reply::Empty => empty(StatusCode::NO_CONTENT),
            Reply::Status(status) => return Err(Refusal::status(status, "refused")),
        };
        if place.is_opened {
            let cookie = set_cookie(COOKIE_NAME, &place.slot.token.to_string(), false);
            if let Ok(cookie) = cookie.try_into() {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
        }
        Ok(response)
    }
}

fn no_randomness() -> Refusal {
    Refusal::internal("the system has no randomness for a cookie")
}

/// A place for a new session; nobody else knows it yet.
async fn new_place(user: Option<String>) -> Option<Place> {
    let slot = Slot::new(entropy::token().ok()?, user);
    let session = Arc::clone(&slot.session).lock_owned().await;
    Some(Place { slot, session, is_opened: false })
}

/// The session with what it wants, and the body for a second look.
type Handled = Result<(Session, Step, Vec<u8>), (Session, BodyError)>;

fn handle(mut session: Session, body: SentBody, limits: &BodyLimits) -> Handled {
    match body.inflate(limits) {
        Err(error) => Err((session, error)),
        Ok(body) => {
            let step = session.handle(body.bytes(), Timestamp::now());
            let again = if is_of_other_device(&step) { body.bytes().to_vec() } else { Vec::new() };
            Ok((session, step, again))
        }
    }
}

const fn is_of_other_device(step: &Step) -> bool {
    let Step::Reply(Outgoing { end: Some(End::Failed(failure)), .. }) = step else { return false };
    matches!(failure, Failure::OtherDevice { .. })
}

/// Ends the session of a device that has begun another (`ACS-11`). A request of the old one that is
/// still being answered comes first, so that nothing it did is lost.
async fn drop_replaced(server: &Server, slot: &Slot) {
    let limit = Duration::from_secs(REPLACED_SECONDS_MAX);
    let Ok(mut session) = timeout(limit, slot.session.lock()).await else { return };
    let device = slot.device().map(|device| device.to_string());
    info!(device, reason = "the device began a new session", "session failed");
    abandon(server, session.take()).await;
}

/// Ends a session from our side and saves what it leaves.
pub(super) async fn abandon(server: &Server, session: Option<Session>) {
    let Some(mut session) = session else { return };
    let Some(batch) = session.abandon(Timestamp::now()) else { return };
    if let Err(error) = server.store.save(batch).await {
        error!(error = %chain(&error), "what a failed session left cannot be saved");
    }
}

fn envelope(xml: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(xml));
    let content_type = HeaderValue::from_static("text/xml; charset=\"utf-8\"");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
