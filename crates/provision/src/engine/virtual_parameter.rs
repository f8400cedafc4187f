//! Virtual parameters: what their scripts are given (compat 2.9).

use super::data::{Attributes, TypedValue};
use super::run::data_of;
use super::sync::VirtualGet;
use crate::script::{Data, Wanted};

/// Why the script of a virtual parameter runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// These attributes are wanted.
    Get(VirtualGet),
    /// This is to be set.
    Set(TypedValue),
}

impl Phase {
    /// What the script must return.
    pub(super) fn wanted(&self) -> Wanted {
        match self {
            Self::Get(get) => Wanted { writable: get.writable > 0, value: get.value > 0 },
            Self::Set(_) => Wanted { writable: false, value: true },
        }
    }
}

/// The arguments of a virtual parameter's script: times wanted, values to set, times known, values
/// known.
pub(super) fn arguments(phase: &Phase, known: &Attributes) -> Vec<Data> {
    let member = |name: &str, data: Data| (name.to_owned(), data);
    let typed = |value: &TypedValue| Data::typed(data_of(&value.scalar), &value.value_type);
    let (wanted, values) = match phase {
        Phase::Get(get) => {
            let times = [("value", get.value), ("writable", get.writable)];
            let times = times.into_iter().filter(|(_, time)| *time > 0);
            (times.map(|(name, it)| member(name, time(it))).collect(), Vec::new())
        }
        Phase::Set(value) => (Vec::new(), vec![member("value", typed(value))]),
    };
    let mut times = Vec::new();
    let mut current = Vec::new();
    if let Some(object) = &known.object {
        times.push(member("object", time(object.time)));
        current.push(member("object", Data::Number(f64::from(u8::from(object.value)))));
    }
    if let Some(writable) = &known.writable {
        times.push(member("writable", time(writable.time)));
        current.push(member("writable", Data::Bool(writable.value)));
    }
    if let Some(value) = &known.value {
        times.push(member("value", time(value.time)));
        current.push(member("value", typed(&value.value)));
    }
    [wanted, values, times, current].into_iter().map(Data::Object).collect()
}

#[expect(clippy::cast_precision_loss, reason = "times are far below 2^53")]
fn time(time: i64) -> Data {
    Data::Number(time as f64)
}
