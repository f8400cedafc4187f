//! Path patterns of scripts (compat 2.2, 2.4).

use std::fmt;

use crate::limits::PATTERN_SEGMENTS_MAX;

/// A path as a script writes it: names, `*`, and aliases such as `[SSID:guest]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    segments: Vec<Segment>,
}

/// One component of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// This very one.
    Name(Box<str>),
    /// Any one.
    Wildcard,
    /// Instances whose parameters have these values; paths are relative to the instance.
    Alias(Vec<(Pattern, Box<str>)>),
}

/// A text is no path (the fault `script.Error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid parameter path")]
pub struct InvalidPattern;

impl Pattern {
    /// Reads a path. A dot at the end means nothing; the empty text is the root.
    ///
    /// # Errors
    /// [`InvalidPattern`]; the message is the one that scripts of GenieACS see.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut reader = Reader { rest: text };
        let pattern = reader.path(&[])?;
        if reader.rest.is_empty() { Ok(pattern) } else { Err(InvalidPattern) }
    }

    /// A path without wildcards.
    pub fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self { segments: names.into_iter().map(|name| Segment::Name(name.into())).collect() }
    }

    /// Its components.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Number of components.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether it is the root.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The pattern with one more component.
    #[must_use]
    pub fn child(&self, segment: Segment) -> Self {
        let mut segments = self.segments.clone();
        segments.push(segment);
        Self { segments }
    }

    /// The pattern without its last component; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.segments.split_last()?;
        Some(Self { segments: parents.to_vec() })
    }

    /// The name of the first component, if it is one.
    pub fn first_name(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// The names, if it has no wildcards and aliases.
    pub fn names(&self) -> Option<Vec<&str>> {
        let names = self.segments.iter().map(|segment| match segment {
            Segment::Name(name) => Some(&**name),
            _ => None,
        });
        names.collect()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.segments.iter().enumerate() {
            let dot = if place == 0 { "" } else { "." };
            write!(f, "{dot}{segment}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Wildcard => f.write_str("*"),
            Self::Alias(pairs) => {
                f.write_str("[")?;
                for (place, (path, value)) in pairs.iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma}{path}:{}", Quoted(value))?;
                }
                f.write_str("]")
            }
        }
    }
}

/// A value of an alias, in quotes where it could not be read back otherwise.
struct Quoted<'v>(&'v str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = !self.0.is_empty()
            && self.0.trim() == self.0
            && !self.0.contains(|c: char| matches!(c, '"' | ',' | ']' | '\\') || c.is_control());
        if is_plain { f.write_str(self.0) } else { write!(f, "{:?}", self.0) }
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// Components until the end, or until one of these characters.
    fn path(&mut self, ends: &[char]) -> Result<Pattern, InvalidPattern> {
        let mut segments = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(ends) {
            if segments.len() >= PATTERN_SEGMENTS_MAX {
                return Err(InvalidPattern);
            }
            segments.push(self.segment()?);
            match self.rest.strip_prefix('.') {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        Ok(Pattern { segments })
    }

    fn segment(&mut self) -> Result<Segment, InvalidPattern> {
        if let Some(rest) = self.rest.strip_prefix('[') {
            self.rest = rest;
            return self.alias();
        }
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            return Ok(Segment::Wildcard);
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).ok_or(InvalidPattern)?;
        self.rest = rest;
        if name.is_empty() { Err(InvalidPattern) } else { Ok(Segment::Name(name.into())) }
    }

    /// Pairs of a relative path and a value, until the bracket is closed.
    fn alias(&mut self) -> Result<Segment, InvalidPattern> {
        let mut pairs = Vec::new();
        self.skip_blanks();
        while !self.rest.starts_with(']') {
            if pairs.len() >= PATTERN_SEGMENTS_MAX {
                return Err(InvalidPattern);
            }
            let path = self.path(&[':'])?;
            self.skip_blanks();
            self.rest = self.rest.strip_prefix(':').ok_or(InvalidPattern)?;
            if path.is_empty() {
                return Err(InvalidPattern);
            }
            self.skip_blanks();
            pairs.push((path, self.value()?));
            self.skip_blanks();
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None if self.rest.starts_with(']') => break,
                None => return Err(InvalidPattern),
            }
            self.skip_blanks();
        }
        self.rest = self.rest.strip_prefix(']').ok_or(InvalidPattern)?;
        pairs.sort();
        // An alias without conditions is met by every instance.
        Ok(if pairs.is_empty() { Segment::Wildcard } else { Segment::Alias(pairs) })
    }

    fn value(&mut self) -> Result<Box<str>, InvalidPattern> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', ']']).ok_or(InvalidPattern)?;
            let (value, rest) = self.rest.split_at_checked(end).ok_or(InvalidPattern)?;
            self.rest = rest;
            return Ok(value.trim().into());
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((place, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = quoted.get(place.saturating_add(1)..).unwrap_or_default();
                    return Ok(value.into());
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, other)) => value.push(other),
                    None => return Err(InvalidPattern),
                },
                other => value.push(other),
            }
        }
        Err(InvalidPattern)
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_written() {
        for (text, written) in [
            ("", ""),
            ("Device.WiFi.", "Device.WiFi"),
            ("Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.*.SSID"),
            ("A.[k:v].B", "A.[k:v].B"),
            ("A.[ k.l : \"a b\" , b:c ].B", "A.[b:c,k.l:a b].B"),
            ("A.[k:\"x,]\\\"\"]", "A.[k:\"x,]\\\"\"]"),
            ("A.[].B", "A.*.B"),
            ("A.1.B-2_c", "A.1.B-2_c"),
        ] {
            let pattern = Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(pattern.to_string(), written, "{text}");
            assert_eq!(Pattern::parse(written).unwrap(), pattern, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let long = "a.".repeat(PATTERN_SEGMENTS_MAX + 1);
        let bad = [
            ".",
            "Device..X",
            ".A",
            "A.b c",
            "A.*b",
            "A.b*",
            "A.[k]",
            "A.[k:v",
            "A.[:v]",
            "A.[k:\"v]",
            "A[k:v]",
            "A.[k:v]B",
            "A.{x}",
            "A.é",
            &long,
        ];
        for text in bad {
            assert_eq!(Pattern::parse(text), Err(InvalidPattern), "{text}");
        }
        assert!(Pattern::parse(&"a.".repeat(PATTERN_SEGMENTS_MAX)).is_ok());
    }
}
