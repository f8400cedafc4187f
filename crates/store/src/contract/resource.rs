//! Presets, scripts and the like.

use drover_provision::rules::{Resource, ResourceKind};

use super::Place;
use crate::Error;
use crate::limits::{RESOURCE_BYTES_MAX, RESOURCE_NAME_CHARS_MAX};

fn resource(kind: ResourceKind, name: &str, text: &str) -> Resource {
    Resource { kind, name: name.to_owned(), text: text.to_owned() }
}

pub(crate) async fn resources_are_kept_by_kind_and_name(place: &impl Place) {
    let store = place.open();
    assert_eq!(store.resources().await, Ok(Vec::new()));
    let expected = [
        resource(ResourceKind::Preset, "a", "{}"),
        resource(ResourceKind::Preset, "\u{e9}", "{\"weight\": 1}"),
        resource(ResourceKind::Provision, "B", "log('\u{1F4E1}');\n"),
        resource(ResourceKind::Provision, "a", "second"),
        resource(ResourceKind::VirtualParameter, "a", ""),
        resource(ResourceKind::Object, "a", "{}"),
        resource(ResourceKind::Config, "cwmp.auth", "AUTH('a', 'b')"),
    ];
    store.put_resource(resource(ResourceKind::Provision, "a", "first")).await.unwrap();
    for resource in expected.iter().rev() {
        store.put_resource(resource.clone()).await.unwrap();
    }
    drop(store);
    let store = place.open();
    assert_eq!(store.resources().await, Ok(expected.to_vec()));
    assert_eq!(store.delete_resource(ResourceKind::Preset, "a").await, Ok(true));
    assert_eq!(store.delete_resource(ResourceKind::Preset, "a").await, Ok(false));
    assert_eq!(store.resources().await, Ok(expected[1..].to_vec()));
}

pub(crate) async fn a_resource_without_a_name_or_too_long_is_refused(place: &impl Place) {
    let store = place.open();
    let name = "n".repeat(RESOURCE_NAME_CHARS_MAX);
    let text = "t".repeat(RESOURCE_BYTES_MAX);
    let longest = resource(ResourceKind::Provision, &name, &text);
    assert_eq!(store.put_resource(longest.clone()).await, Ok(()));
    for (name, text) in [("", ""), (&*format!("{name}n"), ""), ("n", &format!("{text}t"))] {
        let refused = store.put_resource(resource(ResourceKind::Preset, name, text)).await;
        assert!(matches!(refused, Err(Error::InvalidResource { .. })), "{refused:?}");
    }
    assert_eq!(store.resources().await, Ok(vec![longest]));
}
