//! Makes Rust of a list of paths and the schema that describes them.
//!
//! The build script and a test share this file. A list has one path of a table or parameter a line,
//! followed by `writable` when the device lets the ACS set it; `#` begins a comment. What comes out
//! is a module for each object, with a constant for each table and parameter and a type for each
//! enumeration, and the facts that the model is built from.

mod code;
mod names;

use std::collections::BTreeSet;
use std::fmt;

use drover_datamodel::Schema;
use drover_datamodel::schema::{Item, Object, Parameter, Row};

use self::code::Module;

/// A line of the list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListError {
    /// Counted from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) problem: String,
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.problem)
    }
}

/// The Rust module for a list of paths.
///
/// # Errors
/// The first line that cannot be used.
pub(crate) fn generate(schema: &Schema, list: &str) -> Result<String, ListError> {
    let mut generator = Generator::new(schema);
    for (line, text) in (1..).zip(list.lines()) {
        let text = text.split('#').next().unwrap_or_default();
        generator.line(text).map_err(|problem| ListError { line, problem })?;
    }
    Ok(generator.finish())
}

struct Generator<'s> {
    schema: &'s Schema,
    /// Holds the module of the root object only.
    top: Module,
    /// Every path of the list.
    seen: BTreeSet<String>,
    tables: Vec<String>,
    /// One expression for each parameter.
    facts: Vec<String>,
    /// Expressions of syntaxes, each once.
    syntaxes: Vec<String>,
    /// The words of each enumeration with the path of its type in Rust.
    enumerations: Vec<(Vec<String>, String)>,
}

impl<'s> Generator<'s> {
    fn new(schema: &'s Schema) -> Self {
        Self {
            schema,
            top: Module::default(),
            seen: BTreeSet::new(),
            tables: Vec::new(),
            facts: Vec::new(),
            syntaxes: Vec::new(),
            enumerations: Vec::new(),
        }
    }

    fn line(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            [] => Ok(()),
            [path] => self.path(path, false),
            [path, "writable"] => self.path(path, true),
            [_, word, ..] => Err(format!("only \"writable\" may follow a path, not {word:?}")),
        }
    }

    fn path(&mut self, path: &str, writable: bool) -> Result<(), String> {
        if !self.seen.insert(path.to_owned()) {
            return Err(format!("{path} is listed a second time"));
        }
        match self.schema.find(path) {
            None => Err(format!("{} has no {path}", self.schema.name())),
            Some(Item::Parameter(parameter)) if parameter.path() == path => {
                self.parameter(&parameter, writable)
            }
            Some(Item::Object(object, Row::Any)) if object.path() == path && !writable => {
                self.table(&object)
            }
            Some(Item::Object(_, Row::None)) => {
                Err(format!("{path} is an object: list the tables and parameters in it"))
            }
            Some(_) => Err(format!("{path} is no path of a parameter or, with {{i}}., of a table")),
        }
    }

    /// With the parameter that counts its rows, which needs no constant: nobody sets it.
    fn table(&mut self, table: &Object<'_>) -> Result<(), String> {
        let path = table.path();
        self.check_rows(&path, table.parent())?;
        let count =
            table.num_entries_parameter().ok_or("the table has no parameter to count it")?;
        if count.name() != format!("{}NumberOfEntries", table.name()) {
            return Err(format!("{} cannot count rows: its name is another", count.path()));
        }
        self.module(table)?.table(&path)?;
        self.seen.insert(count.path());
        self.add_facts(&count, false)?;
        self.tables.push(path);
        Ok(())
    }

    fn parameter(&mut self, parameter: &Parameter<'_>, writable: bool) -> Result<(), String> {
        let path = parameter.path();
        self.check_rows(&path, Some(parameter.object()))?;
        if writable && !parameter.is_writable() {
            return Err(format!("{path} is read-only in {}", self.schema.name()));
        }
        self.add_facts(parameter, writable)?;
        let words = code::words(parameter.syntax());
        let known = self.enumerations.iter().find(|(known, _)| *known == words);
        let known = known.map(|(_, type_path)| type_path.clone());
        let module = self.module(&parameter.object())?;
        let item = match (words.is_empty(), &known) {
            (true, _) => code::rust_type(parameter.syntax().value_type).to_owned(),
            (false, Some(type_path)) => module.alias(parameter, type_path)?,
            (false, None) => module.enumeration(parameter, &words)?,
        };
        let is_list = parameter.syntax().list.is_some();
        module.parameter(parameter, &code::value_type(&item, is_list))?;
        if !words.is_empty() && known.is_none() {
            let type_path = format!("{}::{item}", names::module_path(&parameter.object()));
            self.enumerations.push((words, type_path));
        }
        Ok(())
    }

    /// Rows need a table.
    fn check_rows(&self, path: &str, object: Option<Object<'_>>) -> Result<(), String> {
        let mut above = object;
        while let Some(object) = above {
            let table = object.path();
            if object.is_table() && !self.tables.contains(&table) {
                return Err(format!("{path} lies in {table}, which must be listed before it"));
            }
            above = object.parent();
        }
        Ok(())
    }

    fn module(&mut self, object: &Object<'_>) -> Result<&mut Module, String> {
        let mut above = Vec::new();
        let mut next = Some(*object);
        while let Some(object) = next.filter(|object| !object.name().is_empty()) {
            above.push(object);
            next = object.parent();
        }
        above.iter().rev().try_fold(&mut self.top, |module, object| module.child(object))
    }

    fn add_facts(&mut self, parameter: &Parameter<'_>, writable: bool) -> Result<(), String> {
        let syntax = code::syntax(parameter, writable)?;
        let known = self.syntaxes.iter().position(|known| *known == syntax);
        let number = known.unwrap_or_else(|| {
            self.syntaxes.push(syntax);
            self.syntaxes.len() - 1
        });
        self.facts.push(code::facts(parameter, writable, number));
        Ok(())
    }

    fn finish(self) -> String {
        let mut code = self.top.render();
        code.push_str(&code::version(&self.schema.name().version.to_string()));
        code.push_str(&code::tables(&self.tables));
        code.push_str(&code::parameters(&self.facts));
        code.push_str(&code::syntaxes(&self.syntaxes));
        code
    }
}
