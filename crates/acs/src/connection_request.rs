//! Asking a device to start a session: HTTP GET with digest (TR-069a6 §3.2.2, `CR-02`, `CR-12`).
//!
//! The servers on devices are odd (quirks 29 to 32), so this is a client of its own: it judges by
//! the status line, opens a new connection for every request, holds none open, follows no redirect
//! and returns nothing of what the device sent.

mod answer;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use drover_cwmp::HttpUrl;
use drover_cwmp::auth::{ChallengeOutcome, ClientAuth, ClientAuthError, Credentials};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::debug;

use crate::entropy;
use crate::limits::{
    CONNECTION_REQUEST_BYTES_MAX, CONNECTION_REQUEST_SILENCE_MILLISECONDS,
    CONNECTION_REQUEST_TRIES_MAX, CONNECTION_REQUESTS_MAX,
};
use answer::Answer;

/// Why a device was not reached. The texts are those that clients of the northbound interface know.
///
/// Even then a session may follow: a failure says nothing about success (`CR-11`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionRequestError {
    /// Nothing listens there, or nothing came back in time.
    #[error("Device is offline")]
    Offline,
    /// The device refused user name or password.
    #[error("Incorrect connection request credentials")]
    Credentials,
    /// The device asks for basic, which is not allowed by configuration.
    #[error("Basic HTTP authentication not allowed")]
    BasicNotAllowed,
    /// The device has told no URL, or one that is not plain HTTP (`CR-03`).
    #[error("Invalid connection request URL: {0}")]
    Url(String),
    /// The device is in a session or has had too many requests (`CR-09`, `CR-10`).
    #[error("Connection request error: the device is busy (status 503)")]
    Busy,
    /// The device answered with another status.
    #[error("Connection request error: unexpected response status {0}")]
    Status(u16),
    /// The device answered with something else than HTTP.
    #[error("Connection request error: the answer is not HTTP")]
    NotHttp,
    /// The device offers no authentication that we know.
    #[error("Connection request error: unsupported authentication")]
    Authentication,
    /// The system has no randomness for the client nonce.
    #[error("Connection request error: {0}")]
    Entropy(#[from] entropy::NoEntropy),
}

/// Sends connection requests, one at a time to each device.
#[derive(Debug)]
pub struct ConnectionRequester {
    timeout: Duration,
    allow_basic: bool,
    all: Semaphore,
    devices: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl ConnectionRequester {
    /// A client that gives each request `timeout` and answers challenges for basic only if
    /// `allow_basic`.
    pub fn new(timeout: Duration, allow_basic: bool) -> Self {
        let all = Semaphore::new(CONNECTION_REQUESTS_MAX);
        Self { timeout, allow_basic, all, devices: Mutex::default() }
    }

    /// Asks `device` at `url`; returns when it has accepted.
    ///
    /// A second request to the same device waits for the first: some devices serve one connection
    /// at a time (quirk 32).
    ///
    /// # Errors
    /// [`ConnectionRequestError`], whose text is the reason for clients.
    pub async fn send(
        &self,
        device: &str,
        url: &str,
        credentials: &Credentials,
    ) -> Result<(), ConnectionRequestError> {
        let url = parse_url(url)?;
        let turn = self.turn(device);
        let _turn = turn.lock().await;
        // The semaphore is never closed.
        let _permit = self.all.acquire().await;
        let mut auth = ClientAuth::new(credentials.clone(), self.allow_basic);
        let result = timeout(self.timeout, ask(&url, &mut auth)).await;
        let result = result.unwrap_or(Err(ConnectionRequestError::Offline));
        debug!(device, result = ?result, "connection request");
        result
    }

    fn turn(&self, device: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = devices.get(device).and_then(Weak::upgrade) {
            return turn;
        }
        devices.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        devices.insert(device.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

fn parse_url(text: &str) -> Result<HttpUrl, ConnectionRequestError> {
    let invalid = |why: String| ConnectionRequestError::Url(why);
    if text.trim().is_empty() {
        return Err(invalid("the device has told none".to_owned()));
    }
    let url: HttpUrl = text.parse().map_err(|error| invalid(format!("{error}")))?;
    if url.is_https() {
        return Err(invalid("only http is supported".to_owned()));
    }
    Ok(url)
}

/// Asks once, and again with credentials as long as the device challenges with new nonces.
async fn ask(url: &HttpUrl, auth: &mut ClientAuth) -> Result<(), ConnectionRequestError> {
    for _ in 0..CONNECTION_REQUEST_TRIES_MAX {
        let cnonce = entropy::token()?.to_string();
        let authorization = auth.authorization("GET", url.target(), &cnonce);
        let answer = exchange(url, authorization.as_deref()).await?;
        match answer.status {
            // Any redirect counts as accepted and is not followed (quirk 29).
            200..=399 => return Ok(()),
            401 => challenge(auth, &answer)?,
            503 => return Err(ConnectionRequestError::Busy),
            status => return Err(ConnectionRequestError::Status(status)),
        }
    }
    Err(ConnectionRequestError::Credentials)
}

fn challenge(auth: &mut ClientAuth, answer: &Answer) -> Result<(), ConnectionRequestError> {
    let challenges: Vec<&str> = answer.challenges.iter().map(String::as_str).collect();
    match auth.handle_challenge(&challenges) {
        ChallengeOutcome::Answer => Ok(()),
        ChallengeOutcome::Failed(ClientAuthError::BasicNotAllowed) => {
            Err(ConnectionRequestError::BasicNotAllowed)
        }
        ChallengeOutcome::Failed(ClientAuthError::Unsupported) => {
            Err(ConnectionRequestError::Authentication)
        }
        ChallengeOutcome::Failed(_) => Err(ConnectionRequestError::Credentials),
    }
}

async fn exchange(
    url: &HttpUrl,
    authorization: Option<&str>,
) -> Result<Answer, ConnectionRequestError> {
    let offline = |_: io::Error| ConnectionRequestError::Offline;
    let mut stream = TcpStream::connect((url.host(), url.port())).await.map_err(offline)?;
    let request = request_text(url, authorization);
    stream.write_all(request.as_bytes()).await.map_err(offline)?;
    let bytes = receive(&mut stream).await.map_err(offline)?;
    if bytes.is_empty() {
        return Err(ConnectionRequestError::Offline);
    }
    Answer::read(&bytes).ok_or(ConnectionRequestError::NotHttp)
}

fn request_text(url: &HttpUrl, authorization: Option<&str>) -> String {
    let (target, host) = (url.target(), url.authority());
    let authorization =
        authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Drover\r\n{authorization}\
         Connection: close\r\n\r\n"
    )
}

/// Reads until the head is complete, the device closes or falls silent, or enough has come.
async fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let silence = Duration::from_millis(CONNECTION_REQUEST_SILENCE_MILLISECONDS);
    let mut bytes = Vec::new();
    let mut buffer = [0; 2048];
    while !answer::is_complete(&bytes) && bytes.len() < CONNECTION_REQUEST_BYTES_MAX {
        let read = stream.read(&mut buffer);
        let count = if answer::has_status(&bytes) {
            // What is there may be all there is: some answers end without a blank line.
            timeout(silence, read).await.unwrap_or(Ok(0))
        } else {
            read.await
        };
        match count {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            // A reset after the status line does not take it back.
            Err(_) if answer::has_status(&bytes) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
