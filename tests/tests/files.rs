//! Files outlive the server that took them, however it ends.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drover_tests::cpe::{Cpe, fault};
use drover_tests::programs;
use drover_tests::server::{Options, Server};
use serde_json::json;

/// The path of the URL with which a device is asked to load a file.
fn path_of(server: &Server, serial: &str, file: &str) -> String {
    let cpe = Cpe::new(server.cwmp, serial);
    cpe.hold("0 BOOTSTRAP", &[], |_| fault(9001)).expect("a session");
    let task = json!({"name": "download", "fileType": "1 Firmware Upgrade Image",
        "fileName": file});
    server.nbi.queue(&cpe.id(), &task);
    let mut session = cpe.start("2 PERIODIC", &[]).expect("a session");
    let request = session.post("").expect("an answer").text();
    let url = request.split("<URL>").nth(1).and_then(|rest| rest.split("</URL>").next());
    let url = url.unwrap_or_else(|| panic!("no Download: {request}"));
    let (_, rest) = url.split_once("://").expect("a scheme");
    rest[rest.find('/').expect("a path")..].to_owned()
}

#[test]
fn a_file_that_was_taken_survives_a_kill() {
    if !programs::have("curl", "apt-get install curl") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let options = || Options { data: Some(folder.path().join("data")), ..Options::default() };
    let mut server = Server::start_with(options());
    let image = "an image ".repeat(100_000);
    assert_eq!(server.nbi.send("PUT /files/image.bin", &image).status, 201);
    let path = path_of(&server, "FILES1", "image.bin");
    // Another is on its way when the server dies.
    let target = format!("http://{}/files/late.bin", server.nbi.address);
    let mut upload = Command::new("curl")
        .args(["-sS", "-X", "PUT", "-T", "-", &target])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("curl runs");
    let pipe = upload.stdin.as_mut().expect("a pipe");
    pipe.write_all(&[b'x'; 100_000]).expect("written");
    let incoming = folder.path().join("data/files/incoming");
    let count = || std::fs::read_dir(&incoming).expect("a folder").count();
    let start = Instant::now();
    while count() == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing comes of the upload");
        std::thread::yield_now();
    }
    server.process.kill();
    drop(upload.stdin.take());
    assert!(!upload.wait().expect("an end").success());
    assert_eq!(count(), 1, "what had come of it is there");
    let server = Server::start_with(options());
    assert_eq!(count(), 0, "and is cleared away");
    let files = server.nbi.find("files", &json!({}));
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0]["length"], image.len());
    // The URL that the device was given is still good, though the server is another process.
    let url = format!("http://{}{path}", server.files.expect("files are served"));
    let loaded = Command::new("curl").args(["-sS", &url]).output().expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&loaded.stdout), image, "{loaded:?}");
}
