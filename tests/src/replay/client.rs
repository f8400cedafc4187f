//! The recorded client, holding sessions.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::capture::Message;
use crate::digest::Fields;
use crate::http::{Connection, Response};
use crate::nbi;
use crate::server::Server;
use crate::xml::{self, Element};

use super::script::{Echo, Login, Session, Step};
use super::values::Values;
use super::{EarlyEnd, Verdict, answers, tasks, verdict, wire};

/// Requests that a server may send in one session.
const REQUESTS_MAX: usize = 500;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// With 204.
    Complete,
    /// As it must.
    Early(EarlyEnd),
}

/// What a request led to.
enum Sent {
    Response(Response),
    Early(EarlyEnd),
}

/// A client that does what it did when it was recorded.
pub(super) struct Client<'a> {
    server: &'a Server,
    pub(super) sessions: &'a [Session<'a>],
    /// Sessions of all conversations of the same software.
    others: &'a [Session<'a>],
    login: Option<Login>,
    /// The connection and its recorded number.
    connection: Option<(u64, Connection)>,
    /// The cookies that the server has set, by session.
    cookies: Vec<Vec<String>>,
    /// The nonce of the server's last challenge.
    nonce: Option<String>,
    pub(super) values: Values,
    verdicts: Vec<(Element, Verdict)>,
    pub(super) recorded: usize,
    pub(super) made: usize,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        server: &'a Server,
        sessions: &'a [Session<'a>],
        others: &'a [Session<'a>],
        login: Option<Login>,
    ) -> Self {
        Self {
            server,
            sessions,
            others,
            login,
            connection: None,
            cookies: Vec::new(),
            nonce: None,
            values: Values::default(),
            verdicts: Vec::new(),
            recorded: 0,
            made: 0,
        }
    }

    /// The `DeviceId` of its Informs.
    pub(super) fn identity(&self) -> Element {
        let informs = self.sessions.iter().flat_map(|session| &session.informs);
        let mut soaps = informs.filter_map(|step| step.message.soap.as_ref());
        soaps.find_map(|soap| soap.find("DeviceId")).cloned().unwrap_or_default()
    }

    /// How the server names it.
    pub(super) fn device_id(&self) -> String {
        let id = self.identity();
        let text = |name: &str| id.text_of(name).trim().to_owned();
        nbi::device_id(&text("OUI"), &text("ProductClass"), &text("SerialNumber"))
    }

    /// The answers that decide about a task.
    pub(super) fn verdicts_for(&self, task: &Json) -> Vec<Verdict> {
        let own = self.verdicts.iter().filter(|(request, _)| tasks::is_for(task, request));
        own.map(|(_, verdict)| verdict.clone()).collect()
    }

    /// Holds a session, with the requests that the client made in it if `with_requests`.
    pub(super) fn hold(
        &mut self,
        session: &Session<'_>,
        with_requests: bool,
    ) -> Result<SessionEnd, String> {
        self.begin(session);
        if let Some(early) = self.inform(session)? {
            return Ok(SessionEnd::Early(early));
        }
        if with_requests && let Some(early) = self.requests(session)? {
            return Ok(SessionEnd::Early(early));
        }
        self.serve(session)
    }

    fn begin(&mut self, session: &Session<'_>) {
        self.cookies.push(Vec::new());
        let first = session.preamble.first().unwrap_or(&session.informs[0]);
        // The connection of the session before is used on only if that was recorded.
        if self.connection.as_ref().is_some_and(|(conn, _)| *conn != first.message.conn) {
            self.connection = None;
        }
        let is_first_session = self.cookies.len() <= 2;
        if is_first_session {
            self.connection = None;
        }
    }

    /// The empty POSTs before, and the Inform until it is accepted.
    fn inform(&mut self, session: &Session<'_>) -> Result<Option<EarlyEnd>, String> {
        for step in &session.preamble {
            let response = self.send(step, &step.message.body)?;
            let expected = if self.login.is_some() { 401 } else { 204 };
            expect(&response, expected, "an empty POST before the Inform (quirk 1)")?;
        }
        let (step, sent) = self.send_until_let_in(&session.informs)?;
        let response = match sent {
            Sent::Early(early) => return Ok(Some(early)),
            Sent::Response(response) => response,
        };
        expect(&response, 200, "the Inform")?;
        check_inform_response(&response, step.message)?;
        if let Some(soap) = &step.message.soap {
            self.values.learn(soap);
        }
        Ok(None)
    }

    /// Sends the recorded attempts one after the other until the server does not say 401.
    fn send_until_let_in<'s>(
        &mut self,
        attempts: &'s [Step<'s>],
    ) -> Result<(&'s Step<'s>, Sent), String> {
        let mut again = false;
        let mut index = 0;
        loop {
            let step = &attempts[index];
            let response = self.send(step, &step.message.body)?;
            if step.message.is_cut() {
                expect(&response, 400, "a cut body")?;
                self.connection = None;
                return Ok((step, Sent::Early(EarlyEnd::BodyIsCut)));
            }
            if response.status != 401 {
                return Ok((step, Sent::Response(response)));
            }
            if index + 1 < attempts.len() {
                index += 1;
            } else if !again && answers_challenges(step.message) {
                again = true;
            } else if self.login.is_some() {
                let early = EarlyEnd::ChallengeIsNotAnswered;
                return Ok((step, Sent::Early(early)));
            } else {
                return Err("401 from a server with open authentication".to_owned());
            }
        }
    }

    /// The requests that the client made before it handed over.
    fn requests(&mut self, session: &Session<'_>) -> Result<Option<EarlyEnd>, String> {
        let mut steps = session.steps.iter().peekable();
        while let Some(step) = steps.next() {
            if !is_request(step) {
                continue;
            }
            let rest: Vec<Step<'_>> =
                std::iter::once(step).chain(repetition(step, &mut steps)).cloned().collect();
            let (step, sent) = self.send_until_let_in(&rest)?;
            let response = match sent {
                Sent::Early(early) => return Ok(Some(early)),
                Sent::Response(response) => response,
            };
            check_response(&response, step.message)?;
        }
        Ok(None)
    }

    /// Hands over with an empty POST, and answers what the server asks until it is done.
    fn serve(&mut self, session: &Session<'_>) -> Result<SessionEnd, String> {
        let step = self.empty_post(session);
        let mut response = self.send(&step, "")?;
        for _ in 0..REQUESTS_MAX {
            if response.status == 204 {
                return Ok(SessionEnd::Complete);
            }
            expect(&response, 200, "what the client sent")?;
            let (request, id) = read_request(&response)?;
            match self.answer(session, &request, &id)? {
                Sent::Early(early) => return Ok(SessionEnd::Early(early)),
                Sent::Response(next) => response = next,
            }
        }
        Err(format!("the server sent more than {REQUESTS_MAX} requests"))
    }

    fn answer(
        &mut self,
        session: &Session<'_>,
        request: &Element,
        id: &str,
    ) -> Result<Sent, String> {
        let answer = answers::find(self.sessions, request, id);
        let is_own =
            session.steps.iter().any(|step| std::ptr::eq(step.message, answer.step.message));
        let response = self.send_on(answer.step, &answer.body, is_own)?;
        if answer.is_recorded && answer.step.message.is_cut() {
            expect(&response, 400, "a cut answer")?;
            self.connection = None;
            return Ok(Sent::Early(EarlyEnd::BodyIsCut));
        }
        let told = xml::parse(answer.body.trim_start_matches('\u{feff}'))?;
        let told = told.soap_content().ok_or("an answer without content")?;
        self.verdicts.push((request.clone(), verdict(told)));
        self.values.learn_answer(request, told);
        if answer.is_recorded {
            self.recorded += 1
        } else {
            self.made += 1
        }
        Ok(Sent::Response(response))
    }

    /// The client's own empty POST: of this session, else of any, else made from its Inform.
    fn empty_post<'s>(&self, session: &Session<'s>) -> Step<'s>
    where
        'a: 's,
    {
        let own = session.steps.iter().find(|step| step.message.is_empty());
        let any = || {
            let all = self.sessions.iter().chain(self.others).flat_map(|session| &session.steps);
            all.into_iter().find(|step| step.message.is_empty())
        };
        own.or_else(any).unwrap_or(&session.informs[0]).clone()
    }

    fn send(&mut self, step: &Step<'_>, body: &str) -> Result<Response, String> {
        self.send_on(step, body, self.is_in_place(step))
    }

    /// Whether the step belongs to this conversation, so that its connection says something.
    fn is_in_place(&self, step: &Step<'_>) -> bool {
        let all =
            self.sessions.iter().flat_map(|s| s.preamble.iter().chain(&s.informs).chain(&s.steps));
        all.into_iter().any(|own| std::ptr::eq(own.message, step.message))
    }

    fn send_on(&mut self, step: &Step<'_>, body: &str, is_own: bool) -> Result<Response, String> {
        let mut connection = self.connect(step.message.conn, is_own)?;
        let is_empty = body.is_empty();
        let replace = |name: &str, value: &str| match name.to_ascii_lowercase().as_str() {
            "cookie" => self.cookie(&step.cookies),
            "authorization" => Some(self.authorization(step.message, value)),
            "soapaction" if is_empty && !step.message.is_empty() => None,
            _ => Some(value.to_owned()),
        };
        let response = wire::send(&mut connection.1, step.message, body, replace)
            .map_err(|error| format!("{}: {error}", step.message.start))?;
        check_framing(&response)?;
        self.take_in(&response);
        self.connection = Some(connection);
        Ok(response)
    }

    /// The connection for a step: a new one where a new one was recorded.
    fn connect(&mut self, conn: u64, is_own: bool) -> Result<(u64, Connection), String> {
        match self.connection.take() {
            Some((old, connection)) if old == conn || !is_own => Ok((old, connection)),
            _ => {
                let connection = Connection::open(self.server.cwmp);
                Ok((conn, connection.map_err(|error| format!("cannot connect: {error}"))?))
            }
        }
    }

    fn take_in(&mut self, response: &Response) {
        let set: Vec<String> = response.all("Set-Cookie").map(str::to_owned).collect();
        if let Some(cookies) = self.cookies.last_mut().filter(|_| !set.is_empty()) {
            *cookies = set;
        }
        let challenges = response.all("WWW-Authenticate").filter_map(Fields::parse);
        for nonce in challenges.filter_map(|fields| fields.find("nonce").map(str::to_owned)) {
            self.nonce = Some(nonce);
        }
    }

    /// The header with those of the server's cookies that the client would have sent back.
    fn cookie(&self, echoes: &[Echo]) -> Option<String> {
        let mut seen = BTreeSet::new();
        let parts: Vec<&str> = echoes
            .iter()
            .filter_map(|echo| {
                let session = self.cookies.len().checked_sub(1 + echo.sessions_ago)?;
                let line = self.cookies[session].get(echo.position)?;
                let pair = line.split(';').next().unwrap_or_default();
                seen.insert(line).then_some(if echo.with_attributes { line } else { pair })
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn authorization(&self, message: &Message, value: &str) -> String {
        let (Some(mut fields), Some(login)) = (Fields::parse(value), &self.login) else {
            return value.to_owned();
        };
        if let Some(nonce) = &self.nonce {
            fields.replace("nonce", nonce);
        }
        let method = message.start.split(' ').next().unwrap_or_default();
        fields.sign(method.trim_start_matches(|c: char| !c.is_ascii_uppercase()), &login.password);
        fields.header()
    }
}

/// The step that repeats a request after a challenge, if that was recorded.
fn repetition<'s, 'a>(
    step: &Step<'_>,
    rest: &mut std::iter::Peekable<std::slice::Iter<'s, Step<'a>>>,
) -> Option<&'s Step<'a>> {
    let is_challenged = step.reply.is_some_and(|reply| reply.status() == 401);
    rest.next_if(|next| is_challenged && next.message.rpc() == step.message.rpc())
}

/// Whether the client asks something: neither nothing, nor an answer, nor the rest of a cut one.
fn is_request(step: &Step<'_>) -> bool {
    let message = step.message;
    let is_answer = message.rpc().ends_with("Response") || message.rpc() == "Fault";
    let was_asked = step.asked.is_some_and(|asked| {
        !asked.rpc().is_empty() && !asked.rpc().ends_with("Response") && asked.rpc() != "Fault"
    });
    !message.is_empty() && !is_answer && !was_asked
}

fn answers_challenges(message: &Message) -> bool {
    message.header("Authorization").is_some_and(|text| Fields::parse(text).is_some())
}

fn expect(response: &Response, status: u16, to: &str) -> Result<(), String> {
    if response.status == status {
        return Ok(());
    }
    let Response { status: got, reason, .. } = response;
    Err(format!("{to} got {got} {reason} instead of {status}: {}", response.text()))
}

/// Quirk 8: some clients cannot read anything but a body with its length on a kept connection.
fn check_framing(response: &Response) -> Result<(), String> {
    let is_good = response.status < 300;
    let has_length = response.status == 204 || response.header("Content-Length").is_some();
    let is_chunked = response.header("Transfer-Encoding").is_some();
    let closes = response.header("Connection").is_some_and(|text| text.contains("close"));
    if is_chunked || !has_length || (is_good && closes) {
        return Err(format!("a reply that not every client can read: {:?}", response.headers));
    }
    Ok(())
}

fn check_inform_response(response: &Response, inform: &Message) -> Result<(), String> {
    check_response(response, inform)?;
    let namespace = |text: &str| {
        let rest = text.split("urn:dslforum-org:cwmp-").nth(1).unwrap_or_default();
        rest.chars().take_while(|c| *c != '"' && *c != '\'').collect::<String>()
    };
    let (asked, told) = (namespace(&inform.body), namespace(&response.text()));
    if asked != told {
        return Err(format!(
            "the Inform was of cwmp-{asked}, the answer of cwmp-{told} (quirk 16)"
        ));
    }
    Ok(())
}

/// Whether the response answers this request: its name and its ID.
fn check_response(response: &Response, request: &Message) -> Result<(), String> {
    expect(response, 200, request.rpc())?;
    let (content, id) = read_request(response)?;
    let expected = format!("{}Response", request.rpc());
    if content.name != expected || id != request.id.as_deref().unwrap_or_default() {
        return Err(format!(
            "{} got no {expected} with its ID: {}",
            request.rpc(),
            response.text()
        ));
    }
    Ok(())
}

/// Content and ID of an envelope of the server.
fn read_request(response: &Response) -> Result<(Element, String), String> {
    let root = xml::parse(&response.text())?;
    let content = root.soap_content().ok_or("the server sent no SOAP body")?.clone();
    let id = root.child("Header").map(|header| header.text_of("ID").to_owned());
    Ok((content, id.unwrap_or_default()))
}
