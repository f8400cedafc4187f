//! The commands that start one other program: `demo`, `soak`, `bench`, `fuzz`.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::cargo::{Metadata, cargo, has_subcommand, run, workspace_root};

/// Builds `drover` and becomes `drover demo ARGS`.
///
/// We become cargo, and cargo becomes the demo: so a signal sent to the one process that the
/// caller knows reaches the demo, and its exit code reaches the caller.
pub fn demo(args: &[String]) -> Result<()> {
    let mut command = cargo(["run", "--locked", "--package", "drover", "--", "demo"]);
    let error = command.args(args).exec();
    Err(error).context("cannot start cargo")
}

/// Runs the end-to-end tests with their long counts.
pub fn soak(args: &[String]) -> Result<()> {
    run(&mut cargo(["build", "--locked", "--package", "drover", "--package", "drover-agent"]))?;
    let mut tests = if has_subcommand("nextest") {
        cargo(["nextest", "run", "--profile", "soak", "--locked", "--package", "drover-tests"])
    } else {
        cargo(["test", "--locked", "--package", "drover-tests"])
    };
    run(tests.args(args).env("DROVER_SOAK", "1"))
}

/// Runs the benchmarks of one package or of all that have some.
pub fn bench(package: Option<&str>, args: &[String]) -> Result<()> {
    let benches = benches(&Metadata::load()?);
    let wanted = |(owner, _): &&(String, String)| package.is_none_or(|name| name == owner);
    let selected: Vec<_> = benches.iter().filter(wanted).collect();
    ensure!(!selected.is_empty(), "no benchmark in {}", package.unwrap_or("the workspace"));
    for (owner, name) in selected {
        println!("xtask: benchmark {name} of {owner}");
        run(cargo(["bench", "--locked", "--package", owner, "--bench", name, "--"]).args(args))?;
    }
    Ok(())
}

/// Package and name of each benchmark.
fn benches(metadata: &Metadata) -> Vec<(String, String)> {
    let mut benches = Vec::new();
    for package in metadata.members() {
        let is_bench = |kind: &String| kind == "bench";
        let targets = package.targets.iter().filter(|target| target.kind.iter().any(is_bench));
        benches.extend(targets.map(|target| (package.name.clone(), target.name.clone())));
    }
    benches
}

/// Fuzzes one target until it is stopped or finds something; without a target, lists them.
pub fn fuzz(target: Option<&str>, args: &[String]) -> Result<()> {
    let targets = fuzz_targets(&workspace_root().join("fuzz/fuzz_targets"))?;
    let Some(target) = target else {
        println!("fuzz targets: {}", targets.join(", "));
        return Ok(());
    };
    if !targets.iter().any(|known| known == target) {
        bail!("no fuzz target is called {target}; there are: {}", targets.join(", "));
    }
    let mut probe = Command::new("cargo");
    let found = probe.args(["+nightly", "fuzz", "--version"]).output();
    ensure!(
        found.is_ok_and(|output| output.status.success()),
        "fuzzing needs a nightly toolchain and cargo-fuzz: \
         `rustup toolchain install nightly` and `cargo install cargo-fuzz`"
    );
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "run", target, "--"]).args(args);
    run(command.current_dir(workspace_root()))
}

fn fuzz_targets(folder: &Path) -> Result<Vec<String>> {
    let entries = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_targets_are_the_files_of_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["session.rs", "envelope.rs", "notes.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(fuzz_targets(folder.path()).unwrap(), ["envelope", "session"]);
        let error = fuzz_targets(&folder.path().join("none")).unwrap_err().to_string();
        assert!(error.starts_with("cannot list"), "{error}");
    }
}
