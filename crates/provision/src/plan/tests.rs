//! What each kind of task asks of a device, and what becomes of its answers.

use std::collections::BTreeSet;

use drover_cwmp::session::acs::Reply;
use drover_cwmp::{CwmpNamespace, Envelope, FaultCode, Message, Value, ValueType, message::*};
use proptest::prelude::*;

use crate::harness::{Device, Server, envelope, inform};
use crate::*;

const PERIODIC: &[(&str, &str)] = &[("2 PERIODIC", "")];
const NAME: &str = "Device.WiFi.SSID.1.SSID";
const ENABLE: &str = "Device.WiFi.SSID.1.Enable";
const CHANNEL: &str = "Device.WiFi.Radio.1.Channel";

fn wifi() -> Device {
    Device::new(&[
        (NAME, Value::string("home")),
        (ENABLE, Value::boolean(true)),
        (CHANNEL, Value::unsigned_int(6)),
        ("Device.DeviceInfo.UpTime", Value::unsigned_int(7)),
    ])
}

/// A server that knows the root of the device.
fn server() -> Server {
    let mut server = Server::new();
    server.visit(PERIODIC, &mut Device::default());
    server
}

fn get(names: &[&str]) -> TaskKind {
    TaskKind::GetParameterValues { names: names.iter().map(|name| (*name).to_owned()).collect() }
}

fn refresh(path: &str) -> TaskKind {
    TaskKind::RefreshObject { path: path.to_owned() }
}

fn set(name: &str, value: NewValue, value_type: Option<ValueType>) -> SetValue {
    SetValue { name: name.to_owned(), value, value_type }
}

fn text(text: &str) -> NewValue {
    NewValue::Text(text.to_owned())
}

fn rpcs(device: &Device) -> Vec<&'static str> {
    device.log.iter().map(Message::name).collect()
}

#[test]
fn get_reads_values_and_says_which_names_were_refused() {
    let (mut server, mut device) = (server(), wifi());
    let id = server.add_task(get(&[NAME, "Device.No.Such", CHANNEL, "Device.Neither"]));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.record().value(NAME), Some(&Value::string("home")));
    assert_eq!(server.record().value(CHANNEL), Some(&Value::unsigned_int(6)));
    let refused = &server.result(&id).refused;
    let names: Vec<_> = refused.iter().map(|fault| (&*fault.name, &*fault.code)).collect();
    assert_eq!(names, [("Device.No.Such", "cwmp.9005"), ("Device.Neither", "cwmp.9005")]);
}

#[test]
fn get_of_nothing_but_bad_names_faults() {
    let (mut server, mut device) = (server(), wifi());
    let id = server.add_task(get(&["Device.No.Such"]));
    server.visit(PERIODIC, &mut device);
    let fault = server.fault(&id);
    assert_eq!((&*fault.code, fault.rpc.as_deref()), ("cwmp.9005", Some("GetParameterValues")));
    device.leaves_out = true;
    let id = server.add_task(get(&["Device.No.Such"]));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.fault(&id).code, "missing");
}

#[test]
fn a_faulted_task_waits_for_its_retry() {
    let (mut server, mut device) = (server(), Device::default());
    let id = server.add_task(get(&[NAME]));
    server.visit(PERIODIC, &mut device);
    let requests = device.log.len();
    server.visit(PERIODIC, &mut device);
    assert_eq!(device.log.len(), requests, "a faulted task was tried again");
    server.shelf.tasks.get_mut(&id).unwrap().retry();
    device.tree = wifi().tree;
    server.visit(PERIODIC, &mut device);
    assert!(server.result(&id).refused.is_empty());
    assert_eq!(server.shelf.tasks[&id].retries, 1);
}

#[test]
fn batches_shrink_to_what_the_device_can_answer() {
    let (mut server, mut device) = (server(), Device { names_max: Some(3), ..wifi() });
    for number in 0..40 {
        device.tree.insert(format!("Device.P{number}"), (Value::int(number), true));
    }
    let names: Vec<String> = device.tree.keys().cloned().collect();
    let id = server.add_task(TaskKind::GetParameterValues { names: names.clone() });
    server.visit(PERIODIC, &mut device);
    assert!(server.result(&id).refused.is_empty());
    assert!(names.iter().all(|name| server.record().value(name).is_some()));
    let largest = device.log.iter().skip(8).map(|request| match request {
        Message::GetParameterValues(get) => get.parameter_names.len(),
        _ => 0,
    });
    assert!(largest.max() <= Some(3), "too big requests go on");
}

#[test]
fn the_empty_path_is_the_root_that_the_device_told() {
    let (mut server, mut device) = (server(), wifi());
    server.add_task(get(&[""]));
    server.visit(PERIODIC, &mut device);
    let Message::GetParameterValues(request) = &device.log[0] else { panic!("{:?}", device.log) };
    assert_eq!(request.parameter_names, ["Device."]);
    let mut silent = Server::new();
    let id = silent.add_task(refresh(""));
    assert!(silent.hold(inform(PERIODIC, &[]), &mut device, 10));
    assert_eq!(silent.fault(&id).code, "unknown_root");
}

#[test]
fn refresh_learns_names_and_values_and_forgets_what_is_gone() {
    let (mut server, mut device) = (server(), wifi());
    let first = server.add_task(refresh("Device.WiFi"));
    server.visit(PERIODIC, &mut device);
    assert!(matches!(server.state(&first), TaskState::Done(_)), "{:?}", server.state(&first));
    assert_eq!(rpcs(&device), ["GetParameterNames", "GetParameterValues"]);
    assert_eq!(server.record().parameters[NAME].is_writable(), Some(true));
    assert!(server.record().parameters.contains_key("Device.WiFi.SSID.1."));
    device.tree.remove(NAME);
    device.tree.remove(ENABLE);
    server.add_task(refresh("Device.WiFi."));
    server.visit(PERIODIC, &mut device);
    let left: Vec<_> = server.record().beneath("Device.WiFi.").map(|(path, _)| path).collect();
    assert_eq!(left, ["Device.WiFi.", "Device.WiFi.Radio.", "Device.WiFi.Radio.1.", CHANNEL]);
    assert!(server.record().value("Device.DeviceInfo.SoftwareVersion").is_some());
}

#[test]
fn refresh_of_what_does_not_exist_faults_and_forgets_it() {
    let (mut server, mut device) = (server(), wifi());
    server.add_task(refresh("Device.WiFi."));
    server.visit(PERIODIC, &mut device);
    device.tree.retain(|path, _| !path.starts_with("Device.WiFi."));
    let id = server.add_task(refresh("Device.WiFi."));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.fault(&id).code, "cwmp.9005");
    assert_eq!(server.record().beneath("Device.WiFi.").count(), 0);
}

#[test]
fn refresh_of_a_parameter_reads_it() {
    let (mut server, mut device) = (server(), wifi());
    let id = server.add_task(refresh(CHANNEL));
    server.visit(PERIODIC, &mut device);
    assert!(server.result(&id).refused.is_empty());
    assert_eq!(server.record().value(CHANNEL), Some(&Value::unsigned_int(6)));
    device.log.clear();
    server.add_task(refresh(CHANNEL));
    server.visit(PERIODIC, &mut device);
    assert_eq!(rpcs(&device), ["GetParameterValues"], "the record knows that it is a parameter");
}

#[test]
fn a_device_that_knows_no_get_parameter_names_faults_once() {
    let (mut server, mut device) = (server(), Device { no_subtree: Some(9000), ..wifi() });
    let id = server.add_task(refresh("Device."));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.fault(&id).code, "cwmp.9000");
    assert_eq!(device.log.len(), 1);
}

#[test]
fn set_uses_the_type_of_the_device_and_keeps_what_it_accepted() {
    let (mut server, mut device) = (server(), wifi());
    server.add_task(get(&[CHANNEL]));
    server.visit(PERIODIC, &mut device);
    device.log.clear();
    let values = vec![set(CHANNEL, text("11"), Some(ValueType::String))];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).status, Some(0));
    assert_eq!(device.tree[CHANNEL].0, Value::unsigned_int(11));
    assert_eq!(server.record().value(CHANNEL), Some(&Value::unsigned_int(11)));
    let Message::SetParameterValues(request) = &device.log[0] else { panic!("{:?}", device.log) };
    assert_eq!(request.parameter_key, id.as_str());
}

#[test]
fn set_learns_a_type_that_nobody_knows() {
    let (mut server, mut device) = (server(), wifi());
    let values = vec![
        set(CHANNEL, NewValue::Number("11".to_owned()), None),
        set(NAME, text("guest"), Some(ValueType::String)),
    ];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).status, Some(0));
    assert_eq!(rpcs(&device), ["GetParameterValues", "SetParameterValues"]);
    let Message::GetParameterValues(request) = &device.log[0] else { panic!("{:?}", device.log) };
    assert_eq!(request.parameter_names, [CHANNEL]);
    assert_eq!(device.tree[CHANNEL].0, Value::unsigned_int(11));
}

#[test]
fn set_tells_which_parameters_were_refused_and_changes_nothing() {
    let (mut server, mut device) = (server(), wifi());
    device.tree.get_mut(ENABLE).unwrap().1 = false;
    let values = vec![
        set(NAME, text("x"), None),
        set(ENABLE, NewValue::Boolean(false), None),
        set("Device.No.Such", text("x"), None),
    ];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    let fault = server.fault(&id);
    assert_eq!(fault.code, "cwmp.9003");
    let bad: Vec<_> = fault.parameters.iter().map(|fault| (&*fault.name, &*fault.code)).collect();
    assert_eq!(bad, [(ENABLE, "cwmp.9008"), ("Device.No.Such", "cwmp.9005")]);
    assert_eq!(server.record().value(NAME), Some(&Value::string("home")));
}

#[test]
fn set_does_not_send_what_cannot_be_of_its_type() {
    let (mut server, mut device) = (server(), wifi());
    let values = vec![set(ENABLE, text("banana"), None)];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    let fault = server.fault(&id);
    assert_eq!(fault.code, "invalid_value");
    assert!(fault.message.starts_with("Device.WiFi.SSID.1.Enable: "), "{}", fault.message);
    assert_eq!(rpcs(&device), ["GetParameterValues"]);
}

#[test]
fn len_07_the_given_type_counts_when_the_device_leaves_types_out() {
    let (mut server, mut device) = (server(), wifi());
    server.shelf.records.values_mut().for_each(|record| {
        record.fields.peculiarities.insert("value without xsi:type".to_owned());
        let parameter = Parameter::with_value(Value::string("6"), record.fields.registered);
        record.parameters.insert(CHANNEL.to_owned(), parameter);
    });
    let values = vec![set(CHANNEL, text("11"), Some(ValueType::UnsignedInt))];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).status, Some(0));
}

#[test]
fn sec_01_secrets_do_not_stay_in_parameters_and_done_tasks() {
    const PASSWORD: &str = "Device.ManagementServer.ConnectionRequestPassword";
    const USERNAME: &str = "Device.ManagementServer.ConnectionRequestUsername";
    let mut server = server();
    let mut device = Device::new(&[(PASSWORD, Value::string("")), (USERNAME, Value::string(""))]);
    let values = vec![set(PASSWORD, text("hunter2"), None), set(USERNAME, text("acs"), None)];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.record().value(PASSWORD), Some(&Value::string("")));
    let credentials = server.record().connection_request_credentials().unwrap();
    assert_eq!((&*credentials.username, credentials.password().expose()), ("acs", "hunter2"));
    let TaskKind::SetParameterValues { values } = &server.shelf.tasks[&id].kind else {
        panic!("another task")
    };
    assert_eq!(values[0].value, text(""));
    assert_eq!(values[1].value, text("acs"));
    // A device does not tell its password; reading it back does not lose it.
    device.tree.insert(PASSWORD.to_owned(), (Value::string(""), true));
    server.add_task(get(&[PASSWORD]));
    server.visit(PERIODIC, &mut device);
    let credentials = server.record().connection_request_credentials().unwrap();
    assert_eq!(credentials.password().expose(), "hunter2");
}

#[test]
fn sec_01_secrets_that_a_device_tells_are_not_kept_with_its_parameters() {
    const OWN: &str = "Device.ManagementServer.Password";
    const PASSWORD: &str = "Device.ManagementServer.ConnectionRequestPassword";
    const USERNAME: &str = "Device.ManagementServer.ConnectionRequestUsername";
    let (mut server, told) = (server(), |value| Value::string(value));
    let mut device =
        Device::new(&[(OWN, told("hunter1")), (PASSWORD, told("hunter2")), (USERNAME, told("u"))]);
    server.add_task(get(&[OWN, PASSWORD, USERNAME]));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.record().value(OWN), Some(&Value::string("")));
    assert_eq!(server.record().value(PASSWORD), Some(&Value::string("")));
    let credentials = server.record().connection_request_credentials().unwrap();
    assert_eq!((&*credentials.username, credentials.password().expose()), ("u", "hunter2"));
}

#[test]
fn rt_03_what_the_model_hides_is_not_kept_either() {
    const SECRET: &str = "Device.WiFi.AccessPoint.1.Security.RadiusSecret";
    const PIN: &str = "Device.WiFi.AccessPoint.1.WPS.PIN";
    const VENDOR: &str = "Device.X_EXAMPLE_Thing.PIN";
    let (mut server, told) = (server(), |value| Value::string(value));
    let mut device = Device::new(&[(SECRET, told("s1")), (PIN, told("1234")), (VENDOR, told("5"))]);
    server.add_task(get(&[SECRET, PIN, VENDOR]));
    server.visit(PERIODIC, &mut device);
    for hidden in [SECRET, PIN] {
        assert_eq!(server.record().value(hidden), Some(&Value::string("")), "{hidden}");
    }
    assert_eq!(server.record().value(VENDOR), Some(&Value::string("5")), "no model knows it");
    let values = vec![set(SECRET, text("hunter2"), None)];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    assert_eq!(device.tree[SECRET].0, Value::string("hunter2"));
    assert_eq!(server.shelf.tasks[&id].kind.values()[0].value, text(""));
    assert_eq!(server.record().value(SECRET), Some(&Value::string("")));
}

#[test]
fn rt_03_the_state_of_a_switch_is_no_secret() {
    const RESET: &str = "Device.IP.Interface.1.Reset";
    let mut server = server();
    server.shelf.records.values_mut().for_each(|record| {
        let parameter = Parameter::with_value(Value::string("2.11"), record.fields.registered);
        record.parameters.insert("Device.RootDataModelVersion".to_owned(), parameter);
    });
    let mut device = Device::new(&[(RESET, Value::boolean(false))]);
    server.add_task(get(&[RESET]));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.record().value(RESET), Some(&Value::boolean(false)));
}

#[test]
fn len_07_the_model_knows_the_type_when_nobody_else_does() {
    let (mut server, mut device) = (server(), wifi());
    server.shelf.records.values_mut().for_each(|record| {
        record.fields.peculiarities.insert("value without xsi:type".to_owned());
        let parameter = Parameter::with_value(Value::string("6"), record.fields.registered);
        record.parameters.insert(CHANNEL.to_owned(), parameter);
    });
    let values = vec![set(CHANNEL, NewValue::Number("11".to_owned()), None)];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).status, Some(0));
    assert_eq!(device.tree[CHANNEL].0, Value::unsigned_int(11));
}

fn port_mapping(values: Vec<SetValue>) -> TaskKind {
    TaskKind::AddObject { path: "Device.NAT.PortMapping".to_owned(), values }
}

fn nat() -> Device {
    let tables = [("Device.NAT.PortMapping.".to_owned(), 4)].into();
    Device { tables, ..Device::default() }
}

#[test]
fn add_creates_reads_and_sets() {
    let (mut server, mut device) = (server(), nat());
    let id = server.add_task(port_mapping(vec![set("Port", text("80"), None)]));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).instance, Some(4));
    assert_eq!(rpcs(&device), ["AddObject", "GetParameterValues", "SetParameterValues"]);
    let port = "Device.NAT.PortMapping.4.Port";
    assert_eq!(device.tree[port].0, Value::unsigned_int(80));
    assert_eq!(server.record().value(port), Some(&Value::unsigned_int(80)));
    assert!(server.record().parameters.contains_key("Device.NAT.PortMapping.4."));
}

#[test]
fn a_response_that_is_a_fault_in_disguise_is_one() {
    for (status, instance_number, code) in
        [(9005, 0, "cwmp.9005"), (0, 0, "invalid_response"), (7, 1, "invalid_response")]
    {
        let mut server = server();
        let id = server.add_task(port_mapping(Vec::new()));
        server.begin(inform(PERIODIC, &[]));
        let request = server.ask(b"");
        let answer = AddObjectResponse { instance_number, status };
        server.post(&envelope(answer, &request.header.id.unwrap()));
        assert_eq!(server.fault(&id).code, code);
    }
}

#[test]
fn what_was_created_is_not_created_again_by_a_retry() {
    let (mut server, mut device) = (server(), nat());
    let id = server.add_task(port_mapping(vec![set("Nonsense", text("80"), None)]));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.fault(&id).code, "cwmp.9003");
    device.tree.insert("Device.NAT.PortMapping.4.Nonsense".to_owned(), (Value::string(""), true));
    server.shelf.tasks.get_mut(&id).unwrap().retry();
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).instance, Some(4));
    assert_eq!(rpcs(&device).iter().filter(|rpc| **rpc == "AddObject").count(), 1);
}

#[test]
fn mrb_05_a_row_is_not_created_twice_wherever_the_session_breaks() {
    for posts in 0..6 {
        for crash in [false, true] {
            let (mut server, mut device) = (server(), nat());
            let id = server.add_task(port_mapping(vec![set("Port", text("80"), None)]));
            let ended = server.hold(inform(PERIODIC, &[]), &mut device, posts);
            // A server that crashed has only what was saved before its last reply.
            if !crash {
                let batch = server.session.abandon(server.now);
                server.save(batch);
            }
            server.visit(PERIODIC, &mut device);
            server.visit(PERIODIC, &mut device);
            let added = rpcs(&device).iter().filter(|rpc| **rpc == "AddObject").count();
            assert!(added <= 1, "{posts} posts: created {added} times");
            match server.state(&id) {
                TaskState::Done(result) => assert_eq!(result.instance, Some(4)),
                TaskState::Faulted(fault) => {
                    assert_eq!(fault.code, "session_terminated");
                    assert!(!ended);
                }
                TaskState::Waiting => panic!("{posts} posts: still waiting"),
            }
        }
    }
}

#[test]
fn mrb_05_the_parameter_key_tells_that_the_row_exists() {
    let (mut server, mut device) = (server(), nat());
    let id = server.add_task(port_mapping(Vec::new()));
    server.begin(inform(PERIODIC, &[]));
    server.ask(b"");
    let key = ("Device.ManagementServer.ParameterKey", Value::string(id.as_str()));
    assert!(server.hold(inform(PERIODIC, &[key]), &mut device, 10));
    let fault = server.fault(&id);
    assert_eq!(fault.code, "session_terminated");
    assert!(fault.message.contains("has created the row"), "{}", fault.message);
}

#[test]
fn delete_removes_the_row_from_the_record() {
    let (mut server, mut device) = (server(), nat());
    server.add_task(port_mapping(Vec::new()));
    server.visit(PERIODIC, &mut device);
    let path = "Device.NAT.PortMapping.4".to_owned();
    let id = server.add_task(TaskKind::DeleteObject { path: path.clone() });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).status, Some(0));
    assert_eq!(server.record().beneath("Device.NAT.").count(), 0);
    let again = server.add_task(TaskKind::DeleteObject { path });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.fault(&again).code, "cwmp.9005");
}

#[test]
fn mrb_05_a_deletion_whose_answer_was_lost_is_done() {
    let (mut server, mut device) = (server(), nat());
    device.tree.insert("Device.NAT.PortMapping.4.Port".to_owned(), (Value::int(1), true));
    let path = "Device.NAT.PortMapping.4.".to_owned();
    let id = server.add_task(TaskKind::DeleteObject { path });
    // The device deletes the row, and its answer is lost.
    assert!(!server.hold(inform(PERIODIC, &[]), &mut device, 1));
    assert_eq!(rpcs(&device), ["DeleteObject"]);
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).status, None);
}

#[test]
fn reboot_is_done_when_it_is_answered() {
    let (mut server, mut device) = (server(), Device::default());
    let id = server.add_task(TaskKind::Reboot);
    server.visit(PERIODIC, &mut device);
    server.result(&id);
    let Message::Reboot(request) = &device.log[0] else { panic!("{:?}", device.log) };
    assert_eq!(request.command_key, id.as_str());
    server.visit(&[("1 BOOT", ""), ("M Reboot", id.as_str())], &mut device);
    assert_eq!(device.log.len(), 1);
}

#[test]
fn mrb_05_the_next_inform_tells_whether_the_device_restarted() {
    for (happened, reboots) in [(true, 1), (false, 2)] {
        let (mut server, mut device) = (server(), Device::default());
        let id = server.add_task(TaskKind::Reboot);
        assert!(!server.hold(inform(PERIODIC, &[]), &mut device, 1));
        let events = [("M Reboot", id.as_str())];
        server.visit(if happened { &events } else { PERIODIC }, &mut device);
        server.result(&id);
        assert_eq!(rpcs(&device).len(), reboots);
    }
}

#[test]
fn acs_14_a_factory_reset_is_sent_only_to_devices_that_know_it() {
    let (mut server, mut device) = (server(), Device::default());
    let (reset, other) = (server.add_task(TaskKind::FactoryReset), server.add_task(refresh("")));
    server.visit(PERIODIC, &mut device);
    server.result(&reset);
    assert_eq!(rpcs(&device), ["GetRPCMethods", "FactoryReset"]);
    // What the reset would undo waits for the next session.
    assert_eq!(*server.state(&other), TaskState::Waiting);
}

#[test]
fn acs_14_a_factory_reset_is_not_sent_to_others() {
    let mut server = server();
    let id = server.add_task(TaskKind::FactoryReset);
    server.begin(inform(PERIODIC, &[]));
    let request = server.ask(b"");
    let answer = GetRpcMethodsResponse { method_list: vec!["Reboot".to_owned()] };
    server.post(&envelope(answer, &request.header.id.unwrap()));
    let fault = server.fault(&id);
    assert_eq!((&*fault.code, fault.rpc.as_deref()), ("cwmp.9000", Some("FactoryReset")));
}

#[test]
fn mrb_05_a_bootstrap_tells_that_the_reset_happened() {
    let (mut server, mut device) = (server(), Device::default());
    let id = server.add_task(TaskKind::FactoryReset);
    assert!(!server.hold(inform(PERIODIC, &[]), &mut device, 2));
    assert_eq!(rpcs(&device), ["GetRPCMethods", "FactoryReset"]);
    server.visit(&[("0 BOOTSTRAP", "")], &mut device);
    server.result(&id);
    assert_eq!(device.log.len(), 2);
}

#[test]
fn a_session_sends_a_bounded_number_of_requests() {
    let mut server = server();
    let id = server.add_task(refresh("Device."));
    let next = server.add_task(refresh("Device."));
    server.begin(inform(PERIODIC, &[]));
    let mut body = Vec::new();
    let mut requests = 0;
    // A device that lists its tree only level by level, and each object has two more in it.
    while let Reply::Envelope(xml) = server.post(&body) {
        requests += 1;
        let request = Envelope::parse(xml.as_bytes()).unwrap().envelope;
        let answer: Message = match request.message {
            Message::GetParameterNames(get) if get.next_level => {
                let children = ["a", "b"].map(|name| format!("{}{name}.", get.parameter_path));
                let info = |name| ParameterInfoStruct { name, writable: false };
                GetParameterNamesResponse { parameter_list: children.map(info).into() }.into()
            }
            _ => drover_cwmp::Fault::new(FaultCode(9004)).into(),
        };
        let id = request.header.id;
        body = Envelope::new(CwmpNamespace::V1_2, id, answer).to_xml().into_bytes();
    }
    assert_eq!(requests, limits::RPCS_PER_SESSION_MAX);
    assert_eq!(server.end, Some(End::Complete));
    assert_eq!(server.fault(&id).code, "too_many_rpcs");
    assert_eq!(*server.state(&next), TaskState::Waiting);
}

#[derive(Debug, Clone)]
struct Habits {
    names_max: Option<usize>,
    answers_max: Option<usize>,
    no_partial: Option<u32>,
    no_subtree: Option<u32>,
}

fn habits() -> impl Strategy<Value = Habits> {
    let number = prop::option::of(1..5_usize);
    let code = || prop::option::of(prop::sample::select(vec![9002_u32, 9003, 9004]));
    (number.clone(), number, code(), code()).prop_map(
        |(names_max, answers_max, no_partial, no_subtree)| Habits {
            names_max,
            answers_max,
            no_partial,
            no_subtree,
        },
    )
}

fn paths() -> impl Strategy<Value = BTreeSet<String>> {
    let component = || prop::sample::select(vec!["A", "B", "1", "2"]);
    let path = prop::collection::vec(component(), 0..4)
        .prop_flat_map(|parents| (Just(parents), prop::sample::select(vec!["P", "Q", "R"])))
        .prop_map(|(parents, leaf)| {
            let parents: String = parents.iter().map(|part| format!("{part}.")).collect();
            format!("Device.X.{parents}{leaf}")
        });
    prop::collection::btree_set(path, 1..25)
}

proptest! {
    /// Whatever a device cannot answer at once, a refresh ends with exactly what it has.
    #[test]
    fn refresh_finds_the_whole_tree(
        before in paths(),
        after in paths(),
        unreadable in prop::collection::btree_set("Device.X.[AB12]\\.[PQR]", 0..4),
        habits in habits(),
    ) {
        let mut server = server();
        let tree = |paths: &BTreeSet<String>| {
            let entry = |path: &String| (path.clone(), (Value::string(path.as_str()), true));
            paths.iter().map(entry).collect()
        };
        let mut device = Device { tree: tree(&before), unreadable, ..Device::default() };
        device.names_max = habits.names_max;
        device.answers_max = habits.answers_max;
        device.no_partial = habits.no_partial;
        device.no_subtree = habits.no_subtree;
        server.add_task(refresh("Device.X."));
        server.visit(PERIODIC, &mut device);
        device.tree = tree(&after);
        server.add_task(refresh("Device.X."));
        server.visit(PERIODIC, &mut device);
        let known: BTreeSet<String> =
            server.record().beneath("Device.X.").map(|(path, _)| path.to_owned()).collect();
        prop_assert_eq!(known, device.names("Device.X."));
        for (path, parameter) in server.record().beneath("Device.X.") {
            let readable = !is_object(path) && !device.unreadable.contains(path);
            let expected = readable.then(|| Value::string(path));
            if expected.is_some() {
                let told = parameter.value.as_ref().map(|known| &known.value);
                prop_assert_eq!(told, expected.as_ref());
            }
        }
    }
}
