//! Fuzzes `tincan_fuzz::mqtt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::mqtt(data));
