//! Any bytes as an envelope.
#![no_main]

#[path = "../../crates/cwmp/tests/fuzz/envelope.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
