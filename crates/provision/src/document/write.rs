//! The columns of a document of the current version.
//!
//! All numbers have the form of `bytes.rs`; "step" is the signed difference from the one before.
//!
//! 1. How many parameters there are, and how many of them have a path with a number.
//! 2. The different times in their order: how many, the first as microseconds since 1970, then the
//!    differences. All later times are places in this list.
//! 3. The numbers of paths, in their order: differences.
//! 4. Instance numbers: for each place in a path the step from the path before, where it has one.
//! 5. Lengths of the paths without a number.
//! 6. A byte for each parameter: what is known of it, as in [`Known`].
//! 7. For each of `found`, `listed`, `writable`, `notification`, `access_list`: the steps of those
//!    times that are known.
//! 8. Times of values: the difference from `found` of the same parameter.
//! 9. Types of values, a byte each, as in [`type_code`].
//! 10. Notifications, signed.
//! 11. Access lists: how many entries, and the length of each.
//! 12. Lengths of values.
//! 13. Fingerprints of secrets, 16 bytes each. Version 1 has none.
//! 14. Texts without anything between: paths, entries of access lists, values.

use std::collections::BTreeSet;

use drover_cwmp::ValueType;
use jiff::Timestamp;

use super::bytes::{put, put_signed};
use super::form::{form, instances};
use super::{DocumentError, PathTable};
use crate::limits::{DOCUMENT_BYTES_MAX, PARAMETERS_MAX};
use crate::record::{Parameter, Parameters};

/// The bits of column 6.
pub(super) struct Bits;

impl Bits {
    pub(super) const LISTED: u8 = 1;
    pub(super) const VALUE: u8 = 1 << 1;
    /// It is known whether it can be set.
    pub(super) const WRITABLE: u8 = 1 << 2;
    /// It can be set.
    pub(super) const IS_WRITABLE: u8 = 1 << 3;
    pub(super) const NOTIFICATION: u8 = 1 << 4;
    pub(super) const ACCESS_LIST: u8 = 1 << 5;
    /// There is a fingerprint of its secret.
    pub(super) const SECRET: u8 = 1 << 6;

    /// All bits that a version has.
    pub(super) const fn of(version: u8) -> u8 {
        match version {
            1 => (1 << 6) - 1,
            _ => (1 << 7) - 1,
        }
    }
}

/// A parameter in its place in the document.
struct Entry<'a> {
    /// None for a path without one, which come last.
    number: u32,
    instances: Vec<u32>,
    path: &'a str,
    parameter: &'a Parameter,
}

pub(super) fn columns(
    parameters: &Parameters,
    table: &impl PathTable,
) -> Result<Vec<u8>, DocumentError> {
    if parameters.len() > PARAMETERS_MAX {
        return Err(DocumentError::TooLarge);
    }
    let (numbered, unnumbered) = entries(parameters, table);
    let all = || numbered.iter().chain(&unnumbered);
    let times = Times::of(all().map(|entry| entry.parameter));
    let mut out = Vec::new();
    put(&mut out, all().count() as u64);
    put(&mut out, numbered.len() as u64);
    times.write(&mut out);
    write_numbers(&mut out, &numbered);
    for entry in &unnumbered {
        put(&mut out, entry.path.len() as u64);
    }
    out.extend(all().map(|entry| bits(entry.parameter)));
    let parameters: Vec<&Parameter> = all().map(|entry| entry.parameter).collect();
    times.write_steps(&mut out, parameters.iter().map(|it| it.found));
    times.write_steps(&mut out, parameters.iter().filter_map(|it| it.listed));
    times.write_steps(&mut out, parameters.iter().filter_map(|it| Some(it.writable?.time)));
    times.write_steps(&mut out, parameters.iter().filter_map(|it| Some(it.notification?.time)));
    let lists = || parameters.iter().filter_map(|it| it.access_list.as_ref());
    times.write_steps(&mut out, lists().map(|known| known.time));
    write_values(&mut out, &parameters, &times);
    write_texts(&mut out, &unnumbered, &parameters);
    if out.len() > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge);
    }
    Ok(out)
}

/// The parameters in the order of the document.
fn entries<'a>(
    parameters: &'a Parameters,
    table: &impl PathTable,
) -> (Vec<Entry<'a>>, Vec<Entry<'a>>) {
    let (mut numbered, mut unnumbered) = (Vec::with_capacity(parameters.len()), Vec::new());
    for (path, parameter) in parameters {
        match form(path).and_then(|form| table.number(&form)) {
            Some(number) => {
                let instances = instances(path).collect();
                numbered.push(Entry { number, instances, path, parameter });
            }
            None => {
                unnumbered.push(Entry { number: 0, instances: Vec::new(), path, parameter });
            }
        }
    }
    numbered.sort_by(|a, b| (a.number, &a.instances).cmp(&(b.number, &b.instances)));
    (numbered, unnumbered)
}

fn write_numbers(out: &mut Vec<u8>, entries: &[Entry<'_>]) {
    let mut before = 0;
    for entry in entries {
        put(out, u64::from(entry.number.saturating_sub(before)));
        before = entry.number;
    }
    let mut before: &[u32] = &[];
    for entry in entries {
        for (place, instance) in entry.instances.iter().enumerate() {
            let earlier = before.get(place).copied().unwrap_or_default();
            put_signed(out, i64::from(*instance).saturating_sub(i64::from(earlier)));
        }
        before = &entry.instances;
    }
}

fn bits(parameter: &Parameter) -> u8 {
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    bit(parameter.listed.is_some(), Bits::LISTED)
        | bit(parameter.value.is_some(), Bits::VALUE)
        | bit(parameter.writable.is_some(), Bits::WRITABLE)
        | bit(parameter.is_writable() == Some(true), Bits::IS_WRITABLE)
        | bit(parameter.notification.is_some(), Bits::NOTIFICATION)
        | bit(parameter.access_list.is_some(), Bits::ACCESS_LIST)
        | bit(parameter.secret.is_some(), Bits::SECRET)
}

fn write_values(out: &mut Vec<u8>, parameters: &[&Parameter], times: &Times) {
    for parameter in parameters {
        if let Some(known) = &parameter.value {
            put_signed(out, difference(times.place(known.time), times.place(parameter.found)));
        }
    }
    let values = || parameters.iter().filter_map(|it| Some(&it.value.as_ref()?.value));
    out.extend(values().map(|value| type_code(value.value_type)));
    for known in parameters.iter().filter_map(|it| it.notification) {
        put_signed(out, known.value.into());
    }
    for known in parameters.iter().filter_map(|it| it.access_list.as_ref()) {
        put(out, known.value.len() as u64);
        known.value.iter().for_each(|entry| put(out, entry.len() as u64));
    }
    values().for_each(|value| put(out, value.text.len() as u64));
    for secret in parameters.iter().filter_map(|it| it.secret.as_ref()) {
        out.extend_from_slice(secret.bytes());
    }
}

fn write_texts(out: &mut Vec<u8>, unnumbered: &[Entry<'_>], parameters: &[&Parameter]) {
    for entry in unnumbered {
        out.extend_from_slice(entry.path.as_bytes());
    }
    for known in parameters.iter().filter_map(|it| it.access_list.as_ref()) {
        known.value.iter().for_each(|entry| out.extend_from_slice(entry.as_bytes()));
    }
    for known in parameters.iter().filter_map(|it| it.value.as_ref()) {
        out.extend_from_slice(known.value.text.as_bytes());
    }
}

/// The different times of a device in microseconds since 1970, in their order.
struct Times(Vec<i64>);

impl Times {
    fn of<'a>(parameters: impl Iterator<Item = &'a Parameter>) -> Self {
        let times = parameters.flat_map(|it| {
            [
                Some(it.found),
                it.listed,
                it.value.as_ref().map(|known| known.time),
                it.writable.map(|known| known.time),
                it.notification.map(|known| known.time),
                it.access_list.as_ref().map(|known| known.time),
            ]
        });
        let different: BTreeSet<i64> = times.flatten().map(Timestamp::as_microsecond).collect();
        Self(different.into_iter().collect())
    }

    /// Where a time is in the list, which has it.
    fn place(&self, time: Timestamp) -> usize {
        self.0.binary_search(&time.as_microsecond()).unwrap_or_default()
    }

    fn write(&self, out: &mut Vec<u8>) {
        put(out, self.0.len() as u64);
        let Some(first) = self.0.first() else { return };
        put_signed(out, *first);
        for (before, time) in self.0.iter().zip(self.0.iter().skip(1)) {
            put(out, time.abs_diff(*before));
        }
    }

    fn write_steps(&self, out: &mut Vec<u8>, times: impl Iterator<Item = Timestamp>) {
        let mut before = 0;
        for time in times {
            let place = self.place(time);
            put_signed(out, difference(place, before));
            before = place;
        }
    }
}

/// The difference of two places, which are far below 2^63.
fn difference(place: usize, before: usize) -> i64 {
    let signed = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
    signed(place).saturating_sub(signed(before))
}

/// The byte for a type.
pub(super) const fn type_code(value_type: ValueType) -> u8 {
    match value_type {
        ValueType::String => 0,
        ValueType::Int => 1,
        ValueType::UnsignedInt => 2,
        ValueType::Long => 3,
        ValueType::UnsignedLong => 4,
        ValueType::Boolean => 5,
        ValueType::DateTime => 6,
        ValueType::Base64 => 7,
        ValueType::HexBinary => 8,
        ValueType::Decimal => 9,
    }
}
