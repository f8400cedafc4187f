//! Presets: which provisions a session of a device runs (compat 2.10).
//!
//! A preset says when it holds (events, a schedule, a precondition) and which provisions it wants
//! then. [`select`] looks at all of them in their order and gives the provisions by channel.

mod document;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use document::{InvalidPreset, Objects};

use crate::compat::Cron;
use crate::engine::Provision;
use crate::expression::{Context, Expression, Value};
use crate::script::Data;
use crate::trace::IdleReason;

/// When provisions are wanted, and which.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// Its name.
    pub name: String,
    /// Later ones win conflicts; those of equal weight come by name.
    pub weight: f64,
    /// Provisions of a channel fail together, and without those of others.
    pub channel: String,
    /// Times at which it holds; always without one.
    pub schedule: Option<Schedule>,
    /// Events of the session that must be there (true) or must not (false), such as
    /// `0 BOOTSTRAP`.
    pub events: BTreeMap<String, bool>,
    /// What must be true of the device.
    pub precondition: Expression,
    /// What is wanted.
    pub provisions: Vec<WantedProvision>,
}

/// A provision of a preset.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedProvision {
    /// Its name.
    pub name: String,
    /// Its arguments, calculated for each device.
    pub arguments: Vec<Expression>,
}

/// Times at which a preset holds: for a while after each hit of a cron schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// How long it holds, in seconds.
    pub seconds: u32,
    /// The hits.
    pub cron: Cron,
}

/// What a session is: what presets are selected by.
#[derive(Debug, Clone, Copy)]
pub struct Session<'s> {
    /// When it began.
    pub time: Timestamp,
    /// The zone of schedules.
    pub zone: &'s TimeZone,
    /// Its events; `Inform` and `Registered` count as such.
    pub events: &'s BTreeSet<String>,
}

impl Preset {
    /// Parameters that must be known to tell whether it holds and with which arguments.
    pub fn parameters(&self) -> BTreeSet<&str> {
        let arguments = self.provisions.iter().flat_map(|provision| &provision.arguments);
        let expressions = std::iter::once(&self.precondition).chain(arguments);
        expressions.flat_map(Expression::parameters).collect()
    }

    /// Whether its events and its schedule let it hold in a session, whatever the device is.
    pub fn may_hold(&self, session: Session<'_>) -> bool {
        self.has_events(session) && self.is_due(session)
    }

    fn has_events(&self, session: Session<'_>) -> bool {
        let has = |name: &str| session.events.iter().any(|event| is_same_event(event, name));
        self.events.iter().all(|(name, wanted)| has(name) == *wanted)
    }

    fn is_due(&self, session: Session<'_>) -> bool {
        let schedule = self.schedule.as_ref();
        schedule.is_none_or(|schedule| schedule.holds(session.time, session.zone))
    }

    /// Why it does not hold in a session; `None` if it does.
    pub fn idle_reason(&self, session: Session<'_>, device: &dyn Context) -> Option<IdleReason> {
        if !self.has_events(session) {
            return Some(IdleReason::Events);
        }
        if !self.is_due(session) {
            return Some(IdleReason::Schedule);
        }
        match self.precondition.evaluate(device) {
            Value::Null => Some(IdleReason::Unknown),
            value => (!value.is_true()).then_some(IdleReason::Precondition),
        }
    }
}

impl Schedule {
    /// Whether a time is within the while after a hit.
    pub fn holds(&self, time: Timestamp, zone: &TimeZone) -> bool {
        let Ok(hit) = self.cron.previous(time, zone) else { return false };
        let passed = time.as_millisecond().saturating_sub(hit.as_millisecond());
        passed < i64::from(self.seconds).saturating_mul(1000)
    }
}

/// Names of events are compared with spaces as `_`.
fn is_same_event(one: &str, other: &str) -> bool {
    let plain = |byte| if byte == b' ' { b'_' } else { byte };
    one.bytes().map(plain).eq(other.bytes().map(plain))
}

/// Brings presets into the order in which they are looked at: by weight, then by name.
pub fn sort(presets: &mut [Preset]) {
    presets.sort_by(|a, b| a.weight.total_cmp(&b.weight).then_with(|| a.name.cmp(&b.name)));
}

/// A provision with the channels that want it.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// The provision.
    pub provision: Provision,
    /// The channels.
    pub channels: BTreeSet<String>,
}

/// The presets that hold in a session, in their order.
pub fn holding<'p>(
    presets: impl IntoIterator<Item = &'p Preset>,
    session: Session<'_>,
    device: &dyn Context,
) -> impl Iterator<Item = &'p Preset> {
    let presets = presets.into_iter().filter(move |preset| preset.may_hold(session));
    presets.filter(move |preset| preset.precondition.evaluate(device).is_true())
}

/// The provisions of a session: those of all presets that hold, in the order of the presets, which
/// are [`sort`]ed.
pub fn select<'p>(
    presets: impl IntoIterator<Item = &'p Preset>,
    session: Session<'_>,
    device: &dyn Context,
) -> Vec<Selected> {
    provisions(holding(presets, session, device), device)
}

/// The provisions of presets that hold. One that is wanted twice comes once, at its last place, for
/// all its channels.
pub fn provisions<'p>(
    holding: impl IntoIterator<Item = &'p Preset>,
    device: &dyn Context,
) -> Vec<Selected> {
    let mut selected: Vec<Selected> = Vec::new();
    for preset in holding {
        for WantedProvision { name, arguments } in &preset.provisions {
            let arguments = arguments.iter().map(|argument| data(argument.evaluate(device)));
            let provision = Provision { name: name.clone(), arguments: arguments.collect() };
            let mut channels = BTreeSet::from([preset.channel.clone()]);
            let known = selected.iter().position(|selected| selected.provision == provision);
            if let Some(place) = known {
                channels.extend(selected.remove(place).channels);
            }
            selected.push(Selected { provision, channels });
        }
    }
    selected
}

fn data(value: Value) -> Data {
    match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(value),
        Value::Number(number) => Data::Number(number),
        Value::Text(text) => Data::Text(text),
    }
}
