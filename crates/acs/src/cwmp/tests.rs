use std::net::SocketAddr;

use drover_cwmp::auth::Credentials;
use drover_cwmp::message::{DeviceIdStruct, EventStruct, Inform, ParameterValueStruct};
use drover_cwmp::session::acs::Reply;
use drover_cwmp::{CwmpNamespace, Envelope, Value};
use drover_provision::rules::{Resource, ResourceKind};
use drover_provision::{End, Loaded, Outgoing, Session, Step, Task, TaskId, TaskKind, TaskState};
use drover_store::FaultFilter;
use jiff::Timestamp;

use super::replay::LastReply;
use super::sessions::Slot;
use super::*;
use crate::connection_request::ConnectionRequester;
use crate::scripts::ScriptLimits;

fn inform() -> Vec<u8> {
    let inform = Inform {
        device_id: DeviceIdStruct {
            manufacturer: "Example".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: "Test".to_owned(),
            serial_number: "1".to_owned(),
        },
        event: vec![EventStruct { event_code: "2 PERIODIC".to_owned(), ..Default::default() }],
        parameter_list: vec![ParameterValueStruct {
            name: "Device.RootDataModelVersion".to_owned(),
            value: Value::string("2.19"),
        }],
        ..Default::default()
    };
    let id = Some("1".to_owned());
    Envelope::new(CwmpNamespace::default(), id, inform).to_xml().into_bytes()
}

/// A session whose device was asked to add a row and has not answered.
async fn busy_session(server: &Server) -> (Arc<Slot>, TaskId) {
    let now = Timestamp::now();
    let mut session = Session::new(server.session_config(None, false));
    let Step::Load { key, .. } = session.handle(&inform(), now) else { panic!("no Inform") };
    let kind = TaskKind::AddObject { path: "Device.Table.".to_owned(), values: Vec::new() };
    let task = Task::new(TaskId::new(now, [7; 8]), key.clone(), kind, now);
    let loaded = Loaded { record: None, tasks: vec![task.clone()], ..Loaded::default() };
    let opened = session.resume(loaded, now);
    server.store.save(opened.save.expect("a new device")).await.expect("saved");
    server.store.insert_task(task.clone()).await.expect("saved");
    let Step::Reply(request) = session.handle(b"", now) else { panic!("no reply") };
    server.store.save(request.save.expect("the request is noted")).await.expect("saved");
    let slot = Slot::new(crate::entropy::token().expect("randomness"));
    let connection = SocketAddr::from(([127, 0, 0, 1], 1));
    let last = LastReply::new(connection, b"", &Reply::Empty);
    *slot.live.lock().await = Some(Live { session, last });
    server.sessions.open(&key, &slot).expect("room");
    (slot, task.id)
}

async fn server(folder: &tempfile::TempDir) -> Server {
    server_with(folder, ScriptLimits::new(Some(1))).await
}

async fn reacher() -> Reacher {
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let http = ConnectionRequester::new(Duration::from_secs(1), false);
    Reacher::new(http, Arc::new(udp), Credentials::default(), Arc::default())
}

async fn server_with(folder: &tempfile::TempDir, limits: ScriptLimits) -> Server {
    let store = Store::open(folder.path()).expect("store");
    let parts = Parts {
        files: None,
        meters: Arc::default(),
        reacher: Arc::new(reacher().await),
        sessions: Arc::new(Sessions::new(9)),
        catalog: Arc::default(),
        rulebook: Rulebook::open(None, store.clone(), SessionConfig::default())
            .await
            .expect("rules"),
        scripts: Scripts::new(limits).expect("a thread"),
        store,
    };
    Server::new(&CwmpConfig::default(), parts).expect("randomness")
}

#[tokio::test]
async fn acs_08_a_silent_session_fails_and_leaves_its_fault() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let server = server(&folder).await;
    let (slot, task) = busy_session(&server).await;
    slot.wait(Duration::from_secs(60));
    sweep(&server).await;
    assert_eq!(server.sessions.count(), 1, "there is time left");
    slot.wait(Duration::ZERO);
    let request = Arc::clone(&slot.live).lock_owned().await;
    sweep(&server).await;
    assert_eq!(server.sessions.count(), 1, "a request is being answered");
    drop(request);
    sweep(&server).await;
    assert_eq!(server.sessions.count(), 0);
    let task = server.store.task(&task).await.expect("store").expect("the task");
    let TaskState::Faulted(fault) = task.state else { panic!("{:?}", task.state) };
    assert_eq!(fault.code, "session_terminated");
}

#[tokio::test]
async fn what_open_sessions_leave_is_saved_at_the_end() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let server = server(&folder).await;
    let (_, task) = busy_session(&server).await;
    abandon_all(&server).await;
    assert_eq!(server.sessions.count(), 0);
    let task = server.store.task(&task).await.expect("store").expect("the task");
    assert!(matches!(task.state, TaskState::Faulted(_)));
}

/// A server whose preset runs this script in every session.
async fn scripted_server(folder: &tempfile::TempDir, limits: ScriptLimits, script: &str) -> Server {
    let server = server_with(folder, limits).await;
    let preset = r#"{"channel": "c", "configurations": [{"type": "provision", "name": "p"}]}"#;
    for (kind, text) in [(ResourceKind::Provision, script), (ResourceKind::Preset, preset)] {
        let resource = Resource { kind, name: "p".to_owned(), text: text.to_owned() };
        server.rulebook.put(resource).await.expect("kept");
    }
    server
}

/// A session that is to run its scripts.
async fn due_session(server: &Server) -> Session {
    let now = Timestamp::now();
    let mut session = Session::new(server.session_config(None, false));
    let Step::Load { .. } = session.handle(&inform(), now) else { panic!("no Inform") };
    let opened = session.resume(Loaded::default(), now);
    server.store.save(opened.save.expect("a new device")).await.expect("saved");
    assert!(matches!(session.handle(b"", now), Step::Run));
    session
}

/// The code and the message of the only fault that is stored.
async fn fault(server: &Server) -> (String, String) {
    let faults = server.store.faults(FaultFilter::default(), None, 9).await.expect("store");
    let [(_, stored)] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(stored.channel, "c");
    let fault = &stored.fault.fault;
    (fault.code.clone(), fault.message.clone())
}

#[tokio::test]
async fn scripts_that_find_no_thread_are_put_off() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let limits = ScriptLimits { waiting: 0, ..ScriptLimits::new(Some(1)) };
    let server = scripted_server(&folder, limits, "1").await;
    let session = due_session(&server).await;
    let refusal = server.run_scripts(session).await.expect_err("no thread").into_response();
    assert_eq!(refusal.status(), 503);
    assert!(refusal.headers().contains_key("retry-after"));
    assert_eq!(fault(&server).await.0, "session_terminated");
}

#[tokio::test]
async fn scripts_that_cannot_be_stopped_leave_their_fault() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    // No thread counts to its budget within a millisecond.
    let time = Duration::from_millis(1);
    let limits = ScriptLimits { time, ..ScriptLimits::new(Some(1)) };
    let server = scripted_server(&folder, limits, "while (true) {}").await;
    let session = due_session(&server).await;
    let refusal = server.run_scripts(session).await.expect_err("it hangs").into_response();
    assert_eq!(refusal.status(), 500);
    let (code, message) = fault(&server).await;
    assert_eq!(code, "script.Error");
    assert!(message.contains("could not be stopped"), "{message}");
}

#[tokio::test]
async fn scripts_run_and_are_told_that_there_are_no_extensions() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let server = scripted_server(&folder, ScriptLimits::new(Some(1)), "ext('a', 'b')").await;
    let session = due_session(&server).await;
    let (mut session, step) = server.run_scripts(session).await.expect("they run");
    let Step::Extensions(calls) = step else { panic!("{step:?}") };
    assert_eq!(calls, [["a", "b"]]);
    assert!(matches!(scripted::call_extensions(&mut session, &calls), Step::Run));
    let (_, step) = server.run_scripts(session).await.expect("they run");
    let Step::Reply(Outgoing { reply: Reply::Empty, save, end }) = step else { panic!("{step:?}") };
    assert_eq!(end, Some(End::Complete));
    server.save(save).await.expect("saved");
    let expected = ("ext".to_owned(), "extensions are not configured".to_owned());
    assert_eq!(fault(&server).await, expected);
}

#[test]
fn acs_08_a_setting_and_the_device_say_how_long_a_session_waits() {
    let patience =
        |setting, asked| exchange::patience(Duration::from_secs(60), setting, asked).as_secs();
    assert_eq!(patience(None, None), 60);
    assert_eq!(patience(Some(90), None), 90);
    assert_eq!(patience(Some(40), Some(50)), 50);
    assert_eq!((patience(Some(1), None), patience(None, Some(10))), (30, 60));
    assert_eq!(patience(Some(31_622_400), None), 600);
}
