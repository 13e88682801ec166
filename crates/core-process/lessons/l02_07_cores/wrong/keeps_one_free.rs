//! expect: WRONG
//! One core is kept free for the main process, which waits. On one core that leaves nobody to work.

use core_process::usable_cpus;

use super::check::{Kind, WAITING_PER_CORE};

pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let cores = usable_cpus() - 1;
    match kind {
        Kind::Computes => cores.min(n_items.max(1)),
        Kind::Waits => (cores * WAITING_PER_CORE).min(n_items.max(1)),
    }
}
