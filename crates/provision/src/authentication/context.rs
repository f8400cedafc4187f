//! What an expression for authentication can ask (compat 2.12, 4.4).

use std::cell::RefCell;
use std::fmt;

use drover_cwmp::auth::{Credentials, Secret};
use jiff::Timestamp;

use super::{Claim, Presented};
use crate::expression::{Context, Expression, Value};
use crate::key::DeviceKey;
use crate::limits::AUTH_EXTENSIONS_MAX;

/// A call of an extension. Debug output shows file and function only: an argument may be a
/// password.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtensionCall(Vec<String>);

impl ExtensionCall {
    fn of(arguments: &[Value]) -> Self {
        let text = |value: &Value| value.to_text().unwrap_or_default().into_owned();
        Self(arguments.iter().map(text).collect())
    }

    /// Adds the calls that stand in an expression with all their arguments known.
    pub(super) fn all_in(expression: &Expression, calls: &mut Vec<Self>) {
        expression.visit(&mut |expression| {
            if let Expression::Call { name, arguments } = expression
                && name == "EXT"
                && let Some(arguments) = literals(arguments)
            {
                let call = Self::of(&arguments);
                if !calls.contains(&call) {
                    calls.push(call);
                }
            }
        });
    }

    /// The file, the function, and its arguments, as texts; `NULL` is the empty text.
    pub fn arguments(&self) -> &[String] {
        &self.0
    }
}

fn literals(arguments: &[Expression]) -> Option<Vec<Value>> {
    let value = |argument: &Expression| match argument {
        Expression::Literal(value) => Some(value.clone()),
        _ => None,
    };
    arguments.iter().map(value).collect()
}

impl fmt::Debug for ExtensionCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtensionCall").field(&self.0.get(..2)).finish_non_exhaustive()
    }
}

/// What extensions have answered. Debug output shows the calls only.
#[derive(Clone, PartialEq, Default)]
pub struct ExtensionAnswers(Vec<(ExtensionCall, Value)>);

impl ExtensionAnswers {
    /// Adds an answer: a text, a number or a boolean, or `NULL` for everything else and for an
    /// extension that failed.
    pub fn insert(&mut self, call: ExtensionCall, answer: Value) {
        self.0.push((call, answer));
    }

    /// Whether so many more may be asked for.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.0.len().saturating_add(more) <= AUTH_EXTENSIONS_MAX
    }

    fn find(&self, call: &ExtensionCall) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == call).map(|(_, answer)| answer)
    }
}

impl fmt::Debug for ExtensionAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(call, _)| call)).finish()
    }
}

/// A session that a device wants to begin.
///
/// - `AUTH(user, password)`: whether these are what the device has presented. False for `NULL`.
/// - `USERNAME()`, and `PASSWORD()` where it came by basic; else `NULL`.
/// - `REMOTE_ADDRESS()`: where the device comes from.
/// - `EXT(file, function, …)`: what an extension answers.
/// - `DeviceID.…`, and the older `id`, `oui`, `productClass`, `serialNumber`, `remoteAddress`: what
///   the device claims to be.
/// - `….ManagementServer.Username` and `.Password`: the device's own credentials.
/// - Everything else is the device's record's.
///
/// What it does not know are the answers of extensions, and nothing else.
pub(super) struct AuthContext<'a, 'p> {
    claim: &'a Claim<'a>,
    key: &'a DeviceKey,
    own: Option<&'a Credentials>,
    presented: RefCell<&'a mut Presented<'p>>,
    now: Timestamp,
}

impl<'a, 'p> AuthContext<'a, 'p> {
    pub(super) fn new(
        claim: &'a Claim<'a>,
        key: &'a DeviceKey,
        own: Option<&'a Credentials>,
        presented: &'a mut Presented<'p>,
        now: Timestamp,
    ) -> Self {
        Self { claim, key, own, presented: RefCell::new(presented), now }
    }

    fn is_right(&self, arguments: &[Value]) -> bool {
        let text = |index| arguments.get(index).and_then(Value::to_text);
        let (Some(user), Some(password)) = (text(0), text(1)) else { return false };
        self.presented.borrow_mut().is_right(&user, &Secret::new(password))
    }

    fn address(&self) -> Value {
        self.claim.address.to_canonical().to_string().into()
    }
}

impl Context for AuthContext<'_, '_> {
    fn parameter(&self, path: &str) -> Option<Value> {
        let identity = self.claim.identity;
        let own = self.own.filter(|_| path.contains("ManagementServer."));
        Some(match path {
            "DeviceID.ID" | "id" => self.key.as_str().into(),
            "DeviceID.Manufacturer" => identity.manufacturer.as_str().into(),
            "DeviceID.OUI" | "oui" => identity.oui.as_str().into(),
            "DeviceID.ProductClass" | "productClass" => identity.product_class.as_str().into(),
            "DeviceID.SerialNumber" | "serialNumber" => identity.serial_number.as_str().into(),
            "remoteAddress" => self.address(),
            "Device.ManagementServer.Username"
            | "InternetGatewayDevice.ManagementServer.Username"
                if own.is_some() =>
            {
                own.map(|own| own.username.as_str()).into()
            }
            "Device.ManagementServer.Password"
            | "InternetGatewayDevice.ManagementServer.Password"
                if own.is_some() =>
            {
                own.map(|own| own.password().expose()).into()
            }
            _ => self.claim.device.parameter(path).unwrap_or(Value::Null),
        })
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Value> {
        match name {
            "AUTH" => Some(self.is_right(arguments).into()),
            "USERNAME" => Some(self.presented.borrow().username().into()),
            "PASSWORD" => Some(self.presented.borrow().password().map(Secret::expose).into()),
            "REMOTE_ADDRESS" => Some(self.address()),
            "EXT" => self.claim.answers.find(&ExtensionCall::of(arguments)).cloned(),
            _ => Some(self.claim.device.call(name, arguments).unwrap_or(Value::Null)),
        }
    }

    fn now(&self) -> Option<i64> {
        Some(self.now.as_millisecond())
    }
}
