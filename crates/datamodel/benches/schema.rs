//! What a schema costs: to be ready, to be asked, to be compiled, and how large it is.
//!
//! After the measurements of criterion a summary compares them with their limits:
//! `cargo bench -p drover-datamodel`.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::Criterion;
use drover_datamodel::Schema;
use drover_datamodel::check::Direction;
use drover_datamodel::compile::{Compiler, Options};
use drover_datamodel::shipped::MODELS;

/// Bytes that all shipped models may take together.
const SHIPPED_BYTES_MAX: usize = 1024 * 1024;
/// Nanoseconds until Device:2.19 is ready.
const READY_NS_MAX: f64 = 5e6;
/// Nanoseconds of a lookup by path.
const LOOKUP_NS_MAX: f64 = 250.0;

/// Rounds of the summary; the fastest of each counts, since noise only ever adds time.
const ROUNDS: usize = 200;
/// How long one round measures at least.
const ROUND: Duration = Duration::from_millis(1);

/// Paths as devices have them, from shallow to deep.
const PATHS: &[&str] = &[
    "Device.DeviceInfo.SoftwareVersion",
    "Device.ManagementServer.PeriodicInformInterval",
    "Device.WiFi.SSID.2.SSID",
    "Device.WiFi.AccessPoint.1.AssociatedDevice.17.SignalStrength",
    "Device.IP.Interface.3.IPv4Address.1.IPAddress",
    "Device.Ethernet.Interface.4.Stats.BytesReceived",
    "Device.Hosts.Host.250.IPv6Address.2.IPAddress",
    "Device.WiFi.DataElements.Network.Device.3.Radio.2.BSS.8.STA.40.SignalStrength",
    "Device.NAT.PortMapping.*.ExternalPort",
    "Device.WiFi.NoSuchObject.1.Enable",
];

fn lookups(schema: &Schema) -> usize {
    PATHS.iter().filter(|path| schema.find(black_box(path)).is_some()).count()
}

fn device() -> &'static [u8] {
    let model = MODELS.iter().find(|model| model.name == "Device:2.19");
    model.expect("it is shipped").bytes
}

/// The folder with the published documents, if it is there.
fn documents() -> Option<PathBuf> {
    let root = std::env::var_os("DROVER_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    Some(root.join("data-models")).filter(|folder| folder.is_dir())
}

/// Compiles Device:2.19 from its documents, which were read before.
fn compile(files: &[(String, Vec<u8>)]) -> Schema {
    let mut compiler = Compiler::new(Options::default());
    compiler.know_files(files.iter().map(|(name, _)| name.as_str()));
    let mut next = Some("tr-181-2-19-1-cwmp.xml".to_owned());
    while let Some(name) = next {
        let (_, bytes) = files.iter().find(|(known, _)| *known == name).expect("a known file");
        compiler.handle_document(&name, &name, bytes);
        next = compiler.poll_wanted();
    }
    let compiled = compiler.compile("tr-181-2-19-1-cwmp.xml").expect("the published model");
    compiled.into_iter().next().expect("one model").schema
}

fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry"));
    let files = entries.map(|entry| {
        let bytes = std::fs::read(entry.path()).expect("readable");
        (entry.file_name().to_string_lossy().into_owned(), bytes)
    });
    files.collect()
}

/// Nanoseconds of an operation: the fastest of many rounds.
fn fastest(mut operation: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut count = 0_u32;
        while start.elapsed() < ROUND {
            operation();
            count += 1;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(count.max(1)));
    }
    best
}

fn verdict(value: f64, limit: f64) -> String {
    let ratio = value / limit;
    let word = if ratio <= 1.0 { "within" } else { "BEYOND" };
    format!("{ratio:.2} of the limit, {word} it")
}

fn summarise(schema: &Schema) {
    let bytes: usize = MODELS.iter().map(|model| model.bytes.len()).sum();
    println!("\nall {} shipped models: {bytes} bytes", MODELS.len());
    println!("  {}", verdict(bytes as f64, SHIPPED_BYTES_MAX as f64));
    let ready = fastest(|| {
        black_box(Schema::from_bytes(black_box(device())).expect("it is shipped"));
    });
    println!("Device:2.19 ready: {:.2} ms, {}", ready / 1e6, verdict(ready, READY_NS_MAX));
    let lookup = fastest(|| {
        black_box(lookups(black_box(schema)));
    }) / PATHS.len() as f64;
    println!("lookup of a path: {lookup:.0} ns, {}", verdict(lookup, LOOKUP_NS_MAX));
}

fn main() {
    let schema = Schema::from_bytes(device()).expect("it is shipped");
    assert_eq!(lookups(&schema), PATHS.len() - 1, "all but the last path are in the model");
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    criterion.bench_function("ready/Device:2.19", |b| {
        b.iter(|| Schema::from_bytes(black_box(device())));
    });
    criterion.bench_function("lookup/10 paths", |b| b.iter(|| lookups(black_box(&schema))));
    let address = "Device.IP.Interface.{i}.IPv4Address.{i}.IPAddress";
    let address = schema.find_parameter(address).expect("it is in the model");
    criterion.bench_function("check/IPv4 address", |b| {
        b.iter(|| address.check(black_box("192.168.178.254"), Direction::Set));
    });
    match documents() {
        Some(folder) => {
            let files = read(&folder);
            criterion.bench_function("compile/Device:2.19", |b| b.iter(|| compile(&files)));
        }
        None => println!("SKIPPED: compile/Device:2.19 needs the published documents"),
    }
    criterion.final_summary();
    // Tests run each once to see that it works, profilers want one only: no place for a summary.
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    if has("--bench") && !has("--profile-time") {
        summarise(&schema);
    }
}
