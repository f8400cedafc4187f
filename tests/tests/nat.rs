//! A device behind a NAT: nftables masquerades between network namespaces, and the device is
//! reached by UDP through the server's own STUN server (`STUN-11` to `STUN-14`).

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;

use drover_tests::cpe::{Cpe, agree};
use drover_tests::namespace::{self, Namespace, do_here};
use drover_tests::process::run;
use drover_tests::server::{Options, Server};
use drover_tests::{programs, wait};

/// A Binding Request from the port on which connection requests are heard (`STUN-04`).
fn binding_request() -> Vec<u8> {
    let mut datagram = vec![0, 1, 0, 24];
    datagram.extend(b"0123456789abcdef");
    datagram.extend([0xC0, 0x01, 0, 20]);
    datagram.extend(b"dslforum.org/TR-111 ");
    datagram
}

/// The mapped address of a Binding Response, read by hand.
fn mapped(response: &[u8]) -> SocketAddr {
    assert_eq!((&response[..2], &response[4..20]), (&[1, 1][..], &b"0123456789abcdef"[..]));
    assert_eq!(&response[20..26], [0, 1, 0, 8, 0, 1], "MAPPED-ADDRESS of IPv4");
    let port = u16::from_be_bytes([response[26], response[27]]);
    let ip: [u8; 4] = response[28..32].try_into().expect("four bytes");
    SocketAddr::from((ip, port))
}

/// A value of the query of a connection request.
fn query<'a>(request: &'a str, name: &str) -> &'a str {
    let query = request.split(['?', ' ']).nth(2).expect("a query");
    let pair = query.split('&').find_map(|pair| pair.split_once('=').filter(|it| it.0 == name));
    pair.unwrap_or_else(|| panic!("no {name} in {request}")).1
}

/// HMAC-SHA1 as OpenSSL has it.
fn hmac(key: &str, text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text");
    std::fs::write(&file, text).expect("written");
    let mut command = Command::new("openssl");
    let ended = run(command.args(["dgst", "-sha1", "-hmac", key]).arg(&file), wait::PATIENCE);
    ended.stdout.trim().rsplit(' ').next().expect("a digest").to_ascii_uppercase()
}

#[test]
fn a_device_behind_a_nat_is_reached_by_udp() {
    let are_there = programs::have("ip", "apt-get install iproute2")
        && programs::have("nft", "apt-get install nftables")
        && programs::have("curl", "apt-get install curl")
        && programs::have("openssl", "apt-get install openssl")
        && programs::have("turnutils_stunclient", "apt-get install coturn");
    if !are_there || !namespace::inside("a_device_behind_a_nat_is_reached_by_udp") {
        return;
    }
    // This process is the device; there is a router, and a server on its other side.
    let (router, provider) = (Namespace::start(), Namespace::start());
    do_here("ip link set lo up");
    do_here("ip link add cpe0 type veth peer name lan0");
    do_here(&format!("ip link set lan0 netns {}", router.id()));
    do_here("ip link add wan0 type veth peer name acs0");
    do_here(&format!("ip link set wan0 netns {}", router.id()));
    do_here(&format!("ip link set acs0 netns {}", provider.id()));
    do_here("ip addr add 192.168.1.10/24 dev cpe0");
    do_here("ip link set cpe0 up");
    router.run("ip addr add 192.168.1.1/24 dev lan0");
    router.run("ip link set lan0 up");
    router.run("ip addr add 203.0.113.2/24 dev wan0");
    router.run("ip link set wan0 up");
    router.run("sysctl -q -w net.ipv4.ip_forward=1");
    router.run("nft add table ip nat");
    router.run("nft add chain ip nat out { type nat hook postrouting priority 100 ; }");
    router.run("nft add rule ip nat out oifname wan0 masquerade");
    provider.run("ip link set lo up");
    provider.run("ip addr add 203.0.113.1/24 dev acs0");
    provider.run("ip link set acs0 up");
    do_here("ip route add default via 192.168.1.1");

    let config = "[stun]\nlisten = \"203.0.113.1:0\"\n\
                  [connection_request]\nusername = \"acs\"\npassword = \"sesame\"\n";
    let mut wrapper = provider.wrapper();
    wrapper.extend(["env".into(), "DROVER_CWMP__LISTEN=[\"203.0.113.1:0\"]".into()]);
    // The variable that the test sets stands for all; this one comes after it.
    let server = Server::start_with(Options { wrapper, ..Options::with_config(config) });
    let stun = server.stun.expect("a STUN server");

    let socket = UdpSocket::bind("192.168.1.10:0").expect("a socket");
    socket.set_read_timeout(Some(wait::PATIENCE)).expect("a timeout");
    let mut buffer = [0; 1500];
    socket.send_to(&binding_request(), stun).expect("sent");
    let (length, from) = socket.recv_from(&mut buffer).expect("an answer");
    let seen = mapped(&buffer[..length]);
    assert_eq!((from, seen.ip().to_string().as_str()), (stun, "203.0.113.2"));

    // Somebody else's client sees itself in the same place.
    let mut client = Command::new("turnutils_stunclient");
    client.args(["-p", &stun.port().to_string(), &stun.ip().to_string()]);
    let ended = run(&mut client, wait::PATIENCE);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("reflexive addr: 203.0.113.2:"), "{told}");

    let cpe = Cpe::new(server.cwmp, "NAT1");
    let address = seen.to_string();
    let known = [
        ("Device.ManagementServer.UDPConnectionRequestAddress", address.as_str()),
        ("Device.ManagementServer.NATDetected", "1"),
        ("Device.ManagementServer.ConnectionRequestURL", "http://192.168.1.10:7547/cr"),
    ];
    cpe.hold("0 BOOTSTRAP", &known, agree).expect("a session");

    let target = format!(
        "http://{}/devices/{}/tasks?timeout=20000&connection_request",
        server.nbi.address,
        cpe.id()
    );
    let task = r#"{"name": "reboot"}"#;
    let mut client = provider.command("curl");
    client.args(["-sS", "-w", " %{http_code}", "-d", task, &target]);
    let client = thread::spawn(move || run(&mut client, wait::PATIENCE));
    let (length, from) = socket.recv_from(&mut buffer).expect("a connection request");
    assert_eq!(from, stun, "STUN-11: from the address of the STUN server");
    let first = buffer[..length].to_vec();
    let request = std::str::from_utf8(&first).expect("text");
    assert!(request.starts_with(&format!("GET http://{address}?ts=")), "{request}");
    assert!(request.ends_with(" HTTP/1.1\r\n\r\n"), "{request}");
    let [ts, id, un, cn, sig] = ["ts", "id", "un", "cn", "sig"].map(|name| query(request, name));
    assert_eq!((un, sig), ("acs", hmac("sesame", &format!("{ts}{id}{un}{cn}")).as_str()));
    for _ in 0..2 {
        let (length, _) = socket.recv_from(&mut buffer).expect("a copy");
        assert_eq!(&buffer[..length], first, "STUN-13");
    }
    cpe.hold("6 CONNECTION REQUEST", &known, agree).expect("a session");
    let done = client.join().expect("the client");
    assert!(done.stdout.ends_with(" 200"), "{done:?}");
}
