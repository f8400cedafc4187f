//! XML as a tree: names without prefixes, attributes, text.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Name without prefix.
    pub name: String,
    /// Attributes with their names as written.
    pub attributes: Vec<(String, String)>,
    /// Text between the children.
    pub text: String,
    /// The children.
    pub children: Vec<Self>,
}

impl Element {
    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first element of that name anywhere below.
    pub fn find(&self, name: &str) -> Option<&Self> {
        let below = |child: &'_ Self| child.name == name;
        self.children
            .iter()
            .find(|child| below(child))
            .or_else(|| self.children.iter().find_map(|child| child.find(name)))
    }

    /// All elements of that name below, in their order.
    pub fn all<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            found.extend(child.all(name));
        }
        found
    }

    /// The text of the first element of that name below, or nothing.
    pub fn text_of(&self, name: &str) -> &str {
        self.find(name).map_or("", |element| element.text.as_str())
    }

    /// The value of an attribute by its name without prefix.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let same = |(key, _): &&(String, String)| key.rsplit(':').next() == Some(name);
        self.attributes.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// The content of the SOAP body: the RPC or the fault.
    pub fn soap_content(&self) -> Option<&Self> {
        self.child("Body")?.children.first()
    }
}

/// Reads a document. Lenient with what recorded devices do wrong: an undeclared prefix is no error.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => append(&mut open, element(&start)?),
            Event::End(_) => {
                let done = open.pop().ok_or("an end without a start")?;
                append(&mut open, done);
            }
            Event::Text(text) => push_text(&mut open, &text),
            Event::CData(text) => push_text(&mut open, &text),
            Event::GeneralRef(entity) => push_text(&mut open, &resolve(&entity)?),
            Event::Eof => break,
            _ => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut root), true) if root.children.len() == 1 => Ok(root.children.remove(0)),
        _ => Err("the document is not complete".to_owned()),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = start.local_name().as_ref().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let key = attribute.key.as_ref().to_owned();
        let value = attribute.value.into_owned();
        attributes.push((key, value));
    }
    Ok(Element { name, attributes, ..Element::default() })
}

fn append(open: &mut [Element], mut child: Element) {
    if !child.children.is_empty() {
        child.text.clear();
    }
    if let Some(parent) = open.last_mut() {
        parent.children.push(child);
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolve(name: &str) -> Result<String, String> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    let code = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix('x') {
            Some(digits) => number(digits, 16),
            None => number(digits, 10),
        },
        None => Some(match name {
            "lt" => u32::from('<'),
            "gt" => u32::from('>'),
            "amp" => u32::from('&'),
            "quot" => u32::from('"'),
            "apos" => u32::from('\''),
            _ => return Err(format!("unknown entity &{name};")),
        }),
    };
    let character = code.and_then(char::from_u32).ok_or_else(|| format!("bad &{name};"))?;
    Ok(character.to_string())
}

/// Text as it is written in a document.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_a_tree() {
        let text = "<?xml version='1.0'?>\n<s:a xmlns:s='u'><b x:n='1'>1 &lt;&#65;</b><c/></s:a>";
        let root = parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.text_of("b")), ("a", "1 <A"));
        assert_eq!(root.find("b").unwrap().attribute("n"), Some("1"));
        assert!(root.child("c").is_some());
        assert!(parse("<a><b></a>").is_err());
        assert!(parse("<a><b></b>").is_err());
    }
}
