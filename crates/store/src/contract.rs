//! What every backend of the store must do. A backend implements [`Place`] and calls
//! [`contract_tests`].

mod index;
mod past;
mod query;
mod resource;
mod session;

use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::event::{Event, EventCode};
use drover_cwmp::{CwmpVersion, Value, ValueType};
use drover_provision::engine::Provision;
use drover_provision::expression::Expression;
use drover_provision::rules::{Resource, ResourceKind};
use drover_provision::script::Data;
use drover_provision::{
    Batch, DeviceFields, DeviceKey, DeviceRecord, Identity, Known, NewValue, Parameter,
    ParameterFault, Progress, SetValue, Task, TaskFault, TaskId, TaskKind, TaskResult, TaskState,
};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use crate::limits::{DONE_TASKS_KEPT, TAG_CHARS_MAX, TAGS_PER_DEVICE_MAX};
use crate::{DeviceQuery, Error, Retention, Store, TaskFilter, TaskStatus};

pub(crate) use index::*;
pub(crate) use past::*;
pub(crate) use query::*;
pub(crate) use resource::*;
pub(crate) use session::*;

/// A parameter that a new store has an index of.
const INDEXED: &str = "Device.DeviceInfo.SoftwareVersion";

/// A fresh place for one store, which can be opened again and again.
pub(crate) trait Place: Sized {
    /// `None` where the backend is missing, and that is no failure.
    fn new() -> Option<Self>;
    fn open_with(&self, retention: Retention) -> Store;
    fn open(&self) -> Store {
        self.open_with(Retention::default())
    }
}

/// Hands the names of all requirements to a macro.
macro_rules! with_requirements {
    ($macro:path, $place:ty) => {
        $macro! { $place:
            a_record_is_loaded_as_it_was_saved
            a_batch_changes_what_it_names
            a_batch_without_fields_creates_no_device
            tags_are_kept_apart_from_sessions
            a_deleted_device_is_gone_with_all_it_has
            devices_come_in_pages_in_the_order_of_keys
            tasks_are_loaded_as_they_were_made
            due_tasks_come_in_the_order_of_their_times
            a_task_is_due_though_the_clock_went_back
            tasks_of_unknown_devices_and_known_ids_are_refused
            a_unique_key_replaces_the_task_that_waits
            a_deleted_task_stays_deleted
            a_faulted_task_can_be_retried
            only_the_newest_done_tasks_are_kept
            tasks_are_listed_in_pages_by_filter
            limits_per_device_hold
            concurrent_writes_are_all_kept
            the_store_can_be_used_from_many_threads
            texts_may_have_any_character
            a_clock_that_goes_back_loses_no_history
            a_session_loads_all_that_it_needs
            a_session_gives_and_takes_tags
            faults_and_operations_end
            faults_are_listed_in_pages_by_filter
            knowledge_is_listed_and_forgotten
            credentials_are_kept_apart_from_devices
            resources_are_kept_by_kind_and_name
            a_resource_without_a_name_or_too_long_is_refused
            a_new_store_has_indexes
            indexes_are_added_and_dropped
            what_is_no_parameter_is_not_indexed
            traces_are_read_in_pages_from_the_newest_on
            snapshots_show_what_a_device_was_like
            a_device_keeps_so_many_sessions
            old_and_many_sessions_are_removed
            a_watched_value_has_a_history
            only_what_is_a_number_has_a_history
            old_points_are_merged
            what_is_not_watched_any_more_is_forgotten
            watched_paths_have_limits
            devices_are_found_in_pages_in_any_order
            a_scan_is_marked_and_can_be_refused
            a_scan_finds_what_an_index_finds
            a_search_has_a_time_limit
            a_page_of_another_order_is_refused
        }
    };
}
pub(crate) use with_requirements;

/// Makes a test of each requirement for one backend.
macro_rules! contract_tests {
    ($place:ty) => {
        $crate::contract::with_requirements!($crate::contract::contract_tests, $place);
        $crate::contract::contract_properties!($place);
    };
    ($place:ty: $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                let Some(place) = <$place as $crate::contract::Place>::new() else { return };
                $crate::contract::block_on($crate::contract::$case(&place));
            }
        )*
    };
}
pub(crate) use contract_tests;

/// Makes one test of all requirements, for a backend that takes long to start. It goes on behind a
/// requirement that is not met.
macro_rules! contract_test {
    ($place:ty) => {
        $crate::contract::with_requirements!($crate::contract::contract_test, $place);
        $crate::contract::contract_properties!($place);
    };
    ($place:ty: $($case:ident)*) => {
        #[test]
        fn each_requirement_is_met() {
            let mut failed: Vec<&str> = Vec::new();
            $(
                let outcome = std::panic::catch_unwind(|| {
                    let Some(place) = <$place as $crate::contract::Place>::new() else { return };
                    $crate::contract::block_on($crate::contract::$case(&place));
                });
                if outcome.is_err() {
                    failed.push(stringify!($case));
                }
            )*
            assert!(failed.is_empty(), "not met: {failed:?}");
        }
    };
}
pub(crate) use contract_test;

macro_rules! contract_properties {
    ($place:ty) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
            #[test]
            fn any_history_equals_the_model(steps in $crate::contract::history()) {
                $crate::contract::any_history_equals_the_model::<$place>(steps)?;
            }

            #[test]
            fn any_filter_finds_what_it_lets_through(
                filters in prop::collection::vec($crate::query::tests::expressions(), 12),
                records in prop::collection::vec($crate::query::tests::records(), 1..8),
            ) {
                $crate::contract::any_filter_finds_what_it_lets_through::<$place>(
                    &filters, records,
                )?;
            }
        }
    };
}
pub(crate) use contract_properties;

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond(1_700_000_000_000_001 + second * 1_000_000).unwrap()
}

pub(crate) fn key(number: u32) -> DeviceKey {
    DeviceKey::new("00D09E", "Box", &format!("{number:04}"))
}

pub(crate) fn fields(number: u32) -> DeviceFields {
    DeviceFields {
        identity: Identity {
            manufacturer: "Ac\u{e9}me \u{1F4E1}".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: "Box".to_owned(),
            serial_number: format!("{number:04}"),
        },
        registered: at(0),
        last_inform: at(1),
        last_boot: Some(at(2)),
        last_bootstrap: None,
        sessions: 7,
        last_events: vec![
            Event::new(EventCode::Boot),
            Event::with_key(EventCode::MReboot, "key \"1\""),
            Event::new(EventCode::parse("X 00D09E Party").0),
        ],
        root: Some("Device.".to_owned()),
        cwmp_version: CwmpVersion::V1_3,
        peculiarities: BTreeSet::from(["no ProductClass".to_owned(), "CDATA section".to_owned()]),
        connection_request: Credentials::new("acs", Secret::new("s\u{e9}cret")),
    }
}

pub(crate) fn parameter(text: &str, value_type: ValueType) -> Parameter {
    let writable = Some(Known::new(true, at(5)));
    Parameter { writable, ..Parameter::with_value(Value::new(value_type, text), at(5)) }
}

pub(crate) fn registration(number: u32) -> Batch {
    Batch { fields: Some(fields(number)), ..Batch::new(key(number)) }
}

pub(crate) fn task(number: u64, device: u32, kind: TaskKind) -> Task {
    Task::new(TaskId::new(at(0), number.to_be_bytes()), key(device), kind, at(0))
}

fn refresh(path: &str) -> TaskKind {
    TaskKind::RefreshObject { path: path.to_owned() }
}

fn change(tasks: impl IntoIterator<Item = Task>) -> Batch {
    let tasks: BTreeMap<_, _> =
        tasks.into_iter().map(|task| (task.id.clone(), Some(task))).collect();
    let device = tasks.values().flatten().next().unwrap().device.clone();
    Batch { tasks, ..Batch::new(device) }
}

fn fault() -> TaskFault {
    TaskFault {
        time: at(9),
        code: "cwmp.9003".to_owned(),
        message: "Invalid arguments".to_owned(),
        rpc: Some("SetParameterValues".to_owned()),
        parameters: vec![ParameterFault {
            name: "Device.X".to_owned(),
            code: "cwmp.9007".to_owned(),
            message: "not \"that\"".to_owned(),
        }],
    }
}

pub(crate) async fn a_record_is_loaded_as_it_was_saved(place: &impl Place) {
    let store = place.open();
    assert_eq!(store.load(&key(1)).await, Ok(None));
    let mut batch = registration(1);
    for value_type in ValueType::ALL {
        let path = format!("Device.{}", value_type.name());
        batch.parameters.insert(path, Some(parameter(" <\u{1F4E1}>\n'\"", value_type)));
    }
    let unread = Parameter::found(at(7));
    batch.parameters.insert("Device.Object.".to_owned(), Some(unread));
    let denied =
        Parameter { writable: Some(Known::new(false, at(5))), ..parameter("", ValueType::String) };
    batch.parameters.insert("Device.Empty".to_owned(), Some(denied));
    store.save(batch.clone()).await.unwrap();
    drop(store);
    let record = place.open().load(&key(1)).await.unwrap().unwrap();
    assert_eq!(record.key, key(1));
    assert_eq!(Some(record.fields), batch.fields);
    let saved: BTreeMap<_, _> =
        batch.parameters.into_iter().map(|(path, parameter)| (path, parameter.unwrap())).collect();
    assert!(record.parameters == saved, "{:?}", record.parameters);
}

pub(crate) async fn a_batch_changes_what_it_names(place: &impl Place) {
    let store = place.open();
    let mut batch = registration(1);
    for name in ["Device.A", "Device.B", "Device.C"] {
        batch.parameters.insert(name.to_owned(), Some(parameter("1", ValueType::Int)));
    }
    store.save(batch).await.unwrap();
    let mut batch = Batch::new(key(1));
    batch.parameters.insert("Device.A".to_owned(), None);
    batch.parameters.insert("Device.B".to_owned(), Some(parameter("2", ValueType::Long)));
    batch.parameters.insert("Device.Never".to_owned(), None);
    store.save(batch).await.unwrap();
    let record = store.load(&key(1)).await.unwrap().unwrap();
    assert_eq!(record.fields, fields(1));
    let names: Vec<_> = record.parameters.keys().collect();
    assert_eq!(names, ["Device.B", "Device.C"]);
    assert_eq!(record.value("Device.B"), Some(&Value::new(ValueType::Long, "2")));
    assert_eq!(record.value("Device.C"), Some(&Value::new(ValueType::Int, "1")));
}

pub(crate) async fn a_batch_without_fields_creates_no_device(place: &impl Place) {
    let store = place.open();
    let mut batch = Batch::new(key(1));
    batch.parameters.insert("Device.A".to_owned(), Some(parameter("1", ValueType::Int)));
    store.save(batch).await.unwrap();
    assert_eq!(store.load(&key(1)).await, Ok(None));
    assert_eq!(store.count_devices().await, Ok(0));
}

pub(crate) async fn tags_are_kept_apart_from_sessions(place: &impl Place) {
    let store = place.open();
    assert_eq!(store.add_tag(&key(1), "new").await, Ok(false));
    store.save(registration(1)).await.unwrap();
    for tag in ["new", "b\u{e9}ta", "new", "it's"] {
        assert_eq!(store.add_tag(&key(1), tag).await, Ok(true));
    }
    assert_eq!(store.remove_tag(&key(1), "it's").await, Ok(true));
    assert_eq!(store.remove_tag(&key(1), "never").await, Ok(true));
    assert_eq!(store.remove_tag(&key(2), "new").await, Ok(false));
    store.save(registration(1)).await.unwrap();
    drop(store);
    let record = place.open().load(&key(1)).await.unwrap().unwrap();
    assert_eq!(record.tags.into_iter().collect::<Vec<_>>(), ["b\u{e9}ta", "new"]);
}

pub(crate) async fn a_deleted_device_is_gone_with_all_it_has(place: &impl Place) {
    let store = place.open();
    for number in [1, 2] {
        let mut batch = registration(number);
        batch.parameters.insert("Device.A".to_owned(), Some(parameter("1", ValueType::Int)));
        store.save(batch).await.unwrap();
        store.add_tag(&key(number), "tag").await.unwrap();
        store.insert_task(task(number.into(), number, TaskKind::Reboot)).await.unwrap();
    }
    assert_eq!(store.delete_device(&key(1)).await, Ok(true));
    assert_eq!(store.delete_device(&key(1)).await, Ok(false));
    assert_eq!(store.load(&key(1)).await, Ok(None));
    assert_eq!(store.count_tasks(TaskFilter::default()).await, Ok(1));
    store.save(registration(1)).await.unwrap();
    let anew = store.load(&key(1)).await.unwrap().unwrap();
    assert!(anew.parameters.is_empty() && anew.tags.is_empty());
    let other = store.load(&key(2)).await.unwrap().unwrap();
    assert!(!other.parameters.is_empty() && !other.tags.is_empty());
}

pub(crate) async fn devices_come_in_pages_in_the_order_of_keys(place: &impl Place) {
    let store = place.open();
    for number in [3, 1, 5, 2, 4] {
        store.save(registration(number)).await.unwrap();
    }
    assert_eq!(store.count_devices().await, Ok(5));
    let mut seen = Vec::new();
    let mut after: Option<DeviceKey> = None;
    loop {
        let page = store.devices(after.as_ref(), 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        seen.extend(page.into_iter().map(|record| record.key));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5].map(key));
}

pub(crate) async fn tasks_are_loaded_as_they_were_made(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    let values = [
        (NewValue::Text("\u{e9}".to_owned()), Some(ValueType::HexBinary)),
        (NewValue::Boolean(true), None),
        (NewValue::Number("-1.5e3".to_owned()), Some(ValueType::Decimal)),
    ];
    let values: Vec<_> = values
        .into_iter()
        .map(|(value, value_type)| SetValue { name: "Device.X".to_owned(), value, value_type })
        .collect();
    let path = "Device.T.".to_owned();
    let kinds = [
        TaskKind::GetParameterValues { names: vec![String::new(), "Device.X".to_owned()] },
        TaskKind::SetParameterValues { values: values.clone() },
        refresh("Device."),
        TaskKind::AddObject { path: path.clone(), values },
        TaskKind::DeleteObject { path },
        TaskKind::Reboot,
        TaskKind::FactoryReset,
        TaskKind::Download {
            file_type: "1 Firmware Upgrade Image".to_owned(),
            file_name: "image".to_owned(),
            target_file_name: String::new(),
        },
        TaskKind::Upload { file_type: "2 Vendor Log File".to_owned(), file_name: String::new() },
        TaskKind::ScheduleInform { delay_seconds: 60 },
        TaskKind::ChangeDuState {
            operation: "Install".to_owned(),
            url: "http://files.example/module".to_owned(),
            uuid: String::new(),
            version: "1.0".to_owned(),
            execution_env_ref: "Device.SoftwareModules.ExecEnv.1".to_owned(),
        },
        TaskKind::Provisions {
            provisions: vec![Provision {
                name: "p".to_owned(),
                arguments: vec![Data::Number(0.5), Data::List(vec![Data::Null])],
            }],
        },
    ];
    let mut tasks: Vec<Task> = (0..).zip(kinds).map(|(id, kind)| task(id, 1, kind)).collect();
    tasks[0].due = at(-5);
    tasks[1].expiry = Some(at(50));
    tasks[2].unique_key = Some("key'".to_owned());
    tasks[3].progress = Progress { sent: Some(at(3)), instance: Some(u32::MAX) };
    tasks[4].state = TaskState::Faulted(fault());
    tasks[5].retries = 7;
    let refused = fault().parameters;
    tasks[6].state = TaskState::Done(TaskResult {
        finished: at(9),
        status: Some(1),
        instance: Some(2),
        refused,
    });
    for task in &tasks {
        store.insert_task(task.clone()).await.unwrap();
    }
    drop(store);
    let store = place.open();
    for task in tasks {
        assert_eq!(store.task(&task.id).await, Ok(Some(task)));
    }
}

pub(crate) async fn due_tasks_come_in_the_order_of_their_times(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    store.save(registration(2)).await.unwrap();
    let due = [(1, at(5)), (2, at(3)), (3, at(3)), (4, at(11))];
    for (number, due) in due {
        let task = Task { due, ..task(number, 1, TaskKind::Reboot) };
        store.insert_task(task).await.unwrap();
    }
    store.insert_task(task(5, 2, TaskKind::Reboot)).await.unwrap();
    let mut faulted = task(6, 1, TaskKind::Reboot);
    faulted.state = TaskState::Faulted(fault());
    store.insert_task(faulted).await.unwrap();
    let tasks = store.due_tasks(&key(1), at(10)).await.unwrap();
    let expected = [2, 3, 1].map(|number| task(number, 1, TaskKind::Reboot).id);
    assert_eq!(tasks.into_iter().map(|task| task.id).collect::<Vec<_>>(), expected);
    assert_eq!(store.due_tasks(&key(9), at(10)).await, Ok(Vec::new()));
}

pub(crate) async fn a_task_is_due_though_the_clock_went_back(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    let at_once = Task { due: at(3_600), created: at(3_600), ..task(1, 1, TaskKind::Reboot) };
    let later = Task { due: at(3_601), ..at_once.clone() };
    let later = Task { id: task(2, 1, TaskKind::Reboot).id, ..later };
    store.insert_task(at_once.clone()).await.unwrap();
    store.insert_task(later.clone()).await.unwrap();
    for now in [at(0), at(3_600)] {
        assert!(at_once.is_due(now) && !later.is_due(now));
        assert_eq!(store.due_tasks(&key(1), now).await, Ok(vec![at_once.clone()]));
        let loaded = store.load_session(&key(1), now).await.unwrap();
        assert_eq!(loaded.tasks, std::slice::from_ref(&at_once));
    }
}

pub(crate) async fn tasks_of_unknown_devices_and_known_ids_are_refused(place: &impl Place) {
    let store = place.open();
    let one = task(1, 1, TaskKind::Reboot);
    assert_eq!(store.insert_task(one.clone()).await, Err(Error::NoSuchDevice(key(1))));
    store.save(registration(1)).await.unwrap();
    assert_eq!(store.insert_task(one.clone()).await, Ok(()));
    assert_eq!(store.insert_task(one.clone()).await, Err(Error::TaskExists(one.id.clone())));
    assert_eq!(store.task(&one.id).await, Ok(Some(one)));
}

pub(crate) async fn a_unique_key_replaces_the_task_that_waits(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    let with_key = |number, key: &str| Task {
        unique_key: Some(key.to_owned()),
        ..task(number, 1, TaskKind::Reboot)
    };
    let under_way = Progress { sent: Some(at(1)), instance: None };
    let kept = Task { progress: under_way, ..with_key(4, "a") };
    for task in [with_key(1, "a"), with_key(2, "b"), task(3, 1, TaskKind::Reboot), kept] {
        store.insert_task(task).await.unwrap();
    }
    store.insert_task(with_key(5, "a")).await.unwrap();
    let left = store.due_tasks(&key(1), at(10)).await.unwrap();
    let expected = [2, 3, 4, 5].map(|number| task(number, 1, TaskKind::Reboot).id);
    assert_eq!(left.into_iter().map(|task| task.id).collect::<Vec<_>>(), expected);
}

pub(crate) async fn a_deleted_task_stays_deleted(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    let one = task(1, 1, TaskKind::Reboot);
    store.insert_task(one.clone()).await.unwrap();
    assert_eq!(store.delete_task(&one.id).await, Ok(true));
    assert_eq!(store.delete_task(&one.id).await, Ok(false));
    store.save(change([one.clone()])).await.unwrap();
    assert_eq!(store.task(&one.id).await, Ok(None));
    assert_eq!(store.retry_task(&one.id).await, Ok(None));
    let two = task(2, 1, TaskKind::Reboot);
    store.insert_task(two.clone()).await.unwrap();
    let expired = Batch { tasks: [(two.id.clone(), None)].into(), ..Batch::new(key(1)) };
    store.save(expired).await.unwrap();
    assert_eq!(store.task(&two.id).await, Ok(None));
}

pub(crate) async fn a_faulted_task_can_be_retried(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    let mut one = task(1, 1, TaskKind::Reboot);
    store.insert_task(one.clone()).await.unwrap();
    assert_eq!(store.retry_task(&one.id).await, Ok(Some(one.clone())), "it waits already");
    one.state = TaskState::Faulted(fault());
    one.progress = Progress { sent: None, instance: Some(3) };
    store.save(change([one.clone()])).await.unwrap();
    assert_eq!(store.due_tasks(&key(1), at(9)).await, Ok(Vec::new()));
    one.retry();
    assert_eq!(store.retry_task(&one.id).await, Ok(Some(one.clone())));
    assert_eq!(store.due_tasks(&key(1), at(9)).await, Ok(vec![one.clone()]));
    one.state = TaskState::Done(TaskResult::new(at(9)));
    store.save(change([one.clone()])).await.unwrap();
    assert_eq!(store.retry_task(&one.id).await, Ok(None), "what is done is done");
}

pub(crate) async fn only_the_newest_done_tasks_are_kept(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    let done = TaskState::Done(TaskResult::new(at(9)));
    let last = u64::from(DONE_TASKS_KEPT) + 10;
    for number in 0..=last {
        store.insert_task(task(number, 1, TaskKind::Reboot)).await.unwrap();
    }
    let tasks =
        (1..=last).map(|number| Task { state: done.clone(), ..task(number, 1, TaskKind::Reboot) });
    store.save(change(tasks)).await.unwrap();
    let count =
        |status: TaskStatus| store.count_tasks(TaskFilter { device: None, status: vec![status] });
    assert_eq!(count(TaskStatus::Done).await, Ok(DONE_TASKS_KEPT.into()));
    assert_eq!(count(TaskStatus::Waiting).await, Ok(1));
    let newest = task(last, 1, TaskKind::Reboot).id;
    assert!(store.task(&newest).await.unwrap().is_some());
}

pub(crate) async fn tasks_are_listed_in_pages_by_filter(place: &impl Place) {
    let store = place.open();
    for device in [1, 2] {
        store.save(registration(device)).await.unwrap();
    }
    for number in 0..10_u64 {
        let device = if number % 2 == 0 { 1 } else { 2 };
        let mut task = task(number, device, TaskKind::Reboot);
        if number >= 6 {
            task.state = TaskState::Faulted(fault());
        }
        store.insert_task(task).await.unwrap();
    }
    let list = async |filter: TaskFilter| {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.tasks(filter.clone(), after.as_ref(), 3).await.unwrap();
            let Some((cursor, _)) = page.last() else { break };
            after = Some(*cursor);
            seen.extend(page.into_iter().map(|(_, task)| task.id));
        }
        let count = store.count_tasks(filter).await.unwrap();
        assert_eq!(u64::try_from(seen.len()), Ok(count));
        seen
    };
    let ids = |numbers: &[u64]| {
        numbers.iter().map(|n| task(*n, 1, TaskKind::Reboot).id).collect::<Vec<_>>()
    };
    let all: Vec<u64> = (0..10).collect();
    assert_eq!(list(TaskFilter::default()).await, ids(&all));
    let of_one = TaskFilter { device: Some(key(1)), status: vec![] };
    assert_eq!(list(of_one).await, ids(&[0, 2, 4, 6, 8]));
    let faulted = TaskFilter { device: Some(key(2)), status: vec![TaskStatus::Faulted] };
    assert_eq!(list(faulted).await, ids(&[7, 9]));
    let both = vec![TaskStatus::Waiting, TaskStatus::Faulted];
    assert_eq!(list(TaskFilter { device: None, status: both }).await, ids(&all));
    let unknown = TaskFilter { device: Some(key(3)), status: vec![] };
    assert_eq!(list(unknown).await, []);
}

pub(crate) async fn limits_per_device_hold(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    for bad in [String::new(), "x".repeat(TAG_CHARS_MAX + 1)] {
        assert_eq!(store.add_tag(&key(1), &bad).await, Err(Error::InvalidTag));
    }
    for number in 0..TAGS_PER_DEVICE_MAX {
        assert_eq!(store.add_tag(&key(1), &number.to_string()).await, Ok(true));
    }
    let error = store.add_tag(&key(1), "one more").await.unwrap_err();
    assert!(matches!(error, Error::TooMany { .. }), "{error}");
    assert_eq!(store.add_tag(&key(1), "0").await, Ok(true), "it has this one already");
    let record = store.load(&key(1)).await.unwrap().unwrap();
    assert!(!record.tags.contains("one more"));
}

pub(crate) async fn concurrent_writes_are_all_kept(place: &impl Place) {
    let store = place.open();
    let writes: Vec<_> = (0..200_u32)
        .map(|number| {
            let store = store.clone();
            async move {
                store.save(registration(number)).await.unwrap();
                // What was acknowledged is seen by every later read.
                assert!(store.load(&key(number)).await.unwrap().is_some());
            }
        })
        .collect();
    join_all(writes).await;
    drop(store);
    assert_eq!(place.open().count_devices().await, Ok(200));
}

pub(crate) async fn the_store_can_be_used_from_many_threads(place: &impl Place) {
    let store = place.open();
    std::thread::scope(|scope| {
        for first in [0, 20, 40_u32] {
            let store = store.clone();
            scope.spawn(move || {
                block_on(async {
                    for number in first..first + 20 {
                        store.save(registration(number)).await.unwrap();
                    }
                    drop(store);
                });
            });
        }
    });
    assert_eq!(store.count_devices().await, Ok(60));
}

/// PostgreSQL has no text with a NUL.
pub(crate) async fn texts_may_have_any_character(place: &impl Place) {
    let store = place.open();
    let odd = "a\0b\u{1}c\u{2}\u{10FFFF}";
    let mut batch = registration(1);
    batch.fields.as_mut().unwrap().identity.serial_number = odd.to_owned();
    batch.parameters.insert(INDEXED.to_owned(), Some(parameter(odd, ValueType::String)));
    batch.parameters.insert("Device.X".to_owned(), Some(parameter(odd, ValueType::String)));
    store.save(batch).await.unwrap();
    store.add_tag(&key(1), odd).await.unwrap();
    let kind = TaskKind::RefreshObject { path: odd.to_owned() };
    let task = Task { unique_key: Some(odd.to_owned()), ..task(1, 1, kind) };
    store.insert_task(task.clone()).await.unwrap();
    let resource =
        Resource { kind: ResourceKind::Provision, name: odd.to_owned(), text: odd.to_owned() };
    store.put_resource(resource.clone()).await.unwrap();
    drop(store);
    let store = place.open();
    let record = store.load(&key(1)).await.unwrap().unwrap();
    assert_eq!(record.fields.identity.serial_number, odd);
    assert_eq!(record.tags, BTreeSet::from([odd.to_owned()]));
    assert_eq!(record.parameters["Device.X"].value.as_ref().unwrap().value.text, odd);
    assert_eq!(store.due_tasks(&key(1), at(9)).await, Ok(vec![task]));
    assert_eq!(store.resources().await, Ok(vec![resource]));
    assert!(store.delete_resource(ResourceKind::Provision, odd).await.unwrap());
    for (text, is_found) in [(odd, true), ("a", false), ("a\u{1}\u{1}b", false)] {
        let literal = Expression::Literal(text.into());
        for path in ["DeviceID.SerialNumber", INDEXED] {
            let Expression::Compare { operator, left, .. } =
                Expression::parse(&format!("{path} = 1")).unwrap()
            else {
                panic!("no comparison");
            };
            let filter = Expression::Compare { operator, left, right: literal.clone().into() };
            let query = DeviceQuery::new(Some(filter), at(9));
            let found = store.find(query).await.unwrap();
            assert_eq!(!found.devices.is_empty(), is_found, "{path} {text:?}");
        }
    }
    assert!(store.check().await.unwrap().is_sound());
}

/// Runs futures at the same time on this thread.
pub(crate) async fn join_all(futures: Vec<impl Future<Output = ()>>) {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// One step of a random history.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Save { device: u32, fields: bool, parameters: BTreeMap<String, Option<Parameter>> },
    Delete(u32),
    AddTag(u32, String),
    RemoveTag(u32, String),
    InsertTask(u64, u32),
    Finish(u64, u32),
    DeleteTask(u64),
    AddIndex(&'static str),
    DropIndex(&'static str),
    Reopen,
}

const PATHS: [&str; 6] = [
    "Device.A",
    "Device.B.",
    "Device.B.1.C",
    "Device.B.17.C",
    "Device.{i}",
    "Device.DeviceInfo.SoftwareVersion",
];

pub(crate) fn history() -> impl Strategy<Value = Vec<Operation>> {
    let device = || 0..3_u32;
    let id = || 0..6_u64;
    let tag = || select(vec!["a".to_owned(), "b".to_owned()]);
    let text = prop_oneof![
        "[a-c\\PC]{0,6}",
        "-?[0-9]{1,20}",
        select(vec!["true", "0", "1"]).prop_map(str::to_owned)
    ];
    let attributes = (any::<Option<bool>>(), any::<Option<i32>>(), any::<bool>(), 0..9_i64);
    let parameter = (text, select(ValueType::ALL.to_vec()), attributes).prop_map(
        |(text, value_type, (writable, notification, listed, second))| Parameter {
            found: at(second),
            listed: listed.then(|| at(second + 1)),
            writable: writable.map(|writable| Known::new(writable, at(5))),
            notification: notification.map(|value| Known::new(value, at(6))),
            access_list: listed.then(|| Known::new(vec!["Subscriber".to_owned()], at(7))),
            ..parameter(&text, value_type)
        },
    );
    let path = select(PATHS.to_vec()).prop_map(str::to_owned);
    let parameters =
        prop::collection::btree_map(path, prop::option::weighted(0.7, parameter), 0..3);
    let step = prop_oneof![
        6 => (device(), any::<bool>(), parameters).prop_map(|(device, fields, parameters)| {
            Operation::Save { device, fields, parameters }
        }),
        1 => device().prop_map(Operation::Delete),
        1 => (device(), tag()).prop_map(|(device, tag)| Operation::AddTag(device, tag)),
        1 => (device(), tag()).prop_map(|(device, tag)| Operation::RemoveTag(device, tag)),
        2 => (id(), device()).prop_map(|(id, device)| Operation::InsertTask(id, device)),
        2 => (id(), device()).prop_map(|(id, device)| Operation::Finish(id, device)),
        1 => id().prop_map(Operation::DeleteTask),
        1 => select(PATHS.to_vec()).prop_map(Operation::AddIndex),
        1 => select(PATHS.to_vec()).prop_map(Operation::DropIndex),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Debug, Default)]
struct Model {
    /// Those that were added or dropped.
    indexes: BTreeMap<&'static str, bool>,
    records: BTreeMap<DeviceKey, DeviceRecord>,
    tasks: BTreeMap<TaskId, Task>,
}

impl Model {
    fn save(&mut self, batch: Batch) {
        if let Some(fields) = batch.fields {
            let new = DeviceRecord {
                key: batch.device.clone(),
                fields: fields.clone(),
                tags: BTreeSet::new(),
                parameters: BTreeMap::new(),
            };
            self.records.entry(batch.device.clone()).or_insert(new).fields = fields;
        }
        let Some(record) = self.records.get_mut(&batch.device) else { return };
        for (path, parameter) in batch.parameters {
            match parameter {
                Some(parameter) => drop(record.parameters.insert(path, parameter)),
                None => drop(record.parameters.remove(&path)),
            }
        }
    }
}

pub(crate) fn any_history_equals_the_model<P: Place>(
    steps: Vec<Operation>,
) -> Result<(), TestCaseError> {
    let Some(place) = P::new() else { return Ok(()) };
    let (mut store, mut model) = (place.open(), Model::default());
    block_on(async {
        for step in steps {
            if matches!(step, Operation::Reopen) {
                drop(store);
                store = place.open();
            } else {
                apply(step, &store, &mut model).await?;
            }
        }
        drop(store);
        compare(&place.open(), &model).await
    })
}

async fn apply(step: Operation, store: &Store, model: &mut Model) -> Result<(), TestCaseError> {
    match step {
        Operation::Save { device, fields: with_fields, parameters } => {
            let fields = with_fields.then(|| fields(device));
            let batch = Batch { fields, parameters, ..Batch::new(key(device)) };
            model.save(batch.clone());
            store.save(batch).await.unwrap();
        }
        Operation::Delete(device) => {
            let known = model.records.remove(&key(device)).is_some();
            model.tasks.retain(|_, task| task.device != key(device));
            prop_assert_eq!(store.delete_device(&key(device)).await, Ok(known));
        }
        Operation::AddTag(device, tag) => {
            let record = model.records.get_mut(&key(device));
            prop_assert_eq!(store.add_tag(&key(device), &tag).await, Ok(record.is_some()));
            record.map(|record| record.tags.insert(tag));
        }
        Operation::RemoveTag(device, tag) => {
            let record = model.records.get_mut(&key(device));
            prop_assert_eq!(store.remove_tag(&key(device), &tag).await, Ok(record.is_some()));
            record.map(|record| record.tags.remove(&tag));
        }
        Operation::InsertTask(number, device) => {
            let task = task(number, device, TaskKind::Reboot);
            let inserted = store.insert_task(task.clone()).await;
            let free = !model.tasks.contains_key(&task.id);
            prop_assert_eq!(inserted.is_ok(), free && model.records.contains_key(&key(device)));
            if inserted.is_ok() {
                model.tasks.insert(task.id.clone(), task);
            }
        }
        Operation::Finish(number, device) => {
            let mut task = task(number, device, TaskKind::Reboot);
            task.state = TaskState::Done(TaskResult::new(at(9)));
            store.save(change([task.clone()])).await.unwrap();
            if let Some(known) = model.tasks.get_mut(&task.id)
                && known.device == task.device
            {
                *known = task;
            }
        }
        Operation::DeleteTask(number) => {
            let id = task(number, 0, TaskKind::Reboot).id;
            let known = model.tasks.remove(&id).is_some();
            prop_assert_eq!(store.delete_task(&id).await, Ok(known));
        }
        Operation::AddIndex(path) => {
            let is_parameter = !path.ends_with('.') && !path.contains('{');
            prop_assert_eq!(store.add_index(path).await.is_ok(), is_parameter);
            model.indexes.insert(path, is_parameter);
        }
        Operation::DropIndex(path) => {
            let known = store.drop_index(path).await.unwrap();
            // A new store has some of its own.
            if let Some(expected) = model.indexes.insert(path, false) {
                prop_assert_eq!(known, expected);
            }
        }
        Operation::Reopen => {}
    }
    Ok(())
}

async fn compare(store: &Store, model: &Model) -> Result<(), TestCaseError> {
    let devices = store.devices(None, 100).await.unwrap();
    let found: BTreeMap<_, _> =
        devices.into_iter().map(|record| (record.key.clone(), record)).collect();
    prop_assert!(found == model.records, "{:?} instead of {:?}", found, model.records);
    let tasks = store.tasks(TaskFilter::default(), None, 100).await.unwrap();
    let found: BTreeMap<_, _> =
        tasks.into_iter().map(|(_, task)| (task.id.clone(), task)).collect();
    prop_assert_eq!(&found, &model.tasks);
    indexes_complete(store).await;
    let report = store.check().await.unwrap();
    prop_assert!(report.is_sound(), "{report:?}");
    Ok(())
}
