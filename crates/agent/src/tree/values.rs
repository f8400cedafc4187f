//! The values of the host, spelled as TR-181 wants them.

use std::net::IpAddr;
use std::time::Duration;

use drover_cwmp::DateTime;
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::linux::{
    Address, AddressOrigin, AddressState, ClockSync, Duplex, Interface, InterfaceKind, LinkState,
    LocalTime, Memory, NetworkSnapshot, ProcessState, Processes,
};
use crate::tree::accessors::{Place, Table, ValueOf};
use crate::tree::device::device_info::{memory_status, process_status};
use crate::tree::device::ethernet::interface as port;
use crate::tree::device::ip::interface as layer;
use crate::tree::device::ip::interface::{ipv4_address, ipv6_address};
use crate::tree::device::{ip, time as clock};
use crate::tree::{Instances, device};

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
    /// Notes the value of a parameter, cut to the length that the model allows.
    pub fn set<T: ?Sized>(&mut self, place: Place<T>, value: impl ValueOf<T>) {
        self.values.push(place.with(value));
    }

    fn add_rows<const N: usize>(&mut self, table: Table<N>, rows: [u32; N], numbers: &[u32]) {
        self.rows.push((table.at(rows), numbers.to_vec()));
    }
}

impl ValueOf<DateTime> for LocalTime {
    fn into_text(self, _: usize) -> String {
        self.to_string()
    }
}

/// `MemoryStatus`; KiB that do not fit 32 bits are the largest number that does.
pub(crate) fn memory(reading: &mut Reading, memory: Memory) {
    reading.set(memory_status::TOTAL.at([]), clamp(memory.total_kib));
    reading.set(memory_status::FREE.at([]), clamp(memory.free_kib));
}

/// `ProcessStatus`. A process keeps its ID while it lives, which is just what an instance number
/// has to do.
pub(crate) fn processes(reading: &mut Reading, processes: &Processes, cpu_percent: u32) {
    use process_status::process;
    reading.set(process_status::CPU_USAGE.at([]), cpu_percent);
    let numbers: Vec<u32> = processes.list.iter().map(|process| process.pid).collect();
    reading.add_rows(process::TABLE, [], &numbers);
    for running in &processes.list {
        let row = [running.pid];
        reading.set(process::PID.at(row), running.pid);
        reading.set(process::COMMAND.at(row), &running.command);
        reading.set(process::SIZE.at(row), clamp(running.size_kib));
        reading.set(process::PRIORITY.at(row), running.priority);
        reading.set(process::CPU_TIME.at(row), milliseconds(running.cpu_time));
        reading.set(process::STATE.at(row), process_state(running.state));
    }
}

fn process_state(state: ProcessState) -> process_status::process::State {
    use process_status::process::State;
    match state {
        ProcessState::Running => State::Running,
        ProcessState::Sleeping => State::Sleeping,
        ProcessState::Stopped => State::Stopped,
        ProcessState::Uninterruptible => State::Uninterruptible,
        ProcessState::Zombie => State::Zombie,
        ProcessState::Idle => State::Idle,
    }
}

/// `Time`
pub(crate) fn time(reading: &mut Reading, now: LocalTime, zone: &str, sync: ClockSync) {
    let status = match sync {
        ClockSync::Synchronized => clock::Status::Synchronized,
        ClockSync::Unsynchronized => clock::Status::Unsynchronized,
        ClockSync::NoService => clock::Status::Disabled,
    };
    reading.set(clock::ENABLE.at([]), sync != ClockSync::NoService);
    reading.set(clock::STATUS.at([]), status);
    reading.set(clock::CURRENT_LOCAL_TIME.at([]), now);
    reading.set(clock::LOCAL_TIME_ZONE.at([]), zone);
}

/// `Ethernet.` and `IP.`: every Ethernet port, and every interface with an address or a port.
pub(crate) fn network(
    reading: &mut Reading,
    network: &NetworkSnapshot,
    instances: &mut Instances,
    now: Timestamp,
) {
    let ports: Vec<&Interface> = network.interfaces.iter().filter(|port| is_port(port)).collect();
    let port_names = ports.iter().map(|port| port.name.as_str());
    let numbers = instances.assign(&port::TABLE.at([]), port_names);
    reading.add_rows(port::TABLE, [], &numbers);
    for (port, number) in ports.iter().zip(&numbers) {
        ethernet(reading, *number, port, network);
    }
    let is_ip = |interface: &&Interface| {
        is_port(interface) || network.addresses_of(interface.index).next().is_some()
    };
    let layers: Vec<&Interface> = network.interfaces.iter().filter(is_ip).collect();
    let layer_names = layers.iter().map(|layer| layer.name.as_str());
    let numbers = instances.assign(&layer::TABLE.at([]), layer_names);
    ip_status(reading, network);
    reading.add_rows(layer::TABLE, [], &numbers);
    for (interface, number) in layers.iter().zip(numbers) {
        let port = instances.number(&port::TABLE.at([]), &interface.name);
        let port = port.filter(|_| is_port(interface));
        let addresses: Vec<&Address> = network.addresses_of(interface.index).collect();
        ip_interface(reading, number, interface, port, &addresses);
        ipv4_addresses(reading, number, &addresses, instances);
        ipv6_addresses(reading, number, &addresses, instances, now);
    }
}

fn is_port(interface: &Interface) -> bool {
    interface.kind == InterfaceKind::Ethernet
}

/// The counters of an interface. They are the same in each object `Stats`.
macro_rules! set_stats {
    ($reading:expr, $row:expr, $stats:expr, $object:path) => {{
        use $object as object;
        let (reading, row, stats) = ($reading, [$row], &$stats);
        let unknown = wrap(stats.unknown_protocol_received);
        reading.set(object::BYTES_SENT.at(row), stats.bytes_sent);
        reading.set(object::BYTES_RECEIVED.at(row), stats.bytes_received);
        reading.set(object::PACKETS_SENT.at(row), stats.packets_sent);
        reading.set(object::PACKETS_RECEIVED.at(row), stats.packets_received);
        reading.set(object::ERRORS_SENT.at(row), wrap(stats.errors_sent));
        reading.set(object::ERRORS_RECEIVED.at(row), wrap(stats.errors_received));
        reading.set(object::DISCARD_PACKETS_SENT.at(row), wrap(stats.discards_sent));
        reading.set(object::DISCARD_PACKETS_RECEIVED.at(row), wrap(stats.discards_received));
        reading.set(object::MULTICAST_PACKETS_RECEIVED.at(row), stats.multicast_received);
        reading.set(object::UNKNOWN_PROTO_PACKETS_RECEIVED.at(row), unknown);
    }};
}

fn ethernet(reading: &mut Reading, number: u32, port: &Interface, network: &NetworkSnapshot) {
    let row = [number];
    let upstream = network.default_routes.iter().any(|route| route.interface == port.index);
    let duplex = match port.duplex {
        Some(Duplex::Full) => port::CurrentDuplexMode::Full,
        Some(Duplex::Half) => port::CurrentDuplexMode::Half,
        None => port::CurrentDuplexMode::Unknown,
    };
    reading.set(port::ENABLE.at(row), port.enabled);
    reading.set(port::STATUS.at(row), link_status(port));
    reading.set(port::NAME.at(row), &port.name);
    reading.set(port::LOWER_LAYERS.at(row), None::<&str>);
    reading.set(port::UPSTREAM.at(row), upstream);
    reading.set(port::MAC_ADDRESS.at(row), &port.mac);
    // -1 and Auto: the agent does not limit the port.
    reading.set(port::MAX_BIT_RATE.at(row), -1);
    reading.set(port::CURRENT_BIT_RATE.at(row), port.speed_mbps.unwrap_or(0));
    reading.set(port::DUPLEX_MODE.at(row), port::DuplexMode::Auto);
    reading.set(port::CURRENT_DUPLEX_MODE.at(row), duplex);
    set_stats!(reading, number, port.stats, device::ethernet::interface::stats);
}

fn ip_status(reading: &mut Reading, network: &NetworkSnapshot) {
    let has = |ipv6| network.addresses.iter().any(|address| address.address.is_ipv6() == ipv6);
    let status = |ipv6| match has(ipv6) {
        true => ip::Ipv4Status::Enabled,
        false => ip::Ipv4Status::Disabled,
    };
    let knows_ipv6 = std::path::Path::new("/proc/net/if_inet6").exists();
    reading.set(ip::IPV4_CAPABLE.at([]), true);
    reading.set(ip::IPV4_STATUS.at([]), status(false));
    reading.set(ip::IPV6_CAPABLE.at([]), knows_ipv6);
    reading.set(ip::IPV6_STATUS.at([]), status(true));
}

fn ip_interface(
    reading: &mut Reading,
    number: u32,
    interface: &Interface,
    port: Option<u32>,
    addresses: &[&Address],
) {
    let row = [number];
    let has = |ipv6| addresses.iter().any(|address| address.address.is_ipv6() == ipv6);
    let is_loopback = interface.kind == InterfaceKind::Loopback;
    let lower = port.map(|number| port::TABLE.reference([], number));
    reading.set(layer::ENABLE.at(row), interface.enabled);
    reading.set(layer::IPV4_ENABLE.at(row), has(false));
    reading.set(layer::IPV6_ENABLE.at(row), has(true));
    reading.set(layer::STATUS.at(row), link_status(interface));
    reading.set(layer::NAME.at(row), &interface.name);
    reading.set(layer::LOWER_LAYERS.at(row), lower);
    // As the kernel has it: the 65536 bytes of the loopback are one more than the model allows.
    reading.set(layer::MAX_MTU_SIZE.at(row), interface.mtu);
    reading.set(layer::TYPE.at(row), interface_type(&interface.kind));
    reading.set(layer::LOOPBACK.at(row), is_loopback);
    set_stats!(reading, number, interface.stats, device::ip::interface::stats);
}

fn interface_type(kind: &InterfaceKind) -> layer::Type {
    const TUNNELS: [&str; 10] =
        ["wireguard", "tun", "gre", "gretap", "ip6gre", "ipip", "sit", "ip6tnl", "vti", "xfrm"];
    match kind {
        InterfaceKind::Loopback => layer::Type::Loopback,
        InterfaceKind::Virtual(kind) if TUNNELS.contains(&kind.as_str()) => layer::Type::Tunnel,
        _ => layer::Type::Normal,
    }
}

/// Ports and IP interfaces have the same words for it.
fn link_status(interface: &Interface) -> port::Status {
    if !interface.enabled {
        return port::Status::Down;
    }
    match interface.state {
        LinkState::Up => port::Status::Up,
        // Drivers without a carrier to watch, such as that of the loopback, report no state.
        LinkState::Unknown if interface.kind != InterfaceKind::Ethernet => port::Status::Up,
        LinkState::Unknown => port::Status::Unknown,
        LinkState::Down => port::Status::Down,
        LinkState::LowerLayerDown => port::Status::LowerLayerDown,
        LinkState::Dormant => port::Status::Dormant,
        LinkState::NotPresent => port::Status::NotPresent,
    }
}

fn ipv4_addresses(
    reading: &mut Reading,
    interface: u32,
    addresses: &[&Address],
    instances: &mut Instances,
) {
    let table = ipv4_address::TABLE;
    for (number, address) in address_rows(reading, table, interface, addresses, instances, false) {
        let row = [interface, number];
        reading.set(ipv4_address::ENABLE.at(row), true);
        reading.set(ipv4_address::STATUS.at(row), ipv4_address::Status::Enabled);
        reading.set(ipv4_address::IP_ADDRESS.at(row), address.address.to_string());
        reading.set(ipv4_address::SUBNET_MASK.at(row), subnet_mask(address.prefix).to_string());
        reading.set(ipv4_address::ADDRESSING_TYPE.at(row), addressing_type(address));
    }
}

fn ipv6_addresses(
    reading: &mut Reading,
    interface: u32,
    addresses: &[&Address],
    instances: &mut Instances,
    now: Timestamp,
) {
    let table = ipv6_address::TABLE;
    for (number, address) in address_rows(reading, table, interface, addresses, instances, true) {
        let row = [interface, number];
        let (status, address_status) = ipv6_status(address.state);
        let preferred = expiry(address.preferred_seconds, now);
        reading.set(ipv6_address::ENABLE.at(row), true);
        reading.set(ipv6_address::STATUS.at(row), status);
        reading.set(ipv6_address::IP_ADDRESS_STATUS.at(row), address_status);
        reading.set(ipv6_address::IP_ADDRESS.at(row), address.address.to_string());
        reading.set(ipv6_address::ORIGIN.at(row), origin(address.origin));
        reading.set(ipv6_address::PREFERRED_LIFETIME.at(row), preferred);
        reading.set(ipv6_address::VALID_LIFETIME.at(row), expiry(address.valid_seconds, now));
    }
}

fn address_rows<'a>(
    reading: &mut Reading,
    table: Table<1>,
    interface: u32,
    addresses: &[&'a Address],
    instances: &mut Instances,
    ipv6: bool,
) -> Vec<(u32, &'a Address)> {
    let family = addresses.iter().filter(|address| address.address.is_ipv6() == ipv6);
    let addresses: Vec<&Address> = family.copied().collect();
    let keys: Vec<(&str, String)> = addresses
        .iter()
        .map(|address| (origin(address.origin).as_str(), address.address.to_string()))
        .collect();
    let numbers = instances.assign_addresses(&table.at([interface]), &keys);
    reading.add_rows(table, [interface], &numbers);
    numbers.into_iter().zip(addresses).collect()
}

fn subnet_mask(prefix: u8) -> std::net::Ipv4Addr {
    let host_bits = 32_u32.saturating_sub(u32::from(prefix));
    std::net::Ipv4Addr::from_bits(u32::MAX.checked_shl(host_bits).unwrap_or(0))
}

fn addressing_type(address: &Address) -> ipv4_address::AddressingType {
    use ipv4_address::AddressingType;
    let is_link_local = matches!(address.address, IpAddr::V4(v4) if v4.is_link_local());
    match address.origin {
        _ if is_link_local => AddressingType::AutoIp,
        AddressOrigin::Dhcp => AddressingType::Dhcp,
        _ => AddressingType::Static,
    }
}

fn origin(origin: AddressOrigin) -> ipv6_address::Origin {
    use ipv6_address::Origin;
    match origin {
        AddressOrigin::AutoConfigured | AddressOrigin::LinkLocal => Origin::AutoConfigured,
        AddressOrigin::Dhcp => Origin::Dhcpv6,
        AddressOrigin::WellKnown => Origin::WellKnown,
        AddressOrigin::Static => Origin::Static,
    }
}

fn ipv6_status(state: AddressState) -> (ipv6_address::Status, ipv6_address::IpAddressStatus) {
    use ipv6_address::{IpAddressStatus, Status};
    match state {
        AddressState::Preferred => (Status::Enabled, IpAddressStatus::Preferred),
        AddressState::Deprecated => (Status::Enabled, IpAddressStatus::Deprecated),
        AddressState::Tentative => (Status::Enabled, IpAddressStatus::Tentative),
        AddressState::Duplicate => (Status::ErrorMisconfigured, IpAddressStatus::Duplicate),
    }
}

/// The moment a lifetime ends. A whole minute, so that reading the remaining seconds a little
/// earlier or later does not look like a change.
fn expiry(seconds: Option<u32>, now: Timestamp) -> DateTime {
    let Some(seconds) = seconds else { return DateTime::INFINITE };
    let end = now.as_second().saturating_add(i64::from(seconds)).saturating_add(30);
    let end = Timestamp::from_second(end - end.rem_euclid(60));
    end.map_or(DateTime::UNKNOWN, |end| DateTime::from_timestamp(end, Offset::UTC))
}

pub(crate) fn clamp(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A counter of 32 bits starts again at 0 (TR-106, StatsCounter32).
#[expect(clippy::cast_possible_truncation, reason = "it starts again at 0")]
fn wrap(count: u64) -> u32 {
    count as u32
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
