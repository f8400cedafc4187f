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

mod description;
mod document;
mod documents;
mod expand;
mod file_name;
mod problem;
mod profiles;
mod references;
mod types;
mod xml;

pub use problem::{CompileError, Place, Problem, Severity};

use crate::draft::Draft;
use crate::schema::Schema;
use document::DocumentKind;
use documents::{Documents, Found};
use expand::Expander;
use problem::{Problems, Stop};

/// How to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Leaves out what is wrong, with a problem for each, instead of giving no schema.
    pub lenient: bool,
    /// Keeps the descriptions.
    pub with_descriptions: bool,
}

/// A schema and what was noticed while it was compiled.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The schema.
    pub schema: Schema,
    /// Warnings; in a lenient compilation also what was left out.
    pub problems: Vec<Problem>,
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

    /// Compiles every model that the document defines, in its order (`CMP-04`).
    ///
    /// # Errors
    /// [`CompileError`] with everything that is wrong, each with its place.
    pub fn compile(mut self, file: &str) -> Result<Vec<Compiled>, CompileError> {
        let drafts = self.drafts(file);
        let Some(drafts) = drafts.ok().filter(|_| self.problems.is_acceptable()) else {
            return Err(CompileError { problems: self.problems.into_list() });
        };
        let mut compiled = Vec::new();
        for (draft, place) in drafts {
            let (schema, problems) = Schema::build(&draft);
            for problem in problems {
                let (path, message) = (&problem.path, problem.kind.to_string());
                if problem.kind.loses_items() {
                    self.problems.error(place.clone(), path, message);
                } else {
                    self.problems.warn(place.clone(), path, message);
                }
            }
            references::check(&schema, &place, &mut self.problems);
            compiled.push(schema);
        }
        let is_acceptable = self.problems.is_acceptable();
        let problems = self.problems.into_list();
        if !is_acceptable {
            return Err(CompileError { problems });
        }
        let with_problems = |schema| Compiled { schema, problems: problems.clone() };
        Ok(compiled.into_iter().map(with_problems).collect())
    }

    fn drafts(&mut self, file: &str) -> Result<Vec<(Draft, Place)>, Stop> {
        self.documents.link(&mut self.problems);
        let Some(id) = self.documents.by_file(file) else { return Err(Stop) };
        let Some(document) = self.documents.get(id) else { return Err(Stop) };
        if document.kind == DocumentKind::DeviceType {
            let place = document.place(document.root.line);
            return Err(self.problems.fatal(place, "", "this is a device type document"));
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
            drafts.push((draft, self.documents.place(id, element.line)));
        }
        Ok(drafts)
    }
}

#[cfg(test)]
mod tests;
