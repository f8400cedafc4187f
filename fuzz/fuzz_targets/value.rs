//! A pattern and a value, divided by a zero byte.
#![no_main]

#[path = "../../crates/datamodel/tests/fuzz/value.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
