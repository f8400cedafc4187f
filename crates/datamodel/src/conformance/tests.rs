use std::fmt::Write as _;

use drover_cwmp::ValueType;
use proptest::prelude::*;

use super::FindingKind as Kind;
use super::*;
use crate::draft::{
    Draft, DraftObject, DraftParameter, DraftProfile, DraftUniqueKey, ObjectRequirement,
};
use crate::syntax::{
    Access, Enumeration, List, PathRefFacet, Range, Size, Status, Strength, Syntax,
};
use crate::tree::RecordedValue;

fn object(path: &str, parameters: Vec<DraftParameter>) -> DraftObject {
    let is_table = path.ends_with("{i}.");
    DraftObject {
        path: path.into(),
        entries_min: u32::from(!is_table),
        entries_max: (!is_table).then_some(1),
        parameters,
        ..Default::default()
    }
}

fn parameter(name: &str, syntax: Syntax) -> DraftParameter {
    DraftParameter { name: name.into(), syntax, ..Default::default() }
}

fn writable(name: &str, syntax: Syntax) -> DraftParameter {
    DraftParameter { access: Access::ReadWrite, ..parameter(name, syntax) }
}

fn of(value_type: ValueType) -> Syntax {
    Syntax { value_type, ..Default::default() }
}

fn text() -> Syntax {
    Syntax { sizes: vec![Size { min: 0, max: Some(256) }], ..Default::default() }
}

fn words() -> Syntax {
    let word = |value: &str| Enumeration { value: value.into(), ..Default::default() };
    Syntax { enumerations: vec![word("Up"), word("Down")], ..Default::default() }
}

fn reference(strength: Strength, list: Option<List>) -> Syntax {
    let path_ref = Some(PathRefFacet { strength, ..Default::default() });
    Syntax { path_ref, list, ..Default::default() }
}

fn key(functional: bool, name: &str) -> DraftUniqueKey {
    DraftUniqueKey { functional, parameters: vec![name.into()] }
}

/// Types and values.
fn values() -> DraftObject {
    let percent = Range { min: Some("0".into()), max: Some("100".into()), ..Default::default() };
    object(
        "Device.V.",
        vec![
            parameter("Text", text()),
            parameter("Short", Syntax::default()),
            parameter("Count", of(ValueType::UnsignedInt)),
            parameter("Flag", of(ValueType::Boolean)),
            parameter("Percent", Syntax { ranges: vec![percent], ..of(ValueType::Int) }),
            parameter("State", words()),
            parameter("States", Syntax { list: Some(List::default()), ..words() }),
            writable("Password", Syntax { hidden: true, ..text() }),
            writable("Pin", Syntax { secured: true, ..of(ValueType::UnsignedInt) }),
            writable("Reset", Syntax { command: true, ..of(ValueType::Boolean) }),
            writable("SharedKey", words()),
            writable("Strong", reference(Strength::Strong, None)),
            writable("StrongList", reference(Strength::Strong, Some(List::default()))),
            writable("Weak", reference(Strength::Weak, None)),
            DraftParameter { status: Status::Deprecated, ..writable("Old", text()) },
            DraftParameter { status: Status::Obsoleted, ..writable("Older", text()) },
            DraftParameter { status: Status::Deleted, ..writable("Gone", text()) },
        ],
    )
}

/// Rows of all kinds.
fn tables() -> Vec<DraftObject> {
    let count = |name| parameter(name, of(ValueType::UnsignedInt));
    let row = DraftObject {
        access: Access::ReadWrite,
        num_entries_parameter: Some("RowNumberOfEntries".into()),
        enable_parameter: Some("Enable".into()),
        unique_keys: vec![key(false, "Alias"), key(true, "Target")],
        ..object(
            "Device.T.Row.{i}.",
            vec![
                writable("Enable", of(ValueType::Boolean)),
                writable("Alias", text()),
                writable("Target", reference(Strength::Weak, None)),
            ],
        )
    };
    let fixed = DraftObject {
        entries_min: 2,
        entries_max: Some(2),
        unique_keys: vec![key(true, "Name")],
        ..object("Device.T.Fixed.{i}.", vec![parameter("Name", text())])
    };
    let gone = DraftObject { status: Status::Deleted, ..object("Device.T.Gone.{i}.", vec![]) };
    vec![object("Device.T.", vec![count("RowNumberOfEntries")]), row, fixed, gone]
}

fn profiles() -> Vec<DraftProfile> {
    let parameters = |paths: &[(&str, Access)]| {
        paths.iter().map(|(path, access)| ((*path).to_owned(), *access)).collect::<Vec<_>>()
    };
    let row = ("Device.T.Row.{i}.".to_owned(), ObjectRequirement::CreateDelete);
    vec![
        DraftProfile {
            name: "Values:1".into(),
            objects: vec![("Device.V.".into(), ObjectRequirement::Present)],
            parameters: parameters(&[("Device.V.Text", Access::ReadOnly)]),
            ..Default::default()
        },
        DraftProfile {
            name: "Values:2".into(),
            base: Some("Values:1".into()),
            parameters: parameters(&[("Device.V.Password", Access::ReadWrite)]),
            ..Default::default()
        },
        DraftProfile {
            name: "Rows:1".into(),
            objects: vec![row],
            parameters: parameters(&[("Device.T.Row.{i}.Alias", Access::ReadWrite)]),
            ..Default::default()
        },
        DraftProfile {
            name: "All:1".into(),
            extends: vec!["Values:2".into(), "Rows:1".into()],
            ..Default::default()
        },
        DraftProfile {
            name: "_Hidden:1".into(),
            objects: vec![("Device.".into(), ObjectRequirement::Present)],
            ..Default::default()
        },
    ]
}

fn build(draft: &Draft) -> Schema {
    let (schema, problems) = Schema::build(draft);
    assert_eq!(problems, []);
    schema
}

fn device() -> Schema {
    let mut objects = vec![object("Device.", vec![]), values(), object("Device.Services.", vec![])];
    objects.extend(tables());
    build(&Draft { name: "Device:2.1".into(), objects, profiles: profiles(), ..Default::default() })
}

fn lamp(version: &str, parameters: &[&str]) -> Schema {
    let counter = parameter("LampNumberOfEntries", of(ValueType::UnsignedInt));
    let mut parameters: Vec<_> = parameters.iter().map(|name| parameter(name, text())).collect();
    parameters.push(writable("Peer", reference(Strength::Strong, None)));
    let lamp = DraftObject {
        num_entries_parameter: Some("LampNumberOfEntries".into()),
        ..object("Lamp.{i}.", parameters)
    };
    let mut beside = object("", vec![counter]);
    beside.entries_min = 1;
    build(&Draft {
        name: format!("Lamp:{version}"),
        is_service: true,
        objects: vec![beside, lamp],
        ..Default::default()
    })
}

fn tree(rows: &str) -> RecordedTree {
    RecordedTree::from_csv(&format!("path,writable,value,type\n{rows}")).unwrap()
}

fn report(rows: &str) -> TreeReport {
    let (device, lamp) = (device(), lamp("1.0", &["Colour"]));
    check_tree(&Models::new(&device).with(&lamp), &tree(rows))
}

/// The findings of a kind, as lines, and that it has this severity.
fn found(rows: &str, kind: Kind) -> Vec<String> {
    let report = report(rows);
    let of_kind = report.findings.iter().filter(|finding| finding.kind == kind);
    of_kind.map(|it| format!("{} {}: {}", it.severity.name(), it.path, it.message)).collect()
}

fn check(rows: &str, kind: Kind, expected: &[&str]) {
    assert_eq!(found(rows, kind), expected, "{rows}");
}

#[test]
fn what_fits_is_not_mentioned() {
    let rows = "\
        Device.,false,,\n\
        Device.T.,false,,\n\
        Device.T.Row.,true,,\n\
        Device.T.Row.1.,true,,\n\
        Device.T.Row.1.Enable,true,1,xsd:boolean\n\
        Device.T.Row.1.Alias,true,cpe-1,xsd:string\n\
        Device.T.Row.1.Target,true,,xsd:string\n\
        Device.T.RowNumberOfEntries,false,1,XSD:UNSIGNEDINT\n\
        Device.T.Fixed.1.Name,false,a,xsd:string\n\
        Device.T.Fixed.2.Name,false,b,xsd:string\n\
        Device.V.,false,,\n\
        Device.V.Text,false,Grüße,\n\
        Device.V.Short,false,1234567890123456,xsd:string\n\
        Device.V.State,false,Up,xsd:string\n\
        Device.V.Password,true,,xsd:string\n\
        Device.V.Pin,true,0,xsd:unsignedInt\n\
        Device.V.Reset,true,0,xsd:boolean\n\
        Device.Services.LampNumberOfEntries,false,1,xsd:unsignedInt\n\
        Device.Services.Lamp.1.Colour,false,red,xsd:string\n";
    let report = report(rows);
    assert_eq!(report.findings, []);
    let counts = [report.rows, report.known, report.vendor, report.unknown];
    assert_eq!(counts, [19, 19, 0, 0]);
    let models: Vec<String> = report.models.iter().map(ToString::to_string).collect();
    assert_eq!(models, ["Device:2.1", "Lamp:1.0"]);
}

#[test]
fn tm_16_only_the_topmost_stranger_is_named() {
    let rows = "\
        Device.X_A_B.,false,,\nDevice.X_A_B.C,false,,\nDevice.V.X_A_D,false,,\n\
        Device.New.1.,false,,\nDevice.New.1.A,false,,\nDevice.V.text,false,,\n";
    check(
        rows,
        Kind::Vendor,
        &[
            "note Device.X_A_B.: the vendor's own, with 1 row below it",
            "note Device.V.X_A_D: the vendor's own",
        ],
    );
    check(
        rows,
        Kind::Unknown,
        &[
            "error Device.New.1.: the model has no object 'New', with 1 row below it",
            "error Device.V.text: the model has no such parameter; it spells it Text",
        ],
    );
    let report = report(rows);
    assert_eq!([report.known, report.vendor, report.unknown], [0, 3, 3]);
}

#[test]
fn what_stands_in_the_wrong_place_is_unknown() {
    for (rows, expected) in [
        ("Device.V,false,,", "the model has no such parameter; V is an object"),
        ("Device.V.Text.,false,,", "the model has no such object; Text is a parameter"),
        ("Device.V.1.,false,,", "the model has no rows here: V is a single object"),
        ("Device.T.Row.Alias,false,,", "the model has a table here, and 'Alias' is no instance"),
        ("Gateway.,false,,", "the model has no such object"),
    ] {
        let found = found(rows, Kind::Unknown);
        assert!(found.len() == 1 && found[0].contains(expected), "{rows}: {found:?}");
    }
    check("Device.T.Row.[cpe-1].Alias,true,cpe-1,\nDevice.T.Row.1.,,,", Kind::Unknown, &[]);
}

#[test]
fn path_02_what_is_no_path_is_malformed() {
    for rows in ["Device.T.Row.0.Alias,true,a,", "Device..V,false,,", "Device.V.A B,false,,"] {
        let found = found(rows, Kind::Malformed);
        assert!(found.len() == 1 && found[0].starts_with("error Device."), "{rows}: {found:?}");
    }
    check("Device.V.Text,false,,\nDevice.T.Row.4294967295.,true,,", Kind::Malformed, &[]);
}

#[test]
fn a_path_occurs_once() {
    let rows = "Device.V.Text,false,a,\nDevice.V.Short,false,,\nDevice.V.Text,false,b,";
    check(
        rows,
        Kind::Repeated,
        &["warning Device.V.Text: the path stands on line 2, too; a device has each path once"],
    );
    assert_eq!(report(rows).known, 3);
    check("Device.V.Text,false,a,\nDevice.V.Short,false,a,", Kind::Repeated, &[]);
}

#[test]
fn tm_01_services_have_their_own_models() {
    let rows = "Device.Services.Lamp.1.Colour,false,red,\nDevice.Services.Oven.1.A,false,,";
    check(
        rows,
        Kind::Unknown,
        &["warning Device.Services.Oven.1.A: there is no model of the service Oven to compare it \
         with"],
    );
    let (old, new) = (lamp("1.0", &["A"]), lamp("2.0", &["A", "B"]));
    let (device, used) = (device(), |models: &Models<'_>, rows: &str| {
        let models = check_tree(models, &tree(rows)).models;
        models.iter().map(ToString::to_string).collect::<Vec<_>>()
    });
    let models = Models::new(&device).with(&old).with(&new);
    assert_eq!(used(&models, "Device.Services.Lamp.1.B,,,"), ["Device:2.1", "Lamp:2.0"]);
    assert_eq!(used(&models, "Device.Services.Lamp.1.A,,,"), ["Device:2.1", "Lamp:1.0"]);
    assert_eq!(used(&models, "Device.Services.Lamp.1.Z,,,"), ["Device:2.1", "Lamp:1.0"]);
    assert_eq!(used(&models, "Device.V.,,,"), ["Device:2.1"]);
}

#[test]
fn a_service_can_be_checked_alone() {
    let lamp = lamp("1.0", &["A"]);
    let rows = "Device.V.Text,false,,\nDevice.Services.Lamp.1.A,false,a,\n\
        Device.Services.Lamp.1.Z,false,a,\nDevice.Services.LampNumberOfEntries,false,2,";
    let report = check_tree(&Models::new(&lamp), &tree(rows));
    assert_eq!([report.rows, report.known, report.vendor, report.unknown], [4, 2, 0, 1]);
    assert_eq!(report.count(Severity::Error), 2);
}

#[test]
fn the_model_that_knows_most_is_the_best() {
    let (device, lamp) = (device(), lamp("1.0", &["A"]));
    let best = |rows| best_model([&lamp, &device], &tree(rows)).map(|it| it.name().to_string());
    assert_eq!(best("Device.V.Text,,,\nDevice.T.,,,").as_deref(), Some("Device:2.1"));
    assert_eq!(best("Lamp.1.A,,,").as_deref(), Some("Lamp:1.0"));
    assert_eq!(best("Gateway.A,,,"), None);
}

#[test]
fn types_are_those_of_the_model() {
    check(
        "Device.V.Count,false,1,xsd:int",
        Kind::Type,
        &["error Device.V.Count: the type is 'xsd:int'; the model asks for unsignedInt"],
    );
    check(
        "Device.V.Count,false,1,xsd:number",
        Kind::Type,
        &["error Device.V.Count: the type is 'xsd:number', which is no type of CWMP; the model \
         asks for unsignedInt"],
    );
    check(
        "Device.V.States,false,1,xsd:int",
        Kind::Type,
        &["error Device.V.States: the type is 'xsd:int'; the model asks for string, as it is a \
             list"],
    );
    for name in ["xsd:unsignedInt", "xsd:unsignedint", "unsignedInt", ""] {
        check(&format!("Device.V.Count,false,1,{name}"), Kind::Type, &[]);
    }
}

#[test]
fn tm_03_a_type_that_an_earlier_version_had_is_a_note() {
    let (new, mut old) = (device(), device().to_draft());
    let count = old.objects.iter_mut().flat_map(|object| &mut object.parameters);
    for parameter in count.filter(|it| it.name == "Count") {
        parameter.syntax.value_type = ValueType::Int;
    }
    let old = build(&Draft { name: "Device:2.0".into(), ..old });
    let models = Models::new(&new).with_earlier(&old);
    let found = |name| {
        let tree = tree(&format!("Device.V.Count,false,1,{name}"));
        check_tree(&models, &tree).findings.into_iter().next().map(|it| (it.severity, it.message))
    };
    let message = "the type is 'xsd:int'; the model asks for unsignedInt; that of Device:2.0 is as \
        found";
    assert_eq!(found("xsd:int"), Some((Severity::Note, message.to_owned())));
    assert_eq!(found("xsd:long").map(|it| it.0), Some(Severity::Error));
    assert_eq!(found("xsd:unsignedInt"), None);
}

#[test]
fn a_wrong_type_is_one_mistake_and_not_two() {
    let rows = "Device.V.Flag,false,Enabled,xsd:string";
    assert_eq!(report(rows).count(Severity::Error), 1);
    let rows = "Device.V.Percent,false,101,xsd:unsignedInt";
    assert_eq!(report(rows).count(Severity::Error), 2);
}

#[test]
fn values_fit() {
    check(
        "Device.V.Percent,false,101,xsd:int",
        Kind::Value,
        &["error Device.V.Percent: the value must be 0 to 100; it is '101'"],
    );
    check(
        "Device.V.Percent,false,,xsd:int",
        Kind::Value,
        &["error Device.V.Percent: the value must be of type xsd:int, -2147483648 to 2147483647; \
         it is empty"],
    );
    let long = "x".repeat(257);
    let shown = format!(
        "error Device.V.Text: the value must have at most 256 characters; it is '{}…'",
        "x".repeat(64)
    );
    check(&format!("Device.V.Text,false,{long},xsd:string"), Kind::Value, &[&shown]);
    check("Device.V.Percent,false,100,xsd:int\nDevice.V.Text,false,,", Kind::Value, &[]);
}

#[test]
fn tm_15_the_implied_size_is_a_warning() {
    check(
        "Device.V.Short,false,12345678901234567,xsd:string",
        Kind::Length,
        &["warning Device.V.Short: the value must have at most 16 characters, as the model gives \
             no size; it is '12345678901234567'"],
    );
    check("Device.V.Short,false,1234567890123456,xsd:string", Kind::Length, &[]);
}

#[test]
fn tm_20_unknown_words_are_a_warning() {
    check(
        "Device.V.State,false,Sideways,xsd:string",
        Kind::Word,
        &["warning Device.V.State: not among the 2 words of the model: 'Sideways'"],
    );
    check(
        "Device.V.States,false,\"Up,a,b,c,d,e,f\",xsd:string",
        Kind::Word,
        &["warning Device.V.States: not among the 2 words of the model: 'a', 'b', 'c', 'd', 2 \
             more"],
    );
    check("Device.V.States,false,\"Up, Down\",xsd:string", Kind::Word, &[]);
}

#[test]
fn rt_03_hidden_values_are_not_shown() {
    let rows = "Device.V.Password,true,topsecret,xsd:string\n\
        Device.V.Pin,true,topsecret,xsd:unsignedInt\nDevice.V.Reset,true,true,xsd:boolean";
    check(
        rows,
        Kind::Hidden,
        &[
            "error Device.V.Password: a value is shown; by the model it is hidden and always reads \
         empty",
            "error Device.V.Pin: a value is shown; by the model it is hidden and always reads as 0",
            "error Device.V.Reset: a value is shown; by the model it is a command and always reads \
             as false",
        ],
    );
    let rows = "Device.V.Password,true,,xsd:string\nDevice.V.Pin,true,00,xsd:unsignedInt\n\
        Device.V.Reset,true,false,xsd:boolean";
    check(rows, Kind::Hidden, &[]);
}

#[test]
fn no_secret_is_printed() {
    let mut rows = String::new();
    for name in ["Password", "Pin", "SharedKey"] {
        for type_name in ["xsd:string", "xsd:dateTime", "odd", ""] {
            writeln!(rows, "Device.V.{name},true,topsecret,{type_name}").unwrap();
        }
    }
    let report = report(&rows);
    assert!(report.findings.iter().any(|it| it.kind == Kind::Word), "{report:?}");
    let printed = report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(!printed.contains("topsecret"), "{printed}");
}

#[test]
fn more_access_than_in_the_model_is_a_warning() {
    check(
        "Device.V.Text,true,,",
        Kind::Writable,
        &["warning Device.V.Text: it can be written; the model has it read-only"],
    );
    check("Device.V.Text,false,,\nDevice.V.Short,,,\nDevice.V.Weak,true,,", Kind::Writable, &[]);
    let rows = "Device.T.,true,,\nDevice.T.Fixed.,true,,\nDevice.T.Fixed.1.,true,,";
    check(
        rows,
        Kind::WritableObject,
        &[
            "warning Device.T.: AddObject or DeleteObject is offered; the model has a single \
             object here",
            "warning Device.T.Fixed.: AddObject is offered; by the model only the device adds rows",
            "warning Device.T.Fixed.1.: DeleteObject is offered; by the model only the device \
             deletes rows",
        ],
    );
    let rows =
        "Device.T.,false,,\nDevice.T.Fixed.,,,\nDevice.T.Row.,true,,\nDevice.T.Row.1.,true,,";
    check(rows, Kind::WritableObject, &[]);
}

#[test]
fn rt_05_less_access_than_in_the_model_is_a_note() {
    check(
        "Device.V.Weak,false,,",
        Kind::ReadOnly,
        &["note Device.V.Weak: it cannot be written here; the model has it writable"],
    );
    check("Device.V.Weak,,,\nDevice.V.Text,false,,", Kind::ReadOnly, &[]);
    let rows = "Device.T.Row.,false,,\nDevice.T.Row.1.,false,,";
    check(
        rows,
        Kind::ReadOnlyObject,
        &[
            "note Device.T.Row.: AddObject is not offered; by the model the ACS adds rows",
            "note Device.T.Row.1.: DeleteObject is not offered; by the model the ACS deletes rows",
        ],
    );
    check("Device.T.Row.,,,\nDevice.T.Fixed.,false,,", Kind::ReadOnlyObject, &[]);
}

#[test]
fn tm_07_what_is_on_its_way_out_is_noted() {
    let rows = "Device.V.Old,true,,\nDevice.V.Older,true,,\nDevice.V.Gone,true,,\n\
        Device.T.Gone.,false,,\nDevice.T.Gone.1.,false,,\nDevice.V.Text,false,,";
    check(
        rows,
        Kind::Retired,
        &[
            "note Device.V.Old: the model has it deprecated: should not be used any more",
            "note Device.V.Older: the model has it obsoleted: a later version may drop it",
            "note Device.V.Gone: the model has it deleted: this version does not have it any more",
            "note Device.T.Gone.: the model has it deleted: this version does not have it any more",
        ],
    );
    check("Device.V.Text,false,,", Kind::Retired, &[]);
}

#[test]
fn rt_01_the_number_of_entries_is_the_number_of_rows() {
    let count = |number, rows: &str| {
        format!("Device.T.RowNumberOfEntries,false,{number},xsd:unsignedInt\n{rows}")
    };
    let two = "Device.T.Row.1.,true,,\nDevice.T.Row.7.Alias,true,a,";
    check(&count(2, two), Kind::EntryCount, &[]);
    check(
        &count(3, two),
        Kind::EntryCount,
        &["error Device.T.RowNumberOfEntries: it is 3, but Row has 2 rows"],
    );
    check(
        &count(1, "Device.T.Row.,true,,"),
        Kind::EntryCount,
        &["error Device.T.RowNumberOfEntries: it is 1, but Row has 0 rows"],
    );
    let partly_read = "Device.T.Row.,true,,\nDevice.V.Text,false,,";
    check(
        &count(1, partly_read),
        Kind::EntryCount,
        &["warning Device.T.RowNumberOfEntries: it is 1, but Row has 0 rows"],
    );
    check(
        &count(1, "Device.T.,false,,"),
        Kind::EntryCount,
        &["warning Device.T.RowNumberOfEntries: it is 1, but the tree does not show the table Row"],
    );
    check(&count(0, "Device.T.,false,,"), Kind::EntryCount, &[]);
    check(&format!("Device.T.RowNumberOfEntries,false,,\n{two}"), Kind::EntryCount, &[]);
}

#[test]
fn a_table_has_its_number_of_entries() {
    check(
        "Device.T.Row.,true,,",
        Kind::NoEntryCount,
        &["warning Device.T.Row.: there is no RowNumberOfEntries, which the model has to count \
             its rows"],
    );
    let rows = "Device.T.Row.,true,,\nDevice.T.RowNumberOfEntries,false,,\nDevice.T.Fixed.,,,";
    check(rows, Kind::NoEntryCount, &[]);
    check(
        "Device.Services.Lamp.1.,false,,",
        Kind::NoEntryCount,
        &["warning Device.Services.Lamp.1.: there is no LampNumberOfEntries, which the model has \
             to count its rows"],
    );
}

#[test]
fn tables_have_as_many_rows_as_the_model_allows() {
    let rows = |numbers: &[u32]| {
        let rows = numbers.iter().map(|row| format!("\nDevice.T.Fixed.{row}.,false,,"));
        format!("Device.T.Fixed.,false,,{}", rows.collect::<String>())
    };
    let none: &[&str] = &[];
    check(&rows(&[1, 2]), Kind::TooManyRows, none);
    check(&rows(&[1, 2]), Kind::TooFewRows, none);
    check(
        &rows(&[1, 2, 3]),
        Kind::TooManyRows,
        &["error Device.T.Fixed.: it has 3 rows; the model allows 2"],
    );
    check(
        &rows(&[2]),
        Kind::TooFewRows,
        &["error Device.T.Fixed.: it has 1 row; the model asks for 2 at least"],
    );
    let partly_read = rows(&[]) + "\nDevice.V.Text,false,,";
    check(
        &partly_read,
        Kind::TooFewRows,
        &["warning Device.T.Fixed.: it has 0 rows; the model asks for 2 at least"],
    );
}

#[test]
fn tm_19_unique_keys_are_unique() {
    let row = |number: u32, enable: &str, alias: &str, target: &str| {
        let path = format!("Device.T.Row.{number}.");
        format!(
            "{path},true,,\n{path}Enable,true,{enable},xsd:boolean\n\
             {path}Alias,true,{alias},xsd:string\n{path}Target,true,{target},xsd:string\n"
        )
    };
    let check = |a: String, b: String, expected: &[&str]| {
        check(&(a + &b), Kind::UniqueKey, expected);
    };
    check(row(1, "1", "a", "Device.V"), row(2, "1", "b", "Device.T"), &[]);
    check(
        row(1, "0", "a", "Device.V"),
        row(2, "0", "a", "Device.T"),
        &["warning Device.T.Row.2.: Alias: the same as in Device.T.Row.1.; the model asks for \
             unique ones"],
    );
    check(
        row(1, "1", "a", "Device.V"),
        row(2, "true", "b", ".V"),
        &["warning Device.T.Row.2.: Target: the same as in Device.T.Row.1., and both are \
             enabled; the model asks for unique ones"],
    );
    check(row(1, "1", "a", "Device.V"), row(2, "0", "b", "Device.V"), &[]);
    let fixed = |number, name| format!("Device.T.Fixed.{number}.Name,false,{name},xsd:string\n");
    check(
        fixed(1, "x"),
        fixed(2, "x"),
        &["warning Device.T.Fixed.2.Name: Name: the same as in Device.T.Fixed.1.; the model asks \
             for unique ones"],
    );
    check(fixed(1, "x"), "Device.T.Fixed.2.Name,false,,\n".into(), &[]);
}

#[test]
fn tm_13_strong_references_lead_somewhere() {
    let check = |value: &str, expected: &[&str]| {
        let rows = format!(
            "Device.T.,false,,\nDevice.T.Row.1.Alias,true,a,\nDevice.V.Strong,true,{value},"
        );
        check(&rows, Kind::Reference, expected);
    };
    for there in ["", "Device.T", ".T", "Device.T.Row.1", "Device.T.Row.1.Alias", "Device.T.Row.1."]
    {
        check(there, &[]);
    }
    check("Device.T.Row.[a]", &[]);
    check("not a path", &[]);
    check(
        "Device.T.Row.2",
        &["warning Device.V.Strong: it refers to 'Device.T.Row.2', which the tree does not have"],
    );
    check(
        ".T.Row.1.Gone.",
        &["warning Device.V.Strong: it refers to '.T.Row.1.Gone', which the tree does not have"],
    );
}

#[test]
fn tm_12_references_in_lists_and_services() {
    let rows = "Device.V.StrongList,true,\"Device.V, Device.W,.V\",\nDevice.V.Weak,true,Device.W,";
    check(
        rows,
        Kind::Reference,
        &["warning Device.V.StrongList: it refers to 'Device.W', which the tree does not have"],
    );
    let peer = |value: &str| {
        let rows = "Device.Services.Lamp.1.Peer,true,";
        format!("Device.Services.Lamp.1.Colour,false,red,\n{rows}{value},")
    };
    check(&peer(".Colour"), Kind::Reference, &[]);
    check(&peer("Device.Services.Lamp.1"), Kind::Reference, &[]);
    check(
        &peer(".Size"),
        Kind::Reference,
        &["warning Device.Services.Lamp.1.Peer: it refers to '.Size', which the tree does not \
             have"],
    );
}

#[test]
fn findings_are_counted_beyond_their_limit() {
    let device = device();
    let tree = tree("Device.A,,,\nDevice.B,,,\nDevice.C,,,");
    let models = Models::new(&device);
    let at_limit = super::check(&models, &tree, 3);
    assert_eq!((at_limit.findings.len(), at_limit.left_out()), (3, 0));
    let beyond = super::check(&models, &tree, 2);
    assert_eq!((beyond.findings.len(), beyond.left_out()), (2, 1));
    assert_eq!(beyond.count(Severity::Error), 3);
}

#[test]
fn findings_come_by_line() {
    let report = report("Device.Z,,,\nDevice.A,,,\nDevice.V.Text,true,,xsd:int");
    let lines: Vec<(usize, Kind)> = report.findings.iter().map(|it| (it.line, it.kind)).collect();
    let expected = [(2, Kind::Unknown), (3, Kind::Unknown), (4, Kind::Type), (4, Kind::Writable)];
    assert_eq!(lines, expected);
    assert_eq!(
        report.findings[0].to_string(),
        "line 2: Device.Z: error: the model has no such parameter"
    );
}

fn verdicts(profile: &str, rows: &str) -> (bool, Vec<String>) {
    let device = device();
    let profile = device.profile(profile).unwrap();
    let report = check_profile(&device, &profile, &tree(rows));
    let open = report.asked.iter().filter(|asked| asked.verdict != Verdict::Satisfied);
    let open = open
        .map(|it| format!("{} {} {}: {}", it.path, it.requirement, it.verdict.name(), it.detail));
    let conforms = report.conforms();
    assert_eq!(Support::new(&device, &tree(rows)).meets(&profile), conforms, "{rows}");
    (conforms, open.collect())
}

fn check_verdicts(profile: &str, rows: &str, conforms: bool, expected: &[&str]) {
    let expected = expected.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(verdicts(profile, rows), (conforms, expected), "{rows}");
}

#[test]
fn tm_04_a_profile_is_met_with_what_it_is_based_on() {
    let check = |rows: &str, conforms, expected: &[&str]| {
        check_verdicts("Values:2", rows, conforms, expected);
    };
    check("Device.V.Text,false,,\nDevice.V.Password,true,,", true, &[]);
    check("Device.V.Password,true,,", false, &["Device.V.Text readOnly missing: it is not there"]);
    check(
        "Device.V.Text,false,,\nDevice.V.Password,false,,",
        false,
        &["Device.V.Password readWrite notWritable: it cannot be written"],
    );
    check(
        "Device.V.Text,false,,\nDevice.V.Password,,,",
        true,
        &["Device.V.Password readWrite undetermined: whether it can be written was not recorded"],
    );
    check(
        "Device.,false,,",
        false,
        &[
            "Device.V. present missing: the object is not there",
            "Device.V.Text readOnly missing: the object is not there",
            "Device.V.Password readWrite missing: the object is not there",
        ],
    );
}

#[test]
fn tm_05_rows_are_asked_for() {
    let check = |rows: &str, conforms, expected: &[&str]| {
        check_verdicts("Rows:1", rows, conforms, expected);
    };
    let path = "Device.T.Row.{i}.";
    let all = "Device.T.Row.,true,,\nDevice.T.Row.1.,true,,\nDevice.T.Row.1.Alias,true,a,";
    check(all, true, &[]);
    check(
        "Device.T.Row.,true,,",
        false,
        &[
            &format!("{path} createDelete undetermined: it has no rows"),
            &format!("{path}Alias readWrite undetermined: {path} has no rows"),
        ],
    );
    check(
        "Device.T.,false,,",
        false,
        &[
            &format!("{path} createDelete missing: the object is not there"),
            &format!("{path}Alias readWrite missing: the object is not there"),
        ],
    );
    check(
        &all.replace("Row.,true", "Row.,false"),
        false,
        &[&format!("{path} createDelete notWritable: AddObject is not offered")],
    );
    check(
        &all.replace("1.,true", "1.,false"),
        false,
        &[&format!("{path} createDelete notWritable: DeleteObject is not offered")],
    );
    check(
        &format!("{all}\nDevice.T.Row.2.,false,,"),
        false,
        &[&format!("{path}Alias readWrite missing: it is missing in 1 of 2 instances")],
    );
    check(&format!("{all}\nDevice.T.Row.2.Alias,false,b,"), true, &[]);
}

#[test]
fn xml_22_a_profile_can_extend_others() {
    let rows = "Device.V.Text,false,,\nDevice.V.Password,true,,\nDevice.T.Row.,true,,\n\
        Device.T.Row.1.,true,,\nDevice.T.Row.1.Alias,true,a,";
    assert!(verdicts("All:1", rows).0);
    assert!(!verdicts("All:1", "Device.V.Text,false,,\nDevice.V.Password,true,,").0);
}

#[test]
fn the_profiles_of_a_tree() {
    let device = device();
    let met = |rows| {
        let met = profiles_met(&device, &tree(rows));
        met.iter().map(|profile| profile.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(met("Device.V.Text,false,,"), ["Values:1"]);
    assert_eq!(met("Device.V.Text,false,,\nDevice.V.Password,true,,"), ["Values:1", "Values:2"]);
    assert_eq!(met("Device.T.Row.,true,,"), [""; 0]);
    assert_eq!(met("Device.,false,,"), [""; 0]);
}

fn any_row() -> impl Strategy<Value = TreeRow> {
    let name = prop_oneof![
        Just("V"),
        Just("T"),
        Just("Row"),
        Just("Fixed"),
        Just("Services"),
        Just("Lamp"),
        Just("Peer"),
        Just("Strong"),
        Just("Alias"),
        Just("Enable"),
        Just("RowNumberOfEntries"),
        Just("X_A"),
        Just("V-"),
        Just("1"),
        Just("10"),
        Just("[a]"),
        Just("0"),
        Just(""),
    ];
    let path = (any::<bool>(), proptest::collection::vec(name, 0..5), any::<bool>());
    let value = proptest::option::of(("[V1a.,]{0,6}|Device\\.T", "xsd:(string|boolean)|x|"));
    (path, proptest::option::of(any::<bool>()), value).prop_map(
        |((is_device, names, is_object), writable, value)| {
            let root = if is_device { "Device" } else { "Lamp" };
            let dot = if is_object { "." } else { "" };
            let path = [&[root], &names[..]].concat().join(".") + dot;
            let value = value.map(|(text, name)| RecordedValue::new(text, name));
            TreeRow { line: 0, value: value.filter(|_| !path.ends_with('.')), path, writable }
        },
    )
}

proptest! {
    #[test]
    fn no_tree_hurts(mut rows in proptest::collection::vec(any_row(), 0..40)) {
        for (line, row) in (2..).zip(&mut rows) {
            row.line = line;
        }
        let (device, lamp) = (device(), lamp("1.0", &["Colour"]));
        let models = Models::new(&device).with(&lamp);
        let tree = RecordedTree { rows, dropped: 0 };
        let report = check_tree(&models, &tree);
        prop_assert_eq!(report.known + report.vendor + report.unknown, tree.rows.len());
        let walk = Walk::new(&models, tree.rows.iter());
        prop_assert!(walk.entries.is_sorted_by(|a, b| a.path < b.path));
        for row in &tree.rows {
            prop_assert!(walk.find(&row.path).is_some_and(|entry| entry.rows > 0));
        }
        for profile in device.profiles() {
            let support = Support::new(&device, &tree);
            prop_assert_eq!(support.check(&profile).conforms(), support.meets(&profile));
        }
        let alone = check_tree(&Models::new(&lamp), &tree);
        prop_assert!(alone.known + alone.vendor + alone.unknown <= tree.rows.len());
        let summary = crate::summary::DeviceSummary::of_tree(&models, &tree);
        prop_assert_eq!(summary.to_string().parse(), Ok(summary));
    }
}
