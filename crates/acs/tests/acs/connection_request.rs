//! Connection requests to servers as odd as those on devices.

use std::sync::Arc;
use std::time::Duration;

use drover_acs::{ConnectionRequestError, ConnectionRequester};
use drover_cwmp::auth::{
    Algorithm, Credentials, Scheme, Secret, ServerAuth, ServerAuthConfig, Verdict,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::harness::PATIENCE;

/// A device that says one thing on each connection, then behaves as told.
struct Device {
    url: String,
    requests: mpsc::Receiver<String>,
    listener: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Close,
    /// Leaves the connection open, as if more were to come.
    Wait,
}

impl Device {
    async fn start(answers: &[&str], then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}/cr?a=b", listener.local_addr().expect("address"));
        let (sender, requests) = mpsc::channel(16);
        let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
        let listener = tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("accept");
                let request = read_head(&mut stream).await;
                sender.send(request).await.expect("the test");
                stream.write_all(answer.as_bytes()).await.expect("answer");
                if then == Then::Wait {
                    let mut rest = Vec::new();
                    let _ = stream.read_to_end(&mut rest).await;
                }
            }
        });
        Self { url, requests, listener }
    }

    async fn ask(&self) -> Result<(), ConnectionRequestError> {
        ask(&self.url, false).await
    }

    async fn request(&mut self) -> String {
        timeout(PATIENCE, self.requests.recv()).await.expect("in time").expect("a request")
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.expect("a request");
        bytes.push(byte);
    }
    String::from_utf8(bytes).expect("text")
}

async fn ask(url: &str, allow_basic: bool) -> Result<(), ConnectionRequestError> {
    let requester = ConnectionRequester::new(Duration::from_secs(5), allow_basic);
    let credentials = Credentials::new("acs", Secret::new("sesame"));
    timeout(PATIENCE, requester.send("device", url, &credentials)).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_30_the_status_line_decides() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/xml\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 204 No Content\r\n\r\n",
        "HTTP/1.1 200\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
    ] {
        for then in [Then::Close, Then::Wait] {
            let mut device = Device::start(&[answer], then).await;
            assert_eq!(device.ask().await, Ok(()), "{answer:?}");
            let request = device.request().await;
            assert!(request.starts_with("GET /cr?a=b HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
            assert!(!request.contains("Authorization"), "AUTH-03");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_29_odd_challenges_are_answered() {
    let challenge = "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Digest realm=\"cpe\",\n \
                     qop=\"auth\",\n\tnonce=\"abc\", algorithm=MD5\n";
    // With its blank line, without, and with the connection left open.
    for (end, then) in [("\n", Then::Close), ("", Then::Close), ("", Then::Wait)] {
        let first = format!("{challenge}{end}");
        let mut device = Device::start(&[&first, "HTTP/1.1 200 OK\r\n\r\n"], then).await;
        assert_eq!(device.ask().await, Ok(()), "{end:?} {then:?}");
        assert!(!device.request().await.contains("Authorization"));
        let second = device.request().await;
        // Quirk 31: the digest is for exactly the path that is asked for.
        for part in
            ["username=\"acs\"", "uri=\"/cr?a=b\"", "nonce=\"abc\"", "qop=auth", "nc=00000001"]
        {
            assert!(second.contains(part), "{part}: {second}");
        }
        assert!(!second.contains("sesame"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cr_12_digest_is_computed_rightly() {
    let mut auth = ServerAuth::new(ServerAuthConfig {
        realm: "cpe".to_owned(),
        scheme: Scheme::Digest(vec![Algorithm::Md5]),
        nonce_lifetime: Duration::from_secs(60),
        strict_nc: true,
        secret: [7; 32],
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}/cr", listener.local_addr().expect("address"));
    let device = tokio::spawn(async move {
        // The first answer is called stale, so that a third request has to come (DIG-04).
        let mut verdicts = Vec::new();
        for round in 0..3 {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let head = read_head(&mut stream).await;
            let header = head.lines().find_map(|line| line.strip_prefix("Authorization: "));
            let lookup = |_: &str| Some(Secret::new("sesame"));
            let now = Duration::from_secs(round * 100);
            let verdict = auth.verify("GET", "/cr", header, now, lookup);
            let answer = match &verdict {
                Verdict::Accepted { .. } => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
                other => {
                    let stale = *other == Verdict::Stale;
                    let now = if stale { now + Duration::from_secs(100) } else { now };
                    let challenge = auth.challenges(now, stale).remove(0);
                    format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\n\r\n")
                }
            };
            verdicts.push(verdict);
            stream.write_all(answer.as_bytes()).await.expect("answer");
        }
        verdicts
    });
    assert_eq!(ask(&url, false).await, Ok(()));
    let verdicts = device.await.expect("the device");
    let accepted = Verdict::Accepted { username: "acs".to_owned() };
    assert_eq!(verdicts, [Verdict::Missing, Verdict::Stale, accepted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_reasons_that_clients_know() {
    let digest = "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n";
    let basic = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n";
    for (answers, reason) in [
        (&[digest, digest][..], "Incorrect connection request credentials"),
        (&[basic], "Basic HTTP authentication not allowed"),
        (&["HTTP/1.1 401 No\r\n\r\n"], "Connection request error: unsupported authentication"),
        (
            &["HTTP/1.1 503 Service Unvailable\nContent-Length: 0\n"],
            "Connection request error: the device is busy (status 503)",
        ),
        (
            &["HTTP/1.1 404 Not Found\r\n\r\n"],
            "Connection request error: unexpected response status 404",
        ),
        (&["SSH-2.0-dropbear\r\n"], "Connection request error: the answer is not HTTP"),
        (&[""], "Device is offline"),
    ] {
        let device = Device::start(answers, Then::Close).await;
        let error = device.ask().await.expect_err(reason);
        assert_eq!(error.to_string(), reason);
    }
    let mut device = Device::start(&[basic, "HTTP/1.1 200 OK\r\n\r\n"], Then::Close).await;
    assert_eq!(ask(&device.url, true).await, Ok(()));
    device.request().await;
    assert!(device.request().await.contains("Authorization: Basic "));
}

#[tokio::test(flavor = "multi_thread")]
async fn cr_03_only_plain_http_urls_are_used() {
    for url in
        ["", "ftp://127.0.0.1/", "https://127.0.0.1/", "http://", "file:///etc", "http://u:p@h/"]
    {
        let error = ask(url, false).await.expect_err(url).to_string();
        assert!(error.starts_with("Invalid connection request URL: "), "{url}: {error}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    drop(listener);
    assert_eq!(ask(&url, false).await, Err(ConnectionRequestError::Offline));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_says_nothing_is_offline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    let requester = ConnectionRequester::new(Duration::from_millis(200), false);
    let nobody = Credentials::default();
    let result = timeout(PATIENCE, requester.send("device", &url, &nobody)).await;
    assert_eq!(result, Ok(Err(ConnectionRequestError::Offline)));
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_32_a_device_gets_one_request_at_a_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    let requester = Arc::new(ConnectionRequester::new(Duration::from_secs(5), false));
    let asks: Vec<_> = (0..5)
        .map(|_| {
            let (requester, url) = (Arc::clone(&requester), url.clone());
            tokio::spawn(async move { requester.send("one", &url, &Credentials::default()).await })
        })
        .collect();
    for _ in 0..5 {
        let (mut stream, _) = listener.accept().await.expect("accept");
        read_head(&mut stream).await;
        // While this one waits for its answer, no other comes.
        let other = timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(other.is_err());
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("answer");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("the client closes");
    }
    for ask in asks {
        assert_eq!(ask.await.expect("a request"), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    let device = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accept");
        stream.write_all(b"HTTP/1.1 401 No\r\n").await.expect("answer");
        let mut sent = 0_usize;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {
            sent += 4096;
        }
        sent
    });
    let result = ask(&url, false).await;
    assert_eq!(result, Err(ConnectionRequestError::Authentication));
    let sent = timeout(PATIENCE, device).await.expect("in time").expect("the device");
    assert!(sent < 64 << 20, "{sent} bytes were taken");
}
