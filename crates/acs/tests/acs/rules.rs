//! Presets, scripts, objects, settings and faults of channels, by the northbound interface.

use std::fs;

use drover_acs::limits::{NBI_BODY_BYTES_MAX, RESOURCE_BYTES_MAX, RESOURCE_NAME_BYTES_MAX};
use drover_provision::channel::ChannelFault;
use drover_provision::engine::Provision;
use drover_provision::script::{Data, Fault};
use drover_provision::{Batch, DeviceKey};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::harness::{Client, Response, TestServer, inform};

/// Percent-encodes what cannot stand in a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

async fn put(server: &TestServer, target: &str, body: &str) {
    let response = server.api("PUT", target, body).await;
    assert_eq!((response.status, response.text().as_str()), (200, ""), "{target}");
}

async fn query(server: &TestServer, collection: &str, query: &Json) -> Json {
    server.get(&format!("/{collection}?query={}", encoded(&query.to_string()))).await
}

fn assert_refused(response: &Response, status: u16, says: &str) {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert!(text.contains(says) && text.lines().count() == 1, "{says:?}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_are_put_listed_and_deleted() {
    let server = TestServer::start().await;
    let preset = json!({
        "weight": 1, "channel": "c", "_id": "other", "precondition": "Tags.x = true",
        "events": {"0 BOOTSTRAP": true}, "extra": [1],
        "configurations": [{"type": "provision", "name": "p", "args": [1, "a"]}],
    });
    put(&server, "/presets/my%20preset", &preset.to_string()).await;
    let mut stored = preset.clone();
    stored["_id"] = json!("my preset");
    assert_eq!(server.get("/presets").await, json!([stored]));
    assert_eq!(query(&server, "presets/", &json!({"channel": "c"})).await, json!([stored]));
    assert_eq!(query(&server, "presets", &json!({"weight": {"$gt": 1}})).await, json!([]));
    put(&server, "/presets/my%20preset/", r#"{"weight": 2}"#).await;
    let replaced = json!([{"_id": "my preset", "weight": 2}]);
    assert_eq!(server.get("/presets").await, replaced, "nothing of the old one is left");
    for (body, says) in [
        ("{", "SyntaxError: the body is not JSON"),
        ("", "SyntaxError: the body is not JSON"),
        ("[]", "must be a JSON object"),
        (r#"{"weight": "heavy"}"#, "the preset cannot be used: /weight: expected a number"),
        (r#"{"precondition": "a ="}"#, "/precondition: character 4"),
        (r#"{"schedule": "60 x"}"#, "/schedule"),
        (r#"{"configurations": [{"type": "add_object", "name": "A", "object": "o"}]}"#, "\"o\""),
    ] {
        assert_refused(&server.api("PUT", "/presets/my%20preset", body).await, 400, says);
    }
    assert_eq!(server.get("/presets").await, replaced);
    for _ in 0..2 {
        assert_eq!(server.api("DELETE", "/presets/my%20preset", "").await.status, 200);
        assert_eq!(server.get("/presets").await, json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_put_as_they_are() {
    let server = TestServer::start().await;
    let script = "// \"ä\"\ndeclare('Device.X', {value: now});\n";
    for collection in ["provisions", "virtual_parameters"] {
        put(&server, &format!("/{collection}/a"), script).await;
        let documents = json!([{"_id": "a", "script": script}]);
        assert_eq!(server.get(&format!("/{collection}")).await, documents);
        let bad = server.api("PUT", &format!("/{collection}/a"), "let a;\nlet b = ;").await;
        assert_refused(&bad, 400, "SyntaxError: unexpected token in expression: ';' (line 2)");
        assert!(bad.text().starts_with("SyntaxError: "));
        assert_eq!(server.get(&format!("/{collection}")).await, documents);
    }
    let documents = server.get("/virtualParameters").await;
    assert_eq!(documents, json!([{"_id": "a", "script": script}]));
    let dotted = server.api("PUT", "/virtual_parameters/a.b", "return {value: 1}").await;
    assert_refused(&dotted, 400, "no dot");
    put(&server, "/provisions/a.b", "").await;
    assert_eq!(server.api("DELETE", "/virtual_parameters/a", "").await.status, 200);
    assert_eq!(server.get("/virtual_parameters").await, json!([]));
    assert_eq!(
        server.get("/provisions?projection=_id").await,
        json!([{"_id": "a"}, {"_id": "a.b"}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_may_name_objects_and_settings_are_expressions() {
    let server = TestServer::start().await;
    put(&server, "/objects/o", r#"{"_keys": ["Name"], "Name": "x"}"#).await;
    assert_eq!(server.get("/objects").await[0]["_keys"], json!(["Name"]));
    let preset = r#"{"configurations": [{"type": "add_object", "name": "A", "object": "o"}]}"#;
    put(&server, "/presets/p", preset).await;
    assert_eq!(server.api("DELETE", "/objects/o", "").await.status, 200);
    assert_eq!(server.get("/presets").await.as_array().map(Vec::len), Some(1));
    put(&server, "/config/cwmp.retryDelay", "60").await;
    put(&server, "/config/cwmp.auth", r#"{"value": "AUTH(DeviceID.ID, 'p')"}"#).await;
    let settings = json!([
        {"_id": "cwmp.auth", "value": "AUTH(DeviceID.ID, 'p')"},
        {"_id": "cwmp.retryDelay", "value": "60"},
    ]);
    assert_eq!(server.get("/config").await, settings);
    for (body, says) in [
        ("60 +", "the setting is no expression: character 5"),
        ("", "the setting is no expression"),
        ("{\"value\": 60}", "as text in the member value"),
        ("{\"value\"", "SyntaxError"),
    ] {
        assert_refused(&server.api("PUT", "/config/cwmp.auth", body).await, 400, says);
    }
    assert_eq!(server.api("DELETE", "/config/cwmp.auth", "").await.status, 200);
    assert_eq!(server.get("/config").await, json!([settings[1]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_selected_sorted_and_paged() {
    let server = TestServer::start().await;
    for number in 0..40 {
        let preset = json!({"weight": number % 3, "channel": format!("c{number}")});
        put(&server, &format!("/presets/p{number:02}"), &preset.to_string()).await;
    }
    let all = server.get("/presets").await;
    let ids: Vec<&str> =
        all.as_array().expect("a list").iter().map(|it| it["_id"].as_str().unwrap()).collect();
    assert!(ids.len() == 40 && ids.is_sorted(), "{ids:?}");
    let sort = encoded(r#"{"weight":-1,"_id":-1}"#);
    let page = server.get(&format!("/presets?sort={sort}&skip=1&limit=2&projection=weight")).await;
    assert_eq!(page, json!([{"_id": "p35", "weight": 2}, {"_id": "p32", "weight": 2}]));
    let one = query(&server, "presets", &json!({"_id": "p07"})).await;
    assert_eq!(one, json!([{"_id": "p07", "weight": 1, "channel": "c7"}]));
    let some = json!({"_id": {"$in": ["p39", "nothing", "p00"]}});
    assert_eq!(query(&server, "presets", &some).await.as_array().map(Vec::len), Some(2));
    let target = format!("/presets?query={}", encoded(r#"{"weight":0}"#));
    for (target, total) in [(target.as_str(), "14"), ("/presets?limit=1", "40")] {
        for method in ["GET", "HEAD"] {
            let response = server.api(method, target, "").await;
            assert_eq!(response.header("total"), Some(total), "{method} {target}");
            assert_eq!(response.header("content-type"), Some("application/json"));
            assert_eq!(response.body.is_empty(), method == "HEAD");
        }
    }
    let bad = server.api("GET", "/presets?query=%7B", "").await;
    assert_refused(&bad, 400, "SyntaxError: query is not JSON");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_decoded_once_and_bounded() {
    let server = TestServer::start().await;
    let names = ["a/b", "a%2Fb", "ä ö", "a:b", "..", "a?b#c", "\"'", "a+b"];
    for name in names {
        put(&server, &format!("/provisions/{}", encoded(name)), "").await;
    }
    let documents = server.get("/provisions").await;
    let found: Vec<&str> =
        documents.as_array().unwrap().iter().flat_map(|it| it["_id"].as_str()).collect();
    let mut expected = names;
    expected.sort_unstable();
    assert_eq!(found, expected);
    for name in names {
        let target = format!("/provisions/{}", encoded(name));
        assert_eq!(server.api("DELETE", &target, "").await.status, 200);
    }
    assert_eq!(server.get("/provisions").await, json!([]));
    let long = "x".repeat(RESOURCE_NAME_BYTES_MAX);
    put(&server, &format!("/provisions/{long}"), "").await;
    for (target, says) in [
        (format!("/provisions/{long}x"), "the name has 256 bytes, more than 255"),
        ("/provisions/a%0Ab".to_owned(), "control characters"),
        ("/presets/a%00".to_owned(), "control characters"),
    ] {
        assert_refused(&server.api("PUT", &target, "{}").await, 400, says);
    }
    assert_eq!(server.api("PUT", "/provisions/%FF", "").await.status, 400);
    for (method, target, allow) in [
        ("GET", "/provisions/a", "PUT,DELETE"),
        ("POST", "/presets/a", "PUT,DELETE"),
        ("PUT", "/virtual_parameters", "GET,HEAD"),
    ] {
        let response = server.api(method, target, "").await;
        assert_eq!((response.status, response.header("allow")), (405, Some(allow)), "{target}");
    }
    for target in ["/presets/a/b", "/provisions//a", "/virtualParameters/a", "/users"] {
        assert_eq!(server.api("PUT", target, "").await.status, 404, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_bounded() {
    let server = TestServer::start().await;
    let text = "/".repeat(RESOURCE_BYTES_MAX);
    put(&server, "/provisions/a", &text).await;
    let long = server.api("PUT", "/provisions/a", &format!("{text}/")).await;
    assert_refused(&long, 413, "the text has 262145 bytes, more than 262144");
    let preset = json!({"weight": 1, "note": text}).to_string();
    assert_refused(&server.api("PUT", "/presets/a", &preset).await, 413, "bytes, more than");
    let body = "/".repeat(NBI_BODY_BYTES_MAX + 1);
    assert_eq!(server.api("PUT", "/provisions/a", &body).await.status, 413);
    let mut client = Client::connect(server.nbi).await;
    let head = "PUT /provisions/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n";
    client.send([head.as_bytes(), b"//\xff"].concat()).await;
    assert_refused(&client.response_to("PUT").await, 400, "not UTF-8 from byte 2 on");
    let scripts = server.get("/provisions").await;
    assert_eq!(scripts, json!([{"_id": "a", "script": text}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_outlives_the_server() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    for text in ["1", "2"] {
        let server = TestServer::in_folder("", folder.path()).await;
        if text == "2" {
            assert_eq!(server.get("/provisions").await, json!([{"_id": "a", "script": "1"}]));
        }
        put(&server, "/provisions/a", text).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_file_has_is_refused() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    };
    write("provisions/a.js", "// of a file");
    write("presets/p.json", r#"{"weight": 5, "_id": "x"}"#);
    let server = TestServer::with(&format!("rules = {:?}", folder.path())).await;
    for (method, target) in
        [("PUT", "/provisions/a"), ("DELETE", "/provisions/a"), ("DELETE", "/presets/p")]
    {
        let response = server.api(method, target, "").await;
        let name = target.rsplit('/').next().expect("a name");
        assert_refused(&response, 409, &format!("/{name}.js"));
        assert!(response.contains("change or remove that"));
    }
    put(&server, "/provisions/b", "// stored").await;
    let of_file = json!({"_id": "a", "script": "// of a file"});
    let stored = json!({"_id": "b", "script": "// stored"});
    assert_eq!(server.get("/provisions").await, json!([of_file, stored]));
    assert_eq!(server.get("/presets").await, json!([{"_id": "p", "weight": 5}]));
    // The server looks by itself.
    write("provisions/a.js", "// changed");
    write("provisions/b.js", "// of a file");
    wait_for_script(&server, "a", "// changed").await;
    wait_for_script(&server, "b", "// of a file").await;
    fs::remove_file(folder.path().join("provisions/b.js")).expect("removed");
    wait_for_script(&server, "b", "// stored").await;
}

/// Waits until the server has seen a change.
async fn wait_for_script(server: &TestServer, name: &str, text: &str) {
    let expected = json!([{"_id": name, "script": text}]);
    let seen = async {
        while query(server, "provisions", &json!({"_id": name})).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, seen).await.expect("seen in time");
}

/// A fault that no session tries again.
fn fault(channel: &str, time: Timestamp) -> (String, Option<ChannelFault>) {
    let fault = ChannelFault {
        fault: Fault::plain("gone"),
        time,
        // It waits for two weeks.
        retries: 12,
        retry_now: false,
        precondition: false,
        provisions: vec![Provision { name: "p".to_owned(), arguments: vec![Data::Number(1.0)] }],
    };
    (channel.to_owned(), Some(fault))
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_channels_are_listed_and_deleted() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let mut batch = Batch::new(DeviceKey::parse(&id).expect("a key"));
    let time = Timestamp::from_second(Timestamp::now().as_second()).expect("a time");
    let names = ["default", "a:b", "task_x"];
    batch.faults = names.into_iter().map(|channel| fault(channel, time)).collect();
    server.store.save(batch).await.expect("saved");
    let faults = query(&server, "faults", &json!({"channel": "default"})).await;
    let expected = json!([{
        "_id": format!("{id}:default"), "device": id, "channel": "default",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(), "code": "script",
        "message": "gone", "retries": 12, "provisions": "[[\"p\",1]]",
    }]);
    assert_eq!(faults, expected);
    let by_id = json!({"_id": format!("{id}:default")});
    assert_eq!(query(&server, "faults", &by_id).await, expected);
    let late = json!({"timestamp": {"$gt": "2020-01-01"}, "retries": 12});
    assert_eq!(query(&server, "faults", &late).await.as_array().map(Vec::len), Some(3));
    for method in ["GET", "HEAD"] {
        assert_eq!(server.api(method, "/faults", "").await.header("total"), Some("3"));
    }
    let mut device = server.device().await;
    assert_eq!(device.post(&inform("1"), &[]).await.status, 200);
    let target = format!("/faults/{id}:default");
    let busy = server.api("DELETE", &target, "").await;
    assert_eq!((busy.status, busy.text().as_str()), (503, "Device is in session"));
    assert_eq!(device.post("", &[]).await.status, 204);
    for (channel, left) in [("default", 2), ("a:b", 1), ("nothing", 1), ("task_x", 0)] {
        // The session is over a moment after its last answer.
        let target = format!("/faults/{id}:{}", encoded(channel));
        let deleted = async {
            while server.api("DELETE", &target, "").await.status != 200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::harness::PATIENCE, deleted).await.expect("deleted in time");
        let faults = server.get("/faults").await;
        assert_eq!(faults.as_array().map(Vec::len), Some(left), "{channel}");
    }
    for odd in ["nobody:default", "nobody", ":", "a:b:c"] {
        assert_eq!(server.api("DELETE", &format!("/faults/{odd}"), "").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_change_no_rules() {
    let server = TestServer::start().await;
    put(&server, "/provisions/a", "1").await;
    for header in [
        "Host: rebound.example:7557",
        "Host: localhost\r\nOrigin: https://page.example",
        "Host: localhost\r\nSec-Fetch-Site: cross-site",
    ] {
        for collection in ["presets", "provisions", "virtual_parameters", "objects", "config"] {
            for start in [
                format!("PUT /{collection}/a"),
                format!("DELETE /{collection}/a"),
                format!("GET /{collection}"),
            ] {
                let mut client = Client::connect(server.nbi).await;
                let length = "Content-Length: 2";
                let request = format!("{start} HTTP/1.1\r\n{header}\r\n{length}\r\n\r\n{{}}");
                client.send(request).await;
                let method = start.split(' ').next().expect("a method");
                assert_eq!(client.response_to(method).await.status, 403, "{start} {header}");
            }
        }
    }
    assert_eq!(server.get("/provisions").await, json!([{"_id": "a", "script": "1"}]));
    assert_eq!(server.get("/presets").await, json!([]));
}
