//! Lesson 2.7, solution: what is usable now, times what one core can take, bounded by the items, and one at least.

use core_process::usable_cpus;

use super::check::{Kind, WAITING_PER_CORE};

/// The number of workers for `n_items` items of work of this kind.
pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let per_core = match kind {
        Kind::Computes => 1,
        Kind::Waits => WAITING_PER_CORE,
    };
    (usable_cpus() * per_core).min(n_items).max(1)
}
