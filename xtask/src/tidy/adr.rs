//! The decisions in docs/adr: numbered from 0001 without gaps, and listed in the book.

use super::Finding;
use super::sources::Sources;

const FOLDER: &str = "docs/adr/";
const INDEX: &str = "docs/README.md";

/// Checks names and numbers of the decisions, and that each can be found from the index.
pub(super) fn check(sources: &Sources) -> Vec<Finding> {
    let mut paths: Vec<&str> = sources.paths.iter().map(String::as_str).collect();
    paths.retain(|path| path.starts_with(FOLDER));
    paths.sort_unstable();
    let index = sources.text(INDEX).unwrap_or_default();
    let mut findings = Vec::new();
    for (expected, path) in (1..).zip(&paths) {
        let name = &path[FOLDER.len()..];
        if number(name) != Some(expected) {
            let message = format!("the next decision is called {expected:04}-its-title.md");
            findings.push(Finding::in_file(path, message));
            break;
        }
        if !index.contains(&format!("(adr/{name})")) {
            findings.push(Finding::in_file(path, format!("link it from {INDEX}")));
        }
    }
    findings
}

/// 7 for `0007-its-title.md`.
fn number(name: &str) -> Option<u32> {
    let (digits, title) = name.strip_suffix(".md")?.split_once('-')?;
    let is_number = digits.len() == 4 && !title.is_empty();
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Vec<String> {
        let index = "[a](adr/0001-a.md) [b](adr/0002-b.md)";
        let paths: Vec<String> = names.iter().map(|name| format!("{FOLDER}{name}")).collect();
        let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        files.push((INDEX, index));
        check(&Sources::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn decisions_count_from_one() {
        assert_eq!(found(&["0001-a.md", "0002-b.md"]), [""; 0]);
        assert!(found(&["0001-a.md", "0003-c.md"])[0].contains("0002-its-title.md"));
        assert!(found(&["0001-a.md", "0001-b.md"])[0].contains("0002-its-title.md"));
        assert!(found(&["notes.md"])[0].contains("0001-its-title.md"));
    }

    #[test]
    fn a_decision_that_nothing_links_to_is_found() {
        let found = found(&["0001-a.md", "0002-c.md"]);
        assert_eq!(found, ["docs/adr/0002-c.md: link it from docs/README.md"]);
    }
}
