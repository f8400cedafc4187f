//! Data of scripts, and the faults and operations that carry it.
//!
//! Data is JSON in which every list begins with a word for what it is: `["list", 1st, 2nd, ...]`,
//! `["object", name, member, name, member, ...]`, `["number", "0.1"]` and `["date", "NaN"]`.
//! `null`, true, false and texts are themselves. A number is a text, because JSON has none for NaN,
//! and because the text of a number of 64 bits gives exactly the same number again.

use drover_provision::channel::ChannelFault;
use drover_provision::engine::Provision;
use drover_provision::operation::Operation;
use drover_provision::script::{Data, Fault, FaultDetail};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Result, Unreadable, from_json, time, to_json};

/// A fault of a channel as a row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelFaultRow {
    pub(crate) code: String,
    pub(crate) message: String,
    /// JSON: name, message and stack of the error.
    pub(crate) detail: Option<String>,
    /// Microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) retries: u32,
    pub(crate) retry_now: bool,
    pub(crate) precondition: bool,
    /// JSON: names with arguments.
    pub(crate) provisions: String,
}

#[derive(Serialize, Deserialize)]
struct DetailRow {
    name: String,
    message: String,
    stack: String,
}

#[derive(Serialize, Deserialize)]
struct OperationRow {
    rpc: String,
    time: i64,
    instance: String,
    file_type: String,
    file_name: String,
    target_file_name: String,
    earlier: Option<i64>,
    channels: Vec<String>,
    provisions: Vec<ProvisionRow>,
}

pub(crate) fn fault_to_row(fault: &ChannelFault) -> ChannelFaultRow {
    let detail = |detail: &FaultDetail| DetailRow {
        name: detail.name.clone(),
        message: detail.message.clone(),
        stack: detail.stack.clone(),
    };
    ChannelFaultRow {
        code: fault.fault.code.clone(),
        message: fault.fault.message.clone(),
        detail: fault.fault.detail.as_ref().map(|it| to_json(&detail(it))),
        time: fault.time.as_microsecond(),
        retries: fault.retries,
        retry_now: fault.retry_now,
        precondition: fault.precondition,
        provisions: to_json(&provisions_to_rows(&fault.provisions)),
    }
}

pub(crate) fn fault_from_row(row: ChannelFaultRow) -> Result<ChannelFault> {
    let detail = |text: &str| -> Result<FaultDetail> {
        let DetailRow { name, message, stack } = from_json(text, "fault")?;
        Ok(FaultDetail { name, message, stack })
    };
    let provisions = from_json(&row.provisions, "provisions")?;
    Ok(ChannelFault {
        fault: Fault {
            code: row.code,
            message: row.message,
            detail: row.detail.as_deref().map(detail).transpose()?,
        },
        time: time(row.time)?,
        retries: row.retries,
        retry_now: row.retry_now,
        precondition: row.precondition,
        provisions: provisions_from_rows(provisions)?,
    })
}

/// An operation without its CommandKey, which is a column of its own.
pub(crate) fn operation_to_json(operation: &Operation) -> String {
    to_json(&OperationRow {
        rpc: operation.rpc.clone(),
        time: operation.time.as_microsecond(),
        instance: operation.instance.clone(),
        file_type: operation.file_type.clone(),
        file_name: operation.file_name.clone(),
        target_file_name: operation.target_file_name.clone(),
        earlier: operation.earlier,
        channels: operation.channels.iter().cloned().collect(),
        provisions: provisions_to_rows(&operation.provisions),
    })
}

pub(crate) fn operation_from_json(command_key: String, text: &str) -> Result<Operation> {
    let row: OperationRow = from_json(text, "operation")?;
    Ok(Operation {
        command_key,
        rpc: row.rpc,
        time: time(row.time)?,
        instance: row.instance,
        file_type: row.file_type,
        file_name: row.file_name,
        target_file_name: row.target_file_name,
        earlier: row.earlier,
        channels: row.channels.into_iter().collect(),
        provisions: provisions_from_rows(row.provisions)?,
    })
}

/// A provision: its name and its arguments.
pub(super) type ProvisionRow = (String, Vec<Json>);

pub(super) fn provisions_to_rows(provisions: &[Provision]) -> Vec<ProvisionRow> {
    let row = |provision: &Provision| {
        (provision.name.clone(), provision.arguments.iter().map(data_to_json).collect())
    };
    provisions.iter().map(row).collect()
}

pub(super) fn provisions_from_rows(rows: Vec<ProvisionRow>) -> Result<Vec<Provision>> {
    let provision = |(name, arguments): ProvisionRow| {
        let arguments = arguments.into_iter().map(data_from_json).collect::<Result<_>>()?;
        Ok(Provision { name, arguments })
    };
    rows.into_iter().map(provision).collect()
}

fn data_to_json(data: &Data) -> Json {
    let marked = |word: &str, items: Vec<Json>| {
        let mut list = vec![Json::from(word)];
        list.extend(items);
        Json::Array(list)
    };
    match data {
        Data::Null => Json::Null,
        Data::Bool(value) => Json::Bool(*value),
        Data::Text(text) => Json::from(text.as_str()),
        Data::Number(number) => marked("number", vec![Json::from(number.to_string())]),
        Data::Date(number) => marked("date", vec![Json::from(number.to_string())]),
        Data::List(items) => marked("list", items.iter().map(data_to_json).collect()),
        Data::Object(members) => {
            let pair =
                |(name, member): &(String, Data)| [Json::from(name.as_str()), data_to_json(member)];
            marked("object", members.iter().flat_map(pair).collect())
        }
    }
}

fn data_from_json(json: Json) -> Result<Data> {
    let items = match json {
        Json::Null => return Ok(Data::Null),
        Json::Bool(value) => return Ok(Data::Bool(value)),
        Json::String(text) => return Ok(Data::Text(text)),
        Json::Array(items) => items,
        Json::Number(_) | Json::Object(_) => return Err(NO_DATA),
    };
    let mut items = items.into_iter();
    match items.next().as_ref().and_then(Json::as_str) {
        Some("number") => Ok(Data::Number(number(items)?)),
        Some("date") => Ok(Data::Date(number(items)?)),
        Some("list") => Ok(Data::List(items.map(data_from_json).collect::<Result<_>>()?)),
        Some("object") => Ok(Data::Object(members(items)?)),
        _ => Err(NO_DATA),
    }
}

const NO_DATA: Unreadable = Unreadable("data of a script");

fn number(mut items: impl Iterator<Item = Json>) -> Result<f64> {
    let text = items.next();
    text.as_ref().and_then(Json::as_str).and_then(|text| text.parse().ok()).ok_or(NO_DATA)
}

fn members(mut items: impl Iterator<Item = Json>) -> Result<Vec<(String, Data)>> {
    let mut members = Vec::new();
    while let Some(name) = items.next() {
        let (Json::String(name), Some(member)) = (name, items.next()) else { return Err(NO_DATA) };
        members.push((name, data_from_json(member)?));
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Equality that takes each NaN for itself.
    fn same(a: &Data, b: &Data) -> bool {
        format!("{a:?}") == format!("{b:?}")
    }

    fn data() -> impl Strategy<Value = Data> {
        let leaf = prop_oneof![
            Just(Data::Null),
            any::<bool>().prop_map(Data::Bool),
            any::<f64>().prop_map(Data::Number),
            any::<f64>().prop_map(Data::Date),
            "\\PC{0,6}".prop_map(Data::Text),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let member = ("\\PC{0,3}", inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Data::List),
                prop::collection::vec(member, 0..4).prop_map(Data::Object),
            ]
        })
    }

    fn read(text: &str) -> Result<Data> {
        data_from_json(from_json(text, "data")?)
    }

    proptest! {
        #[test]
        fn any_data_is_read_as_it_was_written(data in data()) {
            let read = read(&to_json(&data_to_json(&data))).unwrap();
            prop_assert!(same(&read, &data), "{read:?}");
        }
    }

    #[test]
    fn the_form_of_data_is_part_of_the_database() {
        let data = Data::Object(vec![
            ("list".to_owned(), Data::List(vec![Data::Null, Data::Bool(true)])),
            ("".to_owned(), Data::Text("x".to_owned())),
            ("n".to_owned(), Data::Number(-0.0)),
            ("d".to_owned(), Data::Date(f64::NAN)),
        ]);
        let text = to_json(&data_to_json(&data));
        let expected = [
            r#"["object","list",["list",null,true],"","x","n",["number","-0"],"#,
            r#""d",["date","NaN"]]"#,
        ];
        assert_eq!(text, expected.concat());
        assert!(same(&read(&text).unwrap(), &data));
    }

    #[test]
    fn as_much_nesting_as_a_preset_may_have_is_read_back() {
        let mut data = Data::Null;
        for _ in 0..120 {
            data = Data::Object(vec![(String::new(), data)]);
        }
        let provisions = [Provision { name: "deep".to_owned(), arguments: vec![data] }];
        let text = to_json(&provisions_to_rows(&provisions));
        let rows = from_json(&text, "provisions").unwrap();
        assert_eq!(provisions_from_rows(rows).unwrap(), provisions);
    }

    #[test]
    fn what_is_no_data_is_an_error() {
        let object = r#"["object","a"]"#;
        for text in ["1", "{}", "[]", "[1]", r#"["number"]"#, r#"["date","x"]"#, object] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
