//! A client of the northbound API, as an integration would write it.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;

use crate::out::Failure;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Debug, Clone, Copy)]
pub(super) struct Nbi {
    address: SocketAddr,
}

impl Nbi {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// All devices, or the one with this id.
    pub(super) async fn devices(
        self,
        id: Option<&str>,
        projection: &str,
    ) -> Result<Vec<Json>, Failure> {
        let query = id.map_or_else(|| json!({}), |id| json!({ "_id": id })).to_string();
        let target =
            format!("/devices/?query={}&projection={}", encode(&query), encode(projection));
        let (status, body) = self.send(Method::GET, &target, String::new()).await?;
        match (status, serde_json::from_slice(&body)) {
            (StatusCode::OK, Ok(Json::Array(devices))) => Ok(devices),
            _ => Err(unexpected("GET /devices", status, &body)),
        }
    }

    /// Queues a task and asks the device to come for it now. True when the task has been done.
    pub(super) async fn task(self, id: &str, task: &Json) -> Result<bool, Failure> {
        let target = format!("/devices/{}/tasks?timeout=10000&connection_request", encode(id));
        let (status, body) = self.send(Method::POST, &target, task.to_string()).await?;
        match status {
            StatusCode::OK => Ok(true),
            StatusCode::ACCEPTED => Ok(false),
            _ => Err(unexpected("POST /devices/…/tasks", status, &body)),
        }
    }

    /// Asks a device to come now. False when it could not be reached.
    pub(super) async fn connection_request(self, id: &str) -> Result<bool, Failure> {
        let target = format!("/devices/{}/tasks?connection_request", encode(id));
        let (status, body) = self.send(Method::POST, &target, String::new()).await?;
        match status {
            StatusCode::OK => Ok(true),
            StatusCode::GATEWAY_TIMEOUT => Ok(false),
            _ => Err(unexpected("POST /devices/…/tasks", status, &body)),
        }
    }

    /// The tasks of a device that wait or failed.
    pub(super) async fn tasks(self, id: &str) -> Result<Vec<Json>, Failure> {
        self.collection("tasks", &json!({ "device": id })).await
    }

    /// The faults of a device.
    pub(super) async fn faults(self, id: &str) -> Result<Vec<Json>, Failure> {
        self.collection("faults", &json!({ "device": id })).await
    }

    async fn collection(self, name: &str, query: &Json) -> Result<Vec<Json>, Failure> {
        let target = format!("/{name}/?query={}", encode(&query.to_string()));
        let (status, body) = self.send(Method::GET, &target, String::new()).await?;
        match (status, serde_json::from_slice(&body)) {
            (StatusCode::OK, Ok(Json::Array(items))) => Ok(items),
            _ => Err(unexpected(name, status, &body)),
        }
    }

    async fn send(
        self,
        method: Method,
        target: &str,
        body: String,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let what = format!("northbound API at {}", self.address);
        let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("{what}: {error}"));
        let stream = TcpStream::connect(self.address).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("Host", self.address.to_string())
            .header("Content-Type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(&error))?;
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = response.status();
        let body = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| failed(&error))?
            .to_bytes();
        connection.abort();
        Ok((status, body))
    }
}

fn unexpected(what: &str, status: StatusCode, body: &[u8]) -> Failure {
    let body: String = String::from_utf8_lossy(body).chars().take(200).collect();
    Failure::Failed(format!("{what} answered {status}: {body}"))
}

/// Percent-encodes everything but the unreserved characters; a `%` of an id becomes `%25`.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_percent_signs_is_encoded_again() {
        assert_eq!(encode("00D09E-My%20Box-1"), "00D09E-My%2520Box-1");
    }
}
