//! Where relative paths of references lead (`XML-12`, `TM-12`).

use crate::schema::Parameter;
use crate::syntax::Scope;

/// The full path that a reference of a parameter means, with `{i}` for the instances; `None` when
/// it leads out of the model.
pub fn resolve(parameter: &Parameter<'_>, target: &str, scope: Scope) -> Option<String> {
    let root = || {
        let mut object = parameter.object();
        while let Some(parent) = object.parent().filter(|parent| !parent.name().is_empty()) {
            object = parent;
        }
        object
    };
    let relative = target.strip_prefix('.');
    match (scope, relative) {
        (Scope::Normal, None) if is_absolute(target) => Some(target.to_owned()),
        (Scope::Normal | Scope::Model, Some(below)) => Some(format!("{}{below}", root().path())),
        (Scope::Model, None) => Some(format!("{}{target}", root().path())),
        (Scope::Normal | Scope::Object, _) => {
            let mut object = parameter.object();
            let mut rest = target;
            while let Some(above) = rest.strip_prefix('#') {
                object = object.parent()?;
                rest = above.strip_prefix('.').unwrap_or(above);
            }
            Some(format!("{}{}", object.path(), rest.strip_prefix('.').unwrap_or(rest)))
        }
    }
}

fn is_absolute(path: &str) -> bool {
    path.starts_with("Device.") || path.starts_with("InternetGatewayDevice.")
}
