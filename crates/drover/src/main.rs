//! The `drover` command: the ACS, the demo, the agent and the simulator in one binary.

#![forbid(unsafe_code)]

mod config;
mod out;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Manages network devices over TR-069 (CWMP).
#[derive(Debug, Parser)]
#[command(name = "drover", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (ACS)
    Serve(serve::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return out::usage(&error),
    };
    let result = match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => out::failure(&failure),
    }
}
