//! The instances of services that a tree has.

use super::Models;
use super::profile::Support;
use super::walk::{Place, Walk, is_service_root};
use crate::schema::Schema;
use crate::tree::{RecordedTree, TreeRow};

/// One instance of a service, or a service without one.
#[derive(Debug)]
pub(crate) struct ServiceInstance<'s> {
    pub(crate) schema: &'s Schema,
    /// `None` when the tree has the table and no row of it.
    pub(crate) number: Option<u32>,
    /// Whether rows can be added or deleted.
    pub(crate) is_changing: bool,
    /// What it has.
    pub(crate) support: Support<'s>,
}

/// By name, then by number. Instances known by their alias alone are left out.
pub(crate) fn service_instances<'s>(
    models: &Models<'s>,
    tree: &RecordedTree,
) -> Vec<ServiceInstance<'s>> {
    let models = models.chosen(tree.rows.iter());
    let walk = Walk::new(&models, tree.rows.iter());
    let mut instances = Vec::new();
    for (index, entry) in walk.entries.iter().enumerate() {
        let Place::Table(table) = entry.place else { continue };
        let schema = models.services.iter().find(|schema| schema.root_name() == table.name());
        let Some(schema) = schema.filter(|_| is_service_root(table)) else { continue };
        let is_written = |row: Option<&TreeRow>| row.is_some_and(|row| row.writable == Some(true));
        let can_add = table.is_writable_table() || is_written(entry.row);
        let first = instances.len();
        for (place, row) in walk.below(index) {
            let Place::Row(object) = row.place else { continue };
            let Some(number) = number(row.path).filter(|_| object == table) else { continue };
            let rows = walk.below(place).filter_map(|(_, entry)| entry.row).chain(row.row);
            instances.push(ServiceInstance {
                schema,
                number: Some(number),
                is_changing: can_add || is_written(row.row),
                support: Support::of_rows(schema, rows),
            });
        }
        if instances.len() == first {
            let support = Support::of_rows(schema, entry.row.into_iter());
            instances.push(ServiceInstance { schema, number: None, is_changing: can_add, support });
        }
    }
    instances.sort_by_key(|it| (it.schema.root_name(), it.number));
    instances
}

fn number(path: &str) -> Option<u32> {
    path.strip_suffix('.')?.rsplit('.').next()?.parse().ok()
}
