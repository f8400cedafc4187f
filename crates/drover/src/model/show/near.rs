//! A path that is not there: how much of it is, and what else there is at that place.

use std::fmt;

use drover_datamodel::Schema;
use drover_datamodel::schema::{Item, Row};

/// Changes of a character that make a name no longer similar are more than these.
const EDITS_MAX: usize = 2;
/// Similar names that are said.
const NAMES_MAX: usize = 5;

/// Why a path is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    model: String,
    /// The longest part of the path that is there.
    known: String,
    depth: usize,
    reason: Reason,
}

#[derive(Debug, PartialEq, Eq)]
enum Reason {
    /// No such name; similar ones.
    Name { wanted: String, near: Vec<String> },
    /// A table is followed by something that names no row, but may be something in one.
    Instance { wanted: String, is_below: bool },
    /// What is a parameter stands before a dot.
    Parameter { wanted: String },
}

impl Missing {
    /// Looks how far a path leads that the schema does not have.
    pub(super) fn of(schema: &Schema, path: &str) -> Self {
        let parts: Vec<&str> = path.trim_end_matches('.').split('.').collect();
        let known = |depth: usize| parts.get(..depth).map(|it| it.join(".") + ".");
        let find = |depth: usize| {
            let path = known(depth)?;
            Some((schema.find(&path)?, path, depth))
        };
        let longest = (1..=parts.len()).rev().find_map(find);
        let top = || (Item::Object(schema.top(), Row::None), String::new(), 0);
        let (item, known, depth) = longest.unwrap_or_else(top);
        let wanted = parts.get(depth).copied().unwrap_or_default();
        let reason = match item {
            Item::Table(row) => Reason::Instance {
                wanted: wanted.to_owned(),
                is_below: row.parameter(wanted).is_some()
                    || row.children().any(|child| child.name() == wanted),
            },
            Item::Object(object, _) if object.parameter(wanted).is_some() => {
                Reason::Parameter { wanted: wanted.to_owned() }
            }
            Item::Object(object, _) => {
                let objects = object.children().map(|child| child.name());
                let all = objects.chain(object.parameters().map(|it| it.name()));
                let near = names(wanted, all).into_iter().map(str::to_owned).collect();
                Reason::Name { wanted: wanted.to_owned(), near }
            }
            Item::Parameter(_) => Reason::Parameter { wanted: wanted.to_owned() },
        };
        Self { model: schema.name().to_string(), known, depth, reason }
    }

    /// How many components of the path are there.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, known, .. } = self;
        let place =
            if known.is_empty() { " at its top".to_owned() } else { format!(" below {known}") };
        match &self.reason {
            Reason::Name { wanted, near } if near.is_empty() => {
                write!(f, "{model} has no {wanted:?}{place}")?;
                if known.is_empty() { Ok(()) } else { write!(f, "; see drover model show {known}") }
            }
            Reason::Name { wanted, near } => {
                let near: Vec<&str> = near.iter().map(String::as_str).collect();
                let near = list(&near, "or");
                write!(f, "{model} has no {wanted:?}{place}; did you mean {near}?")
            }
            Reason::Instance { wanted, is_below } => write!(
                f,
                "{known} is a table of {model}, and {wanted:?} is none of its rows; write {{i}} or \
                 a number, such as {known}{{i}}.{}",
                if *is_below { wanted } else { "" }
            ),
            Reason::Parameter { wanted } => {
                write!(f, "{known}{wanted} is a parameter of {model}, so no dot follows it")
            }
        }
    }
}

/// The names that are similar to what somebody wrote, the most similar first.
pub(in crate::model) fn names<'n>(
    wanted: &str,
    names: impl Iterator<Item = &'n str>,
) -> Vec<&'n str> {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(usize, &str)> =
        names.filter_map(|name| Some((distance(&wanted, &name.to_lowercase())?, name))).collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.dedup_by_key(|(_, name)| *name);
    near.into_iter().map(|(_, name)| name).take(NAMES_MAX).collect()
}

/// How far two names are apart; `None` when they are not similar. One that begins like the other is
/// similar, however long it is.
fn distance(wanted: &str, name: &str) -> Option<usize> {
    let shorter = wanted.len().min(name.len());
    let is_prefix = shorter >= 3 && (name.starts_with(wanted) || wanted.starts_with(name));
    // A name of three letters is two edits from any other.
    let edits_max = EDITS_MAX.min(shorter.saturating_sub(1) / 2);
    let edits = edits(wanted, name, edits_max).filter(|edits| *edits <= edits_max);
    edits.or_else(|| is_prefix.then_some(EDITS_MAX + 1))
}

/// Characters to insert, remove or replace; `None` when the lengths alone say it is too many.
fn edits(a: &str, b: &str, max: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > max {
        return None;
    }
    let mut before: Vec<usize> = (0..=b.len()).collect();
    for (row, left) in a.iter().enumerate() {
        let mut here = vec![row + 1];
        for (column, right) in b.iter().enumerate() {
            let replaced = before[column] + usize::from(left != right);
            here.push(replaced.min(before[column + 1] + 1).min(here[column] + 1));
        }
        before = here;
    }
    before.last().copied()
}

/// `a, b or c`
pub(in crate::model) fn list(names: &[&str], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use drover_datamodel::shipped;

    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        let schema = shipped::model("Device:2.19").unwrap();
        assert_eq!(schema.find(path), None, "{path}");
        assert_eq!(Missing::of(&schema, path).to_string(), expected, "{path}");
    }

    #[test]
    fn the_longest_part_that_is_there_is_named() {
        check(
            "Device.WiFi.Radoi.1.Channel",
            "Device:2.19 has no \"Radoi\" below Device.WiFi.; did you mean Radio?",
        );
        check(
            "Device.DeviceInfo.Serial",
            "Device:2.19 has no \"Serial\" below Device.DeviceInfo.; did you mean SerialNumber?",
        );
        check(
            "Device.WiFi.Zebra",
            "Device:2.19 has no \"Zebra\" below Device.WiFi.; see drover model show Device.WiFi.",
        );
        check("Gerät.", "Device:2.19 has no \"Gerät\" at its top");
        check(
            "Device.WiFi.Radio.Channel",
            "Device.WiFi.Radio. is a table of Device:2.19, and \"Channel\" is none of its rows; \
             write {i} or a number, such as Device.WiFi.Radio.{i}.Channel",
        );
        check(
            "Device.WiFi.Radio.0.Channel",
            "Device.WiFi.Radio. is a table of Device:2.19, and \"0\" is none of its rows; write \
             {i} or a number, such as Device.WiFi.Radio.{i}.",
        );
        check(
            "Device.DeviceInfo.SerialNumber.",
            "Device.DeviceInfo.SerialNumber is a parameter of Device:2.19, so no dot follows it",
        );
        check(
            "Device.DeviceInfo.SerialNumber.X",
            "Device.DeviceInfo.SerialNumber is a parameter of Device:2.19, so no dot follows it",
        );
    }

    #[test]
    fn similar_names() {
        let all = ["SSID", "Enable", "Enabled", "EnableOnline", "Status", "Up"];
        let near = |wanted| names(wanted, all.into_iter());
        assert_eq!(near("enable"), ["Enable", "Enabled", "EnableOnline"]);
        assert_eq!(near("Sttaus"), ["Status"]);
        assert_eq!(near("BSSID"), ["SSID"]);
        assert_eq!(near("x"), [""; 0]);
        assert_eq!(near(""), [""; 0]);
        assert_eq!(near(&"long".repeat(10_000)), [""; 0]);
    }
}
