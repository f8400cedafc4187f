use proptest::prelude::*;

use super::*;
use crate::draft::{Draft, DraftObject, DraftParameter, DraftProfile, ObjectRequirement};
use crate::syntax::Access;

#[test]
fn tm_17_summaries_are_read_and_written() {
    for text in [
        "",
        "Device:1.0[](Baseline:1)",
        "InternetGatewayDevice:1.4[](Baseline:1, EthernetLAN:1), VoiceService:1.0[1](Endpoint:1)",
        "Device:1.0[](), VoiceService:1.0[]()",
        "Device:1.0[](Baseline:1), A:2.17[1](), A:1.2[+22](Baseline:2, X_EXAMPLE-COM_Mine:3)",
    ] {
        let summary: DeviceSummary = text.parse().unwrap();
        assert_eq!(summary.to_string(), text);
    }
    let summary: DeviceSummary = "A:1.2[+7](B:3)".parse().unwrap();
    let model = "A:1.2".parse().unwrap();
    let profiles = vec![ProfileName { name: "B".into(), version: 3 }];
    let expected = SummaryObject { model, instance: Instance::Changing(7), profiles };
    assert_eq!(summary.objects, [expected]);
}

#[test]
fn white_space_does_not_matter() {
    let text = " \tDevice : 1 . 0 [ ] ( Baseline:1,Time : 2\n) ,A:1.0[ + 1 ]( )\r\n";
    let summary: DeviceSummary = text.parse().unwrap();
    assert_eq!(summary.to_string(), "Device:1.0[](Baseline:1, Time:2), A:1.0[+1]()");
    assert_eq!(" \n".parse(), Ok(DeviceSummary::default()));
}

#[test]
fn errors_have_a_position() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<DeviceSummary>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    };
    let name = "a name is missing: a letter or '_', then letters, digits, '_' and '-'";
    check("Device", "at character 7: a ':' is missing");
    check("Device:2", "at character 9: a '.' is missing");
    check("Device:x.1[]()", "at character 8: a major version is missing: a number");
    check("Device:1.[]()", "at character 10: a minor version is missing: a number");
    check("Device:99999.1[]()", "at character 8: a major version is missing: a number");
    check("Device:1.0(Baseline:1)", "at character 11: a '[' is missing");
    check("Device:1.0[a]()", "at character 12: a number of an instance is missing: a number");
    check("Device:1.0[+]()", "at character 13: a number of an instance is missing: a number");
    check("Device:1.0[1,2]()", "at character 13: a ']' is missing");
    check("Device:1.0[]", "at character 13: a '(' is missing");
    check("Device:1.0[](,)", &format!("at character 14: {name}"));
    check("Device:1.0[](Baseline)", "at character 22: a ':' is missing");
    check("Device:1.0[](Baseline:1", "at character 24: a ')' is missing");
    check("Device:1.0[](Baseline:1, )", &format!("at character 26: {name}"));
    check("Device:1.0[]() A:1.0[]()", "at character 16: a ',' is missing");
    check("Device:1.0[](), ", &format!("at character 17: {name}"));
    check("ä:1.0[](ö:1)ü", "at character 13: a ',' is missing");
    check("1Device:1.0[]()", &format!("at character 1: {name}"));
}

#[test]
fn the_length_is_limited() {
    let text = "Device:1.0[]()".to_owned();
    let longest = text.clone() + &" ".repeat(SUMMARY_BYTES_MAX - text.len());
    assert!(longest.parse::<DeviceSummary>().is_ok());
    let error = (longest + " ").parse::<DeviceSummary>().unwrap_err();
    assert_eq!(error.problem, SummaryProblem::TooLong);
}

fn names() -> impl Strategy<Value = Box<str>> {
    "[A-Za-z_][A-Za-z0-9_-]{0,12}".prop_map(Into::into)
}

fn objects() -> impl Strategy<Value = SummaryObject> {
    let instance = prop_oneof![
        Just(Instance::None),
        any::<u32>().prop_map(Instance::Fixed),
        any::<u32>().prop_map(Instance::Changing),
    ];
    let profile = (names(), any::<u32>()).prop_map(|(name, version)| ProfileName { name, version });
    let profiles = proptest::collection::vec(profile, 0..4);
    (names(), any::<(u16, u16)>(), instance, profiles).prop_map(
        |(name, (major, minor), instance, profiles)| {
            let model = ModelName { name, version: Version::new(major, minor) };
            SummaryObject { model, instance, profiles }
        },
    )
}

proptest! {
    #[test]
    fn reading_what_was_written_gives_the_same(
        objects in proptest::collection::vec(objects(), 0..5),
    ) {
        let summary = DeviceSummary { objects };
        prop_assert_eq!(summary.to_string().parse(), Ok(summary));
    }

    #[test]
    fn no_text_hurts(text in "[A-C:.,+0-9 ()\\[\\]ä]{0,40}") {
        if let Ok(summary) = text.parse::<DeviceSummary>() {
            prop_assert_eq!(summary.to_string().parse(), Ok(summary));
        }
    }
}

fn object(path: &str, parameters: &[&str]) -> DraftObject {
    let is_table = path.ends_with("{i}.");
    let parameter = |name: &&str| DraftParameter { name: (*name).into(), ..Default::default() };
    DraftObject {
        path: path.into(),
        entries_min: u32::from(!is_table),
        entries_max: (!is_table).then_some(1),
        parameters: parameters.iter().map(parameter).collect(),
        ..Default::default()
    }
}

fn profile(name: &str, path: &str) -> DraftProfile {
    DraftProfile {
        name: name.into(),
        parameters: vec![(path.into(), Access::ReadOnly)],
        ..Default::default()
    }
}

fn schema(name: &str, objects: Vec<DraftObject>, profiles: Vec<DraftProfile>) -> Schema {
    let is_service = !name.starts_with("Device");
    let (name, spec) = (name.into(), format!("urn:example:{name}"));
    let (schema, problems) = Schema::build(&Draft { name, spec, is_service, objects, profiles });
    assert_eq!(problems, []);
    schema
}

fn device() -> Schema {
    let mut table = profile("Rows:1", "Device.Row.{i}.A");
    table.objects = vec![("Device.Row.{i}.".into(), ObjectRequirement::Present)];
    schema(
        "Device:1.5",
        vec![
            object("Device.", &["A", "B"]),
            object("Device.Row.{i}.", &["A"]),
            object("Device.Services.", &[]),
        ],
        vec![
            profile("Baseline:1", "Device.A"),
            profile("Baseline:2", "Device.A"),
            profile("Other:1", "Device.B"),
            profile("_Internal:1", "Device.A"),
            table,
        ],
    )
}

fn lamp() -> Schema {
    let objects = vec![object("", &["LampNumberOfEntries"]), object("Lamp.{i}.", &["A", "B"])];
    let profiles = vec![profile("Baseline:1", "Lamp.{i}.A"), profile("Dim:1", "Lamp.{i}.B")];
    schema("Lamp:1.0", objects, profiles)
}

fn summary(rows: &str) -> String {
    let (device, lamp) = (device(), lamp());
    let tree = RecordedTree::from_csv(&format!("path,writable,value,type\n{rows}")).unwrap();
    DeviceSummary::of_tree(&Models::new(&device).with(&lamp), &tree).to_string()
}

#[test]
fn tm_17_a_summary_is_made_of_a_tree() {
    let check = |rows: &str, expected: &str| assert_eq!(summary(rows), expected, "{rows}");
    check("Device.A,false,x,", "Device:1.5[](Baseline:2)");
    check("Device.B,false,x,\nDevice.Row.,false,,", "Device:1.5[](Other:1)");
    check("Device.,false,,\nDevice.Services.Lamp.,false,,", "Device:1.5[](), Lamp:1.0[]()");
    check("Device.Services.X_Y_Lamp.1.,false,,", "Device:1.5[]()");
    check(
        "Device.Services.Lamp.,false,,\nDevice.Services.Lamp.10.B,false,x,\n\
         Device.Services.Lamp.2.A,false,x,\nDevice.Services.Lamp.2.B,false,x,",
        "Device:1.5[](), Lamp:1.0[2](Baseline:1, Dim:1), Lamp:1.0[10](Dim:1)",
    );
    check(
        "Device.Services.Lamp.,true,,\nDevice.Services.Lamp.1.A,false,x,",
        "Device:1.5[](), Lamp:1.0[+1](Baseline:1)",
    );
}

#[test]
fn di_01_supported_models() {
    let (device, lamp) = (device(), lamp());
    let rows = SupportedDataModel::of_models(&Models::new(&lamp).with(&device), |schema| {
        let features = if schema.is_service() { vec![] } else { vec!["NAT".into(), "IPv6".into()] };
        (format!("http://localhost/{}.xml", schema.root_name()), features)
    });
    let urns: Vec<&str> = rows.iter().map(|row| &*row.urn).collect();
    assert_eq!(urns, ["urn:example:Device:1.5", "urn:example:Lamp:1.0"]);
    assert_eq!(rows[0].url, "http://localhost/Device.xml");
    assert_eq!((&*rows[0].features_text(), &*rows[1].features_text()), ("NAT,IPv6", ""));
}
