//! The pull reader: child by child, bounded, without a tree in memory.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::errors::{Error as XmlError, SyntaxError};
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::error::{Malformed, MalformedKind, Violation};
use crate::limits::{
    TEXT_BYTES_MAX, XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_ERROR_CHARS_MAX, XML_NAMESPACES_MAX,
};
use crate::tolerated::{Tolerated, ToleratedList};

/// Why an element could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The message as a whole is unreadable.
    Malformed(Malformed),
    /// One argument is wrong; the rest of the message can still be read (`SOAP-16`).
    Argument(Violation),
}

impl From<Malformed> for ReadError {
    fn from(inner: Malformed) -> Self {
        Self::Malformed(inner)
    }
}

/// The start tag of the element that is being read.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    start: BytesStart<'a>,
    /// Where the local name begins, behind the prefix.
    local: usize,
    /// Depth of the element itself; the root has 1.
    depth: usize,
}

impl Element<'_> {
    pub(crate) fn local(&self) -> &str {
        self.start.name().into_inner().get(self.local..).unwrap_or_default()
    }

    pub(crate) fn prefix(&self) -> Option<&str> {
        self.start.name().into_inner().split_once(':').map(|(prefix, _)| prefix)
    }

    pub(crate) const fn depth(&self) -> usize {
        self.depth
    }

    /// The value of the first attribute with this local name, whatever its prefix.
    pub(crate) fn attribute(&self, local: &str) -> Option<Cow<'_, str>> {
        if self.start.attributes_raw().is_empty() {
            return None;
        }
        let mut attributes = self.start.attributes();
        attributes
            .with_checks(false)
            .flatten()
            .find(|attribute| {
                let name = attribute.key.into_inner();
                local_part(name) == local && !name.starts_with("xmlns")
            })
            .map(|attribute| attribute.value)
    }
}

/// Reads one document from start to end, one element at a time.
pub(crate) struct XmlReader<'a> {
    inner: Reader<&'a [u8]>,
    depth: usize,
    /// Prefix declarations in scope: depth of the declaring element, prefix, namespace.
    namespaces: Vec<(usize, String, String)>,
    pub(crate) tolerated: ToleratedList,
}

impl<'a> XmlReader<'a> {
    pub(crate) fn new(text: &'a str, tolerated: ToleratedList) -> Self {
        let mut inner = Reader::from_str(text);
        let config = inner.config_mut();
        // `<a/>` is read as `<a></a>`, so that no caller has two cases.
        config.expand_empty_elements = true;
        config.check_comments = false;
        Self { inner, depth: 0, namespaces: Vec::new(), tolerated }
    }

    /// The next child element of the open element, or `None` at its end tag, which is consumed.
    /// Text between children, comments and processing instructions are passed over (`SOAP-13`).
    pub(crate) fn next_child(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        loop {
            match self.next_event()? {
                Event::Start(start) => return self.open(start).map(Some),
                Event::End(_) => {
                    self.close();
                    return Ok(None);
                }
                Event::Eof => return self.end_of_text().map(|()| None),
                _ => {}
            }
        }
    }

    /// The text of the open element, whose end tag is consumed. Child elements are passed over.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.next_event()? {
                Event::Text(part) => append(&mut text, part.xml10_content()),
                Event::CData(part) => {
                    self.tolerated.note(Tolerated::Cdata);
                    append(&mut text, part.xml10_content());
                }
                Event::GeneralRef(reference) => {
                    let character = self.resolve(&reference)?;
                    text.to_mut().push(character);
                }
                Event::Start(start) => {
                    let child = self.open(start)?;
                    self.skip(&child)?;
                }
                Event::End(_) => {
                    self.close();
                    return Ok(text);
                }
                Event::Eof => return self.end_of_text().map(|()| text),
                _ => {}
            }
            if text.len() > TEXT_BYTES_MAX {
                return Err(self.limit("bytes in one text", TEXT_BYTES_MAX));
            }
        }
    }

    /// Passes over the rest of an open element, its end tag included.
    pub(crate) fn skip(&mut self, element: &Element<'_>) -> Result<(), Malformed> {
        self.skip_to(element.depth.saturating_sub(1))
    }

    /// Passes over everything until only `depth` elements are open.
    pub(crate) fn skip_to(&mut self, depth: usize) -> Result<(), Malformed> {
        while self.depth > depth {
            match self.next_event()? {
                Event::Start(start) => {
                    self.open(start)?;
                }
                Event::End(_) => self.close(),
                Event::Eof => return self.end_of_text(),
                _ => {}
            }
        }
        Ok(())
    }

    /// The namespace that `prefix` stands for here (`None`: the default namespace).
    pub(crate) fn namespace(&self, prefix: Option<&str>) -> Option<&str> {
        let prefix = prefix.unwrap_or_default();
        self.namespaces
            .iter()
            .rev()
            .find(|(_, declared, _)| declared == prefix)
            .map(|(_, _, namespace)| namespace.as_str())
    }

    /// All namespaces in scope.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(|(_, _, namespace)| namespace.as_str())
    }

    pub(crate) fn malformed(&self, kind: MalformedKind) -> Malformed {
        Malformed { kind, offset: self.inner.buffer_position() }
    }

    /// quick-xml quotes what it read, however long it is.
    fn broken(&self, error: &impl ToString) -> Malformed {
        let text = error.to_string().chars().take(XML_ERROR_CHARS_MAX).collect();
        self.malformed(MalformedKind::Xml(text))
    }

    fn limit(&self, what: &'static str, max: usize) -> Malformed {
        self.malformed(MalformedKind::Limit { what, max })
    }

    #[inline]
    fn next_event(&mut self) -> Result<Event<'a>, Malformed> {
        match self.inner.read_event() {
            Ok(Event::DocType(_)) => Err(self.malformed(MalformedKind::Dtd)),
            Ok(event) => Ok(event),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    #[cold]
    fn unreadable(&self, error: &XmlError) -> Malformed {
        match error {
            XmlError::Syntax(SyntaxError::UnclosedDoctype) => self.malformed(MalformedKind::Dtd),
            _ => self.broken(error),
        }
    }

    fn open(&mut self, start: BytesStart<'a>) -> Result<Element<'a>, Malformed> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > XML_DEPTH_MAX {
            return Err(self.limit("nested elements", XML_DEPTH_MAX));
        }
        if !start.attributes_raw().trim_ascii().is_empty() {
            self.read_attributes(&start)?;
        }
        let local = local_start(start.name().into_inner());
        Ok(Element { start, local, depth: self.depth })
    }

    fn read_attributes(&mut self, start: &BytesStart<'_>) -> Result<(), Malformed> {
        let mut attributes = start.attributes();
        for (index, attribute) in attributes.with_checks(false).enumerate() {
            if index >= XML_ATTRIBUTES_MAX {
                return Err(self.limit("attributes of one element", XML_ATTRIBUTES_MAX));
            }
            let attribute = attribute.map_err(|error| self.broken(&error))?;
            let name = attribute.key.into_inner();
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) => match rest.strip_prefix(':') {
                    Some(prefix) => prefix,
                    None => continue,
                },
                None => continue,
            };
            if self.namespaces.len() >= XML_NAMESPACES_MAX {
                return Err(self.limit("namespace declarations", XML_NAMESPACES_MAX));
            }
            if attribute.value.contains("/1999/XMLSchema") {
                self.tolerated.note(Tolerated::Schema1999);
            }
            let declaration = (self.depth, prefix.to_owned(), attribute.value.trim().to_owned());
            self.namespaces.push(declaration);
        }
        Ok(())
    }

    fn close(&mut self) {
        let depth = self.depth;
        while self.namespaces.pop_if(|(declared, ..)| *declared >= depth).is_some() {}
        self.depth = depth.saturating_sub(1);
    }

    fn end_of_text(&self) -> Result<(), Malformed> {
        if self.depth == 0 {
            return Ok(());
        }
        Err(self.malformed(MalformedKind::Truncated(format!("element {}", self.depth))))
    }

    /// One of the five entities of XML, or a character by number (`SOAP-20`: no others).
    fn resolve(&mut self, reference: &BytesRef<'_>) -> Result<char, Malformed> {
        if reference.is_char_ref() {
            let digits = reference.strip_prefix('#').unwrap_or_default();
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            return match number.ok().and_then(char::from_u32).filter(|c| is_xml_char(*c)) {
                Some(character) => Ok(character),
                None => {
                    self.tolerated.note(Tolerated::IllegalCharacter);
                    Ok(char::REPLACEMENT_CHARACTER)
                }
            };
        }
        match &**reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            name => Err(self.malformed(MalformedKind::Entity(shortened(name)))),
        }
    }
}

/// A qualified name without its prefix.
pub(crate) fn local_part(name: &str) -> &str {
    name.get(local_start(name)..).unwrap_or_default()
}

/// Where the local part of a name begins. Names are so short that a plain loop over the bytes is
/// faster than a search.
fn local_start(name: &str) -> usize {
    let colon = name.bytes().rposition(|byte| byte == b':');
    colon.map_or(0, |colon| colon.saturating_add(1))
}

/// The characters of XML 1.0.
pub(crate) const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn shortened(name: &str) -> String {
    name.chars().take(32).collect()
}

fn append<'a>(text: &mut Cow<'a, str>, part: Cow<'a, str>) {
    if text.is_empty() {
        *text = part;
    } else {
        text.to_mut().push_str(&part);
    }
}
