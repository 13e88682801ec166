//! libFuzzer's entry to a target: both sides of the handshake, and a listener.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ipc_fuzz::handshake::run(input));
