//! The one command that shows everything, and a fleet against a server.

use std::fs;
use std::process::Command;
use std::time::Duration;

use drover_tests::process::run;
use drover_tests::programs;
use drover_tests::server::Server;
use serde_json::Value as Json;

/// How long a demo may take on a busy machine.
const END: Duration = Duration::from_secs(150);

const DEVICES: usize = 5;

fn drover(arguments: &[&str]) -> Json {
    let ended = run(Command::new(programs::ours("drover")).args(arguments), END);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

fn file(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.trim().to_owned()
}

#[test]
fn demo_once_does_what_it_shows() {
    let report = drover(&["demo", "--once", "--devices", &DEVICES.to_string(), "--json"]);
    let devices = report["devices"].as_array().expect("devices");
    assert_eq!(devices.len(), DEVICES + 1, "the simulated ones and the local agent: {report:#}");
    for device in devices {
        assert!(device["model"].as_str().is_some_and(|model| !model.is_empty()), "{device}");
        assert!(device["parameters"].as_u64() > Some(50), "{device}");
        assert!(device["sessions"].as_u64() > Some(1), "{device}");
        assert!(device["set"].is_u64() && device["set"] == device["read"], "{device}");
    }
    let mut set: Vec<_> = devices.iter().map(|device| device["set"].as_u64()).collect();
    set.sort_unstable();
    set.dedup();
    assert_eq!(set.len(), devices.len(), "each device got a value of its own: {report:#}");
    check_machine(&report["machine"]);
}

/// The local agent's values are this machine's.
fn check_machine(machine: &Json) {
    assert_eq!(machine["kernel"], file("/proc/sys/kernel/osrelease"));
    let memory = file("/proc/meminfo");
    let total = memory.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    assert_eq!(machine["memory_total_kib"].as_u64(), total);
    let free = machine["memory_free_kib"].as_u64();
    assert!(free > Some(0) && free < total, "{machine:#}");
    let interfaces = machine["interfaces"].as_array().expect("interfaces");
    assert!(interfaces.iter().any(|one| one["name"] == "lo"), "{machine:#}");
    for interface in interfaces {
        let name = interface["name"].as_str().expect("a name");
        for (ours, kernel) in [("bytes_sent", "tx_bytes"), ("bytes_received", "rx_bytes")] {
            let told = interface[ours].as_u64().expect("a counter");
            let now = file(&format!("/sys/class/net/{name}/statistics/{kernel}"));
            assert!(told <= now.parse().expect("a number"), "{name}: {told} of {now}");
        }
    }
}

#[test]
fn demo_once_prints_a_table() {
    let mut command = Command::new(programs::ours("drover"));
    let ended = run(command.args(["demo", "--once", "--devices", "1"]), END);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let kernel = file("/proc/sys/kernel/osrelease");
    for part in ["Simulated", "PeriodicInformInterval", "lo", &kernel] {
        assert!(ended.stdout.contains(part), "{part} is not shown: {}", ended.stdout);
    }
}

#[test]
fn simulate_drives_a_fleet_without_errors() {
    const SESSIONS: usize = 3;
    let server = Server::start();
    let (url, process) = (server.url(), server.process.id().to_string());
    let report = drover(&[
        "simulate",
        "--acs-url",
        &url,
        "--devices",
        "20",
        "--params",
        "100",
        "--sessions",
        &SESSIONS.to_string(),
        "--server-pid",
        &process,
        "--json",
    ]);
    assert_eq!(report["failures"], 0, "{report:#}");
    assert_eq!(report["sessions"], 20 * SESSIONS, "{report:#}");
    assert!(report["server"]["resident_bytes_after"].as_u64() > Some(0), "{report:#}");
    assert!(report["phases"][0]["sessions_per_second"].as_f64() > Some(0.0), "{report:#}");
    let devices = server.nbi.find("devices", &serde_json::json!({}));
    assert_eq!(devices.len(), 20);
    assert!(devices.iter().all(|device| device["_sessions"] == SESSIONS), "{devices:#?}");
}
