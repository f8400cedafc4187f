//! Structures from the tables of the standard: one line a member, in the order of the schema.
//!
//! Each member has a kind that says what happens when it is absent or unreadable:
//! `required` is an invalid argument (`SOAP-16`), `lenient` takes the default and is reported
//! (section 26 of the requirements), `optional` has `minOccurs="0"` in the schema, `repeated` is an
//! element that occurs any number of times outside a SOAP array (`SOAP-06`). The number in
//! parentheses is the largest size.

macro_rules! structure {
    (
        $(#[$meta:meta])*
        $name:ident $(: $item:literal)? {
            $($(#[$member_meta:meta])* $field:ident: $ty:ty = $member:literal $kind:ident
                $(($max:expr))?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[allow(unreachable_pub, reason = "some structures are only the wire form of others")]
        pub struct $name {
            $($(#[$member_meta])* pub $field: $ty,)*
        }

        impl $crate::message::content::Content for $name {
            #[allow(unused_variables, unused_mut, reason = "a structure may have no members")]
            fn read(
                reader: &mut $crate::xml::XmlReader<'_>,
                element: &$crate::xml::Element<'_>,
                member: &'static str,
            ) -> Result<Self, $crate::xml::ReadError> {
                #[allow(unused_imports, reason = "a structure may have no members")]
                use $crate::message::members;
                $(let mut $field: members::Slot<$ty> = members::Slot::default();)*
                while let Some(child) = reader.next_child()? {
                    match child.local() {
                        $($member => {
                            members::$kind::read(&mut $field, reader, &child, $member)?;
                            $(members::$kind::limit(&$field, reader, $member, $max);)?
                        })*
                        _ => reader.skip(&child)?,
                    }
                }
                Ok(Self { $($field: members::$kind::finish($field, reader, $member)?,)* })
            }

            #[allow(unused_variables, reason = "a structure may have no members")]
            fn write(&self, writer: &mut $crate::xml::XmlWriter, member: &'static str) {
                writer.open(member);
                self.write_members(writer);
                writer.close(member);
            }

            #[allow(unused_variables, reason = "a structure may have no members")]
            fn check(&self, member: &'static str) -> Result<(), $crate::error::Violation> {
                #[allow(unused_imports, reason = "a structure may have no members")]
                use $crate::message::members;
                $(
                    members::$kind::check(&self.$field, $member)?;
                    $(members::$kind::check_limit(&self.$field, $member, $max)?;)?
                )*
                Ok(())
            }
        }

        impl $name {
            #[allow(unused_variables, reason = "a structure may have no members")]
            pub(crate) fn write_members(&self, writer: &mut $crate::xml::XmlWriter) {
                #[allow(unused_imports, reason = "a structure may have no members")]
                use $crate::message::members;
                $(members::$kind::write(&self.$field, writer, $member);)*
            }
        }

        $(impl $crate::message::content::Item for $name {
            const MEMBER: &'static str = $item;
            const ARRAY_TYPE: &'static str = concat!("cwmp:", $item);
        })?
    };
}

/// A value that is one of a fixed set of words, or something else that is kept as it came.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$word_meta:meta])* $word:ident = $text:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$word_meta])* $word,)*
            /// A word that the standard does not have, such as a vendor's.
            Other(String),
        }

        impl $name {
            /// The word as it travels.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text.trim() {
                    $($text => Self::$word,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl $crate::message::content::Content for $name {
            fn read(
                reader: &mut $crate::xml::XmlReader<'_>,
                _: &$crate::xml::Element<'_>,
                _: &'static str,
            ) -> Result<Self, $crate::xml::ReadError> {
                Ok(Self::from(&*reader.text()?))
            }

            fn write(&self, writer: &mut $crate::xml::XmlWriter, member: &'static str) {
                writer.leaf(member, self.as_str());
            }

            fn size(&self) -> usize {
                self.as_str().chars().count()
            }
        }
    };
}

pub(crate) use {structure, words};
