//! The fuzz target of `fuzz/` for the scripts' host, run over random bytes from fixed seeds.
//!
//! `DROVER_SOAK` makes it a hundred times as much, `DROVER_SEED` chooses another seed, such as the
//! one that a failure prints.

#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "tests may look around")]

#[path = "fuzz/host.rs"]
mod host;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bytes from a seed: SplitMix64, which is all that is needed here.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).to_le_bytes()[0]
    };
    let len = usize::from(next()) * 2;
    (0..len).map(|_| next()).collect()
}

#[test]
fn scripts_from_random_bytes() {
    if let Ok(seed) = std::env::var("DROVER_SEED") {
        let bytes = bytes(seed.parse().expect("DROVER_SEED is a number"));
        eprintln!("{}", host::scripts(&bytes).join("\n\n"));
        return host::run(&bytes);
    }
    let soak = if std::env::var_os("DROVER_SOAK").is_some() { 100 } else { 1 };
    for seed in 0..120 * soak {
        let run = catch_unwind(AssertUnwindSafe(|| host::run(&bytes(seed))));
        if let Err(panic) = run {
            eprintln!("to see it again: DROVER_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

#[test]
fn no_bytes_and_equal_bytes() {
    host::run(&[]);
    for byte in (0..=u8::MAX).step_by(5) {
        host::run(&[byte; 40]);
    }
}
