//! Searching for devices.

use std::collections::BTreeSet;
use std::time::Duration;

use drover_cwmp::ValueType;
use drover_provision::expression::Expression;
use drover_provision::view::DeviceView;
use drover_provision::{Batch, DeviceKey, DeviceRecord};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Place, at, block_on, indexes_complete, join_all, key, parameter, registration};
use crate::query::tests::{INDEXED, NOW};
use crate::{Count, DeviceCursor, DeviceQuery, Error, SortBy, Store};

fn filter(text: &str) -> Option<Expression> {
    Some(Expression::parse(text).unwrap())
}

fn query(text: &str) -> DeviceQuery {
    DeviceQuery::new(filter(text), at(1_000))
}

/// Device `n` of `Device.N` = n, `Device.Odd`, and times that run the other way.
async fn fill(store: &Store, devices: u32) {
    let save = |number: u32| async move {
        let mut batch = registration(number);
        let fields = batch.fields.as_mut().unwrap();
        fields.last_inform = at(-i64::from(number / 3));
        fields.registered = at(i64::from(number));
        for (path, value) in [("Device.N", number), ("Device.Odd", number % 2)] {
            let value = parameter(&value.to_string(), ValueType::UnsignedInt);
            batch.parameters.insert(path.to_owned(), Some(value));
        }
        store.save(batch).await.unwrap();
    };
    join_all((0..devices).map(save).collect()).await;
}

/// The keys of all pages.
async fn keys(store: &Store, query: &DeviceQuery) -> Vec<DeviceKey> {
    let (mut keys, mut query) = (Vec::new(), query.clone());
    loop {
        let page = store.find(query.clone()).await.unwrap();
        assert!(page.devices.len() <= query.limit);
        assert!(page.next.is_none() || page.devices.len() == query.limit);
        keys.extend(page.devices.into_iter().map(|record| record.key));
        let Some(next) = page.next else { return keys };
        // Clients give its text back.
        query.after = Some(next.to_string().parse().unwrap());
    }
}

fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<DeviceKey> {
    numbers.into_iter().map(key).collect()
}

pub(crate) async fn devices_are_found_in_pages_in_any_order(place: &impl Place) {
    let store = place.open();
    assert_eq!(keys(&store, &DeviceQuery::new(None, at(0))).await, []);
    fill(&store, 20).await;
    store.add_index("Device.Odd").await.unwrap();
    indexes_complete(&store).await;
    let all = DeviceQuery { limit: 3, ..DeviceQuery::new(None, at(0)) };
    let found = async |sort_by, descending| {
        keys(&store, &DeviceQuery { sort_by, descending, ..all.clone() }).await
    };
    assert_eq!(found(SortBy::Key, false).await, numbered(0..20));
    assert_eq!(found(SortBy::Key, true).await, numbered((0..20).rev()));
    assert_eq!(found(SortBy::Registered, false).await, numbered(0..20));
    let by_inform = found(SortBy::LastInform, false).await;
    let threes = by_inform.iter().map(|key| key.as_str()[12..].parse::<u32>().unwrap() / 3);
    assert!(threes.rev().is_sorted(), "{by_inform:?}");
    assert_eq!(by_inform.iter().collect::<BTreeSet<_>>().len(), 20);
    let reversed: Vec<_> = by_inform.into_iter().rev().collect();
    assert_eq!(found(SortBy::LastInform, true).await, reversed);
    for sort_by in [SortBy::Key, SortBy::Registered] {
        let odd = DeviceQuery { sort_by, limit: 4, ..query("Device.Odd = 1") };
        assert_eq!(keys(&store, &odd).await, numbered((1..20).step_by(2)));
    }
    let none = DeviceQuery { limit: 0, ..all };
    assert_eq!(store.find(none).await.unwrap().devices, []);
    let page = store.find(query("DeviceID.SerialNumber = '0007'")).await.unwrap();
    assert_eq!(Some(page.devices[0].clone()), store.load(&key(7)).await.unwrap());
}

pub(crate) async fn a_scan_is_marked_and_can_be_refused(place: &impl Place) {
    let store = place.open();
    fill(&store, 10).await;
    let scan = DeviceQuery { allow_scan: false, ..query("Device.N > 7 OR Device.Q = 1") };
    let error = store.find(scan.clone()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the search would read the records of all devices, as there is no index of Device.N, \
         Device.Q: `PUT /indexes/Device.N` and `PUT /indexes/Device.Q`"
    );
    assert_eq!(store.count(scan.clone()).await, Err(error));
    let page = store.find(DeviceQuery { allow_scan: true, ..scan.clone() }).await.unwrap();
    assert!(page.is_scan && page.devices.len() == 2);
    let count = store.count(DeviceQuery { allow_scan: true, ..scan.clone() }).await;
    assert_eq!(count, Ok(Count { number: 2, is_scan: true }));
    for path in ["Device.N", "Device.Q"] {
        store.add_index(path).await.unwrap();
    }
    indexes_complete(&store).await;
    let page = store.find(scan.clone()).await.unwrap();
    assert!(!page.is_scan && page.devices.len() == 2);
    assert_eq!(store.count(scan).await, Ok(Count { number: 2, is_scan: false }));
    let narrowed = query("Tags.none AND Device.X = 1");
    assert!(!store.find(narrowed).await.unwrap().is_scan, "no record was read");
}

pub(crate) async fn a_scan_finds_what_an_index_finds(place: &impl Place) {
    let store = place.open();
    // More than the slices of a scan.
    fill(&store, 1_300).await;
    for sort_by in [SortBy::Key, SortBy::Registered] {
        for descending in [false, true] {
            let text = "Device.N % 100 = 7";
            let query = DeviceQuery { sort_by, descending, limit: 5, ..query(text) };
            let mut expected = numbered((7..1_300).step_by(100));
            if descending {
                expected.reverse();
            }
            assert_eq!(keys(&store, &query).await, expected);
        }
    }
    let last = store.find(query("Device.N = 1299")).await.unwrap();
    assert!(last.is_scan && last.next.is_none());
    assert_eq!(last.devices[0].key, key(1_299));
    for number in [3, 600] {
        store.delete_device(&key(number)).await.unwrap();
    }
    let count = store.count(query("Device.Odd = 1 OR Device.N >= 1000")).await;
    assert_eq!(count, Ok(Count { number: 650 + 150 - 1, is_scan: true }));
    let all = store.count(DeviceQuery::new(None, at(0))).await;
    assert_eq!(all, Ok(Count { number: 1_298, is_scan: false }));
}

pub(crate) async fn a_search_has_a_time_limit(place: &impl Place) {
    let store = place.open();
    fill(&store, 10).await;
    let query = DeviceQuery { time_limit: Duration::ZERO, ..query("Device.N = 7") };
    let error = store.find(query.clone()).await.unwrap_err();
    let expected = "the search took longer than 0ns; `PUT /indexes/Device.N`, or narrow the filter";
    assert_eq!(error.to_string(), expected);
    assert_eq!(store.count(query.clone()).await, Err(error));
    let all = DeviceQuery { filter: None, ..query.clone() };
    let error = store.find(all).await.unwrap_err();
    assert_eq!(error.to_string(), "the search took longer than 0ns; narrow the filter");
    let query = DeviceQuery { time_limit: Duration::MAX, ..query };
    assert_eq!(store.find(query).await.unwrap().devices.len(), 1);
}

pub(crate) async fn a_page_of_another_order_is_refused(place: &impl Place) {
    let store = place.open();
    for (sort_by, text) in [(SortBy::Key, "time:1:2"), (SortBy::LastInform, "key:a")] {
        let after: Option<DeviceCursor> = Some(text.parse().unwrap());
        let query = DeviceQuery { sort_by, after, ..DeviceQuery::new(None, at(0)) };
        assert_eq!(store.find(query).await, Err(Error::InvalidCursor));
    }
}

pub(crate) fn any_filter_finds_what_it_lets_through<P: Place>(
    filters: &[Expression],
    records: Vec<DeviceRecord>,
) -> Result<(), TestCaseError> {
    let Some(place) = P::new() else { return Ok(()) };
    let store = place.open();
    let now = Timestamp::from_microsecond(NOW).unwrap();
    let records: Vec<DeviceRecord> = (0..).zip(records).map(told_apart).collect();
    block_on(async {
        for path in INDEXED {
            store.add_index(path).await.unwrap();
        }
        for record in &records {
            let parameters = record.parameters.clone();
            let parameters = parameters.into_iter().map(|(path, it)| (path, Some(it))).collect();
            let fields = Some(record.fields.clone());
            let batch = Batch { fields, parameters, ..Batch::new(record.key.clone()) };
            store.save(batch).await.unwrap();
            for tag in &record.tags {
                store.add_tag(&record.key, tag).await.unwrap();
            }
        }
        indexes_complete(&store).await;
        for filter in filters {
            let is_meant =
                |record: &&DeviceRecord| filter.evaluate(&DeviceView::new(record, now)).is_true();
            let mut expected: Vec<DeviceRecord> =
                records.iter().filter(is_meant).cloned().collect();
            expected.sort_by(|a, b| a.key.cmp(&b.key));
            let query = DeviceQuery::new(Some(filter.clone()), now);
            let page = store.find(query.clone()).await.unwrap();
            prop_assert_eq!(&page.devices, &expected, "{}", filter);
            let count = store.count(query).await.unwrap();
            prop_assert_eq!(count.number, expected.len() as u64);
            prop_assert_eq!(count.is_scan, page.is_scan);
        }
        Ok(())
    })
}

/// Gives each record a key of its own.
fn told_apart((number, mut record): (u32, DeviceRecord)) -> DeviceRecord {
    record.fields.identity.product_class = number.to_string();
    record.fields.identity.serial_number.push('s');
    record.key = record.fields.identity.key();
    record
}
