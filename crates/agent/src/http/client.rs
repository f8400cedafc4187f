//! The client's side: one connection, one request at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use drover_cwmp::HttpUrl;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::limits::{
    ACS_ADDRESSES_MAX, CONNECT_TIMEOUT, RESOLVE_TIMEOUT, RESPONSE_BODY_BYTES_MAX,
    RESPONSE_HEAD_BYTES_MAX, RESPONSE_HEADERS_MAX, RESPONSE_TIMEOUT,
};

/// An exchange with the ACS failed below CWMP.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The name of the ACS has no address.
    #[error("cannot resolve {host}: check the URL of the ACS and the name server")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No address of the ACS accepts a connection.
    #[error("cannot connect to {server}")]
    Connect {
        /// Host and port.
        server: String,
        /// Why the last address failed.
        source: io::Error,
    },
    /// TLS is not built in.
    #[error("https is not supported by this version of the agent: give the ACS an http URL")]
    Tls,
    /// A header value holds characters that HTTP does not allow.
    #[error("the value of the header {name} cannot be sent")]
    Header {
        /// Which header.
        name: &'static str,
    },
    /// The path of the URL holds characters that HTTP does not allow.
    #[error("the URL {target} cannot be requested: escape its special characters with %")]
    Target {
        /// The URL.
        target: String,
    },
    /// The answer is not HTTP, or the connection broke while it was awaited.
    #[error("no valid HTTP answer from {server}")]
    Exchange {
        /// Host and port.
        server: String,
        /// What hyper says.
        source: hyper::Error,
    },
    /// The body of the answer broke off or is too large.
    #[error("cannot read the body of the answer of {server}, at most {limit} bytes of it")]
    Body {
        /// Host and port.
        server: String,
        /// The largest body, in bytes.
        limit: usize,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time (HTTP-19).
    #[error("no answer from {server} within {seconds} s")]
    Timeout {
        /// Host and port.
        server: String,
        /// How long it was awaited.
        seconds: u64,
    },
}

/// The answer to a POST.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// All values of a header that are UTF-8, in order.
    pub fn header_values(&self, name: HeaderName) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.filter_map(|value| str::from_utf8(value.as_bytes()).ok()).collect()
    }
}

/// A client for one session: it keeps its connection for as long as the server does.
#[derive(Debug, Default)]
pub struct HttpClient {
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    target: HttpUrl,
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HttpClient {
    /// A client without a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a POST (HTTP-02) and reads the whole answer. `Host` and `Content-Length` are added to
    /// `headers`; `entropy` is random and chooses among the addresses of the server.
    ///
    /// The connection of the last exchange is used again if it leads to the same server and still
    /// stands (HTTP-10). When the server closed it without an answer, which is what happens when it
    /// gives up an idle connection at that very moment, the same request is sent once more on a
    /// new one (SES-18).
    ///
    /// # Errors
    /// [`HttpError`]; the connection is closed then.
    pub async fn post(
        &mut self,
        target: &HttpUrl,
        headers: &[(&'static str, String)],
        body: &[u8],
        entropy: u64,
    ) -> Result<Response, HttpError> {
        if target.is_https() {
            return Err(HttpError::Tls);
        }
        let request = Request { target, headers, body: Bytes::copy_from_slice(body) };
        let mut kept = self.connection.take().filter(|kept| kept.serves(target));
        if let Some(connection) = &mut kept {
            match connection.exchange(&request).await {
                Err(HttpError::Exchange { source, .. }) if was_closed_idle(&source) => kept = None,
                result => return self.keep(kept, result),
            }
        }
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(target, entropy).await?,
        };
        let result = connection.exchange(&request).await;
        self.keep(Some(connection), result)
    }

    /// Closes the connection, as the end of a session asks for (SES-12).
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// Keeps the connection for the next exchange, unless this one failed.
    fn keep(
        &mut self,
        connection: Option<Connection>,
        result: Result<Response, HttpError>,
    ) -> Result<Response, HttpError> {
        if result.is_ok() {
            self.connection = connection;
        }
        result
    }
}

/// The connection was closed before the answer was complete.
fn was_closed_idle(error: &hyper::Error) -> bool {
    error.is_canceled() || error.is_incomplete_message() || error.is_closed()
}

impl Connection {
    async fn open(target: &HttpUrl, entropy: u64) -> Result<Self, HttpError> {
        let stream = connect(target, entropy).await?;
        let failed = |source| HttpError::Exchange { server: target.authority(), source };
        let (sender, connection) = Builder::new()
            .max_headers(RESPONSE_HEADERS_MAX)
            .max_buf_size(RESPONSE_HEAD_BYTES_MAX)
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        let task = tokio::spawn(async move {
            // The error also reaches the exchange that waits, which reports it.
            let _ = connection.await;
        });
        Ok(Self { target: target.clone(), sender, task })
    }

    fn serves(&self, target: &HttpUrl) -> bool {
        self.target.same_server(target) && !self.sender.is_closed()
    }

    async fn exchange(&mut self, request: &Request<'_>) -> Result<Response, HttpError> {
        let server = request.target.authority();
        let failed = |source| HttpError::Exchange { server: server.clone(), source };
        let late =
            |_| HttpError::Timeout { server: server.clone(), seconds: RESPONSE_TIMEOUT.as_secs() };
        let message = request.message()?;
        // The connection may have been closed, or still be busy with the last answer.
        self.sender.ready().await.map_err(failed)?;
        let sent = self.sender.send_request(message);
        let response = timeout(RESPONSE_TIMEOUT, sent).await.map_err(late)?.map_err(failed)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, RESPONSE_BODY_BYTES_MAX).collect();
        let body = timeout(RESPONSE_TIMEOUT, body).await.map_err(late)?.map_err(|source| {
            HttpError::Body { server: server.clone(), limit: RESPONSE_BODY_BYTES_MAX, source }
        })?;
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }
}

/// A POST that may have to be sent twice.
struct Request<'a> {
    target: &'a HttpUrl,
    headers: &'a [(&'static str, String)],
    body: Bytes,
}

impl Request<'_> {
    fn message(&self) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
        let mut message = hyper::Request::new(Full::new(self.body.clone()));
        *message.method_mut() = hyper::Method::POST;
        let unusable = |_| HttpError::Target { target: self.target.to_string() };
        *message.uri_mut() = self.target.target().parse().map_err(unusable)?;
        let headers = message.headers_mut();
        headers.insert(HOST, header_value("Host", &self.target.authority())?);
        for (name, value) in self.headers {
            let value = header_value(name, value)?;
            let known = HeaderName::from_bytes(name.as_bytes());
            headers.append(known.map_err(|_| HttpError::Header { name })?, value);
        }
        // hyper leaves it out for an empty body, but an empty POST has it (HTTP-05).
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        Ok(message)
    }
}

fn header_value(name: &'static str, value: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| HttpError::Header { name })
}

/// Connects to the first address of the target that answers, beginning at a random one (DISC-09).
async fn connect(target: &HttpUrl, entropy: u64) -> Result<TcpStream, HttpError> {
    let addresses = resolve(target).await?;
    let server = target.authority();
    let start = usize::try_from(entropy % addresses.len() as u64).unwrap_or(0);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.iter().cycle().skip(start).take(addresses.len()) {
        match connect_one(*address, CONNECT_TIMEOUT).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(HttpError::Connect { server, source: last })
}

/// The addresses of the target, at least one.
pub(super) async fn resolve(target: &HttpUrl) -> Result<Vec<SocketAddr>, HttpError> {
    let failed = |source| HttpError::Resolve { host: target.host().to_owned(), source };
    let lookup = tokio::net::lookup_host((target.host(), target.port()));
    let found = timeout(RESOLVE_TIMEOUT, lookup)
        .await
        .map_err(|_| failed(io::ErrorKind::TimedOut.into()))?
        .map_err(failed)?;
    let addresses: Vec<SocketAddr> = found.take(ACS_ADDRESSES_MAX).collect();
    if addresses.is_empty() {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

async fn connect_one(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = timeout(patience, TcpStream::connect(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // Each message is written at once and then awaited; waiting to fill a packet only delays it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
