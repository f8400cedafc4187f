//! A device and its session in one, for shells that only carry bytes and wait.

use std::time::Duration;

use drover_cwmp::session::cpe::{
    Execute, Failed, HttpPost, HttpResponse, Note, Progress, Step, Waiting,
};
use drover_cwmp::{Fault, FaultCode, Message};

use crate::clock::Clock;
use crate::device::{Deferred, Device, Effect, NotStartable, SessionEnd, SessionSettings};

/// A device with the session it has.
///
/// ```text
/// loop:
///   handle_timeout(now)
///   if device().wants_session(now): start_session → POST
///     while POST: make it, hand the response to handle_response (or handle_lost)
///       Next::Post(post)   make it
///       Next::Execute      refresh what request() reads, execute → carry out the effects → POST
///       Next::Ended(ended) close the connection, do what was deferred
///   wait until device().poll_timeout(), or something happens
/// ```
#[derive(Debug)]
pub struct Endpoint {
    device: Device,
    session: Option<Box<Session>>,
}

#[derive(Debug)]
enum Session {
    Waiting(Waiting),
    Execute(Execute),
}

/// What the shell does next in a session.
#[derive(Debug)]
pub enum Next {
    /// Make this POST and hand its response to [`Endpoint::handle_response`].
    Post(HttpPost),
    /// A request of the ACS waits: bring up to date what it reads ([`Endpoint::request`]), then
    /// call [`Endpoint::execute`].
    Execute,
    /// The session is over: close the connection.
    Ended(Ended),
}

/// How a session ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether all went well.
    pub outcome: Outcome,
    /// What the shell has to do now; the device is off until [`Device::handle_boot`].
    pub deferred: Option<Deferred>,
}

/// Whether a session went well.
#[derive(Debug)]
pub enum Outcome {
    /// It ended as it should.
    Success,
    /// The ACS answered and the session failed; the device tries again by itself.
    Failed(Failed),
    /// No answer came, or the shell gave up; the device tries again by itself.
    Lost,
}

impl Endpoint {
    /// A device without a session.
    pub fn new(device: Device) -> Self {
        Self { device, session: None }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The device, to tell it what happens round it. Sessions are to be started and ended through
    /// this type only.
    pub fn device_mut(&mut self) -> &mut Device {
        &mut self.device
    }

    /// Begins a session (see [`Device::start_session`]).
    ///
    /// # Errors
    /// [`NotStartable`] says what is missing.
    pub fn start_session(
        &mut self,
        now: &Clock,
        entropy: [u8; 16],
        settings: &SessionSettings,
    ) -> Result<HttpPost, NotStartable> {
        let (waiting, post) = self.device.start_session(now, entropy, settings)?;
        self.session = Some(Box::new(Session::Waiting(waiting)));
        Ok(post)
    }

    /// Takes the response to the last POST; what happened in the session is in `notes`. `entropy`
    /// is any random number.
    ///
    /// A response that nobody asked for is as good as none.
    pub fn handle_response(
        &mut self,
        response: &HttpResponse<'_>,
        now: &Clock,
        entropy: u64,
        notes: &mut Vec<Note>,
    ) -> Next {
        let Some(waiting) = self.take_waiting() else {
            return self.end(Outcome::Lost, now, entropy);
        };
        let Progress { notes: new, step } = waiting.handle(response);
        self.device.handle_progress(&new);
        notes.extend(new);
        match step {
            Step::Post(waiting, post) => {
                self.session = Some(Box::new(Session::Waiting(waiting)));
                Next::Post(post)
            }
            Step::Execute(execute) => {
                self.session = Some(Box::new(Session::Execute(execute)));
                Next::Execute
            }
            Step::Ended => self.end(Outcome::Success, now, entropy),
            Step::Failed(failed) => self.end(Outcome::Failed(failed), now, entropy),
        }
    }

    /// No response came: no connection, or not in time (`SES-11`). Also to give up a session.
    pub fn handle_lost(&mut self, now: &Clock, entropy: u64) -> Next {
        self.end(Outcome::Lost, now, entropy)
    }

    /// The request of the ACS that waits to be executed; what it reads is told by
    /// [`Device::reads`].
    pub fn request(&self) -> Option<&Message> {
        match self.session.as_deref()? {
            Session::Execute(execute) => Some(execute.request()),
            Session::Waiting(_) => None,
        }
    }

    /// Executes the request that waits. Carry out the effects and write a snapshot if
    /// [`Device::revision`] has moved, then make the POST, which acknowledges both. `None` when no
    /// request waits.
    pub fn execute(&mut self, now: &Clock) -> Option<(HttpPost, Vec<Effect>)> {
        let execute = match *self.session.take()? {
            Session::Execute(execute) => execute,
            waiting @ Session::Waiting(_) => {
                self.session = Some(Box::new(waiting));
                return None;
            }
        };
        let executed = match execute.request() {
            Message::SetParameterValues(request) if execute.has_untyped_values() => {
                let request = self.device.with_model_types(request);
                self.device.execute(&request.into(), now)
            }
            request => self.device.execute(request, now),
        };
        let (waiting, post) = respond(execute, executed.answer);
        self.session = Some(Box::new(Session::Waiting(waiting)));
        Some((post, executed.effects))
    }

    fn take_waiting(&mut self) -> Option<Waiting> {
        match *self.session.take()? {
            Session::Waiting(waiting) => Some(waiting),
            Session::Execute(_) => None,
        }
    }

    fn end(&mut self, outcome: Outcome, now: &Clock, entropy: u64) -> Next {
        self.session = None;
        let end = match &outcome {
            Outcome::Success => SessionEnd::Success,
            Outcome::Failed(failed) => SessionEnd::Failed(failed),
            Outcome::Lost => SessionEnd::Lost,
        };
        let deferred = self.device.handle_session_end(end, now, entropy);
        Next::Ended(Ended { outcome, deferred })
    }

    /// See [`Device::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.device.poll_timeout()
    }

    /// See [`Device::handle_timeout`].
    pub fn handle_timeout(&mut self, now: &Clock) {
        self.device.handle_timeout(now);
    }
}

/// Answers the request. An answer that breaks a limit of the standard is our own mistake.
fn respond(execute: Execute, answer: Message) -> (Waiting, HttpPost) {
    execute.respond(answer).unwrap_or_else(|(_, execute)| {
        let sorry = execute.respond(Fault::new(FaultCode::INTERNAL_ERROR));
        sorry.expect("invariant: a fault without parameters answers every request")
    })
}
