//! A model without what a device does not have (`DT-02`).

use std::collections::{BTreeMap, BTreeSet};

use crate::draft::{Draft, DraftObject, DraftParameter, DraftProfile, ObjectRequirement};
use crate::syntax::Access;

/// Puts together what is listed, in the order of the model. Returns also the paths of objects that
/// are not listed and kept because something below them is.
pub(super) fn present(
    mut draft: Draft,
    mut objects: BTreeMap<usize, DraftObject>,
    mut parameters: BTreeMap<(usize, usize), DraftParameter>,
) -> (Draft, Vec<String>) {
    let listed = objects.values().map(|object| object.path.clone());
    let holders = parameters.keys().filter_map(|(index, _)| draft.objects.get(*index));
    let paths: BTreeSet<String> = listed.chain(holders.map(|object| object.path.clone())).collect();
    let mut above = Vec::new();
    let mut present = Vec::new();
    for (index, object) in std::mem::take(&mut draft.objects).into_iter().enumerate() {
        let own = objects.remove(&index);
        let is_listed = own.is_some();
        let mut object = own.unwrap_or_else(|| DraftObject { parameters: Vec::new(), ..object });
        while let Some(entry) = parameters.first_entry().filter(|entry| entry.key().0 == index) {
            object.parameters.push(entry.remove());
        }
        if is_listed || !object.parameters.is_empty() {
            present.push(object);
        } else if has_below(&paths, &object.path) {
            above.push(object.path.clone());
            present.push(object);
        }
    }
    draft.objects = present;
    drop_links(&mut draft);
    drop_profiles(&mut draft);
    (draft, above)
}

fn has_below(paths: &BTreeSet<String>, path: &str) -> bool {
    let next = paths.range(path.to_owned()..).next();
    !path.is_empty() && next.is_some_and(|next| next.starts_with(path))
}

/// Objects name parameters that the device may lack.
fn drop_links(draft: &mut Draft) {
    let parameters = parameters(draft);
    let has = |object: &str, name: &str| parameters.contains_key(&format!("{object}{name}"));
    for object in &mut draft.objects {
        let path = object.path.clone();
        let inner = path.strip_suffix('.').unwrap_or(&path);
        let inner = inner.strip_suffix(".{i}").unwrap_or(inner);
        let parent = inner.rfind('.').and_then(|dot| inner.get(..=dot)).unwrap_or_default();
        let keep = |name: &mut Option<String>, object: &str| {
            *name = name.take().filter(|name| has(object, name));
        };
        keep(&mut object.num_entries_parameter, parent);
        keep(&mut object.discriminator_parameter, parent);
        keep(&mut object.enable_parameter, &path);
        object.unique_keys.retain(|key| {
            key.parameters.iter().all(|name| name.contains(['.', '#']) || has(&path, name))
        });
    }
}

/// Keeps the profiles that the device supports: with all of their requirements, and with all that
/// they build on.
fn drop_profiles(draft: &mut Draft) {
    let parameters = parameters(draft);
    let objects: BTreeMap<&str, Access> =
        draft.objects.iter().map(|object| (object.path.as_str(), object.access)).collect();
    let has_object = |(path, asked): &(String, ObjectRequirement)| {
        let access = objects.get(path.as_str());
        let changes = asked.create() || asked.delete();
        *asked == ObjectRequirement::NotSpecified
            || access.is_some_and(|access| !changes || *access == Access::ReadWrite)
    };
    let has_parameter = |(path, asked): &(String, Access)| {
        let access = parameters.get(path);
        access.is_some_and(|access| *asked == Access::ReadOnly || *access != Access::ReadOnly)
    };
    let mut profiles: Vec<DraftProfile> = std::mem::take(&mut draft.profiles);
    profiles.retain(|profile| {
        profile.objects.iter().all(has_object) && profile.parameters.iter().all(has_parameter)
    });
    loop {
        let names: BTreeSet<String> = profiles.iter().map(|it| it.name.clone()).collect();
        let before = profiles.len();
        profiles.retain(|it| it.base.iter().chain(&it.extends).all(|name| names.contains(name)));
        if profiles.len() == before {
            break;
        }
    }
    draft.profiles = profiles;
}

/// Full paths of parameters, and their access.
fn parameters(draft: &Draft) -> BTreeMap<String, Access> {
    let paths = draft.objects.iter().flat_map(|object| {
        let parameters = object.parameters.iter();
        parameters.map(|it| (format!("{}{}", object.path, it.name), it.access))
    });
    paths.collect()
}
