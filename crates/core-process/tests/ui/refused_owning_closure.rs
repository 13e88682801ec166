//! A closure that owns what it captured.
//! says: cannot be the target of a process
//! says: a closure without captures
use core_process::Process;

fn main() {
    core_process::init();
    let name = String::from("sum");
    let child = Process::new(move || name.len(), ()).start().unwrap();
    child.join().unwrap();
}
