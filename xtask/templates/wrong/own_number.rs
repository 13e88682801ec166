//! expect: WRONG
//! Changes a variable of its own and expects the child to have changed it.

use core_process::Process;

use super::check::work;

pub fn double_in_a_child(number: u64) -> u64 {
    let mut result = number.wrapping_add(1);
    let child = Process::new(work, number)
        .start()
        .expect("a child can be started");
    if child.join().is_err() {
        result = 0;
    }
    result
}
