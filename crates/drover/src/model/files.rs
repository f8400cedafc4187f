//! From an argument to models: those inside the program, compiled files, and documents in XML with
//! what they import.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drover_datamodel::compile::{CompileError, Compiled, Compiler, Options};
use drover_datamodel::limits::DOCUMENT_BYTES_MAX;
use drover_datamodel::schema::MAGIC;
use drover_datamodel::shipped::{self, MODELS};
use drover_datamodel::{ModelName, Schema};

use crate::out::Failure;

/// The models that an argument names: a shipped one by its name, the one in a compiled file, or all
/// of a document, with their descriptions.
pub(crate) fn load(argument: &str, include: &[PathBuf]) -> Result<Vec<Arc<Schema>>, Failure> {
    if let Some(schema) = shipped::model(argument) {
        return Ok(vec![schema]);
    }
    let file = Path::new(argument);
    if !file.exists() {
        return Err(Failure::Usage(unknown(argument)));
    }
    let bytes = read_bounded(file).map_err(|error| unreadable(file, &error))?;
    if bytes.starts_with(MAGIC) {
        return Ok(vec![Arc::new(compiled(file, &bytes)?)]);
    }
    if !is_markup(&bytes) {
        let file = file.display();
        let message = "is neither a compiled model nor a document in XML";
        return Err(Failure::Failed(format!("{file} {message}")));
    }
    let options = Options { with_descriptions: true, ..Options::default() };
    let models = compile_bytes(file, &bytes, include, options).map_err(|error| match error {
        CompileFailure::Shell(failure) => failure,
        CompileFailure::Document(error) if error.errors().count() > 1 => {
            let hint = format!("drover model compile {} says all", file.display());
            Failure::Failed(format!("{error}; {hint}"))
        }
        CompileFailure::Document(error) => Failure::failed(error),
    })?;
    Ok(models.into_iter().map(|it| Arc::new(it.schema)).collect())
}

/// Why there is no model.
#[derive(Debug)]
pub(crate) enum CompileFailure {
    /// A file or folder cannot be read.
    Shell(Failure),
    /// The documents are wrong.
    Document(CompileError),
}

/// Compiles a document. Imports are looked for in its own folder, then in those given.
pub(crate) fn compile(
    file: &Path,
    include: &[PathBuf],
    options: Options,
) -> Result<Vec<Compiled>, CompileFailure> {
    let bytes = read_bounded(file).map_err(|error| CompileFailure::Shell(unreadable(file, &error)));
    compile_bytes(file, &bytes?, include, options)
}

fn compile_bytes(
    file: &Path,
    bytes: &[u8],
    include: &[PathBuf],
    options: Options,
) -> Result<Vec<Compiled>, CompileFailure> {
    let known = known_files(file, include).map_err(CompileFailure::Shell)?;
    let mut compiler = Compiler::new(options);
    compiler.know_files(known.keys().map(String::as_str));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    compiler.handle_document(&name, &file.display().to_string(), bytes);
    while let Some(wanted) = compiler.poll_wanted() {
        let path = known.get(&wanted).map_or_else(|| Path::new(&wanted), PathBuf::as_path);
        match read_bounded(path) {
            Ok(bytes) => compiler.handle_document(&wanted, &path.display().to_string(), &bytes),
            Err(error) => compiler.handle_unreadable(&wanted, &error.to_string()),
        }
    }
    compiler.compile(&name).map_err(CompileFailure::Document)
}

/// Files that can be imported, by name. The first folder that has a name wins.
fn known_files(file: &Path, include: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let own = file.parent().unwrap_or_else(|| Path::new(""));
    let mut known = BTreeMap::new();
    for folder in std::iter::once(own).chain(include.iter().map(PathBuf::as_path)) {
        for name in names_in(folder)? {
            let path = folder.join(&name);
            known.entry(name).or_insert(path);
        }
    }
    Ok(known)
}

/// The names of what is in a folder, as far as they are text: others cannot be asked for.
fn names_in(folder: &Path) -> Result<Vec<String>, Failure> {
    // A file without a folder in its path is in the current one.
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let list = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(place)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    };
    list().map_err(|error| {
        Failure::Usage(format!("the folder {} cannot be listed: {error}", place.display()))
    })
}

/// The files of models in a folder, by name.
pub(crate) fn models_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let names = names_in(folder)?.into_iter().map(|name| folder.join(name));
    Ok(names.filter(|file| is_model(file)).collect())
}

/// Whether a file of a folder of models is one: compiled ones are.
fn is_model(file: &Path) -> bool {
    file.extension() == Some(OsStr::new("model")) && file.is_file()
}

/// Reads a compiled model.
pub(crate) fn read_compiled(file: &Path) -> Result<Schema, Failure> {
    compiled(file, &read_bounded(file).map_err(|error| unreadable(file, &error))?)
}

fn compiled(file: &Path, bytes: &[u8]) -> Result<Schema, Failure> {
    let schema = Schema::from_bytes(bytes);
    schema.map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))
}

/// Reads one byte more than any document may have, so that the compiler sees that it has.
fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether it may be XML in any encoding: it begins with a `<`, or with a mark of byte order. An
/// empty file or one of zeros is left to the compiler, which says what is wrong with it.
fn is_markup(bytes: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    marks.iter().any(|mark| bytes.starts_with(mark)) || matches!(first, None | Some(b'<' | 0))
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot read {}: {error}", file.display()))
}

/// What to say about an argument that is neither a model nor a file.
fn unknown(argument: &str) -> String {
    let Ok(name) = argument.parse::<ModelName>() else {
        let hint = "name a shipped model (see drover model list) or a file";
        return format!("there is no model and no file {argument}; {hint}");
    };
    let root = format!("{}:", name.name);
    let same = MODELS.iter().map(|model| model.name).filter(|it| it.starts_with(&root));
    let same: Vec<&str> = same.collect();
    let hint = match same.is_empty() {
        true => "drover model list shows which there are".to_owned(),
        false => format!("there is {}", same.join(", ")),
    };
    format!("no shipped model is called {argument}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(argument: &str) -> String {
        match load(argument, &[]) {
            Err(Failure::Usage(text)) => format!("usage: {text}"),
            Err(Failure::Failed(text)) => text,
            Ok(_) => "loaded".to_owned(),
        }
    }

    #[test]
    fn what_is_no_model_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        fs::write(&file, "just text").unwrap();
        let name = file.to_str().unwrap();
        assert!(message(name).ends_with("is neither a compiled model nor a document in XML"));
        fs::write(&file, [&MAGIC[..], &[99]].concat()).unwrap();
        assert!(message(name).contains("version 99"), "{}", message(name));
        let folder = folder.path().to_str().unwrap();
        assert!(message(folder).starts_with("cannot read"), "{}", message(folder));
        assert!(message("Device:2.99").contains("Device:2.19, Device:2.11"));
        assert!(message("Lamp:1.0").starts_with("usage: no shipped model is called Lamp:1.0"));
        assert!(message("none.xml").starts_with("usage: there is no model and no file none.xml"));
        assert_eq!(message("Device:2.2"), "loaded");
    }

    #[test]
    fn the_documents_own_folder_comes_first() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, name) in [(&own, "a.xml"), (&own, "b.xml"), (&other, "b.xml")] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::write(other.path().join("c.xml"), "").unwrap();
        let include = [other.path().to_owned()];
        let known = known_files(&own.path().join("a.xml"), &include).unwrap();
        assert_eq!(known["b.xml"], own.path().join("b.xml"));
        assert_eq!(known["c.xml"], other.path().join("c.xml"));
        assert!(known_files(&own.path().join("a.xml"), &["/nowhere".into()]).is_err());
    }

    #[test]
    fn a_list_of_models_holds_compiled_files_only() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.model", "a.model", "c.xml", "model"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("d.model")).unwrap();
        let found = models_in(folder.path()).unwrap();
        assert_eq!(found, [folder.path().join("a.model"), folder.path().join("b.model")]);
    }
}
