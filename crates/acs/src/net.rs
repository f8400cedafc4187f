//! Listening sockets and HTTP/1 connections, for devices and for the northbound interface alike.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info, warn};

use crate::config::ProxyConfig;
use crate::limits::{
    ACCEPT_PAUSE_MILLISECONDS, HANDSHAKE_SECONDS_MAX, HEAD_BYTES_MAX, HEADERS_MAX,
    LINGER_SECONDS_MAX, REFUSED_CONNECTIONS_MAX, RETRY_AFTER_SECONDS, SHUTDOWN_SECONDS_MAX,
};
use crate::peer::{Counted, Peer};
use crate::proxy::{Origin, read_header};
use crate::tls::{Tls, common_name};

/// Answers the requests of connections.
pub(crate) trait Handler: Clone + Send + Sync + 'static {
    /// The body of the answers.
    type Body: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;

    /// Answers one request. Dropped when the connection breaks.
    fn handle(
        &self,
        peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// The connection is over.
    fn closed(&self, _peer: &Peer) {}
}

/// How one listener treats its connections.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPolicy {
    /// Connections held at one time.
    pub(crate) connections_max: usize,
    /// Time for the head of the first request.
    pub(crate) head_timeout: Duration,
    /// Whether header names are written like `Content-Length`, which old devices expect.
    pub(crate) title_case: bool,
    /// The proxies that are believed.
    pub(crate) proxies: Arc<ProxyConfig>,
}

/// Serves `listener` until `stop` turns true; then lets requests in progress finish.
pub(crate) async fn serve<H: Handler>(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    policy: ConnectionPolicy,
    handler: H,
    mut stop: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(policy.connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSED_CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = tasks.join_next() => {}
            accepted = accept(&listener) => {
                let (stream, address) = accepted;
                if let Ok(permit) = connections.clone().try_acquire_owned() {
                    let (handler, stop, policy) = (handler.clone(), stop.clone(), policy.clone());
                    let acceptor = tls.as_ref().map(|tls| tls.acceptor());
                    tasks.spawn(async move {
                        meet(stream, address, acceptor, policy, handler, stop).await;
                        drop(permit);
                    });
                } else {
                    warn!(peer = %address, reason = "too many connections", "connection refused");
                    // Who expects TLS would not understand.
                    if tls.is_none()
                        && let Ok(permit) = refusals.clone().try_acquire_owned()
                    {
                        tasks.spawn(refuse(stream, permit));
                    }
                }
            }
        }
    }
    drop(listener);
    let all = async { while tasks.join_next().await.is_some() {} };
    let grace = Duration::from_secs(SHUTDOWN_SECONDS_MAX);
    if timeout(grace, all).await.is_err() {
        warn!("requests are cut off: they took longer than {SHUTDOWN_SECONDS_MAX} s to finish");
    }
}

/// Returns when the server is to stop, or nobody is left who could say so.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Replies are small and each is waited for.
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                warn!(%error, "no connection can be accepted; check the limit of open files");
                sleep(Duration::from_millis(ACCEPT_PAUSE_MILLISECONDS)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Finds out who is there, then answers.
async fn meet<H: Handler>(
    mut stream: TcpStream,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    policy: ConnectionPolicy,
    handler: H,
    mut stop: watch::Receiver<bool>,
) {
    let mut peer = Peer::new(address, policy.head_timeout, acceptor.is_some());
    if policy.proxies.protocol && policy.proxies.trusts(address.ip()) {
        let header = tokio::select! {
            header = timeout(policy.head_timeout, read_header(&mut stream)) => header,
            () = stopped(&mut stop) => return,
        };
        match header {
            Ok(Ok(Some(origin))) => peer = peer.behind(origin),
            Ok(Ok(None)) => {}
            Ok(Err(reason)) => {
                info!(peer = %address, reason, "refused");
                return;
            }
            Err(_) => {
                let reason = "the header of the PROXY protocol took too long";
                info!(peer = %address, reason, "refused");
                return;
            }
        }
    }
    let Some(acceptor) = acceptor else {
        return drive(stream, policy, Arc::new(peer), handler, stop).await;
    };
    let stream = tokio::select! {
        stream = greet(acceptor, stream, &peer) => stream,
        () = stopped(&mut stop) => return,
    };
    if let Some(stream) = stream {
        let certificates = stream.get_ref().1.peer_certificates();
        peer.certificate = certificates.and_then(|chain| common_name(chain.first()?));
        drive(stream, policy, Arc::new(peer), handler, stop).await;
    }
}

impl ProxyConfig {
    /// Who has sent a request that a proxy passes on. Many devices may share its connection, so
    /// each request stands for itself, and a session is found by its cookie alone.
    fn origin(&self, peer: &Peer, request: &Request<Incoming>) -> Option<Arc<Peer>> {
        if !self.headers || !self.trusts(peer.address.ip()) {
            return None;
        }
        let origin = Origin::of_headers(request.headers(), &self.trusted)?;
        Some(Arc::new(peer.anew().behind(origin)))
    }
}

/// Says 503 to a connection for which there is no room.
async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_AFTER_SECONDS}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        linger(stream).await;
    }
}

/// Shakes hands with a peer that wants TLS.
async fn greet(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: &Peer,
) -> Option<TlsStream<TcpStream>> {
    let address = peer.address;
    match timeout(Duration::from_secs(HANDSHAKE_SECONDS_MAX), acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        // A port that is looked at and left.
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            debug!(peer = %address, %error, "disconnected");
            None
        }
        Ok(Err(error)) => {
            info!(peer = %address, reason = %chain(&error), "TLS handshake failed");
            None
        }
        Err(_) => {
            info!(peer = %address, reason = "it took too long", "TLS handshake failed");
            None
        }
    }
}

async fn drive<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, H: Handler>(
    stream: S,
    policy: ConnectionPolicy,
    peer: Arc<Peer>,
    handler: H,
    stop: watch::Receiver<bool>,
) {
    debug!(peer = %peer.address, "connected");
    let io = TokioIo::new(Counted::new(stream, Arc::clone(&peer)));
    let proxies = Arc::clone(&policy.proxies);
    let service = service_fn(|request| {
        let (handler, peer) = (handler.clone(), Arc::clone(&peer));
        let proxies = Arc::clone(&proxies);
        Box::pin(async move {
            peer.start_request();
            let from = proxies.origin(&peer, &request);
            let response = handler.handle(from.unwrap_or_else(|| peer.clone()), request).await;
            peer.finish_request();
            Ok::<_, Infallible>(response)
        })
    });
    let mut connection = builder(&policy).serve_connection(io, service);
    let end = until_end(&mut connection, &peer, stop).await;
    report(&peer, &end);
    handler.closed(&peer);
    linger(connection.into_parts().io.into_inner().into_inner()).await;
}

fn builder(policy: &ConnectionPolicy) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // The time for a head is kept by `until_end`, which knows about sessions.
        .header_read_timeout(None)
        .half_close(true)
        .title_case_headers(policy.title_case)
        .ignore_invalid_headers(true)
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX);
    builder
}

/// How a connection came to its end.
enum End {
    /// One side closed it between two requests.
    Closed,
    /// What came was not HTTP, or the connection broke.
    Broken(hyper::Error),
    /// The peer was silent, or too slow with the head of a request.
    TimedOut,
    /// The server stops.
    Stopped,
}

/// A connection of hyper that does not close the socket itself.
trait Drivable {
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>>;
    fn stop(&mut self);
}

impl<I, S, B> Drivable for http1::Connection<I, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B> + Unpin,
    S::Future: Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.poll_without_shutdown(context)
    }

    fn stop(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

async fn until_end(
    connection: &mut impl Drivable,
    peer: &Peer,
    mut stop: watch::Receiver<bool>,
) -> End {
    let mut stopping = pin!(stopped(&mut stop));
    let mut is_stopping = false;
    let mut sleep = pin!(sleep_until(Instant::now()));
    poll_fn(|context| {
        if let Poll::Ready(result) = connection.poll_end(context) {
            return Poll::Ready(result.map_or_else(End::Broken, |()| End::Closed));
        }
        if !is_stopping && stopping.as_mut().poll(context).is_ready() {
            is_stopping = true;
            connection.stop();
            if let Poll::Ready(result) = connection.poll_end(context) {
                return Poll::Ready(result.map_or_else(End::Broken, |()| End::Stopped));
            }
        }
        match peer.deadline() {
            // Nothing is in progress that should be waited for.
            Some(_) if is_stopping => Poll::Ready(End::Stopped),
            Some(deadline) => poll_deadline(sleep.as_mut(), deadline, context),
            None => Poll::Pending,
        }
    })
    .await
}

fn poll_deadline(
    mut sleep: Pin<&mut Sleep>,
    deadline: Instant,
    context: &mut Context<'_>,
) -> Poll<End> {
    if sleep.deadline() != deadline {
        sleep.as_mut().reset(deadline);
    }
    sleep.poll(context).map(|()| End::TimedOut)
}

/// One line for what was refused. A connection without a single byte is normal (quirk 2).
fn report(peer: &Peer, end: &End) {
    let address = peer.address;
    match end {
        End::Closed | End::Stopped => debug!(peer = %address, "connection closed"),
        End::TimedOut if peer.is_silent() => debug!(peer = %address, "silent connection closed"),
        End::TimedOut => {
            info!(peer = %address, reason = "the head of a request took too long", "refused");
        }
        End::Broken(error) if peer.is_silent() => debug!(peer = %address, %error, "disconnected"),
        End::Broken(error) => info!(peer = %address, reason = %chain(error), "refused"),
    }
}

/// An error with what caused it, in one line. Causes that the text tells already are left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Closes our half, then forgets what the peer still sends, so that the last response is not lost
/// by a reset of the connection.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let drained = async {
        let mut buffer = [0; 4096];
        while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    };
    let _ = timeout(Duration::from_secs(LINGER_SECONDS_MAX), drained).await;
}
