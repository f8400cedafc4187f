//! Answering again what a device asks again, because its connection broke before the answer came.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use drover_cwmp::is_empty_body;
use drover_cwmp::session::acs::Reply;

/// The last request of a session and its answer (`HTTP-10`, `HTTP-11`).
///
/// A device that lost its connection sends on a new one what it has no answer to. The session has
/// gone on meanwhile and would take that for a mistake.
#[derive(Debug)]
pub(crate) struct LastReply {
    connection: SocketAddr,
    body: u64,
    reply: Reply,
}

impl LastReply {
    pub(super) fn new(connection: SocketAddr, body: &[u8], reply: &Reply) -> Self {
        Self { connection, body: hash(body), reply: reply.clone() }
    }

    /// The answer to the same request once more; `None` when this is another request.
    ///
    /// On one connection nothing is lost. On another, the same bytes may still be a new message: a
    /// second empty POST after an empty answer, or one of two equal answers from a device that
    /// leaves out their IDs.
    pub(super) fn again(&self, connection: SocketAddr, body: &[u8]) -> Option<&Reply> {
        let is_distinct = match &self.reply {
            Reply::Envelope(_) => is_empty_body(body) || has_id(body),
            _ => has_id(body),
        };
        let is_same = self.connection != connection && self.body == hash(body);
        (is_same && is_distinct).then_some(&self.reply)
    }
}

/// Whether an envelope seems to have the header `ID`. Where it only seems so, nothing worse happens
/// than that a message is answered like an equal one before.
fn has_id(body: &[u8]) -> bool {
    body.windows(3).any(|bytes| matches!(bytes, b":ID" | b"<ID"))
}

fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_11_only_a_lost_request_is_answered_again() {
        let (here, there) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let request = Reply::Envelope("request 2".to_owned());
        let answered = |body: &[u8], reply: &Reply, again: &[u8], connection| {
            LastReply::new(here, body, reply).again(connection, again).cloned()
        };
        let answer = b"<cwmp:ID>1</cwmp:ID>";
        assert_eq!(answered(answer, &request, answer, there), Some(request.clone()));
        assert_eq!(answered(answer, &Reply::Empty, answer, there), Some(Reply::Empty));
        assert_eq!(answered(b"", &request, b"", there), Some(request.clone()));
        assert_eq!(answered(answer, &request, answer, here), None, "nothing was lost");
        assert_eq!(answered(answer, &request, b"<cwmp:ID>2</cwmp:ID>", there), None);
        assert_eq!(answered(b"<a/>", &request, b"<a/>", there), None, "cannot be told apart");
        assert_eq!(answered(b"", &Reply::Empty, b"", there), None, "each asks anew");
    }
}
