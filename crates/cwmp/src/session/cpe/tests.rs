//! A transcript for every row of the state table of section 11.

use super::*;
use crate::auth::Secret;
use crate::message::*;
use crate::tolerated::ToleratedList;

const URL: &str = "http://acs.example:7547/cwmp";

fn config() -> SessionConfig {
    SessionConfig {
        url: URL.parse().expect("a URL"),
        credentials: Some(Credentials::new("00D09E-Test-0001", Secret::new("acspass"))),
        version: CwmpVersion::V1_4,
        session_timeout: Some(40),
        allow_basic_without_tls: false,
        user_agent: "drover-test".into(),
        entropy: [7; 16],
    }
}

fn inform() -> Inform {
    let device_id = DeviceIdStruct {
        manufacturer: "Example".into(),
        oui: "00D09E".into(),
        product_class: "Test".into(),
        serial_number: "0001".into(),
    };
    let boot = EventStruct { event_code: "1 BOOT".into(), command_key: String::new() };
    Inform { device_id, event: vec![boot], max_envelopes: 1, ..Inform::default() }
}

fn transfer_complete() -> Message {
    TransferComplete { command_key: "k".into(), ..TransferComplete::default() }.into()
}

/// What an ACS puts into a 200.
fn acs(id: &str, message: impl Into<Message>) -> Vec<u8> {
    acs_hold(id, message, None)
}

fn acs_hold(id: &str, message: impl Into<Message>, hold: Option<bool>) -> Vec<u8> {
    let mut envelope = Envelope::new(CwmpNamespace::V1_2, id.to_owned(), message);
    envelope.header.hold_requests = hold;
    envelope.to_xml().into_bytes()
}

fn ok(body: &[u8]) -> HttpResponse<'_> {
    HttpResponse { status: 200, body, ..HttpResponse::default() }
}

fn empty() -> HttpResponse<'static> {
    HttpResponse { status: 204, ..HttpResponse::default() }
}

fn begin(requests: Vec<Message>) -> Waiting {
    start(config(), inform(), requests).expect("a session").0
}

/// A session after the InformResponse, and the POST that followed it.
fn established(requests: Vec<Message>, hold: Option<bool>) -> (Waiting, HttpPost) {
    let response = acs_hold("1", InformResponse { max_envelopes: 1 }, hold);
    let progress = begin(requests).handle(&ok(&response));
    assert_eq!(progress.notes, [Note::Established(CwmpVersion::V1_2)]);
    posted(progress.step)
}

fn posted(step: Step) -> (Waiting, HttpPost) {
    match step {
        Step::Post(waiting, post) => (waiting, post),
        other => panic!("no POST: {other:?}"),
    }
}

fn failure(progress: Progress) -> Failed {
    match progress.step {
        Step::Failed(failed) => failed,
        other => panic!("not failed: {other:?}"),
    }
}

fn misbehaved(progress: Progress) -> PeerMisbehaved {
    match failure(progress).error {
        Error::PeerMisbehaved(why) => why,
        other => panic!("{other}"),
    }
}

fn read(post: &HttpPost) -> Envelope {
    let parsed = Envelope::parse(&post.body).expect("our own");
    assert_eq!(parsed.tolerated, ToleratedList::default());
    parsed.envelope
}

fn header<'a>(post: &'a HttpPost, name: &str) -> Option<&'a str> {
    post.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[test]
fn idle_trigger_posts_an_inform() {
    let (_, post) = start(config(), inform(), Vec::new()).expect("a session");
    let envelope = read(&post);
    assert_eq!(envelope.message, inform().into());
    assert_eq!(envelope.header.supported_cwmp_versions, Some(CwmpVersion::V1_4.up_to()));
    assert_eq!(envelope.header.session_timeout, Some(40));
    assert_eq!(post.url.to_string(), URL);
    assert_eq!(header(&post, "Content-Type"), Some("text/xml; charset=\"utf-8\""));
    assert_eq!(header(&post, "SOAPAction"), Some(""));
    assert_eq!(header(&post, "Authorization"), None);
}

#[test]
fn older_versions_have_no_newer_headers() {
    let config = SessionConfig { version: CwmpVersion::V1_1, ..config() };
    let (_, post) = start(config, inform(), Vec::new()).expect("a session");
    let envelope = read(&post);
    assert_eq!(envelope.namespace, CwmpNamespace::V1_1);
    assert_eq!(envelope.header.supported_cwmp_versions, None);
    assert_eq!(envelope.header.session_timeout, None);
}

const CHALLENGE: &str = "Digest realm=\"acs\", nonce=\"dcd98b7102dd2f0e\", qop=\"auth\"";

fn challenge() -> HttpResponse<'static> {
    HttpResponse { status: 401, www_authenticate: vec![CHALLENGE], ..HttpResponse::default() }
}

#[test]
fn inform_401_repeats_the_inform_with_credentials_and_401_again_fails() {
    let (waiting, first) = start(config(), inform(), Vec::new()).expect("a session");
    let (waiting, second) = posted(waiting.handle(&challenge()).step);
    assert_eq!(first.body, second.body);
    let authorization = header(&second, "Authorization").expect("credentials");
    assert!(authorization.starts_with("Digest "), "{authorization}");
    assert!(authorization.contains("nc=00000001"), "{authorization}");
    assert!(!authorization.contains("acspass"));
    assert!(matches!(misbehaved(waiting.handle(&challenge())), PeerMisbehaved::Authentication(_)));
}

#[test]
fn dig_04_a_stale_nonce_is_no_failure() {
    let (waiting, _) = posted(begin(Vec::new()).handle(&challenge()).step);
    let stale = CHALLENGE.replace("dcd98", "aaaaa") + ", stale=true";
    let response =
        HttpResponse { status: 401, www_authenticate: vec![&stale], ..HttpResponse::default() };
    let (_, post) = posted(waiting.handle(&response).step);
    assert!(header(&post, "Authorization").expect("credentials").contains("aaaaa"));
}

#[test]
fn auth_06_credentials_go_with_every_further_request() {
    let (waiting, _) = posted(begin(Vec::new()).handle(&challenge()).step);
    let response = acs("1", InformResponse { max_envelopes: 1 });
    let (_, post) = posted(waiting.handle(&ok(&response)).step);
    assert!(header(&post, "Authorization").expect("credentials").contains("nc=00000002"));
}

#[test]
fn auth_without_credentials_or_with_basic_only_fails() {
    let config = SessionConfig { credentials: None, ..config() };
    let (waiting, _) = start(config, inform(), Vec::new()).expect("a session");
    assert!(matches!(misbehaved(waiting.handle(&challenge())), PeerMisbehaved::Authentication(_)));
    let basic = HttpResponse {
        status: 401,
        www_authenticate: vec!["Basic realm=\"acs\""],
        ..HttpResponse::default()
    };
    let why = misbehaved(begin(Vec::new()).handle(&basic));
    assert!(matches!(why, PeerMisbehaved::Authentication(_)), "AUTH-02: {why}");
}

fn redirect(status: u16, location: &str) -> HttpResponse<'_> {
    HttpResponse { status, location: Some(location), ..HttpResponse::default() }
}

#[test]
fn inform_redirects_repeat_the_inform_at_the_location() {
    let (mut waiting, first) = start(config(), inform(), Vec::new()).expect("a session");
    for status in [302, 307, 301, 308, 302] {
        let (next, post) = posted(waiting.handle(&redirect(status, "http://b.example/x")).step);
        assert_eq!(post.url.to_string(), "http://b.example/x");
        assert_eq!(post.body, first.body);
        waiting = next;
    }
    let why = misbehaved(waiting.handle(&redirect(302, "http://c.example/")));
    assert_eq!(why, PeerMisbehaved::TooManyRedirects);
}

#[test]
fn http_13_the_rest_of_the_session_goes_to_the_new_url() {
    let (waiting, _) = posted(begin(Vec::new()).handle(&redirect(307, "http://b.example/x")).step);
    let response = acs("1", InformResponse { max_envelopes: 1 });
    let (_, post) = posted(waiting.handle(&ok(&response)).step);
    assert_eq!(post.url.to_string(), "http://b.example/x");
}

#[test]
fn http_16_a_redirect_from_https_to_http_is_not_followed() {
    let url = "https://acs.example/".parse().expect("a URL");
    let (waiting, _) =
        start(SessionConfig { url, ..config() }, inform(), Vec::new()).expect("a session");
    let why = misbehaved(waiting.handle(&redirect(302, "http://acs.example/")));
    assert!(matches!(why, PeerMisbehaved::Redirect { .. }));
    let why = misbehaved(begin(Vec::new()).handle(&redirect(302, "")));
    assert!(matches!(why, PeerMisbehaved::Redirect { .. }));
}

#[test]
fn inform_fault_8005_repeats_it_in_the_same_session_ten_times() {
    let (mut waiting, first) = start(config(), inform(), Vec::new()).expect("a session");
    let retry = acs("1", Fault::new(FaultCode::RETRY_REQUEST));
    for _ in 0..RETRY_REQUESTS_MAX {
        let (next, post) = posted(waiting.handle(&ok(&retry)).step);
        assert_eq!(post.body, first.body);
        waiting = next;
    }
    let why = misbehaved(waiting.handle(&ok(&retry)));
    assert_eq!(why, PeerMisbehaved::TooManyRetries("Inform"));
}

#[test]
fn inform_anything_else_fails_unestablished() {
    let fault = acs("1", Fault::new(FaultCode::ACS_REQUEST_DENIED));
    let wrong = acs("1", TransferCompleteResponse {});
    for response in [
        ok(&fault),
        ok(&wrong),
        ok(b"<html/>"),
        empty(),
        redirect(303, "http://b.example/"),
        HttpResponse { status: 503, ..HttpResponse::default() },
        HttpResponse { status: 404, ..HttpResponse::default() },
    ] {
        let failed = failure(begin(Vec::new()).handle(&response));
        assert!(!failed.established, "{failed:?}");
    }
    let lost = PeerMisbehaved::HttpStatus(0).into();
    assert!(!begin(Vec::new()).handle_lost(lost).established);
}

#[test]
fn neg_07_which_failures_suggest_an_older_version() {
    let incompatible = acs("1", Fault::new(FaultCode::ACS_VERSION_INCOMPATIBLE));
    assert!(failure(begin(Vec::new()).handle(&ok(&incompatible))).suggests_older_version());
    let busy = HttpResponse { status: 503, ..HttpResponse::default() };
    assert!(!failure(begin(Vec::new()).handle(&busy)).suggests_older_version());
}

#[test]
fn neg_04_and_neg_08_the_version_of_the_session() {
    let answer = |version: Option<CwmpVersion>, namespace: CwmpNamespace| {
        let message = InformResponse { max_envelopes: 1 };
        let mut envelope = Envelope::new(namespace, "1".to_owned(), message);
        envelope.header.use_cwmp_version = version;
        let body = envelope.to_xml().into_bytes();
        begin(Vec::new()).handle(&ok(&body))
    };
    let version = |progress: Progress| match progress.notes.as_slice() {
        [Note::Established(version)] => *version,
        other => panic!("{other:?}"),
    };
    assert_eq!(version(answer(None, CwmpNamespace::V1_0)), CwmpVersion::V1_0);
    let chosen = Some(CwmpVersion::V1_3);
    assert_eq!(version(answer(chosen, CwmpNamespace::V1_2)), CwmpVersion::V1_3);
    let config = SessionConfig { version: CwmpVersion::V1_2, ..config() };
    let (waiting, _) = start(config, inform(), Vec::new()).expect("a session");
    let mut envelope =
        Envelope::new(CwmpNamespace::V1_2, None, InformResponse { max_envelopes: 1 });
    envelope.header.use_cwmp_version = Some(CwmpVersion::V1_2);
    let body = envelope.to_xml().into_bytes();
    assert!(matches!(misbehaved(waiting.handle(&ok(&body))), PeerMisbehaved::Version(_)));
}

#[test]
fn turn_nothing_to_send_posts_empty_and_empty_ends() {
    let (waiting, post) = established(Vec::new(), None);
    assert!(post.body.is_empty());
    assert_eq!(header(&post, "Content-Type"), None);
    assert_eq!(header(&post, "SOAPAction"), None);
    assert!(matches!(waiting.handle(&empty()).step, Step::Ended));
    let (waiting, _) = established(Vec::new(), None);
    assert!(matches!(waiting.handle(&ok(b" ")).step, Step::Ended), "LEN-06");
}

#[test]
fn turn_own_requests_go_first_and_one_at_a_time() {
    let (waiting, post) = established(vec![transfer_complete(), transfer_complete()], None);
    assert_eq!(read(&post).message.name(), "TransferComplete");
    let id = read(&post).header.id.expect("an ID");
    let response = acs(&id, TransferCompleteResponse {});
    let progress = waiting.handle(&ok(&response));
    assert!(matches!(progress.notes.as_slice(), [Note::Answered { .. }]));
    let (waiting, post) = posted(progress.step);
    let next = read(&post).header.id.expect("an ID");
    assert_ne!(next, id);
    let response = acs(&next, TransferCompleteResponse {});
    let (waiting, post) = posted(waiting.handle(&ok(&response)).step);
    assert!(post.body.is_empty());
    assert!(matches!(waiting.handle(&empty()).step, Step::Ended));
}

#[test]
fn ses_05_and_ses_06_held_requests_wait_for_the_release() {
    let (waiting, post) = established(vec![transfer_complete()], Some(true));
    assert!(post.body.is_empty(), "SES-07");
    // An ACS request, still held: answered, and then nothing of ours.
    let request = acs_hold("a1", GetRpcMethods {}, Some(true));
    let progress = waiting.handle(&ok(&request));
    let Step::Execute(execute) = progress.step else { panic!("{:?}", progress.step) };
    let (waiting, post) = execute
        .respond(GetRpcMethodsResponse { method_list: vec!["Reboot".into()] })
        .expect("its answer");
    assert_eq!(read(&post).header.id.as_deref(), Some("a1"));
    // An empty response releases.
    let (waiting, post) = posted(waiting.handle(&empty()).step);
    assert_eq!(read(&post).message.name(), "TransferComplete");
    let response = acs("2", TransferCompleteResponse {});
    let (waiting, post) = posted(waiting.handle(&ok(&response)).step);
    assert!(post.body.is_empty());
    assert!(matches!(waiting.handle(&empty()).step, Step::Ended));
}

#[test]
fn ses_08_nothing_of_our_own_after_the_empty_post() {
    let (mut waiting, _) = established(Vec::new(), None);
    assert_eq!(waiting.queue(transfer_complete()), Ok(false));
    let (mut waiting, _) = established(Vec::new(), Some(true));
    assert_eq!(waiting.queue(transfer_complete()), Ok(true));
    assert!(waiting.queue(Reboot::default().into()).is_err());
}

#[test]
fn ses_04_an_acs_request_is_answered_in_the_next_post() {
    let (waiting, _) = established(Vec::new(), None);
    let request = acs("a1", Reboot { command_key: "k".into() });
    let progress = waiting.handle(&ok(&request));
    let Step::Execute(execute) = progress.step else { panic!("{:?}", progress.step) };
    assert_eq!(execute.request().name(), "Reboot");
    assert_eq!(execute.version(), CwmpVersion::V1_2);
    let (misuse, execute) = execute.respond(FactoryResetResponse {}).expect_err("not its answer");
    assert!(matches!(misuse, Misuse::NotAnAnswer { .. }));
    let (waiting, post) = execute.respond(Fault::new(FaultCode::REQUEST_DENIED)).expect("a fault");
    assert!(matches!(read(&post).message, Message::Fault(_)));
    // The CPE had said that it is done, so that an empty response ends the session (`SES-10`).
    assert!(matches!(waiting.handle(&empty()).step, Step::Ended));
}

#[test]
fn soap_16_what_cannot_be_executed_is_refused_without_the_device() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let reboot = text(acs("a1", Reboot { command_key: "k".into() }));
    let cases = [
        (reboot.replace("cwmp:Reboot", "cwmp:X_00D09E_Dance"), FaultCode::METHOD_NOT_SUPPORTED),
        (text(acs("a1", inform())), FaultCode::METHOD_NOT_SUPPORTED),
        (reboot.replace("<CommandKey>k</CommandKey>", ""), FaultCode::INVALID_ARGUMENTS),
        (reboot.replace(">k<", &format!(">{}<", "k".repeat(33))), FaultCode::INVALID_ARGUMENTS),
    ];
    for (request, code) in cases {
        let (waiting, _) = established(Vec::new(), None);
        let progress = waiting.handle(&ok(request.as_bytes()));
        assert!(matches!(progress.notes.as_slice(), [Note::Refused { .. }]), "{request}");
        let (_, post) = posted(progress.step);
        let Message::Fault(fault) = read(&post).message else { panic!("no fault") };
        assert_eq!(fault.fault_code, code);
        assert_eq!(read(&post).header.id.as_deref(), Some("a1"));
    }
}

#[test]
fn mrb_01_fault_8005_repeats_the_request_as_the_next_one() {
    let (waiting, post) = established(vec![transfer_complete()], None);
    let first = read(&post);
    let retry = acs("2", Fault::new(FaultCode::RETRY_REQUEST));
    let progress = waiting.handle(&ok(&retry));
    assert!(progress.notes.is_empty());
    let (mut waiting, post) = posted(progress.step);
    assert_eq!(read(&post), first);
    for _ in 1..RETRY_REQUESTS_MAX {
        let retry = acs("2", Fault::new(FaultCode::RETRY_REQUEST));
        waiting = posted(waiting.handle(&ok(&retry)).step).0;
    }
    let why = misbehaved(waiting.handle(&ok(&retry)));
    assert_eq!(why, PeerMisbehaved::TooManyRetries("TransferComplete"));
}

#[test]
fn mrb_01_a_held_repetition_waits_for_the_release() {
    let (waiting, _) = established(vec![transfer_complete()], None);
    let retry = acs_hold("2", Fault::new(FaultCode::RETRY_REQUEST), Some(true));
    let (waiting, post) = posted(waiting.handle(&ok(&retry)).step);
    assert!(post.body.is_empty());
    let (_, post) = posted(waiting.handle(&empty()).step);
    assert_eq!(read(&post).message.name(), "TransferComplete");
}

#[test]
fn mrb_03_another_fault_is_an_answer_and_the_session_goes_on() {
    let (waiting, _) = established(vec![transfer_complete()], None);
    let fault = acs("2", Fault::new(FaultCode::ACS_RESOURCES_EXCEEDED));
    let progress = waiting.handle(&ok(&fault));
    assert!(matches!(progress.notes.as_slice(), [Note::Answered { .. }]));
    let (waiting, post) = posted(progress.step);
    assert!(post.body.is_empty());
    assert!(matches!(waiting.handle(&empty()).step, Step::Ended));
}

#[test]
fn wait_empty_while_a_request_is_outstanding_fails() {
    let (waiting, _) = established(vec![transfer_complete()], None);
    let why = misbehaved(waiting.handle(&empty()));
    assert_eq!(why, PeerMisbehaved::EmptyInsteadOfAnswer { expected: "TransferComplete" });
}

#[test]
fn ses_17_an_answer_that_does_not_belong_fails() {
    let wrong_rpc = acs("2", InformResponse { max_envelopes: 1 });
    let wrong_id = acs("99", TransferCompleteResponse {});
    let request = acs("a1", Reboot::default());
    for body in [wrong_rpc, wrong_id, request] {
        let (waiting, _) = established(vec![transfer_complete()], None);
        assert!(failure(waiting.handle(&ok(&body))).established);
    }
    let (waiting, _) = established(Vec::new(), None);
    let unasked = acs("2", TransferCompleteResponse {});
    let why = misbehaved(waiting.handle(&ok(&unasked)));
    assert!(matches!(why, PeerMisbehaved::UnexpectedResponse { .. }));
}

#[test]
fn wait_401_and_redirect_repeat_the_last_post() {
    let (waiting, post) = established(vec![transfer_complete()], None);
    let (waiting, again) = posted(waiting.handle(&challenge()).step);
    assert_eq!(post.body, again.body);
    assert!(header(&again, "Authorization").is_some());
    let (_, again) = posted(waiting.handle(&redirect(307, "/other")).step);
    assert_eq!(post.body, again.body);
    assert_eq!(again.url.to_string(), "http://acs.example:7547/other");
}

#[test]
fn wait_other_status_invalid_soap_and_loss_fail_established() {
    for response in [
        HttpResponse { status: 500, ..HttpResponse::default() },
        HttpResponse { status: 400, ..HttpResponse::default() },
        ok(b"<oops"),
    ] {
        let (waiting, _) = established(Vec::new(), None);
        assert!(failure(waiting.handle(&response)).established);
    }
    let (waiting, _) = established(Vec::new(), None);
    assert!(waiting.handle_lost(PeerMisbehaved::HttpStatus(0).into()).established);
}

#[test]
fn len_10_a_fault_in_a_500_is_a_fault() {
    let fault = acs("2", Fault::new(FaultCode::ACS_INTERNAL_ERROR));
    let (waiting, _) = established(vec![transfer_complete()], None);
    let response = HttpResponse { status: 500, body: &fault, ..HttpResponse::default() };
    assert!(matches!(waiting.handle(&response).notes.as_slice(), [Note::Answered { .. }]));
}

#[test]
fn cook_01_cookies_of_the_session_come_back() {
    let body = acs("1", InformResponse { max_envelopes: 1 });
    let mut response = ok(&body);
    response.set_cookie = vec!["session=abc; Path=/; HttpOnly", "b=\"2\"; Version=1"];
    let (waiting, post) = posted(begin(Vec::new()).handle(&response).step);
    let cookies = header(&post, "Cookie").expect("cookies");
    assert!(cookies.contains("session=abc") && cookies.contains("b="), "{cookies}");
    let elsewhere = waiting.handle(&redirect(307, "http://b.example/"));
    let (_, post) = posted(elsewhere.step);
    assert_eq!(header(&post, "Cookie"), None, "COOK-06");
}

#[test]
fn nothing_that_is_no_request_of_a_cpe_is_taken() {
    let error = start(config(), inform(), vec![Reboot::default().into()]).expect_err("misuse");
    assert!(matches!(error, Misuse::NotSentBy { role: "CPE", .. }));
    let mut long = inform();
    long.device_id.serial_number = "x".repeat(65);
    let error = start(config(), long, Vec::new()).expect_err("misuse");
    assert!(error.to_string().contains("SerialNumber"), "{error}");
}
