//! What an ACS can ask of a device (TR-069a6 §A.3, §A.4).

mod names;
mod objects;
mod values;

use std::fmt;

use drover_cwmp::limits::COMMAND_KEY_CHARS_MAX;
use drover_cwmp::message::{
    FactoryResetResponse, GetRpcMethodsResponse, Reboot, RebootResponse, ScheduleInform,
    ScheduleInformResponse,
};
use drover_cwmp::{Fault, FaultCode, Message};

use super::Device;
use crate::clock::Clock;
use crate::limits::REBOOTS_MAX;
use crate::tree::{Place, Tree};

/// The RPCs that are implemented, which is what GetRPCMethods tells (`GRM-02`).
const METHODS: [&str; 11] = [
    "GetRPCMethods",
    "SetParameterValues",
    "GetParameterValues",
    "GetParameterNames",
    "SetParameterAttributes",
    "GetParameterAttributes",
    "AddObject",
    "DeleteObject",
    "Reboot",
    "FactoryReset",
    "ScheduleInform",
];

/// The answer to a request, and what the shell has to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The response or the fault.
    pub answer: Message,
    /// What changed by it; empty with a fault.
    pub effects: Vec<Effect>,
}

/// Something that the ACS changed and that a shell may have to carry out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// A parameter has a new value.
    ValueSet {
        /// Full path.
        path: String,
        /// The new value, also of a hidden parameter; it never shows in debug output.
        text: String,
    },
    /// A row was added; the path ends in its number and a dot.
    RowAdded(String),
    /// A row was deleted.
    RowDeleted(String),
    /// User name or password of connection requests are new.
    ConnectionRequestCredentials,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValueSet { path, .. } => write!(f, "ValueSet({path})"),
            Self::RowAdded(path) => write!(f, "RowAdded({path})"),
            Self::RowDeleted(path) => write!(f, "RowDeleted({path})"),
            Self::ConnectionRequestCredentials => f.write_str("ConnectionRequestCredentials"),
        }
    }
}

impl Device {
    /// Executes a request of the ACS. Reboot and FactoryReset wait for the end of the session
    /// (`SES-12`, `SES-13`); everything else is done at once. A fault leaves everything as it was
    /// (`FLT-04`).
    ///
    /// Write a [`snapshot`](Self::snapshot) if [`revision`](Self::revision) has moved before the
    /// answer goes out.
    pub fn execute(&mut self, request: &Message, now: &Clock) -> Executed {
        let mut effects = Vec::new();
        let answer = self.answer(request, now, &mut effects).unwrap_or_else(Message::from);
        Executed { answer, effects }
    }

    /// The parts of the tree that a request reads or writes, as paths of parameters or partial
    /// paths: what a shell with values of its own refreshes with [`update`](Self::update) and
    /// [`set_instances`](Self::set_instances) before [`execute`](Self::execute). They come from
    /// the ACS as they are and may not exist.
    pub fn reads(request: &Message) -> Vec<&str> {
        match request {
            Message::GetParameterValues(request) => texts(&request.parameter_names),
            Message::GetParameterAttributes(request) => texts(&request.parameter_names),
            Message::GetParameterNames(request) => vec![&request.parameter_path],
            Message::SetParameterValues(request) => {
                request.parameter_list.iter().map(|entry| entry.name.as_str()).collect()
            }
            Message::SetParameterAttributes(request) => {
                request.parameter_list.iter().map(|entry| entry.name.as_str()).collect()
            }
            Message::AddObject(request) => vec![&request.object_name],
            Message::DeleteObject(request) => vec![&request.object_name],
            _ => Vec::new(),
        }
    }

    fn answer(
        &mut self,
        request: &Message,
        now: &Clock,
        effects: &mut Vec<Effect>,
    ) -> Result<Message, Fault> {
        match request {
            Message::GetRpcMethods(_) => Ok(methods().into()),
            Message::SetParameterValues(request) => {
                self.set_parameter_values(request, now, effects).map(Into::into)
            }
            Message::GetParameterValues(request) => {
                self.get_parameter_values(request).map(Into::into)
            }
            Message::GetParameterNames(request) => {
                self.get_parameter_names(request).map(Into::into)
            }
            Message::SetParameterAttributes(request) => {
                self.set_parameter_attributes(request).map(Into::into)
            }
            Message::GetParameterAttributes(request) => {
                self.get_parameter_attributes(request).map(Into::into)
            }
            Message::AddObject(request) => self.add_object(request, effects).map(Into::into),
            Message::DeleteObject(request) => self.delete_object(request, effects).map(Into::into),
            Message::Reboot(request) => self.reboot(request).map(Into::into),
            Message::FactoryReset(_) => Ok(self.request_factory_reset().into()),
            Message::ScheduleInform(request) => self.schedule_inform(request, now).map(Into::into),
            _ => Err(Fault::new(FaultCode::METHOD_NOT_SUPPORTED)),
        }
    }

    fn reboot(&mut self, request: &Reboot) -> Result<RebootResponse, Fault> {
        check_key("CommandKey", &request.command_key)?;
        if self.reboots.len() >= REBOOTS_MAX {
            let text = format!("more than {REBOOTS_MAX} reboots in one session");
            return Err(Fault::with_text(FaultCode::REQUEST_DENIED, text));
        }
        self.reboots.push(request.command_key.as_str().into());
        self.touch();
        Ok(RebootResponse {})
    }

    fn request_factory_reset(&mut self) -> FactoryResetResponse {
        self.factory_reset = true;
        self.touch();
        FactoryResetResponse {}
    }

    fn schedule_inform(
        &mut self,
        request: &ScheduleInform,
        now: &Clock,
    ) -> Result<ScheduleInformResponse, Fault> {
        check_key("CommandKey", &request.command_key)?;
        if request.delay_seconds == 0 {
            let text = "DelaySeconds must be at least 1";
            return Err(Fault::with_text(FaultCode::INVALID_ARGUMENTS, text));
        }
        if !self.events.has_room() || !self.schedule.add_inform(request, now) {
            let text = "too many ScheduleInform calls are waiting";
            return Err(Fault::with_text(FaultCode::RESOURCES_EXCEEDED, text));
        }
        self.touch();
        Ok(ScheduleInformResponse {})
    }
}

fn methods() -> GetRpcMethodsResponse {
    GetRpcMethodsResponse { method_list: METHODS.map(str::to_owned).to_vec() }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn check_key(what: &str, key: &str) -> Result<(), Fault> {
    if key.chars().count() <= COMMAND_KEY_CHARS_MAX {
        return Ok(());
    }
    let text = format!("{what} has more than {COMMAND_KEY_CHARS_MAX} characters");
    Err(Fault::with_text(FaultCode::INVALID_ARGUMENTS, text))
}

pub(super) fn invalid_name(name: &str) -> Fault {
    let shown: String = name.chars().take(256).collect();
    Fault::with_text(FaultCode::INVALID_PARAMETER_NAME, format!("there is no {shown:?}"))
}

/// Finds what the names of a request mean, in their order. A name that another one includes is
/// left out, so that nothing is answered twice and the work is bounded by the tree (`GPV-06`).
pub(super) fn resolve_all(tree: &Tree, names: &[String]) -> Result<Vec<Place>, Fault> {
    if names.is_empty() {
        return Err(Fault::with_text(FaultCode::INVALID_ARGUMENTS, "ParameterNames is empty"));
    }
    let find = |name: &String| tree.resolve(name).ok_or_else(|| invalid_name(name));
    if let [name] = names {
        return Ok(vec![find(name)?]);
    }
    let mut sorted: Vec<(&str, usize)> = names.iter().map(String::as_str).zip(0..).collect();
    sorted.sort_unstable();
    let mut wanted = vec![false; names.len()];
    let mut last: Option<&str> = None;
    for (name, index) in sorted {
        // An including name is a beginning of the included one, and so sorts before it.
        let is_included = last.is_some_and(|last| {
            name == last || name.starts_with(last) && (last.is_empty() || last.ends_with('.'))
        });
        if !is_included {
            wanted[index] = true;
            last = Some(name);
        }
    }
    let places = names.iter().zip(wanted).map(|(name, wanted)| Ok((find(name)?, wanted)));
    let places: Vec<(Place, bool)> = places.collect::<Result<_, Fault>>()?;
    Ok(places.into_iter().filter_map(|(place, wanted)| wanted.then_some(place)).collect())
}
