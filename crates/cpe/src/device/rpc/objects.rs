//! AddObject and DeleteObject (TR-069a6 §A.3.2.6, §A.3.2.7).

use drover_cwmp::message::{AddObject, AddObjectResponse, DeleteObject, DeleteObjectResponse};
use drover_cwmp::{Fault, FaultCode, ValueType};

use super::{Effect, check_key, invalid_name};
use crate::device::Device;
use crate::key::At;
use crate::tree::Origin;

impl Device {
    /// The table's counter of rows follows by itself (`ADD-09`), and without notification since
    /// the ACS knows (`NOT-08`).
    pub(super) fn add_object(
        &mut self,
        request: &AddObject,
        effects: &mut Vec<Effect>,
    ) -> Result<AddObjectResponse, Fault> {
        check_key("ParameterKey", &request.parameter_key)?;
        let name = &request.object_name;
        let place = self.tree.resolve(name).ok_or_else(|| invalid_name(name))?;
        let table = self.tree.model.table(place.node).filter(|table| table.spec.add);
        let rows_max = table.ok_or_else(|| invalid_name(name))?.spec.rows_max;
        let instance_number = self.tree.add_row(place.at(), rows_max).ok_or_else(|| {
            Fault::with_text(FaultCode::RESOURCES_EXCEEDED, format!("{name} has all its rows"))
        })?;
        self.name_row(place.at(), instance_number);
        self.set_parameter_key(&request.parameter_key);
        self.touch();
        effects.push(Effect::RowAdded(format!("{name}{instance_number}.")));
        Ok(AddObjectResponse { instance_number, status: 0 })
    }

    /// Gives a new row the alias that no other row has (`ADD-07`, `ALI-04`).
    fn name_row(&mut self, table: At<'_>, number: u32) {
        let model = &self.tree.model;
        let Some(row) = model.table(table.node).map(|table| table.row_node(number)) else { return };
        let Some(alias) = model.child(row, "Alias") else { return };
        let is_text = |ty| ty == ValueType::String;
        if model.parameter(alias).is_some_and(|alias| is_text(alias.spec.value_type)) {
            let instances = [table.instances, &[number]].concat();
            let at = At { node: alias, instances: &instances };
            self.tree.store(at, &format!("cpe-{number}"), Origin::Acs);
        }
    }

    pub(super) fn delete_object(
        &mut self,
        request: &DeleteObject,
        effects: &mut Vec<Effect>,
    ) -> Result<DeleteObjectResponse, Fault> {
        check_key("ParameterKey", &request.parameter_key)?;
        let name = &request.object_name;
        let invalid = || invalid_name(name);
        // A row is what has a table above it.
        self.tree.resolve(name).ok_or_else(invalid)?;
        let (table, number) = split_row(name).ok_or_else(invalid)?;
        let place = self.tree.resolve(table).ok_or_else(invalid)?;
        let entry = self.tree.model.table(place.node).ok_or_else(invalid)?;
        if !entry.spec.delete {
            return Err(invalid());
        }
        self.tree.remove_row(place.at(), number);
        self.forget_row(place.at(), number);
        self.set_parameter_key(&request.parameter_key);
        self.touch();
        effects.push(Effect::RowDeleted(name.clone()));
        Ok(DeleteObjectResponse { status: 0 })
    }
}

/// Splits `A.B.1.` into `A.B.` and 1.
fn split_row(path: &str) -> Option<(&str, u32)> {
    let inner = path.strip_suffix('.')?;
    let (table, number) = inner.split_at(inner.rfind('.')? + 1);
    Some((table, number.parse().ok()?))
}
