//! Our CPE and an ACS that does what it likes.

use arbitrary::Arbitrary;
use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::limits::{
    CHALLENGES_MAX, REDIRECTS_MAX, RETRY_REQUESTS_MAX, SESSION_MESSAGES_MAX,
};
use drover_cwmp::message::InformResponse;
use drover_cwmp::session::cpe::{
    Execute, Failed, HttpPost, HttpResponse, Note, SessionConfig, Step, Waiting, start,
};
use drover_cwmp::{
    CwmpNamespace, CwmpVersion, Envelope, Error, Fault, FaultCode, Message, PeerMisbehaved,
};

use super::messages::{AcsRequest, CpeRequest, Odd, inform, response_to, written};
use super::rules::{CpeRules, Then};

/// Responses after which a script that repeats itself is left alone, unless the session is not even
/// established.
const RESPONSES_MAX: u32 = 40;

/// POSTs of one Inform at most: each 8005 and each redirect may be followed by challenges.
const INFORMS_MAX: u32 = (RETRY_REQUESTS_MAX + 1) * (CHALLENGES_MAX + 1) * (REDIRECTS_MAX + 1);

/// What happens to a CPE.
#[derive(Debug, Arbitrary)]
pub(crate) struct CpeScript {
    version: u8,
    credentials: bool,
    requests: Vec<CpeRequest>,
    /// Responses with what the device does on each; they are played again and again.
    moves: Vec<Move>,
}

#[derive(Debug, Arbitrary)]
struct Move {
    /// Below [`FOUL`] the ACS misbehaves.
    chance: u8,
    fair: Option<AcsRequest>,
    foul: Foul,
    hold: Option<bool>,
    device: Device,
}

/// Of 256 moves, how many break the rules or leave the usual path.
const FOUL: u8 = 32;

/// What an ACS or something on the way may respond.
#[derive(Debug, Arbitrary)]
enum Foul {
    Garbage(Vec<u8>),
    Padding(u8),
    Status { status: u16, body: Vec<u8> },
    Challenge { stale: bool, nonce: u8, basic: bool },
    BareChallenge(String),
    Redirect { status: u8, location: Location },
    Odd { message: Odd, id: Option<String> },
    Cut { message: Odd, at: u16 },
    Fault { code: u16, right_id: bool, status_500: bool },
    Retry,
    Chosen(u8),
    Cookie(String),
    Lost,
}

#[derive(Debug, Arbitrary)]
enum Location {
    Nowhere,
    Path(u8),
    Host(u8),
    Tls,
    Text(String),
}

impl Location {
    fn text(&self) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::Path(n) => Some(format!("/{n}")),
            Self::Host(n) => Some(format!("http://acs{n}.example/")),
            Self::Tls => Some("https://acs.example/".to_owned()),
            Self::Text(text) => Some(text.clone()),
        }
    }
}

/// What the device does where it has a choice.
#[derive(Debug, Arbitrary)]
struct Device {
    /// Answers with a fault.
    fault: bool,
    /// Adds a request before it takes in the response.
    queue: Option<CpeRequest>,
}

/// A response of an ACS.
struct Response {
    status: u16,
    challenges: Vec<String>,
    cookie: Option<String>,
    location: Option<String>,
    body: Vec<u8>,
}

impl Response {
    fn ok(body: Vec<u8>) -> Self {
        Self { body, ..Self::status(200) }
    }

    fn status(status: u16) -> Self {
        Self { status, challenges: Vec::new(), cookie: None, location: None, body: Vec::new() }
    }

    fn http(&self) -> HttpResponse<'_> {
        HttpResponse {
            status: self.status,
            www_authenticate: self.challenges.iter().map(String::as_str).collect(),
            set_cookie: self.cookie.as_deref().into_iter().collect(),
            location: self.location.as_deref(),
            body: &self.body,
        }
    }
}

pub(crate) fn config(version: CwmpVersion, credentials: bool) -> SessionConfig {
    SessionConfig {
        url: "http://acs.example:7547/cwmp".parse().expect("a URL"),
        credentials: credentials.then(|| Credentials::new("cpe", Secret::new("password"))),
        version,
        session_timeout: Some(40),
        allow_basic_without_tls: false,
        user_agent: "fuzz".to_owned(),
        entropy: [7; 16],
    }
}

/// How a session ended, or that the script did first.
#[derive(Debug)]
pub(crate) enum End {
    Ended,
    Failed(Failed),
    Unfinished,
}

/// A CPE, driven as a device drives it and watched.
#[derive(Debug)]
pub(crate) struct Cpe {
    waiting: Option<Waiting>,
    pub(crate) rules: CpeRules,
    /// Own requests that were answered.
    pub(crate) answered: Vec<(Message, Message)>,
    /// Requests of the ACS that were executed.
    pub(crate) executed: Vec<Message>,
    pub(crate) post: HttpPost,
}

impl Cpe {
    pub(crate) fn start(config: SessionConfig, requests: Vec<Message>) -> Self {
        let mut rules = CpeRules::new(config.version);
        let (waiting, post) = start(config, inform(), requests).expect("a session");
        rules.post(&post.body);
        let (answered, executed) = (Vec::new(), Vec::new());
        Self { waiting: Some(waiting), rules, answered, executed, post }
    }

    pub(crate) fn queue(&mut self, request: Message) {
        if let Some(waiting) = &mut self.waiting {
            let taken = waiting.queue(request).expect("a request of a CPE");
            assert_eq!(taken, !self.rules.is_done(), "SES-08");
        }
    }

    /// Takes in a response; `None` while the session goes on.
    pub(crate) fn respond(&mut self, response: &HttpResponse<'_>, fault: bool) -> Option<End> {
        let then = self.rules.response(response.status, response.body);
        let waiting = self.waiting.take().expect("it waits for a response");
        let progress = waiting.handle(response);
        for note in progress.notes {
            if let Note::Answered { request, answer } = note {
                assert!(answer.answers(&request), "{answer:?} noted for {request:?}");
                self.answered.push((*request, *answer));
            }
        }
        let (waiting, post) = match progress.step {
            Step::Post(waiting, post) => {
                assert!(matches!(then, Then::Repeat | Then::Go | Then::Answer), "{then:?}");
                (waiting, post)
            }
            Step::Execute(execute) => {
                assert_eq!(then, Then::Answer);
                self.execute(execute, fault)
            }
            Step::Ended => {
                assert_eq!(then, Then::End);
                return Some(End::Ended);
            }
            Step::Failed(failed) => {
                assert!(is_due(&failed, then), "{failed:?} instead of {then:?}");
                assert!(!failed.error.to_string().is_empty());
                return Some(End::Failed(failed));
            }
        };
        self.rules.post(&post.body);
        self.waiting = Some(waiting);
        self.post = post;
        None
    }

    fn execute(&mut self, execute: Execute, fault: bool) -> (Waiting, HttpPost) {
        let request = execute.request().clone();
        // An answer to something else is our own mistake and costs nothing.
        let wrong = InformResponse { max_envelopes: 1 };
        let (_, execute) = execute.respond(wrong).expect_err("InformResponse answers no request");
        let answer = match fault {
            true => Fault::new(FaultCode::REQUEST_DENIED).into(),
            false => response_to(&request),
        };
        self.executed.push(request);
        execute.respond(answer).expect("it answers")
    }

    /// No response comes.
    pub(crate) fn lose(&mut self) -> Failed {
        let waiting = self.waiting.take().expect("it waits for a response");
        let failed = waiting.handle_lost(PeerMisbehaved::HttpStatus(0).into());
        assert_eq!(failed.established, self.rules.is_established());
        failed
    }
}

/// Whether the rules let the session fail here.
fn is_due(failed: &Failed, then: Then) -> bool {
    use PeerMisbehaved::{TooManyMessages, TooManyRetries};
    let limit =
        matches!(failed.error, Error::PeerMisbehaved(TooManyMessages(_) | TooManyRetries(_)));
    limit || matches!(then, Then::Fail | Then::Repeat)
}

pub(crate) fn run(script: &CpeScript) {
    let version = CwmpVersion::ALL[usize::from(script.version) % CwmpVersion::ALL.len()];
    let requests = script.requests.iter().map(|request| request.message()).collect();
    let mut cpe = Cpe::start(config(version, script.credentials), requests);
    play(&mut cpe, &script.moves, RESPONSES_MAX);
}

/// An ACS that asks one thing for ever is stopped at the limit.
pub(crate) fn tireless() {
    let device = Device { fault: false, queue: None };
    let fair = Some(AcsRequest::Reboot);
    let ask = Move { chance: u8::MAX, fair, foul: Foul::Lost, hold: None, device };
    let mut cpe = Cpe::start(config(CwmpVersion::V1_4, false), Vec::new());
    let end = play(&mut cpe, &[ask], u32::MAX);
    let End::Failed(failed) = end else { panic!("{end:?}") };
    let limit = PeerMisbehaved::TooManyMessages(SESSION_MESSAGES_MAX);
    assert_eq!(failed.error, Error::PeerMisbehaved(limit));
    assert!(cpe.rules.posts <= SESSION_MESSAGES_MAX + 1, "{} POSTs", cpe.rules.posts);
}

fn play(cpe: &mut Cpe, moves: &[Move], responses_max: u32) -> End {
    let mut moves = moves.iter().cycle();
    let mut responses = 0;
    while responses < responses_max || !cpe.rules.is_established() {
        let Some(next) = moves.next() else { break };
        assert!(cpe.rules.is_established() || cpe.rules.posts <= INFORMS_MAX, "INFORM for ever");
        if let Some(request) = next.device.queue {
            cpe.queue(request.message());
        }
        let Some(response) = response(next, &cpe.rules) else {
            return End::Failed(cpe.lose());
        };
        if let Some(end) = cpe.respond(&response.http(), next.device.fault) {
            return end;
        }
        responses += 1;
    }
    End::Unfinished
}

/// What the ACS responds: what is right at this moment, or what the move says.
fn response(next: &Move, rules: &CpeRules) -> Option<Response> {
    if next.chance < FOUL {
        return foul(next, rules);
    }
    if !rules.is_established() {
        let id = Some("1".to_owned());
        return Some(Response::ok(written(id, next.hold, InformResponse { max_envelopes: 1 })));
    }
    if let Some((id, request)) = rules.own() {
        return Some(Response::ok(written(id.clone(), next.hold, response_to(request))));
    }
    Some(match next.fair {
        Some(request) => Response::ok(written(Some("7".to_owned()), next.hold, request.message())),
        None => Response::status(204),
    })
}

fn foul(next: &Move, rules: &CpeRules) -> Option<Response> {
    let own_id = rules.own().and_then(|(id, _)| id.clone());
    Some(match &next.foul {
        Foul::Garbage(bytes) => Response::ok(bytes.clone()),
        Foul::Padding(count) => Response::ok(vec![b'\n'; usize::from(*count)]),
        Foul::Status { status, body } => {
            Response { body: body.clone(), ..Response::status(*status) }
        }
        Foul::Challenge { stale, nonce, basic } => {
            let digest =
                format!("Digest realm=\"a\", nonce=\"{nonce}\", qop=\"auth\", stale={stale}");
            let challenge = if *basic { "Basic realm=\"a\"".to_owned() } else { digest };
            Response { challenges: vec![challenge], ..Response::status(401) }
        }
        Foul::BareChallenge(text) => {
            Response { challenges: vec![text.clone()], ..Response::status(401) }
        }
        Foul::Redirect { status, location } => {
            let status = [301, 302, 303, 307, 308][usize::from(*status) % 5];
            Response { location: location.text(), ..Response::status(status) }
        }
        Foul::Odd { message, id } => {
            Response::ok(written(id.clone(), next.hold, message.message()))
        }
        Foul::Cut { message, at } => {
            let mut bytes = written(own_id, None, message.message());
            bytes.truncate(usize::from(*at) % bytes.len());
            Response::ok(bytes)
        }
        Foul::Fault { code, right_id, status_500 } => {
            let id = if *right_id { own_id } else { Some("no ID of ours".to_owned()) };
            let body = written(id, next.hold, Fault::new(FaultCode(u32::from(*code))));
            Response { body, ..Response::status(if *status_500 { 500 } else { 200 }) }
        }
        Foul::Retry => {
            Response::ok(written(own_id, next.hold, Fault::new(FaultCode::RETRY_REQUEST)))
        }
        Foul::Chosen(index) => {
            let versions = CwmpVersion::ALL;
            let answer = InformResponse { max_envelopes: 1 };
            let mut envelope = Envelope::new(CwmpNamespace::V1_2, own_id, answer);
            envelope.header.use_cwmp_version = Some(versions[usize::from(*index) % versions.len()]);
            Response::ok(envelope.to_xml().into_bytes())
        }
        Foul::Cookie(text) => Response { cookie: Some(text.clone()), ..Response::status(204) },
        Foul::Lost => return None,
    })
}
