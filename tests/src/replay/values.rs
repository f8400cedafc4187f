//! What a server must know of a device after what the device has said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::nbi;
use crate::xml::Element;

/// Names of values that a server keeps to itself.
const HIDDEN: [&str; 5] = ["Password", "Passphrase", "PreSharedKey", "SharedSecret", "WEPKey"];

/// The values that a device has told.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// By path: text and type.
    known: BTreeMap<String, (String, String)>,
    /// Paths that the device has since left out of a list of its names.
    doubtful: BTreeSet<String>,
}

impl Values {
    /// Takes in the values of an Inform, of a response, or of a request that was granted.
    pub(super) fn learn(&mut self, message: &Element) {
        for item in message.all("ParameterValueStruct") {
            let value = item.child("Value").cloned().unwrap_or_default();
            let kind = value.attribute("type").unwrap_or_default().to_owned();
            let path = item.text_of("Name").trim().to_owned();
            self.doubtful.remove(&path);
            self.known.insert(path, (value.text, kind));
        }
    }

    /// Takes in an answer.
    pub(super) fn learn_answer(&mut self, request: &Element, answer: &Element) {
        match answer.name.as_str() {
            "GetParameterValuesResponse" => self.learn(answer),
            "SetParameterValuesResponse" => self.learn(request),
            "DeleteObjectResponse" => self.doubt_below(request.text_of("ObjectName"), answer),
            "GetParameterNamesResponse" => {
                self.doubt_below(request.text_of("ParameterPath"), answer);
            }
            _ => {}
        }
    }

    fn doubt_below(&mut self, path: &str, answer: &Element) {
        let names = answer.all("Name");
        let listed: BTreeSet<&str> = names.iter().map(|name| name.text.trim()).collect();
        let gone = self.known.keys().filter(|known| known.starts_with(path));
        let gone = gone.filter(|known| !listed.contains(known.as_str()));
        self.doubtful.extend(gone.cloned());
    }

    /// Compares with the server's document; returns how many values were compared.
    pub(super) fn check(&self, device: &Json) -> Result<usize, String> {
        let mut count = 0;
        for (path, (text, kind)) in &self.known {
            let value = nbi::value(device, path);
            if HIDDEN.iter().any(|name| path.ends_with(name)) {
                check_hidden(path, value)?;
            } else if !(value.is_none() && self.doubtful.contains(path)) {
                let same = value.is_some_and(|value| means(value, text, kind));
                same.then_some(()).ok_or_else(|| {
                    format!("{path} is {text:?} ({kind}) on the device, but here {value:?}")
                })?;
                count += 1;
            }
        }
        Ok(count)
    }
}

fn check_hidden(path: &str, value: Option<&Json>) -> Result<(), String> {
    match value.and_then(Json::as_str) {
        None | Some("") => Ok(()),
        Some(text) => Err(format!("{path} is a secret, but reads {text:?}")),
    }
}

/// Whether a JSON value is the value that a device wrote.
fn means(value: &Json, text: &str, kind: &str) -> bool {
    let is_time = kind.ends_with("dateTime");
    match value {
        Json::Bool(value) => {
            matches!((*value, text.trim()), (true, "1" | "true") | (false, "0" | "false"))
        }
        Json::Number(number) => number.as_f64() == text.trim().parse().ok(),
        Json::String(value) if is_time => seconds(value) == seconds(text.trim()),
        Json::String(value) => value == text || value == text.trim(),
        _ => false,
    }
}

/// Date and time up to the second, which are written alike in all forms.
fn seconds(text: &str) -> &str {
    text.get(..19).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;
    use serde_json::json;

    #[test]
    fn values_are_compared_by_meaning() {
        assert!(
            means(&json!(true), "1", "xsd:boolean") && !means(&json!(true), "0", "xsd:boolean")
        );
        assert!(means(&json!(6), "6", "xsd:unsignedInt") && !means(&json!(7), "6", "xsd:int"));
        assert!(means(&json!("a"), "a", "xsd:string") && !means(&json!("b"), "a", "xsd:string"));
    }

    #[test]
    fn what_the_server_lacks_is_found() {
        let item = "<ParameterValueStruct><Name>A.B</Name><Value>1</Value></ParameterValueStruct>";
        let mut values = Values::default();
        values.learn(&xml::parse(&format!("<I>{item}</I>")).unwrap());
        assert_eq!(values.check(&json!({ "A": { "B": { "_value": "1" } } })), Ok(1));
        assert!(values.check(&json!({ "A": { "B": { "_value": "2" } } })).is_err());
        assert!(values.check(&json!({})).is_err());
    }
}
