//! What the listener for devices makes of HTTP.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::harness::{TestServer, assert_logged, inform, inform_with, logs_of, post_head};

#[tokio::test(flavor = "multi_thread")]
async fn http_18_other_methods_and_paths_are_refused() {
    let server = TestServer::with("[cwmp]\npath = \"/cwmp\"").await;
    let mut device = server.device().await;
    device.send("GET /cwmp HTTP/1.1\r\nHost: acs\r\n\r\n").await;
    let response = device.response().await;
    assert_eq!((response.status, response.header("allow")), (405, Some("POST")));
    // The connection goes on, bodies of refused requests included.
    device.send("PUT /cwmp HTTP/1.1\r\nHost: acs\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(device.response().await.status, 405);
    assert_eq!(device.post(&inform("1"), &[]).await.status, 404, "/acs is not /cwmp");
    device.send("POST /cwmp?x=1 HTTP/1.1\r\nHost: acs\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(device.response().await.status, 204);
    assert_logged(device.peer, "method PUT").await;
    assert_logged(device.peer, "is not served").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_8_replies_have_a_length_and_keep_the_connection() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    let opened = device.post(&inform("1"), &[]).await;
    assert_eq!(opened.status, 200);
    assert!(opened.contains("InformResponse"));
    assert_eq!(opened.header("content-type"), Some("text/xml; charset=\"utf-8\""));
    assert_eq!(opened.header("transfer-encoding"), None);
    assert_eq!(opened.header("connection"), None);
    let names: Vec<&str> = opened.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"Content-Length") && names.contains(&"Set-Cookie"), "{names:?}");
    let ended = device.post("", &[]).await;
    assert_eq!((ended.status, ended.header("connection")), (204, None));
    assert_eq!(device.post(&inform("1"), &[]).await.status, 200, "the next session");
}

#[tokio::test(flavor = "multi_thread")]
async fn acs_01_nothing_comes_before_the_inform() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    let early = crate::harness::envelope("1", "<cwmp:GetRPCMethods></cwmp:GetRPCMethods>");
    assert_eq!(device.post(&early, &[]).await.status, 400);
    assert_logged(device.peer, "before Inform").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_1_an_empty_post_before_the_inform_changes_nothing() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    for _ in 0..2 {
        // Quirk 4: an empty Content-Type.
        let response = device.post("", &[("Content-Type", "")]).await;
        assert_eq!((response.status, response.body.len()), (204, 0));
    }
    assert_eq!(device.post(&inform("1"), &[]).await.status, 200);
    assert_eq!(device.post("", &[]).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_2_a_connection_without_a_byte_is_no_news() {
    let server = TestServer::start().await;
    let mut silent = server.device().await;
    silent.finish().await;
    silent.assert_closed().await;
    assert_logged(silent.peer, "DEBUG").await;
    let lines = logs_of(silent.peer);
    assert!(lines.iter().all(|line| line.contains("DEBUG")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_3_junk_before_the_method_is_a_400() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    let body = inform("1");
    device.send(post_head(body.len() - 1, &[])).await;
    device.send(&body).await;
    // The body that is one byte short is no XML either.
    assert_eq!(device.response().await.status, 400);
    let mut device = server.device().await;
    device.send(">POST /acs HTTP/1.1\r\nHost: acs\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(device.response().await.status, 400);
    device.assert_closed().await;
    assert_logged(device.peer, "invalid HTTP method").await;
    server.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_6_expect_is_answered_at_once() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    let body = inform("1");
    device.send(post_head(body.len(), &[("Expect", "100-continue")])).await;
    assert_eq!(device.response().await.status, 100);
    device.send(&body).await;
    assert_eq!(device.response().await.status, 200);
    // What will be refused is not asked for.
    device.send(post_head(1 << 40, &[("Expect", "100-continue")])).await;
    assert_eq!(device.response().await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_7_compressed_bodies_are_inflated() {
    let server = TestServer::start().await;
    let body = inform("zipped");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(body.as_bytes()).expect("to memory");
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(body.as_bytes()).expect("to memory");
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(body.as_bytes()).expect("to memory");
    for (name, bytes) in [
        ("gzip", gzip.finish().expect("gzip")),
        ("deflate", zlib.finish().expect("zlib")),
        ("Deflate", raw.finish().expect("deflate")),
    ] {
        let mut device = server.device().await;
        device.send_post(&bytes, &[("Content-Encoding", name)]).await;
        let response = device.response().await;
        assert_eq!(response.status, 200, "{name}");
        assert_eq!(response.header("content-encoding"), None);
        device.send_post(&bytes[..bytes.len() / 2], &[("Content-Encoding", name)]).await;
        assert_eq!(device.response().await.status, 400, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_22_other_encodings_are_refused() {
    let server = TestServer::start().await;
    for encoding in ["compress", "br", "gzip, gzip"] {
        let mut device = server.device().await;
        let response = device.post(&inform("1"), &[("Content-Encoding", encoding)]).await;
        assert_eq!(response.status, 415, "{encoding}");
        assert_logged(device.peer, encoding).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn len_18_old_and_odd_http_is_understood() {
    let server = TestServer::start().await;
    let body = inform("1");
    let mut device = server.device().await;
    let length = body.len();
    device
        .send(format!(
            "POST  / HTTP/1.1\r\nhOST: acs\r\nX-Folded: a\r\n b\r\nno colon here\r\n\
             CONTENT-LENGTH: {length}\r\nSOAPAction:\r\n\r\n{body}"
        ))
        .await;
    assert_eq!(device.response().await.status, 200);
    let (first, second) = body.split_at(100);
    device
        .send(format!(
            "POST / HTTP/1.1\r\nHost: acs\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n\
             {:x}\r\n{first}\r\n{:x};ext=1\r\n{second}\r\n0\r\nX: y\r\n\r\n",
            first.len(),
            second.len()
        ))
        .await;
    assert_eq!(device.response().await.status, 200);
    let mut old = server.device().await;
    old.send(format!("POST / HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    let mut reply = Vec::new();
    old.read_to_end(&mut reply).await;
    assert!(reply.starts_with(b"HTTP/1.0 200 OK\r\n"), "{}", String::from_utf8_lossy(&reply));
}

#[tokio::test(flavor = "multi_thread")]
async fn acs_13_what_is_too_much_gets_503() {
    let limits = "[cwmp.limits]\nsessions = 1\nconnections = 2\nbody_bytes_in_flight = 4096";
    let server = TestServer::with(limits).await;
    let mut first = server.device().await;
    assert_eq!(first.post(&inform("1"), &[]).await.status, 200);
    let mut second = server.device().await;
    let refused = second.post(&inform("2"), &[]).await;
    assert_eq!(refused.status, 503);
    let seconds: u64 = refused.header("retry-after").and_then(|it| it.parse().ok()).expect("when");
    assert!((5..=10).contains(&seconds), "{seconds}");
    assert_logged(second.peer, "session put off").await;
    let mut third = server.device().await;
    let refused = third.response().await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("30")));
    third.assert_closed().await;
    // The second device is not in session; the first may begin anew although all is full.
    assert_eq!(first.post(&inform("1"), &[]).await.status, 200);
    let large = format!("<{}/>", "x".repeat(5000));
    assert_eq!(second.post(&large, &[]).await.status, 503);
    assert_logged(second.peer, "take up all the memory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acs_13_those_that_have_just_started_come_first() {
    let server = TestServer::with("[cwmp.limits]\nsessions = 10").await;
    let mut open = Vec::new();
    for number in 0..7 {
        let mut device = server.device().await;
        let informed = device.post(&inform(&format!("p{number}")), &[]).await;
        assert_eq!(informed.status, 200, "{number}");
        open.push(device);
    }
    let mut late = server.device().await;
    let refused = late.post(&inform("late"), &[]).await;
    assert_eq!((refused.status, refused.text().as_str()), (503, ""));
    assert!(refused.header("set-cookie").is_none(), "there is no session to go on with");
    let mut changed = server.device().await;
    let value_change = inform_with("changed", "4 VALUE CHANGE", &[]);
    assert_eq!(changed.post(&value_change, &[]).await.status, 200);
    let mut started = server.device().await;
    let boot = inform_with("started", "1 BOOT", &[]);
    assert_eq!(started.post(&boot, &[]).await.status, 200);
    let mut another = server.device().await;
    assert_eq!(another.post(&inform_with("x", "1 BOOT", &[]), &[]).await.status, 503);
    // One that begins anew has its seat; those that end give theirs up, in whatever way.
    let mut again = server.device().await;
    assert_eq!(again.post(&boot, &[]).await.status, 200);
    assert_eq!(again.post("", &[]).await.status, 204);
    assert_eq!(changed.post("", &[]).await.status, 204);
    assert_eq!(open[0].post("", &[]).await.status, 204);
    assert_eq!(open[1].post("<nonsense>", &[]).await.status, 400);
    assert_eq!(late.post(&inform("late"), &[]).await.status, 200, "it came again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let server = TestServer::start().await;
    let toml = format!(
        "[cwmp]\nlisten = [\"{}\"]\n[nbi]\nenabled = false\n[files]\nenabled = false",
        server.cwmp
    );
    let config = toml::from_str(&toml).expect("configuration");
    let error = drover_acs::serve(config, server.store.clone(), std::future::pending()).await;
    let error = error.expect_err("the port is taken").to_string();
    let expected = format!("cannot listen on {} (cwmp.listen): the port is in use", server.cwmp);
    assert!(error.starts_with(&expected) && !error.contains('\n'), "{error}");
}
