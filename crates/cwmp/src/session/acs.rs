//! The ACS's side of a session (TR-069a6 §3.7.2, `ACS-01` to `ACS-17`).
//!
//! The states of the table and how they follow one another:
//!
//! ```text
//! ExpectInform ──Inform──▶ Informed ──accept──▶ Open ◀──────────────┐
//!      ▲                       │ refuse          │ CPE request: CpeRequest ──answer──┤
//!      └───────────────────────┘                 │ empty POST: Turn                  │
//!                                                ▼                                   │
//!                          Busy ◀──send── Turn ──nothing──▶ Open (held) or Ended     │
//!                           │ answer                                                 │
//!                           └──▶ Answered ──▶ Turn ──nothing──▶ Ended, or ───────────┘
//! ```
//!
//! A [`Reply`] goes into the HTTP response to the POST that led to it. When a method returns
//! [`Broken`], the session has failed; its reply is still to be sent.

use crate::envelope::{Envelope, Header, Parsed, is_empty_body};
use crate::error::{Error, Malformed, Misuse, PeerMisbehaved};
use crate::fault::{Fault, FaultCode};
use crate::limits::SESSION_MESSAGES_MAX;
use crate::message::{Inform, InformResponse, Message};
use crate::tolerated::ToleratedList;
use crate::version::{Choice, CwmpVersion, choose};

/// What an HTTP POST of a CPE carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Post {
    /// Nothing: the CPE has nothing to say, or may not (`SES-07`).
    Empty,
    /// An envelope.
    Envelope(Box<Parsed>),
}

impl Post {
    /// Reads the body of a POST.
    ///
    /// # Errors
    /// [`Malformed`] when it is neither empty nor an envelope; answer with HTTP 400 (`SOAP-19`).
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        if is_empty_body(body) {
            return Ok(Self::Empty);
        }
        Envelope::parse(body).map(|parsed| Self::Envelope(Box::new(parsed)))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Empty => "an empty POST",
            Self::Envelope(parsed) => parsed.envelope.message.name(),
        }
    }
}

/// What goes into the HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Status 200 with this envelope (`HTTP-06`).
    Envelope(String),
    /// Status 204 without body (`HTTP-07`).
    Empty,
    /// This status without a CWMP payload.
    Status(u16),
}

/// The session has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Why.
    pub error: Error,
    /// What to answer.
    pub reply: Reply,
}

impl Broken {
    fn misbehaved(inner: PeerMisbehaved) -> Self {
        Self { error: inner.into(), reply: Reply::Status(400) }
    }
}

impl From<Malformed> for Broken {
    fn from(inner: Malformed) -> Self {
        Self { error: inner.into(), reply: Reply::Status(400) }
    }
}

/// No session yet: the first message must be an Inform (`ACS-01`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectInform {
    newest: CwmpVersion,
}

/// What the first POST brought.
#[derive(Debug)]
pub enum First {
    /// An empty POST before any Inform, which some CPEs send to be challenged (quirk 1); the
    /// session has not begun (`ACS-01`).
    Nothing(ExpectInform, Reply),
    /// An Inform, to be accepted or refused.
    Inform(Informed),
}

impl ExpectInform {
    /// An ACS that speaks all versions up to `newest`.
    pub const fn new(newest: CwmpVersion) -> Self {
        Self { newest }
    }

    /// Takes the first POST.
    ///
    /// # Errors
    /// [`Broken`] when it carries something else than an Inform, or one without identity.
    pub fn handle(self, post: Post) -> Result<First, Broken> {
        match post {
            Post::Empty => Ok(First::Nothing(self, Reply::Empty)),
            Post::Envelope(parsed) => match parsed.envelope.message {
                Message::Inform(_) => Ok(First::Inform(Informed::new(self.newest, *parsed))),
                Message::Invalid(invalid) if invalid.name == "Inform" => {
                    let text = invalid.violation.to_string();
                    let fault = Fault::with_text(FaultCode::ACS_INVALID_ARGUMENTS, text);
                    let namespace = parsed.envelope.namespace;
                    let answer = Envelope::new(namespace, parsed.envelope.header.id, fault.clone());
                    Err(Broken { error: fault.into(), reply: Reply::Envelope(answer.to_xml()) })
                }
                other => {
                    Err(Broken::misbehaved(PeerMisbehaved::BeforeInform { got: other.name() }))
                }
            },
        }
    }
}

/// An Inform that waits for a decision.
#[derive(Debug)]
pub struct Informed {
    newest: CwmpVersion,
    inform: Box<Inform>,
    header: Header,
    choice: Option<Choice>,
    namespace: crate::version::CwmpNamespace,
    tolerated: ToleratedList,
}

impl Informed {
    fn new(newest: CwmpVersion, parsed: Parsed) -> Self {
        let Parsed { envelope: Envelope { namespace, header, message }, tolerated } = parsed;
        let choice = choose(
            newest,
            header.supported_cwmp_versions.as_deref(),
            namespace,
            header.session_timeout.is_some(),
        );
        let inform = match message {
            Message::Inform(inform) => Box::new(inform),
            _ => Box::default(),
        };
        Self { newest, inform, header, choice, namespace, tolerated }
    }

    /// The Inform.
    pub const fn inform(&self) -> &Inform {
        &self.inform
    }

    /// How long the CPE asks the ACS to wait between its POSTs, in seconds (`SOAP-10`).
    pub const fn session_timeout(&self) -> Option<u32> {
        self.header.session_timeout
    }

    /// The version this session will use; `None` when there is no common one (`NEG-03`).
    pub fn version(&self) -> Option<CwmpVersion> {
        self.choice.map(|choice| choice.version)
    }

    /// Where the message deviates from the standard.
    pub const fn tolerated(&self) -> &ToleratedList {
        &self.tolerated
    }

    /// Opens the session. With `hold` the CPE keeps its own requests back until the ACS has
    /// finished (`ACS-06`).
    ///
    /// # Errors
    /// [`Broken`] with fault 8006 when there is no common version (`NEG-03`).
    pub fn accept(self, hold: bool) -> Result<(Open, Reply), Broken> {
        let Some(choice) = self.choice else {
            let fault = Fault::new(FaultCode::ACS_VERSION_INCOMPATIBLE);
            let (_, reply) = self.refuse(fault.clone());
            return Err(Broken { error: fault.into(), reply });
        };
        let newest = self.newest;
        let conversation = Conversation { newest, choice, hold, cpe_done: false, messages: 1 };
        let mut answer = conversation.envelope(self.header.id, InformResponse { max_envelopes: 1 });
        answer.header.use_cwmp_version = choice.announce.then_some(choice.version);
        Ok((Open { conversation }, Reply::Envelope(answer.to_xml())))
    }

    /// Answers with a fault (`ACS-13`). After 8005 the CPE sends the same Inform again.
    pub fn refuse(self, fault: Fault) -> (ExpectInform, Reply) {
        let answer = Envelope::new(self.namespace, self.header.id, fault);
        (ExpectInform { newest: self.newest }, Reply::Envelope(answer.to_xml()))
    }
}

/// What all states of an open session know.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Conversation {
    /// For the next session, should the device begin anew.
    newest: CwmpVersion,
    choice: Choice,
    /// Whether the CPE may not send requests of its own (`SES-06`).
    hold: bool,
    /// Whether the CPE has said that it has no more requests (`SES-08`).
    cpe_done: bool,
    messages: u32,
}

impl Conversation {
    fn envelope(&self, id: Option<String>, message: impl Into<Message>) -> Envelope {
        let mut envelope = Envelope::new(self.choice.namespace, id, message);
        envelope.header.hold_requests = self.hold.then_some(true);
        envelope
    }

    fn count(&mut self) -> Result<(), Broken> {
        self.messages = self.messages.saturating_add(1);
        if self.messages > SESSION_MESSAGES_MAX {
            let error = PeerMisbehaved::TooManyMessages(SESSION_MESSAGES_MAX);
            return Err(Broken::misbehaved(error));
        }
        Ok(())
    }
}

/// The session is open and no request of the ACS is outstanding.
#[derive(Debug)]
pub struct Open {
    conversation: Conversation,
}

/// What a POST brought while nothing was outstanding.
#[derive(Debug)]
pub enum OpenStep {
    /// A request of the CPE, to be answered in the HTTP response (`ACS-04`).
    Request(CpeRequest),
    /// An empty POST: the ACS may send a request (`ACS-03`).
    Turn(Turn),
    /// The device begins anew; this session is lost (`ACS-11`).
    Inform(Informed),
}

impl Open {
    /// The version this session uses.
    pub const fn version(&self) -> CwmpVersion {
        self.conversation.choice.version
    }

    /// Takes the next POST.
    ///
    /// # Errors
    /// [`Broken`] for an answer that nobody asked for, and beyond the message limit.
    pub fn handle(self, post: Post) -> Result<OpenStep, Broken> {
        let mut conversation = self.conversation;
        conversation.count()?;
        let parsed = match post {
            Post::Empty => {
                if !conversation.hold {
                    conversation.cpe_done = true;
                }
                return Ok(OpenStep::Turn(Turn { conversation }));
            }
            Post::Envelope(parsed) => *parsed,
        };
        let message = &parsed.envelope.message;
        if matches!(message, Message::Inform(_)) {
            return Ok(OpenStep::Inform(Informed::new(conversation.newest, parsed)));
        }
        if message.is_answer() {
            let error = PeerMisbehaved::UnexpectedResponse { got: message.name() };
            return Err(Broken::misbehaved(error));
        }
        Ok(OpenStep::Request(CpeRequest {
            conversation,
            id: parsed.envelope.header.id,
            message: parsed.envelope.message,
            tolerated: parsed.tolerated,
        }))
    }
}

/// A request of the CPE that waits for its answer.
#[derive(Debug)]
pub struct CpeRequest {
    conversation: Conversation,
    id: Option<String>,
    message: Message,
    tolerated: ToleratedList,
}

impl CpeRequest {
    /// The request: a known RPC to an ACS, or something to be refused with
    /// [`CpeRequest::refusal`].
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// Where the message deviates from the standard.
    pub const fn tolerated(&self) -> &ToleratedList {
        &self.tolerated
    }

    /// The fault that the standard prescribes for this request whatever an ACS may support:
    /// 8000 for RPCs that no ACS answers, 8003 for unreadable arguments (`SOAP-16`, `ACS-12`).
    pub fn refusal(&self) -> Option<Fault> {
        match &self.message {
            Message::Invalid(invalid) => Some(Fault::with_text(
                FaultCode::ACS_INVALID_ARGUMENTS,
                invalid.violation.to_string(),
            )),
            Message::Unknown(_) => Some(Fault::new(FaultCode::ACS_METHOD_NOT_SUPPORTED)),
            known if !known.is_request_to_acs() => {
                Some(Fault::new(FaultCode::ACS_METHOD_NOT_SUPPORTED))
            }
            _ => None,
        }
    }

    /// Answers.
    ///
    /// # Errors
    /// [`Misuse`] when the message does not answer this request; the request comes back.
    pub fn answer(self, message: impl Into<Message>) -> Result<(Open, Reply), (Misuse, Box<Self>)> {
        let message = message.into();
        let fits = message.answers(&self.message) || matches!(message, Message::Fault(_));
        if !fits {
            let (request, answer) = (self.message.name(), message.name());
            return Err((Misuse::NotAnAnswer { request, answer }, Box::new(self)));
        }
        if let Err(misuse) = message.check() {
            return Err((misuse, Box::new(self)));
        }
        let answer = self.conversation.envelope(self.id, message);
        Ok((Open { conversation: self.conversation }, Reply::Envelope(answer.to_xml())))
    }

    /// Answers with a fault.
    pub fn fault(self, fault: Fault) -> (Open, Reply) {
        let answer = self.conversation.envelope(self.id, fault);
        (Open { conversation: self.conversation }, Reply::Envelope(answer.to_xml()))
    }
}

/// The ACS may send a request.
#[derive(Debug)]
pub struct Turn {
    conversation: Conversation,
}

/// What follows when the ACS has no request.
#[derive(Debug)]
pub enum Rest {
    /// The CPE may go on with requests of its own.
    Open(Open),
    /// The session has ended successfully (`ACS-07`).
    Ended,
}

impl Turn {
    /// The version this session uses.
    pub const fn version(&self) -> CwmpVersion {
        self.conversation.choice.version
    }

    /// Sends a request. `id` is to be short plain ASCII, unique in the session (`SOAP-08`,
    /// quirk 18).
    ///
    /// # Errors
    /// [`Misuse`] when an ACS does not send such a message, when the session's version does not
    /// have it (`VER-02`), or when a member breaks a limit; the turn comes back.
    pub fn send(
        self,
        request: impl Into<Message>,
        id: impl Into<String>,
    ) -> Result<(Busy, Reply), (Misuse, Self)> {
        let request = request.into();
        if let Err(misuse) = self.check(&request) {
            return Err((misuse, self));
        }
        let id = id.into();
        let envelope = self.conversation.envelope(Some(id.clone()), request);
        let reply = Reply::Envelope(envelope.to_xml());
        let busy = Busy { conversation: self.conversation, id, request: envelope.message };
        Ok((busy, reply))
    }

    /// Keeps requests of the CPE back from the next envelope on, or lets them through (`ACS-06`).
    pub const fn hold_requests(&mut self, hold: bool) {
        self.conversation.hold = hold;
    }

    /// Has nothing to send (`ACS-07`, `ACS-09`).
    pub fn nothing(self) -> (Rest, Reply) {
        let mut conversation = self.conversation;
        if conversation.cpe_done {
            return (Rest::Ended, Reply::Empty);
        }
        // An empty response also says that requests are no longer held (`SES-06`).
        conversation.hold = false;
        (Rest::Open(Open { conversation }), Reply::Empty)
    }

    fn check(&self, request: &Message) -> Result<(), Misuse> {
        let message = request.name();
        if !request.is_request_to_cpe() || matches!(request, Message::Unknown(_)) {
            return Err(Misuse::NotSentBy { role: "ACS", message });
        }
        let version = self.conversation.choice.version;
        let needs = request.since();
        if needs > version {
            return Err(Misuse::Version { message, needs, version });
        }
        request.check()
    }
}

/// A request of the ACS is outstanding (`ACS-05`).
#[derive(Debug)]
pub struct Busy {
    conversation: Conversation,
    id: String,
    request: Message,
}

/// What a POST brought while a request was outstanding.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one exists for a moment; the usual one is large")]
pub enum BusyStep {
    /// The answer; the ACS has the turn.
    Answered(Answered),
    /// The device begins anew; this session is lost and what became of the request is not known
    /// (`ACS-11`, `MRB-05`).
    Inform(Informed),
}

/// An answer of the CPE.
#[derive(Debug)]
pub struct Answered {
    /// The request.
    pub request: Message,
    /// Its response, a fault (`ACS-10`), or a response with unreadable members.
    pub answer: Message,
    /// Where the message deviates from the standard.
    pub tolerated: ToleratedList,
    /// The session goes on here.
    pub turn: Turn,
}

impl Busy {
    /// The outstanding request.
    pub const fn request(&self) -> &Message {
        &self.request
    }

    /// Takes the POST that must carry the answer.
    ///
    /// # Errors
    /// [`Broken`] for anything else than the answer to the outstanding request.
    pub fn handle(self, post: Post) -> Result<BusyStep, Broken> {
        let mut conversation = self.conversation;
        conversation.count()?;
        let expected = self.request.name();
        let got = post.name();
        let wrong = || Broken::misbehaved(PeerMisbehaved::WrongAnswer { expected, got });
        let Post::Envelope(parsed) = post else { return Err(wrong()) };
        if matches!(parsed.envelope.message, Message::Inform(_)) {
            return Ok(BusyStep::Inform(Informed::new(conversation.newest, *parsed)));
        }
        if !parsed.envelope.message.answers(&self.request) {
            return Err(wrong());
        }
        // An answer without ID is common in the field (`LEN-03`), one with another ID is not ours.
        match parsed.envelope.header.id {
            Some(id) if id.trim() != self.id => {
                let error = PeerMisbehaved::WrongId { rpc: expected, expected: self.id, got: id };
                return Err(Broken::misbehaved(error));
            }
            _ => {}
        }
        Ok(BusyStep::Answered(Answered {
            request: self.request,
            answer: parsed.envelope.message,
            tolerated: parsed.tolerated,
            turn: Turn { conversation },
        }))
    }
}

#[cfg(test)]
mod tests;
