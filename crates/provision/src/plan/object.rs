//! The tasks addObject and deleteObject.

use drover_cwmp::Message;
use drover_cwmp::message::{AddObject, AddObjectResponse, DeleteObject};

use super::read::Reader;
use super::set::Set;
use super::{Answer, Desk, Next};
use crate::task::{Progress, SetValue, TaskFault, TaskId, TaskResult, object_path};

/// addObject: creates a row, reads what it has, and sets values in it.
#[derive(Debug)]
pub(super) struct Add {
    id: TaskId,
    table: String,
    values: Vec<SetValue>,
    instance: Option<u32>,
    status: Option<u32>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Create,
    Read(Reader),
    Set(Set),
    Failed(TaskFault),
}

impl Add {
    pub(super) fn new(
        id: &TaskId,
        path: &str,
        values: &[SetValue],
        progress: &Progress,
        desk: &Desk,
    ) -> Self {
        let (id, table, values) = (id.clone(), object_path(path), values.to_vec());
        let mut add =
            Self { id, table, values, instance: None, status: None, stage: Stage::Create };
        // An earlier session has created the row already.
        if let Some(instance) = progress.instance {
            add.go_on(instance, desk);
        }
        add
    }

    /// The row that has been created.
    pub(super) const fn instance(&self) -> Option<u32> {
        self.instance
    }

    pub(super) fn next(&mut self, desk: &Desk) -> Next {
        if let Stage::Read(reader) = &mut self.stage {
            // A row that cannot be read may still be set.
            match reader.next(desk) {
                Some(request) => return Next::Ask(request),
                None if self.values.is_empty() => return Next::Done(self.result(desk)),
                None => self.stage = Stage::Set(Set::new(&self.id, self.absolute_values(), desk)),
            }
        }
        match &mut self.stage {
            Stage::Create => Next::Ask(self.request()),
            Stage::Set(set) => match set.next(desk) {
                Next::Done(set) => {
                    Next::Done(TaskResult { status: set.status, ..self.result(desk) })
                }
                other => other,
            },
            Stage::Failed(fault) => Next::Fault(fault.clone()),
            Stage::Read(_) => Next::Done(self.result(desk)),
        }
    }

    pub(super) fn handle(&mut self, answer: Answer, desk: &mut Desk) {
        match &mut self.stage {
            Stage::Create => match created(answer, desk) {
                Ok(response) => {
                    self.status = Some(response.status);
                    self.go_on(response.instance_number, desk);
                    desk.book.describe(&self.row(), None, desk.now);
                }
                Err(fault) => self.stage = Stage::Failed(fault),
            },
            Stage::Read(reader) => reader.handle(answer, desk),
            Stage::Set(set) => set.handle(answer, desk),
            Stage::Failed(_) => {}
        }
    }

    fn go_on(&mut self, instance: u32, desk: &Desk) {
        self.instance = Some(instance);
        self.stage = Stage::Read(Reader::values(vec![self.row()], desk));
    }

    fn request(&self) -> Message {
        let parameter_key = self.id.as_str().to_owned();
        AddObject { object_name: self.table.clone(), parameter_key }.into()
    }

    fn row(&self) -> String {
        let number = self.instance.map_or_else(String::new, |number| number.to_string());
        format!("{}{number}.", self.table)
    }

    fn absolute_values(&self) -> Vec<SetValue> {
        let row = self.row();
        let values = self.values.iter();
        values.map(|set| SetValue { name: format!("{row}{}", set.name), ..set.clone() }).collect()
    }

    fn result(&self, desk: &Desk) -> TaskResult {
        TaskResult { instance: self.instance, status: self.status, ..TaskResult::new(desk.now) }
    }
}

/// The response, unless it carries a fault in disguise (quirk 22).
fn created(answer: Answer, desk: &Desk) -> Result<AddObjectResponse, TaskFault> {
    let response = match answer? {
        Message::AddObjectResponse(response) => response,
        other => return Err(desk.invalid(format!("{} to AddObject", other.name()))),
    };
    let AddObjectResponse { status, instance_number } = &response;
    match (status, instance_number) {
        (0 | 1, 1..) => Ok(response),
        (9000..=9899, _) => {
            let text = format!("the device answered AddObject with status {status}");
            let fault = desk.fault(&format!("cwmp.{status}"), text);
            Err(TaskFault { rpc: Some("AddObject".to_owned()), ..fault })
        }
        _ => Err(desk.invalid(format!(
            "the device answered AddObject with status {status} and row {instance_number}"
        ))),
    }
}

/// deleteObject.
#[derive(Debug)]
pub(super) struct Delete {
    id: TaskId,
    row: String,
    /// Whether an earlier request may already have deleted the row.
    repeated: bool,
    outcome: Option<Result<TaskResult, TaskFault>>,
}

impl Delete {
    pub(super) fn new(id: &TaskId, path: &str, progress: &Progress) -> Self {
        let (id, row) = (id.clone(), object_path(path));
        Self { id, row, repeated: progress.sent.is_some(), outcome: None }
    }

    pub(super) fn next(&mut self) -> Next {
        if let Some(outcome) = self.outcome.take() {
            return outcome.map_or_else(Next::Fault, Next::Done);
        }
        let parameter_key = self.id.as_str().to_owned();
        Next::Ask(DeleteObject { object_name: self.row.clone(), parameter_key }.into())
    }

    pub(super) fn handle(&mut self, answer: Answer, desk: &mut Desk) {
        let status = match answer {
            Ok(Message::DeleteObjectResponse(response)) if response.status <= 1 => {
                Ok(Some(response.status))
            }
            Ok(Message::DeleteObjectResponse(response)) => Err(desk.invalid(format!(
                "the device answered DeleteObject with status {}",
                response.status
            ))),
            Ok(other) => Err(desk.invalid(format!("{} to DeleteObject", other.name()))),
            // The answer to the first request was lost; the row is gone, as it should be.
            Err(fault) if self.repeated && fault.is_cwmp(9005) => Ok(None),
            Err(fault) => Err(fault),
        };
        if status.is_ok() {
            desk.book.forget(&self.row, |_| false);
        }
        self.outcome =
            Some(status.map(|status| TaskResult { status, ..TaskResult::new(desk.now) }));
    }
}
