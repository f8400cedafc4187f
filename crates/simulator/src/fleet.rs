//! A fleet that holds a number of sessions as fast as the server allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use drover_cpe::{Endpoint, Model, SessionSettings};
use drover_cwmp::event::EventCode;
use tokio::task::JoinSet;

use crate::config::{Error, FleetConfig};
use crate::device::{self, Dice, Time, hold_session};
use crate::histogram::Histogram;
use crate::limits::PROGRESS_INTERVAL;
use crate::process::Usage;
use crate::report::{Latency, Phase, ProcessCost, Report, per_session};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// `first contact` or `periodic`.
    pub phase: &'static str,
    /// Sessions held in this phase, failed ones included.
    pub done: u64,
    /// Sessions to hold in this phase.
    pub total: u64,
    /// Failed ones among them.
    pub failed: u64,
}

/// Lets every device hold its sessions: first all first contacts (`0 BOOTSTRAP`, `1 BOOT`), then
/// the periodic ones. `progress` is called about once a second.
///
/// The sessions run on the tokio runtime of the caller.
///
/// # Errors
/// [`Error`] when the fleet cannot be set up; sessions that fail are counted in the report.
pub async fn run(
    config: &FleetConfig,
    mut progress: impl FnMut(Progress),
) -> Result<Report, Error> {
    config.check()?;
    let measure = Meter::new(config.server_pid)?;
    let model = config.model()?;
    let mut workers = set_up(config, &model)?;
    let mut phases = Vec::new();
    phases.push(hold(&mut workers, "first contact", 1, &measure, &mut progress).await);
    let rounds = config.sessions_per_device.saturating_sub(1);
    if rounds > 0 {
        phases.push(hold(&mut workers, "periodic", rounds, &measure, &mut progress).await);
    }
    let (server, simulator) = measure.costs();
    Ok(Report {
        devices: config.devices,
        parameters_per_device: model.factory_parameter_count(),
        concurrency: workers.len(),
        sessions: phases.iter().map(|phase| phase.sessions).sum(),
        failures: phases.iter().map(|phase| phase.failures).sum(),
        phases,
        server,
        simulator,
    })
}

/// A part of the fleet whose devices hold their sessions one after the other.
struct Worker {
    devices: Vec<Endpoint>,
    dice: Dice,
    time: Time,
    settings: Arc<SessionSettings>,
    heeds_retry_after: bool,
    uptime_path: Option<String>,
}

fn set_up(config: &FleetConfig, model: &Arc<Model>) -> Result<Vec<Worker>, Error> {
    let time = Time::start();
    let settings = Arc::new(config.session_settings());
    let path = format!("{}.DeviceInfo.UpTime", model.root());
    let mut workers = Vec::new();
    for first in 0..config.concurrency.min(config.devices) {
        let mut dice = Dice::new()?;
        let mut devices = Vec::new();
        for index in (first..config.devices).step_by(config.concurrency) {
            let mut device = device::create(config, model, index)?;
            device.handle_boot(&time.now(), dice.roll());
            devices.push(Endpoint::new(device));
        }
        let uptime_path = devices
            .first()
            .and_then(|endpoint| endpoint.device().value(&path))
            .map(|_| path.clone());
        let settings = Arc::clone(&settings);
        let heeds_retry_after = config.heeds_retry_after;
        workers.push(Worker { devices, dice, time, settings, heeds_retry_after, uptime_path });
    }
    Ok(workers)
}

/// What one worker or all of them have counted.
#[derive(Default)]
struct Tally {
    sessions: u64,
    failures: u64,
    put_off: u64,
    errors: BTreeMap<String, u64>,
    rpcs: u64,
    latency: Histogram,
}

impl Tally {
    fn merge(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.failures += other.failures;
        self.put_off += other.put_off;
        self.rpcs += other.rpcs;
        self.latency.merge(&other.latency);
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
    }
}

/// What all workers have done so far.
#[derive(Default)]
struct Counters {
    done: AtomicU64,
    failed: AtomicU64,
}

async fn hold(
    workers: &mut Vec<Worker>,
    name: &'static str,
    rounds: u32,
    measure: &Meter,
    progress: &mut impl FnMut(Progress),
) -> Phase {
    let devices: u64 = workers.iter().map(|worker| worker.devices.len() as u64).sum();
    let total = devices * u64::from(rounds);
    let counters = Arc::new(Counters::default());
    let (before, started) = (measure.now(), Instant::now());
    let mut tasks = JoinSet::new();
    for worker in std::mem::take(workers) {
        tasks.spawn(worker.work(rounds, Arc::clone(&counters)));
    }
    let mut tally = Tally::default();
    let mut ticker = tokio::time::interval(PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            joined = tasks.join_next() => match joined {
                Some(Ok((worker, counted))) => {
                    workers.push(worker);
                    tally.merge(counted);
                }
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => break,
            },
            _ = ticker.tick() => progress(counters.progress(name, total)),
        }
    }
    progress(counters.progress(name, total));
    let elapsed = started.elapsed();
    let (server, simulator) = measure.since(before);
    tally.into_phase(name, elapsed, server, simulator)
}

impl Counters {
    fn progress(&self, phase: &'static str, total: u64) -> Progress {
        let done = self.done.load(Ordering::Relaxed);
        Progress { phase, done, total, failed: self.failed.load(Ordering::Relaxed) }
    }
}

impl Worker {
    async fn work(mut self, rounds: u32, counters: Arc<Counters>) -> (Self, Tally) {
        let mut tally = Tally::default();
        for _ in 0..rounds {
            for index in 0..self.devices.len() {
                let failed = self.hold_one(index, &mut tally).await;
                counters.done.fetch_add(1, Ordering::Relaxed);
                counters.failed.fetch_add(u64::from(failed), Ordering::Relaxed);
            }
        }
        (self, tally)
    }

    /// Says whether the session failed.
    async fn hold_one(&mut self, index: usize, tally: &mut Tally) -> bool {
        let endpoint = &mut self.devices[index];
        let now = self.time.now();
        let device = endpoint.device_mut();
        if !device.wants_session(&now) {
            device.add_event(EventCode::Periodic, "", &now);
        }
        if let Some(path) = &self.uptime_path {
            // The path was found to be there, and a number fits.
            let _ = device.update(path, &now.uptime.as_secs().to_string(), &now);
        }
        let started = Instant::now();
        let result = loop {
            let result = hold_session(endpoint, self.time, &mut self.dice, &self.settings).await;
            tally.rpcs += result.rpcs;
            match result.retry_after.filter(|_| self.heeds_retry_after) {
                // Its events are still there, so it reports them when it comes again.
                Some(wait) => {
                    tally.put_off += 1;
                    tokio::time::sleep(wait).await;
                }
                None => break result,
            }
        };
        match result.failure {
            None => {
                tally.sessions += 1;
                tally.latency.add(started.elapsed());
                false
            }
            Some(kind) => {
                tally.failures += 1;
                *tally.errors.entry(kind).or_default() += 1;
                true
            }
        }
    }
}

impl Tally {
    fn into_phase(
        self,
        name: &'static str,
        elapsed: Duration,
        server: Option<Duration>,
        simulator: Option<Duration>,
    ) -> Phase {
        let held = self.sessions + self.failures;
        Phase {
            name,
            sessions: self.sessions,
            failures: self.failures,
            put_off: self.put_off,
            errors: self.errors,
            rpcs: self.rpcs,
            seconds: elapsed.as_secs_f64(),
            sessions_per_second: self.sessions as f64 / elapsed.as_secs_f64().max(1e-9),
            latency: Latency::of(&self.latency),
            server_cpu_us_per_session: server.and_then(|cpu| per_session(cpu, held)),
            simulator_cpu_us_per_session: simulator.and_then(|cpu| per_session(cpu, held)),
        }
    }
}

/// Reads what the server and this process use.
struct Meter {
    server_pid: Option<u32>,
    start: Reading,
}

#[derive(Clone, Copy)]
struct Reading {
    server: Option<Usage>,
    simulator: Option<Usage>,
}

impl Meter {
    fn new(server_pid: Option<u32>) -> Result<Self, Error> {
        if let Some(pid) = server_pid
            && Usage::of(pid).is_none()
        {
            return Err(Error::NoProcess(pid));
        }
        Ok(Self { server_pid, start: Reading::take(server_pid) })
    }

    fn now(&self) -> Reading {
        Reading::take(self.server_pid)
    }

    /// CPU time of the server and of this process since a reading.
    fn since(&self, before: Reading) -> (Option<Duration>, Option<Duration>) {
        let now = self.now();
        let cpu =
            |now: Option<Usage>, before: Option<Usage>| Some(now?.cpu.saturating_sub(before?.cpu));
        (cpu(now.server, before.server), cpu(now.simulator, before.simulator))
    }

    fn costs(&self) -> (Option<ProcessCost>, Option<ProcessCost>) {
        let now = self.now();
        (cost(self.start.server, now.server), cost(self.start.simulator, now.simulator))
    }
}

impl Reading {
    fn take(server_pid: Option<u32>) -> Self {
        Self { server: server_pid.and_then(Usage::of), simulator: Usage::own() }
    }
}

fn cost(before: Option<Usage>, after: Option<Usage>) -> Option<ProcessCost> {
    let (before, after) = (before?, after?);
    Some(ProcessCost {
        cpu_seconds: after.cpu.saturating_sub(before.cpu).as_secs_f64(),
        resident_bytes_before: before.resident,
        resident_bytes_after: after.resident,
    })
}
