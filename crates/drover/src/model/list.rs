//! `drover model list`: which models there are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use drover_datamodel::Schema;
use drover_datamodel::shipped::MODELS;
use serde_json::{Value as Json, json};

use super::terminal::{self, Table, Terminal};
use super::{files, print_json, stats};
use crate::out::{self, Failure};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Into a pipe go lines of seven fields with tabs between them, without the heading.

Example: drover model list --models /etc/drover/models")]
pub(super) struct Arguments {
    /// Folder of compiled models (*.model) and vendor extensions (*.toml) that are listed as well
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print an array of objects as JSON
    #[arg(long)]
    json: bool,
}

/// A model that can be used.
struct Entry {
    schema: Arc<Schema>,
    /// The published document, or the compiled file.
    source: String,
    file: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut entries: Vec<Entry> = MODELS.iter().map(shipped).collect();
    let mut unreadable = 0_usize;
    if let Some(folder) = &arguments.models {
        for file in files::models_in(folder)? {
            match entry(&file) {
                Ok(entry) => entries.push(entry),
                Err(Failure::Usage(text) | Failure::Failed(text)) => {
                    out::note(terminal::printable(&text));
                    unreadable += 1;
                }
            }
        }
    }
    if arguments.json {
        print_json(&entries.iter().map(Entry::json).collect::<Vec<_>>())?;
    } else {
        terminal::print(&text(&entries))?;
    }
    match unreadable {
        0 => Ok(()),
        count => Err(Failure::Failed(format!("{count} of the files cannot be used"))),
    }
}

fn shipped(model: &drover_datamodel::shipped::ShippedModel) -> Entry {
    Entry { schema: model.schema(), source: model.source.to_owned(), file: None }
}

fn entry(file: &Path) -> Result<Entry, Failure> {
    let name = file.display().to_string();
    let schema = match files::is_extension(file) {
        true => files::load(&name, &[])?.pop(),
        false => Some(Arc::new(files::read_compiled(file)?)),
    };
    let schema = schema.ok_or_else(|| Failure::Failed(format!("{name} has no model")))?;
    Ok(Entry { schema, source: name, file: Some(file.to_owned()) })
}

impl Entry {
    fn json(&self) -> Json {
        let mut value = stats::counts(&self.schema);
        value["source"] = json!(self.source);
        value["spec"] = json!(self.schema.spec());
        value["is_service"] = json!(self.schema.is_service());
        value["is_shipped"] = json!(self.file.is_none());
        value
    }
}

fn text(entries: &[Entry]) -> String {
    let terminal = Terminal::of_stdout();
    let table = table(entries, true);
    if terminal.is_pipe() {
        table.separated()
    } else if table.fits(terminal) {
        table.aligned(terminal, 0)
    } else {
        self::table(entries, false).aligned(terminal, 0)
    }
}

fn table(entries: &[Entry], with_spec: bool) -> Table {
    let heads = ["MODEL", "OBJECTS", "TABLES", "PARAMETERS", "PROFILES", "SOURCE", "SPEC"];
    let columns = if with_spec { heads.len() } else { heads.len() - 1 };
    let mut table = Table::new(&heads[..columns]).with_numbers(1..5);
    for Entry { schema, source, .. } in entries {
        let stats = schema.stats();
        let counts = [stats.objects, stats.tables, stats.parameters, stats.profiles];
        let mut row = vec![schema.name().to_string()];
        row.extend(counts.iter().map(ToString::to_string));
        row.extend([source.clone(), schema.spec().to_owned()]);
        row.truncate(columns);
        table.push(row);
    }
    table
}
