//! The facts of a model in words that a person understands.

use drover_cwmp::ValueType;
use drover_datamodel::limits::STRING_CHARS_DEFAULT;
use drover_datamodel::reference::resolve;
use drover_datamodel::schema::{Object, Parameter};
use drover_datamodel::syntax::{
    Access, ActiveNotify, List, NestedBrackets, Range, Scope, Size, Status, Strength, Syntax,
    TargetType,
};

/// `unsignedInt`, `StatsCounter64`, `list of MACAddress`
pub(super) fn type_name(syntax: &Syntax) -> String {
    let name = syntax.public_type_name().unwrap_or_else(|| syntax.value_type.name());
    if syntax.list.is_some() { format!("list of {name}") } else { name.to_owned() }
}

/// As [`type_name`], with the built-in type behind a named one.
pub(super) fn full_type_name(syntax: &Syntax) -> String {
    let name = type_name(syntax);
    match (&syntax.type_name, &syntax.list) {
        (Some(_), _) => format!("{name} ({})", syntax.value_type.name()),
        (None, Some(_)) => format!("{name} (one string on the wire)"),
        (None, None) => name,
    }
}

/// `read-only`, `read-write`
pub(super) fn access(parameter: &Parameter<'_>) -> &'static str {
    if parameter.is_writable() { "read-write" } else { "read-only" }
}

/// Whether an ACS may make and remove rows.
pub(super) fn table_access(object: &Object<'_>) -> &'static str {
    if object.is_writable_table() { "read-write" } else { "read-only" }
}

/// `row`, `table`, `object`, by whether an instance is named.
pub(super) fn object_kind(object: &Object<'_>) -> &'static str {
    if object.is_table() { "table" } else { "object" }
}

/// `1 to 5`, `0 or 1`, `any number`
pub(super) fn entries(object: &Object<'_>) -> String {
    match (object.entries_min(), object.entries_max()) {
        (0, Some(1)) => "0 or 1".to_owned(),
        (0, None) => "any number".to_owned(),
        (0, Some(max)) => format!("at most {max}"),
        (min, None) => format!("at least {min}"),
        (min, Some(max)) if min == max => min.to_string(),
        (min, Some(max)) => format!("{min} to {max}"),
    }
}

/// What a status means for somebody who wants to use the item; nothing when it is current.
pub(super) fn status(status: Status) -> Option<&'static str> {
    (status != Status::Current).then(|| status.name())
}

pub(super) fn notification(notify: ActiveNotify) -> &'static str {
    match notify {
        ActiveNotify::Normal => "as the ACS sets it; off at first",
        ActiveNotify::ForceEnabled => "active, always",
        ActiveNotify::ForceDefaultEnabled => "as the ACS sets it; active at first",
        ActiveNotify::CanDeny => "as the ACS sets it, but the device may refuse active",
    }
}

/// What a read of a value gives, when it is not the value.
pub(super) fn secrecy(syntax: &Syntax) -> Option<&'static str> {
    if syntax.command {
        Some("command: writing it starts something, reading it gives the null value")
    } else if syntax.reads_as_null() {
        Some("hidden: reading it gives the null value")
    } else {
        None
    }
}

/// Everything that limits a value, but for its words and patterns.
pub(super) fn limits(syntax: &Syntax) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(list) = &syntax.list {
        parts.push(list_limits(list));
    }
    let each = if syntax.list.is_some() { "each item " } else { "" };
    if !syntax.ranges.is_empty() {
        parts.push(format!("{each}{}", alternatives(syntax.ranges.iter().map(range))));
    }
    let is_bytes = matches!(syntax.value_type, ValueType::Base64 | ValueType::HexBinary);
    let unit = if is_bytes { "bytes" } else { "characters" };
    if !syntax.sizes.is_empty() {
        let sizes = syntax.sizes.iter().map(|it| size(it, unit));
        parts.push(format!("{each}{}", alternatives(sizes)));
    } else if has_default_size(syntax) {
        parts.push(format!("at most {STRING_CHARS_DEFAULT} characters, as the model names none"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// `TM-15`: a string whose length nothing says, directly or by what it must be.
fn has_default_size(syntax: &Syntax) -> bool {
    syntax.value_type == ValueType::String
        && syntax.list.is_none()
        && syntax.enumerations.is_empty()
        && syntax.patterns.is_empty()
        && syntax.path_ref.is_none()
        && syntax.enumeration_ref.is_none()
}

fn list_limits(list: &List) -> String {
    let mut text = match (list.items_min, list.items_max) {
        (0, None) => "any number of items".to_owned(),
        (0, Some(max)) => format!("at most {max} items"),
        (min, None) => format!("at least {min} items"),
        (min, Some(max)) if min == max => format!("{min} items"),
        (min, Some(max)) => format!("{min} to {max} items"),
    };
    if !list.sizes.is_empty() {
        let sizes = alternatives(list.sizes.iter().map(|it| size(it, "characters")));
        text += &format!(", {sizes} in all");
    }
    text += match list.nested_brackets {
        NestedBrackets::Legacy => "",
        NestedBrackets::Permitted => ", lists within it may be in brackets",
        NestedBrackets::Required => ", lists within it are in brackets",
    };
    text
}

pub(super) fn range(range: &Range) -> String {
    let mut text = match (range.min.as_deref(), range.max.as_deref()) {
        (None, None) => "any number".to_owned(),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (Some(min), Some(max)) if min == max => min.to_owned(),
        (Some(min), Some(max)) => format!("{min} to {max}"),
    };
    if let Some(step) = &range.step {
        text += &format!(" in steps of {step}");
    }
    if range.optional {
        text += " (optional)";
    }
    text
}

pub(super) fn size(size: &Size, unit: &str) -> String {
    match (size.min, size.max) {
        (0, None) => format!("any number of {unit}"),
        (0, Some(max)) => format!("at most {max} {unit}"),
        (min, None) => format!("at least {min} {unit}"),
        (min, Some(max)) if min == max => format!("{min} {unit}"),
        (min, Some(max)) => format!("{min} to {max} {unit}"),
    }
}

fn alternatives(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" or ")
}

/// What a value that refers to something else refers to.
pub(super) fn reference(parameter: &Parameter<'_>) -> Option<String> {
    let syntax = parameter.syntax();
    let full = |target: &str, scope: Scope| {
        resolve(parameter, target, scope).unwrap_or_else(|| target.to_owned())
    };
    if let Some(facet) = &syntax.path_ref {
        let target = target_type(facet.target_type);
        let parents = facet.target_parents.iter().map(|parent| full(parent, facet.scope));
        let parents = alternatives(parents);
        let place = match (facet.target_type, parents.is_empty()) {
            (_, true) => String::new(),
            (TargetType::Row, false) => format!(" of {parents}"),
            (_, false) => format!(" in {parents}"),
        };
        let data_type = facet.target_data_type.as_deref();
        let data_type = data_type.map(|name| format!(" of type {name}")).unwrap_or_default();
        return Some(format!("path of {target}{data_type}{place}; {}", strength(facet.strength)));
    }
    if let Some(facet) = &syntax.instance_ref {
        let table = full(&facet.target_parent, facet.scope);
        return Some(format!("number of a row of {table}; {}", strength(facet.strength)));
    }
    let facet = syntax.enumeration_ref.as_ref()?;
    let target = full(&facet.target_parameter, facet.scope);
    let null = facet.null_value.as_deref().map(|null| format!("; {null:?} means none"));
    Some(format!("one of the items that {target} lists{}", null.unwrap_or_default()))
}

fn target_type(target: TargetType) -> &'static str {
    match target {
        TargetType::Any => "anything",
        TargetType::Parameter => "a parameter",
        TargetType::Object => "an object",
        TargetType::Single => "an object that is no row",
        TargetType::Table => "a table",
        TargetType::Row => "a row",
    }
}

fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Weak => "weak: it need not exist",
        Strength::Strong => "strong: it must exist",
    }
}

/// Names of XML for programs: what the words above say in JSON.
pub(super) mod xml {
    use super::{NestedBrackets, Strength, TargetType};

    pub(in super::super) fn strength(strength: Strength) -> &'static str {
        match strength {
            Strength::Weak => "weak",
            Strength::Strong => "strong",
        }
    }

    pub(in super::super) fn target_type(target: TargetType) -> &'static str {
        match target {
            TargetType::Any => "any",
            TargetType::Parameter => "parameter",
            TargetType::Object => "object",
            TargetType::Single => "single",
            TargetType::Table => "table",
            TargetType::Row => "row",
        }
    }

    pub(in super::super) fn nested_brackets(nested: NestedBrackets) -> &'static str {
        match nested {
            NestedBrackets::Legacy => "legacy",
            NestedBrackets::Permitted => "permitted",
            NestedBrackets::Required => "required",
        }
    }
}

/// A few facts of a parameter for one line.
pub(super) fn short_facts(parameter: &Parameter<'_>) -> String {
    let syntax = parameter.syntax();
    let mut facts = vec![type_name(syntax), access(parameter).to_owned()];
    facts.extend(remarks(parameter));
    facts.join(", ")
}

/// What is special about a parameter.
pub(super) fn remarks(parameter: &Parameter<'_>) -> Vec<String> {
    let syntax = parameter.syntax();
    let mut remarks = Vec::new();
    remarks.extend(status(parameter.status()).map(str::to_owned));
    if syntax.command {
        remarks.push("command".to_owned());
    } else if syntax.reads_as_null() {
        remarks.push("hidden".to_owned());
    }
    if parameter.forced_inform() {
        remarks.push("in every Inform".to_owned());
    }
    remarks.extend(syntax.units.as_deref().map(|units| format!("in {units}")));
    remarks
}

/// A few facts of an object for one line.
pub(super) fn object_facts(object: &Object<'_>) -> String {
    let mut facts = Vec::new();
    if object.is_table() {
        facts.push(table_access(object).to_owned());
    } else if object.entries_min() == 0 {
        facts.push("optional".to_owned());
    }
    facts.extend(status(object.status()).map(str::to_owned));
    let (parameters, objects) = (object.parameters().count(), object.children().count());
    for (number, what) in [(parameters, "parameter"), (objects, "object")] {
        facts.extend((number > 0).then(|| count(number, what)));
    }
    facts.join(", ")
}

/// `1 object`, `2 objects`
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// As the XML writes an access, with what CWMP makes of it.
pub(super) fn full_access(parameter: &Parameter<'_>) -> String {
    match parameter.access() {
        Access::WriteOnceReadOnly if parameter.is_writable() => {
            "read-write (writeOnceReadOnly in the model)".to_owned()
        }
        Access::WriteOnceReadOnly => "read-only (writeOnceReadOnly in the model)".to_owned(),
        _ => access(parameter).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use drover_datamodel::shipped;

    use super::*;

    #[track_caller]
    fn check(path: &str, type_name: &str, limits_are: Option<&str>, reference_is: Option<&str>) {
        let schema = shipped::model("Device:2.19").unwrap();
        let parameter = schema.find_parameter(path).unwrap();
        assert_eq!(full_type_name(parameter.syntax()), type_name, "{path}");
        assert_eq!(limits(parameter.syntax()).as_deref(), limits_are, "{path}");
        assert_eq!(reference(&parameter).as_deref(), reference_is, "{path}");
    }

    #[test]
    fn types_and_limits() {
        check("Device.WiFi.Radio.1.Channel", "unsignedInt", Some("1 to 255"), None);
        check("Device.WiFi.Radio.1.Alias", "Alias (string)", Some("at most 64 characters"), None);
        check("Device.WiFi.Radio.1.Stats.BytesSent", "StatsCounter64 (unsignedLong)", None, None);
        check(
            "Device.WiFi.Radio.1.ChannelsInUse",
            "list of string (one string on the wire)",
            Some("any number of items, at most 1024 characters in all"),
            None,
        );
    }

    #[test]
    fn references_are_full_paths() {
        check(
            "Device.WiFi.SSID.1.LowerLayers",
            "list of string (one string on the wire)",
            Some("any number of items, at most 1024 characters in all"),
            Some("path of a row; strong: it must exist"),
        );
        check(
            "Device.WiFi.Radio.1.OperatingFrequencyBand",
            "string",
            None,
            Some("one of the items that Device.WiFi.Radio.{i}.SupportedFrequencyBands lists"),
        );
    }

    #[test]
    fn sizes_and_ranges() {
        let length = |min, max| size(&Size { min, max }, "bytes");
        assert_eq!(length(0, None), "any number of bytes");
        assert_eq!(length(6, Some(6)), "6 bytes");
        assert_eq!(length(1, Some(6)), "1 to 6 bytes");
        let span = |min: Option<&str>, max: Option<&str>| {
            let bound = |text: &str| text.into();
            range(&Range { min: min.map(bound), max: max.map(bound), ..Range::default() })
        };
        assert_eq!(span(Some("-1"), None), "at least -1");
        assert_eq!(span(Some("0"), Some("0")), "0");
        assert_eq!(span(None, Some("9")), "at most 9");
    }
}
