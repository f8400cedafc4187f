//! A transcript for every row of the state table of section 12.

use super::*;
use crate::message::*;
use crate::version::CwmpNamespace;

/// What a CPE posts, as bytes.
fn cpe(message: impl Into<Message>) -> Vec<u8> {
    cpe_with("c-1", message)
}

fn cpe_with(id: &str, message: impl Into<Message>) -> Vec<u8> {
    Envelope::new(CwmpNamespace::V1_2, id.to_owned(), message).to_xml().into_bytes()
}

fn inform() -> Inform {
    let device_id = DeviceIdStruct {
        manufacturer: "Example".into(),
        oui: "00D09E".into(),
        product_class: "Test".into(),
        serial_number: "1".into(),
    };
    Inform { device_id, max_envelopes: 1, ..Inform::default() }
}

fn post(bytes: &[u8]) -> Post {
    Post::read(bytes).expect("readable")
}

/// The envelope in a reply.
fn read(reply: &Reply) -> Envelope {
    match reply {
        Reply::Envelope(text) => Envelope::parse(text.as_bytes()).expect("our own").envelope,
        other => panic!("no envelope: {other:?}"),
    }
}

fn informed(bytes: &[u8]) -> Informed {
    match ExpectInform::new(CwmpVersion::V1_4).handle(post(bytes)).expect("an Inform") {
        First::Inform(informed) => informed,
        First::Nothing(..) => panic!("nothing"),
    }
}

fn open(hold: bool) -> Open {
    informed(&cpe(inform())).accept(hold).expect("accepted").0
}

fn turn(open: Open) -> Turn {
    match open.handle(Post::Empty).expect("a turn") {
        OpenStep::Turn(turn) => turn,
        other => panic!("{other:?}"),
    }
}

fn get() -> GetParameterValues {
    GetParameterValues { parameter_names: vec!["Device.".into()] }
}

fn got() -> GetParameterValuesResponse {
    GetParameterValuesResponse::default()
}

fn transfer_complete() -> TransferComplete {
    TransferComplete { command_key: "k".into(), ..TransferComplete::default() }
}

fn status(broken: &Broken) -> u16 {
    match broken.reply {
        Reply::Status(status) => status,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn none_inform_accepted_opens_with_inform_response() {
    let (open, reply) = informed(&cpe(inform())).accept(false).expect("accepted");
    let answer = read(&reply);
    assert_eq!(answer.message, InformResponse { max_envelopes: 1 }.into());
    assert_eq!(answer.header.id.as_deref(), Some("c-1"));
    assert_eq!(answer.header.hold_requests, None);
    assert_eq!(answer.header.use_cwmp_version, None);
    assert_eq!(open.version(), CwmpVersion::V1_2);
}

#[test]
fn neg_02_the_chosen_version_is_announced_and_used() {
    let mut envelope = Envelope::new(CwmpNamespace::V1_2, "1".to_owned(), inform());
    envelope.header.supported_cwmp_versions = Some(CwmpVersion::V1_1.up_to());
    let (_, reply) = informed(envelope.to_xml().as_bytes()).accept(false).expect("accepted");
    let answer = read(&reply);
    assert_eq!(answer.header.use_cwmp_version, Some(CwmpVersion::V1_1));
    assert_eq!(answer.namespace, CwmpNamespace::V1_1);
}

#[test]
fn neg_03_no_common_version_is_fault_8006() {
    let mut envelope = Envelope::new(CwmpNamespace::V1_2, "1".to_owned(), inform());
    envelope.header.supported_cwmp_versions = Some(Vec::new());
    let broken = informed(envelope.to_xml().as_bytes()).accept(false).expect_err("refused");
    let Message::Fault(fault) = read(&broken.reply).message else { panic!("no fault") };
    assert_eq!(fault.fault_code, FaultCode::ACS_VERSION_INCOMPATIBLE);
}

#[test]
fn none_inform_refused_stays_and_takes_the_inform_again() {
    let (expect, reply) = informed(&cpe(inform())).refuse(Fault::new(FaultCode::RETRY_REQUEST));
    let Message::Fault(fault) = read(&reply).message else { panic!("no fault") };
    assert_eq!(fault.fault_code, FaultCode::RETRY_REQUEST);
    assert!(matches!(expect.handle(post(&cpe(inform()))), Ok(First::Inform(_))));
}

#[test]
fn acs_01_nothing_but_an_inform_begins_a_session() {
    let fresh = || ExpectInform::new(CwmpVersion::V1_4);
    assert!(matches!(fresh().handle(Post::Empty), Ok(First::Nothing(_, Reply::Empty))));
    for message in [Message::from(transfer_complete()), got().into(), get().into()] {
        let broken = fresh().handle(post(&cpe(message))).expect_err("refused");
        assert_eq!(status(&broken), 400);
        assert!(matches!(broken.error, Error::PeerMisbehaved(PeerMisbehaved::BeforeInform { .. })));
    }
}

#[test]
fn an_inform_without_identity_is_fault_8003() {
    let text = String::from_utf8(cpe(inform())).expect("text");
    let text = text.replace("<SerialNumber>1</SerialNumber>", "");
    let fresh = ExpectInform::new(CwmpVersion::V1_4);
    let broken = fresh.handle(post(text.as_bytes())).expect_err("refused");
    let Message::Fault(fault) = read(&broken.reply).message else { panic!("no fault") };
    assert_eq!(fault.fault_code, FaultCode::ACS_INVALID_ARGUMENTS);
    assert!(fault.fault_string.expect("a reason").contains("SerialNumber"));
}

#[test]
fn open_cpe_request_is_answered_in_the_response() {
    let step = open(false).handle(post(&cpe_with("tc", transfer_complete()))).expect("a request");
    let OpenStep::Request(request) = step else { panic!("{step:?}") };
    assert_eq!(request.message().name(), "TransferComplete");
    assert_eq!(request.refusal(), None);
    let (open, reply) = request.answer(TransferCompleteResponse {}).expect("its answer");
    assert_eq!(read(&reply).header.id.as_deref(), Some("tc"));
    assert_eq!(read(&reply).message.name(), "TransferCompleteResponse");
    // Another one may follow before the empty POST, and after it (`LEN-14`).
    assert!(matches!(open.handle(Post::Empty), Ok(OpenStep::Turn(_))));
}

#[test]
fn open_cpe_request_is_answered_with_a_fault() {
    let step = open(false).handle(post(&cpe(transfer_complete()))).expect("a request");
    let OpenStep::Request(request) = step else { panic!("{step:?}") };
    let (misuse, request) = request.answer(InformResponse::default()).expect_err("not its answer");
    assert!(matches!(misuse, Misuse::NotAnAnswer { .. }));
    let (open, reply) = request.fault(Fault::new(FaultCode::RETRY_REQUEST));
    assert!(matches!(read(&reply).message, Message::Fault(_)));
    assert!(matches!(open.handle(post(&cpe(transfer_complete()))), Ok(OpenStep::Request(_))));
}

#[test]
fn soap_16_what_no_acs_answers_is_8000_and_bad_arguments_8003() {
    let code = |bytes: &[u8]| match open(false).handle(post(bytes)).expect("a request") {
        OpenStep::Request(request) => request.refusal().expect("a refusal").fault_code,
        other => panic!("{other:?}"),
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let vendor = text(cpe(GetRpcMethods {})).replace("GetRPCMethods", "X_00D09E_Hello");
    assert_eq!(code(vendor.as_bytes()), FaultCode::ACS_METHOD_NOT_SUPPORTED);
    assert_eq!(code(&cpe(get())), FaultCode::ACS_METHOD_NOT_SUPPORTED);
    let bad = text(cpe(transfer_complete())).replace("<FaultCode>0<", "<FaultCode>none<");
    assert_eq!(code(bad.as_bytes()), FaultCode::ACS_INVALID_ARGUMENTS);
}

#[test]
fn open_empty_post_with_a_request_is_busy_until_its_answer_then_ends() {
    let (busy, reply) = turn(open(false)).send(get(), "r1").expect("sent");
    assert_eq!(read(&reply).header.id.as_deref(), Some("r1"));
    assert_eq!(busy.request().name(), "GetParameterValues");
    let step = busy.handle(post(&cpe_with("r1", got()))).expect("answered");
    let BusyStep::Answered(answered) = step else { panic!("{step:?}") };
    assert_eq!(answered.answer, got().into());
    // Next request follows at once.
    let (busy, _) = answered.turn.send(Reboot::default(), "r2").expect("sent");
    let step = busy.handle(post(&cpe_with("r2", RebootResponse {}))).expect("answered");
    let BusyStep::Answered(answered) = step else { panic!("{step:?}") };
    // The CPE had said that it is done: the session ends.
    let (rest, reply) = answered.turn.nothing();
    assert!(matches!(rest, Rest::Ended));
    assert_eq!(reply, Reply::Empty);
}

#[test]
fn open_empty_post_with_an_empty_queue_ends() {
    let (rest, reply) = turn(open(false)).nothing();
    assert!(matches!(rest, Rest::Ended));
    assert_eq!(reply, Reply::Empty);
}

#[test]
fn acs_06_held_requests_are_let_through_before_the_end() {
    let (open, reply) = informed(&cpe(inform())).accept(true).expect("accepted");
    assert_eq!(read(&reply).header.hold_requests, Some(true));
    let (busy, reply) = turn(open).send(get(), "r1").expect("sent");
    assert_eq!(read(&reply).header.hold_requests, Some(true));
    let step = busy.handle(post(&cpe_with("r1", got()))).expect("answered");
    let BusyStep::Answered(answered) = step else { panic!("{step:?}") };
    // Queue empty, but the CPE was held: 204, and it may go on.
    let (rest, reply) = answered.turn.nothing();
    assert_eq!(reply, Reply::Empty);
    let Rest::Open(open) = rest else { panic!("ended although held") };
    let step = open.handle(post(&cpe(transfer_complete()))).expect("a request");
    let OpenStep::Request(request) = step else { panic!("{step:?}") };
    let (open, reply) = request.answer(TransferCompleteResponse {}).expect("its answer");
    assert_eq!(read(&reply).header.hold_requests, None);
    assert!(matches!(turn(open).nothing().0, Rest::Ended));
}

#[test]
fn acs_06_held_and_nothing_to_send_is_204_and_open() {
    let (rest, reply) = turn(open(true)).nothing();
    assert_eq!(reply, Reply::Empty);
    let Rest::Open(open) = rest else { panic!("ended although held") };
    assert!(matches!(turn(open).nothing().0, Rest::Ended));
}

#[test]
fn acs_06_hold_can_be_switched_in_mid_session() {
    let mut turn_held = turn(open(true));
    turn_held.hold_requests(false);
    let (_, reply) = turn_held.send(get(), "r1").expect("sent");
    assert_eq!(read(&reply).header.hold_requests, None);
}

#[test]
fn open_answer_while_nothing_is_outstanding_is_a_protocol_error() {
    for message in [Message::from(got()), Fault::new(FaultCode::REQUEST_DENIED).into()] {
        let broken = open(false).handle(post(&cpe(message))).expect_err("refused");
        assert_eq!(status(&broken), 400);
        assert!(matches!(
            broken.error,
            Error::PeerMisbehaved(PeerMisbehaved::UnexpectedResponse { .. })
        ));
    }
}

#[test]
fn busy_anything_but_the_answer_is_a_protocol_error() {
    let busy = || turn(open(false)).send(get(), "r1").expect("sent").0;
    let broken = busy().handle(Post::Empty).expect_err("refused");
    assert_eq!(status(&broken), 400);
    for message in [Message::from(transfer_complete()), RebootResponse {}.into()] {
        let broken = busy().handle(post(&cpe_with("r1", message))).expect_err("refused");
        assert_eq!(status(&broken), 400);
    }
    let broken = busy().handle(post(&cpe_with("r9", got()))).expect_err("refused");
    assert!(matches!(broken.error, Error::PeerMisbehaved(PeerMisbehaved::WrongId { .. })));
}

#[test]
fn len_03_an_answer_without_id_is_taken() {
    let (busy, _) = turn(open(false)).send(get(), "r1").expect("sent");
    let bytes = Envelope::new(CwmpNamespace::V1_2, None, got()).to_xml().into_bytes();
    assert!(matches!(busy.handle(post(&bytes)), Ok(BusyStep::Answered(_))));
}

#[test]
fn acs_10_a_fault_does_not_end_the_session() {
    let (busy, _) = turn(open(false)).send(get(), "r1").expect("sent");
    let fault = Fault::new(FaultCode::INVALID_PARAMETER_NAME);
    let step = busy.handle(post(&cpe_with("r1", fault))).expect("answered");
    let BusyStep::Answered(answered) = step else { panic!("{step:?}") };
    assert!(matches!(answered.answer, Message::Fault(_)));
    assert!(answered.turn.send(get(), "r2").is_ok());
}

#[test]
fn acs_11_inform_drops_the_session_in_any_state() {
    let again = post(&cpe(inform()));
    assert!(matches!(open(false).handle(again.clone()), Ok(OpenStep::Inform(_))));
    let (busy, _) = turn(open(false)).send(get(), "r1").expect("sent");
    let step = busy.handle(again).expect("an Inform");
    let BusyStep::Inform(informed) = step else { panic!("{step:?}") };
    assert_eq!(informed.accept(false).expect("accepted").0.version(), CwmpVersion::V1_2);
}

#[test]
fn ver_02_and_roles_are_checked_before_anything_is_sent() {
    let in_1_0 = Envelope::new(CwmpNamespace::V1_0, None, inform()).to_xml();
    let (open_1_0, _) = informed(in_1_0.as_bytes()).accept(false).expect("accepted");
    let cancel = CancelTransfer { command_key: "k".into() };
    let (misuse, turn_1_0) = turn(open_1_0).send(cancel, "1").expect_err("too new");
    assert!(matches!(misuse, Misuse::Version { .. }), "{misuse}");
    let (misuse, turn_1_0) = turn_1_0.send(inform(), "1").expect_err("not an ACS's");
    assert!(matches!(misuse, Misuse::NotSentBy { .. }), "{misuse}");
    let long = Reboot { command_key: "k".repeat(33) };
    let (misuse, turn_1_0) = turn_1_0.send(long, "1").expect_err("too long");
    assert!(misuse.to_string().contains("CommandKey"), "{misuse}");
    assert!(turn_1_0.send(get(), "1").is_ok());
}

#[test]
fn a_session_has_an_end_of_messages() {
    let mut current = open(false);
    for _ in 1..SESSION_MESSAGES_MAX {
        let step = current.handle(post(&cpe(GetRpcMethods {}))).expect("a request");
        let OpenStep::Request(request) = step else { panic!("{step:?}") };
        current = request.fault(Fault::new(FaultCode::RETRY_REQUEST)).0;
    }
    let broken = current.handle(Post::Empty).expect_err("one too many");
    assert!(matches!(broken.error, Error::PeerMisbehaved(PeerMisbehaved::TooManyMessages(_))));
}
