//! A function pointer, whose address means nothing in another process.
//! says: a target may not capture variables (nor be a function pointer): name the function itself
use core_process::Process;

fn square(n: u64) -> u64 {
    n * n
}

fn main() {
    core_process::init();
    let target: fn(u64) -> u64 = square;
    let child = Process::new(target, 7).start().unwrap();
    child.join().unwrap();
}
