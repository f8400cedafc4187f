//! What the kinds of `structure!` mean, one module a kind with the same five functions.

use super::content::{Content, violation};
use crate::error::Violation;
use crate::tolerated::Tolerated;
use crate::xml::{Element, ReadError, XmlReader, XmlWriter};

/// A member while its structure is being read.
#[derive(Debug)]
pub(crate) struct Slot<T>(Option<T>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

fn note_size<T: Content>(value: &T, reader: &mut XmlReader<'_>, member: &'static str, max: usize) {
    if value.size() > max {
        let excess = if T::LIST { Tolerated::TooMany(member) } else { Tolerated::TooLong(member) };
        reader.tolerated.note(excess);
    }
}

fn too_long(member: &'static str, size: usize, max: usize) -> Result<(), Violation> {
    if size > max {
        return Err(violation(member, format!("has size {size}, the largest is {max}")));
    }
    Ok(())
}

macro_rules! plain_kind {
    ($kind:ident, $finish:item, $on_unreadable:item) => {
        pub(crate) mod $kind {
            use super::*;

            pub(crate) fn read<T: Content>(
                slot: &mut Slot<T>,
                reader: &mut XmlReader<'_>,
                element: &Element<'_>,
                member: &'static str,
            ) -> Result<(), ReadError> {
                match T::read(reader, element, member) {
                    Ok(value) => {
                        // A second occurrence of a member that may occur once is passed over.
                        slot.0.get_or_insert(value);
                        Ok(())
                    }
                    Err(error) => on_unreadable(error, reader, element, member),
                }
            }

            $finish

            $on_unreadable

            /// Reports a member that is larger than the standard allows.
            pub(crate) fn limit<T: Content>(
                slot: &Slot<T>,
                reader: &mut XmlReader<'_>,
                member: &'static str,
                max: usize,
            ) {
                if let Some(value) = &slot.0 {
                    note_size(value, reader, member, max);
                }
            }

            pub(crate) fn write<T: Content>(
                value: &T,
                writer: &mut XmlWriter,
                member: &'static str,
            ) {
                value.write(writer, member);
            }

            pub(crate) fn check<T: Content>(
                value: &T,
                member: &'static str,
            ) -> Result<(), Violation> {
                value.check(member)
            }

            pub(crate) fn check_limit<T: Content>(
                value: &T,
                member: &'static str,
                max: usize,
            ) -> Result<(), Violation> {
                too_long(member, value.size(), max)
            }
        }
    };
}

plain_kind!(
    required,
    pub(crate) fn finish<T>(
        slot: Slot<T>,
        _: &XmlReader<'_>,
        member: &'static str,
    ) -> Result<T, ReadError> {
        slot.0.ok_or_else(|| ReadError::Argument(violation(member, "is missing")))
    },
    fn on_unreadable(
        error: ReadError,
        _: &XmlReader<'_>,
        _: &Element<'_>,
        _: &'static str,
    ) -> Result<(), ReadError> {
        Err(error)
    }
);

plain_kind!(
    lenient,
    #[allow(clippy::unnecessary_wraps, reason = "all kinds have the same functions")]
    pub(crate) fn finish<T: Default>(
        slot: Slot<T>,
        reader: &mut XmlReader<'_>,
        member: &'static str,
    ) -> Result<T, ReadError> {
        Ok(slot.0.unwrap_or_else(|| {
            let unreadable = Tolerated::Unreadable(member);
            if !reader.tolerated.contains(&unreadable) {
                reader.tolerated.note(Tolerated::Missing(member));
            }
            T::default()
        }))
    },
    fn on_unreadable(
        error: ReadError,
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        member: &'static str,
    ) -> Result<(), ReadError> {
        match error {
            ReadError::Malformed(_) => Err(error),
            ReadError::Argument(_) => {
                reader.skip(element)?;
                reader.tolerated.note(Tolerated::Unreadable(member));
                Ok(())
            }
        }
    }
);

pub(crate) mod optional {
    use super::*;

    pub(crate) fn read<T: Content>(
        slot: &mut Slot<Option<T>>,
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        member: &'static str,
    ) -> Result<(), ReadError> {
        let value = T::read(reader, element, member)?;
        slot.0.get_or_insert(Some(value));
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps, reason = "all kinds have the same functions")]
    pub(crate) fn finish<T>(
        slot: Slot<Option<T>>,
        _: &XmlReader<'_>,
        _: &'static str,
    ) -> Result<Option<T>, ReadError> {
        Ok(slot.0.flatten())
    }

    pub(crate) fn limit<T: Content>(
        slot: &Slot<Option<T>>,
        reader: &mut XmlReader<'_>,
        member: &'static str,
        max: usize,
    ) {
        if let Some(Some(value)) = &slot.0 {
            note_size(value, reader, member, max);
        }
    }

    pub(crate) fn write<T: Content>(
        value: &Option<T>,
        writer: &mut XmlWriter,
        member: &'static str,
    ) {
        if let Some(value) = value {
            value.write(writer, member);
        }
    }

    pub(crate) fn check<T: Content>(
        value: &Option<T>,
        member: &'static str,
    ) -> Result<(), Violation> {
        value.as_ref().map_or(Ok(()), |value| value.check(member))
    }

    pub(crate) fn check_limit<T: Content>(
        value: &Option<T>,
        member: &'static str,
        max: usize,
    ) -> Result<(), Violation> {
        too_long(member, value.as_ref().map_or(0, Content::size), max)
    }
}

pub(crate) mod repeated {
    use super::*;
    use crate::error::MalformedKind;
    use crate::limits::LIST_ITEMS_MAX;

    pub(crate) fn read<T: Content>(
        slot: &mut Slot<Vec<T>>,
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        member: &'static str,
    ) -> Result<(), ReadError> {
        let items = slot.0.get_or_insert_default();
        if items.len() >= LIST_ITEMS_MAX {
            let kind = MalformedKind::Limit { what: "repeated elements", max: LIST_ITEMS_MAX };
            return Err(reader.malformed(kind).into());
        }
        items.push(T::read(reader, element, member)?);
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps, reason = "all kinds have the same functions")]
    pub(crate) fn finish<T>(
        slot: Slot<Vec<T>>,
        _: &XmlReader<'_>,
        _: &'static str,
    ) -> Result<Vec<T>, ReadError> {
        Ok(slot.0.unwrap_or_default())
    }

    pub(crate) fn write<T: Content>(value: &[T], writer: &mut XmlWriter, member: &'static str) {
        value.iter().for_each(|item| item.write(writer, member));
    }

    pub(crate) fn check<T: Content>(value: &[T], member: &'static str) -> Result<(), Violation> {
        value.iter().try_for_each(|item| item.check(member))
    }
}
