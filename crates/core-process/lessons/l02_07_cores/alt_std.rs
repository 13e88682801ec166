//! Lesson 2.7, another right answer: the standard library counts the same three limits.

use std::thread::available_parallelism;

use super::check::{Kind, WAITING_PER_CORE};

/// The number of workers for `n_items` items of work of this kind.
pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let cores = available_parallelism().map_or(1, |cores| cores.get());
    let most = match kind {
        Kind::Computes => cores,
        Kind::Waits => cores * WAITING_PER_CORE,
    };
    n_items.clamp(1, most)
}
