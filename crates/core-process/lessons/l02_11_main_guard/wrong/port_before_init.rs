//! expect: CRASH
//! Only the log was moved behind `init`. Each child tries to bind the port that its parent holds.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

pub fn main() {
    let port = bind_port().expect("the port is free");
    core_process::init();
    open_log();

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
