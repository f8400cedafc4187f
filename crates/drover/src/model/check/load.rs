//! The tree, and the models that it is compared with.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drover_datamodel::conformance::{Models, best_model};
use drover_datamodel::shipped::MODELS;
use drover_datamodel::tree::RecordedTree;
use drover_datamodel::{ModelName, Schema};

use super::super::files;
use super::super::terminal::printable;
use crate::out::Failure;

/// Bytes of a recorded tree.
const TREE_BYTES_MAX: u64 = 256 * 1024 * 1024;

pub(super) fn tree(file: &Path) -> Result<RecordedTree, Failure> {
    let name = file.display();
    let bytes = read(file)
        .map_err(|error| Failure::Failed(format!("cannot read {name}: {error}")))?
        .ok_or_else(|| {
            Failure::Failed(format!("{name} is larger than {TREE_BYTES_MAX} bytes; split it"))
        })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let position = error.utf8_error().valid_up_to().saturating_add(1);
        Failure::Failed(format!("{name} is not in UTF-8 (byte {position}); convert it"))
    })?;
    let tree = RecordedTree::from_csv(&text)
        .map_err(|error| Failure::Failed(format!("{name}: {error}")))?;
    if tree.rows.is_empty() {
        Err(Failure::Failed(format!("{name} has no rows")))
    } else {
        Ok(tree)
    }
}

/// `None` for too much.
fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = File::open(file)?.take(TREE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(u64::try_from(read).is_ok_and(|read| read <= TREE_BYTES_MAX).then_some(bytes))
}

/// The models that were named, and shipped ones for what they leave open: the root, and services.
pub(super) fn schemas(
    named: &[String],
    include: &[PathBuf],
    tree: &RecordedTree,
) -> Result<Vec<Arc<Schema>>, Failure> {
    let mut schemas = Vec::new();
    for argument in named {
        schemas.extend(files::load(argument, include)?);
    }
    match schemas.iter().filter(|schema| !schema.is_service()).count() {
        0 => schemas.push(shipped_root(tree)?),
        1 => {}
        _ => schemas = with_best_root(schemas, tree)?,
    }
    let has = |schemas: &[Arc<Schema>], name: &str| {
        schemas.iter().any(|schema| schema.root_name() == name)
    };
    let shipped = MODELS.iter().map(|model| model.schema()).filter(|it| it.is_service());
    let shipped: Vec<_> = shipped.filter(|it| !has(&schemas, it.root_name())).collect();
    schemas.extend(shipped);
    Ok(schemas)
}

/// Shipped models that are earlier versions of one of those.
pub(super) fn earlier(schemas: &[Arc<Schema>]) -> Vec<Arc<Schema>> {
    let is_earlier = |name: &ModelName| {
        schemas.iter().map(|schema| schema.name()).any(|it| {
            let (ours, theirs) = (it.version, name.version);
            it.name == name.name && ours.major == theirs.major && theirs < ours
        })
    };
    let models = MODELS.iter().filter(|model| model.name.parse().is_ok_and(|it| is_earlier(&it)));
    models.map(|model| model.schema()).collect()
}

pub(super) fn models<'s>(schemas: &'s [Arc<Schema>], earlier: &'s [Arc<Schema>]) -> Models<'s> {
    let models = schemas.iter().fold(Models::default(), |models, schema| models.with(schema));
    earlier.iter().fold(models, |models, schema| models.with_earlier(schema))
}

/// The shipped model of the tree's root that knows most of it; the newest among equals.
fn shipped_root(tree: &RecordedTree) -> Result<Arc<Schema>, Failure> {
    let root = tree.rows.first().and_then(|row| row.path.split('.').next()).unwrap_or_default();
    let prefix = format!("{root}:");
    let candidates = MODELS.iter().filter(|model| model.name.starts_with(&prefix));
    let candidates: Vec<_> = candidates.map(|model| model.schema()).collect();
    best(&candidates, tree).or_else(|| candidates.first().cloned()).ok_or_else(|| {
        let roots = "Device and InternetGatewayDevice";
        let root = printable(root);
        let hint = format!("there are {roots}; name another with --model");
        Failure::Failed(format!("there is no shipped model of the root {root:?}; {hint}"))
    })
}

/// A document may hold several versions of a root.
fn with_best_root(
    schemas: Vec<Arc<Schema>>,
    tree: &RecordedTree,
) -> Result<Vec<Arc<Schema>>, Failure> {
    let (mut services, roots): (Vec<_>, Vec<_>) =
        schemas.into_iter().partition(|schema| schema.is_service());
    let root = best(&roots, tree)
        .ok_or_else(|| Failure::Failed("none of the models has the root of the tree".to_owned()))?;
    services.push(root);
    Ok(services)
}

fn best(candidates: &[Arc<Schema>], tree: &RecordedTree) -> Option<Arc<Schema>> {
    let best = best_model(candidates.iter().map(AsRef::as_ref), tree)?;
    candidates.iter().find(|schema| std::ptr::eq(schema.as_ref(), best)).map(Arc::clone)
}
