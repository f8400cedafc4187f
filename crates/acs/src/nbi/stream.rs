//! Answers that are written as fast as the client reads, so that their size does not matter.

use axum::body::Body;
use bytes::Bytes;
use drover_store::Error as StoreError;
use futures_util::stream;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tracing::error;

use crate::net::chain;

/// A JSON array that is being written, one document a line.
#[derive(Debug)]
pub(super) struct Lines {
    sender: mpsc::Sender<Result<Bytes, StoreError>>,
    text: String,
    is_first: bool,
}

impl Lines {
    /// Adds a document to what is sent next.
    pub(super) fn push(&mut self, json: &Json) {
        if !std::mem::take(&mut self.is_first) {
            self.text.push_str(",\n");
        }
        self.text.push_str(&json.to_string());
    }

    /// Sends what was added. Returns whether the client still reads.
    pub(super) async fn send(&mut self) -> bool {
        self.sender.send(Ok(std::mem::take(&mut self.text).into())).await.is_ok()
    }
}

/// A body that `write` fills. When it fails, the connection is cut: the status is gone, and a cut
/// connection tells the client that something is missing.
pub(super) fn array<W, F>(write: W) -> Body
where
    W: FnOnce(Lines) -> F,
    F: Future<Output = Result<Lines, StoreError>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel::<Result<Bytes, StoreError>>(1);
    let lines = Lines { sender: sender.clone(), text: String::from("[\n"), is_first: true };
    let written = write(lines);
    tokio::spawn(async move {
        match written.await {
            Ok(mut lines) => {
                lines.text.push_str("\n]");
                lines.send().await;
            }
            Err(error) => {
                error!(error = %chain(&error), "a northbound query broke off");
                let _ = sender.send(Err(error)).await;
            }
        }
    });
    let chunks = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    Body::from_stream(chunks)
}
