//! What can go wrong, by whose fault it is.

use std::borrow::Cow;

use crate::fault::Fault;

/// An error of this crate. The variant says whose fault it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not an envelope we read: not XML, not SOAP, a DTD, or beyond a limit.
    #[error("malformed message: {0}")]
    Malformed(#[from] Malformed),
    /// The peer answered with a CWMP fault.
    #[error("the peer answered with a fault: {0}")]
    Fault(Box<Fault>),
    /// The message is legal in itself but not at this moment of the session, or from this side.
    #[error("the peer misbehaved: {0}")]
    PeerMisbehaved(PeerMisbehaved),
    /// Our own caller asked for something that CWMP does not allow.
    #[error("misuse: {0}")]
    Misuse(Misuse),
}

impl From<PeerMisbehaved> for Error {
    fn from(inner: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(inner)
    }
}

impl From<Misuse> for Error {
    fn from(inner: Misuse) -> Self {
        Self::Misuse(inner)
    }
}

impl From<Fault> for Error {
    fn from(inner: Fault) -> Self {
        Self::Fault(Box::new(inner))
    }
}

/// Why bytes were refused as an envelope, with the byte offset where reading stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct Malformed {
    /// What was wrong.
    pub kind: MalformedKind,
    /// Where, counted from the start of the decoded text.
    pub offset: u64,
}

/// The reasons of [`Malformed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedKind {
    /// The XML itself is broken.
    #[error("not well-formed XML: {0}")]
    Xml(String),
    /// The text ended inside an element.
    #[error("the message ends inside <{0}>")]
    Truncated(String),
    /// The characters do not fit the declared encoding.
    #[error("the bytes are not {0}")]
    Encoding(&'static str),
    /// The document declares an encoding that we do not read.
    #[error("unsupported character encoding {0:?}; send UTF-8 or ISO-8859-1")]
    UnsupportedEncoding(String),
    /// A document type definition, which we refuse unread (`SOAP-20`).
    #[error("a DTD is not allowed in a SOAP message")]
    Dtd,
    /// A reference to an entity that XML itself does not define (`SOAP-20`).
    #[error("unknown entity &{0};")]
    Entity(String),
    /// A limit of [`crate::limits`] was exceeded.
    #[error("more than {max} {what}")]
    Limit {
        /// What was counted, with its unit.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The document is XML but not a SOAP 1.1 envelope with one body entry (`SOAP-01`, `SOAP-07`).
    #[error("not a SOAP envelope: {0}")]
    NotSoap(Cow<'static, str>),
    /// A header element that must be understood and is not (`SOAP-12`).
    #[error("header element {0:?} must be understood but is unknown")]
    MustUnderstand(String),
    /// A SOAP fault that does not have the form of `SOAP-14`.
    #[error("the SOAP fault has no CWMP fault detail: {0}")]
    NotCwmpFault(String),
    /// A header of CWMP with a value that cannot be read.
    #[error("header {name} has the invalid value {value:?}")]
    Header {
        /// Name of the header.
        name: &'static str,
        /// Its text.
        value: String,
    },
}

/// A legal message at an illegal moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// The first message of a session was not an Inform (`ACS-01`).
    #[error("{got} before Inform: a session starts with an Inform")]
    BeforeInform {
        /// What came.
        got: &'static str,
    },
    /// A response although nothing was asked (state table of section 12).
    #[error("{got} although no request is outstanding")]
    UnexpectedResponse {
        /// What came.
        got: &'static str,
    },
    /// Something else than the answer to the outstanding request (`ACS-05`, `SES-17`).
    #[error("{got} instead of the answer to {expected}")]
    WrongAnswer {
        /// The request that waits for its answer.
        expected: &'static str,
        /// What came.
        got: &'static str,
    },
    /// An answer with another `ID` than the request had (`SOAP-08`, `SES-17`).
    #[error("the answer to {rpc} carries ID {got:?} instead of {expected:?}")]
    WrongId {
        /// The request that waits for its answer.
        rpc: &'static str,
        /// The ID that was sent.
        expected: String,
        /// The ID that came back.
        got: String,
    },
    /// An RPC that this side never calls.
    #[error("{got} is not a message that the {sender} sends")]
    WrongDirection {
        /// What came.
        got: &'static str,
        /// "ACS" or "CPE".
        sender: &'static str,
    },
    /// No InformResponse in answer to an Inform (`SES-02`).
    #[error("the answer to Inform is {got}")]
    NotInformResponse {
        /// What came.
        got: String,
    },
    /// A protocol version that was not offered (`NEG-08`).
    #[error("the ACS chose CWMP version {0:?}, which was not offered")]
    Version(String),
    /// An HTTP status that ends the session (`HTTP-17`).
    #[error("HTTP status {0}")]
    HttpStatus(u16),
    /// An empty response while a request waits for its answer.
    #[error("an empty response instead of the answer to {expected}")]
    EmptyInsteadOfAnswer {
        /// The request that waits for its answer.
        expected: &'static str,
    },
    /// More redirects than [`crate::limits::REDIRECTS_MAX`] (`HTTP-14`).
    #[error("too many redirects")]
    TooManyRedirects,
    /// A redirect that is not followed (`HTTP-16`), with the reason.
    #[error("redirect to {location:?} not followed: {reason}")]
    Redirect {
        /// The `Location` as sent.
        location: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// Fault 8005 more often than [`crate::limits::RETRY_REQUESTS_MAX`] (`MRB-01`).
    #[error("the ACS asked too often to repeat {0}")]
    TooManyRetries(&'static str),
    /// More messages than [`crate::limits::SESSION_MESSAGES_MAX`].
    #[error("more than {0} messages in one session")]
    TooManyMessages(u32),
    /// The credentials were refused, or the challenge cannot be answered (`AUTH-07`).
    #[error("authentication failed: {0}")]
    Authentication(String),
}

/// A request of our own caller that CWMP does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A message that this role may not send.
    #[error("a {role} does not send {message}")]
    NotSentBy {
        /// "ACS" or "CPE".
        role: &'static str,
        /// The message.
        message: &'static str,
    },
    /// The answer does not belong to the request.
    #[error("{answer} does not answer {request}")]
    NotAnAnswer {
        /// The request.
        request: &'static str,
        /// The answer that was given.
        answer: &'static str,
    },
    /// A member that breaks a limit of the standard.
    #[error("{0}")]
    Invalid(#[from] Violation),
    /// A message that the protocol version in use does not have (`VER-02`).
    #[error("{message} needs CWMP {needs}, the session uses {version}")]
    Version {
        /// The message.
        message: &'static str,
        /// First version that has it.
        needs: crate::version::CwmpVersion,
        /// The version of the session.
        version: crate::version::CwmpVersion,
    },
}

/// A member of a message that breaks a limit of the standard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member} {problem}")]
pub struct Violation {
    /// Name of the member as the standard spells it, such as `CommandKey`.
    pub member: &'static str,
    /// What is wrong with it.
    pub problem: Cow<'static, str>,
}
