//! libFuzzer's entry to a target: descriptors that are not what the message says.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ipc_fuzz::descriptors::run(input));
