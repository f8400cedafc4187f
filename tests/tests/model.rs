//! `drover model`: what it prints for people and for programs, and what it refuses.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drover_tests::process::{Ended, run};
use drover_tests::programs;
use serde_json::Value as Json;

/// How long one call may take.
const END: Duration = Duration::from_secs(60);

/// The contract of `drover model stats`; the numbers are those of section 1 of the rules.
const STATS: &str = "\
Device:2.19 873 444 7343 243
Device:2.11 472 225 3926 182
Device:2.3 257 118 2158 103
Device:2.2 254 116 2125 103
Device:1.14 120 47 848 66
InternetGatewayDevice:1.14 192 91 1801 92
VoiceService:2.0 113 56 849 21
VoiceService:1.1 43 18 350 5
STBService:1.4 99 32 519 36
StorageService:1.3 19 9 126 15
FAPService:2.1 245 55 1734 71";

fn model(arguments: &[&str]) -> Ended {
    let mut command = Command::new(programs::ours("drover"));
    run(command.arg("model").args(arguments), END)
}

/// Standard output of a call that succeeds.
#[track_caller]
fn shown(arguments: &[&str]) -> String {
    let ended = model(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    assert!(!ended.stdout.contains('\u{1b}'), "colours in a pipe: {}", ended.stdout);
    ended.stdout
}

#[track_caller]
fn json(arguments: &[&str]) -> Json {
    let text = shown(&[arguments, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// Checks the exit code, and that standard error names all the parts; returns standard error.
#[track_caller]
fn complaint(arguments: &[&str], code: i32, parts: &[&str]) -> String {
    let ended = model(arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "{part:?} is not named: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    ended.stderr
}

#[track_caller]
fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}

/// A document with one model, whose object holds `content`.
fn document(content: &str) -> String {
    format!(
        "<dm:document xmlns:dm=\"urn:broadband-forum-org:cwmp:datamodel-1-15\"\n\
           spec=\"urn:example-com:lamp-1-0\">\n\
           <model name=\"Lamp:1.0\">\n\
           <object name=\"Lamp.\" access=\"readOnly\" minEntries=\"1\" maxEntries=\"1\">\n\
           {content}\n\
           </object></model></dm:document>\n"
    )
}

const SWITCH: &str = "<parameter name=\"On\" access=\"readWrite\">\
     <description>Whether it shines if {{param|Power}} is there.</description>\
     <syntax><boolean/></syntax></parameter>";

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).expect("written");
    text(&path).to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("listed").flatten();
    let mut names: Vec<_> =
        entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn dm_02_stats_of_the_shipped_models_are_exact() {
    assert_eq!(shown(&["stats"]), STATS);
    assert_eq!(shown(&["stats", "Device:2.19"]), STATS.lines().next().expect("one"));
    let values = json(&["stats", "StorageService:1.3"]);
    assert_eq!(values[0]["parameters"], 126);
    let models = programs::workspace().join("models/Device-2.19.model");
    assert_eq!(shown(&["stats", text(&models)]), STATS.lines().next().expect("one"));
}

#[test]
fn list_names_shipped_models_and_those_of_a_folder() {
    let lines = shown(&["list"]);
    let expected = "Device:2.19\t873\t444\t7343\t243\ttr-181-2-19-1-cwmp.xml\t\
                    urn:broadband-forum-org:tr-181-2-19-1-cwmp";
    assert_eq!(lines.lines().next(), Some(expected));
    assert_eq!(lines.lines().count(), STATS.lines().count());

    let models = programs::workspace().join("models");
    let values = json(&["list", "--models", text(&models)]);
    let values = values.as_array().expect("an array");
    assert_eq!(values.len(), 2 * STATS.lines().count());
    assert!(values.iter().filter(|it| it["is_shipped"] == false).count() == values.len() / 2);

    let folder = tempfile::tempdir().expect("a folder");
    file(folder.path(), "bad.model", "nonsense");
    complaint(&["list", "--models", text(folder.path())], 1, &["bad.model", "no compiled schema"]);
    complaint(&["list", "--models", "/nowhere"], 2, &["/nowhere"]);
}

#[test]
fn show_a_table_a_row_and_an_object() {
    let table = shown(&["show", "Device.WiFi.SSID."]);
    assert_holds(&table, &["Device.WiFi.SSID.\n", "Device:2.19", "may add and delete rows"]);
    assert_holds(&table, &["Device.WiFi.SSIDNumberOfEntries", "BSSID", "Stats."]);
    for path in ["Device.WiFi.SSID.1.", "Device.WiFi.SSID.{i}", "Device.WiFi.SSID.[cpe-1]."] {
        let row = shown(&["show", path]);
        assert_holds(&row, &["Device.WiFi.SSID.{i}.\n", "row", "createDelete for WiFiSSID:1"]);
    }
    let object = shown(&["show", "Device.WiFi"]);
    assert_holds(&object, &["Device.WiFi.\n", "Radio.{i}.", "RadioNumberOfEntries"]);
    let value = json(&["show", "Device.WiFi.SSID.*."]);
    assert_eq!(
        (value["kind"].as_str(), value["access"].as_str()),
        (Some("row"), Some("readWrite"))
    );
    assert_eq!(value["enable_parameter"], "Device.WiFi.SSID.{i}.Enable");
    assert_eq!(json(&["show", "Device.WiFi.SSID."])["kind"], "table");
}

#[test]
fn show_a_parameter() {
    let channel = shown(&["show", "Device.WiFi.Radio.1.Channel"]);
    assert_holds(&channel, &["Device.WiFi.Radio.{i}.Channel\n", "unsignedInt", "1 to 255"]);
    assert_holds(&channel, &["read-write", "readWrite for WiFiRadio:1"]);
    let state = shown(&["show", "Device.IP.Diagnostics.IPPing.DiagnosticsState"]);
    assert_holds(&state, &["DiagnosticsState (string)", "Requested\n", "Complete", "read-only"]);
    let value = json(&["show", "Device.WiFi.SSID.1.LowerLayers"]);
    assert_eq!(value["path_ref"]["ref_type"], "strong");
    assert_eq!(value["default"]["type"], "object");
    assert_eq!(value["wire_type"], "string");
}

#[test]
fn show_takes_the_newest_model_that_has_the_path() {
    for (path, expected) in [
        ("Device.ManagementServer.URL", "Device:2.19"),
        ("Device.LAN.", "Device:1.14"),
        ("InternetGatewayDevice.LANDevice.1.", "InternetGatewayDevice:1.14"),
        ("Device.Services.VoiceService.1.", "VoiceService:2.0"),
    ] {
        assert_eq!(json(&["show", path])["model"], expected, "{path}");
    }
    let value = json(&["show", "Device.ManagementServer.URL", "--model", "Device:2.2"]);
    assert_eq!(value["model"], "Device:2.2");
}

#[test]
fn show_says_how_far_a_wrong_path_leads() {
    let wrong = "Device.WiFi.Radoi.1.Channel";
    let text = complaint(&["show", wrong], 1, &["\"Radoi\"", "Device.WiFi.", "mean Radio?"]);
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    complaint(&["show", "Lamp.On"], 1, &["\"Lamp\"", "Device, InternetGatewayDevice"]);
    complaint(&["show", "Device.", "--model", "Device:2.99"], 2, &["Device:2.99", "Device:2.19"]);
    complaint(&["show", "Device.", "--model", "none.xml"], 2, &["none.xml"]);
}

#[test]
fn search_finds_items_that_hold_all_words() {
    let lines = shown(&["search", "WiFi", "channel", "--model", "Device:2.2"]);
    let expected = "parameter\tDevice.WiFi.Radio.{i}.Channel\tunsignedInt, read-write";
    assert!(lines.lines().any(|line| line == expected), "{lines}");
    assert_eq!(lines, shown(&["search", "channel", "wifi", "--model", "Device:2.2"]));
    let values = json(&["search", "error_cannotresolvehostname"]);
    assert_eq!(values[0]["kind"], "value");
    assert_eq!(values[0]["value"], "Error_CannotResolveHostName");
    let profiles = shown(&["search", "WiFiRadio:1"]);
    assert!(profiles.starts_with("profile\tWiFiRadio:1\t"), "{profiles}");
    complaint(&["search", "zebra"], 1, &["\"zebra\" is nowhere in Device:2.19"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(programs::ours("drover"))
        .args(["model", "search", "e", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn compile_writes_what_the_other_commands_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = file(folder.path(), "lamp.xml", &document(SWITCH));
    assert_holds(
        &shown(&["compile", &source]),
        &["Lamp:1.0 with 1 object, 1 parameter, 0 profiles"],
    );
    assert_eq!(names(folder.path()), ["lamp.xml"]);

    let output = folder.path().join("models");
    fs::create_dir(&output).expect("a folder");
    let arguments = ["compile", &source, "--with-descriptions", "-o", text(&output)];
    let value = json(&arguments);
    let compiled = output.join("Lamp-1.0.model");
    assert_eq!(value["models"][0]["output"], text(&compiled));
    assert_eq!(value["problems"], Json::Array(vec![]));
    assert_eq!(names(&output), ["Lamp-1.0.model"]);

    assert_eq!(shown(&["stats", text(&compiled)]), "Lamp:1.0 1 0 1 0");
    let switch = shown(&["show", "Lamp.On", "--model", text(&compiled)]);
    assert_holds(&switch, &["Lamp:1.0", "boolean", "Whether it shines if Power is there."]);
    let found = shown(&["search", "shines", "--model", &source]);
    assert_eq!(found, "parameter\tLamp.On\tboolean, read-write");
    assert_eq!(shown(&["diff", &source, text(&compiled)]), "");

    let exact = folder.path().join("exact");
    shown(&["compile", &source, "-o", text(&exact)]);
    assert!(exact.is_file());
}

#[test]
fn compile_says_where_a_document_is_wrong_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = file(folder.path(), "good.xml", &document(SWITCH));
    let output = tempfile::tempdir().expect("a folder");
    let compile = |source: &str, parts: &[&str]| {
        let arguments = ["compile", &good, source, "-o", text(output.path())];
        complaint(&arguments, 1, &[parts, &["nothing was written"]].concat());
        assert_eq!(names(output.path()), [""; 0]);
    };
    let malformed = document(SWITCH).replace("</model>", "</mode>");
    let source = file(folder.path(), "malformed.xml", &malformed);
    compile(&source, &[&format!("{source}:6: ")]);
    let import = "<import file=\"none.xml\" spec=\"urn:x:none\"><dataType name=\"T\"/></import>\n";
    let lacking = document(SWITCH).replace("<model", &format!("{import}<model"));
    let source = file(folder.path(), "lacking.xml", &lacking);
    compile(&source, &[&format!("{source}:3: none.xml: ")]);
    let source = file(folder.path(), "empty.xml", "");
    compile(&source, &[&source]);
    complaint(&["compile", "/nowhere/x.xml"], 1, &["/nowhere/x.xml"]);
    complaint(&["compile", &good, "-I", "/nowhere"], 2, &["/nowhere"]);
    complaint(&["compile", &good, "-o", "/nowhere/x.model"], 1, &["/nowhere/x.model"]);
}

#[test]
fn compile_refuses_a_huge_file_quickly() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("huge.xml");
    let huge = File::create(&path).expect("a file");
    huge.set_len(100 * 1024 * 1024).expect("a hole");
    let start = Instant::now();
    complaint(&["compile", text(&path)], 1, &["huge.xml:1: ", "larger than 32 MiB"]);
    complaint(&["stats", text(&path)], 1, &["huge.xml:1: ", "larger than 32 MiB"]);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn compile_is_lenient_on_request_and_says_what_it_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = "<parameter name=\"Bad\" access=\"readWrite\"><syntax>\
                 <string><size minLength=\"many\"/></string></syntax></parameter>";
    let content = format!("{SWITCH}\n{wrong}");
    let source = file(folder.path(), "lamp.xml", &document(&content));
    let place = format!("{source}:6: Lamp.Bad: ");
    complaint(&["compile", &source], 1, &[&place, "minLength"]);
    let ended = model(&["compile", &source, "--lenient"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_holds(&ended.stderr, &[&place, "minLength", "1 thing left out"]);
    assert_holds(&ended.stdout, &["Lamp:1.0"]);
}

#[test]
fn compile_counts_warnings_or_says_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = SWITCH.replace("<boolean/>", "<boolean/><default type=\"object\" value=\"x\"/>");
    let source = file(folder.path(), "lamp.xml", &document(&switch));
    let count = complaint(&["compile", &source], 0, &["1 warning; --verbose"]);
    assert_eq!(count.lines().count(), 1, "{count}");
    let place = format!("{source}:5: Lamp.On: warning: the default");
    complaint(&["compile", &source, "--verbose"], 0, &[&place]);
    let value = json(&["compile", &source]);
    assert_eq!(value["problems"][0]["severity"], "warning");
    assert_eq!(value["problems"][0]["line"], 5);
}

#[test]
fn diff_of_two_versions() {
    let ended = model(&["diff", "Device:2.2", "Device:2.3"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let added = "+ Device.DeviceInfo.SupportedDataModel.{i}.Alias";
    assert!(ended.stdout.lines().any(|line| line == added), "{}", ended.stdout);
    assert_holds(&ended.stderr, &["only in Device:2.2", "only in Device:2.3"]);
    let equal = model(&["diff", "Device:2.2", "Device:2.2"]);
    assert_eq!((equal.code, &*equal.stdout, &*equal.stderr), (Some(0), "", ""));
    let ended = model(&["diff", "Device:2.2", "Device:2.3", "--json"]);
    let values: Json = serde_json::from_str(&ended.stdout).expect("JSON");
    let kinds: Vec<_> = values.as_array().expect("an array").iter().map(|it| &it["kind"]).collect();
    assert!(kinds.iter().any(|kind| **kind == "added"), "{kinds:?}");
    assert_eq!(json(&["diff", "Device:2.2", "Device:2.2"]), Json::Array(vec![]));
}

#[test]
fn diff_finds_nothing_between_a_document_and_its_expanded_form() {
    let Some(folder) = programs::shared("data-models") else { return };
    for name in ["tr-104-2-0-2-cwmp", "tr-135-1-4-1-cwmp", "tr-140-1-3-1-cwmp"] {
        let source = folder.join(format!("{name}.xml"));
        let expanded = folder.join(format!("{name}-full.xml"));
        assert_eq!(shown(&["diff", text(&source), text(&expanded)]), "", "{name}");
    }
}

#[test]
fn what_is_shipped_is_what_compile_writes() {
    let Some(folder) = programs::shared("data-models") else { return };
    let listed = json(&["list"]);
    let sources: Vec<String> = listed
        .as_array()
        .expect("an array")
        .iter()
        .map(|it| text(&folder.join(it["source"].as_str().expect("text"))).to_owned())
        .collect();
    let output = tempfile::tempdir().expect("a folder");
    let mut arguments = vec!["compile", "-o", text(output.path())];
    arguments.extend(sources.iter().map(String::as_str));
    shown(&arguments);
    let models = programs::workspace().join("models");
    assert_eq!(names(output.path()), names(&models));
    for name in names(output.path()) {
        let read = |folder: &Path| fs::read(folder.join(&name)).expect("read");
        assert!(read(output.path()) == read(&models), "{name} is out of date: cargo xtask model");
    }
}

#[test]
fn a_document_is_used_without_being_compiled_first() {
    let Some(folder) = programs::shared("data-models") else { return };
    let source = folder.join("tr-140-1-3-1-cwmp.xml");
    assert_eq!(shown(&["stats", text(&source)]), "StorageService:1.3 19 9 126 15");
    // Alone in a folder, it finds what it imports by --include only.
    let alone = tempfile::tempdir().expect("a folder");
    let copy = alone.path().join("tr-140-1-3-1-cwmp.xml");
    fs::copy(&source, &copy).expect("copied");
    complaint(&["stats", text(&copy)], 1, &["tr-140-1-3-1-cwmp.xml:", "no such file"]);
    let line = shown(&["stats", text(&copy), "-I", text(&folder)]);
    assert_eq!(line, "StorageService:1.3 19 9 126 15");
}
