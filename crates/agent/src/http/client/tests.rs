use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// What the server of a test does on one connection.
#[derive(Clone)]
enum Act {
    /// Reads a whole request, then writes this.
    Answer(Vec<u8>),
    /// Reads a whole request, then says nothing more.
    Silence,
    /// Reads a whole request, then closes.
    Close,
}

fn answer(text: &str) -> Act {
    Act::Answer(text.as_bytes().to_vec())
}

/// A server that plays one list of acts a connection, and reports each request it read with the
/// number of its connection.
struct Server {
    target: HttpUrl,
    requests: mpsc::Receiver<(usize, String)>,
}

async fn serve(script: Vec<Vec<Act>>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (report, requests) = mpsc::channel(16);
    tokio::spawn(async move {
        for (number, acts) in script.into_iter().enumerate() {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(play(stream, number, acts, report.clone()));
        }
    });
    Server { target: (format!("http://127.0.0.1:{port}/acs")).parse().unwrap(), requests }
}

async fn play(
    mut stream: TcpStream,
    number: usize,
    acts: Vec<Act>,
    report: mpsc::Sender<(usize, String)>,
) {
    for act in acts {
        let request = read_request(&mut stream).await;
        report.send((number, request)).await.unwrap();
        match act {
            Act::Answer(bytes) => stream.write_all(&bytes).await.unwrap(),
            Act::Silence => std::future::pending().await,
            Act::Close => return,
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                return String::from_utf8(request).unwrap();
            }
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the client closed in the middle of a request");
        request.extend_from_slice(&buffer[..count]);
    }
}

/// A client with the two requests a test needs.
trait Post {
    async fn with(&mut self, server: &HttpUrl, body: &str) -> Result<Response, HttpError>;
    async fn empty(&mut self, server: &HttpUrl) -> Result<Response, HttpError>;
}

impl Post for HttpClient {
    async fn with(&mut self, server: &HttpUrl, body: &str) -> Result<Response, HttpError> {
        let headers = [("Content-Type", "text/xml; charset=utf-8".to_owned())];
        self.post(server, &headers, body.as_bytes(), 0).await
    }
    async fn empty(&mut self, server: &HttpUrl) -> Result<Response, HttpError> {
        self.post(server, &[], &[], 0).await
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn one_connection_carries_a_session() {
    let mut server = serve(vec![vec![answer(OK), answer(NO_CONTENT)]]).await;
    let mut client = HttpClient::new();
    let first = client.with(&server.target, "<x/>").await.unwrap();
    assert_eq!((first.status, &first.body[..]), (200, &b"ok"[..]));
    let second = client.empty(&server.target).await.unwrap();
    assert_eq!((second.status, second.body.len()), (204, 0));

    let (connection, text) = server.requests.recv().await.unwrap();
    assert_eq!(connection, 0);
    assert!(text.starts_with("POST /acs HTTP/1.1\r\nHost: 127.0.0.1:"), "{text}");
    assert!(text.ends_with("\r\n\r\n<x/>"), "{text}");
    let (connection, text) = server.requests.recv().await.unwrap();
    assert_eq!(connection, 0);
    assert!(text.contains("Content-Length: 0\r\n"), "{text}");
    assert!(!text.contains("Content-Type"), "{text}");
}

#[tokio::test]
async fn chunks_interim_answers_and_repeated_headers_are_read() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\n\
        Transfer-Encoding: chunked\r\nset-cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n\
        WWW-Authenticate: Digest realm=\"\u{e9}\"\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
    let server = serve(vec![vec![answer(text)]]).await;
    let response = HttpClient::new().with(&server.target, "<x/>").await.unwrap();
    assert_eq!((response.status, &response.body[..]), (401, &b"abcde"[..]));
    let cookies = response.header_values(hyper::header::SET_COOKIE);
    assert_eq!(cookies, ["a=1", "b=2; Path=/"]);
    let challenges = response.header_values(hyper::header::WWW_AUTHENTICATE);
    assert_eq!(challenges, ["Digest realm=\"\u{e9}\""]);
}

#[tokio::test]
async fn a_connection_the_server_closed_is_replaced() {
    let closing = answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    // The second connection breaks exactly when the next request has been sent on it.
    let second = vec![answer(OK), Act::Close];
    let mut server = serve(vec![vec![closing], second, vec![answer(NO_CONTENT)]]).await;
    let mut client = HttpClient::new();
    for expected in [200, 200, 204] {
        let response = client.with(&server.target, "<same/>").await.unwrap();
        assert_eq!(response.status, expected);
    }
    let mut seen = Vec::new();
    while let Ok((connection, text)) = server.requests.try_recv() {
        assert!(text.ends_with("<same/>"));
        seen.push(connection);
    }
    assert_eq!(seen, [0, 1, 1, 2]);
}

#[tokio::test]
async fn a_first_request_that_breaks_off_fails() {
    let server = serve(vec![vec![Act::Close]]).await;
    let error = HttpClient::new().with(&server.target, "<x/>").await.unwrap_err();
    assert!(matches!(error, HttpError::Exchange { .. }), "{error}");
}

#[tokio::test]
async fn a_body_may_have_the_limit_and_not_more() {
    let with_length = |length: usize| {
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        answer.push_str(&"x".repeat(length));
        Act::Answer(answer.into_bytes())
    };
    let script = vec![
        vec![with_length(RESPONSE_BODY_BYTES_MAX)],
        vec![with_length(RESPONSE_BODY_BYTES_MAX + 1)],
    ];
    let server = serve(script).await;
    let whole = HttpClient::new().empty(&server.target).await.unwrap();
    assert_eq!(whole.body.len(), RESPONSE_BODY_BYTES_MAX);
    let error = HttpClient::new().empty(&server.target).await.unwrap_err();
    assert!(matches!(error, HttpError::Body { .. }), "{error}");
}

#[tokio::test]
async fn garbage_is_an_error() {
    for text in ["SMTP ready\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
        let server = serve(vec![vec![answer(text)]]).await;
        let error = HttpClient::new().empty(&server.target).await.unwrap_err();
        assert!(matches!(error, HttpError::Exchange { .. }), "{error}");
    }
}

#[tokio::test]
async fn silence_ends_after_the_response_timeout() {
    let server = serve(vec![vec![answer(OK), Act::Silence]]).await;
    let mut client = HttpClient::new();
    client.empty(&server.target).await.unwrap();
    // From here on tokio jumps to the next timer whenever nothing else can happen.
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let error = client.empty(&server.target).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
    assert!(before.elapsed() >= RESPONSE_TIMEOUT);
    assert!(client.connection.is_none());
}

#[tokio::test]
async fn a_slow_body_ends_after_the_response_timeout() {
    let server = serve(vec![vec![
        answer(OK),
        answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
        Act::Silence,
    ]])
    .await;
    let mut client = HttpClient::new();
    client.empty(&server.target).await.unwrap();
    tokio::time::pause();
    let error = client.empty(&server.target).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn every_address_of_a_name_is_tried() {
    // `localhost` may stand for ::1 and 127.0.0.1, and only one of them listens here.
    for entropy in 0..4 {
        let server = serve(vec![vec![answer(NO_CONTENT)]]).await;
        let url = format!("http://localhost:{}/", server.target.port());
        let target: HttpUrl = url.parse().unwrap();
        let response = HttpClient::new().post(&target, &[], &[], entropy).await.unwrap();
        assert_eq!(response.status, 204);
    }
}

#[tokio::test]
async fn failures_to_connect_name_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let target: HttpUrl = (format!("http://127.0.0.1:{port}/")).parse().unwrap();
    let error = HttpClient::new().empty(&target).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot connect to 127.0.0.1:{port}"));
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_refused() {
    let server = serve(vec![vec![answer(OK)]]).await;
    let headers = [("Cookie", "a=1\r\nX: y".to_owned())];
    let error = HttpClient::new().post(&server.target, &headers, &[], 0).await.unwrap_err();
    assert!(matches!(&error, HttpError::Header { name: "Cookie" }));
    assert!(!error.to_string().contains("a=1"));
}

#[tokio::test]
async fn https_is_refused_before_anything_is_sent() {
    let target: HttpUrl = "https://127.0.0.1:1/".parse().unwrap();
    let error = HttpClient::new().empty(&target).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls), "{error}");
}
