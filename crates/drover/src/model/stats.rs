//! `drover model stats`: how much is in a model.

use drover_datamodel::Schema;
use drover_datamodel::shipped::MODELS;
use serde_json::{Value as Json, json};

use super::{Include, files, print_json, terminal};
use crate::out::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each line is NAME OBJECTS TABLES PARAMETERS PROFILES with single spaces, such as
Device:2.19 873 444 7343 243. Deprecated and deleted items count, and a table counts once.

Example: drover model stats Device:2.19 models/my-device.xml")]
pub(super) struct Arguments {
    /// Names of shipped models, compiled files or XML files; without any, all shipped models
    #[arg(value_name = "MODEL|FILE")]
    models: Vec<String>,
    #[command(flatten)]
    include: Include,
    /// Print an array of objects as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut schemas = Vec::new();
    if arguments.models.is_empty() {
        schemas.extend(MODELS.iter().map(|model| model.schema()));
    }
    for argument in &arguments.models {
        schemas.extend(files::load(argument, &arguments.include.folders)?);
    }
    if arguments.json {
        return print_json(&schemas.iter().map(|schema| counts(schema)).collect::<Vec<_>>());
    }
    terminal::print(&schemas.iter().map(|schema| line(schema)).collect::<String>())
}

/// The form is a contract: scripts read it.
fn line(schema: &Schema) -> String {
    let stats = schema.stats();
    let name = schema.name().to_string();
    let name = terminal::printable(&name);
    let (objects, tables) = (stats.objects, stats.tables);
    format!("{name} {objects} {tables} {} {}\n", stats.parameters, stats.profiles)
}

pub(super) fn counts(schema: &Schema) -> Json {
    let stats = schema.stats();
    json!({
        "name": schema.name().to_string(),
        "objects": stats.objects,
        "tables": stats.tables,
        "parameters": stats.parameters,
        "profiles": stats.profiles,
    })
}
