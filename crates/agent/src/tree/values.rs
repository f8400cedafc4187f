//! The values of the host, spelled as TR-181 wants them.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::linux::{
    Address, AddressOrigin, AddressState, ClockSync, Duplex, Interface, InterfaceKind,
    InterfaceStats, LinkState, LocalTime, Memory, NetworkSnapshot, Processes,
};
use crate::tree::Instances;

pub(crate) const PROCESS_TABLE: &str = "Device.DeviceInfo.ProcessStatus.Process.";
pub(crate) const ETHERNET_TABLE: &str = "Device.Ethernet.Interface.";
pub(crate) const IP_TABLE: &str = "Device.IP.Interface.";

/// What was read of the host: which rows there are, and values by full path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reading {
    /// Table paths such as `Device.IP.Interface.` with the instance numbers present, each table
    /// before the tables in its rows.
    pub rows: Vec<(String, Vec<u32>)>,
    /// Full parameter paths with the text of their value.
    pub values: Vec<(String, String)>,
}

impl Reading {
    pub(crate) fn set(&mut self, path: impl Into<String>, value: impl ToString) {
        self.values.push((path.into(), value.to_string()));
    }

    fn add_rows(&mut self, table: impl Into<String>, numbers: &[u32]) {
        self.rows.push((table.into(), numbers.to_vec()));
    }
}

/// `MemoryStatus`; KiB that do not fit 32 bits are the largest number that does.
pub(crate) fn memory(reading: &mut Reading, memory: Memory) {
    reading.set("Device.DeviceInfo.MemoryStatus.Total", clamp(memory.total_kib));
    reading.set("Device.DeviceInfo.MemoryStatus.Free", clamp(memory.free_kib));
}

/// `ProcessStatus`. A process keeps its ID while it lives, which is just what an instance number
/// has to do.
pub(crate) fn processes(reading: &mut Reading, processes: &Processes, cpu_percent: u32) {
    reading.set("Device.DeviceInfo.ProcessStatus.CPUUsage", cpu_percent);
    let numbers: Vec<u32> = processes.list.iter().map(|process| process.pid).collect();
    reading.add_rows(PROCESS_TABLE, &numbers);
    for process in &processes.list {
        let row = format!("{PROCESS_TABLE}{}.", process.pid);
        reading.set(format!("{row}PID"), process.pid);
        reading.set(format!("{row}Command"), &process.command);
        reading.set(format!("{row}Size"), clamp(process.size_kib));
        reading.set(format!("{row}Priority"), process.priority);
        reading.set(format!("{row}CPUTime"), milliseconds(process.cpu_time));
        reading.set(format!("{row}State"), process.state.as_str());
    }
}

/// `Time`
pub(crate) fn time(reading: &mut Reading, now: LocalTime, zone: &str, sync: ClockSync) {
    let status = match sync {
        ClockSync::Synchronized => "Synchronized",
        ClockSync::Unsynchronized => "Unsynchronized",
        ClockSync::NoService => "Disabled",
    };
    reading.set("Device.Time.Enable", sync != ClockSync::NoService);
    reading.set("Device.Time.Status", status);
    reading.set("Device.Time.CurrentLocalTime", now);
    reading.set("Device.Time.LocalTimeZone", zone);
}

/// `Ethernet.` and `IP.`: every Ethernet port, and every interface with an address or a port.
pub(crate) fn network(
    reading: &mut Reading,
    network: &NetworkSnapshot,
    instances: &mut Instances,
    now: Timestamp,
) {
    let ports: Vec<&Interface> = network.interfaces.iter().filter(|port| is_port(port)).collect();
    let numbers = instances.assign(ETHERNET_TABLE, ports.iter().map(|port| port.name.as_str()));
    reading.add_rows(ETHERNET_TABLE, &numbers);
    for (port, number) in ports.iter().zip(&numbers) {
        ethernet(reading, &format!("{ETHERNET_TABLE}{number}."), port, network);
    }
    let is_ip = |interface: &&Interface| {
        is_port(interface) || network.addresses_of(interface.index).next().is_some()
    };
    let layers: Vec<&Interface> = network.interfaces.iter().filter(is_ip).collect();
    let numbers = instances.assign(IP_TABLE, layers.iter().map(|layer| layer.name.as_str()));
    ip(reading, network);
    reading.add_rows(IP_TABLE, &numbers);
    for (interface, number) in layers.iter().zip(&numbers) {
        let port = instances.number(ETHERNET_TABLE, &interface.name).filter(|_| is_port(interface));
        let addresses: Vec<&Address> = network.addresses_of(interface.index).collect();
        let row = format!("{IP_TABLE}{number}.");
        ip_interface(reading, &row, interface, port, &addresses);
        ipv4_addresses(reading, &row, &addresses, instances);
        ipv6_addresses(reading, &row, &addresses, instances, now);
    }
}

fn is_port(interface: &Interface) -> bool {
    interface.kind == InterfaceKind::Ethernet
}

fn ethernet(reading: &mut Reading, row: &str, port: &Interface, network: &NetworkSnapshot) {
    let upstream = network.default_routes.iter().any(|route| route.interface == port.index);
    let duplex = match port.duplex {
        Some(Duplex::Full) => "Full",
        Some(Duplex::Half) => "Half",
        None => "Unknown",
    };
    reading.set(format!("{row}Enable"), port.enabled);
    reading.set(format!("{row}Status"), link_status(port));
    reading.set(format!("{row}Name"), &port.name);
    reading.set(format!("{row}LowerLayers"), "");
    reading.set(format!("{row}Upstream"), upstream);
    reading.set(format!("{row}MACAddress"), &port.mac);
    // -1 and Auto: the agent does not limit the port.
    reading.set(format!("{row}MaxBitRate"), -1);
    reading.set(format!("{row}CurrentBitRate"), port.speed_mbps.unwrap_or(0));
    reading.set(format!("{row}DuplexMode"), "Auto");
    reading.set(format!("{row}CurrentDuplexMode"), duplex);
    stats(reading, row, &port.stats);
}

fn ip(reading: &mut Reading, network: &NetworkSnapshot) {
    let has = |ipv6| network.addresses.iter().any(|address| address.address.is_ipv6() == ipv6);
    let status = |enabled| if enabled { "Enabled" } else { "Disabled" };
    reading.set("Device.IP.IPv4Capable", true);
    reading.set("Device.IP.IPv4Status", status(has(false)));
    reading.set("Device.IP.IPv6Capable", std::path::Path::new("/proc/net/if_inet6").exists());
    reading.set("Device.IP.IPv6Status", status(has(true)));
}

fn ip_interface(
    reading: &mut Reading,
    row: &str,
    interface: &Interface,
    port: Option<u32>,
    addresses: &[&Address],
) {
    let has = |ipv6| addresses.iter().any(|address| address.address.is_ipv6() == ipv6);
    let is_loopback = interface.kind == InterfaceKind::Loopback;
    let lower = port.map(|number| format!("{ETHERNET_TABLE}{number}")).unwrap_or_default();
    reading.set(format!("{row}Enable"), interface.enabled);
    reading.set(format!("{row}IPv4Enable"), has(false));
    reading.set(format!("{row}IPv6Enable"), has(true));
    reading.set(format!("{row}Status"), link_status(interface));
    reading.set(format!("{row}Name"), &interface.name);
    reading.set(format!("{row}LowerLayers"), lower);
    reading.set(format!("{row}MaxMTUSize"), interface.mtu);
    reading.set(format!("{row}Type"), interface_type(&interface.kind));
    reading.set(format!("{row}Loopback"), is_loopback);
    stats(reading, row, &interface.stats);
}

fn interface_type(kind: &InterfaceKind) -> &'static str {
    const TUNNELS: [&str; 10] =
        ["wireguard", "tun", "gre", "gretap", "ip6gre", "ipip", "sit", "ip6tnl", "vti", "xfrm"];
    match kind {
        InterfaceKind::Loopback => "Loopback",
        InterfaceKind::Virtual(kind) if TUNNELS.contains(&kind.as_str()) => "Tunnel",
        _ => "Normal",
    }
}

fn link_status(interface: &Interface) -> &'static str {
    if !interface.enabled {
        return "Down";
    }
    match interface.state {
        LinkState::Up => "Up",
        // Drivers without a carrier to watch, such as that of the loopback, report no state.
        LinkState::Unknown if interface.kind != InterfaceKind::Ethernet => "Up",
        LinkState::Unknown => "Unknown",
        LinkState::Down => "Down",
        LinkState::LowerLayerDown => "LowerLayerDown",
        LinkState::Dormant => "Dormant",
        LinkState::NotPresent => "NotPresent",
    }
}

fn stats(reading: &mut Reading, row: &str, stats: &InterfaceStats) {
    let counters = [
        ("BytesSent", stats.bytes_sent),
        ("BytesReceived", stats.bytes_received),
        ("PacketsSent", stats.packets_sent),
        ("PacketsReceived", stats.packets_received),
        ("ErrorsSent", wrap(stats.errors_sent)),
        ("ErrorsReceived", wrap(stats.errors_received)),
        ("DiscardPacketsSent", wrap(stats.discards_sent)),
        ("DiscardPacketsReceived", wrap(stats.discards_received)),
        ("MulticastPacketsReceived", stats.multicast_received),
        ("UnknownProtoPacketsReceived", wrap(stats.unknown_protocol_received)),
    ];
    for (name, count) in counters {
        reading.set(format!("{row}Stats.{name}"), count);
    }
}

fn ipv4_addresses(
    reading: &mut Reading,
    row: &str,
    addresses: &[&Address],
    instances: &mut Instances,
) {
    let table = format!("{row}IPv4Address.");
    for (number, address) in address_rows(reading, &table, addresses, instances, false) {
        let row = format!("{table}{number}.");
        reading.set(format!("{row}Enable"), true);
        reading.set(format!("{row}Status"), "Enabled");
        reading.set(format!("{row}IPAddress"), address.address);
        reading.set(format!("{row}SubnetMask"), subnet_mask(address.prefix));
        reading.set(format!("{row}AddressingType"), addressing_type(address));
    }
}

fn ipv6_addresses(
    reading: &mut Reading,
    row: &str,
    addresses: &[&Address],
    instances: &mut Instances,
    now: Timestamp,
) {
    let table = format!("{row}IPv6Address.");
    for (number, address) in address_rows(reading, &table, addresses, instances, true) {
        let row = format!("{table}{number}.");
        let (status, address_status) = ipv6_status(address.state);
        reading.set(format!("{row}Enable"), true);
        reading.set(format!("{row}Status"), status);
        reading.set(format!("{row}IPAddressStatus"), address_status);
        reading.set(format!("{row}IPAddress"), address.address);
        reading.set(format!("{row}Origin"), origin(address.origin));
        reading.set(format!("{row}PreferredLifetime"), expiry(address.preferred_seconds, now));
        reading.set(format!("{row}ValidLifetime"), expiry(address.valid_seconds, now));
    }
}

fn address_rows<'a>(
    reading: &mut Reading,
    table: &str,
    addresses: &[&'a Address],
    instances: &mut Instances,
    ipv6: bool,
) -> Vec<(u32, &'a Address)> {
    let family = addresses.iter().filter(|address| address.address.is_ipv6() == ipv6);
    let addresses: Vec<&Address> = family.copied().collect();
    let keys: Vec<(&str, String)> = addresses
        .iter()
        .map(|address| (origin(address.origin), address.address.to_string()))
        .collect();
    let numbers = instances.assign_addresses(table, &keys);
    reading.add_rows(table, &numbers);
    numbers.into_iter().zip(addresses).collect()
}

fn subnet_mask(prefix: u8) -> std::net::Ipv4Addr {
    let host_bits = 32_u32.saturating_sub(u32::from(prefix));
    std::net::Ipv4Addr::from_bits(u32::MAX.checked_shl(host_bits).unwrap_or(0))
}

fn addressing_type(address: &Address) -> &'static str {
    let is_link_local = matches!(address.address, IpAddr::V4(v4) if v4.is_link_local());
    match address.origin {
        _ if is_link_local => "AutoIP",
        AddressOrigin::Dhcp => "DHCP",
        _ => "Static",
    }
}

fn origin(origin: AddressOrigin) -> &'static str {
    match origin {
        AddressOrigin::AutoConfigured | AddressOrigin::LinkLocal => "AutoConfigured",
        AddressOrigin::Dhcp => "DHCPv6",
        AddressOrigin::WellKnown => "WellKnown",
        AddressOrigin::Static => "Static",
    }
}

fn ipv6_status(state: AddressState) -> (&'static str, &'static str) {
    match state {
        AddressState::Preferred => ("Enabled", "Preferred"),
        AddressState::Deprecated => ("Enabled", "Deprecated"),
        AddressState::Tentative => ("Enabled", "Tentative"),
        AddressState::Duplicate => ("Error_Misconfigured", "Duplicate"),
    }
}

/// The moment a lifetime ends. A whole minute, so that reading the remaining seconds a little
/// earlier or later does not look like a change.
fn expiry(seconds: Option<u32>, now: Timestamp) -> String {
    let Some(seconds) = seconds else { return "9999-12-31T23:59:59Z".to_owned() };
    let end = now.as_second().saturating_add(i64::from(seconds)).saturating_add(30);
    match Timestamp::from_second(end - end.rem_euclid(60)) {
        Ok(end) => end.to_string(),
        Err(_) => "0001-01-01T00:00:00Z".to_owned(),
    }
}

fn clamp(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A counter of 32 bits starts again at 0 (TR-106, StatsCounter32).
fn wrap(count: u64) -> u64 {
    count & u64::from(u32::MAX)
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
