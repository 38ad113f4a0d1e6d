//! Fuzzes `tincan_fuzz::control`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::control(data));
