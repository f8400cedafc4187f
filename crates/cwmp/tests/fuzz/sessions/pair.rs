//! Our CPE and our ACS, with a line between them that does what it likes.

use arbitrary::Arbitrary;
use drover_cwmp::session::acs::Reply;
use drover_cwmp::session::cpe::HttpResponse;
use drover_cwmp::{CwmpVersion, Message};

use super::acs::{Acs, Decision};
use super::cpe::{Cpe, End, config};
use super::messages::{AcsRequest, CpeRequest};
use super::rules::{AcsRules, Outcome};

/// Answers 8005 of one run; more might be too many for one request.
const RETRIES_MAX: usize = 5;

/// Two machines with their wishes, and the line.
#[derive(Debug, Arbitrary)]
pub(crate) struct PairScript {
    cpe_version: u8,
    acs_version: u8,
    cpe_requests: Vec<CpeRequest>,
    acs_requests: Vec<AcsRequest>,
    /// Whether the ACS holds the requests of the CPE, one entry an exchange; then never.
    holds: Vec<bool>,
    /// What the line does, one entry an exchange; then nothing.
    line: Vec<Line>,
    /// Whether all harm is left out, so that the session must succeed.
    harmless: bool,
}

/// What may happen to one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
enum Line {
    Clean,
    /// A proxy asks for credentials.
    Challenge,
    /// A load balancer points elsewhere.
    Redirect,
    /// White space around what travels (`LEN-04`).
    Padding,
    /// The ACS asks for the same request again.
    Retry,
    /// Harm: the POST does not arrive.
    LosePost,
    /// Harm: the response does not arrive.
    LoseResponse,
    /// Harm: something else than the POST arrives.
    BreakPost,
    /// Harm: something else than the response arrives.
    BreakResponse,
    /// Harm: a proxy has had enough.
    Unavailable,
}

impl Line {
    fn is_harm(self) -> bool {
        use Line::{BreakPost, BreakResponse, LosePost, LoseResponse, Unavailable};
        matches!(self, LosePost | LoseResponse | BreakPost | BreakResponse | Unavailable)
    }
}

/// A conversation under way.
struct Pair {
    cpe: Cpe,
    acs: Acs,
    rules: AcsRules,
    requests: Vec<AcsRequest>,
    /// Whether the next POST repeats the last.
    repeating: bool,
    retries: usize,
}

pub(crate) fn run(script: &PairScript) {
    let version = |index: u8| CwmpVersion::ALL[usize::from(index) % CwmpVersion::ALL.len()];
    let (cpe_newest, acs_newest) = (version(script.cpe_version), version(script.acs_version));
    let own: Vec<Message> = script.cpe_requests.iter().map(|request| request.message()).collect();
    let common = cpe_newest.min(acs_newest);
    let mut requests = script.acs_requests.clone();
    requests.retain(|request| request.message().since() <= common);
    let mut pair = Pair {
        cpe: Cpe::start(config(cpe_newest, true), own.clone()),
        acs: Acs::new(acs_newest),
        rules: AcsRules::default(),
        requests: requests.clone(),
        repeating: false,
        retries: 0,
    };
    let wishes = own.len() + requests.len() + RETRIES_MAX;
    let exchanges_max = 2 * (3 * wishes + 6);
    let mut line = script.line.iter().filter(|line| !(script.harmless && line.is_harm()));
    let mut holds = script.holds.iter();
    for _ in 0..exchanges_max {
        let line = line.next().copied().unwrap_or(Line::Clean);
        let hold = holds.next().copied().unwrap_or(false);
        match pair.exchange(line, hold) {
            None => {}
            Some(End::Ended) => return pair.check_success(&own, &requests),
            Some(end) => {
                assert!(!script.harmless, "{end:?} although nothing bad happened: {script:?}");
                return;
            }
        }
    }
    panic!("no end after {exchanges_max} exchanges: {script:?}");
}

impl Pair {
    fn exchange(&mut self, line: Line, hold: bool) -> Option<End> {
        let first = !std::mem::take(&mut self.repeating);
        match line {
            Line::Challenge if first => self.repeat(&HttpResponse {
                status: 401,
                www_authenticate: vec!["Digest realm=\"proxy\", nonce=\"n\", qop=\"auth\""],
                ..HttpResponse::default()
            }),
            Line::Redirect if first => {
                let location = Some("http://other.example:7548/acs?x=1");
                let response = HttpResponse { status: 307, location, ..HttpResponse::default() };
                self.repeat(&response)
            }
            Line::LosePost => Some(End::Failed(self.cpe.lose())),
            Line::Unavailable => {
                let response = HttpResponse { status: 503, ..HttpResponse::default() };
                self.cpe.respond(&response, false)
            }
            _ => self.deliver(line, hold),
        }
    }

    /// Something on the way makes the CPE repeat its POST.
    fn repeat(&mut self, response: &HttpResponse<'_>) -> Option<End> {
        self.repeating = true;
        self.cpe.respond(response, false)
    }

    fn deliver(&mut self, line: Line, hold: bool) -> Option<End> {
        let mut post = self.cpe.post.body.clone();
        match line {
            Line::Padding => pad(&mut post),
            Line::BreakPost => post.splice(..post.len() / 2, *b"<broken").for_each(drop),
            _ => {}
        }
        let mut decision = Decision::new(hold, self.requests.first().copied());
        if line == Line::Retry && self.retries < RETRIES_MAX {
            self.retries += 1;
            decision = decision.retry();
        }
        let (reply, sent) = self.acs.post(&post, decision);
        self.rules.exchange(&post, &reply, self.acs.outcome());
        if sent {
            self.requests.remove(0);
        }
        if line == Line::LoseResponse {
            return Some(End::Failed(self.cpe.lose()));
        }
        self.respond(line, &reply)
    }

    fn respond(&mut self, line: Line, reply: &Reply) -> Option<End> {
        let (status, mut body) = match reply {
            Reply::Envelope(text) => (200, text.clone().into_bytes()),
            Reply::Empty if line == Line::Padding => (200, Vec::new()),
            Reply::Empty => (204, Vec::new()),
            Reply::Status(status) => (*status, Vec::new()),
        };
        match line {
            Line::Padding => pad(&mut body),
            Line::BreakResponse => return self.cpe.respond(&ok(b"<html>gone</html>"), false),
            _ => {}
        }
        let response = HttpResponse { status, ..ok(&body) };
        self.cpe.respond(&response, false)
    }

    /// The CPE has ended well: so has the ACS, and both have all they wished for.
    fn check_success(&self, own: &[Message], requests: &[AcsRequest]) {
        assert_eq!(self.acs.outcome(), Outcome::Ended, "only the CPE has ended");
        let asked: Vec<Message> = requests.iter().map(|request| request.message()).collect();
        let answered = self.acs.answered.iter().map(|(request, _)| request.clone());
        assert_eq!(answered.collect::<Vec<_>>(), asked);
        assert_eq!(self.cpe.executed, asked);
        let version = self.cpe.rules.version();
        let sent = own.iter().filter(|request| request.since() <= version);
        assert!(self.cpe.answered.iter().map(|(request, _)| request).eq(sent));
    }
}

fn ok(body: &[u8]) -> HttpResponse<'_> {
    HttpResponse { status: 200, body, ..HttpResponse::default() }
}

fn pad(body: &mut Vec<u8>) {
    body.splice(..0, *b"\r\n ");
    body.extend(b"\0\n");
}
