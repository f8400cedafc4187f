//! Notification and access of parameters (TR-069a6 §A.3.2.4, §A.3.2.5).

use drover_cwmp::message::{
    GetParameterAttributes, GetParameterAttributesResponse, ParameterAttributeStruct,
    SetParameterAttributes, SetParameterAttributesResponse, SetParameterAttributesStruct,
};
use drover_cwmp::{Fault, FaultCode};

use super::Device;
use super::rpc::{invalid_name, resolve_all};
use crate::key::{AsAt, At, Key};
use crate::limits::{ACCESS_LIST_ENTRIES_MAX, ATTRIBUTE_CHANGES_MAX};
use crate::model::{NotificationPolicy, Parameter};

/// Passive notification: the next Inform tells (`NOT-01`).
const PASSIVE: u8 = 1;
/// Active notification: a change starts a session (`NOT-01`).
pub(super) const ACTIVE: u8 = 2;
/// The only entity besides the ACS that the standard names (`SPA-07`).
const SUBSCRIBER: &str = "Subscriber";

/// The attributes of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// 0 off, 1 passive, 2 active (`NOT-01`).
    pub notification: u8,
    /// Whether the user may change it besides the ACS (`NOT-07`).
    pub subscriber: bool,
}

impl Attributes {
    /// Before an ACS set anything (`NOT-06`, `NOT-07`).
    fn of_factory(policy: NotificationPolicy) -> Self {
        let notification = match policy {
            NotificationPolicy::ForceEnabled | NotificationPolicy::ForceDefaultEnabled => ACTIVE,
            NotificationPolicy::Normal | NotificationPolicy::CanDeny => 0,
        };
        Self { notification, subscriber: true }
    }
}

impl Device {
    /// The attributes of a parameter; `None` if there is no such parameter.
    pub fn attributes(&self, path: &str) -> Option<Attributes> {
        let (place, parameter) = self.tree.resolve_parameter(path)?;
        Some(self.attributes_at(place.at(), parameter))
    }

    pub(super) fn notification(&self, at: At<'_>, parameter: &Parameter) -> u8 {
        self.attributes_at(at, parameter).notification
    }

    fn attributes_at(&self, at: At<'_>, parameter: &Parameter) -> Attributes {
        let chosen = self.attributes.get(&at as &dyn AsAt).copied();
        chosen.unwrap_or_else(|| Attributes::of_factory(parameter.spec.notification))
    }

    pub(super) fn get_parameter_attributes(
        &self,
        request: &GetParameterAttributes,
    ) -> Result<GetParameterAttributesResponse, Fault> {
        let mut parameter_list = Vec::new();
        for mut place in resolve_all(&self.tree, &request.parameter_names)? {
            self.tree.for_each_parameter(&mut place, &mut |place, parameter| {
                let Attributes { notification, subscriber } =
                    self.attributes_at(place.at(), parameter);
                parameter_list.push(ParameterAttributeStruct {
                    name: place.path.clone(),
                    notification: notification.into(),
                    access_list: if subscriber { vec![SUBSCRIBER.to_owned()] } else { vec![] },
                });
            });
        }
        Ok(GetParameterAttributesResponse { parameter_list })
    }

    /// All or none (`SPA-03`): everything is checked before anything is kept.
    pub(super) fn set_parameter_attributes(
        &mut self,
        request: &SetParameterAttributes,
    ) -> Result<SetParameterAttributesResponse, Fault> {
        if request.parameter_list.is_empty() {
            return Err(Fault::with_text(FaultCode::INVALID_ARGUMENTS, "ParameterList is empty"));
        }
        let mut changes: Vec<(Key, Change)> = Vec::new();
        for entry in &request.parameter_list {
            self.plan(entry, &mut changes)?;
        }
        for (key, change) in changes {
            self.apply(key, change);
        }
        self.touch();
        Ok(SetParameterAttributesResponse {})
    }

    fn plan(
        &self,
        entry: &SetParameterAttributesStruct,
        changes: &mut Vec<(Key, Change)>,
    ) -> Result<(), Fault> {
        let change = Change::read(entry)?;
        let mut place = self.tree.resolve(&entry.name).ok_or_else(|| invalid_name(&entry.name))?;
        let mut refused = None;
        self.tree.for_each_parameter(&mut place, &mut |place, parameter| {
            if changes.len() <= ATTRIBUTE_CHANGES_MAX {
                changes.push((place.at().to_key(), change));
            }
            if refused.is_none() && !change.is_allowed(parameter.spec.notification) {
                refused = Some(place.path.clone());
            }
        });
        if changes.len() > ATTRIBUTE_CHANGES_MAX {
            let text = format!("more than {ATTRIBUTE_CHANGES_MAX} attributes in one call");
            return Err(Fault::with_text(FaultCode::RESOURCES_EXCEEDED, text));
        }
        match refused {
            Some(path) => Err(Fault::with_text(
                FaultCode::NOTIFICATION_REQUEST_REJECTED,
                format!("{path} does not allow this notification"),
            )),
            None => Ok(()),
        }
    }

    fn apply(&mut self, key: Key, change: Change) {
        let Some(parameter) = self.tree.model.parameter(key.at().node) else { return };
        let factory = Attributes::of_factory(parameter.spec.notification);
        let mut attributes = self.attributes_at(key.at(), parameter);
        if let Some(notification) = change.notification {
            attributes.notification = notification;
        }
        if let Some(subscriber) = change.subscriber {
            attributes.subscriber = subscriber;
        }
        if attributes == factory {
            self.attributes.remove(&key);
        } else {
            self.attributes.insert(key, attributes);
        }
    }
}

/// What one entry of the request asks for; `None` leaves it as it is (`SPA-04`).
#[derive(Debug, Clone, Copy)]
struct Change {
    notification: Option<u8>,
    subscriber: Option<bool>,
}

impl Change {
    fn read(entry: &SetParameterAttributesStruct) -> Result<Self, Fault> {
        let bad = |text: String| Fault::with_text(FaultCode::INVALID_ARGUMENTS, text);
        let name = &entry.name;
        let notification = match (entry.notification_change, entry.notification) {
            (false, _) => None,
            (true, 0) => Some(0),
            (true, 1) => Some(PASSIVE),
            (true, 2) => Some(ACTIVE),
            (true, 3..=6) => {
                return Err(bad(format!("{name}: lightweight notification is not supported")));
            }
            (true, other) => return Err(bad(format!("{name}: there is no notification {other}"))),
        };
        if !entry.access_list_change {
            return Ok(Self { notification, subscriber: None });
        }
        let entries = entry.access_list.iter().take(ACCESS_LIST_ENTRIES_MAX + 1);
        let known = entries.clone().filter(|entity| *entity == SUBSCRIBER).count();
        if known != entry.access_list.len() {
            return Err(bad(format!("{name}: the access list may only hold {SUBSCRIBER}")));
        }
        Ok(Self { notification, subscriber: Some(known > 0) })
    }

    /// `SPA-05`
    fn is_allowed(self, policy: NotificationPolicy) -> bool {
        match (policy, self.notification) {
            (_, None) => true,
            (NotificationPolicy::CanDeny, Some(wanted)) => wanted != ACTIVE,
            (NotificationPolicy::ForceEnabled, Some(wanted)) => wanted == ACTIVE,
            _ => true,
        }
    }
}
