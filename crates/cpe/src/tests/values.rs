//! GetParameterValues, SetParameterValues, GetParameterNames (sections 17.2 to 17.4).

use drover_cwmp::message::{ParameterValueStruct, SetParameterValues};
use drover_cwmp::{FaultCode, ValueType};

use super::*;

fn read(world: &mut World, request: Message) -> Vec<(String, String)> {
    match world.execute(request) {
        Message::GetParameterValuesResponse(response) => response
            .parameter_list
            .into_iter()
            .map(|ParameterValueStruct { name, value }| (name, value.text))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn listed(world: &mut World, path: &str, next_level: bool) -> Vec<(String, bool)> {
    match world.execute(list_names(path, next_level)) {
        Message::GetParameterNamesResponse(response) => {
            response.parameter_list.into_iter().map(|info| (info.name, info.writable)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn detail(fault: &Fault) -> Vec<(&str, u32)> {
    let faults = fault.set_parameter_values_faults.iter();
    faults.map(|fault| (fault.parameter_name.as_str(), fault.fault_code.0)).collect()
}

#[test]
fn gpv_02_full_partial_and_empty_names() {
    let mut world = World::settled();
    let status = read(&mut world, get(["Device.Time.Status"]));
    assert_eq!(status, [("Device.Time.Status".to_owned(), "Disabled".to_owned())]);
    let ethernet = read(&mut world, get(["Device.Ethernet."]));
    let expected = [
        ("Device.Ethernet.Interface.1.Name", "eth0"),
        ("Device.Ethernet.Interface.1.Stats.BytesSent", "0"),
        ("Device.Ethernet.InterfaceNumberOfEntries", "1"),
    ];
    assert_eq!(ethernet, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let all = read(&mut world, get([""]));
    assert_eq!(all, read(&mut world, get(["Device."])));
    assert!(all.len() > 30);
}

#[test]
fn gpv_03_an_object_without_parameters_is_empty() {
    let mut world = World::settled();
    assert_eq!(read(&mut world, get(["Device.NAT.PortMapping."])), []);
    assert_eq!(read(&mut world, get(["Device.Empty."])), []);
}

#[test]
fn gpv_04_any_invalid_name_is_9005() {
    let mut world = World::settled();
    let bad = [
        "Device.Nothing",
        "Device.Time",
        "Device.Time.Status.",
        "device.Time.",
        "Device..Time.",
        ".Device.",
        "Device.Ethernet.Interface.2.",
        "Device.Ethernet.Interface.01.",
        "Device.Ethernet.Interface.*.Name",
        "Device.Ethernet.Interface.[a].Name",
        "Device.Ethernet.Interface.{i}.Name",
        " Device.",
    ];
    for name in bad {
        for request in [get([name]), get(["Device.Time.Status", name]), get(["", name])] {
            assert_eq!(world.fault(request).fault_code.0, 9005, "{name}");
        }
    }
    assert_eq!(world.fault(get([])).fault_code.0, 9003);
}

#[test]
fn gpv_05_hidden_parameters_read_as_null() {
    let mut world = World::settled();
    world.set("Device.ManagementServer.Password", Value::string("secret"));
    assert_eq!(world.value("Device.ManagementServer.Password"), "");
    world.set("Device.ManagementServer.Username", Value::string("me"));
    let credentials = world.device().acs_credentials().expect("a user name");
    assert_eq!(credentials.password().expose(), "secret");
}

#[test]
fn gpv_06_overlapping_names_are_answered_once() {
    let mut world = World::settled();
    let names = ["Device.Time.Status", "Device.Time.", "Device.Time.Enable", "Device.Time."];
    let answer = read(&mut world, get(names));
    assert_eq!(answer, read(&mut world, get(["Device.Time."])));
    let pair = read(&mut world, get(["Device.Time.Status", "Device.Time.Enable"]));
    assert_eq!(pair[0].0, "Device.Time.Status", "in the order of the request");
    assert_eq!(pair.len(), 2);
}

#[test]
fn gpn_02_to_06_levels() {
    let mut world = World::settled();
    let next = listed(&mut world, "Device.Ethernet.", true);
    let expected = [
        ("Device.Ethernet.Interface.", false),
        ("Device.Ethernet.InterfaceNumberOfEntries", false),
    ];
    assert_eq!(next, expected.map(|(name, writable)| (name.to_owned(), writable)));
    let all = listed(&mut world, "Device.Ethernet.Interface.", false);
    let all: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "Device.Ethernet.Interface.",
        "Device.Ethernet.Interface.1.",
        "Device.Ethernet.Interface.1.Name",
        "Device.Ethernet.Interface.1.Stats.",
        "Device.Ethernet.Interface.1.Stats.BytesSent",
    ];
    assert_eq!(all, expected);
    let root = listed(&mut world, "", true);
    assert_eq!(root, [("Device.".to_owned(), false)]);
    let everything = listed(&mut world, "", false);
    assert_eq!(everything, listed(&mut world, "Device.", false));
    let one = listed(&mut world, "Device.Time.Enable", false);
    assert_eq!(one, [("Device.Time.Enable".to_owned(), true)]);
    assert_eq!(listed(&mut world, "Device.Empty.", true), [], "GPN-08");
    assert_eq!(world.fault(list_names("Device.Time.Enable", true)).fault_code.0, 9003);
    assert_eq!(world.fault(list_names("Device.Time", false)).fault_code.0, 9005);
    assert_eq!(world.fault(list_names("Device.*.", false)).fault_code.0, 9005);
}

#[test]
fn gpn_07_writable_tells_what_can_be_done() {
    let mut world = World::settled();
    world.execute(add("Device.NAT.PortMapping."));
    let all = listed(&mut world, "Device.", false);
    let writable = |path: &str| all.iter().find(|(name, _)| name == path).expect(path).1;
    assert!(writable("Device.NAT.PortMapping."));
    assert!(writable("Device.NAT.PortMapping.1."));
    assert!(writable("Device.NAT.PortMapping.1.Enable"));
    assert!(!writable("Device.NAT."));
    assert!(!writable("Device.NAT.PortMappingNumberOfEntries"));
    assert!(!writable("Device.Ethernet.Interface.1."));
    for _ in 0..2 {
        world.execute(add("Device.NAT.PortMapping."));
    }
    let full = listed(&mut world, "Device.NAT.", true);
    assert!(full[0].1, "the capability, not the momentary limit");
}

#[test]
fn spv_02_04_all_or_none_with_the_key() {
    let mut world = World::settled();
    let good = ("Device.Time.Enable", Value::boolean(true));
    let bad = ("Device.Time.Status", Value::string("x"));
    let fault = world.fault(set([good.clone(), bad]));
    assert_eq!((fault.fault_code.0, detail(&fault)), (9003, vec![("Device.Time.Status", 9008)]));
    assert_eq!(world.value("Device.Time.Enable"), "false");
    assert_eq!(world.value("Device.ManagementServer.ParameterKey"), "");
    world.execute(set([good]));
    assert_eq!(world.value("Device.Time.Enable"), "true");
    assert_eq!(world.value("Device.ManagementServer.ParameterKey"), "key");
}

#[test]
fn spv_06_every_bad_parameter_is_listed_once() {
    let mut world = World::settled();
    let fault = world.fault(set([
        ("Device.Time.Nothing", Value::string("")),
        ("Device.Time.", Value::string("")),
        ("Device.Time.Enable", Value::string("true")),
        ("Device.Time.Enable", Value::string("true")),
        ("Device.Time.Offset", Value::int(13)),
        ("Device.Time.Mode", Value::string("client")),
        ("Device.Time.NTPServer1", Value::string("too long a name")),
        ("Device.Time.Status", Value::string("x")),
        ("Device.NAT.PortMapping.1.Enable", Value::boolean(true)),
    ]));
    let expected = [
        ("Device.Time.Nothing", 9005),
        ("Device.Time.", 9005),
        ("Device.Time.Enable", 9006),
        ("Device.Time.Offset", 9007),
        ("Device.Time.Mode", 9007),
        ("Device.Time.NTPServer1", 9007),
        ("Device.Time.Status", 9008),
        ("Device.NAT.PortMapping.1.Enable", 9005),
    ];
    assert_eq!(fault.fault_code, FaultCode::INVALID_ARGUMENTS);
    assert_eq!(detail(&fault), expected);
    assert!(fault.set_parameter_values_faults.iter().all(|fault| fault.fault_string.is_some()));
}

#[test]
fn spv_06_values_outside_their_lexical_space() {
    let mut world = World::settled();
    let bad = [
        ("Device.Time.Enable", Value::new(ValueType::Boolean, "TRUE")),
        ("Device.Time.Enable", Value::new(ValueType::Boolean, "")),
        ("Device.Time.Offset", Value::new(ValueType::Int, "1.5")),
        ("Device.Time.Offset", Value::new(ValueType::Int, "2147483648")),
        ("Device.Time.Start", Value::new(ValueType::DateTime, "yesterday")),
        (URL, Value::string("ftp://acs.example/")),
        (URL, Value::string("")),
        ("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(0)),
        ("Device.ManagementServer.CWMPRetryMinimumWaitInterval", Value::unsigned_int(0)),
        ("Device.ManagementServer.CWMPRetryIntervalMultiplier", Value::unsigned_int(999)),
    ];
    for (path, value) in bad {
        let fault = world.fault(set([(path, value.clone())]));
        assert_eq!(detail(&fault), [(path, 9007)], "{value:?}");
    }
}

#[test]
fn spv_08_a_parameter_twice_is_9003() {
    let mut world = World::settled();
    let value = ("Device.Time.Enable", Value::boolean(true));
    let fault = world.fault(set([value.clone(), value]));
    assert_eq!(fault.fault_code.0, 9003);
    assert_eq!(world.value("Device.Time.Enable"), "false");
}

#[test]
fn spv_09_10_13_types_empty_lists_and_present_values() {
    let mut world = World::settled();
    let wrong = world.fault(set([("Device.Time.Offset", Value::unsigned_int(1))]));
    assert_eq!(detail(&wrong), [("Device.Time.Offset", 9006)]);
    assert!(matches!(world.execute(set([])), Message::SetParameterValuesResponse(_)));
    assert_eq!(world.value("Device.ManagementServer.ParameterKey"), "key");
    for text in ["1", "true", " true "] {
        world.set("Device.Time.Enable", Value::new(ValueType::Boolean, text));
        assert_eq!(world.value("Device.Time.Enable"), "true", "TYPE-02: one form out");
    }
    world.set("Device.Time.Offset", Value::new(ValueType::Int, "+007"));
    assert_eq!(world.value("Device.Time.Offset"), "7");
}

#[test]
fn spv_01_a_key_that_is_too_long_is_9003() {
    let mut world = World::settled();
    let request = SetParameterValues { parameter_list: vec![], parameter_key: "k".repeat(33) };
    assert_eq!(world.fault(request).fault_code.0, 9003);
}

#[test]
fn a_shell_cannot_contradict_the_device() {
    let mut world = World::settled();
    let now = world.now();
    let device = world.device();
    let mut refuse =
        |path: &str, text: &str| device.update(path, text, &now).expect_err(path).to_string();
    assert!(refuse("Device.DeviceInfo.SerialNumber", "2").contains("kept by the device itself"));
    assert!(refuse("Device.Ethernet.InterfaceNumberOfEntries", "7").contains("device itself"));
    assert!(refuse("Device.Nothing", "").contains("no such parameter"));
    assert!(refuse("Device.DeviceInfo.UpTime", "-1").contains("not of type xsd:unsignedInt"));
    assert!(device.set_instances("Device.Ethernet.Interface.", &[0, 1], &now).is_err());
    assert_eq!(world.value("Device.DeviceInfo.SerialNumber"), "1", "ID-03");
}

#[test]
fn rows_of_the_box_alone_are_not_worth_a_write_of_the_state() {
    let mut world = World::settled();
    let now = world.now();
    let table = "Device.Ethernet.Interface.";
    let before = world.device().revision();
    assert_eq!(world.device().set_instances(table, &[1, 7], &now), Ok(true));
    assert_eq!(world.device().revision(), before);
    world.notify("Device.Ethernet.Interface.7.Name", 1);
    let noted = world.device().revision();
    assert_ne!(noted, before);
    assert_eq!(world.device().set_instances(table, &[1], &now), Ok(true));
    assert_ne!(world.device().revision(), noted, "what the ACS set in the row is forgotten");
}

#[test]
fn what_a_request_reads_is_told_before() {
    assert_eq!(Device::reads(&get(["Device.Time.", "x"])), ["Device.Time.", "x"]);
    assert_eq!(Device::reads(&list_names("", true)), [""]);
    assert_eq!(Device::reads(&set([("a", Value::int(1))])), ["a"]);
    assert_eq!(Device::reads(&add("A.")), ["A."]);
    assert_eq!(Device::reads(&notify("A.", 1)), ["A."]);
}
