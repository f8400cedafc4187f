//! Data models from files: a folder of them for the server, single documents for everybody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drover_datamodel::Schema;
use drover_datamodel::catalog::Catalog;
use drover_datamodel::compile::{CompileError, Compiled, Compiler, Options, Outline};
use drover_datamodel::extension::{Extension, ExtensionError};
use drover_datamodel::limits::DOCUMENT_BYTES_MAX;
use drover_datamodel::schema::FormatError;
use drover_datamodel::shipped::MODELS;
use tracing::{info, warn};

use crate::limits::MODEL_FILES_MAX;

/// Why a model could not be had. The text is one line that names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A folder cannot be listed.
    #[error("the folder {} cannot be listed: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Documents are wrong; each problem has its place.
    #[error(transparent)]
    Document(#[from] CompileError),
    /// An extension is wrong; each problem has its place.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// A compiled model is damaged, or of another version of the format.
    #[error("{}: {source}", .file.display())]
    Compiled {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
    /// More files than a folder of models may have.
    #[error("the folder {} has more than {MODEL_FILES_MAX} files", .0.display())]
    TooMany(PathBuf),
}

/// What ships, and what a folder adds: compiled models (`*.model`), documents of data models and
/// device types (`*.xml`), and vendor extensions (`*.toml`). Documents that only define components
/// for others are read when one of those imports them, and other XML is not used.
///
/// # Errors
/// [`ModelsError`] for the first file that cannot be used.
pub fn load_folder(folder: &Path) -> Result<Catalog, ModelsError> {
    let mut catalog = Catalog::shipped();
    let names = names_in(folder)?;
    let with_ending = |ending: &str| {
        let matching = names.iter().filter(|name| name.ends_with(ending));
        matching.map(|name| folder.join(name)).collect::<Vec<_>>()
    };
    for file in with_ending(".model") {
        catalog.add_schema(Arc::new(read_compiled(&file)?));
    }
    let files = names.iter().map(|name| (name.clone(), folder.join(name))).collect();
    for compiled in documents_of(&files)? {
        let schema = Arc::new(compiled.schema);
        match compiled.device_type {
            Some(device_type) => catalog.add_device_type(device_type, schema, Vec::new()),
            None => catalog.add_schema(schema),
        }
    }
    // Extensions come last: they may extend what the folder itself brings.
    for file in with_ending(".toml") {
        catalog.add_extension(Arc::new(read_extension(&file)?))?;
    }
    let (models, extensions) = (catalog.names().count(), catalog.extensions().count());
    info!(folder = %folder.display(), models, extensions, "data models");
    Ok(catalog)
}

/// What the documents among some files give. Those that others import come first, so that a model
/// takes the place of the parts that it was made from. Some published parts cannot stand alone; if
/// one is wrong, what imports it says so.
fn documents_of(files: &Files) -> Result<Vec<Compiled>, ModelsError> {
    let mut imported = BTreeSet::new();
    let mut results = Vec::new();
    for (name, file) in files.iter().filter(|(name, _)| name.ends_with(".xml")) {
        let bytes = read(file)?;
        let root = root_element(&bytes);
        if let Some(root) = root.filter(|root| *root != "document") {
            let file = file.display();
            warn!(%file, root, "this is no document of a data model, and not used");
            continue;
        }
        let outline = Outline::read(&file.display().to_string(), &bytes)?;
        if !outline.models.is_empty() || outline.is_device_type {
            let result = compile_with(files, name, file, &bytes, Options::default(), &mut imported);
            results.push((name, result));
        }
    }
    let (parts, whole): (Vec<_>, Vec<_>) =
        results.into_iter().partition(|(name, _)| imported.contains(*name));
    let mut models: Vec<Compiled> = parts.into_iter().flat_map(|(_, it)| it).flatten().collect();
    for (_, compiled) in whole {
        models.extend(compiled?);
    }
    Ok(models)
}

/// The name of the root element without its prefix; `None` when it is not easily told, which is
/// left to the compiler.
fn root_element(bytes: &[u8]) -> Option<&str> {
    let mut rest = str::from_utf8(bytes).ok()?;
    loop {
        rest = rest.split_once('<')?.1;
        let end = match rest {
            _ if rest.starts_with("!--") => "-->",
            _ if rest.starts_with('?') => "?>",
            _ if rest.starts_with('!') => ">",
            _ => break,
        };
        rest = rest.split_once(end)?.1;
    }
    let name = rest.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?;
    name.rsplit(':').next()
}

/// Reads a vendor extension.
///
/// # Errors
/// [`ModelsError::File`] or [`ModelsError::Extension`].
pub fn read_extension(file: &Path) -> Result<Extension, ModelsError> {
    let text = String::from_utf8_lossy(&read(file)?).into_owned();
    Ok(Extension::parse(&text, &file.display().to_string())?)
}

/// Reads a compiled model.
///
/// # Errors
/// [`ModelsError::File`] or [`ModelsError::Compiled`].
pub fn read_compiled(file: &Path) -> Result<Schema, ModelsError> {
    let schema = Schema::from_bytes(&read(file)?);
    schema.map_err(|source| ModelsError::Compiled { file: file.to_owned(), source })
}

/// Compiles a document. Imports are looked for in its own folder, then in those given, then among
/// the models that ship.
///
/// # Errors
/// [`ModelsError::Folder`], [`ModelsError::File`] or [`ModelsError::Document`].
pub fn compile(
    file: &Path,
    include: &[PathBuf],
    options: Options,
) -> Result<Vec<Compiled>, ModelsError> {
    let bytes = read(file)?;
    let files = known_files(file, include)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(compile_with(&files, &name, file, &bytes, options, &mut BTreeSet::new())?)
}

/// Compiles a document whose imports are among `files`, and says which of those it needed.
fn compile_with(
    files: &Files,
    name: &str,
    file: &Path,
    bytes: &[u8],
    options: Options,
    imported: &mut BTreeSet<String>,
) -> Result<Vec<Compiled>, CompileError> {
    let mut compiler = Compiler::new(options);
    compiler.know_files(files.keys().map(String::as_str));
    compiler.know_schemas(MODELS.iter().map(|model| model.schema()));
    compiler.handle_document(name, &file.display().to_string(), bytes);
    while let Some(wanted) = compiler.poll_wanted() {
        let path = files.get(&wanted).map_or_else(|| Path::new(&wanted), PathBuf::as_path);
        match read_bounded(path) {
            Ok(bytes) => compiler.handle_document(&wanted, &path.display().to_string(), &bytes),
            Err(error) => compiler.handle_unreadable(&wanted, &error.to_string()),
        }
        imported.insert(wanted);
    }
    compiler.compile(name)
}

/// Reads a file, at most one byte more than any document may have, so that the compiler sees that
/// it has.
///
/// # Errors
/// [`ModelsError::File`].
pub fn read(file: &Path) -> Result<Vec<u8>, ModelsError> {
    read_bounded(file).map_err(|source| ModelsError::File { file: file.to_owned(), source })
}

fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Files that can be imported, by name.
type Files = BTreeMap<String, PathBuf>;

/// The first folder that has a name wins.
fn known_files(file: &Path, include: &[PathBuf]) -> Result<Files, ModelsError> {
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

/// The names of what is in a folder in their order, as far as they are text: others cannot be
/// asked for.
///
/// # Errors
/// [`ModelsError::Folder`] or [`ModelsError::TooMany`].
pub fn names_in(folder: &Path) -> Result<Vec<String>, ModelsError> {
    // A file without a folder in its path is in the current one.
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let list = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(place)?.take(MODEL_FILES_MAX + 1) {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    };
    let names =
        list().map_err(|source| ModelsError::Folder { folder: place.to_owned(), source })?;
    if names.len() > MODEL_FILES_MAX {
        return Err(ModelsError::TooMany(place.to_owned()));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use drover_datamodel::catalog::{DeviceHints, DeviceIdentity};

    use super::*;

    const EXTENSION: &str = "extends = \"Device:2.19\"\nname = \"X_EXAMPLE-COM_Lamp:1.0\"\n\
        [[device]]\nmanufacturer_oui = [\"00D09E\"]\n\
        [object.\"Device.X_EXAMPLE-COM_Lamp.\"]\n\
        parameter.On = { type = \"boolean\", access = \"readWrite\" }\n";

    const MODEL: &str = "<dm:document xmlns:dm=\"urn:broadband-forum-org:cwmp:datamodel-1-15\" \
        spec=\"urn:example-com:lamp-1-0\">\n<import file=\"parts.xml\"><component name=\"C\"/>\
        </import>\n<model name=\"Lamp:1.0\"><object name=\"Lamp.\"><component ref=\"C\"/></object>\
        </model>\n</dm:document>";

    const PARTS: &str = "<dm:document xmlns:dm=\"urn:broadband-forum-org:cwmp:datamodel-1-15\" \
        spec=\"urn:example-com:parts-1-0\">\n<component name=\"C\"><parameter name=\"On\"/>\
        </component>\n</dm:document>";

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("written");
        }
        folder
    }

    fn problem(files: &[(&str, &[u8])]) -> String {
        load_folder(folder(files).path()).expect_err("it cannot be used").to_string()
    }

    #[test]
    fn a_folder_adds_to_what_ships() {
        let storage = MODELS.iter().find(|model| model.name == "StorageService:1.3");
        let storage = storage.expect("it is shipped").bytes;
        let folder = folder(&[
            ("lamp.toml", EXTENSION.as_bytes()),
            ("lamp.xml", MODEL.as_bytes()),
            ("parts.xml", PARTS.as_bytes()),
            ("storage.model", storage),
            ("readme.txt", b"not looked at"),
        ]);
        let catalog = load_folder(folder.path()).expect("usable");
        let names: Vec<String> = catalog.names().map(ToString::to_string).collect();
        assert!(names.contains(&"Lamp:1.0".to_owned()), "{names:?}");
        let identity =
            DeviceIdentity { manufacturer_oui: Some("00D09E"), ..DeviceIdentity::default() };
        let hints = DeviceHints { root: "Device", identity, ..DeviceHints::default() };
        let model = catalog.select(&hints).expect("a model");
        assert_eq!(model.name(), "Device:2.19+X_EXAMPLE-COM_Lamp:1.0");
        assert!(model.find("Device.X_EXAMPLE-COM_Lamp.On").is_some());
    }

    /// A model that only changes an object which it does not have.
    const PART: &str = "<dm:document xmlns:dm=\"urn:broadband-forum-org:cwmp:datamodel-1-15\" \
        spec=\"urn:example-com:part-1-0\">\n<component name=\"C\"><parameter name=\"On\"/>\
        </component>\n<model name=\"Part:1.0\"><object base=\"Lamp.\"/></model>\n</dm:document>";

    /// As the Forum publishes them: next to others, and with a catalog of XML.
    #[test]
    fn parts_need_not_stand_alone() {
        let catalog = b"<?xml version=\"1.0\"?>\n<!-- <a> -->\n<!DOCTYPE c>\n<c:catalog/>";
        let files: [(&str, &[u8]); 3] = [
            ("catalog.xml", catalog),
            ("lamp.xml", MODEL.as_bytes()),
            ("parts.xml", PART.as_bytes()),
        ];
        let catalog = load_folder(folder(&files).path()).expect("usable");
        let has = |name: &str| catalog.names().any(|it| it.to_string() == name);
        assert!(has("Lamp:1.0") && !has("Part:1.0"));
        let alone = problem(&[("parts.xml", PART.as_bytes())]);
        assert!(alone.contains("parts.xml:3: Lamp.: there is no such object"), "{alone}");
    }

    /// The common part of a model may have the same name, and come later in the folder.
    #[test]
    fn what_imports_counts_more_than_what_is_imported() {
        let own = "<dm:document xmlns:dm=\"urn:broadband-forum-org:cwmp:datamodel-1-15\" \
            spec=\"urn:example-com:own-1-0\">\n<import file=\"lamp.xml\"><model name=\"_Lamp:1.0\" \
            ref=\"Lamp:1.0\"/></import>\n<model name=\"Lamp:1.0\" base=\"_Lamp:1.0\">\
            <object base=\"Lamp.\"><parameter name=\"Own\"/></object></model>\n</dm:document>";
        let folder = folder(&[
            ("a.xml", own.as_bytes()),
            ("lamp.xml", MODEL.as_bytes()),
            ("parts.xml", PARTS.as_bytes()),
        ]);
        let catalog = load_folder(folder.path()).expect("usable");
        let lamp = catalog.model(&"Lamp:1.0".parse().expect("a name")).expect("a model");
        assert!(lamp.find_parameter("Lamp.On").is_some());
        assert!(lamp.find_parameter("Lamp.Own").is_some());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let missing = load_folder(Path::new("/nowhere")).expect_err("missing").to_string();
        assert!(missing.starts_with("the folder /nowhere cannot be listed: "), "{missing}");
        let damaged = problem(&[("a.model", b"DROVERDM\x01")]);
        assert!(damaged.contains("a.model: the compiled schema is damaged"), "{damaged}");
        let document = problem(&[("a.xml", b"<dm:document\n>")]);
        assert!(document.contains("a.xml:"), "{document}");
        let document = problem(&[("a.xml", MODEL.as_bytes())]);
        assert!(document.contains("a.xml:2: parts.xml: there is no such file"), "{document}");
        let extension = problem(&[("a.toml", b"extends = \"Device:2.19\"\nnonsense = 1\n")]);
        assert!(extension.contains("a.toml:2: "), "{extension}");
    }
}
