//! Bad input: one line that names it and says what to do, and the right exit or status code.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use drover_tests::cpe::{Cpe, agree, fault};
use drover_tests::http;
use drover_tests::process::{Ended, run};
use drover_tests::programs;
use drover_tests::server::Server;
use drover_tests::xml::Element;
use serde_json::{Value as Json, json};

/// How long a program may take to say that it cannot start.
const END: Duration = Duration::from_secs(20);

fn drover(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(programs::ours("drover"));
    command.args(arguments).env("DROVER_LOG", "off").envs(environment.iter().copied());
    run(&mut command, END)
}

fn agent(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(programs::ours("drover-agent"));
    command.args(arguments).env("DROVER_LOG__LEVEL", "off").envs(environment.iter().copied());
    run(&mut command, END)
}

/// Checks the exit code, that standard error is one line, and that it names all the parts.
#[track_caller]
fn assert_complains(ended: &Ended, code: i32, parts: &[&str]) {
    let Ended { stderr, .. } = ended;
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(stderr.trim().lines().count(), 1, "not one line: {stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is not named: {stderr}");
    }
    assert!(!stderr.contains("panicked") && ended.stdout.is_empty(), "{ended:?}");
}

/// A configuration file in a folder of its own.
fn with_config(text: &str, check: impl FnOnce(&str, &Path)) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.toml");
    fs::write(&file, text).expect("written");
    check(file.to_str().expect("text"), folder.path());
}

#[test]
fn cli_server_names_the_bad_key_with_file_and_line() {
    let cases = [
        ("colour = 1", "bad.toml:1", "colour"),
        ("[cwmp]\n\nport = 7547", "bad.toml:3", "port"),
        ("[cwmp]\nlisten = [\"127.0.0.1:99999\"]", "bad.toml:2", "listen"),
        ("[cwmp]\nlisten = 7547", "bad.toml:2", "listen"),
        ("[cwmp\n", "bad.toml:1", "bad.toml"),
        ("[nbi]\nlisten = \"0.0.0.0:7557\"", "nbi.listen", "loopback"),
        ("[cwmp]\nsession_timeout_seconds = 1", "session_timeout_seconds", "30"),
        ("[[cwmp.auth.onboarding]]\npassword = \"\"", "cwmp.auth.onboarding", "guesses"),
        (
            "[cwmp.auth]\nmode = \"basic\"\n[[cwmp.auth.users]]\nusername=\"u\"\npassword=\"p\"",
            "cwmp.auth.mode",
            "allow_basic_without_tls",
        ),
    ];
    for (text, place, name) in cases {
        with_config(text, |file, _| {
            for more in [&["--check-config"][..], &[]] {
                let ended = drover(&[&["serve", "--config", file], more].concat(), &[]);
                assert_complains(&ended, 2, &[place, name]);
            }
        });
    }
}

#[test]
fn cli_server_accepts_what_is_right() {
    with_config("[cwmp]\nlisten = [\"127.0.0.1:0\"]\n", |file, _| {
        let ended = drover(&["serve", "--config", file, "--check-config"], &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("127.0.0.1:0"), "{ended:?}");
    });
}

#[test]
fn cli_server_names_the_model_that_cannot_be_used() {
    with_config("[cwmp]\nlisten = [\"127.0.0.1:0\"]\n", |file, folder| {
        let models = folder.join("models");
        fs::create_dir(&models).expect("a folder");
        let text = models.to_str().expect("text");
        let data = folder.join("data");
        let serve = ["serve", "--config", file, "--data", data.to_str().expect("text")];
        let check = [&serve[..], &["--check-config"]].concat();
        let variables = [("DROVER_MODELS__FOLDER", text), NBI];
        let ended = drover(&check, &variables);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(&format!("models   {text}\n")), "{ended:?}");
        fs::write(models.join("lamp.toml"), "\nnonsense = 1\n").expect("written");
        for arguments in [&check[..], &serve] {
            assert_complains(&drover(arguments, &variables), 1, &["lamp.toml:2", "nonsense"]);
        }
    });
}

#[test]
fn cli_server_names_every_rule_that_cannot_be_used() {
    with_config("[cwmp]\nlisten = [\"127.0.0.1:0\"]\n", |file, folder| {
        let rules = folder.join("rules");
        for kind in ["presets", "provisions"] {
            fs::create_dir_all(rules.join(kind)).expect("a folder");
        }
        let text = rules.to_str().expect("text");
        let data = folder.join("data");
        let serve = ["serve", "--config", file, "--data", data.to_str().expect("text")];
        let check = [&serve[..], &["--check-config"]].concat();
        let variables = [("DROVER_RULES", text), NBI];
        fs::write(rules.join("presets/good.json"), "{}").expect("written");
        let ended = drover(&check, &variables);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(&format!("rules    {text}: 1 preset\n")), "{ended:?}");
        fs::write(rules.join("provisions/one.js"), "1;\nlet = ;").expect("written");
        for arguments in [&check[..], &serve] {
            let parts = ["rules: ", "provisions/one.js:2: SyntaxError: "];
            assert_complains(&drover(arguments, &variables), 2, &parts);
        }
        fs::write(rules.join("presets/two.json"), "{\"weight\": []}").expect("written");
        for arguments in [&check[..], &serve] {
            let ended = drover(arguments, &variables);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
            let lines: Vec<&str> = ended.stderr.lines().collect();
            let [first, preset, script] = lines[..] else { panic!("{ended:?}") };
            assert_eq!(first, "drover: rules: 2 files cannot be used");
            assert!(preset.contains("presets/two.json:1: /weight: expected a number"), "{preset}");
            assert!(script.contains("provisions/one.js:2: SyntaxError: "), "{script}");
        }
    });
}

#[test]
fn cli_server_names_bad_variables_and_arguments() {
    let ended = drover(&["serve"], &[("DROVER_CWMP__COLOUR", "1")]);
    assert_complains(&ended, 2, &["DROVER_CWMP__COLOUR"]);
    let ended = drover(&["serve"], &[("DROVER_NBI__LISTEN", "127.0.0.1:99999")]);
    assert_complains(&ended, 2, &["DROVER_NBI__LISTEN"]);
    let ended = drover(&["serve", "--config", "/nowhere/drover.toml"], &[]);
    assert_complains(&ended, 2, &["/nowhere/drover.toml"]);
    for arguments in [&["serve", "--colour"][..], &["sing"], &["demo", "--devices", "many"]] {
        let ended = drover(arguments, &[]);
        assert_complains(&ended, 2, &[arguments.last().expect("one"), "--help"]);
    }
}

#[test]
fn cli_server_names_the_folder_that_cannot_be_used() {
    with_config("", |file, folder| {
        let inside_a_file = format!("{file}/data");
        let listen = [("DROVER_CWMP__LISTEN", "[\"127.0.0.1:0\"]"), NBI];
        let ended = drover(&["serve", "--data", &inside_a_file], &listen);
        assert_complains(&ended, 1, &[&inside_a_file]);
        // A folder whose database is none.
        let data = folder.join("data");
        fs::create_dir(&data).expect("a folder");
        let first = drover_and_stop(&data);
        let entries = fs::read_dir(&data).expect("listed").flatten();
        for entry in entries.filter(|entry| entry.path().is_file()) {
            fs::write(entry.path(), "this is no database, and never was one").expect("written");
        }
        let ended = drover(&["serve", "--data", data.to_str().expect("text")], &listen);
        assert_complains(&ended, 1, &[data.to_str().expect("text")]);
        assert_eq!(first.code, Some(0), "{first:?}");
    });
}

const NBI: (&str, &str) = ("DROVER_NBI__LISTEN", "127.0.0.1:0");

/// Starts a server on a folder and ends it as a user does.
fn drover_and_stop(data: &Path) -> Ended {
    let options = drover_tests::server::Options { data: Some(data.to_owned()), ..<_>::default() };
    let Server { process, .. } = Server::start_with(options);
    process.signal("TERM");
    process.wait(END)
}

#[test]
fn cli_server_names_the_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    with_config("", |_, folder| {
        let data = folder.join("data");
        let data = data.to_str().expect("text");
        let list = format!("[\"{address}\"]");
        let ended = drover(&["serve", "--data", data], &[("DROVER_CWMP__LISTEN", &list), NBI]);
        assert_complains(&ended, 1, &[&address]);
        let cwmp = ("DROVER_CWMP__LISTEN", "[\"127.0.0.1:0\"]");
        let nbi = ("DROVER_NBI__LISTEN", address.as_str());
        let ended = drover(&["serve", "--data", data], &[cwmp, nbi]);
        assert_complains(&ended, 1, &[&address]);
    });
}

#[test]
fn cli_agent_names_what_is_bad() {
    let state = tempfile::tempdir().expect("a folder");
    let folder = state.path().to_str().expect("text");
    let url = ["--acs-url", "http://127.0.0.1:1/", "--state", folder];
    assert_complains(&agent(&["--colour"], &[]), 2, &["--colour"]);
    assert_complains(&agent(&["--config", "/nowhere/a.toml"], &[]), 2, &["/nowhere/a.toml"]);
    let ended = agent(&["--acs-url", "ftp://acs/", "--state", folder], &[]);
    assert_complains(&ended, 2, &["acs.url", "http://"]);
    assert_complains(&agent(&url, &[("DROVER_ACS__COLOUR", "1")]), 2, &["DROVER_ACS__COLOUR"]);
    let port = ("DROVER_CONNECTION_REQUEST__PORT", "99999");
    assert_complains(&agent(&url, &[port]), 2, &["DROVER_CONNECTION_REQUEST__PORT"]);
    with_config("[acs]\n\ncolour = 1", |file, _| {
        assert_complains(&agent(&["--config", file], &[]), 2, &["bad.toml:3", "colour"]);
        let inside = format!("{file}/state");
        let ended = agent(&["--acs-url", "http://127.0.0.1:1/", "--state", &inside], &[]);
        assert_complains(&ended, 1, &[&inside]);
    });
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = taken.local_addr().expect("an address").port().to_string();
    let environment = [
        ("DROVER_CONNECTION_REQUEST__PORT", port.as_str()),
        ("DROVER_CONNECTION_REQUEST__ADDRESS", "127.0.0.1"),
    ];
    assert_complains(&agent(&url, &environment), 1, &[&port]);
    assert_complains(&drover(&["agent", "--colour"], &[]), 2, &["--colour"]);
}

#[test]
fn cli_simulator_names_what_is_bad() {
    let ended = drover(&["simulate", "--acs-url", "ftp://acs/", "--devices", "1"], &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("ftp://acs/"), "{ended:?}");
    let ended = drover(&["simulate", "--acs-url", "http://127.0.0.1:1/", "--devices", "x"], &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    // Nobody listens there.
    let unused = TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("address");
    let url = format!("http://{unused}/");
    let ended = drover(&["simulate", "--acs-url", &url, "--devices", "1"], &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = format!("{}{}", ended.stderr, ended.stdout);
    assert!(told.contains("connect"), "{ended:?}");
}

/// Sends a request to the northbound API; the body of a refusal is one line that names the parts.
#[track_caller]
fn assert_refused(server: &Server, start: &str, body: &str, status: u16, parts: &[&str]) {
    let response = server.nbi.send(start, body);
    let text = response.text();
    assert_eq!(response.status, status, "{start} {body}: {text}");
    assert_eq!(text.trim().lines().count(), 1, "{start} {body}: not one line: {text}");
    for part in parts {
        assert!(text.contains(part), "{start} {body}: {part:?} is not named: {text}");
    }
}

#[test]
fn cli_api_names_what_is_bad() {
    let server = Server::start();
    let cpe = Cpe::new(server.cwmp, "api");
    cpe.hold("1 BOOT", &[("Device.Number", "1")], agree).expect("a session");
    let tasks = drover_tests::nbi::task_target(&cpe.id(), "");
    let reboot = json!({ "name": "reboot" }).to_string();
    assert_refused(&server, "POST /devices/none/tasks", &reboot, 404, &["No such device"]);
    assert_refused(&server, "POST /devices/none/tags/x", "", 404, &["No such device"]);
    assert_refused(&server, "DELETE /tasks/000000000000000000000000", "", 404, &["not found"]);
    let bad = [
        ("{\"name\": ", "SyntaxError"),
        ("[]", "object"),
        ("{}", "name"),
        ("{\"name\": \"dance\"}", "dance"),
        ("{\"name\": \"getParameterValues\"}", "parameterNames"),
        ("{\"name\": \"getParameterValues\", \"parameterNames\": \"A\"}", "parameterNames"),
        ("{\"name\": \"getParameterValues\", \"parameterNames\": [1]}", "parameterNames"),
        ("{\"name\": \"getParameterValues\", \"parameterNames\": []}", "parameterNames"),
        ("{\"name\": \"getParameterValues\", \"parameterNames\": [\"A..B\"]}", "A..B"),
        ("{\"name\": \"setParameterValues\", \"parameterValues\": [[\"A.B\"]]}", "parameterValues"),
        ("{\"name\": \"setParameterValues\", \"parameterValues\": [[\"A.B\", [], \"x\"]]}", "A.B"),
        ("{\"name\": \"addObject\", \"objectName\": 7}", "objectName"),
    ];
    for (body, name) in bad {
        assert_refused(&server, &tasks, body, 400, &[name]);
    }
    assert_refused(&server, "GET /devices/?query={bad", "", 400, &["SyntaxError"]);
    assert_refused(&server, "GET /nothing/", "", 404, &["404"]);
    let response = server.nbi.send("PUT /devices/", "");
    assert_eq!(response.status, 405);
    assert!(response.header("Allow").is_some_and(|allow| allow.contains("GET")));
    // None of them was stored.
    assert_eq!(server.nbi.find("tasks", &json!({})), [] as [Json; 0]);
}

/// What cannot be a type is refused at once. Whether a value fits is known when the device's own
/// type is, and a parameter that does not exist is for the device to refuse: both become faults
/// that name the parameter.
#[test]
fn cli_api_names_wrong_types_and_unknown_parameters() {
    let server = Server::start();
    let cpe = Cpe::new(server.cwmp, "faults");
    cpe.hold("1 BOOT", &[], agree).expect("a session");
    let set = |value: Json, kind: &str| {
        let values = json!([["Device.Number", value, kind]]);
        json!({ "name": "setParameterValues", "parameterValues": values })
    };
    let target = drover_tests::nbi::task_target(&cpe.id(), "");
    let no_type = set(json!("x"), "xsd:colour").to_string();
    assert_refused(&server, &target, &no_type, 400, &["Device.Number", "xsd:colour"]);
    for (value, kind) in [(json!("abc"), "xsd:unsignedInt"), (json!("banana"), "xsd:boolean")] {
        let fault = fault_of(&server, &cpe, &set(value, kind), |_| panic!("nothing fits"));
        let text = fault.to_string();
        assert!(text.contains(kind) && text.contains("Device.Number"), "{fault}");
    }
    let get = json!({ "name": "getParameterValues", "parameterNames": ["Device.None"] });
    let fault = fault_of(&server, &cpe, &get, |_| fault(9005));
    assert_eq!(fault["code"], "cwmp.9005", "{fault}");
    assert!(fault.to_string().contains("Device.None"), "{fault}");
}

/// Lets a device do a task that fails, and returns its fault.
fn fault_of(server: &Server, cpe: &Cpe, task: &Json, answer: fn(&Element) -> String) -> Json {
    let id = server.nbi.queue(&cpe.id(), task);
    cpe.hold("2 PERIODIC", &[], answer).expect("a session");
    server.nbi.task_fault(&cpe.id(), &id).unwrap_or_else(|| panic!("{task} did not fail"))
}

/// The API has no login yet, so it must not be reachable through a browser.
#[test]
fn cli_api_refuses_browsers_of_other_sites() {
    let server = Server::start();
    let address = server.nbi.address;
    for header in [("Origin", "http://evil.example"), ("Host", "evil.example")] {
        let mut connection = http::Connection::open(address).expect("connects");
        let (name, value) = header;
        let host = if name == "Host" { "" } else { "Host: localhost\r\n" };
        let request = format!("GET /devices/ HTTP/1.1\r\n{host}{name}: {value}\r\n\r\n");
        connection.send(request.as_bytes()).expect("sent");
        let response = connection.receive().expect("an answer");
        assert_eq!(response.status, 403, "{header:?}: {}", response.text());
    }
}
