use drover_cwmp::auth::{ChallengeOutcome, ClientAuth, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const PATH: &str = "/5f0c1d2e3a4b";

fn access(username: &str, password: &str) -> ConnectionRequestAccess {
    let credentials = Credentials::new(username, Secret::new(password));
    ConnectionRequestAccess { path: PATH.to_owned(), credentials }
}

async fn listen() -> ConnectionRequestListener {
    let address = "127.0.0.1:0".parse().unwrap();
    ConnectionRequestListener::bind(address, access("acs", "secret"), [7; 32]).await.unwrap()
}

/// One raw exchange on a connection of its own: the head of the answer.
async fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(answer).unwrap()
}

fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

async fn get(port: u16, method: &str, path: &str, authorization: Option<&str>) -> String {
    let header = authorization.map(|value| format!("Authorization: {value}\r\n"));
    let header = header.unwrap_or_default();
    send(port, &format!("{method} {path} HTTP/1.1\r\nHost: cpe\r\n{header}\r\n")).await
}

/// Asks like an ACS: without credentials first, then with the answer to the challenge.
async fn request(port: u16, path: &str, password: &str) -> (u16, String) {
    let answer = get(port, "GET", path, None).await;
    if status_of(&answer) != 401 {
        return (status_of(&answer), String::new());
    }
    let challenge = answer.split("Www-Authenticate: ").nth(1).unwrap().lines().next().unwrap();
    assert!(challenge.starts_with("Digest "), "{challenge}");
    let mut client = ClientAuth::new(Credentials::new("acs", Secret::new(password)), false);
    assert!(matches!(client.handle_challenge(&[challenge]), ChallengeOutcome::Answer));
    let authorization = client.authorization("GET", path, "0011223344556677").unwrap();
    let answer = get(port, "GET", path, Some(&authorization)).await;
    (status_of(&answer), authorization)
}

async fn was_requested(listener: &ConnectionRequestListener) -> bool {
    listener.take_pending()
}

#[tokio::test]
async fn right_credentials_ask_for_one_session() {
    let listener = listen().await;
    assert!(!was_requested(&listener).await);
    for _ in 0..3 {
        assert_eq!(request(listener.port(), PATH, "secret").await.0, 200);
    }
    listener.requested().await;
    assert!(!was_requested(&listener).await, "three requests are one session (CR-08)");
}

#[tokio::test]
async fn a_query_is_ignored() {
    let listener = listen().await;
    let path = format!("{PATH}?from=acs");
    assert_eq!(request(listener.port(), &path, "secret").await.0, 200);
    assert!(was_requested(&listener).await);
}

#[tokio::test]
async fn everything_else_has_no_effect() {
    let listener = listen().await;
    let port = listener.port();
    assert_eq!(request(port, "/", "secret").await.0, 404);
    assert_eq!(request(port, "/guess", "secret").await.0, 404);
    assert_eq!(request(port, PATH, "wrong").await.0, 401);
    let basic = get(port, "GET", PATH, Some("Basic YWNzOnNlY3JldA==")).await;
    assert_eq!(status_of(&basic), 401);
    assert!(!basic.contains("Basic"), "{basic}");
    for method in ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let answer = get(port, method, PATH, None).await;
        assert_eq!(status_of(&answer), 405, "{method}");
    }
    assert!(!was_requested(&listener).await);
}

#[tokio::test]
async fn a_copied_request_is_refused() {
    let listener = listen().await;
    let (status, authorization) = request(listener.port(), PATH, "secret").await;
    assert_eq!(status, 200);
    assert!(was_requested(&listener).await);
    let again = get(listener.port(), "GET", PATH, Some(&authorization)).await;
    assert_eq!(status_of(&again), 401);
    assert!(again.contains("stale=true"), "{again}");
    assert!(!was_requested(&listener).await);
}

#[tokio::test]
async fn without_credentials_nobody_is_let_in() {
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = ConnectionRequestListener::bind(address, access("", ""), [7; 32]).await.unwrap();
    let answer = get(listener.port(), "GET", PATH, None).await;
    let challenge = answer.split("Www-Authenticate: ").nth(1).unwrap().lines().next().unwrap();
    let mut client = ClientAuth::new(Credentials::default(), false);
    assert!(matches!(client.handle_challenge(&[challenge]), ChallengeOutcome::Answer));
    let authorization = client.authorization("GET", PATH, "00112233").unwrap();
    let answer = get(listener.port(), "GET", PATH, Some(&authorization)).await;
    assert_eq!(status_of(&answer), 401);
}

#[tokio::test]
async fn new_access_counts_at_once() {
    let listener = listen().await;
    listener.set_access(access("acs", "changed"));
    assert_eq!(request(listener.port(), PATH, "secret").await.0, 401);
    assert_eq!(request(listener.port(), PATH, "changed").await.0, 200);
}

#[tokio::test]
async fn idle_connections_block_nobody() {
    let listener = listen().await;
    let mut idle = Vec::new();
    for _ in 0..LISTENER_CONNECTIONS_MAX * 3 {
        idle.push(TcpStream::connect(("127.0.0.1", listener.port())).await.unwrap());
    }
    assert_eq!(request(listener.port(), PATH, "secret").await.0, 200);
    // The first of them was closed to make room.
    let mut buffer = [0; 1];
    let ended = idle[0].read(&mut buffer).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn half_a_request_is_closed_after_the_deadline() {
    let listener = listen().await;
    let mut stream = TcpStream::connect(("127.0.0.1", listener.port())).await.unwrap();
    stream.write_all(b"GET /5f0c HTTP/1.1\r\nHost: ").await.unwrap();
    // The listener has to see the connection before time begins to jump.
    assert_eq!(request(listener.port(), PATH, "secret").await.0, 200);
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(before.elapsed() <= LISTENER_CONNECTION_LIFETIME);
}

#[tokio::test]
async fn garbage_is_answered_or_closed() {
    let listener = listen().await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(LISTENER_HEAD_BYTES_MAX));
    let many = "X: y\r\n".repeat(LISTENER_HEADERS_MAX + 1);
    let many = format!("GET {PATH} HTTP/1.1\r\n{many}\r\n");
    for request in ["\0\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", &long, &many] {
        let answer = send(listener.port(), request).await;
        assert!(answer.is_empty() || status_of(&answer) / 100 == 4, "{answer}");
    }
    let answer = send(listener.port(), &format!("GET {PATH} HTTP/1.0\r\n\r\n")).await;
    assert_eq!(status_of(&answer), 401, "HTTP/1.0 works too (CR-15)");
    assert!(!was_requested(&listener).await);
}

#[test]
fn the_rate_is_limited_and_recovers() {
    let mut rate = Rate::default();
    let second = Duration::from_secs(1);
    let admitted = (0..LISTENER_RATE_MAX * 2).filter(|_| rate.admit(second)).count();
    assert_eq!(u32::try_from(admitted), Ok(LISTENER_RATE_MAX));
    assert!(!rate.admit(LISTENER_RATE_PERIOD - second));
    assert!(rate.admit(LISTENER_RATE_PERIOD + second));
}

#[test]
fn too_many_requests_are_answered_with_503() {
    let gate = Gate::new(access("acs", "secret"), [7; 32]);
    let peer = "127.0.0.1:1".parse().unwrap();
    let mut inner = gate.lock();
    for _ in 0..LISTENER_RATE_MAX {
        assert_eq!(inner.accept(peer, Duration::ZERO).status(), StatusCode::OK);
    }
    let refused = inner.accept(peer, Duration::ZERO);
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().is_empty(), "no Retry-After (CR-09)");
}
