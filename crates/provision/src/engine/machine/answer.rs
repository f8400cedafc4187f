//! What the device answered, as what is known of it from then on.

use super::{Provisioning, Write, is_empty, objects_of, read_values};
use crate::engine::data::{
    Listed, Name, Path, Scalar, Timed, TypedValue, coerce, path_of, written,
};
use crate::engine::declaration::NewAttributes;
use crate::engine::discovery::Discovery;
use crate::engine::kept::{self, kept};
use crate::engine::request::{Request, Response};
use crate::engine::run::fault;
use crate::engine::transfer;

impl Provisioning {
    /// Takes what the device answered to the request that is out.
    pub fn take(&mut self, response: Response) {
        let Some(asked) = self.asked.take() else { return };
        let time = self.now();
        match (asked, response) {
            (Write::Create(creation), Response::Added(number)) => {
                let mut row = creation.table.clone();
                row.push(Name::from(number.to_string().as_str()));
                self.tree.change(&row, time, |attributes| {
                    attributes.object = Some(Timed { time, value: true });
                });
                self.tree.unlist(&creation.table);
                if !creation.keys.is_empty() {
                    self.writes.push_front(Write::ReadKeys(creation, row));
                }
            }
            (Write::ReadKeys(creation, row), Response::ParameterValues(values)) => {
                self.values(&values, time);
                let key_of = |path: &str| {
                    let relative = path.strip_prefix(&written(&row))?.strip_prefix('.')?;
                    let mut keys = creation.keys.iter();
                    keys.find(|(key, _)| key.to_string() == relative).map(|(_, value)| value)
                };
                let different = values.iter().filter_map(|(path, known, value_type)| {
                    let wanted = Scalar::Text(key_of(path)?.clone());
                    let wanted = coerce(&wanted, value_type);
                    (wanted != coerce(known, value_type))
                        .then(|| (path.clone(), wanted, value_type.clone()))
                });
                let values: Vec<_> = different.collect();
                if !values.is_empty() {
                    self.writes.push_front(Write::SetKeys(values));
                }
            }
            (Write::Values { names, wanted }, Response::ParameterValues(values)) => {
                self.take_values(&names, &wanted, values, time);
            }
            (Write::SetKeys(values), Response::Done) => self.accepted(&values, time),
            (Write::Part { values, other }, Response::Done) => {
                self.accepted(&values, time);
                // Nothing bad here, so it is in the other half.
                if let Some(other) = other {
                    self.halve(other);
                }
            }
            (Write::Plain(request), response) => self.take_plain(request, response, time),
            _ => self.invalid_response(),
        }
    }

    fn invalid_response(&mut self) {
        let message = "the response does not fit the request";
        self.failed = Some(fault("invalid_response", message));
    }

    fn take_plain(&mut self, request: Request, response: Response, time: i64) {
        match (request, response) {
            (
                Request::GetParameterNames { path, is_next_level },
                Response::ParameterNames(names),
            ) => {
                let entry = |(name, is_writable): &(String, bool)| Listed {
                    path: path_of(name),
                    is_object: name.ends_with('.'),
                    is_writable: *is_writable,
                };
                let entries: Vec<Listed> = names.iter().map(entry).collect();
                self.tree.list(&path_of(&path), &entries, !is_next_level, time);
                if is_next_level {
                    self.learnt.told_names(&path);
                }
            }
            (Request::GetParameterValues { names, .. }, Response::ParameterValues(values)) => {
                self.values(&values, time);
                // What the device passes over in silence is not there.
                for name in names {
                    let path = path_of(&name);
                    if self.has_value_of(&path, time) {
                        self.learnt.told_value(&path);
                    } else {
                        self.tree.remove(&path);
                    }
                }
            }
            (
                Request::GetParameterAttributes { names },
                Response::ParameterAttributes(attributes),
            ) => {
                for (name, notification, access_list) in attributes {
                    self.tree.change(&path_of(&name), time, |known| {
                        known.notification = Some(Timed { time, value: notification });
                        known.access_list = Some(Timed { time, value: access_list });
                    });
                }
                for name in names {
                    let path = path_of(&name);
                    let known = self.tree.attributes(&path);
                    let known = known.and_then(|known| known.notification.as_ref());
                    if known.is_none_or(|notification| notification.time < time) {
                        self.tree.remove(&path);
                    }
                }
            }
            (Request::SetParameterValues { values }, Response::Done) => {
                self.accepted(&values, time);
            }
            (Request::SetParameterAttributes { attributes }, Response::Done) => {
                for (name, NewAttributes { notification, access_list }) in attributes {
                    self.tree.change(&path_of(&name), time, |known| {
                        if let Some(value) = notification {
                            known.notification = Some(Timed { time, value });
                        }
                        if let Some(value) = access_list {
                            known.access_list = Some(Timed { time, value });
                        }
                    });
                }
            }
            (Request::DeleteObject { object_name }, Response::Done) => {
                self.tree.delete(&path_of(&object_name), time);
            }
            (Request::Reboot, Response::Done) => self.acted("Reboot", time),
            (Request::FactoryReset, Response::Done) => {
                self.tree.forget_secrets();
                self.acted("FactoryReset", time);
            }
            (request @ Request::Download { .. }, Response::Downloading { is_done })
            | (request @ Request::Upload { .. }, Response::Uploading { is_done }) => {
                self.began(&request, is_done, time);
            }
            (
                request @ (Request::ScheduleDownload { .. } | Request::ChangeDUState { .. }),
                Response::Done,
            ) => self.began(&request, false, time),
            (ref request @ Request::ScheduleInform { delay_seconds, .. }, Response::Done) => {
                self.began(request, true, time);
                if let Some((table, instance)) = transfer::row_of(request) {
                    let path = path_of(&format!("{table}.{instance}.LastDelaySeconds"));
                    let scalar = Scalar::Number(f64::from(delay_seconds));
                    let value = TypedValue { scalar, value_type: "xsd:unsignedInt".into() };
                    self.tree.change(&path, time, |known| *known = kept(time, false, value));
                }
            }
            _ => self.invalid_response(),
        }
    }

    fn has_value_of(&self, path: &Path, time: i64) -> bool {
        let known = self.tree.attributes(path).and_then(|known| known.value.as_ref());
        known.is_some_and(|value| value.time >= time)
    }

    /// Takes values that were read by partial paths. What is new there is left for those who look
    /// for it, as the names of its neighbours may not be known. What was not told is asked for by
    /// its name.
    fn take_values(
        &mut self,
        names: &[String],
        wanted: &[Path],
        mut values: Vec<(String, Scalar, Box<str>)>,
        time: i64,
    ) {
        values.retain(|(name, ..)| self.tree.found(&path_of(name)) > 0);
        self.values(&values, time);
        let missing: Vec<&Path> =
            wanted.iter().filter(|path| !self.has_value_of(path, time)).collect();
        let objects = objects_of(names);
        let (of_objects, alone): (Vec<&Path>, Vec<&Path>) = missing
            .into_iter()
            .partition(|path| objects.iter().any(|object| path.starts_with(object)));
        for path in alone {
            self.tree.remove(path);
        }
        let suspects = objects
            .iter()
            .filter(|object| of_objects.iter().any(|path| path.starts_with(object.as_slice())));
        self.learnt.suspect_values(suspects.cloned(), 0);
    }

    /// What a row of the server's tables asks for has begun, or is done at once.
    fn began(&mut self, request: &Request, is_done: bool, time: i64) {
        let Some((table, instance)) = transfer::row_of(request) else { return };
        let Some(table) = kept::TABLES.iter().find(|it| it.name == table) else { return };
        let action = format!("{}.{instance}.{}", table.name, table.action);
        let known = self.tree.attributes(&path_of(&action)).and_then(|it| it.value.as_ref());
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let earlier = match known.map(|known| &known.value.scalar) {
            Some(Scalar::Number(earlier)) => Some(*earlier as i64),
            _ => None,
        };
        let session = self.config.session;
        let operation = transfer::begun(request, &self.asked_id, session, earlier);
        self.acted(&action, time);
        match operation {
            Some(operation) if is_done => {
                transfer::succeeded(&mut self.tree, &operation, session, session, time);
            }
            Some(operation) => self.operations.push(operation),
            None => {}
        }
    }

    /// Takes values that were read.
    fn values(&mut self, values: &[(String, Scalar, Box<str>)], time: i64) {
        for (name, scalar, value_type) in values {
            let value =
                TypedValue { scalar: coerce(scalar, value_type), value_type: value_type.clone() };
            let path = path_of(name);
            let is_empty = is_empty(&value.scalar);
            if is_empty && self.has_text(&path) {
                self.emptied.insert(path.clone());
            }
            self.tree.change(&path, time, |known| {
                if known.object.is_none() {
                    known.object = Some(Timed { time, value: false });
                }
                known.value = Some(Timed { time, value });
                // It tells what it has, so there is nothing to remember.
                known.secret = known.secret.filter(|_| is_empty);
            });
        }
    }

    fn has_text(&self, path: &[Name]) -> bool {
        let known = self.tree.attributes(path).and_then(|known| known.value.as_ref());
        known.is_some_and(|known| !is_empty(&known.value.scalar))
    }

    /// Takes values that were set.
    fn accepted(&mut self, values: &[(String, Scalar, Box<str>)], time: i64) {
        self.values(values, time);
        let mut read_again = Vec::new();
        for (name, scalar, value_type) in values {
            let path = path_of(name);
            let value =
                TypedValue { scalar: coerce(scalar, value_type), value_type: value_type.clone() };
            let sealed = self.sealed(&path, &value);
            self.tree.change(&path, time, |known| known.secret = sealed);
            if self.emptied.remove(&path) && sealed.is_some() {
                read_again.push(name.clone());
            }
        }
        if self.config.discovery == Discovery::Economical && !read_again.is_empty() {
            self.writes.push_front(read_values(read_again));
        }
    }

    /// Something was done once, at the time of this session.
    fn acted(&mut self, path: &str, time: i64) {
        let value = kept::date(self.config.session);
        self.tree.change(&path_of(path), time, |known| *known = kept(time, true, value));
    }
}
