//! Tasks: what an operator wants a device to do, and what became of it.

use std::collections::BTreeSet;
use std::fmt;

use drover_cwmp::path::{PathOptions, PathRef, Segment};
use drover_cwmp::{Fault, ValueType};
use jiff::Timestamp;

use crate::engine::{CHANGE_DU_STATE, Provision, SCHEDULE_INFORM, UPLOAD};
use crate::key::DeviceKey;
use crate::limits::{
    FAULT_TEXT_CHARS_MAX, PARAMETER_FAULTS_MAX, TASK_BYTES_MAX, TASK_ID_CHARS_MAX, TASK_ITEMS_MAX,
    UNIQUE_KEY_CHARS_MAX,
};
use crate::record::is_object;
use crate::script::Data;

/// The id of a task: 24 hexadecimal digits, as clients of GenieACS expect.
///
/// It also travels to the device, as CommandKey of a Reboot and as ParameterKey, so that a later
/// Inform can tell what became of a request whose answer was lost (`MRB-05`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(String);

/// The text is not the id of a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a task id: it consists of 1 to 32 letters, digits, '-' or '_'")]
pub struct NotATaskId(String);

impl TaskId {
    /// A new id from the time and unpredictable bytes. Ids of one second apart sort by time.
    pub fn new(now: Timestamp, entropy: [u8; 8]) -> Self {
        let seconds = u32::try_from(now.as_second()).unwrap_or_default();
        Self(format!("{seconds:08x}{:016x}", u64::from_be_bytes(entropy)))
    }

    /// Reads an id as a client of the server writes it.
    ///
    /// # Errors
    /// [`NotATaskId`] when no task can have this id.
    pub fn parse(text: &str) -> Result<Self, NotATaskId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let fits = !text.is_empty() && text.len() <= TASK_ID_CHARS_MAX;
        if fits && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotATaskId(text.chars().take(100).collect()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Something a device is to do in one of its next sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// For whom it is.
    pub device: DeviceKey,
    /// What is to be done.
    pub kind: TaskKind,
    /// When it was made.
    pub created: Timestamp,
    /// Not to be done before; GenieACS calls it `timestamp`.
    pub due: Timestamp,
    /// Not to be begun afterwards: then it is removed.
    pub expiry: Option<Timestamp>,
    /// Replaces the waiting tasks of the device that have the same key.
    pub unique_key: Option<String>,
    /// How often it was tried again after a fault.
    pub retries: u32,
    /// Whether it waits or how it ended.
    pub state: TaskState,
    /// How far it has come.
    pub progress: Progress,
}

impl Task {
    /// A waiting task without expiry.
    pub const fn new(id: TaskId, device: DeviceKey, kind: TaskKind, now: Timestamp) -> Self {
        Self {
            id,
            device,
            kind,
            created: now,
            due: now,
            expiry: None,
            unique_key: None,
            retries: 0,
            state: TaskState::Waiting,
            progress: Progress { sent: None, instance: None },
        }
    }

    /// Whether it may be begun. One that could be when it was made still can, should the clock have
    /// gone back since.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due <= now || self.due <= self.created
    }

    /// Whether it may no longer be begun.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expiry.is_some_and(|expiry| expiry < now)
    }

    /// Lets a faulted task wait for its next try. What it has already created is not created again.
    pub fn retry(&mut self) {
        self.state = TaskState::Waiting;
        self.progress.sent = None;
        self.retries = self.retries.saturating_add(1);
    }

    /// Complains about what no device could do.
    ///
    /// # Errors
    /// [`InvalidTask`] names it and says what to do.
    pub fn check(&self) -> Result<(), InvalidTask> {
        let key_chars = self.unique_key.as_ref().map_or(0, |key| key.chars().count());
        if key_chars > UNIQUE_KEY_CHARS_MAX {
            let max = UNIQUE_KEY_CHARS_MAX;
            return Err(InvalidTask(format!("uniqueKey is longer than {max} characters")));
        }
        self.kind.check()
    }
}

/// Whether a task waits or how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// It is to be done in one of the next sessions.
    Waiting,
    /// It failed; it stays so until it is retried or deleted.
    Faulted(TaskFault),
    /// It was done.
    Done(TaskResult),
}

/// How far a task has come that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// When a request was sent that must not be repeated blindly; saved before it is sent and
    /// cleared when its answer came (`MRB-05`).
    pub sent: Option<Timestamp>,
    /// The row that an [`TaskKind::AddObject`] has created; what is left are its values.
    pub instance: Option<u32>,
}

/// What a task wants.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskKind {
    /// Read parameters.
    GetParameterValues {
        /// Full or partial paths; the empty one is the whole tree.
        names: Vec<String>,
    },
    /// Set parameters, all or none.
    SetParameterValues {
        /// The parameters.
        values: Vec<SetValue>,
    },
    /// Learn anew what exists below a path, and its values.
    RefreshObject {
        /// Path of an object, with or without its trailing dot, or of a parameter; the empty one is
        /// the whole tree.
        path: String,
    },
    /// Create a row.
    AddObject {
        /// Path of the table, with or without its trailing dot.
        path: String,
        /// Values to set in the new row, named relative to it.
        values: Vec<SetValue>,
    },
    /// Delete a row.
    DeleteObject {
        /// Path of the row, with or without its trailing dot.
        path: String,
    },
    /// Restart the device.
    Reboot,
    /// Restore its factory state.
    FactoryReset,
    /// Load a file.
    Download {
        /// The file type, such as `1 Firmware Upgrade Image`.
        file_type: String,
        /// The name of the file on the server, or its URL.
        file_name: String,
        /// The name of the file on the device; empty where it does not matter.
        target_file_name: String,
    },
    /// Have a file uploaded.
    Upload {
        /// The file type, such as `2 Vendor Log File`.
        file_type: String,
        /// What the file is called here; empty to have it named after the device and the time.
        file_name: String,
    },
    /// Have the device come by itself (`3 SCHEDULED`).
    ScheduleInform {
        /// In so many seconds, at least 1.
        delay_seconds: u32,
    },
    /// Install, update or uninstall a software module.
    ChangeDuState {
        /// `Install`, `Update` or `Uninstall`.
        operation: String,
        /// From where it is loaded; may be empty for `Uninstall`.
        url: String,
        /// Which module; may be empty for `Install`.
        uuid: String,
        /// Its version; empty for any.
        version: String,
        /// Path of the execution environment; empty for the device's choice.
        execution_env_ref: String,
    },
    /// Run provisions.
    Provisions {
        /// Scripts, or built-in ones, with their arguments.
        provisions: Vec<Provision>,
    },
}

/// A parameter to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetValue {
    /// Its path.
    pub name: String,
    /// The value.
    pub value: NewValue,
    /// The type, which is used when that of the device is not known.
    pub value_type: Option<ValueType>,
}

/// A value as a client of the server writes it. Does not show in debug output, as it may be a
/// secret.
#[derive(Clone, PartialEq, Eq)]
pub enum NewValue {
    /// A text.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A number in the notation of JSON.
    Number(String),
}

impl NewValue {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Number(text) => text.len(),
            Self::Boolean(_) => 1,
        }
    }
}

impl fmt::Debug for NewValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Boolean(_) => "Boolean(..)",
            Self::Number(_) => "Number(..)",
        })
    }
}

/// A task that no device could do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTask(String);

impl TaskKind {
    /// Its name in GenieACS's form.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::GetParameterValues { .. } => "getParameterValues",
            Self::SetParameterValues { .. } => "setParameterValues",
            Self::RefreshObject { .. } => "refreshObject",
            Self::AddObject { .. } => "addObject",
            Self::DeleteObject { .. } => "deleteObject",
            Self::Reboot => "reboot",
            Self::FactoryReset => "factoryReset",
            Self::Download { .. } => "download",
            Self::Upload { .. } => "upload",
            Self::ScheduleInform { .. } => "scheduleInform",
            Self::ChangeDuState { .. } => "changeDUState",
            Self::Provisions { .. } => "provisions",
        }
    }

    /// The provisions that do it, for a task that the engine does (compat 2.11).
    pub(crate) fn provisions(&self) -> Option<Vec<Provision>> {
        match self {
            Self::Provisions { provisions } => Some(provisions.clone()),
            Self::Download { file_type, file_name, target_file_name } => {
                let texts = [file_type, file_name, target_file_name];
                let arguments = texts.map(|text| Data::Text(text.clone())).to_vec();
                Some(vec![Provision { name: "download".to_owned(), arguments }])
            }
            Self::Upload { file_type, file_name } => {
                let arguments = [file_type, file_name].map(|text| Data::Text(text.clone()));
                Some(vec![Provision { name: UPLOAD.to_owned(), arguments: arguments.to_vec() }])
            }
            Self::ScheduleInform { delay_seconds } => {
                let arguments = vec![Data::Number(f64::from(*delay_seconds))];
                Some(vec![Provision { name: SCHEDULE_INFORM.to_owned(), arguments }])
            }
            Self::ChangeDuState { operation, url, uuid, version, execution_env_ref } => {
                let texts = [operation, url, uuid, version, execution_env_ref];
                let arguments = texts.map(|text| Data::Text(text.clone())).to_vec();
                Some(vec![Provision { name: CHANGE_DU_STATE.to_owned(), arguments }])
            }
            _ => None,
        }
    }

    /// The values it sets.
    pub fn values(&self) -> &[SetValue] {
        match self {
            Self::SetParameterValues { values } | Self::AddObject { values, .. } => values,
            _ => &[],
        }
    }

    /// Takes secrets out of a task that needs them no more (`SEC-01`).
    pub(crate) fn forget_secrets(&mut self, is_secret: impl Fn(&str) -> bool) {
        if let Self::SetParameterValues { values } | Self::AddObject { values, .. } = self {
            for value in values.iter_mut().filter(|value| is_secret(&value.name)) {
                value.value = NewValue::Text(String::new());
            }
        }
        if let Self::Provisions { provisions } = self {
            for Provision { name, arguments } in provisions {
                if let ("value", [Data::Text(path), value]) = (&**name, &mut arguments[..])
                    && is_secret(path)
                {
                    *value = Data::Text(String::new());
                }
            }
        }
    }

    fn check(&self) -> Result<(), InvalidTask> {
        self.check_size()?;
        match self {
            Self::GetParameterValues { names } => {
                not_empty("parameterNames", names.len())?;
                names.iter().try_for_each(|name| check_path(name).map(drop))
            }
            Self::SetParameterValues { values } => {
                not_empty("parameterValues", values.len())?;
                check_values("", values)
            }
            Self::RefreshObject { path } => check_path(path).map(drop),
            Self::AddObject { path, values } => check_add(path, values),
            Self::DeleteObject { path } => check_delete(path),
            Self::Reboot | Self::FactoryReset => Ok(()),
            Self::Download { file_type, file_name, .. } => {
                not_empty("fileType", file_type.len())?;
                not_empty("fileName", file_name.len())
            }
            Self::Upload { file_type, .. } => not_empty("fileType", file_type.len()),
            Self::ScheduleInform { delay_seconds: 0 } => {
                let text = "delaySeconds is 0; the device comes in one second at the earliest";
                Err(InvalidTask(text.to_owned()))
            }
            Self::ScheduleInform { .. } => Ok(()),
            Self::ChangeDuState { operation, url, uuid, .. } => match operation.as_str() {
                "Install" => not_empty("url", url.len()),
                "Update" => not_empty("url", url.len().max(uuid.len())),
                "Uninstall" => not_empty("uuid", uuid.len()),
                _ => {
                    let text = "operation must be Install, Update or Uninstall";
                    Err(InvalidTask(text.to_owned()))
                }
            },
            Self::Provisions { provisions } => not_empty("provisions", provisions.len()),
        }
    }

    fn check_size(&self) -> Result<(), InvalidTask> {
        let names = match self {
            Self::GetParameterValues { names } => names.as_slice(),
            _ => &[],
        };
        let values =
            self.values().iter().map(|set| set.name.len().saturating_add(set.value.bytes()));
        let provisions = match self {
            Self::Provisions { provisions } => provisions.as_slice(),
            _ => &[],
        };
        let arguments = provisions.iter().flat_map(|it| &it.arguments).map(Data::size);
        let named = provisions.iter().map(|it| it.name.len());
        let sizes = names.iter().map(String::len).chain(values).chain(named).chain(arguments);
        let (items, bytes) = sizes.fold((0_usize, 0_usize), |(items, bytes), size| {
            (items.saturating_add(1), bytes.saturating_add(size))
        });
        if items > TASK_ITEMS_MAX || bytes > TASK_BYTES_MAX {
            return Err(InvalidTask(format!(
                "the task is too big: it may have {TASK_ITEMS_MAX} names or values and \
                 {TASK_BYTES_MAX} bytes; split it"
            )));
        }
        Ok(())
    }
}

fn not_empty(member: &str, len: usize) -> Result<(), InvalidTask> {
    if len == 0 {
        return Err(InvalidTask(format!("{member} is empty")));
    }
    Ok(())
}

fn check_path(path: &str) -> Result<PathRef<'_>, InvalidTask> {
    PathRef::parse(path, PathOptions::PLAIN)
        .map_err(|error| InvalidTask(format!("bad path {:?}: {error}", shortened(path))))
}

fn check_values(base: &str, values: &[SetValue]) -> Result<(), InvalidTask> {
    let mut seen = BTreeSet::new();
    for SetValue { name, .. } in values {
        let path = format!("{base}{name}");
        check_path(&path)?;
        if is_object(name) {
            let name = shortened(name);
            return Err(InvalidTask(format!("{name:?} is an object: name a parameter to set")));
        }
        if !seen.insert(name) {
            let name = shortened(name);
            return Err(InvalidTask(format!("{name:?} is given twice: keep one of the values")));
        }
    }
    Ok(())
}

fn check_add(path: &str, values: &[SetValue]) -> Result<(), InvalidTask> {
    match check_path(path)?.last() {
        Some(Segment::Name(_)) => check_values(&format!("{}1.", object_path(path)), values),
        _ => Err(InvalidTask(format!(
            "{:?} is not a table: name it without an instance number",
            shortened(path)
        ))),
    }
}

fn check_delete(path: &str) -> Result<(), InvalidTask> {
    match check_path(path)?.last() {
        Some(Segment::Instance(_)) => Ok(()),
        _ => Err(InvalidTask(format!(
            "{:?} is not a row: name it with its instance number",
            shortened(path)
        ))),
    }
}

/// The path with its trailing dot, which clients of GenieACS leave out at will.
pub(crate) fn object_path(path: &str) -> String {
    let dot = if is_object(path) { "" } else { "." };
    format!("{path}{dot}")
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}

/// How a task ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskResult {
    /// When the last answer came.
    pub finished: Timestamp,
    /// `Status` of the response: 0 applied, 1 committed and not yet applied.
    pub status: Option<u32>,
    /// Number of the row that was created.
    pub instance: Option<u32>,
    /// Names that the device refused while it answered others, at most
    /// [`PARAMETER_FAULTS_MAX`].
    pub refused: Vec<ParameterFault>,
}

impl TaskResult {
    /// A result without details.
    pub const fn new(finished: Timestamp) -> Self {
        Self { finished, status: None, instance: None, refused: Vec::new() }
    }
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFault {
    /// When.
    pub time: Timestamp,
    /// GenieACS's code, such as `cwmp.9005` or `session_terminated`.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// The RPC that the device refused, if it did.
    pub rpc: Option<String>,
    /// The parameters at fault, at most [`PARAMETER_FAULTS_MAX`].
    pub parameters: Vec<ParameterFault>,
}

/// What is wrong with one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterFault {
    /// Its path.
    pub name: String,
    /// As [`TaskFault::code`]; `missing` when the device left the parameter out of its answer.
    pub code: String,
    /// What the device says.
    pub message: String,
}

impl TaskFault {
    /// A fault of our own finding.
    pub fn new(time: Timestamp, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { time, code: code.to_owned(), message, rpc: None, parameters: Vec::new() }
    }

    /// The fault with which a device answered `rpc`.
    pub fn from_fault(time: Timestamp, rpc: &str, fault: &Fault) -> Self {
        let text = |text: Option<&String>, meaning: &str| -> String {
            let text = text.map(|text| text.trim()).filter(|text| !text.is_empty());
            text.unwrap_or(meaning).chars().take(FAULT_TEXT_CHARS_MAX).collect()
        };
        let parameters = fault.set_parameter_values_faults.iter().take(PARAMETER_FAULTS_MAX);
        Self {
            time,
            code: format!("cwmp.{}", fault.fault_code.0),
            message: text(fault.fault_string.as_ref(), fault.fault_code.meaning()),
            rpc: Some(rpc.to_owned()),
            parameters: parameters
                .map(|entry| ParameterFault {
                    name: entry.parameter_name.chars().take(FAULT_TEXT_CHARS_MAX).collect(),
                    code: format!("cwmp.{}", entry.fault_code.0),
                    message: text(entry.fault_string.as_ref(), entry.fault_code.meaning()),
                })
                .collect(),
        }
    }

    /// Whether the device answered with this code.
    pub(crate) fn is_cwmp(&self, code: u32) -> bool {
        self.code.strip_prefix("cwmp.").is_some_and(|rest| rest.parse() == Ok(code))
    }
}

impl fmt::Display for TaskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

#[cfg(test)]
mod tests;
