//! `drover admin`: work on the database of a server that does not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drover_provision::DeviceKey;
use drover_provision::engine::Refusals;
use drover_provision::trace::{Trace, What};
use drover_store::limits::PAGE_KNOWLEDGE_MAX;
use drover_store::{Error, IndexState, IntegrityReport, ProductKnowledge, Retention, Store};
use jiff::Timestamp;
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
    /// What a device did in its last sessions, and why nothing happened
    Sessions {
        /// The device, such as 00D09E-Box-0001
        device: String,
        /// How many sessions
        #[arg(long, value_name = "N", default_value_t = 1)]
        last: u32,
        /// Show the messages themselves
        #[arg(long)]
        messages: bool,
    },
    /// What devices of a product were found to refuse
    #[command(subcommand)]
    Knowledge(Known),
    /// Write the database into a new file; the files that devices load are not in it
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

#[derive(Debug, clap::Subcommand)]
enum Known {
    /// List it
    List,
    /// Forget it, so that the next sessions try again
    Forget {
        /// The product, as it is listed, such as 00D09E-Box
        product: String,
        /// Only that of this firmware
        #[arg(long, value_name = "VERSION")]
        firmware: Option<String>,
    },
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
    let store = open(&data, config.record.retention())?;
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
        Command::Sessions { device, last, messages } => {
            sessions(store, &device, last, messages).await
        }
        Command::Knowledge(Known::List) => list_knowledge(store).await,
        Command::Knowledge(Known::Forget { product, firmware }) => {
            forget(store, &product, firmware.as_deref()).await
        }
        Command::Backup { file } => backup(store, &file).await,
        Command::Check => report(&store.check().await.map_err(Failure::failed)?),
        // It needs no store, and was done before there was one.
        Command::Restore { .. } => Ok(()),
    }
}

/// Opens a store that is there already.
fn open(data: &Data, retention: Retention) -> Result<Store, Failure> {
    if let Data::Folder(folder) = data
        && !folder.join(DATABASE).is_file()
    {
        return Err(Failure::Failed(format!(
            "there is no database in {}; name its folder with --data or --config",
            folder.display()
        )));
    }
    data.open(retention).map_err(failed)
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

async fn sessions(store: &Store, id: &str, last: u32, messages: bool) -> Result<(), Failure> {
    let no_device = || {
        let example = "00D09E-Box-0001";
        Failure::Failed(format!("there is no device {id}; its id has the form of {example}"))
    };
    let key = DeviceKey::parse(id).map_err(|_| no_device())?;
    store.load(&key).await.map_err(Failure::failed)?.ok_or_else(no_device)?;
    let mut before = None;
    // One at a time, because each may be large.
    for number in 0..last {
        let page = store.sessions(&key, before.as_ref(), 1).await.map_err(Failure::failed)?;
        let Some((cursor, trace)) = page.into_iter().next() else {
            if number == 0 {
                let all = "[record] sessions = \"all\"";
                out::line(format_args!(
                    "no session is on record; those in which nothing was decided, logged or \
                     failed are only with {all}"
                ));
            }
            break;
        };
        if number > 0 {
            out::line("");
        }
        show_session(&trace, messages);
        before = Some(cursor);
    }
    Ok(())
}

/// A head, then a line for everything that happened with the milliseconds since the begin.
fn show_session(trace: &Trace, messages: bool) {
    let Trace { began, ended, events, outcome, entries, left_out, nothing, idle } = trace;
    let length = since(*began, *ended);
    let (outcome, events) = (printable(outcome), printable(&events.join(", ")));
    out::line(format_args!("{began:.0}  {outcome}  {length} ms  {events}"));
    for entry in entries {
        let time = since(*began, entry.time);
        let kind = entry.what.kind();
        let text = match &entry.what {
            What::Received(xml) | What::Sent(xml) if !messages => match entry.what.message() {
                Some(message) => message.to_string(),
                None => format!("{} bytes that are no message", xml.len()),
            },
            other => other.text().to_owned(),
        };
        out::line(format_args!("{time:>8}  {kind:<8} {}", printable(&text)));
    }
    if *left_out > 0 {
        out::line(format_args!("          {left_out} entries did not fit"));
    }
    for it in nothing {
        out::line(format_args!("          nothing  {}: {}", printable(&it.path), it.reason));
    }
    for it in idle {
        let text = format!("preset {}: {}", it.name, it.reason);
        out::line(format_args!("          idle     {}", printable(&text)));
    }
}

/// A text of a device or a script: it shall not control the terminal. Its further lines stand below
/// the first.
fn printable(text: &str) -> String {
    let mut printable = String::new();
    for character in text.trim_end().chars() {
        match character {
            '\n' => printable.push_str("\n                   "),
            '\t' => printable.push('\t'),
            '\r' => {}
            other if other.is_control() => printable.extend(other.escape_unicode()),
            other => printable.push(other),
        }
    }
    printable
}

fn since(began: Timestamp, time: Timestamp) -> i128 {
    time.duration_since(began).as_millis()
}

async fn list_knowledge(store: &Store) -> Result<(), Failure> {
    let mut after: Option<(String, String)> = None;
    loop {
        let behind = after.as_ref().map(|(product, firmware)| (&**product, &**firmware));
        let page = store.knowledge(behind, PAGE_KNOWLEDGE_MAX).await.map_err(Failure::failed)?;
        page.iter().for_each(show_knowledge);
        let Some(last) = page.into_iter().next_back() else { return Ok(()) };
        after = Some((last.product, last.firmware));
    }
}

fn show_knowledge(known: &ProductKnowledge) {
    let ProductKnowledge { product, firmware, knowledge } = known;
    let firmware = if firmware.is_empty() { "of no firmware" } else { firmware };
    let until = knowledge.until().map(|until| format!(", until {until:.0}")).unwrap_or_default();
    out::line(format_args!("{product}  {firmware}  since {:.0}{until}", knowledge.since));
    for refused in knowledge.refused() {
        let values = match refused.values {
            None => "every value".to_owned(),
            Some(1) => "a value".to_owned(),
            Some(count) => format!("{count} values"),
        };
        out::line(format_args!("  refuses {values} of {} (fault {})", refused.path, refused.code));
    }
    show_refusals("names only level by level", &knowledge.discovery.names);
    show_refusals("values only one by one", &knowledge.discovery.values);
}

fn show_refusals(what: &str, refusals: &Refusals) {
    if refusals.everywhere {
        out::line(format_args!("  {what}, everywhere"));
    }
    refusals.objects.iter().for_each(|object| out::line(format_args!("  {what} at {object}")));
}

async fn forget(store: &Store, product: &str, firmware: Option<&str>) -> Result<(), Failure> {
    let deleted = store.delete_knowledge(product, firmware).await.map_err(Failure::failed)?;
    if deleted == 0 {
        let text = format!("nothing is known of {product}; `list` shows of which products it is");
        return Err(Failure::Failed(text));
    }
    Ok(())
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
