//! A document as a tree of elements, with the line of each.
//!
//! Only the root element of a document has a namespace (section 3 of the rules); prefixes are
//! looked at by name, so that documents which use one without declaring it are read, too
//! (`CMP-02`). Elements and attributes with a prefix are hints for reports and left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::errors::Error as XmlError;
use quick_xml::escape::{EscapeError, unescape_with};
use quick_xml::events::{BytesStart, Event};

use crate::limits::{
    DOCUMENT_BYTES_MAX, XML_ATTRIBUTE_BYTES_MAX, XML_ATTRIBUTES_MAX, XML_DEPTH_MAX,
    XML_ELEMENTS_MAX, XML_ENTITIES_MAX, XML_ENTITY_BYTES_MAX, XML_ENTITY_DEPTH_MAX,
    XML_TEXT_BYTES_MAX,
};

/// Names without prefix, and values.
type Attributes = Vec<(Box<str>, Box<str>)>;

/// An element with what the compiler needs of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Element {
    /// Name without prefix.
    pub(crate) name: Box<str>,
    attributes: Attributes,
    pub(crate) children: Vec<Self>,
    /// The text between the tags; only that of descriptions and templates is kept.
    pub(crate) text: String,
    /// Line of the start tag, counted from 1.
    pub(crate) line: u32,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| &**key == name);
        found.map(|(_, value)| &**value)
    }

    /// Whether the attribute is there and true, in either of the two forms of XML Schema.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.attribute(name).map(str::trim), Some("true" | "1"))
    }

    /// The child elements of this name.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| &*child.name == name)
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| &*child.name == name)
    }
}

/// The root of a document, with the namespace that its prefix stands for.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) element: Element,
    pub(crate) namespace: Box<str>,
}

/// A document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct XmlProblem {
    /// Counted from 1.
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// Reads a whole document.
pub(crate) fn read(bytes: &[u8]) -> Result<Root, XmlProblem> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        let head = bytes.get(..DOCUMENT_BYTES_MAX).unwrap_or_default();
        let line = 1_u32.saturating_add(line_breaks(head));
        let message = format!("the document is larger than {} MiB", DOCUMENT_BYTES_MAX >> 20);
        return Err(XmlProblem { line, message });
    }
    let text = decode(bytes)?;
    check_characters(&text)?;
    TreeReader::new(&text).read()
}

/// UTF-8, or what the declaration names.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, XmlProblem> {
    let problem = |line, message| XmlProblem { line, message };
    let head = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    let (encoding, _) = match encoding_rs::Encoding::for_bom(bytes) {
        Some(found) => found,
        None => {
            let label = declared_encoding(head).unwrap_or_else(|| "utf-8".to_owned());
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes());
            let unknown = || problem(1, format!("the encoding {label:?} is unknown; use UTF-8"));
            (encoding.ok_or_else(unknown)?, 0)
        }
    };
    let (text, encoding, broken) = encoding.decode(bytes);
    if broken {
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let head = bytes.get(..valid).unwrap_or_default();
        let line = 1_u32.saturating_add(line_breaks(head));
        return Err(problem(line, format!("the document is not {} as it says", encoding.name())));
    }
    Ok(text)
}

/// XML has no control characters, and the reader below does not look for them.
fn check_characters(text: &str) -> Result<(), XmlProblem> {
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let Some(position) = text.as_bytes().iter().position(is_control) else {
        return Ok(());
    };
    let head = text.as_bytes().get(..position).unwrap_or_default();
    let line = 1_u32.saturating_add(line_breaks(head));
    let message = "no well-formed XML: there is a control character".to_owned();
    Err(XmlProblem { line, message })
}

fn declared_encoding(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split_once(quote).map(|(label, _)| label.to_owned())
}

fn line_breaks(bytes: &[u8]) -> u32 {
    let breaks = bytes.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX)
}

struct TreeReader<'a> {
    text: &'a str,
    inner: Reader<&'a [u8]>,
    /// The elements that are open, outermost first.
    open: Vec<Element>,
    /// How many of the open elements at the inner end are being left out.
    skipped: usize,
    root: Option<Element>,
    namespace: Box<str>,
    entities: Entities,
    elements: usize,
    /// Where counting of lines has come to.
    counted: usize,
    line: u32,
}

impl<'a> TreeReader<'a> {
    fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut inner = Reader::from_str(text);
        let config = inner.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = false;
        Self {
            text,
            inner,
            open: Vec::new(),
            skipped: 0,
            root: None,
            namespace: Box::default(),
            entities: Entities::default(),
            elements: 0,
            counted: 0,
            line: 1,
        }
    }

    fn read(mut self) -> Result<Root, XmlProblem> {
        loop {
            self.count_lines();
            let event = self.inner.read_event().map_err(|error| self.broken(&error))?;
            match event {
                Event::Start(start) => self.start(&start)?,
                Event::End(_) => self.end()?,
                Event::Text(text) => self.text(&text.xml10_content())?,
                Event::CData(text) => self.text(&text.xml10_content())?,
                Event::GeneralRef(reference) => self.reference(&reference)?,
                Event::DocType(doctype) => self.doctype(&doctype)?,
                Event::Eof => break,
                _ => {}
            }
        }
        if !self.open.is_empty() {
            return Err(self.problem("the document ends before its root element is closed"));
        }
        let Some(element) = self.root.take() else {
            return Err(self.problem("the document has no root element"));
        };
        Ok(Root { element, namespace: self.namespace })
    }

    /// Brings the line up to where the reader is.
    fn count_lines(&mut self) {
        let position = usize::try_from(self.inner.buffer_position()).unwrap_or(usize::MAX);
        let passed = self.text.as_bytes().get(self.counted..position).unwrap_or_default();
        self.line = self.line.saturating_add(line_breaks(passed));
        self.counted = self.counted.max(position.min(self.text.len()));
    }

    fn problem(&self, message: impl Into<String>) -> XmlProblem {
        XmlProblem { line: self.line, message: message.into() }
    }

    /// The reader stands behind what it could not read, so that the line is known.
    fn broken(&self, error: &XmlError) -> XmlProblem {
        let position = usize::try_from(self.inner.error_position()).unwrap_or(usize::MAX);
        let head = self.text.as_bytes().get(..position.min(self.text.len())).unwrap_or_default();
        let line = line_breaks(head).saturating_add(1);
        XmlProblem { line, message: format!("no well-formed XML: {error}") }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlProblem> {
        self.elements = self.elements.saturating_add(1);
        if self.elements > XML_ELEMENTS_MAX {
            return Err(self.problem(format!("more than {XML_ELEMENTS_MAX} elements")));
        }
        if self.open.len().saturating_add(self.skipped) >= XML_DEPTH_MAX {
            return Err(self.problem(format!("more than {XML_DEPTH_MAX} elements in each other")));
        }
        let full = start.name().into_inner();
        let (prefix, local) = full.split_once(':').unwrap_or(("", full));
        let is_root = self.open.is_empty();
        if is_root && self.root.is_some() {
            return Err(self.problem("the document has a second root element"));
        }
        if self.skipped > 0 || (!is_root && !prefix.is_empty()) {
            self.skipped = self.skipped.saturating_add(1);
            return Ok(());
        }
        let attributes = self.attributes(start, is_root.then_some(prefix))?;
        let line = self.line;
        self.open.push(Element { name: local.into(), attributes, line, ..Element::default() });
        Ok(())
    }

    /// The attributes without prefix. For the root, notes the namespace of `prefix` on the way.
    fn attributes(
        &mut self,
        start: &BytesStart<'_>,
        prefix: Option<&str>,
    ) -> Result<Attributes, XmlProblem> {
        let mut kept = Vec::new();
        for (count, attribute) in start.attributes().enumerate() {
            if count >= XML_ATTRIBUTES_MAX {
                return Err(self.problem(format!("more than {XML_ATTRIBUTES_MAX} attributes")));
            }
            let attribute = attribute.map_err(|error| self.problem(error.to_string()))?;
            let key = attribute.key.into_inner();
            if attribute.value.len() > XML_ATTRIBUTE_BYTES_MAX {
                let name = key.chars().take(40).collect::<String>();
                let message =
                    format!("the attribute {name} has more than {XML_ATTRIBUTE_BYTES_MAX} bytes");
                return Err(self.problem(message));
            }
            let value = self.expand(&attribute.value)?;
            match (key.split_once(':'), prefix) {
                (Some(("xmlns", declared)), Some(prefix)) if declared == prefix => {
                    self.namespace = value.into();
                }
                (None, Some("")) if key == "xmlns" => self.namespace = value.into(),
                // Values are kept as they are; everything else is a token, and some published names
                // have a blank behind them.
                (None, _) if key == "value" => kept.push((key.into(), value.into())),
                (None, _) if key != "xmlns" => kept.push((key.into(), value.trim().into())),
                // Reports alone know what else has a prefix; but the version is a fact.
                (Some(("dmr", "version")), _) => kept.push(("dmr:version".into(), value.into())),
                _ => {}
            }
        }
        Ok(kept)
    }

    fn end(&mut self) -> Result<(), XmlProblem> {
        if self.skipped > 0 {
            self.skipped = self.skipped.saturating_sub(1);
            return Ok(());
        }
        let Some(element) = self.open.pop() else {
            return Err(self.problem("an end tag without a start tag"));
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlProblem> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(self.problem("text outside of the root element"));
        }
        self.append(text)
    }

    fn append(&mut self, text: &str) -> Result<(), XmlProblem> {
        let Some(element) = self.described() else { return Ok(()) };
        if element.text.len().saturating_add(text.len()) > XML_TEXT_BYTES_MAX {
            let name = element.name.clone();
            let message = format!("the {name} has more than {XML_TEXT_BYTES_MAX} bytes");
            return Err(self.problem(message));
        }
        element.text.push_str(text);
        Ok(())
    }

    /// The open element, if its text is kept.
    fn described(&mut self) -> Option<&mut Element> {
        let keeps = |element: &&mut Element| matches!(&*element.name, "description" | "template");
        if self.skipped > 0 { None } else { self.open.last_mut().filter(keeps) }
    }

    fn reference(&mut self, name: &str) -> Result<(), XmlProblem> {
        if self.described().is_none() {
            return Ok(());
        }
        let text = self.expand(&format!("&{name};"))?;
        self.append(&text)
    }

    fn expand(&mut self, raw: &str) -> Result<String, XmlProblem> {
        self.entities.expand(raw, 0).map_err(|message| XmlProblem { line: self.line, message })
    }

    fn doctype(&mut self, doctype: &str) -> Result<(), XmlProblem> {
        self.entities.declare(doctype).map_err(|message| XmlProblem { line: self.line, message })
    }
}

/// The entities that the document declares in its internal subset. External ones are never read.
#[derive(Debug, Default)]
struct Entities {
    values: BTreeMap<String, String>,
    /// Bytes that references have become so far.
    expanded: usize,
}

impl Entities {
    /// Reads `<!ENTITY name "value">` declarations.
    fn declare(&mut self, doctype: &str) -> Result<(), String> {
        let Some((_, mut rest)) = doctype.split_once('[') else { return Ok(()) };
        while let Some((before, after)) = rest.split_once("<!") {
            let _ = before;
            if let Some(comment) = after.strip_prefix("--") {
                rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            rest = after;
            let Some(declaration) = after.strip_prefix("ENTITY") else { continue };
            let Some((name, value, behind)) = entity(declaration) else { continue };
            if self.values.len() >= XML_ENTITIES_MAX {
                return Err(format!("more than {XML_ENTITIES_MAX} entities"));
            }
            // The first declaration of a name counts, as XML has it.
            self.values.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            rest = behind;
        }
        Ok(())
    }

    /// Replaces references to characters and entities.
    fn expand(&mut self, raw: &str, depth: usize) -> Result<String, String> {
        if !raw.contains('&') {
            return Ok(raw.to_owned());
        }
        if depth > XML_ENTITY_DEPTH_MAX {
            return Err(format!(
                "entities lie more than {XML_ENTITY_DEPTH_MAX} deep in each other"
            ));
        }
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((before, reference)) = rest.split_once('&') {
            out.push_str(before);
            let (name, behind) =
                reference.split_once(';').ok_or("a '&' without ';' after it; write &amp;")?;
            out.push_str(&self.replacement(name, depth)?);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn replacement(&mut self, name: &str, depth: usize) -> Result<String, String> {
        let value = match self.values.get(name) {
            Some(value) => value.clone(),
            None => return predefined(name),
        };
        self.expanded = self.expanded.saturating_add(value.len());
        if self.expanded > XML_ENTITY_BYTES_MAX {
            return Err(format!("entities expand to more than {XML_ENTITY_BYTES_MAX} bytes"));
        }
        self.expand(&value, depth.saturating_add(1))
    }
}

/// `&lt;` and the like, and characters by number.
fn predefined(name: &str) -> Result<String, String> {
    let reference = format!("&{name};");
    let text = unescape_with(&reference, quick_xml::escape::resolve_predefined_entity);
    text.map(Cow::into_owned).map_err(|error| match error {
        EscapeError::UnrecognizedEntity(..) => {
            format!("the entity {reference} is not declared in the document")
        }
        other => format!("{reference}: {other}"),
    })
}

/// Name and value of a general entity, and what comes behind the value.
fn entity(declaration: &str) -> Option<(&str, &str, &str)> {
    let declaration = declaration.trim_start();
    let (name, rest) = declaration.split_once(|c: char| c.is_ascii_whitespace())?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, behind) = rest.get(1..)?.split_once(quote)?;
    (name != "%").then_some((name, value, behind))
}

#[cfg(test)]
mod tests;
