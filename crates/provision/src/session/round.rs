//! A batch of provisions at work in a session.

use std::collections::BTreeSet;

use drover_cwmp::session::acs::{Busy, Reply, Turn};
use drover_cwmp::{Fault as CwmpFault, Message};

use super::translate::{Answered, response_of};
use crate::channel::ChannelBatch;
use crate::engine::{Name, Provisioning, Request, Response, Tree};
use crate::limits::TOLD_PER_ROUND_MAX;
use crate::script::Fault;
use crate::task::Task;

/// Why provisions run.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To read what the preconditions and arguments of presets in these channels need.
    Preconditions(BTreeSet<String>),
    /// Because presets want them; `is_retry` for those of a channel that failed before.
    Presets { batch: ChannelBatch, is_retry: bool },
    /// Because a task wants them.
    Task(Box<Task>),
}

/// Provisions at work.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) purpose: Purpose,
    pub(super) provisioning: Provisioning,
    /// The tree as it was at the start.
    pub(super) start: Tree,
    /// The tree as the record of the device has it.
    pub(super) kept: Tree,
    /// What the device is asked.
    pub(super) asked: Option<Request>,
    /// Names, values and attributes that it told.
    told: usize,
    /// Ends the round whatever the scripts want.
    pub(super) failed: Option<Fault>,
}

/// What came of running scripts.
#[expect(clippy::large_enum_variant, reason = "one exists for a moment; the usual one is large")]
pub(super) enum Ran {
    /// A request is on its way.
    Sent(Busy, Reply),
    /// Extensions are to be called.
    Extensions(Vec<Vec<String>>, Turn),
    /// The batch has ended.
    Ended(Turn),
}

impl Round {
    pub(super) fn new(purpose: Purpose, provisioning: Provisioning) -> Self {
        let tree = provisioning.tree().clone();
        Self {
            purpose,
            provisioning,
            start: tree.clone(),
            kept: tree,
            asked: None,
            told: 0,
            failed: None,
        }
    }

    /// Takes the device's answer to what it was asked. Says what went wrong, for the record.
    pub(super) fn take(&mut self, answer: Message) -> Option<String> {
        let asked = self.asked.take()?;
        match answer {
            Message::Fault(fault) => Some(self.refused(&asked, &fault)),
            Message::Invalid(invalid) => {
                let message = format!("{}: {}", invalid.name, invalid.violation);
                Some(self.unfit(message))
            }
            answer => match response_of(&asked, answer) {
                Ok(response) => {
                    self.told = self.told.saturating_add(size(&response));
                    self.provisioning.take(response);
                    (self.told > TOLD_PER_ROUND_MAX).then(|| {
                        let message =
                            format!("the device told more than {TOLD_PER_ROUND_MAX} things");
                        self.fail("too_many_parameters", message)
                    })
                }
                Err(Answered::Refused(code)) => {
                    Some(self.refused(&asked, &CwmpFault::new(drover_cwmp::FaultCode(code))))
                }
                Err(Answered::Unfit(what)) => {
                    Some(self.unfit(format!("the device answered {what} to {}", name(&asked))))
                }
            },
        }
    }

    fn refused(&mut self, asked: &Request, fault: &CwmpFault) -> String {
        let code = fault.fault_code.0;
        let text = fault.fault_string.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let text: String = text
            .unwrap_or_else(|| fault.fault_code.meaning())
            .chars()
            .take(crate::limits::FAULT_TEXT_CHARS_MAX)
            .collect();
        let code_of = |code: u32| u16::try_from(code).unwrap_or(u16::MAX);
        let faults: Vec<(String, u16, String)> = fault
            .set_parameter_values_faults
            .iter()
            .map(|it| {
                let text = it.fault_string.as_deref().unwrap_or_default();
                let text = text.chars().take(crate::limits::FAULT_TEXT_CHARS_MAX);
                (it.parameter_name.clone(), code_of(it.fault_code.0), text.collect())
            })
            .collect();
        self.provisioning.refused_values(code_of(code), &text, &faults);
        let parameters: Vec<String> = faults
            .iter()
            .take(crate::limits::PARAMETER_FAULTS_MAX)
            .map(|(name, code, _)| format!("; {name}: {code}"))
            .collect();
        format!("the device refused {}: {code} {text}{}", name(asked), parameters.concat())
    }

    fn unfit(&mut self, message: String) -> String {
        self.fail("invalid_response", message)
    }

    /// Ends the batch with a fault.
    pub(super) fn fail(&mut self, code: &str, message: String) -> String {
        let text = format!("{code}: {message}");
        self.failed = Some(Fault { code: code.to_owned(), message, detail: None });
        text
    }

    /// Whether scripts changed or learnt anything but times since the start.
    pub(super) fn has_changed(&self) -> bool {
        let tree = self.provisioning.tree();
        let mut has_changed = false;
        tree.changed_since(&self.start, &mut |path| {
            has_changed |= is_different(tree, &self.start, path);
        });
        has_changed
    }
}

fn is_different(tree: &Tree, earlier: &Tree, path: &[Name]) -> bool {
    if path.is_empty() {
        return false;
    }
    let (Some(now), Some(then)) = (tree.attributes(path), earlier.attributes(path)) else {
        return tree.attributes(path).is_some() != earlier.attributes(path).is_some();
    };
    now.value.as_ref().map(|it| &it.value) != then.value.as_ref().map(|it| &it.value)
        || now.object.as_ref().map(|it| it.value) != then.object.as_ref().map(|it| it.value)
        || now.writable.as_ref().map(|it| it.value) != then.writable.as_ref().map(|it| it.value)
        || now.notification.as_ref().map(|it| it.value)
            != then.notification.as_ref().map(|it| it.value)
        || now.access_list.as_ref().map(|it| &it.value)
            != then.access_list.as_ref().map(|it| &it.value)
}

fn size(response: &Response) -> usize {
    match response {
        Response::ParameterNames(names) => names.len(),
        Response::ParameterValues(values) => values.len(),
        Response::ParameterAttributes(attributes) => attributes.len(),
        _ => 0,
    }
}

/// Whether a request changes something on the device, so that what came of it is worth saving
/// before anything else is asked.
pub(super) const fn changes_device(request: &Request) -> bool {
    !matches!(
        request,
        Request::GetParameterNames { .. }
            | Request::GetParameterValues { .. }
            | Request::GetParameterAttributes { .. }
    )
}

/// The RPC of a request.
pub(super) const fn name(request: &Request) -> &'static str {
    match request {
        Request::GetParameterNames { .. } => "GetParameterNames",
        Request::GetParameterValues { .. } => "GetParameterValues",
        Request::GetParameterAttributes { .. } => "GetParameterAttributes",
        Request::SetParameterValues { .. } => "SetParameterValues",
        Request::SetParameterAttributes { .. } => "SetParameterAttributes",
        Request::AddObject { .. } => "AddObject",
        Request::DeleteObject { .. } => "DeleteObject",
        Request::Download { .. } => "Download",
        Request::Upload { .. } => "Upload",
        Request::ScheduleDownload { .. } => "ScheduleDownload",
        Request::ChangeDUState { .. } => "ChangeDUState",
        Request::ScheduleInform { .. } => "ScheduleInform",
        Request::Reboot => "Reboot",
        Request::FactoryReset => "FactoryReset",
    }
}
