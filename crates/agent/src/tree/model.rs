//! The model of the device that this agent is.

use drover_cpe::{BuildError, Model, ModelBuilder, ParameterSpec, TableSpec};

use crate::config::Config;
use crate::tree::accessors::{Facts, PARAMETERS, Parameter, TABLES, ValueOf};
use crate::tree::device::management_server as server;

/// Builds the model: what the host supplies, and `ManagementServer` with the configured values as
/// its factory state.
///
/// # Errors
/// [`BuildError::Value`] when a configured value does not fit its parameter.
pub fn build_model(config: &Config) -> Result<Model, BuildError> {
    let mut builder = ModelBuilder::new("Device");
    for table in TABLES {
        builder.table(table, TableSpec::fixed());
    }
    for facts in PARAMETERS {
        builder.parameter(facts.path, specification(facts));
    }
    factory_values(&mut Factory(&mut builder), config);
    builder.build()
}

fn specification(facts: &Facts) -> ParameterSpec {
    let mut spec = ParameterSpec::of_syntax(&(facts.syntax)())
        .notification(facts.notify.into())
        .value(facts.default);
    if facts.writable {
        spec = spec.writable();
    }
    if facts.forced_inform {
        spec = spec.forced_inform();
    }
    spec
}

/// Gives parameters their value in factory state.
struct Factory<'b>(&'b mut ModelBuilder);

impl Factory<'_> {
    fn set<T: ?Sized>(&mut self, parameter: Parameter<T, 0>, value: impl ValueOf<T>) {
        self.0.value(parameter.path(), value.into_text(usize::MAX));
    }
}

fn factory_values(factory: &mut Factory<'_>, config: &Config) {
    factory.set(server::URL, &config.acs.url);
    factory.set(server::USERNAME, &config.acs.username);
    factory.set(server::PASSWORD, config.acs.password.expose());
    factory.set(server::PERIODIC_INFORM_ENABLE, config.inform.periodic_enable);
    factory.set(server::PERIODIC_INFORM_INTERVAL, config.inform.periodic_interval);
    let request = &config.connection_request;
    factory.set(server::CONNECTION_REQUEST_USERNAME, &request.username);
    factory.set(server::CONNECTION_REQUEST_PASSWORD, request.password.expose());
    factory.set(server::SUPPORTED_CONN_REQ_METHODS, [server::SupportedConnReqMethods::Http]);
    // What the standard recommends (`RETRY-02`).
    factory.set(server::CWMP_RETRY_MINIMUM_WAIT_INTERVAL, 5);
    factory.set(server::CWMP_RETRY_INTERVAL_MULTIPLIER, 2000);
}
