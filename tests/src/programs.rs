//! Where the programs are that the tests start: ours, and those of the system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

pub use drover_test_servers::missing;

/// The path of `drover` or `drover-agent`, as built beside the running test.
///
/// `cargo xtask test` has built them. When the tests run alone and a program is missing or older
/// than the sources, it is built here. `DROVER_PROGRAMS` names a folder with other ones, such as
/// those of a package.
///
/// # Panics
/// When it cannot be built.
pub fn ours(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("DROVER_PROGRAMS") {
        return Path::new(&folder).join(name);
    }
    let folder = target_folder();
    let path = folder.join(name);
    if is_stale(&path) {
        build(&folder);
        assert!(path.is_file(), "cargo has built no {}", path.display());
    }
    path
}

/// The workspace's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `target/debug`: the test runs in its folder `deps`.
fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("path of the test");
    let folder = test.parent().and_then(Path::parent).expect("target/debug/deps/test");
    folder.to_path_buf()
}

fn is_stale(program: &Path) -> bool {
    let built = program.metadata().and_then(|metadata| metadata.modified());
    built.map_or(true, |built| newest_source(&workspace().join("crates")) > built)
}

fn newest_source(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| {
        let path = entry.path();
        let name = entry.file_name();
        let is_ours = name != "tests" && name != "benches";
        let is_source = ["rs", "toml", "sql"].iter().any(|e| path.extension() == Some(e.as_ref()));
        match entry.file_type().ok()?.is_dir() {
            true if is_ours => Some(newest_source(&path)),
            false if is_source => entry.metadata().ok()?.modified().ok(),
            _ => None,
        }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn build(target: &Path) {
    let profile = match target.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(workspace())
        .args(["build", "--quiet", "--locked", "--profile", profile])
        .args(["--package", "drover", "--package", "drover-agent", "--bins", "--target-dir"])
        .arg(target.parent().expect("target"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cargo build failed: {status}");
}

/// Whether a program of the system is there. Its absence fails the test where a change is decided
/// upon (the variable `CI`), and is said loudly elsewhere.
///
/// # Panics
/// When it is missing and `CI` is set.
pub fn have(program: &str, how_to_get: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.into_iter().any(|folder| folder.join(program).is_file());
    if !found {
        missing(&format!("the program {program}; {how_to_get}"));
    }
    found
}

/// A folder of the shared material, from `DROVER_SHARED` or `../shared`; `None` as for [`missing`].
pub fn shared(part: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("DROVER_SHARED").map(PathBuf::from);
    let root = shared.unwrap_or_else(|| workspace().join("../shared"));
    let folder = root.join(part);
    if !folder.is_dir() {
        missing(&format!("the folder {} (DROVER_SHARED names its parent)", folder.display()));
        return None;
    }
    Some(folder)
}
