//! Devices that a proxy lets in: HAProxy speaks TLS with those that know only old suites, and tells
//! who they are.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use drover_tests::cpe::{Cpe, OUI, PRODUCT_CLASS};
use drover_tests::nbi::device_id;
use drover_tests::process::Process;
use drover_tests::programs;
use drover_tests::server::{Options, Server};
use drover_tests::wait;
use tempfile::TempDir;

/// HAProxy in front of a server, at an address that no other test has.
struct Front {
    server: Server,
    front: SocketAddr,
    folder: TempDir,
    _haproxy: Process,
}

/// Makes an authority, the proxy's certificate with an RSA key, and that of a device.
fn certificates(folder: &Path) {
    let openssl = |arguments: &[&str]| {
        let made = Command::new("openssl").current_dir(folder).args(arguments).output();
        let made = made.expect("openssl runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    let rsa = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
    let root = ["req", "-x509", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(&[&root[..], &rsa].concat());
    let device = device_id(OUI, PRODUCT_CLASS, "PROXY1");
    for (file, name) in [("front", "acs.example"), ("device", device.as_str())] {
        let (key, pem) = (format!("{file}.key"), format!("{file}.pem"));
        let subject = format!("/CN={name}");
        let signed = ["req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", &subject];
        let names = format!("subjectAltName=DNS:{name}");
        let files = ["-addext", &names, "-keyout", &key, "-out", &pem];
        openssl(&[&signed[..], &files, &rsa].concat());
    }
    let read = |name: &str| fs::read(folder.join(name)).expect("a file");
    let both = [read("front.pem"), read("front.key")].concat();
    fs::write(folder.join("both.pem"), both).expect("written");
}

/// `server` is what HAProxy is told of its server, and `proxy` what the server is told of it.
fn start(server_line: &str, proxy: &str) -> Option<Front> {
    let are_there = programs::have("haproxy", "apt-get install haproxy")
        && programs::have("openssl", "apt-get install openssl")
        && programs::have("curl", "apt-get install curl");
    if !are_there {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let config =
        format!("[cwmp.auth]\nmode = \"digest\"\n[proxy]\ntrusted = [\"127.0.0.1\"]\n{proxy}\n");
    let server = Server::start_with(Options::with_config(&config));
    let [.., high, low] = std::process::id().to_be_bytes();
    let front = SocketAddr::from(([127, 77, high, low], 8443));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = format!(
        "global\n  ssl-default-bind-options ssl-min-ver TLSv1.0\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  \
         timeout server 30s\n\
         frontend devices\n  bind {front} ssl crt {} ca-file {} verify optional \
         ciphers AES128-SHA:@SECLEVEL=0\n  option forwardfor\n  \
         http-request set-header X-Forwarded-Proto https\n  default_backend drover\n\
         backend drover\n  server drover {} {server_line}\n",
        path("both.pem"),
        path("ca.pem"),
        server.cwmp,
    );
    fs::write(folder.path().join("haproxy.cfg"), text).expect("written");
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", &path("haproxy.cfg")]);
    let haproxy = Process::start("haproxy", &mut command);
    wait::until("HAProxy listens", || std::net::TcpStream::connect(front).ok());
    Some(Front { server, front, folder, _haproxy: haproxy })
}

impl Front {
    /// Posts as a device that comes from this address, and returns status, headers and body.
    fn post(&self, from: &str, body: &str, arguments: &[&str]) -> String {
        fs::write(self.folder.path().join("body"), body).expect("written");
        let resolve = format!("acs.example:8443:{}", self.front.ip());
        let output: Output = Command::new("curl")
            .current_dir(self.folder.path())
            .args(["-sS", "-i", "--max-time", "20", "--cacert", "ca.pem", "--interface", from])
            .args(["--tls-max", "1.2", "--ciphers", "AES128-SHA", "--resolve", &resolve])
            .args(["-b", "jar", "-c", "jar", "--data-binary", "@body"])
            .args(arguments)
            .arg("https://acs.example:8443/")
            .output()
            .expect("curl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

const CERTIFICATE: [&str; 4] = ["--cert", "device.pem", "--key", "device.key"];

#[test]
fn an_old_suite_is_spoken_by_the_proxy_and_the_device_is_known() {
    let Some(front) = start("send-proxy-v2-ssl-cn", "protocol = true") else { return };
    let shown = Command::new("openssl")
        .args(["s_client", "-connect", &front.front.to_string(), "-tls1_2"])
        .args(["-cipher", "AES128-SHA:@SECLEVEL=0"])
        .stdin(Stdio::null())
        .output()
        .expect("openssl runs");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("Cipher is AES128-SHA"), "{shown}");

    let cpe = Cpe::new(front.server.cwmp, "PROXY1");
    let inform = cpe.inform("1 BOOT", &[]);
    let asked = front.post("127.0.0.21", &inform, &[]);
    assert!(asked.starts_with("HTTP/1.1 401"), "{asked}");
    let stranger = cpe.inform("1 BOOT", &[]).replace("PROXY1", "PROXY2");
    let refused = front.post("127.0.0.22", &stranger, &CERTIFICATE);
    assert!(refused.contains("8001"), "AUTH-08: {refused}");
    let opened = front.post("127.0.0.23", &inform, &CERTIFICATE);
    assert!(opened.contains("InformResponse") && opened.contains("; Secure"), "{opened}");
    assert!(front.post("127.0.0.23", "", &CERTIFICATE).contains("204"));
    // The log names the device and not the proxy.
    front.server.process.wait_for_log(&["peer=127.0.0.22:"]);

    // Who is no proxy is not believed, and a proxy has to say who is there.
    let direct = |from: &str, header: &str| {
        let url = format!("http://{}/", front.server.cwmp);
        let curl = Command::new("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--interface", from])
            .args(["-H", header, "-d", "", &url])
            .output()
            .expect("curl runs");
        String::from_utf8_lossy(&curl.stdout).into_owned()
    };
    assert_eq!(direct("127.0.0.9", "X-Forwarded-For: 192.0.2.1"), "401");
    assert_eq!(direct("127.0.0.1", "X-Forwarded-For: 192.0.2.1"), "000");
    front.server.process.wait_for_log(&["a proxy must begin with the PROXY protocol"]);
}

#[test]
fn headers_of_the_proxy_tell_who_sends_a_request() {
    let Some(front) = start("", "headers = true") else { return };
    let cpe = Cpe::new(front.server.cwmp, "PROXY1");
    let put = format!("PUT /devices/{}/credentials", cpe.id());
    let known = front.server.nbi.send(&put, r#"{"username": "u", "password": "p"}"#);
    assert_eq!(known.status, 200);
    let login = ["--digest", "-u", "u:p"];
    let opened = front.post("127.0.0.31", &cpe.inform("1 BOOT", &[]), &login);
    assert!(opened.contains("InformResponse") && opened.contains("; Secure"), "{opened}");
    assert!(
        front.post("127.0.0.31", "", &[]).contains("204"),
        "the session is found by its cookie"
    );
    let get = format!("GET /devices/{}/credentials", cpe.id());
    let known = front.server.nbi.send(&get, "");
    assert!(known.text().contains("127.0.0.31"), "{}", known.text());
    let wrong = front.post("127.0.0.32", &cpe.inform("1 BOOT", &[]), &["--digest", "-u", "u:x"]);
    assert!(wrong.contains("401"), "{wrong}");
    front.server.process.wait_for_log(&["peer=127.0.0.32:"]);
}
