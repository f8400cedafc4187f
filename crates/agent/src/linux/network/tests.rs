use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use self::namespace::{INSIDE, run_in_namespace};
use super::*;
use crate::linux::NetworkMonitor;

#[path = "../../../tests/support/namespace.rs"]
mod namespace;

fn ip(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new("ip").args(arguments).output().expect("iproute2 is installed");
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn snapshot() -> NetworkSnapshot {
    run(async { NetworkReader::open().unwrap().snapshot().await.unwrap() })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The counters as `ip -s -j link` prints them, in the order of [`own_counters`].
fn listed_counters(link: &Value) -> [u64; 9] {
    let (tx, rx) = (&link["stats64"]["tx"], &link["stats64"]["rx"]);
    [
        &tx["bytes"],
        &rx["bytes"],
        &tx["packets"],
        &rx["packets"],
        &tx["errors"],
        &rx["errors"],
        &tx["dropped"],
        &rx["dropped"],
        &rx["multicast"],
    ]
    .map(|value| value.as_u64().unwrap())
}

fn own_counters(stats: &InterfaceStats) -> [u64; 9] {
    [
        stats.bytes_sent,
        stats.bytes_received,
        stats.packets_sent,
        stats.packets_received,
        stats.errors_sent,
        stats.errors_received,
        stats.discards_sent,
        stats.discards_received,
        stats.multicast_received,
    ]
}

#[test]
fn interfaces_agree_with_iproute() {
    let before = ip(&["-s", "-j", "link"]);
    let own = snapshot().interfaces;
    let after = ip(&["-s", "-j", "link"]);
    assert_eq!(own.len(), before.len());
    for ((own, before), after) in own.iter().zip(&before).zip(&after) {
        assert_eq!(own.name, text(before, "ifname"));
        assert_eq!(u64::from(own.index), before["ifindex"].as_u64().unwrap());
        assert_eq!(u64::from(own.mtu), before["mtu"].as_u64().unwrap());
        assert_eq!(own.mac.to_lowercase(), text(before, "address"));
        let flags = before["flags"].as_array().unwrap();
        assert_eq!(own.enabled, flags.iter().any(|flag| flag == "UP"));
        assert_eq!(own.state == LinkState::Up, text(before, "operstate") == "UP");
        assert_eq!(own.kind == InterfaceKind::Loopback, text(before, "link_type") == "loopback");
        let counters = own_counters(&own.stats);
        let between = listed_counters(before).into_iter().zip(listed_counters(after));
        for (counter, (low, high)) in counters.into_iter().zip(between) {
            assert!((low..=high).contains(&counter), "{}: {low} {counter} {high}", own.name);
        }
    }
}

#[test]
fn addresses_agree_with_iproute() {
    let listed = ip(&["-j", "addr"]);
    let own = snapshot();
    for link in &listed {
        let index = u32::try_from(link["ifindex"].as_u64().unwrap()).unwrap();
        let mut expected: Vec<_> = link["addr_info"]
            .as_array()
            .unwrap()
            .iter()
            .map(|info| {
                let prefix = info["prefixlen"].as_u64().unwrap();
                (text(info, "local").to_owned(), prefix, text(info, "scope").to_owned())
            })
            .collect();
        let mut found: Vec<_> = own
            .addresses_of(index)
            .map(|address| {
                let scope = format!("{:?}", address.scope).to_lowercase();
                (address.address.to_string(), u64::from(address.prefix), scope)
            })
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{}", text(link, "ifname"));
    }
}

#[test]
fn default_routes_agree_with_iproute() {
    let own = snapshot();
    for (family, is_ipv6) in [("-4", false), ("-6", true)] {
        let mut expected: Vec<_> = ip(&[family, "-j", "route", "show", "default"])
            .iter()
            .map(|route| (text(route, "dev").to_owned(), text(route, "gateway").to_owned()))
            .collect();
        let name = |index| {
            own.interfaces.iter().find(|interface| interface.index == index).unwrap().name.clone()
        };
        let mut found: Vec<_> = own
            .default_routes
            .iter()
            .filter(|route| route.is_ipv6 == is_ipv6)
            .map(|route| {
                let gateway = route.gateway.map(|gateway| gateway.to_string());
                (name(route.interface), gateway.unwrap_or_default())
            })
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }
}

#[test]
fn origins_follow_flags_and_protocol() {
    let v4: IpAddr = "192.0.2.7".parse().unwrap();
    let v6: IpAddr = "2001:db8::7".parse().unwrap();
    let permanent = AddressFlags::Permanent;
    let none = AddressFlags::empty();
    let advertised = Some(AddressProtocol::RouterAnnouncement);
    assert_eq!(address_origin(v4, permanent, None), AddressOrigin::Static);
    assert_eq!(address_origin(v4, none, None), AddressOrigin::Dhcp);
    assert_eq!(address_origin(v6, none, None), AddressOrigin::Dhcp);
    assert_eq!(address_origin(v6, none, advertised), AddressOrigin::AutoConfigured);
    let local = "fe80::1".parse().unwrap();
    assert_eq!(address_origin(local, permanent, None), AddressOrigin::LinkLocal);
    let loopback = "127.0.0.1".parse().unwrap();
    assert_eq!(address_origin(loopback, permanent, None), AddressOrigin::WellKnown);
}

fn configure(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {arguments:?}");
}

#[test]
fn changes_are_reported_and_read() {
    if std::env::var_os(INSIDE).is_none() {
        run_in_namespace("linux::network::tests::changes_are_reported_and_read");
        return;
    }
    run(async {
        let monitor = NetworkMonitor::open().unwrap();
        let reader = NetworkReader::open().unwrap();
        configure(&["link", "add", "port0", "type", "veth", "peer", "name", "port1"]);
        configure(&["link", "set", "port0", "up"]);
        let interfaces = until(&monitor, &reader, |now| now.interfaces.len() == 3).await;
        let port = interfaces.interfaces.iter().find(|port| port.name == "port0").unwrap();
        assert_eq!(port.kind, InterfaceKind::Ethernet);

        configure(&["addr", "add", "192.0.2.55/24", "dev", "port0"]);
        let added = until(&monitor, &reader, |now| has_address(now, "192.0.2.55")).await;
        let address = added.addresses.iter().find(|address| address.address.is_ipv4()).unwrap();
        assert_eq!((address.prefix, address.origin), (24, AddressOrigin::Static));
        assert_eq!(address.interface, port.index);

        let lease = ["addr", "change", "192.0.2.55/24", "dev", "port0"];
        configure(&[&lease[..], &["valid_lft", "600", "preferred_lft", "500"]].concat());
        let timed = |now: &NetworkSnapshot| {
            now.addresses.iter().any(|address| address.origin == AddressOrigin::Dhcp)
        };
        let leased = until(&monitor, &reader, timed).await;
        let lease = leased.addresses.iter().find(|address| address.address.is_ipv4()).unwrap();
        assert!(lease.valid_seconds.is_some_and(|seconds| seconds > 590 && seconds <= 600));

        configure(&["addr", "del", "192.0.2.55/24", "dev", "port0"]);
        until(&monitor, &reader, |now| !has_address(now, "192.0.2.55")).await;
    });
}

fn has_address(snapshot: &NetworkSnapshot, wanted: &str) -> bool {
    snapshot.addresses.iter().any(|address| address.address.to_string() == wanted)
}

/// Reads again after each report, until the network is as wanted.
async fn until(
    monitor: &NetworkMonitor,
    reader: &NetworkReader,
    wanted: impl Fn(&NetworkSnapshot) -> bool,
) -> NetworkSnapshot {
    let patience = Duration::from_secs(20);
    let found = tokio::time::timeout(patience, async {
        loop {
            monitor.changed().await;
            let snapshot = reader.snapshot().await.unwrap();
            if wanted(&snapshot) {
                return snapshot;
            }
        }
    });
    found.await.expect("the kernel reports the change")
}
