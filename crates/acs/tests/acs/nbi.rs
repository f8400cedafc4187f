//! The routes of the northbound interface.

use serde_json::json;

use crate::harness::{Client, TestServer};

/// Percent-encodes what cannot stand in a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

async fn ids(server: &TestServer, query: &str) -> Vec<String> {
    let devices = server.get(&format!("/devices?projection=_id&{query}")).await;
    let devices = devices.as_array().expect("a list").iter();
    devices.map(|device| device["_id"].as_str().expect("an id").to_owned()).collect()
}

async fn fleet() -> TestServer {
    let server = TestServer::start().await;
    for (serial, colour, size) in [("1", "red", "10"), ("2", "green", "9"), ("3", "blue", "100")] {
        let parameters = [("Device.Colour", colour), ("Device.Box.Size", size)];
        server.register(serial, &parameters).await;
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_has_the_document_that_clients_know() {
    let server = TestServer::start().await;
    let id = server.register("1", &[("Device.Box.Size", "10")]).await;
    assert_eq!(server.api("POST", &format!("/devices/{id}/tags/red"), "").await.status, 200);
    let devices = server.get("/devices/").await;
    let device = &devices[0];
    assert_eq!(device["_id"], id.as_str());
    let identity = json!({"_Manufacturer": "Example", "_OUI": "00D09E", "_ProductClass": "Test",
        "_SerialNumber": "1"});
    assert_eq!(device["_deviceId"], identity);
    assert_eq!(device["_tags"], json!(["red"]));
    for date in ["_registered", "_lastInform", "_lastBootstrap", "_timestamp"] {
        let text = device[date].as_str().expect(date);
        assert!(text.len() == 24 && text.ends_with('Z') && text.contains('T'), "{date}: {text}");
    }
    let object = &device["Device"]["Box"];
    assert_eq!(object["_object"], true);
    let leaf = &object["Size"];
    assert_eq!((&leaf["_object"], &leaf["_value"]), (&json!(false), &json!(10)));
    assert_eq!(leaf["_type"], "xsd:unsignedInt");
    assert!(leaf["_timestamp"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_select_sort_and_page() {
    let server = fleet().await;
    let all = ["00D09E-Test-1", "00D09E-Test-2", "00D09E-Test-3"];
    assert_eq!(ids(&server, "").await, all);
    for (query, expected) in [
        (json!({"_id": all[1]}), vec![all[1]]),
        (
            json!({"_id": {"$in": [all[2], all[0], all[2], "00D09E-Test-9", "odd"]}}),
            vec![all[2], all[0]],
        ),
        (json!({"Device.Colour": "red"}), vec![all[0]]),
        (json!({"Device.Colour": "/^(RED|blue)$/i"}), vec![all[0], all[2]]),
        (json!({"Device.Box.Size": {"$gt": 9}}), vec![all[0], all[2]]),
        (json!({"Device.Box.Size": "9"}), vec![all[1]]),
        (json!({"Device.Box.Size._type": "xsd:unsignedInt"}), all.to_vec()),
        (
            json!({"Device.Box._object": true, "Device.Colour": {"$ne": "red"}}),
            vec![all[1], all[2]],
        ),
        (json!({"Device.Missing": {"$exists": true}}), vec![]),
        (json!({"_deviceId._SerialNumber": "3"}), vec![all[2]]),
        (json!({"_lastInform": {"$gt": "2020-01-01"}}), all.to_vec()),
        (json!({"_lastInform": {"$lt": "2020-01-01T00:00:00Z"}}), vec![]),
        (json!({"_lastBoot": {"$exists": false}}), all.to_vec()),
    ] {
        let found = ids(&server, &format!("query={}", encoded(&query.to_string()))).await;
        assert_eq!(found, expected, "{query}");
    }
    let by_size = encoded("{\"Device.Box.Size\":-1}");
    assert_eq!(ids(&server, &format!("sort={by_size}")).await, [all[2], all[0], all[1]]);
    assert_eq!(ids(&server, &format!("sort={by_size}&skip=1&limit=1")).await, [all[0]]);
    assert_eq!(ids(&server, "skip=1").await, all[1..]);
    assert_eq!(ids(&server, "limit=2").await, all[..2]);
    assert_eq!(ids(&server, "limit=0").await, all);
    assert!(ids(&server, "skip=3").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_total_counts_what_matches() {
    let server = fleet().await;
    let query = encoded(r#"{"Device.Colour":{"$ne":"red"}}"#);
    for (target, total) in
        [("/devices?limit=1".to_owned(), "3"), (format!("/devices/?query={query}&skip=1"), "2")]
    {
        for method in ["GET", "HEAD"] {
            let response = server.api(method, &target, "").await;
            assert_eq!(response.status, 200);
            assert_eq!(response.header("total"), Some(total), "{method} {target}");
            assert_eq!(response.header("content-type"), Some("application/json"));
            assert!(response.header("genieacs-version").is_some());
            assert!(response.header("drover-version").is_some());
            assert_eq!(response.body.is_empty(), method == "HEAD");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_shows_only_what_is_asked_for() {
    let server = fleet().await;
    let server = &server;
    let device = |text: &'static str| async move {
        server.get(&format!("/devices?limit=1&projection={text}")).await[0].clone()
    };
    let id = "00D09E-Test-1";
    assert_eq!(device("_tags").await, json!({"_id": id, "_tags": []}));
    let value = json!({"_id": id, "Device": {"Colour": {"_value": "red"}}});
    assert_eq!(device("Device.Colour._value").await, value);
    let serial = json!({"_id": id, "_deviceId": {"_SerialNumber": "1"}});
    assert_eq!(device("_deviceId._SerialNumber").await, serial);
    let whole = device("Device.Box").await;
    assert_eq!(whole["Device"]["Box"]["Size"]["_value"], 10);
    assert_eq!(whole["Device"].get("Colour"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_get_one_line_that_says_why() {
    let server = TestServer::start().await;
    for (target, says) in [
        (format!("/devices?query={}", encoded("{\"a\"")), "SyntaxError: query is not JSON"),
        (
            format!("/devices?query={}", encoded("{\"a\":{\"$near\":1}}")),
            "unknown operator \"$near\"",
        ),
        (format!("/tasks?sort={}", encoded("{\"a\":2}")), "sort must be an object"),
        (format!("/faults?sort={}", encoded("[")), "SyntaxError: sort is not JSON"),
        ("/devices?limit=ten".to_owned(), "limit must be a whole number, not \"ten\""),
        ("/devices?skip=-1".to_owned(), "skip must be a whole number"),
    ] {
        let response = server.api("GET", &target, "").await;
        assert_eq!(response.status, 400, "{target}");
        assert!(response.contains(says) && !response.contains("\n"), "{}", response.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_routes_and_methods_are_refused() {
    let server = TestServer::start().await;
    for (method, target, allow) in [
        ("GET", "/tasks/5a/retry", "POST"),
        ("PUT", "/tasks/5a", "DELETE"),
        ("GET", "/devices/a-b/tags/x", "POST,DELETE"),
        ("POST", "/devices", "GET,HEAD"),
        ("GET", "/devices/a-b", "DELETE"),
    ] {
        let response = server.api(method, target, "").await;
        assert_eq!(response.status, 405, "{method} {target}");
        assert_eq!(response.header("allow"), Some(allow), "{method} {target}");
        assert_eq!(response.text(), "405 Method Not Allowed");
    }
    for target in ["/", "/users", "/devices/a/b/c/d", "/tasks/1/dance"] {
        let response = server.api("GET", target, "").await;
        assert_eq!((response.status, response.text().as_str()), (404, "404 Not Found"), "{target}");
    }
    for (method, target, says) in [
        ("DELETE", "/tasks/5a", "Task not found"),
        ("DELETE", "/tasks/%20", "Task not found"),
        ("POST", "/tasks/5a/retry", "Task not found"),
        ("DELETE", "/devices/00D09E-Test-9", "No such device"),
        ("POST", "/devices/00D09E-Test-9/tags/x", "No such device"),
    ] {
        let response = server.api(method, target, "").await;
        assert_eq!((response.status, response.text().as_str()), (404, says), "{method} {target}");
    }
    assert_eq!(server.api("DELETE", "/faults/nobody:task_5a", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_decoded_once() {
    let server = TestServer::start().await;
    server.register("a-b c", &[]).await;
    let id = "00D09E-Test-a%2Db%20c";
    assert_eq!(ids(&server, "").await, [id]);
    let twice = encoded(id);
    assert!(twice.contains("%252D"));
    assert_eq!(server.api("POST", &format!("/devices/{id}/tags/x"), "").await.status, 404);
    for _ in 0..2 {
        let tagged = server.api("POST", &format!("/devices/{twice}/tags/two%20words/"), "").await;
        assert_eq!(tagged.status, 200, "{}", tagged.text());
    }
    let query = encoded(r#"{"_tags":"two words"}"#);
    assert_eq!(ids(&server, &format!("query={query}")).await, [id]);
    for _ in 0..2 {
        let target = format!("/devices/{twice}/tags/two%20words");
        assert_eq!(server.api("DELETE", &target, "").await.status, 200);
    }
    assert!(ids(&server, &format!("query={query}")).await.is_empty());
    assert_eq!(server.api("DELETE", &format!("/devices/{twice}"), "").await.status, 200);
    assert!(ids(&server, "").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_device_deletes_its_tasks() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let target = format!("/devices/{id}/tasks");
    let task = server.api("POST", &target, r#"{"name":"reboot"}"#).await.json();
    let again = server.api("POST", &target, r#"{"name":"reboot"}"#).await.json();
    let task = task["_id"].as_str().expect("an id");
    assert_eq!(server.api("DELETE", &format!("/tasks/{task}"), "").await.status, 200);
    assert_eq!(server.get("/tasks").await, json!([again]));
    assert_eq!(server.api("DELETE", &format!("/devices/{id}"), "").await.status, 200);
    assert_eq!(server.get("/tasks").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_are_kept_out() {
    let server = TestServer::start().await;
    for (header, status) in [
        ("Host: localhost:7557", 200),
        ("Host: 127.0.0.1", 200),
        ("Host: [::1]:7557", 200),
        ("Host: rebound.example:7557", 403),
        ("Host: localhost\r\nOrigin: https://page.example", 403),
        ("Host: localhost\r\nOrigin: null", 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site", 403),
    ] {
        let mut client = Client::connect(server.nbi).await;
        client.send(format!("GET /devices HTTP/1.1\r\n{header}\r\n\r\n")).await;
        assert_eq!(client.response_to("GET").await.status, status, "{header}");
    }
}
