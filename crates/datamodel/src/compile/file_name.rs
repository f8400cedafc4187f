//! Names of data model files and specifications, and which file an import means (`XML-05`).

use std::collections::BTreeSet;

/// `tr-181-2-19-0-common.xml` or `urn:broadband-forum-org:tr-181-2-19-common`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileName<'a> {
    /// `tr-181`
    family: &'a str,
    /// `[2, 19, 0]`
    pub(crate) numbers: Vec<u32>,
    /// `common`; empty when there is none.
    suffix: &'a str,
}

impl<'a> FileName<'a> {
    /// Takes the name of a file apart; `None` when it does not follow the Forum's form.
    pub(crate) fn of_file(name: &'a str) -> Option<Self> {
        Self::parse(name.strip_suffix(".xml")?)
    }

    /// Takes the name of a specification apart. One published import has the ending of a file.
    pub(crate) fn of_spec(spec: &'a str) -> Option<Self> {
        let name = spec.rsplit_once(':')?.1;
        Self::parse(name.strip_suffix(".xml").unwrap_or(name))
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.match_indices('-').map(|(at, _)| at);
        // The family is a word and a number: it ends at the second dash, or with the text.
        parts.next()?;
        let end = parts.next().unwrap_or(text.len());
        let (family, rest) = text.split_at_checked(end)?;
        let (word, number) = family.split_once('-')?;
        if word.is_empty() || number.parse::<u32>().is_err() {
            return None;
        }
        let mut numbers = Vec::new();
        let mut suffix = rest.strip_prefix('-').unwrap_or(rest);
        while let Some((number, behind)) = leading_number(suffix) {
            numbers.push(number);
            suffix = behind;
        }
        Some(Self { family, numbers, suffix })
    }

    fn is_of(&self, other: &FileName<'_>) -> bool {
        self.family == other.family && self.suffix == other.suffix
    }
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let (head, behind) = text.split_once('-').unwrap_or((text, ""));
    head.parse().ok().map(|number| (number, behind))
}

/// The last part of a path or URL: imports name files relative to the document or by URL
/// (`DT-04`), and we look for all of them in one place.
pub(crate) fn base_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

/// Which of the known files an import means: that very one, or the highest version that the
/// specification names, or else the highest version that is not newer than the importing document.
pub(crate) fn choose<'k>(
    known: &'k BTreeSet<String>,
    file: &str,
    spec: Option<&str>,
    importer_spec: Option<&str>,
) -> Option<&'k str> {
    let file = base_name(file);
    if let Some(exact) = known.get(file) {
        return Some(exact);
    }
    let wanted = FileName::of_file(file)?;
    let candidates = || {
        let parsed = known.iter().filter_map(|name| Some((FileName::of_file(name)?, name)));
        parsed.filter(|(name, _)| name.is_of(&wanted) && name.numbers.starts_with(&wanted.numbers))
    };
    let highest = |limit: &dyn Fn(&[u32]) -> bool| {
        let fitting = candidates().filter(|(name, _)| limit(&name.numbers));
        fitting.max_by(|a, b| a.0.numbers.cmp(&b.0.numbers)).map(|(_, name)| name.as_str())
    };
    let spec = spec.and_then(FileName::of_spec).filter(|spec| spec.family == wanted.family);
    if let Some(spec) = spec.filter(|spec| !spec.numbers.is_empty())
        && let Some(found) = highest(&|numbers| numbers.starts_with(&spec.numbers))
    {
        return Some(found);
    }
    let importer = importer_spec.and_then(FileName::of_spec);
    let importer = importer.filter(|importer| importer.family == wanted.family);
    highest(&|numbers| importer.as_ref().is_none_or(|it| !is_newer(numbers, &it.numbers)))
}

/// Whether a version is newer than another, of which trailing numbers may be left out.
fn is_newer(numbers: &[u32], limit: &[u32]) -> bool {
    let shared = numbers.len().min(limit.len());
    numbers.get(..shared) > limit.get(..shared)
}

/// Whether what an import calls a specification is the one that the document has: they may differ
/// in trailing numbers that are left out, and old imports leave out the suffix.
pub(crate) fn is_same_spec(asked: &str, actual: &str) -> bool {
    if asked == actual {
        return true;
    }
    let (Some(asked), Some(actual)) = (FileName::of_spec(asked), FileName::of_spec(actual)) else {
        return false;
    };
    let prefix = |a: &[u32], b: &[u32]| a.starts_with(b) || b.starts_with(a);
    let suffix = asked.suffix == actual.suffix || asked.suffix.is_empty();
    asked.family == actual.family && suffix && prefix(&asked.numbers, &actual.numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_taken_apart() {
        let name = FileName::of_file("tr-181-2-19-0-wifi-cwmp.xml").unwrap();
        assert_eq!((name.family, name.suffix), ("tr-181", "wifi-cwmp"));
        assert_eq!(name.numbers, [2, 19, 0]);
        let spec = FileName::of_spec("urn:broadband-forum-org:tr-106").unwrap();
        assert_eq!((spec.family, spec.suffix), ("tr-106", ""));
        assert!(spec.numbers.is_empty());
        for odd in ["model.xml", "tr-181", "x-y-1.xml", "-.xml", "tr-.xml"] {
            assert_eq!(FileName::of_file(odd), None, "{odd}");
        }
    }

    #[test]
    fn xml_05_the_file_of_an_import() {
        let files = known(&[
            "tr-106-types.xml",
            "tr-181-2-18-0-common.xml",
            "tr-181-2-19-0-common.xml",
            "tr-181-2-19-10-common.xml",
            "tr-181-2-19-2-common.xml",
            "tr-181-2-20-0-common.xml",
            "tr-104-2-0-3-common.xml",
            "tr-104-2-0-2-cwmp-full.xml",
        ]);
        let spec = |text: &str| format!("urn:broadband-forum-org:{text}");
        let choose = |file, asked: &str, importer: &str| {
            choose(&files, file, Some(&spec(asked)), Some(&spec(importer)))
        };
        let cases = [
            ("tr-106-types.xml", "tr-106", "tr-181-2-19-1-cwmp", Some("tr-106-types.xml")),
            (
                "tr-181-2-common.xml",
                "tr-181-2-19-common",
                "tr-181-2-19-1-cwmp",
                Some("tr-181-2-19-10-common.xml"),
            ),
            (
                "tr-181-2-common.xml",
                "tr-181-2-17-common",
                "tr-181-2-18-0-cwmp",
                Some("tr-181-2-18-0-common.xml"),
            ),
            ("tr-181-2-common.xml", "tr-181-2-17-common", "tr-181-2-17-0-cwmp", None),
            (
                "tr-104-2-common.xml",
                "tr-104-2-0",
                "tr-104-2-0-2-cwmp",
                Some("tr-104-2-0-3-common.xml"),
            ),
            ("https://example.com/cwmp/tr-106-types.xml", "tr-106", "x", Some("tr-106-types.xml")),
            ("tr-104-2-cwmp.xml", "tr-104-2-0-cwmp", "tr-104-2-0", None),
            ("other.xml", "tr-104", "x", None),
        ];
        for (file, asked, importer, expected) in cases {
            assert_eq!(choose(file, asked, importer), expected, "{file} of {asked}");
        }
    }

    #[test]
    fn xml_05_specifications_may_leave_out_trailing_numbers() {
        let same = |a: &str, b: &str| is_same_spec(&format!("urn:x:{a}"), &format!("urn:x:{b}"));
        assert!(same("tr-181-2-19-common", "tr-181-2-19-0-common"));
        assert!(same("tr-104-2-0", "tr-104-2-0-3-common"));
        assert!(same("tr-106", "tr-106"));
        assert!(!same("tr-181-2-18-common", "tr-181-2-19-0-common"));
        assert!(!same("tr-181-2-19-wifi", "tr-181-2-19-0-common"));
        assert!(!same("tr-104-2-0", "tr-140-2-0"));
        assert!(!is_same_spec("nonsense", "urn:x:tr-1"));
    }
}
