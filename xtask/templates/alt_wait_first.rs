//! Waits for the child's end by its descriptor, and takes the result afterwards.

use core_process::{Process, Until, wait_any};

use super::check::work;

/// Runs `work(number)` in a child and returns what it returns.
pub fn double_in_a_child(number: u64) -> u64 {
    let child = Process::new(work, number)
        .start()
        .expect("a child can be started");
    wait_any(&[&child], Until::forever()).expect("a child can be waited for");
    child.join().expect("the child ends well")
}
