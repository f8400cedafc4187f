//! How long a file and a line may be.

use super::Finding;
use super::sources::{SourceFile, Sources};

/// Lines of a file that are not tests.
const CODE_LINES_MAX: usize = 1000;

/// Characters of a line.
const LINE_CHARS_MAX: usize = 100;

/// A word this long (an address, a hash, a recorded header) cannot be broken to fit a line.
const UNBREAKABLE_CHARS: usize = 60;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Checks every Rust file.
pub(super) fn check(sources: &Sources) -> Vec<Finding> {
    sources.rust().flat_map(|file| long_lines(file).into_iter().chain(long_file(file))).collect()
}

fn long_lines(file: &SourceFile) -> Vec<Finding> {
    let is_long = |(_, line): &(usize, &str)| {
        let longest = line.split_whitespace().map(|word| word.chars().count()).max();
        line.chars().count() > LINE_CHARS_MAX && longest.unwrap_or(0) < UNBREAKABLE_CHARS
    };
    let message = format!("longer than {LINE_CHARS_MAX} characters; break it");
    let lines = file.lines().filter(is_long);
    lines.map(|(number, _)| Finding::in_line(&file.path, number, message.as_str())).collect()
}

fn long_file(file: &SourceFile) -> Option<Finding> {
    let count = code_lines(file);
    let is_known = LONG_FILES.iter().any(|(path, _)| *path == file.path);
    let advice = "split it by concept, or give the reason in xtask/src/tidy/lengths.rs";
    let message = format!("{count} lines of code, more than {CODE_LINES_MAX}; {advice}");
    (count > CODE_LINES_MAX && !is_known).then(|| Finding::in_file(&file.path, message))
}

/// The lines before the file's tests, which stand last.
fn code_lines(file: &SourceFile) -> usize {
    if file.is_test() {
        return 0;
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let starts_tests = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    lines.windows(2).position(starts_tests).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let sources = Sources::of(&[(path, text)]);
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_long_line_is_found_unless_it_cannot_be_broken() {
        let words = "// ".to_owned() + &"word ".repeat(20);
        let found_at = found("crates/a/src/lib.rs", &format!("//\n{words}"));
        assert_eq!(found_at.len(), 1);
        assert!(found_at[0].starts_with("crates/a/src/lib.rs:2: longer than 100"), "{found_at:?}");
        let umlauts = format!("// {}", "ü ".repeat(48));
        assert_eq!(found("crates/a/src/lib.rs", &umlauts), [""; 0]);
        let address = format!("// See https://example.com/{}", "a".repeat(100));
        assert_eq!(found("crates/a/src/lib.rs", &address), [""; 0]);
    }

    #[test]
    fn a_long_file_is_found_by_its_code_alone() {
        let code = "x\n".repeat(CODE_LINES_MAX);
        let tests = "#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(found("crates/a/src/lib.rs", &format!("{code}{tests}")), [""; 0]);
        let longer = found("crates/a/src/lib.rs", &format!("{code}x\n{tests}"));
        assert!(longer[0].contains("1001 lines of code"), "{longer:?}");
        assert_eq!(found("crates/a/src/b/tests.rs", &format!("{code}x\n")), [""; 0]);
    }
}
