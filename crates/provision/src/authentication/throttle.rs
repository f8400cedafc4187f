//! Slowing down who sends wrong passwords (`SEC-02`).

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::expiring::{Expiring, later, since};
use crate::key::DeviceKey;
use crate::limits::AUTH_THROTTLED_MAX;

/// Doublings after which a wait does not get longer, whatever its limit.
const DOUBLINGS_MAX: u32 = 20;

/// How wrong passwords are slowed down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// Wrong passwords for one device that cost nothing.
    pub free_per_device: u32,
    /// Wrong passwords from one address that cost nothing; many devices may share one.
    pub free_per_address: u32,
    /// How long nothing is looked at after the next one. It doubles with each further one.
    pub wait_min: Duration,
    /// The longest such time.
    pub wait_max: Duration,
    /// How long after that all is forgotten, when no further one comes.
    pub forget_after: Duration,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            free_per_device: 5,
            free_per_address: 50,
            wait_min: Duration::from_secs(1),
            wait_max: Duration::from_mins(5),
            forget_after: Duration::from_mins(15),
        }
    }
}

/// Where a password comes from, and for which device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    device: u64,
    network: u128,
    is_home: bool,
}

impl Source {
    /// `home` is from where the device last proved who it is.
    pub(super) fn new(key: &DeviceKey, address: IpAddr, home: Option<IpAddr>) -> Self {
        let network = network(address);
        let is_home = home.is_some_and(|home| self::network(home) == network);
        Self { device: key.digest(), network, is_home }
    }

    /// What is counted. A neighbour behind the same address cannot keep the device out of its home.
    fn subjects(self) -> impl Iterator<Item = Subject> {
        let network = (!self.is_home).then_some(Subject::Network(self.network));
        [self.pair(), Subject::Device(self.device)].into_iter().chain(network)
    }

    fn pair(self) -> Subject {
        Subject::Pair(self.device, self.network)
    }
}

/// An address that one customer can change at will counts as one: the /64 of an IPv6 address.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

/// Of what wrong passwords are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Device(u64),
    Network(u128),
    /// A device at an address.
    Pair(u64, u128),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// Until when nothing is looked at.
    until: Timestamp,
    last: Timestamp,
}

/// Wrong passwords by device and by address; of at most [`AUTH_THROTTLED_MAX`] of them.
#[derive(Debug)]
pub(super) struct Throttle {
    config: ThrottleConfig,
    failures: Expiring<Subject, Failures>,
}

impl Throttle {
    pub(super) const fn new(config: ThrottleConfig) -> Self {
        Self { config, failures: Expiring::new(AUTH_THROTTLED_MAX) }
    }

    pub(super) fn configure(&mut self, config: ThrottleConfig) {
        self.config = config;
    }

    /// For how long nothing from there is looked at.
    ///
    /// A device is always listened to where no wrong password for it has come from: it may have
    /// moved while somebody else guesses in its name.
    pub(super) fn wait(&self, source: Source, now: Timestamp) -> Option<Duration> {
        let has_guessed = self.failures.get(&source.pair()).is_some();
        let counts = |subject: &Subject| has_guessed || !matches!(subject, Subject::Device(_));
        let known = source.subjects().filter(counts);
        let known = known.filter_map(|subject| self.failures.get(&subject));
        let waits = known.map(|failures| {
            // When the clock has gone back, the wait is no longer than it was meant to be.
            let meant = since(failures.last, failures.until);
            since(now, failures.until).min(meant)
        });
        waits.max().filter(|wait| !wait.is_zero())
    }

    /// Counts a wrong password, and says for how long nothing more is looked at.
    pub(super) fn failed(&mut self, source: Source, now: Timestamp) -> Option<Duration> {
        while self.failures.pop(now).is_some() {}
        for subject in source.subjects() {
            let known = self.failures.remove(&subject);
            let count = known.map_or(0, |known| known.count).saturating_add(1);
            let until = later(now, self.wait_after(subject, count));
            if self.failures.is_full() {
                // The one that says the least.
                self.failures.pop(Timestamp::MAX);
            }
            let end = later(until, self.config.forget_after);
            self.failures.insert(subject, Failures { count, until, last: now }, end);
        }
        self.wait(source, now)
    }

    /// Forgets the wrong passwords of a device. Those of an address stay: whoever guesses there may
    /// have a device of its own.
    pub(super) fn succeeded(&mut self, source: Source) {
        self.failures.remove(&source.pair());
        self.failures.remove(&Subject::Device(source.device));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.failures.len()
    }

    fn wait_after(&self, subject: Subject, count: u32) -> Duration {
        let free = match subject {
            Subject::Network(_) => self.config.free_per_address,
            Subject::Device(_) | Subject::Pair(..) => self.config.free_per_device,
        };
        let Some(costly) = count.checked_sub(free.saturating_add(1)) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(costly.min(DOUBLINGS_MAX)).unwrap_or(u32::MAX);
        self.config.wait_min.saturating_mul(factor).min(self.config.wait_max)
    }
}
