//! The CPE's side of a session (TR-069a6 §3.7.1, `SES-01` to `SES-21`).
//!
//! [`start`] gives the first POST and the state that waits for its answer. From then on every HTTP
//! response goes into the waiting state, which returns a [`Step`]: the next POST, a request of the
//! ACS to execute, or the end. Authentication, cookies and redirects belong to the session and are
//! handled here; the shell only opens connections and carries bytes.
//!
//! ```text
//! start ──▶ ExpectInformResponse ──InformResponse──▶ (turn) ──POST──▶ ExpectAnything ──▶ (turn) …
//!                                                      │ ACS request      │ empty, nothing left
//!                                                      ▼                  ▼
//!                                                   Execute             Ended
//! ```
//!
//! The turn is not a state of its own since nothing happens in it but a choice: an ACS request is
//! answered first (`SES-04`), then own requests go out unless the ACS holds them (`SES-05`), else
//! the POST is empty (`SES-07`).

use std::collections::VecDeque;

use crate::auth::{ChallengeOutcome, ClientAuth, Credentials};
use crate::cookie::SessionJar;
use crate::envelope::{Envelope, Header, Parsed, is_empty_body};
use crate::error::{Error, Misuse, PeerMisbehaved};
use crate::fault::{Fault, FaultCode};
use crate::limits::{REDIRECTS_MAX, RETRY_REQUESTS_MAX, SESSION_MESSAGES_MAX};
use crate::message::{Inform, Message};
use crate::tolerated::Tolerated;
use crate::url::HttpUrl;
use crate::version::{CwmpNamespace, CwmpVersion};

/// What a session is started with.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Where the ACS is.
    pub url: HttpUrl,
    /// `ManagementServer.Username` and `.Password`, when there are any (`AUTH-04`).
    pub credentials: Option<Credentials>,
    /// The newest version to offer; older after an ACS refused a newer one (`NEG-07`).
    pub version: CwmpVersion,
    /// Seconds that the ACS is asked to wait between POSTs (`SOAP-10`), from version 1.3 on.
    pub session_timeout: Option<u32>,
    /// Whether basic authentication without TLS may be answered (`AUTH-02`).
    pub allow_basic_without_tls: bool,
    /// Value of the `User-Agent` header (`HTTP-24`).
    pub user_agent: String,
    /// Unpredictable bytes, fresh for every session, from which client nonces are made.
    pub entropy: [u8; 16],
}

/// A POST that the shell is to make, on the connection of the session where it still stands
/// (`HTTP-10`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPost {
    /// Where to. The server changes after a redirect.
    pub url: HttpUrl,
    /// All headers but `Host` and `Content-Length`, which depend on the connection.
    pub headers: Vec<(&'static str, String)>,
    /// The body; may be empty.
    pub body: Vec<u8>,
}

/// An HTTP response as far as a session needs it.
#[derive(Debug, Clone, Default)]
pub struct HttpResponse<'a> {
    /// Status code.
    pub status: u16,
    /// Values of all `WWW-Authenticate` headers.
    pub www_authenticate: Vec<&'a str>,
    /// Values of all `Set-Cookie` headers.
    pub set_cookie: Vec<&'a str>,
    /// `Location`
    pub location: Option<&'a str>,
    /// The body, decoded.
    pub body: &'a [u8],
}

/// What follows a response.
#[derive(Debug)]
pub enum Step {
    /// Make this POST and hand its response to the state.
    Post(Waiting, HttpPost),
    /// Execute this request of the ACS and answer with [`Execute::respond`].
    Execute(Execute),
    /// The session has ended successfully (`SES-10`); close the connection, then do what was
    /// deferred (`SES-12`).
    Ended,
    /// The session has failed; close the connection and retry later (`RETRY-01`).
    Failed(Failed),
}

/// A step, with what the device has to take note of before it goes on.
#[derive(Debug)]
pub struct Progress {
    /// In the order in which they happened.
    pub notes: Vec<Note>,
    /// What to do now.
    pub step: Step,
}

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The InformResponse came: the session is established (`SES-02`), events that wait for it are
    /// delivered (`EVT-04`).
    Established(CwmpVersion),
    /// An own request was answered, by its response or a fault other than 8005 (`MRB-03`).
    Answered {
        /// The request.
        request: Box<Message>,
        /// The response or the fault.
        answer: Box<Message>,
    },
    /// A request of the ACS was refused before the device saw it (`SOAP-16`).
    Refused {
        /// Name of the RPC.
        rpc: String,
        /// The fault it was answered with.
        fault: Fault,
    },
}

/// How a session failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// Whether the InformResponse had come: then the events it delivers are delivered (`SES-21`).
    pub established: bool,
}

impl Failed {
    /// Whether the ACS seems to know only an older version of CWMP, so that the retry should use
    /// one (`NEG-07`).
    pub fn suggests_older_version(&self) -> bool {
        if self.established {
            return false;
        }
        match &self.error {
            Error::Fault(fault) => fault.fault_code == FaultCode::ACS_VERSION_INCOMPATIBLE,
            Error::PeerMisbehaved(PeerMisbehaved::HttpStatus(status)) => *status == 400,
            _ => false,
        }
    }
}

/// Begins a session with an Inform; `requests` follow as soon as the ACS lets them (`SES-19`).
///
/// # Errors
/// [`Misuse`] when a member of the Inform or of a request breaks a limit of the standard, or when a
/// message is not a request of a CPE.
pub fn start(
    config: SessionConfig,
    inform: Inform,
    requests: Vec<Message>,
) -> Result<(Waiting, HttpPost), Misuse> {
    let inform = Message::from(inform);
    inform.check()?;
    requests.iter().try_for_each(check_request)?;
    let mut header = Header { id: Some("1".to_owned()), ..Header::default() };
    if config.version >= CwmpVersion::V1_3 {
        header.session_timeout = config.session_timeout;
    }
    if config.version >= CwmpVersion::V1_4 {
        header.supported_cwmp_versions = Some(config.version.up_to());
    }
    let envelope = Envelope { namespace: config.version.namespace(), header, message: inform };
    let body = envelope.to_xml().into_bytes();
    let mut channel = Channel::new(config);
    let post = channel.post(body);
    let state = ExpectInformResponse { channel, queue: requests.into(), repeats: 0 };
    Ok((Waiting::InformResponse(state), post))
}

fn check_request(request: &Message) -> Result<(), Misuse> {
    let is_own = request.is_request_to_acs()
        && !matches!(request, Message::Unknown(_) | Message::Inform(_) | Message::Invalid(_));
    if !is_own {
        return Err(Misuse::NotSentBy { role: "CPE", message: request.name() });
    }
    request.check()
}

/// A state that waits for an HTTP response.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "only sessions that are open have one")]
pub enum Waiting {
    /// The Inform has been sent.
    InformResponse(ExpectInformResponse),
    /// Any other POST has been sent.
    Anything(ExpectAnything),
}

impl Waiting {
    /// Takes the response to the last POST.
    pub fn handle(self, response: &HttpResponse<'_>) -> Progress {
        let (mut notes, step) = match self {
            Self::InformResponse(state) => state.handle(response),
            Self::Anything(state) => state.handle(response),
        };
        notes.shrink_to_fit();
        Progress { notes, step }
    }

    /// No response came: no connection, or not in time (`SES-11`, `HTTP-19`).
    pub fn handle_lost(self, error: Error) -> Failed {
        Failed { error, established: matches!(self, Self::Anything(_)) }
    }

    /// Adds an own request, such as the TransferComplete of a transfer that ended in this session
    /// (`SES-15`). It is not sent any more when the CPE has already said that it is done
    /// (`SES-08`): then `false` comes back.
    ///
    /// # Errors
    /// [`Misuse`] when it is not a request of a CPE or breaks a limit.
    pub fn queue(&mut self, request: Message) -> Result<bool, Misuse> {
        check_request(&request)?;
        match self {
            Self::InformResponse(state) => state.queue.push_back(request),
            Self::Anything(state) if state.talk.done => return Ok(false),
            Self::Anything(state) => state.talk.queue.push_back(Queued::new(request)),
        }
        Ok(true)
    }
}

type Outcome = (Vec<Note>, Step);

/// The Inform has been sent and is not answered yet: the state INFORM of the table.
#[derive(Debug)]
pub struct ExpectInformResponse {
    channel: Channel,
    queue: VecDeque<Message>,
    /// Answers 8005 so far.
    repeats: u32,
}

impl ExpectInformResponse {
    fn handle(mut self, response: &HttpResponse<'_>) -> Outcome {
        let fail = |error: Error| (Vec::new(), Step::Failed(Failed { error, established: false }));
        let received = match self.channel.receive(response) {
            Ok(Received::Again(post)) => {
                return (Vec::new(), Step::Post(Waiting::InformResponse(self), post));
            }
            Ok(Received::Empty) => {
                let got = "empty".to_owned();
                return fail(PeerMisbehaved::NotInformResponse { got }.into());
            }
            Ok(Received::Envelope(parsed)) => parsed.envelope,
            Err(error) => return fail(error),
        };
        match received.message {
            Message::InformResponse(_) => {}
            // TR-069a6 §3.7.1.6: the identical request, in the same session (`MRB-01`).
            Message::Fault(fault) if fault.fault_code == FaultCode::RETRY_REQUEST => {
                self.repeats = self.repeats.saturating_add(1);
                if self.repeats > RETRY_REQUESTS_MAX {
                    return fail(PeerMisbehaved::TooManyRetries("Inform").into());
                }
                let post = self.channel.post_again();
                return (Vec::new(), Step::Post(Waiting::InformResponse(self), post));
            }
            Message::Fault(fault) => return fail(fault.into()),
            other => {
                let got = other.to_string();
                return fail(PeerMisbehaved::NotInformResponse { got }.into());
            }
        }
        let version = match self.version(&received.header, received.namespace) {
            Ok(version) => version,
            Err(error) => return fail(error),
        };
        let talk = Talk {
            channel: self.channel,
            namespace: if received.header.use_cwmp_version.is_some() {
                version.namespace()
            } else {
                received.namespace
            },
            version,
            hold: received.header.hold_requests.unwrap_or(false),
            done: false,
            queue: self.queue.into_iter().map(Queued::new).collect(),
            next_id: 2,
            messages: 1,
            repeats: 0,
        };
        (vec![Note::Established(version)], talk.turn())
    }

    /// The version of the session (`NEG-04`, `NEG-08`).
    fn version(&self, header: &Header, namespace: CwmpNamespace) -> Result<CwmpVersion, Error> {
        let newest = self.channel.config.version;
        match header.use_cwmp_version {
            Some(chosen) if chosen <= newest && newest >= CwmpVersion::V1_4 => Ok(chosen),
            Some(chosen) => Err(PeerMisbehaved::Version(chosen.to_string()).into()),
            None => Ok(namespace.version().min(newest)),
        }
    }
}

/// What all states of an established session know.
#[derive(Debug)]
struct Talk {
    channel: Channel,
    namespace: CwmpNamespace,
    version: CwmpVersion,
    /// Whether the ACS keeps our requests back (`SES-06`).
    hold: bool,
    /// Whether we have sent an empty POST while not held (`SES-08`).
    done: bool,
    queue: VecDeque<Queued>,
    next_id: u32,
    messages: u32,
    /// Answers 8005 to the request at the head of the queue.
    repeats: u32,
}

impl Talk {
    /// The state TURN of the table when no request of the ACS waits.
    fn turn(mut self) -> Step {
        if !self.hold && !self.done {
            while let Some(Queued { id, request }) = self.queue.pop_front() {
                if request.since() > self.version {
                    // The session's version does not have it (`VER-02`): it stays unanswered, and
                    // with it its event, for a session that has.
                    continue;
                }
                let id = id.unwrap_or_else(|| self.new_id());
                let envelope = Envelope::new(self.namespace, Some(id.clone()), request);
                let post = self.channel.post(envelope.to_xml().into_bytes());
                let outstanding = Some(Outstanding { id, request: envelope.message });
                return Step::Post(
                    Waiting::Anything(ExpectAnything { talk: self, outstanding }),
                    post,
                );
            }
            self.done = true;
        }
        let post = self.channel.post(Vec::new());
        Step::Post(Waiting::Anything(ExpectAnything { talk: self, outstanding: None }), post)
    }

    fn new_id(&mut self) -> String {
        let id = self.next_id.to_string();
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    fn count(&mut self) -> Result<(), Error> {
        self.messages = self.messages.saturating_add(1);
        if self.messages > SESSION_MESSAGES_MAX {
            return Err(PeerMisbehaved::TooManyMessages(SESSION_MESSAGES_MAX).into());
        }
        Ok(())
    }
}

/// An own request that waits to be sent.
#[derive(Debug)]
struct Queued {
    /// Its ID where it was sent before and is to be repeated (`MRB-01`).
    id: Option<String>,
    request: Message,
}

impl Queued {
    const fn new(request: Message) -> Self {
        Self { id: None, request }
    }
}

#[derive(Debug)]
struct Outstanding {
    id: String,
    request: Message,
}

/// A POST after the Inform has been sent: the state WAIT of the table.
#[derive(Debug)]
pub struct ExpectAnything {
    talk: Talk,
    /// The own request that the response must answer (`SES-09`).
    outstanding: Option<Outstanding>,
}

impl ExpectAnything {
    fn handle(mut self, response: &HttpResponse<'_>) -> Outcome {
        match self.receive(response) {
            Ok(Received::Again(post)) => (Vec::new(), Step::Post(Waiting::Anything(self), post)),
            Ok(Received::Empty) => self.handle_empty(),
            Ok(Received::Envelope(parsed)) => self.handle_envelope(*parsed),
            Err(error) => failed(error),
        }
    }

    fn receive(&mut self, response: &HttpResponse<'_>) -> Result<Received, Error> {
        self.talk.count()?;
        self.talk.channel.receive(response)
    }

    fn handle_empty(mut self) -> Outcome {
        if let Some(outstanding) = self.outstanding {
            let expected = outstanding.request.name();
            return failed(PeerMisbehaved::EmptyInsteadOfAnswer { expected }.into());
        }
        if self.talk.done {
            return (Vec::new(), Step::Ended);
        }
        self.talk.hold = false;
        (Vec::new(), self.talk.turn())
    }

    fn handle_envelope(mut self, parsed: Parsed) -> Outcome {
        self.talk.hold = parsed.envelope.header.hold_requests.unwrap_or(false);
        match self.outstanding.take() {
            Some(outstanding) => self.handle_answer(outstanding, parsed.envelope),
            None if parsed.envelope.message.is_answer() => {
                let got = parsed.envelope.message.name();
                failed(PeerMisbehaved::UnexpectedResponse { got }.into())
            }
            None => self.handle_request(parsed),
        }
    }

    fn handle_answer(mut self, outstanding: Outstanding, envelope: Envelope) -> Outcome {
        let Outstanding { id, request } = outstanding;
        let expected = request.name();
        let answer = envelope.message;
        let readable = !matches!(answer, Message::Invalid(_));
        if !answer.answers(&request) || !readable {
            let got = answer.name();
            return failed(PeerMisbehaved::WrongAnswer { expected, got }.into());
        }
        match envelope.header.id {
            Some(got) if got.trim() != id => {
                let error = PeerMisbehaved::WrongId { rpc: expected, expected: id, got };
                return failed(error.into());
            }
            _ => {}
        }
        if let Message::Fault(fault) = &answer
            && fault.fault_code == FaultCode::RETRY_REQUEST
        {
            self.talk.repeats = self.talk.repeats.saturating_add(1);
            if self.talk.repeats > RETRY_REQUESTS_MAX {
                return failed(PeerMisbehaved::TooManyRetries(expected).into());
            }
            // The identical request is the next one, as soon as we are not held (`MRB-01`).
            self.talk.queue.push_front(Queued { id: Some(id), request });
            return (Vec::new(), self.talk.turn());
        }
        self.talk.repeats = 0;
        let note = Note::Answered { request: Box::new(request), answer: Box::new(answer) };
        (vec![note], self.talk.turn())
    }

    fn handle_request(self, parsed: Parsed) -> Outcome {
        let broken = parsed.tolerated.iter().find(|item| item.breaks_arguments());
        let fault = refusal(&parsed.envelope.message, broken);
        let request = parsed.envelope.message;
        let has_untyped_values = parsed.tolerated.contains(&Tolerated::ValueTypeMissing);
        let id = parsed.envelope.header.id;
        let execute = Execute { talk: self.talk, id, request, has_untyped_values };
        let Some(fault) = fault else {
            return (Vec::new(), Step::Execute(execute));
        };
        let note = Note::Refused { rpc: execute.request.to_string(), fault: fault.clone() };
        let (waiting, post) = execute.post(fault.into());
        (vec![note], Step::Post(waiting, post))
    }
}

/// The fault for a request that no device executes (`SOAP-16`).
fn refusal(request: &Message, broken: Option<&Tolerated>) -> Option<Fault> {
    match request {
        Message::Invalid(invalid) => {
            let text = invalid.violation.to_string();
            Some(Fault::with_text(FaultCode::INVALID_ARGUMENTS, text))
        }
        Message::Unknown(_) => Some(Fault::new(FaultCode::METHOD_NOT_SUPPORTED)),
        known if !known.is_request_to_cpe() => Some(Fault::new(FaultCode::METHOD_NOT_SUPPORTED)),
        _ => broken.map(|item| Fault::with_text(FaultCode::INVALID_ARGUMENTS, item.to_string())),
    }
}

fn failed(error: Error) -> Outcome {
    (Vec::new(), Step::Failed(Failed { error, established: true }))
}

/// A request of the ACS that waits to be executed (`SES-04`).
#[derive(Debug)]
pub struct Execute {
    talk: Talk,
    id: Option<String>,
    request: Message,
    has_untyped_values: bool,
}

impl Execute {
    /// The request.
    pub const fn request(&self) -> &Message {
        &self.request
    }

    /// Whether values came without `xsi:type`: they stand in the request as strings, and the
    /// device takes them as what its model says (`LEN-07`).
    pub const fn has_untyped_values(&self) -> bool {
        self.has_untyped_values
    }

    /// The version this session uses.
    pub const fn version(&self) -> CwmpVersion {
        self.talk.version
    }

    /// Answers with the response or a fault.
    ///
    /// # Errors
    /// [`Misuse`] when the message does not answer the request or breaks a limit; the request comes
    /// back.
    pub fn respond(
        self,
        answer: impl Into<Message>,
    ) -> Result<(Waiting, HttpPost), (Misuse, Box<Self>)> {
        let answer = answer.into();
        if !answer.answers(&self.request) {
            let (request, answer) = (self.request.name(), answer.name());
            return Err((Misuse::NotAnAnswer { request, answer }, Box::new(self)));
        }
        if let Err(misuse) = answer.check() {
            return Err((misuse, Box::new(self)));
        }
        Ok(self.post(answer))
    }

    fn post(self, answer: Message) -> (Waiting, HttpPost) {
        let Self { mut talk, id, .. } = self;
        let envelope = Envelope::new(talk.namespace, id, answer);
        let post = talk.channel.post(envelope.to_xml().into_bytes());
        (Waiting::Anything(ExpectAnything { talk, outstanding: None }), post)
    }
}

/// A response once HTTP is done with it.
enum Received {
    /// The same POST is to be made again, with credentials or elsewhere.
    Again(HttpPost),
    Empty,
    Envelope(Box<Parsed>),
}

/// The HTTP side of a session: where to, cookies, credentials, and the last body in case it must be
/// repeated.
#[derive(Debug)]
struct Channel {
    config: SessionConfig,
    url: HttpUrl,
    jar: SessionJar,
    auth: Option<ClientAuth>,
    body: Vec<u8>,
    redirects: u32,
    posts: u32,
}

impl Channel {
    fn new(config: SessionConfig) -> Self {
        let url = config.url.clone();
        let allow_basic = url.is_https() || config.allow_basic_without_tls;
        let auth = config.credentials.clone().map(|own| ClientAuth::new(own, allow_basic));
        let jar = SessionJar::default();
        Self { config, url, jar, auth, body: Vec::new(), redirects: 0, posts: 0 }
    }

    fn post(&mut self, body: Vec<u8>) -> HttpPost {
        self.redirects = 0;
        self.body = body;
        self.post_again()
    }

    fn post_again(&mut self) -> HttpPost {
        self.posts = self.posts.saturating_add(1);
        let mut headers = vec![("User-Agent", self.config.user_agent.clone())];
        // TR-069a6 §3.4.1: neither header on an empty POST (`HTTP-03` to `HTTP-05`).
        if !self.body.is_empty() {
            headers.push(("Content-Type", "text/xml; charset=\"utf-8\"".to_owned()));
            headers.push(("SOAPAction", String::new()));
        }
        if let Some(cookies) =
            self.jar.header(self.url.host(), self.url.target(), self.url.is_https())
        {
            headers.push(("Cookie", cookies));
        }
        let cnonce = cnonce(&self.config.entropy, self.posts);
        let target = self.url.target();
        if let Some(authorization) =
            self.auth.as_mut().and_then(|auth| auth.authorization("POST", target, &cnonce))
        {
            headers.push(("Authorization", authorization));
        }
        HttpPost { url: self.url.clone(), headers, body: self.body.clone() }
    }

    fn receive(&mut self, response: &HttpResponse<'_>) -> Result<Received, Error> {
        for cookie in &response.set_cookie {
            self.jar.handle_set_cookie(self.url.host(), self.url.target(), cookie);
        }
        if response.status != 401
            && let Some(auth) = &mut self.auth
        {
            auth.handle_success();
        }
        match response.status {
            200 if is_empty_body(response.body) => Ok(Received::Empty),
            204 => Ok(Received::Empty),
            200 => Ok(Received::Envelope(Box::new(Envelope::parse(response.body)?))),
            401 => self.handle_challenge(response),
            // 303 asks for a GET, which CWMP does not have; 300 and 304 to 306 are no redirects.
            301 | 302 | 307 | 308 => self.handle_redirect(response),
            500 => self.handle_server_error(response),
            status => Err(PeerMisbehaved::HttpStatus(status).into()),
        }
    }

    fn handle_challenge(&mut self, response: &HttpResponse<'_>) -> Result<Received, Error> {
        let refused = |why: &str| PeerMisbehaved::Authentication(why.to_owned());
        let Some(auth) = &mut self.auth else {
            return Err(refused("the ACS asks for credentials and none are configured").into());
        };
        match auth.handle_challenge(&response.www_authenticate) {
            ChallengeOutcome::Answer => Ok(Received::Again(self.post_again())),
            ChallengeOutcome::Failed(why) => Err(refused(&why.to_string()).into()),
        }
    }

    fn handle_redirect(&mut self, response: &HttpResponse<'_>) -> Result<Received, Error> {
        self.redirects = self.redirects.saturating_add(1);
        if self.redirects > REDIRECTS_MAX {
            return Err(PeerMisbehaved::TooManyRedirects.into());
        }
        let location = response.location.unwrap_or_default();
        let refuse = |reason| PeerMisbehaved::Redirect {
            location: location.chars().take(256).collect(),
            reason,
        };
        if location.trim().is_empty() {
            return Err(refuse("there is no Location").into());
        }
        let url = self.url.join(location).map_err(|_| refuse("it is not an HTTP URL"))?;
        if self.url.is_https() && !url.is_https() {
            // Our decision: credentials and values stay encrypted (`HTTP-16`).
            return Err(refuse("it leads from https to http").into());
        }
        if !self.url.same_server(&url)
            && let Some(auth) = &mut self.auth
        {
            auth.reset();
        }
        self.url = url;
        Ok(Received::Again(self.post_again()))
    }

    /// Some servers put a SOAP fault into a 500, as SOAP over HTTP has it (`LEN-10`).
    fn handle_server_error(&self, response: &HttpResponse<'_>) -> Result<Received, Error> {
        match Envelope::parse(response.body) {
            Ok(parsed) if matches!(parsed.envelope.message, Message::Fault(_)) => {
                Ok(Received::Envelope(Box::new(parsed)))
            }
            _ => Err(PeerMisbehaved::HttpStatus(500).into()),
        }
    }
}

/// A client nonce for the given POST of a session.
fn cnonce(entropy: &[u8; 16], post: u32) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::new().chain_update(entropy).chain_update(post.to_be_bytes()).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
