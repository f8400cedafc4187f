//! A model with as many parameters as one likes, named as on a real home gateway (TR-181).

use std::sync::Arc;

use drover_cpe::{Model, ModelBuilder, ParameterSpec};
use drover_datamodel::{Schema, shipped};

/// A column of a table: its name, and an example (see [`example_of`]). What it is, the model says.
type Column = (&'static str, &'static str);

/// The model that generated devices have a part of.
const MODEL: &str = "Device:2.19";

struct Table {
    /// Without `{i}.`
    path: &'static str,
    columns: &'static [Column],
    /// Rows before the rest of the parameters goes into hosts.
    rows_max: u32,
}

const SINGLE: &[Column] = &[
    ("DeviceInfo.Description", "Simulated home gateway"),
    ("DeviceInfo.UpTime", "0"),
    ("DeviceInfo.MemoryStatus.Total", "262144"),
    ("DeviceInfo.MemoryStatus.Free", "98304"),
    ("DeviceInfo.ProcessStatus.CPUUsage", "7"),
    ("Time.Enable", "true"),
    ("Time.Status", "Synchronized"),
    ("DNS.Relay.Enable", "true"),
    ("Time.LocalTimeZone", "CET-1CEST,M3.5.0,M10.5.0/3"),
    ("DNS.Client.Enable", "true"),
    ("DHCPv4.Server.Enable", "true"),
    ("Firewall.Enable", "true"),
    ("Firewall.Config", "High"),
];

const TABLES: &[Table] = &[
    Table {
        path: "Device.Ethernet.Interface.",
        columns: &[
            ("Enable", "true"),
            ("Status", "Up"),
            ("Name", "eth#"),
            ("Upstream", "false"),
            ("MACAddress", "02:00:5E:00:00:@"),
            ("MaxBitRate", "1000"),
            ("Stats.BytesSent", "123456789"),
            ("Stats.BytesReceived", "987654321"),
            ("Stats.PacketsSent", "123456"),
            ("Stats.PacketsReceived", "654321"),
        ],
        rows_max: 5,
    },
    Table {
        path: "Device.IP.Interface.",
        columns: &[
            ("Enable", "true"),
            ("Status", "Up"),
            ("Name", "ip#"),
            ("Type", "Normal"),
            ("MaxMTUSize", "1500"),
            ("LowerLayers", "Device.Ethernet.Interface.#"),
            ("Stats.BytesSent", "12345678"),
            ("Stats.BytesReceived", "87654321"),
        ],
        rows_max: 4,
    },
    Table {
        path: "Device.WiFi.SSID.",
        columns: &[
            ("Enable", "true"),
            ("Status", "Up"),
            ("SSID", "Home #"),
            ("BSSID", "02:00:5E:00:01:@"),
            ("LowerLayers", "Device.WiFi.Radio.1"),
            ("Stats.BytesSent", "4711"),
            ("Stats.BytesReceived", "1147"),
        ],
        rows_max: 8,
    },
    Table {
        path: "Device.WiFi.AccessPoint.",
        columns: &[
            ("Enable", "true"),
            ("Status", "Enabled"),
            ("SSIDReference", "Device.WiFi.SSID.#"),
            ("SSIDAdvertisementEnabled", "true"),
            ("Security.ModeEnabled", "WPA2-Personal"),
        ],
        rows_max: 8,
    },
];

const HOSTS: Table = Table {
    path: "Device.Hosts.Host.",
    columns: &[
        ("PhysAddress", "02:00:5E:00:02:@"),
        ("IPAddress", "192.168.~"),
        ("InterfaceType", "Wi-Fi"),
        ("Layer3Interface", "Device.IP.Interface.1"),
        ("Layer1Interface", "Device.WiFi.SSID.1"),
        ("HostName", "host-#"),
        ("Active", "true"),
    ],
    rows_max: u32::MAX,
};

/// A TR-181 model with `parameters` parameters, or as few as a device needs if that is more: some
/// of them writable, most of them in rows.
pub fn generated_model(parameters: usize) -> Model {
    let mut plan = Plan::new(parameters);
    for (name, example) in SINGLE {
        let path = format!("Device.{name}");
        plan.builder.declare(&plan.schema, &path).value(&path, *example);
    }
    for table in TABLES.iter().chain([&HOSTS]) {
        plan.declare(table);
    }
    for table in TABLES.iter().chain([&HOSTS]) {
        plan.fill(table);
    }
    for number in 1..=plan.left {
        let path = format!("Device.DeviceInfo.X_DROVER_Note{number}");
        plan.builder.parameter(&path, ParameterSpec::string().size_max(256).writable());
    }
    build(plan.builder)
}

struct Plan {
    schema: Arc<Schema>,
    builder: ModelBuilder,
    /// Parameters still to be added.
    left: usize,
}

impl Plan {
    fn new(parameters: usize) -> Self {
        let schema = shipped::model(MODEL).expect("invariant: the model is shipped");
        let mut builder = ModelBuilder::new("Device");
        builder
            .standard_of(&schema)
            .value("Device.DeviceInfo.ModelName", "Simulated gateway")
            .value("Device.DeviceInfo.SoftwareVersion", "1.0.0")
            .value("Device.DeviceInfo.HardwareVersion", "1");
        let counters = TABLES.len() + 1;
        let base = standard_count() + SINGLE.len() + counters;
        Self { schema, builder, left: parameters.saturating_sub(base) }
    }

    /// The table comes with its first column.
    fn declare(&mut self, table: &Table) {
        for (name, _) in table.columns {
            self.builder.declare(&self.schema, &format!("{}{{i}}.{name}", table.path));
        }
    }

    fn fill(&mut self, table: &Table) {
        let rows = self.left / table.columns.len();
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).min(table.rows_max);
        for row in 1..=rows {
            self.builder.row(table.path, row);
            for (name, example) in table.columns {
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

/// The newest model with this root object that comes with the program.
pub(crate) fn model_of_root(root: &str) -> Option<Arc<Schema>> {
    let name = shipped::MODELS.iter().find(|model| model.name.split(':').next() == Some(root))?;
    Some(name.schema())
}

#[cfg(test)]
mod tests {
    use drover_datamodel::check::Direction;

    use super::*;

    #[test]
    fn a_model_has_exactly_as_many_parameters_as_asked_for() {
        for parameters in [100, 101, 260, 500, 3000] {
            assert_eq!(generated_model(parameters).factory_parameter_count(), parameters);
        }
        let least = generated_model(0).factory_parameter_count();
        assert!((30..60).contains(&least), "{least}");
    }

    #[test]
    fn examples_are_as_the_model_wants_them() {
        let schema = shipped::model(MODEL).expect("it is shipped");
        let single = SINGLE.iter().map(|(name, example)| (format!("Device.{name}"), *example));
        let columns = TABLES.iter().chain([&HOSTS]).flat_map(|table| {
            let path = |name| format!("{}{{i}}.{name}", table.path);
            table.columns.iter().map(move |(name, example)| (path(name), *example))
        });
        for (path, example) in single.chain(columns) {
            for row in [1, 250, 70_000] {
                let example = example_of(example, row);
                let checked = schema.find_parameter(&path).expect(&path);
                let checked = checked.check(&example, Direction::Report);
                let checked = checked.unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(checked.unknown_words.is_empty(), "{path}: {example}");
            }
        }
    }

    #[test]
    fn each_root_has_its_model() {
        let name = |root| model_of_root(root).map(|schema| schema.name().to_string());
        assert_eq!(name("Device").as_deref(), Some("Device:2.19"));
        assert_eq!(name("InternetGatewayDevice").as_deref(), Some("InternetGatewayDevice:1.14"));
        assert_eq!(name("Other"), None);
    }
}
