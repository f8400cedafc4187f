//! Parameter and object paths (TR-069a6 §A.2.2, §3.6.1, §3.6.2).
//!
//! A path is kept as its text, checked once: [`PathRef`] borrows it, [`Path`] owns it. Names ending
//! in a dot are partial paths and stand for an object; the empty path is the root (`PATH-01`,
//! `PATH-04`).

use std::{cmp::Ordering, fmt, ops::Range};

use crate::limits::{ALIAS_CHARS_MAX, NAME_CHARS_MAX};

/// Which instance identifiers besides numbers a path may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathOptions {
    /// `*` for all instances (`WILD-01`).
    pub wildcards: bool,
    /// `[name]` (`ALI-03`).
    pub aliases: bool,
}

impl PathOptions {
    /// Numbers only, the form that every device understands.
    pub const PLAIN: Self = Self { wildcards: false, aliases: false };
    /// Everything that CWMP 1.4 has.
    pub const ALL: Self = Self { wildcards: true, aliases: true };
}

/// One component of a path.
///
/// The order is names, numbers by value, aliases, wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment<'a> {
    /// Name of an object or parameter.
    Name(&'a str),
    /// Instance number, at least 1 (`PATH-02`).
    Instance(u32),
    /// Alias of an instance, without the brackets (`ALI-04`).
    Alias(&'a str),
    /// All instances (`WILD-01`).
    Wildcard,
}

impl<'a> Segment<'a> {
    /// Whether it identifies an instance or all of them.
    pub fn is_instance(self) -> bool {
        !matches!(self, Self::Name(_))
    }

    /// Reads a component of a path that was checked before.
    fn of_checked(text: &'a str) -> Self {
        if text == "*" {
            return Self::Wildcard;
        }
        if let Some(alias) = alias_text(text) {
            return Self::Alias(alias);
        }
        text.parse().map_or(Self::Name(text), Self::Instance)
    }

    fn matches(self, other: Segment<'_>) -> bool {
        match self {
            Self::Wildcard => other.is_instance(),
            segment => segment == other,
        }
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Instance(number) => write!(f, "{number}"),
            Self::Alias(alias) => write!(f, "[{alias}]"),
            Self::Wildcard => f.write_str("*"),
        }
    }
}

/// Why a text is no path, and where: for a device, fault 9005 (`PATH-07`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at character {position})")]
pub struct PathError {
    /// What is wrong.
    pub kind: PathErrorKind,
    /// Character at which the offending component starts, counted from 1.
    pub position: usize,
}

/// The reasons of [`PathError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathErrorKind {
    /// More characters than `PATH-01` allows.
    #[error("the path is longer than {NAME_CHARS_MAX} characters")]
    TooLong,
    /// A dot at the start, or two in a row.
    #[error("a component is empty; remove the dot before it")]
    EmptyComponent,
    /// A character that no name has, or a hyphen at the start.
    #[error("a name may only have letters, digits, '_' and '-', and no '-' at its start")]
    BadName,
    /// Zero, a leading zero, or beyond 32 bits.
    #[error("an instance number is 1 to 4294967295 without leading zeros")]
    BadInstance,
    /// Against the form of `ALI-04`.
    #[error(
        "an alias is [name]: 1 to {ALIAS_CHARS_MAX} letters, digits, '_' or '-', a letter first"
    )]
    BadAlias,
    /// The path starts with an instance identifier.
    #[error("a path starts with the name of its root object, such as Device")]
    BadRoot,
    /// A wildcard where none is allowed (`WILD-01`, `WILD-02`).
    #[error("'*' is not allowed here; name one instance")]
    WildcardNotAllowed,
    /// An alias where none is allowed (`ALI-02`).
    #[error("an alias is not allowed here; use the instance number")]
    AliasNotAllowed,
    /// Something was to be added to the path of a parameter.
    #[error("only a path that ends in a dot can be extended")]
    NotPartial,
}

/// A checked path that borrows its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PathRef<'a> {
    text: &'a str,
}

impl<'a> PathRef<'a> {
    /// The empty path.
    pub const ROOT: PathRef<'static> = PathRef { text: "" };

    /// Checks the form of `text`; whether there is such a thing is for the data model to say.
    pub fn parse(text: &'a str, options: PathOptions) -> Result<Self, PathError> {
        check_length(text)?;
        let path = Self { text };
        for (index, range) in components(text).enumerate() {
            let component = text.get(range.clone()).unwrap_or_default();
            check_component(component, index == 0, options)
                .map_err(|kind| PathError { kind, position: position(text, &range) })?;
        }
        Ok(path)
    }

    /// The path as it was written.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether it is the empty path.
    pub fn is_root(self) -> bool {
        self.text.is_empty()
    }

    /// Whether it stands for an object: it ends in a dot, or is the root.
    pub fn is_partial(self) -> bool {
        self.is_root() || self.text.ends_with('.')
    }

    /// Whether one of its components is a wildcard.
    pub fn has_wildcard(self) -> bool {
        self.segments().any(|segment| segment == Segment::Wildcard)
    }

    /// Whether one of its components is an alias.
    pub fn has_alias(self) -> bool {
        self.segments().any(|segment| matches!(segment, Segment::Alias(_)))
    }

    /// Its components from the root on; none for the root.
    pub fn segments(self) -> impl DoubleEndedIterator<Item = Segment<'a>> + Clone + use<'a> {
        let inner = self.text.strip_suffix('.').unwrap_or(self.text);
        let parts = (!inner.is_empty()).then(|| inner.split('.'));
        parts.into_iter().flatten().map(Segment::of_checked)
    }

    /// The last component; `None` for the root.
    pub fn last(self) -> Option<Segment<'a>> {
        self.segments().next_back()
    }

    /// The object that holds it; `None` for the root.
    pub fn parent(self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let inner = self.text.strip_suffix('.').unwrap_or(self.text);
        let end = inner.rfind('.').map_or(0, |dot| dot.saturating_add(1));
        Some(Self { text: inner.get(..end).unwrap_or_default() })
    }

    /// Whether it lies below `prefix` or is the same; below a parameter lies nothing. Wildcards
    /// stand for themselves here.
    pub fn starts_with(self, prefix: PathRef<'_>) -> bool {
        self.text == prefix.text || prefix.is_partial() && self.text.starts_with(prefix.text)
    }

    /// Whether it is `path` when each of its wildcards stands for any instance identifier.
    pub fn matches(self, path: PathRef<'_>) -> bool {
        self.is_partial() == path.is_partial() && self.matches_start(path) == Some(Ordering::Equal)
    }

    /// Whether a request for it reaches `path`: it matches, or it is a partial path and matches an
    /// object that holds `path`.
    pub fn covers(self, path: PathRef<'_>) -> bool {
        match self.matches_start(path) {
            Some(Ordering::Less) => self.is_partial(),
            Some(Ordering::Equal) => self.is_partial() == path.is_partial(),
            _ => false,
        }
    }

    /// The path made of this object's path and `relative`, such as `1.Enable`. Aliases and
    /// wildcards are allowed.
    pub fn join(self, relative: &str) -> Result<Path, PathError> {
        if !self.is_partial() {
            let position = self.text.chars().count().saturating_add(1);
            return Err(PathError { kind: PathErrorKind::NotPartial, position });
        }
        check_length(relative)?;
        let text = [self.text, relative].concat();
        PathRef::parse(&text, PathOptions::ALL).map(PathRef::to_path)
    }

    /// A copy that owns its text.
    pub fn to_path(self) -> Path {
        Path { text: self.text.into() }
    }

    /// How the numbers of components compare, if the shorter matches the start of the longer.
    fn matches_start(self, path: PathRef<'_>) -> Option<Ordering> {
        let (mut mine, mut theirs) = (self.segments(), path.segments());
        loop {
            match (mine.next(), theirs.next()) {
                (Some(a), Some(b)) if a.matches(b) => {}
                (Some(_), Some(_)) => return None,
                (a, b) => return Some(a.is_some().cmp(&b.is_some())),
            }
        }
    }
}

/// By components, numbers by value; a path before what lies below it, and the parameter before the
/// object of the same name.
impl Ord for PathRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_segments = self.segments().cmp(other.segments());
        by_segments.then_with(|| self.is_partial().cmp(&other.is_partial()))
    }
}

impl PartialOrd for PathRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for PathRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text)
    }
}

impl fmt::Debug for PathRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathRef({:?})", self.text)
    }
}

/// A checked path that owns its text. Compare, split and match it as [`PathRef`].
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Path {
    text: Box<str>,
}

impl Path {
    /// See [`PathRef::parse`].
    pub fn parse(text: &str, options: PathOptions) -> Result<Self, PathError> {
        PathRef::parse(text, options).map(PathRef::to_path)
    }

    /// The same path, borrowed.
    pub fn as_path(&self) -> PathRef<'_> {
        PathRef { text: &self.text }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its text.
    pub fn into_string(self) -> String {
        self.text.into()
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_path().cmp(&other.as_path())
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({:?})", self.text)
    }
}

impl AsRef<str> for Path {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

fn check_length(text: &str) -> Result<(), PathError> {
    // The number of bytes is an upper bound of the number of characters, and quick to know.
    if text.len() > NAME_CHARS_MAX && text.chars().nth(NAME_CHARS_MAX).is_some() {
        let position = NAME_CHARS_MAX.saturating_add(1);
        return Err(PathError { kind: PathErrorKind::TooLong, position });
    }
    Ok(())
}

/// The byte ranges of the components, without the dot at the end; none for the empty text.
fn components(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0_usize;
    let inner = text.strip_suffix('.').unwrap_or(text);
    let parts = (!text.is_empty()).then(|| inner.split('.'));
    parts.into_iter().flatten().map(move |part| {
        let end = start.saturating_add(part.len());
        let range = start..end;
        start = end.saturating_add(1);
        range
    })
}

/// The character, counted from 1, at which a component starts.
fn position(text: &str, range: &Range<usize>) -> usize {
    text.get(..range.start).unwrap_or_default().chars().count().saturating_add(1)
}

fn check_component(
    component: &str,
    is_root: bool,
    options: PathOptions,
) -> Result<(), PathErrorKind> {
    let is_number = component.bytes().all(|byte| byte.is_ascii_digit());
    match component {
        "" => Err(PathErrorKind::EmptyComponent),
        "*" if !options.wildcards => Err(PathErrorKind::WildcardNotAllowed),
        _ if component.starts_with('[') && !options.aliases => Err(PathErrorKind::AliasNotAllowed),
        _ if component.starts_with('[') && !is_alias(component) => Err(PathErrorKind::BadAlias),
        _ if is_number && !is_instance_number(component) => Err(PathErrorKind::BadInstance),
        _ if is_number || component == "*" || component.starts_with('[') => {
            if is_root {
                Err(PathErrorKind::BadRoot)
            } else {
                Ok(())
            }
        }
        _ if is_name(component) => Ok(()),
        _ => Err(PathErrorKind::BadName),
    }
}

/// Letters of any script, as XML names have; a digit may come first because TR-098 itself has such
/// a name (`802-1pMark`).
fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    !text.starts_with('-') && text.chars().all(is_inner)
}

fn is_instance_number(text: &str) -> bool {
    !text.starts_with('0') && text.parse::<u32>().is_ok()
}

fn is_alias(text: &str) -> bool {
    alias_text(text).is_some_and(|alias| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        alias.starts_with(|c: char| c.is_ascii_alphabetic())
            && alias.len() <= ALIAS_CHARS_MAX
            && alias.bytes().all(is_inner)
    })
}

fn alias_text(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
mod tests;
