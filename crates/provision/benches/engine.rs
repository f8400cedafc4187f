//! What a session costs whose presets and scripts find nothing to do, which is what most sessions
//! are: presets that do not match, a script that finds all as it should be, one expression.
//!
//! Each is compared with code that does the same by hand, in the same run. After the measurements
//! of criterion a summary compares them with their limits: `cargo bench -p drover-provision`.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use drover_cwmp::auth::Credentials;
use drover_cwmp::{CwmpVersion, Value, ValueType};
use drover_provision::engine::{
    Config, Next, Provision, Provisioning, Scalar, Timed, Tree, TypedValue, path_of,
};
use drover_provision::expression::Expression;
use drover_provision::preset::{self, Preset, WantedProvision};
use drover_provision::script::{Engine, Script};
use drover_provision::view::DeviceView;
use drover_provision::{DeviceFields, DeviceRecord, Identity, Parameter};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How much more than the same comparisons by hand one expression may cost.
const EXPRESSION_RATIO_MAX: f64 = 5.0;
/// The same for the selection from presets.
const SELECT_RATIO_MAX: f64 = 5.0;
/// How much more than a script that does nothing one with ten declarations may cost.
const SCRIPT_RATIO_MAX: f64 = 4.0;
/// Microseconds of that script, with all that the engine does for it.
const SCRIPT_US_MAX: f64 = 1_000.0;

/// Rounds of the summary; the fastest of each counts, since noise only ever adds time.
const ROUNDS: usize = 200;
/// How long one round measures at least.
const ROUND: Duration = Duration::from_millis(1);

/// Parameters of the device besides those that are looked at.
const OTHER_PARAMETERS: usize = 250;
const PRESETS: usize = 100;
const DECLARATIONS: usize = 10;
const SESSION: i64 = 1_700_000_000_000;

/// What an operator writes: the product, and a firmware that is not there yet.
const FILTER: &str = "DeviceID.ProductClass = 'Box' AND Device.DeviceInfo.SoftwareVersion <> '2.0' \
                      AND Tags.pilot IS NULL";

fn now() -> Timestamp {
    Timestamp::from_millisecond(SESSION).expect("a time")
}

fn record() -> DeviceRecord {
    let value =
        |value_type, text: String| Parameter::with_value(Value::new(value_type, text), now());
    let mut parameters = BTreeMap::new();
    for row in 0..OTHER_PARAMETERS {
        let path = format!("Device.Ethernet.Interface.{row}.Status");
        parameters.insert(path, value(ValueType::String, "Up".to_owned()));
    }
    for (name, text) in settings() {
        parameters.insert(name, value(ValueType::UnsignedInt, text));
    }
    let version = "Device.DeviceInfo.SoftwareVersion".to_owned();
    parameters.insert(version, value(ValueType::String, "2.0".to_owned()));
    let identity = Identity {
        manufacturer: "Example Networks".to_owned(),
        oui: "00D09E".to_owned(),
        product_class: "Box".to_owned(),
        serial_number: "SN0123456789".to_owned(),
    };
    let fields = DeviceFields {
        identity: identity.clone(),
        registered: now(),
        last_inform: now(),
        last_boot: None,
        last_bootstrap: None,
        sessions: 1,
        last_events: Vec::new(),
        root: Some("Device.".to_owned()),
        cwmp_version: CwmpVersion::V1_4,
        peculiarities: BTreeSet::new(),
        connection_request: Credentials::default(),
    };
    DeviceRecord { key: identity.key(), fields, tags: BTreeSet::new(), parameters }
}

/// Parameters that the script wants to have these values, and that have them.
fn settings() -> impl Iterator<Item = (String, String)> {
    (0..DECLARATIONS).map(|n| (format!("Device.ManagementServer.Setting{n}"), n.to_string()))
}

/// Presets of which none holds: half of them are for another product, the others for another
/// firmware.
fn presets() -> Vec<Preset> {
    let preset = |n: usize| {
        let product = if n.is_multiple_of(2) { "Box" } else { "Other" };
        let filter = FILTER.replace("'Box'", &format!("'{product}'"));
        Preset {
            name: format!("preset{n}"),
            weight: 0.0,
            channel: "default".to_owned(),
            schedule: None,
            events: BTreeMap::from([("Inform".to_owned(), true)]),
            precondition: Expression::parse(&filter).expect("an expression"),
            provisions: vec![WantedProvision { name: "inform".to_owned(), arguments: Vec::new() }],
        }
    };
    (0..PRESETS).map(preset).collect()
}

/// What the filter says, by hand.
fn holds(record: &DeviceRecord, product: &str) -> bool {
    let version = record.value("Device.DeviceInfo.SoftwareVersion");
    record.fields.identity.product_class == product
        && version.is_some_and(|version| version.text != "2.0")
        && !record.tags.contains("pilot")
}

fn tree() -> Tree {
    let mut tree = Tree::default();
    let time = SESSION - 1000;
    for (name, text) in settings() {
        tree.change(&path_of(&name), time, |known| {
            let scalar = Scalar::Number(text.parse().expect("a number"));
            let value = TypedValue { scalar, value_type: "xsd:unsignedInt".into() };
            known.object = Some(Timed { time, value: false });
            known.writable = Some(Timed { time, value: true });
            known.value = Some(Timed { time, value });
        });
    }
    tree
}

fn config() -> Arc<Config> {
    let mut source = String::new();
    for (name, value) in settings() {
        writeln!(source, "declare('{name}', {{value: 1}}, {{value: {value}}});").expect("a text");
    }
    let mut config = Config::new(SESSION);
    for (name, source) in [("inform", source.as_str()), ("empty", "")] {
        let script = Script::compile(name, source).expect("a script");
        config.scripts.insert(name.to_owned(), Arc::new(script));
    }
    Arc::new(config)
}

/// Runs a provision that has nothing to ask of the device.
fn run(config: &Arc<Config>, tree: &Tree, name: &str, engine: &mut Engine) {
    let provisions = [Provision { name: name.to_owned(), arguments: Vec::new() }];
    let mut provisioning =
        Provisioning::new(Arc::clone(config), "00D09E-Box-SN0123456789", tree.clone(), &provisions);
    assert_eq!(provisioning.next(engine), Next::Done, "{name}");
}

/// Nanoseconds of each operation: the rounds of all take turns, so that whatever else the machine
/// does meets all alike.
fn fastest<const N: usize>(operations: [&dyn Fn(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (best, operation) in best.iter_mut().zip(operations) {
            *best = best.min(round(operation));
        }
    }
    best
}

fn round(operation: &dyn Fn()) -> f64 {
    let start = Instant::now();
    let mut count = 0_u32;
    loop {
        operation();
        count += 1;
        let elapsed = start.elapsed();
        if elapsed >= ROUND {
            return elapsed.as_secs_f64() * 1e9 / f64::from(count);
        }
    }
}

fn verdict(value: f64, limit: f64) -> String {
    let word = if value <= limit { "within" } else { "BEYOND" };
    format!("{word} the limit of {limit}")
}

fn main() {
    let (record, presets, config, tree) = (record(), presets(), config(), tree());
    let view = DeviceView::new(&record, now());
    let filter = Expression::parse(FILTER).expect("an expression");
    let events = BTreeSet::from(["Inform".to_owned(), "2 PERIODIC".to_owned()]);
    let zone = TimeZone::UTC;
    let engine = RefCell::new(Engine::new().expect("an interpreter"));
    let products: Vec<&str> =
        (0..PRESETS).map(|n| if n.is_multiple_of(2) { "Box" } else { "Other" }).collect();

    let evaluate = || assert!(!black_box(&filter).evaluate(black_box(&view)).is_true());
    let by_hand = || assert!(!holds(black_box(&record), black_box("Box")));
    let select = || {
        let session = preset::Session { time: now(), zone: &zone, events: &events };
        assert!(preset::select(black_box(&presets), session, black_box(&view)).is_empty());
    };
    let select_by_hand = || {
        let record = black_box(&record);
        assert!(!black_box(&products).iter().any(|product| holds(record, product)));
    };
    let inform = || run(&config, &tree, "inform", &mut engine.borrow_mut());
    let empty = || run(&config, &tree, "empty", &mut engine.borrow_mut());

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    criterion.bench_function("expression/evaluate", |b| b.iter(evaluate));
    criterion.bench_function("expression/by hand", |b| b.iter(by_hand));
    criterion.bench_function("presets/select from 100", |b| b.iter(select));
    criterion.bench_function("presets/by hand", |b| b.iter(select_by_hand));
    criterion.bench_function("script/10 declarations", |b| b.iter(inform));
    criterion.bench_function("script/empty", |b| b.iter(empty));
    criterion.final_summary();
    // Tests run each once to see that it works, profilers want one only: no place for a summary.
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    if !has("--bench") || has("--profile-time") {
        return;
    }
    let [expression, hand, selection, selection_hand, script, nothing] =
        fastest([&evaluate, &by_hand, &select, &select_by_hand, &inform, &empty]);
    println!("\nan expression of three comparisons: {expression:.0} ns, by hand {hand:.0} ns");
    let ratio = expression / hand;
    println!("  {ratio:.2} times, {}", verdict(ratio, EXPRESSION_RATIO_MAX));
    println!("{PRESETS} presets of which none holds: {:.1} µs", selection / 1e3);
    let ratio = selection / selection_hand;
    println!("  {ratio:.2} times by hand, {}", verdict(ratio, SELECT_RATIO_MAX));
    println!("a script with {DECLARATIONS} declarations that are true: {:.0} µs", script / 1e3);
    println!("  {} µs", verdict(script / 1e3, SCRIPT_US_MAX));
    let ratio = script / nothing;
    println!("  {ratio:.2} times an empty script, {}", verdict(ratio, SCRIPT_RATIO_MAX));
}
