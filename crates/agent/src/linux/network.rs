//! Interfaces, addresses and default routes from rtnetlink.

use std::net::IpAddr;

use futures_util::{Stream, StreamExt};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol,
    AddressScope as KernelAddressScope,
};
use rtnetlink::packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, State,
};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use tokio::task::JoinHandle;

use crate::limits::{ADDRESSES_MAX, DEFAULT_ROUTES_MAX, INTERFACES_MAX};
use crate::linux::HostError;
use crate::linux::files::read_optional;

/// What an interface is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum InterfaceKind {
    /// The loopback interface.
    Loopback,
    /// An Ethernet port, or what stands for one in a container or namespace (veth).
    Ethernet,
    /// A wireless interface.
    Wireless,
    /// Anything else, with the kernel's word for it (`bridge`, `vlan`, `wireguard`).
    Virtual(String),
}

/// The operational state (RFC 2863).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// Passes traffic.
    Up,
    /// Administratively down, or no carrier.
    Down,
    /// A lower layer is down.
    LowerLayerDown,
    /// Waits for an external event such as 802.1X.
    Dormant,
    /// The hardware is gone.
    NotPresent,
    /// The driver does not tell.
    Unknown,
}

/// The duplex mode of a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duplex {
    /// Both directions at a time.
    Full,
    /// One direction at a time.
    Half,
}

/// Counters of an interface since it was created.
///
/// The kernel counts multicast packets only on receive and broadcast packets not at all, so there
/// are no members for those.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InterfaceStats {
    /// Bytes sent, with link headers.
    pub bytes_sent: u64,
    /// Bytes received, with link headers.
    pub bytes_received: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Packets that could not be sent because of errors.
    pub errors_sent: u64,
    /// Packets received broken.
    pub errors_received: u64,
    /// Good packets that were not sent, for example for lack of buffers.
    pub discards_sent: u64,
    /// Good packets that were not delivered.
    pub discards_received: u64,
    /// Multicast packets received.
    pub multicast_received: u64,
    /// Packets received for a protocol nobody handles.
    pub unknown_protocol_received: u64,
}

/// One network interface.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// The kernel's index.
    pub index: u32,
    /// The name, such as `eth0`.
    pub name: String,
    /// What it is.
    pub kind: InterfaceKind,
    /// The hardware address as `02:FC:00:00:00:01`; empty when it has none.
    pub mac: String,
    /// Administratively up.
    pub enabled: bool,
    /// Whether it works.
    pub state: LinkState,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// Speed in Mbit/s where the driver tells it.
    pub speed_mbps: Option<u32>,
    /// Duplex mode where the driver tells it.
    pub duplex: Option<Duplex>,
    /// Its counters.
    pub stats: InterfaceStats,
}

/// Where an address is valid.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AddressScope {
    /// Everywhere.
    Global,
    /// Within a site.
    Site,
    /// On the link only.
    Link,
    /// In this host only.
    Host,
}

/// Who assigned an address, as far as the kernel tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressOrigin {
    /// By configuration; the kernel does not end it.
    Static,
    /// With a life time and not by the kernel itself: a DHCP client.
    Dhcp,
    /// By router advertisement (SLAAC).
    AutoConfigured,
    /// Made by the kernel from the link.
    LinkLocal,
    /// `127.0.0.1` and `::1`.
    WellKnown,
}

/// Whether an address can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressState {
    /// Preferred.
    Preferred,
    /// Valid, but not for new connections.
    Deprecated,
    /// Being checked for duplicates.
    Tentative,
    /// Another host has it.
    Duplicate,
}

/// One address of an interface.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// Index of the interface.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// Bits of the network part.
    pub prefix: u8,
    /// Where it is valid.
    pub scope: AddressScope,
    /// Who assigned it.
    pub origin: AddressOrigin,
    /// Whether it can be used.
    pub state: AddressState,
    /// A further address of the same IPv4 network.
    pub secondary: bool,
    /// Seconds it stays preferred; none = for ever.
    pub preferred_seconds: Option<u32>,
    /// Seconds it stays valid; none = for ever.
    pub valid_seconds: Option<u32>,
}

/// A route to everywhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DefaultRoute {
    /// Index of the interface it leaves by.
    pub interface: u32,
    /// For IPv6, or for IPv4.
    pub is_ipv6: bool,
    /// The next router; none on point-to-point links.
    pub gateway: Option<IpAddr>,
    /// The kernel takes the route with the lowest.
    pub metric: u32,
}

/// All of the network at one moment (three dumps in a row).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NetworkSnapshot {
    /// By ascending index.
    pub interfaces: Vec<Interface>,
    /// In the kernel's order.
    pub addresses: Vec<Address>,
    /// By ascending metric.
    pub default_routes: Vec<DefaultRoute>,
}

impl NetworkSnapshot {
    /// The addresses of one interface.
    pub fn addresses_of(&self, interface: u32) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(move |address| address.interface == interface)
    }
}

/// A netlink socket for reading the network of this namespace.
#[derive(Debug)]
pub struct NetworkReader {
    handle: rtnetlink::Handle,
    task: JoinHandle<()>,
}

impl Drop for NetworkReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NetworkReader {
    /// Opens the socket. Needs a tokio runtime.
    pub fn open() -> Result<Self, HostError> {
        let (connection, handle, _messages) =
            rtnetlink::new_connection().map_err(HostError::NetlinkOpen)?;
        Ok(Self { handle, task: tokio::spawn(connection) })
    }

    /// Reads interfaces, addresses and default routes.
    pub async fn snapshot(&self) -> Result<NetworkSnapshot, HostError> {
        Ok(NetworkSnapshot {
            interfaces: self.interfaces().await?,
            addresses: self.addresses().await?,
            default_routes: self.default_routes().await?,
        })
    }

    async fn interfaces(&self) -> Result<Vec<Interface>, HostError> {
        let dump = self.handle.link().get().execute();
        let mut list = collect(dump, "interfaces", INTERFACES_MAX, interface).await?;
        list.sort_by_key(|interface| interface.index);
        Ok(list)
    }

    async fn addresses(&self) -> Result<Vec<Address>, HostError> {
        let dump = self.handle.address().get().execute();
        collect(dump, "addresses", ADDRESSES_MAX, address).await
    }

    async fn default_routes(&self) -> Result<Vec<DefaultRoute>, HostError> {
        let mut list = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            let dump = self.handle.route().get(message).execute();
            list.extend(collect(dump, "routes", DEFAULT_ROUTES_MAX, default_route).await?);
        }
        list.sort_by_key(|route| route.metric);
        Ok(list)
    }
}

/// Turns a dump into values. It is read to its end, since the kernel sends it in any case, but
/// only `limit` values are kept.
async fn collect<M, T>(
    dump: impl Stream<Item = Result<M, rtnetlink::Error>>,
    what: &'static str,
    limit: usize,
    convert: impl Fn(M) -> Option<T>,
) -> Result<Vec<T>, HostError> {
    let mut dump = std::pin::pin!(dump);
    let mut list = Vec::new();
    while let Some(message) = dump.next().await {
        let message = message.map_err(|source| HostError::NetlinkDump { what, source })?;
        if list.len() < limit {
            list.extend(convert(message));
        }
    }
    Ok(list)
}

fn interface(message: LinkMessage) -> Option<Interface> {
    let header = message.header;
    let mut interface = Interface {
        index: header.index,
        name: String::new(),
        kind: InterfaceKind::Virtual(String::new()),
        mac: String::new(),
        enabled: header.flags.contains(LinkFlags::Up),
        state: LinkState::Unknown,
        mtu: 0,
        speed_mbps: None,
        duplex: None,
        stats: InterfaceStats::default(),
    };
    let mut info_kind = None;
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name = name,
            LinkAttribute::Address(bytes) => interface.mac = mac_text(&bytes),
            LinkAttribute::Mtu(mtu) => interface.mtu = mtu,
            LinkAttribute::OperState(state) => interface.state = link_state(state),
            LinkAttribute::Stats64(stats) => interface.stats = interface_stats(&stats),
            LinkAttribute::LinkInfo(infos) => info_kind = infos.into_iter().find_map(kind_of),
            _ => {}
        }
    }
    if interface.name.is_empty() {
        return None;
    }
    interface.kind = interface_kind(&interface.name, header.link_layer_type, info_kind);
    read_port(&mut interface);
    Some(interface)
}

fn kind_of(info: LinkInfo) -> Option<InfoKind> {
    match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    }
}

fn interface_kind(name: &str, layer: LinkLayerType, info: Option<InfoKind>) -> InterfaceKind {
    let is_wireless = || std::path::Path::new(&format!("/sys/class/net/{name}/phy80211")).exists();
    match (layer, info) {
        (LinkLayerType::Loopback, _) => InterfaceKind::Loopback,
        // Hardware has no link info; a veth is what a namespace has instead of a port.
        (LinkLayerType::Ether, None) if is_wireless() => InterfaceKind::Wireless,
        (LinkLayerType::Ether, None | Some(InfoKind::Veth)) => InterfaceKind::Ethernet,
        (_, Some(kind)) => InterfaceKind::Virtual(kind.to_string()),
        (layer, None) => InterfaceKind::Virtual(format!("{layer:?}").to_ascii_lowercase()),
    }
}

/// Speed and duplex come from sysfs, since rtnetlink does not have them. The speed of a link that
/// is down, or of a virtual one, reads as an error or as -1.
fn read_port(interface: &mut Interface) {
    if interface.kind != InterfaceKind::Ethernet {
        return;
    }
    let folder = format!("/sys/class/net/{}", interface.name);
    let speed = read_optional(&format!("{folder}/speed"));
    interface.speed_mbps = speed.and_then(|text| text.parse().ok()).filter(|speed| *speed > 0);
    interface.duplex = match read_optional(&format!("{folder}/duplex")).as_deref() {
        Some("full") => Some(Duplex::Full),
        Some("half") => Some(Duplex::Half),
        _ => None,
    };
}

fn mac_text(bytes: &[u8]) -> String {
    if bytes.len() != 6 {
        return String::new();
    }
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.join(":")
}

fn link_state(state: State) -> LinkState {
    match state {
        State::Up => LinkState::Up,
        State::Down => LinkState::Down,
        State::LowerLayerDown => LinkState::LowerLayerDown,
        State::Dormant => LinkState::Dormant,
        State::NotPresent => LinkState::NotPresent,
        _ => LinkState::Unknown,
    }
}

fn interface_stats(stats: &rtnetlink::packet_route::link::Stats64) -> InterfaceStats {
    InterfaceStats {
        bytes_sent: stats.tx_bytes,
        bytes_received: stats.rx_bytes,
        packets_sent: stats.tx_packets,
        packets_received: stats.rx_packets,
        errors_sent: stats.tx_errors,
        errors_received: stats.rx_errors,
        discards_sent: stats.tx_dropped,
        discards_received: stats.rx_dropped,
        multicast_received: stats.multicast,
        unknown_protocol_received: stats.rx_nohandler,
    }
}

fn address(message: AddressMessage) -> Option<Address> {
    let header = message.header;
    let mut local = None;
    let mut peer = None;
    let mut flags = AddressFlags::from_bits_retain(u32::from(header.flags.bits()));
    let mut protocol = None;
    let mut lifetimes = (u32::MAX, u32::MAX);
    for attribute in message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(address),
            AddressAttribute::Address(address) => peer = Some(address),
            AddressAttribute::Flags(all) => flags = all,
            AddressAttribute::Protocol(source) => protocol = Some(source),
            AddressAttribute::CacheInfo(info) => {
                lifetimes = (info.ifa_preferred, info.ifa_valid);
            }
            _ => {}
        }
    }
    // On a point-to-point link IFA_ADDRESS is the other end, and IFA_LOCAL is ours.
    let address = local.or(peer)?;
    Some(Address {
        interface: header.index,
        address,
        prefix: header.prefix_len,
        scope: address_scope(header.scope),
        origin: address_origin(address, flags, protocol),
        state: address_state(flags),
        // The same bit means "temporary" for IPv6 (RFC 8981).
        secondary: address.is_ipv4() && flags.contains(AddressFlags::Secondary),
        preferred_seconds: finite(lifetimes.0),
        valid_seconds: finite(lifetimes.1),
    })
}

/// The kernel writes "for ever" as the largest number.
fn finite(seconds: u32) -> Option<u32> {
    (seconds != u32::MAX).then_some(seconds)
}

fn address_scope(scope: KernelAddressScope) -> AddressScope {
    match scope {
        KernelAddressScope::Host | KernelAddressScope::Nowhere => AddressScope::Host,
        KernelAddressScope::Link => AddressScope::Link,
        KernelAddressScope::Site => AddressScope::Site,
        _ => AddressScope::Global,
    }
}

fn address_origin(
    address: IpAddr,
    flags: AddressFlags,
    protocol: Option<AddressProtocol>,
) -> AddressOrigin {
    let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let made_by_kernel = matches!(protocol, Some(AddressProtocol::RouterAnnouncement))
        || flags.intersects(AddressFlags::Managetempaddr | AddressFlags::StablePrivacy);
    if address.is_loopback() {
        AddressOrigin::WellKnown
    } else if link_local {
        AddressOrigin::LinkLocal
    } else if flags.contains(AddressFlags::Permanent) {
        AddressOrigin::Static
    } else if address.is_ipv6() && made_by_kernel {
        AddressOrigin::AutoConfigured
    } else {
        AddressOrigin::Dhcp
    }
}

fn address_state(flags: AddressFlags) -> AddressState {
    if flags.contains(AddressFlags::Dadfailed) {
        AddressState::Duplicate
    } else if flags.contains(AddressFlags::Tentative) {
        AddressState::Tentative
    } else if flags.contains(AddressFlags::Deprecated) {
        AddressState::Deprecated
    } else {
        AddressState::Preferred
    }
}

fn default_route(message: RouteMessage) -> Option<DefaultRoute> {
    /// The table an ordinary lookup ends in.
    const MAIN_TABLE: u32 = 254;
    let header = message.header;
    if header.destination_prefix_length != 0 {
        return None;
    }
    let mut table = u32::from(header.table);
    let mut route = DefaultRoute {
        interface: 0,
        is_ipv6: header.address_family == AddressFamily::Inet6,
        gateway: None,
        metric: 0,
    };
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => route.interface = index,
            RouteAttribute::Priority(metric) => route.metric = metric,
            RouteAttribute::Table(number) => table = number,
            RouteAttribute::Gateway(RouteAddress::Inet(v4)) => route.gateway = Some(v4.into()),
            RouteAttribute::Gateway(RouteAddress::Inet6(v6)) => route.gateway = Some(v6.into()),
            _ => {}
        }
    }
    (table == MAIN_TABLE && route.interface != 0).then_some(route)
}

#[cfg(test)]
mod tests;
