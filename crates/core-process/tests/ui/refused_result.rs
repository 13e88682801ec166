//! A result that serde cannot copy.
//! says: cannot be the target of a process
//! says: its arguments and its result implement serde
use core_process::Process;

struct Found {
    at: usize,
}

fn find(n: usize) -> Found {
    Found { at: n }
}

fn main() {
    core_process::init();
    let child = Process::new(find, 7).start().unwrap();
    println!("{}", child.join().unwrap().at);
}
