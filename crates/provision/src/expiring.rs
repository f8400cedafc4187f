//! A table of bounded size whose entries end by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Entries by key, each until a time of its own; never more than a fixed number of them.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    entries: BTreeMap<K, (Timestamp, V)>,
    /// The same keys in the order in which their entries end.
    order: BTreeSet<(Timestamp, K)>,
    entries_max: usize,
}

impl<K: Ord + Copy, V> Expiring<K, V> {
    /// An empty table for so many entries.
    pub(crate) const fn new(entries_max: usize) -> Self {
        Self { entries: BTreeMap::new(), order: BTreeSet::new(), entries_max }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.entries_max
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Sets an entry until a time. False when the table is full of others.
    pub(crate) fn insert(&mut self, key: K, value: V, until: Timestamp) -> bool {
        self.remove(&key);
        if self.is_full() {
            return false;
        }
        self.order.insert((until, key));
        self.entries.insert(key, (until, value));
        true
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (until, value) = self.entries.remove(key)?;
        self.order.remove(&(until, *key));
        Some(value)
    }

    /// Takes out the entry that would end first, if it ends by a time; `Timestamp::MAX` for any.
    pub(crate) fn pop(&mut self, by: Timestamp) -> Option<V> {
        let (until, key) = *self.order.first()?;
        if until > by {
            return None;
        }
        self.remove(&key)
    }
}

/// A time so much later, as far as there is one.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// How long it is since an earlier time; nothing when the clock has gone back.
pub(crate) fn since(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_full_table_takes_what_it_has_but_nothing_new() {
        let mut table = Expiring::new(2);
        assert!(table.insert(1, 'a', at(10)) && table.insert(2, 'b', at(5)));
        assert!(!table.insert(3, 'c', at(1)) && table.is_full());
        assert!(table.insert(2, 'B', at(20)));
        assert_eq!(
            (table.pop(at(9)), table.pop(at(10)), table.pop(at(10))),
            (None, Some('a'), None)
        );
        assert_eq!(
            (table.get(&2).copied(), table.pop(Timestamp::MAX), table.len()),
            (Some('B'), Some('B'), 0)
        );
    }

    #[test]
    fn times_saturate() {
        assert_eq!(later(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(later(at(1), Duration::MAX), Timestamp::MAX);
        assert_eq!(since(at(2), at(1)), Duration::ZERO);
        assert_eq!(since(at(1), at(3)), Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn keys_and_order_agree(steps in vec((0..3, 0..8u8, 0..20i64), 0..60)) {
            let mut table = Expiring::new(4);
            for (what, key, time) in steps {
                match what {
                    0 => drop(table.insert(key, (), at(time))),
                    1 => drop(table.remove(&key)),
                    _ => drop(table.pop(at(time))),
                }
                prop_assert!(table.len() <= 4 && table.order.len() == table.len());
                for (until, key) in &table.order {
                    prop_assert_eq!(table.entries.get(key).unwrap().0, *until);
                }
            }
        }
    }
}
