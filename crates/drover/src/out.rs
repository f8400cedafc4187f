//! What a person and a program see of the command: lines, errors, exit codes, the log.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

/// Why the command ends, with its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Arguments or configuration cannot be used: exit code 2.
    Usage(String),
    /// It was tried and failed: exit code 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Writes one line to standard output.
pub(crate) fn line(text: impl fmt::Display) {
    // A reader that went away is no reason to fail: the log still says what happens.
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Writes one line to standard error.
pub(crate) fn note(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Reports a failure in one line and gives its exit code.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    let (text, code) = match failure {
        Failure::Usage(text) => (text, 2),
        Failure::Failed(text) => (text, 1),
    };
    note(format_args!("drover: {text}"));
    ExitCode::from(code)
}

/// What clap says: help goes to standard output and is no failure; a mistake is one line.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand || !error.use_stderr() {
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
    }
    failure(&Failure::Usage(format!("{}; see --help", first_paragraph(&error.to_string()))))
}

/// What is wrong, without clap's advice below it.
fn first_paragraph(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

/// Sends the log to standard error, as `DROVER_LOG` filters it.
pub(crate) fn start_log(default: &str) -> Result<(), Failure> {
    let filter = match std::env::var("DROVER_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| {
            Failure::Usage(format!(
                "environment variable DROVER_LOG: {text:?} is no filter such as \"info\" or \
                 \"drover_acs=debug\": {error}"
            ))
        })?,
        Err(_) => EnvFilter::new(default),
    };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
    Ok(())
}
