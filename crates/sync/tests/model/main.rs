//! The protocols under loom: every interleaving of a few processes within a number of preemptions, with the death of one of them at each
//! of its steps among the choices, and with every stale value that the memory orderings allow.
//!
//! The files of the protocols are the real ones; what lies below them, `crate::sys`, is a model. Two ways of running a scene:
//!
//! - **nobody dies**, and no sleep ends by itself. So every wake-up is owed, and one that is missing is found.
//! - **one dies**, before its first step on anything shared, its second, its third ... until it comes through. Sleeps are bounded, as
//!   they are in truth: a wake-up may be lost with the dead, and the sleeper looks again.
//!
//! `cargo test -p sync --test model` prints the table; an argument chooses scenes by a part of their names, and `MODEL_DEEPER=1` allows
//! one preemption more.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]
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

    /// Processes that can have a slot in an object.
    pub(crate) const SLOTS: usize = 4;
}

#[path = "../../src/done.rs"]
mod done;
#[path = "../../src/exclusion.rs"]
mod exclusion;
#[path = "../../src/flag.rs"]
mod flag;
#[path = "../../src/ledger.rs"]
mod ledger;
#[path = "../../src/notices.rs"]
mod notices;
#[path = "../../src/permits.rs"]
mod permits;
#[path = "../../src/readers.rs"]
mod readers;
#[path = "../../src/rounds.rs"]
mod rounds;

mod explore;
mod identity;
mod pace;
mod scene;
mod scenes;
mod spin;
mod stage;
mod sys;

use std::process::ExitCode;

fn main() -> ExitCode {
    explore::explore_all(&[
        scenes::condition::SCENES,
        scenes::semaphore::SCENES,
        scenes::event::SCENES,
        scenes::ledger_slots::SCENES,
        scenes::barrier::SCENES,
        scenes::rwlock::SCENES,
        scenes::once::SCENES,
        scenes::lock::SCENES,
    ])
}
