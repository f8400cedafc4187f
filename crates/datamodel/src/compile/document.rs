//! Documents with what they define and import.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use super::description::clean;
use super::problem::Place;
use super::xml::{Element, Root};

/// Namespace of data model documents, before the version.
const DATA_MODEL_NAMESPACE: &str = "urn:broadband-forum-org:cwmp:datamodel-1-";
/// Namespace of device type documents, before the version.
const DEVICE_TYPE_NAMESPACE: &str = "urn:broadband-forum-org:cwmp:devicetype-1-";

/// A number for each document of a compilation.
pub(crate) type DocumentId = usize;

/// What can be defined and imported by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    DataType,
    Component,
    Model,
}

impl Kind {
    fn of_element(name: &str) -> Option<Self> {
        match name {
            "dataType" => Some(Self::DataType),
            "component" => Some(Self::Component),
            "model" => Some(Self::Model),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataType => "data type",
            Self::Component => "component",
            Self::Model => "model",
        })
    }
}

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    DataModel,
    DeviceType,
}

/// An `import` element.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) file: String,
    pub(crate) spec: Option<String>,
    pub(crate) line: u32,
    /// Local name → name in the imported document.
    pub(crate) names: BTreeMap<(Kind, String), String>,
    /// The document, once it is known.
    pub(crate) target: Option<DocumentId>,
}

/// A document that was read.
#[derive(Debug)]
pub(crate) struct Document {
    /// As it is shown in messages.
    pub(crate) shown: Box<str>,
    pub(crate) kind: DocumentKind,
    /// Minor version of the schema that it follows; one that we do not know counts as the newest.
    pub(crate) schema: u32,
    pub(crate) spec: String,
    pub(crate) root: Element,
    pub(crate) imports: Vec<Import>,
    /// What it defines itself: the place among the children of the root.
    definitions: BTreeMap<(Kind, String), usize>,
    /// Texts that descriptions refer to by `{{template|…}}`.
    pub(crate) templates: BTreeMap<String, String>,
    /// Names that are defined twice, with the line of the second definition.
    pub(crate) duplicates: Vec<(Kind, String, u32)>,
}

impl Document {
    /// Takes what was read as a document. An error says why it is none.
    pub(crate) fn new(shown: &str, root: Root) -> Result<Self, String> {
        let (kind, schema) = kind_of(&root)?;
        let element = root.element;
        let spec = element.attribute("spec").unwrap_or_default().to_owned();
        let mut document = Self {
            shown: shown.into(),
            kind,
            schema,
            spec,
            imports: element.named("import").map(import).collect(),
            root: element,
            definitions: BTreeMap::new(),
            templates: BTreeMap::new(),
            duplicates: Vec::new(),
        };
        document.index();
        Ok(document)
    }

    fn index(&mut self) {
        for template in self.root.named("template") {
            if let Some(id) = template.attribute("id") {
                let text = clean(&template.text).unwrap_or_default();
                self.templates.insert(id.to_owned(), text.into());
            }
        }
        for (place, child) in self.root.children.iter().enumerate() {
            let Some(kind) = Kind::of_element(&child.name) else { continue };
            let Some(name) = child.attribute("name") else { continue };
            match self.definitions.entry((kind, name.to_owned())) {
                Entry::Vacant(free) => {
                    free.insert(place);
                }
                Entry::Occupied(_) => self.duplicates.push((kind, name.to_owned(), child.line)),
            }
        }
    }

    pub(crate) fn definition(&self, kind: Kind, name: &str) -> Option<&Element> {
        let place = self.definitions.get(&(kind, name.to_owned()))?;
        self.root.children.get(*place)
    }

    /// The models that it defines, internal ones included, in their order.
    pub(crate) fn models(&self) -> impl Iterator<Item = &Element> {
        self.root.named("model")
    }

    pub(crate) fn place(&self, line: u32) -> Place {
        Place { file: self.shown.clone(), line }
    }
}

/// The kind, and the minor version of the schema.
fn kind_of(root: &Root) -> Result<(DocumentKind, u32), String> {
    let namespace = &*root.namespace;
    if &*root.element.name != "document" {
        let name = &root.element.name;
        return Err(format!("the root element is {name}; that of a data model is dm:document"));
    }
    for (prefix, kind) in [
        (DATA_MODEL_NAMESPACE, DocumentKind::DataModel),
        (DEVICE_TYPE_NAMESPACE, DocumentKind::DeviceType),
    ] {
        if let Some(version) = namespace.strip_prefix(prefix) {
            return Ok((kind, version.parse().unwrap_or(u32::MAX)));
        }
    }
    Err(format!(
        "the namespace {namespace:?} is none of data models; it must begin with \
         {DATA_MODEL_NAMESPACE} or {DEVICE_TYPE_NAMESPACE}"
    ))
}

fn import(element: &Element) -> Import {
    let text = |name| element.attribute(name).map(str::to_owned);
    let mut names = BTreeMap::new();
    for child in &element.children {
        let Some(kind) = Kind::of_element(&child.name) else { continue };
        let Some(name) = child.attribute("name") else { continue };
        let target = child.attribute("ref").unwrap_or(name).to_owned();
        names.insert((kind, name.to_owned()), target);
    }
    Import {
        file: text("file").or_else(|| file_of_spec(element)).unwrap_or_default(),
        spec: text("spec"),
        line: element.line,
        names,
        target: None,
    }
}

/// Versions 1.1 and 1.2 of the schema let an import leave out its file.
fn file_of_spec(element: &Element) -> Option<String> {
    let (_, name) = element.attribute("spec")?.rsplit_once(':')?;
    Some(format!("{name}.xml"))
}
