//! A child doubles a number; the parent prints the result.

use core_process::Process;

fn double(number: u64) -> u64 {
    number * 2
}

/// The example.
pub fn main() {
    core_process::init();
    // region child
    let child = Process::new(double, 21).start().expect("a child can be started");
    let result = child.join().expect("the child ends well");
    println!("the child returned {result}");
    // end region
}
