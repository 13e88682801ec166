//! Lesson 2.11, worked example: which lines of a program run in which process.

use core_process::{Process, StartError, StartMethod};

fn answer() -> u32 {
    println!("the target runs");
    42
}

// region too_early
fn start_too_early() {
    match Process::new(answer, ()).start() {
        Err(StartError::NotInitialised) => println!("too early: nothing was started"),
        _ => println!("started"),
    }
}
// end region

// region main
pub fn main() {
    println!("this line runs in every process");
    start_too_early();
    core_process::init();
    println!("this one in the main process alone");

    let child = Process::new(answer, ())
        .method(StartMethod::Spawn)
        .start()
        .expect("a process can be started");
    println!("the child returned {}", child.join().expect("it returns"));
}
// end region
