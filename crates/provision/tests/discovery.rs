//! Both ways of reading a device give the same, and the economical one needs fewer requests.

#![allow(clippy::disallowed_methods, reason = "the environment says how long to search")]
#![allow(clippy::print_stderr, reason = "says how much is saved")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::Device;
use drover_provision::engine::{
    Config, Discovery, DiscoveryLimits, Next, Provision, Provisioning, Request, Scalar, Timed,
    Tree, TypedValue, path_of,
};
use drover_provision::script::{Engine, Fault, Script};
use proptest::prelude::*;

const SESSION: i64 = 1_700_000_000_000;

struct Ran {
    requests: Vec<Request>,
    logs: Vec<String>,
    fault: Option<Fault>,
    limits: DiscoveryLimits,
    device: Device,
}

fn text(value: &str) -> (Scalar, String) {
    (Scalar::Text(value.into()), "xsd:string".to_owned())
}

/// A device with these parameters, and all objects that hold them. Tables are called `T`.
fn device(parameters: &[String]) -> Device {
    let mut device = Device { next_instance: 10, ..Device::default() };
    for path in parameters {
        for (place, _) in path.match_indices('.') {
            let object = &path[..=place];
            let row = object.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            let is_of_table = object.ends_with("T.") || row.ends_with(".T");
            device.parameters.insert(object.to_owned(), (is_of_table, None));
        }
        device.parameters.insert(path.clone(), (!path.ends_with('Q'), Some(text(path))));
    }
    for table in device.parameters.keys().filter(|path| path.ends_with("T.")) {
        let columns = vec![("P".to_owned(), text("")), ("Q".to_owned(), text(""))];
        device.templates.insert(table.clone(), columns);
    }
    device
}

/// What is known of a device an hour before the session.
fn known(device: &Device) -> Tree {
    let mut tree = Tree::default();
    let time = SESSION - 3_600_000;
    tree.mark_listed(&[], time);
    for (name, (is_writable, value)) in &device.parameters {
        let (path, is_object) = (path_of(name), name.ends_with('.'));
        tree.change(&path, time, |known| {
            known.object = Some(Timed { time, value: is_object });
            known.writable = Some(Timed { time, value: *is_writable });
            known.value = value.clone().map(|(scalar, value_type)| Timed {
                time,
                value: TypedValue { scalar, value_type: value_type.into() },
            });
        });
        if is_object {
            tree.mark_listed(&path, time);
        }
    }
    tree
}

/// What an Inform tells.
fn informed() -> Tree {
    let mut tree = Tree::default();
    tree.find(&path_of("Device"), SESSION);
    tree
}

fn run(
    discovery: Discovery,
    limits: DiscoveryLimits,
    mut device: Device,
    tree: Tree,
    source: &str,
) -> Ran {
    let script = Arc::new(Script::compile("p", source).unwrap());
    let config = Config {
        scripts: BTreeMap::from([("p".to_owned(), script)]),
        discovery,
        discovery_limits: limits,
        ..Config::new(SESSION)
    };
    let provision = Provision { name: "p".to_owned(), arguments: Vec::new() };
    let mut provisioning = Provisioning::new(Arc::new(config), "d", tree, &[provision]);
    let mut engine = Engine::new().unwrap();
    let mut requests = Vec::new();
    let fault = loop {
        match provisioning.next(&mut engine) {
            Next::Request { request, .. } => {
                let answer = device.answer(&request);
                requests.push(request);
                match answer {
                    Ok(response) => provisioning.take(response),
                    Err(code) => provisioning.refused(code, "refused"),
                }
            }
            Next::Done => break None,
            Next::Fault(fault) => break Some(fault),
            Next::Extensions(calls) => panic!("{calls:?}"),
        }
    };
    let logs = provisioning.take_logs().into_iter().map(|line| line.message).collect();
    let limits = provisioning.discovery_limits().clone();
    Ran { requests, logs, fault, limits, device }
}

fn both(device: &Device, tree: &Tree, source: &str) -> (Ran, Ran) {
    let none = DiscoveryLimits::default;
    let compat = run(Discovery::Compat, none(), device.clone(), tree.clone(), source);
    let few = run(Discovery::Economical, none(), device.clone(), tree.clone(), source);
    (compat, few)
}

/// A device as one finds it: a few hundred parameters.
fn router() -> Device {
    let mut paths = Vec::new();
    for name in ["Manufacturer", "ModelName", "SoftwareVersion", "SerialNumber", "UpTime"] {
        paths.push(format!("Device.DeviceInfo.{name}"));
    }
    for name in ["URL", "Username", "PeriodicInformEnable", "PeriodicInformInterval"] {
        paths.push(format!("Device.ManagementServer.{name}"));
    }
    for row in 1..=24 {
        for name in ["HostName", "IPAddress", "PhysAddress", "Active"] {
            paths.push(format!("Device.Hosts.Host.{row}.{name}"));
        }
    }
    for row in 1..=4 {
        for name in ["SSID", "Enable", "Stats.BytesSent", "Stats.BytesReceived"] {
            paths.push(format!("Device.WiFi.SSID.{row}.{name}"));
        }
        for name in ["Security.ModeEnabled", "Security.KeyPassphrase", "Enable"] {
            paths.push(format!("Device.WiFi.AccessPoint.{row}.{name}"));
        }
        paths.push(format!("Device.IP.Interface.{row}.IPv4Address.1.IPAddress"));
    }
    device(&paths)
}

const LOG_ALL: &str = "const all = (path, get) => {
    for (const it of declare(path, get)) log(`${it.path}=${it.value}`);
};
const now = Date.now();\n";

#[test]
fn an_economical_session_in_full() {
    let source = format!("{LOG_ALL}all('Device.Hosts.Host.*.*', {{path: now, value: now}});");
    let (_, ran) = both(&router(), &informed(), &source);
    let names = |path: &str, is_next_level| Request::GetParameterNames {
        path: path.to_owned(),
        is_next_level,
    };
    let values =
        |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let expected = [
        names("Device.", true),
        names("Device.Hosts.", false),
        Request::GetParameterValues {
            names: values(&["Device.Hosts."]),
            instance_values: Vec::new(),
        },
    ];
    assert_eq!(ran.requests, expected);
    assert_eq!((ran.fault, ran.logs.len()), (None, 96));
}

/// What is saved with what people declare. The output says how much.
#[test]
fn requests_are_saved() {
    let declarations = [
        ("a parameter", "all('Device.DeviceInfo.SoftwareVersion', {value: now});"),
        ("an object", "all('Device.DeviceInfo.*', {path: now, value: now});"),
        ("hosts", "all('Device.Hosts.Host.*.*', {path: now, value: now});"),
        ("names of hosts", "all('Device.Hosts.Host.*.HostName', {path: now, value: now});"),
        ("a network", "all('Device.WiFi.SSID.[SSID:x].Enable', {path: now, value: now});"),
        (
            "a page",
            "all('Device.DeviceInfo.*', {path: now, value: now});
            all('Device.WiFi.SSID.*.SSID', {path: now, value: now});
            all('Device.WiFi.AccessPoint.*.Security.ModeEnabled', {path: now, value: now});
            all('Device.IP.Interface.*.IPv4Address.*.IPAddress', {path: now, value: now});
            all('Device.ManagementServer.PeriodicInformInterval', {value: now});",
        ),
    ];
    let (mut of_compat, mut of_few) = (0, 0);
    for (name, source) in declarations {
        for (state, tree) in [("new", informed()), ("known", known(&router()))] {
            let (compat, few) = both(&router(), &tree, &format!("{LOG_ALL}{source}"));
            assert_eq!((&compat.logs, &few.logs), (&few.logs, &compat.logs), "{name}");
            let (many, less) = (compat.requests.len(), few.requests.len());
            eprintln!("{name}, {state} device: {less} requests for {many}");
            assert!(less <= many, "{name}");
            of_compat += many;
            of_few += less;
        }
    }
    let saved = 100 - 100 * of_few / of_compat;
    eprintln!("saved: {saved} % ({of_few} for {of_compat})");
    assert!(saved >= 60, "{saved}");
}

#[test]
fn a_device_that_refuses_is_asked_less_and_that_is_remembered() {
    let source = format!(
        "{LOG_ALL}all('Device.Hosts.Host.*.*', {{path: now, value: now}});
        all('Device.WiFi.SSID.*.*', {{path: now, value: now}});"
    );
    for code in [9001, 9002, 9003, 9004, 9005] {
        let mut device = router();
        device.refuses_all_names = Some(code);
        device.refuses_partial_paths = Some(code);
        // GenieACS asks for all names in a few cases, and fails then.
        let (compat, _) = both(&router(), &informed(), &source);
        let none = DiscoveryLimits::default();
        let first = run(Discovery::Economical, none, device.clone(), informed(), &source);
        assert_eq!((first.fault, &first.logs), (None, &compat.logs), "{code}");
        assert_ne!(first.limits, DiscoveryLimits::default());
        let (limits, tree) = (first.limits, informed());
        let second = run(Discovery::Economical, limits.clone(), device, tree, &source);
        assert_eq!((second.fault, &second.logs), (None, &compat.logs));
        assert_eq!(second.limits, limits);
        let learning = first.requests.len() - second.requests.len();
        assert!((1..=8).contains(&learning), "{code}: {learning}");
    }
}

#[test]
fn what_is_gone_is_no_limit() {
    let tree = known(&router());
    let source = format!("{LOG_ALL}all('Device.WiFi.SSID.*.*', {{value: now}});");
    let mut device = router();
    device.parameters.retain(|path, _| !path.starts_with("Device.WiFi.SSID.3."));
    let (compat, few) = both(&device, &tree, &source);
    assert_eq!((few.fault, &few.logs), (None, &compat.logs));
    assert_eq!(few.logs.len(), 9);
    assert_eq!(few.limits, DiscoveryLimits::default());
}

/// Parameters of random devices.
fn parameters() -> impl Strategy<Value = Vec<String>> {
    let mut all = vec!["Device.V".to_owned()];
    for object in ["A", "B", "C"] {
        for name in ["P", "Q", "Z.P", "Z.Q", "Z.R.P"] {
            all.push(format!("Device.{object}.{name}"));
        }
        for row in 1..=3 {
            for name in ["P", "Q", "R.P"] {
                all.push(format!("Device.{object}.T.{row}.{name}"));
            }
        }
    }
    let count = all.len();
    prop::sample::subsequence(all, 1..=count)
}

/// Scripts that read, set and create.
fn script() -> impl Strategy<Value = String> {
    let segment =
        prop::sample::select(vec!["A", "B", "C", "Z", "T", "R", "P", "Q", "1", "2", "*", "*"]);
    let free = prop::collection::vec(segment, 0..5).prop_map(|segments| {
        std::iter::once("Device").chain(segments).collect::<Vec<_>>().join(".")
    });
    let usual = prop::sample::select(vec![
        "Device.A.T.*.P",
        "Device.*.T.*.*",
        "Device.B.*",
        "Device.C.Z.*",
        "Device.A.T.[P:new].Q",
        "Device.B.T.[Q:Device.B.T.2.Q].R.P",
        "Device.V",
        "*.V",
    ]);
    let path = prop_oneof![free, usual.prop_map(str::to_owned)];
    let time = || prop::sample::select(vec!["0", "1", "now", "now - 7200000"]);
    let read =
        (path.clone(), time(), time(), time()).prop_map(|(path, names, values, writable)| {
            format!("show('{path}', {{path: {names}, value: {values}, writable: {writable}}});")
        });
    let set = path.prop_map(|path| format!("declare('{path}', null, {{value: 'new'}});"));
    let row = prop::sample::select(vec!["Device.A.T.[P:new]", "Device.B.T.*", "Device.C.T.2"]);
    let count = (row, 0..4u8)
        .prop_map(|(row, count)| format!("declare('{row}', null, {{path: {count}}});"));
    let statement = prop_oneof![6 => read, 2 => set, 1 => count];
    prop::collection::vec(statement, 1..6).prop_map(|statements| {
        format!(
            "const now = Date.now();
            const show = (path, get) => {{
                for (const it of declare(path, get)) {{
                    log(`${{it.path}}=${{it.value}} ${{it.writable}}`);
                }}
            }};
            {}",
            statements.join("\n")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("DROVER_SOAK").is_some() { 10_000 } else { 60 },
        ..ProptestConfig::default()
    })]

    /// Both ways see and leave the same, whatever is known before, and the economical one never
    /// needs more requests: not at once, or where the device refuses, when that is known.
    #[test]
    fn both_ways_give_the_same(
        parameters in parameters(),
        source in script(),
        is_known in any::<bool>(),
        refuses in prop_oneof![3 => Just(None), 1 => prop::sample::select(vec![
            Some(9001u16), Some(9002), Some(9003), Some(9004), Some(9005),
        ])],
    ) {
        let mut device = device(&parameters);
        let tree = if is_known { known(&device) } else { informed() };
        device.refuses_all_names = refuses;
        device.refuses_partial_paths = refuses;
        // GenieACS asks for all names in a few cases, and fails then.
        let obliging = Device { refuses_all_names: None, ..device.clone() };
        let none = DiscoveryLimits::default;
        let compat = run(Discovery::Compat, none(), obliging, tree.clone(), &source);
        let few = run(Discovery::Economical, none(), device.clone(), tree.clone(), &source);
        prop_assert_eq!(&few.fault, &compat.fault);
        prop_assert_eq!(&few.logs, &compat.logs);
        // Scripts that contradict themselves are stopped in the middle of it: 255 requests of one
        // way do not end where those of the other do.
        if few.fault.as_ref().is_none_or(|fault| fault.code != "too_many_rpcs") {
            prop_assert_eq!(&few.device.parameters, &compat.device.parameters);
        }
        if refuses.is_none() {
            prop_assert_eq!(&few.limits, &none());
            prop_assert!(
                few.requests.len() <= compat.requests.len(),
                "{:#?} {:#?}", few.requests, compat.requests
            );
        } else {
            let again = run(Discovery::Economical, few.limits, device, tree, &source);
            prop_assert_eq!(&again.logs, &compat.logs);
            prop_assert!(again.requests.len() <= few.requests.len());
        }
    }
}
