use std::collections::{BTreeMap, BTreeSet};

use drover_datamodel::check::Direction;

use super::*;
use crate::config::DeviceConfig;
use crate::linux::{AddressScope, DefaultRoute, InterfaceStats};
use crate::tree::accessors::{PARAMETERS, ROOT_DATA_MODEL_VERSION, TABLES};
use crate::tree::{Facts, HostTree};

fn interface(index: u32, name: &str, kind: InterfaceKind) -> Interface {
    Interface {
        index,
        name: name.to_owned(),
        kind,
        mac: "02:00:00:00:00:01".to_owned(),
        enabled: true,
        state: LinkState::Up,
        mtu: 1500,
        speed_mbps: Some(1000),
        duplex: Some(Duplex::Full),
        stats: InterfaceStats { errors_sent: (1 << 32) + 7, ..Default::default() },
    }
}

fn address(interface: u32, address: &str, prefix: u8) -> Address {
    Address {
        interface,
        address: address.parse().unwrap(),
        prefix,
        scope: AddressScope::Global,
        origin: AddressOrigin::Static,
        state: AddressState::Preferred,
        secondary: false,
        preferred_seconds: None,
        valid_seconds: Some(90),
    }
}

fn example() -> NetworkSnapshot {
    let virtual_kind = InterfaceKind::Virtual("bridge".to_owned());
    NetworkSnapshot {
        interfaces: vec![
            interface(1, "lo", InterfaceKind::Loopback),
            interface(2, "eth0", InterfaceKind::Ethernet),
            interface(3, "eth1", InterfaceKind::Ethernet),
            interface(4, "br0", virtual_kind.clone()),
            interface(5, "idle", virtual_kind),
        ],
        addresses: vec![
            address(1, "127.0.0.1", 8),
            address(2, "192.0.2.7", 24),
            address(2, "2001:db8::7", 64),
            address(4, "10.0.0.1", 30),
        ],
        default_routes: vec![DefaultRoute {
            interface: 2,
            is_ipv6: false,
            gateway: None,
            metric: 0,
        }],
    }
}

fn read(snapshot: &NetworkSnapshot, instances: &mut Instances) -> BTreeMap<String, String> {
    let mut reading = Reading::default();
    network(&mut reading, snapshot, instances, Timestamp::UNIX_EPOCH);
    reading.values.into_iter().collect()
}

#[test]
fn ports_and_layers_are_linked() {
    let values = read(&example(), &mut Instances::default());
    let value = |path: &str| values.get(path).map(String::as_str);
    assert_eq!(value("Device.Ethernet.Interface.1.Name"), Some("eth0"));
    assert_eq!(value("Device.Ethernet.Interface.1.Upstream"), Some("true"));
    assert_eq!(value("Device.Ethernet.Interface.2.Upstream"), Some("false"));
    assert_eq!(value("Device.Ethernet.Interface.3.Name"), None);
    assert_eq!(value("Device.IP.Interface.1.Type"), Some("Loopback"));
    assert_eq!(value("Device.IP.Interface.2.LowerLayers"), Some("Device.Ethernet.Interface.1"));
    assert_eq!(value("Device.IP.Interface.4.Name"), Some("br0"));
    assert_eq!(value("Device.IP.Interface.4.LowerLayers"), Some(""));
    assert_eq!(value("Device.IP.Interface.5.Name"), None, "neither a port nor addressed");
    assert_eq!(value("Device.IP.Interface.2.IPv4Address.1.SubnetMask"), Some("255.255.255.0"));
    let valid = value("Device.IP.Interface.2.IPv6Address.1.ValidLifetime");
    assert_eq!(valid, Some("1970-01-01T00:02:00Z"));
    let errors = value("Device.IP.Interface.2.Stats.ErrorsSent");
    assert_eq!(errors, Some("7"), "a 32-bit counter wraps");
}

#[test]
fn rows_come_before_the_rows_inside_them() {
    let mut reading = Reading::default();
    network(&mut reading, &example(), &mut Instances::default(), Timestamp::UNIX_EPOCH);
    let mut seen = BTreeSet::new();
    for (table, numbers) in &reading.rows {
        if table.matches('.').count() > 3 {
            let parent = table.trim_end_matches('.').rsplit_once('.').unwrap().0;
            assert!(seen.contains(&format!("{parent}.")), "{table}");
        }
        seen.extend(numbers.iter().map(|number| format!("{table}{number}.")));
    }
}

#[test]
fn the_model_knows_every_value_and_takes_it() {
    let config = crate::config::Config::default();
    let model = std::sync::Arc::new(crate::tree::build_model(&config).unwrap());
    let identity = drover_cpe::Identity::new("M", "D20E4A", "P", "1").unwrap();
    let mut device = drover_cpe::Device::new(model, identity);
    let clock = drover_cpe::Clock::relative(Duration::ZERO);
    let mut reading = Reading::default();
    network(&mut reading, &example(), &mut Instances::default(), Timestamp::UNIX_EPOCH);
    for (table, numbers) in &reading.rows {
        device.set_instances(table, numbers, &clock).unwrap();
    }
    for (path, value) in &reading.values {
        device.update(path, value, &clock).unwrap();
        assert_eq!(device.value(path).unwrap().text, *value);
    }
    let count = device.value("Device.IP.Interface.2.IPv4AddressNumberOfEntries").unwrap();
    assert_eq!(count.text, "1");
}

#[test]
fn an_address_keeps_its_number_when_another_goes() {
    let mut instances = Instances::default();
    let mut snapshot = example();
    snapshot.addresses.push(address(2, "192.0.2.8", 24));
    let before = read(&snapshot, &mut instances);
    assert_eq!(before["Device.IP.Interface.2.IPv4Address.2.IPAddress"], "192.0.2.8");
    snapshot.addresses.remove(1);
    let after = read(&snapshot, &mut instances);
    assert_eq!(after["Device.IP.Interface.2.IPv4Address.2.IPAddress"], "192.0.2.8");
    assert!(!after.contains_key("Device.IP.Interface.2.IPv4Address.1.IPAddress"));
}

#[test]
fn masks_and_lifetimes_at_their_ends() {
    assert_eq!(subnet_mask(0).to_string(), "0.0.0.0");
    assert_eq!(subnet_mask(32).to_string(), "255.255.255.255");
    assert_eq!(subnet_mask(200).to_string(), "255.255.255.255");
    assert_eq!(expiry(None, Timestamp::UNIX_EPOCH).to_string(), "9999-12-31T23:59:59Z");
    let late = Timestamp::MAX;
    assert_eq!(expiry(Some(u32::MAX), late).to_string(), "0001-01-01T00:00:00Z");
}

fn facts() -> Facts {
    let first_use = "2026-01-01T00:00:00Z".to_owned();
    Facts::new(&DeviceConfig::default(), crate::linux::identity(), "1", first_use)
}

/// A concrete path with `{i}` for each instance number.
fn template(path: &str) -> String {
    let part = |part: &str| match part.parse::<u32>() {
        Ok(_) => "{i}".to_owned(),
        Err(_) => part.to_owned(),
    };
    path.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// Parameters that the device keeps by itself or with the ACS.
fn is_kept(path: &str) -> bool {
    const IDENTITY: [&str; 5] =
        ["Manufacturer", "ManufacturerOUI", "ProductClass", "SerialNumber", "ProvisioningCode"];
    let name = path.strip_prefix("Device.DeviceInfo.").unwrap_or_default();
    path.starts_with("Device.ManagementServer.")
        || path.ends_with("NumberOfEntries")
        || IDENTITY.contains(&name)
}

#[test]
fn every_parameter_of_the_host_is_read_and_as_the_model_wants_it() {
    let facts = facts();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut reading = runtime.block_on(async {
        let mut tree = HostTree::new(Instances::default(), facts).unwrap();
        tree.read(&[String::new()]).await
    });
    // This box need not have each kind of row; the example has.
    network(&mut reading, &example(), &mut Instances::default(), Timestamp::UNIX_EPOCH);
    let name = format!("Device:{ROOT_DATA_MODEL_VERSION}");
    let schema = drover_datamodel::shipped::model(&name).unwrap();
    let mut seen = BTreeSet::new();
    for (path, value) in &reading.values {
        let name = template(path);
        let known = PARAMETERS.iter().find(|known| known.path == name);
        let known = known.unwrap_or_else(|| panic!("{path} is not in the list"));
        assert!((known.syntax)().wire_type().accepts(value), "{path} = {value:?}");
        if path.ends_with(".MaxMTUSize") && value == "65536" {
            // The loopback: an ACS learns what is so.
            seen.insert(known.path);
            continue;
        }
        let checked = schema.find_parameter(path).unwrap().check(value, Direction::Report);
        let checked = checked.unwrap_or_else(|error| panic!("{path} = {value:?}: {error}"));
        assert!(checked.unknown_words.is_empty(), "{path} = {value:?}");
        assert_eq!(checked.text, *value, "{path}");
        seen.insert(known.path);
    }
    let host = PARAMETERS.iter().filter(|known| !is_kept(known.path));
    let missing: Vec<_> = host.filter(|known| !seen.contains(known.path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for (table, _) in &reading.rows {
        let name = format!("{}{{i}}.", template(table));
        assert!(TABLES.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn an_acs_can_set_nothing_of_the_host() {
    let writable = PARAMETERS.iter().filter(|facts| facts.writable);
    let paths: Vec<&str> = writable.map(|facts| facts.path).collect();
    assert!(paths.iter().all(|path| is_kept(path)), "{paths:?}");
    assert_eq!(paths.len(), 13);
}

#[test]
fn only_what_is_asked_for_is_read() {
    let facts = Facts::new(&DeviceConfig::default(), crate::linux::identity(), "1", String::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut tree = HostTree::new(Instances::default(), facts).unwrap();
        let time = tree.read(&["Device.Time.Status".to_owned()]).await;
        assert!(time.values.iter().all(|(path, _)| path.starts_with("Device.Time.")));
        assert_eq!(time.values.len(), 4);
        let processes = tree.read(&["Device.DeviceInfo.ProcessStatus.".to_owned()]).await;
        assert!(processes.rows.iter().any(|(table, rows)| {
            *table == process_status::process::TABLE.at([]) && rows.contains(&std::process::id())
        }));
        assert_eq!(tree.read(&["Device.ManagementServer.".to_owned()]).await, Reading::default());
    });
}
