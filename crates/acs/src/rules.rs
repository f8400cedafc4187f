//! The rules of the server: from a folder of files, and from the northbound interface.
//!
//! What comes by the interface is kept in the store. A file takes the place of what is stored under
//! its name. Sessions get the rules as they are at their beginning.

mod folder;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use drover_provision::expression::Expression;
use drover_provision::rules::{InvalidResource, Resource, ResourceKind, Rules};
use drover_provision::{SessionConfig, check_setting};
use drover_store::{Error as StoreError, Store};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::{error, info, warn};

use crate::limits::{RESOURCE_BYTES_MAX, RESOURCE_NAME_BYTES_MAX, RESOURCES_BYTES_MAX};
use crate::server::ServeError;
use folder::Folder;

/// What a resource is known by.
type Key = (ResourceKind, String);

/// Files of a folder of rules that cannot be used: each with its line, if it has one, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesError {
    problems: Vec<Problem>,
}

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    file: PathBuf,
    /// The first line has 1.
    line: Option<usize>,
    reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, reason) = (self.file.display(), &self.reason);
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {reason}"),
            None => write!(f, "{file}: {reason}"),
        }
    }
}

impl fmt::Display for RulesError {
    /// One problem is one line; several stand below a line that says how many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.problems.as_slice() {
            return write!(f, "rules: {problem}");
        }
        write!(f, "rules: {} files cannot be used", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for RulesError {}

/// How many rules of each kind a folder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesSummary(BTreeMap<ResourceKind, usize>);

impl RulesSummary {
    fn of<'a>(kinds: impl IntoIterator<Item = &'a ResourceKind>) -> Self {
        let mut counts = BTreeMap::new();
        for kind in kinds {
            *counts.entry(*kind).or_default() += 1;
        }
        Self(counts)
    }
}

impl fmt::Display for RulesSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, (kind, count)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let plural = if *count == 1 { "" } else { "s" };
            write!(f, "{comma}{count} {kind}{plural}")?;
        }
        Ok(())
    }
}

/// Reads a folder of rules: `presets/*.json`, `provisions/*.js`, `virtual_parameters/*.js` and
/// `objects/*.json`, each named as its file is without the ending.
///
/// # Errors
/// [`RulesError`] names every file that cannot be used.
pub fn check_rules(folder: &Path) -> Result<RulesSummary, RulesError> {
    let (folder, _) = open_folder(folder, &[])?;
    Ok(RulesSummary::of(folder.kinds()))
}

/// Why a resource is not kept or not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotChanged {
    /// It has a name that none can have.
    #[error("{0}")]
    Name(String),
    /// It cannot be used.
    #[error("{}", of_text(.0))]
    Invalid(InvalidResource),
    /// The setting is no expression.
    #[error("the setting is no expression: {0}")]
    Expression(drover_provision::expression::ParseError),
    /// The setting has a value that it cannot have.
    #[error("{0}")]
    Setting(String),
    /// There are too many, or it is too long.
    #[error("{0}")]
    TooMuch(String),
    /// A file has this name.
    #[error("{kind} {name:?} is the file {}: change or remove that", .file.display())]
    File {
        /// What it is.
        kind: ResourceKind,
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mistake of ours.
    #[error("the rules could not be changed")]
    Broken,
}

/// What is wrong with a text, with the line where a script is.
fn of_text(invalid: &InvalidResource) -> String {
    let reason = &invalid.reason;
    match place::line_in_script(reason) {
        Some(line) => format!("{reason} (line {line})"),
        None => reason.to_string(),
    }
}

/// The rules that hold now, and where they came from.
#[derive(Debug)]
pub(crate) struct Rulebook {
    store: Store,
    /// How sessions are held before settings have a say.
    base: SessionConfig,
    current: RwLock<Current>,
    /// Locked while something changes.
    sources: Arc<Mutex<Sources>>,
}

#[derive(Debug, Clone, Default)]
struct Current {
    /// How a session is held that begins now.
    session: SessionConfig,
    resources: Arc<Vec<Resource>>,
}

#[derive(Debug, Default)]
struct Sources {
    folder: Option<Folder>,
    stored: BTreeMap<Key, String>,
    /// What was said of resources that cannot be used, so that it is said once.
    told: BTreeMap<Key, String>,
}

impl Rulebook {
    /// Reads the folder, if there is one, and what is stored.
    ///
    /// # Errors
    /// [`ServeError::Rules`] names every file that cannot be used, [`ServeError::Store`]. What is
    /// stored and cannot be used is logged, and left out.
    pub(crate) async fn open(
        folder: Option<&Path>,
        store: Store,
        base: SessionConfig,
    ) -> Result<Arc<Self>, ServeError> {
        let stored = store.resources().await?;
        let of_files = folder.map(|folder| open_folder(folder, &stored)).transpose()?;
        let (folder, known) = of_files.unzip();
        let stored = stored.into_iter().map(|it| ((it.kind, it.name), it.text)).collect();
        let sources = Sources { folder, stored, told: BTreeMap::new() };
        let rules = Arc::new(known.unwrap_or_default());
        let session = SessionConfig { rules, ..base.clone() };
        let current = Current { session, ..Current::default() };
        let sources = Arc::new(Mutex::new(sources));
        let rulebook = Arc::new(Self { store, base, current: RwLock::new(current), sources });
        rulebook.make(&mut *rulebook.sources.lock().await);
        let summary = RulesSummary::of(rulebook.resources().iter().map(|it| &it.kind));
        info!(rules = %summary, "rules");
        Ok(rulebook)
    }

    /// How a session is held that begins now.
    pub(crate) fn session_config(&self) -> SessionConfig {
        self.current().session
    }

    fn rules(&self) -> Arc<Rules> {
        self.current().session.rules
    }

    /// Everything that was given and counts, by kind and name.
    pub(crate) fn resources(&self) -> Arc<Vec<Resource>> {
        Arc::clone(&self.current().resources)
    }

    /// Keeps a resource. To its end, even if the caller goes away: store and memory must agree.
    ///
    /// # Errors
    /// [`NotChanged`] says why it is not kept.
    pub(crate) async fn put(self: &Arc<Self>, resource: Resource) -> Result<(), NotChanged> {
        let own = Arc::clone(self);
        let done = tokio::spawn(async move { own.put_whole(resource).await });
        done.await.unwrap_or(Err(NotChanged::Broken))
    }

    async fn put_whole(self: Arc<Self>, resource: Resource) -> Result<(), NotChanged> {
        check_name(resource.kind, &resource.name).map_err(NotChanged::Name)?;
        let sources = self.lock().await;
        sources.refuse_file(resource.kind, &resource.name)?;
        sources.refuse_too_much(&resource)?;
        let resources = self.resources();
        let (resource, checked) = in_background(move || {
            let checked = check(&resource, &resources);
            (resource, checked)
        })
        .await?;
        checked?;
        self.store.put_resource(resource.clone()).await?;
        let Resource { kind, name, text } = resource;
        info!(%kind, name, "rules changed by the northbound interface");
        self.change(sources, move |sources| drop(sources.stored.insert((kind, name), text))).await
    }

    /// Removes a resource. Whether it was there.
    ///
    /// # Errors
    /// [`NotChanged::File`], [`NotChanged::Store`].
    pub(crate) async fn delete(
        self: &Arc<Self>,
        kind: ResourceKind,
        name: String,
    ) -> Result<bool, NotChanged> {
        let own = Arc::clone(self);
        let done = tokio::spawn(async move { own.delete_whole(kind, name).await });
        done.await.unwrap_or(Err(NotChanged::Broken))
    }

    async fn delete_whole(
        self: Arc<Self>,
        kind: ResourceKind,
        name: String,
    ) -> Result<bool, NotChanged> {
        let sources = self.lock().await;
        sources.refuse_file(kind, &name)?;
        if !self.store.delete_resource(kind, &name).await? {
            return Ok(false);
        }
        info!(%kind, name, "rules changed by the northbound interface");
        self.change(sources, move |sources| drop(sources.stored.remove(&(kind, name)))).await?;
        Ok(true)
    }

    /// Looks whether files of the folder have changed. What cannot be used is logged, and stays as
    /// it was.
    pub(crate) async fn look(self: &Arc<Self>) {
        let mut sources = self.lock().await;
        if sources.folder.is_none() {
            return;
        }
        let own = Arc::clone(self);
        let looked = in_background(move || {
            if sources.folder.as_mut().is_some_and(Folder::look) {
                own.make(&mut sources);
                info!("rules changed by their folder");
            }
        });
        if let Err(error) = looked.await {
            error!(%error, "the folder of rules was not looked at");
        }
    }

    async fn lock(&self) -> OwnedMutexGuard<Sources> {
        Arc::clone(&self.sources).lock_owned().await
    }

    async fn change(
        self: Arc<Self>,
        mut sources: OwnedMutexGuard<Sources>,
        change: impl FnOnce(&mut Sources) + Send + 'static,
    ) -> Result<(), NotChanged> {
        in_background(move || {
            change(&mut sources);
            self.make(&mut sources);
        })
        .await
    }

    /// Makes the rules anew from what there is.
    fn make(&self, sources: &mut Sources) {
        let known = self.rules();
        sources.with_folder(Folder::reconsider);
        let mut resources = sources.resources();
        let (mut rules, mut invalid) = Rules::compile(&resources, &known);
        let mut told = sources.told_of(&invalid);
        // What a file was before it changed still works.
        if sources.folder.as_mut().is_some_and(|folder| folder.reject(&invalid)) {
            resources = sources.resources();
            (rules, invalid) = Rules::compile(&resources, &known);
            told.extend(sources.told_of(&invalid));
        }
        sources.with_folder(Folder::settle);
        sources.tell(told);
        let session = SessionConfig { rules: Arc::new(rules), ..self.base.clone() };
        let session = session.with_settings(&resources);
        let current = Current { session, resources: Arc::new(resources) };
        // No code panics while it holds the lock.
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sources {
    /// What counts: all files, and what is stored under other names.
    fn resources(&self) -> Vec<Resource> {
        let files = self.folder.iter().flat_map(Folder::texts);
        let mut texts: BTreeMap<&Key, &str> =
            self.stored.iter().map(|(key, text)| (key, text.as_str())).collect();
        texts.extend(files);
        texts.into_iter().map(resource).collect()
    }

    fn refuse_file(&self, kind: ResourceKind, name: &str) -> Result<(), NotChanged> {
        let key = (kind, name.to_owned());
        match self.folder.as_ref().and_then(|folder| folder.file(&key)) {
            Some(file) => {
                let file = file.to_owned();
                Err(NotChanged::File { kind, name: name.to_owned(), file })
            }
            None => Ok(()),
        }
    }

    fn refuse_too_much(&self, resource: &Resource) -> Result<(), NotChanged> {
        let bytes = resource.text.len();
        if bytes > RESOURCE_BYTES_MAX {
            let text = format!("the text has {bytes} bytes, more than {RESOURCE_BYTES_MAX}");
            return Err(NotChanged::TooMuch(text));
        }
        let others = self.stored.iter().filter(|((kind, name), _)| {
            (*kind, name.as_str()) != (resource.kind, resource.name.as_str())
        });
        let all = others.fold(bytes, |sum, (_, text)| sum.saturating_add(text.len()));
        if all > RESOURCES_BYTES_MAX {
            let text = format!(
                "all presets and scripts together would have more than {RESOURCES_BYTES_MAX} \
                 bytes: delete some first"
            );
            return Err(NotChanged::TooMuch(text));
        }
        Ok(())
    }

    fn with_folder(&mut self, act: impl FnOnce(&mut Folder)) {
        if let Some(folder) = &mut self.folder {
            act(folder);
        }
    }

    /// What is to be said of what cannot be used: with its place, where it is a file.
    fn told_of(&self, invalid: &[InvalidResource]) -> BTreeMap<Key, String> {
        let problem = |invalid: &InvalidResource| {
            let problem = self.folder.as_ref().and_then(|folder| folder.problem(invalid));
            problem.map_or_else(|| invalid.to_string(), |problem| problem.to_string())
        };
        invalid.iter().map(|it| ((it.kind, it.name.clone()), problem(it))).collect()
    }

    /// Logs what cannot be used, once.
    fn tell(&mut self, told: BTreeMap<Key, String>) {
        for (key, text) in &told {
            if self.told.get(key) != Some(text) {
                warn!(problem = text, "a rule cannot be used; what it was before stays, if any");
            }
        }
        self.told = told;
    }
}

/// Opens a folder of which everything must be of use, beside what is stored.
fn open_folder(folder: &Path, stored: &[Resource]) -> Result<(Folder, Rules), RulesError> {
    let (folder, mut problems) = Folder::open(folder);
    let mut resources: Vec<Resource> = folder.texts().map(resource).collect();
    // A preset of a file may name an object that is stored.
    let is_other = |it: &&Resource| folder.file(&(it.kind, it.name.clone())).is_none();
    let objects = stored.iter().filter(|it| it.kind == ResourceKind::Object).filter(is_other);
    resources.extend(objects.cloned());
    let (rules, invalid) = Rules::compile(&resources, &Rules::default());
    problems.extend(invalid.iter().filter_map(|invalid| folder.problem(invalid)));
    if problems.is_empty() {
        return Ok((folder, rules));
    }
    problems.sort_by(|a, b| a.file.cmp(&b.file));
    Err(RulesError { problems })
}

fn resource(((kind, name), text): (&Key, &str)) -> Resource {
    Resource { kind: *kind, name: name.clone(), text: text.to_owned() }
}

/// Complains about a resource that cannot be used beside the others.
fn check(resource: &Resource, others: &[Resource]) -> Result<(), NotChanged> {
    if resource.kind == ResourceKind::Config {
        let expression = Expression::parse(&resource.text).map_err(NotChanged::Expression)?;
        check_setting(&resource.name, &expression).map_err(NotChanged::Setting)?;
    }
    Rules::check(resource, others).map_err(NotChanged::Invalid)
}

/// Complains about a name that a resource cannot have.
fn check_name(kind: ResourceKind, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("the {kind} has no name"));
    }
    if name.len() > RESOURCE_NAME_BYTES_MAX {
        let bytes = name.len();
        return Err(format!("the name has {bytes} bytes, more than {RESOURCE_NAME_BYTES_MAX}"));
    }
    if name.chars().any(char::is_control) {
        return Err("the name has control characters: leave them out".to_owned());
    }
    if kind == ResourceKind::VirtualParameter && name.contains('.') {
        return Err("the name of a virtual parameter has no dot".to_owned());
    }
    Ok(())
}

/// Does what takes long where nobody waits for the thread.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotChanged> {
    // The panic has been reported where it happened.
    tokio::task::spawn_blocking(work).await.map_err(|_| NotChanged::Broken)
}
