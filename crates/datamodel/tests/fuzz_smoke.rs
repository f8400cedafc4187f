//! The fuzz targets of `fuzz` for data models, run over random and mutated input from a fixed seed.
//!
//! `DROVER_SOAK` makes it a hundred times as much, `DROVER_SEED` chooses another seed, such as the
//! one that a failure prints.
#![cfg(all(feature = "compile", feature = "shipped"))]
#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "tests may look around")]

#[path = "fuzz/document.rs"]
mod document;
#[path = "fuzz/schema.rs"]
mod schema;
#[path = "fuzz/value.rs"]
mod value;

use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use drover_datamodel::compile::{Compiler, Options};
use drover_datamodel::shipped::MODELS;

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

    fn piece(&mut self, pieces: &[&'static str]) -> &'static str {
        pieces[self.below(pieces.len())]
    }
}

/// Runs `body` so many times, each with a seed of its own that a failure prints.
fn smoke(times: u64, mut body: impl FnMut(&mut Numbers)) {
    if let Ok(seed) = std::env::var("DROVER_SEED") {
        return body(&mut Numbers(seed.parse().expect("DROVER_SEED is a number")));
    }
    let soak = if std::env::var_os("DROVER_SOAK").is_some() { 100 } else { 1 };
    for seed in 0..times * soak {
        let run = catch_unwind(AssertUnwindSafe(|| body(&mut Numbers(seed))));
        if let Err(panic) = run {
            eprintln!("to see it again: DROVER_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

/// One document with everything that the language has.
const DOCUMENT: &str = include_str!("fuzz/seed.xml");

/// What documents are made of, so that mutations have a meaning.
const PIECES: &[&str] = &[
    "<",
    ">",
    "/>",
    "\"",
    "'",
    "=",
    "&",
    "&x;",
    "&#0;",
    "&amp;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE d [<!ENTITY x '&x;'>]>",
    "<object>",
    "</object>",
    "<object base=\"Device.\">",
    "<object name=\"Device.T.{i}.\">",
    "<parameter name=\"P\"/>",
    "<parameter base=\"Enable\"/>",
    "<component ref=\"C\"/>",
    "<model name=\"M:1.0\" base=\"Device:2.1\">",
    "</model>",
    "<profile name=\"P:1\" base=\"P:1\">",
    "<syntax>",
    "</syntax>",
    "<string>",
    "</string>",
    "<dataType ref=\"Word\"/>",
    "<dataType name=\"Word\" base=\"Word\"/>",
    "<list/>",
    "<size maxLength=\"1\"/>",
    "<range minInclusive=\"-1\"/>",
    "<pattern value=\"(a|b)*\"/>",
    "<enumeration value=\"X\"/>",
    "<default type=\"object\" value=\"[]\"/>",
    " status=\"deleted\"",
    " version=\"9.9\"",
    " access=\"readWrite\"",
    " base=\"\"",
    " name=\"\"",
    " ref=\"\"",
    " maxEntries=\"0\"",
    "{i}.",
    ".",
    "#.",
    "\u{0}",
    "\u{FFFD}",
    "99999999999999999999",
];

fn mutate(numbers: &mut Numbers, bytes: &mut Vec<u8>, pieces: &[&'static str]) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        let end = bytes.len().min(at + 1 + numbers.below(40));
        match numbers.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
            1 | 2 => {
                let piece = numbers.piece(pieces).bytes();
                bytes.splice(at..at, piece).for_each(drop);
            }
            3 => bytes.drain(at..end).for_each(drop),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part).for_each(drop);
            }
            _ => {
                let from = numbers.below(bytes.len());
                let part = bytes[from..bytes.len().min(from + 80)].to_vec();
                bytes.splice(at..end, part).for_each(drop);
            }
        }
    }
}

#[test]
fn the_seed_compiles() {
    let mut compiler = Compiler::new(Options::default());
    compiler.handle_document("a.xml", "a.xml", DOCUMENT.as_bytes());
    let compiled = compiler.compile("a.xml").unwrap_or_else(|error| panic!("{error}"));
    let problems = &compiled[0].problems;
    assert_eq!((compiled.len(), problems.len()), (2, 0), "{problems:?}");
    document::run(DOCUMENT.as_bytes());
}

#[test]
fn documents_from_random_bytes() {
    smoke(300, |numbers| document::run(&numbers.bytes(200)));
}

#[test]
fn documents_from_mutations() {
    smoke(400, |numbers| {
        let mut bytes = DOCUMENT.as_bytes().to_vec();
        mutate(numbers, &mut bytes, PIECES);
        document::run(&bytes);
    });
}

#[test]
fn schemas_from_random_and_mutated_bytes() {
    let smallest = MODELS.iter().min_by_key(|model| model.bytes.len()).expect("there are some");
    let mut payload = Vec::new();
    let packed = &smallest.bytes[9..];
    flate2::read::ZlibDecoder::new(packed).read_to_end(&mut payload).expect("it is shipped");
    schema::run(&payload);
    smoke(300, |numbers| {
        schema::run(&numbers.bytes(100));
        let mut bytes = payload.clone();
        mutate(numbers, &mut bytes, &["\u{0}", "\u{1}", "\u{7F}"]);
        schema::run(&bytes);
    });
}

#[test]
fn values_from_random_patterns() {
    const PARTS: &[&str] = &[
        "a",
        "[a-z]",
        "[^a-c-[b]]",
        "(",
        ")",
        "|",
        "*",
        "+",
        "?",
        "{2}",
        "{1,3}",
        "\\d",
        "\\w",
        "\\p{L}",
        "\\P{Nd}",
        "\\i",
        "\\c",
        ".",
        "^",
        "$",
        "\\.",
        "]",
        "[",
        "-",
        "\0",
        "\0a",
        "1",
        ",",
        "%2C",
        " ",
        "\u{e9}",
    ];
    smoke(3_000, |numbers| {
        let count = numbers.below(12);
        let text: String = (0..count).map(|_| numbers.piece(PARTS)).collect();
        value::run(text.as_bytes());
        value::run(&numbers.bytes(40));
    });
}
