//! What a path is, as JSON. Names are those of the XML, in the writing of our other JSON.

use drover_datamodel::pattern::Pattern;
use drover_datamodel::reference::resolve;
use drover_datamodel::schema::{Item, Object, Parameter};
use drover_datamodel::syntax::{
    Enumeration, EnumerationRefFacet, InstanceRefFacet, List, PathRefFacet, Range, Scope, Size,
    Syntax,
};
use serde_json::{Value as Json, json};

use super::{Found, roles};
use crate::model::words::{self, xml};

pub(super) fn of(found: &Found<'_>) -> Json {
    let mut value = json!({
        "model": found.schema.name().to_string(),
        "path": found.path(),
        "kind": found.kind(),
    });
    let facts = match found.item {
        Item::Parameter(parameter) => parameter_facts(&parameter),
        Item::Object(object, _) | Item::Table(object) => object_facts(&object),
    };
    merge(&mut value, facts);
    let profiles = found.profiles().into_iter();
    let profiles = profiles.map(|(name, asked)| json!({ "name": name, "requirement": asked }));
    value["profiles"] = profiles.collect();
    if let Item::Object(object, _) | Item::Table(object) = found.item {
        value["parameters"] = object.parameters().map(|it| member(&it)).collect();
        value["objects"] = object.children().map(|it| child(&it)).collect();
    }
    value
}

fn merge(value: &mut Json, facts: Json) {
    if let (Json::Object(value), Json::Object(facts)) = (value, facts) {
        value.extend(facts);
    }
}

fn object_facts(object: &Object<'_>) -> Json {
    let keys = object.unique_keys();
    let keys =
        keys.map(|key| json!({ "functional": key.functional, "parameters": key.parameters }));
    let mut value = json!({
        "access": object.access().name(),
        "is_writable_table": object.is_writable_table(),
        "min_entries": object.entries_min(),
        "max_entries": object.entries_max(),
        "is_mount_point": object.is_mount_point(),
        "version": object.version().to_string(),
        "status": object.status().name(),
        "unique_keys": keys.collect::<Json>(),
        "description": object.description(),
    });
    for (role, parameter) in roles(object) {
        value[role] = json!(parameter.map(|it| it.path()));
    }
    value
}

fn parameter_facts(parameter: &Parameter<'_>) -> Json {
    let default = parameter.default();
    let mut value = json!({
        "access": parameter.access().name(),
        "is_writable": parameter.is_writable(),
        "active_notify": parameter.active_notify().name(),
        "forced_inform": parameter.forced_inform(),
        "version": parameter.version().to_string(),
        "status": parameter.status().name(),
        "default": default.map(|it| json!({ "type": it.default_type.name(), "value": it.value })),
        "description": parameter.description(),
    });
    merge(&mut value, syntax_facts(parameter.syntax()));
    merge(&mut value, reference_facts(parameter));
    value
}

fn syntax_facts(syntax: &Syntax) -> Json {
    json!({
        "type": syntax.value_type.name(),
        "named_type": syntax.type_name,
        "wire_type": syntax.wire_type().name(),
        "hidden": syntax.hidden,
        "secured": syntax.secured,
        "command": syntax.command,
        "list": syntax.list.as_ref().map(list),
        "sizes": syntax.sizes.iter().map(size).collect::<Json>(),
        "ranges": syntax.ranges.iter().map(range).collect::<Json>(),
        "patterns": syntax.patterns.iter().map(pattern).collect::<Json>(),
        "enumerations": syntax.enumerations.iter().map(enumeration).collect::<Json>(),
        "units": syntax.units,
    })
}

fn list(list: &List) -> Json {
    json!({
        "min_items": list.items_min,
        "max_items": list.items_max,
        "nested_brackets": xml::nested_brackets(list.nested_brackets),
        "sizes": list.sizes.iter().map(size).collect::<Json>(),
    })
}

fn size(size: &Size) -> Json {
    json!({ "min": size.min, "max": size.max })
}

/// The bounds are text, since a decimal may have more digits than a number of JSON.
fn range(range: &Range) -> Json {
    let Range { min, max, step, optional } = range;
    json!({ "min": min, "max": max, "step": step, "optional": optional })
}

fn pattern(pattern: &Pattern) -> Json {
    json!({
        "value": pattern.value,
        "read_only": pattern.read_only,
        "status": pattern.status.name(),
        "version": pattern.version.map(|it| it.to_string()),
        "description": pattern.description,
    })
}

fn enumeration(word: &Enumeration) -> Json {
    json!({
        "value": word.value,
        "code": word.code,
        "read_only": word.read_only,
        "optional": word.optional,
        "status": word.status.name(),
        "version": word.version.map(|it| it.to_string()),
        "description": word.description,
    })
}

fn reference_facts(parameter: &Parameter<'_>) -> Json {
    let syntax = parameter.syntax();
    let full = |target: &str, scope: Scope| {
        resolve(parameter, target, scope).unwrap_or_else(|| target.to_owned())
    };
    let path = |facet: &PathRefFacet| {
        let parents = facet.target_parents.iter().map(|parent| full(parent, facet.scope));
        json!({
            "ref_type": xml::strength(facet.strength),
            "target_type": xml::target_type(facet.target_type),
            "target_data_type": facet.target_data_type,
            "target_parents": parents.collect::<Vec<_>>(),
        })
    };
    let instance = |facet: &InstanceRefFacet| {
        json!({
            "ref_type": xml::strength(facet.strength),
            "target_parent": full(&facet.target_parent, facet.scope),
        })
    };
    let enumeration = |facet: &EnumerationRefFacet| {
        json!({
            "target_parameter": full(&facet.target_parameter, facet.scope),
            "null_value": facet.null_value,
        })
    };
    json!({
        "path_ref": syntax.path_ref.as_ref().map(path),
        "instance_ref": syntax.instance_ref.as_ref().map(instance),
        "enumeration_ref": syntax.enumeration_ref.as_ref().map(enumeration),
    })
}

fn member(parameter: &Parameter<'_>) -> Json {
    json!({
        "name": parameter.name(),
        "path": parameter.path(),
        "type": words::type_name(parameter.syntax()),
        "is_writable": parameter.is_writable(),
        "status": parameter.status().name(),
    })
}

fn child(object: &Object<'_>) -> Json {
    json!({
        "name": object.name(),
        "path": object.path(),
        "kind": words::object_kind(object),
        "access": object.access().name(),
        "status": object.status().name(),
        "parameters": object.parameters().count(),
        "objects": object.children().count(),
    })
}
