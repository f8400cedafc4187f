//! A small writer of log lines.
//!
//! It is what the agent needs of `tracing-subscriber`: one level for everything, one line an event,
//! on standard error. A program that embeds the agent uses its own subscriber instead.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::linux::local_time;

/// Writes events to standard error.
#[derive(Debug)]
pub struct StderrLog {
    level: LevelFilter,
}

impl StderrLog {
    /// Writes what is at least as important as `level`.
    pub fn new(level: LevelFilter) -> Self {
        Self { level }
    }
}

impl Subscriber for StderrLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let line = line(&local_time().to_string(), event);
        // There is nobody left to tell that the log cannot be written.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    // Spans are not enabled, so none of these is called for one that counts.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// `TIME LEVEL message key=value …`
fn line(time: &str, event: &Event<'_>) -> String {
    let mut line = Line { text: format!("{time} {:5}", event.metadata().level().as_str()) };
    event.record(&mut line);
    line.text.push('\n');
    line.text
}

struct Line {
    text: String,
}

impl Line {
    /// Line ends would let a peer forge lines of the log.
    fn push(&mut self, text: &str) {
        for character in text.chars() {
            match character.is_control() {
                true => self.text.extend(character.escape_default()),
                false => self.text.push(character),
            }
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a string fails only when the value's own formatting does.
        let _ = match field.name() {
            "message" => write!(text, " {value:?}"),
            name => write!(text, " {name}={value:?}"),
        };
        self.push(&text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps the lines instead of writing them.
    struct Kept(Arc<Mutex<Vec<String>>>, StderrLog);

    impl Subscriber for Kept {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            self.1.enabled(metadata)
        }
        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(line("T", event));
        }
        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            self.1.new_span(attributes)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Kept(Arc::clone(&lines), StderrLog::new(LevelFilter::INFO));
        tracing::subscriber::with_default(log, || {
            let span = tracing::info_span!("outer");
            let _entered = span.enter();
            tracing::warn!(peer = %"192.0.2.1", count = 3, "refused\nT ERROR forged");
            tracing::debug!("not important enough");
        });
        let expected = "T WARN  refused\\nT ERROR forged peer=192.0.2.1 count=3\n";
        assert_eq!(*lines.lock().unwrap(), [expected]);
    }
}
