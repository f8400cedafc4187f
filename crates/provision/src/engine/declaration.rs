//! What a script declares (compat 2.2).

use super::data::Scalar;
use super::pattern::{InvalidPattern, Pattern};

/// How old what is known may be: times of the Unix clock in milliseconds, 0 where nothing is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Get {
    /// The set of paths that match; at least 1.
    pub path: i64,
    /// Whether they are objects.
    pub object: i64,
    /// Whether they can be set.
    pub writable: i64,
    /// Their values.
    pub value: i64,
    /// Their notification attribute.
    pub notification: i64,
    /// Their access list.
    pub access_list: i64,
}

/// A value to set.
#[derive(Debug, Clone, PartialEq)]
pub struct NewValue {
    /// The value, in whatever form the script has it.
    pub scalar: Scalar,
    /// The type, where the script gives one; else that of the device holds.
    pub value_type: Option<Box<str>>,
}

/// Attributes to set; `None` where one stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewAttributes {
    /// The notification attribute.
    pub notification: Option<i32>,
    /// The access list.
    pub access_list: Option<Vec<Box<str>>>,
}

/// What shall be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Set {
    /// The least and the greatest number of instances.
    pub instances: Option<(u32, u32)>,
    /// The value.
    pub value: Option<NewValue>,
    /// The attributes.
    pub attributes: NewAttributes,
}

/// One call of `declare`.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// What it is about.
    pub pattern: Pattern,
    /// What must be known, with what [`Set`] needs.
    pub get: Get,
    /// What shall be.
    pub set: Set,
}

impl Declaration {
    /// A declaration of a path.
    ///
    /// # Errors
    /// [`InvalidPattern`] if the text is no path.
    pub fn new(path: &str, asked: Get, set: Set) -> Result<Self, InvalidPattern> {
        let pattern = Pattern::parse(path)?;
        let mut get = asked;
        let least = |place: &mut i64, is_set: bool| {
            if is_set {
                *place = (*place).max(1);
            }
        };
        least(&mut get.value, set.value.is_some());
        least(&mut get.notification, set.attributes.notification.is_some());
        least(&mut get.access_list, set.attributes.access_list.is_some());
        get.path = get.path.max(1);
        let is_changed = set.value.is_some()
            || set.attributes != NewAttributes::default()
            || set.instances.is_some();
        least(&mut get.writable, is_changed);
        Ok(Self { pattern, get, set })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compat_2_2_what_is_set_is_asked_for_with_whether_it_can_be_set() {
        let value = NewValue { scalar: Scalar::Number(1.0), value_type: None };
        let set = Set { value: Some(value), ..Set::default() };
        let declaration = Declaration::new("Device.X", Get::default(), set).unwrap();
        assert_eq!(declaration.get, Get { path: 1, value: 1, writable: 1, ..Get::default() });
        assert!(Declaration::new("Device..X", Get::default(), Set::default()).is_err());
    }
}
