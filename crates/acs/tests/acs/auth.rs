//! Devices that have to prove who they are.

use drover_cwmp::auth::{ChallengeOutcome, ClientAuth, Credentials, Secret};

use serde_json::Value as Json;

use crate::harness::{
    Client, Response, TestServer, assert_logged, envelope, id_of, inform, inform_with, logs,
};

const DIGEST: &str = r#"
    [cwmp.auth]
    mode = "digest"
    [[cwmp.auth.users]]
    username = "any"
    password = "sesame"
    [[cwmp.auth.users]]
    username = "one"
    password = "sesame"
    device = "00D09E-Test-1"
"#;

struct Login(ClientAuth);

impl Login {
    fn new(name: &str, password: &str) -> Self {
        Self(ClientAuth::new(Credentials::new(name, Secret::new(password)), true))
    }

    /// Takes the challenge of a 401.
    fn challenge(&mut self, response: &Response) {
        assert_eq!(response.status, 401);
        let named = response.headers.iter().filter(|(name, _)| name == "Www-Authenticate");
        let values: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
        assert_eq!(self.0.handle_challenge(&values), ChallengeOutcome::Answer, "{values:?}");
    }

    fn header(&mut self) -> String {
        self.0.authorization("POST", "/acs", "0a4f113b").expect("a header")
    }

    async fn post(&mut self, device: &mut Client, body: &str) -> Response {
        let header = self.header();
        device.post(body, &[("Authorization", &header)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_05_without_credentials_nothing_happens() {
    let server = TestServer::with(DIGEST).await;
    let mut device = server.device().await;
    let mut login = Login::new("any", "sesame");
    let refused = device.post(&inform("1"), &[]).await;
    login.challenge(&refused);
    assert_eq!(refused.header("set-cookie"), None);
    assert_eq!(server.store.count_devices().await, Ok(0));
    assert_eq!(login.post(&mut device, &inform("1")).await.status, 200);
    // Quirk 12: the session needs no further credentials.
    assert_eq!(device.post("", &[]).await.status, 204);
    assert_eq!(server.store.count_devices().await, Ok(1));
    // The next session does.
    assert_eq!(device.post(&inform("1"), &[]).await.status, 401);
    assert_eq!(login.post(&mut device, &inform("1")).await.status, 200, "the nonce still lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_1_an_empty_post_is_challenged() {
    let server = TestServer::with(DIGEST).await;
    let mut device = server.device().await;
    let mut login = Login::new("any", "sesame");
    login.challenge(&device.post("", &[]).await);
    assert_eq!(login.post(&mut device, &inform("1")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_14_a_nonce_is_good_on_any_connection() {
    let server = TestServer::with(DIGEST).await;
    let mut login = Login::new("any", "sesame");
    login.challenge(&server.device().await.post(&inform("1"), &[]).await);
    let mut other = server.device().await;
    assert_eq!(login.post(&mut other, &inform("1")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_13_a_count_that_stands_still_is_stale() {
    for (strict, status) in [(true, 401), (false, 200)] {
        let toml =
            DIGEST.replace("realm", "").replacen("[cwmp.auth]", "[cwmp.auth]\nstrict_nc = X", 1);
        let server = TestServer::with(&toml.replace('X', &strict.to_string())).await;
        let mut device = server.device().await;
        let mut login = Login::new("any", "sesame");
        login.challenge(&device.post("", &[]).await);
        let header = login.header();
        assert_eq!(device.post(&inform("1"), &[("Authorization", &header)]).await.status, 200);
        assert_eq!(device.post("", &[]).await.status, 204);
        let replayed = device.post(&inform("1"), &[("Authorization", &header)]).await;
        assert_eq!(replayed.status, status);
        if strict {
            let challenge = replayed.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains("stale=true"), "{challenge}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quirk_15_basic_unasked_is_answered_with_a_challenge() {
    let server = TestServer::with(DIGEST).await;
    let mut device = server.device().await;
    let basic = [("Authorization", "Basic YW55OnNlc2FtZQ==")];
    let mut login = Login::new("any", "sesame");
    login.challenge(&device.post(&inform("1"), &basic).await);
    assert_eq!(login.post(&mut device, &inform("1")).await.status, 200);
    let both = DIGEST.replace("\"digest\"", "\"digest_or_basic\"\nallow_basic_without_tls = true");
    let server = TestServer::with(&both).await;
    let mut device = server.device().await;
    assert_eq!(device.post(&inform("1"), &basic).await.status, 200);
    assert!(logs().contains("basic authentication without TLS is allowed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_refused_and_logged() {
    let server = TestServer::with(DIGEST).await;
    for (name, password, reason) in [
        ("any", "guess-sesam", "wrong password"),
        ("nobody", "sesame", "the user name belongs to no credentials"),
    ] {
        let mut device = server.device().await;
        let mut login = Login::new(name, password);
        login.challenge(&device.post(&inform("1"), &[]).await);
        let refused = login.post(&mut device, &inform("1")).await;
        assert_eq!(refused.status, 401);
        assert_logged(device.peer, reason).await;
    }
    assert!(!logs().contains("sesam"), "SEC-01");
    assert_eq!(server.store.count_devices().await, Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_08_who_is_one_device_is_no_other() {
    let server = TestServer::with(DIGEST).await;
    let mut device = server.device().await;
    let mut login = Login::new("one", "sesame");
    login.challenge(&device.post("", &[]).await);
    let refused = login.post(&mut device, &inform("2")).await;
    assert!(refused.status == 200 && refused.contains("8001"), "{}", refused.text());
    assert_eq!(server.store.count_devices().await, Ok(0));
    assert_eq!(login.post(&mut device, &inform("1")).await.status, 200);
    assert_eq!(server.store.count_devices().await, Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_without_credentials_is_not_read() {
    let server = TestServer::with(DIGEST).await;
    let mut device = server.device().await;
    device.send(crate::harness::post_head(100 << 20, &[])).await;
    let refused = device.response().await;
    assert_eq!((refused.status, refused.header("connection")), (401, Some("close")));
}

const ONBOARDING: &str = r#"
    [cwmp.auth]
    mode = "digest"
    [[cwmp.auth.onboarding]]
    password = "for all of them"
    oui = "00d09e"
"#;

const SET: &str = "<cwmp:SetParameterValuesResponse><Status>0</Status>\
                   </cwmp:SetParameterValuesResponse>";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_gets_a_password_that_no_other_has() {
    let server = TestServer::with(ONBOARDING).await;
    let url = &[("Device.ManagementServer.URL", "http://acs.example/")];
    let body = inform_with("1", "0 BOOTSTRAP", url);
    let mut device = server.device().await;
    let mut shared = Login::new("00D09E-Test-1", "for all of them");
    shared.challenge(&device.post(&body, &[]).await);
    assert_eq!(shared.post(&mut device, &body).await.status, 200);
    let request = device.post("", &[]).await;
    assert!(request.contains("Device.ManagementServer.Password"), "{}", request.text());
    let text = request.text();
    let password = text.split("ManagementServer.Password</Name>").nth(1).expect("a password");
    let password = password.split_once("\">").expect("a value").1;
    let password = password.split('<').next().expect("an end").to_owned();
    assert_eq!(password.len(), 32, "{password}");
    let done = device.post(&envelope(&id_of(&text), SET), &[]).await;
    assert_eq!(done.status, 204, "{}", done.text());
    let known = server.get("/devices/00D09E-Test-1/credentials").await;
    assert_eq!(
        (&known["username"], &known["nextUsername"]),
        (&Json::Null, &"00D09E-Test-1".into())
    );

    // An answer may have been lost, so both are good until the new one was used.
    let mut again = server.device().await;
    assert_eq!(shared.post(&mut again, &body).await.status, 200);
    drop(again);
    let mut device = server.device().await;
    let mut own = Login::new("00D09E-Test-1", &password);
    own.challenge(&device.post(&inform("1"), &[]).await);
    assert_eq!(own.post(&mut device, &inform("1")).await.status, 200);
    assert_eq!(device.post("", &[]).await.status, 204, "nothing is left to be set");
    let mut device = server.device().await;
    let refused = shared.post(&mut device, &body).await;
    assert_eq!(refused.status, 401);
    assert_logged(device.peer, "an onboarding secret from a device that has credentials").await;
    assert!(!logs().contains(&password) && !logs().contains("for all"), "SEC-01");
    let kept = server.api("GET", "/devices/00D09E-Test-1/sessions?messages=true", "").await;
    assert!(kept.contains("ManagementServer.Password"), "{}", kept.text());
    assert!(!kept.contains(&password), "SEC-01");

    // An operator lets it come anew.
    let forgotten = server.api("DELETE", "/devices/00D09E-Test-1/credentials", "").await;
    assert_eq!(forgotten.status, 200);
    let mut device = server.device().await;
    let mut shared = Login::new("00D09E-Test-1", "for all of them");
    shared.challenge(&device.post(&body, &[]).await);
    assert_eq!(shared.post(&mut device, &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_may_be_there_before_the_device() {
    let server = TestServer::with(ONBOARDING).await;
    let target = "/devices/00D09E-Test-7/credentials";
    assert_eq!(server.api("GET", target, "").await.status, 404);
    for wrong in ["", "{}", r#"{"username": "u", "password": ""}"#, r#"{"username": 1}"#] {
        assert_eq!(server.api("PUT", target, wrong).await.status, 400, "{wrong}");
    }
    let body = r#"{"username": "seven", "password": "sesame"}"#;
    assert_eq!(server.api("PUT", target, body).await.status, 200);
    let known = server.api("GET", target, "").await;
    assert!(known.contains("seven") && !known.contains("sesame"), "{}", known.text());
    let mut login = Login::new("seven", "sesame");
    let mut device = server.device().await;
    login.challenge(&device.post(&inform("7"), &[]).await);
    assert_eq!(login.post(&mut device, &inform("7")).await.status, 200);
    let mut other = server.device().await;
    assert_eq!(login.post(&mut other, &inform("8")).await.status, 401, "AUTH-08");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_of_genieacs_decides() {
    let server = TestServer::start().await;
    let rule = r#"AUTH(DeviceID.SerialNumber, "p" || "q")"#;
    assert_eq!(server.api("PUT", "/config/cwmp.auth", rule).await.status, 200);
    let mut device = server.device().await;
    let mut login = Login::new("1", "pq");
    login.challenge(&device.post(&inform("1"), &[]).await);
    assert_eq!(login.post(&mut device, &inform("1")).await.status, 200);
    let mut other = server.device().await;
    assert_eq!(login.post(&mut other, &inform("2")).await.status, 401);
    assert_eq!(server.api("DELETE", "/config/cwmp.auth", "").await.status, 200);
    assert_eq!(server.device().await.post(&inform("2"), &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_taken_from_nobody_without_a_password() {
    let server = TestServer::with(DIGEST).await;
    let mut device = server.device().await;
    let mut login = Login::new("any", "sesame");
    login.challenge(&device.post(&inform("1"), &[]).await);
    let opened = login.post(&mut device, &inform("1")).await;
    assert_eq!(opened.status, 200);
    let mut thief = server.device().await;
    let mut guess = Login::new("any", "wrong");
    guess.challenge(&thief.post(&inform("1"), &[]).await);
    assert_eq!(guess.post(&mut thief, &inform("1")).await.status, 401);
    assert_eq!(device.post("", &[]).await.status, 204, "the session goes on");
}
