//! What the integration tests of this crate share.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs;
use std::path::{Path, PathBuf};

use drover_datamodel::Schema;
use drover_datamodel::compile::{CompileError, Compiled, Compiler, Options};

/// A folder of the shared material. A machine without it skips the test, loudly; CI has it.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("DROVER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    let is_ci = std::env::var("CI").is_ok_and(|value| !matches!(&*value, "" | "0" | "false"));
    assert!(!is_ci, "{} is missing; set DROVER_SHARED", path.display());
    eprintln!("SKIPPED: {} is missing; set DROVER_SHARED", path.display());
    None
}

/// Compiles a file of a folder.
pub(crate) fn compile(
    folder: &Path,
    file: &str,
    options: Options,
) -> Result<Vec<Compiled>, CompileError> {
    let mut compiler = Compiler::new(options);
    let names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".xml"))
        .collect();
    compiler.know_files(names.iter().map(String::as_str));
    let mut next = Some(file.to_owned());
    while let Some(name) = next {
        match fs::read(folder.join(&name)) {
            Ok(bytes) => compiler.handle_document(&name, &name, &bytes),
            Err(error) => compiler.handle_unreadable(&name, &error.to_string()),
        }
        next = compiler.poll_wanted();
    }
    compiler.compile(file)
}

/// The model of this name in a file that must compile.
pub(crate) fn model(folder: &Path, file: &str, name: &str) -> Schema {
    let compiled = compile(folder, file, Options::default());
    let compiled = compiled.unwrap_or_else(|error| {
        let all: Vec<_> = error.errors().map(ToString::to_string).collect();
        panic!("{file}: {}", all.join("\n"))
    });
    let found = compiled.into_iter().find(|it| it.schema.name().to_string() == name);
    found.unwrap_or_else(|| panic!("{file} has no {name}")).schema
}
