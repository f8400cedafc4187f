//! That a comparison of a source with its expanded file would find a mistake: one thing of the
//! expanded file is changed at a time, and the comparison must notice it, or must not when it means
//! nothing.
//!
//! The changes are chosen from a fixed seed, from every kind and over the whole file; with
//! `DROVER_SOAK` there are many more.
#![cfg(all(feature = "compile", feature = "shipped"))]
#![allow(clippy::disallowed_methods, reason = "a test reads files")]

#[path = "mutations/changes.rs"]
mod changes;
mod common;
#[path = "mutations/markup.rs"]
mod markup;

use std::collections::BTreeMap;
use std::path::Path;

use changes::Change;
use common::{model, shared};
use drover_datamodel::Schema;
use drover_datamodel::compile::{Compiler, Options};
use drover_datamodel::diff::diff;
use markup::Markup;

/// Source, expanded file, model, and how many changes of each kind there are time for.
const PAIRS: [(&str, &str, &str, usize); 3] = [
    ("tr-104-2-0-2-cwmp.xml", "tr-104-2-0-2-cwmp-full.xml", "VoiceService:2.0", 1),
    ("tr-135-1-4-1-cwmp.xml", "tr-135-1-4-1-cwmp-full.xml", "STBService:1.4", 2),
    ("tr-140-1-3-1-cwmp.xml", "tr-140-1-3-1-cwmp-full.xml", "StorageService:1.3", 8),
];

/// Numbers from a seed: SplitMix64, which is all that is needed here.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Takes some of them out, at most `count`.
    fn choose<T>(&mut self, mut from: Vec<T>, count: usize) -> Vec<T> {
        let mut chosen = Vec::new();
        while chosen.len() < count && !from.is_empty() {
            let place = u128::from(self.next()) * from.len() as u128;
            chosen.push(from.swap_remove(usize::try_from(place >> 64).expect("below the length")));
        }
        chosen
    }
}

#[test]
fn tr_104_every_change_is_noticed() {
    check_changes(&PAIRS[0]);
}

#[test]
fn tr_135_every_change_is_noticed() {
    check_changes(&PAIRS[1]);
}

#[test]
fn tr_140_every_change_is_noticed() {
    check_changes(&PAIRS[2]);
}

fn check_changes((source, expanded, name, count): &(&str, &str, &str, usize)) {
    let Some(folder) = shared("data-models") else { return };
    let count = count * if std::env::var_os("DROVER_SOAK").is_some() { 25 } else { 1 };
    let source = model(&folder, source, name);
    let text = read(&folder, expanded);
    let mut kinds: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
    for change in changes::meaningful(&Markup::of(&text)) {
        kinds.entry(change.kind).or_default().push(change);
    }
    assert!(kinds.len() >= 30, "only {} kinds of change in {expanded}", kinds.len());
    let mut numbers = Numbers(104);
    for change in kinds.into_values().flat_map(|changes| numbers.choose(changes, count)) {
        let changed = compile(&change.apply(&text), name).unwrap_or_else(|error| {
            panic!("{expanded}: {}: it does not compile: {error}", change.shown(&text))
        });
        let differences = diff(&source, &changed);
        assert!(!differences.is_empty(), "{expanded}: {} is not noticed", change.shown(&text));
    }
}

#[test]
fn what_means_nothing_makes_no_difference() {
    let Some(folder) = shared("data-models") else { return };
    let soak = if std::env::var_os("DROVER_SOAK").is_some() { 25 } else { 1 };
    for (source, expanded, name, _) in PAIRS {
        let source = model(&folder, source, name);
        let text = read(&folder, expanded);
        let mut numbers = Numbers(135);
        let mut kinds: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
        for change in changes::harmless(&Markup::of(&text)) {
            kinds.entry(change.kind).or_default().push(change);
        }
        assert!(kinds.len() >= 7, "only {} kinds of change in {expanded}", kinds.len());
        // They change nothing, so that many of one kind can be made at the same time.
        for changes in kinds.into_values() {
            for _ in 0..soak {
                let mut chosen = numbers.choose(changes.clone(), 200);
                chosen.sort_by_key(|change| std::cmp::Reverse(change.range.start));
                let changed = chosen.iter().fold(text.clone(), |text, change| change.apply(&text));
                check_same(&source, &changed, chosen[0].kind, name);
            }
        }
        check_same(&source, &text.replace('\n', "\r\n"), "line ends of Windows", name);
        check_same(&source, &format!("\u{FEFF}{text}"), "a byte order mark", name);
    }
}

fn check_same(source: &Schema, text: &str, kind: &str, name: &str) {
    let changed = compile(text, name).unwrap_or_else(|error| panic!("{name}: {kind}: {error}"));
    let shown: Vec<String> = diff(source, &changed).iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{name}: {kind}: {}", shown.join("\n"));
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).expect("it is shared")
}

fn compile(text: &str, name: &str) -> Result<Schema, String> {
    let mut compiler = Compiler::new(Options::default());
    compiler.handle_document("a.xml", "a.xml", text.as_bytes());
    let compiled = compiler.compile("a.xml").map_err(|error| error.to_string())?;
    let schema = compiled.into_iter().map(|it| it.schema).next();
    // The name of the model is one of the things that are changed.
    schema.ok_or_else(|| format!("there is no {name}"))
}
