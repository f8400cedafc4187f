//! Tasks that read: getParameterValues and refreshObject.

use super::read::Reader;
use super::{Answer, Desk, Next};
use crate::record::is_object;
use crate::task::{ParameterFault, TaskFault, TaskResult, object_path};

/// getParameterValues.
#[derive(Debug)]
pub(super) struct Get {
    reader: Reader,
}

impl Get {
    pub(super) fn new(names: &[String], desk: &Desk) -> Result<Self, TaskFault> {
        let paths = names.iter().map(|name| known_path(name, desk));
        Ok(Self { reader: Reader::values(paths.collect::<Result<_, _>>()?, desk) })
    }

    pub(super) fn next(&mut self, desk: &Desk) -> Next {
        match self.reader.next(desk) {
            Some(request) => Next::Ask(request),
            None => conclude(&mut self.reader, desk),
        }
    }

    pub(super) fn handle(&mut self, answer: Answer, desk: &mut Desk) {
        self.reader.handle(answer, desk);
    }
}

/// refreshObject.
#[derive(Debug)]
pub(super) struct Refresh {
    path: String,
    /// Whether `path` may also be that of a parameter, should there be no such object.
    guessed: bool,
    reader: Reader,
}

impl Refresh {
    pub(super) fn new(path: &str, desk: &Desk) -> Result<Self, TaskFault> {
        let path = known_path(path, desk)?;
        let known = desk.book.record().parameters.contains_key(&path);
        if !is_object(&path) && known {
            let reader = Reader::values(vec![path.clone()], desk);
            return Ok(Self { path, guessed: false, reader });
        }
        let guessed = !is_object(&path);
        let path = object_path(&path);
        Ok(Self { reader: Reader::subtree(&path), path, guessed })
    }

    pub(super) fn next(&mut self, desk: &mut Desk) -> Next {
        if self.guessed && self.is_unknown() {
            self.guessed = false;
            self.path.pop();
            self.reader = Reader::values(vec![self.path.clone()], desk);
        }
        if let Some(request) = self.reader.next(desk) {
            return Next::Ask(request);
        }
        self.forget_vanished(desk);
        conclude(&mut self.reader, desk)
    }

    pub(super) fn handle(&mut self, answer: Answer, desk: &mut Desk) {
        self.reader.handle(answer, desk);
    }

    fn is_unknown(&self) -> bool {
        let mut refused = self.reader.refused.iter();
        refused.any(|fault| fault.name == self.path && fault.code == "cwmp.9005")
    }

    /// What was neither listed nor read is no more.
    fn forget_vanished(&self, desk: &mut Desk) {
        let reader = &self.reader;
        if reader.fatal.is_some() {
            return;
        }
        if self.is_unknown() && !reader.answered {
            desk.book.forget(&self.path, |_| false);
        } else if is_object(&self.path) && reader.complete && reader.answered {
            let own = self.path.as_str();
            desk.book.forget(own, |path| path == own || reader.has_listed(path));
        }
    }
}

/// The path that is meant, which for an object that is known may lack its trailing dot.
fn known_path(path: &str, desk: &Desk) -> Result<String, TaskFault> {
    let path = desk.whole(path)?;
    let record = desk.book.record();
    let object = object_path(&path);
    let is_known_object =
        !record.parameters.contains_key(&path) && record.beneath(&object).next().is_some();
    Ok(if is_known_object { object } else { path })
}

/// The end of a task that reads: it has failed when the device answered nothing.
pub(super) fn conclude(reader: &mut Reader, desk: &Desk) -> Next {
    if let Some(fatal) = reader.fatal.take() {
        return Next::Fault(fatal);
    }
    let refused = std::mem::take(&mut reader.refused);
    match refused.first() {
        Some(first) if !reader.answered || all_missing(&refused, reader) => {
            let (code, message) = (first.code.clone(), first.message.clone());
            let rpc = reader.refused_rpc.take();
            Next::Fault(TaskFault { time: desk.now, code, message, rpc, parameters: refused })
        }
        _ => Next::Done(TaskResult { refused, ..TaskResult::new(desk.now) }),
    }
}

/// Whether the device answered, but with nothing that was asked for.
fn all_missing(refused: &[ParameterFault], reader: &Reader) -> bool {
    refused.iter().all(|fault| fault.code == "missing") && reader.is_fruitless()
}
