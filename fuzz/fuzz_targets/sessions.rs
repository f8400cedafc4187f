//! Any sequence of operations on both session machines.
#![no_main]

#[path = "../../crates/cwmp/tests/fuzz/sessions/mod.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|script: body::Script| body::run(&script));
