//! System calls: the one place of the library that makes them.
//!
//! Each file wraps one family in Rust's terms: owned descriptors, `io::Error`, `EINTR` handled once.

pub(crate) mod cpu;
pub(crate) mod fd;
pub(crate) mod fdpass;
pub(crate) mod map;
pub(crate) mod poll;
