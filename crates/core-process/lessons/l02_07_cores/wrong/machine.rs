//! expect: LIMIT
//! `cpu_count` is the name that Python programs know. It counts the machine, and the caller may have been given less of it.

use core_process::cpu_count;

use super::check::{Kind, WAITING_PER_CORE};

// region answer
pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let per_core = match kind {
        Kind::Computes => 1,
        Kind::Waits => WAITING_PER_CORE,
    };
    (cpu_count() * per_core).min(n_items).max(1)
}
// end region
