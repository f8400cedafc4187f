//! Whatever comes over the line: a clear 4xx or a closed connection, memory flat, the server alive,
//! and the reason in the log with the peer's address.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use drover_tests::cpe::{self, Cpe, agree};
use drover_tests::http::{Connection, Response};
use drover_tests::server::{Options, Server};
use flate2::{Compress, Compression, FlushCompress};

/// KiB by which an attack may make the server grow that needs no memory.
const FLAT_KIB: u64 = 16 * 1024;

/// What became of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Answered(u16),
    Closed,
}

impl Fate {
    fn of(result: io::Result<Response>) -> Self {
        match result {
            Ok(response) => Self::Answered(response.status),
            Err(error) if is_closed(&error) => Self::Closed,
            Err(error) => panic!("neither an answer nor the end: {error}"),
        }
    }

    fn is_refusal(&self) -> bool {
        matches!(self, Self::Closed | Self::Answered(400..=499))
    }
}

fn is_closed(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Sends bytes on a new connection; the answer may come before they are all sent.
fn fate(server: &Server, bytes: &[u8]) -> (Fate, String) {
    let mut connection = Connection::open(server.cwmp).expect("connects");
    let address = connection.local_address().expect("an address").to_string();
    match connection.send(bytes) {
        Err(error) if !is_closed(&error) => panic!("{error}"),
        _ => {}
    }
    (Fate::of(connection.receive()), address)
}

fn post(headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = "POST /acs HTTP/1.1\r\nHost: acs\r\n".to_owned();
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if !headers.iter().any(|header| header.starts_with("Transfer-Encoding")) {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

fn inform() -> String {
    Cpe::new(([127, 0, 0, 1], 1).into(), "hostile").inform("1 BOOT", &[("Device.A", "1")])
}

/// A server that gives up early, so that slowness can be tried.
fn impatient() -> Server {
    let limits = "[cwmp.limits]\nhead_timeout_seconds = 2\nbody_timeout_seconds = 2\n";
    Server::start_with(Options::with_config(limits))
}

/// The log says why, and who it was.
fn wait_for_reason(server: &Server, address: &str) {
    server.process.wait_for_log(&[&format!("peer={address}"), "reason="]);
}

#[track_caller]
fn assert_alive(server: &mut Server) {
    assert!(server.process.is_running(), "the server died");
    let cpe = Cpe::new(server.cwmp, "honest");
    cpe.hold("1 BOOT", &[("Device.DeviceInfo.SerialNumber", "honest")], agree).expect("a session");
    let value = server.nbi.value(&cpe.id(), "Device.DeviceInfo.SerialNumber");
    assert_eq!(value, Some("honest".into()));
}

#[track_caller]
fn assert_flat(server: &Server, before: u64, allowed: u64) {
    let peak = server.process.peak_kib();
    assert!(peak <= before + allowed, "memory grew from {before} KiB to {peak} KiB at its peak");
}

#[test]
fn hostile_garbage_is_refused_with_the_peer_in_the_log() {
    let mut server = impatient();
    let before = server.process.resident_kib();
    let hello: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n";
    let cases: [&[u8]; 8] = [
        b"\0\0\0\0\r\n\r\n",
        hello,
        b"EHLO example.org\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b">POST /acs HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"POST /acs HTTP/9.9\r\nHost: acs\r\n\r\n",
        b"POST /acs HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /acs HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    ];
    for bytes in cases {
        let (fate, address) = fate(&server, bytes);
        assert!(fate.is_refusal(), "{fate:?} for {:?}", String::from_utf8_lossy(bytes));
        wait_for_reason(&server, &address);
    }
    assert_flat(&server, before, FLAT_KIB);
    assert_alive(&mut server);
}

#[test]
fn hostile_requests_get_the_status_that_says_why() {
    let mut server = Server::start_with(Options::with_config("[cwmp]\npath = \"/acs\"\n"));
    let inform = inform();
    let inform = inform.as_bytes();
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let mut bad_utf8 = inform.to_vec();
    let place = bad_utf8.windows(7).position(|part| part == b"hostile").expect("the serial");
    bad_utf8[place] = 0xff;
    let not_soap = "<a><b/></a>".as_bytes();
    let cut_gzip: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    let cases: Vec<(Vec<u8>, &[u16])> = vec![
        (b"GET /acs HTTP/1.1\r\nHost: acs\r\n\r\n".to_vec(), &[405]),
        (b"PUT /acs HTTP/1.1\r\nHost: acs\r\nContent-Length: 0\r\n\r\n".to_vec(), &[405]),
        (b"POST /other HTTP/1.1\r\nHost: acs\r\nContent-Length: 1\r\n\r\nx".to_vec(), &[404]),
        (post(&["Content-Encoding: br"], inform), &[415]),
        (post(&["Content-Encoding: gzip"], inform), &[400]),
        (post(&["Content-Encoding: gzip"], cut_gzip), &[400]),
        (post(&["Content-Encoding: deflate"], b"\xff\xff\xff"), &[400]),
        (post(&["Transfer-Encoding: chunked"], b"zz\r\nabc\r\n0\r\n\r\n"), &[400]),
        (post(&[], b"{\"json\": true}"), &[400]),
        (post(&[], not_soap), &[400]),
        (post(&[], deep.as_bytes()), &[400]),
        (post(&[], &bad_utf8), &[400, 200]),
        (post(&[], &inform[..inform.len() - 1]), &[400]),
        (post(&[], &[inform, inform].concat()), &[400]),
    ];
    for (bytes, expected) in cases {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        let (fate, address) = fate(&server, &bytes);
        let Fate::Answered(status) = fate else { panic!("no answer to {text}") };
        assert!(expected.contains(&status), "{status} instead of {expected:?} for {text}");
        if status != 200 {
            wait_for_reason(&server, &address);
        }
    }
    let cpe = Cpe::new(server.cwmp, "hostile");
    assert!(server.process.is_running());
    cpe.hold("1 BOOT", &[], agree).expect("a session");
}

#[test]
fn hostile_methods_are_told_which_one_is_right() {
    let server = Server::start();
    let mut connection = Connection::open(server.cwmp).expect("connects");
    connection.request("DELETE /", &[], b"").expect("sent");
    let response = connection.receive().expect("an answer");
    assert_eq!((response.status, response.header("Allow")), (405, Some("POST")));
}

#[test]
fn hostile_100_megabytes_do_not_fill_the_memory() {
    let mut server = Server::start();
    let before = server.process.resident_kib();
    let announced = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {HUGE}\r\n\r\n");
    let (fate, address) = send_megabytes(&server, &announced, |piece| piece.to_vec());
    assert!(matches!(fate, Fate::Answered(413) | Fate::Closed), "{fate:?}");
    wait_for_reason(&server, &address);
    assert_flat(&server, before, FLAT_KIB);
    assert_alive(&mut server);
}

/// Without a length the server must find out by itself; what it holds until then is bounded by its
/// configuration, however often it is tried.
#[test]
fn hostile_100_megabytes_in_chunks_are_cut_off_at_the_limit() {
    let mut server = Server::start();
    let before = server.process.resident_kib();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk =
        |piece: &[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    for _ in 0..5 {
        let (fate, address) = send_megabytes(&server, head, chunk);
        assert!(matches!(fate, Fate::Answered(413) | Fate::Closed), "{fate:?}");
        wait_for_reason(&server, &address);
    }
    assert_flat(&server, before, 2 * FLAT_KIB);
    assert_alive(&mut server);
}

const HUGE: usize = 100 * 1024 * 1024;

/// Sends 100 MB after a head, until it is all sent or the server closes.
fn send_megabytes(server: &Server, head: &str, wrap: impl Fn(&[u8]) -> Vec<u8>) -> (Fate, String) {
    let mut connection = Connection::open(server.cwmp).expect("connects");
    let address = connection.local_address().expect("an address").to_string();
    connection.send(head.as_bytes()).expect("the head is sent");
    let piece = wrap(&[b' '; 64 * 1024]);
    for _ in 0..HUGE / (64 * 1024) {
        if connection.send(&piece).is_err() {
            break;
        }
    }
    (Fate::of(connection.receive()), address)
}

#[test]
fn hostile_billion_laughs_are_not_expanded() {
    let mut server = Server::start();
    let before = server.process.resident_kib();
    let mut entities = "<!ENTITY a0 \"ha\">".to_owned();
    for level in 1..10 {
        let inner = format!("&a{};", level - 1).repeat(10);
        entities.push_str(&format!("<!ENTITY a{level} \"{inner}\">"));
    }
    let inform = inform();
    let (_, rest) = inform.split_once("?>").expect("a declaration");
    let laughs = rest.replace("hostile", "&a9;");
    let body = format!("<?xml version=\"1.0\"?><!DOCTYPE x [{entities}]>{laughs}");
    for body in [body, laughs] {
        let (fate, address) = fate(&server, &post(&[], body.as_bytes()));
        assert_eq!(fate, Fate::Answered(400));
        wait_for_reason(&server, &address);
    }
    assert_flat(&server, before, FLAT_KIB);
    assert_alive(&mut server);
}

#[test]
fn hostile_bombs_are_not_inflated() {
    const LIMIT_KIB: u64 = 4 * 1024;
    let limits = format!("[cwmp.limits]\nbody_bytes = {}\n", LIMIT_KIB * 1024);
    let mut server = Server::start_with(Options::with_config(&limits));
    let before = server.process.resident_kib();
    let gzip_head: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let zlib_head: &[u8] = &[0x78, 0x9c];
    let bombs = [("gzip", gzip_head), ("deflate", zlib_head), ("deflate", &[])];
    for (coding, head) in bombs {
        let bomb = [head, &gibibyte_of_zeros()].concat();
        let header = format!("Content-Encoding: {coding}");
        let (fate, address) = fate(&server, &post(&[&header], &bomb));
        assert!(matches!(fate, Fate::Answered(400 | 413)), "{fate:?}");
        wait_for_reason(&server, &address);
    }
    assert_flat(&server, before, FLAT_KIB + 4 * LIMIT_KIB);
    assert_alive(&mut server);
}

/// Deflated: after a full flush a stream is at the start of a byte and remembers nothing, so that
/// its pieces can be repeated.
fn gibibyte_of_zeros() -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(64 * 1024);
    let zeros = vec![0; 1024 * 1024];
    compress.compress_vec(&zeros, &mut piece, FlushCompress::Full).expect("compressed");
    assert_eq!(compress.total_in(), 1024 * 1024);
    piece.repeat(1024)
}

#[test]
fn hostile_inform_cut_at_every_byte_is_refused() {
    const THREADS: usize = 4;
    let mut server = Server::start();
    let inform = inform();
    let (inform, before) = (inform.as_bytes(), server.process.resident_kib());
    thread::scope(|scope| {
        for first in 0..THREADS {
            let server = &server;
            scope.spawn(move || {
                for length in (1..inform.len()).skip(first).step_by(THREADS) {
                    let (fate, _) = fate(server, &post(&[], &inform[..length]));
                    assert_eq!(fate, Fate::Answered(400), "cut after {length} bytes");
                }
            });
        }
    });
    assert_eq!(server.nbi.find("devices", &serde_json::json!({})), [] as [serde_json::Value; 0]);
    assert_eq!(fate(&server, &post(&[], inform)).0, Fate::Answered(200), "the whole Inform");
    assert_flat(&server, before, FLAT_KIB);
    assert_alive(&mut server);
}

/// The connection breaks within the head or the body.
#[test]
fn hostile_connection_cut_at_every_byte_leaves_nothing_behind() {
    let mut server = Server::start();
    let inform = inform();
    let request = post(&["Content-Type: text/xml", "SOAPAction: "], inform.as_bytes());
    let before = server.process.resident_kib();
    for length in 0..request.len() {
        let mut stream = TcpStream::connect(server.cwmp).expect("connects");
        stream.write_all(&request[..length]).expect("sent");
    }
    assert_alive(&mut server);
    let devices = server.nbi.find("devices", &serde_json::json!({}));
    assert_eq!(devices.len(), 1, "only the honest device is known: {devices:?}");
    assert_flat(&server, before, 2 * FLAT_KIB);
}

#[test]
fn hostile_slowness_ends_at_a_deadline() {
    const CONNECTIONS: usize = 20;
    let mut server = impatient();
    let inform = inform();
    let slow_body = post(&[], inform.as_bytes());
    let head = slow_body.len() - inform.len();
    thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let at_once = if number % 2 == 0 { 5 } else { head + 5 };
            let (server, bytes) = (&server, &slow_body);
            scope.spawn(move || drip(server, bytes, at_once));
        }
        // They do not keep anybody else from being served.
        let start = Instant::now();
        Cpe::new(server.cwmp, "quick").hold("2 PERIODIC", &[], agree).expect("a session");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
    assert_alive(&mut server);
}

/// Sends so many bytes at once and then one a second, until the server has enough of it.
fn drip(server: &Server, bytes: &[u8], at_once: usize) {
    let mut stream = TcpStream::connect(server.cwmp).expect("connects");
    let address = stream.local_addr().expect("an address").to_string();
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("set");
    stream.write_all(&bytes[..at_once]).expect("sent");
    let start = Instant::now();
    let mut answer = Vec::new();
    for byte in &bytes[at_once..] {
        assert!(start.elapsed() < Duration::from_secs(20), "the server still listens");
        let mut piece = [0; 1024];
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(error) if is_closed(&error) => break,
            Err(_) => {}
        }
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
    }
    let status = String::from_utf8_lossy(&answer);
    let is_refusal = status.is_empty() || status.starts_with("HTTP/1.1 4");
    assert!(is_refusal, "{status}");
    wait_for_reason(server, &address);
}

#[test]
fn hostile_headers_are_limited() {
    let mut server = Server::start();
    let before = server.process.resident_kib();
    let long = format!("X-Long: {}", "x".repeat(2 * 1024 * 1024));
    let many: Vec<String> = (0..20_000).map(|number| format!("X-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let path = format!("POST /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1024 * 1024));
    let requests = [post(&[&long], b""), post(&many, b""), path.into_bytes()];
    for request in requests {
        let (fate, address) = fate(&server, &request);
        assert!(fate.is_refusal(), "{fate:?}");
        wait_for_reason(&server, &address);
    }
    assert_flat(&server, before, FLAT_KIB);
    assert_alive(&mut server);
}

/// A device may be cut off between two messages of its session, and come back.
#[test]
fn hostile_silence_within_a_session_is_no_harm() {
    let mut server = Server::start();
    let cpe = Cpe::new(server.cwmp, "silent");
    for _ in 0..50 {
        drop(cpe.start("1 BOOT", &[]).expect("an InformResponse"));
    }
    let task = serde_json::json!({ "name": "reboot" });
    let task = server.nbi.queue(&cpe.id(), &task);
    cpe.hold("1 BOOT", &[], agree).expect("a session");
    assert_eq!(server.nbi.task(&task), None, "done after all");
    let content = cpe::envelope("1", "<cwmp:Inform/>");
    let (fate, _) = fate(&server, &post(&[], content.as_bytes()));
    assert!(matches!(fate, Fate::Answered(200 | 400)), "{fate:?}: an Inform without content");
    assert_alive(&mut server);
}
