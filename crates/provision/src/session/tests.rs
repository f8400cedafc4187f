//! Transcripts of sessions. What tasks do in them is tested in `plan/tests.rs`.

use drover_cwmp::Value;
use drover_cwmp::message::*;
use proptest::prelude::*;

use super::*;
use crate::harness::{Device, Server, at, envelope, inform, key};
use crate::task::{TaskId, TaskKind};

const SERIAL: &str = "Device.DeviceInfo.SerialNumber";
const UPTIME: &str = "Device.DeviceInfo.UpTime";
const URL: &str = "Device.ManagementServer.ConnectionRequestURL";

fn first_inform() -> Inform {
    let values = [
        (SERIAL, Value::string("1")),
        (UPTIME, Value::unsigned_int(7)),
        (URL, Value::string("http://192.0.2.1:7547/x")),
    ];
    inform(&[("0 BOOTSTRAP", ""), ("1 BOOT", "")], &values)
}

#[test]
fn the_first_inform_registers_the_device_before_it_is_answered() {
    let mut session = Session::new(SessionConfig::default());
    let step = session.handle(&envelope(first_inform(), "i"), at(1));
    let Step::Load { key: loaded, save: None } = step else { panic!("{step:?}") };
    assert_eq!(loaded, key());
    let outgoing = session.resume(Loaded::default(), at(2));
    assert!(matches!(outgoing.reply, Reply::Envelope(_)) && outgoing.end.is_none());
    let batch = outgoing.save.unwrap();
    let fields = batch.fields.unwrap();
    assert_eq!(fields.registered, at(2));
    assert_eq!(fields.last_bootstrap, Some(at(2)));
    assert_eq!(fields.root.as_deref(), Some("Device."));
    assert_eq!(fields.last_events.len(), 2);
    assert_eq!(batch.parameters.len(), 3);
    assert_eq!(session.device(), Some(&key()));
}

#[test]
fn an_inform_that_repeats_what_is_known_writes_the_fields_only() {
    let mut server = Server::new();
    let mut device = Device::default();
    assert!(server.hold(first_inform(), &mut device, 10));
    let registered = server.record().fields.registered;
    server.saved.clear();
    assert!(server.hold(first_inform(), &mut device, 10));
    let [batch] = server.saved.as_slice() else { panic!("{:?}", server.saved) };
    assert!(batch.parameters.is_empty() && batch.tasks.is_empty());
    let fields = batch.fields.as_ref().unwrap();
    assert_eq!(fields.registered, registered);
    assert!(fields.last_inform > registered);
    assert_eq!(fields.sessions, 2);
}

#[test]
fn a_changed_value_is_all_that_an_inform_adds() {
    let mut server = Server::new();
    server.begin(first_inform());
    let mut second = first_inform();
    second.parameter_list[1].value = Value::unsigned_int(8);
    server.saved.clear();
    server.begin(second);
    let changed: Vec<_> = server.saved[0].parameters.keys().collect();
    assert_eq!(changed, [UPTIME]);
    let parameter = &server.record().parameters[UPTIME];
    assert_eq!(parameter.time(), server.now);
}

#[test]
fn acs_12_every_request_of_a_device_is_answered() {
    let mut server = Server::new();
    server.begin(first_inform());
    let requests: [Message; 7] = [
        GetRpcMethods::default().into(),
        TransferComplete::default().into(),
        AutonomousTransferComplete::default().into(),
        DuStateChangeComplete::default().into(),
        AutonomousDuStateChangeComplete::default().into(),
        RequestDownload::default().into(),
        Kicked { next: "http://192.0.2.1/".to_owned(), ..Kicked::default() }.into(),
    ];
    for request in requests {
        let answer = server.ask(&envelope(request.clone(), "r"));
        assert!(answer.message.answers(&request), "{request}: {answer:?}");
        assert!(!matches!(answer.message, Message::Fault(_)), "{request}: {answer:?}");
        assert_eq!(answer.header.id.as_deref(), Some("r"));
    }
    let vendor = Message::Unknown(UnknownRpc { name: "X_00D09E_Party".to_owned() });
    let answer = server.ask(&envelope(vendor, "v"));
    let Message::Fault(fault) = answer.message else { panic!("{answer:?}") };
    assert_eq!(fault.fault_code, FaultCode::ACS_METHOD_NOT_SUPPORTED);
    let long = Kicked { next: "x".repeat(2000), ..Kicked::default() };
    let answer = server.ask(&envelope(long, "k"));
    let Message::Fault(fault) = answer.message else { panic!("{answer:?}") };
    assert_eq!(fault.fault_code, FaultCode::ACS_INVALID_ARGUMENTS);
    assert_eq!(server.post(b""), Reply::Empty);
    assert_eq!(server.end, Some(End::Complete));
}

#[test]
fn an_empty_post_before_the_inform_begins_nothing() {
    let mut server = Server::new();
    assert_eq!(server.post(b""), Reply::Empty);
    assert_eq!(server.end, None);
    let answer = server.ask(&envelope(first_inform(), "i"));
    assert!(matches!(answer.message, Message::InformResponse(_)));
}

#[test]
fn what_cannot_be_read_ends_the_session() {
    let mut server = Server::new();
    server.begin(first_inform());
    assert_eq!(server.post(b"<not soap"), Reply::Status(400));
    assert!(matches!(server.end, Some(End::Failed(Failure::Cwmp(_)))));
    assert_eq!(server.post(b""), Reply::Status(400));
    assert_eq!(server.end, Some(End::Failed(Failure::NotNow)));
}

#[test]
fn a_post_while_the_record_is_loaded_ends_the_session() {
    let mut session = Session::new(SessionConfig::default());
    assert!(matches!(session.handle(&envelope(first_inform(), "i"), at(0)), Step::Load { .. }));
    let Step::Reply(outgoing) = session.handle(b"", at(0)) else { panic!("no reply") };
    assert_eq!(outgoing.end, Some(End::Failed(Failure::NotNow)));
    let late = session.resume(Loaded::default(), at(0));
    assert_eq!(late.end, Some(End::Failed(Failure::NotNow)));
    assert_eq!(late.save, None);
}

#[test]
fn a_device_without_serial_number_is_refused() {
    let mut inform = first_inform();
    inform.device_id.serial_number = " ".to_owned();
    let mut server = Server::new();
    let answer = server.ask(&envelope(inform, "i"));
    let Message::Fault(fault) = answer.message else { panic!("{answer:?}") };
    assert_eq!(fault.fault_code, FaultCode::ACS_INVALID_ARGUMENTS);
    assert!(matches!(server.end, Some(End::Failed(Failure::Refused(_)))));
    assert!(server.shelf.records.is_empty());
}

#[test]
fn a_device_without_oui_has_a_record() {
    let mut inform = first_inform();
    inform.device_id.oui.clear();
    inform.device_id.product_class.clear();
    let mut server = Server::new();
    server.begin(inform);
    let keys: Vec<_> = server.shelf.records.keys().map(DeviceKey::as_str).collect();
    assert_eq!(keys, ["-1"]);
}

#[test]
fn the_shell_can_refuse() {
    let mut session = Session::new(SessionConfig::default());
    assert!(matches!(session.handle(&envelope(first_inform(), "i"), at(0)), Step::Load { .. }));
    let outgoing = session.refuse(Fault::new(FaultCode::ACS_REQUEST_DENIED));
    let Reply::Envelope(xml) = outgoing.reply else { panic!("no envelope") };
    assert!(xml.contains("8001"));
    assert!(matches!(outgoing.end, Some(End::Failed(Failure::Refused(_)))));
}

#[test]
fn acs_11_an_inform_in_an_open_session_begins_anew() {
    let mut server = Server::new();
    server.visit(&[("1 BOOT", "")], &mut Device::default());
    let get = server.add_task(TaskKind::GetParameterValues { names: vec![SERIAL.to_owned()] });
    server.begin(first_inform());
    let first = server.ask(b"");
    assert!(matches!(first.message, Message::GetParameterValues(_)));
    let answer = server.ask(&envelope(first_inform(), "i"));
    assert!(matches!(answer.message, Message::InformResponse(_)));
    let again = server.ask(b"");
    assert!(matches!(again.message, Message::GetParameterValues(_)));
    assert_eq!(*server.state(&get), TaskState::Waiting);
}

#[test]
fn sec_08_another_device_does_not_enter_the_session() {
    let mut server = Server::new();
    server.begin(first_inform());
    let mut other = first_inform();
    other.device_id.serial_number = "2".to_owned();
    assert_eq!(server.post(&envelope(other, "i")), Reply::Status(400));
    let Some(End::Failed(Failure::OtherDevice { expected, found })) = &server.end else {
        panic!("{:?}", server.end)
    };
    assert_eq!((expected.as_str(), found.as_str()), ("00D09E-Box-1", "00D09E-Box-2"));
    assert_eq!(server.shelf.records.len(), 1);
}

#[test]
fn expired_tasks_are_removed_and_later_ones_wait() {
    let mut server = Server::new();
    let expired = server.add_task(TaskKind::Reboot);
    server.shelf.tasks.get_mut(&expired).unwrap().expiry = Some(server.now);
    let later = server.add_task(TaskKind::Reboot);
    server.shelf.tasks.get_mut(&later).unwrap().due = at(1_000);
    let mut device = Device::default();
    server.visit(&[("2 PERIODIC", "")], &mut device);
    assert!(!server.shelf.tasks.contains_key(&expired));
    assert_eq!(*server.state(&later), TaskState::Waiting);
    assert!(device.log.is_empty());
}

#[test]
fn a_task_can_join_an_open_session() {
    let mut server = Server::new();
    let mut device = Device::new(&[(SERIAL, Value::string("1"))]);
    server.begin(first_inform());
    let id = server.add_task(TaskKind::GetParameterValues { names: vec![SERIAL.to_owned()] });
    assert!(server.session.queue(server.shelf.tasks[&id].clone(), server.now));
    let request = server.ask(b"");
    let answer = device.execute(&request.message);
    assert_eq!(server.post(&envelope(answer, &request.header.id.unwrap())), Reply::Empty);
    assert!(server.result(&id).refused.is_empty());
    assert!(!server.session.queue(server.shelf.tasks[&id].clone(), server.now));
}

#[test]
fn a_unique_key_replaces_a_task_that_waits_in_the_session() {
    let mut server = Server::new();
    server.visit(&[("1 BOOT", "")], &mut Device::default());
    let [old, new] = ["Device.A.", "Device.B."].map(|path| {
        let id = server.add_task(TaskKind::RefreshObject { path: path.to_owned() });
        server.shelf.tasks.get_mut(&id).unwrap().unique_key = Some("refresh".to_owned());
        id
    });
    let later = server.shelf.tasks.remove(&new).unwrap();
    server.begin(first_inform());
    server.shelf.tasks.remove(&old);
    server.shelf.tasks.insert(new, later.clone());
    assert!(server.session.queue(later, server.now));
    let request = server.ask(b"").message;
    let Message::GetParameterNames(request) = request else { panic!("{request:?}") };
    assert_eq!(request.parameter_path, "Device.B.");
}

#[test]
fn peculiarities_are_remembered_once() {
    let mut server = Server::new();
    let xml = String::from_utf8(envelope(first_inform(), "i")).unwrap();
    let xml = xml.replacen(" SOAP-ENV:mustUnderstand=\"1\"", "", 1);
    for _ in 0..2 {
        server.session = Session::new(SessionConfig::default());
        server.ask(xml.as_bytes());
    }
    let known: Vec<_> = server.record().fields.peculiarities.iter().collect();
    assert_eq!(known, ["ID without mustUnderstand"]);
}

#[test]
fn abandoning_a_session_keeps_what_can_be_repeated() {
    let mut server = Server::new();
    server.visit(&[("1 BOOT", "")], &mut Device::default());
    let get = server.add_task(TaskKind::RefreshObject { path: String::new() });
    server.begin(first_inform());
    server.ask(b"");
    let batch = server.session.abandon(server.now);
    server.save(batch);
    assert_eq!(*server.state(&get), TaskState::Waiting);
    assert_eq!(server.session.abandon(server.now), None);
}

#[test]
fn debug_output_of_a_session_shows_no_values() {
    let mut server = Server::new();
    let secret = Value::string("hunter2");
    server.begin(inform(&[("1 BOOT", "")], &[("Device.X", secret)]));
    let shown = format!("{:?} {:?} {:?}", server.session, server.record(), server.saved);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn bounds_hold_whatever_an_inform_carries() {
    let mut server = Server::new();
    let big = "x".repeat(crate::limits::VALUE_BYTES_MAX + 1);
    let name = format!("Device.{}", "n".repeat(crate::limits::PATH_BYTES_MAX));
    let values = [
        ("Device.Big", Value::string(big)),
        (name.as_str(), Value::string("1")),
        ("Device.Good", Value::string("1")),
    ];
    server.begin(inform(&[("1 BOOT", "")], &values));
    let kept: Vec<_> = server.record().parameters.keys().collect();
    assert_eq!(kept, ["Device.Good"]);
    let known = &server.record().fields.peculiarities;
    assert!(known.contains("more or bigger parameters than are kept"), "{known:?}");
}

proptest! {
    /// Nothing that comes in the place of an answer makes the server panic, and the session
    /// answers every POST.
    #[test]
    fn any_bytes_are_answered(
        kind in 0..6_usize,
        bodies in prop::collection::vec(prop_oneof![
            Just(Vec::new()),
            prop::collection::vec(any::<u8>(), 0..60),
            (0..8_usize).prop_map(odd_answer),
        ], 1..12),
    ) {
        let mut server = Server::new();
        server.visit(&[("1 BOOT", "")], &mut Device::default());
        let path = "Device.T.1.".to_owned();
        let id: TaskId = server.add_task(match kind {
            0 => TaskKind::RefreshObject { path },
            1 => TaskKind::GetParameterValues { names: vec![path, SERIAL.to_owned()] },
            2 => TaskKind::AddObject { path: "Device.T.".to_owned(), values: Vec::new() },
            3 => TaskKind::DeleteObject { path },
            4 => TaskKind::FactoryReset,
            _ => TaskKind::Reboot,
        });
        server.begin(first_inform());
        for body in bodies {
            server.post(&body);
            if server.end.is_some() {
                break;
            }
        }
        let batch = server.session.abandon(server.now);
        server.save(batch);
        prop_assert!(server.shelf.tasks.contains_key(&id));
    }
}

/// Answers that fit no or a strange request.
fn odd_answer(which: usize) -> Vec<u8> {
    let value =
        |name: &str| ParameterValueStruct { name: name.to_owned(), value: Value::string("x") };
    let info = |name: &str| ParameterInfoStruct { name: name.to_owned(), writable: true };
    let message: Message = match which {
        0 => {
            GetParameterValuesResponse { parameter_list: vec![value(""), value(".."), value("é")] }
                .into()
        }
        1 => {
            let names = ["", ".", "Device.T.1.", "Device.T.1.A.", "Device."];
            GetParameterNamesResponse { parameter_list: names.map(info).to_vec() }.into()
        }
        2 => AddObjectResponse { instance_number: 0, status: 9005 }.into(),
        3 => Fault::new(FaultCode(9004)).into(),
        4 => Fault::new(FaultCode(9005)).into(),
        5 => GetRpcMethodsResponse { method_list: Vec::new() }.into(),
        6 => RebootResponse::default().into(),
        _ => TransferComplete::default().into(),
    };
    // Without an ID it fits whatever was asked (`LEN-03`).
    drover_cwmp::Envelope::new(drover_cwmp::CwmpNamespace::V1_0, None, message)
        .to_xml()
        .into_bytes()
}

mod clock;
mod onboarding;
mod presets;
mod secrets;
