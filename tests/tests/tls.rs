//! TLS as devices speak it: OpenSSL and curl against the server.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use drover_tests::programs;
use drover_tests::server::{Options, Server};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(30);

/// A server with two certificates: the first for anybody, the other for `files.example`.
struct Secure {
    server: Server,
    folder: TempDir,
}

fn start() -> Option<Secure> {
    let are_there = programs::have("openssl", "apt-get install openssl")
        && programs::have("curl", "apt-get install curl");
    if !are_there {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    certificate(folder.path(), "acs", "acs.example");
    certificate(folder.path(), "other", "files.example");
    let config = format!(
        "[cwmp]\nlisten_tls = [\"127.0.0.1:0\"]\n[files]\nlisten_tls = \"127.0.0.1:0\"\n\
         [[tls.certificates]]\nchain = {:?}\nkey = {:?}\n\
         [[tls.certificates]]\nchain = {:?}\nkey = {:?}\nnames = [\"files.example\"]\n",
        path("acs.pem"),
        path("acs.key"),
        path("other.pem"),
        path("other.key"),
    );
    Some(Secure { server: Server::start_with(Options::with_config(&config)), folder })
}

/// Makes a certificate that signs itself, and its key.
fn certificate(folder: &Path, file: &str, name: &str) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-keyout", "new.key", "-out", "new.pem"])
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // As a program does that renews certificates: the key, then the certificate.
    for end in ["key", "pem"] {
        let (from, to) = (format!("new.{end}"), format!("{file}.{end}"));
        fs::rename(folder.join(from), folder.join(to)).expect("renamed");
    }
}

/// What the server shows to somebody who asks for this name.
fn handshake(address: SocketAddr, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string()])
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn curl(secure: &Secure, arguments: &[&str]) -> Output {
    Command::new("curl")
        .current_dir(secure.folder.path())
        .args(["-sS", "--max-time", "20"])
        .args(arguments)
        .output()
        .expect("curl runs")
}

#[test]
fn tls_12_and_13_are_spoken_and_nothing_older() {
    let Some(secure) = start() else { return };
    let address = secure.server.cwmp_tls.expect("a listener");
    for (version, shown) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let told = handshake(address, &[version]);
        assert!(told.contains(&format!("New, {shown}, Cipher is ")), "{version}: {told}");
    }
    for refused in [&["-tls1_1"][..], &["-tls1_2", "-cipher", "AES128-SHA"]] {
        let told = handshake(address, refused);
        assert!(told.contains("Cipher is (NONE)"), "{refused:?}: {told}");
    }
    // Somebody who speaks no TLS, or stops in the middle, harms nobody.
    let plain = curl(&secure, &[&format!("http://{address}/")]);
    assert!(!plain.status.success());
    assert!(handshake(address, &["-tls1_3"]).contains("TLSv1.3"));
}

#[test]
fn a_device_is_served_by_the_certificate_of_the_name() {
    let Some(secure) = start() else { return };
    let address = secure.server.cwmp_tls.expect("a listener");
    for (name, subject) in [
        (&["-servername", "acs.example"][..], "CN = acs.example"),
        (&["-servername", "files.example"], "CN = files.example"),
        (&["-servername", "unknown.example"], "CN = acs.example"),
        (&["-noservername"], "CN = acs.example"),
    ] {
        let told = handshake(address, name);
        assert!(told.contains(&format!("subject={subject}")), "{name:?}: {told}");
    }
    let port = address.port();
    let resolve = format!("acs.example:{port}:127.0.0.1");
    let url = format!("https://acs.example:{port}/");
    let post = ["--resolve", &resolve, "-o", "/dev/null", "-w", "%{http_code}", "-d", "", &url];
    let trusted = curl(&secure, &[&["--cacert", "acs.pem"][..], &post].concat());
    assert_eq!(String::from_utf8_lossy(&trusted.stdout), "204", "{trusted:?}");
    let distrusted = curl(&secure, &[&["--cacert", "other.pem"][..], &post].concat());
    assert_eq!(distrusted.status.code(), Some(60), "{distrusted:?}");
}

#[test]
fn a_device_that_came_by_tls_is_sent_on_by_tls() {
    let Some(secure) = start() else { return };
    let (cwmp, files) = (secure.server.cwmp_tls.unwrap(), secure.server.files_tls.unwrap());
    let put = secure.server.nbi.send("PUT /files/image.bin", "the image");
    assert_eq!(put.status, 201);
    let cpe = drover_tests::cpe::Cpe::new(cwmp, "TLS1");
    let (port, inform) = (cwmp.port(), cpe.inform("1 BOOT", &[]));
    fs::write(secure.folder.path().join("inform.xml"), inform).expect("written");
    let resolve = format!("acs.example:{port}:127.0.0.1");
    let url = format!("https://acs.example:{port}/");
    let base = ["--cacert", "acs.pem", "--resolve", &resolve, "-c", "jar", "-b", "jar", "-i"];
    let post = |body: &str| {
        let output = curl(&secure, &[&base[..], &["--data-binary", body, &url]].concat());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let opened = post("@inform.xml");
    assert!(opened.contains("InformResponse") && opened.contains("; Secure"), "{opened}");
    let task = serde_json::json!({"name": "download", "fileType": "1 Firmware Upgrade Image",
        "fileName": "image.bin"});
    assert!(post("").contains("204"));
    secure.server.nbi.queue(&cpe.id(), &task);
    assert!(post("@inform.xml").contains("InformResponse"));
    let asked = post("");
    let url = asked.split("<URL>").nth(1).and_then(|rest| rest.split("</URL>").next());
    let url = url.unwrap_or_else(|| panic!("no Download: {asked}"));
    let expected = format!("https://acs.example:{}/get/", files.port());
    assert!(url.starts_with(&expected), "{url}");
    let resolve = format!("acs.example:{}:127.0.0.1", files.port());
    let loaded = curl(&secure, &["--cacert", "acs.pem", "--resolve", &resolve, url]);
    assert_eq!(String::from_utf8_lossy(&loaded.stdout), "the image", "{loaded:?}");
}

#[test]
fn certificates_are_renewed_without_a_restart() {
    let Some(secure) = start() else { return };
    let address = secure.server.cwmp_tls.expect("a listener");
    let shown = || {
        let told = handshake(address, &["-servername", "acs.example"]);
        let start = told.find("-----BEGIN CERTIFICATE-----").expect("a certificate");
        told[start..].split("-----END").next().expect("its end").to_owned()
    };
    let before = shown();
    // Half of a renewal cannot be used; the old certificate stays.
    fs::write(secure.folder.path().join("acs.pem"), "no certificate").expect("written");
    secure.server.process.wait_for_log(&["new certificates cannot be used; the old ones stay"]);
    assert_eq!(shown(), before);
    certificate(secure.folder.path(), "acs", "acs.example");
    let start = Instant::now();
    while shown() == before {
        assert!(start.elapsed() < LIMIT, "the new certificate is not shown");
    }
    assert!(!secure.server.process.log().contains("PRIVATE KEY"));
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    if !programs::have("openssl", "apt-get install openssl") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    certificate(folder.path(), "a", "a.example");
    certificate(folder.path(), "b", "b.example");
    let file = |name: &str| folder.path().join(name).display().to_string();
    for (chain, key, names, says) in [
        ("missing.pem", "a.key", "", "missing.pem: No such file"),
        ("a.key", "a.key", "", "a.key: holds no certificate in PEM"),
        ("a.pem", "a.pem", "", "a.pem: holds no private key"),
        ("a.pem", "b.key", "", "b.key: does not go with"),
        ("a.pem", "a.key", "\"c.example\"", "a.pem: it is not for the name \"c.example\""),
    ] {
        let config = format!(
            "[[tls.certificates]]\nchain = {:?}\nkey = {:?}\nnames = [{names}]\n",
            file(chain),
            file(key)
        );
        let path = file("drover.toml");
        fs::write(&path, config).expect("written");
        let output = Command::new(programs::ours("drover"))
            .args(["serve", "--check-config", "--config", &path])
            .output()
            .expect("drover runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(says), "{says}: {told}");
    }
}
