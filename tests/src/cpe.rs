//! A device of a few lines: it says what it is told to say.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value as Json, json};

use crate::http::{Connection, Response};
use crate::nbi;
use crate::xml::{self, Element, escape};

/// Its `OUI` and `ProductClass`.
pub const OUI: &str = "00D09E";
/// See [`OUI`].
pub const PRODUCT_CLASS: &str = "Scripted";

/// Where its connections go and who it is.
#[derive(Debug, Clone)]
pub struct Cpe {
    /// The server.
    pub server: SocketAddr,
    /// Its serial number.
    pub serial: String,
}

/// A session in which the Inform was accepted.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    cookie: Option<String>,
}

/// What the server said.
#[derive(Debug, Clone)]
pub enum Turn {
    /// A request with its ID.
    Request(Element, String),
    /// 204: the session is over.
    Over,
}

/// An envelope in the form of most devices.
pub fn envelope(id: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap-env:Envelope \
         xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:cwmp=\"urn:dslforum-org:cwmp-1-0\"><soap-env:Header>\
         <cwmp:ID soap-env:mustUnderstand=\"1\">{}</cwmp:ID></soap-env:Header>\
         <soap-env:Body>{content}</soap-env:Body></soap-env:Envelope>",
        escape(id)
    )
}

/// A list of parameters with their values, all of them strings.
pub fn parameter_list(values: &[(&str, &str)]) -> String {
    let items = values.iter().map(|(name, value)| {
        format!(
            "<ParameterValueStruct><Name>{}</Name><Value xsi:type=\"xsd:string\">{}</Value>\
             </ParameterValueStruct>",
            escape(name),
            escape(value)
        )
    });
    let items: String = items.collect();
    let count = values.len();
    format!(
        "<ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[{count}]\">{items}\
         </ParameterList>"
    )
}

/// A fault with a code of the standard.
pub fn fault(code: u32) -> String {
    format!(
        "<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>\
         <detail><cwmp:Fault><FaultCode>{code}</FaultCode><FaultString>no</FaultString>\
         </cwmp:Fault></detail></soap-env:Fault>"
    )
}

impl Cpe {
    /// A device with a serial number.
    pub fn new(server: SocketAddr, serial: &str) -> Self {
        Self { server, serial: serial.to_owned() }
    }

    /// How the server names it.
    pub fn id(&self) -> String {
        nbi::device_id(OUI, PRODUCT_CLASS, &self.serial)
    }

    /// An Inform with an event and values.
    pub fn inform(&self, event: &str, values: &[(&str, &str)]) -> String {
        let content = format!(
            "<cwmp:Inform><DeviceId><Manufacturer>Drover</Manufacturer><OUI>{OUI}</OUI>\
             <ProductClass>{PRODUCT_CLASS}</ProductClass>\
             <SerialNumber>{}</SerialNumber></DeviceId>\
             <Event soap-enc:arrayType=\"cwmp:EventStruct[1]\"><EventStruct>\
             <EventCode>{event}</EventCode><CommandKey></CommandKey></EventStruct></Event>\
             <MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-11-22T13:19:28Z</CurrentTime>\
             <RetryCount>0</RetryCount>{}</cwmp:Inform>",
            escape(&self.serial),
            parameter_list(values)
        );
        envelope("inform", &content)
    }

    /// Connects and sends an Inform.
    ///
    /// # Errors
    /// Those of the connection, and any answer but an InformResponse.
    pub fn start(&self, event: &str, values: &[(&str, &str)]) -> io::Result<Session> {
        let mut session = Session { connection: Connection::open(self.server)?, cookie: None };
        let response = session.post(&self.inform(event, values))?;
        let name = soap(&response).map(|(content, _)| content.name).unwrap_or_default();
        if (response.status, name.as_str()) != (200, "InformResponse") {
            return Err(unexpected(&response));
        }
        session.cookie = response
            .header("Set-Cookie")
            .map(|line| line.split(';').next().unwrap_or_default().to_owned());
        Ok(session)
    }

    /// A whole session in which every request is answered by `answer`.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn hold(
        &self,
        event: &str,
        values: &[(&str, &str)],
        mut answer: impl FnMut(&Element) -> String,
    ) -> io::Result<()> {
        let mut session = self.start(event, values)?;
        let mut turn = session.hand_over()?;
        while let Turn::Request(request, id) = turn {
            turn = session.answer(&id, &answer(&request))?;
        }
        Ok(())
    }

    /// A query that finds it.
    pub fn query(&self) -> Json {
        json!({ "_id": self.id() })
    }
}

impl Session {
    /// Sends the empty POST.
    ///
    /// # Errors
    /// Those of the connection, and any answer but a request or 204.
    pub fn hand_over(&mut self) -> io::Result<Turn> {
        let response = self.post("")?;
        turn(&response)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// As for [`hand_over`](Self::hand_over).
    pub fn answer(&mut self, id: &str, content: &str) -> io::Result<Turn> {
        let response = self.post(&envelope(id, content))?;
        turn(&response)
    }

    /// Sends a body.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn post(&mut self, body: &str) -> io::Result<Response> {
        self.send(body)?;
        self.connection.receive()
    }

    /// Sends a body and does not wait for what comes back.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn send(&mut self, body: &str) -> io::Result<()> {
        let mut headers = vec![("Content-Type", "text/xml; charset=\"utf-8\"")];
        if !body.is_empty() {
            headers.push(("SOAPAction", ""));
        }
        if let Some(cookie) = &self.cookie {
            headers.push(("Cookie", cookie));
        }
        self.connection.request("POST /acs", &headers, body.as_bytes())
    }
}

fn turn(response: &Response) -> io::Result<Turn> {
    match (response.status, soap(response)) {
        (204, _) => Ok(Turn::Over),
        (200, Some((content, id))) => Ok(Turn::Request(content, id)),
        _ => Err(unexpected(response)),
    }
}

/// Content and ID of the envelope of a response.
pub fn soap(response: &Response) -> Option<(Element, String)> {
    let root = xml::parse(&response.text()).ok()?;
    let id = root.child("Header").map(|header| header.text_of("ID").to_owned());
    Some((root.soap_content()?.clone(), id.unwrap_or_default()))
}

fn unexpected(response: &Response) -> io::Error {
    io::Error::other(format!("{} {}: {}", response.status, response.reason, response.text()))
}

/// Good answers to the requests that a scripted device knows; fault 9000 to others.
pub fn agree(request: &Element) -> String {
    let done =
        |name: &str, members: &str| format!("<cwmp:{name}Response>{members}</cwmp:{name}Response>");
    match request.name.as_str() {
        "SetParameterValues" => done("SetParameterValues", "<Status>0</Status>"),
        "AddObject" => done("AddObject", "<InstanceNumber>1</InstanceNumber><Status>0</Status>"),
        "DeleteObject" => done("DeleteObject", "<Status>0</Status>"),
        "Reboot" => done("Reboot", ""),
        "FactoryReset" => done("FactoryReset", ""),
        "GetParameterValues" => {
            let names: Vec<String> = request.all("string").into_iter().map(one_below).collect();
            let values: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
            done("GetParameterValues", &parameter_list(&values))
        }
        _ => fault(9000),
    }
}

/// A parameter of the name itself or, if it is a partial path, below it.
fn one_below(name: &Element) -> String {
    let more = if name.text.ends_with('.') { "Name" } else { "" };
    format!("{}{more}", name.text)
}
