//! Reads what `write.rs` writes, whatever the bytes.

use drover_cwmp::{Value, ValueType};
use jiff::Timestamp;

use super::bytes::Cursor;
use super::form::{path, places};
use super::write::{Bits, type_code};
use super::{DocumentError, PathTable};
use crate::limits::{DOCUMENT_BYTES_MAX, PARAMETERS_MAX};
use crate::record::{Known, Parameter, Parameters};
use crate::secret::{FINGERPRINT_BYTES, Fingerprint};

type Result<T> = std::result::Result<T, DocumentError>;

pub(super) fn parameters(
    columns: &[u8],
    table: &impl PathTable,
    version: u8,
) -> Result<Parameters> {
    let mut cursor = Cursor::new(columns);
    let count = cursor.count()?;
    let numbered = cursor.count()?;
    if count > PARAMETERS_MAX || numbered > count {
        return Err(DocumentError::TooLarge);
    }
    let times = times(&mut cursor)?;
    let mut paths = numbered_paths(&mut cursor, numbered, table)?;
    let unnumbered = lengths(&mut cursor, count.saturating_sub(numbered))?;
    let bits = cursor.bytes(count)?;
    if bits.iter().any(|bits| bits & !Bits::of(version) != 0) {
        return Err(DocumentError::Malformed("attributes"));
    }
    let reader = Reader { times, bits };
    let mut parameters = reader.attributes(&mut cursor)?;
    let values = reader.values(&mut cursor, &parameters)?;
    reader.notifications(&mut cursor, &mut parameters)?;
    let lists = reader.list_lengths(&mut cursor)?;
    let value_lengths = lengths(&mut cursor, values.len())?;
    reader.fill_secrets(&mut cursor, &mut parameters)?;
    for length in unnumbered {
        paths.push(text(&mut cursor, length)?);
    }
    reader.fill_lists(&mut cursor, lists, &mut parameters)?;
    reader.fill_values(&mut cursor, values, &value_lengths, &mut parameters)?;
    if !cursor.rest().is_empty() {
        return Err(DocumentError::Malformed("last bytes"));
    }
    let parameters: Parameters = paths.into_iter().zip(parameters).collect();
    // Every path stands there once.
    if parameters.len() == count { Ok(parameters) } else { Err(DocumentError::Malformed("paths")) }
}

fn times(cursor: &mut Cursor<'_>) -> Result<Vec<Timestamp>> {
    let malformed = DocumentError::Malformed("times");
    let count = cursor.count()?;
    let mut times = Vec::with_capacity(count);
    let mut microseconds = 0_i64;
    for place in 0..count {
        microseconds = match place {
            0 => cursor.signed()?,
            _ => microseconds.checked_add_unsigned(cursor.number()?).ok_or(malformed)?,
        };
        times.push(Timestamp::from_microsecond(microseconds).map_err(|_| malformed)?);
    }
    Ok(times)
}

fn numbered_paths(
    cursor: &mut Cursor<'_>,
    count: usize,
    table: &impl PathTable,
) -> Result<Vec<String>> {
    let mut forms = Vec::with_capacity(count);
    let mut last: Option<(u32, std::sync::Arc<str>, usize)> = None;
    for _ in 0..count {
        let step =
            u32::try_from(cursor.number()?).map_err(|_| DocumentError::Malformed("paths"))?;
        let before = last.as_ref().map_or(0, |(number, ..)| *number);
        let number = before.checked_add(step).ok_or(DocumentError::Malformed("paths"))?;
        if last.as_ref().is_none_or(|(known, ..)| *known != number) {
            let form = table.form(number).ok_or(DocumentError::UnknownPath(number))?;
            let places = places(&form);
            last = Some((number, form, places));
        }
        forms.extend(last.as_ref().map(|(_, form, places)| (form.clone(), *places)));
    }
    let mut paths = Vec::with_capacity(count);
    let mut bytes = 0_usize;
    let mut instances: Vec<u32> = Vec::new();
    for (form, places) in forms {
        let mut next = Vec::with_capacity(places);
        for place in 0..places {
            let before = instances.get(place).copied().unwrap_or_default();
            let instance = i64::from(before).checked_add(cursor.signed()?);
            let instance = instance.and_then(|instance| u32::try_from(instance).ok());
            next.push(instance.ok_or(DocumentError::Malformed("instances"))?);
        }
        instances = next;
        let path = path(&form, &instances)?;
        bytes = bytes.saturating_add(path.len());
        if bytes > DOCUMENT_BYTES_MAX {
            return Err(DocumentError::TooLarge);
        }
        paths.push(path);
    }
    Ok(paths)
}

fn lengths(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<usize>> {
    if count > cursor.rest().len() {
        return Err(DocumentError::Short);
    }
    (0..count).map(|_| cursor.count()).collect()
}

fn text(cursor: &mut Cursor<'_>, length: usize) -> Result<String> {
    let text = std::str::from_utf8(cursor.bytes(length)?);
    text.map(str::to_owned).map_err(|_| DocumentError::Malformed("texts"))
}

struct Reader<'a> {
    times: Vec<Timestamp>,
    bits: &'a [u8],
}

impl Reader<'_> {
    /// All that is known of the parameters but values, notifications and access lists, of which
    /// there are only the times.
    fn attributes(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Parameter>> {
        let found = self.steps(cursor, 0)?;
        let listed = self.steps(cursor, Bits::LISTED)?;
        let writable = self.steps(cursor, Bits::WRITABLE)?;
        let notification = self.steps(cursor, Bits::NOTIFICATION)?;
        let access_list = self.steps(cursor, Bits::ACCESS_LIST)?;
        let mut parameters: Vec<Parameter> =
            found.into_iter().flatten().map(Parameter::found).collect();
        let times = listed.into_iter().zip(writable).zip(notification.into_iter().zip(access_list));
        for ((parameter, bits), ((listed, writable), (notification, access_list))) in
            parameters.iter_mut().zip(self.bits).zip(times)
        {
            parameter.listed = listed;
            parameter.writable =
                writable.map(|time| Known::new(bits & Bits::IS_WRITABLE != 0, time));
            parameter.notification = notification.map(|time| Known::new(0, time));
            parameter.access_list = access_list.map(|time| Known::new(Vec::new(), time));
        }
        Ok(parameters)
    }

    /// The times of one attribute, for those parameters that have all of these bits.
    fn steps(&self, cursor: &mut Cursor<'_>, bits: u8) -> Result<Vec<Option<Timestamp>>> {
        let mut place = 0;
        let mut step = |known: &u8| {
            if known & bits != bits {
                return Ok(None);
            }
            place = self.place_after(place, cursor.signed()?)?;
            self.time(place).map(Some)
        };
        self.bits.iter().map(&mut step).collect()
    }

    fn place_after(&self, before: usize, step: i64) -> Result<usize> {
        let place = isize::try_from(step).ok().and_then(|step| before.checked_add_signed(step));
        place.ok_or(DocumentError::Malformed("times"))
    }

    fn time(&self, place: usize) -> Result<Timestamp> {
        self.times.get(place).copied().ok_or(DocumentError::Malformed("times"))
    }

    /// Times and types of the values.
    fn values(
        &self,
        cursor: &mut Cursor<'_>,
        parameters: &[Parameter],
    ) -> Result<Vec<(Timestamp, ValueType)>> {
        let with_value = || {
            let both = parameters.iter().zip(self.bits);
            both.filter(|(_, bits)| *bits & Bits::VALUE != 0).map(|(parameter, _)| parameter)
        };
        let mut times = Vec::with_capacity(parameters.len());
        for parameter in with_value() {
            let found = self.times.binary_search(&parameter.found).unwrap_or_default();
            times.push(self.time(self.place_after(found, cursor.signed()?)?)?);
        }
        let types = cursor.bytes(times.len())?.iter().map(|code| value_type(*code));
        times.into_iter().zip(types).map(|(time, value_type)| Ok((time, value_type?))).collect()
    }

    fn notifications(&self, cursor: &mut Cursor<'_>, parameters: &mut [Parameter]) -> Result<()> {
        for known in parameters.iter_mut().filter_map(|it| it.notification.as_mut()) {
            let number = i32::try_from(cursor.signed()?);
            known.value = number.map_err(|_| DocumentError::Malformed("notifications"))?;
        }
        Ok(())
    }

    /// The lengths of the entries of each access list.
    fn list_lengths(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Vec<usize>>> {
        let with_list = self.bits.iter().filter(|bits| *bits & Bits::ACCESS_LIST != 0);
        let mut list = |_| {
            let count = cursor.count()?;
            lengths(cursor, count)
        };
        with_list.map(&mut list).collect()
    }

    fn fill_lists(
        &self,
        cursor: &mut Cursor<'_>,
        lists: Vec<Vec<usize>>,
        parameters: &mut [Parameter],
    ) -> Result<()> {
        let with_list = parameters.iter_mut().filter_map(|it| it.access_list.as_mut());
        for (known, lengths) in with_list.zip(lists) {
            let entries = lengths.into_iter().map(|length| text(cursor, length));
            known.value = entries.collect::<Result<_>>()?;
        }
        Ok(())
    }

    fn fill_secrets(&self, cursor: &mut Cursor<'_>, parameters: &mut [Parameter]) -> Result<()> {
        let both = parameters.iter_mut().zip(self.bits);
        for (parameter, _) in both.filter(|(_, bits)| *bits & Bits::SECRET != 0) {
            let bytes = cursor.bytes(FINGERPRINT_BYTES)?.try_into();
            let bytes = bytes.map_err(|_| DocumentError::Short)?;
            parameter.secret = Some(Fingerprint::from_bytes(bytes));
        }
        Ok(())
    }

    fn fill_values(
        &self,
        cursor: &mut Cursor<'_>,
        values: Vec<(Timestamp, ValueType)>,
        lengths: &[usize],
        parameters: &mut [Parameter],
    ) -> Result<()> {
        let both = parameters.iter_mut().zip(self.bits);
        let with_value = both.filter(|(_, bits)| *bits & Bits::VALUE != 0);
        for (((parameter, _), (time, value_type)), length) in with_value.zip(values).zip(lengths) {
            let value = Value::new(value_type, text(cursor, *length)?);
            parameter.value = Some(Known::new(value, time));
        }
        Ok(())
    }
}

fn value_type(code: u8) -> Result<ValueType> {
    let known = ValueType::ALL.into_iter().find(|value_type| type_code(*value_type) == code);
    known.ok_or(DocumentError::Malformed("types"))
}
