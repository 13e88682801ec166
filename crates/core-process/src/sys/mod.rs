//! System calls and nothing else: each file wraps one kernel facility and gives it Rust's types.
//!
//! Invariant: descriptors come and go as `OwnedFd` and `BorrowedFd`, are close-on-exec, and never take the numbers
//! 0 to 2. This layer knows nothing of recipes, children or start methods.

pub(crate) mod affinity;
pub(crate) mod call;
pub(crate) mod clone;
pub(crate) mod cpu;
pub(crate) mod fd;
pub(crate) mod fdpass;
pub(crate) mod fork;
pub(crate) mod image;
pub(crate) mod inherited;
pub(crate) mod map;
pub(crate) mod memfd;
pub(crate) mod parent_death;
pub(crate) mod pidfd;
pub(crate) mod poll;
pub(crate) mod signals;
pub(crate) mod threads;
