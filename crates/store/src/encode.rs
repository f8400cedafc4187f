//! Core types to and from what the columns of a database hold.
//!
//! The types of `drover-provision` are not serialisable themselves: their form here is part of
//! every database, whatever its engine, and changes only with a migration.

mod data;
mod knowledge;
mod trace;

use drover_cwmp::ValueType;
use drover_cwmp::event::{Event, EventCode};
use drover_provision::{
    NewValue, ParameterFault, SetValue, TaskFault, TaskKind, TaskResult, TaskState,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::TaskStatus;
pub(crate) use data::{
    ChannelFaultRow, fault_from_row, fault_to_row, operation_from_json, operation_to_json,
};
use data::{ProvisionRow, provisions_from_rows, provisions_to_rows};
pub(crate) use knowledge::{knowledge_from_json, knowledge_to_json};
pub(crate) use trace::{pack_trace, unpack_trace};

pub(crate) type Result<T> = std::result::Result<T, Unreadable>;

/// A column that does not hold what it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unreadable {0}")]
pub(crate) struct Unreadable(pub(crate) &'static str);

pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    // Only maps whose keys are no texts, and failing implementations, have no JSON.
    serde_json::to_string(value).expect("rows are made of texts, numbers and lists")
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Unreadable(what))
}

pub(crate) fn time(microseconds: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(microseconds).map_err(|_| Unreadable("time"))
}

pub(crate) fn optional_time(microseconds: Option<i64>) -> Result<Option<Timestamp>> {
    microseconds.map(time).transpose()
}

pub(crate) const fn status_code(status: TaskStatus) -> i64 {
    match status {
        TaskStatus::Waiting => 0,
        TaskStatus::Faulted => 1,
        TaskStatus::Done => 2,
    }
}

pub(crate) const fn type_code(value_type: ValueType) -> i64 {
    match value_type {
        ValueType::String => 0,
        ValueType::Int => 1,
        ValueType::UnsignedInt => 2,
        ValueType::Long => 3,
        ValueType::UnsignedLong => 4,
        ValueType::Boolean => 5,
        ValueType::DateTime => 6,
        ValueType::Base64 => 7,
        ValueType::HexBinary => 8,
        ValueType::Decimal => 9,
    }
}

pub(crate) fn value_type(code: i64) -> Result<ValueType> {
    let known = ValueType::ALL.into_iter().find(|ty| type_code(*ty) == code);
    known.ok_or(Unreadable("value type"))
}

pub(crate) fn events_to_json(events: &[Event]) -> String {
    let pairs = events.iter().map(|event| (event.code.as_str(), event.command_key.as_str()));
    to_json(&pairs.collect::<Vec<_>>())
}

pub(crate) fn events_from_json(text: &str) -> Result<Vec<Event>> {
    let pairs: Vec<(String, String)> = from_json(text, "events")?;
    let event = |(code, key): (String, String)| Event::with_key(EventCode::parse(&code).0, key);
    Ok(pairs.into_iter().map(event).collect())
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum KindRow {
    GetParameterValues {
        names: Vec<String>,
    },
    SetParameterValues {
        values: Vec<SetRow>,
    },
    RefreshObject {
        path: String,
    },
    AddObject {
        path: String,
        values: Vec<SetRow>,
    },
    DeleteObject {
        path: String,
    },
    Reboot,
    FactoryReset,
    #[serde(rename_all = "camelCase")]
    Download {
        file_type: String,
        file_name: String,
        target_file_name: String,
    },
    #[serde(rename_all = "camelCase")]
    Upload {
        file_type: String,
        file_name: String,
    },
    #[serde(rename_all = "camelCase")]
    ScheduleInform {
        delay_seconds: u32,
    },
    #[serde(rename_all = "camelCase")]
    ChangeDuState {
        operation: String,
        url: String,
        uuid: String,
        version: String,
        execution_env_ref: String,
    },
    Provisions {
        provisions: Vec<ProvisionRow>,
    },
}

#[derive(Serialize, Deserialize)]
struct SetRow {
    name: String,
    value: NewValueRow,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    value_type: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum NewValueRow {
    Text(String),
    Boolean(bool),
    Number(String),
}

#[derive(Serialize, Deserialize)]
struct ResultRow {
    finished: i64,
    status: Option<u32>,
    instance: Option<u32>,
    refused: Vec<(String, String, String)>,
}

#[derive(Serialize, Deserialize)]
struct FaultRow {
    time: i64,
    code: String,
    message: String,
    rpc: Option<String>,
    parameters: Vec<(String, String, String)>,
}

pub(crate) fn kind_to_json(kind: &TaskKind) -> String {
    let rows = |values: &[SetValue]| values.iter().map(set_to_row).collect();
    to_json(&match kind {
        TaskKind::GetParameterValues { names } => {
            KindRow::GetParameterValues { names: names.clone() }
        }
        TaskKind::SetParameterValues { values } => {
            KindRow::SetParameterValues { values: rows(values) }
        }
        TaskKind::RefreshObject { path } => KindRow::RefreshObject { path: path.clone() },
        TaskKind::AddObject { path, values } => {
            KindRow::AddObject { path: path.clone(), values: rows(values) }
        }
        TaskKind::DeleteObject { path } => KindRow::DeleteObject { path: path.clone() },
        TaskKind::Reboot => KindRow::Reboot,
        TaskKind::FactoryReset => KindRow::FactoryReset,
        TaskKind::Download { file_type, file_name, target_file_name } => KindRow::Download {
            file_type: file_type.clone(),
            file_name: file_name.clone(),
            target_file_name: target_file_name.clone(),
        },
        TaskKind::Upload { file_type, file_name } => {
            KindRow::Upload { file_type: file_type.clone(), file_name: file_name.clone() }
        }
        TaskKind::ScheduleInform { delay_seconds } => {
            KindRow::ScheduleInform { delay_seconds: *delay_seconds }
        }
        TaskKind::ChangeDuState { operation, url, uuid, version, execution_env_ref } => {
            KindRow::ChangeDuState {
                operation: operation.clone(),
                url: url.clone(),
                uuid: uuid.clone(),
                version: version.clone(),
                execution_env_ref: execution_env_ref.clone(),
            }
        }
        TaskKind::Provisions { provisions } => {
            KindRow::Provisions { provisions: provisions_to_rows(provisions) }
        }
    })
}

pub(crate) fn kind_from_json(text: &str) -> Result<TaskKind> {
    let values = |rows: Vec<SetRow>| rows.into_iter().map(set_from_row).collect::<Result<_>>();
    Ok(match from_json(text, "task")? {
        KindRow::GetParameterValues { names } => TaskKind::GetParameterValues { names },
        KindRow::SetParameterValues { values: rows } => {
            TaskKind::SetParameterValues { values: values(rows)? }
        }
        KindRow::RefreshObject { path } => TaskKind::RefreshObject { path },
        KindRow::AddObject { path, values: rows } => {
            TaskKind::AddObject { path, values: values(rows)? }
        }
        KindRow::DeleteObject { path } => TaskKind::DeleteObject { path },
        KindRow::Reboot => TaskKind::Reboot,
        KindRow::FactoryReset => TaskKind::FactoryReset,
        KindRow::Download { file_type, file_name, target_file_name } => {
            TaskKind::Download { file_type, file_name, target_file_name }
        }
        KindRow::Upload { file_type, file_name } => TaskKind::Upload { file_type, file_name },
        KindRow::ScheduleInform { delay_seconds } => TaskKind::ScheduleInform { delay_seconds },
        KindRow::ChangeDuState { operation, url, uuid, version, execution_env_ref } => {
            TaskKind::ChangeDuState { operation, url, uuid, version, execution_env_ref }
        }
        KindRow::Provisions { provisions } => {
            TaskKind::Provisions { provisions: provisions_from_rows(provisions)? }
        }
    })
}

fn set_to_row(set: &SetValue) -> SetRow {
    let value = match &set.value {
        NewValue::Text(text) => NewValueRow::Text(text.clone()),
        NewValue::Boolean(value) => NewValueRow::Boolean(*value),
        NewValue::Number(text) => NewValueRow::Number(text.clone()),
    };
    SetRow { name: set.name.clone(), value, value_type: set.value_type.map(type_code) }
}

fn set_from_row(row: SetRow) -> Result<SetValue> {
    let value = match row.value {
        NewValueRow::Text(text) => NewValue::Text(text),
        NewValueRow::Boolean(value) => NewValue::Boolean(value),
        NewValueRow::Number(text) => NewValue::Number(text),
    };
    let value_type = row.value_type.map(value_type).transpose()?;
    Ok(SetValue { name: row.name, value, value_type })
}

/// The columns `state` and `outcome`.
pub(crate) fn state_to_columns(state: &TaskState) -> (i64, Option<String>) {
    let (status, outcome) = match state {
        TaskState::Waiting => (TaskStatus::Waiting, None),
        TaskState::Faulted(fault) => (TaskStatus::Faulted, Some(fault_to_json(fault))),
        TaskState::Done(result) => (TaskStatus::Done, Some(result_to_json(result))),
    };
    (status_code(status), outcome)
}

pub(crate) fn state_from_columns(state: i64, outcome: Option<String>) -> Result<TaskState> {
    match (state, outcome) {
        (0, _) => Ok(TaskState::Waiting),
        (1, Some(text)) => fault_from_json(&text).map(TaskState::Faulted),
        (2, Some(text)) => result_from_json(&text).map(TaskState::Done),
        _ => Err(Unreadable("state of a task")),
    }
}

fn fault_to_json(fault: &TaskFault) -> String {
    to_json(&FaultRow {
        time: fault.time.as_microsecond(),
        code: fault.code.clone(),
        message: fault.message.clone(),
        rpc: fault.rpc.clone(),
        parameters: parameters_to_rows(&fault.parameters),
    })
}

fn fault_from_json(text: &str) -> Result<TaskFault> {
    let row: FaultRow = from_json(text, "fault of a task")?;
    Ok(TaskFault {
        time: time(row.time)?,
        code: row.code,
        message: row.message,
        rpc: row.rpc,
        parameters: parameters_from_rows(row.parameters),
    })
}

fn result_to_json(result: &TaskResult) -> String {
    to_json(&ResultRow {
        finished: result.finished.as_microsecond(),
        status: result.status,
        instance: result.instance,
        refused: parameters_to_rows(&result.refused),
    })
}

fn result_from_json(text: &str) -> Result<TaskResult> {
    let row: ResultRow = from_json(text, "result of a task")?;
    Ok(TaskResult {
        finished: time(row.finished)?,
        status: row.status,
        instance: row.instance,
        refused: parameters_from_rows(row.refused),
    })
}

fn parameters_to_rows(faults: &[ParameterFault]) -> Vec<(String, String, String)> {
    let row =
        |fault: &ParameterFault| (fault.name.clone(), fault.code.clone(), fault.message.clone());
    faults.iter().map(row).collect()
}

fn parameters_from_rows(rows: Vec<(String, String, String)>) -> Vec<ParameterFault> {
    rows.into_iter().map(|(name, code, message)| ParameterFault { name, code, message }).collect()
}
