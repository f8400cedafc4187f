//! Models with extensions: which extensions a device gets, and the schemas that come of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::select::{Chosen, best_match};
use super::{Catalog, DeviceHints, DeviceModel};
use crate::extension::{Extension, ExtensionError};
use crate::limits::CATALOG_EXTENDED_MAX;
use crate::schema::Schema;
use crate::version::ModelName;

/// Model, device type, extensions.
type Key = (ModelName, Option<usize>, Vec<ModelName>);

/// Extended models that were made before.
///
/// Which combinations devices ask for is not known beforehand, and making one takes as long as a
/// thousand choices. The lock is held to look up and to store, never while something is made; two
/// sessions that make the same one get equal schemas.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<BTreeMap<Key, Extended>>);

/// A model with the extensions that fit it.
#[derive(Debug, Clone)]
struct Extended {
    schema: Arc<Schema>,
    applied: Vec<ModelName>,
    /// Those that do not fit, with what is wrong.
    left_out: Vec<(ModelName, String)>,
}

impl Cache {
    /// Forgets everything: a model or an extension is another one now.
    pub(super) fn clear(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Extended>> {
        // What is in it is whole at all times.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the models into place, each with the extensions for it.
pub(super) fn extend(
    catalog: &Catalog,
    hints: &DeviceHints<'_>,
    root: Chosen,
    services: BTreeMap<Box<str>, Chosen>,
    model: &mut DeviceModel,
    reasons: &mut Vec<String>,
) {
    let extensions = matching(catalog, hints);
    let mut with_extensions = |name: &str, chosen: Chosen| {
        let is_for = |(it, _): &&(&Arc<Extension>, String)| &*it.extends().name == name;
        let wanted: Vec<_> = extensions.iter().filter(is_for).collect();
        if wanted.is_empty() {
            return chosen.schema;
        }
        let list: Vec<&Extension> = wanted.iter().map(|(extension, _)| &***extension).collect();
        let extended = catalog.extended(&chosen, &list);
        if extended.schema.name() != chosen.schema.name() {
            let message = "as an extension needs what only this version has";
            reasons.push(format!("{} {message}", extended.schema.name()));
        }
        for (extension, source) in wanted {
            let name = extension.name();
            match extended.left_out.iter().find(|(left_out, _)| left_out == name) {
                Some((_, error)) => reasons.push(format!("extension {name} left out: {error}")),
                None => reasons.push(format!("extension {name} for {source}")),
            }
        }
        model.extensions.extend(extended.applied);
        extended.schema
    };
    let root_name = hints.root;
    model.root = with_extensions(root_name, root);
    model.services = services
        .into_iter()
        .map(|(name, chosen)| {
            let schema = with_extensions(&name, chosen);
            (name, schema)
        })
        .collect();
}

/// The extensions that have a rule for the device, and what matched; one version of each.
fn matching<'c>(
    catalog: &'c Catalog,
    hints: &DeviceHints<'_>,
) -> Vec<(&'c Arc<Extension>, String)> {
    let mut best = BTreeMap::new();
    for (name, extension) in &catalog.extensions {
        let Some(found) = best_match(extension.devices(), hints) else { continue };
        match best.get(&name.name) {
            Some((known, _)) if *known > found => {}
            // A later version, or a more specific rule.
            _ => {
                best.insert(name.name.clone(), (found, extension));
            }
        }
    }
    best.into_values().map(|(found, extension)| (extension, found.shown)).collect()
}

impl Catalog {
    fn extended(&self, chosen: &Chosen, extensions: &[&Extension]) -> Extended {
        let names = extensions.iter().map(|extension| extension.name().clone()).collect();
        let key = (chosen.schema.name().clone(), chosen.device_type, names);
        if let Some(known) = self.extended.lock().get(&key) {
            return known.clone();
        }
        let extended = self.make_extended(chosen, extensions);
        let mut cache = self.extended.lock();
        while cache.len() >= CATALOG_EXTENDED_MAX {
            cache.pop_first();
        }
        cache.insert(key, extended.clone());
        extended
    }

    /// Takes the version that the extensions name when the chosen one lacks something.
    fn make_extended(&self, chosen: &Chosen, extensions: &[&Extension]) -> Extended {
        let extended = apply_all(&chosen.schema, extensions);
        let name = chosen.schema.name();
        let newest = extensions.iter().map(|it| it.extends()).filter(|it| *it > name).max();
        let newest = newest.filter(|it| it.version.major == name.version.major);
        let (false, None, Some(newest)) =
            (extended.left_out.is_empty(), chosen.device_type, newest)
        else {
            return extended;
        };
        let Some(base) = self.model(newest) else { return extended };
        let again = apply_all(&base, extensions);
        if again.left_out.len() < extended.left_out.len() { again } else { extended }
    }

    /// Whether an extension can be used with what is here.
    pub(super) fn check_extension(&self, extension: &Extension) -> Result<(), ExtensionError> {
        let wanted = extension.extends();
        let Some(base) = self.model(wanted) else {
            let known: Vec<String> =
                self.versions(&wanted.name).map(|(name, _)| name.to_string()).collect();
            let known = if known.is_empty() {
                format!("no version of {}", wanted.name)
            } else {
                known.join(", ")
            };
            let message = format!("there is no model {wanted} here; there is {known}");
            return Err(extension.base_error(message));
        };
        let Err(error) = extension.apply(&base) else { return Ok(()) };
        // It may build on others.
        let others = self.extensions.range(..extension.name().clone()).map(|(_, it)| &**it);
        let others: Vec<&Extension> =
            others.filter(|other| other.extends().name == wanted.name).collect();
        let extended = apply_all(&base, &others);
        extension.apply(&extended.schema).map(drop).map_err(|_| error)
    }
}

fn apply_all(base: &Arc<Schema>, extensions: &[&Extension]) -> Extended {
    let (applied, left_out) = (Vec::new(), Vec::new());
    let mut extended = Extended { schema: Arc::clone(base), applied, left_out };
    for extension in extensions {
        let name = extension.name().clone();
        match extension.apply(&extended.schema) {
            Ok(schema) => {
                extended.schema = Arc::new(schema);
                extended.applied.push(name);
            }
            Err(error) => extended.left_out.push((name, error.to_string())),
        }
    }
    extended
}
