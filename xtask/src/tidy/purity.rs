//! The packages without I/O: nothing that reaches the world may stand in their tree.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Finding;
use crate::cargo::Metadata;

/// The packages that do no I/O, read no clock and draw no random numbers.
pub(super) const PURE_PACKAGES: &[&str] =
    &["drover-cwmp", "drover-datamodel", "drover-cpe", "drover-provision"];

/// Libraries that open sockets or files, start threads or draw random numbers.
const WORLDLY: &[&str] =
    &["tokio", "async-std", "smol", "mio", "hyper", "socket2", "rusqlite", "getrandom", "rand"];

/// Looks at everything the pure packages are built with (their tests may use more).
pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    let edges = metadata.normal_edges();
    let names: HashMap<&str, &str> =
        metadata.packages.iter().map(|package| (&*package.id, &*package.name)).collect();
    let members = metadata.members();
    let pure = members.iter().filter(|package| PURE_PACKAGES.contains(&package.name.as_str()));
    pure.flat_map(|package| check_package(&package.id, &edges, &names)).collect()
}

fn check_package(
    package: &str,
    edges: &HashMap<&str, Vec<&str>>,
    names: &HashMap<&str, &str>,
) -> Vec<Finding> {
    let name = |id: &str| names.get(id).copied().unwrap_or_default().to_owned();
    let mut findings = Vec::new();
    for path in paths_to_all(package, edges) {
        let path: Vec<String> = path.into_iter().map(name).collect();
        if path.last().is_some_and(|last| WORLDLY.contains(&last.as_str())) {
            let place = format!("Cargo.toml of {}", path[0]);
            let chain = path.join(" → ");
            let message = format!("a package without I/O is built with {chain}; drop that library");
            findings.push(Finding::in_file(&place, message));
        }
    }
    findings
}

/// The shortest way from a package to each package it is built with, by ID.
fn paths_to_all<'a>(start: &'a str, edges: &HashMap<&str, Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut seen = HashSet::from([start]);
    let mut queue = VecDeque::from([vec![start]]);
    let mut paths = Vec::new();
    while let Some(path) = queue.pop_front() {
        let last = path.last().copied().unwrap_or(start);
        for next in edges.get(last).into_iter().flatten().filter(|next| seen.insert(next)) {
            queue.push_back([path.as_slice(), &[*next]].concat());
        }
        paths.push(path);
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(kind: &str) -> Metadata {
        let text = format!(
            r#"{{
                "packages": [
                    {{"id": "c", "name": "drover-cwmp", "version": "1.0.0", "license": null,
                      "dependencies": [], "targets": []}},
                    {{"id": "x", "name": "bridge", "version": "1.0.0", "license": null,
                      "dependencies": [], "targets": []}},
                    {{"id": "t", "name": "tokio", "version": "1.0.0", "license": null,
                      "dependencies": [], "targets": []}}
                ],
                "workspace_members": ["c"],
                "resolve": {{"nodes": [
                    {{"id": "c", "deps": [{{"pkg": "x", "dep_kinds": [{{"kind": {kind}}}]}}]}},
                    {{"id": "x", "deps": [{{"pkg": "t", "dep_kinds": [{{"kind": null}}]}}]}},
                    {{"id": "t", "deps": []}}
                ]}}
            }}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_library_behind_a_library_is_found() {
        let findings = check(&metadata("null"));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("drover-cwmp → bridge → tokio"), "{findings:?}");
    }

    #[test]
    fn what_only_tests_use_is_not_looked_at() {
        assert_eq!(check(&metadata("\"dev\"")), []);
    }
}
