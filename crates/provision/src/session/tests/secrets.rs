//! Secrets that scripts declare in each session, of devices that do not tell them (`SEC-01`).

use std::sync::Arc;

use drover_cwmp::message::Message;
use drover_cwmp::{Value, ValueType};

use crate::engine::{Discovery, Nothing, Reason};
use crate::harness::*;
use crate::rules::ResourceKind::{Preset, Provision};
use crate::*;

const PERIODIC: &[(&str, &str)] = &[("2 PERIODIC", "")];
const BOOTSTRAP: &[(&str, &str)] = &[("0 BOOTSTRAP", ""), ("1 BOOT", "")];
/// A secret by its name.
const KEY: &str = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase";
/// A vendor's secret, which nobody knows to be one.
const PIN: &str = "Device.X_ACME_Pin";

/// A device with both, and a server whose only script declares this value of one of them.
fn setup(path: &str, time: &str, value: &str) -> (Server, Device) {
    let mut device = Device::new(&[(KEY, Value::string("")), (PIN, Value::string(""))]);
    device.hidden = [KEY, PIN].map(str::to_owned).into();
    let mut server = Server::new();
    declare(&mut server, path, time, value);
    (server, device)
}

fn declare(server: &mut Server, path: &str, time: &str, value: &str) {
    let preset = r#"{"configurations": [{"type": "provision", "name": "p"}]}"#;
    let script = format!("declare('{path}', {{value: {time}}}, {{value: '{value}'}});");
    server.rule(&[(Preset, "p", preset), (Provision, "p", &script)]);
}

/// A session, and the values that the device was sent and asked for in it.
fn visit(server: &mut Server, device: &mut Device, events: &[(&str, &str)]) -> Vec<String> {
    device.log.clear();
    server.visit(events, device);
    assert!(server.shelf.faults.is_empty(), "{:?}", server.shelf.faults);
    let lines = device.log.iter().filter_map(|message| match message {
        Message::SetParameterValues(set) => {
            Some(format!("set {}", set.parameter_list[0].value.text))
        }
        Message::GetParameterValues(get) => Some(format!("get {}", get.parameter_names.join(" "))),
        _ => None,
    });
    lines.collect()
}

fn reasons(server: &Server, path: &str) -> Vec<Reason> {
    let of_path = server.trace().nothing.iter().filter(|it| it.path == path);
    of_path.map(|Nothing { reason, .. }| *reason).collect()
}

fn secret(server: &Server, path: &str) -> Option<Fingerprint> {
    server.record().parameters[path].secret
}

#[test]
fn sec_01_a_password_is_sent_once_and_again_when_it_changes() {
    let (mut server, mut device) = setup(KEY, "Date.now()", "correct horse");
    assert_eq!(visit(&mut server, &mut device, PERIODIC).last().unwrap(), "set correct horse");
    assert_eq!(device.tree[KEY].0, Value::string("correct horse"));
    assert_eq!(server.record().value(KEY), Some(&Value::string("")));
    let known = secret(&server, KEY);
    assert!(known.is_some());
    for _ in 0..2 {
        assert_eq!(visit(&mut server, &mut device, PERIODIC), [format!("get {KEY}")]);
        assert_eq!(reasons(&server, KEY), [Reason::EqualToSet]);
        assert_eq!(secret(&server, KEY), known);
    }
    declare(&mut server, KEY, "1", "correct horse");
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [""; 0]);
    declare(&mut server, KEY, "Date.now()", "battery staple");
    assert_eq!(visit(&mut server, &mut device, PERIODIC).last().unwrap(), "set battery staple");
    assert_ne!(secret(&server, KEY), known);
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [format!("get {KEY}")]);
    assert!(!format!("{:?}", server.shelf.traces).contains("staple"));
}

#[test]
fn acs_17_a_device_that_was_reset_gets_its_password_again() {
    let (mut server, mut device) = setup(KEY, "1", "correct horse");
    visit(&mut server, &mut device, PERIODIC);
    assert_eq!(visit(&mut server, &mut device, BOOTSTRAP), ["set correct horse"]);
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [""; 0]);
    let boot = &[("1 BOOT", "")];
    assert_eq!(visit(&mut server, &mut device, boot), [""; 0], "nothing is lost by a restart");
    // A reset that the device does not tell of; the script runs after the task.
    server.add_task(TaskKind::FactoryReset);
    assert_eq!(visit(&mut server, &mut device, PERIODIC), ["set correct horse"]);
    let reset = "declare('FactoryReset', null, {value: Date.now()});";
    let preset = r#"{"configurations": [{"type": "provision", "name": "p"}]}"#;
    server.rule(&[(Preset, "p", preset), (Provision, "p", reset)]);
    visit(&mut server, &mut device, PERIODIC);
    assert_eq!(secret(&server, KEY), None);
}

#[test]
fn a_password_that_the_server_needs_itself_is_no_exception() {
    const PASSWORD: &str = "Device.ManagementServer.ConnectionRequestPassword";
    let (mut server, mut device) = setup(PASSWORD, "1", "ring");
    device.tree.insert(PASSWORD.to_owned(), (Value::string(""), true));
    device.hidden.insert(PASSWORD.to_owned());
    assert_eq!(visit(&mut server, &mut device, PERIODIC).last().unwrap(), "set ring");
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [""; 0]);
    declare(&mut server, PASSWORD, "Date.now()", "ring");
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [format!("get {PASSWORD}")]);
    assert_eq!(visit(&mut server, &mut device, BOOTSTRAP).last().unwrap(), "set ring");
}

#[test]
fn what_reads_as_nothing_when_it_was_set_is_a_secret() {
    let (mut server, mut device) = setup(PIN, "Date.now()", "1234");
    assert_eq!(visit(&mut server, &mut device, PERIODIC).last().unwrap(), "set 1234");
    let get = format!("get {PIN}");
    let again = visit(&mut server, &mut device, PERIODIC);
    assert_eq!(again, [&*get, "set 1234", &*get], "it is looked at once");
    assert_eq!(server.record().value(PIN), Some(&Value::string("")), "the value is not kept");
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [&*get]);
    assert_eq!(reasons(&server, PIN), [Reason::EqualToSet]);
    declare(&mut server, PIN, "Date.now()", "5678");
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [&*get, "set 5678"]);
    assert_eq!(server.record().value(PIN), Some(&Value::string("")));
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [&*get]);
    assert!(!format!("{:?}", server.trace()).contains("5678"));
}

#[test]
fn what_somebody_else_has_emptied_is_set_again() {
    let (mut server, mut device) = setup(PIN, "Date.now()", "1234");
    device.hidden.clear();
    visit(&mut server, &mut device, PERIODIC);
    for _ in 0..2 {
        device.tree.get_mut(PIN).unwrap().0 = Value::string("");
        assert!(visit(&mut server, &mut device, PERIODIC).contains(&"set 1234".to_owned()));
        assert_eq!(server.record().value(PIN), Some(&Value::string("1234")));
        assert_eq!(secret(&server, PIN), None);
    }
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [format!("get {PIN}")]);
    assert_eq!(reasons(&server, PIN), [Reason::Equal]);
}

#[test]
fn a_secret_that_the_device_tells_is_compared_with_what_it_tells() {
    let (mut server, mut device) = setup(KEY, "Date.now()", "correct horse");
    device.hidden.clear();
    visit(&mut server, &mut device, PERIODIC);
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [format!("get {KEY}")]);
    assert_eq!(reasons(&server, KEY), [Reason::Equal]);
    device.tree.get_mut(KEY).unwrap().0 = Value::string("somebody else's");
    assert_eq!(visit(&mut server, &mut device, PERIODIC).last().unwrap(), "set correct horse");
    assert_eq!(server.record().value(KEY), Some(&Value::string("")));
}

/// GenieACS keeps the value, and so sends it again only when a script has it read.
#[test]
fn compat_2_2_the_old_way_of_reading_sends_a_password_that_was_read_again() {
    let (mut server, mut device) = setup(KEY, "1", "correct horse");
    let settings = Settings { discovery: Discovery::Compat, ..Settings::default() };
    server.config.settings = Arc::new(settings);
    visit(&mut server, &mut device, PERIODIC);
    assert_eq!(visit(&mut server, &mut device, PERIODIC), [""; 0]);
    declare(&mut server, KEY, "Date.now()", "correct horse");
    for _ in 0..2 {
        let both = [format!("get {KEY}"), "set correct horse".to_owned()];
        assert_eq!(visit(&mut server, &mut device, PERIODIC), both);
    }
}

#[test]
fn what_a_task_has_set_is_known_to_scripts() {
    let (mut server, mut device) = setup(KEY, "1", "correct horse");
    server.config.rules = Arc::default();
    visit(&mut server, &mut device, PERIODIC);
    let value = SetValue {
        name: KEY.to_owned(),
        value: NewValue::Text("correct horse".to_owned()),
        value_type: Some(ValueType::String),
    };
    let values = vec![value];
    let id = server.add_task(TaskKind::SetParameterValues { values });
    declare(&mut server, KEY, "1", "correct horse");
    let seen = visit(&mut server, &mut device, PERIODIC);
    assert!(matches!(server.state(&id), TaskState::Done(_)), "{:?}", server.state(&id));
    let sets = seen.iter().filter(|line| *line == "set correct horse").count();
    assert_eq!(sets, 1, "{seen:?}");
    assert_eq!(reasons(&server, KEY), [Reason::EqualToSet]);
    let empty = SetValue {
        name: KEY.to_owned(),
        value: NewValue::Text(String::new()),
        value_type: Some(ValueType::String),
    };
    server.add_task(TaskKind::SetParameterValues { values: vec![empty] });
    server.config.rules = Arc::default();
    visit(&mut server, &mut device, PERIODIC);
    assert_eq!(secret(&server, KEY), None);
}

#[test]
fn sec_01_a_secret_that_a_script_logs_or_throws_is_masked() {
    let (mut server, mut device) = setup(KEY, "1", "unused");
    let preset = r#"{"configurations": [{"type": "provision", "name": "p"}]}"#;
    let script = format!(
        "log('the key is hunter22, or so');
         declare('{KEY}', {{value: 1}}, {{value: 'hunter22'}});
         commit();
         throw new Error('hunter22 is no good');"
    );
    server.rule(&[(Preset, "p", preset), (Provision, "p", &script)]);
    server.visit(PERIODIC, &mut device);
    assert_eq!(device.tree[KEY].0, Value::string("hunter22"));
    let trace = server.trace();
    let texts: Vec<&str> = trace.entries.iter().map(|entry| entry.what.text()).collect();
    assert!(texts.contains(&"the key is ********, or so"), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("******** is no good")), "{texts:?}");
    assert!(texts.iter().all(|text| !text.contains("hunter22")), "{texts:?}");
}
