//! expect: NOT_A_PROCESS
//! Calls the function: the result is right, and no process was needed for it.

use super::check::work;

pub fn double_in_a_child(number: u64) -> u64 {
    work(number)
}
