//! expect: LIMIT
//! A pool has a size, and that depends on the machine; how much there is to do is not looked at.

use core_process::usable_cpus;

use super::check::{Kind, WAITING_PER_CORE};

pub fn plan_workers(kind: Kind, _n_items: usize) -> usize {
    match kind {
        Kind::Computes => usable_cpus(),
        Kind::Waits => usable_cpus() * WAITING_PER_CORE,
    }
}
