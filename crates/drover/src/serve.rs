//! `drover serve`: the ACS.

use std::path::PathBuf;

use drover_acs::models::load_folder;
use drover_acs::{AcsConfig, Running, ServeError, check_certificates, check_rules};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::config::{self, Summary};
use crate::data::Data;
use crate::out::{self, Failure};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every key of the configuration can also be set by an environment variable: \
DROVER_CWMP__LISTEN is `listen` in [cwmp].
DROVER_DATABASE is the address of a PostgreSQL database, with its password if it has one, such as \
postgresql://drover@db.example/drover.
DROVER_LOG filters the log, such as info,drover_acs=debug.
Exit codes: 0 stopped by a signal, 1 failed, 2 bad arguments, configuration or rules.")]
pub(crate) struct Arguments {
    /// Configuration in TOML; without it, the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, instead of `data_dir` and `database`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Check the configuration, say what it means, and end
    #[arg(long)]
    check_config: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = config::load(arguments.config.as_deref(), std::env::vars_os())
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let data =
        Data::of(arguments.data, &config).map_err(|error| Failure::Usage(error.to_string()))?;
    if arguments.check_config {
        if let Some(folder) = &config.models.folder {
            load_folder(folder).map_err(|error| Failure::failed(ServeError::from(error)))?;
        }
        check_certificates(&config.tls).map_err(|error| Failure::Usage(error.to_string()))?;
        let rules = config.rules.as_deref().map(check_rules).transpose();
        let rules = rules.map_err(|error| Failure::Usage(error.to_string()))?;
        out::line(Summary { config: &config, data: &data, rules });
        return Ok(());
    }
    out::start_log("info")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    runtime.block_on(serve(config, data))
}

async fn serve(config: AcsConfig, data: Data) -> Result<(), Failure> {
    let signals = stop_signal()?;
    let running = start(config, data, signals).await?;
    for address in running.cwmp_addresses() {
        out::line(format_args!("CWMP http://{address}/"));
    }
    if let Some(address) = running.nbi_address() {
        out::line(format_args!("NBI http://{address}/"));
    }
    if let Some(address) = running.files_address() {
        out::line(format_args!("Files http://{address}/"));
    }
    let tls = running.tls_addresses();
    for address in &tls.cwmp {
        out::line(format_args!("CWMP https://{address}/"));
    }
    if let Some(address) = tls.files {
        out::line(format_args!("Files https://{address}/"));
    }
    if let Some(address) = running.stun_address() {
        out::line(format_args!("STUN udp://{address}"));
    }
    out::line("ready");
    running.finished().await;
    Ok(())
}

/// Opens the store and starts the server on it.
pub(crate) async fn start(
    mut config: AcsConfig,
    data: Data,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, Failure> {
    if data.is_new() {
        info!(%data, "a new database is made");
    }
    if let (None, Data::Folder(folder)) = (&config.files.folder, &data) {
        config.files.folder = Some(folder.join("files"));
    }
    let retention = config.record.retention();
    // The integrity check of a large database takes its time.
    let store = tokio::task::spawn_blocking(move || data.open(retention))
        .await
        .map_err(Failure::failed)?
        .map_err(Failure::failed)?;
    drover_acs::serve(config, store, stop).await.map_err(|error| match error {
        ServeError::Config(error) => Failure::Usage(error.to_string()),
        ServeError::Rules(error) => Failure::Usage(error.to_string()),
        ServeError::Tls(error) => Failure::Usage(error.to_string()),
        other => Failure::failed(other),
    })
}

/// Resolves at the first SIGTERM or SIGINT.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::Failed(format!("signals: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
