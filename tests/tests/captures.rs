//! Recorded conversations of real CPE software complete their sessions with `drover serve`.

#![allow(clippy::print_stdout, reason = "tests say what they did")]

use std::collections::BTreeMap;

use drover_tests::capture::{self, Conversation};
use drover_tests::cpe::{self, Cpe};
use drover_tests::replay::{EarlyEnd, Outcome, replay, script};
use serde_json::{Value as Json, json};

/// Why a session cannot be held to its end by anybody. All others must.
const ENDS_EARLY: &[(EarlyEnd, &str)] = &[
    (EarlyEnd::BodyIsCut, "the body is not whole: characters counted for bytes (quirk 3), or lost"),
    (EarlyEnd::ChallengeIsNotAnswered, "the client knows no digest"),
    (EarlyEnd::NoInform, "the recording holds no session"),
];

#[test]
fn captures_replay_completes_the_sessions() {
    let Some(all) = capture::conversations() else { return };
    let outcomes = replay_all(&all, &all, true);
    let sessions: usize = all.iter().map(|one| script::sessions(one).len()).sum();
    let mut early = 0;
    for (name, outcome) in &outcomes {
        for end in &outcome.ended_early {
            let (_, reason) = ENDS_EARLY.iter().find(|(known, _)| known == end).expect("listed");
            println!("{name}: {:?}, because {reason}", end.status());
            early += 1;
        }
    }
    let total = |count: fn(&Outcome) -> usize| outcomes.values().map(count).sum::<usize>();
    // An introduction comes before each conversation, so that there are more.
    assert!(total(|outcome| outcome.completed) + early >= sessions, "{outcomes:#?}");
    assert!(total(|outcome| outcome.completed) > 2 * early, "{outcomes:#?}");
    assert!(total(|outcome| outcome.answered_as_recorded) > 0, "{outcomes:#?}");
    print_totals(&total);
}

fn print_totals(total: &dyn Fn(fn(&Outcome) -> usize) -> usize) {
    println!(
        "{} sessions, {} requests answered as recorded and {} otherwise, {} tasks done and {} \
         faulted, {} values",
        total(|outcome| outcome.completed),
        total(|outcome| outcome.answered_as_recorded),
        total(|outcome| outcome.answered_otherwise),
        total(|outcome| outcome.done),
        total(|outcome| outcome.faulted),
        total(|outcome| outcome.values),
    );
}

/// Quirk 13: where the operator allows it, a count that stands still costs no second challenge.
#[test]
fn captures_replay_with_a_nonce_count_that_stands_still() {
    let Some(all) = capture::conversations() else { return };
    let still = |one: &&Conversation| script::login(one).is_some_and(|l| l.count_stands_still);
    let chosen: Vec<Conversation> = all.iter().filter(still).cloned().collect();
    replay_all(&chosen, &all, false);
}

fn replay_all(
    chosen: &[Conversation],
    library: &[Conversation],
    strict_nc: bool,
) -> BTreeMap<String, Outcome> {
    let mut outcomes = BTreeMap::new();
    let mut failures = Vec::new();
    for conversation in chosen {
        match replay(conversation, library, strict_nc) {
            Ok(outcome) => drop(outcomes.insert(conversation.name(), outcome)),
            Err(error) => failures.push(format!("{}: {error}", conversation.name())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    outcomes
}

const DIGEST: &str = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"/acs\", \
                      response=\"x\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"";
const CHALLENGE: &str = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";

/// A conversation in the form of a recording: each request with its connection, headers and body,
/// and the status, headers and body of the reply.
struct Recording(Vec<Json>);

impl Recording {
    fn say(mut self, conn: u64, headers: &[&str], body: &str, reply: (u16, &str, &str)) -> Self {
        let mut headers = headers.to_vec();
        headers.push("Content-Length: 0");
        let (status, header, told) = reply;
        let status = format!("HTTP/1.1 {status} X");
        self.0.push(json!({"from": "cpe", "conn": conn, "start": "POST /acs HTTP/1.1",
            "headers": headers, "body": body}));
        self.0.push(json!({"from": "acs", "conn": conn, "start": status, "headers": [header],
            "body": told}));
        self
    }

    #[track_caller]
    fn replay(self, scenario: &str) -> Outcome {
        let json = json!({"client": "made up", "scenario": scenario, "messages": self.0});
        let conversation = capture::from_json(&json);
        let library = [conversation.clone()];
        replay(&conversation, &library, true).unwrap_or_else(|error| panic!("{scenario}: {error}"))
    }
}

fn inform() -> String {
    let cpe = Cpe::new(([127, 0, 0, 1], 1).into(), "made-up");
    cpe.inform("2 PERIODIC", &[("Device.A", "1"), ("Device.B", "&<é")])
}

fn inform_response() -> String {
    cpe::envelope("inform", "<cwmp:InformResponse/>")
}

fn asked() -> String {
    let names = "<ParameterNames><string>Device.C</string></ParameterNames>";
    let content = format!("<cwmp:GetParameterValues>{names}</cwmp:GetParameterValues>");
    cpe::envelope("7", &content)
}

fn answer() -> String {
    let list = cpe::parameter_list(&[("Device.C", "answered")]);
    let name = "cwmp:GetParameterValuesResponse";
    cpe::envelope("7", &format!("<{name}>{list}</{name}>"))
}

/// A session with a request, where each of the client's messages carries these headers.
fn session(headers: &[&str], first_conn: u64, conns: u64) -> Recording {
    let conn = |index: u64| first_conn + index.min(conns - 1);
    let set = "Set-Cookie: s=1; Path=/";
    let with_cookie = [headers, &["Cookie: s=1"]].concat();
    Recording(Vec::new())
        .say(conn(0), headers, &inform(), (200, set, &inform_response()))
        .say(conn(1), &with_cookie, "", (200, "X: y", &asked()))
        .say(conn(2), &with_cookie, &answer(), (204, "X: y", ""))
}

/// Habits of clients that are known from the field (by the numbers of its quirks), but of which the
/// recordings may hold none.
#[test]
fn captures_replay_of_further_habits() {
    let cases: [(&str, &[&str], u64); 5] = [
        ("6: Expect", &["Expect: 100-continue"], 1),
        ("7: gzip", &["Content-Encoding: gzip"], 1),
        ("7: deflate", &["Content-Encoding: deflate"], 1),
        ("4: no type", &["Content-Type: ", "SOAPAction: \"urn:x\""], 1),
        ("14: a connection each", &["Content-Type: text/xml"], 3),
    ];
    for (name, headers, conns) in cases {
        let outcome = session(headers, 1, conns).replay(name);
        assert_eq!(
            (outcome.completed, outcome.answered_as_recorded),
            (2, 1),
            "{name}: {outcome:?}"
        );
        assert_eq!((outcome.done, outcome.values), (1, 3), "{name}: {outcome:?}");
    }
}

/// Quirks 1, 12 and 14: an empty POST before the Inform, a challenge to every message, and the
/// answer to it on another connection.
#[test]
fn captures_replay_of_further_logins() {
    let challenge = format!("WWW-Authenticate: {CHALLENGE}");
    let signed = format!("Authorization: {DIGEST}");
    let (challenge, signed) = (challenge.as_str(), signed.as_str());
    let set = "Set-Cookie: s=1; Path=/; HttpOnly";
    let back = "Cookie: s=1; Path=/; HttpOnly";
    let probing = Recording(Vec::new())
        .say(1, &[], "", (401, challenge, ""))
        .say(1, &[signed], &inform(), (200, set, &inform_response()))
        .say(1, &[signed, back], "", (204, "X: y", ""));
    let outcome = probing.replay("1: an empty POST first");
    assert_eq!(outcome.completed, 2, "{outcome:?}");
    let challenged = Recording(Vec::new())
        .say(1, &[], &inform(), (401, challenge, ""))
        .say(2, &[signed], &inform(), (200, set, &inform_response()))
        .say(3, &[back], "", (401, challenge, ""))
        .say(4, &[signed, back], "", (200, "X: y", &asked()))
        .say(5, &[back], &answer(), (401, challenge, ""))
        .say(6, &[signed, back], &answer(), (204, "X: y", ""));
    let outcome = challenged.replay("12: challenged each time");
    assert_eq!((outcome.completed, outcome.answered_as_recorded), (2, 1), "{outcome:?}");
}

/// What the recorder could not keep is refused, and does no harm.
#[test]
fn captures_replay_of_lost_bodies() {
    let packed = "\u{1f}\u{fffd}\u{8}\u{0}\u{fffd}lost";
    let lost = Recording(Vec::new()).say(1, &["Content-Encoding: gzip"], packed, (204, "X: y", ""));
    assert_eq!(lost.replay("lost").ended_early, [EarlyEnd::BodyIsCut]);
    let cut = inform();
    let cut = Recording(Vec::new()).say(1, &[], &cut[..cut.len() - 1], (204, "X: y", ""));
    assert_eq!(cut.replay("cut").ended_early, [EarlyEnd::BodyIsCut]);
    let none = Recording(Vec::new()).replay("nothing");
    assert_eq!((none.completed, none.ended_early), (0, vec![EarlyEnd::NoInform]));
}
