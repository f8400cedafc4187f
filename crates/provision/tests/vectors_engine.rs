//! The behaviour of GenieACS, as recorded: what its engine asks of a device, logs and fails with.
//!
//! Reads every `*.jsonl` in the folder that `DROVER_ENGINE_VECTORS` names, or in the shared
//! material. Case by case it compares the requests, the lines that scripts logged, the fault, and
//! the calls of extensions.

#![allow(clippy::disallowed_methods, reason = "reads recordings, from a folder that is a setting")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Device, vectors};
use drover_provision::engine::{
    Config, Discovery, Next, Provision, Provisioning, Request, Scalar, Timed, Tree, TypedValue,
    coerce, path_of,
};
use drover_provision::script::{Data, Engine, Fault, Script};
use serde_json::{Map, Value, json};

/// The cases of all files, with their places.
fn cases(folder: &Path) -> Vec<(String, Value)> {
    let files =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    assert!(!files.is_empty(), "{} has no *.jsonl", folder.display());
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let case: Value = serde_json::from_str(text).unwrap();
            let name = file.file_name().unwrap().to_string_lossy();
            let title = case["title"].as_str().unwrap_or_default();
            cases.push((format!("{name}:{}: {title}", line + 1), case));
        }
    }
    cases
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Number(number) => Scalar::Number(number.as_f64().unwrap()),
        Value::String(text) => Scalar::Text(text.as_str().into()),
        other => panic!("{other} is no value"),
    }
}

fn typed(pair: &Value) -> (Scalar, String) {
    let value_type = pair[1].as_str().unwrap().to_owned();
    (coerce(&scalar(&pair[0]), &value_type), value_type)
}

fn is_set(flag: &Value) -> bool {
    flag == &json!(1) || flag == &json!(true)
}

/// The device of a case.
fn device(case: &Value) -> Device {
    let parameters = case["cpe"].as_object().unwrap().iter().map(|(path, it)| {
        let value = it.get("v").map(typed);
        (path.clone(), (is_set(&it["w"]), value))
    });
    let templates = case["templates"].as_object().into_iter().flatten().map(|(table, row)| {
        let columns = row.as_object().unwrap().iter();
        (table.clone(), columns.map(|(name, value)| (name.clone(), typed(value))).collect())
    });
    Device {
        parameters: parameters.collect(),
        templates: templates.collect(),
        next_instance: case["next_instance"].as_u64().map_or(1, |it| it.try_into().unwrap()),
        ..Device::default()
    }
}

/// What was known at the start.
fn tree(case: &Value) -> Tree {
    let mut tree = Tree::default();
    for entry in case["cached"].as_array().into_iter().flatten() {
        let text = entry[0].as_str().unwrap();
        let time = entry[1].as_i64().unwrap();
        if let Some(parent) = text.strip_suffix('*') {
            // What lies below was listed; the entries that follow say what it is.
            tree.mark_listed(&path_of(parent), time);
            continue;
        }
        let attributes = &entry[2];
        let at = |name: &str| attributes.get(name).map(|it| (it[0].as_i64().unwrap(), &it[1]));
        tree.change(&path_of(text), time, |known| {
            known.object = at("object").map(|(time, it)| Timed { time, value: is_set(it) });
            known.writable = at("writable").map(|(time, it)| Timed { time, value: is_set(it) });
            known.value = at("value").map(|(time, it)| {
                let (scalar, value_type) = typed(it);
                Timed { time, value: TypedValue { scalar, value_type: value_type.into() } }
            });
        });
    }
    let session = case["session_timestamp"].as_i64().unwrap();
    for parameter in case["inform_params"].as_array().into_iter().flatten() {
        // Either path, value, type, or path and a pair of value and type.
        let is_flat = parameter.as_array().is_some_and(|parts| parts.len() == 3);
        let pair = if is_flat { json!([parameter[1], parameter[2]]) } else { parameter[1].clone() };
        let (scalar, value_type) = typed(&pair);
        tree.change(&path_of(parameter[0].as_str().unwrap()), session, |known| {
            known.object = Some(Timed { time: session, value: false });
            let value = TypedValue { scalar, value_type: value_type.into() };
            known.value = Some(Timed { time: session, value });
        });
    }
    tree
}

fn data(value: &Value) -> Data {
    match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Number(number) => Data::Number(number.as_f64().unwrap()),
        Value::String(text) => Data::Text(text.clone()),
        Value::Array(items) => Data::List(items.iter().map(data).collect()),
        Value::Object(members) => {
            Data::Object(members.iter().map(|(name, it)| (name.clone(), data(it))).collect())
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole numbers of the vectors are small")]
fn json_scalar(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Bool(value) => json!(value),
        Scalar::Number(number) if number.fract() == 0.0 => json!(*number as i64),
        Scalar::Number(number) => json!(number),
        Scalar::Text(text) => json!(text),
    }
}

/// A request as it was recorded.
fn recorded(id: &str, request: &Request) -> Value {
    let pairs = |pairs: &[(String, String)]| -> Value {
        pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>().into()
    };
    match request {
        Request::GetParameterNames { path, is_next_level } => json!({
            "id": id, "name": "GetParameterNames", "parameterPath": path,
            "nextLevel": is_next_level,
        }),
        Request::GetParameterValues { names, instance_values } => {
            let mut request =
                json!({"id": id, "name": "GetParameterValues", "parameterNames": names});
            if !instance_values.is_empty() {
                request["instanceValues"] = pairs(instance_values);
            }
            request
        }
        Request::GetParameterAttributes { names } => {
            json!({"id": id, "name": "GetParameterAttributes", "parameterNames": names})
        }
        Request::SetParameterValues { values } => {
            let list = values.iter().map(|(path, it, kind)| json!([path, json_scalar(it), kind]));
            let list: Vec<Value> = list.collect();
            json!({"id": id, "name": "SetParameterValues", "parameterList": list})
        }
        Request::SetParameterAttributes { attributes } => {
            let list =
                attributes.iter().map(|(path, it)| json!([path, it.notification, it.access_list]));
            let list: Vec<Value> = list.collect();
            json!({"id": id, "name": "SetParameterAttributes", "parameterList": list})
        }
        Request::AddObject { object_name, instance_values } => json!({
            "id": id, "name": "AddObject", "objectName": object_name,
            "instanceValues": pairs(instance_values),
        }),
        Request::DeleteObject { object_name } => {
            json!({"id": id, "name": "DeleteObject", "objectName": object_name})
        }
        Request::Download { instance, file_type, file_name, target_file_name } => json!({
            "id": id, "name": "Download", "commandKey": id, "instance": instance,
            "fileType": file_type, "fileName": file_name, "targetFileName": target_file_name,
        }),
        Request::Reboot => json!({"id": id, "name": "Reboot"}),
        Request::FactoryReset => json!({"id": id, "name": "FactoryReset"}),
        // GenieACS has no others.
        other => json!({"id": id, "name": format!("{other:?}")}),
    }
}

/// What the recorder's extensions answered.
fn extension(arguments: &[String]) -> Result<Data, Fault> {
    if arguments.get(1).is_some_and(|function| function == "fail") {
        let code = "ext.Error".to_owned();
        return Err(Fault { code, message: "boom".to_owned(), detail: None });
    }
    Ok(Data::Text(format!("ext:{}", arguments.join(","))))
}

#[derive(Default)]
struct Ran {
    rpcs: Vec<Value>,
    logs: Vec<String>,
    fault: Value,
    ext_calls: Vec<Vec<String>>,
}

fn run(case: &Value) -> Ran {
    let scripts = |name: &str| -> BTreeMap<String, Arc<Script>> {
        let scripts = case[name].as_object().into_iter().flatten();
        let compiled = scripts.map(|(name, text)| {
            let script = Script::compile(name, text.as_str().unwrap()).unwrap();
            (name.clone(), Arc::new(script))
        });
        compiled.collect()
    };
    let config = Config {
        scripts: scripts("scripts"),
        virtual_parameters: scripts("virtual_parameters"),
        catches_commit: true,
        heals: false,
        discovery: Discovery::Compat,
        ..Config::new(case["session_timestamp"].as_i64().unwrap())
    };
    let provisions = case["provisions"].as_array().unwrap().iter().map(|provision| {
        let (name, arguments) = provision.as_array().unwrap().split_first().unwrap();
        let arguments = arguments.iter().map(data).collect();
        Provision { name: name.as_str().unwrap().to_owned(), arguments }
    });
    let provisions: Vec<Provision> = provisions.collect();
    let id = case["device"].as_str().unwrap();
    let mut cpe = device(case);
    let mut provisioning = Provisioning::new(Arc::new(config), id, tree(case), &provisions);
    let mut engine = Engine::new().unwrap();
    let mut ran = Ran::default();
    loop {
        let next = provisioning.next(&mut engine);
        ran.logs.extend(provisioning.take_logs().into_iter().map(|line| line.message));
        match next {
            Next::Request { id, request } => {
                ran.rpcs.push(recorded(&id, &request));
                match cpe.answer(&request) {
                    Ok(response) => provisioning.take(response),
                    Err(code) => provisioning.refused(code, "Invalid parameter name"),
                }
            }
            Next::Extensions(calls) => {
                let answers: Vec<_> = calls.iter().map(|call| extension(call)).collect();
                ran.ext_calls.extend(calls);
                provisioning.answer(answers);
            }
            Next::Done => return ran,
            Next::Fault(fault) => {
                ran.fault = json!({"code": fault.code, "message": fault.message});
                return ran;
            }
        }
    }
}

/// The requests without their IDs, where runs of GetParameterNames of sibling objects are sets.
fn comparable(rpcs: &[Value]) -> Vec<Value> {
    let sibling = |rpc: &Value| -> Option<(String, Value)> {
        let path = rpc["parameterPath"].as_str()?.trim_end_matches('.');
        let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
        Some((parent.to_owned(), rpc["nextLevel"].clone()))
    };
    let mut out: Vec<Value> = Vec::new();
    let mut rest = rpcs;
    while let Some(first) = rest.first() {
        let group = sibling(first);
        let same = rest.iter().take_while(|rpc| group.is_some() && sibling(rpc) == group).count();
        let (run, after) = rest.split_at(same.max(1));
        let mut run: Vec<Value> = run.to_vec();
        for rpc in &mut run {
            rpc.as_object_mut().unwrap().remove("id");
        }
        run.sort_by_key(ToString::to_string);
        out.extend(run);
        rest = after;
    }
    out
}

/// What of a case is not as recorded.
fn differences(case: &Value, ran: &Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    let wanted = case["rpcs"].as_array().unwrap();
    let ids = |rpcs: &[Value]| rpcs.iter().map(|rpc| rpc["id"].clone()).collect::<Vec<_>>();
    if comparable(&ran.rpcs) != comparable(wanted) {
        let line = |rpc: &Value| format!("      {rpc}\n");
        let lines = |rpcs: &[Value]| rpcs.iter().map(line).collect::<Vec<_>>().concat();
        wrong.push(format!("requests\n{}    not\n{}", lines(&ran.rpcs), lines(wanted)));
    } else if ids(&ran.rpcs) != ids(wanted) {
        wrong.push(format!("IDs {:?} not {:?}", ids(&ran.rpcs), ids(wanted)));
    }
    if json!(ran.logs) != case["logs"] {
        wrong.push(format!("logs {} not {}", json!(ran.logs), case["logs"]));
    }
    let fault = match &case["fault"] {
        Value::Null => Value::Null,
        fault => json!({"code": fault["code"], "message": fault["message"]}),
    };
    if ran.fault != fault {
        wrong.push(format!("fault {} not {fault}", ran.fault));
    }
    if json!(ran.ext_calls) != case["ext_calls"] {
        wrong.push(format!("extensions {} not {}", json!(ran.ext_calls), case["ext_calls"]));
    }
    wrong
}

#[test]
fn vectors_of_the_engine_hold() {
    let Some(folder) = vectors() else { return };
    let cases = cases(&folder);
    let mut failures = Vec::new();
    for (place, case) in &cases {
        let wrong = differences(case, &run(case));
        if !wrong.is_empty() {
            failures.push(format!("{place}\n    {}", wrong.join("\n    ")));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
