//! Recorded conversations, held once more with a real server.
//!
//! The client is the recorded one: its Informs, headers, connections, cookies and logins, and its
//! answers where the server asks the same; tasks make it ask. Only the cookie, the nonce with the
//! response to it, and the message ID are put in anew.

pub mod answers;
mod client;
pub mod script;
pub mod tasks;
mod values;
mod wire;

use serde_json::{Value as Json, json};

use crate::capture::Conversation;
use crate::server::{Options, Server};
use crate::xml::Element;

use client::{Client, SessionEnd};
use script::{Login, Session};

/// Sessions after the recorded ones in which tasks may still run.
const EXTRA_SESSIONS: usize = 5;

/// What came of a replay.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Sessions that were held to their end.
    pub completed: usize,
    /// Sessions that ended as they must because the recording is broken or the client gave up.
    pub ended_early: Vec<EarlyEnd>,
    /// Requests that got the recorded answer.
    pub answered_as_recorded: usize,
    /// Requests that the recorded client was never asked.
    pub answered_otherwise: usize,
    /// Tasks that were done.
    pub done: usize,
    /// Tasks that failed, as the recorded client lets them fail.
    pub faulted: usize,
    /// Values of which the server was found to know what the client said.
    pub values: usize,
}

/// Why a session cannot be held to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EarlyEnd {
    /// A recorded body is not whole (quirk 3): 400.
    BodyIsCut,
    /// The client does not answer the challenge: 401.
    ChallengeIsNotAnswered,
    /// There is no session in the recording.
    NoInform,
}

impl EarlyEnd {
    /// The status that the server must give; `None` where it is not even asked.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::BodyIsCut => Some(400),
            Self::ChallengeIsNotAnswered => Some(401),
            Self::NoInform => None,
        }
    }
}

/// A task that was posted.
#[derive(Debug)]
struct Posted {
    task: Json,
    id: String,
}

/// How a request of the server was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Good,
    /// With this fault code.
    Bad(String),
}

/// Replays a conversation. `library` has all conversations, for what this one lacks.
///
/// # Errors
/// What went otherwise than it should, and the server's log.
pub fn replay(
    conversation: &Conversation,
    library: &[Conversation],
    strict_nc: bool,
) -> Result<Outcome, String> {
    let login = script::login(conversation);
    let same = library.iter().filter(|other| other.client == conversation.client);
    let others: Vec<_> = same.flat_map(script::sessions).collect();
    let sessions = script::sessions(conversation);
    if sessions.is_empty() {
        return Ok(Outcome { ended_early: vec![EarlyEnd::NoInform], ..Outcome::default() });
    }
    let mut server = Server::start_with(Options::with_config(&config(login.as_ref(), strict_nc)));
    let client = Client::new(&server, &sessions, &others, login);
    let mut replay =
        Replay { server: &server, client, posted: Vec::new(), outcome: <_>::default() };
    let result = replay.run();
    let outcome = replay.outcome;
    let log = server.process.log();
    if !server.process.is_running() {
        return Err(format!("the server died\n{log}"));
    }
    result.map(|()| outcome).map_err(|error| format!("{error}\n{log}"))
}

fn config(login: Option<&Login>, strict_nc: bool) -> String {
    let Some(Login { mode, username, password, realm, .. }) = login else {
        return String::new();
    };
    format!(
        "[cwmp.auth]\nmode = {mode:?}\nrealm = {realm:?}\nstrict_nc = {strict_nc}\n\
         allow_basic_without_tls = {}\n\
         [[cwmp.auth.users]]\nusername = {username:?}\npassword = {password:?}\n",
        mode.contains("basic")
    )
}

struct Replay<'a> {
    server: &'a Server,
    client: Client<'a>,
    posted: Vec<Posted>,
    outcome: Outcome,
}

impl Replay<'_> {
    fn run(&mut self) -> Result<(), String> {
        let sessions = self.client.sessions;
        self.introduce(sessions)?;
        for session in sessions {
            self.post_tasks(session)?;
            self.hold(session, true)?;
        }
        self.hold_until_tasks_are_done(sessions)?;
        self.check_device()?;
        self.check_tasks()
    }

    /// Makes the server know the device, so that it takes tasks: the first Inform that can be read,
    /// and nothing else.
    fn introduce(&mut self, sessions: &[Session<'_>]) -> Result<(), String> {
        match sessions.iter().find(|session| session.informs[0].message.soap.is_some()) {
            Some(session) => self.hold(session, false),
            None => Ok(()),
        }
    }

    fn hold(&mut self, session: &Session<'_>, with_requests: bool) -> Result<(), String> {
        match self.client.hold(session, with_requests)? {
            SessionEnd::Complete => self.outcome.completed += 1,
            SessionEnd::Early(reason) => self.outcome.ended_early.push(reason),
        }
        Ok(())
    }

    /// The device is unknown when every Inform is refused, and then there is nobody to task.
    fn is_known(&self) -> bool {
        self.outcome.completed > 0
    }

    fn post_tasks(&mut self, session: &Session<'_>) -> Result<(), String> {
        if !self.is_known() {
            return Ok(());
        }
        for task in tasks::of_session(session) {
            let response = self.server.nbi.post_task(&self.client.device_id(), &task, "");
            let is_possible = tasks::is_possible(&task);
            match (response.status, crate::nbi::task_id(&response)) {
                (202, Some(id)) => self.posted.push(Posted { task, id }),
                (400, _) if !is_possible => {}
                (status, _) => return Err(format!("{task}: {status} {}", response.text())),
            }
        }
        Ok(())
    }

    fn waiting(&self) -> Vec<&Posted> {
        let device = self.client.device_id();
        let nbi = &self.server.nbi;
        let waits = |posted: &&Posted| {
            nbi.task(&posted.id).is_some() && nbi.task_fault(&device, &posted.id).is_none()
        };
        self.posted.iter().filter(waits).collect()
    }

    fn hold_until_tasks_are_done(&mut self, sessions: &[Session<'_>]) -> Result<(), String> {
        let whole = |session: &&Session<'_>| session.informs[0].message.soap.is_some();
        let Some(last) = sessions.iter().rev().find(whole) else { return Ok(()) };
        for _ in 0..EXTRA_SESSIONS {
            if self.waiting().is_empty() {
                return Ok(());
            }
            self.hold(last, false)?;
        }
        match self.waiting().as_slice() {
            [] => Ok(()),
            left => Err(format!("after all sessions, these tasks still wait: {left:?}")),
        }
    }

    fn check_device(&mut self) -> Result<(), String> {
        let id = self.client.device_id();
        let device = self.server.nbi.device(&id);
        let Some(device) = device.filter(|_| self.is_known()) else {
            return if self.is_known() { Err(format!("the server knows no {id}")) } else { Ok(()) };
        };
        self.check_identity(&device)?;
        self.outcome.values = self.client.values.check(&device)?;
        self.outcome.answered_as_recorded = self.client.recorded;
        self.outcome.answered_otherwise = self.client.made;
        Ok(())
    }

    fn check_identity(&self, device: &Json) -> Result<(), String> {
        let id = self.client.identity();
        let known = &device["_deviceId"];
        let text = |name: &str| json!(id.text_of(name).trim());
        let same = known["_Manufacturer"] == text("Manufacturer")
            && known["_SerialNumber"] == text("SerialNumber")
            && known["_ProductClass"].as_str().unwrap_or_default() == text("ProductClass");
        let has_time = device["_lastInform"].is_string() && device["_registered"].is_string();
        if same && has_time { Ok(()) } else { Err(format!("{id:?} became {device:#}")) }
    }

    fn check_tasks(&mut self) -> Result<(), String> {
        let device = self.client.device_id();
        let (mut done, mut faulted) = (0, 0);
        for Posted { task, id } in &self.posted {
            let fault = self.server.nbi.task_fault(&device, id);
            let verdicts = self.client.verdicts_for(task);
            check_task(task, &verdicts, fault.as_ref())?;
            if fault.is_some() { faulted += 1 } else { done += 1 }
        }
        (self.outcome.done, self.outcome.faulted) = (done, faulted);
        Ok(())
    }
}

/// A task ends as the answers to its requests say: well if all were good, with that fault if all
/// were bad. After a mixture the server has a choice, for example to ask for each name alone.
fn check_task(task: &Json, verdicts: &[Verdict], fault: Option<&Json>) -> Result<(), String> {
    let code = fault.map(|fault| fault["code"].as_str().unwrap_or_default());
    let codes: Vec<&str> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Good => None,
            Verdict::Bad(code) => Some(code.as_str()),
        })
        .collect();
    let all_bad = !codes.is_empty() && codes.len() == verdicts.len();
    let all_good = codes.is_empty() && !verdicts.is_empty();
    let fits = |code: &str| codes.iter().any(|bad| bad.is_empty() || code == format!("cwmp.{bad}"));
    match code {
        Some(_) if all_good => Err(format!("{task} was answered well, but failed: {fault:?}")),
        None if all_bad => Err(format!("{task} was refused with {codes:?}, but has no fault")),
        Some(code) if all_bad && !fits(code) => {
            Err(format!("{task} was refused with {codes:?}, but has the fault {code}"))
        }
        _ => Ok(()),
    }
}

/// How an answer is to be understood. Quirk 22: an AddObjectResponse may carry a fault code as its
/// status, and no row.
fn verdict(answer: &Element) -> Verdict {
    match answer.name.as_str() {
        "Fault" => Verdict::Bad(answer.text_of("FaultCode").trim().to_owned()),
        "AddObjectResponse" if answer.text_of("InstanceNumber").trim() == "0" => {
            Verdict::Bad(String::new())
        }
        _ => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_must_end_as_its_answers_say() {
        let task = json!({ "name": "getParameterValues" });
        let fault = json!({ "code": "cwmp.9005" });
        let bad = |code: &str| Verdict::Bad(code.to_owned());
        assert!(check_task(&task, &[Verdict::Good], None).is_ok());
        assert!(check_task(&task, &[Verdict::Good], Some(&fault)).is_err());
        assert!(check_task(&task, &[bad("9005")], Some(&fault)).is_ok());
        assert!(check_task(&task, &[bad("9005")], None).is_err());
        assert!(check_task(&task, &[bad("9003")], Some(&fault)).is_err());
        assert!(check_task(&task, &[bad("9005"), Verdict::Good], None).is_ok());
    }
}
