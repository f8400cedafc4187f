//! What was learnt of the ways to a device.

use std::time::Duration;

use jiff::Timestamp;
use md5::{Digest, Md5};

use super::{Method, ReachConfig};
use crate::expiring::{later, since};

/// Doublings after which a pause does not get longer, whatever its limit.
const DOUBLINGS_MAX: u8 = 20;

/// Why a device was not reached. The texts are those that clients of GenieACS know (compat 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Nothing listens there, or nothing came back in time, or there is no route.
    #[error("Device is offline")]
    Offline,
    /// The device refused user name or password.
    #[error("Incorrect connection request credentials")]
    Credentials,
    /// The device asks for basic, which is not allowed by configuration.
    #[error("Basic HTTP authentication not allowed")]
    BasicNotAllowed,
    /// The device offers no authentication that we know.
    #[error("Connection request error: unsupported authentication")]
    Authentication,
    /// The device has told no address.
    #[error("Invalid connection request URL: the device has told none")]
    NoAddress,
    /// The device has told an address that cannot be used (`CR-03`).
    #[error("Invalid connection request URL: it cannot be used")]
    InvalidAddress,
    /// The device is in a session or has had too many requests (`CR-09`, `CR-10`).
    #[error("Connection request error: the device is busy (status 503)")]
    Busy,
    /// The device answered with another status.
    #[error("Connection request error: unexpected response status {0}")]
    Status(u16),
    /// The device answered something that its protocol does not have.
    #[error("Connection request error: the answer is not understood")]
    NotUnderstood,
    /// The device accepted, and no session came (`CR-07`).
    #[error("Connection request error: the device accepted but began no session")]
    NoSession,
    /// The server cannot send: it has no XMPP connection, or no randomness.
    #[error("Connection request error: the server could not send it")]
    NotSent,
}

/// What was learnt of the ways to a device: plain numbers, for a store to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Of [`Method::Http`].
    pub http: MethodHistory,
    /// Of [`Method::Udp`].
    pub udp: MethodHistory,
    /// Of [`Method::Xmpp`].
    pub xmpp: MethodHistory,
}

/// What was learnt of one way to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodHistory {
    /// A part of the digest of the address for which this was learnt.
    pub address: u32,
    /// Until when it is not tried, in seconds since 1970; 0 when it can be.
    pub paused_until: u32,
    /// Why it failed last, since when it has not succeeded.
    pub reason: Option<Unreachable>,
    /// How well it works: 128 when nothing is known, more when it has worked.
    pub score: u8,
    /// Failures one after the other.
    pub failures: u8,
}

impl Default for MethodHistory {
    fn default() -> Self {
        Self { address: 0, paused_until: 0, reason: None, score: 128, failures: 0 }
    }
}

/// The reasons without a status of their own, in the order of their codes.
const REASONS: [Unreachable; 10] = [
    Unreachable::Offline,
    Unreachable::Credentials,
    Unreachable::BasicNotAllowed,
    Unreachable::Authentication,
    Unreachable::NoAddress,
    Unreachable::InvalidAddress,
    Unreachable::Busy,
    Unreachable::NotUnderstood,
    Unreachable::NoSession,
    Unreachable::NotSent,
];
/// The least HTTP status; smaller codes are places in the list of reasons.
const STATUS_MIN: u16 = 100;

impl Unreachable {
    /// A number for a store: an HTTP status, or less than 100 for the other reasons.
    pub fn code(self) -> u16 {
        let place = REASONS.iter().position(|reason| *reason == self);
        match (self, place.and_then(|place| u16::try_from(place).ok())) {
            (Self::Status(status), _) => status.max(STATUS_MIN),
            (_, place) => place.unwrap_or_default(),
        }
    }

    /// The reason with this number; `None` when none has it.
    pub fn from_code(code: u16) -> Option<Self> {
        match code {
            STATUS_MIN.. => Some(Self::Status(code)),
            _ => REASONS.get(usize::from(code)).copied(),
        }
    }

    /// Whether trying again is of no use until something is changed.
    pub(super) fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Credentials | Self::BasicNotAllowed | Self::Authentication | Self::InvalidAddress
        )
    }

    /// How much it says to someone who wants to mend it: of several reasons, the one with most is
    /// told.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Credentials | Self::BasicNotAllowed | Self::Authentication => 4,
            Self::NoSession | Self::Busy => 3,
            Self::Status(_) | Self::NotUnderstood => 2,
            Self::Offline => 1,
            Self::InvalidAddress | Self::NoAddress | Self::NotSent => 0,
        }
    }
}

impl History {
    pub(super) fn way(&self, method: Method) -> MethodHistory {
        match method {
            Method::Http => self.http,
            Method::Udp => self.udp,
            Method::Xmpp => self.xmpp,
        }
    }

    pub(super) fn way_mut(&mut self, method: Method) -> &mut MethodHistory {
        match method {
            Method::Http => &mut self.http,
            Method::Udp => &mut self.udp,
            Method::Xmpp => &mut self.xmpp,
        }
    }

    pub(super) fn each(&mut self, change: impl Fn(&mut MethodHistory)) {
        Method::ALL.into_iter().for_each(|method| change(self.way_mut(method)));
    }
}

impl MethodHistory {
    /// For how long it is not tried; never longer than `longest`, in case the clock has gone back.
    pub(super) fn pause(&self, now: Timestamp, longest: Duration) -> Option<Duration> {
        let until = Timestamp::from_second(self.paused_until.into()).unwrap_or_default();
        let pause = since(now, until);
        (!pause.is_zero() && pause <= longest).then_some(pause)
    }

    pub(super) fn succeeded(&mut self) {
        let room = u8::MAX.saturating_sub(self.score);
        self.score = self.score.saturating_add(room.div_ceil(2));
        self.forgive();
    }

    pub(super) fn failed(&mut self, reason: Unreachable, config: &ReachConfig, now: Timestamp) {
        self.score = self.score.saturating_sub(self.score.div_ceil(4));
        let factor = 1_u32.checked_shl(self.failures.min(DOUBLINGS_MAX).into());
        self.failures = self.failures.saturating_add(1);
        self.reason = Some(reason);
        let pause = if reason.is_refusal() {
            config.refused_pause
        } else {
            config.pause_min.saturating_mul(factor.unwrap_or(u32::MAX)).min(config.pause_max)
        };
        let until = later(now, pause).as_second();
        self.paused_until = u32::try_from(until.max(0)).unwrap_or(u32::MAX);
    }

    /// It can be tried again.
    pub(super) fn forgive(&mut self) {
        (self.paused_until, self.failures, self.reason) = (0, 0, None);
    }

    /// What was learnt of another address is no longer true.
    pub(super) fn set_address(&mut self, address: &str) {
        let digest = Md5::digest(address.as_bytes());
        let digest = digest.iter().take(4).fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        if digest != self.address {
            *self = Self { address: digest, ..Self::default() };
        }
    }
}
