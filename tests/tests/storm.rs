//! More devices than the server can work on at one time: all are served in the end (`ACS-13`).

use std::process::Command;

use drover_tests::programs;
use drover_tests::server::{Options, Server};
use serde_json::Value as Json;

#[test]
fn acs_13_every_device_of_a_storm_is_served() {
    let config = "[cwmp.limits]\nsessions = 8\n\
        [cwmp.admission]\nretry_after_seconds_min = 1\nretry_after_seconds_max = 2\n";
    let server = Server::start_with(Options::with_config(config));
    let output = Command::new(programs::ours("drover"))
        .args(["simulate", "--devices", "120", "--concurrency", "120", "--sessions", "1"])
        .args(["--heed-retry-after", "--json", "--acs-url", &server.url()])
        .output()
        .expect("the simulator starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Json = serde_json::from_slice(&output.stdout).expect("a report");
    let phase = &report["phases"][0];
    assert_eq!((&phase["sessions"], &phase["failures"]), (&120.into(), &0.into()), "{report}");
    let put_off = phase["put_off"].as_u64().expect("a number");
    assert!(put_off > 0, "120 devices do not fit into 8 places: {report}");
    let metrics = server.nbi.send("GET /metrics", "").text();
    for line in [
        "drover_sessions_complete_total 120".to_owned(),
        "drover_sessions_failed_total 0".to_owned(),
        format!("drover_sessions_put_off_total {put_off}"),
        "drover_devices_waiting 0".to_owned(),
        "drover_sessions_open 0".to_owned(),
    ] {
        assert!(metrics.contains(&format!("\n{line}\n")), "{line}\n{metrics}");
    }
    assert_eq!(server.nbi.find("devices", &serde_json::json!({})).len(), 120);
}
