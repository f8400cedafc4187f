//! What a model says about one parameter.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use drover_cwmp::ValueType;
use drover_datamodel::check::{
    Checked, Direction, ValueError, ValueErrorKind, canonical, check, null_value,
};
use drover_datamodel::syntax::{ActiveNotify, Enumeration, Range, Size, Syntax};

use crate::limits::{VALUE_BYTES_MAX, WORDS_SHOWN_MAX};

/// Which notification a parameter allows (`FIP-03`, `SPA-05`, `SPA-06`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NotificationPolicy {
    /// Off at first; the ACS chooses.
    #[default]
    Normal,
    /// As `Normal`, but active notification is refused.
    CanDeny,
    /// Active, always (`forceEnabled`).
    ForceEnabled,
    /// Active at first; the ACS may choose otherwise (`forceDefaultEnabled`).
    ForceDefaultEnabled,
}

impl From<ActiveNotify> for NotificationPolicy {
    fn from(notify: ActiveNotify) -> Self {
        match notify {
            ActiveNotify::Normal => Self::Normal,
            ActiveNotify::CanDeny => Self::CanDeny,
            ActiveNotify::ForceEnabled => Self::ForceEnabled,
            ActiveNotify::ForceDefaultEnabled => Self::ForceDefaultEnabled,
        }
    }
}

/// Describes a parameter to a [`ModelBuilder`](super::ModelBuilder).
///
/// ```
/// use drover_cpe::ParameterSpec;
/// let interval = ParameterSpec::unsigned_int().writable().range(1..=86_400).value("3600");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    pub(crate) value_type: ValueType,
    pub(crate) writable: bool,
    pub(crate) hidden: bool,
    pub(crate) forced_inform: bool,
    pub(crate) notification: NotificationPolicy,
    /// A schema has said what there is to say about it.
    pub(crate) of_schema: bool,
    pub(crate) default: String,
    /// What a value must be besides being of its type. Parameters of a model share theirs.
    pub(crate) syntax: Option<Arc<Syntax>>,
}

impl ParameterSpec {
    /// A read-only parameter of a type, with the null value of the type (TR-106 §A.2.3.5).
    pub fn new(value_type: ValueType) -> Self {
        Self {
            value_type,
            writable: false,
            hidden: false,
            forced_inform: false,
            notification: NotificationPolicy::Normal,
            of_schema: false,
            default: null_value(value_type).to_owned(),
            syntax: None,
        }
    }

    /// A read-only parameter whose values look like this, as a schema says, with the null value of
    /// the type. A string whose size nothing says has 16 characters at most (`TM-15`).
    pub fn of_syntax(syntax: &Syntax) -> Self {
        Self {
            hidden: syntax.reads_as_null(),
            of_schema: true,
            syntax: facets(syntax).map(Arc::new),
            ..Self::new(syntax.wire_type())
        }
    }

    /// A string.
    pub fn string() -> Self {
        Self::new(ValueType::String)
    }

    /// A boolean.
    pub fn boolean() -> Self {
        Self::new(ValueType::Boolean)
    }

    /// A 32-bit integer.
    pub fn int() -> Self {
        Self::new(ValueType::Int)
    }

    /// An unsigned 32-bit integer.
    pub fn unsigned_int() -> Self {
        Self::new(ValueType::UnsignedInt)
    }

    /// An unsigned 64-bit integer.
    pub fn unsigned_long() -> Self {
        Self::new(ValueType::UnsignedLong)
    }

    /// A date and time.
    pub fn date_time() -> Self {
        Self::new(ValueType::DateTime)
    }

    /// The ACS may set it.
    #[must_use]
    pub fn writable(self) -> Self {
        Self { writable: true, ..self }
    }

    /// It reads back as the null value of its type, such as a password (`GPV-05`).
    #[must_use]
    pub fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// It is part of every Inform (`INF-02`).
    #[must_use]
    pub fn forced_inform(self) -> Self {
        Self { forced_inform: true, ..self }
    }

    /// Which notification it allows.
    #[must_use]
    pub fn notification(self, notification: NotificationPolicy) -> Self {
        Self { notification, ..self }
    }

    /// Its value in factory state and in new rows.
    #[must_use]
    pub fn value(self, text: impl Into<String>) -> Self {
        Self { default: text.into(), ..self }
    }

    /// Only integers of this range.
    #[must_use]
    pub fn range(mut self, range: RangeInclusive<i64>) -> Self {
        let bound = |number: &i64| Some(number.to_string().into());
        let range =
            Range { min: bound(range.start()), max: bound(range.end()), ..Range::default() };
        self.syntax_mut().ranges = vec![range];
        self
    }

    /// Only these words.
    #[must_use]
    pub fn one_of<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        let word = |word: &str| Enumeration { value: word.into(), ..Enumeration::default() };
        self.syntax_mut().enumerations = words.into_iter().map(word).collect();
        self
    }

    /// At most so many characters, or decoded bytes of base64 (`TYPE-06`, `TYPE-08`).
    #[must_use]
    pub fn size_max(mut self, size_max: usize) -> Self {
        let max = u64::try_from(size_max).ok();
        self.syntax_mut().sizes = vec![Size { min: 0, max }];
        self
    }

    fn syntax_mut(&mut self) -> &mut Syntax {
        let value_type = self.value_type;
        let plain = || Arc::new(Syntax { value_type, ..Syntax::default() });
        Arc::make_mut(self.syntax.get_or_insert_with(plain))
    }

    /// Brings `text` into the one form in which values of this type are kept.
    ///
    /// # Errors
    /// Says what the value must be (fault 9007).
    pub(crate) fn accept(&self, text: &str) -> Result<String, String> {
        let Some(syntax) = &self.syntax else {
            let ty = self.value_type;
            let text = canonical(ty, text).ok_or(ValueErrorKind::Type(ty));
            let text = text.map_err(|kind| ValueError::from(kind).to_string())?;
            check_bytes(&text)?;
            return Ok(text.into_owned());
        };
        let Checked { text, unknown_words } =
            check(syntax, text, Direction::Set).map_err(|error| error.to_string())?;
        // An ACS must put up with words that it does not know, but a device has no use for them
        // (`TM-20`).
        if !unknown_words.is_empty() {
            return Err(format!("the value must be {}", alternatives(syntax)));
        }
        if !has_size(syntax) {
            check_bytes(&text)?;
        }
        Ok(text.into_owned())
    }
}

impl fmt::Debug for ParameterSpec {
    /// Without the value, which may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterSpec")
            .field("value_type", &self.value_type)
            .field("writable", &self.writable)
            .field("hidden", &self.hidden)
            .finish_non_exhaustive()
    }
}

/// What of a syntax a device checks; `None` when that is no more than the type.
fn facets(syntax: &Syntax) -> Option<Syntax> {
    let mut facets = Syntax {
        type_name: None,
        hidden: false,
        secured: false,
        command: false,
        units: None,
        ..syntax.clone()
    };
    for word in &mut facets.enumerations {
        word.description = None;
    }
    for pattern in &mut facets.patterns {
        pattern.description = None;
    }
    let value_type = facets.value_type;
    let is_plain = facets == Syntax { value_type, ..Syntax::default() };
    (value_type == ValueType::String || !is_plain).then_some(facets)
}

/// Whether the model says how long the whole text may be.
fn has_size(syntax: &Syntax) -> bool {
    let sizes = syntax.list.as_ref().map_or(&syntax.sizes, |list| &list.sizes);
    !sizes.is_empty() && sizes.iter().all(|size| size.max.is_some())
}

fn check_bytes(text: &str) -> Result<(), String> {
    let bytes = text.len();
    if bytes <= VALUE_BYTES_MAX {
        return Ok(());
    }
    Err(format!("the value has {bytes} bytes; at most {VALUE_BYTES_MAX} are allowed"))
}

/// The words that an ACS can set.
fn alternatives(syntax: &Syntax) -> String {
    let words = syntax.enumerations.iter().filter(|word| !word.read_only);
    let words: Vec<&str> = words.map(|word| &*word.value).collect();
    let what = if syntax.list.is_some() { "a list of these" } else { "one of" };
    let shown = words.iter().take(WORDS_SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    let rest = if words.len() > WORDS_SHOWN_MAX { ", …" } else { "" };
    format!("{what}: {shown}{rest}")
}
