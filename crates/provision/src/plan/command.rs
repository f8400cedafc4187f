//! The tasks reboot and factoryReset.

use drover_cwmp::Message;
use drover_cwmp::message::{FactoryReset, GetRpcMethods, Reboot};

use super::{Answer, Desk, Next};
use crate::task::{TaskFault, TaskId, TaskResult};

/// A request without result.
#[derive(Debug)]
pub(super) struct Command {
    request: Message,
    /// Whether the device must first say that it knows the RPC: not every one must (`ACS-14`).
    ask_first: bool,
    outcome: Option<Result<TaskResult, TaskFault>>,
}

impl Command {
    pub(super) fn reboot(id: &TaskId) -> Self {
        let request = Reboot { command_key: id.as_str().to_owned() }.into();
        Self { request, ask_first: false, outcome: None }
    }

    pub(super) fn factory_reset() -> Self {
        Self { request: FactoryReset::default().into(), ask_first: true, outcome: None }
    }

    pub(super) fn next(&mut self) -> Next {
        if let Some(outcome) = self.outcome.take() {
            return outcome.map_or_else(Next::Fault, Next::Done);
        }
        if self.ask_first {
            return Next::Ask(GetRpcMethods::default().into());
        }
        Next::Ask(self.request.clone())
    }

    pub(super) fn handle(&mut self, answer: Answer, desk: &Desk) {
        if self.ask_first {
            self.ask_first = false;
            if let Err(fault) = self.permitted(answer, desk) {
                self.outcome = Some(Err(fault));
            }
            return;
        }
        self.outcome = Some(answer.map(|_| TaskResult::new(desk.now)));
    }

    fn permitted(&self, answer: Answer, desk: &Desk) -> Result<(), TaskFault> {
        let methods = match answer? {
            Message::GetRpcMethodsResponse(response) => response.method_list,
            other => return Err(desk.invalid(format!("{} to GetRPCMethods", other.name()))),
        };
        let name = self.request.name();
        if methods.iter().any(|method| method.trim() == name) {
            return Ok(());
        }
        let text = format!("the device does not know {name}: its GetRPCMethods does not list it");
        Err(TaskFault { rpc: Some(name.to_owned()), ..desk.fault("cwmp.9000", text) })
    }
}
