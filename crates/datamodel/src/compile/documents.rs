//! All documents of a compilation: what is still missing, and where a name leads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::description;
use super::document::{Document, DocumentId, Kind};
use super::file_name::{base_name, choose, is_same_spec};
use super::problem::{Place, Problems, Stop};
use super::xml::{self, Element};
use crate::extension::named_type;
use crate::limits::{DOCUMENTS_BYTES_MAX, DOCUMENTS_MAX, IMPORT_DEPTH_MAX};
use crate::schema::Schema;
use crate::version::{ModelName, Version};

/// The documents that were handed in, and those that they import.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    list: Vec<Document>,
    by_file: BTreeMap<String, DocumentId>,
    /// Files that can be had.
    known: BTreeSet<String>,
    /// Schemas that stand in for documents that are not there.
    schemas: BTreeMap<ModelName, Arc<Schema>>,
    /// Files that are wanted, and who wants them.
    wanted: BTreeMap<String, Place>,
    bytes: usize,
}

/// A definition and the document it stands in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'d> {
    pub(crate) document: DocumentId,
    pub(crate) element: &'d Element,
}

impl Documents {
    pub(crate) fn know(&mut self, file: &str) {
        self.known.insert(base_name(file).to_owned());
    }

    pub(crate) fn know_schema(&mut self, schema: Arc<Schema>) {
        self.schemas.insert(schema.name().clone(), schema);
    }

    /// The schema of this model, or of its next minor version, which contains it (`TM-03`).
    pub(crate) fn schema(&self, name: &str) -> Option<&Arc<Schema>> {
        let wanted: ModelName = name.parse().ok()?;
        let version = Version { patch: 0, ..wanted.version };
        let (found, schema) =
            self.schemas.range(ModelName { version, ..wanted.clone() }..).next()?;
        let is_same = found.name == wanted.name && found.version.major == version.major;
        is_same.then_some(schema)
    }

    /// What a name that a document imports is called in the document that it imports it from, if
    /// that one is not there.
    pub(crate) fn imported_from_nowhere(
        &self,
        id: DocumentId,
        kind: Kind,
        name: &str,
    ) -> Option<&str> {
        let key = (kind, name.to_owned());
        let imports = self.get(id)?.imports.iter().filter(|import| import.target.is_none());
        imports.filter_map(|import| import.names.get(&key)).map(String::as_str).next()
    }

    /// Whether all that an import names can be had without its file.
    fn is_known_otherwise(&self, import: &super::document::Import) -> bool {
        import.names.iter().all(|((kind, _), name)| match kind {
            Kind::Model => self.schema(name).is_some(),
            Kind::DataType => named_type(name).is_some(),
            Kind::Component => false,
        })
    }

    pub(crate) fn get(&self, id: DocumentId) -> Option<&Document> {
        self.list.get(id)
    }

    pub(crate) fn by_file(&self, file: &str) -> Option<DocumentId> {
        self.by_file.get(base_name(file)).copied()
    }

    pub(crate) fn place(&self, id: DocumentId, line: u32) -> Place {
        self.get(id).map(|document| document.place(line)).unwrap_or_default()
    }

    /// A file that is to be handed in next.
    pub(crate) fn poll_wanted(&self) -> Option<&str> {
        self.wanted.keys().next().map(String::as_str)
    }

    /// Takes a document in and notes which others it needs.
    pub(crate) fn handle(
        &mut self,
        file: &str,
        shown: &str,
        bytes: &[u8],
        problems: &mut Problems,
    ) -> Result<(), Stop> {
        let file = base_name(file).to_owned();
        self.wanted.remove(&file);
        let at = |line| Place { file: shown.into(), line };
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.list.len() >= DOCUMENTS_MAX || self.bytes > DOCUMENTS_BYTES_MAX {
            let message = format!(
                "this and what was read before is more than {DOCUMENTS_MAX} documents or {} MiB",
                DOCUMENTS_BYTES_MAX >> 20
            );
            return Err(problems.fatal(at(0), "", message));
        }
        let root = xml::read(bytes)
            .map_err(|problem| problems.fatal(at(problem.line), "", problem.message))?;
        let line = root.element.line;
        let document =
            Document::new(shown, root).map_err(|message| problems.fatal(at(line), "", message))?;
        for (kind, name, line) in &document.duplicates {
            problems.error(at(*line), name, format!("the {kind} is defined a second time"));
        }
        let id = self.list.len();
        self.known.insert(file.clone());
        self.by_file.insert(file, id);
        self.list.push(document);
        self.want_imports(id, problems);
        Ok(())
    }

    /// The shell could not read a file that was wanted.
    pub(crate) fn handle_unreadable(&mut self, file: &str, reason: &str, problems: &mut Problems) {
        if let Some(place) = self.wanted.remove(file) {
            problems.error(place, file, format!("the imported file cannot be read: {reason}"));
        }
    }

    /// Looks for the file of each import. One that lists nothing brings only bibliography and
    /// templates (`XML-03`), which we do not need.
    fn want_imports(&mut self, id: DocumentId, problems: &mut Problems) {
        let Some(document) = self.list.get(id) else { return };
        let mut wanted = Vec::new();
        for import in document.imports.iter().filter(|import| !import.names.is_empty()) {
            let place = document.place(import.line);
            let spec = import.spec.as_deref();
            match choose(&self.known, &import.file, spec, Some(&document.spec)) {
                Some(file) => wanted.push((file.to_owned(), place)),
                None if self.is_known_otherwise(import) => {}
                None => problems.error(
                    place,
                    &import.file,
                    format!(
                        "there is no such file, nor a version of it{}; put it beside the document",
                        spec.map(|spec| format!(" for {spec}")).unwrap_or_default()
                    ),
                ),
            }
        }
        for (file, place) in wanted {
            if !self.by_file.contains_key(&file) {
                self.wanted.entry(file).or_insert(place);
            }
        }
    }

    /// Ties imports to their documents, when all of them are there.
    pub(crate) fn link(&mut self, problems: &mut Problems) {
        let targets: Vec<Vec<Option<DocumentId>>> =
            self.list.iter().map(|document| self.targets(document)).collect();
        for (document, targets) in self.list.iter_mut().zip(targets) {
            for (import, target) in document.imports.iter_mut().zip(targets) {
                import.target = target;
            }
        }
        for document in &self.list {
            self.check_specs(document, problems);
        }
    }

    fn targets(&self, document: &Document) -> Vec<Option<DocumentId>> {
        let target = |import: &super::document::Import| {
            let spec = import.spec.as_deref();
            let file = choose(&self.known, &import.file, spec, Some(&document.spec))?;
            self.by_file.get(file).copied()
        };
        document.imports.iter().map(target).collect()
    }

    fn check_specs(&self, document: &Document, problems: &mut Problems) {
        for import in &document.imports {
            let Some(target) = import.target.and_then(|target| self.get(target)) else { continue };
            let Some(spec) = &import.spec else { continue };
            if !is_same_spec(spec, &target.spec) {
                let message = format!(
                    "the import is for {spec}, but {} is {}; add the right version of the file",
                    target.shown, target.spec
                );
                problems.error(document.place(import.line), &import.file, message);
            }
        }
    }

    /// What a name means in a document: its own definition, or an imported one.
    pub(crate) fn lookup(&self, id: DocumentId, kind: Kind, name: &str) -> Option<Found<'_>> {
        self.lookup_within(id, kind, name, IMPORT_DEPTH_MAX)
    }

    fn lookup_within(
        &self,
        id: DocumentId,
        kind: Kind,
        name: &str,
        depth: usize,
    ) -> Option<Found<'_>> {
        let depth = depth.checked_sub(1)?;
        let document = self.get(id)?;
        if let Some(element) = document.definition(kind, name) {
            return Some(Found { document: id, element });
        }
        let key = (kind, name.to_owned());
        let (target, name) = document
            .imports
            .iter()
            .find_map(|import| Some((import.target?, import.names.get(&key)?)))?;
        let found = self.lookup_within(target, kind, name, depth);
        // The common source of TR-196 has a version with a patch, its importers ask without
        // (CMP-03).
        found.or_else(|| (kind == Kind::Model).then(|| self.similar_model(target, name)).flatten())
    }

    /// A definition that a document uses without importing it: published documents forget to. It is
    /// looked for in the documents that lead here, outermost first, and in all that one of them
    /// imports something from.
    pub(crate) fn lookup_forgotten(
        &self,
        chain: &[DocumentId],
        kind: Kind,
        name: &str,
    ) -> Option<Found<'_>> {
        if let Some(found) = chain.iter().find_map(|id| self.lookup(*id, kind, name)) {
            return Some(found);
        }
        let documents = chain.iter().filter_map(|id| self.get(*id));
        let targets = documents.flat_map(|it| it.imports.iter().filter_map(|import| import.target));
        targets.into_iter().find_map(|target| {
            let element = self.get(target)?.definition(kind, name)?;
            Some(Found { document: target, element })
        })
    }

    /// A description with the templates that it refers to (`XML-26`): those of its own document,
    /// or of any other, as imports of templates name none.
    pub(crate) fn filled(&self, id: DocumentId, text: Box<str>) -> Box<str> {
        description::fill(text, &|name| {
            let own = self.get(id).into_iter();
            own.chain(&self.list).find_map(|document| document.templates.get(name).cloned())
        })
    }

    /// The model of a document with the same major and minor version.
    fn similar_model(&self, id: DocumentId, name: &str) -> Option<Found<'_>> {
        let wanted: ModelName = name.parse().ok()?;
        let is_similar = |element: &&Element| {
            let name: Option<ModelName> = element.attribute("name").and_then(|it| it.parse().ok());
            name.is_some_and(|name| {
                name.name == wanted.name
                    && name.version.major == wanted.version.major
                    && name.version.minor == wanted.version.minor
            })
        };
        let element = self.get(id)?.models().find(is_similar)?;
        Some(Found { document: id, element })
    }
}
