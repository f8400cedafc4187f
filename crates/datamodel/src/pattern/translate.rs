//! From a regular expression of XML Schema to one of the library `regex-lite`.

use std::str::Chars;

use super::PatternError;
use super::chars::{self, CharSet, write_char};
use crate::limits::PATTERN_PROGRAM_BYTES_MAX;
use crate::limits::{PATTERN_DEPTH_MAX, PATTERN_REPETITIONS_MAX};

/// Characters of the name of a property.
const PROPERTY_CHARS_MAX: usize = 64;

/// The translation matches from the start to the end of a text.
pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    let out = String::from(r"\A(?:");
    let mut translator = Translator { rest: pattern.chars(), consumed: 0, depth: 0, out };
    translator.alternatives()?;
    if translator.next().is_some() {
        return Err(translator.malformed("this ')' closes no group; escape it"));
    }
    translator.out.push_str(r")\z");
    Ok(translator.out)
}

struct Translator<'p> {
    rest: Chars<'p>,
    /// Characters before `rest`.
    consumed: usize,
    /// Groups and classes that are open.
    depth: usize,
    out: String,
}

/// One element of a pattern or of a class.
enum Element {
    Char(char),
    Set(CharSet),
}

impl Translator<'_> {
    /// Up to the end or to a `)`, which stays.
    fn alternatives(&mut self) -> Result<(), PatternError> {
        loop {
            while self.peek().is_some_and(|c| c != '|' && c != ')') {
                self.piece()?;
            }
            if !self.take('|') {
                return Ok(());
            }
            self.out.push('|');
        }
    }

    fn piece(&mut self) -> Result<(), PatternError> {
        let start = self.out.len();
        self.atom()?;
        if self.quantifier()? && self.take('?') {
            // By the standard there is no such thing, but a published file has it.
            self.out.insert_str(start, "(?:");
            self.out.push_str(")?");
        }
        if self.out.len() > PATTERN_PROGRAM_BYTES_MAX {
            return Err(PatternError::TooLarge);
        }
        Ok(())
    }

    fn atom(&mut self) -> Result<(), PatternError> {
        let element = match self.next() {
            Some('(') => return self.group(),
            Some('[') => Element::Set(self.class()?),
            Some('.') => Element::Set(CharSet::of_chars("\n\r").complement()),
            Some('\\') => self.escape()?,
            Some('?' | '*' | '+' | '{') => {
                return Err(self.malformed("there is nothing here to repeat; escape it"));
            }
            Some('}' | ']') => {
                return Err(self.malformed("this bracket closes nothing; escape it"));
            }
            Some(c) => Element::Char(c),
            None => return Ok(()),
        };
        match element {
            Element::Char(c) => write_char(c, &mut self.out),
            Element::Set(set) => set.write_to(&mut self.out),
        }
        Ok(())
    }

    /// After its `(`.
    fn group(&mut self) -> Result<(), PatternError> {
        let unclosed = self.malformed("this '(' has no ')'");
        self.enter()?;
        self.out.push_str("(?:");
        self.alternatives()?;
        if !self.take(')') {
            return Err(unclosed);
        }
        self.out.push(')');
        self.leave();
        Ok(())
    }

    /// Whether there was one.
    fn quantifier(&mut self) -> Result<bool, PatternError> {
        match self.peek() {
            Some(c @ ('?' | '*' | '+')) => {
                self.next();
                self.out.push(c);
                Ok(true)
            }
            Some('{') => {
                self.next();
                self.counts()?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// After the `{` of a quantifier.
    fn counts(&mut self) -> Result<(), PatternError> {
        let min = self.count()?;
        let mut text = format!("{{{min}");
        if self.take(',') {
            text.push(',');
            if self.peek() != Some('}') {
                let max = self.count()?;
                if max < min {
                    return Err(self.malformed("the second count is less than the first"));
                }
                text.push_str(&max.to_string());
            }
        }
        if self.next() != Some('}') {
            return Err(self.malformed("a quantifier is {n}, {n,} or {n,m}"));
        }
        self.out.push_str(&text);
        self.out.push('}');
        Ok(())
    }

    fn count(&mut self) -> Result<u32, PatternError> {
        let mut count = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.next();
            count = Some(count.unwrap_or(0_u32).saturating_mul(10).saturating_add(digit));
            if count > Some(PATTERN_REPETITIONS_MAX) {
                return Err(self.malformed("a count is at most 10000"));
            }
        }
        count.ok_or_else(|| self.malformed_next("a number is missing; escape a '{' that is text"))
    }

    /// After its `[`.
    fn class(&mut self) -> Result<CharSet, PatternError> {
        let (unclosed, empty) =
            (self.malformed("this '[' has no ']'"), self.malformed("this class is empty"));
        self.enter()?;
        let is_negated = self.take('^');
        let mut members = CharSet::default();
        let mut is_empty = true;
        let subtracted = loop {
            match (self.peek(), self.peek_at(1)) {
                (None, _) => return Err(unclosed),
                (Some(']'), _) if is_empty => return Err(empty),
                (Some(']'), _) => break CharSet::default(),
                (Some('-'), Some('[')) if !is_empty => break self.subtracted()?,
                _ => members = members.with(&self.class_member()?),
            }
            is_empty = false;
        };
        if !self.take(']') {
            return Err(self.malformed_next("a class ends after what is subtracted from it"));
        }
        self.leave();
        let members = if is_negated { members.complement() } else { members };
        Ok(members.without(&subtracted))
    }

    /// From the `-` before the class that is subtracted.
    fn subtracted(&mut self) -> Result<CharSet, PatternError> {
        self.next();
        self.next();
        self.class()
    }

    /// A character, a range or a set.
    fn class_member(&mut self) -> Result<CharSet, PatternError> {
        let low = match self.class_element()? {
            Element::Char(low) => low,
            Element::Set(set) => return Ok(set),
        };
        if !self.range_follows() {
            return Ok(CharSet::of_ranges(&[(low, low)]));
        }
        self.next();
        match self.class_element()? {
            Element::Char(high) if low <= high => Ok(CharSet::of_ranges(&[(low, high)])),
            Element::Char(_) => Err(self.malformed("this range ends before it starts")),
            Element::Set(_) => Err(self.malformed("a range ends with one character")),
        }
    }

    /// Whether a `-` comes that neither ends the class nor subtracts from it.
    fn range_follows(&self) -> bool {
        match (self.peek(), self.peek_at(1), self.peek_at(2)) {
            (Some('-'), Some('-'), Some('[')) => false,
            (Some('-'), Some(end), _) => end != ']' && end != '[',
            _ => false,
        }
    }

    fn class_element(&mut self) -> Result<Element, PatternError> {
        match self.next() {
            Some('\\') => self.escape(),
            Some('[') => Err(self.malformed("escape a '[' within a class")),
            Some(c) => Ok(Element::Char(c)),
            None => Err(self.malformed_next("the class has no ']'")),
        }
    }

    /// After its `\`.
    fn escape(&mut self) -> Result<Element, PatternError> {
        let position = self.consumed;
        let Some(c) = self.next() else {
            return Err(self.malformed("there is nothing here to escape"));
        };
        Ok(match c {
            'n' => Element::Char('\n'),
            'r' => Element::Char('\r'),
            't' => Element::Char('\t'),
            'p' => Element::Set(self.property(position)?),
            'P' => Element::Set(self.property(position)?.complement()),
            c if c.is_ascii_punctuation() => Element::Char(c),
            c => match chars::class(c) {
                Some(set) => Element::Set(set),
                None => return Err(self.malformed("XML Schema has no such escape")),
            },
        })
    }

    /// After the `\p` or `\P` at `position`.
    fn property(&mut self, position: usize) -> Result<CharSet, PatternError> {
        if !self.take('{') {
            return Err(self.malformed_next("a property is written \\p{L}"));
        }
        let mut name = String::new();
        loop {
            match self.next() {
                Some('}') => break,
                Some(c) if name.len() < PROPERTY_CHARS_MAX => name.push(c),
                _ => return Err(self.malformed("a property is written \\p{L}")),
            }
        }
        let unsupported =
            || PatternError::Unsupported { position, name: name.escape_debug().collect() };
        chars::property(&name).ok_or_else(unsupported)
    }

    fn enter(&mut self) -> Result<(), PatternError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > PATTERN_DEPTH_MAX {
            return Err(
                self.malformed("there are more than 32 groups or classes within each other")
            );
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, distance: usize) -> Option<char> {
        self.rest.clone().nth(distance)
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        if next.is_some() {
            self.consumed = self.consumed.saturating_add(1);
        }
        next
    }

    fn take(&mut self, expected: char) -> bool {
        let is_next = self.peek() == Some(expected);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Something is wrong with the character that was read last.
    fn malformed(&self, reason: &'static str) -> PatternError {
        PatternError::Malformed { position: self.consumed, reason }
    }

    /// Something is wrong with the next character, or it is missing.
    fn malformed_next(&self, reason: &'static str) -> PatternError {
        PatternError::Malformed { position: self.consumed.saturating_add(1), reason }
    }
}
