//! What a fleet of devices costs in memory and what a request costs in time, on this machine.
//!
//! Prints resident bytes for each device of a fleet of 100,000 after a first contact, and the time
//! for a few requests.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "measures and prints")]

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drover_cpe::SessionSettings;
use drover_cpe::{Clock, Device, Endpoint, Identity, Model, ModelBuilder, Next, ParameterSpec};
use drover_cwmp::message::{
    GetParameterValues, InformResponse, ParameterValueStruct, SetParameterValues,
};
use drover_cwmp::session::cpe::HttpResponse;
use drover_cwmp::{CwmpNamespace, Envelope, Message, Value};

const DEVICES: usize = 100_000;

fn main() {
    let model = Arc::new(model());
    let now = Clock::relative(Duration::from_secs(1));
    let before = resident_bytes();
    let mut fleet: Vec<Endpoint> = Vec::with_capacity(DEVICES);
    for number in 0..DEVICES {
        fleet.push(first_contact(&model, number, &now));
    }
    let bytes = resident_bytes().saturating_sub(before);
    let counted = fleet[0].device().memory_size();
    println!("model: {} parameters", model.factory_parameter_count());
    println!(
        "{DEVICES} devices: {} MiB resident, {} bytes each ({counted} counted)",
        bytes >> 20,
        bytes / DEVICES
    );
    let device = fleet[0].device_mut();
    time("GetParameterValues of 1 parameter", || {
        black_box(device.execute(&read("Device.DeviceInfo.SoftwareVersion"), &now));
    });
    time("GetParameterValues of the whole tree", || {
        black_box(device.execute(&read(""), &now));
    });
    time("SetParameterValues of 1 parameter", || {
        black_box(device.execute(&write("x"), &now));
    });
    time("snapshot", || {
        black_box(device.snapshot(&now));
    });
    time("first contact with one SetParameterValues", || {
        black_box(first_contact(&model, 1, &now));
    });
}

/// 500 parameters, most of them in rows.
fn model() -> Model {
    let mut builder = ModelBuilder::new("Device");
    builder.standard().value("Device.ManagementServer.URL", "http://acs.example:7547/");
    for table in 0..10 {
        let path = format!("Device.X_DROVER_Table{table}.Row.");
        for column in 0..8 {
            let spec = ParameterSpec::string().writable().value("a value of usual length");
            builder.parameter(&format!("{path}{{i}}.Column{column}"), spec);
        }
        for row in 1..=6 {
            builder.row(&path, row);
        }
    }
    builder.build().expect("a model")
}

fn first_contact(model: &Arc<Model>, number: usize, now: &Clock) -> Endpoint {
    let identity = Identity::new("Example", "00D09E", "Test", &format!("{number:010}"));
    let mut device = Device::new(Arc::clone(model), identity.expect("valid"));
    let url = format!("http://192.0.2.1:7547/{number:016x}");
    device
        .update("Device.ManagementServer.ConnectionRequestURL", &url, now)
        .expect("there is such a parameter");
    device.handle_boot(now, 0);
    let mut endpoint = Endpoint::new(device);
    let post = endpoint.start_session(now, [0; 16], &SessionSettings::default());
    post.expect("a session");
    let mut replies =
        [envelope(InformResponse { max_envelopes: 1 }), envelope(write("value")), String::new()]
            .into_iter();
    let mut body = replies.next();
    while let Some(reply) = body {
        let status = if reply.is_empty() { 204 } else { 200 };
        let response = HttpResponse { status, body: reply.as_bytes(), ..HttpResponse::default() };
        match endpoint.handle_response(&response, now, 0, &mut Vec::new()) {
            Next::Execute => drop(endpoint.execute(now)),
            Next::Post(_) | Next::Ended(_) => {}
        }
        body = replies.next();
    }
    assert!(!endpoint.device().is_in_session());
    endpoint
}

fn envelope(message: impl Into<Message>) -> String {
    Envelope::new(CwmpNamespace::V1_2, None, message.into()).to_xml()
}

fn read(name: &str) -> Message {
    GetParameterValues { parameter_names: vec![name.to_owned()] }.into()
}

fn write(text: &str) -> Message {
    let set = |name: &str, value| ParameterValueStruct { name: name.to_owned(), value };
    let parameter_list = vec![
        set("Device.ManagementServer.ConnectionRequestUsername", Value::string("acs")),
        set("Device.ManagementServer.ConnectionRequestPassword", Value::string("0123456789abcdef")),
        set("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(300)),
        set("Device.X_DROVER_Table3.Row.2.Column1", Value::string(text)),
    ];
    SetParameterValues { parameter_list, parameter_key: "key".to_owned() }.into()
}

fn time(what: &str, mut work: impl FnMut()) {
    let started = Instant::now();
    let mut rounds = 0_u32;
    while started.elapsed() < Duration::from_millis(300) {
        work();
        rounds += 1;
    }
    println!("{what}: {:.1} µs", started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kibibytes: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kibibytes * 1024
}
