//! Faults of channels as clients of GenieACS know them.

use drover_datamodel::catalog::Catalog;
use drover_provision::engine::Provision;
use drover_provision::is_secret;
use drover_provision::script::{Data, Fault};
use drover_store::DeviceFault;
use serde_json::{Value as Json, json};

use super::device::iso;

/// The id of a channel's fault. The id of a device has no colon.
pub(super) fn id(fault: &DeviceFault) -> String {
    format!("{}:{}", fault.device, fault.channel)
}

/// The document of a channel's fault.
pub(super) fn document(fault: &DeviceFault, catalog: &Catalog) -> Json {
    let DeviceFault { device, channel, fault: blocked } = fault;
    let provisions: Vec<Json> =
        blocked.provisions.iter().map(|provision| provision_json(provision, catalog)).collect();
    let mut json = json!({
        "_id": id(fault),
        "device": device.as_str(),
        "channel": channel,
        "timestamp": iso(blocked.time),
        "code": blocked.fault.code,
        "message": blocked.fault.message,
        "retries": blocked.retries,
        // Clients know it as text.
        "provisions": Json::Array(provisions).to_string(),
    });
    if let Some(detail) = detail(&blocked.fault) {
        json["detail"] = detail;
    }
    json
}

/// The error that a script threw, or the SOAP fault of a device.
fn detail(fault: &Fault) -> Option<Json> {
    if let Some(detail) = &fault.detail {
        let (name, message, stack) = (&detail.name, &detail.message, &detail.stack);
        return Some(json!({"name": name, "message": message, "stack": stack}));
    }
    let code = fault.code.strip_prefix("cwmp.")?;
    let inner = json!({"FaultCode": code, "FaultString": fault.message});
    let (code, text) = ("Client", "CWMP fault");
    Some(json!({"faultCode": code, "faultString": text, "detail": {"Fault": inner}}))
}

/// A provision with its arguments, as a list. The value of a hidden parameter is left out
/// (`SEC-01`).
pub(super) fn provision_json(provision: &Provision, catalog: &Catalog) -> Json {
    let mut list = vec![json!(provision.name)];
    list.extend(provision.arguments.iter().map(data_json));
    if let [name, Json::String(path), value] = list.as_mut_slice()
        && name == "value"
        && is_secret(catalog, path)
    {
        *value = json!("");
    }
    Json::Array(list)
}

fn data_json(data: &Data) -> Json {
    match data {
        Data::Null => Json::Null,
        Data::Bool(value) => json!(value),
        Data::Number(number) | Data::Date(number) => number_json(*number),
        Data::Text(text) => json!(text),
        Data::List(items) => items.iter().map(data_json).collect(),
        Data::Object(members) => {
            Json::Object(members.iter().map(|(name, it)| (name.clone(), data_json(it))).collect())
        }
    }
}

/// A whole number without a fraction, as JavaScript writes it.
fn number_json(number: f64) -> Json {
    let text = format!("{number}");
    text.parse::<i64>().map_or_else(|_| json!(number), |whole| json!(whole))
}

#[cfg(test)]
mod tests {
    use drover_provision::DeviceKey;
    use drover_provision::channel::ChannelFault;
    use jiff::Timestamp;

    use super::*;

    fn blocked(fault: Fault) -> DeviceFault {
        let provision = |name: &str, arguments| Provision { name: name.to_owned(), arguments };
        let text = |text: &str| Data::Text(text.to_owned());
        let path = "Device.ManagementServer.Password";
        let fault = ChannelFault {
            fault,
            time: Timestamp::UNIX_EPOCH,
            retries: 2,
            retry_now: false,
            precondition: false,
            provisions: vec![
                provision(
                    "p",
                    vec![Data::Number(3.0), Data::Number(0.5), text("a\"b"), Data::Null],
                ),
                provision("value", vec![text(path), text("sesame")]),
                provision("value", vec![text("Device.X"), Data::Bool(true)]),
            ],
        };
        let device = DeviceKey::new("00D09E", "Test", "1");
        DeviceFault { device, channel: "a:b".to_owned(), fault }
    }

    #[test]
    fn a_fault_has_the_document_that_clients_know() {
        let fault = blocked(Fault::plain("gone"));
        let expected = json!({
            "_id": "00D09E-Test-1:a:b",
            "device": "00D09E-Test-1",
            "channel": "a:b",
            "timestamp": "1970-01-01T00:00:00.000Z",
            "code": "script",
            "message": "gone",
            "retries": 2,
            "provisions": "[[\"p\",3,0.5,\"a\\\"b\",null],\
                [\"value\",\"Device.ManagementServer.Password\",\"\"],\
                [\"value\",\"Device.X\",true]]",
        });
        assert_eq!(document(&fault, &Catalog::shipped()), expected);
    }

    #[test]
    fn a_fault_says_what_was_behind_it() {
        let code = "cwmp.9005".to_owned();
        let fault = Fault { code, message: "Invalid name".to_owned(), detail: None };
        let json = document(&blocked(fault), &Catalog::default());
        let inner = json!({"FaultCode": "9005", "FaultString": "Invalid name"});
        assert_eq!(json["detail"]["detail"]["Fault"], inner);
    }
}
