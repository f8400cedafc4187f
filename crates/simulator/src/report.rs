//! What a run has shown, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::histogram::Histogram;

/// What a run has shown. It prints as a table; `serde` makes JSON of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Devices of the fleet.
    pub devices: usize,
    /// Parameters of each device.
    pub parameters_per_device: usize,
    /// Sessions that went on at one time at most.
    pub concurrency: usize,
    /// First contacts, then periodic sessions.
    pub phases: Vec<Phase>,
    /// Successful sessions of all phases.
    pub sessions: u64,
    /// Failed sessions of all phases.
    pub failures: u64,
    /// The server whose process ID was given.
    pub server: Option<ProcessCost>,
    /// This process.
    pub simulator: Option<ProcessCost>,
}

/// Sessions of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// `first contact` or `periodic`.
    pub name: &'static str,
    /// Successful sessions.
    pub sessions: u64,
    /// Failed sessions.
    pub failures: u64,
    /// Failed sessions by kind, such as `http 503`, `connect`, `fault 8001`.
    pub errors: BTreeMap<String, u64>,
    /// Times that a device was told to come again and did.
    pub put_off: u64,
    /// Requests of the server that devices executed.
    pub rpcs: u64,
    /// How long the phase took, in seconds.
    pub seconds: f64,
    /// Successful sessions in a second.
    pub sessions_per_second: f64,
    /// How long successful sessions took, with the time that they were put off.
    pub latency: Latency,
    /// CPU time of the server for one session, in microseconds.
    pub server_cpu_us_per_session: Option<f64>,
    /// CPU time of this process for one session, in microseconds.
    pub simulator_cpu_us_per_session: Option<f64>,
}

/// How long sessions took, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Half of them were faster.
    pub p50_ms: f64,
    /// 90 % of them were faster.
    pub p90_ms: f64,
    /// 99 % of them were faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// What a process cost over the whole run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ProcessCost {
    /// CPU time in user mode and in the kernel, in seconds.
    pub cpu_seconds: f64,
    /// Resident bytes before the first session.
    pub resident_bytes_before: u64,
    /// Resident bytes after the last session.
    pub resident_bytes_after: u64,
}

impl Latency {
    pub(crate) fn of(histogram: &Histogram) -> Self {
        Self {
            p50_ms: histogram.quantile_ms(500),
            p90_ms: histogram.quantile_ms(900),
            p99_ms: histogram.quantile_ms(990),
            max_ms: histogram.longest_ms(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} devices, {} parameters each, at most {} sessions at one time",
            self.devices, self.parameters_per_device, self.concurrency
        )?;
        writeln!(
            f,
            "\n{:<14} {:>9} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8} {:>11}",
            "phase",
            "sessions",
            "failed",
            "RPCs",
            "per s",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "max ms",
            "server CPU"
        )?;
        for phase in &self.phases {
            writeln!(f, "{phase}")?;
        }
        for phase in self.phases.iter().filter(|phase| phase.put_off > 0) {
            writeln!(
                f,
                "{} times in {}, a device was told to come again",
                phase.put_off, phase.name
            )?;
        }
        for (phase, kind, count) in self.errors() {
            writeln!(f, "{count} sessions failed in {phase}: {kind}")?;
        }
        for (name, cost) in [("server", self.server), ("simulator", self.simulator)] {
            if let Some(cost) = cost {
                writeln!(f, "{name:<9} {cost}")?;
            }
        }
        Ok(())
    }
}

impl Report {
    fn errors(&self) -> impl Iterator<Item = (&'static str, &str, u64)> {
        self.phases.iter().flat_map(|phase| {
            phase.errors.iter().map(|(kind, count)| (phase.name, kind.as_str(), *count))
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50_ms, p90_ms, p99_ms, max_ms } = self.latency;
        let cpu = self.server_cpu_us_per_session;
        let cpu = cpu.map_or_else(|| "-".to_owned(), |micros| format!("{micros:.0} µs"));
        write!(
            f,
            "{:<14} {:>9} {:>8} {:>8} {:>9.0} {p50_ms:>8.2} {p90_ms:>8.2} {p99_ms:>8.2} \
             {max_ms:>8.2} {cpu:>11}",
            self.name, self.sessions, self.failures, self.rpcs, self.sessions_per_second
        )
    }
}

impl fmt::Display for ProcessCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} s CPU, {:.1} MiB resident ({:.1} MiB before)",
            self.cpu_seconds,
            mebibytes(self.resident_bytes_after),
            mebibytes(self.resident_bytes_before)
        )
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// Microseconds of CPU time for one session; `None` without sessions.
pub(crate) fn per_session(cpu: Duration, sessions: u64) -> Option<f64> {
    (sessions > 0).then(|| cpu.as_secs_f64() * 1e6 / sessions as f64)
}
