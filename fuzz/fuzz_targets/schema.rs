//! Any bytes as a compiled schema.
#![no_main]

#[path = "../../crates/datamodel/tests/fuzz/schema.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
