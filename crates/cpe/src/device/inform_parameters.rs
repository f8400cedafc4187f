//! Parameters that an ACS adds to the Inform by rows of `ManagementServer.InformParameter`
//! (`INF-02`, `SPV-17`; the rules are those of TR-157, where the table is defined).

use drover_cwmp::event::{Event, EventCode};
use drover_cwmp::path::{PathOptions, PathRef};

use super::Device;
use crate::key::{At, NodeId};
use crate::tree::Place;

const WILDCARDS: PathOptions = PathOptions { wildcards: true, aliases: false };

impl Device {
    /// What the enabled rows name, as far as it exists and an event of theirs is delivered.
    pub(super) fn inform_parameters_for(&self, events: &[Event]) -> Vec<Place> {
        let model = &self.tree.model;
        let Some(table) = model.inform_table() else { return Vec::new() };
        let at = At { node: table, instances: &[] };
        let mut chosen = Vec::new();
        for number in self.tree.row_numbers(at).iter().copied() {
            let Some(row) = model.table(table).map(|table| table.row_node(number)) else {
                continue;
            };
            let text = |name| self.row_text(row, number, name);
            if text("Enable") == "true" && is_wanted(&text("EventList"), events) {
                chosen.extend(self.tree.resolve_pattern(&text("ParameterName")));
            }
        }
        chosen
    }

    /// What the table asks of a value; `Err` says what it must be (fault 9007).
    pub(super) fn check_inform_parameter(&self, node: NodeId, text: &str) -> Result<(), String> {
        let model = &self.tree.model;
        if !model.inform_table().is_some_and(|table| model.is_within(node, table)) {
            return Ok(());
        }
        match &*model.node(node).name {
            "ParameterName" => self.check_pattern(text),
            "EventList" if codes(text).any(|code| code == EventCode::ValueChange) => {
                Err("4 VALUE CHANGE is not allowed in this list".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn check_pattern(&self, text: &str) -> Result<(), String> {
        let pattern = PathRef::parse(text, WILDCARDS).map_err(|error| error.to_string())?;
        if pattern.is_partial() && !pattern.is_root() {
            return Err("the name must be that of a parameter".to_owned());
        }
        let named = self.tree.resolve_pattern(text);
        let is_forced = |place: &Place| {
            let parameter = self.tree.model.parameter(place.node);
            parameter.is_some_and(|parameter| parameter.spec.forced_inform)
        };
        if named.iter().any(is_forced) {
            return Err("the parameter is in every Inform already".to_owned());
        }
        Ok(())
    }

    fn row_text(&self, row: NodeId, number: u32, name: &str) -> String {
        let model = &self.tree.model;
        let Some(node) = model.child(row, name) else { return String::new() };
        let at = At { node, instances: &[number] };
        let text = model.parameter(node).map(|parameter| self.tree.text(at, parameter));
        text.unwrap_or_default().into_owned()
    }
}

/// An empty list stands for every event but `4 VALUE CHANGE`.
fn is_wanted(list: &str, events: &[Event]) -> bool {
    if list.trim().is_empty() {
        return events.iter().any(|event| event.code != EventCode::ValueChange);
    }
    codes(list).any(|code| events.iter().any(|event| event.code == code))
}

fn codes(list: &str) -> impl Iterator<Item = EventCode> {
    list.split(',').filter(|item| !item.trim().is_empty()).map(|item| EventCode::parse(item).0)
}
