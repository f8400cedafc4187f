//! From an argument to models: those inside the program, compiled files, documents in XML with what
//! they import, and vendor extensions in TOML with what they extend.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drover_acs::models::{self, ModelsError};
use drover_datamodel::compile::{CompileError, Compiled, Options};
use drover_datamodel::extension::Extension;
use drover_datamodel::schema::MAGIC;
use drover_datamodel::shipped::{self, MODELS};
use drover_datamodel::{ModelName, Schema};

use crate::out::Failure;

/// The models that an argument names: a shipped one by its name, the one in a compiled file, all of
/// a document, with their descriptions, or a model with a vendor's extension.
pub(crate) fn load(argument: &str, include: &[PathBuf]) -> Result<Vec<Arc<Schema>>, Failure> {
    if let Some(schema) = shipped::model(argument) {
        return Ok(vec![schema]);
    }
    let file = Path::new(argument);
    if !file.exists() {
        return Err(Failure::Usage(unknown(argument)));
    }
    let bytes = models::read(file).map_err(Failure::failed)?;
    if bytes.starts_with(MAGIC) {
        return Ok(vec![Arc::new(read_compiled(file)?)]);
    }
    if !is_extension(file) && !is_markup(&bytes) {
        let file = file.display();
        let message = "is no compiled model, no document in XML and no extension (*.toml)";
        return Err(Failure::Failed(format!("{file} {message}")));
    }
    let options = Options { with_descriptions: true, ..Options::default() };
    let models = compile(file, include, options).map_err(|error| match error {
        CompileFailure::Shell(failure) => failure,
        CompileFailure::Document(error) if error.errors().count() > 1 => {
            let hint = format!("drover model compile {} says all", file.display());
            Failure::Failed(format!("{error}; {hint}"))
        }
        CompileFailure::Document(error) => Failure::failed(error),
    })?;
    Ok(models.into_iter().map(|it| Arc::new(it.compiled.schema)).collect())
}

/// Why there is no model.
#[derive(Debug)]
pub(crate) enum CompileFailure {
    /// A file or folder cannot be read.
    Shell(Failure),
    /// The documents are wrong.
    Document(CompileError),
}

impl From<ModelsError> for CompileFailure {
    fn from(error: ModelsError) -> Self {
        match error {
            ModelsError::Document(error) => Self::Document(error),
            ModelsError::Extension(error) => {
                Self::Document(CompileError { problems: error.problems })
            }
            error @ ModelsError::Folder { .. } => Self::Shell(Failure::Usage(error.to_string())),
            error => Self::Shell(Failure::failed(error)),
        }
    }
}

/// A model that came of a file, and the extension that is in it.
#[derive(Debug)]
pub(crate) struct FromFile {
    pub(crate) compiled: Compiled,
    pub(crate) extension: Option<ModelName>,
}

/// Compiles a document or an extension. What it needs is looked for in its own folder, then in
/// those given, then among what ships.
pub(crate) fn compile(
    file: &Path,
    include: &[PathBuf],
    options: Options,
) -> Result<Vec<FromFile>, CompileFailure> {
    if is_extension(file) {
        return extended(file, include, options).map(|model| vec![model]);
    }
    let compiled = models::compile(file, include, options)?;
    let from_file = |compiled| FromFile { compiled, extension: None };
    Ok(compiled.into_iter().map(from_file).collect())
}

/// The model that an extension extends, with what it adds.
fn extended(
    file: &Path,
    include: &[PathBuf],
    options: Options,
) -> Result<FromFile, CompileFailure> {
    let extension = models::read_extension(file)?;
    let base = base(file, include, &extension).map_err(CompileFailure::Shell)?;
    let mut schema = extension.apply(&base).map_err(ModelsError::from)?;
    if !options.with_descriptions {
        let mut draft = schema.to_draft();
        draft.remove_descriptions();
        schema = Schema::build(&draft).0;
    }
    let compiled = Compiled { schema, problems: Vec::new(), device_type: None };
    Ok(FromFile { compiled, extension: Some(extension.name().clone()) })
}

fn base(file: &Path, include: &[PathBuf], extension: &Extension) -> Result<Arc<Schema>, Failure> {
    let name = extension.extends();
    let compiled = format!("{}-{}.model", name.name, name.version);
    let own = file.parent().unwrap_or_else(|| Path::new(""));
    let folders = std::iter::once(own).chain(include.iter().map(PathBuf::as_path));
    let mut files = folders.map(|folder| folder.join(&compiled));
    if let Some(found) = files.find(|file| file.is_file()) {
        return read_compiled(&found).map(Arc::new);
    }
    shipped::model(&name.to_string()).ok_or_else(|| {
        let file = file.display();
        let hint = format!("no such model ships, and no {compiled} stands beside it; add -I DIR");
        Failure::Failed(format!("{file}: it extends {name}: {hint}"))
    })
}

/// The files of models in a folder, by name.
pub(crate) fn models_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let names = models::names_in(folder).map_err(|error| Failure::Usage(error.to_string()))?;
    let files = names.into_iter().map(|name| folder.join(name));
    Ok(files.filter(|file| is_model(file)).collect())
}

/// Whether a file of a folder of models is one: compiled ones and extensions are.
fn is_model(file: &Path) -> bool {
    (file.extension() == Some(OsStr::new("model")) || is_extension(file)) && file.is_file()
}

pub(crate) fn is_extension(file: &Path) -> bool {
    file.extension() == Some(OsStr::new("toml"))
}

/// Reads a compiled model.
pub(crate) fn read_compiled(file: &Path) -> Result<Schema, Failure> {
    models::read_compiled(file).map_err(Failure::failed)
}

/// Whether it may be XML in any encoding: it begins with a `<`, or with a mark of byte order. An
/// empty file or one of zeros is left to the compiler, which says what is wrong with it.
fn is_markup(bytes: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    marks.iter().any(|mark| bytes.starts_with(mark)) || matches!(first, None | Some(b'<' | 0))
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
    use std::fs;

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
        assert!(message(name).contains("is no compiled model, no document in XML"));
        fs::write(&file, [&MAGIC[..], &[99]].concat()).unwrap();
        assert!(message(name).contains("version 99"), "{}", message(name));
        let folder = folder.path().to_str().unwrap();
        assert!(message(folder).contains("cannot be read"), "{}", message(folder));
        assert!(message("Device:2.99").contains("Device:2.19, Device:2.11"));
        assert!(message("Lamp:1.0").starts_with("usage: no shipped model is called Lamp:1.0"));
        assert!(message("none.xml").starts_with("usage: there is no model and no file none.xml"));
        assert_eq!(message("Device:2.2"), "loaded");
    }

    #[test]
    fn a_list_of_models_holds_compiled_files_and_extensions() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.model", "a.toml", "c.xml", "model"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("d.model")).unwrap();
        let found = models_in(folder.path()).unwrap();
        assert_eq!(found, [folder.path().join("a.toml"), folder.path().join("b.model")]);
    }

    #[test]
    fn an_extension_finds_what_it_extends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lamp.toml");
        let lamp = "name = \"X_EXAMPLE-COM_Lamp:1.0\"\n\
            [object.\"Device.X_EXAMPLE-COM_Lamp.\"]\ndescription = \"A lamp.\"\n\
            parameter.On = { type = \"boolean\" }\n";
        let name = file.to_str().unwrap();
        fs::write(&file, format!("extends = \"Device:2.2\"\n{lamp}")).unwrap();
        let models = load(name, &[]).unwrap();
        assert!(models[0].find("Device.X_EXAMPLE-COM_Lamp.On").is_some());
        assert!(models[0].has_descriptions());
        let bare = compile(&file, &[], Options::default()).unwrap();
        assert!(!bare[0].compiled.schema.has_descriptions());
        assert_eq!(bare[0].extension.as_ref().unwrap().to_string(), "X_EXAMPLE-COM_Lamp:1.0");
        fs::write(&file, format!("extends = \"Device:2.5\"\n{lamp}")).unwrap();
        assert!(message(name).contains("no such model ships"), "{}", message(name));
        let other = Schema::clone(&shipped::model("Device:2.2").unwrap());
        let mut draft = other.to_draft();
        draft.name = "Device:2.5".to_owned();
        let bytes = Schema::build(&draft).0.to_bytes();
        fs::write(folder.path().join("Device-2.5.model"), bytes).unwrap();
        assert_eq!(message(name), "loaded");
        fs::write(&file, format!("extends = \"Device:2.5\"\nwhat = 1\n{lamp}")).unwrap();
        assert!(message(name).contains("lamp.toml:2: "), "{}", message(name));
    }
}
