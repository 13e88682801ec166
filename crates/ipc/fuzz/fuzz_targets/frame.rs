//! libFuzzer's entry to a target: a packet, and a stream, of somebody else.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ipc_fuzz::frame::run(input));
