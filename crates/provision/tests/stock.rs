//! The stock rules in `rules/`, on devices of both roots.

#![allow(clippy::disallowed_methods, reason = "reads the rules and the recordings from files")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::session::{ID, Ran, SESSION, config, run_with, text};
use common::{Device, vectors};
use drover_provision::engine::{
    Provision, Request, Scalar, Timed, Tree, TypedValue, coerce, path_of,
};
use drover_provision::expression::{Context, Value};
use drover_provision::preset::{Session, select};
use drover_provision::rules::{Resource, ResourceKind, Rules};
use drover_provision::script::{Data, Engine};
use jiff::Timestamp;
use jiff::tz::TimeZone;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The password of the device with [`ID`]: the whole part of 0.07072383286959756 (compat 2.7)
/// times 2^53 - 1, with base 36.
const PASSWORD: &str = "69t0mkjya1";
/// Its daily offset is 77,824,625 ms (compat 2.7), so its day begins that much before midnight.
const INFORM_TIME: i64 = DAY - 77_824_625;

/// The stock rules as an operator would load them: each file is usable.
fn rules() -> Rules {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut resources = Vec::new();
    for kind in [ResourceKind::Preset, ResourceKind::Provision, ResourceKind::VirtualParameter] {
        let files = std::fs::read_dir(folder.join(kind.collection())).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let wanted = if kind == ResourceKind::Preset { "json" } else { "js" };
            assert_eq!(file.extension().unwrap(), wanted, "{}", file.display());
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            let is_explained = wanted == "json" || text.starts_with(&format!("// {name}: "));
            assert!(is_explained, "{} does not say what it does", file.display());
            resources.push(Resource { kind, name, text });
        }
    }
    let (rules, invalid) = Rules::compile(&resources, &Rules::default());
    assert!(invalid.is_empty(), "{invalid:?}");
    rules
}

/// What a device is known as, for preconditions.
struct Known<'t>(&'t Tree);

impl Context for Known<'_> {
    fn parameter(&self, path: &str) -> Option<Value> {
        let known = self.0.attributes(&path_of(path)).and_then(|known| known.value.as_ref());
        Some(known.map_or(Value::Null, |value| match &value.value.scalar {
            Scalar::Bool(value) => Value::Bool(*value),
            Scalar::Number(number) => Value::Number(*number),
            Scalar::Text(text) => Value::from(&**text),
        }))
    }
}

/// A device with the server's rules, over many sessions.
struct Fleet {
    rules: Rules,
    id: String,
    device: Device,
    tree: Tree,
    /// A parameter that the device refuses to set, as it does in this case all that comes with it.
    refuses: Option<&'static str>,
}

impl Fleet {
    fn new(id: &str, device: Device) -> Self {
        Self { rules: rules(), id: id.to_owned(), device, tree: Tree::default(), refuses: None }
    }

    fn wanted(&self, time: i64, events: &[&str]) -> Vec<Provision> {
        let mut events: BTreeSet<String> = events.iter().map(|it| (*it).to_owned()).collect();
        events.insert("Inform".to_owned());
        let session = Session {
            time: Timestamp::from_millisecond(time).unwrap(),
            zone: &TimeZone::UTC,
            events: &events,
        };
        let selected = select(&self.rules.presets, session, &Known(&self.tree));
        selected.into_iter().map(|selected| selected.provision).collect()
    }

    /// A session: what the server knows itself, then the provisions of the presets. When something
    /// was sent, the presets are looked at again, and then nothing more must be to do.
    fn session(&mut self, time: i64, events: &[&str]) -> Ran {
        self.tree.change(&path_of("DeviceID.ID"), time, |known| {
            known.object = Some(Timed { time, value: false });
            let scalar = Scalar::Text(self.id.as_str().into());
            let value = TypedValue { scalar, value_type: "xsd:string".into() };
            known.value = Some(Timed { time, value });
        });
        let ran = self.provisions(time, &self.wanted(time, events));
        if !ran.requests.is_empty() && ran.fault.is_none() {
            let again = self.provisions(time, &self.wanted(time, events));
            assert_eq!((again.fault, again.requests), (None, Vec::new()), "the second cycle");
        }
        ran
    }

    fn provisions(&mut self, time: i64, provisions: &[Provision]) -> Ran {
        let mut config = config(time);
        config.scripts.clone_from(&self.rules.provisions);
        config.virtual_parameters.clone_from(&self.rules.virtual_parameters);
        let mut engine = Engine::new().unwrap();
        let answer = |request: &Request| match request {
            Request::SetParameterValues { values }
                if values.iter().any(|(path, ..)| Some(path.as_str()) == self.refuses) =>
            {
                Err(9007)
            }
            request => self.device.answer(request),
        };
        let tree = self.tree.clone();
        let ran = run_with(&mut engine, config, &self.id, tree, provisions, answer);
        self.tree = ran.tree.clone();
        ran
    }

    /// What the device has.
    fn has(&self, path: &str) -> String {
        let (_, value) = &self.device.parameters[path];
        value.as_ref().map(|(scalar, _)| text(scalar)).unwrap()
    }

    fn set(&mut self, path: &str, value: &str) {
        let (_, Some((scalar, value_type))) = self.device.parameters.get_mut(path).unwrap() else {
            panic!("{path} is an object");
        };
        *scalar = coerce(&Scalar::Text(value.into()), value_type);
    }

    fn knows(&self, path: &str) -> Option<String> {
        let known = self.tree.attributes(&path_of(path))?.value.as_ref()?;
        Some(text(&known.value.scalar))
    }
}

/// A device with these parameters, and the objects around them.
fn device(parameters: &[(&str, bool, &str, &str)]) -> Device {
    let mut device = Device::default();
    for (path, is_writable, value_type, value) in parameters {
        for (end, _) in path.match_indices('.') {
            device.parameters.entry(path[..=end].to_owned()).or_insert((false, None));
        }
        let value_type = format!("xsd:{value_type}");
        let value = coerce(&Scalar::Text((*value).into()), &value_type);
        let value = Some((value, value_type));
        device.parameters.insert((*path).to_owned(), (*is_writable, value));
    }
    device
}

const NEVER: &str = "0001-01-01T00:00:00Z";

fn tr181() -> Device {
    device(&[
        ("Device.DeviceInfo.HardwareVersion", false, "string", "r1"),
        ("Device.DeviceInfo.SoftwareVersion", false, "string", "1.0"),
        ("Device.DeviceInfo.UpTime", false, "unsignedInt", "5"),
        ("Device.DeviceInfo.MemoryStatus.Free", false, "unsignedInt", "1000"),
        ("Device.ManagementServer.ConnectionRequestURL", false, "string", "http://10.0.0.9/"),
        ("Device.ManagementServer.ConnectionRequestUsername", true, "string", ""),
        ("Device.ManagementServer.ConnectionRequestPassword", true, "string", ""),
        ("Device.ManagementServer.PeriodicInformEnable", true, "boolean", "false"),
        ("Device.ManagementServer.PeriodicInformInterval", true, "unsignedInt", "86400"),
        ("Device.ManagementServer.PeriodicInformTime", true, "dateTime", NEVER),
        ("Device.IP.Interface.1.IPv4Address.1.IPAddress", false, "string", "10.0.0.9"),
        ("Device.WiFi.SSID.1.SSID", true, "string", "home"),
        ("Device.Hosts.HostNumberOfEntries", false, "unsignedInt", "1"),
        ("Device.Hosts.Host.1.HostName", false, "string", "tv"),
        ("Device.Hosts.Host.1.IPAddress", false, "string", "192.168.1.2"),
        ("Device.Hosts.Host.1.PhysAddress", false, "string", "00:00:00:00:00:01"),
        ("Device.Users.UserNumberOfEntries", false, "unsignedInt", "0"),
    ])
}

fn tr098() -> Device {
    const ROOT: &str = "InternetGatewayDevice";
    let wan = "WANDevice.1.WANConnectionDevice.1.WANIPConnection.1";
    let paths = [
        ("DeviceInfo.HardwareVersion".to_owned(), false, "string", "r1"),
        ("DeviceInfo.SoftwareVersion".to_owned(), false, "string", "2.0"),
        ("DeviceInfo.UpTime".to_owned(), false, "unsignedInt", "5"),
        ("ManagementServer.ConnectionRequestURL".to_owned(), false, "string", "http://10.0.0.8/"),
        ("ManagementServer.ConnectionRequestUsername".to_owned(), true, "string", ""),
        ("ManagementServer.ConnectionRequestPassword".to_owned(), true, "string", ""),
        ("ManagementServer.PeriodicInformEnable".to_owned(), true, "boolean", "0"),
        ("ManagementServer.PeriodicInformInterval".to_owned(), true, "unsignedInt", "60"),
        ("ManagementServer.PeriodicInformTime".to_owned(), true, "dateTime", NEVER),
        (format!("{wan}.ExternalIPAddress"), false, "string", "10.0.0.8"),
        (format!("{wan}.MACAddress"), false, "string", "00:00:00:00:00:02"),
        ("LANDevice.1.WLANConfiguration.1.SSID".to_owned(), true, "string", "home"),
        ("LANDevice.1.WLANConfiguration.1.TotalAssociations".to_owned(), false, "unsignedInt", "3"),
        ("LANDevice.1.Hosts.HostNumberOfEntries".to_owned(), false, "unsignedInt", "0"),
    ];
    let paths: Vec<(String, bool, &str, &str)> = paths
        .into_iter()
        .map(|(path, writable, kind, value)| (format!("{ROOT}.{path}"), writable, kind, value))
        .collect();
    let borrowed =
        paths.iter().map(|(path, writable, kind, it)| (path.as_str(), *writable, *kind, *it));
    device(&borrowed.collect::<Vec<_>>())
}

fn changes(ran: &Ran) -> Vec<&str> {
    let is_change = |request: &&String| {
        !["names ", "all names ", "values ", "attributes "].iter().any(|it| request.starts_with(it))
    };
    ran.requests.iter().filter(is_change).map(String::as_str).collect()
}

const FIRST: [&str; 2] = ["0 BOOTSTRAP", "1 BOOT"];

#[test]
fn the_first_session_gives_a_login_and_a_rhythm_and_reads_what_matters() {
    for (root, device, essential) in [
        ("Device", tr181(), "Device.Hosts.Host.1.HostName"),
        (
            "InternetGatewayDevice",
            tr098(),
            "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress",
        ),
    ] {
        let mut fleet = Fleet::new(ID, device);
        let ran = fleet.session(SESSION, &FIRST);
        assert_eq!(ran.fault, None);
        let server = format!("{root}.ManagementServer.");
        let expected = [
            format!(
                "set {server}ConnectionRequestUsername={ID} \
                 {server}ConnectionRequestPassword={PASSWORD}"
            ),
            format!("set {server}PeriodicInformEnable=true {server}PeriodicInformInterval=300"),
            format!("set {server}PeriodicInformTime={INFORM_TIME}"),
        ];
        assert_eq!(changes(&ran), expected);
        assert_eq!(fleet.has(&format!("{server}ConnectionRequestPassword")), PASSWORD);
        assert!(fleet.knows(essential).is_some(), "{essential}");
        assert!(fleet.knows(&format!("{root}.DeviceInfo.SoftwareVersion")).is_some());
        let address = fleet.knows(&format!("{server}ConnectionRequestURL"));
        assert!(address.unwrap().starts_with("http://10.0.0."));
        assert_eq!(fleet.knows("Device.Users.UserNumberOfEntries"), None, "nobody asked for it");
    }
}

#[test]
fn a_second_session_sends_nothing() {
    for device in [tr181(), tr098()] {
        let mut fleet = Fleet::new(ID, device);
        fleet.session(SESSION, &FIRST);
        for minutes in [1, 5, 9] {
            let ran = fleet.session(SESSION + minutes * MINUTE, &["2 PERIODIC"]);
            assert_eq!((ran.fault, ran.requests), (None, Vec::new()), "after {minutes} minutes");
        }
    }
}

#[test]
fn an_hour_later_only_what_is_due_is_read() {
    let mut fleet = Fleet::new(ID, tr181());
    fleet.session(SESSION, &FIRST);
    // Out of the half hour in which `hourly` runs, and beyond the device's own hour.
    let time = SESSION + HOUR + 20 * MINUTE;
    assert!(fleet.wanted(time, &[]).iter().all(|provision| provision.name != "hourly"));
    let due = [
        "Device.DeviceInfo.SoftwareVersion",
        "Device.Hosts.HostNumberOfEntries",
        "Device.Hosts.Host.1.HostName",
        "Device.WiFi.SSID.1.SSID",
    ];
    for path in due {
        fleet.set(path, "7");
    }
    let ran = fleet.session(time, &["2 PERIODIC"]);
    assert_eq!((ran.fault, ran.requests.len()), (None, 2));
    assert_eq!(ran.requests[0], "names Device.Hosts.Host.");
    let values = &ran.requests[1];
    assert!(values.starts_with("values "), "{values}");
    for other in ["ManagementServer", "UpTime", "MemoryStatus", "Users"] {
        assert!(!values.contains(other), "{values}");
    }
    for path in due {
        assert_eq!(fleet.knows(path).as_deref(), Some("7"), "{path}");
    }
}

#[test]
fn a_host_that_came_is_there_within_an_hour() {
    let mut fleet = Fleet::new(ID, tr181());
    fleet.session(SESSION, &FIRST);
    let mut more = tr181().parameters;
    let host = |path: &str| path.starts_with("Device.Hosts.Host.1.");
    for (path, it) in std::mem::take(&mut more).into_iter().filter(|(path, _)| host(path)) {
        fleet.device.parameters.insert(path.replace("Host.1.", "Host.2."), it);
    }
    fleet.session(SESSION + HOUR, &["2 PERIODIC"]);
    assert_eq!(fleet.knows("Device.Hosts.Host.2.HostName").as_deref(), Some("tv"));
    fleet.device.parameters.retain(|path, _| !host(path));
    fleet.session(SESSION + 2 * HOUR, &["2 PERIODIC"]);
    assert_eq!(fleet.knows("Device.Hosts.Host.1.HostName"), None);
}

#[test]
fn hourly_refreshes_once_after_each_full_hour() {
    for (device, path) in [
        (tr181(), "Device.DeviceInfo.UpTime"),
        (tr098(), "InternetGatewayDevice.DeviceInfo.UpTime"),
    ] {
        let mut fleet = Fleet::new(ID, device);
        fleet.session(SESSION, &FIRST);
        fleet.set(path, "77");
        let next_hour = SESSION - SESSION % HOUR + HOUR;
        fleet.session(next_hour - MINUTE, &["2 PERIODIC"]);
        assert_ne!(fleet.knows(path).as_deref(), Some("77"), "it is not due yet");
        let ran = fleet.session(next_hour + 4 * MINUTE, &["2 PERIODIC"]);
        let is_read = |ran: &Ran| {
            let mut values = ran.requests.iter().filter(|request| request.starts_with("values "));
            values.any(|request| request.split(' ').any(|name| name == path))
        };
        assert!(is_read(&ran), "{ran:?}");
        assert_eq!(fleet.knows(path).as_deref(), Some("77"));
        let ran = fleet.session(next_hour + 9 * MINUTE, &["2 PERIODIC"]);
        assert!(!is_read(&ran), "{ran:?}");
    }
}

#[test]
fn a_device_that_lost_its_login_gets_it_again() {
    for (root, device) in [("Device", tr181()), ("InternetGatewayDevice", tr098())] {
        let password = format!("{root}.ManagementServer.ConnectionRequestPassword");
        let mut fleet = Fleet::new(ID, device);
        fleet.session(SESSION, &FIRST);
        fleet.set(&password, "mine");
        let ran = fleet.session(SESSION + MINUTE, &["2 PERIODIC"]);
        assert_eq!(changes(&ran), Vec::<&str>::new(), "it is looked at once a day");
        let ran = fleet.session(SESSION + DAY, &["2 PERIODIC"]);
        assert_eq!(changes(&ran), [format!("set {password}={PASSWORD}")]);
        assert_eq!(fleet.has(&password), PASSWORD);
    }
}

#[test]
fn a_reset_device_is_read_and_set_anew() {
    for (root, device, fresh) in
        [("Device", tr181(), tr181()), ("InternetGatewayDevice", tr098(), tr098())]
    {
        let version = format!("{root}.DeviceInfo.SoftwareVersion");
        let mut fleet = Fleet::new(ID, device);
        fleet.session(SESSION, &FIRST);
        fleet.device = fresh;
        fleet.set(&version, "9.9");
        fleet.device.parameters.retain(|path, _| !path.contains(".HardwareVersion"));
        let ran = fleet.session(SESSION + MINUTE, &FIRST);
        assert_eq!(ran.fault, None);
        assert_eq!(changes(&ran).len(), 3, "{ran:?}");
        assert_eq!(fleet.knows(&version).as_deref(), Some("9.9"));
        assert_eq!(fleet.knows(&format!("{root}.DeviceInfo.HardwareVersion")), None);
    }
}

#[test]
fn a_device_that_lacks_everything_is_no_fault() {
    for missing in ["", "Time", "Periodic", "ManagementServer.", "DeviceInfo.", "Device."] {
        let mut fleet = Fleet::new(ID, tr181());
        fleet.device.parameters.retain(|path, _| missing.is_empty() || !path.contains(missing));
        let ran = fleet.session(SESSION, &FIRST);
        assert_eq!(ran.fault, None, "without {missing}");
        let ran = fleet.session(SESSION + MINUTE, &["2 PERIODIC"]);
        assert_eq!((ran.fault, ran.requests), (None, Vec::new()), "without {missing}");
    }
}

#[test]
fn what_cannot_be_set_is_left_alone() {
    let mut fleet = Fleet::new(ID, tr181());
    for (is_writable, _) in fleet.device.parameters.values_mut() {
        *is_writable = false;
    }
    let ran = fleet.session(SESSION, &FIRST);
    assert_eq!((ran.fault.as_ref(), changes(&ran)), (None, Vec::new()));
}

/// Some devices refuse PeriodicInformTime with 9007. The login is theirs all the same.
#[test]
fn a_refused_time_does_not_take_the_login_with_it() {
    let mut fleet = Fleet::new(ID, tr181());
    fleet.refuses = Some("Device.ManagementServer.PeriodicInformTime");
    let fault = fleet.session(SESSION, &FIRST).fault.unwrap();
    assert_eq!(fault.code, "cwmp.9007");
    assert_eq!(fleet.has("Device.ManagementServer.ConnectionRequestPassword"), PASSWORD);
    assert_eq!(fleet.has("Device.ManagementServer.PeriodicInformInterval"), "300");
}

#[test]
fn the_interval_is_an_argument_of_the_preset() {
    let mut fleet = Fleet::new(ID, tr181());
    let inform = |arguments| Provision { name: "inform".to_owned(), arguments };
    let interval = "Device.ManagementServer.PeriodicInformInterval";
    fleet.session(SESSION, &FIRST);
    let arguments = vec![Data::Number(900.0)];
    let ran = fleet.provisions(SESSION + MINUTE, &[inform(arguments)]);
    assert_eq!(changes(&ran), [format!("set {interval}=900")]);
    let ran = fleet.provisions(SESSION + 2 * MINUTE, &[inform(Vec::new())]);
    assert_eq!(changes(&ran), [format!("set {interval}=300")]);
}

#[test]
fn the_virtual_parameter_has_the_version_of_either_root() {
    for (device, version) in [(tr181(), "1.0"), (tr098(), "2.0"), (Device::default(), "")] {
        let mut fleet = Fleet::new(ID, device);
        fleet.session(SESSION, &FIRST);
        let refresh = Provision {
            name: "refresh".to_owned(),
            arguments: vec![Data::Text("VirtualParameters.SoftwareVersion".to_owned())],
        };
        let ran = fleet.provisions(SESSION + MINUTE, &[refresh]);
        assert_eq!(ran.fault, None);
        assert_eq!(fleet.knows("VirtualParameters.SoftwareVersion").as_deref(), Some(version));
    }
}

/// `expressions.txt` has the first random number and the offset of several devices, as GenieACS
/// computed them: their logins and times of Inform are those that its own stock script gave.
#[test]
fn vectors_of_logins_are_those_that_devices_already_have() {
    let Some(folder) = vectors() else { return };
    let text = std::fs::read_to_string(folder.join("expressions.txt")).unwrap();
    let mut recorded: BTreeMap<&str, (f64, i64)> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["random", id, "[", first, ..] => {
                recorded.entry(id).or_default().0 = first.trim_end_matches(',').parse().unwrap();
            }
            ["variance", id, daily, ..] => {
                recorded.entry(id).or_default().1 = daily.parse().unwrap();
            }
            _ => {}
        }
    }
    assert!(recorded.len() >= 3, "{recorded:?}");
    for (id, (random, offset)) in recorded {
        let mut fleet = Fleet::new(id, tr181());
        fleet.session(SESSION, &FIRST);
        let server = "Device.ManagementServer";
        assert_eq!(fleet.has(&format!("{server}.ConnectionRequestUsername")), id);
        let password = fleet.has(&format!("{server}.ConnectionRequestPassword"));
        assert_eq!(password, base36(random * 9_007_199_254_740_991.0), "{id}");
        let time = fleet.has(&format!("{server}.PeriodicInformTime"));
        assert_eq!(time, (DAY - offset).to_string(), "{id}");
    }
    assert_eq!(base36(0.070_723_832_869_597_56 * 9_007_199_254_740_991.0), PASSWORD);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is below 2^53")]
fn base36(number: f64) -> String {
    let mut rest = number as u64;
    let mut digits = Vec::new();
    while rest > 0 {
        digits.push(char::from_digit(u32::try_from(rest % 36).unwrap(), 36).unwrap());
        rest /= 36;
    }
    digits.iter().rev().collect()
}
