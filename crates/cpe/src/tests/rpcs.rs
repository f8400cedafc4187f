//! Attributes, objects, reboot, reset, schedule (sections 17.1, 17.5 to 17.11).

use drover_cwmp::message::{
    FactoryReset, GetParameterAttributes, GetRpcMethods, Reboot, RequestDownload, ScheduleInform,
};

use super::*;

fn attributes(world: &mut World, path: &str) -> Vec<(String, i32, Vec<String>)> {
    let request = GetParameterAttributes { parameter_names: vec![path.to_owned()] };
    match world.execute(request) {
        Message::GetParameterAttributesResponse(response) => response
            .parameter_list
            .into_iter()
            .map(|entry| (entry.name, entry.notification, entry.access_list))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn notification(world: &mut World, path: &str) -> i32 {
    attributes(world, path)[0].1
}

fn access(path: &str, list: &[&str]) -> Message {
    let entry = SetParameterAttributesStruct {
        name: path.to_owned(),
        access_list_change: true,
        access_list: list.iter().map(|entity| (*entity).to_owned()).collect(),
        // To be ignored, since it is not to be changed (`SPA-04`).
        notification: 2,
        ..SetParameterAttributesStruct::default()
    };
    SetParameterAttributes { parameter_list: vec![entry] }.into()
}

#[test]
fn grm_02_tells_exactly_what_is_implemented() {
    let mut world = World::settled();
    let Message::GetRpcMethodsResponse(response) = world.execute(GetRpcMethods {}) else {
        panic!("no response")
    };
    let expected = [
        "GetRPCMethods",
        "SetParameterValues",
        "GetParameterValues",
        "GetParameterNames",
        "SetParameterAttributes",
        "GetParameterAttributes",
        "AddObject",
        "DeleteObject",
        "Reboot",
        "FactoryReset",
        "ScheduleInform",
    ];
    assert_eq!(response.method_list, expected);
    let others = drover_cwmp::message::RPCS.iter().filter(|(name, ..)| !expected.contains(name));
    assert_eq!(others.count(), 27 - expected.len());
    let download = drover_cwmp::message::Download::default();
    assert_eq!(world.fault(download).fault_code.0, 9000);
    assert_eq!(world.fault(drover_cwmp::message::GetQueuedTransfers {}).fault_code.0, 9000);
    assert_eq!(world.fault(RequestDownload::default()).fault_code.0, 9000);
}

#[test]
fn spa_02_full_and_partial_names() {
    let mut world = World::settled();
    world.notify("Device.Time.Enable", 2);
    assert_eq!(notification(&mut world, "Device.Time.Enable"), 2);
    world.notify("Device.Time.", 1);
    let all = attributes(&mut world, "Device.Time.");
    assert!(all.len() > 5 && all.iter().all(|entry| entry.1 == 1));
    world.notify("Device.NAT.", 1);
    world.execute(add("Device.NAT.PortMapping."));
    let new = attributes(&mut world, "Device.NAT.PortMapping.1.");
    assert!(new.iter().all(|entry| entry.1 == 0), "not to rows that come later");
}

#[test]
fn spa_03_all_or_none_and_later_entries_win() {
    let mut world = World::settled();
    let entry = |name: &str, notification| SetParameterAttributesStruct {
        name: name.to_owned(),
        notification_change: true,
        notification,
        ..SetParameterAttributesStruct::default()
    };
    let list = vec![entry("Device.Time.Enable", 2), entry("Device.Nothing", 1)];
    let fault = world.fault(SetParameterAttributes { parameter_list: list });
    assert_eq!(fault.fault_code.0, 9005);
    assert_eq!(notification(&mut world, "Device.Time.Enable"), 0);
    let list = vec![entry("Device.Time.Enable", 2), entry("Device.Time.", 1)];
    world.execute(SetParameterAttributes { parameter_list: list });
    assert_eq!(notification(&mut world, "Device.Time.Enable"), 1);
}

#[test]
fn spa_05_what_the_model_forbids_is_9009() {
    let mut world = World::settled();
    assert_eq!(world.fault(notify("Device.Time.Busy", 2)).fault_code.0, 9009);
    assert_eq!(world.fault(notify("Device.Time.", 2)).fault_code.0, 9009);
    world.notify("Device.Time.Busy", 1);
    assert_eq!(world.fault(notify("Device.DeviceInfo.SoftwareVersion", 0)).fault_code.0, 9009);
    assert_eq!(notification(&mut world, "Device.DeviceInfo.SoftwareVersion"), 2, "GPA-03");
    world.notify("Device.DeviceInfo.SoftwareVersion", 2);
    let default_on = "Device.ManagementServer.ConnectionRequestURL";
    assert_eq!(notification(&mut world, default_on), 2, "FIP-03");
    world.notify(default_on, 0);
    assert_eq!(notification(&mut world, default_on), 0);
}

#[test]
fn spa_07_08_bad_arguments_are_9003() {
    let mut world = World::settled();
    for bad in [-1, 3, 4, 5, 6, 7] {
        assert_eq!(world.fault(notify("Device.Time.Enable", bad)).fault_code.0, 9003, "{bad}");
    }
    assert_eq!(world.fault(access("Device.Time.Enable", &["Everyone"])).fault_code.0, 9003);
    let none = SetParameterAttributes { parameter_list: vec![] };
    assert_eq!(world.fault(none).fault_code.0, 9003);
}

#[test]
fn spa_04_07_access_lists() {
    let mut world = World::settled();
    let path = "Device.Time.Enable";
    assert_eq!(attributes(&mut world, path)[0].2, ["Subscriber"], "NOT-07: all by default");
    world.execute(access(path, &[]));
    assert_eq!(attributes(&mut world, path), [(path.to_owned(), 0, vec![])]);
    world.execute(access(path, &["Subscriber"]));
    assert_eq!(attributes(&mut world, path)[0].2, ["Subscriber"]);
    let fault = world.fault(GetParameterAttributes { parameter_names: vec!["X.".to_owned()] });
    assert_eq!(fault.fault_code.0, 9005);
}

#[test]
fn add_01_to_09_rows_come_with_defaults() {
    let mut world = World::settled();
    let added = |answer: Message| match answer {
        Message::AddObjectResponse(response) => (response.instance_number, response.status),
        other => panic!("{other:?}"),
    };
    assert_eq!(added(world.execute(add("Device.NAT.PortMapping."))), (1, 0));
    assert_eq!(world.value("Device.NAT.PortMapping.1.Enable"), "false");
    assert_eq!(world.value("Device.NAT.PortMapping.1.Alias"), "cpe-1", "ALI-04");
    assert_eq!(world.value("Device.NAT.PortMappingNumberOfEntries"), "1", "ADD-09");
    assert_eq!(world.value("Device.ManagementServer.ParameterKey"), "added", "ADD-04");
    assert_eq!(added(world.execute(add("Device.NAT.PortMapping.1.Client."))), (1, 0));
    assert_eq!(added(world.execute(add("Device.NAT.PortMapping."))), (2, 0));
    assert_eq!(added(world.execute(add("Device.NAT.PortMapping."))), (3, 0));
    assert_eq!(world.fault(add("Device.NAT.PortMapping.")).fault_code.0, 9004, "ADD-06");
    let bad = [
        "Device.NAT.PortMapping",
        "Device.NAT.PortMapping.1.",
        "Device.NAT.PortMapping.[a].",
        "Device.NAT.",
        "Device.Ethernet.Interface.",
        "Device.Time.Enable",
        "",
    ];
    for path in bad {
        assert_eq!(world.fault(add(path)).fault_code.0, 9005, "ADD-05: {path:?}");
    }
}

#[test]
fn del_01_to_05_rows_go_with_all_they_have() {
    let mut world = World::settled();
    world.execute(add("Device.NAT.PortMapping."));
    world.execute(add("Device.NAT.PortMapping."));
    world.execute(add("Device.NAT.PortMapping.1.Client."));
    world.set("Device.NAT.PortMapping.1.Client.1.Name", Value::string("pc"));
    world.set("Device.NAT.PortMapping.2.ExternalPort", Value::unsigned_int(80));
    world.notify("Device.NAT.PortMapping.1.Client.1.Name", 2);
    let answer = world.execute(delete("Device.NAT.PortMapping.1."));
    assert!(matches!(answer, Message::DeleteObjectResponse(response) if response.status == 0));
    assert_eq!(world.fault(get(["Device.NAT.PortMapping.1."])).fault_code.0, 9005);
    assert_eq!(world.value("Device.NAT.PortMapping.2.ExternalPort"), "80");
    assert_eq!(world.value("Device.NAT.PortMappingNumberOfEntries"), "1");
    assert_eq!(world.value("Device.ManagementServer.ParameterKey"), "deleted");
    world.execute(add("Device.NAT.PortMapping."));
    let rows = world.device().instances("Device.NAT.PortMapping.");
    assert_eq!(rows, Some(vec![2, 3]), "PATH-03: numbers are not used again");
    let bad = [
        "Device.NAT.PortMapping.",
        "Device.NAT.PortMapping.1.",
        "Device.NAT.PortMapping.2",
        "Device.NAT.PortMapping.2.Enable",
        "Device.Ethernet.Interface.1.",
        "Device.NAT.",
        "",
    ];
    for path in bad {
        assert_eq!(world.fault(delete(path)).fault_code.0, 9005, "DEL-02, DEL-03: {path:?}");
    }
}

#[test]
fn effects_tell_the_shell_what_the_acs_changed() {
    let mut world = World::new();
    world.boot();
    let password = "Device.ManagementServer.ConnectionRequestPassword";
    let session = world.session([
        set([("Device.Time.Enable", Value::boolean(true)), (password, Value::string("pw"))]),
        add("Device.NAT.PortMapping."),
        delete("Device.NAT.PortMapping.1."),
        set([("Device.Nothing", Value::int(1))]),
    ]);
    let value =
        |path: &str, text: &str| Effect::ValueSet { path: path.to_owned(), text: text.to_owned() };
    let expected = [
        value("Device.Time.Enable", "true"),
        value(password, "pw"),
        Effect::ConnectionRequestCredentials,
        Effect::RowAdded("Device.NAT.PortMapping.1.".to_owned()),
        Effect::RowDeleted("Device.NAT.PortMapping.1.".to_owned()),
    ];
    assert_eq!(session.effects, expected);
    assert!(!format!("{:?}", session.effects).contains("pw"), "SEC-01");
    assert_eq!(session.answers.len(), 4);
}

#[test]
fn rbt_01_02_reboot_waits_for_the_end_of_the_session() {
    let mut world = World::settled();
    let now = world.now();
    assert!(world.device().handle_connection_request(&now));
    let reboot = |key: &str| Message::from(Reboot { command_key: key.to_owned() });
    let session = world.session([reboot("a"), get(["Device.Time.Status"]), reboot("b")]);
    assert_eq!(session.answers.len(), 3, "SES-13: the session goes on");
    assert_eq!(session.ended.deferred, Some(Deferred::Reboot));
    assert!(!world.wants_session(), "it is off");
    world.boot();
    let session = world.session([]);
    assert_eq!(codes(&session.inform), ["1 BOOT", "M Reboot", "M Reboot"], "EVT-12");
    let keys: Vec<&str> =
        session.inform.event.iter().map(|event| event.command_key.as_str()).collect();
    assert_eq!(keys, ["", "a", "b"]);
    assert_eq!(session.ended.deferred, None);
    assert_eq!(world.fault(Reboot { command_key: "k".repeat(33) }).fault_code.0, 9003);
}

#[test]
fn fr_01_02_factory_reset_forgets_what_the_acs_did() {
    let mut world = World::settled();
    world.execute(set([
        ("Device.Time.Enable", Value::boolean(true)),
        ("Device.ManagementServer.Username", Value::string("me")),
    ]));
    world.execute(add("Device.NAT.PortMapping."));
    world.notify("Device.Time.Enable", 2);
    world.update("Device.DeviceInfo.UpTime", "77");
    let now = world.now();
    assert!(world.device().handle_connection_request(&now));
    let reboot = Message::from(Reboot { command_key: "lost".to_owned() });
    let session = world.session([reboot, FactoryReset {}.into()]);
    assert_eq!(session.ended.deferred, Some(Deferred::FactoryReset));
    world.boot();
    assert_eq!(world.value("Device.Time.Enable"), "false");
    assert_eq!(world.value("Device.ManagementServer.ParameterKey"), "");
    assert_eq!(world.device().acs_credentials(), None);
    assert_eq!(world.device().instances("Device.NAT.PortMapping."), Some(vec![]));
    assert_eq!(notification(&mut world, "Device.Time.Enable"), 0);
    assert_eq!(world.value("Device.DeviceInfo.UpTime"), "77", "what the box says stays");
    assert_eq!(codes(&world.session([]).inform), ["0 BOOTSTRAP", "1 BOOT"]);
}

#[test]
fn si_01_to_03_schedule_inform() {
    let mut world = World::settled();
    let schedule =
        |delay_seconds, key: &str| ScheduleInform { delay_seconds, command_key: key.to_owned() };
    assert_eq!(world.fault(schedule(0, "")).fault_code.0, 9003);
    for (delay, key) in [(60, "a"), (60, "b"), (90, "c")] {
        assert!(matches!(world.execute(schedule(delay, key)), Message::ScheduleInformResponse(_)));
    }
    assert!(!world.wants_session());
    assert_eq!(world.wait(), 60);
    let session = world.session([]);
    assert_eq!(codes(&session.inform), ["3 SCHEDULED", "M ScheduleInform", "M ScheduleInform"]);
    assert_eq!(world.wait(), 30);
    assert_eq!(codes(&world.session([]).inform), ["3 SCHEDULED", "M ScheduleInform"]);
    for _ in 0..crate::limits::SCHEDULED_INFORMS_MAX {
        world.execute(schedule(10, "x"));
    }
    assert_eq!(world.fault(schedule(10, "x")).fault_code.0, 9004);
}
