use std::time::Duration;

use proptest::prelude::*;

use super::{
    digest::ResponseInput,
    header::{Fields, is_header_safe},
    *,
};
use crate::limits::CHALLENGES_MAX;

const USER: &str = "00D09E-Test-0001";
const PASSWORD: &str = "acspass";
const NOW: Duration = Duration::from_secs(1_000);

fn digest_server(algorithms: &[Algorithm], strict_nc: bool) -> ServerAuth {
    server(Scheme::Digest(algorithms.to_vec()), strict_nc)
}

fn server(scheme: Scheme, strict_nc: bool) -> ServerAuth {
    let nonce_lifetime = Duration::from_secs(300);
    let realm = "acs".to_owned();
    let secret = [9; 32];
    ServerAuth::new(ServerAuthConfig { realm, scheme, nonce_lifetime, strict_nc, secret })
}

fn client() -> ClientAuth {
    ClientAuth::new(Credentials::new(USER, Secret::new(PASSWORD)), true)
}

fn passwords(user: &str) -> Option<Secret> {
    (user == USER).then(|| Secret::new(PASSWORD))
}

fn verify(server: &mut ServerAuth, header: &str) -> Verdict {
    server.verify("POST", "/cwmp", Some(header), NOW, passwords)
}

fn accepted() -> Verdict {
    Verdict::Accepted { username: USER.to_owned() }
}

fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refused { reason, .. } => reason,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// Lets the client answer a fresh challenge of the server.
fn challenge(client: &mut ClientAuth, server: &mut ServerAuth, stale: bool) -> ChallengeOutcome {
    let values = server.challenges(NOW, stale);
    client.handle_challenge(&values.iter().map(String::as_str).collect::<Vec<_>>())
}

fn answer(client: &mut ClientAuth) -> String {
    client.authorization("POST", "/cwmp", "0a4f113b").unwrap()
}

fn one_digest(value: &str) -> DigestChallenge {
    match parse_challenges([value]).pop() {
        Some(Challenge::Digest(challenge)) => challenge,
        other => panic!("expected a digest challenge in {value:?}, found {other:?}"),
    }
}

#[test]
fn vec_01_the_response_is_the_one_of_the_standard() {
    let with = |nc| {
        let input = ResponseInput {
            algorithm: Algorithm::Md5,
            realm: "acs",
            nonce: "dcd98b7102dd2f0e",
            cnonce: "0a4f113b",
            nc,
            method: "POST",
            uri: "/cwmp",
        };
        input.response(USER, &Secret::new(PASSWORD))
    };
    assert_eq!(with(Some("00000001")), "8d2a765b3dfe9c0d40664c4524a77dcd");
    assert_eq!(with(None), "73fda5de03c104f5ffe2b48b56195c47");
}

#[test]
fn the_examples_of_rfc_7616_come_out() {
    for (algorithm, expected) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let input = ResponseInput {
            algorithm,
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            nc: Some("00000001"),
            method: "GET",
            uri: "/dir/index.html",
        };
        assert_eq!(input.response("Mufasa", &Secret::new("Circle of Life")), expected);
    }
}

#[test]
fn vec_01_the_client_answers_in_the_form_of_the_challenge() {
    let mut client = client();
    let value = r#"Digest realm="acs", nonce="dcd98b7102dd2f0e", qop="auth", opaque="o\"1""#;
    assert_eq!(client.handle_challenge(&[value]), ChallengeOutcome::Answer);
    assert_eq!(
        answer(&mut client),
        "Digest username=\"00D09E-Test-0001\", realm=\"acs\", nonce=\"dcd98b7102dd2f0e\", \
         uri=\"/cwmp\", response=\"8d2a765b3dfe9c0d40664c4524a77dcd\", opaque=\"o\\\"1\", \
         qop=auth, nc=00000001, cnonce=\"0a4f113b\""
    );
    client.reset();
    let value = "Digest realm=\"acs\", nonce=\"dcd98b7102dd2f0e\", algorithm=MD5";
    assert_eq!(client.handle_challenge(&[value]), ChallengeOutcome::Answer);
    assert_eq!(
        answer(&mut client),
        "Digest username=\"00D09E-Test-0001\", realm=\"acs\", nonce=\"dcd98b7102dd2f0e\", \
         uri=\"/cwmp\", response=\"73fda5de03c104f5ffe2b48b56195c47\", algorithm=MD5"
    );
}

#[test]
fn challenges_are_read_in_any_quoting_and_folding() {
    let expected = DigestChallenge {
        realm: "a, \"b\"".to_owned(),
        nonce: "n=1".to_owned(),
        opaque: Some("o".to_owned()),
        algorithm: Some(Algorithm::Sha256),
        qop_auth: true,
        stale: true,
    };
    for value in [
        "Digest realm=\"a, \\\"b\\\"\", nonce=\"n=1\", opaque=\"o\", algorithm=SHA-256, \
         qop=\"auth,auth-int\", stale=true",
        "digest REALM=\"a, \\\"b\\\"\",nonce=n=1 ,opaque=o,algorithm=\"sha-256\",qop=auth,\
         stale=\"TRUE\"",
        "Digest\r\n  realm=\"a, \\\"b\\\"\",\r\n\tnonce = n=1,\n opaque=o,, algorithm=SHA-256,\
         \r\n qop=\"auth-int, auth\", stale=True",
    ] {
        assert_eq!(one_digest(value), expected, "{value}");
    }
}

#[test]
fn several_challenges_stand_in_one_header_or_in_many() {
    let basic = Challenge::Basic { realm: "b".to_owned() };
    let one = ["Negotiate, Basic realm=\"b\", Digest realm=d, nonce=\"1\", Digest nonce=2"];
    let many =
        ["Basic realm=\"b\"", "NTLM TlRMTVNTUAAB==", "Digest realm=d, nonce=1", "Digest nonce=2"];
    let from_one = parse_challenges(one);
    assert_eq!(from_one, parse_challenges(many));
    assert_eq!(from_one.len(), 3);
    assert_eq!(from_one[0], basic);
}

#[test]
fn challenges_that_cannot_be_answered_are_left_out() {
    for value in [
        "",
        "Digest",
        "Digest realm=\"acs\", qop=\"auth\"",
        "Digest realm=\"acs\", nonce=\"1\", qop=\"auth-int\"",
        "Digest realm=\"acs\", nonce=\"1\", algorithm=SHA-512-256",
        "Bearer realm=\"acs\"",
        "realm=\"acs\", nonce=\"1\"",
        "\"Digest\" nonce=1",
    ] {
        assert_eq!(parse_challenges([value]), [], "{value}");
    }
}

#[test]
fn challenges_are_bounded_in_bytes_and_number() {
    let padded = |length: usize| {
        let start = "Basic realm=\"";
        format!("{start}{}\"", "a".repeat(length - start.len() - 1))
    };
    assert_eq!(parse_challenges([padded(AUTH_HEADER_BYTES_MAX).as_str()]).len(), 1);
    assert_eq!(parse_challenges([padded(AUTH_HEADER_BYTES_MAX + 1).as_str()]), []);
    let many = vec!["Basic realm=a"; AUTH_CHALLENGES_MAX + 1];
    assert_eq!(parse_challenges(many).len(), AUTH_CHALLENGES_MAX);
}

#[test]
fn parameters_are_bounded() {
    let with = |before: usize| format!("Digest {} nonce=1", "a=b, ".repeat(before));
    let max = crate::limits::AUTH_PARAMETERS_MAX;
    assert_eq!(parse_challenges([with(max - 1).as_str()]).len(), 1);
    assert_eq!(parse_challenges([with(max).as_str()]), []);
}

#[test]
fn the_strongest_challenge_is_answered() {
    let mut client = client();
    let basic = "Basic realm=\"acs\"";
    let old = "Digest realm=\"acs\", nonce=\"old\"";
    let md5 = "Digest realm=\"acs\", nonce=\"md5\", qop=\"auth\"";
    let sha = "Digest realm=\"acs\", nonce=\"sha\", algorithm=SHA-256, qop=\"auth\"";
    for (offered, chosen) in [
        (&[basic][..], "Basic MDBEMDlFLVRlc3QtMDAwMTphY3NwYXNz"),
        (&[basic, old], "nonce=\"old\""),
        (&[md5, old, basic], "nonce=\"md5\""),
        (&[md5, sha, basic], "algorithm=SHA-256"),
    ] {
        client.reset();
        assert_eq!(client.handle_challenge(offered), ChallengeOutcome::Answer);
        assert!(answer(&mut client).contains(chosen), "{offered:?}");
    }
}

#[test]
fn auth_03_nothing_is_sent_before_a_challenge() {
    assert_eq!(client().authorization("POST", "/cwmp", "c"), None);
}

#[test]
fn auth_02_basic_is_answered_only_where_allowed() {
    let mut client = ClientAuth::new(Credentials::new(USER, Secret::new(PASSWORD)), false);
    let failed = ChallengeOutcome::Failed(ClientAuthError::BasicNotAllowed);
    assert_eq!(client.handle_challenge(&["Basic realm=\"acs\""]), failed);
    assert_eq!(client.authorization("POST", "/cwmp", "c"), None);
}

#[test]
fn auth_06_the_counter_advances_with_every_request_and_restarts_with_a_nonce() {
    let mut client = client();
    for nonce in ["1", "2"] {
        let value = format!("Digest realm=\"acs\", nonce=\"{nonce}\", qop=\"auth\"");
        assert_eq!(client.handle_challenge(&[&value]), ChallengeOutcome::Answer);
        for nc in ["00000001", "00000002", "00000003"] {
            let fields = Fields::all(&answer(&mut client));
            assert_eq!(fields[0].find("nonce"), Some(nonce));
            assert_eq!(fields[0].find("nc"), Some(nc));
            client.handle_success();
        }
    }
}

#[test]
fn auth_07_a_second_challenge_for_an_answer_is_a_failure() {
    let mut client = client();
    let mut server = digest_server(&[Algorithm::Md5], true);
    assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
    answer(&mut client);
    let failed = ChallengeOutcome::Failed(ClientAuthError::Rejected);
    assert_eq!(challenge(&mut client, &mut server, false), failed);
    assert_eq!(client.authorization("POST", "/cwmp", "c"), None, "the next session starts anew");
}

#[test]
fn dig_04_a_stale_nonce_is_no_failure_but_not_for_ever() {
    let mut client = client();
    let mut server = digest_server(&[Algorithm::Md5], true);
    for _ in 0..CHALLENGES_MAX {
        assert_eq!(challenge(&mut client, &mut server, true), ChallengeOutcome::Answer);
    }
    let failed = ChallengeOutcome::Failed(ClientAuthError::TooManyChallenges);
    assert_eq!(challenge(&mut client, &mut server, true), failed);
}

#[test]
fn auth_10_a_challenge_in_mid_session_is_answered() {
    let mut client = client();
    let mut server = digest_server(&[Algorithm::Md5], true);
    for _ in 0..10 {
        assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
        assert_eq!(verify(&mut server, &answer(&mut client)), accepted());
        client.handle_success();
    }
}

#[test]
fn a_client_without_a_usable_challenge_fails() {
    let failed = ChallengeOutcome::Failed(ClientAuthError::Unsupported);
    for offered in [&[][..], &["Bearer realm=\"acs\""], &["Digest nonce=\"a\u{1}b\""]] {
        assert_eq!(client().handle_challenge(offered), failed);
    }
}

#[test]
fn user_names_that_would_break_a_header_are_not_sent() {
    let failed = ChallengeOutcome::Failed(ClientAuthError::UnusableUsername);
    for (user, offered) in [("a\r\nX: y", "Digest nonce=1"), ("a:b", "Basic realm=x")] {
        let mut client = ClientAuth::new(Credentials::new(user, Secret::default()), true);
        assert_eq!(client.handle_challenge(&[offered]), failed);
    }
    let mut client = client();
    assert_eq!(client.handle_challenge(&["Digest nonce=1"]), ChallengeOutcome::Answer);
    assert_eq!(client.authorization("POST", "/a\r\nX: y", "c"), None);
}

#[test]
fn session_algorithms_keep_the_first_client_nonce() {
    let mut client = client();
    let mut server = digest_server(&[Algorithm::Md5Sess], true);
    assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
    for cnonce in ["first", "second"] {
        let header = client.authorization("POST", "/cwmp", cnonce).unwrap();
        assert!(header.contains("cnonce=\"first\""), "{header}");
        assert_eq!(verify(&mut server, &header), accepted());
    }
}

#[test]
fn secrets_do_not_show() {
    let credentials = Credentials::new(USER, Secret::new(PASSWORD));
    let config = ServerAuthConfig {
        realm: "acs".to_owned(),
        scheme: Scheme::Basic,
        nonce_lifetime: NOW,
        strict_nc: true,
        secret: [123; 32],
    };
    let server = ServerAuth::new(config.clone());
    let all = format!("{credentials:?} {:?} {config:?} {server:?}", client());
    assert!(!all.contains(PASSWORD) && !all.contains("123"), "{all}");
    assert!(all.contains("Secret(..)"));
    assert_eq!(Secret::new("a"), Secret::new("a"));
    assert_ne!(Secret::new("a"), Secret::new("ab"));
    assert_ne!(Secret::new("a"), Secret::new("b"));
}

#[test]
fn the_server_challenges_in_the_order_of_its_configuration() {
    let mut server = server(Scheme::DigestOrBasic(vec![Algorithm::Sha256, Algorithm::Md5]), true);
    let values = server.challenges(NOW, true);
    assert_eq!(values.len(), 3);
    let (sha, md5) = (one_digest(&values[0]), one_digest(&values[1]));
    assert_eq!((sha.algorithm, md5.algorithm), (Some(Algorithm::Sha256), Some(Algorithm::Md5)));
    assert!(sha.stale && sha.qop_auth && sha.realm == "acs");
    assert_eq!(values[2], "Basic realm=\"acs\"");
    let next = one_digest(&server.challenges(NOW, false)[0]);
    assert!(!next.stale);
    assert_ne!(next.nonce, sha.nonce, "two clients never share a nonce");
}

#[test]
fn a_request_without_usable_credentials_is_missing_them() {
    let mut digest = digest_server(&[Algorithm::Md5], true);
    let basic_header = "Basic MDBEMDlFLVRlc3QtMDAwMTphY3NwYXNz";
    assert_eq!(digest.verify("POST", "/cwmp", None, NOW, passwords), Verdict::Missing);
    for header in ["", " ", "Bearer abc", "Basic", basic_header] {
        assert_eq!(verify(&mut digest, header), Verdict::Missing, "{header}");
    }
    let mut basic = server(Scheme::Basic, true);
    assert_eq!(verify(&mut basic, "Digest username=\"u\""), Verdict::Missing);
    assert_eq!(verify(&mut basic, basic_header), accepted());
}

#[test]
fn basic_credentials_are_read_as_devices_send_them() {
    let mut server = server(Scheme::Basic, true);
    // Without padding, in lower case, with more blanks; then wrong ones.
    assert_eq!(claimed_username("basic  Og==").as_deref(), Some(""));
    assert_eq!(basic_credentials("basic  Og=="), Some(Credentials::new("", Secret::new(""))));
    assert_eq!(basic_credentials(&format!("Basic {}", "A".repeat(AUTH_HEADER_BYTES_MAX))), None);
    assert_eq!(basic_credentials("Digest Og=="), None);
    for header in ["Basic Og==", "Basic dTplYXN5Y3dtcA==", "Basic dTplYXN5Y3dtcA"] {
        assert_eq!(refusal(verify(&mut server, header)), Refusal::UnknownUser, "{header}");
    }
    let wrong = "Basic MDBEMDlFLVRlc3QtMDAwMTp3cm9uZw==";
    assert_eq!(refusal(verify(&mut server, wrong)), Refusal::WrongPassword);
    for header in ["Basic", "Basic *", "Basic dQ=="] {
        let reason = refusal(verify(&mut server, header));
        assert!(matches!(reason, Refusal::Malformed(_)), "{header}");
    }
    let latin_1 = server
        .verify("POST", "/", Some("Basic 5Do="), NOW, |user| (user == "ä").then(Secret::default));
    assert_eq!(latin_1, Verdict::Accepted { username: "ä".to_owned() });
}

/// Spoils a header.
type Edit = fn(String) -> String;

#[test]
fn digest_answers_are_refused_for_a_reason() {
    let header = |edit: Edit| {
        let mut client = client();
        let mut server = digest_server(&[Algorithm::Md5], true);
        assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
        verify(&mut server, &edit(answer(&mut client)))
    };
    assert_eq!(header(|same| same), accepted());
    let reason = |edit| refusal(header(edit));
    assert_eq!(reason(|h| h.replace("0001\",", "0002\",")), Refusal::UnknownUser);
    assert_eq!(reason(|h| h.replace("nc=00000001", "nc=00000002")), Refusal::WrongPassword);
    assert_eq!(reason(|h| h.replace("realm=\"acs\"", "realm=\"x\"")), Refusal::WrongRealm);
    assert_eq!(reason(|h| h.replace("\"/cwmp\"", "\"/other\"")), Refusal::WrongUri);
    assert_eq!(reason(|h| h.replace("=MD5", "=SHA-256")), Refusal::WrongAlgorithm);
    assert_eq!(reason(|h| h.replace("=MD5", "=MD4")), Refusal::WrongAlgorithm);
    let malformed: [(Edit, &str); 9] = [
        (|h| h.replace("username", "user"), "username is missing"),
        (|h| h.replace("realm", "r"), "realm is missing"),
        (|h| h.replace(" nonce", " n"), "nonce is missing"),
        (|h| h.replace("uri", "u"), "uri is missing"),
        (|h| h.replace("response", "r"), "response is missing"),
        (|h| h.replace("cnonce", "c"), "cnonce is missing"),
        (|h| h.replace("nc=0", "x=0"), "nc is missing"),
        (|h| h.replace("nc=0000", "nc=000000"), "nc is not a number of 8 hex digits"),
        (|h| h.replace("qop=auth", "qop=auth-int"), "qop is not auth"),
    ];
    for (edit, problem) in malformed {
        assert_eq!(reason(edit), Refusal::Malformed(problem));
    }
    let long = format!("Digest {}", "a".repeat(AUTH_HEADER_BYTES_MAX));
    let mut server = digest_server(&[Algorithm::Md5], true);
    assert_eq!(refusal(verify(&mut server, &long)), Refusal::Malformed("it is too long"));
}

#[test]
fn a_refusal_names_the_user_for_the_lock_out() {
    let mut client = ClientAuth::new(Credentials::new(USER, Secret::new("wrong")), false);
    let mut server = digest_server(&[Algorithm::Md5], true);
    assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
    let header = answer(&mut client);
    let expected =
        Verdict::Refused { username: Some(USER.to_owned()), reason: Refusal::WrongPassword };
    assert_eq!(verify(&mut server, &header), expected);
    assert_eq!(claimed_username(&header).as_deref(), Some(USER));
}

#[test]
fn auth_09_the_old_password_can_be_tried_after_the_new_one() {
    let (mut client, mut server) = (client(), digest_server(&[Algorithm::Md5], true));
    assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
    let header = answer(&mut client);
    let mut with = |password: &str| {
        server.verify("POST", "/cwmp", Some(&header), NOW, |_| Some(Secret::new(password)))
    };
    assert_eq!(refusal(with("new")), Refusal::WrongPassword);
    assert_eq!(with(PASSWORD), accepted());
}

#[test]
fn len_12_unquoted_values_and_an_absolute_uri_are_accepted() {
    for uri in ["/cwmp", "http://acs.example:7547/cwmp", "HTTPS://[2001:db8::1]/cwmp"] {
        let (mut client, mut server) = (client(), digest_server(&[Algorithm::Md5], true));
        assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
        let header = client.authorization("POST", uri, "0a4f113b").unwrap();
        assert_eq!(verify(&mut server, &header.replace('"', "")), accepted(), "{uri}");
    }
    for (uri, target) in
        [("http://a", "/"), ("http://a?x=1", "?x=1"), ("/r?u=http://a/b", "/r?u=http://a/b")]
    {
        let (mut client, mut server) = (client(), digest_server(&[Algorithm::Md5], true));
        assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
        let header = client.authorization("POST", uri, "c").unwrap();
        let verdict = server.verify("POST", target, Some(&header), NOW, passwords);
        assert_eq!(verdict, accepted(), "{uri}");
    }
}

/// An answer in the form of RFC 2069, whatever was offered.
fn rfc_2069_answer(nonce: &str) -> String {
    let mut client = client();
    let value = format!("Digest realm=\"acs\", nonce=\"{nonce}\"");
    assert_eq!(client.handle_challenge(&[&value]), ChallengeOutcome::Answer);
    answer(&mut client)
}

#[test]
fn dig_02_the_form_without_qop_is_accepted_once_per_nonce() {
    let mut server = digest_server(&[Algorithm::Md5], true);
    let nonce = one_digest(&server.challenges(NOW, false)[0]).nonce;
    assert_eq!(verify(&mut server, &rfc_2069_answer(&nonce)), accepted());
    assert_eq!(verify(&mut server, &rfc_2069_answer(&nonce)), Verdict::Stale);
    let mut lenient = digest_server(&[Algorithm::Md5], false);
    let nonce = one_digest(&lenient.challenges(NOW, false)[0]).nonce;
    for _ in 0..4 {
        assert_eq!(verify(&mut lenient, &rfc_2069_answer(&nonce)), accepted());
    }
}

#[test]
fn dig_05_a_replay_is_stale_when_strict_and_a_new_nonce_helps() {
    let (mut client, mut server) = (client(), digest_server(&[Algorithm::Md5], true));
    assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
    let header = answer(&mut client);
    assert_eq!(verify(&mut server, &header), accepted());
    assert_eq!(verify(&mut server, &header), Verdict::Stale);
    assert_eq!(challenge(&mut client, &mut server, true), ChallengeOutcome::Answer);
    assert_eq!(verify(&mut server, &answer(&mut client)), accepted());
}

#[test]
fn a_counter_that_never_advances_is_accepted_when_not_strict() {
    let mut server = digest_server(&[Algorithm::Md5], false);
    let value = server.challenges(NOW, false).remove(0);
    for cnonce in ["a", "b", "c"] {
        let mut client = client();
        assert_eq!(client.handle_challenge(&[&value]), ChallengeOutcome::Answer);
        let header = client.authorization("POST", "/cwmp", cnonce).unwrap();
        assert!(header.contains("nc=00000001"));
        assert_eq!(verify(&mut server, &header), accepted());
    }
}

#[test]
fn an_expired_or_foreign_nonce_is_stale_only_with_the_right_password() {
    for strict in [true, false] {
        let mut server = digest_server(&[Algorithm::Md5], strict);
        let mut right = client();
        let mut wrong = ClientAuth::new(Credentials::new(USER, Secret::new("x")), false);
        assert_eq!(challenge(&mut right, &mut server, false), ChallengeOutcome::Answer);
        assert_eq!(challenge(&mut wrong, &mut server, false), ChallengeOutcome::Answer);
        let later = NOW + Duration::from_secs(301);
        let mut at =
            |header: String| server.verify("POST", "/cwmp", Some(&header), later, passwords);
        assert_eq!(at(answer(&mut right)), Verdict::Stale);
        assert_eq!(refusal(at(answer(&mut wrong))), Refusal::WrongPassword);
        assert_eq!(at(rfc_2069_answer("of another start of the server")), Verdict::Stale);
    }
}

#[test]
fn user_names_in_extended_notation_are_read() {
    let name = |text: &str| claimed_username(&format!("Digest username*={text}, realm=\"acs\""));
    assert_eq!(name("UTF-8''J%C3%A4s%C3%B8n%20Doe").as_deref(), Some("Jäsøn Doe"));
    for text in ["UTF-8''%", "UTF-8''%C", "UTF-8''%+1", "UTF-8''%FF", "latin1''a", "a", ""] {
        assert_eq!(name(text), None, "{text}");
    }
}

/// Text of a header: anything but control characters.
fn header_text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{0,20}"
}

proptest! {
    #[test]
    fn what_the_client_answers_the_server_accepts(
        user in header_text(),
        password in any::<String>(),
        realm in header_text(),
        uri in "/[^\\p{Cc}]{0,20}",
        cnonce in "[0-9a-f]{1,16}",
        algorithm in prop::sample::select(&Algorithm::ALL[..]),
        requests in 1_usize..5,
    ) {
        let credentials = Credentials::new(user.clone(), Secret::new(password.clone()));
        let mut client = ClientAuth::new(credentials, false);
        let mut server = ServerAuth::new(ServerAuthConfig {
            realm,
            scheme: Scheme::Digest(vec![algorithm]),
            nonce_lifetime: Duration::from_secs(300),
            strict_nc: true,
            secret: [1; 32],
        });
        prop_assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
        for _ in 0..requests {
            let header = client.authorization("POST", &uri, &cnonce).unwrap();
            let mut check = |lookup: &str| {
                let secret = Secret::new(lookup);
                server.verify("POST", &uri, Some(&header), NOW, |name| {
                    (name == user).then_some(secret)
                })
            };
            let wrong = format!("{password}x");
            prop_assert_eq!(refusal(check(&wrong)), Refusal::WrongPassword);
            let accepted = Verdict::Accepted { username: user.clone() };
            prop_assert_eq!(check(&password), accepted);
            prop_assert_eq!(check(&password), Verdict::Stale, "a replay");
        }
    }

    #[test]
    fn basic_credentials_survive(user in "[^\\p{Cc}:]{0,20}", password in any::<String>()) {
        let credentials = Credentials::new(user.clone(), Secret::new(password.clone()));
        let mut client = ClientAuth::new(credentials, true);
        let mut server = server(Scheme::Basic, true);
        prop_assert_eq!(challenge(&mut client, &mut server, false), ChallengeOutcome::Answer);
        let header = client.authorization("POST", "/", "").unwrap();
        let lookup = |name: &str| (name == user).then(|| Secret::new(password));
        let verdict = server.verify("POST", "/", Some(&header), NOW, lookup);
        prop_assert_eq!(verdict, Verdict::Accepted { username: user.clone() });
    }

    #[test]
    fn garbage_never_panics(start in "(Digest |Basic |)", rest in "[a-z=\",\\\\ \u{0}-\u{ff}]*") {
        let header = format!("{start}{rest}");
        parse_challenges([header.as_str()]);
        claimed_username(&header);
        let _ = client().handle_challenge(&[&header]);
        for scheme in [Scheme::Basic, Scheme::Digest(Algorithm::ALL.to_vec())] {
            let verdict = verify(&mut server(scheme, true), &header);
            prop_assert_ne!(verdict, accepted());
        }
    }

    #[test]
    fn what_the_client_sends_is_safe_in_a_header(value in any::<String>()) {
        let mut client = client();
        let value = format!("Digest {value}, nonce=1");
        if client.handle_challenge(&[&value]) == ChallengeOutcome::Answer {
            prop_assert!(is_header_safe(&answer(&mut client)));
        }
    }
}
