//! Presets and scripts of `drover serve`: from a folder, and from the northbound API.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use drover_tests::nbi::{self, Nbi};
use drover_tests::process::run;
use drover_tests::programs;
use drover_tests::server::{Options, Server};
use drover_tests::wait;
use serde_json::{Value as Json, json};

/// Writes a file, in its folder.
fn write(root: &Path, name: &str, text: &str) {
    let file = root.join(name);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, text).expect("written");
}

fn serve(rules: Option<&Path>, data: &Path) -> Server {
    let config = rules.map(|rules| format!("rules = {rules:?}\n")).unwrap_or_default();
    let data = Some(data.to_owned());
    Server::start_with(Options { data, ..Options::with_config(&config) })
}

/// The script that counts under a name.
fn script(server: &Server, name: &str) -> Option<String> {
    let found = server.nbi.find("provisions", &json!({ "_id": name })).pop()?;
    Some(found["script"].as_str()?.to_owned())
}

fn wait_for_script(server: &Server, name: &str, text: Option<&str>) {
    let what = format!("the provision {name:?} to be {text:?}");
    wait::until(&what, || (script(server, name).as_deref() == text).then_some(()));
}

fn put(server: &Server, target: &str, body: &str) -> u16 {
    server.nbi.send(&format!("PUT /{target}"), body).status
}

#[test]
fn rules_of_a_folder_follow_their_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules");
    write(&rules, "provisions/a.js", "// first");
    write(&rules, "virtual_parameters/v.js", "return {value: 1};");
    write(&rules, "presets/p.json", "{\"weight\": 1}");
    write(&rules, "objects/o.json", "{\"Name\": \"x\"}");
    let server = serve(Some(&rules), &folder.path().join("data"));
    let one = |collection: &str| server.nbi.find(collection, &json!({}));
    assert_eq!(one("presets"), [json!({"_id": "p", "weight": 1})]);
    assert_eq!(one("virtual_parameters"), [json!({"_id": "v", "script": "return {value: 1};"})]);
    assert_eq!(one("objects"), [json!({"_id": "o", "Name": "x"})]);
    write(&rules, "provisions/a.js", "// second");
    wait_for_script(&server, "a", Some("// second"));
    write(&rules, "provisions/a.js", "\n)");
    server.process.wait_for_log(&["WARN", "provisions/a.js:2: SyntaxError"]);
    wait_for_script(&server, "a", Some("// second"));
    assert_eq!(put(&server, "provisions/a", "// mine"), 409);
    // As editors save: another file is put in its place.
    write(&rules, "provisions/.a.js.new", "// third");
    fs::rename(rules.join("provisions/.a.js.new"), rules.join("provisions/a.js")).expect("moved");
    wait_for_script(&server, "a", Some("// third"));
    fs::remove_file(rules.join("provisions/a.js")).expect("removed");
    wait_for_script(&server, "a", None);
    assert_eq!(put(&server, "provisions/a", "// mine"), 200);
}

#[test]
fn rules_of_the_api_outlive_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = serve(None, &data);
    assert_eq!(put(&server, "provisions/a", "// kept"), 200);
    assert_eq!(put(&server, "provisions/a", "("), 400);
    assert_eq!(put(&server, "presets/p", "{\"weight\": 1}"), 200);
    assert_eq!(put(&server, "presets/gone", "{}"), 200);
    assert_eq!(put(&server, "config/cwmp.retryDelay", "60"), 200);
    assert_eq!(server.nbi.send("DELETE /presets/gone", "").status, 200);
    server.process.kill();
    let server = serve(None, &data);
    let all = |collection: &str| -> Vec<Json> { server.nbi.find(collection, &json!({})) };
    assert_eq!(all("provisions"), [json!({"_id": "a", "script": "// kept"})]);
    assert_eq!(all("presets"), [json!({"_id": "p", "weight": 1})]);
    assert_eq!(all("config"), [json!({"_id": "cwmp.retryDelay", "value": "60"})]);
}

/// The device that [`visit`] sends.
const DEVICE: &str = "02D20F-Simulated-SIM0000000001";

/// A simulated device holds two sessions, which must go well.
fn visit(server: &Server) {
    let mut command = Command::new(programs::ours("drover"));
    command.args(["simulate", "--devices", "1", "--params", "60", "--acs-url", &server.url()]);
    let ended = run(&mut command, Duration::from_secs(60));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// The fault of a channel of the device.
fn fault(nbi: Nbi, channel: &str) -> Option<Json> {
    nbi.find("faults", &json!({ "_id": format!("{DEVICE}:{channel}") })).pop()
}

fn tags(nbi: Nbi) -> Json {
    nbi.device(DEVICE).expect("the device")["_tags"].clone()
}

fn preset(name: &str, arguments: &Json) -> String {
    let provision = json!({"type": "provision", "name": name, "args": arguments});
    json!({"channel": name, "configurations": [provision]}).to_string()
}

#[test]
fn rules_act_on_a_device_that_visits() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules");
    let interval = "Device.ManagementServer.PeriodicInformInterval";
    let good = format!(
        "declare({interval:?}, {{value: 1}}, {{value: args[0]}});\n\
         declare('Tags.' + args[1], null, {{value: true}});\n\
         declare('VirtualParameters.doubled', {{value: Date.now()}});"
    );
    let doubled = format!(
        "const value = declare({interval:?}, {{value: 1}}).value[0];\n\
         return {{writable: false, value: [value * 2, 'xsd:unsignedInt']}};"
    );
    write(&rules, "provisions/good.js", &good);
    write(&rules, "virtual_parameters/doubled.js", &doubled);
    write(&rules, "presets/good.json", &preset("good", &json!([1234, "seen"])));
    write(&rules, "provisions/bad.js", "declare('Tags.bad', null, {value: true});\nnull.x;");
    write(&rules, "presets/bad.json", &preset("bad", &json!([])));
    let server = serve(Some(&rules), &folder.path().join("data"));
    assert_eq!(put(&server, "provisions/loop", "while (true) {}"), 200);
    assert_eq!(put(&server, "presets/loop", &preset("loop", &json!([]))), 200);
    assert_eq!(put(&server, "provisions/asks", "ext('file', 'function')"), 200);
    assert_eq!(put(&server, "presets/asks", &preset("asks", &json!(["x"]))), 200);
    visit(&server);

    assert_eq!(server.nbi.value(DEVICE, interval), Some(json!(1234)));
    assert_eq!(server.nbi.value(DEVICE, "VirtualParameters.doubled"), Some(json!(2468)));
    assert_eq!(tags(server.nbi), json!(["seen"]), "what failed is not half done");
    assert_eq!(fault(server.nbi, "good"), None);
    let bad = fault(server.nbi, "bad").expect("a fault");
    assert_eq!((&bad["code"], &bad["channel"]), (&json!("script.TypeError"), &json!("bad")));
    assert_eq!((&bad["device"], &bad["retries"]), (&json!(DEVICE), &json!(0)));
    assert_eq!(bad["provisions"], json!("[[\"bad\"]]"));
    let stack = bad["detail"]["stack"].as_str().expect("a stack");
    assert!(stack.contains("bad:2"), "{stack}");
    let endless = fault(server.nbi, "loop").expect("a fault");
    assert!(endless["message"].as_str().expect("a text").contains("timed out"), "{endless}");
    let asks = fault(server.nbi, "asks").expect("a fault");
    assert_eq!(asks["message"], json!("extensions are not configured"));
    assert_eq!(asks["provisions"], json!("[[\"asks\",\"x\"]]"));
    let all = server.nbi.send("HEAD /faults", "");
    assert_eq!(all.header("total"), Some("3"));

    // Mended, the script runs once its channel is free.
    write(&rules, "provisions/bad.js", "declare('Tags.mended', null, {value: true});");
    wait_for_script(&server, "bad", Some("declare('Tags.mended', null, {value: true});"));
    visit(&server);
    assert_eq!(tags(server.nbi), json!(["seen"]), "the channel is blocked");
    let target = format!("DELETE /faults/{}", nbi::encode(&format!("{DEVICE}:bad")));
    assert_eq!(server.nbi.send(&target, "").status, 200);
    assert_eq!(fault(server.nbi, "bad"), None);
    visit(&server);
    let mut tags = tags(server.nbi).as_array().cloned().expect("a list");
    tags.sort_by_key(ToString::to_string);
    assert_eq!(tags, [json!("mended"), json!("seen")]);
    assert_eq!(fault(server.nbi, "bad"), None);
    assert!(fault(server.nbi, "loop").is_some());
}
