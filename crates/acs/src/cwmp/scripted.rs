//! What the scripts of a session need: a thread, and answers of extensions.

use std::sync::{Arc, Mutex, PoisonError};

use drover_provision::script::{Engine, Fault};
use drover_provision::{Batch, Session, Step};
use jiff::Timestamp;

use super::Server;
use super::refusal::Refusal;
use crate::net::chain;
use crate::scripts::Lost;

impl Server {
    /// Lets a thread for scripts go on with a session.
    pub(super) async fn run_scripts(&self, session: Session) -> Result<(Session, Step), Refusal> {
        let lost = session.lost();
        // Work that no thread takes leaves the session where it can be found.
        let waiting = Arc::new(Mutex::new(Some(session)));
        let taken = Arc::clone(&waiting);
        let work = move |engine: &mut Engine| {
            let mut session = take(&taken)?;
            let step = session.run(engine, Timestamp::now());
            Some((session, step))
        };
        match self.scripts.run(work).await {
            Ok(Some(done)) => Ok(done),
            Ok(None) => Err(Refusal::internal("the session was not there for its scripts")),
            Err(Lost::Overloaded) => {
                let batch = take(&waiting).and_then(|mut it| it.abandon(Timestamp::now()));
                self.save(batch).await?;
                Err(Refusal::overload(Lost::Overloaded.to_string()))
            }
            Err(reason) => {
                self.save(lost).await?;
                Err(Refusal::internal(reason.to_string()))
            }
        }
    }

    /// Makes durable what a session leaves.
    pub(super) async fn save(&self, batch: Option<Batch>) -> Result<(), Refusal> {
        let Some(batch) = batch else { return Ok(()) };
        let saved = self.store.save(batch).await;
        saved.map_err(|error| Refusal::overload(format!("saving failed: {}", chain(&error))))
    }
}

fn take(waiting: &Mutex<Option<Session>>) -> Option<Session> {
    // No code panics while it holds the lock.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// There are no extensions yet, which is what a script is told that calls one.
pub(super) fn call_extensions(session: &mut Session, calls: &[Vec<String>]) -> Step {
    let answer = |_: &Vec<String>| {
        let message = "extensions are not configured".to_owned();
        Err(Fault { code: "ext".to_owned(), message, detail: None })
    };
    session.answer(calls.iter().map(answer).collect(), Timestamp::now())
}
