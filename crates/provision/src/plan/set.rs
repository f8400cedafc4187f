//! The task setParameterValues, and the setting part of addObject.

use drover_cwmp::message::{ParameterValueStruct, SetParameterValues};
use drover_cwmp::{Message, Value, ValueType};

use super::read::Reader;
use super::{Answer, Desk, Next};
use crate::task::{ParameterFault, SetValue, TaskFault, TaskId, TaskResult};

/// setParameterValues: learns the types that nobody knows, then sets all values at once.
#[derive(Debug)]
pub(super) struct Set {
    parameter_key: String,
    values: Vec<SetValue>,
    /// Reads the parameters whose types are not known.
    reader: Reader,
    /// What has been sent.
    sent: Vec<ParameterValueStruct>,
    outcome: Option<Result<TaskResult, TaskFault>>,
}

impl Set {
    pub(super) fn new(id: &TaskId, values: Vec<SetValue>, desk: &Desk) -> Self {
        let unknown = values.iter().filter(|set| {
            set.value_type.is_none() && desk.book.record().value_type(&set.name).is_none()
        });
        let reader = Reader::values(unknown.map(|set| set.name.clone()).collect(), desk);
        let parameter_key = id.as_str().to_owned();
        Self { parameter_key, values, reader, sent: Vec::new(), outcome: None }
    }

    pub(super) fn next(&mut self, desk: &Desk) -> Next {
        if let Some(outcome) = self.outcome.take() {
            return outcome.map_or_else(Next::Fault, Next::Done);
        }
        // What the device refuses to tell it will refuse to set, and then says why.
        if let Some(request) = self.reader.next(desk) {
            return Next::Ask(request);
        }
        match self.typed(desk) {
            Ok(parameter_list) => {
                self.sent.clone_from(&parameter_list);
                let parameter_key = self.parameter_key.clone();
                Next::Ask(SetParameterValues { parameter_list, parameter_key }.into())
            }
            Err(fault) => Next::Fault(fault),
        }
    }

    pub(super) fn handle(&mut self, answer: Answer, desk: &mut Desk) {
        if self.sent.is_empty() {
            self.reader.handle(answer, desk);
            return;
        }
        let sent = std::mem::take(&mut self.sent);
        self.outcome = Some(match answer {
            Ok(Message::SetParameterValuesResponse(response)) => {
                for ParameterValueStruct { name, value } in sent {
                    desk.book.accept(&name, value, desk.now);
                }
                Ok(TaskResult { status: Some(response.status), ..TaskResult::new(desk.now) })
            }
            Ok(other) => Err(desk.invalid(format!("{} to SetParameterValues", other.name()))),
            Err(fault) => Err(fault),
        });
    }

    /// The values in their types, or which of them do not fit.
    fn typed(&self, desk: &Desk) -> Result<Vec<ParameterValueStruct>, TaskFault> {
        let mut list = Vec::new();
        let mut bad = Vec::new();
        for set in &self.values {
            match set.value.to_value(value_type(set, desk)) {
                Ok(value) => list.push(ParameterValueStruct { name: set.name.clone(), value }),
                Err(message) => bad.push(unfit(set, message)),
            }
        }
        let Some(first) = bad.first() else { return Ok(list) };
        let message = format!("{}: {}", first.name, first.message);
        Err(TaskFault { parameters: bad, ..desk.fault("invalid_value", message) })
    }
}

fn unfit(set: &SetValue, message: String) -> ParameterFault {
    ParameterFault { name: set.name.clone(), code: "invalid_value".to_owned(), message }
}

/// The type of the device is right, as existing clients of GenieACS give any; theirs counts where
/// the device's is not known or made up for lack of one, and without it the data model's.
fn value_type(set: &SetValue, desk: &Desk) -> Option<ValueType> {
    let record = desk.book.record();
    let known = record.value(&set.name).map(|value: &Value| value.value_type);
    let modelled = || {
        let item = desk.book.model()?.find(&set.name)?;
        item.parameter().map(|parameter| parameter.value_type())
    };
    match known {
        Some(ValueType::String) if !record.fields.types_are_reliable() => {
            set.value_type.or_else(modelled).or(known)
        }
        Some(known) => Some(known),
        None => set.value_type.or_else(modelled),
    }
}
