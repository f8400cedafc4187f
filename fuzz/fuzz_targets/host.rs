//! Any bytes as scripts and the device they run against.
#![no_main]

#[path = "../../crates/provision/tests/fuzz/host.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
