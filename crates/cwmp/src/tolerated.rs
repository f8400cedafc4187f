//! What the reader let pass although the standard says otherwise, as data.
//!
//! A server keeps it per device, so that a person can see what a model does wrong and the answer
//! can take it into account (section 26, `real-world.md` section 3).

use std::fmt;

use crate::limits::TOLERATED_MAX;
use crate::version::CwmpNamespace;

/// One peculiarity of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tolerated {
    /// A UTF-8 byte order mark (`LEN-01`).
    ByteOrderMark,
    /// Another character encoding than UTF-8 (`LEN-01`).
    Encoding(&'static str),
    /// Bytes that are not UTF-8 although nothing else was declared; they were replaced.
    BrokenUtf8,
    /// White space or NUL around the envelope (`LEN-04`).
    Surrounded,
    /// No XML declaration (`LEN-01`).
    NoXmlDeclaration,
    /// A CWMP namespace that the standard does not have (`LEN-02`, `VER-01`).
    Namespace(CwmpNamespace),
    /// An RPC or CWMP header element in no or a wrong namespace (`SOAP-02`).
    WrongNamespace(String),
    /// A prefix that is declared nowhere.
    UndeclaredPrefix(String),
    /// XML Schema's namespaces of 1999.
    Schema1999,
    /// An `arrayType` whose count is not the number of members; the members count (`LEN-03`).
    ArrayCount(&'static str),
    /// An array without or with an unreadable `arrayType` (`LEN-03`).
    ArrayType(&'static str),
    /// A member of an array with another name than its type (`LEN-03`).
    ArrayMember(&'static str),
    /// A `Value` without `xsi:type`; it was read as a string (`LEN-07`).
    ValueTypeMissing,
    /// A type name in a spelling of its own (`LEN-07`).
    ValueTypeSpelling(String),
    /// A type that CWMP does not have; it was read as a string.
    ValueTypeUnknown(String),
    /// `ID` without `mustUnderstand="1"` (`LEN-03`).
    IdNotMustUnderstand,
    /// A CDATA section.
    Cdata,
    /// A character that XML does not allow, as it is or by reference; it was replaced.
    IllegalCharacter,
    /// A mandatory member that was absent (`LEN-08`, `LEN-09`).
    Missing(&'static str),
    /// A member whose text is not of its type; the default was taken (`LEN-09`).
    Unreadable(&'static str),
    /// A boolean in a spelling of its own (`LEN-16`).
    BooleanSpelling(&'static str),
    /// A member longer than the standard allows.
    TooLong(&'static str),
    /// A list with more members than the standard allows.
    TooMany(&'static str),
    /// A member whose text breaks its pattern, such as an OUI in lower case (`LEN-08`).
    Pattern(&'static str),
    /// A SOAP fault with another `faultcode`, `faultstring` or without `FaultString` (`LEN-10`).
    FaultShape,
    /// The deprecated header `NoMoreRequests` (`SOAP-11`).
    NoMoreRequests,
}

impl Tolerated {
    /// Whether a strict receiver refuses the arguments for it (`SOAP-16`): a CPE answers 9003.
    pub const fn breaks_arguments(&self) -> bool {
        matches!(
            self,
            Self::Missing(_)
                | Self::Unreadable(_)
                | Self::TooLong(_)
                | Self::TooMany(_)
                | Self::Pattern(_)
        )
    }
}

impl fmt::Display for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark => f.write_str("byte order mark"),
            Self::Encoding(name) => write!(f, "encoding {name}"),
            Self::BrokenUtf8 => f.write_str("bytes that are not UTF-8"),
            Self::Surrounded => f.write_str("white space or NUL around the envelope"),
            Self::NoXmlDeclaration => f.write_str("no XML declaration"),
            Self::Namespace(name) => write!(f, "namespace {}", name.as_str()),
            Self::WrongNamespace(name) => write!(f, "{name} in a wrong namespace"),
            Self::UndeclaredPrefix(prefix) => write!(f, "undeclared prefix {prefix}"),
            Self::Schema1999 => f.write_str("XML Schema namespace of 1999"),
            Self::ArrayCount(member) => write!(f, "wrong array count of {member}"),
            Self::ArrayType(member) => write!(f, "no arrayType on {member}"),
            Self::ArrayMember(member) => write!(f, "array members not named {member}"),
            Self::ValueTypeMissing => f.write_str("value without xsi:type"),
            Self::ValueTypeSpelling(name) => write!(f, "type spelled {name}"),
            Self::ValueTypeUnknown(name) => write!(f, "unknown type {name}"),
            Self::IdNotMustUnderstand => f.write_str("ID without mustUnderstand"),
            Self::Cdata => f.write_str("CDATA section"),
            Self::IllegalCharacter => f.write_str("character that XML does not allow"),
            Self::Missing(member) => write!(f, "no {member}"),
            Self::Unreadable(member) => write!(f, "unreadable {member}"),
            Self::BooleanSpelling(member) => write!(f, "boolean spelling of {member}"),
            Self::TooLong(member) => write!(f, "{member} too long"),
            Self::TooMany(member) => write!(f, "too many members in {member}"),
            Self::Pattern(member) => write!(f, "{member} breaks its pattern"),
            Self::FaultShape => f.write_str("shape of the SOAP fault"),
            Self::NoMoreRequests => f.write_str("header NoMoreRequests"),
        }
    }
}

/// The peculiarities of one message, each once, at most [`TOLERATED_MAX`] of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToleratedList {
    items: Vec<Tolerated>,
    dropped: u32,
}

impl ToleratedList {
    pub(crate) fn note(&mut self, item: Tolerated) {
        if self.items.contains(&item) {
            return;
        }
        if self.items.len() < TOLERATED_MAX {
            self.items.push(item);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// The peculiarities in the order in which they were met.
    pub fn iter(&self) -> impl Iterator<Item = &Tolerated> {
        self.items.iter()
    }

    /// Whether the message was exactly as the standard wants it.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many further ones were met than are listed.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Whether `item` was met.
    pub fn contains(&self, item: &Tolerated) -> bool {
        self.items.contains(item)
    }
}
