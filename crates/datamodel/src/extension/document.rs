//! The form of an extension as it stands in the file.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use crate::syntax::{Access, ActiveNotify, Status};

/// The whole file. Tables are sorted by name here; their places tell the order in which they stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) extends: Spanned<String>,
    pub(super) name: Spanned<String>,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) names: Names,
    #[serde(default)]
    pub(super) device: Vec<Spanned<DeviceTable>>,
    #[serde(default)]
    pub(super) object: BTreeMap<Spanned<String>, ObjectTable>,
}

/// Which names may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Names {
    /// Those of vendors (`TM-16`).
    #[default]
    Vendor,
    /// Whatever devices have.
    Any,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceTable {
    #[serde(default)]
    pub(super) manufacturer: Texts,
    #[serde(default)]
    pub(super) manufacturer_oui: Texts,
    #[serde(default)]
    pub(super) product_class: Texts,
    #[serde(default)]
    pub(super) model_name: Texts,
    #[serde(default)]
    pub(super) hardware_version: Texts,
    #[serde(default)]
    pub(super) software_version: Texts,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectTable {
    pub(super) description: Option<String>,
    pub(super) access: Option<AccessWord>,
    pub(super) entries: Option<Spanned<String>>,
    pub(super) number_of_entries: Option<Spanned<String>>,
    pub(super) enable: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) unique_keys: Vec<Texts>,
    #[serde(default)]
    pub(super) unique_keys_if_enabled: Vec<Texts>,
    pub(super) status: Option<StatusWord>,
    #[serde(default)]
    pub(super) parameter: BTreeMap<Spanned<String>, ParameterTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterTable {
    #[serde(rename = "type")]
    pub(super) value_type: Option<Spanned<String>>,
    pub(super) access: Option<AccessWord>,
    pub(super) description: Option<String>,
    pub(super) size: Option<Spanned<Texts>>,
    pub(super) range: Option<Spanned<Texts>>,
    pub(super) step: Option<Spanned<Scalar>>,
    pub(super) items: Option<Spanned<String>>,
    pub(super) list_size: Option<Spanned<Texts>>,
    #[serde(default)]
    pub(super) values: Vec<Spanned<Word>>,
    #[serde(default)]
    pub(super) add_values: Vec<Spanned<Word>>,
    #[serde(default)]
    pub(super) patterns: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) references: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) strong: bool,
    pub(super) units: Option<String>,
    pub(super) default: Option<Spanned<Scalar>>,
    #[serde(default)]
    pub(super) hidden: bool,
    #[serde(default)]
    pub(super) command: bool,
    pub(super) active_notify: Option<NotifyWord>,
    #[serde(default)]
    pub(super) forced_inform: bool,
    pub(super) status: Option<StatusWord>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AccessWord {
    ReadOnly,
    ReadWrite,
}

impl From<AccessWord> for Access {
    fn from(word: AccessWord) -> Self {
        match word {
            AccessWord::ReadOnly => Self::ReadOnly,
            AccessWord::ReadWrite => Self::ReadWrite,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StatusWord {
    Current,
    Deprecated,
    Obsoleted,
}

impl From<StatusWord> for Status {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Current => Self::Current,
            StatusWord::Deprecated => Self::Deprecated,
            StatusWord::Obsoleted => Self::Obsoleted,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum NotifyWord {
    Normal,
    ForceEnabled,
    ForceDefaultEnabled,
    CanDeny,
}

impl From<NotifyWord> for ActiveNotify {
    fn from(word: NotifyWord) -> Self {
        match word {
            NotifyWord::Normal => Self::Normal,
            NotifyWord::ForceEnabled => Self::ForceEnabled,
            NotifyWord::ForceDefaultEnabled => Self::ForceDefaultEnabled,
            NotifyWord::CanDeny => Self::CanDeny,
        }
    }
}

/// One text, or several in a list.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;

        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, or a list of them")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(TextsVisitor)
    }
}

/// A value of a parameter: in quotes, or as TOML writes numbers and booleans.
#[derive(Debug, Clone)]
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl Visitor<'_> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, a number, true or false")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A word of an enumeration: the text alone, or a table with more about it.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) value: String,
    pub(super) access: Option<AccessWord>,
    pub(super) optional: bool,
    pub(super) description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WordTable {
    value: String,
    access: Option<AccessWord>,
    #[serde(default)]
    optional: bool,
    description: Option<String>,
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordVisitor;

        impl<'de> Visitor<'de> for WordVisitor {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, or { value = \"…\", access = \"readOnly\" }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                let value = text.to_owned();
                Ok(Word { value, access: None, optional: false, description: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Word, A::Error> {
                let table = WordTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Word {
                    value: table.value,
                    access: table.access,
                    optional: table.optional,
                    description: table.description,
                })
            }
        }

        deserializer.deserialize_any(WordVisitor)
    }
}
