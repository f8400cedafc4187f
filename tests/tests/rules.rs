//! Presets and scripts of `drover serve`: from a folder, and from the northbound API.

use std::fs;
use std::path::Path;

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
