//! The command `drover-agent`, also callable from another program.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::args::{self, Command, HELP, RunArguments};
use crate::config::{Config, ConfigError};
use crate::error::{AgentError, chain};
use crate::log::StderrLog;

/// Does what the arguments (without the name of the program) ask for, until SIGINT or SIGTERM.
///
/// Installs [`StderrLog`] unless the program has a log already, and makes a runtime of its own.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match args::parse(arguments) {
        Ok(Command::Help) => print(HELP),
        Ok(Command::Version) => print(concat!("drover-agent ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Run(arguments)) => match run(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&chain(&error), error.exit_code()),
        },
        Err(message) => complain(&message, 2),
    }
}

fn run(arguments: RunArguments) -> Result<(), AgentError> {
    let config = configure(arguments)?;
    config.check()?;
    // The program that embeds this may have its own log.
    let _ = tracing::subscriber::set_global_default(StderrLog::new(config.log.level));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(AgentError::Start)?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(AgentError::Start)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(AgentError::Start)?;
        let stop = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        crate::run(config, stop).await
    })
}

/// File, then environment, then command line.
fn configure(arguments: RunArguments) -> Result<Config, ConfigError> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    let mut config = Config::load(arguments.config.as_deref(), variables)?;
    if let Some(url) = arguments.acs_url {
        config.acs.url = url;
    }
    if let Some(state) = arguments.state {
        config.state_dir = state;
    }
    Ok(config)
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(message: &str, code: u8) -> ExitCode {
    // Without standard error the exit code is all there is.
    let _ = writeln!(std::io::stderr(), "drover-agent: {message}");
    ExitCode::from(code)
}
