//! Parameters that can be searched for by value.

use std::time::{Duration, Instant};

use drover_cwmp::ValueType;

use super::{Place, key, parameter, registration};
use crate::limits::{INDEX_PATH_BYTES_MAX, INDEXES_MAX};
use crate::{Error, Index, IndexState, Store};

const PATH: &str = "Device.X.1.Name";

/// Waits until every index can be used.
pub(crate) async fn indexes_complete(store: &Store) {
    let limit = Instant::now() + Duration::from_secs(60);
    let complete = |index: &Index| index.state == IndexState::Complete;
    while !store.indexes().await.unwrap().iter().all(complete) {
        assert!(Instant::now() < limit, "an index is still being built");
    }
}

async fn paths(store: &Store) -> Vec<String> {
    store.indexes().await.unwrap().into_iter().map(|index| index.path).collect()
}

pub(crate) async fn a_new_store_has_indexes(place: &impl Place) {
    let store = place.open();
    let indexes = store.indexes().await.unwrap();
    assert!(indexes.len() >= 20 && indexes.is_sorted_by(|a, b| a.path < b.path), "{indexes:?}");
    assert!(indexes.iter().all(|index| index.state == IndexState::Complete));
    for path in [
        "Device.DeviceInfo.SoftwareVersion",
        "InternetGatewayDevice.ManagementServer.ConnectionRequestURL",
    ] {
        assert!(indexes.iter().any(|index| index.path == path), "{path}");
    }
}

pub(crate) async fn indexes_are_added_and_dropped(place: &impl Place) {
    let store = place.open();
    let before = paths(&store).await;
    for number in 0..300 {
        let mut batch = registration(number);
        let value = parameter(&format!("name {}", number % 7), ValueType::String);
        batch.parameters.insert(PATH.to_owned(), Some(value));
        store.save(batch).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(store.add_index(PATH).await, Ok(()));
    }
    assert_eq!(paths(&store).await.len(), before.len() + 1);
    indexes_complete(&store).await;
    assert!(store.check().await.unwrap().is_sound());
    drop(store);
    let store = place.open();
    indexes_complete(&store).await;
    assert_eq!(store.drop_index(PATH).await, Ok(true));
    assert_eq!(store.drop_index(PATH).await, Ok(false));
    assert_eq!(paths(&store).await, before);
    assert_eq!(store.add_index(PATH).await, Ok(()));
    assert_eq!(store.delete_device(&key(5)).await, Ok(true));
    indexes_complete(&store).await;
    let report = store.check().await.unwrap();
    assert!(report.is_sound() && report.devices == 299, "{report:?}");
}

pub(crate) async fn what_is_no_parameter_is_not_indexed(place: &impl Place) {
    let store = place.open();
    let long = format!("Device.{}", "x".repeat(INDEX_PATH_BYTES_MAX));
    for path in ["Device.*.A", "Device.A.[B:1].C", "Device..A", " ", "Device.A\n"] {
        let refused = store.add_index(path).await;
        assert!(matches!(refused, Err(Error::InvalidIndex(_))), "{path}: {refused:?}");
    }
    for path in ["", "Device.", "DeviceID.SerialNumber", "Tags.x", "Events.Inform", &*long] {
        let refused = store.add_index(path).await;
        assert!(matches!(refused, Err(Error::InvalidIndex(_))), "{path}: {refused:?}");
    }
    let longest = long.chars().take(INDEX_PATH_BYTES_MAX).collect::<String>();
    assert_eq!(store.add_index(&longest).await, Ok(()));
    let known = u32::try_from(paths(&store).await.len()).unwrap();
    for number in known..INDEXES_MAX {
        assert_eq!(store.add_index(&format!("Device.P{number}")).await, Ok(()));
    }
    assert_eq!(store.add_index("Device.Other").await, Err(Error::TooManyIndexes));
    assert_eq!(store.add_index(&longest).await, Ok(()), "it is there already");
    assert_eq!(store.drop_index(&longest).await, Ok(true));
    assert_eq!(store.add_index("Device.Other").await, Ok(()));
}
