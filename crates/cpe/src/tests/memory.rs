//! What 100,000 devices cost.

use super::*;

/// Rows of a model like that of a home gateway: 20 tables of 20 rows of 5 parameters.
fn gateway() -> Arc<Model> {
    let mut builder = builder();
    for table in 0..20 {
        let path = format!("Device.X_Table{table}.Row.{{i}}.");
        for parameter in 0..5 {
            let spec = ParameterSpec::string().writable().value("some value");
            builder.parameter(&format!("{path}Parameter{parameter}"), spec);
        }
        for row in 1..=20 {
            builder.row(&format!("Device.X_Table{table}.Row."), row);
        }
    }
    Arc::new(builder.build().expect("a model"))
}

#[test]
fn a_device_costs_little_besides_its_model() {
    let model = gateway();
    assert!(model.node_count() > 2_400);
    let mut world = World::with(Arc::clone(&model));
    world.update("Device.ManagementServer.ConnectionRequestURL", "http://192.0.2.1:7547/abcdefgh");
    world.boot();
    world.session([set([
        ("Device.ManagementServer.Username", Value::string("00D09E-Test-0000000001")),
        ("Device.ManagementServer.Password", Value::string("0123456789abcdef")),
        ("Device.ManagementServer.ConnectionRequestUsername", Value::string("acs")),
        ("Device.ManagementServer.ConnectionRequestPassword", Value::string("0123456789abcdef")),
        ("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(300)),
        ("Device.X_Table3.Row.7.Parameter2", Value::string("another value")),
    ])]);
    let bytes = world.device().memory_size();
    assert!(bytes < 4096, "{bytes} bytes for one device");
    assert_eq!(Arc::strong_count(&model), 2, "the model is shared");
    // Reading everything leaves nothing behind.
    world.execute(get([""]));
    assert_eq!(world.device().memory_size(), bytes);
}

#[test]
fn waiting_devices_hold_no_session() {
    assert!(size_of::<Endpoint>() <= 1024, "{}", size_of::<Endpoint>());
    assert!(size_of::<Device>() <= 1024, "{}", size_of::<Device>());
}
