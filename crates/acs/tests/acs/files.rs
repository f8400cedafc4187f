//! Files: from the northbound interface to the device, and back.

use serde_json::json;

use crate::harness::{Client, Response, TestServer, assert_logged, inform};

const IMAGE: &str = "The bytes of an image, of which a device may want a part.";

async fn put(server: &TestServer, name: &str, body: &str, headers: &str) -> Response {
    let mut client = Client::connect(server.nbi).await;
    let length = body.len();
    client
        .send(format!(
            "PUT /files/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        ))
        .await;
    client.response_to("PUT").await
}

async fn ask(server: &TestServer, method: &str, path: &str, rest: &str) -> (Client, Response) {
    let mut client = Client::connect(server.files.expect("files are served")).await;
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: acs\r\n{rest}")).await;
    let response = client.response_to(method).await;
    (client, response)
}

async fn fetch(server: &TestServer, path: &str, headers: &str) -> Response {
    ask(server, "GET", path, &format!("{headers}\r\n")).await.1
}

/// The path of the URL with which the server asks a device for a transfer.
async fn asked(server: &TestServer, id: &str, task: &str, rpc: &str) -> String {
    let posted = server.api("POST", &format!("/devices/{id}/tasks"), task).await;
    assert_eq!(posted.status, 202, "{}", posted.text());
    let mut device = server.device().await;
    let serial = id.rsplit('-').next().expect("a serial number");
    assert_eq!(device.post(&inform(serial), &[]).await.status, 200);
    let request = device.post("", &[]).await.text();
    assert!(request.contains(&format!("<cwmp:{rpc}>")), "{request}");
    let url = request.split("<URL>").nth(1).and_then(|rest| rest.split("</URL>").next());
    let port = server.files.expect("files are served").port();
    let path = url.expect("a URL").strip_prefix(&format!("http://acs:{port}"));
    path.unwrap_or_else(|| panic!("the device's own way to us: {request}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_loads_what_it_is_told_to() {
    let server = TestServer::start().await;
    let metadata = "fileType: 1 Firmware Upgrade Image\r\noui: 00D09E\r\nversion: 2.0\r\n";
    assert_eq!(put(&server, "box%202.0.bin", IMAGE, metadata).await.status, 201);
    let files = server.get("/files/").await;
    let file = &files[0];
    assert_eq!((&file["_id"], &file["length"]), (&json!("box 2.0.bin"), &json!(IMAGE.len())));
    let expected = json!({"fileType": "1 Firmware Upgrade Image", "oui": "00D09E",
        "productClass": "", "version": "2.0"});
    assert_eq!(file["metadata"], expected);
    let query = "/files/?query=%7B%22metadata.version%22:%222.0%22%7D";
    assert_eq!(server.get(query).await, files);
    let id = server.register("1", &[]).await;
    let task = r#"{"name":"download","file":"box 2.0.bin"}"#;
    let path = asked(&server, &id, task, "Download").await;
    assert!(path.starts_with("/get/") && path.ends_with("/box%202.0.bin"), "{path}");
    let whole = fetch(&server, &path, "").await;
    assert_eq!((whole.status, whole.text().as_str()), (200, IMAGE));
    let tag = whole.header("etag").expect("a tag").to_owned();
    let (_, head) = ask(&server, "HEAD", &path, "\r\n").await;
    let length = IMAGE.len().to_string();
    assert_eq!((head.status, head.header("content-length")), (200, Some(length.as_str())));
    // A transfer that broke off goes on.
    let rest = fetch(&server, &path, &format!("Range: bytes=4-8\r\nIf-Range: {tag}\r\n")).await;
    assert_eq!((rest.status, rest.text().as_str()), (206, "bytes"));
    let range = format!("bytes 4-8/{}", IMAGE.len());
    assert_eq!(rest.header("content-range"), Some(range.as_str()));
    let other = "Range: bytes=4-8\r\nIf-Range: \"another\"\r\n";
    assert_eq!(fetch(&server, &path, other).await.text(), IMAGE, "the file has changed");
    let beyond = fetch(&server, &path, "Range: bytes=999-\r\n").await;
    let size = format!("bytes */{}", IMAGE.len());
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some(size.as_str())));
    assert_eq!(fetch(&server, &path, &format!("If-None-Match: {tag}\r\n")).await.status, 304);
    // The same URL brings what has taken the name.
    assert_eq!(put(&server, "box%202.0.bin", "new", "").await.status, 201);
    let untyped = server.api("POST", &format!("/devices/{id}/tasks"), task).await;
    assert_eq!(untyped.status, 400);
    assert!(untyped.contains("put it again with the header fileType"), "{}", untyped.text());
    assert_eq!(fetch(&server, &path, "").await.text(), "new");
    assert_eq!(server.api("DELETE", "/files/box%202.0.bin", "").await.status, 200);
    assert_eq!(server.api("DELETE", "/files/box%202.0.bin", "").await.status, 404);
    assert_eq!(fetch(&server, &path, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_file_without_its_url() {
    let server = TestServer::start().await;
    assert_eq!(put(&server, "image", IMAGE, "").await.status, 201);
    assert_eq!(put(&server, "secret", "other", "").await.status, 201);
    let id = server.register("1", &[]).await;
    let task = r#"{"name":"download","fileType":"1 Firmware Upgrade Image","fileName":"image"}"#;
    let path = asked(&server, &id, task, "Download").await;
    let proof = path.strip_suffix("/image").expect("the name comes last");
    let until = proof.strip_prefix("/get/").and_then(|it| it.split('-').next()).expect("a time");
    let later = format!("{}9", &until[..until.len() - 1]);
    for path in [
        "/image".to_owned(),
        "/files/image".to_owned(),
        format!("{proof}/secret"),
        format!("{proof}/../secret"),
        format!("{proof}/%2e%2e%2fkey"),
        format!("{proof}/"),
        path.replacen("/get/", "/put/", 1),
        path.replacen(until, &later, 1),
        path.to_uppercase(),
        "/../key".to_owned(),
        "/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "//etc/passwd".to_owned(),
        "/get/1-0/%00".to_owned(),
        "/".to_owned(),
    ] {
        if path.contains(&later) && later == until {
            continue;
        }
        let (client, refused) = ask(&server, "GET", &path, "\r\n").await;
        assert!(matches!(refused.status, 400 | 403), "{path}: {}", refused.status);
        assert_eq!(refused.text(), "", "{path}");
        assert_logged(client.peer, "file refused").await;
    }
    for method in ["PUT", "POST", "DELETE"] {
        let (_, refused) = ask(&server, method, &path, "Content-Length: 1\r\n\r\nx").await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    }
    assert_eq!(fetch(&server, &path, "").await.text(), IMAGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_may_be_open_to_all() {
    let server = TestServer::with("[files]\nopen = true").await;
    assert_eq!(put(&server, "a", IMAGE, "").await.status, 201);
    assert_eq!(fetch(&server, "/a", "").await.text(), IMAGE);
    assert_eq!(fetch(&server, "/b", "").await.status, 404);
    assert_eq!(fetch(&server, "/../a", "").await.status, 404);
    let (_, refused) = ask(&server, "PUT", "/a", "Content-Length: 1\r\n\r\nx").await;
    assert_eq!(refused.status, 405, "open to read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_uploads_what_it_is_asked_for() {
    let server = TestServer::with("[files]\nupload_bytes = 100").await;
    let id = server.register("1", &[]).await;
    let script = "const row = 'Uploads.[FileType:2 Vendor Log File,FileName:logs/box.log]';\
        declare(row, {path: 1}, {path: 1}); declare(row + '.Upload', {}, {value: Date.now()});";
    assert_eq!(server.api("PUT", "/provisions/fetch", script).await.status, 200);
    let task = r#"{"name":"provisions","provisions":[["fetch"]]}"#;
    let path = asked(&server, &id, task, "Upload").await;
    assert!(path.starts_with("/put/") && path.ends_with("/logs/box.log"), "{path}");
    let (client, large) =
        ask(&server, "PUT", &path, &format!("Content-Length: 101\r\n\r\n{}", "x".repeat(101)))
            .await;
    assert_eq!(large.status, 413);
    assert_logged(client.peer, "the file has more than 100 bytes").await;
    assert_eq!(server.get("/files").await, json!([]));
    let (_, refused) = ask(&server, "GET", &path, "\r\n").await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("PUT, POST")));
    for (method, log) in [("PUT", "first"), ("POST", "second")] {
        let length = log.len();
        let body = format!("Content-Length: {length}\r\n\r\n{log}");
        assert_eq!(ask(&server, method, &path, &body).await.1.status, 201, "{method}");
    }
    let file = &server.get("/files").await[0];
    assert_eq!((&file["_id"], &file["length"]), (&json!("logs/box.log"), &json!(6)));
    assert_eq!(file["metadata"]["fileType"], "Upload");
    // Without a name, no two devices replace each other's files.
    let script = "const row = 'Uploads.[FileType:1 Vendor Configuration File]';\
        declare(row, {path: 1}, {path: 1}); declare(row + '.Upload', {}, {value: Date.now()});";
    assert_eq!(server.api("PUT", "/provisions/fetch", script).await.status, 200);
    let other = server.register("2", &[]).await;
    let path = asked(&server, &other, task, "Upload").await;
    assert!(path.contains("/uploads/00D09E-Test-2/"), "{path}");
    let (_, stored) = ask(&server, "PUT", &path, "Content-Length: 1\r\n\r\nx").await;
    assert_eq!(stored.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_file_is_refused() {
    let server = TestServer::with("[files]\nfile_bytes = 10").await;
    assert_eq!(put(&server, "a", "0123456789", "").await.status, 201);
    let large = put(&server, "a", "0123456789x", "").await;
    assert_eq!((large.status, &*large.text()), (413, "the file has more than 10 bytes"));
    for name in ["..%2Fkey", "%2E%2E", "a%2F%2Fb", "%0A"] {
        let refused = put(&server, name, "x", "").await;
        assert_eq!(refused.status, 400, "{name}");
        assert!(refused.contains("the name must have"), "{}", refused.text());
    }
    assert_eq!(server.get("/files").await[0]["length"], 10, "the old one stays");
    let folder = server.stop().await.expect("a folder");
    let server = TestServer::in_folder("", folder.path()).await;
    assert_eq!(server.get("/files").await[0]["_id"], "a", "it is there after a restart");
    server.stop().await;
    let server = TestServer::in_folder("[files]\nenabled = false", folder.path()).await;
    let off = put(&server, "a", "x", "").await;
    assert!(off.status == 503 && off.contains("files.enabled"), "{}", off.text());
    assert_eq!(server.get("/files").await, json!([]));
}
