//! Choosing a model for a device.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rule::Match;
use super::{Catalog, DeviceHints, DeviceModel, DeviceRule, DeviceType, Model, brief};
use crate::schema::Schema;
use crate::version::ModelName;

/// The model that was chosen for the root, or for a service.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) schema: Arc<Schema>,
    /// The device type that it is of, by its place in the catalog.
    pub(super) device_type: Option<usize>,
    /// `None` when nothing the device says led to it.
    pub(super) reason: Option<String>,
}

pub(super) fn select(catalog: &Catalog, hints: &DeviceHints<'_>) -> Option<DeviceModel> {
    let summary = hints.summary();
    let choose = |name: &str| choose(catalog, hints, &summary, name);
    let root = choose(hints.root).filter(|chosen| !chosen.schema.is_service())?;
    let mut chosen = BTreeMap::new();
    for name in service_names(catalog) {
        if let Some(service) = choose(&name) {
            let is_seen = service.reason.is_some() || hints.has_service(&name);
            chosen.insert(name, (service, is_seen));
        }
    }
    let mut reasons = vec![reason_of_root(&root)];
    let seen = chosen.values().filter(|(_, is_seen)| *is_seen);
    reasons.extend(seen.map(|(service, _)| {
        service.reason.clone().unwrap_or_else(|| format!("{} as the newest", service.schema.name()))
    }));
    let device_type = root.device_type.and_then(|place| catalog.device_types.get(place));
    let mut model = DeviceModel {
        device_type: device_type.map(|known| Arc::clone(&known.about)),
        root: root.schema.clone(),
        services: BTreeMap::new(),
        seen: chosen
            .iter()
            .filter(|(_, (_, is_seen))| *is_seen)
            .map(|(name, _)| name.clone())
            .collect(),
        extensions: Vec::new(),
        reason: String::new(),
    };
    let services: BTreeMap<_, _> =
        chosen.into_iter().map(|(name, (service, _))| (name, service)).collect();
    extend(catalog, hints, root, services, &mut model, &mut reasons);
    model.reason = reasons.join("; ");
    Some(model)
}

#[cfg(feature = "compile")]
use super::extended::extend;

/// Without the reader of extensions there are none.
#[cfg(not(feature = "compile"))]
fn extend(
    _: &Catalog,
    _: &DeviceHints<'_>,
    root: Chosen,
    services: BTreeMap<Box<str>, Chosen>,
    model: &mut DeviceModel,
    _: &mut Vec<String>,
) {
    model.root = root.schema;
    model.services = services.into_iter().map(|(name, it)| (name, it.schema)).collect();
}

fn reason_of_root(root: &Chosen) -> String {
    let newest = || format!("{} as the newest, since nothing says which", root.schema.name());
    root.reason.clone().unwrap_or_else(newest)
}

fn service_names(catalog: &Catalog) -> Vec<Box<str>> {
    let services = catalog.models.iter().filter(|(_, model)| model.is_service());
    let mut names: Vec<Box<str>> = services.map(|(name, _)| name.name.clone()).collect();
    let of_types = catalog.device_types.iter().filter(|it| it.schema.is_service());
    names.extend(of_types.filter_map(|it| it.schema.root().map(|root| root.name().into())));
    names.sort();
    names.dedup();
    names
}

/// The model for the root or service object of this name.
fn choose(
    catalog: &Catalog,
    hints: &DeviceHints<'_>,
    summary: &[ModelName],
    name: &str,
) -> Option<Chosen> {
    if let Some(chosen) = of_device_type(catalog, hints, name) {
        return Some(chosen);
    }
    for evidence in hints.evidence(catalog, summary, name) {
        if let Some((found, model)) = catalog.nearest(name, evidence.version) {
            let reason = Some(format!("{found} for {}", evidence.source));
            return Some(Chosen { schema: model.schema(), device_type: None, reason });
        }
    }
    if let Some((found, schema)) = by_paths(catalog, hints, name) {
        let reason = Some(format!("{found} as it knows most of the paths"));
        return Some(Chosen { schema, device_type: None, reason });
    }
    let (_, newest) = catalog.versions(name).last()?;
    Some(Chosen { schema: newest.schema(), device_type: None, reason: None })
}

fn of_device_type(catalog: &Catalog, hints: &DeviceHints<'_>, name: &str) -> Option<Chosen> {
    let is_of_name = |schema: &Schema| schema.root().is_some_and(|root| root.name() == name);
    let places = catalog.device_types.iter().enumerate();
    let known: Vec<_> = places.filter(|(_, known)| is_of_name(&known.schema)).collect();
    let is_named = |about: &DeviceType| {
        let mut models = hints.supported_models.iter();
        !about.uuid.is_empty() && models.any(|it| it.uuid.eq_ignore_ascii_case(&about.uuid))
    };
    let by_uuid = known.iter().find(|(_, known)| is_named(&known.about));
    let (place, known, source) = match by_uuid {
        Some((place, known)) => {
            let source = format!("SupportedDataModel UUID {}", brief(&known.about.uuid));
            (*place, *known, source)
        }
        None => {
            let matching = known.iter().filter_map(|(place, known)| {
                Some((best_match(&known.rules, hints)?, *place, *known))
            });
            let (found, place, known) = matching.max_by(|a, b| a.0.cmp(&b.0))?;
            (place, known, found.shown)
        }
    };
    let device_type = brief(&known.about.device_type);
    let reason = Some(format!("device type {device_type} for {source}"));
    Some(Chosen { schema: Arc::clone(&known.schema), device_type: Some(place), reason })
}

/// How the most specific of the rules matches.
pub(super) fn best_match(rules: &[DeviceRule], hints: &DeviceHints<'_>) -> Option<Match> {
    rules.iter().filter_map(|rule| rule.match_with(&hints.identity)).max()
}

/// The newest model of the major version that knows more paths of the device than any other.
fn by_paths<'c>(
    catalog: &'c Catalog,
    hints: &DeviceHints<'_>,
    name: &'c str,
) -> Option<(&'c ModelName, Arc<Schema>)> {
    let newest: BTreeMap<u16, (&ModelName, &Model)> =
        catalog.versions(name).map(|it| (it.0.version.major, it)).collect();
    if newest.len() < 2 || hints.paths.is_empty() {
        return None;
    }
    let mut scored: Vec<_> = newest
        .into_values()
        .map(|(found, model)| {
            let schema = model.schema();
            let known = hints.some_paths().filter(|path| schema.find(path).is_some()).count();
            (known, found, schema)
        })
        .collect();
    scored.sort_by_key(|(known, ..)| *known);
    let (most, found, schema) = scored.pop()?;
    let is_clear = scored.last().is_some_and(|(second, ..)| most > *second);
    is_clear.then_some((found, schema))
}
