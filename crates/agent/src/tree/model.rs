//! The model of the device that this agent is.

use drover_cpe::{BuildError, Model, ModelBuilder, NotificationPolicy, ParameterSpec, TableSpec};

use crate::config::Config;
use crate::tree::schema::{HostParameter, PARAMETERS, Pace, TABLES};

/// Builds the model: what the host supplies, and `ManagementServer` with the configured values as
/// its factory state.
///
/// # Errors
/// [`BuildError::Value`] when a configured value does not fit its parameter.
pub fn build_model(config: &Config) -> Result<Model, BuildError> {
    let mut builder = ModelBuilder::new("Device");
    builder.standard();
    for table in TABLES {
        builder.table(table, TableSpec::fixed());
        builder.parameter(&counter_of(table), ParameterSpec::unsigned_int());
    }
    for parameter in PARAMETERS {
        builder.parameter(parameter.path, specification(parameter));
    }
    builder.parameter(
        "Device.ManagementServer.SupportedConnReqMethods",
        ParameterSpec::string().value("HTTP"),
    );
    factory_values(&mut builder, config);
    builder.build()
}

fn specification(parameter: &HostParameter) -> ParameterSpec {
    let policy = match parameter.pace {
        Pace::Still => NotificationPolicy::Normal,
        Pace::Moving => NotificationPolicy::CanDeny,
    };
    ParameterSpec::new(parameter.value_type).notification(policy)
}

/// `Device.A.B.{i}.` has its number of rows in `Device.A.BNumberOfEntries`.
fn counter_of(table: &str) -> String {
    format!("{}NumberOfEntries", table.trim_end_matches(".{i}."))
}

fn factory_values(builder: &mut ModelBuilder, config: &Config) {
    let values = [
        ("ManagementServer.URL", config.acs.url.as_str()),
        ("ManagementServer.Username", &config.acs.username),
        ("ManagementServer.Password", config.acs.password.expose()),
        ("ManagementServer.PeriodicInformEnable", text(config.inform.periodic_enable)),
        ("ManagementServer.PeriodicInformInterval", &config.inform.periodic_interval.to_string()),
        ("ManagementServer.ConnectionRequestUsername", &config.connection_request.username),
        ("ManagementServer.ConnectionRequestPassword", config.connection_request.password.expose()),
    ];
    for (path, value) in values {
        builder.value(&format!("Device.{path}"), value);
    }
}

fn text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
