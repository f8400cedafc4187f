//! `drover model`: what the data models say.

mod check;
mod compile;
mod diff;
mod files;
mod list;
mod search;
mod show;
mod stats;
mod terminal;
mod words;

use std::path::PathBuf;

use serde::Serialize;

use crate::out::Failure;

#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
A MODEL is the name of a shipped model, such as Device:2.19; a FILE is a model that `drover model \
compile` has written, a document in XML, or a vendor's extension in TOML.
Exit codes: 0 done, 1 failed or not found (diff: they differ), 2 bad arguments.

Example: drover model show Device.WiFi.Radio.1.Channel"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the models: those inside this program, and compiled files
    List(list::Arguments),
    /// Count what is in a model: one line each
    Stats(stats::Arguments),
    /// Say what a path is: its type, access, limits, and what is below it
    Show(show::Arguments),
    /// Find objects, parameters, values and profiles by words
    Search(search::Arguments),
    /// Compile documents (XML) and vendor extensions (TOML), or only check them
    Compile(compile::Arguments),
    /// Say what differs between two models
    Diff(diff::Arguments),
    /// Compare the recorded tree of a device with its model
    Check(check::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(&arguments),
        Command::Stats(arguments) => stats::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Compile(arguments) => compile::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
    }
}

/// Where imported documents are.
#[derive(Debug, clap::Args)]
struct Include {
    /// Folder with documents that others import, besides their own; can be given several times
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    folders: Vec<PathBuf>,
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    text.push('\n');
    terminal::print(&text)
}
