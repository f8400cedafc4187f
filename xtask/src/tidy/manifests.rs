//! Each package takes lints and versions from the workspace, and is fenced when it is pure.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Finding;
use super::purity::PURE_PACKAGES;
use super::sources::{SourceFile, Sources};

/// Checks the manifest of each package of the workspace.
pub(super) fn check(sources: &Sources) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in sources.files.iter().filter(|file| is_member_manifest(file)) {
        let manifest: Table = file.text.parse().with_context(|| format!("in {}", file.path))?;
        if !follows_workspace(manifest.get("lints")) {
            let message = "add `[lints]` with `workspace = true`";
            findings.push(Finding::in_file(&file.path, message));
        }
        findings.extend(check_versions(&file.path, &manifest));
        findings.extend(check_fence(&file.path, &manifest, &sources.paths));
    }
    Ok(findings)
}

fn is_member_manifest(file: &SourceFile) -> bool {
    let SourceFile { path, .. } = file;
    let in_member = path.starts_with("crates/") || matches!(folder(path), "tests" | "xtask");
    in_member && path.ends_with("/Cargo.toml")
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn follows_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// A version stands once, in the workspace's manifest.
fn check_versions(path: &str, manifest: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in dependency_tables(manifest) {
        for (name, _) in table.iter().filter(|(_, value)| !follows_workspace(Some(value))) {
            let message = format!(
                "{name} states its own version or path: put it into `[workspace.dependencies]` \
                 of Cargo.toml and write `{name}.workspace = true` here"
            );
            findings.push(Finding::in_file(path, message));
        }
    }
    findings
}

fn dependency_tables(manifest: &Table) -> Vec<&Table> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table);
    let platforms = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let all = std::iter::once(manifest).chain(platforms);
    all.flat_map(|table| KINDS.map(|kind| table.get(kind)))
        .flatten()
        .filter_map(Value::as_table)
        .collect()
}

/// A pure package has a clippy.toml of its own: the one that bans I/O, clock and threads.
fn check_fence(path: &str, manifest: &Table, paths: &[String]) -> Option<Finding> {
    let name = manifest.get("package")?.get("name")?.as_str()?;
    let fence = format!("{}/clippy.toml", folder(path));
    let is_open = PURE_PACKAGES.contains(&name) && !paths.contains(&fence);
    let advice = "is missing: link it to crates/cwmp/clippy.toml, which bans I/O and clocks";
    is_open.then(|| Finding::in_file(&fence, advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"drover-cpe\"\n[lints]\nworkspace = true\n\
        [dependencies]\ndrover-cwmp.workspace = true\n\
        [target.'cfg(unix)'.dependencies]\nlibc = { workspace = true }\n";

    #[test]
    fn a_manifest_that_follows_the_workspace_is_fine() {
        let sources =
            Sources::of(&[("crates/cpe/Cargo.toml", GOOD), ("crates/cpe/clippy.toml", "")]);
        assert_eq!(check(&sources).unwrap(), []);
    }

    #[test]
    fn versions_lints_and_fence_are_missed() {
        let bad = GOOD
            .replace("[lints]\nworkspace = true", "")
            .replace("libc = { workspace = true }", "libc = \"0.2\"");
        let findings = check(&Sources::of(&[("crates/cpe/Cargo.toml", &bad)])).unwrap();
        let messages: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[0].contains("[lints]"), "{messages:?}");
        assert!(messages[1].contains("libc states its own version"), "{messages:?}");
        assert!(messages[2].starts_with("crates/cpe/clippy.toml: is missing"), "{messages:?}");
    }
}
