//! Fuzzes `tincan_fuzz::signal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::signal(data));
