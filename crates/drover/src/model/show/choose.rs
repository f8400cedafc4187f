//! Which model a path is looked up in.

use std::path::PathBuf;
use std::sync::Arc;

use drover_datamodel::Schema;
use drover_datamodel::shipped::{MODELS, ShippedModel};

use super::near::{self, Missing};
use crate::model::files;
use crate::model::terminal::cut;
use crate::out::Failure;

/// Characters of a wrong name that are repeated.
const NAME_CHARS_MAX: usize = 80;

/// The model that was asked for, or else the newest shipped one that has the path. A deleted item
/// is found when nothing else is, in a model that shows them.
pub(super) fn schema(
    path: &str,
    model: Option<&str>,
    include: &[PathBuf],
) -> Result<Arc<Schema>, Failure> {
    let candidates = match model {
        Some(model) => files::load(model, include)?,
        None => shipped_for(path).into_iter().map(ShippedModel::schema).collect(),
    };
    if let Some(found) = candidates.iter().find(|schema| schema.find(path).is_some()) {
        return Ok(Arc::clone(found));
    }
    let with_deleted = candidates.iter().map(|schema| {
        let mut schema = Schema::clone(schema);
        schema.show_deleted(true);
        schema
    });
    if let Some(found) = with_deleted.into_iter().find(|schema| schema.find(path).is_some()) {
        return Ok(Arc::new(found));
    }
    // The first one that has most of the path; max_by_key would take the last.
    let missing = candidates.iter().map(|schema| Missing::of(schema, path));
    let closest = missing.reduce(|a, b| if b.depth() > a.depth() { b } else { a });
    Err(Failure::Failed(closest.map_or_else(|| no_root(path), |it| it.to_string())))
}

/// The shipped models whose root or service object is on the path, newest first for each.
fn shipped_for(path: &str) -> Vec<&'static ShippedModel> {
    let path = path.strip_prefix('.').unwrap_or(path);
    let first = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
    let roots = [Some(first(path)), below_services(path).map(first)];
    let has_root =
        |model: &&ShippedModel| roots.iter().flatten().any(|root| root == root_of(model));
    let mut models: Vec<&ShippedModel> = MODELS.iter().filter(has_root).collect();
    if below_services(path).is_some() && models.iter().all(|model| is_device(model)) {
        // Parameters beside a service object: Device.Services.VoiceServiceNumberOfEntries.
        models.extend(MODELS.iter().filter(|model| !is_device(model)));
    }
    models
}

fn below_services(path: &str) -> Option<&str> {
    path.split_once("Services.").map(|(_, below)| below)
}

fn is_device(model: &ShippedModel) -> bool {
    matches!(root_of(model), "Device" | "InternetGatewayDevice")
}

fn root_of(model: &ShippedModel) -> &'static str {
    model.name.split(':').next().unwrap_or(model.name)
}

/// What to say when no model begins like the path.
fn no_root(path: &str) -> String {
    let mut roots: Vec<&str> = MODELS.iter().map(root_of).collect();
    roots.dedup();
    let wanted = cut(path.split('.').next().unwrap_or_default(), NAME_CHARS_MAX);
    let near = near::names(&wanted, roots.iter().copied());
    let advice = match near.as_slice() {
        [] => format!("they begin with {}", near::list(&roots, "and")),
        near => format!("did you mean {}?", near::list(near, "or")),
    };
    format!("no shipped model has a path that begins with {wanted:?}; {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        let name = match schema(path, None, &[]) {
            Ok(schema) => schema.name().to_string(),
            Err(Failure::Usage(text) | Failure::Failed(text)) => text,
        };
        assert_eq!(name, expected, "{path}");
    }

    #[test]
    fn the_newest_model_that_has_the_path() {
        check("Device.WiFi.Radio.1.Channel", "Device:2.19");
        check("Device.LAN.", "Device:1.14");
        check("InternetGatewayDevice.ManagementServer.URL", "InternetGatewayDevice:1.14");
        check("Device.Services.VoiceService.1.", "VoiceService:2.0");
        check("VoiceService.1.VoiceProfile.", "VoiceService:1.1");
        check("InternetGatewayDevice.Services.STBService", "STBService:1.4");
        check("Device.Services.StorageServiceNumberOfEntries", "StorageService:1.3");
        check("Device.Services.", "Device:2.19");
    }

    #[test]
    fn a_path_that_is_not_there() {
        check(
            "Divice.WiFi.",
            "no shipped model has a path that begins with \"Divice\"; did you mean Device?",
        );
        check(
            "Lamp.1.",
            "no shipped model has a path that begins with \"Lamp\"; they begin with Device, \
             InternetGatewayDevice, VoiceService, STBService, StorageService and FAPService",
        );
        check(
            "Device.WiFi.Radio.1.Chanel",
            "Device:2.19 has no \"Chanel\" below Device.WiFi.Radio.1.; did you mean Channel?",
        );
    }
}
