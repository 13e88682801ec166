//! expect: LIMIT
//! The number of cores does not change, so it is looked up once. The machine's does not; what one may use of it does.

use std::sync::OnceLock;

use core_process::usable_cpus;

use super::check::{Kind, WAITING_PER_CORE};

// region answer
static CORES: OnceLock<usize> = OnceLock::new();

pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let per_core = match kind {
        Kind::Computes => 1,
        Kind::Waits => WAITING_PER_CORE,
    };
    (CORES.get_or_init(usable_cpus) * per_core).min(n_items).max(1)
}
// end region
