//! Devices that send garbage, too much, too slowly or only half.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::{Instant, interval};

use crate::harness::{TestServer, assert_logged, inform, post_head};

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_a_400() {
    let server = TestServer::start().await;
    for (garbage, reason) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello"[..], "invalid"),
        (b"\r\n\r\nGET\r\n\r\n", "invalid"),
        (b"POST / HTTP/9.9\r\n\r\n", "invalid HTTP version"),
        (b"POST / HTTP/1.1\r\nContent-Length: five\r\n\r\n", "invalid content-length"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "invalid content-length"),
    ] {
        let mut device = server.device().await;
        device.send(garbage).await;
        assert_eq!(device.response().await.status, 400, "{garbage:?}");
        device.assert_closed().await;
        assert_logged(device.peer, reason).await;
    }
    for (body, reason) in [
        ("this is not XML", "starts with byte 0x74"),
        ("<a><b></a>", "malformed message"),
        ("<a/>", "not a SOAP envelope"),
        ("<?xml version=\"1.0\" encoding=\"EBCDIC\"?><a/>", "encoding"),
    ] {
        let mut device = server.device().await;
        assert_eq!(device.post(body, &[]).await.status, 400, "{body}");
        device.assert_closed().await;
        assert_logged(device.peer, reason).await;
    }
    server.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_head_is_a_431() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    device.try_send(b"POST / HTTP/1.1\r\nX: ").await;
    device.try_send(&vec![b'x'; 64 * 1024]).await;
    assert_eq!(device.response().await.status, 431);
    let mut device = server.device().await;
    let headers: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    device.try_send(format!("POST / HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
    assert_eq!(device.response().await.status, 431);
    server.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_04_billion_laughs_are_not_heard() {
    let server = TestServer::start().await;
    let entities: String = (1..10)
        .map(|level| {
            let inner = format!("&l{};", level - 1).repeat(10);
            format!("<!ENTITY l{level} \"{inner}\">")
        })
        .collect();
    let body = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY l0 \"laugh\">{entities}]>{}",
        inform("&l9;").split_once("?>").expect("a declaration").1
    );
    let mut device = server.device().await;
    assert_eq!(device.post(&body, &[]).await.status, 400);
    assert_logged(device.peer, "DTD").await;
    server.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_a_413() {
    let server = TestServer::start().await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"<x>").expect("to memory");
    for _ in 0..100 {
        gzip.write_all(&vec![b' '; 1 << 20]).expect("to memory");
    }
    let bomb = gzip.finish().expect("gzip");
    let mut device = server.device().await;
    device.send_post(&bomb, &[("Content-Encoding", "gzip")]).await;
    assert_eq!(device.response().await.status, 413);
    assert_logged(device.peer, "the inflated body is larger than").await;
    server.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inform_cut_at_any_byte_does_no_harm() {
    let server = TestServer::start().await;
    let body = inform("cut");
    for length in 0..body.len() {
        // Cut by the device itself: a whole request with half a message.
        let mut device = server.device().await;
        let status = device.post(&body[..length], &[]).await.status;
        assert_eq!(status, if length == 0 { 204 } else { 400 }, "cut at {length}");
        // Cut by the line: half a request.
        let mut device = server.device().await;
        device.send(post_head(body.len(), &[])).await;
        device.send(&body[..length]).await;
        device.finish().await;
        let response = device.response_or_end().await;
        assert!(response.is_none_or(|response| response.status == 400), "cut at {length}");
    }
    let head = post_head(body.len(), &[]);
    for length in 0..head.len() {
        let mut device = server.device().await;
        device.send(&head[..length]).await;
        device.finish().await;
        let response = device.response_or_end().await;
        assert!(response.is_none_or(|response| response.status == 400), "cut at {length}");
    }
    assert!(server.get("/devices").await.as_array().expect("a list").is_empty());
    server.assert_alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_at_a_time_has_an_end() {
    let limits = "[cwmp.limits]\nhead_timeout_seconds = 1\nbody_timeout_seconds = 1";
    let server = TestServer::with(limits).await;
    let body = inform("slow");
    let head = post_head(body.len(), &[]);
    let slow_head = async {
        let mut device = server.device().await;
        drip(&mut device, head.as_bytes()).await;
        assert!(device.response_or_end().await.is_none());
        assert_logged(device.peer, "the head of a request took too long").await;
    };
    let slow_body = async {
        let mut device = server.device().await;
        device.send(&head).await;
        drip(&mut device, body.as_bytes()).await;
        assert_eq!(device.response().await.status, 408);
        assert_logged(device.peer, "the body took too long").await;
    };
    let slow_chunks = async {
        let mut device = server.device().await;
        device.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        drip(&mut device, &b"1\r\n<\r\n".repeat(40)).await;
        assert_eq!(device.response().await.status, 408);
    };
    tokio::join!(slow_head, slow_body, slow_chunks);
    server.assert_alive().await;
}

/// Sends a byte every tenth of a second for two seconds, or until the server has had enough.
async fn drip(device: &mut crate::harness::Client, bytes: &[u8]) {
    let mut ticks = interval(Duration::from_millis(100));
    let end = Instant::now() + Duration::from_secs(2);
    for byte in bytes {
        ticks.tick().await;
        if Instant::now() > end || !device.try_send(&[*byte]).await {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_leaves_in_the_middle_does_no_harm() {
    let server = TestServer::start().await;
    let body = inform("gone");
    for _ in 0..20 {
        // Gone before the answer: the session exists, and the next one takes its place.
        let mut device = server.device().await;
        device.send_post(body.as_bytes(), &[]).await;
        drop(device);
    }
    let mut device = server.device().await;
    assert_eq!(device.post(&body, &[]).await.status, 200);
    assert_eq!(device.post("", &[]).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_01_nothing_of_a_body_or_a_login_is_logged() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    let secret = "<a>b-sesame</a>";
    let headers = [("Authorization", "Basic c2VzYW1lOnNlc2FtZQ=="), ("Cookie", "sid=c-sesame")];
    assert_eq!(device.post(secret, &headers).await.status, 400);
    assert_logged(device.peer, "request refused").await;
    let logs = crate::harness::logs();
    for leak in ["b-sesame", "c-sesame", "c2VzYW1l"] {
        assert!(!logs.contains(leak), "{leak} is in the log");
    }
}
