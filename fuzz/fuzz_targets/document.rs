//! Any bytes as a data model document.
#![no_main]

#[path = "../../crates/datamodel/tests/fuzz/document.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
