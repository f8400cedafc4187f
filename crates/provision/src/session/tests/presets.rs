//! Presets and their scripts in sessions.

use std::sync::Arc;

use drover_cwmp::message::{FaultStruct, Message, TransferComplete};
use drover_cwmp::{DateTime, FaultCode, Value};
use jiff::tz::Offset;

use crate::engine::{Nothing, Reason};
use crate::harness::*;
use crate::rules::ResourceKind::{Preset, Provision, VirtualParameter};
use crate::rules::{Resource, ResourceKind};
use crate::script::Data;
use crate::trace::{Entry, What};
use crate::*;

const PERIODIC: &[(&str, &str)] = &[("2 PERIODIC", "")];
const SSID: &str = "Device.WiFi.SSID.1.SSID";

fn wifi() -> Device {
    Device::new(&[
        (SSID, Value::string("factory")),
        ("Device.WiFi.SSID.1.Enable", Value::boolean(true)),
        ("Device.DeviceInfo.SoftwareVersion", Value::string("1.0")),
    ])
}

fn preset(provision: &str) -> String {
    format!(r#"{{"configurations": [{{"type": "provision", "name": "{provision}"}}]}}"#)
}

fn rpcs(device: &mut Device) -> Vec<&'static str> {
    std::mem::take(&mut device.log).iter().map(Message::name).collect()
}

#[test]
fn a_preset_sets_what_its_script_declares_and_then_rests() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "declare('Device.WiFi.SSID.*.SSID', {value: 1}, {value: 'home'});
        declare('Tags.configured', null, {value: true});
        log('done');";
    server.rule(&[(Preset, "p", &preset("wifi")), (Provision, "wifi", script)]);
    server.visit(PERIODIC, &mut device);
    assert_eq!(device.tree[SSID].0, Value::string("home"));
    assert_eq!(server.record().value(SSID), Some(&Value::string("home")));
    assert!(server.record().tags.contains("configured"));
    assert!(server.shelf.faults.is_empty(), "{:?}", server.shelf.faults);
    let asked = rpcs(&mut device);
    assert_eq!(asked.last(), Some(&"SetParameterValues"), "{asked:?}");
    let logged: Vec<_> = server.trace().entries.iter().map(|entry| &entry.what).collect();
    assert!(logged.contains(&&What::Logged("done".to_owned())), "{logged:?}");
    server.visit(PERIODIC, &mut device);
    assert_eq!(rpcs(&mut device), [""; 0], "nothing is left to do");
    let nothing = &server.trace().nothing;
    let equal = Nothing { path: SSID.to_owned(), reason: Reason::Equal };
    assert!(nothing.contains(&equal), "{nothing:?}");
}

#[test]
fn presets_that_did_nothing_say_why() {
    let (mut server, mut device) = (Server::new(), wifi());
    let with = |more: &str| format!("{{{more}, {}", &preset("tag")[1..]);
    server.rule(&[
        (Provision, "tag", "declare('Tags.x', null, {value: true}); log('tag', {of: [1, 'a']});"),
        (Provision, "bad", "throw new Error('on purpose');"),
        (Preset, "a runs", &with(r#""precondition": "Tags.x IS NULL""#)),
        (Preset, "b event", &with(r#""events": {"0 BOOTSTRAP": true}"#)),
        (Preset, "c schedule", &with(r#""schedule": "1 0 0 29 2 *""#)),
        (Preset, "d false", &with(r#""precondition": "DeviceID.OUI = 'ABCDEF'""#)),
        (Preset, "e null", &with(r#""precondition": "Device.Missing > 1""#)),
        (Preset, "f bad", &format!(r#"{{"channel": "f", {}"#, &preset("bad")[1..])),
        (Preset, "g blocked", &with(r#""channel": "f""#)),
    ]);
    server.visit(PERIODIC, &mut device);
    assert!(server.record().tags.contains("x"));
    let reasons = |server: &Server| -> Vec<String> {
        let idle = server.trace().idle.iter();
        idle.map(|it| format!("{}: {}", it.name, it.reason)).collect()
    };
    let blocked = |name: &str, until: &str| {
        format!("{name}: its channel is blocked until {until} (script.Error)")
    };
    let others = [
        "b event: its events are not those of the session",
        "c schedule: its schedule was not due",
        "d false: its precondition is false",
        "e null: its precondition is NULL: something that it names is not known",
    ]
    .map(str::to_owned);
    let until = server.shelf.faults["f"].due(jiff::SignedDuration::from_mins(5));
    let until = format!("{until:.0}");
    let first = [&others[..], &[blocked("f bad", &until), blocked("g blocked", &until)]].concat();
    assert_eq!(reasons(&server), first, "and what ran is no reason to ask");
    let lines = server.trace().entries.iter().map(|entry| entry.what.text());
    assert!(lines.clone().any(|line| line == "tag of=[1, a]"), "{:?}", lines.collect::<Vec<_>>());
    server.visit(PERIODIC, &mut device);
    let second = [&["a runs: its precondition is false".to_owned()][..], &first].concat();
    assert_eq!(reasons(&server), second);
}

#[test]
fn compat_2_10_a_faulty_channel_waits_and_the_others_go_on() {
    let (mut server, mut device) = (Server::new(), wifi());
    let bad = r#"{"channel": "bad", "configurations": [{"type": "provision", "name": "bad"}]}"#;
    server.rule(&[
        (Preset, "a", bad),
        (Preset, "b", &preset("good")),
        (Provision, "bad", "throw new TypeError('no');"),
        (Provision, "good", "declare('Tags.good', null, {value: true});"),
    ]);
    server.visit(PERIODIC, &mut device);
    let fault = &server.shelf.faults["bad"];
    assert_eq!((&*fault.fault.code, fault.retries), ("script.TypeError", 0));
    assert_eq!(server.shelf.faults.len(), 1);
    assert!(server.record().tags.contains("good"));
    server.rule(&[
        (Preset, "a", bad),
        (Provision, "bad", "declare('Tags.late', null, {value: true});"),
    ]);
    server.visit(PERIODIC, &mut device);
    assert!(!server.record().tags.contains("late"), "it waits five minutes");
    server.now += jiff::SignedDuration::from_mins(5);
    server.visit(PERIODIC, &mut device);
    assert!(server.record().tags.contains("late"));
    assert!(server.shelf.faults.is_empty());
}

#[test]
fn compat_2_10_parameters_of_preconditions_are_read() {
    let (mut server, mut device) = (Server::new(), wifi());
    let text = format!(
        r#"{{"precondition": "{SSID} = 'factory'", "configurations":
            [{{"type": "provision", "name": "tag"}}]}}"#
    );
    let script = "declare('Tags.factory', null, {value: true});";
    server.rule(&[(Preset, "p", &text), (Provision, "tag", script)]);
    server.visit(PERIODIC, &mut device);
    assert!(server.record().tags.contains("factory"));
    assert!(rpcs(&mut device).contains(&"GetParameterValues"));
    server.visit(PERIODIC, &mut device);
    assert_eq!(rpcs(&mut device), [""; 0]);
    let absent = text.replace(SSID, "Device.DeviceInfo.Nothing");
    server.rule(&[(Preset, "p", &absent), (Provision, "tag", script)]);
    server.visit(PERIODIC, &mut device);
    let asked = rpcs(&mut device).len();
    server.visit(PERIODIC, &mut device);
    assert!(asked > 0 && rpcs(&mut device).is_empty(), "what is not there is asked for once");
}

#[test]
fn compat_2_1_presets_that_never_agree_end_as_a_loop() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "const ssid = declare('Device.WiFi.SSID.1.SSID', {value: 1});
        declare('Device.WiFi.SSID.1.SSID', null, {value: ssid.value[0] + 'x'});";
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", script)]);
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.shelf.faults["default"].fault.code, "preset_loop");
    assert_eq!(device.tree[SSID].0, Value::string("factoryxxxx"));
}

#[test]
fn tasks_come_before_presets_and_their_values_are_seen() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "const v = declare('Device.WiFi.SSID.1.SSID', {value: 1}).value[0];
        if (v === 'byhand') declare('Tags.seen', null, {value: true});";
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", script)]);
    let value = SetValue {
        name: SSID.to_owned(),
        value: NewValue::Text("byhand".to_owned()),
        value_type: None,
    };
    server.visit(PERIODIC, &mut device);
    let id = server.add_task(TaskKind::SetParameterValues { values: vec![value] });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.result(&id).status, Some(0));
    assert!(server.record().tags.contains("seen"));
}

#[test]
fn a_session_that_breaks_off_blocks_its_channels() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "declare('Device.WiFi.SSID.1.SSID', {value: Date.now()}, {value: 'x'});";
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", script)]);
    server.visit(PERIODIC, &mut device);
    server.begin(inform(PERIODIC, &[("Device.DeviceInfo.SoftwareVersion", Value::string("1.0"))]));
    server.post(b"");
    let batch = server.session.abandon(server.now);
    server.save(batch);
    assert_eq!(server.shelf.faults["default"].fault.code, "session_terminated");
    assert_eq!(server.trace().outcome, "the device did not come again");
}

#[test]
fn virtual_parameters_and_extensions_work_in_a_session() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "const v = declare('VirtualParameters.Ssid', {value: Date.now()});
        const a = ext('file', 'function', v.value[0]);
        declare('Tags.' + a.replace(/[^a-z]/g, '_'), null, {value: true});";
    let name = "const s = declare('Device.WiFi.SSID.1.SSID', {value: Date.now()});
        return {writable: false, value: s.value[0].toUpperCase()};";
    server.rule(&[
        (Preset, "p", &preset("p")),
        (Provision, "p", script),
        (VirtualParameter, "Ssid", name),
    ]);
    server.visit(PERIODIC, &mut device);
    assert!(server.shelf.faults.is_empty(), "{:?}", server.shelf.faults);
    let record = server.record();
    assert_eq!(record.value("VirtualParameters.Ssid"), Some(&Value::string("FACTORY")));
    assert_eq!(record.tags.iter().next().map(String::as_str), Some("file_function________"));
}

/// What scripts may log and create is that of a session, not of a batch.
#[test]
fn rounds_of_a_session_share_its_limits() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "for (let i = 0; i < 500; ++i) log('x'.repeat(500));
        declare('Device.WiFi.SSID.1.SSID', {value: 1}, {value: 'home'});";
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", script)]);
    server.visit(PERIODIC, &mut device);
    let entries = server.trace().entries.iter();
    let lines = entries.filter(|entry| matches!(entry.what, What::Logged(_))).count();
    let kept = limits::SCRIPT_LOG_BYTES_PER_SESSION_MAX / (500 + limits::SCRIPT_LOG_LINE_BYTES);
    assert_eq!(lines, kept);
    let rest = 2 * 500 - kept;
    let told = format!("{rest} further lines of scripts were left out, after 131072 bytes");
    assert_eq!(server.trace().entries.last().unwrap().what, What::Decided(told));

    let (mut server, mut device) = (Server::new(), wifi());
    device.tables.insert("Device.Hosts.".to_owned(), 1);
    let rows = "const rows = declare('Device.Hosts.*', {path: Date.now()}).size ?? 0;
        declare('Device.Hosts.*', {path: Date.now()}, {path: rows + 100});";
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", rows)]);
    device.tree.insert("Device.Hosts.".to_owned(), (Value::string(""), true));
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.shelf.faults["default"].fault.code, "too_many_instances");
    let added = rpcs(&mut device).iter().filter(|rpc| **rpc == "AddObject").count();
    assert_eq!(added, 200);
}

#[test]
fn sec_01_a_trace_masks_what_scripts_set() {
    const KEY: &str = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase";
    let mut server = Server::new();
    let mut device = Device::new(&[(KEY, Value::string(""))]);
    let script = format!("declare('{KEY}', {{value: 1}}, {{value: 'hunter2hunter2'}});");
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", &script)]);
    server.visit(PERIODIC, &mut device);
    assert_eq!(device.tree[KEY].0, Value::string("hunter2hunter2"));
    assert!(!format!("{:?}", server.shelf.traces).contains("hunter2"));
    assert!(!format!("{:?}", server.record().parameters[KEY].value).contains("hunter2"));
}

#[test]
fn a_download_needs_a_file_server() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "declare('Downloads.[FileType:1 Firmware Upgrade Image]', {path: 1}, {path: 1});
        declare('Downloads.[FileType:1 Firmware Upgrade Image].Download', {value: 1},
            {value: Date.now()});";
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", script)]);
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.shelf.faults["default"].fault.code, "no_file_server");
}

const FIRMWARE: &str =
    "declare('Downloads.[FileType:1 Firmware Upgrade Image]', {path: 1}, {path: 1});
    declare('Downloads.[FileType:1 Firmware Upgrade Image].FileName', {value: 1},
        {value: 'image 2.bin'});
    declare('Downloads.[FileType:1 Firmware Upgrade Image].Download', {value: 1},
        {value: 1600000000000});";

fn complete(command_key: &str, code: u32) -> Message {
    let fault_struct = FaultStruct { fault_code: FaultCode(code), fault_string: "no".to_owned() };
    TransferComplete {
        command_key: command_key.to_owned(),
        fault_struct,
        start_time: DateTime::from_timestamp(at(5), Offset::UTC),
        complete_time: DateTime::from_timestamp(at(6), Offset::UTC),
    }
    .into()
}

/// A server whose preset makes the device load a file, and the key of the transfer.
fn loading() -> (Server, Device, String) {
    let (mut server, mut device) = (Server::new(), wifi());
    let files = Files { url_prefix: "http://192.0.2.1:7567/".to_owned(), key: None };
    server.config.settings = Arc::new(Settings { files: Some(files), ..Settings::default() });
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", FIRMWARE)]);
    server.visit(PERIODIC, &mut device);
    let Some(Message::Download(download)) = device.log.last() else { panic!("{:?}", device.log) };
    assert_eq!(download.url, "http://192.0.2.1:7567/image%202.bin");
    let key = download.command_key.clone();
    assert_eq!(server.shelf.operations[&key].file_name, "image 2.bin");
    device.log.clear();
    (server, device, key)
}

/// A session in which the device first reports a transfer.
fn report(server: &mut Server, device: &mut Device, message: Message) {
    let values = [("Device.DeviceInfo.SoftwareVersion", Value::string("1.0"))];
    server.begin(inform(&[("7 TRANSFER COMPLETE", "")], &values));
    let answer = server.ask(&envelope(message, "t"));
    assert_eq!(answer.message.name(), "TransferCompleteResponse");
    server.go_on(device, 100);
}

#[test]
fn compat_2_6_a_transfer_that_went_well_is_told_of() {
    let (mut server, mut device, key) = loading();
    report(&mut server, &mut device, complete(&key, 0));
    assert!(server.shelf.operations.is_empty() && server.shelf.faults.is_empty());
    let name = server.record().value("Downloads.1.LastFileName");
    assert_eq!(name, Some(&Value::string("image 2.bin")));
    server.visit(PERIODIC, &mut device);
    assert_eq!(rpcs(&mut device), [""; 0], "it is loaded once");
}

#[test]
fn compat_2_6_a_transfer_that_failed_blocks_its_channel_and_is_asked_for_again() {
    let (mut server, mut device, key) = loading();
    report(&mut server, &mut device, complete(&key, 9010));
    assert!(server.shelf.operations.is_empty());
    assert_eq!(server.shelf.faults["default"].fault.code, "cwmp.9010");
    assert_eq!(rpcs(&mut device), [""; 0], "the channel waits");
    server.now += jiff::SignedDuration::from_mins(5);
    server.visit(PERIODIC, &mut device);
    assert_eq!(rpcs(&mut device), ["Download"]);
}

#[test]
fn compat_2_6_a_transfer_that_is_never_reported_times_out() {
    let (mut server, mut device, _) = loading();
    server.now += jiff::SignedDuration::from_mins(59);
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.shelf.operations.len(), 1);
    server.now += jiff::SignedDuration::from_mins(1);
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.shelf.faults["default"].fault.code, "timeout");
    assert!(server.shelf.operations.is_empty());
}

#[test]
fn a_transfer_that_nobody_asked_for_is_acknowledged() {
    let (mut server, mut device, _) = loading();
    report(&mut server, &mut device, complete("other", 9010));
    assert!(server.shelf.faults.is_empty());
    assert_eq!(server.shelf.operations.len(), 1);
}

#[test]
fn what_a_device_refuses_is_set_aside_and_remembered_for_its_firmware() {
    let (mut server, mut device) = (Server::new(), wifi());
    let script = "declare('Device.WiFi.SSID.*.SSID', {value: 1}, {value: 'home'});
        declare('Device.WiFi.SSID.*.Enable', {value: 1}, {value: ['maybe', 'xsd:string']});";
    server.rule(&[(Preset, "p", &preset("p")), (Provision, "p", script)]);
    server.visit(PERIODIC, &mut device);
    assert_eq!(device.tree[SSID].0, Value::string("home"));
    assert!(server.shelf.faults.is_empty(), "{:?}", server.shelf.faults);
    let guilt: Vec<_> = server.shelf.knowledge["1.0"].guilt.iter().map(|it| &*it.path).collect();
    assert_eq!(guilt, ["Device.WiFi.SSID.*.Enable"]);
    rpcs(&mut device);
    server.visit(PERIODIC, &mut device);
    assert_eq!(rpcs(&mut device), [""; 0], "it is not sent again");
    let refused = server.trace().nothing.iter().any(|it| matches!(it.reason, Reason::Refused(_)));
    assert!(refused, "{:?}", server.trace().nothing);
    server.config.settings = Arc::new(Settings { heals: false, ..Settings::default() });
    server.visit(PERIODIC, &mut device);
    assert_eq!(server.shelf.faults["default"].fault.code, "cwmp.9003");
}

fn run(name: &str, arguments: Vec<Data>) -> TaskKind {
    TaskKind::Provisions {
        provisions: vec![engine::Provision { name: name.to_owned(), arguments }],
    }
}

#[test]
fn compat_2_11_a_task_runs_provisions() {
    let (mut server, mut device) = (Server::new(), wifi());
    server.rule(&[(Provision, "ssid", "declare(args[0], {value: 1}, {value: args[1]});")]);
    server.visit(PERIODIC, &mut device);
    let text = |text: &str| Data::Text(text.to_owned());
    let id = server.add_task(run("ssid", vec![text(SSID), text("mine")]));
    let tag = server.add_task(run("tag", vec![text("x"), Data::Bool(true)]));
    server.visit(PERIODIC, &mut device);
    assert_eq!(device.tree[SSID].0, Value::string("mine"));
    assert!(server.record().tags.contains("x"));
    assert!([id, tag].iter().all(|id| matches!(server.state(id), TaskState::Done(_))));
}

#[test]
fn a_task_whose_script_fails_is_faulted() {
    let (mut server, mut device) = (Server::new(), wifi());
    server.rule(&[(Provision, "bad", "throw new RangeError('no');")]);
    let id = {
        server.visit(PERIODIC, &mut device);
        server.add_task(run("bad", Vec::new()))
    };
    server.visit(PERIODIC, &mut device);
    let fault = server.fault(&id);
    assert_eq!((&*fault.code, &*fault.message), ("script.RangeError", "no"));
    assert!(server.shelf.faults.is_empty());
}

#[test]
fn a_task_that_is_cut_off_is_faulted() {
    let (mut server, mut device) = (Server::new(), wifi());
    server.visit(PERIODIC, &mut device);
    let id = server.add_task(run("refresh", vec![Data::Text("Device.WiFi".to_owned())]));
    server.begin(inform(PERIODIC, &[("Device.DeviceInfo.SoftwareVersion", Value::string("1.0"))]));
    server.post(b"");
    let batch = server.session.abandon(server.now);
    server.save(batch);
    assert_eq!(server.fault(&id).code, "session_terminated");
}

#[test]
fn compat_2_6_the_fault_of_a_tasks_transfer_is_that_of_its_channel() {
    let (mut server, mut device) = (Server::new(), wifi());
    let files = Files { url_prefix: "http://192.0.2.1:7567/".to_owned(), key: None };
    server.config.settings = Arc::new(Settings { files: Some(files), ..Settings::default() });
    server.visit(PERIODIC, &mut device);
    let id = server.add_task(TaskKind::Download {
        file_type: "1 Firmware Upgrade Image".to_owned(),
        file_name: "image".to_owned(),
        target_file_name: String::new(),
    });
    server.visit(PERIODIC, &mut device);
    assert!(matches!(server.state(&id), TaskState::Done(_)));
    let Some(Message::Download(download)) = device.log.last() else { panic!("{:?}", device.log) };
    let key = download.command_key.clone();
    report(&mut server, &mut device, complete(&key, 9010));
    let channel = format!("task_{id}");
    assert_eq!(server.shelf.faults[&channel].fault.code, "cwmp.9010");
    device.log.clear();
    server.now += jiff::SignedDuration::from_mins(5);
    server.visit(PERIODIC, &mut device);
    assert_eq!(rpcs(&mut device), ["Download"], "its channel tries again");
    assert!(server.shelf.faults.is_empty());
}

#[test]
fn tasks_upload_schedule_and_change_software() {
    let (mut server, mut device) = (Server::new(), wifi());
    let files = Files { url_prefix: "http://192.0.2.1:7567/".to_owned(), key: None };
    server.config.settings = Arc::new(Settings { files: Some(files), ..Settings::default() });
    server.visit(PERIODIC, &mut device);
    let text = str::to_owned;
    let upload =
        TaskKind::Upload { file_type: text("2 Vendor Log File"), file_name: text("a \"b\"") };
    let schedule = TaskKind::ScheduleInform { delay_seconds: 60 };
    let change = TaskKind::ChangeDuState {
        operation: text("Install"),
        url: text("http://files.example/module"),
        uuid: text("6b5a9f6e-0000-5000-8000-000000000001"),
        version: text("1.0"),
        execution_env_ref: String::new(),
    };
    // Each may be wanted again.
    for _ in 0..2 {
        let ids = [&upload, &schedule, &change].map(|kind| {
            server.now += jiff::SignedDuration::from_mins(1);
            server.add_task(kind.clone())
        });
        device.log.clear();
        server.visit(PERIODIC, &mut device);
        for id in &ids {
            assert!(matches!(server.state(id), TaskState::Done(_)), "{:?}", server.state(id));
        }
        let sent = |wanted: fn(&Message) -> Option<String>| {
            let mut found = device.log.iter().filter_map(wanted);
            (found.next().unwrap_or_else(|| panic!("{:?}", device.log)), found.count())
        };
        let upload = sent(|message| match message {
            Message::Upload(upload) => Some(format!("{} {}", upload.file_type, upload.url)),
            _ => None,
        });
        assert_eq!(upload.1, 0);
        assert!(upload.0.starts_with("2 Vendor Log File http://192.0.2.1:7567/"), "{upload:?}");
        let schedule = sent(|message| match message {
            Message::ScheduleInform(schedule) => Some(schedule.delay_seconds.to_string()),
            _ => None,
        });
        assert_eq!(schedule, ("60".to_owned(), 0));
        let change = sent(|message| match message {
            Message::ChangeDuState(change) => Some(format!("{:?}", change.operations)),
            _ => None,
        });
        assert!(change.1 == 0 && change.0.contains("Install"), "{change:?}");
        assert!(change.0.contains("http://files.example/module"), "{change:?}");
    }
}

#[test]
fn settings_are_evaluated_for_each_device() {
    let (mut server, mut device) = (Server::new(), wifi());
    device.tree.get_mut(SSID).unwrap().1 = false;
    let script = format!("declare('{SSID}', {{value: 1}}, {{value: 'home'}});");
    server.rule(&[(Preset, "p", &preset("wifi")), (Provision, "wifi", &script)]);
    let sets = |device: &mut Device| rpcs(device).contains(&"SetParameterValues");
    server.visit(PERIODIC, &mut device);
    assert!(!sets(&mut device), "the device says that nobody can set it");
    let setting = |name: &str, text: &str| Resource {
        kind: ResourceKind::Config,
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let version = "Device.DeviceInfo.SoftwareVersion";
    for (text, is_sent) in [("'2.0'", false), ("'1.0'", true)] {
        server.config = server.config.clone().with_settings(&[
            setting("cwmp.skipWritableCheck", &format!("{version} = {text}")),
            setting("cwmp.downloadTimeout", version),
        ]);
        server.visit(PERIODIC, &mut device);
        assert_eq!(sets(&mut device), is_sent, "{text}");
    }
    let failed = |entry: &Entry| match &entry.what {
        What::Failed(text) => text.contains("cwmp.downloadTimeout must be"),
        _ => false,
    };
    assert!(server.trace().entries.iter().any(failed), "{:?}", server.trace());
}
