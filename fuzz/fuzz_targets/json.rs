//! Fuzzes `tincan_fuzz::json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::json(data));
