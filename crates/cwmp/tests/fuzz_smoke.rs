//! The fuzz targets of `fuzz`, run over random and mutated input from a fixed seed.
//!
//! `DROVER_SOAK` makes it a hundred times as much, `DROVER_SEED` chooses another seed, such as the
//! one that a failure prints.

#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "tests may look around")]

mod common;
#[path = "fuzz/envelope.rs"]
mod envelope;
#[path = "fuzz/sessions/mod.rs"]
mod sessions;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use arbitrary::{Arbitrary as _, Unstructured};
use drover_cwmp::message::RPCS;
use drover_cwmp::{CwmpNamespace, CwmpVersion, Envelope};
use proptest::prelude::Strategy as _;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Numbers from a seed: SplitMix64, which is all that is needed here.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.next()) * end as u128;
        usize::try_from(wide >> 64).expect("below a usize")
    }

    fn bytes(&mut self, max: usize) -> Vec<u8> {
        let len = self.below(max + 1);
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// Runs `body` so many times, each with a seed of its own that a failure prints. Returns how often
/// it ran.
fn smoke(times: u64, mut body: impl FnMut(&mut Numbers)) -> u64 {
    if let Ok(seed) = std::env::var("DROVER_SEED") {
        body(&mut Numbers(seed.parse().expect("DROVER_SEED is a number")));
        return 1;
    }
    let soak = if std::env::var_os("DROVER_SOAK").is_some() { 100 } else { 1 };
    for seed in 0..times * soak {
        let run = catch_unwind(AssertUnwindSafe(|| body(&mut Numbers(seed))));
        if let Err(panic) = run {
            eprintln!("to see it again: DROVER_SEED={seed}");
            resume_unwind(panic);
        }
    }
    times * soak
}

/// One valid message of every kind, written.
fn valid(seed: u64) -> Vec<Vec<u8>> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategies = common::messages(CwmpVersion::V1_4);
    let messages = strategies
        .iter()
        .map(|strategy| strategy.new_tree(&mut runner).expect("a message").current());
    let envelopes =
        messages.map(|message| Envelope::new(CwmpNamespace::V1_2, "7".to_owned(), message));
    envelopes.map(|envelope| envelope.to_xml().into_bytes()).collect()
}

/// What XML is made of, so that mutations have a meaning.
const PIECES: &[&str] = &[
    "<",
    ">",
    "/>",
    "</",
    "&",
    ";",
    "&#0;",
    "&#x1;",
    "&#xD;",
    "&lt;",
    "&bad;",
    "\"",
    "'",
    "=",
    ":",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?pi ",
    "?>",
    "<!DOCTYPE x [",
    "<a>",
    "</a>",
    "<a/>",
    " ",
    "\r\n",
    "\t",
    "\0",
    "\u{1}",
    "\u{FFFE}",
    "\u{e9}",
    "\u{1F4E1}",
    "-1",
    "4294967296",
    "true",
    " xsi:type=\"xsd:int\"",
    " xmlns=\"\"",
    " xmlns:cwmp=\"urn:dslforum-org:cwmp-1-4\"",
    " SOAP-ENV:mustUnderstand=\"1\"",
    "<cwmp:ID>",
    "<Name>",
    "</Value>",
    "ParameterValueStruct",
    "2024-05-01T12:00:00.5-09:30",
    "0001-01-01T00:00:00Z",
    "\u{FEFF}",
    "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
];

/// Changes a message in a few places: bits, pieces, cuts, repetitions, parts of another message.
fn mutate(numbers: &mut Numbers, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        let end = bytes.len().min(at + 1 + numbers.below(40));
        match numbers.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes.splice(at..at, numbers.bytes(4)).for_each(drop),
            2 | 3 => {
                let piece = PIECES[numbers.below(PIECES.len())].bytes();
                bytes.splice(at..at, piece).for_each(drop);
            }
            4 => bytes.drain(at..end).for_each(drop),
            5 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part).for_each(drop);
            }
            _ => {
                let from = numbers.below(other.len());
                let part = &other[from..other.len().min(from + 80)];
                bytes.splice(at..end, part.iter().copied()).for_each(drop);
            }
        }
    }
}

#[test]
fn envelope_from_the_seeds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/envelope");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the seeds") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("readable");
        let parsed = Envelope::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        names.push(parsed.envelope.message.name());
        envelope::run(&bytes);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 2 * RPCS.len() + 1, "one seed a message: {names:?}");
}

#[test]
fn envelope_from_random_bytes() {
    smoke(1000, |numbers| {
        envelope::run(&numbers.bytes(200));
    });
}

#[test]
fn envelope_from_mutated_messages() {
    let mut readable = 0;
    let runs = smoke(25, |numbers| {
        let valid = valid(numbers.next());
        for _ in 0..2 * valid.len() {
            let (message, other) = (numbers.below(valid.len()), numbers.below(valid.len()));
            let mut bytes = valid[message].clone();
            mutate(numbers, &mut bytes, &valid[other]);
            readable += usize::from(Envelope::parse(&bytes).is_ok());
            envelope::run(&bytes);
        }
    });
    // Mutations that break everything would test nothing but the XML reader.
    assert!(runs == 1 || readable > 300, "only {readable} mutated messages were still readable");
}

#[test]
fn sessions_from_random_scripts() {
    let mut kinds = BTreeMap::<&str, u32>::new();
    let runs = smoke(2000, |numbers| {
        let bytes = numbers.bytes(600);
        let script = sessions::Script::arbitrary_take_rest(Unstructured::new(&bytes));
        let Ok(script) = script else { return };
        let kind = match script {
            sessions::Script::Acs(_) => "acs",
            sessions::Script::Cpe(_) => "cpe",
            sessions::Script::Pair(_) => "pair",
        };
        *kinds.entry(kind).or_default() += 1;
        sessions::run(&script);
    });
    let all = kinds.len() == 3 && kinds.values().all(|count| *count > 300);
    assert!(runs == 1 || all, "{kinds:?}");
}

#[test]
fn sessions_end_at_the_message_limit() {
    sessions::tireless();
}
