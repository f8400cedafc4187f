//! What the attributes of objects and parameters say, and what a change does to them (`XML-16`,
//! `XML-18`, `XML-24`).

use super::expand::{Expander, access_of, too_long};
use super::xml::Element;
use crate::draft::{DraftObject, DraftUniqueKey};
use crate::limits::{PATH_BYTES_MAX, PATH_CHARS_USUAL, UNIQUE_KEYS_MAX};
use crate::syntax::{Access, ActiveNotify, Status};
use crate::version::Version;

/// The first version of the schema in which a change that leaves an attribute out leaves it as it
/// was.
const SCHEMA_WITHOUT_DEFAULTS: u32 = 10;

impl Expander<'_, '_> {
    pub(super) fn active_notify(
        &mut self,
        element: &Element,
        path: &str,
        is_new: bool,
    ) -> Option<ActiveNotify> {
        let Some(text) = element.attribute("activeNotify") else {
            return (!is_new && self.has_defaults()).then_some(ActiveNotify::Normal);
        };
        let found = active_notify_of(text);
        if found.is_none() {
            self.error(element.line, path, &format!("there is no activeNotify {text:?}"));
        }
        found
    }

    /// Up to version 1.9, the schema gives `status` and `activeNotify` a default value wherever
    /// they are left out, and so also where an item is changed; the expanded files agree. Since
    /// then, what is left out stays as it was (`XML-24`).
    pub(super) fn has_defaults(&self) -> bool {
        let document = self.documents.get(self.document());
        document.is_some_and(|it| it.schema < SCHEMA_WITHOUT_DEFAULTS)
    }

    /// Notes what the draft says, so that a small document cannot fill the memory.
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether a path can be compiled; one that `PATH-01` does not allow gives a warning.
    pub(super) fn check_length(&mut self, path: &str, line: u32) -> bool {
        if path.len() > PATH_BYTES_MAX {
            self.error(line, path, &too_long());
            return false;
        }
        if path.chars().count() > PATH_CHARS_USUAL {
            let place = self.documents.place(self.document(), line);
            let message = format!("the path has more than {PATH_CHARS_USUAL} characters (PATH-01)");
            self.problems.warn(place, path, message);
        }
        true
    }

    /// The version that an element gives, if it is one.
    pub(super) fn version(&mut self, element: &Element, path: &str) -> Option<Version> {
        let text = element.attribute("version")?;
        let version = text.parse().ok();
        if version.is_none() {
            self.error(element.line, path, &format!("a version is Major.Minor, not {text:?}"));
        }
        version
    }

    /// Whether an attribute says so; false when it says nothing.
    pub(super) fn flag(&mut self, element: &Element, name: &str, path: &str) -> bool {
        if let Some(text) = element.attribute(name)
            && !matches!(text.trim(), "true" | "false" | "1" | "0")
        {
            self.error(element.line, path, &format!("{name} is true or false, not {text:?}"));
        }
        element.flag(name)
    }

    pub(super) fn changed_status(
        &mut self,
        element: &Element,
        path: &str,
        is_new: bool,
    ) -> Option<Status> {
        let status = self.status(element, path);
        let is_left_out = element.attribute("status").is_none();
        let default = is_left_out && !is_new && self.has_defaults();
        status.or_else(|| default.then_some(Status::Current))
    }

    pub(super) fn add_unique_key(&mut self, object: &mut DraftObject, element: &Element) {
        let references = element.named("parameter").filter_map(|child| child.attribute("ref"));
        let key = DraftUniqueKey {
            // XML-17
            functional: element.attribute("functional").is_none()
                || self.flag(element, "functional", &object.path),
            parameters: references.map(str::to_owned).collect(),
        };
        self.count(key.parameters.iter().map(String::len).sum());
        let keys = &mut object.unique_keys;
        if let Some(known) = keys.iter_mut().find(|known| known.parameters == key.parameters) {
            *known = key;
        } else if keys.len() < UNIQUE_KEYS_MAX {
            keys.push(key);
        } else {
            let message = format!("the object has more than {UNIQUE_KEYS_MAX} unique keys");
            self.error(element.line, &object.path, &message);
        }
    }

    pub(super) fn access(&mut self, element: &Element, path: &str) -> Option<Access> {
        let text = element.attribute("access")?;
        let access = access_of(text);
        if access.is_none() {
            self.error(element.line, path, &format!("there is no access {text:?}"));
        }
        access
    }

    pub(super) fn status(&mut self, element: &Element, path: &str) -> Option<Status> {
        let text = element.attribute("status")?;
        let status = Status::of_name(text.trim());
        if status.is_none() {
            self.error(element.line, path, &format!("there is no status {text:?}"));
        }
        status
    }

    /// Later versions may allow more, never less (`XML-24`).
    pub(super) fn check_access(
        &mut self,
        old: Access,
        new: Access,
        is_new: bool,
        line: u32,
        path: &str,
    ) {
        if !is_new && old == Access::ReadWrite && new == Access::ReadOnly {
            let place = self.documents.place(self.document(), line);
            self.problems.warn(place, path, "what could be written becomes read-only");
        }
    }

    pub(super) fn check_status(&mut self, old: Status, new: Status, line: u32, path: &str) {
        if new < old {
            let place = self.documents.place(self.document(), line);
            let message = format!("the status goes back from {} to {}", old.name(), new.name());
            self.problems.warn(place, path, message);
        }
    }
}

fn active_notify_of(text: &str) -> Option<ActiveNotify> {
    let all = [
        ActiveNotify::Normal,
        ActiveNotify::ForceEnabled,
        ActiveNotify::ForceDefaultEnabled,
        ActiveNotify::CanDeny,
    ];
    all.into_iter().find(|notify| notify.name() == text)
}
