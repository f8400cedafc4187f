//! Channels: what fails together, waits, and is tried again (compat 2.10).
//!
//! Provisions of one channel run together. A fault blocks the channels of the batch that failed:
//! each waits for the retry delay, twice as long after each further fault, while the others go on.
//! When several channels share a batch that fails, each is tried alone at once, so that only the
//! guilty one stays blocked.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::engine::Provision;
use crate::preset::Selected;
use crate::script::Fault;

/// Retries after which the wait does not get longer: with five minutes, that is two weeks.
const DOUBLINGS_MAX: u32 = 12;

/// How much later than the beginning of its session a fault may come.
const SESSION_MAX: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

/// A fault that blocks a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelFault {
    /// What went wrong.
    pub fault: Fault,
    /// When it did last.
    pub time: Timestamp,
    /// How often it was tried again.
    pub retries: u32,
    /// Whether it is tried again at once, alone: others failed with it.
    pub retry_now: bool,
    /// Whether parameters of a precondition could not be read.
    pub precondition: bool,
    /// What is to be run then, with what is wanted at that time.
    pub provisions: Vec<Provision>,
}

/// Provisions to run together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChannelBatch {
    /// The channels that want them.
    pub channels: BTreeSet<String>,
    /// What they want, in its order.
    pub provisions: Vec<Selected>,
}

/// The channels of a device that are blocked. What is not here is free.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Channels {
    faults: BTreeMap<String, ChannelFault>,
}

impl ChannelFault {
    /// Whether it is tried again now, for a delay after the first fault. One that lies ahead of
    /// the session comes from a clock that was ahead, and nobody knows how long ago it was.
    pub fn is_due(&self, retry_delay: jiff::SignedDuration, now: Timestamp) -> bool {
        let is_ahead = now.saturating_add(SESSION_MAX).is_ok_and(|latest| self.time > latest);
        self.retry_now || self.due(retry_delay) <= now || is_ahead
    }

    /// When it is tried again, for a delay after the first fault.
    pub fn due(&self, retry_delay: jiff::SignedDuration) -> Timestamp {
        let factor = 1i32.checked_shl(self.retries.min(DOUBLINGS_MAX)).unwrap_or(i32::MAX);
        let wait = retry_delay.checked_mul(factor).unwrap_or(jiff::SignedDuration::MAX);
        self.time.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }
}

impl Channels {
    /// Channels with faults, as they were stored.
    pub fn new(faults: BTreeMap<String, ChannelFault>) -> Self {
        Self { faults }
    }

    /// The channels that are blocked, and why.
    pub fn faults(&self) -> &BTreeMap<String, ChannelFault> {
        &self.faults
    }

    /// Forgets a fault, as a user does who deletes it. Whether there was one.
    pub fn delete(&mut self, channel: &str) -> bool {
        self.faults.remove(channel).is_some()
    }

    /// What is to be run next of what presets want; `None` when nothing is.
    ///
    /// First come, one by one, the channels that are due again, with what they could not do; then
    /// all that are free together. A provision that a blocked channel wants is kept for it.
    pub fn next(
        &mut self,
        wanted: &[Selected],
        now: Timestamp,
        retry_delay: jiff::SignedDuration,
    ) -> Option<ChannelBatch> {
        let due = self.faults.iter().find(|(_, fault)| fault.is_due(retry_delay, now));
        if let Some((channel, fault)) = due {
            let mut batch = ChannelBatch::default();
            batch.channels.insert(channel.clone());
            let stored = fault.provisions.iter();
            let fresh = wanted.iter().filter(|selected| selected.channels.contains(channel));
            for provision in stored.chain(fresh.map(|selected| &selected.provision)) {
                batch.provisions.retain(|known| known.provision != *provision);
                let channels = BTreeSet::from([channel.clone()]);
                batch.provisions.push(Selected { provision: provision.clone(), channels });
            }
            return Some(batch);
        }
        let mut batch = ChannelBatch::default();
        for Selected { provision, channels } in wanted {
            let mut free = BTreeSet::new();
            for channel in channels {
                match self.faults.get_mut(channel) {
                    None => drop(free.insert(channel.clone())),
                    Some(fault) if fault.provisions.contains(provision) => {}
                    Some(fault) => fault.provisions.push(provision.clone()),
                }
            }
            if !free.is_empty() {
                batch.channels.extend(free.iter().cloned());
                batch.provisions.push(Selected { provision: provision.clone(), channels: free });
            }
        }
        (!batch.provisions.is_empty()).then_some(batch)
    }

    /// Whether presets of a channel are not looked at: the parameters of their preconditions could
    /// not be read, and it is not yet time to try again.
    pub fn is_unread(
        &self,
        channel: &str,
        now: Timestamp,
        retry_delay: jiff::SignedDuration,
    ) -> bool {
        let fault = self.faults.get(channel);
        fault.is_some_and(|fault| fault.precondition && !fault.is_due(retry_delay, now))
    }

    /// Takes that the parameters of preconditions could not be read: the channels of these presets
    /// are blocked.
    pub fn unread(&mut self, channels: &BTreeSet<String>, fault: &Fault, now: Timestamp) {
        for channel in channels {
            let earlier = self.faults.get(channel);
            let fault = ChannelFault {
                fault: fault.clone(),
                time: now,
                retries: earlier.map_or(0, |earlier| earlier.retries.saturating_add(1)),
                retry_now: false,
                precondition: true,
                provisions: earlier.map(|it| it.provisions.clone()).unwrap_or_default(),
            };
            self.faults.insert(channel.clone(), fault);
        }
    }

    /// Takes that a batch is done: its channels are free.
    pub fn succeeded(&mut self, batch: &ChannelBatch) {
        self.faults.retain(|channel, _| !batch.channels.contains(channel));
    }

    /// Takes that a batch failed: its channels are blocked. If there are several, each is to be
    /// tried alone, which is no retry yet.
    pub fn failed(&mut self, batch: &ChannelBatch, fault: &Fault, now: Timestamp) {
        let retry_now = batch.channels.len() > 1;
        for channel in &batch.channels {
            let of_channel = batch.provisions.iter().filter(|it| it.channels.contains(channel));
            let provisions = of_channel.map(|selected| selected.provision.clone()).collect();
            let earlier = self.faults.get(channel).filter(|earlier| !earlier.retry_now);
            let retries = earlier.map_or(0, |earlier| earlier.retries.saturating_add(1));
            let fault = ChannelFault {
                fault: fault.clone(),
                time: now,
                retries,
                retry_now,
                precondition: false,
                provisions,
            };
            self.faults.insert(channel.clone(), fault);
        }
    }
}
