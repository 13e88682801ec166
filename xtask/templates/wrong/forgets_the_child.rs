//! expect: LEAK_ORPHAN
//! Computes the result itself and lets the child run on, since nobody waits for it.

use core_process::Process;

use super::check::work;

pub fn double_in_a_child(number: u64) -> u64 {
    let child = Process::new(work, number).start().expect("a child can be started");
    std::mem::forget(child);
    number.wrapping_mul(2)
}
