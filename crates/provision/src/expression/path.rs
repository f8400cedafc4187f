//! Paths of parameters, with expressions inside.

use super::{Context, Expression, Value};
use crate::limits::PATH_BYTES_MAX;

/// The path of a parameter, such as `DeviceID.ID`, `Device.{Tags.port}.Enable` or
/// `Device.[Name:wan].Enable` (compat 2.12).
///
/// What is in a path that has a fixed value is part of its text: `A.{'B'}` is `A.B`. An alias is
/// text too: whoever looks the parameter up knows what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Path(Vec<PathPart>);

/// A part of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum PathPart {
    /// Stands as it is.
    Text(String),
    /// `{…}`: the text of its value; the parameter is `NULL` where this is.
    Expression(Expression),
}

impl Path {
    /// The path with this text.
    pub fn new(text: &str) -> Self {
        Self::from_parts([PathPart::Text(text.to_owned())])
    }

    /// The path that has these parts one after the other.
    pub fn from_parts(parts: impl IntoIterator<Item = PathPart>) -> Self {
        let mut path = Self(Vec::new());
        parts.into_iter().for_each(|part| path.push(part));
        path
    }

    /// Its parts. Neighbours are never both text, and no text is empty.
    pub fn parts(&self) -> &[PathPart] {
        &self.0
    }

    /// The text of a path without expressions.
    pub fn as_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [PathPart::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub(super) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.0.iter().filter_map(|part| match part {
            PathPart::Text(_) => None,
            PathPart::Expression(expression) => Some(expression),
        })
    }

    /// The path with each expression replaced.
    pub(super) fn map(&self, replace: &mut impl FnMut(&Expression) -> Expression) -> Self {
        Self::from_parts(self.0.iter().map(|part| match part {
            PathPart::Text(_) => part.clone(),
            PathPart::Expression(expression) => PathPart::Expression(replace(expression)),
        }))
    }

    /// The text in a context; `None` when a part is `NULL`, or it is too long for a parameter.
    pub(super) fn resolve(&self, context: &dyn Context) -> Option<String> {
        let mut path = String::new();
        for part in &self.0 {
            match part {
                PathPart::Text(text) => path.push_str(text),
                PathPart::Expression(it) => path.push_str(&it.evaluate(context).to_text()?),
            }
            if path.len() > PATH_BYTES_MAX {
                return None;
            }
        }
        Some(path)
    }

    fn push(&mut self, part: PathPart) {
        match part {
            PathPart::Expression(Expression::Concatenate(parts)) => {
                parts.into_iter().for_each(|part| self.push(PathPart::Expression(part)));
            }
            PathPart::Expression(Expression::Literal(value)) => match value.to_text() {
                Some(text) => self.push_text(&text),
                None => self.0.push(PathPart::Expression(Expression::Literal(Value::Null))),
            },
            PathPart::Expression(_) => self.0.push(part),
            PathPart::Text(text) => self.push_text(&text),
        }
    }

    fn push_text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(PathPart::Text(before)) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push(PathPart::Text(text.to_owned())),
        }
    }
}
