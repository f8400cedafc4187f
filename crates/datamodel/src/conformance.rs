//! How what was recorded of a device stands to its model, and to the profiles of the model.
//!
//! A finding is a statement about the device that is true whatever else the device does: what a
//! model leaves open, or what a recording does not show, is none.

mod finding;
mod profile;
mod references;
mod rows;
mod services;
mod tables;
mod walk;

use std::collections::BTreeMap;

pub use finding::{Finding, FindingKind, Severity};
pub use profile::{Asked, ProfileReport, Support, Verdict, check_profile, profiles_met};

pub(crate) use services::service_instances;

use crate::limits::FINDINGS_MAX;
use crate::schema::Schema;
use crate::tree::{RecordedTree, TreeRow};
use crate::version::ModelName;
use walk::{Place, Walk};

/// The models that a tree is compared with: one of the root, and those of services below it.
#[derive(Debug, Clone, Default)]
pub struct Models<'s> {
    root: Option<&'s Schema>,
    services: Vec<&'s Schema>,
    earlier: Vec<&'s Schema>,
}

impl<'s> Models<'s> {
    /// One model, of a root or of a service.
    pub fn new(schema: &'s Schema) -> Self {
        Self::default().with(schema)
    }

    /// Adds one. Of several models of a service, that counts which knows most of the tree, and the
    /// first among those that know the same; of several roots, the last.
    #[must_use]
    pub fn with(mut self, schema: &'s Schema) -> Self {
        if schema.is_service() {
            self.services.push(schema);
        } else {
            self.root = Some(schema);
        }
        self
    }

    /// Adds an earlier version of one. What a later version has changed, although none should
    /// (`TM-03`), is no mistake of a device that was made before.
    #[must_use]
    pub fn with_earlier(mut self, schema: &'s Schema) -> Self {
        self.earlier.push(schema);
        self
    }

    /// The root's.
    pub fn root(&self) -> Option<&'s Schema> {
        self.root
    }

    /// The root's, then those of the services.
    pub fn iter(&self) -> impl Iterator<Item = &'s Schema> {
        self.root.into_iter().chain(self.services.iter().copied())
    }

    /// The same with one model for each service.
    fn chosen<'t>(&self, rows: impl Iterator<Item = &'t TreeRow> + Clone) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&'s Schema>> = BTreeMap::new();
        for schema in &self.services {
            by_name.entry(schema.root_name()).or_default().push(schema);
        }
        let services = by_name.into_values().filter_map(|candidates| {
            let first = candidates.first().copied();
            if candidates.len() < 2 { first } else { best_of(candidates, rows.clone()).or(first) }
        });
        Self { services: services.collect(), ..self.clone() }
    }
}

/// The model that knows the most rows of a tree, and the first among equals; `None` when no model
/// knows any. The models of one name contain their earlier versions (`TM-03`), so the newest is
/// the one to name first.
pub fn best_model<'s>(
    candidates: impl IntoIterator<Item = &'s Schema>,
    tree: &RecordedTree,
) -> Option<&'s Schema> {
    best_of(candidates, tree.rows.iter())
}

fn best_of<'s, 't>(
    candidates: impl IntoIterator<Item = &'s Schema>,
    rows: impl Iterator<Item = &'t TreeRow> + Clone,
) -> Option<&'s Schema> {
    let mut best = None;
    for schema in candidates {
        let known = rows.clone().filter(|row| schema.find(&row.path).is_some()).count();
        if best.is_none_or(|(most, _)| known > most) {
            best = Some((known, schema));
        }
    }
    best.filter(|(known, _)| *known > 0).map(|(_, schema)| schema)
}

/// How a tree stands to its models.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeReport {
    /// The models that it was compared with: the root's, then those of services that it has.
    pub models: Vec<ModelName>,
    /// Rows of the tree.
    pub rows: usize,
    /// Rows that the models know.
    pub known: usize,
    /// Rows of the vendor's own (`TM-16`).
    pub vendor: usize,
    /// Rows that the models should know and do not.
    pub unknown: usize,
    /// By line.
    pub findings: Vec<Finding>,
    /// How many there are of each kind and severity, those beyond the limit included.
    pub counts: BTreeMap<(Severity, FindingKind), usize>,
}

impl TreeReport {
    /// Number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        let counts = self.counts.iter().filter(|((it, _), _)| *it == severity);
        counts.map(|(_, count)| *count).fold(0, usize::saturating_add)
    }

    /// Number of findings that are not among [`findings`](Self::findings), as there are more than
    /// [`FINDINGS_MAX`].
    pub fn left_out(&self) -> usize {
        let all = self.counts.values().copied().fold(0, usize::saturating_add);
        all.saturating_sub(self.findings.len())
    }
}

/// Compares a tree with its models.
pub fn check_tree(models: &Models<'_>, tree: &RecordedTree) -> TreeReport {
    check(models, tree, FINDINGS_MAX)
}

fn check(models: &Models<'_>, tree: &RecordedTree, findings_max: usize) -> TreeReport {
    let models = models.chosen(tree.rows.iter());
    let walk = Walk::new(&models, tree.rows.iter());
    let mut findings = Findings { max: findings_max, ..Findings::default() };
    rows::check(&walk, &models.earlier, &mut findings);
    tables::check(&walk, &mut findings);
    references::check(&walk, &mut findings);
    findings.list.sort_by(|a, b| (a.line, a.kind, &a.path).cmp(&(b.line, b.kind, &b.path)));
    let mut report = TreeReport {
        models: walk.used(&models).map(|schema| schema.name().clone()).collect(),
        rows: tree.rows.len(),
        findings: findings.list,
        counts: findings.counts,
        ..TreeReport::default()
    };
    count_rows(&walk, &mut report);
    report
}

fn count_rows(walk: &Walk<'_, '_>, report: &mut TreeReport) {
    for entry in &walk.entries {
        let count = match entry.place {
            Place::Outside => continue,
            Place::Vendor => &mut report.vendor,
            Place::Unknown => &mut report.unknown,
            Place::Object(_) | Place::Table(_) | Place::Row(_) | Place::Parameter(_) => {
                &mut report.known
            }
        };
        *count = count.saturating_add(entry.rows);
    }
}

/// Findings while they are collected.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Finding>,
    counts: BTreeMap<(Severity, FindingKind), usize>,
    max: usize,
}

impl Findings {
    fn add(
        &mut self,
        row: &TreeRow,
        kind: FindingKind,
        severity: Severity,
        message: impl FnOnce() -> String,
    ) {
        let count = self.counts.entry((severity, kind)).or_default();
        *count = count.saturating_add(1);
        if self.list.len() < self.max {
            let (line, path) = (row.line, row.path.clone());
            self.list.push(Finding { line, path, kind, severity, message: message() });
        }
    }
}

#[cfg(test)]
mod tests;
