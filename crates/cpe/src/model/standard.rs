//! The parameters that the protocol itself works with.
//!
//! Where a schema has them, it says what they are. The tables here say the same, as far as a device
//! cannot do without, for trees that come without a schema; [`ParameterSpec::of_schema`] tells the
//! two apart.

use drover_datamodel::Schema;
use drover_datamodel::check::null_value;

use super::builder::{Children, Draft, ModelBuilder, TableDraft, find};
use super::{Kind, Model, NotificationPolicy, ParameterSpec};
use crate::key::NodeId;

macro_rules! roles {
    ($($(#[$meta:meta])* $role:ident = $path:literal;)*) => {
        /// A parameter with a meaning for the protocol itself, by its path below the root object.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Role {
            $($(#[$meta])* $role,)*
        }

        impl Role {
            pub(crate) const COUNT: usize = Self::ALL.len();
            const ALL: &[(Self, &str)] = &[$((Self::$role, $path),)*];
        }
    };
}

roles! {
    Manufacturer = "DeviceInfo.Manufacturer";
    ManufacturerOui = "DeviceInfo.ManufacturerOUI";
    ProductClass = "DeviceInfo.ProductClass";
    SerialNumber = "DeviceInfo.SerialNumber";
    Url = "ManagementServer.URL";
    Username = "ManagementServer.Username";
    Password = "ManagementServer.Password";
    PeriodicInformEnable = "ManagementServer.PeriodicInformEnable";
    PeriodicInformInterval = "ManagementServer.PeriodicInformInterval";
    PeriodicInformTime = "ManagementServer.PeriodicInformTime";
    ParameterKey = "ManagementServer.ParameterKey";
    ConnectionRequestUrl = "ManagementServer.ConnectionRequestURL";
    ConnectionRequestUsername = "ManagementServer.ConnectionRequestUsername";
    ConnectionRequestPassword = "ManagementServer.ConnectionRequestPassword";
    RetryMinimumWaitInterval = "ManagementServer.CWMPRetryMinimumWaitInterval";
    RetryIntervalMultiplier = "ManagementServer.CWMPRetryIntervalMultiplier";
    /// `NOT-04`
    NotificationThrottle = "ManagementServer.DefaultActiveNotificationThrottle";
    /// `CONN-06`
    EnableCwmp = "ManagementServer.EnableCWMP";
    /// Names the WAN connection in use (`FIP-02`).
    DefaultConnectionService = "Layer3Forwarding.DefaultConnectionService";
}

/// Parameters of every Inform, below the root object (section 21).
const FORCED_INFORM: &[&str] = &[
    "RootDataModelVersion",
    "DeviceSummary",
    "DeviceInfo.SpecVersion",
    "DeviceInfo.HardwareVersion",
    "DeviceInfo.SoftwareVersion",
    "DeviceInfo.ProvisioningCode",
    "ManagementServer.ParameterKey",
    "ManagementServer.ConnectionRequestURL",
    "ManagementServer.AliasBasedAddressing",
    "LAN.IPAddress",
];

/// Parameters with a policy of their own (`FIP-03`).
const POLICIES: &[(&str, NotificationPolicy)] = &[
    ("DeviceInfo.SoftwareVersion", NotificationPolicy::ForceEnabled),
    ("DeviceInfo.ProvisioningCode", NotificationPolicy::ForceEnabled),
    ("ManagementServer.ConnectionRequestURL", NotificationPolicy::ForceDefaultEnabled),
    ("ManagementServer.ConnReqJabberID", NotificationPolicy::ForceDefaultEnabled),
    ("GatewayInfo.ManufacturerOUI", NotificationPolicy::ForceDefaultEnabled),
    ("GatewayInfo.ProductClass", NotificationPolicy::ForceDefaultEnabled),
    ("GatewayInfo.SerialNumber", NotificationPolicy::ForceDefaultEnabled),
];

/// Secrets, which read back empty (`AUTH-04`, `GPV-05`).
const HIDDEN: &[&str] = &[
    "ManagementServer.Password",
    "ManagementServer.ConnectionRequestPassword",
    "ManagementServer.STUNPassword",
];

/// Adds what is missing of `DeviceInfo` and `ManagementServer`, each as the schema says if it has
/// it.
pub(super) fn fill_in(builder: &mut ModelBuilder, schema: Option<&Schema>) {
    let root = builder.root_name().to_owned();
    let mut add = |path: &str, spec| {
        let path = format!("{root}.{path}");
        let spec = of_schema(schema, &path, spec);
        builder.parameter_if_absent(&path, spec);
    };
    match root.as_str() {
        "Device" => add("RootDataModelVersion", text(32).value("2.19")),
        _ => {
            add("DeviceSummary", text(1024).value("InternetGatewayDevice:1.14[](Baseline:1)"));
            add("DeviceInfo.SpecVersion", text(16).value("1.0"));
        }
    }
    add("DeviceInfo.Manufacturer", text(64));
    add("DeviceInfo.ManufacturerOUI", text(6));
    add("DeviceInfo.ModelName", text(64));
    add("DeviceInfo.ProductClass", text(64));
    add("DeviceInfo.SerialNumber", text(64));
    add("DeviceInfo.HardwareVersion", text(64));
    add("DeviceInfo.SoftwareVersion", text(64));
    add("DeviceInfo.ProvisioningCode", text(64).writable());
    add("ManagementServer.URL", text(256).writable());
    add("ManagementServer.Username", text(256).writable());
    add("ManagementServer.Password", text(256).writable().hidden());
    add("ManagementServer.PeriodicInformEnable", ParameterSpec::boolean().writable().value("true"));
    add("ManagementServer.PeriodicInformInterval", number().value("3600"));
    add("ManagementServer.PeriodicInformTime", ParameterSpec::date_time().writable());
    add("ManagementServer.ParameterKey", text(32));
    add("ManagementServer.ConnectionRequestURL", text(256));
    add("ManagementServer.ConnectionRequestUsername", text(256).writable());
    add("ManagementServer.ConnectionRequestPassword", text(256).writable().hidden());
    add("ManagementServer.UpgradesManaged", ParameterSpec::boolean().writable());
    add("ManagementServer.DefaultActiveNotificationThrottle", number());
    add("ManagementServer.CWMPRetryMinimumWaitInterval", number().value("5"));
    add("ManagementServer.CWMPRetryIntervalMultiplier", number().value("2000"));
}

/// What the schema says, with the value of `fallback`: the standard leaves most of them open.
fn of_schema(schema: Option<&Schema>, path: &str, fallback: ParameterSpec) -> ParameterSpec {
    let Some(schema) = schema else { return fallback };
    match schema.find_parameter(path).map(|parameter| ParameterSpec::of(&parameter)) {
        Some(spec) if path.ends_with(".RootDataModelVersion") => {
            spec.value(schema.name().version.to_string())
        }
        Some(spec) if fallback.default == null_value(fallback.value_type) => spec,
        Some(spec) => spec.value(fallback.default),
        None => fallback,
    }
}

fn text(chars_max: usize) -> ParameterSpec {
    ParameterSpec::string().size_max(chars_max)
}

fn number() -> ParameterSpec {
    ParameterSpec::unsigned_int().writable()
}

/// Gives well-known parameters the properties that the standard asks for, whoever declared them,
/// if it was not a schema.
pub(super) fn apply(root: &str, children: &mut Children) {
    for path in FORCED_INFORM {
        edit(children, path, |spec| spec.forced_inform = true);
    }
    for (path, policy) in POLICIES {
        edit(children, path, |spec| spec.notification = *policy);
    }
    for path in HIDDEN {
        edit(children, path, |spec| spec.hidden = true);
    }
    let ranges = [
        ("ManagementServer.PeriodicInformInterval", 1..=i64::from(u32::MAX)),
        ("ManagementServer.CWMPRetryMinimumWaitInterval", 1..=65_535),
        ("ManagementServer.CWMPRetryIntervalMultiplier", 1_000..=65_535),
    ];
    for (path, range) in ranges {
        edit(children, path, |spec| {
            if spec.syntax.is_none() {
                *spec = spec.clone().range(range);
            }
        });
    }
    if root == "InternetGatewayDevice" {
        for_each_parameter(children, &mut |name, spec| {
            if name != "ExternalIPAddress" {
                return;
            }
            // A model forces each of them into the Inform, but meant is the one of the connection
            // in use (`FIP-02`), which `wan_addresses` is for.
            spec.forced_inform = false;
            if !spec.of_schema {
                spec.notification = NotificationPolicy::ForceDefaultEnabled;
            }
        });
    }
}

/// Changes the parameter at a path without rows, if it is there and no schema has described it.
fn edit(children: &mut Children, path: &str, change: impl FnOnce(&mut ParameterSpec)) {
    let mut here = children;
    let mut names = path.split('.');
    let Some(last) = names.next_back() else { return };
    for name in names {
        match find(here, name) {
            Some(Draft::Object(below)) => here = below,
            _ => return,
        }
    }
    if let Some(Draft::Parameter(spec)) = find(here, last)
        && !spec.of_schema
    {
        change(spec);
    }
}

fn for_each_parameter(children: &mut Children, change: &mut dyn FnMut(&str, &mut ParameterSpec)) {
    for (name, draft) in children {
        match draft {
            Draft::Parameter(spec) => change(name, spec),
            Draft::Object(below) => for_each_parameter(below, change),
            Draft::Table(table) => {
                let TableDraft { template, rows, .. } = &mut **table;
                for_each_parameter(template, change);
                rows.values_mut().for_each(|row| for_each_parameter(row, change));
            }
        }
    }
}

/// Finds the parameters with a role and those of every Inform.
pub(super) fn assign_roles(model: &mut Model) {
    for (role, path) in Role::ALL {
        let id = path.split('.').try_fold(super::TOP + 1, |id, name| model.child(id, name));
        model.roles[*role as usize] = id;
        if let Some(id) = id
            && let Kind::Parameter(parameter) = &mut model.nodes[id as usize].kind
        {
            parameter.role = Some(*role);
        }
    }
    let table = ["ManagementServer", "InformParameter"];
    let table = table.iter().try_fold(super::TOP + 1, |id, name| model.child(id, name));
    model.inform_table = table.filter(|id| model.table(*id).is_some());
    model.forced = select(model, |_, spec| spec.forced_inform);
    model.active = select(model, |_, spec| {
        use NotificationPolicy::{ForceDefaultEnabled, ForceEnabled};
        matches!(spec.notification, ForceDefaultEnabled | ForceEnabled)
    });
    if &*model.root == "InternetGatewayDevice" {
        model.wan_addresses = select(model, |name, _| name == "ExternalIPAddress");
    }
}

fn select(model: &Model, wanted: impl Fn(&str, &ParameterSpec) -> bool) -> Box<[NodeId]> {
    let nodes = model.nodes.iter().zip(0..);
    let chosen = nodes.filter(|(node, _)| match &node.kind {
        Kind::Parameter(parameter) => wanted(&node.name, &parameter.spec),
        _ => false,
    });
    chosen.map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use drover_datamodel::shipped;

    use super::*;

    /// Where the models differ from each other or from the standard, the tables may say more.
    #[test]
    fn the_fallback_says_what_the_models_say() {
        for name in ["Device:2.19", "InternetGatewayDevice:1.14"] {
            let schema = shipped::model(name).expect(name);
            let find = |path: &str| {
                let parameter = schema.find_parameter(&format!("{}.{path}", schema.root_name()));
                parameter.map(|parameter| ParameterSpec::of(&parameter))
            };
            let forced: Vec<ParameterSpec> =
                FORCED_INFORM.iter().filter_map(|path| find(path)).collect();
            assert!(forced.len() > 5 && forced.iter().all(|spec| spec.forced_inform), "{name}");
            for (path, policy) in POLICIES {
                assert!(find(path).is_none_or(|spec| spec.notification == *policy), "{path}");
            }
            for path in HIDDEN {
                assert!(find(path).is_none_or(|spec| spec.hidden), "{path}");
            }
            for parameter in schema.parameters().filter(|it| !it.path().contains("{i}")) {
                let (_, path) = parameter.path().split_once('.').map(own).expect("a root");
                let is_known = FORCED_INFORM.contains(&&*path);
                assert_eq!(parameter.forced_inform(), is_known, "{path}");
            }
        }
    }

    fn own((root, path): (&str, &str)) -> (String, String) {
        (root.to_owned(), path.to_owned())
    }
}
