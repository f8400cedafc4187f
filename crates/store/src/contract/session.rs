//! What a session saves beside parameters and tasks, and how it is loaded.

use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::auth::{Credentials, Secret};
use drover_provision::authentication::DeviceCredentials;
use drover_provision::channel::ChannelFault;
use drover_provision::engine::{DiscoveryLimits, Guilt, Provision, Refusals};
use drover_provision::operation::Operation;
use drover_provision::script::{Data, Fault, FaultDetail};
use drover_provision::{Batch, DeviceKey, Knowledge, Loaded, TaskKind};

use super::{Place, at, key, registration, task};
use crate::limits::{TAG_CHARS_MAX, TAGS_PER_DEVICE_MAX};
use crate::{DeviceFault, FaultFilter, Store};

fn provisions() -> Vec<Provision> {
    let arguments = vec![
        Data::Null,
        Data::Bool(true),
        Data::Number(0.1 + 0.2),
        Data::Number(f64::INFINITY),
        Data::Text("\u{e9}\"'".to_owned()),
        Data::Date(1_700_000_000_000.5),
        Data::List(vec![Data::Number(-0.0)]),
        Data::Object(vec![("b".to_owned(), Data::Null), ("a".to_owned(), Data::List(vec![]))]),
    ];
    vec![
        Provision { name: "refresh".to_owned(), arguments },
        Provision { name: "default".to_owned(), arguments: Vec::new() },
    ]
}

fn channel_fault(message: &str) -> ChannelFault {
    ChannelFault {
        fault: Fault {
            code: "script.TypeError".to_owned(),
            message: message.to_owned(),
            detail: Some(FaultDetail {
                name: "TypeError".to_owned(),
                message: message.to_owned(),
                stack: format!("TypeError: {message}\n    at refresh:1:2"),
            }),
        },
        time: at(3),
        retries: 4,
        retry_now: true,
        precondition: false,
        provisions: provisions(),
    }
}

fn plain_fault() -> ChannelFault {
    ChannelFault {
        fault: Fault::plain("thrown"),
        retry_now: false,
        precondition: true,
        provisions: Vec::new(),
        ..channel_fault("")
    }
}

fn operation(command_key: &str) -> Operation {
    Operation {
        command_key: command_key.to_owned(),
        rpc: "Download".to_owned(),
        time: at(4),
        instance: "1".to_owned(),
        file_type: "1 Firmware Upgrade Image".to_owned(),
        file_name: "\u{e9}.bin".to_owned(),
        target_file_name: String::new(),
        earlier: Some(-1),
        channels: BTreeSet::from(["default".to_owned(), "firmware".to_owned()]),
        provisions: provisions(),
    }
}

fn with_faults(device: u32, faults: &[(&str, Option<ChannelFault>)]) -> Batch {
    let faults = faults.iter().map(|(channel, fault)| ((*channel).to_owned(), fault.clone()));
    Batch { faults: faults.collect(), ..Batch::new(key(device)) }
}

pub(crate) async fn a_session_loads_all_that_it_needs(place: &impl Place) {
    let store = place.open();
    assert_eq!(loaded(&store, 1).await, Loaded::default());
    let faults: BTreeMap<_, _> = [
        ("default".to_owned(), channel_fault("x is not a function")),
        ("plain".to_owned(), plain_fault()),
    ]
    .into();
    let other = Operation { earlier: None, provisions: Vec::new(), ..operation("") };
    let operations: BTreeMap<_, _> =
        [operation("key \"1\""), other].map(|it| (it.command_key.clone(), it)).into();
    let batch = Batch {
        faults: faults.clone().into_iter().map(|(channel, it)| (channel, Some(it))).collect(),
        operations: operations.clone().into_iter().map(|(key, it)| (key, Some(it))).collect(),
        ..registration(1)
    };
    let knowledge = BTreeMap::from([
        ("V1".to_owned(), knowledge()),
        (String::new(), { Knowledge { since: at(3), ..Knowledge::default() } }),
    ]);
    let batch = Batch { knowledge: knowledge.clone(), ..batch };
    store.save(batch).await.unwrap();
    store.save(registration(2)).await.unwrap();
    let (due, late) = (task(1, 1, TaskKind::Reboot), task(2, 1, TaskKind::Reboot));
    store.insert_task(due.clone()).await.unwrap();
    store.insert_task(drover_provision::Task { due: at(10), ..late }).await.unwrap();
    drop(store);
    let store = place.open();
    let record = store.load(&key(1)).await.unwrap();
    let expected = Loaded {
        record,
        tasks: vec![due],
        faults,
        operations,
        knowledge: knowledge.clone(),
        ..Loaded::default()
    };
    assert_eq!(loaded(&store, 1).await, expected);
    let other = loaded(&store, 2).await;
    assert!(other.record.is_some() && other.faults.is_empty() && other.operations.is_empty());
    assert_eq!(other.knowledge, knowledge, "it is of the same product");
    assert_eq!(loaded(&store, 3).await.knowledge, knowledge, "and so is one that is new");
    let key = DeviceKey::new("00D09E", "Another", "1");
    assert!(store.load_session(&key, at(9)).await.unwrap().knowledge.is_empty());
}

pub(crate) async fn knowledge_is_listed_and_forgotten(place: &impl Place) {
    let store = place.open();
    assert_eq!(store.knowledge(None, 10).await, Ok(Vec::new()));
    let of = |firmwares: &[&str]| {
        let firmwares = firmwares.iter().map(|it| ((*it).to_owned(), knowledge()));
        firmwares.collect::<BTreeMap<_, _>>()
    };
    let another = DeviceKey::new("00D09E", "Another", "1");
    store.save(Batch { knowledge: of(&["V2", "", "V1"]), ..registration(1) }).await.unwrap();
    let batch = Batch { knowledge: of(&["V1"]), ..Batch::new(another.clone()) };
    store.save(Batch { fields: registration(2).fields, ..batch }).await.unwrap();
    let listed = async |after: Option<(&str, &str)>, limit| {
        let page = store.knowledge(after, limit).await.unwrap();
        assert!(page.iter().all(|it| it.knowledge == knowledge()));
        page.into_iter().map(|it| (it.product, it.firmware)).collect::<Vec<_>>()
    };
    let (product, other) = (key(1).product().to_owned(), another.product().to_owned());
    let pair = |product: &str, firmware: &str| (product.to_owned(), firmware.to_owned());
    let all = [pair(&other, "V1"), pair(&product, ""), pair(&product, "V1"), pair(&product, "V2")];
    assert_eq!(listed(None, 10).await, all);
    assert_eq!(listed(None, 2).await, all[..2]);
    assert_eq!(listed(Some((&product, "")), 10).await, all[2..]);
    assert_eq!(listed(Some((&product, "V2")), 10).await, []);
    assert_eq!(store.delete_knowledge(&product, Some("V3")).await, Ok(0));
    assert_eq!(store.delete_knowledge(&product, Some("")).await, Ok(1));
    assert_eq!(listed(Some((&other, "V1")), 10).await, all[2..]);
    assert_eq!(store.delete_knowledge(&product, None).await, Ok(2));
    assert_eq!(store.delete_knowledge(&product, None).await, Ok(0));
    assert_eq!(listed(None, 10).await, all[..1]);
    assert!(store.load_session(&key(1), at(9)).await.unwrap().knowledge.is_empty());
}

/// They are there before the first session of their device, and when it is deleted.
pub(crate) async fn credentials_are_kept_apart_from_devices(place: &impl Place) {
    let store = place.open();
    let of = |name: &str| Credentials::new(name, Secret::new("s\u{e9}cret"));
    assert_eq!(store.credentials(&key(1)).await, Ok(DeviceCredentials::default()));
    let own = DeviceCredentials { current: Some(of("a")), ..DeviceCredentials::default() };
    store.put_credentials(&key(1), own.clone()).await.unwrap();
    assert_eq!(loaded(&store, 1).await.credentials, own);
    let home = Some("2001:db8::1".parse().unwrap());
    let both = DeviceCredentials { next: Some(of("b")), home, ..own };
    let batch = Batch { credentials: Some(both.clone()), ..registration(1) };
    store.save(batch).await.unwrap();
    drop(store);
    let store = place.open();
    assert_eq!(loaded(&store, 1).await.credentials, both);
    assert!(store.delete_device(&key(1)).await.unwrap());
    assert_eq!(loaded(&store, 1).await.credentials, both);
    assert_eq!(store.credentials(&key(2)).await, Ok(DeviceCredentials::default()));
    assert_eq!(store.delete_credentials(&key(1)).await, Ok(true));
    assert_eq!(store.delete_credentials(&key(1)).await, Ok(false));
    assert_eq!(store.credentials(&key(1)).await, Ok(DeviceCredentials::default()));
}

fn knowledge() -> Knowledge {
    let guilt = |path: &str, value| Guilt { path: path.to_owned(), value, code: 9007 };
    let objects = BTreeSet::from(["Device.WiFi".to_owned()]);
    Knowledge {
        since: at(2),
        guilt: [guilt("Device.X.*.A", None), guilt("Device.B", Some(u64::MAX))].into(),
        discovery: DiscoveryLimits {
            names: Refusals { everywhere: true, ..Refusals::default() },
            values: Refusals { everywhere: false, objects },
        },
    }
}

async fn loaded(store: &Store, device: u32) -> Loaded {
    store.load_session(&key(device), at(9)).await.unwrap()
}

pub(crate) async fn faults_and_operations_end(place: &impl Place) {
    let store = place.open();
    let with_fault = with_faults(1, &[("a", Some(channel_fault("1")))]);
    store.save(with_fault).await.unwrap();
    assert_eq!(store.count_faults(FaultFilter::default()).await, Ok(0), "no such device");
    store.save(registration(1)).await.unwrap();
    let operations = ["x", "y"].map(|it| (it.to_owned(), Some(operation(it))));
    let batch = Batch {
        operations: operations.into(),
        ..with_faults(1, &[("a", Some(channel_fault("1"))), ("b", Some(plain_fault()))])
    };
    store.save(batch).await.unwrap();
    let changed = Operation { file_name: "other".to_owned(), ..operation("y") };
    let batch = Batch {
        operations: [
            ("x".to_owned(), None),
            ("never".to_owned(), None),
            ("y".to_owned(), Some(changed.clone())),
        ]
        .into(),
        ..with_faults(1, &[("a", None), ("never", None), ("b", Some(channel_fault("2")))])
    };
    store.save(batch).await.unwrap();
    let left = loaded(&store, 1).await;
    assert_eq!(left.faults, BTreeMap::from([("b".to_owned(), channel_fault("2"))]));
    assert_eq!(left.operations, BTreeMap::from([("y".to_owned(), changed)]));
    assert_eq!(store.delete_device(&key(1)).await, Ok(true));
    store.save(registration(1)).await.unwrap();
    let anew = loaded(&store, 1).await;
    assert!(anew.faults.is_empty() && anew.operations.is_empty());
}

pub(crate) async fn faults_are_listed_in_pages_by_filter(place: &impl Place) {
    let store = place.open();
    for device in [1, 2] {
        store.save(registration(device)).await.unwrap();
    }
    let steps = [(2, "b"), (1, "a"), (2, "a"), (1, "c"), (1, "b")];
    for (device, channel) in steps {
        store.save(with_faults(device, &[(channel, Some(plain_fault()))])).await.unwrap();
    }
    // A fault that comes again keeps its place.
    store.save(with_faults(2, &[("b", Some(channel_fault("again")))])).await.unwrap();
    let list = async |device: Option<u32>, channel: Option<&str>| {
        let filter =
            FaultFilter { device: device.map(key), channel: channel.map(ToOwned::to_owned) };
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.faults(filter.clone(), after.as_ref(), 2).await.unwrap();
            assert!(page.len() <= 2);
            let Some((cursor, _)) = page.last() else { break };
            after = Some(*cursor);
            seen.extend(page.into_iter().map(|(_, fault)| fault));
        }
        let count = store.count_faults(filter).await.unwrap();
        assert_eq!(u64::try_from(seen.len()), Ok(count));
        seen
    };
    let names = |faults: Vec<DeviceFault>| {
        faults.into_iter().map(|it| (it.device, it.channel)).collect::<Vec<_>>()
    };
    let expected = |list: &[(u32, &str)]| {
        list.iter()
            .map(|(device, channel)| (key(*device), (*channel).to_owned()))
            .collect::<Vec<_>>()
    };
    let all = list(None, None).await;
    assert_eq!(all[0].fault, channel_fault("again"));
    assert_eq!(all[1].fault, plain_fault());
    assert_eq!(names(all), expected(&steps));
    assert_eq!(names(list(Some(1), None).await), expected(&[(1, "a"), (1, "c"), (1, "b")]));
    assert_eq!(names(list(None, Some("b")).await), expected(&[(2, "b"), (1, "b")]));
    assert_eq!(names(list(Some(2), Some("a")).await), expected(&[(2, "a")]));
    assert_eq!(list(Some(3), None).await, []);
    assert_eq!(store.delete_fault(&key(2), "b").await, Ok(true));
    assert_eq!(store.delete_fault(&key(2), "b").await, Ok(false));
    assert_eq!(store.delete_fault(&key(3), "b").await, Ok(false));
    assert_eq!(names(list(None, Some("b")).await), expected(&[(1, "b")]));
}

pub(crate) async fn a_session_gives_and_takes_tags(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    store.add_tag(&key(1), "old").await.unwrap();
    let tags = |tags: &[(&str, bool)]| Batch {
        tags: tags.iter().map(|(tag, given)| ((*tag).to_owned(), *given)).collect(),
        ..Batch::new(key(1))
    };
    let too_long = "x".repeat(TAG_CHARS_MAX + 1);
    let batch = tags(&[("new", true), ("old", false), ("never", false), ("", true)]);
    store.save(batch).await.unwrap();
    store.save(tags(&[(&too_long, true), ("also", true)])).await.unwrap();
    let known = async || store.load(&key(1)).await.unwrap().unwrap().tags;
    assert_eq!(known().await.into_iter().collect::<Vec<_>>(), ["also", "new"]);
    let many: Vec<String> = (0..TAGS_PER_DEVICE_MAX).map(|number| format!("t{number}")).collect();
    let many: Vec<(&str, bool)> = many.iter().map(|tag| (tag.as_str(), true)).collect();
    store.save(tags(&many)).await.unwrap();
    assert_eq!(u32::try_from(known().await.len()), Ok(TAGS_PER_DEVICE_MAX));
}
