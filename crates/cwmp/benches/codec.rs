//! What reading and writing messages costs, against a bare quick-xml event loop over the same bytes
//! in the same run.
//!
//! After the measurements of criterion a summary compares them as ratios, which mean the same on
//! every machine: `cargo bench -p drover-cwmp`.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock")]
#![allow(unsafe_code, reason = "an allocator that counts is one of the measurements")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use drover_cwmp::message::{
    DeviceIdStruct, EventStruct, GetParameterValuesResponse, Inform, ParameterValueStruct,
};
use drover_cwmp::{CwmpNamespace, Envelope, Value};
use quick_xml::Reader;
use quick_xml::events::Event;

/// How much more than the bare loop reading a message may cost.
const RATIO_AIM: f64 = 2.5;

/// Rounds of the summary; the fastest of each counts, since noise only ever adds time.
const ROUNDS: usize = 400;

/// How long one round measures at least: so short that many pass without an interruption even on a
/// busy machine.
const ROUND: Duration = Duration::from_micros(200);

/// The system's allocator with a count of the calls that ask for memory.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A message as it is measured.
struct Sample {
    name: &'static str,
    envelope: Envelope,
    text: String,
    parameters: usize,
}

impl Sample {
    fn new(name: &'static str, envelope: Envelope, parameters: usize) -> Self {
        let text = envelope.to_xml();
        let parsed = Envelope::parse(text.as_bytes()).expect("our own writing");
        assert_eq!(parsed.envelope, envelope, "{name} does not survive the round trip");
        Self { name, envelope, text, parameters }
    }
}

fn samples() -> [Sample; 2] {
    let values = GetParameterValuesResponse { parameter_list: parameters(1000) };
    [
        Sample::new("inform", envelope(inform()), 15),
        Sample::new("values_1000", envelope(values), 1000),
    ]
}

fn envelope(message: impl Into<drover_cwmp::Message>) -> Envelope {
    Envelope::new(CwmpNamespace::V1_2, "1700000000-17".to_owned(), message)
}

fn inform() -> Inform {
    let event = |code: &str, key: &str| EventStruct {
        event_code: code.to_owned(),
        command_key: key.to_owned(),
    };
    Inform {
        device_id: DeviceIdStruct {
            manufacturer: "Example Networks".to_owned(),
            oui: "00D09E".to_owned(),
            product_class: "HomeGateway".to_owned(),
            serial_number: "SN0123456789".to_owned(),
        },
        event: vec![event("1 BOOT", ""), event("M Reboot", "key-7")],
        max_envelopes: 1,
        current_time: "2026-11-22T13:19:28+01:00".parse().expect("a time"),
        retry_count: 0,
        parameter_list: parameters(15),
    }
}

/// Names and values of the lengths and types that a gateway reports: half of them are numbers and
/// booleans, one in fifteen needs escaping.
fn parameters(count: usize) -> Vec<ParameterValueStruct> {
    (0..count).map(|index| parameter(u32::try_from(index).expect("few"))).collect()
}

fn parameter(index: u32) -> ParameterValueStruct {
    let row = index / 15 + 1;
    let (leaf, value) = match index % 15 {
        0 => ("Enable", Value::boolean(index.is_multiple_of(2))),
        1 => ("Status", Value::string("Up")),
        2 => ("Alias", Value::string(format!("cpe-interface-{row}"))),
        3 => ("Name", Value::string(format!("wan <{row}> & \"more\""))),
        4 => ("LastChange", Value::unsigned_int(index.wrapping_mul(2_654_435_761))),
        5 => ("LowerLayers", Value::string(format!("Device.Ethernet.Link.{row}."))),
        6 => ("MACAddress", Value::string("00:D0:9E:12:34:56")),
        7 => ("MaxBitRate", Value::int(-1)),
        8 => ("DuplexMode", Value::string("Auto")),
        9 => ("Stats.BytesSent", Value::unsigned_long(u64::from(index) * 982_451_653)),
        10 => ("Stats.BytesReceived", Value::unsigned_long(u64::from(index) * 2_038_074_743)),
        11 => ("Stats.PacketsSent", Value::unsigned_long(u64::from(index) * 15_485_863)),
        12 => ("Stats.ErrorsSent", Value::unsigned_int(0)),
        13 => ("X_00D09E_Note", Value::string("")),
        _ => ("SoftwareVersion", Value::string("3.2.1-build.20261122")),
    };
    ParameterValueStruct { name: format!("Device.Ethernet.Interface.{row}.{leaf}"), value }
}

/// What any reader must do at the least: find every tag and every text.
fn bare_loop(text: &str) -> usize {
    let mut reader = Reader::from_str(text);
    let mut events = 0;
    loop {
        match reader.read_event().expect("our own writing") {
            Event::Eof => return events,
            event => {
                black_box(&event);
                events += 1;
            }
        }
    }
}

fn measure(criterion: &mut Criterion, samples: &[Sample]) {
    for sample in samples {
        let mut group = criterion.benchmark_group(sample.name);
        group.throughput(Throughput::Bytes(sample.text.len() as u64));
        group.bench_function("bare_loop", |b| b.iter(|| bare_loop(black_box(&sample.text))));
        group.bench_function("parse", |b| {
            b.iter(|| Envelope::parse(black_box(sample.text.as_bytes())).expect("our own writing"));
        });
        group.bench_function("write", |b| b.iter(|| black_box(&sample.envelope).to_xml()));
        group.finish();
    }
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

fn allocations(operation: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    operation();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn summarise(sample: &Sample) {
    let parse = || {
        black_box(Envelope::parse(black_box(sample.text.as_bytes())).expect("our own writing"));
    };
    let write = || {
        black_box(black_box(&sample.envelope).to_xml());
    };
    let bare = || {
        black_box(bare_loop(black_box(&sample.text)));
    };
    let [bare_ns, parse_ns, write_ns] = fastest([&bare, &parse, &write]);
    let megabytes = |nanoseconds: f64| sample.text.len() as f64 * 1e3 / nanoseconds;
    let ratio = parse_ns / bare_ns;
    let verdict = if ratio <= RATIO_AIM { "within" } else { "MISSES" };
    let each = |count: u64| count as f64 / sample.parameters as f64;
    println!("\n{}: {} bytes, {} parameters", sample.name, sample.text.len(), sample.parameters);
    println!("  parse / bare loop   {ratio:.2}  ({verdict} the aim of {RATIO_AIM})");
    println!("  write / bare loop   {:.2}", write_ns / bare_ns);
    println!("  allocations of parse {:.2} a parameter", each(allocations(parse)));
    println!("  allocations of write {:.2} a parameter", each(allocations(write)));
    println!(
        "  bare loop {bare_ns:.0} ns ({:.0} MB/s), parse {parse_ns:.0} ns ({:.0} MB/s), \
         write {write_ns:.0} ns ({:.0} MB/s)",
        megabytes(bare_ns),
        megabytes(parse_ns),
        megabytes(write_ns),
    );
}

fn main() {
    let samples = samples();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    measure(&mut criterion, &samples);
    criterion.final_summary();
    // Tests run each once to see that it works, profilers want one only: no place for a summary.
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    if has("--bench") && !has("--profile-time") {
        samples.iter().for_each(summarise);
    }
}
