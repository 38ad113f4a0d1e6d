//! Fuzzes `tincan_fuzz::link_open`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::link_open(data));
