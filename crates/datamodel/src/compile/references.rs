//! Where references lead: the targets that a model names must be in it.

use super::problem::{Place, Problems};
use crate::reference::resolve;
use crate::schema::{Parameter, Schema};
use crate::syntax::Scope;

/// Warns of each reference whose target is not in the model (`XML-11`, `XML-12`). Published models
/// have some that lead to other models.
pub(super) fn check(schema: &Schema, place: &Place, problems: &mut Problems) {
    for parameter in schema.parameters() {
        for (target, scope) in targets(&parameter) {
            let Some(path) = resolve(&parameter, target, scope) else {
                let message = format!("its reference {target:?} leads out of the model");
                problems.warn(place.clone(), &parameter.path(), message);
                continue;
            };
            if is_elsewhere(schema, &path) || schema.find(&path).is_some() {
                continue;
            }
            let message = format!("its reference leads to {path}, which the model does not have");
            problems.warn(place.clone(), &parameter.path(), message);
        }
    }
}

fn targets<'s>(parameter: &Parameter<'s>) -> Vec<(&'s str, Scope)> {
    let syntax = parameter.syntax();
    let mut targets = Vec::new();
    if let Some(facet) = &syntax.path_ref {
        targets.extend(facet.target_parents.iter().map(|parent| (&**parent, facet.scope)));
    }
    if let Some(facet) = &syntax.instance_ref {
        targets.push((&facet.target_parent, facet.scope));
    }
    if let Some(facet) = &syntax.enumeration_ref {
        targets.push((&facet.target_parameter, facet.scope));
    }
    targets
}

/// Services refer to the root object that they lie in, and the root to services.
fn is_elsewhere(schema: &Schema, path: &str) -> bool {
    let root = path.split('.').next().unwrap_or_default();
    let is_root = matches!(root, "Device" | "InternetGatewayDevice");
    let leaves = is_root && (schema.is_service() || root != schema.root_name());
    leaves || path.contains(".Services.")
}
