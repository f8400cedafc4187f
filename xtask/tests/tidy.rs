//! The workspace keeps its own rules.

use xtask::cargo::workspace_root;

#[test]
fn the_workspace_is_tidy() {
    let findings = xtask::tidy::check(&workspace_root()).expect("the workspace can be read");
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}
