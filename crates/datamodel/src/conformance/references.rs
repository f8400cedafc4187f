//! Strong references: each leads to something (`TM-13`).

use std::borrow::Cow;

use drover_cwmp::path::{PathOptions, PathRef};

use super::Findings;
use super::finding::{FindingKind as Kind, Severity, quoted};
use super::walk::{Entry, Place, Walk};
use crate::schema::Object;
use crate::syntax::Strength;

/// Checks the references of all parameters that can be read.
pub(super) fn check(walk: &Walk<'_, '_>, findings: &mut Findings) {
    for entry in &walk.entries {
        let Place::Parameter(parameter) = entry.place else { continue };
        let syntax = parameter.syntax();
        let reference = syntax.path_ref.as_ref();
        let is_strong = reference.is_some_and(|it| it.strength == Strength::Strong);
        if !is_strong || syntax.reads_as_null() {
            continue;
        }
        let Some((row, value)) = entry.row.and_then(|row| Some((row, row.value.as_ref()?))) else {
            continue;
        };
        let is_list = syntax.list.is_some();
        let items = value.text.split(|c| c == ',' && is_list).map(str::trim);
        for target in items.filter_map(target) {
            if !leads_somewhere(walk, entry, target) {
                findings.add(row, Kind::Reference, Severity::Warning, || {
                    let target = quoted(target);
                    format!("it refers to {target}, which the tree does not have")
                });
            }
        }
    }
}

/// The path without a dot at its end, which was found with the values (`TM-12`). What is no path
/// was found there, too, and what names a row by its alias cannot be told.
fn target(text: &str) -> Option<&str> {
    let path = text.strip_suffix('.').unwrap_or(text);
    let relative = path.strip_prefix('.').unwrap_or(path);
    let is_path = PathRef::parse(relative, PathOptions::PLAIN).is_ok();
    (is_path && !relative.is_empty()).then_some(path)
}

fn leads_somewhere(walk: &Walk<'_, '_>, entry: &Entry<'_, '_>, target: &str) -> bool {
    let path = match target.strip_prefix('.') {
        Some(below) => Cow::Owned(format!("{}{below}", base(walk, entry))),
        None => Cow::Borrowed(target),
    };
    walk.find(&path).is_some() || walk.find(&format!("{path}.")).is_some()
}

/// What relative paths begin at: the root, or the instance of the service (`TM-12`).
fn base<'t>(walk: &Walk<'t, '_>, entry: &Entry<'t, '_>) -> &'t str {
    let mut here = walk.parent(entry);
    while let Some(holder) = here {
        let is_top = |object: Object<'_>| object.parent().is_some_and(|top| top.parent().is_none());
        if holder.place.holder().is_some_and(is_top) {
            return holder.path;
        }
        here = walk.parent(holder);
    }
    ""
}
