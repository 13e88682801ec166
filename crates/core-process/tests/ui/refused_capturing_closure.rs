//! A closure that captures something that can be copied.
//! says: a target may not capture variables
//! says: pass values as arguments: Process::new(function, (value, ...))
use core_process::Process;

fn main() {
    core_process::init();
    let factor = 3;
    let child = Process::new(move |n: u64| n * factor, 7).start().unwrap();
    child.join().unwrap();
}
