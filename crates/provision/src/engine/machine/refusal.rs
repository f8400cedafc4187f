//! What the device refused: what is looked for again, left out, or asked for in smaller parts.

use std::collections::BTreeMap;

use super::{HEALING_REQUESTS_MAX, LOST_MAX, Provisioning, Write, objects_of};
use crate::engine::data::{path_of, written};
use crate::engine::discovery::Discovery;
use crate::engine::healer::Setting;
use crate::engine::request::Request;
use crate::engine::run::fault;
use crate::engine::sync::Creation;

impl Provisioning {
    /// Takes that the device refused the request that is out. A path that it does not know (9005)
    /// is forgotten, and looked for again. Values that it does not take are found and set aside,
    /// if the configuration says so. Any other fault ends the work.
    pub fn refused(&mut self, code: u16, message: &str) {
        self.refused_values(code, message, &[]);
    }

    /// As [`Self::refused`], with what a SetParameterValuesFault says of single parameters
    /// (`SPV-06`): path, code and text.
    pub fn refused_values(&mut self, code: u16, message: &str, faults: &[(String, u16, String)]) {
        let Some(asked) = self.asked.take() else { return };
        let has_cure = self.config.heals && (matches!(code, 9001..=9008) || !faults.is_empty());
        match asked {
            Write::Plain(Request::SetParameterValues { values }) if has_cure => {
                self.heal(values, None, (code, message), faults);
            }
            Write::Part { values, other } if has_cure => {
                self.heal(values, other, (code, message), faults);
            }
            asked => self.refused_whole(asked, code, message),
        }
    }

    /// Sets aside what is bad among these values, or halves them to find it.
    fn heal(
        &mut self,
        values: Vec<Setting>,
        other: Option<Vec<Setting>>,
        (code, message): (u16, &str),
        faults: &[(String, u16, String)],
    ) {
        if self.healer.requests >= HEALING_REQUESTS_MAX {
            self.failed = Some(fault(&format!("cwmp.{code}"), message));
            return;
        }
        if let Some(other) = other {
            self.send_part(other, None);
        }
        let named: BTreeMap<&str, (u16, &str)> = faults
            .iter()
            .map(|(path, code, message)| (path.as_str(), (*code, message.as_str())))
            .collect();
        let (bad, rest): (Vec<Setting>, Vec<Setting>) =
            values.into_iter().partition(|(path, ..)| named.contains_key(path.as_str()));
        if bad.is_empty() {
            match <[Setting; 1]>::try_from(rest) {
                Ok([alone]) => self.set_aside(&alone, code, message),
                Err(several) => self.halve(several),
            }
            return;
        }
        for setting in &bad {
            let (code, message) = named.get(setting.0.as_str()).copied().unwrap_or((code, message));
            self.set_aside(setting, code, message);
        }
        self.send_part(rest, None);
    }

    /// Sends one half of values among which something is bad.
    pub(super) fn halve(&mut self, mut values: Vec<Setting>) {
        let other = values.split_off(values.len().div_ceil(2));
        self.send_part(values, (!other.is_empty()).then_some(other));
    }

    fn send_part(&mut self, values: Vec<Setting>, other: Option<Vec<Setting>>) {
        if !values.is_empty() {
            self.healer.requests = self.healer.requests.saturating_add(1);
            self.writes.push_front(Write::Part { values, other });
        }
    }

    /// A value is bad. A path that the device does not know is first looked for again: its row may
    /// be gone.
    fn set_aside(&mut self, setting: &Setting, code: u16, message: &str) {
        let (path, ..) = setting;
        if code == 9005 && !self.lost.contains_key(path) {
            self.lose(path.clone());
        } else {
            self.healer.set_aside(setting, code, message);
        }
    }

    fn refused_whole(&mut self, asked: Write, code: u16, message: &str) {
        if self.refused_to_tell(&asked, code) {
            return;
        }
        let refused = fault(&format!("cwmp.{code}"), message);
        let paths: Vec<String> = match asked {
            Write::Plain(Request::GetParameterNames { path, .. }) => vec![path],
            Write::Plain(
                Request::GetParameterValues { names, .. }
                | Request::GetParameterAttributes { names },
            ) => names,
            Write::Plain(Request::SetParameterValues { values })
            | Write::SetKeys(values)
            | Write::Part { values, .. } => values.into_iter().map(|(path, ..)| path).collect(),
            Write::Plain(Request::SetParameterAttributes { attributes }) => {
                attributes.into_iter().map(|(path, ..)| path).collect()
            }
            Write::Plain(Request::DeleteObject { object_name }) => vec![object_name],
            Write::Create(Creation { table, .. }) => vec![written(&table)],
            _ => Vec::new(),
        };
        let is_lost = |count: &u8| *count >= LOST_MAX;
        if code != 9005
            || paths.is_empty()
            || paths.iter().any(|path| self.lost.get(path).is_some_and(is_lost))
        {
            self.failed = Some(refused);
            return;
        }
        self.reads.clear();
        self.writes.clear();
        for name in paths {
            self.lose(name);
        }
    }

    /// The device does not know a path: it is forgotten, and looked for again.
    fn lose(&mut self, name: String) {
        let path = path_of(&name);
        if let Some((_, parent)) = path.split_last() {
            self.tree.remove(&path);
            self.tree.unlist(parent);
        }
        let count = self.lost.entry(name).or_default();
        *count = count.saturating_add(1);
    }

    /// Notes that the device does not tell this much at once, if that is what was asked: then it
    /// is asked for less.
    fn refused_to_tell(&mut self, asked: &Write, code: u16) -> bool {
        if self.config.discovery == Discovery::Compat {
            return false;
        }
        match asked {
            Write::Plain(Request::GetParameterNames { path, is_next_level: false }) => {
                self.learnt.suspect_names(path, code);
            }
            Write::Values { names, .. } => self.learnt.suspect_values(objects_of(names), code),
            _ => return false,
        }
        self.reads.clear();
        true
    }
}
