//! The client's side of HTTP: one connection for one session.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use drover_cwmp::HttpUrl;
use drover_cwmp::session::cpe::{HttpPost, HttpResponse};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{
    CONTENT_LENGTH, HOST, HeaderMap, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::limits::{CONNECT_TIMEOUT, RESPONSE_BODY_BYTES_MAX, RESPONSE_TIMEOUT, RETRY_AFTER_MAX};

/// What kept an answer from coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// No connection came about.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke, or what came was not HTTP.
    Broken,
    /// The answer is larger than is read.
    TooLarge,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Timeout => "timeout",
            Self::Broken => "connection broken",
            Self::TooLarge => "answer too large",
        })
    }
}

/// An answer of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// When the device should come again, if the server has no room for it now (`RETRY-07`).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let header = self.headers.get(RETRY_AFTER).filter(|_| self.status == 503)?;
        let seconds: u64 = header.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
    }

    pub(crate) fn as_response(&self) -> HttpResponse<'_> {
        let all = |name| {
            let values = self.headers.get_all(name).iter();
            values.filter_map(|value| str::from_utf8(value.as_bytes()).ok()).collect::<Vec<_>>()
        };
        HttpResponse {
            status: self.status,
            www_authenticate: all(WWW_AUTHENTICATE),
            set_cookie: all(SET_COOKIE),
            location: all(LOCATION).first().copied(),
            body: &self.body,
        }
    }
}

/// Makes the POSTs of one session, on one connection for as long as the server lets it.
#[derive(Debug, Default)]
pub(crate) struct Client {
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    server: HttpUrl,
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    pub(crate) async fn post(&mut self, post: HttpPost) -> Result<Answer, Trouble> {
        let mut connection = self.connection(&post.url).await?;
        let answer = timeout(RESPONSE_TIMEOUT, exchange(&mut connection.sender, post)).await;
        let answer = answer.unwrap_or(Err(Trouble::Timeout))?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// The connection of the session, or a new one where the server closed it or the session was
    /// redirected (`HTTP-10`, `HTTP-13`).
    async fn connection(&mut self, url: &HttpUrl) -> Result<Connection, Trouble> {
        if let Some(mut connection) = self.connection.take()
            && connection.server.same_server(url)
            && connection.sender.ready().await.is_ok()
        {
            return Ok(connection);
        }
        let connected = timeout(CONNECT_TIMEOUT, connect(url)).await;
        connected.unwrap_or(Err(Trouble::Connect))
    }
}

async fn connect(url: &HttpUrl) -> Result<Connection, Trouble> {
    let stream = TcpStream::connect((url.host(), url.port())).await;
    let stream = stream.map_err(|_| Trouble::Connect)?;
    stream.set_nodelay(true).map_err(|_| Trouble::Connect)?;
    let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Connect)?;
    // How the connection ends shows in the answer that does not come.
    let task = tokio::spawn(async move { drop(driver.await) });
    Ok(Connection { server: url.clone(), sender, task: task.abort_handle() })
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    post: HttpPost,
) -> Result<Answer, Trouble> {
    let mut request = Request::post(post.url.target()).header(HOST, post.url.authority());
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    let request = request
        .header(CONTENT_LENGTH, post.body.len())
        .body(Full::new(Bytes::from(post.body)))
        .map_err(|_| Trouble::Broken)?;
    let response = sender.send_request(request).await.map_err(|_| Trouble::Broken)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, RESPONSE_BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            Trouble::TooLarge
        } else {
            Trouble::Broken
        }
    })?;
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
}
