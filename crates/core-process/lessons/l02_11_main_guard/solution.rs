//! Lesson 2.11, solution: `init` first; what only the main process does comes after it.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

/// The program.
pub fn main() {
    core_process::init();
    open_log();
    let port = bind_port().expect("the port is free");

    let mut children = Vec::new();
    for guest in 1..=guests() {
        let child = Process::new(greet, guest)
            .method(StartMethod::Spawn)
            .start()
            .expect("a process can be started");
        children.push(child);
    }
    for child in children {
        println!("{}", child.join().expect("the guest is greeted"));
    }
    drop(port);
}
