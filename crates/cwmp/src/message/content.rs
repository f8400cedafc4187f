//! How a member of a message is read and written: text, numbers, lists, structures.

use crate::datetime::DateTime;
use crate::error::Violation;
use crate::fault::FaultCode;
use crate::limits::LIST_ITEMS_MAX;
use crate::tolerated::Tolerated;
use crate::value::{Value, ValueType, decode_base64, encode_base64, parse_boolean, parse_integer};
use crate::xml::{Element, ReadError, XmlReader, XmlWriter, is_xml_char, local_part};

/// What an element can hold. `member` is the element's name as the standard spells it.
pub(crate) trait Content: Sized {
    /// Whether this is a list, whose size is the number of its members.
    const LIST: bool = false;

    /// Reads the rest of the open element, its end tag included.
    fn read(
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        member: &'static str,
    ) -> Result<Self, ReadError>;

    /// Writes the whole element.
    fn write(&self, writer: &mut XmlWriter, member: &'static str);

    /// The size that a limit of the standard counts: characters of a text, members of a list.
    fn size(&self) -> usize {
        0
    }

    /// Complains about the first part that breaks the standard.
    fn check(&self, member: &'static str) -> Result<(), Violation> {
        let _ = member;
        Ok(())
    }
}

/// A member of a SOAP array.
pub(crate) trait Item: Content {
    /// Name of the member elements (`SOAP-04`).
    const MEMBER: &'static str;
    /// The type in `arrayType`.
    const ARRAY_TYPE: &'static str;
}

pub(crate) fn violation(
    member: &'static str,
    problem: impl Into<std::borrow::Cow<'static, str>>,
) -> Violation {
    Violation { member, problem: problem.into() }
}

fn unreadable(member: &'static str, what: &'static str) -> ReadError {
    ReadError::Argument(violation(member, format!("is not {what}")))
}

impl Content for String {
    fn read(
        reader: &mut XmlReader<'_>,
        _: &Element<'_>,
        _: &'static str,
    ) -> Result<Self, ReadError> {
        Ok(reader.text()?.into_owned())
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        writer.leaf(member, self);
    }

    fn size(&self) -> usize {
        // Counting characters is only needed where the bytes could exceed a limit (`TYPE-06`).
        if self.is_ascii() { self.len() } else { self.chars().count() }
    }

    fn check(&self, member: &'static str) -> Result<(), Violation> {
        match self.chars().find(|c| !is_xml_char(*c)) {
            Some(_) => Err(violation(member, "contains a character that XML cannot carry")),
            None => Ok(()),
        }
    }
}

impl Item for String {
    const MEMBER: &'static str = "string";
    const ARRAY_TYPE: &'static str = "xsd:string";
}

macro_rules! number_content {
    ($($number:ty, $what:literal;)*) => {$(
        impl Content for $number {
            fn read(
                reader: &mut XmlReader<'_>,
                _: &Element<'_>,
                member: &'static str,
            ) -> Result<Self, ReadError> {
                parse_integer(&reader.text()?).ok_or_else(|| unreadable(member, $what))
            }

            fn write(&self, writer: &mut XmlWriter, member: &'static str) {
                writer.leaf(member, &self.to_string());
            }
        }
    )*};
}

number_content! {
    u32, "an unsigned 32-bit integer";
    i32, "a 32-bit integer";
}

impl Content for FaultCode {
    fn read(
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        member: &'static str,
    ) -> Result<Self, ReadError> {
        u32::read(reader, element, member).map(Self)
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        self.0.write(writer, member);
    }
}

impl Content for bool {
    fn read(
        reader: &mut XmlReader<'_>,
        _: &Element<'_>,
        member: &'static str,
    ) -> Result<Self, ReadError> {
        let text = reader.text()?;
        if let Some(value) = parse_boolean(&text) {
            return Ok(value);
        }
        let value = parse_boolean(&text.to_ascii_lowercase());
        reader.tolerated.note(Tolerated::BooleanSpelling(member));
        value.ok_or_else(|| unreadable(member, "a boolean"))
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        // Digits, since some devices read nothing else (quirk 18 of the field).
        writer.leaf(member, if *self { "1" } else { "0" });
    }
}

impl Content for DateTime {
    fn read(
        reader: &mut XmlReader<'_>,
        _: &Element<'_>,
        member: &'static str,
    ) -> Result<Self, ReadError> {
        reader.text()?.parse().map_err(|_| unreadable(member, "a dateTime"))
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        writer.leaf(member, &self.to_string());
    }
}

/// Bytes that travel as base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base64(pub Vec<u8>);

impl Content for Base64 {
    fn read(
        reader: &mut XmlReader<'_>,
        _: &Element<'_>,
        member: &'static str,
    ) -> Result<Self, ReadError> {
        let text = reader.text()?;
        decode_base64(&text).map(Self).ok_or_else(|| unreadable(member, "base64"))
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        writer.leaf(member, &encode_base64(&self.0));
    }
}

impl Item for Base64 {
    const MEMBER: &'static str = "base64";
    const ARRAY_TYPE: &'static str = "SOAP-ENC:base64";
}

impl Content for Value {
    fn read(
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        _: &'static str,
    ) -> Result<Self, ReadError> {
        let value_type = read_value_type(reader, element);
        Ok(Self { text: reader.text()?.into_owned(), value_type })
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        writer.raw("<");
        writer.raw(member);
        writer.raw(" xsi:type=\"");
        writer.raw(self.value_type.xsi_type());
        writer.raw("\">");
        writer.text(&self.text);
        writer.close(member);
    }

    fn check(&self, member: &'static str) -> Result<(), Violation> {
        self.text.check(member)?;
        if self.value_type.accepts(&self.text) {
            return Ok(());
        }
        Err(violation(member, format!("{:?} is not {}", self.text, self.value_type)))
    }
}

fn read_value_type(reader: &mut XmlReader<'_>, element: &Element<'_>) -> ValueType {
    let Some(name) = element.attribute("type") else {
        reader.tolerated.note(Tolerated::ValueTypeMissing);
        return ValueType::String;
    };
    let local = local_part(&name);
    match ValueType::recognise(local) {
        Some(ty) => {
            if local != ty.name() && local != "base64Binary" {
                reader
                    .tolerated
                    .note(Tolerated::ValueTypeSpelling(local.chars().take(64).collect()));
            }
            ty
        }
        None => {
            reader.tolerated.note(Tolerated::ValueTypeUnknown(local.chars().take(64).collect()));
            ValueType::String
        }
    }
}

impl<T: Item> Content for Vec<T> {
    const LIST: bool = true;

    fn read(
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        member: &'static str,
    ) -> Result<Self, ReadError> {
        let announced = announced_count(element);
        let mut items = Self::new();
        while let Some(child) = reader.next_child()? {
            if items.len() >= LIST_ITEMS_MAX {
                return Err(ReadError::Malformed(reader.malformed(
                    crate::error::MalformedKind::Limit {
                        what: "members of one list",
                        max: LIST_ITEMS_MAX,
                    },
                )));
            }
            if child.local() != T::MEMBER {
                reader.tolerated.note(Tolerated::ArrayMember(T::MEMBER));
            }
            items.push(T::read(reader, &child, T::MEMBER)?);
        }
        match announced {
            None => reader.tolerated.note(Tolerated::ArrayType(member)),
            Some(count) if count != items.len() => {
                reader.tolerated.note(Tolerated::ArrayCount(member));
            }
            Some(_) => {}
        }
        Ok(items)
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        let ty = T::ARRAY_TYPE;
        writer.open_with(member, &format!("SOAP-ENC:arrayType=\"{ty}[{}]\"", self.len()));
        for item in self {
            item.write(writer, T::MEMBER);
        }
        writer.close(member);
    }

    fn size(&self) -> usize {
        self.len()
    }

    fn check(&self, _: &'static str) -> Result<(), Violation> {
        self.iter().try_for_each(|item| item.check(T::MEMBER))
    }
}

/// The count in `arrayType="type[count]"`, in any padding (`LEN-03`).
fn announced_count(element: &Element<'_>) -> Option<usize> {
    let array_type = element.attribute("arrayType")?;
    let (_, count) = array_type.rsplit_once('[')?;
    count.trim().trim_end_matches(']').trim().parse().ok()
}
