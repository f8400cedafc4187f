//! `drover admin`: work on the database of a server that does not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drover_store::{Error, IndexState, IntegrityReport, Store};
use tokio::time::sleep;

use crate::config;
use crate::data::{DATABASE, Data};
use crate::out::{self, Failure};

/// How often it is looked whether an index is complete.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
The server must not run meanwhile: one process at a time uses the database.
Exit codes: 0 done, 1 failed or something is wrong, 2 bad arguments or configuration."
)]
pub(crate) struct Arguments {
    /// Configuration of the server, which names the database
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of the database, instead of `data_dir` and `database`
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Parameters that can be searched for by value
    #[command(subcommand)]
    Index(Paths),
    /// Parameters whose history is kept
    #[command(subcommand)]
    Watch(Paths),
    /// Write everything into a new file
    Backup {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Make a database of a backup
    Restore {
        /// The backup
        file: PathBuf,
        /// Lose the database that is there
        #[arg(long)]
        replace: bool,
    },
    /// Read everything, and say whether it is whole
    Check,
}

#[derive(Debug, clap::Subcommand)]
enum Paths {
    /// Add a parameter
    Add {
        /// Its path, such as Device.DeviceInfo.SoftwareVersion
        path: String,
    },
    /// Drop a parameter
    Drop {
        /// Its path
        path: String,
    },
    /// List them
    List,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = config::load(arguments.config.as_deref(), std::env::vars_os())
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let data =
        Data::of(arguments.data, &config).map_err(|error| Failure::Usage(error.to_string()))?;
    out::start_log("warn")?;
    let command = match arguments.command {
        Command::Restore { file, replace } => return restore(&file, &data, replace),
        other => other,
    };
    let store = open(&data)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    runtime.block_on(perform(&store, command))
}

async fn perform(store: &Store, command: Command) -> Result<(), Failure> {
    match command {
        Command::Index(paths) => index(store, paths).await,
        Command::Watch(paths) => watch(store, paths).await,
        Command::Backup { file } => backup(store, &file).await,
        Command::Check => report(&store.check().await.map_err(Failure::failed)?),
        // It needs no store, and was done before there was one.
        Command::Restore { .. } => Ok(()),
    }
}

/// Opens a store that is there already.
fn open(data: &Data) -> Result<Store, Failure> {
    if let Data::Folder(folder) = data
        && !folder.join(DATABASE).is_file()
    {
        return Err(Failure::Failed(format!(
            "there is no database in {}; name its folder with --data or --config",
            folder.display()
        )));
    }
    data.open().map_err(failed)
}

fn failed(error: Error) -> Failure {
    match error {
        Error::Locked { path } => Failure::Failed(format!(
            "a server runs on {}: stop it first, and start it again afterwards",
            path.display()
        )),
        Error::ServerInUse { server } => Failure::Failed(format!(
            "a server runs on {server}: stop it first, and start it again afterwards"
        )),
        other => Failure::failed(other),
    }
}

async fn index(store: &Store, paths: Paths) -> Result<(), Failure> {
    match paths {
        Paths::Add { path } => {
            store.add_index(&path).await.map_err(Failure::failed)?;
            while !is_complete(store, &path).await? {
                sleep(LOOK).await;
            }
            Ok(())
        }
        Paths::Drop { path } => {
            let was_there = store.drop_index(&path).await.map_err(Failure::failed)?;
            was_there.then_some(()).ok_or_else(|| not_there("index of", &path))
        }
        Paths::List => {
            for index in store.indexes().await.map_err(Failure::failed)? {
                let state = match index.state {
                    IndexState::Building => "\tincomplete",
                    IndexState::Complete => "",
                };
                out::line(format_args!("{}{state}", index.path));
            }
            Ok(())
        }
    }
}

async fn is_complete(store: &Store, path: &str) -> Result<bool, Failure> {
    let indexes = store.indexes().await.map_err(Failure::failed)?;
    Ok(!indexes.iter().any(|it| it.path == path && it.state == IndexState::Building))
}

async fn watch(store: &Store, paths: Paths) -> Result<(), Failure> {
    match paths {
        Paths::Add { path } => store.watch(&path).await.map_err(Failure::failed),
        Paths::Drop { path } => {
            let was_there = store.unwatch(&path).await.map_err(Failure::failed)?;
            was_there.then_some(()).ok_or_else(|| not_there("history of", &path))
        }
        Paths::List => {
            store.watched().await.map_err(Failure::failed)?.iter().for_each(out::line);
            Ok(())
        }
    }
}

fn not_there(what: &str, path: &str) -> Failure {
    Failure::Failed(format!("there is no {what} {path}; `list` shows those that are there"))
}

async fn backup(store: &Store, file: &Path) -> Result<(), Failure> {
    store.backup(file).await.map_err(|error| match error {
        Error::Exists { path } => Failure::Failed(format!(
            "{} is there already: give another name, or remove it first",
            path.display()
        )),
        other => Failure::failed(other),
    })?;
    let bytes = fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
    out::line(format_args!("{}: {bytes} bytes", file.display()));
    Ok(())
}

fn restore(file: &Path, data: &Data, replace: bool) -> Result<(), Failure> {
    let Data::Folder(folder) = data else { return Err(Failure::failed(Error::NoBackup)) };
    Store::restore(file, folder, replace).map_err(|error| match error {
        Error::Exists { path } => Failure::Failed(format!(
            "{} is there already: name another folder with --data, or lose it with --replace",
            path.display()
        )),
        other => failed(other),
    })?;
    out::line(format_args!("{}: restored from {}", folder.display(), file.display()));
    Ok(())
}

fn report(report: &IntegrityReport) -> Result<(), Failure> {
    let IntegrityReport { devices, problems, left_out } = report;
    let plural = if *devices == 1 { "" } else { "s" };
    if report.is_sound() {
        out::line(format_args!("{devices} device{plural}, nothing is wrong"));
        return Ok(());
    }
    problems.iter().for_each(out::line);
    let count = u64::try_from(problems.len()).unwrap_or(u64::MAX).saturating_add(*left_out);
    Err(Failure::Failed(format!(
        "{count} problems with {devices} device{plural}: restore a backup, or report them"
    )))
}
