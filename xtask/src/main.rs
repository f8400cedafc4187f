//! `cargo xtask`: see `cargo xtask --help`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its caller")]

use std::process::ExitCode;

use xtask::args::{self, Task};
use xtask::{commands, model, test, tidy};

fn main() -> ExitCode {
    let task = match args::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("cargo xtask: {error}; see `cargo xtask --help`");
            return ExitCode::from(2);
        }
    };
    match run(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Task::Demo { args } => commands::demo(&args),
        Task::Test => test::run(),
        Task::Tidy => tidy::run(),
        Task::Model => model::run(),
        Task::Soak { args } => commands::soak(&args),
        Task::Bench { package, args } => commands::bench(package.as_deref(), &args),
        Task::Fuzz { target, args } => commands::fuzz(target.as_deref(), &args),
    }
}
