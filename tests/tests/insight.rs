//! Why did that happen, or nothing? What the server shows of sessions, and of what it has learnt of
//! a product.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use drover_tests::cpe::{Cpe, OUI, PRODUCT_CLASS, agree, fault};
use drover_tests::nbi;
use drover_tests::process::run;
use drover_tests::programs;
use drover_tests::server::{Options, Server};
use drover_tests::xml::Element;
use serde_json::{Value as Json, json};

const GOOD: &str = "Device.X.Good";
const BAD: &str = "Device.X.Bad";
const FIXED: &str = "Device.X.Fixed";
const VERSION: (&str, &str) = ("Device.DeviceInfo.SoftwareVersion", "V1");

/// A device that cannot have everything that is wanted of it.
#[derive(Debug, Default)]
struct Choosy {
    /// What it was asked for.
    calls: Vec<String>,
    /// What it was set to.
    set: Vec<(String, String)>,
}

impl Choosy {
    fn answer(&mut self, request: &Element) -> String {
        self.calls.push(request.name.clone());
        match request.name.as_str() {
            "GetParameterNames" => names(request.text_of("ParameterPath")),
            "SetParameterValues" => {
                let values = request
                    .all("ParameterValueStruct")
                    .into_iter()
                    .map(|it| (it.text_of("Name").to_owned(), it.text_of("Value").to_owned()));
                let values: Vec<_> = values.collect();
                if values.iter().any(|(name, _)| name == BAD) {
                    return fault(9007);
                }
                self.set.extend(values);
                agree(request)
            }
            _ => agree(request),
        }
    }
}

/// What lies below a path. It can all be written but one.
fn names(path: &str) -> String {
    let all = ["Device.", "Device.DeviceInfo.", VERSION.0, "Device.X.", GOOD, BAD, FIXED];
    let below: Vec<&str> =
        all.into_iter().filter(|name| name.starts_with(path) && *name != path).collect();
    let items = below.iter().map(|name| {
        let writable = u8::from([GOOD, BAD].contains(name));
        format!(
            "<ParameterInfoStruct><Name>{name}</Name><Writable>{writable}</Writable>\
             </ParameterInfoStruct>"
        )
    });
    format!(
        "<cwmp:GetParameterNamesResponse><ParameterList \
         soap-enc:arrayType=\"cwmp:ParameterInfoStruct[{}]\">{}</ParameterList>\
         </cwmp:GetParameterNamesResponse>",
        below.len(),
        items.collect::<String>()
    )
}

fn put(server: &Server, target: &str, body: &str) {
    let answer = server.nbi.send(&format!("PUT /{target}"), body);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
}

fn get(server: &Server, target: &str) -> Json {
    let answer = server.nbi.send(&format!("GET /{target}"), "");
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// A session, and what the server has on record of it.
fn session(server: &Server, device: &Cpe, choosy: &mut Choosy) -> Json {
    choosy.calls.clear();
    device.hold("2 PERIODIC", &[VERSION], |request| choosy.answer(request)).expect("a session");
    get(server, &format!("devices/{}/sessions?limit=1", nbi::encode(&device.id())))[0].clone()
}

/// What the command shows.
fn admin(data: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(programs::ours("drover"));
    command.arg("admin").arg("--data").arg(data).args(arguments);
    let ended = run(&mut command, Duration::from_secs(60));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}: {ended:?}");
    ended.stdout
}

#[test]
fn what_devices_refuse_is_set_aside_remembered_shown_and_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let serve = || Server::start_with(Options { data: Some(data.clone()), ..Options::default() });
    let server = serve();
    let script = format!(
        "declare('{GOOD}', null, {{value: 'new'}});\ndeclare('{BAD}', null, {{value: 'wrong'}});\n\
         declare('{FIXED}', null, {{value: 'else'}});\nlog('wanted');"
    );
    put(&server, "provisions/want", &script);
    let configurations = json!([{"type": "provision", "name": "want"}]);
    put(&server, "presets/want", &json!({"configurations": configurations}).to_string());
    let other = json!({"configurations": configurations, "precondition": "Tags.other"});
    put(&server, "presets/other", &other.to_string());
    let device = Cpe::new(server.cwmp, "1");
    let mut choosy = Choosy::default();
    let first = session(&server, &device, &mut choosy);
    assert_eq!(choosy.set, [(GOOD.to_owned(), "new".to_owned())], "{first:#}");
    assert_eq!(server.nbi.find("faults", &json!({})), Vec::<Json>::new());

    let names: Vec<&str> = first["rpcs"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert_eq!(names[0], "Inform");
    assert_eq!(names[1..], choosy.calls, "every call that the device has seen");
    let nothing = first["nothing"].as_array().expect("a list");
    let reason = |path: &str, reason: &str| json!({"path": path, "reason": reason});
    let refused = reason(BAD, "the device refuses it (fault 9007)");
    assert!(nothing.contains(&refused), "{first:#}");
    assert!(nothing.contains(&reason(FIXED, "not writable")), "{first:#}");
    let unknown = "its precondition is NULL: something that it names is not known";
    assert_eq!(first["idle"], json!([{"preset": "other", "reason": unknown}]));
    let tells = |kind: &str, text: &str| {
        let mut entries = first["entries"].as_array().expect("a list").iter();
        entries.any(|it| it["kind"] == kind && it["text"].to_string().contains(text))
    };
    assert!(tells("logged", "wanted") && tells("failed", BAD), "{first:#}");

    let known = get(&server, "knowledge");
    let product = format!("{OUI}-{PRODUCT_CLASS}");
    assert_eq!(known[0]["product"], product.as_str());
    assert_eq!(known[0]["firmware"], VERSION.1, "{known:#}");
    assert_eq!(known[0]["refused"], json!([{"path": BAD, "code": 9007, "values": 1}]));
    assert!(known[0]["since"].as_str() < known[0]["until"].as_str(), "{known:#}");
    assert!(!known.to_string().contains("wrong"), "a refused value is not told");

    // Nothing is tried in vain: neither with this device nor with its like.
    let again = session(&server, &device, &mut choosy);
    assert!(!choosy.calls.contains(&"SetParameterValues".to_owned()), "{again:#}");
    assert!(again["nothing"].as_array().is_some_and(|it| it.contains(&refused)), "{again:#}");
    let mut other = Choosy::default();
    session(&server, &Cpe::new(server.cwmp, "2"), &mut other);
    let sets = other.calls.iter().filter(|name| *name == "SetParameterValues").count();
    assert_eq!((sets, other.set), (1, choosy.set.clone()));

    // The same of the stopped server, for people.
    server.process.signal("TERM");
    assert_eq!(server.process.wait(Duration::from_secs(60)).code, Some(0));
    let listed = admin(&data, &["knowledge", "list"]);
    assert!(listed.starts_with(&format!("{product}  V1  since 20")), "{listed}");
    let line = format!("  refuses a value of {BAD} (fault 9007)");
    assert!(listed.lines().any(|it| it == line) && !listed.contains("wrong"), "{listed}");
    let shown = admin(&data, &["sessions", &device.id(), "--last", "9"]);
    let heads =
        shown.lines().filter(|line| line.contains("complete") && line.contains("2 PERIODIC"));
    assert_eq!(heads.count(), 2, "{shown}");
    for text in [
        "received Inform\n".to_owned(),
        "sent     SetParameterValues\n".to_owned(),
        "received Fault 9007\n".to_owned(),
        format!("nothing  {FIXED}: not writable"),
        format!("idle     preset other: {unknown}"),
    ] {
        assert!(shown.contains(&text), "no {text:?} in:\n{shown}");
    }
    assert!(!shown.contains("<cwmp:"), "{shown}");
    let whole = admin(&data, &["sessions", &device.id(), "--messages"]);
    assert!(whole.contains("<cwmp:Inform>") && whole.matches("2 PERIODIC  ").count() <= 1);

    // Once forgotten, it is tried again.
    assert_eq!(admin(&data, &["knowledge", "forget", &product, "--firmware", "V1"]), "");
    assert_eq!(admin(&data, &["knowledge", "list"]), "");
    let server = serve();
    let device = Cpe { server: server.cwmp, ..device };
    session(&server, &device, &mut choosy);
    assert!(choosy.calls.contains(&"SetParameterValues".to_owned()), "{:?}", choosy.calls);
    let forget = |status| {
        let answer = server.nbi.send(&format!("DELETE /knowledge/{product}"), "");
        assert_eq!(answer.status, status, "{}", answer.text());
    };
    forget(200);
    forget(404);
    assert_eq!(get(&server, "knowledge"), json!([]));
}
