//! What the server counts, for Prometheus and its like.
//!
//! Each server counts for itself, so that several can live in one process. No label has a value
//! that a peer chooses: the number of lines is bounded.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Something that happens, and is counted from the start of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    SessionBegun,
    SessionComplete,
    SessionFailed,
    SessionPutOff,
    WrongCredentials,
    WrongIdentity,
    ConnectionRequest,
    ConnectionRequestFailed,
    FileSent,
    FileReceived,
}

impl Event {
    const ALL: [Self; 10] = [
        Self::SessionBegun,
        Self::SessionComplete,
        Self::SessionFailed,
        Self::SessionPutOff,
        Self::WrongCredentials,
        Self::WrongIdentity,
        Self::ConnectionRequest,
        Self::ConnectionRequestFailed,
        Self::FileSent,
        Self::FileReceived,
    ];

    /// The name of the metric and what it means.
    const fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::SessionBegun => {
                ("drover_sessions_begun_total", "Sessions whose Inform was taken")
            }
            Self::SessionComplete => {
                ("drover_sessions_complete_total", "Sessions that came to their proper end")
            }
            Self::SessionFailed => ("drover_sessions_failed_total", "Sessions that did not"),
            Self::SessionPutOff => {
                ("drover_sessions_put_off_total", "Informs answered 503 because too many came")
            }
            Self::WrongCredentials => {
                ("drover_wrong_credentials_total", "Requests of devices with a wrong login")
            }
            Self::WrongIdentity => {
                ("drover_wrong_identity_total", "Informs of a device that its login is not for")
            }
            Self::ConnectionRequest => {
                ("drover_connection_requests_total", "Connection requests that devices took")
            }
            Self::ConnectionRequestFailed => {
                ("drover_connection_requests_failed_total", "Connection requests that failed")
            }
            Self::FileSent => ("drover_files_sent_total", "Files, or parts of them, begun to send"),
            Self::FileReceived => ("drover_files_received_total", "Files that devices uploaded"),
        }
    }
}

/// A listener that refuses requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Listener {
    Cwmp,
    Files,
    Nbi,
}

impl Listener {
    const fn name(self) -> &'static str {
        match self {
            Self::Cwmp => "cwmp",
            Self::Files => "files",
            Self::Nbi => "nbi",
        }
    }
}

/// Upper ends of the buckets of times, in milliseconds.
const BUCKETS: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 500, 2_500, 10_000];

/// All counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    events: [AtomicU64; Event::ALL.len()],
    /// By status; requests that were refused.
    refused: Mutex<BTreeMap<(Listener, u16), u64>>,
    /// One more than there are ends, for what takes longer.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

/// What is so at this moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) sessions_open: usize,
    pub(crate) sessions_limit: u32,
    pub(crate) devices_waiting: usize,
}

impl Meters {
    pub(crate) fn count(&self, event: Event) {
        if let Some(counter) = self.events.get(event as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn refuse(&self, listener: Listener, status: u16) {
        // No code panics while it holds the lock.
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry((listener, status)).or_default() += 1;
    }

    /// A request of a device took us this long.
    pub(crate) fn took(&self, time: Duration) {
        let millis = time.as_millis();
        let bucket = BUCKETS.iter().position(|end| millis < u128::from(*end));
        if let Some(count) = self.buckets.get(bucket.unwrap_or(BUCKETS.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The text form of Prometheus, version 0.0.4.
    pub(crate) fn text(&self, now: Now) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut text, now);
        text
    }

    fn write(&self, text: &mut String, now: Now) -> fmt::Result {
        let Now { sessions_open, sessions_limit, devices_waiting } = now;
        let version = env!("CARGO_PKG_VERSION");
        head(text, "drover_info", "gauge", "The version that runs")?;
        writeln!(text, "drover_info{{version=\"{version}\"}} 1")?;
        for (name, help, value) in [
            ("drover_sessions_open", "Sessions that go on", sessions_open as u64),
            ("drover_sessions_limit", "Sessions that may go on now", sessions_limit.into()),
            ("drover_devices_waiting", "Devices that were put off", devices_waiting as u64),
        ] {
            head(text, name, "gauge", help)?;
            writeln!(text, "{name} {value}")?;
        }
        for (event, counter) in Event::ALL.iter().zip(&self.events) {
            let (name, help) = event.described();
            head(text, name, "counter", help)?;
            writeln!(text, "{name} {}", counter.load(Ordering::Relaxed))?;
        }
        let name = "drover_requests_refused_total";
        head(text, name, "counter", "Requests that were answered with an error")?;
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((listener, status), count) in refused {
            let listener = listener.name();
            writeln!(text, "{name}{{listener=\"{listener}\",status=\"{status}\"}} {count}")?;
        }
        let name = "drover_request_seconds";
        head(text, name, "histogram", "Our own work on a request of a device")?;
        let mut sum = 0;
        for (end, count) in BUCKETS.iter().zip(&self.buckets) {
            sum += count.load(Ordering::Relaxed);
            let (seconds, millis) = (end / 1000, end % 1000);
            writeln!(text, "{name}_bucket{{le=\"{seconds}.{millis:03}\"}} {sum}")?;
        }
        sum += self.buckets.last().map_or(0, |count| count.load(Ordering::Relaxed));
        writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {sum}")?;
        let micros = self.micros.load(Ordering::Relaxed);
        writeln!(text, "{name}_sum {}.{:06}", micros / 1_000_000, micros % 1_000_000)?;
        writeln!(text, "{name}_count {sum}")
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_own_counter() {
        let meters = Meters::default();
        for (index, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, index);
            (0..=index).for_each(|_| meters.count(event));
        }
        let text = meters.text(Now { sessions_open: 7, sessions_limit: 8, devices_waiting: 9 });
        for (index, event) in Event::ALL.into_iter().enumerate() {
            let line = format!("\n{} {}\n", event.described().0, index + 1);
            assert!(text.contains(&line), "{line}{text}");
        }
        for line in
            ["drover_sessions_open 7", "drover_sessions_limit 8", "drover_devices_waiting 9"]
        {
            assert!(text.contains(&format!("\n{line}\n")), "{text}");
        }
    }

    #[test]
    fn times_fall_into_their_buckets() {
        let meters = Meters::default();
        for micros in [0, 999, 1_000, 4_999, 10_000_000, 60_000_000] {
            meters.took(Duration::from_micros(micros));
        }
        meters.refuse(Listener::Files, 403);
        meters.refuse(Listener::Files, 403);
        let text = meters.text(Now { sessions_open: 0, sessions_limit: 0, devices_waiting: 0 });
        for line in [
            "drover_request_seconds_bucket{le=\"0.001\"} 2",
            "drover_request_seconds_bucket{le=\"0.002\"} 3",
            "drover_request_seconds_bucket{le=\"0.005\"} 4",
            "drover_request_seconds_bucket{le=\"10.000\"} 4",
            "drover_request_seconds_bucket{le=\"+Inf\"} 6",
            "drover_request_seconds_sum 70.006998",
            "drover_request_seconds_count 6",
            "drover_requests_refused_total{listener=\"files\",status=\"403\"} 2",
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line}\n{text}");
        }
    }
}
