//! Where in a text something is wrong.

use drover_provision::preset::InvalidPreset;
use drover_provision::rules::InvalidText;
use drover_provision::script::ScriptError;

/// The line of a text on which something is wrong; the first has 1.
pub(super) fn line_of(text: &str, reason: &InvalidText) -> Option<usize> {
    match reason {
        InvalidText::Json(error) => Some(error.line().max(1)),
        InvalidText::NoObject => Some(1),
        InvalidText::Preset(invalid) => Some(line_at(text, pointer(invalid))),
        InvalidText::Script(_) => line_in_script(reason),
    }
}

/// The line of a script on which something is wrong.
pub(super) fn line_in_script(reason: &InvalidText) -> Option<usize> {
    match reason {
        InvalidText::Script(ScriptError::Syntax { line, .. }) => usize::try_from((*line)?).ok(),
        _ => None,
    }
}

fn pointer(invalid: &InvalidPreset) -> &str {
    match invalid {
        InvalidPreset::Shape { place, .. }
        | InvalidPreset::Expression { place, .. }
        | InvalidPreset::Filter { place, .. }
        | InvalidPreset::NoSuchObject { place, .. } => place,
        InvalidPreset::Cron(_) => "/schedule",
    }
}

/// The line of the value that a JSON pointer names, or of what it should stand in. The text is
/// JSON.
fn line_at(json: &str, pointer: &str) -> usize {
    let mut scanner = Scanner { bytes: json.as_bytes(), at: 0 };
    scanner.skip_space();
    let mut place = scanner.at;
    for part in pointer.split('/').skip(1) {
        if scanner.enter(&part.replace("~1", "/").replace("~0", "~")).is_none() {
            break;
        }
        place = scanner.at;
    }
    scanner.bytes.iter().take(place).filter(|byte| **byte == b'\n').count() + 1
}

/// A walk through JSON.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    /// Goes to the value of a member or item of the value here; `None` when there is none.
    fn enter(&mut self, name: &str) -> Option<()> {
        match self.take()? {
            b'{' => self.enter_member(name),
            b'[' => self.enter_item(name.parse().ok()?),
            _ => None,
        }
    }

    fn enter_member(&mut self, name: &str) -> Option<()> {
        loop {
            self.skip_space();
            let start = self.at;
            self.skip_value()?;
            let key: String = serde_json::from_slice(self.bytes.get(start..self.at)?).ok()?;
            self.skip_space();
            // The colon.
            self.take()?;
            self.skip_space();
            if key == name {
                return Some(());
            }
            self.skip_to_next()?;
        }
    }

    fn enter_item(&mut self, index: usize) -> Option<()> {
        self.skip_space();
        for _ in 0..index {
            self.skip_to_next()?;
            self.skip_space();
        }
        (self.peek()? != b']').then_some(())
    }

    /// Goes behind the value here and the comma behind it; `None` when there is no comma.
    fn skip_to_next(&mut self) -> Option<()> {
        self.skip_value()?;
        self.skip_space();
        (self.take()? == b',').then_some(())
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_text()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth > 0 => self.at += 1,
                _ => self.skip_word()?,
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_text(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.take()? {
                b'"' => return Some(()),
                b'\\' => drop(self.take()?),
                _ => {}
            }
        }
    }

    /// A number, or a word such as `true`.
    fn skip_word(&mut self) -> Option<()> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = self.bytes.get(self.at..)?.iter().take_while(|byte| is_part(byte)).count();
        self.at += length;
        (length > 0).then_some(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_a_line() {
        let json = "{\n \"a\": 1,\n \"b~/\\u0063\": [\n  {\"x\": \"}\\\"\"},\n  -1.5e3, \
                    true,\n  {\n\
                    \"y\": null}\n ], \"c\":\n\n  {}\n}\n";
        for (pointer, line) in [
            ("", 1),
            ("/a", 2),
            ("/b~0~1c", 3),
            ("/b~0~1c/0/x", 4),
            ("/b~0~1c/1", 5),
            ("/b~0~1c/2", 5),
            ("/b~0~1c/3", 6),
            ("/b~0~1c/3/y", 7),
            ("/c", 10),
            // What is not there is missing in what should hold it.
            ("/c/d/e", 10),
            ("/b~0~1c/4", 3),
            ("/b~0~1c/name", 3),
            ("/a/x", 2),
            ("/z", 1),
        ] {
            assert_eq!(line_at(json, pointer), line, "{pointer}");
        }
        serde_json::from_str::<serde_json::Value>(json).expect("JSON");
        for end in 0..json.len() {
            line_at(&json[..end], "/b~0~1c/3/y");
        }
    }
}
