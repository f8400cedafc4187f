//! The project's own text files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders that hold nothing anybody wrote.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "corpus", "artifacts", "node_modules"];

/// What we read: everything else (recordings, keys, images) follows no rule of ours.
const EXTENSIONS: &[&str] = &["rs", "md", "toml", "txt"];

/// The text files of a workspace, by path.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) files: Vec<SourceFile>,
    /// Every file's path, whatever it holds: what a link may lead to.
    pub(super) paths: Vec<String>,
}

/// A file with its path from the workspace's folder, written with `/`.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(super) fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|part| part == "tests")
    }

    /// The lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

impl Sources {
    /// Reads every file below `root` that a person wrote.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut sources = Self::default();
        sources.read_folder(root, "")?;
        sources.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(sources)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries = fs::read_dir(folder).with_context(|| format!("cannot list {prefix}"))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let is_folder = entry.file_type()?.is_dir();
            if is_folder && !SKIPPED_FOLDERS.contains(&name.as_str()) {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else if !is_folder {
                self.read_file(&entry.path(), path)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, file: &Path, path: String) -> Result<()> {
        self.paths.push(path.clone());
        let extension = file.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            let bytes = fs::read(file).with_context(|| format!("cannot read {path}"))?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.files.push(SourceFile { path, text });
        }
        Ok(())
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_rust())
    }

    pub(super) fn markdown(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_markdown())
    }

    /// The text of a file that must be there.
    pub(super) fn text(&self, path: &str) -> Result<&str> {
        let file = self.files.iter().find(|file| file.path == path);
        file.map(|file| file.text.as_str()).with_context(|| format!("{path} is missing"))
    }

    /// A workspace that a test makes up.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut sources = Self::default();
        for (path, text) in files {
            sources.paths.push((*path).to_owned());
            sources.files.push(SourceFile { path: (*path).to_owned(), text: (*text).to_owned() });
        }
        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_wrote_and_nothing_built() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["src", "target"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("lib.rs"), "//! x\n").unwrap();
        }
        fs::write(folder.path().join("photo.png"), [0xff]).unwrap();
        let sources = Sources::read(folder.path()).unwrap();
        assert_eq!(sources.text("src/lib.rs").unwrap(), "//! x\n");
        assert_eq!(sources.files.len(), 1);
        assert!(sources.paths.contains(&"photo.png".to_owned()));
        assert!(sources.text("deny.toml").unwrap_err().to_string().contains("deny.toml"));
    }

    #[test]
    fn test_code_is_told_by_its_place() {
        let sources = Sources::of(&[
            ("crates/cwmp/src/path/tests.rs", ""),
            ("tests/src/lib.rs", ""),
            ("crates/agent/tests/run.rs", ""),
            ("crates/cwmp/src/path.rs", ""),
        ]);
        let is_test: Vec<bool> = sources.files.iter().map(SourceFile::is_test).collect();
        assert_eq!(is_test, [true, true, true, false]);
    }
}
