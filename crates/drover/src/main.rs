//! The `drover` command: the ACS, the demo, the agent and the simulator in one binary.

#![forbid(unsafe_code)]

mod admin;
mod config;
mod data;
mod demo;
mod model;
mod out;
mod serve;
mod simulate;

use std::ffi::OsString;
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
    /// Run a server, the agent of this machine and simulated devices in a temporary folder
    Demo(demo::Arguments),
    /// Run the agent (CPE) of this machine, as drover-agent does
    #[command(disable_help_flag = true)]
    Agent {
        /// What drover-agent takes; see `drover agent --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Drive a fleet of simulated devices against a server and measure
    Simulate(simulate::Arguments),
    /// Work on the database of a server that does not run: indexes, backups, checks
    Admin(admin::Arguments),
    /// Look into data models: what a path is, what differs, and compile documents
    Model(model::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return out::usage(&error),
    };
    let result = match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Agent { arguments } => return drover_agent::cli::main(arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::Admin(arguments) => admin::run(arguments),
        Command::Model(arguments) => model::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => out::failure(&failure),
    }
}
