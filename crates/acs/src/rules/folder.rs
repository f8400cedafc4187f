//! A folder of rules: what is in it, and what has changed since the last look.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use drover_provision::rules::{InvalidResource, ResourceKind};
use tracing::{info, warn};

use super::place::line_of;
use super::{Key, Problem, check_name};
use crate::limits::{RESOURCE_BYTES_MAX, RESOURCES_BYTES_MAX, RESOURCES_MAX, RULE_ENTRIES_MAX};

/// The kinds that files hold, with their ending.
const KINDS: [(ResourceKind, &str); 4] = [
    (ResourceKind::Preset, ".json"),
    (ResourceKind::Provision, ".js"),
    (ResourceKind::VirtualParameter, ".js"),
    (ResourceKind::Object, ".json"),
];

/// Endings of what editors and the like leave behind.
const LEFTOVERS: [&str; 8] = ["~", ".swp", ".swo", ".swx", ".tmp", ".bak", ".orig", ".rej"];

/// A file that changed less than this long ago is read again: it may change once more without a
/// trace, since the clock of files does not tick finely.
const RECENT: Duration = Duration::from_secs(2);

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    files: BTreeMap<Key, File>,
    /// What was said of files that cannot be read, so that it is said once.
    told: BTreeMap<PathBuf, String>,
    /// What was said not to be used.
    unused: BTreeSet<PathBuf>,
}

/// A file that could be read.
#[derive(Debug)]
struct File {
    path: PathBuf,
    signature: Signature,
    /// What it holds.
    text: String,
    /// Whether that cannot be used.
    is_rejected: bool,
    /// What it held before, if that could be used and `text` was not yet seen to be of use.
    good: Option<String>,
}

/// What tells that a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    bytes: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Whether that was long enough ago.
    is_settled: bool,
}

/// What is in a folder.
#[derive(Debug, Default)]
struct Listing {
    candidates: Vec<(Key, PathBuf)>,
    problems: Vec<Problem>,
    unused: BTreeSet<PathBuf>,
    entries: usize,
}

impl Folder {
    /// Reads a folder, and says which of its files cannot be read.
    pub(super) fn open(root: &Path) -> (Self, Vec<Problem>) {
        let mut folder = Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
            told: BTreeMap::new(),
            unused: BTreeSet::new(),
        };
        let (_, problems) = folder.read();
        (folder, problems)
    }

    /// Looks at the folder again. Whether something changed.
    pub(super) fn look(&mut self) -> bool {
        let (changed, problems) = self.read();
        for file in &changed {
            info!(file = %file.display(), "a file of rules has changed");
        }
        let mut told = BTreeMap::new();
        for problem in problems {
            let text = problem.to_string();
            if self.told.get(&problem.file) != Some(&text) {
                warn!(problem = text, "a file of rules cannot be read; what it was before stays");
            }
            told.insert(problem.file, text);
        }
        self.told = told;
        !changed.is_empty()
    }

    /// Reads what has changed, and names it.
    fn read(&mut self) -> (Vec<PathBuf>, Vec<Problem>) {
        let root = match readable(&self.root) {
            Ok(root) => root,
            // What was there stays: a folder that is away for a moment deletes nothing.
            Err(error) => {
                let reason = format!("the folder cannot be read: {error}");
                return (Vec::new(), vec![Problem::of(&self.root, reason)]);
            }
        };
        let Listing { candidates, mut problems, unused, .. } = Listing::of(&self.root);
        for path in unused.difference(&self.unused) {
            warn!(file = %path.display(), "this is not used: it is no preset and no script");
        }
        self.unused = unused;
        let mut changed = Vec::new();
        let mut before = std::mem::take(&mut self.files);
        let mut bytes = 0usize;
        for (key, path) in candidates {
            let mut file = before.remove(&key);
            match read_if_changed(&root, &path, file.as_ref().map(|file| file.signature)) {
                Ok(None) => {}
                Ok(Some((signature, text))) => {
                    if file.as_ref().is_none_or(|file| file.text != text) {
                        changed.push(path.clone());
                    }
                    file = Some(File::read(file, path.clone(), signature, text));
                }
                // What could be read last counts on.
                Err(reason) => problems.push(Problem { file: path.clone(), ..reason }),
            }
            let Some(file) = file else { continue };
            bytes = bytes.saturating_add(file.text.len());
            if bytes > RESOURCES_BYTES_MAX {
                let reason =
                    format!("all files together have more than {RESOURCES_BYTES_MAX} bytes");
                problems.push(Problem::of(&path, reason));
                continue;
            }
            self.files.insert(key, file);
        }
        changed.extend(before.into_values().map(|file| file.path));
        (changed, problems)
    }

    /// The file with this name.
    pub(super) fn file(&self, key: &Key) -> Option<&Path> {
        self.files.get(key).map(|file| file.path.as_path())
    }

    /// The kinds of all files.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &ResourceKind> {
        self.files.keys().map(|(kind, _)| kind)
    }

    /// What counts of each file.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&Key, &str)> {
        self.files.iter().filter_map(|(key, file)| Some((key, file.counts()?)))
    }

    /// The place of a problem in one of the files.
    pub(super) fn problem(&self, invalid: &InvalidResource) -> Option<Problem> {
        let file = self.files.get(&(invalid.kind, invalid.name.clone()))?;
        let line = line_of(&file.text, &invalid.reason);
        // The place of a whole document is empty.
        let reason = invalid.reason.to_string().trim_start_matches(": ").to_owned();
        Some(Problem { file: file.path.clone(), line, reason })
    }

    /// Takes every file for what it holds, until told otherwise.
    pub(super) fn reconsider(&mut self) {
        self.files.values_mut().for_each(|file| file.is_rejected = false);
    }

    /// Takes files whose text cannot be used for what they held before. Whether there were any.
    pub(super) fn reject(&mut self, invalid: &[InvalidResource]) -> bool {
        let mut has_rejected = false;
        for InvalidResource { kind, name, .. } in invalid {
            if let Some(file) = self.files.get_mut(&(*kind, name.clone())) {
                file.is_rejected = true;
                has_rejected = true;
            }
        }
        has_rejected
    }

    /// Takes that all texts that were not rejected are of use.
    pub(super) fn settle(&mut self) {
        let accepted = self.files.values_mut().filter(|file| !file.is_rejected);
        accepted.for_each(|file| file.good = None);
    }
}

impl File {
    /// The file with what it holds now.
    fn read(before: Option<Self>, path: PathBuf, signature: Signature, text: String) -> Self {
        let good = match before {
            Some(before) if before.text == text => return Self { signature, ..before },
            Some(before) if before.is_rejected => before.good,
            before => before.map(|before| before.text),
        };
        Self { path, signature, text, is_rejected: false, good }
    }

    fn counts(&self) -> Option<&str> {
        if self.is_rejected { self.good.as_deref() } else { Some(&self.text) }
    }
}

impl Problem {
    fn of(file: &Path, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, reason: reason.into() }
    }
}

impl Signature {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let age = SystemTime::now().duration_since(modified);
        Self {
            bytes: metadata.size(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            is_settled: age.is_ok_and(|age| age > RECENT),
        }
    }
}

impl Listing {
    fn of(root: &Path) -> Self {
        let mut listing = Self::default();
        let is_kind = |name: &str| KINDS.iter().any(|(kind, _)| kind.collection() == name);
        for (path, name) in listing.entries_of(root) {
            let is_rule = name.ends_with(".js") || name.ends_with(".json");
            if !is_kind(&name) && (is_rule || path.is_dir()) {
                listing.unused.insert(path);
            }
        }
        for (kind, ending) in KINDS {
            listing.add_kind(&root.join(kind.collection()), kind, ending);
        }
        listing
    }

    fn add_kind(&mut self, folder: &Path, kind: ResourceKind, ending: &str) {
        for (path, file_name) in self.entries_of(folder) {
            let Some(name) = file_name.strip_suffix(ending) else {
                self.unused.insert(path);
                continue;
            };
            match check_name(kind, name) {
                Ok(()) if self.candidates.len() < RESOURCES_MAX => {
                    self.candidates.push(((kind, name.to_owned()), path));
                }
                Ok(()) => {
                    let reason = format!("there are more than {RESOURCES_MAX} files of rules");
                    self.problems.push(Problem::of(&path, reason));
                }
                Err(reason) => self.problems.push(Problem::of(&path, reason)),
            }
        }
    }

    /// What is in a folder, in the order of names, but for what is hidden or left behind. Nothing
    /// if there is no such folder.
    fn entries_of(&mut self, folder: &Path) -> Vec<(PathBuf, String)> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                let reason = format!("the folder cannot be read: {error}");
                self.problems.push(Problem::of(folder, reason));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for entry in entries {
            self.entries += 1;
            if self.entries > RULE_ENTRIES_MAX {
                let reason =
                    format!("the folder of rules has more than {RULE_ENTRIES_MAX} entries");
                self.problems.push(Problem::of(folder, reason));
                break;
            }
            match entry.map(|entry| (entry.path(), entry.file_name().into_string())) {
                Ok((path, Ok(name))) if !is_ignored(&name) => found.push((path, name)),
                Ok((_, Ok(_))) => {}
                Ok((path, Err(_))) => {
                    self.problems.push(Problem::of(&path, "the name of the file is not UTF-8"));
                }
                Err(error) => {
                    let reason = format!("the folder cannot be read: {error}");
                    self.problems.push(Problem::of(folder, reason));
                }
            }
        }
        found.sort();
        found
    }
}

/// Whether a file is hidden, or left behind by an editor.
fn is_ignored(name: &str) -> bool {
    let is_leftover = LEFTOVERS.iter().any(|ending| name.ends_with(ending));
    name.starts_with('.') || name.starts_with('#') || is_leftover
}

/// The folder without links in its path, if it can be listed.
fn readable(folder: &Path) -> io::Result<PathBuf> {
    let folder = folder.canonicalize()?;
    fs::read_dir(&folder)?;
    Ok(folder)
}

/// Reads a file, unless it is as it was at its last signature.
fn read_if_changed(
    root: &Path,
    path: &Path,
    last: Option<Signature>,
) -> Result<Option<(Signature, String)>, Problem> {
    let cannot = |error: io::Error| Problem::of(path, format!("the file cannot be read: {error}"));
    let target = path.canonicalize().map_err(cannot)?;
    if !target.starts_with(root) {
        let reason = format!("the link leads out of the folder, to {}", target.display());
        return Err(Problem::of(path, reason));
    }
    let metadata = fs::metadata(&target).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(Problem::of(path, "this is no file"));
    }
    let signature = Signature::of(&metadata);
    if signature.is_settled && last == Some(signature) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(RESOURCE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let file = fs::File::open(&target).map_err(cannot)?;
    file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > RESOURCE_BYTES_MAX {
        let reason = format!("the file has more than {RESOURCE_BYTES_MAX} bytes: split it");
        return Err(Problem::of(path, reason));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = Some(before.filter(|byte| **byte == b'\n').count() + 1);
        let reason = "the text is not UTF-8: save it so".to_owned();
        Problem { file: path.to_owned(), line, reason }
    })?;
    // Some editors mark UTF-8 so.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Some((signature, text)))
}
