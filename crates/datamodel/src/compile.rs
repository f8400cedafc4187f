//! From data model documents to schemas (sections 3 and 4 of the rules).
//!
//! The compiler asks for the files that it needs and never reads one itself:
//!
//! ```
//! use drover_datamodel::compile::{Compiler, Options};
//!
//! let document = br#"<dm:document xmlns:dm="urn:broadband-forum-org:cwmp:datamodel-1-15"
//!     spec="urn:example-com:lamp-1-0">
//!   <model name="Lamp:1.0">
//!     <object name="Lamp." access="readOnly" minEntries="1" maxEntries="1">
//!       <parameter name="On" access="readWrite"><syntax><boolean/></syntax></parameter>
//!     </object>
//!   </model>
//! </dm:document>"#;
//! let mut compiler = Compiler::new(Options::default());
//! compiler.handle_document("lamp.xml", "lamp.xml", document);
//! while let Some(file) = compiler.poll_wanted() {
//!     compiler.handle_unreadable(&file, "there is only one document here");
//! }
//! let compiled = compiler.compile("lamp.xml")?;
//! assert!(compiled[0].schema.find_parameter("Lamp.On").unwrap().is_writable());
//! # Ok::<(), drover_datamodel::compile::CompileError>(())
//! ```

mod attributes;
mod description;
mod device_type;
mod document;
mod documents;
mod expand;
mod file_name;
mod problem;
mod profiles;
mod references;
mod types;
mod weight;
mod xml;

pub use problem::{CompileError, Place, Problem, Severity};
pub(crate) use problem::{Problems, summary as problem_summary};

use std::sync::Arc;

use crate::catalog::DeviceType;
use crate::draft::Draft;
use crate::schema::Schema;
use document::DocumentKind;
use documents::{Documents, Found};
use expand::Expander;
use problem::Stop;

/// A model, where it stands, and what a device type document says besides.
type Expanded = (Draft, Place, Option<DeviceType>);

/// How to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Leaves out what is wrong, with a problem for each, instead of giving no schema.
    pub lenient: bool,
    /// Keeps the descriptions.
    pub with_descriptions: bool,
}

/// What a document defines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// Names of its models.
    pub models: Vec<String>,
    /// Whether it is a device type document.
    pub is_device_type: bool,
}

impl Outline {
    /// Reads what a document defines, without compiling it.
    ///
    /// # Errors
    /// [`CompileError`] when it is no document.
    pub fn read(shown: &str, bytes: &[u8]) -> Result<Self, CompileError> {
        let mut problems = Problems::new(false);
        let mut documents = Documents::default();
        let handled = documents.handle(shown, shown, bytes, &mut problems);
        let (Ok(()), Some(document)) = (handled, documents.get(0)) else {
            return Err(CompileError { problems: problems.into_list() });
        };
        let names = document.models().filter_map(|model| model.attribute("name"));
        Ok(Self {
            models: names.map(str::to_owned).collect(),
            is_device_type: document.kind == DocumentKind::DeviceType,
        })
    }
}

/// A schema and what was noticed while it was compiled.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The schema.
    pub schema: Schema,
    /// Warnings; in a lenient compilation also what was left out.
    pub problems: Vec<Problem>,
    /// What a device type document says besides; `None` for a data model document.
    pub device_type: Option<DeviceType>,
}

/// Takes documents in and gives schemas.
#[derive(Debug)]
pub struct Compiler {
    options: Options,
    documents: Documents,
    /// Problems of reading.
    problems: Problems,
}

impl Compiler {
    /// Begins without any document.
    pub fn new(options: Options) -> Self {
        let problems = Problems::new(options.lenient);
        Self { options, documents: Documents::default(), problems }
    }

    /// Says which files can be asked for: imports leave out version numbers (`XML-05`).
    pub fn know_files<'f>(&mut self, files: impl IntoIterator<Item = &'f str>) {
        for file in files {
            self.documents.know(file);
        }
    }

    /// Hands in schemas, such as the shipped ones, for models that documents import from files that
    /// are not there. They come before the documents, as known files do.
    pub fn know_schemas(&mut self, schemas: impl IntoIterator<Item = Arc<Schema>>) {
        for schema in schemas {
            self.documents.know_schema(schema);
        }
    }

    /// Takes a document in. `shown` is its name in messages, such as its path.
    pub fn handle_document(&mut self, file: &str, shown: &str, bytes: &[u8]) {
        // What stops the reading of one document is found again by compile.
        let _ = self.documents.handle(file, shown, bytes, &mut self.problems);
    }

    /// The name of a file that is needed and must be handed in, or reported as unreadable.
    pub fn poll_wanted(&self) -> Option<String> {
        self.documents.poll_wanted().map(str::to_owned)
    }

    /// Says that a wanted file cannot be had.
    pub fn handle_unreadable(&mut self, file: &str, reason: &str) {
        self.documents.handle_unreadable(file, reason, &mut self.problems);
    }

    /// Compiles every model that the document defines, in its order (`CMP-04`); of a device type
    /// document, the one model that it describes, with what the device has of it (`DT-02`).
    ///
    /// # Errors
    /// [`CompileError`] with everything that is wrong, each with its place.
    pub fn compile(mut self, file: &str) -> Result<Vec<Compiled>, CompileError> {
        let drafts = self.drafts(file);
        let Some(drafts) = drafts.ok().filter(|_| self.problems.is_acceptable()) else {
            return Err(CompileError { problems: self.problems.into_list() });
        };
        let mut compiled = Vec::new();
        for (draft, place, device_type) in drafts {
            let (schema, problems) = Schema::build(&draft);
            for problem in problems {
                let (path, message) = (&problem.path, problem.kind.to_string());
                if problem.kind.loses_items() {
                    self.problems.error(place.clone(), path, message);
                } else {
                    self.problems.warn(place.clone(), path, message);
                }
            }
            // A device need not have what its references could lead to.
            if device_type.is_none() {
                references::check(&schema, &place, &mut self.problems);
            }
            compiled.push((schema, device_type));
        }
        let is_acceptable = self.problems.is_acceptable();
        let problems = self.problems.into_list();
        if !is_acceptable {
            return Err(CompileError { problems });
        }
        let with_problems = |(schema, device_type)| {
            let problems = problems.clone();
            Compiled { schema, problems, device_type }
        };
        Ok(compiled.into_iter().map(with_problems).collect())
    }

    fn drafts(&mut self, file: &str) -> Result<Vec<Expanded>, Stop> {
        self.documents.link(&mut self.problems);
        let Some(id) = self.documents.by_file(file) else { return Err(Stop) };
        let Some(document) = self.documents.get(id) else { return Err(Stop) };
        if document.kind == DocumentKind::DeviceType {
            let with_descriptions = self.options.with_descriptions;
            return device_type::read(&self.documents, id, &mut self.problems, with_descriptions)
                .map(|expanded| vec![expanded]);
        }
        let models: Vec<_> = document.models().collect();
        if models.is_empty() {
            let place = document.place(document.root.line);
            let message = "the document defines no model; name one that does";
            return Err(self.problems.fatal(place, "", message));
        }
        let mut drafts = Vec::new();
        for element in models {
            let expander =
                Expander::new(&self.documents, &mut self.problems, self.options.with_descriptions);
            let draft = expander.expand(Found { document: id, element })?;
            drafts.push((draft, self.documents.place(id, element.line), None));
        }
        Ok(drafts)
    }
}

#[cfg(test)]
mod tests;
