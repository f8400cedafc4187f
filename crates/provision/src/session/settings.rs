//! How sessions run scripts.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::recorder::Recording;
use crate::batch::Knowledge;
use crate::engine::{Config, Discovery};
use crate::files::Files;
use crate::limits::NAMES_PER_REQUEST;
use crate::rules::Rules;
use crate::script::Budget;
use crate::secret::Sealer;

/// How values are written in requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// Booleans are `true` and `false`, and not 1 and 0 (`cwmp.booleanLiteral`).
    pub boolean_literal: bool,
    /// Times have milliseconds (`cwmp.datetimeMilliseconds`).
    pub datetime_milliseconds: bool,
}

/// How sessions run the scripts of presets. The defaults are those of GenieACS (compat 4.4).
#[derive(Debug, Clone)]
pub struct Settings {
    /// The zone of schedules and of `Date.now` with a cron schedule.
    pub zone: TimeZone,
    /// How long each run of a script may take.
    pub budget: Budget,
    /// Whether scripts can catch a commit, as in GenieACS.
    pub catches_commit: bool,
    /// Commits of one batch of provisions at most (`cwmp.maxCommitIterations`).
    pub commits_max: usize,
    /// How long a channel is blocked after its first fault (`cwmp.retryDelay`).
    pub retry_delay: SignedDuration,
    /// Parameters that one request reads or sets at most (`cwmp.gpvBatchSize`).
    pub batch_size: usize,
    /// Whether values that a device refuses are set aside, so that the others arrive. Otherwise the
    /// refusal of one is a fault, as in GenieACS.
    pub heals: bool,
    /// How devices are read.
    pub discovery: Discovery,
    /// Whether the root is taken from the Inform, and not asked for with an empty path, which makes
    /// some devices crash (quirk 25, `cwmp.skipRootGpn`).
    pub skip_root: bool,
    /// Whether parameters are set of which the device has said that nobody can
    /// (`cwmp.skipWritableCheck`).
    pub skip_writable_check: bool,
    /// How values are written.
    pub writing: Writing,
    /// Where files are that devices load; without it a download is a fault.
    pub files: Option<Files>,
    /// Seconds after which a transfer that a device has not reported has failed
    /// (`cwmp.downloadTimeout`).
    pub transfer_timeout: u32,
    /// Whether it went well then (`cwmp.downloadSuccessOnTimeout`).
    pub success_on_timeout: bool,
    /// Seconds without a POST after which a session has failed, where they are another than the
    /// shell's (`cwmp.sessionTimeout`).
    pub session_timeout: Option<u32>,
    /// Which sessions are recorded.
    pub recording: Recording,
}

impl Settings {
    /// What the engine needs for a batch of provisions.
    pub(super) fn engine(
        &self,
        rules: &Rules,
        session: Timestamp,
        cycle: u8,
        known: Knowledge,
        sealer: Sealer,
    ) -> Config {
        Config {
            sealer,
            cycle,
            scripts: rules.provisions.clone(),
            virtual_parameters: rules.virtual_parameters.clone(),
            zone: self.zone.clone(),
            budget: self.budget,
            catches_commit: self.catches_commit,
            batch_size: self.batch_size,
            commits_max: self.commits_max,
            heals: self.heals,
            skips_writable_check: self.skip_writable_check,
            guilty: known.guilt,
            discovery: self.discovery,
            discovery_limits: known.discovery,
            ..Config::new(session.as_millisecond())
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            budget: Budget::default(),
            catches_commit: false,
            commits_max: 32,
            retry_delay: SignedDuration::from_secs(300),
            batch_size: NAMES_PER_REQUEST,
            heals: true,
            discovery: Discovery::default(),
            skip_root: true,
            skip_writable_check: false,
            writing: Writing { boolean_literal: true, datetime_milliseconds: true },
            files: None,
            transfer_timeout: 3600,
            success_on_timeout: false,
            session_timeout: None,
            recording: Recording::default(),
        }
    }
}
