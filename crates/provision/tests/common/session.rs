//! Provisions at work on a [`Device`], and what they did in short.

use std::sync::Arc;

use drover_provision::engine::{
    Config, Next, Provision, Provisioning, Reason, Request, Scalar, Tree,
};
use drover_provision::script::{Data, Engine, Fault};

use super::Device;

/// The device that the recordings use.
pub(crate) const ID: &str = "202BC1-BM632w-000000";
/// A session's time: 2023-11-14T22:13:20Z.
pub(crate) const SESSION: i64 = 1_700_000_000_000;

/// What a session leaves: its requests in short, the lines of its scripts, its fault, why what was
/// declared changed nothing, and what is known then.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) requests: Vec<String>,
    pub(crate) logs: Vec<String>,
    pub(crate) fault: Option<Fault>,
    pub(crate) nothing: Vec<(String, Reason)>,
    pub(crate) tree: Tree,
}

/// What holds for a session at this time, without any scripts.
pub(crate) fn config(session: i64) -> Config {
    Config { heals: false, ..Config::new(session) }
}

/// Runs provisions on a device of which `tree` is known. Extensions answer with their arguments.
pub(crate) fn run(
    config: Config,
    id: &str,
    tree: Tree,
    provisions: &[Provision],
    device: &mut Device,
) -> Ran {
    let mut engine = Engine::new().unwrap();
    run_with(&mut engine, config, id, tree, provisions, |request| device.answer(request))
}

/// The same with an engine that ran before, and any device.
pub(crate) fn run_with(
    engine: &mut Engine,
    config: Config,
    id: &str,
    tree: Tree,
    provisions: &[Provision],
    mut device: impl FnMut(&Request) -> Result<drover_provision::engine::Response, u16>,
) -> Ran {
    let mut provisioning = Provisioning::new(Arc::new(config), id, tree, provisions);
    let mut requests = Vec::new();
    let fault = loop {
        match provisioning.next(engine) {
            Next::Request { request, .. } => {
                requests.push(short(&request));
                match device(&request) {
                    Ok(response) => provisioning.take(response),
                    Err(code) => provisioning.refused(code, "refused"),
                }
            }
            Next::Extensions(calls) => {
                requests.extend(calls.iter().map(|call| format!("ext {}", call.join(" "))));
                let answers = calls.iter().map(|call| Ok(Data::Text(call.join(","))));
                provisioning.answer(answers);
            }
            Next::Done => break None,
            Next::Fault(fault) => break Some(fault),
        }
    };
    let nothing = provisioning.nothing().map(|it| (it.path.clone(), it.reason)).collect();
    let logs = provisioning.take_logs().into_iter().map(|line| line.message).collect();
    Ran { requests, logs, fault, nothing, tree: provisioning.tree().clone() }
}

/// A request in a line.
pub(crate) fn short(request: &Request) -> String {
    match request {
        Request::GetParameterNames { path, is_next_level: true } => format!("names {path}"),
        Request::GetParameterNames { path, .. } => format!("all names {path}"),
        Request::GetParameterValues { names, .. } => format!("values {}", names.join(" ")),
        Request::GetParameterAttributes { names } => format!("attributes {}", names.join(" ")),
        Request::SetParameterValues { values } => {
            let values: Vec<String> =
                values.iter().map(|(path, it, _)| format!("{path}={}", text(it))).collect();
            format!("set {}", values.join(" "))
        }
        Request::AddObject { object_name, .. } => format!("add {object_name}"),
        Request::DeleteObject { object_name } => format!("delete {object_name}"),
        Request::Download { file_type, file_name, .. } => {
            format!("download {file_type} {file_name}")
        }
        Request::Reboot => "reboot".to_owned(),
        Request::FactoryReset => "reset".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A value as it is written.
pub(crate) fn text(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text.to_string(),
    }
}
