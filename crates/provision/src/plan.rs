//! From a task to the requests that do it.
//!
//! Each kind of task is a small machine: `next` says what to ask or that it is done, `handle` takes
//! the answer. One request is outstanding at a time (`ACS-05`).

mod command;
mod object;
mod read;
mod refresh;
mod set;

use drover_cwmp::Message;
use jiff::Timestamp;

use crate::book::Book;
use crate::limits::PARAMETERS_MAX;
use crate::task::{Task, TaskFault, TaskKind, TaskResult};
use command::Command;
use object::{Add, Delete};
use refresh::{Get, Refresh};
use set::Set;

/// What a task needs next.
#[derive(Debug)]
pub(crate) enum Next {
    /// This request.
    Ask(Message),
    /// Nothing: it is done.
    Done(TaskResult),
    /// It has failed.
    Fault(TaskFault),
}

/// The response to a request, or why there is none.
pub(crate) type Answer = Result<Message, TaskFault>;

/// What all tasks of a session share.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The record.
    pub(crate) book: Book,
    /// Names asked for by one GetParameterValues.
    pub(crate) names_per_request: usize,
    /// Time of the POST that is being handled.
    pub(crate) now: Timestamp,
}

impl Desk {
    /// The path that a client means: the empty one is the root that the device has told, as the
    /// empty path itself makes some devices crash (quirk 25).
    pub(crate) fn whole(&self, path: &str) -> Result<String, TaskFault> {
        if !path.is_empty() {
            return Ok(path.to_owned());
        }
        let root = self.book.record().fields.root.clone();
        root.ok_or_else(|| {
            self.fault("unknown_root", "the device has not yet told its root object")
        })
    }

    pub(crate) fn fault(&self, code: &str, message: impl Into<String>) -> TaskFault {
        TaskFault::new(self.now, code, message)
    }

    /// The fault of an answer that is not what was asked for.
    pub(crate) fn invalid(&self, message: impl Into<String>) -> TaskFault {
        self.fault("invalid_response", message)
    }

    fn overflow(&mut self) -> Option<TaskFault> {
        let count = self.book.take_overflow();
        (count > 0).then(|| {
            let text = format!(
                "{count} parameters were not kept: a device may have {PARAMETERS_MAX}, \
                 each of limited size"
            );
            self.fault("too_many_parameters", text)
        })
    }
}

/// A task being done.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) task: Task,
    plan: Plan,
}

#[derive(Debug)]
enum Plan {
    Get(Get),
    Set(Set),
    Refresh(Refresh),
    Add(Add),
    Delete(Delete),
    Command(Command),
}

impl Job {
    /// Begins or resumes a task.
    pub(crate) fn new(task: Task, desk: &Desk) -> Result<Self, Box<(Task, TaskFault)>> {
        let plan = match &task.kind {
            TaskKind::GetParameterValues { names } => Get::new(names, desk).map(Plan::Get),
            TaskKind::SetParameterValues { values } => {
                Ok(Plan::Set(Set::new(&task.id, values.clone(), desk)))
            }
            TaskKind::RefreshObject { path } => Refresh::new(path, desk).map(Plan::Refresh),
            TaskKind::AddObject { path, values } => {
                Ok(Plan::Add(Add::new(&task.id, path, values, &task.progress, desk)))
            }
            TaskKind::DeleteObject { path } => {
                Ok(Plan::Delete(Delete::new(&task.id, path, &task.progress)))
            }
            TaskKind::Reboot => Ok(Plan::Command(Command::reboot(&task.id))),
            TaskKind::FactoryReset => Ok(Plan::Command(Command::factory_reset())),
            // The engine does these.
            TaskKind::Download { .. }
            | TaskKind::Upload { .. }
            | TaskKind::ScheduleInform { .. }
            | TaskKind::ChangeDuState { .. }
            | TaskKind::Provisions { .. } => {
                Err(desk.fault("invalid_request", "this task is done by provisions"))
            }
        };
        match plan {
            Ok(plan) => Ok(Self { task, plan }),
            Err(fault) => Err(Box::new((task, fault))),
        }
    }

    /// What the task needs next.
    pub(crate) fn next(&mut self, desk: &mut Desk) -> Next {
        let next = match &mut self.plan {
            Plan::Get(plan) => plan.next(desk),
            Plan::Set(plan) => plan.next(desk),
            Plan::Refresh(plan) => plan.next(desk),
            Plan::Add(plan) => plan.next(desk),
            Plan::Delete(plan) => plan.next(),
            Plan::Command(plan) => plan.next(),
        };
        match next {
            Next::Done(result) => desk.overflow().map_or(Next::Done(result), Next::Fault),
            other => other,
        }
    }

    /// Takes the answer to the last request.
    pub(crate) fn handle(&mut self, answer: Answer, desk: &mut Desk) {
        self.task.progress.sent = None;
        match &mut self.plan {
            Plan::Get(plan) => plan.handle(answer, desk),
            Plan::Set(plan) => plan.handle(answer, desk),
            Plan::Refresh(plan) => plan.handle(answer, desk),
            Plan::Add(plan) => {
                plan.handle(answer, desk);
                self.task.progress.instance = plan.instance();
            }
            Plan::Delete(plan) => plan.handle(answer, desk),
            Plan::Command(plan) => plan.handle(answer, desk),
        }
    }
}

#[cfg(test)]
mod tests;
