//! Recorded conversations of real CPE software.
//!
//! One JSON object a line: `client`, `scenario`, and `messages` in order, each with `from`, `conn`,
//! `start`, `headers` and `body`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::programs;
use crate::xml::{self, Element};

/// A recorded conversation.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// The software that was recorded.
    pub client: String,
    /// What was tried.
    pub scenario: String,
    /// What the client sent, each with what it got.
    pub exchanges: Vec<Exchange>,
}

/// A request and what came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What the client sent.
    pub request: Message,
    /// What the recording server answered, if it did.
    pub reply: Option<Message>,
}

/// One HTTP message.
#[derive(Debug, Clone)]
pub struct Message {
    /// The number of its TCP connection.
    pub conn: u64,
    /// Request or status line.
    pub start: String,
    /// Names and values in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The content of its SOAP body, if it has one that can be read.
    pub soap: Option<Element>,
    /// The text of its header `ID`.
    pub id: Option<String>,
}

impl Conversation {
    /// For people.
    pub fn name(&self) -> String {
        format!("{} {}", self.client, self.scenario)
    }
}

impl Message {
    fn read(json: &Json) -> Self {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let headers = json["headers"].as_array().into_iter().flatten().filter_map(header).collect();
        let body = readable(text("body"));
        let root = xml::parse(body.trim_start_matches('\u{feff}')).ok();
        let soap = root.as_ref().and_then(Element::soap_content).cloned();
        let header = root.as_ref().and_then(|root| root.child("Header"));
        let id = header.and_then(|header| header.child("ID")).map(|id| id.text.clone());
        let conn = json["conn"].as_u64().unwrap_or_default();
        Self { conn, start: text("start"), headers, body, soap, id }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// The values of all headers of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str())
    }

    /// The status code of a reply.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The name of the RPC, `Fault`, or nothing.
    pub fn rpc(&self) -> &str {
        self.soap.as_ref().map_or("", |soap| soap.name.as_str())
    }

    /// Whether it is an Inform, be it cut: that shows in the text.
    pub fn is_inform(&self) -> bool {
        self.rpc() == "Inform" || (self.soap.is_none() && self.body.contains(":Inform>"))
    }

    /// Whether it has no body but blanks.
    pub fn is_empty(&self) -> bool {
        self.body.trim().is_empty()
    }

    /// Whether it has a body that is not whole.
    pub fn is_cut(&self) -> bool {
        !self.is_empty() && self.soap.is_none()
    }

    /// Whether it is a POST, be there junk before the method.
    pub fn is_post(&self) -> bool {
        let method = self.start.split(' ').next().unwrap_or_default();
        method.ends_with("POST")
    }
}

/// In a text that is not UTF-8 the recorder has put replacement characters, which the declared
/// encoding does not have.
fn readable(body: String) -> String {
    let (declaration, _) = body.split_once("?>").unwrap_or_default();
    let is_latin = declaration.to_ascii_lowercase().contains("iso-8859");
    if is_latin { body.replace('\u{fffd}', "?") } else { body }
}

fn header(json: &Json) -> Option<(String, String)> {
    if let Some((name, value)) = json.as_str().and_then(|text| text.split_once(':')) {
        return Some((name.to_owned(), value.trim().to_owned()));
    }
    let pair = json.as_array()?;
    Some((pair.first()?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()))
}

/// Joins each request with the reply that followed on its connection.
fn exchanges(messages: &[Json]) -> Vec<Exchange> {
    let mut exchanges = Vec::<Exchange>::new();
    for json in messages {
        let message = Message::read(json);
        if json["from"] == "cpe" {
            exchanges.push(Exchange { request: message, reply: None });
            continue;
        }
        let open = |e: &&mut Exchange| e.request.conn == message.conn && e.reply.is_none();
        if let Some(exchange) = exchanges.iter_mut().rev().find(open) {
            exchange.reply = Some(message);
        }
    }
    exchanges
}

/// All conversations of the folder `DROVER_CAPTURES`, or else of the shared material; `None` when
/// there is no such folder (see [`programs::missing`]).
///
/// # Panics
/// When a file cannot be read.
pub fn conversations() -> Option<Vec<Conversation>> {
    let folder = match std::env::var_os("DROVER_CAPTURES") {
        Some(folder) => PathBuf::from(folder),
        None => programs::shared("captures")?,
    };
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no *.jsonl", folder.display());
    Some(files.iter().flat_map(|file| read(file.as_path())).collect())
}

fn read(file: &Path) -> Vec<Conversation> {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let parse = |line| -> Json {
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    };
    lines.map(parse).map(|json| from_json(&json)).collect()
}

/// One conversation as it stands in a line.
pub fn from_json(json: &Json) -> Conversation {
    let text = |name: &str| json[name].as_str().unwrap_or("?").to_owned();
    let messages = json["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let exchanges = exchanges(messages);
    Conversation { client: text("client"), scenario: text("scenario"), exchanges }
}
