//! What a model says about one parameter.

use std::fmt;
use std::ops::RangeInclusive;

use drover_cwmp::{ValueType, decode_base64, parse_boolean, parse_integer};

use crate::limits::VALUE_BYTES_MAX;

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
    pub(crate) default: String,
    pub(crate) constraint: Option<Box<Constraint>>,
}

/// What a value must be besides being of its type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Constraint {
    /// Alternatives; empty for any.
    ranges: Vec<(i128, i128)>,
    /// Alternatives; empty for any.
    words: Vec<String>,
    /// Characters, or decoded bytes of base64.
    size_max: Option<usize>,
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
            default: null_value(value_type).to_owned(),
            constraint: None,
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

    /// Only integers of this range, or of the other ranges given.
    #[must_use]
    pub fn range(mut self, range: RangeInclusive<i64>) -> Self {
        let range = (i128::from(*range.start()), i128::from(*range.end()));
        self.constraint.get_or_insert_default().ranges.push(range);
        self
    }

    /// Only these words.
    #[must_use]
    pub fn one_of<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        let words = words.into_iter().map(str::to_owned);
        self.constraint.get_or_insert_default().words.extend(words);
        self
    }

    /// At most so many characters, or decoded bytes of base64 (`TYPE-06`, `TYPE-08`).
    #[must_use]
    pub fn size_max(mut self, size_max: usize) -> Self {
        self.constraint.get_or_insert_default().size_max = Some(size_max);
        self
    }

    /// Brings `text` into the one form in which values of this type are kept.
    ///
    /// # Errors
    /// Says what the value must be (fault 9007).
    pub(crate) fn accept(&self, text: &str) -> Result<String, String> {
        let ty = self.value_type;
        let text = canonical(ty, text).ok_or_else(|| format!("the value is not of type {ty}"))?;
        match &self.constraint {
            Some(constraint) => constraint.check(ty, &text)?,
            None => check_size(text.len(), VALUE_BYTES_MAX, "bytes")?,
        }
        Ok(text)
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

impl Constraint {
    fn check(&self, ty: ValueType, text: &str) -> Result<(), String> {
        match (ty, self.size_max) {
            (ValueType::Base64, Some(max)) => {
                check_size(decode_base64(text).unwrap_or_default().len(), max, "bytes")?;
            }
            (_, Some(max)) => check_size(text.chars().count(), max, "characters")?,
            (_, None) => check_size(text.len(), VALUE_BYTES_MAX, "bytes")?,
        }
        if !self.words.is_empty() && !self.words.iter().any(|word| word == text) {
            return Err(format!("the value must be one of: {}", self.words.join(", ")));
        }
        self.check_range(text)
    }

    fn check_range(&self, text: &str) -> Result<(), String> {
        let Some(number) = text.parse::<i128>().ok().filter(|_| !self.ranges.is_empty()) else {
            return Ok(());
        };
        if self.ranges.iter().any(|(low, high)| (low..=high).contains(&&number)) {
            return Ok(());
        }
        let ranges: Vec<_> =
            self.ranges.iter().map(|(low, high)| format!("{low} to {high}")).collect();
        Err(format!("the value must be {}", ranges.join(" or ")))
    }
}

fn check_size(size: usize, max: usize, unit: &str) -> Result<(), String> {
    if size <= max {
        return Ok(());
    }
    Err(format!("the value has {size} {unit}; at most {max} are allowed"))
}

/// What a hidden parameter reads as, and what one without a default holds (TR-106 §A.2.3.5).
pub(crate) const fn null_value(ty: ValueType) -> &'static str {
    match ty {
        ValueType::String | ValueType::Base64 | ValueType::HexBinary => "",
        ValueType::UnsignedInt | ValueType::UnsignedLong | ValueType::Decimal => "0",
        ValueType::Int | ValueType::Long => "-1",
        ValueType::Boolean => "false",
        ValueType::DateTime => "0001-01-01T00:00:00Z",
    }
}

/// One spelling for each value, so that comparing texts compares values; `None` when the text is
/// not of the type (`TYPE-02` to `TYPE-08`).
pub(crate) fn canonical(ty: ValueType, text: &str) -> Option<String> {
    if !ty.accepts(text) {
        return None;
    }
    let trimmed = text.trim();
    Some(match ty {
        ValueType::String => text.to_owned(),
        ValueType::Boolean => parse_boolean(trimmed)?.to_string(),
        ValueType::Int | ValueType::Long => parse_integer::<i64>(trimmed)?.to_string(),
        ValueType::UnsignedInt | ValueType::UnsignedLong => {
            parse_integer::<u64>(trimmed)?.to_string()
        }
        _ => trimmed.to_owned(),
    })
}
