//! What makes requests belong together.

use crate::harness::{TestServer, assert_logged, envelope, inform, inform_with, logs};

#[tokio::test(flavor = "multi_thread")]
async fn quirk_10_a_device_without_cookies_is_known_by_its_connection() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let task = r#"{"name":"getParameterValues","parameterNames":["Device.X"]}"#;
    assert_eq!(server.api("POST", &format!("/devices/{id}/tasks"), task).await.status, 202);
    let mut device = server.device().await;
    assert_eq!(device.post(&inform("1"), &[]).await.status, 200);
    assert!(device.post("", &[]).await.contains("GetParameterValues"));
    // Another connection without the cookie is nobody.
    let mut other = server.device().await;
    assert_eq!(other.post("", &[]).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_11_a_session_goes_on_over_another_connection() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let task = r#"{"name":"getParameterValues","parameterNames":["Device.X"]}"#;
    server.api("POST", &format!("/devices/{id}/tasks"), task).await;
    let mut first = server.device().await;
    let cookie = first.post(&inform("1"), &[]).await.cookie();
    drop(first);
    let mut second = server.device().await;
    let request = second.post("", &[("Cookie", &cookie)]).await;
    assert!(request.contains("GetParameterValues"));
    drop(second);
    let mut third = server.device().await;
    let answer = envelope(
        &crate::harness::id_of(&request.text()),
        "<cwmp:GetParameterValuesResponse><ParameterList><ParameterValueStruct><Name>Device.X</Name>\
         <Value xsi:type=\"xsd:string\">found</Value></ParameterValueStruct></ParameterList>\
         </cwmp:GetParameterValuesResponse>",
    );
    assert_eq!(third.post(&answer, &[("Cookie", &cookie)]).await.status, 204);
    let devices = server.get("/devices?projection=Device.X").await;
    assert_eq!(devices[0]["Device"]["X"]["_value"], "found");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_11_a_lost_answer_is_given_again() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let task = r#"{"name":"reboot"}"#;
    server.api("POST", &format!("/devices/{id}/tasks"), task).await;
    let cookie = server.device().await.post(&inform("1"), &[]).await.cookie();
    let with_cookie = [("Cookie", cookie.as_str())];
    // The answers to these are lost with their connections.
    let request = server.device().await.post("", &with_cookie).await.text();
    let again = server.device().await.post("", &with_cookie).await.text();
    assert_eq!(request, again);
    let id_of_request = crate::harness::id_of(&request);
    let answer = envelope(&id_of_request, "<cwmp:RebootResponse></cwmp:RebootResponse>");
    let mut device = server.device().await;
    assert_eq!(device.post(&answer, &with_cookie).await.status, 204);
    let tasks = server.get("/tasks?query=%7B%22status%22%3A%22done%22%7D").await;
    assert_eq!(tasks[0]["name"], "reboot", "{tasks}");
    // On its own connection an empty POST instead of an answer is still a mistake.
    server.api("POST", &format!("/devices/{id}/tasks"), r#"{"name":"reboot"}"#).await;
    assert_eq!(device.post(&inform("1"), &[]).await.status, 200);
    assert_eq!(device.post("", &[]).await.status, 200);
    assert_eq!(device.post("", &[]).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_11_cookies_come_back_in_any_dress() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let task = r#"{"name":"getParameterValues","parameterNames":["Device.X"]}"#;
    server.api("POST", &format!("/devices/{id}/tasks"), task).await;
    let dresses: [fn(&str) -> String; 5] = [
        |cookie| format!("{cookie}; Path=/; HttpOnly"),
        |cookie| format!("other=1; {cookie}"),
        |cookie| format!("$Version=1; {cookie}; $Path=\"/\""),
        |cookie| format!("{};x", cookie.replace('=', " = ")),
        |cookie| cookie.replacen('=', "=\"", 1) + "\"",
    ];
    for dress in dresses {
        let mut device = server.device().await;
        let opened = device.post(&inform("1"), &[]).await;
        let cookie = opened.cookie();
        let value = cookie.split_once('=').expect("a pair").1;
        assert!(value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "COOK-03");
        assert!(opened.header("set-cookie").is_some_and(|text| text.contains("HttpOnly")));
        let mut other = server.device().await;
        let dressed = dress(&cookie);
        let reply = other.post("", &[("Cookie", &dressed)]).await;
        assert!(reply.contains("GetParameterValues"), "{dressed}: {}", reply.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acs_11_a_new_inform_drops_the_old_session() {
    let server = TestServer::start().await;
    let id = server.register("1", &[]).await;
    let task = r#"{"name":"getParameterValues","parameterNames":["Device.X"]}"#;
    server.api("POST", &format!("/devices/{id}/tasks"), task).await;
    let mut old = server.device().await;
    let old_cookie = old.post(&inform("1"), &[]).await.cookie();
    let mut new = server.device().await;
    let new_cookie = new.post(&inform("1"), &[]).await.cookie();
    assert_ne!(old_cookie, new_cookie);
    // The old cookie is good for nothing, the new one for the session.
    let mut third = server.device().await;
    assert_eq!(third.post("", &[("Cookie", &old_cookie)]).await.status, 204);
    let request = third.post("", &[("Cookie", &new_cookie)]).await;
    assert!(request.contains("GetParameterValues"));
    assert!(logs().contains("the device began a new session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inform_in_the_session_begins_it_anew() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    let first = device.post(&inform("1"), &[]).await.cookie();
    let again = device.post(&inform("1"), &[("Cookie", &first)]).await;
    assert_eq!((again.status, again.cookie()), (200, first));
    assert_eq!(device.post("", &[]).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_share_a_connection_have_their_own_sessions() {
    let server = TestServer::start().await;
    let mut shared = server.device().await;
    let one = shared.post(&inform("1"), &[]).await.cookie();
    let two = shared.post(&inform("2"), &[]).await;
    assert_eq!(two.status, 200);
    assert_ne!(two.cookie(), one);
    assert_eq!(shared.post("", &[]).await.status, 204);
    let devices = server.get("/devices?projection=_id").await;
    assert_eq!(devices.as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_08_a_cookie_is_good_for_one_device() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    let cookie = device.post(&inform("1"), &[]).await.cookie();
    let mut thief = server.device().await;
    assert_eq!(thief.post(&inform("2"), &[("Cookie", &cookie)]).await.status, 400);
    assert_logged(thief.peer, "an Inform of 00D09E-Test-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acs_12_requests_of_the_device_are_answered() {
    let server = TestServer::start().await;
    let mut device = server.device().await;
    device.post(&inform_with("1", "7 TRANSFER COMPLETE", &[]), &[]).await;
    let methods = envelope("m", "<cwmp:GetRPCMethods></cwmp:GetRPCMethods>");
    assert!(device.post(&methods, &[]).await.contains("GetRPCMethodsResponse"));
    let unknown = envelope("u", "<cwmp:X_Dance></cwmp:X_Dance>");
    assert!(device.post(&unknown, &[]).await.contains("8000"));
    assert_eq!(device.post("", &[]).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_survives_a_restart() {
    let server = TestServer::start().await;
    server.register("1", &[("Device.X", "kept")]).await;
    let mut open = server.device().await;
    assert_eq!(open.post(&inform("2"), &[]).await.status, 200, "left open");
    let folder = server.stop().await.expect("a folder of its own");
    let store = drover_store::Store::open(folder.path()).expect("store");
    let key = drover_provision::DeviceKey::new("00D09E", "Test", "1");
    let record = store.load(&key).await.expect("load").expect("device 1");
    assert_eq!(record.value("Device.X").map(|value| value.text.as_str()), Some("kept"));
    assert_eq!(store.count_devices().await, Ok(2));
}
