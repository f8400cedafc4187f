//! The agent of this machine with a real server: its values are the kernel's, it comes when it is
//! asked, it notices a new address, and what it restarts is only itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use drover_tests::agent::{self, Agent, Options};
use drover_tests::namespace::{self, Namespace, do_here};
use drover_tests::nbi::{Nbi, value};
use drover_tests::process::run;
use drover_tests::programs;
use drover_tests::strace::{self, Rule};
use drover_tests::tap::{self, Tap, has_event};
use drover_tests::wait;
use drover_tests::xml::Element;
use serde_json::{Value as Json, json};

const INTERVAL: &str = "Device.ManagementServer.PeriodicInformInterval";
const OWN_URL: &str = "Device.ManagementServer.ConnectionRequestURL";

fn have_ip() -> bool {
    programs::have("ip", "on Debian: apt-get install iproute2")
}

/// What `ip` says, as JSON.
fn ip(arguments: &[&str]) -> Json {
    let ended = run(Command::new("ip").args(arguments), wait::PATIENCE);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("JSON")
}

fn file(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.trim().to_owned()
}

fn memory_kib(name: &str) -> u64 {
    let text = file("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    line.trim_matches([':', ' ']).split(' ').next().and_then(|n| n.parse().ok()).expect("KiB")
}

fn uptime_seconds() -> u64 {
    let text = file("/proc/uptime");
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
}

/// The counters of an interface as `ip` and as TR-181 name them. Errors and discards are left out:
/// there the kernel adds up more than one counter.
const COUNTERS: [(&str, &str, &str); 5] = [
    ("rx", "bytes", "BytesReceived"),
    ("rx", "packets", "PacketsReceived"),
    ("tx", "bytes", "BytesSent"),
    ("tx", "packets", "PacketsSent"),
    ("rx", "multicast", "MulticastPacketsReceived"),
];

/// Counters by interface and name, as the kernel has them.
fn kernel_counters() -> BTreeMap<(String, &'static str), u64> {
    let mut counters = BTreeMap::new();
    for link in ip(&["-s", "-j", "link"]).as_array().expect("a list") {
        let name = link["ifname"].as_str().expect("a name");
        for (direction, kernel, ours) in COUNTERS {
            let count = link["stats64"][direction][kernel].as_u64().expect("a counter");
            counters.insert((name.to_owned(), ours), count);
        }
    }
    counters
}

/// The rows of a table, each with its path.
fn rows(device: &Json, table: &str) -> Vec<(String, Json)> {
    let node = drover_tests::nbi::node(device, table);
    let members = node.and_then(Json::as_object).into_iter().flatten();
    let rows = members.filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_digit()));
    rows.map(|(number, row)| (format!("{table}.{number}"), row.clone())).collect()
}

fn text<'a>(device: &'a Json, path: &str) -> &'a str {
    let found = value(device, path).unwrap_or_else(|| panic!("{path} is not known"));
    found.as_str().unwrap_or_else(|| panic!("{path} is no text: {found}"))
}

fn number(device: &Json, path: &str) -> u64 {
    let found = value(device, path).unwrap_or_else(|| panic!("{path} is not known"));
    found.as_u64().unwrap_or_else(|| panic!("{path} is no number: {found}"))
}

/// Counters by interface and name, as the agent has told them.
fn agent_counters(device: &Json) -> BTreeMap<(String, &'static str), u64> {
    let mut counters = BTreeMap::new();
    for (row, _) in rows(device, "Device.IP.Interface") {
        let name = text(device, &format!("{row}.Name")).to_owned();
        for (_, _, counter) in COUNTERS {
            let count = number(device, &format!("{row}.Stats.{counter}"));
            counters.insert((name.clone(), counter), count);
        }
    }
    counters
}

#[test]
fn agent_values_are_those_of_procfs() {
    let server = agent::server();
    let agent = Agent::start(&server.url(), "procfs", &Options::default());
    agent.wait_until_known(server.nbi);
    let uptime = uptime_seconds();
    let device = agent.read_all(server.nbi);
    let info = |name: &str| format!("Device.DeviceInfo.{name}");
    assert_eq!(text(&device, &info("SoftwareVersion")), file("/proc/sys/kernel/osrelease"));
    assert_eq!(text(&device, &info("HostName")), file("/proc/sys/kernel/hostname"));
    assert_eq!(text(&device, &info("SerialNumber")), "procfs");
    assert_eq!(number(&device, &info("MemoryStatus.Total")), memory_kib("MemTotal"));
    let free = number(&device, &info("MemoryStatus.Free"));
    assert!(free > 0 && free < memory_kib("MemTotal"), "{free} KiB are free");
    let told = number(&device, &info("UpTime"));
    assert!((uptime..=uptime_seconds()).contains(&told), "up for {told} s, not {uptime} s");
    check_own_process(&device, &agent);
    assert!(number(&device, &info("ProcessStatus.CPUUsage")) <= 100);
}

/// The agent lists itself, unless there are more processes than it lists.
fn check_own_process(device: &Json, agent: &Agent) {
    const LISTED: usize = 512;
    let names = fs::read_dir("/proc").expect("procfs").flatten().map(|entry| entry.file_name());
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let all = names.filter(|name| name.to_str().is_some_and(is_number)).count();
    let table = "Device.DeviceInfo.ProcessStatus.Process";
    assert!(rows(device, table).len() >= LISTED.min(all) / 2, "few of {all} are listed");
    if all > LISTED {
        return;
    }
    let process = format!("{table}.{}", agent.process.id());
    assert_eq!(number(device, &format!("{process}.PID")), u64::from(agent.process.id()));
    let command = text(device, &format!("{process}.Command"));
    assert!(command.contains("drover-agent"), "{command}");
    let resident = number(device, &format!("{process}.Size"));
    assert!(resident > 0 && resident < memory_kib("MemTotal"), "{resident} KiB");
}

#[test]
fn agent_interfaces_are_those_of_the_kernel() {
    if !have_ip() {
        return;
    }
    let server = agent::server();
    let agent = Agent::start(&server.url(), "interfaces", &Options::default());
    agent.wait_until_known(server.nbi);
    let mut last = BTreeMap::new();
    for _ in 0..2 {
        let before = kernel_counters();
        let device = agent.read_all(server.nbi);
        let after = kernel_counters();
        let told = agent_counters(&device);
        assert!(told.keys().any(|(name, _)| name == "lo"), "{told:?}");
        for (key, count) in &told {
            let range = before[key]..=after[key];
            assert!(range.contains(count), "{key:?} is {count}, the kernel has {range:?}");
            let earlier = last.get(key).copied().unwrap_or_default();
            assert!(*count >= earlier, "{key:?} went back from {earlier} to {count}");
        }
        check_links(&device);
        assert_eq!(agent_addresses(&device), kernel_addresses());
        last = told;
    }
    let traffic = last.get(&("lo".to_owned(), "BytesSent")).copied().unwrap_or_default();
    assert!(traffic > 0, "the sessions themselves went over lo");
}

/// MTU and state of every interface, and address of every Ethernet port.
fn check_links(device: &Json) {
    let links = ip(&["-j", "link"]);
    let links = links.as_array().expect("a list");
    let link = |name: &str| {
        let found = links.iter().find(|link| link["ifname"] == *name);
        found.unwrap_or_else(|| panic!("the kernel has no {name}"))
    };
    for (row, _) in rows(device, "Device.IP.Interface") {
        let link = link(text(device, &format!("{row}.Name")));
        assert_eq!(Some(number(device, &format!("{row}.MaxMTUSize"))), link["mtu"].as_u64());
        let is_up = link["flags"].as_array().expect("flags").contains(&json!("UP"));
        assert_eq!(value(device, &format!("{row}.Enable")), Some(&json!(is_up)), "{link}");
    }
    for (row, _) in rows(device, "Device.Ethernet.Interface") {
        let link = link(text(device, &format!("{row}.Name")));
        let told = text(device, &format!("{row}.MACAddress"));
        assert!(link["address"].as_str().is_some_and(|mac| mac.eq_ignore_ascii_case(told)));
    }
}

/// Interface, address and, for IPv4, subnet mask.
type Addresses = BTreeSet<(String, String, Option<String>)>;

fn kernel_addresses() -> Addresses {
    let mut addresses = Addresses::new();
    for link in ip(&["-j", "addr"]).as_array().expect("a list") {
        for address in link["addr_info"].as_array().into_iter().flatten() {
            let prefix =
                address["prefixlen"].as_u64().and_then(|length| u32::try_from(length).ok());
            let is_ipv4 = address["family"] == "inet";
            let mask = prefix.filter(|_| is_ipv4).map(mask);
            let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
            addresses.insert((text(&link["ifname"]), text(&address["local"]), mask));
        }
    }
    addresses
}

fn mask(prefix: u32) -> String {
    let bits = u32::MAX.checked_shl(32 - prefix).unwrap_or_default();
    Ipv4Addr::from_bits(bits).to_string()
}

fn agent_addresses(device: &Json) -> Addresses {
    let mut addresses = Addresses::new();
    for (row, _) in rows(device, "Device.IP.Interface") {
        let name = text(device, &format!("{row}.Name")).to_owned();
        for family in ["IPv4Address", "IPv6Address"] {
            for (row, _) in rows(device, &format!("{row}.{family}")) {
                let address = text(device, &format!("{row}.IPAddress")).to_owned();
                let mask = value(device, &format!("{row}.SubnetMask"));
                let mask = mask.and_then(Json::as_str).map(str::to_owned);
                addresses.insert((name.clone(), address, mask));
            }
        }
    }
    addresses
}

#[test]
fn agent_comes_at_once_when_it_is_asked() {
    let server = agent::server();
    let agent = Agent::start(&server.url(), "asked", &Options::default());
    agent.wait_until_known(server.nbi);
    let start = Instant::now();
    let set = json!([[INTERVAL, 1234, "xsd:unsignedInt"]]);
    agent.perform(server.nbi, &json!({"name": "setParameterValues", "parameterValues": set}));
    agent.perform(server.nbi, &json!({"name": "getParameterValues", "parameterNames": [INTERVAL]}));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(server.nbi.value(&agent.id, INTERVAL), Some(json!(1234)));
    let set = json!({"name": "setParameterValues", "parameterValues": [["Device.Nothing", "1"]]});
    let response = server.nbi.post_task(&agent.id, &set, "timeout=20000&connection_request");
    assert_eq!((response.status, response.reason.as_str()), (202, "Task faulted"));
}

#[test]
fn agent_comes_for_nobody_with_wrong_credentials() {
    let server = agent::server();
    let wrong = ("DROVER_CONNECTION_REQUEST__PASSWORD", "something else".to_owned());
    let options = Options { environment: vec![wrong], ..Options::default() };
    let agent = Agent::start(&server.url(), "wrong", &options);
    agent.wait_until_known(server.nbi);
    let id = agent.id.clone();
    let reboot = json!({ "name": "reboot" });
    let response = server.nbi.post_task(&id, &reboot, "connection_request");
    let expected = (202, "Incorrect connection request credentials");
    assert_eq!((response.status, response.reason.as_str()), expected);
    assert_eq!(agent.stop().code, Some(0));
    // Who refuses the password is left alone for a while.
    let response = server.nbi.post_task(&id, &reboot, "connection_request");
    assert_eq!((response.status, response.reason.as_str()), expected);
}

#[test]
fn agent_that_is_away_is_offline() {
    let server = agent::server();
    let agent = Agent::start(&server.url(), "away", &Options::default());
    agent.wait_until_known(server.nbi);
    let id = agent.id.clone();
    assert_eq!(agent.stop().code, Some(0));
    let response = server.nbi.post_task(&id, &json!({ "name": "reboot" }), "connection_request");
    assert_eq!((response.status, response.reason.as_str()), (202, "Device is offline"));
}

#[test]
fn agent_restarts_and_resets_only_itself() {
    let server = agent::server();
    let tap = Tap::start([127, 0, 0, 1].into(), server.cwmp);
    let mut agent = Agent::start(&tap.url(), "restart", &Options::default());
    tap.wait_for_event("0 BOOTSTRAP", 0);
    agent.wait_until_known(server.nbi);
    let (process, uptime) = (agent.process.id(), uptime_seconds());
    let set = json!([[INTERVAL, 4321, "xsd:unsignedInt"]]);
    agent.perform(server.nbi, &json!({"name": "setParameterValues", "parameterValues": set}));
    let before = tap.informs().len();
    agent.perform(server.nbi, &json!({ "name": "reboot" }));
    let inform = tap.wait_for_event("M Reboot", before);
    assert!(has_event(&inform, "1 BOOT") && !has_event(&inform, "0 BOOTSTRAP"), "{inform:?}");
    assert_eq!(read(&server.nbi, &agent, INTERVAL), json!(4321), "what was set survives");
    let before = tap.informs().len();
    agent.perform(server.nbi, &json!({ "name": "factoryReset" }));
    let inform = tap.wait_for_event("0 BOOTSTRAP", before);
    assert!(has_event(&inform, "1 BOOT"), "{inform:?}");
    assert_ne!(read(&server.nbi, &agent, INTERVAL), json!(4321), "the factory's value is back");
    assert!(agent.process.is_running() && agent.process.id() == process);
    assert!(uptime_seconds() >= uptime, "the host has restarted");
}

/// Waits until the server has taken in where this Inform says that the agent listens.
fn wait_for_url(nbi: &Nbi, agent: &Agent, inform: &Element) {
    let url = tap::value(inform, OWN_URL).expect("its URL");
    wait::until("the URL at the server", || {
        nbi.value(&agent.id, OWN_URL).filter(|known| known == url)
    });
}

/// What the agent answers now.
fn read(nbi: &Nbi, agent: &Agent, path: &str) -> Json {
    let get = json!({ "name": "getParameterValues", "parameterNames": [path] });
    agent.perform(*nbi, &get);
    nbi.value(&agent.id, path).expect("a value")
}

/// What was acknowledged survives the agent, and what it owes the server is not forgotten.
#[test]
fn agent_keeps_what_was_set_over_kill() {
    let server = agent::server();
    let tap = Tap::start([127, 0, 0, 1].into(), server.cwmp);
    let mut agent = Agent::start(&tap.url(), "kill", &Options::default());
    agent.wait_until_known(server.nbi);
    let set = json!([[INTERVAL, 999, "xsd:unsignedInt"]]);
    agent.perform(server.nbi, &json!({"name": "setParameterValues", "parameterValues": set}));
    agent.process.kill();
    let before = tap.informs().len();
    agent.start_again(&tap.url(), "kill");
    let inform = tap.wait_for_event("1 BOOT", before);
    assert!(!has_event(&inform, "0 BOOTSTRAP"), "{inform:?}");
    wait_for_url(&server.nbi, &agent, &inform);
    assert_eq!(read(&server.nbi, &agent, INTERVAL), json!(999));
}

#[test]
fn agent_notices_a_new_address() {
    if !have_ip() || !namespace::inside("agent_notices_a_new_address") {
        return;
    }
    do_here("ip link set lo up");
    do_here("ip link add acs0 type veth peer name wan0");
    do_here("ip addr add 192.0.2.1/24 dev acs0");
    do_here("ip link set acs0 up");
    let home = Namespace::start();
    do_here(&format!("ip link set wan0 netns {}", home.id()));
    home.run("ip link set lo up");
    home.run("ip addr add 192.0.2.10/24 dev wan0");
    home.run("ip link set wan0 up");

    let server = agent::server();
    let tap = Tap::start([192, 0, 2, 1].into(), server.cwmp);
    let wrapper = home.wrapper();
    let agent = Agent::start(&tap.url(), "moved", &Options { wrapper, ..Options::default() });
    let inform = tap.wait_for_event("0 BOOTSTRAP", 0);
    let url = tap::value(&inform, OWN_URL).expect("its URL");
    assert!(url.starts_with("http://192.0.2.10:"), "{url}");
    agent.wait_until_known(server.nbi);
    let device = agent.read_all(server.nbi);
    let address =
        |text: &str| ("wan0".to_owned(), text.to_owned(), Some("255.255.255.0".to_owned()));
    assert!(agent_addresses(&device).contains(&address("192.0.2.10")), "{device:#}");

    let before = tap.informs().len();
    home.run("ip addr del 192.0.2.10/24 dev wan0");
    home.run("ip addr add 192.0.2.11/24 dev wan0");
    let inform = tap.wait_for_event("4 VALUE CHANGE", before);
    let url = tap::value(&inform, OWN_URL).expect("its URL");
    assert!(url.starts_with("http://192.0.2.11:"), "{url}");
    wait_for_url(&server.nbi, &agent, &inform);
    // The server reaches it there.
    let device = agent.read_all(server.nbi);
    assert!(agent_addresses(&device).contains(&address("192.0.2.11")), "{device:#}");
    assert!(!agent_addresses(&device).contains(&address("192.0.2.10")), "{device:#}");
}

/// The state is on the disk before the agent says that it has done what was asked.
#[test]
fn agent_syncs_its_state_before_it_acknowledges() {
    if !strace::is_usable() {
        return;
    }
    let server = agent::server();
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let options = Options { wrapper: strace::wrapper(&trace), ..Options::default() };
    let agent = Agent::start(&server.url(), "traced", &options);
    agent.wait_until_known(server.nbi);
    for interval in [700, 800, 900] {
        let set = json!([[INTERVAL, interval, "xsd:unsignedInt"]]);
        agent.perform(server.nbi, &json!({"name": "setParameterValues", "parameterValues": set}));
    }
    agent.perform(server.nbi, &json!({ "name": "reboot" }));
    let state = agent.state();
    let ended = agent.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let events = strace::read(&trace);
    let expected = [
        ("SetParameterValues>", "SetParameterValuesResponse", 3),
        ("Reboot>", "RebootResponse", 1),
    ];
    for (request, acknowledgement, count) in expected {
        let rule = Rule { request, acknowledgement, file: "state.new" };
        let found = strace::check_replacement(&events, rule, state.to_str().expect("text"));
        assert_eq!(found, Ok(count), "{rule:?}");
    }
}
