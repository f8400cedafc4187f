//! `cargo xtask model`: the shipped models, compiled once more from the published documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cargo::{cargo, run as run_command, workspace_root};

/// The list of shipped models. It is read as text: a program with them inside cannot be asked when
/// they are missing, or of a form that it no longer reads.
const LIST: &str = "crates/datamodel/src/shipped.rs";

/// A line of that list.
#[derive(Debug, PartialEq, Eq)]
struct Shipped {
    file: String,
    source: String,
}

/// Builds `drover` and has it compile every source of the list into `models/`.
pub fn run() -> Result<()> {
    let root = workspace_root();
    let text =
        fs::read_to_string(root.join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let shipped = listed(&text);
    ensure!(!shipped.is_empty(), "{LIST} lists no models");
    let models = root.join("models");
    let added = add_missing(&models, &shipped)?;
    let compiled = compile(&models, &shipped);
    if compiled.is_err() {
        added.iter().for_each(|file| drop(fs::remove_file(file)));
    }
    compiled?;
    for Shipped { file, source } in &shipped {
        let is_there = models.join(file).metadata().is_ok_and(|it| it.len() > 0);
        ensure!(is_there, "{source} has not given {file}; correct its line in {LIST}");
    }
    Ok(())
}

fn compile(models: &Path, shipped: &[Shipped]) -> Result<()> {
    let documents = documents()?;
    let mut command = cargo(["run", "--locked", "--package", "drover", "--"]);
    command.args(["model", "compile", "--output"]).arg(models);
    run_command(command.args(shipped.iter().map(|it| documents.join(&it.source))))
}

/// The program includes each file of the list, so it cannot be built without one: an empty one
/// stands in for a model that is new.
fn add_missing(models: &Path, shipped: &[Shipped]) -> Result<Vec<PathBuf>> {
    let files = shipped.iter().map(|it| models.join(&it.file));
    let missing: Vec<PathBuf> = files.filter(|file| !file.exists()).collect();
    for file in &missing {
        fs::write(file, "").with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(missing)
}

/// The folder of the published documents.
fn documents() -> Result<PathBuf> {
    let shared = match std::env::var_os("DROVER_SHARED") {
        Some(folder) => std::path::absolute(folder)?,
        None => workspace_root().join("../shared"),
    };
    let folder = shared.join("data-models");
    ensure!(folder.is_dir(), "{} is missing; set DROVER_SHARED", folder.display());
    Ok(folder)
}

/// The lines `"NAME" => "FILE", "SOURCE";`
fn listed(text: &str) -> Vec<Shipped> {
    let shipped = |line: &str| {
        let (_, behind) = line.trim().strip_suffix(';')?.split_once(" => ")?;
        let (file, source) = behind.split_once(", ")?;
        let unquoted = |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned());
        Some(Shipped { file: unquoted(file)?, source: unquoted(source)? })
    };
    text.lines().filter_map(shipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read() {
        let text = fs::read_to_string(workspace_root().join(LIST)).unwrap();
        let shipped = listed(&text);
        let first = Shipped {
            file: "Device-2.19.model".to_owned(),
            source: "tr-181-2-19-1-cwmp.xml".to_owned(),
        };
        assert!(shipped.contains(&first), "{shipped:?}");
        let files = workspace_root().join("models").read_dir().unwrap();
        assert_eq!(shipped.len(), files.count());
    }

    #[test]
    fn a_missing_file_gets_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let shipped = listed("    \"A:1.0\" => \"A-1.0.model\", \"a.xml\";\n    other => line;");
        let added = add_missing(folder.path(), &shipped).unwrap();
        assert_eq!(added, [folder.path().join("A-1.0.model")]);
        assert_eq!(fs::read(&added[0]).unwrap(), b"");
        assert_eq!(add_missing(folder.path(), &shipped).unwrap(), [""; 0].map(PathBuf::from));
    }
}
