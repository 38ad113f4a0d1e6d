//! Fuzzes `tincan_fuzz::invite`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tincan_fuzz::invite(data));
