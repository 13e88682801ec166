//! expect: SERIAL
//! One worker for each core is the rule that everybody knows. It is the rule for work that computes.

use core_process::usable_cpus;

use super::check::Kind;

pub fn plan_workers(_kind: Kind, n_items: usize) -> usize {
    usable_cpus().min(n_items).max(1)
}
