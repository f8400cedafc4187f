//! A client of the northbound API, as an integration written for GenieACS is one.

use std::net::SocketAddr;

use serde_json::{Value as Json, json};

use crate::http::{self, Response};
use crate::wait;

/// The northbound API of a server.
#[derive(Debug, Clone, Copy)]
pub struct Nbi {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Nbi {
    /// The API at an address.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn send(&self, start: &str, body: &str) -> Response {
        self.try_send(start, body).unwrap_or_else(|error| panic!("NBI: {start}: {error}"))
    }

    /// Sends a request to a server that may be dying.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn try_send(&self, start: &str, body: &str) -> std::io::Result<Response> {
        let headers = [("Content-Type", "application/json")];
        http::once(self.address, start, &headers, body.as_bytes())
    }

    /// The documents of a collection that match.
    ///
    /// # Panics
    /// When the answer is no list.
    pub fn find(&self, collection: &str, query: &Json) -> Vec<Json> {
        let start = format!("GET /{collection}/?query={}", encode(&query.to_string()));
        let response = self.send(&start, "");
        assert_eq!(response.status, 200, "{start}: {}", response.text());
        match serde_json::from_slice(&response.body) {
            Ok(Json::Array(list)) => list,
            other => panic!("{start}: {other:?}"),
        }
    }

    /// A device, when the server knows it.
    pub fn device(&self, id: &str) -> Option<Json> {
        self.find("devices", &json!({ "_id": id })).pop()
    }

    /// The value of a parameter of a device; `None` when there is none.
    pub fn value(&self, id: &str, path: &str) -> Option<Json> {
        value(&self.device(id)?, path).cloned()
    }

    /// Waits until the server knows a device.
    pub fn wait_for_device(&self, query: &Json) -> Json {
        wait::until(&format!("the device {query}"), || self.find("devices", query).pop())
    }

    /// Posts a task; `more` are further members of the query, such as `connection_request`.
    pub fn post_task(&self, id: &str, task: &Json, more: &str) -> Response {
        self.send(&task_target(id, more), &task.to_string())
    }

    /// Posts a task that must be stored, and returns its id.
    ///
    /// # Panics
    /// When it is not.
    pub fn queue(&self, id: &str, task: &Json) -> String {
        let response = self.post_task(id, task, "");
        assert_eq!(response.status, 202, "{task}: {}", response.text());
        task_id(&response).unwrap_or_else(|| panic!("no _id in {}", response.text()))
    }

    /// Whether a task waits or failed, and is thus still in the list.
    pub fn task(&self, id: &str) -> Option<Json> {
        self.find("tasks", &json!({ "_id": id })).pop()
    }

    /// The fault of a task.
    pub fn task_fault(&self, device: &str, id: &str) -> Option<Json> {
        self.find("faults", &json!({ "_id": format!("{device}:task_{id}") })).pop()
    }
}

/// The request line for a new task.
pub fn task_target(id: &str, more: &str) -> String {
    let query = if more.is_empty() { String::new() } else { format!("?{more}") };
    format!("POST /devices/{}/tasks{query}", encode(id))
}

/// The `_id` of an answer.
pub fn task_id(response: &Response) -> Option<String> {
    let task: Json = serde_json::from_slice(&response.body).ok()?;
    Some(task.get("_id")?.as_str()?.to_owned())
}

/// What a device document holds at a path.
pub fn node<'a>(device: &'a Json, path: &str) -> Option<&'a Json> {
    let names = path.split('.').filter(|name| !name.is_empty());
    names.into_iter().try_fold(device, |node, name| node.get(name))
}

/// The value in a device document at a path.
pub fn value<'a>(device: &'a Json, path: &str) -> Option<&'a Json> {
    node(device, path)?.get("_value")
}

/// How the server names a device.
pub fn device_id(oui: &str, product_class: &str, serial: &str) -> String {
    let parts = [&oui.to_uppercase(), product_class, serial].map(encode_part);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

fn encode_part(text: &str) -> String {
    encode_but(text, b"_")
}

/// Percent-encodes all but unreserved characters, so that each `%` of an id becomes `%25`.
pub fn encode(text: &str) -> String {
    encode_but(text, b"-_.~")
}

fn encode_but(text: &str, allowed: &[u8]) -> String {
    let bytes = text.bytes().map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || allowed.contains(&byte);
        if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_twice_on_the_way() {
        let id = device_id("00d09e", "My Box", "A-1");
        assert_eq!(id, "00D09E-My%20Box-A%2D1");
        assert!(task_target(&id, "connection_request").contains("My%2520Box-A%252D1/tasks?c"));
        assert_eq!(device_id("", "", "7"), "7");
    }

    #[test]
    fn values_are_found_by_path() {
        let device = json!({ "Device": { "X": { "_value": 3 } } });
        assert_eq!(value(&device, "Device.X"), Some(&json!(3)));
        assert_eq!(value(&device, "Device.Y"), None);
    }
}
