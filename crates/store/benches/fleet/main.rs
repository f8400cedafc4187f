//! Fills a store with a fleet, and prints what it takes on the disk and what sessions cost. Fails
//! when it takes more than its limit, or when sessions cost more in a large fleet than in a small
//! one.
//!
//! `DROVER_BENCH_DEVICES` is the number of devices, 100,000 if it is not set.

#![allow(clippy::print_stdout, reason = "what a bench finds is for a person to read")]

mod device;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use drover_provision::Batch;
use drover_provision::expression::Expression;
use drover_store::{DeviceQuery, IndexState, Store};
use jiff::Timestamp;
use rusqlite::Connection;

use device::{Random, device_key, inform, reading, registration};

/// Bytes on the disk for each device: 500 MiB for 100,000.
const DEVICE_BYTES_MAX: u64 = 500 * 1024 * 1024 / 100_000;

/// What `NOW()` is in searches.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// How much more a session may cost in the large fleet, in percent.
const GROWTH_PERCENT_MAX: u128 = 20;

/// For how long a search by an index may take.
const SEARCH_MAX: Duration = Duration::from_millis(10);

/// Devices of the small fleet.
const SMALL: u32 = 1_000;

/// Sessions that are measured, one after the other.
const SESSIONS: u32 = 5_000;

/// Sessions at the same time.
const TOGETHER: usize = 64;

/// Index rows of each device, at least.
const INDEXED: usize = 20;

fn main() -> ExitCode {
    let devices = std::env::var("DROVER_BENCH_DEVICES").ok().and_then(|text| text.parse().ok());
    let devices: u32 = devices.unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let place = tempfile::tempdir().expect("a folder");
    runtime.block_on(measure(devices.max(SMALL), place.path()))
}

async fn measure(devices: u32, place: &Path) -> ExitCode {
    let small = open(&place.join("small")).await;
    fill(&small, SMALL).await;
    let large = open(&place.join("large")).await;
    let began = Instant::now();
    fill(&large, devices).await;
    println!("{devices} devices of {} parameters", device::PARAMETERS);
    println!("filling: {:.0} devices a second", per_second(devices, began.elapsed()));
    let (small, large) =
        (age(small, SMALL, place, "small").await, age(large, devices, place, "large").await);
    let growth = compare(&small, &large, devices).await;
    together(&large, devices).await;
    let slowest = searches(&large).await;
    maintain(&large, place).await;
    drop((small, large));
    let bytes = size(&place.join("large").join("drover.db"), devices);
    if bytes <= DEVICE_BYTES_MAX && growth <= GROWTH_PERCENT_MAX && slowest <= SEARCH_MAX {
        return ExitCode::SUCCESS;
    }
    println!("above the limit");
    ExitCode::FAILURE
}

async fn open(folder: &Path) -> Store {
    let store = Store::open(folder).expect("a store");
    for path in device::EXTRA_INDEXES {
        store.add_index(path).await.expect("an index");
    }
    wait_for_indexes(&store).await;
    store
}

async fn wait_for_indexes(store: &Store) {
    while store.indexes().await.expect("indexes").iter().any(|it| it.state != IndexState::Complete)
    {
    }
}

async fn fill(store: &Store, devices: u32) {
    for first in (0..devices).step_by(512) {
        let last = first.saturating_add(512).min(devices);
        save_all(store, (first..last).map(registration)).await;
    }
}

/// Gives each device that is to be measured a session in which values change, so that the first
/// snapshot of each is there, then closes and opens the store, so that nothing is in its memory.
async fn age(store: Store, devices: u32, place: &Path, name: &str) -> Store {
    let mut random = Random::new(5);
    for number in measured(devices) {
        store.save(reading(number, &mut random, false)).await.expect("a save");
    }
    drop(store);
    Store::open(&place.join(name)).expect("a store")
}

/// The devices of the sessions that are measured, in their order, for each kind of session alike.
fn measured(devices: u32) -> impl Iterator<Item = u32> {
    let mut random = Random::new(7);
    (0..SESSIONS).map(move |_| random.below(devices))
}

/// Saves batches of different devices at the same time.
async fn save_all(store: &Store, batches: impl Iterator<Item = Batch>) {
    let saves: Vec<_> = batches.map(|batch| Box::pin(store.save(batch))).collect();
    join_all(saves, |saved| saved.expect("a save")).await;
}

async fn join_all<F: Future + Unpin>(mut futures: Vec<F>, mut take: impl FnMut(F::Output)) {
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match std::pin::Pin::new(future).poll(context) {
            std::task::Poll::Ready(output) => {
                take(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Sessions one after the other, each with its load, in both fleets by turns. Returns by how many
/// percent those of the large fleet took longer.
async fn compare(small: &Store, large: &Store, devices: u32) -> u128 {
    let mut growth = 0;
    let kinds: [(&str, Session); 3] = [
        ("nothing new", |number, _| inform(number)),
        ("64 values read again", |number, random| reading(number, random, false)),
        ("64 values and 3 of the index", |number, random| reading(number, random, true)),
    ];
    for (name, session) in kinds {
        let mut random = Random::new(8);
        let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
        for (in_small, in_large) in measured(SMALL).zip(measured(devices)) {
            of_small.push(one(small, in_small, session, &mut random).await);
            of_large.push(one(large, in_large, session, &mut random).await);
        }
        of_small.sort_unstable();
        of_large.sort_unstable();
        print_sessions(name, &of_large);
        let (before, after) = (middle(&of_small), middle(&of_large));
        let percent = (after.as_nanos() * 100 / before.as_nanos()).saturating_sub(100);
        println!("    {percent} % more than with {SMALL} devices (limit: {GROWTH_PERCENT_MAX} %)");
        growth = growth.max(percent);
    }
    growth
}

type Session = fn(u32, &mut Random) -> Batch;

async fn one(store: &Store, number: u32, session: Session, random: &mut Random) -> Duration {
    let batch = session(number, random);
    let began = Instant::now();
    let loaded = store.load_session(&device_key(number), Timestamp::UNIX_EPOCH).await;
    assert!(loaded.expect("a load").record.is_some());
    store.save(batch).await.expect("a save");
    began.elapsed()
}

fn middle(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

fn print_sessions(name: &str, sorted: &[Duration]) {
    let total: Duration = sorted.iter().sum();
    let (p50, p99) = (middle(sorted), sorted[sorted.len() * 99 / 100]);
    let last = sorted[sorted.len() - 1];
    let rate = per_second(SESSIONS, total);
    println!("session, {name}: {rate:.0} a second; {p50:.0?}, p99 {p99:.0?}, longest {last:.0?}");
}

/// Sessions of many devices at the same time.
async fn together(store: &Store, devices: u32) {
    let mut random = Random::new(9);
    let began = Instant::now();
    let mut sessions = 0;
    while began.elapsed() < Duration::from_secs(10) {
        let numbers: Vec<u32> = (0..TOGETHER).map(|_| random.below(devices)).collect();
        let keys: Vec<_> = numbers.iter().map(|number| device_key(*number)).collect();
        let loads: Vec<_> = keys
            .iter()
            .map(|key| Box::pin(store.load_session(key, Timestamp::UNIX_EPOCH)))
            .collect();
        join_all(loads, |loaded| assert!(loaded.expect("a load").record.is_some())).await;
        save_all(store, numbers.iter().map(|number| inform(*number))).await;
        save_all(store, numbers.iter().map(|it| reading(*it, &mut random, false))).await;
        sessions += u32::try_from(TOGETHER).expect("few");
    }
    let rate = per_second(sessions, began.elapsed());
    println!("{TOGETHER} sessions at a time, each loaded and saved twice: {rate:.0} a second");
}

async fn maintain(store: &Store, place: &Path) {
    let began = Instant::now();
    store.add_index("Device.Time.CurrentLocalTime").await.expect("an index");
    wait_for_indexes(store).await;
    println!("another index: {:.1?}", began.elapsed());
    let began = Instant::now();
    store.backup(&place.join("backup.db")).await.expect("a backup");
    let bytes = std::fs::metadata(place.join("backup.db")).expect("a file").len();
    println!("backup: {:.1?}, {} MiB", began.elapsed(), bytes >> 20);
    let began = Instant::now();
    let report = store.check().await.expect("a check");
    assert!(report.is_sound(), "{report:?}");
    println!("check of everything: {:.1?}", began.elapsed());
    store.drop_index("Device.Time.CurrentLocalTime").await.expect("an index");
    wait_for_indexes(store).await;
}

/// Prints what is on the disk and what a search costs. Returns the bytes of each device.
fn size(path: &Path, devices: u32) -> u64 {
    let bytes = std::fs::metadata(path).expect("the database").len();
    let each = bytes / u64::from(devices);
    println!("disk: {} MiB, {each} bytes a device (limit: {DEVICE_BYTES_MAX})", bytes >> 20);
    let db = Connection::open(path).expect("the database");
    let number = |sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).expect("a number") };
    let rows = number("SELECT count(*) FROM param");
    println!("    rows of indexes: {rows}");
    assert!(rows >= i64::from(devices) * i64::try_from(INDEXED).expect("few"));
    println!(
        "    document: {} bytes on average",
        number("SELECT CAST(avg(length(body)) AS INTEGER) FROM document")
    );
    println!("    forms of paths: {}", number("SELECT count(*) FROM path"));
    each
}

/// Searches for the first fifty devices as the interface does, records and all. Returns how long
/// the slowest took.
async fn searches(store: &Store) -> Duration {
    let mut slowest = Duration::ZERO;
    let record = store.load(&device_key(7)).await.expect("a load").expect("a device");
    let address = record.value("Device.Ethernet.Interface.1.MACAddress").expect("an address");
    for filter in [
        "Device.DeviceInfo.SoftwareVersion = 'V2.7'",
        "Device.DeviceInfo.SoftwareVersion LIKE 'V2.%'",
        &format!("Device.Ethernet.Interface.1.MACAddress = '{}'", address.text),
        "Device.DeviceInfo.SoftwareVersion = 'V2.7' AND Device.WiFi.Radio.1.Channel = 6",
        "Device.DeviceInfo.UpTime < 90000",
    ] {
        let expression = Expression::parse(filter).expect("an expression");
        let query = DeviceQuery { limit: 50, ..DeviceQuery::new(Some(expression), NOW) };
        let all = store.count(query.clone()).await.expect("a count");
        let (mut first, mut count) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            let began = Instant::now();
            let page = store.find(query.clone()).await.expect("a page");
            first.push(began.elapsed());
            assert_eq!(page.devices.len(), usize::try_from(all.number).expect("few").min(50));
            assert!(!page.is_scan, "{filter}");
            let began = Instant::now();
            store.count(query.clone()).await.expect("a count");
            count.push(began.elapsed());
        }
        first.sort_unstable();
        count.sort_unstable();
        let (first, longest, count) = (middle(&first), first[first.len() - 1], middle(&count));
        println!("search {filter}, {} hits", all.number);
        println!("    first 50 {first:.1?}, longest {longest:.1?}; count {count:.1?}");
        slowest = slowest.max(first);
    }
    slowest
}

fn per_second(count: u32, time: Duration) -> f64 {
    f64::from(count) / time.as_secs_f64()
}
