//! The file server: what devices load and what they upload.
//!
//! A device reaches a file by a signed URL ([`FileKey`]), which is what the server gives it with
//! Download and Upload. Names are never paths: a file lies under the digest of its bytes, and a
//! name that does not exist is not found, whatever it spells.

mod library;
mod pace;
mod range;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use drover_provision::{FileAction, FileKey, Files};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming as IncomingBody;
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::timeout;
use tracing::{error, info};

pub use library::FilesError;
pub(crate) use library::{FileInfo, Library, Metadata, Rejected};

use crate::config::FilesConfig;
use crate::limits::{FILE_CHUNK_BYTES, FILE_FRAME_SECONDS, FILE_TYPE_UPLOADED};
use crate::meters::{Event, Listener, Meters};
use crate::net::{Handler, chain};
use crate::peer::Peer;
use pace::Pace;
use range::Ranged;

/// The ports of the file server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: Option<u16>,
}

/// What all transfers share.
#[derive(Debug)]
pub(crate) struct FileServer {
    pub(crate) library: Arc<Library>,
    key: FileKey,
    /// What devices are told; `None` for the host by which each has reached us.
    url_prefix: Option<String>,
    /// The ports of this server's URLs when they name that host.
    ports: Ports,
    is_open: bool,
    upload_bytes: u64,
    pace: Pace,
    meters: Arc<Meters>,
}

impl FileServer {
    /// `ports` are those that are listened on.
    pub(crate) fn new(
        config: &FilesConfig,
        library: Library,
        ports: Ports,
        meters: Arc<Meters>,
    ) -> Self {
        Self {
            key: library.key().clone(),
            library: Arc::new(library),
            url_prefix: config.url_prefix(),
            ports,
            is_open: config.open,
            upload_bytes: config.upload_bytes,
            pace: Pace::new(config.bytes_per_second),
            meters,
        }
    }

    /// Where files are for a device that has reached us by this `Host`. One that came by TLS goes
    /// on by TLS if files are served so.
    pub(crate) fn files(&self, host: Option<&str>, is_tls: bool) -> Option<Files> {
        let url_prefix = match &self.url_prefix {
            Some(url_prefix) => url_prefix.clone(),
            None => {
                let (scheme, port) = match self.ports.tls.filter(|_| is_tls) {
                    Some(port) => ("https", port),
                    None => ("http", self.ports.plain),
                };
                format!("{scheme}://{}:{port}/", host_name(host?)?)
            }
        };
        Some(Files { url_prefix, key: Some(self.key.clone()) })
    }

    /// What a request wants, if it may have it.
    fn enter(&self, method: &Method, path: &str, now: Timestamp) -> Result<Wanted, Refused> {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let is_write = matches!(*method, Method::PUT | Method::POST);
        let path = path.strip_prefix('/').unwrap_or(path);
        let signed = |action: FileAction| {
            let (proof, name) =
                path.strip_prefix(action.segment())?.strip_prefix('/')?.split_once('/')?;
            Some((proof, decoded(name)?))
        };
        for (action, fits) in [(FileAction::Download, is_read), (FileAction::Upload, is_write)] {
            let Some((proof, name)) = signed(action) else { continue };
            if !self.key.allows(action, &name, proof, now) {
                // A file may have a name that looks like this.
                continue;
            }
            if !fits {
                let allow = if action == FileAction::Download { "GET, HEAD" } else { "PUT, POST" };
                return Err(Refused::method(allow));
            }
            return Ok(Wanted { action, name });
        }
        let name = decoded(path)
            .ok_or_else(|| Refused::new(StatusCode::BAD_REQUEST, "the path cannot be decoded"))?;
        if !self.is_open {
            let reason = "the URL is not signed, or no longer good";
            return Err(Refused::new(StatusCode::FORBIDDEN, reason));
        }
        if !is_read {
            return Err(Refused::method("GET, HEAD"));
        }
        Ok(Wanted { action: FileAction::Download, name })
    }

    async fn answer(
        self: &Arc<Self>,
        peer: &Peer,
        request: Request<IncomingBody>,
    ) -> Result<Response<Body>, Refused> {
        let wanted = self.enter(request.method(), request.uri().path(), Timestamp::now())?;
        match wanted.action {
            FileAction::Download => {
                let is_head = request.method() == Method::HEAD;
                self.send(peer, &wanted.name, is_head, request.headers()).await
            }
            FileAction::Upload => self.take(peer, wanted.name, request).await,
        }
    }

    async fn send(
        self: &Arc<Self>,
        peer: &Peer,
        name: &str,
        is_head: bool,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Refused> {
        let not_found = || Refused::of(name, StatusCode::NOT_FOUND, "there is no such file");
        let info = self.library.find(name).ok_or_else(not_found)?;
        let tag = info.entity_tag();
        let mut response = Response::new(Body::empty());
        insert(&mut response, ETAG, &tag);
        response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if text(IF_NONE_MATCH).is_some_and(|tags| range::names_tag(tags, &tag)) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        let wanted = text(RANGE).filter(|_| text(IF_RANGE).is_none_or(|known| known == tag));
        let (from, length) = match range::of(wanted, info.length) {
            Ranged::All => (0, info.length),
            Ranged::Part { from, length } => {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let last = from + length - 1;
                let content = format!("bytes {from}-{last}/{}", info.length);
                insert(&mut response, CONTENT_RANGE, &content);
                (from, length)
            }
            Ranged::Nothing => {
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                insert(&mut response, CONTENT_RANGE, &format!("bytes */{}", info.length));
                return Ok(response);
            }
        };
        let kind = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        insert(&mut response, CONTENT_LENGTH, &length.to_string());
        if is_head {
            return Ok(response);
        }
        let mut file = match tokio::fs::File::open(self.library.path_of(&info)).await {
            Ok(file) => file,
            // Another one has just taken its name.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_found()),
            Err(error) => return Err(Refused::broken(name, &error)),
        };
        let sought = file.seek(std::io::SeekFrom::Start(from)).await;
        sought.map_err(|error| Refused::broken(name, &error))?;
        info!(peer = %peer.address, file = name, from, length, "a file is sent");
        self.meters.count(Event::FileSent);
        *response.body_mut() = body(file, length, Arc::clone(self));
        Ok(response)
    }

    async fn take(
        &self,
        peer: &Peer,
        name: String,
        request: Request<IncomingBody>,
    ) -> Result<Response<Body>, Refused> {
        let metadata = Metadata { file_type: FILE_TYPE_UPLOADED.to_owned(), ..Metadata::default() };
        let body = Body::new(request.into_body());
        let stored = receive(&self.library, name.clone(), metadata, body, self.upload_bytes).await;
        let info = stored.map_err(|rejected| Refused::rejected(&name, &rejected))?;
        info!(peer = %peer.address, file = info.name, length = info.length, "a file was uploaded");
        self.meters.count(Event::FileReceived);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::CREATED;
        Ok(response)
    }
}

/// Stores what a body brings, if it is not too much and does not stop.
pub(crate) async fn receive(
    library: &Arc<Library>,
    name: String,
    metadata: Metadata,
    mut body: Body,
    bytes_max: u64,
) -> Result<Arc<FileInfo>, Rejected> {
    let mut incoming = library.begin(name, metadata).await?;
    let patience = Duration::from_secs(FILE_FRAME_SECONDS);
    loop {
        let frame = timeout(patience, body.frame()).await.map_err(|_| Rejected::TooSlow)?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| Rejected::Lost(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if incoming.length().saturating_add(data.len() as u64) > bytes_max {
            return Err(Rejected::TooLarge(bytes_max));
        }
        incoming.write(&data).await?;
    }
    incoming.finish().await
}

/// The bytes of a file as they are asked for: at no time more than a chunk of it in memory.
fn body(file: tokio::fs::File, length: u64, server: Arc<FileServer>) -> Body {
    let chunks = stream::try_unfold((file, length), move |(mut file, left)| {
        let server = Arc::clone(&server);
        async move {
            if left == 0 {
                return Ok(None);
            }
            let size = usize::try_from(left).unwrap_or(usize::MAX).min(FILE_CHUNK_BYTES);
            server.pace.take(size).await;
            let mut chunk = vec![0; size];
            if let Err(error) = file.read_exact(&mut chunk).await {
                error!(error = %chain(&error), "a file cannot be read");
                return Err(error);
            }
            Ok(Some((Bytes::from(chunk), (file, left - size as u64))))
        }
    });
    Body::from_stream(chunks)
}

fn insert(response: &mut Response<Body>, name: hyper::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What a request is about.
#[derive(Debug)]
struct Wanted {
    action: FileAction,
    name: String,
}

/// A request that gets nothing.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    file: String,
    reason: String,
    allow: Option<&'static str>,
}

impl Refused {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, file: String::new(), reason: reason.into(), allow: None }
    }

    fn of(name: &str, status: StatusCode, reason: impl Into<String>) -> Self {
        let file = name.chars().take(200).collect();
        Self { status, file, reason: reason.into(), allow: None }
    }

    fn method(allow: &'static str) -> Self {
        let reason = format!("only {allow} may do this");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, reason) }
    }

    fn rejected(name: &str, rejected: &Rejected) -> Self {
        Self::of(name, rejected.status(), chain(rejected))
    }

    fn broken(name: &str, error: &std::io::Error) -> Self {
        error!(file = name, error = %chain(error), "a file cannot be read");
        Self::of(name, StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
    }

    fn into_response(self, peer: &Peer) -> Response<Body> {
        let Self { status, file, reason, allow } = self;
        info!(peer = %peer.address, status = status.as_u16(), file, reason, "file refused");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        if let Some(allow) = allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// Answers the requests of devices for files.
#[derive(Debug, Clone)]
pub(crate) struct FilesHandler(pub(crate) Arc<FileServer>);

impl Handler for FilesHandler {
    type Body = Body;

    async fn handle(&self, peer: Arc<Peer>, request: Request<IncomingBody>) -> Response<Body> {
        let answer = self.0.answer(&peer, request).await;
        answer.unwrap_or_else(|refused| {
            self.0.meters.refuse(Listener::Files, refused.status.as_u16());
            refused.into_response(&peer)
        })
    }
}

/// The text of percent-encoded UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The name or address of a `Host` header without its port, if it can stand in a URL.
fn host_name(host: &str) -> Option<&str> {
    let name = match host.strip_prefix('[') {
        Some(rest) => &host[..=rest.find(']')? + 1],
        None => host.split(':').next()?,
    };
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (!name.is_empty() && name.len() <= 253 && name.chars().all(is_legal)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_the_one_that_the_device_knows() {
        for (host, name) in [
            ("acs.example", Some("acs.example")),
            ("acs.example:7547", Some("acs.example")),
            ("192.0.2.1:7547", Some("192.0.2.1")),
            ("[2001:db8::1]:7547", Some("[2001:db8::1]")),
            ("[2001:db8::1]", Some("[2001:db8::1]")),
            ("[2001:db8::1", None),
            ("", None),
            (":7547", None),
            ("a/b", None),
            ("user@acs", None),
            ("a b", None),
        ] {
            assert_eq!(host_name(host), name, "{host}");
        }
    }

    #[test]
    fn names_are_decoded_once() {
        for (text, name) in [
            ("a", Some("a")),
            ("a%20b%2Fc", Some("a b/c")),
            ("%2525", Some("%25")),
            ("%C3%BC", Some("ü")),
            ("%FF", None),
            ("%", None),
            ("%4", None),
            ("%+1", None),
        ] {
            assert_eq!(decoded(text).as_deref(), name, "{text}");
        }
    }
}
