//! Links in the Markdown files: each relative one leads to a file, and to a heading in it.

use std::collections::{HashMap, HashSet};

use super::Finding;
use super::sources::{SourceFile, Sources};

/// Checks the links of every Markdown file.
pub(super) fn check(sources: &Sources) -> Vec<Finding> {
    let anchors: HashMap<&str, HashSet<String>> =
        sources.markdown().map(|file| (file.path.as_str(), anchors(file))).collect();
    let target = Targets { paths: &sources.paths, anchors: &anchors };
    let mut findings = Vec::new();
    for file in sources.markdown() {
        for (number, line) in prose(file) {
            let problems = links(&line).filter_map(|link| target.problem(&file.path, link));
            findings.extend(problems.map(|text| Finding::in_line(&file.path, number, text)));
        }
    }
    findings
}

/// What a link may lead to.
struct Targets<'a> {
    paths: &'a [String],
    anchors: &'a HashMap<&'a str, HashSet<String>>,
}

impl Targets<'_> {
    fn problem(&self, from: &str, link: &str) -> Option<String> {
        let is_elsewhere = link.contains("://") || link.starts_with("mailto:");
        if is_elsewhere {
            return None;
        }
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let Some(path) = resolve(from, file) else {
            return Some(format!(
                "the link {link} leads out of the project; name the thing instead"
            ));
        };
        if !self.exists(&path) {
            return Some(format!("the link {link} leads nowhere: there is no {path}"));
        }
        let headings = self.anchors.get(path.as_str());
        let is_missing =
            !anchor.is_empty() && headings.is_some_and(|headings| !headings.contains(anchor));
        is_missing.then(|| format!("the link {link} leads nowhere: {path} has no such heading"))
    }

    fn exists(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.paths.iter().any(|known| known == path || known.starts_with(&folder))
    }
}

/// The path from the project's folder; `None` when it leads out of it.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The lines outside of code blocks, without their code spans.
fn prose(file: &SourceFile) -> Vec<(usize, String)> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            lines.push((number, without_code(line)));
        }
    }
    lines
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Where the links of a line lead: `[text](target)`, images, and `[name]: target`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let definition = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    inline.chain(definition.and_then(|(_, target)| target.split_whitespace().next()))
}

/// The anchors of a file's headings, in the form that forges make of them.
fn anchors(file: &SourceFile) -> HashSet<String> {
    let mut anchors = HashSet::new();
    let mut in_code = false;
    for (_, line) in file.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if let Some(heading) = heading(line).filter(|_| !in_code) {
            let anchor = anchor(heading);
            let numbered = (1..).map(|number| format!("{anchor}-{number}"));
            let mut candidates = std::iter::once(anchor.clone()).chain(numbered);
            anchors.extend(candidates.find(|candidate| !anchors.contains(candidate)));
        }
    }
    anchors
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    if (1..=6).contains(&level) { text.strip_prefix(' ') } else { None }
}

fn anchor(heading: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let text: String = heading.trim().to_lowercase().chars().filter(|c| kept(*c)).collect();
    text.replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "# The `drover` book\n\n## Start\n\n## Start\n\n```\n# not a heading\n```\n";

    fn found(text: &str) -> Vec<String> {
        let sources = Sources::of(&[
            ("docs/README.md", BOOK),
            ("docs/adr/0001-a.md", text),
            ("LICENSE-MIT", ""),
        ]);
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let text = "[book](../README.md) [start](../README.md#start-1) [folder](..) \
            [top](../README.md#the-drover-book) [web](https://example.com/x#y)\n\
            ![licence](../../LICENSE-MIT \"title\")\n[name]: ../README.md\n\
            `[code](nowhere.md)`\n```\n[code](nowhere.md)\n```\n## Here\n[here](#here)\n";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found_with_their_line() {
        let cases = [
            ("[x](nowhere.md)", "there is no docs/adr/nowhere.md"),
            ("[x](../README.md#end)", "docs/README.md has no such heading"),
            ("[x](../README.md#not-a-heading)", "docs/README.md has no such heading"),
            ("[x](../../../shared/x.md)", "leads out of the project"),
            ("[x](#end)", "docs/adr/0001-a.md has no such heading"),
            ("[x]: nowhere.md", "there is no docs/adr/nowhere.md"),
        ];
        for (text, expected) in cases {
            let found = found(&format!("\n{text}"));
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].starts_with("docs/adr/0001-a.md:2: "), "{found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        }
    }
}
