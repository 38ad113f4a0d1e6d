//! Fuzzes `tincan_fuzz::display_name`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::display_name(data));
