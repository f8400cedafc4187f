//! Devices of one model with values of their own.

use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::event::{Event, EventCode};
use drover_cwmp::{CwmpVersion, Value, ValueType};
use drover_provision::{Batch, DeviceFields, DeviceKey, Identity, Known, Parameter};
use jiff::Timestamp;

/// Parameters of each device.
pub(crate) const PARAMETERS: usize = 260;

/// Indexes beside those that a new store has for `Device.`, all of which a device has.
pub(crate) const EXTRA_INDEXES: [&str; 10] = [
    "Device.DeviceInfo.UpTime",
    "Device.DeviceInfo.FirstUseDate",
    "Device.ManagementServer.PeriodicInformInterval",
    "Device.ManagementServer.ParameterKey",
    "Device.Ethernet.Interface.2.MACAddress",
    "Device.WiFi.Radio.1.Channel",
    "Device.WiFi.SSID.1.BSSID",
    "Device.WiFi.SSID.2.SSID",
    "Device.DNS.Client.Server.1.DNSServer",
    "Device.Time.NTPServer1",
];

/// Numbers that look random and are the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 32)
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit)).expect("it is below the limit")
    }

    fn byte(&mut self) -> u32 {
        self.below(256)
    }

    fn mac(&mut self) -> String {
        let (a, b, c) = (self.byte(), self.byte(), self.byte());
        format!("02:00:5E:{a:02X}:{b:02X}:{c:02X}")
    }

    fn address(&mut self, network: &str) -> String {
        format!("{network}.{}.{}", self.byte(), self.byte())
    }
}

pub(crate) fn device_key(number: u32) -> DeviceKey {
    identity(number).key()
}

fn identity(number: u32) -> Identity {
    Identity {
        manufacturer: "Acme Networks".to_owned(),
        oui: "00D09E".to_owned(),
        product_class: "Gateway 4000".to_owned(),
        serial_number: format!("AC{:010}", u64::from(number) * 7_919 % 10_000_000_019),
    }
}

/// The first session of a device.
pub(crate) fn registration(number: u32) -> Batch {
    let mut random = Random::new(number.into());
    let parameters = values(number, &mut random);
    assert_eq!(parameters.len(), PARAMETERS);
    let parameters = (0..).zip(parameters).map(|(place, (path, value_type, text))| {
        (path, Some(parameter(number, place, value_type, text)))
    });
    Batch {
        fields: Some(fields(number)),
        parameters: parameters.collect(),
        ..Batch::new(device_key(number))
    }
}

/// A session in which nothing is new but its time.
pub(crate) fn inform(number: u32) -> Batch {
    Batch { fields: Some(fields(number)), ..Batch::new(device_key(number)) }
}

/// A session that reads 64 values again, 10 of which have changed, and maybe three of the index.
pub(crate) fn reading(number: u32, random: &mut Random, with_index: bool) -> Batch {
    let all = values(number, &mut Random::new(number.into()));
    let indexed = |path: &str| {
        path.ends_with("MACAddress") || path.ends_with("SSID") || path.ends_with("IPAddress")
    };
    let read = all.into_iter().filter(|(path, ..)| path.contains(".Stats.") || indexed(path));
    let now = at(i64::from(random.below(1_000_000)) + 10_000_000);
    let mut changes = BTreeMap::new();
    let mut left = if with_index { 3 } else { 0 };
    for (place, (path, value_type, text)) in (0..64).zip(read) {
        let text = match value_type {
            _ if place < 10 && path.contains(".Stats.") => random.below(1_000_000_000).to_string(),
            _ if left > 0 && path.contains(".1.") && indexed(&path) => {
                left -= 1;
                format!("{text}{}", random.byte())
            }
            _ => text,
        };
        let known = parameter(number, place, value_type, text);
        let value = known.value.map(|value| Known::new(value.value, now));
        changes.insert(path, Some(Parameter { found: now, value, ..known }));
    }
    Batch { parameters: changes, ..inform(number) }
}

fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(1_795_000_000_000 + millisecond).expect("a time")
}

fn fields(number: u32) -> DeviceFields {
    let registered = at(i64::from(number) * 13);
    DeviceFields {
        identity: identity(number),
        registered,
        last_inform: at(i64::from(number) * 17 + 86_400_000),
        last_boot: Some(registered),
        last_bootstrap: Some(registered),
        sessions: 24,
        last_events: vec![Event::new(EventCode::Periodic)],
        root: Some("Device.".to_owned()),
        cwmp_version: CwmpVersion::V1_4,
        peculiarities: BTreeSet::new(),
        connection_request: Credentials::new("acs", Secret::new(format!("{number:016x}"))),
    }
}

/// Values come in requests for 32, a fifth of a second each, after the names were asked for.
fn parameter(number: u32, place: i64, value_type: ValueType, text: String) -> Parameter {
    let began = i64::from(number) * 13;
    let read = at(began + place / 32 * 200 + i64::from(number % 97));
    let writable = Some(Known::new(place % 3 == 0, at(began)));
    Parameter { writable, ..Parameter::with_value(Value::new(value_type, text), read) }
}

type Row = (String, ValueType, String);

/// 260 values: what all have, what few differ in, and what is each device's own.
fn values(number: u32, random: &mut Random) -> Vec<Row> {
    use ValueType::{Boolean, DateTime, String as Text, UnsignedInt, UnsignedLong};
    let mut rows: Vec<Row> = Vec::with_capacity(PARAMETERS);
    let mut add = |path: String, value_type, text: String| rows.push((path, value_type, text));
    let serial = identity(number).serial_number;
    for (name, text) in [
        ("Manufacturer", "Acme Networks".to_owned()),
        ("ManufacturerOUI", "00D09E".to_owned()),
        ("ModelName", format!("Gateway 4{}00", random.below(4))),
        ("Description", "VDSL gateway with four ports".to_owned()),
        ("ProductClass", "Gateway 4000".to_owned()),
        ("SerialNumber", serial),
        ("HardwareVersion", format!("R{}", random.below(3))),
        ("SoftwareVersion", format!("V{}.{}", random.below(4), random.below(15))),
        ("AdditionalSoftwareVersion", String::new()),
        ("ProvisioningCode", format!("TLCO.GRP{}", random.below(50))),
    ] {
        add(format!("Device.DeviceInfo.{name}"), Text, text);
    }
    add("Device.DeviceInfo.UpTime".to_owned(), UnsignedInt, random.below(9_000_000).to_string());
    let first = at(-i64::from(random.below(1_000_000_000))).to_string();
    add("Device.DeviceInfo.FirstUseDate".to_owned(), DateTime, first);
    let address = random.address("10.7");
    for (name, value_type, text) in [
        ("URL", Text, "https://acs.example.com:7547/".to_owned()),
        ("Username", Text, format!("user{number}")),
        ("Password", Text, String::new()),
        ("PeriodicInformEnable", Boolean, "true".to_owned()),
        ("PeriodicInformInterval", UnsignedInt, "3600".to_owned()),
        ("PeriodicInformTime", DateTime, "0001-01-01T00:00:00Z".to_owned()),
        ("ParameterKey", Text, format!("{:x}", random.next())),
        ("ConnectionRequestURL", Text, format!("http://{address}:7547/{:x}", random.next())),
        ("ConnectionRequestUsername", Text, "acs".to_owned()),
        ("ConnectionRequestPassword", Text, String::new()),
        ("UpgradesManaged", Boolean, "true".to_owned()),
        ("CWMPRetryMinimumWaitInterval", UnsignedInt, "5".to_owned()),
        ("CWMPRetryIntervalMultiplier", UnsignedInt, "2000".to_owned()),
    ] {
        add(format!("Device.ManagementServer.{name}"), value_type, text);
    }
    let stats = [
        "BytesSent",
        "BytesReceived",
        "PacketsSent",
        "PacketsReceived",
        "ErrorsSent",
        "ErrorsReceived",
        "DiscardPacketsSent",
        "DiscardPacketsReceived",
    ];
    let mut ports: Vec<String> = (1..=4).map(|port| format!("Ethernet.Interface.{port}")).collect();
    ports.extend((1..=4).map(|ssid| format!("WiFi.SSID.{ssid}")));
    for port in &ports {
        let path = |name: &str| format!("Device.{port}.{name}");
        let is_up = random.below(3) > 0;
        add(path("Enable"), Boolean, "true".to_owned());
        add(path("Status"), Text, if is_up { "Up" } else { "Down" }.to_owned());
        add(path("Name"), Text, format!("if{}", port.len()));
        add(path("LastChange"), UnsignedInt, random.below(5_000_000).to_string());
        add(path("LowerLayers"), Text, String::new());
        if port.starts_with("WiFi") {
            add(path("BSSID"), Text, random.mac());
            add(path("SSID"), Text, format!("Home-{:06X}", random.below(1 << 24)));
        } else {
            add(path("MACAddress"), Text, random.mac());
            add(path("MaxBitRate"), UnsignedInt, "1000".to_owned());
        }
        for name in stats {
            let count = match name {
                _ if !is_up || name.contains("Err") || name.contains("Dis") => 0,
                _ => random.next() >> 32,
            };
            add(path(&format!("Stats.{name}")), UnsignedLong, count.to_string());
        }
    }
    for radio in 1..=2 {
        for (name, value_type, text) in [
            ("Enable", Boolean, "true".to_owned()),
            ("Status", Text, "Up".to_owned()),
            ("Channel", UnsignedInt, (random.below(11) + 1).to_string()),
            ("AutoChannelEnable", Boolean, "true".to_owned()),
            ("OperatingStandards", Text, "g,n,ax".to_owned()),
            ("TransmitPower", UnsignedInt, "100".to_owned()),
            ("RegulatoryDomain", Text, "DE ".to_owned()),
        ] {
            add(format!("Device.WiFi.Radio.{radio}.{name}"), value_type, text);
        }
    }
    let outer = random.address("203.0");
    for (path, text) in [
        ("IP.Interface.1.IPv4Address.1.IPAddress", outer.clone()),
        ("IP.Interface.1.IPv4Address.1.SubnetMask", "255.255.252.0".to_owned()),
        ("IP.Interface.2.IPv4Address.1.IPAddress", "192.168.1.1".to_owned()),
        ("IP.Interface.2.IPv4Address.1.SubnetMask", "255.255.255.0".to_owned()),
        ("PPP.Interface.1.Username", format!("{:08}@isp.example.com", random.below(99_999_999))),
        ("PPP.Interface.1.ConnectionStatus", "Connected".to_owned()),
        ("PPP.Interface.1.IPCP.LocalIPAddress", outer),
        ("DNS.Client.Server.1.DNSServer", "203.0.113.53".to_owned()),
        ("DNS.Client.Server.2.DNSServer", "203.0.113.54".to_owned()),
        ("Time.NTPServer1", "ntp.example.com".to_owned()),
        ("Time.Status", "Synchronized".to_owned()),
        ("Time.CurrentLocalTime", at(random.below(1 << 30).into()).to_string()),
    ] {
        add(format!("Device.{path}"), Text, text);
    }
    // Hosts are numbered as they come, so that each device has other numbers.
    let mut host = random.below(5_000);
    for place in 0.. {
        host += 1 + random.below(5);
        let row: [(&str, ValueType, String); 7] = [
            ("PhysAddress", Text, random.mac()),
            ("IPAddress", Text, format!("192.168.1.{}", 10 + place)),
            ("HostName", Text, format!("host-{:04x}", random.below(1 << 16))),
            ("AddressSource", Text, "DHCP".to_owned()),
            ("LeaseTimeRemaining", ValueType::Int, random.below(86_400).to_string()),
            ("Active", Boolean, (random.below(2) == 0).to_string()),
            ("Layer1Interface", Text, format!("Device.WiFi.SSID.{}.", 1 + random.below(4))),
        ];
        for (name, value_type, text) in row {
            if rows.len() == PARAMETERS {
                return rows;
            }
            rows.push((format!("Device.Hosts.Host.{host}.{name}"), value_type, text));
        }
    }
    rows
}
