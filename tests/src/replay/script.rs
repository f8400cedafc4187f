//! A recorded conversation taken apart: its sessions, and the habits that show in it.

use crate::capture::{Conversation, Exchange, Message};
use crate::digest;

/// A session as it was recorded.
#[derive(Debug, Default)]
pub struct Session<'a> {
    /// Empty POSTs before the Inform (quirk 1).
    pub preamble: Vec<Step<'a>>,
    /// The Inform, and its repetitions after a challenge, a redirect or fault 8005.
    pub informs: Vec<Step<'a>>,
    /// What followed.
    pub steps: Vec<Step<'a>>,
}

/// A recorded request and what can be told of it.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// What was sent.
    pub message: &'a Message,
    /// What was answered.
    pub reply: Option<&'a Message>,
    /// What came in the reply before: the request of the server that this one answers.
    pub asked: Option<&'a Message>,
    /// Which cookies it carried.
    pub cookies: Vec<Echo>,
}

/// A cookie that came back to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// How many sessions ago it was set.
    pub sessions_ago: usize,
    /// Which of the cookies that were set then, from 0.
    pub position: usize,
    /// Whether its attributes came back with it (quirk 11).
    pub with_attributes: bool,
}

/// Takes a conversation apart. Requests that are no POST (downloads) are left out.
pub fn sessions(conversation: &Conversation) -> Vec<Session<'_>> {
    let mut reader = Reader::default();
    for exchange in conversation.exchanges.iter().filter(|e| e.request.is_post()) {
        reader.read(exchange);
    }
    reader.sessions
}

#[derive(Default)]
struct Reader<'a> {
    sessions: Vec<Session<'a>>,
    preamble: Vec<Step<'a>>,
    /// The cookies of each session.
    cookies: Vec<Vec<&'a str>>,
    /// The last reply.
    last: Option<&'a Message>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, exchange: &'a Exchange) {
        let Exchange { request: message, reply } = exchange;
        // What cannot be read and comes first can only be an Inform.
        let is_inform = message.is_inform() || (message.is_cut() && self.is_over());
        let is_new = is_inform && !self.repeats_inform();
        let is_before = message.is_empty() && self.is_over();
        let cookies = self.echoes(message, usize::from(is_new || is_before));
        let step = Step { message, reply: reply.as_ref(), asked: self.last, cookies };
        if is_before {
            self.preamble.push(step);
        } else if is_new {
            let preamble = std::mem::take(&mut self.preamble);
            self.sessions.push(Session { preamble, informs: vec![step], steps: Vec::new() });
            self.cookies.push(Vec::new());
        } else if let Some(session) = self.sessions.last_mut() {
            if is_inform { &mut session.informs } else { &mut session.steps }.push(step);
        }
        self.last = reply.as_ref();
        self.remember_cookies();
    }

    fn remember_cookies(&mut self) {
        let set: Vec<&str> = self.last.into_iter().flat_map(|m| m.all("Set-Cookie")).collect();
        if let Some(cookies) = self.cookies.last_mut().filter(|_| !set.is_empty()) {
            *cookies = set;
        }
    }

    /// Whether an Inform now is the one before, once more.
    fn repeats_inform(&self) -> bool {
        let in_session = self.sessions.last().is_some_and(|session| session.steps.is_empty());
        in_session && self.last.is_some_and(asks_to_repeat)
    }

    fn is_over(&self) -> bool {
        let ended = |reply: &Message| reply.status() != 401 && reply.is_empty();
        self.sessions.is_empty() || self.last.is_none_or(ended)
    }

    fn echoes(&self, message: &Message, new: usize) -> Vec<Echo> {
        let Some(text) = message.header("Cookie") else { return Vec::new() };
        let sessions = self.cookies.iter().rev().zip(new..);
        let mut found: Vec<(usize, Echo)> = Vec::new();
        for (cookies, sessions_ago) in sessions {
            for (position, line) in cookies.iter().enumerate() {
                let pair = line.split(';').next().unwrap_or_default().trim();
                let with_attributes = line.contains(';') && text.contains(line);
                let echo = Echo { sessions_ago, position, with_attributes };
                found.extend(text.find(pair).map(|place| (place, echo)));
            }
        }
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, echo)| echo).collect()
    }
}

fn asks_to_repeat(reply: &Message) -> bool {
    let is_fault = reply.soap.as_ref().is_some_and(|soap| soap.text_of("FaultCode") == "8005");
    is_fault || matches!(reply.status(), 300..=399 | 401)
}

/// How a client proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// `cwmp.auth.mode` of a server that asks for what the recording server asked for.
    pub mode: &'static str,
    /// The user name.
    pub username: String,
    /// The password, as far as it shows; digests do not tell it, and are computed anew.
    pub password: String,
    /// The protection space, which is part of the recorded headers.
    pub realm: String,
    /// Whether a nonce was used twice with the same count (quirk 13).
    pub count_stands_still: bool,
}

/// What the recording shows of the login; `None` when the client proved nothing.
pub fn login(conversation: &Conversation) -> Option<Login> {
    let requests: Vec<&Message> = conversation.exchanges.iter().map(|e| &e.request).collect();
    let all: Vec<&str> = requests.iter().flat_map(|m| m.all("Authorization")).collect();
    let basic = all.iter().find_map(|header| digest::basic(header));
    let answers: Vec<_> = all.iter().filter_map(|header| digest::Fields::parse(header)).collect();
    let digest_user = answers.iter().find_map(|fields| fields.find("username"));
    let mode = mode(conversation, basic.is_some())?;
    let (username, password) = match (basic, digest_user) {
        (Some((user, password)), _) => (user, password),
        (None, user) => (user.unwrap_or("nobody").to_owned(), "sesame".to_owned()),
    };
    let count_stands_still = stands_still(&answers);
    Some(Login { mode, username, password, realm: realm(conversation), count_stands_still })
}

fn challenges(conversation: &Conversation) -> impl Iterator<Item = &str> {
    let replies = conversation.exchanges.iter().filter_map(|e| e.reply.as_ref());
    replies.flat_map(|reply| reply.all("WWW-Authenticate"))
}

fn mode(conversation: &Conversation, sends_basic: bool) -> Option<&'static str> {
    let asks = |scheme: &str| {
        challenges(conversation).any(|text| text.to_ascii_lowercase().starts_with(scheme))
    };
    match (asks("digest"), asks("basic")) {
        (true, true) => Some("digest_or_basic"),
        (true, false) => Some("digest"),
        (false, true) => Some("basic"),
        // Sent unasked, so it should be good for something.
        (false, false) if sends_basic => Some("basic"),
        (false, false) => None,
    }
}

fn realm(conversation: &Conversation) -> String {
    let first = challenges(conversation).find_map(|text| {
        let (_, rest) = text.split_once("realm=\"")?;
        rest.split('"').next()
    });
    first.unwrap_or("drover").to_owned()
}

fn stands_still(answers: &[digest::Fields]) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let pairs = answers.iter().map(|a| (a.find("nonce"), a.find("nc")));
    pairs.into_iter().any(|pair| !seen.insert(pair))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn message(start: &str, headers: &[&str], body: &str) -> Message {
        let headers = headers.iter().filter_map(|line| line.split_once(": "));
        Message {
            conn: 1,
            start: start.to_owned(),
            headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            body: body.to_owned(),
            soap: xml::parse(body).ok().and_then(|root| root.soap_content().cloned()),
            id: None,
        }
    }

    fn exchange(headers: &[&str], body: &str, status: u16, reply: &[&str]) -> Exchange {
        let told = if status == 200 { "<x/>" } else { "" };
        let reply = message(&format!("HTTP/1.1 {status} X"), reply, told);
        Exchange { request: message("POST / HTTP/1.1", headers, body), reply: Some(reply) }
    }

    const INFORM: &str = "<e:Envelope xmlns:e='e'><e:Body><c:Inform/></e:Body></e:Envelope>";

    #[test]
    fn habits_are_told_from_a_recording() {
        let set = ["Set-Cookie: a=1; Path=/"];
        let basic = "Authorization: Basic dTplYXN5Y3dtcA==";
        let exchanges = vec![
            exchange(&[], "", 401, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"1\""]),
            exchange(&[basic], INFORM, 401, &[]),
            exchange(&[basic], INFORM, 200, &set),
            exchange(&["Cookie: a=1; Path=/"], "", 204, &[]),
            exchange(&["Cookie: a=1"], INFORM, 200, &[]),
        ];
        let conversation =
            Conversation { client: "c".to_owned(), scenario: "s".to_owned(), exchanges };
        let sessions = sessions(&conversation);
        let shape: Vec<_> =
            sessions.iter().map(|s| (s.preamble.len(), s.informs.len(), s.steps.len())).collect();
        assert_eq!(shape, [(1, 2, 1), (0, 1, 0)]);
        let now = Echo { sessions_ago: 0, position: 0, with_attributes: true };
        assert_eq!(sessions[0].steps[0].cookies, [now]);
        let before = Echo { sessions_ago: 1, position: 0, with_attributes: false };
        assert_eq!(sessions[1].informs[0].cookies, [before]);
        let login = login(&conversation).unwrap();
        assert_eq!((login.mode, login.password.as_str()), ("digest", "easycwmp"));
        assert_eq!(login.realm, "r");
    }
}
