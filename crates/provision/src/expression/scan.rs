//! Words, numbers, quoted texts and the characters of paths.

use super::number;

/// Words that are never a parameter.
pub(super) const KEYWORDS: [&str; 14] = [
    "AND", "CASE", "ELSE", "END", "ESCAPE", "FALSE", "IS", "LIKE", "NOT", "NULL", "OR", "THEN",
    "TRUE", "WHEN",
];

/// Reads a text from its start to its end.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// Where it stands, in characters; the first has 1.
    pub(super) fn position(&self) -> usize {
        let read = self.text.get(..self.offset).unwrap_or_default();
        read.chars().count().saturating_add(1)
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.skip(c.len_utf8());
        Some(c)
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(bytes);
    }

    pub(super) fn skip_space(&mut self) {
        let rest = self.rest();
        self.skip(rest.len().saturating_sub(rest.trim_start().len()));
    }

    /// Reads a symbol, if it stands here.
    pub(super) fn take(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.skip(symbol.len());
        }
        found
    }

    /// The word that stands here; empty when there is none.
    pub(super) fn word(&self) -> &'a str {
        first_word(self.rest())
    }

    /// Reads a keyword, in capitals or not, if it stands here.
    pub(super) fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(keyword);
        if found {
            self.skip(keyword.len());
        }
        found
    }

    /// Reads a number with or without a sign, if one stands here.
    pub(super) fn take_number(&mut self) -> Option<f64> {
        let length = number_length(self.rest());
        let number = self.rest().get(..length)?.parse().ok()?;
        self.skip(length);
        Some(number)
    }

    /// Reads what follows the opening quote of `'…'`, in which `''` is a quote.
    pub(super) fn single_quoted(&mut self) -> Result<String, &'static str> {
        let mut text = String::new();
        loop {
            match self.next().ok_or("the closing quote '")? {
                '\'' if !self.take("'") => return Ok(text),
                c => text.push(c),
            }
        }
    }

    /// Reads what follows the opening quote of `"…"`, with the escapes of JavaScript.
    pub(super) fn double_quoted(&mut self) -> Result<String, &'static str> {
        let mut text = String::new();
        loop {
            match self.next().ok_or("the closing quote \"")? {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, &'static str> {
        Ok(match self.next().ok_or("a character after \\")? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '0' => '\0',
            'x' => self.code(2).and_then(char::from_u32).ok_or("two hexadecimal digits")?,
            'u' => self.unicode().ok_or("the code of a character, such as \\u00FC")?,
            c => c,
        })
    }

    /// What follows `\u`: a UTF-16 unit, two that belong together, or a code in braces.
    fn unicode(&mut self) -> Option<char> {
        if self.take("{") {
            let length = self.rest().find('}').filter(|length| (1..=6).contains(length))?;
            let code = self.code(length)?;
            self.skip(1);
            return char::from_u32(code);
        }
        let first = u16::try_from(self.code(4)?).ok()?;
        let mut units = vec![first];
        if (0xd800..0xdc00).contains(&first) && self.take("\\u") {
            units.push(u16::try_from(self.code(4)?).ok()?);
        }
        char::decode_utf16(units).next()?.ok()
    }

    /// Reads a number with so many hexadecimal digits.
    fn code(&mut self, digits: usize) -> Option<u32> {
        let text = self.rest().get(..digits)?;
        let code = text.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(text)?;
        self.skip(digits);
        u32::from_str_radix(code, 16).ok()
    }
}

/// The characters of paths, and where an alias begins and ends.
///
/// An alias is in brackets, and everything may stand in it; within `"…"` brackets and braces too.
#[derive(Debug, Default)]
pub(super) struct PathScanner {
    brackets: usize,
    is_quoted: bool,
    is_escaped: bool,
}

impl PathScanner {
    /// Whether a character belongs to the path, seeing the one after it.
    pub(super) fn accepts(&mut self, c: char, next: Option<char>) -> bool {
        if self.is_escaped {
            self.is_escaped = false;
        } else if self.is_quoted {
            self.is_escaped = c == '\\';
            self.is_quoted = c != '"';
        } else {
            match c {
                '[' => self.brackets = self.brackets.saturating_add(1),
                ']' if self.brackets > 0 => self.brackets = self.brackets.saturating_sub(1),
                '{' => return false,
                '"' if self.brackets > 0 => self.is_quoted = true,
                // An attribute, such as `:writable`.
                ':' if next.is_some_and(|c| c.is_ascii_alphabetic()) => {}
                c => return self.brackets > 0 || is_path_char(c),
            }
        }
        true
    }

    /// Whether all aliases are complete.
    pub(super) fn is_complete(&self) -> bool {
        self.brackets == 0 && !self.is_quoted
    }

    /// Whether `{` begins an expression here.
    pub(super) fn is_open(&self) -> bool {
        !self.is_quoted
    }
}

/// Whether a text at the start of a path is read as one: neither as a number nor as a keyword.
pub(super) fn begins_path(text: &str) -> bool {
    let word = first_word(text);
    let is_name = word.bytes().any(|byte| !matches!(byte, b'.' | b'-'));
    is_name && number_length(text) == 0 && !is_keyword(word)
}

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

/// Whether a text can be the name of a function.
pub(super) fn is_function_name(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c| !is_path_char(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn is_path_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '*' | '-')
}

/// Bytes of the number at the start of a text; 0 when there is none.
///
/// `2GHz.Enable` and `1.2.3` are paths, while `10-2` and `2*3` begin with a number.
fn number_length(text: &str) -> usize {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = number::decimal_length(unsigned);
    let after = unsigned.get(length..).and_then(|rest| rest.chars().next());
    let continues = after.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    if length == 0 || continues {
        return 0;
    }
    text.len().saturating_sub(unsigned.len()).saturating_add(length)
}
