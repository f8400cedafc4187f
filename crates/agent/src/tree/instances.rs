//! Instance numbers that stay with their interface or address.

use std::collections::BTreeMap;

use crate::limits::INSTANCE_KEYS_MAX;

/// The instance numbers of all tables whose rows the host makes.
///
/// A row is known by a key of the host, such as the name of an interface, and keeps its number as
/// long as this is remembered: over restarts, and also when it is gone for a while (PATH-03). New
/// rows get the highest number ever used plus one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Instances {
    tables: BTreeMap<String, Table>,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Table {
    highest: u32,
    numbers: BTreeMap<String, u32>,
}

/// A stored assignment could not be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("instance numbers are damaged in line {line}")]
pub struct InstancesError {
    line: usize,
}

impl Instances {
    /// The numbers of `keys` in `table`, in their order; new keys get a new number.
    ///
    /// When more than [`INSTANCE_KEYS_MAX`] keys are remembered, those that are not in `keys` are
    /// forgotten, the oldest first, together with the tables in their rows.
    pub fn assign<'a>(&mut self, table: &str, keys: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
        let rows = self.tables.entry(table.to_owned()).or_default();
        let numbers: Vec<u32> = keys.into_iter().map(|key| rows.number(key)).collect();
        for forgotten in rows.forget_absent(&numbers) {
            let inside = format!("{table}{forgotten}.");
            self.tables.retain(|name, _| !name.starts_with(&inside));
        }
        numbers
    }

    /// The numbers of addresses in `table`, in their order, each given as its origin and itself.
    ///
    /// An address that is new takes over the number of one of the same origin that is gone, so
    /// that a box whose address changes keeps its row and the row gets another value.
    pub fn assign_addresses(&mut self, table: &str, addresses: &[(&str, String)]) -> Vec<u32> {
        let rows = self.tables.entry(table.to_owned()).or_default();
        let key = |(origin, address): &(&str, String)| format!("{origin} {address}");
        let keys: Vec<String> = addresses.iter().map(key).collect();
        for (key, (origin, _)) in keys.iter().zip(addresses) {
            rows.take_over(key, &format!("{origin} "), &keys);
        }
        self.assign(table, keys.iter().map(String::as_str))
    }

    /// The number of a key that was assigned before.
    pub fn number(&self, table: &str, key: &str) -> Option<u32> {
        self.tables.get(table)?.numbers.get(key).copied()
    }

    /// All assignments as text, one a line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, table) in &self.tables {
            text.push_str(&format!("{name}\t\t{}\n", table.highest));
            for (key, number) in &table.numbers {
                text.push_str(&format!("{name}\t{key}\t{number}\n"));
            }
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`InstancesError`] with the first line that is not an assignment.
    pub fn from_text(text: &str) -> Result<Self, InstancesError> {
        let mut instances = Self::default();
        for (index, line) in text.lines().enumerate() {
            instances.read_line(line).ok_or(InstancesError { line: index + 1 })?;
        }
        Ok(instances)
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let (name, rest) = line.split_once('\t')?;
        let (key, number) = rest.split_once('\t')?;
        let number: u32 = number.parse().ok()?;
        let table = self.tables.entry(name.to_owned()).or_default();
        table.highest = table.highest.max(number);
        if !key.is_empty() {
            table.numbers.insert(key.to_owned(), number);
        }
        Some(())
    }
}

impl Table {
    fn number(&mut self, key: &str) -> u32 {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        // After four thousand million rows the numbers would repeat; no box lives that long.
        self.highest = self.highest.saturating_add(1);
        self.numbers.insert(key.to_owned(), self.highest);
        self.highest
    }

    /// Gives `key`, if it is new, the lowest number of a key with the same beginning that is not
    /// among `present`.
    fn take_over(&mut self, key: &str, beginning: &str, present: &[String]) {
        if self.numbers.contains_key(key) {
            return;
        }
        let gone =
            |(old, _): &(&String, &u32)| old.starts_with(beginning) && !present.contains(old);
        let lowest = self.numbers.iter().filter(gone).min_by_key(|(_, number)| **number);
        if let Some((old, number)) = lowest.map(|(old, number)| (old.clone(), *number)) {
            self.numbers.remove(&old);
            self.numbers.insert(key.to_owned(), number);
        }
    }

    fn forget_absent(&mut self, present: &[u32]) -> Vec<u32> {
        let excess = self.numbers.len().saturating_sub(INSTANCE_KEYS_MAX);
        let mut absent: Vec<u32> =
            self.numbers.values().filter(|number| !present.contains(number)).copied().collect();
        absent.sort_unstable();
        absent.truncate(excess);
        self.numbers.retain(|_, number| !absent.contains(number));
        absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_with_its_key() {
        let mut instances = Instances::default();
        assert_eq!(instances.assign("T", ["eth0", "eth1"]), [1, 2]);
        assert_eq!(instances.assign("T", ["eth1", "usb0"]), [2, 3]);
        assert_eq!(instances.assign("T", ["eth0", "usb0"]), [1, 3], "it came back");
        assert_eq!(instances.assign("U", ["eth0"]), [1], "tables count apart");
        assert_eq!(instances.number("T", "usb0"), Some(3));
        assert_eq!(instances.number("T", "none"), None);
    }

    #[test]
    fn numbers_are_not_used_again_and_the_memory_is_bounded() {
        let mut instances = Instances::default();
        let mut last = 0;
        for round in 0..INSTANCE_KEYS_MAX * 3 {
            let key = format!("addr{round}");
            let numbers = instances.assign("T", ["eth0", &key]);
            assert_eq!(numbers[0], 1);
            instances.assign(&format!("T{}.U.", numbers[1]), ["a"]);
            assert!(numbers[1] > last);
            last = numbers[1];
        }
        assert_eq!(instances.tables["T"].numbers.len(), INSTANCE_KEYS_MAX);
        assert_eq!(instances.tables.len(), INSTANCE_KEYS_MAX);
        let restored = Instances::from_text(&instances.to_text()).unwrap();
        assert_eq!(restored, instances);
    }

    #[test]
    fn a_changed_address_keeps_its_row() {
        let mut instances = Instances::default();
        let mut assign = |addresses: &[(&'static str, &str)]| {
            let owned: Vec<_> =
                addresses.iter().map(|(origin, text)| (*origin, text.to_string())).collect();
            instances.assign_addresses("T", &owned)
        };
        assert_eq!(assign(&[("DHCP", "a"), ("Static", "b")]), [1, 2]);
        assert_eq!(assign(&[("Static", "b"), ("DHCP", "c")]), [2, 1], "the lease changed");
        assert_eq!(assign(&[("DHCP", "c"), ("DHCP", "d")]), [1, 3], "b is gone, d is not static");
        assert!(assign(&[]).is_empty());
        assert_eq!(assign(&[("DHCP", "e"), ("Static", "f")]), [1, 2]);
        assert_eq!(assign(&[("DHCP", "d"), ("DHCP", "e")]), [3, 1]);
    }

    #[test]
    fn more_present_rows_than_the_limit_are_all_kept() {
        let mut instances = Instances::default();
        let keys: Vec<String> = (0..INSTANCE_KEYS_MAX + 5).map(|n| n.to_string()).collect();
        let first = instances.assign("T", keys.iter().map(String::as_str));
        assert_eq!(instances.assign("T", keys.iter().map(String::as_str)), first);
    }

    #[test]
    fn text_round_trip_and_damage() {
        let mut instances = Instances::default();
        instances.assign("Device.IP.Interface.", ["lo", "eth0"]);
        instances.assign("Device.IP.Interface.2.IPv6Address.", ["fe80::1"]);
        assert_eq!(Instances::from_text(&instances.to_text()).unwrap(), instances);
        assert_eq!(Instances::from_text("").unwrap(), Instances::default());
        assert_eq!(Instances::from_text("T\ta\t1\nT\tb\tx\n"), Err(InstancesError { line: 2 }));
        assert_eq!(Instances::from_text("nothing"), Err(InstancesError { line: 1 }));
    }
}
