//! What is known of devices of one firmware.

use std::collections::BTreeSet;

use drover_provision::Knowledge;
use drover_provision::engine::{DiscoveryLimits, Guilt, Refusals};
use serde::{Deserialize, Serialize};

use super::{Result, from_json, time, to_json};

#[derive(Serialize, Deserialize)]
struct KnowledgeRow {
    since: i64,
    /// Path, fingerprint of the value and fault code.
    guilt: Vec<(String, Option<u64>, u16)>,
    names: RefusalsRow,
    values: RefusalsRow,
}

#[derive(Serialize, Deserialize)]
struct RefusalsRow {
    everywhere: bool,
    objects: BTreeSet<String>,
}

pub(crate) fn knowledge_to_json(knowledge: &Knowledge) -> String {
    let row = |refusals: &Refusals| RefusalsRow {
        everywhere: refusals.everywhere,
        objects: refusals.objects.clone(),
    };
    let guilt = knowledge.guilt.iter().map(|it| (it.path.clone(), it.value, it.code));
    to_json(&KnowledgeRow {
        since: knowledge.since.as_microsecond(),
        guilt: guilt.collect(),
        names: row(&knowledge.discovery.names),
        values: row(&knowledge.discovery.values),
    })
}

pub(crate) fn knowledge_from_json(text: &str) -> Result<Knowledge> {
    let KnowledgeRow { since, guilt, names, values } = from_json(text, "knowledge")?;
    let refusals =
        |RefusalsRow { everywhere, objects }: RefusalsRow| Refusals { everywhere, objects };
    Ok(Knowledge {
        since: time(since)?,
        guilt: guilt.into_iter().map(|(path, value, code)| Guilt { path, value, code }).collect(),
        discovery: DiscoveryLimits { names: refusals(names), values: refusals(values) },
    })
}
