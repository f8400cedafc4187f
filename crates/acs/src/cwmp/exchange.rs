//! One POST of a device: from its body to the reply, with everything durable in between.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drover_cwmp::cookie::set_cookie;
use drover_cwmp::session::acs::Reply;
use drover_cwmp::{Fault, FaultCode};
use drover_provision::admission::Class;
use drover_provision::authentication::{Admitted, DeviceCredentials};
use drover_provision::{Batch, DeviceKey, End, Failure, Identity, Loaded, Outgoing, Session, Step};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};
use tracing::{debug, error, info};

use super::admission::Seat;
use super::auth::{Comer, Denied};
use super::body::{BodyLimits, PlainBody, SentBody};
use super::refusal::Refusal;
use super::replay::LastReply;
use super::scripted::call_extensions;
use super::sessions::{Arriving, Live, Slot};
use super::{COOKIE_NAME, Login, Server};
use crate::entropy;
use crate::limits::{
    REPLACED_SECONDS_MAX, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, SHORT_WORK_BYTES_MAX,
};
use crate::meters::Event;
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
    /// To none, so it has to begin one.
    New,
}

/// What one POST needs.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) server: Arc<Server>,
    pub(super) peer: Arc<Peer>,
    pub(super) login: Login,
    /// The `Host` by which the device has reached us.
    pub(super) host: Option<String>,
    pub(super) limits: BodyLimits,
    /// When the request was here with its body.
    pub(super) begun: Instant,
    /// Keeps the session from expiring meanwhile.
    pub(super) _arriving: Option<Arriving>,
}

/// A session that is locked for this POST, and its place among the others.
struct Place {
    slot: Arc<Slot>,
    live: OwnedMutexGuard<Option<Live>>,
    /// Whether the reply opens the session, and so brings the cookie.
    is_opened: bool,
}

type Answer = Result<Response<Full<Bytes>>, Refusal>;

impl Exchange {
    /// Answers the POST.
    pub(super) async fn run(self, origin: Origin, body: SentBody) -> Answer {
        let body = self.inflate(body).await?;
        let is_by_cookie = matches!(origin, Origin::Open { is_by_cookie: true, .. });
        let mut place = self.find_place(origin).await?;
        let session = match place.live.take() {
            Some(live) => {
                if let Some(reply) = live.last.again(self.peer.address, body.bytes()) {
                    let reply = reply.clone();
                    return self.answer_again(place, live, reply);
                }
                live.session
            }
            None => self.new_session(),
        };
        let (session, step, body) = handle(session, body).await?;
        if !is_by_cookie && is_of_other_device(&step) {
            return self.start_over(place, step, body).await;
        }
        self.carry_out(place, session, step, &body).await
    }

    fn new_session(&self) -> Session {
        Session::new(self.server.session_config(self.host.as_deref(), self.peer.is_tls))
    }

    async fn inflate(&self, body: SentBody) -> Result<PlainBody, Refusal> {
        if !body.is_compressed() {
            return Ok(body.inflate(&self.limits)?);
        }
        let limits = self.limits.clone();
        let inflated = tokio::task::spawn_blocking(move || body.inflate(&limits)).await;
        Ok(inflated.map_err(|error| Refusal::internal(error.to_string()))??)
    }

    /// Finds the session, or makes room for one.
    async fn find_place(&self, origin: Origin) -> Result<Place, Refusal> {
        if let Origin::Open { slot, .. } = origin {
            let live = Arc::clone(&slot.live).lock_owned().await;
            if live.is_some() {
                return Ok(Place { slot, live, is_opened: false });
            }
            // It ended while this request waited for its turn.
            self.server.ask(&self.login, &self.peer)?;
        }
        new_place().await
    }

    /// The device did not get the answer to its last request and has sent it again.
    fn answer_again(&self, mut place: Place, live: Live, reply: Reply) -> Answer {
        debug!(peer = %self.peer.address, "a lost answer is sent again");
        let patience = self.patience(&live.session);
        place.slot.wait(patience);
        self.peer.bind(place.slot.token, patience);
        *place.live = Some(live);
        self.respond(&place, reply, None)
    }

    /// A connection that several devices share brought another one, without a cookie: that is not
    /// the session of the first.
    async fn start_over(&self, place: Place, step: Step, body: PlainBody) -> Answer {
        if let Step::Reply(Outgoing { save, .. }) = step {
            self.save(save).await?;
        }
        self.server.sessions.close(&place.slot);
        self.peer.unbind();
        self.server.ask(&self.login, &self.peer)?;
        let place = new_place().await?;
        let (session, step, body) = handle(self.new_session(), body).await?;
        self.carry_out(place, session, step, &body).await
    }

    /// Does what the session asks for, then answers.
    async fn carry_out(
        &self,
        mut place: Place,
        session: Session,
        step: Step,
        body: &PlainBody,
    ) -> Answer {
        let result = match self.find_reply(&mut place, session, step).await {
            Ok((session, mut outgoing)) => {
                self.save(outgoing.save.take()).await.map(|()| (session, outgoing))
            }
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok((session, outgoing)) => {
                self.settle(&mut place, session, &outgoing, body);
                self.respond(&place, outgoing.reply, outgoing.end)
            }
            // What is not durable is not acknowledged: the device will come again with it.
            Err(refusal) => {
                if place.slot.has_begun() {
                    self.server.meters.count(Event::SessionFailed);
                }
                self.server.sessions.close(&place.slot);
                self.peer.unbind();
                Err(refusal)
            }
        }
    }

    /// Goes on until the session has its reply.
    async fn find_reply(
        &self,
        place: &mut Place,
        mut session: Session,
        mut step: Step,
    ) -> Result<(Session, Outgoing), Refusal> {
        loop {
            match step {
                Step::Reply(outgoing) => return Ok((session, outgoing)),
                Step::Load { key, save } => {
                    let outgoing = self.load(place, &mut session, &key, save).await?;
                    return Ok((session, outgoing));
                }
                Step::Run => (session, step) = self.server.run_scripts(session).await?,
                Step::Extensions(calls) => step = call_extensions(&mut session, &calls),
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
        let admitted = match self.admit(session.claim(), key).await {
            Ok(admitted) => admitted,
            // Who knows the password of one device is told that it is no other.
            Err(NotAdmitted::Denied(denied)) if denied.is_other_device => {
                info!(peer = %self.peer.address, reason = denied.reason, "another device");
                self.server.meters.count(Event::WrongIdentity);
                return Ok(session.refuse(Fault::new(FaultCode::ACS_REQUEST_DENIED)));
            }
            Err(NotAdmitted::Denied(denied)) => return Err(Refusal::denied(denied)),
            Err(NotAdmitted::Lost(error)) => {
                error!(device = %key, error = %chain(&error), "the device cannot be loaded");
                return Ok(session.refuse(Fault::new(FaultCode::ACS_INTERNAL_ERROR)));
            }
        };
        // Only now: it may be the seat of the session that this one replaces.
        if !place.slot.is_seated() {
            place.slot.sit(self.seat(session, key)?);
        }
        let replaced = self.server.sessions.open(key, &place.slot);
        let replaced = replaced.map_err(|full| Refusal::overload(full.to_string()))?;
        if let Some(replaced) = replaced {
            drop_replaced(&self.server, &replaced).await;
        }
        place.is_opened = true;
        self.server.meters.count(Event::SessionBegun);
        self.server.reacher.session_began(key, session.is_asked_for());
        let now = Timestamp::now();
        match self.loaded(key, now).await {
            Ok(loaded) => {
                let loaded = Loaded { admitted: Some(admitted), ..loaded };
                Ok(session.resume(loaded, now))
            }
            Err(error) => {
                error!(device = %key, error = %chain(&error), "the device cannot be loaded");
                Ok(session.refuse(Fault::new(FaultCode::ACS_INTERNAL_ERROR)))
            }
        }
    }

    /// Whether the device may begin a session. Asked before it takes the place of another session
    /// that says it is the same device (`AUTH-05`, `AUTH-08`).
    async fn admit(
        &self,
        claim: Option<(Identity, bool)>,
        key: &DeviceKey,
    ) -> Result<Admitted, NotAdmitted> {
        let config = self.server.rulebook.session_config();
        let expression = config.auth.as_deref();
        let gate = &self.server.gate;
        let store = &self.server.store;
        let is_proved = !gate.is_open(expression);
        let record = match gate.needs_record(expression) {
            true => store.load(key).await?,
            false => None,
        };
        let credentials = match is_proved {
            true => store.credentials(key).await?,
            false => DeviceCredentials::default(),
        };
        let Some((identity, is_bootstrap)) = claim else {
            return Err(NotAdmitted::Lost(drover_store::Error::Closed));
        };
        let comer = Comer {
            identity: &identity,
            is_bootstrap,
            address: self.peer.address.ip(),
            is_tls: self.peer.is_tls,
            certificate: self.peer.certificate.as_deref(),
            credentials: &credentials,
            record: record.as_ref(),
        };
        let admitted = gate.decide(&self.login, &comer, expression, Timestamp::now());
        admitted.map_err(NotAdmitted::Denied)
    }

    /// A place among the sessions that the server works on. A device that begins anew keeps its
    /// own.
    fn seat(&self, session: &Session, key: &DeviceKey) -> Result<Seat, Refusal> {
        let before = self.server.sessions.find_device(key);
        if let Some(seat) = before.and_then(|slot| slot.stand()) {
            return Ok(seat);
        }
        let entropy = entropy::bytes().map_err(|error| Refusal::internal(error.to_string()))?;
        let class = session.class().unwrap_or(Class::Event);
        let seat = self.server.doors.arrive(class, key, u64::from_le_bytes(entropy));
        seat.map_err(|retry_after| {
            Refusal::busy(format!("no room for {key} ({class:?}) at this time"), retry_after)
        })
    }

    async fn loaded(&self, key: &DeviceKey, now: Timestamp) -> Result<Loaded, drover_store::Error> {
        self.server.store.load_session(key, now).await
    }

    async fn save(&self, batch: Option<Batch>) -> Result<(), Refusal> {
        self.server.save(batch).await
    }

    /// Keeps the session for its next POST, or lets it go.
    fn settle(&self, place: &mut Place, session: Session, outgoing: &Outgoing, body: &PlainBody) {
        let took = self.begun.elapsed();
        self.server.meters.took(took);
        place.slot.note(took);
        if session.is_open() && outgoing.end.is_none() {
            let patience = self.patience(&session);
            place.slot.wait(patience);
            self.peer.bind(place.slot.token, patience);
            let last = LastReply::new(self.peer.address, body.bytes(), &outgoing.reply);
            *place.live = Some(Live { session, last });
            return;
        }
        self.server.sessions.close(&place.slot);
        self.peer.unbind();
        if matches!(outgoing.end, Some(End::Complete))
            && let Some(seat) = place.slot.stand()
        {
            seat.done();
        }
        if place.slot.has_begun() {
            let is_complete = matches!(outgoing.end, Some(End::Complete));
            let event = if is_complete { Event::SessionComplete } else { Event::SessionFailed };
            self.server.meters.count(event);
        }
        if let (Some(End::Complete), Some(device)) = (&outgoing.end, session.device()) {
            debug!(peer = %self.peer.address, %device, "session complete");
        }
    }

    fn patience(&self, session: &Session) -> Duration {
        let asked = session.session_timeout();
        patience(self.server.session_timeout, session.timeout_setting(), asked)
    }

    fn respond(&self, place: &Place, reply: Reply, end: Option<End>) -> Answer {
        let failure = match &end {
            Some(End::Failed(failure)) => Some(chain(failure)),
            _ => None,
        };
        let mut response = match reply {
            Reply::Status(status) => {
                return Err(Refusal::status(status, failure.unwrap_or_default()));
            }
            Reply::Envelope(xml) => envelope(xml),
            Reply::Empty => empty(StatusCode::NO_CONTENT),
        };
        if let Some(reason) = failure {
            let device = place.slot.device().map(|device| device.to_string());
            info!(peer = %self.peer.address, device, reason, "session failed");
        }
        if place.is_opened {
            let token = place.slot.token.to_string();
            let cookie = set_cookie(COOKIE_NAME, &token, self.peer.is_tls);
            if let Ok(cookie) = cookie.try_into() {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
        }
        Ok(response)
    }
}

/// How long a session waits for its next POST (`ACS-08`): by the configuration, or else the setting
/// for the device, or longer if the device asks for it (`SOAP-10`).
pub(super) fn patience(configured: Duration, setting: Option<u32>, asked: Option<u32>) -> Duration {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let least = Duration::from_secs(SESSION_SECONDS_MIN);
    let wanted = setting.map_or(configured, seconds).max(least);
    wanted.max(seconds(asked.unwrap_or(0))).min(Duration::from_secs(SESSION_SECONDS_MAX))
}

/// Why a device does not come in.
enum NotAdmitted {
    Denied(Denied),
    /// What it would have to prove cannot be read.
    Lost(drover_store::Error),
}

impl From<drover_store::Error> for NotAdmitted {
    fn from(error: drover_store::Error) -> Self {
        Self::Lost(error)
    }
}

/// A place for a new session; nobody else knows it yet.
async fn new_place() -> Result<Place, Refusal> {
    let token = entropy::token().map_err(|error| Refusal::internal(error.to_string()))?;
    let slot = Slot::new(token);
    let live = Arc::clone(&slot.live).lock_owned().await;
    Ok(Place { slot, live, is_opened: false })
}

/// Lets the session handle the body; a long one on a thread where nobody waits for it.
async fn handle(
    mut session: Session,
    body: PlainBody,
) -> Result<(Session, Step, PlainBody), Refusal> {
    let is_long = body.bytes().len() > SHORT_WORK_BYTES_MAX;
    let work = move || {
        let step = session.handle(body.bytes(), Timestamp::now());
        (session, step, body)
    };
    if !is_long {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Refusal::internal(error.to_string()))
}

const fn is_of_other_device(step: &Step) -> bool {
    let Step::Reply(Outgoing { end: Some(End::Failed(failure)), .. }) = step else { return false };
    matches!(failure, Failure::OtherDevice { .. })
}

/// Ends the session of a device that has begun another (`ACS-11`). A request of the old one that is
/// still being answered comes first, so that nothing it did is lost.
async fn drop_replaced(server: &Server, slot: &Slot) {
    let limit = Duration::from_secs(REPLACED_SECONDS_MAX);
    let Ok(mut live) = timeout(limit, slot.live.lock()).await else { return };
    let device = slot.device().map(|device| device.to_string());
    info!(device, reason = "the device began a new session", "session failed");
    // Else the old one has just come to an end of its own.
    if live.is_some() {
        server.meters.count(Event::SessionFailed);
    }
    abandon(server, live.take()).await;
}

/// Ends a session from our side and saves what it leaves.
pub(super) async fn abandon(server: &Server, live: Option<Live>) {
    let Some(mut live) = live else { return };
    let Some(batch) = live.session.abandon(Timestamp::now()) else { return };
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
