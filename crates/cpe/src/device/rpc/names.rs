//! GetParameterNames (TR-069a6 §A.3.2.3).

use drover_cwmp::message::{GetParameterNames, GetParameterNamesResponse, ParameterInfoStruct};
use drover_cwmp::{Fault, FaultCode};

use super::invalid_name;
use crate::device::Device;
use crate::model::{Kind, Node, TOP};
use crate::tree::Place;

impl Device {
    pub(super) fn get_parameter_names(
        &self,
        request: &GetParameterNames,
    ) -> Result<GetParameterNamesResponse, Fault> {
        let path = &request.parameter_path;
        let mut place = self.tree.resolve(path).ok_or_else(|| invalid_name(path))?;
        let node = self.tree.model.node(place.node);
        if matches!(node.kind, Kind::Parameter(_)) && request.next_level {
            let text = "NextLevel is true for a parameter, which has nothing below it";
            return Err(Fault::with_text(FaultCode::INVALID_ARGUMENTS, text));
        }
        let mut parameter_list = Vec::new();
        if request.next_level {
            self.tree.for_each_child(&mut place, &mut |child, node| {
                parameter_list.push(info(child, node));
            });
            return Ok(GetParameterNamesResponse { parameter_list });
        }
        if place.node != TOP {
            parameter_list.push(info(&place, node));
        }
        self.tree.for_each_below(&mut place, &mut |place, node| {
            parameter_list.push(info(place, node));
        });
        Ok(GetParameterNamesResponse { parameter_list })
    }
}

/// What can be done with it, whether or not it could be done at this moment (`GPN-07`).
fn info(place: &Place, node: &Node) -> ParameterInfoStruct {
    let writable = match &node.kind {
        Kind::Object { deletable } => *deletable,
        Kind::Table(table) => table.spec.add,
        Kind::Parameter(parameter) => parameter.spec.writable,
    };
    ParameterInfoStruct { name: place.path.clone(), writable }
}
