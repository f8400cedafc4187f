//! A server in a temporary folder, and a raw HTTP client that sends exactly what it is told.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use drover_acs::{AcsConfig, Running, serve};
use drover_store::Store;
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Nothing in these tests takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct TestServer {
    pub(crate) cwmp: SocketAddr,
    pub(crate) nbi: SocketAddr,
    pub(crate) files: Option<SocketAddr>,
    pub(crate) store: Store,
    running: Running,
    stop: oneshot::Sender<()>,
    folder: Option<TempDir>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// Starts with more configuration, in TOML.
    pub(crate) async fn with(toml: &str) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let server = Self::in_folder(toml, folder.path()).await;
        Self { folder: Some(folder), ..server }
    }

    /// Starts in a folder that may have been used before.
    pub(crate) async fn in_folder(toml: &str, folder: &Path) -> Self {
        logs();
        let mut config: AcsConfig = toml::from_str(toml).expect("configuration");
        config.cwmp.listen = vec![([127, 0, 0, 1], 0).into()];
        config.nbi.listen = ([127, 0, 0, 1], 0).into();
        config.files.listen = ([127, 0, 0, 1], 0).into();
        config.files.folder = Some(folder.join("files"));
        let store = Store::open(folder).expect("store");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let running = serve(config, store.clone(), shutdown).await.expect("server");
        let cwmp = running.cwmp_addresses()[0];
        let nbi = running.nbi_address().expect("northbound interface");
        let files = running.files_address();
        Self { cwmp, nbi, files, store, running, stop, folder: None }
    }

    pub(crate) async fn stop(self) -> Option<TempDir> {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.running.finished()).await.expect("the server stops");
        self.folder
    }

    pub(crate) async fn device(&self) -> Client {
        Client::connect(self.cwmp).await
    }

    /// One northbound request on a connection of its own.
    pub(crate) async fn api(&self, method: &str, target: &str, body: &str) -> Response {
        let mut client = Client::connect(self.nbi).await;
        let length = body.len();
        client
            .send(format!(
                "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n\
                 {body}"
            ))
            .await;
        client.response_to(method).await
    }

    pub(crate) async fn get(&self, target: &str) -> Json {
        let response = self.api("GET", target, "").await;
        assert_eq!(response.status, 200, "{target}: {}", response.text());
        response.json()
    }

    /// A device that is known because it was in session once.
    pub(crate) async fn register(&self, serial: &str, parameters: &[(&str, &str)]) -> String {
        let mut device = self.device().await;
        let opened = device.post(&inform_with(serial, "0 BOOTSTRAP", parameters), &[]).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        assert_eq!(device.post("", &[]).await.status, 204);
        format!("00D09E-Test-{serial}")
    }

    /// A whole session works: the server is alive.
    pub(crate) async fn assert_alive(&self) {
        self.register("alive", &[]).await;
    }
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) peer: SocketAddr,
    unread: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        // Connections to two servers may share a port, so each has an address of its own.
        static NUMBER: AtomicU16 = AtomicU16::new(0);
        let [high, low] = NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let socket = TcpSocket::new_v4().expect("socket");
        socket.bind(([127, 1, high, low], 0).into()).expect("bind");
        let stream = socket.connect(address).await.expect("connect");
        let peer = stream.local_addr().expect("local address");
        Self { stream, peer, unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("send");
    }

    /// Sends as much as the server takes.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Ends our half of the connection.
    pub(crate) async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// A POST with a length, and these further headers.
    pub(crate) async fn post(&mut self, body: &str, headers: &[(&str, &str)]) -> Response {
        self.send_post(body.as_bytes(), headers).await;
        self.response().await
    }

    pub(crate) async fn send_post(&mut self, body: &[u8], headers: &[(&str, &str)]) {
        let mut bytes = post_head(body.len(), headers).into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes).await;
    }

    pub(crate) async fn response(&mut self) -> Response {
        self.response_to("POST").await
    }

    pub(crate) async fn response_to(&mut self, method: &str) -> Response {
        timeout(PATIENCE, self.read_response(method))
            .await
            .expect("an answer in time")
            .expect("an answer")
    }

    /// The answer, or `None` when the connection ends without one.
    pub(crate) async fn response_or_end(&mut self) -> Option<Response> {
        timeout(PATIENCE, self.read_response("POST")).await.expect("an end in time")
    }

    async fn read_response(&mut self, method: &str) -> Option<Response> {
        let end = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..end + 4).collect()).expect("text");
        let mut response = parse_head(&head);
        let is_bodiless = method == "HEAD" || matches!(response.status, 100 | 204 | 304);
        if response.header("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            response.body = self.read_chunks().await?;
        } else if !is_bodiless {
            let length = response.header("content-length").expect("a length or chunks");
            response.body = self.take(length.parse().expect("a number")).await?;
        }
        Some(response)
    }

    async fn read_chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.unread, b"\r\n") {
                    break end;
                }
                self.read_more().await?;
            };
            let line = String::from_utf8(self.unread.drain(..end + 2).collect()).expect("text");
            let size = usize::from_str_radix(line.trim(), 16).expect("a chunk size");
            let chunk = self.take(size + 2).await?;
            if size == 0 {
                return Some(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            self.read_more().await?;
        }
        Some(self.unread.drain(..count).collect())
    }

    async fn read_more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Some(())
            }
        }
    }

    /// Everything until the server closes the connection.
    pub(crate) async fn read_to_end(&mut self, all: &mut Vec<u8>) {
        let read = async { while self.read_more().await.is_some() {} };
        timeout(PATIENCE, read).await.expect("an end in time");
        all.append(&mut self.unread);
    }

    /// The server closes the connection without sending anything more.
    pub(crate) async fn assert_closed(&mut self) {
        let more = timeout(PATIENCE, self.read_more()).await.expect("an end in time");
        assert!(more.is_none() && self.unread.is_empty(), "{:?}", self.unread);
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The session cookie, `sid=…`, without its attributes.
    pub(crate) fn cookie(&self) -> String {
        let header = self.header("set-cookie").expect("a cookie");
        header.split(';').next().expect("a pair").to_owned()
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        self.text().contains(text)
    }
}

pub(crate) fn post_head(length: usize, headers: &[(&str, &str)]) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("POST /acs HTTP/1.1\r\nHost: acs\r\nContent-Length: {length}\r\n{headers}\r\n")
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn parse_head(head: &str) -> Response {
    let mut lines = head.lines();
    let mut words = lines.next().expect("a status line").splitn(3, ' ');
    assert_eq!(words.next(), Some("HTTP/1.1"));
    let status = words.next().and_then(|status| status.parse().ok()).expect("a status");
    let reason = words.next().unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Response { status, reason, headers, body: Vec::new() }
}

/// An envelope with an ID, as a CWMP 1.2 device writes it.
pub(crate) fn envelope(id: &str, body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-2">
 <soapenv:Header><cwmp:ID soapenv:mustUnderstand="1">{id}</cwmp:ID></soapenv:Header>
 <soapenv:Body>{body}</soapenv:Body>
</soapenv:Envelope>"#
    )
}

pub(crate) fn inform(serial: &str) -> String {
    inform_with(serial, "2 PERIODIC", &[])
}

pub(crate) fn inform_with(serial: &str, event: &str, parameters: &[(&str, &str)]) -> String {
    let count = parameters.len() + 1;
    let values: String = parameters.iter().map(|(name, value)| value_struct(name, value)).collect();
    envelope(
        "c-1",
        &format!(
            r#"<cwmp:Inform>
  <DeviceId><Manufacturer>Example</Manufacturer><OUI>00D09E</OUI><ProductClass>Test</ProductClass><SerialNumber>{serial}</SerialNumber></DeviceId>
  <Event soapenc:arrayType="cwmp:EventStruct[1]"><EventStruct><EventCode>{event}</EventCode><CommandKey></CommandKey></EventStruct></Event>
  <MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-05-01T12:00:00+02:00</CurrentTime><RetryCount>0</RetryCount>
  <ParameterList soapenc:arrayType="cwmp:ParameterValueStruct[{count}]">
   <ParameterValueStruct><Name>Device.RootDataModelVersion</Name><Value xsi:type="xsd:string">2.19</Value></ParameterValueStruct>{values}
  </ParameterList>
 </cwmp:Inform>"#
        ),
    )
}

/// A parameter with its value; the type is told by the value.
pub(crate) fn value_struct(name: &str, value: &str) -> String {
    let value_type = if value.parse::<u32>().is_ok() { "xsd:unsignedInt" } else { "xsd:string" };
    format!(
        "<ParameterValueStruct><Name>{name}</Name><Value xsi:type=\"{value_type}\">{value}</Value>\
         </ParameterValueStruct>"
    )
}

/// The ID of an envelope of the server.
pub(crate) fn id_of(envelope: &str) -> String {
    let start = envelope.find("<cwmp:ID").expect("an ID");
    let rest = &envelope[start..];
    let value = rest.split_once('>').expect("a tag").1;
    value.split_once('<').expect("an end").0.to_owned()
}

/// Everything that was logged by this process.
pub(crate) fn logs() -> String {
    let buffer = log_buffer().lock().expect("log");
    String::from_utf8_lossy(&buffer).into_owned()
}

/// The lines about one connection.
pub(crate) fn logs_of(peer: SocketAddr) -> Vec<String> {
    let address = peer.to_string();
    let is_about = |line: &&str| {
        line.split_once(&address)
            .is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    logs().lines().filter(is_about).map(str::to_owned).collect()
}

/// Waits for a line about one connection that says this.
pub(crate) async fn assert_logged(peer: SocketAddr, text: &str) {
    let found = async {
        while !logs_of(peer).iter().any(|line| line.contains(text)) {
            tokio::task::yield_now().await;
        }
    };
    let found = timeout(PATIENCE, found).await;
    assert!(found.is_ok(), "no line says {text:?}: {:?}", logs_of(peer));
}

fn log_buffer() -> &'static Arc<Mutex<Vec<u8>>> {
    static BUFFER: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    BUFFER.get_or_init(|| {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&buffer);
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter("debug")
            .with_writer(move || LogWriter(Arc::clone(&writer)))
            .init();
        buffer
    })
}

struct LogWriter(Arc<Mutex<Vec<u8>>>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
