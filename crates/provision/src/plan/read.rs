//! Reading names and values in as few requests as the device allows.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use drover_cwmp::Message;
use drover_cwmp::limits::NAME_CHARS_MAX;
use drover_cwmp::message::{
    GetParameterNames, GetParameterNamesResponse, GetParameterValues, GetParameterValuesResponse,
};

use super::{Answer, Desk};
use crate::limits::{PARAMETER_FAULTS_MAX, PARAMETERS_MAX, PATH_BYTES_MAX};
use crate::record::is_object;
use crate::task::{ParameterFault, TaskFault};

/// Reads paths; what the device refuses as a whole is asked for in smaller parts.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    todo: VecDeque<Ask>,
    asked: Option<Ask>,
    /// Names of one request from the first 9004 on.
    largest: Option<usize>,
    /// All that GetParameterNames told.
    listed: BTreeSet<String>,
    /// Whether everything that was asked for by name of object was listed.
    pub(crate) complete: bool,
    /// Whether the device answered any request.
    pub(crate) answered: bool,
    /// What it refused one by one, at most [`PARAMETER_FAULTS_MAX`].
    pub(crate) refused: Vec<ParameterFault>,
    /// Number of values the device told.
    values_read: usize,
    /// The RPC of the first refusal.
    pub(crate) refused_rpc: Option<String>,
    /// A fault that makes further requests pointless.
    pub(crate) fatal: Option<TaskFault>,
}

#[derive(Debug, Clone)]
enum Ask {
    /// GetParameterValues of these paths.
    Values(Vec<String>),
    /// GetParameterNames.
    Names { path: String, next_level: bool },
    /// GetParameterValues of all listed parameters below this path.
    Beneath(String),
}

impl Reader {
    /// Reads the values of paths.
    pub(crate) fn values(paths: Vec<String>, desk: &Desk) -> Self {
        let mut reader = Self { complete: true, ..Self::default() };
        // Partial paths stand alone, so that the fault of one tells which it was.
        let (objects, names): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| is_object(path));
        reader.push_groups(&names, desk.names_per_request);
        reader.todo.extend(objects.into_iter().map(|path| Ask::Values(vec![path])));
        reader
    }

    /// Learns what exists below an object, then reads its values.
    pub(crate) fn subtree(path: &str) -> Self {
        let names = Ask::Names { path: path.to_owned(), next_level: false };
        let todo = VecDeque::from([names, Ask::Values(vec![path.to_owned()])]);
        Self { todo, complete: true, ..Self::default() }
    }

    /// Whether GetParameterNames told of this path.
    pub(crate) fn has_listed(&self, path: &str) -> bool {
        self.listed.contains(path)
    }

    /// Whether the device answered without telling a single value.
    pub(crate) const fn is_fruitless(&self) -> bool {
        self.values_read == 0
    }

    /// The next request; `None` when all is read or nothing more can be.
    pub(crate) fn next(&mut self, desk: &Desk) -> Option<Message> {
        while self.fatal.is_none() {
            let ask = match self.todo.pop_front()? {
                Ask::Beneath(path) => {
                    self.expand(&path, desk.names_per_request);
                    continue;
                }
                Ask::Values(paths) => Ask::Values(self.shorten(paths)),
                names @ Ask::Names { .. } => names,
            };
            self.asked = Some(ask.clone());
            return match ask {
                Ask::Values(parameter_names) => Some(GetParameterValues { parameter_names }.into()),
                Ask::Names { path, next_level } => {
                    Some(GetParameterNames { parameter_path: path, next_level }.into())
                }
                Ask::Beneath(_) => None,
            };
        }
        None
    }

    /// Takes the answer.
    pub(crate) fn handle(&mut self, answer: Answer, desk: &mut Desk) {
        let Some(asked) = self.asked.take() else { return };
        match (asked, answer) {
            (Ask::Values(paths), Ok(Message::GetParameterValuesResponse(response))) => {
                self.take_values(&paths, response, desk);
            }
            (Ask::Names { path, next_level }, Ok(Message::GetParameterNamesResponse(response))) => {
                self.take_names(&path, next_level, response, desk);
            }
            (asked, Ok(other)) => {
                let text = format!("{} to a request for names or values", other.name());
                self.refuse(asked, desk.invalid(text));
            }
            (asked, Err(fault)) => self.refuse(asked, fault),
        }
    }

    fn take_values(
        &mut self,
        paths: &[String],
        response: GetParameterValuesResponse,
        desk: &mut Desk,
    ) {
        self.answered = true;
        self.values_read = self.values_read.saturating_add(response.parameter_list.len());
        let got: BTreeSet<&str> =
            response.parameter_list.iter().map(|entry| entry.name.as_str()).collect();
        let missing = paths.iter().filter(|path| !is_object(path) && !got.contains(path.as_str()));
        // Some devices leave out what they do not know instead of refusing it (quirk 25).
        for path in missing {
            note(
                &mut self.refused,
                path,
                "missing",
                "the device left the parameter out of its answer",
            );
        }
        for name in got {
            if self.listed.len() < PARAMETERS_MAX {
                self.listed.insert(name.to_owned());
            }
        }
        desk.book.observe_all(response.parameter_list, desk.now);
    }

    fn take_names(
        &mut self,
        path: &str,
        next_level: bool,
        response: GetParameterNamesResponse,
        desk: &mut Desk,
    ) {
        self.answered = true;
        // What has children exists, although a listing of one level leaves it out (`GPN-03`).
        if next_level && !response.parameter_list.is_empty() {
            desk.book.describe(path, None, desk.now);
            self.listed.insert(path.to_owned());
        }
        for entry in response.parameter_list {
            // A device that lists more than it was asked for must not make us walk in circles.
            let inside = entry.name.starts_with(path) && entry.name != path;
            let askable = entry.name.chars().nth(NAME_CHARS_MAX).is_none();
            let fits = entry.name.len() <= PATH_BYTES_MAX;
            if !fits || (!inside && entry.name != path) {
                continue;
            }
            if self.listed.len() >= PARAMETERS_MAX {
                self.complete = false;
                let text = format!("the device has more than {PARAMETERS_MAX} parameters");
                self.fatal = Some(desk.fault("too_many_parameters", text));
                return;
            }
            desk.book.describe(&entry.name, Some(entry.writable), desk.now);
            if next_level
                && inside
                && askable
                && is_object(&entry.name)
                && !self.listed.contains(&entry.name)
            {
                let path = entry.name.clone();
                self.todo.push_front(Ask::Names { path, next_level });
            }
            self.listed.insert(entry.name);
        }
    }

    fn refuse(&mut self, asked: Ask, fault: TaskFault) {
        // The device knows the RPC not at all: asking again is pointless.
        if fault.is_cwmp(9000) {
            self.fatal = Some(fault);
            return;
        }
        if self.refused_rpc.is_none() {
            self.refused_rpc.clone_from(&fault.rpc);
        }
        match asked {
            Ask::Names { path, next_level } => self.refuse_names(path, next_level, &fault),
            Ask::Values(mut paths) if paths.len() > 1 => {
                let second = paths.split_off(paths.len() / 2);
                if fault.is_cwmp(9004) {
                    self.largest = Some(paths.len());
                }
                self.todo.push_front(Ask::Values(second));
                self.todo.push_front(Ask::Values(paths));
            }
            Ask::Values(paths) => {
                paths.into_iter().for_each(|path| self.refuse_value(path, &fault));
            }
            Ask::Beneath(_) => {}
        }
    }

    /// What cannot be listed at once is listed level by level.
    fn refuse_names(&mut self, path: String, next_level: bool, fault: &TaskFault) {
        if next_level || fault.is_cwmp(9005) || !is_object(&path) {
            self.complete = false;
            note(&mut self.refused, &path, &fault.code, &fault.message);
            // What does not exist has no values.
            if fault.is_cwmp(9005) {
                self.todo.retain(|ask| !matches!(ask, Ask::Values(paths) if *paths == [&*path]));
            }
        } else {
            self.todo.push_front(Ask::Names { path, next_level: true });
        }
    }

    /// What cannot be read as a whole is read name by name.
    fn refuse_value(&mut self, path: String, fault: &TaskFault) {
        let listed = self.leaves(&path).next().is_some();
        if is_object(&path) && listed {
            self.todo.push_front(Ask::Beneath(path));
        } else if is_object(&path) && !fault.is_cwmp(9005) && !self.listed.contains(&path) {
            self.todo.push_front(Ask::Beneath(path.clone()));
            self.todo.push_front(Ask::Names { path, next_level: false });
        } else {
            note(&mut self.refused, &path, &fault.code, &fault.message);
        }
    }

    fn leaves<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a String> + 'a {
        let below = self.listed.range::<str, _>((Bound::Included(path), Bound::Unbounded));
        below.take_while(move |name| name.starts_with(path)).filter(|name| !is_object(name))
    }

    fn expand(&mut self, path: &str, size: usize) {
        let names: Vec<String> = self.leaves(path).cloned().collect();
        self.push_groups(&names, size);
    }

    fn push_groups(&mut self, names: &[String], size: usize) {
        let size = self.largest.unwrap_or(size).clamp(1, size.max(1));
        for group in names.chunks(size).rev() {
            self.todo.push_front(Ask::Values(group.to_vec()));
        }
    }

    /// Cuts a group down to the size that the device can answer.
    fn shorten(&mut self, mut paths: Vec<String>) -> Vec<String> {
        let size = self.largest.unwrap_or(paths.len()).max(1);
        if paths.len() > size {
            let rest = paths.split_off(size);
            self.todo.push_front(Ask::Values(rest));
        }
        paths
    }
}

fn note(refused: &mut Vec<ParameterFault>, name: &str, code: &str, message: &str) {
    if refused.len() < PARAMETER_FAULTS_MAX {
        let (name, code) = (name.to_owned(), code.to_owned());
        refused.push(ParameterFault { name, code, message: message.to_owned() });
    }
}
