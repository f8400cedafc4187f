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
    /// How often its value changes.
    pub(crate) pace: Pace,
}

/// How often a value changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pace {
    /// Now and then: an event worth reporting.
    Still,
    /// All the time, so that active notification is refused (`activeNotify=canDeny` in the model).
    Moving,
}

/// The tables of the host, each with the parameter that counts its rows.
pub(crate) const TABLES: &[&str] = &[
    "Device.DeviceInfo.ProcessStatus.Process.{i}.",
    "Device.Ethernet.Interface.{i}.",
    "Device.IP.Interface.{i}.",
    "Device.IP.Interface.{i}.IPv4Address.{i}.",
    "Device.IP.Interface.{i}.IPv6Address.{i}.",
];

use Pace::{Moving, Still};
use ValueType::{
    Boolean, DateTime, Int, String as Text, UnsignedInt as Uint, UnsignedLong as Ulong,
};

const fn row(path: &'static str, value_type: ValueType, pace: Pace) -> HostParameter {
    HostParameter { path, value_type, pace }
}

/// All parameters of the host.
pub(crate) const PARAMETERS: &[HostParameter] = &[
    row("Device.RootDataModelVersion", Text, Still),
    row("Device.DeviceInfo.ModelName", Text, Moving),
    row("Device.DeviceInfo.Description", Text, Moving),
    row("Device.DeviceInfo.HardwareVersion", Text, Still),
    row("Device.DeviceInfo.SoftwareVersion", Text, Still),
    row("Device.DeviceInfo.AdditionalHardwareVersion", Text, Still),
    row("Device.DeviceInfo.AdditionalSoftwareVersion", Text, Still),
    row("Device.DeviceInfo.UpTime", Uint, Moving),
    row("Device.DeviceInfo.FirstUseDate", DateTime, Still),
    row("Device.DeviceInfo.HostName", Text, Still),
    row("Device.DeviceInfo.MemoryStatus.Total", Uint, Still),
    row("Device.DeviceInfo.MemoryStatus.Free", Uint, Moving),
    row("Device.DeviceInfo.ProcessStatus.CPUUsage", Uint, Moving),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.PID", Uint, Still),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.Command", Text, Still),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.Size", Uint, Moving),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.Priority", Uint, Still),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.CPUTime", Uint, Moving),
    row("Device.DeviceInfo.ProcessStatus.Process.{i}.State", Text, Moving),
    row("Device.Ethernet.Interface.{i}.Enable", Boolean, Still),
    row("Device.Ethernet.Interface.{i}.Status", Text, Still),
    row("Device.Ethernet.Interface.{i}.Name", Text, Still),
    row("Device.Ethernet.Interface.{i}.LowerLayers", Text, Still),
    row("Device.Ethernet.Interface.{i}.Upstream", Boolean, Still),
    row("Device.Ethernet.Interface.{i}.MACAddress", Text, Still),
    row("Device.Ethernet.Interface.{i}.MaxBitRate", Int, Still),
    row("Device.Ethernet.Interface.{i}.CurrentBitRate", Uint, Moving),
    row("Device.Ethernet.Interface.{i}.DuplexMode", Text, Still),
    row("Device.Ethernet.Interface.{i}.CurrentDuplexMode", Text, Still),
    row("Device.Ethernet.Interface.{i}.Stats.BytesSent", Ulong, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.BytesReceived", Ulong, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.PacketsSent", Ulong, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.PacketsReceived", Ulong, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.ErrorsSent", Uint, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.ErrorsReceived", Uint, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.DiscardPacketsSent", Uint, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.DiscardPacketsReceived", Uint, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.MulticastPacketsReceived", Ulong, Moving),
    row("Device.Ethernet.Interface.{i}.Stats.UnknownProtoPacketsReceived", Uint, Moving),
    row("Device.IP.IPv4Capable", Boolean, Still),
    row("Device.IP.IPv4Status", Text, Still),
    row("Device.IP.IPv6Capable", Boolean, Still),
    row("Device.IP.IPv6Status", Text, Still),
    row("Device.IP.Interface.{i}.Enable", Boolean, Still),
    row("Device.IP.Interface.{i}.IPv4Enable", Boolean, Still),
    row("Device.IP.Interface.{i}.IPv6Enable", Boolean, Still),
    row("Device.IP.Interface.{i}.Status", Text, Still),
    row("Device.IP.Interface.{i}.Name", Text, Still),
    row("Device.IP.Interface.{i}.LowerLayers", Text, Still),
    row("Device.IP.Interface.{i}.MaxMTUSize", Uint, Still),
    row("Device.IP.Interface.{i}.Type", Text, Still),
    row("Device.IP.Interface.{i}.Loopback", Boolean, Still),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.Enable", Boolean, Still),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.Status", Text, Still),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.IPAddress", Text, Still),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.SubnetMask", Text, Still),
    row("Device.IP.Interface.{i}.IPv4Address.{i}.AddressingType", Text, Still),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.Enable", Boolean, Still),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.Status", Text, Still),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.IPAddressStatus", Text, Still),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.IPAddress", Text, Still),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.Origin", Text, Still),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.PreferredLifetime", DateTime, Still),
    row("Device.IP.Interface.{i}.IPv6Address.{i}.ValidLifetime", DateTime, Still),
    row("Device.IP.Interface.{i}.Stats.BytesSent", Ulong, Moving),
    row("Device.IP.Interface.{i}.Stats.BytesReceived", Ulong, Moving),
    row("Device.IP.Interface.{i}.Stats.PacketsSent", Ulong, Moving),
    row("Device.IP.Interface.{i}.Stats.PacketsReceived", Ulong, Moving),
    row("Device.IP.Interface.{i}.Stats.ErrorsSent", Uint, Moving),
    row("Device.IP.Interface.{i}.Stats.ErrorsReceived", Uint, Moving),
    row("Device.IP.Interface.{i}.Stats.DiscardPacketsSent", Uint, Moving),
    row("Device.IP.Interface.{i}.Stats.DiscardPacketsReceived", Uint, Moving),
    row("Device.IP.Interface.{i}.Stats.MulticastPacketsReceived", Ulong, Moving),
    row("Device.IP.Interface.{i}.Stats.UnknownProtoPacketsReceived", Uint, Moving),
    row("Device.Time.Enable", Boolean, Still),
    row("Device.Time.Status", Text, Still),
    row("Device.Time.CurrentLocalTime", DateTime, Moving),
    row("Device.Time.LocalTimeZone", Text, Still),
];
