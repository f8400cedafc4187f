//! Requirement IDs: each one that is cited stands in the project's list.

use std::collections::HashSet;

use super::Finding;
use super::sources::Sources;

/// The list: one ID a line, in the order of the requirements document.
pub(super) const LIST: &str = "docs/requirements.txt";

/// Checks every citation in code, tests and docs.
pub(super) fn check(sources: &Sources, list: &str) -> Vec<Finding> {
    let known: HashSet<&str> = list.lines().collect();
    let prefixes: HashSet<&str> = known.iter().filter_map(|id| prefix(id)).collect();
    let mut findings = Vec::new();
    let citing = sources.files.iter().filter(|file| file.is_rust() || file.is_markdown());
    for file in citing {
        for (number, line) in file.lines() {
            let ids = ids(line).filter(|id| prefix(id).is_some_and(|it| prefixes.contains(it)));
            for id in ids.filter(|id| !known.contains(id)) {
                let message = format!("there is no requirement {id}; those there are: {LIST}");
                findings.push(Finding::in_line(&file.path, number, message));
            }
        }
    }
    findings
}

/// `SES` for `SES-12`.
fn prefix(id: &str) -> Option<&str> {
    id.split_once('-').map(|(prefix, _)| prefix)
}

/// The words of a line that look like an ID: 2 to 6 capitals, a dash, two digits, perhaps a
/// letter (`SES-12` for one).
fn ids(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    line.split(move |c: char| !is_part(c)).filter(|word| is_id(word))
}

fn is_id(word: &str) -> bool {
    let Some((prefix, number)) = word.split_once('-') else {
        return false;
    };
    let digits = number.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or(number);
    (2..=6).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.len() == 2
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST_TEXT: &str = "SES-01\nSES-02\nID-01\n";

    fn found(line: &str) -> Vec<String> {
        let sources = Sources::of(&[("crates/a/src/lib.rs", line)]);
        check(&sources, LIST_TEXT).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_citation_that_exists_is_fine() {
        assert_eq!(found("/// Ends the session (`SES-02`, ID-01, SES-01..02)."), [""; 0]);
    }

    #[test]
    fn other_words_are_not_citations() {
        assert_eq!(found("// TR-069, UTF-16, SHA-25, SES-1, X-SES-77, SES-770, SES_99"), [""; 0]);
    }

    #[test]
    fn an_unknown_number_is_found_with_its_line() {
        // Put together here, so that this file itself cites nothing unknown.
        let unknown = ["SES", "77"].join("-");
        let found = found(&format!("//\n/// {unknown}: see {unknown}a"));
        assert_eq!(found.len(), 2, "{found:?}");
        let expected = format!("crates/a/src/lib.rs:2: there is no requirement {unknown};");
        assert!(found[0].starts_with(&expected), "{found:?}");
    }
}
