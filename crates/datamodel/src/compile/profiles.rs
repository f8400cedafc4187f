//! Profiles (`XML-22`).

use super::expand::{Expander, Position, access_of};
use super::xml::Element;
use crate::draft::{DraftProfile, ObjectRequirement};

/// Reads a `profile` element into the draft.
pub(super) fn read(expander: &mut Expander<'_, '_>, element: &Element, position: &Position) {
    let base = element.attribute("base").map(str::to_owned);
    // A profile without a name changes the one that it is based on.
    let (name, is_new) = match (element.attribute("name"), &base) {
        (Some(name), _) => (name.to_owned(), true),
        (None, Some(base)) => (base.clone(), false),
        (None, None) => {
            expander.error(element.line, &position.path, "a profile without name or base");
            return;
        }
    };
    let known = expander.draft.profiles.iter().position(|profile| profile.name == name);
    if is_new && known.is_some() {
        expander.error(element.line, &name, "the profile is defined a second time");
        return;
    }
    let mut profile = match known.and_then(|index| expander.draft.profiles.get_mut(index)) {
        Some(profile) => std::mem::take(profile),
        None => DraftProfile {
            name,
            base,
            version: position.version_of(element),
            ..DraftProfile::default()
        },
    };
    if let Some(extends) = element.attribute("extends") {
        profile.extends.extend(extends.split_whitespace().map(str::to_owned));
    }
    if let Some(status) = expander.status(element, &profile.name) {
        profile.status = status;
    }
    expander.describe(&mut profile.description, element);
    requirements(expander, element, &position.path, &mut profile);
    match known.and_then(|index| expander.draft.profiles.get_mut(index)) {
        Some(place) => *place = profile,
        None => expander.draft.profiles.push(profile),
    }
}

/// What stands below a profile or below one of its objects.
fn requirements(
    expander: &mut Expander<'_, '_>,
    element: &Element,
    path: &str,
    profile: &mut DraftProfile,
) {
    for child in &element.children {
        let Some(reference) = child.attribute("ref") else { continue };
        let full = format!("{path}{reference}");
        let text = child.attribute("requirement").unwrap_or_default().trim();
        match &*child.name {
            "parameter" => match access_of(text) {
                Some(access) => profile.parameters.push((full, access)),
                None => {
                    let message = format!("{full}: there is no requirement {text:?}");
                    expander.error(child.line, &profile.name.clone(), &message);
                }
            },
            "object" => {
                let all = ObjectRequirement::ALL.into_iter();
                match all.clone().find(|requirement| requirement.name() == text) {
                    Some(requirement) => profile.objects.push((full.clone(), requirement)),
                    None => {
                        let message = format!("{full}: there is no requirement {text:?}");
                        expander.error(child.line, &profile.name.clone(), &message);
                    }
                }
                requirements(expander, child, &full, profile);
            }
            _ => {}
        }
    }
}
