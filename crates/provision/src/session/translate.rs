//! Between what the engine asks and the messages of CWMP.

use drover_cwmp::message::{
    AddObject, ChangeDuState, DeleteObject, Download, FactoryReset, GetParameterAttributes,
    GetParameterNames, GetParameterValues, InstallOpStruct, Operation, ParameterValueStruct,
    Reboot, ScheduleDownload, ScheduleInform, SetParameterAttributes, SetParameterAttributesStruct,
    SetParameterValues, TimeWindowStruct, UninstallOpStruct, UpdateOpStruct, Upload,
};
use drover_cwmp::{Message, Value, ValueType};
use jiff::{SignedDuration, Timestamp};

use super::settings::Writing;
use crate::engine::{NewAttributes, Request, Response, SoftwareOperation, TimeWindow, TypedValue};
use crate::files::{FileAction, Files};
use crate::key::DeviceKey;
use crate::limits::{FILE_NAME_BYTES_MAX, FILE_URL_SECONDS, PATH_BYTES_MAX};
use crate::script::Fault;
use crate::view::{scalar, value_of};

/// Makes the URLs of a session.
pub(super) struct FileUrls<'a> {
    pub(super) files: &'a Files,
    pub(super) device: &'a DeviceKey,
    pub(super) now: Timestamp,
}

impl FileUrls<'_> {
    /// The URL of a file that the device loads, which may begin to do so some seconds from now.
    fn download(&self, name: &str, begins: u32) -> String {
        self.files.url_of(name, FileAction::Download, self.until(begins))
    }

    /// The URL of a file that the device stores; without a name, one that no other has.
    fn upload(&self, name: &str, id: &str) -> String {
        let own = || match format!("uploads/{}/{id}", self.device) {
            long if long.len() > FILE_NAME_BYTES_MAX => {
                format!("uploads/{:016x}/{id}", self.device.digest())
            }
            own => own,
        };
        let name = if name.is_empty() { &own() } else { name };
        self.files.url_of(name, FileAction::Upload, self.until(0))
    }

    fn until(&self, begins: u32) -> Timestamp {
        let good = FILE_URL_SECONDS.saturating_add(begins.into());
        self.now.saturating_add(SignedDuration::from_secs(good)).unwrap_or(Timestamp::MAX)
    }
}

/// The second in which the last window ends.
fn last_second(windows: &[TimeWindow]) -> u32 {
    windows.iter().map(|window| window.end_seconds).max().unwrap_or_default()
}

/// The message that asks what the engine wants; `id` is the ID of the request.
pub(super) fn message_of(
    request: &Request,
    id: &str,
    files: Option<&FileUrls<'_>>,
    writing: Writing,
) -> Result<Message, Fault> {
    Ok(match request {
        Request::GetParameterNames { path, is_next_level } => {
            GetParameterNames { parameter_path: path.clone(), next_level: *is_next_level }.into()
        }
        Request::GetParameterValues { names, .. } => {
            GetParameterValues { parameter_names: names.clone() }.into()
        }
        Request::GetParameterAttributes { names } => {
            GetParameterAttributes { parameter_names: names.clone() }.into()
        }
        Request::SetParameterValues { values } => {
            let value = |(name, scalar, value_type): &(String, _, Box<str>)| {
                let typed: TypedValue =
                    TypedValue { scalar: Clone::clone(scalar), value_type: value_type.clone() };
                let value = value_of(&typed).ok_or_else(|| unknown_type(name, value_type))?;
                Ok(ParameterValueStruct { name: name.clone(), value: written(value, writing) })
            };
            let parameter_list = values.iter().map(value).collect::<Result<_, Fault>>()?;
            SetParameterValues { parameter_list, parameter_key: id.to_owned() }.into()
        }
        Request::SetParameterAttributes { attributes } => {
            let parameter_list = attributes.iter().map(|(name, it)| attribute(name, it)).collect();
            SetParameterAttributes { parameter_list }.into()
        }
        Request::AddObject { object_name, .. } => {
            AddObject { object_name: object_name.clone(), parameter_key: id.to_owned() }.into()
        }
        Request::DeleteObject { object_name } => {
            DeleteObject { object_name: object_name.clone(), parameter_key: id.to_owned() }.into()
        }
        Request::Download { file_type, file_name, target_file_name, .. } => {
            let files = files.ok_or_else(no_files)?;
            Download {
                command_key: id.to_owned(),
                file_type: file_type.clone(),
                url: files.download(file_name, 0),
                username: String::new(),
                password: String::new(),
                file_size: 0,
                target_file_name: target_file_name.clone(),
                delay_seconds: 0,
                success_url: String::new(),
                failure_url: String::new(),
            }
            .into()
        }
        Request::Upload { file_type, file_name, .. } => {
            let files = files.ok_or_else(no_files)?;
            Upload {
                command_key: id.to_owned(),
                file_type: file_type.clone(),
                url: files.upload(file_name, id),
                username: String::new(),
                password: String::new(),
                delay_seconds: 0,
            }
            .into()
        }
        Request::ScheduleDownload { file_type, file_name, target_file_name, windows, .. } => {
            let files = files.ok_or_else(no_files)?;
            ScheduleDownload {
                command_key: id.to_owned(),
                file_type: file_type.clone(),
                url: files.download(file_name, last_second(windows)),
                username: String::new(),
                password: String::new(),
                file_size: 0,
                target_file_name: target_file_name.clone(),
                time_window_list: windows.iter().map(window).collect(),
            }
            .into()
        }
        Request::ChangeDUState { operation, .. } => {
            let operations = vec![unit_operation(operation, files)?];
            ChangeDuState { operations, command_key: Some(id.to_owned()) }.into()
        }
        Request::ScheduleInform { delay_seconds, .. } => {
            ScheduleInform { delay_seconds: *delay_seconds, command_key: id.to_owned() }.into()
        }
        Request::Reboot => Reboot { command_key: id.to_owned() }.into(),
        Request::FactoryReset => FactoryReset::default().into(),
    })
}

fn attribute(name: &str, attributes: &NewAttributes) -> SetParameterAttributesStruct {
    let NewAttributes { notification, access_list } = attributes;
    let names = access_list.iter().flatten().map(|name| name.to_string());
    SetParameterAttributesStruct {
        name: name.to_owned(),
        notification_change: notification.is_some(),
        notification: notification.unwrap_or_default(),
        access_list_change: access_list.is_some(),
        access_list: names.collect(),
    }
}

fn window(window: &TimeWindow) -> TimeWindowStruct {
    TimeWindowStruct {
        window_start: window.start_seconds,
        window_end: window.end_seconds,
        window_mode: window.mode.clone(),
        user_message: window.user_message.clone(),
        max_retries: window.max_retries,
    }
}

fn unit_operation(
    operation: &SoftwareOperation,
    files: Option<&FileUrls<'_>>,
) -> Result<Operation, Fault> {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let url = |url: &str, file_name: &str| match (url, file_name) {
        ("", "") => Ok(None),
        ("", name) => Ok(Some(files.ok_or_else(no_files)?.download(name, 0))),
        (url, _) => Ok(Some(url.to_owned())),
    };
    Ok(match operation {
        SoftwareOperation::Install { url: at, file_name, uuid, execution_env_ref } => {
            Operation::Install(InstallOpStruct {
                url: url(at, file_name)?.unwrap_or_default(),
                uuid: given(uuid),
                username: None,
                password: None,
                execution_env_ref: given(execution_env_ref),
            })
        }
        SoftwareOperation::Update { url: at, file_name, uuid, version } => {
            Operation::Update(UpdateOpStruct {
                uuid: given(uuid),
                version: given(version),
                url: url(at, file_name)?,
                username: None,
                password: None,
            })
        }
        SoftwareOperation::Uninstall { uuid, version, execution_env_ref } => {
            Operation::Uninstall(UninstallOpStruct {
                uuid: uuid.clone(),
                version: given(version),
                execution_env_ref: given(execution_env_ref),
            })
        }
    })
}

fn unknown_type(name: &str, value_type: &str) -> Fault {
    let message = format!("{name}: CWMP has no type {value_type:?}");
    Fault { code: "invalid_value".to_owned(), message, detail: None }
}

fn no_files() -> Fault {
    let message = "the server is not told where its files are: set the URL of the file server";
    Fault { code: "no_file_server".to_owned(), message: message.to_owned(), detail: None }
}

/// What the engine is told of an answer that is no fault; `Err` says why it does not fit.
pub(super) fn response_of(request: &Request, answer: Message) -> Result<Response, Answered> {
    let name = answer.name();
    Ok(match (request, answer) {
        (Request::GetParameterNames { .. }, Message::GetParameterNamesResponse(response)) => {
            let fits = |name: &str| !name.is_empty() && name.len() <= PATH_BYTES_MAX;
            let names = response.parameter_list.into_iter().filter(|entry| fits(&entry.name));
            Response::ParameterNames(names.map(|entry| (entry.name, entry.writable)).collect())
        }
        (Request::GetParameterValues { .. }, Message::GetParameterValuesResponse(response)) => {
            let typed = |ParameterValueStruct { name, value }: ParameterValueStruct| {
                (name, scalar(&value), value.value_type.xsi_type().into())
            };
            let values = response.parameter_list.into_iter();
            Response::ParameterValues(values.map(typed).collect())
        }
        (
            Request::GetParameterAttributes { .. },
            Message::GetParameterAttributesResponse(response),
        ) => {
            let attributes = response.parameter_list.into_iter().map(|entry| {
                let names = entry.access_list.into_iter().map(String::into_boxed_str);
                (entry.name, entry.notification, names.collect())
            });
            Response::ParameterAttributes(attributes.collect())
        }
        (Request::AddObject { .. }, Message::AddObjectResponse(response)) => {
            match (response.status, response.instance_number) {
                (0 | 1, number @ 1..) => Response::Added(number),
                // A fault in disguise (quirk 22).
                (code @ 9000..=9899, _) => return Err(Answered::Refused(code)),
                (status, number) => {
                    return Err(Answered::Unfit(format!("status {status} and row {number}")));
                }
            }
        }
        (Request::Download { .. }, Message::DownloadResponse(response)) => {
            Response::Downloading { is_done: response.status == 0 }
        }
        (Request::Upload { .. }, Message::UploadResponse(response)) => {
            Response::Uploading { is_done: response.status == 0 }
        }
        (Request::ScheduleDownload { .. }, Message::ScheduleDownloadResponse(_))
        | (Request::ChangeDUState { .. }, Message::ChangeDuStateResponse(_))
        | (Request::ScheduleInform { .. }, Message::ScheduleInformResponse(_))
        | (Request::SetParameterValues { .. }, Message::SetParameterValuesResponse(_))
        | (Request::SetParameterAttributes { .. }, Message::SetParameterAttributesResponse(_))
        | (Request::DeleteObject { .. }, Message::DeleteObjectResponse(_))
        | (Request::Reboot, Message::RebootResponse(_))
        | (Request::FactoryReset, Message::FactoryResetResponse(_)) => Response::Done,
        _ => return Err(Answered::Unfit(name.to_owned())),
    })
}

/// An answer that is not what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// A fault with this code.
    Refused(u32),
    /// Something else.
    Unfit(String),
}

/// A value as some devices need it.
fn written(mut value: Value, writing: Writing) -> Value {
    match value.value_type {
        ValueType::Boolean if !writing.boolean_literal => {
            value.text = match &*value.text {
                "true" => "1".to_owned(),
                "false" => "0".to_owned(),
                _ => value.text,
            };
        }
        ValueType::DateTime if !writing.datetime_milliseconds => {
            if let Some((seconds, rest)) = value.text.split_once('.') {
                let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                value.text = format!("{seconds}{zone}");
            }
        }
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_settings_say() {
        let plain = Writing { boolean_literal: false, datetime_milliseconds: false };
        let full = Writing { boolean_literal: true, datetime_milliseconds: true };
        for (value_type, text, plainly) in [
            (ValueType::Boolean, "true", "1"),
            (ValueType::Boolean, "false", "0"),
            (ValueType::DateTime, "2026-11-26T20:00:00.123Z", "2026-11-26T20:00:00Z"),
            (ValueType::DateTime, "2026-11-26T20:00:00Z", "2026-11-26T20:00:00Z"),
            (ValueType::String, "true", "true"),
            (ValueType::String, "1.5", "1.5"),
        ] {
            let value = Value::new(value_type, text);
            assert_eq!(written(value.clone(), full), value);
            assert_eq!(written(value, plain), Value::new(value_type, plainly));
        }
    }
}
