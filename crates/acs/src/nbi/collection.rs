//! `GET /{collection}?query=&projection=&sort=&skip=&limit=`.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Method, Response};
use axum::response::IntoResponse;
use drover_provision::rules::ResourceKind;
use drover_store::Error as StoreError;
use serde_json::Value as Json;

use super::Nbi;
use super::error::ApiError;
use super::filter::{Filter, QueryError};
use super::projection::Projection;
use super::scalar::Scalar;
use super::scan::{Collection, Document, Scan, Source};
use super::search;
use super::stream::{self, Lines};
use crate::limits::QUERY_SORTED_MAX;

/// The parameters as they are written.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Parameters {
    query: Option<String>,
    projection: Option<String>,
    sort: Option<String>,
    skip: Option<String>,
    limit: Option<String>,
}

/// What a client wants of a collection.
#[derive(Debug)]
struct Request {
    collection: Collection,
    filter: Filter,
    projection: Projection,
    /// Fields with whether they descend.
    sort: Vec<(String, bool)>,
    skip: u64,
    /// `u64::MAX` for all.
    limit: u64,
}

pub(super) async fn devices(
    state: State<Arc<Nbi>>,
    method: Method,
    parameters: Query<Parameters>,
    search: Query<search::Parameters>,
) -> Result<Response<Body>, ApiError> {
    if let Some(filter) = search.0.filter() {
        if parameters.query.is_some() || parameters.skip.is_some() {
            let text = "filter goes with after, limit, sort and projection, not with query or skip";
            return Err(ApiError::bad(text));
        }
        let Parameters { projection, sort, limit, .. } = parameters.0;
        let page = search::Page { projection, sort, limit };
        return search::devices(&state, method, filter, search.0, page).await;
    }
    respond(&state, method, parameters.0, Collection::Devices).await
}

pub(super) async fn tasks(
    state: State<Arc<Nbi>>,
    method: Method,
    parameters: Query<Parameters>,
) -> Result<Response<Body>, ApiError> {
    // Who asks for a state may ask for any; else a task that is done is gone, as clients expect.
    let with_done = parameters.query.as_ref().is_some_and(|query| query.contains("\"status\""));
    respond(&state, method, parameters.0, Collection::Tasks { with_done }).await
}

pub(super) async fn faults(
    state: State<Arc<Nbi>>,
    method: Method,
    parameters: Query<Parameters>,
) -> Result<Response<Body>, ApiError> {
    respond(&state, method, parameters.0, Collection::Faults).await
}

pub(super) async fn files(
    state: State<Arc<Nbi>>,
    method: Method,
    parameters: Query<Parameters>,
) -> Result<Response<Body>, ApiError> {
    respond(&state, method, parameters.0, Collection::Files).await
}

pub(super) async fn resources(
    kind: ResourceKind,
    state: State<Arc<Nbi>>,
    method: Method,
    parameters: Query<Parameters>,
) -> Result<Response<Body>, ApiError> {
    respond(&state, method, parameters.0, Collection::Resources(kind)).await
}

async fn respond(
    nbi: &Nbi,
    method: Method,
    parameters: Parameters,
    collection: Collection,
) -> Result<Response<Body>, ApiError> {
    let request = Request::parse(parameters, collection)?;
    let source = nbi.source();
    let (total, ids) = request.count(&source).await?;
    let body = if method == Method::HEAD { Body::empty() } else { request.into_body(source, ids) };
    let content_type = HeaderValue::from_static("application/json");
    let headers = [(CONTENT_TYPE, content_type), (HeaderName::from_static("total"), total.into())];
    Ok((headers, body).into_response())
}

impl Request {
    fn parse(parameters: Parameters, collection: Collection) -> Result<Self, QueryError> {
        let Parameters { query, projection, sort, skip, limit } = parameters;
        let filter = match query.as_deref() {
            None | Some("") => Filter::everything(),
            Some(query) => Filter::parse(query, collection.names())?,
        };
        let limit = number("limit", limit.as_deref())?;
        Ok(Self {
            collection,
            filter,
            projection: Projection::parse(projection.as_deref().unwrap_or_default()),
            sort: sort_fields(sort.as_deref().unwrap_or_default(), collection)?,
            skip: number("skip", skip.as_deref())?,
            // As in MongoDB, 0 is no limit.
            limit: if limit == 0 { u64::MAX } else { limit },
        })
    }

    /// How many documents match; for a sorted query also their ids in order.
    async fn count(&self, source: &Source) -> Result<(u64, Option<Vec<String>>), ApiError> {
        if self.sort.is_empty() && self.filter.is_everything() {
            return Ok((source.count(self.collection).await?, None));
        }
        let mut scan = Scan::for_filter(source.clone(), self.collection, &self.filter);
        let mut total = 0;
        let mut keys: Vec<(Vec<Scalar<'static>>, String)> = Vec::new();
        loop {
            let page = scan.next().await?;
            if page.is_empty() {
                break;
            }
            for document in page.iter().filter(|document| self.matches(document)) {
                total += 1;
                if !self.sort.is_empty() {
                    keys.push((self.sort_key(document), document.id().to_owned()));
                }
            }
            if keys.len() > QUERY_SORTED_MAX {
                let text =
                    format!("more than {QUERY_SORTED_MAX} documents to sort; narrow the query");
                return Err(ApiError::bad(text));
            }
        }
        if self.sort.is_empty() {
            return Ok((total, None));
        }
        keys.sort_by(|(left, _), (right, _)| self.compare(left, right));
        Ok((total, Some(keys.into_iter().map(|(_, id)| id).collect())))
    }

    fn matches(&self, document: &Document) -> bool {
        self.filter.matches(&|name: &str| document.field(name))
    }

    fn sort_key(&self, document: &Document) -> Vec<Scalar<'static>> {
        self.sort.iter().map(|(name, _)| document.field(name).into_owned()).collect()
    }

    fn compare(&self, left: &[Scalar<'_>], right: &[Scalar<'_>]) -> Ordering {
        let pairs = self.sort.iter().zip(left.iter().zip(right));
        let mut orders = pairs.map(|((_, descends), (left, right))| {
            let order = left.sort(right);
            if *descends { order.reverse() } else { order }
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    fn into_body(self, source: Source, ids: Option<Vec<String>>) -> Body {
        stream::array(|lines| self.write(source, ids, lines))
    }

    async fn write(
        self,
        source: Source,
        ids: Option<Vec<String>>,
        mut lines: Lines,
    ) -> Result<Lines, StoreError> {
        let catalog = Arc::clone(&source.catalog);
        let mut scan = match ids {
            Some(ids) => Scan::of_ids(source, self.collection, ids),
            None => Scan::for_filter(source, self.collection, &self.filter),
        };
        let (mut skip, mut left) = (self.skip, self.limit);
        while left > 0 {
            let page = scan.next().await?;
            if page.is_empty() {
                break;
            }
            for document in page.into_iter().filter(|document| self.matches(document)) {
                if skip > 0 {
                    skip -= 1;
                } else if left > 0 {
                    left -= 1;
                    lines.push(&document.view(&self.projection, &catalog));
                }
            }
            if !lines.send().await {
                break;
            }
        }
        Ok(lines)
    }
}

pub(super) fn number(name: &str, text: Option<&str>) -> Result<u64, QueryError> {
    let text = text.unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| QueryError::new(format!("{name} must be a whole number, not {text:?}")))
}

/// Reads `{"field": 1, "other": -1}`.
pub(super) fn sort_fields(
    text: &str,
    collection: Collection,
) -> Result<Vec<(String, bool)>, QueryError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let json: Json = serde_json::from_str(text)
        .map_err(|error| QueryError::new(format!("SyntaxError: sort is not JSON: {error}")))?;
    let example = "sort must be an object such as {\"_lastInform\":-1}, where -1 descends";
    let members = json.as_object().ok_or_else(|| QueryError::new(example))?;
    let field = |(name, direction): (&String, &Json)| {
        let descends = match direction.as_f64() {
            Some(1.0) => false,
            Some(-1.0) => true,
            _ => return Err(QueryError::new(example)),
        };
        Ok((collection.names().resolve(name), descends))
    };
    members.iter().map(field).collect()
}
