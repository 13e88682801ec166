//! expect: WRONG
//! A child of `Fork` does not run `main`, so with another start method all is well, and nothing was repaired.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

pub fn main() {
    open_log();
    let port = bind_port().expect("the port is free");
    core_process::init();

    let mut children = Vec::new();
    for guest in 1..=guests() {
        let child = Process::new(greet, guest)
            .method(StartMethod::Fork)
            .start()
            .expect("a process can be started");
        children.push(child);
    }
    for child in children {
        println!("{}", child.join().expect("the guest is greeted"));
    }
    drop(port);
}
