//! expect: CRASH
//! At least one and at most the items: `clamp` says it in one word, and panics when there are no items.

use core_process::usable_cpus;

use super::check::{Kind, WAITING_PER_CORE};

pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let per_core = match kind {
        Kind::Computes => 1,
        Kind::Waits => WAITING_PER_CORE,
    };
    (usable_cpus() * per_core).clamp(1, n_items)
}
