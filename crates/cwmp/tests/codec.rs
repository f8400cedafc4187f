//! The codec against itself and against the published schemas: `parse(write(x)) = x` for every
//! message of every version, each written message valid, and no input makes the reader panic.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests may look around"
)]

mod common;

use std::process::Command;

use drover_cwmp::message::{GetParameterValues, RPCS};
use drover_cwmp::{
    CwmpNamespace, CwmpVersion, Envelope, Header, MalformedKind, Message, Tolerated,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

fn any_message() -> impl Strategy<Value = Message> {
    proptest::strategy::Union::new(common::messages(CwmpVersion::V1_4))
}

fn any_header() -> impl Strategy<Value = Header> {
    (
        proptest::option::of(common::text(40)),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<u32>()),
        proptest::option::of(proptest::sample::subsequence(CwmpVersion::ALL.to_vec(), 0..=5)),
        proptest::option::of(proptest::sample::select(CwmpVersion::ALL.to_vec())),
    )
        .prop_map(|(id, hold, timeout, supported, chosen)| Header {
            id,
            hold_requests: hold,
            session_timeout: timeout,
            supported_cwmp_versions: supported,
            use_cwmp_version: chosen,
        })
}

fn any_envelope() -> impl Strategy<Value = Envelope> {
    (proptest::sample::select(CwmpNamespace::ALL.to_vec()), any_header(), any_message())
        .prop_map(|(namespace, header, message)| Envelope { namespace, header, message })
}

#[test]
fn every_message_has_a_strategy() {
    let mut runner = TestRunner::deterministic();
    let mut names: Vec<_> = common::messages(CwmpVersion::V1_4)
        .into_iter()
        .map(|strategy| strategy.new_tree(&mut runner).unwrap().current().name().to_owned())
        .collect();
    names.sort_unstable();
    let mut expected: Vec<_> = RPCS
        .iter()
        .flat_map(|(name, ..)| [(*name).to_owned(), format!("{name}Response")])
        .chain(["Fault".to_owned()])
        .collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

proptest! {
    #![proptest_config(common::cases(400))]

    #[test]
    fn parse_is_the_inverse_of_write(envelope in any_envelope()) {
        envelope.check().expect("within the limits");
        let parsed = Envelope::parse(envelope.to_xml().as_bytes()).expect("our own writing");
        prop_assert_eq!(&parsed.envelope, &envelope);
        let odd: Vec<_> = parsed.tolerated.iter().map(ToString::to_string).collect();
        let odd: Vec<_> = odd.iter().filter(|item| {
            !item.starts_with("namespace") && !item.starts_with("shape")
        }).collect();
        prop_assert!(odd.is_empty(), "{odd:?}");
    }

    #[test]
    fn mutation_never_panics(
        envelope in any_envelope(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = envelope.to_xml().into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = Envelope::parse(&bytes);
    }

    #[test]
    fn rearrangement_never_panics(
        envelope in any_envelope(),
        cuts in proptest::collection::vec(any::<[prop::sample::Index; 2]>(), 1..6),
    ) {
        let mut bytes = envelope.to_xml().into_bytes();
        for cut in cuts {
            let [from, to] = cut.map(|index| index.index(bytes.len()));
            let part: Vec<_> = bytes.drain(from.min(to)..from.max(to)).collect();
            let at = bytes.len() / 2;
            bytes.splice(at..at, part);
        }
        let _ = Envelope::parse(&bytes);
    }
}

#[test]
fn truncation_of_every_message_is_refused_at_every_byte() {
    let mut runner = TestRunner::deterministic();
    for strategy in common::messages(CwmpVersion::V1_4) {
        let message = strategy.new_tree(&mut runner).unwrap().current();
        let text = Envelope::new(CwmpNamespace::V1_2, "7".to_owned(), message).to_xml();
        // Every byte of what is particular to the message, and every seventh of the rest.
        let body = text.find("Body>").expect("a body");
        for end in (0..body).step_by(7).chain(body..text.len()) {
            let error = Envelope::parse(&text.as_bytes()[..end]).expect_err("cut off");
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn soap_03_every_written_message_is_valid_against_the_schema_of_its_version() {
    let Some(validate) = common::shared("xsd/validate") else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        return common::missing("xmllint (Debian package libxml2-utils)");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut runner = TestRunner::deterministic();
    let mut files = Vec::new();
    for version in CwmpVersion::ALL {
        for strategy in common::messages(version) {
            for sample in 0..6 {
                let message = strategy.new_tree(&mut runner).unwrap().current();
                if message.since() > version {
                    continue;
                }
                let name = format!("{version}-{}-{sample}.xml", message.name());
                let path = folder.path().join(name);
                std::fs::write(&path, in_version(version, message).to_xml()).expect("written");
                files.push(path);
            }
        }
    }
    assert!(files.len() > 1000, "{} files", files.len());
    let output = Command::new(validate).args(&files).output().expect("xsd/validate runs");
    let report = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<_> = report
        .lines()
        .filter(|line| !line.ends_with(" validates") && !line.contains("Skipping import"))
        .take(20)
        .collect();
    assert!(output.status.success() && complaints.is_empty(), "{complaints:#?}");
    let validated = report.lines().filter(|line| line.ends_with(" validates")).count();
    assert_eq!(validated, files.len());
}

/// The envelope with all headers that go with the message in this version.
fn in_version(version: CwmpVersion, message: Message) -> Envelope {
    let mut envelope = Envelope::new(version.namespace(), "id-1".to_owned(), message);
    let header = &mut envelope.header;
    match envelope.message.name() {
        "Inform" => {
            header.session_timeout = (version >= CwmpVersion::V1_3).then_some(40);
            header.supported_cwmp_versions =
                (version >= CwmpVersion::V1_4).then(|| version.up_to());
        }
        "InformResponse" => {
            header.use_cwmp_version = (version >= CwmpVersion::V1_4).then_some(version);
        }
        _ if envelope.message.is_request_to_cpe() => header.hold_requests = Some(true),
        _ => {}
    }
    envelope
}

fn refused(bytes: &[u8]) -> MalformedKind {
    Envelope::parse(bytes).expect_err("must be refused").kind
}

#[test]
fn soap_20_dtds_and_entities_are_refused_unread() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>\
        <Envelope><Body>&b;</Body></Envelope>";
    assert_eq!(refused(bomb.as_bytes()), MalformedKind::Dtd);
    assert_eq!(refused(b"<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>"), MalformedKind::Dtd);
    assert_eq!(refused(b"<!DOCTYPE x ["), MalformedKind::Dtd);
    let envelope = get("&xxe;");
    assert_eq!(refused(envelope.as_bytes()), MalformedKind::Entity("xxe".to_owned()));
}

fn get(name: &str) -> String {
    let message = GetParameterValues { parameter_names: vec!["NAME".to_owned()] };
    let text = Envelope::new(CwmpNamespace::V1_0, "1".to_owned(), message).to_xml();
    text.replace("NAME", name)
}

#[test]
fn depth_attributes_and_lists_are_bounded() {
    use drover_cwmp::limits::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_NAMESPACES_MAX};
    let deep = |depth: usize| get(&("<a>".repeat(depth) + &"</a>".repeat(depth)));
    // Envelope, Body, GetParameterValues, ParameterNames, string.
    assert!(Envelope::parse(deep(XML_DEPTH_MAX - 5).as_bytes()).is_ok());
    let kind = refused(deep(XML_DEPTH_MAX - 4).as_bytes());
    assert!(matches!(kind, MalformedKind::Limit { max: XML_DEPTH_MAX, .. }), "{kind}");

    let attributes = |count: usize| {
        let list: String = (0..count).map(|n| format!(" a{n}=\"\"")).collect();
        get(&format!("<a{list}/>"))
    };
    assert!(Envelope::parse(attributes(XML_ATTRIBUTES_MAX).as_bytes()).is_ok());
    let kind = refused(attributes(XML_ATTRIBUTES_MAX + 1).as_bytes());
    assert!(matches!(kind, MalformedKind::Limit { max: XML_ATTRIBUTES_MAX, .. }), "{kind}");

    let nested = (0..20).map(|n| {
        let list: String = (0..10).map(|m| format!(" xmlns:p{n}x{m}=\"u\"")).collect();
        format!("<a{list}>")
    });
    let kind = refused(get(&nested.collect::<String>()).as_bytes());
    assert!(matches!(kind, MalformedKind::Limit { max: XML_NAMESPACES_MAX, .. }), "{kind}");
}

/// Reads at a limit, and is refused for it one beyond.
fn bounded(max: usize, envelope: impl Fn(usize) -> String) {
    let at = Envelope::parse(envelope(max).as_bytes());
    assert!(at.is_ok(), "at {max}: {}", at.unwrap_err());
    let kind = refused(envelope(max + 1).as_bytes());
    assert!(matches!(kind, MalformedKind::Limit { max: named, .. } if named == max), "{kind}");
}

#[test]
fn bytes_of_an_envelope_and_of_a_text_are_bounded() {
    use drover_cwmp::limits::{ENVELOPE_BYTES_MAX, TEXT_BYTES_MAX};
    let empty = get("").len();
    // Outside of a text, so that only the envelope is long.
    bounded(ENVELOPE_BYTES_MAX, |bytes| {
        get("").replace("</string>", &format!("</string>{}", " ".repeat(bytes - empty)))
    });
    bounded(TEXT_BYTES_MAX, |bytes| get(&"x".repeat(bytes)));
}

#[test]
fn members_of_lists_and_headers_are_bounded() {
    use drover_cwmp::limits::{HEADER_ELEMENTS_MAX, ID_CHARS_MAX, LIST_ITEMS_MAX};
    bounded(LIST_ITEMS_MAX, |members| {
        get("").replace("<string></string>", &"<string/>".repeat(members))
    });
    let with_header = |entries: &str| {
        get("").replace("</SOAP-ENV:Header>", &format!("{entries}</SOAP-ENV:Header>"))
    };
    // The ID is one of them.
    bounded(HEADER_ELEMENTS_MAX, |entries| with_header(&"<x/>".repeat(entries - 1)));
    bounded(ID_CHARS_MAX, |chars| {
        get("").replace(">1</cwmp:ID>", &format!(">{}</cwmp:ID>", "é".repeat(chars)))
    });
}

#[test]
fn a_body_that_is_no_envelope_says_so() {
    for (text, part) in [
        ("<html><body>404</body></html>", "root element is <html>"),
        ("<Envelope/>", "no body"),
        ("<Envelope><Body/></Envelope>", "body is empty"),
        ("<Envelope><Body><a/><b/></Body></Envelope>", "more than one message"),
        ("<Envelope><Body><a/></Body></Envelope><x/>", "follows the envelope"),
        ("<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\"/>", "SOAP 1.1"),
        ("no XML at all", "no element"),
    ] {
        let error = Envelope::parse(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn soap_12_headers_that_must_be_understood() {
    let with = |header: &str| {
        get("x").replace("<SOAP-ENV:Body>", &format!(
            "<SOAP-ENV:Header>{header}</SOAP-ENV:Header><SOAP-ENV:Body>"))
            .replace("<SOAP-ENV:Header><cwmp:ID SOAP-ENV:mustUnderstand=\"1\">1</cwmp:ID></SOAP-ENV:Header>", "")
    };
    let foreign = "<x:Y xmlns:x=\"urn:x\" SOAP-ENV:mustUnderstand=\"1\"/>";
    let kind = refused(with(foreign).as_bytes());
    assert_eq!(kind, MalformedKind::MustUnderstand("Y".to_owned()));
    let foreign = foreign.replace("\"1\"", "\"0\"");
    assert!(Envelope::parse(with(&foreign).as_bytes()).is_ok());
}

#[test]
fn an_error_is_short_however_long_the_message() {
    let text = get(&format!("<{}>", "a".repeat(100_000)));
    let error = Envelope::parse(text.as_bytes()).expect_err("not well-formed");
    assert!(matches!(error.kind, MalformedKind::Xml(_)), "{error}");
    assert!(error.to_string().len() < 1000, "{} bytes", error.to_string().len());
}

#[test]
fn illegal_characters_are_replaced_and_noted() {
    let parsed = Envelope::parse(get("Device.\u{1}\0\u{FFFE}.").as_bytes()).expect("readable");
    let Message::GetParameterValues(message) = &parsed.envelope.message else { panic!("other") };
    assert_eq!(message.parameter_names, ["Device.\u{FFFD}\u{FFFD}\u{FFFD}."]);
    assert!(parsed.tolerated.contains(&Tolerated::IllegalCharacter));
}
