//! SOAP envelopes: one message with its CWMP headers (TR-069a6 §3.5, section 9 of the
//! requirements).

use crate::error::{Malformed, MalformedKind, Misuse};
use crate::limits::{ENVELOPE_BYTES_MAX, HEADER_ELEMENTS_MAX, ID_CHARS_MAX, OUI_CHARS};
use crate::message::{InvalidArguments, Kind, Message, Recipient, read_fault};
use crate::tolerated::{Tolerated, ToleratedList};
use crate::value::{parse_boolean, parse_integer};
use crate::version::{CwmpNamespace, CwmpVersion};
use crate::xml::{Element, ReadError, XmlReader, XmlWriter, decode};

const SOAP_ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The document element up to the namespace of CWMP; the only prefixes that all devices of the
/// field read (quirk 16).
const OPENING: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<SOAP-ENV:Envelope",
    " xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\"",
    " xmlns:SOAP-ENC=\"http://schemas.xmlsoap.org/soap/encoding/\"",
    " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"",
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"",
    " xmlns:cwmp=\""
);

/// The CWMP headers of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `ID`: comes back unchanged with the answer (`SOAP-08`).
    pub id: Option<String>,
    /// `HoldRequests`, only from an ACS; absent means false (`SOAP-09`).
    pub hold_requests: Option<bool>,
    /// `SessionTimeout` in seconds, only in an Inform (`SOAP-10`).
    pub session_timeout: Option<u32>,
    /// `SupportedCWMPVersions`, only in an Inform; versions we do not know are left out
    /// (`NEG-01`).
    pub supported_cwmp_versions: Option<Vec<CwmpVersion>>,
    /// `UseCWMPVersion`, only in an InformResponse (`NEG-02`).
    pub use_cwmp_version: Option<CwmpVersion>,
}

/// One envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The namespace of the `cwmp:` prefix.
    pub namespace: CwmpNamespace,
    /// The headers.
    pub header: Header,
    /// The message.
    pub message: Message,
}

/// An envelope that was read, with what was let pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The envelope.
    pub envelope: Envelope,
    /// Where it deviates from the standard.
    pub tolerated: ToleratedList,
}

/// Whether an HTTP body counts as empty: nothing but white space and NUL (`LEN-04`).
pub fn is_empty_body(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0)
}

impl Envelope {
    /// An envelope with an `ID` and no other header.
    pub fn new(
        namespace: CwmpNamespace,
        id: impl Into<Option<String>>,
        message: impl Into<Message>,
    ) -> Self {
        Self {
            namespace,
            header: Header { id: id.into(), ..Header::default() },
            message: message.into(),
        }
    }

    /// Reads an envelope of at most [`ENVELOPE_BYTES_MAX`] bytes.
    ///
    /// An unknown RPC and unreadable arguments are not errors here, since they are answered with a
    /// fault that needs the header: see [`Message::Unknown`] and [`Message::Invalid`].
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no envelope: not XML, not SOAP 1.1, a DTD, an encoding we
    /// do not read, a header that must be understood and is not, or something beyond a limit.
    pub fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
        let mut tolerated = ToleratedList::default();
        if bytes.len() > ENVELOPE_BYTES_MAX {
            let kind = MalformedKind::Limit { what: "bytes", max: ENVELOPE_BYTES_MAX };
            return Err(Malformed { kind, offset: 0 });
        }
        let text = decode(bytes, &mut tolerated)?;
        if !text.starts_with("<?xml") {
            tolerated.note(Tolerated::NoXmlDeclaration);
        }
        let mut reader = XmlReader::new(&text, tolerated);
        let envelope = read_envelope(&mut reader)?;
        check_patterns(&envelope.message, &mut reader.tolerated);
        Ok(Parsed { envelope, tolerated: reader.tolerated })
    }

    /// Writes the envelope in exactly the form of the standard (section 9).
    pub fn to_xml(&self) -> String {
        let mut writer = XmlWriter::with_capacity(2048);
        writer.raw(OPENING);
        writer.raw(self.namespace.as_str());
        writer.raw("\">");
        self.header.write(&mut writer);
        writer.open("SOAP-ENV:Body");
        self.message.write(&mut writer);
        writer.close("SOAP-ENV:Body");
        writer.close("SOAP-ENV:Envelope");
        writer.finish()
    }

    /// Complains about members that break the limits of the standard.
    ///
    /// # Errors
    /// [`Misuse::Invalid`] names the member.
    pub fn check(&self) -> Result<(), Misuse> {
        self.message.check()
    }
}

impl Header {
    const fn is_empty(&self) -> bool {
        self.id.is_none()
            && self.hold_requests.is_none()
            && self.session_timeout.is_none()
            && self.supported_cwmp_versions.is_none()
            && self.use_cwmp_version.is_none()
    }

    fn write(&self, writer: &mut XmlWriter) {
        if self.is_empty() {
            return;
        }
        writer.open("SOAP-ENV:Header");
        let mut entry = |name: &str, must_understand: &str, text: &str| {
            writer.open_with(name, must_understand);
            writer.text(text);
            writer.close(name);
        };
        const MUST: &str = "SOAP-ENV:mustUnderstand=\"1\"";
        const MAY: &str = "SOAP-ENV:mustUnderstand=\"0\"";
        if let Some(id) = &self.id {
            entry("cwmp:ID", MUST, id);
        }
        if let Some(hold) = self.hold_requests {
            entry("cwmp:HoldRequests", MUST, if hold { "1" } else { "0" });
        }
        if let Some(seconds) = self.session_timeout {
            entry("cwmp:SessionTimeout", MAY, &seconds.to_string());
        }
        if let Some(versions) = &self.supported_cwmp_versions {
            let list: Vec<_> = versions.iter().map(|version| version.as_str()).collect();
            entry("cwmp:SupportedCWMPVersions", MAY, &list.join(","));
        }
        if let Some(version) = self.use_cwmp_version {
            entry("cwmp:UseCWMPVersion", MUST, version.as_str());
        }
        writer.close("SOAP-ENV:Header");
    }
}

fn not_soap(reader: &XmlReader<'_>, why: &'static str) -> Malformed {
    reader.malformed(MalformedKind::NotSoap(why.into()))
}

fn read_envelope(reader: &mut XmlReader<'_>) -> Result<Envelope, Malformed> {
    let Some(root) = reader.next_child()? else {
        return Err(not_soap(reader, "there is no element"));
    };
    if root.local() != "Envelope" {
        let name = root.local().chars().take(64).collect::<String>();
        let why = format!("the root element is <{name}>, not <Envelope>");
        return Err(reader.malformed(MalformedKind::NotSoap(why.into())));
    }
    match reader.namespace(root.prefix()) {
        Some(SOAP_ENVELOPE) => {}
        Some(_) => return Err(not_soap(reader, "the envelope is not in SOAP 1.1's namespace")),
        None => note_undeclared(reader, &root),
    }
    let mut header = Header::default();
    let mut body = None;
    while let Some(child) = reader.next_child()? {
        match child.local() {
            "Header" if body.is_none() => header = read_header(reader)?,
            "Body" if body.is_none() => body = Some(read_body(reader)?),
            _ => reader.skip(&child)?,
        }
    }
    if reader.next_child()?.is_some() {
        return Err(not_soap(reader, "something follows the envelope"));
    }
    let Some((namespace, message)) = body else {
        return Err(not_soap(reader, "there is no body"));
    };
    Ok(Envelope { namespace, header, message })
}

fn note_undeclared(reader: &mut XmlReader<'_>, element: &Element<'_>) {
    let prefix = element.prefix().unwrap_or_default().chars().take(64).collect();
    reader.tolerated.note(Tolerated::UndeclaredPrefix(prefix));
}

/// The CWMP namespace of an element, by its prefix or, where that is of no use, by what else is
/// declared.
fn cwmp_namespace(reader: &mut XmlReader<'_>, element: &Element<'_>) -> CwmpNamespace {
    let own = reader.namespace(element.prefix()).map(CwmpNamespace::recognise);
    let namespace = match own {
        Some(Some(namespace)) => namespace,
        Some(None) => {
            let name = element.local().chars().take(64).collect();
            reader.tolerated.note(Tolerated::WrongNamespace(name));
            any_cwmp_namespace(reader)
        }
        None => {
            note_undeclared(reader, element);
            any_cwmp_namespace(reader)
        }
    };
    if matches!(namespace, CwmpNamespace::V1_3 | CwmpNamespace::V1_4) {
        reader.tolerated.note(Tolerated::Namespace(namespace));
    }
    namespace
}

fn any_cwmp_namespace(reader: &XmlReader<'_>) -> CwmpNamespace {
    reader.namespaces().find_map(CwmpNamespace::recognise).unwrap_or(CwmpNamespace::V1_0)
}

fn read_body(reader: &mut XmlReader<'_>) -> Result<(CwmpNamespace, Message), Malformed> {
    let Some(element) = reader.next_child()? else {
        return Err(not_soap(reader, "the body is empty"));
    };
    let own = reader.namespace(element.prefix());
    let is_fault = element.local() == "Fault"
        && own.is_none_or(|namespace| CwmpNamespace::recognise(namespace).is_none());
    let (namespace, message) = if is_fault {
        if own.is_none() {
            note_undeclared(reader, &element);
        }
        let namespace = any_cwmp_namespace(reader);
        let message = match read_fault(reader) {
            Ok(fault) => Message::Fault(fault),
            Err(ReadError::Malformed(malformed)) => return Err(malformed),
            Err(ReadError::Argument(violation)) => {
                let why = violation.to_string();
                return Err(reader.malformed(MalformedKind::NotCwmpFault(why)));
            }
        };
        (namespace, message)
    } else {
        let namespace = cwmp_namespace(reader, &element);
        match Message::read(reader, &element) {
            Ok(message) => (namespace, message),
            Err(ReadError::Malformed(malformed)) => return Err(malformed),
            // `Message::read` turns every bad argument into a message of its own.
            Err(ReadError::Argument(violation)) => {
                let invalid = InvalidArguments {
                    name: "an RPC",
                    kind: Kind::Request(Recipient::Both),
                    violation,
                };
                (namespace, Message::Invalid(invalid))
            }
        }
    };
    // Bad arguments leave the element half read.
    reader.skip_to(element.depth().saturating_sub(1))?;
    if reader.next_child()?.is_some() {
        return Err(not_soap(reader, "the body holds more than one message"));
    }
    Ok((namespace, message))
}

fn read_header(reader: &mut XmlReader<'_>) -> Result<Header, Malformed> {
    let mut header = Header::default();
    let mut count = 0_usize;
    while let Some(entry) = reader.next_child()? {
        count = count.saturating_add(1);
        if count > HEADER_ELEMENTS_MAX {
            let kind = MalformedKind::Limit { what: "header elements", max: HEADER_ELEMENTS_MAX };
            return Err(reader.malformed(kind));
        }
        let must_understand = entry
            .attribute("mustUnderstand")
            .is_some_and(|value| parse_boolean(&value) == Some(true));
        read_header_entry(reader, &entry, must_understand, &mut header)?;
    }
    Ok(header)
}

fn read_header_entry(
    reader: &mut XmlReader<'_>,
    entry: &Element<'_>,
    must_understand: bool,
    header: &mut Header,
) -> Result<(), Malformed> {
    match entry.local() {
        "ID" => {
            if !must_understand {
                reader.tolerated.note(Tolerated::IdNotMustUnderstand);
            }
            let id = reader.text()?;
            if id.chars().nth(ID_CHARS_MAX).is_some() {
                let kind = MalformedKind::Limit { what: "characters of ID", max: ID_CHARS_MAX };
                return Err(reader.malformed(kind));
            }
            header.id = Some(id.into_owned());
        }
        "HoldRequests" => {
            let text = reader.text()?;
            let value = parse_boolean(&text.to_ascii_lowercase());
            header.hold_requests = Some(value.ok_or_else(|| bad(reader, "HoldRequests", &text))?);
        }
        "SessionTimeout" => {
            header.session_timeout = parse_integer(&reader.text()?);
            // It need not be understood: without it the ACS waits as long as it thinks right.
            if header.session_timeout.is_none() {
                reader.tolerated.note(Tolerated::Unreadable("SessionTimeout"));
            }
        }
        "SupportedCWMPVersions" => {
            let text = reader.text()?;
            let known = text.split(',').take(64).filter_map(|version| version.parse().ok());
            header.supported_cwmp_versions = Some(known.collect());
        }
        "UseCWMPVersion" => {
            let text = reader.text()?;
            let value = text.parse();
            header.use_cwmp_version =
                Some(value.map_err(|_| bad(reader, "UseCWMPVersion", &text))?);
        }
        "NoMoreRequests" => {
            reader.tolerated.note(Tolerated::NoMoreRequests);
            reader.skip(entry)?;
        }
        name if must_understand => {
            let name = name.chars().take(64).collect();
            return Err(reader.malformed(MalformedKind::MustUnderstand(name)));
        }
        _ => reader.skip(entry)?,
    }
    Ok(())
}

fn bad(reader: &XmlReader<'_>, name: &'static str, value: &str) -> Malformed {
    let value = value.chars().take(64).collect();
    reader.malformed(MalformedKind::Header { name, value })
}

/// Patterns of the schema that a length does not tell (`ID-01`, `LEN-08`).
fn check_patterns(message: &Message, tolerated: &mut ToleratedList) {
    if let Message::Inform(inform) = message {
        let oui = &inform.device_id.oui;
        let upper = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        if oui.len() != OUI_CHARS || !oui.bytes().all(upper) {
            tolerated.note(Tolerated::Pattern("OUI"));
        }
    }
}
