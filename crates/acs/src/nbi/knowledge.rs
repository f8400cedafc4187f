//! What devices of a product have shown with a firmware: what they refuse to set, and what they
//! refuse to tell at once.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use drover_provision::engine::Refusals;
use drover_store::ProductKnowledge;
use drover_store::limits::PAGE_KNOWLEDGE_MAX;
use serde_json::{Value as Json, json};

use super::Nbi;
use super::device::iso;
use super::error::ApiError;
use super::stream;

/// `GET /knowledge`: everything, by product and firmware.
pub(super) async fn list(State(nbi): State<Arc<Nbi>>) -> Response<Body> {
    let store = nbi.server.store.clone();
    let body = stream::array(|mut lines| async move {
        let mut after: Option<(String, String)> = None;
        loop {
            let behind = after.as_ref().map(|(product, firmware)| (&**product, &**firmware));
            let page = store.knowledge(behind, PAGE_KNOWLEDGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(lines) };
            after = Some((last.product.clone(), last.firmware.clone()));
            page.iter().for_each(|it| lines.push(&document(it)));
            if !lines.send().await {
                return Ok(lines);
            }
        }
    });
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn document(known: &ProductKnowledge) -> Json {
    let ProductKnowledge { product, firmware, knowledge } = known;
    let refused = knowledge.refused();
    let refused = refused.iter().map(|it| {
        // No number where all values are refused.
        json!({"path": it.path, "code": it.code, "values": it.values})
    });
    let limit = |refusals: &Refusals| {
        let Refusals { everywhere, objects } = refusals;
        json!({"everywhere": everywhere, "objects": objects})
    };
    json!({
        "product": product,
        "firmware": firmware,
        "since": iso(knowledge.since),
        "until": knowledge.until().map(iso),
        "refused": refused.collect::<Vec<_>>(),
        "namesByLevel": limit(&knowledge.discovery.names),
        "valuesByName": limit(&knowledge.discovery.values),
    })
}

/// Which firmware to forget.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Firmware {
    firmware: Option<String>,
}

/// `DELETE /knowledge/{product}?firmware=`: lets the next sessions try again.
pub(super) async fn delete(
    State(nbi): State<Arc<Nbi>>,
    Path(product): Path<String>,
    Query(Firmware { firmware }): Query<Firmware>,
) -> Result<StatusCode, ApiError> {
    let deleted = nbi.server.store.delete_knowledge(&product, firmware.as_deref()).await?;
    let none = || ApiError::not_found("Nothing is known of such devices");
    (deleted > 0).then_some(StatusCode::OK).ok_or_else(none)
}
