//! Fleets against a small scripted ACS over real sockets.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use drover_cwmp::auth::{
    Algorithm, ChallengeOutcome, ClientAuth, Credentials, Scheme, Secret, ServerAuth,
    ServerAuthConfig, Verdict,
};
use drover_cwmp::message::{
    GetParameterValues, Inform, InformResponse, ParameterValueStruct, Reboot, SetParameterValues,
};
use drover_cwmp::{CwmpNamespace, Envelope, Message, Value, is_empty_body};
use drover_simulator::{FleetConfig, LiveFleet, Report, run};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONNECTION, COOKIE, HOST, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long anything in these tests may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What the ACS does with the devices.
#[derive(Default)]
struct Script {
    /// Requests in every session, after the Inform.
    requests: Vec<Message>,
    /// Answer to every POST instead of anything else.
    status: Option<u16>,
    /// How many POSTs are put off until later.
    put_off: Arc<AtomicUsize>,
    /// Who may call.
    credentials: Option<Credentials>,
    /// Whether each answer closes its connection (`HTTP-10`).
    close: bool,
}

/// What the ACS has seen.
#[derive(Default)]
struct Seen {
    informs: Vec<Inform>,
    answers: Vec<Message>,
    /// Requests still to be sent, by session.
    open: BTreeMap<String, Vec<Message>>,
    problems: Vec<String>,
}

struct Acs {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    /// Number of ended sessions.
    ended: watch::Receiver<usize>,
    tasks: JoinSet<()>,
}

impl Acs {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (count, ended) = watch::channel(0);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Arc::new(Server {
            script,
            seen: Arc::clone(&seen),
            auth: Mutex::new(ServerAuth::new(ServerAuthConfig {
                realm: "acs".to_owned(),
                scheme: Scheme::Digest(vec![Algorithm::Md5]),
                nonce_lifetime: DEADLINE,
                strict_nc: true,
                secret: [3; 32],
            })),
            ended: count,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                connections.spawn(serve(stream, Arc::clone(&server)));
            }
        });
        Self { address, seen, ended, tasks }
    }

    fn url(&self) -> String {
        format!("http://{}/cwmp", self.address)
    }

    fn config(&self) -> FleetConfig {
        FleetConfig { acs_url: self.url(), devices: 5, concurrency: 3, ..FleetConfig::default() }
    }

    async fn sessions(&mut self, count: usize) {
        let enough = self.ended.wait_for(|ended| *ended >= count);
        let _ =
            timeout(DEADLINE, enough).await.expect("the sessions come in time").expect("an ACS");
    }

    /// Codes of the events of each Inform of one device.
    fn events(&self, serial_number: &str) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        let informs = seen.informs.iter().filter(|i| i.device_id.serial_number == serial_number);
        informs
            .map(|inform| {
                let codes: Vec<&str> =
                    inform.event.iter().map(|event| event.event_code.as_str()).collect();
                codes.join(", ")
            })
            .collect()
    }

    fn finish(mut self) -> Vec<Message> {
        self.tasks.abort_all();
        let mut seen = self.seen.lock().expect("no panic");
        assert_eq!(seen.problems, Vec::<String>::new());
        std::mem::take(&mut seen.answers)
    }
}

struct Server {
    script: Script,
    seen: Arc<Mutex<Seen>>,
    auth: Mutex<ServerAuth>,
    ended: watch::Sender<usize>,
}

async fn serve(stream: TcpStream, server: Arc<Server>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    // Devices close when they like.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        if let Some(status) = self.script.status {
            return respond(status, "");
        }
        let less = |left: usize| left.checked_sub(1);
        if self.script.put_off.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            let mut response = respond(503, "");
            response.headers_mut().insert(RETRY_AFTER, "0".parse().expect("a header"));
            return response;
        }
        if let Some(challenge) = self.challenge(&head.headers) {
            let mut response = respond(401, "");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.parse().expect("a header"));
            return response;
        }
        let cookie = head.headers.get(COOKIE).map(|cookie| cookie.to_str().expect("ASCII"));
        let mut response = self.handle(&body, cookie.unwrap_or_default());
        if self.script.close {
            response.headers_mut().insert(CONNECTION, "close".parse().expect("a header"));
        }
        response
    }

    fn challenge(&self, headers: &hyper::HeaderMap) -> Option<String> {
        let credentials = self.script.credentials.as_ref()?;
        let header = headers.get(AUTHORIZATION).map(|header| header.to_str().expect("ASCII"));
        let mut auth = self.auth.lock().expect("no panic");
        let verdict = auth.verify("POST", "/cwmp", header, Duration::ZERO, |username| {
            (username == credentials.username).then(|| credentials.password().clone())
        });
        match verdict {
            Verdict::Accepted { .. } => None,
            _ => Some(auth.challenges(Duration::ZERO, false).remove(0)),
        }
    }

    fn handle(&self, body: &[u8], cookie: &str) -> Response<Full<Bytes>> {
        let mut seen = self.seen.lock().expect("no panic");
        if is_empty_body(body) {
            return self.next(&mut seen, cookie);
        }
        match Envelope::parse(body).map(|parsed| parsed.envelope.message) {
            Ok(Message::Inform(inform)) => {
                let session = format!("session={}", seen.informs.len());
                seen.open.insert(session.clone(), self.script.requests.clone());
                seen.informs.push(inform);
                let mut response = respond(200, &envelope(InformResponse { max_envelopes: 1 }));
                response.headers_mut().insert(SET_COOKIE, session.parse().expect("a header"));
                response
            }
            Ok(answer) if answer.is_answer() => {
                seen.answers.push(answer);
                self.next(&mut seen, cookie)
            }
            other => {
                seen.problems.push(format!("{other:?}"));
                respond(400, "")
            }
        }
    }

    fn next(&self, seen: &mut Seen, cookie: &str) -> Response<Full<Bytes>> {
        let Some(requests) = seen.open.get_mut(cookie) else {
            seen.problems.push(format!("no session for {cookie:?}"));
            return respond(400, "");
        };
        if !requests.is_empty() {
            return respond(200, &envelope(requests.remove(0)));
        }
        seen.open.remove(cookie);
        self.ended.send_modify(|ended| *ended += 1);
        respond(204, "")
    }
}

fn respond(status: u16, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_owned())));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

fn envelope(message: impl Into<Message>) -> String {
    Envelope::new(CwmpNamespace::V1_2, Some("1".to_owned()), message.into()).to_xml()
}

fn get(name: &str) -> Message {
    GetParameterValues { parameter_names: vec![name.to_owned()] }.into()
}

fn set(name: &str, value: Value) -> Message {
    let parameter_list = vec![ParameterValueStruct { name: name.to_owned(), value }];
    SetParameterValues { parameter_list, parameter_key: "k".to_owned() }.into()
}

async fn report(config: &FleetConfig) -> Report {
    timeout(DEADLINE, run(config, |_| {})).await.expect("in time").expect("a report")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_device_holds_its_sessions() {
    let requests = vec![
        get("Device."),
        set("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(99)),
        get("Device.ManagementServer.PeriodicInformInterval"),
    ];
    let acs = Acs::start(Script { requests, ..Script::default() }).await;
    let config = FleetConfig {
        sessions_per_device: 3,
        parameters_per_device: 120,
        server_pid: Some(std::process::id()),
        ..acs.config()
    };
    let mut last = None;
    let report = run(&config, |progress| last = Some(progress)).await.expect("a report");
    assert_eq!((report.sessions, report.failures), (15, 0), "{report}");
    assert_eq!(report.parameters_per_device, 120);
    let phases: Vec<(&str, u64, u64)> =
        report.phases.iter().map(|phase| (phase.name, phase.sessions, phase.rpcs)).collect();
    assert_eq!(phases, [("first contact", 5, 15), ("periodic", 10, 30)]);
    let last = last.expect("progress is told");
    assert_eq!((last.phase, last.done, last.total, last.failed), ("periodic", 10, 10, 0));
    assert_eq!(acs.events("SIM0000000001"), ["0 BOOTSTRAP, 1 BOOT", "2 PERIODIC", "2 PERIODIC"]);
    let answers = acs.finish();
    assert_eq!(answers.len(), 45);
    for answer in answers.chunks(1) {
        if let [Message::GetParameterValuesResponse(response)] = answer {
            assert!([1, 120].contains(&response.parameter_list.len()));
        }
    }
    let shown = report.to_string();
    assert!(shown.contains("first contact") && shown.contains("server"), "{shown}");
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["phases"][1]["sessions"], 10);
    assert!(json["server"]["resident_bytes_after"].as_u64() > Some(0));
}

#[tokio::test]
async fn digest_authentication_and_closed_connections() {
    let credentials = Credentials::new("fleet", Secret::new("pass"));
    let script = Script {
        credentials: Some(credentials.clone()),
        close: true,
        requests: vec![get("Device.DeviceInfo.")],
        ..Script::default()
    };
    let acs = Acs::start(script).await;
    let config = FleetConfig { credentials: Some(credentials), ..acs.config() };
    let good = report(&config).await;
    assert_eq!((good.sessions, good.failures), (10, 0), "{good}");
    let wrong = Credentials::new("fleet", Secret::new("wrong"));
    let bad = report(&FleetConfig { credentials: Some(wrong), ..acs.config() }).await;
    assert_eq!((bad.sessions, bad.failures), (0, 10));
    assert_eq!(bad.phases[0].errors.get("authentication"), Some(&5), "{bad}");
    acs.finish();
}

#[tokio::test]
async fn failures_are_counted_by_kind() {
    let acs = Acs::start(Script { status: Some(503), ..Script::default() }).await;
    let busy = report(&acs.config()).await;
    assert_eq!(busy.phases[1].errors.get("http 503"), Some(&5), "{busy}");
    assert!(busy.to_string().contains("5 sessions failed in periodic: http 503"));
    // A port that was free a moment ago.
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let acs_url = format!("http://{}/", gone.local_addr().expect("an address"));
    drop(gone);
    let away = report(&FleetConfig { acs_url, ..acs.config() }).await;
    assert_eq!(away.phases[0].errors.get("no connection"), Some(&5), "{away}");
    acs.finish();
}

#[tokio::test]
async fn devices_come_again_when_they_are_told_to() {
    let put_off = || Arc::new(AtomicUsize::new(3));
    let mut acs = Acs::start(Script { put_off: put_off(), ..Script::default() }).await;
    let config = FleetConfig { heeds_retry_after: true, ..acs.config() };
    let busy = report(&config).await;
    assert_eq!((busy.failures, busy.phases[0].put_off), (0, 3), "{busy}");
    assert!(busy.to_string().contains("3 times in first contact, a device was told to come again"));
    acs.sessions(10).await;
    let events = acs.events("SIM0000000001");
    assert_eq!(events[0], "0 BOOTSTRAP, 1 BOOT", "nothing is lost: {events:?}");
    acs.finish();
    let acs = Acs::start(Script { put_off: put_off(), ..Script::default() }).await;
    let busy = report(&acs.config()).await;
    assert_eq!((busy.failures, busy.phases[0].put_off), (3, 0), "{busy}");
    acs.finish();
}

#[tokio::test]
async fn a_recorded_tree_can_be_simulated() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = folder.path().join("tree.csv");
    let text = "path,writable,value,type\n\
                InternetGatewayDevice.DeviceInfo.SoftwareVersion,false,V5,xsd:string\n\
                InternetGatewayDevice.LANDevice.1.Name,false,lan,xsd:string\n";
    std::fs::write(&tree, text).expect("a file");
    let requests = vec![get("InternetGatewayDevice.LANDevice.1.Name")];
    let acs = Acs::start(Script { requests, ..Script::default() }).await;
    let report = report(&FleetConfig { tree: Some(tree), ..acs.config() }).await;
    assert_eq!((report.sessions, report.failures), (10, 0), "{report}");
    let answers = acs.finish();
    assert!(answers.iter().all(|answer| matches!(
        answer,
        Message::GetParameterValuesResponse(response)
            if response.parameter_list[0].value.text == "lan"
    )));
}

#[tokio::test]
async fn bad_configurations_are_named() {
    let check = |change: fn(&mut FleetConfig), expected: &'static str| async move {
        let mut config = FleetConfig::default();
        change(&mut config);
        let error = run(&config, |_| {}).await.expect_err(expected).to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    };
    check(|c| c.acs_url = "acs.example".to_owned(), "starts with http").await;
    check(|c| c.acs_url = "https://acs.example/".to_owned(), "use http").await;
    check(|c| c.devices = 0, "the number of devices is 0; it must be 1 to").await;
    check(|c| c.concurrency = 0, "the concurrency is 0").await;
    check(|c| c.sessions_per_device = 0, "the number of sessions is 0").await;
    check(|c| c.server_pid = Some(u32::MAX), "there is no process 4294967295").await;
    check(|c| c.tree = Some(PathBuf::from("/nowhere/tree.csv")), "cannot read the tree").await;
}

/// Asks a device for a session, as an ACS does.
async fn connection_request(url: &str, credentials: &Credentials) -> (StatusCode, StatusCode) {
    let url: drover_cwmp::HttpUrl = url.parse().expect("a URL");
    let stream = TcpStream::connect((url.host(), url.port())).await.expect("a listener");
    let (mut sender, driver) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(driver);
    let request = |authorization: Option<String>| {
        let mut request = Request::get(url.target()).header(HOST, url.authority());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Empty::<Bytes>::new()).expect("a request")
    };
    let first = sender.send_request(request(None)).await.expect("an answer");
    let mut auth = ClientAuth::new(credentials.clone(), false);
    let Some(challenge) = first.headers().get(WWW_AUTHENTICATE) else {
        return (first.status(), first.status());
    };
    let outcome = auth.handle_challenge(&[challenge.to_str().expect("ASCII")]);
    assert_eq!(outcome, ChallengeOutcome::Answer);
    let authorization = auth.authorization("GET", url.target(), "0123456789abcdef");
    let status = first.status();
    first.into_body().collect().await.expect("a body");
    sender.ready().await.expect("still connected");
    let second = sender.send_request(request(authorization)).await.expect("an answer");
    (status, second.status())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_devices_answer_connection_requests_and_restart() {
    let mut acs = Acs::start(Script::default()).await;
    let config = FleetConfig { periodic_interval: 86_400, ..acs.config() };
    let fleet = LiveFleet::start(&config).await.expect("a fleet");
    acs.sessions(5).await;
    let device = fleet.devices()[3].clone();
    assert_eq!(device.serial_number, "SIM0000000004");
    let wrong = Credentials::new(&device.connection_request.username, Secret::new("wrong"));
    let unauthorized = StatusCode::UNAUTHORIZED;
    let refused = connection_request(&device.connection_request_url, &wrong).await;
    assert_eq!(refused, (unauthorized, unauthorized), "CR-05");
    let elsewhere = format!("{}x", device.connection_request_url);
    let lost = connection_request(&elsewhere, &device.connection_request).await;
    assert_eq!(lost.1, StatusCode::NOT_FOUND, "CR-04");
    let accepted =
        connection_request(&device.connection_request_url, &device.connection_request).await;
    assert_eq!(accepted, (unauthorized, StatusCode::OK), "CR-06");
    acs.sessions(6).await;
    let events = acs.events(&device.serial_number);
    assert_eq!(events, ["0 BOOTSTRAP, 1 BOOT", "6 CONNECTION REQUEST"]);
    let informed = acs.seen.lock().expect("no panic").informs[0].parameter_list.iter().any(|p| {
        p.name == "Device.ManagementServer.ConnectionRequestURL" && p.value.text.contains("http://")
    });
    assert!(informed, "CR-14");
    timeout(DEADLINE, fleet.shutdown()).await.expect("it stops");
    acs.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_devices_call_by_the_clock_and_obey() {
    let requests = vec![
        set("Device.ManagementServer.ConnectionRequestPassword", Value::string("new")),
        Reboot { command_key: "job".to_owned() }.into(),
    ];
    let mut acs = Acs::start(Script { requests, ..Script::default() }).await;
    let config = FleetConfig { devices: 1, periodic_interval: 1, ..acs.config() };
    let fleet = LiveFleet::start(&config).await.expect("a fleet");
    acs.sessions(3).await;
    let events = acs.events("SIM0000000001");
    assert_eq!(events[0], "0 BOOTSTRAP, 1 BOOT");
    assert!(events[1].starts_with("1 BOOT") && events[1].contains("M Reboot"), "{events:?}");
    let device = &fleet.devices()[0];
    let old = connection_request(&device.connection_request_url, &device.connection_request).await;
    assert_eq!(old.1, StatusCode::UNAUTHORIZED, "the ACS set another password");
    let new = Credentials::new(&device.connection_request.username, Secret::new("new"));
    let accepted = connection_request(&device.connection_request_url, &new).await;
    assert_eq!(accepted.1, StatusCode::OK);
    acs.sessions(5).await;
    assert!(fleet.status().sessions >= 3 && fleet.sessions_of(0) >= 3);
    assert_eq!(fleet.status().errors, BTreeMap::new());
    timeout(DEADLINE, fleet.shutdown()).await.expect("it stops");
    acs.finish();
}
