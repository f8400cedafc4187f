//! `GET /{collection}?query=&projection=&sort=&skip=&limit=`.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Method, Response};
use axum::response::IntoResponse;
use bytes::Bytes;
use drover_provision::rules::ResourceKind;
use drover_store::Error as StoreError;
use futures_util::stream;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use tracing::error;

use super::Nbi;
use super::error::ApiError;
use super::filter::{Filter, QueryError};
use super::projection::Projection;
use super::scalar::Scalar;
use super::scan::{Collection, Document, Scan, Source};
use crate::limits::QUERY_SORTED_MAX;
use crate::net::chain;

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
) -> Result<Response<Body>, ApiError> {
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

    /// A JSON array, one document a line, written as fast as the client reads.
    fn into_body(self, source: Source, ids: Option<Vec<String>>) -> Body {
        let (sender, receiver) = mpsc::channel::<Result<Bytes, StoreError>>(1);
        tokio::spawn(async move {
            if let Err(error) = self.write(source, ids, &sender).await {
                error!(error = %chain(&error), "a northbound query broke off");
                // The status is gone; a cut connection tells the client that something is missing.
                let _ = sender.send(Err(error)).await;
            }
        });
        let chunks = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        Body::from_stream(chunks)
    }

    async fn write(
        self,
        source: Source,
        ids: Option<Vec<String>>,
        sender: &mpsc::Sender<Result<Bytes, StoreError>>,
    ) -> Result<(), StoreError> {
        let catalog = Arc::clone(&source.catalog);
        let mut scan = match ids {
            Some(ids) => Scan::of_ids(source, self.collection, ids),
            None => Scan::for_filter(source, self.collection, &self.filter),
        };
        let (mut skip, mut left) = (self.skip, self.limit);
        let mut text = String::from("[\n");
        let mut is_first = true;
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
                    let json = document.view(&self.projection, &catalog);
                    push(&mut text, &json, &mut is_first);
                }
            }
            // The client is gone.
            if sender.send(Ok(std::mem::take(&mut text).into())).await.is_err() {
                return Ok(());
            }
        }
        text.push_str("\n]");
        let _ = sender.send(Ok(text.into())).await;
        Ok(())
    }
}

fn push(text: &mut String, json: &Json, is_first: &mut bool) {
    if !std::mem::take(is_first) {
        text.push_str(",\n");
    }
    text.push_str(&json.to_string());
}

fn number(name: &str, text: Option<&str>) -> Result<u64, QueryError> {
    let text = text.unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| QueryError::new(format!("{name} must be a whole number, not {text:?}")))
}

/// Reads `{"field": 1, "other": -1}`.
fn sort_fields(text: &str, collection: Collection) -> Result<Vec<(String, bool)>, QueryError> {
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
