use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::auth::Credentials;
use drover_cwmp::{CwmpVersion, Value, ValueType};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::record::{DeviceFields, Identity, Parameter};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn offers(methods: &[Method], is_behind_nat: bool) -> Offers {
    let address = |method| methods.contains(&method).then(|| format!("{method:?}"));
    Offers {
        http: address(Method::Http),
        udp: address(Method::Udp),
        xmpp: address(Method::Xmpp),
        is_behind_nat,
    }
}

fn reach(methods: &[Method], is_behind_nat: bool) -> Reach {
    Reach::new(ReachConfig::default(), offers(methods, is_behind_nat), History::default())
}

#[derive(Debug, Clone, Copy)]
enum In {
    Wanted,
    Nothing,
    Outcome(Outcome),
    Session,
    OtherSession,
    NewCredentials,
}
use In::{Nothing, OtherSession, Session, Wanted as Want};

const ACCEPTED: In = In::Outcome(Outcome::Accepted);
const SENT: In = In::Outcome(Outcome::Sent);

const fn failed(reason: Unreachable) -> In {
    In::Outcome(Outcome::Failed(reason))
}

/// What comes in at which second, and all that must come out, with the second of the next wake-up.
fn transcript(reach: &mut Reach, steps: &[(i64, In, &str)]) {
    for (second, input, expected) in steps {
        let found = step(reach, *second, *input);
        assert_eq!(found, *expected, "at {second} s, {input:?}");
    }
}

fn step(reach: &mut Reach, second: i64, input: In) -> String {
    let now = at(second);
    let mut out = Vec::new();
    match input {
        Want => match reach.wanted(now) {
            Wanted::Begun => {}
            Wanted::Joined => out.push("joined".to_owned()),
            Wanted::Not { reason, until } => {
                let until = until.map(|until| until.as_second() - at(0).as_second());
                out.push(format!("{reason}, until {until:?}"));
            }
        },
        Nothing => {}
        In::Outcome(outcome) => reach.outcome(reach.number, outcome, now),
        Session => reach.session_began(true),
        OtherSession => reach.session_began(false),
        In::NewCredentials => reach.credentials_changed(),
    }
    while let Some(action) = reach.poll(now) {
        out.push(match action {
            Action::Send(Attempt { method, address, .. }) => {
                assert_eq!(address, format!("{method:?}"));
                format!("send {address}")
            }
            Action::Reached => "reached".to_owned(),
            Action::GiveUp(reason) => format!("give up: {reason}"),
        });
    }
    if let Some(wake) = reach.next_wake() {
        out.push(format!("wake {}", wake.as_second() - at(0).as_second()));
    }
    out.join("; ")
}

#[test]
fn cr_07_a_device_that_accepts_begins_a_session() {
    let mut reach = reach(&[Method::Http], false);
    transcript(
        &mut reach,
        &[
            (0, Want, "send Http; wake 10"),
            (1, Want, "joined; wake 10"),
            (1, ACCEPTED, "wake 31"),
            (5, Want, "joined; wake 31"),
            (6, Session, "reached"),
            (7, Nothing, ""),
            (7, ACCEPTED, ""),
            (8, Want, "send Http; wake 18"),
        ],
    );
    assert_eq!(reach.history().http.score, 192);
}

#[test]
fn behind_a_nat_udp_comes_first_and_http_last() {
    let all = Method::ALL;
    transcript(
        &mut reach(&all, true),
        &[
            (0, Want, "send Udp; wake 10"),
            (0, SENT, "wake 10"),
            (9, Nothing, "wake 10"),
            (10, Nothing, "send Xmpp; wake 20"),
            (11, failed(Unreachable::NotSent), "send Http; wake 21"),
            (16, failed(Unreachable::Offline), "give up: Device is offline"),
            (17, Want, "send Xmpp; wake 27"),
            (18, ACCEPTED, "wake 48"),
            (48, Nothing, "send Udp; wake 58"),
            (48, SENT, "wake 58"),
            (58, Nothing, "send Http; wake 68"),
            (60, failed(Unreachable::Offline), &format!("give up: {}", Unreachable::NoSession)),
        ],
    );
    transcript(
        &mut reach(&all, false),
        &[
            (0, Want, "send Http; wake 10"),
            (10, Nothing, "send Xmpp; wake 20"),
            (20, Nothing, "send Udp; wake 30"),
            (21, SENT, "wake 31"),
            (25, Session, "reached"),
        ],
    );
}

#[test]
fn the_way_that_works_comes_first_next_time() {
    let mut reach = reach(&[Method::Http, Method::Udp], false);
    for round in 0..6 {
        let start = round * 1000;
        let first = step(&mut reach, start, Want);
        if first.starts_with("send Http") {
            assert!(round < 2, "HTTP is still tried first");
            step(&mut reach, start, failed(Unreachable::Offline));
        }
        step(&mut reach, start, SENT);
        assert_eq!(step(&mut reach, start, Session), "reached");
    }
    // And back again, when UDP works no more.
    let mut order = Vec::new();
    for round in 10..20 {
        let start = round * 1000;
        let is_http = step(&mut reach, start, Want).starts_with("send Http");
        if !is_http {
            step(&mut reach, start, failed(Unreachable::Offline));
        }
        order.push(is_http);
        step(&mut reach, start, ACCEPTED);
        step(&mut reach, start, Session);
    }
    assert!(!order[0] && order[9], "{order:?}");
}

#[test]
fn cr_11_a_busy_device_is_asked_again_a_few_times() {
    let busy = failed(Unreachable::Busy);
    let reason = "give up: Connection request error: the device is busy (status 503)";
    let mut reach = reach(&[Method::Http], false);
    transcript(
        &mut reach,
        &[
            (0, Want, "send Http; wake 10"),
            (0, busy, "wake 5"),
            (4, Want, "joined; wake 5"),
            (5, Nothing, "send Http; wake 15"),
            (5, busy, "wake 10"),
            (10, Nothing, "send Http; wake 20"),
            (10, busy, reason),
            // It is there, so it can be asked at once.
            (11, Want, "send Http; wake 21"),
            (11, busy, "wake 16"),
            // The session that it was busy with was another one.
            (12, OtherSession, "reached"),
        ],
    );
    assert_eq!(reach.history().http.score, 128);
}

#[test]
fn a_device_that_is_offline_is_left_alone_for_longer_each_time() {
    let mut reach = reach(&[Method::Http], false);
    let offline = failed(Unreachable::Offline);
    let mut now = 0;
    for pause in [10, 20, 40, 80, 160, 300, 300] {
        step(&mut reach, now, Want);
        assert_eq!(step(&mut reach, now, offline), "give up: Device is offline");
        let not = format!("Device is offline, until Some({})", now + pause);
        assert_eq!(step(&mut reach, now + pause - 1, Want), not);
        now += pause;
    }
    step(&mut reach, now, Want);
    step(&mut reach, now, offline);
    // It shows up by itself.
    transcript(
        &mut reach,
        &[(now + 1, OtherSession, ""), (now + 1, Want, &format!("send Http; wake {}", now + 11))],
    );
}

#[test]
fn wrong_credentials_wait_for_others() {
    let wrong = failed(Unreachable::Credentials);
    let reason = "Incorrect connection request credentials";
    let mut reach = reach(&[Method::Http, Method::Udp], false);
    transcript(
        &mut reach,
        &[
            (0, Want, "send Http; wake 10"),
            (0, wrong, "send Udp; wake 10"),
            (0, SENT, "wake 10"),
            // Of two reasons the one that says more.
            (10, Nothing, &format!("give up: {reason}")),
            (11, Want, &format!("{reason}, until Some(20)")),
            (12, OtherSession, ""),
            (12, Want, "send Udp; wake 22"),
            (12, Session, "reached"),
            (13, In::NewCredentials, ""),
        ],
    );
    assert_eq!(reach.history().http.reason, None);
}

#[test]
fn another_address_is_another_chance() {
    let mut reach = reach(&[Method::Http], false);
    step(&mut reach, 0, Want);
    step(&mut reach, 0, failed(Unreachable::InvalidAddress));
    let not = "Invalid connection request URL: it cannot be used, until Some(600)";
    assert_eq!(step(&mut reach, 1, Want), not);
    let mut again = Reach::new(ReachConfig::default(), reach.offers.clone(), reach.history());
    assert_eq!(step(&mut again, 1, Want), not);
    again.set_offers(Offers { http: Some("other".to_owned()), ..Offers::default() });
    assert_eq!(again.wanted(at(2)), Wanted::Begun);
}

#[test]
fn a_device_without_an_address_is_not_asked() {
    let not = "Invalid connection request URL: the device has told none, until None";
    transcript(&mut reach(&[], false), &[(0, Want, not), (1, OtherSession, "")]);
}

#[test]
fn a_late_outcome_changes_nothing() {
    let mut reach = reach(&[Method::Http, Method::Udp], false);
    step(&mut reach, 0, Want);
    let old = reach.number;
    assert_eq!(step(&mut reach, 10, Nothing), "send Udp; wake 20");
    reach.outcome(old, Outcome::Accepted, at(11));
    assert_eq!(step(&mut reach, 11, Nothing), "wake 20");
    assert_eq!(step(&mut reach, 12, Session), "reached");
}

#[test]
fn a_clock_that_goes_back_keeps_nobody_waiting() {
    let mut reach = reach(&[Method::Http], false);
    step(&mut reach, 0, Want);
    step(&mut reach, 0, ACCEPTED);
    assert!(step(&mut reach, -3600, Nothing).starts_with("give up"));
    let mut reach = self::reach(&[Method::Http], false);
    step(&mut reach, 0, Want);
    step(&mut reach, 0, failed(Unreachable::Offline));
    assert!(step(&mut reach, -3600, Want).starts_with("send Http"));
}

#[test]
fn what_is_kept_is_small() {
    assert_eq!(size_of::<History>(), 48);
}

#[test]
fn offers_are_read_from_the_record() {
    let now = at(0);
    let record = |values: &[(&str, &str)]| {
        let parameter =
            |value: &str| Parameter::with_value(Value::new(ValueType::String, value), now);
        let path = |name: &str| format!("Device.ManagementServer.{name}");
        let fields = DeviceFields {
            identity: Identity::default(),
            registered: now,
            last_inform: now,
            last_boot: None,
            last_bootstrap: None,
            sessions: 1,
            last_events: Vec::new(),
            root: Some("Device.".to_owned()),
            cwmp_version: CwmpVersion::V1_4,
            peculiarities: BTreeSet::new(),
            connection_request: Credentials::default(),
        };
        let parameters: BTreeMap<String, Parameter> =
            values.iter().map(|(name, value)| (path(name), parameter(value))).collect();
        let key = crate::DeviceKey::new("0", "", "1");
        DeviceRecord { key, fields, tags: BTreeSet::new(), parameters }
    };
    let all = [
        ("ConnectionRequestURL", "http://192.0.2.1:7547/x"),
        ("UDPConnectionRequestAddress", "198.51.100.1:40000"),
        ("ConnReqJabberID", "box@example.com/cwmp"),
        ("NATDetected", "1"),
    ];
    let found = Offers::of(&record(&all));
    let addresses: Vec<_> = Method::ALL.into_iter().map(|it| found.address(it)).collect();
    let expected = [all[0].1, all[1].1, all[2].1].map(Some);
    assert_eq!((addresses, found.is_behind_nat), (expected.to_vec(), true));
    let off =
        [("STUNEnable", "0"), ("HTTPConnectionRequestEnable", "false"), ("ConnReqJabberID", " ")];
    let found = Offers::of(&record(&[&all[..2], &off].concat()));
    assert_eq!(found, Offers::default());
}

const REASONS: [Unreachable; 6] = [
    Unreachable::Offline,
    Unreachable::Credentials,
    Unreachable::Busy,
    Unreachable::Status(404),
    Unreachable::InvalidAddress,
    Unreachable::NotSent,
];

proptest! {
    #[test]
    fn codes_are_read_back(status in 100..=u16::MAX) {
        for reason in REASONS.into_iter().chain([Unreachable::Status(status)]) {
            prop_assert_eq!(Unreachable::from_code(reason.code()), Some(reason));
        }
        prop_assert_eq!(Unreachable::from_code(99), None);
    }

    /// Whatever a device does, one request is under way at a time, there are few of them, and
    /// whoever waits gets an answer.
    #[test]
    fn every_wish_ends(
        methods in proptest::sample::subsequence(Method::ALL.to_vec(), 0..=3),
        is_behind_nat: bool,
        steps in vec((0..8usize, 0..40i64, select(REASONS.to_vec())), 0..60),
    ) {
        let mut reach = reach(&methods, is_behind_nat);
        let (mut now, mut waiting, mut sent) = (0, false, 0);
        let end = [(9, 0, Unreachable::Offline); 20];
        for (kind, time, reason) in steps.into_iter().chain(end) {
            // The last steps only let the time pass.
            now += if kind == 9 { 60 } else { time };
            let input = match kind {
                0 | 1 => Want,
                2 => ACCEPTED,
                3 => SENT,
                4 | 5 => failed(reason),
                6 => Session,
                7 => OtherSession,
                _ => Nothing,
            };
            let was_idle = reach.is_idle();
            let out = step(&mut reach, now, input);
            if matches!(input, Want) && was_idle {
                waiting = !out.contains("until");
                sent = 0;
            }
            let sends = out.matches("send").count();
            sent += sends;
            prop_assert!(sends <= 1 && sent <= usize::from(REACH_ATTEMPTS_MAX), "{out}");
            let told = out.contains("reached") || out.contains("give up");
            prop_assert!(!told || waiting, "nobody waits: {out}");
            waiting &= !told;
            prop_assert_eq!(waiting, !reach.is_idle());
            prop_assert_eq!(waiting, reach.next_wake().is_some());
            prop_assert!(reach.next_wake().is_none_or(|wake| wake > at(now)));
        }
        prop_assert!(!waiting);
    }
}
