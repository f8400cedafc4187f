//! The SOAP fault with CWMP's detail (`SOAP-14`, `LEN-10`).

use super::content::Content;
use super::macros::structure;
use crate::error::{Malformed, MalformedKind, Violation};
use crate::fault::{Fault, FaultCode, FaultSide, SetParameterValuesFault};
use crate::tolerated::Tolerated;
use crate::xml::{ReadError, XmlReader, XmlWriter};

const FAULT_STRING: &str = "CWMP fault";

structure! {
    /// `cwmp:Fault` as it travels.
    Detail {
        fault_code: FaultCode = "FaultCode" required,
        fault_string: Option<String> = "FaultString" optional,
        set_parameter_values_faults: Vec<ParameterDetail> = "SetParameterValuesFault" repeated,
    }
}

structure! {
    /// `SetParameterValuesFault` as it travels.
    ParameterDetail {
        parameter_name: String = "ParameterName" required,
        fault_code: FaultCode = "FaultCode" required,
        fault_string: Option<String> = "FaultString" optional,
    }
}

/// Reads the open `Fault` element.
pub(crate) fn read(reader: &mut XmlReader<'_>) -> Result<Fault, ReadError> {
    let mut soap_code = String::new();
    let mut soap_text = String::new();
    let mut detail = None;
    while let Some(child) = reader.next_child()? {
        match child.local() {
            "faultcode" => soap_code = reader.text()?.trim().to_owned(),
            "faultstring" => soap_text = reader.text()?.trim().to_owned(),
            "detail" => {
                while let Some(entry) = reader.next_child()? {
                    match entry.local() {
                        "Fault" => detail = Some(Detail::read(reader, &entry, "Fault")?),
                        _ => reader.skip(&entry)?,
                    }
                }
            }
            _ => reader.skip(&child)?,
        }
    }
    let detail = match detail {
        Some(detail) => detail,
        None => bare(reader, &soap_code, &soap_text)?,
    };
    let side = match soap_code.rsplit(':').next().unwrap_or_default() {
        "Client" => Some(FaultSide::Client),
        "Server" => Some(FaultSide::Server),
        _ => None,
    };
    let prefixed = soap_code.contains(':');
    if side.is_none() || prefixed || soap_text != FAULT_STRING || detail.fault_string.is_none() {
        reader.tolerated.note(Tolerated::FaultShape);
    }
    Ok(Fault {
        side: side.unwrap_or_else(|| detail.fault_code.side()),
        fault_code: detail.fault_code,
        fault_string: detail.fault_string,
        set_parameter_values_faults: detail
            .set_parameter_values_faults
            .into_iter()
            .map(|entry| SetParameterValuesFault {
                parameter_name: entry.parameter_name,
                fault_code: entry.fault_code,
                fault_string: entry.fault_string,
            })
            .collect(),
    })
}

/// A fault without CWMP's detail: some devices put the code where SOAP's belongs (`LEN-10`).
fn bare(reader: &XmlReader<'_>, code: &str, text: &str) -> Result<Detail, Malformed> {
    let number = [code, text].into_iter().find_map(|part| part.trim().parse::<u32>().ok());
    match number.filter(|number| (8000..=9899).contains(number)) {
        Some(number) => Ok(Detail {
            fault_code: FaultCode(number),
            fault_string: Some(text.to_owned()),
            set_parameter_values_faults: Vec::new(),
        }),
        None => {
            let shown = format!("{code} {text}").chars().take(200).collect();
            Err(reader.malformed(MalformedKind::NotCwmpFault(shown)))
        }
    }
}

/// Writes the `Fault` element in the form of `SOAP-14`.
pub(super) fn write(fault: &Fault, writer: &mut XmlWriter) {
    writer.open("SOAP-ENV:Fault");
    writer.leaf("faultcode", fault.side.as_str());
    writer.leaf("faultstring", FAULT_STRING);
    writer.open("detail");
    writer.open("cwmp:Fault");
    fault.fault_code.write(writer, "FaultCode");
    if let Some(text) = &fault.fault_string {
        writer.leaf("FaultString", text);
    }
    for entry in &fault.set_parameter_values_faults {
        writer.open("SetParameterValuesFault");
        writer.leaf("ParameterName", &entry.parameter_name);
        entry.fault_code.write(writer, "FaultCode");
        if let Some(text) = &entry.fault_string {
            writer.leaf("FaultString", text);
        }
        writer.close("SetParameterValuesFault");
    }
    writer.close("cwmp:Fault");
    writer.close("detail");
    writer.close("SOAP-ENV:Fault");
}

pub(super) fn check(fault: &Fault) -> Result<(), Violation> {
    fault.fault_string.iter().try_for_each(|text| text.check("FaultString"))?;
    fault.set_parameter_values_faults.iter().try_for_each(|entry| {
        entry.parameter_name.check("ParameterName")?;
        entry.fault_string.iter().try_for_each(|text| text.check("FaultString"))
    })
}
