use drover_cwmp::auth::{
    Algorithm, ChallengeOutcome, ClientAuth, Scheme, ServerAuth, ServerAuthConfig,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::expression::{Unknown, Value};
use crate::limits::{AUTH_EXTENSIONS_MAX, AUTH_THROTTLED_MAX};

const ENTROPY: [u8; 16] = *b"0123456789abcdef";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn credentials(username: &str, password: &str) -> Credentials {
    Credentials::new(username, Secret::new(password))
}

/// A device, and what the server keeps of it.
#[derive(Debug, Clone)]
struct Device {
    identity: Identity,
    is_bootstrap: bool,
    certificate: Option<&'static str>,
    address: &'static str,
    own: DeviceCredentials,
    answers: ExtensionAnswers,
}

fn device(serial_number: &str) -> Device {
    Device {
        identity: Identity {
            manufacturer: "Acme".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: "Box".to_owned(),
            serial_number: serial_number.to_owned(),
        },
        is_bootstrap: false,
        certificate: None,
        address: "192.0.2.1",
        own: DeviceCredentials::default(),
        answers: ExtensionAnswers::default(),
    }
}

impl Device {
    /// Whether a decision changes what is to be saved, besides the address.
    fn settle(&mut self, decision: &Decision) -> bool {
        let address = self.address.parse().unwrap();
        self.own.home = Some(address);
        self.own.settle(&Admitted { decision: decision.clone(), address })
    }

    fn decide(
        &self,
        authentication: &mut Authentication,
        presented: &mut Presented<'_>,
        seconds: i64,
    ) -> Decision {
        let claim = Claim {
            identity: &self.identity,
            is_bootstrap: self.is_bootstrap,
            certificate: self.certificate,
            address: self.address.parse().unwrap(),
            credentials: &self.own,
            device: &Unknown,
            answers: &self.answers,
        };
        authentication.decide(presented, &claim, at(seconds), ENTROPY)
    }

    /// Comes with basic credentials, or with none.
    fn come(
        &self,
        authentication: &mut Authentication,
        with: Option<(&str, &str)>,
        seconds: i64,
    ) -> Decision {
        let mut presented = with.map_or(Presented::nothing(), |(username, password)| {
            Presented::basic(credentials(username, password))
        });
        self.decide(authentication, &mut presented, seconds)
    }
}

fn by_rule(rule: &str) -> Authentication {
    let rule = Rule::Expression(Expression::parse(rule).unwrap());
    Authentication::new(Policy { rule, ..Policy::default() })
}

fn by_known(known: KnownCredentials) -> Authentication {
    Authentication::new(Policy { rule: Rule::Credentials(known), ..Policy::default() })
}

fn batch(username: &str) -> OnboardingSecret {
    OnboardingSecret {
        credentials: credentials(username, "factory"),
        oui: Some("00D09E".to_owned()),
        product_class: None,
        until: Some(at(1000)),
    }
}

fn wrong(reason: Refusal) -> Decision {
    Decision::Refuse { reason, retry_after: None }
}

const ASKED: Decision = Decision::Challenge { is_stale: false };

#[test]
fn compat_4_4_without_a_rule_everybody_may_come_in() {
    let mut open = Authentication::new(Policy::default());
    let accepted = Decision::Accept(Proof::Nothing);
    assert_eq!(device("1").come(&mut open, None, 0), accepted);
    for second in 0..100 {
        assert_eq!(device("1").come(&mut open, Some(("a", "b")), second), accepted);
    }
}

#[test]
fn compat_2_12_an_expression_decides() {
    let device = device("1");
    let accepted = Decision::Accept(Proof::Expression);
    let check = |rule: &str, with, expected: &Decision| {
        assert_eq!(device.come(&mut by_rule(rule), with, 0), *expected, "{rule}");
    };
    check("AUTH('user', 'pass')", None, &ASKED);
    check("AUTH('user', 'pass')", Some(("user", "pass")), &accepted);
    check("AUTH('user', 'pass')", Some(("user", "Pass")), &wrong(Refusal::Expression));
    check("AUTH('user', 'pass')", Some(("other", "pass")), &wrong(Refusal::Expression));
    check("AUTH('user')", Some(("user", "")), &wrong(Refusal::Expression));
    check("AUTH('user', 5)", Some(("user", "5")), &accepted);
    check("true", None, &accepted);
    check("REMOTE_ADDRESS() LIKE '192.0.2.%'", None, &accepted);
    check("remoteAddress = '192.0.2.1' AND oui = '00D09E'", None, &accepted);
    check("productClass = 'Box' AND DeviceID.Manufacturer = 'Acme'", None, &accepted);
    check("NOW() = 1700000000000", None, &accepted);
    let own = ("00D09E-Box-1", "1-secret");
    check("AUTH(DeviceID.ID, serialNumber || '-secret')", Some(own), &accepted);
    check("AUTH(id, PASSWORD()) AND USERNAME() LIKE '00D09E%'", Some(own), &accepted);
    check("AUTH('a', 'b') OR AUTH(DeviceID.ID, '1-secret')", Some(own), &accepted);
    check(
        "AUTH(Device.ManagementServer.Username, 'x')",
        Some(("", "x")),
        &wrong(Refusal::Expression),
    );
    check("USERNAME() IS NULL AND PASSWORD() IS NULL", None, &accepted);
}

#[test]
fn an_expression_sees_the_own_credentials_of_a_device() {
    let rule = "AUTH(Device.ManagementServer.Username, Device.ManagementServer.Password)";
    let mut authentication = by_rule(rule);
    let mut device = device("1");
    assert_eq!(device.come(&mut authentication, None, 0), ASKED);
    device.own.current = Some(credentials("a", "old"));
    device.own.next = Some(credentials("b", "new"));
    let old = device.come(&mut authentication, Some(("a", "old")), 0);
    let new = device.come(&mut authentication, Some(("b", "new")), 0);
    assert_eq!(old, Decision::Accept(Proof::Expression));
    assert_eq!(new, Decision::Accept(Proof::Next));
    assert!(device.settle(&new) && !device.settle(&new));
    assert_eq!(device.own.current, Some(credentials("b", "new")));
    let old = device.come(&mut authentication, Some(("a", "old")), 0);
    assert_eq!(old, wrong(Refusal::Expression));
}

#[test]
fn an_expression_asks_for_its_extensions() {
    let rule = "AUTH(EXT('cpe', 'user', DeviceID.ID), EXT('cpe', 'password', USERNAME()))";
    let mut authentication = by_rule(rule);
    let mut device = device("1");
    let mut presented = Presented::basic(credentials("u", "p"));
    let Decision::Ask(calls) = device.decide(&mut authentication, &mut presented, 0) else {
        panic!("nothing is asked")
    };
    let texts: Vec<String> = calls.iter().map(|call| call.arguments().join(" ")).collect();
    assert_eq!(texts, ["cpe user 00D09E-Box-1", "cpe password u"]);
    for (call, answer) in calls.into_iter().zip(["u", "p"]) {
        device.answers.insert(call, answer.into());
    }
    let decision = device.decide(&mut authentication, &mut presented, 0);
    assert_eq!(decision, Decision::Accept(Proof::Expression));

    // One that has another question for each answer comes to an end.
    let mut endless = by_rule("EXT('a', 'b', NOW()) = 'never'");
    let mut rounds = 0;
    while let Decision::Ask(calls) = device.come(&mut endless, Some(("", "")), rounds) {
        device.answers.insert(calls[0].clone(), "x".into());
        rounds += 1;
    }
    assert_eq!(rounds, 14);
    let end = device.come(&mut endless, Some(("", "")), rounds);
    assert_eq!(end, wrong(Refusal::TooManyExtensions));
}

#[test]
fn nothing_is_decided_before_an_extension_has_answered() {
    let questions = |rule: &str, with| match device("1").come(&mut by_rule(rule), with, 0) {
        Decision::Ask(calls) => calls.iter().map(|call| call.arguments().join(" ")).collect(),
        decision => vec![format!("{decision:?}")],
    };
    let right = Some(("u", "p"));
    assert_eq!(questions("COALESCE(EXT('a', id), 'ok') = 'ok'", None), ["a 00D09E-Box-1"]);
    assert_eq!(questions("EXT('a') IS NULL", None), ["a"]);
    assert_eq!(questions("NOT AUTH('u', EXT('a'))", right), ["a"]);
    assert_eq!(questions("EXT('a', EXT('b')) = EXT('c')", None), ["b", "c"]);
    assert_eq!(questions("AUTH('u', 'p') OR EXT('a')", right), ["Accept(Expression)"]);
    assert_eq!(questions("AUTH('u', 'p') AND EXT('a')", None), [format!("{ASKED:?}")]);
    let case = "CASE WHEN oui = '00D09E' THEN EXT('a') ELSE EXT('b') END";
    assert_eq!(questions(case, None), ["a"]);
}

#[test]
fn extensions_are_limited() {
    let calls = |count: usize| {
        let calls: Vec<String> = (0..count).map(|n| format!("EXT('a', 'f', {n}) = 1")).collect();
        let decision = device("1").come(&mut by_rule(&calls.join(" OR ")), Some(("", "")), 0);
        matches!(decision, Decision::Ask(calls) if calls.len() == count)
    };
    assert!(calls(AUTH_EXTENSIONS_MAX) && !calls(AUTH_EXTENSIONS_MAX + 1));
}

/// A server with digest and a device that answers its challenge.
fn digest(password: &'static str) -> (ServerAuth, String) {
    let mut server = ServerAuth::new(ServerAuthConfig {
        realm: "acs".to_owned(),
        scheme: Scheme::Digest(vec![Algorithm::Md5]),
        nonce_lifetime: Duration::from_secs(300),
        strict_nc: true,
        secret: [7; 32],
    });
    let challenges = server.challenges(Duration::ZERO, false);
    let challenges: Vec<&str> = challenges.iter().map(String::as_str).collect();
    let mut client = ClientAuth::new(credentials("00D09E-Box-1", password), false);
    assert_eq!(client.handle_challenge(&challenges), ChallengeOutcome::Answer);
    (server, client.authorization("POST", "/", "0a4f113b").unwrap())
}

fn present<'a>(server: &'a mut ServerAuth, header: &'a str) -> Presented<'a> {
    Presented::from_header(Some(header), true, move |password| {
        let password = password.clone();
        server.verify("POST", "/", Some(header), Duration::ZERO, |_| Some(password)).into()
    })
}

#[test]
fn dig_05_one_digest_stands_up_to_several_questions_but_not_to_a_second_request() {
    let rule = "(AUTH(id, 'wrong') OR AUTH(id, 'right')) AND AUTH(id, 'right') AND EXT('a', 'b')";
    let mut authentication = by_rule(rule);
    let (mut server, header) = digest("right");
    let mut device = device("1");
    {
        let mut presented = present(&mut server, &header);
        let Decision::Ask(calls) = device.decide(&mut authentication, &mut presented, 0) else {
            panic!("nothing is asked")
        };
        device.answers.insert(calls[0].clone(), Value::Bool(true));
        let decision = device.decide(&mut authentication, &mut presented, 0);
        assert_eq!(decision, Decision::Accept(Proof::Expression));
    }
    // The same header once more is a copy.
    let decision = device.decide(&mut authentication, &mut present(&mut server, &header), 0);
    assert_eq!(decision, Decision::Challenge { is_stale: true });

    let (mut server, header) = digest("other");
    let decision = device.decide(&mut authentication, &mut present(&mut server, &header), 0);
    assert_eq!(decision, wrong(Refusal::Expression));
}

#[test]
fn auth_02_basic_counts_for_nothing_where_it_is_not_on_offer() {
    let basic = "Basic dXNlcjpwYXNz";
    let presented =
        |offers_basic| Presented::from_header(Some(basic), offers_basic, |_| Check::Wrong);
    assert_eq!(presented(true).username(), Some("user"));
    assert_eq!(presented(false).username(), None);
    for text in ["", "Basic !", "Digest realm=x", "Bearer username=x", "Dig", "é"] {
        let presented = Presented::from_header(Some(text), true, |_| Check::Right);
        assert_eq!(presented.username(), None, "{text:?}");
    }
}

#[test]
fn auth_09_onboarding_replaces_the_shared_secret_by_one_of_its_own() {
    let known = KnownCredentials { onboarding: vec![batch("factory")], ..Default::default() };
    let mut authentication = by_known(known);
    let mut device = device("1");
    let shared = Some(("factory", "factory"));
    assert_eq!(device.come(&mut authentication, None, 0), ASKED);
    let password = "30313233343536373839616263646566";
    let unique = credentials("00D09E-Box-1", password);
    let first = device.come(&mut authentication, shared, 0);
    assert_eq!(first, Decision::Onboard(unique.clone()));
    assert!(device.settle(&first));

    // The answer was lost: it comes with the shared secret again, and gets the same.
    let again = device.come(&mut authentication, shared, 10);
    assert_eq!(again, Decision::Onboard(unique));
    assert!(!device.settle(&again));

    let own = Some(("00D09E-Box-1", password));
    let new = device.come(&mut authentication, own, 20);
    assert_eq!(new, Decision::Accept(Proof::Next));
    assert!(device.settle(&new));
    assert_eq!(device.come(&mut authentication, own, 30), Decision::Accept(Proof::Own));
    let over = device.come(&mut authentication, shared, 40);
    assert_eq!(over, wrong(Refusal::OnboardingOver));
    device.is_bootstrap = true;
    assert_eq!(device.come(&mut authentication, shared, 50), wrong(Refusal::OnboardingOver));
}

#[test]
fn a_device_that_was_reset_is_onboarded_again_if_the_policy_allows() {
    let onboarding = vec![batch("")];
    let mut authentication =
        by_known(KnownCredentials { onboarding, again_after_reset: true, ..Default::default() });
    let mut device = device("1");
    device.own.current = Some(credentials("00D09E-Box-1", "own"));
    let shared = Some(("00D09E-Box-1", "factory"));
    assert_eq!(device.come(&mut authentication, shared, 0), wrong(Refusal::OnboardingOver));
    device.is_bootstrap = true;
    let decision = device.come(&mut authentication, shared, 0);
    assert!(matches!(decision, Decision::Onboard(_)), "{decision:?}");
}

#[test]
fn an_onboarding_secret_is_for_its_batch_and_its_time() {
    let product = Some("Other".to_owned());
    let other = OnboardingSecret { product_class: product, until: None, ..batch("other") };
    let onboarding = vec![batch("factory"), other];
    let mut authentication = by_known(KnownCredentials { onboarding, ..Default::default() });
    let (device, mut stranger) = (device("1"), device("2"));
    stranger.identity.oui = "202BC1".to_owned();
    let mut come = |device: &Device, name, second| {
        matches!(
            device.come(&mut authentication, Some((name, "factory")), second),
            Decision::Onboard(_)
        )
    };
    assert!(come(&device, "factory", 999) && !come(&device, "factory", 1000));
    assert!(!come(&stranger, "factory", 0) && !come(&device, "other", 0));
}

#[test]
fn a_password_is_replaced_like_a_shared_secret() {
    let mut authentication = by_known(KnownCredentials::default());
    let mut device = device("1");
    device.own.current = Some(credentials("me", "old"));
    device.own.next = Some(credentials("me", "new"));
    let old = device.come(&mut authentication, Some(("me", "old")), 0);
    assert_eq!(old, Decision::Onboard(credentials("me", "new")));
    let new = device.come(&mut authentication, Some(("me", "new")), 0);
    assert!(device.settle(&new));
    let old = device.come(&mut authentication, Some(("me", "old")), 0);
    assert_eq!(old, wrong(Refusal::WrongPassword));
}

#[test]
fn auth_08_a_user_is_the_device_it_belongs_to() {
    let bound = User {
        credentials: credentials("one", "sesame"),
        device: Some(DeviceKey::new("00D09E", "Box", "1")),
    };
    let any = User { credentials: credentials("any", "sesame"), device: None };
    let known = KnownCredentials { users: vec![bound, any], ..Default::default() };
    let mut authentication = by_known(known);
    let (one, mut two) = (device("1"), device("2"));
    let mut come =
        |device: &Device, name| device.come(&mut authentication, Some((name, "sesame")), 0);
    let user = |name: &str| Decision::Accept(Proof::User(name.to_owned()));
    assert_eq!(come(&one, "one"), user("one"));
    assert_eq!(come(&two, "one"), wrong(Refusal::OtherDevice(one.identity.key())));
    assert_eq!(come(&two, "any"), user("any"));
    assert_eq!(come(&two, "nobody"), wrong(Refusal::UnknownUser));
    // The credentials of one device are nothing to another.
    two.own.current = Some(credentials("two", "sesame"));
    assert_eq!(come(&two, "two"), Decision::Accept(Proof::Own));
    assert_eq!(come(&one, "two"), wrong(Refusal::UnknownUser));
}

#[test]
fn auth_01_a_certificate_proves_one_device() {
    let policy = Policy {
        rule: Rule::Credentials(KnownCredentials::default()),
        shared_certificates: vec!["Acme".to_owned()],
        throttle: ThrottleConfig::default(),
    };
    let mut authentication = Authentication::new(policy);
    let mut device = device("1");
    device.certificate = Some("00D09E-Box-1");
    let accepted = Decision::Accept(Proof::Certificate);
    assert_eq!(device.come(&mut authentication, None, 0), accepted);
    device.certificate = Some("00D09E-Box-2");
    let other = wrong(Refusal::OtherCertificate("00D09E-Box-2".to_owned()));
    assert_eq!(device.come(&mut authentication, Some(("a", "b")), 0), other);
    // TLS-07: one that many share proves nothing.
    device.certificate = Some("Acme");
    assert_eq!(device.come(&mut authentication, None, 0), ASKED);
}

/// Waits of a device that sends wrong passwords as soon as it is listened to again.
fn waits(device: &Device, authentication: &mut Authentication, count: usize) -> Vec<u64> {
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..count {
        let decision = device.come(authentication, Some(("me", "wrong")), now);
        let Decision::Refuse { reason, retry_after } = decision else { panic!("{decision:?}") };
        assert_ne!(reason, Refusal::Throttled);
        let wait = retry_after.map_or(0, |wait| wait.as_secs());
        if wait > 0 {
            let early = device.come(authentication, Some(("me", "right")), now);
            let throttled = Refusal::Throttled;
            assert_eq!(early, Decision::Refuse { reason: throttled, retry_after });
            // To ask who it is costs nothing.
            assert_eq!(device.come(authentication, None, now), ASKED);
        }
        now += i64::try_from(wait).unwrap();
        waits.push(wait);
    }
    waits
}

#[test]
fn sec_02_wrong_passwords_wait_longer_each_time_and_never_for_good() {
    let mut authentication = by_known(KnownCredentials::default());
    let mut device = device("1");
    device.own.current = Some(credentials("me", "right"));
    let waits = waits(&device, &mut authentication, 16);
    assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    // The right password at the end of the wait, and all is forgotten.
    let end = i64::try_from(waits.iter().sum::<u64>()).unwrap();
    let right = device.come(&mut authentication, Some(("me", "right")), end);
    assert_eq!(right, Decision::Accept(Proof::Own));
    let typo = device.come(&mut authentication, Some(("me", "wrong")), end);
    assert_eq!(typo, wrong(Refusal::WrongPassword));
}

#[test]
fn sec_02_guesses_elsewhere_do_not_keep_a_device_out() {
    let mut authentication = by_known(KnownCredentials::default());
    let mut device = device("1");
    device.own.current = Some(credentials("me", "right"));
    let thief = Device { address: "203.0.113.9", ..device.clone() };
    waits(&thief, &mut authentication, 10);
    let second = Device { address: "203.0.113.10", ..device.clone() };
    // Another address of the thief has one try, and then waits with the first.
    let wrong = second.come(&mut authentication, Some(("me", "wrong")), 0);
    let Decision::Refuse { reason: Refusal::WrongPassword, retry_after: Some(wait) } = wrong else {
        panic!("{wrong:?}")
    };
    assert!(wait >= Duration::from_secs(32), "{wait:?}");
    let right = device.come(&mut authentication, Some(("me", "right")), 0);
    assert_eq!(right, Decision::Accept(Proof::Own));
}

#[test]
fn sec_02_an_address_waits_but_not_the_devices_at_home_there() {
    let mut authentication = by_known(KnownCredentials::default());
    let thief = |n: usize| Device { address: "2001:db8::1", ..device(&n.to_string()) };
    let throttled = |decision: &Decision| {
        matches!(decision, Decision::Refuse { reason: Refusal::Throttled, .. })
    };
    let decisions: Vec<Decision> =
        (0..60).map(|n| thief(n).come(&mut authentication, Some(("x", "y")), 0)).collect();
    assert_eq!(decisions.iter().position(throttled), Some(51));
    let mut neighbour = Device { address: "2001:db8::2", ..device("neighbour") };
    neighbour.own.current = Some(credentials("me", "right"));
    let right = Some(("me", "right"));
    assert!(throttled(&neighbour.come(&mut authentication, right, 0)));
    neighbour.own.home = Some("2001:db8::77".parse().unwrap());
    assert_eq!(neighbour.come(&mut authentication, right, 0), Decision::Accept(Proof::Own));
    neighbour.own.home = None;
    assert_eq!(neighbour.come(&mut authentication, right, 1), Decision::Accept(Proof::Own));
}

#[test]
fn sec_02_what_is_counted_is_bounded() {
    let mut throttle = Throttle::new(ThrottleConfig::default());
    let victim = |address: &str| {
        Source::new(&DeviceKey::new("0", "", "victim"), address.parse().unwrap(), None)
    };
    for _ in 0..12 {
        throttle.failed(victim("192.0.2.1"), at(0));
    }
    for n in 0..u32::try_from(AUTH_THROTTLED_MAX).unwrap() {
        let key = DeviceKey::new("0", "", &n.to_string());
        let source = Source::new(&key, std::net::Ipv4Addr::from_bits(n).into(), None);
        throttle.failed(source, at(0));
        assert!(throttle.len() <= AUTH_THROTTLED_MAX);
    }
    assert_eq!(throttle.len(), AUTH_THROTTLED_MAX);
    // Those that are to wait longest are kept.
    assert_eq!(throttle.wait(victim("192.0.2.1"), at(0)), Some(Duration::from_secs(64)));
    throttle.failed(victim("192.0.2.1"), at(100_000));
    assert_eq!(throttle.len(), 3);
}

#[test]
fn sec_01_no_secret_shows() {
    let rule = Rule::Expression(Expression::parse("AUTH('u', 'sesame')").unwrap());
    let secret = OnboardingSecret { credentials: credentials("u", "sesame"), ..batch("") };
    let known = KnownCredentials { onboarding: vec![secret], ..Default::default() };
    let mut authentication = by_rule("EXT('file', 'function', USERNAME(), PASSWORD())");
    let mut device = device("1");
    device.own.next = Some(credentials("u", "sesame"));
    let mut presented = Presented::basic(credentials("u", "sesame"));
    let decision = device.decide(&mut authentication, &mut presented, 0);
    if let Decision::Ask(calls) = &decision {
        device.answers.insert(calls[0].clone(), "sesame".into());
    }
    let text = format!(
        "{rule:?} {:?} {authentication:?} {device:?} {presented:?} {decision:?} {:?}",
        Rule::Credentials(known),
        Decision::Onboard(credentials("u", "sesame")),
    );
    assert!(!text.contains("sesame") && text.contains("function"), "{text}");
}

#[test]
fn user_names_fit_and_differ() {
    let name = |serial: &str| unique(&DeviceKey::new("00D09E", "Box", serial), ENTROPY).username;
    assert_eq!(name("1"), "00D09E-Box-1");
    let long = "ä".repeat(256);
    let (one, two) = (name(&long), name(&format!("{long}1")));
    assert!(one != two && one.len() <= USERNAME_CHARS_MAX, "{one}");
}

proptest! {
    /// Whatever comes before, the right password from a quiet address is taken; wrong ones never.
    #[test]
    fn the_right_password_gets_in_within_the_longest_wait(
        steps in vec((0..4usize, 0..3usize, 0..400i64), 0..120),
    ) {
        let mut authentication = by_known(KnownCredentials::default());
        let addresses = ["192.0.2.1", "203.0.113.9", "2001:db8::1"];
        let mut device = device("1");
        device.own.current = Some(credentials("me", "right"));
        let mut now = 0;
        for (kind, address, time) in steps {
            now += time;
            device.address = addresses[address];
            let with = [Some(("me", "wrong")), Some(("you", "right")), Some(("me", "right")), None];
            match device.come(&mut authentication, with[kind], now) {
                Decision::Accept(Proof::Own) => prop_assert_eq!(kind, 2),
                Decision::Challenge { is_stale: false } => prop_assert_eq!(kind, 3),
                Decision::Refuse { reason: Refusal::Throttled, retry_after } => {
                    prop_assert!(kind < 3 && retry_after.unwrap() <= Duration::from_mins(5));
                }
                Decision::Refuse { .. } => prop_assert!(kind < 2),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        let right = device.come(&mut authentication, Some(("me", "right")), now + 300);
        prop_assert_eq!(right, Decision::Accept(Proof::Own));
        device.address = "198.51.100.1";
        let right = device.come(&mut authentication, Some(("me", "right")), now);
        prop_assert_eq!(right, Decision::Accept(Proof::Own));
    }

    #[test]
    fn no_header_is_too_odd(header in "\\PC{0,40}") {
        for text in [header.clone(), format!("Basic {header}"), format!("Digest {header}")] {
            let mut presented = Presented::from_header(Some(&text), true, |_| Check::Wrong);
            let decision = device("1").decide(&mut by_rule("AUTH('a', 'b')"), &mut presented, 0);
            prop_assert!(!matches!(decision, Decision::Accept(_)));
        }
    }
}
