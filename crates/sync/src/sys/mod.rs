//! What the C library and the kernel give: robust mutexes, shared futexes, the number of the CPU.
//!
//! Invariant: unsafe code of this crate is here, but for `monitor.rs`, `locked.rs`, `exclusive.rs` and `part.rs`, whose guards are references to values. This layer does not know what a lock or a semaphore means.

pub(crate) mod cpu;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod memory;
pub(crate) mod range;
pub(crate) mod thread;
pub(crate) mod value;
