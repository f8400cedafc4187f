//! The rules of a session, judged by what goes over the wire.

use drover_cwmp::session::acs::{Post, Reply};
use drover_cwmp::{CwmpVersion, Envelope, FaultCode, Message};

/// A request that waits for its answer, with its `ID`.
type Outstanding = (Option<String>, Message);

fn answers(envelope: &Envelope, (id, request): &Outstanding) -> bool {
    // An answer may come without ID (`LEN-03`), but not with another one (`SES-17`).
    let same = envelope.header.id.as_ref().is_none_or(|got| id.as_deref() == Some(got.trim()));
    envelope.message.answers(request) && same
}

/// What a CPE must do after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The same POST again, or give up at a limit.
    Repeat,
    /// A POST.
    Go,
    /// Execute a request or refuse it in the next POST.
    Answer,
    /// The end.
    End,
    /// Fail.
    Fail,
}

/// Watches a CPE: the table of section 11.
#[derive(Debug, Default)]
pub(crate) struct CpeRules {
    /// The newest version the CPE speaks; after the InformResponse that of the session.
    version: CwmpVersion,
    established: bool,
    hold: bool,
    done: bool,
    /// The request of the ACS that the next POST must answer.
    pending: Option<Outstanding>,
    own: Option<Outstanding>,
    last: Vec<u8>,
    repeat: bool,
    pub(crate) posts: u32,
}

impl CpeRules {
    pub(crate) fn new(newest: CwmpVersion) -> Self {
        Self { version: newest, ..Self::default() }
    }

    pub(crate) fn version(&self) -> CwmpVersion {
        self.version
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established
    }

    /// Whether the CPE has said that it has no more requests.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// The own request that waits for its answer.
    pub(crate) fn own(&self) -> Option<&Outstanding> {
        self.own.as_ref()
    }

    /// The CPE posts.
    pub(crate) fn post(&mut self, body: &[u8]) {
        self.posts += 1;
        if self.posts == 1 {
            let first = Envelope::parse(body).expect("readable").envelope;
            assert!(matches!(first.message, Message::Inform(_)), "SES-01: {first:?}");
        } else if self.repeat {
            assert_eq!(body, self.last, "not the identical message");
        } else {
            self.new_post(body);
        }
        self.repeat = false;
        self.last = body.to_vec();
    }

    fn new_post(&mut self, body: &[u8]) {
        let envelope = match Post::read(body).expect("readable") {
            Post::Envelope(parsed) => parsed.envelope,
            Post::Empty => {
                assert!(self.pending.is_none(), "SES-04: {:?} is not answered", self.pending);
                self.done |= !self.hold;
                return;
            }
        };
        if let Some(pending) = self.pending.take() {
            assert!(envelope.message.answers(&pending.1), "SES-04: {pending:?} by {envelope:?}");
            assert_eq!(envelope.header.id, pending.0, "the ID comes back");
            return;
        }
        let inform = matches!(envelope.message, Message::Inform(_));
        assert!(envelope.message.is_request_to_acs() && !inform, "SES-01: {envelope:?}");
        assert!(envelope.message.since() <= self.version, "VER-02: {envelope:?}");
        assert!(!self.hold, "SES-05: {envelope:?} although requests are held");
        assert!(!self.done, "SES-08: {envelope:?} after the CPE was done");
        assert!(self.own.is_none(), "SES-09: {envelope:?} while {:?} is outstanding", self.own);
        self.own = Some((envelope.header.id, envelope.message));
    }

    /// The CPE is given a response.
    pub(crate) fn response(&mut self, status: u16, body: &[u8]) -> Then {
        match status {
            204 => self.empty(),
            200 => match Post::read(body) {
                Ok(Post::Empty) => self.empty(),
                Ok(Post::Envelope(parsed)) => self.envelope(parsed.envelope),
                Err(_) => Then::Fail,
            },
            500 => match Envelope::parse(body) {
                Ok(parsed) if matches!(parsed.envelope.message, Message::Fault(_)) => {
                    self.envelope(parsed.envelope)
                }
                _ => Then::Fail,
            },
            301 | 302 | 307 | 308 | 401 => {
                self.repeat = true;
                Then::Repeat
            }
            _ => Then::Fail,
        }
    }

    fn empty(&mut self) -> Then {
        if !self.established || self.own.is_some() {
            return Then::Fail;
        }
        if self.done {
            return Then::End;
        }
        self.hold = false;
        Then::Go
    }

    fn envelope(&mut self, envelope: Envelope) -> Then {
        if !self.established {
            return self.first_envelope(&envelope);
        }
        self.hold = envelope.header.hold_requests.unwrap_or(false);
        match self.own.take() {
            Some(own) if answers(&envelope, &own) => match envelope.message {
                Message::Invalid(_) => Then::Fail,
                // The request goes out again, though not necessarily now: it may be held.
                _ => Then::Go,
            },
            Some(_) => Then::Fail,
            None if envelope.message.is_answer() => Then::Fail,
            None => {
                self.pending = Some((envelope.header.id, envelope.message));
                Then::Answer
            }
        }
    }

    fn first_envelope(&mut self, envelope: &Envelope) -> Then {
        match &envelope.message {
            Message::Fault(fault) if fault.fault_code == FaultCode::RETRY_REQUEST => {
                self.repeat = true;
                Then::Repeat
            }
            Message::InformResponse(_) => {
                let newest = self.version;
                self.version = match envelope.header.use_cwmp_version {
                    None => envelope.namespace.version().min(newest),
                    Some(chosen) if chosen <= newest && newest == CwmpVersion::V1_4 => chosen,
                    Some(_) => return Then::Fail,
                };
                self.established = true;
                self.hold = envelope.header.hold_requests.unwrap_or(false);
                Then::Go
            }
            _ => Then::Fail,
        }
    }
}

/// What an ACS made of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The session goes on, or none has begun.
    Open,
    /// The session has ended well.
    Ended,
    /// The session has failed.
    Failed,
}

/// Watches an ACS: the table of section 12.
#[derive(Debug, Default)]
pub(crate) struct AcsRules {
    established: bool,
    hold: bool,
    done: bool,
    own: Option<Outstanding>,
    /// POSTs of this session.
    pub(crate) posts: u32,
}

impl AcsRules {
    /// The request of the ACS that waits for its answer.
    pub(crate) fn own(&self) -> Option<&Outstanding> {
        self.own.as_ref()
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established
    }

    /// The ACS has answered a POST.
    pub(crate) fn exchange(&mut self, body: &[u8], reply: &Reply, outcome: Outcome) {
        self.posts += 1;
        let reply = match reply {
            Reply::Envelope(text) => Some(Envelope::parse(text.as_bytes()).expect("readable")),
            _ => None,
        };
        let reply = reply.map(|parsed| parsed.envelope);
        match Post::read(body) {
            Err(_) => assert_eq!((outcome, reply), (Outcome::Failed, None), "SOAP-19"),
            Ok(Post::Empty) if !self.established => {
                assert_eq!((outcome, reply), (Outcome::Open, None), "ACS-01");
            }
            Ok(Post::Empty) => self.empty(reply, outcome),
            Ok(Post::Envelope(parsed)) => self.envelope(parsed.envelope, reply, outcome),
        }
    }

    fn empty(&mut self, reply: Option<Envelope>, outcome: Outcome) {
        if self.own.is_some() {
            return assert_eq!((outcome, reply), (Outcome::Failed, None), "ACS-05");
        }
        self.done |= !self.hold;
        self.turn(reply, outcome);
    }

    fn envelope(&mut self, post: Envelope, reply: Option<Envelope>, outcome: Outcome) {
        if matches!(post.message, Message::Inform(_)) {
            return self.inform(&post, reply, outcome);
        }
        if !self.established {
            // An Inform that cannot be read is answered with a fault, all else with a status.
            let fault = reply.is_none_or(|reply| matches!(reply.message, Message::Fault(_)));
            return assert!(fault && outcome == Outcome::Failed, "ACS-01: {post:?}");
        }
        if let Some(own) = self.own.take() {
            return if answers(&post, &own) {
                self.turn(reply, outcome);
            } else {
                assert_eq!((outcome, reply), (Outcome::Failed, None), "ACS-05: {post:?}");
            };
        }
        if post.message.is_answer() {
            return assert_eq!((outcome, reply), (Outcome::Failed, None), "unasked: {post:?}");
        }
        let reply = reply.unwrap_or_else(|| panic!("ACS-04: {post:?} is not answered"));
        assert_eq!(outcome, Outcome::Open);
        assert!(reply.message.answers(&post.message), "ACS-04: {post:?} by {reply:?}");
        assert_eq!(reply.header.id, post.header.id, "the ID comes back");
        self.hold = reply.header.hold_requests.unwrap_or(false);
    }

    fn inform(&mut self, post: &Envelope, reply: Option<Envelope>, outcome: Outcome) {
        *self = Self { posts: 1, ..Self::default() };
        let reply = reply.unwrap_or_else(|| panic!("ACS-02: {post:?} is not answered"));
        assert!(reply.message.answers(&post.message), "ACS-02: {reply:?}");
        assert_eq!(reply.header.id, post.header.id, "the ID comes back");
        self.established = matches!(reply.message, Message::InformResponse(_));
        self.hold = reply.header.hold_requests.unwrap_or(false);
        assert!(outcome != Outcome::Ended, "ACS-07: a session ends with an empty response");
    }

    fn turn(&mut self, reply: Option<Envelope>, outcome: Outcome) {
        let Some(reply) = reply else {
            self.hold = false;
            let expected = if self.done { Outcome::Ended } else { Outcome::Open };
            return assert_eq!(outcome, expected, "ACS-07");
        };
        assert_eq!(outcome, Outcome::Open);
        assert!(reply.message.is_request_to_cpe(), "ACS-03: {reply:?}");
        self.hold = reply.header.hold_requests.unwrap_or(false);
        self.own = Some((reply.header.id, reply.message));
    }
}
