//! A child does the work; joining it gives the result.

use core_process::Process;

use super::check::work;

/// Runs `work(number)` in a child and returns what it returns.
pub fn double_in_a_child(number: u64) -> u64 {
    let child = Process::new(work, number)
        .start()
        .expect("a child can be started");
    child.join().expect("the child ends well")
}
