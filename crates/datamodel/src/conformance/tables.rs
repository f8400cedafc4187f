//! Tables: how many rows, what counts them, what tells them apart.

use std::collections::BTreeMap;

use drover_cwmp::{parse_boolean, parse_integer};

use super::Findings;
use super::finding::{FindingKind as Kind, Severity, count};
use super::walk::{Entry, Place, Walk};
use crate::check::canonical;
use crate::schema::{Object, Parameter, UniqueKey};
use crate::syntax::Status;
use crate::tree::{RecordedValue, TreeRow};

/// Checks all tables.
pub(super) fn check(walk: &Walk<'_, '_>, findings: &mut Findings) {
    let mut rows: BTreeMap<usize, Vec<&Entry<'_, '_>>> = BTreeMap::new();
    for (index, entry) in walk.entries.iter().enumerate() {
        match (entry.place, entry.parent) {
            (Place::Table(_), _) => drop(rows.entry(index).or_default()),
            (Place::Row(_), Some(parent)) => rows.entry(parent).or_default().push(entry),
            _ => {}
        }
    }
    let is_partly_read = walk.entries.iter().any(|entry| {
        let is_unread = |row: &TreeRow| !row.is_object() && row.value.is_none();
        entry.row.is_some_and(is_unread)
    });
    for (index, mut rows) in rows {
        // By number, as shorter ones are smaller.
        rows.sort_by_key(|row| (row.path.len(), row.path));
        let Some(entry) = walk.entries.get(index) else { continue };
        let Place::Table(object) = entry.place else { continue };
        let Some(row) = walk.recorded(entry) else { continue };
        let is_partly_read = is_partly_read && rows.is_empty();
        let table = Table { walk, entry, object, row, rows, is_partly_read };
        table.check_number_of_rows(findings);
        table.check_entry_count(findings);
        for key in object.unique_keys() {
            table.check_unique_key(key, findings);
        }
    }
    missing_tables(walk, findings);
}

/// A count of rows in an object that does not show the table: nothing says whether the recording
/// or the device lacks it.
fn missing_tables(walk: &Walk<'_, '_>, findings: &mut Findings) {
    for entry in &walk.entries {
        let (Some(object), true) = (entry.place.holder(), entry.rows > 0) else { continue };
        for table in object.children().filter(Object::is_table) {
            let Some(counter) = table.num_entries_parameter() else { continue };
            let Some(recorded) = walk.find(&format!("{}{}", entry.path, counter.name())) else {
                continue;
            };
            if walk.find(&format!("{}{}.", entry.path, table.name())).is_some() {
                continue;
            }
            let Some((row, number)) = recorded.row.and_then(number) else { continue };
            if number > 0 {
                findings.add(row, Kind::EntryCount, Severity::Warning, || {
                    format!("it is {number}, but the tree does not show the table {}", table.name())
                });
            }
        }
    }
}

fn number(row: &TreeRow) -> Option<(&TreeRow, u64)> {
    Some((row, parse_integer(&row.value.as_ref()?.text)?))
}

struct Table<'w, 't, 's> {
    walk: &'w Walk<'t, 's>,
    entry: &'w Entry<'t, 's>,
    object: Object<'s>,
    /// The line of the recording that stands for it.
    row: &'t TreeRow,
    rows: Vec<&'w Entry<'t, 's>>,
    /// It has no rows, but the recording lacks some of what the device has.
    is_partly_read: bool,
}

impl<'t> Table<'_, 't, '_> {
    fn check_number_of_rows(&self, findings: &mut Findings) {
        let rows = self.rows.len();
        let has = || format!("it has {}", count(rows, "row"));
        let (min, max) = (self.object.entries_min(), self.object.entries_max());
        if let Some(max) = max.filter(|max| exceeds(rows, *max)) {
            findings.add(self.row, Kind::TooManyRows, Severity::Error, || {
                format!("{}; the model allows {max}", has())
            });
        }
        if exceeds_min(min, rows) {
            findings.add(self.row, Kind::TooFewRows, self.severity(), || {
                format!("{}; the model asks for {min} at least", has())
            });
        }
    }

    fn severity(&self) -> Severity {
        if self.is_partly_read { Severity::Warning } else { Severity::Error }
    }

    /// `RT-01`
    fn check_entry_count(&self, findings: &mut Findings) {
        let counter = self.object.num_entries_parameter();
        let Some(counter) = counter.filter(|it| it.status() == Status::Current) else { return };
        let Some(parent) = self.walk.parent(self.entry) else { return };
        match self.walk.find(&format!("{}{}", parent.path, counter.name())) {
            Some(recorded) => {
                let Some((row, number)) = recorded.row.and_then(number) else { return };
                if u64::try_from(self.rows.len()) != Ok(number) {
                    findings.add(row, Kind::EntryCount, self.severity(), || {
                        let rows = count(self.rows.len(), "row");
                        format!("it is {number}, but {} has {rows}", self.object.name())
                    });
                }
            }
            None => findings.add(self.row, Kind::NoEntryCount, Severity::Warning, || {
                format!("there is no {}, which the model has to count its rows", counter.name())
            }),
        }
    }

    /// `TM-19`: the values of a key are those of one row only.
    fn check_unique_key(&self, key: UniqueKey<'_>, findings: &mut Findings) {
        let mut seen: BTreeMap<Vec<String>, &str> = BTreeMap::new();
        for row in &self.rows {
            if key.functional && !self.is_enabled(row) {
                continue;
            }
            let values = key.parameters.iter().map(|name| self.key_value(row, name));
            let Some(values) = values.collect::<Option<Vec<_>>>() else { continue };
            let Some(other) = seen.get(&values) else {
                seen.insert(values, row.path);
                continue;
            };
            let place = self.walk.recorded(row).unwrap_or(self.row);
            findings.add(place, Kind::UniqueKey, Severity::Warning, || {
                let enabled = if key.functional && self.object.enable_parameter().is_some() {
                    ", and both are enabled"
                } else {
                    ""
                };
                let names: Vec<&str> = key.parameters.iter().map(|name| &**name).collect();
                let names = names.join(", ");
                format!("{names}: the same as in {other}{enabled}; the model asks for unique ones")
            });
        }
    }

    /// A row without the parameter that switches it on is always on, and one whose parameter was
    /// not read may be off.
    fn is_enabled(&self, row: &Entry<'_, '_>) -> bool {
        let Some(enable) = self.object.enable_parameter() else { return true };
        let value = self.value(row, enable.name()).map(|(_, value)| value.text.trim());
        value.is_some_and(|text| {
            parse_boolean(text).unwrap_or_else(|| text.eq_ignore_ascii_case("Enabled"))
        })
    }

    /// `None` when it was not read, or may not be shown.
    fn key_value(&self, row: &Entry<'_, '_>, name: &str) -> Option<String> {
        let (parameter, value) = self.value(row, name)?;
        if parameter.syntax().reads_as_null() {
            return None;
        }
        let text = canonical(parameter.value_type(), &value.text);
        let text = text.map_or_else(|| value.text.clone(), Into::into);
        Some(if parameter.syntax().path_ref.is_some() { self.full_paths(&text) } else { text })
    }

    /// `TM-12`: references compare as full paths, and lists of them as sets.
    fn full_paths(&self, text: &str) -> String {
        let root = self.entry.path.split('.').next().unwrap_or_default();
        let mut paths: Vec<String> = text
            .split(',')
            .map(str::trim)
            .map(|path| path.strip_suffix('.').unwrap_or(path))
            .map(|path| match path.strip_prefix('.') {
                Some(below) => format!("{root}.{below}"),
                None => path.to_owned(),
            })
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths.join(",")
    }

    fn value(&self, row: &Entry<'_, '_>, name: &str) -> Option<(Parameter<'_>, &'t RecordedValue)> {
        let entry = self.walk.find(&format!("{}{name}", row.path))?;
        let Place::Parameter(parameter) = entry.place else { return None };
        Some((parameter, entry.row?.value.as_ref()?))
    }
}

fn exceeds(rows: usize, max: u32) -> bool {
    usize::try_from(max).is_ok_and(|max| rows > max)
}

fn exceeds_min(min: u32, rows: usize) -> bool {
    usize::try_from(min).is_ok_and(|min| rows < min)
}
