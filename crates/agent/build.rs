//! Generates the typed names of the agent's tree, and what the schema says about them.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks")]

#[path = "build/generate/mod.rs"]
mod generate;

use std::path::Path;
use std::process::ExitCode;

/// The model that the tree is a part of.
const MODEL: &str = "Device:2.19";

const LIST: &str = "src/tree/paths.txt";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={LIST}");
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let list = std::fs::read_to_string(LIST).map_err(|error| format!("{LIST}: {error}"))?;
    let schema = drover_datamodel::shipped::model(MODEL).ok_or("the model is not shipped")?;
    let code = generate::generate(&schema, &list);
    let code = code.map_err(|error| format!("crates/agent/{LIST}:{error}"))?;
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo gives OUT_DIR")?;
    let file = Path::new(&folder).join("device.rs");
    std::fs::write(&file, code).map_err(|error| format!("{}: {error}", file.display()))
}
