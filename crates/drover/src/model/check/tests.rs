use std::fs;

use super::*;

/// What the command prints of a tree, and how it ends.
fn check(rows: &str, arguments: &[&str]) -> (String, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tree.csv");
    fs::write(&file, format!("path,writable,value,type\n{rows}")).unwrap();
    let arguments = parsed(&[&[file.to_str().unwrap()], arguments].concat());
    let result = || -> Result<(String, Result<(), Failure>), Failure> {
        let tree = load::tree(&arguments.tree)?;
        let schemas = load::schemas(&arguments.models, &arguments.include.folders, &tree)?;
        let earlier = load::earlier(&schemas);
        let models = load::models(&schemas, &earlier);
        let report = check_tree(&models, &tree);
        let judgement = Judgement::new(&models, &report, &arguments.profiles, &tree)?;
        if arguments.json {
            return Ok((json(&report, &judgement).to_string(), outcome(&report, &judgement)));
        }
        let pipe = Terminal::pipe();
        let text = text::report(&report, arguments.verbose, pipe)
            + &text::profiles(&judgement, arguments.verbose, pipe);
        Ok((text, outcome(&report, &judgement)))
    };
    match result() {
        Ok((text, end)) => (text, end.map_err(message)),
        Err(failure) => (String::new(), Err(message(failure))),
    }
}

fn message(failure: Failure) -> String {
    match failure {
        Failure::Usage(text) => format!("usage: {text}"),
        Failure::Failed(text) => text,
    }
}

fn parsed(arguments: &[&str]) -> Arguments {
    #[derive(clap::Parser)]
    struct Outer {
        #[command(flatten)]
        arguments: Arguments,
    }
    let all = std::iter::once("check").chain(arguments.iter().copied());
    <Outer as clap::Parser>::try_parse_from(all).unwrap().arguments
}

const GOOD: &str = "\
    Device.,false,,\n\
    Device.UserInterface.,false,,\n\
    Device.UserInterface.PasswordRequired,true,true,xsd:boolean\n\
    Device.X_A_B.,false,,\n";

#[test]
fn a_tree_without_errors_passes() {
    let (text, end) = check(GOOD, &[]);
    assert_eq!(end, Ok(()));
    assert_eq!(
        text,
        "note: of the vendor's own: 1\n\
         Device:2.19: 4 rows, 3 known, 1 vendor, 0 unknown, 0 errors, 0 warnings, 1 note\n"
    );
    let (text, _) = check(GOOD, &["--verbose"]);
    assert!(text.contains("\n    5: Device.X_A_B.: the vendor's own\n"), "{text}");
}

#[test]
fn examples_and_everything() {
    let bad = |name: char| format!("Device.{name},false,,\n");
    let rows: String = GOOD.to_owned() + &"ABCDE".chars().map(bad).collect::<String>();
    let (text, end) = check(&rows, &["--model", "Device:2.11"]);
    assert_eq!(end, Err("5 errors".to_owned()));
    let expected = "error: not in the model: 5\n    6: Device.A: the model has no such parameter\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\n    and 2 more\n") && !text.contains("Device.D"), "{text}");
    assert!(text.contains("Device:2.11: 9 rows"), "{text}");
    let (text, _) = check(&rows, &["--verbose"]);
    assert!(text.contains("Device.E") && !text.contains("more"), "{text}");
}

#[test]
fn profiles_decide_the_end() {
    let name = "GatewayInfo:1";
    let (text, end) = check(GOOD, &["--profile", name]);
    assert_eq!(end, Err(format!("not met: {name}")));
    let expected = "profile GatewayInfo:1 of Device:2.19: not met: 0 satisfied, 4 missing, \
        0 not writable, 0 undetermined\n    \
        missing: Device.GatewayInfo. (present): the object is not there\n";
    assert!(text.contains(expected), "{text}");
    let gateway = "Device.GatewayInfo.ManufacturerOUI,false,,xsd:string\n\
        Device.GatewayInfo.ProductClass,false,,xsd:string\n\
        Device.GatewayInfo.SerialNumber,false,,xsd:string\n";
    let (text, end) = check(gateway, &["--profile", "Device/GatewayInfo:1", "--profile", "all"]);
    assert_eq!(end, Ok(()), "{text}");
    assert!(text.contains("GatewayInfo:1 of Device:2.19: met: 4 satisfied, 0 missing"), "{text}");
    assert!(text.contains("profiles of Device:2.19 that are met: 1\n    GatewayInfo:1"), "{text}");
}

#[test]
fn what_is_unknown_is_named() {
    let end = |arguments: &[&str]| check(GOOD, arguments).1.unwrap_err();
    assert!(end(&["--profile", "gatewayinfo:1"]).ends_with("did you mean GatewayInfo:1?"));
    assert!(end(&["--profile", "Xyzzy:1"]).ends_with("--profile all says which are met"));
    assert!(end(&["--profile", "Lamp/Baseline:1"]).ends_with("is in use; there is Device:2.19"));
    assert!(end(&["--model", "Device:2.99"]).contains("Device:2.19"));
    let (text, _) = check("Device.X_A_B,false,,", &[]);
    assert!(text.contains("Device:2.19: 1 row, 0 known, 1 vendor"), "{text}");
    let (_, end) = check("Toaster.A,false,,", &[]);
    assert!(end.unwrap_err().starts_with("there is no shipped model of the root \"Toaster\""));
    assert!(check("", &[]).1.unwrap_err().ends_with("tree.csv has no rows"));
    assert!(check("Device.A", &[]).1.unwrap_err().contains("tree.csv: line 2: "));
}

#[test]
fn json_has_everything() {
    let rows = format!("{GOOD}Device.A,false,,\n");
    let (text, end) = check(&rows, &["--json", "--profile", "Baseline:1", "--profile", "all"]);
    assert_eq!(end, Err("1 error; not met: Baseline:1".to_owned()));
    let value: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(value["models"], json!(["Device:2.19"]));
    assert_eq!((&value["rows"], &value["errors"]), (&json!(5), &json!(1)));
    let expected = json!({
        "line": 6,
        "path": "Device.A",
        "kind": "unknown",
        "severity": "error",
        "message": "the model has no such parameter",
    });
    assert_eq!(value["findings"][1], expected);
    assert_eq!(value["profiles"][0]["is_met"], json!(false));
    assert_eq!(value["profiles_met"][0]["profiles"], json!([]));
}
