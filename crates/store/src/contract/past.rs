//! What is kept of the past: sessions with their traces, and values over time.

use std::time::Duration;

use drover_cwmp::{Value, ValueType};
use drover_provision::engine::{Nothing, Reason};
use drover_provision::trace::{Entry, IdlePreset, IdleReason, Trace, What};
use drover_provision::{Batch, Known, Parameter};
use jiff::Timestamp;

use super::{Place, at, key, registration};
use crate::limits::{PAGE_SESSIONS_MAX, WATCHED_MAX};
use crate::{Error, Point, Retention, Step, Store};

fn trace(number: i64, text: &str) -> Trace {
    let entry = |what| Entry { time: at(number), what };
    Trace {
        began: at(number),
        ended: at(number + 1),
        events: vec!["2 PERIODIC".to_owned(), "4 VALUE CHANGE".to_owned()],
        outcome: format!("session {number}"),
        entries: vec![
            entry(What::Received(text.to_owned())),
            entry(What::Sent("<\u{1F4E1}/>".to_owned())),
            entry(What::Decided(String::new())),
            entry(What::Logged("\"quoted\"".to_owned())),
            entry(What::Failed("script.Error".to_owned())),
        ],
        left_out: 7,
        nothing: vec![Nothing { path: "Device.X".to_owned(), reason: Reason::NotWritable }],
        idle: vec![IdlePreset { name: "p".to_owned(), reason: IdleReason::Events }],
    }
}

async fn save_trace(store: &Store, device: u32, trace: Trace) {
    let trace = Some(trace);
    store.save(Batch { trace, ..Batch::new(key(device)) }).await.unwrap();
}

async fn outcomes(store: &Store, device: u32) -> Vec<String> {
    let sessions = store.sessions(&key(device), None, PAGE_SESSIONS_MAX).await.unwrap();
    sessions.into_iter().map(|(_, trace)| trace.outcome).collect()
}

fn named(numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("session {number}")).collect()
}

pub(crate) async fn traces_are_read_in_pages_from_the_newest_on(place: &impl Place) {
    let store = place.open();
    save_trace(&store, 1, trace(0, "of nobody")).await;
    for device in [1, 2] {
        store.save(registration(device)).await.unwrap();
    }
    let traces: Vec<Trace> = (0..5).map(|number| trace(number, "<a>\u{1}</a>")).collect();
    for trace in &traces {
        save_trace(&store, 1, trace.clone()).await;
        save_trace(&store, 2, trace.clone()).await;
    }
    drop(store);
    let store = place.open();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.sessions(&key(1), before.as_ref(), 2).await.unwrap();
        let Some((cursor, _)) = page.last() else { break };
        before = Some(*cursor);
        seen.extend(page.into_iter().map(|(_, trace)| trace));
    }
    seen.reverse();
    assert_eq!(seen, traces);
    assert_eq!(store.sessions(&key(3), None, 1).await, Ok(Vec::new()));
    store.delete_device(&key(1)).await.unwrap();
    store.save(registration(1)).await.unwrap();
    assert_eq!(outcomes(&store, 1).await, named([]));
    assert_eq!(outcomes(&store, 2).await, named((0..5).rev()));
}

pub(crate) async fn a_device_keeps_so_many_sessions(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    for number in 0..25 {
        save_trace(&store, 1, trace(number, "")).await;
    }
    assert_eq!(outcomes(&store, 1).await, named((5..25).rev()));
    drop(store);
    let store = place.open_with(Retention { sessions_per_device: 3, ..Retention::default() });
    for number in 25..31 {
        save_trace(&store, 1, trace(number, "")).await;
    }
    assert_eq!(outcomes(&store, 1).await, named((28..31).rev()), "in some steps");
    drop(store);
    let store = place.open_with(Retention { sessions_per_device: 0, ..Retention::default() });
    save_trace(&store, 1, trace(31, "")).await;
    assert_eq!(outcomes(&store, 1).await, named((28..31).rev()));
}

pub(crate) async fn old_and_many_sessions_are_removed(place: &impl Place) {
    let age = Duration::from_secs(10);
    let store = place.open_with(Retention { session_age: age, ..Retention::default() });
    for device in [1, 2] {
        store.save(registration(device)).await.unwrap();
    }
    save_trace(&store, 1, trace(0, "")).await;
    save_trace(&store, 1, trace(5, "")).await;
    save_trace(&store, 2, trace(10, "")).await;
    assert_eq!(outcomes(&store, 1).await, named([5, 0]), "as old as it may be");
    save_trace(&store, 2, trace(11, "")).await;
    assert_eq!(outcomes(&store, 1).await, named([5]));
    drop(store);
    // Letters without an order, which do not become fewer.
    let noise = |seed: u32| -> String {
        let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let states = std::iter::successors(Some(seed), next).take(4_000);
        states.filter_map(|state| char::from_u32(0x4E00 + (state >> 20))).collect()
    };
    let store = place.open_with(Retention { session_bytes: 30_000, ..Retention::default() });
    for number in 12..20 {
        save_trace(&store, 1, trace(number, &noise(7))).await;
    }
    let kept = outcomes(&store, 1).await;
    assert!((2..8).contains(&kept.len()), "{kept:?}");
    assert_eq!(kept, named((12..20).rev().take(kept.len())));
    assert_eq!(outcomes(&store, 2).await, named([]), "they were older");
    store.delete_device(&key(1)).await.unwrap();
    for number in 20..22 {
        save_trace(&store, 2, trace(number, &noise(7))).await;
    }
    assert_eq!(outcomes(&store, 2).await, named([21, 20]), "there is room again");
}

const PATH: &str = "Device.Signal";

async fn save_value(store: &Store, device: u32, value: Value, time: Timestamp) {
    let mut batch = Batch::new(key(device));
    batch.parameters.insert(PATH.to_owned(), Some(Parameter::with_value(value, time)));
    store.save(batch).await.unwrap();
}

async fn history(store: &Store, device: u32, from: i64, to: i64) -> Vec<Point> {
    store.history(&key(device), PATH, at(from), at(to)).await.unwrap()
}

fn point(second: i64, value: f64) -> Point {
    let (time, step) = (at(second), Step::Each);
    Point { time, step, least: value, most: value, mean: value, last: value, count: 1 }
}

pub(crate) async fn a_watched_value_has_a_history(place: &impl Place) {
    let store = place.open();
    for device in [1, 2] {
        store.save(registration(device)).await.unwrap();
    }
    save_value(&store, 1, Value::int(-1), at(0)).await;
    assert_eq!(store.watched().await, Ok(vec![]));
    for path in [PATH, "Device.Other", PATH] {
        store.watch(path).await.unwrap();
    }
    assert_eq!(store.watched().await, Ok(vec!["Device.Other".to_owned(), PATH.to_owned()]));
    save_value(&store, 1, Value::int(-60), at(10)).await;
    save_value(&store, 2, Value::int(-70), at(11)).await;
    save_value(&store, 1, Value::int(-61), at(20)).await;
    save_value(&store, 1, Value::int(-61), at(20)).await;
    save_value(&store, 1, Value::int(-61), at(30)).await;
    drop(store);
    let store = place.open();
    let all = [point(10, -60.0), point(20, -61.0), point(30, -61.0)];
    assert_eq!(history(&store, 1, 0, 100).await, all);
    assert_eq!(history(&store, 1, 20, 30).await, [point(20, -61.0)]);
    assert_eq!(history(&store, 2, 0, 100).await, [point(11, -70.0)]);
    assert_eq!(history(&store, 3, 0, 100).await, []);
    let other = store.history(&key(1), "Device.Never", at(0), at(100)).await;
    assert_eq!(other, Ok(vec![]));
    store.delete_device(&key(1)).await.unwrap();
    store.save(registration(1)).await.unwrap();
    assert_eq!(history(&store, 1, 0, 100).await, []);
    assert_eq!(history(&store, 2, 0, 100).await.len(), 1);
}

pub(crate) async fn a_clock_that_goes_back_loses_no_history(place: &impl Place) {
    const HOUR: i64 = 3_600;
    let age = Duration::from_secs(2 * 3_600);
    let store = place.open_with(Retention { session_age: age, ..Retention::default() });
    store.save(registration(1)).await.unwrap();
    store.watch(PATH).await.unwrap();
    let mut expected = Vec::new();
    for second in [0, HOUR, 10, HOUR + 10, 20] {
        save_value(&store, 1, Value::int(1), at(second)).await;
        save_trace(&store, 1, trace(second, "")).await;
        expected.push(point(second, 1.0));
    }
    expected.sort_by_key(|point| point.time);
    assert_eq!(history(&store, 1, 0, 2 * HOUR).await, expected);
    // An hour more or less removes no session that is younger than it may be.
    assert_eq!(outcomes(&store, 1).await, named([20, HOUR + 10, 10, HOUR, 0]));
}

pub(crate) async fn only_what_is_a_number_has_a_history(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    store.watch(PATH).await.unwrap();
    let huge = "1".repeat(400);
    let values = [
        (ValueType::UnsignedLong, "18446744073709551615", Some(18_446_744_073_709_551_615.0)),
        (ValueType::Boolean, "1", Some(1.0)),
        (ValueType::Decimal, "-1.5", Some(-1.5)),
        (ValueType::String, " 7 ", Some(7.0)),
        (ValueType::String, "7 dBm", None),
        (ValueType::String, "", None),
        (ValueType::Int, "many", None),
        (ValueType::Int, &huge, None),
        (ValueType::Decimal, &huge, None),
        (ValueType::DateTime, "2026-01-01T00:00:00Z", None),
    ];
    let mut expected = Vec::new();
    for (second, (value_type, text, number)) in (0..).zip(values) {
        save_value(&store, 1, Value::new(value_type, text), at(second)).await;
        expected.extend(number.map(|number| point(second, number)));
    }
    let mut batch = Batch::new(key(1));
    batch.parameters.insert(PATH.to_owned(), None);
    store.save(batch).await.unwrap();
    assert_eq!(history(&store, 1, 0, 100).await, expected);
}

pub(crate) async fn old_points_are_merged(place: &impl Place) {
    const HOUR: i64 = 3_600;
    let retention = Retention { points: 2, hours: 2, days: 1, ..Retention::default() };
    let store = place.open_with(retention);
    store.save(registration(1)).await.unwrap();
    store.watch(PATH).await.unwrap();
    // `at(0)` is 22:13:20.000001.
    let midnight = at(0).as_second() / (24 * HOUR) * 24 * HOUR;
    let begin = |hour: i64| Timestamp::from_second(midnight + hour * HOUR).unwrap();
    let values = [(0, 4.0), (60, -2.0), (120, 7.0), (HOUR, 1.0), (HOUR + 1, f64::MAX)];
    for (second, number) in values {
        let text = if number > 10.0 { format!("{number:.0}") } else { number.to_string() };
        save_value(&store, 1, Value::new(ValueType::Decimal, text), at(second)).await;
    }
    let hour = Point {
        time: begin(22),
        step: Step::Hour,
        least: -2.0,
        most: 7.0,
        mean: 3.0,
        last: 7.0,
        count: 3,
    };
    let last = [point(HOUR, 1.0), point(HOUR + 1, f64::MAX)];
    assert_eq!(history(&store, 1, 0, 9 * HOUR).await, [&[hour][..], &last].concat());
    assert_eq!(history(&store, 1, HOUR, 9 * HOUR).await, last, "the hour is over");
    let step_of = |points: Vec<Point>| points.into_iter().map(|point| point.step);
    for second in 2..8 {
        let text = if second % 2 == 0 { f64::MIN } else { f64::MAX };
        let value = Value::new(ValueType::Decimal, format!("{text:.0}"));
        save_value(&store, 1, value, at(second * HOUR)).await;
    }
    let points = history(&store, 1, 0, 9 * HOUR).await;
    let steps = [Step::Day, Step::Hour, Step::Hour, Step::Each, Step::Each];
    assert_eq!(step_of(points.clone()).collect::<Vec<_>>(), steps);
    let counts: Vec<u32> = points.iter().map(|point| point.count).collect();
    // The day before is gone.
    assert_eq!(counts, [2, 1, 1, 1, 1], "{points:?}");
    assert_eq!(points[0].time, begin(24));
    assert!(points.iter().all(|point| point.mean.is_finite()));
}

pub(crate) async fn what_is_not_watched_any_more_is_forgotten(place: &impl Place) {
    let store = place.open();
    store.save(registration(1)).await.unwrap();
    store.watch(PATH).await.unwrap();
    for second in 0..300 {
        save_value(&store, 1, Value::int(1), at(second)).await;
    }
    assert_eq!(store.unwatch(PATH).await, Ok(true));
    assert_eq!(store.unwatch(PATH).await, Ok(false));
    assert_eq!(store.watched().await, Ok(vec![]));
    assert_eq!(history(&store, 1, 0, 1_000).await, []);
    store.watch(PATH).await.unwrap();
    save_value(&store, 1, Value::int(2), at(400)).await;
    assert_eq!(history(&store, 1, 0, 1_000).await, [point(400, 2.0)]);
}

pub(crate) async fn watched_paths_have_limits(place: &impl Place) {
    let store = place.open();
    let bad = ["", "Device.", "Device.*.A", "Device..A", "Device.A "].map(str::to_owned);
    for bad in bad.into_iter().chain(["x".repeat(1_025)]) {
        let error = store.watch(&bad).await.unwrap_err();
        assert!(matches!(error, Error::InvalidPath(_)), "{error}");
    }
    for number in 0..WATCHED_MAX {
        store.watch(&format!("Device.{number}")).await.unwrap();
    }
    assert_eq!(store.watch("Device.Beyond").await, Err(Error::TooManyWatched));
    assert_eq!(store.watch("Device.0").await, Ok(()), "it is watched already");
    assert_eq!(store.watched().await.unwrap().len(), WATCHED_MAX);
}

fn setting(text: &str, second: i64) -> Batch {
    let time = at(second);
    let set = Parameter {
        writable: Some(Known::new(true, time)),
        ..Parameter::with_value(Value::string(text), time)
    };
    let counter = Parameter::with_value(Value::string(second.to_string()), time);
    let parameters = [("Device.A".to_owned(), Some(set)), ("Device.Up".to_owned(), Some(counter))];
    Batch { parameters: parameters.into(), ..Batch::new(key(1)) }
}

pub(crate) async fn snapshots_show_what_a_device_was_like(place: &impl Place) {
    const HOUR: i64 = 3_600;
    let retention = Retention { snapshots: 3, ..Retention::default() };
    let store = place.open_with(retention.clone());
    store.save(registration(1)).await.unwrap();
    assert_eq!(store.snapshots(&key(1)).await, Ok(Vec::new()));
    store.save(setting("first", 0)).await.unwrap();
    store.save(setting("second", HOUR)).await.unwrap();
    // Too soon after the one before.
    store.save(setting("third", HOUR + 1)).await.unwrap();
    // Only a reading changes, and that counts once a day.
    store.save(setting("third", 3 * HOUR)).await.unwrap();
    drop(store);
    let store = place.open_with(retention.clone());
    let [only] = store.snapshots(&key(1)).await.unwrap()[..] else { panic!("not one") };
    assert_eq!(only.until, at(HOUR));
    let before = store.snapshot(&key(1), only.id).await.unwrap().unwrap();
    assert_eq!(before["Device.A"].value.as_ref().unwrap().value, Value::string("first"));
    assert_eq!(store.snapshot(&key(2), only.id).await, Ok(None), "it is not this device's");
    for number in 2..6 {
        store.save(setting(&number.to_string(), number * 2 * HOUR)).await.unwrap();
    }
    let until: Vec<_> = store.snapshots(&key(1)).await.unwrap().iter().map(|it| it.until).collect();
    assert_eq!(until, [at(10 * HOUR), at(8 * HOUR), at(6 * HOUR)]);
    assert_eq!(store.snapshot(&key(1), only.id).await, Ok(None), "it is too old");
    store.delete_device(&key(1)).await.unwrap();
    assert_eq!(store.snapshots(&key(1)).await, Ok(Vec::new()));
}
