//! The stock rules of `rules/`, as `drover serve` runs them, with simulated devices and the agent.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use drover_tests::agent::{Agent, Options as AgentOptions};
use drover_tests::nbi::{Nbi, value};
use drover_tests::process::run;
use drover_tests::programs;
use drover_tests::server::{Options, Server};
use drover_tests::wait;
use serde_json::{Value as Json, json};

/// How long a fleet may take on a busy machine.
const END: Duration = Duration::from_secs(120);

const SERVER: &str = "Device.ManagementServer.";

fn serve() -> Server {
    let rules = programs::workspace().join("rules");
    Server::start_with(Options::with_config(&format!("rules = {rules:?}\n")))
}

#[track_caller]
fn no_fault(nbi: Nbi) {
    assert_eq!(nbi.find("faults", &json!({})), Vec::<Json>::new());
}

/// What the device with this document has been told.
#[track_caller]
fn is_set_up(device: &Json) {
    let of = |name: &str| value(device, &format!("{SERVER}{name}"));
    assert_eq!(of("ConnectionRequestUsername"), Some(&device["_id"]), "{device:#}");
    assert_eq!(of("PeriodicInformEnable"), Some(&json!(true)), "{device:#}");
    assert_eq!(of("PeriodicInformInterval"), Some(&json!(300)), "{device:#}");
    assert!(of("PeriodicInformTime").is_some(), "{device:#}");
    assert_eq!(of("ConnectionRequestPassword"), Some(&json!("")), "it is nobody's to read");
}

#[test]
fn a_fleet_is_set_up_and_read_and_then_left_alone() {
    const DEVICES: usize = 6;
    let server = serve();
    let mut command = Command::new(programs::ours("drover"));
    command.args(["simulate", "--sessions", "3", "--json", "--acs-url", &server.url()]);
    let ended = run(command.args(["--devices", &DEVICES.to_string()]), END);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    no_fault(server.nbi);
    // Within the hour and the day there is nothing to ask for again.
    let report: Json = serde_json::from_str(&ended.stdout).expect("a report");
    let rpcs = |phase: usize| report["phases"][phase]["rpcs"].as_u64();
    assert!(rpcs(0) > Some(0) && rpcs(1) == Some(0), "{report:#}");
    let devices = server.nbi.find("devices", &json!({}));
    assert_eq!(devices.len(), DEVICES);
    let mut times = BTreeSet::new();
    for device in &devices {
        is_set_up(device);
        let version = value(device, "Device.DeviceInfo.SoftwareVersion");
        assert!(version.and_then(Json::as_str).is_some_and(|text| !text.is_empty()), "{device:#}");
        times.insert(value(device, &format!("{SERVER}PeriodicInformTime")).map(Json::to_string));
    }
    assert_eq!(times.len(), DEVICES, "each has its own time");
}

#[test]
fn the_agent_is_set_up_reached_and_read_anew_after_a_reset() {
    let server = serve();
    let agent = Agent::start(&server.url(), "1", &AgentOptions::default());
    let known = agent.wait_until_known(server.nbi);
    is_set_up(&known);
    // The server's configuration names no login: only with that of the rules can the agent be
    // asked to come.
    let known = agent.read_all(server.nbi);
    let status = "Device.Time.Status";
    assert!(value(&known, status).is_some(), "{known:#}");
    agent.perform(server.nbi, &json!({"name": "factoryReset"}));

    // After those before and that of the reset.
    wait::until("the first session after the reset to end", || {
        let ended = agent.process.log().matches("the session ended well").count();
        (ended >= 4).then_some(())
    });
    let anew = server.nbi.device(&agent.id).expect("the agent is known");
    assert_ne!(anew["_lastBootstrap"], known["_lastBootstrap"]);
    is_set_up(&anew);
    assert_eq!(value(&anew, status), None, "what nobody has asked for since is forgotten");
    assert!(value(&anew, "Device.DeviceInfo.SoftwareVersion").is_some(), "{anew:#}");
    agent.perform(server.nbi, &json!({"name": "getParameterValues", "parameterNames": [status]}));
    no_fault(server.nbi);
}
