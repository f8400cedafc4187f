//! What the integration tests of this crate share: recordings, and a device that answers the
//! engine's requests.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::disallowed_methods, reason = "reads recordings, from a folder that is a setting")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

pub(crate) mod session;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use drover_provision::engine::{Request, Response, Scalar};

/// The setting that names another folder of recordings.
const SETTING: &str = "DROVER_ENGINE_VECTORS";

/// The folder of recordings. A machine without it skips the test, loudly; CI has it.
pub(crate) fn vectors() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(SETTING) {
        return Some(folder.into());
    }
    let root = std::env::var_os("DROVER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = root.join("genieacs/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    let is_ci = std::env::var("CI").is_ok_and(|value| !matches!(&*value, "" | "0" | "false"));
    assert!(!is_ci, "{} is missing; set {SETTING}", folder.display());
    eprintln!("SKIPPED: {} is missing; set {SETTING}", folder.display());
    None
}

/// A value with its type.
pub(crate) type Typed = (Scalar, String);

/// A device: its parameters and objects, whose paths end in a dot.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Device {
    /// Whether it is writable, and the value of a parameter.
    pub(crate) parameters: BTreeMap<String, (bool, Option<Typed>)>,
    /// Parameters that a new row of a table has.
    pub(crate) templates: BTreeMap<String, Vec<(String, Typed)>>,
    /// The number of the next row.
    pub(crate) next_instance: u32,
    /// Whether transfers end in a later session.
    pub(crate) is_slow: bool,
    /// The code with which names of all levels are refused.
    pub(crate) refuses_all_names: Option<u16>,
    /// The code with which values by partial path are refused.
    pub(crate) refuses_partial_paths: Option<u16>,
}

impl Device {
    /// Answers as a device does; the error is a fault code.
    pub(crate) fn answer(&mut self, request: &Request) -> Result<Response, u16> {
        match request {
            Request::GetParameterNames { path, is_next_level } => {
                if !path.is_empty() && !self.parameters.contains_key(path) {
                    return Err(9005);
                }
                if let Some(code) = self.refuses_all_names.filter(|_| !is_next_level) {
                    return Err(code);
                }
                let below = self.parameters.iter().filter(|(name, _)| {
                    name.strip_prefix(path.as_str()).is_some_and(|rest| {
                        let rest = rest.strip_suffix('.').unwrap_or(rest);
                        if *is_next_level {
                            !rest.is_empty() && !rest.contains('.')
                        } else {
                            // The object itself, too (`GPN-02`).
                            !name.is_empty()
                        }
                    })
                });
                let names = below.map(|(name, (writable, _))| (name.clone(), *writable));
                Ok(Response::ParameterNames(names.collect()))
            }
            Request::GetParameterValues { names, .. } => {
                if let Some(code) = self.refuses_partial_paths
                    && names.iter().any(|name| name.ends_with('.'))
                {
                    return Err(code);
                }
                let below = |object: &str| -> Vec<String> {
                    let parameters = self
                        .parameters
                        .iter()
                        .filter(|(name, (_, value))| name.starts_with(object) && value.is_some());
                    parameters.map(|(name, _)| name.clone()).collect()
                };
                let mut all = Vec::new();
                for name in names {
                    match name.ends_with('.') {
                        true if !self.parameters.contains_key(name) => return Err(9005),
                        true => all.extend(below(name)),
                        false => all.push(name.clone()),
                    }
                }
                let value = |name: &String| {
                    let (_, value) = self.parameters.get(name).ok_or(9005u16)?;
                    let (scalar, value_type) = value.clone().ok_or(9005u16)?;
                    Ok((name.clone(), scalar, value_type.into_boxed_str()))
                };
                Ok(Response::ParameterValues(all.iter().map(value).collect::<Result<_, u16>>()?))
            }
            Request::GetParameterAttributes { names } => {
                let attributes = names.iter().map(|name| (name.clone(), 0, Vec::new()));
                Ok(Response::ParameterAttributes(attributes.collect()))
            }
            Request::SetParameterValues { values } => {
                for (name, scalar, value_type) in values {
                    let (_, value) = self.parameters.get_mut(name).ok_or(9003u16)?;
                    *value = Some((scalar.clone(), value_type.to_string()));
                }
                Ok(Response::Done)
            }
            Request::AddObject { object_name, .. } => {
                let number = self.next_instance;
                self.next_instance += 1;
                self.parameters.insert(format!("{object_name}{number}."), (true, None));
                for (name, value) in self.templates.get(object_name).into_iter().flatten() {
                    let path = format!("{object_name}{number}.{name}");
                    self.parameters.insert(path, (true, Some(value.clone())));
                }
                Ok(Response::Added(number))
            }
            Request::DeleteObject { object_name } => {
                if !self.parameters.contains_key(object_name) {
                    return Err(9005);
                }
                self.parameters.retain(|path, _| !path.starts_with(object_name));
                Ok(Response::Done)
            }
            Request::Download { .. } => Ok(Response::Downloading { is_done: !self.is_slow }),
            Request::Upload { .. } => Ok(Response::Uploading { is_done: !self.is_slow }),
            Request::SetParameterAttributes { .. }
            | Request::ScheduleDownload { .. }
            | Request::ChangeDUState { .. }
            | Request::ScheduleInform { .. }
            | Request::Reboot
            | Request::FactoryReset => Ok(Response::Done),
        }
    }
}
