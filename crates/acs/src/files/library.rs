//! Files on disk: the bytes under their digest, and for each name a note of what it stands for.
//!
//! ```text
//! files/key                   signs the URLs
//! files/content/<digest>      bytes, once for all names that have them
//! files/names/<digest>.json   a name with its metadata and the digest of its bytes
//! files/incoming/<token>      what is being received; cleared at start
//! ```
//!
//! A file exists once its note is on disk. The note is written after the bytes and synced, so a
//! machine that loses power has the whole file or the one before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::ops::Bound;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drover_provision::FileKey;
use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tracing::warn;

use crate::entropy::{self, NoEntropy};
use crate::limits::{FILE_METADATA_BYTES_MAX, FILE_NAME_BYTES_MAX, FILES_MAX};

const CONTENT: &str = "content";
const NAMES: &str = "names";
const INCOMING: &str = "incoming";
const KEY: &str = "key";

/// The folder of files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("files.folder: {path}: {source}; check the rights, or choose another folder")]
pub struct FilesError {
    path: PathBuf,
    source: io::Error,
}

/// What a person says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    /// As in Download, such as `1 Firmware Upgrade Image`.
    pub(crate) file_type: String,
    pub(crate) oui: String,
    pub(crate) product_class: String,
    pub(crate) version: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileInfo {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) metadata: Metadata,
    /// Bytes.
    pub(crate) length: u64,
    /// SHA-256 in hex.
    pub(crate) digest: String,
    /// When it was stored.
    pub(crate) stored: Timestamp,
}

impl FileInfo {
    pub(crate) fn entity_tag(&self) -> String {
        format!("\"{}\"", self.digest)
    }
}

/// A file that is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    #[error(
        "the name must have 1 to {FILE_NAME_BYTES_MAX} bytes, and neither control characters nor \
         a segment that is empty, \".\" or \"..\""
    )]
    Name,
    #[error("fileType, oui, productClass and version may have {FILE_METADATA_BYTES_MAX} bytes")]
    Metadata,
    #[error("there are {FILES_MAX} files already; delete some")]
    TooMany,
    #[error("the file has more than {0} bytes")]
    TooLarge(u64),
    #[error("the rest of the file did not come in time")]
    TooSlow,
    #[error("the connection broke off: {0}")]
    Lost(String),
    #[error("the file cannot be stored")]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Rejected {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Name | Self::Metadata | Self::Lost(_) => StatusCode::BAD_REQUEST,
            Self::TooMany => StatusCode::INSUFFICIENT_STORAGE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Disk(_) | Self::Entropy(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// All files.
#[derive(Debug)]
pub(crate) struct Library {
    folder: PathBuf,
    key: FileKey,
    names: Mutex<BTreeMap<String, Arc<FileInfo>>>,
    /// Held while files come and go on disk.
    changing: Mutex<()>,
}

impl Library {
    /// Opens a folder, which is made if there is none. Blocks.
    ///
    /// # Errors
    /// [`FilesError`] when it cannot be made, read or written.
    pub(crate) fn open(folder: &Path) -> Result<Self, FilesError> {
        let within = |path: &Path| {
            let path = path.to_owned();
            move |source| FilesError { path, source }
        };
        for part in [CONTENT, NAMES, INCOMING] {
            let path = folder.join(part);
            // As the database: nobody else reads what devices have uploaded.
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(within(&path))?;
        }
        sync_folder(folder).map_err(within(folder))?;
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.map_or(Ok(()), sync_folder).map_err(within(folder))?;
        let incoming = folder.join(INCOMING);
        clear(&incoming, |_| true).map_err(within(&incoming))?;
        let key = folder.join(KEY);
        let key = key_of(&key).map_err(within(&key))?;
        let folder_of_names = folder.join(NAMES);
        let names = read_names(folder).map_err(within(&folder_of_names))?;
        let used: BTreeSet<&str> = names.values().map(|info| info.digest.as_str()).collect();
        let content = folder.join(CONTENT);
        clear(&content, |name| !used.contains(name)).map_err(within(&content))?;
        let names = Mutex::new(names);
        Ok(Self { folder: folder.to_owned(), key, names, changing: Mutex::default() })
    }

    pub(crate) const fn key(&self) -> &FileKey {
        &self.key
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<FileInfo>> {
        self.names().get(name).cloned()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.names().len()
    }

    /// The next files by name, after this one.
    pub(crate) fn page(&self, after: Option<&str>, count: usize) -> Vec<Arc<FileInfo>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = self.names();
        let rest = names.range::<str, _>((from, Bound::Unbounded));
        rest.take(count).map(|(_, info)| Arc::clone(info)).collect()
    }

    /// Where the bytes of a file lie.
    pub(crate) fn path_of(&self, info: &FileInfo) -> PathBuf {
        self.folder.join(CONTENT).join(&info.digest)
    }

    /// Begins to receive a file.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        name: String,
        metadata: Metadata,
    ) -> Result<Incoming, Rejected> {
        check_name(&name)?;
        let Metadata { file_type, oui, product_class, version } = &metadata;
        let texts = [file_type, oui, product_class, version];
        if texts.iter().any(|text| text.len() > FILE_METADATA_BYTES_MAX) {
            return Err(Rejected::Metadata);
        }
        {
            let names = self.names();
            if names.len() >= FILES_MAX && !names.contains_key(&name) {
                return Err(Rejected::TooMany);
            }
        }
        let path = self.folder.join(INCOMING).join(entropy::token()?.to_string());
        let file = tokio::fs::File::create_new(&path).await?;
        let left_over = LeftOver(path);
        let (hasher, length) = (Sha256::new(), 0);
        Ok(Incoming { library: Arc::clone(self), name, metadata, file, left_over, hasher, length })
    }

    /// Removes a file, and says whether there was one.
    pub(crate) async fn remove(self: &Arc<Self>, name: String) -> io::Result<bool> {
        let library = Arc::clone(self);
        let work = move || {
            let _changing = library.lock_changes();
            let Some(info) = library.find(&name) else { return Ok(false) };
            let note = library.note_of(&name);
            fs::remove_file(&note)?;
            sync_folder(&library.folder.join(NAMES))?;
            library.names().remove(&name);
            library.drop_content(&info.digest);
            Ok(true)
        };
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }

    /// Makes received bytes the file of a name. Blocks.
    fn commit(&self, incoming: &Path, info: FileInfo) -> io::Result<Arc<FileInfo>> {
        let _changing = self.lock_changes();
        let content = self.path_of(&info);
        fs::rename(incoming, &content)?;
        sync_folder(&self.folder.join(CONTENT))?;
        let note = self.note_of(&info.name);
        let text = serde_json::to_vec(&info).map_err(io::Error::other)?;
        let unfinished = note.with_extension("new");
        let mut file = fs::File::create(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&unfinished, &note)?;
        sync_folder(&self.folder.join(NAMES))?;
        let info = Arc::new(info);
        let before = self.names().insert(info.name.clone(), Arc::clone(&info));
        if let Some(before) = before {
            self.drop_content(&before.digest);
        }
        Ok(info)
    }

    /// Removes bytes that no name stands for. They do no harm if they stay.
    fn drop_content(&self, digest: &str) {
        if self.names().values().any(|info| info.digest == digest) {
            return;
        }
        let path = self.folder.join(CONTENT).join(digest);
        if let Err(error) = fs::remove_file(&path) {
            warn!(%error, path = %path.display(), "an old file cannot be removed");
        }
    }

    fn note_of(&self, name: &str) -> PathBuf {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        self.folder.join(NAMES).join(hex(&hasher.finalize())).with_extension("json")
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Arc<FileInfo>>> {
        // No code panics while it holds the lock.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_changes(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is being received.
#[derive(Debug)]
pub(crate) struct Incoming {
    library: Arc<Library>,
    name: String,
    metadata: Metadata,
    file: tokio::fs::File,
    left_over: LeftOver,
    hasher: Sha256,
    length: u64,
}

impl Incoming {
    /// Bytes so far.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.file.write_all(bytes).await
    }

    /// Returns when the file is on disk, in place of the one that had its name.
    pub(crate) async fn finish(mut self) -> Result<Arc<FileInfo>, Rejected> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let Self { library, name, metadata, left_over, hasher, length, .. } = self;
        let digest = hex(&hasher.finalize());
        let info = FileInfo { name, metadata, length, digest, stored: Timestamp::now() };
        let work = move || library.commit(&left_over.0, info);
        let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
        Ok(done?)
    }
}

/// Removes what was received of a file, unless it has become one.
#[derive(Debug)]
struct LeftOver(PathBuf);

impl Drop for LeftOver {
    fn drop(&mut self) {
        // A file that was renamed is not there; any other is cleared at the next start at the
        // latest.
        let _ = fs::remove_file(&self.0);
    }
}

fn check_name(name: &str) -> Result<(), Rejected> {
    let is_legal = (1..=FILE_NAME_BYTES_MAX).contains(&name.len())
        && !name.chars().any(char::is_control)
        && !name.contains('\\')
        && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    is_legal.then_some(()).ok_or(Rejected::Name)
}

fn read_names(folder: &Path) -> io::Result<BTreeMap<String, Arc<FileInfo>>> {
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(folder.join(NAMES))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            // The write of a note that was cut short.
            fs::remove_file(&path)?;
            continue;
        }
        let info: FileInfo = match serde_json::from_slice(&fs::read(&path)?) {
            Ok(info) => info,
            Err(error) => {
                warn!(path = %path.display(), %error, "the note of a file cannot be read");
                continue;
            }
        };
        let is_digest = info.digest.len() == 64
            && info.digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let content = folder.join(CONTENT).join(&info.digest);
        if !is_digest || fs::metadata(&content).map(|it| it.len()).ok() != Some(info.length) {
            warn!(file = info.name, path = %content.display(), "the bytes of a file are missing");
            continue;
        }
        names.insert(info.name.clone(), Arc::new(info));
    }
    Ok(names)
}

/// Removes the files of a folder that are not wanted.
fn clear(folder: &Path, is_unwanted: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&is_unwanted) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The key in this file, which is made if there is none.
fn key_of(path: &Path) -> io::Result<FileKey> {
    match fs::read(path) {
        Ok(bytes) => {
            let bytes = bytes.try_into().map_err(|bytes: Vec<u8>| {
                let text = format!("has {} bytes and not 64; delete it for a new one", bytes.len());
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
            Ok(FileKey::new(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bytes = entropy::bytes().map_err(io::Error::other)?;
            let unfinished = path.with_extension("new");
            let mut options = fs::OpenOptions::new();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&unfinished)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, path)?;
            path.parent().map_or(Ok(()), sync_folder)?;
            Ok(FileKey::new(bytes))
        }
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn put(library: &Arc<Library>, name: &str, bytes: &[u8]) -> Arc<FileInfo> {
        let mut incoming = library.begin(name.to_owned(), Metadata::default()).await.expect("room");
        for chunk in bytes.chunks(3) {
            incoming.write(chunk).await.expect("written");
        }
        incoming.finish().await.expect("stored")
    }

    fn open(folder: &Path) -> Arc<Library> {
        Arc::new(Library::open(folder).expect("a library"))
    }

    fn count(folder: &Path, part: &str) -> usize {
        fs::read_dir(folder.join(part)).expect("a folder").count()
    }

    #[tokio::test]
    async fn files_are_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let library = open(folder);
        let (one, two) =
            (put(&library, "one", b"bytes").await, put(&library, "a/ü", b"bytes").await);
        assert_eq!((one.length, &one.digest), (5, &two.digest));
        assert_eq!(count(folder, CONTENT), 1, "the same bytes lie there once");
        put(&library, "one", b"others").await;
        assert_eq!(count(folder, CONTENT), 2);
        let again = open(folder);
        assert_eq!(again.page(None, 9), library.page(None, 9));
        assert_eq!(again.key(), library.key());
        let one = again.find("one").expect("one");
        assert_eq!(fs::read(again.path_of(&one)).expect("bytes"), b"others");
        assert!(again.remove("one".to_owned()).await.expect("removed"));
        assert!(!again.remove("one".to_owned()).await.expect("gone"));
        assert_eq!((count(folder, CONTENT), count(folder, NAMES)), (1, 1));
        assert!(again.find("a/ü").is_some());
    }

    #[test]
    fn nobody_else_reads_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = folder.path().join("files");
        open(&files);
        for (path, mode) in [("", 0o700), (CONTENT, 0o700), (NAMES, 0o700), (KEY, 0o600)] {
            let metadata = fs::metadata(files.join(path)).expect(path);
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
        }
    }

    #[tokio::test]
    async fn what_did_not_come_whole_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let library = open(folder);
        let mut incoming =
            library.begin("one".to_owned(), Metadata::default()).await.expect("room");
        incoming.write(b"by").await.expect("written");
        assert_eq!(count(folder, INCOMING), 1);
        drop(incoming);
        assert_eq!(count(folder, INCOMING), 0);
        assert!(library.count() == 0);
        // What a killed server leaves: parts, bytes without a name, half a note.
        for (part, name) in [(INCOMING, "x"), (CONTENT, "y"), (NAMES, "z.new")] {
            fs::write(folder.join(part).join(name), b"part").expect("written");
        }
        fs::write(folder.join(NAMES).join("broken.json"), b"{").expect("written");
        let library = open(folder);
        assert!(library.count() == 0);
        assert_eq!((count(folder, INCOMING), count(folder, CONTENT)), (0, 0));
        assert_eq!(count(folder, NAMES), 1, "a broken note is left for a person to look at");
    }

    #[tokio::test]
    async fn names_that_are_paths_are_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = open(folder.path());
        let long = "x".repeat(FILE_NAME_BYTES_MAX + 1);
        for name in
            ["", ".", "..", "../key", "a/../../key", "/etc/passwd", "a//b", "a\0", "a\\b", &long]
        {
            let rejected = library.begin(name.to_owned(), Metadata::default()).await;
            assert!(matches!(rejected, Err(Rejected::Name)), "{name:?}");
        }
        let version = "x".repeat(FILE_METADATA_BYTES_MAX + 1);
        let metadata = Metadata { version, ..Metadata::default() };
        let rejected = library.begin("a".to_owned(), metadata).await;
        assert!(matches!(rejected, Err(Rejected::Metadata)));
        fs::write(folder.path().join(KEY), b"short").expect("written");
        let error = Library::open(folder.path()).expect_err("no key").to_string();
        assert!(error.contains("has 5 bytes and not 64"), "{error}");
    }
}
