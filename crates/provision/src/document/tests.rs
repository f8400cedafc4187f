use std::collections::BTreeMap;

use drover_cwmp::{Value, ValueType};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::limits::PARAMETERS_MAX;
use crate::record::{Known, Parameter};
use crate::secret::Fingerprint;

/// Documents as each version has written them; `golden_of` gives the parameters in them. A new
/// version adds its own, and none ever changes.
const GOLDEN: &[&[u8]] = &[
    include_bytes!("../../tests/golden/document-1.bin"),
    include_bytes!("../../tests/golden/document-2.bin"),
];

#[derive(Debug, Default)]
struct Table {
    forms: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
}

impl Table {
    fn of(forms: &[&str]) -> Self {
        let mut table = Self::default();
        forms.iter().for_each(|form| table.intern(form));
        table
    }

    /// A table that has all paths.
    fn with(parameters: &Parameters) -> Self {
        let mut table = Self::default();
        parameters.keys().filter_map(|path| form(path)).for_each(|form| table.intern(&form));
        table
    }

    fn intern(&mut self, form: &str) {
        if self.number(form).is_none() {
            let form: Arc<str> = form.into();
            self.forms.push(form.clone());
            self.numbers.insert(form, u32::try_from(self.forms.len()).unwrap());
        }
    }
}

impl PathTable for Table {
    fn number(&self, form: &str) -> Option<u32> {
        self.numbers.get(form).copied()
    }

    fn form(&self, number: u32) -> Option<Arc<str>> {
        self.forms.get(usize::try_from(number).ok()?.checked_sub(1)?).cloned()
    }
}

fn at(microsecond: i64) -> Timestamp {
    Timestamp::from_microsecond(microsecond).unwrap()
}

fn text(value_type: ValueType, text: &str, microsecond: i64) -> Parameter {
    Parameter::with_value(Value::new(value_type, text), at(microsecond))
}

/// The table and the parameters of the golden document of the current version.
fn golden() -> (Table, Parameters) {
    golden_of(VERSION)
}

/// The table and the parameters of the golden document of a version.
fn golden_of(version: u8) -> (Table, Parameters) {
    let forms = [
        "Device.",
        "Device.DeviceInfo.SoftwareVersion",
        "Device.Hosts.Host.{i}.",
        "Device.Hosts.Host.{i}.Active",
        "Device.WiFi.SSID.{i}.Stats.{i}.Bytes",
    ];
    let noon = 1_795_608_000_123_456;
    let mut parameters = BTreeMap::from([
        ("Device.".to_owned(), Parameter { listed: Some(at(noon)), ..Parameter::found(at(5)) }),
        (
            "Device.DeviceInfo.SoftwareVersion".to_owned(),
            Parameter {
                writable: Some(Known::new(false, at(noon))),
                notification: Some(Known::new(2, at(noon + 1))),
                access_list: Some(Known::new(
                    vec!["Subscriber".to_owned(), String::new(), "\u{1F4E1}".to_owned()],
                    at(-1),
                )),
                ..text(ValueType::String, "V2.7 \u{e9}", noon)
            },
        ),
        (
            "Device.Unknown.7.\u{e9}".to_owned(),
            Parameter {
                found: at(noon),
                notification: Some(Known::new(-1, at(0))),
                access_list: Some(Known::new(Vec::new(), at(7))),
                ..text(ValueType::Boolean, "1", 5)
            },
        ),
        ("Device.WiFi.SSID.2.Stats.1.Bytes".to_owned(), text(ValueType::UnsignedLong, "7", 5)),
    ]);
    for host in [1, 17, 4_294_967_295_u32] {
        let row = Parameter {
            writable: Some(Known::new(true, at(noon))),
            ..Parameter::found(at(noon + i64::from(host)))
        };
        parameters.insert(format!("Device.Hosts.Host.{host}."), row);
        let active = text(ValueType::Boolean, "true", noon);
        parameters.insert(format!("Device.Hosts.Host.{host}.Active"), active);
    }
    for (place, value_type) in (0..).zip(ValueType::ALL) {
        let path = format!("Device.{}", value_type.name());
        parameters.insert(path, text(value_type, value_type.name(), place));
    }
    if version >= 2 {
        for (path, byte) in [("Device.Unknown.7.Key", 0), ("Device.DeviceInfo.SoftwareVersion", 9)]
        {
            let known = parameters.entry(path.to_owned());
            let known = known.or_insert_with(|| text(ValueType::HexBinary, "", noon));
            known.secret = Some(Fingerprint::from_bytes(std::array::from_fn(|place| {
                byte + u8::try_from(place).unwrap()
            })));
        }
    }
    (Table::of(&forms), parameters)
}

#[test]
fn every_version_is_read() {
    assert_eq!(GOLDEN.len(), usize::from(VERSION), "each version has a golden document");
    for (version, document) in (1..).zip(GOLDEN) {
        let (table, parameters) = golden_of(version);
        assert_eq!(document.first(), Some(&version));
        assert!(decode(document, &table).unwrap() == parameters, "version {version}");
    }
}

/// What only a later version has is no part of an earlier one.
#[test]
fn a_document_of_the_first_version_has_no_fingerprints() {
    let (table, parameters) = golden();
    let columns = write::columns(&parameters, &table).unwrap();
    let refused = read::parameters(&columns, &table, 1).unwrap_err();
    assert_eq!(refused, DocumentError::Malformed("attributes"));
}

#[test]
fn the_current_version_is_written_as_it_always_was() {
    let (table, parameters) = golden();
    let document = encode(&parameters, &table).unwrap();
    let hex: String = document.iter().map(|byte| format!("{byte:02x}")).collect();
    // A later zstd may compress in another way; what it unpacks must not change.
    let content = |document: &[u8]| {
        let (version, rest) = document.split_first()?;
        Some((*version, unpack(rest).ok()?))
    };
    let golden = GOLDEN.last().unwrap();
    assert!(content(&document) == content(golden), "what is written now: {hex}");
}

fn parameter() -> impl Strategy<Value = Parameter> {
    let time = prop_oneof![
        6 => (0..4_i64).prop_map(|second| at(1_795_608_000_000_000 + second)),
        1 => (-377_705_023_201_000_000..253_402_207_200_999_999_i64).prop_map(at),
    ];
    let value_type = select(ValueType::ALL.to_vec());
    let value = (value_type, "\\PC{0,8}").prop_map(|(ty, text)| Value::new(ty, text));
    let list = prop::collection::vec("\\PC{0,4}", 0..3);
    let known = |time: &BoxedStrategy<Timestamp>| prop::option::of(time.clone());
    let time = time.boxed();
    (
        (time.clone(), known(&time)),
        prop::option::of((value, time.clone())),
        prop::option::of((any::<bool>(), time.clone())),
        prop::option::weighted(0.2, (any::<i32>(), time.clone())),
        prop::option::weighted(0.2, (list, time)),
        prop::option::weighted(0.2, any::<[u8; 16]>()),
    )
        .prop_map(|(times, value, writable, notification, access_list, secret)| Parameter {
            found: times.0,
            listed: times.1,
            value: value.map(|(value, time)| Known::new(value, time)),
            writable: writable.map(|(value, time)| Known::new(value, time)),
            notification: notification.map(|(value, time)| Known::new(value, time)),
            access_list: access_list.map(|(value, time)| Known::new(value, time)),
            secret: secret.map(Fingerprint::from_bytes),
        })
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let path = "Device(\\.(A|B|[0-9]{1,10}|\\{i\\}|\\PC)){0,4}\\.?";
    prop::collection::btree_map(path, parameter(), 0..12)
}

proptest! {
    #[test]
    fn any_parameters_are_read_as_they_were_written(
        parameters in parameters(), missing in 1..4_usize,
    ) {
        let table = Table::with(&parameters);
        let document = encode(&parameters, &table).unwrap();
        prop_assert!(decode(&document, &table).unwrap() == parameters);
        // What has no number is kept as well.
        let forms: Vec<&str> = table.forms.iter().map(|it| &**it).step_by(missing).collect();
        for table in [Table::of(&forms), Table::default()] {
            let document = encode(&parameters, &table).unwrap();
            prop_assert!(decode(&document, &table).unwrap() == parameters);
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_parameters(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (table, parameters) = golden();
        let columns = unpack(&encode(&parameters, &table).unwrap()[1..]).unwrap();
        let mut changed = columns.clone();
        for (place, byte) in places {
            changed[place.index(columns.len())] = byte;
        }
        let cut = &columns[..cut.index(columns.len())];
        let is_used_to_its_end = read::parameters(cut, &table, VERSION).is_err();
        prop_assert!(is_used_to_its_end);
        for columns in [&*bytes, &*changed] {
            check_hostile(columns, &table)?;
        }
        let _ = decode(&bytes, &table);
        let _ = decode(&[&[VERSION], &*bytes].concat(), &table);
    }
}

/// What is read from hostile bytes is a record like any other.
fn check_hostile(columns: &[u8], table: &Table) -> Result<(), TestCaseError> {
    if let Ok(parameters) = read::parameters(columns, table, VERSION) {
        let document = encode(&parameters, table).unwrap();
        prop_assert!(decode(&document, table).unwrap() == parameters);
    }
    Ok(())
}

#[test]
fn a_damaged_document_says_what_is_wrong() {
    let (table, parameters) = golden();
    let document = encode(&parameters, &table).unwrap();
    let check = |document: &[u8], expected: DocumentError| {
        assert_eq!(decode(document, &table).unwrap_err(), expected);
    };
    check(&[], DocumentError::Short);
    check(&[VERSION], DocumentError::Short);
    check(&[VERSION + 1, 0], DocumentError::Version(VERSION + 1));
    check(&[0, 0], DocumentError::Version(0));
    check(&document[..document.len() - 1], DocumentError::Compression);
    check(&[&*document, &[0]].concat(), DocumentError::Compression);
    let mut longer = document.clone();
    longer[1] += 1;
    check(&longer, DocumentError::Compression);
    let few = Table::of(&["Device."]);
    assert_eq!(decode(&document, &few).unwrap_err(), DocumentError::UnknownPath(2));
}

#[test]
fn a_document_that_claims_to_be_huge_is_not_unpacked() {
    let bomb = |length: usize| {
        let mut document = vec![VERSION];
        bytes::put(&mut document, length as u64);
        document.extend(zstd::bulk::compress(&vec![0; length], 1).unwrap());
        decode(&document, &Table::default())
    };
    assert_eq!(bomb(DOCUMENT_BYTES_MAX + 1), Err(DocumentError::TooLarge));
    assert_eq!(bomb(DOCUMENT_BYTES_MAX), Err(DocumentError::Malformed("last bytes")));
}

#[test]
fn as_many_parameters_as_a_device_may_have_are_kept() {
    let path = |number: usize| (format!("Device.X.{number}.Y"), Parameter::found(at(0)));
    let mut parameters: Parameters = (0..PARAMETERS_MAX).map(path).collect();
    let table = Table::of(&["Device.X.{i}.Y"]);
    let document = encode(&parameters, &table).unwrap();
    assert!(decode(&document, &table).unwrap() == parameters);
    assert!(document.len() < 1_000, "{} bytes", document.len());
    parameters.extend([path(PARAMETERS_MAX)]);
    assert_eq!(encode(&parameters, &table), Err(DocumentError::TooLarge));
}

#[test]
fn rows_numbered_differently_need_no_more_forms() {
    let hosts = |first: u32| -> Parameters {
        let row = |host: u32| {
            let names = ["MACAddress", "IPAddress", "Active"];
            names.map(|name| (format!("Device.Hosts.Host.{host}.{name}"), Parameter::found(at(0))))
        };
        (first..first + 20).flat_map(row).collect()
    };
    let table = Table::with(&hosts(1));
    assert_eq!(table.forms.len(), 3);
    let sizes = [1, 1_000, 1_000_000].map(|first| encode(&hosts(first), &table).unwrap().len());
    assert!(sizes.iter().all(|size| *size < 80), "{sizes:?}");
}
