use super::*;
use crate::draft::{Draft, DraftObject, DraftParameter, DraftProfile, DraftUniqueKey};
use crate::syntax::{DefaultType, Enumeration, List, PathRefFacet, Range, Size};
use drover_cwmp::ValueType;
use proptest::prelude::*;

fn parameter(name: &str) -> DraftParameter {
    DraftParameter { name: name.to_owned(), ..DraftParameter::default() }
}

fn object(path: &str, parameters: &[&str]) -> DraftObject {
    let parameters = parameters.iter().map(|name| parameter(name)).collect();
    DraftObject { path: path.to_owned(), parameters, ..DraftObject::default() }
}

/// A small model with one of everything.
fn draft() -> Draft {
    let mut radio = object("Device.Radio.{i}.", &["Enable", "Alias", "Mode", "Gone"]);
    radio.access = Access::ReadWrite;
    radio.num_entries_parameter = Some("RadioNumberOfEntries".to_owned());
    radio.enable_parameter = Some("Enable".to_owned());
    let key = DraftUniqueKey { functional: false, parameters: vec!["Alias".to_owned()] };
    radio.unique_keys.push(key);
    radio.parameters[2].syntax = Syntax {
        value_type: ValueType::String,
        type_name: Some("Word".into()),
        list: Some(List { items_max: Some(3), ..List::default() }),
        sizes: vec![Size { min: 1, max: Some(9) }],
        ranges: vec![Range { min: Some("-5".into()), ..Range::default() }],
        enumerations: vec![Enumeration { value: "a".into(), code: Some(-7), ..Default::default() }],
        path_ref: Some(PathRefFacet {
            target_parents: vec![".Radio.".into()],
            ..PathRefFacet::default()
        }),
        units: Some("dBm".into()),
        ..Syntax::default()
    };
    radio.parameters[2].default =
        Some(DefaultValue { default_type: DefaultType::Object, value: "a".into() });
    radio.parameters[3].status = Status::Deleted;
    let mut dead = object("Device.Dead.", &["P"]);
    dead.status = Status::Deleted;
    let profile = DraftProfile {
        name: "Radio:1".to_owned(),
        objects: vec![("Device.Radio.{i}.".to_owned(), ObjectRequirement::Present)],
        parameters: vec![("Device.Radio.{i}.Mode".to_owned(), Access::ReadOnly)],
        ..DraftProfile::default()
    };
    Draft {
        name: "Device:2.1".to_owned(),
        spec: "urn:x".to_owned(),
        is_service: false,
        objects: vec![
            object("Device.", &["RadioNumberOfEntries", "Radio"]),
            radio,
            object("Device.Radio.{i}.Stats.", &["BytesSent"]),
            dead,
            object("Device.Dead.Below.", &[]),
        ],
        profiles: vec![profile],
    }
}

fn schema() -> Schema {
    let (schema, problems) = Schema::build(&draft());
    assert_eq!(problems, []);
    schema
}

fn shown(item: Option<Item<'_>>) -> String {
    match item {
        None => "nothing".to_owned(),
        Some(Item::Table(table)) => format!("table {}", table.path()),
        Some(Item::Object(object, row)) => format!("object {} {row:?}", object.path()),
        Some(Item::Parameter(parameter)) => format!("parameter {}", parameter.path()),
    }
}

#[test]
fn paths_are_found_in_every_form() {
    let schema = schema();
    for (path, expected) in [
        ("", "object  None"),
        (".", "nothing"),
        ("Device.", "object Device. None"),
        ("Device", "object Device. None"),
        ("Device.Radio.", "table Device.Radio.{i}."),
        ("Device.Radio", "parameter Device.Radio"),
        ("Device.Radio.1", "object Device.Radio.{i}. Number(1)"),
        ("Device.Radio.{i}.", "object Device.Radio.{i}. Any"),
        ("Device.Radio.*.", "object Device.Radio.{i}. Wildcard"),
        ("Device.Radio.[home].Mode", "parameter Device.Radio.{i}.Mode"),
        ("Device.Radio.4294967295.Stats.BytesSent", "parameter Device.Radio.{i}.Stats.BytesSent"),
        ("Device.Radio.1.Stats.", "object Device.Radio.{i}.Stats. None"),
        ("Device.Radio.0.Mode", "nothing"),
        ("Device.Radio.01.Mode", "nothing"),
        ("Device.Radio.+1.Mode", "nothing"),
        ("Device.Radio.[].Mode", "nothing"),
        ("Device.Radio.Mode", "nothing"),
        ("Device.Radio.1.Mode.", "nothing"),
        ("Device.Radio.1.mode", "nothing"),
        ("Device..Radio", "nothing"),
        ("Radio.1.", "nothing"),
        ("Device.Radio.1.Gone", "nothing"),
        ("Device.Dead.P", "nothing"),
    ] {
        assert_eq!(shown(schema.find(path)), expected, "{path:?}");
    }
}

#[test]
fn xml_27_deleted_items_are_hidden_unless_asked_for() {
    let mut schema = schema();
    assert_eq!((schema.objects().count(), schema.parameters().count()), (3, 6));
    assert_eq!(schema.find_object("Device.").unwrap().children().count(), 1);
    schema.show_deleted(true);
    assert_eq!((schema.objects().count(), schema.parameters().count()), (5, 8));
    assert_eq!(shown(schema.find("Device.Radio.1.Gone")), "parameter Device.Radio.{i}.Gone");
    assert!(schema.find_object("Device.Dead.Below.").unwrap().is_deleted());
    // DM-02: the counts are those of everything.
    let stats = Stats { objects: 5, tables: 1, parameters: 8, profiles: 1 };
    assert_eq!(schema.stats(), stats);
}

#[test]
fn a_service_is_found_below_the_root_of_the_device() {
    let service = Draft {
        name: "Voice:1.0".to_owned(),
        is_service: true,
        objects: vec![object("Voice.{i}.", &["P"]), object("", &["VoiceNumberOfEntries"])],
        ..Draft::default()
    };
    let (schema, problems) = Schema::build(&service);
    assert_eq!(problems, []);
    for path in
        ["Voice.1.P", "Device.Services.Voice.1.P", ".Services.Voice.1.P", "Services.Voice.1.P"]
    {
        assert_eq!(shown(schema.find(path)), "parameter Voice.{i}.P", "{path}");
    }
    let count = "InternetGatewayDevice.Services.VoiceNumberOfEntries";
    assert_eq!(shown(schema.find(count)), "parameter VoiceNumberOfEntries");
    assert_eq!(schema.stats().objects, 1);
    assert!(Schema::from_bytes(&schema.to_bytes()).unwrap() == schema);
}

#[test]
fn what_a_draft_names_must_be_there() {
    let problems = |change: &dyn Fn(&mut Draft)| {
        let mut draft = draft();
        change(&mut draft);
        let (_, problems) = Schema::build(&draft);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let check = |change: &dyn Fn(&mut Draft), expected: &str| {
        assert_eq!(problems(change), [expected]);
    };
    check(&|draft| draft.name = "Device".to_owned(), "Device: a model is called Name:Major.Minor");
    check(
        &|draft| draft.objects.push(object("Device.A.B.", &[])),
        "Device.A.B.: the object Device.A. that should hold it is not defined",
    );
    check(
        &|draft| draft.objects.push(object("Device.Radio.", &[])),
        "Device.Radio.: it is defined a second time",
    );
    check(
        &|draft| draft.objects.push(object("Device.X", &[])),
        "Device.X: the path of an object is made of names and {i} and ends in a dot",
    );
    check(
        &|draft| draft.objects[0].parameters.push(parameter("Radio")),
        "Device.Radio: it is defined a second time",
    );
    check(
        &|draft| draft.objects[1].enable_parameter = Some("On".to_owned()),
        "Device.Radio.{i}.: its enableParameter On is not defined",
    );
    check(
        &|draft| draft.profiles[0].parameters.push(("Device.No".to_owned(), Access::ReadOnly)),
        "Radio:1: it requires Device.No, which is not defined",
    );
    check(
        &|draft| draft.profiles[0].extends.push("No:1".to_owned()),
        "Radio:1: it builds on the profile No:1, which is not defined",
    );
    check(
        &|draft| draft.profiles.push(draft.profiles[0].clone()),
        "Radio:1: it is defined a second time",
    );
}

#[test]
fn profiles_that_build_on_each_other_in_a_circle_end() {
    let mut draft = draft();
    draft.profiles[0].base = Some("Radio:2".to_owned());
    let other = DraftProfile {
        name: "Radio:2".to_owned(),
        base: Some("Radio:1".to_owned()),
        ..DraftProfile::default()
    };
    draft.profiles.push(other);
    let (schema, problems) = Schema::build(&draft);
    assert_eq!(problems, []);
    assert_eq!(schema.profile("Radio:2").unwrap().requirements().len(), 2);
    let mode = schema.find_parameter("Device.Radio.1.Mode").unwrap();
    assert!(schema.profile("Radio:2").unwrap().requires(mode));
}

#[test]
fn the_compiled_form_keeps_everything() {
    let schema = schema();
    let again = Schema::from_bytes(&schema.to_bytes()).unwrap();
    assert!(again == schema);
    let (rebuilt, _) = Schema::build(&schema.to_draft());
    assert!(rebuilt == schema);
    assert_eq!(schema.to_draft(), draft());
}

#[test]
fn another_version_of_the_format_is_refused() {
    let mut bytes = schema().to_bytes();
    bytes[8] = FORMAT_VERSION + 1;
    assert_eq!(Schema::from_bytes(&bytes), Err(FormatError::Version(FORMAT_VERSION + 1)));
    assert_eq!(Schema::from_bytes(b"<?xml"), Err(FormatError::NotASchema));
    assert_eq!(Schema::from_bytes(MAGIC), Err(FormatError::Damaged("it is cut off")));
}

/// Every change of a byte is found, or gives a schema that can be used.
#[test]
fn damage_is_found_or_harmless() {
    let payload = {
        use std::io::Read as _;
        let bytes = schema().to_bytes();
        let mut payload = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[9..]).read_to_end(&mut payload).unwrap();
        payload
    };
    for place in 0..payload.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut damaged = payload.clone();
            damaged[place] ^= change;
            use_all(&damaged);
        }
        use_all(&payload[..place]);
    }
}

/// Packs a payload as the format has it, and walks through what it gives.
fn use_all(payload: &[u8]) {
    use std::io::Write as _;
    let mut bytes = MAGIC.to_vec();
    bytes.push(FORMAT_VERSION);
    let mut encoder = flate2::write::ZlibEncoder::new(bytes, flate2::Compression::fast());
    encoder.write_all(payload).unwrap();
    let Ok(mut schema) = Schema::from_bytes(&encoder.finish().unwrap()) else { return };
    schema.show_deleted(true);
    for object in schema.objects() {
        object.children().for_each(|child| assert!(child.parent() == Some(object)));
        let links = [object.num_entries_parameter(), object.enable_parameter()];
        let paths: usize = links.iter().flatten().map(|it| it.path().len()).sum();
        assert!(paths < 10_000);
    }
    for parameter in schema.parameters() {
        let _ = (parameter.path(), parameter.value_on_creation(), parameter.syntax());
    }
    for profile in schema.profiles() {
        assert!(profile.requirements().iter(&schema).count() <= profile.requirements().len());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        use_all(&payload);
        let _ = Schema::from_bytes(&payload);
    }

    #[test]
    fn no_path_hurts(path in "[A-Za-z.{}\\[\\]*0-9]{0,60}") {
        let _ = schema().find(&path);
    }
}
