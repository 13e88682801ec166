//! One argument for a target that takes two.
//! says: expected `(u64, u64)`, found integer
use core_process::Process;

fn add(a: u64, b: u64) -> u64 {
    a + b
}

fn main() {
    core_process::init();
    Process::new(add, 1).start().unwrap();
}
