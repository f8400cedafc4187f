//! Forms of paths: `Device.Hosts.Host.{i}.MACAddress` for all rows.

use std::borrow::Cow;

use super::DocumentError;
use crate::limits::PATH_BYTES_MAX;

const INSTANCE: &str = "{i}";

/// The form of a path, in which instance numbers are `{i}`. `None` for a path that has none: it is
/// too long, or holds an `{i}` of its own.
///
/// ```
/// use drover_provision::document::form;
///
/// assert_eq!(form("Device.Hosts.Host.17.MACAddress").unwrap(), "Device.Hosts.Host.{i}.MACAddress");
/// assert_eq!(form("Device.DeviceInfo.").unwrap(), "Device.DeviceInfo.");
/// ```
pub fn form(path: &str) -> Option<Cow<'_, str>> {
    if path.len() > PATH_BYTES_MAX || path.split('.').any(|name| name == INSTANCE) {
        return None;
    }
    if !path.split('.').any(|name| instance(name).is_some()) {
        return Some(Cow::Borrowed(path));
    }
    let names = path.split('.').map(|name| if instance(name).is_some() { INSTANCE } else { name });
    Some(Cow::Owned(names.collect::<Vec<_>>().join(".")))
}

/// The instance numbers of a path.
pub(super) fn instances(path: &str) -> impl Iterator<Item = u32> + '_ {
    path.split('.').filter_map(instance)
}

/// How many instance numbers a path of this form has.
pub(super) fn places(form: &str) -> usize {
    form.split('.').filter(|name| *name == INSTANCE).count()
}

/// The path with these instance numbers.
pub(super) fn path(form: &str, instances: &[u32]) -> Result<String, DocumentError> {
    if instances.is_empty() {
        return Ok(form.to_owned());
    }
    let mut path = String::with_capacity(form.len().saturating_add(8));
    let mut instances = instances.iter();
    for (place, name) in form.split('.').enumerate() {
        if place > 0 {
            path.push('.');
        }
        if name == INSTANCE {
            let instance = instances.next().ok_or(DocumentError::Malformed("instances"))?;
            path.push_str(&instance.to_string());
        } else {
            path.push_str(name);
        }
    }
    Ok(path)
}

/// The number that a name is, written as numbers are.
fn instance(name: &str) -> Option<u32> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = !name.starts_with('0') || name == "0";
    if is_number && is_short { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instance_numbers_are_taken_out() {
        let check = |path: &str, expected: &str, numbers: &[u32]| {
            assert_eq!(form(path).as_deref(), Some(expected), "{path}");
            assert_eq!(instances(path).collect::<Vec<_>>(), numbers, "{path}");
        };
        check("Device.X.1.Y.22.Z", "Device.X.{i}.Y.{i}.Z", &[1, 22]);
        check("Device.X.4294967295.", "Device.X.{i}.", &[u32::MAX]);
        check("Device.X.4294967296.", "Device.X.4294967296.", &[]);
        check("Device.X.01.Y.0.+1", "Device.X.01.Y.{i}.+1", &[0]);
        check("", "", &[]);
        check("1", "{i}", &[1]);
    }

    #[test]
    fn what_looks_like_a_form_has_none() {
        assert_eq!(form("Device.X.{i}.Y"), None);
        assert_eq!(form(&"x".repeat(PATH_BYTES_MAX + 1)), None);
        assert!(form("Device.X.{i}{i}").is_some());
    }

    proptest! {
        #[test]
        fn a_path_is_its_form_with_its_numbers(
            path in "([A-C]|[0-9]{1,11}|\\{i\\}?|\\PC){0,6}(\\.([A-C]|[0-9]{1,11}|\\PC)){0,4}\\.?",
        ) {
            let Some(form) = form(&path) else { return Ok(()) };
            let numbers: Vec<u32> = instances(&path).collect();
            prop_assert_eq!(places(&form), numbers.len());
            prop_assert_eq!(super::path(&form, &numbers).unwrap(), path);
        }
    }
}
