//! The program `drover-agent`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    drover_agent::cli::main(std::env::args_os().skip(1))
}
