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
        let events = event_names(session.events);
        let has_events =
            self.events.iter().all(|(name, wanted)| events.contains(&event_name(name)) == *wanted);
        let is_due = |schedule: &Schedule| schedule.holds(session.time, session.zone);
        has_events && self.schedule.as_ref().is_none_or(is_due)
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
fn event_name(name: &str) -> String {
    name.replace(' ', "_")
}

fn event_names(events: &BTreeSet<String>) -> BTreeSet<String> {
    events.iter().map(|name| event_name(name)).collect()
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

/// The provisions of a session: those of all presets that hold, in the order of the presets, which
/// are [`sort`]ed. One that is wanted twice comes once, at its last place, for all its channels.
pub fn select<'p>(
    presets: impl IntoIterator<Item = &'p Preset>,
    session: Session<'_>,
    device: &dyn Context,
) -> Vec<Selected> {
    let mut selected: Vec<Selected> = Vec::new();
    for preset in presets.into_iter().filter(|preset| preset.may_hold(session)) {
        if !preset.precondition.evaluate(device).is_true() {
            continue;
        }
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
