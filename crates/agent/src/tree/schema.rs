//! What the agent has of TR-181 (Device:2.19), apart from `ManagementServer`.
//!
//! Names, types and notification limits are those of the published model. What the standard lets
//! an ACS write but the agent does not change on the host is read-only here: the agent never
//! configures the box it runs on.

use drover_cwmp::ValueType;

/// A parameter that the host supplies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostParameter {
    /// The path, with `{i}` for each instance.
    pub(crate) path: &'static str,
    /// Its type.
    pub(crate) value_type: ValueType,
    /// What else is to be said of it.
    pub(crate) trait_: Trait,
}

/// What is special about a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trait {
    /// Nothing.
    Plain,
    /// It changes all the time, so active notification is refused (`activeNotify=canDeny`).
    Changing,
    /// Part of each Inform (section 21 of the requirements).
    Forced,
    /// Part of each Inform, with active notification that cannot be turned off (FIP-03).
    ForcedActive,
}

/// The tables of the host, each with the parameter that counts its rows.
pub(crate) const TABLES: &[&str] = &[
    "Device.DeviceInfo.ProcessStatus.Process.{i}.",
    "Device.Ethernet.Interface.{i}.",
    "Device.IP.Interface.{i}.",
    "Device.IP.Interface.{i}.IPv4Address.{i}.",
    "Device.IP.Interface.{i}.IPv6Address.{i}.",
];

use Trait::{Changing, Forced, ForcedActive, Plain};
use ValueType::{
    Boolean, DateTime, Int, String as Text, UnsignedInt as Uint, UnsignedLong as Ulong,
};

const fn row(path: &'static str, value_type: ValueType, trait_: Trait) -> HostParameter {
    HostParameter { path, value_type, trait_ }
}

/// All parameters of the host.
pub(crate) const PARAMETERS: &[HostParameter] = &[
    row("Device.RootDataModelVersion", Text, Forced),
    row("Device.DeviceInfo.Manufacturer", Text, Plain),
    row("Device.DeviceInfo.ManufacturerOUI", Text, Plain),
    row("Device.DeviceInfo.ModelName", Text, Changing),
    row("Device.DeviceInfo.Description", Text, Changing),
    row("Device.DeviceInfo.ProductClass", Text, Plain),
    row("Device.DeviceInfo.SerialNumber", Text, Plain),
    row("Device.DeviceInfo.HardwareVersion", Text, Forced),
    row("Device.DeviceInfo.SoftwareVersion", Text, ForcedActive),
    row("Device.DeviceInfo.AdditionalHardwareVersion", Text, Plain),
    row("Device.DeviceInfo.AdditionalSoftwareVersion", Text, Plain),
    row("Device.DeviceInfo.UpTime", Uint, Changing),
    row("Device.DeviceInfo.FirstUseDate", DateTime, Plain),
    row("Device.DeviceInfo.HostName", Text, Plain),
    row("Device.DeviceInfo.MemoryStatus.Total", Uint, Plain),
    row("Device.DeviceInfo.MemoryStatus.Free", Uint, Changing),
    row("Device.DeviceInfo.ProcessStatus.CPUUsage", Uint, Changing),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.PID", Uint, Plain),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.Command", Text, Plain),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.Size", Uint, Changing),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.Priority", Uint, Plain),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.CPUTime", Uint, Changing),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.State", Text, Changing),
    row("Device.Ethernet.Interface.{i}.Enable", Boolean, Plain),
    row("Device.Ethernet.Interface.{i}.Status", Text, Plain),
    row("Device.Ethernet.Interface.{i}.Name", Text, Plain),
    row("Device.Ethernet.Interface.{i}.LowerLayers", Text, Plain),
    row("Device.Ethernet.Interface.{i}.Upstream", Boolean, Plain),
    row("Device.Ethernet.Interface.{i}.MACAddress", Text, Plain),
    row("Device.Ethernet.Interface.{i}.MaxBitRate", Int, Plain),
    row("Device.Ethernet.Interface.{i}.CurrentBitRate", Uint, Changing),
    row("Device.Ethernet.Interface.{i}.DuplexMode", Text, Plain),
    row("Device.Ethernet.Interface.{i}.CurrentDuplexMode", Text, Plain),
    row("Device.Ethernet.Interface.{i}.Stats.BytesSent", Ulong, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.BytesReceived", Ulong, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.PacketsSent", Ulong, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.PacketsReceived", Ulong, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.ErrorsSent", Uint, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.ErrorsReceived", Uint, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.DiscardPacketsSent", Uint, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.DiscardPacketsReceived", Uint, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.MulticastPacketsReceived", Ulong, Changing),
    row("Device.Ethernet.Interface.{i}.Stats.UnknownProtoPacketsReceived", Uint, Changing),
    row("Device.IP.IPv4Capable", Boolean, Plain),
    row("Device.IP.IPv4Status", Text, Plain),
    row("Device.IP.IPv6Capable", Boolean, Plain),
    row("Device.IP.IPv6Status", Text, Plain),
    row("Device.IP.Interface.{i}.Enable", Boolean, Plain),
    row("Device.IP.Interface.{i}.IPv4Enable", Boolean, Plain),
    row("Device.IP.Interface.{i}.IPv6Enable", Boolean, Plain),
    row("Device.IP.Interface.{i}.Status", Text, Plain),
    row("Device.IP.Interface.{i}.Name", Text, Plain),
    row("Device.IP.Interface.{i}.LowerLayers", Text, Plain),
    row("Device.IP.Interface.{i}.MaxMTUSize", Uint, Plain),
    row("Device.IP.Interface.{i}.Type", Text, Plain),
    row("Device.IP.Interface.{i}.Loopback", Boolean, Plain),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.Enable", Boolean, Plain),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.Status", Text, Plain),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.IPAddress", Text, Plain),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.SubnetMask", Text, Plain),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.AddressingType", Text, Plain),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.Enable", Boolean, Plain),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.Status", Text, Plain),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.IPAddressStatus", Text, Plain),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.IPAddress", Text, Plain),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.Origin", Text, Plain),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.PreferredLifetime", DateTime, Plain),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.ValidLifetime", DateTime, Plain),
    row("Device.IP.Interface.{i}.Stats.BytesSent", Ulong, Changing),
    row("Device.IP.Interface.{i}.Stats.BytesReceived", Ulong, Changing),
    row("Device.IP.Interface.{i}.Stats.PacketsSent", Ulong, Changing),
    row("Device.IP.Interface.{i}.Stats.PacketsReceived", Ulong, Changing),
    row("Device.IP.Interface.{i}.Stats.ErrorsSent", Uint, Changing),
    row("Device.IP.Interface.{i}.Stats.ErrorsReceived", Uint, Changing),
    row("Device.IP.Interface.{i}.Stats.DiscardPacketsSent", Uint, Changing),
    row("Device.IP.Interface.{i}.Stats.DiscardPacketsReceived", Uint, Changing),
    row("Device.IP.Interface.{i}.Stats.MulticastPacketsReceived", Ulong, Changing),
    row("Device.IP.Interface.{i}.Stats.UnknownProtoPacketsReceived", Uint, Changing),
    row("Device.Time.Enable", Boolean, Plain),
    row("Device.Time.Status", Text, Plain),
    row("Device.Time.CurrentLocalTime", DateTime, Changing),
    row("Device.Time.LocalTimeZone", Text, Plain),
];
