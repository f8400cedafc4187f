//! TR-069 (CWMP) without I/O: messages, SOAP codec, both session machines, events, retry and HTTP
//! authentication.
//!
//! Nothing here opens a socket, reads a clock, spawns or draws randomness: bytes, time and entropy
//! are arguments. The same machines therefore run in the server, in the agent, in the simulator and
//! under a simulated clock in tests.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod auth;
pub mod cookie;
mod datetime;
mod envelope;
mod error;
pub mod event;
mod fault;
pub mod limits;
pub mod message;
pub mod path;
pub mod retry;
pub mod session;
pub mod stun;
mod tolerated;
mod url;
mod value;
pub mod version;
mod xml;

pub use datetime::{DateTime, NotADateTime};
pub use envelope::{Envelope, Header, Parsed, is_empty_body};
pub use error::{Error, Malformed, MalformedKind, Misuse, PeerMisbehaved, Violation};
pub use fault::{Fault, FaultCode, FaultSide, SetParameterValuesFault};
pub use message::Message;
pub use tolerated::{Tolerated, ToleratedList};
pub use url::{HttpUrl, UrlError};
pub use value::{Value, ValueType, decode_base64, encode_base64, parse_boolean, parse_integer};
pub use version::{CwmpNamespace, CwmpVersion};
pub use xml::{Masked, mask_secrets};
