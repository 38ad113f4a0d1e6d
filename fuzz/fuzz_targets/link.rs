//! Fuzzes `tincan_fuzz::link`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::link(data));
