//! Profiles (`XML-22`).

use std::collections::BTreeMap;

use super::documents::Found;
use super::expand::{Expander, Position, access_of};
use super::problem::Stop;
use super::xml::Element;
use crate::draft::{Draft, DraftProfile, ObjectRequirement};
use crate::limits::BASE_DEPTH_MAX;
use crate::syntax::Status;
use crate::version::{ModelName, Version};

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
    let known = expander.profile_places.get(&name).copied();
    if is_new && known.is_some() {
        expander.error(element.line, &name, "the profile is defined a second time");
        return;
    }
    let mut profile = match known.and_then(|index| expander.draft.profiles.get_mut(index)) {
        Some(profile) => std::mem::take(profile),
        None => DraftProfile {
            version: version(expander, element, position),
            name,
            base,
            ..DraftProfile::default()
        },
    };
    if let Some(extends) = element.attribute("extends") {
        expander.count(extends.len());
        profile.extends.extend(extends.split_whitespace().map(str::to_owned));
    }
    if let Some(status) = expander.status(element, &profile.name) {
        profile.status = status;
    }
    expander.describe(&mut profile.description, element);
    requirements(expander, element, &position.path, &mut profile);
    match known.and_then(|index| expander.draft.profiles.get_mut(index)) {
        Some(place) => *place = profile,
        None => {
            let place = expander.draft.profiles.len();
            expander.profile_places.insert(profile.name.clone(), place);
            expander.draft.profiles.push(profile);
        }
    }
}

/// Its own version. Before there was that, a profile of a component named the models that had it
/// first.
fn version(expander: &Expander<'_, '_>, element: &Element, position: &Position) -> Version {
    let least = element.attribute("minVersion").filter(|_| element.attribute("version").is_none());
    let model = expander.draft.name.parse::<ModelName>().ok();
    let names = least.unwrap_or_default().split_whitespace();
    let mut names = names.filter_map(|name| name.parse::<ModelName>().ok());
    let found = names.find(|name| {
        model.as_ref().is_some_and(|model| {
            name.name == model.name && name.version.major == model.version.major
        })
    });
    found.map_or_else(|| position.version_of(element), |name| name.version)
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
        if expander.status(child, &profile.name) == Some(Status::Deleted) {
            continue;
        }
        let full = format!("{path}{reference}");
        expander.count(full.len());
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

/// Nobody follows profiles further than `BASE_DEPTH_MAX`, so that a longer way would lose what its
/// end asks for.
pub(super) fn check_depth(expander: &mut Expander<'_, '_>, model: Found<'_>) -> Result<(), Stop> {
    let mut depths = BTreeMap::new();
    for place in 0..expander.draft.profiles.len() {
        if depth(&expander.draft, &expander.profile_places, place, &mut depths, 0) <= BASE_DEPTH_MAX
        {
            continue;
        }
        let name = expander.draft.profiles.get(place).map(|profile| profile.name.clone());
        let message =
            format!("the profile builds on itself, or on more than {BASE_DEPTH_MAX} others");
        let place = expander.place_of(model);
        expander.problems.error(place, &name.unwrap_or_default(), message);
        expander.problems.check()?;
    }
    Ok(())
}

/// How many profiles lie on top of each other, this one included; more than `BASE_DEPTH_MAX` for
/// a circle.
fn depth(
    draft: &Draft,
    places: &BTreeMap<String, usize>,
    place: usize,
    known: &mut BTreeMap<usize, usize>,
    above: usize,
) -> usize {
    if let Some(depth) = known.get(&place) {
        return *depth;
    }
    let Some(profile) = draft.profiles.get(place).filter(|_| above < BASE_DEPTH_MAX) else {
        return BASE_DEPTH_MAX.saturating_add(1);
    };
    // Whoever comes here again before it is known has gone in a circle.
    known.insert(place, BASE_DEPTH_MAX.saturating_add(1));
    let below = profile.base.iter().chain(&profile.extends).filter_map(|name| places.get(name));
    let above = above.saturating_add(1);
    let deepest = below.map(|below| depth(draft, places, *below, known, above)).max();
    let depth = deepest.unwrap_or(0).saturating_add(1);
    known.insert(place, depth);
    depth
}
