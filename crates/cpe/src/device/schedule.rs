//! When a device calls by the clock (`CONN-07`, `CONN-08`, `SI-01` to `SI-03`).

use std::time::Duration;

use drover_cwmp::event::EventCode;
use drover_cwmp::message::ScheduleInform;
use drover_cwmp::{DateTime, parse_boolean, parse_integer};

use super::Device;
use crate::clock::{Clock, wait_for_phase};
use crate::limits::{
    CLOCK_STEP_SECONDS, PERIODIC_GUARD, PERIODIC_INTERVAL_SECONDS_MIN, SCHEDULED_INFORMS_MAX,
};
use crate::model::Role;

const NANOSECONDS: i128 = 1_000_000_000;

/// What the clock has to bring.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Uptime of the next Periodic Inform.
    periodic: Option<Duration>,
    /// Uptime that gives the phase where no absolute time does.
    phase: Duration,
    /// Unix seconds at uptime zero when `periodic` was reckoned, to notice when the clock is set.
    boot_second: Option<i64>,
    /// ScheduleInform calls that wait.
    informs: Vec<ScheduledInform>,
}

/// A ScheduleInform that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScheduledInform {
    /// Uptime at which it is due.
    pub(super) due: Duration,
    pub(super) command_key: Box<str>,
}

impl Schedule {
    /// `false` when too many wait already (`SI-03`).
    pub(super) fn add_inform(&mut self, request: &ScheduleInform, now: &Clock) -> bool {
        let delay = Duration::from_secs(request.delay_seconds.into());
        let due = now.uptime.saturating_add(delay);
        self.restore_inform(due, &request.command_key)
    }

    pub(super) fn restore_inform(&mut self, due: Duration, command_key: &str) -> bool {
        let has_room = self.informs.len() < SCHEDULED_INFORMS_MAX;
        if has_room {
            self.informs.push(ScheduledInform { due, command_key: command_key.into() });
        }
        has_room
    }

    pub(super) fn informs(&self) -> &[ScheduledInform] {
        &self.informs
    }

    pub(super) fn clear_informs(&mut self) {
        self.informs.clear();
    }

    fn next(&self) -> Option<Duration> {
        let informs = self.informs.iter().map(|inform| inform.due);
        informs.chain(self.periodic).min()
    }
}

impl Device {
    /// Uptime at which [`handle_timeout`](Self::handle_timeout) has something to do or a session
    /// is wanted, if nothing else happens before; `None` for never. It may lie in the past.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let session = if self.running.is_none() { self.session_due() } else { None };
        let timers = if self.booted { self.schedule.next() } else { None };
        timers.into_iter().chain(session).min()
    }

    /// Time has passed: events that are due now are noted.
    pub fn handle_timeout(&mut self, now: &Clock) {
        if !self.booted {
            return;
        }
        self.handle_clock_step(now);
        if self.schedule.periodic.is_some_and(|due| due <= now.uptime) {
            self.add_event(EventCode::Periodic, "", now);
            // A wall clock that is slowed down a little reaches the same moment once more.
            let interval = Duration::from_secs(self.periodic_interval_seconds().into());
            self.reckon_periodic(now, PERIODIC_GUARD.min(interval / 2));
        }
        while let Some(index) =
            self.schedule.informs.iter().position(|inform| inform.due <= now.uptime)
        {
            let inform = self.schedule.informs.remove(index);
            self.add_event(EventCode::MScheduleInform, &inform.command_key, now);
            // One for all that are due together (`SI-02`).
            self.add_event(EventCode::Scheduled, "", now);
        }
    }

    /// Chooses the phase of Periodic Informs where no absolute time does, so that a fleet that was
    /// switched on together does not call together.
    pub(super) fn start_schedule(&mut self, now: &Clock, entropy: u64) {
        let interval = u128::from(self.periodic_interval_seconds()) * NANOSECONDS.unsigned_abs();
        let share = interval * u128::from(entropy) / (u128::from(u64::MAX) + 1);
        let wait = Duration::from_nanos(u64::try_from(interval - share).unwrap_or(u64::MAX));
        self.schedule.phase = now.uptime.saturating_add(wait);
        self.reckon_periodic(now, Duration::ZERO);
    }

    /// Whether anything the schedule depends on was set by the ACS or the shell: it takes effect
    /// at once (`CONN-07`).
    pub(super) fn handle_schedule_change(&mut self, now: &Clock) {
        if self.booted {
            self.reckon_periodic(now, Duration::ZERO);
        }
    }

    fn handle_clock_step(&mut self, now: &Clock) {
        let stepped = match (now.boot_second(), self.schedule.boot_second) {
            (Some(new), Some(old)) => new.abs_diff(old) > CLOCK_STEP_SECONDS.unsigned_abs(),
            (new, old) => new.is_some() != old.is_some(),
        };
        let is_due = self.schedule.periodic.is_some_and(|due| due <= now.uptime);
        if stepped && !is_due {
            self.reckon_periodic(now, Duration::ZERO);
        }
    }

    /// The next moment of the phase that is more than `guard` away.
    fn reckon_periodic(&mut self, now: &Clock, guard: Duration) {
        self.schedule.boot_second = now.boot_second();
        let enabled = self.tree.role_text(Role::PeriodicInformEnable);
        if enabled.and_then(|text| parse_boolean(&text)) != Some(true) {
            self.schedule.periodic = None;
            return;
        }
        let interval = i128::from(self.periodic_interval_seconds()) * NANOSECONDS;
        let reference = self.periodic_reference();
        let (reference, moment) = match (now.wall, reference) {
            (Some(wall), Some(reference)) => (reference.as_nanosecond(), wall.as_nanosecond()),
            _ => (nanoseconds(self.schedule.phase), nanoseconds(now.uptime)),
        };
        let wait = guard + wait_for_phase(reference, interval, moment + nanoseconds(guard));
        self.schedule.periodic = Some(now.uptime.saturating_add(wait));
    }

    /// `PeriodicInformTime`, unless it is unknown or relative.
    fn periodic_reference(&self) -> Option<jiff::Timestamp> {
        let text = self.tree.role_text(Role::PeriodicInformTime)?;
        text.parse::<DateTime>().ok()?.timestamp()
    }

    fn periodic_interval_seconds(&self) -> u32 {
        let text = self.tree.role_text(Role::PeriodicInformInterval);
        let seconds = text.and_then(|text| parse_integer::<u32>(&text)).unwrap_or(3600);
        seconds.max(PERIODIC_INTERVAL_SECONDS_MIN)
    }
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}
