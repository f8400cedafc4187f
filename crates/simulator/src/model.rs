//! A model with as many parameters as one likes, named as on a real home gateway (TR-181).

use drover_cpe::{Model, ModelBuilder, ParameterSpec, TableSpec};

/// One column of a table: its name, what it holds, and an example (see [`example_of`]).
type Column = (&'static str, Kind, &'static str);

#[derive(Clone, Copy)]
enum Kind {
    Text,
    WritableText,
    Flag,
    WritableFlag,
    Number,
    WritableNumber,
    Counter,
}

impl Kind {
    fn spec(self) -> ParameterSpec {
        match self {
            Self::Text => ParameterSpec::string(),
            Self::WritableText => ParameterSpec::string().size_max(256).writable(),
            Self::Flag => ParameterSpec::boolean(),
            Self::WritableFlag => ParameterSpec::boolean().writable(),
            Self::Number => ParameterSpec::unsigned_int(),
            Self::WritableNumber => ParameterSpec::unsigned_int().writable(),
            Self::Counter => ParameterSpec::unsigned_long(),
        }
    }
}

struct Table {
    /// Without `{i}.`
    path: &'static str,
    spec: TableSpec,
    columns: &'static [Column],
    /// Rows before the rest of the parameters goes into hosts.
    rows_max: u32,
}

use Kind::{Counter, Flag, Number, Text, WritableFlag, WritableNumber, WritableText};

const SINGLE: &[Column] = &[
    ("DeviceInfo.Description", Text, "Simulated home gateway"),
    ("DeviceInfo.UpTime", Number, "0"),
    ("DeviceInfo.MemoryStatus.Total", Number, "262144"),
    ("DeviceInfo.MemoryStatus.Free", Number, "98304"),
    ("DeviceInfo.ProcessStatus.CPUUsage", Number, "7"),
    ("Time.Enable", WritableFlag, "true"),
    ("Time.Status", Text, "Synchronized"),
    ("Time.NTPServer1", WritableText, "time.example"),
    ("Time.LocalTimeZone", WritableText, "CET-1CEST,M3.5.0,M10.5.0/3"),
    ("DNS.Client.Enable", WritableFlag, "true"),
    ("DHCPv4.Server.Enable", WritableFlag, "true"),
    ("Firewall.Enable", WritableFlag, "true"),
    ("Firewall.Config", WritableText, "High"),
];

const TABLES: &[Table] = &[
    Table {
        path: "Device.Ethernet.Interface.",
        spec: TableSpec::fixed(),
        columns: &[
            ("Enable", WritableFlag, "true"),
            ("Status", Text, "Up"),
            ("Name", Text, "eth#"),
            ("Upstream", Flag, "false"),
            ("MACAddress", Text, "02:00:5E:00:00:@"),
            ("MaxBitRate", WritableNumber, "1000"),
            ("Stats.BytesSent", Counter, "123456789"),
            ("Stats.BytesReceived", Counter, "987654321"),
            ("Stats.PacketsSent", Counter, "123456"),
            ("Stats.PacketsReceived", Counter, "654321"),
        ],
        rows_max: 5,
    },
    Table {
        path: "Device.IP.Interface.",
        spec: TableSpec::writable(),
        columns: &[
            ("Enable", WritableFlag, "true"),
            ("Status", Text, "Up"),
            ("Name", Text, "ip#"),
            ("Type", Text, "Normal"),
            ("MaxMTUSize", WritableNumber, "1500"),
            ("LowerLayers", WritableText, "Device.Ethernet.Interface.#"),
            ("Stats.BytesSent", Counter, "12345678"),
            ("Stats.BytesReceived", Counter, "87654321"),
        ],
        rows_max: 4,
    },
    Table {
        path: "Device.WiFi.SSID.",
        spec: TableSpec::writable(),
        columns: &[
            ("Enable", WritableFlag, "true"),
            ("Status", Text, "Up"),
            ("SSID", WritableText, "Home #"),
            ("BSSID", Text, "02:00:5E:00:01:@"),
            ("LowerLayers", WritableText, "Device.WiFi.Radio.1"),
            ("Stats.BytesSent", Counter, "4711"),
            ("Stats.BytesReceived", Counter, "1147"),
        ],
        rows_max: 8,
    },
    Table {
        path: "Device.WiFi.AccessPoint.",
        spec: TableSpec::writable(),
        columns: &[
            ("Enable", WritableFlag, "true"),
            ("Status", Text, "Enabled"),
            ("SSIDReference", WritableText, "Device.WiFi.SSID.#"),
            ("SSIDAdvertisementEnabled", WritableFlag, "true"),
            ("Security.ModeEnabled", WritableText, "WPA2-Personal"),
        ],
        rows_max: 8,
    },
];

const HOSTS: Table = Table {
    path: "Device.Hosts.Host.",
    spec: TableSpec::fixed(),
    columns: &[
        ("PhysAddress", Text, "02:00:5E:00:02:@"),
        ("IPAddress", Text, "192.168.~"),
        ("AddressSource", Text, "DHCP"),
        ("LeaseTimeRemaining", Number, "86400"),
        ("Layer1Interface", Text, "Device.WiFi.SSID.1"),
        ("HostName", Text, "host-#"),
        ("Active", Flag, "true"),
    ],
    rows_max: u32::MAX,
};

/// A TR-181 model with `parameters` parameters, or as few as a device needs if that is more: some
/// of them writable, most of them in rows.
pub fn generated_model(parameters: usize) -> Model {
    let mut plan = Plan::new(parameters);
    for (name, kind, example) in SINGLE {
        plan.builder.parameter(&format!("Device.{name}"), kind.spec().value(*example));
    }
    for table in TABLES {
        plan.declare(table);
    }
    plan.declare(&HOSTS);
    for table in TABLES.iter().chain([&HOSTS]) {
        plan.fill(table);
    }
    for number in 1..=plan.left {
        let path = format!("Device.DeviceInfo.X_DROVER_Note{number}");
        plan.builder.parameter(&path, WritableText.spec());
    }
    build(plan.builder)
}

struct Plan {
    builder: ModelBuilder,
    /// Parameters still to be added.
    left: usize,
}

impl Plan {
    fn new(parameters: usize) -> Self {
        let mut builder = ModelBuilder::new("Device");
        builder
            .standard()
            .value("Device.DeviceInfo.ModelName", "Simulated gateway")
            .value("Device.DeviceInfo.SoftwareVersion", "1.0.0")
            .value("Device.DeviceInfo.HardwareVersion", "1");
        let counters = TABLES.len() + 1;
        let base = standard_count() + SINGLE.len() + counters;
        Self { builder, left: parameters.saturating_sub(base) }
    }

    fn declare(&mut self, table: &Table) {
        let path = format!("{}{{i}}.", table.path);
        self.builder.table(&path, table.spec);
        let count = format!("{}NumberOfEntries", table.path.trim_end_matches('.'));
        self.builder.parameter(&count, ParameterSpec::unsigned_int());
        for (name, kind, _) in table.columns {
            self.builder.parameter(&format!("{path}{name}"), kind.spec());
        }
    }

    fn fill(&mut self, table: &Table) {
        let rows = self.left / table.columns.len();
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).min(table.rows_max);
        for row in 1..=rows {
            self.builder.row(table.path, row);
            for (name, _, example) in table.columns {
                let path = format!("{}{row}.{name}", table.path);
                self.builder.value(&path, example_of(example, row));
            }
            self.left -= table.columns.len();
        }
    }
}

/// Fills in the number of the row: `#` as it is, `@` as a byte of a MAC address, `~` as the end of
/// an IPv4 address.
fn example_of(example: &str, row: u32) -> String {
    let example = example.replace('#', &row.to_string());
    let example = example.replace('@', &format!("{:02X}", row % 256));
    example.replace('~', &format!("{}.{}", row / 250 % 256, row % 250 + 2))
}

/// Parameters that every device has.
fn standard_count() -> usize {
    let mut builder = ModelBuilder::new("Device");
    builder.standard();
    build(builder).factory_parameter_count()
}

fn build(builder: ModelBuilder) -> Model {
    builder.build().expect("invariant: the tables above make a model")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_exactly_as_many_parameters_as_asked_for() {
        for parameters in [100, 101, 260, 500, 3000] {
            assert_eq!(generated_model(parameters).factory_parameter_count(), parameters);
        }
        let least = generated_model(0).factory_parameter_count();
        assert!((30..60).contains(&least), "{least}");
    }
}
