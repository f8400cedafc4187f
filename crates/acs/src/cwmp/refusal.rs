//! Requests that get another answer than a device hopes for.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Response, StatusCode};
use tracing::{debug, info, warn};

use super::auth::Denied;
use super::body::BodyError;
use super::close;
use crate::limits::RETRY_AFTER_SECONDS;
use crate::meters::{Event, Listener, Meters};
use crate::peer::Peer;

/// A status, and for the log why.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    closes: bool,
    /// Whether credentials were wrong.
    pub(super) is_guess: bool,
    /// Whether it is how the server bears a storm, and no news.
    is_planned: bool,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            status,
            reason,
            headers: Vec::new(),
            closes: false,
            is_guess: false,
            is_planned: false,
        }
    }

    /// Another method than POST (`HTTP-18`).
    pub(super) fn method(method: &Method) -> Self {
        let mut refusal = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("method {method}; only POST is served"),
        );
        refusal.headers.push((ALLOW, HeaderValue::from_static("POST")));
        refusal
    }

    /// Another path than the configured one (`HTTP-18`).
    pub(super) fn path(path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::new(StatusCode::NOT_FOUND, format!("path {path:?} is not served"))
    }

    /// No credentials, or wrong ones (`AUTH-05`), too often (`SEC-02`).
    pub(super) fn denied(denied: Denied) -> Self {
        if let Some(wait) = denied.retry_after {
            let busy = Self::busy(denied.reason, wait);
            return Self { is_guess: denied.is_guess, is_planned: false, ..busy };
        }
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, denied.reason);
        let values = denied.challenges.into_iter().filter_map(|text| text.try_into().ok());
        refusal.headers.extend(values.map(|value| (WWW_AUTHENTICATE, value)));
        refusal.is_guess = denied.is_guess;
        refusal
    }

    /// Something that CWMP does not allow.
    pub(super) fn status(status: u16, reason: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, reason).and_close()
    }

    /// No room, or the store cannot take it: the device should come again (`ACS-13`).
    pub(super) fn overload(reason: impl Into<String>) -> Self {
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, reason);
        refusal.headers.push((RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS)));
        refusal
    }

    /// As many sessions as the server can work on: the device should come again then (`ACS-13`).
    pub(super) fn busy(reason: impl Into<String>, retry_after: Duration) -> Self {
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, reason);
        let seconds =
            retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() > 0));
        refusal.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        refusal.is_planned = true;
        refusal
    }

    /// Our own mistake.
    pub(super) fn internal(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, reason).and_close()
    }

    pub(super) const fn and_close(mut self) -> Self {
        self.closes = true;
        self
    }

    /// One line with the peer's address. Being asked for credentials is how sessions begin, so that
    /// is no news.
    pub(super) fn log(&self, peer: &Peer) {
        let (peer, status, reason) = (peer.address, self.status.as_u16(), self.reason.as_str());
        if self.status == StatusCode::UNAUTHORIZED && !self.is_guess {
            debug!(%peer, status, reason, "credentials asked for");
        } else if self.is_planned {
            info!(%peer, status, reason, "session put off");
        } else if self.status.is_server_error() {
            warn!(%peer, status, reason, "request refused");
        } else {
            info!(%peer, status, reason, "request refused");
        }
    }

    /// Being asked for credentials is how sessions begin and is not counted.
    pub(super) fn count(&self, meters: &Meters) {
        if self.is_guess {
            meters.count(Event::WrongCredentials);
        }
        if self.is_planned {
            meters.count(Event::SessionPutOff);
        } else if self.status != StatusCode::UNAUTHORIZED || self.is_guess {
            meters.refuse(Listener::Cwmp, self.status.as_u16());
        }
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        if self.closes {
            close(&mut response);
        }
        response
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let reason = error.to_string();
        let status = match error {
            BodyError::TooLarge(_) | BodyError::InflatesTooLarge(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            BodyError::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::Inflate(_) | BodyError::NotXml(_) | BodyError::Lost(_) => {
                StatusCode::BAD_REQUEST
            }
            BodyError::Overload => return Self::overload(reason).and_close(),
        };
        // What follows on the connection is the rest of the body, or unknown.
        Self::new(status, reason).and_close()
    }
}
