//! Every recorded message of real CPE software is read as what it is, or refused for a listed
//! reason.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests may look around"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use drover_cwmp::{Envelope, Message, Tolerated, is_empty_body};
use serde_json::Value as Json;

/// Tells whether a message is of a kind.
type Is = fn(&Captured) -> bool;

/// Why a recorded body is rightly refused: the reason, part of the error, and how such a message is
/// told from one that should have been read.
const REFUSED: &[(&str, &str, Is)] = &[
    (
        "Content-Length counted in characters cuts off the end (quirk 3 of the field)",
        "tag not closed",
        |captured| !captured.body.is_ascii() && !captured.body.trim_end().ends_with('>'),
    ),
    ("a compressed body (quirk 7), of which the recording kept no bytes", "", |captured| {
        captured.headers.iter().any(|header| is_encoding(header))
    }),
];

fn is_encoding(header: &str) -> bool {
    let (name, value) = header.split_once(':').unwrap_or_default();
    name.eq_ignore_ascii_case("Content-Encoding") && !value.trim().eq_ignore_ascii_case("identity")
}

struct Captured {
    client: String,
    scenario: String,
    index: usize,
    headers: Vec<String>,
    body: String,
}

/// The bodies that CPEs sent, from `DROVER_CAPTURES` or the shared folder.
fn captured() -> Option<Vec<Captured>> {
    let folder = match std::env::var_os("DROVER_CAPTURES") {
        Some(folder) => PathBuf::from(folder),
        None => common::shared("captures")?,
    };
    let mut all = Vec::new();
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no *.jsonl", folder.display());
    for file in files {
        for line in fs::read_to_string(&file).expect("readable").lines() {
            let session: Json = serde_json::from_str(line).expect("JSON");
            for (index, message) in session["messages"].as_array().expect("list").iter().enumerate()
            {
                let start = message["start"].as_str().unwrap_or_default();
                if message["from"] == "cpe" && start.starts_with("POST") {
                    all.push(Captured {
                        client: session["client"].as_str().unwrap_or_default().to_owned(),
                        scenario: session["scenario"].as_str().unwrap_or_default().to_owned(),
                        index,
                        headers: texts(&message["headers"]),
                        body: message["body"].as_str().unwrap_or_default().to_owned(),
                    });
                }
            }
        }
    }
    Some(all)
}

fn texts(list: &Json) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Name of the first element in the body, read without any XML library.
fn expected_name(envelope: &str) -> &str {
    let is_body = |tag: &&str| {
        let name = tag.split([' ', '\t', '\r', '\n', '>']).next().unwrap_or_default();
        name == "Body" || name.ends_with(":Body")
    };
    let mut tags = envelope.split('<').skip_while(|tag| !is_body(tag)).skip(1);
    let tag = tags.find(|tag| !tag.starts_with(['!', '?'])).expect("an element in the body");
    let name = tag.split([' ', '\t', '\r', '\n', '>', '/']).next().expect("a name");
    name.rsplit(':').next().expect("a name")
}

#[test]
fn captures_of_cpe_messages_are_read_as_what_they_are() {
    let Some(all) = captured() else { return };
    let mut counts = BTreeMap::<String, usize>::new();
    for captured in &all {
        let Captured { client, scenario, index, body, .. } = captured;
        if is_empty_body(body.as_bytes()) {
            *counts.entry("empty".to_owned()).or_default() += 1;
            continue;
        }
        let place = format!("{client} {scenario} #{index}");
        match Envelope::parse(body.as_bytes()) {
            Ok(parsed) => {
                let message = &parsed.envelope.message;
                assert!(
                    !matches!(message, Message::Unknown(_) | Message::Invalid(_)),
                    "{place}: {message:?}"
                );
                assert_eq!(message.name(), expected_name(body), "{place}");
                *counts.entry(message.name().to_owned()).or_default() += 1;
            }
            Err(error) => {
                let text = error.to_string();
                let listed =
                    REFUSED.iter().find(|(_, part, is)| text.contains(part) && is(captured));
                let (reason, ..) = listed.unwrap_or_else(|| panic!("{place}: {text}\n{body}"));
                *counts.entry(format!("refused: {reason}")).or_default() += 1;
            }
        }
    }
    println!("{counts:#?}");
    assert!(counts.contains_key("Inform"), "no Inform at all: {counts:?}");
}

#[test]
fn captures_array_members_are_all_read() {
    let Some(all) = captured() else { return };
    for Captured { client, scenario, index, body, .. } in &all {
        let Ok(parsed) = Envelope::parse(body.as_bytes()) else { continue };
        let (tag, read) = match &parsed.envelope.message {
            Message::GetParameterValuesResponse(m) => ("<Name", m.parameter_list.len()),
            Message::GetParameterNamesResponse(m) => ("<Name", m.parameter_list.len()),
            Message::Inform(m) => ("<EventCode", m.event.len()),
            _ => continue,
        };
        let written = body.matches(tag).count();
        assert_eq!(read, written, "{client} {scenario} #{index}");
    }
}

#[test]
fn captures_show_the_peculiarities_of_their_clients() {
    let Some(all) = captured() else { return };
    let seen = |client: &str, item: &Tolerated| {
        all.iter().filter(|captured| captured.client == client).any(|captured| {
            Envelope::parse(captured.body.as_bytes())
                .is_ok_and(|parsed| parsed.tolerated.contains(item))
        })
    };
    if std::env::var_os("DROVER_CAPTURES").is_some() {
        return;
    }
    // Quirks 20 and 21 of the field.
    assert!(seen("genieacs-sim", &Tolerated::ArrayCount("ParameterList")));
    assert!(seen("cwmp-sim", &Tolerated::UndeclaredPrefix("soap".to_owned())));
}
