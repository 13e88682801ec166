//! A model of `crate::sys` for the protocols: words, robust mutexes and futexes made of a checker's threads and atomics.
//!
//! Invariant: every access of a protocol to what processes share passes [`stage::step`](crate::stage::step), where its process may die.
//! The C library's mutex and the kernel's futex are trusted and modelled by what they promise; the protocols above them are the
//! real files.

pub(crate) mod cpu;
pub(crate) mod futex;
pub(crate) mod memory;
