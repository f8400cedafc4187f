//! `GET /devices?filter=`: devices that an expression describes, found by the indexes of the store.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Method, Response};
use axum::response::IntoResponse;
use drover_provision::expression::Expression;
use drover_store::{DeviceCursor, DeviceQuery, SortBy};
use jiff::Timestamp;

use super::Nbi;
use super::collection::{number, sort_fields};
use super::device::document;
use super::error::ApiError;
use super::projection::Projection;
use super::scan::Collection;
use crate::limits::SEARCH_DEVICES;

/// Tells that every record had to be read: an index would help.
const SCAN: HeaderName = HeaderName::from_static("drover-scan");
/// Where the next page begins.
const NEXT: HeaderName = HeaderName::from_static("drover-next");

/// What only a search has.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Parameters {
    filter: Option<String>,
    after: Option<String>,
    scan: Option<String>,
}

/// What a search has as other queries have it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) projection: Option<String>,
    pub(super) sort: Option<String>,
    pub(super) limit: Option<String>,
}

impl Parameters {
    pub(super) fn filter(&self) -> Option<String> {
        self.filter.clone()
    }
}

/// One page: the next one begins where the header `Drover-Next` says. The header `total` counts
/// all pages.
pub(super) async fn devices(
    nbi: &Arc<Nbi>,
    method: Method,
    filter: String,
    parameters: Parameters,
    page: Page,
) -> Result<Response<Body>, ApiError> {
    let query = query(&filter, parameters, &page)?;
    let projection = Projection::parse(page.projection.as_deref().unwrap_or_default());
    let store = &nbi.server.store;
    let count = store.count(query.clone()).await?;
    let mut headers = vec![
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("total"), count.number.into()),
    ];
    let mut is_scan = count.is_scan;
    let mut body = Body::empty();
    if method != Method::HEAD {
        let page = store.find(query).await?;
        is_scan |= page.is_scan;
        let next = page.next.and_then(|next| HeaderValue::try_from(next.to_string()).ok());
        headers.extend(next.map(|next| (NEXT, next)));
        let catalog = nbi.server.catalog();
        let devices = page.devices.iter();
        let lines = devices.map(|it| document(it, &projection, catalog).to_string());
        body = Body::from(format!("[\n{}\n]", lines.collect::<Vec<_>>().join(",\n")));
    }
    headers.push((SCAN, HeaderValue::from_static(if is_scan { "true" } else { "false" })));
    let mut response = body.into_response();
    response.headers_mut().extend(headers);
    Ok(response)
}

fn query(filter: &str, parameters: Parameters, page: &Page) -> Result<DeviceQuery, ApiError> {
    let filter = match filter {
        "" => None,
        text => Some(Expression::parse(text).map_err(|error| {
            ApiError::bad(format!("filter is no expression: {error}; an example is Tags.lab"))
        })?),
    };
    let mut query = DeviceQuery::new(filter, Timestamp::now());
    query.limit = match number("limit", page.limit.as_deref())? {
        0 => SEARCH_DEVICES,
        limit => usize::try_from(limit).unwrap_or(usize::MAX).min(SEARCH_DEVICES),
    };
    query.allow_scan = match parameters.scan.as_deref() {
        None | Some("" | "true") => true,
        Some("false") => false,
        Some(other) => {
            return Err(ApiError::bad(format!("scan must be true or false, not {other:?}")));
        }
    };
    if let Some(after) = parameters.after.filter(|after| !after.is_empty()) {
        let cursor = after.parse::<DeviceCursor>();
        query.after = Some(cursor.map_err(|error| ApiError::bad(format!("after: {error}")))?);
    }
    let sort = sort_fields(page.sort.as_deref().unwrap_or_default(), Collection::Devices)?;
    (query.sort_by, query.descending) = match sort.as_slice() {
        [] => (SortBy::Key, false),
        [(name, descends)] if name == "_id" => (SortBy::Key, *descends),
        [(name, descends)] if name == "_lastInform" => (SortBy::LastInform, *descends),
        [(name, descends)] if name == "_registered" => (SortBy::Registered, *descends),
        _ => {
            let text = "with filter, sort is by one of _id, _lastInform and _registered";
            return Err(ApiError::bad(text));
        }
    };
    Ok(query)
}
