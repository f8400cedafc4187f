//! Checking values: lexical form, then facets (`RT-04`, `XML-07` to `XML-11`).

mod canonical;
mod error;
mod form;
mod list;
mod number;
mod text;

use std::borrow::Cow;

use drover_cwmp::ValueType;

pub use canonical::{canonical, null_value};
pub use error::{Unit, ValueError, ValueErrorKind};

use crate::syntax::{Status, Syntax};

/// Who sends the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// An ACS writes it: what is read-only is refused (`XML-08`), and what is deleted counts as
    /// unknown.
    Set,
    /// A device reports it.
    Report,
}

impl Direction {
    /// Whether a facet with this status still allows what it once allowed (`TM-06`, `TM-07`).
    fn counts(self, status: Status) -> bool {
        self == Self::Report || status != Status::Deleted
    }
}

/// A value that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<'t> {
    /// In canonical form.
    pub text: Cow<'t, str>,
    /// The values, or items of a list, that the enumeration does not have. It is open (`TM-20`):
    /// an ACS must accept them, while a device may refuse to be set to what it does not know.
    pub unknown_words: Vec<Cow<'t, str>>,
}

/// Checks a value. References are checked by their form only.
///
/// # Errors
/// Says what the value must be, without repeating what it is.
pub fn check<'t>(
    syntax: &Syntax,
    text: &'t str,
    direction: Direction,
) -> Result<Checked<'t>, ValueError> {
    if let Some(list) = &syntax.list {
        return list::check(syntax, list, text, direction);
    }
    let item = Item { syntax, direction, is_listed: false };
    let mut unknown_words = Vec::new();
    let text = item.check(text, &mut unknown_words).map_err(ValueError::from)?;
    Ok(Checked { text, unknown_words })
}

/// Checks a value that is no list, or one item of a list.
#[derive(Clone, Copy)]
struct Item<'s> {
    syntax: &'s Syntax,
    direction: Direction,
    /// It is the item of a list.
    is_listed: bool,
}

impl Item<'_> {
    /// Returns the canonical form.
    fn check<'t>(
        self,
        text: &'t str,
        unknown_words: &mut Vec<Cow<'t, str>>,
    ) -> Result<Cow<'t, str>, ValueErrorKind> {
        let value_type = self.syntax.value_type;
        let text = canonical(value_type, text).ok_or(ValueErrorKind::Type(value_type))?;
        match value_type {
            ValueType::String => self.check_string(&text)?,
            ValueType::Base64 | ValueType::HexBinary => self.check_bytes(&text)?,
            ValueType::Boolean | ValueType::DateTime => {}
            _ => self.check_number(&text)?,
        }
        if !self.is_null_reference(&text) && self.check_words(&text)? == Words::Unknown {
            unknown_words.push(text.clone());
        }
        Ok(text)
    }
}

/// What the enumeration says about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// It is all right.
    Known,
    /// It may be one of a vendor or of a later version (`TM-20`).
    Unknown,
}

#[cfg(test)]
mod tests;
