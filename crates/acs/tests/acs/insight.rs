//! What the northbound interface tells of the past: sessions, histories, snapshots, knowledge; and
//! searches by expression.

use drover_store::{IndexState, Store};
use serde_json::{Value as Json, json};

use crate::harness::{Client, Response, TestServer, inform_with};
use crate::nbi::encoded;

/// A device that is in session again, with other values.
async fn comes_again(server: &TestServer, serial: &str, parameters: &[(&str, &str)]) {
    let mut device = server.device().await;
    let opened = device.post(&inform_with(serial, "2 PERIODIC", parameters), &[]).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    assert_eq!(device.post("", &[]).await.status, 204);
}

async fn complete(store: &Store) {
    let is_building = async || {
        let indexes = store.indexes().await.expect("indexes");
        indexes.iter().any(|index| index.state == IndexState::Building)
    };
    while is_building().await {
        tokio::task::yield_now().await;
    }
}

fn ids(response: &Response) -> Vec<String> {
    let devices = response.json();
    let devices = devices.as_array().expect("a list").iter();
    devices.map(|device| device["_id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_found_by_expression() {
    let server = TestServer::start().await;
    for (serial, colour, size) in [("1", "red", "10"), ("2", "green", "9"), ("3", "blue", "100")] {
        let parameters = [("Device.Colour", colour), ("Device.Box.Size", size)];
        server.register(serial, &parameters).await;
    }
    let search = async |method: &str, filter: &str, more: &str| {
        let target = format!("/devices?projection=_id&filter={}{more}", encoded(filter));
        server.api(method, &target, "").await
    };
    let all = ["00D09E-Test-1", "00D09E-Test-2", "00D09E-Test-3"];
    for (filter, expected) in [
        ("", all.to_vec()),
        ("Device.Colour = 'red'", vec![all[0]]),
        ("Device.Box.Size > 9 AND DeviceID.SerialNumber <> '3'", vec![all[0]]),
        ("Device.Colour LIKE '%e%' AND Device.Box.Size < 100", vec![all[0], all[1]]),
        ("Tags.none", vec![]),
    ] {
        let found = search("GET", filter, "").await;
        assert_eq!((found.status, ids(&found)), (200, owned(&expected)), "{filter}");
        assert_eq!(found.header("total"), Some(&*expected.len().to_string()), "{filter}");
        assert_eq!(found.header("drover-next"), None, "{filter}");
        let head = search("HEAD", filter, "").await;
        assert_eq!(head.header("total"), found.header("total"), "{filter}");
        assert!(head.body.is_empty());
    }

    // A search that reads every device says so, unless it must not.
    let filter = "Device.Box.Size >= 9";
    assert_eq!(search("GET", filter, "").await.header("drover-scan"), Some("true"));
    let refused = search("GET", filter, "&scan=false").await;
    assert_eq!(refused.status, 400);
    assert!(refused.contains("`PUT /indexes/Device.Box.Size`"), "{}", refused.text());
    assert_eq!(server.api("PUT", "/indexes/Device.Box.Size", "").await.status, 200);
    complete(&server.store).await;
    let indexes = server.get("/indexes").await;
    let index = json!({"_id": "Device.Box.Size", "state": "complete"});
    assert!(indexes.as_array().expect("a list").contains(&index), "{indexes}");

    // Page by page, in the order that is asked for.
    let by =
        |descends: i8| format!("&limit=2&sort={}", encoded(&json!({"_id": descends}).to_string()));
    for (descends, first, rest) in [(1, &all[..2], all[2]), (-1, &[all[2], all[1]], all[0])] {
        let page = search("GET", filter, &format!("&scan=false{}", by(descends))).await;
        assert_eq!((page.status, ids(&page)), (200, owned(first)));
        assert_eq!((page.header("drover-scan"), page.header("total")), (Some("false"), Some("3")));
        let next = encoded(page.header("drover-next").expect("there are more"));
        let page = search("GET", filter, &format!("{}&after={next}", by(descends))).await;
        assert_eq!((ids(&page), page.header("drover-next")), (owned(&[rest]), None));
        let odd = format!("&after={next}&sort={}", encoded(r#"{"_lastInform":1}"#));
        let odd = search("GET", filter, &odd).await;
        assert_eq!(odd.status, 400, "a cursor of another order: {}", odd.text());
    }
    assert_eq!(server.api("DELETE", "/indexes/Device.Box.Size", "").await.status, 200);
    assert_eq!(search("GET", filter, "&scan=false").await.status, 400);

    for (filter, more, says) in [
        ("Device.Colour =", "", "filter is no expression"),
        ("true", "&scan=maybe", "scan must be true or false, not \"maybe\""),
        ("true", "&after=x", "after: "),
        ("true", "&limit=-1", "limit must be a whole number"),
        ("true", "&sort=%7B%22Device.Colour%22%3A1%7D", "sort is by one of _id, _lastInform"),
        ("true", "&query=%7B%7D", "not with query or skip"),
        ("true", "&skip=1", "not with query or skip"),
    ] {
        let response = search("GET", filter, more).await;
        assert_eq!(response.status, 400, "{filter} {more}");
        assert!(response.contains(says), "{}", response.text());
    }
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_the_newest_first() {
    let server = TestServer::with("record.sessions = \"all\"").await;
    let id = server.register("1", &[("Device.Colour", "red")]).await;
    for colour in ["green", "blue"] {
        comes_again(&server, "1", &[("Device.Colour", colour)]).await;
    }
    let target = format!("/devices/{id}/sessions");
    let sessions = server.get(&target).await;
    let sessions = sessions.as_array().expect("a list");
    assert_eq!(sessions.len(), 3);
    for (session, (colour, event)) in sessions.iter().zip([
        ("blue", "2 PERIODIC"),
        ("green", "2 PERIODIC"),
        ("red", "0 BOOTSTRAP"),
    ]) {
        assert_eq!(session["events"], json!([event]));
        assert_eq!((&session["outcome"], &session["failures"]), (&json!("complete"), &json!(0)));
        let (began, ended) = (session["began"].as_str(), session["ended"].as_str());
        assert!(began.is_some() && began <= ended, "{session}");
        let rpc = &session["rpcs"][0];
        assert_eq!((&rpc["entry"], &rpc["name"]), (&json!(0), &json!("Inform")));
        assert!(rpc["milliseconds"].is_i64(), "{session}");
        let entry = &session["entries"][0];
        assert_eq!(entry["kind"], "received");
        assert!(entry["text"].as_str().is_some_and(|text| text.contains(colour)), "{entry}");
        assert_eq!(session["entries"][1]["kind"], "sent");
    }
    let one = server.get(&format!("{target}?limit=1")).await;
    assert_eq!(one, json!([sessions[0]]));
    let before = sessions[0]["_id"].as_str().expect("an id");
    assert_eq!(server.get(&format!("{target}?before={before}")).await, json!(sessions[1..]));
    for (query, says) in [
        ("limit=101", "limit must be at most 100"),
        ("limit=x", "limit must be a whole number"),
        ("before=x", "before: this is not the number of a session"),
    ] {
        let response = server.api("GET", &format!("{target}?{query}"), "").await;
        assert_eq!(response.status, 400, "{query}");
        assert!(response.contains(says), "{}", response.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_kept_as_configured() {
    let rule = r#"{"configurations": [{"type": "add_tag", "tag": "seen"}]}"#;
    let quiet = (0, "record.sessions = \"eventful\"");
    for (kept, toml) in [quiet, (0, "record.sessions = \"off\"")] {
        let server = TestServer::with(toml).await;
        let id = server.register("1", &[]).await;
        assert_eq!(server.get(&format!("/devices/{id}/sessions")).await, json!([]), "{toml}");
        assert_eq!(server.api("PUT", "/presets/p", rule).await.status, 200);
        comes_again(&server, "1", &[]).await;
        let sessions = server.get(&format!("/devices/{id}/sessions")).await;
        let kept = if (kept, toml) == quiet { 1 } else { 0 };
        assert_eq!(sessions.as_array().map(Vec::len), Some(kept), "{toml}: {sessions:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_which_presets_would_run() {
    let server = TestServer::start().await;
    let id = server.register("1", &[("Device.Colour", "red")]).await;
    let tag = r#""configurations": [{"type": "add_tag", "tag": "x"}]"#;
    let bad = r#""configurations": [{"type": "provision", "name": "bad"}]"#;
    assert_eq!(server.api("PUT", "/provisions/bad", "throw 1").await.status, 200);
    for (name, preset) in [
        ("a", format!("{{{tag}}}")),
        ("b", format!(r#"{{"precondition": "Device.Colour = 'blue'", {tag}}}"#)),
        ("c", format!(r#"{{"precondition": "Device.Missing = 1", {tag}}}"#)),
        ("d", format!(r#"{{"events": {{"1 BOOT": true}}, {tag}}}"#)),
        ("e", format!(r#"{{"channel": "e", {bad}}}"#)),
    ] {
        assert_eq!(server.api("PUT", &format!("/presets/{name}"), &preset).await.status, 200);
    }
    let target = format!("/devices/{id}/presets");
    let others = [
        json!({"_id": "b", "runs": false, "reason": "its precondition is false"}),
        json!({"_id": "c", "runs": false,
            "reason": "its precondition is NULL: something that it names is not known"}),
        json!({"_id": "d", "runs": false, "reason": "its events are not those of the session"}),
    ];
    let presets = server.get(&target).await;
    let runs = |name: &str| json!({"_id": name, "runs": true});
    assert_eq!(presets, json!([runs("a"), others[0], others[1], others[2], runs("e")]));
    // It looks for what a precondition names; there is none.
    let mut device = server.device().await;
    device.post(&inform_with("1", "2 PERIODIC", &[]), &[]).await;
    let mut response = device.post("", &[]).await;
    while response.status == 200 {
        let fault = "<soapenv:Fault><faultcode>Client</faultcode><faultstring>CWMP fault\
             </faultstring><detail><cwmp:Fault><FaultCode>9005</FaultCode><FaultString>no\
             </FaultString></cwmp:Fault></detail></soapenv:Fault>";
        let answer = crate::harness::envelope(&crate::harness::id_of(&response.text()), fault);
        response = device.post(&answer, &[]).await;
    }
    let presets = server.get(&target).await;
    let last = &presets[4];
    assert_eq!((&last["_id"], &last["runs"]), (&json!("e"), &json!(false)), "{presets:#}");
    let reason = last["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("its channel is blocked until 2"), "{presets:#}");
    assert!(reason.ends_with("(script)"), "{presets:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_parameter_has_a_history() {
    let server = TestServer::start().await;
    let id = server.register("1", &[("Device.Box.Size", "1")]).await;
    let path = "Device.Box.Size";
    let target = format!("/devices/{id}/history?path={path}");
    let unwatched = server.api("GET", &target, "").await;
    assert_eq!(unwatched.status, 404);
    assert!(unwatched.contains("PUT /watched/Device.Box.Size"), "{}", unwatched.text());
    assert_eq!(server.api("PUT", &format!("/watched/{path}"), "").await.status, 200);
    assert_eq!(server.get("/watched").await, json!([{"_id": path}]));
    assert_eq!(server.get(&target).await, json!({"path": path, "points": []}));
    for size in ["2", "5"] {
        comes_again(&server, "1", &[(path, size)]).await;
    }
    let history = server.get(&target).await;
    let points = history["points"].as_array().expect("points");
    let last: Vec<&Json> = points.iter().map(|point| &point["last"]).collect();
    assert_eq!(last, [&json!(2.0), &json!(5.0)]);
    let point = &points[1];
    for member in ["least", "most", "mean"] {
        assert_eq!(point[member], json!(5.0));
    }
    assert_eq!((&point["step"], &point["count"]), (&json!("value"), &json!(1)));
    let time = point["time"].as_str().expect("a time");
    let from = server.get(&format!("{target}&from={time}")).await;
    assert_eq!(from["points"], json!([point]));
    let none = server.get(&format!("{target}&to=2020-01-01T00:00:00Z")).await;
    assert_eq!(none["points"], json!([]));
    for (target, says) in [
        (format!("/devices/{id}/history"), "path must name a parameter"),
        (format!("{target}&from=yesterday"), "from must be a time such as"),
    ] {
        let response = server.api("GET", &target, "").await;
        assert_eq!(response.status, 400, "{target}");
        assert!(response.contains(says), "{}", response.text());
    }
    assert_eq!(server.api("DELETE", &format!("/watched/{path}"), "").await.status, 200);
    assert_eq!(server.api("GET", &target, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_show_what_a_device_was_like() {
    let server = TestServer::start().await;
    let id = server.register("1", &[("Device.Colour", "red")]).await;
    let target = format!("/devices/{id}/snapshots");
    assert_eq!(server.get(&target).await, json!([]));
    comes_again(&server, "1", &[("Device.Colour", "green")]).await;
    let snapshots = server.get(&target).await;
    let head = &snapshots[0];
    assert_eq!(snapshots.as_array().map(Vec::len), Some(1));
    assert!(head["_until"].is_string(), "{snapshots}");
    let number = head["_id"].as_str().expect("an id");
    let snapshot = server.get(&format!("{target}/{number}")).await;
    assert_eq!(snapshot["Device"]["Colour"]["_value"], "red");
    assert_eq!((&snapshot["_id"], &snapshot["_until"]), (&head["_id"], &head["_until"]));
    assert_eq!(snapshot.get("_lastInform"), None);
    let part = server.get(&format!("{target}/{number}?projection=Device.Other")).await;
    assert_eq!(part, *head);
    for other in ["0", "99999", "x"] {
        let response = server.api("GET", &format!("{target}/{other}"), "").await;
        assert_eq!((response.status, &*response.text()), (404, "No such snapshot"), "{other}");
    }
    let other = server.register("2", &[]).await;
    let theirs = server.api("GET", &format!("/devices/{other}/snapshots/{number}"), "").await;
    assert_eq!(theirs.status, 404, "a snapshot of another device");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_of_what_is_not_known() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/knowledge").await, json!([]));
    for (method, target, says) in [
        ("GET", "/devices/00D09E-Test-9/presets", "No such device"),
        ("GET", "/devices/00D09E-Test-9/sessions", "No such device"),
        ("GET", "/devices/00D09E-Test-9/history?path=Device.A", "No such device"),
        ("GET", "/devices/00D09E-Test-9/snapshots", "No such device"),
        ("GET", "/devices/00D09E-Test-9/snapshots/1", "No such device"),
        ("GET", "/devices/odd/sessions", "No such device"),
        ("DELETE", "/indexes/Device.A", "No such index"),
        ("DELETE", "/watched/Device.A", "It is not watched"),
        ("DELETE", "/knowledge/00D09E-Test", "Nothing is known of such devices"),
        ("DELETE", "/knowledge/00D09E-Test?firmware=1", "Nothing is known of such devices"),
    ] {
        let response = server.api(method, target, "").await;
        assert_eq!((response.status, &*response.text()), (404, says), "{method} {target}");
    }
    for target in ["/indexes/%20", "/indexes/Device.*.A", "/watched/Device.", "/watched/%0A"] {
        let response = server.api("PUT", target, "").await;
        assert_eq!(response.status, 400, "{target}: {}", response.text());
    }
    for (method, target, allow) in [
        ("POST", "/devices/a-b/sessions", "GET,HEAD"),
        ("POST", "/indexes", "GET,HEAD"),
        ("GET", "/indexes/Device.A", "PUT,DELETE"),
        ("GET", "/watched/Device.A", "PUT,DELETE"),
        ("GET", "/knowledge/a", "DELETE"),
    ] {
        let response = server.api(method, target, "").await;
        assert_eq!((response.status, response.header("allow")), (405, Some(allow)), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_learn_and_change_nothing() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let device = |rest: &str| format!("/devices/{id}/{rest}");
    for (method, target) in [
        ("GET", "/devices?filter=true".to_owned()),
        ("GET", device("credentials")),
        ("PUT", device("credentials")),
        ("DELETE", device("credentials")),
        ("GET", device("presets")),
        ("GET", device("sessions")),
        ("GET", device("history?path=Device.A")),
        ("GET", device("snapshots")),
        ("GET", device("snapshots/1")),
        ("GET", "/indexes".to_owned()),
        ("PUT", "/indexes/Device.A".to_owned()),
        ("DELETE", "/indexes/Device.A".to_owned()),
        ("GET", "/watched".to_owned()),
        ("PUT", "/watched/Device.A".to_owned()),
        ("DELETE", "/watched/Device.A".to_owned()),
        ("GET", "/health".to_owned()),
        ("GET", "/ready".to_owned()),
        ("GET", "/metrics".to_owned()),
        ("GET", "/files".to_owned()),
        ("PUT", "/files/a".to_owned()),
        ("DELETE", "/files/a".to_owned()),
        ("GET", "/knowledge".to_owned()),
        ("DELETE", "/knowledge/00D09E-Test".to_owned()),
    ] {
        let mut client = Client::connect(server.nbi).await;
        let origin = "Host: localhost\r\nOrigin: https://page.example";
        client.send(format!("{method} {target} HTTP/1.1\r\n{origin}\r\n\r\n")).await;
        assert_eq!(client.response_to(method).await.status, 403, "{method} {target}");
    }
    assert_eq!(server.get("/watched").await, json!([]));
}
