//! Tasks and faults as clients of GenieACS know them.

use std::sync::Arc;

use drover_cwmp::ValueType;
use drover_datamodel::catalog::Catalog;
use drover_provision::engine::Provision;
use drover_provision::script::Data;
use drover_provision::{
    DeviceKey, NewValue, ParameterFault, SetValue, Task, TaskFault, TaskId, TaskKind, TaskState,
    is_secret,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::device::iso;
use super::fault;
use super::scalar::parse_date;
use crate::files::FileInfo;

/// The names of tasks, for error messages.
const NAMES: &str = "getParameterValues, setParameterValues, refreshObject, addObject, \
                     deleteObject, reboot, factoryReset, download, upload, scheduleInform, \
                     changeDUState, provisions";

/// A task that cannot be stored: what is wrong with it and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadTask(String);

/// Reads a posted task.
///
/// # Errors
/// [`BadTask`] for bad JSON, an unknown name, members that are missing or of the wrong type, and
/// whatever no device could do.
pub(super) fn parse(
    body: &[u8],
    device: DeviceKey,
    id: TaskId,
    now: Timestamp,
    files: &dyn Fn(&str) -> Option<Arc<FileInfo>>,
) -> Result<Task, BadTask> {
    let json: Json = serde_json::from_slice(body)
        .map_err(|error| BadTask(format!("SyntaxError: the task is not JSON: {error}")))?;
    let Json::Object(members) = &json else {
        let text = "a task is one object such as {\"name\":\"reboot\"}; post several one by one";
        return Err(BadTask(text.to_owned()));
    };
    let mut task = Task::new(id, device, kind(members, files)?, now);
    if let Some(value) = given(members, "timestamp") {
        task.due = instant("timestamp", value)?;
    }
    if let Some(value) = given(members, "expiry") {
        task.expiry = Some(expiry(value, task.due)?);
    }
    if let Some(value) = given(members, "uniqueKey") {
        let key = value.as_str().ok_or_else(|| wrong("uniqueKey", "a text", value))?;
        task.unique_key = Some(key.to_owned());
    }
    task.check().map_err(|error| BadTask(error.to_string()))?;
    Ok(task)
}

fn kind(
    members: &Map<String, Json>,
    files: &dyn Fn(&str) -> Option<Arc<FileInfo>>,
) -> Result<TaskKind, BadTask> {
    let name = match members.get("name") {
        Some(Json::String(name)) => name,
        Some(other) => return Err(wrong("name", "a text", other)),
        None => return Err(BadTask(format!("the task has no name; it is one of {NAMES}"))),
    };
    match name.as_str() {
        "getParameterValues" => Ok(TaskKind::GetParameterValues { names: names(members)? }),
        "setParameterValues" => {
            let values = need(members, "parameterValues")?;
            Ok(TaskKind::SetParameterValues { values: set_values(values)? })
        }
        "refreshObject" => Ok(TaskKind::RefreshObject { path: object_name(members)? }),
        "addObject" => Ok(TaskKind::AddObject {
            path: object_name(members)?,
            values: given(members, "parameterValues").map_or(Ok(Vec::new()), set_values)?,
        }),
        "deleteObject" => Ok(TaskKind::DeleteObject { path: object_name(members)? }),
        "reboot" => Ok(TaskKind::Reboot),
        "factoryReset" => Ok(TaskKind::FactoryReset),
        "download" if given(members, "file").is_some() => {
            let name = text(members, "file")?;
            let file = files(&name).ok_or_else(|| {
                BadTask(format!("there is no file {name:?}; put it at /files/ first"))
            })?;
            if file.metadata.file_type.is_empty() {
                return Err(BadTask(format!(
                    "the file {name:?} has no type; put it again with the header fileType, or \
                     post fileType and fileName"
                )));
            }
            Ok(TaskKind::Download {
                file_type: file.metadata.file_type.clone(),
                file_name: name,
                target_file_name: text_or_empty(members, "targetFileName")?,
            })
        }
        "download" => Ok(TaskKind::Download {
            file_type: text(members, "fileType")?,
            file_name: text(members, "fileName")?,
            target_file_name: text_or_empty(members, "targetFileName")?,
        }),
        "upload" => Ok(TaskKind::Upload {
            file_type: text(members, "fileType")?,
            file_name: text_or_empty(members, "fileName")?,
        }),
        "scheduleInform" => {
            let value = need(members, "delaySeconds")?;
            let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
            let delay_seconds =
                seconds.ok_or_else(|| wrong("delaySeconds", "a whole number", value))?;
            Ok(TaskKind::ScheduleInform { delay_seconds })
        }
        "changeDUState" => Ok(TaskKind::ChangeDuState {
            operation: text(members, "operation")?,
            url: text_or_empty(members, "url")?,
            uuid: text_or_empty(members, "uuid")?,
            version: text_or_empty(members, "version")?,
            execution_env_ref: text_or_empty(members, "executionEnvRef")?,
        }),
        "provisions" => Ok(TaskKind::Provisions { provisions: given_provisions(members)? }),
        other => Err(BadTask(format!("unknown task name {other:?}; it is one of {NAMES}"))),
    }
}

/// A text that may be left out.
fn text_or_empty(members: &Map<String, Json>, member: &str) -> Result<String, BadTask> {
    given(members, member).map_or(Ok(String::new()), |_| text(members, member))
}

/// A member that is there and not null.
fn given<'a>(members: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    members.get(name).filter(|value| !value.is_null())
}

fn need<'a>(members: &'a Map<String, Json>, name: &str) -> Result<&'a Json, BadTask> {
    given(members, name).ok_or_else(|| BadTask(format!("the task needs {name}")))
}

fn wrong(member: &str, needs: &str, value: &Json) -> BadTask {
    // The value may be a secret or of any length, so only its kind is told.
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    BadTask(format!("{member} must be {needs}, not {kind}"))
}

fn text(members: &Map<String, Json>, member: &str) -> Result<String, BadTask> {
    let value = need(members, member)?;
    let text = value.as_str().ok_or_else(|| wrong(member, "a text", value))?;
    Ok(text.to_owned())
}

/// `[[name, argument, ...], ...]` (compat 2.11).
fn given_provisions(members: &Map<String, Json>) -> Result<Vec<Provision>, BadTask> {
    let value = need(members, "provisions")?;
    let needs = "a list of lists, each a name with its arguments";
    let list = value.as_array().ok_or_else(|| wrong("provisions", needs, value))?;
    let provision = |(index, entry): (usize, &Json)| {
        let place = format!("provisions[{index}]");
        let parts = entry.as_array().ok_or_else(|| wrong(&place, needs, entry))?;
        let Some((Json::String(name), arguments)) = parts.split_first() else {
            return Err(BadTask(format!("{place} has no name of a provision")));
        };
        let argument = |value: &Json| match value {
            Json::Null => Ok(Data::Null),
            Json::Bool(value) => Ok(Data::Bool(*value)),
            Json::String(text) => Ok(Data::Text(text.clone())),
            Json::Number(number) => Ok(Data::Number(number.as_f64().unwrap_or(f64::NAN))),
            other => {
                let needs = "texts, numbers, booleans or null";
                Err(wrong(&format!("the arguments of {place}"), needs, other))
            }
        };
        let arguments = arguments.iter().map(argument).collect::<Result<_, BadTask>>()?;
        Ok(Provision { name: name.clone(), arguments })
    };
    list.iter().enumerate().map(provision).collect()
}

fn object_name(members: &Map<String, Json>) -> Result<String, BadTask> {
    let value = need(members, "objectName")?;
    let name = value.as_str().ok_or_else(|| wrong("objectName", "a text", value))?;
    Ok(name.to_owned())
}

fn names(members: &Map<String, Json>) -> Result<Vec<String>, BadTask> {
    let value = need(members, "parameterNames")?;
    let list = value.as_array().ok_or_else(|| wrong("parameterNames", "a list", value))?;
    let name = |(index, value): (usize, &Json)| match value.as_str() {
        Some("") => Err(BadTask(format!("parameterNames[{index}] is empty: name a parameter"))),
        Some(name) => Ok(name.to_owned()),
        None => Err(wrong(&format!("parameterNames[{index}]"), "a text", value)),
    };
    list.iter().enumerate().map(name).collect()
}

fn set_values(value: &Json) -> Result<Vec<SetValue>, BadTask> {
    let list = value.as_array().ok_or_else(|| wrong("parameterValues", "a list", value))?;
    list.iter().enumerate().map(|(index, entry)| set_value(index, entry)).collect()
}

/// `[name, value]` or `[name, value, type]`.
fn set_value(index: usize, entry: &Json) -> Result<SetValue, BadTask> {
    let place = format!("parameterValues[{index}]");
    let parts = entry.as_array().map(Vec::as_slice);
    let (name, value, value_type) = match parts {
        Some([name, value]) => (name, value, None),
        Some([name, value, Json::Null]) => (name, value, None),
        Some([name, value, value_type]) => (name, value, Some(value_type)),
        _ => return Err(wrong(&place, "a list [name, value] or [name, value, type]", entry)),
    };
    let name = name.as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| BadTask(format!("{place} has no name of a parameter")))?;
    let value = match value {
        Json::String(text) => NewValue::Text(text.clone()),
        Json::Bool(value) => NewValue::Boolean(*value),
        Json::Number(number) => NewValue::Number(number.to_string()),
        other => {
            let needs = "a text, a number or a boolean";
            return Err(wrong(&format!("the value of {name:?}"), needs, other));
        }
    };
    let value_type = value_type.map(|json| type_of(name, json)).transpose()?;
    Ok(SetValue { name: name.to_owned(), value, value_type })
}

fn type_of(name: &str, json: &Json) -> Result<ValueType, BadTask> {
    let text = json.as_str().ok_or_else(|| wrong(&format!("the type of {name:?}"), "a text", json));
    let text = text?;
    ValueType::recognise(text).ok_or_else(|| {
        let known = ValueType::ALL.map(ValueType::xsi_type).join(", ");
        BadTask(format!("{name:?} has the unknown type {text:?}; it is one of {known}"))
    })
}

/// Milliseconds since 1970 or a date.
fn instant(member: &str, value: &Json) -> Result<Timestamp, BadTask> {
    let found = match value {
        Json::Number(number) => milliseconds(number),
        Json::String(text) => parse_date(text),
        _ => None,
    };
    let needs = "a date such as \"2026-11-22T13:16:23Z\" or milliseconds since 1970";
    found.ok_or_else(|| BadTask(format!("{member} must be {needs}")))
}

fn milliseconds(number: &serde_json::Number) -> Option<Timestamp> {
    Timestamp::from_millisecond(whole(number)?).ok()
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
}

/// Seconds after `due`, or a date.
fn expiry(value: &Json, due: Timestamp) -> Result<Timestamp, BadTask> {
    let Json::Number(number) = value else { return instant("expiry", value) };
    let seconds = whole(number).filter(|seconds| *seconds >= 0);
    let at = seconds.and_then(|seconds| due.checked_add(SignedDuration::from_secs(seconds)).ok());
    let needs = "a number of seconds, or a date such as \"2026-11-22T13:16:23Z\"";
    at.ok_or_else(|| BadTask(format!("expiry must be {needs}")))
}

/// The document of a task. Values of hidden parameters are left out (`SEC-01`).
pub(super) fn document(task: &Task, catalog: &Catalog) -> Json {
    let mut json = Map::new();
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    put("_id", json!(task.id.as_str()));
    put("name", json!(task.kind.name()));
    put("device", json!(task.device.as_str()));
    put("timestamp", json!(iso(task.due)));
    if let Some(expiry) = task.expiry {
        put("expiry", json!(iso(expiry)));
    }
    if let Some(key) = &task.unique_key {
        put("uniqueKey", json!(key));
    }
    match &task.kind {
        TaskKind::GetParameterValues { names } => put("parameterNames", json!(names)),
        TaskKind::SetParameterValues { values } => {
            put("parameterValues", values_json(values, catalog))
        }
        TaskKind::AddObject { path, values } => {
            put("parameterValues", values_json(values, catalog));
            put("objectName", json!(path))
        }
        TaskKind::RefreshObject { path } | TaskKind::DeleteObject { path } => {
            put("objectName", json!(path))
        }
        TaskKind::Download { file_type, file_name, target_file_name } => {
            put("fileType", json!(file_type));
            put("fileName", json!(file_name));
            put("targetFileName", json!(target_file_name))
        }
        TaskKind::Upload { file_type, file_name } => {
            put("fileType", json!(file_type));
            put("fileName", json!(file_name))
        }
        TaskKind::ScheduleInform { delay_seconds } => put("delaySeconds", json!(delay_seconds)),
        TaskKind::ChangeDuState { operation, url, uuid, version, execution_env_ref } => {
            put("operation", json!(operation));
            put("url", json!(url));
            put("uuid", json!(uuid));
            put("version", json!(version));
            put("executionEnvRef", json!(execution_env_ref))
        }
        TaskKind::Provisions { provisions } => {
            let list = provisions.iter().map(|it| fault::provision_json(it, catalog));
            put("provisions", list.collect())
        }
        TaskKind::Reboot | TaskKind::FactoryReset => None,
    };
    put("retries", json!(task.retries));
    put_state(&task.state, put);
    Json::Object(json)
}

fn put_state(state: &TaskState, mut put: impl FnMut(&str, Json) -> Option<Json>) {
    match state {
        TaskState::Waiting => put("status", json!("pending")),
        TaskState::Faulted(_) => put("status", json!("fault")),
        TaskState::Done(result) => {
            put("status", json!("done"));
            let mut view = json!({"finished": iso(result.finished)});
            if let Some(status) = result.status {
                view["status"] = json!(status);
            }
            if let Some(instance) = result.instance {
                view["instance"] = json!(instance);
            }
            if !result.refused.is_empty() {
                view["refused"] = result.refused.iter().map(refused_json).collect();
            }
            put("result", view)
        }
    };
}

fn refused_json(fault: &ParameterFault) -> Json {
    json!({"name": fault.name, "code": fault.code, "message": fault.message})
}

fn values_json(values: &[SetValue], catalog: &Catalog) -> Json {
    values.iter().map(|set| value_json(set, catalog)).collect()
}

fn value_json(set: &SetValue, catalog: &Catalog) -> Json {
    let value = match &set.value {
        _ if is_secret(catalog, &set.name) => json!(""),
        NewValue::Text(text) => json!(text),
        NewValue::Boolean(value) => json!(value),
        NewValue::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    };
    match set.value_type {
        Some(value_type) => json!([set.name, value, value_type.xsi_type()]),
        None => json!([set.name, value]),
    }
}

/// The id of a task's fault.
pub(super) fn fault_id(task: &Task) -> String {
    format!("{}:task_{}", task.device, task.id)
}

/// The document of the fault of a task that has one.
pub(super) fn fault_document(task: &Task, catalog: &Catalog) -> Option<Json> {
    let TaskState::Faulted(fault) = &task.state else { return None };
    let mut json = json!({
        "_id": fault_id(task),
        "device": task.device.as_str(),
        "channel": format!("task_{}", task.id),
        "timestamp": iso(fault.time),
        "code": fault.code,
        "message": fault.message,
        "retries": task.retries,
        "provisions": provisions(task, catalog),
    });
    if let Some(detail) = fault_detail(fault) {
        json["detail"] = detail;
    }
    if let Some(expiry) = task.expiry {
        json["expiry"] = json!(iso(expiry));
    }
    Some(json)
}

/// What the device said, in the shape of its SOAP fault.
fn fault_detail(fault: &TaskFault) -> Option<Json> {
    let code = fault.code.strip_prefix("cwmp.")?;
    let mut inner = json!({"FaultCode": code, "FaultString": fault.message});
    if !fault.parameters.is_empty() {
        let entries = fault.parameters.iter().map(|entry| {
            json!({
                "ParameterName": entry.name,
                "FaultCode": entry.code.strip_prefix("cwmp.").unwrap_or(&entry.code),
                "FaultString": entry.message,
            })
        });
        inner["SetParameterValuesFault"] = entries.collect();
    }
    Some(json!({
        "faultCode": "Client",
        "faultString": "CWMP fault",
        "detail": {"Fault": inner},
        "rpc": fault.rpc,
    }))
}

/// The provisions that a task stands for, as JSON text.
fn provisions(task: &Task, catalog: &Catalog) -> String {
    let values = |values: &[SetValue]| -> Vec<Json> {
        values.iter().map(|set| json!(["value", set.name, value_json(set, catalog)[1]])).collect()
    };
    let list = match &task.kind {
        TaskKind::GetParameterValues { names } => {
            names.iter().map(|name| json!(["refresh", name])).collect()
        }
        TaskKind::SetParameterValues { values: set } => values(set),
        TaskKind::RefreshObject { path } => vec![json!(["refresh", path])],
        TaskKind::AddObject { path, .. } => vec![json!(["instances", path, "+1"])],
        TaskKind::DeleteObject { path } => vec![json!(["instances", path, 0])],
        TaskKind::Reboot => vec![json!(["reboot"])],
        TaskKind::FactoryReset => vec![json!(["reset"])],
        TaskKind::Download { file_type, file_name, target_file_name } => {
            vec![json!(["download", file_type, file_name, target_file_name])]
        }
        TaskKind::Upload { file_type, file_name } => {
            vec![json!(["$upload", file_type, file_name])]
        }
        TaskKind::ScheduleInform { delay_seconds } => {
            vec![json!(["$scheduleInform", delay_seconds])]
        }
        TaskKind::ChangeDuState { operation, url, uuid, version, execution_env_ref } => {
            vec![json!(["$changeDUState", operation, url, uuid, version, execution_env_ref])]
        }
        TaskKind::Provisions { provisions } => {
            provisions.iter().map(|it| fault::provision_json(it, catalog)).collect()
        }
    };
    Json::Array(list).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::shipped()
    }

    fn read(text: &str) -> Result<Task, String> {
        let device = DeviceKey::new("00D09E", "Test", "1");
        let now = Timestamp::from_second(1_795_000_000).expect("in range");
        let id = TaskId::new(now, [7; 8]);
        parse(text.as_bytes(), device, id, now, &|_| None).map_err(|error| error.to_string())
    }

    fn document_of(text: &str) -> Json {
        document(&read(text).expect(text), &catalog())
    }

    #[test]
    fn all_tasks_are_read_and_shown() {
        let given = json!({
            "name": "setParameterValues",
            "parameterValues": [["D.A", "x", "xsd:string"], ["D.B", 5], ["D.C", true]],
            "uniqueKey": "k",
            "timestamp": "2026-11-22T13:16:23Z",
            "expiry": 60,
        });
        let shown = document_of(&given.to_string());
        assert_eq!(shown["parameterValues"], given["parameterValues"]);
        assert_eq!(shown["device"], "00D09E-Test-1");
        assert_eq!(shown["timestamp"], "2026-11-22T13:16:23.000Z");
        assert_eq!(shown["expiry"], "2026-11-22T13:17:23.000Z");
        assert_eq!(shown["status"], "pending");
        assert_eq!(shown["_id"].as_str().map(str::len), Some(24));
        for text in [
            r#"{"name":"getParameterValues","parameterNames":["Device.X"]}"#,
            r#"{"name":"refreshObject","objectName":""}"#,
            r#"{"name":"addObject","objectName":"Device.X","parameterValues":[["A","1"]]}"#,
            r#"{"name":"addObject","objectName":"Device.X."}"#,
            r#"{"name":"deleteObject","objectName":"Device.X.1"}"#,
            r#"{"name":"reboot","timestamp":1795000000000,"expiry":"2027-01-01"}"#,
            r#"{"name":"factoryReset","uniqueKey":null}"#,
            r#"{"name":"download","fileType":"1 Firmware Upgrade Image","fileName":"i"}"#,
            r#"{"name":"upload","fileType":"2 Vendor Log File","fileName":"log"}"#,
            r#"{"name":"scheduleInform","delaySeconds":60}"#,
            r#"{"name":"changeDUState","operation":"Install","url":"http://f/m"}"#,
            r#"{"name":"provisions","provisions":[["a",1,"b",null,true],["c"]]}"#,
        ] {
            let given: Json = serde_json::from_str(text).expect(text);
            let shown = document_of(text);
            let members = [
                "name",
                "objectName",
                "parameterNames",
                "fileType",
                "fileName",
                "provisions",
                "delaySeconds",
                "operation",
            ];
            for member in members {
                assert_eq!(shown.get(member), given.get(member), "{text}");
            }
        }
    }

    #[test]
    fn bad_tasks_are_named() {
        for (text, names) in [
            ("{", "SyntaxError: the task is not JSON"),
            ("[]", "one object"),
            ("{}", "no name"),
            (r#"{"name":1}"#, "name must be a text, not a number"),
            (r#"{"name":"dance"}"#, "unknown task name \"dance\"; it is one of getParameterValues"),
            (r#"{"name":"getParameterValues"}"#, "the task needs parameterNames"),
            (r#"{"name":"getParameterValues","parameterNames":"D"}"#, "must be a list, not a text"),
            (r#"{"name":"getParameterValues","parameterNames":[]}"#, "parameterNames is empty"),
            (
                r#"{"name":"getParameterValues","parameterNames":[""]}"#,
                "parameterNames[0] is empty",
            ),
            (r#"{"name":"getParameterValues","parameterNames":["D.A",7]}"#, "parameterNames[1]"),
            (
                r#"{"name":"setParameterValues","parameterValues":["D.A","x"]}"#,
                "parameterValues[0]",
            ),
            (r#"{"name":"setParameterValues","parameterValues":[["D.A"]]}"#, "[name, value]"),
            (
                r#"{"name":"setParameterValues","parameterValues":[["D.A",{}]]}"#,
                "the value of \"D.A\"",
            ),
            (
                r#"{"name":"setParameterValues","parameterValues":[["D.A",1,"xsd:colour"]]}"#,
                "colour",
            ),
            (r#"{"name":"download","fileType":"1 X"}"#, "needs fileName"),
            (r#"{"name":"download","file":"x"}"#, "there is no file \"x\""),
            (r#"{"name":"download","file":7}"#, "file must be a text"),
            (r#"{"name":"download","fileType":"1 X","fileName":""}"#, "fileName is empty"),
            (r#"{"name":"provisions","provisions":["reboot"]}"#, "provisions[0] must be a list"),
            (r#"{"name":"provisions","provisions":[[]]}"#, "provisions[0] has no name"),
            (r#"{"name":"provisions","provisions":[["a",[]]]}"#, "the arguments of provisions[0]"),
            (r#"{"name":"provisions","provisions":[]}"#, "provisions is empty"),
            (r#"{"name":"refreshObject"}"#, "needs objectName"),
            (r#"{"name":"refreshObject","objectName":7}"#, "objectName must be a text"),
            (r#"{"name":"deleteObject","objectName":"D.X."}"#, "instance number"),
            (r#"{"name":"reboot","expiry":-1}"#, "expiry must be"),
            (r#"{"name":"reboot","expiry":"soon"}"#, "expiry must be"),
            (r#"{"name":"reboot","timestamp":true}"#, "timestamp must be"),
            (r#"{"name":"reboot","uniqueKey":1}"#, "uniqueKey must be a text"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(names), "{text}: {error:?} does not say {names:?}");
            assert!(!error.contains('\n'), "{text}: {error:?}");
        }
    }

    #[test]
    fn sec_01_hidden_values_are_not_shown() {
        let text = r#"{"name":"setParameterValues","parameterValues":[["D.Password","sesame"]]}"#;
        let mut task = read(text).expect(text);
        task.state = TaskState::Faulted(TaskFault::new(task.created, "cwmp.9003", "no"));
        assert!(!document(&task, &catalog()).to_string().contains("sesame"));
        let fault = fault_document(&task, &catalog()).expect("a fault");
        assert!(!fault.to_string().contains("sesame"));
    }

    #[test]
    fn faults_have_the_id_of_their_channel() {
        let mut task = read(r#"{"name":"reboot"}"#).expect("a task");
        assert_eq!(fault_document(&task, &catalog()), None);
        task.state = TaskState::Faulted(TaskFault::new(task.created, "cwmp.9002", "broken"));
        let fault = fault_document(&task, &catalog()).expect("a fault");
        assert_eq!(fault["_id"], json!(format!("00D09E-Test-1:task_{}", task.id)));
        assert_eq!(fault["detail"]["detail"]["Fault"]["FaultCode"], "9002");
        assert_eq!(fault["provisions"], r#"[["reboot"]]"#);
    }
}
