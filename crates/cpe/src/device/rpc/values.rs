//! GetParameterValues and SetParameterValues (TR-069a6 §A.3.2.1, §A.3.2.2).

use std::collections::BTreeSet;

use drover_cwmp::message::{
    GetParameterValues, GetParameterValuesResponse, ParameterValueStruct, SetParameterValues,
    SetParameterValuesResponse,
};
use drover_cwmp::{Fault, FaultCode, HttpUrl, SetParameterValuesFault, UrlError, ValueType};

use super::{Effect, check_key, resolve_all};
use crate::clock::Clock;
use crate::device::Device;
use crate::key::{At, Key};
use crate::model::{Parameter, Role};
use crate::tree::{Origin, Place};

/// A change that has been checked.
struct Planned {
    place: Place,
    text: String,
    role: Option<Role>,
}

impl Device {
    pub(super) fn get_parameter_values(
        &self,
        request: &GetParameterValues,
    ) -> Result<GetParameterValuesResponse, Fault> {
        let mut parameter_list = Vec::new();
        for mut place in resolve_all(&self.tree, &request.parameter_names)? {
            self.tree.for_each_parameter(&mut place, &mut |place, parameter| {
                parameter_list.push(ParameterValueStruct {
                    name: place.path.clone(),
                    value: self.tree.value(place.at(), parameter),
                });
            });
        }
        Ok(GetParameterValuesResponse { parameter_list })
    }

    /// All or none (`SPV-02`): everything is checked before anything is kept.
    pub(super) fn set_parameter_values(
        &mut self,
        request: &SetParameterValues,
        now: &Clock,
        effects: &mut Vec<Effect>,
    ) -> Result<SetParameterValuesResponse, Fault> {
        check_key("ParameterKey", &request.parameter_key)?;
        let planned = self.plan_values(&request.parameter_list)?;
        let mut roles = Vec::new();
        for Planned { place, text, role } in planned {
            self.tree.store(place.at(), &text, Origin::Acs);
            roles.extend(role);
            effects.push(Effect::ValueSet { path: place.path, text });
        }
        self.set_parameter_key(&request.parameter_key);
        self.touch();
        let is_credential = |role| {
            matches!(role, Role::ConnectionRequestUsername | Role::ConnectionRequestPassword)
        };
        if roles.iter().any(|role| is_credential(*role)) {
            effects.push(Effect::ConnectionRequestCredentials);
        }
        for role in roles {
            self.handle_role_change(Some(role), now);
        }
        Ok(SetParameterValuesResponse { status: 0 })
    }

    /// The request with the types of the model where values came without a type and so were read
    /// as strings (`LEN-07`).
    pub(crate) fn with_model_types(&self, request: &SetParameterValues) -> SetParameterValues {
        let mut request = request.clone();
        for ParameterValueStruct { name, value } in &mut request.parameter_list {
            if value.value_type == ValueType::String
                && let Some((_, parameter)) = self.tree.resolve_parameter(name)
            {
                value.value_type = parameter.spec.value_type;
            }
        }
        request
    }

    /// `SPV-04`
    pub(super) fn set_parameter_key(&mut self, key: &str) {
        if let Some(node) = self.tree.model.role(Role::ParameterKey) {
            self.tree.store(At { node, instances: &[] }, key, Origin::Acs);
        }
    }

    fn plan_values(&self, list: &[ParameterValueStruct]) -> Result<Vec<Planned>, Fault> {
        let mut seen: BTreeSet<Key> = BTreeSet::new();
        let mut planned = Vec::with_capacity(list.len());
        let mut faults: Vec<SetParameterValuesFault> = Vec::new();
        let mut faulty: BTreeSet<&str> = BTreeSet::new();
        let mut twice = None;
        for entry in list {
            match self.plan_value(entry) {
                Ok(plan) => {
                    if !seen.insert(plan.place.at().to_key()) {
                        twice.get_or_insert(entry.name.as_str());
                    }
                    planned.push(plan);
                }
                // Each bad parameter is listed once (`SPV-06`).
                Err((code, text)) => {
                    if faulty.insert(&entry.name) {
                        faults.push(SetParameterValuesFault::new(&entry.name, code, text));
                    }
                }
            }
        }
        if !faults.is_empty() {
            return Err(Fault::set_parameter_values(faults));
        }
        match twice {
            // The order has no meaning, so there is no last value to win (`SPV-08`).
            Some(name) => Err(Fault::with_text(
                FaultCode::INVALID_ARGUMENTS,
                format!("{name} occurs more than once in the ParameterList"),
            )),
            None => Ok(planned),
        }
    }

    fn plan_value(&self, entry: &ParameterValueStruct) -> Result<Planned, (FaultCode, String)> {
        let Some((place, parameter)) = self.tree.resolve_parameter(&entry.name) else {
            let text = "there is no such parameter".to_owned();
            return Err((FaultCode::INVALID_PARAMETER_NAME, text));
        };
        let spec = &parameter.spec;
        if !spec.writable {
            let text = "the parameter is read-only".to_owned();
            return Err((FaultCode::NON_WRITABLE_PARAMETER, text));
        }
        if entry.value.value_type != spec.value_type {
            let text = format!("the type is {}", spec.value_type);
            return Err((FaultCode::INVALID_PARAMETER_TYPE, text));
        }
        let bad = |text| (FaultCode::INVALID_PARAMETER_VALUE, text);
        let text = spec.accept(&entry.value.text).map_err(bad)?;
        check_role(parameter, &text).map_err(bad)?;
        self.check_inform_parameter(place.node, &text).map_err(bad)?;
        Ok(Planned { place, text, role: parameter.role })
    }
}

/// What the protocol itself asks of a value.
fn check_role(parameter: &Parameter, text: &str) -> Result<(), String> {
    match parameter.role {
        Some(Role::Url) => {
            // Without a usable URL the ACS could never reach the device again (`DISC-09`).
            let url: Result<HttpUrl, UrlError> = text.parse();
            url.map(|_| ()).map_err(|error| error.to_string())
        }
        _ => Ok(()),
    }
}
