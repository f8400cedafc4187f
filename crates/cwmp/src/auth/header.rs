//! The syntax that `WWW-Authenticate` and `Authorization` share: a scheme and its parameters.

use std::{iter::Peekable, str::Chars};

use crate::limits::AUTH_PARAMETERS_MAX;

/// One scheme with its parameters, unescaped.
#[derive(Debug, Default)]
pub(super) struct Fields {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Fields {
    /// Splits a header value into its challenges or credentials.
    ///
    /// Never fails: what makes no sense is skipped. The work is linear in the length of `value`,
    /// which the caller bounds.
    pub(super) fn all(value: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut chars = value.chars().peekable();
        while skip_separators(&mut chars) {
            let word = take_word(&mut chars);
            skip_space(&mut chars);
            if chars.next_if_eq(&'=').is_some() {
                let text = take_value(&mut chars);
                if let Some(fields) = found.last_mut() {
                    fields.push(word, text);
                }
            } else if word.is_empty() {
                // A quoted string where a name belongs: consume it as a whole.
                take_value(&mut chars);
            } else {
                found.push(Self { scheme: word, parameters: Vec::new() });
            }
        }
        found
    }

    /// Whether the scheme is `name`, in any case.
    pub(super) fn is_scheme(&self, name: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(name)
    }

    /// The first parameter called `name`, in any case.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, text)| text.as_str())
    }

    fn push(&mut self, name: String, text: String) {
        if self.parameters.len() < AUTH_PARAMETERS_MAX {
            self.parameters.push((name, text));
        }
    }
}

/// Writes `text` as a quoted string.
pub(super) fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// Whether `text` can stand in a header at all: a line break in it would start another header.
pub(super) fn is_header_safe(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// A folded line counts as white space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Skips white space and commas; false at the end.
fn skip_separators(chars: &mut Peekable<Chars<'_>>) -> bool {
    while chars.next_if(|&c| is_space(c) || c == ',').is_some() {}
    chars.peek().is_some()
}

fn skip_space(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|&c| is_space(c)).is_some() {}
}

fn take_word(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::new();
    while let Some(c) = chars.next_if(|&c| !is_space(c) && !matches!(c, ',' | '=' | '"')) {
        word.push(c);
    }
    word
}

/// A quoted string with its quoted pairs resolved, or everything up to the next comma.
fn take_value(chars: &mut Peekable<Chars<'_>>) -> String {
    skip_space(chars);
    if chars.next_if_eq(&'"').is_some() {
        return take_quoted(chars);
    }
    let mut value = String::new();
    while let Some(c) = chars.next_if(|&c| c != ',') {
        value.push(if is_space(c) { ' ' } else { c });
    }
    value.truncate(value.trim_end().len());
    value
}

fn take_quoted(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            // The line break of a fold is not part of the value, the blank after it is.
            '\r' | '\n' => {}
            c => value.push(c),
        }
    }
    value
}
