//! The writer: elements, escaped text and nothing else.

use super::reader::is_xml_char;

/// Appends elements to one string.
///
/// Text is written as the standard prefers it: printable ASCII, TAB and LF as they are, everything
/// else as character references (`SOAP-17`). So a device that mistakes bytes for characters still
/// counts right.
#[derive(Debug)]
pub(crate) struct XmlWriter {
    out: String,
}

impl XmlWriter {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes) }
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// Markup that needs no escaping.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// `<name>`
    pub(crate) fn open(&mut self, name: &str) {
        self.open_with(name, "");
    }

    /// `<name attributes>`, the attributes as they shall stand, without a leading blank.
    pub(crate) fn open_with(&mut self, name: &str, attributes: &str) {
        self.out.push('<');
        self.out.push_str(name);
        if !attributes.is_empty() {
            self.out.push(' ');
            self.out.push_str(attributes);
        }
        self.out.push('>');
    }

    /// `</name>`
    pub(crate) fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// `<name>text</name>`
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    /// Escaped text.
    pub(crate) fn text(&mut self, text: &str) {
        let plain = |c: char| {
            matches!(c, ' '..='~' | '\t' | '\n') && !matches!(c, '<' | '>' | '&' | '"' | '\'')
        };
        let mut rest = text;
        while let Some(at) = rest.find(|c| !plain(c)) {
            let (before, special) = rest.split_at(at);
            self.out.push_str(before);
            let mut chars = special.chars();
            if let Some(character) = chars.next() {
                self.reference(character);
            }
            rest = chars.as_str();
        }
        self.out.push_str(rest);
    }

    fn reference(&mut self, character: char) {
        match character {
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            '&' => self.out.push_str("&amp;"),
            '"' => self.out.push_str("&quot;"),
            '\'' => self.out.push_str("&apos;"),
            other => {
                // XML 1.0 has no way at all to carry the remaining control characters.
                let shown = if is_xml_char(other) { other } else { char::REPLACEMENT_CHARACTER };
                self.out.push_str("&#");
                self.out.push_str(&u32::from(shown).to_string());
                self.out.push(';');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soap_17_everything_but_printable_ascii_is_a_reference() {
        let mut writer = XmlWriter::with_capacity(0);
        writer.leaf("v", " <a & 'b'> \"\té\r\n\u{1F4E1}\u{1} ");
        let expected =
            "<v> &lt;a &amp; &apos;b&apos;&gt; &quot;\t&#233;&#13;\n&#128225;&#65533; </v>";
        assert_eq!(writer.finish(), expected);
    }
}
