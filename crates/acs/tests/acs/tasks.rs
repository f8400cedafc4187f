//! `POST /devices/{id}/tasks` with all its outcomes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::{Client, Response, TestServer, envelope, id_of, inform_with, value_struct};

const GET: &str = r#"{"name":"getParameterValues","parameterNames":["Device.X"]}"#;
const URL: &str = "Device.ManagementServer.ConnectionRequestURL";

/// How a device answers the server's requests.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Good,
    Faulty,
}

/// A device that registers, then comes whenever it is asked to.
struct Reachable {
    id: String,
    url: String,
    listener: JoinHandle<()>,
}

impl Reachable {
    async fn start(server: &TestServer, serial: &'static str, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}/cr", listener.local_addr().expect("address"));
        let id = server.register(serial, &[(URL, &url)]).await;
        let cwmp = server.cwmp;
        let listener = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("accept");
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                drop(stream);
                session(cwmp, serial, manner).await;
            }
        });
        Self { id, url, listener }
    }

    async fn post(&self, server: &TestServer, query: &str, body: &str) -> Response {
        server.api("POST", &format!("/devices/{}/tasks?{query}", self.id), body).await
    }
}

impl Drop for Reachable {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn session(cwmp: SocketAddr, serial: &str, manner: Manner) {
    let mut device = Client::connect(cwmp).await;
    let mut reply = device.post(&inform_with(serial, "6 CONNECTION REQUEST", &[]), &[]).await;
    assert_eq!(reply.status, 200);
    let mut body = String::new();
    loop {
        reply = device.post(&body, &[]).await;
        if reply.status != 200 {
            break;
        }
        body = answer(&reply.text(), manner);
    }
    assert_eq!(reply.status, 204);
}

fn answer(request: &str, manner: Manner) -> String {
    let id = id_of(request);
    if matches!(manner, Manner::Faulty) {
        return envelope(
            &id,
            "<soapenv:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>\
             <detail><cwmp:Fault><FaultCode>9002</FaultCode><FaultString>Broken</FaultString>\
             </cwmp:Fault></detail></soapenv:Fault>",
        );
    }
    let body = if request.contains("<cwmp:GetParameterValues>") {
        let value = value_struct("Device.X", "42");
        format!(
            "<cwmp:GetParameterValuesResponse><ParameterList>{value}</ParameterList>\
             </cwmp:GetParameterValuesResponse>"
        )
    } else {
        "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>"
            .to_owned()
    };
    envelope(&id, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_alone_is_stored() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let stored = server.api("POST", &format!("/devices/{id}/tasks"), GET).await;
    assert_eq!(stored.status, 202);
    let task = stored.json();
    assert_eq!(task["device"], id.as_str());
    assert_eq!(task["name"], "getParameterValues");
    assert!(task["timestamp"].is_string() && task["_id"].is_string());
    let listed = server.get("/tasks/").await;
    assert_eq!(listed, serde_json::json!([task]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_with_a_connection_request_is_done_at_once() {
    let server = TestServer::start().await;
    let device = Reachable::start(&server, "1", Manner::Good).await;
    let done = device.post(&server, "timeout=20000&connection_request", GET).await;
    assert_eq!((done.status, done.reason.as_str()), (200, "OK"), "{}", done.text());
    assert_eq!(done.json()["status"], "done");
    let devices = server.get("/devices?projection=Device.X._value").await;
    assert_eq!(devices[0]["Device"]["X"], serde_json::json!({"_value": 42}));
    assert!(server.get("/tasks").await.as_array().expect("a list").is_empty());
    let all = server.get("/tasks?query=%7B%22status%22%3A%22done%22%7D").await;
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let set = r#"{"name":"setParameterValues","parameterValues":[["Device.X","43"]]}"#;
    let done = device.post(&server, "connection_request=", set).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let devices = server.get("/devices?projection=Device.X._value").await;
    assert_eq!(devices[0]["Device"]["X"]["_value"], 43);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_the_device_refuses_is_a_fault() {
    let server = TestServer::start().await;
    let device = Reachable::start(&server, "1", Manner::Faulty).await;
    let refused = device.post(&server, "timeout=20000&connection_request", GET).await;
    assert_eq!((refused.status, refused.reason.as_str()), (202, "Task faulted"));
    assert_eq!(refused.header("drover-reason"), Some("Task faulted"));
    let task = refused.json()["_id"].as_str().expect("an id").to_owned();
    let faults = server.get("/faults").await;
    assert_eq!(faults[0]["_id"], format!("{}:task_{task}", device.id));
    assert_eq!(faults[0]["code"], "cwmp.9002");
    // Once more, with the same result and one more try.
    assert_eq!(server.api("POST", &format!("/tasks/{task}/retry"), "").await.status, 200);
    assert!(server.get("/faults").await.as_array().expect("a list").is_empty());
    assert_eq!(device.post(&server, "connection_request", "").await.status, 200);
    let faults = faults_when_there(&server).await;
    assert_eq!(faults[0]["retries"], 1);
    let fault = faults[0]["_id"].as_str().expect("an id").to_owned();
    delete_when_idle(&server, &format!("/faults/{fault}")).await;
    assert!(server.get("/tasks").await.as_array().expect("a list").is_empty());
    assert!(server.get("/faults").await.as_array().expect("a list").is_empty());
}

/// Asks until the session that was started has brought its fault.
async fn faults_when_there(server: &TestServer) -> serde_json::Value {
    let asked = async {
        loop {
            let faults = server.get("/faults").await;
            if faults.as_array().is_some_and(|faults| !faults.is_empty()) {
                break faults;
            }
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, asked).await.expect("a fault")
}

async fn delete_when_idle(server: &TestServer, target: &str) {
    let deleted = async { while server.api("DELETE", target, "").await.status == 503 {} };
    tokio::time::timeout(crate::harness::PATIENCE, deleted).await.expect("the session ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_away_leaves_the_task_waiting() {
    let server = TestServer::start().await;
    let device = Reachable::start(&server, "1", Manner::Good).await;
    device.listener.abort();
    let away = async {
        while tokio::net::TcpStream::connect(device.url.split('/').nth(2).expect("host"))
            .await
            .is_ok()
        {}
    };
    tokio::time::timeout(crate::harness::PATIENCE, away).await.expect("the listener closes");
    let queued = device.post(&server, "connection_request", GET).await;
    assert_eq!((queued.status, queued.reason.as_str()), (202, "Device is offline"));
    let alone = device.post(&server, "connection_request", "").await;
    assert_eq!((alone.status, alone.reason.as_str()), (504, "Device is offline"));
    assert_eq!(alone.text(), "Device is offline");
    assert_eq!(server.get("/tasks").await.as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_come_leaves_the_task_waiting() {
    let server = TestServer::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    let id = server.register("1", &[(URL, &url)]).await;
    let polite = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accept");
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    });
    let target = format!("/devices/{id}/tasks?timeout=300&connection_request");
    let queued = server.api("POST", &target, GET).await;
    assert_eq!((queued.status, queued.reason.as_str()), (202, "Task queued but not processed"));
    polite.await.expect("the device");
    let unknown = server.register("2", &[]).await;
    let alone =
        server.api("POST", &format!("/devices/{unknown}/tasks?connection_request"), "").await;
    assert_eq!(alone.status, 504);
    assert!(alone.reason.starts_with("Invalid connection request URL"), "{}", alone.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_in_session_gets_the_task_at_once() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let mut device = server.device().await;
    device.post(&inform_with("1", "2 PERIODIC", &[]), &[]).await;
    let in_session = "Device is in session";
    let refused = server.api("DELETE", &format!("/devices/{id}"), "").await;
    assert_eq!((refused.status, refused.text().as_str()), (503, in_session));
    let stored = server.api("POST", &format!("/devices/{id}/tasks"), GET).await;
    assert_eq!(stored.status, 202);
    let task = stored.json()["_id"].as_str().expect("an id").to_owned();
    let refused = server.api("DELETE", &format!("/tasks/{task}"), "").await;
    assert_eq!((refused.status, refused.text().as_str()), (503, in_session));
    let request = device.post("", &[]).await;
    assert!(request.contains("GetParameterValues"), "{}", request.status);
    assert_eq!(device.post(&answer(&request.text(), Manner::Good), &[]).await.status, 204);
    assert_eq!(server.api("DELETE", &format!("/devices/{id}"), "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_sees_the_end_of_an_open_session() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let mut device = server.device().await;
    device.post(&inform_with("1", "2 PERIODIC", &[]), &[]).await;
    let target = format!("/devices/{id}/tasks?connection_request");
    let client = server.api("POST", &target, GET);
    let device = async {
        // Held back until the task is there.
        let there =
            async { while server.get("/tasks").await.as_array().is_none_or(Vec::is_empty) {} };
        tokio::time::timeout(crate::harness::PATIENCE, there).await.expect("a task");
        let request = device.post("", &[]).await;
        device.post(&answer(&request.text(), Manner::Good), &[]).await
    };
    let (done, ended) = tokio::join!(client, device);
    assert_eq!((done.status, ended.status), (200, 204), "{}", done.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tasks_get_one_line_that_says_why() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let target = format!("/devices/{id}/tasks");
    for (body, line) in [
        ("", "the body is empty: post a task, or add ?connection_request to wake the device"),
        (
            "{\"name\"",
            "SyntaxError: the task is not JSON: EOF while parsing an object at line 1 column 7",
        ),
        (
            "{\"name\":\"dance\"}",
            "unknown task name \"dance\"; it is one of getParameterValues, \
          setParameterValues, refreshObject, addObject, deleteObject, reboot, factoryReset, \
          download, upload, scheduleInform, changeDUState, provisions",
        ),
        ("{\"name\":\"refreshObject\"}", "the task needs objectName"),
        (
            "{\"name\":\"setParameterValues\",\"parameterValues\":[[\"Device.X\",[]]]}",
            "the value of \"Device.X\" must be a text, a number or a boolean, not a list",
        ),
    ] {
        let refused = server.api("POST", &target, body).await;
        assert_eq!((refused.status, refused.text().as_str()), (400, line), "{body}");
    }
    let refused = server.api("POST", "/devices/00D09E-Test-9/tasks", GET).await;
    assert_eq!((refused.status, refused.text().as_str()), (404, "No such device"));
    let refused = server.api("POST", "/devices/nobody/tasks", GET).await;
    assert_eq!(refused.status, 404);
    let refused = server.api("POST", &format!("{target}?timeout=soon"), GET).await;
    assert!(refused.status == 400 && refused.contains("timeout must be a number"));
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(server.api("POST", &target, &large).await.status, 413);
}
