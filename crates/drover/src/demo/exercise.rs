//! What `--once` does with each device through the northbound API, and what it finds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use super::nbi::Nbi;
use crate::out::Failure;

/// The parameter that is set and read back.
const INTERVAL: &str = "Device.ManagementServer.PeriodicInformInterval";
/// How long one device may take for everything.
const DEVICE_SECONDS_MAX: u64 = 60;

/// What the server knows of a device once it has been worked with.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) device: String,
    pub(super) model: String,
    pub(super) parameters: usize,
    pub(super) sessions: u64,
    /// The parameter the server set, and its value as the device told it afterwards.
    pub(super) parameter: &'static str,
    pub(super) set: u64,
    pub(super) read: u64,
    #[serde(skip)]
    pub(super) values: BTreeMap<String, String>,
}

/// Waits until the server knows as many devices, and gives their ids.
pub(super) async fn registered(
    nbi: Nbi,
    count: usize,
    limit: Duration,
) -> Result<Vec<String>, Failure> {
    let deadline = Instant::now() + limit;
    loop {
        let devices = nbi.devices(None, "_id").await?;
        let ids: Vec<_> = devices.iter().filter_map(|device| device["_id"].as_str()).collect();
        if ids.len() >= count {
            return Ok(ids.into_iter().map(str::to_owned).collect());
        }
        if Instant::now() > deadline {
            return Err(Failure::Failed(format!(
                "only {} of {count} devices have come to the server within {} s",
                ids.len(),
                limit.as_secs()
            )));
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Reads everything a device has, sets a value, has the device tell it, and looks at the result.
pub(super) async fn exercise(nbi: Nbi, id: &str, interval: u64) -> Result<Row, Failure> {
    done(nbi, id, &json!({ "name": "refreshObject", "objectName": "" })).await?;
    let values = json!([[INTERVAL, interval, "xsd:unsignedInt"]]);
    done(nbi, id, &json!({ "name": "setParameterValues", "parameterValues": values })).await?;
    let set_at = leaf(&document(nbi, id).await?, INTERVAL, "_timestamp");
    done(nbi, id, &json!({ "name": "getParameterValues", "parameterNames": [INTERVAL] })).await?;
    let document = document(nbi, id).await?;
    if leaf(&document, INTERVAL, "_timestamp") <= set_at {
        return Err(Failure::Failed(format!(
            "{id}: {INTERVAL} has not been read after it was set"
        )));
    }
    let mut known = BTreeMap::new();
    collect(&document, "", &mut known);
    Ok(Row {
        device: id.to_owned(),
        model: model(&document),
        parameters: known.len(),
        sessions: document["_sessions"].as_u64().unwrap_or_default(),
        parameter: INTERVAL,
        set: interval,
        read: known.get(INTERVAL).and_then(|text| text.parse().ok()).unwrap_or_default(),
        values: known,
    })
}

/// Has a device do a task now; where a connection request came at a bad moment, asks once more by
/// a task that costs nothing until the first is done.
async fn done(nbi: Nbi, id: &str, task: &Json) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(DEVICE_SECONDS_MAX);
    if nbi.task(id, task).await? {
        return Ok(());
    }
    loop {
        let waiting = nbi.tasks(id).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        if let Some(fault) = nbi.faults(id).await?.first() {
            let (code, message) = (&fault["code"], &fault["message"]);
            return Err(Failure::Failed(format!(
                "{id}: {} failed: {code} {message}",
                task["name"]
            )));
        }
        if Instant::now() > deadline {
            let name = &task["name"];
            return Err(Failure::Failed(format!("{id} has not done {name} in time")));
        }
        sleep(Duration::from_millis(200)).await;
        nbi.connection_request(id).await?;
    }
}

async fn document(nbi: Nbi, id: &str) -> Result<Json, Failure> {
    let mut devices = nbi.devices(Some(id), "").await?;
    devices.pop().ok_or_else(|| Failure::Failed(format!("the server does not know {id} any more")))
}

fn leaf(document: &Json, path: &str, key: &str) -> String {
    let node = path.split('.').fold(document, |node, name| &node[name]);
    node[key].as_str().unwrap_or_default().to_owned()
}

fn model(document: &Json) -> String {
    let id = &document["_deviceId"];
    let part = |key: &str| id[key].as_str().unwrap_or_default();
    format!("{} {}", part("_Manufacturer"), part("_ProductClass"))
}

/// Every value in the document, by path.
fn collect(node: &Json, path: &str, values: &mut BTreeMap<String, String>) {
    let Json::Object(members) = node else { return };
    if let Some(value) = members.get("_value") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        values.insert(path.to_owned(), text);
    }
    for (name, child) in members {
        if !name.starts_with('_') {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            collect(child, &path, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_collected_by_path() {
        let document = json!({
            "_id": "x",
            "Device": {
                "_object": true,
                "A": { "_value": 7, "_type": "xsd:int" },
                "B": { "1": { "C": { "_value": "text" } } },
            },
        });
        let mut values = BTreeMap::new();
        collect(&document, "", &mut values);
        let expected = [("Device.A", "7"), ("Device.B.1.C", "text")];
        assert_eq!(values, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }
}
