//! Marks of unfinished work, sleeping, and serialisable types in the core.

use super::Finding;
use super::sources::{SourceFile, Sources};

/// Text that no Rust file may hold, and what to do instead. Each is written in two halves, so
/// that this file does not hold it.
const BANNED: &[([&str; 2], &str)] = &[
    (["todo", "!("], "finish it, or leave it out"),
    (["unimplemented", "!("], "finish it, or leave it out"),
    (["dbg", "!("], "use a trace event, or remove it"),
    (["TO", "DO"], "do it, or open an issue and remove the note"),
    (["FIX", "ME"], "mend it, or open an issue and remove the note"),
    (["#[ign", "ore"], "mend the test or delete it: a test that does not run shows nothing"),
    (["assert!(tr", "ue"], "check something that can be false"),
    (["thread::sl", "eep"], "wait for the event itself, with a time limit"),
];

/// The folders of the packages whose types are not serialisable: views at the edges are.
const CORE: &[&str] =
    &["crates/cwmp/src/", "crates/datamodel/src/", "crates/cpe/src/", "crates/provision/src/"];

/// Checks every Rust file, line by line.
pub(super) fn check(sources: &Sources) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in sources.rust() {
        for (number, line) in file.lines() {
            let problems = banned(line).chain(serializable(file, line));
            findings.extend(problems.map(|text| Finding::in_line(&file.path, number, text)));
        }
    }
    findings
}

fn banned(line: &str) -> impl Iterator<Item = String> {
    BANNED.iter().filter_map(move |(halves, advice)| {
        let mark = halves.concat();
        line.contains(&mark).then(|| format!("`{mark}`: {advice}"))
    })
}

fn serializable(file: &SourceFile, line: &str) -> Option<String> {
    let is_core = CORE.iter().any(|folder| file.path.starts_with(folder)) && !file.is_test();
    let code = line.split("//").next().unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let found = is_core && code.split(|c| !is_word(c)).any(|word| word == "Serialize");
    let advice = "a core type is not serialisable: give the edge that needs it a view type";
    found.then(|| advice.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, line: &str) -> Vec<String> {
        let sources = Sources::of(&[(path, line)]);
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_mark_is_found() {
        for (halves, advice) in BANNED {
            let line = format!("\n    {}", halves.concat());
            let found = found("crates/acs/src/lib.rs", &line);
            assert_eq!(found.len(), 1, "{line}");
            assert!(
                found[0].starts_with("crates/acs/src/lib.rs:2: ") && found[0].ends_with(advice)
            );
        }
    }

    #[test]
    fn a_core_type_is_not_serialisable() {
        let line = "#[derive(Clone, Serialize)]";
        assert_eq!(found("crates/cwmp/src/event.rs", line).len(), 1);
        assert_eq!(found("crates/cwmp/src/event.rs", "use serde::Serialize;").len(), 1);
        assert_eq!(found("crates/acs/src/nbi/view.rs", line), [""; 0]);
        assert_eq!(found("crates/cwmp/src/event.rs", "// no Serialize here"), [""; 0]);
    }
}
