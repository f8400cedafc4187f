//! Devices as clients of GenieACS know them.

use drover_cwmp::{DateTime, Value, ValueType};
use drover_datamodel::catalog::Catalog;
use drover_provision::{DeviceRecord, Known, Parameter, device_model, is_object};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::projection::{Covers, Projection};
use super::scalar::Scalar;

/// A date as JavaScript writes it, such as `2026-11-22T13:16:23.000Z`.
pub(super) fn iso(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A field of a device's document, without building the document.
pub(super) fn field<'a>(record: &'a DeviceRecord, name: &str) -> Scalar<'a> {
    let fields = &record.fields;
    let optional = |instant: Option<Timestamp>| instant.map_or(Scalar::Missing, Scalar::date);
    match name {
        "_id" => Scalar::text(record.key.as_str()),
        "_deviceId" => Scalar::Object,
        "_deviceId._Manufacturer" => Scalar::text(&fields.identity.manufacturer),
        "_deviceId._OUI" => Scalar::text(&fields.identity.oui),
        "_deviceId._ProductClass" => Scalar::text(&fields.identity.product_class),
        "_deviceId._SerialNumber" => Scalar::text(&fields.identity.serial_number),
        "_registered" => Scalar::date(fields.registered),
        "_lastInform" | "_timestamp" => Scalar::date(fields.last_inform),
        "_lastBoot" => optional(fields.last_boot),
        "_lastBootstrap" => optional(fields.last_bootstrap),
        "_sessions" => Scalar::Number(fields.sessions.into()),
        "_tags" => Scalar::List(record.tags.iter().map(|tag| Scalar::text(tag)).collect()),
        path => parameter_field(record, path),
    }
}

fn parameter_field<'a>(record: &'a DeviceRecord, path: &str) -> Scalar<'a> {
    let Some((path, member)) = path.rsplit_once('.') else { return Scalar::Missing };
    if let Some(parameter) = record.parameters.get(path) {
        return member_of(parameter, false, member);
    }
    let object = format!("{path}.");
    match (record.parameters.get(&object), member) {
        (Some(parameter), _) => member_of(parameter, true, member),
        (None, "_object") if record.beneath(&object).next().is_some() => Scalar::Bool(true),
        (None, _) => Scalar::Missing,
    }
}

fn member_of<'a>(parameter: &'a Parameter, is_object: bool, member: &str) -> Scalar<'a> {
    let value = parameter.value.as_ref().map(|known| &known.value);
    match member {
        "_object" => Scalar::Bool(is_object),
        "_writable" => parameter.is_writable().map_or(Scalar::Missing, Scalar::Bool),
        "_timestamp" => Scalar::date(parameter.time()),
        "_value" => value.map_or(Scalar::Missing, value_scalar),
        "_type" => value.map_or(Scalar::Missing, |value| Scalar::text(value.value_type.xsi_type())),
        _ => Scalar::Missing,
    }
}

fn value_scalar(value: &Value) -> Scalar<'_> {
    match typed(value) {
        Typed::Bool(value) => Scalar::Bool(value),
        // Comparisons are made in floating point, as clients expect of numbers in JSON.
        Typed::Signed(number) => Scalar::Number(number as f64),
        Typed::Unsigned(number) => Scalar::Number(number as f64),
        Typed::Date(instant) => Scalar::date(instant),
        Typed::Text(text) => Scalar::text(text),
    }
}

/// A value in the type that JSON has for it.
enum Typed<'a> {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Date(Timestamp),
    Text(&'a str),
}

/// What does not fit its type stays a text.
fn typed(value: &Value) -> Typed<'_> {
    let text = || Typed::Text(&value.text);
    match value.value_type {
        ValueType::Boolean => value.as_boolean().map_or_else(text, Typed::Bool),
        ValueType::Int | ValueType::Long => value.as_integer().map_or_else(text, Typed::Signed),
        ValueType::UnsignedInt | ValueType::UnsignedLong => {
            value.as_unsigned().map_or_else(text, Typed::Unsigned)
        }
        ValueType::DateTime => {
            let date = value.text.parse::<DateTime>().ok();
            date.and_then(|date| date.timestamp()).map_or_else(text, Typed::Date)
        }
        _ => text(),
    }
}

/// The document of a device, or the part of it that `projection` asks for.
pub(super) fn document(record: &DeviceRecord, projection: &Projection, catalog: &Catalog) -> Json {
    let mut document = head(record);
    if !matches!(projection.covers("_model"), Covers::Nothing) {
        document.insert("_model".to_owned(), model(record, catalog));
    }
    document.retain(|name, _| !matches!(projection.covers(name), Covers::Nothing));
    for part in ["_deviceId", "_model"] {
        if let Some(Json::Object(members)) = document.get_mut(part) {
            let wanted = |name: &String| projection.covers(&format!("{part}.{name}"));
            members.retain(|name, _| !matches!(wanted(name), Covers::Nothing));
        }
    }
    document.insert("_id".to_owned(), json!(record.key.as_str()));
    for (path, parameter) in &record.parameters {
        let name = path.trim_end_matches('.');
        let covers = projection.covers(name);
        if name.is_empty() || matches!(covers, Covers::Nothing) {
            continue;
        }
        let node = node_at(&mut document, name, projection);
        let is_object = is_object(path);
        let members = members_of(parameter, is_object);
        let whole = matches!(covers, Covers::Whole);
        let wanted = |member: &str| {
            whole || matches!(projection.covers(&format!("{name}.{member}")), Covers::Whole)
        };
        node.extend(members.into_iter().filter(|(member, _)| wanted(member)));
    }
    Json::Object(document)
}

/// Not of GenieACS: which data model the device has, and why that one was chosen; null when nobody
/// knows.
fn model(record: &DeviceRecord, catalog: &Catalog) -> Json {
    let Some(model) = device_model(catalog, record) else { return Json::Null };
    let services: Vec<String> = model.seen_services().map(|it| it.name().to_string()).collect();
    json!({"_name": model.name(), "_services": services, "_reason": model.reason()})
}

/// All but the tree.
fn head(record: &DeviceRecord) -> Map<String, Json> {
    let fields = &record.fields;
    let identity = &fields.identity;
    let mut head = Map::new();
    let mut put = |name: &str, value: Json| head.insert(name.to_owned(), value);
    put("_id", json!(record.key.as_str()));
    let members = json!({
        "_Manufacturer": identity.manufacturer,
        "_OUI": identity.oui,
        "_ProductClass": identity.product_class,
        "_SerialNumber": identity.serial_number,
    });
    put("_deviceId", members);
    put("_registered", json!(iso(fields.registered)));
    put("_lastInform", json!(iso(fields.last_inform)));
    if let Some(instant) = fields.last_boot {
        put("_lastBoot", json!(iso(instant)));
    }
    if let Some(instant) = fields.last_bootstrap {
        put("_lastBootstrap", json!(iso(instant)));
    }
    // Not of GenieACS: how many sessions the device has held.
    put("_sessions", json!(fields.sessions));
    put("_tags", json!(record.tags));
    put("_timestamp", json!(iso(fields.last_inform)));
    head
}

/// The members of one path in the document.
fn members_of(parameter: &Parameter, is_object: bool) -> Vec<(String, Json)> {
    let mut members = vec![("_object", json!(is_object))];
    if let Some(writable) = parameter.is_writable() {
        members.push(("_writable", json!(writable)));
    }
    if let Some(Known { value, .. }) = &parameter.value {
        members.push(("_value", value_json(value)));
        members.push(("_type", json!(value.value_type.xsi_type())));
    }
    members.push(("_timestamp", json!(iso(parameter.time()))));
    if let Some(Known { value, time }) = &parameter.notification {
        members.push(("_notification", json!(value)));
        members.push(("_attributesTimestamp", json!(iso(*time))));
    }
    if let Some(Known { value, .. }) = &parameter.access_list {
        members.push(("_accessList", json!(value)));
    }
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn value_json(value: &Value) -> Json {
    match typed(value) {
        Typed::Bool(value) => json!(value),
        Typed::Signed(number) => json!(number),
        Typed::Unsigned(number) => json!(number),
        Typed::Date(instant) => json!(iso(instant)),
        Typed::Text(text) => json!(text),
    }
}

/// The object of a path, created with those above it where they are missing.
fn node_at<'a>(
    document: &'a mut Map<String, Json>,
    path: &str,
    projection: &Projection,
) -> &'a mut Map<String, Json> {
    let mut node = document;
    let mut end = 0;
    for segment in path.split('.') {
        end += segment.len() + usize::from(end > 0);
        let is_leaf = end == path.len();
        let name = path.get(..end).unwrap_or(path);
        let child = node.entry(segment).or_insert_with(|| {
            let is_implied = !is_leaf && matches!(projection.covers(name), Covers::Whole);
            if is_implied { json!({"_object": true}) } else { json!({}) }
        });
        // A name that is both a parameter and an object cannot come from one device.
        if !child.is_object() {
            *child = json!({});
        }
        node = child.as_object_mut().expect("invariant: made an object above");
    }
    node
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use drover_cwmp::CwmpVersion;
    use drover_cwmp::auth::Credentials;
    use drover_provision::{DeviceFields, Identity};

    use super::*;

    fn record(parameters: &[(&str, Option<Value>)]) -> DeviceRecord {
        let time = "2026-11-22T13:16:23.456Z".parse().expect("a time");
        let identity = Identity { serial_number: "1".to_owned(), ..Identity::default() };
        let parameters = parameters.iter().map(|(path, value)| {
            let value = value.clone().map(|value| Known::new(value, time));
            let writable = Some(Known::new(true, time));
            (path.to_string(), Parameter { value, writable, ..Parameter::found(time) })
        });
        DeviceRecord {
            key: identity.key(),
            fields: DeviceFields {
                identity,
                registered: time,
                last_inform: time,
                last_boot: None,
                last_bootstrap: None,
                last_events: Vec::new(),
                sessions: 3,
                root: Some("Device.".to_owned()),
                cwmp_version: CwmpVersion::V1_4,
                peculiarities: BTreeSet::new(),
                connection_request: Credentials::default(),
            },
            tags: BTreeSet::from(["red".to_owned()]),
            parameters: parameters.collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn values_have_the_type_that_json_has_for_them() {
        for (value_type, text, json, scalar) in [
            (ValueType::Boolean, "1", json!(true), Scalar::Bool(true)),
            (ValueType::Boolean, "maybe", json!("maybe"), Scalar::text("maybe")),
            (ValueType::Int, "-7", json!(-7), Scalar::Number(-7.0)),
            (ValueType::UnsignedInt, "", json!(""), Scalar::text("")),
            (
                ValueType::UnsignedLong,
                "18446744073709551615",
                json!(18_446_744_073_709_551_615_u64),
                Scalar::Number(18_446_744_073_709_551_615.0),
            ),
            (ValueType::String, "10", json!("10"), Scalar::text("10")),
            (
                ValueType::DateTime,
                "1970-01-01T01:00:01+01:00",
                json!("1970-01-01T00:00:01.000Z"),
                Scalar::Date(1000),
            ),
            (
                ValueType::DateTime,
                "0001-01-01T00:00:00Z",
                json!("0001-01-01T00:00:00Z"),
                Scalar::text("0001-01-01T00:00:00Z"),
            ),
        ] {
            let record = record(&[("Device.X", Some(Value::new(value_type, text)))]);
            let document = document(&record, &Projection::default(), &Catalog::shipped());
            assert_eq!(document["Device"]["X"]["_value"], json, "{value_type} {text}");
            assert_eq!(field(&record, "Device.X._value"), scalar, "{value_type} {text}");
        }
    }

    #[test]
    fn fields_and_document_agree() {
        let record = record(&[
            ("Device.", None),
            ("Device.A.", None),
            ("Device.A.B", Some(Value::string("b"))),
            ("Device.C.1.D", None),
        ]);
        let document = document(&record, &Projection::default(), &Catalog::shipped());
        let leaf = json!({"_object": false, "_writable": true, "_value": "b", "_type": "xsd:string",
            "_timestamp": "2026-11-22T13:16:23.456Z"});
        assert_eq!(document["Device"]["A"]["B"], leaf);
        assert_eq!(document["Device"]["C"]["1"]["_object"], true, "it is implied");
        for name in
            ["_id", "_tags", "_sessions", "_deviceId._SerialNumber", "_lastInform", "_registered"]
        {
            let value = name.split('.').try_fold(&document, |json, part| json.get(part));
            let is_date = name.starts_with("_last") || name == "_registered";
            assert_eq!(field(&record, name), Scalar::of_json(value, is_date), "{name}");
        }
        assert_eq!(field(&record, "Device.A._object"), Scalar::Bool(true));
        assert_eq!(field(&record, "Device.C._object"), Scalar::Bool(true));
        assert_eq!(field(&record, "Device.C.1.D._value"), Scalar::Missing);
        for name in ["_lastBoot", "Device.Z._object", "Device.A._value", "Device", "nothing"] {
            assert_eq!(field(&record, name), Scalar::Missing, "{name}");
        }
    }
}
