//! What a value may be: type, facets, list rules (TR-106 §A.2.3, `XML-07` to `XML-11`).

use drover_cwmp::ValueType;

use crate::pattern::Pattern;
use crate::version::Version;

/// How far an item is on its way out (`TM-06`, `TM-07`). It only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// In use.
    #[default]
    Current,
    /// Still valid, but should not be used.
    Deprecated,
    /// A later version may drop it.
    Obsoleted,
    /// Gone; the name stays reserved.
    Deleted,
}

impl Status {
    /// As the XML writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Deprecated => "deprecated",
            Self::Obsoleted => "obsoleted",
            Self::Deleted => "deleted",
        }
    }

    /// The status with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Current, Self::Deprecated, Self::Obsoleted, Self::Deleted];
        all.into_iter().find(|status| status.name() == name)
    }
}

/// What the values of a parameter look like.
///
/// For a list (`TM-11`) everything but [`list`](Self::list) is about one item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Syntax {
    /// Type of a value, or of one item of a list.
    pub value_type: ValueType,
    /// Named type that it comes from, such as `StatsCounter64`.
    pub type_name: Option<Box<str>>,
    /// It always reads as the null value (`XML-20`).
    pub hidden: bool,
    /// As `hidden` for CWMP.
    pub secured: bool,
    /// Writing it starts something; it always reads as the null value.
    pub command: bool,
    /// The value is a list of items.
    pub list: Option<List>,
    /// Alternatives of length in characters, or of decoded bytes (`XML-09`).
    pub sizes: Vec<Size>,
    /// Alternatives of ranges.
    pub ranges: Vec<Range>,
    /// Alternatives of patterns.
    pub patterns: Vec<Pattern>,
    /// The words that the model knows; others may come (`TM-20`).
    pub enumerations: Vec<Enumeration>,
    /// The value is a path.
    pub path_ref: Option<PathRefFacet>,
    /// The value is an instance number.
    pub instance_ref: Option<InstanceRefFacet>,
    /// The value is one of the items of another parameter.
    pub enumeration_ref: Option<EnumerationRefFacet>,
    /// What a number counts.
    pub units: Option<Box<str>>,
}

impl Syntax {
    /// The type on the wire: a list travels as a string (`XML-10`).
    pub fn wire_type(&self) -> ValueType {
        if self.list.is_some() { ValueType::String } else { self.value_type }
    }

    /// The named type as users know it: internal types have an underscore and the protocol in
    /// their name (`XML-04`), such as `_AliasCWMP`.
    pub fn public_type_name(&self) -> Option<&str> {
        let name = self.type_name.as_deref()?;
        Some(match name.strip_prefix('_') {
            Some(internal) => internal.strip_suffix("CWMP").unwrap_or(internal),
            None => name,
        })
    }

    /// Whether a read returns the null value whatever was set (`RT-03`).
    pub fn reads_as_null(&self) -> bool {
        self.hidden || self.secured || self.command
    }
}

/// A list of items, separated by commas (`XML-10`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct List {
    /// Items at least.
    pub items_min: u32,
    /// Items at most; `None` for any number.
    pub items_max: Option<u32>,
    /// How lists within the list are written.
    pub nested_brackets: NestedBrackets,
    /// Alternatives of length of the whole text in characters.
    pub sizes: Vec<Size>,
}

/// How a list within a list is written (`TM-11`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum NestedBrackets {
    /// Its commas are percent-encoded.
    #[default]
    Legacy,
    /// Either way.
    Permitted,
    /// In `[ ]`.
    Required,
}

/// A range of lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size {
    /// At least.
    pub min: u64,
    /// At most; `None` for any.
    pub max: Option<u64>,
}

/// A range of numbers. The bounds are kept as the XML has them: `decimal` has no largest number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Range {
    /// At least.
    pub min: Option<Box<str>>,
    /// At most.
    pub max: Option<Box<str>>,
    /// Distance of the values from `min`; `None` for 1.
    pub step: Option<Box<str>>,
    /// Whether support of the range is left to the device.
    pub optional: bool,
}

/// One word of an enumeration (`XML-07`, `XML-08`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Enumeration {
    /// The word.
    pub value: Box<str>,
    /// A number for it, as other protocols have one.
    pub code: Option<i64>,
    /// A device may report it, but an ACS cannot set it.
    pub read_only: bool,
    /// A device need not support it.
    pub optional: bool,
    /// Whether it is still in use.
    pub status: Status,
    /// Version that brought it, when later than the parameter.
    pub version: Option<Version>,
    /// What it means, in schemas with descriptions.
    pub description: Option<Box<str>>,
}

/// Whether a reference must lead somewhere (`TM-13`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Strength {
    /// Always accepted, never changed by the device.
    #[default]
    Weak,
    /// The target must exist; when it goes, the reference becomes empty.
    Strong,
}

/// What relative paths of a reference are relative to (`XML-12`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Scope {
    /// Absolute, relative to the root or to the current object, by how the path begins.
    #[default]
    Normal,
    /// The root or service object.
    Model,
    /// The current object.
    Object,
}

/// What a path may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TargetType {
    /// Anything.
    #[default]
    Any,
    /// A parameter.
    Parameter,
    /// An object of any kind.
    Object,
    /// An object that is no row.
    Single,
    /// A table.
    Table,
    /// A row.
    Row,
}

/// The value is a path (`XML-11`, `TM-12`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PathRefFacet {
    /// Whether the target must exist.
    pub strength: Strength,
    /// Paths of the objects that hold the targets; none for anywhere.
    pub target_parents: Vec<Box<str>>,
    /// What relative ones are relative to.
    pub scope: Scope,
    /// What the target is.
    pub target_type: TargetType,
    /// Type of the target, if it is a parameter.
    pub target_data_type: Option<Box<str>>,
}

/// The value is the instance number of a row (`XML-11`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InstanceRefFacet {
    /// Whether the target must exist.
    pub strength: Strength,
    /// Path of the table.
    pub target_parent: Box<str>,
    /// What a relative one is relative to.
    pub scope: Scope,
}

/// The value is one of the items of a list that another parameter holds (`XML-11`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EnumerationRefFacet {
    /// Path of that parameter.
    pub target_parameter: Box<str>,
    /// What a relative path is relative to.
    pub scope: Scope,
    /// The value that means none of them.
    pub null_value: Option<Box<str>>,
}

/// When a default applies (`XML-21`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefaultType {
    /// In factory state, and on creation.
    Factory,
    /// On creation by AddObject.
    Object,
    /// What a device is likely to have.
    Implementation,
}

impl DefaultType {
    /// As the XML writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Factory => "factory",
            Self::Object => "object",
            Self::Implementation => "implementation",
        }
    }
}

/// The value of a parameter that nobody has set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefaultValue {
    /// When it applies.
    pub default_type: DefaultType,
    /// The value.
    pub value: Box<str>,
}

/// Which notification a parameter allows (`XML-18`, `FIP-03`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ActiveNotify {
    /// Off at first; the ACS chooses.
    #[default]
    Normal,
    /// Active, always.
    ForceEnabled,
    /// Active at first.
    ForceDefaultEnabled,
    /// A device may refuse active notification.
    CanDeny,
}

impl ActiveNotify {
    /// As the XML writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ForceEnabled => "forceEnabled",
            Self::ForceDefaultEnabled => "forceDefaultEnabled",
            Self::CanDeny => "canDeny",
        }
    }
}

/// Who may change something (`XML-16`, `XML-18`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Access {
    /// The ACS reads.
    #[default]
    ReadOnly,
    /// The ACS reads and writes; for a table, adds and deletes rows.
    ReadWrite,
    /// Written once in USP; read-only in CWMP, but for `Alias` (`XML-19`).
    WriteOnceReadOnly,
}

impl Access {
    /// As the XML writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::WriteOnceReadOnly => "writeOnceReadOnly",
        }
    }
}
