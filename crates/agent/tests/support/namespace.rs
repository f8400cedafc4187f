//! Tests that run inside a network namespace of their own; for unit and integration tests alike.

use std::process::Command;

/// Set in the copy of this test program that runs inside a network namespace.
pub(crate) const INSIDE: &str = "DROVER_TEST_INSIDE_NAMESPACE";

/// Runs one test of this program again, inside a network namespace of its own.
///
/// Where there are none to be had, that is a failure on a machine that decides over a change, and
/// a loud skip elsewhere.
#[expect(clippy::print_stderr, reason = "a person must see what was not tested")]
pub(crate) fn run_in_namespace(test: &str) {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let options = if is_root { "-n" } else { "-rn" };
    let probe = Command::new("unshare").args([options, "ip", "link", "show"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        let why = "network namespaces, unshare (util-linux) or ip (iproute2)";
        assert!(std::env::var_os("CI").is_none(), "missing in CI: {why}");
        return eprintln!("SKIPPED {test}, missing: {why}");
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .arg(options)
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("it has just been there");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}
