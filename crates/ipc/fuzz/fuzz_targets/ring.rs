//! libFuzzer's entry to a target: a queue whose other side writes what it likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ipc_fuzz::ring::run(input));
