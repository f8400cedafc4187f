//! The tags of a well-formed document with their places, so that single ones can be changed.

use std::ops::Range;

/// A start tag, and where its element ends.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) name: String,
    /// Names of the elements around it, outermost first.
    pub(crate) around: Vec<String>,
    /// From `<` to behind `>`.
    pub(crate) range: Range<usize>,
    /// From `<` of the start tag to behind `>` of the end tag.
    pub(crate) element: Range<usize>,
    pub(crate) attributes: Vec<Attribute>,
}

#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    /// As it stands there.
    pub(crate) value: String,
    /// From the white space before the name to behind the last quote.
    pub(crate) range: Range<usize>,
    /// Between the quotes.
    pub(crate) inner: Range<usize>,
}

impl Tag {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.attribute(name).map(|attribute| &*attribute.value)
    }

    pub(crate) fn parent(&self) -> &str {
        self.around.last().map_or("", |name| name)
    }

    pub(crate) fn is_below(&self, name: &str) -> bool {
        self.around.iter().any(|around| around == name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.range == self.element
    }

    /// Where another attribute can be put.
    pub(crate) fn behind_name(&self) -> usize {
        self.range.start + 1 + self.name.len()
    }
}

/// All tags in their order.
pub(crate) struct Markup {
    pub(crate) tags: Vec<Tag>,
}

impl Markup {
    pub(crate) fn of(text: &str) -> Self {
        let mut tags: Vec<Tag> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while let Some(start) = text[at..].find('<').map(|found| at + found) {
            let rest = &text[start..];
            let skipped = [("<!--", "-->"), ("<?", "?>")];
            if let Some((_, end)) = skipped.iter().find(|(begin, _)| rest.starts_with(begin)) {
                at = start + rest.find(end).expect("it is well-formed") + end.len();
                continue;
            }
            let end = start + rest.find('>').expect("it is well-formed") + 1;
            at = end;
            if rest.starts_with("</") {
                let tag = open.pop().expect("it is well-formed");
                tags[tag].element.end = end;
                continue;
            }
            let around = open.iter().map(|place| tags[*place].name.clone()).collect();
            let tag = read(text, start..end, around);
            if !text[..end].ends_with("/>") {
                open.push(tags.len());
            }
            tags.push(tag);
        }
        Self { tags }
    }
}

fn read(text: &str, range: Range<usize>, around: Vec<String>) -> Tag {
    let inner = &text[range.start + 1..range.end - 1];
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let length = inner.find(char::is_whitespace).unwrap_or(inner.len());
    let name = inner[..length].to_owned();
    let mut attributes = Vec::new();
    let mut at = range.start + 1 + length;
    let end = range.start + 1 + inner.len();
    while let Some(equals) = text[at..end].find('=') {
        let quote = at + equals + 1;
        let value = quote + 1;
        let mark = &text[quote..value];
        let behind = value + text[value..end].find(mark).expect("it is well-formed");
        attributes.push(Attribute {
            name: text[at..at + equals].trim().to_owned(),
            value: text[value..behind].to_owned(),
            range: at..behind + 1,
            inner: value..behind,
        });
        at = behind + 1;
    }
    Tag { name, around, element: range.clone(), range, attributes }
}
