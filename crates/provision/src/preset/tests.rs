use serde_json::json;

use super::document::Objects;
use super::*;

struct Device;

impl Context for Device {
    fn parameter(&self, path: &str) -> Option<Value> {
        Some(match path {
            "DeviceID.OUI" => Value::from("202BC1"),
            "Tags.lab" => Value::Bool(true),
            _ => Value::Null,
        })
    }
}

fn preset(name: &str, json: &serde_json::Value) -> Preset {
    Preset::from_json(name, json, &Objects::new()).unwrap()
}

fn selected(presets: &[Preset], events: &[&str], time: &str) -> Vec<String> {
    let events: BTreeSet<String> = events.iter().map(|it| (*it).to_owned()).collect();
    let session = Session { time: time.parse().unwrap(), zone: &TimeZone::UTC, events: &events };
    select(presets, session, &Device)
        .into_iter()
        .map(|Selected { provision, channels }| {
            let channels: Vec<String> = channels.into_iter().collect();
            format!("{}{:?} {}", provision.name, provision.arguments, channels.join("+"))
        })
        .collect()
}

const NOON: &str = "2026-01-05T12:00:00Z";

fn provision(name: &str, args: &serde_json::Value) -> serde_json::Value {
    json!([{"type": "provision", "name": name, "args": args}])
}

#[test]
fn compat_2_10_presets_come_by_weight_and_name_and_doubles_once_at_the_end() {
    let mut presets = vec![
        preset("c", &json!({"configurations": provision("x", &json!([1]))})),
        preset("b", &json!({"weight": 1, "configurations": provision("y", &json!([]))})),
        preset(
            "a",
            &json!({"weight": 1, "channel": "other",
            "configurations": provision("x", &json!([1]))}),
        ),
        preset("d", &json!({"weight": -1, "configurations": provision("x", &json!([2]))})),
    ];
    sort(&mut presets);
    let expected = ["x[Number(2.0)] default", "x[Number(1.0)] default+other", "y[] default"];
    assert_eq!(selected(&presets, &[], NOON), expected);
}

#[test]
fn compat_2_10_all_events_must_be_as_wanted() {
    let json = json!({"events": {"0 BOOTSTRAP": true, "1 BOOT": false},
        "configurations": provision("x", &json!([]))});
    let text = json!({"events": "0 BOOTSTRAP, -1 BOOT",
        "configurations": provision("x", &json!([]))});
    for json in [json, text] {
        let presets = [preset("p", &json)];
        assert_eq!(selected(&presets, &["0 BOOTSTRAP"], NOON).len(), 1);
        assert_eq!(selected(&presets, &["0_BOOTSTRAP"], NOON).len(), 1);
        assert_eq!(selected(&presets, &["0 BOOTSTRAP", "1 BOOT"], NOON).len(), 0);
        assert_eq!(selected(&presets, &["2 PERIODIC"], NOON).len(), 0);
    }
}

#[test]
fn compat_2_10_a_schedule_holds_for_a_while() {
    let presets = [preset(
        "p",
        &json!({"schedule": "3600 30 11 * * *",
        "configurations": provision("x", &json!([]))}),
    )];
    for (time, is_due) in [
        ("2026-01-05T11:29:59Z", false),
        ("2026-01-05T11:30:00Z", true),
        ("2026-01-05T12:29:59Z", true),
        ("2026-01-05T12:30:00Z", false),
    ] {
        assert_eq!(selected(&presets, &[], time).len(), usize::from(is_due), "{time}");
    }
}

#[test]
fn compat_2_10_preconditions_are_expressions_or_filters() {
    let conditions = [
        (json!("DeviceID.OUI = '202BC1'"), true),
        (json!("DeviceID.Nope = 1"), false),
        (json!(""), true),
        (json!("{\"DeviceID.OUI\": \"202BC1\"}"), true),
        (json!({"_tags": "lab"}), true),
        (json!({"_tags": {"$ne": "lab"}}), false),
        (json!(["=", ["PARAM", "DeviceID.OUI"], "x"]), false),
    ];
    for (condition, holds) in conditions {
        let presets = [preset(
            "p",
            &json!({"precondition": condition,
            "configurations": provision("x", &json!([["PARAM", "DeviceID.OUI"]]))}),
        )];
        let expected = if holds { vec!["x[Text(\"202BC1\")] default"] } else { Vec::new() };
        assert_eq!(selected(&presets, &[], NOON), expected, "{condition}");
    }
    let wanted = preset(
        "p",
        &json!({"precondition": "A.B = 1",
        "configurations": provision("x", &json!([["PARAM", "C.D"]]))}),
    );
    assert_eq!(wanted.parameters(), BTreeSet::from(["A.B", "C.D"]));
}

#[test]
fn compat_2_10_older_configurations_are_provisions() {
    let object = json!({"_id": "guest", "SSID": "guest", "Enable": true, "_keys": ["SSID"]});
    let objects = Objects::from([("guest".to_owned(), object.as_object().unwrap().clone())]);
    let json = json!({"configurations": [
        {"type": "value", "name": "A.B", "value": 5},
        {"type": "age", "name": "A", "age": "3600"},
        {"type": "add_tag", "tag": "t"},
        {"type": "delete_tag", "tag": "t"},
        {"type": "add_object", "name": "A.C.", "object": "guest"},
        {"type": "delete_object", "name": "A.C", "object": "guest"},
    ]});
    let presets = [Preset::from_json("p", &json, &objects).unwrap()];
    let expected = [
        r#"value[Text("A.B"), Number(5.0)] default"#,
        r#"refresh[Text("A"), Number(3600.0)] default"#,
        r#"tag[Text("t"), Bool(true)] default"#,
        r#"tag[Text("t"), Bool(false)] default"#,
        r#"instances[Text("A.C.[SSID:\"guest\"]"), Number(1.0)] default"#,
        r#"instances[Text("A.C.[SSID:\"guest\"]"), Number(0.0)] default"#,
    ];
    assert_eq!(selected(&presets, &[], NOON), expected);
}

#[test]
fn what_is_no_preset_is_refused_with_its_place() {
    for (json, message) in [
        (json!(5), ": expected an object"),
        (json!({"weight": "heavy"}), "/weight: expected a number"),
        (json!({"channel": 5}), "/channel: expected a text"),
        (json!({"schedule": "daily"}), "/schedule: expected a duration"),
        (json!({"schedule": "60 99 * * * *"}), "/schedule: \"99\" is not"),
        (json!({"events": {"1 BOOT": 1}}), "/events/1 BOOT: expected true or false"),
        (json!({"precondition": "A ="}), "/precondition: "),
        (json!({"precondition": {"$nor": []}}), "/precondition: "),
        (json!({"configurations": {}}), "/configurations: expected an array"),
        (json!({"configurations": [{"type": "x"}]}), "/configurations/0/type: expected provision"),
        (
            json!({"configurations": [{"type": "add_object", "name": "A", "object": "o"}]}),
            "/configurations/0/object: there is no object \"o\"",
        ),
    ] {
        let error = Preset::from_json("p", &json, &Objects::new()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{json}: {error}");
    }
}
