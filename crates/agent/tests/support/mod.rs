//! A small ACS that does what a test tells it, over real sockets.
//!
//! It uses the encoding of `drover-cwmp`, but none of its session machines: what it insists on is
//! written here once more.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod namespace;

use std::time::Duration;

use drover_cwmp::auth::{Algorithm, Scheme, Secret, ServerAuth, ServerAuthConfig, Verdict};
use drover_cwmp::message::{GetParameterValues, Inform, InformResponse, SetParameterValues};
use drover_cwmp::{CwmpNamespace, Envelope, Header, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// An ACS with one listening socket.
pub(crate) struct Acs {
    listener: TcpListener,
    auth: Option<(ServerAuth, Secret)>,
}

impl Acs {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), auth: None }
    }

    /// Asks for digest authentication of any user with this password.
    pub(crate) async fn with_password(password: &str) -> Self {
        let config = ServerAuthConfig {
            realm: "acs".to_owned(),
            scheme: Scheme::Digest(vec![Algorithm::Md5]),
            nonce_lifetime: Duration::from_secs(300),
            strict_nc: true,
            secret: [3; 32],
        };
        let auth = Some((ServerAuth::new(config), Secret::new(password)));
        Self { auth, ..Self::start().await }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/acs", self.listener.local_addr().unwrap())
    }

    /// The next session, up to the empty POST that gives the ACS the word.
    pub(crate) async fn session(&mut self) -> Session {
        let mut session = self.inform().await;
        let empty = session.read().await.expect("the CPE goes on after the InformResponse");
        assert!(empty.body.is_empty(), "expected an empty POST: {}", empty.text());
        session
    }

    /// The next session, up to the InformResponse.
    pub(crate) async fn inform(&mut self) -> Session {
        timeout(PATIENCE, self.accept_inform()).await.expect("the CPE starts a session")
    }

    async fn accept_inform(&mut self) -> Session {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut session = Session::new(stream);
            if self.take_inform(&mut session).await {
                let response = Message::from(InformResponse { max_envelopes: 1 });
                session.reply("200 OK", &session.envelope(response)).await;
                return session;
            }
        }
    }

    /// Reads the Inform, after a 401 if the ACS wants credentials.
    async fn take_inform(&mut self, session: &mut Session) -> bool {
        while let Some(request) = session.read().await {
            if let Some(refusal) = self.refusal(&request) {
                session.reply_raw(&refusal).await;
                continue;
            }
            let parsed = Envelope::parse(&request.body).expect("an envelope").envelope;
            session.namespace = parsed.namespace;
            session.id = parsed.header.id;
            let Message::Inform(inform) = parsed.message else { panic!("{:?}", parsed.message) };
            session.inform = Some(inform);
            return true;
        }
        false
    }

    fn refusal(&mut self, request: &Request) -> Option<String> {
        let (auth, password) = self.auth.as_mut()?;
        let header = request.header("authorization");
        let verdict =
            auth.verify("POST", "/acs", header, Duration::ZERO, |_| Some(password.clone()));
        if matches!(verdict, Verdict::Accepted { .. }) {
            return None;
        }
        let challenge = auth.challenges(Duration::ZERO, false).remove(0);
        Some(format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\n\
             Content-Length: 0\r\n\r\n"
        ))
    }

    /// Accepts one connection, reads a request and answers with this status line.
    pub(crate) async fn refuse(&self, status: &str) {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        let mut session = Session::new(stream);
        session.read().await.expect("a request");
        session.reply(status, "").await;
    }
}

/// A session whose last POST waits for its answer.
pub(crate) struct Session {
    stream: TcpStream,
    buffer: Vec<u8>,
    namespace: CwmpNamespace,
    id: Option<String>,
    inform: Option<Inform>,
    calls: u32,
}

/// A request as it came.
pub(crate) struct Request {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.head, String::from_utf8_lossy(&self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Session {
    fn new(stream: TcpStream) -> Self {
        let namespace = CwmpNamespace::default();
        Self { stream, buffer: Vec::new(), namespace, id: None, inform: None, calls: 0 }
    }

    pub(crate) fn inform(&self) -> &Inform {
        self.inform.as_ref().unwrap()
    }

    /// The codes of the events, in order.
    pub(crate) fn events(&self) -> Vec<String> {
        self.inform().event.iter().map(|event| event.event_code.clone()).collect()
    }

    /// A parameter of the Inform.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let list = &self.inform().parameter_list;
        let found = list.iter().find(|parameter| parameter.name == name)?;
        Some(&found.value.text)
    }

    /// Sends a request as the answer to the waiting POST, and takes the response.
    pub(crate) async fn call(&mut self, request: impl Into<Message>) -> Message {
        self.calls += 1;
        self.id = Some(format!("acs-{}", self.calls));
        let envelope = self.envelope(request.into());
        self.reply("200 OK", &envelope).await;
        let response = self.read().await.expect("an answer to the RPC");
        let parsed = Envelope::parse(&response.body).expect("an envelope").envelope;
        assert_eq!(parsed.header.id, self.id, "SOAP-08");
        parsed.message
    }

    /// Sends a request to a CPE that must not answer it, but give the session up.
    pub(crate) async fn call_unanswered(mut self, request: impl Into<Message>) {
        self.id = Some("acs-unanswered".to_owned());
        let envelope = self.envelope(request.into());
        self.reply("200 OK", &envelope).await;
        assert!(self.read().await.is_none(), "the CPE answered");
    }

    /// Reads parameters: names and values.
    pub(crate) async fn get(&mut self, names: &[&str]) -> Vec<(String, String)> {
        let parameter_names = names.iter().map(|name| (*name).to_owned()).collect();
        let answer = self.call(GetParameterValues { parameter_names }).await;
        let Message::GetParameterValuesResponse(response) = answer else { panic!("{answer:?}") };
        response.parameter_list.into_iter().map(|item| (item.name, item.value.text)).collect()
    }

    /// The value of one parameter.
    pub(crate) async fn value(&mut self, name: &str) -> String {
        self.get(&[name]).await.remove(0).1
    }

    /// Sets parameters and expects success.
    pub(crate) async fn set(&mut self, values: &[(&str, drover_cwmp::Value)]) {
        let answer = self.call(set_parameter_values(values)).await;
        assert!(matches!(answer, Message::SetParameterValuesResponse(_)), "{answer:?}");
    }

    /// Ends the session: the CPE closes the connection.
    pub(crate) async fn end(mut self) -> Inform {
        self.reply("204 No Content", "").await;
        assert!(self.read().await.is_none(), "SES-12: nothing comes after the end");
        self.inform.unwrap()
    }

    async fn read(&mut self) -> Option<Request> {
        timeout(PATIENCE, self.read_request()).await.expect("the CPE goes on in time")
    }

    async fn read_request(&mut self) -> Option<Request> {
        loop {
            if let Some(request) = self.take_request() {
                return Some(request);
            }
            let mut chunk = [0; 8192];
            let count = self.stream.read(&mut chunk).await.unwrap_or(0);
            if count == 0 {
                assert!(self.buffer.is_empty(), "the CPE closed in the middle of a request");
                return None;
            }
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }

    fn take_request(&mut self) -> Option<Request> {
        let end = self.buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.buffer[..end].to_vec()).unwrap();
        assert!(head.starts_with("POST "), "{head}");
        let request = Request { head, body: Vec::new() };
        let length = request.header("content-length").expect("HTTP-05").parse::<usize>().unwrap();
        let body = self.buffer.get(end..end + length)?.to_vec();
        self.buffer.drain(..end + length);
        Some(Request { body, ..request })
    }

    fn envelope(&self, message: Message) -> String {
        let header = Header { id: self.id.clone(), ..Header::default() };
        Envelope { namespace: self.namespace, header, message }.to_xml()
    }

    async fn reply(&mut self, status: &str, body: &str) {
        let kind = if body.is_empty() { "" } else { "Content-Type: text/xml\r\n" };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\n{kind}Set-Cookie: session=1; Path=/\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        self.reply_raw(&format!("{head}{body}")).await;
    }

    async fn reply_raw(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }
}

/// A request that sets parameters, with an empty ParameterKey.
pub(crate) fn set_parameter_values(values: &[(&str, drover_cwmp::Value)]) -> SetParameterValues {
    use drover_cwmp::message::ParameterValueStruct;
    let item = |(name, value): &(&str, drover_cwmp::Value)| ParameterValueStruct {
        name: (*name).to_owned(),
        value: value.clone(),
    };
    SetParameterValues {
        parameter_list: values.iter().map(item).collect(),
        parameter_key: String::new(),
    }
}
