//! What is known of one TCP connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::entropy::Token;
use crate::proxy::Origin;

/// One connection, shared between its driver and its requests.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Where it comes from.
    pub(crate) address: SocketAddr,
    /// Whether nobody else can read what is said.
    pub(crate) is_tls: bool,
    /// The common name of its certificate.
    pub(crate) certificate: Option<String>,
    head_timeout: Duration,
    /// Bytes read since the last response.
    bytes: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When to give up waiting for a request; `None` while one is in progress.
    deadline: Option<Instant>,
    /// How long the peer may be silent after a response.
    patience: Duration,
    /// The session that a device without cookies goes on with (`COOK-04`).
    session: Option<Token>,
}

impl Peer {
    /// A connection that was just accepted.
    pub(crate) fn new(address: SocketAddr, head_timeout: Duration, is_tls: bool) -> Self {
        let deadline = Some(Instant::now() + head_timeout);
        let state = State { deadline, patience: head_timeout, session: None };
        Self {
            address,
            is_tls,
            certificate: None,
            head_timeout,
            bytes: AtomicU64::new(0),
            state: Mutex::new(state),
        }
    }

    /// The same for a request that stands for itself.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.address, self.head_timeout, self.is_tls)
    }

    /// Takes what a proxy says.
    #[must_use]
    pub(crate) fn behind(self, origin: Origin) -> Self {
        let Origin { address, is_tls, certificate } = origin;
        Self { address, is_tls: is_tls || self.is_tls, certificate, ..self }
    }

    /// The session of the last request.
    pub(crate) fn session(&self) -> Option<Token> {
        self.state().session
    }

    /// Ties a session to the connection, which may then be silent as long as the session.
    pub(crate) fn bind(&self, session: Token, timeout: Duration) {
        let mut state = self.state();
        state.session = Some(session);
        state.patience = timeout.max(self.head_timeout);
    }

    /// The session is over.
    pub(crate) fn unbind(&self) {
        let mut state = self.state();
        state.session = None;
        state.patience = self.head_timeout;
    }

    pub(crate) fn start_request(&self) {
        self.state().deadline = None;
    }

    pub(crate) fn finish_request(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        let mut state = self.state();
        state.deadline = Some(Instant::now() + state.patience);
    }

    /// The peer took part of the response: it may go on doing so.
    fn extend(&self) {
        let mut state = self.state();
        let later = Instant::now() + state.patience;
        state.deadline = state.deadline.map(|_| later);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.state().deadline
    }

    /// Whether nothing came since the last response, or at all.
    pub(crate) fn is_silent(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) == 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and the state is whole at any time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what is read for [`Peer::is_silent`].
#[derive(Debug)]
pub(crate) struct Counted<T> {
    stream: T,
    peer: Arc<Peer>,
}

impl<T> Counted<T> {
    pub(crate) const fn new(stream: T, peer: Arc<Peer>) -> Self {
        Self { stream, peer }
    }

    pub(crate) fn into_inner(self) -> T {
        self.stream
    }

    fn note_write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.peer.extend();
        }
        result
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        self.peer.bytes.fetch_add(read as u64, Ordering::Relaxed);
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.note_write(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
