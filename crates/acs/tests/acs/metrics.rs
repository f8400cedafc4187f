//! What the server counts.

use crate::harness::{Client, TestServer, inform, inform_with};

/// The value of a line of the metrics.
async fn metric(server: &TestServer, name: &str) -> String {
    let response = server.api("GET", "/metrics", "").await;
    assert_eq!(response.status, 200);
    let content_type = response.header("content-type").expect("a type");
    assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    let text = response.text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no line {name}: {text}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_counted_by_their_end() {
    let server = TestServer::with("[cwmp.limits]\nsessions = 2").await;
    for target in ["/health", "/ready"] {
        assert_eq!(server.api("GET", target, "").await.status, 200, "{target}");
    }
    server.register("1", &[]).await;
    let mut open = server.device().await;
    assert_eq!(open.post(&inform("2"), &[]).await.status, 200);
    let mut late = server.device().await;
    assert_eq!(late.post(&inform("3"), &[]).await.status, 503);
    for (name, value) in [
        ("drover_sessions_begun_total", "2"),
        ("drover_sessions_complete_total", "1"),
        ("drover_sessions_put_off_total", "1"),
        ("drover_sessions_failed_total", "0"),
        ("drover_sessions_open", "1"),
        ("drover_sessions_limit", "2"),
        ("drover_devices_waiting", "1"),
    ] {
        assert_eq!(metric(&server, name).await, value, "{name}");
    }
    assert_eq!(open.post("<nonsense>", &[]).await.status, 400);
    assert_eq!(metric(&server, "drover_sessions_failed_total").await, "1");
    assert_eq!(metric(&server, "drover_sessions_open").await, "0");
    let count: u64 =
        metric(&server, "drover_request_seconds_count").await.parse().expect("a number");
    assert!(count >= 4, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_counted() {
    let user = "[cwmp.auth]\nmode = \"basic\"\nallow_basic_without_tls = true\n\
        [[cwmp.auth.users]]\nusername = \"u\"\npassword = \"p\"\ndevice = \"00D09E-Test-1\"";
    let server = TestServer::with(user).await;
    let login = |base64: &'static str| [("Authorization", base64)];
    let post = async |serial: &str, login: &[(&str, &str)]| {
        let mut device = server.device().await;
        device.post(&inform_with(serial, "1 BOOT", &[]), login).await.status
    };
    assert_eq!(post("1", &[]).await, 401);
    assert_eq!(post("1", &login("Basic dTp3cm9uZw==")).await, 401);
    assert_eq!(post("1", &login("Basic dTpw")).await, 200);
    assert_eq!(post("2", &login("Basic dTpw")).await, 200, "with a fault");
    let mut hostile = server.device().await;
    assert_eq!(hostile.post("<nonsense>", &login("Basic dTpw")).await.status, 400);
    let mut client = Client::connect(server.files.expect("files are served")).await;
    client.send("GET /secret HTTP/1.1\r\nHost: acs\r\n\r\n").await;
    assert_eq!(client.response_to("GET").await.status, 403);
    assert_eq!(server.api("GET", "/nothing", "").await.status, 404);
    let refused = |listener: &str, status: u16| {
        format!("drover_requests_refused_total{{listener=\"{listener}\",status=\"{status}\"}}")
    };
    for (name, value) in [
        ("drover_wrong_credentials_total".to_owned(), "1"),
        ("drover_wrong_identity_total".to_owned(), "1"),
        ("drover_sessions_begun_total".to_owned(), "1"),
        ("drover_sessions_failed_total".to_owned(), "0"),
        (refused("cwmp", 400), "1"),
        (refused("cwmp", 401), "1"),
        (refused("files", 403), "1"),
        (refused("nbi", 404), "1"),
    ] {
        assert_eq!(metric(&server, &name).await, value, "{name}");
    }
}
