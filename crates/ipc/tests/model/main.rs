//! The protocols of a queue under loom: every interleaving of a few processes within a number of preemptions, with the death of one of
//! them at each of its steps among the choices, and with every stale value that the memory orderings allow.
//!
//! The files of the protocols are the real ones: the ring with all its steps, the leases, and the sleepers. What lies below them, `queue/beneath.rs`, is a
//! model, and so is the lock, by what it promises: it passes from the dead. How scenes are run, and the words and mutexes that the
//! model is made of, are those of `sync/tests/model`.
//!
//! `cargo test -p ipc --test model` prints the table; an argument chooses scenes by a part of their names, and `MODEL_DEEPER=1` allows one
//! preemption more.
#![allow(clippy::print_stdout, reason = "a test, whose table is its output")]
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(
    dead_code,
    unused_imports,
    reason = "the protocols' files are compiled as they are, and the handles that use the rest are not here"
)]

/// What explores: loom's threads and atomics.
mod checker {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::AtomicU32;
    pub(crate) use loom::thread::{JoinHandle, Thread, ThreadId, current, park, spawn};

    /// No object here has slots.
    pub(crate) const SLOTS: usize = 0;
}

#[path = "../../../sync/tests/model/explore.rs"]
mod explore;
#[path = "../../../sync/tests/model/scene.rs"]
mod scene;
#[path = "../../../sync/tests/model/stage.rs"]
mod stage;

mod queue;
mod scenes;
mod sys;

use std::process::ExitCode;

fn main() -> ExitCode {
    explore::explore_all(&[
        scenes::leases::SCENES,
        scenes::ring::SCENES,
        scenes::sleepers::SCENES,
    ])
}
