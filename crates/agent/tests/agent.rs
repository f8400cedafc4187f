//! The whole agent against a scripted ACS, over real sockets.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use drover_agent::{AgentError, Config};
use drover_cwmp::auth::{ChallengeOutcome, ClientAuth, Credentials, Secret};
use drover_cwmp::message::{
    FactoryReset, GetRpcMethods, Reboot, SetParameterAttributes, SetParameterAttributesStruct,
};
use drover_cwmp::{HttpUrl, Message, Value};
use support::namespace::{INSIDE, run_in_namespace};
use support::{Acs, PATIENCE, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const CODE: &str = "Device.DeviceInfo.ProvisioningCode";
const REQUEST_URL: &str = "Device.ManagementServer.ConnectionRequestURL";

fn config(acs: &Acs, state: &Path) -> Config {
    let mut config = Config::load(None, []).unwrap();
    config.acs.url = acs.url();
    config.state_dir = state.to_owned();
    config.connection_request.port = 0;
    config.connection_request.username = "acs".to_owned();
    config.connection_request.password = Secret::new("knock");
    config.inform.periodic_enable = false;
    config
}

/// An agent inside this process.
struct Agent {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), AgentError>>,
}

impl Agent {
    fn start(config: Config) -> Self {
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
        };
        Self { stop, task: tokio::spawn(drover_agent::run(config, shutdown)) }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Sends a connection request as the ACS would: unauthenticated first, then with digest.
async fn knock(url: &str, password: &str) -> u16 {
    let url: HttpUrl = url.parse().unwrap();
    let mut client = ClientAuth::new(Credentials::new("acs", Secret::new(password)), false);
    let first = get(&url, None).await;
    let challenge = first.split("Www-Authenticate: ").nth(1).unwrap().lines().next().unwrap();
    assert!(matches!(client.handle_challenge(&[challenge]), ChallengeOutcome::Answer));
    let answer = client.authorization("GET", url.target(), "0123456789abcdef");
    let second = get(&url, answer.as_deref()).await;
    second.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn get(url: &HttpUrl, authorization: Option<&str>) -> String {
    let mut stream = TcpStream::connect((url.host(), url.port())).await.unwrap();
    let header = authorization.map(|value| format!("Authorization: {value}\r\n"));
    let header = header.unwrap_or_default();
    let request =
        format!("GET {} HTTP/1.1\r\nHost: cpe\r\nConnection: close\r\n{header}\r\n", url.target());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn has(session: &Session, event: &str) -> bool {
    session.events().iter().any(|known| known == event)
}

#[tokio::test]
async fn the_first_session_introduces_the_device() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::with_password("secret").await;
    let mut config = config(&acs, folder.path());
    config.acs.username = "device".to_owned();
    config.acs.password = Secret::new("secret");
    let agent = Agent::start(config);
    let mut session = acs.session().await;
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let version = session.parameter("Device.DeviceInfo.SoftwareVersion");
    assert_eq!(version, Some(kernel.trim()));
    let url = session.parameter(REQUEST_URL).unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    for name in
        ["RootDataModelVersion", "DeviceInfo.HardwareVersion", "DeviceInfo.ProvisioningCode"]
    {
        assert!(session.parameter(&format!("Device.{name}")).is_some(), "{name}");
    }
    let Message::GetRpcMethodsResponse(methods) = session.call(GetRpcMethods {}).await else {
        panic!("not the list of methods");
    };
    assert!(methods.method_list.iter().any(|method| method == "FactoryReset"));
    assert!(!methods.method_list.iter().any(|method| method == "Download"));
    let inform = session.end().await;
    assert_eq!(inform.retry_count, 0);
    agent.stop().await;
}

#[tokio::test]
async fn the_tree_holds_the_values_of_this_box() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Agent::start(config(&acs, folder.path()));
    let mut session = acs.session().await;
    let before = received_bytes("lo");
    let tree = session.get(&["Device."]).await;
    let after = received_bytes("lo");
    session.end().await;
    agent.stop().await;

    let value = |name: &str| {
        let found = tree.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("{name} is missing")).1.clone()
    };
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total = meminfo.split_whitespace().nth(1).unwrap();
    assert_eq!(value("Device.DeviceInfo.MemoryStatus.Total"), total);
    let (loopback, _) = tree
        .iter()
        .find(|(name, text)| {
            name.starts_with("Device.IP.Interface.") && name.ends_with(".Name") && text == "lo"
        })
        .expect("the loopback is an IP interface");
    let row = loopback.trim_end_matches("Name");
    let bytes: u64 = value(&format!("{row}Stats.BytesReceived")).parse().unwrap();
    assert!((before..=after).contains(&bytes), "{before} {bytes} {after}");
    assert_eq!(value(&format!("{row}IPv4Address.1.IPAddress")), "127.0.0.1");
    assert_eq!(value(&format!("{row}IPv4Address.1.SubnetMask")), "255.0.0.0");
    let own = format!("Device.DeviceInfo.ProcessStatus.Process.{}.PID", std::process::id());
    assert_eq!(value(&own), std::process::id().to_string());
    assert_eq!(value("Device.ManagementServer.ConnectionRequestPassword"), "");
    let processes = tree.iter().filter(|(name, _)| name.ends_with(".CPUTime")).count();
    let counted = value("Device.DeviceInfo.ProcessStatus.ProcessNumberOfEntries");
    assert_eq!(counted, processes.to_string());
}

fn received_bytes(interface: &str) -> u64 {
    let path = format!("/sys/class/net/{interface}/statistics/rx_bytes");
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_restart_keeps_what_the_acs_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Agent::start(config(&acs, folder.path()));
    let mut session = acs.session().await;
    session.set(&[(CODE, Value::string("A.B"))]).await;
    let first = session.parameter(REQUEST_URL).unwrap().to_owned();
    session.end().await;
    agent.stop().await;

    let agent = Agent::start(config(&acs, folder.path()));
    let mut session = acs.session().await;
    assert!(has(&session, "1 BOOT") && !has(&session, "0 BOOTSTRAP"), "{:?}", session.events());
    assert_eq!(session.value(CODE).await, "A.B");
    let second = session.parameter(REQUEST_URL).unwrap();
    let path = |url: &str| url.rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(path(&first), path(second));
    session.end().await;
    agent.stop().await;
}

#[tokio::test]
async fn a_connection_request_brings_one_session() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Agent::start(config(&acs, folder.path()));
    let session = acs.session().await;
    let url = session.parameter(REQUEST_URL).unwrap().to_owned();
    // During the session: it is accepted, and leads to one more (CR-09).
    assert_eq!(knock(&url, "knock").await, 200);
    assert_eq!(knock(&url, "knock").await, 200);
    session.end().await;
    let session = acs.session().await;
    assert_eq!(session.events(), ["6 CONNECTION REQUEST"]);
    session.end().await;
    // Outside of a session, with credentials that the ACS changes in it.
    assert_eq!(knock(&url, "wrong").await, 401);
    assert_eq!(knock(&url, "knock").await, 200);
    let mut session = acs.session().await;
    let password = "Device.ManagementServer.ConnectionRequestPassword";
    session.set(&[(password, Value::string("changed"))]).await;
    assert_eq!(knock(&url, "knock").await, 401);
    assert_eq!(knock(&url, "changed").await, 200);
    session.end().await;
    acs.session().await.end().await;
    agent.stop().await;
}

#[tokio::test]
async fn periodic_informs_follow_the_interval_that_the_acs_sets() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Agent::start(config(&acs, folder.path()));
    let mut session = acs.session().await;
    let settings = [
        ("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(1)),
        ("Device.ManagementServer.PeriodicInformEnable", Value::boolean(true)),
    ];
    session.set(&settings).await;
    session.end().await;
    for _ in 0..2 {
        let session = acs.session().await;
        assert_eq!(session.events(), ["2 PERIODIC"]);
        session.end().await;
    }
    agent.stop().await;
}

#[tokio::test]
async fn reboot_and_factory_reset_act_on_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Agent::start(config(&acs, folder.path()));
    let mut session = acs.session().await;
    session.set(&[(CODE, Value::string("A.B"))]).await;
    let reboot = Reboot { command_key: "job-1".to_owned() };
    assert!(matches!(session.call(reboot).await, Message::RebootResponse(_)));
    assert_eq!(session.value(CODE).await, "A.B", "SES-13: the session goes on");
    session.end().await;

    let mut session = acs.session().await;
    assert_eq!(session.events(), ["1 BOOT", "M Reboot"]);
    assert_eq!(session.inform().event[1].command_key, "job-1");
    assert_eq!(session.value(CODE).await, "A.B");
    let answer = session.call(FactoryReset {}).await;
    assert!(matches!(answer, Message::FactoryResetResponse(_)), "{answer:?}");
    session.end().await;

    let mut session = acs.session().await;
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!(session.value(CODE).await, "");
    session.end().await;
    agent.stop().await;
}

#[tokio::test]
async fn a_new_acs_is_greeted_with_bootstrap() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Acs::start().await;
    let mut second = Acs::start().await;
    let agent = Agent::start(config(&first, folder.path()));
    let mut session = first.session().await;
    session.set(&[("Device.ManagementServer.URL", Value::string(second.url()))]).await;
    assert_eq!(session.value(CODE).await, "", "SES-16: this session ends with the old ACS");
    session.end().await;
    let session = second.session().await;
    assert_eq!(session.events(), ["0 BOOTSTRAP"]);
    session.end().await;
    agent.stop().await;
}

#[tokio::test]
async fn a_failed_session_is_retried() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Agent::start(config(&acs, folder.path()));
    let mut session = acs.session().await;
    let url = session.parameter(REQUEST_URL).unwrap().to_owned();
    let settings = [
        ("Device.ManagementServer.CWMPRetryMinimumWaitInterval", Value::unsigned_int(1)),
        ("Device.ManagementServer.CWMPRetryIntervalMultiplier", Value::unsigned_int(1000)),
        ("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(1)),
        ("Device.ManagementServer.PeriodicInformEnable", Value::boolean(true)),
    ];
    session.set(&settings).await;
    session.end().await;
    acs.refuse("503 Service Unavailable").await;
    let session = acs.session().await;
    assert!(session.inform().retry_count > 0);
    assert!(has(&session, "2 PERIODIC"), "{:?}", session.events());
    session.end().await;
    assert_eq!(knock(&url, "knock").await, 200);
    let session = acs.session().await;
    assert_eq!(session.inform().retry_count, 0);
    session.end().await;
    agent.stop().await;
}

/// The agent as a process, which can be killed.
struct Process(std::process::Child);

impl Process {
    fn start(acs: &Acs, state: &Path) -> Self {
        let child = program()
            .args(["--acs-url", &acs.url(), "--state"])
            .arg(state)
            .env("DROVER_CONNECTION_REQUEST__PORT", "0")
            .env("DROVER_INFORM__PERIODIC_ENABLE", "false")
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// SIGKILL: nothing of the process runs after that.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_drover-agent"))
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    for round in 0..10 {
        let agent = Process::start(&acs, folder.path());
        let mut session = acs.session().await;
        if round > 0 {
            assert_eq!(session.value(CODE).await, format!("round {}", round - 1));
            assert!(!has(&session, "0 BOOTSTRAP"));
        }
        session.set(&[(CODE, Value::string(format!("round {round}")))]).await;
        // In the middle of the session, right after the acknowledgement.
        agent.kill();
    }
}

#[tokio::test]
async fn a_factory_reset_that_was_acknowledged_happens_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Process::start(&acs, folder.path());
    let mut session = acs.session().await;
    session.set(&[(CODE, Value::string("A.B"))]).await;
    let answer = session.call(FactoryReset {}).await;
    assert!(matches!(answer, Message::FactoryResetResponse(_)), "{answer:?}");
    // The session has not ended, so it is not done yet.
    agent.kill();

    let _agent = Process::start(&acs, folder.path());
    let mut session = acs.session().await;
    assert_eq!(session.events(), ["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!(session.value(CODE).await, "");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let version = session.parameter("Device.DeviceInfo.SoftwareVersion");
    assert_eq!(version, Some(kernel.trim()));
    assert!(session.parameter(REQUEST_URL).unwrap().starts_with("http://127.0.0.1:"));
    session.end().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_that_cannot_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let state = folder.path().join("state");
    let agent = Agent::start(config(&acs, &state));
    let session = acs.session().await;
    std::fs::remove_dir_all(&state).unwrap();
    let values = [(CODE, Value::string("A.B"))];
    session.call_unanswered(support::set_parameter_values(&values)).await;
    agent.stop().await;
}

#[tokio::test]
async fn a_signal_stops_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let mut agent = Process::start(&acs, folder.path());
    acs.session().await.end().await;
    let pid = agent.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));
}

/// Exit code and standard error of a run that must end by itself.
fn fails(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = program().args(arguments).envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

#[test]
fn bad_input_is_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    std::fs::write(&file, "[acs]\nurll = \"x\"\n").unwrap();
    let file = file.to_str().unwrap();
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();
    let url = ["--acs-url", "http://127.0.0.1:1/", "--state", state];
    let taken = std::net::TcpListener::bind("[::]:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    /// Arguments, variables, the exit code, and what standard error must name.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a str);
    let cases: [Case<'_>; 8] = [
        (&["--frobnicate"], &[], 2, "--frobnicate"),
        (&[], &[], 2, "--acs-url"),
        (&["--acs-url", "acs.example"], &[], 2, "acs.url"),
        (&["--config", file], &[], 2, "agent.toml:2: "),
        (&["--config", "/nonexistent"], &[], 2, "/nonexistent"),
        (&url, &[("DROVER_INFORM__PERIODIC_INTERVAL", "0")], 2, "periodic_interval"),
        (&url, &[("DROVER_CONNECTION_REQUEST__PORT", &port)], 1, "connection_request.port"),
        (&["--acs-url", "http://127.0.0.1:1/", "--state", file], &[], 1, "agent.toml"),
    ];
    for (arguments, variables, code, part) in cases {
        let (found, text) = fails(arguments, variables);
        assert_eq!(found, code, "{arguments:?}: {text}");
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("drover-agent: ") && last.contains(part), "{text}");
    }
}

#[test]
fn help_and_version_are_printed() {
    let output = program().arg("--help").output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("--acs-url URL"));
    let output = program().arg("--version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(version.trim(), concat!("drover-agent ", env!("CARGO_PKG_VERSION")));
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

#[test]
fn a_changed_address_is_a_value_change() {
    if std::env::var_os(INSIDE).is_none() {
        run_in_namespace("a_changed_address_is_a_value_change");
        return;
    }
    for arguments in [
        "link set lo up",
        "link add port0 type veth peer name port1",
        "link set port0 up",
        "addr add 192.0.2.10/24 dev port0",
    ] {
        ip(arguments);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(watch_an_address());
}

async fn watch_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut acs = Acs::start().await;
    let agent = Agent::start(config(&acs, folder.path()));
    let mut session = acs.session().await;
    let tree = session.get(&["Device.IP.Interface."]).await;
    let name = tree.iter().find(|(_, value)| value == "192.0.2.10").unwrap().0.clone();
    let attributes = SetParameterAttributesStruct {
        name: name.clone(),
        notification_change: true,
        notification: 2,
        access_list_change: false,
        access_list: Vec::new(),
    };
    let watch = SetParameterAttributes { parameter_list: vec![attributes] };
    let answer = session.call(watch).await;
    assert!(matches!(answer, Message::SetParameterAttributesResponse(_)), "{answer:?}");
    session.end().await;

    // As a DHCP client does it; the row stays and gets another value.
    ip("addr del 192.0.2.10/24 dev port0");
    ip("addr add 192.0.2.99/24 dev port0");
    let waited = tokio::time::timeout(PATIENCE / 2, acs.session()).await;
    let session = waited.expect("the kernel announces it, so it takes no poll");
    assert_eq!(session.events(), ["4 VALUE CHANGE"]);
    assert_eq!(session.parameter(&name), Some("192.0.2.99"));
    session.end().await;
    agent.stop().await;
    assert!(PATIENCE / 2 < drover_agent::limits::WATCH_INTERVAL, "else a poll could be it");
}
