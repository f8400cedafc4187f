//! Starting cargo, and reading what `cargo metadata` says of the workspace.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The folder of the workspace: the parent of this package's folder.
///
/// Cargo names that folder to what it runs, which is right even where several clones share one
/// build folder; what was compiled in could be another clone's.
pub fn workspace_root() -> PathBuf {
    let compiled_in = || env!("CARGO_MANIFEST_DIR").into();
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(compiled_in);
    let package = Path::new(&package);
    package.parent().unwrap_or(package).to_path_buf()
}

/// The cargo that started us, in the workspace's folder.
pub fn cargo<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(workspace_root());
    command
}

/// Whether `cargo SUBCOMMAND` can be run here.
pub fn has_subcommand(subcommand: &str) -> bool {
    let mut probe = cargo([subcommand, "--version"]);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Runs a command with our own input and output; fails when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let line = command_line(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

/// The command as a person would type it.
pub fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// What `cargo metadata` says, reduced to what we look at.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    pub workspace_members: Vec<String>,
    resolve: Resolve,
}

/// A package of the workspace or a library it uses.
#[derive(Debug, Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    /// An SPDX expression, as the package states it.
    pub license: Option<String>,
    /// What the manifest declares, dev- and build-dependencies included.
    pub dependencies: Vec<Dependency>,
    pub targets: Vec<Target>,
}

/// A dependency as declared.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub name: String,
}

/// Something a package builds.
#[derive(Debug, Deserialize)]
pub struct Target {
    pub name: String,
    pub kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Debug, Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// `None` is a normal dependency; the others are "dev" and "build".
    kind: Option<String>,
}

impl Metadata {
    /// Reads the workspace with the versions of `Cargo.lock`.
    ///
    /// Only this machine's platform is looked at, since cargo would otherwise want the sources of
    /// every other platform's libraries too, which no build has fetched.
    pub fn load() -> Result<Self> {
        let platform = host_platform()?;
        let args = ["metadata", "--format-version=1", "--locked", "--filter-platform", &platform];
        let mut command = cargo(args);
        let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
        let line = command_line(&command);
        ensure!(output.status.success(), "`{line}` failed; if Cargo.lock is behind, commit it");
        serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata printed")
    }

    /// The packages of this workspace.
    pub fn members(&self) -> Vec<&Package> {
        let is_member = |package: &&Package| self.workspace_members.contains(&package.id);
        self.packages.iter().filter(is_member).collect()
    }

    /// For each package the packages it is built with: normal dependencies only, by ID.
    pub fn normal_edges(&self) -> HashMap<&str, Vec<&str>> {
        self.resolve.nodes.iter().map(|node| (node.id.as_str(), node.normal())).collect()
    }
}

impl Node {
    fn normal(&self) -> Vec<&str> {
        let is_normal = |dependency: &&NodeDependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind.is_none())
        };
        self.deps.iter().filter(is_normal).map(|dependency| dependency.pkg.as_str()).collect()
    }
}

fn host_platform() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host platform")
}
