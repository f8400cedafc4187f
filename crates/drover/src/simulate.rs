//! `drover simulate`: a fleet against a server, measured.

use std::collections::BTreeMap;
use std::path::PathBuf;

use drover_cwmp::auth::{Credentials, Secret};
use drover_simulator::{Error, FleetConfig, Progress};

use crate::out::{self, Failure};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first session of a device is its first contact (0 BOOTSTRAP, 1 BOOT); the others are periodic.
Exit codes: 0 every session succeeded, 1 some failed, 2 bad arguments.")]
pub(crate) struct Arguments {
    /// Where the server is, such as http://127.0.0.1:7547/
    #[arg(long, value_name = "URL")]
    acs_url: String,
    /// Number of devices
    #[arg(long, value_name = "N", default_value_t = 100)]
    devices: usize,
    /// Parameters of each device
    #[arg(long, value_name = "P", default_value_t = 260)]
    params: usize,
    /// Sessions that each device holds
    #[arg(long, value_name = "S", default_value_t = 2)]
    sessions: u32,
    /// Sessions at one time
    #[arg(long, value_name = "C", default_value_t = 64)]
    concurrency: usize,
    /// Let devices come again that are told to (503 with Retry-After), until they are served
    #[arg(long)]
    heed_retry_after: bool,
    /// Process of the server, to measure its CPU time and memory
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Recorded tree that the devices have: path,writable,value,type, or GenieACS's export
    #[arg(long, value_name = "FILE", conflicts_with = "params")]
    tree: Option<PathBuf>,
    /// User name of the devices at the server
    #[arg(long, value_name = "NAME", requires = "password")]
    username: Option<String>,
    /// Password of the devices; better set as DROVER_SIMULATE_PASSWORD, since others see arguments
    #[arg(long, env = "DROVER_SIMULATE_PASSWORD", hide_env_values = true, value_name = "TEXT")]
    password: Option<String>,
    /// Serial number of the first device
    #[arg(long, value_name = "N", default_value_t = 1)]
    first_serial: u64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    out::start_log("warn")?;
    let json = arguments.json;
    let url = arguments.acs_url.clone();
    let config = config(arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let report = runtime
        .block_on(drover_simulator::run(&config, |progress| show(&progress)))
        .map_err(|error| match error {
            Error::Url { .. } | Error::Tls(_) | Error::Range { .. } => {
                Failure::Usage(error.to_string())
            }
            other => Failure::failed(other),
        })?;
    if json {
        out::line(serde_json::to_string_pretty(&report).map_err(Failure::failed)?);
    } else {
        out::line(&report);
    }
    if report.failures > 0 {
        let all = report.sessions.saturating_add(report.failures);
        let mut kinds = BTreeMap::<_, u64>::new();
        for (kind, count) in report.phases.iter().flat_map(|phase| &phase.errors) {
            *kinds.entry(kind).or_default() += count;
        }
        let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        return Err(Failure::Failed(format!(
            "{} of {all} sessions with {url} failed: {}",
            report.failures,
            kinds.join(", ")
        )));
    }
    Ok(())
}

fn config(arguments: Arguments) -> FleetConfig {
    let password = Secret::new(arguments.password.unwrap_or_default());
    FleetConfig {
        acs_url: arguments.acs_url,
        devices: arguments.devices,
        parameters_per_device: arguments.params,
        sessions_per_device: arguments.sessions,
        concurrency: arguments.concurrency,
        heeds_retry_after: arguments.heed_retry_after,
        server_pid: arguments.server_pid,
        credentials: arguments.username.map(|name| Credentials::new(name, password)),
        tree: arguments.tree,
        first_serial: arguments.first_serial,
        ..FleetConfig::default()
    }
}

fn show(progress: &Progress) {
    let Progress { phase, done, total, failed, .. } = progress;
    out::note(format_args!("{phase}: {done} of {total} sessions, {failed} failed"));
}
