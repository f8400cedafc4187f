//! What a device did and was: its sessions, its history and its snapshots.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use drover_provision::DeviceRecord;
use drover_provision::trace::{Trace, What};
use drover_store::{Point, SnapshotId, Step, TraceCursor};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::collection::number;
use super::device::{self, iso};
use super::error::ApiError;
use super::projection::Projection;
use super::stream;
use super::{Nbi, device_key, json_response};
use crate::limits::{SESSIONS_LISTED, SESSIONS_LISTED_MAX};

/// Which sessions to list.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Sessions {
    limit: Option<String>,
    before: Option<String>,
}

/// `GET /devices/{id}/sessions`: the last sessions that are on record, the newest first.
pub(super) async fn sessions(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
    Query(parameters): Query<Sessions>,
) -> Result<Response<Body>, ApiError> {
    let limit = match number("limit", parameters.limit.as_deref())? {
        0 => SESSIONS_LISTED,
        limit if limit <= SESSIONS_LISTED_MAX => limit,
        _ => return Err(ApiError::bad(format!("limit must be at most {SESSIONS_LISTED_MAX}"))),
    };
    let mut before = match parameters.before.as_deref() {
        None | Some("") => None,
        Some(text) => {
            let cursor = text.parse::<TraceCursor>();
            Some(cursor.map_err(|error| ApiError::bad(format!("before: {error}")))?)
        }
    };
    let key = known_device(&nbi, &id).await?.key;
    let store = nbi.server.store.clone();
    let body = stream::array(|mut lines| async move {
        // One at a time, because each may be large.
        for _ in 0..limit {
            let page = store.sessions(&key, before.as_ref(), 1).await?;
            let Some((cursor, trace)) = page.into_iter().next() else { break };
            lines.push(&session_document(cursor, &trace));
            before = Some(cursor);
            if !lines.send().await {
                break;
            }
        }
        Ok(lines)
    });
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

fn session_document(cursor: TraceCursor, trace: &Trace) -> Json {
    let rpcs = trace.rpcs().into_iter().map(|rpc| {
        let milliseconds = rpc.duration.map(|duration| duration.as_millis());
        json!({"entry": rpc.entry, "name": rpc.name, "milliseconds": milliseconds})
    });
    let entries = trace.entries.iter().map(|entry| {
        let time = iso(entry.time);
        json!({"time": time, "kind": entry.what.kind(), "text": entry.what.text()})
    });
    let nothing =
        trace.nothing.iter().map(|it| json!({"path": it.path, "reason": it.reason.to_string()}));
    let idle =
        trace.idle.iter().map(|it| json!({"preset": it.name, "reason": it.reason.to_string()}));
    let is_failure = |what: &What| matches!(what, What::Failed(_));
    json!({
        "_id": cursor.to_string(),
        "began": iso(trace.began),
        "ended": iso(trace.ended),
        "milliseconds": trace.ended.duration_since(trace.began).as_millis(),
        "events": trace.events,
        "outcome": trace.outcome,
        "failures": trace.entries.iter().filter(|entry| is_failure(&entry.what)).count(),
        "rpcs": rpcs.collect::<Vec<_>>(),
        "entries": entries.collect::<Vec<_>>(),
        "leftOut": trace.left_out,
        "nothing": nothing.collect::<Vec<_>>(),
        "idle": idle.collect::<Vec<_>>(),
    })
}

/// `GET /devices/{id}/presets`: which presets would run now, and why the others would not.
pub(super) async fn presets(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, ApiError> {
    let now = Timestamp::now();
    let loaded = nbi.server.store.load_session(&device_key(&id)?, now).await?;
    let record = loaded.record.ok_or_else(ApiError::no_such_device)?;
    let config = nbi.server.rulebook.session_config();
    let presets = config.presets_for(&record, &loaded.faults, now).into_iter();
    let documents = presets.map(|(name, reason)| match reason {
        None => json!({"_id": name, "runs": true}),
        Some(reason) => json!({"_id": name, "runs": false, "reason": reason.to_string()}),
    });
    Ok(json_response(StatusCode::OK, &documents.collect()))
}

/// Which part of a history to show.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Span {
    path: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// `GET /devices/{id}/history?path=`: the values of a watched parameter over time.
pub(super) async fn history(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> Result<Response<Body>, ApiError> {
    let Some(path) = span.path.filter(|path| !path.is_empty()) else {
        return Err(ApiError::bad("path must name a parameter that GET /watched lists"));
    };
    let from = instant("from", span.from.as_deref())?.unwrap_or(Timestamp::MIN);
    let to = instant("to", span.to.as_deref())?.unwrap_or(Timestamp::MAX);
    let key = known_device(&nbi, &id).await?.key;
    let store = &nbi.server.store;
    if !store.watched().await?.contains(&path) {
        let text = format!("{path} is not watched: PUT /watched/{path} begins its history");
        return Err(ApiError::new(StatusCode::NOT_FOUND, text));
    }
    let points = store.history(&key, &path, from, to).await?;
    let points: Vec<Json> = points.iter().map(point_document).collect();
    Ok(json_response(StatusCode::OK, &json!({"path": path, "points": points})))
}

fn point_document(point: &Point) -> Json {
    let Point { time, step, least, most, mean, last, count } = point;
    let step = match step {
        Step::Each => "value",
        Step::Hour => "hour",
        Step::Day => "day",
    };
    json!({"time": iso(*time), "step": step, "least": least, "most": most, "mean": mean,
        "last": last, "count": count})
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = text.parse().map_err(|_| {
        let example = "2026-11-22T13:16:23Z";
        ApiError::bad(format!("{name} must be a time such as {example}, not {text:?}"))
    })?;
    Ok(Some(time))
}

/// `GET /devices/{id}/snapshots`: when there was something else to see.
pub(super) async fn snapshots(
    State(nbi): State<Arc<Nbi>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, ApiError> {
    let key = known_device(&nbi, &id).await?.key;
    let snapshots = nbi.server.store.snapshots(&key).await?;
    let snapshots = snapshots.iter().map(|it| snapshot_head(it.id, it.until));
    Ok(json_response(StatusCode::OK, &snapshots.collect()))
}

/// Which part of a snapshot to show.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Part {
    projection: Option<String>,
}

/// `GET /devices/{id}/snapshots/{number}`: what the device was like, in the form of `/devices`.
pub(super) async fn snapshot(
    State(nbi): State<Arc<Nbi>>,
    Path((id, number)): Path<(String, String)>,
    Query(part): Query<Part>,
) -> Result<Response<Body>, ApiError> {
    let record = known_device(&nbi, &id).await?;
    let none = || ApiError::not_found("No such snapshot");
    let number: SnapshotId = number.parse().map_err(|_| none())?;
    let store = &nbi.server.store;
    let snapshots = store.snapshots(&record.key).await?;
    let info = snapshots.into_iter().find(|it| it.id == number).ok_or_else(none)?;
    let parameters = store.snapshot(&record.key, number).await?.ok_or_else(none)?;
    let record = DeviceRecord { parameters, ..record };
    let projection = Projection::parse(part.projection.as_deref().unwrap_or_default());
    let mut document = device::document(&record, &projection, nbi.server.catalog());
    if let (Json::Object(members), Json::Object(head)) =
        (&mut document, snapshot_head(number, info.until))
    {
        // What the device is called and when it came is not of the snapshot.
        members.retain(|name, _| !name.starts_with('_'));
        members.extend(head);
    }
    Ok(json_response(StatusCode::OK, &document))
}

fn snapshot_head(id: SnapshotId, until: Timestamp) -> Json {
    json!({"_id": id.to_string(), "_until": iso(until)})
}

async fn known_device(nbi: &Nbi, id: &str) -> Result<DeviceRecord, ApiError> {
    let record = nbi.server.store.load(&device_key(id)?).await?;
    record.ok_or_else(ApiError::no_such_device)
}
