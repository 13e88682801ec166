//! expect: WRONG
//! The smaller of the two numbers sounds like all there is to say. Without items it is 0.

use core_process::usable_cpus;

use super::check::{Kind, WAITING_PER_CORE};

pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let per_core = match kind {
        Kind::Computes => 1,
        Kind::Waits => WAITING_PER_CORE,
    };
    (usable_cpus() * per_core).min(n_items)
}
